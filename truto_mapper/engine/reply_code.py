"""The code that reads a reply: its own values and its rows. Generated for each endpoint, called once for each page."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from truto_mapper.engine.called import pairs_or_false, rows_or_false, value_at
from truto_mapper.engine.externals import Externals, UnfusableError, unpack
from truto_mapper.engine.source_types import NOTHING, SourceTypes
from truto_mapper.language.compiler.escapes import escapes
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath, is_simple_path, leading_names
from truto_mapper.language.nodes import Name, Variable
from truto_mapper.language.runtime.values import finished, truthy
from truto_mapper.mapping.linked import REPLY, Endpoint

#: The functions that the code calls.
CALLED = {one.__name__: one for one in (finished, truthy, value_at, rows_or_false, pairs_or_false)}

#: The variables that are the whole reply.
_OF_REPLY = ("$", "response")


@dataclass(frozen=True, slots=True)
class Loops:
    """One or two loops: `outer` is the path from the body to the rows, `inner` the key of the inner rows in each.

    The path is empty for a reply that is an array of rows itself.
    """

    variables: tuple[str, ...]
    outer: NamePath
    inner: str | None

    @staticmethod
    def of(endpoint: Endpoint) -> Loops:
        """Raises `UnfusableError` for other loops."""
        variables = tuple(name for name, _ in endpoint.for_each)
        if not 1 <= len(variables) <= 2 or not all(
            is_simple_path(expression.node) for _, expression in endpoint.for_each
        ):
            raise UnfusableError("for_each is not one or two plain paths")
        paths = []
        for above, (_, expression) in zip(("", variables[0]), endpoint.for_each, strict=False):
            first, *rest = leading_names(expression.node)
            of_reply = () if above else _OF_REPLY
            if isinstance(first, Variable) and first.name not in ("", above, *of_reply):
                raise UnfusableError("for_each leads back to an outer value")
            paths.append(tuple(one.value for one in (first, *rest) if isinstance(one, Name)))
        outer, *inner = paths
        if inner and len(inner[0]) != 1:
            raise UnfusableError("the inner for_each is not one name below the outer")
        return Loops(variables, outer, inner[0][0] if inner else None)

    def read(self, pen: Pen) -> ast.expr:
        """The code that reads the rows: a list with nulls for one loop, of pairs without nulls for two, or False."""
        found = _read(pen, "response", *self.outer)
        if self.inner is None:
            found = pen.atom(found)
            return pen.choice(pen.has_class(found, "list"), found, pen.called("rows_or_false", found))
        return pen.called("pairs_or_false", found, pen.constant(self.inner))


def _read(pen: Pen, name: str, *steps: str) -> ast.expr:
    """The code that reads the value at a path from an object, or from a reply that may be an array."""
    if not steps:
        return pen.load(name)
    if len(steps) > 1 or (name == "response" and name not in pen.classes):
        return pen.called("value_at", pen.load(name), *map(pen.constant, steps))
    return pen.method(pen.load(name), "get", pen.constant(steps[0]), pen.load("MISSING"))


def reply_module(
    endpoint: Endpoint, loops: Loops | None, paths: Sequence[NamePath], externals: Externals, types: SourceTypes
) -> ast.Module:
    """`reply(given, budget)`: whether the reply is of the endpoint, its cursor, time zone, rows and key.

    `given` are the bindings `REPLY`. The rows are False without `loops`; the key is the values at `paths`. Without
    `recognise` the reply is the endpoint's if the outermost for_each finds something.

    Returns None where an expression fails, where one reads what has another type than its schema declares, and for a
    failure (error_when): the caller evaluates it again, which raises the error with its place.
    """
    externals.constants |= CALLED
    pen = externals.pen(endpoint.path, {} if may_be_array(endpoint) else {"response": "dict"})
    lines: list[ast.stmt] = []
    with pen.into(lines):
        unpack(pen, REPLY, pen.load("given"))
        values = [
            _local(pen, expression, externals)
            for expression in (endpoint.error_when, endpoint.next_cursor, endpoint.time_zone)
        ]
        error, *others = values
        if endpoint.recognise is None and may_be_array(endpoint):
            recognised: ast.expr = pen.constant(value=True)
        else:
            recognised = _local(pen, endpoint.recognise or endpoint.for_each[0][1], externals)
            recognised = pen.is_there(recognised) if endpoint.recognise is None else recognised
        if endpoint.error_when is not None:
            none = (
                pen.test(error, ast.Is(), pen.load("MISSING")),
                pen.test(error, ast.Is(), pen.constant(value=False)),
            )
            failed = pen.both(pen.not_(pen.either(*none)), pen.both(recognised, pen.called("truthy", error)))
            pen.branch(failed, lambda: pen.lines.append(ast.Return(pen.constant(None))))
        for reading, classes in types.above_cursor:
            if reading.names or "response" not in pen.classes:
                value = pen.atom(_read(pen, "response", *reading.names))
                usual = [pen.has_class(value, one.__name__) for one in classes]
                right = pen.either(*usual, externals.class_test(pen, value, NOTHING))
                pen.branch(pen.not_(right), lambda: pen.lines.append(ast.Return(pen.constant(None))))
        rows = pen.constant(value=False) if loops is None else loops.read(pen)
        key = pen.tuple_of(*(_read(pen, *path) for path in paths))
        lines.append(ast.Return(pen.tuple_of(recognised, *others, rows, key)))
    lines[1:] = _looked_up_once(pen, lines[1:])
    caught = ast.ExceptHandler(pen.load("Exception"), None, [ast.Return(pen.constant(None))])
    pen.lines.append(ast.Try(lines, [caught], [], []))
    return externals.module(pen, "reply", ["given", "budget"])


def may_be_array(endpoint: Endpoint) -> bool:
    """Whether the outermost loop of an endpoint goes over the reply itself."""
    node = endpoint.for_each[0][1].node if endpoint.for_each else None
    return isinstance(node, Variable) and node.name in ("", *_OF_REPLY)


def _looked_up_once(pen: Pen, lines: list[ast.stmt]) -> list[ast.stmt]:
    """The lines after the look-ups of names of the reply that occur more than once."""
    found = Counter(filter(None, (_name_of(node) for line in lines for node in ast.walk(line))))
    shared = {name: pen.new_local(name) for name, count in found.items() if count > 1}
    looked_up = _LookedUp(shared)
    made: list[ast.stmt] = []
    with pen.into(made):
        for name, local in shared.items():
            pen.assign(local, _read(pen, "response", name))
    return made + [looked_up.visit(line) for line in lines]


def _name_of(node: ast.AST) -> str | None:
    """The name for code that looks one up in the reply."""
    match node:
        case ast.Call(ast.Attribute(ast.Name("response"), "get"), [ast.Constant(str(name)), ast.Name("MISSING")]):
            return name
    return None


class _LookedUp(ast.NodeTransformer):
    """Code with locals in place of some look-ups."""

    def __init__(self, shared: dict[str, str]) -> None:
        self.shared = shared

    def visit_Call(self, call: ast.Call) -> ast.AST:
        local = self.shared.get(_name_of(call) or "")
        return self.generic_visit(call) if local is None else ast.copy_location(ast.Name(local, ast.Load()), call)


def _local(pen: Pen, expression: Expression | None, externals: Externals) -> ast.expr:
    """The local with the value of an expression."""
    value: ast.expr = pen.load("MISSING")
    local = pen.new_local("value")
    if expression is not None:
        names = {name: name for name in REPLY}
        classes = {"response": pen.classes["response"]} if "response" in pen.classes else {}
        made = externals.emit(expression, expression.node, names, "response", classes, REPLY)
        if made.runs:
            pen.assign("run", pen.called("new_run", pen.constant(0), pen.load("budget")))
        pen.lines += made.statements
        value = made.value
        if not isinstance(value, (ast.Constant, ast.Compare)):
            value = pen.atom(value)
            ended = pen.called("finished", value, pen.constant(escapes(expression.node)), pen.load("budget"))
            settled = pen.either(pen.has_class(value, "str"), pen.test(value, ast.Is(), pen.load("MISSING")))
            value = pen.choice(settled, value, ended)
    pen.assign(local, value)
    return pen.load(local)
