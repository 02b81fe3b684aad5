"""Query strings in qs syntax as nested dicts and lists."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import QueryError

MAX_PARTS = 1_000
MAX_DEPTH = 8
MAX_ARRAY_INDEX = 9_999

_KEY = r"([^\[\]]+)((?:\[[^\[\]]*\])*)\Z"


def split_query_string(text: str) -> dict[str, Any]:
    """A query string, with or without its leading `?`, as nested dicts, lists and strings.

    Raises `QueryError` Q501.
    """
    try:
        pairs = parse_qsl(
            text.removeprefix("?"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_PARTS
        )
    except UnicodeDecodeError as error:
        shown = excerpt(error.object.decode(errors="replace"))
        raise _unreadable(f"its %-escapes are not UTF-8 in {shown}", "write é as %C3%A9") from None
    except ValueError:
        raise _unreadable(f"it has more than {MAX_PARTS:,} parts") from None
    tree: dict[str | int, Any] = {}
    for key, value in pairs:
        match = re.match(_KEY, key)
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])] if match else []
        if not path or len(path) > MAX_DEPTH:
            raise _unreadable(f"{excerpt(key)} is not a parameter name", "such as users[] or users[0][id]")
        _insert(tree, path, value, key)
    return {str(name): _finished(value) for name, value in tree.items()}


def _unreadable(why: str, hint: str | None = None) -> QueryError:
    return QueryError(Diagnostic("Q501", f"the query string cannot be read: {why}", hint=hint))


def _insert(tree: dict[str | int, Any], path: list[str], value: str, key: str) -> None:
    """Put a value where its key says; arrays are dicts with whole numbers as keys until the end."""
    name, *rest = path
    at: str | int = name
    if name.isascii() and name.isdecimal() and len(name) <= len(str(MAX_ARRAY_INDEX)):
        at = int(name)
    elif not name:
        last = max((i for i in tree if isinstance(i, int)), default=-1)
        begun = tree.get(last)
        at = last if rest and isinstance(begun, dict) and rest[0] not in ("", *begun) else last + 1
    if at not in tree:
        tree[at] = {} if rest else value
    elif not isinstance(tree[at], dict):
        tree[at] = {0: tree[at]}  # given again, so it is an array
    if rest:
        _insert(tree[at], rest, value, key)
    elif isinstance(tree[at], dict):
        if not all(isinstance(index, int) for index in tree[at]):
            raise _unreadable(f"{excerpt(key)} is given both as a value and as an object")
        _insert(tree[at], [""], value, key)


def _finished(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if all(isinstance(key, int) for key in tree):
        return [_finished(tree[key]) for key in sorted(tree)]
    return {str(key): _finished(value) for key, value in tree.items()}
