"""The command line: JSON on stdout, diagnostics on stderr; exit 0 when fine, 1 for findings, 2 for wrong usage."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

try:
    import typer
    from rich.console import Console
    from rich.text import Text
except ImportError:  # pragma: no cover  # the extra is what is missing, so no test of ours can run here
    raise SystemExit("truto-mapper: the command line needs its extra: pip install 'truto-mapper[cli]'") from None

from truto_mapper.authoring import check, coverage, diff, docs, explain, golden
from truto_mapper.engine import rendering
from truto_mapper.engine.mapper import load
from truto_mapper.engine.page import SENT
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping import document
from truto_mapper.resource import generated, json_schema, openapi, spec
from truto_mapper.text import files, reports, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MapperError, MappingError
from truto_mapper.text.source import Source, Span

app = typer.Typer(
    name="truto-mapper",
    help="Map Gong's user activity to the unified Activity schema, and unified queries to Gong's requests.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

FINDINGS, USAGE = 1, 2

#: So many differences of one cause are shown in a review.
SHOWN = 5

MappingName = Annotated[str, typer.Argument(metavar="MAPPING", help="A shipped mapping (gong/activity) or a file.")]
RESOURCE_HELP = "A shipped resource (conversational-intelligence/activity) or a file."
ResourceName = Annotated[str, typer.Argument(metavar="RESOURCE", help=RESOURCE_HELP)]
Context = Annotated[
    list[str] | None, typer.Option("--context", metavar="K=V", help="A setting of the account; repeat for more.")
]
Overlays = Annotated[
    list[Path] | None, typer.Option("--overlay", metavar="FILE", help="Lay it over the mapping; repeat for more.")
]
Now = Annotated[str | None, typer.Option(metavar="ISO", help="The time it is, an RFC 3339 date-time.")]
ReportFormat = Annotated[str, typer.Option("--format", metavar="F", help=" | ".join(reports.FORMATS) + ".")]
QUERY_HELP = "The unified query: start_time=…&end_time=…&users[]=1"


@app.command("map")
def map_(
    name: MappingName,
    payload: Annotated[str, typer.Argument(metavar="PAYLOAD", help="The provider's reply, a JSON file or -.")],
    query: Annotated[str | None, typer.Option(metavar="QS", help=QUERY_HELP + "; else recognised.")] = None,
    context: Context = None,
    overlays: Overlays = None,
    now: Now = None,
    status: Annotated[int, typer.Option(metavar="N", help="The HTTP status of the reply.")] = 200,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="F", help=" | ".join(rendering.FORMATS) + "; else the query's.")
    ] = None,
    on_invalid: Annotated[
        str, typer.Option(metavar="M", help="raise | discard_value | discard_record: what to do with invalid values.")
    ] = "raise",
) -> None:
    """Map a provider's reply to unified records."""
    _one_of("--format", format_, (None, *rendering.FORMATS))
    _one_of("--on-invalid", on_invalid, ("raise", "discard_value", "discard_record"))
    with _reported():
        mapper = load(name, overlays=overlays or ())
        page = mapper.map(
            _json(payload),
            query=query,
            context=_settings(context),
            now=now,
            status=status,
            on_invalid=on_invalid,  # type: ignore[arg-type]  # checked above
        )
        _report(mapper.diagnostics + page.diagnostics)
        shown = page.render(format_)  # type: ignore[arg-type]  # checked above
        _write(shown) if isinstance(shown, str) else _print(shown)


@app.command()
def plan(
    name: MappingName,
    query: Annotated[str, typer.Option(metavar="QS", help=QUERY_HELP)],
    context: Context = None,
    overlays: Overlays = None,
    now: Now = None,
) -> None:
    """Show the request that answers a unified query."""
    with _reported():
        mapper = load(name, overlays=overlays or ())
        request = mapper.plan(query, context=_settings(context), now=now)
        _report(mapper.diagnostics + request.diagnostics)
        _print({part: getattr(request, part) for part in SENT})


@app.command()
def show(name: MappingName, overlays: Overlays = None) -> None:
    """Show the Python that a mapping became, and what stays interpreted."""
    with _reported():
        mapper = load(name, overlays=overlays or ())
        _report(mapper.diagnostics)
        _write(mapper.show())


@app.command("schema")
def schema_(
    names: Annotated[
        list[str], typer.Argument(metavar="RESOURCE...", help=RESOURCE_HELP + " --check and --write take several.")
    ],
    kind: Annotated[str | None, typer.Option(metavar="KIND", help=" | ".join(openapi.KINDS) + " (record).")] = None,
    check: Annotated[bool, typer.Option("--check", help="Fail if a generated file is not as it should be.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the generated files beside the resource.")] = False,
    format_: ReportFormat = "text",
) -> None:
    """Show, check or write what is generated from a resource. `schema mapping` shows that of a mapping file."""
    _one_of("--kind", kind, (None, *openapi.KINDS))
    if check and write:
        raise typer.BadParameter("--check and --write exclude each other")
    if (len(names) > 1 and not (check or write)) or (format_ != "text" and not check):
        raise typer.BadParameter("several resources go with --check or --write, --format with --check")
    with _reported(format_):
        if check or write:
            made = {path: text for name in names for path, text in _generated(name, kind).items()}
            _refresh(made, format_, write=write)
        elif names == ["mapping"]:
            _print(document.json_schema())
        else:
            _print(openapi.KINDS[kind or "record"](spec.load_resource(names[0])))


@app.command()
def validate(
    name: ResourceName,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Records as JSON, a list response or NDJSON; or -.")],
    format_: ReportFormat = "text",
) -> None:
    """Validate unified records against the resource's schema."""
    with _reported(format_):
        resource = spec.load_resource(name)
        source = _source(file)
        found, count = _validated(resource, source)
        _conclude(found, format_, {"valid": not found, "records": count, "findings": len(found)}, [source.name])


@app.command("eval")
def eval_(
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="A JSONata expression.")],
    data: Annotated[str | None, typer.Argument(metavar="INPUT", help="A JSON file or -.")] = None,
) -> None:
    """Evaluate a JSONata expression. What is undefined prints nothing."""
    with _reported():
        value = Expression(expression).evaluate(MISSING if data is None else _json(data))
        if value is not MISSING:
            _print(value)


@app.command("check")
def check_(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[MAPPING]...", help="Files or shipped names; else all of ./mappings.")
    ] = None,
    overlays: Overlays = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    format_: ReportFormat = "text",
) -> None:
    """Find what is wrong with mappings without a payload: types against both schemas, and what can never happen."""
    with _reported(format_):
        paths = _paths(targets)
    found = [one for path in paths for one in _checked(path, overlays or ())]
    _report(found) if format_ == "text" else _write(reports.render(found, format_, list(map(str, paths))))
    if any(one.severity == "error" or (strict and one.severity == "warning") for one in found):
        raise typer.Exit(FINDINGS)


def _paths(targets: list[str] | None) -> list[Path]:
    return sorted({path for target in targets or (None,) for path in golden.mappings(target)})


def _checked(path: Path, overlays: Sequence[Path]) -> list[Diagnostic]:
    try:
        return check.check(load(path, overlays=overlays))
    except MapperError as error:
        return list(error.diagnostics)


@app.command("test")
def run_cases(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]...", help="Mappings, case folders or shipped names; else all of ./mappings."),
    ] = None,
    only: Annotated[str, typer.Option("-k", metavar="TEXT", help="Only the cases whose name holds this.")] = "",
    update: Annotated[bool, typer.Option("--update", help="Accept everything that differs.")] = False,
    review: Annotated[bool, typer.Option("--review", help="Ask about each cause, and accept or leave it.")] = False,
    accept: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="Accept the differences of one cause; repeat for more.")
    ] = None,
    format_: ReportFormat = "text",
    watch: Annotated[bool, typer.Option("--watch", help="Run again whenever a file changes.")] = False,
) -> None:
    """Run the golden cases of mappings. What is found otherwise is left beside them as *.new, not where CI is set."""
    with _reported(format_):
        paths = _paths(targets)
        names = frozenset(Path(target).name for target in targets or () if (Path(target) / "case.yaml").is_file())
    for _ in _rounds(paths) if watch else (None,):
        with _reported(format_):
            made = golden.run_all(paths, only, names)
        if not made.results and not made.findings:
            _nothing_ran(paths, only)
        groups = golden.groups(made.changes)
        chosen = _chosen(groups, accept or [], update=update, review=review)
        for path in golden.accept(change for group in chosen for change in group.changes):
            typer.echo(f"accepted {path}", err=True)
        left = [change for group in groups if group not in chosen for change in group.changes]
        if not os.environ.get("CI"):
            golden.pend(made.results)
        _show_cases(made, left, groups, format_)
    if left or made.findings:
        raise typer.Exit(FINDINGS)


def _nothing_ran(paths: list[Path], only: str) -> None:
    """Say that there are no cases; that none is called so is wrong usage."""
    if only:
        raise typer.BadParameter(f"-k: no case has {excerpt(only)} in its name")
    names = ", ".join(map(str, paths))
    typer.echo(f"{names}: no cases yet; make one with truto-mapper record MAPPING PAYLOAD --case NAME", err=True)


@app.command("explain")
def explain_(
    name: MappingName,
    payload: Annotated[str, typer.Argument(metavar="PAYLOAD", help="The provider's reply, a JSON file or -.")],
    pointer: Annotated[
        str,
        typer.Argument(
            metavar="[POINTER]", help="/result/0/user/id, /next_cursor, /request/body or metrics.calls_hosted."
        ),
    ] = "",
    query: Annotated[str | None, typer.Option(metavar="QS", help=QUERY_HELP + "; else recognised.")] = None,
    context: Context = None,
    overlays: Overlays = None,
    now: Now = None,
    status: Annotated[int, typer.Option(metavar="N", help="The HTTP status of the reply.")] = 200,
    format_: Annotated[str, typer.Option("--format", metavar="F", help="text | json.")] = "text",
) -> None:
    """Say why an output value is what it is, or is not there. Without POINTER each field of the first record."""
    _one_of("--format", format_, ("text", "json"))
    with _reported():
        mapper = load(name, overlays=overlays or ())
        body, settings = _json(payload), _settings(context)
        found, notes = explain.explain(mapper, body, pointer, query=query, context=settings, now=now, status=status)
        _report(mapper.diagnostics + notes)
        if format_ == "json":
            _print([one.as_dict() for one in found])
        else:
            _write((found[0].render() if len(found) == 1 else explain.table(found)) + "\n")


@app.command("coverage")
def coverage_(
    name: MappingName,
    cases: Annotated[
        list[str] | None, typer.Argument(metavar="[CASE]...", help="Their names or folders; else all.")
    ] = None,
    overlays: Overlays = None,
    format_: Annotated[str, typer.Option("--format", metavar="F", help=" | ".join(coverage.FORMATS) + ".")] = "text",
    fail_under: Annotated[float, typer.Option(metavar="N", help="Fail below N percent of everything counted.")] = 0,
) -> None:
    """Count what the golden cases of a mapping exercise: fields, branches each way, enum values, and lines."""
    _one_of("--format", format_, (*coverage.FORMATS,))
    with _reported():
        (path,) = golden.mappings(name)
        folders = _case_folders(path, cases)
        found = coverage.measure(load(path, overlays=overlays or ()), map(golden.read, folders))
    _write(coverage.FORMATS[format_](found))
    if found.percent < fail_under:
        typer.echo(f"{found.percent:.1f}% is less than the {fail_under:g}% wanted", err=True)
        raise typer.Exit(FINDINGS)


def _case_folders(path: Path, names: list[str] | None) -> list[Path]:
    """The folders of the cases of a mapping, or of those that are named."""
    known = {folder.name: folder for folder in golden.folders(path)}
    for name in names or ():
        if Path(name).name not in known:
            hint = did_you_mean(Path(name).name, known)
            raise MappingError(Diagnostic("M105", f"{path} has no case {excerpt(name)}", hint=hint))
    return [known[Path(name).name] for name in names] if names else [*known.values()]


@app.command("diff")
def diff_(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A file, REV:PATH of git, or a shipped name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same kind of thing, a mapping or a resource's spec.")],
    cases: Annotated[
        str | None, typer.Option(metavar="MAPPING", help="Whose golden cases both run; NEW's if it has any.")
    ] = None,
    approvals: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What breaks and is meant: .truto-approvals.yaml beside NEW.")
    ] = None,
    format_: ReportFormat = "text",
) -> None:
    """Say what changed between two versions of a mapping or a resource, and whether it breaks readers or callers."""
    with _reported(format_), _version(old) as (before, from_here), _version(new) as (after, to_here):
        changes = _changes(before, after, cases)
        file = approvals or after.parent / ".truto-approvals.yaml"
        known = files.read(file) if approvals or file.is_file() else None
        found = [to_here(from_here(one)) for one in diff.unapproved(changes, known)]
    if format_ == "text":
        _report(found)
        _write(_verdict(found))
    else:
        _write(reports.render(found, format_, [new]))
    if any(one.severity == "error" for one in found):
        raise typer.Exit(FINDINGS)


def _changes(old: Path, new: Path, cases: str | None) -> list[diff.Change]:
    roots = [yaml_tree.parse(files.read(path)) for path in (old, new)]
    kinds = {diff.kind_of(root) for root in roots}
    if kinds == {"resource"}:
        return diff.resources(roots[0].source, roots[1].source)
    if kinds != {"mapping"}:
        raise diff.refused(*roots)
    (beside,) = golden.mappings(cases) if cases else (new,)
    before, after = load(old), load(new)
    read = map(golden.read, golden.folders(beside))
    return [*diff.mappings(before, after), *diff.behaviour(before, after, read)]


def _verdict(found: list[Diagnostic]) -> str:
    counts = [sum(one.severity == severity for one in found) for severity in ("error", "warning", "note")]
    if not any(counts):
        return "nothing changed\n"
    return "{} breaking, {} risky, {} compatible\n".format(*counts)


@contextmanager
def _version(name: str) -> Iterator[tuple[Path, Callable[[Diagnostic], Diagnostic]]]:
    """The file of a version, and what gives findings in it the name that a person knows it by."""
    known = files.shipped("mappings", ".yaml") | files.shipped("schemas", ".yaml")
    path = golden.from_here(known[name]) if name in known else Path(name)
    revision, colon, inside = name.partition(":")
    if path.is_file() or not colon:
        yield path, lambda found: found
        return
    with TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(_archive(revision, name))) as archive:
            archive.extractall(folder)
        if not Path(folder, inside).is_file():
            raise MappingError(Diagnostic("M105", f"{excerpt(revision)} of git has no file {excerpt(inside)}"))

        def renamed(found: Diagnostic) -> Diagnostic:
            if found.source is None or not Path(found.source.name).is_relative_to(folder):
                return found
            shown = f"{revision}:{Path(found.source.name).relative_to(folder)}"
            return replace(found, source=Source(shown, found.source.text))

        try:
            yield Path(folder) / inside, renamed
        except MapperError as error:
            raise type(error)([renamed(one) for one in error.diagnostics]) from None


def _archive(revision: str, name: str) -> bytes:
    """The tree of a revision of the repository at hand. Raises `MappingError` M105."""
    try:
        top = _git("rev-parse", "--show-toplevel").decode().strip()
        tree = _git("rev-parse", "--verify", "--end-of-options", revision + "^{tree}").decode().strip()
        return _git("-C", top, "archive", "--format=zip", tree)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        why = said.decode(errors="replace").strip().splitlines()[-1]
        message = f"{excerpt(name)} is neither a file nor a revision of git: {why}"
        raise MappingError(Diagnostic("M105", message, hint="write it as REV:PATH, HEAD~1:mappings/…")) from None


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout  # noqa: S603, S607  # as given


@app.command("docs")
def docs_(
    name: MappingName,
    overlays: Overlays = None,
    format_: Annotated[str, typer.Option("--format", metavar="F", help=" | ".join(docs.FORMATS) + ".")] = "markdown",
) -> None:
    """Show a mapping as a page: each field with where it is from, each parameter with how it is honoured."""
    _one_of("--format", format_, (*docs.FORMATS,))
    with _reported():
        mapper = load(name, overlays=overlays or ())
        _report(mapper.diagnostics)
        _write(docs.FORMATS[format_](mapper))


@app.command()
def record(
    name: MappingName,
    payload: Annotated[str, typer.Argument(metavar="PAYLOAD", help="The provider's reply, a JSON file or -.")],
    case: Annotated[str, typer.Option(metavar="NAME", help="The name of the new case, which is its folder's.")],
    description: Annotated[
        str, typer.Option(metavar="TEXT", help="What the case shows.")
    ] = "Recorded; say what it shows.",
    query: Annotated[str | None, typer.Option(metavar="QS", help=QUERY_HELP)] = None,
    context: Context = None,
    now: Now = None,
    status: Annotated[int | None, typer.Option(metavar="N", help="The HTTP status of the reply.")] = None,
    salt: Annotated[str, typer.Option(metavar="TEXT", help="What aliases depend on beside the person.")] = "",
    raw: Annotated[bool, typer.Option("--raw", help="Keep the payload as it is, persons and all.")] = False,
) -> None:
    """Make a golden case of a provider's reply. Persons get aliases, the same person the same one."""
    with _reported():
        (mapping_,) = golden.mappings(name)
        given = {"query": query, "context": _settings(context) or None, "now": now, "status": status}
        settings = {"description": description} | given
        made = golden.record(mapping_, case, _json(payload), settings, salt=None if raw else salt)
        for path in sorted(made.folder.iterdir()):
            typer.echo(path)


def main() -> None:
    """Run the command line."""
    app()


# ------------------------------------------------------------------------------------------- golden cases


def _rounds(paths: list[Path]) -> Iterator[None]:
    """Once now, and again after each change of a mapping or of what lies beside it."""
    try:
        from watchfiles import watch  # noqa: PLC0415  # an extra of its own
    except ImportError:
        raise typer.BadParameter("--watch needs watchfiles: pip install 'truto-mapper[watch]'") from None
    yield
    for _ in watch(*{path.parent for path in paths}, watch_filter=lambda _, path: not path.endswith(golden.PENDING)):
        yield


def _chosen(groups: list[golden.Group], accept: list[str], *, update: bool, review: bool) -> list[golden.Group]:
    """The groups to accept."""
    known = {group.id for group in groups}
    for id_ in accept:
        if id_ not in known:
            raise typer.BadParameter(
                f"--accept: there is no group {excerpt(id_)} among {', '.join(sorted(known)) or 'none'}"
            )
    if review and not sys.stdin.isatty():
        raise typer.BadParameter("--review asks at a terminal; elsewhere give --accept GROUP, or --update for all")
    return [group for group in groups if update or group.id in accept or (review and _is_wanted(group))]


def _is_wanted(group: golden.Group) -> bool:
    """Show what one cause changed, and ask."""
    typer.echo(f"\n{group.title}", err=True)
    if origin := group.changes[0].origin:
        typer.echo(f"  {origin.text.strip()}", err=True)
    for change in group.changes[:SHOWN]:
        typer.echo(f"  {change.case.name}: {golden.difference(change)}", err=True)
    if len(group.changes) > SHOWN:
        typer.echo(f"  … and {len(group.changes) - SHOWN} more", err=True)
    return typer.confirm("accept?", err=True)


def _show_cases(made: golden.Report, left: list[golden.Change], groups: list[golden.Group], format_: str) -> None:
    """Differences case by case, then by cause, and the sum; in another format the findings."""
    if format_ != "text":
        checked = [str(case.folder) for case in made.passed]
        found = [*made.findings, *map(golden.diagnostic, left)]
        _write(reports.render(found, format_, checked))
        return
    _report(made.findings)
    failing = list(dict.fromkeys(change.case.folder for change in left))
    for folder in failing:
        typer.echo(f"\n{typer.style('FAIL', fg='red', bold=True)} {folder}")
        for change in left:
            if change.case.folder == folder:
                typer.echo(_indented(change))
    causes = [group for group in groups if any(change in left for change in group.changes)]
    if causes:
        typer.echo("\nBy cause; accept one with --accept ID, all with --update, or be asked with --review:")
        for group in causes:
            typer.echo(f"  {group.id}  {group.title}")
    passing = len(made.results) - len({change.case.folder for change in left})
    summary = f"{passing} passed, {len(failing)} failed" + (f", {len(made.findings)} findings" * bool(made.findings))
    typer.echo(typer.style(f"{summary}", fg="red" if failing or made.findings else "green"))


def _indented(change: golden.Change) -> str:
    lines = golden.difference(change).splitlines()
    where = f"   {change.place}  {' '.join(change.origin.text.split())}" if change.origin else ""
    return "\n".join(f"  {line}{where if not number else ''}" for number, line in enumerate(lines))


# ------------------------------------------------------------------------------------------------ in and out


def _source(file: str) -> Source:
    if file != "-":
        return files.read(Path(file))
    try:
        return Source("<stdin>", sys.stdin.buffer.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MappingError(Diagnostic("M105", f"stdin is not UTF-8: {error.reason} at byte {error.start}")) from None


def _json(file: str) -> Any:
    return _parsed(_source(file))


def _parsed(source: Source, start: int = 0, text: str | None = None) -> Any:
    """A JSON text, or a part of one that begins at `start`. Raises `MappingError` P602 with a caret."""
    try:
        return rendering.loads(source.text if text is None else text)
    except json.JSONDecodeError as error:
        at = start + error.pos
        raise MappingError(
            Diagnostic("P602", f"not valid JSON: {error.msg}", source=source, span=Span(at, at + 1))
        ) from None
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise MappingError(Diagnostic("P602", f"not valid JSON: {why}", source=source)) from None


def _settings(pairs: list[str] | None) -> dict[str, str]:
    settings = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"--context takes name=value, this is {excerpt(pair)}")
        settings[name] = value
    return settings


def _one_of(option: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        known = [name for name in allowed if name is not None]
        raise typer.BadParameter(f"{option}: {excerpt(value)} is none of {', '.join(known)}")


def _print(value: Any) -> None:
    """JSON, in colours on a terminal."""
    text = rendering.dumps(value, indent=2)
    if sys.stdout.isatty():
        Console(soft_wrap=True).print_json(text)
    else:
        _write(text + "\n")


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode(errors="replace"))  # half a surrogate pair of a payload cannot be written
    sys.stdout.flush()


def _report(diagnostics: tuple[Diagnostic, ...] | list[Diagnostic]) -> None:
    """Diagnostics on stderr, a blank line between two."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for number, found in enumerate(diagnostics):
        text = Text(("\n" if number else "") + found.render())
        text.highlight_regex(r"(?m)^error\[\w+\]", "bold red")
        text.highlight_regex(r"(?m)^warning\[\w+\]", "bold yellow")
        text.highlight_regex(r"(?m)^note\[\w+\]", "bold blue")
        text.highlight_regex(r"(?m)^ *(\d+ )?\||-->|^ +=", "blue")
        text.highlight_regex(r"(?m)(?<=\| )\s*\^+$", "bold red")
        console.print(text)


@contextmanager
def _reported(format_: str = "text") -> Iterator[None]:
    """Errors as text on stderr, or in a format on stdout, and an exit code; never as a traceback."""
    _one_of("--format", format_, (*reports.FORMATS,))
    try:
        yield
    except MapperError as error:
        _report(error.diagnostics) if format_ == "text" else _write(reports.render(error.diagnostics, format_))
        raise typer.Exit(USAGE if error.code == "M105" else FINDINGS) from None


def _conclude(found: list[Diagnostic], format_: str, data: Any, checked: list[str]) -> None:
    """Data on stdout and findings on stderr, or in place of both a report of what was checked; exit 1 for any."""
    if format_ == "text":
        _print(data)
        _report(found)
    else:
        _write(reports.render(found, format_, checked))
    if found:
        raise typer.Exit(FINDINGS)


# --------------------------------------------------------------------------------- what commands are made of


def _generated(name: str, kind: str | None) -> dict[Path, str]:
    """The files that are generated from a resource, or from the mapping's own models."""
    if name == "mapping":
        return {files.home() / "schemas" / "mapping.schema.json": openapi.written(document.json_schema())}
    resource = spec.load_resource(name)
    shipped = files.shipped("schemas", ".yaml").get(name)
    folder = shipped.parent if shipped else Path(name).parent
    made = {folder / file: text for file, text in openapi.artefacts(resource).items()}
    if kind is not None:
        return {path: text for path, text in made.items() if path.name.startswith(f"{resource.resource}.{kind}.")}
    types = files.home() / "truto_mapper" / "resource" / f"{resource.resource}.py"
    return made | ({types: openapi.typed_dicts(resource)} if shipped and types.is_file() else {})


def _refresh(files: dict[Path, str], format_: str, *, write: bool) -> None:
    """Write what changed, or refuse it. Prints the names of the files concerned."""
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale if write else ():
        path.write_text(files[path], "utf-8")
    message, hint = "is not what its source generates", "run the same command with --write"
    found = [Diagnostic("M109", f"{path.name} {message}", source=Source(str(path), ""), hint=hint) for path in stale]
    _conclude([] if write else found, format_, [str(path) for path in stale], [str(path) for path in files])


def _validated(resource: spec.Resource, source: Source) -> tuple[list[Diagnostic], int]:
    """Every finding of a file of records, and how many records there are."""
    lines = [line for line in source.text.split("\n") if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
        return _validated_lines(resource, source)
    value = _parsed(source)
    if isinstance(value, dict) and "result" in value:
        found = json_schema.Schema(generated.list_schema(resource), generated=True).problems(value)
        return [_finding(problem, problem.pointer, source) for problem in found], len(value["result"] or ())
    records = value if isinstance(value, list) else [value]
    checker = json_schema.Schema(generated.record_schema(resource), generated=True)
    at = [f"/{i}" for i in range(len(records))] if isinstance(value, list) else [""]
    pairs = [(p, where) for where, record in zip(at, records, strict=True) for p in checker.problems(record)]
    return [_finding(problem, where + problem.pointer, source) for problem, where in pairs], len(records)


def _validated_lines(resource: spec.Resource, source: Source) -> tuple[list[Diagnostic], int]:
    checker = json_schema.Schema(generated.record_schema(resource), generated=True)
    found: list[Diagnostic] = []
    count = start = 0
    for line in source.text.split("\n"):
        if line.strip():
            count += 1
            try:
                problems = checker.problems(_parsed(source, start, line))
            except MappingError as error:
                found.extend(error.diagnostics)
                problems = []
            span = Span(start, start + len(line.rstrip()))
            found.extend(_finding(problem, problem.pointer, source, span) for problem in problems)
        start += len(line) + 1
    return found, count


def _finding(
    problem: json_schema.Problem, pointer: str, source: Source | None = None, span: Span | None = None
) -> Diagnostic:
    code = "D401" if problem.missing is None else "D402"
    return Diagnostic(code, problem.message, source=source, span=span, pointer=pointer)


if __name__ == "__main__":
    main()
