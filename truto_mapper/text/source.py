"""A text that a person wrote, and ranges of its characters."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.record import record

#: How many levels deep values in a file may be nested.
MAX_DEPTH = 64

#: Half of a surrogate pair: no character, and nothing that an encoding can write.
SURROGATE = lazy_pattern("[\ud800-\udfff]")


def is_unicode(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, so that it can be encoded."""
    return text.isascii() or SURROGATE.search(text) is None


@record
class Span:
    """A range of character offsets, from `start` up to but not including `end`."""

    start: int
    end: int


@record
class Source:
    """A text and the name its author knows it by, usually the path they gave."""

    name: str
    text: str

    __slots__ = ("_starts",)

    def __repr__(self) -> str:
        return f"Source(name={self.name!r})"

    @property
    def _lines(self) -> tuple[int, ...]:
        """Where each line starts."""
        found: tuple[int, ...] | None = getattr(self, "_starts", None)
        if found is None:
            found = tuple(accumulate((len(line) + 1 for line in self.text.split("\n")[:-1]), initial=0))
            object.__setattr__(self, "_starts", found)
        return found

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of a character offset. Both count from 1; columns are characters."""
        starts = self._lines
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def start(self, number: int) -> int:
        """The character offset of the start of a line. Lines count from 1."""
        return self._lines[number - 1]

    def line(self, number: int) -> str:
        """The text of a line without its line end. Lines count from 1."""
        end = self._lines[number] - 1 if number < len(self._lines) else len(self.text)
        return self.text[self.start(number) : end].rstrip("\r")
