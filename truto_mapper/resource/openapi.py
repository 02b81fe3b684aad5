"""The files generated from a resource: OpenAPI for its methods, TypedDicts for its record, and JSON Schemas."""

from __future__ import annotations

import json
import re
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

from truto_mapper.resource.field import Field, value_schema, without
from truto_mapper.resource.generated import (
    create_schema,
    embedded,
    envelope,
    is_asked,
    list_schema,
    normalized_schema,
    query_schema,
    record_schema,
    update_schema,
)
from truto_mapper.resource.json_schema import DIALECT
from truto_mapper.resource.spec import OF_ONE, Method, Resource
from truto_mapper.resource.surely import JSON
from truto_mapper.text.diagnostics import Severity, either

_REFUSALS = {
    400: "The query is invalid: a parameter is missing, unknown or wrong.",
    401: "The provider refused the account's credentials, or they lack a permission.",
    403: "The provider does not allow this account to do this.",
    404: "The account does not exist here, or the object does not exist at the provider.",
    429: "The provider allows fewer requests.",
    500: "The mapping is wrong, or the provider had an error.",
    502: "The provider's response cannot be read.",
}


def openapi(resource: Resource) -> JSON:
    """The methods as an OpenAPI 3.1.0 document."""
    paths: JSON = {}
    for name, method in resource.methods.items():
        paths.setdefault(method.path, {})[method.http_method.lower()] = _operation(resource, name, method)
    return {
        "openapi": "3.1.0",
        "info": {"title": resource.title, "version": str(resource.version), "description": resource.description},
        "jsonSchemaDialect": DIALECT,
        "paths": paths,
        "components": {"schemas": _components(resource)},
    }


def _operation(resource: Resource, name: str, method: Method) -> JSON:
    asked = [_parameter(resource, key, field) for key, field in resource.parameters_of(name).items()]
    answer = {"204": {"description": "The record is gone."}} if name == "delete" else {"200": _answer(resource, name)}
    body = {"required": True, "content": {"application/json": {"schema": _component(_body_name(resource, name))}}}
    return {
        "operationId": f"{name}_{resource.resource.replace('-', '_')}",
        "summary": f"{name.capitalize()} {resource.title}",
        "description": method.description,
        "tags": [resource.unified_model],
        "parameters": [*([_ID] if name in OF_ONE else []), *asked],
        **({"requestBody": body} if name in ("create", "update") else {}),
        "responses": answer | {str(status): _refusal(status) for status in _REFUSALS},
    }


_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of the record.",
    "schema": {"type": "string", "minLength": 1},
}


def _body_name(resource: Resource, method: str) -> str:
    return f"{method.capitalize()}{_type_name(resource)}"


def _parameter(resource: Resource, name: str, field: Field) -> JSON:
    """A parameter in the qs syntax of query strings."""
    parameter: JSON = {"name": name, "in": "query", "required": is_asked(resource, field)}
    about, schema = field.description, without(value_schema(field, "asked"), "description")
    if field.type == "array" and field.items is not None:
        parameter |= {"name": f"{name}[]", "style": "form", "explode": True}
        schema, about = schema | {"items": _bare(field.items)}, f"{about} Written {_written(name, field)}."
    if field.type == "object":
        parameter |= {"style": "deepObject", "explode": True}
        about = f"{about} Written `{name}[key]=value`, with more keys in brackets for deeper values."
    for period in resource.periods:
        about = f"{about} Must be before `{period.end}`." if period.start == name else about
    return parameter | {"description": about, "schema": schema}


def _bare(item: Field) -> JSON:
    """The schema of an item; an object with one required field can be given as that field."""
    required = [field for field in item.fields.values() if field.is_asked]
    return value_schema(required[0] if len(required) == 1 else item, "asked")


def _written(name: str, field: Field) -> str:
    keys = [key for key, inner in field.items.fields.items() if inner.is_asked] if field.items else []
    shown = field.example if isinstance(field.example, list) else []
    first, second = [*shown, 1, 2][:2]
    forms = [f"{name}[]={first}&{name}[]={second}"]
    forms += [f"{name}[0][{key}]={first}&{name}[1][{key}]={second}" for key in keys]
    return either(f"`{form}`" for form in forms)


def _answer(resource: Resource, method: str) -> JSON:
    name = _type_name(resource)
    listed = [f"{name}List", f"Normalized{name}List", f"{name}Debug"]
    bodies = [_component(one) for one in (listed if method == "list" else [name, f"Normalized{name}"])]
    bodies += [_debug_of_one(name)] if method != "list" else []
    raw = {"title": "raw", "description": "The provider's own body, unchanged."}
    lines = _component(name) | {"description": "One record a line (`stream`)."}
    return {
        "description": f"The record{'s' * (method == 'list')}, in the format named by `truto_response_format`.",
        "content": {
            "application/json": {"schema": {"anyOf": [*bodies, raw]}},
            "application/x-ndjson": {"schema": lines},
        },
    }


def _debug_of_one(name: str) -> JSON:
    debug = {"type": ["object", "null"], "description": "How the provider was asked, and what it said."}
    return {"title": "debug"} | _closed({"result": _component(name), "debug": debug}, ["result", "debug"])


def _refusal(status: int) -> JSON:
    wait = {"description": "The number of seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
    refusal: JSON = {"description": _REFUSALS[status], "headers": {"Retry-After": wait} if status == 429 else None}
    refusal["content"] = {"application/json": {"schema": _component("Error")}}
    return {key: value for key, value in refusal.items() if value is not None}


def _component(name: str) -> JSON:
    return {"$ref": f"#/components/schemas/{name}"}


def _components(resource: Resource) -> JSON:
    name = _type_name(resource)
    unified, normalized = f"#/components/schemas/{name}", f"#/components/schemas/Normalized{name}"
    lists = {
        f"{name}List": {"title": "unified"} | envelope(resource, unified),
        f"Normalized{name}List": {"title": "normalized"} | envelope(resource, normalized),
        f"{name}Debug": {"title": "debug"} | envelope(resource, unified, required=["debug"]),
    }
    bodies = {
        _body_name(resource, method): embedded(schema_of(resource))
        for method, schema_of in (("create", create_schema), ("update", update_schema))
        if method in resource.methods
    }
    return {
        name: embedded(record_schema(resource)),
        f"Normalized{name}": embedded(normalized_schema(resource)),
        **(lists if "list" in resource.methods else {}),
        **bodies,
        "Error": _error(),
    }


def _error() -> JSON:
    """The schema of an error body; its diagnostics have the keys of `Diagnostic.as_dict`."""
    text, place = {"type": "string"}, {"type": "integer", "minimum": 1}
    finding = {
        "code": text,
        "severity": {"type": "string", "enum": list(get_args(Severity))},
        "message": text,
        "source": text | {"description": "The file that the finding is about."},
        **dict.fromkeys(("line", "column", "end_line", "end_column"), place),
        "pointer": text | {"description": "A JSON Pointer into the payload, the query, the context or the record."},
        "hint": text | {"description": "What to do."},
    }
    error = {
        "status": {"type": "integer"},
        "message": text,
        "diagnostics": {"type": "array", "items": _closed(finding, ["code", "severity", "message"])},
    }
    return {"title": "Error"} | _closed({"error": _closed(error, list(error))}, ["error"])


def _closed(properties: JSON, required: list[str]) -> JSON:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


#: The methods without which a resource has no document of a kind.
_OF_METHODS = {"list": "list", "query": "list", "create": "create", "update": "update"}

#: The JSON documents generated from a resource, by kind.
KINDS: Mapping[str, Callable[[Resource], JSON]] = types.MappingProxyType(
    {
        "record": record_schema,
        "list": list_schema,
        "normalized": normalized_schema,
        "query": query_schema,
        "create": create_schema,
        "update": update_schema,
        "openapi": openapi,
    }
)


def kinds_of(resource: Resource) -> list[str]:
    """The kinds of documents that a resource has."""
    return [kind for kind in KINDS if _OF_METHODS.get(kind, "list") in resource.methods or kind not in _OF_METHODS]


def artefacts(resource: Resource) -> dict[str, str]:
    """The files generated beside a spec: their texts by file name."""
    return {
        f"{resource.resource}.{kind}{'' if kind == 'openapi' else '.schema'}.json": json_text(KINDS[kind](resource))
        for kind in kinds_of(resource)
    }


def json_text(schema: JSON) -> str:
    """A generated document as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def typed_dicts(resource: Resource) -> str:
    """Python source with a TypedDict for the record and each object in it."""
    classes = list(_classes(_type_name(resource), resource.description, resource.fields))
    body = "\n\n\n".join(classes)
    names = [name for name in ("Any", "Literal", "NotRequired", "TypedDict") if re.search(rf"\b{name}\b", body)]
    title = f"The unified {resource.title} record as types, generated from schemas/{resource.name}.yaml."
    return f'"""{title}"""\n\nfrom typing import {", ".join(names)}\n\n\n{body}\n'


def _classes(name: str, about: str, fields: Mapping[str, Field]) -> Iterator[str]:
    """The classes of an object; a class comes after those it refers to."""
    members = []
    for key, field in fields.items():
        held, inner = field.inner, _inner_name(name, key, field)
        if held.fields:
            yield from _classes(inner, held.description or field.description, held.fields)
        hint = _hint(field, inner)
        members.append(
            f"    {key}: {hint if field.required else f'NotRequired[{hint}]'}\n{_docstring(field.description)}"
        )
    yield f"class {name}(TypedDict):\n{_docstring(about)}\n\n" + "\n".join(members)


def _inner_name(name: str, key: str, field: Field) -> str:
    return name + _pascal(key.removesuffix("s") if field.type == "array" else key)


def _hint(field: Field, inner: str) -> str:
    """The type hint of a field; `inner` names the class of an object in it."""
    if field.items is not None:
        return f"list[{_hint(field.items, inner)}]"
    if field.enum:
        return f"Literal[{', '.join(json.dumps(value) for value in field.enum)}]"
    if field.fields:
        return inner
    plain = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}
    return plain.get(field.type, "Any")


def _docstring(text: str) -> str:
    safe = text.replace("\\", "\\\\").replace('"', "'")
    lines = textwrap.wrap(f'"""{safe}"""', 112)
    return textwrap.indent("\n".join(lines), "    ")


def _type_name(resource: Resource) -> str:
    """The name of a record's type: the title, such as `User` of `users`, where that can be a name."""
    titled = _pascal(resource.title.replace(" ", "-"))
    return titled if titled.isascii() and titled.isidentifier() else _pascal(resource.resource)


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", name))
