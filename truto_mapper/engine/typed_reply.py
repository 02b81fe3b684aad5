"""A reply whose rows are still bytes, and their records: what `typed_rows` generates, put to work.

Names that no schema declares are learned from the first reply that has them. They change nothing but the speed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from truto_mapper.engine import typed_json, typed_rows
from truto_mapper.engine.called import linked, pairs_or_false
from truto_mapper.engine.row_code import Blueprint
from truto_mapper.engine.typed_json import UndecidedError
from truto_mapper.language.compiler.compiler import code_of
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import Budget
from truto_mapper.language.types import objects
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Fused

#: How often new names are learned, and the most names of one object.
MAX_LESSONS, MAX_NAMES = 20, 1_000


class TypedRows:
    """The function that maps the raw rows of one endpoint. Raises `UnfusableError` if there can be none."""

    def __init__(self, blueprint: Blueprint, source: Source) -> None:
        pen = blueprint.externals.pen(blueprint.endpoint.path, {})
        self.code = typed_rows.TypedRowCode(blueprint, [pen.new_local(name) for name in blueprint.loops.variables])
        self.tree: ast.Module = typed_rows.rows_module(self.code)
        code, functions = code_of(self.tree, source), blueprint.endpoint.path.functions
        self.function = linked(code, self.tree.body[0].name, blueprint.externals.constants, functions)  # type: ignore[attr-defined]
        self.inner, self._names, self._lessons = blueprint.loops.inner, dict[NamePath, list[str]](), 0
        self._decoders = self._typed()

    def _typed(self) -> list[typed_json.Decoder]:
        return [typed_json.decoder(kind) for kind in typed_rows.row_types(self.code, self._names)]

    def mapped(
        self, fused: Fused, rows: list[Any], remote_data: bool, arguments: tuple[Any, ...], budget: Budget
    ) -> tuple[list[Any], Sequence[int], bool]:
        """The records of raw rows, the numbers of the doubtful ones, and whether a row has everything that is read.

        Raises `UndecidedError` if most rows are odd.
        """
        given = remote_data, arguments, budget
        records, odd, lacking = self.function(rows, *given, *self._decoders)
        if not odd:
            return records, (), not lacking and bool(records)
        is_new = self._learn(odd[0])
        if records is None:
            if not is_new:
                raise UndecidedError
            return self.mapped(fused, rows, *given)
        return self._completed(fused, records, odd, not lacking, given)

    def _completed(
        self, fused: Fused, records: list[Any], odd: Sequence[Any], is_complete: bool, given: Sequence[Any]
    ) -> tuple[list[Any], list[int], bool]:
        """The records with those of the odd rows, which are mapped as rows that are JSON already."""
        usual = [list(self._usual(*raws)) for _, *raws in odd]
        made, doubtful, has_expected = fused.mapped([row for rows in usual for row in rows], *given)
        merged, start, done, unsure = list[Any](), 0, 0, list[int]()
        for (at, *_), rows in zip(odd, usual, strict=True):
            merged += records[start:at]
            unsure += [len(merged) + number - done for number in doubtful if done <= number < done + len(rows)]
            merged += made[done : done + len(rows)]
            start, done = at + 1, done + len(rows)
        return merged + records[start:], unsure, is_complete or has_expected

    def _usual(self, raw: Any, inner: Any = None) -> Iterator[Any]:
        """The rows that `Fused.mapped` takes for raw ones: none for a null."""
        outer = typed_json.read(raw)
        if inner is not None and (row := typed_json.read(inner)) is not None:
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
        _, *raws = odd
        before, variables = dict(self._names), self.code.blueprint.loops.variables
        for variable, raw in zip(variables, raws, strict=False):
            self._note((variable,), typed_json.read(raw))
        if self._lessons >= MAX_LESSONS or self._names == before:
            return False
        self._lessons, self._decoders = self._lessons + 1, self._typed()
        return True

    def _note(self, path: NamePath, value: Any) -> None:
        if not isinstance(value, dict):
            return
        known = typed_rows.names_at(self.code, path, self._names)
        new = [name for name in value if name not in known and typed_json.is_name(name)]
        if new and len(known) + len(new) <= MAX_NAMES:
            self._names[path] = [*self._names.get(path, ()), *new]
        for name in value:
            if any(one[:-1] == (*path, name) for one in self.code.values):
                self._note((*path, name), value[name])


class Envelope:
    """Decodes a reply but for the rows of those endpoints that map raw ones.

    `rows` has the path to these rows by the endpoint's name. Nothing else that is evaluated looks into them.
    """

    def __init__(self, endpoints: Sequence[Endpoint], functions: Mapping[str, Fused]) -> None:
        found = [functions[one.name] for one in endpoints]
        self.rows: dict[str, NamePath] = {one.name: one.loops.outer for one in found if one.typed and one.loops}
        self.rows = {name: path for name, path in self.rows.items() if all(map(typed_json.is_name, path))}
        while lost := [name for name, path in self.rows.items() if self._is_looked_into(path, found)]:
            for name in lost:
                del self.rows[name]
        kinds = [kind for one in found for kind in objects(one.types.reply)]
        names = list(dict.fromkeys(name for kind in kinds for name in kind.properties or {}))
        self._declared: dict[NamePath, list[str]] = {(): names}
        self._tree: dict[str, Any] = {}
        self._errors = typed_json.errors()
        self._lessons, self._decoder = 0, self._typed()

    def _is_looked_into(self, path: NamePath, endpoints: Iterable[Fused]) -> bool:
        for one in endpoints:
            own = None if self.rows.get(one.name) == path else one.endpoint.for_each[:1]
            for read, is_counted in one.reads_of_reply(with_rows=own is not None):
                shared = min(len(read), len(path))
                if read[:shared] == path[:shared] and (len(read) > len(path) or not is_counted):
                    return True
        return False

    def _typed(self) -> typed_json.Decoder:
        for *above, last in self.rows.values():
            holder = self._tree
            for name in above:
                holder = holder.setdefault(name, {})
            holder[last] = typed_json.raw_list()
        kind, self._plain = typed_json.envelope_type(self._tree, self._declared)
        return typed_json.decoder(kind)

    def opened(self, body: Any) -> dict[str, Any]:
        """The body with raw rows. Raises `UndecidedError` for bytes that are left to Python's own module."""
        try:
            return self._plain(self._decoder(body))
        except self._errors as error:
            if self._lessons >= MAX_LESSONS:
                raise UndecidedError from error
        self._learn(typed_json.read(body))
        try:
            return self._plain(self._decoder(body))
        except typed_json.errors() as error:
            raise UndecidedError from error

    def rows_of(self, name: str, body: dict[str, Any]) -> list[Any]:
        """The raw rows of an endpoint's reply. Raises `UndecidedError` where it has none."""
        found: Any = body
        for step in self.rows.get(name, ("",)):
            found = found.get(step) if found.__class__ is dict else None
        if found.__class__ is not list:
            raise UndecidedError
        return found

    def _learn(self, body: Any) -> None:
        """Learn the names of a reply."""
        for path in {rows[:end] for rows in self.rows.values() for end in range(len(rows))}:
            value = body
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            known = self._declared.get(path, [])
            names = value if isinstance(value, dict) else ()
            new = [name for name in names if name not in known and typed_json.is_name(name)]
            if len(known) + len(new) <= MAX_NAMES:
                self._declared[path] = [*known, *new]
        self._lessons, self._decoder = self._lessons + 1, self._typed()
