"""What endpoints that are alike have in common, and one of them lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.source_types import refusal_type
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint, Join
from truto_mapper.text.diagnostics import Diagnostic

_OF_JOINS = ("run_if", "empty_when", "error_when", "next_cursor")


def lacking(mapper: Mapper, all_types: Sequence[EndpointTypes]) -> Iterator[Diagnostic]:
    """C249: an endpoint without the `error_when` of the others, and a join without a key of its twin."""
    endpoints = mapper.mapping.root.value["endpoints"]
    refused = refusal_type(mapper.mapping).properties or {}
    for typed in all_types:
        name, others = typed.endpoint.name, [one.endpoint for one in all_types if one is not typed]
        failing = [one for one in others if one.error_when is not None]
        if typed.endpoint.error_when is None and failing and len(failing) == len(others):
            test = failing[0].error_when
            fields = {read.path[1] for read in reads(test) if read.path[0] == "$" and read.path[1:]} if test else set()
            known = {*(typed.body.properties or {}), *(refused if len(others) > 1 else ())}
            if test is not None and fields and fields <= known:
                message = f"`{name}` has no `error_when`, and `{failing[0].name}` has `{test.line}`"
                hint = f"add `error_when: {test.line}`: the replies have this, too"
                yield endpoints.diagnostic("C249", message, key=name, severity="warning", hint=hint)
        for join in typed.endpoint.joins:
            yield from _twins(mapper, typed.endpoint, join, [each for one in others for each in one.joins])


def _twins(mapper: Mapper, endpoint: Endpoint, join: Join, others: Sequence[Join]) -> Iterator[Diagnostic]:
    """A join that lacks what another one of the same name, path and schema has."""
    node = mapper.mapping.root.value["endpoints"].value[endpoint.name].value.get("join")
    for other in others:
        if other.name == join.name and other.path.node == join.path.node and _schema(other) == _schema(join):
            left = [key for key in _OF_JOINS if getattr(join, key) is None and getattr(other, key) is not None]
            left += ["on_error"] if other.leaves_out and not join.leaves_out else []
            if left and node is not None:
                message = f"the join `{join.name}` of `{endpoint.name}` has no `{left[0]}`, which it has elsewhere"
                yield node.diagnostic("C249", message, key=join.name, severity="warning", hint=f"add `{left[0]}`")
                return


def _schema(join: Join) -> str | None:
    return None if join.source is None else join.source.name
