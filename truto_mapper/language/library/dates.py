"""Functions of date-times: $now, $millis, $toMillis, $fromMillis, and our $floorDate and $ceilDate."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from truto_mapper.language.library.date_pictures import OFFSET, format_date_time, millis_of, parse_date_time
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Missing, Run, fail
from truto_mapper.text.diagnostics import either
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.timestamps import instant, is_date_time, is_time_zone

#: The forms of ISO 8601 that the reference reads: a year, its month and day if any; a time with its offset if any.
_ISO_8601: Final = lazy_pattern(
    r"(?a)(\d{4})(?:-(\d\d)(?:-(\d\d))?)?"
    r"(?:T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3})\d*)?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))?|Z)?"
)

#: The calendar units of $floorDate.
UNITS: Final = ("day", "week", "month", "quarter", "year")


def millis(run: Run) -> int:
    """$millis: the moment bound as `now`, in milliseconds since 1970. No clock is read: D3137 where it is not bound."""
    moment = run.scope.lookup("now")
    usual = usual_millis(moment) if isinstance(moment, str) else None
    if usual is not None:
        return usual
    if not is_date_time(moment):
        fail("D3137", "the time is not known here", hint="bind `now` to a date-time such as 2026-01-31T09:30:00Z")
    return _since_1970(instant(moment))


def now(run: Run, picture: Any = MISSING, zone: Any = MISSING) -> Any:
    return from_millis(millis(run), picture, zone, "now")


def from_millis(moment: Any, picture: Any = MISSING, zone: Any = MISSING, name: str = "fromMillis") -> Any:
    if moment is MISSING:
        return MISSING
    is_zone = zone is not MISSING and OFFSET.fullmatch(zone) is not None
    text = format_date_time(moment, None if picture is MISSING else picture, zone if is_zone else None)
    if zone is not MISSING and not is_zone:
        refuse("T0410", name, 2 if name == "now" else 3, "an offset such as +0530, -0800 or 0000", zone)
    return text


def to_millis(run: Run, text: Any, picture: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if picture is not MISSING:
        run.budget.check()  # a long picture may be slow to read by
        moment = parse_date_time(text, picture, partial(millis, run))
        return MISSING if moment is None else moment
    usual = usual_millis(text)
    return _iso_millis(text) if usual is None else usual


#: The marks of a text like 2026-01-31T09:30:00Z and of one with milliseconds, and how long it is.
_USUAL: Final = {"--T::Z": 20, "--T::.": 24}
_1970: Final = datetime(1970, 1, 1)  # noqa: DTZ001  (the Z is cut off)


def usual_millis(text: str) -> int | None:
    """The milliseconds of a text like 2026-01-31T09:30:00Z or 2026-01-31T09:30:00.000Z; None for any other."""
    if text[-1:] != "Z" or text[11:13] == "24" or _USUAL.get(text[4:20:3]) != len(text):
        return None
    try:
        since = datetime.fromisoformat(text[:-1]) - _1970
    except ValueError:
        return None
    return since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


def _iso_millis(text: str) -> int:
    """The milliseconds of a text in any form of ISO 8601 that the reference reads. Raises D3110."""
    found = _ISO_8601.fullmatch(text)
    if found is None:
        refuse(
            "D3110", "toMillis", 1, "an ISO 8601 timestamp", text, hint="argument 2 can be its picture: `[D]/[M]/[Y]`"
        )
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups("0")
    date = int(year), int(month) if found[2] else 1, int(day) if found[3] else 1
    moment = millis_of(text, *date, int(hour), int(minute), int(second), int(fraction.ljust(3, "0")))
    return moment - (60 * int(hours) + int(minutes)) * (-60_000 if sign == "-" else 60_000) if sign != "0" else moment


def _since_1970(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def floor_date(timestamp: Any = MISSING, zone: Any = MISSING, unit: Any = MISSING) -> str | Missing:
    """$floorDate: the date (YYYY-MM-DD) of a date-time in an IANA zone; MISSING without a date-time.

    With a `unit` of UNITS it is the first day of the week (a Monday), month, quarter or year that the date is in.
    Raises `EvaluationError`: T0410 for a wrong type, D3110 for an invalid date-time, D3137 for an unknown zone or unit
    or a date outside the calendar.
    """
    if timestamp is MISSING or timestamp is None:
        return MISSING
    moment, there = _moment("floorDate", 1, timestamp), _zone("floorDate", zone)
    day = _local_date(moment, there)
    return (day if unit is MISSING or unit is None else _first_day(day, unit)).isoformat()


def _first_day(day: date, unit: Any) -> date:
    """The first day of the unit that a day is in."""
    if not isinstance(unit, str):
        refuse("T0410", "floorDate", 3, "the name of a unit", unit)
    if unit not in UNITS:
        refuse("D3137", "floorDate", 3, either(UNITS), unit)
    if unit in ("day", "week"):
        return day - timedelta(days=day.weekday() if unit == "week" else 0)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    return day.replace(month=day.month - (day.month - 1) % months, day=1)


def ceil_date(timestamp: Any = MISSING, zone: Any = MISSING, now: Any = MISSING) -> str | Missing:
    """$ceilDate: the date of a date-time that begins its day in the zone, else the next date, but none after `now`.

    Arguments and errors as for `floor_date`.
    """
    if timestamp is MISSING or timestamp is None:
        return MISSING
    moment, there = _moment("ceilDate", 1, timestamp), _zone("ceilDate", zone)
    day = _local_date(moment, there)
    # A day need not begin at 00:00: where the clocks skip midnight, it begins at 01:00.
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
        refuse("T0410", function, index, "a date-time in a string", value)
    try:
        return instant(value)
    except EvaluationError:
        refuse("D3110", function, index, "a date-time with an offset", value, hint="like 2026-01-31T09:30:00Z")


def _zone(function: str, name: Any) -> ZoneInfo:
    if not isinstance(name, str):
        refuse("T0410", function, 2, "the name of a time zone", name)
    if not is_time_zone(name):
        refuse("D3137", function, 2, "the name of a time zone, such as Europe/Dublin", name)
    return ZoneInfo(name)
