"""One limiter for each company: how many calls its provider takes, counted for all threads, tasks and processes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import copy
from typing import Any, Self
from weakref import WeakValueDictionary

import limits
from limits.storage import RedisStorage, storage_from_string

from truto_mapper.edges.client.account import refuse
from truto_mapper.mapping.linked import RateLimit
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import ProviderError

#: Seconds until a store that does not answer counts as down.
PATIENCE = 2

#: Seconds by which windows are longer than the provider's: requests take their time to it, some more than others,
#: and it counts them when they arrive.
MARGIN = 0.1

#: Seconds that whoever waits for a turn waits at least.
SOON = 0.005

#: How the URLs of the stores begin that can be used, and what to do.
SCHEMES = ("memory://", "redis://", "rediss://", "redis+unix://", "redis+sentinel://")
_HINT = "such as redis://localhost:6379/0; it needs the package redis"


class Limiter:
    """Counts calls in this process (`memory://`), or in Redis for several (`redis://host:6379/0`).

    A window moves with time, so that no two windows beside each other have more calls than one may have. Without Redis
    no call is made (P616): calls that are not counted together would be refused by the provider, and use up its quota.
    """

    def __init__(self, url: str = "memory://") -> None:
        self.is_local = url.startswith("memory:")
        timeouts = {} if self.is_local else {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        if not url.startswith(SCHEMES):
            refuse("the limiter's URL must begin with memory:// or redis://", _HINT)
        try:
            self._store = storage_from_string(url, **timeouts)
        except (limits.errors.ConfigurationError, ValueError) as error:
            refuse(f"the limiter's URL cannot be used ({type(error).__name__})", _HINT)
        self._windows: Any = _Windows(self._store) if isinstance(self._store, RedisStorage) else self._store
        self._lock = threading.Lock()
        self._queues: WeakValueDictionary[tuple[object, str], asyncio.Lock] = WeakValueDictionary()
        self._on_wait: Callable[[float], object] | None = None

    def told(self, on_wait: Callable[[float], object]) -> Self:
        """The same limiter, which tells `on_wait` each time how many seconds there are until the next turn."""
        other = copy(self)
        other._on_wait = on_wait  # noqa: SLF001  # its own
        return other

    def check(self) -> None:
        """Whether the store answers. Raises `ProviderError` P616."""
        if not self.is_local and not self._store.check():
            raise _down("it does not answer")

    def __repr__(self) -> str:
        return f"<Limiter in {'memory' if self.is_local else 'Redis'}>"

    def take(self, key: str, allowed: Sequence[RateLimit]) -> float:
        """Take a turn: 0 if there is one, else the seconds until there may be one.

        Raises `ProviderError` P616 if the store cannot be reached.
        """
        began = time.monotonic()
        try:
            with nullcontext() if not self.is_local else self._lock:
                wait = self._taken(key, allowed)
        except self._store.base_exceptions as error:
            raise _down(type(error).__name__) from None
        if not wait and time.monotonic() - began > MARGIN / 2:
            wait = SOON  # the turn was counted when it was asked for: by now others may have the next ones
        if wait and self._on_wait is not None:
            self._on_wait(wait)
        return wait

    async def queued(self, key: str, patience: float) -> tuple[Callable[[], None] | None, float]:
        """Wait until everybody has left who came earlier: what is to be called to leave, and the seconds that it took.

        It is for tasks of one event loop, of which one at a time then asks for a turn: they have turns in their order,
        and many of them do not ask Redis all at once. After `patience` seconds there is None to be called.
        """
        queue = self._queues.setdefault((asyncio.get_running_loop(), key), asyncio.Lock())
        began = time.monotonic()
        try:
            async with asyncio.timeout(patience):
                await queue.acquire()
        except TimeoutError:
            return None, patience
        return queue.release, time.monotonic() - began

    def _taken(self, key: str, allowed: Sequence[RateLimit]) -> float:
        # The shortest window comes first: to wait for it costs nothing of a long one.
        for one in sorted(allowed, key=lambda one: one.seconds):
            item = limits.RateLimitItemPerSecond(one.calls, one.seconds, namespace="truto-mapper")
            window = item.key_for(key), one.calls, one.seconds + MARGIN
            if not self._windows.acquire_entry(*window):
                start: float = self._windows.get_moving_window(*window)[0]
                return max(start + one.seconds + MARGIN - time.time(), SOON)
        return 0.0


class _Windows:
    """The moving windows of Redis. Its scripts take whole numbers alone, so they are given tenths of a second."""

    def __init__(self, store: RedisStorage) -> None:
        self._store = store

    def acquire_entry(self, key: str, limit: int, expiry: float) -> bool:
        """Whether there is a turn; it is taken."""
        given = [time.time() * 10, limit, round(expiry * 10), 1]
        return bool(self._store.lua_acquire_moving_window([self._store.prefixed_key(key)], given))

    def get_moving_window(self, key: str, limit: int, expiry: float) -> tuple[float, int]:
        """When the window of now has begun, and how many turns are taken in it."""
        now = time.time()
        found = self._store.lua_moving_window([self._store.prefixed_key(key)], [(now - expiry) * 10, limit])
        return (float(found[0]) / 10, int(found[1])) if found else (now, 0)


def _down(cause: str) -> ProviderError:
    message = f"the store that counts the calls of all processes cannot be reached ({cause})"
    return ProviderError(Diagnostic("P616", message, hint="is Redis running?"), status=503)
