"""Records as columns of Arrow, whose types are those of the resource's spec. Nothing is rounded, cut or guessed."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import accumulate, chain
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from truto_mapper.engine import decimals, typed_json
from truto_mapper.resource.field import Field
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.pointers import Steps
from truto_mapper.text.source import SURROGATE
from truto_mapper.text.timestamps import instant

TIME = pa.timestamp("us", tz="UTC")

_SCALARS = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}

#: What a fast conversion raises for values that need a look at each of them.
_ODD = (ValueError, TypeError, OverflowError)


#: Makes a column of values.
Make: TypeAlias = Callable[[Sequence[Any]], pa.Array]


class MisfitError(Exception):
    """A value that its column cannot hold; the text says why."""


def type_of(field: Field) -> pa.DataType:
    """The Arrow type of a field: a string of JSON text for `any` and for objects without fields."""
    if field.items is not None:
        return pa.list_(type_of(field.items))
    if field.type == "object" and field.fields:
        return pa.struct([pa.field(name, type_of(one)) for name, one in field.fields.items()])
    if field.format == "date-time":
        return TIME
    return _SCALARS.get(field.type, pa.string())


def schema_of(fields: Iterable[tuple[str, Field]]) -> pa.Schema:
    """The Arrow schema of records with these fields."""
    return pa.schema([pa.field(name, type_of(one), nullable=one.nullable or not one.required) for name, one in fields])


def column(field: Field) -> Make:
    """Makes the column of a field's values, None for no value. It raises `MisfitError` for one that it cannot hold."""
    if field.items is not None:
        return partial(_lists, column(field.items), type_of(field))
    if field.type == "object" and field.fields:
        return partial(_structs, {name: column(one) for name, one in field.fields.items()}, type_of(field))
    return _TIMES if field.format == "date-time" else _KINDS.get(field.type, _json)


def columns_of(columns: Mapping[str, Make], types: Sequence[pa.DataType], values: Sequence[Any]) -> list[pa.Array]:
    """The columns of the members of objects, which are tuples of all of them, dicts or None."""
    if not values:
        return [pa.nulls(0, one) for one in types]
    if set(map(type, values)) != {tuple}:
        values = [one if type(one) is tuple else tuple(map((one or {}).get, columns)) for one in values]
    parts = zip(columns.values(), types, zip(*values, strict=True), strict=True)
    return [make(part) if _has_any(part) else pa.nulls(len(part), type_) for make, type_, part in parts]


def _has_any(values: Sequence[Any]) -> bool:
    return values[0] is not None or values.count(None) < len(values)


def _structs(columns: Mapping[str, Make], type_: pa.StructType, values: Sequence[Any]) -> pa.Array:
    is_absent = type(None) in set(map(type, values))
    mask = pa.array([one is None for one in values], pa.bool_()) if is_absent else None
    fields = list(type_)
    parts = columns_of(columns, [one.type for one in fields], values)
    return pa.StructArray.from_arrays(parts, fields=fields, mask=mask)


def _lists(items: Make, type_: pa.ListType, values: Sequence[Any]) -> pa.Array:
    mask, given = None, values
    try:
        ends = array("i", (0, *accumulate(map(len, values))))
    except TypeError:  # some have no value
        mask = pa.array([one is None for one in values], pa.bool_())
        given = [one or () for one in values]
        ends = array("i", (0, *accumulate(map(len, given))))
    offsets = pa.Array.from_buffers(pa.int32(), len(ends), [None, pa.py_buffer(ends)])
    return pa.ListArray.from_arrays(offsets, items(list(chain.from_iterable(given))), type_, mask=mask)


def _kind(fast: Callable[[Sequence[Any]], pa.Array], one: Callable[[Any], Any], type_: pa.DataType) -> Any:
    """What makes a column fast; for values that are odd, one by one."""

    def made(values: Sequence[Any]) -> pa.Array:
        try:
            return fast(values)
        except _ODD:
            return pa.array([None if value is None else one(value) for value in values], type_)

    return made


def _alike(make: Make) -> Make:
    """The same for texts, which are often one text again and again."""

    def made(values: Sequence[Any]) -> pa.Array:
        if values and values[0] == values[-1] and values.count(values[0]) == len(values):
            return pa.repeat(make(values[:1])[0], len(values))
        return make(values)

    return made


def _integers(values: Sequence[Any]) -> pa.Array:
    try:
        packed = struct.pack(f"{len(values)}q", *values)  # takes a quarter of the time of an array
    except struct.error:  # some have no value
        if any(map(decimals.is_exact, values)):
            raise ValueError from None
        return pa.array(values, pa.int64())
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(packed)])


def _integer(value: Any) -> int:
    found = value if isinstance(value, int) else Decimal(getattr(value, "text", value))
    if not -(2**63) <= found < 2**63:
        raise MisfitError(f"{_shown(value)} has more than 64 bits")
    if found % 1:
        raise MisfitError(f"{_shown(value)} is no whole number")
    return int(found)


def _numbers(values: Sequence[Any]) -> pa.Array:
    if any(map(decimals.is_exact, values)):
        raise ValueError
    return pa.array(values, pa.float64())


def _number(value: Any) -> float:
    try:
        if not decimals.is_exact(value) and float(value) == value:
            return float(value)
    except OverflowError:
        pass
    raise MisfitError(f"{_shown(value)} has more digits than a number of 64 bits holds")


def _shown(value: Any) -> str:
    return getattr(value, "text", None) or excerpt(value)


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array(values, pa.string())


def whole(value: str) -> str:
    """A text as columns have it: with U+FFFD for halves of surrogate pairs, as in records that are written as JSON."""
    return SURROGATE.sub("\ufffd", value)


def _times(values: Sequence[Any]) -> pa.Array:
    if len(set(values)) < len(values) >> 2:
        texts = pa.array(values, pa.string()).dictionary_encode()
        return _moments(texts.dictionary).take(texts.indices)
    return _moments(pa.array(values, pa.string()))


def _moments(texts: pa.Array) -> pa.Array:
    found = texts.cast(TIME)
    ends = pc.min_max(found.view(pa.int64()))
    if ends["min"].is_valid and (ends["min"].as_py() < _FIRST or ends["max"].as_py() > _LAST):
        raise ValueError
    return found


#: The microseconds from 1970 to the first moment of the year 1, and to the last of 9999.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999


def _time(value: str) -> datetime:
    digits = value.partition(".")[2]
    fraction = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    if fraction[6:].strip("0"):
        raise MisfitError(f"{value} has digits after the microsecond")
    try:
        return instant(value).astimezone(UTC)
    except OverflowError:
        raise MisfitError(f"{value} is outside the years 1 to 9999 in UTC") from None


#: What converts a single value, for the types and formats whose values may not fit.
_ONE: dict[str, Callable[[Any], Any]] = {"integer": _integer, "number": _number, "date-time": _time}

_KINDS: dict[str, Make] = {
    "string": _kind(_alike(_texts), whole, pa.string()),
    "integer": _kind(_integers, _integer, pa.int64()),
    "number": _kind(_numbers, _number, pa.float64()),
    "boolean": lambda values: pa.array(values, pa.bool_()),
}
_TIMES = _kind(_alike(_times), _time, TIME)


def _json(values: Sequence[Any]) -> pa.Array:
    """A column of JSON texts: the provider's own where values are its bytes."""
    texts = typed_json.texts(values)
    if None in texts:
        return pa.array([one if one is None else bytes(one) for one in texts], pa.binary()).cast(pa.string())
    data = map(pa.py_buffer, (array("i", (0, *accumulate(map(len, texts)))), b"".join(texts)))
    return pa.Array.from_buffers(pa.binary(), len(texts), [None, *data]).cast(pa.string())


def misfits(fields: Iterable[tuple[str, Field]], record: Any, path: Steps = ()) -> Iterator[tuple[Steps, str]]:
    """The paths in a record to what its columns cannot hold, each with the reason."""
    for name, field in fields:
        yield from _misfits(field, record.get(name), (*path, name))


def _misfits(field: Field, value: Any, path: Steps) -> Iterator[tuple[Steps, str]]:
    if value is None:
        return
    if field.items is not None:
        for number, one in enumerate(value):
            yield from _misfits(field.items, one, (*path, number))
    elif field.fields:
        yield from misfits(field.fields.items(), value, path)
    elif (convert := _ONE.get(field.format or field.type)) is not None:
        try:
            convert(value)
        except MisfitError as error:
            yield path, str(error)
