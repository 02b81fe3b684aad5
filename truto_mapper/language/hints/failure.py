"""A syntax error with what is around it, and the slip that a rule recognises there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from truto_mapper.language.hints.pieces import Piece, Surroundings
from truto_mapper.text.source import Span

#: The brackets that close, with those that open, and the other way round.
CLOSING = {")": "(", "]": "[", "}": "{"}
CLOSED = {opening: closing for closing, opening in CLOSING.items()}

#: The position of an offset as an author counts: line and column.
Place = Callable[[int], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Slip:
    """A mistake that was recognised; without a message or a span those of the failure remain."""

    hint: str
    span: Span | None = None
    message: str | None = None


class Failure(Surroundings):
    """A syntax error: its code, its message, and the pieces around its span."""

    def __init__(self, text: str, code: str, message: str, span: Span, place: Place) -> None:
        super().__init__(text, span.start)
        self.code, self.span, self.message, self.place = code, span, message, place

    def where(self, piece: Piece) -> str:
        line, column = self.place(piece.start)
        return f"line {line}, column {column}"


def write(edit: str) -> str:
    """A hint that says what to write."""
    return f"write `{edit}`"
