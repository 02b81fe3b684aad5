"""The command that begins a mapping from samples: init."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from truto_mapper.edges.cli import case_report, options
from truto_mapper.edges.cli.input import read, samples
from truto_mapper.edges.cli.output import UsageError, reported, write
from truto_mapper.mapping.linked import Csv
from truto_mapper.resource import spec
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MappingError, ProviderError
from truto_mapper.text.record import replace

if TYPE_CHECKING:
    from truto_mapper.authoring import starting

#: What a reply is enough for, and what needs a body in the caller's terms.
METHODS, OTHERS = ("list", "get"), ("create", "update", "delete")


def init(
    name: Annotated[
        str, Argument(metavar="MODEL/RESOURCE", help="The unified resource that replies become, as in crm/contact.")
    ],
    sources: Annotated[
        list[str],
        Option(
            "--from",
            metavar="SAMPLE",
            help="A file with a reply of the provider: JSON, NDJSON or CSV; - is stdin. Repeat for more.",
        ),
    ],
    integration: Annotated[str, Option(metavar="NAME", help="The provider's name, as in acme.")],
    method: Annotated[
        str,
        options.choice("--method", (*METHODS, *OTHERS), ": what the sample answers; the last three print what to copy"),
    ] = "list",
    print_: Annotated[bool, Option("--print", help="Print the files, and write nothing.")] = False,
) -> None:
    """Write a first mapping from samples of a provider's replies.

    `truto-mapper init crm/contact --from reply.json --integration acme` writes a spec of crm/contact if there is none,
    a mapping, a JSON Schema of the replies, and a first test case. It lists what it guessed and the next commands. No
    file is overwritten. If the mapping exists and has no endpoint for the method, the endpoint to paste is printed.
    """
    from truto_mapper.authoring import starting

    with reported():
        aim = _aim(name, integration, method)
        is_further = _is_further(aim)
        resource = _resource(aim, is_further=is_further)
        delimiter, bodies = _rows(sources) or (None, [body for source in sources for body in _bodies(source)])
        made = starting.begin(aim, bodies, resource, delimiter)
        if is_further:
            _paste(aim, made, resource)
            return
        if print_:
            write("".join(f"── {path} ──\n{text}\n" for path, text in made.texts.items()))
            return
        _create(aim, made)
        _show(aim, made, sources[0])


def _bodies(source: str) -> list[Any]:
    """The replies in a file. Raises `MappingError` M105, P602."""
    found = samples(source)
    for one in found:
        if not isinstance(one, (dict, list)):
            message = f"{source}: a reply must be an object or an array, this is {excerpt(one)}"
            raise MappingError(Diagnostic("P602", message))
    return found


def _rows(sources: list[str]) -> tuple[str, list[Any]] | None:
    """The delimiter and the rows of files in CSV; None if none is. Raises `MappingError` P602."""
    if not any(source.lower().endswith((".csv", ".tsv")) for source in sources):
        return None
    from truto_mapper.engine import csv_bodies

    texts = [read(source).text for source in sources]
    form = Csv(csv_bodies.delimiter_of(texts[0]))
    found = []
    for source, text in zip(sources, texts, strict=True):
        try:
            found.append(csv_bodies.rows(text, form) or [])
        except ProviderError as error:
            told = [replace(one, message=f"{source}: {one.message}") for one in error.diagnostics]
            raise MappingError(told) from None
    return form.delimiter, found


def _aim(name: str, integration: str, method: str) -> starting.Aim:
    from truto_mapper.authoring.starting import Aim

    found = re.fullmatch("([a-z][a-z0-9-]*)/([a-z][a-z0-9-]*)", name)
    if found is None:
        raise UsageError(f"{excerpt(name)} is not MODEL/RESOURCE: two names in lower case, as in crm/contact")
    if not re.fullmatch("[a-z][a-z0-9_]*", integration):
        raise UsageError(
            f"--integration must be a name of lower-case letters, digits and _, not {excerpt(integration)}"
        )
    if method in OTHERS:
        where = f"below `endpoints` in mappings/{integration}/{found[2]}.yaml"
        why = "a reply does not tell the body of the request" if method != "delete" else "a deletion gives no record"
        page = "docs/mapping-format.md#methods"
        raise UsageError(f"--method {method}: {why}; copy the endpoint for `{method}` from {page} to {where}")
    return Aim(found[1], found[2], integration, method)


def _is_further(aim: starting.Aim) -> bool:
    """Whether there is a mapping already, without an endpoint for the method."""
    from truto_mapper.engine.mapper import load

    try:
        known = load(Path(aim.files["mapping"]))
    except MappingError:
        return False
    return all(one.method != aim.method for one in known.mapping.endpoints)


def _paste(aim: starting.Aim, made: starting.Start, resource: spec.Resource | None) -> None:
    """Show the endpoint of a further method, and write its source schema."""
    mapping, schema = aim.files["mapping"], Path(aim.files["schema"])
    if schema.exists():
        raise UsageError(f"{schema} exists; nothing was written")
    schema.parent.mkdir(parents=True, exist_ok=True)
    schema.write_text(made.texts[str(schema)], "utf-8", newline="\n")
    first, *rest = made.texts[mapping].partition("endpoints:\n")[2].splitlines()
    typer.echo(f"{schema}\n\n{mapping} exists. Paste this below its `endpoints`:\n")
    typer.echo("\n".join([first, f"    method: {aim.method}", *rest]))
    if resource is not None and aim.method not in resource.methods:
        path = f"/unified/{aim.model}/{aim.resource}" + ("/{id}" if aim.method == "get" else "")
        typer.echo(f"\nPaste this below `methods` in {aim.files['spec']}:\n")
        typer.echo(f'  {aim.method}: {{http_method: GET, path: "{path}"}}')
    typer.echo(f"\nThen: truto-mapper check {mapping}")


def _resource(aim: starting.Aim, *, is_further: bool) -> spec.Resource | None:
    """The resource of the new mapping, if it has a spec. Raises `MappingError` M106 if that does not allow it."""
    name = f"{aim.model}/{aim.resource}"
    if name not in files.known("schemas", ".yaml"):
        return None
    place = options.located(name, "schemas")
    found, where = spec.load_resource(place), str(place if isinstance(place, Path) else f"the shipped {name}")
    if aim.method not in found.methods and not is_further:
        hint = f"add `{aim.method}` to its `methods`, or choose one of {', '.join(found.methods)} with --method"
        raise MappingError(Diagnostic("M106", f"{where} has no method `{aim.method}`", hint=hint))
    return found


def _create(aim: starting.Aim, made: starting.Start) -> None:
    """Write the files, and the first case with what the mapping gives. Raises `UsageError` if one exists."""
    from truto_mapper.authoring import golden, starting

    mapping = Path(aim.files["mapping"])
    case = mapping.with_suffix("") / starting.CASE
    there = [str(path) for path in (*map(Path, made.texts), case) if path.exists()]
    if there:
        raise UsageError(f"{' and '.join(there)} exist{'s' if len(there) == 1 else ''}; nothing was written")
    for path, text in made.texts.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, "utf-8", newline="\n")
    recorded = golden.record(mapping, starting.CASE, made.payload, made.settings, words=made.words)
    for path in made.texts:
        typer.echo(path)
    case_report.show_recorded(recorded)


def _show(aim: starting.Aim, made: starting.Start, sample: str) -> None:
    """What was found and guessed, and the commands that come next."""
    from truto_mapper.authoring import starting

    mapping = aim.files["mapping"]
    payload = str(Path(mapping).with_suffix("") / starting.CASE / "payload.json") if sample == "-" else sample
    typer.echo("\n" + "\n".join(made.notes))
    doubts = [*starting.to_verify(made.texts)]
    if doubts:
        typer.echo("\n" + typer.style("Verify:", bold=True))
    width = max((len(place) for place, _ in doubts), default=0)
    for place, text in doubts:
        typer.echo(f"  {place:{width}}  {text}")
    typer.echo("\n" + typer.style("Next:", bold=True))
    for command in ("check", "test", "explain"):
        typer.echo(f"  truto-mapper {command} {mapping}" + (f" {payload}" if command == "explain" else ""))
