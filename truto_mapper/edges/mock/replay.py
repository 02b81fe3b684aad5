"""The provider of any mapping: what its golden cases recorded, else replies made from the schemas that it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from truto_mapper.authoring import golden, mapping_files
from truto_mapper.edges.mock.faults import Faults, with_faults
from truto_mapper.edges.mock.requests import RefusedError
from truto_mapper.edges.mock.samples import sample
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.language.expression import Expression
from truto_mapper.language.source_paths import Paths
from truto_mapper.mapping.linked import RESPONSE_NAMES, Endpoint, Join
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source

JSON = dict[str, Any]

#: The header of a call that names the golden case to answer from.
CASE = "x-mock-case"

#: What stands for any text in the path of an endpoint.
_ANY = "TRUTOMOCKANY"

#: The keys of an endpoint that tell whether a list goes on or has failed: a sample does neither.
_ENDS = ("next_cursor", "has_more", "error_when", "page_number", "total")


class Call(NamedTuple):
    """A request, comparable: its path is decoded, its parameters are pairs in order, its body is JSON in one form."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    body: str


class Recorded(NamedTuple):
    """A reply of a golden case. `is_right` is whether the case succeeds with it."""

    case: str
    reply: Response
    is_right: bool


class Made(NamedTuple):
    """What an endpoint or a join asks for: its name, the method and the pattern of the path, and a reply to it."""

    name: str
    method: str
    path: re.Pattern[str]
    reply: bytes | None


def replay(mapping: Path | str, *, faults: Path | Source | None = None) -> ASGIApp:
    """The provider of a mapping, a file or a name, as an ASGI app.

    A request that a golden case expects is answered with what the case recorded, any other one of an endpoint with a
    sample of its `source_schema`. Raises `MappingError` for a mapping, a case or rules with mistakes.
    """
    path = mapping if isinstance(mapping, Path) else mapping_files.mappings(mapping)[0]
    made = _Replay(load(path), [golden.read(folder) for folder in golden.folders(path)])
    app = Starlette(routes=[Route("/{path:path}", made.answer, methods=list(_METHODS))])
    return with_faults(app, Faults.read(faults), made.refusal)


_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _refusal(error: RefusedError) -> Response:
    """The answer to a call that cannot be answered."""
    return _json({"errors": list(error.errors)}, error.status, error.headers)


class _Replay:
    def __init__(self, mapper: Mapper[Any], cases: Iterable[golden.Case]) -> None:
        self._recorded: dict[Call, Recorded] = {}
        self._named: dict[str, Recorded] = {}
        for call, found in (one for case in cases for one in _replies(case)):
            self._named.setdefault(found.case, found)
            if call not in self._recorded or (found.is_right and not self._recorded[call].is_right):
                self._recorded[call] = found
        self._made = [*_endpoints(mapper)]

    def refusal(self, error: RefusedError) -> Response:
        """The answer to a call that is refused: for 429 and 500 the body of a case that recorded one."""
        known = (one.reply for one in self._named.values() if one.reply.status_code == error.status)
        if error.status not in (429, 500) or (found := next(known, None)) is None:
            return _refusal(error)
        return Response(found.body, error.status, dict(found.headers) | error.headers)

    async def answer(self, request: Request) -> Response:
        """The reply to a call."""
        name = request.headers.get(CASE)
        if name is not None:
            if name not in self._named:
                known = f"; there are {', '.join(sorted(self._named))}" if self._named else ""
                return _refusal(RefusedError(404, f"No golden case {name} has a reply{known}"))
            return self._named[name].reply
        raw = request.scope["raw_path"].decode("latin-1")
        call = _call(request.method, raw, parse_qsl(request.url.query, True), await request.body())
        if call in self._recorded:
            return self._recorded[call].reply
        return self._sampled(request.method, raw)

    def _sampled(self, method: str, path: str) -> Response:
        """A reply to a call that no case expects; the path is as it was sent."""
        found = [one for one in self._made if one.method == method and one.path.fullmatch(path)]
        for one in found:
            if one.reply is not None:
                return Response(one.reply, 200 if one.reply else 204, media_type="application/json")
        if found:
            said = f"{found[0].name} asks for this, but no golden case has this request, and there is no source_schema"
            return _refusal(RefusedError(404, said))
        known = sorted({f"{one.method} {one.path.pattern}" for one in self._made})
        said = f"No endpoint of the mapping asks for {method} {path}"
        return _refusal(RefusedError(404, f"{said}; it asks for {', '.join(known)}"))


# ── Golden cases ─────────────────────────────────────────────────────────────────────────────────────────────────


def _replies(case: golden.Case) -> Iterator[tuple[Call, Recorded]]:
    """Each request that a case expects, with the reply that it recorded."""
    settings = case.settings
    is_right = settings.raises is None and settings.status < 400
    if "request.json" in case.expected and case.is_answered:
        reply = _reply(case.payload, settings.status, settings.headers)
        yield _expected(case.expected["request.json"]), Recorded(case.name, reply, is_right)
    for (join, number), one in case.joined.items():
        text = case.expected.get(f"{join}-{number}.request.json")
        if text is not None:
            reply = _reply(one.body, one.status, dict(one.headers))
            yield _expected(text), Recorded(f"{case.name}/{join}-{number}", reply, is_right)


def _expected(text: str) -> Call:
    """A request that a case expects."""
    asked = json.loads(text)
    listed = ((name, one) for name, given in asked["params"].items() for one in _list(given))
    pairs = [(name, one if isinstance(one, str) else json.dumps(one)) for name, one in listed]
    body = b"" if asked["body"] is None else json.dumps(asked["body"]).encode()
    return _call(asked["method"], asked["path"], pairs, body)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _call(method: str, path: str, params: Iterable[tuple[str, str]], body: bytes) -> Call:
    try:
        said = json.dumps(json.loads(body), sort_keys=True) if body.strip() else ""
    except (ValueError, RecursionError):
        said = body.decode("utf-8", "replace")
    return Call(method, unquote(path), tuple(sorted(params)), said)


def _reply(payload: Any, status: int, headers: Mapping[str, str]) -> Response:
    """A recorded reply. The lengths and encodings of its headers are those of the recording, and are left out."""
    kept = {name.lower(): value for name, value in headers.items() if name.lower() not in _OF_TRANSPORT}
    if payload is None or isinstance(payload, bytes):
        return Response(payload, status, kept)
    return _json(payload, status, kept)


_OF_TRANSPORT = ("content-length", "content-encoding", "transfer-encoding", "connection")


def _json(value: Any, status: int, headers: Mapping[str, str]) -> Response:
    return Response(json.dumps(value), status, {"content-type": "application/json"} | dict(headers))


# ── Schemas ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _endpoints(mapper: Mapper[Any]) -> Iterator[Made]:
    """What the endpoints of a mapping and their joins ask for."""
    names = {"context": dict.fromkeys(mapper.mapping.context.schema.get("properties", {}), _ANY)}
    for endpoint in mapper.mapping.endpoints:
        yield from _of(endpoint.name, endpoint, names)
        for join in endpoint.joins:
            yield from _of(f"{endpoint.name}.{join.name}", join, names)


def _of(name: str, asking: Endpoint | Join, names: JSON) -> Iterator[Made]:
    """The request of an endpoint or a join; none if its path depends on more than ids and settings."""
    try:
        path = asking.path.evaluate({}, names | {"id": _ANY, "ids": [_ANY], "query": {}, "body": {}})
    except MappingError:
        return
    if isinstance(path, str):
        pattern = re.escape(path.partition("?")[0]).replace(_ANY, "[^/]+")
        yield Made(name, asking.http_method, re.compile(pattern), _sample(asking))


def _sample(asking: Endpoint | Join) -> bytes | None:
    """A reply to an endpoint or a join, empty to a deletion; None if there is no schema of one or it is not JSON."""
    if asking.source is None and getattr(asking, "method", None) == "delete":
        return b""
    if asking.source is None or getattr(asking, "decode", None) is not None:
        return None
    ends = [getattr(asking, key, None) for key in _ENDS]
    without = {path for one in ends if one is not None for path in _read(one)}
    return json.dumps(sample(json.loads(asking.source.text), without)).encode()


def _read(expression: Expression) -> Iterator[tuple[str, ...]]:
    """The places in a reply that an expression reads."""
    for path, _ in Paths([*RESPONSE_NAMES, "$"]).reads(expression.node):
        if path[0] in ("$", "response"):
            yield path[1:]
