"""What goes over the wire: a request with its URL and headers, the reply to it, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from urllib.parse import quote, urlencode, urljoin

from truto_mapper import __version__
from truto_mapper.edges.client.account import Account, origin_of
from truto_mapper.engine import rendering, sendable
from truto_mapper.engine.page import Request, Response
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import ProviderError, QueryError

#: Redirects of one request that are followed.
MAX_REDIRECTS = 5

#: RFC 9110 §15.4: those that keep the method and the body, and those that become a GET.
_SAME_METHOD, _REDIRECTS = frozenset({307, 308}), frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it is sent. `attempt` counts from 1; `request` is the mapper's."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    timeout: float
    request: Request = field(repr=False)
    attempt: int = 1

    def __repr__(self) -> str:
        return f"<Sent {self.request!r}, attempt {self.attempt}>"


class Reply(Response):
    """The provider's response with what it answers and the `seconds` that it took. Its headers are pairs of texts."""

    sent: Sent
    seconds: float

    @classmethod
    def to(cls, sent: Sent, response: Response, seconds: float) -> Reply:
        """A response as the reply to a request."""
        made = cls(*response)
        made.sent, made.seconds = sent, seconds
        return made

    def header(self, name: str) -> str | None:
        """A header by its name, in lower case; several of one name are joined by commas."""
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers or ()
        found = [_text(value) for one, value in pairs if _text(one).lower() == name]
        return ", ".join(found) if found else None


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class Failed:
    """No reply: why, whether the provider may have got the request, and the `seconds` that it took.

    `error` is in the terms of OpenTelemetry's `error.type`.
    """

    message: str
    error: str
    is_sent: bool = True
    status: int = 502
    hint: str | None = None
    code: str = "P614"
    seconds: float = 0.0
    is_final: bool = False


def sent(account: Account, request: Request, timeout: float) -> Sent:
    """A mapper's request to an account, without credentials. Nothing leads away from the account's origin.

    Raises `QueryError` Q520 for a request that no mapper makes.
    """
    fault = sendable.path_fault(request.path)
    if fault is not None:
        raise QueryError(Diagnostic("Q520", fault[0], hint=fault[1]))
    query = urlencode(request.params, doseq=True, quote_via=quote)
    url = f"{account.origin}{account.base_path}{request.path}{'?' if query else ''}{query}"
    content = None if request.body is None else rendering.dumps(request.body).encode()
    headers = {"accept": "*/*", "user-agent": f"truto-mapper/{__version__}"}
    headers |= {} if content is None else {"content-type": "application/json"}
    for name, value in request.headers.items():
        wrong = sendable.header_fault(name, value)
        if wrong is not None:
            raise QueryError(Diagnostic("Q520", wrong))
        headers[name.lower()] = value
    headers["accept-encoding"] = "gzip"  # what the client reads
    return Sent(request.method, url, headers, content, timeout, request)


def redirected(account: Account, message: Sent, reply: Reply, number: int) -> str | None:
    """Where a reply leads on to; None for one that does not. Raises `ProviderError` P617 for one that must not."""
    location = reply.header("location")
    if reply.status not in _REDIRECTS or location is None:
        return None
    if message.method not in ("GET", "HEAD") and reply.status not in _SAME_METHOD:
        _refuse(f"the provider answered a {message.method} with {reply.status}, which leads to another request")
    try:
        target = urljoin(message.url, location).partition("#")[0]
        origin = origin_of(target.partition("?")[0])
    except (ValueError, QueryError):
        _refuse(f"the provider's redirect leads to {excerpt(location.partition('?')[0])}, which is no URL to follow")
    if origin != account.origin:
        hint = "if the account has moved, change its base URL"
        _refuse(f"the provider's redirect leads away from {account.origin}, to {origin}", hint)
    if number >= MAX_REDIRECTS:
        _refuse(f"the provider's redirects do not come to an end after {number}")
    return target


def _refuse(message: str, hint: str | None = None) -> NoReturn:
    raise ProviderError(Diagnostic("P617", message, hint=hint))
