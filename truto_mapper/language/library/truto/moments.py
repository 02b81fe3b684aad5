"""Moments in a time zone, and the calendar as Luxon counts it: from year -271821 to 275760, without gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from truto_mapper.language.library.truto.zones import CYCLE_DAYS, CYCLE_YEARS, DAY, HOST, Zone
from truto_mapper.text.record import NamedTuple

_EPOCH: Final = date(1970, 1, 1).toordinal()
_BASE: Final = 2000
#: The first and the last moment, in milliseconds from 1970.
MAX_MOMENT: Final = 8_640_000_000_000_000


class Civil(NamedTuple):
    """A local date and time."""

    year: int
    month: int = 1
    day: int = 1
    hour: int = 0
    minute: int = 0
    second: int = 0
    millisecond: int = 0

    @property
    def local(self) -> int:
        """Milliseconds from 1970, as if it were UTC; a part that is too large counts on."""
        days = days_of(self.year, self.month, self.day)
        return (((days * 24 + self.hour) * 60 + self.minute) * 60 + self.second) * 1000 + self.millisecond

    @property
    def weekday(self) -> int:
        """1 for Monday."""
        return (days_of(self.year, self.month, self.day) + 3) % 7 + 1

    @property
    def ordinal(self) -> int:
        return days_of(self.year, self.month, self.day) - days_of(self.year) + 1

    @property
    def week(self) -> tuple[int, int]:
        """The year and number of its week by ISO 8601."""
        number = (self.ordinal - self.weekday + 10) // 7
        if number < 1:
            return self.year - 1, weeks_of(self.year - 1)
        return (self.year + 1, 1) if number > weeks_of(self.year) else (self.year, number)


def days_of(year: int, month: int = 1, day: int = 1) -> int:
    """Days from 1970; a month or day that is too large counts on."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    cycles, rest = divmod(year - _BASE, CYCLE_YEARS)
    return date(_BASE + rest, month, 1).toordinal() - _EPOCH + cycles * CYCLE_DAYS + day - 1


def civil_of(local: int) -> Civil:
    """The local date and time of milliseconds from 1970."""
    days, rest = divmod(local, DAY)
    cycles, day = divmod(days - days_of(_BASE), CYCLE_DAYS)
    found = date.fromordinal(day + date(_BASE, 1, 1).toordinal())
    seconds, millisecond = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return Civil(found.year + cycles * CYCLE_YEARS, found.month, found.day, hour, minute, second, millisecond)


def days_in_month(year: int, month: int) -> int:
    return days_of(year, month + 1) - days_of(year, month)


def days_in_year(year: int) -> int:
    return days_of(year + 1) - days_of(year)


def weeks_of(year: int) -> int:
    """How many weeks a year has by ISO 8601."""
    first = Civil(year).weekday
    return 53 if first == 4 or (first == 3 and days_in_year(year) == 366) else 52


def day_of_week(year: int, week: int, weekday: int) -> Civil:
    """The day of a week of ISO 8601."""
    fourth = Civil(year, 1, 4)
    return civil_of((days_of(year, 1, 4) - fourth.weekday + (week - 1) * 7 + weekday) * DAY)


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in milliseconds from 1970, and its zone. `reason` says why it is invalid."""

    ts: int
    zone: Zone = HOST
    reason: str | None = None
    explanation: str | None = None

    @property
    def is_valid(self) -> bool:
        return self.reason is None

    @property
    def offset(self) -> float:
        return self.zone.offset(self.ts)

    @property
    def local(self) -> int:
        return self.ts + round(self.offset * 60_000)

    @property
    def civil(self) -> Civil:
        return civil_of(self.local)

    def within(self, zone: Zone | None, *, keeps_local: bool = False) -> Moment:
        """The same moment in another zone, or the same local time there."""
        if not self.is_valid:
            return self
        if zone is None:
            return invalid("unsupported zone")
        return moment_at(self.local, zone, zone.offset(self.ts)) if keeps_local else replace(self, zone=zone)

    def at(self, local: int) -> Moment:
        """The moment of a local time in the same zone."""
        return moment_at(local, self.zone, self.offset)


def invalid(reason: str, explanation: str | None = None) -> Moment:
    return Moment(0, HOST, reason, explanation)


def moment(ts: float, zone: Zone = HOST) -> Moment:
    """A moment, invalid if it is outside the calendar."""
    return Moment(int(ts), zone) if abs(ts) <= MAX_MOMENT else invalid("invalid input")


def moment_at(local: int, zone: Zone, guess: float | None = None) -> Moment:
    """The moment of a local time. Where clocks go back, it is that with the guessed offset."""
    if abs(local) > MAX_MOMENT + DAY:
        return invalid("invalid input")
    first = zone.offset(local) if guess is None else guess
    utc = local - round(first * 60_000)
    second = zone.offset(utc)
    if second != first:
        utc = local - round(second * 60_000)
        third = zone.offset(utc)
        utc = utc if third == second else local - round(min(second, third) * 60_000)
    return moment(utc, zone)


def of_fields(fields: dict[str, int], zone: Zone, offset: float | None, today: Any) -> Moment:
    """The moment of the fields that a text has, checked. What is above them is today's, what is below is the first.

    `today` gives the local date and time now; it is called only if it is needed.
    """
    weekday = fields.get("weekday")
    if "weekYear" in fields or "weekNumber" in fields:
        found = _of_week(fields, today)
    elif "ordinal" in fields:
        found = _of_ordinal(fields, today)
    else:
        found = _of_date(fields, today)
    if isinstance(found, Moment):
        return found
    problem = _wrong_time(found)
    if problem is not None:
        return problem
    if weekday is not None and "day" in fields and found.weekday != weekday:
        return invalid("mismatched weekday", "you can't specify both a weekday and a date that is another one")
    if offset is not None:
        return moment(found.local - round(offset * 60_000), zone)
    return moment_at(found.local, zone)


_TIME: Final = ("hour", "minute", "second", "millisecond")


def _filled(fields: dict[str, int], names: tuple[str, ...], now: Any, firsts: tuple[int, ...]) -> dict[str, int]:
    """The fields of some names: those above the first that is given are now's, those below the least."""
    found: dict[str, int] = {}
    is_given = False
    for name, first in zip(names, firsts, strict=True):
        is_given = is_given or name in fields
        found[name] = fields[name] if name in fields else first if is_given else now(name)
    return found


def _of_date(fields: dict[str, int], today: Any) -> Civil | Moment:
    made = _filled(fields, ("year", "month", "day", *_TIME), lambda name: getattr(today(), name), (0, 1, 1, 0, 0, 0, 0))
    limits = (("month", 12), ("day", days_in_month(made["year"], made["month"])))
    for name, most in limits:
        if not 1 <= made[name] <= most:
            return _out_of_range(name, made[name])
    return Civil(**made)


def _of_week(fields: dict[str, int], today: Any) -> Civil | Moment:
    now = {
        "weekYear": lambda: today().week[0],
        "weekNumber": lambda: today().week[1],
        "weekday": lambda: today().weekday,
    }
    made = _filled(
        fields, ("weekYear", "weekNumber", "weekday", *_TIME), lambda name: now[name](), (1, 1, 1, 0, 0, 0, 0)
    )
    for name, most in (("weekNumber", weeks_of(made["weekYear"])), ("weekday", 7)):
        if not 1 <= made[name] <= most:
            return _out_of_range(name, made[name])
    day = day_of_week(made["weekYear"], made["weekNumber"], made["weekday"])
    return day._replace(**{name: made[name] for name in _TIME})


def _of_ordinal(fields: dict[str, int], today: Any) -> Civil | Moment:
    made = _filled(fields, ("year", "ordinal", *_TIME), lambda _: today().year, (1, 1, 0, 0, 0, 0))
    if not 1 <= made["ordinal"] <= days_in_year(made["year"]):
        return _out_of_range("ordinal", made["ordinal"])
    day = civil_of(days_of(made["year"], 1, made["ordinal"]) * DAY)
    return day._replace(**{name: made[name] for name in _TIME})


def _wrong_time(found: Civil) -> Moment | None:
    """What is wrong with the time; 24:00 is the next day."""
    if found[3:] == (24, 0, 0, 0):
        return None
    limits = zip(_TIME, found[3:], (23, 59, 59, 999), strict=True)
    return next((_out_of_range(name, value) for name, value, most in limits if not 0 <= value <= most), None)


def _out_of_range(unit: str, value: int) -> Moment:
    return invalid("unit out of range", f"you specified {value} (of type number) as a {unit}, which is invalid")
