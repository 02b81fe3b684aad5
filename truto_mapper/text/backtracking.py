"""Which regular expressions Python's `re` surely searches as RE2 does, and how many steps it takes at most.

`re` tries one way after another, so nested or overlapping repeats take it for ever; RE2 never does, but each call of it
costs thirty times as much. Here a pattern is read; what is not surely the same in both, or not surely quick, is None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Final

from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.record import NamedTuple

#: Sets of characters are bits: one for each of ASCII, and one for all others.
_OTHERS: Final = 1 << 128
_ALL: Final = (1 << 129) - 1
#: The classes that RE2 writes with a letter, which are of ASCII.
_CLASSES: Final = {"d": "0-9", "w": "0-9A-Za-z_"}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_PUNCTUATION: Final = {chr(code) for code in range(32, 127) if not chr(code).isalnum()} - {"_"}
_LETTERS: Final = [chr(code) for code in range(128) if chr(code).isalpha()]
_PRINTABLE: Final = "".join(chr(code) for code in range(128) if chr(code).isprintable() or chr(code).isspace())
#: A character with its escape, and how often something is repeated.
_CHARACTER: Final = lazy_pattern(r"(?s)\\x\{([0-9a-f]+)\}|\\(.)|(.)")
_REPEAT: Final = lazy_pattern(r"(?:([*+?])|\{(\d{1,3})(,?)(\d{0,3})\})(\??)")
#: The most ways in which a pattern can match at one place without an unbounded repeat, and the most degrees of one.
_MAX_WAYS, _MAX_DEGREE = 64, 3
#: The longest pattern that is read, and the most characters beyond ASCII in a range of it where case does not count.
_MAX_LENGTH: Final = 1_000
_MAX_FOLDED: Final = 64


class _Unsure(Exception):  # noqa: N818  (it is no error)
    """The pattern has something that may differ in `re`, or take it long."""


class _Chars(NamedTuple):
    """Some characters of a set, `most` is None for any number."""

    chars: int
    least: int = 1
    most: int | None = 1


class _Choice(NamedTuple):
    """A group: one of several sequences."""

    branches: Sequence[Sequence[_Item]]
    optional: bool = False


_Item = _Chars | _Choice


class Plan(NamedTuple):
    """A pattern for `re`, and how its steps grow with the length n of a text: at most `factor` × n ** `degree`."""

    pattern: str
    flags: int
    factor: int
    degree: int
    can_be_empty: bool

    def reach(self, steps: int) -> int:
        """The longest text that takes no more steps."""
        return int((steps / self.factor) ** (1 / self.degree))


def plan(pattern: str, flags: str) -> Plan | None:
    """How `re` searches for a pattern that RE2 knows, with the flags `i` and `m`; None where it may not."""
    if len(pattern) > _MAX_LENGTH:
        return None
    try:
        reader = _Reader(pattern, flags)
        branches = reader.branches()
        if reader.place < len(pattern):
            return None
        size, ways, degree, _ = _cost([_Choice(branches)], 0)
    except _Unsure:
        return None
    has_repeat = bool(re.search(r"[*+]|,\}", pattern))
    is_anchored = pattern.startswith("^") and "m" not in flags and len(branches) == 1
    total = degree + has_repeat + (not is_anchored)
    if ways > _MAX_WAYS or total > _MAX_DEGREE:
        return None
    given = re.IGNORECASE * ("i" in flags) | re.MULTILINE * ("m" in flags)
    return Plan("".join(reader.written), given, 2 * (size + 1) * ways, max(total, 1), any(map(_can_be_empty, branches)))


class _Reader:
    """Reads a pattern into items, and writes it as `re` has it."""

    def __init__(self, pattern: str, flags: str) -> None:
        self.pattern, self.place, self.written = pattern, 0, list[str]()
        self.folded, self.lines = "i" in flags, "m" in flags

    def next(self) -> str:
        return self.pattern[self.place : self.place + 1]

    def take(self, text: str) -> bool:
        """Whether a text is next; it is read and written then."""
        if not self.pattern.startswith(text, self.place):
            return False
        self.place += len(text)
        self.written.append(text)
        return True

    def branches(self) -> list[list[_Item]]:
        """Sequences with | between them."""
        found = [self.sequence()]
        while self.take("|"):
            found.append(self.sequence())
        return found

    def sequence(self) -> list[_Item]:
        found: list[_Item] = []
        while self.next() and self.next() not in "|)":
            if not self.edge():
                found.append(self.group() if self.next() == "(" else self.repeated())
        return found

    def edge(self) -> bool:
        """Whether an end of the text, a line or a word is next."""
        for edge, written in (("^", "^"), ("$", "$" if self.lines else r"\Z"), (r"\b", r"(?a:\b)")):
            if self.pattern.startswith(edge, self.place):
                self.place += len(edge)
                self.written.append(written)
                if _REPEAT.match(self.pattern, self.place):
                    raise _Unsure
                return True
        return False

    def group(self) -> _Choice:
        if not self.take("(?:"):
            self.take("(")
        if self.next() in "?*+":
            raise _Unsure
        branches = self.branches()
        if not self.take(")"):
            raise _Unsure
        optional = self.take("?")
        if _REPEAT.match(self.pattern, self.place) or (optional and any(map(_can_be_empty, branches))):
            raise _Unsure
        return _Choice(branches, optional)

    def repeated(self) -> _Chars:
        chars = self.set() if self.next() == "[" else self.one()
        found = _REPEAT.match(self.pattern, self.place)
        if found is None:
            if self.next() in ("*", "+", "?", "{"):
                raise _Unsure
            return _Chars(chars)
        self.take(found[0])
        if self.next() in ("*", "+", "?", "{"):
            raise _Unsure
        sign, least, comma, most, _ = found.groups()
        if sign:
            return _Chars(chars, int(sign == "+"), 1 if sign == "?" else None)
        return _Chars(chars, int(least), None if comma and not most else int(most or least))

    def one(self) -> int:
        """A character, or a class that is written with a letter."""
        code, escaped, plain = self.character()
        if escaped and escaped.lower() in _CLASSES:
            self.written.append(f"[{'^' * escaped.isupper()}{_CLASSES[escaped.lower()]}]")
            chars = _of_class(escaped.lower())
            return self.fold(_ALL & ~chars if escaped.isupper() else chars)
        if plain in (".", "{", "}", "]", "*", "+", "?"):
            raise _Unsure
        char = self.literal(code, escaped, plain)
        self.written.append(re.escape(char))
        return self.fold(_bits(char))

    def character(self) -> tuple[str | None, ...]:
        found = _CHARACTER.match(self.pattern, self.place)
        if found is None:
            raise _Unsure
        self.place = found.end()
        return found.groups()

    def literal(self, code: str | None, escaped: str | None, plain: str | None) -> str:
        """The character itself."""
        char = chr(int(code, 16)) if code else plain or _CONTROLS.get(escaped or "") or escaped or ""
        known = escaped is None or escaped in _CONTROLS or escaped in _PUNCTUATION
        if not known or (self.folded and _has_case(char)):
            raise _Unsure
        return char

    def set(self) -> int:
        """A set in brackets."""
        self.place += 1
        is_not = self.next() == "^"
        self.place += is_not
        chars, written = 0, ""
        while self.next() != "]" or not written:
            bits, text = self.member()
            chars |= bits
            written += text
        self.place += 1
        self.written.append(f"[{'^' * is_not}{written}]")
        chars = self.fold(chars)
        return _ALL & ~(chars & ~_OTHERS) if is_not else chars

    def member(self) -> tuple[int, str]:
        """A character, a range or a class within brackets."""
        if self.next() in ("[", "]", ""):
            raise _Unsure
        code, escaped, plain = self.character()
        if escaped in _CLASSES:
            return _of_class(escaped), _CLASSES[escaped]
        first = self.literal(code, escaped, plain)
        if self.next() != "-" or self.pattern[self.place + 1 : self.place + 2] == "]":
            return _bits(first), re.escape(first)
        self.place += 1
        if self.next() in ("[", "-"):
            raise _Unsure
        last = self.literal(*self.character())
        beyond = range(max(ord(first), 128), ord(last) + 1)
        if self.folded and (len(beyond) > _MAX_FOLDED or any(map(_has_case, map(chr, beyond)))):
            raise _Unsure
        bits = reduce(or_, map(_bit, range(ord(first), min(ord(last), 128) + 1)), _bit(ord(last)))
        return bits, f"{re.escape(first)}-{re.escape(last)}"

    def fold(self, chars: int) -> int:
        """With the other case of each letter, if case does not count; some letters have one beyond ASCII."""
        if not self.folded:
            return chars
        letters = [char for char in _LETTERS if chars & _bits(char)]
        return chars | reduce(or_, (_bits(char.swapcase()) for char in letters), _OTHERS if letters else 0)


def _has_case(char: str) -> bool:
    """Whether a character beyond ASCII has another case."""
    return not char.isascii() and not char.lower() == char.upper() == char


def _bit(code: int) -> int:
    return 1 << min(code, 128)


def _bits(text: str) -> int:
    return reduce(or_, map(_bit, map(ord, text)), 0)


def _of_class(letter: str) -> int:
    return _bits(re.sub("[^" + _CLASSES[letter] + "]", "", _PRINTABLE))


def _can_be_empty(sequence: Sequence[_Item]) -> bool:
    return all(
        item.least == 0 if isinstance(item, _Chars) else item.optional or any(map(_can_be_empty, item.branches))
        for item in sequence
    )


def _cost(sequence: Sequence[_Item], following: int) -> tuple[int, int, int, int]:
    """The size of a sequence, its ways, its degree, and with what it can begin; `following` is what can come after it.

    A repeat ends in one place only if nothing that can follow it is among its characters. Any other is tried in many
    places: it adds a degree if it is unbounded, else its places multiply the ways.
    """
    size, ways, degree = 0, 1, 0
    for item in reversed(sequence):
        if isinstance(item, _Chars):
            size += 1 + (item.most or item.least)
            is_open = item.most != item.least and item.chars & following
            degree += bool(is_open and item.most is None)
            ways *= 1 + (item.most - item.least if is_open and item.most else 0)
            following = item.chars | (0 if item.least else following)
        else:
            costs = [_cost(branch, following) for branch in item.branches]
            size += len(costs) + sum(cost[0] for cost in costs)
            ways *= (len(costs) + item.optional) * max(cost[1] for cost in costs)
            degree += max(cost[2] for cost in costs)
            following = reduce(or_, (cost[3] for cost in costs), following if item.optional else 0)
    return size, ways, degree, following
