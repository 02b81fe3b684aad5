"""A unified query → the provider's request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from truto_mapper.engine.page import Request
from truto_mapper.engine.query import Plan, Query
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.library.dates import ceil_date, floor_date
from truto_mapper.language.runtime.values import MISSING, Budget, truthy
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import Endpoint, Template
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError, QueryError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.timestamps import is_time_zone

if TYPE_CHECKING:
    from truto_mapper.language.trace import Trace


def planned(
    mapping: linked.Mapping, query: Query, settings: dict[str, Any], now: str | None, trace: Trace | None
) -> Request:
    """The request for a checked query; its own `query` also holds the plan and what was sent.

    Raises `QueryError` (Q511, Q513) and `EvaluationError`.
    """
    names = bindings(query, settings, now)
    if trace is not None:
        trace.names = names
    scope = Scope(MISSING, names, trace=trace, budget=Budget())
    endpoints = serving(mapping, scope)
    _refuse(endpoints[0], scope)
    sent = _sent(endpoints[0], scope, query.get("remote_query", {}))
    days = mapping.whole_days
    zone = None if days is None else _zone(days, scope)
    notes = tuple(_day_notes(days, zone, query, now)) if days and zone else ()
    limit = None if query.get("truto_ignore_limit") else query.get("limit")
    remote_data = not query.get("truto_ignore_remote_data")
    plan = Plan(settings, now, tuple(one.name for one in endpoints), zone, limit, remote_data)
    return Request(**sent, query=replace(query, sent=sent, notes=notes, plan=plan), diagnostics=notes)


def bindings(query: Query, settings: dict[str, Any], now: str | None) -> dict[str, Any]:
    """The variables of every expression of a request, by name."""
    cursor, moment = (MISSING if one is None else one for one in (query.cursor, now))
    return {"query": query.parameters, "context": settings, "cursor": cursor, "now": moment}


def serving(mapping: linked.Mapping, scope: Scope) -> list[Endpoint]:
    """The endpoints that serve a query, in order. Raises `QueryError` Q511."""
    scope = Scope(MISSING, None, scope)
    endpoints = [one for one in mapping.endpoints if one.when is None or truthy(value_of(one.when, scope))]
    if not endpoints:
        raise QueryError(Diagnostic("Q511", f"no endpoint of {mapping.root.source.name} serves this query"))
    return endpoints


def value_of(expression: Expression | None, scope: Scope, *, failing: Any = None) -> Any:
    """An expression's value, MISSING without an expression; `failing`, if given, instead of an error."""
    if expression is None:
        return MISSING
    try:
        return expression.evaluate_in(scope)
    except EvaluationError:
        if failing is None or (scope.budget is not None and scope.budget.is_exhausted):
            raise
        return failing


def _refuse(endpoint: Endpoint, scope: Scope) -> None:
    """Raise what the mapping's query_error says about the query, if anything."""
    reason = value_of(endpoint.query_error, scope)
    if reason is MISSING:
        return
    if not isinstance(reason, str):
        raise _unsendable(endpoint.query_error, f"query_error must be text, this is {excerpt(reason)}")
    raise QueryError(Diagnostic("Q513", reason))


def _sent(endpoint: Endpoint, scope: Scope, remote_query: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a request that go to the provider."""
    path = value_of(endpoint.path, scope)
    if not isinstance(path, str) or not path.startswith("/"):
        raise _unsendable(endpoint.path, f"a path must be text that begins with a slash, this is {excerpt(path)}")
    params = _object(endpoint.params, scope)
    body = MISSING if endpoint.body is None else _filled(endpoint.body, scope)
    if endpoint.remote_query == "body":
        body = _merged(body, remote_query) if remote_query else body
    else:
        params |= dict(_bracketed(remote_query))
    headers = {name: _header(endpoint, name, value) for name, value in _object(endpoint.headers, scope).items()}
    body = None if body is MISSING else body
    return {"method": endpoint.method, "path": path, "params": params, "headers": headers, "body": body}


def _filled(template: Template, scope: Scope) -> Any:
    """A template with its expressions evaluated; undefined values are left out."""
    match template:
        case dict():
            made = ((name, _filled(child, scope)) for name, child in template.items())
            return {name: value for name, value in made if value is not MISSING}
        case list():
            return [value for child in template if (value := _filled(child, scope)) is not MISSING]
        case _:
            return value_of(template, scope)


def _object(template: Template | None, scope: Scope) -> dict[str, Any]:
    value = MISSING if template is None else _filled(template, scope)
    if value is MISSING:
        return {}
    if not isinstance(value, dict):
        message = f"query_mapping and request_header_mapping must be objects, this is {excerpt(value)}"
        raise _unsendable(template, message)
    return value


def _header(endpoint: Endpoint, name: str, value: Any) -> str:
    if isinstance(value, (dict, list)):
        template = endpoint.headers[name] if isinstance(endpoint.headers, dict) else endpoint.headers
        raise _unsendable(template, f"the header {name} must be a single value, this is {excerpt(value)}")
    return value if isinstance(value, str) else json.dumps(value)


def _unsendable(template: Template | None, message: str) -> EvaluationError:
    return EvaluationError(next(linked.expressions(template)).diagnostic("D406", message))


def _merged(base: Any, extra: Any) -> Any:
    """`extra` laid over `base`: objects are merged key by key, anything else is replaced."""
    if isinstance(base, dict) and isinstance(extra, Mapping):
        return base | {key: _merged(base.get(key, MISSING), value) for key, value in extra.items()}
    return extra


def _bracketed(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters under names such as `filter[ids]`."""
    for key, child in value.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(child, Mapping):
            yield from _bracketed(child, name)
        else:
            yield name, child


def _zone(days: linked.WholeDays, scope: Scope) -> str:
    zone: Any = value_of(days.time_zone, scope)
    if not is_time_zone(zone):
        raise _unsendable(days.time_zone, f"whole days need an IANA time zone, this is {excerpt(zone)}")
    return str(zone)


def _day_notes(days: linked.WholeDays, zone: str, query: Query, now: str | None) -> Iterator[Diagnostic]:
    """A note for each parameter that whole days change."""
    for name, rounding in days.parameters.items():
        given = query.get(name)
        first, last = floor_date(given, zone), ceil_date(given, zone)
        day, why = first if rounding == "floor" else last, "was widened to a whole day"
        if rounding == "ceil_until_today" and (until := ceil_date(given, zone, now)) != last:
            day, why = until, "was cut to the beginning of today"
        if first != last or day != last:
            yield Diagnostic("Q510", f"{name} {given} {why}: {day} in {zone}", "note", pointer=json_pointer((name,)))


def static_response(
    mapping: linked.Mapping, query: Query, settings: dict[str, Any], now: str | None, trace: Trace | None
) -> Any:
    """The body to map instead of the provider's reply, MISSING if the mapping has none."""
    scope = Scope(MISSING, bindings(query, settings, now), trace=trace, budget=Budget())
    return value_of(serving(mapping, scope)[0].static_response, scope)
