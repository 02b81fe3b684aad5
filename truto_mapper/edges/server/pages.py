"""Answers of the unified endpoints: one page at once, or all pages as a stream."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from truto_mapper.edges.client import AsyncClient
from truto_mapper.edges.server import answers, rates
from truto_mapper.edges.server.calls import Call
from truto_mapper.edges.server.refusals import Headers, Refused
from truto_mapper.engine import rendering
from truto_mapper.engine.encoded import NDJSON, Encoded
from truto_mapper.text.errors import ProviderError
from truto_mapper.text.record import NamedTuple, replace

#: The status in logs and metrics of a call that got no answer because the caller left, as nginx has it.
LEFT = 499

#: The header with the codes of notes and warnings: a list has no place for them.
NOTED = b"x-diagnostic-codes"

#: The preference (RFC 7240) of who wants to go on with a stream that broke: a line with a cursor after each page.
CURSORS = b"cursors"


class Asked(NamedTuple):
    """A call that may be served: what is asked of whom."""

    call: Call
    client: AsyncClient[Any]
    method: Any  # of `METHODS`
    query: dict[str, Any]
    id: str | None
    body: Any
    #: Raises `Refused` if the token is not for this any more.
    check: Callable[[], Awaitable[None]]

    @property
    def format(self) -> Any:
        """The response format that is asked for."""
        return self.query.get("truto_response_format", "unified")


class GoneError(Exception):
    """The caller has closed the connection."""


class Pages:
    """Asks providers, and answers what they say.

    A call, or the next page of a stream, takes `timeout` seconds at most, and at most `max_calls` run at a time.
    """

    def __init__(self, timeout: float, max_calls: int) -> None:
        self._timeout, self._max_calls = timeout, max_calls
        self._running: Counter[str] = Counter()

    @contextmanager
    def place(self, token: str) -> Iterator[None]:
        """A place among the calls that run. Raises `Refused` 503 if there is none, and 429 if none is left for a token.

        A token has three quarters of all places at most, so that nobody keeps out everybody else.
        """
        if self._running.total() >= self._max_calls:
            raise _full(503, self._max_calls, "calls")
        share = self._max_calls - self._max_calls // 4
        if self._running[token] >= share:
            raise _full(429, share, "calls of this token")
        self._running[token] += 1
        try:
            yield
        finally:
            self._running[token] -= 1
            if not self._running[token]:
                del self._running[token]

    async def answer(self, scope: Scope, receive: Receive, send: Send, asked: Asked) -> None:
        """Answer a call. Nothing is asked any more once the caller has gone."""
        streams = asked.method == "list" and asked.format == "stream"

        async def patient(message: Message) -> None:
            async with self._limited("the caller read nothing for"):
                await send(message)

        try:
            async with _while_there(receive):
                await (self._stream if streams else self._page)(scope, patient, asked)
        except GoneError:
            asked.call.broken, asked.call.status = "the caller closed the connection", asked.call.status or LEFT

    async def _page(self, scope: Scope, send: Send, asked: Asked) -> None:
        call, client, method, query, identity, body, _ = asked
        async with self._limited("the call took"):
            made = await client.encoded(query, method=method, id=identity, body=body)
        _count(call, made)
        if asked.format in ("unified", "normalized"):
            _check_whole(made)
        if method == "delete" and made.body == b"null":
            await answers.respond(scope, send, b"", None, status=204)
            return
        given = call.provider_headers.get("content-type") if asked.format == "raw" else None
        kind = made.content_type if given is None else rates.media_type(given)
        await answers.respond(scope, send, made.body, kind, headers=[*answers.PRIVATE, *_noted(call)])

    async def _stream(self, scope: Scope, send: Send, asked: Asked) -> None:
        """All pages, one in memory: the next one is asked for when the caller has read the last one."""
        call, pages, body = asked.call, asked.client.stream_bytes(asked.query), answers.Pieces(scope, send)
        has_cursors, last = answers.prefers(scope, CURSORS), asked.query.get("next_cursor")
        page = await self._next(pages)  # a failure before the first byte is a problem
        await body.start(NDJSON, [(b"preference-applied", CURSORS)] if has_cursors else [])
        while page is not None and not call.is_head:
            _count(call, page)
            line = b""
            if has_cursors and pages.cursor != last:  # else the page leads back, and the stream is about to fail
                last = pages.cursor
                line = _line(last)
            await body.add(page.body + line)
            page = None  # it is not kept while the next one comes
            await asked.check()  # a stream may take hours
            page = await self._next(pages)
        await body.end()

    async def _next(self, pages: AsyncIterator[Encoded]) -> Encoded | None:
        async with self._limited("the next page took"):
            return await anext(pages, None)

    @asynccontextmanager
    async def _limited(self, what: str) -> AsyncIterator[None]:
        """Bound the time of what is awaited. Raises `Refused` 504."""
        try:
            async with asyncio.timeout(self._timeout) as limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise Refused(504, f"{what} more than {self._timeout:g} s") from None


def _full(status: int, most: int, what: str) -> Refused:
    message = f"{most:,} {what} are being answered, which is the most at a time; try again"
    return Refused(status, message, [(b"retry-after", b"1")])


def _check_whole(made: Encoded) -> None:
    """Refuse a page that looks like the last one and is not. Raises `ProviderError` P604."""
    if found := [replace(one, severity="error") for one in made.diagnostics if one.code == "P604"]:
        raise ProviderError([replace(one, hint=one.hint or "records would be missing: start again") for one in found])


def _line(cursor: str | None) -> bytes:
    """The line of a stream from which it can go on; there is none after the last page."""
    return b"" if cursor is None else rendering.dumps({"next_cursor": cursor}).encode() + b"\n"


def _noted(call: Call) -> Headers:
    """The codes of what was noted about an answer that is given all the same."""
    return [(NOTED, ", ".join(call.codes).encode())] if call.codes else []


def _count(call: Call, made: Encoded) -> None:
    call.records += made.count
    call.note(made.diagnostics)


@asynccontextmanager
async def _while_there(receive: Receive) -> AsyncIterator[None]:
    """Cancel what is awaited when the caller closes the connection. Raises `GoneError` then."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101  # for mypy: this is a coroutine
    watching = asyncio.create_task(_watch(receive, task))
    try:
        yield
    except asyncio.CancelledError:
        if not watching.done() or watching.exception() or task.uncancel() > 0:
            raise
        raise GoneError from None
    finally:
        watching.cancel()


async def _watch(receive: Receive, task: asyncio.Task[Any]) -> None:
    """Cancel a task when the caller closes the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
    task.cancel()
