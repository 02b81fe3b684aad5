"""Date-times with an offset, time zones, and the days of a zone: `$floorDate` and `$ceilDate`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from truto_mapper.language.runtime.values import MISSING, Missing, fail
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.timestamps import instant, is_time_zone


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
