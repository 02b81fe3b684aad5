"""Stored replies: mapped by bulk and read back, and what `map` makes of them, converted on its own."""

import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from truto_mapper import MapperError
from truto_mapper.edges.bulk import Job, Run

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ACCOUNT = "integrated_account_id"


class Misfit(Exception):  # noqa: N818  # no error: it is expected
    """A value that no column can hold."""


def rows_of(path):
    """The rows of a Parquet file, or of those in a folder; times are microseconds."""
    path = Path(path)
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path] if path.exists() else []
    return [row for file in files for row in _table(file).to_pylist()]


def _table(file):
    table = pq.read_table(file)
    return table.cast(pa.schema([pa.field(one.name, _counted(one.type)) for one in table.schema]))


def _counted(type_):
    """A type with 64-bit integers for times, which Python has only for some years."""
    if pa.types.is_timestamp(type_):
        assert (type_.unit, type_.tz) == ("us", "UTC")
        return pa.int64()
    if pa.types.is_list(type_):
        return pa.list_(_counted(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(one.name, _counted(one.type)) for one in type_])
    return type_


def mapped(folder, content, mapper, name="replies.ndjson", **job):
    """The records, the rejects and the row of the manifest of one file with this content."""
    source, out = folder / "in" / name, folder / "out"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_bytes(content if isinstance(content, bytes) else lines(content))
    row = Job(mapper=mapper, **job).map_file(source, out)
    for one in ("records", "rejects"):
        (out / one).mkdir(exist_ok=True)
    return (
        rows_of(out / row["records_file"]),
        rows_of(out / row["rejects_file"]) if row["rejects_file"] else [],
        row,
    )


def ran(sources, out, mapper, *, resume=False, **job):
    """A run with the embedded engine in this process."""
    run = Run(Job(mapper=mapper, **job), [str(one) for one in sources], str(out), resume=resume)
    return run, list(run.rows(workers=1))


def lines(replies):
    """Replies as NDJSON."""
    return b"".join(written(one) + b"\n" for one in replies)


def written(value):
    return value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass")


def expected(mapper, replies, status=200, **options):
    """The records that bulk is to write, in their order, and the number of rejects of each reply."""
    records, rejects = [], []
    for body in map(written, replies):
        try:
            page = mapper.map(body, status=status, on_invalid="discard_record", **options)
        except MapperError:
            rejects.append(1)
            continue
        exact = exactly(mapper, body, status, options)
        made = [converted(mapper.resource.fields, one) for one in exact]
        assert len(exact) == len(page.records)
        records += [one for one in made if one is not None]
        rejects.append(len(page.rejected) + sum(one is None for one in made))
    return records, rejects


def exactly(mapper, body, status, options):
    """The records of a page with numbers that keep their digits, which `map` rounds and `map_bytes` does not."""
    made = mapper.map_bytes(body, status=status, on_invalid="discard_record", format="unified", **options)
    return json.loads(made.body, parse_float=decimal_of)["result"]


def decimal_of(text):
    """The decimal of a JSON text; the float of one whose exponent is too long for that."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return float(text)


def converted(fields, record):
    """A record as columns have it; None if they cannot hold it."""
    try:
        return {name: _value(field, record.get(name)) for name, field in fields.items()}
    except Misfit:
        return None


def _value(field, value):
    if value is None:
        return None
    if field.items is not None:
        return [_value(field.items, one) for one in value]
    if field.type == "object" and field.fields:
        return {name: _value(one, value.get(name)) for name, one in field.fields.items()}
    if field.format == "date-time":
        return _microseconds(value)
    if field.type == "integer":
        if value != int(value) or not -(2**63) <= int(value) < 2**63:
            raise Misfit(value)
        return int(value)
    if field.type == "number":
        return _double(value)
    return value if field.type in ("string", "boolean") else JsonText(value)


def _double(value):
    try:
        made = float(value)
    except OverflowError:
        raise Misfit(value) from None
    is_same = made == value if isinstance(value, int) else Decimal(value) in (Decimal(made), Decimal(repr(made)))
    if not math.isfinite(made) or not is_same:
        raise Misfit(value)
    return made


def _microseconds(text):
    whole, _, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    if digits[6:].strip("0"):
        raise Misfit(text)
    moment = datetime.fromisoformat((whole + rest[len(digits) :]).upper())
    offset = moment.utcoffset()
    found = (moment.replace(tzinfo=UTC) - EPOCH) - offset
    first, last = datetime.min.replace(tzinfo=UTC) - EPOCH, datetime.max.replace(tzinfo=UTC) - EPOCH
    found += timedelta(microseconds=int(digits[:6].ljust(6, "0")))
    if not first <= found <= last:
        raise Misfit(text)
    return found // timedelta(microseconds=1)


class JsonText:
    """Equal to a JSON text of its value."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, text):
        return isinstance(text, str) and _same(json.loads(text, parse_float=decimal_of), self.value)

    __hash__ = None

    def __repr__(self):
        return f"JSON of {self.value!r}"


def _same(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other


def without_account(rows, fields):
    return rows if ACCOUNT in fields else [{k: v for k, v in row.items() if k != ACCOUNT} for row in rows]


def are_equal(mapper, found, wanted):
    """Hold that records are those that are wanted, in their order."""
    left = without_account(found, mapper.resource.fields)
    assert left == wanted
    assert all(map(_signs, left, wanted))


def _signs(one, other):
    """Whether zeros have the same signs."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_signs(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return all(map(_signs, one, other))
    return (
        not isinstance(one, float) or not isinstance(other, float) or math.copysign(1, one) == math.copysign(1, other)
    )


def moment_or_none(text):
    """The microseconds since 1970 of a time, None for one that no column holds."""
    try:
        return _microseconds(text)
    except Misfit:
        return None
