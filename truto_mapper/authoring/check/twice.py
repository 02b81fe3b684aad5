"""Names beside each other that are the same value (C237)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from truto_mapper.authoring.check.namesakes import Named, scaled
from truto_mapper.authoring.check.namings import Group, Naming
from truto_mapper.language import nodes
from truto_mapper.language.names import is_simple_path
from truto_mapper.mapping.linked import leaves
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted, keys_of


def read_twice(named: Named, told: frozenset[tuple[Any, Any]]) -> Iterator[Diagnostic]:
    """C237: names that are the same value: a warning where one value like it beside it is left.

    Fields of a record that are the same path are a note without one. `told` has the places of which the names tell so
    already.
    """
    written = leaves(named.types.endpoint.response, named.mapper.resource.record)
    fields = {keys_of(path): field for path, field, _ in written if field is not None}
    moments = {path for path, field in fields.items() if field.format in ("date", "date-time")}
    for group in named.namings.groups:
        if group.kind == "record":
            kept = tuple(one for one in group.namings if one.path in fields)
            yield from _of_group(named, Group(group.kind, kept), moments, told)
        elif group.kind == "object":
            yield from _of_group(named, group, set(), told)


def _of_group(named: Named, group: Group, moments: set[Any], told: frozenset[tuple[Any, Any]]) -> Iterator[Diagnostic]:
    known: dict[nodes.Node, Naming] = {}
    for one in group.namings:
        read, first = _only_read(one.node), known.setdefault(one.node, one)
        if first is one or read is None:
            continue
        kind, is_moment = named.types.kind(read), one.path in moments
        left = list(named.alike(kind)) or (list(named.other_moments(kind)) if is_moment else [])
        places = ((each.expression.source, each.expression.locate(each.node.span)) for each in (one, first))
        is_meant = not told.isdisjoint(places) or one.path[-1] == first.path[-1]  # `id` and `user.id`
        hint = f"nothing reads `{dotted(left[0])}`" if len(left) == 1 and not is_meant else None
        is_noted = group.kind == "record" and (is_moment or is_simple_path(scaled(one.node)))
        if hint or is_noted:
            text = one.expression.text[one.node.span.start : one.node.span.end]
            message = f"`{one.name}` is the same as `{first.name}`: {' '.join(text.split())}"
            severity = "warning" if hint else "note"
            yield one.expression.diagnostic("C237", message, one.node, severity=severity, hint=hint)


def _only_read(node: nodes.Node) -> nodes.Node | None:
    """The only path of names that a node reads."""
    if is_simple_path(plain := scaled(node)):
        return plain
    found = [one for one in nodes.walk(node) if isinstance(one, nodes.Path) and is_simple_path(one)]
    return found[0] if found and all(one == found[0] for one in found) else None
