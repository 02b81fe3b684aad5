"""What of a mapping its cases exercise: fields read and written, branches taken each way, enum values seen; and lines.

Cases run with a trace; everything counted is a `Unit`, which a case hits or does not. What aliases share is counted
once, but for the fields that each endpoint writes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from truto_mapper.authoring import golden
from truto_mapper.authoring.check import leaves
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Coalesce, Condition, Default, Filter, Node, Number, Object, walk
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.trace import Event, Places, Steps, Trace
from truto_mapper.language.types import Type, from_schema
from truto_mapper.mapping.linked import Endpoint, every
from truto_mapper.resource.spec import Field
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import shortened
from truto_mapper.text.source import Source, Span

#: The counters, and what is said of a unit that no case hits.
COUNTERS = {
    "source fields": "never read",
    "target fields": "never written",
    "branches": "never taken",
    "enum values": "never seen",
}

Key = tuple[Any, ...]
_SCALARS = (str, int, float)


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


# ---------------------------------------------------------------------------------------------- what there is


def _declared(mapper: Mapper) -> dict[Key, Unit]:
    """Everything that cases can hit, in the order of the text."""
    found: dict[Key, Unit] = {}
    for endpoint in mapper.mapping.endpoints:
        found.update(_source_fields(mapper, endpoint))
        found.update(_target_fields(endpoint, endpoint.response, mapper.resource.fields, ()))
    for expression, is_test in _expressions(mapper):
        found.update(_branches(expression, is_test=is_test))
    found.update(_enum_values(mapper))
    return found


def _expressions(mapper: Mapper) -> Iterator[tuple[Expression, bool]]:
    """Each expression once, and whether it is asked for true or false."""
    known: dict[int, tuple[Expression, bool]] = {}
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            known.setdefault(id(expression), (expression, key in ("when", "recognise", "empty_when")))
    for expression in mapper.mapping.errors.values():
        known.setdefault(id(expression), (expression, False))
    yield from known.values()


def _source_fields(mapper: Mapper, endpoint: Endpoint) -> Iterator[tuple[Key, Unit]]:
    if endpoint.source is None:
        return
    name = mapper.mapping.root.value["endpoints"].keys[endpoint.name]
    for kind in leaves(_reply(endpoint)):
        for path in [kind.path] if kind.path else []:
            yield ("read", endpoint.name, path), _unit("source fields", endpoint, path, name.source, name.span)


def _reply(endpoint: Endpoint) -> Type:
    schema = yaml_tree.parse(endpoint.source).plain() if endpoint.source is not None else {}
    return from_schema(schema, schema)


def _unit(counter: str, endpoint: Endpoint, path: Iterable[str], source: Source, span: Span) -> Unit:
    return Unit(counter, f"{endpoint.name}: {'.'.join(path)}", source, span)


def _target_fields(
    endpoint: Endpoint, template: Any, fields: Mapping[str, Field], path: tuple[str, ...]
) -> Iterator[tuple[Key, Unit]]:
    """The fields that the template of an endpoint has an expression for."""
    if isinstance(template, dict):
        for name, child in template.items():
            if name in fields:
                yield from _target_fields(endpoint, child, fields[name].below, (*path, name))
    elif isinstance(template, list):
        for child in template:
            yield from _target_fields(endpoint, child, fields, path)
    else:
        place = template.locate(template.node.span)
        yield ("written", endpoint.name, path), _unit("target fields", endpoint, path, template.source, place)


def _branches(expression: Expression, *, is_test: bool) -> Iterator[tuple[Key, Unit]]:
    if is_test:
        for outcome in ("true", "false"):
            yield _way(expression, expression.node, outcome)
    for node in walk(expression.node):
        for outcome in _outcomes(node):
            yield _way(expression, node, outcome)


def _outcomes(node: Node) -> tuple[str, ...]:
    match node:
        case Condition():
            return "then", "else"
        case Filter(expression=inner) if not isinstance(inner, Number):
            return "kept", "left out"
        case Coalesce() | Default():
            return "left", "right"
    return ()


def _way(expression: Expression, node: Node, outcome: str) -> tuple[Key, Unit]:
    text = " ".join(expression.text[node.span.start : node.span.end].split())
    name = f"{outcome} of {shortened(text)}"
    return (id(node), outcome), Unit("branches", name, expression.source, expression.locate(node.span))


def _enum_values(mapper: Mapper) -> Iterator[tuple[Key, Unit]]:
    """Values of enumerations: of unified fields that are mapped, of parameters that are read, of the replies."""
    for endpoint in mapper.mapping.endpoints:
        name = mapper.mapping.root.value["endpoints"].keys[endpoint.name]
        for (_, _, path), unit in _target_fields(endpoint, endpoint.response, mapper.resource.fields, ()):
            for value in _field(mapper.resource.fields, path).enum:
                key = ("field", path, value)
                yield key, Unit("enum values", f"{'.'.join(path)} = {json.dumps(value)}", unit.source, unit.span)
        for kind in leaves(_reply(endpoint)) if endpoint.source is not None else ():
            for value in kind.values or ():
                label = f"{endpoint.name}: {'.'.join(kind.path or ())} = {json.dumps(value)}"
                yield ("reply", endpoint.name, kind.path, value), Unit("enum values", label, name.source, name.span)
    for name_, field in mapper.resource.parameters.items():
        reading = [e for e, _ in _expressions(mapper) if f"$query.{name_}" in e.text]
        for value in field.enum if reading else ():
            place = reading[0].locate(reading[0].node.span)
            label = f"$query.{name_} = {json.dumps(value)}"
            yield ("query", name_, value), Unit("enum values", label, reading[0].source, place)


def _field(fields: Mapping[str, Field], path: Iterable[str]) -> Field:
    found = Field.model_construct(type="object", fields=fields)
    for name in path:
        found = found.below[name]
    return found


# ----------------------------------------------------------------------------------------------- what is hit


def measure(mapper: Mapper, cases: Iterable[golden.Case]) -> Coverage:
    """Run cases and count what they hit. A case that fails counts for as far as it came."""
    declared, hits, evaluated, count = _declared(mapper), Counter[Key](), Counter[int](), 0
    for case in cases:
        trace = Trace()
        golden.run(case, mapper.traced(trace))
        hits.update(_hit(mapper, trace, trace.endpoint))
        evaluated.update(id(event.node) for one in trace.evaluations for event in one.walk())
        count += 1
    units = tuple(replace(unit, hits=hits[key]) for key, unit in declared.items())
    return Coverage(units, _lines(mapper, evaluated), count)


def _hit(mapper: Mapper, trace: Trace, endpoint: str) -> Iterator[Key]:
    """What a run hit, as often as it did; `endpoint` is the name of the one that served it."""
    tests = {id(expression) for expression, is_test in _expressions(mapper) if is_test}
    places = Places({"": trace.names.get("response")})
    for evaluation in trace.evaluations:
        if id(evaluation.expression) in tests:
            yield id(evaluation.expression.node), "true" if truthy(evaluation.value) else "false"
        for event in evaluation.walk():
            yield from ((id(event.node), outcome) for outcome in _taken(event))
            yield from _read(event, places, endpoint)
        place = places.of(evaluation.value)
        if place is not None and isinstance(evaluation.target, tuple):  # a field takes it as a whole
            yield from (("read", endpoint, path) for path in _below(evaluation.value, _plain(place[1])))
    for _, record in trace.records:
        yield from _written(record, (), endpoint)
    for name, value in trace.names.get("query", {}).items():
        if isinstance(value, _SCALARS):
            yield "query", name, value


def _read(event: Event, places: Places, endpoint: str) -> Iterator[Key]:
    for _, path, value in places.reads(event):
        if value is not MISSING:
            yield "read", endpoint, _plain(path)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, _SCALARS):
                yield "reply", endpoint, _plain(path), one


def _below(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _below(child, (*path, name))
    elif isinstance(value, list):
        for child in value:
            yield from _below(child, path)
    yield path


def _plain(path: Steps) -> tuple[str, ...]:
    return tuple(step for step in path if isinstance(step, str))


def _taken(event: Event) -> Iterator[str]:
    """The outcomes of a node that an event shows."""
    node, inner = event.node, event.inner
    match node:
        case Condition():
            yield "then" if any(one.node is node.then for one in inner) else "else"
        case Filter(expression=predicate) if not isinstance(predicate, Number):
            yield from ("kept" if truthy(one.value) else "left out" for one in inner if one.node is predicate)
        case Coalesce() | Default():
            yield "right" if any(one.node is node.right for one in inner) else "left"


def _written(value: Any, path: tuple[str, ...], endpoint: str) -> Iterator[Key]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _written(child, (*path, name), endpoint)
    elif isinstance(value, list):
        for child in value:
            yield from _written(child, path, endpoint)
    elif isinstance(value, _SCALARS):
        yield "field", path, value
    yield "written", endpoint, path


def _lines(mapper: Mapper, evaluated: Counter[int]) -> dict[Source, dict[int, int]]:
    """How often what begins on each line was evaluated, by file and line."""
    found: dict[Source, dict[int, int]] = {}
    for expression, _ in _expressions(mapper):
        lines = found.setdefault(expression.source, {})
        for node in walk(expression.node):
            line, _ = expression.source.position(expression.locate(node.span).start)
            lines[line] = max(lines.get(line, 0), evaluated[id(node)])
            for key, _ in node.pairs if isinstance(node, Object) else ():
                evaluated[id(key)] = evaluated[id(node)]  # a key is no value, and has no event of its own
    return {source: dict(sorted(found[source].items())) for source in sorted(found, key=lambda one: one.name)}
