"""What a mapper is made of: the texts, and what was read, linked and compiled of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.mapping import linked
from truto_mapper.resource.spec import Resource
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Code
    from truto_mapper.text.yaml_tree import Node

Functions: TypeAlias = Mapping[str, Callable[..., Any]]
FindText: TypeAlias = Callable[[str], Source]


class Parts(NamedTuple):
    """The parts of a mapper: the texts and the caller's functions, and what follows from them.

    `sources` are the mapping file and its overlays, `schemas` the provider's by name; `codes` the code of endpoints by
    name, as far as it was written before.
    """

    sources: tuple[Source, ...]
    spec: Source
    functions: dict[str, Callable[..., Any]]
    schemas: dict[str, Source]
    resource: Resource
    mapping: linked.Mapping
    warnings: tuple[Diagnostic, ...]
    codes: dict[str, Code]


def made(
    sources: Sequence[Source],
    find_spec: FindText,
    find_schema: FindText | None,
    functions: dict[str, Callable[..., Any]],
    mistakes: list[Diagnostic] | None = None,
) -> Parts:
    """The parts that texts give. Raises `MappingError` with every finding; see `linker.link` for `mistakes`."""
    from truto_mapper.mapping import linker, overlay, shape  # noqa: PLC0415  # what was linked before needs none

    schemas: dict[str, Source] = {}

    def find(name: str) -> Source:
        """A provider's schema, noted for pickling and for the cache."""
        assert find_schema is not None  # noqa: S101  # for mypy: without it nothing is looked up
        schemas[name] = find_schema(name)
        return schemas[name]

    layers = overlay.layered(sources)
    try:
        spec = find_spec(shape.resource_name(layers.root))
    except MappingError as error:
        raise MappingError([_at_resource(layers.root, one) for one in error.diagnostics]) from None
    resource = Resource.parse(spec)
    mapping = linker.link(layers.root, resource, functions, find_schema and find, mistakes, layers.sources)
    return Parts(layers.sources, spec, functions, schemas, resource, mapping, layers.warnings, {})


def _at_resource(root: Node, found: Diagnostic) -> Diagnostic:
    """Move "no such spec" to the line that names the resource."""
    return found if found.source else root.diagnostic(found.code, found.message, key="resource", hint=found.hint)
