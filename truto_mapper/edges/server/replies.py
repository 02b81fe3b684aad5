"""Replies that are kept for a few seconds: the pages that a `limit` cuts out of one reply cost one request."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias
from weakref import WeakValueDictionary

from truto_mapper.edges.client import Reply
from truto_mapper.edges.server.fresh import Fresh
from truto_mapper.engine import rendering
from truto_mapper.engine.page import Request

#: How long a reply is kept, in seconds, and how many bytes all of them may have.
SECONDS, SIZE = 5.0, 64 * 2**20

#: What a reply takes beside its body, in bytes.
_OVERHEAD = 2_000

Ask: TypeAlias = Callable[[], Awaitable[Reply]]


class Replies:
    """Replies of providers, for one event loop. Each client has its own: accounts see nothing of each other.

    Only a query that goes on within a page of the provider gets a reply that is kept: a first page is always asked for,
    and so is whatever follows. Replies to anything but `list` and `get`, other statuses than 200, raw pages and pages
    that no limit cuts are not kept.
    """

    def __init__(
        self, *, seconds: float = SECONDS, size: int = SIZE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kept: Fresh[Reply] = Fresh(seconds=seconds, size=size, clock=clock)
        self._locks: WeakValueDictionary[tuple[object, bytes], asyncio.Lock] = WeakValueDictionary()

    def of_client(self) -> Callable[[Request, Ask], Awaitable[Reply]]:
        """The `around` of one `AsyncClient`."""
        client = object()

        async def around(request: Request, ask: Ask) -> Reply:
            if not _is_cut(request):
                return await ask()
            key = client, _digest(request)
            if not request.query.offset:
                return await self._asked(key, ask)
            async with self._locks.setdefault(key, asyncio.Lock()):  # one of those who go on at the same time asks
                return self._kept.get(key) or await self._asked(key, ask)

        return around

    async def _asked(self, key: tuple[object, bytes], ask: Ask) -> Reply:
        since = self._kept.clock()
        reply = await ask()
        if reply.status == 200 and isinstance(reply.body, bytes):
            self._kept.put(key, reply, since=since, size=len(reply.body) + _OVERHEAD)
        return reply


def _is_cut(request: Request) -> bool:
    """Whether a limit, of which the provider does not know, cuts the page."""
    plan = request.query.plan
    is_read = request.query.method in ("list", "get")
    return is_read and plan is not None and not plan.raw and (plan.limit is not None or request.query.offset > 0)


def _digest(request: Request) -> bytes:
    """What tells a request from every other one."""
    sent = [request.method, request.path, dict(request.params), dict(request.headers), request.body]
    return hashlib.sha256(rendering.dumps(sent).encode()).digest()
