"""Values are found by hash exactly where comparing them one by one finds them."""

from hypothesis import given
from hypothesis import strategies as st

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING, equal

PLAIN = st.sampled_from(
    [0, 1, 1.0, 2, -1, 0.5, True, False, None, "", "1", "a", 2**53, 2**53 + 2, 2.0**53, 2**61, 2.0**61]
)
VALUES = PLAIN | st.sampled_from([[], [1], [1.0], [True], {}, {"a": 1}, {"a": 1.0}, {"a": [None]}])


def naive_distinct(values):
    found = []
    for value in values:
        if not any(equal(value, one) for one in found):
            found.append(value)
    return found


@given(st.lists(VALUES, min_size=2, max_size=30))
def test_distinct_values_are_the_first_of_those_that_are_equal(values):
    assert repr(Expression("$distinct($)").evaluate(values)) == repr(naive_distinct(values))


LARGE = st.sampled_from([2**53 + 1, -(2**53) - 1, 2**61 - 1, 2**62 - 2, 1e20, 10**20, 10**20 + 1, -1e20])


@given(st.lists(PLAIN | LARGE, max_size=40), st.lists(PLAIN | LARGE, max_size=20))
def test_in_is_true_for_what_equals_an_item(values, among):
    found = Expression("$map(v, function($x){ $x in $$.among })[]").evaluate({"v": values, "among": among * 2})
    assert found == ([any(equal(one, item) for item in among) for one in values] or MISSING)


def test_in_sees_what_was_appended_since_it_was_asked_last():
    text = "$reduce($, function($a, $v){ $v in $a ? $a : $append($a, $v) }, [])"
    values = [number * 7 % 50 for number in range(500)]
    assert Expression(text).evaluate(values) == list(dict.fromkeys(values))
