"""What the names in an expression refer to: free variables, and paths that consist of names."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import pairwise

from truto_mapper.language import nodes
from truto_mapper.language.nodes import Name, Node, Path, Step, Variable, children
from truto_mapper.text.source import Span

#: Names that lead from a value to one below it. Arrays have no step: a name goes through all items.
NamePath = tuple[str, ...]


def free_variables(node: Node) -> list[Variable]:
    """The variables of a node that are not bound within it, in the order of the text."""
    return sorted(_free(node, set(), frozenset()), key=lambda v: v.span.start)


def _free(node: Node, bound: set[str], later: frozenset[str]) -> Iterator[Variable]:
    """The free variables. `bound` are the names bound so far, `later` those bound by the time a lambda runs."""
    match node:
        case Variable(name=name):
            if name not in bound and name not in ("", "$"):
                yield node
        case nodes.Bind(variable=variable, value=value):
            yield from _free(value, bound, later)
            bound.add(variable.name)
        case nodes.Block():
            yield from _free_below(node, set(bound), later | binds(node))
        case nodes.Lambda(parameters=parameters, body=body):
            inner = bound | later | {p.name for p in parameters}
            yield from _free(body, inner, later | binds(body))
        case Path():
            yield from _free_below(node, set(bound), later)
        case Step(focus=focus, index=index):
            yield from _free(node.node, bound, later)
            bound |= {v.name for v in (focus, index) if v}
            for stage in (*node.predicates, *node.stages, *([node.group] if node.group else [])):
                yield from _free(stage, bound, later)
        case nodes.Index(variable=variable):
            bound.add(variable.name)
        case _:
            yield from _free_below(node, bound, later)


def _free_below(node: Node, bound: set[str], later: frozenset[str]) -> Iterator[Variable]:
    # A group may be written within its path, but is evaluated last.
    below = sorted(children(node), key=lambda child: isinstance(child, nodes.Group))
    if isinstance(node, nodes.Chain):  # `$a := $b := c` binds from right to left
        below = list(node.parts)
    for child in below:
        yield from _free(child, bound, later)


def binds(node: Node) -> frozenset[str]:
    """The names that are bound in the scope that a node opens."""
    names: set[str] = {node.variable.name} if isinstance(node, nodes.Bind) else set()
    for child in children(node):
        if not isinstance(child, (nodes.Block, nodes.Lambda)):
            names |= binds(child)
    return frozenset(names)


def bare_calls(node: Node) -> list[tuple[Name, Span | None]]:
    """The names that are called without a `$`, and the span before it: `a.b` of `a.b.sum()`."""
    found: list[tuple[Name, Span | None]] = []
    before: dict[int, Span] = {}
    for one in nodes.walk(node):
        if isinstance(one, Path):
            after = {id(step): Span(one.span.start, last.span.end) for last, step in pairwise(one.steps)}
            before |= after | {id(step.node): after[id(step)] for step in one.steps[1:]}
        elif isinstance(one, (nodes.Call, nodes.Partial)):
            alone = isinstance(one.procedure, Path) and len(one.procedure.steps) == 1
            name = one.procedure.steps[0].node if alone else one.procedure  # type: ignore[union-attr]  # a path
            found += [(name, before.get(id(one)))] if isinstance(name, Name) else []
    return found


def keeps_functions(node: Node, values: Collection[str] = ()) -> bool:
    """Whether an object of an expression may have a field that is a function, which a name can then call.

    `values` has the names of variables that hold none.
    """
    pairs = (pair for one in nodes.walk(node) if isinstance(one, (nodes.Object, nodes.Group)) for pair in one.pairs)
    return any(
        value.name not in values
        if isinstance(value, Variable)
        else isinstance(value, (nodes.Lambda, nodes.Partial, nodes.Transform, nodes.Regex))
        for _, value in pairs
    )


def is_function(node: Node, functions: Collection[str]) -> bool:
    """Whether the value of an expression is a function; `functions` are those that have names."""
    match node:
        case nodes.Lambda() | nodes.Partial() | nodes.Transform() | nodes.Regex():
            return True
        case Variable(name=name):
            return name in functions
        case nodes.Block(expressions=(*_, last)) | nodes.Bind(value=last):
            return is_function(last, functions)
        case nodes.Condition(then=one, otherwise=other) if other is not None:
            return is_function(one, functions) and is_function(other, functions)
        case nodes.Apply(left=one, right=other):
            return is_function(one, functions) and is_function(other, functions)
        case _:
            return False


def discarded(node: Node) -> list[Node]:
    """The expressions of blocks whose values nothing uses, in the order of the text: `$x = 1` in `($x = 1; $x)`.

    A call is not among them: it may be there to fail.
    """
    acts = (nodes.Bind, nodes.Call, nodes.Apply)
    unused = (one for block in nodes.walk(node) if isinstance(block, nodes.Block) for one in block.expressions[:-1])
    return [
        one
        for one in unused
        if isinstance(one, nodes.Binary) or not any(isinstance(inner, acts) for inner in nodes.walk(one))
    ]


def meant_as_binding(node: Node) -> Variable | None:
    """The variable of a discarded `$x = 1`, which was probably meant to be `$x := 1`."""
    if isinstance(node, nodes.Binary) and node.operator == "=" and isinstance(node.left, Variable):
        return node.left
    return None


def bound_values(node: Node) -> dict[str, Node]:
    """What an expression binds its variables to, by name."""
    return {one.variable.name: one.value for one in nodes.walk(node) if isinstance(one, nodes.Bind)}


def leading_names(node: Node) -> list[Name | Variable]:
    """The names that a path begins with, including those with predicates."""
    steps = node.steps if isinstance(node, Path) else (node,)
    names: list[Name | Variable] = []
    for step in steps:
        named = step.node if isinstance(step, Step) else step
        if not isinstance(named, Name) and (names or not isinstance(named, Variable)):
            break
        names.append(named)
    return names


def texts_of_names(node: Node) -> list[str]:
    """The names that a path begins with, as texts; that of `$` is empty."""
    return [one.value if isinstance(one, Name) else one.name for one in leading_names(node)]


def is_simple_path(node: Node) -> bool:
    """Whether a node is a variable, or a path of names and at most `[]`."""
    if not isinstance(node, Path):
        return isinstance(node, Variable)
    return all(map(_is_bare, node.steps)) and node.group is None and len(leading_names(node)) == len(node.steps)


def index_names(node: Node) -> set[str]:
    """The names that are bound to the index of an item: `a#$i`, `$map(a, function($item, $i) { … })`."""
    found: set[str] = set()
    for one in nodes.walk(node):
        match one:
            case Step(index=Variable(name=name)):
                found.add(name)
            case nodes.Call(
                procedure=Variable(name="map" | "filter" | "single"),
                arguments=(_, nodes.Lambda(parameters=(_, Variable(name=name), *_))),
            ):
                found.add(name)
    return found


def _is_bare(step: Step) -> bool:
    """Whether a step has nothing attached to it but `[]`."""
    attached = step.predicates or step.stages or step.group or step.focus or step.index or step.ancestor
    return not (attached or step.tuple or step.consarray)


def without_brackets(node: Node) -> Node:
    """A path of names without its `[]`; any other node unchanged."""
    if not isinstance(node, Path) or not is_simple_path(node):
        return node
    steps = tuple(replace(step, keep_array=False) if isinstance(step, Step) else step for step in node.steps)
    return replace(node, steps=steps, keep_singleton_array=False, keep_array=False)


#: Functions that are undefined where their first argument is.
_UNDEFINED_ALIKE = frozenset(
    {"contains", "length", "lowercase", "number", "string", "substring", "substringAfter", "substringBefore"}
    | {"trim", "type", "uppercase"}
)

#: Functions that are undefined or false there.
_OF_SOMETHING = _UNDEFINED_ALIKE | {"boolean", "count", "exists", "lookup", "match", "not"}


def excludes_undefined(predicate: Node) -> bool:
    """Whether a predicate certainly rejects undefined items, which otherwise stay in JSONata's sequences."""
    match predicate:
        case nodes.Binary(operator="and", left=left, right=right):
            return excludes_undefined(left) or excludes_undefined(right)
        case nodes.Binary(operator="or", left=left, right=right):
            return excludes_undefined(left) and excludes_undefined(right)
        case nodes.Binary(operator=operator, left=left, right=right) if operator not in ("&", ".."):
            return _is_undefined(left) or _is_undefined(right)
        case nodes.Call(procedure=Variable(name=name), arguments=(first, *_)) if name in _OF_SOMETHING:
            return _is_undefined(first)
        case nodes.Block(expressions=(*_, last)):
            return excludes_undefined(last)
        case _:
            return _is_undefined(predicate)


def _is_undefined(node: Node) -> bool:
    """Whether a node is certainly undefined where `$` is."""
    match node:
        case nodes.Call(procedure=Variable(name=name), arguments=(argument, *_)) if name in _UNDEFINED_ALIKE:
            return _is_undefined(argument)
    first: Node = node.steps[0] if isinstance(node, Path) else node
    if isinstance(first, Step):
        if first.stages or first.predicates or first.group is not None:
            return False
        first = first.node
    of_context = isinstance(first, (Name, nodes.Wildcard, nodes.Descendant)) or (
        isinstance(first, Variable) and first.name == ""
    )
    return of_context and (not isinstance(node, Path) or node.group is None)
