"""Queries of a mapping: read, and planned as requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from truto_mapper.engine import arguments, of_one, requests
from truto_mapper.engine.answer import FAILURES, failure
from truto_mapper.engine.cursor import Cursors, Question, is_moment
from truto_mapper.engine.of_one import OfOne
from truto_mapper.engine.page import Request
from truto_mapper.engine.query import Asked, OnUnknown, Parser, Plan, Query, asked_of
from truto_mapper.engine.settings import Settings
from truto_mapper.mapping import linked
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import QueryError
from truto_mapper.text.record import record

if TYPE_CHECKING:
    from truto_mapper.language.trace import Trace

AnyQuery: TypeAlias = Mapping[str, Any] | str
Context: TypeAlias = Mapping[str, Any] | None


@record
class Planner:
    """Reads the queries of a mapping and plans their requests.

    `parsers` and `unplanned`, the plans of replies without a query, are by method; a `trace` notes every evaluation.
    """

    mapping: linked.Mapping
    cursors: Cursors
    settings: Settings
    parsers: Mapping[str, Parser]
    unplanned: Mapping[str, Plan]
    trace: Trace | None = None

    @classmethod
    def of(cls, mapping: linked.Mapping, cursors: Cursors) -> Self:
        days = () if mapping.whole_days is None else mapping.whole_days.parameters
        methods = mapping.resource.methods
        parsers = {name: Parser(mapping.resource, mapping.integration, days, name) for name in methods}
        return cls(mapping, cursors, Settings(mapping), parsers, {name: _unplanned(mapping, name) for name in methods})

    def asked(
        self,
        query: AnyQuery,
        context: Context,
        now: str | None,
        on_unknown: OnUnknown,
        *,
        one: OfOne = (None, None, None),
        is_stream: bool = False,
    ) -> Request:
        """The request for a query. Raises as `Mapper.plan` does."""
        try:
            parsed = self._parsed(query, on_unknown, one)
            return self._planned(parsed, self.settings.of(context), _moment(now), is_stream=is_stream)
        except FAILURES as error:
            raise failure(error, context, query) from None

    def following(self, query: Query, next_cursor: str) -> Request:
        """The request for the next page of a stream."""
        plan, following = plan_of(query), dict(query) | {"next_cursor": next_cursor}
        return self.asked(following, plan.settings, plan.now, "refuse", is_stream=True)

    def asked_again(
        self, query: AnyQuery | None, context: Context, now: str | None, on_unknown: OnUnknown, one: OfOne
    ) -> tuple[Query | None, Asked]:
        """A planned query, and what its pages share if arguments replace what it was planned with."""
        if query is None:
            method, identity, _ = one
            plan = self.unplanned[of_one.known_method(method, self.mapping.resource)]
            return None, asked_of(None, plan, self.settings.of(context), _moment(now), identity)
        parsed = self._parsed(query, on_unknown, one)
        if parsed.plan is None:
            parsed = self._planned(parsed, self.settings.of(context), _moment(now)).query
            context = now = None
        plan = plan_of(parsed)
        settings = plan.settings if context is None else self.settings.of(context)
        moment = _moment(now)
        if moment is None or "next_cursor" in parsed.parameters:
            moment = plan.now
        asked = asked_of(parsed, plan, settings, moment)
        if context is None and now is None:
            object.__setattr__(parsed, "asked", asked)
        return parsed, asked

    def _parsed(self, query: AnyQuery, on_unknown: OnUnknown, one: OfOne) -> Query:
        """A query with what it needs of one record; a parsed one as it is."""
        method, identity, body = one
        if isinstance(query, Query):
            if (method or query.method, identity, body) == (query.method, None, None):
                return query
            arguments.refuse(f"the query is for `{query.method}`, with its own id and body", "give only the query")
        resource = self.mapping.resource
        parser = self.parsers[of_one.known_method(method, resource)]
        return of_one.with_one(parser.parse(query, on_unknown), resource, identity, body)

    def _planned(self, query: Query, settings: dict[str, Any], now: str | None, *, is_stream: bool = False) -> Request:
        return requests.planned(self.mapping, self.cursors, query, settings, now, self.trace, is_stream=is_stream)


def _unplanned(mapping: linked.Mapping, method: str) -> Plan:
    """The plan of a reply without a query."""
    names = tuple(endpoint.name for endpoint in mapping.endpoints if endpoint.method == method)
    return Plan({}, None, names, None, Question({}, names, {}), method=method)


def plan_of(query: Query) -> Plan:
    assert query.plan is not None  # noqa: S101  # for mypy: planning made the query
    return query.plan


def _moment(now: str | None) -> str | None:
    if now is None or is_moment(now):
        return now
    message = f"now must be an RFC 3339 date-time with an offset in the years 2 to 9998, this is {excerpt(now)}"
    raise QueryError(Diagnostic("Q509", message, pointer="/now", hint="such as 2026-01-31T12:00:00Z"))
