"""Objects that are made where what their required values are read from is null, because another value is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check import fields
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import results
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath
from truto_mapper.mapping.linked import leaves
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import Steps, dotted, keys_of
from truto_mapper.text.record import NamedTuple

#: Operators that give a value whatever they are given, and those that give none without both sides.
_CERTAIN = frozenset({"=", "!=", "in", "and", "or", "&"})
_ARITHMETIC = frozenset("+-*/%")


class _Key(NamedTuple):
    """A key of an object, whether its schema requires it, and the node of its value."""

    name: str
    required: bool
    expression: Expression
    node: nodes.Node


def half_made(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C229: a required value below an object of the reply that may be null, beside one that has a value then."""
    for keys in _objects(typed):
        for key in (one for one in keys if one.required):
            holder = _nullable(typed, key.node)
            others = [one for one in keys if one is not key and holder and _is_apart(typed, one.node, holder)]
            if holder and others and not _is_guarded(typed, key, holder):
                said = f"`{dotted(holder)}` may be null, where `{others[0].name}` has a value"
                message, hint = f"`{key.name}` is required, but {said}", "make the object only of others: `… ? {…}`"
                yield key.expression.diagnostic("C229", message, key.node, severity="warning", hint=hint)


def _is_guarded(typed: EndpointTypes, key: _Key, holder: NamePath) -> bool:
    """Whether a condition around a value asks for something below an object: `a.b ? {…}`."""
    for one in nodes.walk(key.expression.node):
        if isinstance(one, nodes.Condition) and any(each is key.node for each in nodes.walk(one.then)):
            asked = (side for side in nodes.conjuncts(one.condition) if not _is_negative(side))
            read = (typed.kind(each).path for side in asked for each in nodes.walk(side))
            if any(path and path[: len(holder)] == holder != path for path in read):
                return True
    return False


def _is_negative(test: nodes.Node) -> bool:
    """Whether a test holds for what is not there: `a = null`, `$not(a)`."""
    match test:
        case nodes.Binary(operator="=", right=nodes.Value(value=None)):
            return True
        case nodes.Call(procedure=nodes.Variable(name="not")):
            return True
    return False


def _objects(typed: EndpointTypes) -> Iterator[Sequence[_Key]]:
    """The objects below the record, as the template and its expressions make them."""
    let, groups = dict(typed.endpoint.let), dict[Steps, list[_Key]]()
    for path, field, one in leaves(typed.endpoint.response, typed.mapper.resource.record):
        name = dotted(keys_of(path))
        if field is not None and len(path) > 1:
            groups.setdefault(path[:-1], []).append(_Key(name, field.required, one, one.node))
        source = let.get(one.node.name, one) if isinstance(one.node, nodes.Variable) else one
        is_made = field is not None and field.type in ("object", "array") and "{" in source.text
        for made, schema in fields.objects(source.node, field) if field is not None and is_made else ():
            keys = [(key.value, value) for key, value in made.pairs if isinstance(key, nodes.String)]
            yield [_Key(f"{name}.{key}" if name else key, key in schema.required, source, value) for key, value in keys]
    yield from groups.values()


def _nullable(typed: EndpointTypes, node: nodes.Node) -> NamePath | None:
    """The object of the reply below which all results of a node are read, if a schema lets it be null.

    A schema that lets every field beside it be null says nothing by that.
    """
    found = {_holder(typed, one) for one in results(node)}
    holder = found.pop() if len(found) == 1 else None
    beside = typed.properties(holder[:-1]) if holder else {}
    return holder if any("null" not in one.kinds for one in beside.values()) else None


def _holder(typed: EndpointTypes, node: nodes.Node) -> NamePath | None:
    """The first object of a path that may be null, through functions that give nothing for nothing."""
    while isinstance(node, nodes.Call) and node.arguments:
        node = node.arguments[0]
    for step in node.steps[1:] if isinstance(node, nodes.Path) else ():
        kind = typed.kinds.get(id(step), types.ANY)
        if kind.path and "object" in kind.solid and "null" in kind.kinds != types.KINDS and "array" not in kind.kinds:
            return kind.path
    return None


def _is_apart(typed: EndpointTypes, node: nodes.Node, holder: NamePath) -> bool:
    """Whether a node may have a value where an object of the reply is null."""
    match node:
        case nodes.Value(value=None) | nodes.Condition():
            return False
        case nodes.String() | nodes.Number() | nodes.Value():
            return True
        case nodes.Binary(operator=operator) if operator in _CERTAIN:
            return True
        case nodes.Array(items=items):
            return any(_is_apart(typed, one, holder) for one in items)
    below = list(nodes.walk(node))
    if any(isinstance(one, nodes.Binary) and one.operator in _ARITHMETIC for one in below):
        return False
    paths = [typed.kind(one).path for one in below if isinstance(one, nodes.Path)]
    return any(path and path[: len(holder)] != holder for path in paths)
