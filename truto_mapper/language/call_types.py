"""What calls of functions make of types: which arguments can never work, and what comes out.

The signatures of the functions decide both. The tables below have what a signature cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Any, Final

from truto_mapper.language import natives, types
from truto_mapper.language.library.functions import LIBRARY, STANDARD
from truto_mapper.language.library.truto.names import SIGNATURES
from truto_mapper.language.runtime.arguments import called, expected, like_theirs
from truto_mapper.language.runtime.calls import call
from truto_mapper.language.runtime.signatures import Parameter, parse_signature
from truto_mapper.language.runtime.values import MISSING, Budget, Run, quoted
from truto_mapper.language.types import ANY, NONE, UNDEFINED, Type, item_of, sequence, union, union_all
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.timestamps import is_date_time

#: The signatures of our own functions, which check their arguments themselves.
_OURS: Final = {"floorDate": "<(sl)s(sl)?:s>", "ceilDate": "<(sl)s(sl)?:s>", "size": "<x:n>"} | {
    **SIGNATURES,
    "dtFromIso": "<(sl)x?>",  # for anything else these give nothing
    "dtFromFormat": "<(sl)sx?>",
}

#: The letters of signatures for the kinds of types.
_LETTERS: Final = dict(zip(("string", "integer", "number", "boolean", "null", "undefined"), "snnblm", strict=True)) | {
    "array": "a",
    "object": "o",
    "function": "f",
}
_EVERY: Final = frozenset(_LETTERS.values())

#: The formats that an argument of text must have, by function and index; other known formats cannot work.
_FORMATS: Final = {
    ("floorDate", 0): "date-time",
    ("floorDate", 1): "time-zone",
    ("ceilDate", 0): "date-time",
    ("ceilDate", 1): "time-zone",
    ("ceilDate", 2): "date-time",
    ("number", 0): "number",
}
_KNOWN_FORMATS: Final = frozenset({"date-time", "date", "time", "uuid", "email", "time-zone", "uri"})

#: Arguments with which a function works, to try a constant among them.
_SAMPLES: Final[Mapping[str, tuple[Any, ...]]] = {
    "floorDate": ("2026-01-01T00:00:00Z", "UTC", "day"),
    "ceilDate": ("2026-01-01T00:00:00Z", "UTC", "2026-01-01T00:00:00Z"),
    "formatBase": (1, 10),
    "formatInteger": (1, "0"),
    "formatNumber": (1, "0", {}),
    "fromMillis": (0, "[Y]", "0000"),
    "number": ("1",),
    "parseInteger": ("1", "0"),
    "toMillis": ("2026-01-01T00:00:00Z", "[Y]"),
    "decodeUrl": ("",),
    "decodeUrlComponent": ("",),
    "sqrt": (1,),
    "power": (1, 1),
    "pad": ("", 1, " "),
    "round": (1, 0),
    "digest": ("", "MD5"),
    "dtFromFormat": ("", "y"),
    "parseUrl": ("https://example.com",),
    "sign": ("", "SHA-1", "secret"),
}

#: Functions whose results for a few constants are computed.
_FOLDED: Final = frozenset(
    {"lowercase", "uppercase", "string", "number", "substring", "substringBefore", "substringAfter", "trim", "length"}
)
#: The most results that are computed for a call.
MAX_FOLDED: Final = 32

#: What higher-order functions give to their function: `item`, `index`, `list`, `value`, `key` and `made`.
OFFERED: Final[Mapping[str, tuple[str, ...]]] = {
    "map": ("item", "index", "list"),
    "filter": ("item", "index", "list"),
    "single": ("item", "index", "list"),
    "sort": ("item", "item"),
    "reduce": ("made", "item", "index", "list"),
    "each": ("value", "key", "object"),
    "sift": ("value", "key", "object"),
}

#: Functions that need something with fields, and those that count the items of an array.
_OF_FIELDS: Final = frozenset({"lookup", "keys"})
COUNTING: Final = frozenset({"size", "count"})

_INTEGERS: Final = frozenset({"count", "length", "floor", "ceil", "size", "toMillis", "millis"})
_RESULTS: Final = {"s": types.STRING, "n": types.NUMBER, "b": types.BOOLEAN, "o": Type(frozenset({"object"}))}
_CERTAIN: Final = frozenset({"exists", "count"})
_MOMENTS: Final = frozenset({"now", "fromMillis"})


class Misfit(NamedTuple):
    """An argument that can never work: its place (None: the call), the code, the message and a hint."""

    place: int | None
    code: str
    message: str
    hint: str | None = None


class Fit(NamedTuple):
    """How the arguments of a call fit a signature: the parameter of each, and that for which `$` is taken, if any."""

    parameters: tuple[Parameter, ...]
    of_context: Parameter | None = None


def signature_of(name: str) -> Sequence[Parameter]:
    """The parameters of a standard function or one of ours."""
    return parse_signature(_OURS.get(name) or STANDARD[name].signature or "").parameters


def is_known(name: str, variables: Mapping[str, Type] = MappingProxyType({})) -> bool:
    """Whether a call of a name is one of a standard function or one of ours: a variable that holds none hides none."""
    return "function" not in variables.get(name, UNDEFINED).kinds and name in LIBRARY


def arity_of(name: str) -> int:
    """How many arguments a higher-order function gives to a function."""
    return max(LIBRARY[name].arity, 1)


def letters_of(kind: Type) -> frozenset[str]:
    """The letters of a type's values; those of null and undefined only where there is nothing else."""
    if kind.kinds == types.KINDS:
        return _EVERY
    return frozenset(_LETTERS[one] for one in kind.solid or kind.kinds) or _EVERY


def accepted(parameter: Parameter) -> frozenset[str]:
    """The letters that a parameter takes."""
    return frozenset(parameter.regex) & _EVERY


def _aligned(given: Sequence[frozenset[str]], parameters: Sequence[Parameter]) -> tuple[Parameter, ...] | None:
    """The parameter of each argument, None if they do not fit."""
    if not parameters:
        return None if given else ()
    first, rest = parameters[0], parameters[1:]
    if given and given[0] & accepted(first):
        again = (rest, parameters) if first.regex.endswith("+") else (rest,)
        found = next((one for more in again if (one := _aligned(given[1:], more)) is not None), None)
        if found is not None:
            return (first, *found)
    return _aligned(given, rest) if first.regex.endswith("?") else None


def fit(name: str, parameters: Sequence[Parameter], kinds: Sequence[Type], context: Type) -> Fit | list[Misfit]:
    """How arguments fit the parameters of a function, or which of them can never fit it."""
    given = [letters_of(kind) for kind in kinds]
    found = _aligned(given, parameters)
    takes_context = bool(parameters and parameters[0].context) and found is not None and parameters[0] not in found[:1]
    of_context = letters_of(context) & frozenset(parameters[0].context) if takes_context else frozenset()
    refused = takes_context and of_context <= {"m"}  # of nothing it gives nothing
    if found is None or refused:
        whole = [one._replace(regex=one.context or one.regex) for one in parameters]
        least = sum(not one.regex.endswith("?") for one in whole)
        if given and len(given) < least and given[0] & accepted(whole[0]):
            return [_wrong_count(name, len(given), least, len(whole))]
        return list(_misfits(name, kinds, given, whole) or _misfits(name, kinds, given, parameters)) or [
            _left_out(name, parameters[0], context)
        ]
    problems = [one for index, kind in enumerate(kinds) for one in _inner(name, index, kind, found[index])]
    return problems or Fit(found, parameters[0] if takes_context else None)


def _left_out(name: str, parameter: Parameter, context: Type) -> Misfit:
    takes = expected(parameter)
    return Misfit(
        None, "C225", f"argument 1 of {called(name)} is left out, and `$` is {types.in_words(context)}, not {takes}"
    )


def _misfits(
    name: str, kinds: Sequence[Type], given: Sequence[frozenset[str]], parameters: Sequence[Parameter]
) -> list[Misfit]:
    """The arguments that do not fit; none if there may be another reason."""
    every = _aligned([_EVERY] * len(given), parameters)
    if every is None:
        least = sum(not one.regex.endswith("?") for one in parameters)
        needs_context = any(one.context == one.regex != "" for one in parameters)
        return [] if needs_context else [_wrong_count(name, len(given), least, len(parameters))]
    for index in range(len(given)):
        found = _aligned([*given[:index], _EVERY, *given[index + 1 :]], parameters)
        if found is not None and not given[index] & accepted(found[index]):
            return [_misfit(name, index, kinds[index], found[index])]
    pairs = enumerate(zip(given, every, strict=True))
    return [_misfit(name, at, kinds[at], one) for at, (letters, one) in pairs if not letters & accepted(one)]


def _wrong_count(name: str, count: int, least: int, most: int) -> Misfit:
    number = most if count > most else least
    takes = f"{'at most' if count > most else 'at least'} {number}" if least < most else str(number)
    noun = "argument" if number == 1 else "arguments"
    place = most if count > most else None
    return Misfit(place, "C225", f"{called(name)} takes {takes} {noun}, but here it gets {count or 'none'}")


def _misfit(name: str, index: int, kind: Type, parameter: Parameter, but: str = "this is") -> Misfit:
    takes = expected(parameter)
    message = f"argument {index + 1} of {called(name)} must be {takes}, but {but} {types.in_words(kind)}"
    if (advice := like_theirs(name, index + 1)) is not None:
        return Misfit(index, "C208", message, advice)
    hint = {"a string": "write $string(…)", "a number": "write $number(…)"}.get(takes)
    if kind.native is not None and kind.solid == {"object"}:
        writing = "toMillis" if takes == "a number" else "toISO"
        return Misfit(index, "C208", message, f"write `….{writing}()`" if hint else None)
    if name == "length" and "array" in kind.kinds:
        return Misfit(index, "C208", message, "$count counts the items of an array")
    return Misfit(index, "C208", message, hint if kind.solid <= types.SCALARS and name not in _OURS else None)


def misplaced(name: str, kind: Type, parameter: Parameter) -> str | None:
    """What is wrong with an item that is written in the array for an argument."""
    kinds = letters_of(kind)
    if parameter.type != "a" or parameter.subtype not in ("s", "n", "o") or kinds & {parameter.subtype, "a", "m"}:
        return None
    return f"{called(name)} takes {expected(parameter)}, but this item is {types.in_words(kind)}"


def _inner(name: str, index: int, kind: Type, parameter: Parameter) -> Iterator[Misfit]:
    """What a signature's letter does not say about an argument: the items of its array, and formats."""
    if parameter.type == "a" and parameter.subtype in ("s", "n", "o") and kind.kinds != types.KINDS:
        items = kind.items if "array" in kind.kinds else None
        single = letters_of(kind) - {"a"}
        fits = items is None if "array" in kind.kinds else False
        fits = fits or parameter.subtype in single or (items is not None and parameter.subtype in letters_of(items))
        if not fits and kind.solid:
            but = "its items are each" if items is not None else "this is"
            yield _misfit(name, index, items or kind, parameter, but)
    elif (name, index) == ("substring", 2) and kind.values and all(value <= 0 for value in kind.values):
        yield Misfit(index, "C225", "argument 3 of $substring is a length, so this always gives an empty text")
    elif name in _OF_FIELDS and index == 0 and kind.solid and not any(True for _ in types.objects(kind)):
        yield Misfit(index, "C208", f"argument 1 of ${name} has no fields: it is {types.in_words(kind)}")
    wanted_format = _FORMATS.get((name, index))
    if wanted_format and kind.format in _KNOWN_FORMATS - {wanted_format} and kind.solid == types.STRING.kinds:
        message = f"argument {index + 1} of ${name} must be a {wanted_format}, but this is a {kind.format}"
        hint = (
            "$toMillis makes a number of a date" if wanted_format == "number" and "date" in str(kind.format) else None
        )
        yield Misfit(index, "C208", message, hint)


class _Then:
    """The scope of a call that is tried, in which only the time is known."""

    @staticmethod
    def lookup(name: str) -> Any:
        return "2001-02-03T04:05:06.789Z" if name == "now" else MISSING


def run(name: str, arguments: Sequence[Any]) -> Any:
    """The result of a function. Raises `EvaluationError`."""
    return call(Run(Budget(), 100, _Then()), MISSING, LIBRARY[name], *arguments)


def refused_constants(name: str, kinds: Sequence[Type]) -> Iterator[Misfit]:
    """Constants that a function cannot work with, such as an unknown time zone or a wrong picture."""
    samples = _SAMPLES.get(name, ()) if (name, len(kinds)) != ("formatNumber", 3) else ()  # its options change pictures
    for index, kind in enumerate(kinds[: len(samples)]):
        if kind.values and not kind.solid - types.SCALARS and len(kind.values) <= MAX_FOLDED:
            tried = [
                _refusal(name, [*samples[:index], value, *samples[index + 1 : len(kinds)]]) for value in kind.values
            ]
            if tried and all(tried):
                yield Misfit(index, "C225", tried[0].message, tried[0].hint)


def no_currency(name: str, kinds: Sequence[Type]) -> Iterator[Misfit]:
    """A code that is no currency, or none at all: the amount stays as it is."""
    code = (*kinds, UNDEFINED, UNDEFINED)[1]
    if name not in _OF_CURRENCIES or not kinds:
        return
    place = 1 if len(kinds) > 1 else None
    if place is None or (code.kinds and not code.solid):
        message = f"${name} needs a currency: without one it leaves the amount as it is"
        yield Misfit(place, "C225", message, f'write `${name}(…, "EUR")`')
    elif code.kinds != types.KINDS and "string" not in code.solid:
        yield Misfit(1, "C225", f"argument 2 of ${name} must be a currency, but this is {types.in_words(code)}")
    elif code.values and not any(map(is_currency, code.values)):
        upper = str(code.values[0]).strip().upper()
        hint = f'write `"{upper}"`' if is_currency(upper) else "write a code of ISO 4217, such as `EUR`"
        yield Misfit(1, "C225", f"{quoted(code.values[0])} is no currency: ${name} leaves the amount as it is", hint)


_OF_CURRENCIES: Final = frozenset({"convertCurrencyFromSubunit", "convertCurrencyToSubunit"})


def _refusal(name: str, arguments: Sequence[Any]) -> Any:
    try:
        run(name, arguments)
    except EvaluationError as error:
        return error.diagnostics[0]
    return None


# ---------------------------------------------------------------------------------------------------- results


def result(name: str, given: Sequence[Type], made: Type) -> Type:
    """The type of a function's result. `made` is that of the function that it was given."""
    if name in _OF_TYPES and given:
        return _OF_TYPES[name](given, made)
    if name in ("dtFromIso", "dtFromFormat"):
        return natives.date(of_nothing=bool(given and given[0].kinds & NONE and given[0] != ANY))
    if name in ("floorDate", "ceilDate"):
        return Type(frozenset({"string", "undefined"}), format="date")
    if name in _MOMENTS and len(given) < 2 - (name == "now"):
        return Type(frozenset({"string", "undefined"}), format="date-time")
    if name == "fromMillis" and len(given) == len(("moment", "picture")):
        return Type(frozenset({"string", "undefined"}), format=_form_of(given[1].values))
    signature = STANDARD[name].signature if name in STANDARD else SIGNATURES.get(name)
    letter = (signature or "").rpartition(":")[2][:3]
    kind = types.INTEGER if name in _INTEGERS else _ARRAYS.get(letter) or _RESULTS.get(letter[:1], ANY)
    return kind if name in _CERTAIN or kind == ANY else union(kind, UNDEFINED)


def _form_of(pictures: Sequence[Any] | None) -> str | None:
    """The format of what some pictures make of a moment: `text` if that is no date; None if they are not known."""
    try:
        made = [run("fromMillis", (_MOMENT, one)) for one in pictures or ()]
    except EvaluationError:
        return None
    forms = set(map(form_of, made))
    return forms.pop() if len(forms) == 1 else None


def form_of(text: str) -> str:
    """The format of a text that was made of a moment of that day: `text` if it is a date in another form."""
    if text == _DAY:
        return "date"
    return "date-time" if is_date_time(text) else "text"


#: A moment whose month, day and minute differ, and its day.
_MOMENT: Final = 981173106789
_DAY: Final = "2001-02-03"

_ARRAYS: Final = {"a<s": sequence(types.STRING), "a<o": sequence(Type(frozenset({"object"})))}


def written_together(left: Type, right: Type) -> Type:
    """The type of `left & right`: the texts that these are, if both are one of a few texts."""
    few = [kind.values for kind in (left, right) if kind.values and not kind.kinds - {"string", "undefined"}]
    if len(few) < len((left, right)) or len(few[0]) * len(few[1]) > MAX_FOLDED:
        return types.STRING
    either = [
        (*values, "") if "undefined" in kind.kinds else values for values, kind in zip(few, (left, right), strict=True)
    ]
    return types.STRING.one_of(tuple(dict.fromkeys(f"{one}{other}" for one, other in product(*either))))


def folded(name: str, given: Sequence[Type]) -> Type | None:
    """The type of the results for all values of the arguments, if these are few constants."""
    listed = [kind.values for kind in given if kind.values and kind.solid and kind.solid <= types.SCALARS]
    if name == "string" and len(listed) == 1 and "null" in given[0].kinds:
        listed = [(*listed[0], None)]  # it writes null as a text
    if name not in _FOLDED or len(listed) != len(given) or not given or prod(map(len, listed)) > MAX_FOLDED:
        return None
    try:
        made = [run(name, arguments) for arguments in product(*listed)]
    except EvaluationError:
        return None
    kind = union_all(types.constant(value) for value in made if value is not MISSING)
    return union(kind, UNDEFINED) if any(one.kinds & NONE for one in given) else kind


def is_closed(kind: Type) -> bool:
    """Whether a value is surely an object all of whose names are known."""
    is_plain = kind.solid == {"object"} and kind.native is None and kind.path is None
    return is_plain and kind.properties is not None and kind.others is None


def key_of(kind: Type) -> Type:
    """The type of a name of an object: one of those of a table."""
    return types.STRING.one_of(tuple(kind.properties or {})) if is_closed(kind) and kind.properties else types.STRING


def value_of(kind: Type) -> Type:
    """The type of the value of a name of an object; any value where not all are described."""
    values = _values(kind)
    is_known = kind.solid == {"object"} and (kind.others is not None or is_closed(kind))
    return union_all(values).without({"undefined"}) if values and is_known else ANY


def _of_amount(given: Sequence[Type], made: Type) -> Type:
    """The type of an amount of money in another unit: the amount itself where the currency is surely none.

    A code that is not known here is taken to be one.
    """
    amount, code = (*given, UNDEFINED)[:2]
    known = [is_currency(one) for one in code.values or ()] if code.solid else [False]
    kinds = [*([made] if all(known) or any(known) else []), *([] if all(known) else [amount])]
    return ANY if amount == ANY and not known else union_all([*kinds, replace(amount, kinds=amount.kinds & NONE)])


def is_currency(code: Any) -> bool:
    """Whether amounts are converted for a code."""
    return bool(run("convertCurrencyToSubunit", ("1.5", code)) != "1.5")


def _keys(given: Sequence[Type], _: Type) -> Type:
    """The type of `$keys(object)`: one of the names where some were chosen, as by `$sift`.

    All names of a table are mostly filtered in ways that no type tells.
    """
    fields = given[0].properties or {}
    is_chosen = is_closed(given[0]) and all("undefined" in kind.kinds for kind in fields.values())
    if not fields or not is_chosen:
        return union(sequence(types.STRING), UNDEFINED)
    return sequence(types.STRING.one_of(tuple(fields)))


def _sifted(_: Sequence[Type], made: Type) -> Type:
    return made if made != ANY else union(_RESULTS["o"], UNDEFINED)


def _looked_up(given: Sequence[Type], _: Type) -> Type:
    """The type of `$lookup(object, key)`."""
    if len(given) < len(("object", "key")):  # another finding tells it
        return ANY
    names, holders = given[1].values, list(types.objects(given[0]))
    if given[0] == ANY or not holders or any(one.properties is None for one in holders):
        return ANY
    if names:
        found = union_all(types.of_field(one, name) for one in holders for name in names)
    elif all(one.others is not None or one.path is None for one in holders):  # nothing else can be in them
        found = types.union_path(union_all(kind for one in holders for kind in _values(one)), UNDEFINED)
    else:
        return ANY
    found = union(found, UNDEFINED) if given[0].kinds - {"object"} or given[1].kinds & NONE else found
    return sequence(item_of(found)) if "array" in given[0].kinds else found


def _values(holder: Type) -> list[Type]:
    """The types of the values of an object."""
    return [*(holder.properties or {}).values(), *([] if holder.others is None else [holder.others])]


def _merged(given: Sequence[Type], _: Type) -> Type:
    """The type of `$merge`: of several objects, each field that one of them has."""
    return replace(union(item_of(given[0]), UNDEFINED), path=None).without({"null", "array"})


def _appended(given: Sequence[Type], _: Type) -> Type:
    if ANY in given:
        return ANY
    inner = union_all(map(item_of, given)).without({"undefined"})
    return replace(sequence(inner), path=None)


def _number_of(given: Sequence[Type], _: Type) -> Type:
    """The type of the sum, the greatest or the least number: whole if all are."""
    whole = item_of(given[0]).solid == {"integer"}
    return union(types.INTEGER if whole else types.NUMBER, UNDEFINED)


def _same(given: Sequence[Type], _: Type) -> Type:
    return given[0]


def _items(given: Sequence[Type], _: Type) -> Type:
    return sequence(item_of(given[0]))


def _first(given: Sequence[Type], _: Type) -> Type:
    """The type of the first argument that is neither null nor undefined."""
    found = union_all(one.without(NONE) for one in given)
    return ANY if ANY in given else union(found, UNDEFINED) if all(one.kinds & NONE for one in given) else found


def _found(given: Sequence[Type], _: Type) -> Type:
    return union(item_of(given[0]), UNDEFINED)


def _looked_up_text(given: Sequence[Type], _: Type) -> Type:
    """The type of `$mapValues(value, table)`: a value that the table does not have is unchanged."""
    value, table = (*given, UNDEFINED)[:2]
    if value.solid - types.SCALARS or table.kinds != {"object"} or table.properties is None or len(given) > 2:
        return ANY
    known = {name.lower(): one for name, one in table.properties.items()}
    if value.values is None:
        return union(union_all(one.without(NONE) for one in known.values()), value)
    found = {one: known.get(str(one).lower()) for one in value.values if not isinstance(one, bool)}
    kept = tuple(one for one in value.values if (found.get(one) or UNDEFINED).kinds & NONE)
    made = [one.without(NONE) for one in found.values() if one is not None]
    return union_all([*made, replace(value, kinds=value.kinds & NONE, values=None), value.one_of(kept)])


def _listed(given: Sequence[Type], _: Type) -> Type:
    """An array of some of the items."""
    item = item_of(given[0])
    return Type(frozenset({"array"}), items=item.without({"undefined"}), path=item.path)


def _compacted(given: Sequence[Type], _: Type) -> Type:
    found = _listed(given, ANY)
    return replace(found, items=(found.items or ANY).without(NONE))


def _mapped(_: Sequence[Type], made: Type) -> Type:
    return sequence(made) if made != ANY else ANY


def _kept(_: Sequence[Type], made: Type) -> Type:
    return made if made == ANY else sequence(made)


def _reduced(given: Sequence[Type], made: Type) -> Type:
    first = given[2] if len(given) > 2 else item_of(given[0])
    return ANY if ANY in (first, made) else union(union(made, first), UNDEFINED)


def _cut(given: Sequence[Type], _: Type) -> Type:
    """The type of the text before a `T`, or of the first 10 characters: the date of a date-time.

    What comes after a date is empty, and less of it is no date.
    """
    ends = [kind.values for kind in given[1:]]
    is_date = given[0].format == "date-time" and ends in ([(0,), (10,)], [("T",)])
    of_day = given[0].format in ("date", "date-time") and bool(ends) and all(ends)
    first, *rest = [one[0] for one in ends if one] if of_day else [0]
    if of_day and given[0].format == "date" and isinstance(first, int) and first >= len(_DAY):
        return union(types.constant(""), UNDEFINED)
    if of_day and first == 0 and rest and isinstance(rest[0], int) and rest[0] < len(_DAY):
        return Type(frozenset({"string", "undefined"}), format="text")
    return Type(frozenset({"string", "undefined"}), format="date" if is_date else None)


def _typed(given: Sequence[Type], _: Type) -> Type:
    names = ("number" if one == "integer" else one for one in sorted(given[0].kinds - {"undefined"}))
    return union(types.STRING.one_of(tuple(dict.fromkeys(names))), UNDEFINED)


_MATCH: Final = Type(
    frozenset({"object"}),
    properties={
        "match": types.STRING,
        "index": types.INTEGER,
        "groups": Type(frozenset({"array"}), items=types.STRING),
    },
)

#: The types of results that depend on those of the arguments, the type that the given function makes among them.
_OF_TYPES: Final[Mapping[str, Callable[[Sequence[Type], Type], Type]]] = {
    "append": _appended,
    "clone": _same,
    "compact": _compacted,
    "convertCurrencyFromSubunit": lambda given, _: _of_amount(given, types.STRING),
    "convertCurrencyToSubunit": lambda given, _: _of_amount(given, types.INTEGER),
    "difference": _listed,
    "distinct": _items,
    "each": _mapped,
    "filter": _kept,
    "find": _found,
    "firstNonEmpty": _first,
    "lofilter": _listed,
    "keys": _keys,
    "lookup": _looked_up,
    "map": _mapped,
    "mapValues": _looked_up_text,
    "match": lambda _, __: sequence(_MATCH),
    "max": _number_of,
    "merge": _merged,
    "orderBy": _listed,
    "min": _number_of,
    "reduce": _reduced,
    "reverse": _items,
    "shuffle": _items,
    "spread": lambda _, __: ANY,
    "sift": _sifted,
    "single": lambda _, made: made if made == ANY else union(made, UNDEFINED),
    "sort": _items,
    "substring": _cut,
    "substringBefore": _cut,
    "sum": _number_of,
    "type": _typed,
    "abs": _number_of,
}
