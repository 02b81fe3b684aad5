"""Code that runs for each item of a sequence or tuple stream: there `$` is the item."""

import ast
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from truto_mapper.language import nodes
from truto_mapper.language.compiler.variables import load_variable
from truto_mapper.language.compiler.writer import Writer

#: Python nests at most twenty blocks in a function. Loops deeper than this get functions as their bodies.
MAX_LOOPS = 8

#: The variables that each tuple of a stream binds; None for a sequence, whose items are plain values.
Names = Collection[str] | None


@contextmanager
def item_context(writer: Writer, item: str, node: nodes.Node, names: Names = None) -> Iterator[None]:
    """Let `$` be the item. A tuple has its item under `@`; the bindings that the node reads become variables.

    A variable that a tuple does not bind is the one outside.
    """
    if names is None:
        with writer.within(item):
            yield
        return
    context = writer.new_local("item")
    writer.assign(context, ast.Subscript(writer.load(item), writer.constant("@"), ast.Load(), **writer.at))
    with writer.scope(), writer.within(context):
        for name in _read(node, names):
            local, outer = writer.new_local(name), load_variable(writer, name)
            bound = writer.method(writer.load(item), "get", writer.constant(name), outer)
            writer.assign(local, bound)
            writer.variables[name] = (local, writer.nonlocals)
        yield


def _read(node: nodes.Node, names: Collection[str]) -> Iterable[str]:
    """The names that a node reads; all of them if it calls $eval."""
    below = [one for one in nodes.walk(node) if isinstance(one, (nodes.Parent, nodes.Variable))]
    read = dict.fromkeys(one.label if isinstance(one, nodes.Parent) else one.name for one in below)
    return names if "eval" in read else [name for name in read if name in names]


def item_function(writer: Writer, node: nodes.Node, names: Names = None) -> ast.expr:
    """A Python function that takes an item, or a tuple, and returns the value of a node."""
    item = writer.new_local("item")

    def write() -> ast.expr:
        with item_context(writer, item, node, names):
            return writer.value(node)

    return writer.load(writer.function([item], write))


def needs_function(writer: Writer, node: nodes.Node) -> bool:
    """Whether a loop's body must be a Python function: at `MAX_LOOPS`, or if it makes closures that keep the item."""
    closures = (nodes.Lambda, nodes.Transform)
    kept = (one for one in nodes.walk(node) if isinstance(one, closures) and id(one) not in writer.written_out)
    return writer.loops >= MAX_LOOPS or any(True for _ in kept)


def tuple_names(node: nodes.Node) -> Iterator[str]:
    """The variables that the tuples of a node bind. Only a path has tuples."""
    if isinstance(node, nodes.Block) and node.expressions:
        yield from tuple_names(node.expressions[-1])
    for step in node.steps if isinstance(node, nodes.Path) and node.tuple else ():
        yield from (variable.name for variable in (step.focus, step.index) if variable)
        yield from (stage.variable.name for stage in step.stages if isinstance(stage, nodes.Index))
        yield from (step.ancestor,) if step.ancestor else ()
        yield from tuple_names(step.node)
