"""Functions of arrays: $orderBy, $find, $lofilter, $flatten, $flattenDeep, $flattenDepth, $difference, $chunk."""

from __future__ import annotations

from typing import Any

from truto_mapper.language.library.truto.ecmascript import in_order, is_falsy, is_nothing, reader, same_key, whole_of
from truto_mapper.language.runtime.values import MAX_DATA_NESTING, MISSING, Run, Walk, bounded


def cast(values: Any) -> list[Any]:
    """A value as an array: empty if undefined, one item if it is not an array."""
    return values if isinstance(values, list) else [] if values is MISSING else [values]


def order_by(run: Run, values: Any = MISSING, keys: Any = MISSING, orders: Any = MISSING) -> list[Any]:
    """The items sorted by one or several fields; "desc" reverses an order."""
    wanted = keys if isinstance(keys, list) else [] if is_nothing(keys) else [keys]
    readers = [_key(run, one) for one in wanted or [None]]
    given = orders if isinstance(orders, list) else [orders]
    falls = [place < len(given) and given[place] == "desc" for place in range(len(readers))]
    return in_order(run, cast(values), readers, falls)


def _key(run: Run, by: Any) -> Any:
    """What reads a key to sort by; here an array is a path."""
    return reader(run, "orderBy", 2, _joined(by) if isinstance(by, list) else by)


def _joined(path: list[Any]) -> str:
    return "".join(f"[{one}]" if isinstance(one, int) else f'["{one}"]' for one in path)


def find(run: Run, values: Any = MISSING, by: Any = MISSING) -> Any:
    """The first item for which a field is set, or that has wanted fields."""
    holds = reader(run, "find", 2, by)
    return next((one for one in run.each(cast(values)) if not is_falsy(holds(one))), MISSING)


def lofilter(run: Run, values: Any = MISSING, by: Any = MISSING) -> list[Any]:
    """All items for which a field is set, or that have wanted fields."""
    holds = reader(run, "lofilter", 2, by)
    return [one for one in run.each(cast(values)) if not is_falsy(holds(one))]


def flatten(run: Run, values: Any = MISSING) -> list[Any]:
    """The items, and those of arrays among them."""
    return _flat(run, values, 1)


def flatten_deep(run: Run, values: Any = MISSING) -> list[Any]:
    """The items, and those of arrays within them at any depth."""
    return _flat(run, values, MAX_DATA_NESTING + 1)


def flatten_depth(run: Run, values: Any = MISSING, depth: Any = MISSING) -> list[Any]:
    """The items, and those of arrays within them down to a depth, which is 1 if it is not given."""
    return _flat(run, values, whole_of(run, depth, 1))


def _flat(run: Run, values: Any, levels: int) -> list[Any]:
    found: list[Any] = []
    _flatten(cast(values), levels, found, 0, Walk(run))
    return run.grown(found)  # type: ignore[no-any-return]


def _flatten(values: list[Any], levels: int, found: list[Any], depth: int, walk: Walk) -> None:
    inner = walk.enter(depth, values)
    for one in walk.each(values):
        if levels > 0 and isinstance(one, list):
            _flatten(one, levels - 1, found, inner, walk)
        else:
            found.append(one)
    bounded(len(found))


def difference(run: Run, values: Any = MISSING, others: Any = MISSING) -> list[Any]:
    """The items that are not among others: texts and numbers by value, objects and arrays only themselves."""
    if not isinstance(values, list):
        return []
    among = {same_key(one) for one in run.each(others)} if isinstance(others, list) else set()
    run.spend(100 * len(among))
    return [one for one in run.each(values) if same_key(one) not in among]


def chunk(run: Run, values: Any = MISSING, size: Any = MISSING) -> list[Any]:
    """Arrays of so many items, of one if the size is not given; none for a size below 1."""
    items, length = cast(values), whole_of(run, size, 1)
    run.spend(80 * len(items) // length if length > 0 else 0)
    return [list(items[start : start + length]) for start in range(0, len(items), length)] if length > 0 else []
