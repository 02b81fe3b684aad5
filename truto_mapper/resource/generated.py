"""The JSON Schemas that a resource spec generates."""

from __future__ import annotations

from typing import Literal

from truto_mapper.resource.field import REMOTE_DATA, Field, object_, without
from truto_mapper.resource.json_schema import DIALECT
from truto_mapper.resource.spec import Resource
from truto_mapper.resource.surely import JSON

#: Required by the API page, because a service finds the account by it; the library does not need it.
ACCOUNT = "integrated_account_id"


def record_schema(resource: Resource) -> JSON:
    """The JSON Schema of a unified record: fields without a value are absent, undeclared fields are refused."""
    return _head(resource, "record", resource.description) | object_(resource.fields)


def normalized_schema(resource: Resource) -> JSON:
    """The JSON Schema of a normalized record: every field is present, null (or [] for an array) without a value."""
    fields = {name: field for name, field in resource.fields.items() if name != REMOTE_DATA}
    about = f"{resource.description} Every field is present; null, or [] for an array, means no value."
    return _head(resource, "normalized", about) | object_(fields, "stored")


def list_schema(resource: Resource) -> JSON:
    """The JSON Schema of a list response: unified records, with no field excluded, in their envelope."""
    record = f"#/$defs/{resource.resource}"
    about = f"A page of {resource.title} records."
    defined = {"$defs": {resource.resource: embedded(record_schema(resource))}}
    return _head(resource, "list", about) | envelope(resource, record) | defined


def query_schema(resource: Resource, method: str = "list") -> JSON:
    """The JSON Schema of a parsed query. It requires what every integration requires, except the account's id."""
    parameters = resource.parameters_of(method)
    required = [name for name, field in parameters.items() if is_asked(resource, field) and name != ACCOUNT]
    about = f"The parsed query parameters of {resource.title}."
    return _head(resource, "query", about) | object_(parameters, "asked") | {"required": required}


def create_schema(resource: Resource) -> JSON:
    """The JSON Schema of the body to create a record."""
    return _body_schema(resource, "create")


def update_schema(resource: Resource) -> JSON:
    """The JSON Schema of the body to update a record: what it has is replaced."""
    return _body_schema(resource, "update")


def _body_schema(resource: Resource, method: Literal["create", "update"]) -> JSON:
    fields = {name: field for name, field in resource.fields.items() if name != REMOTE_DATA}
    about = f"The body to {method} a record: {resource.description}"
    return _head(resource, method, about) | object_(fields, method)


def is_asked(resource: Resource, field: Field) -> bool:
    """Whether a parameter is required, by the resource or by every integration. One with a default is not."""
    return field.is_asked or (field.default is None and set(field.required_in) >= set(resource.integrations))


def _head(resource: Resource, kind: str, about: str) -> JSON:
    identity = f"urn:truto-mapper:{resource.name}:{kind}"
    return {"$schema": DIALECT, "$id": identity, "title": resource.title, "description": about}


def embedded(schema: JSON) -> JSON:
    """A schema as part of another document, which has its own dialect and id."""
    return without(schema, "$schema", "$id")


def envelope(resource: Resource, record: str) -> JSON:
    """The schema of a response; its `result` is an array of records, or an object of them (truto_key_by)."""
    envelope = object_(resource.response)
    records = {"type": ["array", "object"], "items": {"$ref": record}, "additionalProperties": {"$ref": record}}
    envelope["properties"]["result"] |= records
    return envelope
