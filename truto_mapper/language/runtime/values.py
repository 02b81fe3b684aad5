"""The values of expressions, the bounds of an evaluation, and conversion from and to plain JSON.

Undefined is `MISSING`, null is None, arrays are lists, objects dicts, functions `Function`s. The results of a path are
a `Sequence`, to distinguish them from one array. Functions fail by raising `EvaluationError` with one `Diagnostic`, a
code and a message; `Expression` adds the source and the span.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NoReturn, final

from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError

#: The deepest nesting of a value, the most arrays and objects that one function visits, the longest result.
MAX_DATA_NESTING = 200
MAX_VISITS = 1_000_000
MAX_LENGTH = 10_000_000
#: The most characters, or bytes of arrays, that one evaluation may produce in pieces longer than `LARGE`.
MAX_SPENT = 100_000_000
LARGE = 65_536


@final
class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


#: JSONata's undefined, the value of an expression that selects nothing. `None` is JSON's null, which is a value.
MISSING: Final = Missing()


def fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    """Raise `EvaluationError` with a code and a message, but no span yet."""
    raise EvaluationError(Diagnostic(code, message, hint=hint))


class Sequence(list[Any]):
    """Results that are not yet a value: a sequence of one item becomes the item, an empty one undefined."""

    __slots__ = ()


class Kept(Sequence):
    """A sequence that stays an array even with one item, because of `[]`."""

    __slots__ = ()


class Constructed(list[Any]):
    """An array constructed within a path, which stays whole where other arrays are joined."""

    __slots__ = ()


class Tuples(list[Any]):
    """A stream of tuples: dicts of the bindings of `@`, `#` and `%`, with the item itself under "@"."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Function:
    """A value that can be called. If `runs`, `body` takes the `Run` before its arguments."""

    name: str
    body: Callable[..., Any]
    arity: int
    signature: str | None = None
    runs: bool = False


class Closure(Function):
    """A lambda. Its body takes exactly its parameters, and may return a `Tail` for the caller to call."""

    __slots__ = ()


class Pattern(Function):
    """A regular expression as a function from a text to a match."""

    __slots__ = ("pattern",)

    pattern: Any


class Tail:
    """A tail call, which a lambda returns to its caller so that it does not use the stack."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function = function
        self.arguments = arguments


class Run:
    """The bounds, the scope and the events of one evaluation."""

    __slots__ = ("deadline", "depth", "evaluate", "events", "max_depth", "random", "scope", "spent", "ticks", "timeout")

    def __init__(self, timeout: float, depth: int, scope: Any = None, evaluate: Callable[..., Any] = fail) -> None:
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self.max_depth = depth
        self.scope = scope  # for `now` and $eval
        self.evaluate = evaluate  # what $eval does
        self.depth = self.spent = self.ticks = 0
        self.random: random.Random | None = None
        self.events: list[tuple[Any, ...]] = []  # filled by a traced evaluation

    def seen(self, number: int, value: Any, *context: Any) -> Any:
        """Record the value of a node: its number, the value, and the context of a name. Returns the value."""
        if value.__class__ is not Tail:
            self.events.append((number, value, *context))
        return value

    def tick(self, work: int = 1) -> None:
        """Count some work; check the deadline every 64 units."""
        self.ticks += work
        if self.ticks > 64:
            self.ticks = 0
            if time.monotonic() > self.deadline:
                hint = "does it loop without end?"
                fail("D1012", f"the evaluation took longer than {self.timeout:g} seconds", hint)

    def generator(self) -> random.Random:
        """The random numbers of an evaluation, with a fixed seed: the same input gives the same result."""
        self.random = self.random or random.Random(0)  # noqa: S311
        return self.random

    def each(self, found: Any) -> Any:
        """The items of a loop, with the deadline checked now and then."""
        self.tick(len(found) + 1)
        return found if len(found) < LARGE else self._watched(found)

    def _watched(self, found: Any) -> Iterator[Any]:
        for start in range(0, len(found), 1024):
            self.tick(1024)
            yield from found[start : start + 1024]

    def enter(self) -> None:
        """Count a nested call. Raises D1011 if there are too many."""
        self.depth += 1
        if self.depth > self.max_depth:
            fail("D1011", "Stack overflow", hint="does a function call itself without end? Consider tail recursion")
        self.tick()

    def spend(self, size: int) -> None:
        """Count a large text or array. Raises D2014 if they are too many."""
        self.spent += size
        if self.spent > MAX_SPENT:
            fail("D2014", f"texts and arrays of more than {MAX_SPENT:,} characters or bytes in one evaluation")

    def grown(self, value: Any) -> Any:
        """A text or array made from others, counted if it is large."""
        if len(value) > LARGE:
            bounded(len(value))
            self.spend(len(value) if isinstance(value, str) else 8 * len(value))
        return value


class Walk:
    """Counts the arrays and objects that a function visits: a small value can contain one part many times."""

    visits = 0

    def enter(self, depth: int) -> int:
        """Enter an array or object at `depth`; the depth of its items."""
        if depth >= MAX_DATA_NESTING:
            fail("D407", f"the value is nested more than {MAX_DATA_NESTING} levels deep")
        self.visits += 1
        if self.visits > MAX_VISITS:
            fail("D2014", f"more than {MAX_VISITS:,} arrays and objects")
        return depth + 1


def bounded(length: float) -> None:
    if length > MAX_LENGTH:
        fail("D2014", f"{length:,.0f} items or characters are more than the {MAX_LENGTH:,} allowed")


def leaves(value: Any, walk: Walk, depth: int = 0, found: list[Any] | None = None) -> list[Any]:
    """Flatten nested arrays into `found`; any other value is one leaf."""
    found = [] if found is None else found
    if isinstance(value, list):
        inner = walk.enter(depth)
        for item in value:
            leaves(item, walk, inner, found)
    else:
        found.append(value)
    return found


def collapsed(found: Any) -> Any:
    """The value of a sequence: its only item, itself, or undefined."""
    if len(found) > 1 or found.__class__ is Kept:
        return found
    return found[0] if found else MISSING


def settled(value: Any) -> Any:
    """A result as the value of an expression: a sequence is collapsed."""
    return collapsed(value) if value.__class__ is Sequence else value


def stored(value: Any) -> Any:
    """A value as a member of an array or object: a sequence becomes an array."""
    return list(value) if value.__class__ is Sequence else value


def items(value: Any) -> Any:
    """The context items of a step: those of an array, or the value itself."""
    return whole(value) if isinstance(value, (list, tuple)) else () if value is MISSING else (value,)


def whole(value: Any) -> Any:
    """The result of a step as the context of the next: a constructed array is one item."""
    return (value,) if value.__class__ is Constructed else value


def listed(value: Any) -> Any:
    """A value as an array: empty if undefined, one item if it is not an array."""
    return value if isinstance(value, list) else [] if value is MISSING else [value]


def is_number(value: Any) -> bool:
    if not isinstance(value, float):
        return isinstance(value, int) and not isinstance(value, bool)
    if math.isinf(value):
        fail("D1001", f"Number out of range: {value}")
    return value == value  # noqa: PLR0124  (NaN is no number)


def as_number(value: float) -> int | float:
    """A double as an int if it is whole and at most 2^53, up to which a double holds every integer."""
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def finite(value: float) -> int | float:
    """The result of arithmetic. Integers keep every digit. Raises D1001 for NaN and infinity."""
    if math.isnan(value):
        fail("D1001", "the value is not a number", hint="it is the result of 0 / 0, or of a text that is not a number")
    if math.isinf(value):
        fail("D1001", f"Number out of range: {value}")
    return as_number(value) if isinstance(value, float) else value


def shown(value: Any) -> str:
    """A value as it is quoted in a message."""
    return "null" if value is MISSING else value if isinstance(value, str) else excerpt(value)


def to_json(value: Any, indent: int = 0, depth: int = 0, walk: Walk | None = None) -> str:
    """A value as `$string` writes it: whole numbers with every digit, fractions with 15 significant digits.

    `indent` is the number of spaces per level, 0 for a single line.
    """
    if isinstance(value, float):
        return _to_decimal(value)
    if isinstance(value, Function):
        return '""'
    if not isinstance(value, (list, dict)) or not value:
        return _scalar(value)
    inner = (walk := walk or Walk()).enter(depth)
    start, end = ("\n" + " " * indent * inner, "\n" + " " * indent * depth) if indent else ("", "")
    if isinstance(value, list):
        if not indent and _FLAT.issuperset(map(type, value)):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        parts = [to_json(item, indent, inner, walk) for item in value]
        return f"[{start}{f',{start}'.join(parts)}{end}]"
    colon = ": " if indent else ":"
    parts = [_scalar(_key(k)) + colon + to_json(v, indent, inner, walk) for k, v in value.items()]
    return f"{{{start}{f',{start}'.join(parts)}{end}}}"


_FLAT = frozenset((str, int, bool, type(None)))
_SETTLED = _FLAT | {Missing}


def _scalar(value: Any) -> str:
    try:
        return "null" if value is MISSING else json.dumps(value, ensure_ascii=False)
    except TypeError:
        return _refuse_value(value)


def _to_decimal(value: float) -> str:
    """A number as ECMAScript's Number::toString writes it; a fraction is rounded to 15 significant digits first."""
    if not math.isfinite(value):
        _refuse_value(value)
    rounded = value if value.is_integer() else float(f"{value:.15g}")
    if rounded == 0:
        return "0"
    if 1e-6 <= abs(rounded) < 1e21:
        return _without_zeros(f"{Decimal(repr(rounded)):f}")
    mantissa, _, exponent = repr(rounded).partition("e")
    return f"{_without_zeros(mantissa)}e{int(exponent):+d}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _key(key: Any) -> str:
    if not isinstance(key, str):
        fail("D3137", f"an object has the key {excerpt(key)}, which is not a string")
    return key


def _refuse_value(value: Any) -> NoReturn:
    if isinstance(value, float):
        fail("D1001", f"Number out of range: {value}")
    fail("D3137", f"{excerpt(value)} is not a JSON value")


def string(value: Any, prettify: Any = False) -> Any:
    """$string: a value as text; texts are unchanged, other values are JSON."""
    if value is MISSING or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        fail("D3001", "Attempting to invoke string function on Infinity or NaN")
    return "" if isinstance(value, Function) else to_json(value, 2 if prettify is True else 0)


def plain(value: Any, depth: int = 0, walk: Walk | None = None) -> Any:
    """A copy of a result without sequences and functions; as in JSON.stringify, a function is null in an array.

    Numbers are finite. Raises D3137 for anything else that is not JSON.
    """
    if value.__class__ in _SETTLED:
        return value
    if isinstance(value, list):
        inner = (walk := walk or Walk()).enter(depth)
        found = [plain(item, inner, walk) for item in value]
        return [None if item is MISSING else item for item in found]
    if isinstance(value, dict):
        inner = (walk := walk or Walk()).enter(depth)
        made = ((_key(key), plain(item, inner, walk)) for key, item in value.items())
        return {key: item for key, item in made if item is not MISSING}
    if isinstance(value, Function):
        return MISSING
    if isinstance(value, float):
        return finite(value)
    return value if isinstance(value, (str, int)) else _refuse_value(value)


def finished(value: Any, escapes: bool) -> Any:
    """A result as the value of an expression; see `escapes`."""
    if escapes:
        return plain(value)
    kind = value.__class__
    if kind is float:
        return finite(value)
    if isinstance(value, list) and kind is not list:
        return list(value)
    return MISSING if isinstance(value, Function) else value


def released(value: Any) -> Any:
    """A value as an argument of a caller's function: no sequence, and MISSING for a function."""
    return MISSING if isinstance(value, Function) else stored(value)


def received(value: Any, depth: int = 0, walk: Walk | None = None) -> Any:
    """The result of a caller's function, checked to be JSON."""
    if value is None or value is MISSING or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, dict):
        inner = (walk := walk or Walk()).enter(depth)
        made = {_key(key): received(item, inner, walk) for key, item in value.items()}
        return {key: item for key, item in made.items() if item is not MISSING}
    if isinstance(value, (list, tuple)):
        inner = (walk := walk or Walk()).enter(depth)
        return [received(item, inner, walk) for item in value if item is not MISSING]
    return finite(value) if isinstance(value, float) else _refuse_value(value)


def copy(value: Any, depth: int = 0, walk: Walk | None = None) -> Any:
    """A deep copy; functions become empty texts."""
    if isinstance(value, list):
        inner = (walk := walk or Walk()).enter(depth)
        return [None if item is MISSING else copy(item, inner, walk) for item in value]
    if isinstance(value, dict):
        inner = (walk := walk or Walk()).enter(depth)
        return {key: copy(item, inner, walk) for key, item in value.items()}
    return "" if isinstance(value, Function) else value


def truthy(value: Any, depth: int = 0, walk: Walk | None = None) -> bool:
    """$boolean: an array is true if an item is; null and functions are false."""
    if isinstance(value, list):
        inner = (walk := walk or Walk()).enter(depth)
        return any(truthy(item, inner, walk) for item in value)
    if isinstance(value, float):
        return is_number(value) and value != 0
    if value is None or value is MISSING or isinstance(value, Function):
        return False
    return bool(value) if isinstance(value, (str, int, dict)) else _refuse_value(value)


def equal(left: Any, right: Any) -> bool:
    """`=`, which is false if a side is undefined."""
    return left is not MISSING and right is not MISSING and _same(left, right)


def unequal(left: Any, right: Any) -> bool:
    """`!=`, which is false if a side is undefined."""
    return left is not MISSING and right is not MISSING and not _same(left, right)


def _same(left: Any, right: Any, depth: int = 0, walk: Walk | None = None) -> bool:
    if left is right:
        return True
    if isinstance(left, (bool, Function)) or isinstance(right, (bool, Function)):
        return False
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        # A literal beyond 2^53 is a double, and is compared as one.
        return float(left) == float(right) if float in (type(left), type(right)) else left == right
    if isinstance(left, list) and isinstance(right, list):
        inner = (walk := walk or Walk()).enter(depth)
        return len(left) == len(right) and all(_same(a, b, inner, walk) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        inner = (walk := walk or Walk()).enter(depth)
        return left.keys() == right.keys() and all(_same(one, right[key], inner, walk) for key, one in left.items())
    return isinstance(left, str) and isinstance(right, str) and left == right
