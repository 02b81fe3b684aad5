"""The values of query parameters: what a caller writes → plain JSON → the types that the resource declares."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from truto_mapper.resource.field import Field
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.source import is_unicode
from truto_mapper.text.timestamps import rfc_3339

#: How many values a query may hold, those within objects and arrays too, and how long a single text may be.
MAX_VALUES = 50_000
MAX_TEXT = 250_000

#: The longest number that is read or written: Python's own limit is about 4,300 digits.
MAX_DIGITS = 1_000

_INTEGER = lazy_pattern(r"-?[0-9]{1,18}\Z")
_NUMBER = lazy_pattern(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?\Z")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_NO_JSON = "JSON has no such value"
_IN_UTC = "write it with a time zone, such as datetime(2026, 1, 31, tzinfo=UTC)"


class UnusableError(ValueError):
    """A value that cannot be part of a query: why, and what to do about it."""

    def __init__(self, why: str, hint: str | None = None) -> None:
        super().__init__(why)
        self.hint = hint


def plain(value: Any) -> Any:
    """A copy in JSON's own types: a date-time becomes its ISO 8601 text, a UUID and a date too, a tuple a list.

    Raises `UnusableError` for what cannot be written as JSON, and `RecursionError`.
    """
    return _plain(value, iter(range(MAX_VALUES)))


def _plain(value: Any, left: Iterator[int]) -> Any:
    """`left` has one item for each value that the copy may still hold."""
    if next(left, None) is None:
        raise UnusableError(f"it holds more than {MAX_VALUES:,} values")
    if isinstance(value, Enum):
        value = value.value
    match value:
        case None | bool():
            return value
        case Mapping():
            return {_key(key): _plain(inner, left) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner, left) for inner in value]
    return _single(value)


def _single(value: Any) -> Any:
    match value:
        case str():
            return _text(str(value))
        case int() | float() | Decimal():
            return _number(value)
        case date():
            return _moment(value)
        case set() | frozenset():
            raise UnusableError("a set has no order", "write a list, such as sorted(…)")
    urn = getattr(value, "urn", None)
    if isinstance(urn, str) and urn.startswith("urn:uuid:"):
        return urn.removeprefix("urn:uuid:")
    raise UnusableError(f"{_NO_JSON}: {excerpt(value)}")


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise UnusableError(f"it holds a text of more than {MAX_TEXT:,} characters")
    if not is_unicode(text):
        raise UnusableError(f"half of a surrogate pair is not a character: {excerpt(text)}")
    return text


def _key(key: Any) -> str:
    if isinstance(key, Enum):
        key = key.value
    if not isinstance(key, str):
        raise UnusableError(f"a name must be text, this is {excerpt(key)}")
    return _text(str(key))


def _number(value: float | Decimal) -> int | float:
    if isinstance(value, int):
        if abs(value) >= 10**MAX_DIGITS:
            raise UnusableError(f"it holds an integer of more than {MAX_DIGITS:,} digits")
        return int(value)
    if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        raise UnusableError(f"{_NO_JSON}: {value}")
    if isinstance(value, float):
        return float(value)
    return exactly(str(value), value)


def exactly(text: str, value: Decimal) -> int | float:
    """A decimal number as JSON. Raises `UnusableError` if that would lose digits."""
    if abs(value.adjusted()) < MAX_DIGITS:
        if value == value.to_integral_value():
            return int(value)
        if Decimal(repr(float(value))) == value:
            return float(value)
    raise UnusableError(f"no JSON number has the value {excerpt(text)}", "write it as text")


def _moment(value: date) -> str:
    """The ISO 8601 text of a date, or of a date-time with an offset."""
    if not isinstance(value, datetime):
        return value.isoformat()
    offset = value.utcoffset()
    if offset is None:
        raise UnusableError(f"{value.isoformat()} has no time zone", _IN_UTC)
    try:  # RFC 3339 has no seconds in offsets, which local times before standard time have
        return (value.astimezone(UTC) if offset.total_seconds() % 60 else value).isoformat()
    except OverflowError:
        raise UnusableError(f"{value.isoformat()} is outside the calendar in UTC") from None


def coerced(value: Any, field: Field) -> Any:
    """The value converted to its field's type; unchanged if it cannot be, for the schema to refuse."""
    match field.type, value:
        case "array", _ if field.items is not None:
            return [coerced(item, field.items) for item in _items(value, field.items)]
        case "object", Mapping() if field.fields:
            return {k: coerced(v, field.fields[k]) if k in field.fields else v for k, v in value.items()}
        case "object", str() | int() if "id" in field.fields and not isinstance(value, bool):  # names it by its id
            return {"id": coerced(value, field.fields["id"])}
        case "integer" | "number", str() if _INTEGER.match(value):
            return int(value)
        case "number", str():
            return number_in(value)
        case "integer", float() if value.is_integer():
            return int(value)
        case "boolean", str():
            return _BOOLEANS.get(value.lower(), value)
        case "string", str() if field.format == "date-time":
            return rfc_3339(value) or value
        case "string", int() if not isinstance(value, bool):
            return str(value)
    return value


def filled(values: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """An object with the defaults of what was not given, those within its values too."""
    defaults = {name: field.default for name, field in fields.items() if field.default is not None}
    return {name: _filled(value, fields.get(name)) for name, value in (defaults | {**values}).items()}


def _filled(value: Any, field: Field | None) -> Any:
    match value:
        case dict() if field is not None and field.fields:
            return filled(value, field.fields)
        case list() if field is not None and field.items is not None:
            return [_filled(item, field.items) for item in value]
    return value


def number_in(text: str) -> Any:
    """The number that a text is in JSON; the text itself if it is none, or if digits would be lost."""
    if len(text) > MAX_DIGITS or not _NUMBER.match(text):
        return text
    try:
        return exactly(text, Decimal(text))
    except UnusableError:
        return text


def _items(value: Any, field: Field) -> list[Any]:
    """The items of an array parameter, however it was written.

    A text outside of a list holds several separated by commas. So does one in a list of objects that are named by
    their `id`, each of which counts once.
    """
    by_id = field.type == "object" and "id" in field.fields
    items = [one for one in listed(value) if one is not None]
    if by_id:
        return _once(one for item in items for one in _named(item))
    if isinstance(value, str) and field.type == "string":
        return [part.strip() for part in value.split(",") if part.strip()]
    return items


def listed(value: Any) -> list[Any]:
    """A list, the items of an object whose names are all indexes (so qs reads a long array), or else one item."""
    if isinstance(value, Mapping) and value and all(key.isascii() and key.isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=lambda key: (len(key), key))]
    return value if isinstance(value, list) else [value]


def _named(item: Any) -> list[Any]:
    """The objects that an item names: `1,2` and `{"id": ["1", "2"]}` name two."""
    if isinstance(item, str):
        if item.lstrip().startswith(("[", "{")):
            raise UnusableError(f"ids are not written as JSON: {excerpt(item)}", "separate them by commas")
        return [part.strip() for part in item.split(",")]
    if isinstance(item, Mapping) and isinstance(item.get("id"), list):  # users[][id]=1&users[][id]=2
        return [{**item, "id": one} for one in item["id"]]
    return [item]


def _once(items: Iterable[Any]) -> list[Any]:
    """The items without repetitions, in their order; `1` and `{"id": "1"}` are the same."""
    found: dict[str, Any] = {}
    for item in items:
        named = item if isinstance(item, Mapping) else {"id": item}
        key = json.dumps({k: str(v) if k == "id" and isinstance(v, int) else v for k, v in named.items()})
        found.setdefault(key, item)
    return list(found.values())
