"""The values of the files of a case: read, compared, merged and written.

Compared are values, not texts: the order of keys and the layout are no difference, nor is 1.0 for 1.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from operator import itemgetter
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
        pairs = _aligned(old, new)
        if pairs is None:
            pairs = _matched(old, new, in_new_order=take(path, Ordered(old), Ordered(new)))
        items = [merged(was, now, take, (*path, index)) for index, was, now in pairs]
        return [item for item in items if item is not MISSING]
    if same(old, new):
        return old
    return new if take(path, old, new) else old


def _empty_if_absent(value: Any, other: Any, path: Steps) -> Any:
    """An absent object within an item of a list as an empty one: each of its values is a difference of its own."""
    is_within = len(path) > 1 and isinstance(path[-1], str) and any(isinstance(step, int) for step in path)
    return {} if value is MISSING and is_within and isinstance(other, dict) and other else value


#: Items that belong together, with the index of the second one, or of the first if it is removed.
Pairs = list[tuple[int, Any, Any]]


class Ordered(list[Any]):
    """A list that differs from another in the order of the items that both have."""


def _aligned(old: list[Any], new: list[Any]) -> Pairs | None:
    """The items of two lists that belong together; None if those that both have are in another order."""
    before, after = ([_name(item) for item in items] for items in (old, new))
    if _is_another_order(before, after) and not any(isinstance(one, dict) and "finding" in one for one in (*old, *new)):
        return None
    return [*_in_order(old, new, before, after)]


def _is_another_order(before: list[str], after: list[str]) -> bool:
    common = Counter(before) & Counter(after)
    if before == after or sum(common.values()) < 2:  # one item has no order
        return False
    return [*_taken(before, common)] != [*_taken(after, common)]


def _taken(names: Iterable[str], common: Counter[str]) -> Iterator[str]:
    """As many of the names as are common, the first ones."""
    left = Counter(common)
    for name in names:
        if left[name] > 0:
            left[name] -= 1
            yield name


def _matched(old: list[Any], new: list[Any], *, in_new_order: bool) -> Pairs:
    """Each item of the second list with the one of the first that has its name, or else the next without a partner."""
    by_name: dict[str, list[int]] = {}
    for n, item in enumerate(old):
        by_name.setdefault(_name(item), []).append(n)
    partners = [by_name[name].pop(0) if by_name.get(name := _name(item)) else None for item in new]
    left = iter(sorted(n for numbers in by_name.values() for n in numbers))
    partners = [next(left, None) if one is None else one for one in partners]
    both = ((len(old), MISSING) if at is None else (at, old[at]) for at in partners)
    placed = [(at, (n, was, new[n])) for n, (at, was) in enumerate(both)]
    placed += [(n, (n, old[n], MISSING)) for n in left]
    return [pair for _, pair in (placed if in_new_order else sorted(placed, key=itemgetter(0)))]


def _in_order(old: list[Any], new: list[Any], before: list[str], after: list[str]) -> Iterator[tuple[int, Any, Any]]:
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


def _known_by(items: list[Any]) -> list[Any]:
    """The items of a list, by their ids if they have any."""
    return [item["id"] if isinstance(item, dict) and "id" in item else item for item in items]


def contrast(old: Any, new: Any) -> str:
    """Two values that differ, cut to where they do: `2 → 3`."""
    if isinstance(old, Ordered) and isinstance(new, Ordered):
        return f"another order, {contrast(_known_by(old), _known_by(new))}"
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
