"""The pieces of an expression's text, also of one that has a syntax error, and the operands around a place in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from truto_mapper.text.source import Span

#: The longest operand that a hint repeats, and how far from its place a slip is looked for.
LONGEST, NEAR = 40, 400
#: How many items of a bracket a hint looks at.
MOST = 20

_STOPS = r" \t\n\r\v.\[\]{}(),@#;:?+\-*/%|=<>^&!~"
_PIECE = re.compile(
    rf"""(?P<space>[ \t\n\r\v]+|/\*.*?\*/)
    | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
    | (?P<quoted>`[^`]*`)
    | (?P<open>["'`].*|/\*.*)
    | (?P<number>(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)
    | (?P<operator>\.\.|:=|!=|>=|<=|\*\*|~>|\?:|\?\?|[{_STOPS}])
    | (?P<word>[^{_STOPS}]+)""",
    re.DOTALL | re.VERBOSE,
)
_REGEX = re.compile(r"/(?!\*)(?:\\.|\[(?:\\.|[^\]\\\n]){0,100}+\]|[^/\\\n\[]){1,500}+/[im]*")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_BEFORE_OPERAND = ("match", "matches", "like", "contains", "test", "not", "return")
_OPERATOR_WORDS = ("and", "or", "in")


@dataclass(frozen=True, slots=True)
class Piece:
    """A token; `open` is a string, a name or a comment that never ends."""

    kind: str
    start: int
    end: int
    text: str

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)

    @property
    def ends_operand(self) -> bool:
        return self.kind in ("string", "quoted", "number", "word", "regex") or self.text in (")", "]", "}")

    @property
    def begins_operand(self) -> bool:
        return self.kind in ("string", "quoted", "number", "word", "regex") or self.text in ("(", "[", "{")


def pieces_of(text: str) -> Iterator[Piece]:
    """The tokens of a text, without white space and comments. A `/` where a value is expected begins a regex."""
    position, operand = 0, False
    while found := (None if operand else _REGEX.match(text, position)) or _PIECE.match(text, position):
        position = found.end()
        kind = found.lastgroup or "regex"
        if kind == "space":
            continue
        if operand and found[0] in _OPERATOR_WORDS:
            kind = "operator"
        piece = Piece(kind, found.start(), found.end(), found[0])
        operand = piece.ends_operand and piece.text.lower() not in _BEFORE_OPERAND
        yield piece


class Surroundings:
    """The pieces around the place of a failure: `here` is the piece that begins or lies there."""

    def __init__(self, text: str, place: int) -> None:
        self.text, self.failed_at = text, place
        self.pieces = tuple(pieces_of(text))
        self.at = next((n for n, piece in enumerate(self.pieces) if piece.end > place), len(self.pieces))
        self.here, self.before, self.after = self.piece(0), self.piece(-1), self.piece(1)

    def piece(self, distance: int) -> Piece:
        """The piece so far from the failure; an empty one beyond the text."""
        number = self.at + distance
        if 0 <= number < len(self.pieces):
            return self.pieces[number]
        edge = len(self.text) if number > 0 else 0
        return Piece("end", edge, edge, "")

    @cached_property
    def pairs(self) -> dict[int, int]:
        """The brackets that belong together, each by the number of the other."""
        found: dict[int, int] = {}
        opened: list[int] = []
        for number, piece in enumerate(self.pieces):
            if piece.text in _CLOSING:
                opened.append(number)
            elif opened and piece.text == _CLOSING[self.pieces[opened[-1]].text]:
                found[number] = opened.pop()
                found[found[number]] = number
        return found

    @cached_property
    def opened(self) -> list[int]:
        """The brackets that are open where the failure is, the innermost last."""
        opened: list[int] = []
        for number in range(min(self.at, len(self.pieces))):
            text = self.pieces[number].text
            if text in _CLOSING:
                opened.append(number)
            elif opened and text == _CLOSING[self.pieces[opened[-1]].text]:
                opened.pop()
        return opened

    @property
    def opener(self) -> Piece | None:
        """The innermost open bracket."""
        return self.pieces[self.opened[-1]] if self.opened else None

    @property
    def is_call(self) -> bool:
        """Whether the innermost open bracket begins the arguments of a call."""
        if not self.opened or self.pieces[self.opened[-1]].text != "(":
            return False
        before = self.pieces[self.opened[-1] - 1] if self.opened[-1] else None
        return before is not None and before.ends_operand and before.kind != "string"

    @property
    def is_predicate(self) -> bool:
        """Whether the innermost open bracket begins the predicate of a step."""
        before = self.piece(self.opened[-1] - self.at - 1) if self.opened else None
        return before is not None and before.ends_operand and before.kind != "number"

    def following(self, place: int) -> str:
        """The text from a place, as far as a rule looks."""
        return self.text[place : place + NEAR]

    def around(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match of a pattern that the failure lies in, or right behind."""
        place = self.failed_at
        near = pattern.finditer(self.text, max(0, place - NEAR), place + NEAR)
        return next((one for one in near if one.start() <= place <= one.end()), None)

    def parts(self) -> list[str]:
        """The first `MOST` items of the innermost open bracket, in one line each."""
        start = self.opener.end if self.opener else 0
        found: list[str] = []
        while len(found) < MOST and (end := self.until(start, lambda _: False)) > start:
            found.append(" ".join(self.text[start:end].split()))
            comma = self.index(end)
            if comma >= len(self.pieces) or self.pieces[comma].text != ",":
                break
            start = self.pieces[comma].end
        return found

    def index(self, place: int) -> int:
        """The number of the first piece that ends after a place."""
        return next((n for n, piece in enumerate(self.pieces) if piece.end > place), len(self.pieces))

    def left(self, place: int) -> str:
        """The operand that ends before a place; `…` if there is none to show."""
        last = self.index(place) - 1
        if last >= 0 and self.pieces[last].end > place:
            last -= 1
        first = last
        while first >= 0 and self.pieces[first].ends_operand:
            first = self.pairs.get(first, first)
            before = self.pieces[first - 1] if first else None
            joined = before is not None and before.end == self.pieces[first].start
            if joined and self.pieces[first].text in _CLOSING and before is not None and before.ends_operand:
                first -= 1
            elif before is not None and before.text == "." and first > 1:
                first -= 2
            else:
                return self.shown(self.pieces[first].start, self.pieces[last].end)
        return "…"

    def right(self, place: int) -> str:
        """The operand that begins at or after a place; `…` if there is none to show."""
        first = next((n for n, piece in enumerate(self.pieces) if piece.start >= place), len(self.pieces))
        last = self.operand_end(first + (first < len(self.pieces) and self.pieces[first].text == "-"))
        return "…" if last is None else self.shown(self.pieces[first].start, self.pieces[last].end)

    def operand_end(self, number: int) -> int | None:
        """The last piece of the operand that begins with a piece."""
        if number >= len(self.pieces) or not self.pieces[number].begins_operand:
            return None
        while True:
            number = self.pairs.get(number, number)
            if number + 2 < len(self.pieces) and self.pieces[number + 1].text == ".":
                number += 2
            elif number + 3 < len(self.pieces) and [p.text for p in self.pieces[number + 1 : number + 3]] == ["?", "."]:
                number += 3
            elif (
                number + 1 < len(self.pieces)
                and self.pieces[number + 1].text in _CLOSING
                and self.pieces[number].end == self.pieces[number + 1].start
                and number + 1 in self.pairs
            ):
                number += 1
            else:
                return number

    def until(self, place: int, stops: Callable[[Piece], bool]) -> int:
        """Where the text from a place ends that no bracket, comma or semicolon around it, and no other stop, ends."""
        number = next((n for n, piece in enumerate(self.pieces) if piece.start >= place), len(self.pieces))
        end = place
        while number < len(self.pieces):
            piece = self.pieces[number]
            if piece.text in (")", "]", "}", ",", ";") or stops(piece):
                break
            number = self.pairs.get(number, number)
            end = self.pieces[number].end
            number += 1
        return end

    def shown(self, start: int, end: int) -> str:
        """A part of the text in one line, `…` if it is long."""
        line = " ".join(self.text[start:end].split())
        return line if 0 < len(line) <= LONGEST else "…"
