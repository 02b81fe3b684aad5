"""The bodies of requests, against the provider's schema of what it takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from truto_mapper.authoring.check import fitting, slips
from truto_mapper.authoring.check.expressions import EndpointTypes, narrowed
from truto_mapper.authoring.check.fitting import Wanted
from truto_mapper.authoring.check.reachability import Reach
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.inference import quiet
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import Template, expressions
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.yaml_tree import Node


class Bodies:
    """Judges the body of an endpoint's request. Values count that the queries which the endpoint serves can give."""

    def __init__(self, mapper: Mapper, typed: EndpointTypes, reach: Reach) -> None:
        self.typed, self.endpoint = typed, typed.endpoint
        node = mapper.mapping.root.value["endpoints"].value[self.endpoint.name]
        self.node: Node | None = node.value.get("request_body_mapping")
        self.holder = node
        self.scope = narrowed(replace(typed.scope, context=types.ANY), reach.asked(self.endpoint.name))

    def misfits(self) -> Iterator[Diagnostic]:
        """C241: what does not fit the schema of the request, or what no schema makes an array again."""
        if self.endpoint.body is None or self.node is None:
            return
        if self.endpoint.request is None:
            for one in expressions(self.endpoint.body):
                yield from self._collapsed(one)
            return
        schema = RequestSchema(dict(self.endpoint.request))
        wanted = Wanted(schema, "", "the request's schema", "C241", strict=True)
        yield from self._fitting(self.node, self.endpoint.body, wanted)

    def _fitting(self, node: Node, template: Template, wanted: Wanted) -> Iterator[Diagnostic]:
        match template:
            case Expression():
                yield from self._written_as_text(template, wanted)
                for _, found in _distinct(fitting.misfits(template, self._kind(template), wanted)):
                    yield found
            case list():
                if not wanted.schema.kinds & {"array"}:
                    yield self._structure(node, wanted, "array")
                for child, one in zip(node.value, template, strict=True):
                    yield from self._fitting(child, one, wanted.items)
            case dict():
                yield from self._fields(node, template, wanted)

    def _fields(self, node: Node, template: dict[str, Template], wanted: Wanted) -> Iterator[Diagnostic]:
        inner = wanted.items if wanted.schema.is_array else wanted
        if "object" not in inner.schema.kinds:
            yield self._structure(node, wanted, "object")
            return
        for name, child in template.items():
            below = inner.child(name)
            if below is None:
                yield fitting.unknown(node, name, name, inner)
            else:
                yield from self._fitting(node.value[name], child, below)
        for name in inner.schema.required:
            if name not in template:
                yield self._at(node, fitting.absent(name, inner))

    def _structure(self, node: Node, wanted: Wanted, kind: str) -> Diagnostic:
        return self._at(node, f"`{wanted.called}` is {wanted.in_words}, but this gives an {kind}")

    def _at(self, node: Node, message: str) -> Diagnostic:
        """A finding about a part of the body, at its key."""
        if node is self.node:
            found: Diagnostic = self.holder.diagnostic("C241", message, key="request_body_mapping", severity="warning")
            return found
        return node.diagnostic("C241", message, severity="warning")

    def _kind(self, expression: Expression) -> Type:
        """The type of an expression for the queries that reach the endpoint."""
        kind = self.typed.kinds.get(id(expression.node), types.ANY)
        return quiet(expression.node, self.scope) if kind.values or kind.properties else kind

    def _written_as_text(self, expression: Expression, wanted: Wanted) -> Iterator[Diagnostic]:
        """A list that is made one text, where a list is wanted: the text would be its only item."""
        match expression.node:
            case nodes.Call(procedure=nodes.Variable(name="join" | "string" as name), arguments=(items, *_)):
                kind = self.typed.kinds.get(id(items), types.ANY)
                is_list = "array" in kind.kinds and kind != types.ANY
                if wanted.schema.is_array and is_list:
                    message = f"`{wanted.called}` is an array, but ${name} makes one text of the items"
                    text = slips.written(expression, items)
                    yield expression.diagnostic("C241", message, severity="warning", hint=f"write `{text}`")

    def _collapsed(self, expression: Expression) -> Iterator[Diagnostic]:
        """An array of one item, which JSONata makes the item, where no schema makes it an array again."""
        kind = self.typed.kinds.get(id(expression.node), types.ANY)
        is_sequence = "array" in kind.kinds and bool(kind.solid - {"array"}) and kind != types.ANY
        if isinstance(expression.node, nodes.Path) and is_sequence and kind.items is not None:
            text = slips.written(expression, expression.node)
            message = f"`{text}` is a single value where there is one, and an array where there are several"
            hint = f"write `{text}[]`, or name a `request_schema`"
            yield expression.diagnostic("C241", message, severity="warning", hint=hint)


def _distinct(found: Iterator[Diagnostic]) -> Iterator[tuple[Any, Diagnostic]]:
    yield from {(one.span, one.message): one for one in found}.items()
