"""RFC 3339 date-times with an offset, and IANA time zones."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError

# RFC 3339 §5.6: "T" and "Z" may alternatively be lower case. Leap seconds are refused: datetime has none.
_RFC_3339 = re.compile(r"(?a)\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3])(:[0-5]\d){2}(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)")


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


# Excluded: files of a zone database that are not zones (copies with other rules, the machine's own setting).
_ZONE_NAME = re.compile(r"(?!posix/|right/|posixrules\Z|localtime\Z)[A-Za-z][\w+-]*(?:/[\w+-]+)*", re.ASCII)


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
