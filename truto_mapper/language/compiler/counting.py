"""`$count` of values that are only made to be counted: `$count(**)`, `$count(a.*)`."""

import ast

from truto_mapper.language import nodes
from truto_mapper.language.compiler.paths import compile_steps
from truto_mapper.language.compiler.steps import is_plain
from truto_mapper.language.compiler.writer import Writer


def compile_count(writer: Writer, node: nodes.Node) -> ast.expr | None:
    """The number of values of a node, without making them. None if they have to be made."""
    if writer.numbers:
        return None
    if isinstance(node, nodes.Descendant):
        return writer.called("count_descendants", writer.focus(), writer.running())
    if not isinstance(node, nodes.Path) or not _ends_with_wildcard(node):
        return None
    state = compile_steps(writer, node.steps[:-1], "open")
    return writer.called("count_wildcards", writer.running(), writer.called("items", state))


def _ends_with_wildcard(node: nodes.Path) -> bool:
    """Whether the last of several steps is `*`, and nothing is attached to it or the path."""
    first, last = node.steps[0], node.steps[-1]
    is_plain_path = node.group is None and not (node.keep_singleton_array or node.keep_array or node.tuple)
    several = len(node.steps) > 1 and not first.consarray and not any(step.tuple for step in node.steps)
    return is_plain_path and several and isinstance(last.node, nodes.Wildcard) and is_plain(last)
