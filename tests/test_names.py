"""A name on the command line means the project's own mapping or spec first, in every command."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from truto_mapper import load
from truto_mapper.edges.cli import app
from truto_mapper.text import files

PERIOD = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
QUERY = ("--query", PERIOD, "--now", "2026-03-01T00:00:00Z")
ROW = {"userId": "1", "userEmailAddress": "a@example.org", "userAggregateActivityStats": {"callsAsHost": 3}}
REPLY = {"requestId": "r", "records": {}, "usersAggregateActivityStats": [ROW]}


def cli(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with its own mapping and spec under shipped names; both say something of their own."""
    home = files.home()
    shutil.copytree(home / "schemas", tmp_path / "schemas")
    (tmp_path / "mappings" / "gong").mkdir(parents=True)
    text = (home / "mappings/gong/activity.yaml").read_text("utf-8")
    mapping = tmp_path / "mappings/gong/activity.yaml"
    mapping.write_text(text.replace("calls_hosted:", "calls_led:"), "utf-8")
    spec = tmp_path / "schemas/conversational-intelligence/activity.yaml"
    spec.write_text(spec.read_text("utf-8").replace("calls_hosted:", "calls_led:"), "utf-8")
    shutil.copytree(home / "mappings/gong/activity/one-user", mapping.with_suffix("") / "one-user")
    (tmp_path / "reply.json").write_text(json.dumps(REPLY))
    monkeypatch.chdir(tmp_path)
    return tmp_path


#: What each command says when it reads the project's own files.
COMMANDS = [
    (("map", "gong/activity", "reply.json", *QUERY), '"calls_led": 3'),
    (("plan", "gong/activity", *QUERY), '"path": "/v2/stats/activity/aggregate"'),
    (("show", "gong/activity"), "calls_led"),
    (("check", "gong/activity", "--format", "junit"), "mappings/gong/activity.yaml"),
    (("test", "gong/activity"), "calls_led"),
    (("coverage", "gong/activity"), "calls_led"),
    (("docs", "gong/activity"), "calls_led"),
    (("explain", "gong/activity", "reply.json", "metrics.calls_led", *QUERY), "mappings/gong/activity.yaml"),
    (("drift", "gong/activity", "reply.json", "--endpoint", "aggregate", "--write"), "aggregate"),
    (("diff", "gong/activity", files.home() / "mappings/gong/activity.yaml"), "calls_led"),
    (("schema", "conversational-intelligence/activity"), "calls_led"),
    (("diff", "conversational-intelligence/activity", "schemas/conversational-intelligence/activity.yaml"), "nothing"),
    (("record", "gong/activity", "reply.json", "--case", "mine"), "mappings/gong/activity/mine"),
]


@pytest.mark.parametrize(("arguments", "said"), COMMANDS, ids=lambda one: str(one[0]) if isinstance(one, tuple) else "")
def test_each_command_reads_the_project_first(project, arguments, said):
    assert project.is_dir()
    done = cli(*arguments)
    assert said in done.output, done.output


def test_a_schema_is_written_beside_the_spec_that_the_name_means(project):
    done = cli("schema", "conversational-intelligence/activity", "--write")
    assert "schemas/conversational-intelligence/activity.record.schema.json" in done.stdout
    made = project / "schemas/conversational-intelligence/activity.record.schema.json"
    assert "calls_led" in made.read_text("utf-8")


def test_an_unknown_name_is_compared_with_those_of_the_project(project):
    (project / "mappings/acme").mkdir()
    shutil.copy(project / "mappings/gong/activity.yaml", project / "mappings/acme/deals.yaml")
    done = cli("map", "acme/deal", "reply.json")
    assert (done.exit_code, "did you mean `acme/deals`?" in done.stderr) == (2, True), done.stderr


def test_the_library_reads_what_is_shipped_wherever_it_runs(project):
    assert project.is_dir()
    assert "calls_hosted" in load("gong/activity").show()
