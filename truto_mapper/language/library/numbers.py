"""Functions of numbers: $number, $round, $formatBase, $power, $sqrt, $sum, $average."""

from __future__ import annotations

import math
import operator
import re
from collections import deque
from collections.abc import Callable
from decimal import Context, Decimal
from itertools import accumulate
from typing import Any, Final

from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.paths import divided
from truto_mapper.language.runtime.values import CHUNK, MISSING, Run, fail, finite, quoted
from truto_mapper.language.runtime.writing import to_json

_DECIMAL = r"(?a)-?\d+(\.\d+)?([Ee][-+]?\d+)?"
_RADIX = r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+"


#: So many digits are less than any limit of numbers.
_SURE: Final = 16


def to_number(value: Any) -> Any:
    if value.__class__ is str and len(value) < _SURE and value.isascii() and value.isdecimal():
        return int(value)
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    if re.fullmatch(_RADIX, value):
        return finite(int(value, 0))
    number = float(value) if re.fullmatch(_DECIMAL, value) else math.inf
    if not math.isfinite(number):
        refuse("D3030", "number", 1, 'a number in a string, such as "-1.5e3" or "0x1F"', value)
    return int(value) if value.lstrip("-").isdigit() else number


#: Below it, doubles have halves, which Python rounds as JSONata does.
_EVERY_HALF: Final = 2**52


def rounding(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that rounds, which leaves undefined and NaN as they are."""
    return lambda value, *rest: value if value is MISSING or value != value else function(value, *rest)  # noqa: PLR0124


def to_whole(function: Callable[[Any], int]) -> Callable[..., Any]:
    """$floor or $ceil. A double that has no fraction any more stays one, and is written as such."""
    return rounding(lambda value: function(value) if abs(value) < _EVERY_HALF else value)


def round_(value: Any, precision: Any = MISSING, name: str = "round") -> Any:
    if value.__class__ is float and precision.__class__ is int and 0 <= precision < _SURE:
        _, _, fraction = repr(value).partition(".")
        if fraction.isdecimal():
            if len(fraction) <= precision:
                return value
            if fraction[precision:] != "5":  # Python rounds the double: that only differs for a tie of its digits
                return round(value, precision)
    if isinstance(value, float) and not math.isfinite(value):
        refuse("D1001", name, 1, "a finite number", value)
    if precision is MISSING and (value.__class__ is int or abs(value) < _EVERY_HALF):
        return value if value.__class__ is int else float(round(value))
    digits = 0 if precision is MISSING else _whole(precision)
    if isinstance(value, int) and digits >= 0:
        return value
    exact = Decimal(finite(value) if isinstance(value, int) else repr(value))
    if -int(exact.as_tuple().exponent) <= digits:  # there is nothing behind that place
        return value
    if exact.adjusted() + 1 < -digits:  # it is less than half of the place
        return 0
    return float(exact.quantize(Decimal((0, (1,), -digits)), context=Context(prec=len(exact.as_tuple().digits) + 1)))


def _whole(precision: Any) -> int:
    if not float(precision).is_integer():
        refuse("D1001", "round", 2, "a whole number", precision)
    return int(precision)


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
#: How Python itself names some bases.
_LETTERS: Final = {2: "b", 8: "o", 10: "d", 16: "x"}

#: The longest number that is written, about as long as Python's own limit.
_MAX_BITS: Final = 14_300


def format_base(value: Any, radix: Any = MISSING) -> str:
    base = 10 if radix is MISSING else int(round_(radix)) if 0 < radix < 37 else 0
    if not 2 <= base <= 36:
        refuse("D3100", "formatBase", 2, "from 2 to 36", radix)
    rounded = round_(value, MISSING, "formatBase")
    if base == 10 and isinstance(rounded, float):
        return to_json(rounded)
    number = int(rounded)
    if number.bit_length() > _MAX_BITS:
        fail("D1001", "Number out of range: too many digits")
    if base in _LETTERS:
        return format(number, _LETTERS[base])
    digits, rest = "", abs(number)
    while rest or not digits:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    return "-" + digits if number < 0 else digits


def square_root(value: Any) -> float:
    if value < 0:
        refuse("D3060", "sqrt", 1, "0 or more", value)
    return math.sqrt(value)


def power(base: Any, exponent: Any = MISSING) -> Any:
    if exponent is MISSING:
        refuse("D3061", "power", 2, "a number", exponent)
    try:
        result = math.pow(base, exponent)
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(exponent) and abs(base) == 1:  # IEEE 754 says 1, ECMAScript NaN
        result = math.nan
    if not math.isfinite(result):
        fail("D3061", f"$power({quoted(base)}, {quoted(exponent)}) is not a finite number")
    exact = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return base**exponent if exact else result


def sum_(run: Run, numbers: Any) -> Any:
    if numbers is MISSING:
        return MISSING
    total: Any = 0
    for start in range(0, len(numbers), CHUNK):
        part = numbers[start : start + CHUNK]
        run.tick(len(part))
        (total,) = deque(accumulate(part, initial=total), 1)  # Python's `sum` of doubles is another number
    return finite(total)


def greatest(numbers: Any) -> Any:
    return (math.nan if _has_nan(numbers) else max(numbers)) if numbers else MISSING


def least(numbers: Any) -> Any:
    return (math.nan if _has_nan(numbers) else min(numbers)) if numbers else MISSING


def _has_nan(numbers: list[Any]) -> bool:
    return float in set(map(type, numbers)) and any(map(operator.ne, numbers, numbers))


def average(run: Run, numbers: Any) -> Any:
    return divided(sum_(run, numbers), len(numbers)) if numbers else MISSING
