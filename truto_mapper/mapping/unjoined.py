"""An endpoint as it maps a page whose joins have not run: what reads `$joined` there is nothing, or a default.

It says the same as the endpoint itself with an empty `$joined`, in less time: an account that does not want a join
does not pay for it.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Node
from truto_mapper.mapping.linked import Endpoint, Template
from truto_mapper.text.source import Span

#: The functions that are undefined where their first argument is.
_OF_SOMETHING = frozenset(
    {"distinct", "join", "length", "lookup", "lowercase", "number", "replace", "split", "string", "substring"}
    | {"substringAfter", "substringBefore", "trim", "uppercase"}
)

_FALSE = nodes.Value(Span(0, 0), False)


def without_joins(endpoint: Endpoint) -> Endpoint:
    """An endpoint without its joins."""
    absent: set[str] = set()
    let = []
    for name, one in endpoint.let:
        made = _reduced(one.node, absent)
        if made is None:
            absent.add(name)
        let.append((name, _expression(one, made, "$undefined")))
    response = _template(endpoint.response, absent)
    return endpoint._replace(let=tuple(let), response=response, joins=())


def _template(template: Template, absent: AbstractSet[str]) -> Template:
    match template:
        case dict():
            return {name: _template(one, absent) for name, one in template.items()}
        case list():
            return [_template(one, absent) for one in template]
    return _expression(template, _reduced(template.node, absent), "null")


def _expression(whole: Expression, node: Node | None, nothing: str) -> Expression:
    """The expression of a part of a whole one; of a text that means nothing for None."""
    if node is whole.node:
        return whole
    span = Span(0, 0) if node is None or node is _FALSE else node.span
    at = range(span.start, span.end) or [0]
    text = whole.text[span.start : span.end] or ("false" if node is _FALSE else nothing)
    offsets = tuple(whole.locate(Span(place, place + 1)).start for place in at)
    offsets = offsets if len(offsets) == len(text) else offsets * len(text)
    functions = {name: one for name, one in whole.functions.items() if name not in (whole.tables or ())}
    return Expression(text, source=whole.source, offsets=offsets, functions=functions, tables=whole.tables)


def _reduced(node: Node, absent: AbstractSet[str]) -> Node | None:
    """What of a node decides its value if `$joined` is empty and some names are undefined; None for undefined."""
    match node:
        case nodes.Variable(name=name):
            return None if name in absent else node
        case nodes.Path(steps=(nodes.Step(node=nodes.Variable(name="joined")), _, *_), group=None):
            return None
        case nodes.Path(steps=(nodes.Step(node=first), *_), group=None) if not isinstance(first, nodes.Name):
            return None if _reduced(first, absent) is None else node
        case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)):
            return _FALSE if _reduced(one, absent) is None else node
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(one, *_)) if name in _OF_SOMETHING:
            return None if _reduced(one, absent) is None else node
        case nodes.Condition():
            return _branch(node, absent)
        case nodes.Coalesce(left=left, right=right) | nodes.Default(left=left, right=right):
            return _reduced(right, absent) if _reduced(left, absent) is None else node
        case nodes.Block(expressions=(one,)) if not isinstance(one, nodes.Bind):
            return _reduced(one, absent)
    return node


def _branch(node: nodes.Condition, absent: AbstractSet[str]) -> Node | None:
    """The branch of a condition that decides its value; the condition itself where either may."""
    test, other = _reduced(node.condition, absent), node.otherwise
    if test is None or test is _FALSE:
        return None if other is None else _reduced(other, absent)
    is_nothing = other is None and _cannot_fail(node.condition) and _reduced(node.then, absent) is None
    return None if is_nothing else node


def _cannot_fail(test: Node) -> bool:
    """Whether a test compares names and constants: nothing is lost if it is left out."""
    match test:
        case nodes.Binary(operator="=" | "!=", left=left, right=right):
            return all(isinstance(one, nodes.Value) or _is_names(one) for one in (left, right))
    return _is_names(test)


def _is_names(node: Node) -> bool:
    """Whether a node is a variable or a path of names."""
    steps = node.steps if isinstance(node, nodes.Path) and node.group is None else ()
    plain = [one for one in steps if not (one.predicates or one.stages)]
    named = [one for one in plain if isinstance(one.node, (nodes.Name, nodes.Variable))]
    return isinstance(node, nodes.Variable) or (bool(steps) and len(named) == len(steps))
