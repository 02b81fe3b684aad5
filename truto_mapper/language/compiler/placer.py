"""Spans of an expression as lines and columns of its source, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truto_mapper.text.source import Source, Span

#: The keywords of an `ast` node that say where it stands.
Place = dict[str, Any]


class Placer:
    """Says where a span of an expression's text stands in its source, in the terms of `ast`."""

    def __init__(self, source: Source, locate: Callable[[Span], Span]) -> None:
        self.source = source
        self.locate = locate

    def place(self, span: Span) -> Place:
        """Lines counted from 1, columns in bytes of UTF-8 from 0."""
        found = self.locate(span)
        line, column = self._position(found.start)
        end_line, end_column = self._position(found.end)
        return {"lineno": line, "col_offset": column, "end_lineno": end_line, "end_col_offset": end_column}

    def _position(self, offset: int) -> tuple[int, int]:
        line, column = self.source.position(offset)
        before = self.source.text[offset - column + 1 : offset]
        return line, len(before.encode("utf-8", "surrogatepass"))


def span_at(source: Source, place: tuple[int | None, int | None, int | None, int | None]) -> Span | None:
    """The span of a source that `co_positions()` gives; None where Python was told to keep no columns."""
    line, end_line, column, end_column = place
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return Span(_offset(source, line, column), _offset(source, end_line, end_column))


def _offset(source: Source, line: int, column: int) -> int:
    before = source.line(line).encode("utf-8", "surrogatepass")[:column]
    return source.start(line) + len(before.decode("utf-8", "surrogatepass"))
