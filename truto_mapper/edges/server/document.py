"""The OpenAPI document of a service: those of its resources in one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from truto_mapper import __version__
from truto_mapper.resource.openapi import openapi
from truto_mapper.resource.spec import Resource


def document(resources: Iterable[Resource], root: str) -> dict[str, Any]:
    """The document of several resources, of a service below the path `root`."""
    made = [openapi(one) for one in resources]
    paths = {path: item for one in made for path, item in one["paths"].items()}
    schemas = {name: schema for one in made for name, schema in one["components"]["schemas"].items()}
    bearer = {"type": "http", "scheme": "bearer", "description": "A token of this service: `truto-mapper token add`."}
    return {
        **(made[0] if made else {}),
        "info": {"title": "Unified API", "version": __version__},
        "servers": [{"url": root or "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"token": bearer}},
    }
