"""Regular expressions, and the functions that search texts: $match, $contains, $split and $replace."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

from truto_mapper.language.runtime.calls import apply
from truto_mapper.language.runtime.values import MISSING, Function, Pattern, Run, Sequence, bounded, fail
from truto_mapper.text.regex import compile_pattern

#: The steps of a search that RE2 surely takes in half a second, and the size of a part of a text, in bytes.
STEPS = 50_000_000
_PART = 64
#: The length of a text from which on its parts are counted before they are made.
_SHORT = 1_000


@lru_cache(maxsize=1024)
def regex(pattern: str, flags: str) -> Pattern:
    """`/pattern/flags`"""
    compiled = compile_pattern(pattern, flags)
    function = Pattern("regex", partial(_first_match, compiled), 2, runs=True)
    function.pattern = compiled
    return function


def work(pattern: Any, length: int) -> int:
    """The most steps that RE2 takes to search a text: one for each character and instruction."""
    return int(pattern.programsize) * length


def _begin(run: Run, pattern: Any, text: str) -> int:
    """The instructions of a pattern. Raises D1012 if one search, which nothing can stop, may take too long."""
    steps = work(pattern, len(text))
    if steps > run.budget.timeout * STEPS:
        limit = f"longer than {run.budget.timeout:g} seconds"
        fail("D1012", f"searching {len(text):,} characters for this regular expression may take {limit}")
    run.tick(steps >> 12)
    return int(pattern.programsize)


def _first_match(pattern: Any, run: Run, text: Any, start: Any = 0) -> Any:
    """The result of a regular expression as a function: a match, with a function for the next one."""
    if not isinstance(text, str):
        return MISSING
    _begin(run, pattern, text)
    found = pattern.search(text, start)
    if found is None:
        return MISSING

    def following() -> Any:
        after: Any = _first_match(pattern, run, text, found.end()) if found.end() < len(text) else MISSING
        if after and not after["match"]:
            fail("D1004", "Regular expression matches zero length string")
        return after

    return {**_match_of(run, found), "next": Function("next", following, 0)}


#: The size of a match without its texts, in bytes.
_MATCH = 400


def _match_of(run: Run, found: Any) -> dict[str, Any]:
    run.spend(_MATCH + (1 + found.re.groups) * (found.end() - found.start()))
    return {"match": found.group(), "start": found.start(), "end": found.end(), "groups": list(found.groups())}


def _matches(run: Run, matcher: Any, text: str, limit: Any) -> Iterator[Any]:
    """The matches of a regular expression, or of a function that behaves like one."""
    if isinstance(matcher, Pattern):
        yield from _pattern_matches(run, matcher.pattern, text, limit)
        return
    found = apply(run, matcher, text) if limit is MISSING or limit > 0 else MISSING
    number = 1
    while found is not MISSING:
        if not (isinstance(found, dict) and {"match", "start", "end", "groups", "next"} <= found.keys()):
            fail("T1010", "The matcher function does not return the correct object structure")
        yield found
        if limit is not MISSING and number >= limit:
            return
        number += 1
        found = apply(run, found["next"])


def _pattern_matches(run: Run, pattern: Any, text: str, limit: Any) -> Iterator[Any]:
    if limit is not MISSING and limit <= 0:
        return
    instructions = _begin(run, pattern, text)
    for number, found in enumerate(pattern.finditer(text), 1):
        is_empty = found.start() == found.end()
        if number == 1 or not is_empty:
            yield _match_of(run, found)
            if found.end() >= len(text) or (limit is not MISSING and number >= limit):
                return
        if is_empty:  # the next match would be the same
            fail("D1004", "Regular expression matches zero length string")
        run.tick(1 + (instructions * (len(text) - found.end()) >> 12))


def match(run: Run, text: Any, pattern: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        fail("D3040", "Third argument of match function must evaluate to a positive number")
    found = _matches(run, pattern, text, limit)
    return Sequence({"match": m["match"], "index": m["start"], "groups": m["groups"]} for m in found)


def contains(run: Run, text: Any, token: Any) -> Any:
    if text is MISSING or token is MISSING:
        return MISSING
    if isinstance(token, Pattern):
        _begin(run, token.pattern, text)
        return token.pattern.search(text) is not None
    return token in text if isinstance(token, str) else next(_matches(run, token, text, MISSING), None) is not None


def split(run: Run, text: Any, separator: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        fail("D3020", "Third argument of split function must evaluate to a positive number")
    if isinstance(separator, str) and separator and limit is MISSING and len(text) < _SHORT:
        parts = text.split(separator)
        run.spend(_PART * len(parts))
        return parts
    if isinstance(separator, str):
        most = len(text) if limit is MISSING else int(limit)
        size = min(most, text.count(separator) + 1 if separator else len(text))
        run.spend(_PART * size)
        parts = text.split(separator, size) if separator else list(text[:size])
        return parts[:size] if most == size else parts
    parts, start = [], 0
    for found in _matches(run, separator, text, limit):
        run.spend(_PART)
        parts.append(text[start : found["start"]])
        start = found["end"]
    return [*parts, text[start:]] if limit is MISSING or len(parts) < limit else parts


def replace(run: Run, text: Any, pattern: Any, replacement: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if pattern == "":
        fail("D3010", "Second argument of replace function cannot be an empty string")
    if limit is not MISSING and limit < 0:
        fail("D3011", "Fourth argument of replace function must evaluate to a positive number")
    if isinstance(pattern, str):
        count = -1 if limit is MISSING else math.ceil(limit)
        bounded(text.count(pattern) * len(replacement) if isinstance(replacement, str) else 0)
        return text.replace(pattern, _replaced(run, replacement, None), count)
    if isinstance(pattern, Pattern) and not contains(run, text, pattern):
        return text
    parts, end, length = [], 0, 0
    for found in _matches(run, pattern, text, limit):
        parts += [text[end : found["start"]], _replaced(run, replacement, found)]
        end = found["start"] + len(found["match"])
        length += len(parts[-1])
        bounded(length)
        run.spend(_PART)
    return "".join([*parts, text[end:]])


def _replaced(run: Run, replacement: Any, found: Any) -> str:
    """The replacement of a match. `found` is None for a match of a plain string, which has no groups."""
    if isinstance(replacement, str):
        return replacement if found is None else _referred(run, replacement, found)
    made = replacement if found is None else apply(run, replacement, found)
    if not isinstance(made, str):
        fail("D3012", "Attempted to replace a matched string with a non-string value")
    return made


_REFERENCE = r"(?a)\$(\$|\d+)"


def _referred(run: Run, replacement: str, found: dict[str, Any]) -> str:
    """A replacement with the groups that it refers to."""
    parts, end, length = [], 0, len(replacement)
    for one in re.finditer(_REFERENCE, replacement):
        parts += [replacement[end : one.start()], _reference(one, found)]
        end = one.end()
        length += len(parts[-1])
        bounded(length)
        run.tick()
    return "".join([*parts, replacement[end:]])


def _reference(found: re.Match[str], match: dict[str, Any]) -> str:
    """The value of `$$`, `$0` or `$12`; a number uses no more digits than the number of groups has."""
    digits, groups = found[1], match["groups"]
    if digits == "$":
        return "$"
    if digits[0] == "0":
        return str(match["match"]) + digits[1:]
    used = len(str(len(groups)))
    if used > 1 and int(digits[:used]) > len(groups):
        used -= 1
    number = int(digits[:used])
    group = groups[number - 1] if 0 < number <= len(groups) else None
    return (group if isinstance(group, str) else "") + digits[used:]
