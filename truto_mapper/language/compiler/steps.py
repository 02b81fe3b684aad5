"""Steps: names, `*`, `**`, and any node with predicates, a group or `[]`. Each step is the context of the next."""

import ast
from typing import Literal

from truto_mapper.language import nodes
from truto_mapper.language.compiler.grouping import group_items
from truto_mapper.language.compiler.items import needs_function, tuple_names
from truto_mapper.language.compiler.predicates import filter_tuples, filter_value
from truto_mapper.language.compiler.sorting import sort_items
from truto_mapper.language.compiler.writer import Writer

#: What a step gives: items for the next step, or as the last step a raw sequence or a collapsed value.
End = Literal["open", "raw", "value"]


def compile_name(writer: Writer, node: nodes.Name) -> ast.expr:
    """A field of `$`, which counts as one item: the whole input, or an item of a loop."""
    return _look_up(writer, writer.dollar(), node, "root_field")


def _look_up(writer: Writer, value: ast.expr, node: nodes.Name, function: str, *, of_step: bool = False) -> ast.expr:
    """`value.get(name, MISSING)` for an object, else a call. The value of a step may be a constructed array."""
    value, name = writer.atom(value), writer.constant(node.value)
    quick = writer.method(value, "get", name, writer.load("MISSING"))
    if isinstance(value, ast.Name) and value.id in writer.objects:
        return writer.traced(node, writer.choice(writer.is_there(value), quick, writer.load("MISSING")), value)
    several = writer.method(writer.running(), "counted", value) if writer.loops or writer.reads_variables else value
    exact = writer.called(function, writer.called("whole", several) if of_step else several, name)
    return writer.traced(node, writer.choice(writer.has_class(value, "dict"), quick, exact), value)


def is_before_field(step: nodes.Step, following: nodes.Step) -> bool:
    """Whether a step is `**` and a field follows, so that only objects matter. A predicate also sees undefined."""
    is_field = isinstance(following.node, nodes.Name) and is_plain(following)
    return is_field and isinstance(step.node, nodes.Descendant) and is_plain(step)


def compile_wildcard(writer: Writer, node: nodes.Wildcard | nodes.Descendant) -> ast.expr:
    """`*` or `**`."""
    return writer.called("settled", writer.value(node, raw=True))


def compile_raw_wildcard(writer: Writer, node: nodes.Wildcard | nodes.Descendant) -> ast.expr:
    """`*` or `**` before its sequence is collapsed."""
    of_all = "objects" if id(node) in writer.before_fields else "descendants"
    return writer.called("wildcard" if isinstance(node, nodes.Wildcard) else of_all, writer.focus(), *writer.clock())


def compile_step(writer: Writer, step: nodes.Step) -> ast.expr:
    """A node with its predicates, then its group or `[]` if it has one."""
    if not (step.predicates or step.group is not None or step.keep_array):
        return writer.value(step.node)
    value, names = writer.value(step.node, raw=True), dict.fromkeys(tuple_names(step.node))
    if names:
        for number, one in enumerate(step.predicates, 1):
            value = writer.flat(number, filter_tuples(writer, one, value, names))
    else:
        value = filter_value(writer, step.predicates, value, "Sequence" if step.group is None else "list")
    if step.group is not None:
        return group_items(writer, step.group, writer.items("listed", value))
    if not step.keep_array:
        return writer.called("settled", value)
    return writer.called("kept_path" if isinstance(step.node, nodes.Path) or step.predicates else "kept", value)


def first_step(writer: Writer, step: nodes.Step, end: End) -> ast.expr:
    """The first step of a path, whose context is `$`."""
    match step.node:
        case nodes.Name() if is_plain(step):
            function = "root_field" if writer.is_input else "field" if end == "value" else "fields"
            return _look_up(writer, writer.dollar(), step.node, function)
        case nodes.Variable():
            return _collapsed(writer, _step_value(writer, step), end)
        case _ if step.consarray:
            return writer.called("constructed_items", compile_step(writer, step))
    if not writer.is_input:
        if isinstance(step.node, nodes.Parent) and is_plain(step):
            return _parent(writer, step.node, end)
        return _loop(writer, step, writer.called("context_items", writer.dollar()), end)
    with writer.within(writer.context):
        value = writer.atom(_step_value(writer, step))
    if end != "open":
        return _of_value(writer, value, end)
    made = writer.new_local()
    writer.branch(
        writer.has_class(value, "dict"),  # one object is a context as it is
        lambda: writer.assign(made, value),
        lambda: writer.assign(made, _of_value(writer, value, end)),
    )
    return writer.load(made)


def _of_value(writer: Writer, value: ast.expr, end: End) -> ast.expr:
    """The value of a step that is evaluated once, as the results of a loop."""
    found = writer.empty("list")
    writer.append_defined(found, value)
    return _joined(writer, writer.load(found), end, is_once=not writer.loops)


def next_step(writer: Writer, step: nodes.Step, state: ast.expr, end: End) -> ast.expr:
    """A later step of a path. Its context is each item of `state`, the value of the step before."""
    with writer.placed(step):
        match step.node:
            case nodes.Name() if is_plain(step):
                return _look_up(writer, state, step.node, "field" if end == "value" else "fields", of_step=True)
            case nodes.Sort():
                found = sort_items(writer, step.node, writer.called("items", state))
                return _collapsed(writer, filter_value(writer, step.stages, found), end)
            case nodes.Wildcard() if is_plain(step) and not writer.numbers:
                found = writer.called("wildcards", writer.running(), writer.called("items", state))
                return _joined(writer, found, end)
        return _loop(writer, step, writer.called("items", state), end)


def is_plain(step: nodes.Step) -> bool:
    """Whether nothing is attached to a step's node."""
    return not (step.predicates or step.stages or step.group or step.focus or step.index or step.keep_array)


def _loop(writer: Writer, step: nodes.Step, over: ast.expr, end: End) -> ast.expr:
    """A loop that evaluates the step for each item on its own."""
    found, item = writer.empty("list"), writer.new_local("item")
    over = writer.watched(over, found)

    def write() -> ast.expr:
        with writer.within(item):
            return _step_value(writer, step)

    body: list[ast.stmt] = []
    if needs_function(writer, step):
        function, target = writer.function([item], write), writer.new_local("item")
        with writer.into(body):
            writer.append_defined(found, writer.called(function, writer.load(target)))
    else:
        target = item
        with writer.looping(body):
            writer.append_defined(found, write())
    writer.loop(over, body, target)
    return _joined(writer, writer.load(found), end)


def _parent(writer: Writer, node: nodes.Parent, end: End) -> ast.expr:
    """`%` at the start of a path: the parent if it and the context are objects, else once for each context item."""
    value = writer.atom(writer.value(node))
    are_objects = writer.both(*(writer.has_class(one, "dict") for one in (writer.dollar(), value)))
    several = writer.called("repeated", writer.dollar(), value)
    return writer.choice(are_objects, value, _joined(writer, several, end))


def _step_value(writer: Writer, step: nodes.Step) -> ast.expr:
    return filter_value(writer, step.stages, compile_step(writer, step))


def _joined(writer: Writer, found: ast.expr, end: End, *, is_once: bool = False) -> ast.expr:
    """The results of a step, counted unless they are those of a step that is evaluated once."""
    counts = writer.checks_size or writer.loops or (writer.watches and not is_once)
    clock = [writer.running()] if counts else []
    return _collapsed(writer, writer.called("joined" if end == "open" else "ended", found, *clock), end)


def _collapsed(writer: Writer, value: ast.expr, end: End) -> ast.expr:
    return writer.called("settled", value) if end == "value" else value
