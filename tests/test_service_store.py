"""The service and its store: what a change in the store means for callers, and what they are told when it is gone."""

import signal
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import httpx2
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from truto_mapper import load
from truto_mapper.edges import cli, mock
from truto_mapper.edges.server import Store, app, callers, credentials
from truto_mapper.edges.server.keys import Keys, new_key, parse_keys

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACTIVITY = "/unified/conversational-intelligence/activity"
MONTH = "start_time=2026-01-01T00:00:00-05:00&end_time=2026-02-01T00:00:00-05:00"
GOOD, BAD = (credentials.basic(mock.KEY, secret) for secret in (mock.SECRET, "no longer"))


class World:
    """A service on a store, with a provider that counts its calls, and a clock for what the service keeps."""

    def __init__(self, store, gong, mapper):
        self.store, self.asked, self.clock, self.log = store, 0, 0.0, []
        self.account = store.add_account(
            "gong", "https://gong.example", GOOD, context={"time_zone": "America/New_York"}
        )
        self.token = store.add_token("ours", accounts=[self.account])
        made = app([mapper], store, transport=self.counted(gong), log=self.log.append, now=lambda: NOW, clock=self.time)
        self.client = TestClient(made)

    def time(self):
        return self.clock

    def counted(self, gong):
        inner = httpx2.ASGITransport(gong)

        class Counted(httpx2.AsyncBaseTransport):
            async def handle_async_request(_, request):  # noqa: N805
                self.asked += 1
                return await inner.handle_async_request(request)

        return Counted()

    def call(self, query=MONTH, path=ACTIVITY):
        headers = {"authorization": f"Bearer {self.token}"}
        return self.client.get(f"{path}?integrated_account_id={self.account}&{query}", headers=headers)


@pytest.fixture(scope="module")
def gong():
    return mock.gong(users=60, limits=False, now=lambda: NOW)


@pytest.fixture(scope="module")
def keys():
    return parse_keys(new_key(), "a test")


@pytest.fixture(scope="module")
def mapper(keys):
    return load("gong/activity", cursor_key=keys.cursor_keys)


@pytest.fixture
def world(tmp_path, keys, gong, mapper):
    with closing(Store.open(f"sqlite:///{tmp_path}/store.db", keys)) as store:
        world = World(store, gong, mapper)
        with world.client:
            yield world


def test_ten_pages_cut_out_of_one_of_the_provider_cost_one_call(world):
    ids, cursor = [], ""
    for _ in range(10):
        answer = world.call(f"{MONTH}&limit=5&next_cursor={cursor}" if cursor else f"{MONTH}&limit=5").json()
        ids += [one["id"] for one in answer["result"]]
        cursor = answer["next_cursor"]
    assert (len(set(ids)), world.asked) == (50, 1)


def test_a_removed_token_is_refused_after_two_seconds(world):
    assert world.call().status_code == 200
    world.store.remove_token(world.token.split("_")[1])
    world.clock += 2
    assert world.call().status_code == 401


def test_a_removed_account_is_404_after_two_seconds(world):
    assert world.call().status_code == 200
    world.store.remove_account(world.account)
    world.clock += 2
    assert world.call().status_code == 404


def test_new_credentials_count_after_two_seconds(world):
    assert world.call().status_code == 200
    world.store.replace_credentials(world.account, BAD)
    world.clock += 2
    assert world.call().status_code == 401
    assert world.call().json()["truto_is_remote_error"] is True


def test_a_new_key_stops_no_service_that_has_both(tmp_path, keys, gong, mapper):
    url, new = f"sqlite:///{tmp_path}/store.db", parse_keys(new_key(), "a test")
    with ExitStack() as stack:
        store = stack.enter_context(closing(Store.open(url, Keys([*keys._keys.values(), *new._keys.values()]))))
        world = World(store, gong, mapper)
        stack.enter_context(world.client)
        cursor = world.call(f"{MONTH}&limit=5").json()["next_cursor"]
        rotating = stack.enter_context(closing(Store.open(url, Keys([*new._keys.values(), *keys._keys.values()]))))
        assert len(list(rotating.reseal())) == 1
        world.clock += 2
        assert world.call(f"{MONTH}&limit=5&next_cursor={cursor}").status_code == 200
        assert world.client.get("/readyz").status_code == 200


def test_a_database_that_is_gone_is_503_and_lets_nobody_in(postgres, keys, gong, mapper):
    postgres.empty()
    with closing(Store.open(postgres.url, keys)) as store:
        world = World(store, gong, mapper)
        with world.client:
            assert (world.call().status_code, world.client.get("/readyz").status_code) == (200, 200)
            postgres.kill()
            world.clock += 2
            answer = world.call()
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert (answer.json()["diagnostics"][0]["code"], answer.json()["detail"]) == (
                "S804",
                "the store cannot be used",
            )
            assert str(postgres.port) not in answer.text + world.client.get("/readyz").text
            (told,) = {one["message"] for one in world.log if one["event"] == "store"}
            assert {tuple(one["codes"]) for one in world.log if one["event"] == "store"} == {("S804",)}
            assert f"cannot use the store postgresql://tester@127.0.0.1:{postgres.port}/postgres: " in told
            assert (world.client.get("/readyz").status_code, world.client.get("/healthz").status_code) == (503, 200)
            postgres.start()
            assert (world.call().status_code, world.client.get("/readyz").status_code) == (200, 200)
    postgres.empty()


def test_a_database_that_hangs_is_503_and_stops_nobody_else(postgres, keys, gong, mapper, monkeypatch):
    postgres.empty()
    with closing(Store.open(postgres.url, keys)) as store:
        world = World(store, gong, mapper)
        with world.client:
            assert world.call().status_code == 200
            postgres.signal(signal.SIGSTOP)
            monkeypatch.setattr(callers, "PATIENCE", 0.2)
            assert world.call().status_code == 200  # a moment ago it was right
            world.clock += 2
            assert [world.call().status_code for _ in range(6)] == [503] * 6
            assert world.client.get("/healthz").status_code == 200
            postgres.signal(signal.SIGCONT)
            monkeypatch.undo()
            assert world.call().status_code == 200
            while store._database._engine.pool.checkedout():  # by threads whose callers had their answer long ago
                time.sleep(0.01)
    postgres.empty()


def test_a_service_with_other_keys_does_not_start(tmp_path, keys):
    url, other = f"sqlite:///{tmp_path}/store.db", new_key()
    Store.open(url, keys).close()
    words = ["serve", "--store", url, "--port", "0"]
    done = CliRunner().invoke(cli.app, words, env={"TRUTO_MAPPER_KEY": other})
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"error[S803]: {url} is sealed with key {keys.first}" in done.stderr
    assert other not in done.stderr
