"""The types that embedders see: `typing/consumer.py` has the errors that it marks, in mypy and in pyright."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import truto_mapper

ROOT = Path(__file__).parents[1]
CONSUMER = ROOT / "tests" / "typing" / "consumer.py"
PYRIGHT = ROOT / "tests" / "bench" / "node_modules" / "pyright" / "index.js"

MARKED = {
    number: set(line.partition("# E: ")[2].split())
    for number, line in enumerate(CONSUMER.read_text("utf-8").splitlines(), 1)
    if "# E: " in line
}


def wanted(*, pyright):
    """The codes that one checker must report, by line; pyright's begin with "report"."""
    codes = {line: {code for code in codes if code.startswith("report") == pyright} for line, codes in MARKED.items()}
    return {line: found for line, found in codes.items() if found}


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout


def test_mypy_finds_the_mistakes_of_an_embedder_and_no_others():
    told = run(sys.executable, "-m", "mypy", "--strict", "--hide-error-context", str(CONSUMER.relative_to(ROOT)))
    found = {}
    for path, line, code in re.findall(r"^(\S+?):(\d+): error: .*\[([\w-]+)\]$", told, re.MULTILINE):
        found.setdefault(int(line) if path.endswith(CONSUMER.name) else path, set()).add(code)
    assert found == wanted(pyright=False), told


def test_pyright_finds_the_mistakes_of_an_embedder_and_no_others():
    if shutil.which("node") is None or not PYRIGHT.exists():
        pytest.skip("pyright comes with Node.js and `npm ci --prefix tests/bench`")
    told = run("node", str(PYRIGHT), "--pythonpath", sys.executable, "--outputjson", str(CONSUMER))
    found = {}
    for one in json.loads(told)["generalDiagnostics"]:
        if not one["rule"].startswith("reportUnknown"):  # follows from an attribute that does not exist
            found.setdefault(one["range"]["start"]["line"] + 1, set()).add(one["rule"])
    assert found == wanted(pyright=True), told


def test_the_version_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert truto_mapper.__version__ == project["version"]
