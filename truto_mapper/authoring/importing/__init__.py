"""Imports the mappings of Truto: text in, text and findings out.

A mapping of one resource becomes a mapping file, an override an overlay. What cannot be carried over is a comment there
and a finding (I901), and so is what differs (I902).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from truto_mapper.authoring.importing import documents, mappings
from truto_mapper.authoring.importing.checking import settled
from truto_mapper.authoring.importing.documents import Row
from truto_mapper.authoring.importing.endpoints import Settings
from truto_mapper.authoring.importing.mappings import Made, Names
from truto_mapper.authoring.importing.replies import READINGS
from truto_mapper.authoring.importing.writing import Entry
from truto_mapper.resource.spec import Resource
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import Findings, MappingError
from truto_mapper.text.source import Source, Span
from truto_mapper.text.yaml_tree import Node

__all__ = ["READINGS", "Imported", "Options", "imported"]

#: Finds the spec of a resource: its name and its text; None if there is none.
FindSpec = Callable[[str, str], Source | None]


@dataclass(frozen=True, slots=True)
class Options:
    """What an import is told.

    `spec` is the text of the spec, `model`, `resource`, `integration` and `method` what the files do not say. `rows` is
    the path of a list's items in the reply, `reading` one of `READINGS`. `base` is the mapping that an overlay is for.
    """

    spec: Source | None = None
    model: str = ""
    integration: str = ""
    resource: str = ""
    method: str = ""
    rows: str | None = None
    reading: str | None = None
    base: Source | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """A file that an import makes: its path, its text, and what is to be said about it."""

    path: str
    text: str
    findings: tuple[Diagnostic, ...]


def imported(sources: Sequence[Source], find_spec: FindSpec, options: Options | None = None) -> list[Imported]:
    """The files that some files of Truto's become. Raises `MappingError` with everything that cannot be read."""
    options = options or Options()
    read = documents.read(sources)
    rows = [_complete(row, options) for row in read.rows]
    if not rows:
        hint = "give the file of a mapping, too: an integration says where the provider has its resources"
        raise MappingError(Diagnostic("I903", "there is no mapping in these files", source=sources[0], hint=hint))
    made, findings = list[Imported](), Findings()
    for group in _groups(rows):
        try:
            made += _Import(group, read.proxies, find_spec, options).files()
        except MappingError as error:
            findings.found += error.diagnostics
    findings.raise_as(MappingError)
    return made


def _complete(row: Row, options: Options) -> Row:
    """A row with the names that its file does not say. Raises `MappingError` I903."""
    model, resource = row.model or options.model, row.resource or options.resource
    for name, value in (("model", model), ("resource", resource)):
        if not value:
            hint = f"say it with --{name}"
            raise MappingError(
                Diagnostic("I903", f"the file does not say the {name}", source=row.config.source, hint=hint)
            )
    method, integration = row.method or options.method or "list", row.integration or options.integration
    return replace(row, model=model, resource=resource, integration=integration, method=method)


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each resource of each integration. An override that does not name its integration is for all."""
    known: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        known.setdefault((row.model, row.resource), set()).add(row.integration)
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        named = known[row.model, row.resource] - {""}
        for integration in [row.integration] if row.integration else sorted(named) or [""]:
            found.setdefault((row.model, row.resource, integration), []).append(replace(row, integration=integration))
    return list(found.values())


@dataclass(frozen=True)
class _Import:
    """The import of one resource of one integration."""

    rows: list[Row]
    proxies: Mapping[str, Mapping[str, Any]]
    find_spec: FindSpec
    options: Options

    @cached_property
    def spec(self) -> Source | None:
        return self.options.spec or self.find_spec(self.rows[0].model, self.rows[0].resource)

    @cached_property
    def names(self) -> Names:
        first = self.rows[0]
        if self.spec is not None:
            resource = Resource.parse(self.spec)
            return Names(first.integration, resource.unified_model, resource.resource)
        return Names(first.integration, first.model.replace("_", "-"), first.resource.replace("_", "-"))

    @cached_property
    def settings(self) -> Settings:
        resource = None if self.spec is None else Resource.parse(self.spec)
        return Settings(
            self.proxies,
            None if resource is None else resource.fields,
            None if resource is None else frozenset(resource.parameters),
            self.options.rows,
            self.options.reading,
        )

    def files(self) -> Iterator[Imported]:
        """The mapping, and an overlay for each layer above it."""
        base = [row for row in self.rows if row.layer == "base"]
        layers = [[row for row in self.rows if row.layer == layer] for layer in ("environment", "account")]
        if not base and self.options.base is None and layers[0] and all(map(_is_complete, layers[0])):
            base, layers[0] = layers[0], []
        below = self.options.base
        if base:
            if not self.names.integration:
                message, hint = "the file does not say the integration", "say it with --integration"
                raise MappingError(Diagnostic("I903", message, source=base[0].config.source, hint=hint))
            made = mappings.mapping(self.names, base, self.settings)
            path = f"mappings/{self.names.integration}/{self.names.resource}.yaml"
            yield (file := self.file(path, made, ()))
            below = Source(path, file.text)
        for layer, rows in zip(("environment", "account"), layers, strict=True):
            if rows:
                name = f"{self.names.integration or self.names.model}/{self.names.resource}.{layer}.yaml"
                made = mappings.overlay(self.names, rows, self.settings, _endpoints(below))
                yield self.file(f"overlays/{name}", made, () if below is None else (below,))

    def file(self, path: str, made: Made, below: Sequence[Source]) -> Imported:
        is_checked = self.spec is not None and (bool(below) or not path.startswith("overlays/"))
        entries, text, errors = settled(made.entries, path, below, self.spec if is_checked else None)
        findings = [*_told(entries, made.origins)]
        if self.spec is None:
            name = f"{self.names.model}/{self.names.resource}"
            hint = f"write schemas/{name}.yaml (`truto-mapper init {name} --from SAMPLE.json`), or name one with --spec"
            findings.append(Diagnostic("I902", f"there is no spec {name}: nothing was checked", "warning", hint=hint))
        return Imported(path, text, (*findings, *errors))


def _is_complete(row: Row) -> bool:
    """Whether a row of an environment is a mapping and not only what is different."""
    parts = row.config.value or {}
    return "resource" in parts and ("response_mapping" in parts or row.method == "delete")


def _endpoints(below: Source | None) -> list[tuple[str, str, str | None]]:
    """The name, the method and the innermost loop of each endpoint of a mapping."""
    root = None if below is None else yaml_tree.parse(below).plain()
    if not isinstance(root, dict):
        return []
    method = root.get("method", "list")
    found = (root.get("endpoints") or {}).items()
    return [(name, one.get("method", method), next(reversed(one.get("for_each") or {}), None)) for name, one in found]


def _told(entries: Sequence[Entry], origins: Mapping[str, Node], path: tuple[str, ...] = ()) -> Iterator[Diagnostic]:
    """What the notes of entries say, as findings at the part of the input that they come from."""
    for one in entries:
        here = (*path, one.key)
        where = _origin(here, origins)
        for note in one.notes:
            code = "I901" if note.startswith("Not carried over") else "I902"
            severity = "warning" if code == "I901" or note.startswith("A guess") else "note"
            about = ".".join(here[1:] if here[0] == "endpoints" else here)
            start = note[:1] if note.startswith(("`", "Truto")) else note[:1].lower()
            message = f"`{about}`: {start}{note[1:].rstrip('.')}"
            yield Diagnostic(code, message, severity, *where)  # type: ignore[arg-type]
        if not isinstance(one.value, str):
            yield from _told(one.value, origins, here)


def _origin(path: tuple[str, ...], origins: Mapping[str, Node]) -> tuple[Source | None, Span | None]:
    node = origins.get(path[1]) if path[0] == "endpoints" and len(path) > 1 else None
    if node is None:
        return None, None
    if len(path) > 2 and isinstance(node.value, dict) and path[2] in node.keys:
        return node.source, node.keys[path[2]].span
    return node.source, Span(node.span.start, node.span.start + 1)
