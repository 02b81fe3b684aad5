"""What can surely be written as JSON is known without writing it."""

import datetime as dt
import decimal
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper import EvaluationError
from truto_mapper.engine.bodies import is_surely_writable

CYCLIC = []
CYCLIC.append(CYCLIC)
FOREIGN = [float("nan"), float("inf"), float("-inf"), "\ud800", "a\udfff", {"\ud800": 1}, {1}, frozenset(), b"x", 1j]
FOREIGN += [bytearray(b"x"), object(), 10**5000, -(10**5000), decimal.Decimal(1), range(3), len, int, ..., CYCLIC]
FOREIGN += [dt.date(2026, 1, 5), Counter("ab")]


@pytest.mark.parametrize("value", FOREIGN, ids=lambda value: type(value).__name__)
def test_what_json_lacks_is_not_surely_written(value):
    assert not is_surely_writable(value)
    assert not is_surely_writable([{"key": "text", "inner": [value, *range(300)]}])


def test_numbers_and_texts_of_every_row_are_surely_written():
    rows = [{f"name {number}": number, "text": f"é{number}", "none": None, "half": number / 2} for number in range(400)]
    assert is_surely_writable(rows)


def test_one_part_many_times_is_too_long():
    value = ["x"]
    for _ in range(40):
        value = {"a": value, "b": value}
    with pytest.raises(EvaluationError, match="D2014"):
        is_surely_writable(value)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(blacklist_categories=()))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(VALUES)
def test_what_is_surely_written_can_be_written(value):
    if is_surely_writable(value):
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
