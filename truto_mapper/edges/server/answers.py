"""Answers over ASGI: a body at once or in pieces, compressed with gzip where the caller takes it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable

from starlette.types import Scope, Send

from truto_mapper.edges.server.calls import header
from truto_mapper.edges.server.refusals import PROBLEM, Headers, Refused, headers_of
from truto_mapper.engine import rendering
from truto_mapper.text.errors import MapperError

#: How many bytes of a body are sent at once.
_PIECE = 262_144

#: A shorter body is not compressed: it would hardly be shorter.
MIN_COMPRESSED = 1_000

#: zlib's fastest level: the next ones save a tenth of the bytes and take twice the time. 16 + 15 bits is gzip's format.
_LEVEL, _GZIP = 1, 31

#: `gzip` or `*` in an `Accept-Encoding`, with its weight.
_CODING = re.compile(rb"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)
#: The weight of a media range that is not taken.
_ZERO = re.compile(rb"q=0(?:\.0*)?")

_VARY = (b"vary", b"accept-encoding")
#: The headers of a compressed body.
COMPRESSED = [_VARY, (b"content-encoding", b"gzip")]

#: Answers hold what one caller may see.
PRIVATE = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


def compressed(body: bytes) -> bytes:
    """A body in gzip's format."""
    return zlib.compress(body, _LEVEL, _GZIP)


def takes_gzip(scope: Scope) -> bool:
    """Whether the caller takes a body that is compressed with gzip."""
    found = _CODING.search(header(scope, b"accept-encoding") or b"")
    return found is not None and (found[1] is None or found[1].strip(b"0.") != b"")


def accepts(scope: Scope, media_types: Iterable[str]) -> bool:
    """Whether an `Accept` header takes one of some media types; a request without one takes all."""
    given = b",".join(value for name, value in scope["headers"] if name == b"accept").strip()
    if given in (b"", b"*/*"):
        return True
    wanted = [kind.split(b"/") for one in given.lower().split(b",") if (kind := _taken(one))]
    known = [name.encode().split(b"/") for name in media_types]
    return any(len(one) == 2 and all(map(_fits, one, name)) for one in wanted for name in known)


def prefers(scope: Scope, name: bytes) -> bool:
    """Whether a `Prefer` header (RFC 7240) has a preference."""
    given = b",".join(value for key, value in scope["headers"] if key == b"prefer")
    return any(one.partition(b";")[0].strip().lower() == name for one in given.split(b","))


def _taken(media_range: bytes) -> bytes | None:
    """The type in a media range; None for one that is not taken."""
    kind, *parameters = (part.strip() for part in media_range.split(b";"))
    return None if any(_ZERO.fullmatch(one) for one in parameters) else kind


def _fits(wanted: bytes, known: bytes) -> bool:
    return wanted in (b"*", known)


async def respond(
    scope: Scope, send: Send, body: bytes, content_type: str | None, *, status: int = 200, headers: Headers = PRIVATE
) -> None:
    """Send a whole body; without a content type there is none."""
    sent = list(headers)
    if content_type is None:
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": b""})
        return
    sent.append((b"content-type", content_type.encode("latin-1")))
    if len(body) >= MIN_COMPRESSED and _VARY not in sent:
        if takes_gzip(scope):
            body, sent = compressed(body), [*sent, *COMPRESSED]
        else:
            sent.append(_VARY)
    sent.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": sent})
    for end in range(_PIECE, max(len(body), 1) + _PIECE, _PIECE):  # here time is bounded
        more = end < len(body)
        await send({"type": "http.response.body", "body": body[end - _PIECE : end], "more_body": more})


async def fail(scope: Scope, send: Send, error: MapperError | Refused) -> None:
    """Send an error as a problem."""
    body = rendering.dumps(error.problem()).encode()
    await respond(scope, send, body, PROBLEM, status=error.status, headers=[*PRIVATE, *headers_of(error)])


class Pieces:
    """A body that is sent in pieces, each of which the caller can read when it comes."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._gzip = zlib.compressobj(_LEVEL, wbits=_GZIP) if takes_gzip(scope) else None

    async def start(self, content_type: str, headers: Headers = ()) -> None:
        """Send the status and the headers."""
        coding = [(b"content-encoding", b"gzip")] if self._gzip else []
        sent = [(b"content-type", content_type.encode()), (b"vary", b"accept-encoding"), *PRIVATE, *coding, *headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": sent})

    async def add(self, piece: bytes) -> None:
        """Send a piece. It returns when the caller has read enough of what was sent before."""
        if self._gzip:
            piece = self._gzip.compress(piece) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """Send the end: the body is complete."""
        await self._send({"type": "http.response.body", "body": self._gzip.flush() if self._gzip else b""})
