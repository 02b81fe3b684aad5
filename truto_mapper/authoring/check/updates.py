"""Updates that change what their callers left alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile

from truto_mapper.authoring.check.absence import sample
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.shared import requested
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint, leaves
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.pointers import Steps, dotted, keys_of


def overwritten(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C251: a part of an update's request that has a value where the caller's body has none: `$body.note ?? ""`.

    The request of a PUT replaces the whole record, so it has a value for everything.
    """
    endpoint = typed.endpoint
    if endpoint.method != "update" or endpoint.http_method == "PUT":
        return
    (properties, given), parts = _body(typed), list(leaves(endpoint.body))
    above = zip(*(path[:-1] for path, *_ in parts), strict=False)
    whole = len(list(takewhile(lambda names: len({*names}) == 1, above)))
    for path, _, one in parts:
        fields = _fields(one)
        left = next((name for name in fields if name not in given), None)
        sent = _sent(one, given) if path and left and not _is_required(endpoint, path, whole) else MISSING
        # `[a, b]` of parts that may all be absent changes nothing, an empty list in place of the caller's does.
        is_left = sent == [] and all(properties.get(one, types.ANY).solid & {"array", "object"} for one in fields)
        if sent is not MISSING and (sent or not isinstance(sent, list | dict) or is_left or _is_constant(one)):
            name = dotted(keys_of(path))
            message = f"an update without `{left}` sends {excerpt(sent)} for `{name}`, and so changes it"
            hint = f"give nothing where the body has nothing: `$exists($body.{left}) ? …`"
            yield one.diagnostic("C251", message, severity="warning", hint=hint)


def unclearable(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C251: `$body.note ? $body.note`, which sends nothing where the caller sets `note` to null, and it may be null."""
    endpoint = typed.endpoint
    if endpoint.method != "update":
        return
    properties, given = _body(typed)
    for path, _, one in leaves(endpoint.body):
        fields = set(_fields(one))
        place = requested(endpoint, path)
        takes_null = place is not None and place.is_nullable and len(fields) == 1
        for field in fields if takes_null else ():
            is_nullable = "null" in properties.get(field, types.ANY).kinds != types.KINDS
            if is_nullable and _sent(one, given | {field: None}) is MISSING:
                message = f"an update that sets `{field}` to null sends nothing for `{dotted(keys_of(path))}`"
                yield one.diagnostic("C251", message, severity="warning", hint=f"write `$exists($body.{field}) ? …`")


def _body(typed: EndpointTypes) -> tuple[Mapping[str, types.Type], dict[str, object]]:
    """The types of the fields of a caller's body, and samples of those that it always has."""
    properties = typed.scope.variables.get("body", types.ANY).properties or {}
    return properties, {name: sample(one) for name, one in properties.items() if "undefined" not in one.kinds}


def _fields(expression: Expression) -> list[str]:
    """The fields of a caller's body that an expression reads."""
    return [read.path[1] for read in reads(expression) if read.path[0] == "body" and read.path[1:]]


def _sent(expression: Expression, body: dict[str, object]) -> object:
    """What is sent for a body; MISSING for nothing, and where that cannot be told."""
    try:
        return expression.evaluate(
            MISSING, {"query": {}, "context": {}, "body": body, "id": "1", "now": _NOW}, timeout=1.0
        )
    except EvaluationError:
        return MISSING


#: Any time.
_NOW = "2026-01-31T12:00:00Z"


def _is_constant(expression: Expression) -> bool:
    """Whether `[]` or `{}` is written, and not what is left of several parts."""
    empty = (node for node in results(expression.node) if isinstance(node, nodes.Array | nodes.Object))
    return any(not getattr(node, "items", getattr(node, "pairs", None)) for node in empty)


def _is_required(endpoint: Endpoint, path: Steps, whole: int) -> bool:
    """Whether the provider requires a part of the body, or what it is in, below so many steps that all parts share."""
    schema = None if endpoint.request is None else RequestSchema(dict(endpoint.request))
    for number, name in enumerate(keys_of(path)):
        if schema is None or (name in schema.required and number >= whole):
            return schema is not None
        schema = schema.at(name)
    return False
