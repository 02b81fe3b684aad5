"""Variables: `$name`, `:=`, blocks and their scopes, and names of functions."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.library.functions import LIBRARY


def compile_variable(writer: Writer, node: nodes.Variable) -> ast.expr:
    """The local that holds `$` or `$name`; else the function of that name, or MISSING."""
    return writer.dollar() if node.name == "" else load_variable(writer, node.name)


def compile_parent(writer: Writer, node: nodes.Parent) -> ast.expr:
    """`%`: the local that holds the parent, which tuples carry under a label."""
    return load_variable(writer, node.label)


def compile_block(writer: Writer, node: nodes.Block) -> ast.expr:
    """The expressions in order, in a scope of their own. The value is that of the last."""
    with writer.scope():
        declare_bound(writer, node.expressions)
        value: ast.expr = writer.load("MISSING")
        for number, expression in enumerate(node.expressions, 1):
            value = writer.value(expression)
            if number < len(node.expressions) and not isinstance(value, (ast.Constant, ast.Name)):
                writer.do(value)
        return value


def compile_bind(writer: Writer, node: nodes.Bind) -> ast.expr:
    """`$name := value`: an assignment to the variable's local, perhaps that of an outer Python function."""
    value = writer.value(node.value)
    found = writer.variables.get(node.variable.name)
    if found is None or node.variable.name in ("", "$"):
        return value
    local, nonlocals = found
    if nonlocals is not writer.nonlocals:
        writer.nonlocals.add(local)
    writer.assign(local, value)
    return writer.load(local)


def declare_bound(writer: Writer, several: tuple[nodes.Node, ...], but: frozenset[str] = frozenset()) -> None:
    """Declare a local for each variable that nodes bind. Its first value is that of the variable it hides."""
    for name in sorted(bound_in(several) - but):
        outer, local = load_variable(writer, name), writer.new_local(name)
        writer.assign(local, outer)
        writer.variables[name] = (local, writer.nonlocals)


def bound_in(several: tuple[nodes.Node, ...]) -> set[str]:
    """The variables that nodes bind in the current scope."""
    found: set[str] = set()
    waiting = list(several)
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Bind):
            found.add(node.variable.name)
        if not isinstance(node, (nodes.Block, nodes.Lambda)):
            waiting.extend(nodes.children(node))
    return found - {"", "$"}


def load_variable(writer: Writer, name: str) -> ast.expr:
    """A variable, or the function of that name."""
    found = writer.variables.get(name)
    return writer.load(found[0]) if found else load_function(writer, name)


def load_function(writer: Writer, name: str) -> ast.expr:
    """A function of the caller or the library; MISSING if the name is unknown."""
    if name in writer.callers:
        return writer.load(writer.callers[name])
    return writer.load(f"f_{name}" if name in LIBRARY else "MISSING")


def function_name(writer: Writer, node: nodes.Node) -> str | None:
    """The name of the function that a node refers to; None if it is not a function of the caller or the library.

    A binding from outside does not hide a function: `$now()` is a call although `now` is bound to a moment.
    """
    if not isinstance(node, nodes.Variable) or writer.variables.get(node.name) is not writer.free.get(node.name):
        return None
    known = node.name in writer.callers or node.name in LIBRARY
    return node.name if known else None


def argument_of(writer: Writer, node: nodes.Node, name: str) -> nodes.Node | None:
    """The argument if a node is a call `$name(argument)` of the standard function; else None."""
    if not isinstance(node, nodes.Call) or len(node.arguments) != 1 or name in writer.callers:
        return None
    return node.arguments[0] if function_name(writer, node.procedure) == name else None
