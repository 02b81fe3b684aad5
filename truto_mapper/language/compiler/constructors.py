"""Literals, regular expressions, and the constructors of arrays and objects."""

import ast
from collections.abc import Sequence

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import item_function
from truto_mapper.language.compiler.shapes import compile_shaped
from truto_mapper.language.compiler.writer import Writer

#: The nodes whose values are never sequences.
NO_SEQUENCE = (nodes.String, nodes.Number, nodes.Value, nodes.Array, nodes.Object, nodes.Negate, nodes.Binary)


def compile_literal(writer: Writer, node: nodes.String | nodes.Number | nodes.Value) -> ast.expr:
    """A constant."""
    return writer.constant(node.value)


def compile_regex(writer: Writer, node: nodes.Regex) -> ast.expr:
    """A call of `regex`."""
    made = writer.atom(writer.called("regex", writer.constant(node.pattern), writer.constant(node.flags)))
    return writer.known(made, "Pattern")


def compile_array(writer: Writer, node: nodes.Array) -> ast.expr:
    """`[items]`: a list, and a statement that appends each item."""
    match node.items:
        case (nodes.Binary(operator="..", left=left, right=right),) if not (node.whole or writer.numbers):
            with writer.placed(node.items[0]):
                return writer.called("range_array", writer.running(), *writer.values(left, right))
    constants = [] if node.whole else _constants(writer, node.items)
    found = writer.empty("Constructed" if node.whole else "list", *constants)
    for item in node.items[len(constants) :]:
        value = writer.value(item)
        if isinstance(value, ast.Constant) or isinstance(item, (nodes.Array, nodes.Object)):
            writer.append(found, value)
        elif isinstance(item, nodes.Step) and isinstance(item.node, nodes.Array):
            writer.append_defined(found, writer.called("stored", value))
        else:
            push(writer, writer.atom(value), found)
    return writer.grown(writer.load(found))


def _constants(writer: Writer, several: Sequence[nodes.Node]) -> list[ast.expr]:
    """The constants of a table: many literals, which are written at once unless their values are traced."""
    literals = [writer.constant(one.value) for one in several if isinstance(one, nodes.LITERALS)]
    return literals if nodes.MAX_NESTED < len(literals) == len(several) and not writer.numbers else []


def push(writer: Writer, value: ast.expr, found: str) -> None:
    """Append a value, or the items of an array; MISSING appends nothing."""
    is_null = writer.test(value, ast.Is(), writer.constant(None))
    plain = writer.either(writer.has_class(value, "str"), writer.has_class(value, "int"), is_null)
    pushed = writer.called("push", writer.load(found), value)
    extended = writer.method(writer.load(found), "extend", value)

    def push_several() -> None:
        if writer.may_be_many:
            writer.do(pushed)
        else:  # what is made once is counted when it is complete
            writer.branch(writer.has_class(value, "list"), lambda: writer.do(extended), lambda: writer.do(pushed))

    writer.branch(plain, lambda: writer.append(found, value), push_several)


def compile_object(writer: Writer, node: nodes.Object) -> ast.expr:
    """`{key: value}`: a dict, and a statement that assigns each value; with computed keys a group."""
    named = [(key.value, value) for key, value in node.pairs if isinstance(key, nodes.String)]
    if len(named) < len(node.pairs):
        context = writer.dollar()
        pairs = [writer.tuple_of(*(item_function(writer, part) for part in pair)) for pair in node.pairs]
        whole = writer.constant(writer.is_input)
        return writer.called("keyed", writer.running(), context, whole, writer.tuple_of(*pairs))
    constants = _constants(writer, [value for _, value in named])
    if constants and len({name for name, _ in named}) == len(named):
        table = writer.new_local()
        writer.assign(table, ast.Dict([writer.constant(name) for name, _ in named], constants, **writer.at))
        return writer.grown(writer.load(table)) if writer.repeats else writer.load(table)
    with writer.within(_object_context(writer)):
        if (shape := writer.shapes.get(id(node))) is not None:
            shaped = compile_shaped(writer, dict(named), shape)
            return writer.grown(shaped) if writer.repeats else shaped
        made, written = writer.empty("dict"), set[str]()
        for name, value in named:
            if name in written:
                writer.do(writer.called("repeated_key", writer.constant(name)))
            written.add(name)
            _assign_pair(writer, made, name, value)
    return writer.grown(writer.load(made)) if writer.repeats else writer.load(made)


def _object_context(writer: Writer) -> str:
    """The local of `$` inside the braces: all items of an array at once."""
    if writer.is_input:
        return writer.context
    local, context = writer.new_local("item"), writer.dollar()
    combined = writer.called("combined", context)
    writer.assign(local, writer.choice(writer.has_class(context, "dict"), context, combined))
    return local


def _assign_pair(writer: Writer, made: str, name: str, node: nodes.Node) -> None:
    value = stored = writer.atom(writer.value(node))
    if not isinstance(value, ast.Constant) and not isinstance(node, NO_SEQUENCE):
        stored = writer.choice(writer.has_class(value, "Sequence"), writer.called("stored", value), value)
    writer.branch(writer.is_there(value), lambda: writer.assign_item(made, name, stored))
