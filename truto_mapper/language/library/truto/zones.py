"""Time zones of $dtFromIso and $dtFromFormat: by name, or so many minutes from UTC. None of them is the machine's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.timestamps import is_time_zone

#: The milliseconds of a day, and the days and years after which the calendar repeats.
DAY: Final = 86_400_000
CYCLE_DAYS, CYCLE_YEARS = 146_097, 400
_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Time zones are known between these years; outside, they are taken to be as in the same year of another cycle.
_FIRST, _LAST = -62_000_000_000_000, 253_000_000_000_000


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone. `minutes` is its offset if it is always the same."""

    name: str
    rules: ZoneInfo | None = None
    minutes: int | None = None

    def offset(self, moment: int) -> float:
        """The minutes from UTC at a moment, in milliseconds since 1970."""
        there = self._there(moment)
        found = None if there is None else there.utcoffset()
        return (self.minutes or 0) if found is None else found / timedelta(minutes=1)

    def is_summer(self, moment: int) -> bool:
        there = self._there(moment)
        return there is not None and bool(there.dst())

    def _there(self, moment: int) -> datetime | None:
        if self.rules is None:
            return None
        cycle = CYCLE_DAYS * DAY
        moment = (
            moment % cycle
            if moment < _FIRST
            else moment - -((_LAST - moment) // cycle) * cycle
            if moment > _LAST
            else moment
        )
        return (_1970 + timedelta(milliseconds=moment)).astimezone(self.rules)


#: The zone of dates that have no other: its offset is written as +00:00, that of UTC as Z.
HOST: Final = Zone("UTC")
UTC_ZONE: Final = Zone("UTC", minutes=0)

_FIXED: Final = re.compile(r"(?a)utc(?:([+-]\d{1,2})(?::(\d{2}))?)?")


def fixed(minutes: int) -> Zone:
    sign, size = "-" if minutes < 0 else "+", abs(minutes)
    rest = f":{size % 60}" if size % 60 else ""
    return Zone(f"UTC{sign}{size // 60}{rest}" if minutes else "UTC", minutes=minutes)


def signed(hours: str, minutes: str | None) -> int:
    """The minutes of an offset such as `-03` and `30`."""
    size = int(hours) * 60
    return size - int(minutes or 0) if hours.startswith("-") else size + int(minutes or 0)


def zone_of(value: Any, default: Zone = HOST) -> Zone | None:
    """The zone that a value names, the default for undefined and null; None if there is no such zone."""
    if value is None or value is MISSING or value == "":
        return default
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return fixed(int(value)) if abs(value) <= 24 * 60 else None
    if not isinstance(value, str):
        return None
    lower = value.lower()
    if lower in ("default", "local", "system"):
        return HOST
    if lower == "gmt":
        return UTC_ZONE
    found = _FIXED.fullmatch(lower)
    if found is not None:
        return fixed(signed(found[1], found[2])) if found[1] else UTC_ZONE
    return Zone(value, ZoneInfo(value)) if is_time_zone(value) else None
