"""Finds expressions whose values may not be plain JSON."""

from collections.abc import Collection, Iterable

from truto_mapper.language import nodes
from truto_mapper.language.library.functions import OURS, STANDARD
from truto_mapper.language.names import excludes_undefined, is_simple_path

#: The nodes that may put one value into a result many times.
_MULTIPLYING = (nodes.Apply, nodes.Bind, nodes.Call, nodes.Descendant, nodes.Lambda, nodes.Partial, nodes.Wildcard)

#: The arguments in which a standard function takes a function and does not return it; some return what it gives.
_CONSUMED = {
    **dict.fromkeys(("map", "filter", "single", "reduce", "sift", "each", "sort", "match", "contains", "split"), (1,)),
    "replace": (1, 2),
}


_RETURNING = ("map", "reduce", "each")


def escapes(node: nodes.Node) -> bool:
    """Whether the value may hold functions, infinite numbers, constructed arrays or undefined items."""
    below = list(nodes.walk(node))
    if nests_sequences(below):
        return True
    nests = any(isinstance(one, (nodes.Array, nodes.Object, nodes.Group, nodes.Call, nodes.Apply)) for one in below)
    return any(_is_odd(one, nests=nests) for one in below) or _escapes(node, frozenset())


#: The standard functions whose result may be a sequence, and those that put the results of a function into one.
_OF_SEQUENCES = {"append", "distinct", "each", "eval", "filter", "keys", "lookup", "map", "match", "reduce", "reverse"}
_OF_SEQUENCES |= {"single", "sort", "spread"}
_COLLECTING = {"each", "map"}


def nests_sequences(below: Collection[nodes.Node]) -> bool:
    """Whether one of these nodes, an expression, may be a sequence within one, which collapses more than once.

    A lambda's tail call, and a standard function as a value, return a sequence that is not collapsed.
    """
    names = {one.name for one in below if isinstance(one, nodes.Variable)}
    if names.isdisjoint(_COLLECTING):
        return False
    called = {id(one.procedure) for one in below if isinstance(one, nodes.Call) and not one.tail}
    own = {one.variable.name for one in below if isinstance(one, nodes.Bind)}
    own |= {one.name for each in below if isinstance(each, nodes.Lambda) for one in each.parameters}
    return any(_returns_sequence(one, called, own) for one in below)


def _returns_sequence(node: nodes.Node, called: Collection[int], own: Collection[str]) -> bool:
    match node:
        case nodes.Call(procedure=nodes.Variable(name=name), tail=True):
            return name in _OF_SEQUENCES or name not in STANDARD or name in own
        case nodes.Variable(name=name):
            return name in _OF_SEQUENCES and id(node) not in called
        case nodes.Call(tail=True) | nodes.Partial():
            return True
        case _:
            return False


def _is_odd(node: nodes.Node, *, nests: bool) -> bool:
    """Whether a node may itself create such a value, other than a function."""
    match node:
        case nodes.Binary(operator="/" | "%") | nodes.Variable(name="match" | "parseInteger" | "round" | "toMillis"):
            return True
        case nodes.Array(whole=True) | nodes.Transform():  # a transform may put an object into itself
            return True
        case nodes.Path(steps=(nodes.Step(consarray=True), *_)):
            return True
        case nodes.Step(keep_array=kept) | nodes.Path(keep_array=kept):
            return kept and nests
        case nodes.Filter(expression=predicate):
            return not isinstance(predicate, nodes.Number) and not excludes_undefined(predicate)
        case _:
            return False


def _escapes(node: nodes.Node, consumed: frozenset[int]) -> bool:
    match node:
        case nodes.Lambda(body=body):
            return id(node) not in consumed or _escapes(body, frozenset())
        case nodes.Partial(arguments=arguments):
            return id(node) not in consumed or any(_escapes(one, frozenset()) for one in arguments)
        case nodes.Regex() | nodes.Transform():
            return id(node) not in consumed
        case nodes.Variable(name=name):
            return id(node) not in consumed and (name in STANDARD or name in OURS)
        case nodes.Call(procedure=nodes.Variable(name=name) as called, arguments=arguments):
            own = {id(called), *_consumed(name, enumerate(arguments))}
            if any(isinstance(one, nodes.Bind) for one in nodes.walk(node)):
                return True
            return any(_escapes(child, frozenset(own)) for child in nodes.children(node))
        case nodes.Apply(left=left, right=nodes.Call(procedure=nodes.Variable(name=name), arguments=arguments)):
            own = _consumed(name, enumerate(arguments, 1))
            return _escapes(left, frozenset()) or any(_escapes(a, frozenset(own)) for a in arguments)
        case nodes.Apply(left=left, right=right):
            own = set() if isinstance(right, nodes.Regex) else {id(right)}
            return _escapes(left, frozenset()) or _escapes(right, frozenset(own))
        case _:
            return any(_escapes(child, frozenset()) for child in nodes.children(node))


def _consumed(name: str, arguments: Iterable[tuple[int, nodes.Node]]) -> set[int]:
    """The ids of the arguments that the function takes as functions. A match has a function for the next one."""
    given = [one for place, one in arguments if place in _CONSUMED.get(name, ())]
    return {id(one) for one in given if not (isinstance(one, nodes.Regex) and name in _RETURNING)}


def multiplies(node: nodes.Node) -> bool:
    """Whether the value may hold its parts many more times than the data do."""
    if is_simple_path(node):
        return False
    below = list(nodes.walk(node))
    return any(isinstance(one, _MULTIPLYING) or nodes.is_variable(one) or nodes.is_range(one) for one in below)
