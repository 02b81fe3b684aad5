"""Finds expressions whose values may not be plain JSON."""

import math
from collections.abc import Collection, Iterable

from truto_mapper.language import nodes
from truto_mapper.language.compiler.lambdas import LOOPS, bound_names, piped_call, written_out
from truto_mapper.language.library.functions import LIBRARY, STANDARD, TRUTO
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
    own = set(bound_names(below))
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
        case nodes.Variable(name=name) if name in TRUTO or name == "trutoString":
            return True
        case nodes.Array(whole=True):
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
        case nodes.Transform():  # it may put an object into itself: the result is measured
            return id(node) not in consumed or any(_escapes(child, frozenset()) for child in nodes.children(node))
        case nodes.Regex():
            return id(node) not in consumed
        case nodes.Variable(name=name):
            return id(node) not in consumed and name in LIBRARY
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


#: How often the parts of the data may be held in a result that is not measured.
MAX_TIMES = 64


def multiplies(node: nodes.Node, callers: Collection[str] = ()) -> bool:
    """Whether the value may hold its parts many more times than the data do."""
    if is_simple_path(node):
        return False
    below = list(nodes.walk(node))
    may = any(isinstance(one, _MULTIPLYING) or nodes.is_variable(one) or nodes.is_range(one) for one in below)
    if not may or any(isinstance(one, (nodes.Bind, nodes.Partial)) for one in below):
        return may
    times = _Times(written_out(below, callers), callers).of(node, frozenset(("", "$")))
    return not times <= MAX_TIMES  # nor is infinity times zero


#: The functions whose results hold the parts of their arguments as often as the arguments do.
_HANDING_ON = frozenset(
    {
        "append",
        "clone",
        "distinct",
        "fromMillis",
        "keys",
        "lookup",
        "lowercase",
        "merge",
        "reverse",
        "sort",
        "split",
        "spread",
    }
    | {"string", "substring", "substringAfter", "substringBefore", "trim", "uppercase", "zip"}
)


#: The nodes whose values consist of those of the nodes in them.
_JOINING = (
    *nodes.LITERALS, nodes.Array, nodes.Object, nodes.Binary, nodes.Block, nodes.Coalesce, nodes.Condition,
    nodes.Default, nodes.Negate,
)  # fmt: skip


class _Times:
    """How often values hold the parts of the data, at most; infinity if that depends on the data.

    `known` are the variables that are the whole data, or in a loop an item: a loop that names anything else would hold
    it once for each item.
    """

    def __init__(self, lambdas: frozenset[int], callers: Collection[str]) -> None:
        self.lambdas, self.callers = lambdas, callers

    def of(self, node: nodes.Node, known: frozenset[str]) -> float:
        match node:
            case nodes.Name() | nodes.Variable():
                return 1 if (node.name if isinstance(node, nodes.Variable) else "") in known else math.inf
            case nodes.Path(steps=(first, *later), group=None, tuple=False):
                return math.prod((self.of(first, known), *(self.of(one, frozenset(("",))) for one in later)))
            case nodes.Step(group=None, focus=None, index=None, tuple=False, stages=stages, predicates=predicates):
                return self.of(node.node, known) if all(map(_selects_once, (*stages, *predicates))) else math.inf
            case nodes.Call():
                return self._of_call(node, node.arguments, known)
            case nodes.Apply(left=left, right=nodes.Transform(update=update)):
                return math.inf if self.of(update, frozenset(("",))) else self.of(left, known)
            case nodes.Apply(left=left):
                call = piped_call(node)
                return math.inf if call is None else self._of_call(call, (left, *call.arguments), known)
            case nodes.Binary(operator=operator) if operator not in ("&", ".."):
                return 0
            case nodes.Block(expressions=(_, _, *_)) | nodes.Binary(operator=".."):
                return math.inf
            case _:
                joins = isinstance(node, _JOINING)
                return sum(self.of(one, known) for one in nodes.children(node)) if joins else math.inf

    def _of_call(self, call: nodes.Call, arguments: tuple[nodes.Node, ...], known: frozenset[str]) -> float:
        name = call.procedure.name if isinstance(call.procedure, nodes.Variable) else ""
        if name in self.callers:
            return math.inf
        result = (STANDARD[name].signature or "").rpartition(":")[2] if name in STANDARD else ""
        if result in ("n>", "b>"):
            return 0
        if name in _HANDING_ON:
            return sum(self.of(one, known) for one in arguments)
        if name not in LOOPS or name == "reduce" or len(arguments) != 2:
            return math.inf
        values, function = arguments
        if not isinstance(function, nodes.Lambda) or id(function) not in self.lambdas:
            return math.inf
        inner = frozenset(parameter.name for parameter in function.parameters[:2])
        return self.of(values, known) * (self.of(function.body, inner) if name in ("map", "each") else 1)


def _selects_once(stage: nodes.Filter | nodes.Index) -> bool:
    """Whether a predicate keeps each item at most once: its value is not a list of positions."""
    if not isinstance(stage, nodes.Filter) or isinstance(stage.expression, nodes.Number):
        return True
    return isinstance(stage.expression, nodes.Binary) and stage.expression.operator not in ("&", "..")
