"""How long values are as JSON."""

from __future__ import annotations

from typing import Any, Final

from truto_mapper.language.runtime.columns import Columns, Values
from truto_mapper.language.runtime.values import Missing, Walk
from truto_mapper.language.runtime.walks import DEEP, MANY

_SCALARS: Final = frozenset((str, int, float, bool, type(None), Missing))
_TEXTS: Final = frozenset((str,))


def measure(value: Any, walk: Walk, depth: int = 0) -> None:
    """Count the characters of a value as JSON: texts as often as they occur, other scalars as three."""
    if isinstance(value, str):
        walk.write(len(value))
    elif isinstance(value, (list, dict)):
        inner = walk.enter(depth, value)
        size = 3 * len(value) + 2
        if len(value) >= MANY and depth < DEEP:
            walk.write(size)
            _Sizes(walk).see(list(value.values() if isinstance(value, dict) else value), inner)
            return
        for item in value.values() if isinstance(value, dict) else value:
            kind = item.__class__
            if kind is str:
                size += len(item)
            elif kind not in _SCALARS:
                measure(item, walk, inner)
        walk.write(size)


class _Sizes(Columns):
    """Counts the characters of many values."""

    def scalars(self, values: Values, kinds: set[type]) -> None:
        """Only texts count; what holds the values counts three for each."""
        if str in kinds:
            self.walk.write(sum(map(len, values if kinds == _TEXTS else [v for v in values if v.__class__ is str])))

    def fields(self, objects: Values) -> None:
        self.walk.write((3 * len(objects[0]) + 2) * len(objects))

    def arrays(self, arrays: Values, size: int) -> None:
        self.walk.write(3 * size + 2 * len(arrays))

    def others(self, values: Values, depth: int) -> None:
        for one in values:
            measure(one, self.walk, depth)
