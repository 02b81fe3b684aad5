"""Endpoints that serve no query: every combination of the values that tell endpoints apart is tried."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from math import prod
from typing import Any

from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.resource.spec import value_schema
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError

#: With more combinations than this nothing is tried, and nothing is reported.
MAX_COMBINATIONS = 10_000

#: A parameter or a setting: `("query", "users")`.
Place = tuple[str, str]


def unreachable(mapper: Mapper) -> Iterator[Diagnostic]:
    """C210: the endpoints that no query reaches."""
    endpoints = mapper.mapping.endpoints
    asked = {one.name: _asked(one.when) for one in endpoints if one.when is not None}
    domains = {place: _values(mapper, place) for places in asked.values() for place in places}
    known = {place: values for place, values in domains.items() if values is not None}
    if prod(map(len, known.values())) > MAX_COMBINATIONS:
        return
    unsure = {name for name, places in asked.items() if not places <= known.keys()}
    never = {one.name for one in endpoints} - unsure
    for chosen in product(*known.values()):
        never -= _serving(endpoints, unsure, dict(zip(known, chosen, strict=True)))
    for one in endpoints:
        if one.name in never:
            message = f"`{one.name}` serves no query: earlier endpoints serve them all, or its `when` is never true"
            yield (one.when or one.path).diagnostic("C210", message, severity="warning")


def _serving(endpoints: Iterable[Endpoint], unsure: set[str], given: Mapping[Place, Any]) -> set[str]:
    """The endpoints that may be the first to serve a combination of values; `unsure` depend on other values too."""
    bindings: dict[str, dict[str, Any]] = {"query": {}, "context": {}}
    for (holder, name), value in given.items():
        if value is not MISSING:
            bindings[holder][name] = value
    serving: set[str] = set()
    for one in endpoints:
        if one.name in unsure:
            serving.add(one.name)
        elif _holds(one.when, bindings):
            return serving | {one.name}
    return serving


def _holds(when: Expression | None, bindings: Mapping[str, Any]) -> bool:
    try:
        return when is None or bool(truthy(when.evaluate(MISSING, bindings)))
    except EvaluationError:
        return False


def _asked(expression: Expression) -> set[Place]:
    """The parameters and settings that an expression reads, and `("", "")` if it reads anything else."""
    paths = [read.path for read in reads(expression) if read.path[0] != "$"]  # there is no reply yet
    return {(path[0], path[1]) if len(path) > 1 else ("", "") for path in paths}


def _values(mapper: Mapper, place: Place) -> tuple[Any, ...] | None:
    """All values of a parameter or a setting, MISSING among them if it may be absent; None if they are not listed."""
    holder, name = place
    if holder == "query" and name in mapper.resource.parameters:
        schema: Mapping[str, Any] = value_schema(mapper.resource.parameters[name])
    elif holder == "context":
        schema = mapper.mapping.context_schemas.get(name, {})
    else:
        return None
    values = schema.get("enum") or ([False, True] if schema.get("type") == "boolean" else None)
    return None if values is None else (*values, *(() if schema.get("default") is not None else (MISSING,)))
