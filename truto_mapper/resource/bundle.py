"""JSON Schemas as components of an OpenAPI document, which has its own places for references and names for objects."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from truto_mapper.resource.field import without
from truto_mapper.resource.surely import JSON

#: Keywords whose values are no schemas, and those whose values are schemas by name.
_VALUES = frozenset({"enum", "const", "default", "examples", "example"})
_MAPS = frozenset({"properties", "patternProperties", "$defs", "dependentSchemas"})


#: What the names of components of answers end with: an object of such a name gets another one.
_ENDINGS = frozenset({"Part", "List", "Map", "Lines", "Debug"})


def reference(name: str) -> JSON:
    """A reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def pascal(name: str) -> str:
    """A name such as `created-at` or `created_at` as that of a type: `CreatedAt`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", name))


def opened(schema: JSON) -> JSON:
    """A schema that says of an object of any form that it has more; without that, generators let it have nothing."""
    is_free = "object" in schema.get("type", ()) and "properties" not in schema
    return {"additionalProperties": True} | schema if is_free else schema


def lifted(name: str, schema: JSON) -> dict[str, JSON]:
    """A schema of declared fields as components: itself as `name`, and each object with declared fields in it.

    So generators call their types by the place, not by the field alone, which other objects have, too.
    """
    found: dict[str, JSON] = {}

    def placed(key: str, part: JSON) -> JSON:
        if "items" in part:
            return part | {"items": placed(key.removesuffix("s"), part["items"])}
        if "properties" not in part:
            return opened(part)
        inner = f"{name}{pascal(key)}{'Object' * (pascal(key) in _ENDINGS)}"
        found.update(lifted(inner, part | {"type": "object"}))
        return reference(inner) if part["type"] == "object" else {"anyOf": [reference(inner), {"type": "null"}]}

    fields = {key: placed(key, part) for key, part in schema.get("properties", {}).items()}
    return {name: schema | ({"properties": fields} if fields else {}), **found}


class Bundle:
    """Components, made of JSON Schemas with references within each. `taken` has the names that are not free."""

    def __init__(self, taken: set[str]) -> None:
        self.components: dict[str, JSON] = {}
        self._taken, self._known = taken, dict[tuple[str, str], str]()

    def add(self, name: str, schema: JSON) -> str:
        """The name of the component of a schema; its `$defs` become components, too."""
        key = name, json.dumps(schema, sort_keys=True)
        if key not in self._known:
            root = self._known[key] = self._free(name)
            defined = {one: self._free(f"{root}-{one}") for one in schema.get("$defs", {})}
            parts = {root: without(schema, "$schema", "$id", "$defs")}
            parts |= {defined[one]: part for one, part in schema.get("$defs", {}).items()}
            for made, part in parts.items():
                moved = _moved(part, root, defined)
                about = {"description": schema["title"]} if made == root and "title" in schema else {}
                self.components[made] = (
                    {"title": made, **about, **without(moved, "title")} if moved else {"title": made}
                )
        return self._known[key]

    def _free(self, name: str) -> str:
        """A name in Pascal case that is not taken."""
        free = wanted = pascal("-".join(re.findall(r"[A-Za-z0-9]+", name))) or "Schema"
        number = 1
        while free in self._taken:
            number += 1
            free = f"{wanted}{number}"
        self._taken.add(free)
        return free


def _moved(node: Any, root: str, defined: dict[str, str]) -> Any:
    """A schema whose references lead to components: `root` is its own, `defined` has those of its `$defs`."""
    if isinstance(node, list):
        return [_moved(one, root, defined) for one in node]
    if not isinstance(node, dict):
        return node
    made: JSON = {}
    for key, value in node.items():
        if key in ("$ref", "$dynamicRef") and isinstance(value, str):
            made["$ref"] = _target(value, root, defined)
        elif key in _MAPS and isinstance(value, dict):
            made[key] = {name: _moved(one, root, defined) for name, one in value.items()}
        else:
            made[key] = value if key in _VALUES else _moved(value, root, defined)
    return made


def _target(pointer: str, root: str, defined: dict[str, str]) -> str:
    """Where a reference leads: to a component, or to a part of one."""
    _, *steps = pointer.split("/")
    if len(steps) > 1 and steps[0] == "$defs":
        name = unquote(steps[1]).replace("~1", "/").replace("~0", "~")
        root, steps = defined[name], steps[2:]
    return "/".join([reference(root)["$ref"], *steps])
