"""Operators: `+`, `<`, `=`, `in`, `&`, `..`, `and`, `or`, `? :`, `??`, `?:`, and whether a value counts as true."""

import ast
from collections.abc import Callable
from typing import TypeGuard

from truto_mapper.language import nodes
from truto_mapper.language.compiler.variables import argument_of, bound_in, function_name
from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.library.functions import STANDARD

#: What is made of a node: its value, or whether it is true.
Use = Callable[[Writer, nodes.Node], ast.expr]


def compile_chain(writer: Writer, node: nodes.Chain) -> ast.expr:
    """The parts one after another. All texts of a long `a & b & c` are joined at once."""
    return _concatenate(writer, node) if _joins(node) else _chain(writer, node, raw=False)


def compile_raw_chain(writer: Writer, node: nodes.Chain) -> ast.expr:
    """The same, with the value of the last part not yet collapsed."""
    return _concatenate(writer, node) if _joins(node) else _chain(writer, node, raw=True)


def _chain(writer: Writer, node: nodes.Chain, *, raw: bool) -> ast.expr:
    *parts, last = node.parts
    value = None
    for part in parts:
        with writer.filling(value):
            value = writer.atom(writer.value(part))
    with writer.filling(value):
        return writer.value(last, raw=raw)


def compile_branches(writer: Writer, node: nodes.Branches) -> ast.expr:
    """The parts, each only if the one before it left its value to it."""
    made, hole = writer.new_local(), writer.load("HOLE")
    first, *rest = node.parts
    with writer.filling(hole):
        writer.assign(made, writer.value(first))
        for part in rest:
            is_open = writer.test(writer.load(made), ast.Is(), hole)
            writer.branch(is_open, lambda part=part: writer.assign(made, writer.value(part)))  # type: ignore[misc]
    return writer.load(made)


def compile_hole(writer: Writer, node: nodes.Hole) -> ast.expr:  # noqa: ARG001  (as all functions of the table)
    """The value of the part before, or in branches the mark that the part after must decide."""
    return writer.hole


def compile_negate(writer: Writer, node: nodes.Negate) -> ast.expr:
    """`-value`: a Python operator for an integer, else a call of `negated`."""
    value = writer.atom(writer.value(node.expression))
    negative = ast.UnaryOp(ast.USub(), value, **writer.at)
    return writer.choice(writer.has_class(value, "int"), negative, writer.called("negated", value))


def compile_binary(writer: Writer, node: nodes.Binary) -> ast.expr:
    """`left operator right`: a Python operator where both classes allow it, else a call of a runtime function."""
    match node.operator:
        case "and" | "or":
            return _short_circuit(writer, node)
        case "&":
            return _concatenate(writer, node)
        case "in":
            return writer.called("included", *writer.values(node.left, node.right), *writer.clock())
        case "..":
            return writer.called("ranged", writer.running(), *writer.values(node.left, node.right))
    left, right = map(writer.atom, writer.values(node.left, node.right))
    match node.operator:
        case "=" | "!=":
            return _equate(writer, node.operator, left, right)
        case "<" | "<=" | ">" | ">=":
            return _compare(writer, node.operator, left, right)
        case _:
            return _calculate(writer, node.operator, left, right)


#: The functions of operators that are quick for numbers, and Python's own operators, for integers.
_QUICK = {"+": ("added", ast.Add()), "-": ("subtracted", ast.Sub()), "*": ("multiplied", ast.Mult())}

#: The digits of products add up. A product within this bound is computed without a call.
MAX_PRODUCT = 2**53


def _calculate(writer: Writer, operator: str, left: ast.expr, right: ast.expr) -> ast.expr:
    if operator not in _QUICK:
        return writer.called("arithmetic", writer.constant(operator), left, right)
    name, sign = _QUICK[operator]
    exact = writer.called(name, left, right)
    tests = [writer.has_class(v, "int") for v in (left, right) if not _is_constant(v, int)]
    if not tests or any(isinstance(v, ast.Constant) and not _is_constant(v, int) for v in (left, right)):
        return exact
    made: ast.expr = ast.BinOp(left, sign, right, **writer.at)
    if operator == "*":
        local = writer.new_local()
        bounds = writer.constant(-MAX_PRODUCT), writer.constant(MAX_PRODUCT)
        # It takes long only if both have many digits.
        tests += [writer.between(bounds[0], left, bounds[1])] if len(tests) > 1 else []
        tests.append(writer.between(bounds[0], writer.named(local, made), bounds[1]))
        made = writer.load(local)
    return writer.choice(writer.both(*tests), made, exact)


_ORDER = {"<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE()}


def _compare(writer: Writer, operator: str, left: ast.expr, right: ast.expr, *, truth: bool = False) -> ast.expr:
    """A comparison; as a test for its `truth`, an undefined one is false."""
    exact = writer.called("compared", writer.constant(operator), left, right)
    exact = writer.test(exact, ast.Is(), writer.constant(value=True)) if truth else exact
    given = [value for value in (left, right) if isinstance(value, ast.Constant)]
    others = [value for value in (left, right) if not isinstance(value, ast.Constant)]
    kinds = {type(value.value) for value in given} or {int}
    if not others or not kinds <= {str, int, float}:
        return exact
    # A number may be of another class than the constant it is compared with.
    names = ["str"] if str in kinds else ["int", "float"] if given else ["int"]
    tests = [writer.either(*(writer.has_class(value, name) for name in names)) for value in others]
    return writer.choice(writer.both(*tests), writer.test(left, _ORDER[operator], right), exact)


def _equate(writer: Writer, operator: str, left: ast.expr, right: ast.expr) -> ast.expr:
    negative = operator == "!="
    clock = [] if isinstance(left, ast.Constant) or isinstance(right, ast.Constant) else writer.clock()
    exact = writer.called("unequal" if negative else "equal", left, right, *clock)
    same = writer.test(left, ast.NotEq() if negative else ast.Eq(), right)
    for constant, other in ((left, right), (right, left)):
        if isinstance(constant, ast.Constant) and not isinstance(other, ast.Constant):
            if isinstance(constant.value, str):
                return writer.choice(writer.has_class(other, "str"), same, exact)
            if constant.value is None:
                if isinstance(other, ast.Name) and other.id in writer.classes:
                    return writer.constant(negative)
                same = writer.test(other, ast.IsNot() if negative else ast.Is(), constant)
                return writer.both(writer.is_there(other), same) if negative else same
            if type(constant.value) is int:
                return writer.choice(writer.has_class(other, "int"), same, exact)
            return exact
    tests = writer.has_class(left, "str"), writer.has_class(right, "str")
    return writer.choice(writer.both(*tests), same, exact)


def _is_constant(value: ast.expr, kind: type) -> bool:
    return isinstance(value, ast.Constant) and type(value.value) is kind


def _joins(node: nodes.Chain) -> bool:
    """Whether a chain consists of `&` only, but for its first operand."""
    first, *rest = node.parts
    return _leftmost(first) is not first and all(isinstance(_leftmost(part), nodes.Hole) for part in rest)


def _leftmost(node: nodes.Node) -> nodes.Node:
    while isinstance(node, nodes.Binary) and node.operator == "&":
        node = node.left
    return node


def _concatenate(writer: Writer, node: nodes.Binary | nodes.Chain) -> ast.expr:
    """One f-string for all of `a & b & c`."""
    operands = _operands(node)
    parts: list[ast.expr] = []
    for operand, value in zip(operands, writer.values(*operands), strict=True):
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            parts.append(value)
            continue
        if isinstance(value, ast.JoinedStr):
            parts += value.values
            continue
        known = writer.atom(value)
        is_text = writer.either(writer.has_class(known, "str"), writer.has_class(known, "int"))
        if isinstance(is_text, ast.Constant) and is_text.value:
            text = known
        else:
            text = writer.atom(writer.choice(is_text, known, writer.called("text", known, *writer.clock())))
        with writer.placed(operand):
            parts.append(ast.FormattedValue(text, -1, None, **writer.at))
    return writer.grown(join_texts(writer, parts))


#: The most values whose texts are joined before the length of the result is known.
MAX_PARTS = 8


def join_texts(writer: Writer, parts: list[ast.expr]) -> ast.expr:
    """Constants and formatted values as one text: an f-string, or for many values a call that checks its length."""
    if sum(isinstance(part, ast.FormattedValue) for part in parts) <= MAX_PARTS:
        return ast.JoinedStr(parts, **writer.at)
    texts = [part.value if isinstance(part, ast.FormattedValue) else part for part in parts]
    return writer.called("concatenated", *texts)


def _operands(node: nodes.Node) -> list[nodes.Node]:
    if isinstance(node, nodes.Binary) and node.operator == "&":
        return [*_operands(node.left), node.right]
    if isinstance(node, nodes.Chain) and _joins(node):
        first, *rest = map(_operands, node.parts)
        return [*first, *(operand for _, *operands in rest for operand in operands)]
    return [node]


def _short_circuit(writer: Writer, node: nodes.Binary) -> ast.expr:
    """`and` or `or`, as a Python boolean. The right side is a branch."""
    left = compile_truth(writer, node.left)
    if isinstance(left, ast.Constant):
        return compile_truth(writer, node.right) if left.value is (node.operator == "and") else left
    made = writer.new_local()
    writer.assign(made, left)
    test = writer.load(made) if node.operator == "and" else writer.not_(writer.load(made))
    writer.branch(test, lambda: writer.assign(made, compile_truth(writer, node.right)))
    return writer.load(made)


def compile_condition(writer: Writer, node: nodes.Condition) -> ast.expr:
    """`test ? then : otherwise`: a conditional expression, or an `if` where a side needs statements."""
    return _choose(writer, node, Writer.value, writer.load("MISSING"))


def _choose(writer: Writer, node: nodes.Condition, use: Use, nothing: ast.expr) -> ast.expr:
    """What is made of one side of a condition; `nothing` is what is made of a side that is not there."""
    test = compile_truth(writer, node.condition)
    then, otherwise = list[ast.stmt](), list[ast.stmt]()
    with writer.into(then):
        left = use(writer, node.then)
    with writer.into(otherwise):
        right = nothing if node.otherwise is None else use(writer, node.otherwise)
    if not then and not otherwise:
        return writer.choice(test, left, right)
    made = writer.new_local()
    for lines, value in ((then, left), (otherwise, right)):
        with writer.into(lines):
            writer.assign(made, value)
    writer.lines.append(ast.If(test, then, otherwise, **writer.at))
    return writer.load(made)


def compile_alternative(writer: Writer, node: nodes.Coalesce | nodes.Default) -> ast.expr:
    """`left ?? right` and `left ?: right`: the right side is a branch, taken if the left is MISSING, or falsy."""
    made = writer.new_local()
    writer.assign(made, writer.value(node.left))
    left = writer.load(made)
    is_kept = isinstance(node, nodes.Coalesce)
    keeps = writer.is_there(left) if is_kept else _truth_of(writer, left)
    writer.branch(writer.not_(keeps), lambda: writer.assign(made, writer.value(node.right)))
    return writer.load(made)


def compile_truth(writer: Writer, node: nodes.Node) -> ast.expr:
    """Whether a node's value counts as true, as a Python boolean."""
    argument = argument_of(writer, node, "boolean")
    if argument is not None:
        return compile_truth(writer, argument)
    if is_comparison(node) and id(node) not in writer.numbers:
        with writer.placed(node):
            left, right = map(writer.atom, writer.values(node.left, node.right))
            return _compare(writer, node.operator, left, right, truth=True)
    if not writer.numbers and (made := _truth_within(writer, node)) is not None:
        return made
    value = writer.value(node)
    if gives_boolean(writer, node):
        return writer.test(value, ast.Is(), writer.constant(value=True))
    return value if is_boolean(writer, node) else _truth_of(writer, value)


def _truth_within(writer: Writer, node: nodes.Node) -> ast.expr | None:
    """The truth of a node that is decided by the truth of nodes in it; None for other nodes."""
    denied = argument_of(writer, node, "not")
    if denied is not None and is_boolean(writer, denied):
        return writer.not_(compile_truth(writer, denied))
    match node:
        case nodes.Block(expressions=(one,)) if not bound_in((one,)):
            with writer.placed(one):
                return compile_truth(writer, one)
        case nodes.Condition():
            with writer.placed(node):
                return _choose(writer, node, compile_truth, writer.constant(value=False))
    return None


def gives_boolean(writer: Writer, node: nodes.Node) -> bool:
    """Whether a node calls a standard function that gives true, false or undefined."""
    if not isinstance(node, nodes.Call) or argument_of(writer, node, "exists") is not None:
        return False
    name = function_name(writer, node.procedure)
    known = name in STANDARD and name not in writer.callers
    return known and (STANDARD[name or ""].signature or "").endswith(":b>")


def is_comparison(node: nodes.Node) -> TypeGuard[nodes.Binary]:
    """Whether a node's value is true, false or undefined for any data."""
    return isinstance(node, nodes.Binary) and node.operator in _ORDER


def is_boolean(writer: Writer, node: nodes.Node) -> bool:
    """Whether a node's value is true or false for any data."""
    if isinstance(node, nodes.Binary):
        return node.operator in ("and", "or", "=", "!=", "in")
    return argument_of(writer, node, "exists") is not None


def _truth_of(writer: Writer, value: ast.expr) -> ast.expr:
    """A test of the value's class if that is text or a boolean, else a call of `truthy`."""
    if isinstance(value, ast.Constant):
        return writer.constant(bool(value.value))
    value = writer.atom(value)
    known = writer.classes.get(value.id) if isinstance(value, ast.Name) else None
    if known in ("str", "int", "bool"):
        return writer.test(value, ast.NotEq(), writer.constant("" if known == "str" else 0))
    certain = writer.test(value, ast.Is(), writer.constant(value=True))
    is_text = writer.test(value, ast.NotEq(), writer.constant(""))
    # What Python takes for false is false here, too: null, MISSING, an empty array or object.
    is_some = ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), value, **writer.at), **writer.at)
    other = writer.either(certain, writer.both(is_some, writer.called("truthy", value, *writer.clock())))
    return writer.choice(writer.has_class(value, "str"), is_text, other)
