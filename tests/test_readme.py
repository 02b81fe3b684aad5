"""The README keeps its promises: both commands, its length, its links. `test_docs_pages` runs its snippets."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import truto_mapper

ROOT = Path(truto_mapper.__file__).parents[1]
if not (ROOT / "README.md").is_file():
    pytest.skip("needs the project's own files, this is an installed package", allow_module_level=True)

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = [(kind, text) for kind, text in re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)]
BASH = [text.strip() for kind, text in BLOCKS if kind == "bash"]


def test_the_first_command_maps_an_example_payload_from_a_fresh_copy(tmp_path):
    ignored = shutil.ignore_patterns(".*", "node_modules", "__pycache__")
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


def test_it_can_be_read_in_one_sitting():
    assert len(README.splitlines()) <= 150
    assert len([text for kind, text in BLOCKS if kind == "python"]) == 1
    assert README.count("![") == 1


def test_it_leads_to_every_page_of_the_documentation():
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)\)", README))
    assert linked == {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")}


SPEED = README.partition("## Speed\n")[2].partition("\n## ")[0].splitlines()


def test_its_figures_are_those_of_the_committed_run():
    run = (ROOT / "tests/bench/RESULTS.md").read_text("utf-8").splitlines()
    rows = [line for line in SPEED if line.startswith("| ")]
    sentences = [line for line in SPEED if line.startswith("- ")]
    assert [line for line in (*rows, *sentences) if line not in run] == []
    assert 5 <= len(rows[2:]) <= 8


def test_it_says_why_figures_miss_their_targets():
    missed = [line for line in SPEED if line.startswith("| ") and "**" in line]
    assert bool(missed) == any(line.startswith("- ") for line in SPEED)
