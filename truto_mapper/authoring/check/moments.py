"""Moments and the time between two: seconds for milliseconds, and the end taken from the start."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from truto_mapper.authoring.check.namesakes import Named
from truto_mapper.authoring.check.units import NOTHING, Use, factors_between, in_words, is_one, unit_of, uses
from truto_mapper.authoring.check.words import is_period
from truto_mapper.engine.request_schema import JSON
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.mapping.linked import every, leaves
from truto_mapper.text.diagnostics import Diagnostic

#: What milliseconds are multiplied by in other counts of time.
_MOMENTS = (1e-6, 0.001, 1, 1_000, 60_000, 3_600_000, 86_400_000)


def mistaken_moments(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C219, C225 and C245: what counts of seconds and milliseconds, and the times between them, are not."""
    yield from (*_other_counts(named), *_differences(named))


def _other_counts(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """Moments that one field gives in seconds, and another one in milliseconds."""
    found = {(id(use.path), said): (one, use, said) for one, use, said in _of_time(named)}.values()
    pool: dict[int, tuple[Expression, Use, float]] = {}
    described: set[int] = set()
    for one, use, said in found:
        factor = 1 / use.factor if use.function == "toMillis" else use.factor
        by_name = factors_between(unit_of(use.names[-1]), "ms", "") if not use.is_given else ()
        told = by_name or factors_between(said, "ms", "")
        if told and not is_one(factor, told):
            source = "by its name" if by_name else "by the provider's schema"
            message = f"a moment is made of milliseconds: {source} {in_words(told[0], use.text)}"
            yield one.diagnostic("C245", message, use.path, severity="warning", hint=None)
        elif not is_one(factor, _MOMENTS):
            message = f"a moment is a number of seconds or of milliseconds, and this is {in_words(use.factor, 'it')}"
            yield one.diagnostic("C245", message, use.path, severity="warning", hint="write `* 1000` for seconds")
        elif not by_name:
            pool[id(use.path)] = one, use, round(factor, 6)
            described |= {id(use.path)} if said else set()
    counted = Counter(factor for _, _, factor in pool.values()).most_common()
    usual = min(counted, key=lambda one: (-one[1], -one[0]))[0] if len(counted) > 1 else None
    others = sum(number for factor, number in counted if factor != usual)
    if others > 1 or (others == len(pool) - 1 and not _are_twins(named, [one for one, _, _ in pool.values()])):
        return  # a provider may have two units
    for key, (one, use, factor) in pool.items() if usual is not None else ():
        if factor != usual and key not in described:
            other = next(each.text for _, each, theirs in pool.values() if theirs == usual)
            message = f"`{use.text}` counts {_counted(factor)} here, and `{other}` {_counted(usual or 1)}"
            yield one.diagnostic("C245", message, use.path, severity="warning", hint=None)


def _differences(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """The time between two moments: the end taken from the start (C219), or in days as if it counted seconds."""
    for endpoint in (one.types.endpoint for one in named):
        lets = dict(endpoint.let)
        for _, one in every(endpoint):
            for node in one.below if "$toMillis(" in one.text or "$round(" in one.text else ():
                match node:
                    case nodes.Call(procedure=nodes.Variable(name="round"), arguments=(_, places)):
                        if (_number(places, lets) or 0) > _PLACES:
                            message = "argument 2 of $round is a number of decimal places"
                            yield one.diagnostic("C225", message, places, severity="warning", hint=None)
                    case nodes.Binary(operator="-", left=left, right=right) if _is_backwards(left, right):
                        message = "the start is before the end, so this is less than 0"
                        yield one.diagnostic("C219", message, node, severity="warning", hint="swap the two")
                    case nodes.Binary(operator="/", left=left, right=right) if _is_difference(left):
                        number = _number(right, lets)
                        if number in _OF_SECONDS:
                            message = f"the time between two moments counts milliseconds, and {number:g} are seconds"
                            hint = f"divide by {number * 1_000:.10g}"
                            yield one.diagnostic("C245", message, node, severity="warning", hint=hint)


#: As many decimal places has no double.
_PLACES = 20
#: How many seconds a minute, an hour, a day and a week have.
_OF_SECONDS = frozenset({60, 3_600, 86_400, 604_800})


def _is_backwards(left: Node, right: Node) -> bool:
    moments = [one.arguments[0] for one in (left, right) if _is_moment(one) and isinstance(one, nodes.Call)]
    names = [texts_of_names(one)[-1:] for one in moments]
    return len(names) == 2 and all(names) and is_period(names[0][0], names[1][0])


def _is_moment(node: Node) -> bool:
    return isinstance(node, nodes.Call) and getattr(node.procedure, "name", "") == "toMillis" and bool(node.arguments)


def _is_difference(node: Node) -> bool:
    """Whether a node is the time between two moments."""
    match node:
        case nodes.Block(expressions=(one,)):
            return _is_difference(one)
        case nodes.Binary(operator="-", left=left, right=right):
            return _is_moment(left) and _is_moment(right)
    return False


def _number(node: Node, lets: Mapping[str, Expression]) -> float | None:
    """A number that is written, computed of such, or a `let` of these."""
    match node:
        case nodes.Number(value=value):
            return value
        case nodes.Block(expressions=(one,)):
            return _number(one, lets)
        case nodes.Binary(operator="*", left=left, right=right):
            factors = _number(left, lets), _number(right, lets)
            return None if None in factors else math.prod(one or 0 for one in factors)
        case nodes.Variable(name=name) if name in lets:
            return _number(lets[name].node, {**lets, name: NOTHING})
    return None


def _are_twins(named: Sequence[Named], some: Sequence[Expression]) -> bool:
    """Whether some expressions are for when a record was created, and for when it was updated."""
    made = [each for one in named for each in leaves(one.types.endpoint.response)]
    names = {str(path[-1]) for path, _, each in made if path and any(each is one for one in some)}
    return {"created_at", "updated_at"} <= names


def _counted(factor: float) -> str:
    known: dict[float, str] = {1: "milliseconds", 1_000: "seconds", 60_000: "minutes"}
    return known.get(factor, "another unit")


def _of_time(named: Sequence[Named]) -> Iterator[tuple[Expression, Use, str]]:
    """What moments of the reply are made of, and what moments of the caller's become in a request.

    Each with the unit that the provider's schema tells, if it does.
    """
    for typed in (one.types for one in named):
        endpoint = typed.endpoint
        lets = dict(endpoint.let)
        for key, one in every(endpoint):
            if "illis(" not in one.text:
                continue
            for node in one.below if "fromMillis" in one.text else ():
                match node:
                    case nodes.Call(procedure=nodes.Variable(name="fromMillis"), arguments=(number, *_)):
                        made = (use for use in uses(number, lets, 1, "fromMillis") if not use.is_given)
                        yield from ((one, use, _counts(typed.described.of(typed.kind(use.path).path))) for use in made)
            if key in ("params", "body"):
                sent = (use for use in uses(one.node, {}) if use.function == "toMillis" and use.is_given)
                yield from ((one, use, "") for use in sent)


def _counts(forms: Iterable[JSON]) -> str:
    """Whether a moment counts `seconds` or `milliseconds`, by the descriptions and examples of a schema; else ""."""
    for form in forms:
        if told := _SINCE.search(str(form.get("description", ""))):
            return f"{told[1].lower()}s"
        shown = form.get("examples")
        for example in shown if isinstance(shown, list) else ():
            if isinstance(example, int | float):
                found = (unit for unit, (low, high) in _SHOWN.items() if low <= example < high)
                return next(found, "")
    return ""


#: What a description says that a moment counts; between which numbers a moment from 1990 to 2100 is.
_SINCE = re.compile(r"\b((?:milli)?second)s? (?:since|after|from) ", re.IGNORECASE)
_SHOWN = {"seconds": (6e8, 4e9), "milliseconds": (6e11, 4e12)}
