"""The functions of the language, JSONata's and ours; `NAMESPACE` is all that generated code can name."""

from __future__ import annotations

import builtins
import math
import re
import urllib.parse
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from truto_mapper.language.library import patterns
from truto_mapper.language.library.collections import distinct, join_arrays, keys, size, spread
from truto_mapper.language.library.dates import ceil_date, floor_date
from truto_mapper.language.library.higher_order import each, filter_, map_, reduce_, sift, single, sort
from truto_mapper.language.library.numbers import format_base, power, round_, square_root, sum_, to_number
from truto_mapper.language.library.patterns import contains, match, replace, split
from truto_mapper.language.library.pictures import (
    format_date_time,
    format_integer,
    format_number,
    parse_date_time,
    parse_integer,
)
from truto_mapper.language.library.strings import (
    COMPONENT,
    KEPT_ESCAPE,
    RESERVED,
    base64_decode,
    base64_encode,
    join,
    pad,
    substring,
    substring_after,
    substring_before,
    unquoted,
    url,
)
from truto_mapper.language.runtime import calls, paths, values
from truto_mapper.language.runtime.calls import defined, type_name
from truto_mapper.language.runtime.paths import divided, look_up
from truto_mapper.language.runtime.values import (
    MISSING,
    Function,
    Missing,
    Run,
    copy,
    fail,
    listed,
    string,
    truthy,
)
from truto_mapper.text.timestamps import instant, is_date_time

__all__ = ["FUNCTIONS", "NAMESPACE", "OURS", "STANDARD", "size"]


# Below, arguments have been fitted to signatures: they are of the right type, or MISSING.


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a number, which leaves what is undefined, and 0 / 0, as it is."""
    return lambda value, *rest: value if value is MISSING or value != value else function(value, *rest)  # noqa: PLR0124


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

    return defined(checked)


#: Name in JSONata, signature, body; how many arguments higher-order functions hand over, if not what the body takes.
_LIBRARY: Final[tuple[tuple[Any, ...], ...]] = (
    ("sum", "<a<n>:n>", defined(sum_)),
    ("count", "<a:n>", lambda values: 0 if values is MISSING else len(values)),
    ("max", "<a<n>:n>", lambda numbers: max(numbers) if numbers else MISSING),
    ("min", "<a<n>:n>", lambda numbers: min(numbers) if numbers else MISSING),
    ("average", "<a<n>:n>", defined(lambda numbers: divided(sum_(numbers), len(numbers)) if numbers else MISSING)),
    ("string", "<x-b?:s>", string, 1),
    ("substring", "<s-nn?:s>", defined(substring), 3),
    ("substringBefore", "<s-s:s>", defined(substring_before), 2),
    ("substringAfter", "<s-s:s>", defined(substring_after), 2),
    ("lowercase", "<s-:s>", defined(str.lower)),
    ("uppercase", "<s-:s>", defined(str.upper)),
    ("length", "<s-:n>", defined(len)),
    ("trim", "<s-:s>", defined(lambda text: re.sub(r"[ \t\n\r]+", " ", text).removeprefix(" ").removesuffix(" "))),
    ("pad", "<s-ns?:s>", pad),
    ("match", "<s-f<s:o>n?:a<o>>", match),
    ("contains", "<s-(sf):b>", contains),
    ("replace", "<s-(sf)(sf)n?:s>", replace),
    ("split", "<s-(sf)n?:a<s>>", split),
    ("join", "<a<s>s?:s>", join),
    ("formatNumber", "<n-so?:s>", _pictured("formatNumber", format_number), 3),
    ("formatBase", "<n-n?:s>", defined(format_base), 2),
    ("formatInteger", "<n-s:s>", _pictured("formatInteger", format_integer), 2),
    ("parseInteger", "<s-s:n>", _pictured("parseInteger", parse_integer), 2),
    ("number", "<(nsb)-:n>", to_number),
    ("floor", "<n-:n>", _whole(math.floor)),
    ("ceil", "<n-:n>", _whole(math.ceil)),
    ("round", "<n-n?:n>", _whole(round_), 2),
    ("abs", "<n-:n>", defined(abs)),
    ("sqrt", "<n-:n>", defined(square_root)),
    ("power", "<n-n:n>", defined(power), 2),
    ("random", "<:n>", lambda run: run.generator().random()),
    ("boolean", "<x-:b>", defined(truthy)),
    ("not", "<x-:b>", defined(lambda value: not truthy(value))),
    ("map", "<af>", map_),
    ("zip", "<a+>", lambda *arrays: [list(row) for row in zip(*map(listed, arrays), strict=False)]),
    ("filter", "<af>", filter_),
    ("single", "<af?>", single),
    ("reduce", "<afj?:j>", reduce_),
    ("sift", "<o-f?:o>", sift),
    ("keys", "<x-:a<s>>", keys),
    ("lookup", "<x-s:x>", look_up),
    ("append", "<xx:a>", join_arrays),
    ("exists", "<x:b>", lambda value: value is not MISSING),
    ("spread", "<x-:a<o>>", spread),
    ("merge", "<a<o>:o>", defined(lambda values: {key: item for value in values for key, item in value.items()})),
    ("reverse", "<a:a>", defined(lambda values: values[::-1] if len(values) > 1 else values)),
    ("each", "<o-f:a>", each),
    ("error", "<s?:x>", lambda message=MISSING: fail("D3137", message or "$error() function evaluated")),
    ("assert", "<bs?:x>", _assert),
    ("type", "<x:s>", defined(type_name)),
    ("sort", "<af?:a>", sort),
    (
        "shuffle",
        "<a:a>",
        lambda run, found: MISSING if found is MISSING else run.generator().sample(found, len(found)),
    ),
    ("distinct", "<x:x>", distinct),
    ("base64encode", "<s-:s>", defined(base64_encode)),
    ("base64decode", "<s-:s>", defined(base64_decode)),
    ("encodeUrlComponent", "<s-:s>", url(partial(urllib.parse.quote, safe=COMPONENT), "encodeUrlComponent")),
    ("encodeUrl", "<s-:s>", url(partial(urllib.parse.quote, safe=COMPONENT + RESERVED), "encodeUrl")),
    ("decodeUrlComponent", "<s-:s>", url(unquoted, "decodeUrlComponent")),
    ("decodeUrl", "<s-:s>", url(lambda text: unquoted(re.sub(KEPT_ESCAPE, r"%25\1", text)), "decodeUrl")),
    (
        "eval",
        "<sx?:x>",
        lambda run, text, at=MISSING: MISSING if text is MISSING else run.evaluate(run, text, at, {}),
    ),
    ("toMillis", "<s-s?:n>", _to_millis, 2),
    ("fromMillis", "<n-s?s?:s>", defined(_from_millis), 3),
    ("clone", "<(oa)-:o>", defined(copy)),
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
    (values, "MISSING Closure Constructed Sequence Tail Tuples"),
    (values, "collapsed equal items listed plain settled stored truthy unequal whole"),
    (paths, "arithmetic begun combined compared constructed_items context_items descendants ended field fields"),
    (paths, "grouped included is_empty item_at joined kept kept_path negated numbered ordered push ranged"),
    (paths, "repeated_key root_field select spread stream text unbound wildcard"),
    (calls, "HOLE applied call evaluated invoke invoked partially piped procedure transform"),
    (patterns, "regex"),
)

#: All that generated code can name: what is named above, and the functions as `f_name`.
NAMESPACE: Final[Mapping[str, Any]] = MappingProxyType(
    {name: getattr(module, name) for module, names in _NAMED for name in names.split()}
    | {f"f_{name}": function for name, function in (*STANDARD.items(), *OURS.items())}
)
