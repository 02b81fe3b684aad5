"""Numbers as letters, Roman numerals and English words: writing and reading them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

__all__ = ["NUMERALS", "nth", "table"]

#: A function that writes a number; one that splits a text, the value of each part, a function that combines the values;
#: and a regular expression for one part.
Numeral = tuple[Callable[[int], str], Callable[[str], list[str]], dict[str, int], Callable[[list[int]], int], str]


def table(words: str, numbers: Iterable[int]) -> dict[str, int]:
    """The number of each word."""
    return dict(zip(words.split(), numbers, strict=True))


def _letters(number: int) -> str:
    """A number in letters, as spreadsheet columns are named."""
    text = ""
    while number:
        number, letter = divmod(number - 1, 26)
        text = chr(65 + letter) + text
    return text


def _of_letters(values: list[int]) -> int:
    return sum(value * 26**place for place, value in enumerate(reversed(values)))


_ROMAN: Final = table("M CM D CD C XC L XL X IX V IV I", (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1))


def _roman(number: int) -> str:
    text = ""
    for numeral, worth in _ROMAN.items():
        count, number = divmod(number, worth)
        text += numeral * count
    return text


def _of_roman(values: list[int]) -> int:
    """The number of Roman numerals; each is subtracted if a greater one follows anywhere."""
    return sum(-value if value < max(values[place:]) else value for place, value in enumerate(values))


_WORDS: Final = table(
    "Zero One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen Fourteen Fifteen Sixteen Seventeen "
    "Eighteen Nineteen Twenty Thirty Forty Fifty Sixty Seventy Eighty Ninety Hundred Thousand Million Billion Trillion",
    (*range(20), *range(20, 100, 10), 100, 1000, 10**6, 10**9, 10**12),
)
_NAMED: Final = {number: word for word, number in _WORDS.items()}
#: The endings of cardinals, and of their ordinals.
_ENDINGS: Final = (
    *(("One", "First"), ("Two", "Second"), ("Three", "Third"), ("ve", "fth"), ("Nine", "Ninth"), ("t", "th")),
    *(("y", "ieth"), ("", "th")),
)


def _words(number: int) -> str:
    worth = max(value for value in _NAMED if value <= number)
    if number < 100:
        return _NAMED[worth] + (f"-{_NAMED[number - worth]}" if number > worth else "")
    count, rest = divmod(number, worth)
    more = "" if not rest else f" and {_words(rest)}" if rest < 100 else f", {_words(rest)}"
    return f"{_words(count)} {_NAMED[worth]}{more}"


def nth(words: str) -> str:
    """The ordinal of a cardinal."""
    ending, nth = next(pair for pair in _ENDINGS if words.endswith(pair[0]))
    return words.removesuffix(ending) + nth


def _of_words(values: list[int]) -> int:
    """The number of words: one below a hundred is added to the last part, any other multiplies it."""
    counted = [0]
    for value in values:
        if value >= 100:
            counted[-1] *= value
        elif counted[-1] >= 1000:
            counted.append(value)
        else:
            counted[-1] += value
    return sum(counted)


_FORMS: Final = {form.upper(): number for word, number in _WORDS.items() for form in (word, nth(word))}
_WORD: Final = "|".join((*sorted(_FORMS, reverse=True), "AND", "[-, ]"))
_LETTERS: Final = {chr(64 + number): number for number in range(1, 27)}
NUMERALS: Final[dict[str, Numeral]] = {
    "a": (_letters, list, _LETTERS, _of_letters, "[A-Z]"),
    "i": (_roman, list, _ROMAN, _of_roman, "[MDCLXVI]"),
    "w": (_words, partial(re.split, r",\s|\sAND\s|[\s\\-]"), _FORMS, _of_words, _WORD),
}
