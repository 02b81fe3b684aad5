"""The service with all that it needs, for a first look: a mock of Gong, a temporary store, an account and a token."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from truto_mapper.edges import mock
from truto_mapper.edges.server.credentials import basic
from truto_mapper.edges.server.keys import new_key, parse_keys
from truto_mapper.edges.server.serving import Service
from truto_mapper.edges.server.store import Store

ZONE = "America/New_York"


@contextmanager
def demo() -> Iterator[Service]:
    """A demo, which is gone at the end."""
    with TemporaryDirectory(prefix="truto-mapper-demo-") as folder, _gong() as url:
        keys = parse_keys(new_key(), "the demo")
        with closing(Store.open(f"sqlite:///{Path(folder) / 'store.db'}", keys)) as store:
            account = store.add_account(
                "gong", url, basic(mock.KEY, mock.SECRET), context={"time_zone": ZONE}, name="demo"
            )
            yield Service(store, account, store.add_token("demo", accounts=[account]))


@contextmanager
def _gong() -> Iterator[str]:
    """A mock of Gong on a free port, in a thread of its own: its URL."""
    with mock.listening(0) as socket:
        server = mock.server(mock.gong(zone=ZONE))
        running = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
        running.start()
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}"
        finally:
            server.should_exit = True
            running.join(5)
