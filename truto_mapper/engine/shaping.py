"""A value in the shape that its field declares: arrays are lists, nulls and undeclared keys are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from truto_mapper.engine.decimals import exact_integer, is_exact
from truto_mapper.language.runtime.values import as_number
from truto_mapper.resource.field import Field, value_schema
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text.pointers import Steps

Shaper = Callable[[Any], Any]

#: The worst fault of the values that are the same for a whole page: an optional one is left out, without a required
#: one no record is valid, and what a failed `let` means differs from field to field.
Fault = Literal["optional", "required", "let"]

#: The Python class of the values of a type, where there is only one, by its name and itself.
CLASSES = {"string": "str", "integer": "int", "boolean": "bool"}
_KINDS = {"string": str, "integer": int, "boolean": bool}
SCALARS = frozenset({*CLASSES, "number"})

#: The longest text of a page that its rows may repeat without being counted.
MAX_SHORT = 1_000

ANY = Field("any")


def schema_of(field: Field) -> Schema:
    return Schema(value_schema(field), generated=True)


def is_proved_by_class(field: Field) -> bool:
    """Whether a scalar of the right class is always valid."""
    return field.type in SCALARS and not field.enum and field.format is None and field.minimum is None


def shaper(field: Field, *, strict: bool) -> Shaper:
    """A function that shapes a plain value; it returns None for no value.

    A strict one raises `ValueError` for an invalid value, an undeclared key and a missing required one.
    """
    if field.type == "array":
        return partial(_array, shaper(field.items or ANY, strict=strict))
    if field.type == "object" and field.fields:
        required = {name for name, one in field.fields.items() if one.required} if strict else None
        return partial(_object, {name: shaper(one, strict=strict) for name, one in field.fields.items()}, required)
    if not strict:
        return _whole if field.type == "integer" else _same
    return partial(_valid, _KINDS.get(field.type) if is_proved_by_class(field) else None, schema_of(field).valid)


def _array(item: Shaper, value: Any) -> Any:
    shaped = [item(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
    return [one for one in shaped if one is not None]


def _object(fields: Mapping[str, Shaper], required: set[str] | None, value: Any) -> Any:
    """`required` is None unless the shaper is strict."""
    if required is None:
        if not isinstance(value, dict):
            return value
    elif not isinstance(value, dict) or any(value[name] is not None for name in value.keys() - fields.keys()):
        raise ValueError
    shaped = {name: shape(value[name]) for name, shape in fields.items() if value.get(name) is not None}
    found = {name: one for name, one in shaped.items() if one is not None}
    if required and not required <= found.keys():
        raise ValueError
    return found or None


def _same(value: Any) -> Any:
    return value


def _whole(value: Any) -> Any:
    """A value for an integer: a whole number keeps its digits, any other is what its double is."""
    if not is_exact(value):
        return value
    whole = exact_integer(value)
    return as_number(float(value)) if whole is None else whole


def _valid(kind: type | None, is_valid: Callable[[Any], bool], value: Any) -> Any:
    if value.__class__ is not kind and not is_valid(value):
        raise ValueError
    return value


def undeclared(value: Any, field: Field, path: Steps) -> Iterator[tuple[Steps, Any]]:
    """The keys that shaping a value leaves out because nothing declares them: their paths and values."""
    if field.type == "array":
        for index, item in enumerate(value if isinstance(value, list) else [value]):
            yield from undeclared(item, field.items or ANY, (*path, index))
    elif field.type == "object" and field.fields and isinstance(value, dict):
        yield from (((*path, n), one) for n, one in value.items() if n not in field.fields and one is not None)
        for name, inner in field.fields.items():
            if name in value:
                yield from undeclared(value[name], inner, (*path, name))
