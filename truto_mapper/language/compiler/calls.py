"""Calls: `$f(a)` of a standard function, a caller's or a value; `a ~> $f`; `$eval`."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from truto_mapper.language import nodes
from truto_mapper.language.compiler import variables
from truto_mapper.language.compiler.constructors import push
from truto_mapper.language.compiler.writer import Writer, is_range
from truto_mapper.language.library.functions import OURS, STANDARD

#: Run-time functions that call, and their variants that also collapse the result.
_COLLAPSING = {"applied": "call", "invoked": "invoke"}


def compile_call(writer: Writer, node: nodes.Call) -> ast.expr:
    """`procedure(arguments)`. As in the reference, a lambda's tail call is not collapsed."""
    made = compile_raw_call(writer, node)
    return made if node.tail and writer.in_lambda else _collapse(made)


def compile_apply(writer: Writer, node: nodes.Apply) -> ast.expr:
    """`left ~> right`, as an array if either side has `[]`."""
    made = compile_raw_apply(writer, node)
    return writer.called("kept", made) if _keeps_array(node) else _collapse(made)


def compile_raw_apply(writer: Writer, node: nodes.Apply) -> ast.expr:
    """`left ~> $f(a)` as `$f(left, a)`; any other right side by `piped`, which calls or composes functions."""
    left = writer.atom(writer.value(node.left))
    # As in the reference, predicates and the like behind the call on the right are ignored.
    right = node.right.node if isinstance(node.right, nodes.Step) else node.right
    if not isinstance(right, nodes.Call):
        return writer.called("piped", writer.running(), left, writer.value(node.right))
    with writer.placed(right):
        return compile_raw_call(writer, right, [left])


def _keeps_array(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Apply):
        return _keeps_array(node.left) or _keeps_array(node.right)
    return isinstance(node, (nodes.Step, nodes.Path)) and node.keep_array


def _collapse(value: ast.expr) -> ast.expr:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _COLLAPSING:
        value.func.id = _COLLAPSING[value.func.id]
    return value


def compile_raw_call(writer: Writer, node: nodes.Call, piped: Sequence[ast.expr] = ()) -> ast.expr:
    """A call whose result is not yet collapsed. `piped` arguments of `~>` come before its own."""
    name = variables.function_name(writer, node.procedure)
    if name is None:
        return _call_value(writer, node, piped)
    argument = None if piped else variables.only_argument(writer, node, "exists")
    if argument is not None:
        return writer.is_there(writer.value(argument))
    if name == "join" and name not in writer.callers and not piped and _joins_items(node):
        return _join_items(writer, node)
    if name == "eval":
        return _evaluate(writer, node, piped)
    return _call_function(writer, node, name, piped)


def _call_value(writer: Writer, node: nodes.Call, piped: Sequence[ast.expr]) -> ast.expr:
    """A call of whatever the value of the procedure is."""
    function = writer.atom(load_procedure(writer, node.procedure, "T1005"))
    given = [*piped, *writer.values(*node.arguments)]
    if node.tail and writer.in_lambda:
        return writer.called("Tail", function, *given)
    return writer.called("applied", writer.running(), writer.dollar(), function, *given)


def load_procedure(writer: Writer, node: nodes.Node, code: str) -> ast.expr:
    """The value to call. For a name without `$` the error `code` asks whether the function `$name` is meant."""
    found = writer.value(node)
    if not isinstance(node, nodes.Path) or not isinstance(node.steps[0].node, nodes.Name):
        return found
    name = node.steps[0].node.value
    hint = writer.constant(name), variables.load_variable(writer, name), writer.constant(code)
    return writer.called("procedure", found, *hint)


def _call_function(writer: Writer, node: nodes.Call, name: str, piped: Sequence[ast.expr]) -> ast.expr:
    """A call of a caller's or the library's function, known by its name."""
    function = variables.load_function(writer, name)
    given = [*piped, *writer.values(*node.arguments)]
    if node.tail and writer.in_lambda and _may_take_context(name, len(given)):
        return writer.called("Tail", function, *given)
    if name in writer.callers and writer.makes_plain:
        given = [writer.called("plain", one) for one in given]
    elif name not in writer.callers and name in OURS and len(given) <= OURS[name].arity:
        return writer.method(function, "body", *given)
    if name in writer.callers or name in OURS:
        return writer.called("applied", writer.running(), writer.dollar(), function, *given)
    run = writer.running() if STANDARD[name].runs else writer.constant(None)
    return writer.called("invoked", run, writer.dollar(), function, *given)


def _may_take_context(name: str, given: int) -> bool:
    """Whether a standard function with that many arguments may take `$` as its first."""
    return name in STANDARD and "-" in (STANDARD[name].signature or "") and given < STANDARD[name].arity


def _joins_items(node: nodes.Call) -> bool:
    """Whether the arguments of `$join` are `[…], "…"`, with items that are no arrays."""
    match node.arguments:
        case (nodes.Array(items=items), nodes.String()) if items:
            return not any(isinstance(item, (nodes.Array, nodes.Step)) or is_range(item) for item in items)
        case _:
            return False


def _join_items(writer: Writer, node: nodes.Call) -> ast.expr:
    """`$join([items], separator)`: an f-string if all items are text, else the call with the array."""
    array, separator = node.arguments
    values = [writer.atom(value) for value in writer.values(*array.items)]  # type: ignore[union-attr]
    local, parts = writer.new_local(), list[ast.expr]()
    for value in values:
        between = [writer.constant(separator.value)] if parts and separator.value else []  # type: ignore[union-attr]
        parts += [*between, ast.FormattedValue(value, -1, None, **writer.at)]

    def call() -> None:
        found = writer.empty("list")
        for value in values:
            push(writer, value, found)
        given = writer.load("f_join"), writer.load(found), writer.value(separator)
        writer.assign(local, writer.called("invoked", writer.running(), writer.dollar(), *given))

    are_text = writer.both(*(writer.has_class(value, "str") for value in values))
    writer.branch(are_text, lambda: writer.assign(local, ast.JoinedStr(parts, **writer.at)), call)
    return writer.load(local)


def _evaluate(writer: Writer, node: nodes.Call, piped: Sequence[ast.expr]) -> ast.expr:
    """`$eval(text)`, which sees the variables that are in scope where it is called."""
    given = [*piped, *writer.values(*node.arguments)]
    visible = sorted((name, local) for name, (local, _) in writer.variables.items())
    keys, values = [writer.constant(name) for name, _ in visible], [writer.load(local) for _, local in visible]
    scope = ast.Dict([*keys], [*values], **writer.at)
    return writer.called("evaluated", writer.running(), scope, writer.dollar(), writer.load("f_eval"), *given)
