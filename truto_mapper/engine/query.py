"""Unified query parameters: a query string or a dict → values of the types that the resource declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from truto_mapper.engine.cursor import Question
from truto_mapper.engine.query_string import split_query_string
from truto_mapper.engine.query_values import UnusableError, coerced, filled, plain
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.resource.field import Field
from truto_mapper.resource.generated import query_schema
from truto_mapper.resource.json_schema import Problem, Schema
from truto_mapper.resource.spec import Resource
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt, shortened
from truto_mapper.text.errors import Findings, QueryError
from truto_mapper.text.pointers import dotted, json_pointer
from truto_mapper.text.record import record
from truto_mapper.text.timestamps import in_calendar, instant, is_date_time, rfc_3339

#: What becomes of an unknown query parameter: it is refused (Q502), or left out.
OnUnknown: TypeAlias = Literal["refuse", "ignore"]

#: How many unknown names and invalid values are each reported.
_MAX_NOTED = 20

#: Longer texts are not quoted in hints.
_MAX_SHOWN = 60

#: Marks a value that was refused already.
_UNREADABLE = object()


@record
class Plan:
    """What a query was planned with: the account's settings, the time, and the names of the endpoints that serve it.

    `zone` is the time zone of its whole days, `limit` the most records of a page, `remote_data` whether they keep the
    provider's rows, `question` what its cursors belong to, `raw` whether no records are wanted, `method` that of the
    resource, `first` the number of the first page, or its offset, where `$cursor` is a number.
    """

    settings: dict[str, Any]
    now: str | None
    endpoints: tuple[str, ...]
    zone: str | None
    question: Question
    limit: int | None = None
    remote_data: bool = True
    raw: bool = False
    method: str = "list"
    first: int | None = None

    def __repr__(self) -> str:
        return f"<Plan of {', '.join(self.endpoints)}>"


#: What the pages of a planned query share: the only endpoint that serves it, None unless a reply can only be its; the
#: bindings `context`, `cursor`, `now`, `query`, `id` and `body` of a reply; the provider's cursor that was sent; `zone`
#: and `remote_data` of the plan; whether pages are not cut; the notes; the plan.
Asked: TypeAlias = tuple[
    str | None,
    dict[str, Any],
    Any,
    Any,
    Mapping[str, Any],
    Any,
    Any,
    str | None,
    str | None,
    bool,
    bool,
    tuple[Any, ...],
    Plan,
]


@record
class Query(Mapping[str, Any]):
    """Parsed unified parameters: a read-only mapping of coerced values, defaults filled in.

    `method` is that of the resource, `id` that of the record, `body` the caller's, each None where there is none.
    `remarks` are notes on the parameters (Q508). Planning fills in the rest: what was in its cursor (`cursor` is the
    provider's own, None for the first page; `offset` is how many rows of its page were returned before, `digest` that
    of their ids), `sent` (the request's method, path, params, headers and body), `notes` (the remarks, and those of the
    plan) and `plan`. The first page fills in `asked`, the first one with findings `redaction`.
    """

    __slots__ = ("asked", "redaction")
    if TYPE_CHECKING:
        asked: ClassVar[Asked | None]
        redaction: ClassVar[Any]

    parameters: Mapping[str, Any]
    cursor: str | None = None
    offset: int = 0
    digest: str | None = None
    sent: Mapping[str, Any] | None = None
    notes: tuple[Diagnostic, ...] = ()
    plan: Plan | None = None
    remarks: tuple[Diagnostic, ...] = ()
    method: str = "list"
    id: str | None = None
    body: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)

    def __repr__(self) -> str:
        return f"<Query {', '.join(self.parameters)}>"


def asked_of(
    query: Query | None, plan: Plan, settings: dict[str, Any], now: str | None, identity: str | int | None = None
) -> Asked:
    """What pages share that are mapped with other settings, or at another time, than the query was planned with."""
    is_usual = settings is plan.settings and len(plan.endpoints) == 1 and not plan.raw
    parameters, sent, offset, notes = ({}, None, 0, ()) if query is None else _shared(query)
    names = plan.endpoints[0] if is_usual else None, settings, MISSING if query is None else bound(sent, plan.first)
    one = (identity if identity is None else str(identity), None) if query is None else (query.id, query.body)
    moment, (given, body) = MISSING if now is None else now, (MISSING if part is None else part for part in one)
    is_whole = plan.limit is None and not offset and plan.method == "list"
    parts = parameters, given, body, sent, plan.zone, plan.remote_data, is_whole, notes, plan
    return *names, moment, *parts


def bound(cursor: str | None, first: int | None) -> Any:
    """What `$cursor` is for a provider's cursor; `first` as for `Plan`."""
    if first is None:
        return MISSING if cursor is None else cursor
    return first if cursor is None else int(cursor.partition("/")[0])


def _shared(query: Query) -> tuple[Mapping[str, Any], str | None, int, tuple[Diagnostic, ...]]:
    return query.parameters, query.cursor, query.offset, query.notes


class Parser:
    """Reads the queries of one method of a resource, for one integration. Immutable; safe to share between threads.

    `whole_days` names the parameters that the integration takes as days.
    """

    def __init__(
        self, resource: Resource, integration: str, whole_days: Iterable[str] = (), method: str = "list"
    ) -> None:
        self.resource, self.method = resource, method
        named = resource.parameters_of(method)
        self.parameters = {name: field for name, field in named.items() if resource.is_known(field, integration)}
        self.integration = integration
        ends = [end for period in resource.periods for end in (period.start, period.end)]
        self.dates = tuple(dict.fromkeys([*ends, *whole_days]))
        self.schema = Schema(query_schema(resource, method), generated=True)

    def parse(self, query: Mapping[str, Any] | str, on_unknown: OnUnknown = "refuse") -> Query:
        """Coerce and check a query string or a dict; a parsed `Query` is returned as it is.

        Raises `QueryError` with every finding (Q501 to Q508, Q512). Planning opens the cursor.
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
        values = filled(values, self.parameters)
        values = {name: values[name] for name in self.parameters if name in values}
        return Query(values, remarks=tuple(findings.found), method=self.method)

    def _coerced(self, given: Mapping[str, Any], findings: Findings, on_unknown: OnUnknown) -> dict[str, Any]:
        values: dict[str, Any] = {}
        unknown: list[Any] = []
        for name, value in given.items():
            field = self.parameters.get(name) if isinstance(name, str) else None
            if field is None:
                unknown.append(name)
            elif value is not None and (name, value) != ("next_cursor", ""):
                try:
                    values[name] = coerced(plain(value), field)
                except (UnusableError, RecursionError) as error:
                    why = str(error) if isinstance(error, UnusableError) else "it is nested too deeply"
                    hint = getattr(error, "hint", None)
                    code = "Q506" if name == "next_cursor" and isinstance(value, str) else "Q504"
                    findings.add(code, f"{name}: {why}", pointer=json_pointer((name,)), hint=hint)
                    values[name] = _UNREADABLE
        for name in unknown[:_MAX_NOTED] if on_unknown == "refuse" else ():
            short = shortened(name) if isinstance(name, str) else excerpt(name)
            hint = did_you_mean(short, self.parameters)
            message = f"{self.resource.name} has no query parameter {excerpt(name)}"
            if isinstance(name, str) and name in self.resource.parameters:
                message, hint = self._refused(name), None
            findings.add("Q502", message, pointer=json_pointer((short,)), hint=hint)
        if on_unknown == "refuse" and len(unknown) > _MAX_NOTED:
            findings.add("Q502", f"there are {len(unknown) - _MAX_NOTED:,} more query parameters that do not exist")
        return values

    def _refused(self, name: str) -> str:
        """Why a parameter of the resource does not belong to this query."""
        if name in self.resource.parameters_of(self.method):
            return f"{name} is not supported in {self.integration}"
        return f"`{self.method}` of {self.resource.name} does not take {name}"

    def _check(self, values: Mapping[str, Any], findings: Findings) -> None:
        for name, field in self.parameters.items():
            if self.integration in field.required_in and name not in values and field.default is None:
                findings.add("Q503", f"{name} is required by {self.integration}", pointer=json_pointer((name,)))
        readable = {name: value for name, value in values.items() if value is not _UNREADABLE}
        # Which parameters are required depends on the integration: see above.
        problems = [problem for problem in self.schema.problems(readable) if problem.path]
        for problem in problems[:_MAX_NOTED]:
            message = f"{dotted(problem.path)}: {problem.message}"
            if problem.keyword == "additionalProperties":
                message = f"{dotted(problem.path[:-1])} has no {excerpt(problem.path[-1])}"
            findings.add("Q504", message, pointer=problem.pointer, hint=_hint(problem, values))
        if len(problems) > _MAX_NOTED:
            findings.add("Q504", f"there are {len(problems) - _MAX_NOTED:,} more invalid values")
        for name, value in values.items():
            if isinstance(value, list) and any(item in ("", {"id": ""}) for item in value):
                findings.add("Q504", f"{name} holds an empty value", pointer=json_pointer((name,)))
        self._check_dates(values, findings)
        self._check_limit(values, findings)

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

    def _check_limit(self, values: Mapping[str, Any], findings: Findings) -> None:
        """Refuse a limit that would give no records, whatever the spec allows."""
        declared = self.parameters.get("limit")
        limit = values.get("limit", declared.default if declared else None)
        is_refused = any(found.pointer == "/limit" for found in findings.found)
        if limit is not None and not is_refused and (type(limit) is not int or limit < 1):
            findings.add("Q504", f"limit must be an integer of at least 1, this is {excerpt(limit)}", pointer="/limit")

    def _check_fields(self, values: dict[str, Any], findings: Findings) -> None:
        """Refuse a key that no record has, note fields to leave out that none has, refuse impossible combinations."""
        known = dict(_declared(self.resource.fields))
        key, excluded = values.get("truto_key_by"), values.get("truto_exclude_fields")
        if isinstance(key, str):
            self._check_key(key, known, findings)
        if isinstance(excluded, list) and all(isinstance(name, str) for name in excluded):
            names = dict.fromkeys(excluded)
            self._note_unknown([name for name in names if name not in known], known, findings)
            values["truto_exclude_fields"] = [name for name in names if name in known]
        if values.get("truto_response_format") == "stream" and key is not None:
            message = "a stream has one record a line, so it cannot be keyed by truto_key_by"
            findings.add("Q512", message, pointer="/truto_key_by")

    def _check_key(self, name: str, known: Mapping[str, tuple[Field, bool]], findings: Findings) -> None:
        field, in_array = known.get(name, (None, False))
        message, hint = f"truto_key_by: {self.resource.name} has no field {excerpt(name)}", did_you_mean(name, known)
        if field is not None:
            why = f"has the type {field.type}" if field.type in ("array", "object") else "is in an array"
            message, hint = f"truto_key_by: {name} {why}, a key must be a single value", None
        if field is None or in_array or field.type in ("array", "object"):
            findings.add("Q508", message, pointer="/truto_key_by", hint=hint)

    def _note_unknown(self, names: Sequence[str], known: Iterable[str], findings: Findings) -> None:
        """A note on each field to leave out that the resource does not have; it changes nothing."""
        for name in names[:_MAX_NOTED]:
            message = f"truto_exclude_fields: {self.resource.name} has no field {excerpt(name)}, so nothing is left out"
            hint = "write one name in each item" if "," in name else did_you_mean(shortened(name), known)
            findings.add("Q508", message, severity="note", pointer="/truto_exclude_fields", hint=hint)
        if len(names) > _MAX_NOTED:
            message = f"truto_exclude_fields: {len(names) - _MAX_NOTED:,} more names are no fields of it, either"
            findings.add("Q508", message, severity="note", pointer="/truto_exclude_fields")


def _declared(
    fields: Mapping[str, Field], prefix: str = "", *, in_array: bool = False
) -> Iterator[tuple[str, tuple[Field, bool]]]:
    """Every field with its dotted name, and whether it is in an array: the fields of items are below the array."""
    for name, field in fields.items():
        yield prefix + name, (field, in_array)
        yield from _declared(field.below, f"{prefix}{name}.", in_array=in_array or field.type == "array")


def _hint(problem: Problem, values: Mapping[str, Any]) -> str | None:
    value: Any = values
    for part in problem.path:
        value = value[part]
    if problem.keyword != "format" or not isinstance(value, str):
        return None
    return date_time_hint(value)


def date_time_hint(text: str) -> str | None:
    """How to write a text that was meant as a date-time."""
    short = text[:_MAX_SHOWN]
    before, _, offset = short.rpartition(" ")
    if rfc_3339(f"{before}+{offset}"):
        return f"the + of the offset became a space: write {before}%2B{offset}"
    if rfc_3339(f"{short}T00:00Z"):
        return f"a day is not a moment: write {short}T00:00:00Z, or another time and offset"
    if rfc_3339(f"{short}Z"):
        return f"the offset is missing: write {short}Z or {short}%2B01:00"
    if rfc_3339(joined := short.replace(" ", "T", 1)):
        return f"write {joined}"
    return "such as 2026-01-31T00:00:00Z or 2026-01-31T00:00:00%2B01:00" if "T" in text or "-" in text else None
