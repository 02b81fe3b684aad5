"""A field of a unified resource: a parameter, a part of a record, or the items of an array; and its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.surely import JSON, surely_fits
from truto_mapper.text.diagnostics import either, excerpt
from truto_mapper.text.pointers import dotted
from truto_mapper.text.record import record

#: Truto's own attribute of each record; normalized records, which are for storage, do not have it.
REMOTE_DATA = "remote_data"

#: The types that a key of a field applies to.
CONCERNS: dict[str, tuple[str, ...]] = {
    "format": ("string",),
    "enum": ("string", "integer", "number"),
    "minimum": ("integer", "number"),
    "fields": ("object",),
    "items": ("array",),
}


_NONE: Mapping[str, Any] = {}


@record
class Field:
    """A parameter, a field of the record or of the envelope, or the items of an array.

    An object without `fields` is free-form. `required` and `nullable` are about the unified side; `required_in` and
    `supported_in` name integrations. A `default` of None means no default.
    """

    type: str
    format: str | None = None
    minimum: int | float | None = None
    fields: Mapping[str, Field] = _NONE
    items: Field | None = None
    enum: tuple[Any, ...] = ()
    default: Any = None
    example: Any = None
    required: bool = False
    nullable: bool = False
    supported_in: tuple[str, ...] = ()
    required_in: tuple[str, ...] = ()
    description: str = ""

    @staticmethod
    def of(given: JSON) -> Field:
        """The field that a right document gives."""
        lists: JSON = {key: tuple(given[key]) for key in ("enum", "supported_in", "required_in") if key in given}
        fields = {name: Field.of(one) for name, one in given.get("fields", {}).items()}
        items = Field.of(given["items"]) if given.get("items") is not None else None
        return Field(**{**given, **lists, "fields": fields, "items": items})

    @property
    def inner(self) -> Field:
        """The items of an array; any other field itself."""
        return self if self.items is None else self.items

    @property
    def is_asked(self) -> bool:
        """Whether callers must give it: a default makes it optional."""
        return self.required and self.default is None

    @property
    def below(self) -> Mapping[str, Field]:
        """The declared fields of an object, or of the objects in an array."""
        return self.inner.fields


def fault(key: str, value: Any, given: JSON) -> str | None:
    """What is wrong with the value of a key beside the other keys of its field, which are of the right types."""
    kind, fitting = given.get("type"), CONCERNS.get(key)
    if fitting is not None and kind is not None and kind not in fitting:
        return f"`{key}` is for the type {either(fitting)}, but this one is {kind}"
    if key in ("default", "example"):
        return _misfit(value, given)
    for i, one in enumerate(value if key == "enum" else ()):
        if one in value[:i]:
            return f"{excerpt(one)} is listed twice"
        if why := _misfit(one, without(given, "enum")):
            return why
    return None


def _misfit(value: Any, given: JSON) -> str | None:
    """Why a value does not fit the keys of its field."""
    wanted = value_schema(Field.of(given), asked=True)
    for problem in () if surely_fits(value, wanted) else Schema(wanted, generated=True).problems(value)[:1]:
        where = f" at {dotted(problem.path)}" if problem.path else ""
        return f"this does not fit the field{where}: {problem.message}"
    return None


def object_(fields: Mapping[str, Field], *, stored: bool = False, asked: bool = False) -> JSON:
    """The JSON Schema of an object with these fields; `stored` in the normalized form, `asked` as callers give it."""

    def vacant(field: Field) -> bool:
        return stored and not field.required and field.type != "array"

    return {
        "type": "object",
        "properties": {
            name: value_schema(field, stored=stored, nullable=field.nullable or vacant(field), asked=asked)
            for name, field in fields.items()
        },
        "required": [n for n, f in fields.items() if stored or (f.is_asked if asked else f.required)],
        "additionalProperties": False,
    }


def value_schema(field: Field, *, stored: bool = False, nullable: bool = False, asked: bool = False) -> JSON:
    """The JSON Schema of a field's value; `stored` and `asked` as for `object_`."""
    inner = object_(field.fields, stored=stored, asked=asked) if field.fields else {}
    inner |= {"items": value_schema(field.items, stored=stored, asked=asked)} if field.items else {}
    kind = {} if field.type == "any" else {"type": [field.type, "null"] if nullable else field.type}
    return kind | _annotations(field) | _limits(field, stored=stored, nullable=nullable) | without(inner, "type")


def _limits(field: Field, *, stored: bool, nullable: bool) -> JSON:
    limits = {
        "format": field.format,
        "pattern": "Z$" if stored and field.format == "date-time" else None,
        "enum": [*field.enum, *([None] if nullable else [])] if field.enum else None,
        "minimum": field.minimum,
    }
    return {key: value for key, value in limits.items() if value is not None}


def _annotations(field: Field) -> JSON:
    return {
        **({"description": field.description} if field.description else {}),
        **({"default": field.default} if field.default is not None else {}),
        **({"examples": [field.example]} if field.example is not None else {}),
        **({"x-truto-supported-in": list(field.supported_in)} if field.supported_in else {}),
        **({"x-truto-required-in": list(field.required_in)} if field.required_in else {}),
    }


def without(schema: JSON, *keys: str) -> JSON:
    return {key: value for key, value in schema.items() if key not in keys}
