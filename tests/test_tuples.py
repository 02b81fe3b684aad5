"""A join gives what its definition gives: each tuple with each item, then each predicate for all of them in turn."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime import tuples
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError

PREDICATES = [
    "[$x.i = $y.i]",
    "[$y.i = $x.i and $x.k = $y.k]",
    "[$x.k != 'a' and $x.i = $y.i and $x.k < $y.k]",
    "[$x.k < $y.k and $x.i = $y.i]",
    "[$x.i = $y.i][$y.k = 'a']",
    "[$x.i = $y.i][0]",
    "[$x.i = $y.i][$x.k > $y.k]",
    "[$string($x.i) = $string($y.i)]",
    "[$x.i & 'a' = $lowercase($y.k)]",
    "[$uppercase($x.k) = $y.k]",
    "[$x.i = $uppercase($y.k)]",
    "[-$x.i = $y.i]",
    "[$y.i = 1]",
    "[i = $y.i]",
    "[$x.i = $y.i]#$n[$n < 3]",
    "[$x.i in $y.i]",
    "[$x = $y]",
    "[]",
    "",
]
PATHS = [
    "a@$x.$$.b@$y‹p›.{'x': $x.i, 'y': $y.i, 'k': $y.k}",
    "a@$x.$$.b@$y‹p›.[$x.n, $y.n]",
    "a@$x.$$.b@$y‹p›{$x.k & '': $sum($y.n)}",
    "a@$x.$$.b@$y‹p›.$$.a@$z[$z.i = $x.i and $z.k = $y.k].n",
    "a@$x.$$.b@$y‹p›^(>$y.n, $x.n).n",
    "a@$x.$$.b#$p@$y‹p›.{'p': $p, 'n': $y.n}",
    "$count(a@$x.$$.b@$y‹p›)",
]
WITHOUT_FOCUS = ["a@$x.$$.b[$x.i = i].n", "a@$x.$$.b[i = $x.i and $x.k = k].{'n': n, 'of': %.a.n, 'x': $x}"]
TEXTS = [path.replace("‹p›", one) for path in PATHS for one in PREDICATES] + WITHOUT_FOCUS

KEYS = st.sampled_from(
    [0, 1, 1.0, -1, True, None, "1", "a", "A", [1], [1.0], {"a": 1}, 2**53, 2**53 + 1, 2.0**53, 2**60, 2.0**60]
)
ROWS = st.lists(
    st.fixed_dictionaries({}, optional={"i": KEYS, "k": st.sampled_from(["a", "A", "b", 1])}), min_size=1, max_size=6
)


def outcome(text, data):
    try:
        return Expression(text).evaluate(data)
    except EvaluationError as error:
        return error.code


def refuse(*_):
    raise EvaluationError(Diagnostic("T0000", "the short way is closed"))


@given(st.sampled_from(TEXTS), ROWS, ROWS)
def test_a_join_by_hash_gives_what_each_predicate_for_all_tuples_gives(text, left, right):
    data = {"a": [{**row, "n": n} for n, row in enumerate(left)], "b": [{**row, "n": n} for n, row in enumerate(right)]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuples, "_joined", refuse)
        expected = outcome(text, data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuples, "SHORT", 0)
        patch.setattr(tuples, "SEARCHES", 0)
        assert repr(outcome(text, data)) == repr(expected)
    assert repr(outcome(text, data)) == repr(expected)


ROWS_OF_700 = {
    "a": [{"i": number, "k": f"key {number}"} for number in range(700)],
    "b": [{"i": number % 350, "n": number, "k": f"KEY {number}"} for number in range(700)],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$count(a@$x.b@$y[$x.i=$y.i].{'n':$y.n})", 700),
        ("$count(a@$x.b@$y[$x.i=$y.i and $y.n < 100].{'n':$y.n})", 100),
        ("$count(a@$x.b@$y[$x.i=$y.i][$y.n < 100].{'n':$y.n})", 100),
        ("$count(a@$x.b@$y[$x.i=$y.n].a@$z[$z.i=$y.i].{'n':$z.i})", 700),
        ("$count(a@$x.b@$y[$x.k=$lowercase($y.k)].{'n':$y.n})", 700),
        ("$count(a@$x.$$.b[$x.i=i].n)", 700),
        ("$count(a@$x.b@$y[$x.i=$y.i]#$p[$p < 10])", 10),
        ("$count(a@$x.b@$y[$x.i != $y.i and $y.n = 1])", 699),
        ("$count(a@$x.b@$y[$x.i = 5 and $y.n != 1])", 699),
    ],
)
def test_tuples_that_a_predicate_drops_take_no_memory(text, expected):
    expression = Expression(text)
    _ = expression.compiled
    tracemalloc.start()
    found = expression.evaluate(ROWS_OF_700, timeout=60.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == expected
    assert peak < 2_000_000


def test_a_group_sees_the_callers_variable_where_its_path_ends_before_it_binds_its_own():
    expression = Expression("a.b#$i{'k': $i}")
    assert expression.evaluate({}, {"i": "outside"}) == {"k": "outside"}
    assert expression.evaluate({"a": {"b": 1}}, {"i": "outside"}) == {"k": 0}
    assert Expression("b#$i{'k': $i}").evaluate({}, {"i": "outside"}) == {}
