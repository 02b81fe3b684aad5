"""Run-time semantics: JSONata's undefined, dates and zones, and the functions that are ours.

Everything here takes and returns plain JSON values, `MISSING` for undefined. A function fails by raising
`EvaluationError` with one `Diagnostic` of a code and a message; whoever evaluates the expression adds the
source and the span of the call.
"""

from __future__ import annotations

import inspect
import json
import math
import operator
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache, wraps
from itertools import chain, repeat
from typing import Any, Final, NoReturn, final
from zoneinfo import ZoneInfo

_LIMIT = sys.getrecursionlimit()

from jsonata.functions import Functions  # noqa: E402
from jsonata.jsonata import Jsonata  # noqa: E402
from jsonata.utils import Utils  # noqa: E402

from truto_mapper.diagnostics import Diagnostic, EvaluationError, excerpt  # noqa: E402

# Importing jsonata raises the limit of the whole process to 10,000, which is not ours to decide.
sys.setrecursionlimit(_LIMIT)

__all__ = [
    "FUNCTIONS",
    "MISSING",
    "Missing",
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


def to_json(value: Any, indent: int = 0, _level: int = 1) -> str:
    """A plain value as `$string` writes it: integers with every digit, other numbers with 15 significant ones.

    `indent` is in spaces a level, 0 for one line.
    """
    if isinstance(value, float):
        return _to_decimal(value)
    if not isinstance(value, (list, dict)) or not value:
        return json.dumps(value, ensure_ascii=False)
    start, end = ("\n" + " " * indent * _level, "\n" + " " * indent * (_level - 1)) if indent else ("", "")
    colon = ": " if indent else ":"
    if isinstance(value, list):
        items = [to_json(item, indent, _level + 1) for item in value]
        return f"[{start}{f',{start}'.join(items)}{end}]"
    items = [json.dumps(k, ensure_ascii=False) + colon + to_json(v, indent, _level + 1) for k, v in value.items()]
    return f"{{{start}{f',{start}'.join(items)}{end}}}"


def _to_decimal(value: float) -> str:
    """ECMAScript's Number::toString of the number rounded to 15 significant digits."""
    rounded = float(f"{value:.15g}")
    if rounded == 0 or 1e-6 <= abs(rounded) < 1e21:
        text = f"{Decimal(repr(rounded)):f}"
        return "0" if rounded == 0 else _trim(text)
    mantissa, _, exponent = repr(rounded).partition("e")
    return f"{_trim(mantissa)}e{int(exponent):+d}"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


#: Our additions to the standard functions, by their names in JSONata.
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"floorDate": floor_date, "ceilDate": ceil_date, "size": size}

# --------------------------------------------------------------------------- jsonata-python
# Below, values are in the evaluator's form: undefined is None, null is `NULL`, a sequence is a `JList`.

MAX_DATA_NESTING = 200
MAX_LENGTH = 10_000_000

NULL = Utils.NULL_VALUE  # inside the evaluator null is this, and undefined is None


_FLAT = frozenset((str, int, bool))  # what is the same inside and out


def _enter(depth: int = 0) -> None:
    """Account for one more array or object: a small value may hold one part many times over."""
    if depth > MAX_DATA_NESTING:
        fail("D407", f"the value is nested more than {MAX_DATA_NESTING} levels deep")
    Jsonata.CURRENT.jsonata.visit()


def inward(value: Any, depth: int = 0) -> Any:
    """A plain value as the evaluator wants it: a copy of its own."""
    if value is None:
        return NULL
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, dict):
        return _inward_object(value, depth)
    if isinstance(value, (list, tuple)):
        _enter(depth)
        if _FLAT.issuperset(map(type, value)):
            return list(value)
        found = []
        for item in value:
            found.append(inward(item, depth + 1))  # noqa: PERF401  (a comprehension costs a frame a level)
        return found
    if isinstance(value, float) and math.isfinite(value):
        return value
    return None if value is MISSING else _refuse_value(value)


def _refuse_value(value: Any) -> NoReturn:
    if isinstance(value, float):
        fail("D1001", f"Number out of range: {value}")
    fail("D3137", f"{excerpt(value)} is no JSON value")


def _inward_object(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    _enter(depth)
    found = {}
    for key, item in value.items():
        if not isinstance(key, str):
            fail("D3137", f"an object has the key {excerpt(key)}, which is no string")
        if item is not MISSING:
            found[key] = inward(item, depth + 1)
    return found


def is_function(value: Any) -> bool:
    """Whether it can be called: a function, a lambda, a regular expression."""
    return bool(Utils.is_function(value) or Functions.is_lambda(value) or Functions.is_regex(value))


def outward(value: Any, function: Any = MISSING, depth: int = 0) -> Any:
    """A result as a plain value. As in JSON.stringify a function is left out, null in an array."""
    if value is None:
        return MISSING
    if value is NULL:
        return None
    if isinstance(value, (str, bool, int, float)):
        return _finite(value) if isinstance(value, float) else value
    if isinstance(value, (dict, list)):
        _enter(depth)
    if isinstance(value, dict):
        items = ((key, outward(item, function, depth + 1)) for key, item in value.items())
        return {key: item for key, item in items if item is not MISSING}
    if isinstance(value, list):
        if _FLAT.issuperset(map(type, value)):
            return list(value)
        found = [outward(item, function, depth + 1) for item in value]
        return [None if item is MISSING else item for item in found]
    return function


def as_number(value: float) -> int | float:
    """A double as JSON writes it: integers without a fraction as far as a double holds every one of them."""
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value


def shown(value: Any) -> str:
    """A value for a message."""
    if value is None:
        return "null"
    return value if isinstance(value, str) else excerpt(outward(value, "a function"))


def is_number(value: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        fail("D1001", f"Number out of range: {value}")
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _finite(value: float) -> int | float:
    """An arithmetic result: integers keep every digit, but are no larger than a double may be."""
    if not math.isfinite(value):
        fail("D1001", f"Number out of range: {value}")
    return as_number(value) if isinstance(value, float) else value


def _divided(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and right and left % right == 0:
        return left // right
    return left / right if right else math.inf  # an error as soon as it is used


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": lambda a, b: (
        (abs(a) % abs(b)) * (-1 if a < 0 else 1) if isinstance(a, int) and isinstance(b, int) else math.fmod(a, b)
    ),
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    for code, side, value in (("T2001", "left", left), ("T2002", "right", right)):
        if value is not None and not is_number(value):
            fail(code, f"The {side} side of the {sign} operator must evaluate to a number, not {shown(value)}")
    if left is None or right is None:
        return None
    result = _ARITHMETIC[sign](left, right)
    return result if sign == "/" and not right else _finite(result)


def _compare(sign: str, left: Any, right: Any) -> Any:
    if any(v is not None and not isinstance(v, str) and not is_number(v) for v in (left, right)):
        fail("T2010", f"The expressions either side of operator {sign} must evaluate to numeric or string values")
    if left is None or right is None:
        return None
    if isinstance(left, str) is not isinstance(right, str):
        values = f"{shown(left)} and {shown(right)}"
        fail("T2009", f"The values {values} either side of operator {sign} must be of the same data type")
    return _ORDER[sign](left, right)


def _frozen(value: Any) -> Any:
    """The same for equal values only, and hashable: a boolean is no number, an object has no order."""
    if isinstance(value, (dict, list)):
        _enter()
    if isinstance(value, list):
        return list, tuple(map(_frozen, value))
    if isinstance(value, dict):
        return dict, frozenset((key, _frozen(item)) for key, item in value.items())
    return (bool, value) if isinstance(value, bool) else value


def _equals(sign: str, left: Any, right: Any) -> bool:
    if left is None or right is None:
        return False
    if is_number(left) and is_number(right) and float in (type(left), type(right)):
        return (float(left) == float(right)) is (sign == "=")  # a literal beyond 2^53 is a double
    return (_frozen(left) == _frozen(right)) is (sign == "=")


def _contains(_: str, left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return left in listed(right)
    return any(_equals("=", left, item) for item in listed(right))


def _concatenate(_: str, left: Any, right: Any) -> str:
    return (_string(left) or "") + (_string(right) or "")


def _range(_: str, left: Any, right: Any) -> Any:
    for code, side, value in (("T2003", "left", left), ("T2004", "right", right)):
        if value is not None and not (is_number(value) and float(value).is_integer()):
            fail(code, f"The {side} side of the range operator (..) must evaluate to an integer, not {shown(value)}")
    if left is None or right is None or left > right:
        return None
    _bounded(right - left + 1)
    return Utils.create_sequence_from_iter(range(int(left), int(right) + 1))


OPERATORS: dict[str, Callable[[str, Any, Any], Any]] = (
    dict.fromkeys(_ARITHMETIC, _arithmetic)
    | dict.fromkeys(_ORDER, _compare)
    | dict.fromkeys(("=", "!="), _equals)
    | {"in": _contains, "&": _concatenate, "..": _range}
)


def _bounded(length: float) -> None:
    if length > MAX_LENGTH:
        fail("D2014", f"{length:,.0f} items or characters are more than the {MAX_LENGTH:,} allowed")


def listed(value: Any) -> Any:
    return [] if value is None else value if isinstance(value, list) else [value]


def copy(value: Any) -> Any:
    """A copy that shares nothing that can be changed."""
    if isinstance(value, (dict, list)):
        _enter()
    if isinstance(value, list):
        return [copy(item) for item in value]
    return {key: copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def named(value: Any, name: str) -> Any:
    """The field of an object, or of all objects in an array, however deep in arrays."""
    if isinstance(value, dict):
        return value.get(name)
    if not isinstance(value, list):
        return None
    _enter()
    found = Utils.create_sequence()
    for item in value:
        field = named(item, name)
        found.extend([] if field is None else field if isinstance(field, list) else [field])
    return found


def flat(value: Any, found: list[Any]) -> list[Any]:
    """What is in an array, however deep in arrays."""
    if not isinstance(value, list):
        found.append(value)
        return found
    _enter()
    for item in value:
        flat(item, found)
    return found


def descendants(value: Any, found: list[Any]) -> None:
    """A value and everything in it but the arrays themselves."""
    if not isinstance(value, list):
        found.append(value)
    if isinstance(value, (dict, list)):
        _enter()
        for item in value.values() if isinstance(value, dict) else value:
            descendants(item, found)


def validated(signature: Any, args: Any, context: Any) -> Any:
    """The arguments as the signature wants them: the context for one left out, an array for a single value."""
    if signature is None:
        return args
    found = signature._regex.fullmatch("".join(map(_type_letter, args)))  # noqa: SLF001  (parsed, and nowhere else)
    if found is None:
        _refuse_arguments(signature, args)
    fitted: list[Any] = []
    rest = chain(enumerate(args, 1), repeat((len(args) + 1, None)))
    taken = 0
    for number, param in enumerate(signature._params, 1):  # noqa: SLF001
        if param.context and not found[number]:
            fitted.append(_context(signature, param, context, taken + 1))
            continue
        for letter in found[number] or "m":  # what is left out takes an argument too, as in the reference
            taken, value = next(rest)
            wanted = param.type == "a" and letter != "m"
            fitted.append(_as_array(signature, param, found[number], value, taken) if wanted else value)
    return fitted


def _type_letter(value: Any) -> str:
    match value:
        case None:
            return "m"
        case bool():
            return "b"
        case str():
            return "s"
        case int() | float():
            return "n"
        case list():
            return "a"
        case dict():
            return "o"
        case _:
            return "l" if value is NULL else "f"


def _context(signature: Any, param: Any, context: Any, index: int) -> Any:
    if not re.fullmatch(param.regex, _type_letter(context)):
        name = signature.function_name
        fail("T0411", f"Context value is not a compatible type with argument {index} of function {name}")
    return context


_ARRAYS_OF = {"a": "arrays", "b": "booleans", "f": "functions", "n": "numbers", "o": "objects", "s": "strings"}


def _as_array(signature: Any, param: Any, letters: str, value: Any, index: int) -> Any:
    items = value if isinstance(value, list) else [value]
    if param.subtype is not None and (
        letters != param.subtype if not isinstance(value, list) else {*map(_type_letter, items)} - {param.subtype[:1]}
    ):
        kind = _ARRAYS_OF.get(param.subtype[:1], param.subtype)
        fail("T0412", f"Argument {index} of function {signature.function_name} must be an array of {kind}")
    return items


def _refuse_arguments(signature: Any, args: Any) -> NoReturn:
    supplied, good, pattern = "".join(map(_type_letter, args)), 0, ""
    for param in signature._params:  # noqa: SLF001
        pattern += param.regex
        found = re.match(pattern, supplied)
        if found is None:
            break
        good = found.end()
    name = signature.function_name
    fail("T0410", f"Argument {good + 1} of function {name} does not match function signature")


class Native(Jsonata.JFunction):  # type: ignore[misc]
    """A function written in Python, of values in the evaluator's form."""

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        super().__init__(function, None)
        self.signature = signature
        self.nargs = len(inspect.signature(function).parameters)

    def call(self, input: Any, args: Any) -> Any:  # noqa: A002, ARG002
        result = self.function(*args, *[None] * (self.nargs - len(args)))
        return _finite(result) if isinstance(result, float) else result


class _Caller(Jsonata.JLambda):  # type: ignore[misc]
    """A caller's function, of plain JSON values."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.name = name

    def call(self, input: Any, args: Any) -> Any:  # noqa: A002, ARG002
        plain = [outward(arg) for arg in args or ()]
        try:
            return inward(self.function(*plain))
        except EvaluationError:
            raise
        except Exception as error:  # noqa: BLE001  (it is the caller's code)
            fail("D3137", f"${self.name} failed: {type(error).__name__}: {error}")


def first_match(pattern: Any, text: str, start: int) -> Any:
    """What a regular expression gives as a function: a match with a function for the next one."""
    found = pattern.search(text, start)
    if found is None:
        return None

    def following() -> Any:
        after = first_match(pattern, text, found.end()) if found.end() < len(text) else None
        if after and not after["match"]:
            fail("D1004", "Regular expression matches zero length string")
        return after

    groups = [NULL if group is None else group for group in found.groups()]
    return {
        "match": found.group(),
        "start": found.start(),
        "end": found.end(),
        "groups": groups,
        "next": Jsonata.JLambda(following),
    }


def _matches(matcher: Any, text: str, limit: Any) -> Iterator[Any]:
    """The matches of a regular expression, or of a function that works like one."""
    evaluator = Jsonata.CURRENT.jsonata
    args = [text]
    while limit is None or limit > 0:
        found = evaluator.apply(matcher, args, None, evaluator.environment)
        if found is None:
            return
        if not (isinstance(found, dict) and {"match", "start", "end", "groups", "next"} <= found.keys()):
            fail("T1010", "The matcher function does not return the correct object structure")
        yield found
        matcher, args = found["next"], []
        limit = None if limit is None else limit - 1


def _match_function(text: Any, pattern: Any, limit: Any) -> Any:
    if text is None:
        return None
    if limit is not None and limit < 0:
        fail("D3040", "Third argument of match function must evaluate to a positive number")
    found = _matches(pattern, text, limit)
    return Utils.create_sequence_from_iter(
        {"match": m["match"], "index": m["start"], "groups": m["groups"]} for m in found
    )


def _contains_function(text: Any, token: Any) -> Any:
    if text is None or token is None:
        return None
    return token in text if isinstance(token, str) else next(_matches(token, text, None), None) is not None


def _split(text: Any, separator: Any, limit: Any) -> Any:
    if text is None:
        return None
    if limit is not None and limit < 0:
        fail("D3020", "Third argument of split function must evaluate to a positive number")
    if isinstance(separator, str):
        parts = text.split(separator) if separator else list(text)
        return parts[: None if limit is None else int(limit)]
    parts, start = [], 0
    for found in _matches(separator, text, limit):
        parts.append(text[start : found["start"]])
        start = found["end"]
    return [*parts, text[start:]] if limit is None or len(parts) < limit else parts


def _replace(text: Any, pattern: Any, replacement: Any, limit: Any) -> Any:
    if text is None:
        return None
    if pattern == "":
        fail("D3010", "Second argument of replace function cannot be an empty string")
    if limit is not None and limit < 0:
        fail("D3011", "Fourth argument of replace function must evaluate to a positive number")
    if isinstance(pattern, str):
        count = -1 if limit is None else math.ceil(limit)
        _bounded(text.count(pattern) * len(replacement) if isinstance(replacement, str) else 0)
        return text.replace(pattern, _replaced(replacement, None), count)
    parts, end, size = [], 0, 0
    for found in _matches(pattern, text, limit):
        parts += [text[end : found["start"]], _replaced(replacement, found)]
        end = found["start"] + len(found["match"])
        size += len(parts[-1])
        _bounded(size)
    return "".join(parts) + text[end:]


def _replaced(replacement: Any, found: Any) -> str:
    """The text for one match; a plain string that was searched for has no groups, and no function to call."""
    text = replacement
    if isinstance(text, str):
        return text if found is None else _REFERENCE.sub(lambda m: _reference(m, found), text)
    if found is not None:
        evaluator = Jsonata.CURRENT.jsonata
        text = evaluator.apply(replacement, [found], None, evaluator.environment)
    if not isinstance(text, str):
        fail("D3012", "Attempted to replace a matched string with a non-string value")
    return text


_REFERENCE = re.compile(r"\$(\$|\d+)", re.ASCII)


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


def _string(value: Any, prettify: Any = None) -> Any:
    if isinstance(value, Utils.JList) and value.outer_wrapper:
        value = value[0]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        fail("D3001", "Attempting to invoke string function on Infinity or NaN")
    return "" if is_function(value) else to_json(outward(value, ""), 2 if prettify is True else 0)


_DECIMAL = re.compile(r"-?\d+(\.\d+)?([Ee][-+]?\d+)?", re.ASCII)
_RADIX = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+")


def _to_number(value: Any) -> Any:
    if value is None or not isinstance(value, (str, bool)):
        return value
    if isinstance(value, bool):
        return int(value)
    if _RADIX.fullmatch(value):
        return _finite(int(value, 0))
    number = float(value) if _DECIMAL.fullmatch(value) else math.inf
    if not math.isfinite(number):
        fail("D3030", f"Unable to cast value to a number: {shown(value)}")
    return int(value) if value.lstrip("-").isdigit() else number


def _pad(text: Any, width: Any, char: Any) -> Any:
    if text is None or width is None:
        return text
    _bounded(abs(width))
    return Functions.pad(text, width, char)


def _join(texts: Any, separator: Any) -> Any:
    if texts is None:
        return None
    _bounded(sum(map(len, texts)) + len(texts) * len(separator or ""))
    return (separator or "").join(texts)


def _distinct(values: Any) -> Any:
    if not isinstance(values, list) or len(values) <= 1:
        return values
    found: dict[Any, Any] = {}
    for value in values:
        found.setdefault(_frozen(value), value)
    return Utils.create_sequence_from_iter(found.values())


class _Ordered:
    """An item of an array that a function sorts: it says whether the first of two comes after the second."""

    def __init__(self, value: Any, comparator: Any) -> None:
        self.value, self.comparator = value, comparator

    def __lt__(self, earlier: _Ordered) -> bool:
        evaluator = Jsonata.CURRENT.jsonata
        args = [earlier.value, self.value]
        return bool(evaluator.boolize(evaluator.apply(self.comparator, args, None, evaluator.environment)))


def _sort(values: Any, comparator: Any) -> Any:
    if values is None or len(values) <= 1:
        return values
    if comparator is not None:
        return sorted(values, key=lambda value: _Ordered(value, comparator))
    if not (all(isinstance(v, str) for v in values) or all(map(is_number, values))):
        fail("D3070", "The single argument form of the sort function can only be applied to strings or to numbers")
    return sorted(values)


def _evaluate_text(text: Any, focus: Any) -> Any:
    return None if text is None else Jsonata.CURRENT.jsonata.evaluate_text(text, focus)


def _millis() -> int:
    """The moment that is bound as `now`: there is no clock here."""
    now = Jsonata.CURRENT.jsonata.scope.lookup("now")
    if not is_date_time(now):
        fail("D3137", "the time is not known here", hint="bind `now` to a date-time such as 2026-01-31T09:30:00Z")
    return _since_1970(instant(now))


def _since_1970(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _random() -> Any:
    return Jsonata.CURRENT.jsonata.random.random()


def _shuffle(values: Any) -> Any:
    return None if values is None else Jsonata.CURRENT.jsonata.random.sample(values, len(values))


def _url(function: Callable[[str], str], name: str) -> Callable[[Any], Any]:
    def checked(text: Any) -> Any:
        try:
            return function(text)
        except UnicodeError:
            fail("D3140", f"Malformed URL passed to ${name}(): {shown(text)}")

    return checked


_ISO_8601 = re.compile(
    r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d:\d\d:\d\d))?(\.\d+)?(?:Z|([+-]\d\d):?(\d\d))?", re.ASCII
)


def _to_millis(text: Any, picture: Any) -> Any:
    if text is None or picture is not None:
        return _PARSE_DATE_TIME(text, picture)
    found = _ISO_8601.fullmatch(text)
    if found is None:
        fail("D3110", f"The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {text}")
    year, month, day, clock, fraction, hours, minutes = found.groups()
    zone = f"{hours}:{minutes}" if hours else "Z"
    return _since_1970(instant(f"{year}-{month or '01'}-{day or '01'}T{clock or '00:00:00'}{fraction or ''}{zone}"))


#: How jsonata-python begins what it says, uncoded, of a picture string.
_PICTURE_CODES = {
    "Formatting or parsing an integer": "D3130",
    "In a decimal digit pattern": "D3131",
    "Unknown component specifier": "D3132",
    "The 'name' modifier": "D3133",
    "The timezone integer": "D3134",
    "No matching closing bracket": "D3135",
    "The date/time picture string is missing": "D3136",
    "both integer and fractional": "D3085",
    "invalid grouping": "D3086",
}


def _pictured(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def checked(*args: Any) -> Any:
        try:
            return function(*args)
        except RuntimeError as error:
            message = str(getattr(error, "error", error))
            for beginning, code in _PICTURE_CODES.items():
                if message.startswith(beginning):
                    fail(code, message)
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            fail("D3137", "the value cannot be read or written with this picture string")

    return checked


_PARSE_DATE_TIME = _pictured(Functions.datetime_to_millis)
_FORMAT_DATE_TIME = _pictured(Functions.datetime_from_millis)


def _power(base: Any, exponent: Any) -> Any:
    if base is None or exponent is None:
        return None
    try:
        result = math.pow(base, exponent)
    except (ValueError, OverflowError):
        fail("D3061", f"The power function has no result for base={shown(base)}, exponent={shown(exponent)}")
    exact = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    return base**exponent if exact else result


def _rounded(value: Any, precision: Any) -> Any:
    exact = value is None or (isinstance(value, int) and (precision or 0) >= 0)
    return value if exact else Functions.round(value, precision)


def _whole(function: Callable[[float], int]) -> Callable[[Any], Any]:
    return lambda value: value if value is None or isinstance(value, int) else function(value)


#: What replaces functions of jsonata-python that lose digits or nulls, fail without a code, or know no bounds.
_CORRECTED: dict[str, Callable[..., Any]] = {
    "ceil": _whole(math.ceil),
    "clone": copy,
    "contains": _contains_function,
    "distinct": _distinct,
    "eval": _evaluate_text,
    "floor": _whole(math.floor),
    "formatInteger": _pictured(Functions.format_integer),
    "formatNumber": _pictured(Functions.format_number),
    "fromMillis": _FORMAT_DATE_TIME,
    "join": _join,
    "lowercase": lambda text: None if text is None else text.lower(),
    "match": _match_function,
    "millis": _millis,
    "now": lambda picture, zone: _FORMAT_DATE_TIME(_millis(), picture, zone),
    "number": _to_number,
    "pad": _pad,
    "parseInteger": _pictured(Functions.parse_integer),
    "power": _power,
    "random": _random,
    "replace": _replace,
    "round": _rounded,
    "shuffle": _shuffle,
    "sort": _sort,
    "split": _split,
    "string": _string,
    "toMillis": _to_millis,
    **{
        name: _url(Jsonata.static_frame.bindings[name].method, name)
        for name in ("encodeUrl", "encodeUrlComponent", "decodeUrl", "decodeUrlComponent")
    },
}

STANDARD = Jsonata.Frame(None)
for _name, _native in Jsonata.static_frame.bindings.items():
    STANDARD.bindings[_name] = Native(_CORRECTED.get(_name, _native.method), _native.signature)


def library(functions: Mapping[str, Callable[..., Any]]) -> Any:
    frame = Jsonata.Frame(STANDARD)
    for name, function in functions.items():
        frame.bindings[name] = _Caller(name, function)
    return frame
