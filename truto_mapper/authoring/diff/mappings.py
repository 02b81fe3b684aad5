"""What changed between the texts of two mappings."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from truto_mapper.authoring.diff.changes import REFUSED, Change, at_key, change, word
from truto_mapper.authoring.diff.expressions import changed, changed_errors
from truto_mapper.authoring.diff.replies import replies
from truto_mapper.authoring.diff.settings import ANNOTATIONS, settings
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import OF_REPLIES, Endpoint
from truto_mapper.text.diagnostics import Severity
from truto_mapper.text.pointers import dotted

#: The code of a change of an expression, and what it means, by the key of the endpoint.
_MEANINGS = {
    "when": ("B311", "serves different queries"),
    **dict.fromkeys(
        ("path", "params", "headers", "body", "query_error", "static_response"), ("B312", "sends a different request")
    ),
    **dict.fromkeys((*OF_REPLIES, "for_each", "let"), ("B313", "reads replies differently")),
    "query_note": ("B308", "tells callers something different"),
}


#: The keys of a join that decide its requests.
_ASKING = ("run_if", "ids", "path", "params", "headers", "body")

#: The keys of a request that are no expressions, and their names in an endpoint.
_SENT = (("request_method", "http_method"), ("request_schema", "request_schema"))

#: The keys of an endpoint whose values golden cases do not show.
_UNSEEN = ("page_number", "total", "time_zone")


def mappings(old: Mapper, new: Mapper) -> list[Change]:
    """What changed between the texts of two mappings."""
    apart = (_names, _errors, _whole_days, settings)
    return [*_together(_endpoints(old, new)), *(one for compare in apart for one in compare(old, new))]


def _names(old: Mapper, new: Mapper) -> Iterator[Change]:
    """What a mapping is for."""
    for key in ("integration", "unified_model", "resource"):
        was, now = (one.mapping.root.value[key].value for one in (old, new))
        if was != now:
            message = f"the mapping is for the {key.replace('_', ' ')} `{now}`, not `{was}`"
            yield replace(at_key(new.mapping.root, (key,), "B317", "error", message), refuses_cursors=True)


def _endpoints(old: Mapper, new: Mapper) -> Iterator[Change]:
    before = {one.name: one for one in old.mapping.endpoints}
    after = {one.name: one for one in new.mapping.endpoints}
    called = dict(_renamed(before, after))

    def about(name: str, code: str, severity: Severity, message: str) -> Change:
        root = (new if name in after else old).mapping.root
        return at_key(root, ("endpoints", name), code, severity, message)

    for name, endpoint in before.items():
        if name in called:
            message = f"the endpoint `{name}` is called `{called[name]}`: {REFUSED}"
            yield replace(about(called[name], "B311", "warning", message), refuses_cursors=True)
        elif name not in after:
            yield about(name, "B311", "error", f"the endpoint `{name}` was removed")
        elif endpoint.method != after[name].method:
            message = f"the endpoint `{name}` serves `{after[name].method}`, not `{endpoint.method}`"
            yield about(name, "B311", "error", message)
        else:
            yield from _expressions(endpoint, after[name])
            yield from replies(endpoint, after[name])
            sent = (*_requests(endpoint, after[name]), *_joins(endpoint, after[name]))
            yield from (about(name, "B312", "warning", message) for message in sent)
            yield from _pages(endpoint, after[name], partial(about, name, "B312", "warning"))
            if endpoint.decode != after[name].decode:
                yield about(name, "B313", "warning", f"`{name}` decodes replies in another way")
    for name in after:
        if name not in before and name not in called.values():
            yield about(name, "B308", "note", f"the endpoint `{name}` was added")
    for method in dict.fromkeys(one.method for one in new.mapping.endpoints):
        yield from _reordered(before, after, method, about)


def _reordered(
    before: Mapping[str, Endpoint], after: Mapping[str, Endpoint], method: str, about: Callable[..., Change]
) -> Iterator[Change]:
    """Whether the endpoints of a method are tried in another order."""
    both = {name for name, one in after.items() if name in before and one.method == before[name].method == method}
    order = [name for name in after if name in both]
    if order != [name for name in before if name in both]:
        message = f"the endpoints are tried in a different order: {', '.join(order)}"
        tests = [(before[name].when, after[name].when) for name in order]
        pairs = tuple((was, now) for was, now in tests if was is not None and now is not None)
        yield replace(about(order[0], "B311", "warning", message), rewritten=pairs if len(pairs) == len(order) else ())


def _together(changes: Iterable[Change]) -> Iterator[Change]:
    """The changes; what an aliased expression changes in several endpoints is one, unless each must be approved."""
    found: dict[Any, list[tuple[Change, str]]] = {}
    for number, one in enumerate(changes):
        shown = one.found
        begins = re.match(r"(`[^`]+`) (.*)", shown.message) if one.rewritten else None
        key = (shown.code, shown.source, shown.span, shown.hint, begins[2]) if begins else number
        found.setdefault(key, []).append((one, begins[1] if begins else ""))
    for (first, _), *others in found.values():
        names = ", ".join(name for _, name in others)
        more = f", and so do{'es' * (len(others) == 1)} {names}" if others else ""
        yield replace(first, found=replace(first.found, message=first.found.message + more))


def _renamed(before: Mapping[str, Endpoint], after: Mapping[str, Endpoint]) -> Iterator[tuple[str, str]]:
    """The old and the new name of endpoints that differ in nothing else."""
    left = [name for name in after if name not in before]
    for name in [name for name in before if name not in after]:
        for other in left:
            was, now = before[name], after[other]
            is_same = (was.decode, was.pagination) == (now.decode, now.pagination)
            if is_same and not (changed(was, now) or any(_requests(was, now)) or any(_joins(was, now))):
                left.remove(other)
                yield name, other
                break


def _requests(old: Endpoint, new: Endpoint) -> Iterator[str]:
    """What differs in a request besides its expressions."""
    for key, name in _SENT:
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield f"`{new.name}`: {key} {was} → {now}"
    if old.request_schema == new.request_schema and _plain(old.request) != _plain(new.request):
        yield f"`{new.name}`: the schema {old.request_schema} has changed"


def _joins(old: Endpoint, new: Endpoint) -> Iterator[str]:
    """What differs in the joins besides their expressions."""
    before, after = ({one.name: one for one in endpoint.joins} for endpoint in (old, new))
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            yield f"`{new.name}` has a new join `{name}`: it costs further requests for each page"
        elif name not in after:
            yield f"`{new.name}` has lost its join `{name}`"
        else:
            for key, part in (("batch", "batch"), ("many", "many"), ("leave_out", "leaves_out"), *_SENT):
                was, now = getattr(before[name], part), getattr(after[name], part)
                if was != now:
                    yield f"`{new.name}`: {key} of the join `{name}` {was} → {now}"


def _pages(old: Endpoint, new: Endpoint, about: Callable[[str], Change]) -> Iterator[Change]:
    """What differs in `pagination` besides its expressions. Cursors of another format are refused."""
    was, now = ({} if one.pagination is None else one.pagination._asdict() for one in (old, new))
    if was.get("format", "cursor") != now.get("format", "cursor"):
        message = (
            f"`{new.name}`: pagination {was.get('format', 'by next_cursor')} → {now.get('format', 'by next_cursor')}"
        )
        yield replace(about(f"{message}: {REFUSED}"), refuses_cursors=True)
        return
    for key in dict.fromkeys((*was, *now)):
        if was.get(key) != now.get(key) and key != "format":
            yield about(f"`{new.name}`: pagination.{key} {was.get(key, 'none')} → {now.get(key, 'none')}")


def _plain(schema: Any) -> Any:
    """A schema without what is written for people."""
    if isinstance(schema, dict):
        is_named = {key: isinstance(value, (dict, list)) for key, value in schema.items()}
        return {key: _plain(one) for key, one in schema.items() if is_named[key] or key not in ANNOTATIONS}
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema


def _expressions(old: Endpoint, new: Endpoint) -> Iterator[Change]:
    both = {one.name for one in old.joins} & {one.name for one in new.joins}
    for path, was, now in changed(old, new):
        if path[0] == "join":
            code, what = ("B312", "sends different requests") if path[2] in _ASKING else _MEANINGS["let"]
            message = f"`{new.name}` {what}: {dotted(path)}"
            yield from [_rewritten(message, code, "warning", was, now)] if path[1] in both else ()
            continue
        if path[0] in _MEANINGS:
            code, what = _MEANINGS[str(path[0])]
            severity: Severity = "note" if code == "B308" else "warning"
            made = _rewritten(f"`{new.name}` {what}: {dotted(path)}", code, severity, was, now)
            yield replace(made, rewritten=()) if path[0] in _UNSEEN else made
            continue
        name = dotted(path[1:]) or "the record"
        if now is None:
            yield _rewritten(f"`{new.name}` no longer gives `{name}`", "B314", "error", was, now)
        elif was is None:
            made = _rewritten(f"`{new.name}` now gives `{name}`", "B308", "note", was, now)
            yield replace(made, adds=(new.name, *path[1:]))
        else:
            yield _rewritten(f"`{new.name}` computes `{name}` differently", "B315", "warning", was, now)


def _rewritten(message: str, code: str, severity: Severity, was: Expression | None, now: Expression | None) -> Change:
    """A change of an expression, at its new place, or at the old one if it was removed."""
    place = now or was
    assert place is not None  # noqa: S101  # one of the two differs from the other
    hint = f"was {was.line}" if was is not None and now is not None else None
    made = change(place.diagnostic(code, message, severity=severity, hint=hint), was, now)
    return made if was is None or now is None else replace(made, rewritten=((was, now),))


def _errors(old: Mapper, new: Mapper) -> Iterator[Change]:
    for path, was, now in changed_errors(old.mapping.errors.items(), new.mapping.errors.items()):
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
    if before is not None and after is not None and before.offsets != after.offsets:
        said = " → ".join(", ".join(one.offsets) or "none" for one in (before, after))
        message = f"the fields that must have the offset of the time zone: {said}"
        yield at_key(new.mapping.root, ("whole_days",), "B308", "note", message)
    if before is not None and after is not None and before.time_zone.node != after.time_zone.node:
        message = "the request's days are in a different time zone"
        yield _rewritten(message, "B312", "warning", before.time_zone, after.time_zone)
