"""The rows that the generated code found, each located in the reply when it is asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from truto_mapper.engine.reply_code import Loops, rows_or_false, value_at
from truto_mapper.engine.rows import Place, Row
from truto_mapper.engine.source_types import SourceTypes, classes_of
from truto_mapper.text.pointers import Steps, json_pointer


class LocatedRows:
    """The rows of one or two plain loops, each located when it is asked for: the same as `Reply.rows` gives."""

    def __init__(self, body: Any, loops: Loops) -> None:
        self.loops = loops
        self.outer = rows_or_false(value_at(body, *loops.outer)) or []
        #: The pointer of the outermost rows.
        self.pointer = json_pointer((*loops.outer, ""))

    @staticmethod
    def are_declared(types: SourceTypes) -> bool:
        """Whether the provider's schema declares arrays, or anything, where rows are found."""
        places = set(types.loops.values())
        on_the_way = {place[:end] for place in places for end in range(2, len(place) + 1)}
        declared = ((classes_of(types.declared(place)), list if place in places else dict) for place in on_the_way)
        return all(not classes or needed in classes for classes, needed in declared)

    @cached_property
    def _indices(self) -> list[tuple[int, ...]]:
        """The index of each row in each loop. Nulls are no rows."""
        outer = [(index, row) for index, row in enumerate(self.outer) if row is not None]
        name = self.loops.inner
        if name is None:
            return [(index,) for index, _ in outer]
        return [(i, n) for i, row in outer for n, inner in enumerate(row.get(name) or ()) if inner is not None]

    def __getitem__(self, number: int) -> Row:
        path: Steps = self.loops.outer
        places: dict[str, Place] = {}
        for (name, value), index in zip(self.values(number).items(), self._indices[number], strict=True):
            path = (*path, index) if not places else (*path, self.loops.inner or "", index)
            places[name] = Place(value, path)
        return Row(places, places[self.loops.variables[-1]], self.remote(number))

    def values(self, number: int) -> dict[str, Any]:
        """The rows of the loops by their variables, for the row of a number."""
        first, *rest = self._indices[number]
        outer, variables = self.outer[first], self.loops.variables
        return {variables[0]: outer, variables[1]: outer[self.loops.inner][rest[0]]} if rest else {variables[0]: outer}

    def pointers(self, number: int) -> list[str]:
        """The pointers to the rows of the loops, the innermost first."""
        first, *rest = self._indices[number]
        outer = f"{self.pointer}{first}"
        return [*(f"{outer}{json_pointer((self.loops.inner or '', index))}" for index in rest), outer]

    def remote(self, number: int) -> Any:
        """The `remote_data` of a row: the outermost row, with this inner row alone."""
        outer, *inner = self.values(number).values()
        return {**outer, self.loops.inner: inner} if inner else outer
