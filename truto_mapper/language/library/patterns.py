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
from truto_mapper.text.regex import Regex, compile_pattern
from truto_mapper.text.source import is_unicode

#: The steps of a search that RE2 surely takes in half a second, and the size of a part of a text, in bytes.
STEPS = 50_000_000
_PART = 64
#: The length of a text from which on its parts are counted before they are made.
_SHORT = 1_000
#: How many parts a text that is made by one native call may have.
_PARTS = 1024


@lru_cache(maxsize=1024)
def regex(pattern: str, flags: str) -> Pattern:
    """`/pattern/flags`"""
    compiled = compile_pattern(pattern, flags)
    function = Pattern(f"/{pattern}/{flags}", partial(_first_match, compiled), 2, runs=True)
    function.pattern = compiled
    return function


def _begin(run: Run, pattern: Regex, text: str) -> None:
    """Count a search as work. Raises D1012 if it, which nothing can stop, may take too long; D3137 for half a pair."""
    if not (text.isascii() or is_unicode(text)):
        fail("D3137", "a text with half of a surrogate pair cannot be searched by a regular expression")
    steps = pattern.size * len(text)
    if steps < 4096:
        return
    if steps > run.budget.timeout * STEPS:
        limit = f"longer than {run.budget.timeout:g} seconds"
        fail("D1012", f"searching {len(text):,} characters for this regular expression may take {limit}")
    run.tick(steps >> 12)


def _first_match(pattern: Regex, run: Run, value: Any = MISSING, start: Any = 0, *_: Any) -> Any:
    """The result of a regular expression as a function: the first match at or after `start`.

    As in the reference, a value that is not text is searched as ECMAScript writes it, `[1, 2]` as `1,2`.
    """
    text, first = as_text(run, value), as_index(run, start)
    _begin(run, pattern, text)
    found = pattern.search(text, first) if first <= len(text) else None
    return MISSING if found is None else _linked(run, pattern, text, found)


def _linked(run: Run, pattern: Regex, text: str, found: Any) -> dict[str, Any]:
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


def _matches(run: Run, name: str, matcher: Any, text: str, limit: Any) -> Iterator[Any]:
    """The matches of a function that behaves like a regular expression, for the function `$name`."""
    if limit is not MISSING and not limit > 0:
        return
    found, number = _checked(name, apply(run, matcher, text)), 0
    while found is not MISSING and (limit is MISSING or number < limit):
        yield found
        number += 1
        found = _checked(name, apply(run, _part(name, found, "next", Function)))


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


def _found(run: Run, pattern: Regex, text: str, limit: Any) -> Iterator[Any]:
    """The matches of a regular expression."""
    _begin(run, pattern, text)
    if limit is MISSING and (brief := pattern.brief(text)) is not None:
        return brief.finditer(text)
    return _counted(run, pattern, text, limit)


def _counted(run: Run, pattern: Regex, text: str, limit: Any) -> Iterator[Any]:
    """The same one after another, each counted as work. Raises D1004 for an empty one that is not the last."""
    if limit is not MISSING and not limit > 0:
        return
    for number, found in enumerate(pattern.finditer(text)):
        start, end = found.span()
        is_wanted = limit is MISSING or number < limit
        if is_wanted and (end > start or not number):
            yield found
        if end == start < len(text) or (number and end == start):  # as in the reference, also behind the last wanted
            fail("D1004", "Regular expression matches zero length string")
        if end >= len(text) or not is_wanted:
            return
        run.tick(1 + (pattern.size * (len(text) - end) >> 12))


def match(run: Run, text: Any, pattern: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        refuse("D3040", "match", 3, "0 or more", limit)
    if not isinstance(pattern, Pattern):
        return Sequence(map(_without_position, _matches(run, "match", pattern, text, limit)))
    matches, parts, spend = Sequence(), 1 + pattern.pattern.groups, run.budget.spend
    for one in _found(run, pattern.pattern, text, limit):
        found = one.group()
        spend(_MATCH + parts * len(found))
        groups = list(one.groups(MISSING)) if parts > 1 else []
        matches.append({"match": found, "index": one.start(), "groups": groups})
    return matches


def _without_position(found: Any) -> dict[str, Any]:
    """What $match gives for what a matcher returned."""
    if not isinstance(found, dict):
        _refuse_match("match", found)
    parts = (("match", "match"), ("index", "start"), ("groups", "groups"))
    return {name: found.get(part, MISSING) for name, part in parts}


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
        return parts if limit is MISSING else parts[:size]
    if isinstance(separator, Pattern) and limit is MISSING:
        _begin(run, separator.pattern, text)
        if (made := separator.pattern.split(text)) is not None:
            run.spend(_PART * len(made))
            return made
    parts, start = [], 0
    for from_, to in _spans(run, separator, text, limit):
        run.spend(_PART)
        parts.append(text[start:from_] if start <= from_ else text[from_:start])
        start = to
    return [*parts, text[start:]] if limit is MISSING or len(parts) < limit else parts


def _spans(run: Run, separator: Any, text: str, limit: Any) -> Iterator[tuple[int, int]]:
    """Where the matches begin and end."""
    if isinstance(separator, Pattern):
        return (found.span() for found in _found(run, separator.pattern, text, limit))
    numbers = "start", "end"
    found = _matches(run, "split", separator, text, limit)
    return (tuple(as_index(run, _part("split", one, part, (int, float))) for part in numbers) for one in found)  # type: ignore[misc]


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
    if isinstance(pattern, Pattern):
        return _replaced_all(run, text, pattern.pattern, replacement, limit)
    parts, end, length = [], 0, 0
    for found in _matches(run, "replace", pattern, text, limit):
        made, start = _replaced(run, replacement, found), _part("replace", found, "start", (int, float))
        parts += [between(text, end, start), made]
        end = start + len(_part("replace", found, "match", str))
        length += len(parts[-1])
        bounded(length)
        run.spend(_PART)
    return "".join([*parts, between(text, end, len(text))])


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
            _replaced(run, replacement, _linked(run, pattern, text, found))
            if template is None
            else _filled(run, template, found)
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
        given = "but it is" if found is None else "but it returned"
        wanted = "a string" if found is None else "a string, or a function that returns one"
        refuse("D3012", "replace", 3, wanted, made, given)
    return made


_REFERENCE = r"(?a)\$(\$|\d+)"


def _referred(run: Run, replacement: str, found: dict[str, Any]) -> str:
    """A replacement with the groups that it refers to, of a match that a function gave."""
    if not isinstance(found, dict):
        _refuse_match("replace", found)
    groups = _part("replace", found, "groups", list) if "$" in replacement else []
    texts, parts, length = [found.get("match", MISSING), *groups], _template(replacement, len(groups)), 0
    made: list[str] = []
    for index, part in enumerate(parts):
        text = texts[part] if index & 1 else part
        made.append("" if text is MISSING else as_text(run, text))
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
