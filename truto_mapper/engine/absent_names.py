"""Drift seen from one page: no row has something that the mapping reads. A provider may have renamed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from truto_mapper.engine.source_types import Looked, SourceTypes
from truto_mapper.language.names import NamePath
from truto_mapper.language.types import ANY, Type, objects
from truto_mapper.text.diagnostics import Diagnostic, nearest
from truto_mapper.text.pointers import dotted

#: How many names a message lists.
_LISTED = 5


class Absent(NamedTuple):
    """A name that no row has, and the undeclared name that is most like it.

    `is_suspect` if it looks renamed: there is a similar name, or an object is gone and there are undeclared names.
    """

    path: NamePath
    similar: str | None
    is_suspect: bool


def drift_notes(types: SourceTypes, rows: Sequence[Sequence[Any]]) -> list[Diagnostic]:
    """P606 for the names that are read but are in none of the rows; `rows` has the rows of each loop.

    A warning if something looks renamed, else a note.
    """
    found = [
        absent for variable, ones in zip(types.loops, rows, strict=True) for absent in _absent(types, variable, ones)
    ]
    if not found:
        return []
    parts = [_listed(above, list(ones)) for above, ones in groupby(found, lambda one: one.path[:-1])]
    message = f"the mapping reads what no row of the reply has: {'; '.join(parts)}"
    new = {one.similar: one.path[-1] for one in reversed(found) if one.similar}
    renamed = [f"`{old}` may be `{similar}` now" for similar, old in reversed(new.items())]
    is_suspect = any(one.is_suspect for one in found)
    hint = "; ".join(renamed[:_LISTED]) or None
    return [Diagnostic("P606", message, "warning" if is_suspect else "note", hint=hint)]


def _listed(above: NamePath, found: list[Absent]) -> str:
    shown = [f"`{one.path[-1]}`" for one in found[:_LISTED]]
    others = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return f"{', '.join(shown)}{others} in `{dotted(above)}`"


def _absent(types: SourceTypes, variable: str, rows: Sequence[Any]) -> Iterator[Absent]:
    looked = Looked.of(reading for reading in types.of_rows if reading.variable == variable)
    return _below(rows, types.start(variable), looked, types.loops[variable][1:])


def _below(values: Sequence[Any], kind: Type, looked: Looked, path: NamePath) -> Iterator[Absent]:
    holders = list(_objects(values))
    for name, inner in looked.names.items() if holders else ():
        if not any(name in holder for holder in holders):
            others = _undeclared(holders, kind, looked)
            similar = nearest(name, others)
            yield Absent((*path, name), similar, is_suspect=similar is not None or bool(inner.names and others))
        elif inner.names:
            below = [holder[name] for holder in holders if name in holder]
            yield from _below(below, _property(kind, name), inner, (*path, name))


def _undeclared(holders: Sequence[dict[str, Any]], kind: Type, looked: Looked) -> list[str]:
    """The names that the provider's schema does not declare and the mapping does not read."""
    known = {one for each in objects(kind) for one in each.properties or ()} | looked.names.keys()
    given = dict.fromkeys(one for holder in holders for one in holder)
    return [one for one in given if isinstance(one, str) and one not in known]


def _property(kind: Type, name: str) -> Type:
    return next((one.properties[name] for one in objects(kind) if one.properties and name in one.properties), ANY)


def _objects(values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from _objects(value)
