"""Operations that are valid, but were probably meant otherwise; found without any types."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from truto_mapper.authoring.check.calls import Slip
from truto_mapper.language import nodes
from truto_mapper.language.names import is_simple_path
from truto_mapper.text.source import Span

_NOTHING = nodes.Number(Span(0, 0), 0)
#: Operators with which nobody holds a value against itself.
_DIFFERING = frozenset({"-", "/", "%", "=", "!=", "<", "<=", ">", ">=", "and", "or", "in"})
_OTHER = "one of them should be another value"


def mistaken_operation(node: nodes.Binary | nodes.Condition, text: Callable[[nodes.Node], str]) -> Iterator[Slip]:
    """The slips of an operation. `text` gives the text of a node."""
    if isinstance(node, nodes.Condition):
        yield from _divided_by_zero(node, text)
        return
    yield from _of_one_value(node, text)
    yield from (*_divided_first(node, text), *_comparing(node, text), *_rounded_first(node, text))


def _of_one_value(node: nodes.Binary, text: Callable[[nodes.Node], str]) -> Iterator[Slip]:
    """`a - a`, and `a * 0`."""
    operator, left, right = node.operator, node.left, node.right
    is_doubled = operator == "+" and isinstance(left, nodes.Path) and is_simple_path(left)
    if left == right and (operator in _DIFFERING or is_doubled):
        yield "C219", node, f"both sides of `{operator}` are `{text(left)}`", _OTHER
    elif operator == "*" and _NOTHING in (left, right):
        yield "C219", node, "this is always 0", "remove `* 0`"


def _divided_first(node: nodes.Binary, text: Callable[[nodes.Node], str]) -> Iterator[Slip]:
    """`f(a) - f(b) / n`, of which only the second is divided."""
    match node.left, node.right:
        case (
            nodes.Call(procedure=nodes.Variable(name=one)),
            nodes.Binary(
                operator="/" | "*" as operator,
                left=nodes.Call(procedure=nodes.Variable(name=other)),
                right=nodes.Number() | nodes.Variable() as right,
            ) as whole,
        ) if node.operator in ("+", "-") and one == other:
            message = f"`{operator}` comes before `{node.operator}`: only `{text(whole)}` is computed so"
            yield "C219", node, message, f"write `(… {node.operator} …) {operator} {text(right)}`"


def _comparing(node: nodes.Binary, text: Callable[[nodes.Node], str]) -> Iterator[Slip]:
    """`$sum = $sum + 1`, which compares."""
    match node:
        case nodes.Binary(
            operator="=", left=nodes.Variable() as one, right=nodes.Binary(operator="+" | "-" | "*" | "&" as operator)
        ) if one in (node.right.left, node.right.right):  # type: ignore[union-attr]  # it is the Binary above
            hint = f"write `{text(node.right)}`, or bind it: `{text(one)} := …`"
            yield "C219", node, f"`=` compares `{text(one)}` with what `{operator}` makes of it", hint


def _rounded_first(node: nodes.Binary, text: Callable[[nodes.Node], str]) -> Iterator[Slip]:
    """`$round(price) * 100`, which loses the cents."""
    match node:
        case nodes.Binary(
            operator="*",
            left=nodes.Call(procedure=nodes.Variable(name="round" | "floor" | "ceil"), arguments=(one,)),
            right=nodes.Number(value=times),
        ) if is_simple_path(one) and times in _SCALES:
            hint = f"write `$round({text(one)} * {times:g})`"
            yield "C219", node, f"`{text(one)}` is rounded before it is multiplied", hint


#: What a unit has of a smaller one that is a decimal part of it.
_SCALES = (10, 100, 1_000, 1_000_000)


def _divided_by_zero(node: nodes.Condition, text: Callable[[nodes.Node], str]) -> Iterator[Slip]:
    """`hours >= 0 ? km / hours`, which divides by 0, too."""
    for test in nodes.walk(node.condition):
        match test:
            case nodes.Binary(operator=">=", left=left, right=right) if right == _NOTHING and any(
                isinstance(one, nodes.Binary) and one.operator in "/%" and one.right == left
                for one in nodes.walk(node.then)
            ):
                message = f"this holds where `{text(left)}` is 0, too, by which nothing can be divided"
                yield "C219", test, message, f"write `{text(left)} > 0`"
