"""A mapping as a page for people: where each unified field comes from, and what each parameter does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from truto_mapper.authoring import check, html_page
from truto_mapper.authoring.blocks import Block, Code, Heading, Inline, Lineage, Table, codes, markdown, marked
from truto_mapper.authoring.sources import reads_parameter, reply_paths
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import Endpoint, every, leaves
from truto_mapper.resource.spec import Field
from truto_mapper.text.pointers import dotted, keys_of


def blocks(mapper: Mapper) -> Iterator[Block]:
    """What there is to say about a mapping, in order."""
    linked, resource = mapper.mapping, mapper.resource
    yield Heading(1, f"{linked.integration} → {resource.name}")
    yield (_plain(linked.root, "description") or resource.description,)
    files = ", ".join(source.name for source in mapper.sources)
    yield ("From ", Code(files), ".")
    yield Heading(2, "Settings of an account")
    yield _settings(mapper)
    yield Heading(2, "Which endpoint is asked")
    yield Table(("endpoint", "request", "asked when", "recognised by"), tuple(_asked(mapper)))
    yield Heading(2, "Parameters")
    yield Table(("parameter", "type", "honoured", ""), tuple(_parameters(mapper)))
    for endpoint in linked.endpoints:
        yield from _endpoint(mapper, endpoint)
    left = [one.message for one in check.check(mapper) if one.code in ("C214", "C215")]
    if left:
        yield Heading(2, "Left out")
        yield from (marked(message + ".") for message in left)


def _plain(root: Any, key: str) -> str:
    node = root.value.get(key)
    return "" if node is None else str(node.value)


def _settings(mapper: Mapper) -> Block:
    schemas = mapper.mapping.context_schemas
    rows = tuple(
        (
            (Code(name),),
            (str(schema.get("format") or schema.get("type", "any")),),
            (Code(json.dumps(schema["default"])) if "default" in schema else "",),
            marked(str(schema.get("description", ""))),
        )
        for name, schema in schemas.items()
    )
    return Table(("setting", "type", "default", ""), rows) if rows else ("There are none.",)


def _asked(mapper: Mapper) -> Iterator[tuple[Inline, ...]]:
    for one in mapper.mapping.endpoints:
        when = _code(one.when) if one.when is not None else ("else",)
        recognise = _code(one.recognise) if one.recognise is not None else ("",)
        yield (Code(one.name),), (f"{one.method} ", *_code(one.path)), when, recognise


def _parameters(mapper: Mapper) -> Iterator[tuple[Inline, ...]]:
    for name, field in mapper.resource.parameters.items():
        type_ = _type(field) + (", required" if field.required else "")
        default = () if field.default is None else (" Default ", Code(json.dumps(field.default)), ".")
        yield (Code(name),), (type_,), _honoured(mapper, name), (*marked(field.description), *default)


def _honoured(mapper: Mapper, name: str) -> Inline:
    """The parts of the mapping that read a parameter."""
    places: dict[str, str] = {}
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            cursor = name == "next_cursor" and any(one.name == "cursor" for one in expression.variables)
            if cursor or reads_parameter(expression, name):
                places.setdefault(f"{key} {expression.place}", f"{_PARTS.get(key, '$' + key)} ({expression.place})")
    return ("; ".join(places.values()) or "handled by truto-mapper",)


_PARTS = {
    "path": "path",
    "when": "chooses the endpoint",
    "query_error": "may be refused",
    "static_response": "static response",
    "params": "query sent",
    "headers": "headers sent",
    "body": "body sent",
    "response": "record",
    "recognise": "recognises the reply",
    "next_cursor": "next cursor",
    "empty_when": "nothing found",
    "time_zone": "time zone",
}


def _endpoint(mapper: Mapper, endpoint: Endpoint) -> Iterator[Block]:
    yield Heading(2, endpoint.name)
    yield Table(("part", "expression", "where"), tuple(_parts(endpoint)))
    sources = reply_paths(endpoint)
    rows, edges = [], []
    for path, field, expression in leaves(endpoint.response, mapper.resource.record):
        if field is not None:
            name, places = dotted(keys_of(path)), [dotted(one) or "$response" for one in sources[id(expression)]]
            rows.append(_field(name, field, expression, places))
            edges += [(place, name) for place in places]
    yield Heading(3, f"Fields of {endpoint.name}")
    yield Table(("field", "type", "from", "expression", "where", ""), tuple(rows))
    if edges:
        yield Lineage(tuple(edges))


def _parts(endpoint: Endpoint) -> Iterator[tuple[Inline, ...]]:
    """What is sent and how a reply is read, an expression each."""
    for key in ("params", "headers", "body", "query_error", "next_cursor", "empty_when", "time_zone"):
        for path, _, expression in leaves(getattr(endpoint, key), path=(key,)):
            yield (Code(dotted(path)),), _code(expression), (expression.place,)
    for key in ("for_each", "let"):
        for name, expression in getattr(endpoint, key):
            yield (Code(f"{key} ${name}"),), _code(expression), (expression.place,)


def _field(name: str, field: Field, expression: Expression, places: list[str]) -> tuple[Inline, ...]:
    type_ = _type(field) + (", required" if field.required else "")
    note = " ".join(filter(None, (field.description, _comment(expression))))
    return (Code(name),), (type_,), codes(places), _code(expression), (expression.place,), marked(note)


def _type(field: Field) -> str:
    if field.type == "array" and field.items is not None:
        return f"list of {_type(field.items)}"
    return " | ".join(map(str, field.enum)) or field.format or field.type


def _code(expression: Expression) -> Inline:
    return (Code(" ".join(expression.text.split())),)


def _comment(expression: Expression) -> str:
    """The comment beside an expression, or in the lines just above it."""
    source, place = expression.source, expression.span
    number, _ = source.position(place.start)
    beside = re.match(r"[^\n]*?[\s'\"}\]]#\s(.*)", source.text[place.end :].partition("\n")[0])
    above: list[str] = []
    while number > 1 and (line := source.line(number - 1).strip()).startswith("#"):
        above.insert(0, line.lstrip("# "))
        number -= 1
    found = [*above, beside[1]] if beside else above
    return " ".join(one.strip() for one in found if "truto: ignore" not in one)


FORMATS: dict[str, Callable[[Mapper], str]] = {
    "markdown": lambda mapper: markdown(blocks(mapper)),
    "html": lambda mapper: html_page.of_blocks(blocks(mapper)),
}
