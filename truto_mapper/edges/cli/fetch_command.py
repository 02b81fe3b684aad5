"""The command that fetches records from a provider: complete, or to be resumed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from typer import Option

from truto_mapper import load
from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.mapping_commands import ON_INVALID
from truto_mapper.edges.cli.output import UsageError, progress_bar, report, reported
from truto_mapper.engine import rendering
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError

if TYPE_CHECKING:
    from truto_mapper.edges.client import Client
    from truto_mapper.edges.client.resuming import Progress
    from truto_mapper.engine.encoded import Encoded

#: How many different findings of all pages are shown.
SHOWN = 20

AccountOption = Annotated[
    str, Option("--account", metavar="FILE|ENV", help="The account: a YAML or JSON file, or a variable env:NAME.")
]
Output = Annotated[Path | None, Option("-o", "--output", metavar="FILE", help="Where the records go; else stdout.")]
Resume = Annotated[
    Path | None,
    Option("--resume", metavar="FILE", help="Keeps how far this came, and goes on from there; needs --output."),
]
Limits = Annotated[
    str | None, Option("--limiter", metavar="URL", help="Redis that counts the calls of all processes: redis://…")
]


def fetch(
    name: options.MappingName,
    account: AccountOption,
    query: Annotated[str, Option(metavar="QS", help=options.QUERY)] = "",
    format_: Annotated[
        str, options.choice("--format", rendering.FORMATS, "; stream is every page, the others are one")
    ] = "stream",
    output: Output = None,
    resume: Resume = None,
    context: options.Context = None,
    overlays: options.Overlays = None,
    on_invalid: Annotated[
        str, options.choice("--on-invalid", ON_INVALID, ": what to do with invalid values")
    ] = "raise",
    limiter: Limits = None,
) -> None:
    """Fetch records from a provider."""
    from dataclasses import replace

    from truto_mapper.edges.client import Client, Limiter
    from truto_mapper.edges.client.account_file import read_account
    from truto_mapper.edges.client.resuming import Progress

    if resume is not None and (output is None or format_ != "stream"):
        raise UsageError("--resume needs --output, and the format stream")
    with reported():
        mapper = load(options.located(name), overlays=overlays or ())
        report(mapper.diagnostics)
        known = read_account(account)
        known = replace(known, context={**known.context, **options.settings(context)})
        progress = Progress.of(resume, str(mapper.sources[0].name), query) if output else None
        known = known if progress is None else progress.known(known)
        about: Any = {"on_invalid": on_invalid, "limiter": Limiter(limiter) if limiter else None, "max_wait": 3_600}
        with Client(mapper, known, on_context=None if progress is None else progress.found, **about) as client:
            if format_ != "stream":
                page = client.encoded(query, format=format_)  # type: ignore[arg-type]  # checked above
                report(page.diagnostics)
                _write(output, page.body)
            elif output is None or progress is None:
                _to_stdout(client, query)
            else:
                _to_file(client, query, output, progress)


def _write(output: Path | None, body: bytes) -> None:
    """One page."""
    if output is not None:
        output.write_bytes(body)
        return
    sys.stdout.buffer.write(body if body.endswith(b"\n") else body + b"\n")
    sys.stdout.flush()


def _to_stdout(client: Client[Any], query: str) -> None:
    """All records, line by line."""
    pages = client.stream_bytes(query)
    with _watched(pages) as watched:
        try:
            for page in watched:
                sys.stdout.buffer.write(page.body)
                sys.stdout.flush()
        except MapperError as error:
            raise _with_hint(error, f"next_cursor={pages.cursor}" if pages.cursor else None) from None


def _to_file(client: Client[Any], query: str, output: Path, progress: Progress) -> None:
    """All records, into a file that has its name once it is complete; how much of it is good is known at any moment."""
    part = output.with_name(f"{output.name}.part")
    try:
        if not progress.is_done:
            with progress.opened(part) as file:
                _fetched(client, query, file, progress)
    except MapperError as error:
        raise _with_hint(error, _so_far(part, progress)) from None
    except KeyboardInterrupt:
        sys.stderr.write(f"not complete: {_so_far(part, progress)}\n")
        raise
    if part.exists():  # else the last run was killed after this
        part.replace(output)
    progress.forget()
    sys.stderr.write(f"{output} is complete: {progress.records:,} records\n")


def _so_far(part: Path, progress: Progress) -> str:
    again = "run the same command again to go on" if progress.file else "with --resume it could go on"
    return f"{part} has the first {progress.records:,} records; {again}"


def _fetched(client: Client[Any], query: str, file: BinaryIO, progress: Progress) -> None:
    pages = client.stream_bytes(progress.query(query))
    with _watched(pages, progress.records) as watched:
        for page in watched:
            file.write(page.body)
            progress.reached(file, pages.cursor, page.count)
    progress.finished(file)


def _with_hint(error: MapperError, hint: str | None) -> MapperError:
    if hint is not None:
        error.diagnostics = (*error.diagnostics, Diagnostic(error.code, "not complete", "note", hint=hint))
    return error


@contextmanager
def _watched(pages: Any, records: int = 0) -> Iterator[Iterator[Encoded]]:
    """Pages with a progress bar on a terminal; at the end what was noted about them, each once."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    noted: Counter[Diagnostic] = Counter()
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with progress_bar(*columns, first="waiting for the first page") as update:

        def watched() -> Iterator[Encoded]:
            count, size = records, 0
            for number, page in enumerate(pages, 1):
                noted.update(page.diagnostics)
                yield page
                count, size = count + page.count, size + len(page.body)
                update(description=f"{count:,} records · page {number:,} · {size / 1e6:,.1f} MB")

        yield watched()
    report(_summary(noted))


def _summary(noted: Counter[Diagnostic]) -> list[Diagnostic]:
    shown = list(noted)[:SHOWN]
    if len(noted) > SHOWN:
        shown.append(Diagnostic(shown[-1].code, f"and {len(noted) - SHOWN:,} more findings", "note"))
    return shown
