"""Values that are asked for only to give another value in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.slips import written
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import every
from truto_mapper.text.diagnostics import Diagnostic


def mistaken_guards(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C232: `a.end ? f(a.start)`, where `a.end` is a value of the same type that nothing else reads."""
    every_one = {id(one): one for _, one in every(typed.endpoint)}.values()
    asked = {id(side) for one in every_one for node in nodes.walk(one.node) for side in _asked(node)}
    used = {
        node for one in every_one for node in nodes.walk(one.node) if is_simple_path(node) and id(node) not in asked
    }
    for one in every_one if asked else ():
        for node in nodes.walk(one.node):
            if isinstance(node, nodes.Condition) and node.otherwise is None:
                yield from _mistaken(typed, one, node, [side for side in _asked(node) if side not in used])


def _asked(node: nodes.Node) -> Sequence[nodes.Node]:
    """The path of which a condition asks whether it has a value."""
    test = node.condition if isinstance(node, nodes.Condition) else None
    match test:
        case nodes.Binary(operator="!=", left=one, right=nodes.Value(value=None)):
            test = one
        case nodes.Call(procedure=nodes.Variable(name="exists" | "boolean"), arguments=(one,)):
            test = one
    return [test] if isinstance(test, nodes.Path) and is_simple_path(test) else []


def _mistaken(
    typed: EndpointTypes, expression: Expression, node: nodes.Condition, tested: Sequence[nodes.Node]
) -> Iterator[Diagnostic]:
    paths = [one for one in nodes.walk(node.then) if isinstance(one, nodes.Path) and is_simple_path(one)]
    for one in (each for each in tested if isinstance(each, nodes.Path)):
        beside = [each for each in paths if each.steps[:-1] == one.steps[:-1]]
        read = beside[0] if len(beside) == 1 else None
        if read is not None and _are_alike(typed, one, read):
            text, other = written(expression, one), written(expression, read)
            message = f"`{text}` is only asked for, and `{other}` is given where it has a value"
            yield expression.diagnostic("C232", message, read, severity="warning", hint=f"did you mean `{text}`?")


def _are_alike(typed: EndpointTypes, one: nodes.Path, other: nodes.Path) -> bool:
    """Whether two paths lead to scalars of one type; the other is always there, or is what a caller gives, too."""
    kinds = [typed.kind(each) for each in (one, other)]
    roots = {getattr(each.steps[0].node, "name", "") for each in (one, other)}
    is_apart = one != other
    return (
        is_apart
        and _is_plain(kinds[0])
        and kinds[0].solid == kinds[1].solid
        and (roots <= {"query", "body"} or not kinds[1].kinds - kinds[1].solid)
    )


def _is_plain(kind: Type) -> bool:
    return bool(kind.solid) and kind.solid <= {"string", "integer", "number"} and kind.values is None
