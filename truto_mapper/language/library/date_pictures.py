"""Writes and reads moments by picture strings, as JSONata's reference implementation does.

The pictures are those of XPath Functions and Operators 3.1, §9.8. Functions return a result or raise `EvaluationError`,
whatever their arguments. No clock is read here. A picture is prepared once: what writes by it, and what reads by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NoReturn

from truto_mapper.language.library.numerals import table
from truto_mapper.language.library.pictures import Digits, in_range, integer_format, refuse, short
from truto_mapper.language.runtime.values import fail
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.regex import PatternError, compile_pattern, literal

#: The most steps of reading a text by a picture, about a tenth of a second.
MAX_STEPS: Final = 10_000_000

_ISO_8601: Final = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"
#: ECMAScript's range of time, in milliseconds from 1970.
_MAX_TIME: Final = 8_640_000_000_000_000
#: Python's calendar ends with the year 9999; the calendar repeats every 400 years.
_DAYS_A_CYCLE: Final = 146_097
_DAYS_BEFORE_1970: Final = 719_162
#: Moments have no zone: each is shifted to its own first.
_1970: Final = datetime(1970, 1, 1)  # noqa: DTZ001
_FIRST: Final = datetime(1, 1, 1)  # noqa: DTZ001
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


def _thursday(moment: datetime) -> datetime:
    """The Thursday of the week, which decides to which month a week belongs."""
    return moment + timedelta(4 - moment.isoweekday())


#: The value of each component with one.
_VALUES: Final[dict[str, Callable[[Any], int]]] = {
    "Y": attrgetter("year"),
    "M": attrgetter("month"),
    "D": attrgetter("day"),
    "d": lambda moment: int(moment.timetuple().tm_yday),
    "F": lambda moment: int(moment.isoweekday()),
    "W": lambda moment: int(moment.isocalendar()[1]),
    "X": lambda moment: int(moment.isocalendar()[0]),
    "w": lambda moment: (_thursday(moment).day + 6) // 7,
    "x": lambda moment: _thursday(moment).month,
    "H": attrgetter("hour"),
    "h": lambda moment: moment.hour % 12 or 12,
    "P": lambda moment: int(moment.hour // 12),
    "m": attrgetter("minute"),
    "s": attrgetter("second"),
    "f": lambda moment: int(moment.microsecond // 1000),
}
#: The components that are numbers where they have no names.
_NUMBERS: Final = set(_VALUES) - {"P"}


class _Marker:
    """§9.8.4.1: a variable marker, which is a component, its format, and after a comma its width."""

    def __init__(self, marker: str) -> None:
        self.text = f"[{marker}]"
        marker, _, width = marker.rpartition(",") if "," in marker else (marker, "", "")
        self.component, shape = marker[:1], marker[1:]
        if self.component not in _COMPONENTS:
            refuse("D3132", self.text, "is not a component of a date or time", f"one of {', '.join(_COMPONENTS)}")
        self.second = shape[-1] if len(shape) > 1 and shape[-1] in "atco" else ""
        self.shape = shape[: len(shape) - len(self.second)] or _COMPONENTS[self.component]
        least, _, most = width.partition("-")
        low, self.most = self._places(least), self._places(most)
        self.named = self.shape[0] in "nN"
        self.format = None
        if self.component in _NUMBERS and not self.named:
            self.format = integer_format(self.shape + (self.second and f";{self.second}"))
        elif self.component in "Zz":
            self.format = integer_format(self.shape)
        # §9.8.4.4: a year is cut to as many digits as the picture has.
        self.least, self.cut = 0, self.most if self.component == "Y" else None
        if isinstance(self.format, Digits):
            self.least = max(self.format.least, low or 0) if self.cut is None else self.cut
            places = self.least + self.format.most - self.format.least
            if self.component == "Y" and self.cut is None and places > 1:
                self.cut = places

    def _places(self, width: str) -> int | None:
        """A number of characters; None for any. As in the reference, other text counts as any."""
        found = re.match(r"(?a)\d+", width)
        if found and len(found[0].lstrip("0")) > 3:
            refuse("D2014", self.text, "has a width of more than 999", "like [Y,2-4]")
        return int(found[0]) if found else None

    def numbers(self) -> Any:
        """The format of a number. Raises D3130 where there is none."""
        if self.format is None:
            hint = "like [D1], [D01], [D1o], [Dw], [DWw], [DI] or [Da]"
            refuse("D3130", self.text, "has a format that is not a picture of integers", hint)
        return self.format

    def names(self) -> dict[str, int]:
        names = _NAMES.get(self.component)
        if names is None:
            hint = "months and days of the week have names, [MNn] and [FNn]"
            refuse("D3133", self.text, "is a component without names", hint)
        return names


def _parts(picture: str) -> list[str | _Marker]:
    """§9.8.4.1: literal text and markers."""
    parts: list[str | _Marker] = []
    for text, marker, closed in re.findall(r"((?:\[\[|[^[])+)|\[([^]]*)(]?)", short(picture)):
        if text:
            parts.append(text.replace("[[", "[").replace("]]", "]"))
        elif closed:
            parts.append(_Marker(re.sub(r"\s+", "", marker)))
        else:
            refuse("D3135", picture, "has a [ without a ]", "write [[ for a [ itself")
    return parts


# ------------------------------------------------------------------------------------------------ writing

#: What writes a component of a moment; years are counted from the second argument.
_Write = Callable[[datetime, int], str]


def format_date_time(millis: float, picture: str | None = None, zone: str | None = None) -> str:
    """A moment, in milliseconds since 1970, as text in a zone such as +0530; in ISO 8601 without a picture."""
    write, writes, offset = _writer(picture, zone)
    try:
        seconds, millisecond = divmod(int(millis) + offset, 1000)
        moment = _1970 + timedelta(0, seconds, 1000 * millisecond)
    except (OverflowError, ValueError):  # outside Python's calendar
        there, years = _in_first_cycle(int(in_range(millis, _MAX_TIME)) + offset)
        return "".join(one if isinstance(one, str) else one(there, years) for one in writes)
    return write(moment)


def _in_first_cycle(millis: int) -> tuple[datetime, int]:
    """The same moment 400 years, or a multiple of that, earlier or later, and how many years."""
    days, rest = divmod(millis, 86_400_000)
    cycle, days = divmod(days + _DAYS_BEFORE_1970, _DAYS_A_CYCLE)
    return _FIRST + timedelta(days, 0, 1000 * rest), 400 * cycle


@lru_cache(maxsize=256)
def _writer(picture: str | None, zone: str | None) -> tuple[Callable[[datetime], str], list[str | _Write], int]:
    """What writes a moment of Python's calendar; what writes each part of any other; and the offset."""
    parts = _parts(_ISO_8601 if picture is None else picture)
    offset = _minutes(zone)
    writes = [part if isinstance(part, str) else _write(part, offset) for part in parts]
    template, values, components = "", list[Any](), ""
    for part, write in zip(parts, writes, strict=True):
        if isinstance(write, str) or isinstance(part, str):
            template += str(write).replace("%", "%%")
        else:
            place, value = _plain(part, write)
            template, components = template + place, components + part.component
            values.append(value)
    return _filled(template, values, components), writes, offset * 60_000


#: The forms of ISO 8601 that Python writes itself.
_DATE: Final = "%04d-%02d-%02d"
_MILLIS: Final = f"{_DATE}T%02d:%02d:%02d.%03d"


def _filled(template: str, values: list[Any], components: str) -> Callable[[datetime], str]:
    """What fills a template in; it uses what is written in C as far as it can."""
    if components == "YMD" and template == _DATE:
        return lambda moment: str(moment.date())
    if components == "YMDHmsf" and template.startswith(_MILLIS) and "%" not in (rest := template[len(_MILLIS) :]):
        return lambda moment: moment.isoformat("T", "milliseconds") + rest
    if values and all(isinstance(value, attrgetter) for value in values):
        get = attrgetter(*[value.__reduce__()[1][0] for value in values])
        return lambda moment: template % get(moment)
    return lambda moment: template % tuple([value(moment) for value in values])


def _plain(marker: Any, write: _Write) -> tuple[str, Callable[[datetime], Any]]:
    """The place of a component in a template, and its value."""
    form, cut = marker.format, marker.cut
    if isinstance(form, Digits) and form.is_plain and not form.ordinal and (cut is None or cut > 3):
        return f"%0{marker.least}d", _VALUES[marker.component]
    return "%s", lambda moment: write(moment, 0)


#: The zones that moments are written in.
OFFSET: Final = lazy_pattern(r"(?a)([-+]?)(?:(\d{1,2})(\d\d)|0{1,2})")


def _minutes(zone: str | None) -> int:
    """The minutes of an offset like +0530. The reference is an hour wrong for -0330 and the like."""
    found = OFFSET.fullmatch("0" if zone is None else zone)
    if found is None:
        fail("T0410", f"a zone must be an offset, not {excerpt(zone)}", "such as +0530, -0800 or 0000")
    return (60 * int(found[2] or 0) + int(found[3] or 0)) * (-1 if found[1] == "-" else 1)


def _write(marker: _Marker, offset: int) -> str | _Write:
    """What writes a component: a text where it is the same for all moments."""
    match marker.component:
        case "C" | "E":
            return "ISO"
        case "P":
            halves = ("AM", "PM") if marker.shape[0] == "N" and marker.shape[1:2] != "n" else ("am", "pm")
            return lambda moment, _years: halves[moment.hour // 12]
        case "Z" | "z":
            return _zone(marker, offset)
    return _name_writer(marker) if marker.named else _number_writer(marker)


def _name_writer(marker: _Marker) -> _Write:
    number = _VALUES[marker.component]
    names = [name[: marker.most] for name in marker.names()]
    case = str.lower if marker.shape[0] == "n" else str if marker.shape[1:2] == "n" else str.upper
    cased = [case(name) for name in names]
    return lambda moment, _years: cased[number(moment) - 1]


def _number_writer(marker: _Marker) -> _Write:
    value, form, least, cut = _VALUES[marker.component], marker.numbers(), marker.least, marker.cut
    if marker.component not in "YX":
        return lambda moment, _years: str(form.write(value(moment), least))

    def year(moment: datetime, years: int) -> str:
        number = value(moment) + years
        if cut is not None:
            number = abs(number) % 10**cut * (-1 if number < 0 else 1)
        return str(form.write(number, least))

    return year


def _zone(marker: _Marker, offset: int) -> str:
    """§9.8.4.6: hours, and minutes unless they are 0; or both in one number."""
    form = marker.format
    if not isinstance(form, Digits) or not (form.every or form.least < 5):
        refuse("D3134", marker.text, "is a zone without one to four digits", "like [Z], [Z0] or [Z00:00t]")
    if offset == 0 and marker.second == "t":
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    if form.every or form.least > 2:
        text = form.write(100 * hours + minutes)
    else:
        text = form.write(hours) + (f":{minutes:02}" if minutes else "")
    return ("GMT" if marker.component == "z" else "") + ("-" if offset < 0 else "+") + text


# ------------------------------------------------------------------------------------------------ reading


def parse_date_time(text: str, picture: str, now: Callable[[], int]) -> int | float | None:
    """The moment of a text, in milliseconds since 1970; None if it does not match, NaN outside the calendar.

    Components that the picture omits are those of `now` if they come before its first one, and zero after its last one.
    Raises `EvaluationError` D3110 for a date or a time of the day that does not exist.
    """
    try:
        pattern, components, slots = _reader(picture)
        is_short = pattern.steps(len(short(text))) <= MAX_STEPS
        match = pattern.fullmatch(text) if is_short else None
    except (UnicodeError, PatternError):
        is_short = False
    if not is_short:
        refuse("D2014", picture, "is too long to read by, or the text is not Unicode", "like [Y]-[M]-[D]")
    if match is None:
        return None
    if slots and (moment := _from_slots(slots, match.groups(), text)) is not None:
        return moment if abs(moment) <= _MAX_TIME else math.nan
    found = {component: read(group) for (component, read), group in zip(components, match.groups(), strict=True)}
    found = {component: value for component, value in found.items() if value is not None}
    if not found:
        return None
    # As in the reference, a component that is zero does not decide which kind of date and time this is.
    given = "".join([component for component, value in found.items() if value and value == value])  # noqa: PLR0124
    ordinal, halved, before, usual = _plan("".join(found), given)
    if before:
        clock = _clock(now())
        usual = usual | {component: clock[component] for component in before}
    millis = _millis(usual | found, text, ordinal=ordinal, halved=halved)
    return millis if abs(millis) <= _MAX_TIME else math.nan


_Read = Callable[[str], int | float | None]
#: The components of a moment that is given from its year on, and what they are where they are omitted.
_SLOTS: Final = "YMDHmsf"
_OMITTED: Final = (0, 1, 1, 0, 0, 0, 0)


@lru_cache(maxsize=256)
def _reader(picture: str) -> tuple[Any, list[tuple[str, _Read]], list[tuple[int, _Read]]]:
    """A pattern, with the component and the reader of each group; the same by place in `_SLOTS` if all have one."""
    parts, pattern, components = _parts(picture), "", []
    for part, following in zip(parts, [*parts[1:], ""], strict=False):
        if isinstance(part, str):
            pattern += literal(part)
        else:
            group, read = _read(part, following)
            pattern += f"({group})"
            components.append((part.component, read))
    names = "".join(component for component, _ in components)
    is_plain = names != "" and set(names) == set(_SLOTS[: len(names)])
    slots = [(_SLOTS.index(component), read) for component, read in components] if is_plain else []
    return compile_pattern(pattern, "i"), components, slots


def _from_slots(slots: list[tuple[int, _Read]], groups: tuple[str, ...], text: str) -> int | None:
    """The moment of components that are given from the year on; None if one of them cannot be read."""
    numbers: list[Any] = [*_OMITTED]
    for (slot, read), group in zip(slots, groups, strict=True):
        number = numbers[slot] = read(group)
        if number.__class__ is not int:
            return None
    numbers[0] += 1900 if numbers[0] < 100 else 0
    return millis_of(text, *numbers)


def _read(marker: _Marker, following: str | _Marker) -> tuple[str, _Read]:
    """A regular expression for the texts of a component, and the function that reads them."""
    if marker.component == "f":
        return "[0-9]+", lambda text: int(text[:3].ljust(3, "0"))
    if marker.component in "Zz":
        return _zone_reader(marker)
    if marker.component not in _NUMBERS or marker.named:
        most = None if marker.component == "P" else marker.most or None
        return "[A-Za-z]+", {name[:most]: number for name, number in marker.names().items()}.get
    form = marker.numbers()
    if not isinstance(form, Digits):
        return f"{form.unit}+", lambda text: math.nan if (number := form.read(text)) is None else number
    # A number of digits has a fixed width if another number follows at once.
    follows = isinstance(following, _Marker) and following.component in _NUMBERS and not following.named
    count = f"{{{marker.least}}}" if follows and marker.least else "+"
    return f"{form.unit}{count}{form.ending}", (lambda text: int(text[:-2])) if form.ordinal else int


def _zone_reader(marker: _Marker) -> tuple[str, _Read]:
    form = marker.format
    between = literal(form.separators[0][1]) if isinstance(form, Digits) and form.every else ""
    return ("GMT" if marker.component == "z" else "") + "[-+][0-9]+" + (between and f"{between}[0-9]+"), _offset


def _offset(text: str) -> int:
    """The minutes of an offset in a text; one or two digits are hours."""
    hours, *minutes = re.findall("[0-9]+", text)
    if not minutes and len(hours) > 2:
        hours, *minutes = (hours[:-2], hours[-2:]) if len(hours) < 5 else (hours[:2], hours[2:])
    return (60 * int(hours) + int(minutes[0] if minutes else 0)) * (-1 if "-" in text[:4] else 1)


@lru_cache(maxsize=256)
def _plan(found: str, given: str) -> tuple[bool, bool, str, dict[str, int]]:
    """Whether the date is a day of a year, and the time one of half a day; the components of now; the usual others."""
    dates, times = set(given) & set("YXMxWwdD"), set(given) & set("PHhmsf")
    if dates and (dates <= set("Xxw") or dates <= set("XW")):
        hint = "like [Y]-[M]-[D] or [Y]-[d]"
        fail("D3136", "the picture string gives a date by its week, which cannot be read", hint)
    ordinal, halved = "d" in dates and dates <= set("Yd"), bool(times & set("Ph")) and "H" not in times
    order = ("YD" if ordinal else "YMD") + ("Phmsf" if halved else "Hmsf")
    there = "".join("+" if component in found else " " for component in order)
    if " " in there.strip():
        lost = order[there.index(" ", there.index("+"))]
        hint = "only the beginning or the end of a date and time can be omitted"
        fail("D3136", f"the picture string omits [{lost}] between other components", hint)
    before = order[: len(order) - len(there.lstrip())]
    return ordinal, halved, before, dict.fromkeys(order, 0) | {"M": 1, "D": 1}


def _clock(millis: int) -> dict[str, int]:
    """The components of a moment, the first half of a day for `P` as in the reference."""
    moment = _1970 + timedelta(0, millis // 1000, millis % 1000)
    return {component: value(moment) for component, value in _VALUES.items()} | {"P": 0}


def _millis(value: dict[str, Any], text: str, *, ordinal: bool, halved: bool) -> int | float:
    numbers = [value["Y"], value["m"], value["s"], value["f"], value["h" if halved else "H"]]
    numbers += [value["d"]] if ordinal else [value["M"], value["D"]]
    if any(number != number for number in numbers):  # noqa: PLR0124  (a component that is no number)
        return math.nan
    year = value["Y"] + (1900 if 0 <= value["Y"] < 100 else 0)
    month, day = (1, 1) if ordinal else (value["M"], value["D"])
    hour = value["H"] if not halved else value["h"] % 12 + 12 * value["P"] if value["h"] <= 12 else 99
    millis = millis_of(text, year, month, day, hour, value["m"], value["s"], value["f"])
    if ordinal and not 0 < value["d"] <= 365 + _is_leap(year):
        _no_such(text, "date")
    days = value["d"] - 1 if ordinal else 0
    return millis + days * 86_400_000 - 60_000 * (value.get("Z") or value.get("z") or 0)


def millis_of(text: str, year: int, month: int, day: int, hour: int, minute: int, second: int, millis: int) -> int:
    """A date of any year and a time of the day, in milliseconds since 1970. 24:00:00 is the end of a day.

    Raises `EvaluationError` D3110, which quotes the text, for a date or a time that does not exist.
    """
    cycle, turn = divmod(year - 1, 400)
    try:
        days = date(turn + 1, month, day).toordinal() + cycle * _DAYS_A_CYCLE - _DAYS_BEFORE_1970 - 1
    except (ValueError, OverflowError):
        _no_such(text, "date")
    of_day = ((hour * 60 + minute) * 60 + second) * 1000 + millis
    if minute > 59 or second > 59 or of_day > 86_400_000:
        _no_such(text, "time")
    return days * 86_400_000 + of_day


def _no_such(text: str, what: str) -> NoReturn:
    fail("D3110", f"{excerpt(text)} has a {what} that does not exist")


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
