"""What changed between the texts of two mappings."""

from collections.abc import Iterable, Iterator
from typing import Any

from truto_mapper.authoring.diff.changes import Change, at_key, change, word
from truto_mapper.authoring.diff.settings import settings
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import Endpoint, leaves
from truto_mapper.text.diagnostics import Severity
from truto_mapper.text.pointers import Steps, dotted

_SENT = ("path", "params", "headers", "body", "query_error", "static_response")
_READ = ("recognise", "for_each", "let", "next_cursor", "page_number", "total", "error_when", "empty_when", "time_zone")


def mappings(old: Mapper, new: Mapper) -> list[Change]:
    """What changed between the texts of two mappings."""
    return [*_endpoints(old, new), *_errors(old, new), *_whole_days(old, new), *settings(old, new)]


def _endpoints(old: Mapper, new: Mapper) -> Iterator[Change]:
    before = {one.name: one for one in old.mapping.endpoints}
    after = {one.name: one for one in new.mapping.endpoints}

    def about(name: str, code: str, severity: Severity, message: str) -> Change:
        root = (new if name in after else old).mapping.root
        return at_key(root, ("endpoints", name), code, severity, message)

    for name, endpoint in before.items():
        if name not in after:
            yield about(name, "B311", "error", f"the endpoint `{name}` was removed")
            continue
        yield from _expressions(endpoint, after[name])
        for key in ("method", "request_schema"):
            was, now = getattr(endpoint, key), getattr(after[name], key)
            if was != now:
                yield about(name, "B312", "warning", f"`{name}`: {key} {was} → {now}")
        if endpoint.request != after[name].request and endpoint.request_schema == after[name].request_schema:
            yield about(name, "B312", "warning", f"`{name}`: the schema {endpoint.request_schema} has changed")
    for name in after:
        if name not in before:
            yield about(name, "B308", "note", f"the endpoint `{name}` was added")
    order = [name for name in after if name in before]
    if order != [name for name in before if name in after]:
        yield about(order[0], "B311", "warning", f"the endpoints are tried in a different order: {', '.join(order)}")


def _expressions(old: Endpoint, new: Endpoint) -> Iterator[Change]:
    for keys, code, what in (
        (("when",), "B311", "serves different queries"),
        (_SENT, "B312", "sends a different request"),
        (_READ, "B313", "reads replies differently"),
    ):
        for path, was, now in _pairs(old, new, keys):
            yield _rewritten(f"`{new.name}` {what}: {dotted(path)}", code, "warning", was, now)
    for path, was, now in _pairs(old, new, ("response",)):
        name = dotted(path[1:]) or "the record"
        if now is None:
            yield _rewritten(f"`{new.name}` no longer gives `{name}`", "B314", "error", was, now)
        elif was is None:
            yield _rewritten(f"`{new.name}` now gives `{name}`", "B308", "note", was, now)
        else:
            yield _rewritten(f"`{new.name}` computes `{name}` differently", "B315", "warning", was, now)


def _rewritten(message: str, code: str, severity: Severity, was: Expression | None, now: Expression | None) -> Change:
    """A change of an expression, at its new place, or at the old one if it was removed."""
    place = now or was
    assert place is not None  # noqa: S101  # one of the two differs from the other
    hint = f"was {was.line}" if was is not None and now is not None else None
    return change(place.diagnostic(code, message, severity=severity, hint=hint), was, now)


def _pairs(old: Any, new: Any, keys: Iterable[str]) -> Iterator[tuple[Steps, Expression | None, Expression | None]]:
    """The expressions below some keys that differ, those of the new endpoint first."""
    before, after = ({path: one for key in keys for path, one in _below(each, key)} for each in (old, new))
    for path in dict.fromkeys([*after, *before]):
        was, now = before.get(path), after.get(path)
        if (was and was.node) != (now and now.node):
            yield path, was, now


def _below(endpoint: Endpoint, key: str) -> Iterator[tuple[Steps, Expression]]:
    value = getattr(endpoint, key)
    template = dict(value) if key in ("for_each", "let") else value
    return ((path, expression) for path, _, expression in leaves(template, path=(key,)))


def _errors(old: Mapper, new: Mapper) -> Iterator[Change]:
    for (_, *path), was, now in _pairs(old.mapping, new.mapping, ("errors",)):
        message = f"the provider's errors are read differently: {dotted(path)}"
        yield _rewritten(message, "B313", "warning", was, now)


def _whole_days(old: Mapper, new: Mapper) -> Iterator[Change]:
    """Which parameters the provider gets as whole days, and in which time zone."""
    before, after = old.mapping.whole_days, new.mapping.whole_days
    was, now = (one.parameters if one is not None else {} for one in (before, after))
    for name in dict.fromkeys([*now, *was]):
        if was.get(name) != now.get(name):
            root = (new if name in now else old).mapping.root
            message = f"the request's days: `{name}` {word(was.get(name))} → {word(now.get(name))}"
            yield at_key(root, ("whole_days", "parameters", name), "B312", "warning", message)
    if before is not None and after is not None and before.time_zone.node != after.time_zone.node:
        message = "the request's days are in a different time zone"
        yield _rewritten(message, "B312", "warning", before.time_zone, after.time_zone)
