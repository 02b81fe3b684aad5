"""What `test` prints: the causes of differences with some examples each, and the totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from truto_mapper.edges.cli.output import report, write
from truto_mapper.text import reports
from truto_mapper.text.diagnostics import Diagnostic, excerpt, printable, shortened

if TYPE_CHECKING:
    from truto_mapper.authoring import golden

#: How many examples of one cause are shown, how many names of cases and files, and how many causes.
EXAMPLES, NAMES, CAUSES = 4, 10, 30

#: How many findings of one cause another format has.
FINDINGS = 50


def show(made: golden.Report, left: Sequence[golden.Group], format_: str, *, seen: bool = False) -> None:
    """Print the findings, the causes of the differences unless they were `seen`, and the totals.

    In another format all of it as findings.
    """
    if format_ != "text":
        found = [*made.findings, *(one for group in left for one in _findings(group))]
        write(reports.render(found, format_, [str(case.folder) for case in made.passed]))
        return
    report(made.findings)
    failing = list(dict.fromkeys(one.case.folder for group in left for one in group.differences))
    if failing and not seen:
        _show_causes(left)
        typer.echo("\nAccept one cause with --accept ID, all with --update, or decide on each with --review.")
    if failing:
        typer.echo(f"failed: {_listed(failing)}")
    typer.echo(_totals(made, len(failing)))


def _show_causes(left: Sequence[golden.Group]) -> None:
    for group in left[:CAUSES]:
        typer.echo(f"\n{block(group)}")
    if len(left) > CAUSES:
        typer.echo(f"\n… and {len(left) - CAUSES} more causes")


def _totals(made: golden.Report, failing: int) -> str:
    faults = [one for one in made.findings if one.severity == "error"]
    said = f"{len(made.results) - failing} passed, {failing} failed"
    said += f", {len(faults)} finding{'s' * (len(faults) > 1)}" if faults else ""
    return typer.style(said, fg="red" if failing or faults else "green")


def block(group: golden.Group) -> str:
    """A cause: its id and line, its expression, and examples of what it changed."""
    head = f"{typer.style(group.id, bold=True)}  {group.place}  {group.fields}"
    lines = [head, *([f"    {shortened(printable(group.origin.line), 110)}"] if group.origin is not None else [])]
    kinds = {one.values: one for one in reversed(group.shown)}
    examples = [one for one in group.shown if kinds[one.values] is one][:EXAMPLES]
    lines += [f"  {one.case.name}: {one.text}" for one in examples]
    if others := len(group.differences) - len(examples):
        lines.append(f"  … {others:,} more; {group.cases:,} case{'s' * (group.cases > 1)} in all")
    return "\n".join(lines)


def is_wanted(group: golden.Group, number: int, total: int) -> bool:
    """Show what one cause changed, and ask."""
    typer.echo(f"\n{block(group)}", err=True)
    return typer.confirm(f"accept? ({number} of {total})", err=True)


def show_accepted(paths: Sequence[Path]) -> None:
    """Say which files were written."""
    for path in paths[:NAMES]:
        typer.echo(f"accepted {path}", err=True)
    if len(paths) > NAMES:
        typer.echo(f"accepted {len(paths) - NAMES} more files", err=True)


def show_recorded(made: golden.Recorded) -> None:
    """Say what a new case has aliases for, which values had to stay, and its files."""
    paths = [f"{path} ({number})" for path, number in sorted(made.aliased.items())]
    if paths:
        more = f" and {len(paths) - NAMES} more" if len(paths) > NAMES else ""
        typer.echo(f"aliases for {', '.join(paths[:NAMES])}{more}", err=True)
    for text in made.kept:
        typer.echo(f"kept {excerpt(text)}: with an alias the case would show something else", err=True)
    for path in sorted(made.case.folder.iterdir()):
        typer.echo(path)


def _findings(group: golden.Group) -> Iterator[Diagnostic]:
    yield from (one.diagnostic for one in group.differences[:FINDINGS])
    others = len(group.differences) - FINDINGS
    if others > 0:
        yield replace(group.differences[0].diagnostic, message=f"{group.fields}: {others:,} more differences")


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - NAMES} more" if len(paths) > NAMES else ""
    return ", ".join(path.name for path in paths[:NAMES]) + more
