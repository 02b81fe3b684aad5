"""The rows of a reply that `for_each` selects, each with its place in the reply."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.names import is_simple_path, leading_names
from truto_mapper.language.nodes import Variable
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Places
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.pointers import Steps


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a reply and the path to it. The value is MISSING where the path ends in an absent key.

    An object that an expression constructed is not `in_reply`, and has the path of its outer row.
    """

    value: Any
    path: Steps
    in_reply: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """The input of one record: the place of each `for_each` name, the innermost of them, and the `remote_data`."""

    places: Mapping[str, Place]
    item: Place
    remote: Any


class Reply:
    """The body of a reply. Its objects and arrays are indexed when a place is first asked for."""

    def __init__(self, body: Any) -> None:
        self.body = body

    @cached_property
    def places(self) -> Places:
        return Places({"": self.body})

    def rows(self, endpoint: Endpoint, scope: Scope, accepts: Callable[[Expression, Row], bool]) -> list[Row]:
        """The rows of nested loops, in order and without nulls. A loop that `accepts` refuses has no rows."""
        return list(self._loop(endpoint.for_each, Row({}, Place(self.body, ()), self.body), scope, accepts))

    def _loop(
        self,
        loops: Sequence[tuple[str, Expression]],
        outer: Row,
        scope: Scope,
        accepts: Callable[[Expression, Row], bool],
    ) -> Iterator[Row]:
        if not loops:
            yield outer
            return
        (name, expression), *inner = loops
        if not accepts(expression, outer):
            return
        if scope.trace is not None:
            scope.trace.row, scope.trace.target = outer.item.path, name
        for place in self._items(expression, outer, scope):
            if place.value is not None:
                places = {**outer.places, name: place}
                row = Row(places, place, _narrowed(next(iter(places.values())), place))
                yield from self._loop(inner, row, Scope(place.value, {name: place.value}, scope), accepts)

    def _items(self, expression: Expression, outer: Row, scope: Scope) -> list[Place]:
        found = _located(expression, outer)
        if found is None or scope.trace is not None:
            value = expression.evaluate_in(scope)
        if found is None:
            values = value if isinstance(value, list) else [] if value is MISSING else [value]
            found = [self._placed(item, outer.item.path) for item in values]
        return found

    def _placed(self, item: Any, outer: Steps) -> Place:
        """An item that an expression computed: at its own place if it is part of the reply, else at its outer row's."""
        known = self.places.of(item)
        return Place(item, outer, in_reply=False) if known is None else Place(item, known[1])


def _located(expression: Expression, outer: Row) -> list[Place] | None:
    """The items that a plain path of names leads to; None for any other expression, or below a constructed object."""
    if not is_simple_path(expression.node):
        return None
    first, *names = leading_names(expression.node)
    start: Place | None = outer.item
    if not isinstance(first, Variable):
        names = [first, *names]
    elif first.name:
        start = outer.places.get(first.name)
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
    if not item.in_reply or item.path[:start] != outermost.path:
        return item.value
    return _with_only(outermost.value, item.path[start:], item.value)


def _with_only(holder: Any, path: Steps, value: Any) -> Any:
    if not path:
        return value
    head, *rest = path
    inner = _with_only(holder[head], tuple(rest), value)
    return [inner] if isinstance(head, int) else {**holder, head: inner}
