"""Values as ECMAScript converts them to strings and indexes, where the reference checks no type."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from truto_mapper.language.runtime.values import MISSING, Function, Run, Walk, bounded
from truto_mapper.language.runtime.writing import decimal_of

_WORDS: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NUMBER: Final = r"(?a)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*"


def as_text(run: Run, value: Any, depth: int = 0, walk: Walk | None = None) -> str:
    """A value as a string: arrays are joined with commas, objects are `[object Object]`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        inner = (walk := walk or Walk(run)).enter(depth, value)
        parts = ["" if one is None or one is MISSING else as_text(run, one, inner, walk) for one in walk.each(value)]
        bounded(sum(map(len, parts)) + len(parts))
        text = ",".join(parts)
        run.spend(len(text))
        return text
    return scalar_text(value)


def scalar_text(value: Any, null: str = "null") -> str:
    """A value that is no array as a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return decimal_of(value, digits=17) if math.isfinite(value) else _WORDS[str(value)]
    if isinstance(value, (dict, Function)):
        return "[object Object]"
    return null if value is None else "undefined" if value is MISSING else str(value)


def as_index(run: Run, value: Any) -> int:
    """A value as the index of a character: 0 for what is no number."""
    if isinstance(value, (str, list)):
        found = re.fullmatch(_NUMBER, as_text(run, value))
        value = float(found[1]) if found else 0
    if not isinstance(value, (int, float)) or value != value or value < 0:  # noqa: PLR0124  (NaN)
        return 0
    return int(min(value, 2**53 - 1))


def between(text: str, start: Any, end: Any) -> str:
    """The part of a text between two indexes, whichever is the smaller."""
    first, last = sorted(min(int(one), len(text)) if one > 0 else 0 for one in (start, end))
    return text[first:last]


def kind_of(value: Any) -> str:
    """The kind of a JSON value."""
    for python, kind in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (dict, "object")):
        if isinstance(value, python):
            return kind
    return "null" if value is None else "array"
