"""The commands about golden cases: test, record."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.input import read_json
from truto_mapper.edges.cli.output import FINDINGS, UsageError, report, reported, write
from truto_mapper.text import reports
from truto_mapper.text.diagnostics import excerpt

if TYPE_CHECKING:
    from truto_mapper.authoring import golden

#: A review shows this many differences of one cause.
SHOWN = 5


def run_cases(
    targets: Annotated[
        list[str] | None, Argument(metavar="TARGET", help="Mappings or folders; else ./mappings.")
    ] = None,
    only: Annotated[str, Option("-k", metavar="TEXT", help="Run only the cases whose name contains TEXT.")] = "",
    update: Annotated[bool, Option("--update", help="Accept every difference.")] = False,
    review: Annotated[bool, Option("--review", help="Ask about each cause whether to accept it.")] = False,
    accept: Annotated[list[str] | None, Option(metavar="GROUP", help="Accept one cause; repeat for more.")] = None,
    format_: options.ReportFormat = "text",
    watch: Annotated[bool, Option("--watch", help="Run again whenever a file changes.")] = False,
) -> None:
    """Run the golden cases of mappings. Differing output is left beside them as *.new, except where CI is set."""
    from truto_mapper.authoring import golden

    with reported(format_):
        paths = options.mappings(targets)
        names = frozenset(Path(target).name for target in targets or () if (Path(target) / "case.yaml").is_file())
    for _ in _rounds(paths, golden.PENDING) if watch else (None,):
        with reported(format_):
            made = golden.run_all(paths, only, names)
            groups = golden.groups(made.differences)
            chosen = _chosen(groups, accept or [], update=update, review=review)
            if not made.results and not made.findings:
                _nothing_ran(paths, only)
            for path in golden.accept(one for group in chosen for one in group.differences):
                typer.echo(f"accepted {path}", err=True)
            left = [one for group in groups if group not in chosen for one in group.differences]
            if not os.environ.get("CI"):
                golden.pend(made.results)
        _show_cases(made, left, groups, format_)
    if left or made.findings:
        raise typer.Exit(FINDINGS)


def _rounds(paths: list[Path], ours: str) -> Iterator[None]:
    """Once now, and again after each change of a mapping or of a file beside it that does not end in `ours`."""
    try:
        from watchfiles import watch  # an extra of its own
    except ImportError:
        raise UsageError("--watch needs watchfiles: pip install 'truto-mapper[watch]'") from None
    yield
    for _ in watch(*{path.parent for path in paths}, watch_filter=lambda _, path: not path.endswith(ours)):
        yield


def _nothing_ran(paths: list[Path], only: str) -> None:
    """Say that there are no cases; a `-k` that matches none is wrong usage."""
    if only:
        raise UsageError(f"-k: no case has {excerpt(only)} in its name")
    names = ", ".join(map(str, paths))
    typer.echo(f"{names}: no cases yet; record one: truto-mapper record MAPPING PAYLOAD --case NAME", err=True)


def _chosen(groups: list[golden.Group], accept: list[str], *, update: bool, review: bool) -> list[golden.Group]:
    """The groups to accept."""
    known = {group.id for group in groups}
    if accept and not known:
        raise UsageError("--accept: no case differs")
    for id_ in accept:
        if id_ not in known:
            raise UsageError(f"--accept must be one of {', '.join(sorted(known))}, not {excerpt(id_)}")
    if review and not sys.stdin.isatty():
        raise UsageError("--review needs a terminal; without one use --accept GROUP, or --update for all")
    return [group for group in groups if update or group.id in accept or (review and _is_wanted(group))]


def _is_wanted(group: golden.Group) -> bool:
    """Show what one cause changed, and ask."""
    typer.echo(f"\n{group.title}", err=True)
    if origin := group.differences[0].origin:
        typer.echo(f"  {origin.text.strip()}", err=True)
    for one in group.differences[:SHOWN]:
        typer.echo(f"  {one.case.name}: {one.text}", err=True)
    if len(group.differences) > SHOWN:
        typer.echo(f"  … and {len(group.differences) - SHOWN} more", err=True)
    return typer.confirm("accept?", err=True)


def _show_cases(made: golden.Report, left: list[golden.Difference], groups: list[golden.Group], format_: str) -> None:
    """Print the differences by case, then by cause, then the totals; in another format the findings."""
    if format_ != "text":
        checked = [str(case.folder) for case in made.passed]
        found = [*made.findings, *(one.diagnostic for one in left)]
        write(reports.render(found, format_, checked))
        return
    report(made.findings)
    failing = list(dict.fromkeys(one.case.folder for one in left))
    for folder in failing:
        typer.echo(f"\n{typer.style('FAIL', fg='red', bold=True)} {folder}")
        for one in left:
            if one.case.folder == folder:
                typer.echo(_indented(one))
    causes = [group for group in groups if any(one in left for one in group.differences)]
    if causes:
        typer.echo("\nBy cause; accept one with --accept ID, all with --update, or decide on each with --review:")
        for group in causes:
            typer.echo(f"  {group.id}  {group.title}")
    passing = len(made.results) - len({one.case.folder for one in left})
    summary = f"{passing} passed, {len(failing)} failed" + (f", {len(made.findings)} findings" * bool(made.findings))
    typer.echo(typer.style(f"{summary}", fg="red" if failing or made.findings else "green"))


def _indented(one: golden.Difference) -> str:
    lines = one.text.splitlines()
    where = f"   {one.place}  {one.origin.line}" if one.origin else ""
    return "\n".join(f"  {line}{where if not number else ''}" for number, line in enumerate(lines))


def record(
    name: options.MappingName,
    payload: options.Payload,
    case: Annotated[str, Option(metavar="NAME", help="The name of the new case and of its folder.")],
    description: Annotated[str, Option(metavar="TEXT", help="What the case shows.")] = "Recorded; say what it shows.",
    query: Annotated[str | None, Option(metavar="QS", help=options.QUERY)] = None,
    context: options.Context = None,
    now: Annotated[
        str | None, Option(metavar="ISO", help="The time of the case, an RFC 3339 date-time; none if left out.")
    ] = None,
    status: Annotated[int | None, Option(metavar="N", help="The HTTP status of the reply.")] = None,
    salt: Annotated[str, Option(metavar="TEXT", help="A secret that aliases also depend on.")] = "",
    raw: Annotated[bool, Option("--raw", help="Keep the payload as it is, with real persons.")] = False,
) -> None:
    """Make a golden case of a provider's reply. Persons get aliases; the same person gets the same one."""
    from truto_mapper.authoring import golden

    if case in ("", "..") or Path(case).name != case:
        raise UsageError(f"--case must be the name of a folder, not {excerpt(case)}")
    with reported():
        given = {"query": query, "context": options.settings(context) or None, "now": now, "status": status}
        body, about = read_json(payload), {"description": description} | given
        made = golden.record(options.one_mapping(name), case, body, about, salt=None if raw else salt)
        for path in sorted(made.folder.iterdir()):
            typer.echo(path)
