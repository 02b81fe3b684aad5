"""The days of a request: rounded as `whole_days` says, in its time zone."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from collections.abc import Mapping as Map
from typing import Final

from truto_mapper.authoring.check import slips
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.shared import requested
from truto_mapper.authoring.sources import parameter_of
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import bound_values, is_simple_path, leading_names
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import OF_REQUESTS, Endpoint, every, expressions, leaves, of_requests
from truto_mapper.text.diagnostics import Diagnostic, either
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Span

#: The functions that make days, and what `whole_days` calls them.
_ROUNDING: Final[Map[str, tuple[str, ...]]] = {"floorDate": ("floor",), "ceilDate": ("ceil", "ceil_until_today")}
#: The parts of a picture that read a time, or a zone.
_OF_TIME: Final = re.compile(r"\[[HhmsfZz]")
_ENDS_IN_UTC: Final = re.compile(r"\][^\[\]]*Z$")
_OFFSET: Final = re.compile(r"[+-]\d\d:?\d\d")
_IN_UTC: Final = re.compile(r"\bUTC\b")
_NOW: Final = nodes.Variable(Span(0, 0), "now")


def misrounded(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C243: parameters that are counted in another zone than `whole_days` says, or are no days where they are sent."""
    endpoint, mapping = typed.endpoint, typed.mapper.mapping
    days = mapping.whole_days
    if days is None:
        return
    others = mapping.resource.parameters.keys() - days.parameters.keys()
    moments = {id(one) for path, _, one in leaves(endpoint.body) if _takes_moment(endpoint, path)}
    for key, one in every(endpoint):
        calls = list(_calls(one)) if "Date" in one.text else []
        known = [call for call in calls if call.parameter in days.parameters]
        if key in OF_REQUESTS:
            yield from (_unsaid(one, call) for call in calls if call.parameter in others)
        for call in calls:
            if call in known or call.arguments[:1] == (_NOW,):
                yield from _zone(one, call, days.time_zone)
        for call in known:
            yield from _rounding(one, call, days.parameters[call.parameter], is_sent=key in OF_REQUESTS)
        if key in OF_REQUESTS and len(known) == len(calls) and id(one) not in moments:
            yield from _unrounded(one, days.parameters, {call.parameter for call in calls})


class _Zoned(NamedTuple):
    """A call that reads or makes a date in a zone: what else has to be alike, and the zone, None without one."""

    expression: Expression
    node: nodes.Call
    kind: tuple[Hashable, ...]
    zone: nodes.Node | None


#: How functions of dates are written, and what gives a date a zone.
_ZONED = ("$dtFrom", "Date(", "$fromMillis")
_LACKING: Final[Map[Hashable, str]] = {
    "dtFromFormat": 'add `{{"zone": {}}}`',
    "dtFromIso": "add `, {}`",
    "day": "write `$floorDate(…, {})`",
}


def other_zones(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C243: the only date of a record, or of a request, that is read or made in another zone than those beside it."""
    made = [*(one for _, one in typed.endpoint.let), *expressions(typed.endpoint.response)]
    for some in (made, of_requests(typed.endpoint)):
        alike: dict[tuple[Hashable, ...], list[_Zoned]] = {}
        for one in (each for expression in some for each in _zoned(expression)):
            alike.setdefault(one.kind, []).append(one)
        for group in alike.values():
            yield from _odd_zone(group)


def shifted_times(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C243: a day without a time in another zone than UTC, where it begins, and times with an offset of others."""
    for _, one in every(typed.endpoint):
        for node in one.below if "&" in one.text or "$fromMillis(" in one.text else ():
            match node:
                case nodes.Call(
                    procedure=nodes.Variable(name="fromMillis"),
                    arguments=(moment, nodes.String(value=picture), nodes.String(value=zone)),
                ) if zone.strip("+-0:"):
                    if _is_day(moment):
                        message = f"a day without a time begins in UTC: in {zone} this may be the day before"
                        yield one.diagnostic("C243", message, node, severity="warning", hint=f'remove `"{zone}"`')
                    elif _ENDS_IN_UTC.search(picture):
                        message = f"the `Z` says that this is in UTC, and it is in {zone}"
                        yield one.diagnostic("C243", message, node, severity="warning", hint="write `[Z]` for the `Z`")
                case nodes.Binary(operator="&", left=left, right=nodes.String(value=offset)) if _OFFSET.fullmatch(
                    offset
                ) and offset.strip("+-0:"):
                    paths = [each for each in nodes.walk(left) if is_simple_path(each) and typed.kind(each).path]
                    if any(_IN_UTC.search(typed.described.description(typed.kind(each).path)) for each in paths):
                        message = "the provider's schema says that this time is in UTC"
                        yield one.diagnostic("C243", message, node.right, severity="warning", hint='write `"Z"`')


def _is_day(moment: nodes.Node) -> bool:
    """Whether a text without a time is read: `$toMillis(day, "[Y]-[M]-[D]")`."""
    match moment:
        case nodes.Call(procedure=nodes.Variable(name="toMillis"), arguments=(_, nodes.String(value=picture))):
            return _OF_TIME.search(picture) is None
    return False


def _odd_zone(group: Sequence[_Zoned]) -> Iterator[Diagnostic]:
    constant = [one for one in group if one.zone is None or isinstance(one.zone, nodes.String)]
    others = [one for one in group if one not in constant]
    if len(constant) == 1 and others and all(one.zone == others[0].zone for one in others):
        expression, node, _, zone = constant[0]
        usual = slips.written(others[0].expression, others[0].zone or others[0].node)
        here = f"is one of {slips.written(expression, zone)}" if zone is not None else "has no zone"
        message = f"this date {here}, and those beside it are of `{usual}`"
        hint = f"write `{usual}`" if zone is not None else _LACKING[constant[0].kind[0]].format(usual)
        yield expression.diagnostic("C243", message, zone or node, severity="warning", hint=hint)


def _zoned(expression: Expression) -> Iterator[_Zoned]:
    for node in expression.below if any(one in expression.text for one in _ZONED) else ():
        match node:
            case nodes.Call(procedure=nodes.Variable(name="floorDate" | "ceilDate"), arguments=(moment, zone, *_)):
                if not any(isinstance(one, nodes.String) for one in nodes.walk(moment)):  # `… & "T00:00:00Z"` is in UTC
                    yield _Zoned(expression, node, ("day",), zone)
            case nodes.Call(
                procedure=nodes.Variable(name="substring"),
                arguments=(
                    nodes.Call(procedure=nodes.Variable(name="fromMillis"), arguments=(_,)),
                    nodes.Number(value=0),
                    nodes.Number(value=10),
                ),
            ):
                yield _Zoned(expression, node, ("day",), None)
            case nodes.Call(procedure=nodes.Variable(name="dtFromIso" as name), arguments=(_, *zones)):
                yield _Zoned(expression, node, (name,), zones[0] if zones else None)
            case nodes.Call(procedure=nodes.Variable(name="dtFromFormat" as name), arguments=(_, form, *options)):
                given = [value for one in options for key, value in getattr(one, "pairs", ()) if _is_zone(key)]
                yield _Zoned(expression, node, (name, form), given[0] if given else None)


def _is_zone(key: nodes.Node) -> bool:
    return isinstance(key, nodes.String) and key.value == "zone"


def _takes_moment(endpoint: Endpoint, path: Steps) -> bool:
    """Whether the schema of the request has a date-time at a place of the body."""
    place = requested(endpoint, path)
    return place is not None and place.format == "date-time"


class _Call(NamedTuple):
    """A call that makes a day: the function, its arguments, and the parameter of the query that it is given."""

    node: nodes.Node
    function: str
    arguments: tuple[nodes.Node, ...]
    parameter: str
    is_compared: bool


def _calls(expression: Expression) -> Iterator[_Call]:
    """The calls that make a day. Variables are followed to what they are bound to."""
    every_node = expression.below
    bound = bound_values(expression.node)
    compared = [one for node in every_node if isinstance(node, nodes.Binary) for one in _sides(node)]
    for node in every_node:
        match node:
            case nodes.Call(procedure=nodes.Variable(name=name), arguments=given) if name in _ROUNDING:
                given = tuple(bound.get(one.name, one) if isinstance(one, nodes.Variable) else one for one in given)
                yield _Call(
                    node, name, given, parameter_of(given[0]) if given else "", any(node is one for one in compared)
                )


def _sides(node: nodes.Binary) -> tuple[nodes.Node, ...]:
    return (node.left, node.right) if node.operator in nodes.COMPARISONS else ()


def _zone(expression: Expression, call: _Call, zone: Expression) -> Iterator[Diagnostic]:
    given = call.arguments[1] if len(call.arguments) > 1 else None
    is_known = isinstance(given, nodes.String) or (given is not None and leading_names(given)[1:])
    if is_known and given is not None and given != zone.node and isinstance(zone.node, nodes.String | nodes.Path):
        text = slips.written(expression, given)
        message = f"`whole_days` counts in {zone.line}, but this day is one of {text}"
        yield expression.diagnostic("C243", message, given, severity="warning", hint=f"write `{zone.line}`")


def _rounding(expression: Expression, call: _Call, rounding: str, *, is_sent: bool) -> Iterator[Diagnostic]:
    """A day that is rounded the other way, or that is sent but not cut to today."""
    message = hint = ""
    has_more = len(call.arguments) > len(("moment", "zone"))
    if rounding not in _ROUNDING[call.function]:
        is_unit = call.function == "floorDate" and has_more
        if not is_unit and not call.is_compared:
            message = (
                f"`whole_days` says `{rounding}` for `{call.parameter}`, but ${call.function} rounds the other way"
            )
            hint = f"write `${_function(rounding)}(…)`"
    elif rounding == "ceil_until_today" and not has_more and is_sent:
        message = f"`whole_days` cuts `{call.parameter}` to today, but this does not"
        hint = "give the time as a third argument: `$now`"
    elif rounding == "ceil" and has_more and is_sent:
        message = f"`whole_days` says `ceil` for `{call.parameter}`, but this cuts it to today"
        hint = "write `ceil_until_today` there"
    if message:
        yield expression.diagnostic("C243", message, call.node, severity="warning", hint=hint)


def _function(rounding: str) -> str:
    return next(function for function, ways in _ROUNDING.items() if rounding in ways)


def _unsaid(expression: Expression, call: _Call) -> Diagnostic:
    message = f"`whole_days` does not say that `{call.parameter}` becomes a day"
    ways = either(f"`{way}`" for way in _ROUNDING[call.function])
    hint = f"add it to `whole_days` as {ways}"
    return expression.diagnostic("C243", message, call.node, severity="warning", hint=hint)


def _unrounded(expression: Expression, parameters: Map[str, str], rounded: set[str]) -> Iterator[Diagnostic]:
    """A moment that is sent where `whole_days` says that the provider takes days."""
    for (variable, *names), written in reads(expression):
        if variable == "query" and names and names[0] in parameters and names[0] not in rounded:
            function = _function(parameters[names[0]])
            message = f"`whole_days` says that the provider takes `{names[0]}` as a day, but this sends the moment"
            hint = f"write `${function}($query.{names[0]}, …)`"
            yield expression.diagnostic("C243", message, written[0], severity="warning", hint=hint)
