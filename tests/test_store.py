"""The store: accounts whose credentials only their own key opens, and tokens that grant no more than they say."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from truto_mapper.edges.server.access import Access
from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.keys import Keys, new_key, parse_keys, read_keys, write_key
from truto_mapper.edges.server.store import Store

BASIC = {"type": "basic", "username": "key", "password": "hidden-secret"}


@pytest.fixture
def keys():
    return parse_keys(new_key(), "a test")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/data/store.db"


@pytest.fixture
def store(url, keys):
    store = Store.open(url, keys)
    yield store
    store.close()


def both(first, second):
    return Keys([*first._keys.values(), *second._keys.values()])


def added(store, **more):
    return store.add_account("gong", "https://api.gong.io", BASIC, **more)


def test_an_account_comes_back_with_its_credentials(store):
    account_id = added(store, context={"time_zone": "Europe/Berlin"}, name="Acme")
    found = store.account(account_id.upper())
    assert (found.id, found.integration, found.credentials) == (account_id, "gong", BASIC)
    assert found.entry.context == {"time_zone": "Europe/Berlin"}
    assert store.accounts() == [found.entry]


@pytest.mark.parametrize("account_id", ["", "1", "\0", "00000000-0000-4000-8000-000000000000", "' OR 1=1 --"])
def test_an_account_that_does_not_exist_is_none(store, account_id):
    added(store)
    assert store.account(account_id) is None


def test_a_secret_is_neither_in_the_files_nor_in_a_repr(store, tmp_path):
    account_id = added(store)
    token = store.add_token("t", accounts=None)
    held = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"hidden-secret" not in held
    assert token.rpartition("_")[2].encode() not in held
    assert "hidden-secret" not in f"{store.account(account_id)!r} {store.accounts()!r} {store!r}"


def test_the_store_is_for_its_owner_alone(store, tmp_path):
    added(store)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()} == {0o600}


@pytest.mark.usefixtures("store")
def test_a_store_opens_only_with_its_own_keys(url, keys):
    other = parse_keys(new_key(), "a test")
    with pytest.raises(StoreError) as caught:
        Store.open(url, other)
    assert caught.value.code == "S803"
    assert keys.first in str(caught.value)
    assert other.first in str(caught.value)
    Store.open(url, both(other, keys)).close()


def test_sealed_credentials_do_not_open_for_another_account(store, url):
    one, other = added(store), added(store)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        database.execute(
            "UPDATE truto_mapper_accounts SET sealed = (SELECT sealed FROM truto_mapper_accounts WHERE id = ?)"
            " WHERE id = ?",
            (one, other),
        )
    database.close()
    assert store.account(one).credentials == BASIC
    with pytest.raises(StoreError, match=r"error\[S808\]"):
        store.account(other)


def test_an_account_with_another_base_url_in_the_database_gives_no_credentials(store, url):
    account_id = added(store)
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE truto_mapper_accounts SET base_url = 'https://evil.example'")
    database.close()
    with pytest.raises(StoreError, match=r"error\[S808\]"):
        store.account(account_id)


def test_what_is_remembered_stays_beside_the_settings(store):
    account_id = added(store, context={"detailed": True})
    store.remember(account_id, {"time_zone": "US/Pacific"})
    found = store.account(account_id)
    assert found.entry.context == {"detailed": True, "time_zone": "US/Pacific"}
    assert found.credentials == BASIC


def test_the_first_of_two_renewals_counts(store):
    account_id = added(store)
    first, second = BASIC | {"password": "first"}, BASIC | {"password": "second"}
    assert store.replace_credentials(account_id, first, expected=BASIC) == first
    assert store.replace_credentials(account_id, second, expected=BASIC) == first
    assert store.account(account_id).credentials == first


def test_a_rotation_seals_every_account_with_the_first_key(store, url, keys):
    ids = {added(store) for _ in range(3)}
    new = parse_keys(new_key(), "a test")
    rotating = Store.open(url, both(new, keys))
    assert set(rotating.reseal()) == ids
    assert list(rotating.reseal()) == []
    rotated = Store.open(url, new)
    assert {rotated.account(one).credentials["password"] for one in ids} == {"hidden-secret"}
    with pytest.raises(StoreError, match=r"error\[S803\]"):
        store.account(ids.pop())
    with pytest.raises(StoreError, match=r"error\[S803\]"):
        Store.open(url, keys)


def test_a_rotation_goes_on_where_it_stopped(store, url, keys):
    ids = [added(store) for _ in range(3)]
    new = parse_keys(new_key(), "a test")
    rotating = Store.open(url, both(new, keys))
    next(rotating.reseal())
    assert {rotating.account(one).credentials["password"] for one in ids} == {"hidden-secret"}
    with pytest.raises(StoreError, match=keys.first):
        Store.open(url, new)
    assert len(list(rotating.reseal())) == 2
    Store.open(url, new).close()


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_grants_its_accounts_and_methods(store):
    one, other = added(store), added(store)
    grant = store.grant(store.add_token("reader", accounts=[one.upper()]))
    assert (grant.name, grant.has_account(one), grant.has_account(other)) == ("reader", True, False)
    assert (grant.has_method("list"), grant.has_method("get"), grant.has_method("delete")) == (True, True, False)


def test_a_token_that_is_not_right_to_the_last_character_grants_nothing(store):
    token = store.add_token("t", accounts=None)
    assert store.grant(token).accounts is None
    last = "A" if token[-1] != "A" else "B"
    for wrong in (token[:-1] + last, token[:-1], token + "A", token.upper(), "", "truto_", token.replace("truto", "x")):
        assert store.grant(wrong) is None


def test_a_removed_account_is_not_granted_to_the_next_of_its_id(store):
    account_id = added(store)
    token = store.add_token("t", accounts=[account_id])
    store.remove_account(account_id)
    added(store, account_id=account_id)
    assert not store.grant(token).has_account(account_id)


def test_a_token_needs_accounts_that_exist(store):
    with pytest.raises(StoreError, match="there is no account"):
        store.add_token("t", accounts=["00000000-0000-4000-8000-000000000000"])
    assert store.tokens() == []


# ── The service's view ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_service_notices_a_removal_after_the_seconds_it_keeps_things(store):
    clock = [0.0]
    access = Access(store, seconds=2, clock=lambda: clock[0])

    async def asked():
        grant = await access.grant(token)
        return grant is not None, grant is not None and await access.account(account_id, grant) is not None

    async def run():
        assert await asked() == (True, True)
        store.remove_token(token.split("_")[1])
        clock[0] = 1.9
        assert await asked() == (True, True)
        clock[0] = 2.0
        assert await asked() == (False, False)

    account_id = added(store)
    token = store.add_token("t", accounts=[account_id])
    asyncio.run(run())


def test_a_service_finds_no_account_of_another_tenant(store):
    mine, theirs = added(store), added(store)
    token = store.add_token("t", accounts=[mine])

    async def run():
        access = Access(store)
        grant = await access.grant(token)
        return await access.account(mine, grant), await access.account(theirs, grant), await access.account("x", grant)

    found, *none = asyncio.run(run())
    assert found.credentials == BASIC
    assert none == [None, None]


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_keys_come_from_the_environment_or_a_file(tmp_path):
    key, file = new_key(), tmp_path / "key"
    first = write_key(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_keys({"TRUTO_MAPPER_KEY_FILE": str(file)}).ids == (first,)
    assert read_keys({"TRUTO_MAPPER_KEY": f"{key}, {file.read_text()}"}).ids == (parse_keys(key, "").first, first)
    assert read_keys({"TRUTO_MAPPER_KEY": key}, file).ids == (first,)


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    file = tmp_path / "key"
    write_key(file)
    file.chmod(0o644)
    with pytest.raises(StoreError, match=r"error\[S802\]"):
        read_keys({}, file)
    file.chmod(0o440)
    read_keys({}, file)


@pytest.mark.parametrize("text", ["", " , ", "secret", "AAAA", new_key()[:-4], f"{new_key()},short"])
def test_what_is_no_key_is_refused_and_not_quoted(text):
    with pytest.raises(StoreError) as caught:
        read_keys({"TRUTO_MAPPER_KEY": text})
    assert caught.value.code == "S801"
    assert not text.strip(" ,") or text not in str(caught.value)


def test_nobody_makes_a_key_by_asking(tmp_path):
    with pytest.raises(StoreError, match="cannot read the keys"):
        read_keys({}, Path(tmp_path / "missing"))
    assert list(tmp_path.iterdir()) == []
