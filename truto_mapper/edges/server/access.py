"""The store as a service asks it: awaited, and with a cache of a few seconds, so that a call costs no query."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from truto_mapper.edges.server import tokens
from truto_mapper.edges.server.fresh import Fresh
from truto_mapper.edges.server.store import Credentials, Store, Stored
from truto_mapper.edges.server.tokens import Grant, StoredToken

_Value = TypeVar("_Value")

#: Seconds until a removed token or account, or other credentials, take effect in each process.
SECONDS = 2.0

#: How many accounts and tokens are kept, and how many queries run at a time.
KEPT, QUERIES = 10_000, 4


class Access:
    """Grants and accounts for one event loop. What does not exist is not kept: a new account works at once.

    Every call raises `StoreError` (S804, status 503) if the database does not answer.
    """

    def __init__(
        self,
        store: Store,
        *,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._now = store, now
        self._accounts: Fresh[Stored] = Fresh(seconds=seconds, size=KEPT, clock=clock)
        self._tokens: Fresh[StoredToken] = Fresh(seconds=seconds, size=KEPT, clock=clock)
        self._turn = asyncio.Semaphore(QUERIES)

    async def grant(self, text: str) -> Grant | None:
        """What an API token grants now; None if it is unknown, wrong or expired."""
        if (token_id := tokens.id_of(text)) is None:
            return None
        stored = await self._fresh(self._tokens, token_id, self._store.token)
        return stored.granted(text, datetime.fromtimestamp(self._now(), UTC)) if stored else None

    async def account(self, account_id: str, grant: Grant) -> Stored | None:
        """An account of a grant with its credentials; None if there is none, or if it is another tenant's."""
        account_id = account_id.lower()
        if not grant.has_account(account_id):
            return None
        return await self._fresh(self._accounts, account_id, self._store.account)

    async def remember(self, account_id: str, settings: Mapping[str, Any]) -> None:
        """Put what was found out about an account into its context."""
        await self._change(account_id, lambda: self._store.remember(account_id, settings))

    async def replace_credentials(self, account_id: str, new: Credentials, *, expected: Credentials) -> Credentials:
        """Store renewed credentials; if another process was faster, nothing changes. Returns those that are stored."""
        return await self._change(
            account_id, lambda: self._store.replace_credentials(account_id, new, expected=expected)
        )

    async def check(self) -> None:
        """Whether the store answers and opens, for `/readyz`. Raises `StoreError`."""
        async with self._turn:
            await asyncio.to_thread(self._store.check)

    async def _change(self, account_id: str, change: Callable[[], _Value]) -> _Value:
        async with self._turn:
            done = await asyncio.to_thread(change)
        self._accounts.drop(account_id.lower())
        return done

    async def _fresh(self, kept: Fresh[_Value], key: str, read: Callable[[str], _Value | None]) -> _Value | None:
        if (found := kept.get(key)) is not None:
            return found
        async with self._turn:
            if (found := kept.get(key)) is not None:  # another call asked meanwhile
                return found
            since = kept.clock()
            if (found := await asyncio.to_thread(read, key)) is not None:
                kept.put(key, found, since=since)
        return found
