"""Functions of arrays and objects: $keys, $spread, $merge, $append, $reverse, $shuffle, $distinct, and our $size."""

from __future__ import annotations

from typing import Any

from truto_mapper.language.runtime.values import (
    MISSING,
    Missing,
    Run,
    Sequence,
    Walk,
    copy,
    leaves,
    listed,
    truthy,
)


def size(value: Any = MISSING) -> int | Missing:
    """$size: an array's length; 1 for other values, which may be a collapsed sequence; MISSING for MISSING and null."""
    if value is MISSING or value is None:
        return MISSING
    return len(value) if isinstance(value, list) else 1


#: The size of an object with one field, in bytes.
_OBJECT = 232


def boolean(run: Run, value: Any = MISSING) -> bool | Missing:
    return MISSING if value is MISSING else truthy(value, run)


def not_(run: Run, value: Any = MISSING) -> bool | Missing:
    return MISSING if value is MISSING else not truthy(value, run)


def clone(run: Run, value: Any = MISSING) -> Any:
    return MISSING if value is MISSING else copy(run, value)


def keys(run: Run, value: Any) -> Any:
    every = leaves(value, Walk(run))
    return Sequence(dict.fromkeys(key for item in run.each(every) if isinstance(item, dict) for key in item))


def zip_(run: Run, *arrays: Any) -> Any:
    several = [listed(one) for one in arrays]
    length = min(map(len, several), default=0)
    run.spend(length * (64 + 8 * len(several)))
    return list(map(list, zip(*(run.each(one[:length]) for one in several), strict=True)))


def spread(run: Run, value: Any) -> Any:
    if isinstance(value, list) and value and {*map(type, value)} == {dict}:
        run.spend(_OBJECT * sum(map(len, value)))
        return [{key: one} for item in run.each(value) for key, one in item.items()]
    found = Sequence()
    for item in run.each(leaves(value, Walk(run))):
        run.spend(_OBJECT * len(item) if isinstance(item, dict) else 0)
        found += [{key: one} for key, one in item.items()] if isinstance(item, dict) else [item]
    if isinstance(value, list):  # in the reference the result for an array is an array
        return list(found) if value else found
    return found if isinstance(value, dict) else value


def merge(run: Run, objects: Any) -> Any:
    if objects is MISSING:
        return MISSING
    found: dict[str, Any] = {}
    for one in run.each(objects):
        run.tick(len(one) >> 3)
        found.update(one)
    return run.grown(found)


def reverse(values: Any) -> Any:
    return values[::-1] if len(values) > 1 else values


def shuffle(run: Run, values: Any) -> Any:
    if values is MISSING or len(values) <= 1:
        return values
    found, generator = list(values), run.generator()
    for last in run.each(range(len(found) - 1, 0, -1)):
        place = int(generator.random() * (last + 1))
        found[last], found[place] = found[place], found[last]
    return found


def distinct(run: Run, values: Any) -> Any:
    if not isinstance(values, list) or len(values) <= 1:
        return values
    found: dict[Any, Any] = {}
    walk = Walk(run)
    run.spend(_INDEXED * len(values))
    for value in run.each(values):
        found.setdefault(_frozen(value, 0, walk), value)
    return (Sequence if isinstance(values, Sequence) else list)(found.values())


#: The size of a key in a dict, in bytes, and the integers from here on whose hashes may be equal.
_INDEXED = 100
_WRAPPING = 2**61 - 1


def _frozen(value: Any, depth: int, walk: Walk) -> Any:
    """A hashable key that only equal values share: booleans are not numbers, and fields have no order.

    Python hashes numbers, and tuples of them, in a way that anybody can foresee, and so make them all equal. It mixes
    a secret into the hashes of bytes.
    """
    if isinstance(value, list):
        inner = walk.enter(depth, value)
        return list, tuple(_frozen(item, inner, walk) for item in value)
    if isinstance(value, dict):
        inner = walk.enter(depth, value)
        return dict, frozenset((key, _frozen(item, inner, walk)) for key, item in value.items())
    if isinstance(value, bool):
        return bool, value
    if not isinstance(value, (int, float)) or value != value or (not depth and abs(value) < _WRAPPING):  # noqa: PLR0124
        return value
    return (value.hex() if isinstance(value, float) and not value.is_integer() else hex(int(value))).encode()
