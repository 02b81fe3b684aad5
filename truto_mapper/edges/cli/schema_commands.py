"""The commands about a unified resource: schema, validate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from truto_mapper.edges.cli.input import parse_json, read, samples
from truto_mapper.edges.cli.options import ReportFormat, choice, located
from truto_mapper.edges.cli.output import FINDINGS, UsageError, conclude, print_json, reported
from truto_mapper.mapping import document as mapping_document
from truto_mapper.mapping import editors
from truto_mapper.resource import document as resource_document
from truto_mapper.resource import generated, json_schema, openapi, spec
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source, Span

RESOURCE = "A file, or a name (conversational-intelligence/activity), ./schemas first."


def _case_schema() -> Any:
    from truto_mapper.authoring import golden  # no other document needs it

    return golden.json_schema()


#: The files that authors write, and what makes the JSON Schema of each.
_FORMATS = {
    "mapping": mapping_document.json_schema,
    "resource": resource_document.json_schema,
    "overlay": editors.overlay_schema,
    "case": _case_schema,
}

#: What is made of a resource: what it generates, and on demand the schema of its mappings, for editors.
_KINDS = {**openapi.KINDS, "mapping": editors.mapping_schema}


def schema(
    names: Annotated[list[str], Argument(metavar="RESOURCE", help=RESOURCE + " --check and --write take several.")],
    kind: Annotated[str | None, choice("--kind", _KINDS, "; by default record")] = None,
    check: Annotated[bool, Option("--check", help="Fail if a generated file is out of date.")] = False,
    write: Annotated[bool, Option("--write", help="Write the generated files beside the resource.")] = False,
    infer: Annotated[bool, Option("--infer", help="Infer the schema of samples: RESOURCE is a file or -.")] = False,
    format_: ReportFormat = "text",
) -> None:
    """Show, check or write what a resource generates. Also: schema mapping, resource, overlay or case."""
    if check + write + infer > 1 or (infer and kind):
        raise UsageError("--check, --write and --infer cannot be combined, nor --infer with --kind")
    if (len(names) > 1 and not (check or write or infer)) or (format_ != "text" and not check):
        raise UsageError("several resources need --check or --write, and --format needs --check")
    with reported(format_):
        if infer:
            print_json(_inferred(names))
        elif check or write:
            made = {path: text for name in names for path, text in _generated(name, kind).items()}
            _refresh(made, format_, write=write)
        elif names[0] in _FORMATS:
            print_json(_FORMATS[names[0]]())
        else:
            print_json(_document(spec.load_resource(located(names[0], "schemas")), kind or "record"))


def _inferred(names: list[str]) -> Any:
    """The schema that the samples in some files suggest. Raises `MappingError` M105, P602."""
    from truto_mapper.authoring import starting

    return starting.schema_of(starting.seen_in(body for name in names for body in samples(name)))


def _document(resource: spec.Resource, kind: str) -> Any:
    if kind not in (known := [*openapi.kinds_of(resource), "mapping"]):
        raise UsageError(f"--kind: {resource.name} has no {kind}, only {', '.join(known)}")
    return _KINDS[kind](resource)


def _generated(name: str, kind: str | None) -> dict[Path, str]:
    """The files generated from a resource, or from the models of mapping files, with their texts."""
    if name in _FORMATS:
        return {files.home() / "schemas" / f"{name}.schema.json": openapi.json_text(_FORMATS[name]())}
    place = located(name, "schemas")
    resource = spec.load_resource(place)
    shipped = files.shipped("schemas", ".yaml")
    path = shipped[place] if isinstance(place, str) else place
    folder, is_shipped = path.parent, path.resolve() in shipped.values()
    if kind == "mapping":
        return {folder / f"{resource.resource}.mapping.schema.json": openapi.json_text(_document(resource, kind))}
    made = {folder / file: text for file, text in openapi.artefacts(resource).items()}
    if kind is not None:
        return {path: text for path, text in made.items() if path.name.startswith(f"{resource.resource}.{kind}.")}
    types = files.home() / "truto_mapper" / "resource" / f"{resource.resource}.py"
    return made | ({types: openapi.typed_dicts(resource)} if is_shipped and types.is_file() else {})


def _refresh(made: dict[Path, str], format_: str, *, write: bool) -> None:
    """Write the files that are out of date, or report each as M109. Prints their names."""
    stale = [path for path, text in made.items() if not path.is_file() or path.read_bytes() != text.encode()]
    for path in stale if write else ():
        path.write_bytes(made[path].encode())
    if format_ == "text":
        print_json([str(path) for path in stale])
    found = [_out_of_date(path) for path in stale if not write]
    conclude(found, format_, list(map(str, made)), exit_code=FINDINGS if found else 0)


def _out_of_date(path: Path) -> Diagnostic:
    message, hint = f"{path.name} is not what its source generates", "run the same command with --write"
    return Diagnostic("M109", message, source=Source(str(path), ""), hint=hint)


def validate(
    name: Annotated[str, Argument(metavar="RESOURCE", help=RESOURCE)],
    file: Annotated[str, Argument(metavar="FILE", help="Records as JSON, a list response or NDJSON; or -.")],
    format_: ReportFormat = "text",
) -> None:
    """Validate unified records against the resource's schema."""
    with reported(format_):
        resource = spec.load_resource(located(name, "schemas"))
        source = read(file)
        found, count = _validated(resource, source)
        if format_ == "text":
            print_json({"valid": not found, "records": count, "findings": len(found)})
        conclude(found, format_, [source.name], exit_code=FINDINGS if found else 0)


def _validated(resource: spec.Resource, source: Source) -> tuple[list[Diagnostic], int]:
    """Every finding about a file of records, and the number of records."""
    lines = [line for line in source.text.split("\n") if line.strip()]
    checker = json_schema.Schema(generated.record_schema(resource), generated=True)
    if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
        return list(_validated_lines(checker, source)), len(lines)
    value = parse_json(source)
    if isinstance(value, dict) and "result" in value:
        found = json_schema.Schema(generated.list_schema(resource), generated=True).problems(value)
        records = value["result"] if isinstance(value["result"], (list, dict)) else ()
        return [_finding(problem, problem.pointer, source) for problem in found], len(records)
    records = {f"/{i}": one for i, one in enumerate(value)} if isinstance(value, list) else {"": value}
    pairs = [(where, problem) for where, record in records.items() for problem in checker.problems(record)]
    return [_finding(problem, where + problem.pointer, source) for where, problem in pairs], len(records)


def _validated_lines(checker: json_schema.Schema, source: Source) -> Iterator[Diagnostic]:
    """The findings of NDJSON, each at its line."""
    start = 0
    for line in source.text.split("\n"):
        if line.strip():
            span = Span(start, start + len(line.rstrip()))
            try:
                problems = checker.problems(parse_json(source, start, line))
                yield from (_finding(problem, problem.pointer, source, span) for problem in problems)
            except MappingError as error:
                yield from error.diagnostics
        start += len(line) + 1


def _finding(problem: json_schema.Problem, pointer: str, source: Source, span: Span | None = None) -> Diagnostic:
    code = "D401" if problem.missing is None else "D402"
    return Diagnostic(code, problem.message, source=source, span=span, pointer=pointer)
