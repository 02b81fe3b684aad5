"""What a caller gives for one record: the method, its id, and its body to create or update it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, cast, get_args
from urllib.parse import quote

from truto_mapper.engine.query import Query
from truto_mapper.engine.query_values import UnusableError, plain
from truto_mapper.engine.sendable import path_fault
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import WITH_BODY
from truto_mapper.resource.generated import create_schema, update_schema
from truto_mapper.resource.json_schema import Problem, Schema
from truto_mapper.resource.spec import OF_ONE, Resource
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import QueryError
from truto_mapper.text.pointers import dotted
from truto_mapper.text.record import replace
from truto_mapper.text.source import is_unicode

#: The methods of a resource.
Method: TypeAlias = Literal["list", "get", "create", "update", "delete"]
METHODS: tuple[Method, ...] = get_args(Method)

#: What a query is about: its method, the id of a record, the body to create or update it.
OfOne: TypeAlias = tuple[Method | None, Any, Any]

#: The longest id, in characters.
MAX_ID = 2_000

#: How many problems of a body are each reported.
_MAX_TOLD = 20


def known_method(given: Method | None, resource: Resource) -> str:
    """A method of the resource, `list` for None. Raises `QueryError` Q519 for one that it does not have."""
    method: Any = "list" if given is None else given
    if method in resource.methods:
        return str(method)
    hint = did_you_mean(method, resource.methods) if isinstance(method, str) else None
    known = ", ".join(resource.methods)
    raise QueryError(Diagnostic("Q519", f"{resource.name} has no method {excerpt(method)}, only {known}", hint=hint))


def with_one(query: Query, resource: Resource, identity: Any, body: Any) -> Query:
    """A query with the id and the body that its method needs. Raises `QueryError` Q518 and Q519 with every finding."""
    method = query.method
    found = [*_about_id(method, identity), *_about_body(method, body)]
    if found:
        raise QueryError(found)
    if method not in WITH_BODY:
        return query if identity is None else replace(query, id=str(identity))
    schema = create_schema(resource) if method == "create" else update_schema(resource)
    read = _read(body, Schema(schema, generated=True))
    return replace(query, id=None if identity is None else str(identity), body=read)


def _about_id(method: str, identity: Any) -> list[Diagnostic]:
    """What is wrong with an id: text, or an integer that becomes one."""
    if identity is None:
        hint = f'give it: `{method}` is of one record: id="…"'
        return [Diagnostic("Q519", f"`{method}` needs the id of the record", hint=hint)] if method in OF_ONE else []
    if method not in OF_ONE:
        hint = 'leave it out, or say method="get"' if method == "list" else "leave it out"
        return [Diagnostic("Q519", f"`{method}` takes no id, this is {excerpt(identity)}", hint=hint)]
    is_id = isinstance(identity, int) and not isinstance(identity, bool)
    if not is_id and not (isinstance(identity, str) and identity and len(identity) <= MAX_ID):
        message = f"id must be text of at most {MAX_ID:,} characters, this is {excerpt(identity)}"
        return [Diagnostic("Q519", message, pointer="/id")]
    text = str(identity)
    if not is_unicode(text) or path_fault(f"/{quote(text, safe='')}") is not None:
        return [Diagnostic("Q519", f"id cannot be a part of a path: {excerpt(identity)}", pointer="/id")]
    return []


def _about_body(method: str, body: Any) -> list[Diagnostic]:
    if method in WITH_BODY and body is None:
        return [Diagnostic("Q518", f"`{method}` needs a body: the fields of the record", hint="body={…}")]
    if method not in WITH_BODY and body is not None:
        return [Diagnostic("Q519", f"`{method}` takes no body", hint="leave it out")]
    return []


def _read(body: Any, schema: Schema) -> dict[str, Any]:
    """The body in JSON's own types, as its schema says. Raises `QueryError` Q518 with every problem."""
    try:
        read = plain(body) if isinstance(body, Mapping) else MISSING
    except (UnusableError, RecursionError) as error:
        why = str(error) if isinstance(error, UnusableError) else "it is nested too deeply"
        raise QueryError(Diagnostic("Q518", f"the body: {why}", hint=getattr(error, "hint", None))) from None
    if read is MISSING:
        raise QueryError(Diagnostic("Q518", f"a body must be an object of fields, this is {excerpt(body)}", pointer=""))
    problems = schema.problems(read)
    found = [_told(one, schema) for one in problems[:_MAX_TOLD]]
    if len(problems) > _MAX_TOLD:
        found.append(Diagnostic("Q518", f"there are {len(problems) - _MAX_TOLD:,} more invalid values"))
    if found:
        raise QueryError(found)
    return cast("dict[str, Any]", read)


def _told(problem: Problem, schema: Schema) -> Diagnostic:
    hint = None
    message = f"{dotted(problem.path)}: {problem.message}" if problem.path else problem.message
    if problem.keyword == "additionalProperties":
        *above, name = problem.path
        known: Any = schema.schema
        for step in above:
            known = known["items"] if isinstance(step, int) else known["properties"][step]
        message = f"{dotted(above) or 'the body'} has no field {excerpt(name)} that can be written"
        hint = did_you_mean(str(name), known["properties"])
    return Diagnostic("Q518", message, pointer=problem.pointer, hint=hint)
