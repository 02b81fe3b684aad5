"""The house: seven wings, an owner for each third-party package, and what the engine must not use."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Literal, get_origin

import pytest

import truto_mapper

PACKAGE = Path(truto_mapper.__file__).parent
ROOT = PACKAGE.parent

#: A wing imports from the wings before it. `language` and `resource` do not know each other.
WINGS = ("text", "language", "resource", "mapping", "engine", "authoring", "edges")

#: The edges that an edge may import; everything else of another edge is closed to it.
EDGES = {"cli": None, "server": {"client", "mock"}}  # None: any

#: The one module that imports a third-party package; a package of a wing or an edge owns it together.
OWNERS = {
    "jsonata": {"language.parser"},
    "re2": {"text.regex"},
    "yaml": {"text.yaml_tree"},
    "jsonschema": {"resource.json_schema", "resource.validator"},
    "pydantic": {
        "text.shape",
        "resource.document",
        "mapping.document",
        "authoring.golden",
        "authoring.diff",
        "edges.client",
        "edges.mock.faults",
    },
    "pydantic_core": {"mapping.document", "resource.document"},
    "typing_extensions": {"engine.page", "mapping.document"},
    "cryptography": {"language.library.truto.digests", "edges.server"},
    "sqlalchemy": {"edges.server"},
    "msgspec": {"text.quick_json"},
    "pytest": {"edges.pytest_plugin"},
    "typer": {"edges.cli"},
    "watchfiles": {"edges.cli"},
    "rich": {"edges.cli"},
    "prometheus_client": {"edges.server"},
    "starlette": {"edges.mock", "edges.server"},
    "swagger_ui_bundle": {"edges.server"},
    "uvicorn": {"edges.mock", "edges.server"},
    "httpx2": {"edges.client", "edges.server"},
    "limits": {"edges.client"},
    "opentelemetry": {"edges.client"},
    "fsspec": {"edges.bulk.files"},
    "pyarrow": {"edges.bulk"},
    "py4j": {"edges.bulk.on_spark"},
    "pyspark": {"edges.bulk.on_spark"},
    "ray": {"edges.bulk.on_ray"},
}

#: What has no place below `edges`: clocks, the network, the environment, processes, logging.
FOREIGN = {"asyncio", "http", "logging", "os", "platform", "secrets", "select", "shutil", "signal", "socket"}
FOREIGN |= {"ssl", "subprocess", "tempfile", "threading", "time", "urllib.request", "uuid"}

#: The exceptions, each in one module: a monotonic clock for deadlines; reading files; writing golden cases; the cache;
#: the phrases of HTTP's statuses.
CLOCK, READER, WRITER, CACHE = "language.runtime.values", "text.files", "authoring.golden", "engine.cache"
PHRASES = "text.errors"

#: The numbers that keep a module, a class and a function readable.
MAX_MODULE, MAX_CLASS, MEDIAN_FUNCTION = 600, 300, 7


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


PATHS = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"}
MODULES = sorted(PATHS)
BELOW = [name for name in MODULES if not name.startswith("edges")]


@cache
def tree(module):
    return ast.parse(PATHS[module].read_text("utf-8"))


@cache
def imports(module):
    """Every module that a module imports, however it is written."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found |= {name if name in known() else node.module for name in held(node)}
    return found


def held(node):
    return {f"{node.module}.{alias.name}" for alias in node.names}


@cache
def known():
    return {f"truto_mapper.{name}" for name in MODULES}


def ours(module):
    return {name.removeprefix("truto_mapper.") for name in imports(module) if name.startswith("truto_mapper.")}


def wing(module):
    return module.partition(".")[0]


def edge(module):
    return module.split(".")[1] if "." in module else ""


def test_the_tree_is_the_seven_wings():
    assert {wing(name) for name in MODULES} == set(WINGS)
    assert {path.name for path in PACKAGE.iterdir() if path.suffix == ".py"} == {"__init__.py"}


def in_no(modules, found):
    """That a function finds nothing in any module. One test for all of them: the modules are read once."""
    assert {name: wrong for name in modules if (wrong := found(name))} == {}


def test_a_wing_imports_only_from_wings_before_it():
    def wrong(module):
        allowed = set(WINGS[: WINGS.index(wing(module)) + 1])
        allowed -= {"language"} if wing(module) == "resource" else set()
        return {name for name in ours(module) if wing(name) not in allowed}

    in_no(MODULES, wrong)


def test_an_edge_imports_another_only_where_it_may():
    def wrong(module):
        allowed = EDGES.get(edge(module), set())
        others = {edge(name) for name in ours(module) if wing(name) == "edges" and edge(name) != edge(module)}
        return set() if allowed is None else others - allowed

    in_no([name for name in MODULES if name.startswith("edges.")], wrong)


def test_the_command_line_imports_edges_inside_its_commands():
    def wrong(module):
        found = {name for node in tree(module).body if isinstance(node, ast.ImportFrom) for name in held(node)}
        return [name for name in found if re.match(r"truto_mapper\.edges\.(?!cli\b)", name)]

    in_no([name for name in MODULES if f"{name}.".startswith("edges.cli.")], wrong)


#: The modules of the two paths through a page. Of the rest of the engine both use some, and one a type of `page`.
SHARED = {"engine.shaping", "engine.source_types"}
EXACT = {f"engine.{name}" for name in ("exact", "origin", "rows")}
FUSED = {f"engine.{name}" for name in ("fused", "per_page", "externals", "reply_code", "field_source")}
FUSED |= {"engine.row_code", "engine.expected_rows", "engine.endpoint_code", "engine.hoisting"}
FUSED |= {"engine.typed_json", "engine.typed_rows", "engine.typed_reply", "engine.shaped_values", "engine.look_ups"}
FUSED |= {"engine.lacking_rows"}


#: What leads from one path to the other.
BETWEEN = ["engine.answer", "engine.located_rows", "engine.odd_rows", "engine.unread"]


def test_only_what_leads_from_one_to_the_other_knows_both_the_exact_and_the_fused_path():
    assert [name for name in MODULES if ours(name) & EXACT and ours(name) & FUSED] == BETWEEN
    assert ours("engine.answer") & (EXACT | FUSED) == {"engine.exact", "engine.fused"}
    for path in (EXACT, FUSED):
        used = {used for name in path for used in ours(name) if wing(used) == "engine"}
        assert (
            used - {"engine.page", "engine.called", "engine.decimals"}
            == path - {"engine.exact", "engine.fused"} | SHARED
        )


def test_no_two_modules_import_each_other():
    below = {name: ours(name) & set(MODULES) - {name} for name in MODULES}
    while below:
        free = {name for name, needed in below.items() if not needed & below.keys()}
        assert free, f"a circle of imports among {sorted(below)}"
        below = {name: needed for name, needed in below.items() if name not in free}


def test_each_third_party_package_has_its_owner():
    def wrong(module):
        tops = {name.partition(".")[0] for name in imports(module)}
        foreign = tops - sys.stdlib_module_names - {"truto_mapper"}
        return {name for name in foreign if not any(f"{module}.".startswith(f"{o}.") for o in OWNERS.get(name, ()))}

    in_no(MODULES, wrong)


def test_below_the_edges_there_is_no_clock_network_or_environment():
    used = {module: {name for name in imports(module) if {name, name.partition(".")[0]} & FOREIGN} for module in BELOW}
    assert {module: names for module, names in used.items() if names} == {
        CLOCK: {"time"},
        CACHE: {"os"},
        PHRASES: {"http"},
    }
    in_no(BELOW, clocks_and_variables)


def clocks_and_variables(module):
    """The clocks and the variables of the environment that a module reads."""
    calls = {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
    clock = re.compile(r"\b(datetime|date)\.(now|utcnow|today)$|^time\.(?!monotonic)")
    return {call for call in calls if clock.search(call) or call.startswith(("os.environ", "os.getenv"))}


def test_files_are_read_and_written_in_one_place_each():
    def wrong(module):
        called = {
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            for node in ast.walk(tree(module))
            if isinstance(node, ast.Call)
        }
        return called & {"open", "read_text", "read_bytes", "write_text", "write_bytes", "print", "input"}

    in_no([name for name in BELOW if not name.startswith((READER, WRITER, CACHE))], wrong)


def test_no_module_rebinds_its_globals():
    def wrong(module):
        return [node.lineno for node in ast.walk(tree(module)) if isinstance(node, (ast.Global, ast.Nonlocal))]

    in_no(MODULES, wrong)


#: The caches that outlive a call, all of pure results, and how many each keeps.
CACHES = {
    "authoring.check.words.kin": 4096,
    "authoring.check.words.words": 4096,
    "authoring.sources._is_valid_json_schema": 64,
    "edges.bulk.job._freeze": 4,
    "edges.bulk.job._unpacked": 4,
    "edges.mock.company.self._hosted": 4096,
    "edges.mock.company.self.midnight": 4096,
    "edges.pytest_plugin._loader": "one a mapping file",
    "edges.server.app.described": 8,
    "edges.server.side._file": "one for each file of Swagger UI",
    "engine.redaction._is_secret": 1024,
    "engine.typed_json._encoder": "one",
    "text.quick_json.library": "one",
    "language.library.patterns._template": 256,
    "language.library.patterns.regex": 1024,
    "language.library.date_pictures._plan": 256,
    "language.library.date_pictures._reader": 256,
    "language.library.date_pictures._writer": 256,
    "language.library.truto.date_reading._reader": 256,
    "language.library.truto.files._types": "one",
    "language.library.truto.names._loaded": 64,
    "language.library.pictures._integer": 256,
    "language.library.pictures._number": 256,
    "language.methods._sample": 1,
    "language.natives.date": 2,
    "language.nodes._held": "one a class of nodes",
    "mapping.shape.shape": 1,
    "resource.spec.shape": 1,
    "language.runtime.arguments.matching": 4096,
    "language.runtime.signatures.parse_signature": 1024,
    "text.regex._replacement": 256,
    "text.regex.compile_pattern": 1024,
    "text.timestamps.has_offset_of": 4096,
    "text.timestamps.same_zone": 256,
}

#: The methods that change a list, a dict or a set.
CHANGING = {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse"}
CHANGING |= {"setdefault", "sort", "update", "difference_update", "intersection_update", "__setitem__"}


def test_the_state_of_modules_is_named_and_bounded_caches():
    found = {f"{module}.{name}": size for module in MODULES for name, size in caches(module)}
    assert found == {name: size if isinstance(size, int) else None for name, size in CACHES.items()}


def caches(module):
    """The functions of a module whose results are kept, each with how many, None for all."""
    for node in ast.walk(tree(module)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made = [(node.name, one) for one in node.decorator_list]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            made = [(ast.unparse(node.targets[0]), node.value.func)]
        else:
            made = []
        for name, maker in made:
            text = ast.unparse(maker)
            if re.match(r"(functools\.)?(lru_)?cache\b", text):
                size = re.search(r"maxsize=(\d+)", text)
                yield name, size and int(size[1])


def test_no_function_changes_what_belongs_to_a_module():
    def wrong(module):
        top = {name for node in tree(module).body for name in bound(node)}
        functions = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef)]
        return [where for one in functions for where in changes(one, top - locals_of(one))]

    in_no(MODULES, wrong)


def bound(node):
    """The names that a statement of a module binds."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return {node.name} if hasattr(node, "name") else set()


def locals_of(function):
    """The names of a function's own, those of functions within it too."""
    names = {one.id for one in ast.walk(function) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return names | {one.arg for one in ast.walk(function) if isinstance(one, ast.arg)}


def changes(function, names):
    """Where a function changes something in place that one of these names holds."""
    for node in ast.walk(function):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                changed = node.value
            case ast.Call(func=ast.Attribute(attr=attr, value=changed)) if attr in CHANGING:
                pass
            case _:
                continue
        while isinstance(changed, (ast.Attribute, ast.Subscript)):
            changed = changed.value
        if isinstance(changed, ast.Name) and changed.id in names:
            yield f"{node.lineno}: {ast.unparse(node)}"


#: The longest run of equal lines that may occur in two places.
MAX_REPEATED = 12


def test_no_block_of_code_occurs_twice():
    seen, repeated = {}, []
    for module in MODULES:
        code = lines_of_code(module)
        for index in range(len(code) - MAX_REPEATED):
            block = tuple(text for _, text in code[index : index + MAX_REPEATED + 1])
            here = f"{module}:{code[index][0]}"
            if seen.setdefault(block, here) != here:
                repeated.append((seen[block], here))
    assert repeated == []


def lines_of_code(module):
    """The lines of a module and their numbers, without imports, comments, blank lines and indentation."""
    imported = [node for node in tree(module).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    left_out = {number for node in imported for number in range(node.lineno, node.end_lineno + 1)}
    numbered = enumerate(PATHS[module].read_text("utf-8").splitlines(), 1)
    return [(n, " ".join(text.split())) for n, text in numbered if n not in left_out and re.match(r"\s*[^\s#]", text)]


def test_a_module_and_its_classes_can_be_held_in_mind():
    def wrong(module):
        size = len(PATHS[module].read_text("utf-8").splitlines())
        classes = [node for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef)]
        return [size] * (size > MAX_MODULE) + [node.name for node in classes if lines(node) > MAX_CLASS]

    in_no(MODULES, wrong)


def lines(node):
    return node.end_lineno - node.lineno + 1


def test_the_median_function_is_short():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    sizes = sorted(lines(node) for name in MODULES for node in ast.walk(tree(name)) if isinstance(node, kinds))
    assert sizes[len(sizes) // 2] <= MEDIAN_FUNCTION


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_the_package_imports_no_edge():
    edges = "{'typer', 'rich', 'httpx', 'starlette', 'pytest', 'pyarrow'}"
    assert run(f"import sys, truto_mapper; print(sorted({edges} & sys.modules.keys()))") == "[]"


def test_what_only_pages_need_does_not_make_a_start_slower():
    later = "{'jsonschema', 'pydantic', 'truto_mapper.engine.endpoint_code', 'truto_mapper.engine.exact'}"
    code = f"import sys, truto_mapper; truto_mapper.load('gong/activity'); print({later} & sys.modules.keys())"
    assert run(code) == "set()"


def test_importing_the_package_leaves_the_process_alone():
    code = "import sys; before = sys.getrecursionlimit(); import truto_mapper; print(before == sys.getrecursionlimit())"
    assert run(code) == "True"


def test_the_public_names_exist_and_are_documented():
    for name in truto_mapper.__all__:
        public = getattr(truto_mapper, name)
        assert name == "MISSING" or get_origin(public) is Literal or public.__doc__, name


def test_nothing_is_silenced_or_left_undone():
    for name, path in PATHS.items():
        assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text("utf-8")), name


@pytest.mark.parametrize("command", [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]], ids=" ".join)
def test_the_code_is_clean(command):
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
