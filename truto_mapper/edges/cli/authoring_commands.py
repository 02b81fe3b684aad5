"""The commands for authors of mappings: check, explain, coverage, docs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from truto_mapper import load
from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.input import read_reply
from truto_mapper.edges.cli.output import FINDINGS, UsageError, conclude, print_json, report, reported, write
from truto_mapper.text import codes, files
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MapperError, MappingError

#: The formats of the modules that do the work, which only their commands import: the start stays quick.
COVERAGE_FORMATS = ("text", "json", "html", "cobertura")
DOCS_FORMATS = ("markdown", "html")


def check_(
    targets: options.Mappings = None,
    overlays: options.Overlays = None,
    strict: Annotated[bool, Option("--strict", help="Warnings fail too.")] = False,
    format_: options.ReportFormat = "text",
    code: Annotated[str | None, Option("--explain", metavar="CODE", help="Print what a code means.")] = None,
) -> None:
    """Find mistakes in mappings, without a payload.

    It compares the types with both schemas, and finds code that is never reached.
    """
    if code is not None:
        with reported():
            write(_page_of(code))
        return
    with reported(format_):
        paths = options.mappings(targets)
        found = [one for path in paths for one in _checked(path, overlays or ())]
    failed = any(one.severity == "error" or (strict and one.severity == "warning") for one in found)
    conclude(found, format_, list(map(str, paths)), exit_code=FINDINGS if failed else 0)


def _page_of(code: str) -> str:
    page = files.page_of(code.strip().upper())
    if page is None:
        hint = did_you_mean(code, codes.CODES, "{}")
        raise UsageError(f"there is no page about {excerpt(code)}" + (f"; {hint}" if hint else ""))
    return page.rstrip() + "\n"


def _checked(path: Path, overlays: Sequence[Path]) -> list[Diagnostic]:
    from truto_mapper.authoring import check

    try:
        return check.check_file(path, overlays=overlays)
    except MapperError as error:
        return list(error.diagnostics)


def explain_(
    name: options.MappingName,
    payload: options.Payload,
    pointer: Annotated[
        str,
        Argument(metavar="POINTER", help="/result/0/user/id, /next_cursor, /request/body or metrics.calls_hosted."),
    ] = "",
    query: options.ReplyQuery = None,
    method: options.Method = None,
    id_: options.Id = None,
    given: options.Body = None,
    context: options.Context = None,
    overlays: options.Overlays = None,
    now: options.Now = None,
    status: options.Status = 200,
    joined: options.Joined = None,
    headers: options.Headers = None,
    format_: Annotated[str, options.choice("--format", ("text", "json"))] = "text",
) -> None:
    """Explain an output value, or why it is missing. Without POINTER: each field of the first record."""
    from truto_mapper.authoring import explain

    with reported():
        mapper = load(options.located(name), overlays=overlays or ())
        body = read_reply(payload, mapper, status)
        about: dict[str, Any] = {"context": options.settings(context), "now": options.moment(now)}
        asked = options.of_one(method, id_, given)
        planned = mapper.plan(query or "", **asked, **about).query if asked else query
        about |= {"status": status, "headers": options.headers(headers), **options.joined(joined)}
        found, notes = explain.explain(mapper, body, pointer, query=planned, **about)
        report(mapper.diagnostics + notes)
        if format_ == "json":
            print_json([one.as_dict() for one in found])
        else:
            write((found[0].render() if len(found) == 1 else explain.table(found)) + "\n")


def coverage_(
    name: options.MappingName,
    cases: Annotated[list[str] | None, Argument(metavar="CASE", help="Names or folders of cases; else all.")] = None,
    overlays: options.Overlays = None,
    format_: Annotated[str, options.choice("--format", COVERAGE_FORMATS)] = "text",
    fail_under: Annotated[float, Option(metavar="N", help="Fail if less than N percent is covered.")] = 0,
) -> None:
    """Measure what the golden cases of a mapping exercise.

    Fields, branches each way, enum values, and lines.
    """
    from truto_mapper.authoring import coverage, golden

    with reported():
        path = options.one_mapping(name)
        folders = _chosen(path, golden.folders(path), cases)
        found = coverage.measure(load(path, overlays=overlays or ()), map(golden.read, folders))
    write(coverage.FORMATS[format_](found))
    if found.percent < fail_under:
        typer.echo(f"coverage is {found.percent:.1f}%, less than the required {fail_under:g}%", err=True)
        raise typer.Exit(FINDINGS)


def _chosen(path: Path, folders: list[Path], names: list[str] | None) -> list[Path]:
    """The folders of the named cases of a mapping, or of all. Raises `MappingError` M105."""
    known = {folder.name: folder for folder in folders}
    for name in names or ():
        if Path(name).name not in known:
            hint = did_you_mean(Path(name).name, known)
            raise MappingError(Diagnostic("M105", f"{path} has no case {excerpt(name)}", hint=hint))
    return [known[Path(name).name] for name in names] if names else [*known.values()]


def docs_(
    name: options.MappingName,
    overlays: options.Overlays = None,
    format_: Annotated[str, options.choice("--format", DOCS_FORMATS)] = "markdown",
) -> None:
    """Show a mapping as a page to read.

    It says where each field comes from, and how each parameter is handled.
    """
    from truto_mapper.authoring import docs

    with reported():
        mapper = load(options.located(name), overlays=overlays or ())
        report(mapper.diagnostics)
        write(docs.FORMATS[format_](mapper))
