"""The shape of a mapping document. Whether a right one has it is told without pydantic."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from truto_mapper.resource.surely import JSON, surely_fits
from truto_mapper.text import files

if TYPE_CHECKING:
    from truto_mapper.text.yaml_tree import Node


@lru_cache(maxsize=1)
def shape() -> JSON:
    """The JSON Schema of a mapping file, as `document` generates it."""
    made: JSON = json.loads(files.read(files.home() / "schemas" / "mapping.schema.json").text)
    return made


def check_shape(root: Node) -> None:
    """Raises `MappingError` with an M106 for every place that does not have the shape of a mapping."""
    if not surely_fits(root.plain(), shape()):
        from truto_mapper.mapping import document  # noqa: PLC0415  # only a mistake needs pydantic

        document.check(root)


def resource_name(root: Node) -> str:
    """The name of the resource of a mapping document: `model/resource`. Raises `MappingError` M106."""
    check_shape(root)
    return f"{root.value['unified_model'].value}/{root.value['resource'].value}"
