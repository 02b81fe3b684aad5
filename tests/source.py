"""Mappers of replies that have a schema, for tests of what a value of another type means."""

import json

import contacts

from truto_mapper import load

#: The provider's schema of a contact.
CONTACT = {
    "type": "object",
    "properties": {
        "key": {"type": ["string", "integer"]},
        "name": {"type": ["string", "null"]},
        "age": {"type": "integer"},
        "score": {"type": "number"},
        "labels": {"type": "array", "items": {"type": "string"}},
        "home": {"type": "object", "properties": {"street": {"type": "string"}, "floor": {"type": "integer"}}},
        "phones": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "string"}}}},
        "extra": {"type": "object", "properties": {"deep": {"type": "array", "items": {"type": "integer"}}}},
    },
}
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {"type": ["array", "null"], "items": CONTACT},
        "page": {"type": "object", "properties": {"next": {"type": ["string", "null"]}}},
        "zone": {"type": "string"},
    },
}


def mapper_of(folder, fields, schema=SCHEMA, **options):
    """As `contacts.mapper_of`, with a schema of the reply."""
    contacts.mapper_of(folder, fields, **options)
    (folder / "schemas/acme").mkdir(exist_ok=True)
    (folder / "schemas/acme/contacts.schema.json").write_text(json.dumps(schema))
    path = folder / "acme.yaml"
    path.write_text(path.read_text().replace("    recognise:", "    source_schema: acme/contacts\n    recognise:"))
    return load(path)
