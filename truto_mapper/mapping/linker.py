"""Links a mapping document: parses its expressions and checks every name in it.

Fields must be declared by the resource, variables bound where they are used, and functions known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Map
from functools import partial
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping import joins, lookups
from truto_mapper.mapping.expressions import Expressions
from truto_mapper.mapping.linked import (
    OF_REPLIES,
    REQUEST_NAMES,
    RESPONSE_NAMES,
    Csv,
    Endpoint,
    Mapping,
    Template,
    WholeDays,
    bound,
    every,
)
from truto_mapper.mapping.pagination import pagination
from truto_mapper.mapping.rate_limits import linked_limits
from truto_mapper.mapping.shape import check_shape
from truto_mapper.mapping.unjoined import without_joins
from truto_mapper.resource.field import Field
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import Resource
from truto_mapper.resource.surely import surely_fits
from truto_mapper.text.diagnostics import Diagnostic, by_place, did_you_mean
from truto_mapper.text.errors import Findings, MappingError
from truto_mapper.text.pointers import steps_of
from truto_mapper.text.source import Source
from truto_mapper.text.yaml_tree import Node

#: What the expressions of `error_mapping` can read.
_OF_ERRORS = RESPONSE_NAMES - {"cursor", "now", "id", "body"}


def link(
    root: Node,
    resource: Resource,
    functions: Map[str, Callable[..., Any]],
    find_schema: Callable[[str], Source] | None = None,
    mistakes: list[Diagnostic] | None = None,
    sources: tuple[Source, ...] = (),
) -> Mapping:
    """Link a mapping document to its resource. Raises `MappingError` with every finding.

    `find_schema` reads a provider's schema by name or raises; without it the names of schemas are not checked. With
    `mistakes` they are added to it instead, and an expression that cannot be read may have any value. `sources` are the
    files that `root` is made of.
    """
    check_shape(root)
    parts = root.value
    settings = parts["context"].plain() if "context" in parts else {}
    method = parts["method"].value if "method" in parts else "list"
    linker = _Linker(resource, settings, functions, find_schema, method)
    linker.read.tables = lookups.linked_lookups(linker.read, parts.get("lookups"))
    context = linker.context(parts.get("context"))
    whole_days = linker.whole_days(parts["whole_days"]) if "whole_days" in parts else None
    endpoints = [
        linker.endpoint(name, node, has_days=whole_days is not None) for name, node in parts["endpoints"].value.items()
    ]
    errors, refusal = _errors(linker, parts.get("error_mapping"))
    limits = linked_limits(parts.get("rate_limits"), linker.findings)
    linker.findings.found[:] = _in_order(linker.findings.found)
    if mistakes is None:
        linker.findings.raise_as(MappingError)
    else:
        mistakes += linker.findings.found
    integration = parts["integration"].value
    made = integration, resource, context, settings, whole_days, errors, refusal, tuple(endpoints)
    unjoined = {one.name: without_joins(one) for one in endpoints if one.joins}
    only_joins_read = _only_joins_read(endpoints, whole_days) if unjoined else frozenset()
    mapping = Mapping(sources or (root.source,), *made, linker.read.tables, unjoined, only_joins_read, limits)
    mapping.with_root(root)
    return mapping


def _only_joins_read(endpoints: Iterable[Endpoint], days: WholeDays | None) -> frozenset[str]:
    """The settings that joins read, and no other part of an endpoint."""
    found = [(key.startswith("join."), one) for endpoint in endpoints for key, one in every(endpoint)]
    found += [] if days is None else [(False, days.time_zone)]
    read: dict[bool, set[str]] = {True: set(), False: set()}
    for of_join, one in found:
        for path in (place.path for place in reads(one)) if "context" in one.text else ():
            if path == ("context",) and not of_join:  # all of them
                return frozenset()
            read[of_join].update(map(str, path[1:2] if path[0] == "context" else ()))
    return frozenset(read[True] - read[False])


class _Linker:
    """Links the parts of a mapping document; what is wrong is added to `findings`."""

    def __init__(
        self,
        resource: Resource,
        context: Map[str, Any],
        functions: Map[str, Callable[..., Any]],
        find_schema: Callable[[str], Source] | None,
        method: str,
    ) -> None:
        self.resource, self.method = resource, method
        self.find_schema = find_schema
        self.settings = {"query": resource.parameters, "context": context}
        self.findings = Findings()
        self.read = Expressions(self.settings, functions, self.findings)

    def context(self, node: Node | None) -> Schema:
        """The schema of the account's context: an object of all settings."""
        settings = self.settings["context"]
        whole = {"type": "object", "properties": settings, "additionalProperties": False}
        try:
            schema = Schema(whole)
        except MappingError as error:
            for found in error.diagnostics:
                place = node.at(steps_of(found.pointer or "")[1:]) if node else None
                self.findings.add(found.code, found.message, source=place and place.source, span=place and place.span)
            return Schema({})
        defaults = {name: one["default"] for name, one in settings.items() if "default" in one}
        for problem in () if surely_fits(defaults, whole) else schema.problems(defaults):
            name, *path = problem.path
            message = f"the default of `{name}` does not fit its schema: {problem.message}"
            self.findings.found.append(node.at([name, "default", *path]).diagnostic("M106", message))  # type: ignore[union-attr]  # a default has a node
        return schema

    def whole_days(self, node: Node) -> WholeDays:
        shape = node.plain()
        zone = self.read.expression(node.value["time_zone"], frozenset({"query", "context"}))
        listed, known = node.value["parameters"], self.settings["query"]
        for name in shape["parameters"]:
            if name not in known:
                hint = did_you_mean(name, known)
                found = listed.diagnostic("C204", f"there is no query parameter `{name}`", key=name, hint=hint)
                self.findings.found.append(found)
            elif known[name].format != "date-time":
                message = f"`{name}` must have the format date-time to be a whole day"
                self.findings.found.append(listed.diagnostic("M106", message, key=name))
        for number, name in enumerate(offsets := shape.get("offsets", [])):
            self.offset_field(node.value["offsets"].value[number], name)
        settings = [path[1] for path, _ in reads(zone) if path[0] == "context" and path[1:]]
        return WholeDays(zone, next(iter(settings), None), shape["parameters"], tuple(offsets))

    def offset_field(self, node: Node, name: str) -> None:
        """Check that a field is a date-time, which has an offset."""
        field = self.resource.fields.get(name)
        if field is None:
            self.undeclared(node.source, node.span, name, self.resource.fields)
        elif field.format != "date-time":
            self.findings.found.append(node.diagnostic("M106", f"`{name}` must have the format date-time"))

    def endpoint(self, name: str, node: Node, *, has_days: bool) -> Endpoint:
        parts = node.value
        self.read.elsewhere = RESPONSE_NAMES.union(*(parts[key].value for key in ("for_each", "let") if key in parts))
        joined = joins.names_of(parts.get("join"))
        method = self.endpoint_method(node)
        taken = self.resource.parameters_of(method)
        self.read.settings = {**self.settings, "query": taken, "joined": parts["join"].value if joined else {}}
        self.read.untaken = frozenset(self.resource.parameters.keys() - taken.keys())
        source = self.provider_schema(parts.get("source_schema"))
        if "time_zone" in parts and not has_days:
            message = "`time_zone` is compared with the zone of `whole_days`, which this mapping does not have"
            hint = "write `whole_days` with the zone in which the request counts days"
            self.findings.found.append(node.diagnostic("M106", message, key="time_zone", hint=hint))
        of_request, of_reply = bound(REQUEST_NAMES, method), bound(RESPONSE_NAMES, method)
        linking = joins.Linking(self.read, self.provider_schema, self.request_schema, of_request, of_reply)
        names = of_reply
        for_each = self.read.loops(parts.get("for_each"), names)
        names |= {loop for loop, _ in for_each}
        names |= joined
        let = self.read.loops(parts.get("let"), names)
        names |= {loop for loop, _ in let}
        path = self.read.expression(parts["path_mapping"], of_request)
        pages, of_pages = pagination(node, partial(self.read.expression, names=of_reply), self.findings)

        def one(key: str, names: frozenset[str]) -> Expression | None:
            return self.read.expression(parts[key], names) if key in parts else None

        def tree(key: str) -> Template | None:
            return self.read.template(parts[key], of_request) if key in parts else None

        return Endpoint(
            name=name,
            method=method,
            http_method=parts["request_method"].value if "request_method" in parts else "GET",
            source=source,
            request_schema=parts["request_schema"].value if "request_schema" in parts else None,
            request=self.request_schema(parts.get("request_schema")),
            path=path,
            when=one("when", bound(frozenset({"query", "context", "id", "body"}), method)),
            recognise=one("recognise", frozenset({"context", "status", "headers", "response"})),
            params=tree("query_mapping"),
            headers=tree("request_header_mapping"),
            body=tree("request_body_mapping"),
            query_error=one("query_error", of_request),
            query_note=one("query_note", of_request),
            static_response=one("static_response", of_request),
            decode=_decoded(parts["decode"]) if "decode" in parts else None,
            for_each=for_each,
            pagination=pages,
            **{key: of_pages.get(key) or one(key, of_reply) for key in OF_REPLIES if key != "recognise"},
            let=let,
            response=self.response(parts["response_mapping"], names, self.resource.fields)
            if "response_mapping" in parts
            else {},
            joins=linking.joins(parts.get("join")),
        )

    def endpoint_method(self, node: Node) -> str:
        """The method that an endpoint serves. Keys that it lacks or cannot have are reported."""
        parts = node.value
        method: str = parts["method"].value if "method" in parts else self.method
        if method not in self.resource.methods:
            known = ", ".join(self.resource.methods)
            message, key = f"{self.resource.name} has no method `{method}`", "method" if "method" in parts else None
            self.findings.found.append(node.diagnostic("M106", message, key=key, hint=f"it has {known}"))
        if "response_mapping" not in parts and method != "delete":
            self.findings.found.append(node.diagnostic("M106", "`response_mapping` is missing"))
        for key in ("response_mapping", "for_each", "let") if method == "delete" else ():
            if key in parts:
                message = f"`{key}` is never used: `delete` gives no record"
                self.findings.found.append(node.diagnostic("M106", message, key=key, hint="remove it"))
        for key in ("pagination", "next_cursor", "page_number", "total") if method != "list" else ():
            if key in parts:
                message = f"`{key}` is for `list`: `{method}` has no pages"
                self.findings.found.append(node.diagnostic("M106", message, key=key, hint="remove it"))
        return method

    def provider_schema(self, node: Node | None) -> Source | None:
        """The text of a schema of the provider's."""
        if node is None or self.find_schema is None:
            return None
        try:
            return self.find_schema(node.value)
        except MappingError as error:
            self.findings.found.extend(
                node.diagnostic(found.code, found.message, hint=found.hint) for found in error.diagnostics
            )
            return None

    def request_schema(self, node: Node | None) -> Map[str, Any] | None:
        """The schema of a request body."""
        source = self.provider_schema(node)
        if node is None or source is None:
            return None
        try:
            schema = json.loads(source.text)
        except (ValueError, RecursionError):
            schema = None
        if not isinstance(schema, dict):
            self.findings.found.append(node.diagnostic("M108", f"{source.name} is not a JSON object"))
            return None
        return schema

    def response(self, node: Node, names: frozenset[str], fields: Map[str, Field]) -> Template:
        """A template of the unified record. Every key must be a declared field."""
        if not isinstance(node.value, dict):
            template = self.read.template(node, names)
            if isinstance(node.value, list):
                self.misfit(node, "a record", "object")
            elif isinstance(template, Expression):
                self.literals(template, template.node, fields)
            return template
        for key in sorted(node.value.keys() - fields.keys()):
            self.undeclared(node.keys[key].source, node.keys[key].span, key, fields)
        return {
            key: self.field(child, names, fields[key], key) if key in fields else self.read.template(child, names)
            for key, child in node.value.items()
        }

    def field(self, node: Node, names: frozenset[str], field: Field, name: str) -> Template:
        if isinstance(node.value, list) and field.type == "array" and field.items is not None:
            return [self.field(child, names, field.items, name) for child in node.value]
        if isinstance(node.value, (list, dict)) and field.type not in ("any", _kind(node)):
            self.misfit(node, f"`{name}`", field.type)
            return self.read.template(node, names)
        inner = field.inner
        if inner.type == "object" and not inner.fields:
            return self.read.template(node, names)
        return self.response(node, names, inner.fields)

    def misfit(self, node: Node, what: str, kind: str) -> None:
        message = f"{what} is of type {kind}, but this gives it an {_kind(node)}"
        hints = {"object": "write a mapping of its fields, or", "array": "write a list of its items, or"}
        self.findings.found.append(node.diagnostic("C205", message, hint=f"{hints.get(kind, 'write')} one expression"))

    def literals(self, expression: Expression, node: Any, fields: Map[str, Field]) -> None:
        """Check the keys of the object constructors of an expression."""
        for constructor in _constructors(node) if fields else ():
            for key, value in constructor.pairs:
                if isinstance(key, nodes.String) and key.value not in fields:
                    self.undeclared(expression.source, expression.locate(key.span), key.value, fields)
                elif isinstance(key, nodes.String):
                    self.literals(expression, value, fields[key.value].below)

    def undeclared(self, source: Source, span: Any, name: str, fields: Map[str, Field]) -> None:
        message = f"`{name}` is not a field that {self.resource.name} declares here"
        self.findings.add("C201", message, source=source, span=span, hint=did_you_mean(name, fields))


def _errors(linker: _Linker, node: Node | None) -> tuple[Map[str, Expression], Source | None]:
    """The expressions that read a refusal, and the schema of what they read."""
    parts = node.value if node else {}
    read = {name: linker.read.expression(one, _OF_ERRORS) for name, one in parts.items() if name != "source_schema"}
    return read, linker.provider_schema(parts.get("source_schema"))


def _decoded(node: Node) -> Csv | None:
    """How the body of a reply is read; None for JSON."""
    shape = node.plain()
    if isinstance(shape, dict):
        return Csv(**{name: value for name, value in shape.items() if name != "format"})
    return Csv() if shape == "csv" else None


def _in_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings in the order of the text. A finding repeated by an alias is reported once."""
    once = {(one.code, one.source, one.span, one.message): one for one in reversed(list(found))}
    return sorted(once.values(), key=by_place)


def _kind(node: Node) -> str:
    return "array" if isinstance(node.value, list) else "object"


def _constructors(node: Any) -> Iterator[nodes.Object]:
    """The object constructors that can compute the value of an expression."""
    match node:
        case nodes.Object():
            yield node
        case nodes.Path(steps=(*_, nodes.Step(node=last))):
            yield from _constructors(last)
        case nodes.Block(expressions=(*_, last)):
            yield from _constructors(last)
        case (
            nodes.Condition(then=one, otherwise=other)
            | nodes.Coalesce(left=one, right=other)
            | nodes.Default(left=one, right=other)
        ):
            yield from _constructors(one)
            yield from _constructors(other)
        case nodes.Array(items=items) | nodes.Branches(parts=items):
            for item in items:
                yield from _constructors(item)
