"""The replies to a join: whether each is one, its rows by their keys, and the cursor of the next."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from truto_mapper.engine import bodies
from truto_mapper.engine.called import value_at
from truto_mapper.engine.joined import reply
from truto_mapper.engine.page import OnInvalid, ReadResponse, Response
from truto_mapper.engine.replies import refusal
from truto_mapper.engine.requests import value_of
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.runtime.writing import string
from truto_mapper.mapping.linked import Endpoint, Join, Mapping
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError, MapperError, ProviderError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.record import replace

if TYPE_CHECKING:
    from truto_mapper.engine.join_code import JoinTypes

#: The refusals that are about the ids of one request: other requests may succeed.
_OF_IDS = frozenset({400, 404, 410, 422})

#: How many failures that are left out are told.
_TOLD = 20

#: How many keys of a join's rows a warning names.
_NAMED = 5

#: The bytes that a row by its key is counted as, beside the reply that it is in.
_ROW = 100


class Reader:
    """Reads the replies to a join of an endpoint. Safe to share between threads."""

    def __init__(self, mapping: Mapping, endpoint: Endpoint, join: Join) -> None:
        self.mapping, self.endpoint, self.join = mapping, endpoint, join
        parts = (join.rows, join.key, join.next_cursor, join.error_when, join.empty_when)
        #: Whether it matters which ids a reply is the answer for.
        self.reads_ids = any(one and any(v.name == "ids" for v in one.variables) for one in parts)

    @cached_property
    def types(self) -> JoinTypes:
        """The types of what is read, and the code that reads usual rows."""
        from truto_mapper.engine.join_code import JoinTypes  # noqa: PLC0415  # only a join that runs needs it

        return JoinTypes(self.endpoint, self.join)

    def take_usual(self, replies: Sequence[Response], rows: dict[str, Any]) -> int | None:
        """Add the rows of kept replies by their keys: the bytes that these count as. None if a reply is unusual."""
        taken = 0
        for body, status, _ in replies:
            some = self.types.take_all(body, rows) if status == 200 else None
            if some is None:
                return None
            taken += some
        return _ROW * taken


class RepliesOf:
    """The replies to a join for one page, read into `rows`: by key, a row or (`many`) a list of them."""

    def __init__(self, reader: Reader, scope: Scope, rows: dict[str, Any], on_invalid: OnInvalid) -> None:
        self.reader, self.join, self.scope, self.rows = reader, reader.join, scope, rows
        self.is_strict = on_invalid == "raise"
        self.found: list[Diagnostic] = []
        #: Whether the join asks no more, after a failure that further requests are likely to meet, too.
        self.is_over = False
        self._keyless = self._left_out = 0
        self._repeated: dict[str, None] = {}

    def leave_out(self, error: ProviderError) -> None:
        """Note a failure as the warning that rows are missing."""
        self._left_out += 1
        self.is_over = error.status not in _OF_IDS
        told = f" (the provider's request {error.request_id})" if error.request_id else ""
        fate = "the join asks no more" if self.is_over else "its rows were left out"
        if self._left_out <= _TOLD:
            found = (replace(one, message=f"{one.message}{told}; {fate}") for one in error.diagnostics)
            self.found += [replace(one, severity="warning") for one in found]

    def notes(self) -> list[Diagnostic]:
        """What is noteworthy about all replies."""
        name, found = self.join.name, list(self.found)
        if self._left_out > _TOLD:
            message = f"{self._left_out - _TOLD:,} more requests of join `{name}` failed; their rows were left out"
            found.append(Diagnostic("P601", message, "warning"))
        if self._keyless:
            rows = f"{self._keyless:,} row{'s have' if self._keyless > 1 else ' has'}"
            found.append(
                Diagnostic("P613", f"{rows} no key in the replies to join `{name}`: nothing finds them", "warning")
            )
        if self._repeated:
            shown = ", ".join(map(excerpt, list(self._repeated)[:_NAMED]))
            more = f" and {len(self._repeated) - _NAMED:,} more" if len(self._repeated) > _NAMED else ""
            message = f"different rows have the same key in the replies to join `{name}`; the first of each was kept: "
            found.append(Diagnostic("P613", f"{message}{shown}{more}", "warning", hint="`many: true` keeps them all"))
        return found

    def read(self, asked: list[Response], ids: Sequence[Any], cursors: Sequence[str]) -> str | None:
        """Take in the rows of the last reply, whose body is JSON then; the cursor of the next reply for its ids.

        `cursors` are those that the ids were asked with so far. Raises `ProviderError` for a refusal or an unreadable
        reply, and `EvaluationError`.
        """
        try:
            return self._read(asked, ids, cursors)
        except MapperError as error:
            error.diagnostics = tuple(in_reply(one, self.join.name, len(asked)) for one in error.diagnostics)
            error.args = (error.diagnostics,)
            if isinstance(error, ProviderError):
                error.response = asked[-1]
            raise

    def _read(self, asked: list[Response], ids: Sequence[Any], cursors: Sequence[str]) -> str | None:
        join, number, (body, status, headers) = self.join, len(asked), asked[-1]
        if isinstance(body, (bytes, bytearray)):
            body, told = bodies.read(body, status)
            asked[-1] = ReadResponse(body, status, headers)
            self.found += [in_reply(one, join.name, number) for one in told]
        given = {"response": body, "status": status, "headers": headers, "ids": list(ids)}
        scope = Scope(body, given | {"cursor": cursors[-1] if cursors else MISSING}, self.scope)
        if self._is_empty(body, status, scope):
            return None
        self._add_rows(body, number, scope)
        return self._following(scope, cursors)

    def _is_empty(self, body: Any, status: int, scope: Scope) -> bool:
        """Whether a reply means no rows. Raises `ProviderError` P601 for a refusal, P602 for an empty answer."""
        is_refused = not 200 <= status < 300
        if not is_refused and body is not None:
            if truthy(self._read_of(self.join.error_when, scope)):
                raise refusal(self.reader.mapping, scope)
            return False
        if truthy(value_of(self.join.empty_when, scope, failing=MISSING)):
            return True
        if is_refused:
            raise refusal(self.reader.mapping, scope)
        hint = f"if that means no rows, write `empty_when: $status = {status}` in the join"
        raise ProviderError(Diagnostic("P602", f"the provider's answer is empty (status {status})", hint=hint))

    def _add_rows(self, body: Any, number: int, scope: Scope) -> None:
        types = self.reader.types
        usual = None if scope.trace is not None else types.take_usual(body, self.rows)
        if usual is not None:
            self.scope.budget.spend(_ROW * usual)  # type: ignore[union-attr]  # a page has one
            return
        unusable = self._unusable(types, body, number)
        rows = self._rows(body, scope)
        self.scope.budget.spend(_ROW * len(rows))  # type: ignore[union-attr]  # likewise
        for at, row in enumerate(rows):
            if row is not None and at not in unusable:
                self._add(row, scope)

    def _unusable(self, types: JoinTypes, body: Any, number: int) -> set[int]:
        """The numbers of the rows that have a value of another type than the provider's schema declares.

        Raises `ProviderError` P602 with all of them, unless invalid values are discarded.
        """
        wrong = types.mismatches(body)
        found = [Diagnostic("P602", str(one), pointer=json_pointer(one.path)) for one in wrong]
        places = [types.row_at(one.path) for one in wrong]
        if found and (self.is_strict or None in places):
            raise ProviderError(found)
        told = (replace(one, message=f"{one.message}; the row was left out", severity="warning") for one in found)
        self.found += [in_reply(one, self.join.name, number) for one in told]
        return {place for place in places if place is not None}

    def _rows(self, body: Any, scope: Scope) -> list[Any]:
        value = body if self.join.rows is None else _evaluated(self.join.rows, scope)
        if value is MISSING:
            message = f"the reply to join `{self.join.name}` has nothing that its `rows` reads"
            hint = "is it a reply of another API or version? If it may mean no rows, write `… ?? []`"
            raise ProviderError(Diagnostic("P603", message, pointer="", hint=hint))
        return value if isinstance(value, list) else [value]

    def _add(self, row: Any, scope: Scope) -> None:
        value = value_of(self.join.key, Scope(row, None, scope))
        key = key_text(value)
        if value is MISSING or value is None or (key is None and not self.is_strict):
            self._keyless += 1
            return
        if key is None:
            message = f"`key` must give a text or an integer, this is {excerpt(value)}"
            raise EvaluationError(self.join.key.diagnostic("D406", message))
        if self.join.many:
            self.rows.setdefault(key, []).append(row)
        elif key not in self.rows:
            self.rows[key] = row
        elif not same(self.rows[key], row):
            self._repeated[key] = None

    def _read_of(self, expression: Expression | None, scope: Scope) -> Any:
        """What an expression reads of a reply: no value, and a text, at once where a path of names leads to it."""
        path = None if expression is None or scope.trace is not None else self.reader.types.paths.get(expression)
        value = False if path is None else value_at(scope.data, *path)
        return value if value is MISSING or value is None or value.__class__ is str else value_of(expression, scope)

    def _following(self, scope: Scope, cursors: Sequence[str]) -> str | None:
        """The cursor of the next reply. Raises `ProviderError` P604 for one that was sent before."""
        value = self._read_of(self.join.next_cursor, scope)
        if value is MISSING or value is None or value == "":
            return None
        cursor = key_text(value)
        if cursor is None:
            _refuse_cursor(self.join.next_cursor, value)
        if cursor in cursors:
            raise ProviderError(Diagnostic("P604", "the pages do not come to an end: a cursor came before"))
        return cursor


def _evaluated(expression: Expression, scope: Scope) -> Any:
    """The value of an expression: parts of the reply stay these."""
    try:
        return expression.evaluate_in(scope)
    except EvaluationError as error:
        raise expression.located(error) from None


def _refuse_cursor(expression: Expression | None, value: Any) -> NoReturn:
    assert expression is not None  # noqa: S101  # for mypy: without one there is no value
    message = f"`next_cursor` must give a text or a number, this is {excerpt(value)}"
    raise EvaluationError(expression.diagnostic("D406", message))


def key_text(value: Any) -> str | None:
    """An id as the text that rows are keyed by; None for anything but a text or a whole number."""
    if value.__class__ is str:
        return str(value)
    is_whole = value.__class__ is int or (value.__class__ is float and value.is_integer())
    return str(string(None, value)) if is_whole else None


def same(one: Any, other: Any) -> bool:
    """Whether two rows are the same JSON: 1 and true are equal in Python."""
    return one is other or bool(one == other and repr(one) == repr(other))


def in_reply(found: Diagnostic, name: str, number: int) -> Diagnostic:
    """A finding with the place of the reply that it is about."""
    return replace(found, message=f"{found.message} ({reply(name, number)})")
