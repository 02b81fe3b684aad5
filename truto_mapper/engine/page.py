"""A request to send, a response received, and the page of records made of it."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from operator import methodcaller
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, overload

from truto_mapper.engine import bodies, rendering
from truto_mapper.engine.cursor import Cursors, Position, beginning
from truto_mapper.engine.query import Query
from truto_mapper.engine.rendering import Format
from truto_mapper.resource import spec
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import EvaluationError, QueryError
from truto_mapper.text.record import NamedTuple, record

#: What becomes of an invalid value: all those of the page are raised together; or an optional one is left out; or its
#: record is. What is discarded is in `Page.diagnostics`, the row of a dropped record in `Page.rejected`.
OnInvalid = Literal["raise", "discard_value", "discard_record"]

#: The type of a unified record: `Activity`, say. typing has defaults from Python 3.13 on.
if TYPE_CHECKING:
    from typing_extensions import TypeVar

    RecordT = TypeVar("RecordT", bound=Mapping[str, Any], covariant=True, default=Any)  # noqa: PLC0105  # a plain name
else:
    RecordT = typing.TypeVar("RecordT", bound=Mapping[str, Any], covariant=True)  # noqa: PLC0105  # likewise

#: What Python raises for data that it cannot follow or write.
BEYOND = (RecursionError, ValueError)


def bounded(error: Exception) -> Exception:
    """Python's own limits as an `EvaluationError` D407; any other error unchanged."""
    if isinstance(error, RecursionError):
        why = "is nested too deeply to be handled, or contains itself"
    elif "integer string conversion" in str(error):
        why = "holds an integer of more digits than can be written"
    else:
        return error
    return EvaluationError(Diagnostic("D407", f"the payload, query or context {why}", pointer=""))


#: The parts of a request that go to the provider.
SENT = ("method", "path", "params", "headers", "body")


@record
class Request:
    """What to send to the provider.

    `path` begins with a slash and goes below the provider's base URL. `params` is the HTTP query, all of it text: a
    list is a parameter given several times. `body` is JSON, None for no body. `query` is the parsed unified query: pass
    it to `Mapper.map` with the reply. `diagnostics` has notes on what was changed about the query (Q508, Q510). `join`
    is the name of the join that asks, None for the page itself.
    """

    method: str
    path: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any
    query: Query
    diagnostics: tuple[Diagnostic, ...] = ()
    join: str | None = None

    def __repr__(self) -> str:
        from truto_mapper.engine.redaction import Redaction  # noqa: PLC0415  # only a person's view needs it

        return f"<Request {self.method} {Redaction(self.query).text(self.path.partition('?')[0])}>"


class Response(NamedTuple):
    """The provider's answer: `body` is parsed JSON or its bytes, `status` the HTTP status.

    `headers` are an object or pairs; names and values are text or bytes, and a value may be a list.
    """

    body: Any
    status: int = 200
    headers: Any = MappingProxyType({})

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


class ReadResponse(Response):
    """A response whose body was read from bytes: it is JSON that can be written."""

    __slots__ = ()


class ExactResponse(ReadResponse):
    """A response that was read to be written again, and has numbers with more digits than a double: see `decimals`."""

    __slots__ = ()


class CsvResponse(ReadResponse):
    """A response whose body was read as CSV: an array of rows."""

    __slots__ = ()


class Unified(TypedDict, Generic[RecordT]):
    """A page in the format "unified"; `result` is an object if `truto_key_by` was given."""

    result: list[RecordT] | dict[str, RecordT]
    next_cursor: str | None


class Debug(Unified[RecordT]):
    """A page in the format "debug"; `debug` is None if the provider was not asked."""

    debug: dict[str, Any] | None


class Rejected(NamedTuple):
    """The provider's rows that were rejected, the JSON Pointer to each, and what is wrong with it."""

    rows: Sequence[Any] = ()
    pointers: Sequence[str] = ()
    findings: Sequence[Sequence[Diagnostic]] = ()


class Page(NamedTuple, Generic[RecordT]):
    """The validated records of one reply.

    `records` are complete; `result` is what the caller chose to see of them. `following` is where the next page begins:
    None on the last page, the provider's cursor, or a position within its page. `cursors` seal it when `next_cursor`
    is asked for; without them `following` is that.
    `diagnostics` says what was discarded, repaired or noticed. `rejected` has the provider's rows whose record was
    dropped. `is_looping` is true if the provider returned the cursor it was sent, or one that the stream has seen; then
    `following` is None, and a stream fails instead of giving the page. `endpoint` is the name of the endpoint that
    replied, None for a reply without records. `is_asked` is false if the provider was not called: for a static response
    and `truto_skip_api_call`. `method` is that of the resource: with `get`, `create` and `update` there is one record,
    with `delete` none. `joined` has the responses to each join that ran, by its name. `rejected_at` has the JSON
    Pointer to each of the rejected rows. For stored replies `rejected_for` has all findings about each of them, though
    they are also those about another, or too many to be told in `diagnostics`.
    """

    records: tuple[RecordT, ...]
    following: Position | str | None
    diagnostics: tuple[Diagnostic, ...]
    rejected: tuple[Any, ...]
    response: Response
    query: Query | None
    resource: spec.Resource
    is_looping: bool = False
    endpoint: str | None = None
    is_asked: bool = True
    cursors: Cursors | None = None
    method: str = "list"
    joined: Mapping[str, Sequence[Response]] | None = None
    rejected_at: tuple[str, ...] = ()
    rejected_for: tuple[tuple[Diagnostic, ...], ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        # The keys of the cursors stay here.
        return Page, tuple(self._replace(following=self.next_cursor, cursors=None))

    def __repr__(self) -> str:
        counts = {"record": len(self.records), "finding": len(self.diagnostics), "rejected row": len(self.rejected)}
        counted = [f"{count} {name}{'s' * (count != 1)}" for name, count in counts.items() if count or name == "record"]
        more = ["another page follows"] * (self.following is not None)
        return f"<Page of {self.endpoint or 'no endpoint'}: status {self.response.status}, {', '.join(counted + more)}>"

    @property
    def next_cursor(self) -> str | None:
        """The cursor of the next page, None on the last page.

        It is sealed and belongs to the query and its context. A reply mapped without its query has the provider's own.
        """
        return cursor_of(self)

    @property
    def result(self) -> list[RecordT] | dict[str, RecordT]:
        """The records without `truto_exclude_fields`: a list, or an object keyed by `truto_key_by`.

        Raises `QueryError` Q507 if keying would lose records.
        """
        return self._selected(self.records)  # type: ignore[no-any-return]  # records in plain dicts

    @property
    def record(self) -> RecordT | None:
        """The record of `get`, `create` and `update`, without `truto_exclude_fields`; None if it was discarded."""
        return next(iter(self._shown(self.records)), None)

    @overload
    def render(self, format: Literal["unified"]) -> Unified[RecordT]: ...
    @overload
    def render(self, format: Literal["debug"]) -> Debug[RecordT]: ...
    @overload
    def render(self, format: Literal["normalized"]) -> Unified[dict[str, Any]]: ...
    @overload
    def render(self, format: Literal["stream"]) -> str: ...
    @overload
    def render(self, format: Format | None = None) -> Any: ...

    def render(self, format: Format | None = None) -> Any:  # noqa: A002  # the parameter's name in the API
        """The response body in a format, by default in the query's `truto_response_format`.

        JSON; for "stream" the text of NDJSON lines; for "raw" the provider's body itself. Raises `QueryError`
        (Q504, Q507) and `EvaluationError` (D405, D407). What it returns can be written as JSON in UTF-8: halves of
        surrogate pairs in a body that was not given as bytes become U+FFFD.
        """
        try:
            made, chosen = rendered(self, format)
            return rendering.ndjson(made) if chosen == "stream" else made
        except BEYOND as error:
            raise bounded(error) from None

    def _rendered(self, chosen: str, asked: str) -> Any:
        if asked == "raw" and chosen in rendering.FORMATS and chosen != "raw":
            message = f"the page was asked for as raw, so it has no records to show as {chosen}"
            raise QueryError(Diagnostic("Q504", message, hint="leave out truto_response_format=raw"))
        match chosen:
            case "raw":
                return self.response.body
            case "unified":
                return self._enveloped(self.records)
            case "normalized":
                return self._enveloped([rendering.normalized(dict(one), self.resource) for one in self.records])
            case "stream":
                return self._shown(self.records)
            case "debug" if self.method == "list":
                return self._enveloped(self.records) | {"debug": self._debug()}
            case "debug":
                return {"result": self._enveloped(self.records), "debug": self._debug()}
        hint = did_you_mean(str(chosen), rendering.FORMATS)
        raise QueryError(Diagnostic("Q504", f"there is no response format {excerpt(chosen)}", hint=hint))

    @property
    def _ingredients(self) -> list[Any]:
        """What records are made of, unless it can surely be written: query, context, headers, a body not read by us."""
        found: list[Any] = [] if isinstance(self.response, ReadResponse) else [self.response.body]
        if self.query is not None:
            plan = self.query.plan
            parts = self.query.parameters, plan and plan.settings, self.query.body
            found += [one for one in parts if one and not bodies.is_plain(one)]
        return [*found, dict(self.response.headers)] if self.response.headers else found

    def _enveloped(self, records: Sequence[Any]) -> Any:
        """A list of records with its cursor; the record alone, or None, with the other methods."""
        if self.method != "list":
            return next(iter(self._shown(records)), None)
        return {"result": self._selected(records), "next_cursor": self.next_cursor}

    def _shown(self, records: Sequence[Any]) -> list[Any]:
        hidden = self._choice("truto_exclude_fields", ())
        return [rendering.without(one, hidden) for one in records] if hidden else list(records)

    def _selected(self, records: Sequence[Any]) -> Any:
        shown, name = self._shown(records), self._choice("truto_key_by")
        return shown if name is None else rendering.keyed(self.records, shown, name)

    def _choice(self, name: str, default: Any = None) -> Any:
        return default if self.query is None else self.query.get(name, default)

    def _debug(self) -> dict[str, Any] | None:
        if not self.is_asked:
            return None
        from truto_mapper.engine.redaction import Redaction  # noqa: PLC0415  # only a person's view needs it

        sent, hidden = None if self.query is None else self.query.sent, Redaction(self.query, self.response.headers)
        request: dict[str, Any] = {}
        if sent is not None:  # a payload without its query has no request
            request["requestUrl"] = hidden.url(sent["path"], sent["params"])
            request["requestOptions"] = hidden.of({part: sent[part] for part in ("method", "headers", "body")})
        request |= {"data": hidden.of(self.response.body), "responseHeaders": hidden.of(self.response.headers)}
        if self.method != "list":
            return request
        return request | {
            "nextCursor": self.next_cursor,
            "isLooping": self.is_looping,
            "isEmptyResult": not self.records,
            "resultCount": len(self.records),
        }


def rendered(page: Page[Any], format_: str | None) -> tuple[Any, str]:
    """What `Page.render` writes, a list for "stream", and its format. Raises as that does, and `BEYOND`."""
    ingredients = page._ingredients  # noqa: SLF001  # a tuple's own names are taken
    is_json = not ingredients or bodies.is_surely_writable(ingredients)
    asked = "unified" if page.query is None else page.query.parameters.get("truto_response_format", "unified")
    chosen = format_ or asked
    made = page._rendered(chosen, asked)  # noqa: SLF001
    return made if is_json and chosen != "debug" else bodies.writable(made), chosen


_id = methodcaller("get", "id")


def record_ids(page: Page[Any]) -> Iterator[Any]:
    """The ids of a page's records, None where one has none; nothing of a page without all of its rows."""
    return map(_id, () if page.rejected else page.records)


def position_of(page: Page[Any]) -> Position | None:
    """Where the page after a page begins; None for the last page, and without the query."""
    plan, at = None if page.query is None else page.query.plan, page.following
    if plan is None or page.cursors is None or at is None:
        return None
    return Position(at, now=plan.now) if isinstance(at, str) else at._replace(now=plan.now)


def cursor_of(page: Page[Any], taken: int = 0) -> str | None:
    """The cursor of the page after a page, in a stream that has given so many records."""
    at, query, cursors = page.following, page.query, page.cursors
    if at is None or query is None or query.plan is None or cursors is None:
        return at if isinstance(at, str) else None
    cursor, offset, digest, *_ = (at, 0, beginning(record_ids(page))) if isinstance(at, str) else at
    return cursors.sealed((cursor, offset, digest, query.plan.now, taken), query.plan.question)
