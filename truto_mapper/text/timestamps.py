"""Date-times with an offset, as RFC 3339 or another form of ISO 8601, and IANA time zones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.lazy_pattern import lazy_pattern

# RFC 3339 §5.6: "T" and "Z" may alternatively be lower case. Leap seconds are refused: datetime has none.
_RFC_3339 = lazy_pattern(
    r"(?a)\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3])(:[0-5]\d){2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)"
)


def is_date_time(text: object) -> bool:
    """Whether this is an RFC 3339 date-time with an offset, on a day that exists."""
    return isinstance(text, str) and _read(text) is not None


def instant(text: str) -> datetime:
    """The moment of an RFC 3339 date-time, in its own offset; digits after the microsecond are cut off.

    Raises `EvaluationError` D3110 for any other text.
    """
    moment = _read(text)
    if moment is None:
        message = f"{excerpt(text)} is not a date-time with an offset"
        raise EvaluationError(Diagnostic("D3110", message, hint="like 2026-01-31T09:30:00Z"))
    return moment


def _read(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.upper()) if _RFC_3339.fullmatch(text) else None
    except ValueError:  # for example 31 April, or the year 0
        return None


def in_calendar(moment: datetime) -> bool:
    """Whether the day of a moment exists in every time zone."""
    return 1 < moment.year < 9999


#: ISO 8601 in its extended and its basic form: a calendar or week date, a time of hours, minutes or seconds, an offset.
_ISO_8601 = lazy_pattern(
    r"(?a)(?P<day>\d{4}(?:-\d\d-\d\d|\d{4}|-W\d\d-\d|W\d{3}))[Tt](?P<hour>\d\d)"
    r"(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?"
    r"(?:[Zz]|(?P<sign>[+\u2212-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)"
)


def rfc_3339(text: str) -> str | None:
    """An ISO 8601 date-time with an offset as RFC 3339, such as 2026-01-31T09:30:00Z; None for any other text.

    `20260131T0930Z` and `2026-W05-6T09:30+01` are ISO 8601, too. Every digit of a fraction is kept. A text that is
    RFC 3339 with capital letters is returned as it is.
    """
    found = _ISO_8601.fullmatch(text)
    if found is None:
        return None
    clock = ":".join(found[part] or "00" for part in ("hour", "minute", "second"))
    fraction = f".{found['fraction']}" if found["fraction"] else ""
    sign = found["sign"] and found["sign"].replace("\u2212", "-")
    offset = f"{sign}{found['hours']}:{found['minutes'] or '00'}" if sign else "Z"
    try:
        written = f"{date.fromisoformat(found['day'])}T{clock}{fraction}{offset}"
    except ValueError:  # for example 31 April
        return None
    return written if _read(written) is not None else None


# Excluded: files of a zone database that are not zones (copies with other rules, the machine's own setting).
_ZONE_NAME = lazy_pattern(r"(?!posix/|right/|posixrules\Z|localtime\Z)[A-Za-z][\w+-]*(?:/[\w+-]+)*", re.ASCII)


def is_time_zone(name: object) -> bool:
    """Whether this is an IANA time zone name."""
    if not isinstance(name, str) or not _ZONE_NAME.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, not a zone file, a folder
        return False
    return True


@lru_cache(maxsize=256)
def same_zone(a: str, b: str) -> bool:
    """Whether two zones have the same offsets from 2000 to 2037, as US/Pacific and America/Los_Angeles have.

    False if either name is unknown.
    """
    if not (is_time_zone(a) and is_time_zone(b)):
        return False
    first, second = ZoneInfo(a), ZoneInfo(b)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    moments = (start + timedelta(days=day) for day in range(0, 38 * 366, 10))
    return first is second or all(m.astimezone(first).utcoffset() == m.astimezone(second).utcoffset() for m in moments)


@lru_cache(maxsize=4096)
def has_offset_of(text: str, zone: str) -> bool:
    """Whether a date-time has the UTC offset that a zone has at that moment. True for a text that is no date-time.

    Where the clocks skip midnight, the day begins when they do so: the offset before is right too.
    """
    moment = _read(text)
    if moment is None or _there(moment, zone).utcoffset() == moment.utcoffset():
        return True
    return _there(moment, zone, timedelta(microseconds=-1)).utcoffset() == moment.utcoffset()


def offset_at(text: str, zone: str) -> str:
    """The UTC offset of a zone at the moment of a date-time, as `+01:00`."""
    return _there(instant(text), zone).isoformat()[-6:]


def _there(moment: datetime, zone: str, later: timedelta = timedelta(0)) -> datetime:
    try:
        return (moment.astimezone(UTC) + later).astimezone(ZoneInfo(zone))
    except OverflowError:  # the first or last day of the calendar
        return moment
