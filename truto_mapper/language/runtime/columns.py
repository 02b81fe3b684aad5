"""Looks through many values at once: those of one field of many objects together, which Python does in fewer steps."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from gc import get_referents
from itertools import chain
from typing import Any, Final

from truto_mapper.language.runtime.values import CHUNK, Constructed, Kept, Missing, Sequence, Walk
from truto_mapper.language.runtime.walks import DEEP, FEW, MANY, PART, is_flat

Values = list[Any] | tuple[Any, ...]

_SCALARS: Final = frozenset((str, int, float, bool, type(None), Missing))
_OBJECTS: Final = frozenset((dict,))
_ARRAYS: Final = frozenset((list, Sequence, Kept, Constructed))
_KNOWN: Final = _SCALARS | _OBJECTS | _ARRAYS


class Columns:
    """Shows a subclass the values within some values, and the objects, level by level, in no order.

    Where `is_sure` becomes false, as for values of other classes, there is no more to see. Unless it is `deep`, what
    is within objects is not shown. Where `only_sizes` matter, not all texts, numbers, booleans and nulls are shown.
    """

    deep, only_sizes = True, False

    def __init__(self, walk: Walk) -> None:
        self.walk, self.is_sure = walk, True

    def scalars(self, values: Values, kinds: set[type]) -> None:
        """There are such texts, numbers, booleans, nulls and undefined values, of these classes."""

    def fields(self, objects: Values) -> None:
        """There are such objects with as many fields each, and what is within them comes next."""

    def arrays(self, arrays: Values, size: int) -> None:
        """There are such arrays with so many items together, and these come next."""

    def others(self, values: Values, depth: int) -> None:  # noqa: ARG002  (for subclasses)
        """There are such values of other classes, or so deep."""
        self.is_sure = False

    def see(self, values: Values, depth: int) -> None:
        """Look at some values, and at what is within them."""
        kinds = set(map(type, values))
        if kinds <= _SCALARS:
            self.scalars(values, kinds)
        elif depth > DEEP:
            self.others(values, depth)
        elif kinds == _OBJECTS:
            if self.deep:
                self.see_within(values, depth)
        elif kinds <= _ARRAYS:
            self._see_arrays(values, depth)
        else:
            self._see_mixed(values, kinds, depth)

    def _see_mixed(self, values: Values, kinds: set[type], depth: int) -> None:
        if not kinds <= _KNOWN:
            self.others([one for one in values if one.__class__ not in _KNOWN], depth)
        if self.is_sure and (some := kinds & _SCALARS):
            self.scalars([one for one in values if one.__class__ in _SCALARS], some)
        if self.is_sure and self.deep and dict in kinds:
            self.see_within([one for one in values if one.__class__ is dict], depth)
        if self.is_sure and not kinds.isdisjoint(_ARRAYS):
            self._see_arrays([one for one in values if one.__class__ in _ARRAYS], depth)

    def see_within(self, objects: Values, depth: int) -> None:
        """Look at what is within some objects, those with as many fields together."""
        for start in self.walk.each(range(0, len(objects), PART)) if len(objects) > PART else (0,):
            part = objects[start : start + PART]
            if len(set(map(len, part))) == 1:
                self._see_fields(part, depth)
                continue
            part = sorted(part, key=len)
            sizes, end = list(map(len, part)), 0
            while self.is_sure and end < len(part):
                first, end = end, bisect_right(sizes, sizes[end])
                self._see_fields(part[first:end], depth)

    def _see_fields(self, objects: Values, depth: int) -> None:
        size = len(objects[0])
        inner = self.walk.enter_each(depth, objects, size)
        self.fields(objects)
        if not self.is_sure:
            return
        values = _within(objects, size * len(objects), dict.values)
        if self.only_sizes and is_flat(values):
            return
        if len(objects) < FEW or size >= MANY:
            self.see(values, inner)
            return
        taken = [n for n in range(size) if not self.only_sizes or values[n].__class__ not in _SCALARS]
        for column in [values[n::size] for n in taken]:
            self.see(column, inner)
        if len(taken) < size:  # what seem scalars are looked at together
            for fewer, n in enumerate(reversed(taken)):
                del values[n :: size - fewer]
            self.see(values, inner)

    def _see_arrays(self, arrays: Values, depth: int) -> None:
        size = sum(map(len, arrays))
        if len(arrays) > 1 and (size > CHUNK or size > MANY * len(arrays)):
            for one in arrays:
                self._see_arrays((one,), depth)
            return
        inner = self.walk.enter_each(depth, arrays, size // len(arrays))
        self.arrays(arrays, size)
        if self.is_sure:
            self.see(_within(arrays, size, iter) if len(arrays) > 1 else arrays[0], inner)


def _within(several: Values, size: int, members: Callable[[Any], Iterable[Any]]) -> list[Any]:
    """What some arrays or objects hold, `size` values.

    The garbage collector lists it in fewer steps; with it, it lists names that are no texts and classes of our own.
    """
    found = get_referents(*several)
    return found if len(found) == size else list(chain.from_iterable(map(members, several)))
