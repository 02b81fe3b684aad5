"""Where null, which the provider's schema allows, becomes text or makes a function or an operator fail."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from truto_mapper.authoring.check.fields import keeps_several
from truto_mapper.authoring.check.fitting import results
from truto_mapper.language import call_types, nodes, types
from truto_mapper.language.call_inference import OUTSIDE, Called, Tell
from truto_mapper.language.call_types import COUNTING, accepted, letters_of, misplaced
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.inference import Recording, known_step
from truto_mapper.language.names import is_simple_path, leading_names
from truto_mapper.language.runtime.arguments import expected
from truto_mapper.language.runtime.signatures import Parameter
from truto_mapper.language.types import NONE, Type, item_of
from truto_mapper.text.diagnostics import Severity

#: Called with a surprise: its severity, code, node, message and hint.
Surprise = Callable[[Severity, str, nodes.Node, str, str | None], None]

#: The function that becomes text of null, and arguments that must not be absent either.
_WRITES = "string"
_OPERATORS = frozenset("&+-*/%")
_OF_AMOUNTS = frozenset({"convertCurrencyToSubunit", "convertCurrencyFromSubunit"})
_NEEDED = frozenset({("floorDate", 1), ("ceilDate", 1)})


class Nulls(Recording):
    """Infers types, and tells where null leads to a surprise. `text_of` gives the text of a node."""

    def __init__(self, tell: Tell, surprise: Surprise, text_of: Callable[[nodes.Node], str]) -> None:
        super().__init__(tell)
        self.surprise, self.text_of = surprise, text_of
        self.tested: frozenset[nodes.Node] = frozenset()
        self.asserted: frozenset[nodes.Node] = frozenset()
        #: What each side of an operator is held against.
        self.sides: dict[int, nodes.Node] = {}
        #: The names of `let` that are such paths.
        self.lists: set[str] = set()
        #: What is tested as a whole: null is like an absent value there.
        self.tests: frozenset[int] = frozenset()
        #: What is only tested: nobody reads the text.
        self.only_tested: frozenset[int] = frozenset()
        #: The arguments of `$not`: an author who turns `a = b` knows what it is where both are absent.
        self.turned: frozenset[int] = frozenset()
        #: The names of the fields that the expression reads.
        self.read: frozenset[str] = frozenset()

    def infer_all(self, node: nodes.Node, scope: TypeScope) -> Type:
        """The type of a whole expression."""
        self.kinds, self.before = {}, {}
        below = list(nodes.walk(node))
        self.tested, self.asserted = frozenset(_tested(below)), frozenset(_asserted(below))
        self.tests = frozenset(map(id, _tests(below)))
        pairs = (one for one in below if isinstance(one, nodes.Binary))
        self.sides = {
            id(side): other for one in pairs for side, other in ((one.left, one.right), (one.right, one.left))
        }
        self.read = frozenset(one.value for one in below if isinstance(one, nodes.Name))
        tests = (one.expression for one in below if isinstance(one, nodes.Filter))
        self.only_tested = frozenset(id(inner) for test in tests for inner in nodes.walk(test))
        calls = (one for one in below if isinstance(one, nodes.Call) and getattr(one.procedure, "name", "") == "not")
        self.turned = frozenset(id(argument) for one in calls for argument in one.arguments)
        return self.infer(node, scope)

    def kind(self, node: nodes.Node) -> Type:
        return self.kinds.get(id(node), types.ANY)

    def may_lack(self, node: nodes.Node) -> bool:
        """Whether a value that a schema describes may be undefined, and no part of the expression tests it."""
        kind = self.kind(node)
        described = kind.path is not None or (isinstance(node, nodes.Path) and _of_query(node))
        known = described and kind.kinds != types.KINDS and bool(kind.solid)
        return known and "undefined" in kind.kinds and "array" not in kind.kinds and node not in self.tested

    def may_be_null(self, node: nodes.Node) -> bool:
        """Whether a value may be null where it is used."""
        kind = self.kind(node)
        of_items = kind.path is not None and bool(kind.solid & types.SCALARS)  # a list of one item is that item
        return self.allows_null(node, kind) and ("array" not in kind.kinds or of_items)

    def allows_null(self, node: nodes.Node, kind: Type) -> bool:
        known = kind.kinds != types.KINDS and bool(kind.solid) and node not in self.asserted
        return known and "null" in kind.kinds

    def never_here(self, node: nodes.Node, scope: TypeScope) -> None:
        """C227: a value that is used where a condition says that it is null or absent."""
        steps = range(1, len(node.steps)) if isinstance(node, nodes.Path) else ()
        heads = (known_step(node, number, scope) for number in steps if isinstance(node, nodes.Path))
        kinds = [one for one in (self.kind(node), *heads) if one is not None]
        none = next((one.kinds for one in kinds if one.kinds <= NONE), None)
        known = self.kind(node).path is not None or any(one == node for one, _ in scope.facts) or len(kinds) > 1
        if none and known and isinstance(node, (nodes.Path, nodes.Variable)):
            what = " or ".join(word for word, kind in (("null", "null"), ("absent", "undefined")) if kind in none)
            message = f"`{self.text_of(node)}` is always {what} here: the condition says so"
            self.surprise("warning", "C227", node, message, "turn the condition round, or swap the branches")

    def condition(self, node: nodes.Condition, scope: TypeScope) -> Type:
        made = super().condition(node, scope)
        if len(getattr(node.condition, "steps", ())) > 1:  # who asks for the value itself knows of it
            self.never_here(node.condition, scope)
        return made

    def object(self, pairs: tuple[tuple[nodes.Node, nodes.Node], ...], scope: TypeScope) -> Type:
        made = super().object(pairs, scope)
        for _, value in pairs if "array" not in scope.context.kinds else ():
            self.never_here(value, scope)
        return made

    def given(self, node: nodes.Node) -> str:
        """The text of a node without null: `a[$ != null]`."""
        text = self.text_of(node)
        return f"{text}[$ != null]" if is_simple_path(node) else f"({text})[$ != null]"

    def binary(self, node: nodes.Binary, scope: TypeScope) -> Type:
        made = super().binary(node, scope)
        is_word = node.operator == "=" and isinstance(node.right, (nodes.String, nodes.Number))
        for side in (node.left, node.right) if node.operator in _OPERATORS else (node.left,) if is_word else ():
            self.never_here(side, scope)
        for side in (node.left, node.right) if node.operator == "&" else ():
            if self.may_be_null(side):
                text = self.text_of(side)
                edit = (
                    f'({text} ?: "")'
                    if self.kind(side).solid == types.STRING.kinds
                    else f'({text} != null ? {text} : "")'
                )
                self.becomes_text(side, edit)
            elif self.kind(side) != types.ANY and (
                self.is_list(side) or (self.kind(side).path is not None and self.kind(side).solid == {"array"})
            ):
                message = f"`{self.text_of(side)}` may be a list, which `&` writes as JSON"
                self.surprise("warning", "C224", side, message, "write `$join(…)`, or select one")
            elif self.kind(side).solid == {"object"}:
                message = f"`{self.text_of(side)}` is an object, which `&` writes as JSON"
                self.surprise("warning", "C224", side, message, "write one of its fields")
        return made

    def becomes_text(self, node: nodes.Node, edit: str) -> None:
        """C223: null becomes text."""
        if id(node) in self.only_tested:
            return
        message = f'`{self.text_of(node)}` may be null, which becomes the text "null"'
        self.surprise("warning", "C223", node, message, f"write `{edit}`")

    def is_scalar(self, node: nodes.Node) -> bool:
        """Whether a schema declares a value as a text, a number or a boolean."""
        kind = self.kind(node)
        described = kind.path is not None or (isinstance(node, nodes.Path) and _of_query(node))
        return described and bool(kind.solid) and kind.solid <= types.SCALARS

    def fails(self, node: nodes.Node, what: str, may: str = "may be null") -> None:
        """C224: null makes a function or an operator fail."""
        message = f"`{self.text_of(node)}` {may}, for which {what} fails"
        self.surprise("warning", "C224", node, message, f"write `{self.given(node)}`")

    def ordered(self, node: nodes.Binary, left: Type, right: Type) -> None:
        super().ordered(node, left, right)
        for side in (node.left, node.right):
            if self.may_be_null(side) and self.kind(side).solid & {*types.NUMBER.kinds, "string"}:
                self.fails(side, f"`{node.operator}`")

    def needs_number(self, node: nodes.Node, kind: Type, operator: str) -> None:
        super().needs_number(node, kind, operator)
        if isinstance(node, nodes.Path) and kind.solid & types.NUMBER.kinds and self.is_list(node):
            message = f"`{self.text_of(node)}` may be a list, for which `{operator}` fails"
            self.surprise("warning", "C224", node, message, "compute it of each item: `….(…)`")
        if self.may_be_null(node) and kind.solid & types.NUMBER.kinds:
            self.fails(node, f"`{operator}`")

    def fitted(self, call: Called) -> None:
        node, arguments, given, fit, scope = call
        name = node.procedure.name if isinstance(node.procedure, nodes.Variable) else ""
        left_out = fit.of_context if fit is not None else None
        here = self.look(nodes.Variable(node.span, ""), scope)
        if left_out is not None and here.solid and "null" in here.kinds != types.KINDS:
            self.of_context(node, name, left_out)
        self.odd_argument(node, name, given, scope)
        for index, (argument, kind) in enumerate(zip(arguments, given, strict=True)):
            if name not in OUTSIDE:
                self.never_here(argument, scope)
            self.branches_of(name, index, argument, given)
            if name in COUNTING:
                self.counted(node, name, argument, kind)
            elif name == _WRITES and index == 0 and self.may_be_null(argument):
                self.becomes_text(argument, f"$string({self.given(argument)})")
            elif fit is not None and (name, index) in _NEEDED and self.may_lack(argument):
                message = f"`{self.text_of(argument)}` may be absent, for which ${name} fails"
                self.surprise("warning", "C224", argument, message, f'write `({self.text_of(argument)} ?? "UTC")`')
            elif (name, index, len(given)) == ("join", 0, 2) and kind.solid == {"string"} and not kind.values:
                message = f"$join takes a list, but `{self.text_of(argument)}` is one text"
                self.surprise("warning", "C225", argument, message, "write `$join([…, …], …)` or leave it out")
            elif (name, index, len(given)) == ("round", 0, 2) and isinstance(argument, nodes.Number):
                message = "argument 1 of $round is what to round, and this is a constant"
                self.surprise("warning", "C225", argument, message, "write `$round(…, places)`")
            elif fit is not None:
                self.passed(name, argument, kind, fit.parameters[index])

    def odd_argument(self, node: nodes.Call, name: str, given: Sequence[Type], scope: TypeScope) -> None:
        """C219, C224, C225: a list as one text, ids without a separator, and a code of a currency as the amount."""
        first = node.arguments[0] if node.arguments else node
        text = self.text_of(first)
        if name == _WRITES and given and (_is_described(given[0]) or (item_of(given[0]).path and self.is_list(first))):
            message = f"`{text}` is {types.in_words(given[0])}, which $string writes as JSON"
            hint = "write one of its fields" if given[0].properties else "write `$string($)` for each, or select one"
            self.surprise("warning", "C224", first, message, hint)
        elif name == "join" and len(given) == 1 and _is_whole_list(first, given[0]):
            message = "without a separator the texts run into each other"
            self.surprise("warning", "C219", node, message, f'write `$join({text}, ",")`')
        elif name == "not" and given and self.is_optional_truth(first, given[0], scope):
            message = f"this is false where `{text}` is absent, too: `$not` of nothing is nothing"
            self.surprise("warning", "C220", node, message, f"write `$not({text} = true)`")
        elif name in ("floorDate", "ceilDate") and isinstance(first, nodes.Binary) and _lacks_offset(first.right):
            message = f"argument 1 of ${name} is a date-time with an offset, and this has none"
            self.surprise("warning", "C225", first.right, message, 'write `"T00:00:00Z"`, or another offset')
        elif name in _OF_AMOUNTS and isinstance(first, nodes.String):
            message = f"argument 1 of ${name} is the amount, and this is a text"
            self.surprise("warning", "C225", first, message, f"write `${name}(…, {text})`")

    def is_optional_truth(self, node: nodes.Node, kind: Type, scope: TypeScope) -> bool:
        """Whether a path leads to a boolean that need not be there, beside fields that are always."""
        is_truth = kind.path is not None and kind.solid == types.BOOLEAN.kinds and "undefined" in kind.kinds
        holder = self.before.get(id(node.steps[-1]), scope.context) if isinstance(node, nodes.Path) else types.ANY
        beside = types.properties_at(holder, ()) if is_truth else {}
        return any("undefined" not in one.kinds for one in beside.values())

    def branches_of(self, name: str, index: int, argument: nodes.Node, given: Sequence[Type]) -> None:
        """C208, C225: an argument that fits as a whole, but not in one of its branches."""
        branches = list(results(argument))
        for one in branches if len(branches) > 1 else ():
            kinds = [*given[:index], self.kind(one), *given[index + 1 :]]
            fit = call_types.fit(name, call_types.signature_of(name), kinds, types.ANY)
            wrong = fit if isinstance(fit, list) else list(call_types.refused_constants(name, kinds))
            for misfit in wrong if self.kind(one).solid else ():
                self.tell(misfit.code, one, misfit.message, misfit.hint, ())

    def of_context(self, node: nodes.Call, name: str, parameter: Parameter) -> None:
        """C223, C224: a call that takes `$`, which may be null, for its argument."""
        hint = f"select the others first: `[$ != null].{self.text_of(node)}`"
        if name == _WRITES:
            self.surprise("warning", "C223", node, '`$` may be null here, which becomes the text "null"', hint)
        elif "l" not in accepted(parameter):
            self.surprise("warning", "C224", node, f"`$` may be null here, for which ${name} fails", hint)

    def passed(self, name: str, argument: nodes.Node, kind: Type, parameter: Parameter) -> None:
        """C224: an argument that may be null, or hold null, or be of a type that its parameter does not take."""
        of_items = (parameter.type == "a" and parameter.subtype is not None) or name == "sort"
        items = kind.items if "array" in kind.kinds and of_items else None
        takes_null = "l" in accepted(parameter) and not of_items
        for one in argument.items if isinstance(argument, nodes.Array) and of_items else ():
            self.item(name, one, parameter)
        if (
            items is not None
            and items.path is not None
            and items.solid <= types.SCALARS
            and self.allows_null(argument, items)
        ):
            self.fails(argument, f"${name}", "may hold null")
        elif not takes_null and (self.may_be_null(argument) or (of_items and self.allows_null(argument, kind))):
            self.fails(argument, f"${name}")
        elif "a" not in accepted(parameter) and "array" in kind.kinds and self.is_list(argument):
            text = self.text_of(argument)
            message = f"`{text}` may be a list, but ${name} takes {expected(parameter)}"
            self.surprise("warning", "C224", argument, message, f"write `{text}.${name}(…)` for each, or select one")
        else:
            self.other_kinds(name, argument, kind, accepted(parameter), expected(parameter))

    def is_list(self, node: nodes.Node) -> bool:
        """Whether a path of names leads through a list that a schema declares, perhaps to a block: `a.b.(c & d)`.

        Predicates that select no single item may be in it.
        """
        if isinstance(node, nodes.Variable):
            return node.name in self.lists
        if not isinstance(node, nodes.Path):
            return False
        first, last = node.steps[0].node, node.steps[-1].node
        names = [_of_all(one) for one in (node.steps[:-1] if isinstance(last, nodes.Block) else node.steps)]
        if not (names and is_simple_path(replace(node, steps=tuple(names)))):
            return False
        return self.is_list(first) or any(map(self._is_of_list, node.steps))

    def _is_of_list(self, step: nodes.Step) -> bool:
        """Whether a step is of each item of a declared list, or gives several of its items."""
        holder = self.before.get(id(step), types.ANY)
        given = self.reached(step) if step.predicates or step.stages else holder
        return {"array"} in (holder.solid, given.solid)

    def item(self, name: str, node: nodes.Node, parameter: Parameter) -> None:
        """C208, C224: an item that is written in the array for an argument."""
        wrong = [(one, said) for one in results(node) if (said := misplaced(name, self.kind(one), parameter))]
        for one, said in wrong:
            self.tell("C208", one, said, "write $string(…)" if parameter.subtype == "s" else None, ())
        if wrong:
            return
        if self.may_be_null(node):
            self.fails(node, f"${name}")
        elif parameter.subtype == "s":
            self.other_kinds(name, node, self.kind(node), frozenset("s"), "texts")

    def other_kinds(self, name: str, node: nodes.Node, kind: Type, takes: frozenset[str], named: str) -> None:
        """C224: a value that the schema lets be of a type that the function does not take.

        Who reads a field of what may be an object knows of that. Branches are judged one by one.
        """
        is_known = bool(kind.solid) and "array" not in kind.kinds and kind.kinds != types.KINDS
        is_certain = len(list(results(node))) == 1 and self.read.isdisjoint(kind.properties or {})
        if is_known and is_certain and letters_of(kind) - takes:
            message = f"`{self.text_of(node)}` is {types.in_words(kind)}, but ${name} takes {named}"
            is_written = "s" in takes and kind.solid <= types.SCALARS
            edit = f"write `$string({self.text_of(node)})`" if is_written else None
            self.surprise("warning", "C224", node, message, edit)

    def counted(self, node: nodes.Call, name: str, argument: nodes.Node, kind: Type) -> None:
        """C224: null counts as an item; C208: what is no array counts as one."""
        text = self.text_of(argument)
        if name == "count" and kind.path is not None and {"array", "null"} <= kind.kinds != types.KINDS:
            message = f"`{text}` may be null, which $count counts as one item"
            self.surprise("warning", "C224", argument, message, f"write `$count({self.given(argument)})`")
        elif (self.is_scalar(argument) or (kind.path and kind.solid == {"object"})) and not _tells_existence(
            self.sides.get(id(node))
        ):
            message = f"${name} counts the items of an array, but `{text}` is {types.in_words(kind)}"
            hint = f"write `{text}`" if kind.solid <= types.NUMBER.kinds else None
            self.surprise("warning", "C208", argument, message, hint)


def _lacks_offset(end: nodes.Node) -> bool:
    """Whether a text ends with a time of the day: `day & "T00:00:00"`."""
    return isinstance(end, nodes.String) and re.fullmatch(r"T\d\d:\d\d(:\d\d(\.\d+)?)?", end.value) is not None


def _tells_existence(other: nodes.Node | None) -> bool:
    """Whether a count that is held against a node can be of what is there or not: 0 or 1."""
    return other is not None and not (isinstance(other, nodes.Number) and other.value > 1)


def _of_query(path: nodes.Path) -> bool:
    """Whether a path is a parameter of the query or a setting of the account."""
    first = path.steps[0].node
    return isinstance(first, nodes.Variable) and first.name in ("query", "context")


def _tested(below: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """What an expression tests somewhere: the author knows that it may be absent."""
    for one in below:
        match one:
            case nodes.Condition(
                condition=nodes.Binary(operator="!=", left=left, right=nodes.String(value="")),
                then=then,
                otherwise=None,
            ) if left == then:
                yield left  # an absent value gives nothing, with the test or without
            case nodes.Call(procedure=nodes.Variable(name="exists" | "boolean" | "not" | "type"), arguments=arguments):
                yield from arguments
            case nodes.Coalesce(left=left) | nodes.Default(left=left):
                yield left
            case nodes.Condition(condition=condition):
                yield condition
            case nodes.Binary(operator="and" | "or", left=left, right=right):
                yield from (left, right)
            case nodes.Binary(operator="=" | "!=", left=left, right=nodes.Value(value=None)):
                yield left


def _tests(below: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """What conditions, predicates and comparisons look at, without parentheses."""
    for one in below:
        tested: tuple[nodes.Node, ...] = ()
        match one:
            case nodes.Condition(condition=test) | nodes.Default(left=test) | nodes.Filter(expression=test):
                tested = (test,)
            case nodes.Binary(operator=operator) if operator not in _OPERATORS:
                tested = (one.left, one.right)
            case nodes.Call(procedure=nodes.Variable(name=name)) if name in OUTSIDE:
                tested = one.arguments
            case nodes.Step(node=inner, predicates=(_, *_)):
                tested = (inner,)
        for test in tested:
            yield from (test, *(test.expressions if isinstance(test, nodes.Block) else ()))


def _asserted(below: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """What an expression tests for null and hands to a function, such as `$assert(a != null)`."""
    for one in below:
        for argument in one.arguments if isinstance(one, nodes.Call) else ():
            match argument:
                case nodes.Binary(operator="=" | "!=", left=left, right=nodes.Value(value=None)):
                    yield left


def _is_whole_list(node: nodes.Node, kind: Type) -> bool:
    """Whether a node is a list of ids, or one of the caller's as it is."""
    names = leading_names(node) if kind.solid == {"array"} and is_simple_path(node) else []
    of_caller = bool(names) and getattr(names[0], "name", "") in ("body", "query")
    return of_caller or any(getattr(one, "name", "") == "ids" for one in nodes.walk(node))


def _is_described(kind: Type) -> bool:
    """Whether a value is surely a list or an object, of which a schema says what it holds."""
    whole = kind.items if kind.solid == {"array"} else kind.properties if kind.solid == {"object"} else None
    return kind.path is not None and bool(whole)


def _of_all(step: nodes.Step) -> nodes.Step:
    """A step without predicates that select no single item."""
    selects = not all(map(keeps_several, (*step.predicates, *step.stages)))
    return step if selects else replace(step, predicates=(), stages=())
