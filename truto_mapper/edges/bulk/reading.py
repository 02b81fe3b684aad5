"""Stored replies, one at a time: NDJSON or Parquet, plain or compressed, on this machine or at a URL."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from truto_mapper.edges.bulk.files import File, cannot_read, shown
from truto_mapper.engine import typed_json
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MappingError

#: The longest line that is read, in bytes: a longer one is no reply.
MAX_LINE = 256_000_000

#: How many replies of a Parquet file are in memory at once.
_AT_ONCE = 64

#: The columns of a file, or the members of its lines, beside the reply.
BESIDE = ("query", "context", "now", "status", "account")


class Reply(NamedTuple):
    """A stored reply, or row: its number in the file, from 1, its bytes, and what is known of it beside.

    `fault` says why it is no reply; then `body` is what is there.
    """

    number: int
    body: bytes
    query: Any = None
    context: Any = None
    now: str | None = None
    status: Any = None
    account: str | None = None
    fault: Diagnostic | None = None

    @property
    def about(self) -> tuple[Any, ...]:
        """What is known of it."""
        return self[2:7]


def replies(file: File, column: str | None) -> Iterator[Reply]:
    """The replies of a file; `column` names the column, or the member of each line, that holds them.

    Raises `MappingError` W901 for a file that cannot be read to its end.
    """
    try:
        with file.opened() as opened:
            if opened.peek(4)[:4] == b"PAR1":  # type: ignore[attr-defined]  # it is buffered
                yield from _of_parquet(file, column)
                return
            with _plain(opened) as lines:
                yield from _of_lines(file, lines, column)
    except (OSError, EOFError, pa.ArrowException) as error:
        raise cannot_read(file.url, error) from None


#: The first bytes of compressed files, and the names of their formats.
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\x04\x22\x4d\x18": "lz4"}


@contextmanager
def _plain(file: Any) -> Iterator[BinaryIO]:
    """A file without its compression."""
    codec = next((name for magic, name in _MAGIC.items() if file.peek(4).startswith(magic)), None)
    if codec is None:
        yield file
        return
    with pa.CompressedInputStream(pa.PythonFile(file, "r"), codec) as stream:
        yield io.BufferedReader(stream, 1 << 20)


def _of_lines(file: File, lines: BinaryIO, column: str | None) -> Iterator[Reply]:
    number = 0
    while line := lines.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            yield _too_long(number, line)
            while (rest := lines.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            continue
        body = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
        if number == 1 and body in (b"{", b"["):
            raise _not_lines(file)
        if body:
            yield Reply(number, body) if column is None else _of_member(number, body, column)


def _too_long(number: int, line: bytes) -> Reply:
    message = f"the line is longer than {MAX_LINE:,} bytes"
    return Reply(number, line[:1_000], fault=Diagnostic("P602", message, pointer=""))


def _not_lines(file: File) -> MappingError:
    message = f"{shown(file.url)} is one JSON text in several lines, not a reply in each line"
    return MappingError(Diagnostic("W901", message, hint=f"write one line a reply: jq -c . {shown(file.url)}"))


def _of_member(number: int, line: bytes, column: str) -> Reply:
    """The reply in a member of a line."""
    try:
        members = typed_json.members(line)
        found = {name: typed_json.read(bytes(members[name])) for name in BESIDE if name in members}
        return Reply(number, bytes(members[column]), **found)
    except (typed_json.UndecidedError, KeyError):
        message = f"the line is no JSON object with the member {excerpt(column)}"
        return Reply(number, line, fault=Diagnostic("P602", message, pointer=""))


def _of_parquet(file: File, column: str | None) -> Iterator[Reply]:
    with file.opened() as opened:
        parquet = pq.ParquetFile(opened)
        schema = parquet.schema_arrow
        body = _column_of(file, schema, column)
        beside, number = [name for name in BESIDE if name in schema.names], 0
        for batch in parquet.iter_batches(_AT_ONCE, columns=[body, *beside]):
            texts = batch.column(body).cast(pa.binary())
            known = [batch.column(name).to_pylist() for name in beside]
            for text, *values in zip(texts.to_pylist(), *known, strict=True):
                number += 1
                yield Reply(number, text or b"", **dict(zip(beside, map(_shown, values), strict=True)))


def _shown(value: Any) -> Any:
    """A value of a column as JSON has it: structs without what is null, maps as objects."""
    if isinstance(value, list) and all(isinstance(one, tuple) for one in value):
        value = dict(value)
    return {name: one for name, one in value.items() if one is not None} if isinstance(value, dict) else value


def _column_of(file: File, schema: pa.Schema, column: str | None) -> str:
    """The column that holds the replies: the one that is named, `body`, or the only one with texts.

    Raises `MappingError` W901.
    """
    texts = [one.name for one in schema if _is_text(one.type) and one.name not in BESIDE]
    found = column or ("body" if "body" in texts else "".join(texts[:2]))
    if found in texts:
        return found
    if column is not None:
        message = f"{shown(file.url)} has no column {excerpt(column)} of texts"
    else:
        message = f"{shown(file.url)} does not say which column holds the replies"
    hint = f"name one with --body: {', '.join(texts)}" if texts else "store the replies as JSON texts, one in a row"
    raise MappingError(Diagnostic("W901", message, hint=hint))


def _is_text(type_: pa.DataType) -> bool:
    kinds = pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary
    return any(is_kind(type_) for is_kind in kinds)


def batched(given: Iterator[Reply], size: int) -> Iterator[Sequence[Reply]]:
    """Rows that are stored alone, in groups of up to `size` that can be rows of one reply.

    A row that is no JSON value is alone in its group, and has a fault.
    """
    group: list[Reply] = []
    for row in given:
        checked = row if row.fault is not None else _checked(row)
        if group and (len(group) == size or checked.fault is not None or checked.about != group[0].about):
            yield group
            group = []
        if checked.fault is not None:
            yield [checked]
        else:
            group.append(checked)
    if group:
        yield group


def _checked(row: Reply) -> Reply:
    """A row that is one JSON value: joined with others it cannot be more than a row."""
    try:
        typed_json.raw(row.body)
    except typed_json.UndecidedError:
        message = f"the row cannot be read as JSON: {excerpt(row.body[:80].decode(errors='replace'))}"
        return row._replace(fault=Diagnostic("P602", message, pointer=""))
    return row
