"""Resource specs, `schemas/<model>/<resource>.yaml`: the parameters and fields of a unified resource.

`generated` and `openapi` make schemas and types of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import pydantic
from pydantic_core import PydanticCustomError

from truto_mapper.resource.json_schema import JSON, Schema, surely_fits
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, by_place, did_you_mean, either, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import dotted
from truto_mapper.text.shape import is_list, shaped
from truto_mapper.text.source import Source

#: Truto's own attribute of each record; normalized records, which are for storage, do not have it.
REMOTE_DATA = "remote_data"

_Format = Literal["date-time", "date", "uuid", "time-zone"]

#: What is written where a type is wanted, and what to write.
_MEANT = {
    **{name: f"`type: string` and `format: {name}`" for name in get_args(_Format)},
    **dict.fromkeys(("datetime", "timestamp"), "`type: string` and `format: date-time`"),
    **dict.fromkeys(("text", "str", "email", "uri", "url"), "`type: string`"),
    **dict.fromkeys(("int", "long", "int32", "int64"), "`type: integer`"),
    **dict.fromkeys(("float", "double", "decimal"), "`type: number`"),
    **dict.fromkeys(("bool",), "`type: boolean`"),
    **dict.fromkeys(("list", "tuple", "set"), "`type: array` and `items`"),
    **dict.fromkeys(("dict", "map", "mapping", "record"), "`type: object` and `fields`"),
    **dict.fromkeys(("enum", "choice"), "`type: string` and `enum`"),
}


def _no_foreign_type(value: Any) -> Any:
    """Refuse what other schemas call a type."""
    hint = _MEANT.get(value) if isinstance(value, str) else None
    if isinstance(value, list):
        first = next((one for one in value if isinstance(one, str) and one != "null"), "string")
        hint = f"`type: {first}`" + " and `nullable: true`" * any(one in ("null", None) for one in value)
    if hint is not None:
        said = f"`{value}` is not a type" if isinstance(value, str) else "a field has one type"
        raise PydanticCustomError("no_type", said, {"hint": f"write {hint}"})
    return value


_Type = Annotated[
    Literal["string", "integer", "number", "boolean", "object", "array", "any"],
    pydantic.BeforeValidator(_no_foreign_type),
]
_Name = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Names = Annotated[tuple[_Name, ...], pydantic.Field(strict=False)]  # YAML has lists

#: The types that a key of a field applies to.
_CONCERNS: dict[str, tuple[str, ...]] = {
    "format": ("string",),
    "enum": ("string", "integer", "number"),
    "minimum": ("integer", "number"),
    "fields": ("object",),
    "items": ("array",),
}


class _Spec(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Field(_Spec):
    """A parameter, a field of the record or of the envelope, or the items of an array.

    An object without `fields` is free-form. `required` and `nullable` are about the unified side; `required_in` and
    `supported_in` name integrations. A `default` of None means no default.
    """

    type: _Type
    format: _Format | None = None
    minimum: int | float | None = None
    fields: dict[_Name, Field] = {}
    items: Field | None = None
    enum: Annotated[tuple[Any, ...], pydantic.Field(strict=False)] = ()  # from here on checked against the fields above
    default: Any = None
    example: Any = None
    required: bool = False
    nullable: bool = False
    supported_in: _Names = ()
    required_in: _Names = ()
    description: str = ""

    @pydantic.field_validator(*_CONCERNS)
    @classmethod
    def _concerns_the_type(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        kind, fitting = info.data.get("type"), _CONCERNS[str(info.field_name)]
        if kind is not None and kind not in fitting:
            raise ValueError(f"`{info.field_name}` is for the type {either(fitting)}, but this one is {kind}")
        return value

    @pydantic.field_validator("enum")
    @classmethod
    def _lists_each_value_once(cls, values: tuple[Any, ...], info: pydantic.ValidationInfo) -> tuple[Any, ...]:
        for i, value in enumerate(values):
            if value in values[:i]:
                raise ValueError(f"{excerpt(value)} is listed twice")
            _fits(value, {**info.data, "enum": ()})
        return values

    @pydantic.field_validator("default", "example")
    @classmethod
    def _fits_the_field(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        _fits(value, info.data)
        return value

    @pydantic.model_validator(mode="after")
    def _knows_its_items(self) -> Self:
        if self.type == "array" and self.items is None:
            raise ValueError("an array needs `items`")
        return self

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


def _fits(value: Any, declared: JSON) -> None:
    """Check a value against the keys of its field that are valid. Raises ValueError."""
    if {"type", "format", "minimum", "fields", "items"} <= declared.keys():  # an invalid one is reported already
        wanted = value_schema(Field.model_construct(**declared), asked=True)
        problems = [] if surely_fits(value, wanted) else Schema(wanted, generated=True).problems(value)
        for problem in problems[:1]:
            where = f" at {dotted(problem.path)}" if problem.path else ""
            raise ValueError(f"this does not fit the field{where}: {problem.message}")


class Method(_Spec):
    """How an operation is called over HTTP."""

    http_method: Literal["GET"]
    path: Annotated[str, pydantic.Field(pattern=r"^/[^\s?#]*$")]
    description: str = ""


class Period(_Spec):
    """Two date-time parameters: a query is refused (Q505) unless `start` is before `end`."""

    start: _Name
    end: _Name


class Resource(_Spec):
    """A unified resource, read from its spec. `response` is the envelope around the records.

    Dicts keep the order of the file, which is the order records are written in.
    """

    version: Literal[1]
    unified_model: Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9-]*$")]
    resource: Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    description: str = ""
    integrations: _Names
    methods: dict[Literal["list"], Method]
    parameters: dict[_Name, Field]
    periods: Annotated[tuple[Period, ...], pydantic.Field(strict=False)] = ()
    fields: dict[_Name, Field]
    response: dict[_Name, Field]

    @property
    def name(self) -> str:
        """Model and resource: `conversational-intelligence/activity`."""
        return f"{self.unified_model}/{self.resource}"

    @cached_property
    def record(self) -> Field:
        """A record as one field: an object of `fields`."""
        return Field.model_construct(type="object", fields=self.fields)

    @classmethod
    def parse(cls, source: Source) -> Self:
        """Read a spec. Raises `MappingError` with every finding (M101 to M104 for the YAML, M106 for the rest)."""
        root = yaml_tree.parse(source)
        found = list(_strangers(root))
        try:
            resource = shaped(root, cls)
        except MappingError as error:
            found.extend(error.diagnostics)
        else:
            found.extend(_wrong_periods(root, resource))
        if found:
            raise MappingError(sorted(found, key=by_place))
        return resource


def _strangers(root: yaml_tree.Node) -> Iterator[Diagnostic]:
    """Integrations that a field names but the resource does not declare."""
    known = root.value.get("integrations") if isinstance(root.value, dict) else None
    if known is None or not is_list(known):
        return
    names = [str(name) for name in known.plain()]
    for node in root.walk():
        for key in ("supported_in", "required_in"):
            listed = node.value.get(key) if isinstance(node.value, dict) else None
            for name in listed.value if listed is not None and is_list(listed) else ():
                if isinstance(name.value, str) and name.value not in names:
                    message = f"`{name.value}` is not one of the integrations of this resource"
                    yield name.diagnostic("M106", message, hint=did_you_mean(name.value, names))


def _wrong_periods(root: yaml_tree.Node, resource: Resource) -> Iterator[Diagnostic]:
    """Periods whose ends are not two date-time parameters."""
    for number, period in enumerate(resource.periods):
        node = root.value["periods"].value[number]
        for end in (node.value["start"], node.value["end"]):
            field = resource.parameters.get(end.value)
            if field is None:
                hint = did_you_mean(end.value, resource.parameters)
                yield end.diagnostic("M106", f"there is no parameter `{end.value}`", hint=hint)
            elif field.format != "date-time":
                yield end.diagnostic("M106", f"`{end.value}` must have the format date-time to be part of a period")
        if period.start == period.end:
            yield node.value["end"].diagnostic("M106", "a period starts and ends with two different parameters")


def load_resource(name: str | Path) -> Resource:
    """A resource by its name (`conversational-intelligence/activity`) or by the `Path` of its YAML file.

    Raises `MappingError`: M105 if it does not exist, else as `Resource.parse`.
    """
    return Resource.parse(files.find(name, "schemas", ".yaml"))


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
