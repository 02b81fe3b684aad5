"""A unified query → the provider's request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from truto_mapper.engine import sendable
from truto_mapper.engine.cursor import Cursors, Question
from truto_mapper.engine.page import Request
from truto_mapper.engine.query import Plan, Query, bound
from truto_mapper.engine.remote_query import laid_over, parameters, refusals
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.library.dates import ceil_date, floor_date
from truto_mapper.language.runtime.values import MISSING, Budget, truthy
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import Endpoint, Join, Template
from truto_mapper.text.diagnostics import Diagnostic, excerpt, shortened
from truto_mapper.text.errors import EvaluationError, QueryError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.timestamps import is_time_zone

if TYPE_CHECKING:
    from truto_mapper.language.trace import Trace


def planned(
    mapping: linked.Mapping,
    cursors: Cursors,
    query: Query,
    settings: dict[str, Any],
    now: str | None,
    trace: Trace | None,
    *,
    is_stream: bool = False,
) -> Request:
    """The request for a checked query; its own `query` also holds the plan and what was sent.

    The time in a cursor replaces `now`. In a stream the limit counts the records that were given before the cursor.
    Raises `QueryError` (Q504, Q506, Q511, Q513, Q517) and `EvaluationError`.
    """
    names = bindings(query, settings, now)
    budget = Budget()
    endpoints = serving(mapping, Scope(MISSING, names, trace=trace, budget=budget), query.method)
    question = Question(query.parameters, [_sealed(one) for one in endpoints], _choosing(mapping, settings))
    at = cursors.opened(query.get("next_cursor"), question, now)
    now = at.now
    first = _first(endpoints[0], at.cursor)
    names |= {"cursor": bound(at.cursor, first), "now": MISSING if now is None else now}
    if trace is not None:
        trace.names = names
    scope = Scope(MISSING, names, trace=trace, budget=budget)
    _refuse(endpoints[0], scope)
    made = sent(endpoints[0], scope, query.get("remote_query", {}))
    days = mapping.whole_days
    zone = None if days is None else _zone(days, scope)
    notes = query.remarks + (tuple(_day_notes(days, zone, query, now)) if days and zone else ())
    notes += _query_notes(endpoints[0], scope)
    limit = None if query.get("truto_ignore_limit") else query.get("limit")
    limit = limit - at.taken if is_stream and limit is not None else limit
    remote_data = not query.get("truto_ignore_remote_data")
    raw = query.get("truto_response_format") == "raw"
    served = tuple(one.name for one in endpoints)
    plan = Plan(settings, now, served, zone, question, limit, remote_data, raw, query.method, first)
    of_one = query.remarks, query.method, query.id, query.body
    planned = Query(query.parameters, at.cursor, at.offset, at.digest, made, notes, plan, *of_one)
    return Request(**made, query=planned, diagnostics=notes)


def _choosing(mapping: linked.Mapping, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that choose rows."""
    apart = mapping.only_joins_read
    return {name: value for name, value in settings.items() if name not in apart} if apart else settings


def bindings(query: Query, settings: dict[str, Any], now: str | None) -> dict[str, Any]:
    """The variables of every expression of a request, by name."""
    given = {"now": now, "id": query.id, "body": query.body}
    made = {name: MISSING if one is None else one for name, one in given.items()}
    cursor = bound(query.cursor, None if query.plan is None else query.plan.first)
    return {"query": query.parameters, "context": settings, "cursor": cursor, **made}


def _sealed(endpoint: Endpoint) -> str:
    """What cursors say of the endpoint that they belong to: a number means something else in each format."""
    pages = endpoint.pagination
    return endpoint.name if pages is None or pages.format == "cursor" else f"{endpoint.name} {pages.format}"


def _first(endpoint: Endpoint, cursor: str | None) -> int | None:
    """The number of an endpoint's first page; None where `$cursor` is no number. Raises `QueryError` Q506."""
    pages = endpoint.pagination
    if pages is None:
        return None
    from truto_mapper.engine.pagination import check  # noqa: PLC0415  # few mappings need it

    check(endpoint, cursor)
    return pages.first if pages.format in linked.NUMBERED else None


def serving(mapping: linked.Mapping, scope: Scope, method: str) -> list[Endpoint]:
    """The endpoints that serve a query, in order. Raises `QueryError` Q511, and Q519 for a method that none serves."""
    scope = Scope(MISSING, None, scope)
    able = [one for one in mapping.endpoints if one.method == method]
    endpoints = [one for one in able if one.when is None or truthy(value_of(one.when, scope))]
    if not able:
        known = ", ".join(dict.fromkeys(one.method for one in mapping.endpoints))
        raise QueryError(Diagnostic("Q519", f"{mapping.sources[0].name} does not map `{method}`, only {known}"))
    if not endpoints:
        raise QueryError(Diagnostic("Q511", f"no endpoint of {mapping.sources[0].name} serves this query"))
    return endpoints


def value_of(expression: Expression | None, scope: Scope, *, failing: Any = None) -> Any:
    """An expression's value, MISSING without an expression; `failing`, if given, instead of an error."""
    if expression is None:
        return MISSING
    try:
        value = expression.evaluate_in(scope)
        if isinstance(value, (list, dict)) and scope.budget is not None:
            value = scope.budget.record(value)  # it is sent, mapped or told
    except EvaluationError as error:
        if failing is None or (scope.budget is not None and scope.budget.is_exhausted):
            raise expression.located(error) from None
        return failing
    return value


#: The longest reason of a query_error, in characters.
MAX_REASON = 2_000


def _refuse(endpoint: Endpoint, scope: Scope) -> None:
    """Raise what the mapping's query_error says about the query, if anything."""
    reason = value_of(endpoint.query_error, scope)
    if reason is MISSING:
        return
    if not isinstance(reason, str):
        raise _unsendable(endpoint.query_error, f"query_error must be text, this is {excerpt(reason)}")
    raise QueryError(Diagnostic("Q513", shortened(reason, MAX_REASON)))


def _query_notes(endpoint: Endpoint, scope: Scope) -> tuple[Diagnostic, ...]:
    """What the mapping's query_note says about the query."""
    told = value_of(endpoint.query_note, scope)
    notes = [] if told is MISSING else told if isinstance(told, list) else [told]
    if not all(isinstance(note, str) for note in notes):
        raise _unsendable(endpoint.query_note, f"query_note must be text, or a list of texts, this is {excerpt(told)}")
    return tuple(Diagnostic("Q516", note, "note") for note in notes)


def sent(endpoint: Endpoint | Join, scope: Scope, remote_query: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a request that go to the provider."""
    path = value_of(endpoint.path, scope)
    if fault := sendable.path_fault(path):
        raise _unsendable(endpoint.path, *fault)
    headers = _headers(endpoint.headers, scope)
    asked, body = _object(endpoint.params, scope), _body(endpoint, scope)
    params, is_linked = _params(endpoint.params, asked), False
    if endpoint.pagination is not None:
        params, is_linked = _of_page(endpoint, params, scope.lookup("cursor"))
    if remote_query:
        schema = RequestSchema(False if endpoint.request is None else endpoint.request)
        within, beyond = schema.split(remote_query)
        _keep(endpoint, scope, within, beyond)
        params |= {} if is_linked else _callers(beyond)
        body = laid_over({} if body is MISSING else body, schema.shaped(schema.read(within))) if within else body
    body = None if body is MISSING else body
    return {"method": endpoint.http_method, "path": path, "params": params, "headers": headers, "body": body}


def _body(endpoint: Endpoint | Join, scope: Scope) -> Any:
    """The body in the shape of its schema: where only an array is allowed, a single value is in one."""
    if endpoint.body is None:
        return MISSING
    body = _filled(endpoint.body, scope)
    if body is not MISSING and (fault := sendable.body_fault(body)):
        parts = ((one, value_of(one, scope)) for one in linked.expressions(endpoint.body))
        culprit = next((one for one, value in parts if value is not MISSING and sendable.body_fault(value)), None)
        raise _unsendable(culprit or endpoint.body, fault)
    return body if body is MISSING or endpoint.request is None else RequestSchema(endpoint.request).shaped(body)


def _params(template: Template | None, value: Mapping[str, Any]) -> dict[str, Any]:
    """The HTTP query parameters of the mapping."""
    made = parameters(value, many="")
    for name, one in made.items():
        if fault := sendable.parameter_fault(name, one):
            raise _unsendable(template, fault)
    return made


def _of_page(endpoint: Endpoint | Join, made: dict[str, Any], cursor: Any) -> tuple[dict[str, Any], bool]:
    """The parameters of a page, and whether they are those of a link, which has the caller's, too."""
    from truto_mapper.engine.pagination import params  # noqa: PLC0415  # likewise

    pages = endpoint.pagination
    return params(endpoint, made, cursor), pages is not None and pages.format == "link_header" and cursor is not MISSING


def _callers(remote_query: Mapping[str, Any]) -> dict[str, Any]:
    """The HTTP query parameters of the caller."""
    made = parameters(remote_query, many="[]")
    faults = (fault for name, one in made.items() if (fault := sendable.parameter_fault(name, one)))
    found = [Diagnostic("Q504", f"remote_query: {fault}", pointer="/remote_query") for fault in faults]
    if found:
        raise QueryError(found)
    return made


def _headers(template: Template | None, scope: Scope) -> dict[str, str]:
    """The headers as text. No name may come twice: HTTP's are the same in upper and in lower case."""
    made: dict[str, str] = {}
    taken: set[str] = set()
    for name, value in _object(template, scope).items():
        fault = sendable.header_fault(name, value)
        if fault is None and name.lower() in taken:
            fault = f"the header {name} is there twice"
        if fault is not None:
            raise _unsendable(linked.giving(template, (name,)) or template, fault)
        taken.add(name.lower())
        made[name] = value if isinstance(value, str) else json.dumps(value)
    return made


def _keep(endpoint: Endpoint | Join, scope: Scope, within: Mapping[str, Any], beyond: Mapping[str, Any]) -> None:
    """Refuse what would replace something of the mapping, also what it sets on further pages alone."""
    cursor = scope.lookup("cursor")
    names = {**scope.bindings, "cursor": "a cursor" if cursor is MISSING else cursor}
    scope = Scope(MISSING, names, budget=scope.budget)
    kept = ((endpoint.body, within), (endpoint.params, beyond))
    own = {} if endpoint.pagination is None else dict.fromkeys(endpoint.pagination.parameters.values(), "")
    found = [
        refusal
        for template, extra in kept
        if template is not None and extra
        for refusal in refusals(_filled(template, scope, failing="unknown"), template, extra)
    ]
    found += refusals(own, None, beyond)
    if found:
        raise QueryError(found)


def _filled(template: Template, scope: Scope, *, failing: Any = None) -> Any:
    """A template with its expressions evaluated; undefined values are left out. `failing` as for `value_of`."""
    match template:
        case dict():
            made = ((name, _filled(child, scope, failing=failing)) for name, child in template.items())
            return {name: value for name, value in made if value is not MISSING}
        case list():
            items = (_filled(child, scope, failing=failing) for child in template)
            return [value for value in items if value is not MISSING]
        case _:
            return value_of(template, scope, failing=failing)


def _object(template: Template | None, scope: Scope) -> dict[str, Any]:
    value = MISSING if template is None else _filled(template, scope)
    if value is MISSING:
        return {}
    if not isinstance(value, dict):
        message = f"query_mapping and request_header_mapping must be objects, this is {excerpt(value)}"
        raise _unsendable(template, message)
    return value


def _unsendable(template: Template | None, message: str, hint: str | None = None) -> EvaluationError:
    return EvaluationError(next(linked.expressions(template)).diagnostic("D406", message, hint=hint))


def _zone(days: linked.WholeDays, scope: Scope) -> str:
    zone: Any = value_of(days.time_zone, scope)
    if not is_time_zone(zone):
        raise _unsendable(days.time_zone, f"whole days need an IANA time zone, this is {excerpt(zone)}")
    return str(zone)


def _day_notes(days: linked.WholeDays, zone: str, query: Query, now: str | None) -> Iterator[Diagnostic]:
    """A note for each parameter that whole days change, or that cannot be cut to today."""
    for name, rounding in days.parameters.items():
        if (given := query.get(name)) is None:
            continue
        first, last = floor_date(given, zone), ceil_date(given, zone)
        day, why = first if rounding == "floor" else last, "was widened to a whole day"
        is_timeless = rounding == "ceil_until_today" and now is None
        if rounding == "ceil_until_today" and (until := ceil_date(given, zone, now)) != last:
            day, why = until, "was cut to the beginning of today"
        said = [f"{why}: {day} in {zone}"] if first != last or day != last else []
        said += ["was not cut to today, because `now` is not given"] if is_timeless else []
        if said:
            yield Diagnostic("Q510", f"{name} {given} {'; it '.join(said)}", "note", pointer=json_pointer((name,)))


def static_response(
    mapping: linked.Mapping, query: Query, settings: dict[str, Any], now: str | None, trace: Trace | None
) -> Any:
    """The body to map instead of the provider's reply, MISSING if the mapping has none."""
    scope = Scope(MISSING, bindings(query, settings, now), trace=trace, budget=Budget())
    return value_of(serving(mapping, scope, query.method)[0].static_response, scope)
