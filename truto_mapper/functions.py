"""Run-time semantics over plain values: JSONata's operators and functions, and the functions that are ours.

Undefined is `MISSING`, null is None, arrays are lists, objects dicts, functions `Function`s. A path's several results
are a `Sequence`, which tells them from an array that is one value. Everything fails by raising `EvaluationError` with
one `Diagnostic` of a code and a message; whoever evaluates the expression adds the source and the span.
`NAMESPACE` is all that generated code can name.
"""

from __future__ import annotations

import base64
import inspect
import json
import math
import operator
import random
import re
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cmp_to_key, lru_cache, partial, reduce
from itertools import chain, repeat
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, NoReturn, final
from zoneinfo import ZoneInfo

import re2

_LIMIT = sys.getrecursionlimit()

from jsonata.signature import Signature  # noqa: E402

from truto_mapper.diagnostics import Diagnostic, EvaluationError, excerpt  # noqa: E402
from truto_mapper.pictures import (  # noqa: E402
    format_date_time,
    format_integer,
    format_number,
    parse_date_time,
    parse_integer,
)

# Importing jsonata raises the limit of the whole process to 10,000, which is not ours to decide.
sys.setrecursionlimit(_LIMIT)

__all__ = [
    "FUNCTIONS",
    "MISSING",
    "NAMESPACE",
    "STANDARD",
    "Function",
    "Missing",
    "Run",
    "ceil_date",
    "fail",
    "floor_date",
    "instant",
    "is_date_time",
    "is_time_zone",
    "same_zone",
    "size",
    "to_json",
]

#: How deep a value may be nested, how many arrays and objects one function may visit, how long a result may be.
MAX_DATA_NESTING = 200
MAX_VISITS = 1_000_000
MAX_LENGTH = 10_000_000
#: Characters, or bytes of arrays, that one evaluation may make in large pieces.
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

    def __copy__(self) -> Missing:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Missing:
        return self

    def __reduce__(self) -> str:
        return "MISSING"


#: JSONata's undefined: what an expression has that selects nothing. `None` is JSON's null, a value.
MISSING: Final = Missing()


def fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    """Raise the coded error of a function, without a place."""
    raise EvaluationError(Diagnostic(code, message, hint=hint))


# --------------------------------------------------------------------------------------------- dates and zones

# RFC 3339 §5.6: "T" and "Z" may alternatively be lower case. Leap seconds are left out: Python has none.
_DATE_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)


def is_date_time(text: object) -> bool:
    """Whether this is an RFC 3339 date-time with an offset, of a day that exists."""
    return isinstance(text, str) and _read(text) is not None


def instant(text: str) -> datetime:
    """The moment an RFC 3339 date-time names, in its own offset; digits past the microsecond are cut off.

    Raises `EvaluationError` D3110 on any other text.
    """
    moment = _read(text)
    if moment is None:
        fail("D3110", f"{excerpt(text)} is not a date-time with an offset", hint="like 2026-01-31T09:30:00Z")
    return moment


def _read(text: str) -> datetime | None:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    zone = timezone(-offset if sign == "-" else offset) if offset else UTC
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    try:
        return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, zone)
    except ValueError:  # 31 April, the year 0
        return None


def floor_date(timestamp: Any, zone: Any = MISSING) -> str | Missing:
    """$floorDate: the date (YYYY-MM-DD) of a date-time in an IANA zone; MISSING without a date-time.

    Raises `EvaluationError`: T0410 wrong type, D3110 no date-time, D3137 no such zone, or outside the calendar.
    """
    if timestamp is MISSING or timestamp is None:
        return MISSING
    moment, there = _moment("floorDate", 1, timestamp), _zone("floorDate", zone)
    return _local_date(moment, there).isoformat()


def ceil_date(timestamp: Any, zone: Any = MISSING, now: Any = MISSING) -> str | Missing:
    """$ceilDate: the date of a date-time that is the first instant of its day in the zone, otherwise the next
    date; never past the date of `now` when that is known. Arguments and errors as for `floor_date`.
    """
    if timestamp is MISSING or timestamp is None:
        return MISSING
    moment, there = _moment("ceilDate", 1, timestamp), _zone("ceilDate", zone)
    day = _local_date(moment, there)
    # Not "is it 00:00": where the clocks skip midnight, the day begins at 01:00.
    if not _begins_day(moment, there, day):
        day = _next(day, moment)
    if now is not MISSING and now is not None:
        day = min(day, _local_date(_moment("ceilDate", 3, now), there))
    return day.isoformat()


def _begins_day(moment: datetime, zone: ZoneInfo, day: date) -> bool:
    try:
        return (moment.astimezone(UTC) - timedelta(microseconds=1)).astimezone(zone).date() < day
    except OverflowError:  # the first instant of the calendar
        return True


def _next(day: date, moment: datetime) -> date:
    try:
        return day + timedelta(days=1)
    except OverflowError:
        fail("D3137", f"the day after {moment.isoformat()} is outside the calendar")


def _local_date(moment: datetime, zone: ZoneInfo) -> date:
    try:
        return moment.astimezone(zone).date()
    except OverflowError:
        fail("D3137", f"{moment.isoformat()} is outside the calendar in {zone.key}")


def _moment(function: str, index: int, value: Any) -> datetime:
    if not isinstance(value, str):
        fail("T0410", f"argument {index} of ${function} must be a date-time in a string, not {excerpt(value)}")
    return instant(value)


def _zone(function: str, name: Any) -> ZoneInfo:
    if not isinstance(name, str):
        given = "it is missing" if name is MISSING else f"not {excerpt(name)}"
        fail("T0410", f"argument 2 of ${function} must be the name of a time zone, {given}")
    if not is_time_zone(name):
        fail("D3137", f"there is no time zone {excerpt(name)}", hint="an IANA name such as Europe/Dublin")
    return ZoneInfo(name)


def size(value: Any = MISSING) -> int | Missing:
    """$size: the length of an array; anything else counts as one, for it is a sequence of one that collapsed.

    Missing and null stay missing.
    """
    if value is MISSING or value is None:
        return MISSING
    return len(value) if isinstance(value, list) else 1


# What a zone database has beside zones: copies with other rules, and what this one machine is set to.
_ZONE_NAME = re.compile(r"(?!posix/|right/|posixrules\Z|localtime\Z)[A-Za-z][\w+-]*(?:/[\w+-]+)*", re.ASCII)


def is_time_zone(name: object) -> bool:
    """Whether this is an IANA time zone name."""
    if not isinstance(name, str) or not _ZONE_NAME.fullmatch(name):
        return False
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no zone file, a folder of zones
        return False
    return True


@lru_cache(maxsize=256)
def same_zone(a: str, b: str) -> bool:
    """Whether two names stand for one zone in effect: as US/Pacific and America/Los_Angeles, from 2000 to 2037.

    A name that is no zone is the same as none.
    """
    if not (is_time_zone(a) and is_time_zone(b)):
        return False
    first, second = ZoneInfo(a), ZoneInfo(b)
    start = datetime(2000, 1, 1, tzinfo=UTC)
    moments = (start + timedelta(days=day) for day in range(0, 38 * 366, 10))
    return first is second or all(m.astimezone(first).utcoffset() == m.astimezone(second).utcoffset() for m in moments)


# -------------------------------------------------------------------------------------------------- values


class Sequence(list[Any]):
    """Several results, which are not yet one value: a sequence of one is its item, an empty one is undefined."""

    __slots__ = ()


class Kept(Sequence):
    """A sequence that `[]` keeps an array even of one item."""

    __slots__ = ()


class Constructed(list[Any]):
    """An array that a path constructs, which stays whole where other arrays are joined."""

    __slots__ = ()


class Tuples(list[Any]):
    """A stream of the bindings of `@`, `#` and `%`, the item of each under "@"."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Function:
    """A value that can be called. `body` takes `run` before its arguments where `runs`."""

    name: str
    body: Callable[..., Any]
    arity: int
    signature: str | None = None
    runs: bool = False


class Closure(Function):
    """A lambda: its body takes exactly its parameters, and may give a `Tail` to be called in its stead."""

    __slots__ = ()


class Pattern(Function):
    """A regular expression; its body takes a text and gives a match."""

    __slots__ = ("pattern",)

    pattern: Any


class Tail:
    """A call that a lambda leaves to its caller, so that it uses up no stack."""

    __slots__ = ("arguments", "function")

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function = function
        self.arguments = arguments


class Run:
    """The bounds of one evaluation, and what it knows of its surroundings."""

    __slots__ = ("deadline", "depth", "evaluate", "events", "max_depth", "random", "scope", "spent", "ticks", "timeout")

    def __init__(self, timeout: float, depth: int, scope: Any = None, evaluate: Callable[..., Any] = fail) -> None:
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self.max_depth = depth
        self.scope = scope  # where `now` is looked up
        self.evaluate = evaluate  # what $eval does
        self.depth = self.spent = self.ticks = 0
        self.random: random.Random | None = None
        self.events: list[tuple[Any, ...]] = []  # of a traced evaluation

    def seen(self, number: int, value: Any, *context: Any) -> Any:
        """Note the value of a node: its number, the value, and what a field was looked up in."""
        if value.__class__ is not Tail:
            self.events.append((number, value, *context))
        return value

    def tick(self, work: int = 1) -> None:
        """Count some work, and look at the clock now and then."""
        self.ticks += work
        if self.ticks > 64:
            self.ticks = 0
            if time.monotonic() > self.deadline:
                hint = "is there an endless loop?"
                fail("D1012", f"the evaluation took longer than {self.timeout:g} seconds", hint)

    def each(self, found: Any) -> Any:
        """What a loop runs over that may take its time."""
        self.tick(len(found) + 1)
        return found if len(found) < LARGE else self._watched(found)

    def _watched(self, found: Any) -> Iterator[Any]:
        for start in range(0, len(found), 1024):
            self.tick(1024)
            yield from found[start : start + 1024]

    def enter(self) -> None:
        """One lambda calls another."""
        self.depth += 1
        if self.depth > self.max_depth:
            fail("D1011", "Stack overflow", hint="is there a recursion without an end? Consider tail recursion")
        self.tick()

    def spend(self, size: int) -> None:
        """Account for something large."""
        self.spent += size
        if self.spent > MAX_SPENT:
            fail("D2014", f"texts and arrays of more than {MAX_SPENT:,} characters or bytes in one evaluation")

    def grown(self, value: Any) -> Any:
        """A text or array that was made from others."""
        if len(value) > LARGE:
            _bounded(len(value))
            self.spend(len(value) if isinstance(value, str) else 8 * len(value))
        return value


class _Walk:
    """Counts what one function visits of a value: a small value may hold one part many times over."""

    __slots__ = ("visits",)

    def __init__(self) -> None:
        self.visits = 0

    def enter(self, depth: int) -> int:
        """Into an array or object `depth` levels down; the depth of what it holds."""
        if depth >= MAX_DATA_NESTING:
            fail("D407", f"the value is nested more than {MAX_DATA_NESTING} levels deep")
        self.visits += 1
        if self.visits > MAX_VISITS:
            fail("D2014", f"more than {MAX_VISITS:,} arrays and objects")
        return depth + 1


def _bounded(length: float) -> None:
    if length > MAX_LENGTH:
        fail("D2014", f"{length:,.0f} items or characters are more than the {MAX_LENGTH:,} allowed")


def collapsed(found: Any) -> Any:
    """What a sequence is as a value."""
    if len(found) > 1 or found.__class__ is Kept:
        return found
    return found[0] if found else MISSING


def settled(value: Any) -> Any:
    """A function's result as the value of its call."""
    return collapsed(value) if value.__class__ is Sequence else value


def stored(value: Any) -> Any:
    """A value as it stands in an array or object."""
    return list(value) if value.__class__ is Sequence else value


def kept(value: Any) -> Any:
    """The value of what has `[]` behind it; `value` is not collapsed."""
    return Kept(value) if isinstance(value, Sequence) and value else settled(value)


def kept_path(value: Any) -> Any:
    """The value of a path with `[]` in it; `value` is not collapsed."""
    if value is MISSING or (isinstance(value, list) and value.__class__ is not Constructed):
        return kept(value)
    return Kept((value,))


def items(value: Any) -> Any:
    """What a step is evaluated for: each item of an array."""
    return whole(value) if isinstance(value, (list, tuple)) else () if value is MISSING else (value,)


def whole(value: Any) -> Any:
    """What a step gave as what the next one steps into."""
    return (value,) if value.__class__ is Constructed else value


def context_items(value: Any) -> Any:
    """As `items`, of what a path begins with: that may be undefined, and is evaluated for all the same."""
    return value if isinstance(value, (list, tuple)) else (value,)


def constructed_items(value: Any) -> Any:
    """The items of the array that a path begins by constructing.

    Of it may be left, by a predicate, what is none: the reference steps into the characters of a text, else nothing.
    """
    return value if isinstance(value, list) else list(value) if isinstance(value, str) else []


def is_empty(value: Any) -> bool:
    """Whether this is an array without items."""
    return isinstance(value, list) and not value


def listed(value: Any) -> Any:
    """A value as an array."""
    return value if isinstance(value, list) else [] if value is MISSING else [value]


def is_number(value: Any) -> bool:
    if not isinstance(value, float):
        return isinstance(value, int) and not isinstance(value, bool)
    if math.isinf(value):
        fail("D1001", f"Number out of range: {value}")
    return value == value  # noqa: PLR0124  (0 / 0 is no number)


def as_number(value: float) -> int | float:
    """A double as JSON writes it: integers without a fraction as far as a double holds every one of them."""
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def finite(value: float) -> int | float:
    """An arithmetic result: integers keep every digit, but are no larger than a double may be."""
    if not math.isfinite(value):
        fail("D1001", f"Number out of range: {value}")
    return as_number(value) if isinstance(value, float) else value


def shown(value: Any) -> str:
    """A value for a message."""
    return "null" if value is MISSING else value if isinstance(value, str) else excerpt(value)


def to_json(value: Any, indent: int = 0) -> str:
    """A value as `$string` writes it: numbers without a fraction with every digit, others with 15 significant ones.

    `indent` is in spaces a level, 0 for one line.
    """
    return _json(value, indent, 0, _Walk())


def _json(value: Any, indent: int, depth: int, walk: _Walk) -> str:
    if isinstance(value, float):
        return _to_decimal(value)
    if isinstance(value, Function):
        return '""'
    if not isinstance(value, (list, dict)) or not value:
        return _scalar(value)
    inner = walk.enter(depth)
    start, end = ("\n" + " " * indent * inner, "\n" + " " * indent * depth) if indent else ("", "")
    if isinstance(value, list):
        if not indent and _FLAT.issuperset(map(type, value)):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        parts = [_json(item, indent, inner, walk) for item in value]
        return f"[{start}{f',{start}'.join(parts)}{end}]"
    colon = ": " if indent else ":"
    parts = [_scalar(_key(k)) + colon + _json(v, indent, inner, walk) for k, v in value.items()]
    return f"{{{start}{f',{start}'.join(parts)}{end}}}"


_FLAT = frozenset((str, int, bool, type(None)))


def _scalar(value: Any) -> str:
    try:
        return "null" if value is MISSING else json.dumps(value, ensure_ascii=False)
    except TypeError:
        return _refuse_value(value)


def _to_decimal(value: float) -> str:
    """ECMAScript's Number::toString of the number; one with a fraction is rounded to 15 significant digits."""
    if not math.isfinite(value):
        _refuse_value(value)
    rounded = value if value.is_integer() else float(f"{value:.15g}")
    if rounded == 0 or 1e-6 <= abs(rounded) < 1e21:
        text = f"{Decimal(repr(rounded)):f}"
        return "0" if rounded == 0 else _without_zeros(text)
    mantissa, _, exponent = repr(rounded).partition("e")
    return f"{_without_zeros(mantissa)}e{int(exponent):+d}"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _key(key: Any) -> str:
    if not isinstance(key, str):
        fail("D3137", f"an object has the key {excerpt(key)}, which is no string")
    return key


def _refuse_value(value: Any) -> NoReturn:
    if isinstance(value, float):
        fail("D1001", f"Number out of range: {value}")
    fail("D3137", f"{excerpt(value)} is no JSON value")


def plain(value: Any) -> Any:
    """A result without sequences and functions in it: as in JSON.stringify one is left out, null in an array."""
    return _plain(value, 0, _Walk())


def _plain(value: Any, depth: int, walk: _Walk) -> Any:
    if isinstance(value, list):
        inner = walk.enter(depth)
        found = [_plain(item, inner, walk) for item in value]
        return [None if item is MISSING else item for item in found]
    if isinstance(value, dict):
        inner = walk.enter(depth)
        made = ((key, _plain(item, inner, walk)) for key, item in value.items())
        return {key: item for key, item in made if item is not MISSING}
    if isinstance(value, Function):
        return MISSING
    return finite(value) if isinstance(value, float) else value


def released(value: Any) -> Any:
    """A value for a caller's function, which knows no sequences and no functions of ours."""
    return MISSING if isinstance(value, Function) else stored(value)


def received(value: Any) -> Any:
    """What a caller's function gave, checked to be JSON."""
    return _received(value, 0, _Walk())


def _received(value: Any, depth: int, walk: _Walk) -> Any:
    if value is None or value is MISSING or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, dict):
        inner = walk.enter(depth)
        made = {_key(key): _received(item, inner, walk) for key, item in value.items()}
        return {key: item for key, item in made.items() if item is not MISSING}
    if isinstance(value, (list, tuple)):
        inner = walk.enter(depth)
        return [_received(item, inner, walk) for item in value if item is not MISSING]
    return finite(value) if isinstance(value, float) else _refuse_value(value)


def copy(value: Any) -> Any:
    """A copy that shares nothing that can be changed."""
    return _copy(value, 0, _Walk())


def _copy(value: Any, depth: int, walk: _Walk) -> Any:
    if isinstance(value, list):
        inner = walk.enter(depth)
        return [None if item is MISSING else _copy(item, inner, walk) for item in value]
    if isinstance(value, dict):
        inner = walk.enter(depth)
        return {key: _copy(item, inner, walk) for key, item in value.items()}
    return "" if isinstance(value, Function) else value


def truthy(value: Any) -> bool:
    """JSONata's boolean: an array is true when an item is, null and functions are false."""
    return _truthy(value, 0, None)


def _truthy(value: Any, depth: int, walk: _Walk | None) -> bool:
    if isinstance(value, list):
        walk = walk or _Walk()
        inner = walk.enter(depth)
        return any(_truthy(item, inner, walk) for item in value)
    if isinstance(value, float):
        return is_number(value) and value != 0
    return bool(value) and not isinstance(value, Function)


# --------------------------------------------------------------------------------------------------- steps


def field(value: Any, name: str) -> Any:
    """The field of an object, or of all objects in an array: the last step of a path."""
    return settled(fields(value, name))


def fields(value: Any, name: str) -> Any:
    """The field of an object, or of all objects in an array, for the next step."""
    if isinstance(value, (list, tuple)):
        return _fields(value, name)
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


def _fields(value: Iterable[Any], name: str) -> Any:
    found = []
    for item in value:
        if item.__class__ is dict:
            one = item.get(name, MISSING)
        elif isinstance(item, list):
            one = collapsed(_looked_up(item, name, Sequence(), 0, _Walk()))
        else:
            one = item.get(name, MISSING) if isinstance(item, dict) else MISSING
        if one is not MISSING:
            found.append(one)
    return joined(found)


def root_field(value: Any, name: str) -> Any:
    """The field of the whole input, which even as an array is one item."""
    return settled(look_up(value, name))


def look_up(value: Any, name: str) -> Any:
    """$lookup: the field of an object, or of all objects in an array, however deep in arrays."""
    if isinstance(value, list):
        return _looked_up(value, name, Sequence(), 0, _Walk())
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


def _looked_up(value: Any, name: str, found: Sequence, depth: int, walk: _Walk) -> Sequence:
    inner = walk.enter(depth)
    for item in value:
        if isinstance(item, list):
            _looked_up(item, name, found, inner, walk)
        elif isinstance(item, dict):
            one = item.get(name, MISSING)
            if isinstance(one, list):
                found.extend(one)
            elif one is not MISSING:
                found.append(one)
    return found


def joined(results: list[Any]) -> Any:
    """The results of a step for each of its items, as the items of the next one."""
    if len(results) == 1 and results[0].__class__ is list:
        return results[0]
    found = Sequence()
    for one in results:
        if isinstance(one, list) and one.__class__ is not Constructed:
            found.extend(one)
        else:
            found.append(one)
    return found


def ended(results: list[Any]) -> Any:
    """As `joined`, of the last step: a single array is the path's value."""
    if len(results) == 1 and isinstance(results[0], list) and not isinstance(results[0], Sequence):
        return results[0]
    return joined(results)


def wildcard(value: Any) -> Any:
    """`*`: the values of an object's fields, those in arrays one by one."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return Sequence()
    walk = _Walk()
    found: list[Any] = []
    nested = False
    for item in value:
        nested = nested or isinstance(item, list)
        _flatten(item, found, 0, walk)
    # In the reference what was joined to an array is an array, and no sequence that could collapse.
    return found if nested else Sequence(found)


def _flatten(value: Any, found: list[Any], depth: int, walk: _Walk) -> None:
    if not isinstance(value, list):
        found.append(value)
        return
    inner = walk.enter(depth)
    for item in value:
        _flatten(item, found, inner, walk)


def descendants(value: Any) -> Any:
    """`**`: a value and everything in it but the arrays themselves."""
    if value is MISSING:
        return MISSING
    found = Sequence()
    _descend(value, found, 0, _Walk())
    return found[0] if len(found) == 1 else found


def _descend(value: Any, found: list[Any], depth: int, walk: _Walk) -> None:
    if not isinstance(value, list):
        found.append(value)
    if isinstance(value, (dict, list)):
        inner = walk.enter(depth)
        for item in value.values() if isinstance(value, dict) else value:
            _descend(item, found, inner, walk)


def item_at(value: Any, index: int) -> Any:
    """`[number]`: the item of an array, counted from its end when below zero."""
    if not isinstance(value, (list, tuple)):
        return value if index in (0, -1) else MISSING
    try:
        return value[index]
    except IndexError:
        return MISSING


def chosen(result: Any, index: int, length: int) -> bool:
    """Whether a predicate that gave `result` selects the item at `index`."""
    if result is True or result is False:
        return result
    if isinstance(result, list):
        if not all(map(is_number, result)):
            return truthy(result)
        return any(chosen(number, index, length) for number in result)
    if not is_number(result):
        return truthy(result)
    at: int = math.floor(result)
    return index == (at + length if at < 0 else at)


def combined(value: Any) -> Any:
    """The items of an array as the one context of an object constructor whose keys are all constant."""
    if not isinstance(value, list):
        return value
    found = value[0] if value else MISSING
    for item in value[1:]:
        found = _append(found, item)
    return found


def _append(left: Any, right: Any) -> Any:
    if left is MISSING or right is MISSING:
        return right if left is MISSING else left
    return [*listed(left), *listed(right)]


def grouped(run: Run, value: Any, pairs: Iterable[tuple[Callable[[Any], Any], Callable[[Any], Any]]]) -> dict[str, Any]:
    """`{key: value}` of each item, items of one key together. Keys and values are functions of an item or a tuple."""
    streamed = isinstance(value, Tuples)
    pairs = tuple(pairs)
    groups: dict[str, tuple[int, list[Any]]] = {}
    for item in run.each(value if value or streamed else [MISSING]):
        for number, (key_of, _) in enumerate(pairs):
            key = key_of(item)
            if key is not MISSING:
                group = groups.setdefault(text_key(key), (number, []))
                if group[0] != number:
                    repeated_key(key)
                group[1].append(item)
    merge = _merged_tuples if streamed else combined
    made = ((key, pairs[number][1](merge(members))) for key, (number, members) in groups.items())
    return {key: stored(one) for key, one in made if one is not MISSING}


def text_key(key: Any) -> str:
    """The key of an object."""
    if not isinstance(key, str):
        fail("T1003", f"Key in object structure must evaluate to a string; got: {shown(key)}")
    return key


def repeated_key(key: Any) -> NoReturn:
    fail("D1009", f"Multiple key definitions evaluate to same key: {shown(key)}")


def _merged_tuples(members: list[dict[str, Any]]) -> dict[str, Any]:
    merged = dict(members[0])
    for member in members[1:]:
        for name, one in member.items():
            merged[name] = _append(merged.get(name, MISSING), one)
    return merged


def stream(value: Any) -> Tuples:
    """The items of a value as tuples."""
    return Tuples({"@": item} for item in value)


def spread(
    found: Tuples, bound: dict[str, Any], result: Any, focus: str | None, index: str | None, ancestor: str | None
) -> None:
    """Add the tuples that a step gave for one tuple."""
    if isinstance(result, Tuples):
        found.extend({**bound, **one} for one in result)
        return
    for number, one in enumerate(listed(result)):
        made = {**bound, focus: one} if focus else {**bound, "@": one}
        if index:
            made[index] = number
        if ancestor:
            made[ancestor] = bound["@"]
        found.append(made)


def begun(state: Any, found: Tuples) -> Tuples:
    """The tuples to group; where nothing was found before the first of them, an object is made of what is undefined."""
    return found if items(state) else Tuples(({"@": MISSING},))


def unbound(found: Tuples) -> Sequence:
    """The items of a tuple stream."""
    return Sequence(one["@"] for one in found)


def numbered(found: Any, name: str) -> Tuples:
    """The tuples with their places in the stream."""
    return Tuples({**one, name: place} for place, one in enumerate(found))


def ordered(run: Run, value: Any, terms: tuple[tuple[Callable[[Any], Any], bool], ...]) -> Any:
    """`^(terms)`: the items in order; each term is a function of an item, and whether it descends."""
    if len(value) <= 1:
        return value if isinstance(value, Tuples) else Sequence(value)
    keyed: list[Any] = [([key(item) for key, _ in terms], item) for item in run.each(value)]
    if len(terms) == 1 and len(kinds := {key.__class__ for (key,), _ in keyed}) == 1 and kinds <= {str, int}:
        keyed.sort(key=itemgetter(0), reverse=terms[0][1])
    else:
        keyed.sort(key=cmp_to_key(lambda a, b: _order(run, a[0], b[0], terms)))  # type: ignore[index]
    return (Tuples if isinstance(value, Tuples) else list)(item for _, item in keyed)


def _order(run: Run, left: list[Any], right: list[Any], terms: tuple[tuple[Any, bool], ...]) -> int:
    run.tick()
    for a, b, (_, descending) in zip(left, right, terms, strict=True):
        if a is MISSING or b is MISSING:
            if a is not b:
                return 1 if a is MISSING else -1
            continue
        for value in (a, b):
            if not _is_comparable(value):
                fail(
                    "T2008", f"The expressions within an order-by clause must be numeric or string, not {shown(value)}"
                )
        if isinstance(a, str) is not isinstance(b, str):
            fail("T2007", f"Type mismatch when comparing values {shown(a)} and {shown(b)} in order-by clause")
        if a != b:
            return -1 if (a < b) is not descending else 1
    return 0


# ----------------------------------------------------------------------------------------------- operators


def _divided(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and right and left % right == 0:
        return left // right
    if right:
        return left / right
    return math.copysign(math.inf, left) if left else math.nan  # an error as soon as it is used


def _remainder(left: Any, right: Any) -> Any:
    if not right:
        return math.nan
    if isinstance(left, int) and isinstance(right, int):
        return (abs(left) % abs(right)) * (-1 if left < 0 else 1)
    return math.fmod(left, right)


_ARITHMETIC: Final = MappingProxyType(
    {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divided, "%": _remainder}
)
_ORDER: Final = MappingProxyType({"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge})


def arithmetic(sign: str, left: Any, right: Any) -> Any:
    """`+ - * / %`"""
    for code, side, value in (("T2001", "left", left), ("T2002", "right", right)):
        if value is not MISSING and not is_number(value):
            fail(code, f"The {side} side of the {sign} operator must evaluate to a number, not {shown(value)}")
    if left is MISSING or right is MISSING:
        return MISSING
    result = _ARITHMETIC[sign](left, right)
    return result if sign in "/%" and not right else finite(result)


def negated(value: Any) -> Any:
    """`-value`"""
    if value is not MISSING and not is_number(value):
        fail("D1002", f"Cannot negate a non-numeric value: {shown(value)}")
    return MISSING if value is MISSING else -value


def _is_comparable(value: Any) -> bool:
    return isinstance(value, (str, int, float, Missing)) and not isinstance(value, bool)


def compared(sign: str, left: Any, right: Any) -> Any:
    """`< <= > >=`"""
    if not (_is_comparable(left) and _is_comparable(right)):
        fail("T2010", f"The expressions either side of operator {sign} must evaluate to numeric or string values")
    if left is MISSING or right is MISSING:
        return MISSING
    if isinstance(left, str) is not isinstance(right, str):
        values = f"{shown(left)} and {shown(right)}"
        fail("T2009", f"The values {values} either side of operator {sign} must be of the same data type")
    return _ORDER[sign](left, right)


def equal(left: Any, right: Any) -> bool:
    """`=`, which is false where a side is undefined."""
    return left is not MISSING and right is not MISSING and _same(left, right, 0, None)


def unequal(left: Any, right: Any) -> bool:
    """`!=`, which is false where a side is undefined."""
    return left is not MISSING and right is not MISSING and not _same(left, right, 0, None)


def _same(left: Any, right: Any, depth: int, walk: _Walk | None) -> bool:
    if left is right:
        return True
    if isinstance(left, (bool, Function)) or isinstance(right, (bool, Function)):
        return False
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        # A literal beyond 2^53 is a double, and equals what it equals as one.
        return float(left) == float(right) if float in (type(left), type(right)) else left == right
    if isinstance(left, list) and isinstance(right, list):
        walk = walk or _Walk()
        inner = walk.enter(depth)
        return len(left) == len(right) and all(_same(a, b, inner, walk) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        walk = walk or _Walk()
        inner = walk.enter(depth)
        return left.keys() == right.keys() and all(_same(one, right[key], inner, walk) for key, one in left.items())
    return isinstance(left, str) and isinstance(right, str) and left == right


def included(left: Any, right: Any) -> bool:
    """`in`, which compares arrays and objects by identity, as the reference does."""
    if left is MISSING:
        return False
    if isinstance(left, (list, dict)):
        return any(item is left for item in listed(right))
    return any(equal(left, item) for item in listed(right))


def text(value: Any) -> str:
    """A side of `&`: nothing is the empty text."""
    return value if isinstance(value, str) else "" if value is MISSING else _string(value)


def ranged(run: Run, left: Any, right: Any) -> Any:
    """`left..right`"""
    for code, side, value in (("T2003", "left", left), ("T2004", "right", right)):
        if value is not MISSING and not (is_number(value) and float(value).is_integer()):
            fail(code, f"The {side} side of the range operator (..) must evaluate to an integer, not {shown(value)}")
    if left is MISSING or right is MISSING or left > right:
        return MISSING
    _bounded(right - left + 1)
    run.spend(8 * int(right - left))
    return collapsed(Sequence(range(int(left), int(right) + 1)))


def push(found: list[Any], value: Any) -> None:
    """Add a value to an array that is constructed: arrays are joined to it."""
    if isinstance(value, list):
        found.extend(value)
    elif value is not MISSING:
        found.append(value)


# ----------------------------------------------------------------------------------------- calling functions


#: What stands for the `?` of a partial application.
HOLE: Final = object()

_LETTERS: Final[Mapping[type, str]] = MappingProxyType(
    {Missing: "m", bool: "b", str: "s", int: "n", float: "n", type(None): "l", list: "a", dict: "o"}
)
_BY_BASE: Final = ((str, "s"), (int, "n"), (float, "n"), (list, "a"), (dict, "o"))


def _letter(kind: type) -> str:
    """The letter of a type in signatures."""
    return _LETTERS.get(kind) or next((letter for base, letter in _BY_BASE if issubclass(kind, base)), "f")


@lru_cache(maxsize=1024)
def signature(text: str, name: str) -> Any:
    """The parsed signature of a function."""
    return Signature(text, name)


@lru_cache(maxsize=4096)
def _matching(text: str | None, name: str, kinds: tuple[type, ...]) -> Any:
    """How arguments of these types fit a signature; Raises T0410.

    None if they fit as they are. A tuple of the places of arrays and the types that their items have to have, if then
    the arguments fit as they are. Otherwise each parameter with the letters of what it takes.
    """
    parsed = signature(text or "", name)
    letters = "".join(map(_letter, kinds))
    found = parsed._regex.fullmatch(letters)  # noqa: SLF001  (parsed, and nowhere else)
    if found is None:
        _refuse_arguments(parsed, letters)
    parameters = parsed._params  # noqa: SLF001
    each = [(p, found[number]) for number, p in enumerate(parameters, 1)]
    if len(each) != len(kinds) or not all(len(part) == 1 and (p.type != "a" or part in "am") for p, part in each):
        return each
    typed = [(i, p.subtype[:1]) for i, (p, part) in enumerate(each) if p.type == "a" and part == "a" and p.subtype]
    return tuple((i, frozenset(k for k, letter in _LETTERS.items() if letter == kind)) for i, kind in typed) or None


def fitted(function: Function, arguments: tuple[Any, ...], context: Any) -> tuple[Any, ...]:
    """The arguments as the signature wants them: the context for one left out, an array for a single value."""
    each = _matching(function.signature, function.name, tuple(map(type, arguments)))
    return arguments if each is None else _fitted(function, each, arguments, context)


def _fitted(function: Function, each: Any, arguments: tuple[Any, ...], context: Any) -> tuple[Any, ...]:
    name = function.name
    if each.__class__ is tuple:
        if all(kinds.issuperset(map(type, arguments[place])) for place, kinds in each):
            return arguments
        parameters = signature(function.signature or "", name)._params  # noqa: SLF001
        each = [(p, _letter(type(a))) for p, a in zip(parameters, arguments, strict=True)]
    result: list[Any] = []
    rest = chain(enumerate(arguments, 1), repeat((len(arguments) + 1, MISSING)))
    taken = 0
    for param, letters in each:
        if param.context and not letters:
            result.append(_context(name, param, context, taken + 1))
            continue
        for letter in letters or "m":  # what is left out takes an argument too, as in the reference
            taken, value = next(rest)
            wanted = param.type == "a" and letter != "m"
            result.append(_as_array(name, param, letters, value, taken) if wanted else value)
    return tuple(result)


def _context(name: str, param: Any, context: Any, index: int) -> Any:
    if not re.fullmatch(param.regex, _letter(type(context))):
        fail("T0411", f"Context value is not a compatible type with argument {index} of function {name}")
    return context


_ARRAYS_OF: Final = MappingProxyType(
    {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}
)


def _as_array(name: str, param: Any, letters: str, value: Any, index: int) -> Any:
    found = value if isinstance(value, list) else [value]
    if param.subtype is None:
        return found
    wanted = param.subtype[:1]
    fits = {_letter(kind) for kind in set(map(type, found))} <= {wanted} if found is value else letters == param.subtype
    if not fits:
        kind = _ARRAYS_OF.get(wanted, param.subtype)
        fail("T0412", f"Argument {index} of function {name} must be an array of {kind}")
    return found


def _refuse_arguments(parsed: Any, supplied: str) -> NoReturn:
    good, pattern = 0, ""
    for param in parsed._params:  # noqa: SLF001
        pattern += param.regex
        found = re.match(pattern, supplied)
        if found is None:
            break
        good = found.end()
    fail("T0410", f"Argument {good + 1} of function {parsed.function_name} does not match function signature")


def call(run: Run, context: Any, function: Any, *arguments: Any) -> Any:
    """The value of `function(arguments)`; the context is for arguments that are left out."""
    return settled(_applied(run, context, function, arguments))


def applied(run: Run, context: Any, function: Any, *arguments: Any) -> Any:
    """As `call`, not yet collapsed."""
    return _applied(run, context, function, arguments)


def apply(run: Run, function: Any, *arguments: Any) -> Any:
    """What a function gives another one that was handed it; its context is null."""
    return _applied(run, None, function, arguments)


def _performed(body: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """`body(*arguments)`, which for a few arguments takes nothing of the C stack if it is written out."""
    match len(arguments):
        case 1:
            return body(arguments[0])
        case 2:
            return body(arguments[0], arguments[1])
        case 3:
            return body(arguments[0], arguments[1], arguments[2])
        case _:
            return body(*arguments)


def _applied(run: Run, context: Any, function: Any, arguments: tuple[Any, ...]) -> Any:
    run.enter()
    while function.__class__ is Closure:
        if function.signature is not None:
            arguments = fitted(function, arguments, context)
        missing = function.arity - len(arguments)
        if missing:
            arguments = (*arguments, *[MISSING] * missing) if missing > 0 else arguments[:missing]
        result = _performed(function.body, arguments)
        if result.__class__ is not Tail:
            run.depth -= 1
            return result
        function, arguments = result.function, result.arguments
        run.tick()
    if not isinstance(function, Function):
        fail("T1006", "Attempted to invoke a non-function")
    if function.signature is not None:
        arguments = fitted(function, arguments, context)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    run.depth -= 1
    return finite(result) if result.__class__ is float else result


def invoke(run: Run, context: Any, function: Function, *arguments: Any) -> Any:
    """The value of a call of a standard function."""
    if (each := _matching(function.signature, function.name, tuple(map(type, arguments)))) is not None:
        arguments = _fitted(function, each, arguments, context)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    kind = result.__class__
    return finite(result) if kind is float else collapsed(result) if kind is Sequence else result


def invoked(run: Run, context: Any, function: Function, *arguments: Any) -> Any:
    """As `invoke`, not yet collapsed."""
    arguments = fitted(function, arguments, context)
    result = _performed(function.body, (run, *arguments) if function.runs else arguments)
    return finite(result) if result.__class__ is float else result


def procedure(found: Any, name: str, known: Any, code: str) -> Any:
    """What a bare name gives where a function is called; T1005 and T1007 say that its `$` is missing."""
    if found is MISSING and known is not MISSING:
        verb = "invoke" if code == "T1005" else "partially apply"
        fail(code, f"Attempted to {verb} a non-function", hint=f"did you mean ${name}?")
    return found


def partially(run: Run, function: Any, *given: Any) -> Function:
    """`function(a, ?)`"""
    if not isinstance(function, Function):
        fail("T1008", "Attempted to partially apply a non-function")

    def body(*rest: Any) -> Any:
        filling = iter(rest)
        return apply(run, function, *(next(filling, MISSING) if one is HOLE else one for one in given))

    return Closure(function.name, body, sum(one is HOLE for one in given))


def piped(run: Run, left: Any, right: Any) -> Any:
    """`left ~> right`, of a function: called with the left side, or the two chained."""
    if not isinstance(right, Function):
        fail("T2006", "The right side of the function application operator ~> must be a function")
    if isinstance(left, Function):
        return Closure("~>", lambda value: apply(run, right, apply(run, left, value)), 1)
    return call(run, None, right, left)


def transform(pattern: Any, update: Any, delete: Any) -> Function:
    """`|pattern|update, delete|`; each is a function of its context."""

    def body(run: Run, value: Any) -> Any:
        result = copy(value)
        for match in run.each(items(pattern(result))):
            _update(match, update(match))
            if delete is not None:
                _delete(match, listed(delete(match)))
        return result

    return Function("transform", body, 1, "<(oa):o>", runs=True)


def _update(match: Any, update: Any) -> None:
    if update is not MISSING and not isinstance(update, dict):
        clause = "The insert/update clause of the transform expression must evaluate to an object"
        fail("T2011", f"{clause}: {shown(update)}")
    if isinstance(match, dict) and isinstance(update, dict):
        match.update(update)


def _delete(match: Any, gone: list[Any]) -> None:
    if not all(isinstance(name, str) for name in gone):
        fail("T2012", "The delete clause of the transform expression must evaluate to a string or array of strings")
    for name in gone:
        if isinstance(match, dict):
            match.pop(name, None)


def from_caller(name: str, function: Callable[..., Any]) -> Function:
    """A caller's function, of plain JSON values."""

    def body(*arguments: Any) -> Any:
        try:
            return received(function(*map(released, arguments)))
        except EvaluationError:
            raise
        except Exception as error:  # noqa: BLE001  (it is the caller's code)
            fail("D3137", f"${name} failed: {type(error).__name__}: {error}")

    return Function(name, body, _arity(function))


def _arity(function: Callable[..., Any]) -> int:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a built-in one that does not say
        return 1
    return len(parameters)


# -------------------------------------------------------------------------------------- regular expressions


PatternError = re2.error
_UNICODE_ESCAPE = r"((?:\\\\)*)\\u([0-9a-fA-F]{4})"


@lru_cache(maxsize=1024)
def compiled_pattern(pattern: str, flags: str = "") -> Any:
    """RE2, which takes linear time whatever the pattern. Raises `PatternError`."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in flags
    prefix = "(?m)" if "m" in flags else ""
    return re2.compile(prefix + re.sub(_UNICODE_ESCAPE, r"\1\\x{\2}", pattern), options)


@lru_cache(maxsize=1024)
def regex(pattern: str, flags: str) -> Pattern:
    """`/pattern/flags`"""
    compiled = compiled_pattern(pattern, flags)
    function = Pattern("regex", partial(_first_match, compiled), 2)
    function.pattern = compiled
    return function


def _first_match(pattern: Any, text: Any, start: Any = 0) -> Any:
    """What a regular expression gives as a function: a match with a function for the next one."""
    found = pattern.search(text, start) if isinstance(text, str) else None
    if found is None:
        return MISSING

    def following() -> Any:
        after: Any = _first_match(pattern, text, found.end()) if found.end() < len(text) else MISSING
        if after and not after["match"]:
            fail("D1004", "Regular expression matches zero length string")
        return after

    return {**_match_of(found), "next": Function("next", following, 0)}


def _match_of(found: Any) -> dict[str, Any]:
    return {"match": found.group(), "start": found.start(), "end": found.end(), "groups": list(found.groups())}


def _matches(run: Run, matcher: Any, text: str, limit: Any) -> Iterator[Any]:
    """The matches of a regular expression, or of a function that works like one."""
    if isinstance(matcher, Pattern):
        yield from _pattern_matches(matcher.pattern, text, limit)
        return
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


def _pattern_matches(pattern: Any, text: str, limit: Any) -> Iterator[Any]:
    number = end = 0
    while limit is MISSING or number < limit:
        found = pattern.search(text, end)
        if found is None:
            return
        if number and found.start() == found.end():
            fail("D1004", "Regular expression matches zero length string")
        yield _match_of(found)
        number, end = number + 1, found.end()
        if end >= len(text):
            return


def _match(run: Run, text: Any, pattern: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        fail("D3040", "Third argument of match function must evaluate to a positive number")
    found = _matches(run, pattern, text, limit)
    return Sequence({"match": m["match"], "index": m["start"], "groups": m["groups"]} for m in found)


def _contains(run: Run, text: Any, token: Any) -> Any:
    if text is MISSING or token is MISSING:
        return MISSING
    if isinstance(token, Pattern):
        return token.pattern.search(text) is not None
    return token in text if isinstance(token, str) else next(_matches(run, token, text, MISSING), None) is not None


def _split(run: Run, text: Any, separator: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if limit is not MISSING and limit < 0:
        fail("D3020", "Third argument of split function must evaluate to a positive number")
    if isinstance(separator, str):
        parts = text.split(separator) if separator else list(text)
        return run.grown(parts[: None if limit is MISSING else int(limit)])
    parts, start = [], 0
    for found in _matches(run, separator, text, limit):
        parts.append(text[start : found["start"]])
        start = found["end"]
    return [*parts, text[start:]] if limit is MISSING or len(parts) < limit else parts


def _replace(run: Run, text: Any, pattern: Any, replacement: Any, limit: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if pattern == "":
        fail("D3010", "Second argument of replace function cannot be an empty string")
    if limit is not MISSING and limit < 0:
        fail("D3011", "Fourth argument of replace function must evaluate to a positive number")
    if isinstance(pattern, str):
        count = -1 if limit is MISSING else math.ceil(limit)
        _bounded(text.count(pattern) * len(replacement) if isinstance(replacement, str) else 0)
        return run.grown(text.replace(pattern, _replaced(run, replacement, None), count))
    if isinstance(pattern, Pattern) and pattern.pattern.search(text) is None:
        return text
    parts, end, length = [], 0, 0
    for found in _matches(run, pattern, text, limit):
        parts += [text[end : found["start"]], _replaced(run, replacement, found)]
        end = found["start"] + len(found["match"])
        length += len(parts[-1])
        _bounded(length)
    return run.grown("".join(parts) + text[end:])


def _replaced(run: Run, replacement: Any, found: Any) -> str:
    """The text for one match; a plain string that was searched for has no groups, and no function to call."""
    if isinstance(replacement, str):
        return replacement if found is None else re.sub(_REFERENCE, lambda m: _reference(m, found), replacement)
    made = replacement if found is None else apply(run, replacement, found)
    if not isinstance(made, str):
        fail("D3012", "Attempted to replace a matched string with a non-string value")
    return made


_REFERENCE = r"(?a)\$(\$|\d+)"


def _reference(found: re.Match[str], match: dict[str, Any]) -> str:
    """What `$$`, `$0` and `$12` stand for; of the digits only as many as there are groups."""
    digits, groups = found[1], match["groups"]
    if digits == "$":
        return "$"
    if digits[0] == "0":
        return str(match["match"]) + digits[1:]
    used = len(str(len(groups)))
    if used > 1 and int(digits[:used]) > len(groups):
        used -= 1
    number = int(digits[:used])
    group = groups[number - 1] if 0 < number <= len(groups) else None
    return (group if isinstance(group, str) else "") + digits[used:]


# ------------------------------------------------------------------------------------------------- functions
# Their arguments have been fitted to their signatures: of the right type, or MISSING.


def _defined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which is undefined where its first argument is."""
    return lambda value, *rest: MISSING if value is MISSING else function(value, *rest)


def _string(value: Any, prettify: Any = False) -> Any:
    if value is MISSING or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        fail("D3001", "Attempting to invoke string function on Infinity or NaN")
    return "" if isinstance(value, Function) else to_json(value, 2 if prettify is True else 0)


def _substring(text: str, start: Any = MISSING, length: Any = MISSING) -> str:
    if start is MISSING:
        return text if length is MISSING else ""
    first = 0 if len(text) + start < 0 else start
    if length is MISSING:
        return text[int(first) :]
    if length <= 0:
        return ""
    return text[int(first) : int(first + length if first >= 0 else len(text) + first + length)]


def _substring_before(text: str, chars: Any = MISSING) -> str:
    return text if chars is MISSING else text.partition(chars)[0] if chars else ""


def _substring_after(text: str, chars: Any = MISSING) -> str:
    return text[text.index(chars) + len(chars) :] if chars is not MISSING and chars in text else text


def _trim(text: str) -> str:
    return re.sub(r"[ \t\n\r]+", " ", text).removeprefix(" ").removesuffix(" ")


def _pad(run: Run, text: Any, width: Any = MISSING, char: Any = MISSING) -> Any:
    if text is MISSING or width is MISSING:
        return text
    _bounded(abs(width))
    missing = abs(int(width)) - len(text)
    padding = ((char or " ") * max(missing, 0))[: max(missing, 0)]
    return run.grown(text + padding if width > 0 else padding + text)


def _join(run: Run, texts: Any, separator: Any = MISSING) -> Any:
    if texts is MISSING:
        return MISSING
    between = separator or ""
    if len(texts) > 64:
        _bounded(sum(map(len, texts)) + len(texts) * len(between))
    return run.grown(between.join(texts))


_DECIMAL = r"(?a)-?\d+(\.\d+)?([Ee][-+]?\d+)?"
_RADIX = r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+"


def _to_number(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str):
        return value
    if re.fullmatch(_RADIX, value):
        return finite(int(value, 0))
    number = float(value) if re.fullmatch(_DECIMAL, value) else math.inf
    if not math.isfinite(number):
        fail("D3030", f"Unable to cast value to a number: {shown(value)}")
    return int(value) if value.lstrip("-").isdigit() else number


def _round(value: Any, precision: Any = MISSING) -> Any:
    digits = 0 if precision is MISSING else int(precision)
    return value if isinstance(value, int) and digits >= 0 else float(round(Decimal(str(value)), digits))


_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def _format_base(value: Any, radix: Any = MISSING) -> str:
    base, number = 10 if radix is MISSING else int(_round(radix)), int(_round(value))
    if not 2 <= base <= 36:
        fail("D3100", f"The radix of the formatBase function must be between 2 and 36. It was given {base}")
    digits, rest = "", abs(number)
    while rest or not digits:
        rest, digit = divmod(rest, base)
        digits = _DIGITS[digit] + digits
    return "-" + digits if number < 0 else digits


def _square_root(value: Any) -> float:
    if value < 0:
        fail("D3060", f"The sqrt function cannot be applied to a negative number: {shown(value)}")
    return math.sqrt(value)


def _power(base: Any, exponent: Any = MISSING) -> Any:
    if exponent is MISSING:
        return MISSING
    try:
        result = math.pow(base, exponent)
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        fail("D3061", f"The power function has no result for base={shown(base)}, exponent={shown(exponent)}")
    exact = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return base**exponent if exact else result


def _sum(numbers: list[Any]) -> Any:
    return finite(reduce(operator.add, filter(is_number, numbers), 0))


def _average(numbers: list[Any]) -> Any:
    return _divided(_sum(numbers), len(numbers)) if numbers else MISSING


def _handed(run: Run, function: Function, *offered: Any) -> Any:
    """What a function gives that is handed a value, its index and its array, as far as it takes them."""
    return _applied(run, None, function, offered[: max(function.arity, 1)])


def _map(run: Run, values: Any, function: Any) -> Any:
    if values is MISSING:
        return MISSING
    found = Sequence()
    for index, value in enumerate(values):
        made = _handed(run, function, value, index, values)
        if made is not MISSING:
            found.append(stored(made))
    return found


def _filter(run: Run, values: Any, function: Any) -> Any:
    if values is MISSING:
        return MISSING
    found = Sequence()
    for index, value in enumerate(values):
        if truthy(_handed(run, function, value, index, values)):
            found.append(value)
    return found


def _single(run: Run, values: Any, function: Any = MISSING) -> Any:
    if values is MISSING:
        return MISSING
    found = values if function is MISSING else _filter(run, values, function)
    if len(found) > 1:
        fail("D3138", "The $single() function expected exactly 1 matching result. Instead it matched more.")
    if not found:
        fail("D3139", "The $single() function expected exactly 1 matching result. Instead it matched 0.")
    return found[0]


def _reduce(run: Run, values: Any, function: Any, initial: Any = MISSING) -> Any:
    if values is MISSING:
        return MISSING
    if function.arity < 2:
        fail("D3050", "The second argument of reduce function must be a function with at least two arguments")
    skipped = 1 if initial is MISSING and values else 0
    result = values[0] if skipped else initial
    for index, value in enumerate(values[skipped:], skipped):
        result = _applied(run, None, function, (result, value, index, values)[: max(function.arity, 2)])
    return result


def _each(run: Run, value: Any, function: Any) -> Any:
    if value is MISSING:
        return Sequence()
    found = Sequence()
    for key, one in value.items():
        made = _handed(run, function, one, key, value)
        if made is not MISSING:
            found.append(stored(made))
    return found


def _sift(run: Run, value: Any, function: Any = MISSING) -> Any:
    if value is MISSING:
        return MISSING
    return {k: v for k, v in value.items() if truthy(_handed(run, function, v, k, value))} or MISSING


def _keys(value: Any) -> Any:
    found: dict[str, None] = {}
    _collect_keys(value, found, 0, _Walk())
    return Sequence(found)


def _collect_keys(value: Any, found: dict[str, None], depth: int, walk: _Walk) -> None:
    if isinstance(value, dict):
        found.update(dict.fromkeys(value))
    elif isinstance(value, list):
        inner = walk.enter(depth)
        for item in value:
            _collect_keys(item, found, inner, walk)


def _spread(value: Any) -> Any:
    found = Sequence()
    _spread_into(value, found, 0, _Walk())
    if isinstance(value, list):  # joined in the reference, which gives an array
        return list(found) if value else MISSING
    return found if isinstance(value, dict) else value


def _spread_into(value: Any, found: Sequence, depth: int, walk: _Walk) -> None:
    if isinstance(value, dict):
        found.extend({key: item} for key, item in value.items())
    elif isinstance(value, list):
        inner = walk.enter(depth)
        for item in value:
            _spread_into(item, found, inner, walk)
    else:
        found.append(value)


def _merge(values: list[Any]) -> dict[str, Any]:
    return {key: item for value in values for key, item in value.items()}


def _join_arrays(run: Run, left: Any = MISSING, right: Any = MISSING) -> Any:
    found = _append(left, right)
    return run.grown(found) if isinstance(found, list) else found


def _zip(*arrays: Any) -> list[Any]:
    return [list(row) for row in zip(*map(listed, arrays), strict=False)]


def _distinct(values: Any) -> Any:
    if not isinstance(values, list) or len(values) <= 1:
        return values
    found: dict[Any, Any] = {}
    walk = _Walk()
    for value in values:
        found.setdefault(_frozen(value, 0, walk), value)
    return (Sequence if isinstance(values, Sequence) else list)(found.values())


def _frozen(value: Any, depth: int, walk: _Walk) -> Any:
    """The same for equal values only, and hashable: a boolean is no number, an object has no order."""
    if isinstance(value, list):
        inner = walk.enter(depth)
        return list, tuple(_frozen(item, inner, walk) for item in value)
    if isinstance(value, dict):
        inner = walk.enter(depth)
        return dict, frozenset((key, _frozen(item, inner, walk)) for key, item in value.items())
    return (bool, value) if isinstance(value, bool) else value


class _Ordered:
    """An item of an array that a function sorts: it says whether the first of two comes after the second."""

    def __init__(self, value: Any, comparator: Callable[[Any, Any], Any]) -> None:
        self.value, self.comparator = value, comparator

    def __lt__(self, earlier: _Ordered) -> bool:
        return truthy(self.comparator(earlier.value, self.value))


def _sort(run: Run, values: Any, comparator: Any = MISSING) -> Any:
    if values is MISSING or len(values) <= 1:
        return values
    if comparator is not MISSING:
        return sorted(values, key=lambda value: _Ordered(value, partial(apply, run, comparator)))
    if not (all(isinstance(v, str) for v in values) or all(map(is_number, values))):
        fail("D3070", "The single argument form of the sort function can only be applied to strings or to numbers")
    return sorted(values)


def _type(value: Any) -> str:
    name = {"s": "string", "n": "number", "b": "boolean", "l": "null", "a": "array", "o": "object", "f": "function"}
    return name[_letter(type(value))]


def _error(message: Any = MISSING) -> NoReturn:
    fail("D3137", message or "$error() function evaluated")


def _assert(condition: Any, message: Any = MISSING) -> Missing:
    if condition is False or condition is MISSING:
        fail("D3141", message or "$assert() statement failed")
    return MISSING


def _evaluate(run: Run, text: Any, focus: Any = MISSING) -> Any:
    return MISSING if text is MISSING else run.evaluate(run, text, focus, {})


def evaluated(run: Run, variables: Any, context: Any, function: Function, *arguments: Any) -> Any:
    """The value of a call of $eval, which sees the variables where it stands."""
    text, focus = (*fitted(function, arguments, context), MISSING)[:2]
    if text is MISSING:
        return MISSING
    return settled(run.evaluate(run, text, context if focus is MISSING else focus, variables))


def _millis(run: Run) -> int:
    """The moment that is bound as `now`: there is no clock here."""
    now = run.scope.lookup("now")
    if not is_date_time(now):
        fail("D3137", "the time is not known here", hint="bind `now` to a date-time such as 2026-01-31T09:30:00Z")
    return _since_1970(instant(now))


def _now(run: Run, picture: Any = MISSING, zone: Any = MISSING) -> Any:
    return _from_millis(_millis(run), picture, zone)


def _since_1970(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _generator(run: Run) -> random.Random:
    run.random = run.random or random.Random(0)  # noqa: S311  (the same expression gives the same result)
    return run.random


def _random(run: Run) -> float:
    return _generator(run).random()


def _shuffle(run: Run, values: Any) -> Any:
    return MISSING if values is MISSING else _generator(run).sample(values, len(values))


def _base64_encode(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")[::2]).decode("ascii")  # the low bytes, as there


def _base64_decode(text: str) -> str:
    digits = re.sub(r"[^A-Za-z0-9+/]", "", text.partition("=")[0].translate({45: "+", 95: "/"}))
    digits = digits[: -1 if len(digits) % 4 == 1 else None]
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("latin-1")


_COMPONENT: Final = "~()*!.'"
_RESERVED: Final = ";/?:@&=+$,#"
_KEPT_ESCAPE = "(?i)%(" + "|".join(f"{ord(char):02X}" for char in _RESERVED) + ")"


def _url(function: Callable[[str], str], name: str) -> Callable[[Any], Any]:
    def checked(text: Any) -> Any:
        try:
            return function(text)
        except UnicodeError:
            fail("D3140", f"Malformed URL passed to ${name}(): {shown(text)}")

    return _defined(checked)


def _unquoted(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        raise UnicodeError
    return urllib.parse.unquote(text, errors="strict")


_ISO_8601 = r"(?a)(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d:\d\d:\d\d))?(\.\d+)?(?:Z|([+-]\d\d):?(\d\d))?"


def _to_millis(run: Run, text: Any, picture: Any = MISSING) -> Any:
    if text is MISSING:
        return MISSING
    if picture is not MISSING:
        moment = parse_date_time(text, picture, partial(_millis, run))
        return MISSING if moment is None else moment
    found = re.fullmatch(_ISO_8601, text)
    if found is None:
        fail("D3110", f"The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {text}")
    year, month, day, clock, fraction, hours, minutes = found.groups()
    zone = f"{hours}:{minutes}" if hours else "Z"
    return _since_1970(instant(f"{year}-{month or '01'}-{day or '01'}T{clock or '00:00:00'}{fraction or ''}{zone}"))


def _from_millis(millis: Any, picture: Any = MISSING, zone: Any = MISSING) -> str:
    return format_date_time(millis, None if picture is MISSING else picture, None if zone is MISSING else zone)


def _pictured(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which needs a picture string."""

    def checked(value: Any, picture: Any = MISSING, *options: Any) -> Any:
        if picture is MISSING:
            fail("T0410", f"argument 2 of ${name} must be a picture string, it is missing")
        return function(value, picture, *options)

    return _defined(checked)


def _format_number(value: Any, picture: str, options: Any = MISSING) -> str:
    return format_number(value, picture, None if options is MISSING else options)


def _native(name: str, signature: str, body: Callable[..., Any], arity: int | None = None) -> Function:
    names = list(inspect.signature(body).parameters)
    runs = names[:1] == ["run"]
    return Function(name, body, len(names) - runs if arity is None else arity, signature, runs)


def _rows(*rows: tuple[Any, ...]) -> tuple[tuple[Any, ...], ...]:
    return rows


_d = _defined
#: The standard functions, by their names in JSONata. A number is how many arguments higher-order functions hand over,
#: where that is not what the body takes.
STANDARD: Final[Mapping[str, Function]] = MappingProxyType(
    {
        row[0]: _native(*row)
        for row in _rows(
            ("sum", "<a<n>:n>", _d(_sum), 1),
            ("count", "<a:n>", lambda values: 0 if values is MISSING else len(values)),
            ("max", "<a<n>:n>", lambda numbers: max(numbers) if numbers else MISSING),
            ("min", "<a<n>:n>", lambda numbers: min(numbers) if numbers else MISSING),
            ("average", "<a<n>:n>", _d(_average), 1),
            ("string", "<x-b?:s>", _string, 1),
            ("substring", "<s-nn?:s>", _d(_substring), 3),
            ("substringBefore", "<s-s:s>", _d(_substring_before), 2),
            ("substringAfter", "<s-s:s>", _d(_substring_after), 2),
            ("lowercase", "<s-:s>", _d(str.lower), 1),
            ("uppercase", "<s-:s>", _d(str.upper), 1),
            ("length", "<s-:n>", _d(len), 1),
            ("trim", "<s-:s>", _d(_trim), 1),
            ("pad", "<s-ns?:s>", _pad),
            ("match", "<s-f<s:o>n?:a<o>>", _match),
            ("contains", "<s-(sf):b>", _contains),
            ("replace", "<s-(sf)(sf)n?:s>", _replace),
            ("split", "<s-(sf)n?:a<s>>", _split),
            ("join", "<a<s>s?:s>", _join),
            ("formatNumber", "<n-so?:s>", _pictured("formatNumber", _format_number), 3),
            ("formatBase", "<n-n?:s>", _d(_format_base), 2),
            ("formatInteger", "<n-s:s>", _pictured("formatInteger", format_integer), 2),
            ("parseInteger", "<s-s:n>", _pictured("parseInteger", parse_integer), 2),
            ("number", "<(nsb)-:n>", _to_number),
            ("floor", "<n-:n>", _d(math.floor), 1),
            ("ceil", "<n-:n>", _d(math.ceil), 1),
            ("round", "<n-n?:n>", _d(_round), 2),
            ("abs", "<n-:n>", _d(abs), 1),
            ("sqrt", "<n-:n>", _d(_square_root), 1),
            ("power", "<n-n:n>", _d(_power), 2),
            ("random", "<:n>", _random),
            ("boolean", "<x-:b>", _d(truthy), 1),
            ("not", "<x-:b>", _d(lambda value: not truthy(value)), 1),
            ("map", "<af>", _map),
            ("zip", "<a+>", _zip, 0),
            ("filter", "<af>", _filter),
            ("single", "<af?>", _single),
            ("reduce", "<afj?:j>", _reduce),
            ("sift", "<o-f?:o>", _sift),
            ("keys", "<x-:a<s>>", _keys),
            ("lookup", "<x-s:x>", look_up),
            ("append", "<xx:a>", _join_arrays),
            ("exists", "<x:b>", lambda value: value is not MISSING),
            ("spread", "<x-:a<o>>", _spread),
            ("merge", "<a<o>:o>", _d(_merge), 1),
            ("reverse", "<a:a>", _d(lambda values: values[::-1] if len(values) > 1 else values), 1),
            ("each", "<o-f:a>", _each),
            ("error", "<s?:x>", _error),
            ("assert", "<bs?:x>", _assert),
            ("type", "<x:s>", _d(_type), 1),
            ("sort", "<af?:a>", _sort),
            ("shuffle", "<a:a>", _shuffle),
            ("distinct", "<x:x>", _distinct),
            ("base64encode", "<s-:s>", _d(_base64_encode), 1),
            ("base64decode", "<s-:s>", _d(_base64_decode), 1),
            (
                "encodeUrlComponent",
                "<s-:s>",
                _url(partial(urllib.parse.quote, safe=_COMPONENT), "encodeUrlComponent"),
                1,
            ),
            ("encodeUrl", "<s-:s>", _url(partial(urllib.parse.quote, safe=_COMPONENT + _RESERVED), "encodeUrl"), 1),
            ("decodeUrlComponent", "<s-:s>", _url(_unquoted, "decodeUrlComponent"), 1),
            ("decodeUrl", "<s-:s>", _url(lambda text: _unquoted(re.sub(_KEPT_ESCAPE, r"%25\1", text)), "decodeUrl"), 1),
            ("eval", "<sx?:x>", _evaluate),
            ("toMillis", "<s-s?:n>", _to_millis, 2),
            ("fromMillis", "<n-s?s?:s>", _d(_from_millis), 3),
            ("clone", "<(oa)-:o>", _d(copy), 1),
            ("now", "<s?s?:s>", _now),
            ("millis", "<:n>", _millis),
        )
    }
)

#: Our additions to the standard functions, by their names in JSONata.
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"floorDate": floor_date, "ceilDate": ceil_date, "size": size}

#: The same as values of an expression. What they give needs no check.
OURS: Final[Mapping[str, Function]] = MappingProxyType(
    {name: Function(name, function, _arity(function)) for name, function in FUNCTIONS.items()}
)

#: All that generated code can name: what is above, the standard functions as `f_name`, and three types.
NAMESPACE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        one.__name__: one
        for one in (
            *(
                Closure,
                Constructed,
                Function,
                Sequence,
                Tail,
                Tuples,
                applied,
                apply,
                arithmetic,
                begun,
                call,
                chosen,
                collapsed,
                combined,
                compared,
            ),
            *(
                constructed_items,
                context_items,
                descendants,
                ended,
                equal,
                evaluated,
                field,
                fields,
                grouped,
                included,
                invoke,
                invoked,
                is_empty,
                item_at,
                items,
            ),
            *(
                joined,
                kept,
                kept_path,
                listed,
                negated,
                numbered,
                ordered,
                partially,
                piped,
                plain,
                procedure,
                push,
                ranged,
                regex,
            ),
            *(
                repeated_key,
                root_field,
                settled,
                spread,
                stored,
                stream,
                text,
                text_key,
                transform,
                truthy,
                unbound,
                whole,
            ),
            *(unequal, wildcard, dict, int, list, str, len, enumerate),
        )
    }
    | {f"f_{name}": function for name, function in STANDARD.items()}
    | {f"f_{name}": function for name, function in OURS.items()}
    | {"HOLE": HOLE, "MISSING": MISSING}
)
