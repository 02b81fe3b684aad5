"""Numbers in another unit than their names say, than beside them, or than on the way back to the provider."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from truto_mapper.authoring.check.namesakes import Named
from truto_mapper.authoring.check.namings import Naming
from truto_mapper.authoring.check.words import parts
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import leading_names, texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.resource.field import Field
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Span

#: How many seconds, and how many units of a currency.
_TIMES = {"ms": 0.001, "millis": 0.001, "milliseconds": 0.001, "sec": 1, "secs": 1, "seconds": 1}
_TIMES |= {"s": 1, "mins": 60, "minutes": 60, "hrs": 3_600, "hours": 3_600}  # a day may have eight hours
_MONEY = {"cents": 0.01, "pence": 0.01, "minor": 0.01}
#: How many bytes. A kilobyte may have 1,000 of them, or 1,024.
_SIZES = {"byte": 0, "bytes": 0, "kb": 1, "kib": 1, "kilobytes": 1, "mb": 2, "mib": 2, "megabytes": 2}
_SIZES |= {"gb": 3, "gib": 3, "gigabytes": 3, "tb": 4, "tib": 4, "terabytes": 4}
#: How many meters, and how many grams.
_LENGTHS = {"mm": 0.001, "cm": 0.01, "meters": 1, "metres": 1, "km": 1_000, "kilometers": 1_000, "kilometres": 1_000}
_LENGTHS |= {"miles": 1_609.344}
_WEIGHTS = {"grams": 1, "kg": 1_000, "kilograms": 1_000}
#: How many of one.
_SHARES = {"percent": 0.01, "percentage": 0.01, "pct": 0.01, "ratio": 1, "fraction": 1}
#: Units of which a name, or a description, says that a number is in them.
_FIXED = (_TIMES, _LENGTHS, _WEIGHTS, _SHARES)
_NOT_MONEY = frozenset(_SIZES).union(*_FIXED)
_ROUNDING = frozenset({"round", "floor", "ceil", "abs", "number", "sum", "max", "min", "average"})
#: Functions that take something off a text.
_CUTTING = frozenset({"replace", "trim", "substringBefore", "substringAfter"})
_SAID_SHARES = {
    "percent": re.compile(r"\b0 (?:to|and|-) 100\b"),
    "fraction": re.compile(r"\b0 (?:to|and|-) 1\b(?![.,]?\d)|\ba fraction\b", re.IGNORECASE),
}
_IN_WORDS = re.compile(
    r"\bin (\w+)\b|^\s*(?:the |number of |how many )?(\w+)(?=[.;,]|$| (?:that|of|since|until|between)\b)", re.IGNORECASE
)
_SMALL = re.compile(r"(?<!not in )\b(cents|pence|minor|smallest)\b", re.IGNORECASE)
_GIVEN = ("query", "body")


class Use(NamedTuple):
    """A path that decides a number, what it is multiplied by, and the function of time around it, if there is one."""

    path: Node
    factor: float
    function: str = ""

    @property
    def names(self) -> list[str]:
        return texts_of_names(self.path)

    @property
    def text(self) -> str:
        """The path as it is written, without predicates."""
        is_variable = isinstance(leading_names(self.path)[0], nodes.Variable)
        return f"{'$' * is_variable}{dotted(self.names)}"

    @property
    def is_given(self) -> bool:
        """Whether a caller gives it."""
        first = leading_names(self.path)[0]
        return isinstance(first, nodes.Variable) and first.name in _GIVEN


def uses(node: Node, lets: Mapping[str, Expression], factor: float = 1, function: str = "") -> Iterator[Use]:
    """The paths that a node is a sum of, or chooses from; none for what is computed in another way."""
    match node:
        case nodes.Binary(operator="*" | "/" as operator, left=one, right=nodes.Number(value=value)) if value:
            yield from uses(one, lets, factor * value if operator == "*" else factor / value, function)
        case nodes.Binary(operator="*", left=nodes.Number(value=value), right=one) if value:
            yield from uses(one, lets, factor * value, function)
        case nodes.Binary(operator="+" | "-", left=one, right=other) | nodes.Coalesce(left=one, right=other):
            yield from (*uses(one, lets, factor, function), *uses(other, lets, factor, function))
        case nodes.Condition(then=one, otherwise=other):
            yield from uses(one, lets, factor, function)
            yield from uses(other, lets, factor, function) if other is not None else ()
        case nodes.Block(expressions=(one,)) | nodes.Step(node=one, group=None):
            yield from uses(one, lets, factor, function)
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(one, *_)) if name in _ROUNDING | _CUTTING:
            yield from uses(one, lets, factor, function)
        case nodes.Call(procedure=nodes.Variable(name="fromMillis" | "toMillis" as name), arguments=(one,)):
            yield from uses(one, lets, factor, name) if not function else ()
        case nodes.Variable(name=name):
            yield from uses(lets[name].node, {**lets, name: NOTHING}, factor, function) if name in lets else ()
            yield from () if name else (Use(node, factor, function),)
        case nodes.Path(group=None):
            yield from _of_path(node, factor, function)


def _of_path(path: nodes.Path, factor: float, function: str) -> Iterator[Use]:
    """A path of names, or one whose last step computes something of each item: `alerts.($ / 60)`."""
    names, rest, last = len(leading_names(path)), path.steps[:-1], path.steps[-1].node
    if names == len(path.steps):
        yield Use(path, factor, function)
    elif names == len(rest) and isinstance(last, nodes.Block | nodes.Call):
        for use in uses(last, {}, factor, function):
            if use.path == _ITEM:
                yield Use(nodes.Path(path.span, rest), use.factor, use.function)


NOTHING, _ITEM = Expression("null"), nodes.Variable(Span(0, 0), "")


def mistaken_units(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C245: what the names, the times beside it, and the request that writes it back say of a number."""
    yield from _cents(named)
    for one in named:
        described = _descriptions(one.mapper.resource.fields)
        lets = dict(one.types.endpoint.let)
        for group in one.namings.groups:
            for naming in group.namings if group.kind not in ("let", "page", "items") else ():
                yield from _by_name(naming, one, lets, described)
    for one in named[:1]:
        yield from _retry_after(one.mapper.mapping.errors)


def _by_name(
    naming: Naming, named: Named, lets: Mapping[str, Expression], described: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """A number whose name, or that of what it is made of, has the name of a unit."""
    name = str(naming.path[-1])
    mine = unit_of(name, described.get(name, ""))
    if not mine and not any(unit_of(source.name) for source in naming.sources):
        return
    yield from _of_difference(naming, mine) if mine in _TIMES else ()
    for use in uses(naming.node, lets):
        kind = types.item_of(named.types.kind(use.path))
        units = [*_units(use.names[-1], named.types.described.description(kind.path) if mine else "")]
        if not units and not use.is_given:  # a provider's number may be in any unit
            if mine in _TIMES and not use.function and not _is_time(use.factor * _TIMES[mine]):
                told = in_words(use.factor, use.text)
                message = f"`{naming.name}` is in {mine}, and there is no unit of time of which {told} makes them"
                yield naming.diagnostic("C245", message)
            continue
        description = described.get(use.names[-1] if use.is_given else name, "")
        expected = next((each for unit in units or [""] if (each := factors_between(unit, mine, description))), ())
        is_number = kind.solid <= types.NUMBER.kinds or ("$number(" in naming.expression.text and kind.path)
        if is_number and not use.function and expected and not is_one(use.factor, expected):
            told = in_words(expected[0], use.text)
            message = f"`{naming.name}` is {in_words(use.factor, use.text)}, and the names say {told}"
            yield naming.diagnostic("C245", message)


def _is_time(seconds: float) -> bool:
    """Whether a unit of time has so many seconds."""
    return is_one(seconds, (1e-9, 1e-6, 86_400, 604_800, *_TIMES.values()))


def _of_difference(naming: Naming, unit: str) -> Iterator[Diagnostic]:
    """The time between two moments, `$toMillis(a) - $toMillis(b)`, which is in milliseconds."""
    expected = _TIMES["ms"] / _TIMES[unit]
    for one in nodes.walk(naming.node):
        match one:
            case nodes.Binary(
                operator="-",
                left=nodes.Call(procedure=nodes.Variable(name="toMillis")),
                right=nodes.Call(procedure=nodes.Variable(name="toMillis")),
            ):
                factor = _factor(naming.node, one)
                if factor is not None and not is_one(factor, (expected,)):
                    told = in_words(expected, "milliseconds")
                    message = f"`{naming.name}` is {in_words(factor, 'milliseconds')}, and the names say {told}"
                    yield naming.diagnostic("C245", message)


def _factor(node: Node | None, part: Node) -> float | None:
    """What a part of a node is multiplied by; None where the node is not made of it so."""
    match node:
        case _ if node is part:
            return 1
        case nodes.Binary(operator="*" | "/" as operator, left=one, right=nodes.Number(value=value)) if value:
            factor = _factor(one, part)
            return factor and (factor * value if operator == "*" else factor / value)
        case nodes.Condition(then=one, otherwise=other):
            return _factor(one, part) or _factor(other, part)
        case nodes.Block(expressions=(one,)):
            return _factor(one, part)
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(one, *_)) if name in _ROUNDING:
            return _factor(one, part)
    return None


def factors_between(unit: str, mine: str, description: str) -> tuple[float, ...]:
    """What a number of a unit may be multiplied by where another one is wanted; nothing if the units do not tell."""
    for known in _FIXED:
        if unit in known and mine in known:
            return (known[unit] / known[mine],)
    if unit in _SIZES and mine in _SIZES:
        return 1_024.0 ** (_SIZES[unit] - _SIZES[mine]), 1_000.0 ** (_SIZES[unit] - _SIZES[mine])
    if (unit in _MONEY or mine in _MONEY) and not _SMALL.search(description) and not {unit, mine} & _NOT_MONEY:
        return (_MONEY.get(unit, 1) / _MONEY.get(mine, 1),)
    return ()


def is_one(factor: float, expected: Iterable[float]) -> bool:
    """Whether a factor is one of those that are expected."""
    return any(math.isclose(factor, one, rel_tol=1e-6) for one in expected)


def unit_of(name: str, description: str = "") -> str:
    """The unit that a name has, or that a description tells; "" if there is none."""
    return next(_units(name, description), "")


def _units(name: str, description: str) -> Iterator[str]:
    for one in parts(name) if "per" not in parts(name) else ():
        if one in _NOT_MONEY or (one in _MONEY and (one != "minor" or "version" not in name)):
            yield one
    told = (one.lower() for found in _IN_WORDS.findall(description) for one in found if one)
    yield from (one for one in told if any(one in known for known in _FIXED))
    yield from (share for share, said in _SAID_SHARES.items() if said.search(description))


def in_words(factor: float, read: str) -> str:
    if math.isclose(factor, 1):
        return f"`{read}` itself"
    is_more = factor > 1
    number = round(factor if is_more else 1 / factor, 6)
    return f"`{read} {'*' if is_more else '/'} {number:.10g}`"


def _descriptions(fields: Mapping[str, Field]) -> dict[str, str]:
    """The descriptions of fields, by their names."""
    found: dict[str, str] = {}
    for name, field in fields.items():
        found |= {**_descriptions(field.below), name: f"{found.get(name, '')} {field.description or ''}"}
    return found


def _cents(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """Amounts that the provider's schema gives in cents, one of which becomes another unit than the others."""
    found: dict[tuple[int, int], tuple[Naming, Use]] = {}
    for one in named:
        lets = dict(one.types.endpoint.let)
        described = _descriptions(one.mapper.resource.fields)
        namings = (each for kind in ("record", "object") for each in one.namings.of(kind))
        for naming in (each for each in namings if not _is_small(str(each.path[-1]), described)):
            for use in (each for each in uses(naming.node, lets) if not each.is_given and not each.function):
                forms = one.types.described.of(one.types.kind(use.path).path)
                if any(_IN_CENTS.search(str(form.get("description", ""))) for form in forms):
                    found.setdefault((id(naming.node), id(use.path)), (naming, use))
    counted = Counter(round(use.factor, 6) for _, use in found.values()).most_common(1)
    usual, often = counted[0] if counted else (1, 0)
    others = [one for one in found.values() if not is_one(one[1].factor, (usual,))]
    for naming, use in others if len(others) * _USUAL <= often else ():
        given = in_words(use.factor, use.text)
        message = f"`{naming.name}` is {given}, and {often} other amounts in cents are {in_words(usual, '…')}"
        yield naming.diagnostic("C245", message)


def _is_small(name: str, described: Mapping[str, str]) -> bool:
    """Whether a unified field is in cents, too."""
    return unit_of(name) in _MONEY or bool(_SMALL.search(described.get(name, "")))


#: What a description says of cents, and how many amounts have to be in one unit for each in another one.
_IN_CENTS = re.compile(r"\bin (?:the )?(?:cents|pence|hundredths|minor unit|smallest unit)", re.IGNORECASE)
_USUAL = 2


def _retry_after(errors: Mapping[str, Expression]) -> Iterator[Diagnostic]:
    """What `retry_after` is made of, and the header `retry-after`: they count seconds."""
    one = errors.get("retry_after")
    for use in uses(one.node, {}) if one is not None else ():
        name = use.names[-1]
        expected = (1.0,) if name == "retry-after" else factors_between(unit_of(name), "seconds", "")
        if one is not None and expected and not use.function and not is_one(use.factor, expected):
            by_name = in_words(expected[0], use.text)
            message = f"`retry_after` counts seconds: by its name {by_name}, and not {in_words(use.factor, use.text)}"
            yield one.diagnostic("C245", message, use.path, severity="warning", hint=None)


def factor_of(naming: Naming, lets: Iterable[tuple[str, Expression]]) -> tuple[float, bool] | None:
    """What the one path of a naming is multiplied by, and whether it becomes a moment; None if that is not known."""
    found = list(uses(naming.node, dict(lets)))
    return (found[0].factor, bool(found[0].function)) if len(found) == 1 else None
