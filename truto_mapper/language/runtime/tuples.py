"""Tuple streams: the steps of paths with `@$v`, `#$i` or `%`, as generated code calls them, and joins by hash."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from truto_mapper.language.runtime.sets import INDEXED, SEARCHES, SHORT, bucket_of, remembered
from truto_mapper.language.runtime.values import BOUNDS, MISSING, Run, Sequence, Tuples, items, listed
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.record import NamedTuple

#: The size of a tuple, in bytes.
_TUPLE: Final = 232

Tuple = dict[str, Any]


class Equality(NamedTuple):
    """A predicate `left = right` of a join: its sides as functions of the tuple before the step, and of a new item."""

    of_tuple: Callable[[Tuple], Any]
    of_item: Callable[[Any], Any]


class Names(NamedTuple):
    """What the tuples of a step bind: the names of `@$v`, of `#$i` and of the parent that `%` needs."""

    focus: str | None = None
    position: str | None = None
    ancestor: str | None = None


def stream(run: Run, value: Any) -> Tuples:
    """The items of a value as tuples."""
    run.spend(_TUPLE * len(value))
    return Tuples({"@": item} for item in value)


def spread(run: Run, found: Tuples, step: Callable[[Tuple], Any], *names: str | None) -> Tuples:
    """The tuples for the results of a step, which is a function of a tuple."""
    made, own = Tuples(), Names(*names)
    key = own.focus or "@"
    for bound in run.each(found):
        result = step(bound)
        if result is MISSING:
            continue
        size = len(result) if isinstance(result, list) else 1
        run.tick(size)
        run.spend(_TUPLE * size)
        if result.__class__ is Tuples:
            made.extend([{**bound, **one} for one in result])
        elif own.position is own.ancestor is None:
            made.extend([{**bound, key: one} for one in listed(result)])
        else:
            made.extend(_extended(bound, enumerate(listed(result)), own))
    return made


def _extended(bound: Tuple, numbered_items: Any, names: Names) -> Iterator[Tuple]:
    """A tuple with each of some items, which come with their numbers."""
    focus, position, ancestor = names
    key = focus or "@"
    for number, one in numbered_items:
        made = {**bound, key: one}
        if position:
            made[position] = number
        if ancestor:
            made[ancestor] = bound["@"]
        yield made


def join(
    run: Run,
    found: Tuples,
    step: Callable[[Tuple], Any],
    tests: tuple[Callable[[Tuple], Any], ...],
    equality: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None,
    *names: str | None,
) -> Tuples:
    """As `spread`, for a step with predicates: the tuples for which all tests hold. The others are not kept."""
    depth = run.depth
    try:
        return _joined(run, found, step, tests, equality and Equality(*equality), Names(*names))
    except EvaluationError as error:
        if error.diagnostics[0].code in BOUNDS:
            raise
    # As in the reference, each predicate is evaluated for all tuples before the next one: another may fail first.
    run.depth = depth
    made = spread(run, found, step, *names)
    for test in tests:
        made = Tuples([one for one in run.each(made) if test(one)])
    return made


def _joined(
    run: Run,
    found: Tuples,
    step: Callable[[Tuple], Any],
    tests: tuple[Callable[[Tuple], Any], ...],
    equality: Equality | None,
    names: Names,
) -> Tuples:
    made = Tuples()
    kept: dict[int, _Indexed] = {}
    for bound in run.each(found):
        result = step(bound)
        if result is MISSING:
            continue
        if result.__class__ is Tuples:
            run.tick(len(result))
            candidates: Any = ({**bound, **one} for one in result)
        else:
            candidates = _extended(bound, _candidates(run, listed(result), bound, equality, kept), names)
        for test in tests:
            candidates = filter(test, candidates)
        while part := list(islice(candidates, 1024)):
            run.spend(_TUPLE * len(part))
            made.extend(part)
    return made


def _candidates(
    run: Run, several: list[Any], bound: Tuple, equality: Equality | None, kept: dict[int, _Indexed]
) -> Any:
    """The items that a tuple may be joined to, with their numbers."""
    found = None
    if equality is not None and len(several) > SHORT:
        found = remembered(kept, several, _Indexed).equal(run, bound, equality)
    return enumerate(run.each(several)) if found is None else found


class _Indexed:
    """The items of an array by their keys, once it is joined again and again."""

    __slots__ = ("among", "asked", "by_key", "others")

    def __init__(self, among: list[Any]) -> None:
        self.among = among
        self.asked = 0
        self.by_key: dict[Any, list[int]] = {}
        self.others: list[int] = []  # items that have to be compared

    def equal(self, run: Run, bound: Tuple, equality: Equality) -> Any:
        """The items that may equal a tuple, with their numbers; None for the first few questions."""
        self.asked += 1
        if self.asked <= SEARCHES:
            return None
        if self.asked == SEARCHES + 1:
            self._fill(run, equality.of_item)
        wanted = equality.of_tuple(bound)
        key = bucket_of(wanted)
        found = self.others if key is MISSING else self.by_key.get(key, ())
        if wanted is MISSING:
            found = ()
        run.tick(len(found) + 1)
        return [(number, self.among[number]) for number in found]

    def _fill(self, run: Run, of_item: Callable[[Any], Any]) -> None:
        run.spend(INDEXED * len(self.among))
        for number, item in enumerate(run.each(self.among)):
            value = of_item(item)
            key = bucket_of(value)
            if key is not MISSING:
                self.by_key.setdefault(key, []).append(number)
            elif value is not MISSING:
                self.others.append(number)


def begun(state: Any, found: Tuples) -> Tuples:
    """The tuples to group: a single undefined one if the step before the first tuple found nothing."""
    return found if items(state) else Tuples(({"@": MISSING},))


def unbound(found: Tuples) -> Sequence:
    """The items of a tuple stream."""
    return Sequence([one["@"] for one in found])


def collected(run: Run, found: Tuples, step: Callable[[Tuple], Any]) -> Sequence:
    """The results of the last step, whose tuples nobody needs."""
    made = Sequence()
    for bound in run.each(found):
        result = step(bound)
        if isinstance(result, list):
            run.spend(_ITEM * len(result))
            made.extend(unbound(result) if result.__class__ is Tuples else result)
        elif result is not MISSING:
            made.append(result)
    return made


#: The size of an item of an array, in bytes.
_ITEM: Final = 8


def numbered(run: Run, found: Any, name: str) -> Tuples:
    """The tuples with their index in the stream bound to a name."""
    run.spend(_TUPLE * len(found))
    return Tuples([{**one, name: place} for place, one in enumerate(found)])
