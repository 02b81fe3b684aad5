"""One line of JSON for each call and each request to a provider: no secrets, no query values, nothing personal."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from truto_mapper.edges.client import Failed, Reply, Sent
from truto_mapper.edges.server.calls import Call

#: Takes one event: JSON values by name.
Log = Callable[[Mapping[str, Any]], None]

LOGGER = logging.getLogger("truto_mapper.server")


def to_logger(event: Mapping[str, Any]) -> None:
    """Give an event to Python's logging as one line of JSON: the logger `truto_mapper.server`, level INFO."""
    LOGGER.info("%s", json.dumps(event))


def text(now: datetime) -> str:
    """A moment as RFC 3339 in UTC."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def of_call(call: Call, now: datetime, seconds: float) -> dict[str, Any]:
    """The event of a call that has ended."""
    known = {
        "account": call.account,
        "operation": call.method,
        "route": call.route,
        "codes": list(call.codes) or None,
        "broken": call.broken,
    }
    return {
        "time": text(now),
        "event": "call",
        "request_id": call.request_id,
        "method": call.verb,
        "status": call.status,
        "ms": round(seconds * 1000, 1),
        "bytes": call.bytes,
        "records": call.records,
    } | {name: value for name, value in known.items() if value is not None}


def of_request(call: Call | None, integration: str, reply: Reply | Failed, sent: Sent, now: datetime) -> dict[str, Any]:
    """The event of a request to a provider that was answered, or failed."""
    known = {
        "request_id": call and call.request_id,
        "account": call and call.account,
        "join": sent.request.join,
        "provider_request_id": None if isinstance(reply, Failed) else _request_id(reply),
        "error": reply.error if isinstance(reply, Failed) else None,
    }
    return {
        "time": text(now),
        "event": "provider_request",
        "integration": integration,
        "method": sent.method,
        "attempt": sent.attempt,
        "status": None if isinstance(reply, Failed) else reply.status,
        "ms": round(reply.seconds * 1000, 1),
        "bytes": len(reply.body) if isinstance(reply, Reply) and isinstance(reply.body, (bytes, bytearray)) else None,
    } | {name: value for name, value in known.items() if value is not None}


#: What providers call their own id of a request.
_REQUEST_IDS = ("x-request-id", "x-traceid", "x-trace-id", "request-id", "x-correlation-id")


_ID = re.compile(r"[A-Za-z0-9._:+/=@-]{1,200}")

#: A shorter id may be a part of the credentials by chance.
_DISTINCT = 8


def _request_id(reply: Reply) -> str | None:
    found = (value for name in _REQUEST_IDS if (value := reply.header(name)))
    return next((one for one in found if _ID.fullmatch(one) and not _is_secret(one, reply.sent)), None)


def _is_secret(text: str, sent: Sent) -> bool:
    """Whether a text of the provider is, or holds, what it was sent as credentials."""
    given = sent.headers.get("authorization", "").partition(" ")[2]
    parts = [given, *_decoded(given).split(":", 1)]
    return any(part in text or (len(text) >= _DISTINCT and text in part) for part in parts if part)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return ""
