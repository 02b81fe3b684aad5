"""What a user installs: the wheel holds the mappings and schemas, and works in an empty folder."""

import json
import re
import shlex
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

import truto_mapper

ROOT = Path(truto_mapper.__file__).parents[1]

if not (ROOT / "pyproject.toml").is_file():
    pytest.skip("needs the project's own files, this is an installed package", allow_module_level=True)


def run(*command, cwd=ROOT):
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_holds_what_ships_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    shipped = ("mappings/gong/activity.yaml", "schemas/conversational-intelligence/activity.yaml")
    for name in (*shipped, "docs/codes.md", "py.typed"):
        assert f"truto_mapper/{name}" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"truto_mapper"}


def test_the_wheel_works_in_a_fresh_venv_and_an_empty_folder(wheel, tmp_path):
    venv.create(tmp_path / "venv")
    python = next(path for path in (tmp_path / "venv").glob("*/python*") if path.parent.name in ("bin", "Scripts"))
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    installed = run(*pip, "install", "-q", "--no-deps", "--no-index", wheel)  # the first README command installs those
    assert installed.returncode == 0, installed.stderr
    (site,) = (tmp_path / "venv").rglob("site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    empty = tmp_path / "empty"
    empty.mkdir()
    payload = {"usersAggregateActivityStats": [{"userId": "1", "userAggregateActivityStats": {"callsAsHost": 2}}]}
    (tmp_path / "payload.json").write_text(json.dumps(payload))
    command = python.parent / "truto-mapper"
    mapped = run(command, "map", "gong/activity", tmp_path / "payload.json", cwd=empty)
    assert mapped.returncode == 0, mapped.stderr
    assert json.loads(mapped.stdout)["result"][0]["metrics"] == {"calls_hosted": 2}
    code = "import truto_mapper as t; from truto_mapper.text.files import page_of as p; "
    code += "print(t.load('gong/activity'), t.__file__, p('C206'))"
    shown = run(python, "-c", code, cwd=empty).stdout
    assert shown.startswith("<Mapper mappings/gong/activity.yaml>")
    assert str(tmp_path) in shown
    assert "## C206" in shown
    assert list(empty.iterdir()) == []


HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}


def checked_in():
    """The files of the repository, those of a worktree without git too, but for the data of tests."""
    folders = [ROOT / name for name in ("mappings", "schemas", "tests", "truto_mapper")]
    found = (path.relative_to(ROOT).as_posix() for top in folders for path in top.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.startswith("tests/data/"))


@pytest.mark.parametrize("name", HOOKS)
def test_a_pre_commit_hook_passes_on_this_repository(name):
    hook = HOOKS[name]
    program, *arguments = shlex.split(hook["entry"])
    files = [path for path in checked_in() if re.search(hook["files"], path)]
    assert program == "truto-mapper"
    assert files
    passed = files if hook.get("pass_filenames", True) else []
    done = run(sys.executable, "-m", "truto_mapper.edges.cli", *arguments, *passed)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pre_commit_hook_installs_what_the_command_line_needs():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert all(hook["additional_dependencies"] == extras["cli"] for hook in HOOKS.values())
