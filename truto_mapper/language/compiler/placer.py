"""Where code is: spans of an expression → lines and columns of its source, and back."""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

from truto_mapper.text.source import Source, Span

#: The position of an `ast` node, as its keyword arguments.
Place = dict[str, Any]


class Placer:
    """Finds the position of a span of an expression in its source. `locate` maps the span to one of the source."""

    def __init__(self, source: Source, locate: Callable[[Span], Span]) -> None:
        self.source = source
        self.locate = locate
        self._bytes: dict[int, list[int]] = {}  # before each column of a line that is not ASCII

    def place(self, span: Span) -> Place:
        """The position of a span: lines from 1, columns in bytes of UTF-8 from 0, as `ast` counts."""
        found = self.locate(span)
        line, column = self._position(found.start)
        end_line, end_column = self._position(found.end)
        return {"lineno": line, "col_offset": column, "end_lineno": end_line, "end_col_offset": end_column}

    def _position(self, offset: int) -> tuple[int, int]:
        line, column = self.source.position(offset)
        if self.source.text.isascii():
            return line, column - 1
        if line not in self._bytes:
            lengths = (len(char.encode("utf-8", "surrogatepass")) for char in self.source.line(line) + "\r\n")
            self._bytes[line] = list(accumulate(lengths, initial=0))
        return line, self._bytes[line][column - 1]


def span_at(source: Source, place: tuple[int | None, int | None, int | None, int | None]) -> Span | None:
    """The span of a position from `co_positions()`; None if Python runs without column information."""
    line, end_line, column, end_column = place
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return Span(_offset(source, line, column), _offset(source, end_line, end_column))


def _offset(source: Source, line: int, column: int) -> int:
    before = source.line(line).encode("utf-8", "surrogatepass")[:column]
    return source.start(line) + len(before.decode("utf-8", "surrogatepass"))
