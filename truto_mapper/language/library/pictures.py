"""Writes and reads numbers by picture strings, as JSONata's reference implementation does.

The pictures are those of XPath Functions and Operators 3.1: §4.6 integers, §4.7 numbers. Functions return a result or
raise `EvaluationError`, whatever their arguments.
"""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from collections.abc import Callable, Collection, Mapping
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, Final, NoReturn

from truto_mapper.language.library.numerals import NUMERALS, nth
from truto_mapper.language.runtime.calls import defined
from truto_mapper.language.runtime.coercion import scalar_text
from truto_mapper.language.runtime.values import MISSING, Function, fail, quoted
from truto_mapper.text.diagnostics import excerpt

#: The longest picture, text to read and Roman numeral, in characters.
MAX_LENGTH: Final = 2_000


def refuse(code: str, picture: str, what: str, hint: str) -> NoReturn:
    """Raise an error that quotes a picture, or a part of one."""
    fail(code, f"the picture string {excerpt(picture)} {what}", hint)


def pictured(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a value, which is undefined where the value is and needs a picture string."""

    def checked(value: Any, picture: Any = MISSING, *options: Any) -> Any:
        if picture is MISSING:
            fail("T0410", f"argument 2 of ${name} must be a picture string, but it is missing")
        return function(value, picture) if options == (MISSING,) else function(value, picture, *options)

    return defined(checked)


def short(text: str) -> str:
    """A picture, or a text to read by one. Raises D2014 if it is too long."""
    if len(text) > MAX_LENGTH:
        fail("D2014", f"a picture string, or a text to read by one, is longer than {MAX_LENGTH:,} characters")
    return text


def in_range(number: float, most: float = sys.float_info.max) -> float:
    """A number. Raises D1001 if it is not between -most and most."""
    if not abs(number) <= most:
        endless = isinstance(number, int) and number.bit_length() > 1024
        fail("D1001", "Number out of range: " + ("too many digits" if endless else quoted(number)))
    return number


# ------------------------------------------------------------------------------------------------ integers


def format_integer(value: float, picture: str) -> str:
    """A number, rounded down, in digits, letters, Roman numerals or words."""
    # A double has the digits that it is written with: 1e46 is a one and 46 zeros.
    number = value if abs(in_range(value)) < 1e15 or isinstance(value, int) else Decimal(repr(value))
    return _integer(picture).write(math.floor(number))


def parse_integer(text: str, picture: str) -> int | float:
    """The number that a text represents; NaN if it represents none."""
    number = _integer(picture).read(short(text))
    return math.nan if number is None else in_range(number)


@lru_cache(maxsize=256)
def _integer(picture: str) -> Digits | Numerals:
    found = integer_format(picture)
    if found is None:
        hint = f"{_LIKE}; followed by ;o for ordinals"
        refuse("D3130", picture, "is not a picture of integers", hint)
    return found


_LIKE: Final = "like 0, 001, #,##0, A, a, I, i, W, w or Ww"


def integer_format(picture: str) -> Digits | Numerals | None:
    """What writes and reads integers by a picture; None for a picture without digits. Raises D3131."""
    primary, semicolon, modifier = short(picture).rpartition(";")
    primary, ordinal = (primary, modifier.startswith("o")) if semicolon else (picture, False)
    if primary in ("A", "a", "I", "i", "W", "w", "Ww"):
        return Numerals(primary, ordinal=ordinal)
    zeros = {ord(char) - unicodedata.decimal(char) for char in primary if char.isdecimal()}
    if len(zeros) > 1:
        refuse("D3131", picture, "mixes digits of several scripts", _LIKE)
    return Digits(re.sub(r"\d", "0", primary), zeros.pop(), ordinal=ordinal) if zeros else None


_HEXADECIMAL: Final = r"\s*([-+]?)0[xX]([0-9a-fA-F]*)"


class Digits:
    """A pattern of digits: 0 for each required digit, # for each optional one; other characters separate them."""

    def __init__(self, pattern: str, zero: int, *, ordinal: bool = False, regular: bool = True) -> None:
        self.ordinal, self.least = ordinal, pattern.count("0")
        self.most = self.least + pattern.count("#")
        self.script = {48 + digit: (zero + digit) % 0x110000 for digit in range(10)}
        self.unit = f"[{chr(zero)}-{chr(self.script[57])}]"
        self.ending = "(?:th|st|nd|rd)" if ordinal else ""
        behind = [pattern.count("0", place) + pattern.count("#", place) for place in range(len(pattern))]
        self.separators = [pair for pair in zip(behind, pattern, strict=True) if pair[1] not in "0#"]
        every, char = self.separators[-1] if self.separators else (0, "")
        repeated = [(every * count, char) for count in range(len(self.separators), 0, -1)]
        self.every = every if regular and self.separators == repeated else 0
        self.is_ascii = zero == ord("0")
        #: Whether numbers are written as Python writes them, padded with zeros.
        self.is_plain = self.is_ascii and not self.separators

    def write(self, number: int, least: int | None = None) -> str:
        text = ("-" if number < 0 else "") + self.grouped(str(abs(number)), least)
        if not self.ordinal:
            return text
        return text + ("th" if text[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1:], "th"))

    def grouped(self, digits: str, least: int | None = None) -> str:
        """Digits in the script of the pattern, padded to its length, with separators."""
        digits = digits.rjust(self.least if least is None else least, "0")
        if self.is_plain:
            return digits
        size, every = len(digits), self.every
        text = digits if self.is_ascii else digits.translate(self.script)
        if every:
            first = (size - 1) % every + 1
            return self.separators[0][1].join(
                [text[:first], *[text[at : at + every] for at in range(first, size, every)]]
            )
        # A separator within the pattern needs a digit before it: the reference writes 12 by #,##,##0 as ",,12".
        for place, char in self.separators:
            if place < size or place >= self.most:
                cut = max(len(text) - place, 0)
                text = text[:cut] + char + text[cut:]
        return text

    def read(self, text: str) -> int | None:
        text = text[:-2] if self.ordinal else text
        text = text.translate({ord(char): None for _, char in self.separators})
        if self.is_ascii and (found := re.match(_HEXADECIMAL, text)):  # as in the reference
            return int(found[1] + found[2], 16) if found[2] else None
        found = re.match(rf"\s*([-+]?{self.unit}+)", text)
        return int(found[1]) if found else None


class Numerals:
    """Letters, Roman numerals or words, in the case of the picture."""

    def __init__(self, primary: str, *, ordinal: bool) -> None:
        self.primary, self.nth = primary, ordinal and primary in ("w", "W", "Ww")
        self.text, self.split, self.values, self.number, unit = NUMERALS[primary[0].lower()]
        self.unit = f"(?:{unit})"

    def write(self, number: int, _least: int | None = None) -> str:
        if self.primary in ("I", "i") and abs(number) > 1000 * MAX_LENGTH:
            fail("D2014", f"a Roman numeral of more than {MAX_LENGTH:,} characters", "the picture 0 has no such limit")
        text = self.text(abs(number))
        text = ("-" if number < 0 else "") + (nth(text) if self.nth else text)
        return text.lower() if self.primary.islower() else text if self.primary == "Ww" else text.upper()

    def read(self, text: str) -> int | None:
        parts = self.split(text if self.primary in ("A", "I") else text.upper())
        values = [self.values[part] for part in parts if part in self.values]
        return self.number(values) if len(values) == len(parts) else None


# ------------------------------------------------------------------------------------------------ numbers

#: The characters of a decimal format that `options` may change.
_MARKS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "percent": "%",
    "per-mille": "‰",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}
_TEXTS: Final = {"infinity": "Infinity", "minus-sign": "-", "NaN": "NaN"}
_DEFAULTS: Final = _MARKS | _TEXTS
#: §4.7.3: what a picture must not have.
_RULES: Final = {
    "D3081": "more than one decimal separator",
    "D3082": "more than one percent sign",
    "D3083": "more than one per-mille sign",
    "D3084": "both a percent sign and a per-mille sign",
    "D3085": "no digit",
    "D3086": "other characters among its digits",
    "D3087": "a grouping separator beside its decimal separator",
    "D3088": "a grouping separator at its end",
    "D3089": "two grouping separators side by side",
    "D3090": "an optional digit after a required one in its integer part",
    "D3091": "an optional digit before a required one in its fraction",
    "D3092": "an exponent as well as a percent sign",
    "D3093": "an exponent that is not only digits",
}
#: Decimal arithmetic with room for every digit of a double.
_EXACT: Final = Context(prec=4_000)


def format_number(value: float, picture: str, options: Mapping[str, Any] | None = None) -> str:
    """A number in a decimal format; `options` may change its characters."""
    positive, negative, nan = _number(picture, _changed(options) if options else ())
    if value != value:  # noqa: PLR0124  (math.isnan fails for integers beyond a double)
        return nan
    return negative.write(-value) if value < 0 else positive.write(value + 0)


def _changed(options: Mapping[str, Any]) -> tuple[tuple[str, str, bool], ...]:
    """The marks that options change, and whether each is given as a text; as in the reference, others are converted."""
    given = [(name, mark, _converted(mark)) for name, mark in options.items() if name in _DEFAULTS]
    for name, mark, text in given:
        if text is None or (not text and name in _MARKS) or (text is not mark and name == "zero-digit"):
            hint = f'like {{"{name}": {excerpt(_DEFAULTS[name])}}}'
            fail("T0410", f'the option "{name}" of $formatNumber must be a character, not {excerpt(mark)}', hint)
    return tuple((name, short(text or ""), text is mark) for name, mark, text in given)


def _converted(mark: Any) -> str | None:
    """An option as a text; None for an object, and for an array of arrays or objects."""
    parts = mark if isinstance(mark, list) else [mark]
    if len(parts) > MAX_LENGTH or any(isinstance(part, (list, dict, Function)) for part in parts):
        return None
    return scalar_text(mark) if parts is not mark else ",".join(scalar_text(part, null="") for part in parts)


@lru_cache(maxsize=256)
def _number(picture: str, changed: tuple[tuple[str, str, bool], ...]) -> tuple[_Subpicture, _Subpicture, str]:
    """What writes positive numbers, and negative ones; and the text for no number."""
    marks = _DEFAULTS | {name: mark for name, mark, _ in changed}
    converted = frozenset(name for name, _, is_text in changed if not is_text)
    texts = short(picture).split(marks["pattern-separator"])
    if len(texts) > 2:
        refuse("D3080", picture, "has more than two parts", "one for positive numbers, and one for negative ones")
    pictures = [_Subpicture(text, marks, converted) for text in texts]
    if len(texts) == 1:
        pictures.append(_Subpicture(texts[0], marks, converted, marks["minus-sign"]))
    return pictures[0], pictures[1], marks["NaN"]


class _Subpicture:
    """§4.7.4: the part of a picture for positive numbers, or for negative ones."""

    #: What is before and behind the number; the number, and what is in it before an exponent; the exponent without its
    #: mark, None without one; and the digits before and behind the point.
    prefix: str
    suffix: str
    inner: str
    mantissa: str
    power: str | None
    whole: str
    part: str

    def __init__(self, text: str, marks: Mapping[str, str], converted: Collection[str], sign: str = "") -> None:
        self.text, self.marks = text, marks
        #: The marks that were no texts: as in the reference, no character of a picture is one of them.
        self.converted = converted
        self.point, self.comma = marks["decimal-separator"], marks["grouping-separator"]
        zero = ord(marks["zero-digit"][0])
        self.family = {chr((zero + digit) % 0x110000) for digit in range(10)}
        self._split()
        self._check()
        integer, fraction, exponent = (self._shape(part or "") for part in (self.whole, self.part, self.power))
        self.integer = Digits(integer.replace(",", self.comma[0]), zero)
        self.fraction = Digits(fraction.replace(",", self.comma[0])[::-1], zero, regular=False)
        self.exponent = Digits(exponent.replace(",", ""), zero)
        self.size = self.integer.least
        if not self.size:
            self._require_digit()
        self.ratio = 100 if marks["percent"] in text else 1000 if marks["per-mille"] in text else 1
        self.prefix = sign + self.prefix

    def _require_digit(self) -> None:
        """A digit is required, in the integer part or in the fraction."""
        is_bare, has_power = self.fraction.most == 0, self.power is not None
        if is_bare and has_power:
            self.fraction.least = self.fraction.most = 1
        if (is_bare and not has_power) or (has_power and self.marks["digit"] in self.whole):
            self.integer.least = 1
        elif not self.fraction.least:
            self.fraction.least = 1

    def _split(self) -> None:
        """The parts of the picture, as the reference finds them."""
        text, power = self.text, self.marks["exponent-separator"]
        names = {"decimal-separator", "grouping-separator", "digit", "pattern-separator"}.difference(self.converted)
        exponent = {power}.difference({power} if "exponent-separator" in self.converted else ())
        active = {*self.family, *(self.marks[name] for name in names)} - exponent
        places = [place for place, char in enumerate(text) if char in active]
        self.active = active | exponent
        start, end = (places[0], places[-1] + 1) if places else (0, len(text))
        self.prefix, self.suffix, inner = text[:start], text[end:], text[start:end]
        place = text.find(power, start)
        found = 0 <= place <= end
        # The reference cuts the rest after the prefix, where the exponent was found in the whole.
        self.mantissa, self.power = (inner[:place], inner[place + 1 :]) if found else (inner, None)
        self.whole, point, self.part = self.mantissa.partition(self.point)
        self.part = self.part if point else self.suffix
        self.inner = inner

    def _shape(self, part: str) -> str:
        """0 for a required digit, # for an optional one, and commas."""
        kinds = {self.comma: ",", self.marks["digit"]: "#"} | dict.fromkeys(self.family, "0")
        return "".join(kinds.get(char, "") for char in part)

    def _check(self) -> None:
        """§4.7.3. If several rules are broken, the reference reports the last one."""
        text, marks, comma = self.text, self.marks, self.comma
        percent, mille = text.count(marks["percent"]), text.count(marks["per-mille"])
        whole, part = self.whole, self.part
        point, digit, power = text.find(self.point), marks["digit"], self.power
        beside = text[point - 1 : point], text[point + 1 : point + 2]
        broken = {
            "D3081": text.count(self.point) > 1,
            "D3082": percent > 1,
            "D3083": mille > 1,
            "D3084": percent and mille,
            "D3085": not any(char in self.family or char == digit for char in self.mantissa),
            "D3086": any(char not in self.active for char in self.inner),
            "D3087": point >= 0 and comma in beside and "grouping-separator" not in self.converted,
            "D3088": point < 0 and whole[-1:] == comma,
            "D3089": comma + comma in text,
            "D3090": any(char in self.family for char in whole.partition(digit)[0]) and digit in whole,
            "D3091": any(char in self.family for char in part.rpartition(digit)[2]) and digit in part,
            "D3092": power and (percent or mille),
            "D3093": power is not None and (not power or any(char not in self.family for char in power)),
        }
        for code in [code for code, is_broken in broken.items() if is_broken][-1:]:
            refuse(code, text, f"has {_RULES[code]}", "like #,##0.00, 0% or 0.0e0")

    def write(self, value: float) -> str:
        """§4.7.5: a positive number as text."""
        value *= self.ratio
        if value == math.inf:
            return self.prefix + self.marks["infinity"] + self.suffix
        text, power = (None, "") if self.power else (_fixed(value, self.fraction.most), "")
        if text is None:
            text, power = self._scaled(value)
        whole, _, part = text.partition(".")
        whole, part = whole.lstrip("0"), part.rstrip("0")
        written = self.integer.grouped(whole) + self.point + self.fraction.grouped(part[::-1])[::-1]
        has_point = self.point in self.text and not written.endswith(self.point)
        return self.prefix + (written if has_point else written[:-1]) + power + self.suffix

    def _scaled(self, value: float) -> tuple[str, str]:
        """The digits of a number, and its exponent if the picture has one."""
        number, power = Decimal(repr(in_range(value))), ""
        if self.power:
            # As many digits as the picture has before the point; a power of ten may have one more, as in 10e2.
            high, low = _EXACT.next_minus(number).adjusted() + 1, number.adjusted() + 1
            shift = max(high - self.size, 0) + min(low - self.size, 0) if number else 0
            number = _EXACT.scaleb(number, -shift)
            sign = self.marks["minus-sign"] if shift < 0 else ""
            power = self.marks["exponent-separator"] + sign + self.exponent.grouped(str(abs(shift)))
        number = _EXACT.quantize(number, Decimal((0, (1,), -self.fraction.most)))
        # A double is written with all of its digits that the picture has places for.
        return (f"{float(number):.{self.fraction.most}f}" if isinstance(value, float) else f"{number:f}"), power


def _fixed(value: float, places: int) -> str | None:
    """A number with as many digits after the point, where formatting rounds as JSONata does; else None."""
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 1024 else None
    digits = repr(value)
    # JSONata rounds what is halfway in decimal digits to even, formatting what is halfway in binary ones.
    is_half = digits.endswith("5") and len(digits) - digits.find(".") - 2 == places
    return None if is_half or "e" in digits or "n" in digits else f"{value:.{places}f}"
