"""Credentials as they are stored: an object with a `type`, and the texts that this needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from truto_mapper.edges.client import Basic, Bearer
from truto_mapper.edges.server.errors import refuse
from truto_mapper.text.diagnostics import did_you_mean, excerpt

Credentials = Mapping[str, Any]

#: What OAuth needs to renew a token (RFC 6749 §6), and what may be there besides.
OAUTH = ("token_url", "client_id", "client_secret", "refresh_token")
MORE = ("access_token", "expires_at", "scope")


def basic(username: str, password: str) -> Credentials:
    """A user and a password; Gong calls them access key and secret. Raises `QueryError` Q520."""
    Basic(username, password)
    return {"type": "basic", "username": username, "password": password}


def bearer(token: str) -> Credentials:
    """A token that does not change. Raises `QueryError` Q520."""
    Bearer(token)
    return {"type": "bearer", "token": token}


def oauth(data: Any) -> Credentials:
    """What renews a token. Raises `StoreError` S807; no value is quoted."""
    if not isinstance(data, Mapping):
        refuse("S807", "the OAuth data must be an object", f"with {', '.join(OAUTH)}")
    unknown = [name for name in data if name not in (*OAUTH, *MORE, "token_type", "expires_in")]
    needed = [*OAUTH, *(["access_token"] if "access_token" in data else [])]
    missing = [name for name in needed if not (isinstance(data.get(name), str) and data[name])]
    if unknown:
        refuse(
            "S807", f"the OAuth data has an unknown key {excerpt(unknown[0])}", did_you_mean(unknown[0], OAUTH + MORE)
        )
    if missing:
        refuse("S807", f"the OAuth data lacks {', '.join(missing)}", "each must be a text that is not empty")
    if urlsplit(data["token_url"]).scheme != "https":
        refuse("S807", "the token_url of the OAuth data must begin with https://")
    return {"type": "oauth", **{name: data[name] for name in (*OAUTH, *MORE) if name in data}}
