"""Regular expressions, and the functions that search texts: $match, $contains, $split and $replace."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, NoReturn

from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.calls import apply
from truto_mapper.language.runtime.coercion import as_index, as_text, between
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
    function = Pattern(f"/{pattern}/{flags}", partial(_first_match, compiled), 2, runs=True)
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


def _first_match(pattern: Any, run: Run, value: Any = MISSING, start: Any = 0, *_: Any) -> Any:
    """The result of a regular expression as a function: the first match at or after `start`.

    As in the reference, a value that is not text is searched as ECMAScript writes it, `[1, 2]` as `1,2`.
    """
    text, first = as_text(run, value), as_index(run, start)
    _begin(run, pattern, text)
    found = pattern.search(text, first) if first <= len(text) else None
    return MISSING if found is None else _linked(run, pattern, text, found)


def _linked(run: Run, pattern: Any, text: str, found: Any) -> dict[str, Any]:
    """A match with a function for the next one."""

    def following(*_: Any) -> Any:
        after: Any = _first_match(pattern, run, text, found.end()) if found.end() < len(text) else MISSING
        if after and not after["match"]:
            fail("D1004", "Regular expression matches zero length string")
        return after

    return {**_match_of(run, found), "next": Function("next", following, 0)}


#: The size of a match without its texts, in bytes.
_MATCH = 400


def _match_of(run: Run, found: Any) -> dict[str, Any]:
    run.spend(_MATCH + (1 + found.re.groups) * (found.end() - found.start()))
    return {"match": found.group(), "start": found.start(), "end": found.end(), "groups": list(found.groups(MISSING))}


def _matches(run: Run, name: str, matcher: Any, text: str, limit: Any, *, linked: bool = False) -> Iterator[Any]:
    """The matches of a regular expression, or of a function that behaves like one, for the function `$name`."""
    if limit is not MISSING and not limit > 0:
        return
    if isinstance(matcher, Pattern):
        yield from _pattern_matches(run, matcher.pattern, text, limit, linked=linked)
        return
    found, number = _checked(name, apply(run, matcher, text)), 0
    while found is not MISSING and (limit is MISSING or number < limit):
        yield found
        number += 1
        found = _checked(name, apply(run, _part(name, found, "next", Function)))


def _pattern_matches(run: Run, pattern: Any, text: str, limit: Any, *, linked: bool) -> Iterator[Any]:
    instructions = _begin(run, pattern, text)
    for number, found in enumerate(pattern.finditer(text)):
        is_empty = found.start() == found.end()
        if number and (is_empty or (limit is not MISSING and number >= limit)):
            break
        yield _linked(run, pattern, text, found) if linked else _match_of(run, found)
        if found.end() >= len(text):
            return
        if is_empty:  # the next match would be the same
            break
        run.tick(1 + (instructions * (len(text) - found.end()) >> 12))
    else:
        return
    if is_empty:
        fail("D1004", "Regular expression matches zero length string")


def _checked(name: str, found: Any) -> Any:
    """What a matcher returned, if it has at least one part of a match, or is false."""
    parts = (("start", (int, float)), ("groups", list), ("next", Function))
    has_one = isinstance(found, dict) and any(isinstance(found.get(part), kind) for part, kind in parts)
    if not has_one and (found or isinstance(found, (list, dict, Function))):
        _refuse_match(name, found)
    return found


def _part(name: str, found: Any, part: str, kind: Any) -> Any:
    """A part of what a matcher returned. Raises T1010 if it is not of the right kind."""
    value = found.get(part) if isinstance(found, dict) else None
    if not isinstance(value, kind):
        _refuse_match(name, found)
    return value


def _refuse_match(name: str, found: Any) -> NoReturn:
    wanted = "a regular expression, or a function that returns an object with match, start, end, groups and next"
    refuse("T1010", name, 2, wanted, found, "but it returned")


def match(run: Run, text: Any, pattern: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        refuse("D3040", "match", 3, "0 or more", limit)
    found = Sequence()
    for one in _matches(run, "match", pattern, text, limit):
        if not isinstance(one, dict):
            _refuse_match("match", one)
        parts = (("match", "match"), ("index", "start"), ("groups", "groups"))
        found.append({name: one.get(part, MISSING) for name, part in parts})
    return found


def contains(run: Run, text: Any, token: Any) -> Any:
    if text is MISSING or token is MISSING:
        return MISSING
    if isinstance(token, Pattern):
        _begin(run, token.pattern, text)
        return token.pattern.search(text) is not None
    return token in text if isinstance(token, str) else _checked("contains", apply(run, token, text)) is not MISSING


def split(run: Run, text: Any, separator: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        refuse("D3020", "split", 3, "0 or more", limit)
    if isinstance(separator, str) and separator and limit is MISSING and len(text) < _SHORT:
        parts = text.split(separator)
        run.spend(_PART * len(parts))
        return parts
    if isinstance(separator, str):
        # As in the reference, a limit is a number of 32 bits.
        most = len(text) + 1 if limit is MISSING else int(limit) % 2**32 if math.isfinite(limit) else 0
        size = min(most, text.count(separator) + 1 if separator else len(text))
        run.spend(_PART * size)
        parts = text.split(separator, size) if separator else list(text[:size])
        return parts[:size] if most == size else parts
    parts, start = [], 0
    for found in _matches(run, "split", separator, text, limit):
        run.spend(_PART)
        parts.append(between(text, start, _part("split", found, "start", (int, float))))
        start = _part("split", found, "end", (int, float))
    is_whole = limit is MISSING or len(parts) < limit
    return [*parts, between(text, start, len(text))] if is_whole else parts


def replace(run: Run, text: Any, pattern: Any, replacement: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if pattern == "":
        refuse("D3010", "replace", 2, "a string of at least one character", pattern)
    if limit is not MISSING and limit < 0:
        refuse("D3011", "replace", 4, "0 or more", limit)
    if limit is not MISSING and not limit > 0:
        return text
    if isinstance(pattern, str):
        if pattern not in text:
            return text
        count = -1 if limit is MISSING else math.ceil(min(limit, len(text)))
        bounded(text.count(pattern) * len(replacement) if isinstance(replacement, str) else 0)
        return text.replace(pattern, _replaced(run, replacement, None), count)
    if isinstance(pattern, Pattern) and not contains(run, text, pattern):
        return text
    parts, end, length = [], 0, 0
    linked = not isinstance(replacement, str)
    for found in _matches(run, "replace", pattern, text, limit, linked=linked):
        made, start = _replaced(run, replacement, found), _part("replace", found, "start", (int, float))
        parts += [between(text, end, start), made]
        end = start + len(_part("replace", found, "match", str))
        length += len(parts[-1])
        bounded(length)
        run.spend(_PART)
    return "".join([*parts, between(text, end, len(text))])


def _replaced(run: Run, replacement: Any, found: Any) -> str:
    """The replacement of a match. `found` is None for a match of a plain string, which has no groups."""
    if isinstance(replacement, str):
        return replacement if found is None else _referred(run, replacement, found)
    made = replacement if found is None else apply(run, replacement, found)
    if not isinstance(made, str):
        given = "but it is" if found is None else "but it returned"
        wanted = "a string" if found is None else "a string, or a function that returns one"
        refuse("D3012", "replace", 3, wanted, made, given)
    return made


_REFERENCE = r"(?a)\$(\$|\d+)"


def _referred(run: Run, replacement: str, found: dict[str, Any]) -> str:
    """A replacement with the groups that it refers to."""
    parts, end, length = [], 0, len(replacement)
    for one in re.finditer(_REFERENCE, replacement):
        parts += [replacement[end : one.start()], _reference(run, one, found)]
        end = one.end()
        length += len(parts[-1])
        bounded(length)
        run.tick()
    return "".join([*parts, replacement[end:]])


def _reference(run: Run, found: re.Match[str], match: dict[str, Any]) -> str:
    """The value of `$$`, `$0` or `$12`; a number uses no more digits than the number of groups has."""
    digits = found[1]
    if digits == "$":
        return "$"
    if digits[0] == "0":
        return str(_part("replace", match, "match", str)) + digits[1:]
    groups = _part("replace", match, "groups", list)
    used = len(str(len(groups)))
    if used > 1 and int(digits[:used]) > len(groups):
        used -= 1
    number = int(digits[:used])
    group = groups[number - 1] if 0 < number <= len(groups) else MISSING
    return ("" if group is MISSING else as_text(run, group)) + digits[used:]
