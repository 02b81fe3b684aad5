"""A mapping as a page for people: where each unified field comes from, and what each parameter does."""

import json
import re
from collections.abc import Callable, Iterator

from truto_mapper.authoring import check, html_page
from truto_mapper.authoring.blocks import Block, Code, Heading, Inline, Lineage, Table, codes, markdown, marked
from truto_mapper.authoring.sources import reads_parameter, reply_paths
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import Endpoint, Pagination, every, leaves
from truto_mapper.resource.field import Field
from truto_mapper.text.pointers import dotted, keys_of


def blocks(mapper: Mapper) -> Iterator[Block]:
    """The page of a mapping."""
    linked, resource = mapper.mapping, mapper.resource
    description = linked.root.value.get("description")
    settings, left = tuple(_settings(mapper)), [one for one in check.check(mapper) if one.code in ("C214", "C215")]
    yield Heading(1, f"{linked.integration} → {resource.name}")
    yield (resource.description if description is None else str(description.value),)
    yield ("From ", *codes(source.name for source in mapper.sources), ".")
    if settings:
        yield Heading(2, "Account settings")
        yield Table(("setting", "type", "default", ""), settings)
    yield Heading(2, "Endpoints")
    yield Table(("endpoint", "method", "request", "used when", "reply recognised by"), tuple(_endpoints(mapper)))
    yield Heading(2, "Parameters")
    yield Table(("parameter", "type", "used", ""), tuple(_parameters(mapper)))
    for endpoint in linked.endpoints:
        yield from _endpoint(mapper, endpoint)
    if left:
        yield Heading(2, "Left out")
        yield from (marked(one.message + ".") for one in left)


def _settings(mapper: Mapper) -> Iterator[tuple[Inline, ...]]:
    for name, schema in mapper.mapping.context_schemas.items():
        default = (Code(json.dumps(schema["default"])),) if "default" in schema else ()
        type_ = str(schema.get("format") or schema.get("type", "any"))
        yield (Code(name),), (type_,), default, marked(str(schema.get("description", "")))


def _endpoints(mapper: Mapper) -> Iterator[tuple[Inline, ...]]:
    for one in mapper.mapping.endpoints:
        when = ("no other is",) if one.when is None else _code(one.when)
        recognise = () if one.recognise is None else _code(one.recognise)
        yield (Code(one.name),), (one.method,), (f"{one.http_method} ", *_code(one.path)), when, recognise


def _parameters(mapper: Mapper) -> Iterator[tuple[Inline, ...]]:
    for name, field in mapper.resource.parameters.items():
        default = () if field.default is None else (" Default ", Code(json.dumps(field.default)), ".")
        yield (Code(name),), (_typed(field),), _used(mapper, name), (*marked(field.description), *default)


def _used(mapper: Mapper, name: str) -> Inline:
    """The parts of the mapping that read a parameter."""
    places: dict[str, str] = {}
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            cursor = name == "next_cursor" and any(one.name == "cursor" for one in expression.variables)
            if cursor or reads_parameter(expression, name):
                places.setdefault(f"{key} {expression.place}", f"{_part(key)} ({expression.place})")
        if name == "next_cursor" and endpoint.pagination is not None and endpoint.pagination.parameter:
            places["pagination"] = "in the query string (pagination)"
    days = mapper.mapping.whole_days
    if days is not None and name in days.parameters:
        places["whole_days"] = f"as a whole day ({days.parameters[name]})"
    return ("; ".join(places.values()) or "by truto-mapper",)


_PARTS = {
    "path": "in the path",
    "when": "to choose the endpoint",
    "query_error": "to refuse the query",
    "query_note": "in a note on the query",
    "static_response": "in the static response",
    "params": "in the query string",
    "headers": "in a header",
    "body": "in the body",
    "response": "in the record",
    "recognise": "to recognise the reply",
    "next_cursor": "for the next cursor",
    "page_number": "for the page number",
    "total": "for the total",
    "has_more": "to tell whether a page follows",
    "origin": "for the origin of links",
    "empty_when": "to recognise an empty reply",
    "error_when": "to recognise a failure",
    "time_zone": "for the time zone",
}


def _part(key: str) -> str:
    part, _, name = key.partition(".")
    return f"in the join {name.partition('.')[0]}" if part == "join" else _PARTS.get(key, f"in ${name}")


#: The parts of an endpoint that its page lists.
_ASKING = ("params", "headers", "body", "static_response", "query_error", "query_note")
_READING = ("next_cursor", "page_number", "total", "has_more", "origin", "error_when", "empty_when", "time_zone")


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
    """The expressions that make the request and read the reply."""
    for key in (*_ASKING, *_READING):
        for path, _, expression in leaves(getattr(endpoint, key), path=(key,)):
            yield (Code(dotted(path)),), _code(expression), (expression.place,)
    for join in endpoint.joins:
        for key, expression in join.expressions:
            yield (Code(f"join.{join.name}.{key}"),), _code(expression), (expression.place,)
    if endpoint.pagination is not None:
        yield (Code("pagination"),), (_paged(endpoint.pagination),), ()
    for key in ("for_each", "let"):
        for name, expression in getattr(endpoint, key):
            yield (Code(f"{key} ${name}"),), _code(expression), (expression.place,)


def _paged(pages: Pagination) -> str:
    """How pages follow each other."""
    said = {"from": pages.first if pages.format == "page" else None, "as": pages.parameter, "size": pages.size}
    parts = [
        f"{name} {value}" for name, value in {**said, "sent as": pages.size_parameter}.items() if value is not None
    ]
    return ", ".join([pages.format.replace("_", " "), *parts])


def _field(name: str, field: Field, expression: Expression, places: list[str]) -> tuple[Inline, ...]:
    note = " ".join(filter(None, (field.description, _comment(expression))))
    return (Code(name),), (_typed(field),), codes(places), _code(expression), (expression.place,), marked(note)


def _typed(field: Field) -> str:
    return _type(field) + ", required" * field.required


def _type(field: Field) -> str:
    if field.type == "array" and field.items is not None:
        return f"list of {_type(field.items)}"
    return " | ".join(map(str, field.enum)) or field.format or field.type


def _code(expression: Expression) -> Inline:
    return (Code(expression.line),)


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
