"""Calls: `$f(a)`, `a ~> $f(b)`, `$eval(text)`."""

import ast
from collections.abc import Sequence

from truto_mapper.language import nodes
from truto_mapper.language.compiler import variables
from truto_mapper.language.compiler.constructors import push
from truto_mapper.language.compiler.counting import compile_count
from truto_mapper.language.compiler.direct import call_directly
from truto_mapper.language.compiler.lambdas import piped_call
from truto_mapper.language.compiler.loops import compile_loop
from truto_mapper.language.compiler.operators import join_texts
from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.library.functions import OURS, STANDARD, TRUTO

#: Run-time functions that call, and their variants that also collapse the result.
_COLLAPSING = {"applied": "call", "invoked": "invoke", "performed": "perform", "gathered": "gather"}


def compile_call(writer: Writer, node: nodes.Call) -> ast.expr:
    """`procedure(arguments)`. As in the reference, a lambda's tail call is not collapsed."""
    made = compile_raw_call(writer, node)
    return made if node.tail and writer.in_lambda else _collapse(writer, made)


def compile_apply(writer: Writer, node: nodes.Apply) -> ast.expr:
    """`left ~> right`, as an array if either side has `[]`."""
    made = compile_raw_apply(writer, node)
    return writer.called("kept", made) if _keeps_array(node) else _collapse(writer, made)


def compile_raw_apply(writer: Writer, node: nodes.Apply) -> ast.expr:
    """`left ~> $f(a)` becomes `$f(left, a)`. Any other right side is a function: `piped` calls or composes it."""
    left = writer.atom(writer.value(node.left))
    right = piped_call(node)
    if right is None:
        return writer.called("piped", writer.running(), left, writer.value(node.right))
    with writer.placed(right):
        return compile_raw_call(writer, right, [left])


def _keeps_array(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Apply):
        return _keeps_array(node.left) or _keeps_array(node.right)
    return isinstance(node, (nodes.Step, nodes.Path, nodes.Hole)) and node.keep_array


def _collapse(writer: Writer, value: ast.expr) -> ast.expr:
    match value:
        case ast.IfExp():
            value.body, value.orelse = _collapse(writer, value.body), _collapse(writer, value.orelse)
        case ast.Call(func=ast.Name(id=name) as function) if name in _COLLAPSING:
            function.id = _COLLAPSING[name]
        case ast.Call(func=ast.Attribute(value=ast.Name(id="f_match"))):
            return writer.called("settled", value)
    return value


def compile_raw_call(writer: Writer, node: nodes.Call, piped: Sequence[ast.expr] = ()) -> ast.expr:
    """A call before its result is collapsed. `piped` are values from `~>`, which precede its own arguments."""
    name = variables.function_name(writer, node.procedure)
    argument = None if piped else variables.argument_of(writer, node, "exists")
    if argument is not None:
        return writer.is_there(writer.value(argument))
    argument = None if piped else variables.argument_of(writer, node, "string")
    if argument is not None:
        return _as_text(writer, argument)
    argument = None if piped else variables.argument_of(writer, node, "count")
    if argument is not None and (counted := compile_count(writer, argument)) is not None:
        return counted
    if name == "join" and name not in writer.callers and not piped and _joins_items(node):
        return _join_items(writer, node)
    loop = compile_loop(writer, node, name, piped)
    if loop is not None:
        return loop
    if name == "eval":
        return _evaluate(writer, node, piped)
    return _call(writer, node, name, piped)


def _call(writer: Writer, node: nodes.Call, name: str | None, piped: Sequence[ast.expr]) -> ast.expr:
    """A call of the known function `name`. Without a name, the procedure's value is called."""
    if name is None:
        function = writer.atom(load_procedure(writer, node.procedure, "T1005"))
    else:
        function = variables.load_function(writer, name)
    given = [*piped, *writer.values(*node.arguments)]
    if node.tail and writer.in_lambda and (name is None or may_take_context(name, len(given))):
        if writer.leaves_tails:
            return writer.called("Tail", function, *given)
        return writer.called("applied", writer.running(), writer.constant(None), function, *given)
    if name is not None and name not in writer.callers:
        if name in TRUTO:
            return writer.called("performed", writer.running(), function, *given)
        if name not in OURS:
            return call_directly(writer, name, given, writer.focus())
        if len(given) <= OURS[name].arity:
            return _of_ours(writer, name, function, given)
    return writer.called("applied", writer.running(), writer.focus(), function, *given)


def _as_text(writer: Writer, node: nodes.Node) -> ast.expr:
    """`$string(value)`: a text itself, with a call only for another value."""
    value = writer.atom(writer.value(node))
    is_text = writer.has_class(value, "str")
    if isinstance(is_text, ast.Constant) and is_text.value:
        return value
    exact = writer.called("invoked", writer.running(), writer.focus(), writer.load("f_string"), value)
    digits = writer.called("str", value)
    return writer.choice(is_text, value, writer.choice(writer.has_class(value, "int"), digits, exact))


def _of_ours(writer: Writer, name: str, function: ast.expr, given: list[ast.expr]) -> ast.expr:
    """A call of one of our functions; `$size` of a value that is known to be a list needs no call."""
    made = writer.method(function, "body", *given)
    if name != "size" or len(given) != 1 or not isinstance(given[0], ast.Name):
        return made
    return writer.choice(writer.has_class(given[0], "list"), writer.called("len", *given), made)


def load_procedure(writer: Writer, node: nodes.Node, code: str) -> ast.expr:
    """The value to call. If it is a field that is missing, as in `sum(a)`, the error `code` suggests `$sum`."""
    found = writer.value(node)
    if not isinstance(node, nodes.Path) or not isinstance(node.steps[0].node, nodes.Name):
        return found
    name = node.steps[0].node.value
    hint = writer.constant(name), variables.load_variable(writer, name), writer.constant(code)
    return writer.called("procedure", found, *hint)


def may_take_context(name: str, given: int) -> bool:
    """Whether a standard function with that many arguments may take `$` as its first."""
    return name in STANDARD and "-" in (STANDARD[name].signature or "") and given < STANDARD[name].arity


def _joins_items(node: nodes.Call) -> bool:
    """Whether a `$join` has the arguments `[…], "…"` and the array lists no arrays or ranges."""
    match node.arguments:
        case (nodes.Array(items=items), nodes.String()) if items:
            return not any(isinstance(item, (nodes.Array, nodes.Step)) or nodes.is_range(item) for item in items)
    return False


def _join_items(writer: Writer, node: nodes.Call) -> ast.expr:
    """`$join([items], separator)`: an f-string if all items are text, else the call."""
    array, separator = node.arguments
    values = [writer.atom(value) for value in writer.values(*array.items)]  # type: ignore[union-attr]
    parts: list[ast.expr] = []
    for value in values:
        between = [writer.constant(separator.value)] if parts and separator.value else []  # type: ignore[union-attr]
        parts += [*between, ast.FormattedValue(value, -1, None, **writer.at)]

    are_text = writer.both(*(writer.has_class(value, "str") for value in values))
    if isinstance(are_text, ast.Constant) and are_text.value:
        return writer.grown(join_texts(writer, parts))
    local = writer.new_local()

    def call() -> None:
        found = writer.empty("list")
        for value in values:
            push(writer, value, found)
        given = writer.load("f_join"), writer.load(found), writer.value(separator)
        writer.assign(local, writer.called("invoked", writer.running(), writer.focus(), *given))

    joined = writer.grown(join_texts(writer, parts))
    writer.branch(are_text, lambda: writer.assign(local, joined), call)
    return writer.load(local)


def _evaluate(writer: Writer, node: nodes.Call, piped: Sequence[ast.expr]) -> ast.expr:
    """`$eval(text)`: a call of `evaluated` with the variables in scope."""
    given = [*piped, *writer.values(*node.arguments)]
    visible = writer.seen_by_eval()
    keys, values = [writer.constant(name) for name, _ in visible], [writer.load(local) for _, local in visible]
    scope = ast.Dict([*keys], [*values], **writer.at)
    whole = writer.constant(value=writer.is_input)
    return writer.called("evaluated", writer.running(), scope, writer.dollar(), whole, writer.load("f_eval"), *given)
