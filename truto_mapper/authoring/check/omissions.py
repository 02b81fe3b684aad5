"""What a mapping leaves out: names it does not use, unified fields it does not write, reply fields it does not read."""

from collections.abc import Iterator, Mapping
from typing import Any

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.sources import innermost
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint, every, expressions
from truto_mapper.resource.spec import REMOTE_DATA, Field
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted

#: How many names a message lists; it counts the others.
SHOWN = 8


def unused_names(endpoint: Endpoint) -> Iterator[Diagnostic]:
    """C212: names of `let` and `for_each` that no expression of the endpoint mentions.

    The last name of `for_each` is also `$`, so it is unused only if no expression of a row reads `$` either.
    """
    mentioned = {variable.name for _, one in every(endpoint) for variable in (*one.variables, *one.calls)}
    for loop in (*endpoint.for_each, *endpoint.let):
        name, expression = loop
        if name not in mentioned and not (loop in endpoint.for_each[-1:] and _reads_row(endpoint)):
            yield expression.diagnostic("C212", f"${name} is never used", severity="warning", hint="remove it")


def _reads_row(endpoint: Endpoint) -> bool:
    of_row = [*(one for _, one in endpoint.let), *expressions(endpoint.response)]
    return any(read.path[0] == "$" for one in of_row for read in reads(one))


def unwritten_fields(mapper: Mapper, endpoint: Endpoint) -> Iterator[Diagnostic]:
    """C213: required fields without an expression. C215: the other fields without one."""
    if not isinstance(endpoint.response, dict):
        return
    left = []
    for name, field in _unwritten(endpoint.response, mapper.resource.fields, ()):
        if field.required:
            message = f"`{endpoint.name}` never writes `{name}`, which is required"
            yield _at_name(mapper, endpoint, "C213", message, severity="error", hint="add it to response_mapping")
        elif name != REMOTE_DATA:
            left.append(name)
    if left:
        message = f"`{endpoint.name}` gives no value to {_first(left)}"
        yield _at_name(mapper, endpoint, "C215", message, severity="note")


def _unwritten(
    template: dict[str, Any], fields: Mapping[str, Field], path: tuple[str, ...]
) -> Iterator[tuple[str, Field]]:
    """The fields that a template does not write; an object of which it writes none is one field."""
    for name, field in fields.items():
        if name not in template:
            yield dotted((*path, name)), field
        elif isinstance(template[name], dict):
            yield from _unwritten(template[name], field.below, (*path, name))


def unread_fields(mapper: Mapper, types: EndpointTypes) -> Iterator[Diagnostic]:
    """C214: the fields of the reply's schema that no expression of the endpoint reads."""
    reads, whole = types.inference.paths, types.inference.whole
    paths = [kind.path for kind in innermost(types.body) if kind.path and kind.path not in reads]
    names = [dotted(path) for path in paths if not any(path[:end] in whole for end in range(1, len(path) + 1))]
    if names:
        message = f"`{types.endpoint.name}` never reads these fields of the reply: {_first(names)}"
        yield _at_name(mapper, types.endpoint, "C214", message, severity="note")


def _at_name(mapper: Mapper, endpoint: Endpoint, code: str, message: str, **more: Any) -> Diagnostic:
    """A finding about an endpoint, at its name in the mapping."""
    endpoints = mapper.mapping.root.value["endpoints"]
    return endpoints.diagnostic(code, message, key=endpoint.name, **more)  # type: ignore[no-any-return]  # of a Node


def _first(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(f"`{name}`" for name in names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
