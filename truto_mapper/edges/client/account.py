"""An account at a provider: its base URL, its credentials and its settings."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from truto_mapper.edges.client.auth import Auth, Basic, Bearer
from truto_mapper.engine import sendable
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import QueryError

#: RFC 3986, and nothing that servers and libraries read in several ways: no user, no query, no backslash.
_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?::(\d{1,5}))?(/.*)?")

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's account at a provider.

    `base_url` is where every path of the mapping goes below, such as `https://api.gong.io`. `auth` are the credentials,
    None for a provider that needs none. `context` holds the settings of the mapping. `id` is what limits are counted
    by; without it the base URL and the user or token. `allow_http` lets credentials travel unencrypted to other
    machines. Raises `QueryError` Q520.
    """

    base_url: str
    auth: Auth | None = field(default=None, repr=False)
    context: Mapping[str, Any] = field(default_factory=dict, repr=False)
    id: str | None = None
    allow_http: bool = field(default=False, repr=False)
    #: The scheme, host, port and path of the base URL.
    parts: tuple[str, str, int, str] = field(init=False, repr=False, compare=False)
    #: Its scheme, host and port; a default port is left out.
    origin: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", parts_of(self.base_url))
        object.__setattr__(self, "origin", origin_of(self.base_url))
        scheme, host, *_ = self.parts
        if scheme == "http" and not (self.allow_http or _is_local(host)):
            hint = "write https://; allow_http, of a command --allow-http, is for a network of your own"
            refuse(f"the base URL {excerpt(self.base_url)} is not encrypted", hint)
        if not isinstance(self.context, Mapping):
            refuse(f"the context must be an object of settings, this is {excerpt(self.context)}")
        if self.auth is not None and not isinstance(self.auth, Auth):
            refuse("auth must be Basic, Bearer or OAuth", "such as Basic(username, password)")

    @property
    def base_path(self) -> str:
        """The path of the base URL, without a slash at its end."""
        return self.parts[3]

    @property
    def key(self) -> str:
        """What the provider counts calls by: the account's id, else a digest of its base URL and its user or token."""
        if self.id is not None:
            return self.id
        match self.auth:
            case Basic(username=who) | Bearer(token=who):
                pass
            case _:
                who = ""
        return hashlib.sha256(f"{self.base_url} {who}".encode()).hexdigest()  # Redis keeps it: users may be API keys


def parts_of(url: Any) -> tuple[str, str, int, str]:
    """The scheme, host, port and path of a base URL. Raises `QueryError` Q520."""
    found = _URL.fullmatch(url) if isinstance(url, str) else None
    if found is None:
        refuse(f"this is no base URL: {_without_user(url)}", _hint(url))
    scheme, host, port, path = found[1], found[2].lower(), int(found[3] or _PORTS[found[1]]), found[4] or ""
    path = path.rstrip("/")
    fault = sendable.path_fault(path) if path else None
    if not 0 < port < 65536 or fault is not None:
        why = "a port is from 1 to 65535" if fault is None else fault[0]
        refuse(f"this is no base URL: {_without_user(url)}", _hint(url) if re.search("[?#]", url) else why)
    return scheme, host, port, path


def origin_of(url: str) -> str:
    """The scheme, host and port of a base URL; a default port is left out. Raises `QueryError` Q520."""
    scheme, host, port, _ = parts_of(url)
    return f"{scheme}://{host}" if port == _PORTS[scheme] else f"{scheme}://{host}:{port}"


def refuse(message: str, hint: str | None = None) -> NoReturn:
    """Raise `QueryError` Q520."""
    raise QueryError(Diagnostic("Q520", message, hint=hint))


def _hint(url: Any) -> str:
    if isinstance(url, str) and "@" in url:
        return "a base URL has no user and password; give them as Basic(username, password)"
    if isinstance(url, str) and ("?" in url or "#" in url):
        return "a base URL ends before `?` and `#`"
    return "such as https://api.example.com, or https://api.example.com/v2; other characters of a host as punycode"


def _without_user(url: Any) -> str:
    """What is no base URL, as a message quotes it: without what may be secret, before an `@` and behind `?` or `#`."""
    if not isinstance(url, str):
        return excerpt(url)
    url = re.sub(r"^(https?:[/\\]*)?.*@", r"\1…@", url, flags=re.DOTALL)
    return excerpt(re.sub(r"(?<=[?#]).+", "…", url, flags=re.DOTALL))


def _is_local(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
