"""Reads dates: ISO 8601 and RFC 2822 as Luxon does, and any form that is written in its tokens."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from truto_mapper.language.library.truto.date_writing import (
    MONTHS,
    WEEKDAYS,
    refuse_token,
    tokens_of,
)
from truto_mapper.language.library.truto.moments import Moment, invalid, of_fields
from truto_mapper.language.library.truto.zones import UTC_ZONE, Zone, fixed, signed, zone_of
from truto_mapper.text.record import NamedTuple

#: The longest text that is read as a date.
MAX_DATE: Final = 1000


class Read(NamedTuple):
    """What a text has of a date: its fields, its zone, and its offset in minutes where the zone has several."""

    fields: dict[str, int]
    zone: Zone | None = None
    offset: float | None = None


_NAME: Final = r"[A-Za-z_+-]{1,256}(?::?\/[A-Za-z0-9_+-]{1,256}(?:\/[A-Za-z0-9_+-]{1,256})?)?"
_TIME: Final = r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,30}))?)?)?"
_AFTER: Final = rf"(?:(?:(Z)|([+-]\d\d)(?::?(\d\d))?)?(?:\[({_NAME})\])?)?"
_ISO: Final = tuple(
    (re.compile(f"(?a){day}(?:T{_TIME}{_AFTER})?" if names else f"(?a){_TIME}{_AFTER}"), names)
    for day, names in (
        (r"([+-]\d{6}|\d{4})(?:-?(\d\d)(?:-?(\d\d))?)?", ("year", "month", "day")),
        (r"(\d{4})-?W(\d\d)(?:-?(\d))?", ("weekYear", "weekNumber", "weekday")),
        (r"(\d{4})-?(\d{3})", ("year", "ordinal")),
        ("", ()),
    )
)


def read_iso(text: str) -> Read | None:
    """What a text of ISO 8601 says; None for any other text."""
    fits = ((pattern.fullmatch(text), names) for pattern, names in _ISO) if len(text) <= MAX_DATE else ()
    found, names = next(((found, names) for found, names in fits if found is not None), (None, ()))
    if found is None:
        return None
    values = found.groups()
    fields = {name: int(one) for name, one in zip(names, values, strict=False) if one is not None}
    hour, minute, second, fraction, utc, hours, minutes, place = values[len(names) :]
    fields |= {"hour": int(hour or 0), "minute": int(minute or 0), "second": int(second or 0)}
    fields["millisecond"] = _thousandths(fraction)
    if names[:1] == ("year",) and "ordinal" not in names:
        fields = {"month": 1, "day": 1, **fields}
    if place is not None:
        return Read(fields, zone_of(place) or _UNKNOWN)
    return Read(fields, UTC_ZONE if utc else fixed(signed(hours, minutes)) if hours else None)


_UNKNOWN: Final = Zone("")


def _thousandths(fraction: str | None) -> int:
    return math.floor(float(f"0.{fraction}") * 1000) if fraction else 0


_RFC_2822: Final = re.compile(
    rf"(?a)(?:({'|'.join(one[:3] for one in WEEKDAYS)}),\s)?(\d{{1,2}})\s({'|'.join(one[:3] for one in MONTHS)})\s"
    r"(\d{2,4})\s(\d\d):(\d\d)(?::(\d\d))?\s(?:(UT|GMT|[ECMP][SD]T)|([Zz])|(?:([+-]\d\d)(\d\d)))"
)
_OLD_ZONES: Final = {
    "UT": 0,
    "GMT": 0,
    "EDT": -4,
    "EST": -5,
    "CDT": -5,
    "CST": -6,
    "MDT": -6,
    "MST": -7,
    "PDT": -7,
    "PST": -8,
}


def read_rfc_2822(text: str) -> Read | None:
    """What the date of a mail says; None for any other text."""
    if len(text) > MAX_DATE:
        return None
    found = _RFC_2822.fullmatch(re.sub(r"\s\s+", " ", re.sub(r"\([^()]*\)|[\n\t]", " ", text)).strip())
    if found is None:
        return None
    weekday, day, month, year, hour, minute, second, old, _, hours, minutes = found.groups()
    fields = {"year": _whole_year(year), "month": _place(month, MONTHS), "day": int(day), "hour": int(hour)}
    fields |= {"minute": int(minute), "second": int(second or 0)}
    if weekday:
        fields["weekday"] = _place(weekday, WEEKDAYS)
    return Read(fields, fixed(_OLD_ZONES[old] * 60 if old else signed(hours, minutes) if hours else 0))


def _place(name: str, names: tuple[str, ...]) -> int:
    """The number of a name by its first three letters, counted from 1."""
    return next(place for place, one in enumerate(names, 1) if one[:3].lower() == name[:3].lower())


def _whole_year(text: str) -> int:
    """A year; of two digits, up to 60 are of this century."""
    year = int(text)
    return year if len(text) > 2 else year + (2000 if year <= 60 else 1900)


# --------------------------------------------------------------------------------------------------------- tokens


def _named(names: tuple[str, ...], length: int | None) -> str:
    return "|".join(re.escape(one[:length]) for one in names)


#: What each token matches, and the field that it gives.
_TOKENS: Final[dict[str, tuple[str, str]]] = {
    "y": (r"[+-]?\d{1,6}", "year"),
    "yy": (r"\d{2,4}", "yy"),
    "yyyy": (r"\d{4}", "year"),
    "yyyyy": (r"\d{4,6}", "year"),
    "yyyyyy": (r"\d{6}", "year"),
    **{
        one * size: (r"\d{1,2}" if size == 1 else r"\d{2}", name)
        for one, name in zip("MLdHhms", ("month", "month", "day", "hour", "h12", "minute", "second"), strict=True)
        for size in (1, 2)
    },
    "MMM": (_named(MONTHS, 3), "monthName"),
    "LLL": (_named(MONTHS, 3), "monthName"),
    "MMMM": (_named(MONTHS, None), "monthName"),
    "LLLL": (_named(MONTHS, None), "monthName"),
    "o": (r"\d{1,3}", "ordinal"),
    "ooo": (r"\d{3}", "ordinal"),
    "q": (r"\d", "quarter"),
    "qq": (r"\d{2}", "quarter"),
    "S": (r"\d{1,3}", "millisecond"),
    "SSS": (r"\d{3}", "millisecond"),
    "u": (r"\d{1,9}", "fraction"),
    "uu": (r"\d{1,2}", "fraction"),
    "uuu": (r"\d", "fraction"),
    "a": ("AM|PM", "half"),
    "kkkk": (r"\d{4}", "weekYear"),
    "kk": (r"\d{2,4}", "kk"),
    "W": (r"\d{1,2}", "weekNumber"),
    "WW": (r"\d{2}", "weekNumber"),
    "E": (r"\d", "weekday"),
    "c": (r"\d", "weekday"),
    **{one * 3: (_named(WEEKDAYS, 3), "weekdayName") for one in "Ec"},
    **{one * 4: (_named(WEEKDAYS, None), "weekdayName") for one in "Ec"},
    "Z": (r"[+-]\d{1,2}(?::\d{2})?", "offset"),
    "ZZ": (r"[+-]\d{1,2}(?::\d{2})?", "offset"),
    "ZZZ": (r"[+-]\d{1,2}(?:\d{2})?", "offset"),
    "z": (r"[a-z_+\-/]{1,256}?", "zone"),
    "G": ("BC|AD", "era"),
}


@lru_cache(maxsize=256)
def _reader(form: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """The pattern of a form in tokens, and the fields of its groups. Raises for a token that depends on a language."""
    parts, names = [], []
    for token, is_literal in tokens_of(form):
        known = None if is_literal else _TOKENS.get(token)
        if known is not None:
            parts.append(f"({known[0]})")
            names.append(known[1])
        elif not is_literal and token[0].isalpha() and token[0] not in "Xx":
            refuse_token("dtFromFormat", 2, form, token)
        else:
            parts.append(re.sub(r"(\\?[ \u00a0])", r"[^\\S\\n\\r]", re.escape(token)))
    return re.compile("".join(parts), re.IGNORECASE | re.ASCII), tuple(names)


def read_by(text: str, form: str) -> Read | None:
    """What a text says that is written in the tokens of a form; None for a text in another form."""
    pattern, names = _reader(form)
    found = pattern.fullmatch(text) if len(text) <= MAX_DATE else None
    if found is None:
        return None
    given = dict(zip(names, found.groups(), strict=True))
    fields: dict[str, int] = {}
    for name, one in given.items():
        _READERS.get(name, lambda text, fields, name=name: fields.update({name: int(text)}))(one, fields)
    _adjust(fields, given)
    zone = zone_of(given["zone"]) or _UNKNOWN if "zone" in given else None
    parts = re.fullmatch(r"([+-]\d{1,2}):?(\d\d)?", given.get("offset", ""))
    offset = None if parts is None else signed(parts[1], parts[2])
    return Read(
        fields, zone if zone is not None or offset is None else fixed(offset), offset if zone is not None else None
    )


_Set = Callable[[str, dict[str, int]], Any]
_READERS: Final[dict[str, _Set]] = {
    "yy": lambda text, fields: fields.update(year=_whole_year(text)),
    "kk": lambda text, fields: fields.update(weekYear=_whole_year(text)),
    "monthName": lambda text, fields: fields.update(month=_place(text, MONTHS)),
    "weekdayName": lambda text, fields: fields.update(weekday=_place(text, WEEKDAYS)),
    "quarter": lambda text, fields: fields.update(month=int(text) * 3 - 2),
    "fraction": lambda text, fields: fields.update(millisecond=_thousandths(text)),
    "h12": lambda text, fields: fields.update(hour=int(text)),
    **dict.fromkeys(("half", "offset", "zone", "era"), lambda _, __: None),
}


def _adjust(fields: dict[str, int], given: dict[str, str]) -> None:
    """Apply the halves of the day, and years before Christ."""
    half = given.get("half", "").upper()
    if "h12" in given and half:
        fields["hour"] += (
            12 if half == "PM" and fields["hour"] < 12 else -12 if half == "AM" and fields["hour"] == 12 else 0
        )
    if given.get("era", "").upper() == "BC" and "year" in fields:
        fields["year"] = -fields["year"]


def moment_of(read: Read | None, zone: Zone | None, today: Any, *, keeps_zone: bool = False) -> Moment:
    """The moment of what was read, in the zone, unless it keeps its own. A text without a zone is in it too."""
    if read is None or not (read.fields or read.zone):
        return invalid("unparsable")
    if zone is None or read.zone is _UNKNOWN:
        return invalid("unsupported zone")
    made = of_fields(read.fields, read.zone or zone, read.offset, today)
    return made if keeps_zone else made.within(zone)
