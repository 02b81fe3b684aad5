"""`Client` and `AsyncClient`: two loops that do what the same generators ask for."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, Self, TypedDict, TypeVar, Unpack

from truto_mapper.edges.client.account import Account, refuse
from truto_mapper.edges.client.calls import Body, Calls, End, Id, Pages
from truto_mapper.edges.client.limiter import Limiter
from truto_mapper.edges.client.messages import Failed, Reply, Sent
from truto_mapper.edges.client.retries import Retries
from truto_mapper.edges.client.steps import Alone, Around, Call, Effect, Queue, Send, Sending, Sleep, Steps, Turn
from truto_mapper.edges.client.telemetry import Telemetry
from truto_mapper.edges.client.transports import MAX_REPLY, AsyncSender, AsyncTransport, Sender, Transport
from truto_mapper.engine.encoded import Encoded
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.of_one import Method
from truto_mapper.engine.page import OnInvalid, Page, RecordT, Request
from truto_mapper.engine.planner import AnyQuery
from truto_mapper.engine.query import OnUnknown
from truto_mapper.engine.rendering import Format
from truto_mapper.mapping.linked import RateLimit
from truto_mapper.mapping.rate_limits import parsed
from truto_mapper.text.diagnostics import excerpt

ItemT = TypeVar("ItemT")
ClientT = TypeVar("ClientT")


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


#: How long a task sleeps that waits for a lock which a thread may hold, in seconds.
_POLL = 0.005


class Options(TypedDict, total=False):
    """The further arguments of both clients.

    `retries` says when a request is sent again. `limiter` counts the calls; clients of one company share one.
    `rate_limits`, such as `["3/second"]`, replace those of the mapping, and `max_wait` is how many seconds a call waits
    for its turn. `timeout` is how long one request may take, in seconds. `now` is the clock. The hooks get what is sent
    (`on_request`), the provider's response (`on_response`), why there is none (`on_failure`), each page
    (`on_page`), and the account when its time zone was found (`on_context`). `around(request, ask)` gives the reply to
    a request: that of `ask()`, which sends it, or an earlier one; with `AsyncClient` both are awaited. `on_invalid` and
    `on_unknown` are those of `Mapper.exchange`.
    """

    retries: Retries
    limiter: Limiter | None
    rate_limits: Sequence[str] | None
    max_wait: float
    timeout: float
    now: Callable[[], datetime]
    on_request: Callable[[Sent], object] | None
    on_response: Callable[[Reply], object] | None
    on_failure: Callable[[Sent, Failed], object] | None
    on_page: Callable[[Any], object] | None
    on_context: Callable[[Account], object] | None
    around: Callable[[Request, Callable[[], Any]], Any] | None
    on_invalid: OnInvalid
    on_unknown: OnUnknown


def _calls(mapper: Mapper[Any], account: Account, given: Options) -> Calls:
    """The calls of a client with some arguments."""
    hooks = given.get("on_request"), given.get("on_response"), given.get("on_failure")
    limits = given.get("rate_limits")
    sending = Sending(
        given.get("retries", Retries()),
        mapper.mapping.rate_limits if limits is None else _parsed(limits),
        given.get("max_wait", 20),
        given.get("timeout", 30),
        given.get("now", utc_now),
        Telemetry(mapper.mapping),
        *hooks,
        given.get("around"),
    )
    invalid, unknown = given.get("on_invalid", "raise"), given.get("on_unknown", "refuse")
    return Calls(mapper, account, sending, invalid, unknown, given.get("on_page"), given.get("on_context"))


def _parsed(texts: Sequence[str]) -> tuple[RateLimit, ...]:
    made = tuple(parsed(one) for one in ([texts] if isinstance(texts, str) else texts))
    if None in made:
        refuse(f"this is no list of rate limits: {excerpt(texts)}", 'such as ["3/second", "10000/day"]')
    return made  # type: ignore[return-value]  # none is None


class _Of:
    """What both clients have: the account as far as it is known."""

    _calls: Calls

    @property
    def account(self) -> Account:
        """The account, with the time zone if that was found."""
        return self._calls.account

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._calls.mapper!r} for {self.account!r}>"


class Client(_Of, Generic[RecordT]):
    """Calls a provider, and waits for it. Threads may share a client.

    `transport` sends: by default httpx2 with a pool of connections, else one of its transports, or a function that
    turns a `Sent` into a `Response`. `max_reply` is the longest reply in bytes, `sleep` what waits.
    """

    def __init__(
        self,
        mapper: Mapper[RecordT],
        account: Account,
        *,
        transport: Transport | None = None,
        max_reply: int = MAX_REPLY,
        sleep: Callable[[float], object] = time.sleep,
        **options: Unpack[Options],
    ) -> None:
        self._calls, self._limiter = _calls(mapper, account, options), options.get("limiter") or Limiter()
        self._sender, self._sleep = Sender(transport, max_reply), sleep

    def list(self, query: AnyQuery = "") -> Page[RecordT]:
        """One page of records."""
        return self._run(self._calls.page(query))  # type: ignore[no-any-return]

    def get(self, id: Id, query: AnyQuery = "") -> Page[RecordT]:  # noqa: A002  # the parameter's name in the API
        """One record."""
        return self._run(self._calls.page(query, "get", id))  # type: ignore[no-any-return]

    def create(self, body: Body, query: AnyQuery = "") -> Page[RecordT]:
        """Create a record of a unified body."""
        return self._run(self._calls.page(query, "create", None, body))  # type: ignore[no-any-return]

    def update(self, id: Id, body: Body, query: AnyQuery = "") -> Page[RecordT]:  # noqa: A002  # likewise
        """Change a record to what a unified body has."""
        return self._run(self._calls.page(query, "update", id, body))  # type: ignore[no-any-return]

    def delete(self, id: Id, query: AnyQuery = "") -> Page[RecordT]:  # noqa: A002  # likewise
        """Delete a record."""
        return self._run(self._calls.page(query, "delete", id))  # type: ignore[no-any-return]

    def encoded(
        self,
        query: AnyQuery = "",
        *,
        method: Method = "list",
        id: Id = None,  # noqa: A002  # likewise
        body: Body = None,
        format: Format | None = None,  # noqa: A002  # likewise
    ) -> Encoded:
        """The bytes of one page in a format: what a service answers."""
        return self._run(self._calls.encoded(query, method, id, body, format))  # type: ignore[no-any-return]

    def pages(self, query: AnyQuery = "") -> Results[Page[RecordT]]:
        """All pages, one in memory at a time."""
        return Results(self, Pages(self._calls, query))

    def records(self, query: AnyQuery = "") -> Records[RecordT]:
        """All records."""
        return Records(self.pages(query))

    def stream_bytes(self, query: AnyQuery = "") -> Results[Encoded]:
        """All pages as lines of JSON."""
        return Results(self, Pages(self._calls, query, is_bytes=True))

    def close(self) -> None:
        """Close the connections, unless the transport was given."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, steps: Steps[Any]) -> Any:
        """Do what some steps ask for; their result."""
        go_on: Callable[[Any], Effect] = steps.send
        value: Any = None
        try:
            while True:
                effect = go_on(value)
                try:
                    go_on, value = steps.send, self._do(effect)
                except Exception as error:  # noqa: BLE001  # the steps know what it means
                    go_on, value = steps.throw, error
        except StopIteration as end:
            return end.value
        finally:
            steps.close()

    def _do(self, effect: Effect) -> Any:
        match effect:
            case Send(sent):
                return self._sender.send(sent)
            case Sleep(seconds):
                return self._sleep(seconds)
            case Queue():
                return (lambda: None), 0.0  # threads wait side by side
            case Turn(key, limits):
                return self._limiter.take(key, limits)
            case Alone(lock, steps):
                with lock:
                    return self._run(steps)
            case Around(function, request, steps):
                return function(request, lambda: self._run(steps))
            case Call(function, argument):
                made = function(argument)
                if inspect.iscoroutine(made):
                    made.close()
                    refuse("a coroutine function renews the token", "use AsyncClient")
                return made


class _Resumable(Generic[ClientT]):
    """The pages of a query, of either client."""

    def __init__(self, client: ClientT, pages: Pages) -> None:
        self._client, self._pages = client, pages

    @property
    def cursor(self) -> str | None:
        """The cursor to go on from, as `next_cursor` of the same query; None at the beginning and after the end."""
        return self._pages.cursor


class Results(_Resumable[Client[Any]], Generic[ItemT]):
    """An iterator over the pages of a query. `cursor` goes on from the page that is next or has failed."""

    def __iter__(self) -> Iterator[ItemT]:
        return self

    def __next__(self) -> ItemT:
        try:
            return self._client._run(self._pages.following())  # type: ignore[no-any-return]  # noqa: SLF001
        except End:
            raise StopIteration from None


class Records(Generic[RecordT]):
    """An iterator over records. `cursor` goes on from the page whose records are not all given yet."""

    def __init__(self, pages: Results[Page[RecordT]]) -> None:
        self._pages = pages
        self._left: Iterator[RecordT] = iter(())
        self.cursor = pages.cursor

    def __iter__(self) -> Iterator[RecordT]:
        return self

    def __next__(self) -> RecordT:
        while (record := next(self._left, None)) is None:
            self.cursor = self._pages.cursor
            self._left = iter(next(self._pages).records)
        return record


class AsyncClient(_Of, Generic[RecordT]):
    """The same with asyncio. Tasks may share a client."""

    def __init__(
        self,
        mapper: Mapper[RecordT],
        account: Account,
        *,
        transport: AsyncTransport | None = None,
        max_reply: int = MAX_REPLY,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        **options: Unpack[Options],
    ) -> None:
        self._calls, self._limiter = _calls(mapper, account, options), options.get("limiter") or Limiter()
        self._sender, self._sleep = AsyncSender(transport, max_reply), sleep
        self._tasks: set[asyncio.Future[Any]] = set()

    async def list(self, query: AnyQuery = "") -> Page[RecordT]:
        """One page of records."""
        return await self._run(self._calls.page(query))  # type: ignore[no-any-return]

    async def get(self, id: Id, query: AnyQuery = "") -> Page[RecordT]:  # noqa: A002  # the parameter's name in the API
        """One record."""
        return await self._run(self._calls.page(query, "get", id))  # type: ignore[no-any-return]

    async def create(self, body: Body, query: AnyQuery = "") -> Page[RecordT]:
        """Create a record of a unified body."""
        return await self._run(self._calls.page(query, "create", None, body))  # type: ignore[no-any-return]

    async def update(self, id: Id, body: Body, query: AnyQuery = "") -> Page[RecordT]:  # noqa: A002  # likewise
        """Change a record to what a unified body has."""
        return await self._run(self._calls.page(query, "update", id, body))  # type: ignore[no-any-return]

    async def delete(self, id: Id, query: AnyQuery = "") -> Page[RecordT]:  # noqa: A002  # likewise
        """Delete a record."""
        return await self._run(self._calls.page(query, "delete", id))  # type: ignore[no-any-return]

    async def encoded(
        self,
        query: AnyQuery = "",
        *,
        method: Method = "list",
        id: Id = None,  # noqa: A002  # likewise
        body: Body = None,
        format: Format | None = None,  # noqa: A002  # likewise
    ) -> Encoded:
        """The bytes of one page in a format: what a service answers."""
        return await self._run(self._calls.encoded(query, method, id, body, format))  # type: ignore[no-any-return]

    def pages(self, query: AnyQuery = "") -> AsyncResults[Page[RecordT]]:
        """All pages, one in memory at a time."""
        return AsyncResults(self, Pages(self._calls, query))

    def records(self, query: AnyQuery = "") -> AsyncRecords[RecordT]:
        """All records."""
        return AsyncRecords(self.pages(query))

    def stream_bytes(self, query: AnyQuery = "") -> AsyncResults[Encoded]:
        """All pages as lines of JSON."""
        return AsyncResults(self, Pages(self._calls, query, is_bytes=True))

    async def close(self) -> None:
        """Close the connections, unless the transport was given."""
        await self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _run(self, steps: Steps[Any]) -> Any:
        """Do what some steps ask for; their result."""
        go_on: Callable[[Any], Effect] = steps.send
        value: Any = None
        try:
            while True:
                effect = go_on(value)
                try:
                    go_on, value = steps.send, await self._do(effect)
                except Exception as error:  # noqa: BLE001  # the steps know what it means
                    go_on, value = steps.throw, error
        except StopIteration as end:
            return end.value
        finally:
            steps.close()

    async def _do(self, effect: Effect) -> Any:
        match effect:
            case Send(sent):
                return await self._sender.send(sent)
            case Sleep(seconds):
                return await self._sleep(seconds)
            case Queue(key, patience):
                return await self._limiter.queued(key, patience)
            case Turn(key, limits):
                take = self._limiter.take
                return take(key, limits) if self._limiter.is_local else await asyncio.to_thread(take, key, limits)
            case Alone(lock, steps):
                # Others wait for it, and a new token must not get lost: whoever is cancelled, it is done.
                task = asyncio.ensure_future(self._alone(lock, steps))
                self._tasks.add(task)
                task.add_done_callback(self._settled)
                return await asyncio.shield(task)
            case Around(function, request, steps):
                return await function(request, lambda: self._run(steps))
            case Call(function, argument):
                is_coroutine = inspect.iscoroutinefunction(function)
                return await function(argument) if is_coroutine else await _in_thread(function, argument)

    def _settled(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited for it was cancelled, or has raised it

    async def _alone(self, lock: threading.Lock, steps: Steps[Any]) -> Any:
        while not lock.acquire(blocking=False):  # noqa: ASYNC110  # a thread may hold it, which sets no Event of asyncio
            await asyncio.sleep(_POLL)
        try:
            return await self._run(steps)
        finally:
            lock.release()


async def _in_thread(function: Callable[[Any], Any], argument: Any) -> Any:
    """What a function that may wait gives, and what the awaitable that it gives does."""
    made = await asyncio.to_thread(function, argument)
    return await made if inspect.isawaitable(made) else made


class AsyncResults(_Resumable[AsyncClient[Any]], Generic[ItemT]):
    """An iterator over the pages of a query. `cursor` goes on from the page that is next or has failed."""

    def __aiter__(self) -> AsyncIterator[ItemT]:
        return self

    async def __anext__(self) -> ItemT:
        try:
            return await self._client._run(self._pages.following())  # type: ignore[no-any-return]  # noqa: SLF001
        except End:
            raise StopAsyncIteration from None


class AsyncRecords(Generic[RecordT]):
    """An iterator over records. `cursor` goes on from the page whose records are not all given yet."""

    def __init__(self, pages: AsyncResults[Page[RecordT]]) -> None:
        self._pages = pages
        self._left: Iterator[RecordT] = iter(())
        self.cursor = pages.cursor

    def __aiter__(self) -> AsyncIterator[RecordT]:
        return self

    async def __anext__(self) -> RecordT:
        while (record := next(self._left, None)) is None:
            self.cursor = self._pages.cursor
            self._left = iter((await anext(self._pages)).records)
        return record
