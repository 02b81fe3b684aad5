"""Names beside each other that are the same value (C237, C244), or a constant in place of one (C232)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truto_mapper.authoring.check.namesakes import Named, scaled
from truto_mapper.authoring.check.namings import Group, Naming
from truto_mapper.authoring.check.words import words
from truto_mapper.language import nodes, types
from truto_mapper.language.names import NamePath, is_simple_path
from truto_mapper.mapping.linked import leaves
from truto_mapper.resource.field import Field
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
            yield from _converted(named, kept, fields)
        elif group.kind == "object":
            yield from _of_group(named, group, set(), told)
        elif group.kind == "let":
            yield from _bound_twice(group)


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


def _bound_twice(group: Group) -> Iterator[Diagnostic]:
    """C237: two names of `let` for one value."""
    known: dict[nodes.Node, Naming] = {}
    for one in group.namings:
        first = known.setdefault(one.node, one)
        if first is not one and one.sources:
            message = f"`${one.name}` is the same as `${first.name}`"
            yield one.diagnostic("C237", message, "one of them should be another value: remove it otherwise")


def _converted(named: Named, namings: Sequence[Naming], fields: Mapping[NamePath, Field]) -> Iterator[Diagnostic]:
    """The same where one of two fields of a type converts what both read: `title ? title : "none"` and `title`."""
    known: dict[tuple[nodes.Node | None, str], Naming] = {}
    for one in namings:
        field, read = fields[one.path], _only_read(one.node)
        if read is None or field.enum or not _keeps(one.node, read):
            continue
        first, left = known.setdefault((read, field.type), one), list(named.alike(named.types.kind(read)))
        if first.node != one.node and len(left) == 1 and one.path[-1] != first.path[-1]:
            message = f"`{one.name}` and `{first.name}` both read `{one.sources[0].text}`"
            yield one.diagnostic("C237", message, f"nothing reads `{dotted(left[0])}`")


#: Functions that keep what a value means.
_KEEPING = frozenset({"string", "number", "trim", "lowercase", "uppercase", "fromMillis", "round"})


def _keeps(node: nodes.Node, read: nodes.Node) -> bool:
    """Whether a node gives what a path has, perhaps in another form, or a default."""
    match node:
        case nodes.Condition(condition=test, then=then, otherwise=other):
            rest = other is None or isinstance(other, nodes.LITERALS) or _keeps(other, read)
            return rest and _keeps(then, read) and any(one == read for one in nodes.walk(test))
        case nodes.Coalesce(left=one, right=nodes.String()) | nodes.Default(left=one, right=nodes.String()):
            return _keeps(one, read)
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(one, *_)) if name in _KEEPING:
            return _keeps(one, read)
    return scaled(node) == read


def sent_again(named: Named) -> Iterator[Diagnostic]:
    """C244: two keys of an object in a request that send one field of a caller's item, where nothing sends another."""
    body = named.types.scope.variables.get("body", types.ANY)
    sent = _placed(named)
    for group in _objects(named):
        known: dict[NamePath, Naming] = {}
        for one in group.namings:
            place = one.sources[0].places[0] if len(one.sources) == 1 and one.sources[0].places else ()
            first = known.setdefault(place, one)
            if first is not one and place[:1] == ("body",) and place[2:]:
                left = [name for name in types.properties_at(body, place[1:-1]) if (*place[:-1], name) not in sent]
                if len(left) == 1:
                    message = f"`{one.name}` and `{first.name}` both send `{place[-1]}`, and nothing sends `{left[0]}`"
                    yield one.diagnostic("C244", message, one.sources[0].meaning(left[0]))


def constants(named: Named) -> Iterator[Diagnostic]:
    """C232: `"quantity": 1` in an object that is made of an item whose `quantity` nothing reads."""
    body = named.types.scope.variables.get("body", types.ANY)
    read = _placed(named)
    for group in _objects(named):
        places = (place for one in group.namings for place in _places(one) if place[0] in ("$", "body"))
        above = {place[:-1] for place in places if place[2:]}
        for one in (each for each in group.namings if isinstance(each.node, nodes.Number | nodes.Value)):
            for place in sorted(above):
                known = named.types.properties(place[1:]) if place[0] == "$" else types.properties_at(body, place[1:])
                left = [name for name in known if words(name) == words(one.name) and (*place, name) not in read]
                if left and (place[0] == "body" or named.is_unread((*place[1:], left[0]))):
                    shown = one.expression.text[one.node.span.start : one.node.span.end]
                    message = f"`{one.name}` is always {shown}, and nothing reads `{left[0]}`"
                    yield one.diagnostic("C232", message)


def _objects(named: Named) -> Iterator[Group]:
    """The objects that expressions make."""
    return (group for group in named.namings.groups if group.kind == "object")


def _placed(named: Named) -> set[NamePath]:
    """The places that the keys of these objects are made of."""
    return {place for group in _objects(named) for one in group.namings for place in _places(one)}


def _places(naming: Naming) -> Iterator[NamePath]:
    return (place for source in naming.sources for place in source.places)


def _only_read(node: nodes.Node) -> nodes.Node | None:
    """The only path of names that a node reads."""
    if is_simple_path(plain := scaled(node)):
        return plain
    found = [one for one in nodes.walk(node) if isinstance(one, nodes.Path) and is_simple_path(one)]
    return found[0] if found and all(one == found[0] for one in found) else None
