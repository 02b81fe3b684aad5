"""The command that shows all mappings and resources and where they are: list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import typer

from truto_mapper.edges.cli.options import choice
from truto_mapper.edges.cli.output import FINDINGS, print_json, report
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.resource.spec import Resource, load_resource
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple

_Read = TypeVar("_Read", Mapper[Any], Resource)


class _Listed(NamedTuple, Generic[_Read]):
    """A file by its name: its place, whether it is shipped, and what is read from it, or why that is not possible."""

    name: str
    path: Path
    is_shipped: bool
    read: _Read | None
    errors: tuple[Diagnostic, ...] = ()

    @property
    def place(self) -> str:
        return "shipped" if self.is_shipped else str(self.path)


def list_(format_: Annotated[str, choice("--format", ("text", "json"))] = "text") -> None:
    """List all mappings and resources.

    First those in ./mappings and ./schemas, then the shipped ones.
    """
    mappings = [_listed(*one, load) for one in _files("mappings")]
    resources = [_listed(*one, load_resource) for one in _files("schemas")]
    broken = [one for one in (*mappings, *resources) if one.errors]
    if format_ == "json":
        print_json({"mappings": [*map(_about_mapping, mappings)], "resources": [*map(_about_resource, resources)]})
    else:
        _table("Mappings", [*map(_mapping_row, mappings)])
        typer.echo()
        _table("Resources", [*map(_resource_row, resources)])
        report([found for one in broken for found in one.errors])
    if broken:
        raise typer.Exit(FINDINGS)


def _files(folder: str) -> Iterator[tuple[str, Path, bool]]:
    """The names of the files in a folder of the project and of the shipped ones, each with its path."""
    here = {path.stem: path for path in Path(folder).glob("*.yaml")} if folder == "mappings" else {}
    for name, path in sorted(
        (here | files.known(folder, ".yaml")).items(), key=lambda one: (one[1].is_absolute(), one)
    ):
        yield name, path, path.is_absolute()


def _listed(name: str, path: Path, is_shipped: bool, reader: Any) -> _Listed[Any]:  # from `_files`
    try:
        return _Listed(name, path, is_shipped, reader(path))
    except MappingError as error:
        return _Listed(name, path, is_shipped, None, error.diagnostics)


def _cases(path: Path) -> int:
    from truto_mapper.authoring import golden

    return len(golden.folders(path))


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _head(one: _Listed[Any]) -> dict[str, Any]:
    errors = {"errors": [found.as_dict() for found in one.errors]} if one.errors else {}
    return {"name": one.name, "file": str(one.path), "shipped": one.is_shipped, **errors}


def _about_mapping(one: _Listed[Mapper[Any]]) -> dict[str, Any]:
    if one.read is None:
        return _head(one)
    mapping = one.read.mapping
    endpoints = [{"name": each.name, "method": each.method, "request": each.http_method} for each in mapping.endpoints]
    about = {"integration": mapping.integration, "resource": mapping.resource.name, "methods": _methods(one.read)}
    return _head(one) | about | {"endpoints": endpoints, "cases": _cases(one.path)}


def _methods(mapper: Mapper[Any]) -> list[str]:
    return list(dict.fromkeys(one.method for one in mapper.mapping.endpoints))


def _about_resource(one: _Listed[Resource]) -> dict[str, Any]:
    if (read := one.read) is None:
        return _head(one)
    about = {"title": read.title, "methods": [*read.methods], "integrations": [*read.integrations]}
    return _head(one) | about | {"parameters": [*read.parameters], "fields": [*read.fields]}


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────────────────────

#: The cells of a line, and the lines below it.
_Row = tuple[tuple[str, ...], list[str]]


def _mapping_row(one: _Listed[Mapper[Any]]) -> _Row:
    if one.read is None:
        return _broken(one)
    names: dict[str, list[str]] = {}
    for each in one.read.mapping.endpoints:
        names.setdefault(each.method, []).append(each.name)
    count = _cases(one.path)
    cells = (one.name, one.read.mapping.resource.name, f"{count:,} case{'' if count == 1 else 's'}", one.place)
    return cells, [f"{method}: {', '.join(some)}" for method, some in names.items()]


def _resource_row(one: _Listed[Resource]) -> _Row:
    if (read := one.read) is None:
        return _broken(one)
    return (one.name, ", ".join(read.methods), f"in {', '.join(read.integrations)}", one.place), []


def _broken(one: _Listed[Any]) -> _Row:
    count = len(one.errors)
    return (one.name, "broken", f"{count} error{'' if count == 1 else 's'}", one.place), []


def _table(title: str, rows: Sequence[_Row]) -> None:
    """Rows below a title, in columns as wide as they need."""
    typer.echo(typer.style(title, bold=True))
    widths = [max(map(len, column)) for column in zip(*(cells for cells, _ in rows), strict=True)]
    for cells, below in rows:
        padded = [f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)]
        padded[1] = typer.style(padded[1], fg="red") if cells[1] == "broken" else padded[1]
        typer.echo(f"  {'  '.join(padded)}".rstrip())
        for text in below:
            typer.echo(typer.style(f"    {text}", dim=True))
