"""What golden cases can exercise of a mapping: fields to read and to write, branches each way, values of enumerations.

What YAML aliases share is counted once, but each endpoint writes fields of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from truto_mapper.authoring.sources import innermost, reads_parameter, reply_type
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Coalesce, Condition, Default, Filter, Number, walk
from truto_mapper.mapping.linked import Endpoint, every, leaves
from truto_mapper.text.diagnostics import shortened
from truto_mapper.text.pointers import dotted, keys_of
from truto_mapper.text.source import Source, Span
from truto_mapper.text.yaml_tree import Node

#: The counters, and what is said of a unit that no case hits.
COUNTERS = {
    "source fields": "never read",
    "target fields": "never written",
    "branches": "never taken",
    "enum values": "never seen",
}

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that cases should hit, and how often they did. `name` is in words, `span` is where it stands."""

    counter: str
    name: str
    source: Source
    span: Span
    hits: int = 0

    @property
    def line(self) -> int:
        return self.source.position(self.span.start)[0]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What some cases hit. `lines` has the evaluations that began on each line of each file that holds expressions."""

    units: tuple[Unit, ...]
    lines: Mapping[Source, Mapping[int, int]]
    cases: int

    def of(self, counter: str) -> list[Unit]:
        return [unit for unit in self.units if unit.counter == counter]

    def missed(self, counter: str) -> list[Unit]:
        return [unit for unit in self.of(counter) if not unit.hits]

    def ways(self, source: Source, line: int) -> list[Unit]:
        """Both ways of each branch that begins on a line, one pair after the other."""
        return [unit for unit in self.of("branches") if unit.source == source and unit.line == line]

    @property
    def percent(self) -> float:
        """The share of all units that are hit, in percent."""
        return rate(self.units) * 100


def covered(units: Iterable[Unit | int]) -> int:
    """How many units, or counts, are hit at all."""
    return sum(bool(unit.hits if isinstance(unit, Unit) else unit) for unit in units)


def rate(units: Collection[Unit | int]) -> float:
    """The share of units, or counts, that are hit at all; 1 if there are none."""
    return covered(units) / len(units) if units else 1.0


def declared(mapper: Mapper) -> dict[Key, Unit]:
    """Everything that cases can hit, in the order of the text."""
    found: dict[Key, Unit] = {}
    for endpoint in mapper.mapping.endpoints:
        found.update(_source_fields(mapper, endpoint))
        found.update(_target_fields(mapper, endpoint))
    for expression, is_test in expressions(mapper):
        found.update(_branches(expression, is_test=is_test))
    for endpoint in mapper.mapping.endpoints:
        found.update(_target_values(mapper, endpoint))
        found.update(_source_values(mapper, endpoint))
    found.update(_parameter_values(mapper))
    return found


def expressions(mapper: Mapper) -> Iterator[tuple[Expression, bool]]:
    """Each expression once, and whether it is asked for true or false."""
    known: dict[int, tuple[Expression, bool]] = {}
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            known.setdefault(id(expression), (expression, key in ("when", "recognise", "empty_when")))
    for expression in mapper.mapping.errors.values():
        known.setdefault(id(expression), (expression, False))
    yield from known.values()


def _source_fields(mapper: Mapper, endpoint: Endpoint) -> Iterator[tuple[Key, Unit]]:
    place = _name_of(mapper, endpoint)
    for kind in innermost(reply_type(endpoint)):
        if kind.path:
            name = f"{endpoint.name}: {dotted(kind.path)}"
            yield ("read", endpoint.name, kind.path), Unit("source fields", name, place.source, place.span)


def _source_values(mapper: Mapper, endpoint: Endpoint) -> Iterator[tuple[Key, Unit]]:
    place = _name_of(mapper, endpoint)
    for kind in innermost(reply_type(endpoint)):
        for value in kind.values or ():
            name = f"{endpoint.name}: {dotted(kind.path or ())} = {json.dumps(value)}"
            yield ("reply", endpoint.name, kind.path, value), Unit("enum values", name, place.source, place.span)


def _name_of(mapper: Mapper, endpoint: Endpoint) -> Node:
    """The name of an endpoint in the mapping."""
    return mapper.mapping.root.value["endpoints"].keys[endpoint.name]  # type: ignore[no-any-return]  # of a Node


def _target_fields(mapper: Mapper, endpoint: Endpoint) -> Iterator[tuple[Key, Unit]]:
    for path, field, expression in leaves(endpoint.response, mapper.resource.record):
        if field is not None:
            key, name = ("written", endpoint.name, keys_of(path)), f"{endpoint.name}: {dotted(keys_of(path))}"
            yield key, Unit("target fields", name, expression.source, expression.span)


def _target_values(mapper: Mapper, endpoint: Endpoint) -> Iterator[tuple[Key, Unit]]:
    for path, field, expression in leaves(endpoint.response, mapper.resource.record):
        for value in () if field is None else field.enum:
            name = f"{dotted(keys_of(path))} = {json.dumps(value)}"
            yield ("field", keys_of(path), value), Unit("enum values", name, expression.source, expression.span)


def _parameter_values(mapper: Mapper) -> Iterator[tuple[Key, Unit]]:
    """The values of each parameter that lists them, at the first expression that reads it."""
    for name, field in mapper.resource.parameters.items():
        reading = [one for one, _ in expressions(mapper) if field.enum and reads_parameter(one, name)]
        for value in field.enum if reading else ():
            label = f"$query.{name} = {json.dumps(value)}"
            yield ("query", name, value), Unit("enum values", label, reading[0].source, reading[0].span)


def _branches(expression: Expression, *, is_test: bool) -> Iterator[tuple[Key, Unit]]:
    if is_test:
        for outcome in ("true", "false"):
            yield _way(expression, expression.node, outcome)
    for node in walk(expression.node):
        for outcome in _outcomes(node):
            yield _way(expression, node, outcome)


def _outcomes(node: nodes.Node) -> tuple[str, ...]:
    match node:
        case Condition():
            return "then", "else"
        case Filter(expression=inner) if not isinstance(inner, Number):
            return "kept", "left out"
        case Coalesce() | Default():
            return "left", "right"
    return ()


def _way(expression: Expression, node: nodes.Node, outcome: str) -> tuple[Key, Unit]:
    text = " ".join(expression.text[node.span.start : node.span.end].split())
    name = f"{outcome} of {shortened(text)}"
    return (id(node), outcome), Unit("branches", name, expression.source, expression.locate(node.span))
