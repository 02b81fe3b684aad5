from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import truto_mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.library.collections import size
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.errors import EvaluationError


def test_the_size_of_a_value_that_is_not_an_array_is_one_and_that_of_nothing_is_missing():
    assert size([]) == 0
    assert size([1, None]) == 2
    assert size({"a": 1, "b": 2}) == 1
    assert size(MISSING) is MISSING
    assert size(None) is MISSING


@pytest.mark.parametrize(
    ("text", "value"),
    [("$spread([{}, {}])", []), ("$spread([[], []])", []), ("$spread([])", MISSING), ("$spread({})", MISSING)],
)
def test_spreading_arrays_that_hold_nothing_gives_an_empty_array(text, value):
    """As npm jsonata 2.2.2 does, which joins what each item gives."""
    found = truto_mapper.Expression(text).evaluate({})
    assert found is value if value is MISSING else found == value


@pytest.mark.parametrize(
    ("text", "rounded"),
    [
        ("$round(1e300)", 1e300),
        ("$round(1.5, 30)", 1.5),
        ("$round(1.5, 1000000000)", 1.5),
        ("$round(1e22, 10)", 1e22),
        ("$round(12345, -1000000000)", 0),
        ("$round(60, -2)", 100),
        ("$round(40, -2)", 0),
        ("$round(2.345, 2)", 2.34),
        ("$round(-0.05, 1)", 0),
        ("$formatBase(1e300, 36)", None),
    ],
)
def test_numbers_are_rounded_at_any_place(text, rounded):
    made = Expression(text).evaluate()
    assert made == rounded if rounded is not None else isinstance(made, str)


@pytest.mark.parametrize("text", ["$string($)", "$ & ''", "$round($, -5)", "$formatBase($, 2)"])
def test_a_number_of_very_many_digits_is_out_of_range(text):
    with pytest.raises(EvaluationError, match="Number out of range") as caught:
        Expression(text).evaluate(10**100_000)
    assert caught.value.code == "D1001"


@given(
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.decimals(-1000, 1000, places=3).map(float)),
    st.integers(0, 17),
)
@settings(max_examples=500, deadline=None)
def test_round_rounds_the_digits_of_a_number_half_to_even(value, places):
    digits = Decimal(repr(value))
    exact = digits if -digits.as_tuple().exponent <= places else digits.quantize(Decimal((0, (1,), -places)))
    assert Expression("$round(x, p)").evaluate({"x": value, "p": places}) == float(exact)
