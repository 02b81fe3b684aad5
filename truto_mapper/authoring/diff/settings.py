"""The settings of an account: what changed between two mappings."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from truto_mapper.authoring.diff.changes import JSON, REFUSED, Change, at_key, quoted
from truto_mapper.engine.mapper import Mapper
from truto_mapper.text.diagnostics import Severity


def settings(old: Mapper, new: Mapper) -> Iterator[Change]:
    """Which settings accounts can have, and which values of them."""
    before, after = old.mapping.context_schemas, new.mapping.context_schemas
    for name in dict.fromkeys([*after, *before]):
        root = (new if name in after else old).mapping.root
        for code, severity, message in _setting(f"the setting `{name}`", before.get(name), after.get(name)):
            made = at_key(root, ("context", name), code, severity, message)
            differs = _sealed(old, name) != _sealed(new, name)
            yield _refusing(made) if (name not in after or code == "B306") and differs else made


def _sealed(mapper: Mapper, name: str) -> Any:
    """The default of a setting, where that is part of what cursors belong to."""
    mapping = mapper.mapping
    return None if name in mapping.only_joins_read else mapping.context_schemas.get(name, {}).get("default")


def _refusing(one: Change) -> Change:
    return replace(one, found=replace(one.found, hint=one.found.hint or REFUSED), refuses_cursors=True)


def _setting(what: str, old: JSON | None, new: JSON | None) -> Iterator[tuple[str, Severity, str]]:
    if old is None and new is not None and "default" in new:
        yield "B306", "warning", f"{what} was added with the default {quoted(new['default'])}"
    elif old is None:
        yield "B308", "note", f"{what} was added"
    if new is None:
        yield "B316", "error", f"{what} was removed"
    if old is None or new is None:
        return
    for key in sorted((old.keys() | new.keys()) - ANNOTATIONS):
        was, now = old.get(key), new.get(key)
        if was != now or type(was) is not type(now):
            code, severity = _verdict(key, was, now)
            yield code, severity, f"{what}: {key} {quoted(was)} → {quoted(now)}"


def _verdict(key: str, old: Any, new: Any) -> tuple[str, Severity]:
    if key == "default":
        return "B306", "warning"
    return ("B316", "error") if _narrows(key, old, new) else ("B308", "note")


def _narrows(key: str, old: Any, new: Any) -> bool:
    """Whether a keyword of JSON Schema refuses values that it allowed. None is a keyword that is not there."""
    if new is None:
        return False
    match key:
        case "type":
            return old is None or not _kinds(old) <= _kinds(new)
        case "enum":
            return old is None or any(value not in new for value in old)
        case "required":
            return not {*new} <= {*(old or ())}
    if key in _LOWEST or key in _HIGHEST:
        return old is None or (new > old if key in _LOWEST else new < old)
    return True


#: The keywords of JSON Schema that are for people.
ANNOTATIONS = {"description", "title", "examples", "deprecated", "$comment"}
_LOWEST = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_HIGHEST = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


def _kinds(types: str | list[str]) -> set[str]:
    kinds = {types} if isinstance(types, str) else {*types}
    return kinds | ({"integer"} if "number" in kinds else set())
