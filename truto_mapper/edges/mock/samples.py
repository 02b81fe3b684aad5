"""A value that fits a JSON Schema: the same one each time, with one item in each array."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.surely import resolved

JSON = dict[str, Any]
Path = tuple[str, ...]

#: A text of each format, and texts of which one may match a pattern.
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T09:30:00Z",
    "email": "ada@example.com",
    "time": "09:30:00Z",
    "time-zone": "Europe/Berlin",
    "uri": "https://example.com/1",
    "uuid": "00000000-0000-4000-8000-000000000001",
}
_TEXTS = ("text", "1", "A", "a1", "2026-01-31", "0.5", "EUR", "ab", "AB-1", "+15550100", *_FORMATS.values())

#: How deep a sample is at most: schemas may refer to themselves.
_DEPTH = 12


def sample(schema: JSON, without: Collection[Path] = ()) -> Any:
    """A value that fits a schema; the optional properties at the paths in `without` are left out."""
    return _Sampler(schema, without).value(schema, ())


class _Sampler:
    def __init__(self, root: JSON, without: Collection[Path]) -> None:
        self._root, self._without = root, frozenset(without)

    def value(self, schema: Any, path: Path) -> Any:
        schema = self._whole(schema)
        for word in ("const", "default"):
            if word in schema:
                return schema[word]
        for word in ("examples", "enum"):
            if listed := [one for one in schema.get(word, ()) if one is not None]:
                return listed[0]
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return [self.value(schema.get("items", {}), path)] if len(path) < _DEPTH else []
        if kind in ("integer", "number"):
            return schema.get("minimum", min(1, schema.get("maximum", 1)))
        return _text(schema) if kind == "string" else {"boolean": False}.get(kind)

    def _object(self, schema: JSON, path: Path) -> JSON:
        required, made = schema.get("required", ()), {}
        for name, inner in schema.get("properties", {}).items():
            below = (*path, name)
            if name in required or (below not in self._without and len(path) < _DEPTH):
                made[name] = self.value(inner, below)
        return made

    def _whole(self, schema: Any) -> JSON:
        """A schema with what its references, its parts and the first of its alternatives say."""
        found: JSON = dict(schema) if isinstance(schema, dict) else {}
        for _ in range(_DEPTH):
            parts = [resolved(self._root, found.pop("$ref"))] if "$ref" in found else found.pop("allOf", [])
            parts += [_first(found.pop(word)) for word in ("anyOf", "oneOf") if word in found]
            if not parts:
                break
            for part in parts:
                found = _merged(part if isinstance(part, dict) else {}, found)
        return found


def _first(schemas: list[Any]) -> Any:
    """The first alternative that is not null alone."""
    return next((one for one in schemas if not isinstance(one, dict) or one.get("type") != "null"), {})


def _merged(one: JSON, other: JSON) -> JSON:
    """Two schemas that both apply; the second has the last word."""
    made = one | other
    for word in ("properties", "required"):
        if word in one and word in other:
            made[word] = one[word] | other[word] if word == "properties" else [*one[word], *other[word]]
    return made


def _kind(schema: JSON) -> str:
    """The type that a sample has."""
    kinds = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
    listed = [kinds] if isinstance(kinds, str) else kinds
    return next((kind for kind in listed if kind != "null"), "null")


def _text(schema: JSON) -> str:
    """A text that fits a schema; if none of those that are known does, one that is as long as it must be."""
    if (text := _FORMATS.get(schema.get("format", ""))) is not None:
        return text
    alone = {"type": "string"} | {word: schema[word] for word in _OF_TEXTS if word in schema}
    fits = Schema(alone).valid
    return next(filter(fits, _TEXTS), "x" * schema.get("minLength", 1))


_OF_TEXTS = ("pattern", "minLength", "maxLength")
