"""Regular expressions from mappings and schemas: a search takes time linear in the length of the text.

RE2 runs them. Python's `re`, which takes a thirtieth of the time to begin, runs those on short texts of which
`backtracking` proves that they take few steps there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from truto_mapper.text.source import SURROGATE, is_unicode


class PatternError(Exception):
    """What is wrong with a pattern."""


#: The most groups × instructions of a pattern: a search notes where each group is for each instruction, in 16 bytes.
_MAX_PLACES = 5_000_000


#: The most steps that a search by `re` may take, some milliseconds.
_MAX_STEPS = 500_000


class Regex:
    """A pattern that searches texts. `groups` is how many it has, `size` how many instructions."""

    __slots__ = ("_brief", "_by_re2", "_flags", "_pattern", "_quick", "_reach", "groups", "size")

    def __init__(self, by_re2: Any, pattern: str, flags: str) -> None:
        self._by_re2, self.groups, self.size = by_re2, int(by_re2.groups), int(by_re2.programsize)
        self._pattern, self._flags = pattern, flags
        self._quick: re.Pattern[str] | None = None
        #: The longest text that `re` searches, None until the first search; whether no match is empty.
        self._reach: int | None = None
        self._brief = False

    def steps(self, length: int) -> int:
        """The most steps that RE2 takes to search a text: one for each character and instruction."""
        return self.size * length

    def _prepare(self) -> int:
        """How long a text `re` may search; it is made for the first search."""
        from truto_mapper.text.backtracking import plan  # noqa: PLC0415  # as in `compile_pattern`

        found = plan(self._pattern, self._flags)
        self._reach = found.reach(_MAX_STEPS) if found else -1
        if found:
            self._quick, self._brief = re.compile(found.pattern, found.flags), not found.can_be_empty
        return self._reach

    def _engine(self, text: str) -> Any:
        """What searches a text. The two know different cases of letters beyond ASCII."""
        reach = self._prepare() if self._reach is None else self._reach
        return self._by_re2 if len(text) > reach or ("i" in self._flags and not text.isascii()) else self._quick

    def brief(self, text: str) -> re.Pattern[str] | None:
        """What finds all matches in a text in a few milliseconds, none of them empty; None where nothing does."""
        return self._quick if self._engine(text) is self._quick and self._brief else None

    def sub(self, text: str, template: tuple[Any, ...]) -> str | None:
        """A text with its matches replaced, where that is brief; None elsewhere.

        A template is texts, with the number of a group between each two of them.
        """
        brief = self.brief(text)
        return None if brief is None else brief.sub(_replacement(template), text)

    def split(self, text: str) -> list[str] | None:
        """The parts of a text between matches, where that is brief and the pattern has no groups; None elsewhere."""
        brief = None if self.groups else self.brief(text)
        return None if brief is None else brief.split(text)

    def search(self, text: str, start: int = 0) -> Any:
        """The first match at or after a place, or None. This and the next two raise `UnicodeError`."""
        return self._engine(text).search(text, start)

    def finditer(self, text: str) -> Iterator[Any]:
        """The matches, one after another."""
        matches: Iterator[Any] = self._engine(text).finditer(text)
        return matches

    def fullmatch(self, text: str) -> Any:
        """The match of the whole text, or None."""
        return self._engine(text).fullmatch(text)


@lru_cache(maxsize=256)
def _replacement(template: tuple[Any, ...]) -> str:
    """A template as `re` has it."""
    parts = [rf"\g<{part}>" if index & 1 else part.replace("\\", r"\\") for index, part in enumerate(template)]
    return "".join(parts)


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, flags: str = "") -> Regex:
    """A pattern of ECMAScript, compiled by RE2; `flags` are any of `i` and `m`. Raises `PatternError`.

    RE2 has no lookaround and no backreferences. Very many groups are refused.
    """
    import re2  # noqa: PLC0415  # many processes that map need no pattern

    from truto_mapper.text.ecmascript import translated  # noqa: PLC0415  # likewise

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in flags
    prefix, pattern = "(?m)" if "m" in flags else "", translated(pattern)
    try:
        made = re2.compile(prefix + pattern, options)
    except UnicodeError:
        raise PatternError("half of a surrogate pair is not a character") from None
    except re2.error as error:
        reason = error.args[0]
        raise PatternError(reason.decode() if isinstance(reason, bytes) else reason) from None
    if made.groups * made.programsize > _MAX_PLACES:
        raise PatternError(f"it has {made.groups:,} groups, which is too many for its length")
    return Regex(made, pattern, flags)


def literal(text: str) -> str:
    """The pattern of a text itself. Raises `PatternError`."""
    try:
        from re2 import escape  # noqa: PLC0415  # likewise

        return str(escape(text))
    except UnicodeError:
        raise PatternError("half of a surrogate pair is not a character") from None


def is_pattern(text: str) -> bool:
    """Whether a text is a regular expression that RE2 knows."""
    try:
        compile_pattern(text)
    except PatternError:
        return False
    return True


def occurs(pattern: str, text: str) -> bool:
    """Whether a pattern matches somewhere in a text; half of a surrogate pair counts as U+FFFD."""
    return compile_pattern(pattern).search(text if is_unicode(text) else SURROGATE.sub("\ufffd", text)) is not None
