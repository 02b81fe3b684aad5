"""Spans of time in units, as `diff` gives them, and the differences between moments."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Final

from truto_mapper.language.library.truto.date_writing import MAX_FORM
from truto_mapper.language.library.truto.ecmascript import number_of, refuse_value, text_of
from truto_mapper.language.library.truto.moments import Moment, civil_of, days_in_month, moment
from truto_mapper.language.library.truto.zones import DAY
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.coercion import scalar_text
from truto_mapper.language.runtime.values import MISSING, Function, Native, Run, as_number
from truto_mapper.text.diagnostics import did_you_mean

UNITS: Final = ("years", "quarters", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds")
_LOW: Final = UNITS[5:]
_MILLIS: Final = {
    "years": 365 * DAY,
    "quarters": 91 * DAY,
    "months": 30 * DAY,
    "weeks": 7 * DAY,
    "days": DAY,
    "hours": 3_600_000,
    "minutes": 60_000,
    "seconds": 1000,
    "milliseconds": 1,
}
#: How many of the second unit the first has, where that does not follow from days.
_ODD: Final = {
    ("years", "quarters"): 4,
    ("years", "months"): 12,
    ("years", "weeks"): 52,
    ("quarters", "months"): 3,
    ("quarters", "weeks"): 13,
    ("months", "weeks"): 4,
}


def _ratio(large: str, small: str) -> int:
    return _ODD.get((large, small)) or _MILLIS[large] // _MILLIS[small]


def unit_of(name: str, index: int, given: Any) -> str:
    """The unit of a name, in the plural. Raises for any other."""
    word = given.lower() if isinstance(given, str) else ""
    found = word if word.endswith("s") else f"{word}s"
    if found not in UNITS:
        hint = did_you_mean(word, UNITS) or did_you_mean(word, [one[:-1] for one in UNITS])
        refuse_value(name, index, f"a unit of time ({', '.join(UNITS)})", given, hint)
    return found


def amounts(run: Run, name: str, given: Any) -> dict[str, float]:
    """The units and amounts of an argument such as {"days": 1}, or of milliseconds."""
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return {"milliseconds": given}
    if isinstance(given, Native) and isinstance(given.held, Duration):
        hint = 'a span is added by its milliseconds: `.plus({"milliseconds": span.toMillis()})`'
        refuse_value(name, 1, 'an object of units such as {"days": 1}', given, hint)
    if not isinstance(given, dict) or isinstance(given, Native):
        refuse("T0410", name, 1, "an object of units, or milliseconds", given, hint=f'like `{name}({{"days": 1}})`')
    found = {}
    for key, one in given.items():
        unit = unit_of(name, 1, key)
        if one is not None and one is not MISSING:
            found[unit] = _amount(run, name, unit, one)
    return found


def _amount(run: Run, name: str, unit: str, given: Any) -> float:
    number = math.nan if isinstance(given, bool) or given == "" else number_of(run, given)
    if not math.isfinite(number):
        refuse_value(name, 1, f"an object with a number of {unit}", given)
    return number


def added(start: Moment, parts: dict[str, float]) -> Moment:
    """A moment so much later. Months keep the day if there is one, days keep the time, hours are hours."""
    if not start.is_valid:
        return start
    if any(abs(one) > 1e13 for unit, one in parts.items() if unit != "milliseconds"):
        return moment(math.inf)
    whole = {unit: math.trunc(one) for unit, one in parts.items() if unit not in _LOW}
    here = start.civil
    months = here.month - 1 + whole.get("months", 0) + 3 * whole.get("quarters", 0)
    year, month = here.year + whole.get("years", 0) + months // 12, months % 12 + 1
    day = min(here.day, days_in_month(year, month)) + whole.get("days", 0) + 7 * whole.get("weeks", 0)
    found = start.at(here._replace(year=year, month=month, day=day).local) if any(whole.values()) else start
    rest = _millis({unit: one - whole.get(unit, 0) for unit, one in parts.items()})
    return moment(found.ts + rest, start.zone) if rest and found.is_valid else found


def _millis(parts: dict[str, float]) -> float:
    return sum(one * _MILLIS[unit] for unit, one in parts.items())


@dataclass(frozen=True, slots=True)
class Duration:
    """Amounts of units, from years down to milliseconds. None if it is invalid."""

    parts: dict[str, float] | None

    def look(self, name: str) -> Any:
        if self.parts is not None and name in self.parts:
            return as_number(float(self.parts[name]))
        return Function(name, partial(_METHODS[name], self), 1, runs=True) if name in _METHODS else MISSING

    def written(self) -> str | None:
        """As ISO 8601 writes it, such as P1DT2H."""
        if self.parts is None:
            return None
        get = self.parts.get
        months = get("months", 0) + 3 * get("quarters", 0)
        seconds = get("seconds", 0) + get("milliseconds", 0) / 1000
        day = _texts((get("years", 0), "Y"), (months, "M"), (get("weeks", 0), "W"), (get("days", 0), "D"))
        rounded = math.floor(seconds * 1000 + 0.5) / 1000
        time = _texts((get("hours", 0), "H"), (get("minutes", 0), "M"), (rounded if seconds else 0, "S"))
        return f"P{day}{'T' if time else ''}{time}" if day or time else "PT0S"

    def shifted(self, units: list[str]) -> Duration:
        """The same span in other units."""
        if self.parts is None or not units:
            return self
        built: dict[str, float] = {}
        left: dict[str, float] = {}
        for unit in UNITS:
            if unit in units:
                amount = sum(_ratio(one, unit) * left.pop(one) for one in list(left)) + self.parts.get(unit, 0)
                built[unit] = math.trunc(amount)
                left[unit] = amount - built[unit]
            elif unit in self.parts:
                left[unit] = self.parts[unit]
        last = list(built)[-1]
        for unit, one in left.items():
            built[last] += one if unit == last else one / _ratio(last, unit) if one else 0
        return Duration(_normal(built))

    def negated(self) -> Duration:
        return Duration(None if self.parts is None else _negated(self.parts))

    def plus(self, parts: dict[str, float]) -> Duration:
        own = self.parts or {}
        return Duration({unit: own.get(unit, 0) + parts.get(unit, 0) for unit in UNITS if unit in own or unit in parts})


def _negated(parts: dict[str, float]) -> dict[str, float]:
    return {unit: -one for unit, one in parts.items()}


def _texts(*parts: tuple[float, str]) -> str:
    return "".join(scalar_text(as_number(float(one))) + letter for one, letter in parts if one)


def _normal(parts: dict[str, float]) -> dict[str, float]:
    """The same span with no part that is more than one of the unit above, and fractions in the least unit."""
    found = dict(parts)
    factor = -1 if _millis(found) < 0 else 1
    units = [unit for unit in UNITS if unit in found]
    for large, small in reversed(list(pairwise(units))):
        rolled = math.floor(found[small] * factor / _ratio(large, small))
        found[large] += rolled * factor
        found[small] -= rolled * _ratio(large, small) * factor
    for large, small in pairwise(units):
        fraction = math.fmod(found[large], 1)
        found[large] -= fraction
        found[small] += fraction * _ratio(large, small)
    return found


def native(found: Duration) -> Native:
    parts = {unit: as_number(float(one)) for unit, one in (found.parts or {}).items()}
    return Native(found, parts | {name: found.look(name) for name in _METHODS})


def _formatted(found: Duration, run: Run, form: Any = MISSING, *_: Any) -> str:
    letters = dict(
        zip(
            "yMwdhmsS", ("years", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds"), strict=True
        )
    )
    text = text_of(run, form)[:MAX_FORM]
    pieces = [(one[1], one[2], one[3]) for one in re.finditer(r"'([^']*)'?|(([A-Za-z])\3*)|[^A-Za-z']", text) if one]
    used = [letters[letter] for _, _, letter in pieces if letter in letters]
    parts = found.shifted(used).parts or {}
    made = []
    for one in re.finditer(r"'([^']*)'?|(([A-Za-z])\3*)|[^A-Za-z']", text):
        unit = letters.get(one[3] or "")
        made.append(f"{math.floor(parts[unit]):0{len(one[2])}}" if unit and unit in parts else one[1] or one[0])
    return "".join(made) if found.parts is not None else "Invalid Duration"


def _get(found: Duration, run: Run, unit: Any = MISSING, *_: Any) -> Any:  # noqa: ARG001
    name = unit_of(".get", 1, unit)
    return math.nan if found.parts is None else as_number(float(found.parts.get(name, 0)))


def _as(found: Duration, run: Run, unit: Any = MISSING, *_: Any) -> Any:
    name = unit_of(".as", 1, unit)
    return _get(found.shifted([name]), run, name)


def _shift_to(found: Duration, run: Run, *units: Any) -> Native:  # noqa: ARG001
    return native(found.shifted([unit_of(".shiftTo", place, unit) for place, unit in enumerate(units, 1)]))


_METHODS: Final[dict[str, Any]] = {
    "toObject": lambda one, _, *__: {unit: as_number(float(part)) for unit, part in (one.parts or {}).items()},
    "as": _as,
    "plus": lambda one, run, given=MISSING, *_: native(one.plus(amounts(run, ".plus", given))),
    "minus": lambda one, run, given=MISSING, *_: native(one.plus(_negated(amounts(run, ".minus", given)))),
    "shiftTo": _shift_to,
    "normalize": lambda one, *_: native(Duration(one.parts and _normal(one.parts))),
    "negate": lambda one, *_: native(one.negated()),
    "toFormat": _formatted,
    "toISO": lambda one, *_: one.written(),
    "toMillis": lambda one, *_: math.nan if one.parts is None else as_number(float(_millis(one.parts))),
    "get": _get,
}  # fmt: skip


# ----------------------------------------------------------------------------------------------------- differences


def _days_between(one: Moment, other: Moment) -> int:
    return other.local // DAY - one.local // DAY


def _between(unit: str, one: Moment, other: Moment) -> int:
    """The difference of the calendar's years, quarters, months, weeks or days."""
    if unit in ("weeks", "days"):
        days = _days_between(one, other)
        return days if unit == "days" else math.trunc(days / 7)
    a, b = civil_of(one.local), civil_of(other.local)
    years = b.year - a.year
    if unit == "years":
        return years
    if unit == "months":
        return b.month - a.month + 12 * years
    return (b.month + 2) // 3 - (a.month + 2) // 3 + 4 * years


def difference(start: Moment, end: Moment, units: list[str]) -> Duration:
    """The time from one moment to another: whole units, and the rest in the smallest of them."""
    if start.ts > end.ts:
        return difference(end, start, units).negated()
    cursor, parts, lowest, above = start, dict[str, float](), "", start
    for unit in UNITS[:5]:
        if unit in units:
            lowest, parts[unit] = unit, _between(unit, cursor, end)
            above = added(start, parts)
            cursor = above
            while cursor.ts > end.ts:  # it overshot, perhaps twice
                above, parts[unit] = cursor, parts[unit] - 1
                cursor = added(start, parts)
    rest, low = end.ts - cursor.ts, [unit for unit in units if unit in _LOW]
    if low:
        return Duration({"milliseconds": rest}).shifted(low).plus(parts)
    if above.ts < end.ts or above is cursor:
        above = added(cursor, {lowest: 1}) if above.ts < end.ts else above
    if above is not cursor:
        parts[lowest] += rest / (above.ts - cursor.ts)
    return Duration(parts)
