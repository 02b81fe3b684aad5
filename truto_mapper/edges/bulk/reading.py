"""Stored replies, one at a time: NDJSON or Parquet, plain or compressed, on this machine or at a URL."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, BinaryIO
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from truto_mapper.edges.bulk.files import File, cannot_read, shown
from truto_mapper.engine import bodies, typed_json
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MappingError, ProviderError
from truto_mapper.text.record import NamedTuple

#: The longest line that is read, in bytes: a longer one is no reply.
MAX_LINE = 256_000_000

#: What JSON has for white space.
_SPACE = b" \t\r\n"

#: How many replies of a Parquet file are in memory at once, and of how many bytes, if they have about the same size.
_AT_ONCE, _BYTES_AT_ONCE = 64, 64_000_000

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
            if opened.peek(4)[:4] in _PARQUET:  # type: ignore[attr-defined]  # it is buffered
                yield from _of_parquet(file, column)
                return
            with _plain(opened) as lines:
                _check_lines(file, lines)
                yield from _of_lines(file, lines, column)
    except MappingError:
        raise
    except Exception as error:  # noqa: BLE001  # each file system and format has errors of its own
        raise cannot_read(file.url, error) from None


#: The first bytes of Parquet files, and of encrypted ones.
_PARQUET = (b"PAR1", b"PARE")

#: The first bytes of compressed files, and the names of their formats.
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\x04\x22\x4d\x18": "lz4"}


#: The first bytes of files that are neither, and the names of their formats.
_OTHERS = {b"PK\x03\x04": "ZIP", b"\xfd7zXZ": "xz", b"ARROW1": "Arrow", b"Obj\x01": "Avro", b"ORC": "ORC"}
_OTHERS |= dict.fromkeys(_PARQUET, "compressed Parquet") | dict.fromkeys(_MAGIC, "twice compressed")


def _check_lines(file: File, lines: Any) -> None:
    """Raise `MappingError` W901 for a file in a format that has no lines."""
    start = lines.peek(8)[:8]
    name = next((name for magic, name in _OTHERS.items() if start.startswith(magic)), None)
    if name is not None:
        hint = "store the replies as NDJSON or Parquet; NDJSON may be compressed with gzip, zstd, bzip2 or lz4"
        raise MappingError(Diagnostic("W901", f"cannot read {shown(file.url)}: its format is {name}", hint=hint))


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
    number, is_first = 0, True
    while line := lines.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            yield _too_long(number, line)
            while (rest := lines.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            continue
        body = (line.removeprefix(codecs.BOM_UTF8) if number == 1 else line).strip(_SPACE)
        if is_first and body in (b"{", b"["):
            raise _not_lines(file)
        if body:
            is_first = False
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
        members = _members(line)
        found = {name: typed_json.read(bytes(members[name])) for name in BESIDE if name in members}
        body = _told(bytes(members[column]))
    except (typed_json.UndecidedError, KeyError, ValueError):
        message = f"the line is no JSON object with the member {excerpt(column)}"
        return Reply(number, line, fault=Diagnostic("P602", message, pointer=""))
    return _reply(number, body, found)


def _told(body: bytes) -> bytes:
    """A reply as it was sent: one that is stored as a text, as CSV has to be, is that text."""
    return typed_json.read(body).encode() if body.startswith(b'"') else body


def _members(line: bytes) -> dict[str, Any]:
    try:
        return typed_json.members(line)
    except typed_json.UndecidedError:  # it may have halves of surrogate pairs
        return typed_json.members(bodies.mended(line.decode()).encode())


def _reply(number: int, body: bytes, beside: dict[str, Any]) -> Reply:
    """A reply with what is known of it, in the form that a mapper takes."""
    known = {name: _TAKEN[name](value) for name, value in beside.items() if value is not None}
    made, account = Reply(number, body, **known), known.get("account")
    if account is None or isinstance(account, str):
        return made
    message = f"the account is neither text nor an integer: {excerpt(account)}"
    return made._replace(account=None, fault=Diagnostic("Q515", message))


def _text(value: Any) -> Any:
    """Bytes as text, if they are UTF-8."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def _object(value: Any) -> Any:
    """An object, which may be written as JSON text; any other value as it is."""
    text = _text(value)
    if isinstance(text, str) and text.lstrip().startswith("{"):
        with suppress(typed_json.UndecidedError):
            return typed_json.read(text.encode(errors="replace"))
    return text


def _moment(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else _text(value)


def _status(value: Any) -> Any:
    """A status; pandas stores integers as floats where one is missing."""
    return int(value) if isinstance(value, float) and value.is_integer() else _text(value)


def _account(value: Any) -> Any:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_integer or isinstance(value, UUID) else _text(value)


#: What makes a value that is stored beside a reply one that a mapper takes.
_TAKEN = {"query": _object, "context": _object, "now": _moment, "status": _status, "account": _account}


def _of_parquet(file: File, column: str | None) -> Iterator[Reply]:
    with file.opened() as opened:
        parquet, number = pq.ParquetFile(opened), 0
        body = _column_of(file, parquet.schema_arrow, column)
        names = [name for name in BESIDE if name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(_at_once(parquet.metadata), columns=[body, *names]):
            known = [batch.column(name).to_pylist() for name in names]
            for text, *values in zip(_bytes(batch.column(body)), *known, strict=True):
                number += 1
                yield _reply(number, text or b"", dict(zip(names, map(_plain_value, values), strict=True)))


def _at_once(about: pq.FileMetaData) -> int:
    size: int = sum(about.row_group(n).total_byte_size for n in range(about.num_row_groups))
    fitting: int = 1 + _BYTES_AT_ONCE * about.num_rows // (size + 1)
    return min(_AT_ONCE, fitting)


def _bytes(texts: pa.Array) -> list[bytes | None]:
    """The bytes of a column of texts."""
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    return texts.cast(pa.large_binary()).to_pylist()  # type: ignore[no-any-return]


def _plain_value(value: Any) -> Any:
    """A value of a column as JSON has it: structs without what is null, maps as objects."""
    if isinstance(value, list):
        is_map = bool(value) and all(isinstance(one, tuple) for one in value)
        return _plain_value(dict(value)) if is_map else [_plain_value(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _plain_value(one) for name, one in value.items() if one is not None}


def _column_of(file: File, schema: pa.Schema, column: str | None) -> str:
    """The column that holds the replies: the one that is named, `body`, or the only one with texts.

    Raises `MappingError` W901.
    """
    texts = [one.name for one in schema if _is_text(one.type) and one.name not in BESIDE]
    found = column or ("body" if "body" in texts else texts[0] if len(texts) == 1 else None)
    if found is not None and texts.count(found) == 1:
        return found
    if column is not None:
        message = f"{shown(file.url)} has no column {excerpt(column)} of texts"
    else:
        message = f"{shown(file.url)} does not say which column holds the replies"
    hint = f"name one with --body: {', '.join(texts)}" if texts else "store the replies as JSON texts, one in a row"
    raise MappingError(Diagnostic("W901", message, hint=hint))


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        return _is_text(type_.value_type)
    return any(is_kind(type_) for is_kind in _TEXTS)


_KINDS_OF_TEXT = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")
_TEXTS = [getattr(pa.types, f"is_{kind}") for kind in _KINDS_OF_TEXT]


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
    """A row that is one JSON value: joined with others it cannot be more than a row. No value is null."""
    try:
        typed_json.raw(row.body)
    except typed_json.UndecidedError:
        if not row.body.strip():
            return row._replace(body=b"null")
        return row._replace(fault=next(iter(unreadable(row.body)), None))
    return row


def unreadable(body: bytes) -> Sequence[Diagnostic]:
    """Why bytes are not JSON; nothing if they are."""
    try:
        bodies.read(body, 200)
    except ProviderError as error:
        return error.diagnostics
    return ()
