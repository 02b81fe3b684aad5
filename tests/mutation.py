"""Faults in the package, and which of them the suite misses. Faults in a mapping are made by `mutants.py`.

    python tests/mutation.py [--count 200] [--seed 1] [--wings engine,mapping,resource,authoring] [--floor 92]

A fault is one change of the source: another operator, comparison or constant, a negated condition, a dropped statement.
Each kind has an equal share of the sample. A fault is made in a copy of the repository, and killed if a test fails
there: those that run its line are tried, the cheapest first, then those of files that run it when they are imported, or
in another process. Coverage measures once which they are. Tests of the code's form, of packaging and of the README are
left out: they would kill by accident.

Results are kept in `.mutation/`: a run continues where the last one stopped, and after a change of tests only the
survivors are tried again. Faults that change nothing a user can see are listed with reasons in `mutation.yaml`.
"""

import ast
import hashlib
import json
import os
import queue
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import yaml
from hypothesis import settings

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".mutation"
EXCLUDED = {"test_architecture.py", "test_packaging.py", "test_readme.py"}
KINDS = ("operator", "comparison", "constant", "negation", "statement")
WINGS = ("text", "language", "resource", "mapping", "engine", "authoring", "edges")
MEMORY = 4 << 30  # bytes that a run may take: a fault may make something grow without end

OPERATORS = {ast.Add: "+ -", ast.Sub: "- +", ast.Mult: "* +", ast.Div: "/ *", ast.FloorDiv: "// /", ast.Mod: "% *"}
OPERATORS |= {ast.BitOr: "| &", ast.BitAnd: "& |", ast.BitXor: "^ |", ast.LShift: "<< >>", ast.RShift: ">> <<"}
OPERATORS |= {ast.Pow: "** *", ast.MatMult: "@ *", ast.And: "and or", ast.Or: "or and"}
COMPARISONS = {ast.Eq: "== !=", ast.NotEq: "!= ==", ast.Lt: "< <=", ast.LtE: "<= <", ast.Gt: "> >=", ast.GtE: ">= >"}
COMPARISONS |= {ast.Is: "is/is not", ast.IsNot: "is not/is", ast.In: "in/not in", ast.NotIn: "not in/in"}
#: Parts of the tree that are not run, or make no difference to what comes of it.
SILENT = {"annotation", "returns", "decorator_list", "type_params"}


@dataclass(frozen=True)
class Fault:
    """Characters of a file that are replaced."""

    kind: str
    file: str
    line: int
    start: int
    end: int
    old: str
    new: str
    code: str
    number: int  # among those that are alike in the file

    @property
    def id(self) -> str:
        """What stays when the code around it changes."""
        return "\n".join((self.file, self.code, self.old, self.new, str(self.number)))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {shorten(self.old)} → {shorten(self.new)}   {shorten(self.code)}"


def shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 70 else text[:67] + "…"


# ------------------------------------------------------------------------------------------------- making faults


class Places:
    """Where the nodes of a text are in it, in characters; `ast` counts lines and bytes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        return self.starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)


def faults(file: str, text: str) -> Iterator[Fault]:
    """Every fault of a module, those too that do not compile."""
    places, alike = Places(text), Counter()
    for node, inside in nodes(ast.parse(text), inside=False):
        for kind, start, end, new in edits(node, places, inside=inside):
            line = text.count("\n", 0, start) + 1
            what = (text[start:end], new, places.lines[line - 1].strip())
            alike[what] += 1
            yield Fault(kind, file, line, start, end, *what, alike[what])


def is_program(fault: Fault) -> bool:
    """Whether a fault compiles: an `elif` cannot be dropped."""
    try:
        return bool(ast.parse(applied((ROOT / fault.file).read_text("utf-8"), fault)))
    except SyntaxError:
        return False


def applied(text: str, fault: Fault) -> str:
    return text[: fault.start] + fault.new + text[fault.end :]


def nodes(node: ast.AST, *, inside: bool) -> Iterator[tuple[ast.AST, bool]]:
    """The nodes that are run, and whether each is in a function. Before 3.12 the parts of an f-string have no place."""
    yield node, inside
    for name, value in ast.iter_fields(node):
        if name in SILENT or isinstance(node, ast.JoinedStr):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not is_silent(child):
                yield from nodes(child, inside=inside or isinstance(child, (ast.FunctionDef, ast.Lambda)))


def is_silent(node: ast.AST) -> bool:
    """A docstring, the public names, `strict=` of zip, the type of a cast."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.keyword(arg="strict"):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Call(func=ast.Name(id="cast" | "TypeVar")):
            return True
    return False


#: What is replaced: the kind of fault, the first character, the last, and the new text.
Edit = tuple[str, int, int, str]


def edits(node: ast.AST, places: Places, *, inside: bool) -> Iterator[Edit]:  # noqa: C901, PLR0912  # a case a node
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            yield from swapped("operator", left, right, OPERATORS[type(op)].split(), places)
        case ast.BoolOp(op=op, values=values):
            for left, right in pairwise(values):
                yield from swapped("operator", left, right, OPERATORS[type(op)].split(), places)
        case ast.AugAssign(target=left, op=op, value=right):
            old, new = OPERATORS[type(op)].split()
            yield from swapped("operator", left, right, [f"{old}=", f"{new}="], places)
        case ast.Compare(left=left, ops=ops, comparators=others):
            for one, op, other in zip([left, *others], ops, others, strict=False):
                pair = re.split("/| (?=[!=<>])", COMPARISONS[type(op)])
                yield from swapped("comparison", one, other, pair, places)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "negation", *places.span(node), f"({text_of(operand, places)})"
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield negated(test, places)
        case ast.comprehension(ifs=tests):
            yield from (negated(test, places) for test in tests)
        case ast.Constant(value=bool(value)):
            yield "constant", *places.span(node), repr(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "constant", *places.span(node), repr(value + 1)
        case ast.Constant(value=str(value)):
            yield "constant", *places.span(node), repr("" if value else "x")
    droppable = (ast.Expr, ast.Assign, ast.AugAssign, ast.Delete, ast.Raise, ast.Return, ast.Continue, ast.Break)
    if inside and (isinstance(node, droppable) or (isinstance(node, ast.If) and not node.orelse)):
        yield "statement", *places.span(node), "pass"


def text_of(node: ast.AST, places: Places) -> str:
    return places.text[slice(*places.span(node))]


def negated(test: ast.AST, places: Places) -> Edit:
    return "negation", *places.span(test), f"(not ({text_of(test, places)}))"


def swapped(kind: str, left: ast.AST, right: ast.AST, pair: list[str], places: Places) -> Iterator[Edit]:
    """Another operator between two nodes."""
    old, new = pair
    between = places.span(left)[1]
    found = re.search(re.escape(old).replace(r"\ ", r"\s+"), places.text[between : places.span(right)[0]])
    if found:
        yield kind, between + found.start(), between + found.end(), new


def sample(wings: list[str], count: int, seed: int) -> list[Fault]:
    """So many faults, the kinds in turn. A change of the package changes no more of the sample than it has to."""
    files = [path for wing in wings for path in sorted((ROOT / "truto_mapper" / wing).rglob("*.py"))]
    every = [one for path in files for one in faults(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))]
    every.sort(key=lambda one: digest(str(seed), one.id))
    valid = {kind: filter(is_program, [one for one in every if one.kind == kind]) for kind in KINDS}
    turns = [KINDS[number % len(KINDS)] for number in range(count)]
    return [fault for kind in turns if (fault := next(valid[kind], None))]


# ------------------------------------------------------------------------------------- which test runs which line


def digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


@cache
def module(file: str) -> str:
    """What a module is, as a digest; nothing if it is gone."""
    path = ROOT / file
    return digest(path.read_text("utf-8")) if path.is_file() else ""


def suite() -> list[str]:
    found = [path for path in sorted((ROOT / "tests").glob("test_*.py")) if path.name not in EXCLUDED]
    return [*(path.relative_to(ROOT).as_posix() for path in found), "mappings"]


def reaching(wings: list[str]) -> list[str]:
    """The test files that can run code of these wings: a wing imports only from those before it."""
    first = min(map(WINGS.index, wings))
    return [file for file in suite() if any(WINGS.index(wing) >= first for wing in imported(file))]


def imported(file: str) -> list[str]:
    """The wings that a test file imports from, the last one for all of the package."""
    text = (ROOT / file).read_text("utf-8") if file.endswith(".py") else ""
    found = re.findall(r"^\s*(?:from|import) truto_mapper(?:\.(\w+))?", text, re.MULTILINE)
    return [wing or WINGS[-1] for wing in found or [""]]


class Map:
    """Which tests run a line, and how long each takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.modules: dict[str, set[str]] = defaultdict(set)
        #: The test files that run a line in the name of no test: when they are imported, or in another process.
        self.early: dict[tuple[str, int], set[str]] = defaultdict(set)
        self.outside: set[str] = set()  # tests that run nothing in their own process
        self.changed: dict[str, set[str]] = defaultdict(set)  # those of modules that have changed since

    def add(self, measured: dict) -> None:
        self.seconds |= measured["seconds"]
        names = measured["tests"]
        self.outside |= measured["seconds"].keys() - set(names)
        for file, lines in measured["lines"].items():
            same = measured["modules"][file] == module(file)
            for line, numbers in lines.items():
                passed = self.seconds.keys() & {names[number] for number in numbers}
                (self.lines[file, int(line)] if same else self.changed[file]).update(passed)
                self.modules[file] |= passed
        for file, lines in measured["early"].items():
            for line in lines:
                self.early[file, line].add(measured["file"])

    def stages(self, fault: Fault, text: str) -> Iterator[list[str]]:
        """The tests that run a fault, in the order in which they are tried."""
        lines = [(fault.file, line) for line in range(fault.line, text.count("\n", 0, fault.end) + 2)]
        near = set().union(self.changed[fault.file], *(self.lines[line] for line in lines))
        ranked = sorted(near, key=self.cost)
        counts = Counter(file_of(test) for test in ranked[:200])
        favourites = {file for file, _ in counts.most_common(2)}
        soon = [test for test in ranked if file_of(test) in favourites][:40]
        yield soon
        yield [test for test in ranked if test not in set(soon)]
        early = set().union(*(self.early[line] for line in lines))
        others = (self.modules[fault.file] | self.outside) - near
        # A line that nobody runs is run when the package is imported, before anything is measured.
        anywhere = not near and not early
        yield sorted((test for test in others if anywhere or file_of(test) in early), key=self.cost)

    def cost(self, test: str) -> tuple[float, str]:
        return round(self.seconds[test], 2), test


def file_of(test: str) -> str:
    """The test file; the cases of the mappings are one."""
    return test.partition("::")[0] if test.startswith("tests/") else "mappings"


def measured(wings: list[str], copies: "Copies") -> Map:
    """The map of the test files, each measured unless it is known."""
    made = Map()
    with ThreadPoolExecutor(copies.number) as pool:
        for found in pool.map(lambda file: of_file(file, copies), reaching(wings)):
            made.add(found)
    return made


def of_file(file: str, copies: "Copies") -> dict:
    text = (ROOT / file).read_text("utf-8") if file.endswith(".py") else ""
    kept = KEPT / f"{Path(file).stem}-{digest(text)}.json"
    if not kept.exists():
        tell(f"measuring {file}")
        with copies.one() as copy:
            kept.write_text(json.dumps(copy.measure(file)), "utf-8")
    return json.loads(kept.read_text("utf-8"))


# ------------------------------------------------------------------------------------------------- trying faults


class Copy:
    """A copy of the repository, where faults are tried one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns(".*", "__pycache__", "node_modules")
        shutil.copytree(ROOT, folder, ignore=ignored)
        # Checked by content: a fault may be made within the same second as the last one.
        self.python("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "truto_mapper", "tests")

    def python(self, *arguments: str, seconds: float = 3600, **more: str) -> subprocess.CompletedProcess:
        paths = os.pathsep.join([str(self.folder), str(self.folder / "tests")])
        environment = os.environ | {"PYTHONPATH": paths, "COVERAGE_FILE": str(self.folder / ".coverage")} | more
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=max(300, 10 * seconds),
            preexec_fn=lambda: limited(round(seconds)),
        )

    def pytest(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        return self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mutation", *arguments, **more)

    def measure(self, file: str) -> dict:
        from coverage import CoverageData

        self.pytest("--cov", "--cov-context=test", "--cov-report=", file, MUTATION_SECONDS="seconds.json")
        data = CoverageData(str(self.folder / ".coverage"))
        data.read()
        names = sorted({context.rpartition("|")[0] for context in data.measured_contexts()} - {""})
        numbers = {name: number for number, name in enumerate(names)}
        files = {Path(name).relative_to(self.folder).as_posix(): name for name in data.measured_files()}
        return {
            "file": file,
            "modules": {short: module(short) for short in files},
            "tests": names,
            "seconds": json.loads((self.folder / "seconds.json").read_text("utf-8")),
            "lines": {short: by_line(data.contexts_by_lineno(name), numbers) for short, name in files.items()},
            "early": {short: early(data.contexts_by_lineno(name)) for short, name in files.items()},
        }

    def killer(self, fault: Fault, tests: Map) -> str:
        """What kills a fault, or nothing."""
        path = self.folder / fault.file
        text = path.read_text("utf-8")
        path.write_text(applied(text, fault), "utf-8")
        try:
            return next(filter(None, (self.failing(stage, tests) for stage in tests.stages(fault, text) if stage)), "")
        finally:
            path.write_text(text, "utf-8")

    def failing(self, chosen: list[str], tests: Map) -> str:
        (self.folder / "chosen.json").write_text(json.dumps(chosen), "utf-8")
        files = sorted({file_of(test) for test in chosen})
        limit = 30 + 4 * sum(tests.seconds[test] for test in chosen)
        try:
            done = self.pytest("-x", "--tb=no", "-rfE", *files, seconds=limit, MUTATION_TESTS="chosen.json")
        except subprocess.TimeoutExpired:
            return "no end"
        if done.returncode in (0, 5):
            return ""
        failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        return failed[1] if failed else f"exit code {done.returncode}"


def limited(seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def by_line(contexts: dict[int, list[str]], numbers: dict[str, int]) -> dict[int, list[int]]:
    """The tests that run each line."""
    named = {line: {context.rpartition("|")[0] for context in found} - {""} for line, found in contexts.items()}
    return {line: sorted(numbers[name] for name in found) for line, found in named.items() if found}


def early(contexts: dict[int, list[str]]) -> list[int]:
    """The lines that are run in the name of no test."""
    return [line for line, found in contexts.items() if "" in found]


class Copies:
    """A copy for each process."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.free: queue.Queue[Copy] = queue.Queue()
        for index in range(number):
            self.free.put(Copy(folder / str(index)))

    def one(self) -> "Lent":
        return Lent(self.free)


@dataclass
class Lent:
    """A copy that is given back."""

    free: queue.Queue[Copy]

    def __enter__(self) -> Copy:
        self.copy = self.free.get()
        return self.copy

    def __exit__(self, *_: object) -> None:
        self.free.put(self.copy)


# ------------------------------------------------------------------------------------------- the plugin of pytest

EXAMPLES = 25  # that tell which lines a property test runs

_seconds: dict[str, float] = {}
_failed: set[str] = set()
_shortened: dict[str, float] = {}


def pytest_collection_modifyitems(items: list, config) -> None:
    """Only the chosen tests, in their order; to measure them, with few examples."""
    for item in items if "MUTATION_SECONDS" in os.environ else ():
        usual = getattr(item.obj, "_hypothesis_internal_use_settings", None)
        if usual and usual.max_examples > EXAMPLES:
            _shortened[item.nodeid] = usual.max_examples / EXAMPLES
            item.obj._hypothesis_internal_use_settings = settings(usual, max_examples=EXAMPLES)
    if path := os.environ.get("MUTATION_TESTS"):
        order = {name: number for number, name in enumerate(json.loads((config.rootpath / path).read_text("utf-8")))}
        items[:] = sorted((one for one in items if one.nodeid in order), key=lambda one: order[one.nodeid])


def pytest_runtest_logreport(report) -> None:
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0) + report.duration
    if report.outcome == "failed":
        _failed.add(report.nodeid)


def pytest_sessionfinish(session) -> None:
    if path := os.environ.get("MUTATION_SECONDS"):
        passed = {name: one * _shortened.get(name, 1) for name, one in _seconds.items() if name not in _failed}
        (session.config.rootpath / path).write_text(json.dumps(passed), "utf-8")


# ---------------------------------------------------------------------------------------------------- the report


class Results:
    """What is known of faults: who killed each, or which tests it survived. It holds while its module is the same."""

    def __init__(self) -> None:
        self.path = KEPT / "results.jsonl"
        self.tests = digest(*((ROOT / name).read_text("utf-8") for name in suite() if name.endswith(".py")))
        lines = self.path.read_text("utf-8").splitlines() if self.path.exists() else []
        self.found = {(one["id"], one["module"]): one for one in map(json.loads, lines)}

    def killer(self, fault: Fault) -> str | None:
        """None if it is not known."""
        one = self.found.get((fault.id, module(fault.file)))
        return None if one is None or (not one["by"] and one["tests"] != self.tests) else one["by"]

    def add(self, fault: Fault, by: str) -> None:
        one = {"id": fault.id, "module": module(fault.file), "by": by, "tests": self.tests}
        self.found[fault.id, one["module"]] = one
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(one) + "\n")


def equivalent(fault: Fault) -> bool:
    """Whether a fault is listed as one that changes nothing."""
    path = ROOT / "tests" / "mutation.yaml"
    known = yaml.safe_load(path.read_text("utf-8")) if path.exists() else None
    return any((one["file"], one["line"], one["new"]) == (fault.file, fault.code, fault.new) for one in known or [])


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wings", default="engine,mapping,resource,authoring")
    parser.add_argument("--floor", type=float, default=92, help="percent to be killed; less is exit code 1")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    KEPT.mkdir(exist_ok=True)
    wings = options.wings.split(",")
    chosen = [one for one in sample(wings, options.count, options.seed) if not equivalent(one)]
    by = tried(chosen, wings, options.processes)
    survivors = [one for one in chosen if not by[one.id]]
    for one in survivors:
        sys.stdout.write(f"survives: {one.kind:<11}{one}\n")
    for kind in KINDS:
        made = [one for one in chosen if one.kind == kind]
        sys.stdout.write(f"{kind:<11}{sum(bool(by[one.id]) for one in made):>4} of {len(made)} killed\n")
    rate = 100 * (len(chosen) - len(survivors)) / max(1, len(chosen))
    sys.stdout.write(f"{len(chosen) - len(survivors)} of {len(chosen)} killed, {rate:.1f} %\n")
    sys.exit(rate < options.floor)


def tried(chosen: list[Fault], wings: list[str], processes: int) -> dict[str, str]:
    """Who kills each fault."""
    results = Results()
    left = [one for one in chosen if results.killer(one) is None]
    if left:
        with tempfile.TemporaryDirectory() as folder:
            copies = Copies(Path(folder), processes)
            tests = measured(wings, copies)

            def attempt(fault: Fault) -> None:
                with copies.one() as copy:
                    by = copy.killer(fault, tests)
                results.add(fault, by)
                tell(f"{'killed  ' if by else 'SURVIVES'} {fault.kind:<11}{fault}   {by}")

            with ThreadPoolExecutor(processes) as pool:
                list(pool.map(attempt, left))
    return {one.id: results.killer(one) or "" for one in chosen}


if __name__ == "__main__":
    main()
