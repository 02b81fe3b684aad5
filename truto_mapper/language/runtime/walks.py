"""Walks through values: `*` and `**`, the leaves of nested arrays, and copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

from truto_mapper.language.runtime.values import (
    CHUNK,
    MAX_LENGTH,
    MISSING,
    Function,
    Missing,
    Native,
    Run,
    Sequence,
    Walk,
    bounded,
    finite,
    key_text,
    refuse_value,
    settled,
)

_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
_NO_ARRAYS: Final = _SCALARS | {dict, Missing}
_KNOWN: Final = _NO_ARRAYS | {list}

#: So many values are taken by types and fields: at least so many of a type at once, which Python does in fewer steps,
#: and at most a part.
MANY: Final = 32
FEW: Final = 8
PART: Final = 256
#: What is nested deeper is looked at one by one, which takes less of Python's stack.
DEEP: Final = 20
_OBJECTS: Final = frozenset((dict,))
_NESTED: Final = frozenset((dict, list))


def apart(keys: Iterable[Any], values: list[Any], take: Callable[[list[Any]], list[Any]]) -> list[Any]:
    """What `take` gives for each of some values, of which only those with equal keys are taken at once."""
    places: dict[Any, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    found: list[Any] = [None] * len(values)
    for several in places.values():
        for place, one in zip(several, take([values[place] for place in several]), strict=True):
            found[place] = one
    return found


def by_fields(
    several: list[dict[Any, Any]], take: Callable[[list[Any]], list[Any]], fields: Callable[[Any], Any] = tuple
) -> list[Any]:
    """What `take` gives for each of some objects, of which only those with the same fields are taken at once.

    Where names do not matter, `fields` is `len`.
    """
    keys = list(map(fields, several))
    if keys.count(keys[0]) == len(several):
        return take(several)
    return apart(keys, several, take)


def is_flat(members: Iterable[Any]) -> bool:
    """Whether the items of an array, or the values of an object, are texts, numbers, booleans and nulls."""
    return _SCALARS.issuperset(map(type, members))


def leaves(value: Any, walk: Walk, depth: int = 0, found: list[Any] | None = None) -> list[Any]:
    """Flatten nested arrays into `found`; any other value is one leaf."""
    found = [] if found is None else found
    if not isinstance(value, list):
        found.append(value)
        return found
    inner = walk.enter(depth, value)
    if _NO_ARRAYS.issuperset(map(type, value)):
        found.extend(value)
        return found
    for item in walk.each(value):
        leaves(item, walk, inner, found)
    return found


def wildcard(value: Any, run: Run | None = None) -> Any:
    """`*`: the values of an object's fields, arrays flattened."""
    if isinstance(value, dict):
        value = list(value.values())
    elif not isinstance(value, list):
        return Sequence()
    if run is not None:
        run.tick(len(value) + 1)
    if _NO_ARRAYS.issuperset(map(type, value)):
        return Sequence(value)
    nested, walk = False, Walk(run)
    found: list[Any] = []
    for item in walk.each(value):
        if item.__class__ in _NO_ARRAYS:
            found.append(item)
        elif item.__class__ is list and _NO_ARRAYS.issuperset(map(type, item)):
            nested = True
            found.extend(item)
        else:
            nested = nested or isinstance(item, list)
            leaves(item, walk, 0, found)
    # In the reference, an array that others were joined to is not a sequence, and does not collapse.
    return found if nested else Sequence(found)


def wildcards(run: Run, several: Any) -> list[Any]:
    """The results of `*` for several context items, to be joined."""
    if len(several) <= 1:
        return [one for item in several if (one := settled(wildcard(item, run))) is not MISSING]
    found, walk = Sequence(), Walk(run)
    if len(several) >= MANY and _OBJECTS.issuperset(map(type, several)):
        _add_alike(list(several), found, lambda part: _members(part, run, walk))
        return [found] if found else []
    for item in run.each(several):
        members = item.values() if item.__class__ is dict else ()
        kinds = set(map(type, members))
        if item.__class__ is not dict or not kinds <= _KNOWN or len(members) >= CHUNK:
            found.extend(wildcard(item, run))
        elif list in kinds:
            for one in members:
                if one.__class__ is not list:
                    found.append(one)
                elif _NO_ARRAYS.issuperset(map(type, one)):
                    found.extend(one)
                else:
                    leaves(one, walk, 0, found)
        else:
            found.extend(members)
        if len(found) > MAX_LENGTH:
            bounded(len(found))
    return [found] if found else []


def _add_alike(several: list[Any], found: list[Any], take: Callable[[list[Any]], list[Any]]) -> None:
    """Add what `take` gives for each of many objects, of which a part with as many fields is taken at once."""
    for start in range(0, len(several), PART):
        found.extend(chain.from_iterable(by_fields(several[start : start + PART], take, len)))
        bounded(len(found))


def _members(several: list[Any], run: Run, walk: Walk) -> list[Any]:
    """What `*` gives for each of some objects with as many fields."""
    own = Walk(run)
    own.enter_each(0, several, len(several[0]))
    columns = _columns(zip(*map(dict.values, several), strict=True), _NO_ARRAYS, 0, own) if several[0] else None
    if columns is None:
        return [wildcard(one, run) for one in several]
    walk.visits += own.visits
    return list(zip(*columns, strict=True))


def _columns(
    fields: Iterable[Any], plain: frozenset[Any], depth: int, walk: Walk, only: bool = False
) -> list[Any] | None:
    """The fields of some objects, each followed by what is within its values, unless they are `plain`.

    `only` those whose values are objects. None if a field does not have the same structure in all objects.
    """
    columns: list[Any] = []
    for values in fields:
        kinds = set(map(type, values))
        if kinds <= plain:
            columns += () if only else (values,)
            continue
        if len(kinds) > 1 or kinds.isdisjoint(_NESTED) or (size := len(values[0])) >= MANY:
            return None
        shapes = list(map(len, values))
        if shapes.count(shapes[0]) < len(shapes):
            return None
        inner = walk.enter_each(depth, values, size)
        members = zip(*map(dict.values, values) if dict in kinds else values, strict=True)
        within = _columns(members, plain, inner, walk, only)
        if within is None:
            return None
        columns += [values, *within] if dict in kinds else within
    return columns


def _within(several: list[Any], depth: int, walk: Walk, only: bool) -> list[Any]:
    """What `**` gives for each of some objects with as many fields."""
    own = Walk(walk.clock)
    columns = _columns([several], _SCALARS, depth, own, only) if len(several) >= FEW else None
    if columns is not None:
        walk.visits += own.visits
        return list(zip(*columns, strict=True))
    found: list[Any] = [[one] for one in several]
    for one in found:
        _descend(one[0], one, depth, walk, only)
    return found


def descendants(value: Any, run: Run | None = None, only: bool = False) -> Any:
    """`**`: a value and all values within it, without the arrays themselves; `only` the objects if a field follows."""
    if value is MISSING:
        return MISSING
    found = Sequence(() if isinstance(value, list) else (value,))
    if isinstance(value, (dict, list)):
        _descend(value, found, 0, Walk(run), only)
    return found[0] if len(found) == 1 else found


def objects(value: Any, run: Run | None = None) -> Any:
    """`**` before a field: as `descendants`, but of the values within only objects."""
    return descendants(value, run, only=True)


def _descend(value: Any, found: list[Any], depth: int, walk: Walk, only: bool) -> None:
    """Add what is within an array or object."""
    inner = walk.enter(depth, value)
    if len(value) >= MANY and depth < DEEP and isinstance(value, list) and _OBJECTS.issuperset(map(type, value)):
        _add_alike(value, found, lambda part: _within(part, inner, walk, only))
        return
    members = value.values() if isinstance(value, dict) else walk.each(value)
    for item in [one for one in members if one.__class__ not in _SCALARS] if only else members:
        kind = item.__class__
        if kind in _SCALARS:
            found.append(item)
        elif kind is dict and is_flat(item.values()):
            found.append(item)
            found.extend(() if only else item.values())
        elif kind is list and is_flat(item):
            found.extend(() if only else item)
        else:
            if not isinstance(item, list):
                found.append(item)
            if isinstance(item, (dict, list)):
                _descend(item, found, inner, walk, only)
    bounded(len(found))


def copy(run: Run, value: Any) -> Any:
    """A deep copy; functions become empty texts."""
    if isinstance(value, (dict, list)):
        return _copied(value, run, 0, Walk(run))
    return "" if isinstance(value, Function) else value


def _copied(value: Any, run: Run, depth: int, walk: Walk) -> Any:
    if isinstance(value, Native):
        return value
    inner = walk.enter(depth, value)
    made: Any = dict(value) if isinstance(value, dict) else list(value)
    size = made.__sizeof__()
    for key, item in value.items() if isinstance(value, dict) else enumerate(walk.each(value)):
        kind = item.__class__
        if kind in _SCALARS:
            continue
        if (kind is dict and is_flat(item.values())) or (kind is list and is_flat(item)):
            made[key] = item.copy()
            size += item.__sizeof__()
        elif isinstance(item, (dict, list)):
            made[key] = _copied(item, run, inner, walk)
        elif isinstance(item, Function):
            made[key] = ""
        elif item is MISSING and isinstance(value, list):
            made[key] = None
    run.spend(size)
    return made


def received(value: Any, walk: Walk, depth: int = 0) -> Any:
    """The result of a caller's function, checked to be JSON, and copied: the caller cannot change it any more."""
    if value is None or value is MISSING or isinstance(value, bool):
        return value
    if isinstance(value, str):
        walk.write(len(value))
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, dict):
        inner = walk.enter(depth, value)
        made = {str.__str__(key_text(key)): received(item, walk, inner) for key, item in dict.items(value)}
        return {key: item for key, item in made.items() if item is not MISSING}
    if isinstance(value, (list, tuple)):
        inner = walk.enter(depth, value)
        items_ = list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value)
        return [received(item, walk, inner) for item in items_ if item is not MISSING]
    return finite(float.__float__(value)) if isinstance(value, float) else refuse_value(value)
