"""Date-times with an offset, time zones, and the days of a zone: `$floorDate` and `$ceilDate`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from truto_mapper.diagnostics import excerpt
from truto_mapper.values import MISSING, Missing, fail

# §5.6: "T" and "Z" may alternatively be lower case. Leap seconds are left out: Python has none.
_RFC_3339 = re.compile(r"(?a)\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3])(:[0-5]\d){2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)")


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
    try:
        return datetime.fromisoformat(text.upper()) if _RFC_3339.fullmatch(text) else None
    except ValueError:  # 31 April, the year 0
        return None


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
