"""Values that are asked for only to give another value in their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.words import Words, are_opposites, words
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path, leading_names
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import leaves, once
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import keys_of


def mistaken_guards(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C232: `a.end ? f(a.start)`, where `a.end` is a value of the same type that nothing else reads."""
    every_one = once(typed.endpoint)
    lets = dict(typed.endpoint.let)
    fields = {id(one): words(str(keys_of(path)[-1])) for path, _, one in leaves(typed.endpoint.response) if path}
    for one in (each for each in every_one if "?" in each.text):
        for node in one.below:
            if isinstance(node, nodes.Condition) and node.otherwise is None:
                for tested, read in _others(typed, node, lets):
                    field = fields.get(id(one), frozenset())
                    is_of_field = field & _name(tested) and field.isdisjoint(_name(read))
                    if is_of_field or are_opposites(_name(tested), _name(read)) or not _is_used(tested, every_one):
                        text, other = written(one, tested), written(one, read)
                        message = f"`{text}` is only asked for, and `{other}` is given where it has a value"
                        hint = f"did you mean `{text}`, or ask for `{other}`?"
                        yield one.diagnostic("C232", message, read, severity="warning", hint=hint)


def swapped_branches(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C227: `$exists($profile) ? $own : $of_profile`, where only the branch without it reads what is asked for.

    So does `$not($owner) ? $owner.name`, without another branch, and `title ? "none" : title`.
    """
    lets = dict(typed.endpoint.let)
    for one in {id(one): one for _, one in typed.expressions}.values():
        for node in one.below if "?" in one.text else ():
            if isinstance(node, nodes.Condition):
                name, is_there = _existing(typed, node.condition)
                there, gone = (node.then, node.otherwise) if is_there else (node.otherwise, node.then)
                is_read = there is not None and name and _reads(there, name, lets)
                if name and gone is not None and _reads(gone, name, lets) and not is_read:
                    message = f"this reads `${name}`, which is absent here: the condition says so"
                    yield one.diagnostic("C227", message, gone, severity="warning", hint=_TURN)
                elif (read := _given_in_vain(node)) is not None:
                    message = f"this gives `{written(one, read)}` only where it has no value"
                    yield one.diagnostic("C227", message, read, severity="warning", hint=_TURN)


_TURN = "turn the condition round, or swap the branches"


def _given_in_vain(node: nodes.Condition) -> nodes.Node | None:
    """The path of `a ? b : a`, or of `$not(a) ? a : b`."""
    match node.condition:
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(path,)):
            given, other = node.then, node.otherwise
        case path:
            given, other = node.otherwise, node.then  # type: ignore[assignment]  # there may be none
    is_apart = other is None or not any(one == path for one in nodes.walk(other))
    return path if is_simple_path(path) and given == path and is_apart else None


def lost_defaults(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C219: `name ? ""`, `own.email ? other.email` and `$trim(name) ? title`, which never give what they ask for."""
    for one in once(typed.endpoint):
        for node in one.below if "?" in one.text else ():
            if isinstance(node, nodes.Condition) and node.otherwise is None and _is_plain(typed.kind(node.condition)):
                test, then = node.condition, node.then
                is_slip = is_simple_path(test) and (_is_empty(then) or _are_namesakes(typed, test, then))
                if is_slip or _is_made_in_vain(typed, test, then):
                    asked, given = written(one, test), written(one, then)
                    message = f"`{asked}` is only asked for, and never given"
                    yield one.diagnostic("C219", message, node, severity="warning", hint=f"write `{asked} ?: {given}`")


def _is_made_in_vain(typed: EndpointTypes, test: nodes.Node, then: nodes.Node) -> bool:
    """Whether a test converts something to a value of the same type as what is given, which reads nothing of that."""
    name = getattr(test.procedure, "name", "") if isinstance(test, nodes.Call) else ""
    read = [one for one in nodes.walk(test) if is_simple_path(one)] if name in _CONVERSIONS else []
    is_alike = typed.kind(test).solid == typed.kind(then).solid
    return bool(read) and is_alike and not any(one in read for one in nodes.walk(then))


#: Functions whose result is more than that there is something.
_CONVERSIONS = frozenset({"ceilDate", "floorDate", "fromMillis", "toMillis"})
_CONVERSIONS |= {"lowercase", "string", "trim", "uppercase"}


def _is_empty(node: nodes.Node) -> bool:
    return isinstance(node, nodes.String) and not node.value


def _are_namesakes(typed: EndpointTypes, one: nodes.Node, other: nodes.Node) -> bool:
    """Whether two paths lead to texts, or numbers, of different objects, and the words of one name are in the other."""
    if not isinstance(one, nodes.Path) or not isinstance(other, nodes.Path) or not is_simple_path(other):
        return False
    names = _name(one), _name(other)
    is_kin = bool(names[0]) and (names[0] <= names[1] or names[1] <= names[0])
    return is_kin and one.steps[:-1] != other.steps[:-1] and typed.kind(one).solid == typed.kind(other).solid


def _existing(typed: EndpointTypes, test: nodes.Node) -> tuple[str, bool]:
    """The variable of which a condition asks whether it is there, or is not there; "" for any other condition."""
    match test:
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)):
            name, is_there = _existing(typed, one)
            return name, not is_there
        case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(nodes.Variable(name=name),)):
            return name, True
        case nodes.Binary(
            operator="=" | "!=" | ">" as operator,
            left=nodes.Call(procedure=nodes.Variable(name="count"), arguments=(nodes.Variable(name=name),)),
            right=nodes.Number(value=0),
        ):
            return name, operator != "="
        case nodes.Binary(
            operator="=" | "!=" as operator, left=nodes.Variable(name=name), right=nodes.Value(value=None)
        ):
            return name, operator != "="
        case nodes.Variable(name=name) if typed.kind(test).solid and typed.kind(test).solid <= {"object", "array"}:
            return name, True
    return "", True


def _reads(node: nodes.Node, name: str, lets: Mapping[str, Expression]) -> bool:
    """Whether a node reads a variable, itself or by a `let`."""
    read = {one.name for one in nodes.walk(node) if isinstance(one, nodes.Variable)}
    rest = {other: value for other, value in lets.items() if other not in read}
    return name in read or any(_reads(lets[one].node, name, rest) for one in read & lets.keys())


def _is_used(path: nodes.Node, every_one: Iterable[Expression]) -> bool:
    """Whether an expression reads a path for more than to ask whether it has a value."""
    below = [node for one in every_one for node in one.below]
    asked = {id(side) for node in below for side in _asked(node)}
    return any(node == path and id(node) not in asked for node in below)


def _asked(node: nodes.Node) -> Sequence[nodes.Path]:
    """The path of which a condition asks whether it has a value."""
    test = node.condition if isinstance(node, nodes.Condition) else None
    match test:
        case nodes.Binary(operator="!=", left=one, right=nodes.Value(value=None)):
            test = one
        case nodes.Call(procedure=nodes.Variable(name="exists" | "boolean"), arguments=(one,)):
            test = one
    return [test] if isinstance(test, nodes.Path) and is_simple_path(test) else []


def _others(
    typed: EndpointTypes, node: nodes.Condition, lets: Mapping[str, Expression]
) -> Iterator[tuple[nodes.Path, nodes.Path]]:
    """The path that a condition asks for, and the only one beside it that is given then."""
    given = [
        lets[one.name].node for one in nodes.walk(node.then) if isinstance(one, nodes.Variable) and one.name in lets
    ]
    for one in _asked(node):
        paths = [each for each in nodes.walk(node.then) if isinstance(each, nodes.Path) and is_simple_path(each)]
        beside = [each for each in paths if each.steps[:-1] == one.steps[:-1]]
        is_given = any(each == one for let in given for each in nodes.walk(let))
        if len(beside) == 1 and not is_given and _are_alike(typed, one, beside[0]):
            yield one, beside[0]


def _are_alike(typed: EndpointTypes, one: nodes.Path, other: nodes.Path) -> bool:
    """Whether two paths lead to scalars of one type; the other is always there, given, or the opposite."""
    kinds = [typed.kind(each) for each in (one, other)]
    is_given = {getattr(each.steps[0].node, "name", "") for each in (one, other)} <= {"query", "body"}
    is_flag = is_given and kinds[0].solid == types.BOOLEAN.kinds
    if one == other or not (is_flag or _is_plain(kinds[0])) or kinds[0].solid != kinds[1].solid:
        return False
    return is_given or not kinds[1].kinds - kinds[1].solid or are_opposites(*map(_name, (one, other)))


def _name(path: nodes.Node) -> Words:
    return words(str(getattr(leading_names(path)[-1], "value", "")))


def _is_plain(kind: Type) -> bool:
    return bool(kind.solid) and kind.solid <= {"string", "integer", "number"} and kind.values is None
