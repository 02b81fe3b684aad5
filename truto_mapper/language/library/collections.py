"""Functions of arrays and objects: $keys, $spread, $merge, $append, $reverse, $shuffle, $distinct, and our $size."""

from __future__ import annotations

from typing import Any

from truto_mapper.language.runtime.paths import appended
from truto_mapper.language.runtime.values import MISSING, Missing, Run, Sequence, Walk, leaves


def size(value: Any = MISSING) -> int | Missing:
    """$size: an array's length; 1 for other values, which may be a collapsed sequence; MISSING for MISSING and null."""
    if value is MISSING or value is None:
        return MISSING
    return len(value) if isinstance(value, list) else 1


def keys(value: Any) -> Any:
    return Sequence(dict.fromkeys(key for item in leaves(value, Walk()) if isinstance(item, dict) for key in item))


def spread(value: Any) -> Any:
    found = Sequence()
    for item in leaves(value, Walk()):
        found += [{key: one} for key, one in item.items()] if isinstance(item, dict) else [item]
    if isinstance(value, list):  # in the reference the result for an array is an array
        return list(found) if value else MISSING
    return found if isinstance(value, dict) else value


def merge(objects: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: value for one in objects for name, value in one.items()}


def append(run: Run, left: Any = MISSING, right: Any = MISSING) -> Any:
    found = appended(left, right)
    return run.grown(found) if isinstance(found, list) else found


def reverse(values: Any) -> Any:
    return values[::-1] if len(values) > 1 else values


def shuffle(run: Run, values: Any) -> Any:
    return MISSING if values is MISSING else run.generator().sample(values, len(values))


def distinct(values: Any) -> Any:
    if not isinstance(values, list) or len(values) <= 1:
        return values
    found: dict[Any, Any] = {}
    walk = Walk()
    for value in values:
        found.setdefault(_frozen(value, 0, walk), value)
    return (Sequence if isinstance(values, Sequence) else list)(found.values())


def _frozen(value: Any, depth: int, walk: Walk) -> Any:
    """A hashable key that only equal values share: booleans are not numbers, and fields have no order."""
    if isinstance(value, list):
        inner = walk.enter(depth)
        return list, tuple(_frozen(item, inner, walk) for item in value)
    if isinstance(value, dict):
        inner = walk.enter(depth)
        return dict, frozenset((key, _frozen(item, inner, walk)) for key, item in value.items())
    return (bool, value) if isinstance(value, bool) else value
