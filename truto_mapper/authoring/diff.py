"""What changed between two versions of a resource or a mapping, and whom it breaks.

Readers rely on what records hold: a value they could not get before breaks them. Callers rely on what may be asked: a
question that is refused now breaks them. Accounts rely on their settings. An error breaks somebody, a warning may, a
note breaks nobody. Expressions are compared as they are understood: their layout and comments are no change.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pydantic

from truto_mapper.authoring import golden
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.resource.spec import Field, Resource
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, Severity, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import dotted
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source
from truto_mapper.text.yaml_tree import Node

Side = Literal["readers", "callers"]
Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A finding, and a fingerprint that stays the same when lines move and files are laid out anew."""

    found: Diagnostic
    fingerprint: str


def _change(found: Diagnostic, *essence: Any) -> Change:
    text = json.dumps([found.code, found.message, *essence], default=_bare)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]
    hint = f"if this is meant, approve {fingerprint}" if found.severity == "error" else found.hint
    return Change(replace(found, hint=hint), fingerprint)


def _bare(expression: Any) -> str:
    """What an expression means, whatever its layout."""
    return re.sub(r"Span\([^)]*\)", "", repr(expression.node))


def kind_of(root: Node) -> Literal["mapping", "resource"] | None:
    """Whether a document is a mapping or the spec of a resource; None if it is neither."""
    keys = root.value.keys() if isinstance(root.value, dict) else ()
    return "mapping" if "endpoints" in keys else "resource" if "fields" in keys else None


# ---------------------------------------------------------------------------------------------- a resource


def resources(old: Source, new: Source) -> list[Change]:
    """What changed between two specs of a resource. Raises `MappingError` as `Resource.parse` does."""
    compared = _Resources(yaml_tree.parse(old), yaml_tree.parse(new))
    before, after = Resource.parse(old), Resource.parse(new)
    compared.called(before, after)
    compared.fields(before.parameters, after.parameters, ("parameters",), "callers")
    compared.fields(before.fields, after.fields, ("fields",), "readers")
    compared.fields(before.response, after.response, ("response",), "readers")
    return compared.found


class _Resources:
    """The changes between two documents of a resource."""

    def __init__(self, old: Node, new: Node) -> None:
        self.old, self.new = old, new
        self.found: list[Change] = []

    def add(self, code: str, severity: Severity, message: str, path: Steps, *, gone: bool = False) -> None:
        node = _deepest(self.old if gone else self.new, path)
        self.found.append(_change(node.diagnostic(code, message, severity=severity)))

    def called(self, old: Resource, new: Resource) -> None:
        """How the resource is called, and by whose integrations it is served."""
        for name, method in old.methods.items():
            after = new.methods.get(name)
            was = f"{method.http_method} {method.path}"
            now = "gone" if after is None else f"{after.http_method} {after.path}"
            if was != now:
                self.add("B305", "error", f"the method `{name}`: {was} → {now}", ("methods", name), gone=after is None)
        for integration in old.integrations:
            if integration not in new.integrations:
                self.add("B305", "error", f"the integration `{integration}` is gone", ("integrations",))

    def fields(self, old: Mapping[str, Field], new: Mapping[str, Field], path: Steps, side: Side) -> None:
        for name, field in old.items():
            if name not in new:
                code = "B301" if side == "readers" else "B303"
                self.add(code, "error", f"`{_named(path, name)}` is gone", (*path, name), gone=True)
            else:
                self.field(field, new[name], (*path, name), side)
        for name, field in new.items():
            if name not in old:
                must = side == "callers" and field.required and field.default is None
                code, severity = ("B304", "error") if must else ("B308", "note")
                said = "is new and required" if must else "is new"
                self.add(code, severity, f"`{_named(path, name)}` {said}", (*path, name))  # type: ignore[arg-type]

    def field(self, old: Field, new: Field, path: Steps, side: Side) -> None:
        name = _named(path)
        for said, wider, narrower in _aspects(old, new):
            breaks = wider if side == "readers" else narrower
            code = "B308" if not breaks else "B302" if side == "readers" else "B304"
            self.add(code, "error" if breaks else "note", f"`{name}`: {said}", path)
        if old.default != new.default and side == "callers":
            self.add("B306", "warning", f"`{name}`: default {_shown(old.default)} → {_shown(new.default)}", path)
        if old.type == new.type:
            self.fields(old.fields, new.fields, (*path, "fields"), side)
        if old.items is not None and new.items is not None:
            self.field(old.items, new.items, (*path, "items"), side)


def _named(path: Steps, *more: str) -> str:
    """The name of a field from the path that leads to it in the document."""
    section, *rest = path
    steps = [step for number, step in enumerate(rest) if step != "fields" or number % 2 == 0]
    shown = dotted("[]" if step == "items" else step for step in (*steps, *more)).replace(".[]", "[]")
    return shown if section != "response" else f"response: {shown}"


def _deepest(root: Node, path: Steps) -> Node:
    """The node of a path in a document, or the last one above it that is there; its key where it has one."""
    node = key = root
    for step in path:
        if not isinstance(node.value, dict) or step not in node.value:
            break
        node, key = node.value[step], node.keys[step]
    return key


def _shown(value: Any) -> str:
    return "none" if value is None else excerpt(value)


_WIDER = {("integer", "number")}


def _aspects(old: Field, new: Field) -> Iterator[tuple[str, bool, bool]]:
    """What changed about a field in words; whether it takes values it did not, and no more those that it did."""
    if old.type != new.type:
        wider = new.type == "any" or (old.type, new.type) in _WIDER
        narrower = old.type == "any" or (new.type, old.type) in _WIDER
        either = wider or narrower
        yield f"type {old.type} → {new.type}", wider or not either, narrower or not either
    if old.format != new.format:
        yield f"format {_word(old.format)} → {_word(new.format)}", old.format is not None, new.format is not None
    if old.minimum != new.minimum:
        low, high = (float("-inf") if one.minimum is None else one.minimum for one in (old, new))
        yield f"minimum {_word(old.minimum)} → {_word(new.minimum)}", high < low, high > low
    gained, lost = ([v for v in one.enum if v not in other.enum] for one, other in ((new, old), (old, new)))
    if gained or lost:
        changes = [*(f"+{excerpt(value)}" for value in gained), *(f"-{excerpt(value)}" for value in lost)]
        wider = not new.enum or (bool(gained) and bool(old.enum))
        yield f"enum {' '.join(changes)}", wider, not old.enum or (bool(lost) and bool(new.enum))
    if old.nullable != new.nullable:
        yield f"nullable {_word(old.nullable)} → {_word(new.nullable)}", new.nullable, old.nullable
    if old.required != new.required:
        yield f"required {_word(old.required)} → {_word(new.required)}", old.required, new.required
    for name in sorted({*old.required_in} ^ {*new.required_in}):
        yield f"required in {name}: {_word(name in new.required_in)}", name in old.required_in, name in new.required_in
    if not old.supported_in or not new.supported_in or {*old.supported_in} == {*new.supported_in}:
        return
    for name in sorted({*old.supported_in} ^ {*new.supported_in}):
        gone = name in old.supported_in
        yield f"supported in {name}: {_word(not gone)}", gone, gone


def _word(value: Any) -> str:
    return str({None: "none", True: "yes", False: "no"}.get(value, value)) if not _is_number(value) else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# ----------------------------------------------------------------------------------------------- a mapping

_SENT = ("path", "params", "headers", "body", "query_error", "static_response")
_READ = ("recognise", "for_each", "let", "next_cursor", "empty_when", "time_zone")


def mappings(old: Mapper, new: Mapper) -> list[Change]:
    """What changed between two mappings, as they are written."""
    return [*_endpoints(old, new), *_settings(old, new)]


def _endpoints(old: Mapper, new: Mapper) -> Iterator[Change]:
    before = {one.name: one for one in old.mapping.endpoints}
    after = {one.name: one for one in new.mapping.endpoints}
    places = {False: old.mapping.root.value["endpoints"], True: new.mapping.root.value["endpoints"]}

    def about(code: str, severity: Severity, message: str, name: str) -> Change:
        return _change(places[name in after].diagnostic(code, message, key=name, severity=severity))

    for name, endpoint in before.items():
        if name not in after:
            yield about("B311", "error", f"the endpoint `{name}` is gone", name)
        else:
            yield from _endpoint(endpoint, after[name])
            if (endpoint.method, endpoint.remote_query) != (after[name].method, after[name].remote_query):
                said = f"{endpoint.method} → {after[name].method}"
                yield about("B312", "warning", f"`{name}` is asked otherwise: {said}", name)
    for name in after.keys() - before.keys():
        yield about("B308", "note", f"the endpoint `{name}` is new", name)
    order = [name for name in after if name in before]
    if order != [name for name in before if name in after]:
        yield about("B311", "warning", f"the endpoints are tried in another order: {', '.join(order)}", order[0])


def _endpoint(old: Endpoint, new: Endpoint) -> Iterator[Change]:
    for keys, code, said in (
        (("when",), "B311", "serves other queries"),
        (_SENT, "B312", "sends something else"),
        (_READ, "B313", "reads replies otherwise"),
    ):
        for path, was, now in _pairs(old, new, keys):
            yield _written(f"`{new.name}` {said}: {dotted(path)}", code, "warning", was, now)
    for path, was, now in _pairs(old, new, ("response",)):
        name = dotted(path[1:]) or "the record"
        if now is None:
            yield _written(f"`{new.name}` does not give `{name}` any more", "B314", "error", was, now)
        elif was is None:
            yield _written(f"`{new.name}` gives `{name}`", "B308", "note", was, now)
        else:
            yield _written(f"`{new.name}` gives `{name}` otherwise", "B315", "warning", was, now)


def _written(message: str, code: str, severity: Severity, was: Expression | None, now: Expression | None) -> Change:
    """A change of an expression, at its new place, or the old one if it is gone."""
    place = now or was
    assert place is not None  # noqa: S101  # one of the two differs from the other
    texts = [None if one is None else " ".join(one.text.split()) for one in (was, now)]
    hint = f"was {texts[0]}" if was is not None and now is not None else None
    found = Diagnostic(code, message, severity, place.source, place.locate(place.node.span), hint=hint)
    return _change(found, was, now)


def _pairs(old: Any, new: Any, keys: Iterable[str]) -> Iterator[tuple[Steps, Expression | None, Expression | None]]:
    """The expressions below some keys that differ, in the order of the new ones."""
    before = {path: one for key in keys for path, one in _flat((key,), getattr(old, key))}
    after = {path: one for key in keys for path, one in _flat((key,), getattr(new, key))}
    for path in [*after, *(path for path in before if path not in after)]:
        was, now = before.get(path), after.get(path)
        if (was and was.node) != (now and now.node):
            yield path, was, now


def _flat(path: Steps, value: Any) -> Iterator[tuple[Steps, Expression]]:
    if isinstance(value, Expression):
        yield path, value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from _flat((*path, name), child)
    elif isinstance(value, tuple):  # of named expressions
        for name, child in value:
            yield from _flat((*path, name), child)
    else:
        for index, child in enumerate(value or ()):
            yield from _flat((*path, str(index)), child)


def _settings(old: Mapper, new: Mapper) -> Iterator[Change]:
    before, after = old.mapping.context_schemas, new.mapping.context_schemas
    for name in [*after, *(name for name in before if name not in after)]:
        node = _deepest(new.mapping.root if name in after else old.mapping.root, ("context", name))

        def about(code: str, severity: Severity, message: str, node: Node = node) -> Change:
            return _change(node.diagnostic(code, message, severity=severity))

        if name not in after:
            yield about("B316", "error", f"the setting `{name}` is gone")
        elif name not in before:
            yield about("B308", "note", f"the setting `{name}` is new")
        else:
            yield from _setting(name, before[name], after[name], about)


def _setting(name: str, old: Mapping[str, Any], new: Mapping[str, Any], about: Any) -> Iterator[Change]:
    if old.get("default") != new.get("default"):
        said = f"{_shown(old.get('default'))} → {_shown(new.get('default'))}"
        yield about("B306", "warning", f"the setting `{name}`: default {said}")
    for key in sorted((old.keys() | new.keys()) - {"default", "description", "title", "examples"}):
        if old.get(key) != new.get(key):
            said = f"{key} {_shown(old.get(key))} → {_shown(new.get(key))}"
            yield about("B316", "error", f"the setting `{name}`: {said}")


# --------------------------------------------------------------------------------------------- behaviour


def behaviour(old: Mapper, new: Mapper, cases: Iterable[golden.Case]) -> list[Change]:
    """What both versions make of golden cases, where that differs; one finding for each cause."""
    changes: list[golden.Change] = []
    found: list[Change] = []
    for case in cases:
        before, after = golden.run(case, old), golden.run(case, new)
        if (before.error is None) != (after.error is None):
            found.append(_failing(case, after))
        else:
            changes += golden.changes(replace(case, expected=before.files), after)
    return [*found, *map(_caused, golden.groups(changes))]


def _failing(case: golden.Case, after: golden.Result) -> Change:
    """A case that fails now, or fails no more."""
    if after.error is None:
        return _change(case.node.diagnostic("B308", f"the case {case.name} fails no more", severity="note"))
    first = after.error.diagnostics[0]
    message = f"the case {case.name} fails now: {first.message}"
    return _change(Diagnostic("B322", message, "error", first.source or case.node.source, first.span, first.pointer))


_NOTHING = (MISSING, None)


def _caused(group: golden.Group) -> Change:
    gone = any(c.file == "response.json" and c.expected not in _NOTHING and c.found in _NOTHING for c in group.changes)
    first = group.changes[0]
    found = golden.diagnostic(first)
    essence = sorted({change.shown for change in group.changes})
    code, severity = ("B322", "error") if gone else ("B321", "warning")
    title = group.title.partition(" ")[2]
    return _change(replace(found, code=code, message=title, severity=severity), essence)  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------- approvals


class Approval(pydantic.BaseModel):
    """A change that breaks somebody and is meant."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    fingerprint: str
    reason: str = pydantic.Field(min_length=1)


class Approvals(pydantic.BaseModel):
    """The file of approvals."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    approved: list[Approval]


def unapproved(changes: Iterable[Change], source: Source | None) -> list[Diagnostic]:
    """The changes that no approval is for, those that break first, and the approvals that are for no change.

    Raises `MappingError` for a file that is no list of approvals, each with a reason.
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
            left.append(name.diagnostic("B331", message, severity="warning", hint="take the approval away"))
    return left


def refused(old: Node, new: Node) -> MappingError:
    """The error for documents that cannot be compared."""
    kinds = [(kind and f"a {kind}") or "neither a mapping nor a resource" for kind in map(kind_of, (old, new))]
    message = f"OLD is {kinds[0]}, and NEW is {kinds[1]}"
    return MappingError(Diagnostic("B300", message, hint="compare two mappings, or two specs of a resource"))
