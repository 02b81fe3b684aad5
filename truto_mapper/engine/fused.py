"""The fast path: an endpoint becomes one Python function that maps and checks all rows of a page.

The expressions and the record's schema are known before the first row. So most checks are decided while the code is
generated; a class test remains, because it proves a scalar valid. For `id: key`, a string, and `age: age`, an integer:

    def rows(rows, remote_data, page, budget):
        certain, = page
        records = []
        doubtful = []
        misses = 0
        for row_1 in rows:
            if certain:          # 1. An expected row: one condition reads and checks every value.
                try:
                    if (key_2 := row_1["key"]).__class__ is str and (age_3 := row_1["age"]).__class__ is int:
                        records.append({"id": key_2, "age": age_3})
                        continue
                except Exception:
                    pass
                misses = misses + 1
                certain = misses < (len(rows) >> 2) + 8
            try:                 # 2. Any other row: each value is checked where it is used.
                key_4 = row_1.get("key", MISSING)
                age_5 = row_1.get("age", MISSING)
                ...
            except Exception:    # 3. A doubtful row: the exact path maps it, or reports what is wrong with it.
                doubtful.append(len(records))
                records.append(None)
        return records, doubtful, misses if certain else None

Values that do not depend on the row are parameters, computed once a page; values that depend on one text of the row
are looked up by this text (`per_page`). The generated code reports nothing. A row that it maps has the same record as
on the exact path, and tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from types import CodeType
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine import typed_json
from truto_mapper.engine.called import linked
from truto_mapper.engine.per_page import PageValues
from truto_mapper.engine.shaping import Fault
from truto_mapper.engine.typed_json import UndecidedError
from truto_mapper.language.runtime.values import Budget
from truto_mapper.mapping.linked import Endpoint, Join, WholeDays
from truto_mapper.resource.spec import Resource
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    import ast

    from truto_mapper.engine.endpoint_code import EndpointCode
    from truto_mapper.engine.reply_code import Loops
    from truto_mapper.engine.source_types import SourceTypes
    from truto_mapper.engine.typed_reply import OddRow, TypedRows
    from truto_mapper.language.names import NamePath

#: See `Fused.records`.
Made: TypeAlias = list[Any] | tuple[list[Any], Collection[int], Fault | None, bool]

#: The records of raw rows, the doubtful ones by number, whether a row certainly has everything that is read, and
#: whether all date-times certainly have the UTC offset of their zone, but for those of doubtful rows.
TypedRecords: TypeAlias = "tuple[list[Any], Mapping[int, OddRow], bool, bool]"


#: For how many pages in a row without usual rows another function is generated, and how often the usual one is tried.
MANY = 32


class Code(NamedTuple):
    """The code of an endpoint's functions, None for one that cannot be; the objects that it refers to by name."""

    rows: CodeType | None
    reply: CodeType | None
    constants: dict[str, Any]
    page_values: PageValues
    reason: str | None


class Fused:
    """The functions of one endpoint. Immutable; share it between threads.

    `code` is given if it was written before. `reason` says why the endpoint cannot become one function.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        resource: Resource,
        source: Source,
        days: WholeDays | None = None,
        code: Code | None = None,
        joins: Sequence[Join] = (),
    ) -> None:
        """`joins` are those of the endpoint, also where it is mapped without them."""
        self.endpoint, self.name = endpoint, endpoint.name
        #: Whether `pagination` tells which page follows, not the cursor alone.
        self.has_pages = endpoint.pagination is not None
        self.joins = joins
        #: The settings of an account for which nothing is missing in a page without joins.
        self.quiet: Any = None
        #: Whether more than its cursor tells what follows its reply.
        self.is_more = self.has_pages or bool(joins)
        self._made_of = resource, source, days
        self.code = self._written_code if code is None else code
        self.page_values, self.reason = self.code.page_values, self.code.reason
        self._function = self._linked("rows")
        #: How many pages in a row had no usual row, or few.
        self.unusual = 0
        #: What `answer` keeps here: its `OddRows`.
        self.odd_rows: Any = None
        #: See `reply_module`. It returns None for every reply where Python cannot nest its code, and for one whose
        #: endpoint tells by the names in it.
        self.reply: Callable[[tuple[Any, ...], Budget], tuple[Any, ...] | None] = self._linked("reply")

    def _linked(self, name: str) -> Callable[..., Any]:
        """A function of the code."""
        code, functions = getattr(self.code, name), self.endpoint.path.functions
        return linked(code, name, self.code.constants, functions) if code is not None else lambda *_: None

    @cached_property
    def types(self) -> SourceTypes:
        """The types of what the endpoint reads of a reply."""
        from truto_mapper.engine.source_types import SourceTypes  # noqa: PLC0415  # code that is written needs none

        return SourceTypes(self.endpoint)

    @cached_property
    def _written(self) -> EndpointCode:
        from truto_mapper.engine.endpoint_code import EndpointCode  # noqa: PLC0415  # likewise

        return EndpointCode(self.endpoint, self.types, *self._made_of)

    @property
    def _written_code(self) -> Code:
        made = self._written
        return Code(made.rows, made.reply, made.constants, made.page_values, made.reason)

    @property
    def tree(self) -> ast.Module | None:
        """The code of the rows; None where the endpoint cannot become one function."""
        return self._written.tree

    @cached_property
    def typed(self) -> TypedRows | None:
        """The function for rows that are still bytes; None where there can be none, or without msgspec."""
        if typed_json.library() is None or (blueprint := self._written.blueprint) is None:
            return None
        from truto_mapper.engine.externals import UnfusableError  # noqa: PLC0415  # likewise
        from truto_mapper.engine.typed_reply import TypedRows  # noqa: PLC0415  # likewise

        with suppress(UnfusableError, SyntaxError, RecursionError):
            return TypedRows(blueprint, self._made_of[1])
        return None

    @cached_property
    def _of_lacking(self) -> Callable[..., Any]:
        """The function that is faster for pages of rows without some values: it gives the same records."""
        from truto_mapper.engine.lacking_rows import function_of  # noqa: PLC0415  # most endpoints need none

        blueprint = self._written.blueprint
        return (blueprint and function_of(blueprint, self._made_of[1])) or self._function

    @cached_property
    def takes_array(self) -> bool:
        """Whether `reply` reads a reply that is an array; for any other endpoint it takes objects alone."""
        from truto_mapper.engine.reply_code import may_be_array  # noqa: PLC0415  # few replies are arrays

        return may_be_array(self.endpoint)

    @cached_property
    def loops(self) -> Loops | None:
        """The loops over rows; None where the endpoint cannot become one function."""
        from truto_mapper.engine.reply_code import Loops  # noqa: PLC0415  # likewise

        return None if self.code.rows is None else Loops.of(self.endpoint)

    def shown(self) -> str:
        """The Python code of the endpoint, or why its rows are mapped one expression at a time."""
        from truto_mapper.language.pretty import format_code  # noqa: PLC0415  # nothing else prints code

        code = f"# not one function: {self.reason}" if self.tree is None else format_code(self.tree)
        return f"# {self.endpoint.name}\n{code}\n"

    def reads_of_reply(self, *, with_rows: bool) -> Iterator[tuple[NamePath, bool]]:
        """What is read of a reply before its rows are mapped; see `source_types.reads_of_reply`."""
        from truto_mapper.engine.source_types import reads_of_reply  # noqa: PLC0415  # likewise

        one = self.endpoint
        expressions = [one.error_when, one.next_cursor, one.time_zone, one.recognise]
        expressions += [one.has_more, one.origin, one.total] if self.has_pages else []
        expressions += [expression for _, expression in one.for_each[:1]] if with_rows else []
        for expression in expressions:
            if expression is not None:
                yield from reads_of_reply(expression)
        yield from ((path[1:], False) for path in self.page_values.paths if path[0] == "response")

    def mapped(
        self, rows: list[Any], remote_data: bool, arguments: tuple[Any, ...], budget: Budget
    ) -> tuple[list[Any], list[int], bool]:
        """The records of some rows, the numbers of the doubtful ones, and whether a row was as expected."""
        records, doubtful, misses = self._function(rows, remote_data, arguments, budget)
        return records, doubtful, misses is not None and misses < len(rows)

    def typed_records(
        self,
        rows: list[Any],
        key: tuple[Any, ...],
        given: tuple[Any, ...],
        budget: Budget,
        remote_data: bool,
        *,
        as_tuples: bool = False,
    ) -> TypedRecords:
        """The records of rows that are bytes. Raises `UndecidedError` for what has to be mapped the usual way."""
        if key is None:
            raise UndecidedError
        last, found = self.page_values.last
        arguments, fault, _, odd, is_plain = found if key == last else self.page_values.of(key, given, budget)
        if self.typed is None or fault is not None or not is_plain:
            raise UndecidedError
        asked = remote_data, arguments, budget
        records, doubtful, is_usual = self.typed.mapped(self.mapped, rows, asked, as_tuples=as_tuples)
        return records, doubtful, is_usual, not odd

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
        last, found = self.page_values.last
        arguments, fault, _, odd, _ = found if key == last else self.page_values.of(key, given, budget)
        count = self.unusual  # the usual function is tried again now and then
        function = self._function if count < MANY or not count % MANY else self._of_lacking
        records, doubtful, misses = function(rows, remote_data, arguments, budget)
        if misses == 0 and records and fault is None and not odd:  # all rows were as expected
            if count:
                self.unusual = 0
            return records  # type: ignore[no-any-return]  # of generated code
        if not arguments[0]:  # the values of the page are not short texts
            self.page_values.record(arguments, len(records), budget)
        is_usual = misses is not None and misses < len(rows)
        self.unusual = count + 1 if arguments[0] and not is_usual else 0
        return records if is_usual and not (doubtful or fault or odd) else (records, doubtful, fault, is_usual)
