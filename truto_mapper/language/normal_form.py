"""The normal form of an expression: two expressions with the same one have the same value.

That holds where neither fails, and where the context is no array. Names of variables do not count, nor whether a value
is named or written out: variables are replaced by what they are bound to, and each context has a variable, so that
`a.b`, `$.a.b` and `$row.a.b` are the same in a row.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.library.functions import STANDARD
from truto_mapper.language.nodes import Node, Path, Spanned, Step, Variable
from truto_mapper.text.source import Span

_NOWHERE = Span(0, 0)
_UNDEFINED = nodes.Block(_NOWHERE, ())

#: How many nodes are put into a normal form. Names that are used often can make it far longer than the text.
MAX_NODES = 10_000

#: Functions whose calls are not moved: each has an effect, or another value each time.
_FIXED = frozenset({"assert", "error", "eval", "millis", "now", "random", "uuid"})

_MIRRORED = {">": "<", ">=": "<="}


class _NoneError(Exception):
    """An expression without a normal form."""


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean where an expression is: a node, or one with the names of its own place; None if bound later.

    `context` is `$`, `root` is `$$`. `level` numbers the variables that are bound within.
    """

    context: Node
    root: Node
    bound: Mapping[str, Node | tuple[Node, Names] | None] = field(default_factory=dict)
    level: int = 0

    @classmethod
    def of(cls, context: str, **bound: Node) -> Names:
        """The names where `$` and `$$` are what this variable is."""
        return cls(variable(context), variable(context), bound)

    def entering(self, name: str, context: str) -> Names:
        """The names in a loop over rows, each of which is the context and has a name."""
        row = variable(context)
        return Names(row, row, {**self.bound, name: row}, self.level)

    def binding(self, name: str, node: Node) -> Names:
        """The names after one is bound to an expression of this place."""
        return replace(self, bound={**self.bound, name: (node, self)})

    def inside(self) -> Names:
        """The names in a step, a predicate or an order: the context is each item."""
        return replace(self, context=variable(f"#{self.level}"), level=self.level + 1)

    def naming(self, *names: str) -> Names:
        """The names after some are bound to values that no expression stands for."""
        made = {name: variable(f"#{self.level + number}") for number, name in enumerate(names)}
        return replace(self, bound={**self.bound, **made}, level=self.level + len(names))


def variable(name: str) -> Variable:
    """A variable of a normal form."""
    return Variable(_NOWHERE, name)


def normal(node: Node, names: Names) -> Node | None:
    """The normal form of an expression; None if it has none, or too long a one."""
    try:
        return _Writer(MAX_NODES).write(node, names)
    except (_NoneError, RecursionError):
        return None


class _Writer:
    """Writes normal forms; `left` is the number of nodes that it may still write."""

    def __init__(self, left: int) -> None:
        self.left = left

    def write(self, node: Node, names: Names) -> Node:
        self.left -= 1
        if self.left < 0:
            raise _NoneError
        match node:
            case Variable():
                return self._variable(node, names)
            case nodes.Block():
                return self._block(node, names)
            case nodes.Bind() | nodes.Transform():
                raise _NoneError
            case nodes.Lambda():
                return self._rebuilt(node, names.naming(*(one.name for one in node.parameters)))  # type: ignore[no-any-return]  # a lambda
            case Path():
                return self._path(node, names)
            case Step():
                return self._step(node, names)[0]
            case nodes.Condition():
                return self._condition(node, names)
            case nodes.Call() | nodes.Apply() if (call := _meant(node)) is not None:
                return self._call(call, names)
        return _ordered(self._rebuilt(node, names))

    def _rebuilt(self, node: Any, names: Names) -> Any:
        """A node whose parts are in their normal form."""
        parts = [self._part(getattr(node, name), names) for name in node.__match_args__[1:]]
        return type(node)(_NOWHERE, *parts)

    def _part(self, part: Any, names: Names) -> Any:
        if isinstance(part, tuple):
            return tuple(self._part(one, names) for one in part)
        return self.write(part, names) if isinstance(part, Spanned) else part  # type: ignore[arg-type]

    def _variable(self, node: Variable, names: Names) -> Node:
        if node.name in ("", "$"):
            return names.root if node.name else names.context
        meant = names.bound.get(node.name, node)
        if meant is None:
            raise _NoneError
        if not isinstance(meant, tuple):
            return replace(meant, span=_NOWHERE)
        value, outer = meant
        return self.write(value, replace(outer, level=names.level))

    def _block(self, block: nodes.Block, names: Names) -> Node:
        """The last expression of a block, in which the names are replaced that the others bind."""
        binds = [one.variable.name for one in block.expressions if isinstance(one, nodes.Bind)]
        names = replace(names, bound={**names.bound, **dict.fromkeys(binds)})
        kept = []
        for one in block.expressions:
            if isinstance(one, nodes.Bind):
                names = self._bound(one, names)
            else:
                kept.append(self.write(one, names))
        if block.expressions and isinstance(block.expressions[-1], nodes.Bind):
            raise _NoneError
        return kept[0] if len(kept) == 1 else nodes.Block(_NOWHERE, tuple(kept))

    def _bound(self, bind: nodes.Bind, names: Names) -> Names:
        for one in nodes.walk(bind.value):
            called = one.procedure if isinstance(one, nodes.Call) else None
            if isinstance(called, Variable) and called.name in _FIXED:
                raise _NoneError
        return names.binding(bind.variable.name, bind.value)

    def _path(self, path: Path, names: Names) -> Node:
        steps: list[Step] = []
        first = path.steps[0].node
        inner = names
        if isinstance(first, (nodes.Name, nodes.Wildcard, nodes.Descendant)):
            steps, inner = [*_steps(names.context)], names.inside()
        for step in path.steps:
            made, names = self._step(step, inner if steps else names, names)
            below = list(_steps(made.node)) if made == Step(_NOWHERE, made.node) else []
            is_of_item = bool(steps) and below[1:] and below[0].node == inner.context
            steps += below[1:] if is_of_item else below if below and not steps else [made]
            inner = names.inside()
        group = self._part(path.group, inner)
        if len(steps) == 1 and group is None and steps[0] == Step(_NOWHERE, steps[0].node):
            return steps[0].node
        return replace(path, span=_NOWHERE, steps=tuple(steps), group=group)

    def _step(self, step: Step, at: Names, names: Names | None = None) -> tuple[Step, Names]:
        """A step, and the names in the steps after it; `at` are those in the step itself."""
        names = names or at
        is_name = isinstance(step.node, (nodes.Name, nodes.Wildcard, nodes.Descendant))
        node = self._rebuilt(step.node, at) if is_name else self.write(step.node, at)
        bound = [one for one in (step.focus, step.index) if one is not None]
        bound += [one.variable for one in step.stages if isinstance(one, nodes.Index)]
        names = names.naming(*(one.name for one in bound))
        inner = names.inside()
        parts = {key: self._part(getattr(step, key), inner) for key in ("predicates", "stages", "group")}
        named = {key: self._part(getattr(step, key), names) for key in ("focus", "index")}
        return replace(step, span=_NOWHERE, node=node, **parts, **named), names

    def _condition(self, node: nodes.Condition, names: Names) -> Node:
        test, then, otherwise = node.condition, node.then, node.otherwise or _UNDEFINED
        while (tested := _called(test, "boolean") or _called(test, "not")) is not None:
            if _called(test, "boolean") is None:
                then, otherwise = otherwise, then
            test = tested
        made = [self.write(one, names) for one in (test, then, otherwise)]
        if made[1] == _UNDEFINED and (present := _not_null(made[0], made[2])) is not None:
            made = [present, made[2], _UNDEFINED]
        existing = _called(made[0], "exists")
        if existing is not None and existing == made[1]:
            return existing if made[2] == _UNDEFINED else nodes.Coalesce(_NOWHERE, existing, made[2])
        if made[0] == made[1]:
            return nodes.Default(_NOWHERE, made[0], made[2])
        return nodes.Condition(_NOWHERE, *made)

    def _call(self, call: nodes.Call, names: Names) -> Node:
        """A call. Where a function may take the context as an argument, the context is added."""
        name = call.procedure.name if isinstance(call.procedure, Variable) else ""
        if (body := _applied(names.bound.get(name), call.arguments, names)) is not None:
            return self.write(*body)
        if name in ("map", "filter") and name not in names.bound and (path := self._looped(name, call, names)):
            return path
        made = nodes.Call(
            _NOWHERE, self.write(call.procedure, names), tuple(self.write(one, names) for one in call.arguments)
        )
        signature = STANDARD[name].signature or "" if name in STANDARD and name not in names.bound else ""
        if "-" not in signature or len(call.arguments) >= _most(signature):
            return made
        return nodes.Block(_NOWHERE, (names.context, made))

    def _looped(self, name: str, call: nodes.Call, names: Names) -> Path | None:
        """The path that `$map` or `$filter` is, if its function gives no arrays: a path joins those."""
        match call.arguments:
            case (given, nodes.Lambda(parameters=(item,), signature=None, body=body)):
                steps, inner = [*_steps(self.write(given, names))], names.inside()
                bound = {**inner.bound, item.name: inner.context}
                made = self.write(body, replace(inner, context=names.context, bound=bound))
                if isinstance(steps[0].node, Variable) and name == "map" and _result(made) in _SCALARS | {"o"}:
                    return Path(_NOWHERE, (*steps, Step(_NOWHERE, made)))
                last = steps[-1]
                if isinstance(steps[0].node, Variable) and name == "filter" and _result(made) == "b" and steps[1:]:
                    kept = replace(last, stages=(*last.stages, nodes.Filter(_NOWHERE, made)))
                    return Path(_NOWHERE, (*steps[:-1], kept))
        return None


_SCALARS = frozenset("snb")
_OPERATORS = {**dict.fromkeys(("and", "or", "in", "=", "!=", "<", "<="), "b"), **dict.fromkeys("+-*/%", "n")}


def _result(node: Node) -> str | None:
    """What an expression in its normal form gives: the letter of a signature, or None if that is not certain."""
    match node:
        case nodes.Object():
            return "o"
        case nodes.String() | nodes.Call(procedure=Variable(name="&")):
            return "s"
        case nodes.Number():
            return "n"
        case nodes.Binary(operator=operator):
            return _OPERATORS.get(operator)
        case nodes.Call(procedure=Variable(name=name)) if name in STANDARD:
            letter = (STANDARD[name].signature or "").rpartition(":")[2][:-1]
            return letter if letter in _SCALARS else None
        case nodes.Condition(then=then, otherwise=otherwise) if otherwise == _UNDEFINED or otherwise is None:
            return _result(then)
        case nodes.Condition(then=then, otherwise=otherwise) if otherwise is not None:
            return _result(then) if _result(then) == _result(otherwise) else None
    return None


def _meant(node: nodes.Call | nodes.Apply) -> nodes.Call | None:
    """A call, also if it is written with `~>`, unless that composes functions."""
    match node:
        case nodes.Call():
            return node
        case nodes.Apply(left=left, right=nodes.Call(procedure=Variable()) as call):
            return replace(call, arguments=(left, *call.arguments))
        case nodes.Apply(left=Path() | nodes.Call() as left, right=Variable(name=name)) if name in STANDARD:
            return nodes.Call(node.span, node.right, (left,))
    return None


def _applied(
    meant: Node | tuple[Node, Names] | None, given: tuple[Node, ...], names: Names
) -> tuple[Node, Names] | None:
    """The body of a lambda that is called by its name, and the names in it."""
    match meant:
        case (nodes.Lambda(signature=None) as made, Names() as outer) if len(made.parameters) == len(given):
            bound = {one.name: (value, names) for one, value in zip(made.parameters, given, strict=True)}
            return made.body, replace(outer, bound={**outer.bound, **bound}, level=names.level)
    return None


def _most(signature: str) -> int:
    """How many arguments a signature takes."""
    return sum(letter.isalpha() for letter in signature.partition(":")[0])


#: Functions that are undefined where their first argument is.
_STRICT = frozenset(
    {"abs", "ceil", "floor", "length", "lowercase", "number", "replace", "round", "split", "string", "substring"}
    | {"substringAfter", "substringBefore", "toMillis", "trim", "uppercase"}
)


def _not_null(test: Node, value: Node) -> Node | None:
    """`x != null` for `x = null`, if the value that is given elsewhere is undefined where x is."""
    match test:
        case nodes.Binary(operator="=", left=nodes.Value(value=None), right=tested):
            given = value
        case nodes.Binary(operator="=", left=tested, right=nodes.Value(value=None)):
            given = value
        case _:
            return None
    while isinstance(given, nodes.Block) and len(given.expressions) > 1:  # a call with its context
        given = given.expressions[-1]
    match given:
        case nodes.Call(procedure=Variable(name=name), arguments=(given, *_)) if name in _STRICT and given == tested:
            return replace(test, operator="!=")
    return replace(test, operator="!=") if value == tested else None


def _called(node: Node, name: str) -> Node | None:
    """The only argument of a call of a standard function."""
    match node:
        case nodes.Block(expressions=(one,)):
            return _called(one, name)
        case nodes.Call(procedure=Variable(name=called), arguments=(one,)) if called == name:
            return one
    return None


def _steps(node: Node) -> Iterator[Step]:
    """The steps that a value at the beginning of a path stands for."""
    is_plain = isinstance(node, Path) and replace(node, steps=()) == Path(_NOWHERE, ())
    yield from node.steps if is_plain and isinstance(node, Path) else (Step(_NOWHERE, node),)


def constructed(node: Node) -> dict[str, Node] | None:
    """The fields of an object constructor whose keys are constants; None for anything else."""
    if not isinstance(node, nodes.Object):
        return None
    found = {key.value: value for key, value in node.pairs if isinstance(key, nodes.String)}
    return found if len(found) == len(node.pairs) else None


def _ordered(node: Node) -> Node:
    """A node whose operands or keys are in one order, if their order does not count."""
    match node:
        case nodes.Binary(operator="&"):
            operands = _merged(_joined(node))
            return operands[0] if len(operands) == 1 else nodes.Call(_NOWHERE, variable("&"), tuple(operands))
        case nodes.Binary(operator="in", left=left, right=nodes.Array(items=(_, *_) as items)) if _are_literals(items):
            tests = [_ordered(nodes.Binary(_NOWHERE, "=", left, one)) for one in items]
            return _ordered(_chained("or", tests))
        case nodes.Binary(operator="=" | "!=", left=left, right=right):
            first, second = (left, right) if repr(left) <= repr(right) else (right, left)
            return replace(node, left=first, right=second)
        case nodes.Binary(operator="and" | "or" as operator) if all(map(_cannot_fail, nodes.walk(node))):
            return _chained(operator, sorted(_operands(node, operator), key=repr))
        case nodes.Binary(operator=operator, left=left, right=right) if operator in _MIRRORED:
            return replace(node, operator=_MIRRORED[operator], left=right, right=left)
        case nodes.Object() if constructed(node) is not None:
            return replace(node, pairs=tuple(sorted(node.pairs, key=lambda pair: repr(pair[0]))))
    return node


def _chained(operator: str, operands: Iterable[Node]) -> Node:
    return functools.reduce(lambda one, other: nodes.Binary(_NOWHERE, operator, one, other), operands)


def _cannot_fail(node: Node) -> bool:
    """Whether a node evaluates to something, whatever it is given, if all nodes in it do."""
    match node:
        case nodes.Binary(operator=operator):
            return operator in ("=", "!=", "in", "and", "or")
        case nodes.Call(procedure=Variable(name=name)):
            return name in ("exists", "not", "boolean", "count")
    return isinstance(node, (Path, Step, nodes.Name, Variable, nodes.Filter, nodes.Array, *nodes.LITERALS))


def _operands(node: Node, operator: str) -> Iterator[Node]:
    """The operands of a chain of one operator, however they are in brackets."""
    if isinstance(node, nodes.Binary) and node.operator == operator:
        yield from (*_operands(node.left, operator), *_operands(node.right, operator))
    else:
        yield node


def _are_literals(items: tuple[Node, ...]) -> bool:
    return all(isinstance(one, nodes.LITERALS) for one in items)


def _merged(operands: Iterable[Node]) -> list[Node]:
    """The operands of `&`, of which constants beside each other are one."""
    found: list[Node] = []
    for one in operands:
        last = found[-1] if found else None
        if isinstance(one, nodes.String) and isinstance(last, nodes.String):
            found[-1] = nodes.String(_NOWHERE, last.value + one.value)
        else:
            found.append(one)
    return found


def _joined(node: Node) -> Iterator[Node]:
    """The operands of `&`, however they are in brackets."""
    match node:
        case nodes.Binary(operator="&", left=left, right=right):
            yield from (*_joined(left), *_joined(right))
        case nodes.Call(procedure=Variable(name="&"), arguments=operands):
            yield from operands
        case _:
            yield node
