"""What is known where an expression is evaluated: the types of variables, and what enclosing conditions guarantee."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from truto_mapper.language import nodes, types
from truto_mapper.language.types import NEVER, NONE, Type, item_of

Facts = tuple[tuple[nodes.Node, Type], ...]


@dataclass(frozen=True, slots=True)
class TypeScope:
    """The types of variables and of `$`, and what enclosing conditions guarantee about some expressions."""

    variables: Mapping[str, Type]
    context: Type
    facts: Facts = ()
    #: The type of the part before in a chain.
    hole: Type = NEVER
    #: What variables that hold the outcome of a condition, and lambdas, are bound to.
    values: Mapping[str, nodes.Node] = field(default_factory=dict)

    def knowing(self, facts: Facts) -> TypeScope:
        """The scope with more facts, which replace those about the same nodes."""
        older = (one for one in self.facts if all(one[0] != node for node, _ in facts))
        return replace(self, facts=(*older, *facts)) if facts else self

    def bound(self, name: str, kind: Type, value: nodes.Node | None = None) -> TypeScope:
        """The scope in which a variable is bound to a value."""
        facts = (
            tuple(one for one in self.facts if not _mentions(one[0], name)) if name in self.variables else self.facts
        )
        values = {known: node for known, node in self.values.items() if known != name and not _mentions(node, name)}
        if value is not None:
            values[name] = value
        return replace(self, variables={**self.variables, name: kind}, facts=facts, values=values)

    def within(self, context: Type) -> TypeScope:
        """The scope in which `$` is something else."""
        facts = tuple((node, kind) for node, kind in self.facts if _begins_with_variable(node))
        values = {name: node for name, node in self.values.items() if _is_free_of_context(node)}
        return replace(self, context=context, facts=facts, values=values)


def _mentions(node: nodes.Node, name: str) -> bool:
    return any(isinstance(one, nodes.Variable) and one.name == name for one in nodes.walk(node))


def _begins_with_variable(node: nodes.Node) -> bool:
    first = node.steps[0].node if isinstance(node, nodes.Path) else node
    return isinstance(first, nodes.Variable) and first.name != ""


def _is_free_of_context(node: nodes.Node) -> bool:
    """Whether a value is made of variables only, or is a lambda, so that it is the same wherever `$` leads."""
    if isinstance(node, (nodes.Path, nodes.Variable)):
        return _begins_with_variable(node)
    return isinstance(node, nodes.Lambda) or (
        not isinstance(node, (nodes.Name, nodes.Wildcard, nodes.Descendant, nodes.Parent))
        and all(map(_is_free_of_context, nodes.children(node)))
    )


def narrowed(test: nodes.Node, scope: TypeScope, look: Callable[[nodes.Node, TypeScope], Type]) -> tuple[Facts, Facts]:  # noqa: C901  # a case for each kind of test
    """The facts where a condition holds, and those where it does not. `look` gives the type of a node."""
    match test:
        case nodes.Variable(name=name) if name in scope.values and not isinstance(scope.values[name], nodes.Lambda):
            yes, no = narrowed(scope.values[name], scope, look)
            return yes + _truthy(test, scope, look), no
        case nodes.Path() | nodes.Variable() | nodes.Call(procedure=nodes.Variable(name="boolean"), arguments=(_,)):
            one = test.arguments[0] if isinstance(test, nodes.Call) else test
            return _truthy(one, scope, look), _falsy(one, scope, look)
        case nodes.Block(expressions=(inner,)):
            return narrowed(inner, scope, look)
        case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)):
            return _without(one, {"undefined"}, scope, look), _only(one, {"undefined"}, scope, look)
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)):
            yes, no = narrowed(one, scope, look)  # `$not` of undefined is undefined
            return no, yes if isinstance(one, (nodes.Binary, nodes.Call)) else _without(one, {"null"}, scope, look)
        case nodes.Binary(operator="=" | "!=" | "in" as operator, left=left, right=right):
            if isinstance(left, nodes.LITERALS) and operator != "in":
                left, right = right, left
            return _equated(operator, left, right, scope, look)
        case nodes.Binary(operator="<" | "<=" | ">" | ">=", left=left, right=right):
            return _without(left, NONE, scope, look) + _without(right, NONE, scope, look), ()
        case nodes.Binary(operator="and", left=left, right=right):
            first, _ = narrowed(left, scope, look)
            second, _ = narrowed(right, scope.knowing(first), look)
            return first + second, ()
        case nodes.Binary(operator="or", left=left, right=right):
            _, first = narrowed(left, scope, look)
            _, second = narrowed(right, scope.knowing(first), look)
            return (), first + second
        case _:
            return (), ()


_Look = Callable[[nodes.Node, TypeScope], Type]


def _without(node: nodes.Node, gone: Any, scope: TypeScope, look: _Look) -> Facts:
    """The fact that a value is none of some kinds."""
    if not isinstance(node, (nodes.Path, nodes.Variable, nodes.Call)):
        return ()
    kind = look(node, scope)
    return ((node, kind.without(gone)),) if kind != types.ANY and kind.kinds & gone else ()


def _truthy(node: nodes.Node, scope: TypeScope, look: _Look) -> Facts:
    """The fact that a value is there, and no empty text, 0 or false."""
    kind = look(node, scope)
    if kind == types.ANY or not kind.values or all(kind.values):
        return _without(node, NONE, scope, look)
    return ((node, kind.without(NONE).one_of(tuple(filter(None, kind.values)))),)


def _equated(operator: str, left: nodes.Node, right: nodes.Node, scope: TypeScope, look: _Look) -> tuple[Facts, Facts]:
    """The facts of `left = right` and of `left in [right]`."""
    items = right.items if operator == "in" and isinstance(right, nodes.Array) else (right,)
    given = tuple(one.value for one in items if isinstance(one, (nodes.String, nodes.Number, nodes.Value)))
    if len(given) != len(items) or (operator == "in" and not isinstance(right, nodes.Array)):
        return (), ()
    if isinstance(left, nodes.Call) and isinstance(left.procedure, nodes.Variable) and left.procedure.name == "type":
        return _of_type(operator, left.arguments, given, scope, look)
    if None in given:
        none, some = _only(left, NONE, scope, look) if given == (None,) else (), _without(left, {"null"}, scope, look)
        return (_without(left, NONE, scope, look), none) if operator == "!=" else (none, some)
    yes, no = _compared(left, given, look(left, scope))
    yes = yes or _without(left, NONE, scope, look)
    return (yes, no) if operator != "!=" else (_without(left, {"undefined"}, scope, look), ())


def _only(node: nodes.Node, none: Any, scope: TypeScope, look: _Look) -> Facts:
    """The fact that a value is null or absent, if its type says that it may be."""
    kind = look(node, scope)
    return (
        ((node, replace(kind, kinds=kind.kinds & none, values=None)),)
        if kind != types.ANY and kind.kinds & none
        else ()
    )


def _falsy(node: nodes.Node, scope: TypeScope, look: _Look) -> Facts:
    """The fact that a text which may be null or absent is so, or empty, which is as good.

    So it is of an object that has a field always: it is never empty.
    """
    kind = look(node, scope)
    is_full = kind.solid == {"object"} and any("undefined" not in one.kinds for one in (kind.properties or {}).values())
    is_text = kind.solid == types.STRING.kinds and kind.values is None
    return _only(node, NONE, scope, look) if is_text or is_full else ()


def _of_type(
    operator: str, arguments: tuple[nodes.Node, ...], names: tuple[Any, ...], scope: TypeScope, look: _Look
) -> tuple[Facts, Facts]:
    """The facts of `$type(a) = "string"`."""
    kind = look(arguments[0], scope) if len(arguments) == 1 else types.ANY
    if kind == types.ANY:
        return (), ()
    named = {one for name in names for one in (("integer", "number") if name == "number" else (name,))}
    is_one, is_none = replace(kind, kinds=kind.kinds & named), kind.without(named)
    yes, no = ((arguments[0], is_one),), ((arguments[0], is_none),)
    return (yes, no) if operator != "!=" else (((arguments[0], is_none.without({"undefined"})),), ())


def _compared(left: nodes.Node, given: tuple[Any, ...], kind: Type) -> tuple[Facts, Facts]:
    if kind.values is None or "array" in kind.kinds:
        return (), ()
    same = tuple(value for value in kind.values if any(types.same_value(value, one) for one in given))
    rest = tuple(value for value in kind.values if not any(types.same_value(value, one) for one in given))
    return ((left, kind.one_of(same)),), ((left, replace(kind, values=rest)),)


def kept_items(item: Type, facts: Facts, holder: str = "") -> Type:
    """The type of the items for which a predicate holds; in a lambda, `holder` is its parameter."""
    for node, kind in facts:
        names = list(_names_below(node, holder))
        if None not in names:
            item = _with(item, names, kind)
    return item


def _names_below(node: nodes.Node, holder: str) -> Iterator[str | None]:
    """The names from an item to a node; None among them if it is something else."""
    steps: tuple[Any, ...] = node.steps if isinstance(node, nodes.Path) else (node,)
    for number, step in enumerate(steps):
        one = step.node if isinstance(step, nodes.Step) else step
        if number == 0 and isinstance(one, nodes.Variable) and one.name == holder:
            continue
        is_plain = not (isinstance(step, nodes.Step) and (step.predicates or step.stages))
        yield one.value if isinstance(one, nodes.Name) and (number > 0 or not holder) and is_plain else None


def _with(holder: Type, names: list[Any], kind: Type) -> Type:
    """An object's type with another type for the value at a path of names."""
    if not names:
        return kind if "array" not in holder.kinds else holder
    known = (holder.properties or {}).get(names[0])
    if known is None or "array" in holder.kinds:
        return holder
    return replace(holder, properties={**(holder.properties or {}), names[0]: _with(known, names[1:], kind)})


def known_by_path(kind: Type, facts: Facts) -> Type:
    """A value's type with what is known of the same place of the reply, whatever it is written as."""
    for node, known in facts:
        same = known.path == kind.path is not None and kind.kinds - known.kinds <= NONE
        if same and "array" not in kind.kinds and node is not None:
            kind = replace(kind, kinds=kind.kinds & known.kinds)
    return kind


def item_facts(kind: Type, predicate: nodes.Node, scope: TypeScope, look: _Look) -> Type:
    """The type of an array's items that a predicate in brackets keeps."""
    item = item_of(kind)
    return item if item == types.ANY else kept_items(item, narrowed(predicate, scope.within(item), look)[0])
