"""How long values are as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from truto_mapper.language.runtime.values import CHUNK, Missing, Walk
from truto_mapper.language.runtime.walks import FEW, MANY, PART

_SCALARS: Final = frozenset((str, int, float, bool, type(None), Missing))
_TEXTS: Final = frozenset((str,))
_KNOWN: Final = _SCALARS | {dict, list}


def measure(value: Any, walk: Walk, depth: int = 0) -> None:
    """Count the characters of a value as JSON: texts as often as they occur, other scalars as three."""
    if isinstance(value, str):
        walk.write(len(value))
    elif isinstance(value, (list, dict)):
        inner = walk.enter(depth, value)
        size = 3 * len(value) + 2
        if len(value) >= MANY:
            walk.write(size)
            _measure_parts(list(value.values()) if isinstance(value, dict) else value, walk, inner)
            return
        for item in value.values() if isinstance(value, dict) else value:
            kind = item.__class__
            if kind is str:
                size += len(item)
            elif kind not in _SCALARS:
                measure(item, walk, inner)
        walk.write(size)


def _measure_parts(values: list[Any], walk: Walk, depth: int) -> None:
    for start in walk.each(range(0, len(values), PART)):
        _measure_each(values[start : start + PART], walk, depth)


def _measure_each(values: Any, walk: Walk, depth: int) -> None:
    """Count the characters of some values; those of one type are counted together, in fewer steps."""
    kinds = set(map(type, values))
    if kinds == _TEXTS:
        walk.write(sum(map(len, values)))
    elif kinds <= _SCALARS:
        walk.write(sum([len(value) for value in values if value.__class__ is str]))
    elif len(values) < FEW or not kinds <= _KNOWN:
        for value in values:
            measure(value, walk, depth)
    elif len(kinds) > 1:
        for several in _grouped(map(type, values), values):
            _measure_each(several, walk, depth)
    elif dict in kinds:
        for several in _grouped(map(tuple, values), values):
            _measure_objects(several, walk, depth)
    else:
        _measure_arrays(values, walk, depth)


def _grouped(keys: Iterable[Any], values: Any) -> Iterable[list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for key, value in zip(keys, values, strict=True):
        groups.setdefault(key, []).append(value)
    return groups.values()


def _measure_objects(several: list[Any], walk: Walk, depth: int) -> None:
    """Count the characters of objects with the same fields."""
    if len(several) < FEW:
        for value in several:
            measure(value, walk, depth)
        return
    size = len(several[0])
    inner = walk.enter_each(depth, several, size)
    walk.write((3 * size + 2) * len(several))
    for column in zip(*map(dict.values, several), strict=True):
        _measure_each(column, walk, inner)


def _measure_arrays(several: Any, walk: Walk, depth: int) -> None:
    size = sum(map(len, several))
    if size > CHUNK:
        for value in several:
            measure(value, walk, depth)
        return
    inner = walk.enter_each(depth, several, size // len(several))
    walk.write(3 * size + 2 * len(several))
    _measure_parts(list(chain.from_iterable(several)), walk, inner)
