"""The pages that a limit cuts out of one reply of the provider cost one request, and nobody else sees that reply."""

import asyncio
import json

import pytest

from truto_mapper import Response, load
from truto_mapper.edges.client import Account, AsyncClient, Basic, Limiter
from truto_mapper.edges.server.replies import Replies

JANUARY = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}


class Gong:
    """Two pages of users, and the requests for them."""

    def __init__(self, users=25, status=200):
        self.sent, self.users, self.status = [], users, status

    async def __call__(self, sent):
        await asyncio.sleep(0)
        cursor = json.loads(sent.content).get("cursor")
        self.sent.append(cursor)
        if self.status != 200:
            return Response(b'{"errors": ["slow down"]}', self.status, [])
        first = 0 if cursor is None else self.users
        rows = [{"userId": str(first + n), "userAggregateActivityStats": {"callsAsHost": n}} for n in range(self.users)]
        records = {"totalRecords": 2 * self.users} | ({"cursor": "two"} if cursor is None else {})
        body = {"usersAggregateActivityStats": rows, "records": records, "timeZone": "UTC"}
        return Response(json.dumps(body).encode(), 200, [])


@pytest.fixture(scope="module")
def mapper():
    return load("gong/activity", cursor_key="a key of sixteen bytes")


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def replies(clock):
    return Replies(seconds=5, clock=lambda: clock[0])


def client(mapper, gong, replies):
    account = Account("https://api.gong.io", Basic("key", "secret"), {"time_zone": "UTC"}, "one")
    limiter = Limiter()
    return AsyncClient(mapper, account, transport=gong, around=replies.of_client(), rate_limits=[], limiter=limiter)


async def pages(client, limit, cursor=None, count=1000):
    """Up to so many pages of a limit; their records and the cursor of the next one."""
    records = []
    while count:
        page = await client.list(JANUARY | {"limit": limit} | ({"next_cursor": cursor} if cursor else {}))
        records += page.records
        cursor, count = page.next_cursor, count - 1
        if cursor is None:
            break
    return records, cursor


def test_the_pages_cut_out_of_a_reply_cost_one_request(mapper, replies):
    gong = Gong()
    records, _ = asyncio.run(pages(client(mapper, gong, replies), 5))
    assert [one["user"]["id"] for one in records] == [str(n) for n in range(50)]
    assert gong.sent == [None, "two"]


def test_a_kept_reply_takes_no_turn_at_the_limit_of_the_provider(mapper, replies):
    gong = Gong()
    account = Account("https://api.gong.io", None, {"time_zone": "UTC"}, "one")
    around = replies.of_client()
    hurried = AsyncClient(mapper, account, transport=gong, around=around, rate_limits=["2/hour"], max_wait=0)
    records, _ = asyncio.run(pages(hurried, 5))
    assert len(records) == 50


def test_a_first_page_is_always_asked_for(mapper, replies):
    gong = Gong()

    async def run():
        one = client(mapper, gong, replies)
        await pages(one, 5, count=1)
        await pages(one, 5, count=1)

    asyncio.run(run())
    assert gong.sent == [None, None]


def test_a_reply_is_kept_for_its_seconds(mapper, replies, clock):
    gong = Gong()

    async def run():
        one = client(mapper, gong, replies)
        _, cursor = await pages(one, 5, count=1)
        clock[0] = 4.9
        _, cursor = await pages(one, 5, cursor, count=1)
        assert gong.sent == [None]
        clock[0] = 5.0
        await pages(one, 5, cursor, count=1)

    asyncio.run(run())
    assert gong.sent == [None, None]


def test_another_client_never_gets_the_reply(mapper, replies):
    mine, theirs = Gong(), Gong()

    async def run():
        _, cursor = await pages(client(mapper, mine, replies), 5, count=1)
        await pages(client(mapper, theirs, replies), 5, cursor, count=1)

    asyncio.run(run())
    assert (mine.sent, theirs.sent) == ([None], [None])


def test_those_who_go_on_at_the_same_time_share_one_request(mapper, replies, clock):
    gong = Gong()

    async def run():
        one = client(mapper, gong, replies)
        _, cursor = await pages(one, 5, count=1)
        clock[0] = 60
        found = await asyncio.gather(*(pages(one, 5, cursor, count=1) for _ in range(5)))
        assert {len(records) for records, _ in found} == {5}

    asyncio.run(run())
    assert gong.sent == [None, None]


def test_a_refusal_is_not_kept(mapper, replies, clock):
    gong = Gong()

    async def run():
        one = client(mapper, gong, replies)
        _, cursor = await pages(one, 5, count=1)
        clock[0], gong.status = 60, 400
        with pytest.raises(Exception, match="slow down"):
            await pages(one, 5, cursor, count=1)
        gong.status = 200
        records, _ = await pages(one, 5, cursor, count=1)
        assert len(records) == 5

    asyncio.run(run())


def test_replies_beyond_the_bound_are_forgotten(mapper):
    gong = Gong()

    async def run():
        one = client(mapper, gong, Replies(size=5_000))
        await pages(one, 5)
        assert gong.sent == [None, "two"]
        await pages(client(mapper, gong, Replies(size=2_500)), 5)

    asyncio.run(run())
    assert len(gong.sent) == 2 + 10


def test_what_no_limit_cuts_is_not_kept(mapper, replies):
    gong = Gong()

    async def run():
        one = client(mapper, gong, replies)
        await one.list(JANUARY)
        await one.list(JANUARY | {"limit": "5", "truto_response_format": "raw"})

    asyncio.run(run())
    assert not replies._kept._kept
