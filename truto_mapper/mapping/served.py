"""What the OpenAPI document of a service tells of a mapping."""

from __future__ import annotations

import json
from typing import Any

from truto_mapper.mapping.linked import Endpoint, Mapping
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.openapi import Served
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source


def served(mapping: Mapping) -> Served:
    """The resource of a mapping with the methods that it maps, and the schemas of the provider's replies."""
    methods = dict.fromkeys(one.method for one in mapping.endpoints)
    found = {name: [_schema(one) for one in mapping.endpoints if one.method == name] for name in methods}
    raw = {name: dict(one for one in all_ if one is not None) for name, all_ in found.items() if None not in all_}
    return Served(mapping.resource, tuple(methods), raw)


def _schema(endpoint: Endpoint) -> tuple[str, dict[str, Any]] | None:
    """The name and the schema of an endpoint's replies; None if it is not known, or if they are not JSON."""
    if endpoint.source is None or endpoint.decode is not None:
        return None
    try:
        schema = json.loads(endpoint.source.text)
        Schema(schema)
    except (ValueError, RecursionError, MappingError):
        return None
    return (_name(endpoint.source), schema) if isinstance(schema, dict) else None


def _name(source: Source) -> str:
    """The name of a schema as mappings write it: `gong/users`."""
    return "/".join(source.name.removesuffix(".schema.json").split("/")[-2:])
