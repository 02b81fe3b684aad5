"""The commands about golden cases: test, record."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from truto_mapper import load
from truto_mapper.edges.cli import case_report, options
from truto_mapper.edges.cli.input import read_reply
from truto_mapper.edges.cli.output import FINDINGS, UsageError, reported
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MappingError

if TYPE_CHECKING:
    from truto_mapper.authoring import golden

#: The exit code of a program that Ctrl-C ends.
INTERRUPTED = 130


def run_cases(
    targets: Annotated[
        list[str] | None, Argument(metavar="TARGET", help="Mappings, folders or cases; else ./mappings.")
    ] = None,
    only: Annotated[str, Option("-k", metavar="TEXT", help="Run only the cases whose name contains TEXT.")] = "",
    overlays: options.Overlays = None,
    update: Annotated[bool, Option("--update", help="Accept every difference.")] = False,
    review: Annotated[bool, Option("--review", help="Ask about each cause whether to accept it.")] = False,
    accept: Annotated[list[str] | None, Option(metavar="GROUP", help="Accept one cause; repeat for more.")] = None,
    format_: options.ReportFormat = "text",
    watch: Annotated[bool, Option("--watch", help="Run again whenever a file changes.")] = False,
) -> None:
    """Run the golden cases of mappings. Differing output is left beside them as *.new, except where CI is set."""
    from truto_mapper.authoring import golden
    from truto_mapper.edges.loading import default_folder

    _check_usage(update=update, review=review, accept=bool(accept))
    with reported(format_):
        paths, chosen, astray = _located(targets)
    for _ in _rounds(paths, golden.PENDING) if watch else (None,):
        made = golden.run_all(paths, only, chosen, overlays or (), default_folder())
        made.findings += astray
        if not made.results and not made.findings:
            made.findings += _without_cases(paths, only)
        groups = golden.groups(made.differences)
        taken, was_interrupted = _taken(groups, accept or [], made, update=update, review=review)
        if not _is_ci():
            made.findings += golden.pend(made, taken)
        left = [group for group in groups if group not in taken]
        case_report.show(made, left, format_, seen=review)
    if was_interrupted:
        raise typer.Exit(INTERRUPTED)
    if left or any(one.severity == "error" for one in made.findings):
        raise typer.Exit(FINDINGS)


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def _check_usage(**writing: bool) -> None:
    """Raises `UsageError` for what would write expectations where nobody looks at them."""
    option = next((f"--{name}" for name, is_given in writing.items() if is_given), None)
    if option is not None and _is_ci():
        raise UsageError(f"{option} writes expectations, which nobody reviews where CI is set; run it locally")
    if writing["review"] and not sys.stdin.isatty():
        raise UsageError("--review needs a terminal; without one use --accept GROUP, or --update for all")


def _located(targets: list[str] | None) -> tuple[list[Path], list[Path], list[Diagnostic]]:
    """The mappings of some targets, the cases among the targets, and findings about cases without a mapping.

    Raises `MappingError` M105.
    """
    from truto_mapper.authoring import golden, mapping_files

    whole, chosen, astray = set[Path](), list[Path](), list[Diagnostic]()
    for target in targets or (None,):
        top = Path("mappings" if target is None else target)
        if top.is_dir():
            astray += golden.ownerless(top / "mappings" if (top / "mappings").is_dir() else top)
        try:
            found = mapping_files.mappings(target)
        except MappingError:
            if not astray:
                raise
            continue
        is_case = (top / "case.yaml").is_file() and found == [mapping_files.mapping_of(top.parent)]
        chosen += [top] if is_case else []
        whole |= set() if is_case else set(found)
    alone = [case for case in chosen if mapping_files.mapping_of(case.parent) not in whole]
    return sorted({*whole, *map(mapping_files.mapping_of, (case.parent for case in alone))}), alone, astray


def _rounds(paths: list[Path], ours: str) -> Iterator[None]:
    """Once now, and again after each change of a mapping or of a file beside it that does not end in `ours`."""
    try:
        from watchfiles import watch  # an extra of its own
    except ImportError:
        raise UsageError("--watch needs watchfiles: pip install 'truto-mapper[watch]'") from None
    yield
    for _ in watch(*{path.parent for path in paths}, watch_filter=lambda _, path: not path.endswith(ours)):
        yield


def _without_cases(paths: list[Path], only: str) -> list[Diagnostic]:
    """The findings about cases of another mapping near by. Raises `UsageError` if there is none."""
    from truto_mapper.authoring import golden

    if only and any(map(golden.folders, paths)):
        raise UsageError(f"-k: no case has {excerpt(only)} in its name")
    if near := [one for folder in sorted({path.parent for path in paths}) for one in golden.ownerless(folder)]:
        return near
    names = ", ".join(str(path.with_suffix("")) + "/" for path in paths)
    raise UsageError(
        f"there are no golden cases in {names}; record one: truto-mapper record MAPPING PAYLOAD --case NAME"
    )


def _taken(
    groups: list[golden.Group], accept: list[str], made: golden.Report, *, update: bool, review: bool
) -> tuple[list[golden.Group], bool]:
    """The groups that are accepted, their files written, and whether a review was interrupted.

    A review writes after each answer. What cannot be written becomes a finding of the report.
    """
    known = {group.id for group in groups}
    if accept and not known:
        raise UsageError("--accept: no case differs")
    for id_ in accept:
        if id_ not in known:
            raise UsageError(f"--accept must be one of {', '.join(sorted(known))}, not {excerpt(id_)}")
    taken: list[golden.Group] = []
    try:
        for number, group in enumerate(groups, 1):
            if update or group.id in accept or (review and case_report.is_wanted(group, number, len(groups))):
                taken.append(group)
                _write(taken if review else [], made)
    except (KeyboardInterrupt, typer.Abort):
        typer.echo(f"\ninterrupted: {len(taken)} accepted, {len(groups) - len(taken)} left", err=True)
        return taken, True
    case_report.show_accepted(_write(taken, made))
    return taken, False


def _write(taken: list[golden.Group], made: golden.Report) -> list[Path]:
    from truto_mapper.authoring import golden

    try:
        return golden.accept(one for group in taken for one in group.differences)
    except MappingError as error:
        made.findings += [one for one in error.diagnostics if one not in made.findings]
        return []


def record(
    name: options.MappingName,
    payload: options.Payload,
    case: Annotated[str, Option(metavar="NAME", help="The name of the new case and of its folder.")],
    description: Annotated[str, Option(metavar="TEXT", help="What the case shows.")] = "Recorded; say what it shows.",
    query: Annotated[str | None, Option(metavar="QS", help=options.QUERY)] = None,
    method: options.Method = None,
    id_: options.Id = None,
    body: options.Body = None,
    context: options.Context = None,
    now: Annotated[
        str | None, Option(metavar="ISO", help="The time of the case, an RFC 3339 date-time; none if left out.")
    ] = None,
    status: Annotated[int | None, Option(metavar="N", help="The HTTP status of the reply.")] = None,
    joined: options.Joined = None,
    headers: options.Headers = None,
    salt: Annotated[str, Option(metavar="TEXT", help="A secret that aliases also depend on.")] = "",
    raw: Annotated[bool, Option("--raw", help="Keep the payload as it is, with real persons.")] = False,
) -> None:
    """Make a golden case of a provider's reply. Persons get aliases; the same person gets the same one."""
    from truto_mapper.authoring import golden

    if case in ("", "..") or Path(case).name != case:
        raise UsageError(f"--case must be the name of a folder, not {excerpt(case)}")
    with reported():
        given = {"query": query, "context": options.settings(context) or None, "now": now, "status": status}
        given["headers"] = dict(options.headers(headers)) or None
        about = {"description": description} | options.of_one(method, id_, body) | given
        about |= options.joined(joined)
        mapping = options.one_mapping(name)
        reply = read_reply(payload, load(mapping), status)
        made = golden.record(mapping, case, reply, about, salt=None if raw else salt)
    case_report.show_recorded(made)
