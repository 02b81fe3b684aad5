"""Aliases for the persons in a payload: the same person gets the same alias, and nothing else of the payload changes.

A string is someone's unless it is a date, a time, a time zone, a single character, or one of those the mapping knows
by name, as the values of an enumeration. Its letters and digits are
exchanged for others of their kind, so that length, case, punctuation and format stay; addresses end in `.test`, which
is nobody's. So are the digits of an integer under a key that ends in `id`. Counts, booleans and nulls are kept.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Iterator
from typing import Any

from truto_mapper.text.timestamps import is_time_zone

#: A date or a moment, those of Gong's own example with a three-digit hour among them.
_MOMENT = r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?"
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_DOMAIN = "test"


class Aliases:
    """The aliases of some payloads, one for each string but those in `kept`; no two strings share one."""

    def __init__(self, salt: str, kept: frozenset[str] = frozenset()) -> None:
        self._salt = salt
        self._kept = kept
        self._known: dict[str, str] = {}
        self._taken: set[str] = set(kept)

    def of(self, value: Any, key: str = "") -> Any:
        """A JSON value with aliases for what is a person's."""
        if isinstance(value, dict):
            return {name: self.of(child, name) for name, child in value.items()}
        if isinstance(value, list):
            return [self.of(child, key) for child in value]
        if isinstance(value, str) and value not in self._kept and _is_someones(value):
            return self.alias(value)
        if value.__class__ is int and key.lower().endswith("id"):
            return int(self.alias(str(value)))
        return value

    def known_in(self, value: Any) -> Any:
        """A value in which what has an alias is exchanged for it, also within longer texts."""
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
        number = 0
        while True:
            # After so many attempts every text of its length may be taken: then it has to grow.
            yield self._disguised(text + "0" * (number // 64), f"{self._salt}/{number}/{text}")
            number += 1

    def _disguised(self, text: str, seed: str) -> str:
        name, at, domain = text.rpartition("@")
        made = "".join(map(_exchanged, name + at if at else text, _stream(seed)))
        if not at:
            return made
        room = len(domain) - len(_DOMAIN) - 1
        letters = "".join(
            string.ascii_lowercase[one % 26]
            for one, _ in zip(_stream(f"{self._salt}/{domain}"), range(room), strict=False)
        )
        return f"{made}{letters}.{_DOMAIN}" if room > 0 else f"{made}{domain}"


def _is_someones(text: str) -> bool:
    return len(text) > 1 and not re.fullmatch(_MOMENT, text) and not is_time_zone(text)


def _stream(seed: str) -> Iterator[int]:
    """Numbers without an end that depend on nothing but a seed."""
    block = seed.encode("utf-8", "surrogatepass")
    while True:
        block = hashlib.sha256(block).digest()
        yield from block


def _exchanged(char: str, number: int) -> str:
    """Another character of the same kind; a leading zero would not stay one in a number, so digits are 1 to 9."""
    for kind in _KINDS:
        if char in kind:
            return kind[1:][number % 9] if kind is string.digits else kind[number % 26]
    return (
        (string.ascii_uppercase if char.isupper() else string.ascii_lowercase)[number % 26] if char.isalpha() else char
    )
