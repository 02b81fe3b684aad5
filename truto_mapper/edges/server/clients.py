"""The clients of accounts: one for each account and mapping, kept while they are used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from truto_mapper.edges.client import Account, AsyncClient, Auth, Basic, Bearer
from truto_mapper.edges.server.store import Stored
from truto_mapper.engine.mapper import Mapper

#: How many clients are kept.
MAX_CLIENTS = 1_000

#: Makes the client of a mapping for an account.
Open = Callable[[Mapper[Any], Stored], AsyncClient[Any]]


class Clients:
    """The clients in use, made by `open_`; those unused the longest go first. They share one transport."""

    def __init__(self, open_: Open) -> None:
        self._open = open_
        self._kept: OrderedDict[tuple[str, int], tuple[Stored, AsyncClient[Any]]] = OrderedDict()

    def of(self, mapper: Mapper[Any], account: Stored) -> AsyncClient[Any]:
        """The client for an account as it is stored now: changed credentials make a new one."""
        key = account.id, id(mapper)
        kept = self._kept.get(key)
        if kept is not None and (kept[0] is account or kept[0] == account):
            self._kept.move_to_end(key)
            return kept[1]
        client = self._open(mapper, account)
        self._kept[key] = account, client
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_CLIENTS:
            self._kept.popitem(last=False)
        return client

    async def close(self) -> None:
        """Close the connections of all clients."""
        for _, client in self._kept.values():
            await client.close()
        self._kept.clear()


def account_for(mapper: Mapper[Any], stored: Stored) -> Account:
    """The client's account for a mapping, with those of its settings that the mapping has."""
    declared = mapper.mapping.context_schemas
    context = {name: value for name, value in stored.entry.context.items() if name in declared}
    return Account(stored.entry.base_url, _auth(stored), context, stored.id)


def _auth(stored: Stored) -> Auth:
    given = stored.credentials
    if given["type"] == "basic":
        return Basic(given["username"], given["password"])
    return Bearer(given["token"])
