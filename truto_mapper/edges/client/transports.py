"""Sending by httpx2: requests become replies or `Failed`; no exception of another library leaves."""

from __future__ import annotations

import asyncio
import inspect
import ssl
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable
from socket import gaierror
from typing import Any, TypeAlias

import httpx2

from truto_mapper.edges.client.messages import Failed, Reply, Sent
from truto_mapper.engine.page import Response
from truto_mapper.text.diagnostics import excerpt

#: The longest reply, in bytes after it is decoded.
MAX_REPLY = 64 * 2**20

Transport: TypeAlias = httpx2.BaseTransport | Callable[[Sent], Response]
AsyncTransport: TypeAlias = httpx2.AsyncBaseTransport | Callable[[Sent], Awaitable[Response] | Response]

#: zlib's window bits for gzip, and how many members (RFC 1952 §2.2) a reply may have: an empty one costs time, too.
_GZIP, MAX_MEMBERS = 31, 10_000


class UnreadableError(Exception):
    """A body that cannot be read."""


class TooLongError(UnreadableError):
    """A body with more bytes than are read: another try would have as many."""


class Body:
    """The body of a reply, read piece by piece within a bound."""

    def __init__(self, headers: httpx2.Headers, limit: int) -> None:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "x-gzip"):
            raise UnreadableError(f"the reply is encoded as {excerpt(encoding)}, not as gzip")
        self._unzip = zlib.decompressobj(_GZIP) if "gzip" in encoding else None
        self._parts: list[bytes] = []
        self._limit, self._size, self._received, self._members = limit, 0, 0, 1
        length = headers.get("content-length", "")
        self._expected = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None

    def add(self, chunk: bytes) -> None:
        """Take a piece as it came."""
        self._received += len(chunk)
        if self._unzip is None:
            self._keep(chunk)
            return
        try:
            while chunk:
                self._keep(self._unzip.decompress(chunk, self._limit - self._size + 1))
                chunk = self._unzip.unconsumed_tail
                if self._unzip.eof and self._unzip.unused_data:
                    chunk = self._next_member(self._unzip.unused_data)
        except zlib.error:
            raise UnreadableError("the reply is not gzip, as its Content-Encoding says") from None

    def _next_member(self, rest: bytes) -> bytes:
        self._members += 1
        if self._members > MAX_MEMBERS:
            raise UnreadableError(f"the reply has more than {MAX_MEMBERS:,} gzip members")
        self._unzip = zlib.decompressobj(_GZIP)
        return rest

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._limit:
            raise TooLongError(f"the reply has more than {self._limit:,} bytes")
        self._parts.append(part)

    def done(self) -> bytes:
        """The whole body. Raises `UnreadableError` if its end is missing."""
        if self._expected is not None and self._received != self._expected:
            raise UnreadableError(f"the reply ends after {self._received:,} of {self._expected:,} bytes")
        if self._unzip is not None and self._received and not self._unzip.eof:
            raise UnreadableError("the reply ends in the middle of its gzip data")
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


def _request(sent: Sent) -> httpx2.Request:
    timeout = httpx2.Timeout(sent.timeout).as_dict()
    headers = [(name.encode(), value.encode("latin-1")) for name, value in sent.headers.items()]
    return httpx2.Request(sent.method, sent.url, headers=headers, content=sent.content, extensions={"timeout": timeout})


def _texts(headers: httpx2.Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw]


class Sender:
    """Sends by a transport of httpx2, or by a function. It is closed only if it is its own."""

    def __init__(self, transport: Transport | None, limit: int = MAX_REPLY) -> None:
        self._own = transport is None
        self._limit = limit
        self.transport = httpx2.HTTPTransport() if transport is None else transport

    def send(self, sent: Sent) -> Reply | Failed:
        """Send a request once."""
        begin = time.monotonic()
        try:
            response = self._send(sent, begin + sent.timeout)
        except Exception as error:  # noqa: BLE001  # whatever a transport raises is no reply
            return failed(error, sent, time.monotonic() - begin)
        return Reply.to(sent, response, time.monotonic() - begin)

    def _send(self, sent: Sent, until: float) -> Response:
        if not isinstance(self.transport, httpx2.BaseTransport):
            return _checked(self.transport(sent))
        response = self.transport.handle_request(_request(sent))
        try:
            body = Body(response.headers, self._limit)
            for chunk in response.stream:  # type: ignore[union-attr]  # a synchronous transport's is
                body.add(chunk)
                if time.monotonic() > until:
                    raise TimeoutError
            return Response(body.done(), response.status_code, _texts(response.headers))
        finally:
            response.close()

    def close(self) -> None:
        """Close the connections."""
        if self._own and isinstance(self.transport, httpx2.BaseTransport):
            self.transport.close()


class AsyncSender:
    """The same with asyncio."""

    def __init__(self, transport: AsyncTransport | None, limit: int = MAX_REPLY) -> None:
        self._own = transport is None
        self._limit = limit
        self.transport = httpx2.AsyncHTTPTransport() if transport is None else transport

    async def send(self, sent: Sent) -> Reply | Failed:
        """Send a request once."""
        begin = time.monotonic()
        try:
            async with asyncio.timeout(sent.timeout):
                response = await self._send(sent)
        except Exception as error:  # noqa: BLE001  # likewise
            return failed(error, sent, time.monotonic() - begin)
        return Reply.to(sent, response, time.monotonic() - begin)

    async def _send(self, sent: Sent) -> Response:
        if not isinstance(self.transport, httpx2.AsyncBaseTransport):
            made = self.transport(sent)
            return _checked(await made if inspect.isawaitable(made) else made)
        response = await self.transport.handle_async_request(_request(sent))
        try:
            body = Body(response.headers, self._limit)
            async for chunk in response.stream:  # type: ignore[union-attr]  # an asynchronous transport's is
                body.add(chunk)
            return Response(body.done(), response.status_code, _texts(response.headers))
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the connections."""
        if self._own and isinstance(self.transport, httpx2.AsyncBaseTransport):
            await self.transport.aclose()


def _checked(response: Any) -> Response:
    if not isinstance(response, Response):
        raise TypeError(f"the transport gave a value of type {type(response).__name__}, not a Response")
    return response


# ── Why there is no reply ────────────────────────────────────────────────────────────────────────────────────────


def failed(error: Exception, sent: Sent, seconds: float) -> Failed:
    """An exception in our terms. What a library says is not quoted: it may hold anything."""
    timeout = f"{sent.timeout:g} s"
    match error:
        case TooLongError():
            hint = "ask for less, such as a shorter period"
            return Failed(str(error), "unreadable", code="P602", seconds=seconds, hint=hint, is_final=True)
        case UnreadableError():
            return Failed(str(error), "unreadable", code="P602", seconds=seconds)
        case httpx2.ConnectTimeout() | httpx2.PoolTimeout():
            what = "no connection" if isinstance(error, httpx2.ConnectTimeout) else "no free connection"
            return Failed(f"there was {what} within {timeout}", "timeout", False, 504, seconds=seconds)
        case httpx2.TimeoutException() | TimeoutError():
            return Failed(f"the provider did not answer within {timeout}", "timeout", status=504, seconds=seconds)
        case httpx2.ConnectError() | httpx2.ProxyError():
            return _unconnected(error, seconds)
        case httpx2.TransportError() | OSError():
            why = "closed the connection before its reply was complete"
            return Failed(f"the provider {why}", "connection_closed", seconds=seconds)
        case _:
            message = f"the transport failed: {type(error).__name__}"
            return Failed(message, type(error).__qualname__, seconds=seconds, is_final=True)


def _unconnected(error: BaseException, seconds: float) -> Failed:
    """Why a connection could not be made; it is in the chain of causes."""
    causes = list(_causes(error))
    if any(isinstance(one, gaierror) for one in causes):
        hint = "is the base URL right?"
        return Failed("the host of the base URL is not known (DNS)", "dns", False, hint=hint, seconds=seconds)
    for one in causes:
        if isinstance(one, ssl.SSLError):
            why = getattr(one, "verify_message", None) or one.reason or "no reason given"
            message = f"no encrypted connection (TLS): {excerpt(why, 100)}"
            return Failed(
                message, "tls", False, seconds=seconds, is_final=isinstance(one, ssl.SSLCertVerificationError)
            )
    return Failed(
        "the provider cannot be reached: it takes no connection", "connection_refused", False, seconds=seconds
    )


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
