"""Regular expressions from mappings and schemas, run by RE2: a search takes time linear in the length of the text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2

from truto_mapper.text.source import SURROGATE

PatternError = re2.error
_ESCAPE = r"(?s)\\(?:u([0-9a-fA-F]{4})|.)"

#: The most groups × instructions of a pattern: a search notes where each group is for each instruction, in 16 bytes.
_MAX_PLACES = 5_000_000


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, flags: str = "") -> Any:
    """A pattern compiled by RE2; `flags` are any of `i` and `m`. Raises `PatternError`.

    RE2 has no lookaround and no backreferences. Very many groups are refused.
    """
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in flags
    prefix = "(?m)" if "m" in flags else ""
    try:
        made = re2.compile(prefix + re.sub(_ESCAPE, _escape, pattern), options)
    except UnicodeError:
        raise PatternError("half of a surrogate pair is not a character") from None
    if made.groups * made.programsize > _MAX_PLACES:
        raise PatternError(f"it has {made.groups:,} groups, which is too many for its length")
    return made


def _escape(found: re.Match[str]) -> str:
    """An escape as RE2 writes it."""
    return f"\\x{{{found[1]}}}" if found[1] else found[0]


def literal(text: str) -> str:
    """The pattern of a text itself. Raises `PatternError`."""
    try:
        return str(re2.escape(text))
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
    compiled = compile_pattern(pattern)
    try:
        return compiled.search(text) is not None
    except UnicodeError:
        return compiled.search(SURROGATE.sub("\ufffd", text)) is not None
