"""`truto-mapper serve`, as a process: the demo, a real store, and what it says where it cannot start."""

import json
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager

import httpx2
import pytest
from typer.testing import CliRunner

from truto_mapper.edges.cli import app as cli
from truto_mapper.edges.server import Store
from truto_mapper.edges.server.keys import new_key, parse_keys

ACTIVITY = "/unified/conversational-intelligence/activity"
MONTH = "start_time=2026-01-01T00:00:00-05:00&end_time=2026-02-01T00:00:00-05:00"


@contextmanager
def started(*arguments):
    """A running command; at the end it is told to stop, and must."""
    command = [sys.executable, "-m", "truto_mapper.edges.cli", "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The store that the environment names."""
    key = new_key()
    monkeypatch.setenv("TRUTO_MAPPER_STORE", f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setenv("TRUTO_MAPPER_KEY", key)
    with closing(Store.open(f"sqlite:///{tmp_path}/store.db", parse_keys(key, "the test"))) as made:
        yield made


def refused(*arguments):
    """The exit code of a command that cannot start, and what it says; nothing goes to stdout."""
    done = CliRunner().invoke(cli, ["serve", *arguments])
    assert (done.stdout, "Traceback" in done.stderr) == ("", False)
    return done.exit_code, done.stderr


def test_the_demo_prints_what_a_call_needs_and_answers_it():
    with started("--demo", "--port", "0") as process:
        about = json.loads(process.stdout.readline())
        assert set(about) == {"url", "token", "integrated_account_id"}
        url = f"{about['url']}{ACTIVITY}?integrated_account_id={about['integrated_account_id']}&{MONTH}"
        headers = {"authorization": f"Bearer {about['token']}"}
        answers = [httpx2.get(f"{url}&truto_response_format={one}", headers=headers) for one in ("unified", "stream")]
        assert [one.status_code for one in answers] == [200, 200]
        assert len(answers[0].json()["result"]) == 100 < len(answers[1].text.splitlines())
        assert httpx2.get(about["url"] + "/docs").status_code == 200
        process.send_signal(signal.SIGTERM)
        lines = [json.loads(line) for line in process.stderr]
    assert {"call", "provider_request"} == {one["event"] for one in lines}
    assert about["token"] not in json.dumps(lines)
    assert process.returncode in (0, -signal.SIGTERM)


def test_a_service_has_the_accounts_and_tokens_of_its_store(store, tmp_path):
    account = store.add_account("gong", "https://gong.example", {"type": "bearer", "token": "x"})
    token, log = store.add_token("mine", accounts=[account]), tmp_path / "log"
    with started("gong/activity", "--port", "0", "--log", str(log)) as process:
        url = json.loads(process.stdout.readline())["url"]
        query = f"integrated_account_id={account}&{MONTH}&truto_skip_api_call=true"
        answer = httpx2.get(f"{url}{ACTIVITY}?{query}", headers={"authorization": f"Bearer {token}"})
        assert answer.json() == {"result": [], "next_cursor": None}
        assert httpx2.get(f"{url}{ACTIVITY.replace('activity', 'users')}").status_code == 404
    assert [json.loads(line)["event"] for line in log.read_text().splitlines()] == ["call", "call"]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["gong/activty"], 2, 'there is no mapping "gong/activty"'),
        (["--demo", "--store", "sqlite:///mine.db"], 2, "--demo has a store and a key of its own"),
        (["--cors", "*"], 2, "--cors must be an origin such as https://app.example.com"),
        (["--cors", "https://a.example/"], 2, "--cors must be an origin"),
        (["--store", "mysql://x"], 1, "S804"),
        (["gong/users", "--redis", "http://x"], 1, "Q520"),
        (["gong/users", "gong/users"], 1, "two mappings serve"),
        (["--host", "no.such.host.invalid"], 2, "cannot listen at no.such.host.invalid"),
        (["--log", "/nowhere/log"], 2, "/nowhere/log"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_start_says_why(arguments, code, told):
    given, said = refused("--port", "0", *arguments)
    assert (given, told in said) == (code, True)


@pytest.mark.usefixtures("store")
def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = refused("--port", port)
    assert (code, f"cannot listen at 127.0.0.1, port {port}: " in said) == (2, True)


@pytest.mark.usefixtures("store")
def test_a_service_without_the_key_of_its_store_does_not_start(monkeypatch):
    monkeypatch.setenv("TRUTO_MAPPER_KEY", new_key())
    assert "S803" in refused("--port", "0")[1]
    monkeypatch.delenv("TRUTO_MAPPER_KEY")
    assert "S801" in refused("--port", "0")[1]
