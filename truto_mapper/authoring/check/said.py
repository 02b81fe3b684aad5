"""Conditions, against what the message says that they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.words import is_period, words
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath, leading_names, texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint, every, of_requests
from truto_mapper.text.diagnostics import Diagnostic

_GIVEN = ("query", "context", "body")
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
#: How many of a unit another one has: days, hours, seconds, thousands of bytes.
_UNITS = (7, 24, 60, 1_000, 1_024)
#: How many seconds.
_TIMES = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_COUNTED = re.compile(rf"(\d+)(?: ({'|'.join(_TIMES)})s?\b)?")
#: What a message says is right, each with the operator that finds what is not.
_LIMITS = [
    (r"(?:at most|no more than|not more than|up to|maximum(?: of)?|limit(?:ed)? (?:to|of)) {}", ">"),
    (r"(?:at least|no (?:less|fewer) than|minimum(?: of)?) {}", "<"),
    (r"(?:more|greater|longer|larger) than {}|(?:over|above|exceeds?) {}", ">"),
    (r"(?:fewer|less|shorter|smaller) than {}|(?:under|below) {}", "<"),
    (r"(?:needs?|have|has|must be|requires?|takes?) {} (?:\w+ )?or more", "<"),
    (r"(?:have|has|must be|takes?) {} (?:\w+ )?or (?:fewer|less)", ">"),
]
#: What a message says of a list without items.
_EMPTY = re.compile(r"\bempty\b|\b(?:leave|omit)\b.*\b(?:it|them|out)\b", re.IGNORECASE)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBERS = {word: str(number) for number, word in enumerate(_WORDS, 2)}


def disagreeing(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C248: a refusal whose condition is true for other queries than its message says.

    What other endpoints send, too, they share by an alias: a part of it may be refused by one of them.
    """
    endpoint, others = typed.endpoint, typed.mapper.mapping.endpoints
    shared = {(one.source, one.span) for other in others if other is not endpoint for one in of_requests(other)}
    own = [one for one in of_requests(endpoint) if (one.source, one.span) not in shared]
    for one in (each for each in (endpoint.query_error, endpoint.query_note) if each is not None):
        for node in one.below:
            if isinstance(node, nodes.Condition):
                yield from _of_condition(endpoint, own, one, node)


def _of_condition(
    endpoint: Endpoint, own: Sequence[Expression], expression: Expression, node: nodes.Condition
) -> Iterator[Diagnostic]:
    said = " ".join(one.value for one in nodes.walk(node.then) if isinstance(one, nodes.String))
    test = node.condition
    if isinstance(test, nodes.Binary) and test.operator == "and":
        yield from _refused_together(endpoint, expression, test)
    yield from _refused_though_sent(endpoint, own, expression, test)
    for side in nodes.conjuncts(test):
        if isinstance(side, nodes.Binary) and side.operator in _TURNED:
            yield from _judged(expression, side, said)
            if expression is endpoint.query_error:
                yield from _right_order(expression, side)
        yield from (*_part_only(expression, side), *_refused_without(expression, side, said))
        if _EMPTY.search(said):
            yield from _absent(expression, side, test)


def _right_order(expression: Expression, test: nodes.Binary) -> Iterator[Diagnostic]:
    """A refusal of what begins before it ends: `$from < $to ? …`."""
    first, last = (test.left, test.right) if test.operator in ("<", "<=") else (test.right, test.left)
    if is_period(_name(first), _name(last)):
        message = f"this refuses each query in which `{_name(first)}` is before `{_name(last)}`"
        hint = f"write `{_TURNED[test.operator]}`"
        yield expression.diagnostic("C248", message, test, severity="warning", hint=hint)


def _absent(expression: Expression, side: Node, test: Node) -> Iterator[Diagnostic]:
    """`$count(a) = 0` for a list that is empty, though it is true of an absent one, too."""
    match side:
        case nodes.Binary(
            operator="=",
            left=nodes.Call(procedure=nodes.Variable(name="count"), arguments=(given,)),
            right=nodes.Number(value=0),
        ) if leading_names(given) and all(_existing(one) != read_by(given) for one in nodes.conjuncts(test)):
            message = "this refuses an absent list, too, and the message speaks only of an empty one"
            text = expression.text[given.span.start : given.span.end]
            hint = f"write `$exists({text}) and …`"
            yield expression.diagnostic("C248", message, side, severity="warning", hint=hint)


def _part_only(expression: Expression, test: Node) -> Iterator[Diagnostic]:
    """A form that a part of the text has to have, and all of it is meant: `$not($contains($query.code, /[A-Z]+/))`."""
    match test:
        case nodes.Call(
            procedure=nodes.Variable(name="not"),
            arguments=(
                nodes.Call(
                    procedure=nodes.Variable(name="contains"), arguments=(_, nodes.Regex(pattern=pattern) as form)
                ),
            ),
        ) if pattern[-1:] in ("+", "*", "}") and not pattern.startswith("^"):
            message = "a text with such a part passes, whatever is around it"
            hint = f"write `/^{pattern}$/` for the whole text"
            yield expression.diagnostic("C248", message, form, severity="warning", hint=hint)


def _refused_without(expression: Expression, side: Node, said: str) -> Iterator[Diagnostic]:
    """`$not($exists($query.owner)) ? "`owner` cannot be …"`: what is refused is that it is absent."""
    match side:
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(inner,)) if asked := (
            _existing(inner) or read_by(inner)
        ):
            if re.search(rf"\b{re.escape(asked[1])}\b\W (?:cannot|can't|is not|isn't|has no)\b", said):
                message = f"this refuses the queries without `{asked[1]}`, and the message speaks of those with it"
                yield expression.diagnostic("C248", message, side, severity="warning", hint="remove `$not`")


def _refused_together(endpoint: Endpoint, expression: Expression, test: nodes.Binary) -> Iterator[Diagnostic]:
    """What is refused only if all of it is there, though nothing else reads any of it."""
    asked = [_existing(side) for side in nodes.conjuncts(test)]
    others = (one for key, one in every(endpoint) if key not in ("query_error", "query_note"))
    read = _read(others) if all(asked) else set()
    if all(asked) and read.isdisjoint(asked) and not {path[:1] for path in asked} & read:
        message = "this refuses only who gives all of these, and nothing else reads any of them"
        yield expression.diagnostic("C248", message, test, severity="warning", hint="write `or`")


def _read(some: Iterable[Expression]) -> set[NamePath]:
    """The parameters, settings and fields of the body that expressions read."""
    return {read.path[:2] for one in some for read in reads(one)}


def _refused_though_sent(
    endpoint: Endpoint, own: Sequence[Expression], expression: Expression, test: Node
) -> Iterator[Diagnostic]:
    """A parameter or a setting that is refused wherever it is given, and that the request reads."""
    asked = _existing(test)
    if asked and expression is endpoint.query_error and asked in _read(own):
        message = f"this refuses every query with `{asked[1]}`, which the request reads"
        yield expression.diagnostic(
            "C248", message, test, severity="warning", hint="write `$not(…)`, or do not read it"
        )


def _existing(test: Node) -> tuple[str, ...]:
    """The parameter, setting or field of the body that `$exists($query.…)` asks for; empty for any other test."""
    match test:
        case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(nodes.Path() as path,)):
            return read_by(path)
    return ()


def read_by(path: Node) -> tuple[str, ...]:
    """The parameter, setting or field of the body that a path leads to; empty for any other."""
    names = leading_names(path)
    root = names[0].name if names and isinstance(names[0], nodes.Variable) else ""
    return (root, str(getattr(names[1], "value", ""))) if root in _GIVEN and names[1:] else ()


def _judged(expression: Expression, test: nodes.Binary, said: str) -> Iterator[Diagnostic]:
    operator = test.operator
    expected = None
    yield from _other_number(expression, test, said)
    if isinstance(test.right, nodes.Number):
        expected = _limit(said, f"{test.right.value}")
        yield from _negative(expression, test)
    elif isinstance(test.left, nodes.Number):
        expected, operator = _limit(said, f"{test.left.value}"), _TURNED[operator]
    else:
        expected = _order(said, _name(test.left), _name(test.right))
    if expected is not None and operator != expected:
        message = f"this refuses what is `{operator}`, and the message says what `{expected}` refuses"
        yield expression.diagnostic("C248", message, test, severity="warning", hint=f"write `{expected}`")


def _negative(expression: Expression, test: nodes.Binary) -> Iterator[Diagnostic]:
    """The end of a period taken from its start: that is never more than a number."""
    match test:
        case nodes.Binary(
            operator=">" | ">=",
            left=nodes.Binary(operator="-", left=first, right=last),
            right=nodes.Number(value=limit),
        ) if limit > 0:
            names = [
                " ".join(each.value for each in nodes.walk(one) if isinstance(each, nodes.Name))
                for one in (first, last)
            ]
            if words("start") <= words(names[0]) and words("end") <= words(names[1]):
                message = "the start is before the end, so this is less than 0"
                yield expression.diagnostic("C248", message, test.left, severity="warning", hint="swap the two")


def _other_number(expression: Expression, test: nodes.Binary, said: str) -> Iterator[Diagnostic]:
    """A number that is not the one of the message."""
    numbers = _COUNTED.findall(said.replace(",", ""))
    number, unit = numbers[0] if len(numbers) == 1 else ("", "")
    for side in (test.left, test.right):
        if number and isinstance(side, nodes.Number) and _differ(side.value, int(number), unit):
            message = f"this compares with {side.value}, and the message says {number}{f' {unit}s' if unit else ''}"
            hint = None if unit else f"write `{number}`"
            yield expression.diagnostic("C248", message, side, severity="warning", hint=hint)


def _differ(one: float, other: int, unit: str) -> bool:
    """Whether two numbers are not the same, nor in two units, as 2 hours and 120 minutes are."""
    if unit:
        return all(abs(one - other * _TIMES[unit] / each) > 1 for each in (0.001, *_TIMES.values()))
    small, large = sorted((one, other))
    is_multiple = small > 0 and any(large % (small * unit) == 0 for unit in _UNITS)
    return large - small > 1 and not is_multiple


def _limit(said: str, number: str) -> str | None:
    """The operator that finds what a message about a number refuses."""
    said = re.sub(r"\b[a-z]+\b", lambda word: _NUMBERS.get(word[0], word[0]), said)
    for pattern, operator in _LIMITS:
        if re.search(rf"\b(?:{pattern.format(*[re.escape(number)] * pattern.count('{}'))})\b", said, re.IGNORECASE):
            return operator
    return None


def _order(said: str, left: str, right: str) -> str | None:
    """The operator between two names of which a message says that one is after the other: `from is after to`."""
    for first, second, swapped in ((left, right, False), (right, left, True)) if left and right else ():
        names = [re.escape(one) for one in (first, second)]
        told = re.search(rf"\b{names[0]}\b (is|must be|has to be) (after|later|before|earlier)\b.*\b{names[1]}\b", said)
        if told is not None:
            is_wrong = told[1] == "is"
            is_greater = ((told[2] in ("after", "later")) is is_wrong) is not swapped
            return (">" if is_greater else "<") + "=" * (not is_wrong)
    return None


def _name(node: Node) -> str:
    """The last name of a path, or the name of a variable."""
    names = texts_of_names(node)
    return names[-1] if names else ""
