"""Writes and reads numbers and dates by picture strings, as JSONata's reference implementation does.

The pictures are those of XPath Functions and Operators 3.1: §4.6 integers, §4.7 numbers, §9.8 dates. Functions return a
result or raise `EvaluationError`, whatever their arguments. No clock is read here.
"""

from __future__ import annotations

import math
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any, Final, NoReturn

from truto_mapper.language.library.numerals import NUMERALS, nth, table
from truto_mapper.language.library.patterns import work
from truto_mapper.language.runtime.calls import defined
from truto_mapper.language.runtime.values import MISSING, fail, quoted
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.regex import PatternError, compile_pattern, literal

#: The longest picture, text to read and Roman numeral, in characters.
MAX_LENGTH: Final = 2_000
#: The most steps of reading a text by a picture, about a tenth of a second.
MAX_STEPS: Final = 10_000_000


def _refuse(code: str, picture: str, what: str, hint: str) -> NoReturn:
    fail(code, f"the picture string {excerpt(picture)} {what}", hint)


def pictured(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a value, which is undefined where the value is and needs a picture string."""

    def checked(value: Any, picture: Any = MISSING, *options: Any) -> Any:
        if picture is MISSING:
            fail("T0410", f"argument 2 of ${name} must be a picture string, it is missing")
        return function(value, picture) if options == (MISSING,) else function(value, picture, *options)

    return defined(checked)


def _bounded(text: str) -> str:
    if len(text) > MAX_LENGTH:
        fail("D2014", f"a picture string, or a text to read by one, is longer than {MAX_LENGTH:,} characters")
    return text


def _in_range(number: float, most: float = sys.float_info.max) -> float:
    if not abs(number) <= most:
        endless = isinstance(number, int) and number.bit_length() > 1024
        fail("D1001", "Number out of range: " + ("too many digits" if endless else quoted(number)))
    return number


# ------------------------------------------------------------------------------------------------ integers


def format_integer(value: float, picture: str) -> str:
    """A number, rounded down, in digits, letters, Roman numerals or words."""
    # A double has the digits that it is written with: 1e46 is a one and 46 zeros.
    return _integer(picture).write(math.floor(Decimal(repr(_in_range(value)))))


def parse_integer(text: str, picture: str) -> int | float:
    """The number that a text represents; NaN if it represents none."""
    number = _integer(picture).read(_bounded(text))
    return math.nan if number is None else _in_range(number)


@lru_cache(maxsize=256)
def _integer(picture: str) -> _Digits | _Numerals:
    primary, _, modifier = _bounded(picture).partition(";")
    ordinal = modifier.startswith("o")
    if primary in ("A", "a", "I", "i", "W", "w", "Ww"):
        return _Numerals(primary, ordinal=ordinal)
    zeros = {ord(char) - unicodedata.decimal(char) for char in primary if char.isdecimal()}
    if len(zeros) != 1:
        hint = "like 0, 001, #,##0, A, a, I, i, W, w or Ww; followed by ;o for ordinals"
        what = "mixes digits of several scripts" if zeros else "is not a picture of integers"
        _refuse("D3131" if zeros else "D3130", picture, what, hint)
    return _Digits(re.sub(r"\d", "0", primary), zeros.pop(), ordinal=ordinal)


class _Digits:
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

    def write(self, number: int, least: int = 0) -> str:
        text = ("-" if number < 0 else "") + self.grouped(str(abs(number)), least)
        if not self.ordinal:
            return text
        return text + ("th" if text[-2:-1] == "1" else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1:], "th"))

    def grouped(self, digits: str, least: int = 0) -> str:
        """Digits in the script of the pattern, padded to its length, with separators."""
        digits = digits.rjust(least or self.least, "0")
        size = len(digits)
        # A separator within the pattern needs a digit before it: the reference writes 12 by #,##,##0 as ",,12".
        separators = [pair for pair in self.separators if pair[0] < size or pair[0] >= self.most]
        if self.every:
            separators = [(place, self.separators[0][1]) for place in range(self.every, size, self.every)][::-1]
        text = digits.translate(self.script)
        for place, char in separators:
            cut = max(len(text) - place, 0)
            text = text[:cut] + char + text[cut:]
        return text

    def read(self, text: str) -> int | None:
        text = text[:-2] if self.ordinal else text
        text = text.translate({ord(char): None for _, char in self.separators})
        found = re.match(rf"\s*([-+]?{self.unit}+)", text)
        return int(found[1]) if found else None


class _Numerals:
    """Letters, Roman numerals or words, in the case of the picture."""

    least = most = every = 0
    ending = ""

    def __init__(self, primary: str, *, ordinal: bool) -> None:
        self.primary, self.nth = primary, ordinal and primary in ("w", "W", "Ww")
        self.text, self.split, self.values, self.number, unit = NUMERALS[primary[0].lower()]
        self.unit = f"(?:{unit})"

    def write(self, number: int, _least: int = 0) -> str:
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

#: The characters of a decimal format that `options` may change, and the characters for them in the rules below.
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
#: §4.7.3: what a picture must not have, searched for in prefix<mantissa e exponent>suffix, where x is any other
#: character. If several rules are broken, the reference reports the last one.
_RULES: Final = {
    "D3093": (".<[^>]*e|<[^>e]*e(?!0+>)", "an exponent that is not only digits, or text before a number with one"),
    "D3092": ("^(?=.*[%‰]).*<[^>]*e[^>]", "an exponent as well as a percent sign"),
    "D3091": (r"<[^.]*\.[^e]*#[^e]*0", "an optional digit before a required one in its fraction"),
    "D3090": ("<[^.e#]*0[^.e]*#", "an optional digit after a required one in its integer part"),
    "D3089": (",,", "two grouping separators side by side"),
    "D3088": ("<[^.e]*,[e>]", "a grouping separator at its end"),
    "D3087": (r",\.|\.,", "a grouping separator beside its decimal separator"),
    "D3086": ("<.*[^0#,.e].*>", "other characters among its digits"),
    "D3085": ("<[^0#e]*[e>]", "no digit"),
    "D3084": ("%.*‰|‰.*%", "both a percent sign and a per-mille sign"),
    "D3083": ("‰.*‰", "more than one per-mille sign"),
    "D3082": ("%.*%", "more than one percent sign"),
    "D3081": (r"\..*\.", "more than one decimal separator"),
}
#: Decimal arithmetic with room for every digit of a double.
_EXACT: Final = Context(prec=4_000)


def format_number(value: float, picture: str, options: Mapping[str, Any] | None = None) -> str:
    """A number in a decimal format; `options` may change its characters."""
    marks = _MARKS | _TEXTS
    for name, mark in (options or {}).items():
        if name in marks and not (isinstance(mark, str) and (mark or name in _TEXTS)):
            hint = f'like {{"{name}": {excerpt(marks[name])}}}'
            fail("T0410", f'the option "{name}" of $formatNumber must be a character, not {excerpt(mark)}', hint)
        marks |= {name: _bounded(mark)} if name in marks else {}
    texts = _bounded(picture).split(marks["pattern-separator"])
    if len(texts) > 2:
        _refuse("D3080", picture, "has more than two parts", "one for positive numbers, and one for negative ones")
    pictures = [_Subpicture(text, tuple(marks.items())) for text in texts]
    if value != value:  # noqa: PLR0124  (math.isnan fails for integers beyond a double)
        return marks["NaN"]
    minus = marks["minus-sign"] if value < 0 and len(pictures) == 1 else ""
    return minus + pictures[-1 if value < 0 else 0].write(abs(value))


@lru_cache(maxsize=256)
class _Subpicture:
    """§4.7.4: the part of a picture for positive numbers, or for negative ones."""

    def __init__(self, text: str, characters: tuple[tuple[str, str], ...]) -> None:
        marks = dict(characters)
        zero = ord(marks["zero-digit"][0])
        kinds = {marks[name]: kind for name, kind in _MARKS.items()}
        kinds |= {chr((zero + digit) % 0x110000): "0" for digit in range(10)}
        tokens = re.findall("|".join(map(re.escape, sorted(kinds, reverse=True))) + "|.", text, re.DOTALL)
        shape = "".join(kinds.get(token, "x") for token in tokens)
        found = re.search("[0#,.](.*[0#,.])?e?", shape)
        start, end = found.span() if found else (0, len(shape))
        for code, (pattern, what) in _RULES.items():
            if re.search(pattern, f"{shape[:start]}<{shape[start:end]}>{shape[end:]}"):
                _refuse(code, text, f"has {what}", "like #,##0.00, 0% or 0.0e0")
        self.marks, self.prefix, self.suffix = marks, "".join(tokens[:start]), "".join(tokens[end:])
        self.between = {ord(_MARKS[name]): marks[name] for name in ("decimal-separator", "grouping-separator")}
        self.ratio = 100 if "%" in shape else 1000 if "‰" in shape else 1
        mantissa, _, exponent = shape[start:end].partition("e")
        integer, self.point, fraction = mantissa.partition(".")
        self.size = integer.count("0")
        if not self.size:  # A digit is required, in the integer part or in the fraction.
            fraction = fraction or "0"[: len(exponent)]
            integer = re.sub("#$", "0", integer) if exponent or not fraction else integer
            fraction = fraction if "0" in integer else "0" + fraction[1:]
        self.integer = _Digits(integer, zero)
        self.fraction = _Digits(fraction[::-1], zero, regular=False)
        self.exponent = _Digits(exponent, zero)

    def write(self, value: float) -> str:
        """§4.7.5: a positive number as text."""
        value *= self.ratio
        if value == math.inf:
            return self.prefix + self.marks["infinity"] + self.suffix
        number, power = Decimal(repr(_in_range(value))), ""
        if self.exponent.least:
            # As many digits as the picture has before the point; a power of ten may have one more, as in 10e2.
            high, low = _EXACT.next_minus(number).adjusted() + 1, number.adjusted() + 1
            shift = max(high - self.size, 0) + min(low - self.size, 0) if number else 0
            number = _EXACT.scaleb(number, -shift)
            sign = self.marks["minus-sign"] if shift < 0 else ""
            power = self.marks["exponent-separator"] + sign + self.exponent.grouped(str(abs(shift)))
        number = _EXACT.quantize(number, Decimal((0, (1,), -self.fraction.most)))
        # A double is written with all of its digits that the picture has places for.
        text = f"{float(number):.{self.fraction.most}f}" if isinstance(value, float) else f"{number:f}"
        whole, _, part = text.partition(".")
        part = self.fraction.grouped(part.rstrip("0")[::-1])[::-1]
        whole = f"{self.integer.grouped(whole.lstrip('0'))}.{part}"
        whole = (whole if part and self.point else whole[:-1]).translate(self.between)
        return self.prefix + whole + power + self.suffix


# ------------------------------------------------------------------------------------------------ dates

_ISO_8601: Final = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"
#: ECMAScript's range of time, in milliseconds from 1970.
_MAX_TIME: Final = 8_640_000_000_000_000
#: Python's calendar ends with the year 9999; the calendar repeats every 400 years.
_DAYS_A_CYCLE: Final = 146_097
_DAYS_BEFORE_1970: Final = 719_162
#: The components, and the default format of each.
_COMPONENTS: Final = {
    component: usual
    for components, usual in (("YMDdWwXxHhf", "1"), ("FPCE", "n"), ("ms", "01"), ("Zz", "01:01"))
    for component in components
}
_MONTHS: Final = table(
    "January February March April May June July August September October November December", range(1, 13)
)
_NAMES: Final = {
    "M": _MONTHS,
    "x": _MONTHS,
    "F": table("Monday Tuesday Wednesday Thursday Friday Saturday Sunday", range(1, 8)),
    "P": table("am pm AM PM", (0, 1, 0, 1)),
}


def format_date_time(millis: float, picture: str | None = None, zone: str | None = None) -> str:
    """A moment, in milliseconds since 1970, as text in a zone such as +0530; in ISO 8601 without a picture."""
    parts = _parts(_ISO_8601 if picture is None else picture)
    zone = "0000" if zone is None else zone
    if not re.fullmatch(r"(?a)[-+]?\d{3,4}", zone):
        fail("D3137", f"{excerpt(zone)} is not a zone for writing a moment", "like +0530, -0800 or 0000")
    offset = _offset(zone)
    moment = _moment(int(_in_range(millis, _MAX_TIME)) + offset * 60_000)
    return "".join(part if isinstance(part, str) else part.write(moment, offset) for part in parts)


def _offset(zone: str) -> int:
    """The minutes of an offset; one or two digits are hours. The reference is an hour wrong for -0330 and the like."""
    digits = re.sub(r"\D", "", zone)
    hours, minutes = divmod(int(digits) * (1 if len(digits) > 2 else 100), 100)
    return (60 * hours + minutes) * (-1 if "-" in zone.partition("+")[0] else 1)


def _moment(millis: int) -> dict[str, int]:
    """The components of a moment. A week belongs to the month and the year of its Thursday."""
    days, rest = divmod(millis, 86_400_000)
    cycle, days = divmod(days + _DAYS_BEFORE_1970, _DAYS_A_CYCLE)
    day = date.fromordinal(days + 1)
    year, week, weekday = day.isocalendar()
    thursday, seconds, hour = day + timedelta(4 - weekday), rest // 1000, rest // 3_600_000
    dates = {"Y": day.year + 400 * cycle, "M": day.month, "D": day.day, "d": day.timetuple().tm_yday, "F": weekday}
    weeks = {"X": year + 400 * cycle, "W": week, "x": thursday.month, "w": (thursday.day + 6) // 7}
    hours = {"H": hour, "h": hour % 12 or 12, "P": hour // 12}
    return dates | weeks | hours | {"m": seconds // 60 % 60, "s": seconds % 60, "f": rest % 1000}


@lru_cache(maxsize=256)
def _parts(picture: str) -> list[str | _Marker]:
    """§9.8.4.1: literal text and markers."""
    parts: list[str | _Marker] = []
    for text, marker, closed in re.findall(r"((?:\[\[|[^[])+)|\[([^]]*)(]?)", _bounded(picture)):
        if text:
            parts.append(text.replace("[[", "[").replace("]]", "]"))
        elif closed:
            parts.append(_Marker(re.sub(r"\s+", "", marker)))
        else:
            _refuse("D3135", picture, "has a [ without a ]", "write [[ for a [ itself")
    return parts


class _Marker:
    """A variable marker: a component, its format, and after a comma its width."""

    def __init__(self, marker: str) -> None:
        body, width = [*marker.rsplit(",", 1), ""][:2]
        self.component, self.text = body[:1], f"[{marker}]"
        if self.component not in _COMPONENTS:
            hint = f"the components are {', '.join(_COMPONENTS)}"
            _refuse("D3132", self.text, "is not a component of a date or time", hint)
        self.shape = re.sub("(?<=.)([atco])$", r";\1", body[1:]) or _COMPONENTS[self.component]
        found = re.fullmatch(r"(?a)(?:(\d{1,3})|\*)?(?:-(?:(\d{1,3})|\*)?)?", width)
        if found is None:
            _refuse("D2014", self.text, "has a width that is not a number up to 999", "like [Y,2-4]")
        most = int(found[2]) if found[2] else None
        if self.component in "Zz" and not 0 < sum(map(str.isdecimal, self.shape)) < 5:
            _refuse("D3134", self.text, "is a zone without one to four digits", "like [Z], [Z0] or [Z00:00t]")
        named = self.component in "PCE" or (self.shape[0] in "nN" and self.component not in "Zz")
        self.integer = None if named else _integer(self.shape)
        self.names = {name[: most or None]: number for name, number in _NAMES.get(self.component, {}).items()}
        self.least = self.years = 0
        if isinstance(self.integer, _Digits):  # §9.8.4.4: a year is cut to as many digits as the picture has
            self.least = max(self.integer.least, int(found[1] or 0))
            self.years = self.least + self.integer.most - self.integer.least
        if self.component == "Y" and most is not None:
            self.least = self.years = most

    def write(self, moment: dict[str, int], offset: int) -> str:
        shape = self.integer
        if self.component in "CE":
            return "ISO"
        if shape is None:
            name = next(name for name, number in self._names().items() if number == moment[self.component])
            return {"n": name.lower(), "N": name.upper()}.get(self.shape.removeprefix("Nn")[:1], name)
        if self.component in "Zz":
            return self._zone(shape, offset)
        value = moment[self.component]
        if self.component == "Y" and self.years > 1:
            value = abs(value) % 10**self.years * (-1 if value < 0 else 1)
        return shape.write(value, self.least)

    def _names(self) -> dict[str, int]:
        if not self.names:
            hint = "months and days of the week have names, [MNn] and [FNn]"
            _refuse("D3133", self.text, "is a component without names", hint)
        return self.names

    def _zone(self, shape: _Digits | _Numerals, offset: int) -> str:
        """§9.8.4.6: hours, and minutes unless they are 0; or both in one number."""
        if offset == 0 and self.shape.endswith(";t"):
            return "Z"
        hours, minutes = divmod(abs(offset), 60)
        if shape.every or shape.least > 2:
            text = shape.write(100 * hours + minutes)
        else:
            text = shape.write(hours) + (f":{minutes:02}" if minutes else "")
        return ("GMT" if self.component == "z" else "") + ("-" if offset < 0 else "+") + text

    def read(self, following: str | _Marker) -> tuple[str, Callable[[str], int | None]]:
        """A regular expression for the texts that the marker writes, and a function that reads them."""
        if self.component == "f":
            return "[0-9]+", lambda text: int(text[:3].ljust(3, "0"))
        if self.integer is None:
            return "[A-Za-z]+", self._names().get
        if self.component in "Zz":
            between = literal(re.sub(r"[\d#]|;.$", "", self.shape)[:1])
            return ("GMT" if self.component == "z" else "") + "[-+][0-9]+" + (between and f"{between}[0-9]+"), _offset
        # A number of digits has a fixed width if another number follows at once.
        fixed = self.least and isinstance(following, _Marker) and following.integer and following.component not in "Zz"
        return self.integer.unit + (f"{{{self.least}}}" if fixed else "+") + self.integer.ending, self.integer.read


@lru_cache(maxsize=256)
def _reader(picture: str) -> tuple[Any, list[tuple[str, Callable[[str], int | None]]]]:
    """A pattern for RE2, which is linear in time, with the component and the reader of each group."""
    parts, pattern, components = _parts(picture), "", []
    for part, following in zip(parts, [*parts[1:], ""], strict=False):
        if isinstance(part, str):
            pattern += literal(part)
        else:
            group, read = part.read(following)
            pattern += f"({group})"
            components.append((part.component, read))
    return compile_pattern(pattern, "i"), components


def parse_date_time(text: str, picture: str, now: Callable[[], int]) -> int | float | None:
    """The moment of a text, in milliseconds since 1970; None if it does not match, NaN outside the calendar.

    Components that the picture omits are those of `now` if they come before its first one, and zero after its last one.
    """
    try:
        pattern, components = _reader(picture)
        is_short = work(pattern, len(_bounded(text))) <= MAX_STEPS
        match = pattern.fullmatch(text) if is_short else None
    except (UnicodeError, PatternError):
        is_short = False
    if not is_short:
        _refuse("D2014", picture, "is too long to read by, or the text is not Unicode", "like [Y]-[M]-[D]")
    groups = match.groups() if match else ()
    found = {component: read(group) for (component, read), group in zip(components, groups, strict=False)}
    known = {component: value for component, value in found.items() if value is not None}
    return _time(known, now) if known else None


def _time(found: dict[str, int], now: Callable[[], int]) -> int | float:
    # As in the reference, a component that is zero does not decide which kind of date and time this is.
    given = {component for component, value in found.items() if value}
    dates, times = given & set("YXMxWwdD"), given & set("PHhmsf")
    if dates and (dates <= set("Xxw") or dates <= set("XW")):
        hint = "like [Y]-[M]-[D] or [Y]-[d]"
        fail("D3136", "the picture string gives a date by its week, which cannot be read", hint)
    ordinal, halved = "d" in dates and dates <= set("Yd"), bool(times & set("Ph")) and "H" not in times
    value = _complete(("YD" if ordinal else "YMD") + ("Phmsf" if halved else "Hmsf"), found, now)
    year = value["Y"] + (1900 if 0 <= value["Y"] < 100 else 0)
    month = 0 if ordinal else max(value["M"] - 1, 0)
    cycle, turn = divmod(year + month // 12 - 1, 400)
    first = date(turn + 1, month % 12 + 1, 1).toordinal() + cycle * _DAYS_A_CYCLE - _DAYS_BEFORE_1970
    days = first + value["d" if ordinal else "D"]
    hour = (0 if value["h"] == 12 else value["h"]) + 12 * value["P"] if halved else value["H"]
    minutes = ((days - 2) * 24 + hour) * 60 + value["m"] - (value.get("Z") or value.get("z") or 0)
    millis = (minutes * 60 + value["s"]) * 1000 + value["f"]
    return millis if abs(millis) <= _MAX_TIME else math.nan


def _complete(order: str, found: dict[str, int], now: Callable[[], int]) -> dict[str, int]:
    """All components in `order`: those before the first one found are those of now, those after the last are zero."""
    there = "".join("+" if component in found else " " for component in order)
    if " " in there.strip():
        lost = order[there.index(" ", there.index("+"))]
        hint = "only the beginning or the end of a date and time can be omitted"
        fail("D3136", f"the picture string omits [{lost}] between other components", hint)
    before = order[: len(order) - len(there.lstrip())]
    clock = _moment(now()) | {"P": 0} if before else {}
    return dict.fromkeys(order, 0) | {"M": 1, "D": 1} | {one: clock[one] for one in before} | found
