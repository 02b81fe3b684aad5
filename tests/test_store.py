"""The store: accounts whose credentials only their own key opens, and tokens that grant no more than they say."""

import stat
import subprocess
import sys
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import killing
import pytest
from sqlalchemy import text

from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.keys import Keys, new_key, parse_keys, read_keys, write_key
from truto_mapper.edges.server.store import Store

BASIC = {"type": "basic", "username": "key", "password": "hidden-secret"}


@pytest.fixture
def keys():
    return parse_keys(new_key(), "a test")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty store, in each kind of database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/store.db"
        return
    postgres = request.getfixturevalue("postgres")
    yield postgres.url
    postgres.empty()


#: What is about files is tried with SQLite alone.
in_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
def opened(url):
    """Opens the store with some keys; it is closed at the end."""
    with ExitStack() as stack:
        yield lambda keys: stack.enter_context(closing(Store.open(url, keys)))


@pytest.fixture
def store(opened, keys):
    return opened(keys)


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


@in_sqlite
def test_a_secret_is_neither_in_the_files_nor_in_a_repr(store, tmp_path):
    account_id = added(store)
    token = store.add_token("t", accounts=None)
    held = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert b"hidden-secret" not in held
    assert token.rpartition("_")[2].encode() not in held
    assert "hidden-secret" not in f"{store.account(account_id)!r} {store.accounts()!r} {store!r}"


@in_sqlite
def test_the_store_is_for_its_owner_alone(store, tmp_path):
    added(store)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()} == {0o600}


@pytest.mark.usefixtures("store")
def test_a_store_opens_only_with_its_own_keys(opened, keys):
    other = parse_keys(new_key(), "a test")
    with pytest.raises(StoreError) as caught:
        opened(other)
    assert caught.value.code == "S803"
    assert keys.first in str(caught.value)
    assert other.first in str(caught.value)
    opened(both(other, keys))


def tampered(store, statement, **values):
    """Change the database behind the back of the store."""
    with store._database.changing() as connection:
        connection.execute(text(statement), values)


def test_sealed_credentials_do_not_open_for_another_account(store):
    one, other = added(store), added(store)
    moved = "(SELECT sealed FROM truto_mapper_accounts WHERE id = :one)"
    tampered(store, f"UPDATE truto_mapper_accounts SET sealed = {moved} WHERE id = :other", one=one, other=other)
    assert store.account(one).credentials == BASIC
    with pytest.raises(StoreError, match=r"error\[S808\]"):
        store.account(other)


def test_an_account_with_another_base_url_in_the_database_gives_no_credentials(store):
    account_id = added(store)
    tampered(store, "UPDATE truto_mapper_accounts SET base_url = 'https://evil.example'")
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


def test_one_process_renews_a_token_at_a_time_and_one_that_died_does_not_block_for_ever(url, keys):
    clock = [1_000.0]
    with closing(Store.open(url, keys, now=lambda: clock[0])) as store:
        account_id = added(store)
        assert store.begin_renewal(account_id, 30)
        assert not store.begin_renewal(account_id, 30)
        clock[0] = 1_030.0
        assert store.begin_renewal(account_id, 30)
        store.end_renewal(account_id)
        assert store.begin_renewal(account_id, 30)


def test_a_token_grants_nothing_after_its_end(url, keys):
    clock = [1_000.0]
    with closing(Store.open(url, keys, now=lambda: clock[0])) as store:
        token = store.add_token("t", accounts=None, expires=datetime.fromtimestamp(2_000, UTC))
        clock[0] = 1_999.0
        assert store.grant(token)
        clock[0] = 2_000.0
        assert store.grant(token) is None


def test_a_rotation_seals_every_account_with_the_first_key(store, opened, keys):
    ids = {added(store) for _ in range(3)}
    new = parse_keys(new_key(), "a test")
    rotating = opened(both(new, keys))
    assert set(rotating.reseal()) == ids
    assert list(rotating.reseal()) == []
    rotated = opened(new)
    assert {rotated.account(one).credentials["password"] for one in ids} == {"hidden-secret"}
    with pytest.raises(StoreError, match=r"error\[S803\]"):
        store.account(ids.pop())
    with pytest.raises(StoreError, match=r"error\[S803\]"):
        opened(keys)


def test_a_rotation_goes_on_where_it_stopped(store, opened, keys):
    ids = [added(store) for _ in range(3)]
    new = parse_keys(new_key(), "a test")
    rotating = opened(both(new, keys))
    next(rotating.reseal())
    assert {rotating.account(one).credentials["password"] for one in ids} == {"hidden-secret"}
    with pytest.raises(StoreError, match=keys.first):
        opened(new)
    assert len(list(rotating.reseal())) == 2
    opened(new)


def test_keys_of_another_store_are_found_out_before_there_is_an_account(store, opened, keys):
    tampered(store, "UPDATE truto_mapper_checks SET sealed = :sealed", sealed=b"0" * 46)
    with pytest.raises(StoreError, match=r"error\[S803\].*was changed: the check of key"):
        opened(keys)


def test_a_store_of_a_newer_release_is_refused(store, opened, keys):
    tampered(store, "UPDATE truto_mapper_schema SET version = 2")
    with pytest.raises(StoreError, match=r"error\[S805\].*version 2 of the tables"):
        opened(keys)


def test_an_account_has_an_id_once(store):
    account_id = added(store)
    with pytest.raises(StoreError, match=r"error\[S806\].*exists already"):
        added(store, account_id=account_id.upper())
    with pytest.raises(StoreError, match=r"error\[S806\].*must be a UUID"):
        added(store, account_id="acme")


# ── Several processes, killed and stopped ────────────────────────────────────────────────────────────────────────


def test_a_kill_at_any_moment_loses_nothing_that_was_answered(url):
    Path(url.removeprefix("sqlite:///")).parent.mkdir(exist_ok=True) if url.startswith("sqlite") else None
    tries = "6" if url.startswith("sqlite") else "2"
    script = [sys.executable, killing.__file__, url, "--tries", tries]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_password_in_the_url_of_the_store_is_not_shown(keys):
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql://me:hidden-secret@127.0.0.1:1/none", keys)
    assert "me:***@127.0.0.1" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "store.db", "mysql://u:hidden-secret@h/d", "sqlite://", "sqlite:///:memory:", "://hidden-secret@"]
)
def test_a_url_of_no_store_is_refused_and_not_quoted(url, keys):
    with pytest.raises(StoreError, match=r"error\[S804\]") as caught:
        Store.open(url, keys)
    assert "hidden-secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path, keys):
    (tmp_path / "store.db").write_text("hello " * 1000)
    with pytest.raises(StoreError, match=r"error\[S804\].*not a database"):
        Store.open(f"sqlite:///{tmp_path}/store.db", keys)
    assert (tmp_path / "store.db").read_text() == "hello " * 1000


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


@pytest.mark.parametrize("text", ["", " , ", "secret", "AAAA", "A" * 40, "A" * 43 + "=,short"])
def test_what_is_no_key_is_refused_and_not_quoted(text):
    with pytest.raises(StoreError) as caught:
        read_keys({"TRUTO_MAPPER_KEY": text})
    assert caught.value.code == "S801"
    assert not text.strip(" ,") or text not in str(caught.value)


def test_nobody_makes_a_key_by_asking(tmp_path):
    with pytest.raises(StoreError, match="cannot read the keys"):
        read_keys({}, Path(tmp_path / "missing"))
    assert list(tmp_path.iterdir()) == []
