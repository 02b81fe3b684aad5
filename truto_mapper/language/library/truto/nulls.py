"""Functions of values that may be missing: $firstNonEmpty, $removeEmpty, $removeEmptyItems, $compact, $mapValues."""

from __future__ import annotations

from typing import Any

from truto_mapper.language.library.truto.ecmascript import exact_text, is_falsy, is_nothing, ordered
from truto_mapper.language.library.truto.lists import cast
from truto_mapper.language.library.truto.objects import fields_of
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Run, Walk


def first_non_empty(run: Run, *values: Any) -> Any:  # noqa: ARG001  (all take it)
    """The first argument that is neither undefined nor null."""
    return next((one for one in values if not is_nothing(one)), MISSING)


def remove_empty(run: Run, value: Any = MISSING) -> Any:  # noqa: ARG001
    """A text or an array that is not empty; an object if its field `length` is set."""
    if is_nothing(value):
        refuse("T0410", "removeEmpty", 1, "a text, an array or an object", value)
    if isinstance(value, dict):
        return MISSING if is_falsy(value.get("length", MISSING)) else value
    return value if isinstance(value, (str, list)) and value else MISSING


def remove_empty_items(run: Run, values: Any = MISSING) -> Any:
    """An array without false values, empty arrays and empty objects."""
    if not isinstance(values, list):
        return values
    return [one for one in run.each(values) if (one if isinstance(one, (list, dict)) else not is_falsy(one))]


def compact(run: Run, values: Any = MISSING) -> list[Any]:
    """The items that are not false, 0, "", null or NaN."""
    return [one for one in run.each(cast(values)) if not is_falsy(one)]


def map_values(run: Run, value: Any = MISSING, table: Any = MISSING, exact: Any = False, default: Any = None) -> Any:
    """A value looked up in a table by its text in lower case; a value that is not there is unchanged."""
    default = None if default is MISSING else default
    if is_nothing(value) and default is not None:
        return default
    if is_nothing(table):
        return value
    entries = fields_of(table)
    run.tick(len(entries) >> 2)
    if exact is MISSING or is_falsy(exact):
        entries = {key.lower(): one for key, one in ordered(entries).items()}
    return _mapped(run, value, entries, 0, Walk(run))


def _mapped(run: Run, value: Any, entries: dict[str, Any], depth: int, walk: Walk) -> Any:
    if isinstance(value, (list, dict)):
        inner = walk.enter(depth, value)
        run.spend(value.__sizeof__())
        if isinstance(value, list):
            return [_mapped(run, one, entries, inner, walk) for one in value]
        return {key: _mapped(run, one, entries, inner, walk) for key, one in value.items()}
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    found = entries.get(exact_text(run, value).lower())
    return value if found is None or found is MISSING else found
