"""What changed between two versions of a resource or a mapping, and whom it breaks.

Readers rely on what records hold: a value that was impossible before breaks them. Callers rely on what they may ask: a
query that is refused now breaks them. Accounts rely on their settings. An error breaks somebody, a warning may, a note
breaks nobody. Expressions are compared by their meaning: layout and comments do not count.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pydantic

from truto_mapper.authoring import golden
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Endpoint, leaves
from truto_mapper.resource.spec import Field, Resource
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, Severity, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import Steps, dotted
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source
from truto_mapper.text.yaml_tree import Node

Side = Literal["readers", "callers"]
JSON = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A finding, and a fingerprint that stays the same when lines move or files are formatted."""

    found: Diagnostic
    fingerprint: str


def _change(found: Diagnostic, *essence: Any) -> Change:
    text = json.dumps([found.code, found.message, *essence], default=_meaning)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]
    hint = f"if this is meant, approve {fingerprint}" if found.severity == "error" else found.hint
    return Change(replace(found, hint=hint), fingerprint)


def _meaning(expression: Any) -> str:
    """An expression without its layout."""
    return re.sub(r"Span\([^)]*\)", "", repr(expression.node))


def kind_of(root: Node) -> Literal["mapping", "resource"] | None:
    """Whether a document is a mapping or the spec of a resource; None if it is neither."""
    keys = root.value.keys() if isinstance(root.value, dict) else ()
    return "mapping" if "endpoints" in keys else "resource" if "fields" in keys else None


def _at_key(root: Node, path: Steps, code: str, severity: Severity, message: str) -> Change:
    """A change at the last key of a path in a document."""
    return _change(root.at(path[:-1]).diagnostic(code, message, key=str(path[-1]), severity=severity))


# ── Two specs of a resource ──────────────────────────────────────────────────────────────────────────────────────


def resources(old: Source, new: Source) -> list[Change]:
    """What changed between two specs of a resource. Raises `MappingError` as `Resource.parse` does."""
    compared = _Resources(yaml_tree.parse(old), yaml_tree.parse(new))
    before, after = Resource.parse(old), Resource.parse(new)
    compared.methods(before, after)
    compared.periods(before, after)
    compared.fields(before.parameters, after.parameters, ("parameters",), "callers")
    compared.fields(before.fields, after.fields, ("fields",), "readers")
    compared.fields(before.response, after.response, ("response",), "readers")
    return compared.found


class _Resources:
    """The changes between two documents of a resource."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old, self.new = old, new
        self.found: list[Change] = []

    def add(self, code: str, severity: Severity, message: str, path: Steps, *, removed: bool = False) -> None:
        self.found.append(_at_key(self.old if removed else self.new, path, code, severity, message))

    def methods(self, old: Resource, new: Resource) -> None:
        """How the resource is called, and which integrations serve it."""
        for name, method in old.methods.items():
            after = new.methods.get(name)
            was = f"{method.http_method} {method.path}"
            now = "removed" if after is None else f"{after.http_method} {after.path}"
            if was != now:
                message = f"the method `{name}`: {was} → {now}"
                self.add("B305", "error", message, ("methods", name), removed=after is None)
        for integration in old.integrations:
            if integration not in new.integrations:
                self.add("B305", "error", f"the integration `{integration}` was removed", ("integrations",))

    def periods(self, old: Resource, new: Resource) -> None:
        """Which parameters must be before which others."""
        for one in [period for period in new.periods if period not in old.periods]:
            self.add("B304", "error", f"`{one.start}` must be before `{one.end}`", ("periods",))
        for one in [period for period in old.periods if period not in new.periods]:
            self.add("B308", "note", f"`{one.start}` may be after `{one.end}`", ("periods",), removed=True)

    def fields(self, old: Mapping[str, Field], new: Mapping[str, Field], path: tuple[str, ...], side: Side) -> None:
        for name, field in old.items():
            if name in new:
                self.field(field, new[name], (*path, name), side)
            else:
                code = "B301" if side == "readers" else "B303"
                self.add(code, "error", f"`{_named(*path, name)}` was removed", (*path, name), removed=True)
        for name, field in new.items():
            if name not in old:
                required = side == "callers" and field.required and field.default is None
                message = f"`{_named(*path, name)}` was added" + " and is required" * required
                self.add("B304" if required else "B308", "error" if required else "note", message, (*path, name))

    def field(self, old: Field, new: Field, path: tuple[str, ...], side: Side) -> None:
        name = _named(*path)
        for what, wider, narrower in _aspects(old, new):
            breaks = wider if side == "readers" else narrower
            code = "B308" if not breaks else "B302" if side == "readers" else "B304"
            self.add(code, "error" if breaks else "note", f"`{name}`: {what}", path)
        if old.default != new.default and side == "callers":
            self.add("B306", "warning", f"`{name}`: default {_quoted(old.default)} → {_quoted(new.default)}", path)
        if old.type == new.type:
            self.fields(old.fields, new.fields, (*path, "fields"), side)
        if old.items is not None and new.items is not None:
            self.field(old.items, new.items, (*path, "items"), side)


def _named(section: str, *rest: str) -> str:
    """The name of a field from the path that leads to it in the document."""
    steps = [step for number, step in enumerate(rest) if step != "fields" or number % 2 == 0]
    name = dotted("[]" if step == "items" else step for step in steps).replace(".[]", "[]")
    return name if section != "response" else f"response: {name}"


def _quoted(value: Any) -> str:
    return "none" if value is None else excerpt(value)


#: Whether a field takes values that it did not take before, and whether it refuses values that it took before.
Breadth = tuple[bool, bool]


def _type_breadth(old: str, new: str) -> Breadth:
    wider = new == "any" or (old, new) == ("integer", "number")
    narrower = old == "any" or (new, old) == ("integer", "number")
    return (wider, narrower) if wider or narrower else (True, True)


def _minimum_breadth(old: float | None, new: float | None) -> Breadth:
    low, high = (float("-inf") if one is None else one for one in (old, new))
    return high < low, high > low


_ASPECTS: dict[str, Callable[[Any, Any], Breadth]] = {
    "type": _type_breadth,
    "format": lambda old, new: (old is not None, new is not None),
    "minimum": _minimum_breadth,
    "nullable": lambda old, new: (new, old),
    "required": lambda old, new: (old, new),
}


def _aspects(old: Field, new: Field) -> Iterator[tuple[str, bool, bool]]:
    """What changed about a field, in words, and its breadth."""
    for name, breadth in _ASPECTS.items():
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield f"{name} {_word(was)} → {_word(now)}", *breadth(was, now)
    gained, lost = ([v for v in one.enum if v not in other.enum] for one, other in ((new, old), (old, new)))
    if gained or lost:
        values = [*(f"+{excerpt(value)}" for value in gained), *(f"-{excerpt(value)}" for value in lost)]
        wider = not new.enum or bool(gained and old.enum)
        yield f"enum {' '.join(values)}", wider, not old.enum or bool(lost and new.enum)
    for name in sorted({*old.required_in} ^ {*new.required_in}):
        yield f"required in {name}: {_word(name in new.required_in)}", name in old.required_in, name in new.required_in
    if old.supported_in and new.supported_in:  # without any, all integrations support the field
        for name in sorted({*old.supported_in} ^ {*new.supported_in}):
            lost_here = name in old.supported_in
            yield f"supported in {name}: {_word(not lost_here)}", lost_here, lost_here


def _word(value: Any) -> str:
    return {None: "none", True: "yes", False: "no"}[value] if value is None or isinstance(value, bool) else str(value)


# ── Two mappings ─────────────────────────────────────────────────────────────────────────────────────────────────

_SENT = ("path", "params", "headers", "body", "query_error", "static_response")
_READ = ("recognise", "for_each", "let", "next_cursor", "page_number", "total", "error_when", "empty_when", "time_zone")


def mappings(old: Mapper, new: Mapper) -> list[Change]:
    """What changed between the texts of two mappings."""
    return [*_endpoints(old, new), *_errors(old, new), *_whole_days(old, new), *_settings(old, new)]


def _endpoints(old: Mapper, new: Mapper) -> Iterator[Change]:
    before = {one.name: one for one in old.mapping.endpoints}
    after = {one.name: one for one in new.mapping.endpoints}

    def about(name: str, code: str, severity: Severity, message: str) -> Change:
        root = (new if name in after else old).mapping.root
        return _at_key(root, ("endpoints", name), code, severity, message)

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
    return _change(place.diagnostic(code, message, severity=severity, hint=hint), was, now)


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
            message = f"the request's days: `{name}` {_word(was.get(name))} → {_word(now.get(name))}"
            yield _at_key(root, ("whole_days", "parameters", name), "B312", "warning", message)
    if before is not None and after is not None and before.time_zone.node != after.time_zone.node:
        message = "the request's days are in a different time zone"
        yield _rewritten(message, "B312", "warning", before.time_zone, after.time_zone)


def _settings(old: Mapper, new: Mapper) -> Iterator[Change]:
    before, after = old.mapping.context_schemas, new.mapping.context_schemas
    for name in dict.fromkeys([*after, *before]):
        root = (new if name in after else old).mapping.root
        for code, severity, message in _setting(f"the setting `{name}`", before.get(name), after.get(name)):
            yield _at_key(root, ("context", name), code, severity, message)


def _setting(what: str, old: JSON | None, new: JSON | None) -> Iterator[tuple[str, Severity, str]]:
    if old is None:
        yield "B308", "note", f"{what} was added"
    if new is None:
        yield "B316", "error", f"{what} was removed"
    if old is None or new is None:
        return
    for key in sorted((old.keys() | new.keys()) - {"description", "title", "examples"}):
        if old.get(key) != new.get(key):
            message = f"{what}: {key} {_quoted(old.get(key))} → {_quoted(new.get(key))}"
            yield "B306" if key == "default" else "B316", "warning" if key == "default" else "error", message


# ── Golden cases of two mappings ─────────────────────────────────────────────────────────────────────────────────


def behaviour(old: Mapper, new: Mapper, cases: Iterable[golden.Case]) -> list[Change]:
    """Where the output of golden cases differs between two mappings; one finding for each cause."""
    differing: list[golden.Difference] = []
    found: list[Change] = []
    for case in cases:
        before, after = golden.run(case, old), golden.run(case, new)
        if (before.error is None) != (after.error is None):
            found.append(_failing(case, after))
        else:
            differing += golden.compare(replace(case, expected=before.files), after.files, after.endpoint)
    return [*found, *map(_caused, golden.groups(differing))]


def _failing(case: golden.Case, after: golden.Result) -> Change:
    """A case that fails with one mapping only."""
    if after.error is None:
        return _change(case.node.diagnostic("B308", f"the case {case.name} no longer fails", severity="note"))
    first = after.error.diagnostics[0]
    message = f"the case {case.name} fails now: {first.message}"
    return _change(Diagnostic("B322", message, "error", first.source or case.node.source, first.span, first.pointer))


_NOTHING = (MISSING, None)


def _caused(group: golden.Group) -> Change:
    lost = any(
        c.file == "response.json" and c.expected not in _NOTHING and c.found in _NOTHING for c in group.differences
    )
    code, severity = ("B322", "error") if lost else ("B321", "warning")
    found = group.differences[0].diagnostic
    essence = sorted({one.values for one in group.differences})
    return _change(replace(found, code=code, message=group.summary, severity=severity), essence)  # type: ignore[arg-type]


# ── Approvals ────────────────────────────────────────────────────────────────────────────────────────────────────


class Approval(pydantic.BaseModel):
    """A breaking change that is meant."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    fingerprint: str
    reason: str = pydantic.Field(min_length=1)


class Approvals(pydantic.BaseModel):
    """The file of approvals."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    approved: list[Approval]


def unapproved(changes: Iterable[Change], source: Source | None) -> list[Diagnostic]:
    """The changes that are not approved, breaking ones first, then B331 for the approvals that match no change.

    Raises `MappingError` for a file that is not a list of approvals, each with a reason.
    """
    order = {"error": 0, "warning": 1, "note": 2}
    given = sorted(changes, key=lambda change: order[change.found.severity])
    if source is None:
        return [change.found for change in given]
    root = yaml_tree.parse(source)
    names = {one.fingerprint for one in shaped(root, Approvals).approved}
    left = [change.found for change in given if change.fingerprint not in names]
    known = {change.fingerprint for change in given}
    for node in root.value["approved"].value:
        name = node.value["fingerprint"]
        if name.value not in known:
            message = f"no change has the fingerprint {excerpt(name.value)}"
            left.append(name.diagnostic("B331", message, severity="warning", hint="remove the approval"))
    return left


def refused(old: Node, new: Node) -> MappingError:
    """The error B300 for documents that cannot be compared."""
    kinds = [(kind and f"a {kind}") or "neither a mapping nor a resource" for kind in map(kind_of, (old, new))]
    message = f"OLD is {kinds[0]}, but NEW is {kinds[1]}"
    return MappingError(Diagnostic("B300", message, hint="compare two mappings, or two specs of a resource"))
