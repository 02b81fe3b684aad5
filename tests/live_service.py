"""The service at a socket over a mock of Gong whose limits are off, for what calls it from outside."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import httpx2

from truto_mapper import load
from truto_mapper.edges import mock
from truto_mapper.edges.client import Limiter
from truto_mapper.edges.server import Store, app, serving
from truto_mapper.edges.server.keys import new_key, parse_keys

MAPPINGS = ("gong/activity", "gong/interactions", "gong/users")


class Live(NamedTuple):
    """Where the service is, a token for it, and the account to ask."""

    url: str
    token: str
    integrated_account_id: str


class Unlimited(Limiter):
    """Whose turn is always now."""

    def take(self, key: str, allowed: Sequence[object]) -> float:  # noqa: ARG002  # as a limiter's
        return 0


@contextmanager
def live(users: int = 120) -> Iterator[Live]:
    with TemporaryDirectory() as folder, closing(_store(folder)) as store:
        secret = {"type": "basic", "username": mock.KEY, "password": mock.SECRET}
        account = store.add_account("gong", "https://gong.example", secret, context={"time_zone": "America/New_York"})
        transport = httpx2.ASGITransport(mock.gong(users=users, limits=False))
        mappers = [load(name, cursor_key="a key of the tests") for name in MAPPINGS]
        made = app(mappers, store, limiter=Unlimited(), transport=transport, log=lambda _: None)
        at, server = serving.listening("127.0.0.1", 0), serving.server(made, grace=1)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
        thread.start()
        try:
            yield Live(f"http://127.0.0.1:{at.getsockname()[1]}", store.add_token("t", accounts=[account]), account)
        finally:
            server.should_exit = True
            thread.join(10)
            at.close()


def _store(folder: str) -> Store:
    return Store.open(f"sqlite:///{Path(folder) / 'store.db'}", parse_keys(new_key(), "the test"))


if __name__ == "__main__":
    with live() as running:
        sys.stdout.write(json.dumps(running._asdict()) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
