"""Exchanges and streams: generators of requests and pages that receive responses and do no I/O."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NoReturn, TypeVar

from truto_mapper.engine import arguments
from truto_mapper.engine.conversation import Pages, Told
from truto_mapper.engine.cursor import begins_like, digest_of
from truto_mapper.engine.page import BEYOND, Page, RecordT, Request, Response, cursor_of, position_of, record_ids
from truto_mapper.engine.query import Query
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import ProviderError, QueryError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

#: How many pages without a row may follow each other.
MAX_EMPTY = 1_000


class Conversation(Generator[ItemT, Response | None, ResultT]):
    """A generator that raises its error again when it is asked to go on, so that it never looks complete by mistake.

    What the driver does wrong (Q515) changes nothing: the right `send` can follow.
    """

    def __init__(self, steps: Generator[ItemT, Any, ResultT]) -> None:
        self._steps = steps
        self._is_asking = self._is_running = False
        self._end: BaseException | None = None

    def send(self, response: Response | None, /) -> ItemT:
        """The next item. `response` answers the last item if that was a `Request`; else it is None."""
        if self._end is not None:
            raise self._end
        answer = self._answer(response)
        self._is_running = True
        try:
            item = self._steps.send(answer)
        except BaseException as error:
            self._finish(error)
            raise
        finally:
            self._is_running = False
        self._is_asking = isinstance(item, Request)
        return item

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> ItemT:
        """End with an error of the driver, which is raised again from now on."""
        try:
            return super().throw(typ, val, tb)
        except BaseException as error:
            self._finish(GeneratorExit() if isinstance(error, StopIteration) else error)
            self._steps.close()
            raise

    def close(self) -> None:
        """End early. Going on raises `QueryError` Q515, unless the last item was given before."""
        self._steps.close()
        self._finish(GeneratorExit())

    def _answer(self, response: Response | None) -> Response | None:
        if self._is_running:
            arguments.refuse("two threads use the same exchange or stream", "give each conversation its own")
        if self._is_asking and response is None:
            arguments.refuse("a request waits for its response", "send it: .send(Response(body, status, headers))")
        if not self._is_asking and response is not None:
            arguments.refuse("no request waits for a response", "call next() to go on")
        return None if response is None else arguments.checked(response)

    def _finish(self, error: BaseException) -> None:
        if self._end is not None:
            return
        if isinstance(error, StopIteration):
            self._end = StopIteration()  # without its page
        elif isinstance(error, Exception):
            self._end = error
        else:
            message = "this was closed or interrupted before its end"
            self._end = QueryError(Diagnostic("Q515", message, hint="a stream goes on from its cursor in a new one"))


class Exchange(Conversation[Request, ResultT]):
    """One page: yields the `Request` to send, receives its `Response`, returns the `Page`, or its `Encoded` bytes."""


class Stream(Conversation[Request | ResultT, None]):
    """All pages: yields each `Request`, receives its `Response`, yields its `Page`, or its `Encoded` lines."""

    def __init__(self, steps: Generator[Request | ResultT, Any, None], progress: Progress) -> None:
        super().__init__(steps)
        self._progress = progress

    @property
    def cursor(self) -> str | None:
        """The cursor of the page that is next or has failed: a stream of the same query goes on from there.

        None before the first page, where a new stream begins anyway, and after the last one.
        """
        return self._progress.cursor


class Progress:
    """What a stream has seen: the cursor to go on from, and what must not come again."""

    def __init__(self) -> None:
        self.cursor: str | None = None
        self._pages = self._rows = self._empty = 0
        self._is_whole, self._total = True, 0
        self._seen: dict[tuple[str, Any], int] = {}

    def asked(self, query: Query) -> None:
        self.cursor = query.get("next_cursor")
        self._is_whole = self._is_whole and (self._pages > 0 or self.cursor is None)
        self._seen.setdefault(("cursor", query.cursor), self._pages + 1)

    def check(self, query: Query, page: Page[Any], told: Told) -> None:
        """Raise `ProviderError` P604 for a page that came before, and for pages that do not come to an end."""
        if self._pages == 0:
            check_beginning(query, page)
        if query.offset == 0:  # else this is the rest of a page that was counted
            self._check_told(told, is_last=page.following is None)
        ids = [*(record.get("id") or record for record in page.records), *page.rejected]
        if ids:
            self._compare(ids)
        self._empty = 0 if ids or told.rows else self._empty + 1
        if self._empty > MAX_EMPTY:
            _fail(f"{self._empty:,} pages without a row came one after the other")
        self._pages += 1

    def _compare(self, ids: list[Any]) -> None:
        """Fail if a page has the records of an earlier one. Rejected rows may hold what cannot be told apart."""
        try:
            digest = digest_of(ids)
        except BEYOND:
            return
        self._once("records", digest, "the same records as")

    def _check_told(self, told: Told, *, is_last: bool) -> None:
        if told.number is not None:
            self._once("number", told.number, "the page number of")
        before, self._rows = self._rows, self._rows + (told.rows or 0)
        self._total = told.total or 0
        if told.total is None or not told.rows or not self._pages:
            return
        if before >= told.total or (self._rows > told.total and not is_last):
            _fail(f"{self._rows:,} rows have come, of {told.total:,} in total")

    def _once(self, kind: str, value: Any, what: str) -> None:
        number = self._pages + 1
        first = self._seen.setdefault((kind, value), number)
        if first != number:
            _fail(f"page {number} of the stream has {what} page {first}")

    def followed(self, page: Page[RecordT]) -> Page[RecordT]:
        """The page as the last one if its cursor leads back to a page of this stream.

        A last page has a warning if fewer rows have come than the provider says there are.
        """
        at = position_of(page)
        if at is None and self._is_whole and not page.is_looping and self._rows < self._total:
            message = f"the pages ended after {self._rows:,} rows, of {self._total:,} in total: records may be missing"
            hint = "the provider may have renamed the cursor of its next page"
            return page._replace(diagnostics=(*page.diagnostics, Diagnostic("P604", message, "warning", hint=hint)))
        if at is None or at.offset or ("cursor", at.cursor) not in self._seen:
            return page
        first = self._seen["cursor", at.cursor]
        found = Diagnostic("P604", f"the provider's cursor leads back to page {first} of the stream", "warning")
        return page._replace(following=None, is_looping=True, diagnostics=(*page.diagnostics, found))


def check_beginning(query: Query, page: Page[Any]) -> None:
    """Raise `ProviderError` P604 for a page that begins with the records of the one before, which the cursor knows."""
    if query.digest is not None and not query.offset and begins_like(record_ids(page), query.digest):
        hint = "the provider does not page as it should: try this page again, or start again"
        raise ProviderError(Diagnostic("P604", "the page begins with the records of the one before", hint=hint))


def _fail(why: str) -> NoReturn:
    hint = "the provider does not page as it should; records may be missing, so start again"
    raise ProviderError(Diagnostic("P604", f"the pages do not come to an end: {why}", hint=hint))


def one_page(plan: Callable[[], Request], pages: Pages) -> Generator[Request, Response, Any]:
    """The steps of an exchange."""
    request = plan()
    response = None if request.query.get("truto_skip_api_call") else (yield request)
    page = pages.answered(request, response, (yield from pages.joined(request, response)))
    check_beginning(request.query, page)
    return pages.shown(page, response)


def streamed(first: Callable[[], Request], following: Callable[[Query, str], Request], pages: Pages) -> Stream[Any]:
    """All pages. `first` plans the first one, `following` that of a cursor."""
    progress = Progress()
    return Stream(_all_pages(first, following, pages, progress), progress)


def _all_pages(
    first: Callable[[], Request], planned: Callable[[Query, str], Request], pages: Pages, progress: Progress
) -> Generator[Any, Response, None]:
    """The steps of a stream. It keeps no page while it asks for the next one."""
    request = first()
    while True:
        query = request.query
        left = None if query.plan is None else query.plan.limit
        if left is not None and left < 1:
            break
        progress.asked(query)
        response = None if query.get("truto_skip_api_call") else (yield request)
        page = pages.answered(request, response, (yield from pages.joined(request, response)))
        progress.check(query, page, pages.told(page))
        page = progress.followed(page)
        left = left and left - len(page.records)
        following = None
        if position_of(page) is not None:
            following = cursor_of(page, query["limit"] - left if left is not None else 0)
        elif page.is_looping and left != 0:  # who goes on from here gets this page, so it is not given now
            _fail(next(one.message.partition(";")[0] for one in page.diagnostics if one.code == "P604"))
        shown = pages.shown(page, response)
        progress.cursor = following
        del page, response
        yield shown
        del shown
        if left == 0 or following is None:
            break
        request = planned(query, following)
    progress.cursor = None
