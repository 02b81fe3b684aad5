"""Every snippet of the README is run, and what it shows is what comes out."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

import truto_mapper
from truto_mapper import Source, load
from truto_mapper.authoring import diff
from truto_mapper.edges import cli
from truto_mapper.text.codes import CODES

ROOT = Path(truto_mapper.__file__).parents[1]
if not (ROOT / "README.md").is_file():
    pytest.skip("needs the project's own files, this is an installed package", allow_module_level=True)

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = [(kind, text) for kind, text in re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)]
BASH = [text.strip() for kind, text in BLOCKS if kind == "bash"]


def test_the_first_command_maps_an_example_payload_from_a_fresh_copy(tmp_path):
    ignored = shutil.ignore_patterns(".git", ".venv", "node_modules", ".hypothesis", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, tmp_path / "clone", ignore=ignored)
    quick = os.environ | {"PIP_NO_COMPILE": "1"}  # most of what is installed is not imported
    done = subprocess.run(
        BASH[0], shell=True, cwd=tmp_path / "clone", env=quick, capture_output=True, text=True, check=False
    )
    if done.returncode and "Temporary failure in name resolution" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    assert '"calls_hosted": 12' in done.stdout


def test_ci_runs_the_second_command():
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == BASH[1]


def test_the_python_snippets_run_one_after_another():
    namespace = {}
    snippets = [text for kind, text in BLOCKS if kind == "python"]
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), namespace)
    assert len(snippets) == 3


@pytest.mark.parametrize("block", [text for kind, text in BLOCKS if kind == "console"], ids=lambda b: b.split()[2])
def test_the_commands_print_what_is_shown(block):
    command, shown = block.split("\n", 1)
    arguments = shlex.split(command.removeprefix("$ truto-mapper "))
    done = subprocess.run(
        [sys.executable, "-m", "truto_mapper.edges.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout + done.stderr).startswith(shown)


def test_the_example_mapping_loads_and_maps(tmp_path):
    (mapping,) = [text for kind, text in BLOCKS if kind == "yaml" and "endpoints:" in text and "version:" in text]
    (tmp_path / "mine.yaml").write_text(mapping)
    page = load(tmp_path / "mine.yaml").map(
        {"usersAggregateActivityStats": [{"userId": "1", "userAggregateActivityStats": {"callsAsHost": 2}}]}
    )
    assert page.records[0]["metrics"] == {"calls_hosted": 2}


DEALS = """\
version: 1
integration: acme
unified_model: crm
resource: deal
method: list
endpoints:
  all:
    path_mapping: '"/deals"'
    recognise: $exists(deals)
    for_each: {deal: deals}
    response_mapping: {id: id, stage: $lowercase(state), owners: owner}
"""


def test_the_example_spec_is_one_that_a_mapping_can_be_for(tmp_path):
    (spec,) = [text for kind, text in BLOCKS if kind == "yaml" and "fields:" in text and "unified_model: crm" in text]
    (tmp_path / "schemas" / "crm").mkdir(parents=True)
    (tmp_path / "schemas" / "crm" / "deal.yaml").write_text(spec)
    (tmp_path / "deals.yaml").write_text(DEALS)
    mapper = load(tmp_path / "deals.yaml")
    row = {"id": "1", "state": "WON", "owner": {"email": "a@example.com"}}
    assert mapper.plan("stage=won&limit=5").path == "/deals"
    record = {"id": "1", "stage": "won", "owners": [{"email": "a@example.com"}], "remote_data": row}
    assert mapper.map({"deals": [row]}).records == (record,)


def commands(steps):
    """The arguments of each call of truto-mapper in the steps of a job."""
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    return [shlex.split(line.partition(">")[0])[1:] for line in lines if line.startswith("truto-mapper ")]


def test_the_commands_of_the_github_job_exist_and_take_its_options():
    jobs = [yaml.safe_load(text)["jobs"] for kind, text in BLOCKS if kind == "yaml" and "jobs:" in text]
    known = typer.main.get_command(cli.app).commands
    used = [arguments for job in jobs for one in job.values() for arguments in commands(one["steps"])]
    assert used
    for name, *rest in used:
        options = {option for parameter in known[name].params for option in parameter.opts}
        assert {one.partition("=")[0] for one in rest if one.startswith("--")} <= options


def test_every_code_is_documented():
    rows = dict(re.findall(r"^\| ([A-Z]\d{3}) \| (.*) \|$", README, re.MULTILINE))
    assert rows == CODES


def test_every_public_call_and_command_is_documented():
    for name in ("load", "plan", "map", "exchange", "stream", "render", "Expression", "MISSING"):
        assert name in README
    for command in typer.main.get_command(cli.app).commands:
        assert f"| `{command} " in README


def test_the_example_overlay_is_laid_over_the_shipped_mapping():
    (text,) = [text for kind, text in BLOCKS if kind == "yaml" and text.startswith("endpoints:")]
    mapper = load("gong/activity", overlays=[Source("acme.yaml", text)])
    user = {"userId": "1", "userAggregateActivityStats": {"callsAsHost": 2, "callsSharedExternally": 3}}
    assert mapper.map({"usersAggregateActivityStats": [user]}).records[0]["metrics"]["calls_hosted"] == 5


def test_the_example_approvals_are_approvals():
    (text,) = [text for kind, text in BLOCKS if kind == "yaml" and text.startswith("approved:")]
    assert [one.code for one in diff.unapproved([], Source("a.yaml", text))] == ["B331"]
