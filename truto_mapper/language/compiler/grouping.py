"""Groups: `a{key: value}`, and objects with computed keys."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import MAX_LOOPS, Names, item_context, item_function, needs_function
from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.names import is_simple_path, leading_names


def group_items(writer: Writer, group: nodes.Group | nodes.Object, over: ast.expr, names: Names = None) -> ast.expr:
    """A call of `grouped` with the items, and with a function for each key and each value."""
    source = writer.atom(over)
    if names is None and len(group.pairs) == 1 and writer.loops < MAX_LOOPS:
        ((key, value),) = group.pairs
        if not (needs_function(writer, key) or needs_function(writer, value)):
            return _grouped_by(writer, _groups(writer, key, source), value)
    functions = [writer.tuple_of(*(item_function(writer, part, names) for part in pair)) for pair in group.pairs]
    return writer.called("grouped", writer.running(), source, writer.tuple_of(*functions))


def _grouped_by(writer: Writer, groups: ast.expr, value: nodes.Node) -> ast.expr:
    """The object with a value for each group."""
    found, key, item, body = writer.empty("dict"), writer.new_local("key"), writer.new_local("item"), list[ast.stmt]()
    with writer.looping(body):
        one = writer.part(writer.load(item), writer.constant(0))
        is_only = writer.test(writer.called("len", writer.load(item)), ast.Eq(), writer.constant(1))
        writer.assign(item, writer.choice(is_only, one, writer.called("combined", writer.load(item))))
        with item_context(writer, item, value):
            made = writer.atom(writer.value(value))
        stored = writer.choice(writer.has_class(made, "Sequence"), writer.called("stored", made), made)
        writer.branch(writer.is_there(made), lambda: writer.assign_item(found, writer.load(key), stored))
    writer.loop(writer.called("pairs", writer.running(), groups), body, key, item)
    return writer.known(writer.load(found), "dict")


def _is_of_fields(key: nodes.Node) -> bool:
    """Whether a key is a path of names: it cannot fail, and is undefined where the item is."""
    return is_simple_path(key) and isinstance(leading_names(key)[0], nodes.Name)


def _groups(writer: Writer, key: nodes.Node, source: ast.expr) -> ast.expr:
    """The items by key, by a loop."""
    found, item, group, body = (
        writer.empty("dict"),
        writer.new_local("item"),
        writer.new_local("group"),
        list[ast.stmt](),
    )
    with writer.looping(body), item_context(writer, item, key):
        made = writer.atom(writer.value(key))
        known = writer.method(writer.load(found), "get", made)
        writer.assign(group, writer.choice(writer.has_class(made, "str"), known, writer.constant(None)))
        append = writer.method(writer.load(group), "append", writer.load(item))
        add = writer.called("add_to_group", writer.running(), writer.load(found), made, writer.load(item))
        is_new = writer.test(writer.load(group), ast.Is(), writer.constant(None))
        writer.branch(is_new, lambda: writer.do(add), lambda: writer.do(append))
    nothing = [] if _is_of_fields(key) else [writer.list_of(writer.load("MISSING"))]  # evaluated once for no items
    over = writer.atom(ast.BoolOp(ast.Or(), [source, *nothing], **writer.at)) if nothing else source
    writer.loop(writer.watched(over), body, item)
    return writer.load(found)
