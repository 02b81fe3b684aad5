"""Where the rows of a reply are: the list, or the lists one within another, whose items become records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from truto_mapper.authoring.check.words import words
from truto_mapper.authoring.observation import Seen
from truto_mapper.authoring.starting.names import is_usable, path_text, singular, variable
from truto_mapper.text.diagnostics import excerpt
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

    `outer` has the paths of the loops around them, and what their items hold. `list` is the outermost list. `is_made`
    is true for values that are put into rows. `note` says what was guessed.
    """

    path: Path
    seen: Seen
    loops: tuple[tuple[str, str], ...] = ()
    outer: tuple[tuple[str, Path, Seen], ...] = ()
    list: str = ""
    is_made: bool = False
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
        yield from _lists(items, (*path, ITEM), name) if items.items is not None else ()
    elif (table := seen.table) is not None and table.types == ["array"]:
        yield from _lists(table, (*path, VALUE), name)
    elif table is not None and table.types == ["object"]:
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
    loops, outer, notes = list[tuple[str, str]](), list[tuple[str, Path, Seen]](), [_doubt(chosen, others, resource)]
    for name, path, expression, seen, others_in in _steps(reply, chosen.path, resource):
        kept, note = _only_objects(seen, others_in) if seen.objects else ("", "")
        loops.append((name, expression + kept))
        notes.append(note)
        outer.append((name, path, _objects(seen)))
    rows = outer.pop()[2] if seen.objects else seen
    if is_made := bool(seen.types and not seen.objects):  # a row is an object, so each value is put into one
        loops[-1] = (name, _put(expression, seen))
        rows = Seen(seen.count, objects=seen.count, fields={VALUES: seen})
    first = path_text(chosen.path[: next(n for n, step in enumerate(chosen.path) if step in (ITEM, VALUE))])
    note = "; ".join(filter(None, notes))
    return Rows(chosen.path, rows, tuple(loops), tuple(outer), first, is_made, note)


def _steps(reply: Seen, path: Path, resource: str) -> Iterator[tuple[str, Path, str, Seen, list[Any]]]:
    """Each loop on the way to the rows: its name, the path to its items, the expression that gives them, what they
    hold, and scalars among the lists in a list.

    A list whose items are lists is one loop over the items of all: `*` flattens them.
    """
    names, seen, expression, known, others = list[str](), reply, "", list[str](), list[Any]()
    for number, step in enumerate(path, 1):
        if step not in (ITEM, VALUE):
            names, seen = [*names, step], seen.fields[step]
            continue
        before, after = path[number - 2 : number - 1], path[number : number + 1]
        expression = expression or path_text(names)
        is_flat = expression.endswith(".*")
        expression += ".*" if step == VALUE or (before == (ITEM,) and not is_flat) else ""
        seen = (seen.items or Seen()) if step == ITEM else (seen.table or Seen())
        seen = _flat(seen) if step == ITEM and expression.endswith(".*") and not after else seen
        if after in ((ITEM,), (VALUE,)):
            others += [seen.kinds[kind][1] for kind in seen.types if kind != "array"]
            continue
        name = variable(singular(names[-1] if names else "row") if after else resource, known)
        yield name, path[:number], expression, seen, others
        names, expression, known, others = [], "", [*known, name], []


def _flat(seen: Seen) -> Seen:
    """What some values hold, and the items of those that are arrays, as `*` finds them."""
    made, inner = Seen(), seen
    while True:
        made.merge(inner)
        if inner.items is None:
            break
        inner = inner.items
    made.items, made.kinds = None, {kind: first for kind, first in made.kinds.items() if kind != "array"}
    return made


def _only_objects(seen: Seen, others: list[Any]) -> tuple[str, str]:
    """The predicate that leaves out items that are no objects, and a note on them; null is never a row."""
    others = [*others, *(seen.kinds[one][1] for one in seen.types if one != "object")]
    if not others:
        return "", ""
    shown = ", ".join(excerpt(one, 30) for one in others)
    return '[$type($) = "object"]', f"items that are no objects are left out: {shown}"


def _objects(seen: Seen) -> Seen:
    """What only the objects of some values hold."""
    kinds = {kind: first for kind, first in seen.kinds.items() if kind == "object"}
    return Seen(seen.objects, objects=seen.objects, kinds=kinds, fields=seen.fields)


def _put(expression: str, seen: Seen) -> str:
    """The expression of rows that each hold one value of a list."""
    if "array" in seen.kinds:  # a step of a path takes a list apart
        return f'$map({expression}, function($item) {{{{"{VALUES}": $item}}}})'
    return f'{expression}.{{"{VALUES}": $}}'


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
