"""Predicates: `a[0]`, `a[b = 1]`."""

import ast
import math
from collections.abc import Collection, Iterator, Sequence

from truto_mapper.language import nodes
from truto_mapper.language.compiler.items import Names, item_context, needs_function
from truto_mapper.language.compiler.operators import compile_truth, gives_boolean, is_boolean, is_comparison
from truto_mapper.language.compiler.writer import Writer

#: The most predicates that one loop asks, so that its branches do not nest too deeply.
MAX_TOGETHER = 8


def filter_value(
    writer: Writer, stages: Sequence[nodes.Filter | nodes.Index], value: ast.expr, kind: str = "Sequence"
) -> ast.expr:
    """The items of a value for which all predicates hold, not yet collapsed; a `list` where only its items count."""
    loops = list(_loops(writer, [one for one in stages if isinstance(one, nodes.Filter)]))
    for number, several in enumerate(loops, 1):
        first = several[0]
        with writer.placed(first):
            if isinstance(first.expression, nodes.Number):
                value = _item_at(writer, value, math.floor(first.expression.value))
                # The next predicate is evaluated for an item that is undefined, but not for a missing one.
                value = writer.called("items", value) if number < len(loops) else value
            else:
                predicates = [one.expression for one in several]
                value = _filter(writer, predicates, writer.items("context_items", value), kind=kind)
            value = writer.flat(number, writer.traced(first, value))
    return value


def _loops(writer: Writer, filters: Sequence[nodes.Filter]) -> Iterator[list[nodes.Filter]]:
    """The predicates that each loop asks: those that follow each other and cannot be numbers."""
    several: list[nodes.Filter] = []
    for one in filters:
        if several and not (len(several) < MAX_TOGETHER and _is_test(writer, several[-1]) and _is_test(writer, one)):
            yield several
            several = []
        several = [*several, one]
    yield from [several] if several else []


def _is_test(writer: Writer, one: nodes.Filter) -> bool:
    """Whether a predicate is surely true, false or undefined, and needs no function of its own."""
    asks = is_comparison(one.expression) or gives_boolean(writer, one.expression)
    is_sure = asks or is_boolean(writer, one.expression)
    return is_sure and not writer.numbers and not needs_function(writer, one.expression)


def _item_at(writer: Writer, value: ast.expr, index: int) -> ast.expr:
    """The item at an index. The first and the last of a text are the text."""
    if index not in (0, -1):
        return writer.called("item_at", value, writer.constant(index))
    value = writer.atom(value)
    return writer.choice(writer.has_class(value, "str"), value, writer.called("item_at", value, writer.constant(index)))


def filter_tuples(writer: Writer, predicate: nodes.Filter, tuples: ast.expr, names: Collection[str]) -> ast.expr:
    """The tuples of a stream for which a predicate holds."""
    if not isinstance(predicate.expression, nodes.Number):
        return _filter(writer, [predicate.expression], tuples, names, "Tuples")
    found = writer.called("item_at", tuples, writer.constant(math.floor(predicate.expression.value)))
    return writer.called("Tuples", writer.called("listed", found))


def _filter(
    writer: Writer, predicates: Sequence[nodes.Node], over: ast.expr, names: Names = None, kind: str = "Sequence"
) -> ast.expr:
    """A loop that keeps an item if all predicates are true for it, or the only one is its index."""
    source = writer.atom(over)
    found = writer.empty(kind)
    item, index = writer.new_local("item"), writer.new_local("i")
    predicate, *more = predicates
    asks = names is None and (is_comparison(predicate) or gives_boolean(writer, predicate))

    def test(node: nodes.Node = predicate) -> ast.expr:
        with item_context(writer, item, node, names):
            return compile_truth(writer, node) if asks or more else writer.value(node)

    def keep(rest: Sequence[nodes.Node] = more) -> None:
        if not rest:
            writer.append(found, writer.load(item))
        else:
            writer.branch(test(rest[0]), lambda: keep(rest[1:]))

    apart = writer.function([item], test) if needs_function(writer, predicate) else None
    body: list[ast.stmt] = []
    with writer.looping(body):
        result = writer.called(apart, writer.load(item)) if apart else test()
        counts = not (asks or is_boolean(writer, predicate))
        if not counts:
            writer.branch(result, keep)
        else:
            position = writer.load(index), writer.called("len", source)
            clock = [writer.running()] if writer.repeats else []
            writer.do(writer.called("select", writer.load(found), writer.load(item), result, *position, *clock))
    if counts:
        writer.loop(writer.called("enumerate", writer.watched(source)), body, index, item)
    else:
        writer.loop(writer.watched(source), body, item)
    return writer.grown(writer.load(found))
