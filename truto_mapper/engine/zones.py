"""An account's time zone, found by asking: some endpoints name it in their replies."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from truto_mapper.engine import requests
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.page import Page, Request, Response
from truto_mapper.engine.planner import AnyQuery, plan_of
from truto_mapper.language.expression import Scope
from truto_mapper.language.runtime.values import MISSING, Budget
from truto_mapper.mapping import linked
from truto_mapper.text.errors import QueryError
from truto_mapper.text.timestamps import is_time_zone

#: The days of the windows that are asked for: a company may have been at rest on one day.
WINDOWS = (1, 30)

#: What a query may be refused for before the zone is known.
_OF_ZONES = {"Q506", "Q513"}


def unknown(mapper: Mapper[Any], context: Mapping[str, Any]) -> str | None:
    """The setting with the time zone, if the context lacks it and an endpoint's replies name it; else None."""
    days = mapper.mapping.whole_days
    if days is None or days.setting is None or context.get(days.setting) is not None:
        return None
    return days.setting if any(_names_zone(one) for one in mapper.mapping.endpoints) else None


def is_needed(mapper: Mapper[Any], query: AnyQuery, context: Mapping[str, Any], now: str) -> bool:
    """Whether the answer to a query to list depends on the zone. Raises `QueryError` for a query that is wrong."""
    days = mapper.mapping.whole_days
    try:
        planned = mapper.plan(query, context=context, now=now).query
    except QueryError as error:
        if error.code not in _OF_ZONES:
            raise
        return True
    return (
        days is not None and not planned.get("truto_skip_api_call") and not days.parameters.keys().isdisjoint(planned)
    )


def asking(mapper: Mapper[Any], context: Mapping[str, Any], now: datetime) -> Generator[Request, Response, str | None]:
    """Yields a request for a day, and if nobody did anything then for a month; returns the zone, None if none came."""
    for days in WINDOWS:
        request = _request(mapper, context, now, days)
        if request is None:
            return None
        response = yield request
        body, status, headers = response
        page = mapper.map(body, query=request.query, status=status, headers=headers, on_invalid="discard_record")
        zone = _zone_of(mapper.mapping, page)
        if is_time_zone(zone):
            return str(zone)
    return None


def _names_zone(endpoint: linked.Endpoint) -> bool:
    return endpoint.time_zone is not None and endpoint.method == "list"


def _request(mapper: Mapper[Any], context: Mapping[str, Any], now: datetime, days: int) -> Request | None:
    """The request of an endpoint that names the zone, for so many days until yesterday."""
    naming = {one.name for one in mapper.mapping.endpoints if _names_zone(one)}
    setting = unknown(mapper, context)
    settings = {**context, setting: "UTC"} if setting else context
    for query in _queries(mapper, now.astimezone(UTC), days):
        try:
            request = mapper.plan(query, context=settings, now=now.isoformat())
        except QueryError:
            continue
        if plan_of(request.query).endpoints[0] in naming:
            return request
    return None


def _queries(mapper: Mapper[Any], now: datetime, days: int) -> Iterator[dict[str, Any]]:
    """Queries for so many days: without more, and with each value of each enumeration that may choose the endpoint."""
    rounded = mapper.mapping.whole_days.parameters if mapper.mapping.whole_days else {}
    # Yesterday begins before today does in any zone.
    end = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=1)
    moments = {"floor": end - timedelta(days=days)}
    window = {name: moments.get(rounding, end).isoformat() for name, rounding in rounded.items()}
    yield window
    for name, field in mapper.resource.parameters_of("list").items():
        for value in field.enum if not name.startswith("truto_") else ():
            yield {**window, name: value}


def _zone_of(mapping: linked.Mapping, page: Page[Any]) -> Any:
    """The zone that a page's reply names; MISSING if it names none."""
    if page.endpoint is None or page.query is None:
        return MISSING
    endpoint = next(one for one in mapping.endpoints if one.name == page.endpoint)
    plan = plan_of(page.query)
    body, status, headers = page.response
    names = requests.bindings(page.query, plan.settings, plan.now)
    names |= {"response": body, "status": status, "headers": headers}
    return requests.value_of(endpoint.time_zone, Scope(body, names, budget=Budget()), failing=MISSING)
