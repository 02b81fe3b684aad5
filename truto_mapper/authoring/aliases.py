"""Aliases for the people in a payload: the same person gets the same alias, and everything else stays.

A string is about a person unless it is a date, a time, a time zone, a single character, or known to the mapping by
name, as the values of an enumeration are. An alias has letters and digits of the same kinds, so length, case,
punctuation and format stay; addresses end in `.test`, which belongs to nobody. The digits of an integer below a key
that ends in `id` are exchanged too. Counts, booleans and nulls stay.
"""

import hashlib
import re
import string
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

from truto_mapper.text.timestamps import is_time_zone

#: A date or a date-time; in Gong's own example some hours have three digits.
_MOMENT = r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?"
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_DOMAIN = "test"


class Aliases:
    """The aliases of some payloads; no two strings share one, and those in `kept` have none."""

    def __init__(self, salt: str, kept: frozenset[str] = frozenset()) -> None:
        self._salt = salt
        self._kept = kept
        self._known: dict[str, str] = {}
        self._taken: set[str] = set(kept)

    def of(self, value: Any, key: str = "") -> Any:
        """A JSON value with aliases for everything personal in it."""
        if isinstance(value, dict):
            return {name: self.of(child, name) for name, child in value.items()}
        if isinstance(value, list):
            return [self.of(child, key) for child in value]
        if isinstance(value, str) and value not in self._kept and _is_personal(value):
            return self.alias(value)
        if value.__class__ is int and key.lower().endswith("id"):
            return int(self.alias(str(value)))
        return value

    def known_in(self, value: Any) -> Any:
        """A value in which the known strings are exchanged for their aliases, also inside longer texts."""
        if isinstance(value, dict):
            return {name: self.known_in(child) for name, child in value.items()}
        if isinstance(value, list):
            return [self.known_in(child) for child in value]
        if not isinstance(value, str) or not self._known:
            return value
        longest = sorted((one for one in self._known if len(one) > 3), key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest))
        return re.sub(pattern, lambda found: self._known[found[0]], value) if pattern else value

    def alias(self, text: str) -> str:
        """The alias of a text."""
        if text not in self._known:
            made = next(one for one in self._candidates(text) if one not in self._taken)
            self._known[text] = made
            self._taken.add(made)
        return self._known[text]

    def _candidates(self, text: str) -> Iterator[str]:
        for number in count():
            # After 64 attempts all texts of this length may be taken, so it grows.
            yield self._disguised(text + "0" * (number // 64), f"{self._salt}/{number}/{text}")

    def _disguised(self, text: str, seed: str) -> str:
        name, at, domain = text.rpartition("@")
        made = "".join(map(_exchanged, name + at if at else text, _stream(seed)))
        if not at:
            return made
        room = len(domain) - len(_DOMAIN) - 1
        if room <= 0:
            return made + domain
        letters = (string.ascii_lowercase[one % 26] for one in islice(_stream(f"{self._salt}/{domain}"), room))
        return f"{made}{''.join(letters)}.{_DOMAIN}"


def _is_personal(text: str) -> bool:
    return len(text) > 1 and not re.fullmatch(_MOMENT, text) and not is_time_zone(text)


def _stream(seed: str) -> Iterator[int]:
    """Endless numbers that depend only on a seed."""
    block = seed.encode("utf-8", "surrogatepass")
    while True:
        block = hashlib.sha256(block).digest()
        yield from block


def _exchanged(char: str, number: int) -> str:
    """Another character of the same kind. Digits become 1 to 9, since an integer would lose a leading zero."""
    for kind in _KINDS:
        if char in kind:
            return kind[1:][number % 9] if kind is string.digits else kind[number % 26]
    letters = string.ascii_uppercase if char.isupper() else string.ascii_lowercase
    return letters[number % 26] if char.isalpha() else char
