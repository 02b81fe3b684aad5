"""Regular expressions, and the functions that search texts: $match, $contains, $split and $replace."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

from truto_mapper.language.runtime.calls import apply
from truto_mapper.language.runtime.values import MISSING, Function, Pattern, Run, Sequence, bounded, fail
from truto_mapper.text.regex import Regex, compile_pattern
from truto_mapper.text.source import is_unicode

#: The steps of a search that RE2 surely takes in half a second, and the size of a part of a text, in bytes.
STEPS = 50_000_000
_PART = 64
#: How many parts a text that is made by one native call may have.
_PARTS = 1024


@lru_cache(maxsize=1024)
def regex(pattern: str, flags: str) -> Pattern:
    """`/pattern/flags`"""
    compiled = compile_pattern(pattern, flags)
    function = Pattern("regex", partial(_first_match, compiled), 2, runs=True)
    function.pattern = compiled
    return function


def _begin(run: Run, pattern: Regex, text: str) -> None:
    """Count a search as work. Raises D1012 if it, which nothing can stop, may take too long; D3137 for half a pair."""
    if not is_unicode(text):
        fail("D3137", "a text with half of a surrogate pair cannot be searched by a regular expression")
    steps = pattern.size * len(text)
    if steps < 4096:
        return
    if steps > run.budget.timeout * STEPS:
        limit = f"longer than {run.budget.timeout:g} seconds"
        fail("D1012", f"searching {len(text):,} characters for this regular expression may take {limit}")
    run.tick(steps >> 12)


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
    """The matches of a function that behaves like a regular expression."""
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


def _found(run: Run, pattern: Regex, text: str, limit: Any) -> Iterator[Any]:
    """The matches of a regular expression."""
    _begin(run, pattern, text)
    if limit is MISSING and pattern.is_brief(text):
        return pattern.finditer(text)
    return _counted(run, pattern, text, limit)


def _counted(run: Run, pattern: Regex, text: str, limit: Any) -> Iterator[Any]:
    """The same one after another, each counted as work. As in the reference, one more is looked for than are wanted.

    Raises D1004 for an empty match that is not the last.
    """
    if limit is not MISSING and limit <= 0:
        return
    for number, found in enumerate(pattern.finditer(text), 1):
        start, end = found.span()
        if number == 1 or end > start:
            if limit is not MISSING and number > limit:
                return
            yield found
            if end >= len(text):
                return
        if end == start:  # the next match would be the same
            fail("D1004", "Regular expression matches zero length string")
        run.tick(1 + (pattern.size * (len(text) - end) >> 12))


def match(run: Run, text: Any, pattern: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        fail("D3040", "Third argument of match function must evaluate to a positive number")
    if not isinstance(pattern, Pattern):
        found = _matches(run, pattern, text, limit)
        return Sequence({"match": m["match"], "index": m["start"], "groups": m["groups"]} for m in found)
    matches = Sequence()
    for one in _found(run, pattern.pattern, text, limit):
        run.spend(_MATCH + (1 + pattern.pattern.groups) * (one.end() - one.start()))
        matches.append({"match": one.group(), "index": one.start(), "groups": list(one.groups())})
    return matches


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
    if isinstance(separator, str):
        most = len(text) if limit is MISSING else int(limit)
        size = min(most, text.count(separator) + 1 if separator else len(text))
        run.spend(_PART * size)
        parts = text.split(separator, size) if separator else list(text[:size])
        return parts[:size] if most == size else parts
    parts, start = [], 0
    for from_, to in _spans(run, separator, text, limit):
        run.spend(_PART)
        parts.append(text[start:from_])
        start = to
    return [*parts, text[start:]] if limit is MISSING or len(parts) < limit else parts


def _spans(run: Run, separator: Any, text: str, limit: Any) -> Iterator[tuple[int, int]]:
    """Where the matches begin and end."""
    if isinstance(separator, Pattern):
        return (found.span() for found in _found(run, separator.pattern, text, limit))
    return ((found["start"], found["end"]) for found in _matches(run, separator, text, limit))


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
    if isinstance(pattern, Pattern):
        return _replaced_all(run, text, pattern.pattern, replacement, limit)
    parts, end, length = [], 0, 0
    for found in _matches(run, pattern, text, limit):
        parts += [text[end : found["start"]], _replaced(run, replacement, found)]
        end = found["start"] + len(found["match"])
        length += len(parts[-1])
        bounded(length)
        run.spend(_PART)
    return "".join([*parts, text[end:]])


def _replaced_all(run: Run, text: str, pattern: Regex, replacement: Any, limit: Any) -> str:
    """A text with the matches of a regular expression replaced."""
    template = _template(replacement, pattern.groups) if isinstance(replacement, str) else None
    if template is not None and limit is MISSING and len(text) * len(replacement) < _PARTS * _PART:
        _begin(run, pattern, text)
        if (made := pattern.sub(text, template)) is not None:
            return made
    parts: list[str] = []
    end = length = 0
    for found in _found(run, pattern, text, limit):
        start, after = found.span()
        parts.append(text[end:start])
        parts.append(
            _replaced(run, replacement, _match_of(run, found)) if template is None else _filled(run, template, found)
        )
        end = after
        length += len(parts[-1])
        bounded(length)
        run.spend(_PART)
    return "".join([*parts, text[end:]])


def _filled(run: Run, template: tuple[Any, ...], found: Any) -> str:
    """A replacement: every other part of the template is the number of a group."""
    run.tick(len(template) >> 1)
    made = [(found.group(part) or "") if index & 1 else part for index, part in enumerate(template)]
    bounded(sum(map(len, made)))
    return "".join(made)


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
    """A replacement with the groups that it refers to, of a match that a function gave."""
    texts, parts, length = [found["match"], *found["groups"]], _template(replacement, len(found["groups"])), 0
    made: list[str] = []
    for index, part in enumerate(parts):
        text = texts[part] if index & 1 else part
        made.append(text if isinstance(text, str) else "")
        length += len(made[-1])
        bounded(length)
        run.tick()
    return "".join(made)


@lru_cache(maxsize=256)
def _template(replacement: str, groups: int) -> tuple[Any, ...]:
    """The texts of a replacement, with the number of a group between each two of them."""
    parts: list[Any] = [""]
    end = 0
    for one in re.finditer(_REFERENCE, replacement):
        parts[-1] += replacement[end : one.start()]
        group, text = _reference(one[1], groups)
        if group is None:
            parts[-1] += text
        else:
            parts += [group, text]
        end = one.end()
    parts[-1] += replacement[end:]
    return tuple(parts)


def _reference(digits: str, groups: int) -> tuple[int | None, str]:
    """The group of `$0` or `$12`, None for none, and the text behind it; it has no more digits than `groups` has."""
    if digits == "$":
        return None, "$"
    if digits[0] == "0":
        return 0, digits[1:]
    used = len(str(groups))
    if used > 1 and int(digits[:used]) > groups:
        used -= 1
    number = int(digits[:used])
    return (number if 0 < number <= groups else None), digits[used:]
