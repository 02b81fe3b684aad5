"""The types of the dates that expressions compute with, and of the spans of time between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from truto_mapper.language import types
from truto_mapper.language.library.truto.names import DATES
from truto_mapper.language.types import Type, union

DATE, SPAN = "date", "span of time"

#: The units of spans, from the largest.
UNITS: Final = ("years", "quarters", "months", "weeks", "days", "hours", "minutes", "seconds", "milliseconds")

#: The functions of a span.
_OF_SPANS: Final = "toObject as plus minus shiftTo normalize negate toFormat toISO toMillis get"

_NULL: Final = types.constant(None)
_INTEGERS: Final = (
    "year quarter month day hour minute second millisecond weekday weekNumber weekYear ordinal daysInMonth daysInYear "
    "weeksInWeekYear"
)
_TEXTS: Final = "monthShort monthLong weekdayShort weekdayLong zoneName zone"
_TRUTHS: Final = "isInLeapYear isInDST isOffsetFixed"
#: Fields that an invalid date has, too.
_ALWAYS: Final = {
    "isValid": types.BOOLEAN,
    "invalidReason": union(types.STRING, _NULL),
    "invalidExplanation": union(types.STRING, _NULL),
    "locale": types.STRING,
    "offset": types.NUMBER,
}


def is_native(kind: Type) -> bool:
    """Whether a value is a date or a span of time where it is an object."""
    return kind.native is not None and "object" in kind.kinds


def or_null(kind: Type, holder: Type) -> Type:
    """The type of what a date or a span writes, which is null if that may be made of nothing."""
    return union(kind, _NULL) if holder.of_nothing else kind


@lru_cache(maxsize=2)
def date(*, of_nothing: bool) -> Type:
    """The type of a date. A text is taken to be the date that its author says it is."""
    bare = Type(frozenset({"object"}), native=DATE, of_nothing=of_nothing)
    fields = dict.fromkeys(_INTEGERS.split(), types.INTEGER) | _ALWAYS
    fields |= dict.fromkeys(_TEXTS.split(), or_null(types.STRING, bare))
    fields |= dict.fromkeys(_TRUTHS.split(), or_null(types.BOOLEAN, bare))
    return replace(bare, properties=fields | dict.fromkeys(DATES, types.FUNCTION))


def span(units: Iterable[str] | None, *, of_nothing: bool) -> Type:
    """The type of a span in some units; in any if these are not known. One of nothing has none."""
    has_all = units is not None and not of_nothing
    amount = types.NUMBER if has_all else union(types.NUMBER, types.UNDEFINED)
    fields = dict.fromkeys(UNITS if units is None else units, amount) | dict.fromkeys(_OF_SPANS.split(), types.FUNCTION)
    return Type(frozenset({"object"}), properties=fields, native=SPAN, of_nothing=of_nothing)


def unit_hint(holder: Type, name: str) -> str | None:
    """A hint for a unit that a span was not asked for."""
    return f'ask for it: `.diff(…, "{name}")`' if holder.native == SPAN and name in UNITS else None


def number_hint(kind: Type) -> str | None:
    """A hint that makes a number of a date or a span."""
    return "write `….toMillis()`" if is_native(kind) else None


def written(kind: Type) -> Type:
    """The type of a value in a record, where dates and spans are texts."""
    if kind.path is not None or kind == types.ANY:  # of the provider's, which has none
        return kind
    if is_native(kind):
        form = "date-time" if kind.native == DATE else "duration"
        text = or_null(Type(types.STRING.kinds, format=form), kind)
        return union(replace(kind.without({"object"}), native=None, properties=None, of_nothing=False), text)
    items = kind.items and written(kind.items)
    fields = {name: written(one) for name, one in (kind.properties or {}).items()}
    if items is kind.items and all(one is (kind.properties or {})[name] for name, one in fields.items()):
        return kind
    return replace(kind, items=items, properties=None if kind.properties is None else fields)
