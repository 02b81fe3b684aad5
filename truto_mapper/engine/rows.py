"""The rows of a reply that `for_each` selects, each with its place in the reply."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, TypeAlias

from truto_mapper.engine.source_types import selected_path
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.names import is_simple_path, leading_names
from truto_mapper.language.nodes import Name, Variable
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Places
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.pointers import Steps, json_pointer
from truto_mapper.text.record import NamedTuple

#: The binding of the bodies of replies to joins, which no expression can name.
REPLIES = "replies to joins"


class OtherReply(str):
    """Begins the path of a value that is not in the page's own reply, and says in which one it is."""

    __slots__ = ()


class Place(NamedTuple):
    """A value of a reply and the path to it. The value is MISSING where the path ends in an absent key.

    An object that an expression constructed is not `in_reply`, and has the path of its outer row.
    """

    value: Any
    path: Steps
    in_reply: bool = True


class Row(NamedTuple):
    """The input of one record: the place of each `for_each` name, the innermost of them, and the `remote_data`."""

    places: Mapping[str, Place]
    item: Place
    remote: Any


class Rows(list[Row]):
    """The rows of a reply, in order and without nulls."""

    def remote(self, number: int) -> Any:
        """The `remote_data` of a row."""
        return self[number].remote

    def pointers(self, number: int) -> list[str]:
        """The pointers to the rows of the loops, the innermost first; to the reply where there are no loops."""
        row = self[number]
        places = [json_pointer(place.path) for place in row.places.values()]
        return places[::-1] or [json_pointer(row.item.path)]


#: The paths of rows that are left out, of a loop with a name below an outer row.
Doubts: TypeAlias = Callable[[str, Expression, Row], Collection[Steps] | None]


class Reply:
    """The body of a reply. Its objects and arrays are indexed when a place is first asked for.

    `others` are the bodies of replies to its joins.
    """

    def __init__(self, body: Any, others: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.body, self.others = body, others

    @cached_property
    def places(self) -> Places:
        return Places({"": self.body, **self.others})

    def rows(self, endpoint: Endpoint, scope: Scope, doubts: Doubts) -> Rows:
        """The rows of nested loops, in order and without nulls and those at the paths that `doubts` gives for a loop.

        If it gives None, the loop has no rows.
        """
        return Rows(self._loop(endpoint.for_each, Row({}, Place(self.body, ()), self.body), scope, doubts))

    def inner_rows(self, loops: Sequence[tuple[str, Expression]], outer: Row, scope: Scope, doubts: Doubts) -> Rows:
        """The rows of the loops within a row of the outermost one, as `rows` gives them."""
        ((name, place),) = outer.places.items()
        return Rows(self._loop(loops, outer, Scope(place.value, {name: place.value}, scope), doubts))

    def _loop(
        self,
        loops: Sequence[tuple[str, Expression]],
        outer: Row,
        scope: Scope,
        doubts: Doubts,
    ) -> Iterator[Row]:
        if not loops:
            yield outer
            return
        (name, expression), *inner = loops
        doubtful = doubts(name, expression, outer)
        if doubtful is None:
            return
        if scope.trace is not None:
            scope.trace.row, scope.trace.target = outer.item.path, name
        for place in self._items(expression, outer, scope):
            if place.value is not None and place.path not in doubtful:
                places = {**outer.places, name: place}
                row = Row(places, place, _narrowed(next(iter(places.values())), place))
                yield from self._loop(inner, row, Scope(place.value, {name: place.value}, scope), doubts)

    def _items(self, expression: Expression, outer: Row, scope: Scope) -> list[Place]:
        found = _located(leading_names(expression.node), outer) if is_simple_path(expression.node) else None
        if found is None or scope.trace is not None:
            value = expression.evaluate_in(scope)
        if found is None:
            values = value if isinstance(value, list) else [] if value is MISSING else [value]
            found = self._placed(values, selected_path(expression.node), outer)
        return found

    def _placed(self, values: list[Any], path: list[Name | Variable] | None, outer: Row) -> list[Place]:
        """The items that an expression computed: those of the reply, or copies of them, at their own places.

        Copies are in the order of the items at the `path` that they were selected from. The others are at their outer
        row's place.
        """
        known = [self.places.of(item) for item in values]
        items = iter((_located(path, outer) if path is not None and None in known else None) or ())
        made = []
        for item, place in zip(values, known, strict=True):
            own = Place(item, place[1]) if place else next((one for one in items if _is_copy(item, one.value)), None)
            made.append(own or Place(item, outer.item.path, in_reply=False))
        return made


def _is_copy(one: Any, other: Any) -> bool:
    return bool(one == other) and repr(one) == repr(other)  # 1 and true are equal in Python


def _located(path: Sequence[Name | Variable], outer: Row) -> list[Place] | None:
    """The items that a path of names leads to; None below a constructed object."""
    first, *names = path
    start: Place | None = outer.item
    if not isinstance(first, Variable):
        names = [first, *names]
    elif first.name:
        is_reply = first.name in ("$", "response") and not outer.places
        start = outer.item if is_reply else outer.places.get(first.name)
    if start is None or not start.in_reply:
        return None
    found = [start]
    for name in names:
        found = [inner for place in found for inner in _named(place, str(name.value))]  # type: ignore[union-attr]
    return [item for place in found for item in _spread(place)]


def _named(place: Place, name: str) -> Iterator[Place]:
    if isinstance(place.value, dict) and name in place.value:
        yield Place(place.value[name], (*place.path, name))
    elif isinstance(place.value, list):
        for item in _spread(place):
            yield from _named(item, name)


def _spread(place: Place) -> Iterator[Place]:
    if not isinstance(place.value, list):
        yield place
        return
    for index, item in enumerate(place.value):
        yield Place(item, (*place.path, index))


def _narrowed(outermost: Place, item: Place) -> Any:
    """The outermost row with only one of its inner items; the item alone if that is not inside it."""
    start = len(outermost.path)
    if not (item.in_reply and outermost.in_reply) or item.path[:start] != outermost.path:
        return item.value
    return _with_only(outermost.value, item.path[start:], item.value)


def _with_only(holder: Any, path: Steps, value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    inner = _with_only(holder[head], tuple(rest), value)
    return [inner] if isinstance(head, int) else {**holder, head: inner}
