"""Joins by equality: finds in a predicate the `=` by which its step can be joined by hash."""

import ast
from collections.abc import Collection, Iterator

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import item_context, item_function, tuple_names
from truto_mapper.language.compiler.variables import function_name
from truto_mapper.language.compiler.writer import Writer
from truto_mapper.language.names import is_simple_path

#: Functions of one text or number that always give the same for the same, and how many arguments say which.
_PURE = dict.fromkeys(("string", "number", "lowercase", "uppercase", "trim", "length", "floor", "ceil", "abs"), 1)
_PURE |= dict.fromkeys(("substring", "substringBefore", "substringAfter"), 2)

#: What a side reads: names of variables, and "@" for `$`.
Reads = frozenset[str]


def equality_of(writer: Writer, step: nodes.Step, test: nodes.Node, names: Collection[str]) -> ast.expr:
    """The sides of a `=` that joins: a function of the tuple before the step, and one of a new item. Else None."""
    binds = any(isinstance(one, nodes.Bind) for one in nodes.walk(test))
    found = None if binds or any(tuple_names(step.node)) else next(_equalities(writer, step, test, names), None)
    if found is None:
        return writer.constant(None)
    of_tuple, of_item = found
    item = writer.new_local("item")

    def write() -> ast.expr:
        with writer.scope(), item_context(writer, item, of_item):
            if step.focus:
                writer.variables[step.focus.name] = (item, writer.nonlocals)
            return writer.value(of_item)

    return writer.tuple_of(item_function(writer, of_tuple, names), writer.load(writer.function([item], write)))


def _equalities(
    writer: Writer, step: nodes.Step, test: nodes.Node, names: Collection[str]
) -> Iterator[tuple[nodes.Node, nodes.Node]]:
    """The sides of each `=` that is evaluated for every tuple: nothing before it can fail."""
    own = frozenset([step.focus.name if step.focus else "@"])
    position = {step.index.name} if step.index else set()
    others = (frozenset(names) | position | {"@"}) - own
    for one in nodes.conjuncts(test):
        if not isinstance(one, nodes.Binary) or one.operator not in ("=", "!="):
            return
        for of_tuple, of_item in ((one.left, one.right), (one.right, one.left)):
            item_reads, tuple_reads = _reads(writer, of_item), _reads(writer, of_tuple)
            if one.operator == "!=" or item_reads is None or tuple_reads is None:
                continue
            if own <= item_reads and not item_reads & others and not tuple_reads & (own | position):
                yield of_tuple, of_item
        if not _is_safe(one.left, one.right):
            return


def _is_safe(*sides: nodes.Node) -> bool:
    """Whether no side can fail."""
    return all(isinstance(side, nodes.LITERALS) or is_simple_path(side) for side in sides)


def _reads(writer: Writer, node: nodes.Node) -> Reads | None:
    """What a side reads, if it always gives the same for the same. Otherwise, or if that is not clear, None."""
    match node:
        case nodes.String() | nodes.Number() | nodes.Value() | nodes.Variable(name="$"):
            return frozenset()
        case nodes.Variable(name=name):
            return frozenset([name or "@"])
        case nodes.Name():
            return frozenset("@")
        case nodes.Path() if is_simple_path(node):
            return _reads(writer, node.steps[0].node)
        case nodes.Block(expressions=(inner,)) | nodes.Negate(expression=inner):
            return _reads(writer, inner)
        case nodes.Binary(left=left, right=right) | nodes.Coalesce(left=left, right=right):
            return _all_read(writer, left, right)
        case nodes.Call(procedure=procedure, arguments=arguments):
            called = function_name(writer, procedure)
            is_pure = called in _PURE and called not in writer.callers and len(arguments) >= _PURE[called]
            return _all_read(writer, *arguments) if is_pure else None
        case _:
            return None


def _all_read(writer: Writer, *several: nodes.Node) -> Reads | None:
    found = [_reads(writer, one) for one in several]
    return None if None in found else frozenset().union(*filter(None, found))
