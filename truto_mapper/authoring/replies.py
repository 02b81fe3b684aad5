"""The type of a provider's reply, from the JSON Schema that an endpoint names."""

from __future__ import annotations

from collections.abc import Iterator

from truto_mapper.language.types import ANY, Type, from_schema
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text import yaml_tree


def reply_type(endpoint: Endpoint) -> Type:
    """What a reply to an endpoint can be; anything if it names no schema."""
    if endpoint.source is None:
        return ANY
    schema = yaml_tree.parse(endpoint.source).plain()
    return from_schema(schema, schema)


def innermost(kind: Type) -> Iterator[Type]:
    """The types of the values in a reply that hold no others: its scalars, and what its schema says no more about."""
    below = [*(kind.properties or {}).values(), *([kind.items] if kind.items else [])]
    if not below:
        yield kind
    for one in below:
        yield from innermost(one)
