"""Values found by hash: `in`, $distinct and the keys of joins.

Python hashes numbers, and tuples of them, in a way that anybody can foresee, so a hostile input could make them all
equal. Only numbers that a double holds exactly are keys; the others are compared, or hashed as bytes, into whose hashes
Python mixes a secret.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from truto_mapper.language.runtime.values import CHUNK, MISSING, Native, Run, Walk, equal, listed

#: The size of a key in a dict, in bytes.
INDEXED: Final = 100
#: The numbers below which equality is that of Python, and few hashes are equal.
_EXACT: Final = 2**53
_TEXTS: Final = frozenset((str, type(None)))
_INTEGERS: Final = frozenset((int,))
#: The numbers below which each has a double.
_LARGEST: Final = 1e300
#: The keys of booleans, which are no numbers.
_TRUE: Final = (True,)
_FALSE: Final = (False,)


def are_keys(values: list[Any]) -> bool:
    """Whether values are equal as keys of a dict if and only if they are equal."""
    kinds = set(map(type, values))
    return kinds <= _TEXTS or (kinds == _INTEGERS and min(values) > -_EXACT and max(values) < _EXACT)


def keys_of(values: list[Any]) -> dict[Any, None] | None:
    """Values without repetitions, as keys; None if some are no keys. See `are_keys`."""
    if values[0].__class__ is not str:
        return dict.fromkeys(values) if are_keys(values) else None
    try:
        found = dict.fromkeys(values)
    except TypeError:  # an array or object
        return None
    return found if _TEXTS.issuperset(map(type, found)) else None  # nothing else equals a text


def key_of(value: Any) -> Any:
    """The key of a text, boolean, null or exact number, which only equal values share; MISSING for other values."""
    kind = value.__class__
    if kind is str or value is None:
        return value
    if kind is bool:
        return _TRUE if value else _FALSE
    return value if (kind is int or kind is float) and -_EXACT < value < _EXACT else MISSING


def bucket_of(value: Any) -> Any:
    """As `key_of`; for a larger number a key that equal values share, and few others. MISSING for other values."""
    key = key_of(value)
    return key if key is not MISSING or not _is_large(value) else _double(value)


def _is_large(value: Any) -> bool:
    return value.__class__ in (int, float) and -_LARGEST < value < _LARGEST


def _double(value: float) -> bytes:
    return float(value).hex().encode()


def _names(value: Any) -> tuple[Any, ...]:
    """The keys under which an item is found. A large integer equals its like, and the double that is next to it."""
    if not _is_large(value) or key_of(value) is not MISSING:
        return (key_of(value),)
    own = b"i%x" % value if value.__class__ is int else b"f" + _double(value)
    return own, b"d" + _double(value)


def _is_known(value: Any, keys: set[Any]) -> bool:
    """Whether a large number is among the items with these keys."""
    if value.__class__ is float:
        return b"d" + _double(value) in keys
    return b"i%x" % value in keys or b"f" + _double(value) in keys


def frozen(value: Any, walk: Walk, depth: int = 0) -> Any:
    """A key that only equal values share: booleans are not numbers, and fields have no order."""
    kind = value.__class__
    if kind is str:
        return value
    if isinstance(value, list):
        inner = walk.enter(depth, value)
        is_flat = _TEXTS.issuperset(map(type, value))
        return list, tuple(value if is_flat else [frozen(item, walk, inner) for item in value])
    if isinstance(value, Native):
        return Native, id(value)
    if isinstance(value, dict):
        inner = walk.enter(depth, value)
        return dict, frozenset([(key, frozen(item, walk, inner)) for key, item in value.items()])
    if kind is bool:
        return bool, value
    if not isinstance(value, (int, float)) or value != value or (not depth and abs(value) < _EXACT):  # noqa: PLR0124
        return value
    return (value.hex() if isinstance(value, float) and not value.is_integer() else hex(int(value))).encode()


class Members:
    """An array that is searched again and again: the keys of its items are kept once that pays.

    Arrays only grow at their end while an evaluation has them.
    """

    __slots__ = ("among", "asked", "keys", "size")

    def __init__(self, among: list[Any]) -> None:
        self.among = among
        self.asked = self.size = 0
        self.keys: set[Any] = set()

    def known(self, run: Run) -> set[Any] | None:
        """The keys of the items; None for the first few questions."""
        self.asked += 1
        if self.asked <= SEARCHES:
            return None
        while self.size < len(self.among):
            part = self.among[self.size : self.size + CHUNK]
            run.tick(len(part))
            run.spend(INDEXED * len(part))
            self.keys.update(part if are_keys(part) else chain.from_iterable(map(_names, part)))
            self.size += len(part)
        return self.keys


#: The longest array that is searched from its start, how often a longer one is, and how many arrays are remembered.
SHORT: Final = 8
SEARCHES: Final = 2
REMEMBERED: Final = 8


def remembered(kept: dict[int, Any], among: list[Any], kind: Callable[[list[Any]], Any]) -> Any:
    """What is kept for an array, which is made once; a few arrays are remembered."""
    found = kept.get(id(among))
    if found is None or found.among is not among:
        if len(kept) >= REMEMBERED:
            kept.clear()
        found = kept[id(among)] = kind(among)
    return found


def included(left: Any, right: Any, run: Run | None = None) -> bool:
    """`in`; arrays and objects are compared by identity, as in the reference."""
    if left is MISSING:
        return False
    among = right if right.__class__ is list else listed(right)
    if run is None or len(among) <= SHORT:
        return _is_among(left, among, run)
    found = remembered(run.members, among, Members)
    key, keys = key_of(left), found.known(run)
    if keys is None or (key is MISSING and not _is_large(left)):
        return _is_among(left, among, run)
    return key in keys if key is not MISSING else _is_known(left, keys)


def _is_among(left: Any, among: list[Any], run: Run | None) -> bool:
    is_text = isinstance(left, str)
    if is_text or (isinstance(left, (int, float)) and abs(left) < _EXACT):
        # Python finds all that is equal, and 1 = true
        if run is not None:
            run.tick((len(among) >> 4) * (1 + (len(left) >> 8 if is_text else 0)))
        if is_text or left not in among:
            return is_text and left in among
    same = operator.is_ if isinstance(left, (list, dict)) else equal
    return any(same(left, item) for item in (among if run is None else run.each(among)))
