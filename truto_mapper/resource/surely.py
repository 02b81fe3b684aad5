"""Whether a value is certainly valid, decided without jsonschema and pydantic, whose imports take most of a start."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from truto_mapper.text.pointers import steps_of
from truto_mapper.text.timestamps import is_date_time, is_time_zone

JSON = dict[str, Any]

FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": is_date_time,
    "uuid": lambda text: re.fullmatch(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None,
    "time-zone": is_time_zone,
}

#: The types of a value of each class, the narrowest first. A number may be infinite.
_TYPES: dict[type, tuple[str, ...]] = {
    str: ("string",),
    bool: ("boolean",),
    int: ("integer", "number"),
    float: ("number",),
    list: ("array",),
    dict: ("object",),
    type(None): ("null",),
}
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples"})


def is_plain(schema: JSON) -> bool:
    """Whether a schema has few and simple keywords, and surely is valid against the metaschema."""
    return surely_fits(schema, _PLAIN)


def surely_fits(value: Any, schema: JSON | bool, root: JSON | None = None) -> bool:
    """Whether a value is certainly valid; `root` is the schema around this one. If it is False, only `Schema` knows."""
    if isinstance(schema, bool):
        return schema
    root, kind = schema if root is None else root, value.__class__
    if kind not in _TYPES or (kind is float and not math.isfinite(value)):
        return False
    for keyword, rule in schema.items():
        holds = _HOLDS.get(keyword)
        if holds is not None:
            if not holds(value, rule, schema, root):
                return False
        elif keyword not in _ANNOTATIONS and not keyword.startswith("x-"):
            return False
    return True


def _has_type(value: Any, kinds: Any, *_: JSON) -> bool:
    known = _TYPES[value.__class__]
    return kinds in known if isinstance(kinds, str) else any(kind in known for kind in kinds)


def _is_listed(value: Any, values: list[Any], *_: JSON) -> bool:
    return any(value.__class__ is one.__class__ and value == one for one in values) and not isinstance(
        value, (list, dict)
    )


def _has_format(value: Any, form: str, *_: JSON) -> bool:
    if form == "regex" and value.__class__ is str:
        from truto_mapper.text.regex import is_pattern  # noqa: PLC0415  # likewise

        return is_pattern(value)
    return value.__class__ is not str or (form in FORMATS and FORMATS[form](value))


def _matches(value: Any, pattern: str, *_: JSON) -> bool:
    from truto_mapper.text.regex import occurs  # noqa: PLC0415  # few schemas have patterns

    return value.__class__ is not str or occurs(pattern, value)


def _is_at_least(value: Any, limit: Any, *_: JSON) -> bool:
    return value.__class__ not in (int, float) or bool(value >= limit)


def _has_properties(value: Any, declared: JSON, _: JSON, root: JSON) -> bool:
    if value.__class__ is not dict:
        return True
    return all(surely_fits(one, declared[name], root) for name, one in value.items() if name in declared)


def _is_declared(value: Any, rule: Any, schema: JSON, root: JSON) -> bool:
    """`additionalProperties`"""
    if value.__class__ is not dict:
        return True
    declared = schema.get("properties", ())
    others = [name for name in value if name not in declared]
    return not others or ("patternProperties" not in schema and all(surely_fits(value[n], rule, root) for n in others))


def _are_different_texts(values: list[Any]) -> bool:
    return all(one.__class__ is str for one in values) and len(set(values)) == len(values)


def _has_names(value: Any, patterns: JSON, schema: JSON, root: JSON) -> bool:
    """`patternProperties`, which is sure only of names that have one of the patterns."""
    if value.__class__ is not dict:
        return True
    found = ([rule for pattern, rule in patterns.items() if _matches(name, pattern, schema, root)] for name in value)
    rules = list(zip(value.values(), found, strict=True))
    return all(some and all(surely_fits(one, rule, root) for rule in some) for one, some in rules)


#: What tells of each keyword whether a value, or what is below it, surely has it.
_HOLDS: dict[str, Callable[[Any, Any, JSON, JSON], bool]] = {
    "type": _has_type,
    "enum": _is_listed,
    "const": lambda value, one, schema, root: _is_listed(value, [one], schema, root),
    "format": _has_format,
    "pattern": _matches,
    "minimum": _is_at_least,
    "minProperties": lambda value, least, *_: value.__class__ is not dict or len(value) >= least,
    "minItems": lambda value, least, *_: value.__class__ is not list or len(value) >= least,
    "minLength": lambda value, least, *_: value.__class__ is not str or len(value) >= least,
    "maxLength": lambda value, most, *_: value.__class__ is not str or len(value) <= most,
    "properties": _has_properties,
    "patternProperties": _has_names,
    "additionalProperties": _is_declared,
    "propertyNames": lambda value, rule, _, root: all(
        surely_fits(name, rule, root) for name in (value if value.__class__ is dict else ())
    ),
    "required": lambda value, names, *_: value.__class__ is not dict or all(name in value for name in names),
    "uniqueItems": lambda value, *_: value.__class__ is not list or _are_different_texts(value),
    "items": lambda value, rule, _, root: value.__class__ is not list or all(surely_fits(o, rule, root) for o in value),
    "anyOf": lambda value, rules, _, root: any(surely_fits(value, rule, root) for rule in rules),
    "$ref": lambda value, target, _, root: surely_fits(value, resolved(root, target) or {"not": True}, root),
}


def resolved(schema: JSON, target: str) -> Any:
    """What a reference in a schema leads to, None for nothing."""
    node: Any = schema
    for step in steps_of(target):
        node = node.get(step) if isinstance(node, dict) else None
    return node if isinstance(node, (dict, bool)) else None


_TEXT, _SELF = {"type": "string"}, {"anyOf": [{"type": "boolean"}, {"$ref": "#"}]}
_COUNT = {"type": "integer", "minimum": 0}
_NAMES = {"type": "array", "items": _TEXT, "uniqueItems": True}
_TYPE = {"enum": sorted({kind for kinds in _TYPES.values() for kind in kinds})}
#: The schemas of the values of keywords.
_KEYWORDS: tuple[tuple[JSON, tuple[str, ...]], ...] = (
    (_TEXT, ("$schema", "$comment", "$ref", "title", "description", "format")),
    ({**_TEXT, "pattern": "^[^#]*$"}, ("$id",)),
    ({**_TEXT, "format": "regex"}, ("pattern",)),
    ({"type": "number"}, ("minimum", "maximum")),
    (_COUNT, ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")),
    ({"type": "boolean"}, ("uniqueItems", "readOnly", "writeOnly", "deprecated")),
    ({}, ("const", "default")),
    ({"type": "array"}, ("enum", "examples")),
    ({"anyOf": [_TYPE, {**_NAMES, "items": _TYPE, "minItems": 1}]}, ("type",)),
    (_NAMES, ("required",)),
    (_SELF, ("items", "additionalProperties", "not")),
    ({"type": "array", "items": _SELF, "minItems": 1}, ("anyOf", "allOf", "oneOf")),
    ({"type": "object", "additionalProperties": _SELF}, ("$defs", "properties")),
)
_PLAIN: JSON = {
    "type": "object",
    "properties": {name: rule for rule, names in _KEYWORDS for name in names},
    "additionalProperties": False,
}
