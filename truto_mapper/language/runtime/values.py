"""The values of expressions, the bounds of an evaluation, and conversion from and to plain JSON.

Undefined is `MISSING`, null is None, arrays are lists, objects dicts, functions `Function`s. The results of a path are
a `Sequence`, to distinguish them from one array. Functions fail by raising `EvaluationError` with one `Diagnostic`, a
code and a message; `Expression` adds the source and the span.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, final

from truto_mapper.text.diagnostics import Diagnostic, excerpt, shortened
from truto_mapper.text.errors import EvaluationError

if TYPE_CHECKING:
    import random

#: The deepest nesting of a value, the most arrays and objects that one function visits, the longest result.
MAX_DATA_NESTING = 200
MAX_VISITS = 1_000_000
MAX_LENGTH = 10_000_000
#: The most bytes of the texts, arrays and objects that the evaluations of one page make.
MAX_SPENT = 250_000_000
#: The most characters of a result as JSON, and of the arrays and objects in the records of one page.
MAX_WRITTEN = 100_000_000
#: The items of an array, or the characters of a text, between two looks at the clock.
CHUNK = 4096

#: The default bounds of an evaluation, in seconds and in nested calls.
DEFAULT_TIMEOUT: Final = 5.0
DEFAULT_DEPTH: Final = 200

#: The codes of evaluations that were stopped.
BOUNDS: Final = ("D1011", "D1012", "D2014")


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


class Function:
    """A value that can be called. If `runs`, `body` takes the `Run` before its arguments."""

    __slots__ = ("arity", "body", "name", "runs", "signature")

    def __init__(
        self, name: str, body: Callable[..., Any], arity: int, signature: str | None = None, runs: bool = False
    ) -> None:
        self.name, self.body, self.arity, self.signature, self.runs = name, body, arity, signature, runs


class Closure(Function):
    """A lambda. Its body takes exactly its parameters, and may return a `Tail` for the caller to call."""

    __slots__ = ()


class Pattern(Function):
    """A regular expression as a function from a text to a match."""

    __slots__ = ("pattern",)

    pattern: Any


class Held(Protocol):
    """What a `Native` holds."""

    def look(self, name: str) -> Any:
        """The value or function of that name; MISSING if there is none."""

    def written(self) -> str | None:
        """What it is in a record."""


class Native(dict[str, Any]):
    """An object whose fields are computed when they are read, functions among them: a date, a URL. Never changed."""

    __slots__ = ("held",)

    def __init__(self, held: Held, fields: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(fields)
        self.held = held

    def get(self, key: str, default: Any = None) -> Any:
        found = self.held.look(key)
        return default if found is MISSING else found

    def __bool__(self) -> bool:
        return True


class Tail:
    """A tail call, which a lambda returns to its caller so that it does not use the stack."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function = function
        self.arguments = arguments


class Budget:
    """The time and the memory that some evaluations share: those of one page, of one request, or a single one.

    The time begins with the first look at the clock.
    """

    clock = staticmethod(time.monotonic)
    #: In seconds. A page has a thousandth more for each of its `rows`.
    timeout = DEFAULT_TIMEOUT
    rows = 0
    started: float | None = None
    #: The bytes of what was made, and the characters of what is in records.
    spent = written = 0
    ticks = 0
    is_exhausted = False

    def tick(self, work: int = 1) -> None:
        """Count some work; look at the clock now and then."""
        self.ticks += work
        if self.ticks > 64:
            self.ticks = 0
            self.check()

    def check(self) -> None:
        """Raise D1012 if the time is over."""
        now = self.clock()
        if self.started is None:
            self.started = now
        elif now - self.started > (seconds := self.timeout + self.rows / 1000):
            self.is_exhausted = True
            fail("D1012", f"the evaluation took longer than {seconds:g} seconds", hint="does it loop without end?")

    def spend(self, size: int) -> None:
        """Count the bytes of what is made. Raises D2014 if they are too many."""
        self.spent += size
        if self.spent > MAX_SPENT:
            self.is_exhausted = True
            fail("D2014", f"texts, arrays and objects of more than {MAX_SPENT:,} bytes in one evaluation or page")

    def record(self, value: Any, times: int = 1) -> Any:
        """A value of so many records as plain JSON. Raises D2014 for more characters than records may have."""
        walk = Walk(self, MAX_WRITTEN, self.written)
        try:
            made = plain(value, walk)
            walk.write((times - 1) * (walk.written - self.written))
        except EvaluationError:
            self.is_exhausted |= self.written > MAX_WRITTEN // 2  # this is not due to one value
            raise
        self.written = walk.written
        return made


def watched(clock: Budget | Run, found: Any, results: Any = None) -> Iterator[Any]:
    """The items of a long array, with the deadline checked now and then.

    What the loop over them adds to its `results` counts as memory, until the loop is over and counts them itself.
    """
    held = 0
    try:
        for start in range(0, len(found), 1024):
            clock.tick(1024)
            yield from found[start : start + 1024]
            if results:
                size = results.__sizeof__() + contained(results)
                clock.spend(size - held)
                held = size
    finally:
        (clock.budget if isinstance(clock, Run) else clock).spent -= held


#: The bytes of an item of a short array, of a function, and the longest text that nothing else counts.
_ITEM: Final = 64
_FUNCTION: Final = 400
SMALL: Final = 64


def contained(found: Any) -> int:
    """About the bytes of the numbers, short texts and functions in an array; what is larger counts where it is made."""
    if len(found) <= SMALL:
        return _ITEM * len(found)
    return len(found) * max(map(_size, found[:: (len(found) >> 3) + 1]))


def _size(value: Any) -> int:
    kind = value.__class__
    if kind is int or kind is float or (kind is str and len(value) <= SMALL):
        return int(value.__sizeof__()) + 4
    return _FUNCTION if isinstance(value, Function) else 0


class Run:
    """The bounds, the scope and the events of one evaluation."""

    __slots__ = ("budget", "depth", "evaluate", "events", "max_depth", "members", "random", "scope", "ticks")

    def __init__(self, budget: Budget, depth: int, scope: Any = None, evaluate: Callable[..., Any] = fail) -> None:
        self.budget = budget
        self.max_depth = depth
        self.scope = scope  # for `now` and $eval
        self.evaluate = evaluate  # what $eval does
        self.depth = self.ticks = 0
        self.random: random.Random | None = None
        self.members: dict[int, Any] = {}  # of arrays that are searched, by identity: see `sets`
        self.events: list[tuple[Any, ...]] = []  # filled by a traced evaluation
        budget.check()

    def seen(self, number: int, value: Any, *context: Any) -> Any:
        """Record the value of a node: its number, the value, and the context of a name. Returns the value."""
        self.tick()
        if value.__class__ is not Tail:
            self.events.append((number, value, *context))
            if len(self.events) > MAX_VISITS:
                fail("D2014", f"more than {MAX_VISITS:,} steps are traced")
        return value

    def tick(self, work: int = 1) -> None:
        """Count some work; look at the clock every 64 units."""
        self.ticks += work
        if self.ticks > 64:
            self.ticks = 0
            self.budget.check()

    def generator(self) -> random.Random:
        """The random numbers of an evaluation, with a fixed seed: the same input gives the same result."""
        import random  # noqa: PLC0415  # few expressions need it

        self.random = self.random or random.Random(0)  # noqa: S311
        return self.random

    def each(self, found: Any, results: Any = None) -> Any:
        """The items of a loop, with the deadline checked now and then; see `watched`."""
        self.tick(len(found) + 1)
        return found if len(found) < CHUNK else watched(self, found, results)

    def counted(self, value: Any) -> Any:
        """A value that a function without a clock looks through, its items counted as work."""
        if isinstance(value, list):
            self.tick((len(value) >> 2) + 1)
        return value

    def charge(self, arguments: tuple[Any, ...]) -> None:
        """Count a call of a function as work: as much as its texts and arrays are long."""
        work = 1
        for one in arguments:
            if one.__class__ is str or isinstance(one, (list, dict)):
                work += len(one) >> 5
        self.tick(work)

    def enter(self) -> None:
        """Count a nested call. Raises D1011 if there are too many."""
        self.depth += 1
        if self.depth > self.max_depth:
            fail("D1011", "Stack overflow", hint="does a function call itself without end? Consider tail recursion")
        self.tick()

    def spend(self, size: int) -> None:
        """As `Budget.spend`."""
        self.budget.spend(size)

    def recorded(self, value: Any) -> Any:
        """A value of a record as plain JSON; its characters are counted."""
        return self.budget.record(value)

    def grown(self, value: Any) -> Any:
        """A text, array or object that was made, its bytes counted."""
        size = value.__sizeof__()
        if size > CHUNK:
            bounded(len(value))
        self.budget.spend(size)
        return value

    def collected(self, results: Any) -> Any:
        """The results of a loop, their bytes counted with what is in them."""
        bounded(len(results))
        self.budget.spend(results.__sizeof__() + contained(results))
        return results


class Walk:
    """Counts what a function looks through: a small value can contain one part many times.

    `clock` is a `Run` or a `Budget`, None where the value is no longer than the input; `most` is the most characters
    that are written, `written` those written before, `visits` the arrays and objects before.
    """

    __slots__ = ("clock", "most", "visits", "written")

    def __init__(
        self, clock: Run | Budget | None = None, most: int = MAX_LENGTH, written: int = 0, visits: int = 0
    ) -> None:
        self.clock, self.most, self.written, self.visits = clock, most, written, visits

    def enter(self, depth: int, value: Any) -> int:
        """Enter an array or object at `depth`; the depth of its items."""
        size = len(value)
        return self._entered(depth, 1 + (size >> 4), size + 1)

    def enter_each(self, depth: int, values: Any, size: int) -> int:
        """As `enter`, for many arrays or objects of some size at once."""
        number = len(values)
        return self._entered(depth, number * (1 + (size >> 4)), number * (2 + size) + 1)

    def _entered(self, depth: int, visits: int, work: int) -> int:
        if depth >= MAX_DATA_NESTING:
            fail("D407", f"the value is nested more than {MAX_DATA_NESTING} levels deep")
        self.visits += visits
        if self.visits > MAX_VISITS:
            fail("D2014", f"more than {MAX_VISITS:,} arrays and objects")
        if (clock := self.clock) is not None:
            clock.ticks += work
            if clock.ticks > 64:
                clock.tick(0)
        return depth + 1

    def each(self, found: Any) -> Any:
        """The items of an array, with the deadline checked now and then."""
        return found if len(found) < CHUNK or self.clock is None else watched(self.clock, found)

    def write(self, size: int) -> None:
        """Count characters that are written. Raises D2014 if they are too many."""
        self.written += size
        if self.written > self.most:
            fail("D2014", f"more than {self.most:,} characters as JSON")


def bounded(length: float) -> None:
    if length > MAX_LENGTH:
        fail("D2014", f"{length:,.0f} items or characters are more than the {MAX_LENGTH:,} allowed")


def collapsed(found: Any) -> Any:
    """The value of a sequence: its only item, itself, or undefined."""
    if len(found) > 1 or found.__class__ is Kept:
        return found
    return found[0] if found else MISSING


def settled(value: Any) -> Any:
    """A result as the value of an expression: a sequence is collapsed."""
    return collapsed(value) if value.__class__ is Sequence else value


def stored(value: Any) -> Any:
    """A value as a member of an array or object: a sequence that cannot collapse any more becomes an array."""
    return list(value) if value.__class__ is Sequence and len(value) > 1 else value


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
        fail("D1001", f"Number out of range: {quoted(value)}")
    return value == value  # noqa: PLR0124  (NaN is no number)


def as_number(value: float) -> int | float:
    """A double as an int if it is whole and at most 2^53, up to which a double holds every integer.

    Of another type is what only counts as a double, and has more digits.
    """
    return int(value) if value.is_integer() and abs(value) <= 2**53 and type(value) is float else value


def finite(value: float) -> int | float:
    """The result of arithmetic. Integers keep every digit. Raises D1001 for NaN and infinity."""
    if math.isnan(value):
        fail("D1001", "the value is not a number", hint="it is the result of 0 / 0, or of a text that is not a number")
    if math.isinf(value):
        fail("D1001", f"Number out of range: {quoted(value)}")
    return as_number(value) if isinstance(value, float) else value


def shown(value: Any) -> str:
    """A value as it is quoted in a message."""
    return "null" if value is MISSING else shortened(value, 1_000) if isinstance(value, str) else quoted(value)


def quoted(value: Any) -> str:
    """A value as a message about it quotes it: JSON, and words for undefined and functions."""
    if value is MISSING or isinstance(value, Function):
        return "undefined" if value is MISSING else "a function"
    value = value.held.written() if isinstance(value, Native) else value
    return excerpt(value, default=lambda one: "a function" if isinstance(one, Function) else None)


def instead(value: Any) -> str | None:
    """A hint if a value is null where none can be."""
    return "`a ?: b` gives b where a is null" if value is None else None


_FLAT = frozenset((str, int, bool, type(None)))
_TEXT = frozenset((str,))


def key_text(key: Any) -> str:
    if not isinstance(key, str):
        fail("D3137", f"an object has the key {excerpt(key)}, which is not a string")
    return key


def refuse_value(value: Any) -> NoReturn:
    if isinstance(value, float):
        fail("D1001", f"Number out of range: {quoted(value)}")
    fail("D3137", f"{excerpt(value)} is not a JSON value")


def plain(value: Any, walk: Walk, depth: int = 0) -> Any:
    """A copy of a result without sequences and functions; as in JSON.stringify, a function is null in an array.

    Numbers are finite, and `walk` counts the characters. Raises D3137 for anything else that is not JSON.
    """
    kind = value.__class__
    if kind is dict or (kind is not Native and isinstance(value, dict)):
        made = dict(value) if _TEXT.issuperset(map(type, value)) else {key_text(key): value[key] for key in value}
        gone = _plain_members(made, made.items(), walk, walk.enter(depth, value))
        return {key: item for key, item in made.items() if item is not MISSING} if gone else made
    if isinstance(value, list):
        found = list(value)
        for index in _plain_members(found, enumerate(found), walk, walk.enter(depth, value)):
            found[index] = None
        return found
    if isinstance(value, str):
        walk.write(len(value))
        return value
    if isinstance(value, Function):
        return MISSING
    if isinstance(value, Native):
        return plain(value.held.written(), walk, depth)
    if isinstance(value, float):
        return finite(value)
    return value if value is None or value is MISSING or isinstance(value, int) else refuse_value(value)


def _plain_members(made: Any, members: Iterable[tuple[Any, Any]], walk: Walk, depth: int) -> list[Any]:
    """Make the members of an array or object plain in place. Returns the keys of those that are undefined."""
    size, gone = 2, []
    for key, item in members:
        kind = item.__class__
        if kind is str:
            size += len(item) + 3
        elif kind in _FLAT:
            size += 3
        elif kind is float:
            if item - item != 0 or item.is_integer():
                made[key] = finite(item)
        else:
            one = made[key] = plain(item, walk, depth)
            if one is MISSING:
                gone.append(key)
    walk.write(size)
    return gone


def finished(value: Any, escapes: bool, budget: Budget | None = None) -> Any:
    """A result as the value of an expression; see `escapes`."""
    if escapes:
        return plain(value, Walk(budget, MAX_WRITTEN))
    kind = value.__class__
    if kind is float:
        return finite(value)
    if isinstance(value, list) and kind is not list:
        return list(value)
    return MISSING if isinstance(value, Function) else value


def truthy(value: Any, run: Run | None = None, depth: int = 0, walk: Walk | None = None) -> bool:
    """$boolean: an array is true if an item is; null and functions are false."""
    if isinstance(value, list):
        if value and value[0].__class__ is str and value[0]:
            return True
        inner = (walk := walk or Walk(run)).enter(depth, value)
        return any(truthy(item, run, inner, walk) for item in walk.each(value))
    if isinstance(value, float):
        return is_number(value) and value != 0
    if value is None or value is MISSING or isinstance(value, Function):
        return False
    return bool(value) if isinstance(value, (str, int, dict)) else refuse_value(value)


#: What is equal to nothing but itself; a boolean is one of two.
_ITSELF: Final = (bool, Function, Native)


def equal(left: Any, right: Any, run: Run | None = None) -> bool:
    """`=`, which is false if a side is undefined."""
    return left is not MISSING and right is not MISSING and _same(left, right, run)


def unequal(left: Any, right: Any, run: Run | None = None) -> bool:
    """`!=`, which is false if a side is undefined."""
    return left is not MISSING and right is not MISSING and not _same(left, right, run)


def _same(left: Any, right: Any, run: Run | None, depth: int = 0, walk: Walk | None = None) -> bool:
    if left is right:
        return left.__class__ is not float or left == right  # NaN is not equal to itself
    if isinstance(left, Pattern) and isinstance(right, Pattern):
        return left.name == right.name
    if isinstance(left, _ITSELF) or isinstance(right, _ITSELF):
        return False
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        # An integer is compared with a double as one.
        return float(left) == float(right) if float in (left.__class__, right.__class__) else left == right
    if isinstance(left, list) and isinstance(right, list):
        inner = (walk := walk or Walk(run)).enter(depth, left)
        return len(left) == len(right) and all(_same(a, b, run, inner, walk) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        inner = (walk := walk or Walk(run)).enter(depth, left)
        return left.keys() == right.keys() and all(
            _same(one, right[key], run, inner, walk) for key, one in left.items()
        )
    return isinstance(left, str) and isinstance(right, str) and left == right
