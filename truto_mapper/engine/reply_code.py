"""The function that reads a reply's own values: generated for each endpoint, called once for each page."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from truto_mapper.engine.externals import Externals, unpack
from truto_mapper.engine.loops import CALLED, Loops, read
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.expression import Expression
from truto_mapper.language.source_paths import Steps
from truto_mapper.mapping.linked import REPLY, Endpoint


def reply_module(endpoint: Endpoint, loops: Loops | None, paths: Sequence[Steps], externals: Externals) -> ast.Module:
    """`reply(given)`: whether the reply is of the endpoint, its next cursor, its time zone, its rows, and a key.

    `given` are the bindings `REPLY`. The rows are False without `loops`; the key is the values at `paths`. Returns
    None where an expression fails: the caller evaluates it again, which raises the error with its place.
    """
    externals.constants |= CALLED
    pen = externals.pen(endpoint.path, {})
    lines: list[ast.stmt] = []
    with pen.into(lines):
        unpack(pen, REPLY, pen.load("given"))
        values = [
            _local(pen, expression, externals)
            for expression in (endpoint.recognise, endpoint.next_cursor, endpoint.time_zone)
        ]
        rows = pen.constant(value=False) if loops is None else loops.read(pen)
        key = pen.tuple_of(*(read(pen, *path) for path in paths))
        lines.append(ast.Return(pen.tuple_of(*values, rows, key)))
    failed = ast.ExceptHandler(pen.load("Exception"), None, [ast.Return(pen.constant(None))])
    pen.lines.append(ast.Try(lines, [failed], [], []))
    return externals.module(pen, "reply", ["given"])


def _local(pen: Pen, expression: Expression | None, externals: Externals) -> ast.expr:
    """The local with the value of an expression."""
    value: ast.expr = pen.load("MISSING")
    local = pen.new_local("value")
    if expression is not None:
        made = externals.emit(expression, expression.node, {name: name for name in REPLY}, "response", {})
        if made.runs:
            pen.assign("run", pen.called("new_run", pen.constant(1)))
        pen.lines += made.statements
        value = made.value
    pen.assign(local, value)
    return pen.load(local)
