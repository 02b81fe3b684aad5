"""Writes dates in the tokens of Luxon, in English, and in the forms of ISO 8601."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from truto_mapper.language.library.truto.ecmascript import UNUSABLE, is_falsy
from truto_mapper.language.library.truto.moments import Civil, Moment
from truto_mapper.language.library.truto.zones import UTC_ZONE
from truto_mapper.language.runtime.arguments import called
from truto_mapper.language.runtime.values import MISSING, fail

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip

_PIECE: Final = re.compile(r"'([^']*)'?|(([A-Za-z])\3*)|(\s+|[^A-Za-z'\s])")


#: The longest form of a date.
MAX_FORM: Final = 1000


def tokens_of(form: str) -> Iterator[tuple[str, bool]]:
    """The tokens of a form, each with whether it is only text, such as what is in quotes."""
    if len(form) > MAX_FORM:
        fail("D2014", f"the form of a date has more than {MAX_FORM:,} characters")
    for found in _PIECE.finditer(form):
        if found[2] is None:
            yield found[1] if found[4] is None else found[4], True
        else:
            yield found[2], False


def refuse_token(name: str, index: int, form: str, token: str) -> NoReturn:
    """Fail because a form has a token that is none, or depends on a language."""
    meant = {"Y": "yyyy", "YYYY": "yyyy", "YY": "yy", "D": "d", "DD": "dd", "A": "a", "T": "'T'"}.get(token)
    hint = f"write `{meant}`" if meant else f"text is in quotes: `'{token}'`"
    fail(UNUSABLE, f'argument {index} of {called(name)} must have known tokens, but "{form}" has `{token}`', hint)


def offset_text(minutes: float, form: str) -> str:
    """An offset as `Z`, `ZZ` or `ZZZ` writes it: +5:30, +05:30, +0530."""
    sign, size = "-" if minutes < 0 else "+", int(abs(minutes))
    if form == "Z":
        return f"{sign}{size // 60}" + (f":{size % 60}" if size % 60 else "")
    return f"{sign}{size // 60:02}{':' if form == 'ZZ' else ''}{size % 60:02}"


def _padded(value: int, size: int) -> str:
    return f"-{-value:0{size}}" if value < 0 else f"{value:0{size}}"


_Write = Callable[[Moment], str]


def _part(name: str, size: int) -> _Write:
    return lambda one: _padded(getattr(one.civil, name), size)


def _half(one: Moment, size: int) -> str:
    return _padded(one.civil.hour % 12 or 12, size)


def _offset(form: str) -> _Write:
    return lambda one: offset_text(one.offset, form)


def _weekday(length: int | None) -> _Write:
    return lambda one: WEEKDAYS[one.civil.weekday - 1][:length]


def _month(length: int | None) -> _Write:
    return lambda one: MONTHS[one.civil.month - 1][:length]


_PARTS: Final = {"d": "day", "H": "hour", "m": "minute", "s": "second", "M": "month", "L": "month"}
_LENGTHS: Final = {3: 3, 4: None, 5: 1}
_WRITERS: Final[dict[str, _Write]] = {
    **{letter * size: _part(name, size) for letter, name in _PARTS.items() for size in (1, 2)},
    "S": _part("millisecond", 1),
    "SSS": _part("millisecond", 3),
    "u": lambda one: f"{one.civil.millisecond:03}",
    "uu": lambda one: f"{one.civil.millisecond // 10:02}",
    "uuu": lambda one: f"{one.civil.millisecond // 100}",
    "h": lambda one: _half(one, 1),
    "hh": lambda one: _half(one, 2),
    "a": lambda one: "AM" if one.civil.hour < 12 else "PM",
    **{form: _offset(form) for form in ("Z", "ZZ", "ZZZ")},
    "z": lambda one: one.zone.name,
    **{letter: _part("weekday", 1) for letter in "cE"},
    **{letter * size: _weekday(length) for letter in "cE" for size, length in _LENGTHS.items()},
    **{letter * size: _month(length) for letter in "ML" for size, length in _LENGTHS.items()},
    "y": _part("year", 1),
    "yy": lambda one: f"{abs(one.civil.year) % 100:02}",
    "yyyy": _part("year", 4),
    "yyyyyy": _part("year", 6),
    "o": _part("ordinal", 1),
    "ooo": _part("ordinal", 3),
    "G": lambda one: "AD" if one.civil.year > 0 else "BC",
    "kk": lambda one: f"{one.civil.week[0] % 100:02}",
    "kkkk": lambda one: _padded(one.civil.week[0], 4),
    "W": lambda one: str(one.civil.week[1]),
    "WW": lambda one: f"{one.civil.week[1]:02}",
    "q": lambda one: str((one.civil.month + 2) // 3),
    "qq": lambda one: f"{(one.civil.month + 2) // 3:02}",
    "X": lambda one: str(one.ts // 1000),
    "x": lambda one: str(one.ts),
}


def formatted(one: Moment, form: str) -> str:
    """A moment in the tokens of a form. Raises for a token that is none."""
    if not one.is_valid:
        return "Invalid DateTime"
    parts = []
    for token, is_literal in tokens_of(form):
        write = None if is_literal else _WRITERS.get(token)
        if write is None and not is_literal:
            refuse_token(".toFormat", 1, form, token)
        parts.append(token if write is None else write(one))
    return "".join(parts)


def _is_set(options: Any, name: str, *, default: bool = False) -> bool:
    found = options.get(name, MISSING) if isinstance(options, dict) else MISSING
    return default if found is MISSING else not is_falsy(found)


def _is_basic(options: Any) -> bool:
    return isinstance(options, dict) and options.get("format") == "basic"


def iso_date(one: Moment, options: Any = MISSING) -> str:
    """The date as 2026-01-31, or 20260131 in the format `basic`."""
    return _iso_date(one.civil, options)


def _iso_date(civil: Civil, options: Any) -> str:
    year, month, day = civil[:3]
    is_long = not 0 <= year <= 9999
    sign = ("-" if year < 0 else "+") if is_long else ""
    dash = "" if _is_basic(options) else "-"
    return f"{sign}{abs(year):0{6 if is_long else 4}}{dash}{month:02}{dash}{day:02}"


def iso_time(one: Moment, options: Any = MISSING) -> str:
    """The time as 09:30:00.000 with its offset, less what the options leave out."""
    return _iso_time(one, one.civil, options)


def _iso_time(one: Moment, civil: Civil, options: Any) -> str:
    *_, hour, minute, second, millisecond = civil
    colon = "" if _is_basic(options) else ":"
    text = f"{hour:02}{colon}{minute:02}"
    keeps_milliseconds = millisecond != 0 or not _is_set(options, "suppressMilliseconds")
    if millisecond or second or not _is_set(options, "suppressSeconds"):
        text += f"{colon}{second:02}" + (f".{millisecond:03}" if keeps_milliseconds else "")
    if not _is_set(options, "includeOffset", default=True):
        return text
    is_extended = _is_set(options, "extendedZone")
    is_utc = one.zone.minutes == 0 and not is_extended
    text += "Z" if is_utc else offset_text(one.offset, "ZZ")
    return f"{text}[{one.zone.name}]" if is_extended else text


def iso(one: Moment, options: Any = MISSING) -> str | None:
    """The date and time; null for an invalid one."""
    if not one.is_valid:
        return None
    civil = one.civil
    return f"{_iso_date(civil, options)}T{_iso_time(one, civil, options)}"


def sql_time(one: Moment, options: Any = MISSING) -> str:
    """The time as SQL writes it, with its offset or the name of its zone."""
    text = formatted(one, "HH:mm:ss.SSS")
    has_zone = _is_set(options, "includeZone")
    if not has_zone and not _is_set(options, "includeOffset", default=True):
        return text
    space = " " if _is_set(options, "includeOffsetSpace", default=True) else ""
    return text + space + (one.zone.name if has_zone else offset_text(one.offset, "ZZ"))


def http(one: Moment) -> str:
    """The date of a header, in GMT."""
    return formatted(one.within(UTC_ZONE), "EEE, dd LLL yyyy HH:mm:ss 'GMT'")
