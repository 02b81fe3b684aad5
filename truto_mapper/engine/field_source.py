"""A declared field together with the part of the mapping that gives its value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from truto_mapper.engine.externals import UnfusableError
from truto_mapper.engine.shaping import ANY
from truto_mapper.language import nodes
from truto_mapper.language.compiler.placer import Place
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Node
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.resource.spec import Resource

#: The nodes below which `$` is the same as above them.
SAME_CONTEXT = nodes.Condition | nodes.Binary | nodes.Coalesce | nodes.Default | nodes.Call | nodes.Array | nodes.Object
SAME_CONTEXT |= nodes.Negate | nodes.Chain | nodes.Branches | nodes.Hole
#: Those in which names may be bound.
SCOPES = nodes.Block | nodes.Bind | nodes.Lambda
_LEAVES = nodes.String | nodes.Number | nodes.Value | nodes.Variable

_FREE = Field("object")


@dataclass(frozen=True, slots=True)
class FieldSource:
    """A field and its source: fields in YAML, or a node of an expression."""

    name: str
    declared: Field
    node: Any
    expression: Any  # None for YAML
    #: The names that its object declares, none for an object without declared fields.
    beside: tuple[str, ...] = ()

    @staticmethod
    def of(
        name: str, declared: Field, template: Any, expression: Expression | None = None, beside: tuple[str, ...] = ()
    ) -> FieldSource:
        if isinstance(template, list):
            raise UnfusableError(f"{name} is a list in YAML")
        if isinstance(template, Expression):
            return FieldSource(name, declared, template.node, template, beside)
        return FieldSource(name, declared, template, expression, beside)

    @staticmethod
    def of_record(endpoint: Endpoint, resource: Resource) -> FieldSource:
        """The whole record. Raises `UnfusableError` unless it is an object of known fields."""
        record = FieldSource.of("response_mapping", resource.record, endpoint.response)
        children = record.children()
        if not children or REMOTE_DATA in [child.name for child in children]:
            raise UnfusableError("response_mapping is not an object of all required fields, or maps remote_data")
        return record

    @property
    def place(self) -> Place | None:
        return None if self.expression is None else self.expression.placer.place(self.node.span)

    @property
    def is_whole(self) -> bool:
        """Whether the source is a whole expression, not a part of one."""
        return self.expression is not None and self.node is self.expression.node

    def children(self) -> list[FieldSource] | None:
        """The fields of an object with constant keys: all required ones, and declared ones only. Else None."""
        if isinstance(self.node, dict):
            found = self.node
        elif isinstance(self.node, nodes.Object) and all(isinstance(key, nodes.String) for key, _ in self.node.pairs):
            found = {key.value: value for key, value in self.node.pairs if isinstance(key, nodes.String)}
        else:
            return None
        declared = self.declared.fields or _free(self.node)
        repeats = isinstance(self.node, nodes.Object) and len(found) < len(self.node.pairs)
        if repeats or not declared or not found.keys() <= declared.keys():
            return None
        beside = tuple(self.declared.fields)
        made = {
            name: FieldSource.of(name, one, found[name], self.expression, beside)
            for name, one in declared.items()
            if name in found
        }
        given = {name: child for name, child in made.items() if not child.is_nothing}
        lacking = any(one.required and name not in given for name, one in declared.items())
        return None if lacking else list(given.values())

    @property
    def is_nothing(self) -> bool:
        """Whether the source is `null`, or an object of declared fields without anything else."""
        if isinstance(self.node, nodes.Value):
            return self.node.value is None
        return self.children() == []

    def leaves(self) -> Iterator[FieldSource]:
        """The fields that have an expression of their own in YAML."""
        if self.expression is not None:
            yield self
        else:
            for child in self.children() or ():
                yield from child.leaves()

    def constructed(self) -> tuple[Node, Node | None, list[FieldSource]] | None:
        """The parts of `path.{"key": value, …}` or `path.(condition ? {…})`: path, condition, fields. Else None."""
        node, items = self.node, self.declared.items
        if not isinstance(node, nodes.Path) or len(node.steps) == 1 or node.group is not None or items is None:
            return None
        *names, last = node.steps
        made: Node = last.node
        if isinstance(made, nodes.Block) and len(made.expressions) == 1:
            made = made.expressions[0]
        condition: Node | None = None
        if isinstance(made, nodes.Condition) and made.otherwise is None:
            condition, made = made.condition, made.then
        is_bare = replace(last, keep_array=False) == nodes.Step(last.span, last.node)
        parts = [part for one in (made, condition) if one for part in nodes.walk(one)]
        children = FieldSource("item", items, made, self.expression).children()
        if not is_bare or not children or not all(isinstance(one, SAME_CONTEXT | _LEAVES) for one in parts):
            return None
        return replace(node, steps=tuple(names)), condition, children


def _free(node: Any) -> dict[str, Field]:
    """The fields of an object that declares none: whatever YAML gives it, and nothing for an expression."""
    if not isinstance(node, dict):
        return {}
    return {name: _FREE if isinstance(one, dict) else ANY for name, one in node.items()}
