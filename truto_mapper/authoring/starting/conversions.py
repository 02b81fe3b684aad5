"""The expression that makes a field of what a sample holds at a place."""

from __future__ import annotations

import json
from collections.abc import Callable

from truto_mapper.authoring.check.words import words
from truto_mapper.authoring.observation import Seen
from truto_mapper.authoring.starting.names import is_usable, path_text
from truto_mapper.resource.field import Field
from truto_mapper.text.record import NamedTuple

_NUMBERS = {"integer", "number"}
SCALARS = _NUMBERS | {"string", "boolean"}

#: The words of names whose numbers may be moments, and the ranges of these: from 2001 to 2096.
_TIMES = words("time") | words("date") | words("timestamp") | words("created") | words("updated") | {"at"}
_SECONDS, _MILLISECONDS = (1_000_000_000, 4_000_000_000), (1_000_000_000_000, 4_000_000_000_000)

_PICTURES = {"month first": "[M01]/[D01]/[Y0001]", "day first": "[D01]/[M01]/[Y0001]"}


class Made(NamedTuple):
    """An expression, and what is to be verified about it. Without an expression, `note` says why there is none.

    `without` has the paths below the value that the expression leaves out.
    """

    expression: str | None
    note: str = ""
    without: tuple[tuple[str, ...], ...] = ()


def made_of(text: str, seen: Seen, wanted: Field, name: str = "") -> Made:
    """The expression that makes a field of the value `text`, which is called `name` in the sample."""
    if not seen.types:
        return Made(text, "always null in the sample, so its type is not known")
    if wanted.enum:
        return _listed(text, seen, wanted)
    return _MAKERS[wanted.type](text, seen, wanted, name)


def _guarded(text: str, call: str, seen: Seen) -> str:
    """A call that is made only for a value: most functions fail on null."""
    if seen.types == ["string"]:  # an empty text is no value either
        return f"{text} ? {call}" if seen.nulls else call
    return f"{text} != null ? {call}" if seen.nulls else call


def _unfit(seen: Seen, wanted: Field) -> Made:
    held, want = " or ".join(seen.types), wanted.format or wanted.type
    return Made(None, f"has the type {held} in the sample, but {want} is wanted")


# ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _text(text: str, seen: Seen, wanted: Field, name: str) -> Made:
    if wanted.format == "date-time":
        return moment(text, seen, name) or _unfit(seen, wanted)
    if wanted.format == "date":
        return _day(text, seen) or _unfit(seen, wanted)
    if wanted.format is not None:
        return Made(text) if seen.form == wanted.format else _unfit(seen, wanted)
    if seen.types == ["string"]:
        return Made(text)
    return Made(_guarded(text, f"$string({text})", seen)) if {*seen.types} <= SCALARS else _unfit(seen, wanted)


def moment(text: str, seen: Seen, name: str) -> Made | None:
    """A date-time with an offset; None if the sample does not hold moments."""
    zone = 'the sample\'s times have no offset; "Z" takes them as UTC'
    match seen.form:
        case "date-time":
            return Made(text)
        case "local":
            spaced = any(" " in value for _, value in seen.values if isinstance(value, str))
            plain = f'$replace({text}, " ", "T")' if spaced else text
            return Made(f'{text} ? {plain} & "Z"', zone)
        case "date":
            return Made(f'{text} ? {text} & "T00:00:00Z"', "the sample has days; this takes their first moment in UTC")
        case "month first" | "day first" if (day := _day(text, seen)) is not None and day.expression is not None:
            read = _guarded(text, f'$fromMillis($toMillis({text}, "{_PICTURES[seen.form]}"))', seen)
            return Made(read, "the sample has days; this takes their first moment in UTC")
    return _epoch(text, seen, name)


def _epoch(text: str, seen: Seen, name: str) -> Made | None:
    """The date-time of a number that counts seconds or milliseconds."""
    values = [value for kind, value in seen.values if kind == "integer"]
    is_named = bool(words(name) & _TIMES) or name.lower().endswith(("_at", "at", "_on", "ts"))
    if seen.types != ["integer"] or not is_named:
        return None
    for (low, high), factor, unit in ((_SECONDS, " * 1000", "seconds"), (_MILLISECONDS, "", "milliseconds")):
        if all(low <= value <= high for value in values):
            note = f"the sample has numbers that look like {unit} since 1970"
            return Made(_guarded(text, f"$fromMillis({text}{factor})", seen), note)
    return None


def _day(text: str, seen: Seen) -> Made | None:
    match seen.form:
        case "date":
            return Made(text)
        case "date-time" | "local":
            return Made(_guarded(text, f"$substring({text}, 0, 10)", seen), "the sample has date-times")
        case "month first" | "day first":
            if _PICTURES.keys() <= {*(seen.forms or ())}:
                return Made(None, "has days such as 01/02/2026, and the sample does not tell month from day")
            read = f'$fromMillis($toMillis({text}, "{_PICTURES[seen.form]}"), "[Y0001]-[M01]-[D01]")'
            return Made(_guarded(text, read, seen))
    return None


def _listed(text: str, seen: Seen, wanted: Field) -> Made:
    """A value of an enumeration: as it is, in another case, or from a table."""
    values = [value for kind, value in seen.values if kind != "null"]
    if not all(isinstance(value, str) for value in values) or not all(isinstance(one, str) for one in wanted.enum):
        return Made(text) if {*values} <= {*wanted.enum} and bool not in map(type, values) else _unfit(seen, wanted)
    shown = f"the sample has {len(values)} of the provider's values; look for others"
    for change, call in ((str, text), (str.lower, f"$lowercase({text})"), (str.upper, f"$uppercase({text})")):
        if {change(one) for one in values} <= {*wanted.enum}:
            return Made(_guarded(text, call, seen) if call != text else text, shown)
    table = {one: meant for one in values if (meant := _meant(one, wanted.enum)) is not None}
    others = ", ".join(json.dumps(one, ensure_ascii=False) for one in sorted({*values} - table.keys())[:5])
    if not table:
        return Made(None, f"has values that the resource does not list: {others}")
    call = f"$lookup({json.dumps(table, ensure_ascii=False)}, {text})"
    return Made(_guarded(text, call, seen), f"no counterpart for {others}" if others else shown)


def _meant(value: str, listed: tuple[str, ...]) -> str | None:
    return next((one for one in listed if words(one) == words(value) or one.casefold() == value.casefold()), None)


# ── Everything else ──────────────────────────────────────────────────────────────────────────────────────────────


def _number(text: str, seen: Seen, wanted: Field, _: str) -> Made:
    numbers = [value for _, value in seen.values if type(value) in (int, float)]
    if seen.form == "number":
        numbers = [float(value) for _, value in seen.values if value is not None]
    whole = all(float(one).is_integer() for one in numbers) if wanted.type == "integer" else True
    if not whole or (wanted.minimum is not None and min(numbers, default=wanted.minimum) < wanted.minimum):
        return _unfit(seen, wanted) if not whole else Made(None, f"is less than {wanted.minimum} in the sample")
    if seen.form == "number":
        return Made(_guarded(text, f"$number({text})", seen))
    return Made(text) if {*seen.types} <= _NUMBERS else _unfit(seen, wanted)


def _same(text: str, seen: Seen, wanted: Field, _: str) -> Made:
    return Made(text) if seen.types == [wanted.type] else _unfit(seen, wanted)


def _anything(text: str, _: Seen, __: Field, ___: str) -> Made:
    return Made(text)


def _object(text: str, seen: Seen, wanted: Field, _: str) -> Made:
    """An object that is written as an expression: each field that the sample has under the same name."""
    if not wanted.fields or seen.types != ["object"]:
        return _same(text, seen, wanted, "")
    pairs, without = dict[str, str](), list[tuple[str, ...]]()
    for name, inner in seen.fields.items():
        field = next((one for one in wanted.fields if words(one) == words(name)), None)
        made = Made(None)
        if field is not None and field not in pairs and is_usable(name):
            made = made_of(path_text([name]), inner, wanted.fields[field], name)
            pairs |= {field: made.expression} if made.expression is not None else {}
        without += [(name, *below) for below in (made.without if made.expression is not None else ((),))]
    missing = [name for name, one in wanted.fields.items() if one.required and name not in pairs]
    if missing or not pairs:
        return Made(None, f"has no {', '.join(missing)}" if missing else "has none of its fields")
    inside = ", ".join(f"{json.dumps(name)}: {expression}" for name, expression in pairs.items())
    return Made(_guarded(text, f"{text}.{{{inside}}}", seen), without=(*without,))


def _array(text: str, seen: Seen, wanted: Field, name: str) -> Made:
    """A list, item by item where they differ. The engine makes a list of a single value."""
    items = wanted.items or Field("any")
    if "array" not in seen.types:
        return _alone(text, seen, items, name)
    if seen.types != ["array"]:
        return _unfit(seen, wanted)
    inner = seen.items
    if inner is None or not inner.types:
        return Made(text)
    made = made_of("$", inner, items, name)
    if made.expression in (None, "$"):
        return made._replace(expression=made.expression and text)
    plain = made.expression.startswith("$.{")  # an object for each item
    call = text + made.expression[1:] if plain else f"{text}.({made.expression})"
    return Made(_guarded(text, call, seen), made.note, tuple(("[]", *below) for below in made.without))


def _alone(text: str, seen: Seen, items: Field, name: str) -> Made:
    """A value that becomes the only item of a list; of a list of objects, in the field that it is called like."""
    if not items.fields or "object" in seen.types:
        return made_of(text, seen, items, name)
    alike = [one for one in items.fields if words(one) == words(name) or one in ("value", "number", "address")]
    field = next(iter(alike), None)
    needed = {one for one, inner in items.fields.items() if inner.required}
    made = made_of(text, seen, items.fields[field], name) if field is not None and needed <= {field} else None
    if made is None or made.expression is None:
        return _unfit(seen, items)
    return Made(f"{text} ? [{{{json.dumps(field)}: {made.expression}}}]", made.note)


_MAKERS: dict[str, Callable[[str, Seen, Field, str], Made]] = {
    "string": _text,
    "integer": _number,
    "number": _number,
    "boolean": _same,
    "object": _object,
    "array": _array,
    "any": _anything,
}
