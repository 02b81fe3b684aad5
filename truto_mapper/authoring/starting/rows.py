"""Where the rows of a reply are: the list, or the lists one within another, whose items become records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from truto_mapper.authoring.check.words import words
from truto_mapper.authoring.observation import Seen
from truto_mapper.authoring.starting.conversions import SCALARS
from truto_mapper.authoring.starting.names import is_usable, path_text, singular, variable
from truto_mapper.text.pointers import dotted

#: What lists of rows are often called, and the objects around one record.
_LISTS = {"data", "results", "result", "items", "records", "entries", "values", "value", "list", "rows", "content"}
_LISTS |= {"elements", "objects", "collection", "docs", "hits", "nodes"}
_WRAPPERS = {"data", "result", "item", "record", "entry", "object", "response"}

#: How many values that are no objects may be beside the one record of a reply: a status, a code, a message.
MOST_BESIDE = 3

#: The steps of a path that are no names: each item of a list, each value of an object.
ITEM, VALUE = "[]", "*"

#: The name of the value in a row that is made of one.
VALUES = "value"

#: How deep a list of rows is looked for.
_DEEPEST = 8

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a reply: the path to them, what they hold, and the loops that give them, outermost first.

    `outer` has what the items of the loops around them hold. `note` says what was guessed.
    """

    path: Path
    seen: Seen
    loops: tuple[tuple[str, str], ...] = ()
    outer: tuple[tuple[str, Seen], ...] = ()
    note: str = ""

    @property
    def is_one(self) -> bool:
        """Whether a reply is one row."""
        return not {ITEM, VALUE} & {*self.path}


@dataclass(frozen=True, slots=True)
class _List:
    """A list in a reply: the path to its items, the name of the list, and what the items hold."""

    path: Path
    name: str
    seen: Seen

    def rank(self, resource: str) -> tuple[int, bool, int, bool, int, int]:
        """The less, the more likely are these the rows."""
        is_named = words(self.name) == words(resource)
        is_known = is_named or self.name.lower() in _LISTS or not self.name
        kind = 0 if self.seen.objects or (not self.seen.count and is_known) else 1 if self.seen.count else 2
        loops = self.path.count(ITEM) + self.path.count(VALUE)
        return kind, not is_named, loops, not is_known, len(self.path), -self.seen.count


def rows_of(reply: Seen, resource: str, *, one: bool) -> Rows:
    """The rows of replies; `one` says that each holds a single record."""
    lists = sorted(_lists(reply, (), ""), key=lambda found: found.rank(resource))
    known = lists and not lists[0].rank(resource)[3] and lists[0].seen.count <= reply.count
    if lists and (not one or reply.items is not None or (known and _wrapped(reply, resource) is None)):
        return _looped(reply, lists, resource)
    inner = _wrapped(reply, resource)
    if inner is None:
        note = "" if one else "the sample has no list of objects, so the whole reply is one row"
        return Rows((), reply, note=note)
    return Rows((inner,), reply.fields[inner], ((variable(resource, ()), path_text([inner])),))


def _lists(seen: Seen, path: Path, name: str) -> Iterator[_List]:
    """The lists in a value, those in lists too. An object whose names are data is one."""
    if len(path) > _DEEPEST:
        return
    if "array" in seen.kinds:
        items = seen.items or Seen()
        yield _List((*path, ITEM), name, items)
        yield from _lists_in(items, (*path, ITEM))
    elif (table := seen.table) is not None and table.types == ["object"]:
        yield _List((*path, VALUE), name, table)
        yield from _lists_in(table, (*path, VALUE))
    else:
        yield from _lists_in(seen, path)


def _lists_in(seen: Seen, path: Path) -> Iterator[_List]:
    for name, inner in seen.fields.items():
        if is_usable(name) and name not in (ITEM, VALUE):
            yield from _lists(inner, (*path, name), name)


def _wrapped(reply: Seen, resource: str) -> str | None:
    """The name under which a reply has its one record."""
    if "array" in reply.kinds:
        return None
    objects = {name: inner for name, inner in reply.fields.items() if inner.types == ["object"] and inner.table is None}
    named = [name for name in objects if words(name) == words(resource)]
    is_record = "id" in reply.fields or len(reply.fields) - len(objects) > MOST_BESIDE
    around = [] if is_record else [name for name in objects if name.lower() in _WRAPPERS]
    return named[0] if named else around[0] if len(around) == 1 else None


def _looped(reply: Seen, lists: list[_List], resource: str) -> Rows:
    chosen, *others = lists
    loops, outer, names, seen = list[tuple[str, str]](), list[tuple[str, Seen]](), list[str](), reply
    for number, step in enumerate(chosen.path):
        if step not in (ITEM, VALUE):
            names, seen = [*names, step], seen.fields[step]
            continue
        seen = (seen.items or Seen()) if step == ITEM else (seen.table or Seen())
        is_last = number == len(chosen.path) - 1
        name = variable(resource if is_last else singular(names[-1] if names else "row"), [known for known, _ in loops])
        loops.append((name, path_text(names) + (".*" if step == VALUE else "")))
        outer += [] if is_last else [(name, seen)]
        names = []
    note = _doubt(chosen, others, resource)
    if seen.types and {*seen.types} <= SCALARS:  # a row is an object, so each is put into one
        loops[-1] = (name, f'{loops[-1][1]}.{{"{VALUES}": $}}')
        seen = Seen(seen.count, objects=seen.count, fields={VALUES: seen})
    return Rows(chosen.path, seen, tuple(loops), tuple(outer), note)


def _doubt(chosen: _List, others: list[_List], resource: str) -> str:
    """What could be wrong about a choice of rows."""
    if not chosen.seen.count:
        return "the list is empty in the sample, so its rows are not known"
    named = words(chosen.name) == words(resource)
    known = named or chosen.name.lower() in _LISTS
    below = chosen.path if known else None
    also = [one for one in others if one.seen.objects and one.path[: len(chosen.path)] != below]
    if also and not named:
        shown = ", ".join(written(one.path) for one in also[:3]) + (" and others" if len(also) > 3 else "")
        return f"the sample has more lists of objects: {shown}"
    return "" if chosen.seen.objects else "the items of this list are no objects"


def written(path: Path) -> str:
    """A path as a person writes it: `companies[].contacts`."""
    return dotted(path).replace(".[]", "[]").removesuffix("[]") or "the reply itself"
