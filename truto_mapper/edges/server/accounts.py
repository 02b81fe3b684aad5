"""Accounts of the store as the client takes them: the settings of one mapping, and tokens that renew themselves."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import httpx2

from truto_mapper.edges.client import Account, Auth, Basic, Bearer, OAuth
from truto_mapper.edges.client.auth import is_token
from truto_mapper.edges.server.credentials import Credentials
from truto_mapper.edges.server.errors import refuse
from truto_mapper.edges.server.store import Store, Stored
from truto_mapper.engine.mapper import Mapper
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import ProviderError

#: Seconds that a provider may take to renew a token, and the most bytes of its answer.
PATIENCE, MAX_TOKEN = 20, 65_536

#: A token that lasts this many seconds needs no renewal.
_FOREVER = 10**10

#: Makes the HTTP client that renews a token.
Connect = Callable[[], httpx2.AsyncClient]


def account_for(store: Store, mapper: Mapper[Any], stored: Stored, *, connect: Connect | None = None) -> Account:
    """The client's account for a mapping, with those of its settings that the mapping declares."""
    declared = mapper.mapping.context_schemas
    context = {name: value for name, value in stored.context.items() if name in declared}
    is_http = stored.entry.base_url.startswith("http://")  # whoever added the account allowed it
    auth = auth_of(store, stored, connect)
    return Account(stored.entry.base_url, auth, context, stored.id, allow_http=is_http)


def auth_of(store: Store, stored: Stored, connect: Connect | None = None) -> Auth:
    """How an account signs in. A token that was renewed is stored."""
    given = stored.credentials
    match given["type"]:
        case "basic":
            return Basic(given["username"], given["password"])
        case "bearer":
            return Bearer(given["token"])
        case _:
            renew = _renewal(store, stored.id, connect or _connected)
            return OAuth(renew, token=given if "access_token" in given else None)


def existing(store: Store, account_id: str) -> Stored:
    """An account of the store. Raises `StoreError` S806."""
    if (stored := store.account(account_id)) is None:
        refuse("S806", f"there is no account {excerpt(account_id)}", "`truto-mapper account list` shows them all")
    return stored


def found(before: Account | Stored, after: Account) -> dict[str, Any]:
    """The settings that a client found out, to be remembered."""
    return {name: value for name, value in after.context.items() if before.context.get(name) != value}


def _connected() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=PATIENCE, trust_env=False)  # like requests to the provider: no proxy, no netrc


def _renewal(store: Store, account_id: str, connect: Connect) -> Callable[[Mapping[str, Any] | None], Any]:
    """What renews the token of an account, in one process at a time: a refresh token may be good for one use."""

    async def stored() -> Credentials:
        return (await asyncio.to_thread(existing, store, account_id)).credentials

    async def renew(token: Mapping[str, Any] | None) -> Credentials:
        while not await asyncio.to_thread(store.begin_renewal, account_id, PATIENCE + 10):  # noqa: ASYNC110  # other processes
            await asyncio.sleep(0.1)
        try:
            old = await stored()
            if "access_token" in old and old["access_token"] != (token or {}).get("access_token"):
                return old  # another process has renewed it
            new = {**old, **await _renewed(old, connect)}
            return await asyncio.to_thread(store.replace_credentials, account_id, new, expected=old)
        finally:
            await asyncio.to_thread(store.end_renewal, account_id)

    return renew


async def _renewed(old: Credentials, connect: Connect) -> dict[str, Any]:
    """A new token (RFC 6749 §6). Raises `ProviderError` P618."""
    data = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    try:
        async with (
            asyncio.timeout(PATIENCE),
            connect() as http,
            http.stream("POST", old["token_url"], data=data, auth=(old["client_id"], old["client_secret"])) as answer,
        ):
            given = _json(await _read(answer))
    except (httpx2.HTTPError, TimeoutError, OSError) as error:
        _refuse(f"the token endpoint does not answer ({type(error).__name__})", status=502)
    if answer.status_code != 200 or not isinstance(given, dict):
        _refuse(f"the token endpoint answered {answer.status_code}{_why(given)}")
    kept = {name: given[name] for name in ("access_token", "refresh_token") if isinstance(given.get(name), str)}
    if not is_token(kept.get("access_token")):  # it would be stored, and no call could be made with it
        _refuse("the answer of the token endpoint has no `access_token` that can be sent")
    lasts = given.get("expires_in")
    if not isinstance(lasts, (int, float)) or not 0 <= lasts < _FOREVER:
        return kept | {"expires_at": None}
    return kept | {"expires_at": int(time.time() + lasts)}


async def _read(answer: httpx2.Response) -> bytes:
    """The body of an answer; what is longer than any token is not read to its end."""
    data = b""
    async for part in answer.aiter_bytes():
        data += part
        if len(data) > MAX_TOKEN:
            break
    return data[: MAX_TOKEN + 1]


def _json(data: bytes) -> Any:
    """A JSON value; None for what is none, and for what is too long."""
    try:
        return json.loads(data) if len(data) <= MAX_TOKEN else None
    except (ValueError, RecursionError):
        return None


def _why(answer: Any) -> str:
    """The code of an error (RFC 6749 §5.2); nothing else is quoted, for it may hold a token."""
    code = answer.get("error") if isinstance(answer, dict) else None
    return f": {code}" if isinstance(code, str) and re.fullmatch(r"[a-z_]{1,40}", code) else ""


def _refuse(why: str, status: int = 401) -> NoReturn:
    hint = "if the customer has withdrawn the app, connect the account anew: `truto-mapper account rotate`"
    message = f"the token of the account could not be renewed: {why}"
    raise ProviderError(Diagnostic("P618", message, hint=hint), status=status)
