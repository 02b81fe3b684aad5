"""Texts that are joined of values: in the order that their names tell, with something between them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.words import words
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path, texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.mapping.linked import every, expressions
from truto_mapper.text.diagnostics import Diagnostic

_KEEPING = ("string", "trim", "lowercase", "uppercase")
_OF_NAMES = words("first") | words("last") | words("middle") | words("name")


def mistaken_texts(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C231: the last name before the first. C219: two values with nothing between them."""
    endpoint = typed.endpoint
    yield from _run_together(typed)
    made = [*(one for _, one in endpoint.let), *expressions(endpoint.response)]
    for one in {id(one): one for one in made if "&" in one.text or "$join" in one.text}.values():
        inner: set[int] = set()
        for node in one.below:
            if isinstance(node, nodes.Binary) and node.operator == "&" and id(node) not in inner:
                inner |= {id(below) for below in nodes.walk(node) if isinstance(below, nodes.Binary)}
                yield from _judged(one, list(_parts(node)))
                yield from _repeated(one, list(_parts(node)))
            match node:
                case nodes.Call(procedure=nodes.Variable(name="join"), arguments=(items, *_)):
                    yield from _repeated(one, [each for array in _arrays(items) for each in array.items])


def _arrays(node: Node) -> Iterator[nodes.Array]:
    """The array that a node is, or selects from."""
    steps = node.steps[:1] if isinstance(node, nodes.Path) else (node,)
    yield from (one for step in steps if isinstance(one := getattr(step, "node", step), nodes.Array))


def _repeated(expression: Expression, parts: list[Node]) -> Iterator[Diagnostic]:
    """C219: a value that a text has twice."""
    for number, one in enumerate(parts):
        if is_simple_path(one) and one in parts[:number]:
            message = f"`{written(expression, one)}` is in this text twice"
            yield expression.diagnostic(
                "C219", message, one, severity="warning", hint="one of them should be another value"
            )


def _run_together(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C219: a list that becomes one text of a request with nothing between its items."""
    for key, one in every(typed.endpoint):
        for node in one.below if key in ("params", "path") and "$join" in one.text else ():
            match node:
                case nodes.Call(procedure=nodes.Variable(name="join"), arguments=(nodes.Path() as items,)):
                    if "array" in typed.kind(items).solid:
                        message = f"nothing is between the items of `{written(one, items)}` in this text"
                        hint = f'write `$join({written(one, items)}, ",")`'
                        yield one.diagnostic("C219", message, node, severity="warning", hint=hint)


def _judged(expression: Expression, parts: list[Node]) -> Iterator[Diagnostic]:
    for one, other in pairwise(parts):
        first, second = _name(one), _name(other)
        is_of_names = bool(words(first) & _OF_NAMES and words(second) & _OF_NAMES)
        if is_of_names:
            message = f"nothing is between `{written(expression, one)}` and `{written(expression, other)}`"
            yield expression.diagnostic("C219", message, other, severity="warning", hint='write `& " " &` between them')
    for one, between, other in zip(parts, parts[1:], parts[2:], strict=False):
        is_space = isinstance(between, nodes.String) and between.value == " "
        if is_space and words("last") <= words(_name(one)) and words("first") <= words(_name(other)):
            message = f"`{written(expression, one)}` is before `{written(expression, other)}`: are they swapped?"
            yield expression.diagnostic("C231", message, one, severity="warning")


def _parts(node: Node) -> Iterator[Node]:
    """The operands of a chain of `&`."""
    match node:
        case nodes.Binary(operator="&", left=left, right=right):
            yield from (*_parts(left), *_parts(right))
        case _:
            yield node


def _name(node: Node) -> str:
    """The last name of a plain value, or of the one that is used if there is one; "" for any other."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(one,)) if name in _KEEPING:
            return _name(one)
        case nodes.Block(expressions=(nodes.Default() | nodes.Coalesce() as one,)):
            return _name(next(results(one)))
    return texts_of_names(node)[-1] if is_simple_path(node) else ""
