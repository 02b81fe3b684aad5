"""The rows that the generated code found, each located in the reply when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from truto_mapper.engine.called import pairs_or_false, rows_or_false, value_at
from truto_mapper.engine.reply_code import Loops
from truto_mapper.engine.rows import Place, Row
from truto_mapper.engine.source_types import SourceTypes, classes_of
from truto_mapper.text.pointers import Steps, json_pointer


class LocatedRows:
    """The rows of one or two plain loops, each located when it is asked for: the same as `Reply.rows` gives."""

    def __init__(self, body: Any, loops: Loops, pointer: str) -> None:
        """`pointer` is that of the outermost rows."""
        self.body, self.loops, self.pointer = body, loops, pointer
        #: By the numbers of outer rows of another shape, the rows within each: not one is an object.
        self.others: dict[int, Sequence[Row]] = {}

    @cached_property
    def outer(self) -> Any:
        """The outermost rows."""
        return rows_or_false(value_at(self.body, *self.loops.outer)) or []

    @staticmethod
    def are_declared(types: SourceTypes) -> bool:
        """Whether the provider's schema declares arrays, or anything, where rows are found."""
        places = set(types.loops.values())
        on_the_way = {place[:end] for place in places for end in range(2, len(place) + 1)}
        declared = ((classes_of(types.declared(place)), list if place in places else dict) for place in on_the_way)
        return all(not classes or needed in classes for classes, needed in declared)

    @cached_property
    def _indices(self) -> tuple[Sequence[int], list[int]]:
        """The index of each row in the outer loop, and in the inner one. Nulls are no rows."""
        # Numbers, not tuples: so many would start the garbage collector.
        name, outer, inner = self.loops.inner, list[int](), list[int]()
        if name is None:
            is_whole = all(self.outer)
            return range(len(self.outer)) if is_whole else [
                n for n, row in enumerate(self.outer) if row is not None
            ], inner
        for index, row in enumerate(self.outer):
            if index in self.others:
                rows = self.others[index]
                outer += [index] * len(rows)
                inner += range(len(rows))
            elif row is not None:
                rows = row.get(name) or ()
                found = range(len(rows)) if all(rows) else [n for n, one in enumerate(rows) if one is not None]
                outer += [index] * len(found)
                inner += found
        return outer, inner

    def __getitem__(self, number: int) -> Row:
        first, inner = self._indices
        if first[number] in self.others:
            return self.others[first[number]][inner[number]]
        path: Steps = self.loops.outer
        places: dict[str, Place] = {}
        for (name, value), indices in zip(self.values(number).items(), self._indices, strict=False):
            path = (*path, indices[number]) if not places else (*path, self.loops.inner or "", indices[number])
            places[name] = Place(value, path)
        return Row(places, places[self.loops.variables[-1]], self.remote(number))

    @property
    def unread(self) -> list[int]:
        """The numbers of the outer rows whose inner ones the generated code does not find."""
        found = ((number, one) for number, one in enumerate(self.outer) if one is not None)
        name = self.loops.inner
        return [n for n, one in found if one.__class__ is not dict or rows_or_false(one.get(name)) is False]

    @property
    def pairs(self) -> Any:
        """The rows of two loops as the generated code takes them."""
        name, outer = self.loops.inner or "", list(self.outer)
        for number, rows in self.others.items():
            outer[number] = (outer[number] if outer[number].__class__ is dict else {}) | {
                name: [one.item.value for one in rows]
            }
        return pairs_or_false(outer, name)

    def values(self, number: int) -> dict[str, Any]:
        """The rows of the loops by their variables, for the row of a number."""
        first, inner = self._indices
        outer, variables = self.outer[first[number]], self.loops.variables
        if self.loops.inner is None:
            return {variables[0]: outer}
        if first[number] in self.others:
            return {name: place.value for name, place in self[number].places.items()}
        return {variables[0]: outer, variables[1]: outer[self.loops.inner][inner[number]]}

    def pointers(self, number: int) -> list[str]:
        """The pointers to the rows of the loops, the innermost first."""
        first, inner = self._indices
        if first[number] in self.others:
            return [json_pointer(place.path) for place in self[number].places.values()][::-1]
        outer = f"{self.pointer}{first[number]}"
        if self.loops.inner is None:
            return [outer]
        return [f"{outer}{json_pointer((self.loops.inner, inner[number]))}", outer]

    def remote(self, number: int) -> Any:
        """The `remote_data` of a row: the outermost row, with this inner row alone."""
        first, inner = self._indices
        outer, name = self.outer[first[number]], self.loops.inner
        if first[number] in self.others:
            return self[number].remote
        return outer if name is None else {**outer, name: [outer[name][inner[number]]]}
