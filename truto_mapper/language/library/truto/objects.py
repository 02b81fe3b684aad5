"""Functions of objects: $pick, $omit, $keyBy, $groupBy, $values, $zipSqlResponse."""

from __future__ import annotations

from typing import Any

from truto_mapper.language.library.truto.ecmascript import (
    at,
    exact_text,
    is_index,
    is_nothing,
    ordered,
    own,
    path_of,
    reader,
)
from truto_mapper.language.library.truto.lists import cast
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Run


def pick(run: Run, value: Any = MISSING, paths: Any = MISSING) -> dict[str, Any]:
    """An object with only what is at some paths."""
    found: dict[str, Any] = {}
    for path in run.each(cast(paths)):
        keys = path_of(run, path, value)
        one = at(run, value, path)
        if one is not MISSING:
            _put(found, keys, one)
    return run.grown(ordered(found))  # type: ignore[no-any-return]


def _put(found: Any, keys: list[str], value: Any) -> None:
    """Put a value at a path; what is above it becomes an array where the path has an index."""
    for key, below in zip(keys, [*keys[1:], None], strict=True):
        held = value if below is None else own(found, key)
        if below is not None and not isinstance(held, (dict, list)):
            held = [] if is_index(below) else {}
        if isinstance(found, dict):
            found[key] = held
        else:
            found.extend([None] * (int(key) + 1 - len(found)))
            found[int(key)] = held
        found = held


def omit(run: Run, value: Any = MISSING, paths: Any = MISSING) -> dict[str, Any]:
    """An object without what is at some paths."""
    found = dict(ordered(fields_of(value)))
    copies = {id(found): found}
    for path in run.each(cast(paths)):
        _remove(run, found, path_of(run, path, value), copies)
    return run.grown(found)  # type: ignore[no-any-return]


def _remove(run: Run, holder: Any, keys: list[str], copies: dict[int, Any]) -> None:
    """Remove what is at a path. What leads there becomes a copy, unless it is one."""
    for key in keys[:-1]:
        run.tick()
        below = own(holder, key)
        if not isinstance(below, (dict, list)):
            return
        if id(below) not in copies:
            below = run.grown(below.copy())
            copies[id(below)] = below
            holder[key if isinstance(holder, dict) else int(key)] = below
        holder = below
    if own(holder, keys[-1]) is MISSING or (isinstance(holder, list) and not is_index(keys[-1])):
        return
    if isinstance(holder, dict):
        del holder[keys[-1]]
    else:
        holder[int(keys[-1])] = None


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a value; those of an array or a text are its indexes."""
    if isinstance(value, (list, str)):
        return {str(place): one for place, one in enumerate(value)}
    return value if isinstance(value, dict) else {}


def key_by(run: Run, values: Any = MISSING, by: Any = MISSING) -> dict[str, Any]:
    """An object of the items by what one of their fields holds; the last one wins."""
    key = reader(run, "keyBy", 2, by)
    return run.grown(ordered({exact_text(run, key(one)): one for one in run.each(cast(values))}))  # type: ignore[no-any-return]


def group_by(run: Run, values: Any = MISSING, by: Any = MISSING) -> dict[str, Any]:
    """An object of arrays of items, by what one of their fields holds."""
    key = reader(run, "groupBy", 2, by)
    found: dict[str, Any] = {}
    for one in run.each(cast(values)):
        found.setdefault(exact_text(run, key(one)), []).append(one)
    run.spend(100 * len(found))
    return ordered(found)


def values(run: Run, value: Any = MISSING) -> list[Any]:
    """The values of an object's fields."""
    return run.grown(list(ordered(fields_of(value)).values()))  # type: ignore[no-any-return]


def zip_sql_response(run: Run, columns: Any = MISSING, rows: Any = MISSING, key: Any = MISSING) -> list[Any]:
    """The rows as objects, each value under the name that its column has in the field `key`."""
    for index, one in enumerate((columns, rows), 1):
        if not isinstance(one, list):
            refuse("T0410", "zipSqlResponse", index, f"an array of {('columns', 'rows')[index - 1]}", one)
    for index, several in enumerate((columns, rows), 1):
        for one in several:
            if is_nothing(one):
                refuse("T0410", "zipSqlResponse", index, "an array without nulls", one, "but one of its items is")
    names = [exact_text(run, own(one, exact_text(run, key))) for one in columns]
    run.spend(len(rows) * (64 + 100 * len(names)))
    return [_row(names, row) for row in run.each(rows)]


def _row(names: list[str], row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, name in enumerate(names):
        found[name] = own(row, str(place))
    return ordered({name: one for name, one in found.items() if one is not MISSING})
