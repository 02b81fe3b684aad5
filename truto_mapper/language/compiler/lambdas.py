"""Which lambdas are written out as the body of a loop, because only a standard function calls them."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from truto_mapper.language import nodes

#: The functions that are written out as loops, and the numbers of arguments that they take then.
LOOPS = {"map": (2,), "filter": (2,), "single": (2,), "reduce": (2, 3), "each": (1, 2), "sift": (1, 2)}

#: The functions that may take the context in place of their first argument.
OF_CONTEXT = ("each", "sift")


def function_argument(call: nodes.Call, *, piped: bool) -> nodes.Node | None:
    """The argument of a call of `LOOPS` that is its function. A `piped` call has an argument before those written."""
    name = call.procedure.name if isinstance(call.procedure, nodes.Variable) else ""
    count = len(call.arguments) + piped
    if count not in LOOPS.get(name, ()) or not call.arguments:
        return None
    place = count - 1 - piped if name in OF_CONTEXT else 1 - piped
    return call.arguments[place] if place >= 0 else None


def written_out(below: Sequence[nodes.Node], callers: Collection[str]) -> frozenset[int]:
    """The identities of the lambdas among nodes that are written out, where no variable hides the function."""
    hidden = {*callers, *bound_names(below)}
    piped = {id(call) for one in below if (call := piped_call(one)) is not None}
    found = []
    for one in below:
        if isinstance(one, nodes.Call) and isinstance(one.procedure, nodes.Variable):
            function = function_argument(one, piped=id(one) in piped)
            if isinstance(function, nodes.Lambda) and function.signature is None and one.procedure.name not in hidden:
                found += [id(function)] if one.procedure.name != "reduce" or len(function.parameters) > 1 else []
    return frozenset(found)


def piped_call(node: nodes.Node) -> nodes.Call | None:
    """The call on the right of `~>`. Predicates and groups behind it are ignored, as in the reference."""
    if not isinstance(node, nodes.Apply):
        return None
    right = node.right.node if isinstance(node.right, nodes.Step) else node.right
    return right if isinstance(right, nodes.Call) else None


def bound_names(below: Iterable[nodes.Node]) -> Iterator[str]:
    """The names of all variables that nodes bind."""
    for one in below:
        match one:
            case nodes.Bind(variable=variable) | nodes.Index(variable=variable):
                yield variable.name
            case nodes.Lambda(parameters=parameters):
                yield from (variable.name for variable in parameters)
            case nodes.Step(focus=focus, index=index):
                yield from (variable.name for variable in (focus, index) if variable)
