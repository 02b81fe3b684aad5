"""Groups: `a{key: value}`, and objects with computed keys."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import MAX_LOOPS, Names, item_context, item_function
from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.names import is_simple_path, leading_names


def group_items(writer: Writer, group: nodes.Group | nodes.Object, over: ast.expr, names: Names = None) -> ast.expr:
    """A call of `grouped` with the items, and with a function for each key and each value."""
    source = writer.atom(over)
    (key, value), *others = group.pairs
    if names is None and not others and _is_of_fields(key) and writer.loops < MAX_LOOPS:
        groups = _groups(writer, key, source)
        return writer.called("grouped_by", writer.running(), groups, item_function(writer, value))
    functions = [writer.tuple_of(*(item_function(writer, part, names) for part in pair)) for pair in group.pairs]
    return writer.called("grouped", writer.running(), source, writer.tuple_of(*functions))


def _is_of_fields(key: nodes.Node) -> bool:
    """Whether a key is a path of names: it cannot fail, and is undefined where the item is."""
    return is_simple_path(key) and isinstance(leading_names(key)[0], nodes.Name)


def _groups(writer: Writer, key: nodes.Node, source: ast.expr) -> ast.expr:
    """The items by key, by a loop."""
    found, item = writer.new_local(), writer.new_local("item")
    writer.assign(found, writer.called("groups"))
    body: list[ast.stmt] = []
    with writer.looping(body), item_context(writer, item, key):
        made = writer.atom(writer.value(key))
        group = writer.part(writer.load(found), made)
        add = writer.called("add_to_group", writer.load(found), made, writer.load(item))
        is_text = writer.has_class(made, "str")
        writer.branch(
            is_text, lambda: writer.do(writer.method(group, "append", writer.load(item))), lambda: writer.do(add)
        )
    writer.loop(writer.watched(source), body, item)
    return writer.load(found)
