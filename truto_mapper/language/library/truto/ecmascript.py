"""Values as the libraries of Truto's functions see them: true or false, texts, numbers, paths of fields."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from truto_mapper.language.runtime import coercion
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MAX_LENGTH, MISSING, Function, Native, Run, fail, is_number

#: The code of an argument that has the right type and cannot be used.
UNUSABLE: Final = "D3137"


def refuse_value(name: str, index: int, wanted: str, value: Any, hint: str | None = None) -> NoReturn:
    """Fail because argument `index` of a function, counted from 1, cannot be used."""
    refuse(UNUSABLE, name, index, wanted, value, hint=hint)


def is_nothing(value: Any) -> bool:
    return value is None or value is MISSING


def is_falsy(value: Any) -> bool:
    """Whether JavaScript takes a value for false. An empty array or object is true."""
    if isinstance(value, (list, dict, Function)):
        return False
    return not value or value != value  # noqa: PLR0124  (NaN)


def text_of(run: Run, value: Any, nothing: str = "") -> str:
    """A value as text, null and undefined as `nothing`."""
    if isinstance(value, str):
        return value
    if is_nothing(value):
        return nothing
    if isinstance(value, Native):
        return value.held.written() or nothing
    return coercion.as_text(run, value)


def exact_text(run: Run, value: Any) -> str:
    """A value as text, null and undefined as these words."""
    return text_of(run, value, "null" if value is None else "undefined")


def utf8(text: str) -> bytes:
    """The bytes of a text; half of a surrogate pair becomes the replacement character."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", "\ufffd", text).encode()


_RADIX: Final = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+")
_DECIMAL: Final = re.compile(r"(?a)[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_INFINITE: Final = re.compile(r"([+-]?)Infinity")
#: What JavaScript takes for white space at the ends of a text.
_BLANKS: Final = " \t\n\v\f\r\u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(
    map(chr, range(0x2000, 0x200B))
)
#: The longest text of a number, about as long as Python's own limit.
_MAX_DIGITS: Final = 4_000


def number_of(run: Run, value: Any) -> int | float:
    """A value as a number: NaN for what is none, 0 for null. Integers keep every digit."""
    if isinstance(value, bool) or value is None:
        return int(value or 0)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, list):
        value = coercion.as_text(run, value)
    return _number_in(value.strip(_BLANKS)) if isinstance(value, str) else math.nan


def _number_in(text: str) -> int | float:
    if not text or len(text) > _MAX_DIGITS:
        return math.nan if text else 0
    if _RADIX.fullmatch(text):
        return int(text, 0)
    if _DECIMAL.fullmatch(text):
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    infinite = _INFINITE.fullmatch(text)
    return math.nan if infinite is None else float(f"{infinite[1]}inf")


_BEGINNING: Final = re.compile(r"(?a)[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def number_at_start(run: Run, value: Any) -> int | float:
    """The number that the text of a value begins with; NaN if it begins with none."""
    if is_number(value):
        return value  # type: ignore[no-any-return]
    found = _BEGINNING.match(text_of(run, value).lstrip(_BLANKS)[:_MAX_DIGITS])
    return _number_in(found[0]) if found else math.nan


def whole_of(run: Run, value: Any, default: int) -> int:
    """A value as a whole number, truncated; the default if it is undefined, 0 if it is no number."""
    number = default if value is MISSING else number_of(run, value)
    return int(max(min(number, MAX_LENGTH), -MAX_LENGTH)) if number == number else 0  # noqa: PLR0124  (NaN)


def same_key(value: Any) -> Any:
    """A key that values share which are the same: texts, numbers, booleans by value, arrays and objects themselves."""
    if isinstance(value, (list, dict, Function)):
        return id, id(value)
    return (bool, value) if isinstance(value, bool) else "NaN" if value != value else (value,)  # noqa: PLR0124  (NaN)


# ---------------------------------------------------------------------------------------------------------- order


def before(run: Run, one: Any, other: Any) -> bool:
    """`one < other`: texts by their UTF-16 units, all else as numbers."""
    if isinstance(one, (list, dict)) or isinstance(other, (list, dict)):
        one, other = (text_of(run, v) if isinstance(v, (list, dict)) else v for v in (one, other))
    if isinstance(one, str) and isinstance(other, str):
        units = not (one.isascii() and other.isascii())
        return (
            one.encode("utf-16-be", "surrogatepass") < other.encode("utf-16-be", "surrogatepass")
            if units
            else one < other
        )
    return number_of(run, one) < number_of(run, other)


def _rank(value: Any) -> int:
    """Values come before null, that before undefined, that before NaN."""
    return 1 if value is None else 2 if value is MISSING else 3 if value != value else 0  # noqa: PLR0124  (NaN)


def compare(run: Run, one: Any, other: Any) -> int:
    """Below 0 if a value comes before another in ascending order, above 0 if behind it."""
    run.tick()
    ranks = _rank(one) - _rank(other)
    if ranks or _rank(one):
        return ranks
    return before(run, other, one) - before(run, one, other)


def _is_even(values: list[Any]) -> bool:
    """Whether Python sorts values as JavaScript does: all are numbers, or texts of ASCII."""
    kinds = set(map(type, values))
    if kinds <= {str}:
        return all(map(str.isascii, values))
    return kinds <= {int, float} and not any(one != one for one in values)  # noqa: PLR0124  (NaN)


def in_order(run: Run, items: list[Any], keys: list[Callable[[Any], Any]], is_descending: list[bool]) -> list[Any]:
    """Items sorted by what several functions give for each, stably."""
    run.spend(128 * len(items) * (len(keys) + 1))
    rows = [([key(item) for key in keys], item) for item in run.each(items)]
    columns = [[one[place] for one, _ in rows] for place in range(len(keys))]
    if all(map(_is_even, columns)):
        places = list(range(len(rows)))
        for column, falls in reversed(list(zip(columns, is_descending, strict=True))):
            run.budget.check()
            places.sort(key=column.__getitem__, reverse=falls)
        return [items[place] for place in places]

    def order(one: Any, other: Any) -> int:
        for left, right, falls in zip(one[0], other[0], is_descending, strict=True):
            found = compare(run, left, right)
            if found:
                return -found if falls else found
        return 0

    return [item for _, item in sorted(rows, key=functools.cmp_to_key(order))]


# ---------------------------------------------------------------------------------------------------------- paths


def own(value: Any, key: str) -> Any:
    """The value under a key: of an object, of an array or a text by index or `length`. MISSING if there is none."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if not isinstance(value, (list, str)):
        return MISSING
    if key == "length":
        return len(value)
    index = int(key) if is_index(key) else len(value)
    return value[index] if index < len(value) else MISSING


def is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 11 and (key == "0" or key[0] != "0")


_PLAIN: Final = re.compile(r"[^.\[\]]*")
_PART: Final = re.compile(
    r"""[^.\[\]]+|\[(?:(-?\d+(?:\.\d+)?)|(["'])((?:(?!\2)[^\\]|\\.)*?)\2)\]|(?=(?:\.|\[\])(?:\.|\[\]|$))"""
)


def path_of(run: Run, path: Any, value: Any) -> list[str]:
    """The keys of a path such as `a.b[0].c`. A key of the value that has its whole text wins; an array is its keys."""
    if isinstance(path, list):
        return [exact_text(run, one) for one in path]
    text = exact_text(run, path)
    if _PLAIN.fullmatch(text) or (isinstance(value, dict) and text in value):
        return [text]
    first = [""] if text.startswith(".") else []
    return first + [re.sub(r"\\(\\)?", r"\1", m[3]) if m[2] else m[1] or m[0] for m in _PART.finditer(text)]


def at(run: Run, value: Any, path: Any) -> Any:
    """The value at a path, which steps into no array without an index. MISSING if there is none."""
    keys = path_of(run, path, value)
    for key in keys:
        value = own(value, key)
    return value if keys else MISSING


def ordered(found: dict[str, Any]) -> dict[str, Any]:
    """An object with its fields in JavaScript's order: those that are indexes come first, ascending."""
    indexes = [key for key in found if is_index(key)]
    if not indexes:
        return found
    indexes.sort(key=int)
    return {key: found[key] for key in (*indexes, *(key for key in found if not is_index(key)))}


# ----------------------------------------------------------------------------------------------------- predicates


def reader(run: Run, name: str, index: int, by: Any) -> Callable[[Any], Any]:
    """What an argument gives for an item.

    A text is the path of a field, an object tells whether the item has its fields, `[path, value]` whether a field has
    that value; null or undefined is the item itself. Raises T0410 for a function.
    """
    if is_nothing(by):
        return lambda item: item
    if isinstance(by, Function):
        wanted = "the path of a field, an object of fields and values, or [path, value]"
        refuse("T0410", name, index, wanted, by, hint="write a predicate, `items[price > 1]`, or use $filter")
    if isinstance(by, list):
        path, value = [*by, MISSING, MISSING][:2]
        return lambda item: value is not MISSING and is_match(run, at(run, item, path), value)
    if isinstance(by, dict):
        return lambda item: is_match(run, item, by) or not by
    if isinstance(by, str) and _PLAIN.fullmatch(by):
        return lambda item: item.get(by, MISSING) if item.__class__ is dict else own(item, by)
    return lambda item: at(run, item, by)


def is_match(run: Run, value: Any, wanted: Any, depth: int = 0) -> bool:
    """Whether a value is a wanted one: of an object with its fields, of an array with its items in any order."""
    run.tick()
    if depth > run.max_depth:
        fail("D407", f"the value is nested more than {run.max_depth} levels deep")
    if isinstance(wanted, dict) and isinstance(value, dict):
        return all(k in value and is_match(run, value[k], one, depth + 1) for k, one in wanted.items())
    if isinstance(wanted, list) and isinstance(value, list):
        return all(any(is_match(run, item, one, depth + 1) for item in value) for one in wanted)
    return bool(same_key(value) == same_key(wanted))


def option(options: Any, key: str, default: Any) -> Any:
    """An option of its default's type; the default for any other value."""
    found = options.get(key, MISSING) if isinstance(options, Mapping) else MISSING
    return found if isinstance(found, type(default)) else default
