"""Predicates: `a[0]`, `a[b = 1]`."""

import ast
import math
from collections.abc import Collection, Sequence

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import Names, item_context, needs_function
from truto_mapper.language.compiler.operators import compile_truth, gives_boolean, is_boolean, is_comparison
from truto_mapper.language.compiler.writer import Writer


def filter_value(writer: Writer, stages: Sequence[nodes.Filter | nodes.Index], value: ast.expr) -> ast.expr:
    """The items of a value for which all predicates hold, not yet collapsed."""
    filters = [one for one in stages if isinstance(one, nodes.Filter)]
    for number, one in enumerate(filters, 1):
        with writer.placed(one):
            if isinstance(one.expression, nodes.Number):
                value = writer.called("item_at", value, writer.constant(math.floor(one.expression.value)))
                # The next predicate is evaluated for an item that is undefined, but not for a missing one.
                value = writer.called("items", value) if number < len(filters) else value
            else:
                value = _filter(writer, one.expression, writer.called("context_items", value))
            value = writer.flat(number, writer.traced(one, value))
    return value


def filter_tuples(writer: Writer, predicate: nodes.Filter, tuples: ast.expr, names: Collection[str]) -> ast.expr:
    """The tuples of a stream for which a predicate holds."""
    if not isinstance(predicate.expression, nodes.Number):
        return _filter(writer, predicate.expression, tuples, names)
    found = writer.called("item_at", tuples, writer.constant(math.floor(predicate.expression.value)))
    return writer.called("Tuples", writer.called("listed", found))


def _filter(writer: Writer, predicate: nodes.Node, over: ast.expr, names: Names = None) -> ast.expr:
    """A loop that keeps an item if the predicate is true for it, or is its index."""
    source = writer.atom(over)
    found = writer.empty("Sequence" if names is None else "Tuples")
    item, index = writer.new_local("item"), writer.new_local("i")
    asks = names is None and (is_comparison(predicate) or gives_boolean(writer, predicate))

    def test() -> ast.expr:
        with item_context(writer, item, predicate, names):
            return compile_truth(writer, predicate) if asks else writer.value(predicate)

    apart = writer.function([item], test) if needs_function(writer, predicate) else None
    body: list[ast.stmt] = []
    with writer.looping(body):
        result = writer.called(apart, writer.load(item)) if apart else test()
        counts = not (asks or is_boolean(writer, predicate))
        if not counts:
            writer.branch(result, lambda: writer.append(found, writer.load(item)))
        else:
            position = writer.load(index), writer.called("len", source)
            clock = [writer.running()] if writer.repeats else []
            writer.do(writer.called("select", writer.load(found), writer.load(item), result, *position, *clock))
    if counts:
        writer.loop(writer.called("enumerate", writer.watched(source)), body, index, item)
    else:
        writer.loop(writer.watched(source), body, item)
    return writer.grown(writer.load(found))
