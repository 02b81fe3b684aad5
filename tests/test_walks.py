"""What is taken at once, where nothing needs care, is what is taken one by one."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.sizes import measure
from truto_mapper.language.runtime.values import Walk
from truto_mapper.text.errors import EvaluationError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
NUMBERS = st.sampled_from(
    [0.1 + 0.2, 1e-5, 1e-7, 5.0, -0.0, 1e16, 1e21, 1e22, 123456789012345678.0, 0.0001, 2.5e-4, 3.0]
)
VALUES = st.recursive(
    SCALARS | NUMBERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


def naive_leaves(value):
    return [leaf for item in value for leaf in naive_leaves(item)] if isinstance(value, list) else [value]


def naive_descendants(value):
    own = [] if isinstance(value, list) else [value]
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return own + [one for item in below for one in naive_descendants(item)]


@given(st.lists(VALUES, min_size=2, max_size=4))
def test_wildcards_descendants_and_keys_are_those_of_each_member(several):
    members = [one.values() if isinstance(one, dict) else one for one in several if isinstance(one, (dict, list))]
    values_of = [leaf for one in members for item in one for leaf in naive_leaves(item)]
    assert Expression("[v.*]").evaluate({"v": several}) == values_of
    assert Expression("[v.**]").evaluate({"v": several}) == [one for item in several for one in naive_descendants(item)]
    assert Expression("$count(**)").evaluate(several) == len(naive_descendants(several))
    assert Expression("$count(v.*)").evaluate({"v": several}) == len(values_of)
    assert Expression("[$keys(v)]").evaluate({"v": several}) == list(
        dict.fromkeys(key for one in naive_leaves(several) if isinstance(one, dict) for key in one)
    )
    assert Expression("$clone(v)").evaluate({"v": several}) == several


def naive_size(value):
    """The characters of a value as `measure` counts them."""
    if isinstance(value, str):
        return len(value)
    members = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 2 + sum(3 + naive_size(one) for one in members)


@given(st.lists(VALUES, min_size=1, max_size=3), st.lists(st.integers(0, 2), max_size=70))
def test_many_values_are_measured_as_each_of_them(kinds, order):
    rows = [kinds[number % len(kinds)] for number in order]
    for value in (rows, {"items": rows}, {str(number): row for number, row in enumerate(rows)}):
        walk = Walk()
        measure(value, walk)
        assert walk.written == naive_size(value)


@settings(max_examples=100, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=3), st.lists(st.integers(0, 2), min_size=33, max_size=70), st.booleans())
@example([{"a": [[], [1]]}], [0] * 33, False)
def test_many_objects_are_walked_as_each_of_them(kinds, order, is_alike):
    rows = [{"a": number, "b": kinds[(number if is_alike else 0) % len(kinds)], "c": [number, {}]} for number in order]
    rows = rows if is_alike else [{**row, str(row["a"]): []} for row in rows]
    below = [one for row in rows for one in naive_descendants(row)]
    assert Expression("[$.**]").evaluate(rows) == below
    assert Expression("[v.*.**]").evaluate({"v": {"w": rows}}) == below
    values_of = [leaf for row in rows for item in row.values() for leaf in naive_leaves(item)]
    assert Expression("[v.*]").evaluate({"v": rows}) == values_of
    assert Expression("[$count(v.*), $count(**)]").evaluate({"v": rows}) == [len(values_of), len(below) + 1]
    values = [one["a"] for one in below if isinstance(one, dict) and "a" in one]
    fields = [item for value in values for item in (value if isinstance(value, list) else [value])]
    assert Expression("[**.a]").evaluate(rows) == Expression("[[**].a]").evaluate(rows) == fields
    assert Expression("$clone(v)").evaluate({"v": rows}) == rows


@pytest.mark.parametrize("lacking", [(), (0,), (5,), (0, 5), range(1, 40), range(40)])
@pytest.mark.parametrize("count", [6, 40, 1_100])
def test_a_field_is_read_from_the_objects_that_have_it(count, lacking):
    rows = [{"b": number} if number in lacking else {"a": number, "b": number} for number in range(count)]
    assert Expression("[a]").evaluate(rows) == [row["a"] for row in rows if "a" in row]


@pytest.mark.parametrize("text", ["$count(**)", "$string($)", "[$.*.**]"])
def test_objects_that_contain_themselves_are_refused(text):
    rows = [{"id": number, "list": []} for number in range(40)]
    for row in rows:
        row["list"].append(rows[0])
    with pytest.raises(EvaluationError) as refused:
        Expression(text).evaluate(rows)
    assert refused.value.diagnostics[0].code in ("D407", "D2014")


def test_what_is_within_many_shared_objects_is_bounded():
    shared = {"a": 1}
    for _ in range(30):
        shared = {"a": shared, "b": shared}
    with pytest.raises(EvaluationError) as refused:
        Expression("$count(**)").evaluate([shared] * 40)
    assert refused.value.diagnostics[0].code == "D2014"
