"""Tuple streams: paths with `@$v`, `#$i` or `%`, whose items carry variables."""

import ast
from collections.abc import Collection

from truto_mapper.language import nodes
from truto_mapper.language.compiler.grouping import group_items
from truto_mapper.language.compiler.items import item_context, item_function, tuple_names
from truto_mapper.language.compiler.joins import equality_of
from truto_mapper.language.compiler.operators import is_boolean
from truto_mapper.language.compiler.predicates import filter_tuples
from truto_mapper.language.compiler.sorting import sort_items
from truto_mapper.language.compiler.steps import compile_step, first_step, next_step
from truto_mapper.language.compiler.writer import Writer

#: The code of a tuple stream, and the variables that its tuples bind.
Stream = tuple[ast.expr, dict[str, None]]


def compile_tuple_path(writer: Writer, node: nodes.Path) -> ast.expr:
    """A path with tuple steps: its items, its group, or the tuples themselves if an outer path needs them."""
    return writer.apart(lambda: _tuple_path(writer, node))


def _tuple_path(writer: Writer, node: nodes.Path) -> ast.expr:
    first = next(number for number, step in enumerate(node.steps) if step.tuple)
    state: ast.expr | None = None
    for step in node.steps[:first]:
        state = first_step(writer, step, "open") if state is None else next_step(writer, step, state, "open")
    state = state and writer.atom(state)
    *steps, last = node.steps[first:]
    needs_tuples = node.group is not None or node.tuple or not steps or not _is_bare(last)
    stream = None
    for number, step in enumerate([*steps, last] if needs_tuples else steps, 1):
        with writer.placed(step):
            tuples, names = _step(writer, step, state, stream)
        stream = writer.flat(number, tuples), names
    tuples, names = stream  # type: ignore[misc]  # there is a first step
    if not needs_tuples:
        with writer.placed(last):
            return writer.called("collected", writer.running(), tuples, _step_function(writer, last, names))
    tuples = writer.atom(tuples)
    if node.group is not None:
        over = tuples if state is None else writer.called("begun", state, tuples)
        return group_items(writer, node.group, over, names)
    return tuples if node.tuple else writer.called("unbound", tuples)


def _is_bare(step: nodes.Step) -> bool:
    """Whether a step binds nothing and has no predicates of tuples."""
    return not (step.focus or step.index or step.ancestor or step.stages or isinstance(step.node, nodes.Sort))


def _step(writer: Writer, step: nodes.Step, state: ast.expr | None, stream: Stream | None) -> Stream:
    """A step from one stream to the next. The first one has no stream, only the `state` of the steps before it."""
    stages = step.stages
    if not isinstance(step.node, nodes.Sort):
        tests = _leading_tests(writer, stages)
        stages = stages[len(tests) :]
        stream = _spread(writer, step, stream or _begin(writer, _first_items(writer, step, state)), tests)
    elif stream is not None:
        stream = sort_items(writer, step.node, *stream), stream[1]
    else:
        listed = writer.called("listed", state)  # type: ignore[arg-type]  # no path begins with a sort
        stream = _begin(writer, sort_items(writer, step.node, listed))
        stream = _number(writer, step.index, stream) if step.index else stream
    for number, stage in enumerate(stages, 1):
        if isinstance(stage, nodes.Index):
            stream = _number(writer, stage.variable, stream)
        else:
            stream = filter_tuples(writer, stage, *stream), stream[1]
        stream = writer.flat(number, stream[0]), stream[1]
    return stream


def _leading_tests(writer: Writer, stages: tuple[nodes.Filter | nodes.Index, ...]) -> list[nodes.Node]:
    """The first predicates of a step that are true or false for each tuple on its own."""
    found: list[nodes.Node] = []
    for stage in stages:
        if not isinstance(stage, nodes.Filter) or not is_boolean(writer, stage.expression):
            break
        found.append(stage.expression)
    return found


def _first_items(writer: Writer, step: nodes.Step, state: ast.expr | None) -> ast.expr:
    if state is not None:
        return writer.called("items", state)
    if writer.is_input or isinstance(step.node, nodes.Variable):
        return writer.list_of(writer.dollar())
    return writer.called("context_items", writer.dollar())


def _begin(writer: Writer, items: ast.expr) -> Stream:
    return writer.called("stream", writer.running(), items), {}


def _number(writer: Writer, index: nodes.Variable, stream: Stream) -> Stream:
    """`#$i`: a call of `numbered`, which binds the position of each tuple."""
    tuples, names = stream
    names[index.name] = None
    return writer.called("numbered", writer.running(), tuples, writer.constant(index.name)), names


def _spread(writer: Writer, step: nodes.Step, stream: Stream, tests: list[nodes.Node]) -> Stream:
    """A tuple for each item that the step finds for a tuple: `spread`, or with tests `join`."""
    tuples, names = stream
    tuples, stepped = writer.atom(tuples), _step_function(writer, step, names)
    own = [None if variable is None else variable.name for variable in (step.focus, step.index)] + [step.ancestor]
    given = [writer.running(), tuples, stepped]
    equality = equality_of(writer, step, tests[0], names) if tests else None
    names |= dict.fromkeys((*(name for name in own if name is not None), *tuple_names(step.node)))
    if equality is not None:
        given += [writer.tuple_of(*(item_function(writer, test, names) for test in tests)), equality]
    return writer.called("join" if tests else "spread", *given, *map(writer.constant, own)), names


def _step_function(writer: Writer, step: nodes.Step, names: Collection[str]) -> ast.expr:
    """A Python function that takes a tuple and returns the value of a step."""
    bound = writer.new_local("bound")

    def write() -> ast.expr:
        with item_context(writer, bound, step, names):
            return compile_step(writer, step)

    return writer.load(writer.function([bound], write))
