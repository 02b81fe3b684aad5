"""Numbers and dates by picture strings, as JSONata's reference implementation writes and reads them.

The pictures are those of XPath Functions and Operators 3.1: §4.6 integers, §4.7 numbers, §9.8 dates. Whatever the
arguments, the only thing that comes out beside a result is `EvaluationError`. No clock is read here.
"""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Context, Decimal
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any, Final, NoReturn

from truto_mapper.diagnostics import Diagnostic, EvaluationError, excerpt

__all__ = ["format_date_time", "format_integer", "format_number", "parse_date_time", "parse_integer"]

#: The longest picture, the longest text that is read by one, the greatest width.
MAX_LENGTH: Final = 2_000
#: Roman numerals grow as the number itself does.
MAX_ROMAN: Final = 10_000
#: How often a part of a text is looked for in vain.
MAX_TRIES: Final = 2_000


def _fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise EvaluationError(Diagnostic(code, message, hint=hint))


def _bounded(text: str) -> str:
    if len(text) > MAX_LENGTH:
        _fail("D2014", f"a picture string, or a text to be read by one, of more than {MAX_LENGTH:,} characters")
    return text


def _in_range(number: float) -> float:
    """A number that a double can hold."""
    if not abs(number) <= sys.float_info.max:
        _fail("D1001", "Number out of range: " + (repr(number) if isinstance(number, float) else "too many digits"))
    return number


def _is_nan(value: float) -> bool:
    return value != value  # noqa: PLR0124  (math.isnan fails for integers beyond a double)


# ------------------------------------------------------------------------------------------------ integers


def format_integer(value: float, picture: str) -> str:
    """A number, rounded down, in digits, letters, Roman numerals or words."""
    number = math.floor(_in_range(value))
    if isinstance(value, float):  # it has the digits it is written with: 1e46 is a one and 46 zeros
        number = int(Decimal(repr(float(number))))
    return _integer(_bounded(picture)).write(number)


def parse_integer(text: str, picture: str) -> int | float:
    """The number that a text stands for; NaN if it stands for none."""
    number = _integer(_bounded(picture)).read(_bounded(text))
    return number if _is_nan(number) else _in_range(number)


class _Integer:
    """What a picture says of integers. Its kind is a letter, Ww, 0 for digits, or empty where this is no picture."""

    __slots__ = ("every", "kind", "least", "ordinal", "picture", "separators", "total", "zero")

    def __init__(self, picture: str) -> None:
        primary, _, modifier = picture.rpartition(";") if ";" in picture else (picture, "", "")
        self.picture, self.ordinal = picture, modifier.startswith("o")
        self.zero, self.least, self.total, self.every = 48, 0, 0, 0
        self.separators: list[tuple[int, str]] = []
        self.kind = primary if primary in ("A", "a", "I", "i", "W", "w", "Ww") else ""
        if not self.kind:
            self._take(primary)

    def _take(self, primary: str) -> None:
        """Take a pattern of digits, "#" for optional ones, and separators, each by how many digits are behind it."""
        zeros = {ord(char) - unicodedata.decimal(char) for char in primary if char.isdecimal()}
        if len(zeros) > 1:
            _fail("D3131", f"the picture string {excerpt(self.picture)} mixes digits of several scripts", "like 0 or ٠")
        if zeros:
            self.kind, self.zero, self.least = "0", zeros.pop(), sum(map(str.isdecimal, primary))
        for char in reversed(primary):
            if char == "#" or char.isdecimal():
                self.total += 1
            else:
                self.separators.insert(0, (self.total, char))
        if len({char for _, char in self.separators}) == 1:
            self.every = _interval(self.separators)

    def write(self, number: int, least: int = 0) -> str:
        match self.kind.lower():
            case "0":
                text = self._digits(str(abs(number)).rjust(least or self.least, "0"))
            case "a":
                text = _letters(abs(number))
            case "i":
                text = _roman(abs(number))
            case "w" | "ww":
                text = _nth(_words(abs(number))) if self.ordinal else _words(abs(number))
            case _:
                self.refuse()
        text = text.lower() if self.kind.islower() else text.upper() if self.kind == "W" else text
        return f"-{text}" if number < 0 else text

    def _digits(self, digits: str) -> str:
        text = _grouped(_transliterated(digits, self.zero), self.separators, self.every, self.total)
        if not self.ordinal:
            return text
        return text + ("th" if text[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1:], "th"))

    def read(self, text: str) -> int | float:
        match self.kind.lower():
            case "0":
                return self._of_digits(text[:-2] if self.ordinal else text)
            case "a":
                return _of_letters(text, ord(self.kind))
            case "i":
                return _of_roman(text if self.kind == "I" else text.upper())
            case "w" | "ww":
                return _of_words(text.lower())
        return self.refuse()

    def _of_digits(self, text: str) -> int | float:
        # The reference takes out commas alone, whatever it is that the picture has at regular distances.
        for char in {char for _, char in self.separators} | ({","} if self.every else set()):
            text = text.replace(char, "")
        found = re.match(rf"\s*([-+]?{self.unit()}+)", text)
        return int(found[1]) if found else math.nan

    def unit(self) -> str:
        """A regular expression of what is repeated in a text that stands for an integer."""
        match self.kind.lower():
            case "0":
                return f"[{chr(self.zero)}-{chr(self.zero + 9)}]"
            case "a":
                return "[A-Za-z]"
            case "i":
                return "[MDCLXVImdclxvi]"
            case "w" | "ww":
                return f"(?ai:{'|'.join(sorted(_values(), reverse=True))}|and|[-, ])"
        return self.refuse()

    def refuse(self) -> NoReturn:
        hint = "like 0, 001, #,##0, A, a, I, i, W, w or Ww; with ;o behind it for ordinals"
        _fail("D3130", f"the picture string {excerpt(self.picture)} is none of integers", hint)


_integer = lru_cache(maxsize=256)(_Integer)


def _interval(separators: list[tuple[int, str]]) -> int:
    """The distance of separators that stand at regular distances, otherwise 0."""
    positions = {position for position, _ in separators}
    step = math.gcd(*positions)
    return step if {step * (index + 1) for index in range(len(separators))} <= positions else 0


def _grouped(digits: str, separators: list[tuple[int, str]], every: int, total: int) -> str:
    """The digits with separators, where the picture has `total` digits.

    A separator between digits of the picture needs a digit before it: the reference makes ",,12" of 12 by #,##,##0.
    """
    size = len(digits)
    if every:
        separators = [(position, separators[0][1]) for position in range(every, size, every)][::-1]
    for position, char in separators:
        if position < size or position >= total:
            cut = max(len(digits) - position, 0)
            digits = digits[:cut] + char + digits[cut:]
    return digits


def _transliterated(digits: str, zero: int) -> str:
    return digits if zero == 48 else digits.translate({48 + digit: (zero + digit) % 0x110000 for digit in range(10)})


_ROMAN: Final = (
    *(("M", 1000), ("CM", 900), ("D", 500), ("CD", 400), ("C", 100), ("XC", 90), ("L", 50), ("XL", 40)),
    *(("X", 10), ("IX", 9), ("V", 5), ("IV", 4), ("I", 1)),
)
_ONES: Final = (
    *("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"),
    *("Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen"),
)
_TENS: Final = ("Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_POWERS: Final = {2: "Hundred", 3: "Thousand", 6: "Million", 9: "Billion", 12: "Trillion"}
#: How cardinals end, and ordinals instead.
_ENDINGS: Final = (
    *(("One", "First"), ("Two", "Second"), ("Three", "Third"), ("ve", "fth"), ("Nine", "Ninth"), ("t", "th")),
    *(("y", "ieth"), ("", "th")),
)


def _letters(number: int) -> str:
    """As the columns of a spreadsheet are named."""
    text = ""
    while number:
        number, letter = divmod(number - 1, 26)
        text = chr(65 + letter) + text
    return text


def _of_letters(text: str, first: int) -> int:
    number = 0
    for char in text:
        number = number * 26 + ord(char) - first + 1
    return number


def _roman(number: int) -> str:
    if number >= 1000 * MAX_ROMAN:
        _fail(
            "D2014", f"Roman numerals of more than {MAX_ROMAN:,} characters", "the picture string 0 has no such limit"
        )
    text = ""
    for numeral, worth in _ROMAN:
        count, number = divmod(number, worth)
        text += numeral * count
    return text


def _of_roman(text: str) -> int | float:
    number, highest = 0, 1
    for char in reversed(text):
        worth = dict(_ROMAN).get(char)
        if worth is None:
            return math.nan
        number += -worth if worth < highest else worth
        highest = max(worth, highest)
    return number


def _words(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        return _TENS[number // 10 - 2] + (f"-{_ONES[number % 10]}" if number % 10 else "")
    power = 2 if number < 1000 else min(len(str(number)) - 1, 12) // 3 * 3
    count, rest = divmod(number, 10**power)
    more = "" if not rest else f" and {_words(rest)}" if rest < 100 else f", {_words(rest)}"
    return f"{_words(count)} {_POWERS[power]}{more}"


def _nth(words: str) -> str:
    """The ordinal of a cardinal."""
    ending, nth = next(pair for pair in _ENDINGS if words.endswith(pair[0]))
    return words.removesuffix(ending) + nth


@lru_cache(maxsize=1)
def _values() -> dict[str, int]:
    """What each word stands for, by itself."""
    values = {word: number for number, word in enumerate(_ONES)}
    values |= {word: 10 * (number + 2) for number, word in enumerate(_TENS)}
    values |= {word: 10**power for power, word in _POWERS.items()}
    return {form.lower(): value for word, value in values.items() for form in (word, _nth(word))}


def _of_words(text: str) -> int | float:
    """A word below a hundred is added to what was counted last, any other multiplies it."""
    counted = [0]
    for word in re.split(r",\s|\sand\s|[\s\\-]", text):
        value = _values().get(word)
        if value is None:
            return math.nan
        if value >= 100:
            counted[-1] *= value
        elif counted[-1] >= 1000:
            counted.append(value)
        else:
            counted[-1] += value
    return sum(counted)


# ------------------------------------------------------------------------------------------------ numbers

_MARKS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "infinity": "Infinity",
    "minus-sign": "-",
    "NaN": "NaN",
    "percent": "%",
    "per-mille": "\u2030",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}
#: With room for every digit of a double.
_EXACT: Final = Context(prec=4_000)


def format_number(value: float, picture: str, options: Mapping[str, Any] | None = None) -> str:
    """A number in a decimal format, whose characters `options` may change."""
    marks = _MARKS | {name: _mark(name, mark) for name, mark in (options or {}).items() if name in _MARKS}
    pictures = _subpictures(_bounded(picture), tuple(marks.items()))
    if _is_nan(value):
        return marks["NaN"]
    if value >= 0:
        return pictures[0].write(value)
    return (marks["minus-sign"] if len(pictures) == 1 else "") + pictures[-1].write(-value)


def _mark(name: str, mark: Any) -> str:
    if not isinstance(mark, str) or (not mark and name not in ("infinity", "minus-sign", "NaN")):
        hint = f'like {{"{name}": {excerpt(_MARKS[name])}}}'
        _fail("T0410", f'the option "{name}" of $formatNumber must be a character, not {excerpt(mark)}', hint)
    return _bounded(mark)


@lru_cache(maxsize=256)
def _subpictures(picture: str, marks: tuple[tuple[str, str], ...]) -> list[_Subpicture]:
    separator = dict(marks)["pattern-separator"]
    texts = picture.split(separator)
    if len(texts) > 2:
        hint = "one part is for positive numbers, and one for negative ones"
        _fail("D3080", f"the picture string {excerpt(picture)} has more than one {separator}", hint)
    return [_Subpicture(text, dict(marks)) for text in texts]


class _Subpicture:
    """§4.7.4: what a picture says of positive numbers, or of negative ones."""

    def __init__(self, text: str, marks: dict[str, str]) -> None:
        self.text, self.marks, self.zero = text, marks, ord(marks["zero-digit"][0])
        self.family = {chr((self.zero + digit) % 0x110000) for digit in range(10)}
        power, point, group = (marks[f"{name}-separator"] for name in ("exponent", "decimal", "grouping"))
        active = self.family | {point, group, marks["digit"], marks["pattern-separator"]}
        places = [place for place, char in enumerate(text) if char in active and char != power]
        start, end = (places[0], places[-1] + 1) if places else (0, len(text))
        self.prefix, middle, self.suffix = text[:start], text[start:end], text[end:]
        at = text.find(power, start)
        mantissa, exponent = middle, None
        if -1 < at <= end:
            # It is a place in the whole text: behind a prefix the cut is too far to the right, as in the reference.
            mantissa, exponent = middle[:at], middle[at + 1 :]
        integer, _, fraction = mantissa.partition(point)
        self._check(set(middle) - active - {power}, integer, fraction, exponent)
        self._measure(integer, fraction, exponent or "")

    def _count(self, text: str, *more: str) -> int:
        """How many mandatory digits there are, and how many of `more`."""
        return sum(char in self.family or char in more for char in text)

    def _check(self, passive: set[str], integer: str, fraction: str, exponent: str | None) -> None:
        """§4.7.3. Of several rules that are broken, the reference reports the last one."""
        text, digit, percent, permille = self.text, *(self.marks[name] for name in ("digit", "percent", "per-mille"))
        group, point = self.marks["grouping-separator"], self.marks["decimal-separator"]
        at, ratios = text.find(point), {percent, permille}
        before, first, _ = integer.partition(digit)
        _, last, after = fraction.rpartition(digit)
        odd = exponent is not None and not 0 < len(exponent) == self._count(exponent)
        rules = (
            ("D3093", odd, "an exponent that is not of digits alone"),
            ("D3092", exponent and any(one in text for one in ratios), "an exponent as well as a percent sign"),
            ("D3091", last and self._count(after), f"a digit behind {digit} in its fraction"),
            ("D3090", first and self._count(before), f"a digit before {digit} in its integer part"),
            ("D3089", group * 2 in text, f"two {group} side by side"),
            ("D3088", at < 0 and integer.endswith(group), f"a {group} at its end"),
            ("D3087", at >= 0 and group in (text[at - 1 : at], text[at + 1 : at + 2]), f"a {group} beside its {point}"),
            ("D3086", passive, "other characters among its digits"),
            ("D3085", not self._count(integer + fraction, digit), f"neither a digit nor {digit}"),
            ("D3084", all(one in text for one in ratios), f"both {percent} and {permille}"),
            ("D3083", text.find(permille) != text.rfind(permille), f"more than one {permille}"),
            ("D3082", text.find(percent) != text.rfind(percent), f"more than one {percent}"),
            ("D3081", at != text.rfind(point), f"more than one {point}"),
        )
        for code, broken, what in rules:
            if broken:
                _fail(code, f"the picture string {excerpt(text)} has {what}", "like #,##0.00, 0% or 0.0e0")

    def _measure(self, integer: str, fraction: str, exponent: str) -> None:
        """How many digits there are at least, and at most in the fraction; where separators stand."""
        digit = self.marks["digit"]
        self.size = self.least = self._count(integer)
        self.fraction_least, self.most = self._count(fraction), self._count(fraction, digit)
        self.exponent = len(exponent)
        if not self.least and not self.most:
            self.least, self.fraction_least, self.most = (0, 1, 1) if exponent else (1, 0, 0)
        if exponent and digit in integer:
            self.least = max(self.least, 1)
        if not self.least:
            self.fraction_least = max(self.fraction_least, 1)
        self.separators, self.total = self._separators(integer[::-1])
        self.fraction_separators, self.fraction_total = self._separators(fraction)
        self.every = _interval(self.separators)

    def _separators(self, part: str) -> tuple[list[tuple[int, str]], int]:
        """Those of a part by their distance from the point, the farthest first; how many digits the part has."""
        digit, group = self.marks["digit"], self.marks["grouping-separator"]
        found = [(self._count(part[:at], digit), group) for at, char in enumerate(part) if char == group]
        return found[::-1], self._count(part, digit)

    def write(self, value: float) -> str:
        """§4.7.5, of a positive number."""
        marks, shift = self.marks, 0
        value *= 100 if marks["percent"] in self.text else 1000 if marks["per-mille"] in self.text else 1
        if value == math.inf:
            return self.prefix + marks["infinity"] + self.suffix
        number = Decimal(repr(value) if isinstance(value, float) else _in_range(value))
        if self.exponent:
            number, shift = _scaled(number, self.size)
        number = _EXACT.quantize(number, Decimal((0, (1,), -self.most)))
        # A double is written with all its digits, as far as the picture has places for them.
        text = f"{float(number):.{self.most}f}" if isinstance(value, float) else f"{number:f}"
        return self.prefix + self._digits(text) + self._power(shift) + self.suffix

    def _digits(self, text: str) -> str:
        integer, _, fraction = text.partition(".")
        integer = _transliterated(integer.lstrip("0").rjust(self.least, "0"), self.zero)
        integer = _grouped(integer, self.separators, self.every, self.total)
        fraction = _transliterated(fraction.rstrip("0").ljust(self.fraction_least, "0"), self.zero)
        fraction = _grouped(fraction[::-1], self.fraction_separators, 0, self.fraction_total)[::-1]
        point = self.marks["decimal-separator"]
        whole = integer + point + fraction
        return whole if fraction and point in self.text else whole[:-1]

    def _power(self, shift: int) -> str:
        if not self.exponent:
            return ""
        digits = _transliterated(str(abs(shift)).rjust(self.exponent, "0"), self.zero)
        return self.marks["exponent-separator"] + (self.marks["minus-sign"] if shift < 0 else "") + digits


def _scaled(number: Decimal, size: int) -> tuple[Decimal, int]:
    """A mantissa of so many digits before its point, and the exponent. 1000 is 10e2 by 0e0: ten is still one digit."""
    if not number:
        return number, 0
    shift = number.adjusted() + 1 - size
    if shift > 0 and number == Decimal((0, (1,), number.adjusted())):
        shift -= 1
    return _EXACT.scaleb(number, -shift), shift


# ------------------------------------------------------------------------------------------------ dates

_ISO_8601: Final = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"
#: ECMAScript's range of time, in milliseconds from 1970.
_MAX_TIME: Final = 8_640_000_000_000_000
#: Python's calendar ends with the year 9999; every 400 years are like those before.
_DAYS_A_CYCLE: Final = 146_097
_DAYS_BEFORE_1970: Final = 719_162
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_INTEGERS: Final = "YMDdFWwXxHhmsf"


def format_date_time(millis: float, picture: str | None = None, zone: str | None = None) -> str:
    """A moment, in milliseconds since 1970, in a zone such as +0530; as in ISO 8601 without a picture."""
    parts = _parts(_ISO_8601 if picture is None else _bounded(picture))
    offset = 0 if zone is None else _offset(zone)
    there = int(_in_range(millis)) + offset * 60_000
    if abs(there) > _MAX_TIME:
        _fail("D1001", f"Number out of range: {millis!r} milliseconds are more than 270,000 years from 1970")
    moment = _moment(there)
    return "".join(part if isinstance(part, str) else part.write(moment, offset) for part in parts)


def _offset(zone: str) -> int:
    """Minutes. The reference is an hour wrong where a zone west of Greenwich has minutes."""
    found = re.fullmatch(r"(?a)([-+]?)(\d{0,2}?)(\d{1,2})", zone)
    if found is None:
        _fail("D3137", f"{excerpt(zone)} is no zone that a moment can be written in", "like +0530, -0800 or 0000")
    minutes = 60 * int(found[2] or 0) + int(found[3])
    return -minutes if found[1] == "-" else minutes


def _moment(millis: int) -> dict[str, int]:
    """The components of a moment. A week is of the month and of the year that its Thursday is in."""
    days, rest = divmod(millis, 86_400_000)
    cycle, days = divmod(days + _DAYS_BEFORE_1970, _DAYS_A_CYCLE)
    day = date.fromordinal(days + 1)
    thursday = date.fromordinal(days + 4 - day.weekday())
    seconds, hour = rest // 1000, rest // 3_600_000
    dates = {"Y": day.year + 400 * cycle, "M": day.month, "D": day.day, "d": _day_of_year(day), "F": day.isoweekday()}
    weeks = {"X": thursday.year + 400 * cycle, "W": (_day_of_year(thursday) + 6) // 7}
    weeks |= {"x": thursday.month, "w": (thursday.day + 6) // 7}
    hours = {"H": hour, "h": hour % 12 or 12, "P": hour // 12}
    return dates | weeks | hours | {"m": seconds // 60 % 60, "s": seconds % 60, "f": rest % 1000}


def _day_of_year(day: date) -> int:
    return day.toordinal() - date(day.year, 1, 1).toordinal() + 1


def _days(year: int, month: int) -> int:
    """From 1970 to the first of a month, which is counted from 0 and may be of a later year."""
    cycle, year = divmod(year + month // 12 - 1, 400)
    return date(year + 1, month % 12 + 1, 1).toordinal() - 1 + cycle * _DAYS_A_CYCLE - _DAYS_BEFORE_1970


@lru_cache(maxsize=256)
def _parts(picture: str) -> list[str | _Marker]:
    """§9.8.4.1: literal text and markers."""
    parts: list[str | _Marker] = []
    for found in re.finditer(r"\[\[|\[([^]]*)]|\[|[^[]+", picture):
        if found[0] == "[":
            _fail("D3135", f"the picture string {excerpt(picture)} has a [ without its ]", "a [ itself is written [[")
        if found[1] is None:
            parts.append("[" if found[0] == "[[" else found[0].replace("]]", "]"))
            continue
        marker = _Marker(found[1])
        if parts and isinstance(parts[-1], _Marker) and marker.component in _INTEGERS and not marker.names:
            parts[-1].fixed = True
        parts.append(marker)
    return parts


def _widths(text: str) -> list[int | None]:
    """§9.8.4.2: the least and the greatest width, None where it is left open."""
    found = re.fullmatch(r"(?a)(\d*)\*?(?:-(\d*)\*?)?", text)
    widths = [int(width) if width else None for width in (found.groups() if found else (None, None))]
    if max(width or 0 for width in widths) > MAX_LENGTH:
        _fail("D2014", f"the width {excerpt(text)} in a picture string is more than {MAX_LENGTH:,} characters")
    return widths


class _Marker:
    """A variable marker. It is `fixed` in its width where the next one follows at once."""

    __slots__ = ("component", "fixed", "least", "modifier", "most", "names", "shape", "text", "years")

    def __init__(self, text: str) -> None:
        self.text, self.fixed, text = excerpt(f"[{text}]"), False, re.sub(r"\s+", "", text)
        body, _, width = text.rpartition(",") if "," in text else (text, "", "")
        self.component, shape = body[:1], body[1:]
        if self.component not in tuple(f"{_INTEGERS}PZzCE"):
            hint = "there is Y, M, D, d, F, W, w, X, x, H, h, P, m, s, f, Z, z, C and E"
            _fail("D3132", f"{self.text} in a picture string is no component of a date or time", hint)
        self.modifier = shape[-1] if len(shape) > 1 and shape[-1] in "atco" else ""
        shape = shape.removesuffix(self.modifier) or self._usual()
        self.names = "Nn" if shape.startswith("Nn") else shape[0] if shape[0] in "nN" else ""
        least, self.most = _widths(width)
        self.shape: _Integer | None = None
        if self.component in "Zz":
            self.shape = _integer(shape)
        elif self.component in _INTEGERS and not self.names:
            self.shape = _integer(f"{shape};{self.modifier}" if self.modifier else shape)
        self._measure(least or 0)

    def _usual(self) -> str:
        one = self.component
        return "n" if one in "FPCE" else "01" if one in "ms" else "01:01" if one in "Zz" else "1"

    def _measure(self, least: int) -> None:
        """How many digits there are at least, and to how many a year is cut, §9.8.4.4."""
        optional = 0
        if self.component == "Y" and self.most is not None:
            least = self.most
        elif self.shape is not None and self.shape.kind == "0":
            least, optional = max(self.shape.least, least), self.shape.total - self.shape.least
        else:
            least = 0
        self.least = least
        self.years = least + optional if self.most is not None or least + optional >= 2 else None

    def write(self, moment: dict[str, int], offset: int) -> str:
        if self.component in "CE":
            return "ISO"
        if self.component in "Zz":
            return self._zone(offset)
        value = moment[self.component]
        if self.component == "P":
            half = "pm" if value else "am"
            return half.upper() if self.names == "N" else half
        if self.shape is None:
            return self._styled(self._names()[value - 1])
        if self.component == "Y" and self.years is not None:
            value = abs(value) % 10**self.years * (-1 if value < 0 else 1)
        return self.shape.write(value, self.least)

    def _names(self) -> tuple[str, ...]:
        if self.component not in "MxF":
            hint = "months and days of the week have names, [MNn] and [FNn]"
            _fail("D3133", f"{self.text} in a picture string is a component that has no names", hint)
        return _DAYS if self.component == "F" else _MONTHS

    def _styled(self, name: str) -> str:
        return (name.lower() if self.names == "n" else name.upper() if self.names == "N" else name)[: self.most]

    def _zone(self, offset: int) -> str:
        """§9.8.4.6: hours, and minutes where there are some; or both in one number."""
        if offset == 0 and self.modifier == "t":
            return "Z"
        shape, (hours, minutes) = self.shape or _integer(""), divmod(abs(offset), 60)
        if shape.every or shape.least in (3, 4):
            text = shape.write(100 * hours + minutes)
        elif shape.least in (1, 2):
            text = shape.write(hours) + (f":{minutes:02}" if minutes else "")
        else:
            hint = "like [Z], [Z0], [Z0000] or [Z00:00t]"
            _fail("D3134", f"{self.text} in a picture string is a zone that is not of one to four digits", hint)
        return ("GMT" if self.component == "z" else "") + ("-" if offset < 0 else "+") + text

    def reader(self) -> _Reader:
        if self.component == "f":
            return _reader(self.component, "", "[0-9]", lambda text: int(text[:3].ljust(3, "0")))
        if self.component in "Zz":
            between = self.shape.separators[0][1] if self.shape and self.shape.every else ""
            head = ("(?i:GMT)" if self.component == "z" else "") + "[-+]"
            head += f"[0-9]+{re.escape(between)}" if between else ""
            return _reader(self.component, head, "[0-9]", partial(_of_zone, between))
        if self.shape is None:
            return _reader(self.component, "", "[A-Za-z]", self._numbers().get)
        unit = self.shape.unit()
        if self.shape.kind != "0" or not (self.fixed or self.shape.ordinal):
            return _reader(self.component, "", unit, self.shape.read)
        head = unit + (f"{{{self.least}}}" if self.fixed and self.least else "+")
        return _reader(self.component, head + ("(?i:th|st|nd|rd)" if self.shape.ordinal else ""), "", self.shape.read)

    def _numbers(self) -> dict[str, int]:
        if self.component == "P":
            return {"am": 0, "AM": 0, "pm": 1, "PM": 1}
        return {name[: self.most or None]: number for number, name in enumerate(self._names(), 1)}


def _of_zone(between: str, text: str) -> int:
    """Minutes. The reference adds those of a zone west of Greenwich to its negative hours."""
    _, sign, digits = re.split("([-+])", text, maxsplit=1)
    hours, _, minutes = digits.partition(between) if between else (digits[:-2], "", digits[-2:])
    offset = 60 * int(hours) + int(minutes) if hours else 60 * int(minutes)
    return -offset if sign == "-" else offset


# A part of a text: its component, how it begins, what is repeated after that, and what it stands for.
_Reader = tuple[str, re.Pattern[str], re.Pattern[str] | None, Callable[[str], Any]]


def _reader(component: str, head: str, unit: str, read: Callable[[str], Any]) -> _Reader:
    return component, re.compile(head), re.compile(unit) if unit else None, read


@lru_cache(maxsize=256)
def _readers(picture: str) -> list[_Reader]:
    return [
        _reader("", f"(?i:{re.escape(part)})", "", str) if isinstance(part, str) else part.reader()
        for part in _parts(picture)
    ]


def parse_date_time(text: str, picture: str, now: Callable[[], int]) -> int | float | None:
    """The moment that a text stands for; None if it is not as the picture says, NaN if it is outside the calendar.

    What the picture leaves out before the components that it has is as it is `now`; what it leaves out behind is zero.
    """
    readers = _readers(_bounded(picture))
    texts = _split(_bounded(text), readers)
    found = {component: read(part) for (component, _, _, read), part in zip(readers, texts or (), strict=False)}
    known = {component: value for component, value in found.items() if component and value is not None}
    return _time(known, now) if known else None


def _split(text: str, readers: list[_Reader]) -> list[str] | None:
    """The parts of a text, each as long as it can be: as a regular expression would, but no place is tried twice."""
    if not readers:
        return None
    ends, tries, dead = [0], [_ends(text, 0, readers[0])], set()
    while tries:
        end = next((end for end in tries[-1] if (len(ends), end) not in dead), -1)
        if end < 0:
            tries.pop()
            dead.add((len(tries), ends.pop()))
            if len(dead) > MAX_TRIES:
                _fail("D2014", f"more than {MAX_TRIES:,} ways to take a text apart", "put text between the markers")
        elif len(ends) < len(readers):
            tries.append(_ends(text, end, readers[len(ends)]))
            ends.append(end)
        elif end == len(text):
            return [text[start:stop] for start, stop in pairwise([*ends, end])]
    return None


def _ends(text: str, start: int, reader: _Reader) -> Iterator[int]:
    """Where a part can end that starts here, the farthest first."""
    _, head, unit, _ = reader
    found = head.match(text, start)
    ends = [found.end()] if found and unit is None else []
    while found and unit and (found := unit.match(text, found.end())):
        ends.append(found.end())
    return reversed(ends)


def _time(found: dict[str, Any], now: Callable[[], int]) -> int | float:
    # What is zero does not count for what kind of date and time this is, there as here.
    given = {component for component, value in found.items() if value and not _is_nan(value)}
    dates, times = given & set("YXMxWwdD"), given & set("PHhmsf")
    if dates and (dates <= set("Xxw") or dates <= set("XW")):
        hint = "like [Y]-[M]-[D] or [Y]-[d]"
        _fail("D3136", "the picture string names a date by its week, which cannot be read", hint)
    ordinal, halved = "d" in dates and dates <= set("Yd"), bool(times & set("Ph")) and times <= set("Phmsf")
    order = ("YD" if ordinal else "YMD") + ("Phmsf" if halved else "Hmsf")
    value = found | _missing(order, found, now)
    if any(_is_nan(value[one]) for one in order + "d" * ordinal):
        return math.nan
    year = value["Y"] + (1900 if 0 <= value["Y"] < 100 else 0)
    days = _days(year, 0) + value["d"] if ordinal else _days(year, max(value["M"] - 1, 0)) + value["D"]
    hour = (0 if value["h"] == 12 else value["h"]) + 12 * value["P"] if halved else value["H"]
    minutes = ((days - 1) * 24 + hour) * 60 + value["m"] - (value.get("Z") or value.get("z") or 0)
    millis: int = (minutes * 60 + value["s"]) * 1000 + value["f"]
    return millis if abs(millis) <= _MAX_TIME else math.nan


def _missing(order: str, found: dict[str, Any], now: Callable[[], int]) -> dict[str, int]:
    """What there is not of the components in their order: as it is now before the others, zero behind them."""
    places = [place for place, component in enumerate(order) if component in found]
    if places and places[-1] - places[0] >= len(places):
        lost = next(component for component in order[places[0] :] if component not in found)
        hint = "only the beginning or the end of a date and time can be left out"
        _fail("D3136", f"the picture string leaves out [{lost}] between other components", hint)
    first = places[0] if places else len(order)
    clock = _moment(now()) | {"P": 0} if first else {}
    usual = dict.fromkeys(order, 0) | {"M": 1, "D": 1}
    return {one: (clock if place < first else usual)[one] for place, one in enumerate(order) if one not in found}
