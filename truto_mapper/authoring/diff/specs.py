"""What changed between two specs of a resource: each parameter as callers see it, each field as readers do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from truto_mapper.authoring.diff.changes import Change, at_key, quoted, word
from truto_mapper.mapping.linked import WITH_BODY
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.resource.spec import Resource
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Severity, excerpt
from truto_mapper.text.pointers import Steps, dotted
from truto_mapper.text.record import NamedTuple, replace
from truto_mapper.text.source import Source

Side = Literal["readers", "callers"]


class _Told(NamedTuple):
    """A finding before it has a place: the path is one of the new document, or of the old one if `removed`."""

    code: str
    severity: Severity
    message: str
    path: Steps
    removed: bool = False


def resources(old: Source, new: Source) -> list[Change]:
    """What changed between two specs of a resource. Raises `MappingError` as `Resource.parse` does."""
    was, now = yaml_tree.parse(old), yaml_tree.parse(new)
    told = _changes(Resource.parse(old), Resource.parse(new))
    return [at_key(was if one.removed else now, one.path, one.code, one.severity, one.message) for one in told]


def _changes(old: Resource, new: Resource) -> Iterator[_Told]:
    common = frozenset(old.integrations) & frozenset(new.integrations)
    yield from _names(old, new)
    yield from _methods(old, new)
    yield from _integrations(old, new)
    yield from _periods(old, new)
    yield from _Fields("callers", common).compare(old.parameters, new.parameters, ("parameters",))
    yield from _Fields("readers", common).compare(old.fields, new.fields, ("fields",))
    yield from _bodies(old, new, common)
    yield from _Fields("readers", common).compare(old.response, new.response, ("response",))


def _names(old: Resource, new: Resource) -> Iterator[_Told]:
    """Mappings, generated files and clients know a resource by its name."""
    for key in ("unified_model", "resource"):
        was, now = getattr(old, key), getattr(new, key)
        if was != now:
            yield _Told("B317", "error", f"the {key.replace('_', ' ')} `{was}` is called `{now}`", (key,))


def _methods(old: Resource, new: Resource) -> Iterator[_Told]:
    for name, method in old.methods.items():
        after = new.methods.get(name)
        was = f"{method.http_method} {method.path}"
        now = "removed" if after is None else f"{after.http_method} {after.path}"
        if was != now:
            yield _Told("B305", "error", f"the method `{name}`: {was} → {now}", ("methods", name), after is None)
    for name in [name for name in new.methods if name not in old.methods]:
        yield _Told("B308", "note", f"the method `{name}` was added", ("methods", name))


def _integrations(old: Resource, new: Resource) -> Iterator[_Told]:
    for name in old.integrations:
        if name not in new.integrations:
            yield _Told("B305", "error", f"the integration `{name}` was removed", ("integrations",))
    for name in new.integrations:
        if name not in old.integrations:
            yield _Told("B308", "note", f"the integration `{name}` was added", ("integrations",))


def _periods(old: Resource, new: Resource) -> Iterator[_Told]:
    """Which parameters must be before which others."""
    for one in [period for period in new.periods if period not in old.periods]:
        breaks = one.start in old.parameters and one.end in old.parameters
        message = f"`{one.start}` must be before `{one.end}`"
        yield _Told("B304" if breaks else "B308", "error" if breaks else "note", message, ("periods",))
    for one in [period for period in old.periods if period not in new.periods]:
        yield _Told("B308", "note", f"`{one.start}` may be after `{one.end}`", ("periods",), removed=True)


def _bodies(old: Resource, new: Resource, common: frozenset[str]) -> Iterator[_Told]:
    """What a caller's body may have to have, or may not have any more."""
    for method in [name for name in WITH_BODY if name in old.methods and name in new.methods]:
        was, now = (_body_fields(one.fields, method) for one in (old, new))
        known = {one.path for one in _Fields("readers", common).compare(old.fields, new.fields, ("fields",))}
        for one in _Fields("callers", common).compare(was, now, ("fields",)):
            if one.severity != "note" or one.path not in known:
                yield one._replace(message=f"a body to {method}: {one.message}")


def _body_fields(fields: Mapping[str, Field], method: str) -> dict[str, Field]:
    """The fields of a body, required as they are in it."""

    def of_body(field: Field, *, is_top: bool = False) -> Field:
        is_asked = (field.required or field.on_create) and not (is_top and method == "update")
        items = None if field.items is None else of_body(field.items)
        return replace(field, required=is_asked, fields=_within(field.fields), items=items)

    def _within(inner: Mapping[str, Field]) -> dict[str, Field]:
        return {name: of_body(one) for name, one in inner.items() if not one.read_only}

    writable = {name: one for name, one in fields.items() if not one.read_only and name != REMOTE_DATA}
    return {name: of_body(one, is_top=True) for name, one in writable.items()}


def _named(section: str, name: str, *rest: str) -> str:
    """The name of a field from the path that leads to it in the document."""
    left = iter(rest)
    steps = [name, *("[]" if step == "items" else next(left) for step in left)]
    shown = dotted(steps).replace(".[]", "[]")
    return shown if section != "response" else f"response: {shown}"


#: Whether a field takes values that it did not take before, and whether it refuses values that it took before.
Breadth = tuple[bool, bool]
Aspect = tuple[str, bool, bool]


@dataclass(frozen=True, slots=True)
class _Fields:
    """Compares fields as one side sees them; `common` are the integrations that both versions have."""

    side: Side
    common: frozenset[str]

    def compare(self, old: Mapping[str, Field], new: Mapping[str, Field], path: tuple[str, ...]) -> Iterator[_Told]:
        for name, field in old.items():
            if name in new:
                yield from self._field(field, new[name], (*path, name))
            else:
                code = "B301" if self.side == "readers" else "B303"
                yield _Told(code, "error", f"`{_named(*path, name)}` was removed", (*path, name), removed=True)
        for name, field in new.items():
            if name not in old:
                yield self._added(field, (*path, name))

    def _added(self, field: Field, path: tuple[str, ...]) -> _Told:
        asked = self.side == "callers" and self._required(field, path)
        for_some = self._requiring(field, path)
        more = " and is required" if asked else f" and is required in {', '.join(for_some)}" if for_some else ""
        code, severity = ("B304", "error") if more else ("B308", "note")
        return _Told(code, severity, f"`{_named(*path)}` was added{more}", path)  # type: ignore[arg-type]

    def _required(self, field: Field, path: tuple[str, ...]) -> bool:
        """Whether a value must be given or is always there. A parameter with a default need not be given."""
        return field.required and not self._has_default(field, path)

    def _requiring(self, field: Field, path: tuple[str, ...]) -> list[str]:
        """The integrations for which callers must give a value, although not all require it."""
        is_given = self.side == "readers" or self._has_default(field, path)
        return [] if is_given else [name for name in field.required_in if name in self.common]

    def _has_default(self, field: Field, path: tuple[str, ...]) -> bool:
        return field.default is not None and self._is_filled(path)

    def _is_filled(self, path: tuple[str, ...]) -> bool:
        """Whether a place gets its default: a parameter does, and a field of one, but no item of an array."""
        return self.side == "callers" and (path[-1] != "items" or path[-2] in ("parameters", "fields"))

    def _field(self, old: Field, new: Field, path: tuple[str, ...]) -> Iterator[_Told]:
        name = _named(*path)
        for what, wider, narrower in self._aspects(old, new, path):
            breaks = wider if self.side == "readers" else narrower
            code = "B308" if not breaks else "B302" if self.side == "readers" else "B304"
            yield _Told(code, "error" if breaks else "note", f"`{name}`: {what}", path)
        yield from self._default(old, new, path)
        if old.type == new.type:
            yield from self._below(old, new, path)

    def _below(self, old: Field, new: Field, path: tuple[str, ...]) -> Iterator[_Told]:
        """The fields of objects, and the items of arrays. An object without fields takes any."""
        is_asked = self.side == "callers"
        if is_asked and old.fields and not new.fields:
            yield self._opened(old, path)
            return
        if is_asked and new.fields and not old.fields:
            names = ", ".join(f"`{name}`" for name in new.fields)
            yield _Told("B304", "warning", f"`{_named(*path)}` refuses keys other than {names}", path)
        yield from self.compare(old.fields, new.fields, (*path, "fields"))
        if old.items is not None and new.items is not None:
            yield from self._field(old.items, new.items, (*path, "items"))

    def _opened(self, old: Field, path: tuple[str, ...]) -> _Told:
        """An object that takes any keys now. `f=1` no longer stands for its `id`, and no value is converted."""
        names = ", ".join(f"`{name}`" for name in old.fields)
        message = f"`{_named(*path)}` takes any keys, and no longer declares {names}"
        is_plain = all(
            one.type in ("string", "any") and one.format is None and one.default is None for one in old.fields.values()
        )
        severity: Severity = "error" if "id" in old.fields else "note" if is_plain else "warning"
        return _Told("B308" if severity == "note" else "B303", severity, message, path)

    def _default(self, old: Field, new: Field, path: tuple[str, ...]) -> Iterator[_Told]:
        """A query without a parameter gets its default, or is refused if the parameter is required."""
        if old.default == new.default and type(old.default) is type(new.default):
            return
        was, now = self._required(old, path), self._required(new, path)
        code, severity, more = "B308", "note", ""
        if self._is_filled(path):
            if now and not was and old.required != new.required:
                return  # `required no → yes` says so
            some = ", ".join(self._requiring(new, path) if old.default is not None else ())
            if (now or some) and not was:
                code, severity, more = "B304", "error", ", and it is required" + (f" in {some}" if some else "")
            elif not was and len(path) == len(("parameters", "name")):
                code, severity = "B306", "warning"
        message = f"`{_named(*path)}`: default {quoted(old.default)} → {quoted(new.default)}{more}"
        yield _Told(code, severity, message, path)  # type: ignore[arg-type]

    def _aspects(self, old: Field, new: Field, path: tuple[str, ...]) -> Iterator[Aspect]:
        """What changed about a field, in words, and its breadth."""
        yield from _values(old, new)
        if old.nullable != new.nullable:
            yield f"nullable {word(old.nullable)} → {word(new.nullable)}", new.nullable, old.nullable
        yield from self._presence(old, new, path)
        yield from self._support(old, new)

    def _presence(self, old: Field, new: Field, path: tuple[str, ...]) -> Iterator[Aspect]:
        """Where a field must be present."""
        was, now = (self._required(one, path) for one in (old, new))
        if old.required != new.required:
            yield f"required {word(old.required)} → {word(new.required)}", was and not now, now and not was
        for name in sorted(({*old.required_in} ^ {*new.required_in}) & self.common):
            lost = name in old.required_in
            asked = not lost and not was and not self._has_default(new, path)
            yield f"required in {name}: {word(not lost)}", lost and not now, asked

    def _support(self, old: Field, new: Field) -> Iterator[Aspect]:
        """Which integrations know a field: all of them, unless some are named."""
        if old.methods != new.methods:
            gone = bool(new.methods) and not set(old.methods or new.methods) <= set(new.methods)
            is_less = bool(new.methods) and (not old.methods or gone)
            said = " → ".join(", ".join(one.methods) or "all" for one in (old, new))
            yield f"methods {said}", False, is_less
        was, now = (self.common & frozenset(one.supported_in or self.common) for one in (old, new))
        for name in sorted(was ^ now):
            yield f"supported in {name}: {word(name in now)}", name in was, name in was


def _values(old: Field, new: Field) -> Iterator[Aspect]:
    """The values that a field takes. Another type says all about them."""
    numbers = {"integer", "number"}
    if old.type != new.type:
        yield f"type {old.type} → {new.type}", *_type_breadth(old.type, new.type)
    if old.type != new.type and {old.type, new.type} != numbers:
        return
    for name, breadth in _LIMITS.items():
        was, now = getattr(old, name), getattr(new, name)
        if was != now:
            yield f"{name} {word(was)} → {word(now)}", *breadth(was, now)
    gained, lost = ([v for v in one.enum if v not in other.enum] for one, other in ((new, old), (old, new)))
    if gained or lost:
        values = [*(f"+{excerpt(value)}" for value in gained), *(f"-{excerpt(value)}" for value in lost)]
        wider = not new.enum or bool(gained and old.enum)
        yield f"enum {' '.join(values)}", wider, not old.enum or bool(lost and new.enum)


def _type_breadth(old: str, new: str) -> Breadth:
    wider = new == "any" or (old, new) == ("integer", "number")
    narrower = old == "any" or (new, old) == ("integer", "number")
    return (wider, narrower) if wider or narrower else (True, True)


def _minimum_breadth(old: float | None, new: float | None) -> Breadth:
    low, high = (float("-inf") if one is None else one for one in (old, new))
    return high < low, high > low


_LIMITS: dict[str, Callable[[Any, Any], Breadth]] = {
    "format": lambda old, new: (old is not None, new is not None),
    "minimum": _minimum_breadth,
}
