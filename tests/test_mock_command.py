"""The command that runs a provider on this machine."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx2
import pytest
from typer.testing import CliRunner

from truto_mapper.edges import cli

COMMAND = [sys.executable, "-m", "truto_mapper.edges.cli", "mock"]


@contextmanager
def running(*arguments, **more):
    """A mock in another process, until the end of the block; it ends by Ctrl-C without a traceback."""
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, **more) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
    assert "Traceback" not in said


@pytest.fixture(scope="module")
def told():
    """What a mock that runs says of itself to a person."""
    outer, inner = pty.openpty()
    with running("gong", "--port", "0", "--zone", "Asia/Tokyo", "--key", "a:b", "--token", "t", stdout=inner):
        text = ""
        while "toDate" not in text:
            text += os.read(outer, 4096).decode()
        yield text
    os.close(inner)
    os.close(outer)


def test_a_person_is_told_where_the_mock_is_and_a_line_to_copy(told):
    (line,) = re.findall(r"curl -u (\S+):(\S+) (http://127\.0\.0\.1:\d+\S+) \\\s+-H '.*' -d '(.*)'", told)
    key, secret, url, body = line
    assert "the time zone of its company is Asia/Tokyo" in told
    reply = httpx2.post(url, content=body, auth=(key, secret))
    assert (reply.status_code, reply.json()["timeZone"]) == (200, "Asia/Tokyo")
    (token,) = re.findall(r"token +(\S+)", told)
    assert httpx2.post(url, content=body, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_a_program_reads_where_the_mock_of_any_mapping_is_from_one_line_of_json():
    with running("gong/users", "--port", "0", stdout=subprocess.PIPE) as process:
        url = json.loads(process.stdout.readline())["url"]
        assert httpx2.get(f"{url}/v2/users", params={"includeAvatars": "false"}).json()["users"]


WRONG = {
    "a zone": (["gong", "--zone", "Mars/Olympus"], "--zone must be an IANA time zone"),
    "a key without a secret": (["gong", "--key", "k"], "--key must be KEY:SECRET"),
    "a scope": (["gong", "--token", "t=api:all"], "api:users:read"),
    "too many users": (["gong", "--users", "0"], "--users"),
    "no mapping": (["gnog"], "there is no mapping"),
    "an option of gong": (["gong/users", "--users", "3", "--no-limits"], "--users, --no-limits: only"),
    "no file of faults": (["gong", "--faults", "nowhere.yaml"], "cannot read nowhere.yaml"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage_is_refused_before_anything_runs(name):
    arguments, words = WRONG[name]
    done = CliRunner().invoke(cli.app, ["mock", *arguments])
    assert (done.exit_code, words in done.output) == (2, True), done.output


def test_a_port_that_is_taken_is_wrong_usage(told):
    done = CliRunner().invoke(cli.app, ["mock", "gong", "--port", re.search(r"127.0.0.1:(\d+)", told)[1]])
    assert done.exit_code == 2
    assert "choose another" in done.output


def test_mistakes_in_the_rules_are_findings(tmp_path):
    (tmp_path / "faults.yaml").write_text("rules:\n  - {fault: slw}\n")
    done = CliRunner().invoke(cli.app, ["mock", "gong", "--faults", str(tmp_path / "faults.yaml")])
    assert done.exit_code == 1
    assert "faults.yaml:2:13" in done.output
    assert "did you mean `slow`?" in done.output
