"""The clients of accounts: one for each account and mapping, kept while they are used, over one pool of connections."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx2

from truto_mapper.edges.client import Account, AsyncClient, Failed, Limiter, Reply, Retries, Sent
from truto_mapper.edges.server import logs
from truto_mapper.edges.server.accounts import account_for, found
from truto_mapper.edges.server.boundary import Watch
from truto_mapper.edges.server.calls import CURRENT
from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.replies import Replies
from truto_mapper.edges.server.store import Store, Stored
from truto_mapper.engine import arguments
from truto_mapper.engine.mapper import Mapper
from truto_mapper.text.record import NamedTuple

#: How many clients are kept.
MAX_CLIENTS = 1_000


class Sending(NamedTuple):
    """How providers are asked; the names are those of `app`."""

    limiter: Limiter
    retries: Retries
    max_wait: float
    timeout: float
    transport: Any
    max_calls: int


class Clients:
    """The clients in use; those unused the longest go first. What they hear is told to the call that they work for."""

    def __init__(self, store: Store, watch: Watch, sending: Sending) -> None:
        self._store, self._watch, self._sending = store, watch, sending
        pool = httpx2.Limits(max_connections=sending.max_calls, max_keepalive_connections=sending.max_calls)
        self._own = None if sending.transport is not None else httpx2.AsyncHTTPTransport(limits=pool)
        self._limiter, self._replies = sending.limiter.told(watch.metrics.wait), Replies(clock=watch.clock)
        self._kept: OrderedDict[tuple[str, int], tuple[Stored, AsyncClient[Any]]] = OrderedDict()

    def of(self, mapper: Mapper[Any], stored: Stored) -> AsyncClient[Any]:
        """The client for an account as it is stored now: changed credentials make a new one."""
        key = stored.id, id(mapper)
        kept = self._kept.get(key)
        if kept is not None and (kept[0] is stored or kept[0] == stored):
            self._kept.move_to_end(key)
            return kept[1]
        client = self._made(mapper, stored)
        self._kept[key] = stored, client
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_CLIENTS:
            self._kept.popitem(last=False)
        return client

    async def close(self) -> None:
        """Close the connections."""
        self._kept.clear()
        if self._own is not None:
            await self._own.aclose()

    def _made(self, mapper: Mapper[Any], stored: Stored) -> AsyncClient[Any]:
        sending, integration = self._sending, mapper.mapping.integration
        return AsyncClient(
            mapper,
            account_for(self._store, mapper, stored),
            transport=self._own or sending.transport,
            limiter=self._limiter,
            retries=sending.retries,
            max_wait=sending.max_wait,
            timeout=sending.timeout,
            now=self._watch.now,
            on_response=partial(self._answered, integration),
            on_failure=partial(self._failed, integration),
            on_context=partial(self._learned, stored),
            around=self._replies.of_client(),
        )

    def _answered(self, integration: str, reply: Reply) -> None:
        call = CURRENT.get()
        if call is not None and reply.sent.request.join is None:
            call.provider_headers = arguments.headers_of(reply.headers)
        self._watch.metrics.request(integration, reply.status, reply.seconds)
        self._watch.log(logs.of_request(call, integration, reply, reply.sent, self._watch.now()))

    def _failed(self, integration: str, sent: Sent, failure: Failed) -> None:
        self._watch.metrics.request(integration, failure.error, failure.seconds)
        self._watch.log(logs.of_request(CURRENT.get(), integration, failure, sent, self._watch.now()))

    def _learned(self, stored: Stored, account: Account) -> None:
        """Remember what a client has found out about an account, without waiting for the store."""
        asyncio.get_running_loop().run_in_executor(None, self._remember, stored.id, found(stored, account))

    def _remember(self, account_id: str, settings: Mapping[str, Any]) -> None:
        try:
            self._store.remember(account_id, settings)
        except StoreError as error:  # it will be found out again
            event = {"time": logs.text(self._watch.now()), "event": "store", "account": account_id}
            self._watch.log(event | {"codes": [one.code for one in error.diagnostics]})
