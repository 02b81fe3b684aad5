"""Dates that an expression computes with: $dtFromIso and $dtFromFormat. In a record they are ISO 8601."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from truto_mapper.language.library.dates import millis, usual_millis
from truto_mapper.language.library.truto import date_writing, durations
from truto_mapper.language.library.truto.date_reading import moment_of, read_by, read_iso, read_rfc_2822
from truto_mapper.language.library.truto.ecmascript import (
    exact_text,
    is_falsy,
    is_nothing,
    number_at_start,
    number_of,
    refuse_value,
    text_of,
)
from truto_mapper.language.library.truto.moments import (
    Civil,
    Moment,
    civil_of,
    day_of_week,
    days_in_month,
    days_in_year,
    days_of,
    invalid,
    moment,
    weeks_of,
)
from truto_mapper.language.library.truto.zones import DAY, HOST, UTC_ZONE, Zone, fixed, zone_of
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Function, Native, Run, as_number, fail
from truto_mapper.text.diagnostics import did_you_mean


@dataclass(frozen=True, slots=True)
class DateTime:
    """What a date of an expression holds."""

    moment: Moment

    def look(self, name: str) -> Any:
        if name in _METHODS:
            return Function(name, partial(_METHODS[name], self.moment), 1, runs=True)
        if name in _ALWAYS:
            return _ALWAYS[name](self.moment)
        if name not in _FIELDS:
            return MISSING
        return _FIELDS[name](self.moment) if self.moment.is_valid else math.nan if name in _NUMBERS else None

    def written(self) -> str | None:
        return date_writing.iso(self.moment)


def native(found: Moment) -> Native:
    return Native(DateTime(found))


def dt_from_iso(run: Run, text: Any = MISSING, zone: Any = MISSING) -> Native:
    """The date that a text of ISO 8601 says, in UTC or in a zone; invalid for any other text."""
    usual = usual_millis(text) if isinstance(text, str) else None
    if usual is not None:
        found = Moment(usual)
    else:
        read = None if is_nothing(text) else read_iso(text_of(run, text))
        found = moment_of(read, HOST, partial(_today, run, HOST))
    return native(found if zone is MISSING or is_falsy(zone) else found.within(zone_of(zone)))


def dt_from_format(run: Run, text: Any = MISSING, form: Any = MISSING, options: Any = MISSING) -> Native:
    """The date that a text says in a form: Luxon's tokens, `ISO`, `RFC2822` or `fromSeconds`."""
    given = options if isinstance(options, dict) else {}
    _check_locale("dtFromFormat", 3, given.get("locale", MISSING))
    zone = zone_of(given.get("zone", MISSING))
    if form == "fromSeconds":
        seconds = number_at_start(run, exact_text(run, text))
        return native(
            moment(int(seconds) * 1000, zone or HOST) if math.isfinite(seconds) and zone else invalid("invalid input")
        )
    if form in ("ISO", "RFC2822"):
        reader = read_iso if form == "ISO" else read_rfc_2822
        read = None if is_nothing(text) else reader(text_of(run, text))
    else:
        if not isinstance(form, str):
            refuse("T0410", "dtFromFormat", 2, "a form such as dd/MM/yyyy", form)
        if not isinstance(text, str):
            refuse("T0410", "dtFromFormat", 1, "a text", text)
        read = read_by(text, form)
    keeps = not is_falsy(given.get("setZone", MISSING))
    return native(moment_of(read, zone, partial(_today, run, zone or HOST), keeps_zone=keeps))


def _today(run: Run, zone: Zone) -> Civil:
    """The local date now, as the caller gave it."""
    return Moment(millis(run), zone).civil


def _check_locale(name: str, index: int, locale: Any) -> None:
    if not is_nothing(locale) and not str(locale).lower().startswith("en"):
        refuse_value(name, index, "English, such as en or en-GB", locale, "no other language is known here")


# --------------------------------------------------------------------------------------------------------- fields


def _offset(one: Moment) -> Any:
    return as_number(float(one.offset))


def _civil(name: str) -> Callable[[Moment], Any]:
    return lambda one: getattr(one.civil, name)


_FIELDS: Final[dict[str, Callable[[Moment], Any]]] = {
    **{name: _civil(name) for name in (*Civil._fields, "weekday", "ordinal")},
    "quarter": lambda one: (one.civil.month + 2) // 3,
    "weekYear": lambda one: one.civil.week[0],
    "weekNumber": lambda one: one.civil.week[1],
    "monthShort": lambda one: date_writing.formatted(one, "LLL"),
    "monthLong": lambda one: date_writing.formatted(one, "LLLL"),
    "weekdayShort": lambda one: date_writing.formatted(one, "ccc"),
    "weekdayLong": lambda one: date_writing.formatted(one, "cccc"),
    "offset": _offset,
    "zoneName": lambda one: one.zone.name,
    "zone": lambda one: one.zone.name,
    "daysInMonth": lambda one: days_in_month(one.civil.year, one.civil.month),
    "daysInYear": lambda one: days_in_year(one.civil.year),
    "weeksInWeekYear": lambda one: weeks_of(one.civil.week[0]),
    "isInLeapYear": lambda one: days_in_year(one.civil.year) == 366,
    "isInDST": lambda one: one.zone.is_summer(one.ts),
    "isOffsetFixed": lambda one: one.zone.minutes is not None,
}
_NUMBERS: Final = frozenset(
    (*Civil._fields, "weekday", "ordinal", "quarter", "weekYear", "weekNumber", "offset", "daysInMonth", "daysInYear")
)
_ALWAYS: Final[dict[str, Callable[[Moment], Any]]] = {
    "isValid": lambda one: one.is_valid,
    "invalidReason": lambda one: one.reason,
    "invalidExplanation": lambda one: one.explanation,
    "locale": lambda _: "en-US",
}


# -------------------------------------------------------------------------------------------------------- methods

# Each takes the moment, the run and the arguments of the call; surplus ones are ignored.


def _plus(one: Moment, run: Run, given: Any = MISSING, *_: Any) -> Native:
    return native(durations.added(one, durations.amounts(run, ".plus", given)))


def _minus(one: Moment, run: Run, given: Any = MISSING, *_: Any) -> Native:
    parts = durations.amounts(run, ".minus", given)
    return native(durations.added(one, {unit: -amount for unit, amount in parts.items()}))


_SETTABLE: Final = (*Civil._fields, "ordinal", "weekday", "weekNumber", "weekYear")
_SET: Final = {f"{name}{end}".lower(): name for name in _SETTABLE for end in ("", "s")}


def _set(one: Moment, run: Run, given: Any = MISSING, *_: Any) -> Native:
    """The moment with other values of some fields; a day beyond its month is the last one."""
    if not isinstance(given, dict) or isinstance(given, Native):
        refuse("T0410", ".set", 1, "an object of fields", given, hint='like `.set({"day": 1})`')
    fields: dict[str, int] = {}
    for key, value in given.items():
        field = _SET.get(key.lower())
        number = number_of(run, value)
        if field is None:
            hint = did_you_mean(key, _SETTABLE)
            refuse_value(".set", 1, f"an object of the fields {', '.join(_SETTABLE)}", given, hint)
        if not math.isfinite(number) or abs(number) > 1e9:
            refuse_value(".set", 1, f"an object with a number as its {field}", value)
        fields[field] = math.trunc(number)
    return native(one.at(_with(one.civil, fields).local) if one.is_valid else one)


def _with(here: Civil, fields: dict[str, int]) -> Civil:
    times = {name: value for name, value in fields.items() if name in Civil._fields}
    if fields.keys() & {"weekYear", "weekNumber", "weekday"}:
        year, week = here.week
        day = day_of_week(
            fields.get("weekYear", year), fields.get("weekNumber", week), fields.get("weekday", here.weekday)
        )
        return here._replace(year=day.year, month=day.month, day=day.day)._replace(**times)
    if "ordinal" in fields:
        day = civil_of(days_of(fields.get("year", here.year), 1, fields["ordinal"]) * DAY)
        return here._replace(year=day.year, month=day.month, day=day.day)._replace(**times)
    made = here._replace(**times)
    return made if "day" in fields else made._replace(day=min(made.day, days_in_month(made.year, made.month)))


def _started(one: Moment, unit: str) -> Moment:
    """The first moment of the year, quarter, month, week, day, hour, minute or second."""
    if not one.is_valid or unit == "milliseconds":
        return one
    here = one.civil
    kept = {"years": 1, "quarters": 2, "months": 2, "weeks": 3, "days": 3, "hours": 4, "minutes": 5, "seconds": 6}[unit]
    start = Civil(*here[:kept])
    if unit == "quarters":
        start = start._replace(month=here.month - (here.month - 1) % 3)
    return one.at(start._replace(day=here.day - here.weekday + 1).local if unit == "weeks" else start.local)


def _start_of(one: Moment, run: Run, unit: Any = MISSING, *_: Any) -> Native:  # noqa: ARG001  (all take it)
    return native(_started(one, durations.unit_of(".startOf", 1, unit)))


def _end_of(one: Moment, run: Run, unit: Any = MISSING, *_: Any) -> Native:  # noqa: ARG001
    name = durations.unit_of(".endOf", 1, unit)
    return native(durations.added(_started(durations.added(one, {name: 1}), name), {"milliseconds": -1}))


def _set_zone(one: Moment, run: Run, zone: Any = MISSING, options: Any = MISSING, *_: Any) -> Native:  # noqa: ARG001
    keeps = isinstance(options, dict) and not is_falsy(options.get("keepLocalTime", MISSING))
    return native(one.within(zone_of(zone), keeps_local=keeps))


def _to_utc(one: Moment, run: Run, offset: Any = MISSING, *_: Any) -> Native:
    minutes = 0 if is_nothing(offset) else number_of(run, offset)
    return native(one.within(fixed(int(minutes)) if minutes == minutes and abs(minutes) <= 1440 else UTC_ZONE))  # noqa: PLR0124


def _set_locale(name: str) -> Callable[..., Native]:
    def body(one: Moment, run: Run, given: Any = MISSING, *_: Any) -> Native:  # noqa: ARG001
        locale = given.get("locale", MISSING) if isinstance(given, dict) else given
        _check_locale(f".{name}", 1, locale)
        return native(one)

    return body


def _to_format(one: Moment, run: Run, form: Any = MISSING, options: Any = MISSING, *_: Any) -> str:  # noqa: ARG001
    if not isinstance(form, str):
        refuse("T0410", ".toFormat", 1, "a form", form, hint='like `.toFormat("dd/MM/yyyy")`')
    _check_locale(".toFormat", 2, options.get("locale", MISSING) if isinstance(options, dict) else MISSING)
    return date_writing.formatted(one, form)


def _writing(name: str, write: Callable[..., Any]) -> Callable[..., Any]:
    """A method that writes the date, null for an invalid one."""

    def body(one: Moment, run: Run, options: Any = MISSING, *_: Any) -> Any:  # noqa: ARG001
        if options is None:
            refuse("T0410", f".{name}", 1, "an object of options", options, hint=f"leave it out: `.{name}()`")
        return write(one, options) if one.is_valid else None

    return body


def _numbering(read: Callable[[Moment], float]) -> Callable[..., Any]:
    return lambda one, *_: as_number(float(read(one))) if one.is_valid else math.nan


def _other(name: str, given: Any) -> Moment | None:
    """The date that an argument is; None for any other value."""
    if is_nothing(given):
        hint = "in the argument of a method, `$` is the date: write `$$.field` for a field of the row"
        refuse("T0410", name, 1, "a date of $dtFromIso or $dtFromFormat", given, hint=hint)
    return given.held.moment if isinstance(given, Native) and isinstance(given.held, DateTime) else None


def _diff(one: Moment, run: Run, other: Any = MISSING, unit: Any = MISSING, *_: Any) -> Native:  # noqa: ARG001
    there = _other(".diff", other)
    given = ["milliseconds"] if unit is MISSING else unit if isinstance(unit, list) else [unit]
    units = [durations.unit_of(".diff", 2, name) for name in given]
    is_valid = there is not None and there.is_valid and one.is_valid and units
    return durations.native(durations.difference(there, one, units) if there and is_valid else durations.Duration(None))


def _has_same(one: Moment, run: Run, other: Any = MISSING, unit: Any = MISSING, *_: Any) -> bool:  # noqa: ARG001
    there, name = _other(".hasSame", other), durations.unit_of(".hasSame", 2, unit)
    if there is None or not (one.is_valid and there.is_valid):
        return False
    here = one.within(there.zone, keeps_local=True)
    start = _started(here, name)
    return start.ts <= there.ts < durations.added(start, {name: 1}).ts


def _equals(one: Moment, run: Run, other: Any = MISSING, *_: Any) -> bool:  # noqa: ARG001
    there = _other(".equals", other)
    return there is not None and one.is_valid and there.is_valid and (one.ts, one.zone) == (there.ts, there.zone)


def _refused(name: str, hint: str) -> Callable[..., Any]:
    def body(one: Moment, run: Run, *_: Any) -> Any:  # noqa: ARG001
        fail("D3137", f"`.{name}()` of a date depends on the machine's clock or language", hint)

    return body


_USE_NOW: Final = "compare with the given time: `.diff($dtFromIso($now))`"
_METHODS: Final[dict[str, Callable[..., Any]]] = {
    "plus": _plus,
    "minus": _minus,
    "set": _set,
    "startOf": _start_of,
    "endOf": _end_of,
    "setZone": _set_zone,
    "setLocale": _set_locale("setLocale"),
    "reconfigure": _set_locale("reconfigure"),
    "toUTC": _to_utc,
    "toLocal": lambda one, *_: native(one.within(HOST)),
    "toFormat": _to_format,
    "toISO": _writing("toISO", date_writing.iso),
    "toISODate": _writing("toISODate", date_writing.iso_date),
    "toISOTime": _writing("toISOTime", date_writing.iso_time),
    "toISOWeekDate": _writing("toISOWeekDate", lambda one, _: date_writing.formatted(one, "kkkk-'W'WW-c")),
    "toRFC2822": _writing("toRFC2822", lambda one, _: date_writing.formatted(one, "EEE, dd LLL yyyy HH:mm:ss ZZZ")),
    "toHTTP": _writing("toHTTP", lambda one, _: date_writing.http(one)),
    "toSQL": _writing("toSQL", lambda one, given: f"{date_writing.iso_date(one)} {date_writing.sql_time(one, given)}"),
    "toSQLDate": _writing("toSQLDate", lambda one, _: date_writing.iso_date(one)),
    "toSQLTime": _writing("toSQLTime", date_writing.sql_time),
    "toJSDate": _writing("toJSDate", lambda one, _: date_writing.iso(one.within(UTC_ZONE))),
    "toMillis": _numbering(lambda one: one.ts),
    "valueOf": _numbering(lambda one: one.ts),
    "toSeconds": _numbering(lambda one: one.ts / 1000),
    "toUnixInteger": _numbering(lambda one: one.ts // 1000),
    "diff": _diff,
    "hasSame": _has_same,
    "equals": _equals,
    "diffNow": _refused("diffNow", _USE_NOW),
    "toRelative": _refused("toRelative", _USE_NOW),
    "toRelativeCalendar": _refused("toRelativeCalendar", _USE_NOW),
    "toLocaleString": _refused("toLocaleString", 'write the form: `.toFormat("d LLL yyyy")`'),
}
