"""What calls of the functions of dates and spans make of types: one table says what each takes and gives.

Constants are tried: what run time refuses, or makes an invalid date of, can never work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, Final
from zoneinfo import available_timezones

from truto_mapper.language import natives, nodes, types
from truto_mapper.language.call_types import MAX_FOLDED, Misfit, form_of, is_closed, run
from truto_mapper.language.library.truto.names import METHODS
from truto_mapper.language.natives import DATE, UNITS
from truto_mapper.language.runtime.arguments import called
from truto_mapper.language.runtime.calls import call
from truto_mapper.language.runtime.values import MISSING, Budget, Function, Native, Run, quoted
from truto_mapper.language.types import NONE, Type
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.record import NamedTuple

_TEXT, _OBJECT, _NUMBER = types.STRING.kinds, frozenset({"object"}), types.NUMBER.kinds


class Taken(NamedTuple):
    """What an argument must be: in words, its kinds, a value that works, and the names of its fields, if it has some.

    An argument that is not `needed` may be left out, or be null.
    """

    words: str
    kinds: frozenset[str]
    sample: Any
    needed: bool = True
    names: tuple[str, ...] | None = None


class Method(NamedTuple):
    """The arguments of a function of a date or a span, and what it gives; `others` is what more of them are."""

    taken: tuple[Taken, ...]
    gives: Type | str
    others: Taken | None = None


#: A date whose month, day and minute differ.
_WHEN: Final = "2001-02-03T04:05:06.789Z"
#: The date itself, where an argument is one.
_ITSELF: Final = object()

_AMOUNTS = Taken("an object of units, or milliseconds", _OBJECT | _NUMBER, {"days": 1})
_UNIT = Taken("a unit of time", _TEXT, "days")
_UNITS = Taken("a unit of time, or an array of them", _TEXT | {"array"}, "days", needed=False)
_SET = Taken("an object of fields", _OBJECT, {"day": 1})
_DATE = Taken("a date", _OBJECT, _ITSELF)
_ZONE = Taken("a time zone", _TEXT | _NUMBER, "utc", needed=False)
_FORM = Taken("a form", _TEXT, "yyyy")
_MINUTES = Taken("a number of minutes", _TEXT | _NUMBER, 0, needed=False)


def _options(*names: str) -> Taken:
    return Taken("an object of options", _OBJECT, {}, needed=False, names=names)


_LOCALE = Taken("a locale", _TEXT | _OBJECT, "en", needed=False)
_OF_TEXT = _options("locale", "numberingSystem", "outputCalendar")
_OF_TIME = ("suppressMilliseconds", "suppressSeconds", "includeOffset", "includePrefix", "extendedZone", "format")
_OF_SQL = _options("includeZone", "includeOffset", "includeOffsetSpace")
_OF_DIFF = _options("conversionAccuracy", "locale", "numberingSystem")

_WRITES, _DATES, _SPANS = "text", "date", "span"
_MOVED: Final = Method((_AMOUNTS,), _DATES)
_WRITTEN: Final = Method((), _WRITES)
_REFUSED: Final = Method((), types.ANY, Taken("anything", types.KINDS, None))

_OF_DATES: Final[Mapping[str, Method]] = {
    **dict.fromkeys(("plus", "minus"), _MOVED),
    "set": Method((_SET,), _DATES),
    **dict.fromkeys(("startOf", "endOf"), Method((_UNIT, _options("useLocaleWeeks")), _DATES)),
    "setZone": Method((_ZONE, _options("keepLocalTime")), _DATES),
    **dict.fromkeys(("setLocale", "reconfigure"), Method((_LOCALE,), _DATES)),
    "toUTC": Method((_MINUTES, _options("keepLocalTime")), _DATES),
    "toLocal": Method((), _DATES),
    "toFormat": Method((_FORM, _OF_TEXT), _WRITES),
    **dict.fromkeys(("toISO", "toISOTime"), Method((_options(*_OF_TIME, "precision"),), _WRITES)),
    "toISODate": Method((_options("format", "precision"),), _WRITES),
    **dict.fromkeys(("toISOWeekDate", "toRFC2822", "toHTTP", "toSQLDate", "toJSDate"), _WRITTEN),
    **dict.fromkeys(("toSQL", "toSQLTime"), Method((_OF_SQL,), _WRITES)),
    **dict.fromkeys(("toMillis", "valueOf", "toUnixInteger"), Method((), types.INTEGER)),
    "toSeconds": Method((), types.NUMBER),
    "diff": Method((_DATE, _UNITS, _OF_DIFF), _SPANS),
    "hasSame": Method((_DATE, _UNIT, _options("useLocaleWeeks")), types.BOOLEAN),
    "equals": Method((_DATE,), types.BOOLEAN),
    **dict.fromkeys(("diffNow", "toRelative", "toRelativeCalendar", "toLocaleString"), _REFUSED),
}
_OF_SPANS: Final[Mapping[str, Method]] = {
    **dict.fromkeys(("plus", "minus"), Method((_AMOUNTS,), _SPANS)),
    **dict.fromkeys(("as", "get"), Method((_UNIT,), types.NUMBER)),
    "shiftTo": Method((), _SPANS, _UNIT),
    **dict.fromkeys(("normalize", "negate"), Method((), _SPANS)),
    "toMillis": Method((), types.NUMBER),
    "toObject": Method((), Type(_OBJECT, others=types.NUMBER, properties={})),
    "toFormat": Method((_FORM._replace(sample="d"), _options("floor", "signMode", *(_OF_TEXT.names or ()))), _WRITES),
    "toISO": Method((), _WRITES),
}


class Called(NamedTuple):
    """A call of a function of a date or a span: its name, and its arguments with their types."""

    holder: Type
    name: str
    arguments: Sequence[nodes.Node]
    given: Sequence[Type]

    @property
    def method(self) -> Method | None:
        return (_OF_DATES if self.holder.native == DATE else _OF_SPANS).get(self.name)


@lru_cache(maxsize=1)
def _sample() -> Any:
    """A date, to try functions on."""
    return run("dtFromIso", (_WHEN,))


def _function(one: Called) -> Function:
    """The function of a sample date, or of a sample span."""
    found: Function = (_sample() if one.holder.native == DATE else _a_span()).get(one.name)
    return found


def _a_span() -> Any:
    return _apply(_sample().get("diff"), (_sample(), "days"))


def _apply(function: Function, arguments: Sequence[Any]) -> Any:
    return call(Run(Budget(), 100), MISSING, function, *arguments)


# -------------------------------------------------------------------------------------------------------- misfits


def misfits(one: Called) -> Iterator[Misfit]:
    """What can never work in a call: the function, the number of its arguments, or one of them."""
    method = one.method
    if method is None:
        yield from _no_method(one)
    elif method is _REFUSED:
        refused = _tried(_function(one), ()) or _INVALID
        yield Misfit(None, "C203", refused.message, refused.hint)
    else:
        yield from _wrong_count(one, method) or _wrong_arguments(one, method)


def _no_method(one: Called) -> Iterator[Misfit]:
    """A function that other values have. What none has is told without types."""
    if one.name in METHODS:
        known = _OF_DATES if one.holder.native == DATE else _OF_SPANS
        message = f"a {one.holder.native} has no function `{one.name}`"
        yield Misfit(None, "C203", message, did_you_mean(one.name, known, "`.{}(…)`"))


def _wrong_count(one: Called, method: Method) -> list[Misfit]:
    """An argument that is left out, or one too many, which run time does not look at."""
    least, most, count = sum(taken.needed for taken in method.taken), len(method.taken), len(one.given)
    if least <= count and (count <= most or method.others is not None):
        return []
    number = least if count < least else most
    more = "" if least == most else "at least " if count < least else "at most "
    takes = f"{more}{number or 'no'} argument{'' if number == 1 else 's'}"
    hint = f"it takes {method.taken[count].words}" if count < least else "remove it: nothing looks at it"
    message = f"{called(f'.{one.name}')} takes {takes}, but here it gets {count or 'none'}"
    return [Misfit(None if count < least else most, "C225", message, hint)]


def _wrong_arguments(one: Called, method: Method) -> Iterator[Misfit]:
    taken = chain(method.taken, repeat(method.others) if method.others else ())
    samples = [_sample() if each.sample is _ITSELF else each.sample for each in method.taken]
    for place, (node, kind, each) in enumerate(zip(one.arguments, one.given, taken)):  # noqa: B905  (may be endless)
        found = _refused(one, place, samples, witnesses(node, kind)) or _unfit(one, place, kind, each)
        yield from [found] if found else _unknown_names(one, place, node, each)


def _refused(one: Called, place: int, samples: Sequence[Any], values: Sequence[Any]) -> Misfit | None:
    """An argument with which the function fails, or makes an invalid date, whatever of its values it is."""
    function = _function(one)
    tried = [_tried(function, (*samples[:place], value, *samples[place + 1 : len(one.given)])) for value in values]
    found = [each for each in tried if each is not None]
    if not found or len(found) < len(tried):
        return None
    if found[0] is not _INVALID:
        return Misfit(place, "C225", found[0].message, found[0].hint)
    return _no_zone(place, values[0]) if one.name == "setZone" else None


def _unfit(one: Called, place: int, kind: Type, taken: Taken) -> Misfit | None:
    """An argument of a type that is not taken."""
    is_known = kind.kinds != types.KINDS and kind.solid
    is_date = taken is not _DATE or kind.native in (None, DATE)
    if not is_known or (kind.solid & taken.kinds and is_date):
        return None
    message = f"argument {place + 1} of {called(f'.{one.name}')} must be {taken.words}, but this is "
    hint = "make a date of it: `$dtFromIso(…)`" if taken is _DATE and kind.solid == _TEXT else None
    return Misfit(place, "C208", message + types.in_words(kind), hint)


def _unknown_names(one: Called, place: int, node: nodes.Node, taken: Taken) -> Iterator[Misfit]:
    """Options that nothing looks at."""
    for name in names_of(node) if taken.names is not None else ():
        if name not in (taken.names or ()):
            message = f"{called(f'.{one.name}')} has no option `{name}`: nothing looks at it"
            yield Misfit(place, "C218", message, did_you_mean(name, taken.names or ()))


def names_of(node: nodes.Node) -> Iterator[str]:
    """The names of an object that is written out."""
    for key, _ in node.pairs if isinstance(node, nodes.Object) else ():
        if isinstance(key, nodes.String):
            yield key.value


#: What is found where a function makes an invalid date of a valid one.
_INVALID: Final = Diagnostic("D3137", "the date is invalid")


def _tried(function: Function, arguments: Sequence[Any]) -> Diagnostic | None:
    """What is wrong with some arguments; None if they work."""
    try:
        made = _apply(function, arguments)
    except EvaluationError as error:
        return error.diagnostics[0]
    return _INVALID if isinstance(made, Native) and made.get("isValid") is False else None


def _no_zone(place: int, value: Any) -> Misfit:
    message = f"{quoted(value)} is no time zone: the date is never valid, and its text null"
    if isinstance(value, dict):
        given = value.get("zone")
        own = f"write the zone itself: `{quoted(given)}`" if isinstance(given, str) else "write the name of a zone"
        return Misfit(place, "C225", message, own)
    hint = did_you_mean(value, available_timezones()) if isinstance(value, str) else None
    return Misfit(place, "C225", message, hint or 'write a zone as IANA names it, like `"Europe/Dublin"`')


# ------------------------------------------------------------------------------------------------------ witnesses


def witnesses(node: nodes.Node, kind: Type) -> list[Any]:
    """Values that an argument has, one of which works if any does; none if too little is known."""
    match node:
        case nodes.Array(items=items) if all(isinstance(one, nodes.String) for one in items):
            return [[getattr(one, "value", None) for one in items]]
        case nodes.Object(pairs=pairs) if all(isinstance(key, nodes.String) for key, _ in pairs):
            return [_object(kind, list(names_of(node)))]
    return _of_type(kind)


def _of_type(kind: Type) -> list[Any]:
    if kind.values and not kind.solid - types.SCALARS and len(kind.values) <= MAX_FOLDED:
        return list(kind.values)
    if kind.kinds and kind.kinds <= NONE:
        return [None if kind.kinds == {"null"} else MISSING]
    if kind.solid == _OBJECT:
        return _objects(kind)
    return [True] if kind.solid == types.BOOLEAN.kinds else []


def _objects(kind: Type) -> list[Any]:
    """A date, a span, or an object with the fields that it surely has."""
    if kind.native is not None:
        return [_sample() if kind.native == DATE else _a_span()]
    fields = kind.properties if is_closed(kind) else None
    return [] if fields is None else [_object(kind, [name for name, one in fields.items() if not one.kinds & NONE])]


def _object(kind: Type, names: Sequence[str]) -> dict[str, Any]:
    """An object with some fields: each a constant if it is always the same, else a number, which suits most."""
    found = {name: _of_type((kind.properties or {}).get(name, types.ANY)) for name in names}
    return {name: values[0] if len(values) == 1 else 1 for name, values in found.items()}


# -------------------------------------------------------------------------------------------------------- results


def result(one: Called) -> Type:
    """The type of what a call gives."""
    gives = types.ANY if one.method is None else one.method.gives
    of_nothing = one.holder.of_nothing
    if gives == _DATES:
        return natives.date(of_nothing=of_nothing)
    if gives == _SPANS:
        return natives.span(_units_of(one), of_nothing=of_nothing)
    if gives == _WRITES:
        form = "duration" if one.holder.native != DATE and one.name == "toISO" else _form_of(one)
        text = Type(_TEXT, format=form)
        return text if one.name == "toFormat" else natives.or_null(text, one.holder)
    return gives if isinstance(gives, Type) else types.ANY


def _units_of(one: Called) -> list[str] | None:
    """The units of a span, None if they are not known."""
    if one.name in ("normalize", "negate"):
        return [name for name in one.holder.properties or {} if name in UNITS]
    if one.name == "shiftTo":
        named = [witnesses(*each) for each in zip(one.arguments, one.given, strict=True)]
        listed = [values[0] for values in named if len(values) == 1]
        return _plurals(listed) if len(listed) == len(named) and listed else None
    if one.name != "diff":
        return None
    if len(one.given) == 1:
        return ["milliseconds"]
    values = witnesses(one.arguments[1], one.given[1]) if len(one.given) > 1 else []
    return _plurals(values[0] if isinstance(values[0], list) else values) if len(values) == 1 else None


def _plurals(names: Sequence[Any]) -> list[str] | None:
    lowered = [str(one).lower() for one in names]
    found = [one if one.endswith("s") else f"{one}s" for one in lowered]
    return found if found and set(found) <= set(UNITS) else None


def _form_of(one: Called) -> str | None:
    """The format of a text that a date writes, None if it is not known or says too little of a date."""
    if one.holder.native != DATE or not all(map(_is_constant, one.arguments, one.given)):
        return None
    values = [witnesses(*each)[0] for each in zip(one.arguments, one.given, strict=True)]
    try:
        made = _apply(_function(one), values)
    except EvaluationError:
        return None
    form, has_year = form_of(made), "2001" in made and len(made) >= len("20010203")
    return form if form != "text" or has_year else None


def _is_constant(node: nodes.Node, kind: Type) -> bool:
    """Whether an argument is always the same."""
    if isinstance(node, nodes.Object):
        return all(isinstance(one, nodes.LITERALS) for _, one in node.pairs) and bool(witnesses(node, kind))
    return len(witnesses(node, kind)) == 1 and not kind.kinds & NONE


# ------------------------------------------------------------------------------------------- what dates are made of

_OPTIONS: Final = ("zone", "setZone", "locale", "numberingSystem", "outputCalendar")
#: Texts of each format, in their usual forms.
_TEXTS: Final = {
    "date": ("2001-02-03",),
    "date-time": tuple(
        f"2001-02-03T04:05:06{part}{zone}" for part in ("", ".789", ".789012") for zone in ("Z", "+01:00")
    ),
}
_NO_DATES: Final = frozenset({"uuid", "email", "time-zone", "uri"})


def unreadable(name: str, arguments: Sequence[nodes.Node], given: Sequence[Type]) -> Iterator[Misfit]:
    """Arguments of which a function never makes a valid date: no date, another form, or no zone."""
    if name not in ("dtFromIso", "dtFromFormat") or not given:
        return
    yield from _no_date(name, given)
    if name == "dtFromIso" and len(given) > 1:
        values = witnesses(arguments[1], given[1])
        yield from [_no_zone(1, values[0])] if _never(name, [(_WHEN, one) for one in values]) else ()
    elif len(given) > 2:
        yield from _options_of_form(arguments[2], given[2])


def _no_date(name: str, given: Sequence[Type]) -> Iterator[Misfit]:
    """A text that is no date, or is written in another form."""
    first = given[0]
    if first.format in _NO_DATES and first.solid == _TEXT:
        yield Misfit(0, "C208", f"argument 1 of ${name} must be a date, but this is a {first.format}")
    texts = first.values or (_TEXTS.get(first.format or "", ()) if first.solid == _TEXT else ())
    rest = [(one,) for one in given[1].values or ()] if name == "dtFromFormat" and len(given) > 1 else [()]
    if name == "dtFromFormat" and rest == [()]:
        return
    if all(isinstance(one, str) for one in texts) and _never(name, [(text, *one) for text in texts for one in rest]):
        yield _unread(name, quoted(texts[0]) if first.values else f"a {first.format}", rest[0], first.format)


def _unread(name: str, text: str, forms: Sequence[Any], form: str | None) -> Misfit:
    what = f"not written as {quoted(forms[0])}" if forms else "no date of ISO 8601"
    hint = "$dtFromFormat reads other forms" if name == "dtFromIso" else "$dtFromIso reads it" if form else None
    return Misfit(0, "C225", f"{text} is {what}: the date is never valid, and its text null", hint)


def _options_of_form(node: nodes.Node, kind: Type) -> Iterator[Misfit]:
    """The third argument of `$dtFromFormat`, of which only an object is looked at."""
    if kind.kinds != types.KINDS and kind.solid and "object" not in kind.solid:
        hint = 'write `{"zone": …}`' if kind.solid == _TEXT else None
        message = f"argument 3 of $dtFromFormat must be an object of options, but this is {types.in_words(kind)}"
        yield Misfit(2, "C208", message, hint)
    values = [one for one in witnesses(node, kind) if isinstance(one, dict)]
    if _never("dtFromFormat", [("2001", "yyyy", one) for one in values]):
        yield _no_zone(2, values[0].get("zone"))
    for one in names_of(node):
        if one not in _OPTIONS:
            yield Misfit(
                2, "C218", f"$dtFromFormat has no option `{one}`: nothing looks at it", did_you_mean(one, _OPTIONS)
            )


def _never(name: str, tries: Sequence[Sequence[Any]]) -> bool:
    """Whether no arguments of several give a valid date."""
    return bool(tries) and all(_gives_invalid(name, each) for each in tries)


def _gives_invalid(name: str, arguments: Sequence[Any]) -> bool:
    try:
        return run(name, arguments).get("isValid") is False
    except EvaluationError:  # it is told otherwise, or needs the time
        return False
