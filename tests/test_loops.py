"""`$map(a, function($v){ … })` and the like give the same whether the lambda is written out as a loop or is a value."""

import ast
from itertools import product

import pytest
from test_equivalence import outcome, same

from truto_mapper.language.compiler import compiler
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import DEFAULT_DEPTH, MAX_SPENT, MISSING, Budget
from truto_mapper.text.errors import EvaluationError

ARRAYS = (
    MISSING,
    None,
    7,
    "ab",
    [],
    [1],
    [[1]],
    [[]],
    [1, 2, 3],
    ["a", None, 2.5, True],
    [{"a": 1, "b": [1, 2]}, {"a": "x"}],
)
OBJECTS = (MISSING, None, 7, [{"a": 1}], {}, {"a": 1}, {"a": [1], "b": {"a": 2}, "c": "x", "d": None})

#: Bodies of a lambda with the parameters $v, $i and $s; $ is the input, $f a function, $x a variable outside.
BODIES = (
    "$v", "$v.a", "[$v]", "[[$v]]", "{'a': $v, 'b': nothing}", "$i", "$count($s)", "$v > 1", "$v = 1",
    "$v & '-' & $i", "$keys($v)", "$v.b", "$string($v)", "$uppercase($v)", "$v + 1", "$v * 2 - 1", "-$v",
    "($y := $v; $y)", "($v := 1; [$v, $i])", "($x := $v; $x)", "$x", "$", "$$.k", "nothing", "null",
    "$append($v, $v)", "$v.b.{'n': $v.a, 'k': $}", "$v[0]", "$v ~> $string", "$map($s, function($w) { [$w, $i] })",
    "$filter($s, function($w) { $w = $v })", "$error('no')", "$f($v)", "$f($v) & $i", "function($w) { $w & $i }",
    "$f", "$sum($v)", "$eval('$v')", "$v ? 'yes' : 'no'", "$v in [1, 'x']", "$lookup($v, 'a')", "$contains($v, 'a')",
    "$exists($v.a)", "$substring($v)", "$each($v, function($w, $k) { $k })", "$sift($v, function($w) { $w })",
    "($a := $v; function() { $a })", "$not($v)", "[$v..3]", "$v^(a)", "$v ~> |$|{'z': 1}|",
)  # fmt: skip
OF_ITEMS = ("map", "filter", "single")
OF_FIELDS = ("each", "sift")


def both(written_out, by_value, values):
    expressions = Expression(written_out), Expression(by_value)
    for value in values:
        data = {"k": "of the input"} if value is MISSING else {"k": "of the input", "p": value}
        first, second = (outcome(lambda one: one, each, data, {}) for each in expressions)
        assert same(first, second), (written_out, value, first, second)


def given(parameters, body, call):
    """An expression with the lambda λ in a call of a function, and one with the lambda in a variable, bound at δ."""
    made = f"function({parameters}) {{ {body} }}"
    outer = "($x := 'outer'; $f := function($n) { [$n] }; "
    call = call if "δ" in call else f"δ{call}"
    by_value = call.replace("λ", "$g").replace("δ", f"$g := {made}; ")
    return f"{outer}{call.replace('δ', '').replace('λ', made)})", f"{outer}{by_value})"


def names(text):
    """The names that the code of an expression uses."""
    expression = Expression(text)
    made = compiler.program(expression.node, expression.placer, {}).tree
    return {node.id for node in ast.walk(made) if isinstance(node, ast.Name)}


# The same value


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("parameters", ["$v, $i, $s", "$v"])
def test_a_loop_over_an_array_gives_what_calls_of_the_lambda_give(body, parameters):
    for name in OF_ITEMS:
        for form in (f"${name}(p, λ)", f"[p ~> ${name}(λ)][0]", f"p.(δ${name}($, λ))", f"${name}(p, λ) ~> $map($type)"):
            both(*given(parameters, body, form), ARRAYS)


@pytest.mark.parametrize("body", BODIES)
def test_a_loop_over_the_fields_of_an_object_gives_what_calls_of_the_lambda_give(body):
    for name in OF_FIELDS:
        for form in (f"${name}(p, λ)", f"p ~> ${name}(λ)", f"p.(δ${name}(λ))"):
            both(*given("$v, $i, $s", body, form), OBJECTS)


@pytest.mark.parametrize(
    "body",
    [
        "$a + $v", "$a & $v", "[$a, $v]", "$append($a, $v)", "$append($a, [$v, $i])", "$append($v, $a)",
        "$append($a, $a)", "$v = 2 ? $append($a, $v) : $a", "$v in $a ? $a : $append($a, $v)",
        "$v = 1 ? $append($a, $v)", "$a", "$v", "nothing", "$merge([$a, {'k': $v}])", "$merge([$a, $v])",
        "$merge([$a])", "$merge([$v, $a])", "$merge([$a, {'a': $a}])",
        "$merge([$a, {$string($v): $i}, {'n': $count($s)}])", "($append($a, $v))", "($b := $a; $append($a, $v))",
        "($y := $append($a, $v); $y)", "$append($a, function() { $v })", "$i > 1 ? $a : $append($a, $i)",
        "$append($a, $eval('$a'))", "($a := $append($a, $v); $a)", "$error('no')", "$a > $v ? $a : $v",
        "$append($a, $keys($v))", "{'a': $a}",
    ],
)  # fmt: skip
def test_a_reduction_gives_what_calls_of_the_lambda_give(body):
    for form in (
        "$reduce(p, λ)",
        "$reduce(p, λ, [])",
        "$reduce(p, λ, {})",
        "$reduce(p, λ, p)",
        "$reduce(p, λ, nothing)",
        "p ~> $reduce(λ, 'x')",
    ):
        both(*given("$a, $v, $i, $s", body, form), ARRAYS)
        both(*given("$a, $v", body, form), ARRAYS) if "$i" not in body and "$s" not in body else None


def test_a_standard_function_is_given_each_item_and_nothing_else():
    for name, function in product(
        ("map", "filter"), ("uppercase", "string", "number", "boolean", "count", "keys", "exists", "length", "not")
    ):
        both(f"(${name}(p, ${function}))", f"($g := ${function}; ${name}(p, $g))", ARRAYS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$map([1, 2], function($v) { function() { $v } }) ~> $map(function($f) { $f() })", [1, 2]),
        ("[1, 2].($x := $; $map([3, 4], function($v) { $x * $v }))", [3, 4, 6, 8]),
        ("($s := 0; $map([1, 2], function($v) { $s := $s + $v }))", [1, 2]),
        ("($map := function($a, $f) { 'mine' }; $map([1], function($v) { $v }))", "mine"),
        ("$map([1, 2], function($map) { $map([3], function($v) { $v }) })", "T1006"),
        ("(function($n) { $n = 0 ? [] : $map([$n], function($v) { $append($v, []) }) })(2)", [2]),
        ("$map([1, 2], function($v) { $sum })", [None, None]),
        ("{'a': 1} ~> $each()", "T0410"),
        ("7 ~> $sift()", "T0410"),
    ],
)
def test_a_lambda_keeps_its_scope_in_a_loop(text, expected):
    try:
        found = Expression(text).evaluate({})
    except EvaluationError as error:
        found = error.code
    assert found == expected


def test_a_reduction_never_changes_what_it_was_given():
    data = {"list": [1], "object": {"a": 1}, "more": [{"b": 2}, {"c": 3}]}
    before = repr(data)
    grown = Expression("$reduce(more, function($a, $v) { $append($a, $v) }, list)").evaluate(data)
    merged = Expression("$reduce(more, function($a, $v) { $merge([$a, $v]) }, object)").evaluate(data)
    assert (grown, merged) == ([1, {"b": 2}, {"c": 3}], {"a": 1, "b": 2, "c": 3})
    assert repr(data) == before


# What is written out


@pytest.mark.parametrize("name", ["map", "filter", "single", "sift", "each"])
def test_a_lambda_in_a_call_needs_no_function(name):
    assert not names(f"${name}(a, function($v) {{ $v.b = 1 }})") & {"Closure", "invoke", f"f_{name}"} - {
        "f_each",
        "f_sift",
    }
    assert "Closure" in names(f"${name}(a, function($v)<x:b> {{ $v.b = 1 }})")


def test_a_lambda_that_a_variable_may_hold_is_a_function():
    assert "Closure" in names("$map(a, function($v) { function() { $v } })")
    assert "Closure" not in names("$map(a, function($v) { $map($v, function($w) { $w }) })")


# Errors and bounds


def failure(text, data=MISSING, **more):
    with pytest.raises(EvaluationError) as caught:
        Expression(text).evaluate(data, **more)
    found = caught.value.diagnostics[0]
    return found.code, text[found.span.start : found.span.end]


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("$map([1, 'a'], function($v) { 1 + $v })", "T2002", "1 + $v"),
        ("$filter([1], function($v) { $v > true })", "T2010", "$v > true"),
        ("$map([1], $uppercase)", "T0410", "$map([1], $uppercase)"),
        ("$each(7, function($v) { $v })", "T0410", "$each(7, function($v) { $v })"),
        ("$reduce([{}, 1], function($a, $v) { $merge([$a, $v]) })", "T0412", "$merge([$a, $v])"),
        ("$single([1, 1], function($v) { $v = 1 })", "D3138", "$single([1, 1], function($v) { $v = 1 })"),
        ("$reduce([1], function($v) { $v })", "D3050", "$reduce([1], function($v) { $v })"),
    ],
)
def test_an_error_in_a_loop_has_the_place_of_what_failed(text, code, at):
    assert failure(text) == (code, at)


def test_recursion_through_a_loop_is_too_deep():
    assert failure("($f := function($n) { $map([$n], function($v) { $f($v + 1) }) }; $f(1))")[0] == "D1011"
    assert DEFAULT_DEPTH == 200


@pytest.mark.parametrize(
    "text",
    [
        "$map([1..1000000], function($v) { $v })",
        "$filter([1..1000000], function($v) { false })",
        "$reduce([1..1000000], function($a, $v) { $v })",
        "$reduce([1..1000000], function($a, $v) { $append($a, $v) })",
        "[1..1000].$each($$, function($v) { $v })",
        "[1..1000].$map($$.*, $string)",
    ],
)
def test_a_loop_looks_at_the_clock(text, monkeypatch):
    moments = iter(range(1_000_000))
    monkeypatch.setattr(Budget, "clock", staticmethod(lambda: next(moments) / 100))
    assert failure(text, {f"k{number}": number for number in range(1_000)}, timeout=0.2)[0] == "D1012"
    assert next(moments) <= 23


@pytest.mark.parametrize("body", ["$append($a, $v)", "$merge([$a, {$string($v): 1}])"])
def test_a_reduction_that_grows_is_counted_once_not_for_every_step(body, monkeypatch):
    spent = []
    monkeypatch.setattr(Budget, "spend", lambda _, size: spent.append(size))
    Expression(f"$reduce([1..2000], function($a, $v) {{ {body} }}, nothing ? 0 : $merge({{}}))").evaluate()
    assert 2_000 * 8 < sum(spent) < 2_000 * 1_000


def test_what_the_loops_of_one_evaluation_make_is_bounded():
    text = "$map([1..10000], function($v) { $map([1..1000], function($w) { [$v, $w] }) })"
    assert failure(text, timeout=100)[0] == "D2014"
    assert MAX_SPENT < 10_000 * 1_000 * 56
