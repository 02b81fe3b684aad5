"""A provider's reply: which endpoint it comes from, its next cursor and its time zone, or why it is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine import requests
from truto_mapper.engine.cursor import Cursors
from truto_mapper.engine.query import Plan, Query
from truto_mapper.engine.requests import value_of
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import MISSING, Budget, truthy
from truto_mapper.language.runtime.writing import string
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import Csv, Endpoint
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text.diagnostics import Diagnostic, excerpt, printable, shortened
from truto_mapper.text.errors import EvaluationError, ProviderError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.record import record, replace
from truto_mapper.text.timestamps import has_offset_of, is_time_zone, offset_at, same_zone

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Fused
    from truto_mapper.engine.page import Response
    from truto_mapper.engine.source_types import Reading, SourceTypes
    from truto_mapper.language.trace import Trace

#: How many characters of a provider's words a message quotes, and how many texts of a list.
MAX_SAID = 500
MAX_LINES = 10

#: RFC 9110, section 15.3.5.
NO_CONTENT = 204

#: The values of a reply's variables, in the order of `linked.REPLY`.
Bindings: TypeAlias = tuple[Any, ...]
RESPONSE = linked.REPLY.index("response")


class PageBudget(Budget):
    """The time and the memory of a page, and what its joins gave: nothing here, see `JoinedBudget`."""

    #: The rows of each join by their keys, the replies of each that ran, and what is noteworthy about them.
    joined: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    replies: Mapping[str, Sequence[Response]] | None = None
    notes: Sequence[Diagnostic] = ()

    @property
    def names(self) -> dict[str, Any]:
        """What is bound for expressions of records, and for those who look for the places of values."""
        return {"joined": {}}


@record
class Replies:
    """Reads the replies to one mapping.

    `functions` has the function of each endpoint by name; `unplanned` is the plan of a reply without a query, by
    method; `forms` has the form of each endpoint that replies in CSV, by name. Records have a `schema`, and `cursors`
    seal where their pages end. `unknown` is filled with what a page without its query does not know, by the name of the
    endpoint; a `trace` notes every evaluation. `are_stored` if pages are to have the findings about each rejected
    row, and records that only become columns.
    """

    mapping: linked.Mapping
    functions: Mapping[str, Fused]
    unplanned: Mapping[str, Plan]
    forms: Mapping[str, Csv]
    schema: Schema
    cursors: Cursors
    unknown: dict[str, list[Diagnostic]]
    trace: Trace | None = None
    are_stored: bool = False

    def scope(self, bindings: Bindings, budget: PageBudget) -> Scope:
        names = dict(zip(linked.REPLY, bindings, strict=True))
        names |= budget.names
        return Scope(bindings[RESPONSE], names, trace=self.trace, budget=budget)

    def recognised(
        self, bindings: Bindings, plan: Plan, found: list[Diagnostic], budget: PageBudget
    ) -> tuple[Fused | None, Sequence[Any]]:
        """The function of the endpoint whose reply this is, and what `Fused.reply` gives.

        For a reply whose records are not wanted, None and the name of the endpoint with the next cursor; for one that
        means no records, None and nothing.
        Adds to `found` what is noteworthy: P603, P608, P609. Raises `ProviderError` P601 to P603.
        """
        settings, _, _, _, _, body, status, *_ = bindings
        names: Sequence[str] = plan.endpoints
        if plan.settings is not settings and not self._is_unplanned(plan) and plan.settings != settings:
            names = [one.name for one in requests.serving(self.mapping, self.scope(bindings, budget), plan.method)]
        if status != 200 and not 200 <= status < 300:
            found.append(self._refused(names, self.scope(bindings, budget), plan))
            return None, ()
        if plan.raw or plan.method == "delete":
            return None, self._unmapped(names[0], self.scope(bindings, budget), found, plan)
        if body is None:
            found.append(self._without_body(names, self.scope(bindings, budget), plan))
            return None, ()
        if body.__class__ is not dict and not isinstance(body, (dict, list)):
            raise ProviderError(_no_rows(body))
        for name in names:
            fused = self.functions[name]
            fast = self._generated(fused, bindings, budget)
            reply = self._recognise(fused.endpoint, self.scope(bindings, budget)) if fast is None else fast
            if reply[0] is True or truthy(reply[0]):
                if self._is_unplanned(plan):
                    found += self._unasked(fused.endpoint)
                return fused, reply
        return self._unrecognised(names, bindings, plan, found, budget)

    def _generated(self, fused: Fused, bindings: Bindings, budget: PageBudget) -> Sequence[Any] | None:
        """What the generated code makes of a reply; None where that cannot tell."""
        is_taken = bindings[RESPONSE].__class__ is not list or fused.takes_array
        return fused.reply(bindings, budget) if is_taken and self.trace is None else None

    def form_of(self, plan: Plan) -> Csv | None:
        """The form of the reply that a plan asks for, None for JSON; without a query that of any CSV."""
        names = plan.endpoints if self._is_unplanned(plan) else plan.endpoints[:1]
        return next((self.forms[name] for name in names if name in self.forms), None)

    def _is_unplanned(self, plan: Plan) -> bool:
        return plan is self.unplanned.get(plan.method)

    def _unmapped(self, name: str, scope: Scope, found: list[Diagnostic], plan: Plan) -> tuple[str, Any]:
        """The name of the endpoint and the next cursor of a reply whose records nobody looks at.

        An expression that fails is a warning in `found`. Raises `ProviderError` P601.
        """
        endpoint = next(one for one in self.mapping.endpoints if one.name == name)
        if not isinstance(scope.data, (dict, list)):
            is_empty = scope.data is None and (not plan.raw or self._is_end([name], scope, plan))
            is_told = not is_empty and (plan.raw or endpoint.error_when is not None)
            found += [replace(_no_rows(scope.data), severity="warning")] if is_told else []
            return name, MISSING
        failed, cursor = (_tried(one, scope, found) for one in (endpoint.error_when, endpoint.next_cursor))
        if truthy(failed):
            raise refusal(self.mapping, scope)
        found += [replace(one, severity="warning") for one in self._unreachable(endpoint, scope)]
        return name, cursor

    def _named(self, names: Sequence[str]) -> list[Endpoint]:
        return [one for one in self.mapping.endpoints if one.name in names]

    def _is_empty(self, names: Sequence[str], scope: Scope) -> bool:
        """Whether a reply means no records (empty_when)."""
        return any(truthy(value_of(one.empty_when, scope, failing=MISSING)) for one in self._named(names))

    def _is_end(self, names: Sequence[str], scope: Scope, plan: Plan) -> bool:
        """Whether an answer without a body means no records: `empty_when` says so, or no content follows a page."""
        is_further = scope.bindings["status"] == NO_CONTENT and not _is_first(scope, plan)
        return is_further or self._is_empty(names, scope)

    def _without_body(self, names: Sequence[str], scope: Scope, plan: Plan) -> Diagnostic:
        """The note on an answer without a body that means no records. Raises `ProviderError` P602 for any other."""
        status = scope.bindings["status"]
        if not self._is_end(names, scope, plan):
            message, hint = f"the provider's answer is empty (status {status})", f"`empty_when: $status = {status}`"
            raise ProviderError(Diagnostic("P602", message, hint=f"if that means no records, write {hint}"))
        return Diagnostic("P608", f"no records: the provider's answer is empty (status {status})", "note")

    def _refused(self, names: Sequence[str], scope: Scope, plan: Plan) -> Diagnostic:
        """The note on a refusal of the first page that means no records (empty_when). Raises any other refusal."""
        refused = refusal(self.mapping, scope)
        if not _is_first(scope, plan) or not self._is_empty(names, scope):
            raise refused
        told = f" (request {refused.request_id})" if refused.request_id else ""
        return Diagnostic("P608", f"no records: {refused.diagnostics[0].message}{told}", "note")

    def _recognise(self, endpoint: Endpoint, scope: Scope) -> Sequence[Any]:
        """What `Fused.reply` gives, one expression after the other."""
        if self.trace is not None:
            self.trace.names = dict(scope.bindings)
        return self._read(endpoint, scope) if _is_of(endpoint, scope) else (False,)

    def _read(self, endpoint: Endpoint, scope: Scope) -> Sequence[Any]:
        """The same for a reply that is taken for the endpoint's, with False for rows that are still to be found.

        Raises `ProviderError` P601 for a failure (error_when).
        """
        if self.trace is not None:
            self.trace.endpoint = endpoint.name
            paging(endpoint, scope)  # so that it can be explained, and counts as covered
        if self._has_failed(endpoint, scope):
            raise refusal(self.mapping, scope)
        if wrong := self._unreachable(endpoint, scope):
            raise ProviderError(wrong)
        if isinstance(scope.data, list) and not endpoint.for_each:
            raise ProviderError(_no_loop(endpoint, scope.data))
        cursor, zone = value_of(endpoint.next_cursor, scope), value_of(endpoint.time_zone, scope)
        return True, cursor, zone, False, None

    def _unreachable(self, endpoint: Endpoint, scope: Scope) -> list[Diagnostic]:
        """P602 for each value of another type than its schema declares: the reply, or above what the page reads."""
        types = self.functions[endpoint.name].types
        return of_other_types(types, [one for one, _ in types.above_cursor], scope.data)

    def _has_failed(self, endpoint: Endpoint, scope: Scope) -> bool:
        """Whether a reply is a failure (error_when). An expression that fails must not hide what the provider said."""
        try:
            return truthy(value_of(endpoint.error_when, scope))
        except EvaluationError as error:
            raise refusal(self.mapping, scope, *error.diagnostics) from None

    def _unrecognised(
        self, names: Sequence[str], bindings: Bindings, plan: Plan, found: list[Diagnostic], budget: PageBudget
    ) -> tuple[Fused, Sequence[Any]]:
        """Take a reply that no endpoint recognises for one of the first endpoint asked, if it has any of its names."""
        scope, fused = self.scope(bindings, budget), self.functions[names[0]]
        if any(self._has_failed(one, scope) for one in self._named(names)):
            raise refusal(self.mapping, scope)
        known = [one for one in self.mapping.endpoints if _is_plainly_of(one, scope)]
        if not known and isinstance(scope.data, list):
            self._refuse_array(names, scope)
        if known or self._is_unplanned(plan):
            raise _foreign(known, names)
        if not _has_some(fused.endpoint, scope.data):
            raise _stranger(fused.endpoint, scope.data)
        message = f"the provider's answer has no records that {names[0]} recognises"
        found.append(Diagnostic("P603", message, "warning", pointer=""))
        fast = self._generated(fused, bindings, budget)
        return fused, self._read(fused.endpoint, scope) if fast is None else fast

    def _refuse_array(self, names: Sequence[str], scope: Scope) -> None:
        """Raise `ProviderError` P602 for an array where an endpoint has no loop, or its schema declares no array."""
        wrong = [_no_loop(one, scope.data) for one in self._named(names) if not one.for_each]
        for name in names:
            wrong += [one for one in self._unreachable(self.functions[name].endpoint, scope) if not one.pointer]
        if wrong:
            raise ProviderError(wrong[0])

    def _unasked(self, endpoint: Endpoint) -> list[Diagnostic]:
        """A note (P609) on a page without its query, if the endpoint's expressions read the query."""
        if endpoint.name not in self.unknown:
            from truto_mapper.engine.reply_names import query_names  # noqa: PLC0415  # for the first such page

            names = ", ".join(query_names(endpoint))
            message = f"the reply was mapped without its query, from which {endpoint.name} reads {names}"
            note = Diagnostic("P609", message, "note", hint="give the query that the reply answers")
            self.unknown[endpoint.name] = [note] if names else []
        return self.unknown[endpoint.name]


def _is_first(scope: Scope, plan: Plan) -> bool:
    """Whether a reply is that to a first page."""
    cursor = scope.bindings["cursor"]
    return cursor is MISSING or (plan.first is not None and cursor == plan.first)


def has_joins(fused: Fused, replies: Replies, given: Bindings, budget: PageBudget) -> bool:
    """Whether a page is mapped with the joins that it needs, as far as that is known without its rows."""
    if given[0] is fused.quiet or budget.replies is not None:
        return True
    page = replies.scope(given, budget)
    if not all(one.is_setting and not truthy(value_of(one.run_if, page)) for one in fused.joins):
        return False
    fused.quiet = given[0]
    return True


def _is_of(endpoint: Endpoint, scope: Scope, *, failing: Any = None) -> bool:
    """Whether a reply is an endpoint's: it says so, or else its outermost for_each finds something."""
    if endpoint.recognise is not None:
        return truthy(value_of(endpoint.recognise, scope, failing=failing))
    if endpoint.for_each:
        return value_of(endpoint.for_each[0][1], scope, failing=failing) is not MISSING
    return (endpoint.method in linked.WITH_BODY and scope.data == {}) or _has_some(endpoint, scope.data)


def _is_plainly_of(endpoint: Endpoint, scope: Scope) -> bool:
    """Whether a reply is an endpoint's, and would not be if it were anything, or nothing."""
    is_told = endpoint.recognise is not None or endpoint.for_each or (scope.data and not _has_some(endpoint, {}))
    return bool(is_told) and _is_of(endpoint, scope, failing=MISSING)


def _has_some(endpoint: Endpoint, body: Any) -> bool:
    from truto_mapper.engine.reply_names import has_some  # noqa: PLC0415  # only a reply that is not recognised needs it

    return has_some(endpoint, body)


def _tried(expression: Expression | None, scope: Scope, found: list[Diagnostic]) -> Any:
    """An expression's value; MISSING after a failure, which becomes a warning."""
    try:
        return value_of(expression, scope)
    except EvaluationError as error:
        if scope.budget is not None and scope.budget.is_exhausted:
            raise
        found += [replace(one, severity="warning") for one in error.diagnostics]
        return MISSING


def refusal(mapping: linked.Mapping, scope: Scope, *more: Diagnostic) -> ProviderError:
    """The provider's error, as the mapping's error_mapping reads it; 502 if its own status is no error (4xx or 5xx)."""
    body, status = scope.data, scope.bindings["status"]
    said = {name: value_of(one, scope, failing=MISSING) for name, one in mapping.errors.items()}
    message, hint, retry = (said.get(name) for name in ("message", "hint", "retry_after"))
    text = _words(message) or (excerpt(body) if body is not None else "(no body)")
    hint = shortened(hint, MAX_SAID) if isinstance(hint, str) else None
    is_number = isinstance(retry, (int, float)) and not isinstance(retry, bool)
    return ProviderError(
        [Diagnostic("P601", f"{mapping.integration} answered {status}: {text}", hint=hint), *more],
        status=status if 400 <= status < 600 else ProviderError.unreadable,
        retry_after=math.ceil(retry) if is_number and 0 <= retry < 2**53 else None,  # type: ignore[arg-type, operator]
        request_id=_words(said.get("request_id")) or None,
    )


def _words(said: Any) -> str:
    """What a provider says, as a message quotes it: the texts of a list, each cut, and the first of them."""
    lines = [one for one in (said if isinstance(said, list) else [said]) if one and one is not MISSING]
    shown = [printable(one[:MAX_SAID]) if isinstance(one, str) else excerpt(one, MAX_SAID) for one in lines[:MAX_LINES]]
    more = [f"and {len(lines) - MAX_LINES} more"] if len(lines) > MAX_LINES else []
    return shortened("; ".join([*shown, *more]), MAX_SAID)


def _no_rows(body: Any) -> Diagnostic:
    message = f"the provider's answer must be a JSON object or array, this is {excerpt(body)}"
    return Diagnostic("P602", message, pointer="")


def _no_loop(endpoint: Endpoint, body: list[Any]) -> Diagnostic:
    message = f"the provider's answer is an array, and {endpoint.name} has no `for_each`: {excerpt(body)}"
    return Diagnostic("P602", message, pointer="", hint="`for_each: {row: $}` makes each of its items a row")


def _stranger(endpoint: Endpoint, body: Any) -> ProviderError:
    """The error for a reply with nothing that an endpoint reads."""
    has = f"it has {_words(list(body))}" if body else "it is empty"
    has = f"it is an array: {excerpt(body)}" if isinstance(body, list) else has
    message = f"the provider's answer has nothing that {endpoint.name} reads: {has}"
    return ProviderError(Diagnostic("P603", message, pointer="", hint="is it a reply of another API or version?"))


def _foreign(known: list[Endpoint], names: Sequence[str]) -> ProviderError:
    """The error for a reply of another endpoint, or of no endpoint."""
    if known:
        message = f"this is a reply of {known[0].name}, but the query is served by {names[0]}"
        return ProviderError(Diagnostic("P603", message, pointer="", hint="map it with the query it answers"))
    message = f"the payload is not recognised as a reply of any endpoint ({', '.join(sorted(names))})"
    return ProviderError(Diagnostic("P603", message, pointer="", hint="give the query that it answers"))


def paging(endpoint: Endpoint, scope: Scope) -> tuple[int | None, Any, int | None]:
    """How many rows of the outermost `for_each` a reply has, its number, and the total; None for what is unknown."""
    outer = _rows(endpoint.for_each[0][1], scope) if endpoint.for_each else MISSING
    rows = outer if isinstance(outer, list) else [] if outer is MISSING else [outer]
    number, total = (value_of(one, scope, failing=MISSING) for one in (endpoint.page_number, endpoint.total))
    is_number = isinstance(number, (int, float, str)) and not isinstance(number, bool)
    is_total = isinstance(total, (int, float)) and not isinstance(total, bool)
    return sum(one is not None for one in rows), number if is_number else None, int(total) if is_total else None


def _rows(loop: Expression, scope: Scope) -> Any:
    """What a loop finds. Its rows are only counted: they may be bytes, which are no values to pass on."""
    try:
        return loop.evaluate_in(scope)
    except EvaluationError:
        return MISSING


def of_other_types(types: SourceTypes, readings: Iterable[Reading], body: Any) -> list[Diagnostic]:
    """P602 for each value of a reply that is read and has another type than its schema declares."""
    wrong = [one for reading in readings for one in types.mismatches(reading, body, ())]
    return [Diagnostic("P602", str(one), pointer=json_pointer(one.path)) for one in wrong]


def next_cursor(
    value: Any, fused: Fused, query: Query | None, body: Any, found: list[Diagnostic], *, is_raw: bool = False
) -> tuple[str | None, bool]:
    """The provider's next cursor as text, and whether it is the one that was sent.

    Raises as `_cursor_text` does; for a raw page that is a warning.
    """
    if value is MISSING or value is None or (isinstance(value, str) and not value):
        return None, False
    if not isinstance(value, str):
        try:
            value = _cursor_text(value, fused, body)
        except (EvaluationError, ProviderError) as error:
            if not is_raw:
                raise
            found += [replace(one, severity="warning") for one in error.diagnostics]
            return None, False
    if query is None or value != query.cursor:
        return str(value), False
    found.append(Diagnostic("P604", "the provider returned the cursor it was sent; there is no next page", "warning"))
    return None, True


def _cursor_text(value: Any, fused: Fused, body: Any) -> str:
    """A cursor that is a number, as text.

    Raises `ProviderError` P602 for a value that the provider gave, `EvaluationError` D406 for one that the mapping
    computed.
    """
    expression = fused.endpoint.next_cursor
    assert expression is not None  # noqa: S101  # for mypy: without one there is no value
    if wrong := of_other_types(fused.types, fused.types.readings(expression), body):
        raise ProviderError(wrong)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(string(None, value))
    from truto_mapper.language.names import is_simple_path  # noqa: PLC0415  # only a mistake needs it

    if is_simple_path(expression.node) and not isinstance(value, bool):
        raise ProviderError(Diagnostic("P602", f"the provider's cursor must be text, this is {excerpt(value)}"))
    message = f"`next_cursor` must give a text or a number, this is {excerpt(value)}"
    hint = "it is the cursor itself, and nothing on the last page: `… ? …`" if isinstance(value, bool) else None
    raise EvaluationError(expression.diagnostic("D406", message, hint=hint))


def zone_notes(zone: Any, plan: Plan, days: linked.WholeDays | None) -> list[Diagnostic]:
    """A warning if the reply names another time zone than the one its days were planned in."""
    if zone is None or plan.zone is None:
        return []
    if isinstance(zone, str) and same_zone(zone, plan.zone):
        return []
    message = f"the reply's time zone is {excerpt(zone)}, the days were planned in {plan.zone}"
    setting = None if days is None else days.setting
    hint = f"set the context's {setting} to {zone}" if setting and is_time_zone(zone) else None
    return [Diagnostic("P605", message, "warning", hint=hint)]


def offset_notes(
    records: Sequence[Mapping[str, Any]], plan: Plan, endpoint: Endpoint, days: linked.WholeDays | None
) -> list[Diagnostic]:
    """A warning if a date-time of the records has another UTC offset than the zone that the days were planned in.

    For an endpoint that says in which zone its days are, `zone_notes` compares that.
    """
    zone = plan.zone
    if zone is None or days is None or endpoint.time_zone is not None:
        return []
    for name in days.offsets:
        for text in {one.get(name): None for one in records}:
            if text is not None and not has_offset_of(text, zone):
                return [_misplaced(name, text, zone, days)]
    return []


def _misplaced(name: str, text: str, zone: str, days: linked.WholeDays | None) -> Diagnostic:
    there = offset_at(text, zone)
    message = f"{name} {excerpt(text)} is not in {zone}, where the days were planned: its offset is {there} then"
    setting = None if days is None else days.setting
    hint = f"set the context's {setting} to the time zone of the reply's days" if setting else None
    return Diagnostic("P605", message, "warning", hint=hint)
