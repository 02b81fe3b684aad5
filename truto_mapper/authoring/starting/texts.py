"""Samples in CSV: every value is a text, and an empty text counts as absent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from truto_mapper.authoring.check.words import words
from truto_mapper.authoring.starting.conversions import made_of
from truto_mapper.authoring.starting.fields import Part
from truto_mapper.resource.field import Field

#: The words of names whose digits are no numbers.
_NAMES = words("id") | words("phone") | words("zip") | words("code") | words("number") | words("postal") | words("fax")


def without_blanks(rows: Any) -> Any:
    """Rows with null for an empty text."""
    return [{name: None if value == "" else value for name, value in row.items()} for row in rows]


def decode(delimiter: str | None) -> str:
    """The line that says how replies are read; none for JSON."""
    if delimiter is None:
        return ""
    if delimiter == ",":
        return "decode: csv"
    return f"decode: {{format: csv, delimiter: {json.dumps(delimiter)}}}  # guessed: the delimiter"


def adapt(parts: Mapping[str, Part], *, is_new: bool) -> None:
    """Leave out empty texts, and read digits as numbers in a new resource."""
    for part in parts.values():
        adapt(part.below, is_new=is_new)
        if part.place is None or part.made.expression is None or part.place.seen.types != ["string"]:
            continue
        if is_new and part.spec == {"type": "string"} and not part.spec.get("required"):
            _as_number(part)
        text, made = part.place.text, part.made.expression
        if part.spec.get("required") or made is None:
            continue
        kept = f'{text} != "" ? {text}' if made == text else f"{text} ? {made}"
        part.made = part.made._replace(expression=made if made.startswith(f"{text} ? ") else kept)


def _as_number(part: Part) -> None:
    """A field of digits becomes a number."""
    place = part.place
    if place is None or place.seen.form != "number" or words(place.path[-1]) & _NAMES:
        return
    values = [str(value) for kind, value in place.seen.values if kind == "string"]
    kind = "number" if any("." in one for one in values) else "integer"
    part.spec, part.about = {"type": kind}, "guessed: the sample has texts of digits"
    made = made_of(place.text, place.seen, Field(kind), place.path[-1])
    part.made = made._replace(note="the sample has texts of digits")
