"""The functions of the language, JSONata's and ours; `NAMESPACE` is all that generated code can name."""

from __future__ import annotations

import base64
import builtins
import math
import operator
import re
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cmp_to_key, partial, reduce
from types import MappingProxyType
from typing import Any, Final

from truto_mapper import calls, patterns, steps, values
from truto_mapper.calls import applied_to, apply, type_name
from truto_mapper.dates import ceil_date, floor_date, instant, is_date_time
from truto_mapper.patterns import contains, match, replace, split
from truto_mapper.pictures import format_date_time, format_integer, format_number, parse_date_time, parse_integer
from truto_mapper.steps import appended, divided, look_up
from truto_mapper.values import (
    MISSING,
    Function,
    Missing,
    Run,
    Sequence,
    Walk,
    bounded,
    copy,
    fail,
    finite,
    is_number,
    leaves,
    listed,
    shown,
    stored,
    string,
    truthy,
)

__all__ = ["FUNCTIONS", "NAMESPACE", "OURS", "STANDARD", "size"]


def size(value: Any = MISSING) -> int | Missing:
    """$size: an array's length; 1 for anything else, a sequence of one that collapsed; MISSING for MISSING and null."""
    if value is MISSING or value is None:
        return MISSING
    return len(value) if isinstance(value, list) else 1


# Below, arguments have been fitted to signatures: they are of the right type, or MISSING.


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a number, which leaves what is undefined, and 0 / 0, as it is."""
    return lambda value, *rest: value if value is MISSING or value != value else function(value, *rest)  # noqa: PLR0124


def _defined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which is undefined where its first argument is."""
    return lambda value, *rest: MISSING if value is MISSING else function(value, *rest)


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


def _pad(run: Run, text: Any, width: Any = MISSING, char: Any = MISSING) -> Any:
    if text is MISSING or width is MISSING:
        return text
    bounded(abs(width))
    missing = abs(int(width)) - len(text)
    padding = ((char or " ") * max(missing, 0))[: max(missing, 0)]
    return run.grown(text + padding if width > 0 else padding + text)


def _join(run: Run, texts: Any, separator: Any = MISSING) -> Any:
    if texts is MISSING:
        return MISSING
    between = separator or ""
    if len(texts) > 64:
        bounded(sum(map(len, texts)) + len(texts) * len(between))
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


def _handed(run: Run, function: Function, *offered: Any) -> Any:
    """What a function gives that is handed a value, its index and its array, as far as it takes them."""
    return applied_to(run, None, function, offered[: max(function.arity, 1)])


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
        result = applied_to(run, None, function, (result, value, index, values)[: max(function.arity, 2)])
    return result


def _each(run: Run, value: Any, function: Any) -> Any:
    found = Sequence()
    for key, one in (value or {}).items():
        made = _handed(run, function, one, key, value)
        if made is not MISSING:
            found.append(stored(made))
    return found


def _sift(run: Run, value: Any, function: Any = MISSING) -> Any:
    if value is MISSING:
        return MISSING
    return {k: v for k, v in value.items() if truthy(_handed(run, function, v, k, value))} or MISSING


def _keys(value: Any) -> Any:
    return Sequence(dict.fromkeys(key for item in leaves(value, Walk()) if isinstance(item, dict) for key in item))


def _spread(value: Any) -> Any:
    found = Sequence()
    for item in leaves(value, Walk()):
        found += [{key: one} for key, one in item.items()] if isinstance(item, dict) else [item]
    if isinstance(value, list):  # joined in the reference, which gives an array
        return list(found) if value else MISSING
    return found if isinstance(value, dict) else value


def _join_arrays(run: Run, left: Any = MISSING, right: Any = MISSING) -> Any:
    found = appended(left, right)
    return run.grown(found) if isinstance(found, list) else found


def _distinct(values: Any) -> Any:
    if not isinstance(values, list) or len(values) <= 1:
        return values
    found: dict[Any, Any] = {}
    walk = Walk()
    for value in values:
        found.setdefault(_frozen(value, 0, walk), value)
    return (Sequence if isinstance(values, Sequence) else list)(found.values())


def _frozen(value: Any, depth: int, walk: Walk) -> Any:
    """The same for equal values only, and hashable: a boolean is no number, an object has no order."""
    if isinstance(value, list):
        inner = walk.enter(depth)
        return list, tuple(_frozen(item, inner, walk) for item in value)
    if isinstance(value, dict):
        inner = walk.enter(depth)
        return dict, frozenset((key, _frozen(item, inner, walk)) for key, item in value.items())
    return (bool, value) if isinstance(value, bool) else value


def _sort(run: Run, values: Any, comparator: Any = MISSING) -> Any:
    if values is MISSING or len(values) <= 1:
        return values
    if comparator is not MISSING:  # says whether the first of two comes after the second
        return sorted(values, key=cmp_to_key(lambda later, earlier: -truthy(apply(run, comparator, earlier, later))))
    if not (all(isinstance(v, str) for v in values) or all(map(is_number, values))):
        fail("D3070", "The single argument form of the sort function can only be applied to strings or to numbers")
    return sorted(values)


def _assert(condition: Any, message: Any = MISSING) -> Missing:
    if condition is False or condition is MISSING:
        fail("D3141", message or "$assert() statement failed")
    return MISSING


def _millis(run: Run) -> int:
    """The moment that is bound as `now`: there is no clock here."""
    now = run.scope.lookup("now")
    if not is_date_time(now):
        fail("D3137", "the time is not known here", hint="bind `now` to a date-time such as 2026-01-31T09:30:00Z")
    return _since_1970(instant(now))


def _since_1970(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


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
        return function(value, picture) if options == (MISSING,) else function(value, picture, *options)

    return _defined(checked)


#: Name in JSONata, signature, body; how many arguments higher-order functions hand over, if not what the body takes.
_LIBRARY: Final[tuple[tuple[Any, ...], ...]] = (
    ("sum", "<a<n>:n>", _defined(_sum)),
    ("count", "<a:n>", lambda values: 0 if values is MISSING else len(values)),
    ("max", "<a<n>:n>", lambda numbers: max(numbers) if numbers else MISSING),
    ("min", "<a<n>:n>", lambda numbers: min(numbers) if numbers else MISSING),
    ("average", "<a<n>:n>", _defined(lambda numbers: divided(_sum(numbers), len(numbers)) if numbers else MISSING)),
    ("string", "<x-b?:s>", string, 1),
    ("substring", "<s-nn?:s>", _defined(_substring), 3),
    ("substringBefore", "<s-s:s>", _defined(_substring_before), 2),
    ("substringAfter", "<s-s:s>", _defined(_substring_after), 2),
    ("lowercase", "<s-:s>", _defined(str.lower)),
    ("uppercase", "<s-:s>", _defined(str.upper)),
    ("length", "<s-:n>", _defined(len)),
    ("trim", "<s-:s>", _defined(lambda text: re.sub(r"[ \t\n\r]+", " ", text).removeprefix(" ").removesuffix(" "))),
    ("pad", "<s-ns?:s>", _pad),
    ("match", "<s-f<s:o>n?:a<o>>", match),
    ("contains", "<s-(sf):b>", contains),
    ("replace", "<s-(sf)(sf)n?:s>", replace),
    ("split", "<s-(sf)n?:a<s>>", split),
    ("join", "<a<s>s?:s>", _join),
    ("formatNumber", "<n-so?:s>", _pictured("formatNumber", format_number), 3),
    ("formatBase", "<n-n?:s>", _defined(_format_base), 2),
    ("formatInteger", "<n-s:s>", _pictured("formatInteger", format_integer), 2),
    ("parseInteger", "<s-s:n>", _pictured("parseInteger", parse_integer), 2),
    ("number", "<(nsb)-:n>", _to_number),
    ("floor", "<n-:n>", _whole(math.floor)),
    ("ceil", "<n-:n>", _whole(math.ceil)),
    ("round", "<n-n?:n>", _whole(_round), 2),
    ("abs", "<n-:n>", _defined(abs)),
    ("sqrt", "<n-:n>", _defined(_square_root)),
    ("power", "<n-n:n>", _defined(_power), 2),
    ("random", "<:n>", lambda run: run.generator().random()),
    ("boolean", "<x-:b>", _defined(truthy)),
    ("not", "<x-:b>", _defined(lambda value: not truthy(value))),
    ("map", "<af>", _map),
    ("zip", "<a+>", lambda *arrays: [list(row) for row in zip(*map(listed, arrays), strict=False)]),
    ("filter", "<af>", _filter),
    ("single", "<af?>", _single),
    ("reduce", "<afj?:j>", _reduce),
    ("sift", "<o-f?:o>", _sift),
    ("keys", "<x-:a<s>>", _keys),
    ("lookup", "<x-s:x>", look_up),
    ("append", "<xx:a>", _join_arrays),
    ("exists", "<x:b>", lambda value: value is not MISSING),
    ("spread", "<x-:a<o>>", _spread),
    ("merge", "<a<o>:o>", _defined(lambda values: {key: item for value in values for key, item in value.items()})),
    ("reverse", "<a:a>", _defined(lambda values: values[::-1] if len(values) > 1 else values)),
    ("each", "<o-f:a>", _each),
    ("error", "<s?:x>", lambda message=MISSING: fail("D3137", message or "$error() function evaluated")),
    ("assert", "<bs?:x>", _assert),
    ("type", "<x:s>", _defined(type_name)),
    ("sort", "<af?:a>", _sort),
    (
        "shuffle",
        "<a:a>",
        lambda run, found: MISSING if found is MISSING else run.generator().sample(found, len(found)),
    ),
    ("distinct", "<x:x>", _distinct),
    ("base64encode", "<s-:s>", _defined(_base64_encode)),
    ("base64decode", "<s-:s>", _defined(_base64_decode)),
    ("encodeUrlComponent", "<s-:s>", _url(partial(urllib.parse.quote, safe=_COMPONENT), "encodeUrlComponent")),
    ("encodeUrl", "<s-:s>", _url(partial(urllib.parse.quote, safe=_COMPONENT + _RESERVED), "encodeUrl")),
    ("decodeUrlComponent", "<s-:s>", _url(_unquoted, "decodeUrlComponent")),
    ("decodeUrl", "<s-:s>", _url(lambda text: _unquoted(re.sub(_KEPT_ESCAPE, r"%25\1", text)), "decodeUrl")),
    (
        "eval",
        "<sx?:x>",
        lambda run, text, at=MISSING: MISSING if text is MISSING else run.evaluate(run, text, at, {}),
    ),
    ("toMillis", "<s-s?:n>", _to_millis, 2),
    ("fromMillis", "<n-s?s?:s>", _defined(_from_millis), 3),
    ("clone", "<(oa)-:o>", _defined(copy)),
    ("now", "<s?s?:s>", lambda run, picture=MISSING, zone=MISSING: _from_millis(_millis(run), picture, zone)),
    ("millis", "<:n>", _millis),
)


def _native(name: str, signature: str | None, body: Any, arity: int | None = None) -> Function:
    code = body.__code__
    runs = code.co_varnames[: code.co_argcount][:1] == ("run",)
    return Function(name, body, code.co_argcount - runs if arity is None else arity, signature, runs)


#: The standard functions, by their names in JSONata.
STANDARD: Final[Mapping[str, Function]] = MappingProxyType({row[0]: _native(*row) for row in _LIBRARY})

#: Our additions to the standard functions, by their names in JSONata.
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"floorDate": floor_date, "ceilDate": ceil_date, "size": size}
#: The same as values of an expression. What they give needs no check.
OURS: Final[Mapping[str, Function]] = MappingProxyType({name: _native(name, None, f) for name, f in FUNCTIONS.items()})

_NAMED: Final = (
    (builtins, "dict enumerate int len list str"),
    (values, "MISSING Closure Constructed Function Sequence Tail Tuples"),
    (values, "collapsed equal items listed plain settled stored truthy unequal whole"),
    (steps, "arithmetic begun combined compared constructed_items context_items descendants ended field fields"),
    (steps, "grouped included is_empty item_at joined kept kept_path negated numbered ordered push ranged"),
    (steps, "repeated_key root_field select spread stream text text_key unbound wildcard"),
    (calls, "HOLE applied apply call evaluated invoke invoked partially piped procedure transform"),
    (patterns, "regex"),
)

#: All that generated code can name: what is named above, and the functions as `f_name`.
NAMESPACE: Final[Mapping[str, Any]] = MappingProxyType(
    {name: getattr(module, name) for module, names in _NAMED for name in names.split()}
    | {f"f_{name}": function for name, function in (*STANDARD.items(), *OURS.items())}
)
