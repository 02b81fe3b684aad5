"""Bodies of requests: JSON, within bounds of size and time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import Receive, Scope

from truto_mapper.edges.server.calls import header
from truto_mapper.edges.server.refusals import Refused
from truto_mapper.engine import rendering
from truto_mapper.text.diagnostics import shortened

#: The most bytes of a body, and the most seconds that it may take to come.
MAX_BODY, PATIENCE = 1_000_000, 15.0


async def read_json(scope: Scope, receive: Receive) -> Any:
    """The JSON value in a request's body. Raises `Refused` 400, 408, 413 and 415."""
    _check_type(scope)
    try:
        async with asyncio.timeout(PATIENCE):
            data = await _read(scope, receive)
    except TimeoutError:
        raise Refused(408, f"the body did not come within {PATIENCE:g} s", [(b"connection", b"close")]) from None
    try:
        return rendering.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        why = f"{error.msg}, at line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else shortened(str(error), 200)
    raise Refused(400, f"the body is not JSON: {why}")


def _check_type(scope: Scope) -> None:
    kind, _, parameters = (header(scope, b"content-type") or b"").decode("latin-1").lower().partition(";")
    kind = kind.strip()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refused(415, f"the body must be JSON: send it with `Content-Type: application/json`{_not(kind)}")
    charset = parameters.partition("charset=")[2].strip(' "') or "utf-8"
    if charset not in ("utf-8", "utf8"):
        raise Refused(415, "the body must be in UTF-8")
    if (header(scope, b"content-encoding") or b"identity").lower() != b"identity":
        raise Refused(415, "the body must not be compressed", [(b"accept-encoding", b"identity")])


def _not(kind: str) -> str:
    return f", not {kind[:100]}" if kind.isprintable() and kind else ""


async def _read(scope: Scope, receive: Receive) -> bytes:
    length = header(scope, b"content-length") or b""
    if length.isdigit() and (len(length) > 18 or int(length) > MAX_BODY):
        raise _too_large()
    data = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body ended too early")
        data += message.get("body", b"")
        if len(data) > MAX_BODY:
            raise _too_large()
        if not message.get("more_body"):
            return bytes(data)


def _too_large() -> Refused:
    return Refused(413, f"the body has more than {MAX_BODY:,} bytes", [(b"connection", b"close")])
