"""Running golden cases, and what they give."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from truto_mapper.authoring.golden import joins
from truto_mapper.authoring.golden.cases import Case, folders, orphans, read
from truto_mapper.authoring.golden.causes import LISTED, count
from truto_mapper.authoring.golden.comparison import Difference, compare
from truto_mapper.authoring.golden.places import said
from truto_mapper.authoring.golden.values import as_json
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.engine.page import SENT, Page, Response
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MapperError


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
        query, method = case.settings.query, case.settings.method
        is_planned = query is not None or method is not None
        page = _planned(case, query or "", mapper, result) if is_planned else _mapped(case, mapper)
        if page is not None:
            _show(case, mapper, page, result)
    except MapperError as error:
        _tell(error.diagnostics, mapper, result)
        result.error = error
    return result


def _planned(case: Case, query: str | dict[str, Any], mapper: Mapper, result: Result) -> Page | None:
    """Plan the case's query, and map its payload as the answer; None if it has none."""
    settings, page = case.settings, None
    choices: dict[str, Any] = {"context": settings.context, "now": settings.now}
    request = mapper.plan(query, id=settings.id, body=case.body, method=settings.method, **choices)
    if request.query.plan:
        result.endpoint = _endpoint(mapper, request.query.plan.endpoints[0])
    result.files["request.json"] = as_json({part: getattr(request, part) for part in SENT})
    exchange = mapper.exchange(request.query, **choices, on_invalid=settings.on_invalid)
    try:
        next(exchange)
    except StopIteration as end:
        page = end.value
    else:
        if case.is_answered:
            reply = Response(case.payload, settings.status, settings.headers)
            page = joins.answered(exchange, reply, case.joined, partial(_note, result))
    if page is None and request.diagnostics:
        _tell(request.diagnostics, mapper, result)
    return page


def _note(result: Result, file: str, sent: dict[str, Any]) -> None:
    result.files[file] = as_json(sent)


def _mapped(case: Case, mapper: Mapper) -> Page | None:
    if not case.is_answered:
        return None
    joined = joins.in_order(case.joined) or None
    chosen = case.settings.model_dump(include={"context", "now", "status", "headers", "on_invalid"})
    return mapper.map(case.payload, **chosen, joined=joined)


def _endpoint(mapper: Mapper, name: str) -> Endpoint:
    return next(one for one in mapper.mapping.endpoints if one.name == name)


def _show(case: Case, mapper: Mapper, page: Page, result: Result) -> None:
    """Add the files of a page to a result."""
    if page.endpoint:
        result.endpoint = _endpoint(mapper, page.endpoint)
    if page.diagnostics:
        _tell(page.diagnostics, mapper, result)
    if page.rejected:
        result.files["rejected.json"] = as_json(list(page.rejected))
    made = page.render(case.settings.format)
    if isinstance(made, str):
        result.files["response.ndjson"] = made
    else:
        result.files["response.json"] = as_json(made)


def _tell(found: Iterable[Diagnostic], mapper: Mapper, result: Result) -> None:
    result.files["diagnostics.txt"] = said(found, mapper.mapping, result.endpoint)


def misses(case: Case, result: Result) -> Diagnostic | None:
    """G702: how the failure of a case differs from the one that it states."""
    reason = missed(case, result)
    if reason is None:
        return None
    first = result.error.diagnostics[0] if result.error is not None else None
    if first is not None and first.code == "G707":
        return case.node.diagnostic("G707", f"{case.name}: {first.message}", key="description", hint=first.hint)
    if case.settings.raises is None and first is not None and first.source is not None:
        return replace(first, code="G702", message=f"{case.name} {reason}", severity="error", hint=_BY_HAND)
    key = "raises" if case.settings.raises is not None else "description"
    return case.node.diagnostic("G702", f"{case.name} {reason}", key=key, hint=_BY_HAND)


_BY_HAND = "`raises` is written by hand, and never accepted"


def missed(case: Case, result: Result) -> str | None:
    """The same in words, without the name of the case."""
    wanted, error = case.settings.failure, result.error
    if error is None:
        return f"should fail with {_named(wanted)}, but passes" if wanted else None
    if not wanted:
        return f"fails with {error.code}, but states no `raises`: {error.diagnostics[0].message}"
    found = {name: value for name, value in failure(error).items() if name in wanted}
    return None if found == wanted else f"should fail with {_named(wanted)}, but fails with {_named(found)}"


def failure(error: MapperError) -> dict[str, Any]:
    """Everything that a case can state about an error in `raises`."""
    codes = list(dict.fromkeys(one.code for one in error.diagnostics))
    given = {name: getattr(error, name, None) for name in ("status", "retry_after", "request_id")}
    return {"error": type(error).__name__, **given, "code": codes[0], "codes": codes}


def _named(about: Mapping[str, Any]) -> str:
    return " ".join(
        str(value) if name == "error" else f"{name}={value if isinstance(value, str) else excerpt(value)}"
        for name, value in about.items()
    )


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


#: Loads the mapping of a case with these overlays.
Load = Callable[[tuple[Path, ...]], Mapper]


def run_all(
    paths: Iterable[Path],
    only: str = "",
    chosen: Collection[Path] = (),
    overlays: Sequence[Path] = (),
    kept_in: Path | None = None,
) -> Report:
    """Run the cases of mappings: those with `only` in their names, and of a mapping with `chosen` cases only these.

    What mappings are compiled to is kept in a folder, if one is given.
    """
    report = Report()
    for mapping in paths:
        loaded = loader(mapping, kept_in)
        try:
            loaded(tuple(overlays))
        except MapperError as error:
            report.findings += error.diagnostics
            continue
        known = folders(mapping)
        some = [folder for folder in known if folder in chosen]
        report.findings += orphans(mapping, some)
        for folder in some or known:
            if only in folder.name:
                run_one(folder, loaded, report, overlays)
    report.findings = _without_repetitions(report.findings)
    return report


def loader(mapping: Path, kept_in: Path | None = None) -> Load:
    """Loads a mapping once for each list of overlays."""
    return cache(lambda overlays: load(mapping, overlays=overlays, cache=kept_in))


def run_one(folder: Path, loaded: Load, report: Report, overlays: Sequence[Path] = ()) -> None:
    """Run the case in a folder and add its outcome to a report; its own overlays come after the given ones."""
    try:
        case = read(folder)
        mapper = loaded((*overlays, *(case.mapping.parent / name for name in case.settings.overlays)))
    except MapperError as error:
        report.findings += error.diagnostics
        return
    result = run(case, mapper)
    if (finding := misses(case, result)) is not None:
        report.findings.append(finding)
        return
    found = compare(case, result.files, result.endpoint, mapper.mapping.errors)
    report.differences += found
    report.results.append((case, result))
    report.passed += [] if found else [case]


def _without_repetitions(found: list[Diagnostic]) -> list[Diagnostic]:
    """The findings, one for all cases that fail for the same reason."""
    made: dict[object, list[Diagnostic]] = {}
    for number, one in enumerate(found):
        _, _, reason = one.message.partition(" ")
        reason = reason.partition("`raises`: ")[0]  # what it says of the values may differ
        source = Path(one.source.name) if one.source is not None else Path()
        known = one.code == "G702" and (reason, source.parents[1] if source.name == "case.yaml" else source)
        made.setdefault(known or number, []).append(one)
    return [_all_of(some) for some in made.values()]


def _all_of(some: list[Diagnostic]) -> Diagnostic:
    first, *others = some
    if not others:
        return first
    names = [one.message.partition(" ")[0] for one in others]
    more = f" and {count(len(names) - LISTED, 'more case')}" if len(names) > LISTED else ""
    return replace(first, message=f"{first.message}; the same in {', '.join(names[:LISTED])}{more}")
