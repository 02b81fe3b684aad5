"""Paths: `a.b.c`. Those with `@`, `#` or `%` go to `tuples`."""

import ast
from collections.abc import Sequence
from itertools import pairwise

from truto_mapper.language import nodes
from truto_mapper.language.compiler.grouping import group_items
from truto_mapper.language.compiler.steps import End, compile_step, first_step, is_before_field, next_step
from truto_mapper.language.compiler.tuples import compile_tuple_path
from truto_mapper.language.compiler.writer import Writer


def compile_path(writer: Writer, node: nodes.Path) -> ast.expr:
    """The steps in order, then the group if there is one; else the result is collapsed unless `[]` keeps an array."""
    keeps_array = node.keep_singleton_array or node.keep_array
    if any(step.tuple for step in node.steps):
        found = compile_tuple_path(writer, node)
        if node.group is not None or node.tuple:
            return found
        return writer.called("kept_path" if keeps_array else "collapsed", found)
    found = compile_steps(writer, node.steps, "raw" if node.group is not None or keeps_array else "value")
    if node.group is None:
        return writer.called("kept_path", found) if keeps_array else found
    with writer.placed(node.group):
        return group_items(writer, node.group, writer.items("listed", found))


def compile_raw_path(writer: Writer, node: nodes.Path) -> ast.expr:
    """The same before the result is collapsed."""
    if node.group is not None or node.keep_singleton_array or node.keep_array:
        return compile_path(writer, node)
    return (
        compile_tuple_path(writer, node)
        if any(step.tuple for step in node.steps)
        else compile_steps(writer, node.steps, "raw")
    )


def compile_steps(writer: Writer, steps: Sequence[nodes.Step], end: End) -> ast.expr:
    """Steps of a path, none of them with `@`, `#` or `%`."""
    first, *later = steps
    if not writer.numbers:
        writer.before_fields |= {id(one.node) for one, other in pairwise(steps) if is_before_field(one, other)}
    if first.consarray:
        array = writer.atom(_first_array(writer, first))
        if not later:
            return array
        # As in the reference, a sort leaves a value that is not an array, and a step finds nothing in it.
        only_sorted = all(isinstance(step.node, nodes.Sort) for step in later)
        state = writer.called("context_array" if only_sorted else "constructed_items", array)
    else:
        state = first_step(writer, first, "open" if later else end)
    empty = [(writer.called("is_empty", array), writer.called("Constructed"))] if first.consarray else []
    for number, step in enumerate(later, 1):
        state = writer.flat(number, next_step(writer, step, state, end if number == len(later) else "open"))
        if isinstance(step.node, nodes.Sort) and step.stages and number < len(later):
            # As in the reference, an empty array that a predicate selects ends the path.
            state = writer.atom(state)
            empty.append((writer.called("is_empty_item", state), state))
    for test, value in reversed(empty):
        state = writer.choice(test, value, state)
    return state


def _first_array(writer: Writer, step: nodes.Step) -> ast.expr:
    """An array constructor that begins a path. As in the reference, functions in it see `$` within an array."""
    if not any(isinstance(one, (nodes.Call, nodes.Wildcard)) for one in nodes.walk(step)):
        return compile_step(writer, step)
    outer, local = writer.around, writer.new_local("items")
    writer.assign(local, writer.called("context_array", writer.focus()))
    writer.around = local
    array = compile_step(writer, step)
    writer.around = outer
    return array
