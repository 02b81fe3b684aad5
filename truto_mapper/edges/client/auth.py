"""Credentials: how a request says who sends it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import ProviderError, QueryError


def _text(value: Any, what: str) -> None:
    """Refuse what no header can carry, without quoting it."""
    if not isinstance(value, str) or not value.isprintable() or not value:
        why = "is empty" if value == "" else "must be text without control characters"
        raise QueryError(Diagnostic("Q520", f"the {what} {why}"))


@dataclass(frozen=True, slots=True)
class Basic:
    """A user and a password: `Authorization: Basic …` (RFC 7617). Gong calls them access key and secret."""

    username: str = field(repr=False)
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        _text(self.username, "username")
        _text(self.password, "password")
        if ":" in self.username:
            raise QueryError(Diagnostic("Q520", "the username must not contain a colon (RFC 7617)"))

    @property
    def header(self) -> str:
        """The value of `Authorization`."""
        return f"Basic {base64.b64encode(f'{self.username}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that does not change: `Authorization: Bearer …` (RFC 6750)."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        _text(self.token, "token")
        if not is_token(self.token):
            raise QueryError(Diagnostic("Q520", "the token must be ASCII without spaces (RFC 6750)"))

    @property
    def header(self) -> str:
        """The value of `Authorization`."""
        return f"Bearer {self.token}"


def is_token(value: Any) -> bool:
    """Whether a header can carry a value as a token (RFC 6750 §2.1)."""
    return isinstance(value, str) and value.isascii() and value.isprintable() and value != "" and " " not in value


#: A token as providers answer (RFC 6749 §5.1): `access_token`, `expires_in` or `expires_at`, `refresh_token`.
Token: TypeAlias = Mapping[str, Any]


class OAuth:
    """A token that is renewed: before it expires, and once when the provider answers 401.

    `refresh(token)` gets the last token, None at first, and returns the new one: an object with `access_token`, and
    `expires_in` or `expires_at` (seconds) if it expires. It may be a coroutine function with `AsyncClient`. An OAuth 2
    client of authlib, with its `token_endpoint`, may be given instead. `margin` is how many seconds before its end a
    token is renewed. `on_token` is told each new token, to store it. Threads and tasks may share it: one renews.
    """

    def __init__(
        self,
        refresh: Callable[[Token | None], Any] | Any,
        *,
        token: Token | None = None,
        margin: float = 60,
        on_token: Callable[[Token], None] | None = None,
    ) -> None:
        self.refresh = refresh if not hasattr(refresh, "fetch_token") else _of_authlib(refresh)
        self.margin, self.on_token = margin, on_token
        #: Held by whoever renews the token.
        self.lock = threading.Lock()
        self._token: Token | None = None
        self._expires: float | None = None
        if token is not None:
            self.renewed(token, None)

    def __repr__(self) -> str:
        return "OAuth()"

    @property
    def token(self) -> Token | None:
        """The last token."""
        return self._token

    @property
    def header(self) -> str | None:
        """The value of `Authorization`; None before the first token."""
        return None if self._token is None else f"Bearer {self._token['access_token']}"

    def is_due(self, now: datetime) -> bool:
        """Whether there is no token, or it expires within the margin."""
        return self._token is None or (self._expires is not None and now.timestamp() >= self._expires - self.margin)

    def renewed(self, token: Any, now: datetime | None) -> None:
        """Take a new token. Raises `ProviderError` P618 for what is none."""
        access = token.get("access_token") if isinstance(token, Mapping) else None
        if not is_token(access):
            raise ProviderError(Diagnostic("P618", "the renewed token has no `access_token`"))
        ends, lasts = token.get("expires_at"), token.get("expires_in")
        if not isinstance(ends, (int, float)) and isinstance(lasts, (int, float)) and now is not None:
            ends = now.timestamp() + lasts
        # The new token may leave out what stays as it was (RFC 6749 §6).
        kept = {} if self._token is None else {k: v for k, v in self._token.items() if k == "refresh_token"}
        self._expires = float(ends) if isinstance(ends, (int, float)) else None
        self._token = {**kept, **token}
        if self.on_token is not None and now is not None:
            self.on_token(self._token)


def _of_authlib(client: Any) -> Callable[[Token | None], Any]:
    """What renews a token with an OAuth 2 client of authlib."""
    endpoint = (getattr(client, "metadata", None) or {}).get("token_endpoint")
    if endpoint is None:
        raise QueryError(Diagnostic("Q520", "the OAuth client needs a `token_endpoint`", hint="give it to its class"))

    def refresh(token: Token | None) -> Any:
        old = token or client.token
        if old and old.get("refresh_token"):
            return client.refresh_token(endpoint, refresh_token=old["refresh_token"])
        return client.fetch_token(endpoint, grant_type="client_credentials")

    return refresh


Auth: TypeAlias = Basic | Bearer | OAuth
