"""Keys are sorted by Python's own sort or by the reference's merge sort: nobody can tell which."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime import sorting
from truto_mapper.text.errors import EvaluationError

TEXTS = ["^(k)", "^(>k)", "^(k, >m)", "^(>m, k)", "^(m & '', <k)", "^(-k)", "#$i^(>k)[$i > 0]"]
NUMBERS = [0, 1, 2, 1.0, 0.5, -0.0, 2**53, 2**53 + 1, 2.0**53]


def outcome(text, data):
    try:
        return Expression(text).evaluate(data)
    except EvaluationError as error:
        return error.code


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "k": st.sampled_from(NUMBERS) | st.sampled_from([1, "a", None, True, [1]]),
                "m": st.sampled_from(["", "a", "b", "B", "é"]),
            },
        )
    ),
    st.sampled_from(TEXTS),
)
def test_how_keys_are_sorted_makes_no_difference(rows, text):
    data = [{**row, "place": place} for place, row in enumerate(rows)]
    found = outcome(f"${text}", data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "_keys", lambda *_: None)
        assert repr(outcome(f"${text}", data)) == repr(found)


@pytest.mark.parametrize("key", [0.5, 1, "a", 2**60])
@pytest.mark.parametrize("text", ["$^(k)", "$^(>k)", "$^(n, >k)"])
def test_clean_keys_are_computed_once_and_not_compared_one_by_one(monkeypatch, key, text):
    monkeypatch.setattr(sorting, "_comes_after", None)
    rows = [{"k": key * (1 + number % 7), "n": -number} for number in range(100)]
    found = Expression(text).evaluate(rows)
    by_k = sorted(rows, key=lambda row: row["k"], reverse=">" in text)
    assert found == (rows[::-1] if "n" in text else by_k)
