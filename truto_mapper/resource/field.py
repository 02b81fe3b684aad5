"""A field of a unified resource: a parameter, a part of a record, or the items of an array; and its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

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

#: The keys that hold several values.
_LISTS = ("enum", "supported_in", "required_in", "methods")

#: What a schema describes: records, their normalized form, parameters as callers give them, or the body to create a
#: record. All of the body to update one is optional, but what is in it is as in the body to create one.
Form: TypeAlias = Literal["record", "stored", "asked", "create", "update"]


@record
class Field:
    """A parameter, a field of the record or of the envelope, or the items of an array.

    An object without `fields` is free-form. `required` and `nullable` are about the unified side; `on_create` is
    true for a field that only a body to create a record must have (`required: create`). A `read_only` field is in no
    body. `required_in` and `supported_in` name integrations, `methods` the methods that take a parameter (all if it is
    empty). A `default` of None means no default.
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
    on_create: bool = False
    nullable: bool = False
    read_only: bool = False
    methods: tuple[str, ...] = ()
    supported_in: tuple[str, ...] = ()
    required_in: tuple[str, ...] = ()
    description: str = ""

    @staticmethod
    def of(given: JSON) -> Field:
        """The field that a right document gives."""
        lists: JSON = {key: tuple(given[key]) for key in _LISTS if key in given}
        fields = {name: Field.of(one) for name, one in given.get("fields", {}).items()}
        items = Field.of(given["items"]) if given.get("items") is not None else None
        when: JSON = {"required": False, "on_create": True} if given.get("required") == "create" else {}
        return Field(**{**given, **lists, **when, "fields": fields, "items": items})

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
    wanted = value_schema(Field.of(given), "asked")
    for problem in () if surely_fits(value, wanted) else Schema(wanted, generated=True).problems(value)[:1]:
        where = f" at {dotted(problem.path)}" if problem.path else ""
        return f"this does not fit the field{where}: {problem.message}"
    return None


def object_(fields: Mapping[str, Field], form: Form = "record") -> JSON:
    """The JSON Schema of an object with these fields."""
    if form in {"create", "update"}:
        fields = {name: field for name, field in fields.items() if not field.read_only}
    return {
        "type": "object",
        "properties": {name: value_schema(field, form, is_part=True) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if _is_required(field, form)],
        "additionalProperties": False,
    }


def _is_required(field: Field, form: Form) -> bool:
    match form:
        case "stored":
            return True
        case "asked":
            return field.is_asked
        case "create":
            return field.required or field.on_create
        case "update":
            return False
    return field.required


def value_schema(field: Field, form: Form = "record", *, is_part: bool = False) -> JSON:
    """The JSON Schema of a field's value; as a part of an object it may be null where the field allows it."""
    within: Form = "create" if form == "update" else form  # an object in a body is replaced as a whole
    inner = object_(field.fields, within) if field.fields else {}
    inner |= {"items": value_schema(field.items, within)} if field.items else {}
    vacant = form == "stored" and not field.required and field.type != "array"
    nullable = is_part and (field.nullable or vacant)
    kind = {} if field.type == "any" else {"type": [field.type, "null"] if nullable else field.type}
    return kind | _annotations(field) | _limits(field, form, nullable=nullable) | without(inner, "type")


def _limits(field: Field, form: Form, *, nullable: bool) -> JSON:
    limits = {
        "format": field.format,
        "pattern": "Z$" if form == "stored" and field.format == "date-time" else None,
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
