"""The command that imports the mappings of Truto."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.input import read
from truto_mapper.edges.cli.output import FINDINGS, UsageError, conclude, report, reported, write
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.authoring import importing

#: The readings of `importing.READINGS`, which is imported only by the command.
READINGS = ("item", "array", "http")


def import_(
    names: Annotated[
        list[str], Argument(metavar="FILE", help="Truto's mappings, overrides, integrations; JSON or YAML.")
    ],
    spec: Annotated[
        str | None, Option(metavar="RESOURCE", help="The resource spec; by default it is looked up.")
    ] = None,
    out: Annotated[Path | None, Option(metavar="FOLDER", help="Write the files below this folder.")] = None,
    base: Annotated[str | None, Option(metavar="MAPPING", help="The mapping that an override is for.")] = None,
    rows: Annotated[str | None, Option(metavar="PATH", help="Where a reply to list has its items.")] = None,
    response: Annotated[str | None, options.choice("--response", READINGS, ": what `response` is in a list")] = None,
    model: Annotated[str, Option(metavar="NAME", help="The unified model, if the file does not say it.")] = "",
    resource: Annotated[str, Option(metavar="NAME", help="Truto's resource, if the file does not say it.")] = "",
    method: Annotated[str, Option(metavar="NAME", help="The method, if the file does not say it.")] = "",
    integration: Annotated[str, Option(metavar="NAME", help="The provider, if the file does not say it.")] = "",
) -> None:
    """Turn mappings of Truto into mapping files. What cannot be carried over is a comment there, with the reason."""
    from truto_mapper.authoring import importing

    with reported():
        chosen = importing.Options(
            spec=None if spec is None else files.find(options.located(spec, "schemas"), "schemas", ".yaml"),
            model=model, integration=integration, resource=resource, method=method, rows=rows, reading=response,
            base=None if base is None else files.find(options.located(base), "mappings", ".yaml"),
        )  # fmt: skip
        made = importing.imported([read(name) for name in names], _spec, chosen)
        if out is None and len(made) > 1:
            listed = ", ".join(one.path for one in made)
            raise UsageError(f"these are {len(made)} files ({listed}): say where to write them with --out FOLDER")
        if out is not None:
            _write(out, made)
    report([found for one in made for found in one.findings])
    if out is None:
        write(made[0].text)
    conclude(
        (),
        exit_code=FINDINGS if any(f.severity == "error" for one in made for f in one.findings) else 0,
        format_="text",
    )


def _spec(model: str, resource: str) -> Source | None:
    """The spec of a resource of Truto's, whose name is often a plural."""
    from truto_mapper.authoring.importing.endpoints import singular

    known = files.known("schemas", ".yaml")
    for name in (resource, singular(resource)):
        path = known.get(f"{model}/{name}".replace("_", "-"))
        if path is not None:
            return files.read(path)
    return None


def _write(out: Path, made: list[importing.Imported]) -> None:
    """Write the files. None of them may exist. Raises `MappingError` M105."""
    paths = [out / one.path for one in made]
    there = [path for path in paths if path.exists()]
    if there:
        message = f"{there[0]} exists already"
        raise MappingError(Diagnostic("M105", message, hint="remove it, or name another folder with --out"))
    for path, one in zip(paths, made, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(one.text, "utf-8", newline="\n")
        write(f"{path}\n")
