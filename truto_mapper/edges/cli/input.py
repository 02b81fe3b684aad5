"""What commands read: files and stdin, as text and as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from truto_mapper.engine import rendering
from truto_mapper.engine.mapper import Mapper
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source, Span


def read(file: str) -> Source:
    """The text of a file or a pipe, or of stdin for `-`. Raises `MappingError` M105."""
    return _text(file, _bytes(file))


def _bytes(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MappingError(Diagnostic("M105", f"cannot read {_name(file)}: {why}")) from None


def _text(file: str, data: bytes) -> Source:
    try:
        return Source("<stdin>" if file == "-" else file, data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        message = f"{_name(file)} is not UTF-8: {error.reason} at byte {error.start}"
        raise MappingError(Diagnostic("M105", message)) from None


def _name(file: str) -> str:
    return "stdin" if file == "-" else file


def read_reply(file: str, mapper: Mapper[Any], status: int | None = None) -> Any:
    """A provider's reply in a file, or in stdin for `-`: JSON, or the rows of CSV if an endpoint replies in that.

    A file without text is a reply without a body: no bytes. Raises `MappingError` M105 and P602, `ProviderError` P602.
    """
    found = rows_or_text(file, mapper, status)
    if not isinstance(found, Source):
        return found
    return parse_json(found) if found.text.strip() else b""


def rows_or_text(file: str, mapper: Mapper[Any], status: int | None = None) -> Any:
    """As `read_reply`, but JSON is not read yet: it is a `Source`."""
    data = _bytes(file)
    if any(one.decode for one in mapper.mapping.endpoints) and 200 <= (status or 200) < 300:
        from truto_mapper.engine import csv_bodies  # few mappings need it

        rows = csv_bodies.decoded(data, mapper.mapping.endpoints)
        if rows is not data:
            return rows
    return _text(file, data)


def read_json(file: str) -> Any:
    """The JSON value in a file, or in stdin for `-`. Raises `MappingError` M105, P602."""
    return parse_json(read(file))


def samples(file: str) -> list[Any]:
    """The values in a file of JSON or NDJSON, or in stdin for `-`. Raises `MappingError` M105, P602."""
    source = read(file)
    lines = json_lines(source)
    return [value for _, value in lines] if lines else [parse_json(source)]


def json_lines(source: Source) -> list[tuple[int, Any]]:
    """The values of NDJSON with the numbers of their lines; none if this is no NDJSON. Raises `MappingError` P602."""
    lines = [(number, line) for number, line in enumerate(source.text.split("\n"), 1) if line.strip()]
    if len(lines) < 2 or not all(line.lstrip()[:1] in "{[" and line.rstrip()[-1:] in "}]" for _, line in lines):
        return []
    return [(number, parse_json(source, source.start(number), line)) for number, line in lines]


def parse_json(source: Source, start: int = 0, text: str | None = None) -> Any:
    """The value of a JSON text, or of the part `text` that begins at `start`. Raises `MappingError` P602."""
    try:
        return rendering.loads(source.text if text is None else text)
    except json.JSONDecodeError as error:
        why, span = error.msg, Span(start + error.pos, start + error.pos + 1)
    except (ValueError, RecursionError) as error:
        why, span = "nested too deeply" if isinstance(error, RecursionError) else str(error), None
    raise MappingError(Diagnostic("P602", f"not valid JSON: {why}", source=source, span=span))
