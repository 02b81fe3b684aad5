"""The house of the design: layers, owners, what the core may not touch, and the names the README promises."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import truto_mapper

PACKAGE = Path(truto_mapper.__file__).parent
ROOT = PACKAGE.parent

#: A module imports only from rows below its own.
ROWS = {
    "cli": 12,
    "pytest_plugin": 12,
    "coverage": 11,
    "diff": 11,
    "docs": 11,
    "check": 10,
    "explain": 10,
    "golden": 10,
    "runtime": 9,
    "fusion": 8,
    "once": 7,
    "reads": 5,
    "record": 8,
    "formats": 8,
    "overlay": 8,
    "mapping": 7,
    "query": 7,
    "openapi": 7,
    "expr": 6,
    "codegen": 5,
    "infer": 5,
    "trace": 5,
    "syntax": 4,
    "functions": 4,
    "schema": 3,
    "pseudonym": 3,
    "patterns": 3,
    "calls": 2,
    "dates": 2,
    "steps": 2,
    "pictures": 2,
    "values": 1,
    "document": 1,
    "report": 1,
    "validator": 1,
    "activity": 0,
    "diagnostics": 0,
    "numerals": 0,
    "listing": 0,
}

#: Each third-party package has its owners.
OWNERS = {
    "jsonata": {"calls", "syntax"},
    "re2": {"patterns", "pictures"},
    "yaml": {"document"},
    "jsonschema": {"schema", "validator"},
    "pydantic": {"diff", "golden", "mapping", "schema"},
    "pydantic_core": {"mapping", "schema"},
    "typing_extensions": {"mapping"},
    "pytest": {"pytest_plugin"},
    "typer": {"cli"},
    "watchfiles": {"cli"},
    "rich": {"cli"},
}

#: What has no place in rows 0 to 9: clocks, the network, the environment, processes, logging.
FOREIGN = {"asyncio", "http", "logging", "os", "platform", "secrets", "select", "shutil", "signal", "socket"}
FOREIGN |= {"ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid"}

#: A stopwatch can cut an evaluation short, it cannot change a value.
ALLOWED = {("values", "time")}

MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
CORE = [name for name in MODULES if ROWS.get(name, 0) <= 9]


def tree(module):
    return ast.parse((PACKAGE / f"{module}.py").read_text("utf-8"))


def imports(module):
    """Every module that a module imports, however it is written."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "truto_mapper":
            found |= {f"truto_mapper.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found.add(node.module)
    return found


def test_every_module_has_a_row():
    assert set(MODULES) == set(ROWS)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_rows_below_its_own(module):
    ours = {name.removeprefix("truto_mapper.") for name in imports(module) if name.startswith("truto_mapper.")}
    assert {name for name in ours if ROWS[name] >= ROWS[module]} == set()


@pytest.mark.parametrize("module", MODULES)
def test_each_third_party_package_has_its_owners(module):
    tops = {name.partition(".")[0] for name in imports(module)}
    foreign = tops - sys.stdlib_module_names - {"truto_mapper"}
    assert foreign <= OWNERS.keys()
    assert {name for name in foreign if module not in OWNERS[name]} == set()


@pytest.mark.parametrize("module", CORE)
def test_the_core_touches_no_clock_network_or_environment(module):
    used = {
        name for name in imports(module) if name in FOREIGN or name.partition(".")[0] in FOREIGN - {"urllib.request"}
    }
    assert {name for name in used if (module, name) not in ALLOWED} == set()
    calls = {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
    clocks = {c for c in calls if re.search(r"\b(datetime|date)\.(now|utcnow|today)$|^time\.(?!monotonic)", c)}
    assert clocks == set()


@pytest.mark.parametrize("module", [name for name in CORE if name != "document"])
def test_files_are_read_in_one_place(module):
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
    }
    assert called & {"open", "read_text", "read_bytes", "write_text", "write_bytes", "print", "input"} == set()


@pytest.mark.parametrize("module", MODULES)
def test_no_module_keeps_state_or_rebinds_globals(module):
    assert not [node for node in ast.walk(tree(module)) if isinstance(node, (ast.Global, ast.Nonlocal))]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_imports_no_edge():
    edges = "{'typer', 'rich', 'httpx', 'starlette', 'pytest', 'pyarrow'}"
    assert run(f"import sys, truto_mapper; print(sorted({edges} & sys.modules.keys()))") == "[]"


def test_what_only_pages_need_does_not_make_a_start_slower():
    later = "{'jsonschema', 'truto_mapper.fusion'}"
    code = f"import sys, truto_mapper; truto_mapper.load('gong/activity'); print({later} & sys.modules.keys())"
    assert run(code) == "set()"


def test_importing_the_package_leaves_the_process_alone():
    code = "import sys; before = sys.getrecursionlimit(); import truto_mapper; print(before == sys.getrecursionlimit())"
    assert run(code) == "True"


def test_the_public_names_exist_and_are_documented():
    for name in truto_mapper.__all__:
        public = getattr(truto_mapper, name)
        assert name == "MISSING" or public.__doc__, name


def test_nothing_is_silenced_or_left_undone():
    for path in PACKAGE.glob("*.py"):
        assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text("utf-8")), path


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_the_code_is_clean(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
