"""JSON as `$string` writes it."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any, Final

from truto_mapper.language.runtime.values import MISSING, Function, Run, Walk, fail, key_text, quoted, refuse_value


def to_json(value: Any, indent: int = 0, depth: int = 0, walk: Walk | None = None) -> str:
    """A value as `$string` writes it: whole numbers with every digit, fractions with 15 significant digits.

    `indent` is the number of spaces per level, 0 for a single line.
    """
    if value.__class__ is int or value.__class__ is bool:
        return repr(value) if value.__class__ is int else "true" if value else "false"
    if isinstance(value, float):
        return decimal_of(value)
    if isinstance(value, Function):
        return '""'
    if not isinstance(value, (list, dict)) or not value:
        if walk is not None and isinstance(value, str):
            walk.write(len(value))
        return _scalar(value)
    inner = (walk := walk or Walk()).enter(depth, value)
    start, end = ("\n" + " " * indent * inner, "\n" + " " * indent * depth) if indent else ("", "")
    members = list(value if isinstance(value, list) else value.values())
    walk.write(len(value) * (len(start) + 2) + sum([len(item) for item in members if item.__class__ is str]))
    texts = [
        _quote(item) if item.__class__ is str else to_json(item, indent, inner, walk) for item in walk.each(members)
    ]
    if isinstance(value, list):
        return f"[{start}{f',{start}'.join(texts)}{end}]"
    names = value if _TEXT.issuperset(map(type, value)) else list(map(key_text, value))
    walk.write(sum(map(len, names)))
    colon = ": " if indent else ":"
    parts = [f"{_quote(name)}{colon}{text}" for name, text in zip(names, texts, strict=True)]
    return f"{{{start}{f',{start}'.join(parts)}{end}}}"


_FLAT = frozenset((str, int, bool, type(None)))
_TEXT = frozenset((str,))


#: A text as JSON, in quotes.
_quote: Final = json.encoder.encode_basestring


def _scalar(value: Any) -> str:
    try:
        return "null" if value is MISSING else json.dumps(value, ensure_ascii=False)
    except TypeError:
        return refuse_value(value)


def decimal_of(value: float, digits: int = 15) -> str:
    """A number as ECMAScript writes it; a fraction is rounded to so many significant digits first."""
    if not math.isfinite(value):
        refuse_value(value)
    text = repr(value)
    if len(text) <= digits and "e" not in text and not value.is_integer():
        return text  # it has fewer digits
    rounded = value if value.is_integer() else float(f"{value:.{digits}g}")
    if rounded == 0:
        return "0"
    if 1e-6 <= abs(rounded) < 1e21:
        return _without_zeros(f"{Decimal(repr(rounded)):f}")
    mantissa, _, exponent = repr(rounded).partition("e")
    return f"{_without_zeros(mantissa)}e{int(exponent):+d}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def string(run: Run | None, value: Any, prettify: Any = False) -> Any:
    """$string: a value as text; texts are unchanged, other values are JSON."""
    if value is MISSING or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        fail("D3001", f"{quoted(value)} cannot be written as a string: it is not a finite number")
    if isinstance(value, (list, dict)) and prettify is not True:
        made = _writable(value, Walk(run), 0)
        if made is not MISSING:
            return _COMPACT.encode(made)
    return "" if isinstance(value, Function) else to_json(value, 2 if prettify is True else 0, 0, Walk(run))


_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def _writable(value: Any, walk: Walk, depth: int) -> Any:
    """An array or object, or a copy of it, that Python writes as `to_json` does; MISSING if it does not."""
    is_array, inner = value.__class__ is list, walk.enter(depth, value)
    if not is_array and not (value.__class__ is dict and _TEXT.issuperset(map(type, value))):
        return MISSING
    members = value if is_array else list(value.values())
    walk.write(2 * len(value) + sum([len(item) for item in members if item.__class__ is str]))
    walk.write(0 if is_array else sum(map(len, value)))
    if _FLAT.issuperset(map(type, members)):
        return value
    made = value
    for key, item in zip(range(len(value)) if is_array else value, members, strict=True):
        kind = item.__class__
        if kind in _FLAT:
            continue
        one = _written(item) if kind is float else _writable(item, walk, inner) if kind in _NESTED else MISSING
        if one is MISSING:
            return MISSING
        if one is not item:
            made = value.copy() if made is value else made
            made[key] = one
    return made


_NESTED = frozenset((list, dict))


def _written(value: float) -> Any:
    """The number that Python writes as `decimal_of` writes this one; MISSING if there is none."""
    rounded = value if value.is_integer() else float(f"{value:.15g}")
    if rounded.is_integer() and abs(rounded) < _WHOLE:
        return int(rounded)
    return rounded if _LEAST <= abs(rounded) < _WHOLE else MISSING


#: Python writes fractions between these numbers without an exponent, and a double holds every integer below.
_LEAST: Final = 1e-4
_WHOLE: Final = 1e15
