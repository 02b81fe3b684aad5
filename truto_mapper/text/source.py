"""A text that a person wrote, and ranges of its characters."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

#: How many levels deep values in a file may be nested.
MAX_DEPTH = 64

#: Half of a surrogate pair: no character, and nothing that an encoding can write.
SURROGATE = re.compile("[\ud800-\udfff]")


def is_unicode(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, so that it can be encoded."""
    return text.isascii() or SURROGATE.search(text) is None


@dataclass(frozen=True, slots=True)
class Span:
    """A range of character offsets, from `start` up to but not including `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """A text and the name its author knows it by, usually the path they gave."""

    name: str
    text: str = field(repr=False)
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths = (len(line) + 1 for line in self.text.split("\n")[:-1])
        object.__setattr__(self, "_starts", tuple(accumulate(lengths, initial=0)))

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column of a character offset. Both count from 1; columns are characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start(self, number: int) -> int:
        """The character offset of the start of a line. Lines count from 1."""
        return self._starts[number - 1]

    def line(self, number: int) -> str:
        """The text of a line without its line end. Lines count from 1."""
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[self.start(number) : end].rstrip("\r")
