"""What is wrong with rows of one kind is found out once, and told of each as the exact path tells it."""

import copy
import itertools
import json
import random

import pytest
from contacts import mapper_of
from hypothesis import given, note, settings
from hypothesis import strategies as st
from random_mappings import ODD, Drawn

from truto_mapper import EvaluationError, MapperError, MappingError, load
from truto_mapper.engine.exact import ExactPage
from truto_mapper.language.trace import Trace
from truto_mapper.text.record import replace

GONG = load("gong/activity")
PERIOD = {"start_time": "2026-01-05T00:00:00Z", "end_time": "2026-02-02T00:00:00Z"}
COUNTS = [expression.text.partition(".")[2] for expression in GONG.mapping.endpoints[0].response["metrics"].values()]
CHOICES = ["raise", "discard_value", "discard_value", "discard_record"]


@pytest.fixture
def examined(monkeypatch):
    """The paths of the rows that took the exact path."""
    seen, exactly = [], ExactPage.examined
    monkeypatch.setattr(ExactPage, "examined", lambda self, row: seen.append(row.item.path) or exactly(self, row))
    return seen


def outcome(mapper, body, **options):
    """What a caller gets, to the last digit and in order."""
    try:
        page = mapper.map(copy.deepcopy(body), **options)
    except MapperError as error:
        return repr((type(error), error.diagnostics))
    return repr((page.records, page.rejected, page.diagnostics))


def exactly(mapper, body, **options):
    """The same row by row, of the endpoint as it is without its joins: a value may be told where they read it."""
    traced = mapper.traced(Trace())
    traced._replies = replace(traced._replies, functions=mapper._functions)
    return outcome(traced, body, **options)


def counted():
    return dict.fromkeys(COUNTS, 2)


def user(number, **changed):
    made = {"userId": f"{number}", "userEmailAddress": f"{number}@example.com", "userAggregateActivityStats": counted()}
    return {name: value for name, value in (made | changed).items() if value is not ...}


def page(users):
    days = {"fromDateTime": "2026-01-05T00:00:00Z", "toDateTime": "2026-02-02T00:00:00Z"}
    return {**days, "usersAggregateActivityStats": users}


def weeks(number, **changed):
    period = {"fromDate": "2026-01-05T00:00:00Z", "toDate": "2026-01-12T00:00:00Z", **counted()}
    rows = [period, {name: value for name, value in (period | changed).items() if value is not ...}]
    return {"userId": f"{number}", "userEmailAddress": "a@example.com", "userAggregateActivity": rows}


def stats(**changed):
    return {"userAggregateActivityStats": counted() | changed}


#: Users with the same problem, by their numbers.
KINDS = {
    "a required text is missing": lambda n: user(n, userId=...),
    "a required text is null": lambda n: user(n, userId=None),
    "a required text is empty": lambda n: user(n, userId=""),
    "an id is a boolean": lambda n: user(n, userId=n % 2 == 0),
    "a count is a text": lambda n: user(n, **stats(callsAttended=f"many {n}")),
    "a count is a fraction": lambda n: user(n, **stats(callsAttended=n + 0.5)),
    "a count is whole, but written as a fraction": lambda n: user(n, **stats(callsAttended=float(n))),
    "a count is an array": lambda n: user(n, **stats(callsAttended=[1, 2])),
    "all counts are texts": lambda n: user(n, **stats(**dict.fromkeys(COUNTS, f"{n}"))),
    "an address is a number": lambda n: user(n, userEmailAddress=7),
    "the counts are a text": lambda n: user(n, userAggregateActivityStats="none"),
    "several": lambda n: user(..., userId=..., userEmailAddress=5, **stats(callsAsHost=f"{n}", callsAttended=1.5)),
    "a date is none": lambda n: weeks(n, fromDate="yesterday"),
    "a date is a number": lambda n: weeks(n, fromDate=5),
    "a date is missing": lambda n: weeks(n, toDate=...),
    "a count of a week is a text": lambda n: weeks(n, callsAsHost=f"{n}"),
    "a user with weeks has no id": lambda n: weeks(n) | {"userId": None},
}


@pytest.mark.parametrize("on_invalid", ["raise", "discard_value", "discard_record"])
@pytest.mark.parametrize("row", KINDS.values(), ids=KINDS)
def test_rows_with_one_problem_are_told_apart_only_by_their_places(row, on_invalid, examined):
    rows = [row(number) for number in range(2, 40)]
    is_weekly = "userAggregateActivity" in rows[0]
    body = {"usersAggregateActivity": rows} if is_weekly else page(rows)
    query = GONG.plan(PERIOD | {"aggregation_period": "week" if is_weekly else "total"}).query
    options = {"query": query, "on_invalid": on_invalid}
    assert outcome(GONG, body, **options) == exactly(GONG, body, **options)
    examined.clear()
    outcome(GONG, body, **options)
    assert examined == []


def test_a_page_of_other_days_is_told_with_its_own_values(examined):
    for year in ("2026", "2027"):
        body = json.loads(json.dumps(page([user(n, userId="") for n in range(9)])).replace("2026", year))
        assert outcome(GONG, body, on_invalid="discard_record") == exactly(GONG, body, on_invalid="discard_record")
    assert len(examined) < 9 * 4


def test_a_value_that_many_rows_have_in_common_is_told_once_for_each_row():
    with pytest.raises(EvaluationError) as caught:
        GONG.map(page([user(n, **stats(callsAttended="many")) for n in range(3)]))
    assert [found.pointer for found in caught.value.diagnostics] == [
        f"/usersAggregateActivityStats/{n}/userAggregateActivityStats/callsAttended" for n in range(3)
    ]


def test_nulls_are_no_rows_and_move_no_place():
    body = page([None, user(1), None, user(2, userId=""), user(3, userId="")])
    found = GONG.map(body, on_invalid="discard_record")
    assert [row["userEmailAddress"] for row in found.rejected] == ["2@example.com", "3@example.com"]
    assert [one.pointer for one in found.diagnostics if one.code == "D402"] == [
        f"/usersAggregateActivityStats/{n}/userId" for n in (3, 4)
    ]


def test_a_text_that_replaces_an_odd_one_is_not_taken_for_a_text_of_the_page():
    """Its UTC offset would be reported, or would hide that of a later page."""
    query = GONG.plan(PERIOD | {"aggregation_period": "week"}, context={"time_zone": "Asia/Tokyo"}).query
    right = {"fromDate": "2026-01-05T00:00:00+09:00", "toDate": "2026-01-12T00:00:00+09:00"}

    def codes(changed):
        user = weeks(1) | {"userAggregateActivity": [right, right | changed]}
        found = GONG.map({"usersAggregateActivity": [user]}, query=query, on_invalid="discard_value")
        return [one.code for one in found.diagnostics]

    for changed in ({"fromDate": 5}, {"fromDate": 5}, {}):
        assert "P605" not in codes(changed)
    assert "P605" in codes({"fromDate": "2026-01-31T09:30:00Z"})


#: Other values at some places of a row.
CHANGES = st.lists(
    st.tuples(st.sampled_from(["id", "mail", "stats", *COUNTS[:4]]), st.sampled_from([*ODD, ...])), max_size=3
)


def changed(number, changes):
    made = user(number)
    names = {"id": "userId", "mail": "userEmailAddress", "stats": "userAggregateActivityStats"}
    for name, value in changes:
        holder = made if name in names else made.get("userAggregateActivityStats")
        if isinstance(holder, dict):
            holder.pop(names.get(name, name), None)
            holder |= {} if value is ... else {names.get(name, name): copy.deepcopy(value)}
    return made


def test_for_any_odd_rows_the_page_is_that_of_the_exact_path(examined):
    count = {"rows": 0, "examined": 0}

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(st.lists(CHANGES, min_size=1, max_size=4), st.sampled_from(CHOICES), st.integers(0, 99))
    def test(kinds, on_invalid, seed):
        rng = random.Random(seed)
        body = page([changed(number, rng.choice(kinds)) for number in range(12)])
        examined.clear()
        found = outcome(GONG, body, on_invalid=on_invalid)
        count["examined"] += len(examined)
        examined.clear()
        assert found == exactly(GONG, body, on_invalid=on_invalid)
        count["rows"] += len(examined)

    test()
    assert count["examined"] < 0.4 * count["rows"], count


def repeated(rows):
    return [copy.deepcopy(row) for _ in range(3) for row in rows] if isinstance(rows, list) else rows


def test_for_any_mapping_repeated_rows_are_told_as_the_exact_path_tells_them(tmp_path):
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**48).map(random.Random).map(Drawn), st.sampled_from(CHOICES))
    def test(drawn, on_invalid):
        note(drawn.mapping())
        try:
            mapper = drawn.mapper(tmp_path)
        except MappingError:  # of a path that misses a name
            return
        options = {"on_invalid": on_invalid, "headers": {"word": "h"}, "context": {"word": "x"}}
        for body in (drawn.reply(), drawn.reply()):
            data = body["data"]
            is_wrapped = isinstance(data, dict) and "items" in data
            body["data"] = data | {"items": repeated(data["items"])} if is_wrapped else repeated(data)
            found = exactly(mapper, body, **options)
            assert "P602" in found or outcome(mapper, body, **options) == found

    test()


def test_a_record_that_is_one_expression_takes_the_exact_path(tmp_path, examined):
    mapper = mapper_of(tmp_path, {"id": "key", "age": "age"})
    path = tmp_path / "acme.yaml"
    text = path.read_text()
    start = text.index("    response_mapping:")
    path.write_text(text[:start] + '    response_mapping: \'{"id": key, "age": age}\'\n')
    body = {"data": [{"key": f"{n}", "age": "old"} for n in range(5)]}
    for one, count in ((mapper, 1), (load(path), 5)):
        examined.clear()
        found = outcome(one, body, on_invalid="discard_record")
        assert len(examined) == count
        assert found == exactly(one, body, on_invalid="discard_record")


@pytest.mark.parametrize(
    "odd", ["a user", 5, True, {"userId": "9", "userAggregateActivity": {"fromDate": "2026-01-05"}}]
)
def test_an_outer_row_without_inner_ones_leaves_the_others_to_the_generated_code(odd, examined):
    for last in (weeks(3), weeks(3, callsAttended="many"), weeks(3) | {"userId": None}):
        body = {"usersAggregateActivity": [weeks(1), odd, weeks(2), None, odd, last]}
        examined.clear()
        found = outcome(GONG, body, on_invalid="discard_record")
        assert len(examined) <= 2
        assert found == exactly(GONG, body, on_invalid="discard_record")


@pytest.mark.parametrize(
    "inner", ["x", 5, {}, {"age": 5}, ["x", None, {"age": "old"}], [["x"]], None, [{"age": "old"}]]
)
def test_rows_within_a_row_may_be_anything_where_no_schema_declares_them(inner, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "group.key", "age": "one.age"}, for_each="{group: data, one: group.rows}")
    right = {"key": "1", "rows": [{"age": 5}, {"age": 6}]}
    for others in ([right], [right, "x", right], [right, [right], 5], [{"rows": [{"age": 5}, {"age": "old"}]}, right]):
        body = {"data": [*others, {"key": "2", "rows": inner}, {"rows": inner}, *others]}
        for options in ({"on_invalid": "discard_value"}, {"on_invalid": "discard_record"}, {"on_invalid": "raise"}):
            assert outcome(mapper, body, **options) == exactly(mapper, body, **options)


#: What may stand where a mapping of `place.street` and `place.floor` reads an object.
PLACES = [..., None, {}, "x", [], {"street": "a"}, {"floor": 1}, {"street": None, "floor": "q"}, [{"street": "b"}]]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_object_that_is_not_there_gives_no_values_of_its_own(place, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "age": "age", "home": "{street: place.street, floor: place.floor}"})
    for age, other in itertools.product((..., "old", 5), PLACES):
        changed = [{"age": age, "place": one} for one in (place, other)] * 3
        rows = [{"key": "1"} | {name: one for name, one in row.items() if one is not ...} for row in changed]
        for on_invalid in ("raise", "discard_value", "discard_record"):
            found = outcome(mapper, {"data": rows}, on_invalid=on_invalid)
            assert found == exactly(mapper, {"data": rows}, on_invalid=on_invalid)


def test_a_whole_number_is_quoted_alike_whatever_came_before(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id"})
    rows = [{"id": value} for value in (1e22, 1.0, -0.0, 1.5)]
    found = [
        [one.message for one in mapper.map({"data": some}, on_invalid="discard_record").diagnostics]
        for some in (rows, rows[1:2])
    ]
    assert found[0][1] == found[1][0] == "`id`: expected a string, got 1; the record was rejected"
