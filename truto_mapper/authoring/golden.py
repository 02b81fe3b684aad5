"""Golden cases: folders beside a mapping, each with a question or a reply and what must come of it.

A folder `<mapping>/<case>/` beside `<mapping>.yaml` has

- `case.yaml`: `description`, and any of `query`, `context`, `now`, `status`, `headers`, `format`, `on_invalid`; a case
  that must fail says so in `raises`, the name of the error or an object of `error` and its attributes;
- `payload.json`, the provider's reply (`payload.txt` if it is no JSON); without it the case only plans;
- what is expected, each file only where there is something: `request.json`, `response.json` (`.ndjson` for a
  stream), `rejected.json` and `diagnostics.txt`.

`raises` is written by hand and never accepted: no expectation can turn into a failure, or back, unnoticed.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pydantic

from truto_mapper.authoring.aliases import Aliases
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.engine.page import SENT, Response
from truto_mapper.engine.rendering import dumps, loads
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import String, walk
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Steps
from truto_mapper.mapping.linked import Endpoint, every, giving
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MapperError, MappingError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.reports import text
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source

PAYLOADS = ("payload.json", "payload.txt")
EXPECTATIONS = ("request.json", "response.json", "response.ndjson", "rejected.json", "diagnostics.txt")
PENDING = ".new"


class Settings(pydantic.BaseModel):
    """What stands in `case.yaml`."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    description: str = pydantic.Field(min_length=1)
    query: str | dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    now: str | None = None
    status: int = 200
    headers: dict[str, str] = {}
    format: Literal["unified", "raw", "normalized", "stream", "debug"] | None = None
    on_invalid: Literal["raise", "discard_value", "discard_record"] = "raise"
    raises: str | dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it lies in its folder. `payload` is parsed JSON, bytes, or None; `expected` the texts of its files."""

    folder: Path
    mapping: Path
    settings: Settings
    node: yaml_tree.Node
    payload: Any
    expected: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case: the files it would have, how it failed, and the endpoint that served it."""

    files: Mapping[str, str]
    error: MapperError | None
    endpoint: Endpoint | None


@dataclass(frozen=True, slots=True)
class Change:
    """A value that is not the one expected, MISSING for none; of a text the whole of it, with an empty path.

    `origin` is the expression that gives the value, `field` its name without indices.
    """

    case: Case
    file: str
    path: Steps
    expected: Any
    found: Any
    field: str
    origin: Expression | None

    @property
    def place(self) -> str:
        """The line of the mapping, as `activity.yaml:41`."""
        return self.case.mapping.name if self.origin is None else self.origin.place

    @property
    def shown(self) -> str:
        return f"{_short(self.expected)} → {_short(self.found)}"


@dataclass(slots=True)
class Group:
    """Changes with one cause: what one expression gives for one field of one kind of file."""

    id: str
    changes: list[Change] = field(default_factory=list)

    @property
    def title(self) -> str:
        """`activity.yaml:41 aggregation_period: "day" → "total" in 12 cases`"""
        first = self.changes[0]
        kinds = list(dict.fromkeys(change.shown for change in self.changes))
        more = f", and {count(len(kinds) - 1, 'more kind')}" if len(kinds) > 1 else ""
        cases = len({change.case.folder for change in self.changes})
        what = f"{kinds[0]}{more}" if first.path else "another text"
        return f"{first.place} {first.field}: {what} in {count(cases, 'case')}"


def count(number: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _short(value: Any) -> str:
    return "(nothing)" if value is MISSING else excerpt(value, 48)


# ------------------------------------------------------------------------------------------------- finding


def mappings(target: str | None = None) -> list[Path]:
    """The mapping files of a target: a file, a case's folder, a folder of mappings, or a shipped name.

    Without one those of `./mappings`, else those that ship. Raises `MappingError` M105.
    """
    known = {name: from_here(path) for name, path in files.shipped("mappings", ".yaml").items()}
    if target is None:
        return _below(Path("mappings")) or sorted(known.values())
    path = Path(target)
    if path.is_dir():
        owner = mapping_of(path.parent)
        return [owner] if (path / "case.yaml").is_file() and owner.is_file() else _found(path)
    if path.is_file() or target.endswith(".yaml"):
        return [path]
    if target in known:
        return [known[target]]
    message = f"there is no mapping {excerpt(target)}, and no such file or folder"
    raise MappingError(Diagnostic("M105", message, hint=did_you_mean(target, known)))


def mapping_of(folder: Path) -> Path:
    """The mapping file whose cases are in a folder."""
    return Path(f"{folder}.yaml")


def from_here(path: Path) -> Path:
    """A path below the working directory as a person there would write it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _found(path: Path) -> list[Path]:
    if mapping_of(path).is_file() and any(path.glob("*/case.yaml")):
        return [mapping_of(path)]
    if below := _below(path / "mappings") or _below(path):
        return below
    raise MappingError(Diagnostic("M105", f"there is no mapping in {path}"))


def _below(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")])


def folders(mapping: Path) -> list[Path]:
    """The case folders beside a mapping."""
    return sorted(path.parent for path in mapping.with_suffix("").glob("*/case.yaml"))


def read(folder: Path) -> Case:
    """A case from its folder. Raises `MappingError` with every finding about `case.yaml`, and P602."""
    node = yaml_tree.parse(files.read(folder / "case.yaml"))
    settings = shaped(node, Settings)
    expected = {name: files.read(folder / name).text for name in EXPECTATIONS if (folder / name).is_file()}
    return Case(folder, mapping_of(folder.parent), settings, node, _payload(folder), expected)


def _payload(folder: Path) -> Any:
    if (folder / "payload.txt").is_file():
        return (folder / "payload.txt").read_bytes()
    if not (folder / "payload.json").is_file():
        return None
    source = files.read(folder / "payload.json")
    try:
        return loads(source.text)
    except (ValueError, RecursionError) as error:
        raise MappingError(Diagnostic("P602", f"not valid JSON: {error}", source=source)) from None


def orphans(mapping: Path) -> list[Diagnostic]:
    """What stands beside a mapping and is no part of a case."""
    top = mapping.with_suffix("")
    known = {folder / name for folder in folders(mapping) for name in ("case.yaml", *PAYLOADS, *EXPECTATIONS)}
    stray = sorted(p for p in top.glob("**/*") if p.is_file() and p not in known and p.suffix != PENDING)
    hint = "a case has a case.yaml, a payload and what is expected; take the file away or rename it"
    return [Diagnostic("G703", f"{path} belongs to no case", hint=hint) for path in stray]


# ------------------------------------------------------------------------------------------------- running


def run(case: Case, mapper: Mapper) -> Result:
    """What comes of a case now."""
    files: dict[str, str] = {}
    served: list[Endpoint] = []
    try:
        _run(case, mapper, files, served)
    except MapperError as error:
        files["diagnostics.txt"] = _rendered(error.diagnostics)
        return Result(files, error, served[-1] if served else None)
    return Result(files, None, served[-1] if served else None)


def _run(case: Case, mapper: Mapper, files: dict[str, str], served: list[Endpoint]) -> None:
    settings, page = case.settings, None
    endpoints = {endpoint.name: endpoint for endpoint in mapper.mapping.endpoints}
    choices: dict[str, Any] = {"context": settings.context, "now": settings.now}
    if settings.query is not None:
        request = mapper.plan(settings.query, **choices)
        served += [endpoints[name] for name in (request.query.plan.endpoints[:1] if request.query.plan else ())]
        files["request.json"] = _json({part: getattr(request, part) for part in SENT})
        exchange = mapper.exchange(request.query, **choices, on_invalid=settings.on_invalid)
        try:
            next(exchange)
            if case.payload is not None:
                exchange.send(Response(case.payload, settings.status, settings.headers))
        except StopIteration as end:
            page = end.value
        if page is None and request.diagnostics:
            files["diagnostics.txt"] = _rendered(request.diagnostics)
    elif case.payload is not None:
        answer: dict[str, Any] = {"status": settings.status, "headers": settings.headers}
        page = mapper.map(case.payload, **choices, **answer, on_invalid=settings.on_invalid)
    if page is None:
        return
    served += [endpoints[page.endpoint]] if page.endpoint else []
    if page.diagnostics:
        files["diagnostics.txt"] = _rendered(page.diagnostics)
    if page.rejected:
        files["rejected.json"] = _json(list(page.rejected))
    shown = page.render(settings.format)
    files["response.ndjson" if isinstance(shown, str) else "response.json"] = (
        shown if isinstance(shown, str) else _json(shown)
    )


def _rendered(diagnostics: Iterable[Diagnostic]) -> str:
    """Findings whose files go by their bare names, wherever they are run from."""
    return text(
        [replace(one, source=one.source and Source(Path(one.source.name).name, one.source.text)) for one in diagnostics]
    )


def _json(value: Any) -> str:
    return dumps(value, indent=2) + "\n"


def misses(case: Case, result: Result) -> Diagnostic | None:
    """How a case's failure differs from the one that it states."""
    stated, error = case.settings.raises, result.error
    wanted = {"error": stated} if isinstance(stated, str) else stated or {}
    found = {} if error is None else {name: _attribute(error, name) for name in wanted or {"error"}}
    if found == wanted:
        return None
    if error is None:
        message = f"{case.name} must fail with {_named(wanted)}, and does not"
    elif not wanted:
        message = f"{case.name} fails, and states no `raises`: {error.diagnostics[0].message}"
    else:
        message = f"{case.name} must fail with {_named(wanted)}, and fails with {_named(found)}"
    key = "raises" if stated is not None else "description"
    return case.node.diagnostic("G702", message, key=key, hint="`raises` is written by hand, it is never accepted")


def _attribute(error: MapperError, name: str) -> Any:
    return type(error).__name__ if name == "error" else getattr(error, name, None)


def _named(about: Mapping[str, Any]) -> str:
    return " ".join(str(value) if name == "error" else f"{name}={value}" for name, value in about.items())


# ----------------------------------------------------------------------------------------------- comparing


def changes(case: Case, result: Result) -> list[Change]:
    """Every value that is not as expected, in the order of the files."""
    found: list[Change] = []
    for name in EXPECTATIONS:
        before, after = case.expected.get(name), result.files.get(name)
        if before != after:
            found += _changes(case, result, name, before, after)
    return found


def _changes(case: Case, result: Result, name: str, before: str | None, after: str | None) -> Iterator[Change]:
    old, new = (_value(name, text) for text in (before, after))
    differing = list(_differences(old, new, ())) or [((), old, new)]
    for path, was, now in differing:
        field_, origin = _origin(result.endpoint, name, path)
        yield Change(case, name, path, was, now, field_, origin)


def _value(name: str, text: str | None) -> Any:
    """The value of a file, or its text if it is no JSON."""
    if text is None:
        return MISSING
    if not name.endswith(".json"):
        return text
    try:
        return loads(text)
    except ValueError:
        return text


def _differences(old: Any, new: Any, path: Steps) -> Iterator[tuple[Steps, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _differences(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            was, now = (items[index] if index < len(items) else MISSING for items in (old, new))
            yield from _differences(was, now, (*path, index))
    elif old.__class__ is not new.__class__ or old != new:
        yield path, old, new


def _origin(endpoint: Endpoint | None, name: str, path: Steps) -> tuple[str, Expression | None]:
    """The name of a field in a file, and the expression that gives it."""
    steps = [step for step in path if isinstance(step, str)]
    if name == "response.json" and steps[:1] == ["result"]:
        keyed = isinstance(path[1], str) if len(path) > 1 else False  # an object keyed by a field
        steps = steps[2 if keyed else 1 :]
        return ".".join(steps) or "result", None if endpoint is None else giving(endpoint.response, steps)
    if endpoint is None:
        return ".".join(steps) or name, None
    parts: dict[str, Any] = {"next_cursor": endpoint.next_cursor}
    if name == "request.json":
        parts = {"path": endpoint.path, "body": endpoint.body, "params": endpoint.params, "headers": endpoint.headers}
    return ".".join(steps) or name, giving(parts.get(steps[0]), steps[1:]) if steps else None


def groups(found: Iterable[Change]) -> list[Group]:
    """Changes by their cause, those that concern most cases first; a group keeps its id while its cause is the same."""
    made: dict[str, Group] = {}
    for change in found:
        cause = json.dumps([change.case.mapping.name, change.file, change.field, change.origin and change.origin.text])
        key = hashlib.sha256(cause.encode()).hexdigest()[:8]
        made.setdefault(key, Group(key)).changes.append(change)
    return sorted(made.values(), key=lambda group: (-len({c.case.folder for c in group.changes}), group.title))


def difference(change: Change) -> str:
    """A change in lines of text."""
    if change.path or not isinstance(change.expected, str) or not isinstance(change.found, str):
        where = json_pointer(change.path)
        return f"{change.file}{where}: {change.shown}"
    lines = difflib.unified_diff(
        change.expected.splitlines(), change.found.splitlines(), f"{change.file} expected", "found", lineterm=""
    )
    return "\n".join(lines)


def diagnostic(change: Change) -> Diagnostic:
    """A change as a finding at the line that produced it."""
    origin = change.origin
    message = f"{change.case.name}: {difference(change)}"
    if origin is None:
        return Diagnostic("G701", message, source=change.case.node.source, span=change.case.node.span)
    return Diagnostic("G701", message, source=origin.source, span=origin.locate(origin.node.span))


# ------------------------------------------------------------------------------------------------- writing


def accept(found: Iterable[Change]) -> list[Path]:
    """Write the values that were found into the expectations, and nothing else. The files concerned."""
    by_file: dict[Path, list[Change]] = {}
    for change in found:
        by_file.setdefault(change.case.folder / change.file, []).append(change)
    for path, some in by_file.items():
        value = _accepted(_value(path.name, some[0].case.expected.get(path.name)), some)
        if value is MISSING:
            path.unlink()
        else:
            path.write_text(value if isinstance(value, str) else _json(value), "utf-8", newline="\n")
        path.with_name(path.name + PENDING).unlink(missing_ok=True)
    return sorted(by_file)


def _accepted(value: Any, some: list[Change]) -> Any:
    for change in sorted(some, key=lambda change: [str(step).zfill(9) for step in change.path], reverse=True):
        if not change.path:
            return change.found
        *above, last = change.path
        holder: Any = value
        for step in above:
            holder = holder[step]
        if change.found is MISSING:
            del holder[last]
        elif isinstance(holder, list) and isinstance(last, int):  # the last one first, so there may be none yet
            holder += [MISSING] * (last + 1 - len(holder))
            holder[last] = change.found
        else:
            holder[last] = change.found
    return value


def pend(results: Iterable[tuple[Case, Result]]) -> None:
    """Leave what was found beside what is expected, for a person to look at; take away what no longer differs."""
    for case, result in results:
        for name in EXPECTATIONS:
            path, found = case.folder / (name + PENDING), result.files.get(name)
            expected = case.folder / name
            if found is not None and (not expected.is_file() or found != files.read(expected).text):
                path.write_text(found, "utf-8", newline="\n")
            else:
                path.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------- the whole of it


@dataclass(slots=True)
class Report:
    """What came of the cases of some mappings."""

    passed: list[Case] = field(default_factory=list)
    results: list[tuple[Case, Result]] = field(default_factory=list)
    #: Of cases that do not give what they expect.
    changes: list[Change] = field(default_factory=list)
    #: Mistakes in cases and mappings, and failures that are not the stated ones.
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        return [*self.findings, *map(diagnostic, self.changes)]


def run_all(paths: Iterable[Path], only: str = "", names: frozenset[str] = frozenset()) -> Report:
    """Run the cases of mappings: those whose name holds `only`, and is among `names` if there are any."""
    report = Report()
    for mapping in paths:
        try:
            mapper = load(mapping)
        except MapperError as error:
            report.findings += error.diagnostics
            continue
        report.findings += orphans(mapping)
        for folder in folders(mapping):
            if only in folder.name and (not names or folder.name in names):
                run_one(folder, mapper, report)
    return report


def run_one(folder: Path, mapper: Mapper, report: Report) -> None:
    """Run a case and note what there is to say about it."""
    try:
        case = read(folder)
    except MapperError as error:
        report.findings += error.diagnostics
        return
    result = run(case, mapper)
    missed = misses(case, result)
    found = [] if missed else changes(case, result)
    report.findings += [missed] if missed else []
    report.changes += found
    if not missed:
        report.results.append((case, result))
    if not missed and not found:
        report.passed.append(case)


def _words(mapper: Mapper) -> frozenset[str]:
    """The texts that a mapping knows by name: those in its expressions, and those its source schemas list."""
    found: set[str] = set()
    for endpoint in mapper.mapping.endpoints:
        for _, expression in every(endpoint):
            found |= {node.value for node in walk(expression.node) if isinstance(node, String)}
        root = yaml_tree.parse(endpoint.source) if endpoint.source is not None else None
        for node in root.walk() if root is not None else ():
            listed = node.value.get("enum") or node.value.get("const") if isinstance(node.value, dict) else None
            found |= {one.value for one in listed.walk() if isinstance(one.value, str)} if listed is not None else set()
    return frozenset(found)


def record(mapping: Path, name: str, payload: Any, settings: dict[str, Any], *, salt: str | None = "") -> Case:
    """Make a case of a provider's reply, its expectations what comes of it now; for a person to read and commit.

    Persons in it get aliases, the same ones for the same `salt`; None keeps the payload as it is. Raises `MappingError`
    G704 where there is such a case, and M106 for settings that are none.
    """
    folder = mapping.with_suffix("") / name
    if folder.exists():
        hint = "choose another name, or take the folder away"
        raise MappingError(Diagnostic("G704", f"there is a case {excerpt(name)} already: {folder}", hint=hint))
    mapper = load(mapping)
    aliases = None if salt is None else Aliases(salt, _words(mapper))
    body = payload if aliases is None else aliases.of(payload)
    given = settings if aliases is None else aliases.known_in(settings)
    kept = {key: value for key, value in given.items() if value is not None}
    files = {"case.yaml": yaml_tree.written(kept), "payload.json": _json(body)}
    node = yaml_tree.parse(Source(str(folder / "case.yaml"), files["case.yaml"]))
    case = Case(folder, mapping, shaped(node, Settings), node, body, {})
    result = run(case, mapper)
    if result.error is not None:
        files["case.yaml"] += yaml_tree.written({"raises": type(result.error).__name__})
    folder.mkdir(parents=True)
    for file, content in {**files, **result.files}.items():
        (folder / file).write_text(content, "utf-8", newline="\n")
    return read(folder)
