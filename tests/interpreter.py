"""The expressions' other evaluator: jsonata-python's, with its defects overridden.

Compiled code is compared with it. It shares with the package the parser, the picture strings, the JSON of `$string` and
our own functions, so it cannot judge those: a text that is read wrongly is evaluated wrongly on both sides. They are
judged by the reference implementation and the official suite (`test_equivalence.py`, `test_jsonata_suite.py`). Its
messages are the library's own, so only codes can be compared.

Inside, undefined is None, null is `NULL`, and a sequence is a `JList`.
"""

from __future__ import annotations

import inspect
import math
import operator
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any, Final, NoReturn

from truto_mapper.language.library.date_pictures import format_date_time, parse_date_time
from truto_mapper.language.library.functions import FUNCTIONS
from truto_mapper.language.library.pictures import format_integer, format_number, parse_integer
from truto_mapper.language.parser import _Parser
from truto_mapper.language.runtime.values import MISSING, as_number, fail, to_json
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError, MappingError
from truto_mapper.text.regex import Regex
from truto_mapper.text.source import Source, Span
from truto_mapper.text.timestamps import instant, is_date_time

# isort: split
# After `parser`, which sees to it that importing jsonata leaves the recursion limit alone.
from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser
from jsonata.signature import Signature
from jsonata.utils import Utils

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
    return bool(Utils.is_function(value) or Functions.is_lambda(value) or is_regex(value))


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
    found = signature._regex.fullmatch("".join(map(_type_letter, args)))
    if found is None:
        _refuse_arguments(signature, args)
    fitted: list[Any] = []
    rest = chain(enumerate(args, 1), repeat((len(args) + 1, None)))
    taken = 0
    for number, param in enumerate(signature._params, 1):
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
    for param in signature._params:
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


def is_regex(value: Any) -> bool:
    return isinstance(value, Regex)


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
        return None if text is None else parse_date_time(text, picture, _millis)
    found = _ISO_8601.fullmatch(text)
    if found is None:
        fail("D3110", f"The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {text}")
    year, month, day, clock, fraction, hours, minutes = found.groups()
    zone = f"{hours}:{minutes}" if hours else "Z"
    return _since_1970(instant(f"{year}-{month or '01'}-{day or '01'}T{clock or '00:00:00'}{fraction or ''}{zone}"))


def _format_number(value: Any, picture: Any, options: Any) -> Any:
    return None if value is None else format_number(value, picture, options)


def _format_integer(value: Any, picture: Any) -> Any:
    return None if value is None else format_integer(value, picture)


def _parse_integer(text: Any, picture: Any) -> Any:
    return None if text is None else parse_integer(text, picture)


def _from_millis(millis: Any, picture: Any, zone: Any) -> Any:
    return None if millis is None else format_date_time(millis, picture, zone)


def _power(base: Any, exponent: Any) -> Any:
    if base is None or exponent is None:
        return None
    try:
        result = math.pow(base, exponent)
    except (ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
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
    "formatInteger": _format_integer,
    "formatNumber": _format_number,
    "fromMillis": _from_millis,
    "join": _join,
    "lowercase": lambda text: None if text is None else text.lower(),
    "match": _match_function,
    "millis": _millis,
    "now": lambda picture, zone: _from_millis(_millis(), picture, zone),
    "number": _to_number,
    "pad": _pad,
    "parseInteger": _parse_integer,
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


# ---------------------------------------------------------------------------------------------- evaluating

#: Seconds, and nested evaluations.
DEFAULT_TIMEOUT: Final = 5.0
DEFAULT_DEPTH: Final = 200
MAX_VISITS = 5_000_000


class Scope:
    """What an evaluation sees: the data, and bindings over those of a parent.

    A value is converted when it is first looked up, once for all evaluations in the scope and below it. A
    scope belongs to one thread, and what it was given must not change while it is used.
    """

    def __init__(
        self, data: Any = MISSING, bindings: Mapping[str, Any] | None = None, parent: Scope | None = None
    ) -> None:
        self.data = data
        self.bindings = bindings or {}
        self.parent = parent
        self._converted: dict[str, Any] = {}

    def lookup(self, name: str) -> Any:
        """The value of `$name` in the evaluator's form; `$` is the data. None where it is not bound."""
        if name not in self._converted:
            if name != "$" and name not in self.bindings:
                return self.parent.lookup(name) if self.parent else None
            self._converted[name] = inward(self.data if name == "$" else self.bindings[name])
        return self._converted[name]

    def binds(self, name: str) -> bool:
        return name in self.bindings or (self.parent is not None and self.parent.binds(name))


class _Frame(Jsonata.Frame):  # type: ignore[misc]
    """The variables of a block or a call."""

    def bind(self, name: str, val: Any) -> None:
        self.bindings[name] = val  # the base class renames the function, for everybody

    def lookup(self, name: str) -> Any:
        frame = self
        while type(frame) is _Frame:
            if name in frame.bindings:
                return frame.bindings[name]
            frame = frame.parent
        return frame.lookup(name)


class _Root(_Frame):
    """The outermost frame of one evaluation: what it binds itself, then the scope, then the functions."""

    def __init__(self, scope: Scope, functions: Any) -> None:
        super().__init__(functions)
        self.scope = scope

    def lookup(self, name: str) -> Any:
        if name in self.bindings:
            return self.bindings[name]
        if name == "$" or self.scope.binds(name):
            return self.scope.lookup(name)
        return self.parent.lookup(name)


class _Nesting(_Parser):
    """The parser with operators nested in their operands, as jsonata-python's evaluator wants them."""

    def _flattened(self, result: Any, before: Any) -> Any:  # noqa: ARG002
        return result

    def _chained(self, links: list[Any]) -> Any:
        value = links[-1]
        for link in reversed(links[:-1]):
            self.push_ancestry(link, value)
            setattr(link, "_else" if link.type == "condition" else "rhs", value)
            value = link
        return value

    def tail_call_optimize(self, expr: Any) -> Any:
        expr = super().tail_call_optimize(expr)
        if expr.type == "binary" and expr.value in ("??", "?:"):
            expr.rhs = self.tail_call_optimize(expr.rhs)
        return expr


@dataclass(frozen=True, slots=True)
class _Program:
    """What an evaluation needs of an expression."""

    tree: Any
    parser: _Parser
    library: Any
    located: Callable[[Diagnostic, Span], Diagnostic]


class _Evaluator(Jsonata):  # type: ignore[misc]
    """One evaluation of one expression, in one thread."""

    class parser:  # noqa: N801  (what the base class asks for)
        dbg = False

    def __init__(self, program: _Program, scope: Scope, timeout: float, depth: int) -> None:
        self.program = program
        self.scope = scope
        self.deadline = time.monotonic() + timeout
        self.timeout = timeout
        self.depth = self.visited = 0
        self.max_depth = depth
        self.input = self.environment = None
        self.random = random.Random(0)

    def get_per_thread_instance(self) -> _Evaluator:
        return self

    def create_frame(self, enclosing_environment: Any = None) -> _Frame:
        return _Frame(enclosing_environment)

    def run(self) -> Any:
        """The result as a plain value."""
        outer = vars(Jsonata.CURRENT).copy()
        Jsonata.CURRENT.jsonata = self  # higher-order functions of the library ask for it
        try:
            root = _Root(self.scope, self.program.library)
            data = root.lookup("$")
            if isinstance(data, list):
                data = _wrapped(data)
            return outward(self.eval(self.program.tree, data, root))
        except Exception as error:  # noqa: BLE001  (whatever it is, it gets a code and a place)
            raise self._coded(error, self.program.tree) from None
        finally:
            del Jsonata.CURRENT.jsonata
            vars(Jsonata.CURRENT).update(outer)

    def eval(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        outer = self.input, self.environment
        self.input, self.environment = input, environment
        self.depth += 1
        try:
            self._check()
            result = _EVALUATE[expr.type](self, expr, input, environment)
            for predicate in expr.predicate or ():
                result = self.evaluate_filter(predicate.expr, result, environment)
            if expr.group is not None and expr.type != "path":
                result = self.evaluate_group_expression(expr.group, result, environment)
            return self._collapsed(expr, result)
        except Exception as error:  # noqa: BLE001  (as above)
            raise self._coded(error, expr) from None
        finally:
            self.depth -= 1
            self.input, self.environment = outer

    def _check(self) -> None:
        if self.depth > self.max_depth:
            fail("D1011", "Stack overflow", hint="is there a recursion without an end? Consider tail recursion")
        if time.monotonic() > self.deadline:
            fail("D1012", f"the evaluation took longer than {self.timeout:g} seconds", hint="is there an endless loop?")

    def visit(self) -> None:
        """Count an array or object that is converted, compared, copied or searched."""
        self.visited += 1
        if self.visited > MAX_VISITS:
            fail("D2014", f"more than {MAX_VISITS:,} arrays and objects")
        if self.visited % 1024 == 0:
            self._check()

    def _collapsed(self, expr: Any, result: Any) -> Any:
        """A sequence of one is its item, an empty one is undefined."""
        if isinstance(result, (list, str)) and len(result) > MAX_LENGTH:
            fail("D2014", f"more than {MAX_LENGTH:,} items or characters")
        if not Utils.is_sequence(result) or result.tuple_stream:
            return result
        if expr.keep_array:
            result.keep_singleton = True
        if not result:
            return None
        return result[0] if len(result) == 1 and not result.keep_singleton else result

    def _coded(self, error: Exception, expr: Any) -> Exception:
        """The error with a code, and the innermost place of this expression's text that is known."""
        if isinstance(error, EvaluationError):
            found = error.diagnostics[0]
            if found.span is not None:
                return error
        else:
            found = _diagnostic(error)
        if expr._outer_instance is not self.program.parser or not hasattr(expr, "start"):
            return error if isinstance(error, EvaluationError) else EvaluationError(found)
        return EvaluationError(self.program.located(found, Span(expr.start, expr.end)))

    # What follows replaces parts of jsonata-python's evaluator that differ from the reference.

    def evaluate_function(self, expr: Any, input: Any, environment: Any, applied: Any) -> Any:  # noqa: A002
        try:
            procedure = self._procedure(expr, input, environment)
            arguments = [] if applied is Utils.NONE else [applied]
            arguments += [self.eval(argument, input, environment) for argument in expr.arguments]
            self._demand_function(expr, procedure, environment, "T1005", "T1006", "invoke")
            return self.apply(procedure, arguments, input, environment)
        except Exception as error:  # noqa: BLE001  (as above)
            raise self._coded(error, expr) from None

    def _procedure(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        procedure = self.eval(expr.procedure, input, environment)
        # `now` is also bound as a value, the moment that the function tells.
        if expr.procedure.type == "variable" and expr.procedure.value == "now" and not is_function(procedure):
            return STANDARD.lookup("now")
        return procedure

    def _demand_function(self, expr: Any, found: Any, environment: Any, meant: str, other: str, verb: str) -> None:
        if is_function(found):
            return
        path = expr.procedure.type == "path"
        name = expr.procedure.steps[0].value if path else None
        if path and found is None and environment.lookup(str(name)) is not None:
            fail(meant, f"Attempted to {verb} a non-function", hint=f"did you mean ${name}?")
        fail(other, f"Attempted to {verb} a non-function")

    def apply(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        result = self.apply_inner(proc, args, input, environment)
        while Functions.is_lambda(result) and result.thunk:  # a tail call: its stack was given back
            call = result.body
            try:
                self._check()
                proc = self._procedure(call, result.input, result.environment)
                args = [self.eval(argument, result.input, result.environment) for argument in call.arguments]
                self._demand_function(call, proc, result.environment, "T1005", "T1006", "invoke")
                result = self.apply_inner(proc, args, input, environment)
            except Exception as error:  # noqa: BLE001  (as above)
                raise self._coded(error, call) from None
        return result

    def apply_inner(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:  # noqa: A002, ARG002
        if Functions.is_lambda(proc):
            return self.apply_procedure(proc, validated(proc.signature, args, input))
        if Utils.is_function(proc):
            return proc.call(input, validated(getattr(proc, "signature", None), args, input))
        if not is_regex(proc):
            fail("T1006", "Attempted to invoke a non-function")
        return first_match(proc, args[0], 0) if args and isinstance(args[0], str) else None

    def evaluate_partial_application(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        given = [a if a.type == "operator" else self.eval(a, input, environment) for a in expr.arguments]
        proc = self.eval(expr.procedure, input, environment)
        self._demand_function(expr, proc, environment, "T1007", "T1008", "partially apply")
        if Functions.is_lambda(proc):
            return self.partial_apply_procedure(proc, given)

        def partial(*rest: Any) -> Any:
            filling = iter(rest)
            arguments = [
                next(filling, None) if isinstance(a, Parser.Symbol) and a.type == "operator" else a for a in given
            ]
            return self.apply(proc, arguments, None, environment)

        # Higher-order functions ask how many arguments it takes.
        unbound = [a.type == "operator" for a in expr.arguments]
        parameters = [inspect.Parameter(f"a{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(sum(unbound))]
        partial.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return Jsonata.JLambda(partial)

    def evaluate_apply_expression(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        left = self.eval(expr.lhs, input, environment)
        if expr.rhs.type == "function":
            return self.evaluate_function(expr.rhs, input, environment, left)
        function = self.eval(expr.rhs, input, environment)
        if not is_function(function):
            fail("T2006", "The right side of the function application operator ~> must be a function")
        if is_function(left):
            return Jsonata.JLambda(
                lambda value: self.apply(function, [self.apply(left, [value], None, environment)], None, environment)
            )
        return self.apply(function, [left], None, environment)

    def evaluate_binary(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        left = self.eval(expr.lhs, input, environment)
        match str(expr.value):
            case "and":
                return self.boolize(left) and self.boolize(self.eval(expr.rhs, input, environment))
            case "or":
                return self.boolize(left) or self.boolize(self.eval(expr.rhs, input, environment))
            case "??":
                return self.eval(expr.rhs, input, environment) if left is None else left
            case "?:":
                return left if self.boolize(left) else self.eval(expr.rhs, input, environment)
            case operator:
                return OPERATORS[operator](operator, left, self.eval(expr.rhs, input, environment))

    def evaluate_filter(self, predicate: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        if input is None and predicate.type != "number":  # as in the reference, a predicate may keep what is undefined
            input = Utils.create_sequence(None)  # noqa: A001
        return super().evaluate_filter(predicate, input, environment)

    def evaluate_name(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002, ARG002
        return named(input, expr.value)

    def flatten(self, arg: Any, flattened: Any) -> Any:  # noqa: ARG002
        return flat(arg, [])

    def recurse_descendants(self, input: Any, results: Any) -> None:  # noqa: A002
        descendants(input, results)

    def evaluate_unary(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        if expr.value != "-":
            return super().evaluate_unary(expr, input, environment)
        value = self.eval(expr.expression, input, environment)
        if value is not None and not is_number(value):
            fail("D1002", f"Cannot negate a non-numeric value: {shown(value)}")
        return None if value is None else -value

    def evaluate_group_expression(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        # Nothing gives an object all the same; the reference adds to the caller's list here.
        return super().evaluate_group_expression(
            expr, Utils.create_sequence(None) if input == [] else input, environment
        )

    def evaluate_transform_expression(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002, ARG002
        def transform(value: Any) -> Any:
            result = copy(value)
            for match in listed(self.eval(expr.pattern, result, environment)):
                self._update(expr, match, environment)
            return result

        return Native(transform, Signature("<(oa):o>", "transform"))

    def evaluate_text(self, text: str, focus: Any) -> Any:
        """$eval, where it is called."""
        data = self.input if focus is None else focus
        if isinstance(data, list) and not Utils.is_sequence(data):
            data = _wrapped(data)
        try:
            tree, _ = _Nesting(text).read()
        except MappingError as error:
            fail("D3120", f"Syntax error in expression passed to function eval: {error.diagnostics[0].message}")
        try:
            return self.eval(tree, data, self.environment)
        except EvaluationError as error:
            found = error.diagnostics[0]
            if found.code in _BOUNDS:
                raise
            fail("D3121", f"Dynamic error evaluating the expression passed to function eval: {found.message}")

    def _update(self, expr: Any, match: Any, environment: Any) -> None:
        update = self.eval(expr.update, match, environment)
        if update is not None and not isinstance(update, dict):
            fail(
                "T2011",
                f"The insert/update clause of the transform expression must evaluate to an object: {shown(update)}",
            )
        if isinstance(match, dict):
            match.update(update or {})
        if expr.delete is None:
            return
        gone = listed(self.eval(expr.delete, match, environment))
        if not all(isinstance(name, str) for name in gone):
            fail("T2012", "The delete clause of the transform expression must evaluate to a string or array of strings")
        for name in gone:
            if isinstance(match, dict):
                match.pop(name, None)


def _wrapped(data: list[Any]) -> Any:
    """An array as the context: the whole of it, not one item after the other."""
    sequence = Utils.create_sequence(data)
    sequence.outer_wrapper = True
    return sequence


#: The codes of what was stopped, wherever it happened.
_BOUNDS = ("D1011", "D1012", "D2014")
_CODE = re.compile(r"[A-Z]\d{4}", re.ASCII)


def _diagnostic(error: Exception) -> Diagnostic:
    match error:
        case JException() if _CODE.fullmatch(error.error):
            return Diagnostic(error.error, JException.error_codes.get(error.error, error.error))
        case RecursionError():
            return Diagnostic("D1011", "Stack overflow", hint="is there a recursion without an end?")
        case OverflowError() | ZeroDivisionError():
            return Diagnostic("D1001", "Number out of range")
        case _:
            return Diagnostic("D3137", f"{type(error).__name__}: {error}")


_EVALUATE: dict[str | None, Callable[[Any, Any, Any, Any], Any]] = {
    "path": _Evaluator.evaluate_path,
    "binary": _Evaluator.evaluate_binary,
    "unary": _Evaluator.evaluate_unary,
    "name": _Evaluator.evaluate_name,
    "string": lambda _, expr, *__: expr.value,
    "number": lambda _, expr, *__: expr.value,
    "regex": lambda _, expr, *__: expr.value,
    "value": lambda _, expr, *__: NULL if expr.value is None else expr.value,
    "wildcard": lambda self, expr, data, _: self.evaluate_wildcard(expr, data),
    "descendant": lambda self, expr, data, _: self.evaluate_descendants(expr, data),
    "parent": lambda _, expr, __, environment: environment.lookup(expr.slot.label),
    "condition": _Evaluator.evaluate_condition,
    "block": _Evaluator.evaluate_block,
    "bind": _Evaluator.evaluate_bind_expression,
    "function": lambda self, *at: self.evaluate_function(*at, Utils.NONE),
    "variable": _Evaluator.evaluate_variable,
    "lambda": _Evaluator.evaluate_lambda,
    "partial": _Evaluator.evaluate_partial_application,
    "apply": _Evaluator.evaluate_apply_expression,
    "transform": _Evaluator.evaluate_transform_expression,
}


# ------------------------------------------------------------------------------------------------ expression


class Interpreted:
    """A JSONata expression that is interpreted; as `truto_mapper.language.expression.Expression`."""

    def __init__(self, text, *, source=None, functions=None):
        self.source = source or Source("<expression>", text)
        parser = _Nesting(text)
        tree, self.node = parser.read()
        self._program = _Program(tree, parser, library(FUNCTIONS | dict(functions or {})), self._located)

    def _located(self, diagnostic, span):
        return replace(diagnostic, source=self.source, span=span)

    def evaluate(self, data=MISSING, bindings=None, *, timeout=DEFAULT_TIMEOUT, depth=DEFAULT_DEPTH):
        return _Evaluator(self._program, Scope(data, bindings), timeout, depth).run()
