"""Functions that take functions: $map, $filter, $single, $reduce, $each, $sift, $sort."""

from __future__ import annotations

from typing import Any

from truto_mapper.language.runtime.calls import applied_to, apply
from truto_mapper.language.runtime.sorting import in_order, merge_sorted
from truto_mapper.language.runtime.values import MISSING, Function, Run, Sequence, fail, is_number, stored, truthy


def _handed(run: Run, function: Function, *offered: Any) -> Any:
    """The result of a function for a value, its index and its array, as many of them as it takes."""
    return applied_to(run, None, function, offered[: max(function.arity, 1)])


def map_(run: Run, values: Any, function: Any) -> Any:
    if values is MISSING:
        return MISSING
    found = Sequence()
    for index, value in enumerate(values):
        made = _handed(run, function, value, index, values)
        if made is not MISSING:
            found.append(stored(made))
    return found


def filter_(run: Run, values: Any, function: Any) -> Any:
    if values is MISSING:
        return MISSING
    found = Sequence()
    for index, value in enumerate(values):
        if truthy(_handed(run, function, value, index, values)):
            found.append(value)
    return found


def single(run: Run, values: Any, function: Any = MISSING) -> Any:
    if values is MISSING:
        return MISSING
    found = values if function is MISSING else filter_(run, values, function)
    if len(found) > 1:
        fail("D3138", "The $single() function expected exactly 1 matching result. Instead it matched more.")
    if not found:
        fail("D3139", "The $single() function expected exactly 1 matching result. Instead it matched 0.")
    return found[0]


def reduce_(run: Run, values: Any, function: Any, initial: Any = MISSING) -> Any:
    if values is MISSING:
        return MISSING
    if function.arity < 2:
        fail("D3050", "The second argument of reduce function must be a function with at least two arguments")
    skipped = 1 if initial is MISSING and values else 0
    result = values[0] if skipped else initial
    made = 0
    for index, value in enumerate(values[skipped:], skipped):
        budget, before = run.budget, result
        budget.spent -= min(made, before.__sizeof__())  # what is made next replaces it
        start = budget.spent
        result = applied_to(run, None, function, (result, value, index, values)[: max(function.arity, 2)])
        made = 0 if result is before else budget.spent - start
    return result


def each(run: Run, value: Any, function: Any) -> Any:
    found = Sequence()
    for key, one in (value or {}).items():
        made = _handed(run, function, one, key, value)
        if made is not MISSING:
            found.append(stored(made))
    return found


def sift(run: Run, value: Any, function: Any = MISSING) -> Any:
    if value is MISSING:
        return MISSING
    return {k: v for k, v in value.items() if truthy(_handed(run, function, v, k, value))} or MISSING


#: The size of an item to compare, in bytes.
_KEY = 64


def sort(run: Run, values: Any, comparator: Any = MISSING) -> Any:
    if values is MISSING or len(values) <= 1:
        return values
    if comparator is not MISSING:  # tells whether the first of two values comes after the second
        run.spend(_KEY * len(values))
        return merge_sorted(values, lambda left, right: _is_set(apply(run, comparator, left, right)))
    if not (all(isinstance(v, str) for v in values) or all(map(is_number, values))):
        fail("D3070", "The single argument form of the sort function can only be applied to strings or to numbers")
    return in_order(run, values)


def _is_set(value: Any) -> bool:
    """Whether JavaScript takes a value for true, by which the reference judges what a comparator returns."""
    return isinstance(value, (list, dict, Function)) or (bool(value) and value == value)  # noqa: PLR0124  (NaN)
