"""Sorts: `^(<a, >b)`."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import Names, item_function
from truto_mapper.language.compiler.writer import Writer


def sort_items(writer: Writer, node: nodes.Sort, over: ast.expr, names: Names = None) -> ast.expr:
    """A call of `ordered` with the items, and with a key function and a direction for each term."""
    with writer.placed(node):
        terms = []
        for term in node.terms:
            key = item_function(writer, term.expression, names)
            terms.append(writer.tuple_of(key, writer.constant(term.descending)))
        return writer.called("ordered", writer.running(), over, writer.tuple_of(*terms))
