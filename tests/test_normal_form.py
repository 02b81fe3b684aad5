"""The normal form: expressions with the same one have the same value, and what differs has another one."""

import random

import pytest
import random_expressions
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, MappingError
from truto_mapper.language.expression import Expression
from truto_mapper.language.normal_form import Names, normal
from truto_mapper.language.parser import parse

ROW = {
    "a": {"b": [{"c": 1, "d": "x"}, {"c": 2, "d": None}], "e": "t", "n": 3},
    "items": [{"x": 1, "y": "p"}, {"x": 2, "y": "q"}],
    "s": "text",
}

#: Expressions that are equal in a row called `$row` with `$let` for `a.b`: the first one of each line, and the others.
EQUAL = [
    ("a.b", "$.a.b", "$row.a.b", "$$.a.b", "(a).b", "a.(b)", "$let", "($x := a; $x.b)", "$row.(a.b)"),
    ("a.b[0]", "$.a.b[0]", "$row.a.(b[0])"),
    ("$let[0].c", "($x := a.b; $x[0].c)", "(a.b)[0].c"),
    ("a.e ? s", "a.e ? s : ()", "(a.e) ? (s)", "$not(a.e) ? () : s", "$boolean(a.e) ? s"),
    ("a.z ?? s", "$exists(a.z) ? a.z : s", "($z := a.z; $exists($z) ? $z : $row.s)"),
    ("a.z ?: s", "a.z ? a.z : s"),
    ("$exists(a.e) ? a.e", "a.e"),
    ("items[x = $row.a.n]", "items[$$.a.n = x]", "($n := a.n; items[x = $n])"),
    ("$map(items, function($v){ $v.x & s })", "$map(items, function($w){ ($w.x & s) })"),
    (
        "($f := function($v){ $v.x + 1 }; $f(items[0]))",
        "items[0].x + 1",
        "($g := function($i){ 1 + 0 }; items[0].x + 1)",
    ),
    ('{"k": s, "l": a.e}', '{"l": a.e, "k": s}'),
    ('s & "-" & a.e', 's & ("-" & a.e)', "(s & '-') & a.e"),
    ('"/v2/" & s', '"/v" & "2/" & s'),
    ("a.n > 1", "1 < a.n", "(a.n) > (1)"),
    ("a.n >= 3", "3 <= a.n"),
    ('s = "text"', '"text" = s'),
    ('s in ["text", "other"]', 's = "text" or s = "other"', 's in ["other", "text"]'),
    ("s = 1 and $exists(a)", "$exists(a) and s = 1"),
    ("s ~> $substring(1)", "$substring(s, 1)"),
    ('items#$i.{"n": $i, "v": x}', 'items#$j.{"v": x, "n": $j}'),
    ("$uppercase(a.e)", "a.e ~> $uppercase", "a.e ~> $uppercase()"),
    ('items.{"k": y, "n": x + 1}', '$map(items, function($v){ {"k": $v.y, "n": $v.x + 1} })'),
    ("items.(x > 1 ? y & 's')", "$map($row.items, function($i){ $i.x > 1 ? $i.y & 's' })"),
    ("a.b[c = 2]", "$filter(a.b, function($v){ $v.c = 2 })"),
    ("a.z != null ? $string(a.z)", "a.z = null ? () : $string(a.z)", "null = a.z ? () : $string(a.z)"),
    ("a.e != null ? a.e", "a.e = null ? () : a.e"),
    ("items^(x)", "$row.items^($.x)"),
    ("items.x", "items.($.x)", "items.($v := $; $v.x)"),
]

#: Pairs of expressions that differ, however similar they look.
DIFFERENT = [
    ("a.b", "a.e"),
    ("items.(x & s)", "($t := s; items.(x & $t))"),
    ("items[x = 1]", "items[x = 2]"),
    ("(a.b)[0]", "a.b[0].c"),
    ("a.b[]", "a.b"),
    ("s.$length()", "$length()"),
    ("a.e ? s : a", "a.e ? a : s"),
    ("a.n - 1", "1 - a.n"),
    ("items^(x)", "items^(>x)"),
    ("items[$ = 1]", "items[$$ = 1]"),
    ("items.($x := s; $x)", "($x := s; items.($x))"),
    ("$map(items, function($v, $i){ $v })", "$map(items, function($v, $i){ $i })"),
    ("($n := 1; $f := function(){ $n }; $n := 2; $f())", "2"),
    ("$number(s) = 1 and $exists(a)", "$exists(a) and $number(s) = 1"),
    ("s & a.e", "a.e & s"),
    ("a.z != null ? $string(s)", "a.z = null ? () : $string(s)"),
    ("$map(items, function($v){ [$v.x] })", "items.[x]"),
    ("$map(items, function($v){ $v.x })", "items.y"),
    ("$filter(a.b, function($v){ $v.c })", "a.b[c]"),
    ("s ?? a.e", "s ?: a.e"),
    ("($t := $error(s); s)", "s"),
]


def form(text):
    names = Names.of("@reply").entering("row", "@row").binding("let", parse("a.b"))
    return normal(parse(text), names)


def value(text, row=ROW, **bound):
    """The value of an expression, or that it has none."""
    try:
        return Expression(text).evaluate(row, {"row": row, **bound})
    except EvaluationError:
        return "an error"


@pytest.mark.parametrize("texts", EQUAL, ids="{0[0]}".format)
def test_equal_expressions_have_the_same_normal_form(texts):
    first, *others = texts
    bound = {"let": value("a.b")}
    for other in others:
        assert form(first) == form(other) is not None, other
        assert value(first, **bound) == value(other, **bound), other


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_expressions_have_different_normal_forms(one, other):
    assert form(one) != form(other) or form(one) is None


def test_a_value_that_is_written_out_too_often_has_no_normal_form():
    doubled = "; ".join(f"$v{i + 1} := $v{i} & $v{i}" for i in range(40))
    assert form(f"($v0 := s; {doubled}; $v40)") is None


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=15)
def test_random_expressions_with_the_same_normal_form_have_the_same_value(seed):
    rng = random.Random(seed)
    groups = {}
    for _ in range(300):
        text = random_expressions.expression(rng, rng.choice([0, 1]))
        try:
            made = normal(parse(text), Names.of("@row"))
        except MappingError:
            continue
        if made is not None:
            groups.setdefault(made, set()).add(text)
    rows = [{name: random_expressions.document(rng) for name in random_expressions.FIELDS} for _ in range(3)]
    for texts in groups.values():
        first, *others = sorted(texts)
        for row in rows if others else ():
            bound = {"x": random_expressions.document(rng), "y": random_expressions.document(rng, 1)}
            for other in others:
                values = [value(text, row, **bound) for text in (first, other)]
                assert "an error" in values or values[0] == values[1], (first, other)
