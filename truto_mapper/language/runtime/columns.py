"""Looks through many values at once: those of one field of many objects together, which Python does in fewer steps."""

from __future__ import annotations

from itertools import chain
from typing import Any, Final

from truto_mapper.language.runtime.values import CHUNK, Missing, Walk
from truto_mapper.language.runtime.walks import FEW, MANY, PART

Values = list[Any] | tuple[Any, ...]

_SCALARS: Final = frozenset((str, int, float, bool, type(None), Missing))
_OBJECTS: Final = frozenset((dict,))
_ARRAYS: Final = frozenset((list,))


class Columns:
    """Shows a subclass the values within some values, and the objects, level by level, in no order.

    Where `is_sure` becomes false, as for values of other classes, there is no more to see.
    """

    deep = True

    def __init__(self, walk: Walk) -> None:
        self.walk, self.is_sure = walk, True

    def scalars(self, values: Values, kinds: set[type]) -> None:
        """There are such texts, numbers, booleans, nulls and undefined values, of these classes."""

    def objects(self, values: Values) -> None:
        """There are such objects."""

    def fields(self, objects: Values) -> None:
        """There are such objects with as many fields each, and what is within them comes next."""

    def arrays(self, arrays: Values, size: int) -> None:
        """There are such arrays with so many items together, and these come next."""

    def others(self, values: Values, depth: int) -> None:  # noqa: ARG002  (for subclasses)
        """There are such values of other classes."""
        self.is_sure = False

    def see(self, values: Values, depth: int) -> None:
        """Look at some values, and if `deep` at what is within objects."""
        kinds = set(map(type, values))
        if kinds <= _SCALARS:
            self.scalars(values, kinds)
        elif kinds == _ARRAYS:
            self._see_arrays(values, depth)
        elif kinds == _OBJECTS:
            self.objects(values)
            if self.deep:
                self.see_within(values, depth)
        else:
            self._see_mixed(values, kinds, depth)

    def _see_mixed(self, values: Values, kinds: set[type], depth: int) -> None:
        known = _SCALARS | _OBJECTS | _ARRAYS
        if not kinds <= known:
            self.others([one for one in values if one.__class__ not in known], depth)
        for some in (_SCALARS, _OBJECTS, _ARRAYS):
            if self.is_sure and not kinds.isdisjoint(some):
                self.see([one for one in values if one.__class__ in some], depth)

    def see_within(self, objects: Values, depth: int) -> None:
        """Look at what is within some objects."""
        for start in self.walk.each(range(0, len(objects), PART)):
            part = objects[start : start + PART]
            sizes = list(map(len, part))
            if sizes.count(sizes[0]) == len(sizes):
                self._see_fields(part, depth)
                continue
            groups: dict[int, list[Any]] = {}
            for size, one in zip(sizes, part, strict=True):
                groups.setdefault(size, []).append(one)
            for alike in groups.values():
                self._see_fields(alike, depth)

    def _see_fields(self, objects: Values, depth: int) -> None:
        size = len(objects[0])
        inner = self.walk.enter_each(depth, objects, size)
        self.fields(objects)
        members = map(dict.values, objects)
        if len(objects) < FEW or size >= MANY:
            self.see(list(chain.from_iterable(members)), inner)
            return
        for column in zip(*members, strict=True) if self.is_sure else ():
            self.see(column, inner)

    def _see_arrays(self, arrays: Values, depth: int) -> None:
        size = sum(map(len, arrays))
        if len(arrays) > 1 and size > CHUNK:
            for one in arrays:
                self._see_arrays((one,), depth)
            return
        inner = self.walk.enter_each(depth, arrays, size // len(arrays))
        self.arrays(arrays, size)
        if self.is_sure:
            self.see(list(chain.from_iterable(arrays)) if len(arrays) > 1 else arrays[0], inner)
