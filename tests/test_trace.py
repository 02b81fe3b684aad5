"""A traced evaluation has the same value as any other, and records each step."""

import ast

from hypothesis import HealthCheck, given, settings
from random_expressions import cases
from reference import NOW

from truto_mapper import load
from truto_mapper.language.compiler import compiler
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.nodes import Condition, Filter, Name, walk
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Places, Trace
from truto_mapper.text.errors import MappingError


def traced(text, data=MISSING, bindings=None):
    """The one evaluation of a text, its failure among it."""
    trace = Trace()
    try:
        Expression(text).evaluate_in(Scope(data, bindings, trace=trace))
    except MappingError as error:
        if not trace.evaluations:
            return error
    (found,) = trace.evaluations
    return found


def outcome(text, data, bindings):
    try:
        return repr(Expression(text).evaluate(data, bindings))
    except MappingError as error:
        return str(error)


@given(cases())
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
def test_for_any_expression_the_value_or_the_error_and_its_place_are_those_without_a_trace(drawn):
    text, data, bindings = drawn
    bindings = {**bindings, "now": NOW}
    found = traced(text, data, bindings)
    if isinstance(found, MappingError):
        assert str(found) == outcome(text, data, bindings)
        return
    assert (repr(found.value) if found.error is None else str(found.error)) == outcome(text, data, bindings)


@given(cases())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_for_any_expression_events_are_of_its_nodes_and_reads_are_where_they_say(drawn):
    text, data, bindings = drawn
    found = traced(text, data, bindings)
    if isinstance(found, MappingError):
        return
    nodes = {id(node) for node in walk(found.expression.node)}
    places = Places({"": data})
    for event in found.walk():
        assert id(event.node) in nodes
        for _, path, value in places.lookups(event):
            assert value is at(data, path)


def at(data, path):
    for step in path:
        if isinstance(data, dict) and step not in data:
            return MISSING
        data = data[step]
    return data


def values(found, kind):
    return [event.value for event in found.walk() if isinstance(event.node, kind)]


def test_events_are_within_the_event_they_led_to():
    found = traced("a.b ? a.c : 'no'", {"a": {"b": True, "c": [1, 2]}})
    (whole,) = found.events
    assert isinstance(whole.node, Condition)
    assert whole.value == [1, 2]
    condition, then = whole.inner
    assert [event.value for event in condition.inner] == [{"b": True, "c": [1, 2]}, True]
    assert then.value == [1, 2]


def test_what_is_not_reached_has_no_event_and_a_loop_has_one_for_each_item():
    assert values(traced("false ? a : b", {"a": 1, "b": 2}), Name) == [2]
    found = traced("a[b > 1].b", {"a": [{"b": 1}, {"b": 2}, {}]})
    assert values(found, Filter) == [[{"b": 2}]]
    assert [event.value for event in found.walk() if event.node.__class__.__name__ == "Binary"] == [
        False,
        True,
        MISSING,
    ]


def test_a_read_names_what_is_not_there():
    data = {"users": [{"id": 1}, {}]}
    found = traced("users.id", data)
    reads = [(path, value) for event in found.walk() for _, path, value in Places({"": data}).lookups(event)]
    assert reads == [(("users",), data["users"]), (("users", 0, "id"), 1), (("users", 1, "id"), MISSING)]


def test_an_error_leaves_what_was_evaluated_before_it():
    found = traced("a + $uppercase(b)", {"a": 1, "b": 2})
    assert found.error.code == "T0410"
    assert values(found, Name) == [1, 2]


def test_without_a_trace_the_code_is_as_if_there_were_none():
    expression = Expression("a[b = 1].{'c': $sum(d) & 'x'}")

    def code(**options):
        return ast.unparse(compiler.program(expression.node, expression.placer, {}, **options).tree)

    assert "seen" not in code()
    assert code(trace=True).count("run.seen(") > 5


def test_a_traced_mapper_gives_the_same_page_and_says_what_each_value_was_for():
    mapper, trace = load("gong/activity"), Trace()
    user = {"userId": "1", "userAggregateActivityStats": {"callsAsHost": 3}}
    body = {"usersAggregateActivityStats": [user, {"userId": 2}]}
    query = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
    plain = mapper.map(body, query=query, on_invalid="discard_record")
    page = mapper.traced(trace).map(body, query=query, on_invalid="discard_record")
    assert (page.records, page.diagnostics, page.rejected) == (plain.records, plain.diagnostics, plain.rejected)
    found = {(one.row, one.target): one.value for one in trace.evaluations}
    assert found[("usersAggregateActivityStats", 0), ("metrics", "calls_hosted")] == 3
    assert found[("usersAggregateActivityStats", 1), "counts"] is MISSING
    assert any(one.expression is mapper.mapping.endpoints[0].when for one in trace.evaluations)
