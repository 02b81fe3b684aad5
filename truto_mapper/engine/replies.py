"""A provider's reply: which endpoint it comes from, its next cursor and its time zone, or why it is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine import rendering, requests
from truto_mapper.engine.query import Plan, Query
from truto_mapper.engine.requests import value_of
from truto_mapper.language.expression import Scope
from truto_mapper.language.runtime.values import MISSING, Budget, truthy
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import ProviderError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.timestamps import is_time_zone, same_zone

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Fused
    from truto_mapper.language.trace import Trace

#: The values of a reply's variables, in the order of `linked.REPLY`.
Bindings: TypeAlias = tuple[Any, ...]


def read(body: bytes | bytearray, status: int) -> Any:
    """A body as JSON; that of a refusal as text if it is not JSON. Raises `ProviderError` P602."""
    try:
        return rendering.loads(body)
    except (ValueError, RecursionError) as error:
        if not 200 <= status < 300:
            return bytes(body).decode(errors="replace") or None
        start = excerpt(bytes(body[:80]).decode(errors="replace"))
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error).removesuffix(" (char 0)")
        found = Diagnostic("P602", f"the provider's answer cannot be read as JSON ({why}): {start}")
        raise ProviderError(found) from None


@dataclass(frozen=True, slots=True)
class Replies:
    """Reads the replies to one mapping.

    `functions` has the function of each endpoint by name; `unplanned` is the plan of a reply without a query; a
    `trace` notes every evaluation.
    """

    mapping: linked.Mapping
    functions: Mapping[str, Fused]
    unplanned: Plan
    trace: Trace | None = None

    def scope(self, bindings: Bindings, budget: Budget) -> Scope:
        return Scope(bindings[-2], dict(zip(linked.REPLY, bindings, strict=True)), trace=self.trace, budget=budget)

    def recognised(
        self, bindings: Bindings, plan: Plan, found: list[Diagnostic], budget: Budget
    ) -> tuple[Fused | None, Sequence[Any]]:
        """The function of the endpoint whose reply this is, None for one without records, and what `Fused.reply` gives.

        Adds a warning to `found` for a reply that is not recognised. Raises `ProviderError` P601 to P603.
        """
        body, status = bindings[-2:]
        names = plan.endpoints
        if plan is not self.unplanned and plan.settings is not bindings[0] and plan.settings != bindings[0]:
            serving = requests.serving(self.mapping, self.scope(bindings, budget))
            names = tuple(one.name for one in serving)
        if not 200 <= status < 300:
            self._raise_refusal(names, self.scope(bindings, budget))
            return None, ()
        if not isinstance(body, dict):
            message = f"the provider's answer must be a JSON object, this is {excerpt(body)}"
            raise ProviderError(Diagnostic("P602", message, pointer=""))
        for name in names:
            fused = self.functions[name]
            fast = fused.reply(bindings, budget) if self.trace is None else None
            reply = self._recognise(fused.endpoint, self.scope(bindings, budget)) if fast is None else fast
            if reply[0] is True or truthy(reply[0]):
                return fused, reply
        return self._unrecognised(names, bindings, plan, found, budget)

    def _raise_refusal(self, names: Sequence[str], scope: Scope) -> None:
        """Raise what the provider says, unless it means no records (empty_when)."""
        endpoints = [one for one in self.mapping.endpoints if one.name in names]
        if not any(truthy(value_of(one.empty_when, scope, failing=MISSING)) for one in endpoints):
            raise _refusal(self.mapping, scope)

    def _recognise(self, endpoint: Endpoint, scope: Scope) -> Sequence[Any]:
        """What `Fused.reply` gives, one expression after the other."""
        if self.trace is not None:
            self.trace.names = dict(scope.bindings)
        return self._read(endpoint, scope) if truthy(value_of(endpoint.recognise, scope)) else (False,)

    def _read(self, endpoint: Endpoint, scope: Scope) -> Sequence[Any]:
        """The same for a reply that is taken for the endpoint's, with False for rows that are still to be found."""
        if self.trace is not None:
            self.trace.endpoint = endpoint.name
            paging(endpoint, scope)  # so that it can be explained, and counts as covered
        types = self.functions[endpoint.name].types
        wrong = [one for reading in types.above_cursor for one in types.mismatches(reading, scope.data, ())]
        if wrong:
            raise ProviderError([Diagnostic("P602", str(one), pointer=json_pointer(one.path)) for one in wrong])
        return True, value_of(endpoint.next_cursor, scope), value_of(endpoint.time_zone, scope), False, None

    def _unrecognised(
        self, names: Sequence[str], bindings: Bindings, plan: Plan, found: list[Diagnostic], budget: Budget
    ) -> tuple[Fused, Sequence[Any]]:
        """Take a reply that no endpoint recognises for one of the first endpoint that was asked."""
        scope, fused = self.scope(bindings, budget), self.functions[names[0]]
        known = [one for one in self.mapping.endpoints if truthy(value_of(one.recognise, scope))]
        if known or plan is self.unplanned:
            raise _foreign(known, names)
        if any(one.recognise is not None for one in self.mapping.endpoints if one.name in names):
            message = f"the provider's answer has no records that {names[0]} recognises"
            found.append(Diagnostic("P603", message, "warning", pointer=""))
        fast = fused.reply(bindings, budget) if self.trace is None else None
        return fused, self._read(fused.endpoint, scope) if fast is None else fast


def _refusal(mapping: linked.Mapping, scope: Scope) -> ProviderError:
    """The provider's error, as the mapping's error_mapping reads it."""
    body, status = scope.data, scope.bindings["status"]
    said = {name: value_of(one, scope, failing=MISSING) for name, one in mapping.errors.items()}
    message, hint = said.get("message"), said.get("hint")
    lines = [str(line) for line in (message if isinstance(message, list) else [message]) if line]
    text = "; ".join(lines) if lines else excerpt(body) if body is not None else "(no body)"
    retry, request_id = said.get("retry_after"), said.get("request_id")
    return ProviderError(
        Diagnostic(
            "P601", f"{mapping.integration} answered {status}: {text}", hint=hint if isinstance(hint, str) else None
        ),
        status=status,
        retry_after=int(retry) if isinstance(retry, (int, float)) and 0 <= retry < 2**53 else None,
        request_id=request_id if isinstance(request_id, str) else None,
    )


def _foreign(known: list[Endpoint], names: Sequence[str]) -> ProviderError:
    """The error for a reply of another endpoint, or of no endpoint."""
    if known:
        message = f"this is a reply of {known[0].name}, but the query is served by {names[0]}"
        return ProviderError(Diagnostic("P603", message, pointer="", hint="map it with the query it answers"))
    message = f"the payload is not recognised as a reply of any endpoint ({', '.join(names)})"
    return ProviderError(Diagnostic("P603", message, pointer="", hint="give the query that it answers"))


def paging(endpoint: Endpoint, scope: Scope) -> tuple[int | None, Any, int | None]:
    """How many rows of the outermost `for_each` a reply has, its number, and the total; None for what is unknown."""
    outer = value_of(endpoint.for_each[0][1], scope, failing=MISSING) if endpoint.for_each else MISSING
    rows = outer if isinstance(outer, list) else [] if outer is MISSING else [outer]
    number, total = (value_of(one, scope, failing=MISSING) for one in (endpoint.page_number, endpoint.total))
    is_number = isinstance(number, (int, float, str)) and not isinstance(number, bool)
    is_total = isinstance(total, (int, float)) and not isinstance(total, bool)
    return sum(one is not None for one in rows), number if is_number else None, int(total) if is_total else None


def next_cursor(value: Any, query: Query | None, found: list[Diagnostic]) -> tuple[str | None, bool]:
    """The provider's next cursor, and whether it is the one that was sent. Raises `ProviderError` P602."""
    if value is MISSING or value is None or (isinstance(value, str) and not value):
        return None, False
    if not isinstance(value, str):
        raise ProviderError(Diagnostic("P602", f"the provider's cursor must be text, this is {excerpt(value)}"))
    if query is None or value != query.cursor:
        return value, False
    found.append(Diagnostic("P604", "the provider returned the cursor it was sent; there is no next page", "warning"))
    return None, True


def zone_notes(zone: Any, plan: Plan, days: linked.WholeDays | None) -> list[Diagnostic]:
    """A warning if the reply names another time zone than the one its days were planned in."""
    if zone is MISSING or zone is None or plan.zone is None:
        return []
    if isinstance(zone, str) and same_zone(zone, plan.zone):
        return []
    message = f"the reply's time zone is {excerpt(zone)}, the days were planned in {plan.zone}"
    setting = None if days is None else days.setting
    hint = f"set the context's {setting} to {zone}" if setting and is_time_zone(zone) else None
    return [Diagnostic("P605", message, "warning", hint=hint)]
