"""`truto-mapper fetch`: complete, or resumable; and accounts in files, whose mistakes quote no secret."""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from truto_mapper import ProviderError, QueryError, load
from truto_mapper.edges import cli
from truto_mapper.edges.client import Account, Basic, Bearer, Client
from truto_mapper.edges.client.account_file import read_account
from truto_mapper.edges.client.resuming import Progress
from truto_mapper.edges.mock import KEY, SECRET, gong, listening, server
from truto_mapper.text.source import Source

QUERY = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-15T00:00:00Z&aggregation_period=week"
FAST = "rate_limits: []\n"

#: From the fourth call on a page is slow, so that there is time to be killed in.
SLOW = "rules:\n  - {fault: slow, seconds: 0.3, path: '*period'}\n"
#: The third page is refused, once.
BROKEN = "rules:\n  - {fault: half-json, path: '*period', calls: [3]}\n"


@pytest.fixture(scope="module")
def at():
    """Starts mocks at sockets; gives the URL of one with some faults."""
    running = []

    def start(faults="rules: []\n"):
        socket = listening(0)
        made = server(gong(users=480, limits=False, faults=Source("faults.yaml", faults)))
        thread = threading.Thread(target=made.run, kwargs={"sockets": [socket]})
        thread.start()
        running.append((made, thread, socket))
        return f"http://127.0.0.1:{socket.getsockname()[1]}"

    yield start
    for made, thread, socket in running:
        made.should_exit = True
        thread.join()
        socket.close()


@pytest.fixture(scope="module")
def url(at):
    return at()


@pytest.fixture(scope="module")
def whole(url):
    """The ids of all records, in order."""
    text = json.dumps({"base_url": url, "auth": {"basic": {"username": KEY, "password": SECRET}}})
    named = ["fetch", "gong/activity", "--account", "ACCOUNT", "--query", QUERY]
    found = ids(CliRunner().invoke(cli.app, named, env={"ACCOUNT": text}).stdout)
    assert len(set(found)) == len(found) > 500
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("fast.yaml").write_text(FAST)


def account(url):
    auth = {"basic": {"username": KEY, "password": SECRET}}
    Path("account.yaml").write_text(json.dumps({"base_url": url, "auth": auth}))
    return ["fetch", "gong/activity", "--account", "account.yaml", "--overlay", "fast.yaml"]


def fetch(url, *more, query=QUERY):
    return CliRunner().invoke(cli.app, [*account(url), "--query", query, *more])


def ids(text):
    return [json.loads(line)["id"] for line in text.splitlines()]


def test_records_go_to_a_file(url, whole):
    written = fetch(url, "-o", "out.ndjson")
    assert ids(Path("out.ndjson").read_text("utf-8")) == whole
    assert written.stdout == ""
    assert written.stderr.endswith(f"out.ndjson is complete: {len(whole):,} records\n")
    assert sorted(path.name for path in Path().iterdir()) == ["account.yaml", "fast.yaml", "out.ndjson"]


def test_the_other_formats_are_one_page(url):
    found = json.loads(fetch(url, "--format", "unified", query=f"{QUERY}&limit=3").stdout)
    assert len(found["result"]) == 3
    assert found["next_cursor"].startswith("truto2.")
    assert json.loads(fetch(url, "--format", "debug").stdout)["debug"]["requestUrl"].startswith(f"{url}/v2/stats")


def test_what_failed_goes_on_where_it_was(at, whole):
    broken = at(BROKEN)
    failed = fetch(broken, "-o", "out.ndjson", "--resume", "state.json")
    assert (failed.exit_code, "run the same command again to go on" in failed.stderr) == (1, True)
    with Path("out.ndjson.part").open("ab") as file:
        file.write(b'{"id": "half a line that was not whole when the machine failed')
    done = fetch(broken, "-o", "out.ndjson", "--resume", "state.json")
    assert done.exit_code == 0, done.stderr
    assert ids(Path("out.ndjson").read_text("utf-8")) == whole
    assert not Path("state.json").exists()


def test_without_a_resume_file_what_failed_is_no_result(at):
    failed = fetch(at(BROKEN), "-o", "out.ndjson")
    assert failed.exit_code == 1
    assert not Path("out.ndjson").exists()
    assert "out.ndjson.part has the first" in failed.stderr


def test_a_failure_on_stdout_says_the_cursor_to_go_on_from(at, whole):
    broken = at(BROKEN)
    failed = fetch(broken)
    cursor = re.search(r"next_cursor=(\S+)", failed.stderr)[1]
    rest = fetch(broken, query=f"{QUERY}&next_cursor={cursor}")
    assert ids(failed.stdout) + ids(rest.stdout) == whole


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_killed_at_any_moment_goes_on(at, url, whole, kill):
    command = [sys.executable, "-m", "truto_mapper.edges.cli", *account(at(SLOW)), "--query", QUERY]
    command += ["-o", "out.ndjson", "--resume", "state.json"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not Path("state.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(kill)
    _, said = process.communicate()
    assert ("run the same command again to go on" in said) is (kill is signal.SIGINT)
    state = json.loads(Path("state.json").read_text("utf-8"))
    assert 0 < state["bytes"] <= Path("out.ndjson.part").stat().st_size
    assert fetch(url, "-o", "out.ndjson", "--resume", "state.json").exit_code == 0
    assert ids(Path("out.ndjson").read_text("utf-8")) == whole


def test_a_complete_file_stays_until_the_next_one_is_complete(url, at, whole):
    resumable = "-o", "out.ndjson", "--resume", "state.json"
    assert fetch(url, *resumable).exit_code == 0
    assert fetch(at(BROKEN), *resumable).exit_code == 1
    assert ids(Path("out.ndjson").read_text("utf-8")) == whole
    assert fetch(url, *resumable).exit_code == 0
    assert ids(Path("out.ndjson").read_text("utf-8")) == whole
    assert not Path("out.ndjson.part").exists()


def test_the_resume_file_of_another_query_is_refused(url):
    Path("state.json").write_text("[]")
    strange = fetch(url, "-o", "out.ndjson", "--resume", "state.json")
    assert (strange.exit_code, "is not a file that --resume wrote" in strange.stderr) == (1, True)
    kept = Progress.of(Path("kept.json"), "gong/activity", QUERY)
    with kept.opened(Path("out.ndjson")) as file:
        file.write(b"{}\n")
        kept.reached(file, "truto2.x", 1)
    with pytest.raises(QueryError, match="is of another mapping or query"):
        Progress.of(Path("kept.json"), "gong/activity", f"{QUERY}&users[]=1")
    again = Progress.of(Path("kept.json"), "gong/activity", QUERY)
    assert (again.bytes, again.records, again.query("a=1&next_cursor=old")) == (3, 1, "a=1&next_cursor=truto2.x")
    Path("out.ndjson").write_bytes(b"{}")
    with pytest.raises(QueryError, match="is shorter than it was"), again.opened(Path("out.ndjson")):
        pass
    Path("out.ndjson").unlink()
    with pytest.raises(QueryError, match="is gone"), again.opened(Path("out.ndjson")):
        pass


@pytest.mark.parametrize(
    "more", [["--resume", "s.json"], ["--resume", "s", "-o", "o", "--format", "raw"], ["--format", "x"]]
)
def test_wrong_usage_exits_with_2(more):
    assert fetch("http://127.0.0.1:1", *more).exit_code == 2


# ── Accounts ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_yaml_json_or_a_variable():
    environment = {"K": "key", "S": "secret", "A": '{"base_url": "https://b.example", "auth": {"bearer": "env:S"}}'}
    Path("a.yaml").write_text(
        "base_url: https://a.example\nauth: {basic: {username: env:K, password: env:S}}\n"
        "context: {time_zone: UTC}\nid: a\n"
    )
    found = read_account("a.yaml", environment)
    assert (found.base_url, found.auth, found.context, found.id) == (
        "https://a.example",
        Basic("key", "secret"),
        {"time_zone": "UTC"},
        "a",
    )
    for name in ("A", "env:A"):
        assert read_account(name, environment).auth == Bearer("secret")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "base_url: https://a.example\nauth: {basic: {username: hunter2, password: 12345}}",
            "a.yaml:2:45: expected text",
        ),
        ("base_url: https://a.example\nauth: {bearer: hunter2\n", "a.yaml:3:1: this is neither YAML nor JSON"),
        ("base_url: https://a.example\nauth: {token: hunter2}", "a.yaml:2:8: there is no key `token`"),
        (
            "base_url: https://a.example\nauth: {bearer: hunter2, basic: {username: a, password: b}}",
            "either basic or bearer",
        ),
        ("base_url: https://a.example\nauth: {}", "either basic or bearer"),
        ("base_url: http://a.example\nauth: {bearer: hunter2}", "is not encrypted"),
        ("base_url: https://hunter2@a.example", "this is no base URL"),
        ("base_url: https://a.example\nauth: {bearer: env:MISSING}", 'there is no variable "MISSING"'),
        ("base_url: https://a.example\nauth: {bearer: 'hunter2 x'}", "must be ASCII without spaces"),
        ("auth: {bearer: hunter2}", "`base_url` is missing"),
        ("- hunter2", "expected a mapping"),
        ("", "expected a mapping"),
    ],
)
def test_a_mistake_in_an_account_has_its_place_and_quotes_no_secret(text, told):
    Path("a.yaml").write_text(text)
    with pytest.raises(QueryError) as caught:
        read_account("a.yaml", {})
    assert caught.value.code == "Q520"
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["nothing.yaml", ".", "env:NOTHING", "a\0b"])
def test_an_account_that_cannot_be_read_is_an_error(name):
    with pytest.raises(QueryError) as caught:
        read_account(name, {})
    assert caught.value.code == "Q520"


# ── Connections ──────────────────────────────────────────────────────────────────────────────────────────────────

CUT = "rules:\n  - {fault: reset, calls: [1]}\n  - {fault: truncated, calls: [2]}\n  - {fault: gzip, calls: [3]}\n"


def test_a_connection_that_is_reset_or_cut_is_made_again(at):
    told = []
    known = Account(at(CUT), Basic(KEY, SECRET), {"time_zone": "America/New_York"})
    options = {"rate_limits": [], "on_failure": lambda _, failed: told.append(failed.error), "sleep": lambda _: None}
    with Client(load("gong/activity"), known, **options) as client:
        assert len(client.list(QUERY).records) > 100
    assert told == ["connection_closed"] * 2


def test_an_encrypted_connection_to_a_port_that_is_not_is_refused(url):
    known = Account(url.replace("http://", "https://"), Basic(KEY, SECRET), {"time_zone": "UTC"})
    options = {"rate_limits": [], "sleep": lambda _: None}
    with Client(load("gong/activity"), known, **options) as client, pytest.raises(ProviderError) as caught:
        client.list(QUERY)
    assert "no encrypted connection (TLS)" in str(caught.value)
