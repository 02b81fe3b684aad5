"""The answers of a service, as clients check them: the schema that is for a query, and the pages of golden cases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

from truto_mapper import Mapper, MapperError, Page, Response, load
from truto_mapper.authoring import mapping_files
from truto_mapper.authoring.golden import cases, joins
from truto_mapper.mapping.served import served
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.openapi import service

ROOT = Path(__file__).parents[1]


class Answer(NamedTuple):
    """A body in a format, as the answer to a method of a resource, and whose query it was."""

    case: str
    operation: str
    query: dict[str, Any]
    body: Any


def document(mappers: list[Mapper]) -> Any:
    return service([served(one.mapping) for one in mappers], servers=["https://unified.example.com"])


def operations(made: Any) -> dict[str, Any]:
    """The operations of a document by their ids."""
    return {one["operationId"]: one for item in made["paths"].values() for one in item.values()}


def chosen(made: Any, operation: Any, query: dict[str, Any], body: Any = ...) -> str:
    """The component of the answer to a query, chosen by its marks, as docs/embedding.md says."""
    format_ = query.get("truto_response_format", "unified")
    content = operation["responses"]["200"]["content"]
    media = {"stream": "application/x-ndjson", "raw": "*/*" if "*/*" in content else "application/json"}
    schema = content[media.get(format_, "application/json")]["schema"]
    is_list = operation["operationId"].startswith("list_")
    wanted: dict[str, Any] = {"x-truto-response-format": format_}
    if format_ not in ("raw", "stream") and is_list and "truto_key_by" in query:
        wanted["x-truto-key-by"] = True
    if format_ != "raw" and "truto_exclude_fields" in query:
        wanted["x-truto-exclude-fields"] = True
    if body is None and not is_list and query.get("truto_skip_api_call"):
        wanted = {"x-truto-skip-api-call": True}
    (found,) = [
        name
        for name in (one["$ref"].rpartition("/")[2] for one in schema.get("anyOf", [schema]))
        if marks(made["components"]["schemas"][name]) == wanted
    ]
    return found


def marks(component: Any) -> dict[str, Any]:
    names = ("x-truto-response-format", "x-truto-key-by", "x-truto-exclude-fields", "x-truto-skip-api-call")
    return {name: component[name] for name in names if name in component}


def schema_of(made: Any, *names: str) -> Schema:
    """The schema of a component, or of any of several, on its own."""
    parts = json.loads(json.dumps(made["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/"))
    refs = [{"$ref": f"#/$defs/{name}"} for name in names]
    return Schema({**({"anyOf": refs} if len(refs) > 1 else refs[0]), "$defs": parts}, generated=True)


def pages(folder: Path) -> Iterator[tuple[cases.Case, Mapper, Page]]:
    """The pages that the golden cases below a folder give."""
    loaded = cache(lambda path, overlays: load(path, overlays=overlays))
    for mapping in mapping_files.mappings(str(folder)):
        for at in cases.folders(mapping):
            case = cases.read(at)
            try:
                mapper = loaded(mapping, tuple(mapping.parent / name for name in case.settings.overlays))
                page = _page(case, mapper)
            except MapperError:
                continue
            if page is not None:
                yield case, mapper, page


def _page(case: cases.Case, mapper: Mapper) -> Page | None:
    settings = case.settings
    given: Any = {"id": settings.id, "body": case.body, "method": settings.method}
    given |= {"context": settings.context, "now": settings.now, "on_invalid": settings.on_invalid}
    exchange = mapper.exchange(settings.query or "", **given)
    try:
        next(exchange)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    reply = Response(case.payload, settings.status, settings.headers)
    return joins.answered(exchange, reply, case.joined, partial(lambda *_: None)) if case.is_answered else None


def answers(folder: Path) -> Iterator[Answer]:
    """Every page of the golden cases below a folder, in each format that it can have."""
    for case, mapper, page in pages(folder):
        query = dict(page.query) if page.query is not None else {}
        formats = ("unified", "raw", "normalized", "stream", "debug")
        operation = f"{page.method}_{mapper.resource.resource}"
        for format_ in ("raw",) if query.get("truto_response_format") == "raw" else formats:
            try:
                body = page.render(format_)
            except MapperError:
                continue
            yield Answer(f"{case.name} as {format_}", operation, query | {"truto_response_format": format_}, body)
