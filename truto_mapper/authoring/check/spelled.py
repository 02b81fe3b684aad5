"""Mappings whose calls are all written alike: `x ~> $f(y)` as `$f(x, y)`, so that rules meet one form of them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from truto_mapper.engine.mapper import Mapper, showing
from truto_mapper.language import nodes
from truto_mapper.language.call_types import is_known
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import bound_values
from truto_mapper.text.record import replace


def spelled_out(mapper: Mapper[Any]) -> Mapper[Any]:
    """A mapper, to look at, whose expressions have a call wherever `~>` calls a function."""
    mapping, made = mapper.mapping, dict[int, Any]()
    changed = {name: _spelled(getattr(mapping, name), made) for name in ("errors", "whole_days", "endpoints")}
    if all(value is getattr(mapping, name) for name, value in changed.items()):
        return mapper
    spelled = replace(mapping, **changed)
    spelled.with_root(mapping.root)
    return showing(mapper, spelled)


def _spelled(value: Any, made: dict[int, Any]) -> Any:
    """A part of a mapping with other expressions. What is shared stays shared: `made` has each part by its identity."""
    if id(value) not in made:
        made[id(value)] = _of_part(value, made)
    return made[id(value)]


def _of_part(value: Any, made: dict[int, Any]) -> Any:
    if isinstance(value, Expression):
        return _of_expression(value)
    if isinstance(value, dict):
        parts = {name: _spelled(one, made) for name, one in value.items()}
        return parts if any(parts[name] is not value[name] for name in parts) else value
    if isinstance(value, (list, tuple)):
        items = [_spelled(one, made) for one in value]
        is_same = all(one is other for one, other in zip(items, value, strict=True))
        return value if is_same else type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _of_expression(expression: Expression) -> Expression:
    node = _called(expression.node, bound_values(expression.node)) if "~>" in expression.text else expression.node
    if node is expression.node:
        return expression
    other = copy(expression)
    other.node = node
    vars(other).pop("below", None)  # it is of the node before
    return other


def _called(node: nodes.Node, bound: Mapping[str, nodes.Node]) -> nodes.Node:
    node = nodes.rebuilt(node, lambda one: _called(one, bound))
    match node:
        case nodes.Apply(left=left, right=nodes.Call() as call):
            return nodes.Call(node.span, call.procedure, (left, *call.arguments))
        case nodes.Apply(left=left, right=nodes.Variable(name=name) as function) if is_known(name):
            return node if _may_be_function(left, bound) else nodes.Call(node.span, function, (left,))
    return node


def _may_be_function(node: nodes.Node, bound: Mapping[str, nodes.Node]) -> bool:
    """Whether `~>` may make a function of what is before it, instead of calling one with it."""
    if isinstance(node, nodes.Variable):
        return is_known(node.name) or (node.name in bound and _may_be_function(bound[node.name], {}))
    return isinstance(node, nodes.Lambda | nodes.Partial | nodes.Regex | nodes.Apply)
