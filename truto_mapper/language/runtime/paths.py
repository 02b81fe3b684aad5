"""The steps of paths and the operators, as generated code calls them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NoReturn

from truto_mapper.language.runtime.values import (
    MISSING,
    Constructed,
    Kept,
    Missing,
    Run,
    Sequence,
    Tuples,
    Walk,
    as_number,
    bounded,
    collapsed,
    fail,
    finite,
    instead,
    is_number,
    listed,
    quoted,
    settled,
    stored,
    truthy,
)
from truto_mapper.language.runtime.writing import string


def kept(value: Any) -> Any:
    """The value of an expression with `[]`; `value` is not collapsed."""
    return Kept(value) if isinstance(value, Sequence) and value else settled(value)


def kept_path(value: Any) -> Any:
    """The value of a path with `[]` in it; `value` is not collapsed."""
    if value is MISSING or (isinstance(value, list) and value.__class__ is not Constructed):
        return kept(value)
    return Kept((value,))


def context_items(value: Any) -> Any:
    """As `items`, for the first step of a path, which is evaluated even for an undefined context."""
    return value if isinstance(value, (list, tuple)) else (value,)


def repeated(context: Any, value: Any) -> list[Any]:
    """A value once for each item of a context; none if it is undefined."""
    return [] if value is MISSING else [value] * len(context_items(context))


def constructed_items(value: Any) -> Any:
    """The context items after an array constructor that begins a path.

    A predicate may leave a value that is not an array: the reference steps into the characters of a text, else nothing.
    """
    if value.__class__ is list:
        return value
    return list(value) if isinstance(value, (list, str)) else []


def context_array(value: Any) -> Any:
    """The context of an array constructor that begins a path: an array."""
    if value.__class__ is Constructed and len(value) > 1:
        return list(value)
    return value if isinstance(value, list) else Sequence((value,))


def is_empty(value: Any) -> bool:
    """Whether a value is an empty array."""
    return isinstance(value, list) and not value


def is_empty_item(value: Any) -> bool:
    """Whether a selected item is an empty array."""
    return is_empty(value) and not isinstance(value, Sequence)


def field(value: Any, name: str) -> Any:
    """The field of an object, or of all objects in an array, as the last step of a path."""
    return settled(fields(value, name))


def fields(value: Any, name: str) -> Any:
    """The field of an object, or of all objects in an array, for a next step."""
    if isinstance(value, (list, tuple)):
        return _fields(value, name)
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


def _fields(value: Any, name: str) -> Any:
    if len(value) <= _PART:
        return _joined(*_read(value, name))
    found, count, single = Sequence(), 0, MISSING
    for start in range(0, len(value), _PART):  # what is read stays in the cache of the machine until it is joined
        results, kinds = _read(value[start : start + _PART], name)
        found.extend(one := _joined(results, kinds))
        bounded(len(found))
        count, single = count + len(results), one if results else single
    return single if count == 1 else found


#: The objects whose fields are read at once, and from which number on it pays to look at two of them first.
_PART: Final = 512
_FEW: Final = 8


def _read(value: Any, name: str) -> tuple[list[Any], set[type]]:
    """The field of each item that has it, and the classes of these values."""
    kinds = set(map(type, value))
    if kinds == _OBJECTS:
        every = [item.get(name, MISSING) for item in value] if len(value) < _FEW else _read_alike(value, name)
    elif kinds <= _SINGLE:
        every = [item.get(name, MISSING) for item in value if item.__class__ is dict]
    else:
        every = [_field_of(item, name) for item in value]
    kinds = set(map(type, every))
    if Missing in kinds:
        every = [one for one in every if one is not MISSING]
        kinds.discard(Missing)
    return every, kinds


def _read_alike(objects: Any, name: str) -> list[Any]:
    """The field of each object, quick where all have it."""
    if name in objects[0] and name in objects[-1]:
        try:
            return [item[name] for item in objects]
        except KeyError:
            pass
    return [item.get(name, MISSING) for item in objects]


_OBJECTS = frozenset((dict,))
_THERE = frozenset((dict, str, int, float, bool, type(None)))
_SINGLE = _THERE | {Missing}


def _field_of(item: Any, name: str) -> Any:
    if isinstance(item, list):
        return collapsed(_looked_up(item, name, Sequence(), 0, Walk()))
    return item.get(name, MISSING) if isinstance(item, dict) else MISSING


def root_field(value: Any, name: str) -> Any:
    """The field of the whole input, which is one item even if it is an array."""
    return settled(look_up(value, name))


def look_up(value: Any, name: str) -> Any:
    """$lookup: the field of an object, or of all objects in nested arrays."""
    if isinstance(value, list):
        return _looked_up(value, name, Sequence(), 0, Walk())
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


def _looked_up(value: Any, name: str, found: Sequence, depth: int, walk: Walk) -> Sequence:
    inner = walk.enter(depth, value)
    for item in value:
        if isinstance(item, list):
            _looked_up(item, name, found, inner, walk)
        elif isinstance(item, dict):
            one = item.get(name, MISSING)
            if isinstance(one, list):
                found.extend(one)
                bounded(len(found))
            elif one is not MISSING:
                found.append(one)
    return found


def joined(results: list[Any], run: Run | None = None) -> Any:
    """The results of a step for its context items, joined as the context of the next step."""
    found = _joined(results, set(map(type, results)))
    return found if run is None or found.__class__ is list else run.collected(found)


def _joined(results: list[Any], kinds: set[type]) -> Any:
    """As `joined`, for results of these classes."""
    if kinds <= _SINGLE or not any(issubclass(kind, list) for kind in kinds):
        return Sequence(results)
    if len(results) == 1 and list in kinds:
        return results[0]
    if kinds <= _JOINED:
        bounded(sum(map(len, results)))
        return Sequence(chain.from_iterable(results))
    found = Sequence()
    for one in results:
        found.extend(one if isinstance(one, list) and one.__class__ is not Constructed else (one,))
        bounded(len(found))
    return found


#: The classes of arrays whose items are joined.
_JOINED = frozenset((list, Sequence, Kept, Tuples))


def ended(results: list[Any], run: Run | None = None) -> Any:
    """As `joined`, for the last step: a single array is the value of the path."""
    if len(results) == 1 and isinstance(results[0], list) and not isinstance(results[0], Sequence):
        return results[0]
    return joined(results, run)


def item_at(value: Any, index: int) -> Any:
    """`[number]`: the item at an index, counted from the end if negative."""
    if not isinstance(value, (list, tuple)):
        return value if index in (0, -1) else MISSING
    try:
        return value[index]
    except IndexError:
        return MISSING


def select(found: list[Any], item: Any, result: Any, index: int, length: int, run: Run | None = None) -> None:
    """Add the item at `index` if the `result` of a predicate selects it, once for each of its numbers."""
    numbers = result if isinstance(result, list) else (result,)
    if run is not None:
        run.tick(len(numbers))
    if all(map(is_number, numbers)):
        found.extend(item for at in map(math.floor, numbers) if index == (at + length if at < 0 else at))
    elif truthy(result):
        found.append(item)


def combined(value: Any) -> Any:
    """The items of an array as a single context, for an object constructor whose keys are all constant."""
    if not isinstance(value, list):
        return value
    if len(value) > 1 and _THERE.issuperset(map(type, value)):
        return list(value)
    there = [one for one in value if one is not MISSING]
    if len(there) <= 1:
        return there[0] if there else MISSING
    found: list[Any] = []
    for one in there:
        push(found, one)
    return found


def appended(left: Any, right: Any) -> Any:
    """$append: two values joined to one array."""
    if left is MISSING or right is MISSING:
        return right if left is MISSING else left
    left, right = listed(left), listed(right)
    bounded(len(left) + len(right))
    return [*left, *right]


#: Functions of an item, or of a tuple, that give a key and a value of a group.
Pairs = tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...]


def grouped(run: Run, value: Any, pairs: Pairs) -> dict[str, Any]:
    """`{key: value}`: items grouped by key."""
    streamed = isinstance(value, Tuples)
    groups = _groups(run, value if value or streamed else [MISSING], [key for key, _ in pairs])
    merge = _merged_tuples if streamed else combined
    made = ((key, pairs[number][1](merge(members))) for key, (number, members) in run.each(list(groups.items())))
    return {key: stored(one) for key, one in made if one is not MISSING}


def add_to_group(run: Run, found: dict[str, list[Any]], key: Any, item: Any) -> None:
    """Add an item to the group of its key. Raises T1003 for a key that is not text."""
    if key is MISSING:
        return
    group = found.get(text_key(key))
    if group is None:
        run.spend(_GROUP)
        found[key] = [item]
    else:
        group.append(item)


def _groups(run: Run, several: list[Any], keys: list[Callable[[Any], Any]]) -> dict[str, tuple[int, list[Any]]]:
    """The items by key, each with the number of the pair that the key comes from."""
    groups: dict[str, tuple[int, list[Any]]] = {}
    for item in run.each(several):
        for number, key_of in enumerate(keys):
            key = key_of(item)
            if key is MISSING:
                continue
            group = groups.get(text_key(key))
            if group is None:
                run.spend(_GROUP)
                group = groups[key] = number, []
            elif group[0] != number:
                repeated_key(key)
            group[1].append(item)
    return groups


def keyed(run: Run, context: Any, whole: bool, pairs: Any) -> dict[str, Any]:
    """`{key: value}` for a context. The items of an array are grouped unless it is one `whole`."""
    if context.__class__ is not dict:
        return grouped(run, [context] if whole else listed(context), pairs)
    values: dict[str, Any] = {}
    for key_of, value_of in pairs:
        key = key_of(context)
        if key is not MISSING:
            if text_key(key) in values:
                repeated_key(key)
            values[key] = value_of
    run.spend(_GROUP * len(values))
    made = ((key, value_of(context)) for key, value_of in values.items())
    return {key: stored(one) for key, one in made if one is not MISSING}


def text_key(key: Any) -> str:
    """A value as the key of an object. Raises T1003 if it is not text."""
    if not isinstance(key, str):
        fail(
            "T1003",
            f"the key of an object must be a string, not {quoted(key)}",
            "write `$string(…)`" if is_number(key) else None,
        )
    return key


def repeated_key(key: Any) -> NoReturn:
    fail("D1009", f"two keys of this object are {quoted(key)}")


def _merged_tuples(members: list[dict[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for member in members for name in member)
    return {name: combined([member.get(name, MISSING) for member in members]) for name in names}


#: The size of an item of a range, and of a group, in bytes.
_INTEGER = 24
_GROUP = 400


def divided(left: Any, right: Any) -> Any:
    """`/` of two numbers; infinity or NaN if the right one is 0."""
    if isinstance(left, int) and isinstance(right, int) and right and left % right == 0:
        return left // right
    if right:
        return left / right
    return math.copysign(math.inf, left) if left else math.nan  # an error once it is used


def _remainder(left: Any, right: Any) -> Any:
    if not right:
        return math.nan
    if isinstance(left, int) and isinstance(right, int):
        return (abs(left) % abs(right)) * (-1 if left < 0 else 1)
    return math.fmod(left, right)


_ARITHMETIC: Final = MappingProxyType(
    {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": divided, "%": _remainder}
)
_ORDER: Final = MappingProxyType({"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge})


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    """`+ - * / %`"""
    for code, side, value in (("T2001", "left", left), ("T2002", "right", right)):
        if value is not MISSING and not is_number(value):
            hint = "texts are joined with `&`" if sign == "+" and isinstance(value, str) else instead(value)
            fail(code, f"the {side} side of `{sign}` must be a number, not {quoted(value)}", hint)
    if left is MISSING or right is MISSING:
        return MISSING
    if sign in "*/%":  # which take long for integers that are no doubles
        finite(left), finite(right)
    result = _ARITHMETIC[sign](left, right)
    return result if sign in "/%" and not right else finite(result)


#: A bound: numbers within it are finite.
_LARGE: Final = 1e300


def _calculation(sign: str) -> Callable[[Any, Any], Any]:
    """As `arithmetic` with a sign that is not a division, quick where a double is among the numbers."""
    perform = _ARITHMETIC[sign]

    def calculate(left: Any, right: Any) -> Any:
        one, other = left.__class__, right.__class__
        if (one is float and (other is float or other is int)) or (one is int and other is float):
            made = perform(left, right)
            if -_LARGE < made < _LARGE:
                return made if made.__class__ is int or not made.is_integer() else as_number(made)
        return arithmetic(sign, left, right)

    return calculate


added, subtracted, multiplied = map(_calculation, "+-*")


def negated(value: Any) -> Any:
    """`-value`"""
    if value is not MISSING and not is_number(value):
        fail("D1002", f"`-` needs a number, not {quoted(value)}", instead(value))
    return MISSING if value is MISSING else finite(-value)


def is_comparable(value: Any) -> bool:
    return isinstance(value, (str, int, float, Missing)) and not isinstance(value, bool)


def compared(sign: str, left: Any, right: Any) -> Any:
    """`< <= > >=`"""
    for side, value in (("left", left), ("right", right)):
        if not is_comparable(value):
            message = f"the {side} side of `{sign}` must be a number or a string, not {quoted(value)}"
            fail("T2010", message, instead(value))
    if left is MISSING or right is MISSING:
        return MISSING
    if isinstance(left, str) is not isinstance(right, str):
        hint = "`$number(…)` makes a number of a text"
        fail("T2009", f"`{sign}` cannot compare {quoted(left)} with {quoted(right)}", hint)
    return _ORDER[sign](left, right)


def text(value: Any, run: Run | None = None) -> str:
    """A side of `&`: undefined is the empty text."""
    return value if isinstance(value, str) else "" if value is MISSING else string(run, value)


def concatenated(*texts: str) -> str:
    """The texts as one, if it is not too long."""
    bounded(sum(map(len, texts)))
    return "".join(texts)


def ranged(run: Run, left: Any, right: Any) -> Any:
    """`left..right`"""
    return collapsed(Sequence(range_array(run, left, right)))


def range_array(run: Run, left: Any, right: Any) -> list[int]:
    """`[left..right]`"""
    for code, side, value in (("T2003", "left", left), ("T2004", "right", right)):
        if value is not MISSING and not (is_number(value) and float(value).is_integer()):
            fail(code, f"the {side} side of `..` must be an integer, not {quoted(value)}", instead(value))
    if left is MISSING or right is MISSING or left > right:
        return []
    bounded(right - left + 1)
    run.spend(_INTEGER * int(right - left))
    return list(range(int(left), int(right) + 1))


def push(found: list[Any], value: Any) -> None:
    """Add a value to an array under construction: the items of an array, or the value."""
    if isinstance(value, list):
        found.extend(value)
        bounded(len(found))
    elif value is not MISSING:
        found.append(value)
