"""What surrounds every call: its id, its bounds, its log line and metrics, and errors as problems."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from datetime import datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from truto_mapper.edges.server import answers, logs, rates
from truto_mapper.edges.server.calls import CURRENT, KEY, Call, request_id
from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.logs import Log
from truto_mapper.edges.server.metrics import Metrics
from truto_mapper.edges.server.refusals import Refused
from truto_mapper.text.errors import MapperError
from truto_mapper.text.record import NamedTuple

#: The most bytes of a path and its query, and of all header fields together.
MAX_URL, MAX_HEADERS = 65_000, 32_768


class BrokenStreamError(Exception):
    """A response failed after its start: the server closes the connection, so that the body is visibly not complete."""


class Watch(NamedTuple):
    """Where calls are told: a log and metrics; and the time, as a moment and in seconds that only grow."""

    log: Log
    metrics: Metrics
    now: Callable[[], datetime]
    clock: Callable[[], float]


class Told:
    """Gives each call its id, and tells the log and the metrics of it when it ends."""

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self.app, self.watch = app, watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        call = scope[KEY] = Call(scope, request_id(scope), self.watch.clock())
        CURRENT.set(call)
        own = (b"x-request-id", call.request_id.encode())

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                limits = rates.normalised(call.provider_headers, self.watch.now()) if call.provider_headers else ()
                message["headers"] = [*message["headers"], *limits, own]
                call.status = message["status"]
            elif not call.is_head:
                call.bytes += len(message.get("body", b""))
            await send(message)

        self.watch.metrics.in_flight.inc()
        try:
            await self.app(scope, receive, tell)
        finally:
            self.watch.metrics.in_flight.dec()
            self._end(call)

    def _end(self, call: Call) -> None:
        seconds = self.watch.clock() - call.started
        self.watch.metrics.call(call, seconds)
        self.watch.log(logs.of_call(call, self.watch.now(), seconds))


class Bounded:
    """Refuses what is too large, and answers errors as problems."""

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self.app, self.watch = app, watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        call: Call = scope[KEY]
        try:
            _check_size(scope)
            await self.app(scope, receive, send)
        except (Refused, MapperError) as error:
            call.note(getattr(error, "diagnostics", ()))
            if isinstance(error, StoreError):
                self._tell_operator(call, error)
            if call.status:
                call.broken = str(error.status)
                raise BrokenStreamError(f"the response failed with status {error.status}") from None
            await answers.fail(scope, send, error)
        except BrokenStreamError:
            raise
        except asyncio.CancelledError:
            if call.status:
                call.broken = "the service is stopping"
                raise BrokenStreamError(call.broken) from None
            await answers.fail(scope, send, Refused(503, "the service is stopping", [(b"retry-after", b"1")]))
        except Exception as error:  # noqa: BLE001  # a bug must not tell the caller what is inside
            self._tell_bug(call, error)
            if call.status:
                raise BrokenStreamError("an unexpected error ended the response") from None
            message = f"an unexpected error; the log has it under the request id {call.request_id}"
            await answers.fail(scope, send, Refused(500, message))

    def _tell_operator(self, call: Call, error: StoreError) -> None:
        """Log what the caller is not told: where the store is, and what is wrong with it."""
        event = {"time": logs.text(self.watch.now()), "event": "store", "request_id": call.request_id}
        self.watch.log(event | {"codes": [error.code], "message": error.diagnostics[0].message})

    def _tell_bug(self, call: Call, error: Exception) -> None:
        """Log where an error happened. Its text may hold data, so it is left out."""
        frames = traceback.extract_tb(error.__traceback__)[-10:]
        places = [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
        event = {"time": logs.text(self.watch.now()), "event": "bug", "request_id": call.request_id}
        self.watch.log(event | {"error": type(error).__name__, "at": places})


def _check_size(scope: Scope) -> None:
    if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > MAX_URL:
        raise Refused(414, f"the URL has more than {MAX_URL:,} bytes")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        raise Refused(431, f"the headers have more than {MAX_HEADERS:,} bytes")
