"""A result that holds its parts many more times than the data do is measured; the others need not be."""

import pytest

from truto_mapper.language.compiler.escapes import MAX_TIMES, multiplies
from truto_mapper.language.expression import Expression
from truto_mapper.text.errors import EvaluationError


@pytest.mark.parametrize(
    "text",
    [
        "$map(a, function($v) { {'id': $v.id, 'q': $v.q * 2, 'both': [$v.id, $v]} })",
        "a ~> $filter(function($v) { $v.q > $$.least })",
        "$each(a, function($v, $k) { $k & $v })",
        "$sum(a.(q * price)) + $count(a[q > $x])",
        "a.{'name': $uppercase(name), 'old': $number(age) > 65}",
        "$append(a.b, c ?? d)",
        "$ ~> |a|{'total': q * price, 'many': $count(b) > 1}, ['old']|",
        "$clone(a)",
    ],
)
def test_a_result_that_holds_each_part_a_few_times_is_not_measured(text):
    assert not multiplies(Expression(text).node)


@pytest.mark.parametrize(
    "text",
    [
        "$map(a, function($v) { $$ })",
        "$map(a, function($v) { b })",
        "$map(a, function($v, $i, $all) { $all })",
        "$map(a, function($v) { $map(b, function($w) { $v }) })",
        "$map(a, function($v) { $v.b.{'all': $v} })",
        "$map(a, function($v) { $v.b[[0, 0, 0]] })",
        "$reduce(a, function($x, $v) { [$x, $x] })",
        "($x := [a, a]; $x := [$x, $x])",
        "a.$replace(b, 'x', c)",
        "a.$pad(b, c)",
        "a.b.$lookup($$, c)",
        "[1..1000].a",
        "$join(a, b)",
        "$ ~> |a|{'all': $$}|",
        "$ ~> |**|{'b': a}|",
    ],
)
def test_a_result_that_may_hold_a_part_once_for_each_of_others_is_measured(text):
    assert multiplies(Expression(text).node)


def test_a_function_of_the_caller_may_hold_anything():
    node = Expression("a.$uppercase(b)").node
    assert not multiplies(node)
    assert multiplies(node, {"uppercase"})


def test_parts_that_are_doubled_again_and_again_are_refused():
    text = "a"
    for _ in range(40):
        text = f"$map({text}, function($v) {{ [$v, $v] }})"
    with pytest.raises(EvaluationError) as caught:
        Expression(text).evaluate({"a": ["x" * 1_000]})
    assert caught.value.code in ("D2014", "M104")
    assert multiplies(Expression(text).node)
    assert MAX_TIMES < 2**40
