"""How many values `*` and `**` give, without making a sequence of them: `$count(**)`."""

from __future__ import annotations

from typing import Any, Final

from truto_mapper.language.runtime.columns import Columns, Values
from truto_mapper.language.runtime.paths import ended
from truto_mapper.language.runtime.values import Run, Walk, bounded, listed, settled
from truto_mapper.language.runtime.walks import descendants, wildcards

_OBJECTS: Final = frozenset((dict,))


class _Count(Columns):
    """Counts values other than arrays, and the value that holds them."""

    found, only_sizes = 1, True

    def fields(self, objects: Values) -> None:
        self._add(len(objects) * len(objects[0]))

    def arrays(self, arrays: Values, size: int) -> None:
        self._add(size - len(arrays))

    def _add(self, more: int) -> None:
        self.found += more
        bounded(self.found)


def count_descendants(value: Any, run: Run) -> int:
    """`$count(**)`"""
    count = _Count(Walk(run))
    if value.__class__ is dict or value.__class__ is list:
        count.see((value,), 0)
    return count.found if _is_known(count) else len(listed(settled(descendants(value, run))))


def count_wildcards(run: Run, several: Any) -> int:
    """`$count(a.*)`, for the context items of `*`."""
    count = _Count(Walk(run))
    count.deep, count.found = False, 0
    if len(several) > 1 and _OBJECTS.issuperset(map(type, several)):
        count.see_within(several, 0)
    return count.found if _is_known(count) else len(listed(settled(ended(wildcards(run, several), run))))


def _is_known(count: _Count) -> bool:
    """Whether so many values were found: a single one is what a sequence collapses to."""
    return count.is_sure and count.found > 1
