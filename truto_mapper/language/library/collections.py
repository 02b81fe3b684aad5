"""Functions of arrays and objects: $keys, $spread, $merge, $append, $reverse, $shuffle, $distinct, and our $size."""

from __future__ import annotations

from typing import Any

from truto_mapper.language.runtime.sets import INDEXED, frozen, keys_of
from truto_mapper.language.runtime.values import (
    CHUNK,
    MISSING,
    Missing,
    Run,
    Sequence,
    Walk,
    listed,
    truthy,
)
from truto_mapper.language.runtime.walks import copy, leaves


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
    found: dict[str, Any] = {}
    every = value
    if not isinstance(value, list) or not _OBJECTS.issuperset(map(type, value)):
        every = [item for item in leaves(value, Walk(run)) if isinstance(item, dict)]
    known: set[str] = set()
    # Most objects have the keys of the first one.
    for part in (every[:1], *(every[start : start + _PART] for start in range(1, len(every), _PART))):
        before = len(known)
        known.update(*part)
        run.tick(len(part) * len(known) >> 3)
        if len(known) > before:  # in the order in which they come
            for one in part:
                found.update(one)
    return Sequence(found)


#: The objects that are read between two looks at the clock.
_PART = 64
_OBJECTS = frozenset((dict,))


def zip_(run: Run, *arrays: Any) -> Any:
    several = [listed(one) for one in arrays]
    length = min(map(len, several), default=0)
    run.spend(length * (64 + 8 * len(several)))
    found: list[list[Any]] = []
    for start in range(0, length, CHUNK):
        end = min(length, start + CHUNK)
        run.tick(end - start)
        found.extend(map(list, zip(*(one[start:end] for one in several), strict=True)))
    return found


def spread(run: Run, value: Any) -> Any:
    if isinstance(value, list) and value and {*map(type, value)} == {dict}:
        run.spend(_OBJECT * sum(map(len, value)))
        return [{key: one} for item in run.each(value) for key, one in item.items()]
    found = Sequence()
    every = leaves(value, Walk(run))
    for start in range(0, len(every), _PART):
        part = every[start : start + _PART]
        size = sum([len(item) for item in part if isinstance(item, dict)])
        run.tick(size + len(part))
        run.spend(_OBJECT * size)
        for item in part:
            if isinstance(item, dict):
                found.extend([{key: one} for key, one in item.items()])
            else:
                found.append(item)
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
    kind = Sequence if isinstance(values, Sequence) else list
    found: dict[Any, Any] = {}
    walk = Walk(run)
    for start in range(0, len(values), CHUNK):
        part, before, visits = values[start : start + CHUNK], len(found), walk.visits
        run.tick(len(part))
        if (keys := keys_of(part)) is None:
            for value in part:
                found.setdefault(frozen(value, walk), value)
        elif found:
            for key in keys:
                found.setdefault(key, key)
        else:
            found = dict(zip(keys, keys, strict=True))
        run.spend(INDEXED * (len(found) - before) * (1 + (walk.visits - visits) // len(part)))
    return kind(found.values())
