"""The command that begins a mapping from samples: init."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from truto_mapper.edges.cli import case_report, options
from truto_mapper.edges.cli.input import samples
from truto_mapper.edges.cli.output import UsageError, reported, write
from truto_mapper.resource import spec
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import replace

if TYPE_CHECKING:
    from truto_mapper.authoring import starting

METHODS = ("list", "get")


def init(
    name: Annotated[str, Argument(metavar="MODEL/RESOURCE", help="The unified resource: crm/contact.")],
    sources: Annotated[
        list[str], Option("--from", metavar="SAMPLE", help="A reply as JSON or NDJSON, or -; repeat for more.")
    ],
    integration: Annotated[str, Option(metavar="NAME", help="The provider's name: acme.")],
    method: Annotated[str, options.choice("--method", METHODS, ": what the sample answers")] = "list",
    print_: Annotated[bool, Option("--print", help="Print the files, and write nothing.")] = False,
) -> None:
    """Begin a mapping: a spec, a mapping, a schema and a first case, made from samples of the provider's replies."""
    from truto_mapper.authoring import starting

    with reported():
        aim = _aim(name, integration, method)
        resource = _resource(aim)
        bodies = [body for source in sources for body in _bodies(source)]
        made = starting.begin(aim, bodies, resource)
        if print_:
            write("".join(f"── {path} ──\n{text}\n" for path, text in made.texts.items()))
            return
        _create(aim, made)
        _show(aim, made, sources[0])


def _bodies(source: str) -> list[Any]:
    """The replies in a file. Raises `MappingError` M105, P602."""
    try:
        found = samples(source)
    except MappingError as error:
        if not source.endswith((".csv", ".tsv")):
            raise
        hint = "give the same rows as a JSON array of objects, and add `decode: csv` to the endpoint"
        raise MappingError([replace(one, hint=hint) for one in error.diagnostics]) from None
    for one in found:
        if not isinstance(one, (dict, list)):
            message = f"{source}: a reply must be an object or an array, this is {excerpt(one)}"
            raise MappingError(Diagnostic("P602", message))
    return found


def _aim(name: str, integration: str, method: str) -> starting.Aim:
    from truto_mapper.authoring.starting import Aim

    found = re.fullmatch("([a-z][a-z0-9-]*)/([a-z][a-z0-9-]*)", name)
    if found is None:
        raise UsageError(f"{excerpt(name)} is not MODEL/RESOURCE: two names in lower case, as in crm/contact")
    if not re.fullmatch("[a-z][a-z0-9_]*", integration):
        raise UsageError(
            f"--integration must be a name of lower-case letters, digits and _, not {excerpt(integration)}"
        )
    return Aim(found[1], found[2], integration, method)


def _resource(aim: starting.Aim) -> spec.Resource | None:
    """The resource of the new mapping, if it has a spec. Raises `MappingError` M106 if that does not allow it."""
    name = f"{aim.model}/{aim.resource}"
    if name not in files.known("schemas", ".yaml"):
        return None
    place = options.located(name, "schemas")
    found, where = spec.load_resource(place), str(place if isinstance(place, Path) else f"the shipped {name}")
    if aim.method not in found.methods:
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
