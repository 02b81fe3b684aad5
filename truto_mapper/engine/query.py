"""Unified query parameters: a query string or a dict → values of the types that the resource declares."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from truto_mapper.engine.cursor import join_cursor, split_cursor
from truto_mapper.engine.query_string import split_query_string
from truto_mapper.resource.generated import query_schema
from truto_mapper.resource.json_schema import Problem, Schema
from truto_mapper.resource.spec import Field, Resource
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import Findings, QueryError
from truto_mapper.text.pointers import dotted, json_pointer
from truto_mapper.text.timestamps import instant, is_date_time

#: What becomes of an unknown query parameter: it is refused (Q502), or left out.
OnUnknown: TypeAlias = Literal["refuse", "ignore"]
_INTEGER = re.compile(r"-?[0-9]{1,18}\Z", re.ASCII)
_LOST_PLUS = r"(?a)\S+T\S+ \d\d:\d\d\Z"
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

#: Marks a value that was refused already.
_UNREADABLE = object()


class Plan(NamedTuple):
    """What a query was planned with: the account's settings, the time, and the names of the endpoints that serve it.

    `zone` is the time zone of its whole days, `limit` the most records of a page, `remote_data` whether they keep the
    provider's rows.
    """

    settings: dict[str, Any]
    now: str | None
    endpoints: tuple[str, ...]
    zone: str | None
    limit: int | None = None
    remote_data: bool = True

    def __repr__(self) -> str:
        return f"<Plan of {', '.join(self.endpoints)}>"


@dataclass(frozen=True, slots=True, eq=False)
class Query(Mapping[str, Any]):
    """Parsed unified parameters: a read-only mapping of coerced values, defaults filled in.

    `cursor` is the provider's own cursor (None for the first page), `offset` how many records of its page were
    returned before. Planning fills in `sent` (the request's method, path, params, headers and body), `notes` (Q510)
    and `plan`.
    """

    parameters: Mapping[str, Any]
    cursor: str | None = None
    offset: int = 0
    sent: Mapping[str, Any] | None = None
    notes: tuple[Diagnostic, ...] = ()
    plan: Plan | None = None

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __repr__(self) -> str:
        return f"<Query {', '.join(self.parameters)}>"

    def next_cursor(self, cursor: str | None, offset: int) -> str:
        """A cursor for the rest of a provider's page: its own cursor and how many of its records were returned."""
        return join_cursor(cursor, offset, self.parameters)


class Parser:
    """Reads the queries of one resource for one integration. Immutable; safe to share between threads.

    `whole_days` names the parameters that the integration takes as days.
    """

    def __init__(self, resource: Resource, integration: str, whole_days: Iterable[str] = ()) -> None:
        self.resource = resource
        self.integration = integration
        ends = [end for period in resource.periods for end in (period.start, period.end)]
        self.dates = tuple(dict.fromkeys([*ends, *whole_days]))
        self.schema = Schema(query_schema(resource), generated=True)

    def parse(self, query: Mapping[str, Any] | str, on_unknown: OnUnknown = "refuse") -> Query:
        """Coerce and check a query string or a dict; a parsed `Query` is returned as it is.

        Raises `QueryError` with every finding (Q501 to Q508, Q512).
        """
        if isinstance(query, Query):
            return query
        findings = Findings()
        given = split_query_string(query) if isinstance(query, str) else query
        if not isinstance(given, Mapping):
            message = f"a query is a query string or an object, this is {excerpt(given)}"
            raise QueryError(Diagnostic("Q504", message, pointer=""))
        values = self._coerced(given, findings, on_unknown)
        self._check(values, findings)
        self._check_fields(values, findings)
        findings.raise_as(QueryError)
        values = {n: f.default for n, f in self.resource.parameters.items() if f.default is not None} | values
        values = {name: values[name] for name in self.resource.parameters if name in values}
        cursor, offset = split_cursor(values.get("next_cursor"), values)
        return Query(values, cursor, offset)

    def _coerced(self, given: Mapping[str, Any], findings: Findings, on_unknown: OnUnknown) -> dict[str, Any]:
        values = {}
        for name, value in given.items():
            field = self.resource.parameters.get(name) if isinstance(name, str) else None
            if field is None:
                if on_unknown == "refuse":
                    hint = did_you_mean(str(name), self.resource.parameters)
                    message = f"{self.resource.name} has no query parameter {excerpt(name)}"
                    findings.add("Q502", message, pointer=json_pointer((name,)), hint=hint)
            elif value is not None and (name, value) != ("next_cursor", ""):
                try:
                    values[name] = _coerce(_plain(value), field)
                except (TypeError, ValueError, RecursionError):
                    message = f"{name} is not JSON, or is nested too deeply: {excerpt(value)}"
                    findings.add("Q504", message, pointer=json_pointer((name,)))
                    values[name] = _UNREADABLE
        return values

    def _check(self, values: Mapping[str, Any], findings: Findings) -> None:
        for name, field in self.resource.parameters.items():
            if self.integration in field.required_in and name not in values:
                findings.add("Q503", f"{name} is required by {self.integration}", pointer=json_pointer((name,)))
        for problem in self.schema.problems({n: v for n, v in values.items() if v is not _UNREADABLE}):
            if problem.path:  # which parameters are required depends on the integration: see above
                message = f"{dotted(problem.path)}: {problem.message}"
                if problem.keyword == "additionalProperties":
                    message = f"{dotted(problem.path[:-1])} has no {excerpt(problem.path[-1])}"
                findings.add("Q504", message, pointer=problem.pointer, hint=_hint(problem, values))
        for name, value in values.items():
            if isinstance(value, list) and any(item in ("", {"id": ""}) for item in value):
                findings.add("Q504", f"{name} holds an empty value", pointer=json_pointer((name,)))
        self._check_dates(values, findings)

    def _check_dates(self, values: Mapping[str, Any], findings: Findings) -> None:
        moments = {name: instant(values[name]) for name in self.dates if is_date_time(values.get(name))}
        for name, moment in moments.items():
            if not in_calendar(moment):
                message = f"{name} {values[name]} is outside the years 2 to 9998"
                findings.add("Q504", message, pointer=json_pointer((name,)))
        for start, end in ((period.start, period.end) for period in self.resource.periods):
            if start in moments and end in moments and moments[start] >= moments[end]:
                message = f"{start} {values[start]} is not before {end} {values[end]}"
                hint = f"{start} is included, {end} is not"
                findings.add("Q505", message, pointer=json_pointer((start,)), hint=hint)

    def _check_fields(self, values: Mapping[str, Any], findings: Findings) -> None:
        """Refuse fields that the resource does not have, and choices that exclude each other."""
        known = dict(_declared(self.resource.fields))
        excluded, key = values.get("truto_exclude_fields"), values.get("truto_key_by")
        named = [("truto_exclude_fields", name) for name in (excluded if isinstance(excluded, list) else ())]
        for parameter, name in [*named, ("truto_key_by", key)]:
            if not isinstance(name, str):
                continue  # absent, or refused for its type
            if name not in known:
                message = f"{parameter}: {self.resource.name} has no field {excerpt(name)}"
                hint = did_you_mean(name, known)
                findings.add("Q508", message, pointer=json_pointer((parameter,)), hint=hint)
            elif parameter == "truto_key_by" and known[name].type in ("array", "object"):
                message = f"truto_key_by: {name} has the type {known[name].type}, a key must be a single value"
                findings.add("Q508", message, pointer="/truto_key_by")
        if values.get("truto_response_format") == "stream" and key is not None:
            message = "a stream has one record a line, so it cannot be keyed by truto_key_by"
            findings.add("Q512", message, pointer="/truto_key_by")


def _declared(fields: Mapping[str, Field], prefix: str = "") -> Iterator[tuple[str, Field]]:
    """Every field with its dotted name; the fields of an array's items are below the array."""
    for name, field in fields.items():
        yield prefix + name, field
        yield from _declared(field.below, f"{prefix}{name}.")


def _coerce(value: Any, field: Field) -> Any:
    """The value converted to its field's type; unchanged if it cannot be, for the schema to refuse."""
    match field.type, value:
        case "array", _:
            return [_coerce(item, field.items) for item in _items(value, field)] if field.items else value
        case "object", Mapping() if field.fields:
            return {k: _coerce(v, field.fields[k]) if k in field.fields else v for k, v in value.items()}
        case "object", str() | int() if "id" in field.fields and not isinstance(value, bool):  # names it by its id
            return {"id": _coerce(value, field.fields["id"])}
        case "integer" | "number", str() if _INTEGER.match(value):
            return int(value)
        case "integer", float() if value.is_integer():
            return int(value)
        case "boolean", str():
            return _BOOLEANS.get(value.lower(), value)
        case "string", int() if not isinstance(value, bool):
            return str(value)
    return value


def _plain(value: Any) -> Any:
    """A copy in JSON's own types. Raises `TypeError`, `ValueError` or `RecursionError` if it is not JSON."""
    return json.loads(json.dumps(value, default=_as_dict, allow_nan=False))


def _as_dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value)


def _items(value: Any, field: Field) -> list[Any]:
    """The items of an array parameter, however it was written."""
    if isinstance(value, str) and field.items is not None and field.items.type == "string":
        return [part.strip() for part in value.split(",") if part.strip()]
    return [item for item in value if item is not None] if isinstance(value, (list, tuple)) else [value]


def in_calendar(moment: datetime) -> bool:
    """Whether the day of a moment exists in every time zone."""
    return 1 < moment.year < 9999


def _hint(problem: Problem, values: Mapping[str, Any]) -> str | None:
    value: Any = values
    for part in problem.path:
        value = value[part]
    if problem.keyword != "format" or not isinstance(value, str):
        return None
    if re.match(_LOST_PLUS, value):
        return f"the + of the offset became a space: write {value.replace(' ', '%2B')}"
    return "such as 2026-01-31T00:00:00Z or 2026-01-31T00:00:00%2B01:00" if "T" in value or "-" in value else None
