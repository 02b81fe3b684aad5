"""Runs the service: uvicorn with bounds on what comes before a request is complete, and a graceful end."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket as socket_module
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from socket import AF_INET, AF_INET6, IPPROTO_TCP, create_server, socket
from typing import Any, TextIO

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from truto_mapper.edges.client import Limiter
from truto_mapper.edges.server import logs
from truto_mapper.edges.server.app import app
from truto_mapper.edges.server.bodies import MAX_BODY
from truto_mapper.edges.server.boundary import MAX_URL, BrokenStreamError
from truto_mapper.edges.server.logs import Log
from truto_mapper.edges.server.opening import open_store
from truto_mapper.edges.server.store import Store
from truto_mapper.engine.mapper import Mapper
from truto_mapper.text.record import NamedTuple

#: The most bytes of a request's line and headers, and the most seconds until they have come.
MAX_HEAD, PATIENCE = 200_000, 15.0

#: Seconds for which an idle connection is kept. Proxies keep theirs for up to 60, and must be the ones that close.
KEEP_ALIVE = 75

#: The option of Linux that ends a connection whose other side reads nothing for some time.
_USER_TIMEOUT = getattr(socket_module, "TCP_USER_TIMEOUT", None)


class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes
    """HTTP whose requests must begin within bounds of time and size."""

    _late: asyncio.TimerHandle | None = None
    _size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        at = transport.get_extra_info("socket")
        if _USER_TIMEOUT is not None and at.family in (AF_INET, AF_INET6):  # what nobody reads is not kept for ever
            at.setsockopt(IPPROTO_TCP, _USER_TIMEOUT, KEEP_ALIVE * 1000)
        self._late = self.loop.call_later(PATIENCE, self._refuse, b"408 Request Timeout")

    def data_received(self, data: bytes) -> None:
        """Take bytes, and count those of each head and each body, also while an earlier request is answered."""
        if self._late is None and self._is_waiting():
            self._late = self.loop.call_later(PATIENCE, self._refuse, b"408 Request Timeout")
        cycle, has_body = self.cycle, not self._is_waiting() and self.cycle.more_body
        self._size += len(data)
        super().data_received(data)
        if self.cycle is not cycle or (has_body and not cycle.more_body):
            self._stop()
        elif self._size > MAX_HEAD + (MAX_BODY if has_body else 0):
            self._refuse(b"431 Request Header Fields Too Large")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of a request's head. Those behind its body (trailers) are none: they prove nothing."""
        if "method" not in self.scope:
            super().on_header(name, value)

    def send_400_response(self, _: str) -> None:
        """Refuse what is no request; httptools reads no URL of more than 65,535 bytes."""
        self._refuse(b"414 URI Too Long" if self._size > MAX_URL else b"400 Bad Request")

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def _is_waiting(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late, self._size = None, 0

    def _refuse(self, status: bytes) -> None:
        self._stop()
        if not self._is_waiting():  # in the middle of an answer
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
            self.transport.close()


class Service(NamedTuple):
    """What a service runs on: a store; of a demo also an account and a token for it."""

    store: Store
    account: str | None = None
    token: str | None = None


@contextmanager
def opened(environ: Mapping[str, str], url: str | None, key_file: Path | None) -> Iterator[Service]:
    """The store that is meant. Raises `StoreError` S801 to S805."""
    with closing(open_store(environ, url, key_file)) as store:
        yield Service(store)


def application(
    mappers: Iterable[Mapper[Any]], store: Store, stream: TextIO, *, redis: str | None = None, **options: Any
) -> ASGIApp:
    """The application that writes its log to a stream; `options` are those of `app`. Raises `QueryError`."""
    limiter = Limiter(redis) if redis else Limiter()
    return app(mappers, store, limiter=limiter, log=to(stream), **options)


def run(made: ASGIApp, at: socket, stream: TextIO, grace: float) -> None:
    """Answer calls at a socket until the process is told to end."""
    with _reports(Lines(to(stream))):
        gc.collect()
        gc.freeze()  # the mappings are never garbage
        server(made, grace).run(sockets=[at])


@contextmanager
def _reports(lines: Lines) -> Iterator[None]:
    """Tell a log what uvicorn and asyncio report."""
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "asyncio")]
    for one in loggers:
        one.addHandler(lines)
        one.propagate = False
    yield
    for one in loggers:
        one.removeHandler(lines)
        one.propagate = True


def server(app: ASGIApp, grace: float) -> uvicorn.Server:
    """A server of an application; streams have `grace` seconds to end when it is told to stop."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=MAX_HEAD,
            timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=int(grace),
        )
    )


def listening(host: str, port: int) -> socket:
    """A socket that takes connections; port 0 is any that is free. Raises `OSError`."""
    family = AF_INET6 if ":" in host else AF_INET
    return create_server((host, port), family=family, backlog=2048)


def to(stream: TextIO) -> Log:
    """A log that writes a line of JSON for each event."""

    def write(event: Any) -> None:
        stream.write(json.dumps(event) + "\n")
        stream.flush()

    return write


class Lines(logging.Handler):
    """Tells a log what uvicorn and asyncio report, without tracebacks: an exception's text may hold data."""

    def __init__(self, log: Log, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        super().__init__(logging.WARNING)
        self._log, self._now = log, now

    def emit(self, record: logging.LogRecord) -> None:
        """Tell one report, but not that a stream was broken: the line of its call says so."""
        if record.exc_info and isinstance(record.exc_info[1], BrokenStreamError):
            return
        message = record.getMessage().strip().splitlines()[0][:500]
        level = record.levelname.lower()
        self._log({"time": logs.text(self._now()), "event": "server", "level": level, "message": message})
