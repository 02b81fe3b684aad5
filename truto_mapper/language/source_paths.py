"""What an expression reads: which variables, and which paths of names below them.

`reads` is the one answer to this question. `Paths` gives the same for nodes and names that one already has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from truto_mapper.language import nodes
from truto_mapper.language.library.functions import LIBRARY, STANDARD
from truto_mapper.language.names import NamePath, is_simple_path, leading_names
from truto_mapper.language.nodes import Name, Node, Path, Step, Variable, children
from truto_mapper.language.runtime.signatures import Parameter, parse_signature
from truto_mapper.text.record import NamedTuple

if TYPE_CHECKING:
    from truto_mapper.language.expression import Expression

#: Functions that read the moment bound as `now`, from that many arguments on.
_CLOCKS = {"now": 0, "millis": 0, "toMillis": 2}
#: The types of arguments that are known from their nodes, as letters of signatures.
_LETTERS: dict[type, str] = {nodes.String: "s", nodes.Number: "n", nodes.Lambda: "f", nodes.Regex: "f"}


class Read(NamedTuple):
    """A path that an expression reads: a variable's name, then the names below it.

    `$query.users[0].id` reads `("query", "users", "id")`; a bare name is below `$`. A path that is not looked into,
    like that of `$keys($query)`, is read as a whole: everything below it counts as read. `nodes` are the names as
    they are written, one for each part of the path but the first.
    """

    path: NamePath
    nodes: tuple[Name, ...] = ()


def reads(expression: Expression) -> list[Read]:
    """Everything that an expression may read, below its free variables and below `$`, which `$$` also counts as.

    `($q := $query; $q.limit)` reads `("query", "limit")`. An array is read through all its items. A function that
    takes the context for an argument left out reads that as a whole; `$eval` reads every variable of the expression.
    """
    kept: dict[str, Any] = vars(expression)  # it never changes, and many ask
    if "reads" not in kept:
        kept["reads"] = _found(expression)
    found: list[Read] = kept["reads"]
    return found


def _found(expression: Expression) -> list[Read]:
    variables = [variable.name for variable in expression.variables]
    paths = Paths([*variables, "now", "$"], expression.functions)
    paths.free = {id(variable) for variable in expression.variables}
    if ":=" in expression.text:
        paths.bound_once = {name for name, count in Counter(_bound(expression.node)).items() if count == 1}
        list(paths.reads(expression.node))  # finds the aliases: a lambda may use one that is bound after it
    return list(paths.reads(expression.node))


def _bound(node: Node) -> Iterator[str]:
    """Each name that a node binds, as often as it does."""
    for one in nodes.walk(node):
        match one:
            case nodes.Bind(variable=variable) | nodes.Index(variable=variable):
                yield variable.name
            case nodes.Lambda(parameters=parameters):
                yield from (parameter.name for parameter in parameters)
            case Step(focus=focus, index=index):
                yield from (variable.name for variable in (focus, index) if variable)


class Paths:
    """The paths that nodes read below some variables, the last of which is `$`; other variables are ignored."""

    def __init__(self, variables: Sequence[str], functions: Iterable[str] = ()) -> None:
        """`functions` are the caller's, which never take the context for an argument."""
        self.context: NamePath = (variables[-1],)
        self.paths: dict[str, NamePath] = {name: (name,) for name in variables}
        self.paths |= {"": self.context, "$": self.context}
        self.others: dict[str, frozenset[NamePath]] = {}
        self.functions = {*functions, *LIBRARY.keys() - STANDARD.keys()}
        #: What `reads` knows: the variables that are free, and the names that are bound once, to a path.
        self.free: set[int] | None = None
        self.bound_once: set[str] = set()
        self.aliases: dict[str, Read] = {}
        self._parents: dict[str, Read | None] = {}

    def add(self, name: str, node: Node) -> None:
        """Make a name stand for the path that a node is, or for everything that another node reads."""
        path = self.path(node)
        if path is None:
            self.others[name] = self.read_by(node)
        else:
            self.paths[name] = path

    def path(self, node: Node) -> NamePath | None:
        """The path that a node is; None for anything but a variable known here with names behind it."""
        read = self._plain(node, Read(self.context)) if is_simple_path(node) else None
        return None if read is None else read.path

    def read_by(self, node: Node) -> frozenset[NamePath]:
        """The paths that decide the value of a node, without those below another one."""
        found = {read.path for read in self.reads(node)}
        return frozenset(path for path in found if found.isdisjoint(path[:end] for end in range(1, len(path))))

    def reads(self, node: Node) -> Iterator[Read]:
        """The same with all paths, each as often as it is read."""
        return self._reads(node, Read(self.context))

    # Below, `context` is the path of `$`. It is None where `$` was made of what has been read as a whole.

    def _reads(self, node: Node, context: Read | None) -> Iterator[Read]:
        match node:
            case Path(steps=steps, group=group):
                yield from self._path(steps, group, context)
            case Step():
                yield from self._path((node,), None, context)
            case Name() | Variable() | nodes.Parent():
                yield from self._path((Step(node.span, node),), None, context)
            case nodes.Wildcard() | nodes.Descendant():
                yield from () if context is None else (context,)
            case nodes.Call():
                yield from self._call(node, len(node.arguments), context)
            case nodes.Apply(left=left, right=nodes.Call() as right):
                yield from self._reads(left, context)
                yield from self._call(right, len(right.arguments) + 1, context)
            case nodes.Bind(variable=variable, value=value):
                self._note(variable.name, value, context)
                yield from self._reads(value, context)
            case nodes.Block(expressions=expressions):
                yield from self._block(expressions, context)
            case _:
                inner = None if isinstance(node, nodes.Transform) else context
                for child in children(node):
                    yield from self._reads(child, inner)

    def _path(self, steps: Sequence[Step], group: Node | None, context: Read | None) -> Iterator[Read]:
        here = context
        steps = _without_parentheses(steps) if isinstance(steps[0].node, nodes.Block) else steps
        for number, step in enumerate(steps):
            node, around = step.node, here
            if step.ancestor is not None:
                self._parents[step.ancestor] = around
            if isinstance(node, Name) or (number == 0 and isinstance(node, Variable)):
                here = self._named(node, around)
                if isinstance(node, Variable):
                    yield from map(Read, self.others.get(node.name, ()))
            else:
                if number and around is not None and not isinstance(node, nodes.Sort):
                    yield around
                if isinstance(node, nodes.Parent):
                    here = self._parents.get(node.label)
                else:
                    yield from self._reads(node, around)
                    here = around if isinstance(node, nodes.Sort) else None
            for attached in (*step.predicates, *step.stages, *((step.group,) if step.group else ())):
                yield from () if isinstance(attached, nodes.Index) else self._reads(attached, here)
            if step.focus is not None:  # the next step begins where this one did
                yield from () if here is None else (here,)
                here = around
        yield from () if group is None else self._reads(group, here)
        yield from () if here is None else (here,)

    def _named(self, node: Name | Variable, context: Read | None) -> Read | None:
        if isinstance(node, Name):
            return None if context is None else Read((*context.path, node.value), (*context.nodes, node))
        if node.name == "":
            return context
        if node.name != "$" and self.free is not None and id(node) not in self.free:
            return self.aliases.get(node.name)
        return Read(self.paths[node.name]) if node.name in self.paths else None

    def _plain(self, node: Node, context: Read | None) -> Read | None:
        for name in leading_names(node):
            context = self._named(name, context)
        return context

    def _call(self, call: nodes.Call, count: int, context: Read | None) -> Iterator[Read]:
        """What a call of so many arguments reads."""
        name = call.procedure.name if isinstance(call.procedure, Variable) else ""
        if name == "eval":
            yield from map(Read, (*self.paths.values(), *(path for some in self.others.values() for path in some)))
        if count >= _CLOCKS.get(name, count + 1) and "now" in self.paths:
            yield Read(self.paths["now"])
        if context is not None and name not in self.functions and self._takes_context(name, call, count, context):
            yield context
        for child in children(call):
            yield from self._reads(child, context)

    def _takes_context(self, name: str, call: nodes.Call, count: int, context: Read) -> bool:
        """Whether a call of so many arguments may take the context for one left out."""
        if name not in STANDARD:  # a lambda, which may
            return True
        parameters = _parameters(name)
        if _lacks_one(parameters, count) or not any(one.context for one in parameters):
            return any(one.context for one in parameters)
        # With options left out, it takes the context if the arguments fit the parameters after the first. A field of
        # the row needs no such test: the path that it is read by decides the value anyway.
        shifted = zip(call.arguments, parameters[1 + count - len(call.arguments) :], strict=False)
        fits = all(_LETTERS.get(type(one), "") in parameter.regex for one, parameter in shifted)
        first = call.arguments[0] if len(call.arguments) == count else call
        read = self._plain(first, context) if is_simple_path(first) else None
        is_field = read is not None and len(read.path) > len(context.path) == 1 and read.path[:1] == context.path
        return count < len(parameters) and fits and parameters[0].type != "x" and not is_field

    def _block(self, expressions: Sequence[Node], context: Read | None) -> Iterator[Read]:
        for number, one in enumerate(expressions, 1):
            is_alias = isinstance(one, nodes.Bind) and self._note(one.variable.name, one.value, context)
            if not is_alias or number == len(expressions):
                yield from self._reads(one, context)

    def _note(self, name: str, value: Node, context: Read | None) -> bool:
        """Remember the path that a name is bound to, if it is always that one."""
        read = self._plain(value, context) if name in self.bound_once and is_simple_path(value) else None
        if read is not None:
            self.aliases[name] = read
        return read is not None


def _without_parentheses(steps: Sequence[Step]) -> Sequence[Step]:
    """The steps of a path that begins with a path in parentheses, such as `($a.b)[0].c`, as if it had none."""
    first, *rest = steps
    match first.node:
        case nodes.Block(expressions=(inner,)) if is_simple_path(inner):
            before = inner.steps if isinstance(inner, Path) else (Step(inner.span, inner),)
            return (*before[:-1], replace(first, node=before[-1].node), *rest)
    return steps


def _parameters(name: str) -> Sequence[Parameter]:
    """The parameters of a standard function."""
    return parse_signature(STANDARD[name].signature or "").parameters


def _lacks_one(parameters: Sequence[Parameter], count: int) -> bool:
    """Whether so many arguments are too few, for which the context is taken if a parameter allows it."""
    return count < sum(bool(one.context) or not one.regex.endswith("?") for one in parameters)


def without_data(expression: Expression) -> list[Node]:
    """What an expression that is evaluated without data reads of it: paths that begin at the context or at `$$`.

    All of them are undefined, and so are calls that take the context for an argument left out. What follows a step has
    a context; a lambda has that of its definition.
    """
    standard = {id(one) for one in expression.calls if one.name in STANDARD and one.name not in expression.functions}
    roots = (one for one in nodes.walk(expression.node) if isinstance(one, Variable) and one.name == "$")
    found = [*_of_context(expression.node, standard), *roots]
    outer = {id(below) for one in found for below in nodes.walk(one) if below is not one}
    return sorted({id(one): one for one in found if id(one) not in outer}.values(), key=lambda one: one.span.start)


def _of_context(node: Node, standard: set[int]) -> Iterator[Node]:
    """`standard` are the procedures, by their identity, that are standard functions."""
    match node:
        case Name() | nodes.Wildcard() | nodes.Descendant() | nodes.Parent() | Variable(name="" | "$"):
            yield node
        case Path(steps=(Step(node=first), *_)):
            begun = list(_of_context(first, standard))
            yield from (node,) if begun and begun[0] is first else begun
        case Step():
            yield from _of_context(node.node, standard)
        case nodes.Transform():
            return
        case nodes.Apply(left=left, right=nodes.Call() as right):
            yield from _of_context(left, standard)
            yield from _of_call(right, len(right.arguments) + 1, standard)
        case nodes.Call():
            yield from _of_call(node, len(node.arguments), standard)
        case _:
            for child in children(node):
                yield from _of_context(child, standard)


def _of_call(call: nodes.Call, count: int, standard: set[int]) -> Iterator[Node]:
    if isinstance(call.procedure, Variable) and id(call.procedure) in standard and call.procedure.name in STANDARD:
        parameters = _parameters(call.procedure.name)
        if _lacks_one(parameters, count) and any(one.context for one in parameters):
            yield call
            return
    for child in children(call):
        yield from _of_context(child, standard)
