"""A mapping as a page for people: where each unified field comes from, and what each parameter does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from truto_mapper.authoring import check, html_page
from truto_mapper.authoring.blocks import Block, Code, Heading, Inline, Lineage, Table, codes, markdown, marked
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.types import Steps
from truto_mapper.mapping.linked import Endpoint, every, giving
from truto_mapper.resource.spec import Field
from truto_mapper.text.pointers import dotted


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
    """Which parts of the mapping look at a parameter."""
    places: dict[str, str] = {}
    spelt = r"\$cursor\b" if name == "next_cursor" else rf"\$query\.{re.escape(name)}\b"
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            if re.search(spelt, expression.text):
                places.setdefault(f"{key} {expression.place}", key)
    found = [f"{_PARTS.get(key, '$' + key)} ({place.partition(' ')[2]})" for place, key in places.items()]
    return ("; ".join(found) or "by truto-mapper itself",)


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
    rows = [*_sent(endpoint), *_reading(endpoint)]
    yield Table(("part", "expression", "where"), tuple(rows))
    reads = check.reads(mapper, endpoint)
    fields = list(_fields(mapper.resource.fields, endpoint.response, ()))
    yield Heading(3, f"Fields of {endpoint.name}")
    yield Table(
        ("field", "type", "from", "expression", "where", ""),
        tuple(_field(endpoint, path, field, reads) for path, field in fields),
    )
    edges = [
        (_path(steps), dotted(path))
        for path, _ in fields
        if (one := giving(endpoint.response, path)) is not None
        for steps in _sources(endpoint, one, reads)
    ]
    if edges:
        yield Lineage(tuple(edges))


def _sent(endpoint: Endpoint) -> Iterator[tuple[Inline, ...]]:
    for key in ("params", "headers", "body"):
        yield from _written(getattr(endpoint, key), (key,))


def _written(template: Any, path: tuple[str, ...]) -> Iterator[tuple[Inline, ...]]:
    if isinstance(template, dict):
        for name, child in template.items():
            yield from _written(child, (*path, name))
    elif isinstance(template, list):
        for index, child in enumerate(template):
            yield from _written(child, (*path, str(index)))
    elif template is not None:
        yield (Code(dotted(path)),), _code(template), (template.place,)


def _reading(endpoint: Endpoint) -> Iterator[tuple[Inline, ...]]:
    for key in ("query_error", "next_cursor", "empty_when", "time_zone"):
        yield from _written(getattr(endpoint, key), (key,))
    for key in ("for_each", "let"):
        for name, one in getattr(endpoint, key):
            yield from _written(one, (f"{key} ${name}",))


def _fields(
    fields: Mapping[str, Field], template: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Field]]:
    """The fields that have an expression, down to where the mapping has one."""
    for name, field in fields.items():
        inner = template.get(name) if isinstance(template, dict) else template
        if isinstance(inner, dict):
            yield from _fields(field.below, inner, (*path, name))
        elif inner is not None:
            yield (*path, name), field


def _field(
    endpoint: Endpoint, path: tuple[str, ...], field: Field, reads: Mapping[int, set[Steps]]
) -> tuple[Inline, ...]:
    expression = giving(endpoint.response, path)
    assert expression is not None  # noqa: S101  # `_fields` gives those that have one
    paths = [_path(steps) for steps in _sources(endpoint, expression, reads)]
    type_ = _type(field) + (", required" if field.required else "")
    note = " ".join(filter(None, (field.description, _comment(expression))))
    return (Code(dotted(path)),), (type_,), codes(paths), _code(expression), (expression.place,), marked(note)


def _sources(endpoint: Endpoint, expression: Expression, reads: Mapping[int, set[Steps]]) -> list[Steps]:
    """The places of the reply that a value is made of, through the names of `let` that have no place themselves."""
    named = dict(endpoint.let)
    found, waiting, seen = set(reads.get(id(expression), ())), [expression], {id(expression)}
    while waiting:
        for variable in waiting.pop().variables:
            one = named.get(variable.name)
            if one is not None and id(one) not in seen:
                seen.add(id(one))
                waiting.append(one)
                found |= reads.get(id(one), set())
    return sorted(one for one in found if not any(len(one) < len(o) and o[: len(one)] == one for o in found))


def _path(steps: Steps) -> str:
    return ".".join(steps)


def _type(field: Field) -> str:
    if field.type == "array" and field.items is not None:
        return f"list of {_type(field.items)}"
    return " | ".join(map(str, field.enum)) or field.format or field.type


def _code(expression: Expression) -> Inline:
    return (Code(" ".join(expression.text.split())),)


def _comment(expression: Expression) -> str:
    """The comment beside an expression, or in the lines just above it."""
    source, place = expression.source, expression.locate(expression.node.span)
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
