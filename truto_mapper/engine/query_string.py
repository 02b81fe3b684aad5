"""Query strings in qs syntax as nested dicts and lists.

They are read as qs 6 reads them (`tests/data/qs.yaml` has measured answers); what qs drops or cuts off is refused.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import QueryError
from truto_mapper.text.lazy_pattern import lazy_pattern

MAX_LENGTH = 250_000
MAX_PARTS = 1_000
#: How many brackets a name may have, and from which index on an array is an object: qs's `depth` and `arrayLimit`.
MAX_BRACKETS = 5
MAX_INDEX = 20

_KEY = lazy_pattern(r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z")
_INDEX = lazy_pattern(r"(?:0|[1-9][0-9]?)\Z")

#: What every JavaScript object has. qs drops parameters of these names.
_PROTOTYPE = frozenset({"__proto__", "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"})
_PROTOTYPE |= {"toLocaleString", "toString", "valueOf"}
_PROTOTYPE |= {"__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"}

#: An index of an array that no part has given.
_HOLE = object()


def split_query_string(text: str) -> dict[str, Any]:
    """A query string, with or without its leading `?`, as nested dicts, lists and strings.

    Raises `QueryError` Q501.
    """
    if len(text) > MAX_LENGTH:
        raise _unreadable(f"it has more than {MAX_LENGTH:,} characters")
    try:
        pairs = parse_qsl(
            text.removeprefix("?"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_PARTS
        )
    except UnicodeDecodeError as error:
        shown = excerpt(error.object[:100].decode(errors="replace"))
        raise _unreadable(f"its %-escapes are not UTF-8 in {shown}", "write é as %C3%A9") from None
    except ValueError:
        raise _unreadable(f"it has more than {MAX_PARTS:,} parts") from None
    values: dict[str, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    tree: dict[str, Any] = {}
    for key, given in values.items():
        tree = _merged(tree, _nested(_path(key), given[0] if len(given) == 1 else given))
    return {name: _finished(value) for name, value in tree.items()}


def _unreadable(why: str, hint: str | None = None) -> QueryError:
    return QueryError(Diagnostic("Q501", f"the query string cannot be read: {why}", hint=hint))


def _path(key: str) -> list[str]:
    """The name in front of the brackets, then what each bracket holds."""
    match = _KEY.match(key)
    if match is None:
        raise _unreadable(f"{excerpt(key)} is not a parameter name", "such as users[] or users[0][id]")
    path = [match[1], *match[2][1:-1].split("][")] if match[2] else [match[1]]
    if len(path) > MAX_BRACKETS + 1:
        raise _unreadable(f"{excerpt(key)} has more than {MAX_BRACKETS} brackets")
    for name in path:
        if name in _PROTOTYPE:
            raise _unreadable(f"{excerpt(key)}: a parameter cannot be called {name}")
    return path


def _nested(path: list[str], value: Any) -> dict[str, Any]:
    """The tree that a single part of a query string describes."""
    first, *brackets = path
    for name in reversed(brackets):
        if not name:
            value = value if isinstance(value, list) else [value]
        elif _INDEX.match(name) and int(name) < MAX_INDEX:
            value = [*[_HOLE] * int(name), value]
        else:
            value = {name: value}
    return {first: value}


def _merged(one: Any, other: Any) -> Any:
    """A tree with another one merged into it."""
    match one, other:
        case dict(), dict():
            new = {key: value for key, value in other.items() if key not in one}
            return {key: _merged(one[key], other[key]) if key in other else one[key] for key in one} | new
        case list(), list():
            return _filled(one, other)
        case (list(), dict()) | (dict(), list()):
            return _merged(_indexed(one), _indexed(other))
        case list(), _:
            return [*one, other]
        case _, list():
            return [one, *other]
    return [one, other]


def _filled(one: list[Any], other: list[Any]) -> list[Any]:
    """Two arrays: objects at the same index are merged, holes are filled, everything else is appended."""
    made = [*one, *[_HOLE] * (len(other) - len(one))]
    for index, value in enumerate(other):
        if made[index] is _HOLE:
            made[index] = value
        elif isinstance(made[index], (dict, list)) and isinstance(value, (dict, list)):
            made[index] = _merged(made[index], value)
        elif value is not _HOLE:
            made.append(value)
    return made


def _indexed(tree: Any) -> dict[str, Any]:
    """An array as an object of its items by their index."""
    return tree if isinstance(tree, dict) else {str(i): item for i, item in enumerate(tree) if item is not _HOLE}


def _finished(tree: Any) -> Any:
    match tree:
        case dict():
            return {key: _finished(value) for key, value in tree.items()}
        case list():
            return [_finished(value) for value in tree if value is not _HOLE]
    return tree
