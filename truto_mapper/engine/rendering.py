"""Records as the caller wants to see them: in a format, without fields, under keys.

This happens after validation and never changes the records.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, Literal, NoReturn, TypeAlias, get_args

from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.resource.spec import Resource
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError, QueryError
from truto_mapper.text.source import is_unicode
from truto_mapper.text.timestamps import instant

Record = dict[str, Any]

#: The response formats of `Page.render`.
Format: TypeAlias = Literal["unified", "raw", "normalized", "stream", "debug"]
FORMATS = get_args(Format)


def without(record: Record, names: Iterable[str]) -> Record:
    """A record without the fields of these dotted names."""
    for name in names:
        record = _without(record, name.split("."))
    return record


def _without(value: Any, path: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_without(item, path) for item in value]
    name, *rest = path
    if not isinstance(value, dict) or name not in value:
        return value
    if not rest:
        return {key: item for key, item in value.items() if key != name}
    return {**value, name: _without(value[name], rest)}


def keyed(records: Sequence[Mapping[str, Any]], shown: Sequence[Record], name: str) -> dict[str, Record]:
    """The records that are `shown` as an object, each under its record's value of a (dotted) field.

    Raises `QueryError` Q507 for a missing or repeated value: keying by it would lose records.
    """
    found: dict[str, Record] = {}
    first: dict[str, int] = {}
    for number, (record, showing) in enumerate(zip(records, shown, strict=True)):
        value: Any = record
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        key = value if isinstance(value, str) else json.dumps(value)
        if value is None or key in found:
            why = f"is missing in record {number}"
            if value is not None:
                why = f"is {excerpt(key)} in the records {first[key]} and {number}"
            hint = "leave truto_key_by out: a list has every record" if name == "id" else "key by `id`"
            message = f"truto_key_by: {name} {why}, so keying by it would lose records"
            raise QueryError(Diagnostic("Q507", message, pointer=f"/result/{number}", hint=hint))
        found[key], first[key] = showing, number
    return found


def normalized(record: Record, resource: Resource) -> Record:
    """A record for storage: every declared field in its order, null or `[]` for no value, date-times in UTC with Z.

    An absent object is null as a whole. Raises `EvaluationError` D405 for a date-time outside the calendar.
    """
    fields = {name: field for name, field in resource.fields.items() if name != REMOTE_DATA}
    return {name: _stored(record.get(name), field, name) for name, field in fields.items()}


def _stored(value: Any, field: Field, name: str) -> Any:
    if field.type == "array":
        return [_stored(item, field.inner, name) for item in value or ()]
    if value is not None and field.type == "object" and field.fields:
        return {key: _stored(value.get(key), inner, f"{name}.{key}") for key, inner in field.fields.items()}
    return _utc(value, name) if value is not None and field.format == "date-time" else value


def _utc(text: str, name: str) -> str:
    """A date-time in UTC that keeps every digit of its fraction."""
    fraction = re.search(r"\.\d+", text)
    try:
        moment = instant(text).astimezone(UTC)
    except OverflowError:
        message = f"`{name}`: the date-time {excerpt(text)} is outside the years 1 to 9999 in UTC"
        raise EvaluationError(Diagnostic("D405", message)) from None
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + (fraction[0] if fraction else "") + "Z"


def loads(text: str | bytes | bytearray, as_float: Callable[[str], float] | None = None) -> Any:
    """JSON as the standard defines it, without NaN and numbers beyond a double. Raises ValueError, RecursionError.

    `as_float` makes numbers of their texts, and refuses those beyond a double.
    """
    return json.loads(text, parse_constant=_no_number, parse_float=as_float or _number)


def _number(text: str) -> float:
    return float(text) if math.isfinite(float(text)) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def dumps(value: Any, indent: int | None = None) -> str:
    """JSON text that can be encoded as UTF-8: characters as they are, escaped if one is half of a surrogate pair."""
    separators = (",", ":") if indent is None else None
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text if is_unicode(text) else json.dumps(value, indent=indent, separators=separators)


def ndjson(records: Iterable[Record]) -> str:
    """One line of JSON for each record, each ended by a newline."""
    return "".join(dumps(record) + "\n" for record in records)
