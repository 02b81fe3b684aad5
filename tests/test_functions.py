import pytest

import truto_mapper
from truto_mapper.language.library.collections import size
from truto_mapper.language.runtime.values import MISSING


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
