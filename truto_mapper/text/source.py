"""Texts that a person wrote, and spans of their characters."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters, `start` up to but not including `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """A named text that a person wrote: `name` is what they call it, usually the path they gave."""

    name: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths = (len(line) + 1 for line in self.text.split("\n")[:-1])
        object.__setattr__(self, "_starts", tuple(accumulate(lengths, initial=0)))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1, columns in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start(self, number: int) -> int:
        """The character offset at which a line begins, counted from 1."""
        return self._starts[number - 1]

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        return self.text[self.start(number) :].partition("\n")[0].rstrip("\r")
