"""Rows that are still bytes, and their records: the code of `typed_rows`, put to work.

Names that no schema declares are learned from the first reply that has them. They change nothing but the speed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from truto_mapper.engine import typed_json, typed_rows
from truto_mapper.engine.called import linked, pairs_or_false
from truto_mapper.engine.row_code import Blueprint
from truto_mapper.engine.typed_json import MAX_LESSONS, UndecidedError
from truto_mapper.language.compiler.compiler import code_of
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import Budget
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.source import Source

#: Maps rows that are JSON: gives the records, the numbers of the doubtful ones, and whether one was as expected.
MapUsual = Callable[..., tuple[list[Any], list[int], bool]]

#: An escape for a printable character of ASCII, with which a name may have two spellings.
_ESCAPE = lazy_pattern(rb"\\u00[2-7]")

#: An odd row: its number and that of its inner row, with nulls, and the outer row as JSON.
OddRow = tuple[int, int, Any]

_NONE: Mapping[int, OddRow] = MappingProxyType({})


class TypedRows:
    """The function that maps the raw rows of one endpoint. Raises `UnfusableError` if there can be none."""

    def __init__(self, blueprint: Blueprint, source: Source) -> None:
        blueprint = replace(blueprint, page=blueprint.page.copied())  # it is complete, and stays as it is
        pen = blueprint.externals.pen(blueprint.endpoint.path, {})
        self.code = typed_rows.TypedRowCode(blueprint, [pen.new_local(name) for name in blueprint.loops.variables])
        self._source, self._module = source, typed_rows.rows_module(self.code)
        self.function = self._linked(self._module)
        self.inner, self._names, self._lessons = blueprint.loops.inner, dict[NamePath, list[str]](), 0
        self._decode, self._decoders = typed_json.decoder(Any), self._typed()

    def _linked(self, module: ast.Module) -> Callable[..., Any]:
        blueprint = self.code.blueprint
        code = code_of(module, self._source)
        return linked(code, "rows", blueprint.externals.constants, blueprint.endpoint.path.functions)

    @cached_property
    def tabular(self) -> Callable[..., Any]:
        """The function whose records are tuples."""
        return self._linked(typed_rows.Tabular(self.code).visit(deepcopy(self._module)))

    def _typed(self) -> list[typed_json.Decoder]:
        paths = {path[:end] for path in self.code.values for end in range(1, len(path))}
        paths |= {(variable,) for variable in self.code.blueprint.loops.variables}
        self._known = {path: frozenset(typed_rows.names_at(self.code, path, self._names)) for path in paths}
        self._below = {path: [one for one in paths if one[:-1] == path] for path in paths}
        return [typed_json.decoder(kind) for kind in typed_rows.row_types(self.code, self._names)]

    def mapped(
        self, usual: MapUsual, rows: list[Any], given: tuple[bool, tuple[Any, ...], Budget], *, as_tuples: bool
    ) -> tuple[list[Any], Mapping[int, OddRow], bool]:
        """The records of raw rows, the doubtful rows by number, and whether a row has everything that is read.

        `usual` maps the odd rows. Raises `UndecidedError` if most rows are odd.
        """
        function = self.tabular if as_tuples else self.function
        records, odd, lacking = function(rows, *given, *self._decoders)
        if not odd:
            return records, _NONE, not lacking and bool(records)
        read = [[*map(self._read, raws)] for _, _, *raws in odd]
        is_new = self._learn(read[0])
        if records is None:
            if not is_new:
                raise UndecidedError
            return self.mapped(usual, rows, given, as_tuples=as_tuples)
        found = [self._found(rows, one, *values) for one, values in zip(odd, read, strict=True)]
        return self._completed(usual, records, [at for at, *_ in odd], found, not lacking, given)

    def _completed(
        self,
        map_usual: MapUsual,
        records: list[Any],
        places: list[int],
        found: list[list[tuple[Any, OddRow]]],
        is_complete: bool,
        given: Sequence[Any],
    ) -> tuple[list[Any], dict[int, OddRow], bool]:
        """The records with those of the odd rows, which are mapped as rows that are JSON already."""
        every = [one for some in found for one in some]
        made, doubtful, has_expected = map_usual([row for row, _ in every], *given)
        if len(every) == len(found) and all(found):
            for at, record in zip(places, made, strict=True):
                records[at] = record
        else:
            records, places = _merged(records, places, [*map(len, found)], made)
        return records, {places[number]: every[number][1] for number in doubtful}, is_complete or has_expected

    def _read(self, raw: Any) -> Any:
        """A raw row as JSON. How deep it is nested in its reply is known."""
        try:
            return self._decode(raw)
        except typed_json.errors():
            raise UndecidedError from None

    def _found(self, rows: list[Any], odd: Sequence[Any], outer: Any, *inner: Any) -> list[tuple[Any, OddRow]]:
        """The rows that `Fused.mapped` takes for an odd one, which has these values: none for a null."""
        at, start, raw, *_ = odd
        if self.inner is None:
            return [] if outer is None else [(outer, (at, 0, outer))]
        number = next(number for number, one in enumerate(rows) if one is raw)
        if inner:
            return [((outer, row), (number, at - start, outer)) for row in inner if row is not None]
        pairs = pairs_or_false([outer], self.inner)
        if pairs is False:
            raise UndecidedError
        numbers = (number for number, row in enumerate(outer[self.inner]) if row is not None) if pairs else ()
        return [(pair, (number, one, outer)) for pair, one in zip(pairs, numbers, strict=True)]

    def is_all_read(self, sent: bytes, rows: Collection[Any]) -> bool:
        """Whether the outer rows of a body are surely JSON that can be read, but for the inner rows that they end with.

        Raises `UndecidedError` for one that is not.
        """
        if self.inner is None:
            return True
        name = f'"{self.inner}"'.encode()
        is_plain = name.isascii() and b"/" not in name and _ESCAPE.search(sent) is None
        if sent.count(name) > len(rows) or not (is_plain or b"\\" not in sent):
            for text in map(bytes, rows):
                if b"\\" in text or text.count(name) > 1:
                    self._read(text)
        return True

    def _learn(self, odd: list[Any]) -> bool:
        """Learn the names of an odd row of each loop. Returns whether there are new ones."""
        if self._lessons >= MAX_LESSONS:
            return False
        before = dict(self._names)
        for variable, row in zip(self.code.blueprint.loops.variables, odd, strict=False):
            self._note((variable,), row)
        if self._names == before:
            return False
        self._lessons, self._decoders = self._lessons + 1, self._typed()
        return True

    def _note(self, path: NamePath, value: Any) -> None:
        if value.__class__ is not dict:
            return
        if new := typed_json.new_names(value, self._known[path]):
            self._names[path] = [*self._names.get(path, ()), *new]
        for below in self._below[path]:
            if below[-1] in value:
                self._note(below, value[below[-1]])


def _merged(
    records: list[Any], odd: Sequence[int], counts: Sequence[int], made: list[Any]
) -> tuple[list[Any], list[int]]:
    """The records with some that were `made` in place of each `odd` one, and the numbers of these."""
    merged, numbers, start, done = list[Any](), list[int](), 0, 0
    for at, count in zip(odd, counts, strict=True):
        merged += records[start:at]
        numbers += range(len(merged), len(merged) + count)
        merged += made[done : done + count]
        start, done = at + 1, done + count
    return merged + records[start:], numbers
