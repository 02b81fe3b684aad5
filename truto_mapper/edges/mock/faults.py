"""Faults on demand: rules in a file or a header say which calls are answered wrongly, and how.

Between the server and the mock: the mock's own answer is what is broken. Which calls a rule strikes is a function of
its seed and of their number.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import struct
from collections.abc import Awaitable, Callable
from fnmatch import fnmatchcase
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Annotated, Literal

import pydantic
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from truto_mapper.edges.mock.requests import RefusedError
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source

#: The header of a call that asks for a fault.
HEADER = "x-mock-fault"

#: The name under which a fault is in a scope, and that of the connection in its extensions.
SCOPE, CONNECTION = "truto_mapper.fault", "truto_mapper.connection"

#: In how many pieces a slow answer comes, and where a redirect leads by default.
_PIECES, _ELSEWHERE = 10, "https://elsewhere.example/"

_HTML = "<!DOCTYPE html>\n<html><head><title>503 Service Unavailable</title></head><body>Try later.</body></html>\n"

Kind = Literal[
    429,
    500,
    503,
    "slow",
    "half-json",
    "truncated",
    "reset",
    "gzip",
    "content-type",
    "redirect",
    "repeat-cursor",
    "changed",
]

#: What a header may hold, and the number of a call.
Text = Annotated[str, pydantic.Field(pattern=r"^[ -~]+$")]
Number = Annotated[int, pydantic.Field(ge=1)]


class Fault(pydantic.BaseModel):
    """What goes wrong."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    fault: Kind
    retry_after: int | Text | None = pydantic.Field(None, description="Of 429 and 503: the header Retry-After.")
    seconds: float = pydantic.Field(2.0, ge=0, le=3600, description="Of slow: how long the body takes.")
    location: str = pydantic.Field(_ELSEWHERE, pattern=r"^[!-~]+$", description="Of redirect: where to.")


class Rule(Fault):
    """Which calls go wrong: of those with the method and a path that match, some by their number, some by chance."""

    path: str = pydantic.Field("*", description="The path, with * for anything.")
    method: str | None = pydantic.Field(None, description="The HTTP method; by default any.")
    calls: list[Number] | None = pydantic.Field(None, description="Which calls that match, from 1; by default all.")
    probability: float = pydantic.Field(1.0, ge=0, le=1, description="How many of them by chance.")


class Rules(pydantic.BaseModel):
    """A file of rules."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    seed: int = 1
    rules: list[Rule]


class Faults:
    """Chooses the fault of each call: that of its header, or of the first rule that strikes."""

    def __init__(self, rules: Rules, *, of_pages: bool) -> None:
        self._rules, self._seed, self._of_pages = rules.rules, rules.seed, of_pages
        self._seen = [0] * len(rules.rules)

    @classmethod
    def read(cls, given: Path | Source | None, *, of_pages: bool = False) -> Faults:
        """The rules of a file; `of_pages` is whether the mock can show faults of its pages.

        Raises `MappingError` with each mistake at its line and column, M105 without a file.
        """
        if given is None:
            return cls(Rules(rules=[]), of_pages=of_pages)
        node = yaml_tree.parse(given if isinstance(given, Source) else files.read(given, kind=_RULES))
        rules = shaped(node, Rules)
        places = [node.at(("rules", number, "fault")) for number, one in enumerate(rules.rules) if _is_of_pages(one)]
        if places and not of_pages:
            raise MappingError([place.diagnostic("M106", _ONLY_GONG.format(place.value)) for place in places])
        return cls(rules, of_pages=of_pages)

    def chosen(self, method: str, path: str, header: str | None) -> Fault | None:
        """The fault of a call. Raises `RefusedError` 400 for a header that names none."""
        struck = [rule for number, rule in enumerate(self._rules) if self._strikes(number, rule, method, path)]
        fault = next(iter(struck), None) if header is None else _asked(header)
        if fault is not None and _is_of_pages(fault) and not self._of_pages:
            raise RefusedError(400, f"{HEADER}: {_ONLY_GONG.format(fault.fault)}")
        return fault

    def _strikes(self, number: int, rule: Rule, method: str, path: str) -> bool:
        """Whether a rule strikes a call; every call that matches counts."""
        if not fnmatchcase(path, rule.path) or (rule.method is not None and rule.method.upper() != method):
            return False
        self._seen[number] += 1
        if rule.calls is not None and self._seen[number] not in rule.calls:
            return False
        drawn = hashlib.blake2b(f"{self._seed}:{number}:{self._seen[number]}".encode(), digest_size=4).digest()
        return int.from_bytes(drawn) < rule.probability * 2**32


_ONLY_GONG = "only the mock of Gong shows the fault {}"


def _is_of_pages(fault: Fault) -> bool:
    """Whether a fault is in the answer itself, not on its way."""
    return fault.fault in {"repeat-cursor", "changed"}


_RULES = files.Kind("a file of faults", Rules.model_fields)


def _asked(header: str) -> Fault:
    """The fault that a header names: `429`, or as in a rule `{fault: slow, seconds: 9}`."""
    text = header if header.startswith("{") else f"{{fault: {header}}}"
    try:
        return shaped(yaml_tree.parse(Source(HEADER, text)), Fault)
    except MappingError as error:
        raise RefusedError(400, *(f"{HEADER}: {one.message}" for one in error.diagnostics)) from None


def fault_of(request: Request) -> str | None:
    """The fault that the answer itself shows, not its transport: `repeat-cursor` or `changed`."""
    return request.scope.get(SCOPE)


def with_faults(app: ASGIApp, faults: Faults, refusal: Callable[[RefusedError], Response]) -> ASGIApp:
    """An app whose calls go wrong as the faults say; `refusal` makes the provider's own errors."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        header = Request(scope).headers.get(HEADER)
        try:
            fault = faults.chosen(scope["method"], scope["path"], header)
        except RefusedError as error:
            await refusal(error)(scope, receive, send)
            return
        await _answer(app, fault, refusal)(scope, receive, send)

    return answer


def _answer(app: ASGIApp, fault: Fault | None, refusal: Callable[[RefusedError], Response]) -> ASGIApp:
    """The app that answers a call with a fault."""
    if fault is None:
        return app
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    match fault.fault:
        case 429:
            return refusal(RefusedError(429, "API rate limit exceeded", headers={"retry-after": "1"} | wait))
        case 500:
            return refusal(RefusedError(500, "Failed to complete the operation due to an unexpected error"))
        case 503:
            return Response(_HTML, 503, wait, "text/html")
        case "redirect":
            return Response(b"", 307, {"location": fault.location})
        case "repeat-cursor" | "changed":
            return lambda scope, receive, send: app({**scope, SCOPE: fault.fault}, receive, send)
        case _:
            return lambda scope, receive, send: _break(app, fault, scope, receive, send)


async def _break(app: ASGIApp, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what the app answers, broken on its way."""
    start, body = await _collected(app, scope, receive)
    match fault.fault:
        case "slow":
            await _slowly(start, body, fault.seconds, send)
        case "gzip":
            body = gzip.compress(body, mtime=0)
            await _send(_with(start, body, {b"content-encoding": b"gzip"}), body, send)
        case "content-type":
            await _send(_with(start, body, {b"content-type": b"text/html"}), body, send)
        case "half-json":
            body = body[: len(body) // 2]
            await _send(_with(start, body, {}), body, send)
        case "truncated":
            await send(start)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await _cut(scope, receive, is_reset=False)
        case _:
            await _cut(scope, receive, is_reset=True)


async def _collected(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """The beginning and the body of an app's answer."""
    sent: list[Message] = []

    async def collect(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, collect)
    start, *parts = sent
    return start, b"".join(part.get("body", b"") for part in parts)


def _with(start: Message, body: bytes, headers: dict[bytes, bytes]) -> Message:
    """The beginning of an answer with other headers, for this body."""
    changed = headers | {b"content-length": str(len(body)).encode()}
    kept = [(name, value) for name, value in start["headers"] if name not in changed]
    return {**start, "headers": [*kept, *changed.items()]}


async def _send(start: Message, body: bytes, send: Send) -> None:
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def _slowly(start: Message, body: bytes, seconds: float, send: Send) -> None:
    """Send a body in pieces, with pauses between them."""
    await send(start)
    size = len(body) // _PIECES + 1
    for begin in range(0, len(body), size):
        await asyncio.sleep(seconds / _PIECES)
        await send({"type": "http.response.body", "body": body[begin : begin + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _cut(scope: Scope, receive: Receive, *, is_reset: bool) -> None:
    """End the connection: close it, or reset it as a crashed machine does. Without a socket the call itself fails."""
    connection = scope.get("extensions", {}).get(CONNECTION)
    if connection is None:
        raise ConnectionResetError("the mock cut the connection")
    if is_reset:
        connection.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        connection.abort()
    else:
        connection.close()
    while (await receive())["type"] != "http.disconnect":
        pass


def with_connection(app: ASGIApp, connection: asyncio.Transport) -> ASGIApp:
    """An app whose calls know the connection that they came by."""

    def answer(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        more = {**scope.get("extensions", {}), CONNECTION: connection}
        return app({**scope, "extensions": more}, receive, send)

    return answer
