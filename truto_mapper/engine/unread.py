"""Pages with odd rows whose other rows are still bytes: the whole body is read when it is first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from truto_mapper.engine import bodies, typed_json
from truto_mapper.engine.answer import Answer, odd_rows
from truto_mapper.engine.decimals import Exact
from truto_mapper.engine.located_rows import LocatedRows
from truto_mapper.engine.page import ExactResponse, Page, ReadResponse, Rejected, Response
from truto_mapper.engine.replies import RESPONSE, offset_notes
from truto_mapper.engine.tabular import as_objects
from truto_mapper.engine.typed_json import UndecidedError
from truto_mapper.text.errors import ProviderError

if TYPE_CHECKING:
    from truto_mapper.engine.envelope import Envelope
    from truto_mapper.engine.fused import Fused, Made, TypedRecords
    from truto_mapper.engine.replies import Bindings
    from truto_mapper.engine.reply_code import Loops
    from truto_mapper.engine.rows import Row
    from truto_mapper.engine.typed_reply import OddRow
    from truto_mapper.language.expression import Scope
    from truto_mapper.text.diagnostics import Diagnostic


class UnreadResponse(ReadResponse):
    """A response with status 200 whose body is read from its bytes when it is first asked for."""

    opened: Response

    def __new__(cls, sent: bytes, headers: Any, opened: Any) -> Self:
        """`opened` is the body whose rows are bytes."""
        made = tuple.__new__(cls, (sent, 200, headers))
        made.opened = Response(opened, 200, headers)
        return made

    @cached_property
    def read(self) -> tuple[ReadResponse, tuple[Diagnostic, ...]]:
        """The response with its body, and what was mended of that. Raises as `bodies.read` does."""
        exact: list[Exact] = []
        body, told = bodies.read(self.sent, self.status, exact)
        return (ExactResponse if exact else ReadResponse)(body, self.status, self.headers), told

    @property
    def sent(self) -> bytes:
        """The bytes of the body."""
        return tuple.__getitem__(self, 0)  # type: ignore[no-any-return]  # as `__new__` has it

    @property
    def body(self) -> Any:
        return self.read[0].body

    def __iter__(self) -> Iterator[Any]:
        return iter(self.read[0])

    def __getitem__(self, place: Any) -> Any:
        return self.read[0][place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, tuple) and tuple(self) == tuple(other)

    def __ne__(self, other: object) -> bool:
        return not self == other  # a tuple has a method of its own

    __hash__ = ReadResponse.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self.read[0]), tuple(self)


class UnreadRows(LocatedRows):
    """The doubtful rows of a reply whose other rows are still bytes."""

    def __init__(self, response: Response, rows: Mapping[int, OddRow], loops: Loops, pointer: str) -> None:
        """`rows` are by number; `pointer` is that of the outermost ones."""
        self.response, self.loops, self.pointer, self.others = response, loops, pointer, {}
        self.outer, outer, inner = {}, {}, {}
        for number, (outer[number], inner[number], row) in rows.items():
            self.outer[outer[number]] = row
        self._indices = outer, inner  # type: ignore[assignment]  # nobody asks for the others

    def __getitem__(self, number: int) -> Row:
        return self._located[number]

    @cached_property
    def _located(self) -> LocatedRows:
        return LocatedRows(_read(self.response)[0].body, self.loops, self.pointer)


class UnreadAnswer(Answer):
    """An answer whose rows are bytes, and mapped but for the doubtful ones."""

    response: Any  # an `UnreadResponse`, or what that has read

    def page(
        self, fused: Fused, envelope: Envelope, rows: list[Any], made: TypedRecords, cursor: str | None, key: Any
    ) -> Page[Any]:
        """As `page_of`. Raises `UndecidedError` for what has to be mapped the usual way."""
        records, doubtful, is_usual, is_placed = made
        odd, sent = odd_rows(fused, self.replies.mapping.resource), self.response.sent
        if not (is_usual and odd.loops and envelope.is_all_read(fused, sent, rows)):
            return self._of_whole_body(fused, (self._objects(records), doubtful, None, is_usual), cursor, key)
        rejected = Rejected()
        if doubtful:
            exact = self.exact_page(odd, UnreadRows(self.response, doubtful, odd.loops, odd.pointer))
            self.budget.rows = len(records if odd.loops.inner or self.plan.limit is not None else rows)
            outcome = odd.outcome_of(exact, key)
            records, rejected = exact.completed(records, doubtful, None, 0, self.found, outcome)
            if rejected.rows and not typed_json.is_plain(rejected.rows):
                self.response, _ = _read(self.response)
        if fused.endpoint.time_zone is None:  # else the reply tells
            told = [one for one in records if one.__class__ is dict] if is_placed else self._objects(records)
            self.found += offset_notes(told, self.plan, fused.endpoint, self.replies.mapping.whole_days)
        return self.ended(fused.name, records, cursor, rejected)

    def _objects(self, records: list[Any]) -> list[Any]:
        """Records whose values can be looked at by their names."""
        return [as_objects(self.replies.mapping.resource.record, one) for one in records]

    def _of_whole_body(self, fused: Fused, made: Made, cursor: str | None, key: Any) -> Page[Any]:
        """The page made of the whole body."""
        self.response, told = _read(self.response)
        start = 0 if self.query is None else len(self.query.notes)
        self.found[start:start], self.bindings = told, self._with_body(self.response.body)
        reply = fused.reply(self.bindings, self.budget)
        if reply is None:
            raise UndecidedError
        return self.page_of(fused, cursor, reply[3], key, made)

    def scope(self) -> Scope:
        return self.replies.scope(self._with_body(_read(self.response)[0].body), self.budget)

    def _with_body(self, body: Any) -> Bindings:
        return (*self.bindings[:RESPONSE], body, *self.bindings[RESPONSE + 1 :])


def _read(response: Any) -> tuple[ReadResponse, tuple[Diagnostic, ...]]:
    """A response with its body. Raises `UndecidedError` where that is nested too deeply to be read from here."""
    try:
        return response.read if isinstance(response, UnreadResponse) else (response, ())
    except ProviderError:
        raise UndecidedError from None
