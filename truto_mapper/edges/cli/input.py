"""What commands read: files and stdin, as text and as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from truto_mapper.engine import rendering
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source, Span


def read(file: str) -> Source:
    """The text of a file or a pipe, or of stdin for `-`. Raises `MappingError` M105."""
    name = "stdin" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return Source("<stdin>" if file == "-" else file, data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise MappingError(Diagnostic("M105", f"{name} is not UTF-8: {error.reason} at byte {error.start}")) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise MappingError(Diagnostic("M105", f"cannot read {name}: {why}")) from None


def read_json(file: str) -> Any:
    """The JSON value in a file, or in stdin for `-`. Raises `MappingError` M105, P602."""
    return parse_json(read(file))


def read_reply(file: str) -> Any:
    """As `read_json`, for a provider's reply, which may be without a body: no bytes for a file without text."""
    source = read(file)
    return parse_json(source) if source.text.strip() else b""


def parse_json(source: Source, start: int = 0, text: str | None = None) -> Any:
    """The value of a JSON text, or of the part `text` that begins at `start`. Raises `MappingError` P602."""
    try:
        return rendering.loads(source.text if text is None else text)
    except json.JSONDecodeError as error:
        why, span = error.msg, Span(start + error.pos, start + error.pos + 1)
    except (ValueError, RecursionError) as error:
        why, span = "nested too deeply" if isinstance(error, RecursionError) else str(error), None
    raise MappingError(Diagnostic("P602", f"not valid JSON: {why}", source=source, span=span))
