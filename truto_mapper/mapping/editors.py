"""JSON Schemas for editors that follow from that of mapping files: of overlays, and of the mappings of one resource."""

from __future__ import annotations

from typing import Any

from truto_mapper.mapping.document import json_schema
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.resource.spec import Resource
from truto_mapper.resource.surely import JSON

_NULL: JSON = {"type": "null"}
_TEMPLATE: JSON = {"$ref": "#/$defs/TemplateText"}

#: The keys of an endpoint whose expressions read the query, at least.
_ASKING = ("when", "path_mapping", "query_mapping", "request_body_mapping", "query_error")


def overlay_schema() -> JSON:
    """The JSON Schema of an overlay: any part of a mapping, where null removes a key that is not needed."""
    whole = json_schema()
    defined = {name: _partial(one) for name, one in whole.pop("$defs").items()}
    about = "Parts of a mapping for an environment or an account; null removes a key."
    return (
        whole | _partial(whole) | {"$id": "overlay.schema.json", "description": about, "$defs": defined, "required": []}
    )


def _partial(schema: JSON) -> JSON:
    """A schema that requires nothing. A list is replaced as a whole, so its items stay as they are."""
    needed = schema.get("required", ())
    made = {key: one for key, one in schema.items() if key not in ("required", "minProperties", "default")}
    for key, one in made.items():
        if key == "properties":
            made[key] = {name: _partial(o) if name in needed else _removable(o) for name, o in one.items()}
        elif key == "additionalProperties" and one is not False:
            made[key] = one if one is True else _removable(one)
        elif key == "anyOf":
            made[key] = [_partial(option) for option in one]
    return made


def _removable(schema: JSON) -> JSON:
    made = _partial(schema)
    about = {"description": made.pop("description")} if "description" in made else {}
    return {"anyOf": [made, _NULL], **about}


def mapping_schema(resource: Resource) -> JSON:
    """The JSON Schema of the mappings of one resource: it knows the unified fields and the parameters."""
    whole = json_schema() | {"$id": f"{resource.resource}.mapping.schema.json"}
    keys, endpoint = whole["properties"], whole["$defs"]["EndpointDocument"]["properties"]
    keys["unified_model"] = {"const": resource.unified_model}
    keys["resource"] = {"const": resource.resource}
    for one in (keys, endpoint):
        one["method"] |= {"enum": [*resource.methods]}
    endpoint["response_mapping"] = _described(endpoint["response_mapping"]["description"], _object(resource.fields))
    asked = "Parameters: " + ", ".join(f"$query.{name}" for name in resource.parameters)
    for key in _ASKING if resource.parameters else ():
        endpoint[key] = endpoint[key] | {"description": f"{endpoint[key]['description']}\n\n{asked}"}
    days = whole["$defs"]["WholeDaysDocument"]["properties"]["parameters"]
    moments = [name for name, one in resource.parameters.items() if one.format == "date-time"]
    days["properties"] = dict.fromkeys(moments, days["additionalProperties"])
    return whole


def _described(description: str, schema: JSON) -> JSON:
    return {"description": description, **schema}


def _object(fields: Any) -> JSON:
    """An object of fields, each an expression or a template; or one expression for all of it."""
    known = {name: _field(one) for name, one in fields.items() if name != REMOTE_DATA}
    return {"anyOf": [{"type": "object", "properties": known, "additionalProperties": False}, *_EXPRESSION]}


#: What is written for a value: any scalar but null.
_EXPRESSION: tuple[JSON, ...] = tuple({"type": kind} for kind in ("string", "integer", "number", "boolean"))


def _field(field: Field) -> JSON:
    """What may be written for a field, with what an editor says about it."""
    about = " ".join(filter(None, (f"{_kind(field)}.", field.description)))
    return _described(about, _object(field.fields) if field.type == "object" and field.fields else _TEMPLATE)


def _kind(field: Field) -> str:
    """The type of a field in a few words: `required string, date-time`."""
    kind = f"{field.type} of {field.items.type}" if field.items is not None else field.type
    listed = " | ".join(map(str, field.enum))
    words = ("required " if field.required else "") + kind
    return ", ".join(filter(None, (words, field.format, listed)))
