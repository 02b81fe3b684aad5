"""Running golden cases, and what they give."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from truto_mapper.authoring.golden.cases import Case, folders, orphans, read
from truto_mapper.authoring.golden.comparison import Difference, compare
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.engine.page import SENT, Page, Response
from truto_mapper.engine.rendering import dumps
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError
from truto_mapper.text.reports import text
from truto_mapper.text.source import Source


@dataclass(slots=True)
class Result:
    """What a case gives: the texts of its files, the error if it fails, and the endpoint that served it."""

    files: dict[str, str] = field(default_factory=dict)
    error: MapperError | None = None
    endpoint: Endpoint | None = None


def run(case: Case, mapper: Mapper) -> Result:
    """Run a case and return what it gives."""
    result = Result()
    try:
        query = case.settings.query
        page = _mapped(case, mapper) if query is None else _planned(case, query, mapper, result)
        if page is not None:
            _show(case, mapper, page, result)
    except MapperError as error:
        result.files["diagnostics.txt"] = _rendered(error.diagnostics)
        result.error = error
    return result


def _planned(case: Case, query: str | dict[str, Any], mapper: Mapper, result: Result) -> Page | None:
    """Plan the case's query, and map its payload as the answer; None if it has none."""
    settings, page = case.settings, None
    choices: dict[str, Any] = {"context": settings.context, "now": settings.now}
    request = mapper.plan(query, **choices)
    if request.query.plan:
        result.endpoint = _endpoint(mapper, request.query.plan.endpoints[0])
    result.files["request.json"] = as_json({part: getattr(request, part) for part in SENT})
    exchange = mapper.exchange(request.query, **choices, on_invalid=settings.on_invalid)
    try:
        next(exchange)
        if case.payload is not None:
            exchange.send(Response(case.payload, settings.status, settings.headers))
    except StopIteration as end:
        page = end.value
    if page is None and request.diagnostics:
        result.files["diagnostics.txt"] = _rendered(request.diagnostics)
    return page


def _mapped(case: Case, mapper: Mapper) -> Page | None:
    if case.payload is None:
        return None
    chosen = case.settings.model_dump(include={"context", "now", "status", "headers", "on_invalid"})
    return mapper.map(case.payload, **chosen)


def _endpoint(mapper: Mapper, name: str) -> Endpoint:
    return next(one for one in mapper.mapping.endpoints if one.name == name)


def _show(case: Case, mapper: Mapper, page: Page, result: Result) -> None:
    """Add the files of a page to a result."""
    if page.endpoint:
        result.endpoint = _endpoint(mapper, page.endpoint)
    if page.diagnostics:
        result.files["diagnostics.txt"] = _rendered(page.diagnostics)
    if page.rejected:
        result.files["rejected.json"] = as_json(list(page.rejected))
    made = page.render(case.settings.format)
    if isinstance(made, str):
        result.files["response.ndjson"] = made
    else:
        result.files["response.json"] = as_json(made)


def _rendered(diagnostics: Iterable[Diagnostic]) -> str:
    """Findings with the bare names of their files, so that they do not depend on the working directory."""
    return text(
        [replace(one, source=one.source and Source(Path(one.source.name).name, one.source.text)) for one in diagnostics]
    )


def as_json(value: Any) -> str:
    """The text of an expected JSON file."""
    return dumps(value, indent=2) + "\n"


def misses(case: Case, result: Result) -> Diagnostic | None:
    """G702: how the failure of a case differs from the one that it states."""
    stated, error = case.settings.raises, result.error
    wanted = {"error": stated} if isinstance(stated, str) else stated or {}
    kind = {"error": type(error).__name__}
    found = {} if error is None else {name: kind.get(name, getattr(error, name, None)) for name in wanted or kind}
    if found == wanted:
        return None
    if error is None:
        message = f"{case.name} should fail with {_named(wanted)}, but passes"
    elif not wanted:
        message = f"{case.name} fails, but states no `raises`: {error.diagnostics[0].message}"
    else:
        message = f"{case.name} should fail with {_named(wanted)}, but fails with {_named(found)}"
    key = "raises" if stated is not None else "description"
    return case.node.diagnostic("G702", message, key=key, hint="`raises` is written by hand, and never accepted")


def _named(about: Mapping[str, Any]) -> str:
    return " ".join(str(value) if name == "error" else f"{name}={value}" for name, value in about.items())


@dataclass(slots=True)
class Report:
    """The outcome of the cases of some mappings; `differences` are those of the failing cases."""

    passed: list[Case] = field(default_factory=list)
    results: list[tuple[Case, Result]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    #: Mistakes in cases and mappings, and failures other than the stated ones.
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        return [*self.findings, *(one.diagnostic for one in self.differences)]


def run_all(paths: Iterable[Path], only: str = "", names: frozenset[str] = frozenset()) -> Report:
    """Run the cases of mappings: those with `only` in their names, and among `names` unless that is empty."""
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
    """Run the case in a folder and add its outcome to a report."""
    try:
        case = read(folder)
    except MapperError as error:
        report.findings += error.diagnostics
        return
    result = run(case, mapper)
    if (missed := misses(case, result)) is not None:
        report.findings.append(missed)
        return
    found = compare(case, result.files, result.endpoint)
    report.differences += found
    report.results.append((case, result))
    report.passed += [] if found else [case]
