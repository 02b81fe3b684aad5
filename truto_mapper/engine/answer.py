"""A reply → its page: at once if all is as usual, or by way of an `Answer`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine import bodies
from truto_mapper.engine.cursor import MAX_CHECKED, Cursors, Position, beginning, digest_of
from truto_mapper.engine.decimals import Exact
from truto_mapper.engine.fused import Fused, Made
from truto_mapper.engine.page import (
    BEYOND,
    CsvResponse,
    ExactResponse,
    OnInvalid,
    Page,
    ReadResponse,
    Rejected,
    Response,
    bounded,
)
from truto_mapper.engine.query import Asked, Plan, Query
from truto_mapper.engine.replies import (
    RESPONSE,
    Bindings,
    PageBudget,
    Replies,
    has_joins,
    next_cursor,
    offset_notes,
    zone_notes,
)
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import WITH_BODY
from truto_mapper.resource.spec import GIVING_ONE
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MapperError, ProviderError, QueryError

if TYPE_CHECKING:
    from truto_mapper.engine.exact import ExactPage
    from truto_mapper.engine.located_rows import LocatedRows
    from truto_mapper.engine.odd_rows import OddRows
    from truto_mapper.language.expression import Scope
    from truto_mapper.resource.spec import Resource


#: What a response is mapped with: its planned query, what is asked, its status and headers, and `on_invalid`.
Given: TypeAlias = tuple[Query | None, Asked, int, dict[str, Any], OnInvalid]

#: What callers of a mapper get as a `failure`.
FAILURES = (*BEYOND, MapperError)

_new = tuple.__new__

_NO_REJECTS = Rejected()


def page_of(  # noqa: C901  # several functions take longer
    replies: Replies,
    body: Any,
    query: Query | None,
    asked: Asked,
    status: int,
    headers: Any,
    on_invalid: OnInvalid,
    is_exact: bool = False,  # a keyword of its own takes longer
    joined: PageBudget | None = None,  # likewise
) -> Page[Any]:
    """The page of a response, whose body is JSON or its bytes; see `Given`.

    If it `is_exact`, the numbers in bytes keep the digits that no double has: the page is to be written. `joined` has
    what the joins of the page gave, if they ran.
    """
    only, settings, sent, now, parameters, one, given, cursor, zone_of_plan, remote_data, is_whole, notes, plan = asked
    kind: type[Response] = Response
    is_object = body.__class__ is dict
    if not is_object:
        kind, body, told = opened(replies, body, status, plan, is_exact=is_exact)
        notes += told
        is_object = body.__class__ is dict
    response = _new(kind, (body, status, headers))  # as kind(…), which takes longer
    bindings = (settings, sent, headers, now, parameters, body, status, one, given)
    found: list[Diagnostic] = []
    reply = None
    if joined is None:
        budget = PageBudget()
    else:
        budget = joined
        found += joined.notes
    if only is not None and status == 200 and replies.trace is None:  # as `recognised`, which takes longer
        fused: Fused | None = replies.functions[only]
        read = fused.reply  # type: ignore[union-attr]
        reply = read(bindings, budget) if is_object or _takes(fused, body) else None
    if reply is None or reply[0] is not True:
        fused, reply = replies.recognised(bindings, plan, found, budget)
    if fused is None:
        found[:0] = notes
        return Answer(replies, response, query, plan, bindings, found, budget, on_invalid).without_records(reply)
    _, following, zone, rows, key = reply
    if zone != zone_of_plan and zone_of_plan is not None and tells_zone(zone, fused):
        from truto_mapper.engine.absent_names import zone_drift  # noqa: PLC0415  # as in `_Functions`

        days = replies.mapping.whole_days
        found += zone_drift(fused.types, body) if zone is MISSING else zone_notes(zone, plan, days)
    is_looping = False
    # It has `pagination`, or joins that would have to run.
    if (settings is not fused.quiet or fused.has_pages) and fused.is_more and (fused.has_pages or joined is None):
        following, is_looping = _following(replies, fused, query, bindings, following, rows, found, budget)
    elif following.__class__ is not str or not following or (cursor is not None and following == cursor):
        following, is_looping = next_cursor(following, fused, query, body, found)
    made = None
    if rows is not False and is_whole:
        made = fused.records(rows, key, bindings, budget, remote_data)
        if made.__class__ is list and not found:
            if following is not None and (len(following) > MAX_CHECKED or not following.isascii()):
                carried(replies.cursors, query, plan, following)
            # As Page(*parts), which takes longer.
            parts = (
                tuple(made),
                following,
                notes,
                (),
                response,
                query,
                replies.mapping.resource,
                is_looping,
                fused.name,
                True,
                replies.cursors,
                "list",
                None if joined is None else joined.replies,
                (),
                (),
            )
            return _new(Page, parts)
    found[:0] = notes
    answer = Answer(replies, response, query, plan, bindings, found, budget, on_invalid, is_looping)
    return answer.page_of(fused, following, rows, key, made)


def _following(
    replies: Replies,
    fused: Fused,
    query: Query | None,
    bindings: Bindings,
    following: Any,
    rows: Any,
    found: list[Diagnostic],
    budget: PageBudget,
) -> tuple[str | None, bool]:
    """As `next_cursor`, which knows neither `pagination` nor joins."""
    found += _unjoined(fused, replies, bindings, budget) if fused.joins else ()
    if fused.has_pages:
        return _paginated(replies, fused, query, bindings, following, rows, found, budget)
    return next_cursor(following, fused, query, bindings[RESPONSE], found)


def _unjoined(fused: Fused, replies: Replies, bindings: Bindings, budget: PageBudget) -> Sequence[Diagnostic]:
    """A note on a page that is mapped without the joins that it needs."""
    if has_joins(fused, replies, bindings, budget):
        return ()
    from truto_mapper.engine.lacking import lacking  # noqa: PLC0415  # few pages lack joins

    return lacking(fused.joins, replies.scope(bindings, budget))


def opened(
    replies: Replies, body: Any, status: int, plan: Plan, *, is_exact: bool
) -> tuple[type[Response], Any, tuple[Diagnostic, ...]]:
    """A body that is not a plain object as JSON, with the class of its response, and what was mended of it."""
    kind: type[Response] = Response
    told: tuple[Diagnostic, ...] = ()
    if replies.forms and 200 <= status < 300 and isinstance(body, (bytes, bytearray, str)):
        from truto_mapper.engine import csv_bodies  # noqa: PLC0415  # few mappings have one

        rows, told = csv_bodies.read(body, replies.form_of(plan), is_raw=plan.raw)
        if rows is not MISSING:
            return CsvResponse, rows, told
    if isinstance(body, (bytes, bytearray)):
        exact: list[Exact] = []
        is_text = plan.method == "delete"  # what counts is its status
        body, told = bodies.read(body, status, exact if is_exact else None, may_be_text=is_text)
        kind = ExactResponse if exact else ReadResponse
    return kind, {} if body is None and plan.method in WITH_BODY and 200 <= status < 300 else body, told


def _takes(fused: Fused | None, body: Any) -> bool:
    """Whether the generated code of an endpoint reads a body that is no plain object."""
    return body.__class__ is list and fused is not None and fused.takes_array


def _paginated(*given: Any, is_raw: bool = False) -> tuple[str | None, bool]:
    from truto_mapper.engine.next_page import following  # noqa: PLC0415  # few mappings need it

    return following(*given, is_raw=is_raw)


#: The codes of findings whose messages hold names and no values: they have no credentials.
_NAMES_ONLY = frozenset({"P606", "P609", "P612"})


class Answer:
    """A reply on its way to a page that is cut, has doubtful rows or findings, or lacks something."""

    def __init__(
        self,
        replies: Replies,
        response: Response,
        query: Query | None,
        plan: Plan,
        bindings: Bindings,
        found: list[Diagnostic],
        budget: PageBudget,
        on_invalid: OnInvalid,
        is_looping: bool = False,
    ) -> None:
        self.replies, self.response, self.query, self.plan = replies, response, query, plan
        self.bindings, self.found, self.budget = bindings, found, budget
        self.on_invalid: OnInvalid = on_invalid
        self.is_looping = is_looping

    def page_of(self, fused: Fused, cursor: str | None, rows: Any, key: Any, made: Made | None) -> Page[Any]:
        plan, start, stop = self.plan, self.query.offset if self.query is not None else 0, None
        odd = odd_rows(fused, self.replies.mapping.resource)
        is_found = rows is not False
        exact = self.exact_page(odd, odd.located(self.bindings[5]) if is_found else None)
        if not is_found:
            values = None if key is None or fused.loops is None else odd.values(exact, self.bindings[5])
            rows, key = (exact.rows, None) if values is None else (values, key)
        if start or plan.limit is not None:
            rows, stop = _part(rows, start, plan.limit)
        made = made or fused.records(rows, key, self.bindings, self.budget, plan.remote_data)
        records, doubtful, fault, is_usual = (made, (), None, True) if isinstance(made, list) else made
        earlier: Sequence[Any] = ()
        if start and self.query is not None:
            earlier, records, doubtful = _unchanged(self.query, exact, records, doubtful)
        kept, rejected = records, _NO_REJECTS
        if doubtful or fault is not None or not is_found:
            self.budget.rows = len(rows)
            outcome = odd.outcome_of(exact, key) if fault is None else None
            kept, rejected = exact.completed(records, doubtful, fault, start, self.found, outcome)
        if not (is_usual and is_found) and plan.method == "list":  # of one record it tells nothing
            from truto_mapper.engine.absent_names import by_loop, drift_notes  # noqa: PLC0415  # likewise

            found = by_loop(fused.types.loops, rows, is_exact=key is None)
            self.found += drift_notes(fused.types, self.response.body, found)
        self.found += offset_notes(kept, plan, fused.endpoint, self.replies.mapping.whole_days)
        if stop is None or self.query is None:
            is_rest = start and cursor is not None
            first = beginning([*earlier, *exact.identities(records, start)]) if is_rest else None
            return self.ended(fused.endpoint.name, kept, cursor, rejected, first=first)
        digest = digest_of([*earlier, *exact.identities(records, start)])
        return self.ended(fused.endpoint.name, kept, self.query.cursor, rejected, stop, digest)

    def exact_page(self, odd: OddRows, located: LocatedRows | None) -> ExactPage:
        return odd.exact_page(
            self.replies.schema,
            self.scope,
            self.on_invalid,
            self.plan.remote_data,
            self.budget,
            located,
            self.replies.are_stored,
        )

    def scope(self) -> Scope:
        """The scope of the page."""
        return self.replies.scope(self.bindings, self.budget)

    def without_records(self, reply: Sequence[Any]) -> Page[Any]:
        """The page of a reply that is raw, or means no records."""
        if not reply and self.query is not None and self.query.offset:
            raise _changed()
        if not reply:
            return self.ended(None, (), None)
        if self.plan.method != "list":
            return self.ended(reply[0], (), None, is_mapped=False)
        name, cursor = reply
        fused = self.replies.functions[name]
        if fused.has_pages:
            given = self.bindings, cursor, False, self.found, self.budget
            cursor, self.is_looping = _paginated(self.replies, fused, self.query, *given, is_raw=True)
        else:
            body = self.bindings[5]
            cursor, self.is_looping = next_cursor(cursor, fused, self.query, body, self.found, is_raw=True)
        return self.ended(name, (), cursor)

    def ended(
        self,
        name: str | None,
        records: Sequence[Any],
        cursor: str | None,
        rejected: Rejected = _NO_REJECTS,
        offset: int = 0,
        digest: str | None = None,
        *,
        first: str | None = None,
        is_mapped: bool = True,
    ) -> Page[Any]:
        """The page of these records. The next one begins at a cursor and an offset into its rows.

        `first` is the beginning of the provider's page where these are the rest of it.
        """
        if is_mapped and self.plan.method in GIVING_ONE:
            _check_one(self.plan.method, len(records) + len(rejected.rows))
        query, cursors = self.query, self.replies.cursors
        following: Position | str | None = carried(cursors, query, self.plan, cursor) if not offset else None
        if offset or first is not None:
            following = Position(cursor, offset, digest or first)
        notes, findings = () if query is None else query.notes, [*map(tuple, rejected.findings)]
        if any(one.code not in _NAMES_ONLY for one in self.found[len(notes) :]):
            from truto_mapper.engine.redaction import redaction_of  # noqa: PLC0415  # most pages have none

            said = chain(self.found, *findings)
            hidden = redaction_of(said, self.bindings[0], self.response.headers, query)
            notes, *findings = map(hidden.diagnostics, (self.found, *findings))
        else:
            notes = tuple(self.found)
        resource = self.replies.mapping.resource
        parts = (
            tuple(rejected.rows),
            self.response,
            query,
            resource,
            self.is_looping,
            name,
            True,
            cursors,
            self.plan.method,
            self.budget.replies,
            tuple(rejected.pointers),
            tuple(findings),
        )
        return _new(Page, (tuple(records), following, notes, *parts))


def odd_rows(fused: Fused, resource: Resource) -> OddRows:
    """What knows the odd rows of an endpoint, kept with its function."""
    if fused.odd_rows is None:
        from truto_mapper.engine.odd_rows import OddRows  # noqa: PLC0415  # most pages have no need of it

        fused.odd_rows = OddRows(fused, resource)
    return fused.odd_rows  # type: ignore[no-any-return]  # it knows nothing of them


def carried(cursors: Cursors, query: Query | None, plan: Plan, cursor: str | None) -> str | None:
    """The provider's cursor. Raises `ProviderError` P602 if ours, which only a query has, cannot carry it."""
    if cursor is not None and query is not None and (not cursor.isascii() or len(cursor) > MAX_CHECKED):
        cursors.sealed(Position(cursor, now=plan.now), plan.question)
    return cursor


def quieted(found: Sequence[Diagnostic], *holders: Any) -> tuple[Diagnostic, ...]:
    """Findings without the credentials of a context, headers or a query in their messages."""
    from truto_mapper.engine.redaction import Redaction  # noqa: PLC0415  # a page without findings has no need of it

    return Redaction(*holders).diagnostics(found)


def failure(error: Exception, *holders: Any, reply: Response | None = None) -> Exception:
    """An error as callers get it: without the credentials of a context, headers or a query.

    A provider's error gets the `reply` that it is about, unless it has that of a join.
    """
    if not isinstance(error, MapperError):
        return bounded(error)
    try:
        error.diagnostics = quieted(error.diagnostics, *holders)
        if isinstance(error, ProviderError) and (response := error.response or reply) is not None:
            error.response = _shown(response, *holders)
    except BEYOND as deep:  # a query without end
        return bounded(deep)
    error.args = (error.diagnostics,)
    return error


def _shown(response: Response, *holders: Any) -> Response:
    """A response as an error has it: with a body that can be written, is not long, and has no credentials."""
    from truto_mapper.engine.arguments import headers_of  # noqa: PLC0415  # a page without errors has no need of it
    from truto_mapper.engine.redaction import Redaction  # noqa: PLC0415  # likewise

    hidden = Redaction(*holders, response.headers)
    body = bodies.quoted(response.body)
    try:
        shown = hidden.of(body)
    except RecursionError:
        shown = hidden.text(excerpt(body, bodies.MAX_QUOTED))
    return Response(shown, response.status, hidden.of(headers_of(response.headers)))


def _part(rows: list[Any], start: int, limit: int | None) -> tuple[list[Any], int | None]:
    """The rows of a page up to the last of `limit` rows from `start` on, and where the next ones begin, if any."""
    rows = [row for row in rows if row is not None]
    stop = len(rows) if limit is None else start + limit
    return rows[:stop], stop if stop < len(rows) else None


def _unchanged(
    query: Query, exact: ExactPage, records: list[Any], doubtful: Collection[int]
) -> tuple[list[Any], list[Any], Collection[int]]:
    """What identifies the rows before the offset of a query; the records after them, and the doubtful ones of these.

    Raises `QueryError` Q514 if these are not the rows that were returned before.
    """
    start = query.offset
    earlier = exact.identities(records[:start], 0)
    if len(earlier) < start or digest_of(earlier) != query.digest:
        raise _changed()
    return earlier, records[start:], [number - start for number in doubtful if number >= start]


def _check_one(method: str, count: int) -> None:
    """Raise `ProviderError` P611 unless a reply has one record; 404 if `get` found none."""
    if count == 1:
        return
    hint = "without `for_each` the whole reply is the row" if count == 0 and method != "get" else None
    message = f"the provider's answer to `{method}` has {count or 'no'} record{'s' * (count > 1)}, not one"
    status = 404 if count == 0 and method == "get" else ProviderError.unreadable
    raise ProviderError(Diagnostic("P611", message, pointer="", hint=hint), status=status)


def _changed() -> QueryError:
    message = "the provider's page has changed since next_cursor was given: other records come before this place"
    hint = "start again without next_cursor; records keep their ids"
    return QueryError(Diagnostic("Q514", message, pointer="/next_cursor", hint=hint))


def tells_zone(zone: Any, fused: Fused) -> bool:
    """Whether a reply tells its time zone, or should."""
    return zone is not MISSING or (fused.endpoint.time_zone is not None and bool(fused.types.of_zone))
