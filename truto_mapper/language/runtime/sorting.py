"""Sorts: `^(terms)` and $sort. Clean keys are sorted by Python, all others as the reference does it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from truto_mapper.language.runtime.paths import is_comparable
from truto_mapper.language.runtime.values import BOUNDS, MISSING, Run, Sequence, Tuples, fail, instead, quoted
from truto_mapper.text.errors import EvaluationError

#: The terms of an order: functions of an item that give its key, and whether the order is descending.
Terms = tuple[tuple[Callable[[Any], Any], bool], ...]

#: The size of an item to sort, in bytes.
_KEYED = 232


def ordered(run: Run, value: Any, terms: Terms) -> Any:
    """`^(terms)`: the sorted items."""
    if len(value) <= 1:
        return value if isinstance(value, Tuples) else Sequence(value)
    run.spend(_KEYED * len(value))
    keys = _keys(run, value, terms)
    if keys is None:
        # As in the reference, a key is not evaluated before a comparison needs it.
        keyed = merge_sorted([({}, item) for item in run.each(value)], lambda a, b: _comes_after(run, a, b, terms))
        made = [item for _, item in keyed]
    else:
        order = list(range(len(value)))
        for several, (_, descending) in zip(reversed(keys), reversed(terms), strict=True):
            order = in_order(run, order, several.__getitem__, reverse=descending)
        made = [value[place] for place in order]
    return Tuples(made) if isinstance(value, Tuples) else made


def _keys(run: Run, value: Any, terms: Terms) -> list[list[Any]] | None:
    """The keys of the items for each term, if for each all are texts or all numbers. Otherwise None."""
    depth, found = run.depth, []
    try:
        for key_of, _ in terms:
            keys = [key_of(item) for item in run.each(value)]
            if not is_clean(keys):
                return None
            found.append(keys)
    except EvaluationError as error:
        if error.diagnostics[0].code in BOUNDS:
            raise
        run.depth = depth
        return None  # the comparisons may meet another error first
    return found


def is_clean(keys: list[Any]) -> bool:
    """Whether keys are all texts, or all numbers, so that any sort that is stable gives the same order."""
    kinds = set(map(type, keys))
    if not kinds <= {int, float}:
        return kinds == {str}
    return float not in kinds or all(key == key for key in keys)  # noqa: PLR0124  (NaN has no place)


def merge_sorted(found: list[Any], comes_after: Callable[[Any, Any], bool]) -> list[Any]:
    """The items merge-sorted exactly as the reference does it, which shows where `comes_after` is no order, or fails.

    `comes_after` tells of an item, and one further right, whether they change places.
    """
    if len(found) <= 1:
        return found
    middle = len(found) // 2
    left, right = merge_sorted(found[:middle], comes_after), merge_sorted(found[middle:], comes_after)
    merged = []
    at = other = 0
    while at < len(left) and other < len(right):
        if comes_after(left[at], right[other]):
            merged.append(right[other])
            other += 1
        else:
            merged.append(left[at])
            at += 1
    return [*merged, *left[at:], *right[other:]]


#: The items that are sorted without a look at the clock, and how long the texts may be for that.
_SORTED = 65_536
_LONG = 1_000


class _Watched:
    """A text to sort by, each comparison of which counts as work."""

    __slots__ = ("run", "text")

    def __init__(self, run: Run, text: str) -> None:
        self.run, self.text = run, text

    def __lt__(self, other: _Watched) -> bool:
        self.run.tick(1 + (len(self.text) >> 10))
        return self.text < other.text


def in_order(
    run: Run, values: list[Any], key: Callable[[Any], Any] | None = None, *, reverse: bool = False
) -> list[Any]:
    """The sorted values: parts of them are sorted, then merged by sorting two parts as one."""
    keys = list(map(key, values)) if key else values
    if keys and isinstance(keys[0], str) and sum(map(len, keys)) > _LONG * len(keys):
        return sorted(values, key=lambda value: _Watched(run, key(value) if key else value), reverse=reverse)
    parts: list[list[Any]] = []
    for start in range(0, len(values), _SORTED):
        part = values[start : start + _SORTED]
        run.tick(len(part))
        parts.append(sorted(part, key=key, reverse=reverse))
    while len(parts) > 1:
        merged: list[list[Any]] = []
        for left, right in zip_longest(parts[::2], parts[1::2], fillvalue=parts[0][:0]):
            run.tick(len(left))
            merged.append(sorted([*left, *right], key=key, reverse=reverse))
        parts = merged
    return parts[0] if parts else []


def _comes_after(run: Run, left: Any, right: Any, terms: Terms) -> bool:
    run.tick()
    for place, (key_of, descending) in enumerate(terms):
        a, b = (keys[place] if place in keys else keys.setdefault(place, key_of(item)) for keys, item in (left, right))
        if a is MISSING or b is MISSING:
            if a is b:
                continue
            return a is MISSING
        for value in (a, b):
            if not is_comparable(value):
                fail("T2008", f"a key of a sort must be a number or a string, not {quoted(value)}", instead(value))
        if isinstance(a, str) is not isinstance(b, str):
            fail("T2007", f"a sort cannot compare {quoted(a)} with {quoted(b)}", "`$string(…)` makes a text of any key")
        if a != b:
            return (a < b) is descending
    return False
