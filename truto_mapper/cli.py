"""The command line: JSON on stdout, diagnostics on stderr; exit 0 when fine, 1 for findings, 2 for wrong usage."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

try:
    import typer
    from rich.console import Console
    from rich.text import Text
except ImportError:  # pragma: no cover  # the extra is what is missing, so no test of ours can run here
    raise SystemExit("truto-mapper: the command line needs its extra: pip install 'truto-mapper[cli]'") from None

from truto_mapper import document, formats, mapping, openapi, schema
from truto_mapper.diagnostics import Diagnostic, MapperError, MappingError, Source, Span, excerpt
from truto_mapper.expr import Expression
from truto_mapper.functions import MISSING
from truto_mapper.runtime import SENT, load

app = typer.Typer(
    name="truto-mapper",
    help="Map Gong's user activity to the unified Activity schema, and unified queries to Gong's requests.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

FINDINGS, USAGE = 1, 2

MappingName = Annotated[str, typer.Argument(metavar="MAPPING", help="A shipped mapping (gong/activity) or a file.")]
ResourceName = Annotated[
    str, typer.Argument(metavar="RESOURCE", help="A shipped resource (conversational-intelligence/activity) or a file.")
]
Context = Annotated[
    list[str] | None, typer.Option("--context", metavar="K=V", help="A setting of the account; repeat for more.")
]
Now = Annotated[str | None, typer.Option(metavar="ISO", help="The time it is, an RFC 3339 date-time.")]
QUERY_HELP = "The unified query: start_time=…&end_time=…&users[]=1"


@app.command("map")
def map_(
    name: MappingName,
    payload: Annotated[str, typer.Argument(metavar="PAYLOAD", help="The provider's reply, a JSON file or -.")],
    query: Annotated[str | None, typer.Option(metavar="QS", help=QUERY_HELP + "; else recognised.")] = None,
    context: Context = None,
    now: Now = None,
    status: Annotated[int, typer.Option(metavar="N", help="The HTTP status of the reply.")] = 200,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="F", help=" | ".join(formats.FORMATS) + "; else the query's.")
    ] = None,
    on_invalid: Annotated[
        str, typer.Option(metavar="M", help="raise | discard_value | discard_record: what to do with invalid values.")
    ] = "raise",
) -> None:
    """Map a provider's reply to unified records."""
    _one_of("--format", format_, (None, *formats.FORMATS))
    _one_of("--on-invalid", on_invalid, ("raise", "discard_value", "discard_record"))
    with _reported():
        page = load(name).map(
            _json(payload),
            query=query,
            context=_settings(context),
            now=now,
            status=status,
            on_invalid=on_invalid,  # type: ignore[arg-type]  # checked above
        )
        _report(page.diagnostics)
        shown = page.render(format_)  # type: ignore[arg-type]  # checked above
        _write(shown) if isinstance(shown, str) else _print(shown)


@app.command()
def plan(
    name: MappingName,
    query: Annotated[str, typer.Option(metavar="QS", help=QUERY_HELP)],
    context: Context = None,
    now: Now = None,
) -> None:
    """Show the request that answers a unified query."""
    with _reported():
        request = load(name).plan(query, context=_settings(context), now=now)
        _report(request.diagnostics)
        _print({part: getattr(request, part) for part in SENT})


@app.command()
def show(name: MappingName) -> None:
    """Show the Python that a mapping became, and what stays interpreted."""
    with _reported():
        _write(load(name).show())


@app.command("schema")
def schema_(
    name: ResourceName,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help=" | ".join(openapi.KINDS) + " (record).")] = None,
    check: Annotated[bool, typer.Option("--check", help="Fail if a generated file is not as it should be.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the generated files beside the resource.")] = False,
) -> None:
    """Show, check or write what is generated from a resource. `schema mapping` shows that of a mapping file."""
    _one_of("--kind", kind, (None, *openapi.KINDS))
    if check and write:
        raise typer.BadParameter("--check and --write exclude each other")
    with _reported():
        if check or write:
            _refresh(_generated(name, kind), write=write)
        elif name == "mapping":
            _print(mapping.json_schema())
        else:
            _print(openapi.KINDS[kind or "record"](schema.load_resource(name)))


@app.command()
def validate(
    name: ResourceName,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Records as JSON, a list response or NDJSON; or -.")],
) -> None:
    """Validate unified records against the resource's schema."""
    with _reported():
        resource = schema.load_resource(name)
        source = _source(file)
        found, count = _validated(resource, source)
        _print({"valid": not found, "records": count, "findings": len(found)})
        if found:
            raise MappingError(found)


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


def main() -> None:
    """Run the command line."""
    app()


# ------------------------------------------------------------------------------------------------ in and out


def _source(file: str) -> Source:
    if file != "-":
        return document.read(Path(file))
    try:
        return Source("<stdin>", sys.stdin.buffer.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MappingError(Diagnostic("M105", f"stdin is not UTF-8: {error.reason} at byte {error.start}")) from None


def _json(file: str) -> Any:
    return _parsed(_source(file))


def _parsed(source: Source, start: int = 0, text: str | None = None) -> Any:
    """A JSON text, or a part of one that begins at `start`. Raises `MappingError` P602 with a caret."""
    try:
        return formats.loads(source.text if text is None else text)
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
    text = formats.dumps(value, indent=2)
    if sys.stdout.isatty():
        Console(soft_wrap=True).print_json(text)
    else:
        _write(text + "\n")


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode())
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
def _reported() -> Iterator[None]:
    """Errors as text and an exit code, never as a traceback."""
    try:
        yield
    except MapperError as error:
        _report(error.diagnostics)
        raise typer.Exit(USAGE if error.code == "M105" else FINDINGS) from None


# --------------------------------------------------------------------------------- what commands are made of


def _generated(name: str, kind: str | None) -> dict[Path, str]:
    """The files that are generated from a resource, or from the mapping's own models."""
    if name == "mapping":
        return {document.home() / "schemas" / "mapping.schema.json": openapi.written(mapping.json_schema())}
    resource = schema.load_resource(name)
    shipped = document.shipped("schemas", ".yaml").get(name)
    folder = shipped.parent if shipped else Path(name).parent
    files = {folder / file: text for file, text in openapi.artefacts(resource).items()}
    if kind is not None:
        return {path: text for path, text in files.items() if path.name.startswith(f"{resource.resource}.{kind}.")}
    types = document.home() / "truto_mapper" / f"{resource.resource}.py"
    return files | ({types: openapi.typed_dicts(resource)} if shipped and types.is_file() else {})


def _refresh(files: dict[Path, str], *, write: bool) -> None:
    """Write what changed, or refuse it. Prints the names of the files concerned."""
    stale = [path for path, text in files.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale if write else ():
        path.write_text(files[path], "utf-8")
    _print([str(path) for path in stale])
    if stale and not write:
        hint = "run the same command with --write"
        found = [Diagnostic("M109", f"{path} is not what its source generates", hint=hint) for path in stale]
        raise MappingError(found)


def _validated(resource: schema.Resource, source: Source) -> tuple[list[Diagnostic], int]:
    """Every finding of a file of records, and how many records there are."""
    lines = [line for line in source.text.split("\n") if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
        return _validated_lines(resource, source)
    value = _parsed(source)
    if isinstance(value, dict) and "result" in value:
        found = schema.Schema(schema.list_schema(resource), generated=True).problems(value)
        return [_finding(problem, problem.pointer) for problem in found], len(value["result"] or ())
    records = value if isinstance(value, list) else [value]
    checker = schema.Schema(schema.record_schema(resource), generated=True)
    at = [f"/{i}" for i in range(len(records))] if isinstance(value, list) else [""]
    pairs = [(p, where) for where, record in zip(at, records, strict=True) for p in checker.problems(record)]
    return [_finding(problem, where + problem.pointer) for problem, where in pairs], len(records)


def _validated_lines(resource: schema.Resource, source: Source) -> tuple[list[Diagnostic], int]:
    checker = schema.Schema(schema.record_schema(resource), generated=True)
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
    problem: schema.Problem, pointer: str, source: Source | None = None, span: Span | None = None
) -> Diagnostic:
    code = "D401" if problem.missing is None else "D402"
    return Diagnostic(code, problem.message, source=source, span=span, pointer=pointer)


if __name__ == "__main__":
    main()
