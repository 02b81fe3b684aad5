"""The values of a sample that have no parts, and those of them that a mapping does not read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from truto_mapper.authoring.observation import Seen
from truto_mapper.authoring.starting.names import path_text
from truto_mapper.authoring.starting.rows import ITEM, VALUE, VALUES, Rows
from truto_mapper.language.types import Type, in_words
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.record import NamedTuple

Path = tuple[str, ...]


class Leaf(NamedTuple):
    """A value without parts: how a mapping writes its place, and what it holds."""

    text: str
    seen: Seen

    def described(self) -> str:
        """The place and what it holds, for a comment."""
        if not self.seen.types:
            return f"{self.text}: always null"
        held = in_words(Type(frozenset(self.seen.types)))
        values = [value for kind, value in self.seen.values if kind != "null"]
        if not values:
            return f"{self.text}: {'an empty array' if self.seen.types == ['array'] else held}"
        return f"{self.text}: {held}, such as {excerpt(values[0], 40)}"


def unread(reply: Seen, rows: Rows, read: Iterable[tuple[Path, Collection[Path]]]) -> list[Leaf]:
    """The leaves of replies that nothing reads, those of a row first.

    `read` has the paths that are read, each with the paths below it that are not.
    """
    known = [*read]
    found = [one for one in _leaves(reply, ()) if not (_is_read(one[0], known) or _is_around(*one, rows))]
    found.sort(key=lambda one: not _is_in(one[0], rows.path))
    return [Leaf(_text(path, rows), seen) for path, seen in found]


def _is_read(path: Path, read: Iterable[tuple[Path, Collection[Path]]]) -> bool:
    """Whether a path or one above it is read, and the part below that is not left out."""
    above = [(path[len(at) :], without) for at, without in read if path[: len(at)] == at]
    return any(not any(below[: len(one)] == one for one in without) for below, without in above)


def _is_around(path: Path, seen: Seen, rows: Rows) -> bool:
    """Whether a path leads to the rows; the note on these says which are left out."""
    return (path == rows.path and not rows.is_made) or (
        path == rows.path[: len(path)] and {*seen.types} <= {"array", "object"}
    )


def _leaves(seen: Seen, path: Path) -> Iterator[tuple[Path, Seen]]:
    """Each value without parts, with its path. What is sometimes a scalar is one, whatever else it may be."""
    table = seen.table
    fields = seen.fields if table is None else {VALUE: table}
    inner = [((*path, name), one) for name, one in fields.items()]
    inner += [((*path, ITEM), seen.items)] if seen.items is not None else []
    if not inner or not {*seen.types} <= {"object", "array"}:
        yield path, seen
    for at, one in inner:
        yield from _leaves(one, at)


def _is_in(path: Path, at: Path) -> bool:
    """Whether a path leads into the objects at another one; an array there is no row."""
    return path[: len(at)] == at and path[len(at) : len(at) + 1] != (ITEM,)


def _text(path: Path, rows: Rows) -> str:
    """A path as a mapping writes it: from the row, from the item of a loop, or from the reply."""
    if rows.is_made and path[: len(rows.path)] == rows.path:
        return written(path[len(rows.path) :], VALUES)
    starts = [("", rows.path), *((f"${name}", at) for name, at, _ in reversed(rows.outer)), ("$response", ())]
    start, at = next((start, at) for start, at in starts if _is_in(path, at) or not at)
    return written(path[len(at) :], start)


def written(path: Sequence[str], start: str) -> str:
    """A path as an expression, with `[]` for each item of an array and `.*` for each value of an object."""
    made, names = start, list[str]()
    for step in path:
        if step in (ITEM, VALUE):
            made, names = path_text(names, made) if names or made else "$", []
            made += ITEM if step == ITEM else f".{VALUE}"
        else:
            names.append(step)
    return path_text(names, made)
