"""What a request is made of: texts in its path, and our cursor."""

from __future__ import annotations

from collections.abc import Iterator

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.slips import written
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language import nodes, types
from truto_mapper.language.names import bound_values, leading_names
from truto_mapper.language.nodes import Node
from truto_mapper.language.source_paths import Paths
from truto_mapper.mapping.linked import Endpoint, of_requests
from truto_mapper.text.diagnostics import Diagnostic

#: Formats of texts that a path contains as they are.
_SAFE = frozenset({"uuid", "date", "date-time"})
#: The variables that callers and accounts give.
_GIVEN = frozenset({"query", "context", "id", "body"})
#: Functions that keep the characters of a text.
_KEEPING = frozenset({"string", "trim", "lowercase", "uppercase", "join", "encodeUrl"})


def unescaped(mapper: Mapper, types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C236: texts of the query, the id, a body or a setting that become a part of the path as they are."""
    path = types_.endpoint.path
    bound = bound_values(path.node)
    for node in _parts(path.node, bound):
        kind = types_.kind(node)
        is_free = "string" in kind.solid and kind != types.ANY and kind.values is None and kind.format not in _SAFE
        if is_free and not _has_pattern(mapper, node):
            text = written(path, node)
            message = f"`{text}` may contain `/`, `?` or `#`, which change the path"
            hint = f"write `$encodeUrlComponent({text})`"
            yield path.diagnostic("C236", message, node, severity="warning", hint=hint)


def _parts(node: Node, bound: dict[str, Node]) -> Iterator[Node]:
    """What is given, whose texts a path is joined of."""
    match node:
        case nodes.Binary(operator="&", left=left, right=right):
            yield from (*_parts(left, bound), *_parts(right, bound))
        case nodes.Coalesce(left=left, right=right) | nodes.Default(left=left, right=right):
            yield from (*_parts(left, bound), *_parts(right, bound))
        case nodes.Condition(then=left, otherwise=other):
            yield from (*_parts(left, bound), *(() if other is None else _parts(other, bound)))
        case nodes.Block(expressions=(*_, last)):
            yield from _parts(last, bound)
        case nodes.Array(items=items) | nodes.Chain(parts=items):
            for one in items:
                yield from _parts(one, bound)
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(first, *_)) if name in _KEEPING:
            yield from _parts(first, bound)
        case nodes.Variable(name=name) if name in bound:
            yield from _parts(bound[name], {other: value for other, value in bound.items() if other != name})
        case nodes.Path() | nodes.Variable() if _root(node) in _GIVEN:
            yield node


def _root(node: Node) -> str:
    names = leading_names(node)
    return names[0].name if names and isinstance(names[0], nodes.Variable) else ""


def _has_pattern(mapper: Mapper, node: Node) -> bool:
    """Whether a setting has a pattern of its own, which its author answers for."""
    names = leading_names(node)
    setting = names[1].value if len(names) > 1 and isinstance(names[1], nodes.Name) else ""
    return _root(node) == "context" and "pattern" in mapper.mapping.context_schemas.get(setting, {})


def our_cursor(endpoint: Endpoint) -> Iterator[Diagnostic]:
    """C232: `$query.next_cursor`, which is ours and means nothing to the provider."""
    for one in of_requests(endpoint):
        for read in Paths(["query", "$"]).reads(one.node) if "next_cursor" in one.text else ():
            if read.path == ("query", "next_cursor"):
                message = "`$query.next_cursor` is our cursor, which the provider does not know"
                yield one.diagnostic("C232", message, read.nodes[-1], severity="warning", hint="write `$cursor`")
