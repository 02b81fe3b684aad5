"""Which expressions may give values that are not plain JSON."""

from __future__ import annotations

from truto_mapper.language.library.functions import OURS, STANDARD
from truto_mapper.language.names import excludes_undefined
from truto_mapper.language.nodes import (
    Apply,
    Array,
    Binary,
    Bind,
    Call,
    Filter,
    Group,
    Lambda,
    Node,
    Number,
    Object,
    Partial,
    Path,
    Regex,
    Step,
    Transform,
    Variable,
    children,
    walk,
)

#: Where a function among the arguments of a standard function is called, or seen to be one, and goes no further.
_CONSUMED = {
    **dict.fromkeys(("map", "filter", "single", "reduce", "sift", "each", "sort", "match", "contains", "split"), (1,)),
    "replace": (1, 2),
}


def escapes(node: Node) -> bool:
    """Whether a value may hold functions, infinite numbers, arrays kept whole or undefined items: no plain JSON."""
    nodes = list(walk(node))
    nests = any(isinstance(one, (Array, Object, Group, Call, Apply)) for one in nodes)
    return any(_is_odd(one, nests=nests) for one in nodes) or _escapes(node, frozenset())


def _is_odd(node: Node, *, nests: bool) -> bool:
    """Whether a node by itself may put such a value into others."""
    match node:
        case Binary(operator="/" | "%") | Variable(name="parseInteger" | "round" | "toMillis"):
            return True
        case Array(whole=True) | Transform():  # the latter may put an object into itself
            return True
        case Path(steps=(Step(consarray=True), *_)):
            return True
        case Step(keep_array=kept) | Path(keep_array=kept):
            return kept and nests
        case Filter(expression=predicate):
            return not isinstance(predicate, Number) and not excludes_undefined(predicate)
        case _:
            return False


def _escapes(node: Node, consumed: frozenset[int]) -> bool:
    match node:
        case Lambda(body=body):
            return id(node) not in consumed or _escapes(body, frozenset())
        case Regex() | Partial() | Transform():
            return id(node) not in consumed
        case Variable(name=name):
            return id(node) not in consumed and (name in STANDARD or name in OURS)
        case Call(procedure=Variable(name=name) as called, arguments=arguments):
            own = {id(called), *(id(a) for i, a in enumerate(arguments) if i in _CONSUMED.get(name, ()))}
            if any(isinstance(one, Bind) for one in walk(node)):
                return True
            return any(_escapes(child, frozenset(own)) for child in children(node))
        case Apply(left=left, right=Call(procedure=Variable(name=name), arguments=arguments)):
            own = {id(a) for i, a in enumerate(arguments, 1) if i in _CONSUMED.get(name, ())}
            return _escapes(left, frozenset()) or any(_escapes(a, frozenset(own)) for a in arguments)
        case Apply(left=left, right=right):
            return _escapes(left, frozenset()) or _escapes(right, frozenset({id(right)}))
        case _:
            return any(_escapes(child, frozenset()) for child in children(node))
