"""JSON as `$string` writes it."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING, Constructed, Function, Sequence
from truto_mapper.language.runtime.writing import decimal_of, string
from truto_mapper.text.errors import EvaluationError

TEXTS = st.text(st.sampled_from('aZ%s"\\/\x00\x1f\x7f\té\u2028\ud800😀'), max_size=6)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, -0.05, 0.1 + 0.2, 4.109999999999999, 1e15, 1e21, 1e-6, 1e-7, 999999999999999.9]),
    st.integers(),
    st.sampled_from([2**53 + 1, -(10**40)]),
)
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.booleans(), st.none(), st.just(MISSING), st.just(Function("f", len, 1))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(Sequence),
        st.lists(inner, max_size=3).map(Constructed),
        st.dictionaries(TEXTS, inner, max_size=3),
    ),
    max_leaves=8,
)


def written(value):
    """The JSON of a value, written one part after the other."""
    match value:
        case list():
            return f"[{','.join(map(written, value))}]"
        case dict():
            return f"{{{','.join(f'{written(key)}:{written(one)}' for key, one in value.items())}}}"
        case float():
            return decimal_of(value)
        case Function():
            return '""'
    return "null" if value is MISSING else json.dumps(value, ensure_ascii=False)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(VALUES, min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=6, max_size=80), st.data())
def test_many_values_are_written_as_each_of_them(kinds, order, data):
    rows = [kinds[number % len(kinds)] for number in order]
    rows += data.draw(st.lists(st.fixed_dictionaries({"a%": NUMBERS, "b": VALUES}), max_size=12))
    assert string(None, rows) == written(rows)
    assert string(None, {"items": rows}) == written({"items": rows})
    assert string(None, {f"key {number}": row for number, row in enumerate(rows)}) == written(
        {f"key {number}": row for number, row in enumerate(rows)}
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=33, max_size=60))
def test_many_fractions_are_written_as_each_of_them(numbers):
    assert string(None, numbers) == f"[{','.join(map(decimal_of, numbers))}]"


@pytest.mark.parametrize("text", ["plain", "1.0,", "x 2.0}", "\ud800"])
@pytest.mark.parametrize("number", [26.5, 26.0, -0.0, 0.1 + 0.2, 1e-7, 1e22, 2**70])
def test_many_rows_are_written_alike_whatever_encoder_can_write_them(text, number):
    rows = [{"id": n, "text": text, "number": number, "some": [number, True, None], "whole": 1.0} for n in range(300)]
    assert string(None, rows) == written(rows)


@pytest.mark.parametrize("place", [0, 20, 39])
@pytest.mark.parametrize(("odd", "code"), [(math.nan, "D1001"), (-math.inf, "D1001"), (b"", "D3137")])
def test_what_is_no_json_is_refused_among_many_values(place, odd, code):
    for values in ([1.5] * 40, [[1.5]] * 40, [{"a": 1.5}] * 40):
        values[place] = odd if values[0] == 1.5 else [odd] if values[0] == [1.5] else {"a": odd}
        with pytest.raises(EvaluationError) as refused:
            string(None, values)
        assert refused.value.diagnostics[0].code == code


@pytest.mark.parametrize("count", [3, 40])
def test_a_key_that_is_no_text_is_refused(count):
    with pytest.raises(EvaluationError, match="which is not a string"):
        string(None, [{1: "a"}] * count)


def nested(levels, count):
    value = [1] * count
    for _ in range(levels):
        value = [value] * 40 if levels < 4 else [value]
    return [value] * count


@pytest.mark.parametrize("count", [3, 40])
def test_values_are_nested_two_hundred_levels_deep_at_most(count):
    assert string(None, nested(198, count)).startswith("[" * 200)
    with pytest.raises(EvaluationError) as refused:
        string(None, nested(199, count))
    assert refused.value.diagnostics[0].code == "D407"


def row_of_rows(levels, count, kind):
    """A row in a row, and so on, each with other fields or items."""
    row = 0.1 + 0.2
    for _ in range(levels):
        row = (
            [row, *[1] * (count - 1)] if kind is list else {"a": row} | {f"b{number}": 1 for number in range(1, count)}
        )
    return row


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("count", [8, 40])
def test_deep_values_with_many_members_do_not_fill_the_stack(count, kind):
    row = row_of_rows(190, count, kind)
    assert Expression("$string($)").evaluate(row) == written(row)
    assert Expression("$count(**)").evaluate(row) == (190 * (count - 1) + 1) + (190 if kind is dict else 0)
    with pytest.raises(EvaluationError) as refused:
        Expression("$string($)").evaluate(row_of_rows(201, count, kind))
    assert refused.value.diagnostics[0].code == "D407"


def test_a_value_that_contains_itself_is_refused():
    value = [{"a": 1} for _ in range(40)]
    for one in value:
        one["b"] = [value[0]]
    with pytest.raises(EvaluationError) as refused:
        string(None, value)
    assert refused.value.diagnostics[0].code == "D407"


@pytest.mark.parametrize(
    "text",
    [
        "$string([1..100].($$.a))",
        '$string([1..100].{"a": $$.a})',
        "($a := [1..100].($$.b); $b := [1..100].[$a]; $string([1..100].[$b, $b]))",
        "($a := [1..1000]; $b := [1..100].[$a]; $string([1..100].[$b]))",
    ],
)
def test_the_text_of_shared_parts_is_bounded(text):
    with pytest.raises(EvaluationError) as refused:
        Expression(text).evaluate({"a": "x" * 200_000, "b": "text of some length"})
    assert refused.value.diagnostics[0].code == "D2014"
