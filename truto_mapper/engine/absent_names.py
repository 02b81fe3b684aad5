"""Drift seen from one page: no row has something that the mapping reads. A provider may have renamed it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, repeat
from operator import contains
from typing import Any

from truto_mapper.engine.source_types import Looked, Reading, SourceTypes
from truto_mapper.language.names import NamePath
from truto_mapper.language.types import ANY, Type, objects
from truto_mapper.text.diagnostics import Diagnostic, nearest
from truto_mapper.text.pointers import dotted
from truto_mapper.text.record import NamedTuple

#: How many names a message lists, and in how many objects new names are looked for.
_LISTED, _LOOKED_AT = 5, 20


class Absent(NamedTuple):
    """A name that no row has, and the undeclared name that is most like it.

    `is_suspect` if it looks renamed: there is a similar name, or an object is gone and there are undeclared names.
    """

    path: NamePath
    similar: str | None
    is_suspect: bool


def drift_notes(types: SourceTypes, body: Any, rows: Sequence[Sequence[Any]]) -> list[Diagnostic]:
    """P606 for the names that are read but are in none of the rows; `rows` has the rows of each loop.

    Without rows it is about the names that lead to them. A name of the reply itself is told only if it looks renamed.
    A warning if something looks renamed, else a note.
    """
    found = [one for one in _absent(types, None, [body]) if one.similar]
    if rows:
        for variable, ones in zip(types.loops, rows, strict=True):
            found += _absent(types, variable, ones)
    else:
        found += _without_rows(types, body)
    return _notes(_told(types, found), "" if ("$",) in types.loops.values() else "the reply itself")


def by_loop(loops: Collection[str], rows: Sequence[Any], *, is_exact: bool) -> list[Sequence[Any]]:
    """The rows of each loop, of the exact path's rows or of the generated code's; nothing without rows."""
    if not rows:
        return []
    if is_exact:
        return [[row.places[name].value for row in rows] for name in loops]
    return list(zip(*rows, strict=True)) if len(loops) > 1 else [rows]


def zone_drift(types: SourceTypes, body: Any) -> list[Diagnostic]:
    """P606 for a reply without its time zone, if that looks renamed."""
    found = _below([body], types.reply, Looked.of(types.of_zone), ())
    return _notes([one for one in found if one.similar])


def _notes(found: list[Absent], top: str = "the reply itself") -> list[Diagnostic]:
    """The note on absent names; `top` is where names without another one above them are, empty for rows."""
    if not found:
        return []
    above = ((f"`{dotted(path)}`" if path else top, ones) for path, ones in groupby(found, lambda one: one.path[:-1]))
    parts = [_listed(place, list(ones)) for place, ones in above]
    is_of_rows = not top or any(len(one.path) > 1 for one in found)
    lacking = "no row of the reply has" if is_of_rows else "is not there"
    message = f"the mapping reads what {lacking}: {'; '.join(parts)}"
    new = {one.similar: one.path[-1] for one in reversed(found) if one.similar}
    renamed = [f"`{old}` may be `{similar}` now" for similar, old in reversed(new.items())]
    is_suspect = any(one.is_suspect for one in found)
    hint = "; ".join(renamed[:_LISTED]) or None
    return [Diagnostic("P606", message, "warning" if is_suspect else "note", hint=hint)]


def _without_rows(types: SourceTypes, body: Any) -> list[Absent]:
    """The first name on the way to the rows that nothing has."""
    looked = Looked.of(Reading(None, loop[1:], is_whole=False) for loop in types.loops.values())
    found = _below([body], types.reply, looked, (), of_rows=True)
    return [one for one in found if one.similar or len(one.path) > 1]


def _told(types: SourceTypes, found: list[Absent]) -> list[Absent]:
    """The names without those that were only tried before another one, which is there."""
    gone = [one.path for one in found]

    def is_there(place: NamePath) -> bool:
        return not any(place[: len(path)] == path for path in gone)

    def is_read(path: NamePath) -> bool:
        uses = [others for place, others in types.uses if place[: len(path)] == path]
        return not uses or any(not any(map(is_there, others)) for others in uses)

    return [one for one in found if one.similar or is_read(one.path)]


def _listed(place: str, found: list[Absent]) -> str:
    shown = [f"`{one.path[-1]}`" for one in found[:_LISTED]]
    others = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"{', '.join(shown)}{others}{f' in {place}' if place else ''}"


def _absent(types: SourceTypes, variable: str | None, rows: Sequence[Any]) -> Iterator[Absent]:
    kind, looked = types.looked(variable)
    return _below(rows, kind, looked, () if variable is None else types.loops[variable][1:])


def _below(
    values: Sequence[Any], kind: Type, looked: Looked, path: NamePath, *, of_rows: bool = False
) -> Iterator[Absent]:
    """The names below some values that none of them has. `of_rows` if the names lead to rows, which are objects."""
    holders, others = list(_objects(values)) if looked.names else [], None
    # In an order that does not depend on where the mapping reads them.
    for name, inner in sorted(looked.names.items()) if holders else ():
        if name not in holders[0] and not any(map(contains, holders, repeat(name))):
            others = _undeclared(holders, kind, looked) if others is None else others
            similar = nearest(name, others) if others else None
            yield Absent(
                (*path, name), similar, is_suspect=similar is not None or bool((inner.names or of_rows) and others)
            )
        elif inner.names:
            below = [holder[name] for holder in holders if name in holder]
            yield from _below(below, _property(kind, name), inner, (*path, name), of_rows=of_rows)


def _undeclared(holders: Sequence[dict[str, Any]], kind: Type, looked: Looked) -> list[str]:
    """The names that the provider's schema does not declare and the mapping does not read."""
    new = (
        set[Any]()
        .union(*holders[:_LOOKED_AT])
        .difference(looked.names, *(each.properties or () for each in objects(kind)))
    )
    given = dict.fromkeys(one for holder in holders[:_LOOKED_AT] for one in holder) if new else ()
    return [one for one in given if isinstance(one, str) and one in new]


def _property(kind: Type, name: str) -> Type:
    return next((one.properties[name] for one in objects(kind) if one.properties and name in one.properties), ANY)


def _objects(values: Sequence[Any]) -> Iterable[dict[str, Any]]:
    if set(map(type, values)) == {dict}:
        return values
    return _objects_in(values)


def _objects_in(values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from _objects_in(value)
