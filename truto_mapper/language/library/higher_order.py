"""Functions that take functions: $map, $filter, $single, $reduce, $each, $sift, $sort."""

from __future__ import annotations

from typing import Any, NoReturn

from truto_mapper.language.runtime.arguments import fitted, refuse
from truto_mapper.language.runtime.calls import applied_to, apply, invoked
from truto_mapper.language.runtime.paths import appended, push
from truto_mapper.language.runtime.sorting import in_order, merge_sorted
from truto_mapper.language.runtime.values import (
    CHUNK,
    MISSING,
    Function,
    Run,
    Sequence,
    contained,
    fail,
    is_number,
    settled,
    stored,
    truthy,
    watched,
)


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
    found: list[int] = []
    for index, value in enumerate(values):
        if function is MISSING or truthy(_handed(run, function, value, index, values)):
            add_match(found, index)
    return only(values, found)


def add_match(found: list[int], index: int) -> None:
    """Add the index of an item that matches. Raises D3138 for a second one."""
    found.append(index)
    if len(found) > 1:
        fail("D3138", f"$single must find one item, but items {found[0]} and {index} match")


def only(values: Any, found: list[int]) -> Any:
    """The item at the only index. Raises D3139 if there is none."""
    if not found:
        none = "the array is empty" if not values else f"none of the {len(values):,} items matches"
        fail("D3139", f"$single must find one item, but {none}")
    return values[found[0]]


def initial(value: Any) -> Any:
    """The third argument of $reduce. Raises T0410 if it is a function."""
    if isinstance(value, Function):
        refuse("T0410", "reduce", 3, "a value other than a function", value)
    return value


def reduce_(run: Run, values: Any, function: Any, initial: Any = MISSING) -> Any:
    if values is MISSING:
        return MISSING
    if function.arity < 2:
        fail("D3050", f"argument 2 of $reduce must be a function of at least 2 parameters, but it has {function.arity}")
    skipped = 1 if initial is MISSING and values else 0
    result = values[0] if skipped else initial
    replacing = Replacing(run)
    for index, value in enumerate(values[skipped:], skipped):
        before = result
        replacing.begin(before)
        result = applied_to(run, None, function, (result, value, index, values)[: max(function.arity, 2)])
        replacing.end(before, result)
    return result


class Replacing:
    """Counts the bytes of a value that is replaced again and again: what is made next takes the place of the last."""

    __slots__ = ("budget", "made", "start")

    def __init__(self, run: Run) -> None:
        self.budget = run.budget
        self.made = self.start = 0

    def begin(self, before: Any) -> None:
        """A value is about to be replaced."""
        self.budget.spent -= min(self.made, before.__sizeof__())
        self.start = self.budget.spent

    def end(self, before: Any, after: Any) -> None:
        """It was replaced."""
        self.made = 0 if after is before else self.budget.spent - self.start


def appended_onto(run: Run, own: list[Any], found: Any, value: Any) -> Any:
    """`$append(found, value)`, in place if `found` is the value in `own`: an array that nobody else holds."""
    if own and own[0] is found:
        before = found.__sizeof__()
        push(found, value)
        run.spend(found.__sizeof__() - before + contained(value if isinstance(value, list) else (value,)))
        return found
    made = appended(found, value)
    if made is not found and made is not value:
        own[:] = [run.grown(made)]
    return made


def merged_onto(run: Run, merge: Function, own: list[Any], found: Any, objects: list[Any]) -> Any:
    """`$merge([found, …objects])`, in place if `found` is the value in `own`: an object that nobody else holds."""
    if own and own[0] is found and all(isinstance(one, dict) for one in objects):
        before = found.__sizeof__()
        for one in run.each(objects):
            run.tick(len(one) >> 3)
            found.update(one)
        run.spend(found.__sizeof__() - before)
        return found
    given: list[Any] = []
    push(given, found)
    made = invoked(run, None, merge, [*given, *objects])
    own[:] = [made]
    return made


def gathered(run: Run, found: Any) -> Any:
    """The results of a loop, their bytes counted."""
    return run.collected(found) if isinstance(found, list) and found else found


def gather(run: Run, found: Any) -> Any:
    """As `gathered`, but collapsed."""
    return settled(gathered(run, found))


def pairs(run: Run, value: dict[str, Any]) -> Any:
    """The keys and values of an object, with the deadline checked now and then."""
    run.tick(len(value) + 1)
    return value.items() if len(value) < CHUNK else watched(run, list(value.items()))


def object_of(function: Function, context: Any, *given: Any) -> Any:
    """The object that $each or $sift is given, or takes from the context; an empty one if it is undefined."""
    return fitted(function, (*given, function), context)[0] or {}


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
    if function is MISSING and value:
        refuse("T0410", "sift", 2, "a function", function)
    return {k: v for k, v in value.items() if truthy(_handed(run, function, v, k, value))} or MISSING


def sift_set(run: Run, value: Any, function: Any = MISSING) -> Any:
    """$trutoSift: as $sift, but a function's verdict that is a function is true."""
    if value is MISSING:
        return MISSING
    if function is MISSING and value:
        refuse("T0410", "trutoSift", 2, "a function", function)
    kept = {}
    for key, one in value.items():
        verdict = _handed(run, function, one, key, value)
        if isinstance(verdict, Function) or truthy(verdict, run):
            kept[key] = one
    return kept or MISSING


#: The size of an item to compare, in bytes.
_KEY = 64


def sort(run: Run, values: Any, comparator: Any = MISSING) -> Any:
    if values is MISSING or len(values) <= 1:
        return values
    if comparator is not MISSING:  # tells whether the first of two values comes after the second
        run.spend(_KEY * len(values))
        return merge_sorted(values, lambda left, right: _is_set(apply(run, comparator, left, right)))
    if not (all(isinstance(v, str) for v in values) or all(map(is_number, values))):
        _refuse_items(values)
    return in_order(run, values)


def _refuse_items(values: list[Any]) -> NoReturn:
    """Fail because the items are not all strings and not all numbers."""
    is_string = isinstance(values[0], str)
    place = next(n for n, one in enumerate(values) if not (isinstance(one, str) if is_string else is_number(one)))
    wanted, given = "an array of strings or an array of numbers", f"but its item {place} is"
    refuse("D3070", "sort", 1, wanted, values[place], given, hint="argument 2 of $sort can compare any items")


def _is_set(value: Any) -> bool:
    """Whether JavaScript takes a value for true, by which the reference judges what a comparator returns."""
    return isinstance(value, (list, dict, Function)) or (bool(value) and value == value)  # noqa: PLR0124  (NaN)
