"""Rows that are still bytes, and their records: the code of `typed_rows`, put to work.

Names that no schema declares are learned from the first reply that has them. They change nothing but the speed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from truto_mapper.engine import typed_json, typed_rows
from truto_mapper.engine.called import linked, pairs_or_false
from truto_mapper.engine.decimals import number
from truto_mapper.engine.row_code import Blueprint
from truto_mapper.engine.typed_json import MAX_LESSONS, UndecidedError
from truto_mapper.language.compiler.compiler import code_of
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import Budget
from truto_mapper.text.source import Source

#: Maps rows that are JSON: gives the records, the numbers of the doubtful ones, and whether one was as expected.
MapUsual = Callable[..., tuple[list[Any], list[int], bool]]


class TypedRows:
    """The function that maps the raw rows of one endpoint. Raises `UnfusableError` if there can be none."""

    def __init__(self, blueprint: Blueprint, source: Source) -> None:
        blueprint = replace(blueprint, page=blueprint.page.copied())  # it is complete, and stays as it is
        pen = blueprint.externals.pen(blueprint.endpoint.path, {})
        self.code = typed_rows.TypedRowCode(blueprint, [pen.new_local(name) for name in blueprint.loops.variables])
        code, functions = code_of(typed_rows.rows_module(self.code), source), blueprint.endpoint.path.functions
        self.function = linked(code, "rows", blueprint.externals.constants, functions)
        self.inner, self._names, self._lessons = blueprint.loops.inner, dict[NamePath, list[str]](), 0
        self._decoders = self._typed()

    def _typed(self) -> list[typed_json.Decoder]:
        paths = {path[:end] for path in self.code.values for end in range(1, len(path))}
        paths |= {(variable,) for variable in self.code.blueprint.loops.variables}
        self._known = {path: frozenset(typed_rows.names_at(self.code, path, self._names)) for path in paths}
        return [typed_json.decoder(kind) for kind in typed_rows.row_types(self.code, self._names)]

    def mapped(
        self, usual: MapUsual, rows: list[Any], remote_data: bool, arguments: tuple[Any, ...], budget: Budget
    ) -> tuple[list[Any], Sequence[int], bool]:
        """The records of raw rows, the numbers of the doubtful ones, and whether a row has everything that is read.

        `usual` maps the odd rows. Raises `UndecidedError` if most rows are odd.
        """
        given = remote_data, arguments, budget
        records, odd, lacking = self.function(rows, *given, *self._decoders)
        if not odd:
            return records, (), not lacking and bool(records)
        is_new = self._learn(odd[0])
        if records is None:
            if not is_new:
                raise UndecidedError
            return self.mapped(usual, rows, *given)
        return self._completed(usual, records, odd, not lacking, given)

    def _completed(
        self, map_usual: MapUsual, records: list[Any], odd: Sequence[Any], is_complete: bool, given: Sequence[Any]
    ) -> tuple[list[Any], list[int], bool]:
        """The records with those of the odd rows, which are mapped as rows that are JSON already."""
        usual = [list(self._usual(*raws)) for _, *raws in odd]
        made, doubtful, has_expected = map_usual([row for rows in usual for row in rows], *given)
        merged, places, start, done = list[Any](), list[int](), 0, 0
        for (at, *_), rows in zip(odd, usual, strict=True):
            merged += records[start:at]
            places += range(len(merged), len(merged) + len(rows))
            merged += made[done : done + len(rows)]
            start, done = at + 1, done + len(rows)
        return merged + records[start:], [places[number] for number in doubtful], is_complete or has_expected

    def _usual(self, raw: Any, inner: Any = None) -> Iterator[Any]:
        """The rows that `Fused.mapped` takes for raw ones: none for a null."""
        outer = typed_json.read(raw, number)
        if inner is not None and (row := typed_json.read(inner, number)) is not None:
            yield outer, row
        elif inner is None and self.inner is not None:
            pairs = pairs_or_false([outer], self.inner)
            if pairs is False:
                raise UndecidedError
            yield from pairs
        elif inner is None and outer is not None:
            yield outer

    def _learn(self, odd: Sequence[Any]) -> bool:
        """Learn the names of an odd row. Returns whether there are new ones."""
        if self._lessons >= MAX_LESSONS:
            return False
        before = dict(self._names)
        for variable, raw in zip(self.code.blueprint.loops.variables, odd[1:], strict=False):
            self._note((variable,), typed_json.read(raw))
        if self._names == before:
            return False
        self._lessons, self._decoders = self._lessons + 1, self._typed()
        return True

    def _note(self, path: NamePath, value: Any) -> None:
        if new := typed_json.new_names(value, self._known[path]):
            self._names[path] = [*self._names.get(path, ()), *new]
        for name in value if isinstance(value, dict) else ():
            if (*path, name) in self._known:
                self._note((*path, name), value[name])
