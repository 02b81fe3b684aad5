"""The rows of Gong's statistics, counted from the days of the mock's company."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from truto_mapper.edges.mock.company import COUNTS, Company, Days, Span
from truto_mapper.edges.mock.people import FOUNDED, User

JSON = dict[str, Any]

#: What a row tells of a user, as JSON: of a company, from one day to another, in periods of a unit if one is named.
Tells = Callable[[Company, int, int, str | None, User], str]

#: How the counts, and what they count in one period, are written.
_COUNTS = ", ".join(f'"{name}": %s' for name in COUNTS)
_PERIOD = f'{{{_COUNTS}, "fromDate": "%s", "toDate": "%s"}}'

#: How many months the periods have that begin with a month.
_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}

#: The measured values: the value of an average user, and how far that of others is from it.
_MEASURED = {
    "Longest Monologue": (110, 60),
    "Longest Customer Story": (70, 40),
    "Interactivity": (6, 3),
    "Patience": (0.8, 0.4),
    "Question Rate": (14, 8),
}


def row(user: User, name: str, told: str) -> str:
    """A row of any statistics. A user without an address has none here, or null."""
    address = {"userEmailAddress": user.address} if user.address or user.dice & 1 else {}
    return f'{json.dumps({"userId": user.id} | address)[:-1]}, "{name}": {told}}}'


def dated(company: Company, first: int, last: int) -> JSON:
    """What the replies of two endpoints have beside their rows."""
    between = {"fromDateTime": company.midnight(first), "toDateTime": company.midnight(last)}
    return between | {"timeZone": company.zone_name}


def total(company: Company, first: int, last: int, _: str | None, user: User) -> str:
    """The counts of all the days."""
    (counted,) = Days(company, user, first, last).counts([(0, last - first)])
    return f"{{{_COUNTS % counted}}}"


def by_period(company: Company, first: int, last: int, unit: str | None, user: User) -> str:
    """The counts of each period. The first and the last one are cut where the days begin and end."""
    spans = [*periods(unit or "DAY", first, last)]
    counted = Days(company, user, first, last).counts([(start - first, stop - first) for start, stop in spans])
    return _periods(company, spans, counted)


def day_by_day(company: Company, first: int, last: int, _: str | None, user: User) -> str:
    """The ids of the calls of each day."""
    days = Days(company, user, first, last).calls()
    written = (tuple([_ids(ids) if ids else "[]" for ids in day]) for day in days)
    return _periods(company, [(day, day + 1) for day in range(first, last)], written)


def _ids(ids: list[str]) -> str:
    return '["' + '", "'.join(ids) + '"]'


def _periods(company: Company, spans: Iterable[Span], told: Iterable[tuple[Any, ...]]) -> str:
    """The array of what is told of each period."""
    made = [
        _PERIOD % (*one, company.midnight(start), company.midnight(stop))
        for (start, stop), one in zip(spans, told, strict=True)
    ]
    return f"[{', '.join(made)}]"


def interaction(company: Company, first: int, last: int, _: str | None, user: User) -> str:
    """What is measured on the calls that a user hosts. A few calls tell no story."""
    hosted, noise = company.weights(user, first, last)
    calls = sum(hosted)
    mean = sum(weight * byte for weight, byte in zip(hosted, noise, strict=True)) / calls / 255
    found: list[JSON] = []
    for number, (name, (middle, spread)) in enumerate(_MEASURED.items()):
        trait = (user.dice >> number * 8 & 0xFF) / 255
        value = round(middle + spread * (trait + mean - 1), 2)
        found.append({"name": name, "value": value if calls > 2 or number != 1 else None})
    return json.dumps(found)


def periods(unit: str, first: int, last: int) -> Iterator[Span]:
    """The days of each period: the first one and the one after the last."""
    while first < last:
        stop = min(_end(unit, first), last)
        yield first, stop
        first = stop


def _end(unit: str, day: int) -> int:
    """The first day of the period after that of a day."""
    if unit == "DAY":
        return day + 1
    if unit == "WEEK":
        return day - (day - 1) % 7 + 7
    months, there = _MONTHS[unit], date.fromordinal(day)
    years, month = divmod((there.month - 1) // months * months + months, 12)
    return date(there.year + years, month + 1, 1).toordinal()


def since_founded(first: int, last: int) -> tuple[int, int]:
    """The days without those before there was a company; one day at least."""
    return min(max(first, FOUNDED.toordinal()), last - 1), last
