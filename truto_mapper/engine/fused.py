"""The fast path: an endpoint becomes one Python function that maps and checks all rows of a page.

The expressions and the record's schema are known before the first row. So most checks are decided while the code is
generated; a class test remains, because it proves a scalar valid. For `id: key`, a string, and `age: age`, an integer:

    def rows(rows, remote_data, page, budget):
        certain, = page
        records = []
        doubtful = []
        tries = certain and (len(rows) >> 2) + 8
        for row_1 in rows:
            if tries:            # 1. An expected row: one condition reads and checks every value.
                try:
                    if (key_2 := row_1["key"]).__class__ is str and (age_3 := row_1["age"]).__class__ is int:
                        records.append({"id": key_2, "age": age_3})
                        continue
                except Exception:
                    pass
                tries = tries - 1
            try:                 # 2. Any other row: each value is checked where it is used.
                key_4 = row_1.get("key", MISSING)
                age_5 = row_1.get("age", MISSING)
                ...
            except Exception:    # 3. A doubtful row: the exact path maps it, or reports what is wrong with it.
                doubtful.append(len(records))
                records.append(None)
        return records, doubtful, tries

Values that do not depend on the row are parameters, computed once a page; values that depend on one text of the row
are looked up by this text (`per_page`). The generated code reports nothing. A row that it maps has the same record as
on the exact path, and tests hold the two together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeAlias

from truto_mapper.engine import typed_json
from truto_mapper.engine.expected_rows import ExpectedRowCode
from truto_mapper.engine.externals import Externals, UnfusableError, unpack
from truto_mapper.engine.field_source import FieldSource
from truto_mapper.engine.hoisting import Hoisted
from truto_mapper.engine.per_page import PageValues
from truto_mapper.engine.reply_code import Loops, reply_module
from truto_mapper.engine.row_code import Blueprint, RowCode
from truto_mapper.engine.shaping import Fault
from truto_mapper.engine.source_types import SourceTypes, reads_of_reply
from truto_mapper.engine.typed_json import UndecidedError
from truto_mapper.engine.typed_reply import TypedRows
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import Budget
from truto_mapper.mapping.linked import REPLY, Endpoint, WholeDays
from truto_mapper.resource.spec import Resource
from truto_mapper.text.source import Source

#: See `Fused.records`.
Made: TypeAlias = list[Any] | tuple[list[Any], Sequence[int], Fault | None, bool]


class Fused:
    """The functions of one endpoint. Immutable; share it between threads.

    `tree` is the code of the rows. It is None where the endpoint cannot become one function; `reason` says why.
    """

    def __init__(self, endpoint: Endpoint, resource: Resource, source: Source, days: WholeDays | None = None) -> None:
        self.endpoint, self.name, self._source = endpoint, endpoint.name, source
        self.types = SourceTypes(endpoint)
        self.tree: ast.Module | None = None
        self.reason: str | None = None
        self.page_values, externals, loops = PageValues(REPLY, self.types, days), Externals(), None
        self._blueprint: Blueprint | None = None
        try:
            loops = Loops.of(endpoint)
            record = FieldSource.of_record(endpoint, resource)
            self._blueprint = Blueprint(endpoint, record, loops, self.page_values, externals, self.types)
            self.tree = _rows_module(self._blueprint)
            self._function = externals.function(self.tree, source)
        except (UnfusableError, SyntaxError, RecursionError) as error:  # the latter two: Python cannot nest the code
            self.tree, self.reason, loops, self._blueprint = None, str(error), None, None
        #: Kept here for `OddRows.of`.
        self.odd_rows: Any = None
        #: See `reply_module`. It returns None for every reply where Python cannot nest its code, and for one whose
        #: endpoint tells by the names in it.
        self.reply: Callable[[tuple[Any, ...], Budget], tuple[Any, ...] | None] = lambda *_: None
        if endpoint.recognise is None and not endpoint.for_each:
            return
        with suppress(SyntaxError, RecursionError):
            tree = reply_module(endpoint, loops, self.page_values.paths, externals, self.types)
            self.reply = externals.function(tree, source)

    @cached_property
    def typed(self) -> TypedRows | None:
        """The function for rows that are still bytes; None where there can be none, or without msgspec."""
        if self._blueprint is None or typed_json.library() is None:
            return None
        with suppress(UnfusableError, SyntaxError, RecursionError):
            return TypedRows(self._blueprint, self._source)
        return None

    @property
    def loops(self) -> Loops | None:
        return None if self._blueprint is None else self._blueprint.loops

    def reads_of_reply(self, *, with_rows: bool) -> Iterator[tuple[NamePath, bool]]:
        """What is read of a reply before its rows are mapped; see `source_types.reads_of_reply`."""
        one = self.endpoint
        expressions = [one.error_when, one.next_cursor, one.time_zone, one.recognise]
        expressions += [expression for _, expression in one.for_each[:1]] if with_rows else []
        for expression in expressions:
            if expression is not None:
                yield from reads_of_reply(expression)
        yield from ((path[1:], False) for path in self.page_values.paths if path[0] == "response")

    def mapped(
        self, rows: list[Any], remote_data: bool, arguments: tuple[Any, ...], budget: Budget
    ) -> tuple[list[Any], list[int], bool]:
        """The records of some rows, the numbers of the doubtful ones, and whether a row was as expected."""
        records, doubtful, tries = self._function(rows, remote_data, arguments, budget)
        return records, doubtful, 0 < tries > (len(rows) >> 2) + 8 - len(rows)

    def typed_records(
        self, rows: list[Any], key: tuple[Any, ...], given: tuple[Any, ...], budget: Budget, remote_data: bool
    ) -> tuple[Made, list[Any]]:
        """As `records`, for rows that are bytes, and the records alone.

        Raises `UndecidedError` for what has to be mapped the usual way.
        """
        try:
            arguments, fault, _, odd, is_plain = self.page_values.known[key]
        except (KeyError, TypeError):
            if key is None:
                raise UndecidedError from None
            arguments, fault, _, odd, is_plain = self.page_values.evaluated(key, given, budget)
        if self.typed is None or fault is not None or not is_plain:
            raise UndecidedError
        records, doubtful, is_usual = self.typed.mapped(self, rows, remote_data, arguments, budget)
        return records if is_usual and not (doubtful or odd) else (records, doubtful, None, is_usual), records

    def records(
        self,
        rows: list[Any],
        key: tuple[Any, ...] | None,
        given: tuple[Any, ...],
        budget: Budget,
        remote_data: bool,
    ) -> Made:
        """A record for each row that is not null.

        Where there is more to say, also the numbers of the doubtful rows, the fault of the page's values, and whether
        a row certainly has everything that is read.

        `key` is what `reply` returned for `given`; without one all rows are doubtful. There is more to say, too, if a
        date-time may have another UTC offset than its zone.
        """
        if key is None:
            return [None] * len(rows), range(len(rows)), None, False
        try:
            arguments, fault, _, odd, _ = self.page_values.known[key]
        except (KeyError, TypeError):  # TypeError: a value that cannot be hashed
            arguments, fault, _, odd, _ = self.page_values.evaluated(key, given, budget)
        records, doubtful, tries = self._function(rows, remote_data, arguments, budget)
        most = (len(rows) >> 2) + 8
        if tries == most and records and fault is None and not odd:  # all rows were as expected
            return records  # type: ignore[no-any-return]  # of generated code
        if not arguments[0]:  # the values of the page are not short texts
            self.page_values.record(arguments, len(records), budget)
        is_usual = 0 < tries > most - len(rows)
        return records if is_usual and not (doubtful or fault or odd) else (records, doubtful, fault, is_usual)


def _rows_module(blueprint: Blueprint) -> ast.Module:
    """The module with the function `rows(rows, remote_data, page, budget)`."""
    pen = blueprint.externals.pen(blueprint.endpoint.path, {})
    names = [pen.new_local(name) for name in blueprint.loops.variables]
    codes = [expected := ExpectedRowCode(blueprint, names), RowCode(blueprint, names)]
    expected_row, any_row = (code.row() for code in codes)
    unpack(pen, blueprint.page.parameters, pen.load("page"))
    hoisted = Hoisted(pen, blueprint.page.parameters)
    body = [*map(hoisted.visit, expected_row), *any_row]  # the other code is for pages that are not certain, too
    pen.lines += hoisted.lines
    pen.assign("records", pen.list_of())
    pen.assign("doubtful", pen.list_of())
    if any(code.runs for code in codes):
        pen.assign("run", pen.constant(None))
    if expected.known:
        pen.assign(expected.known, pen.constant(None))
    # Where a quarter of the rows, and some, were not as expected, testing that costs more than it saves.
    quarter = ast.BinOp(pen.called("len", pen.load("rows")), ast.RShift(), pen.constant(2))
    pen.assign("tries", pen.both(pen.load("certain"), ast.BinOp(quarter, ast.Add(), pen.constant(8))))
    pen.loop(pen.load("rows"), body, *names)
    tries = pen.load("tries") if expected.has_everything else pen.constant(0)
    pen.lines.append(ast.Return(pen.tuple_of(pen.load("records"), pen.load("doubtful"), tries)))
    return blueprint.externals.module(pen, "rows", ["rows", "remote_data", "page", "budget"])
