"""Paths: `a.b.c`."""

from __future__ import annotations

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.grouping import group_items
from truto_mapper.language.compiler.steps import End, compile_step, first_step, next_step
from truto_mapper.language.compiler.tuples import compile_tuple_path
from truto_mapper.language.compiler.writer import Writer


def compile_path(writer: Writer, node: nodes.Path) -> ast.expr:
    """The steps one after the other, then the group or the collapse of the result."""
    keeps_array = node.keep_singleton_array or node.keep_array
    if any(step.tuple for step in node.steps):
        found = compile_tuple_path(writer, node)
        if node.group is not None or node.tuple:
            return found
        return writer.called("kept_path" if keeps_array else "collapsed", found)
    found = _steps(writer, node, "raw" if node.group is not None or keeps_array else "value")
    if node.group is None:
        return writer.called("kept_path", found) if keeps_array else found
    with writer.placed(node.group):
        return group_items(writer, node.group, writer.called("listed", found))


def compile_raw_path(writer: Writer, node: nodes.Path) -> ast.expr:
    """A path whose result is not yet collapsed."""
    if node.group is not None or node.keep_singleton_array or node.keep_array:
        return compile_path(writer, node)
    return compile_tuple_path(writer, node) if any(step.tuple for step in node.steps) else _steps(writer, node, "raw")


def _steps(writer: Writer, node: nodes.Path, end: End) -> ast.expr:
    first, *later = node.steps
    if not first.consarray:
        return _later_steps(writer, later, first_step(writer, first, "open" if later else end), end)
    # A constructed array is the value of a path if it is empty or the only step.
    array = writer.atom(compile_step(writer, first))
    if not later:
        return array
    found = _later_steps(writer, later, writer.called("constructed_items", array), end)
    return writer.choice(writer.called("is_empty", array), writer.called("Constructed"), found)


def _later_steps(writer: Writer, steps: list[nodes.Step], state: ast.expr, end: End) -> ast.expr:
    for number, step in enumerate(steps, 1):
        state = next_step(writer, step, state, end if number == len(steps) else "open")
    return state
