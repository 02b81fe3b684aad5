"""Where the types of an expression make JSONata do what few expect: nothing, and numbers in brackets."""

import re
from collections.abc import Sequence

from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.nulls import Nulls
from truto_mapper.language import nodes, types
from truto_mapper.language.call_inference import Called
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.inference import quiet
from truto_mapper.language.library.patterns import regex
from truto_mapper.language.names import is_simple_path
from truto_mapper.language.types import Type, item_of


class Surprises(Nulls):
    """Infers types, and tells where they lead to a surprise."""

    def binary(self, node: nodes.Binary, scope: TypeScope) -> Type:
        made = super().binary(node, scope)
        if node.operator == "!=":
            self.unequal(node, scope)
        elif node.operator == "=":
            self.equal(node)
        for side in (node.left, node.right) if node.operator == "&" else ():
            self.listed(side)
            value = scope.values.get(side.name, side) if isinstance(side, nodes.Variable) else side
            if any(isinstance(one, nodes.Binary) and one.operator == "or" for one in results(value)):
                message = f"`{self.text_of(side)}` is true or false, which becomes text here: `or` chooses no value"
                self.surprise("warning", "C219", side, message, "write `… ?: …` for the first that has a value")
        return made

    def listed(self, side: nodes.Node) -> None:
        """C205: a field of each item of a list, where one text is made."""
        kind = self.kind(side)
        if is_simple_path(side) and "array" in kind.kinds != types.KINDS and kind.items is not None:
            message = f"`{self.text_of(side)}` is a list where there are several, which becomes JSON in a text"
            self.surprise("warning", "C205", side, message, 'write `$join(…, ", ")`, or make a text of each: `….( … )`')

    def grouped(self, group: nodes.Group, kind: Type, scope: TypeScope) -> Type:
        """C219: `list{"id": id}` for `list.{"id": id}`: one object, whose values are lists."""
        made = super().grouped(group, kind, scope)
        is_same = all(isinstance(key, nodes.String) for key, _ in group.pairs)  # `{"total": $sum(price)}` is meant so
        is_slip = is_same and any(is_simple_path(value) for _, value in group.pairs)
        if is_slip and "array" in kind.kinds != types.KINDS:
            message = "this makes one object of all items: the keys are the same for each"
            self.surprise("warning", "C219", group.pairs[0][0], message, "write `.{` for an object of each item")
        _constant_key(self, group, kind)
        for key, value in group.pairs:
            is_text, known = types.item_of(self.kind(value)).solid == {"string"}, self.kind(key)
            if is_text and known.path and known.kinds == types.KINDS:
                message = f"`{self.text_of(key)}` may be of any type, and only a text can be a key"
                self.surprise("warning", "C224", key, message, f"write `{{{self.text_of(value)}: …}}`, or `$string(…)`")
            if self.may_be_null(key):
                message = f"`{self.text_of(key)}` may be null, which cannot be a key"
                edit = f"select the others first: `[{self.text_of(key)} != null]`"
                self.surprise("warning", "C224", key, message, edit)
        return made

    def unequal(self, node: nodes.Binary, scope: TypeScope) -> None:
        """C220: `a != "x"` is false where `a` is absent."""
        sides = (node.left, node.right)
        there = scope.within(scope.context.without(types.NONE))  # a predicate drops a row that is null anyway
        absent = next((one for one in sides if self.may_lack(one) and "undefined" in quiet(one, there).kinds), None)
        if absent is not None and not any(isinstance(side, nodes.Value) for side in sides):
            left, right = map(self.text_of, sides)
            message = f"this is false where `{self.text_of(absent)}` is absent"
            if id(node) in self.only_tested:  # few schemas say which fields of a row are always there
                self.surprise(
                    "note", "C220", node, message, f"write `{left} = {right} ? false : true` to keep these rows"
                )
            else:
                self.surprise(
                    "warning", "C220", node, message, f"write `$not({left} = {right})` if it is to be true there"
                )

    def equal(self, node: nodes.Binary) -> None:
        """C220: `a = b` is false where both are absent, and `a = nothing` always."""
        sides = (node.left, node.right)
        for side, other in (sides, sides[::-1]):
            if isinstance(other, nodes.Value) and other.value is None and self.never_null(side):
                hint = f"write `$not($exists({self.text_of(side)}))`"
                message = f"this is always false: `{self.text_of(side)}` is absent, never null"
                self.surprise("warning", "C220", node, message, hint)
                return
            if self.kind(side) == types.UNDEFINED:
                hint = f"write `$not($exists({self.text_of(other)}))`"
                self.surprise("warning", "C220", node, "this is always false: nothing equals undefined", hint)
                return
        if id(node) not in self.turned and all(self.may_lack(side) for side in sides):
            self.surprise("note", "C220", node, "this is false where both sides are absent", None)
        _both_null(self, node)
        for side, other in (sides, sides[::-1]):
            self.equal_to_one(side, self.kind(other).solid, "write `in`, or select one")

    def equal_to_one(self, side: nodes.Node, others: frozenset[str], hint: str) -> None:
        """C205: a list, which is held against a single value."""
        kind = self.kind(side)
        if "array" in kind.solid and kind.kinds != types.KINDS and others and others <= types.SCALARS:
            message = f"`{self.text_of(side)}` is a list where there are several, which equals no single value"
            self.surprise("warning", "C205", side, message, hint)

    def never_null(self, side: nodes.Node) -> bool:
        """Whether a node is a parameter, a setting or the cursor, or a field of a body that is not nullable."""
        match side:
            case nodes.Path(steps=(nodes.Step(node=nodes.Variable(name="body")), nodes.Step())):
                return "null" not in self.kind(side).kinds
        return _is_asked(side)

    def infer(self, node: nodes.Node, scope: TypeScope) -> Type:
        kind = super().infer(node, scope)
        if isinstance(node, nodes.Coalesce):
            self.defaulted(node)
        if isinstance(node, nodes.Condition):
            self.chosen(node)
        if isinstance(node, nodes.Binary) and node.operator == "in":
            right = self.kind(node.right)
            items = types.item_of(right).solid if "array" in right.kinds else right.solid
            left, listed = self.text_of(node.left), self.text_of(node.right)
            self.equal_to_one(node.left, items, f"ask for each of them: `{left}[$ in {listed}]`")
        if isinstance(node, nodes.Step):
            for one in node.predicates:
                if isinstance(one, nodes.Filter) and isinstance(one.expression, nodes.Number):
                    self.selected((node,), node, one.expression)
        return kind

    def infer_all(self, node: nodes.Node, scope: TypeScope) -> Type:
        kind = super().infer_all(node, scope)
        for one in results(node):
            self.told(one)
        return kind

    def object(self, pairs: tuple[tuple[nodes.Node, nodes.Node], ...], scope: TypeScope) -> Type:
        made = super().object(pairs, scope)
        for one in (each for _, value in pairs for each in results(value)):
            self.told(one)
        return made

    def chosen(self, node: nodes.Condition) -> None:
        """C227: `$exists(a) ? "yes"`, where a constant says that there is something, or `a` is always there."""
        self.told(node.condition, always=not isinstance(node.then, (*nodes.CONSTANTS, nodes.Value)))

    def told(self, node: nodes.Node, *, always: bool = False) -> None:
        """C227: `$exists(a)` where `a` may be null, of which it is true; perhaps only where it is `always` true."""
        match node:
            case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)):
                self.told(one, always=always)
            case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)) if self.is_nullable(
                one
            ) and not (always and "undefined" in self.kind(one).kinds):
                text = self.text_of(one)
                message = f"`{text}` may be null, of which `$exists` is true"
                self.surprise("warning", "C227", node, message, f"write `{text} != null`")

    def is_nullable(self, node: nodes.Node) -> bool:
        """Whether a schema describes a node, and lets it be null."""
        return self.kind(node).path is not None and self.may_be_null(node)

    def defaulted(self, node: nodes.Coalesce) -> None:
        """C228: `a ?? b` where `a` may be null, which it keeps; C211: where `a` is always there."""
        left, kind = node.left, self.kind(node.left)
        text, right = self.text_of(left), self.text_of(node.right)
        is_read = kind.path is not None or is_simple_path(left) or isinstance(left, nodes.Call)
        if id(node) in self.tests or not is_read or "array" in kind.kinds or not kind.solid:
            return
        if self.may_be_null(left) and not isinstance(node.right, nodes.Value):
            edit = f"{self.given(left)} ?? {right}"
            message = f"`{text}` may be null, which `??` keeps: `{right}` is only for an absent value"
            is_default = (
                isinstance(node.right, nodes.CONSTANTS) and "undefined" in kind.kinds
            )  # null may be meant to stay
            self.surprise("note" if is_default else "warning", "C228", left, message, f"write `{edit}`")
        elif kind.path is not None and not kind.kinds & types.NONE and not isinstance(node.right, nodes.CONSTANTS):
            message = f"this is never used: the schema says that `{text}` is always there"
            self.surprise("warning", "C211", node.right, message, "swap the sides if this is the better value")

    def next_step(self, step: nodes.Step, state: Type, scope: TypeScope) -> Type:
        made = super().next_step(step, state, scope)
        item = item_of(state)
        made_of_each = _made_of_each(step.node)
        if made_of_each and item.path and "null" in item.kinds != types.KINDS:
            where, shown = ".".join(item.path), "{…}" if "object" in made_of_each else "(…)"
            message = f"`{where}` may be null, of which {made_of_each} is made, too"
            self.surprise("warning", "C229", step.node, message, f"select the others first: `[$ != null].{shown}`")
        for term in step.node.terms if isinstance(step.node, nodes.Sort) else ():
            _sort(self, term.expression, f"^({self.text_of(term.expression)} ?? …)")
        return made

    def field(self, node: nodes.Name, holder: Type, name: str) -> Type:
        item = item_of(holder)
        if item.solid and item.solid <= types.SCALARS:
            of = f"`{'.'.join(holder.path)}`" if holder.path else "this"
            where = f"each item of {of}" if "array" in holder.kinds else of
            self.tell("C206", node, f"{where} is {types.in_words(item)}, which has no fields", None, ())
            return types.ANY
        return super().field(node, holder, name)

    def call(self, node: nodes.Call, scope: TypeScope, arguments: tuple[nodes.Node, ...]) -> Type:
        made = super().call(node, scope, arguments)
        name = node.procedure.name if isinstance(node.procedure, nodes.Variable) else None
        _made_of_null(self, node)
        for argument in node.arguments if name == "sort" else ():
            if isinstance(argument, nodes.Lambda) and isinstance(argument.body, nodes.Binary):
                self.compared(argument.body)
        return made

    def compared(self, body: nodes.Binary) -> None:
        """C222: a comparator of rows that may lack what it compares."""
        absent = next((side for side in (body.left, body.right) if self.may_lack(side)), None)
        if body.operator in nodes.ORDERS and absent is not None:
            text = self.text_of(absent)
            message = f"where `{text}` is absent the rows keep their order, so others may be out of order"
            self.surprise("note", "C222", absent, message, f"give it a value: `({text} ?? …)`")

    def path(self, node: nodes.Path, scope: TypeScope) -> Type:
        made = super().path(node, scope)
        for step in node.steps:
            for one in (*step.predicates, *step.stages):
                if isinstance(one, nodes.Filter):
                    self.filtered(node, step, one.expression)
        return made

    def filtered(self, path: nodes.Path, step: nodes.Step, test: nodes.Node) -> None:
        """C221: a number in brackets that selects from each item, or that was meant as a condition."""
        text = self.text_of(test)
        before = self.before.get(id(step))
        if isinstance(test, nodes.Number) and before is not None and isinstance(step.node, nodes.Name):
            each = quiet(step.node, TypeScope({}, item_of(before)))
            if "array" in before.kinds and each.solid and each.solid <= types.SCALARS:
                all_items = self.text_of(path).split("[" + text)[0]
                message = f"`[{text}]` selects from the `{step.node.value}` of each item, which is a single value"
                self.surprise("warning", "C221", test, message, f"write `({all_items})[{text}]`")
                return
        if isinstance(test, nodes.Number):
            self.selected(path.steps, step, test)
        elif isinstance(test, nodes.Binary) and (one := _of_no_item(self, step, test)):
            message = f"`{self.text_of(one)}` is the same for each item"
            self.surprise("warning", "C230", test, message, f"did you mean `{one.name}`, which each item has?")
        elif _of_item(test):
            kind = self.kind(test)
            if kind.solid and kind.solid <= types.NUMBER.kinds:
                message = f"`{text}` is a number, so `[{text}]` selects by position"
                self.surprise("warning", "C221", test, message, f"write `[{text} != 0]` for a condition")

    def selected(self, steps: tuple[nodes.Step, ...], step: nodes.Step, test: nodes.Number) -> None:
        """C221: a number in brackets behind a text, or for a group that the pattern of $match does not have."""
        if not isinstance(step.node, (nodes.Name, nodes.Variable)):
            return
        kind = self.reached(step)
        text = self.text_of(test)
        if kind.kinds - types.NONE == types.STRING.kinds:
            whole = self.text_of(step.node)
            message = f"`{whole}` is a text, of which `[{text}]` selects no character"
            self.surprise("warning", "C221", test, message, f"write `$substring({whole}, {text}, 1)` for a character")
        elif isinstance(step.node, nodes.Name) and step.node.value == "groups" and step is not steps[0]:
            before = steps[steps.index(step) - 1].node
            count = _groups_of(before.arguments[1:2]) if isinstance(before, nodes.Call) else None
            if count is not None and not -count <= test.value < count:
                message = f"the pattern has {_groups_in_words(count)}, so `[{text}]` gives nothing"
                hint = f"the first group is `[0]`{'' if count else ': write it as `(…)` in the pattern'}"
                self.surprise("warning", "C221", test, message, hint)

    def fitted(self, call: Called) -> None:
        super().fitted(call)
        name, arguments = getattr(call.node.procedure, "name", ""), call.arguments
        if name == "replace" and len(arguments) > 2:
            self.replaced(arguments[1], arguments[2])
        match arguments:
            case (nodes.String() as subject, other, *_) if self.swapped(name, subject.value, other):
                message = f"${name} looks into the constant {self.text_of(subject)}: are the arguments swapped?"
                hint = "the text comes first, then what it may have"
                if name in _READING:
                    message = f"${name} reads the constant {self.text_of(subject)}: are the arguments swapped?"
                    hint = "the date comes first, then its form"
                if name == "digest":
                    hint = "the text comes first, then the name of the algorithm"
                if name == "join":
                    message = f"$join joins nothing but {self.text_of(subject)}: are the arguments swapped?"
                    hint = "the list comes first, then what is between its items"
                self.surprise("warning", "C225", subject, message, hint)

    def swapped(self, name: str, text: str, other: nodes.Node) -> bool:
        """Whether a function surely means its second argument where it has a constant text as its first."""
        kind = self.kind(other)
        if name == "digest":
            return text.upper().replace("-", "") in _ALGORITHMS and not isinstance(other, nodes.String)
        if name == "replace":
            return isinstance(other, nodes.String) and (not other.value or other.value not in text)
        if name == "join":
            return "array" in kind.solid and kind != types.ANY
        is_read = any(isinstance(one, nodes.Name) for one in nodes.walk(other))
        if name in _READING:
            return is_read
        return name in _SEARCHING and _WORD.fullmatch(text) is not None and is_read and kind.values is None

    def replaced(self, pattern: nodes.Node, by: nodes.Node) -> None:
        """C225: a pattern as the replacement, or a group in it that the pattern does not have."""
        count = _groups_of([pattern])
        if isinstance(by, nodes.Regex):
            self.tell("C225", by, "argument 3 of $replace is the replacement, but this is a pattern", None, ())
        elif isinstance(by, nodes.String) and count is not None:
            unknown = [one for one in _GROUP.findall(by.value) if one != "$$" and int(one[1]) > count]
            for one in unknown[:1]:
                message = f"`{one}` is always empty: the pattern has {_groups_in_words(count)}"
                self.tell("C225", by, message, "write `$$` for a dollar sign" if not count else None, ())


#: What may be a value of one key of a sort.
_SORTED = frozenset({"boolean", "number", "string"})

#: What the second argument of `$digest` names.
_ALGORITHMS = frozenset({"SHA1", "SHA256", "SHA384", "SHA512", "MD5"})

#: Functions that read a date in a form.
_READING = frozenset({"dtFromFormat", "toMillis"})
#: Functions that look for their second argument in their first.
_SEARCHING = frozenset({"contains", "match", "split", "substringAfter", "substringBefore"})

#: A word, or a separator: no list of values.
_WORD = re.compile(r"\w+|\W+")


def _is_asked(node: nodes.Node) -> bool:
    """Whether a node is a parameter, a setting or the cursor, which are never null."""
    match node:
        case nodes.Path(steps=(nodes.Step(node=nodes.Variable(name="query" | "context")), nodes.Step())):
            return True
    return isinstance(node, nodes.Variable) and node.name in ("cursor", "now")


#: A group in the replacement of `$replace`, or a dollar sign.
_GROUP = re.compile(r"\$(?:\$|\d+)")


def _groups_of(arguments: Sequence[nodes.Node]) -> int | None:
    """How many groups a constant pattern has."""
    match arguments:
        case [nodes.Regex(pattern=pattern, flags=flags)]:
            found: int = regex(pattern, flags).pattern.groups
            return found
    return None


def _groups_in_words(count: int) -> str:
    return f"{count or 'no'} group{'' if count == 1 else 's'}"


def _of_item(test: nodes.Node) -> bool:
    first = test.steps[0].node if isinstance(test, nodes.Path) else test
    return isinstance(first, nodes.Name)


def _sort(judge: Surprises, key: nodes.Node, edit: str) -> None:
    """C222: a sort by a key that may be null or absent, or has values of two types."""
    kind, text = judge.kind(key), judge.text_of(key)
    if judge.may_be_null(key):
        message = f"`{text}` may be null, which cannot be sorted (T2008)"
        judge.surprise("warning", "C222", key, message, f"select the rows first: `[{text} != null]`")
    elif kind.kinds != types.KINDS and len(types.comparable(kind) & _SORTED) > 1:
        message = f"`{text}` may be {types.in_words(kind)}, which cannot be sorted together (T2007)"
        judge.surprise("warning", "C222", key, message, f"write `$string({text})`")
    elif judge.may_lack(key):
        judge.surprise("note", "C222", key, f"rows without `{text}` come last", f"give them a value: `{edit}`")


def _constant_key(judge: Surprises, group: nodes.Group, kind: Type) -> None:
    """C219: `lines{"code": $sum(net)}`, where `code` is a field of what is grouped."""
    match group.pairs:
        case ((nodes.String(value=name) as key, value),) if name in types.properties_at(kind, ()):
            if not any(isinstance(one, nodes.Name) and one.value == name for one in nodes.walk(value)):
                message = f"all items are one group, whose key is the text {judge.text_of(key)}"
                judge.surprise("warning", "C219", key, message, f"write `{name}` for the field")


def _both_null(judge: Surprises, node: nodes.Binary) -> None:
    """C220: `a = b` where both may be null, which are equal."""
    sides = (node.left, node.right)
    if id(node) not in judge.tests and all(map(judge.is_nullable, sides)):
        left, right = map(judge.text_of, sides)
        message = "this is true where both sides are null"
        judge.surprise("warning", "C220", node, message, f"write `{left} != null and {left} = {right}`")


def _made_of_null(judge: Surprises, node: nodes.Call) -> None:
    """C229: `$map(rows, function($row) { {…} })` where `rows` may be null, of which an object is made, too."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name="map"), arguments=(rows, nodes.Lambda(body=body))):
            kind, made = judge.kind(rows), _made_of_each(body)
            if made and kind.path and judge.allows_null(rows, kind) and rows not in judge.tested:
                text = judge.text_of(rows)
                message, hint = f"`{text}` may be null, of which {made} is made, too", f"write `{text} ? $map(…)`"
                judge.surprise("warning", "C229", rows, message, hint)


def _of_no_item(judge: Surprises, step: nodes.Step, test: nodes.Binary) -> nodes.Variable | None:
    """The variable that a predicate compares with a constant, where the items of its step have a field of that name."""
    match test:
        case nodes.Binary(operator="=", left=nodes.Variable(name=name) as one, right=nodes.String() | nodes.Number()):
            return one if name in types.properties_at(judge.reached(step), ()) else None
    return None


def _made_of_each(node: nodes.Node) -> str | None:
    """`an object` or `a text` for a step that makes one of whatever it gets."""
    match node:
        case nodes.Block(expressions=(*_, last)):
            return _made_of_each(last)
        case nodes.Array(items=items):
            return next(filter(None, map(_made_of_each, items)), None)
        case nodes.Binary(operator="&"):
            return "a text"
    return "an object" if isinstance(node, nodes.Object) else None
