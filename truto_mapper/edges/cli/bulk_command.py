"""The command that maps files of stored replies."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit, Option

from truto_mapper import load
from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.output import FINDINGS, print_json, progress_bar, report, reported, write
from truto_mapper.text.diagnostics import Diagnostic

if TYPE_CHECKING:
    from truto_mapper.edges.bulk import Run

#: As `edges.bulk.ENGINES`, which needs an extra.
ENGINES = ("local", "spark", "ray")

Sources = Annotated[list[str], Argument(metavar="SOURCE", help="Files of replies, folders, patterns or URLs.")]
Out = Annotated[str, Option("--out", metavar="DIR", help="Where records/, rejects/ and manifest.jsonl go.")]
Workers = Annotated[int | None, Option(min=1, metavar="N", help="Processes; by default one for each processor.")]
Resume = Annotated[
    bool, Option("--resume", help="Go on in DIR: files that are done, and have not changed, are skipped.")
]
MaxRejects = Annotated[int, Option(min=0, metavar="N", help="Exit with 1 if there are more rejects.")]
Rows = Annotated[
    str | None, Option("--rows", metavar="ENDPOINT", help="Each line is a row of this endpoint, no reply.")
]
Body = Annotated[str | None, Option("--body", metavar="COLUMN", help="The column, or member of lines, with the reply.")]
RemoteData = Annotated[bool, Option("--no-remote-data", help="Leave remote_data empty: it is most of the bytes.")]
AccountId = Annotated[str | None, Option("--account", metavar="ID", help="The account of replies without one.")]


def bulk(
    name: options.MappingName,
    sources: Sources,
    out: Out,
    engine: Annotated[str, options.choice("--engine", ENGINES, "; local is this machine")] = "local",
    workers: Workers = None,
    resume: Resume = False,
    max_rejects: MaxRejects = 0,
    query: Annotated[str | None, Option(metavar="QS", help="The query of replies that have none of their own.")] = None,
    context: options.Context = None,
    now: Annotated[str | None, Option(metavar="ISO", help="When the replies were fetched, unless they tell.")] = None,
    account: AccountId = None,
    rows: Rows = None,
    body: Body = None,
    no_remote_data: RemoteData = False,
    overlays: options.Overlays = None,
) -> None:
    """Map stored replies in files to Parquet."""
    with reported():
        try:
            from truto_mapper.edges.bulk import Job, Run
        except ImportError as error:
            sys.stderr.write(f"truto-mapper: bulk needs an extra ({error}): pip install 'truto-mapper[bulk]'\n")
            raise Exit(2) from None
        mapper = load(options.located(name), overlays=overlays or ())
        report(mapper.diagnostics)
        settings = options.settings(context) or None
        stored: Any = {"query": query, "context": settings, "now": now, "account": account, "rows": rows, "body": body}
        job = Job(mapper=mapper, **stored, remote_data=not no_remote_data)
        start = time.monotonic()
        run = Run(job, sources, out, resume=resume)
        _map_all(run, engine, workers)
        totals = run.totals | {"seconds": round(time.monotonic() - start, 1)}
        report([*_found(totals), *run.failed, *_too_many(totals, max_rejects)])
        _tell(totals, out)
    if run.failed or totals["rejects"] > max_rejects:
        raise Exit(FINDINGS)


def _map_all(run: Run, engine: str, workers: int | None) -> None:
    """Map the files that are left, with a progress bar on a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    text = TextColumn("files · {task.description}")
    columns = BarColumn(), MofNCompleteColumn(), text, TimeElapsedColumn(), TimeRemainingColumn()
    records = rejects = 0
    try:
        with progress_bar(*columns, first="starting", total=len(run.files), completed=run.done) as update:
            for row in run.rows(engine, workers):  # type: ignore[arg-type]  # checked above
                records, rejects = records + row["records"], rejects + row["rejects"]
                update(advance=1, description=f"{records:,} records · {rejects:,} rejects")
    except KeyboardInterrupt:
        done, count = len(run.files) - run.totals["files_failed"], len(run.files)
        sys.stderr.write(f"not complete: at least {done:,} of {count:,} files are done; with --resume it goes on\n")
        raise


def _found(totals: dict[str, Any]) -> Iterator[Diagnostic]:
    """Each kind of note and of reject, with the first of them."""
    for code, about in totals["notes"].items():
        yield Diagnostic(code, f"{about['first']} ({_counted(about['count'])})", "note")
    for code, about in totals["rejects_by_code"].items():
        first, file = about["first"], about["file"].rpartition("/")[2]
        message = f"{first['message']} ({_counted(about['count'])}, first in reply {first['page']:,} of {file})"
        hint = first["place"] and f"the mapping has it at {first['place']}"
        yield Diagnostic(code, message, "warning", pointer=first["pointer"], hint=hint)


def _counted(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _too_many(totals: dict[str, Any], most: int) -> Iterator[Diagnostic]:
    if totals["rejects"] > most:
        message = f"rejected rows and replies: {totals['rejects']:,}; --max-rejects allows {most:,}"
        yield Diagnostic("W905", message, hint="rejects/ has each of them with its findings; all others are records")


def _tell(totals: dict[str, Any], out: str) -> None:
    """The summary: text on a terminal, else JSON."""
    if not sys.stdout.isatty():
        print_json(totals)
        return
    codes = ", ".join(f"{code} {about['count']:,}" for code, about in totals["rejects_by_code"].items())
    lines = [
        f"{totals['records']:>15,} records  {out}/records",
        f"{totals['rejects']:>15,} rejects  " + (f"{out}/rejects ({codes})" if codes else ""),
        f"{totals['replies']:>15,} replies  in {totals['files']:,} files, {totals['seconds']} seconds",
    ]
    lines += [f"{totals['files_failed']:>15,} files    are not mapped, see above"] if totals["files_failed"] else []
    write("\n".join(map(str.rstrip, lines)) + "\n")
