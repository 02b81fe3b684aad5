"""The values of the files of a case: read, compared, merged and written.

Compared are values, not texts: the order of keys and the layout are no difference, nor is 1.0 for 1.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

from truto_mapper.authoring.golden import places
from truto_mapper.engine.rendering import dumps, loads, ndjson
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.diagnostics import printable
from truto_mapper.text.pointers import Steps

#: How many characters of a value are shown, and how many of them before the first difference.
SHOWN, BEFORE = 48, 12

#: From this length on, the items of lists are compared one by one if some have the same name.
MANY = 500

#: Whether to take the second of two values that differ at a path.
Take = Callable[[Steps, Any, Any], bool]


def value_in(name: str, text: str | None) -> Any:
    """The value of a file: its JSON, its records or its findings; its text if it has none.

    Without a file it is MISSING, or nothing where a file is a list of what may not be.
    """
    if text is None:
        return [] if name in ("diagnostics.txt", "rejected.json") else MISSING
    try:
        if name.endswith(".ndjson"):
            return [loads(line) for line in text.splitlines()]
        return loads(text) if name.endswith(".json") else places.split(text)
    except (ValueError, RecursionError):
        return text


def text_of(name: str, value: Any) -> str:
    """The text of a file with a value."""
    if isinstance(value, str):
        return value if name.endswith((".txt", ".ndjson")) else as_json(value)
    if name.endswith(".ndjson"):
        return ndjson(value)
    return as_json(value) if name.endswith(".json") else places.joined(value)


def as_json(value: Any) -> str:
    """The text of an expected JSON file."""
    return dumps(value, indent=2) + "\n"


def same(old: Any, new: Any) -> bool:
    """Whether two values are equal as JSON: numbers by value, objects in any order, true is not 1."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(same, old, new))
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def merged(old: Any, new: Any, take: Take, path: Steps = ()) -> Any:
    """The first value with each part that differs from the second one exchanged, if `take` says so.

    `take` is asked once for each difference, in the order of the values; MISSING stands for what one lacks.
    """
    was, now = (_empty_if_absent(*sides, path) for sides in ((old, new), (new, old)))
    if isinstance(was, dict) and isinstance(now, dict):
        keys = [*was, *(key for key in now if key not in was)]
        made = {key: merged(was.get(key, MISSING), now.get(key, MISSING), take, (*path, key)) for key in keys}
        kept = {key: value for key, value in made.items() if value is not MISSING}
        return kept or ({} if was is old and now is new else MISSING)
    if isinstance(old, list) and isinstance(new, list):
        items = [merged(was, now, take, (*path, index)) for index, was, now in _aligned(old, new)]
        return [item for item in items if item is not MISSING]
    if same(old, new):
        return old
    return new if take(path, old, new) else old


def _empty_if_absent(value: Any, other: Any, path: Steps) -> Any:
    """An absent object within an item of a list as an empty one: each of its values is a difference of its own."""
    is_within = len(path) > 1 and isinstance(path[-1], str) and any(isinstance(step, int) for step in path)
    return {} if value is MISSING and is_within and isinstance(other, dict) and other else value


def _aligned(old: list[Any], new: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """The items of two lists that belong together; the index is the second one's, or the first's of a removed item."""
    before, after = ([_name(item) for item in items] for items in (old, new))
    can_match = all(len(names) <= MANY or len(set(names)) == len(names) for names in (before, after))
    steps: Iterable[tuple[str, int, int, int, int]] = [("replace", 0, len(old), 0, len(new))]
    if before != after and can_match:
        steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for _, start, stop, at, end in steps:
        both = min(stop - start, end - at)
        yield from ((at + n, old[start + n], new[at + n]) for n in range(both))
        yield from ((n, old[n], MISSING) for n in range(start + both, stop))
        yield from ((n, MISSING, new[n]) for n in range(at + both, end))


def _name(item: Any) -> str:
    """What an item of a list is known by: the id of a record, the kind and place of a finding, or all of it."""
    if isinstance(item, dict) and isinstance(item.get("id"), str):
        return f"id {item['id']}"
    if isinstance(item, dict) and "finding" in item:
        return json.dumps([item.get(key) for key in ("finding", "in", "at")])
    return json.dumps(item, sort_keys=True)


def contrast(old: Any, new: Any) -> str:
    """Two values that differ, cut to where they do: `2 → 3`."""
    texts = [_text(value) for value in (old, new)]
    if printable(texts[0]) == printable(texts[1]) or len({unicodedata.normalize("NFKC", text) for text in texts}) == 1:
        texts = [_text(value, plain=True) for value in (old, new)]
    if MISSING in (old, new) or max(map(len, texts)) <= SHOWN:
        return " → ".join(_cut(text, 0) for text in texts)
    start = max(_first_difference(*texts) - BEFORE, 0)
    return " → ".join(_cut(text, start) for text in texts)


def _text(value: Any, *, plain: bool = False) -> str:
    if value is MISSING:
        return "(nothing)"
    if isinstance(value, dict) and "finding" in value:
        value = value["message"]
    return json.dumps(value, ensure_ascii=plain, sort_keys=True)


def _first_difference(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _cut(text: str, start: int) -> str:
    """The part of a text from `start` on that is shown, and how much of it is not."""
    left = len(text) - start - SHOWN
    if left <= 0:
        return printable(("…" if start else "") + text[start:])
    return printable(("…" if start else "") + text[start : start + SHOWN]) + f"… ({left:,} more characters)"
