"""Conditions, against what the message says that they lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import leading_names
from truto_mapper.language.nodes import Node
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
#: How many of a unit another one has: days, hours, seconds, thousands of bytes.
_UNITS = (7, 24, 60, 1_000, 1_024)
#: What a message says is right, each with the operator that finds what is not.
_LIMITS = [
    (r"(?:at most|no more than|not more than|up to|maximum(?: of)?|limit(?:ed)? (?:to|of)) {}", ">"),
    (r"(?:at least|no (?:less|fewer) than|minimum(?: of)?) {}", "<"),
    (r"(?:more|greater|longer|larger) than {}|(?:over|above|exceeds?) {}", ">"),
    (r"(?:fewer|less|shorter|smaller) than {}|(?:under|below) {}", "<"),
]


def disagreeing(endpoint: Endpoint) -> Iterator[Diagnostic]:
    """C248: a refusal whose condition is true for other queries than its message says."""
    for one in (endpoint.query_error, endpoint.query_note):
        for node in nodes.walk(one.node) if one is not None else ():
            test = node.condition if isinstance(node, nodes.Condition) else None
            if one is not None and isinstance(test, nodes.Binary) and test.operator in _TURNED:
                below = nodes.walk(node.then) if isinstance(node, nodes.Condition) else ()
                said = " ".join(each.value for each in below if isinstance(each, nodes.String))
                yield from _judged(one, test, said)


def _judged(expression: Expression, test: nodes.Binary, said: str) -> Iterator[Diagnostic]:
    operator = test.operator
    expected = None
    yield from _other_number(expression, test, said)
    if isinstance(test.right, nodes.Number):
        expected = _limit(said, f"{test.right.value}")
    elif isinstance(test.left, nodes.Number):
        expected, operator = _limit(said, f"{test.left.value}"), _TURNED[operator]
    else:
        expected = _order(said, _name(test.left), _name(test.right))
    if expected is not None and operator != expected:
        message = f"this refuses what is `{operator}`, and the message says what `{expected}` refuses"
        yield expression.diagnostic("C248", message, test, severity="warning", hint=f"write `{expected}`")


def _other_number(expression: Expression, test: nodes.Binary, said: str) -> Iterator[Diagnostic]:
    """A number that is not the one of the message."""
    numbers = re.findall(r"\d+", said.replace(",", ""))
    for side in (test.left, test.right):
        if isinstance(side, nodes.Number) and len(numbers) == 1 and _differ(side.value, int(numbers[0])):
            message = f"this compares with {side.value}, and the message says {numbers[0]}"
            yield expression.diagnostic("C248", message, side, severity="warning", hint=f"write `{numbers[0]}`")


def _differ(one: float, other: int) -> bool:
    """Whether two numbers are not the same, nor in two units, as 2 hours and 120 minutes are."""
    small, large = sorted((one, other))
    is_multiple = small > 0 and any(large % (small * unit) == 0 for unit in _UNITS)
    return large - small > 1 and not is_multiple


def _limit(said: str, number: str) -> str | None:
    """The operator that finds what a message about a number refuses."""
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
            is_greater = (told[2] in ("after", "later")) is is_wrong is not swapped
            return (">" if is_greater else "<") + "=" * (not is_wrong)
    return None


def _name(node: Node) -> str:
    names = leading_names(node)
    return str(getattr(names[-1], "value", "")) if names else ""
