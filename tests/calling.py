"""Calls of the client while the provider fails at random: complete, or an error from which they go on."""

import asyncio
import datetime as dt
import json
from functools import cache
from pathlib import Path

import httpx2

from truto_mapper import MapperError, Source, load
from truto_mapper.edges.client import Account, AsyncClient, Basic, Retries
from truto_mapper.edges.mock import KEY, SECRET, gong
from truto_mapper.engine.encoded import Encoded

ROOT = Path(__file__).parents[1]
GONG = load("gong/activity")
NOON = dt.datetime(2026, 6, 1, 16, tzinfo=dt.UTC)
PERIOD = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-15T00:00:00Z"}

#: How the records are fetched: page by page with a limit, all pages, all lines, all records.
WAYS = (1, 7, 100, None, "pages", "stream_bytes", "records")
SIZES = (1, 3, 20, 99, 100, 101, 130, 230)

#: What goes wrong and passes; what changes the data; what no try can mend.
PASSING = ("429", "500", "503", "reset", "truncated", "half-json", "gzip", "content-type", "slow, seconds: 0")
PASSING += ("repeat-cursor",)
CHANGING, LASTING = ("changed",), ("redirect",)

#: The codes of failures that may last, where pages stay as they are and where they change.
CODES = {"P601", "P602", "P604", "P614", "P617"}, {"P601", "P602", "P604", "P614", "P617", "Q514"}

#: How often a fetch goes on after a failure before that counts as lasting.
AGAIN = 12


class LoopingError(Exception):
    """A page leads back: the provider does not page as it should."""


def rules(rng, faults, probability):
    """A file of rules by which calls fail."""
    lines = [f"  - {{fault: {one}, probability: {probability / len(faults):.3f}}}\n" for one in faults]
    return Source("faults.yaml", f"seed: {rng.randrange(10**6)}\nrules:\n{''.join(lines)}")


def client(app, zone="America/New_York", **options):
    """A client of a mock in this process, which does not wait."""
    account = Account("https://api.gong.io", Basic(KEY, SECRET), {"time_zone": zone} if zone else {})
    made = {"rate_limits": [], "now": lambda: NOON, "retries": Retries(attempts=2), "sleep": at_once} | options
    return AsyncClient(GONG, account, transport=httpx2.ASGITransport(app), **made)


async def at_once(_):
    """No wait."""


class Fetch:
    """Fetches all records in one of the ways, and goes on after a failure: their ids, in order."""

    def __init__(self, asked, way, query):
        self.asked, self.way, self.query = asked, way, query
        self.found, self.cursor = [], None

    async def go(self):
        """Everything that is missing. Raises what the client raises."""
        if isinstance(self.way, str):
            await self._streamed()
        else:
            await self._paged()

    async def go_on(self):
        """The same, after failures too. Raises the last failure."""
        for number in range(AGAIN):
            try:
                await self.go()
            except MapperError as error:
                if error.code == "Q514" or number == AGAIN - 1:
                    raise
            else:
                return

    def _left(self):
        return self.query | ({} if self.cursor is None else {"next_cursor": self.cursor})

    async def _streamed(self):
        results = getattr(self.asked, self.way)(self._left())
        try:
            async for one in results:
                self.found += _ids(one)
        finally:
            self.cursor = results.cursor

    async def _paged(self):
        limit = {} if self.way is None else {"limit": self.way}
        while True:
            page = await self.asked.list(self._left() | limit)
            self.found += _ids(page)
            self.cursor = page.next_cursor
            if page.is_looping:
                raise LoopingError
            if self.cursor is None:
                return


def _ids(one):
    if isinstance(one, Encoded):
        return [json.loads(line)["id"] for line in one.body.splitlines()]
    return [record["id"] for record in one.records] if hasattr(one, "next_cursor") else [one["id"]]


@cache
def truth(users, period):
    """The ids of all records: what comes without faults, in one way."""
    return asyncio.run(_truth(users, period))


async def _truth(users, period):
    app = gong(users=users, limits=False, now=lambda: NOON)
    fetch = Fetch(client(app), "pages", PERIOD | {"aggregation_period": period})
    await fetch.go()
    return fetch.found


def check(rng, ways=WAYS, asked=client):
    """One fetch under random faults: complete, or an error after the first records. Gives the code of the error.

    `asked` makes what is asked, of a mock and a time zone.
    """
    users, period, way = rng.choice(SIZES), rng.choice(("total", "week")), rng.choice(ways)
    faults = rng.sample(PASSING, rng.randrange(1, len(PASSING) + 1)) + rng.sample(LASTING, rng.random() < 0.2)
    is_changing = way in (1, 7) and users <= 100 and rng.random() < 0.4
    if is_changing:  # and no page comes again: what comes again and is another one is not known again
        faults = [*(one for one in faults if one != "repeat-cursor"), *CHANGING]
    app = gong(users=users, limits=False, now=lambda: NOON, faults=rules(rng, faults, rng.choice((0.02, 0.2, 0.5))))
    zone = "America/New_York" if rng.random() < 0.8 else None
    expected = truth(users, period)

    async def checked():
        return await _checked(asked(app, zone), way, expected, period, is_changing=is_changing)

    return asyncio.run(checked())


async def _checked(of, way, expected, period, *, is_changing):
    fetch = Fetch(of, way, PERIOD | {"aggregation_period": period})
    try:
        await fetch.go_on()
    except (MapperError, LoopingError) as error:
        failed = getattr(error, "code", "P604")
    else:
        failed = None
    changed = [one for one in expected if one.partition("_")[0] != expected[0].partition("_")[0]]
    truths = [expected, changed] if is_changing else [expected]
    known = truths if failed is None else [one[: len(fetch.found)] for one in truths]
    assert fetch.found in known, (way, failed, len(fetch.found), len(expected))
    assert failed is None or failed in CODES[is_changing], failed
    return failed
