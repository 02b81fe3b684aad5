"""Groups: `a{key: value}`, and objects with computed keys."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import MAX_LOOPS, Names, item_context, item_function
from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.names import is_simple_path, leading_names


def group_items(writer: Writer, group: nodes.Group | nodes.Object, over: ast.expr, names: Names = None) -> ast.expr:
    """A call of `grouped` with the items, and with a function for each key and each value."""
    source = writer.atom(over)
    if names is None and len(group.pairs) == 1 and _is_of_fields(group.pairs[0][0]) and writer.loops < MAX_LOOPS:
        ((key, value),) = group.pairs
        keys = _keys(writer, key, source)
        return writer.called("grouped_by", writer.running(), source, keys, item_function(writer, value))
    functions = [writer.tuple_of(*(item_function(writer, part, names) for part in pair)) for pair in group.pairs]
    return writer.called("grouped", writer.running(), source, writer.tuple_of(*functions))


def _is_of_fields(key: nodes.Node) -> bool:
    """Whether a key is a path of names: it cannot fail, and is undefined where the item is."""
    return is_simple_path(key) and isinstance(leading_names(key)[0], nodes.Name)


def _keys(writer: Writer, key: nodes.Node, source: ast.expr) -> ast.expr:
    """The keys of all items, by a loop."""
    found, item = writer.empty("list"), writer.new_local("item")
    body: list[ast.stmt] = []
    with writer.looping(body), item_context(writer, item, key):
        writer.append(found, writer.value(key))
    writer.loop(writer.watched(source), body, item)
    return writer.load(found)
