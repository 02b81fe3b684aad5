"""Pictures of dates in which one letter is taken for another: minutes for months, twelve hours for a day's."""

from __future__ import annotations

import re
from itertools import pairwise

from truto_mapper.language import nodes
from truto_mapper.language.names import texts_of_names

#: Functions that take a picture.
_TAKING = frozenset({"fromMillis", "toMillis", "dtFromFormat", "toFormat"})
#: What is written as it is in a picture of Luxon, and its letters; the components of one of XPath.
_LUXON, _XPATH = re.compile(r"'[^']*'|([A-Za-z])\1*"), re.compile(r"\[\s*([A-Za-z])[^\]]*\]")
_WORDS = re.compile(r"\b[A-Z]+\b")
#: Luxon's letters by those of XPath.
_LETTERS = {"y": "Y", "L": "M", "d": "D", "a": "P"}


def pictures_of(call: nodes.Call) -> list[nodes.String]:
    """The constant pictures of a call of a function that takes one."""
    is_taking = not _TAKING.isdisjoint(texts_of_names(call.procedure)[-1:])
    return [one for one in call.arguments[:2] if isinstance(one, nodes.String)] if is_taking else []


def as_letters(picture: str) -> str | None:
    """A picture of a day in the letters of descriptions, `DD.MM.YYYY`; None for one with more or less."""
    found = re.sub(r"\[(Y0001|M01|D01)\]", lambda one: _AS_LETTERS[one[1]], picture)
    return found if {*re.findall("[A-Za-z]+", found)} == {"YYYY", "MM", "DD"} and "[" not in found else None


_AS_LETTERS = {"Y0001": "YYYY", "M01": "MM", "D01": "DD"}


def mistaken(picture: str) -> tuple[str, str] | None:
    """What is probably wrong with a picture, and what to write."""
    letters = _XPATH.findall(picture) or [_LETTERS.get(one, one) for one in _LUXON.findall(picture) if one]
    known = set(letters)
    if not _XPATH.search(picture) and "Y" in {one[0][:1] for one in _WORDS.finditer(picture)}:
        return "Luxon writes a year as `yyyy`, and `YYYY` as it is", "write `yyyy`, and `dd` for the day"
    if {"Y", "D", "m"} <= known and "M" not in known:
        return "this date has minutes, `m`, and no month", "write `M` for the month"
    if any(first in "Hh" and second == "M" for first, second in pairwise(letters)):
        return "a month, `M`, is right after the hours", "write `m` for minutes"
    if "h" in known and "P" not in known:
        return "`h` counts to twelve, and nothing says a.m. or p.m.", "write `H` for the hour of the day"
    return None
