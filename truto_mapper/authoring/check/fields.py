"""Whether the value of an expression, and of each of its parts, can be that of the unified field that it is for."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from truto_mapper.authoring.check import fitting, slips
from truto_mapper.authoring.check.fitting import Wanted
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.inference import quiet
from truto_mapper.language.types import Type
from truto_mapper.resource.field import Field, value_schema
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import Steps, dotted, keys_of

#: The type of a node.
Kind = Callable[[nodes.Node], Type]


class _Part(NamedTuple):
    """A node that gives the value of a place, or one of its values; whether its object requires it, and a list it."""

    node: nodes.Node
    wanted: Wanted
    required: bool = False
    in_list: bool = False


def misfits(sources: Sequence[Expression], kind_of: Kind, field: Field, path: Steps) -> Iterator[Diagnostic]:
    """C207 where no value of an expression or of a branch can be a value of a field, C209 where some cannot.

    The sources are the expression and that of the name which it is, if it is one.
    """
    wanted = Wanted(RequestSchema(value_schema(field)), dotted(keys_of(path)))
    found = list(fitting.misfits(sources[0], kind_of(sources[0].node), wanted))
    yield from found
    source = sources[-1]
    for part in _parts(_Part(source.node, wanted)) if not found else ():
        yield from _of_part(source, part, kind_of)


def _of_part(expression: Expression, part: _Part, kind_of: Kind) -> Iterator[Diagnostic]:
    node, wanted, kind = part.node, part.wanted, kind_of(part.node)

    def warning(code: str, message: str, hint: str | None = None) -> Diagnostic:
        return expression.diagnostic(code, message, node, severity="warning", hint=hint)

    for one in fitting.misfits(expression, kind, wanted) if kind.solid else ():
        yield warning(one.code, one.message, one.hint)
    if part.required and kind != types.ANY and kind.solid and "null" in kind.kinds:
        message = f"`{wanted.name}` is required, but `{slips.written(expression, node)}` may be null"
        yield warning("C229", message, "make the object only of others: `[… != null].{…}` or `… != null ? {…}`")
    if isinstance(node, nodes.Object):
        yield from _keys(expression, node, wanted)
    elif wanted.schema.kinds == {"object"} and not part.in_list and _is_list(node, kind_of):
        yield warning("C205", f"`{wanted.called}` is an object, but this gives a list where there are several")
    elif wanted.schema.is_array and _is_joined(node, kind_of):
        yield warning("C205", f"`{wanted.called}` is an array, but $join makes one text", "write the list itself")


def _parts(part: _Part) -> Iterator[_Part]:
    """The parts that give the values of a place and of those below it."""
    wanted = part.wanted
    inner = wanted.items if wanted.schema.is_array else wanted
    for one in fitting.results(part.node):
        yield part._replace(node=one, wanted=inner if isinstance(one, nodes.Object) else wanted)
        match one:
            case nodes.Object(pairs=pairs):
                for key, value in pairs:
                    child = inner.child(key.value) if isinstance(key, nodes.String) else None
                    if child is not None and isinstance(key, nodes.String):
                        yield from _parts(_Part(value, child, key.value in inner.schema.required))
            case nodes.Array(items=items):
                for item in items:
                    yield from _parts(_Part(item, inner, in_list=True))
            case nodes.Path(steps=(*_, nodes.Step(node=nodes.Object() | nodes.Block() as made)), group=None):
                yield from _parts(_Part(made, inner, in_list=True))


def _keys(expression: Expression, node: nodes.Object, wanted: Wanted) -> Iterator[Diagnostic]:
    """C219: keys without quotes, which are paths; C229: a required key that is not there."""
    paths = [key for key, _ in node.pairs if not isinstance(key, nodes.String)]
    for key in paths:
        name = slips.written(expression, key)
        if name in wanted.schema.names:
            message = f"`{name}` without quotes is a path, whose value becomes the key"
            yield expression.diagnostic("C219", message, key, severity="warning", hint=f'write `"{name}"`')
    given = {key.value for key, _ in node.pairs if isinstance(key, nodes.String)}
    for name in wanted.schema.required if not paths else ():
        if name not in given:
            yield expression.diagnostic("C229", fitting.absent(name, wanted), node, severity="warning", hint=None)


def _is_list(node: nodes.Node, kind_of: Kind) -> bool:
    """Whether a path makes an object of each item of a declared list, none of which a predicate selects."""
    match node:
        case nodes.Path(steps=(first, *more, nodes.Step(node=nodes.Object())), group=None):
            kinds = [kind_of(first.node)]  # of a step, a type is that of what is before it
            kinds += [quiet(one.node, TypeScope({}, types.item_of(kind_of(one)))) for one in more]
            tests = [one for step in (first, *more) for one in (*step.predicates, *step.stages)]
            return any(one.solid == {"array"} for one in kinds) and all(map(_is_unequal, tests))
    return False


def _is_unequal(one: nodes.Node) -> bool:
    test = one.expression if isinstance(one, nodes.Filter) else one
    return isinstance(test, nodes.Binary) and test.operator == "!="


def _is_joined(node: nodes.Node, kind_of: Kind) -> bool:
    match node:
        case nodes.Call(procedure=nodes.Variable(name="join"), arguments=(items, *_)):
            return "array" in kind_of(items).kinds != types.KINDS
    return False
