"""Who calls: the token of a request, and the account that it names, as the store had them a moment ago."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from starlette.types import Scope

from truto_mapper.edges.server import tokens
from truto_mapper.edges.server.calls import header
from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.fresh import Fresh
from truto_mapper.edges.server.refusals import Refused
from truto_mapper.edges.server.store import Store, Stored
from truto_mapper.edges.server.tokens import Grant, StoredToken

#: Seconds until a removed token or account, or other credentials, take effect in each process.
SECONDS = 2.0

#: How many accounts and tokens are kept, and how many queries run at a time.
KEPT, QUERIES = 10_000, 4

#: Seconds until a store that does not answer counts as gone. Its limits of a connection and of a statement are less.
PATIENCE = 12.0

_CHALLENGE = b'Bearer realm="truto-mapper"'

_Value = TypeVar("_Value")


class Callers:
    """Checks tokens, and finds the accounts that they are for; for one event loop.

    What does not exist is not kept: a new account works at once. Every call raises `StoreError` (S804, status 503) if
    the database does not answer.
    """

    def __init__(self, store: Store, clock: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now
        self._accounts: Fresh[Stored] = Fresh(seconds=SECONDS, size=KEPT, clock=clock)
        self._tokens: Fresh[StoredToken] = Fresh(seconds=SECONDS, size=KEPT, clock=clock)
        self._turn, self._checking = (
            asyncio.Semaphore(QUERIES),
            asyncio.Lock(),
        )  # anybody may ask for a check: one at a time
        # Threads of their own: where a database hangs, so do they, and nothing else of the service.
        self._threads = ThreadPoolExecutor(QUERIES, "truto-mapper-store")

    async def grant(self, scope: Scope) -> Grant:
        """What the token of a request grants. Raises `Refused` 401."""
        scheme, _, text = (header(scope, b"authorization") or b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthorized("send one token as `Authorization: Bearer …`", b"")
        grant = await self._grant(text.strip(" "))
        if grant is None:
            raise _unauthorized("the token is unknown, expired or removed", b', error="invalid_token"')
        return grant

    async def _grant(self, text: str) -> Grant | None:
        if (token_id := tokens.id_of(text)) is None:
            return None
        stored = await self._fresh(self._tokens, token_id, self._store.token)
        return stored.granted(text, self._now()) if stored else None

    async def account(self, grant: Grant, account_id: str) -> Stored:
        """An account that a grant is for. Raises `Refused` 404, which is the same for one that does not exist."""
        if grant.has_account(account_id):
            stored = await self._fresh(self._accounts, account_id, self._store.account)
            if stored is not None:
                return stored
        raise Refused(404, f"there is no integrated account {account_id}")

    async def check(self) -> None:
        """Whether the store answers, and the keys open it. Raises `StoreError`."""
        async with self._checking, self._asking():
            await self._asked(self._store.check)

    async def _fresh(self, kept: Fresh[_Value], key: str, read: Callable[[str], _Value | None]) -> _Value | None:
        if (found := kept.get(key)) is not None:
            return found
        async with self._asking():
            if (found := kept.get(key)) is not None:  # another call asked meanwhile
                return found
            since = kept.clock()
            if (found := await self._asked(read, key)) is not None:
                kept.put(key, found, since=since)
        return found

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """A turn to ask the store. Raises `StoreError` S804 if there is no answer in time."""
        try:
            async with asyncio.timeout(PATIENCE), self._turn:
                yield
        except TimeoutError:
            raise StoreError("S804", f"the store did not answer within {PATIENCE:g} s", status=503) from None

    async def _asked(self, ask: Callable[..., _Value], *given: str) -> _Value:
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask, *given)


def _unauthorized(message: str, why: bytes) -> Refused:
    return Refused(401, message, [(b"www-authenticate", _CHALLENGE + why)])
