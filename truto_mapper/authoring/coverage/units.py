"""What golden cases can exercise in a mapping: fields to read and to write, branches each way, values of enumerations.

An expression that YAML aliases share is counted once. Fields are counted for each endpoint, but once for endpoints that
share all of their `response_mapping`, such as those of `list` and `get`.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from truto_mapper.authoring.sources import innermost, reads_parameter, reply_reads
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.source_types import reply_type
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath
from truto_mapper.language.nodes import Coalesce, Condition, Default, Filter, Node, Number, walk
from truto_mapper.mapping.linked import Endpoint, every, leaves
from truto_mapper.mapping.linked import expressions as leaves_of
from truto_mapper.text.diagnostics import shortened
from truto_mapper.text.pointers import dotted, keys_of
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source, Span

#: The counters, and the words for a unit that no case hits.
COUNTERS = {
    "source fields": "never read",
    "target fields": "never written",
    "branches": "never taken",
    "enum values": "never seen",
}

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that cases should hit, and how often they did. `name` is in words."""

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
    """What some cases hit. `lines` has how often the expressions on each line of each file were evaluated."""

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


class Rows(NamedTuple):
    """The rows of an endpoint: the names that lead to them, and the first endpoint that makes the same of its own.

    `is_shared` is whether another endpoint does.
    """

    path: NamePath
    first: str
    is_shared: bool = False

    def key(self, path: NamePath) -> tuple[str, bool, NamePath]:
        """A place in the reply. Below the row it is the same one for all endpoints that share the mapping of a row."""
        size = len(self.path)
        return (self.first, True, path[size:]) if path[:size] == self.path else (self.first, False, path)


def rows_of(mapper: Mapper) -> dict[str, Rows]:
    """The rows of each endpoint by its name."""
    firsts: dict[tuple[int, ...], str] = {}
    found: dict[str, Rows] = {}
    for endpoint in mapper.mapping.endpoints:
        shared = tuple(id(one) for one in leaves_of(endpoint.response)) or (id(endpoint),)
        loops = [read.path for read in reply_reads(endpoint) if read.key == "for_each"]
        found[endpoint.name] = Rows(loops[-1] if loops else (), firsts.setdefault(shared, endpoint.name))
    several = Counter(rows.first for rows in found.values())
    return {name: rows._replace(is_shared=several[rows.first] > 1) for name, rows in found.items()}


def declared(mapper: Mapper) -> dict[Key, Unit]:
    """Everything that cases can hit, in the order of the text."""
    found: dict[Key, Unit] = {}
    rows = rows_of(mapper)
    for endpoint in mapper.mapping.endpoints:
        own = rows[endpoint.name]
        for key, unit in (*_in_reply(mapper, endpoint, own), *_in_record(mapper, endpoint, own)):
            found.setdefault(key, unit)
    for expression, is_test in expressions(mapper):
        found.update(_branches(expression, is_test=is_test))
    found.update(_in_query(mapper))
    return found


#: The keys whose expressions are tests.
_TESTS = ("when", "recognise", "error_when", "empty_when", "run_if")


def expressions(mapper: Mapper) -> Iterator[tuple[Expression, bool]]:
    """Each expression once, and whether it is a test: only the truth of its value counts."""
    known: dict[int, tuple[Expression, bool]] = {}
    for endpoint in mapper.mapping.endpoints:
        for key, expression in every(endpoint):
            part, _, name = key.rpartition(".")
            known.setdefault(id(expression), (expression, name in _TESTS and part not in ("let", "for_each")))
    for expression in mapper.mapping.errors.values():
        known.setdefault(id(expression), (expression, False))
    yield from known.values()


def _in_reply(mapper: Mapper, endpoint: Endpoint, rows: Rows) -> Iterator[tuple[Key, Unit]]:
    """The fields of the provider's schema and their listed values, at the name of the endpoint."""
    place = mapper.mapping.root.value["endpoints"].keys[endpoint.name]
    if rows.is_shared:  # the fields count once, but each reply has to be seen
        name = f"{endpoint.name}: {dotted(rows.path) or 'its reply'}"
        yield ("called", endpoint.name), Unit("source fields", name, place.source, place.span)
    for kind in innermost(reply_type(endpoint)):
        name = f"{endpoint.name}: {dotted(kind.path or ())}"
        if kind.path:
            yield ("read", rows.key(kind.path)), Unit("source fields", name, place.source, place.span)
        for value in kind.values or ():
            unit = Unit("enum values", f"{name} = {json.dumps(value)}", place.source, place.span)
            yield ("reply", rows.key(kind.path or ()), value), unit


def _in_record(mapper: Mapper, endpoint: Endpoint, rows: Rows) -> Iterator[tuple[Key, Unit]]:
    """The unified fields that an endpoint has expressions for, and their listed values."""
    for path, field, expression in leaves(endpoint.response, mapper.resource.record):
        keys, name, place = keys_of(path), dotted(keys_of(path)), (expression.source, expression.span)
        if field is not None:
            yield ("written", rows.first, keys), Unit("target fields", f"{endpoint.name}: {name}", *place)
            for value in field.enum:
                yield ("field", keys, value), Unit("enum values", f"{name} = {json.dumps(value)}", *place)


def _in_query(mapper: Mapper) -> Iterator[tuple[Key, Unit]]:
    """The listed values of parameters that the integration knows, at the first expression that reads the parameter."""
    for name, field in mapper.resource.parameters.items():
        if not mapper.resource.is_known(field, mapper.mapping.integration):
            continue
        reading = [one for one, _ in expressions(mapper) if field.enum and reads_parameter(one, name)]
        for value in field.enum if reading else ():
            label = f"$query.{name} = {json.dumps(value)}"
            yield ("query", name, value), Unit("enum values", label, reading[0].source, reading[0].span)


def _branches(expression: Expression, *, is_test: bool) -> Iterator[tuple[Key, Unit]]:
    tests = [(expression.node, ("true", "false"))] if is_test else []
    for node, ways in [*tests, *((node, outcomes(node)) for node in walk(expression.node))]:
        text = shortened(" ".join(expression.text[node.span.start : node.span.end].split()))
        place = expression.source, expression.locate(node.span)
        for outcome in ways:
            yield (id(node), outcome), Unit("branches", f"{outcome} of {text}", *place)


def outcomes(node: Node) -> tuple[str, ...]:
    match node:
        case Condition():
            return "then", "else"
        case Filter(expression=inner) if not isinstance(inner, Number):
            return "kept", "left out"
        case Coalesce() | Default():
            return "left", "right"
    return ()
