"""Functions of numbers: $number, $round, $formatBase, $power, $sqrt, $sum, $average."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from decimal import Context, Decimal
from functools import reduce
from typing import Any, Final

from truto_mapper.language.runtime.paths import divided
from truto_mapper.language.runtime.values import MISSING, Run, fail, finite, is_number, shown

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
        fail("D3030", f"Unable to cast value to a number: {shown(value)}")
    return int(value) if value.lstrip("-").isdigit() else number


def rounding(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that rounds, which leaves undefined and NaN as they are."""
    return lambda value, *rest: value if value is MISSING or value != value else function(value, *rest)  # noqa: PLR0124


def round_(value: Any, precision: Any = MISSING) -> Any:
    if value.__class__ is float and precision.__class__ is int and 0 <= precision < _SURE:
        _, _, fraction = repr(value).partition(".")
        if fraction.isdecimal():
            if len(fraction) <= precision:
                return value
            if fraction[precision:] != "5":  # Python rounds the double: that only differs for a tie of its digits
                return round(value, precision)
    digits, exact = (
        0 if precision is MISSING else int(precision),
        Decimal(value if isinstance(value, int) else repr(value)),
    )
    if -int(exact.as_tuple().exponent) <= digits:  # there is nothing behind that place
        return value
    if exact.adjusted() + 1 < -digits:  # it is less than half of the place
        return 0
    return float(exact.quantize(Decimal((0, (1,), -digits)), context=Context(prec=len(exact.as_tuple().digits) + 1)))


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"

#: The longest number that is written, about as long as Python's own limit.
_MAX_BITS: Final = 14_300


def format_base(value: Any, radix: Any = MISSING) -> str:
    base, number = 10 if radix is MISSING else int(round_(radix)), int(round_(value))
    if not 2 <= base <= 36:
        fail("D3100", f"The radix of the formatBase function must be between 2 and 36. It was given {base}")
    if number.bit_length() > _MAX_BITS:
        fail("D1001", "Number out of range: too many digits")
    digits, rest = "", abs(number)
    while rest or not digits:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    return "-" + digits if number < 0 else digits


def square_root(value: Any) -> float:
    if value < 0:
        fail("D3060", f"The sqrt function cannot be applied to a negative number: {shown(value)}")
    return math.sqrt(value)


def power(base: Any, exponent: Any = MISSING) -> Any:
    if exponent is MISSING:
        return MISSING
    try:
        result = math.pow(base, exponent)
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        fail("D3061", f"The power function has no result for base={shown(base)}, exponent={shown(exponent)}")
    exact = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return base**exponent if exact else result


#: The classes of numbers, and a bound: numbers whose sum is within it are finite.
_CLASSES: Final = frozenset((int, float))
_LARGE: Final = 1e300


def sum_(run: Run, numbers: Any) -> Any:
    if numbers is MISSING:
        return MISSING
    total = reduce(operator.add, run.each(numbers), 0) if _CLASSES.issuperset(map(type, numbers)) else math.inf
    if not -_LARGE < total < _LARGE:  # an item is infinite or no number
        total = reduce(operator.add, filter(is_number, run.each(numbers)), 0)
    return finite(total)


def average(run: Run, numbers: Any) -> Any:
    return divided(sum_(run, numbers), len(numbers)) if numbers else MISSING
