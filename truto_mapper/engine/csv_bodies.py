"""Replies in CSV (RFC 4180) → an array of row objects, as if the provider had sent that JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from truto_mapper.engine import rendering
from truto_mapper.engine.bodies import Bytes
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Csv, Endpoint
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import ProviderError
from truto_mapper.text.record import replace

Row = dict[str, str | list[str]]


def read(body: Bytes | str, form: Csv | None, *, is_raw: bool = False) -> tuple[Any, tuple[Diagnostic, ...]]:
    """The rows of a body, None if it is empty, MISSING if it is JSON.

    If it `is_raw`, its records do not matter: what is wrong with it is a warning, and the body a text. Else that raises
    `ProviderError` P602.
    """
    if form is None:
        return MISSING, ()
    try:
        text = text_of(body, form)
        return MISSING if is_json(text) else rows(text, form), ()
    except ProviderError as error:
        if not is_raw:
            raise
        shown = body if isinstance(body, str) else body.decode(form.encoding, "replace")
        return shown, tuple(replace(one, severity="warning") for one in error.diagnostics)


def decoded(body: Any, endpoints: Iterable[Endpoint]) -> Any:
    """The rows of bytes, if one of some endpoints replies in CSV; any other body as it is."""
    form = next((one.decode for one in endpoints if one.decode is not None), None)
    rows, _ = read(body, form) if isinstance(body, bytes) else (MISSING, ())
    return body if rows is MISSING else rows


def text_of(body: Bytes | str, form: Csv) -> str:
    """A body as text, without a byte order mark. Raises `ProviderError` P602 for bytes in another encoding."""
    if isinstance(body, str):
        return body.removeprefix("\ufeff")
    try:
        return body.decode(form.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        why = f"it is not {form.encoding}: byte 0x{body[error.start]:02x} at {error.start}"
        _refuse(line, why, "`decode: {format: csv, encoding: windows-1252}` names another encoding")


def is_json(text: str) -> bool:
    """Whether a text is a JSON object or array: how many providers tell of a failure, whatever they send else."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(rendering.loads(text), (dict, list))
    except (ValueError, RecursionError):
        return False


def rows(text: str, form: Csv) -> list[Row] | None:
    """The rows as objects of texts by the names in the header; None for an empty text.

    A name that the header has several times has the list of its values. Raises `ProviderError` P602, with the line, for
    what is not CSV and for a row of another length than the header.
    """
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        _refuse(line, "it has a NUL character", "`decode: {format: csv, encoding: utf-16}` names another encoding")
    if not text.strip():
        return None
    records = _records(text, form)
    _, names = next(records)
    repeated = [name for name in dict.fromkeys(names) if names.count(name) > 1] if len({*names}) < len(names) else []
    return [_row(names, cells, line, repeated) for line, cells in records]


def written(body: Any, form: Csv) -> str | None:
    """The text that `rows` reads as a body; None if there is none, as for objects of other values."""
    if not isinstance(body, list) or not body or not all(isinstance(row, dict) for row in body):
        return None
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=form.delimiter, lineterminator="\n")
    writer.writerows([[*body[0]], *([*row.values()] for row in body)])
    try:
        return text if rows(text := out.getvalue(), form) == body else None
    except ProviderError:
        return None


def delimiter_of(text: str) -> str:
    """The delimiter that is likely in a text: its header has most names."""
    header = text.lstrip("\r\n").splitlines()[:1]
    return max((",", ";", "\t", "|"), key=lambda one: len(next(csv.reader(header, delimiter=one), ())))


def _row(names: Sequence[str], cells: Sequence[str], line: int, repeated: Sequence[str]) -> Row:
    if len(cells) != len(names):
        counts = f"{_count(len(cells), 'value')}, and the header {_count(len(names), 'name')}"
        _refuse(line, f"the row has {counts}: {excerpt(cells)}", None)
    row: Row = dict(zip(names, cells, strict=True))
    for name in repeated:
        row[name] = [cell for one, cell in zip(names, cells, strict=True) if one == name]
    return row


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _records(text: str, form: Csv) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty lines, each with the line that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            _refuse(line, *_reason(str(error)))
        if cells is None:
            return
        if cells:
            yield line, cells


def _reason(message: str) -> tuple[str, str | None]:
    """What the csv module says, in our words, and a hint."""
    if "end of data" in message:
        return "a quote is never closed in the row that begins here", None
    if "expected after" in message:
        return "a quote within quotes must be doubled", None
    if "field limit" in message:
        most, hint = csv.field_size_limit(), "Python's csv.field_size_limit(…) sets how many it may have"
        return f"a value has more than {most:,} characters", hint
    return message, None


def _refuse(line: int, why: str, hint: str | None) -> NoReturn:
    message = f"the provider's answer cannot be read as CSV: line {line}: {why}"
    raise ProviderError(Diagnostic("P602", message, hint=hint)) from None
