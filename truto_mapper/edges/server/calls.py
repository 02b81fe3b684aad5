"""One call of the service: what is known of it while it runs, for its log line, its metrics and its headers."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from typing import Any

from starlette.types import Scope

#: Where a call is kept in its ASGI scope.
KEY = "truto_mapper.call"

#: What a caller may send as `x-request-id`. Anything else is replaced, so that it cannot forge lines or headers.
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")


class Call:
    """A call: its id, and what the log and the metrics tell of it."""

    __slots__ = (
        "account",
        "broken",
        "bytes",
        "codes",
        "is_head",
        "method",
        "provider_headers",
        "records",
        "request_id",
        "route",
        "started",
        "status",
        "verb",
    )

    def __init__(self, scope: Scope, request_id: str, started: float) -> None:
        self.request_id, self.started = request_id, started
        self.verb: str = scope["method"][:20]
        self.is_head = self.verb == "HEAD"
        self.route: str | None = None
        self.method: str | None = None
        self.account: str | None = None
        self.status = 0
        self.bytes = self.records = 0
        self.codes: dict[str, None] = {}
        self.broken: str | None = None
        self.provider_headers: dict[str, str] = {}

    def note(self, diagnostics: Any) -> None:
        """Remember the codes of findings."""
        for found in diagnostics:
            self.codes[found.code] = None


#: The call that a task works on: the hooks of clients, which many calls share, find it here.
CURRENT: ContextVar[Call | None] = ContextVar("truto_mapper_call", default=None)


def header(scope: Scope, name: bytes) -> bytes | None:
    """The value of a request header; None if it is absent, or there more than once."""
    found = [value for key, value in scope["headers"] if key == name]
    return found[0] if len(found) == 1 else None


def request_id(scope: Scope) -> str:
    """The caller's `x-request-id` if it is plain and short, else a new one."""
    given = header(scope, b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode("ascii")
    return secrets.token_hex(16)
