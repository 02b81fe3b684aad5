"""Aliases for the people in a payload: the same person gets the same alias, and everything else stays.

A string is about a person unless it is a date, a time, a time zone, a single character, or known to the mapping by
name, as the values of an enumeration are. An alias has letters and digits of the same kinds, so length, case,
punctuation and format stay, as do the words of a mapping inside a text, and whether its regular expressions match;
addresses end in `.test`, which belongs to nobody, and a UUID stays one. The digits of an integer below a key that ends
in `id` are exchanged too. Counts, booleans and nulls stay.
"""

import hashlib
import re
import string
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import count, islice
from typing import Any

from truto_mapper.text.timestamps import is_time_zone

#: A date or a date-time; in Gong's own example some hours have three digits.
_MOMENT = r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?"
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_DOMAIN = "test"

#: What is exchanged in a sentence that a program writes: addresses, numbers, and names except as its first word.
_IN_A_SENTENCE = re.compile(r"[\w.+-]+@[\w.-]+|\w*\d{4,}\w*|(?<=[a-z,] )[A-Z]\w+")

#: A key of an object that is data.
_KEY = re.compile(r".*@.*\..*|\d{5,}|" + _UUID.pattern)

#: From this length on a word of the mapping stays inside a text, and a text is exchanged inside a longer one.
_WORD = 4

#: A run of letters and digits.
_RUN = r"[^\W_]+"

#: How many aliases are tried before they get longer, or keep the parts that the mapping's patterns match.
_ATTEMPTS = 64

#: Where each pattern of a mapping matches a text; None where it does not.
Matches = tuple[tuple[int, int] | None, ...]


class Aliases:
    """The aliases of some payloads; no two strings share one, and those in `kept` have none.

    `matches` tells where the mapping's patterns match a text; the same ones match its alias. `sentences` are texts in
    which only addresses, numbers and names are exchanged. `counts` says how many strings got an alias, by their path.
    """

    def __init__(
        self,
        salt: str,
        kept: Collection[str] = frozenset(),
        matches: Callable[[str], Matches] = lambda _: (),
        sentences: Collection[str] = (),
    ) -> None:
        self._salt = salt
        self._kept = {one.casefold() for one in kept}
        self._words = [one for one in kept if len(one) >= _WORD]
        self._matches = matches
        self._sentences = sentences
        self._taken: set[str] = set(kept)
        self.known: dict[str, str] = {}
        self.counts: Counter[str] = Counter()

    def of(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """A JSON value with aliases for everything personal in it."""
        if isinstance(value, dict):
            return {self._of_key(name): self.of(child, (*path, name)) for name, child in value.items()}
        if isinstance(value, list):
            return [self.of(child, path) for child in value]
        if isinstance(value, str) and self.is_personal(value):
            made: Any = self.alias(value)
        elif value.__class__ is int and path and path[-1].lower().endswith("id") and str(value) not in self._kept:
            made = int(self.alias(str(value)))
        else:
            return value
        self.counts[".".join("*" if _KEY.fullmatch(name) else name for name in path)] += made != value
        return made

    def _of_key(self, name: str) -> str:
        return self.alias(name) if _KEY.fullmatch(name) and self.is_personal(name) else name

    def is_personal(self, text: str) -> bool:
        """Whether a text gets an alias."""
        is_known = text.casefold() in self._kept or is_time_zone(text)
        return len(text) > 1 and not is_known and not re.fullmatch(_MOMENT, text)

    def known_in(self, value: Any) -> Any:
        """A value in which UUIDs and the known strings are exchanged for their aliases, also inside longer texts."""
        if isinstance(value, dict):
            keys = {name: self.known_in(name) if _KEY.fullmatch(name) else name for name in value}
            return {keys[name]: self.known_in(child) for name, child in value.items()}
        if isinstance(value, list):
            return [self.known_in(child) for child in value]
        if not isinstance(value, str):
            return value
        for one in filter(self.is_personal, _UUID.findall(value)):
            self.alias(one)
        longest = sorted((one for one in self.known if len(one) >= _WORD), key=len, reverse=True)
        pattern = _whole(f"(?:{'|'.join(map(re.escape, longest))})")
        return re.sub(pattern, lambda found: self.known[found[0]], value) if longest else value

    def explain(self, old: str, new: str) -> bool:
        """Whether a text is another one with aliases in it, perhaps of parts, or in another case."""
        if old == new or self.known_in(old) == new:
            return True
        if len(old) != len(new) or re.sub(_RUN, "", old) != re.sub(_RUN, "", new):
            return False
        words = [(found[0].casefold(), new[found.start() : found.end()].casefold()) for found in re.finditer(_RUN, old)]
        return all(one == other or self._is_part(one, other) for one, other in words)

    def _is_part(self, one: str, other: str) -> bool:
        """Whether one word is in a known text, where its alias has the other. A short one must be all of it."""
        for text, made in self.known.items():
            at = text.casefold().find(one)
            if (
                at >= 0
                and made.casefold()[at : at + len(one)] == other
                and (len(one) >= _WORD or text.casefold() == one)
            ):
                return True
        return False

    def alias(self, text: str) -> str:
        """The alias of a text."""
        if text not in self.known:
            made = next(one for one in self._candidates(text) if one is None or one not in self._taken) or text
            self.known[text] = made
            self._taken.add(made)
        return self.known[text]

    def _candidates(self, text: str) -> Iterator[str | None]:
        """Texts that may be the alias, the best first; None if the mapping's patterns match only the text itself."""
        matched = {at for span in self._matches(text) if span is not None for at in range(*span)}
        if text in self._sentences:

            def exchanged(found: re.Match[str]) -> str:
                return found[0] if matched.issuperset(range(*found.span())) else self.alias(found[0])

            yield from self._fitting(text, _IN_A_SENTENCE.sub(exchanged, text))
        for number in count():
            # After 64 attempts all texts of this length may be taken, so it grows.
            made = self._disguised(text + "0" * (number // _ATTEMPTS), f"{self._salt}/{number}/{text}")
            yield from self._fitting(text, made)
            if number == _ATTEMPTS and matched:
                made = self._disguised(text, f"{self._salt}/{text}")
                for keeps in (str.isalpha, str.isdigit, lambda _: True):
                    parts = enumerate(zip(text, made, strict=False))
                    disguised = "".join(old if at in matched and keeps(old) else new for at, (old, new) in parts)
                    yield from self._fitting(text, disguised)
                yield None

    def _fitting(self, text: str, made: str) -> Iterator[str]:
        before, after = ([span is None for span in self._matches(one)] for one in (text, made))
        if before == after:
            yield made

    def _disguised(self, text: str, seed: str) -> str:
        """A text with other letters and digits, except in the words of the mapping."""
        if _UUID.fullmatch(text):
            digits = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()
            return re.sub(r"\w+", lambda found: digits[found.start() : found.end()], text)
        name, at, domain = text.rpartition("@") if re.fullmatch(r"\S+@\S+", text) else ("", "", "")
        made = "".join(map(_exchanged, name + at if at else text, _stream(seed)))
        made += self._other_domain(domain) if at else ""
        for word in self._words:
            for found in re.finditer(_whole(re.escape(word), word), text) if word in text else ():
                made = made[: found.start()] + word + made[found.end() :]
        return made

    def _other_domain(self, domain: str) -> str:
        room = len(domain) - len(_DOMAIN) - 1
        if room <= 0:
            return domain
        letters = (string.ascii_lowercase[one % 26] for one in islice(_stream(f"{self._salt}/{domain}"), room))
        return f"{''.join(letters)}.{_DOMAIN}"


def _whole(pattern: str, word: str = "x") -> str:
    """A pattern that matches whole words. A word that begins or ends with punctuation has that end."""
    start, end = (
        "" if not one.isalnum() else rf"{look}[^\W_])" for one, look in ((word[0], "(?<!"), (word[-1], "(?!"))
    )
    return f"{start}{pattern}{end}"


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
