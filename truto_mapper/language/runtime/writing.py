"""JSON as `$string` writes it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import chain, islice, repeat
from typing import Any, Final

from truto_mapper.language.runtime.columns import Columns, Values
from truto_mapper.language.runtime.values import (
    MISSING,
    Function,
    Missing,
    Native,
    Run,
    Walk,
    as_number,
    fail,
    key_text,
    quoted,
    refuse_value,
)
from truto_mapper.language.runtime.walks import DEEP, FEW, MANY, PART, apart, by_fields
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.quick_json import library


def to_json(value: Any, indent: int = 0, depth: int = 0, walk: Walk | None = None) -> str:
    """A value as `$string` writes it: whole numbers with every digit, fractions with 15 significant digits.

    `indent` is the number of spaces per level, 0 for a single line.
    """
    if value.__class__ is int or value.__class__ is bool:
        return repr(value) if value.__class__ is int else "true" if value else "false"
    if isinstance(value, float):
        return decimal_of(value)
    if isinstance(value, (Function, Native)):
        return '""' if isinstance(value, Function) else _scalar(value.held.written())
    if not isinstance(value, (list, dict)) or not value:
        if walk is not None and isinstance(value, str):
            walk.write(len(value))
        return _scalar(value)
    inner = (walk := walk or Walk()).enter(depth, value)
    start, end = ("\n" + " " * indent * inner, "\n" + " " * indent * depth) if indent else ("", "")
    members = list(value if isinstance(value, list) else value.values())
    walk.write(len(value) * (len(start) + 2))
    least = FEW if members[0].__class__ in _NESTED else MANY
    if len(members) >= least and depth < DEEP and not indent:
        texts = (_pieces if isinstance(value, list) else _each)(members, inner, walk)
    else:
        walk.write(sum([len(item) for item in members if item.__class__ is str]))
        texts = [
            write(item) if (write := _WRITERS.get(item.__class__)) else to_json(item, indent, inner, walk)
            for item in walk.each(members)
        ]
    if isinstance(value, list):
        return f"[{start}{f',{start}'.join(texts)}{end}]"
    names = value if _TEXT.issuperset(map(type, value)) else list(map(key_text, value))
    walk.write(sum(map(len, names)))
    colon = ": " if indent else ":"
    parts = [f"{_quote(name)}{colon}{text}" for name, text in zip(names, texts, strict=True)]
    return f"{{{start}{f',{start}'.join(parts)}{end}}}"


_TEXT = frozenset((str,))
_NESTED = frozenset((dict, list))


#: A text as JSON, in quotes.
_quote: Final = json.encoder.encode_basestring


def _scalar(value: Any) -> str:
    try:
        return "null" if value is MISSING else json.dumps(value, ensure_ascii=False)
    except TypeError:
        return refuse_value(value)


class _Plain(Columns):
    """Finds out whether an encoder in C writes values as `$string` does.

    `whole` is the number of doubles without a fraction, to which the encoder gives one.
    """

    whole = 0

    def scalars(self, values: Values, kinds: set[type]) -> None:
        """Texts and exact numbers are written alike, most other numbers too."""
        if str in kinds:
            self.walk.write(sum(map(len, values if kinds == _TEXT else [v for v in values if v.__class__ is str])))
        if float in kinds:
            self._doubles(values if len(kinds) == 1 else [one for one in values if one.__class__ is float])
        self.is_sure &= Missing not in kinds

    def _doubles(self, doubles: Values) -> None:
        """The encoder writes doubles alike that have few digits, no exponent, and are finite, but for -0."""
        text = library().json.encode(doubles)[1:-1]
        parts = text.split(b",")
        is_long = max(map(len, parts)) > _DIGITS + 1
        self.is_sure &= not (is_long or b"e" in text or b"n" in text or (b"-0.0" in text and b"-0.0" in parts))
        self.whole += text.count(b".0,") + text.endswith(b".0")

    def fields(self, objects: Values) -> None:
        """The encoder takes other names than texts."""
        names = set[Any]().union(*objects)
        is_text = _TEXT.issuperset(map(type, names))
        self.is_sure &= is_text and len(objects) * sum(map(len, names)) < _NAMES


#: The characters of names up to which they need not be counted.
_NAMES: Final = 1_000_000

#: What the encoder writes behind a double without a fraction; it may also be in a text.
_FRACTION: Final = lazy_pattern(rb"\.0(?=[],}])")


def _pieces(values: list[Any], depth: int, walk: Walk) -> list[str]:
    """The JSON of many items of an array, of several in one text where an encoder in C can write them."""
    if library() is None:
        return _each(values, depth, walk)
    texts: list[str] = []
    missed = 0
    for start in walk.each(range(0, len(values), PART)):
        part = values[start : start + PART]
        piece = _encoded(part, depth, walk) if missed < _TRIES else None
        missed = missed + 1 if piece is None else 0
        texts += _texts(part, depth, walk) if piece is None else (piece,)
    return texts


#: So many parts in a row that the encoder cannot write are enough.
_TRIES: Final = 2


def _encoded(values: list[Any], depth: int, walk: Walk) -> str | None:
    """The JSON of some values with commas between them; None if the encoder cannot write it."""
    plain = _Plain(Walk(walk.clock, walk.most, walk.written, walk.visits))
    plain.see(values, depth)
    if not plain.is_sure:
        return None
    try:
        made = library().json.encode(values)
    except (TypeError, ValueError, RecursionError):  # half of a surrogate pair, a number with too many digits
        return None
    if plain.whole:
        made, found = _FRACTION.subn(b"", made)
        if found != plain.whole:
            return None
    walk.visits = plain.walk.visits
    walk.write(len(made))
    text: str = made[1:-1].decode()
    return text


def _each(values: list[Any], depth: int, walk: Walk) -> list[str]:
    """The JSON of many values."""
    if len(values) <= PART:
        return _texts(values, depth, walk)
    starts = walk.each(range(0, len(values), PART))
    return [text for start in starts for text in _texts(values[start : start + PART], depth, walk)]


def _texts(values: list[Any], depth: int, walk: Walk) -> list[str]:
    """The JSON of some values; those of one type are written together, which Python does in fewer steps."""
    if len(values) < FEW or depth > DEEP:
        return [to_json(value, 0, depth, walk) for value in values]
    if len(kinds := set(map(type, values))) > 1:
        return apart(map(type, values), values, lambda part: _texts(part, depth, walk))
    (kind,) = kinds
    if kind is str:
        walk.write(sum(map(len, values)))
        return list(map(_quote, values))
    if kind is int:
        return list(map(repr, values))
    if kind is float:
        return _decimals(values)
    if kind is dict:
        return by_fields(values, lambda part: _objects(part, depth, walk))
    return _arrays(values, depth, walk) if kind is list else [to_json(value, 0, depth, walk) for value in values]


def _objects(values: list[dict[Any, Any]], depth: int, walk: Walk) -> list[str]:
    """The JSON of objects with the same fields; the values of one field are written together."""
    names = list(values[0])
    if len(values) < FEW or not names or not _TEXT.issuperset(map(type, names)):
        return [to_json(value, 0, depth, walk) for value in values]
    inner = walk.enter_each(depth, values, len(names))
    walk.write(len(values) * sum([len(name) + 2 for name in names]))
    parts: list[Iterable[str]] = []
    for name, column in zip(names, zip(*map(dict.values, values), strict=True), strict=True):
        parts.append(repeat(f"{',' if parts else '{'}{_quote(name)}:", len(values)))
        parts.append(_texts(list(column), inner, walk))
    return list(map("".join, zip(*parts, repeat("}", len(values)), strict=True)))


def _arrays(values: list[list[Any]], depth: int, walk: Walk) -> list[str]:
    members = list(chain.from_iterable(values))
    walk.write(2 * len(members))
    inner = walk.enter_each(depth, values, len(members) // len(values))
    texts = iter(_each(members, inner, walk))
    return [f"[{','.join(islice(texts, len(value)))}]" for value in values]


def _decimals(values: list[float]) -> list[str]:
    """The JSON of numbers. Python's format has 15 digits as well; it differs in -0, NaN, infinity and exponents."""
    texts = list(map("%.15g".__mod__, values))
    return list(map(decimal_of, values)) if _OTHER.search(",".join(texts)) else texts


_OTHER: Final = lazy_pattern(r"[en]|-0(?!\.)")

#: The significant digits of a fraction.
_DIGITS: Final = 15


def decimal_of(value: float, digits: int = _DIGITS) -> str:
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


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {
    str: _quote,
    int: repr,
    float: decimal_of,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
}


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded_string(run: Run, value: Any, prettify: Any = False) -> Any:
    """$trutoString: as $string, with 15 significant digits of every number."""
    return string(run, _rounded(value, Walk(run)), prettify)


def _rounded(value: Any, walk: Walk, depth: int = 0) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _ROUNDED:
        return as_number(float(f"{float(value):.15g}"))
    if not isinstance(value, (list, dict)) or isinstance(value, Native):
        return value
    inner = walk.enter(depth, value)
    if isinstance(value, list):
        return [_rounded(one, walk, inner) for one in value]
    return {key: _rounded(one, walk, inner) for key, one in value.items()}


#: Up to it, a number has at most 15 digits.
_ROUNDED: Final = 10**15


def string(run: Run | None, value: Any, prettify: Any = False) -> Any:
    """$string: a value as text; texts are unchanged, other values are JSON."""
    if value is MISSING or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        fail("D3001", f"{quoted(value)} cannot be written as a string: it is not a finite number")
    return "" if isinstance(value, Function) else to_json(value, 2 if prettify is True else 0, 0, Walk(run))
