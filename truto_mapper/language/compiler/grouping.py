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
    found, key, group, body = writer.empty("dict"), writer.new_local("key"), writer.new_local("group"), list[ast.stmt]()
    with writer.looping(body, groups):
        made = _value_of(writer, group, value)
        stored = writer.choice(writer.has_class(made, "Sequence"), writer.called("stored", made), made)
        writer.branch(writer.is_there(made), lambda: writer.assign_item(found, writer.load(key), stored))
    writer.loop(writer.pairs(groups), body, key, group)
    return writer.load(found)


def _value_of(writer: Writer, group: str, value: nodes.Node) -> ast.expr:
    """The value of a node for the members of a group. `$[0]` is the first, if that is a text."""
    made, item, members = writer.new_local(), writer.new_local("item"), writer.load(group)
    first = writer.part(members, writer.constant(0))

    def evaluate() -> None:
        is_only = writer.test(writer.called("len", members), ast.Eq(), writer.constant(1))
        writer.assign(item, writer.choice(is_only, first, writer.called("combined", members)))
        with item_context(writer, item, value):
            writer.assign(made, writer.value(value))

    match value:
        case nodes.Step(
            node=nodes.Variable(name=""), predicates=(nodes.Filter(expression=nodes.Number(value=0)),), group=None
        ):
            writer.assign(made, first)
            writer.branch(writer.has_class(writer.load(made), "str"), lambda: None, evaluate)
        case _:
            evaluate()
    return writer.load(made)


def _is_of_fields(key: nodes.Node) -> bool:
    """Whether a key is a path of names: it cannot fail, and is undefined where the item is."""
    return is_simple_path(key) and isinstance(leading_names(key)[0], nodes.Name)


def _groups(writer: Writer, key: nodes.Node, source: ast.expr) -> ast.expr:
    """The items by key, by a loop. A key is evaluated once for no items."""
    found, item, group, body = (
        writer.empty("dict"),
        writer.new_local("item"),
        writer.new_local("group"),
        list[ast.stmt](),
    )
    if not _is_of_fields(key):
        nothing = writer.list_of(writer.load("MISSING"))
        source = writer.atom(ast.BoolOp(ast.Or(), [source, nothing], **writer.at))
    with writer.looping(body, source), item_context(writer, item, key):
        made = writer.atom(writer.value(key))
        is_text = writer.has_class(made, "str")
        known = writer.method(writer.load(found), "get", made)
        writer.assign(group, writer.choice(is_text, known, writer.constant(None)))

        def begin() -> None:
            add = writer.called("add_to_group", writer.running(), writer.load(found), made, writer.load(item))
            new = writer.list_of(writer.load(item))
            writer.branch(
                writer.either(writer.not_(is_text), writer.counts(source)),
                lambda: writer.do(add),
                lambda: writer.assign_item(found, made, new),
            )

        append = writer.method(writer.load(group), "append", writer.load(item))
        is_new = writer.test(writer.load(group), ast.Is(), writer.constant(None))
        writer.branch(is_new, begin, lambda: writer.do(append))
    writer.loop(writer.watched(source), body, item)
    return writer.load(found)
