"""Accounts of the store at work: tokens that renew themselves, settings for each mapping."""

import asyncio
import json
import time
from contextlib import closing

import httpx2
import pytest

from truto_mapper import MapperError, Response, load
from truto_mapper.edges.client import AsyncClient
from truto_mapper.edges.server import credentials
from truto_mapper.edges.server.accounts import account_for, auth_of
from truto_mapper.edges.server.keys import new_key, parse_keys
from truto_mapper.edges.server.store import Store

DATA = {"token_url": "https://x/token", "client_id": "app", "client_secret": "hidden-1", "refresh_token": "hidden-2"}
JANUARY = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}


@pytest.fixture
def store(tmp_path):
    with closing(Store.open(f"sqlite:///{tmp_path}/store.db", parse_keys(new_key(), "a test"))) as store:
        yield store


@pytest.fixture(scope="module")
def mapper():
    return load("gong/activity")


class Issuer(httpx2.AsyncBaseTransport):
    """A token endpoint whose refresh tokens are good for one use, and a provider that takes its newest token."""

    def __init__(self, **answer):
        self.refresh, self.count, self.answer = "hidden-2", 0, answer

    async def handle_async_request(self, request):
        await asyncio.sleep(0.01)
        sent = dict(httpx2.QueryParams((await request.aread()).decode()))
        assert request.headers["authorization"] == "Basic YXBwOmhpZGRlbi0x"
        assert sent["grant_type"] == "refresh_token"
        if sent["refresh_token"] != self.refresh:
            return httpx2.Response(400, json={"error": "invalid_grant", "error_description": sent["refresh_token"]})
        self.count += 1
        self.refresh = f"hidden-refresh-{self.count}"
        token = {"access_token": f"hidden-access-{self.count}", "refresh_token": self.refresh, "expires_in": 3600}
        return httpx2.Response(200, json=token | self.answer)

    async def provide(self, sent):
        await asyncio.sleep(0)
        if sent.headers["authorization"] != f"Bearer hidden-access-{self.count}":
            return Response(b'{"errors": ["wrong token"]}', 401, [])
        return Response(json.dumps({"usersAggregateActivityStats": [{"userId": "7"}]}).encode(), 200, [])


def added(store, **more):
    return store.add_account(
        "gong", "https://api.gong.io", credentials.oauth(DATA | more), context={"time_zone": "UTC"}
    )


def client(store, mapper, account_id, issuer):
    """A client as a process of its own would have it."""
    stored = store.account(account_id)
    account = account_for(store, mapper, stored, connect=lambda: httpx2.AsyncClient(transport=issuer))
    return AsyncClient(mapper, account, transport=issuer.provide, rate_limits=[])


def test_a_token_is_renewed_and_stored(store, mapper):
    account_id, issuer = added(store), Issuer()
    page = asyncio.run(client(store, mapper, account_id, issuer).list(JANUARY))
    assert [one["user"]["id"] for one in page.records] == ["7"]
    found = store.account(account_id).credentials
    assert (found["access_token"], found["refresh_token"]) == ("hidden-access-1", "hidden-refresh-1")
    assert 3500 < found["expires_at"] - time.time() <= 3600
    asyncio.run(client(store, mapper, account_id, issuer).list(JANUARY))
    assert issuer.count == 1


def test_processes_that_renew_at_the_same_time_use_one_token(store, mapper):
    account_id, issuer = added(store), Issuer()
    clients = [client(store, mapper, account_id, issuer) for _ in range(4)]

    async def run():
        return await asyncio.gather(*(one.list(JANUARY) for one in clients))

    assert [len(page.records) for page in asyncio.run(run())] == [1] * 4
    assert issuer.count == 1
    assert store.account(account_id).credentials["refresh_token"] == "hidden-refresh-1"


def test_a_token_that_the_provider_no_longer_takes_is_renewed(store, mapper):
    account_id, issuer = added(store, access_token="hidden-old", expires_at=time.time() + 3600), Issuer()
    asyncio.run(client(store, mapper, account_id, issuer).list(JANUARY))
    assert store.account(account_id).credentials["access_token"] == "hidden-access-1"


def test_an_app_that_was_withdrawn_says_what_to_do(store, mapper):
    account_id, issuer = added(store), Issuer()
    issuer.refresh = "another"
    with pytest.raises(MapperError) as caught:
        asyncio.run(client(store, mapper, account_id, issuer).list(JANUARY))
    assert (caught.value.code, caught.value.status) == ("P618", 401)
    assert "answered 400: invalid_grant" in str(caught.value)
    assert "account rotate" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("answer", [{"access_token": None}, {"access_token": 7}])
def test_an_answer_without_a_token_is_refused(store, mapper, answer):
    account_id, issuer = added(store), Issuer(**answer)
    with pytest.raises(MapperError, match=r"error\[P618\].*has no `access_token`"):
        asyncio.run(client(store, mapper, account_id, issuer).list(JANUARY))


def test_a_token_endpoint_that_cannot_be_reached_is_told(store):
    account_id = added(store, token_url="https://127.0.0.1:9/token")
    with pytest.raises(MapperError, match=r"error\[P618\].*does not answer \(ConnectError\)"):
        asyncio.run(auth_of(store, store.account(account_id)).refresh(None))


def test_the_token_of_an_account_that_was_removed_is_not_renewed(store, mapper):
    account_id, issuer = added(store), Issuer()
    one = client(store, mapper, account_id, issuer)
    store.remove_account(account_id)
    with pytest.raises(MapperError, match=r"error\[S806\]"):
        asyncio.run(one.list(JANUARY))
    assert issuer.count == 0


def test_a_mapping_gets_the_settings_that_it_declares(store):
    given = {"time_zone": "UTC", "detailed": True, "api_key": "hidden-3"}
    account_id = store.add_account("gong", "https://api.gong.io", credentials.bearer("t"), context=given)
    stored = store.account(account_id)
    assert stored.context == given
    assert "hidden-3" not in f"{store.accounts()} {stored!r}"
    assert account_for(store, load("gong/activity"), stored).context == {"time_zone": "UTC", "detailed": True}
    assert account_for(store, load("gong/users"), stored).context == {}
