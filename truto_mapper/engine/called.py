"""What the code of endpoints calls, beside the library of the language. Code that is kept refers to it by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import repeat
from types import CodeType
from typing import Any

from truto_mapper.language.library.functions import NAMESPACE
from truto_mapper.language.runtime.calls import from_caller
from truto_mapper.language.runtime.values import DEFAULT_DEPTH, MISSING, Budget, Run

#: A test of a value.
Test = Callable[[Any], bool]


def linked(
    code: CodeType, name: str, constants: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]
) -> Callable[..., Any]:
    """The function of a module. It can name its constants, the library's functions, those of the caller and tables."""
    callers = {f"caller_{n}": from_caller(n, one) if callable(one) else one for n, one in functions.items()}
    namespace = {**NAMESPACE, **constants, **callers, "__builtins__": {}}
    exec(code, namespace)  # noqa: S102  (of nodes, not of text)
    function: Callable[..., Any] = namespace[name]
    return function


def new_run(rows: int, budget: Budget) -> Run:
    """The evaluation of the generated code for a page of so many rows."""
    budget.rows = rows
    return Run(budget, DEFAULT_DEPTH)


def opened(value: Any) -> dict[str, Any]:
    """An object to look up keys in, empty for no value. Raises `TypeError` for any other value."""
    if value.__class__ is dict:
        return value
    if value is None or value is MISSING:
        return {}
    raise TypeError


def array_of(value: Any) -> list[Any]:
    """A value as an array: the items of a sequence, or the only one."""
    return list(value) if isinstance(value, list) else [value]


def copied(value: Any) -> Any:
    """A copy of an object of scalars, or of an array of them."""
    if value.__class__ is list:
        return [dict(one) for one in value]
    return value if value is None else dict(value)


def value_at(value: Any, *steps: str) -> Any:
    """The value at a path of names: MISSING if there is none, False if anything but objects is on the way."""
    for step in steps:
        if value.__class__ is dict:
            value = value.get(step, MISSING)
        elif value is not MISSING and value is not None:
            return False
    return value


def rows_or_false(found: Any) -> Any:
    """The rows of one loop as a list; False for anything but a list or no value."""
    if found is None or found is MISSING:
        return []
    return found if found.__class__ is list else False


def pairs_or_false(found: Any, name: str) -> Any:
    """The rows of two loops: each outer row with each of its inner rows, without nulls; False for any other shape."""
    outer_rows = rows_or_false(found)
    if outer_rows is False:
        return False
    rows: list[Any] = []
    for outer in outer_rows:
        if outer is None:
            continue
        inner_rows = outer.__class__ is dict and rows_or_false(outer.get(name))
        if inner_rows is False:
            return False
        rows += zip(repeat(outer), inner_rows if all(inner_rows) else [row for row in inner_rows if row is not None])
    return rows


def is_of(classes: frozenset[type], value: Any) -> bool:
    return value.__class__ in classes


def has_types(classes: frozenset[type] | None, item: Test | None, below: list[tuple[str, Test]], value: Any) -> bool:
    if classes is not None and value.__class__ not in classes:
        return False
    if value.__class__ is list:
        return item is None or all(map(item, value))
    return value.__class__ is not dict or all(one(value.get(name)) for name, one in below)
