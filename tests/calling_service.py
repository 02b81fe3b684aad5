"""Calls of the service while the provider fails at random, and while streams are cut: complete, or an error."""

from __future__ import annotations

import asyncio
import json
import tempfile
import zlib
from contextlib import suppress
from functools import cache
from urllib.parse import urlencode

import calling
import httpx2
from live_service import Unlimited

from truto_mapper import ProviderError, load
from truto_mapper.edges import mock
from truto_mapper.edges.client import Retries
from truto_mapper.edges.server import Store, app, credentials
from truto_mapper.edges.server.boundary import BrokenStreamError
from truto_mapper.edges.server.keys import new_key, parse_keys
from truto_mapper.text.diagnostics import Diagnostic

ACTIVITY = "/unified/conversational-intelligence/activity"
WAYS = (1, 7, 100, None, "lines")
GONG = load("gong/activity", cursor_key="a key of the tests")

#: No wait between tries, and none for a `Retry-After`.
RETRIES = Retries(attempts=2, base=0, budget=0.5)


@cache
def store():
    """The store of all tries."""
    folder = tempfile.TemporaryDirectory()
    made = Store.open(f"sqlite:///{folder.name}/store.db", parse_keys(new_key(), "a test"))
    made.folder = folder  # it goes when the store goes
    return made


class Service:
    """Calls a service in this process, as `calling.Fetch` wants it; `rng` cuts streams, and lets time pass."""

    def __init__(self, rng, gong, zone):
        self.rng, self.time = rng, 0.0
        context = {"time_zone": zone} if zone else {}
        secret = credentials.basic(mock.KEY, mock.SECRET)
        self.account = store().add_account("gong", "https://gong.example", secret, context=context)
        self.token = store().add_token("t", accounts=[self.account])
        options = {"limiter": Unlimited(), "retries": RETRIES, "now": lambda: calling.NOON, "clock": lambda: self.time}
        self.app = app([GONG], store(), transport=httpx2.ASGITransport(gong), log=lambda _: None, **options)

    def close(self):
        store().remove_account(self.account)
        store().remove_token(self.token.split("_")[1])

    async def list(self, query):
        """One page."""
        status, body, is_whole = await self.called(query)
        assert is_whole
        given = json.loads(body)
        if status != 200:
            raise failure(status, given)
        return Unified(given["result"], given["next_cursor"])

    def lines(self, query):
        """All records of a stream."""
        return Lines(self, query | {"truto_response_format": "stream"})

    async def called(self, query, headers=()):
        """The status and the body of an answer, and whether it is whole."""
        self.time += self.rng.choice((0, 0, 1, 6))
        is_zipped, sent, leaves = self.rng.random() < 0.5, [], asyncio.Event()
        headers = [(b"authorization", f"Bearer {self.token}".encode()), *headers]
        headers += [(b"accept-encoding", b"gzip")] if is_zipped else []
        text = urlencode({"integrated_account_id": self.account} | query)
        scope = {"type": "http", "method": "GET", "path": ACTIVITY, "raw_path": ACTIVITY.encode(), "headers": headers}
        scope |= {"query_string": text.encode(), "root_path": "", "scheme": "http", "server": ("t", 80)}

        async def send(message):
            sent.append(message)

        with suppress(BrokenStreamError):
            await self.app(scope, leaves.wait, send)
        start, *parts = sent
        is_whole = not parts[-1].get("more_body", False)
        data = b"".join(part["body"] for part in parts)
        if (b"content-encoding", b"gzip") in start["headers"]:
            data = zlib.decompressobj(31).decompress(data)
        return start["status"], data, is_whole


class Unified:
    """A page as a caller reads it."""

    is_looping = False

    def __init__(self, records, next_cursor):
        self.records, self.next_cursor = records, next_cursor


class Lines:
    """The records of a stream, page by page; `cursor` is the last one that came."""

    def __init__(self, service, query):
        self.service, self.query, self.cursor = service, query, query.get("next_cursor")

    async def __aiter__(self):
        status, data, is_whole = await self.service.called(self.query, [(b"prefer", b"cursors")])
        if status != 200:
            raise failure(status, json.loads(data))
        if self.service.rng.random() < 0.2:  # the caller's own connection breaks
            data, is_whole = data[: self.service.rng.randrange(len(data) + 1)], False
        page = []
        for line in data.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            given = json.loads(line)
            if [*given] != ["next_cursor"]:
                page.append(given)
                continue
            for record in page:
                yield record
            page, self.cursor = [], given["next_cursor"]
        if not is_whole:
            raise ProviderError(Diagnostic("P602", "the stream broke"))
        for record in page:
            yield record
        self.cursor = None


def failure(status, problem):
    """The error that a caller raises for a problem."""
    assert problem["status"] == status >= 400
    assert problem["truto_is_remote_error"] is (status != 400)
    found = problem["diagnostics"][0]
    assert found["code"] != "Q514" or "start again" in found["hint"]
    return ProviderError(Diagnostic(found["code"], found["message"], hint=found.get("hint")))


def check(rng):
    """One fetch through the service under random faults; gives the code of its error."""
    made = []

    def asked(gong, zone):
        made.append(Service(rng, gong, zone))
        return made[0]

    try:
        return calling.check(rng, WAYS, asked, (*calling.PASSING, "repeat-cursor"))
    finally:
        for one in made:
            one.close()
