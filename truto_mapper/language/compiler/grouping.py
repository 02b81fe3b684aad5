"""Groups: `a{key: value}`, and objects with computed keys."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import Names, item_function
from truto_mapper.language.compiler.writer import Writer


def group_items(writer: Writer, group: nodes.Group | nodes.Object, over: ast.expr, names: Names = None) -> ast.expr:
    """A call of `grouped` with the items, and with a function for each key and each value."""
    source = writer.atom(over)
    functions = [writer.tuple_of(*(item_function(writer, part, names) for part in pair)) for pair in group.pairs]
    return writer.called("grouped", writer.running(), source, writer.tuple_of(*functions))
