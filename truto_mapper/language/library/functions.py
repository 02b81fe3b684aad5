"""The tables of all functions, JSONata's and ours; `NAMESPACE` is everything that generated code can name."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from truto_mapper.language.library import collections, dates, errors, higher_order, numbers, patterns, pictures, strings
from truto_mapper.language.library.truto.names import TRUTO
from truto_mapper.language.runtime import (
    arguments,
    calls,
    counting,
    paths,
    sets,
    sorting,
    tuples,
    values,
    walks,
    writing,
)
from truto_mapper.language.runtime.calls import defined
from truto_mapper.language.runtime.values import MISSING, Function

__all__ = ["FUNCTIONS", "LIBRARY", "NAMESPACE", "OURS", "STANDARD", "TRUTO"]

# Arguments have been fitted to the signature: they are of the right type, or MISSING.

#: Name in JSONata, signature, body, and the number of arguments from higher-order functions if the body takes another.
_LIBRARY: Final[tuple[tuple[Any, ...], ...]] = (
    ("sum", "<a<n>:n>", numbers.sum_),
    ("count", "<a:n>", lambda values: 0 if values is MISSING else len(values)),
    ("max", "<a<n>:n>", numbers.greatest),
    ("min", "<a<n>:n>", numbers.least),
    ("average", "<a<n>:n>", numbers.average),
    ("string", "<x-b?:s>", writing.string, 1),
    ("substring", "<s-nn?:s>", defined(strings.substring), 3),
    ("substringBefore", "<s-s:s>", defined(strings.substring_before), 2),
    ("substringAfter", "<s-s:s>", defined(strings.substring_after), 2),
    ("lowercase", "<s-:s>", defined(str.lower)),
    ("uppercase", "<s-:s>", defined(str.upper)),
    ("length", "<s-:n>", defined(len)),
    ("trim", "<s-:s>", strings.trim),
    ("pad", "<s-ns?:s>", strings.pad),
    ("match", "<s-fn?:a<o>>", patterns.match),
    ("contains", "<s-(sf):b>", patterns.contains),
    ("replace", "<s-(sf)(sf)n?:s>", patterns.replace),
    ("split", "<s-(sf)n?:a<s>>", patterns.split),
    ("join", "<a<s>s?:s>", strings.join),
    ("formatNumber", "<n-so?:s>", pictures.pictured("formatNumber", pictures.format_number), 3),
    ("formatBase", "<n-n?:s>", defined(numbers.format_base), 2),
    ("formatInteger", "<n-s:s>", pictures.pictured("formatInteger", pictures.format_integer), 2),
    ("parseInteger", "<s-s:n>", pictures.pictured("parseInteger", pictures.parse_integer), 2),
    ("number", "<(nsb)-:n>", numbers.to_number),
    ("floor", "<n-:n>", numbers.to_whole(math.floor)),
    ("ceil", "<n-:n>", numbers.to_whole(math.ceil)),
    ("round", "<n-n?:n>", numbers.rounding(numbers.round_), 2),
    ("abs", "<n-:n>", defined(abs)),
    ("sqrt", "<n-:n>", defined(numbers.square_root)),
    ("power", "<n-n:n>", defined(numbers.power), 2),
    ("random", "<:n>", lambda run: run.generator().random()),
    ("boolean", "<x-:b>", collections.boolean),
    ("not", "<x-:b>", collections.not_),
    ("map", "<af>", higher_order.map_),
    ("zip", "<a+>", collections.zip_),
    ("filter", "<af>", higher_order.filter_),
    ("single", "<af?>", higher_order.single),
    ("reduce", "<afj?:j>", higher_order.reduce_),
    ("sift", "<o-f?:o>", higher_order.sift),
    ("keys", "<x-:a<s>>", collections.keys),
    ("lookup", "<x-s:x>", paths.look_up),
    ("append", "<xx:a>", paths.appended),
    ("exists", "<x:b>", lambda value: value is not MISSING),
    ("spread", "<x-:a<o>>", collections.spread),
    ("merge", "<a<o>:o>", collections.merge),
    ("reverse", "<a:a>", defined(collections.reverse)),
    ("each", "<o-f:a>", higher_order.each),
    ("error", "<s?:x>", errors.error),
    ("assert", "<bs?:x>", errors.assert_),
    ("type", "<x:s>", defined(arguments.type_name)),
    ("sort", "<af?:a>", higher_order.sort),
    ("shuffle", "<a:a>", collections.shuffle),
    ("distinct", "<x:x>", collections.distinct),
    ("base64encode", "<s-:s>", defined(strings.base64_encode)),
    ("base64decode", "<s-:s>", defined(strings.base64_decode)),
    ("encodeUrlComponent", "<s-:s>", strings.encode_url_component),
    ("encodeUrl", "<s-:s>", strings.encode_url),
    ("decodeUrlComponent", "<s-:s>", strings.decode_url_component),
    ("decodeUrl", "<s-:s>", strings.decode_url),
    ("eval", "<sx?:x>", calls.evaluate_text),
    ("toMillis", "<s-s?:n>", dates.to_millis, 2),
    ("fromMillis", "<n-s?s?:s>", dates.from_millis, 3),
    ("clone", "<(oa)-:o>", collections.clone),
    ("now", "<s?s?:s>", dates.now),
    ("millis", "<:n>", dates.millis),
    ("trutoString", "<x-b?:s>", writing.rounded_string, 1),
    ("trutoSift", "<o-f?:o>", higher_order.sift_set),
)


def _native(name: str, signature: str | None, body: Any, arity: int | None = None) -> Function:
    code = body.__code__
    runs = code.co_varnames[: code.co_argcount][:1] == ("run",)
    return Function(name, body, code.co_argcount - runs if arity is None else arity, signature, runs)


#: The standard functions by their names in JSONata, and two that take the context as they do.
STANDARD: Final[Mapping[str, Function]] = MappingProxyType({row[0]: _native(*row) for row in _LIBRARY})

#: Our additions to the standard functions, by their names in JSONata.
FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "floorDate": dates.floor_date,
    "ceilDate": dates.ceil_date,
    "size": collections.size,
}


def _any(function: Any) -> str:
    """The signature of a function that checks its arguments itself, but not how many there are."""
    return f"<{'x?' * function.__code__.co_argcount}>"


#: The same as values of an expression; their results need no check.
OURS: Final[Mapping[str, Function]] = MappingProxyType(
    {name: _native(name, _any(f), f) for name, f in FUNCTIONS.items()}
)

#: All functions, by their names in JSONata.
LIBRARY: Final[Mapping[str, Function]] = MappingProxyType({**STANDARD, **OURS, **TRUTO})

_NAMED: Final = (
    (builtins, "bool dict enumerate float int len list str"),
    (values, "MISSING Closure Constructed Sequence Tail Tuples"),
    (values, "collapsed equal items listed settled stored truthy unequal whole"),
    (paths, "add_to_group added arithmetic combined compared concatenated constructed_items context_array"),
    (
        paths,
        "context_items ended field fields grouped is_empty is_empty_item item_at joined keyed",
    ),
    (paths, "kept kept_path multiplied"),
    (paths, "negated push range_array ranged repeated repeated_key root_field select subtracted text"),
    (sets, "included"),
    (sorting, "ordered"),
    (tuples, "begun collected join numbered spread stream unbound"),
    (walks, "descendants objects wildcard wildcards"),
    (counting, "count_descendants count_wildcards"),
    (calls, "HOLE applied call cloning evaluated invoke invoked numeric of_numbers partially perform performed"),
    (calls, "piped procedure transform"),
    (higher_order, "Replacing add_match appended_onto gather gathered initial merged_onto object_of only pairs"),
    (patterns, "regex"),
)

#: Everything that generated code can name: the names above, and each function as `f_name`.
NAMESPACE: Final[Mapping[str, Any]] = MappingProxyType(
    {name: getattr(module, name) for module, names in _NAMED for name in names.split()}
    | {f"f_{name}": function for name, function in LIBRARY.items()}
)
