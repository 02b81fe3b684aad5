"""What cases hit in a mapping: they run with a trace, which shows every value that was read, chosen or written."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from truto_mapper.authoring import golden
from truto_mapper.authoring.coverage.units import Coverage, Key, Rows, declared, expressions, rows_of
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.nodes import (
    Call,
    Coalesce,
    Condition,
    Default,
    Filter,
    Lambda,
    Node,
    Number,
    Object,
    Variable,
    walk,
)
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.trace import Event, Places, Trace
from truto_mapper.text.pointers import keys_of
from truto_mapper.text.source import Source

_SCALARS = (str, int, float)


def measure(mapper: Mapper, cases: Iterable[golden.Case]) -> Coverage:
    """Run cases and count what they hit. A case that fails counts up to the point where it fails."""
    known, hits, evaluated, count = declared(mapper), Counter[Key](), Counter[int](), 0
    rows, last_calls = rows_of(mapper), _last_calls(mapper)
    for case in cases:
        trace = Trace()
        golden.run(case, mapper.traced(trace))
        of_endpoint = rows.get(trace.endpoint, Rows((), ""))  # a refused query has no endpoint
        hits.update(_hit(mapper, trace, of_endpoint, last_calls))
        hits["called", trace.endpoint] += 1
        evaluated.update(id(event.node) for one in trace.evaluations for event in one.walk())
        count += 1
    units = tuple(replace(unit, hits=hits[key]) for key, unit in known.items())
    return Coverage(units, _lines(mapper, evaluated), count)


def _hit(mapper: Mapper, trace: Trace, rows: Rows, last_calls: Mapping[int, Sequence[Key]]) -> Iterator[Key]:
    """Everything that a run hit, once for each hit; `rows` are those of the endpoint that served it."""
    tests = {id(expression) for expression, is_test in expressions(mapper) if is_test}
    places = Places({"": trace.names.get("response")})
    for evaluation in trace.evaluations:
        if id(evaluation.expression) in tests:
            yield id(evaluation.expression.node), "true" if truthy(evaluation.value) else "false"
        for event in evaluation.walk():
            yield from ((id(event.node), outcome) for outcome in taken(event))
            yield from last_calls.get(id(event.node), ())
            yield from _read(event, places, rows)
        place = places.of(evaluation.value)
        if place is not None and isinstance(evaluation.target, tuple):  # a field takes the whole of it
            yield from (("read", rows.key(path)) for path, _ in _inside(evaluation.value, keys_of(place[1])))
    for _, record in trace.records:
        for path, value in _inside(record, ()):
            yield "written", rows.first, path
            if isinstance(value, _SCALARS):
                yield "field", path, value
    for name, value in trace.names.get("query", {}).items():
        if isinstance(value, _SCALARS):
            yield "query", name, value


def _read(event: Event, places: Places, rows: Rows) -> Iterator[Key]:
    for _, path, value in places.lookups(event):
        if value is not MISSING:
            yield "read", rows.key(keys_of(path))
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, _SCALARS):
                yield "reply", rows.key(keys_of(path)), one


def _inside(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A JSON value and every value inside it, each with the keys that lead to it."""
    yield path, value
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _inside(child, (*path, name))
    elif isinstance(value, list):
        for child in value:
            yield from _inside(child, path)


def taken(event: Event) -> Iterator[str]:
    """The ways of a branch that an event took."""
    node, inner = event.node, event.inner
    match node:
        case Condition():
            yield "then" if any(one.node is node.then for one in inner) else "else"
        case Filter(expression=predicate) if not isinstance(predicate, Number):
            asked = [one for one in inner if one.node is predicate] or [
                one for one in inner if one.node is _bare(predicate)
            ]
            yield from ("kept" if truthy(one.value) else "left out" for one in asked)
        case Coalesce() | Default():
            yield "right" if any(one.node is node.right for one in inner) else "left"


def _last_calls(mapper: Mapper) -> dict[int, list[Key]]:
    """The ways of conditions that a function ends with, by what tells them: its last call is made once it has ended.

    A condition has no event then. What tells is the first that the call reads.
    """
    found: dict[int, list[Key]] = {}
    below = (one for expression, _ in expressions(mapper) for one in walk(expression.node))
    for function in (one for one in below if isinstance(one, Lambda)):
        for condition in (one for one in walk(function.body) if isinstance(one, Condition)):
            for way, call in (("then", condition.then), ("else", condition.otherwise)):
                if isinstance(call, Call):
                    first = call.arguments[0] if call.arguments else call.procedure
                    found.setdefault(id(first), []).append((id(condition), way))
    return found


def _bare(test: Node) -> Node:
    """The test without `$boolean(…)` around it, which a predicate need not call."""
    match test:
        case Call(procedure=Variable(name="boolean"), arguments=(inner,)):
            return _bare(inner)
    return test


def _lines(mapper: Mapper, evaluated: Counter[int]) -> dict[Source, dict[int, int]]:
    """For each line of each file, how often the expressions that begin on it were evaluated: the largest number."""
    found: dict[Source, dict[int, int]] = {}
    for expression, _ in expressions(mapper):
        lines = found.setdefault(expression.source, {})
        for node in walk(expression.node):
            line, _ = expression.source.position(expression.locate(node.span).start)
            lines[line] = max(lines.get(line, 0), evaluated[id(node)])
            for key, _ in node.pairs if isinstance(node, Object) else ():
                evaluated[id(key)] = evaluated[id(node)]  # a key has no event of its own
    return {source: dict(sorted(found[source].items())) for source in sorted(found, key=lambda one: one.name)}
