"""Run-time semantics: JSONata's undefined, dates and zones, and the functions that are ours.

Everything here takes and returns plain JSON values, `MISSING` for undefined. A function fails by raising
`EvaluationError` with one `Diagnostic` of a code and a message; whoever evaluates the expression adds the
source and the span of the call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NoReturn, final
from zoneinfo import ZoneInfo

from truto_mapper.diagnostics import Diagnostic, EvaluationError, excerpt

__all__ = [
    "FUNCTIONS",
    "MISSING",
    "Missing",
    "ceil_date",
    "fail",
    "floor_date",
    "instant",
    "is_date_time",
    "is_time_zone",
    "same_zone",
    "size",
    "to_json",
]


@final
class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"

    def __copy__(self) -> Missing:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Missing:
        return self

    def __reduce__(self) -> str:
        return "MISSING"


#: JSONata's undefined: what an expression has that selects nothing. `None` is JSON's null, a value.
MISSING: Final = Missing()


def fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    """Raise the coded error of a function, without a place."""
    raise EvaluationError(Diagnostic(code, message, hint=hint))


# RFC 3339 §5.6: "T" and "Z" may alternatively be lower case. Leap seconds are left out: Python has none.
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


def is_date_time(text: object) -> bool:
    """Whether this is an RFC 3339 date-time with an offset, of a day that exists."""
    return isinstance(text, str) and _read(text) is not None


def instant(text: str) -> datetime:
    """The moment an RFC 3339 date-time names, in its own offset; digits past the microsecond are cut off.

    Raises `EvaluationError` D3110 on any other text.
    """
    moment = _read(text)
    if moment is None:
        fail("D3110", f"{excerpt(text)} is not a date-time with an offset", hint="like 2026-01-31T09:30:00Z")
    return moment


def _read(text: str) -> datetime | None:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset) if offset else UTC
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, zone)
    except ValueError:  # 31 April, the year 0
        return None


def floor_date(timestamp: Any, zone: Any = MISSING) -> str | Missing:
    """$floorDate: the date (YYYY-MM-DD) of a date-time in an IANA zone; MISSING without a date-time.

    Raises `EvaluationError`: T0410 wrong type, D3110 no date-time, D3137 no such zone, or outside the calendar.
    """
    if timestamp is MISSING or timestamp is None:
        return MISSING
    moment, there = _moment("floorDate", 1, timestamp), _zone("floorDate", zone)
    return _local_date(moment, there).isoformat()


def ceil_date(timestamp: Any, zone: Any = MISSING, now: Any = MISSING) -> str | Missing:
    """$ceilDate: the date of a date-time that is the first instant of its day in the zone, otherwise the next
    date; never past the date of `now` when that is known. Arguments and errors as for `floor_date`.
    """
    if timestamp is MISSING or timestamp is None:
        return MISSING
    moment, there = _moment("ceilDate", 1, timestamp), _zone("ceilDate", zone)
    day = _local_date(moment, there)
    # Not "is it 00:00": where the clocks skip midnight, the day begins at 01:00.
    if not _begins_day(moment, there, day):
        day = _next(day, moment)
    if now is not MISSING and now is not None:
        day = min(day, _local_date(_moment("ceilDate", 3, now), there))
    return day.isoformat()


def _begins_day(moment: datetime, zone: ZoneInfo, day: date) -> bool:
    try:
        return (moment.astimezone(UTC) - timedelta(microseconds=1)).astimezone(zone).date() < day
    except OverflowError:  # the first instant of the calendar
        return True


def _next(day: date, moment: datetime) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        fail("D3137", f"the day after {moment.isoformat()} is outside the calendar")


def _local_date(moment: datetime, zone: ZoneInfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        fail("D3137", f"{moment.isoformat()} is outside the calendar in {zone.key}")


def _moment(function: str, index: int, value: Any) -> datetime:
    if not isinstance(value, str):
        fail("T0410", f"argument {index} of ${function} must be a date-time in a string, not {excerpt(value)}")
    return instant(value)


def _zone(function: str, name: Any) -> ZoneInfo:
    if not isinstance(name, str):
        given = "it is missing" if name is MISSING else f"not {excerpt(name)}"
        fail("T0410", f"argument 2 of ${function} must be the name of a time zone, {given}")
    if not is_time_zone(name):
        fail("D3137", f"there is no time zone {excerpt(name)}", hint="an IANA name such as Europe/Dublin")
    return ZoneInfo(name)


def size(value: Any = MISSING) -> int | Missing:
    """$size: the length of an array; anything else counts as one, for it is a sequence of one that collapsed.

    Missing and null stay missing.
    """
    if value is MISSING or value is None:
        return MISSING
    return len(value) if isinstance(value, list) else 1


# What a zone database has beside zones: copies with other rules, and what this one machine is set to.
_ZONE_NAME = re.compile(r"(?!posix/|right/|posixrules\Z|localtime\Z)[A-Za-z][\w+-]*(?:/[\w+-]+)*", re.ASCII)


def is_time_zone(name: object) -> bool:
    """Whether this is an IANA time zone name."""
    if not isinstance(name, str) or not _ZONE_NAME.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no zone file, a folder of zones
        return False
    return True


@lru_cache(maxsize=256)
def same_zone(a: str, b: str) -> bool:
    """Whether two names stand for one zone in effect: as US/Pacific and America/Los_Angeles, from 2000 to 2037.

    A name that is no zone is the same as none.
    """
    if not (is_time_zone(a) and is_time_zone(b)):
        return False
    first, second = ZoneInfo(a), ZoneInfo(b)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    moments = (start + timedelta(days=day) for day in range(0, 38 * 366, 10))
    return first is second or all(m.astimezone(first).utcoffset() == m.astimezone(second).utcoffset() for m in moments)


def to_json(value: Any, indent: int = 0, _level: int = 1) -> str:
    """A plain value as `$string` writes it: integers with every digit, other numbers with 15 significant ones.

    `indent` is in spaces a level, 0 for one line.
    """
    if isinstance(value, float):
        return _to_decimal(value)
    if not isinstance(value, (list, dict)) or not value:
        return json.dumps(value, ensure_ascii=False)
    start, end = ("\n" + " " * indent * _level, "\n" + " " * indent * (_level - 1)) if indent else ("", "")
    colon = ": " if indent else ":"
    if isinstance(value, list):
        items = [to_json(item, indent, _level + 1) for item in value]
        return f"[{start}{f',{start}'.join(items)}{end}]"
    items = [json.dumps(k, ensure_ascii=False) + colon + to_json(v, indent, _level + 1) for k, v in value.items()]
    return f"{{{start}{f',{start}'.join(items)}{end}}}"


def _to_decimal(value: float) -> str:
    """ECMAScript's Number::toString of the number rounded to 15 significant digits."""
    rounded = float(f"{value:.15g}")
    if rounded == 0 or 1e-7 < abs(rounded) < 1e21:
        text = f"{Decimal(repr(rounded)):f}"
        return "0" if rounded == 0 else _trim(text)
    mantissa, _, exponent = repr(rounded).partition("e")
    return f"{_trim(mantissa)}e{int(exponent):+d}"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


#: Our additions to the standard functions, by their names in JSONata.
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"floorDate": floor_date, "ceilDate": ceil_date, "size": size}
