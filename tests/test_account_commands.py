"""The commands about accounts, tokens and keys, as an operator uses them."""

import json
import os
import re
import stat
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from truto_mapper.edges.cli import app
from truto_mapper.edges.mock import KEY, SECRET, gong, listening, server
from truto_mapper.edges.mock.requests import Credential
from truto_mapper.edges.server import StoreError, credentials
from truto_mapper.edges.server.keys import new_key

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n"
GONG = ("--integration", "gong", "--base-url", "https://api.gong.io")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command on an empty store with a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUTO_MAPPER_KEY", new_key())
    monkeypatch.setenv("TRUTO_MAPPER_STORE", "sqlite:///store.db")

    def run(*words, stdin="hidden-secret\n"):
        done = CliRunner().invoke(app, [*map(str, words)], input=stdin)
        assert done.exception is None or isinstance(done.exception, SystemExit)
        return done

    return run


def added(run, *more):
    done = run("account", "add", *GONG, "--basic", "ACCESS", *more)
    assert done.exit_code == 0, done.output
    assert re.fullmatch(UUID, done.stdout)
    return done.stdout.strip()


def listed(run, what="account"):
    return json.loads(run(what, "list", "--format", "json").stdout)


def test_an_account_is_added_listed_and_removed(run):
    account_id = added(run, "--name", "Acme", "--context", "time_zone=Europe/Berlin", "--context", '{"detailed": true}')
    (about,) = listed(run)
    assert about.pop("created").endswith("Z")
    assert about.pop("key")
    context = {"time_zone": "Europe/Berlin", "detailed": True}
    assert about == {
        "id": account_id,
        "name": "Acme",
        "integration": "gong",
        "base_url": "https://api.gong.io",
        "auth": "basic",
        "context": context,
    }
    assert run("account", "remove", account_id).exit_code == 0
    assert listed(run) == []
    assert run("account", "remove", account_id).exit_code == 1


def test_no_command_shows_a_secret(run):
    added(run, "--name", "Acme")
    added(run, "--context", '{"time_zone": "UTC"}')
    for words in (["account", "list"], ["account", "list", "--format", "json"]):
        assert "hidden-secret" not in run(*words).output


def test_a_secret_comes_from_stdin_or_the_environment_and_never_from_an_argument(run, monkeypatch):
    monkeypatch.setenv("GONG_SECRET", "of the environment")
    assert run("account", "add", *GONG, "--bearer", "--secret-env", "MISSING").exit_code == 2
    assert run("account", "add", *GONG, "--bearer", stdin="").exit_code == 2
    assert run("account", "add", *GONG, "--bearer", "--secret-env", "GONG_SECRET").exit_code == 1  # it has spaces
    assert run("account", "add", *GONG, "--basic", "A", "--secret-env", "GONG_SECRET").exit_code == 0
    assert not [
        option for option in re.findall(r"--[\w-]+", run("account", "add", "--help").output) if "pass" in option
    ]


@pytest.mark.parametrize("how", [(), ("--basic", "A", "--bearer")])
def test_an_account_signs_in_in_one_way(run, how):
    done = run("account", "add", *GONG, *how)
    assert (done.exit_code, "one of --basic USER, --bearer, --oauth FILE" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ("time_zne=UTC", "did you mean `time_zone`?"),
        ("time_zone=Berlin/Europe", "expected an IANA time zone"),
        ('{"detailed": "perhaps"}', "detailed"),
    ],
)
def test_settings_that_no_mapping_takes_are_refused(run, context, said):
    done = run("account", "add", *GONG, "--basic", "A", "--context", context)
    assert (done.exit_code, said in done.stderr, listed(run)) == (1, True, [])


def test_settings_come_from_a_file_too(run, tmp_path):
    (tmp_path / "settings.yaml").write_text("time_zone: UTC\n")
    added(run, "--context", "@settings.yaml", "--context", "detailed=true")
    assert listed(run)[0]["context"] == {"time_zone": "UTC", "detailed": "true"}
    twice = run("account", "add", *GONG, "--basic", "A", "--context", "@settings.yaml", "--context", "time_zone=UTC")
    assert (twice.exit_code, 'gives "time_zone" twice' in twice.stderr) == (2, True)
    (tmp_path / "settings.yaml").write_text("- hidden-1\n")
    wrong = run("account", "add", *GONG, "--basic", "A", "--context", "@settings.yaml")
    assert (wrong.exit_code, "hidden" in wrong.output) == (2, False)


@pytest.mark.parametrize("url", ["http://api.gong.io", "https://user:pass@x.com"])
def test_a_base_url_that_no_client_takes_is_refused(run, url):
    done = run("account", "add", "--integration", "gong", "--base-url", url, "--basic", "A")
    assert (done.exit_code, "[Q520]" in done.stderr, "pass" in done.stderr.partition("hint")[0]) == (1, True, False)


def test_http_is_for_those_who_ask_for_it(run):
    done = run("account", "add", "--integration", "gong", "--base-url", "http://mock:8000", "--bearer", "--allow-http")
    assert done.exit_code == 0


OAUTH = {"token_url": "https://x/token", "client_id": "a", "client_secret": "hidden-1", "refresh_token": "hidden-2"}


@pytest.mark.parametrize(
    "data",
    [
        OAUTH | {"refresh_token": ""},
        OAUTH | {"access_token": 7},
        OAUTH | {"token_url": "http://x/hidden-3"},
        OAUTH | {"refersh_token": "hidden-4"},
        ["hidden-5"],
        None,
    ],
)
def test_oauth_data_that_cannot_renew_a_token_is_refused_and_not_quoted(data):
    with pytest.raises(StoreError, match=r"error\[S807\]") as caught:
        credentials.oauth(data)
    assert "hidden" not in str(caught.value)


def test_oauth_data_is_read_from_a_file_that_no_error_quotes(run, tmp_path):
    (tmp_path / "oauth.json").write_text(json.dumps(OAUTH)[:-1])
    done = run("account", "add", *GONG, "--oauth", "oauth.json")
    assert (done.exit_code, "oauth.json is not valid YAML or JSON at line 1" in done.stderr) == (1, True)
    assert "hidden" not in done.output
    (tmp_path / "oauth.json").write_text(json.dumps(OAUTH))
    assert run("account", "add", *GONG, "--oauth", "oauth.json").exit_code == 0
    assert listed(run)[0]["auth"] == "oauth"


def test_an_account_gets_new_credentials(run):
    account_id = added(run)
    assert run("account", "rotate", account_id, "--bearer", stdin="other\n").exit_code == 0
    assert listed(run)[0]["auth"] == "bearer"
    assert run("account", "rotate", account_id, "--keys").exit_code == 2
    assert run("account", "rotate").exit_code == 2


def test_all_accounts_get_a_new_key(run, monkeypatch):
    added(run), added(run)
    old, new = os.environ["TRUTO_MAPPER_KEY"], new_key()
    monkeypatch.setenv("TRUTO_MAPPER_KEY", new)
    assert "[S803]" in run("account", "list").stderr
    monkeypatch.setenv("TRUTO_MAPPER_KEY", f"{new},{old}")
    assert "sealed 2 accounts" in run("account", "rotate", "--keys").stderr
    monkeypatch.setenv("TRUTO_MAPPER_KEY", new)
    assert len({one["key"] for one in listed(run)}) == 1
    monkeypatch.setenv("TRUTO_MAPPER_KEY", old)
    assert "[S803]" in run("account", "list").stderr


def test_a_key_is_written_for_its_owner_alone_and_never_over_another(run, tmp_path):
    assert run("key", "--write", "key").exit_code == 0
    before = (tmp_path / "key").read_text()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert run("key", "--write", "key").exit_code == 2
    assert (tmp_path / "key").read_text() == before
    assert run("key").stdout != run("key").stdout


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_is_made_listed_and_removed(run):
    account_id = added(run)
    text = run("token", "add", "reader", "--account", account_id, "--expires", "90d").stdout.strip()
    (about,) = listed(run, "token")
    left = datetime.fromisoformat(about.pop("expires")) - datetime.now(UTC)
    assert 89 <= left.days <= 90
    assert about.pop("created")
    token_id = text.split("_")[1]
    assert about == {"id": token_id, "name": "reader", "methods": ["list", "get"], "accounts": [account_id]}
    assert text.split("_", 2)[2] not in run("token", "list").output
    assert run("token", "remove", token_id).exit_code == 0
    assert listed(run, "token") == []


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--every-account", "--account", "62f44730-dd91-461e-bd6a-aedd9e0ad79d"),
        ("--every-account", "--method", "post"),
        ("--every-account", "--expires", "soon"),
        ("--every-account", "--expires", "2020-01-01T00:00:00Z"),
        ("--every-account", "--expires", "0d"),
    ],
)
def test_a_token_says_what_it_is_for(run, words):
    done = run("token", "add", "x", *words)
    assert (done.exit_code, done.stdout) == (2, "")


# ── Trying an account ────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def serving(mock):
    """The URL of a mock that runs in a thread."""
    at = listening(0)
    running = server(mock)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [at]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{at.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()
        at.close()


@pytest.fixture(scope="module")
def gong_url():
    some = Credential.basic(KEY, "limited", ["api:stats:user-actions"])
    with serving(gong(users=3, limits=False, credentials=[Credential.basic(KEY, SECRET), some])) as url:
        yield url


def account_at(run, url, secret=SECRET):
    words = ["account", "add", "--integration", "gong", "--base-url", url, "--basic", KEY]
    return run(*words, stdin=secret + "\n").stdout.strip()


def test_an_account_that_works_says_so_and_gets_its_time_zone(run, gong_url):
    done = run("account", "test", account_at(run, gong_url))
    assert done.exit_code == 0, done.output
    assert re.search(r"gong/activity +ok +time_zone America/New_York, found and stored\n", done.stdout)
    assert re.search(r"gong/users +ok", done.stdout)
    assert listed(run)[0]["context"] == {"time_zone": "America/New_York"}
    again = json.loads(run("account", "test", listed(run)[0]["id"], "--format", "json").stdout)
    assert [one["outcome"] for one in again] == ["ok", "ok", "ok"]
    assert again[0] == {"mapping": "gong/activity", "outcome": "ok", "about": "time_zone America/New_York"}


def test_wrong_credentials_are_told_once_with_what_to_do(run, gong_url):
    done = run("account", "test", account_at(run, gong_url, "hidden-secret"))
    assert done.exit_code == 1
    assert done.stdout.count("failed") == 3
    assert done.stderr.count("gong answered 401") == 1
    assert "hidden-secret" not in done.output


def test_credentials_that_lack_a_scope_are_told_which(run, gong_url):
    done = run("account", "test", account_at(run, gong_url, "limited"))
    assert done.exit_code == 1
    assert re.search(r"gong/activity +ok", done.stdout)
    assert re.search(r"gong/users +failed", done.stdout)
    assert "api:users:read" in done.stderr


def test_a_provider_that_cannot_be_reached_is_told(run):
    done = run("account", "test", account_at(run, "http://127.0.0.1:9"))
    assert (done.exit_code, "[P614]" in done.stderr) == (1, True)


def test_an_account_that_does_not_exist_cannot_be_tried(run):
    done = run("account", "test", "62f44730-dd91-461e-bd6a-aedd9e0ad79d")
    assert (done.exit_code, "[S806]" in done.stderr) == (1, True)
