"""The shape of a resource spec: its keys as pydantic models, which say what is wrong with one."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

import pydantic
from pydantic_core import PydanticCustomError

from truto_mapper.resource import field
from truto_mapper.resource.surely import JSON
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.shape import schema_of, shaped

_Format = Literal["date-time", "date", "uuid", "time-zone"]
_Method = Literal["list", "get", "create", "update", "delete"]

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


class _Spec(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)


def _key(description: str, default: Any = ...) -> Any:
    return pydantic.Field(default, description=description)


class FieldDocument(_Spec):
    """A parameter, a field of the record or of the envelope, or the items of an array."""

    type: _Type = _key("What values it has; `any` for any.")
    format: _Format | None = _key(
        "Of a string: `date-time` (with an offset), `date`, `uuid` or `time-zone` (an IANA name).", None
    )
    minimum: int | float | None = _key("Of a number: the least value.", None)
    fields: dict[_Name, FieldDocument] = _key("Of an object: its fields; without it the object is free-form.", {})
    items: FieldDocument | None = _key("Of an array: what each item is.", None)
    # from here on checked against the keys above
    enum: Annotated[tuple[Any, ...], pydantic.Field(strict=False)] = _key("The only values allowed.", ())
    default: Any = _key("Of a parameter: the value if none is given, which makes it optional.", None)
    example: Any = _key("A value for the documentation.", None)
    required: bool | Literal["create"] = _key(
        "Whether a record always has it; `create`: only a body to create a record must have it.", False
    )
    nullable: bool = _key("Whether it may be null.", False)
    read_only: bool = _key("Of a field: no body to create or update a record has it.", False)
    methods: Annotated[tuple[_Method, ...], pydantic.Field(strict=False)] = _key(
        "Of a parameter: the methods that take it; all without it.", ()
    )
    supported_in: _Names = _key("The integrations that know it.", ())
    required_in: _Names = _key("The integrations that need it.", ())
    description: str = _key("What it means.", "")

    @pydantic.field_validator(*field.CONCERNS, "default", "example")
    @classmethod
    def _agrees(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        key, given = str(info.field_name), _plain(info.data)
        is_complete = {"type", "format", "minimum", "fields", "items"} <= given.keys()  # else that is reported already
        compared = value if is_complete or key not in ("enum", "default", "example") else ()
        if (is_complete or key in field.CONCERNS) and (why := field.fault(key, compared, given)):
            raise ValueError(why)
        return value

    @pydantic.model_validator(mode="after")
    def _knows_its_items(self) -> Self:
        if self.type == "array" and self.items is None:
            raise ValueError("an array needs `items`")
        return self


def _plain(value: Any) -> Any:
    """What a document gave, as plain data."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value.model_dump(exclude_unset=True) if isinstance(value, FieldDocument) else value


class MethodDocument(_Spec):
    """How an operation is called over HTTP."""

    http_method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = _key("The HTTP method.")
    path: Annotated[str, pydantic.Field(pattern=r"^/[^\s?#]*$")] = _key(
        "The path of the unified endpoint; that of one record has `{id}`."
    )
    description: str = _key("What it does.", "")


class PeriodDocument(_Spec):
    """Two date-time parameters."""

    start: _Name = _key("The parameter that begins the period.")
    end: _Name = _key("The parameter that ends it.")


class ResourceDocument(_Spec):
    """A unified resource."""

    version: Literal[1] = _key("The version of this format.")
    unified_model: Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9-]*$")] = _key(
        "The unified model, in lower case with hyphens."
    )
    resource: Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9-]*$")] = _key(
        "The name of the resource, written in the same way."
    )
    title: str = _key("Its name for people.")
    description: str = _key("What one record is.", "")
    integrations: _Names = _key("The providers that have it.")
    methods: Annotated[dict[_Method, MethodDocument], pydantic.Field(min_length=1)] = _key("Its operations.")
    parameters: dict[_Name, FieldDocument] = _key("What callers may ask.")
    periods: Annotated[tuple[PeriodDocument, ...], pydantic.Field(strict=False)] = _key(
        "Pairs of date-time parameters, of which one begins and one ends a period.", ()
    )
    fields: dict[_Name, FieldDocument] = _key("What a record holds, in the order in which records are written.")
    response: dict[_Name, FieldDocument] = _key("The envelope around the records.")


def json_schema() -> JSON:
    """The JSON Schema of a resource spec, for editors."""
    return schema_of(ResourceDocument, "resource.schema.json")


def mistakes(root: yaml_tree.Node) -> list[Diagnostic]:
    """An M106 for every place that does not have the shape of a spec."""
    try:
        shaped(root, ResourceDocument)
    except MappingError as error:
        return list(error.diagnostics)
    return []
