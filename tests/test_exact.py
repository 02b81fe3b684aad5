"""Every problem of a page is reported once, at the place in the payload that its value came from."""

import json
from collections import OrderedDict
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from contacts import mapper_of

from truto_mapper import EvaluationError, load
from truto_mapper.engine.exact import ExactPage
from truto_mapper.engine.origin import _RowPlaces


@pytest.fixture
def mapped_exactly(monkeypatch):
    """The paths of the rows that took the exact path."""
    seen, outcome = [], ExactPage.examined
    monkeypatch.setattr(ExactPage, "examined", lambda self, row: seen.append(row.item.path) or outcome(self, row))
    return seen


def findings(mapper, reply, on_invalid="raise", **options):
    """The code and the pointer of each finding."""
    if on_invalid != "raise":
        return [(d.code, d.pointer) for d in mapper.map(reply, on_invalid=on_invalid, **options).diagnostics]
    with pytest.raises(EvaluationError) as caught:
        mapper.map(reply, **options)
    return [(d.code, d.pointer) for d in caught.value.diagnostics]


# Where a value came from

ROW = {
    "key": "k",
    "old": "x",
    "kind": "mobile",
    "table": {"other": "x", "mobile": "x"},
    "list": ["a", "x"],
    "phones": [{"type": "home", "n": "1"}, {"type": "mobile", "n": "2"}, {"type": "mobile", "n": "3"}],
    "home": {"floor": "x", "street": "s"},
    "numbers": [5, 6],
    "yes": True,
    "no": False,
}

ORIGINS = {
    "a plain path": ("old", "/old"),
    "a lookup by a computed key": ("$lookup(table, kind)", "/table/mobile"),
    "a lookup that is piped": ("table ~> $lookup(kind)", "/table/mobile"),
    "a branch, not its condition": ("yes ? old : key", "/old"),
    "the other branch": ("no ? key : old", "/old"),
    "an alternative": ("missing ?? old", "/old"),
    "an item by its number": ("list[1]", "/list/1"),
    "an item by a predicate": ('phones[type = "mobile"][1].n', "/phones/2/n"),
    "an item of a sorted array": ("phones^(>n)[0].n", "/phones/2/n"),
    "a filtered item": ('$filter(phones, function($p) {$p.n = "2"}).n', "/phones/1/n"),
    "a let": ("$old_let", "/old"),
    "a let of a let": ("$again", "/old"),
    "a let of an object": ("$house.floor", "/home/floor"),
    "a variable of the expression": ("($v := old; $v)", "/old"),
    "a value that was computed": ("$uppercase(old)", "/old"),
    "the second of two operands": ('"" & old', "/old"),
    "another part of the reply": ("$response.about.old", "/about/old"),
    "a wildcard": ("home.*[0]", "/home/floor"),
    "a constant under a condition": ('old ? "x"', "/old"),
}


@pytest.mark.parametrize(("text", "place"), ORIGINS.values(), ids=ORIGINS)
def test_an_invalid_value_is_reported_where_it_came_from(text, place, tmp_path):
    let = "{old_let: old, again: $old_let, house: home}"
    mapper = mapper_of(tmp_path, {"id": "key", "age": f"'{text}'"}, let=let)
    reply = {"data": [{"key": "0"}, ROW], "about": {"old": "x"}}
    pointer = place if place.startswith("/about") else f"/data/1{place}"
    assert ("D401", pointer) in findings(mapper, reply, "discard_value")


FAILURES = {
    "the left operand": ("old + $count(numbers)", "/old"),
    "the right operand": ("$count(numbers) + old", "/old"),
    "an argument": ("yes ? $length(numbers)", "/numbers"),
    "a let": ("$abs($old_let)", "/old"),
    "an item": ("$abs(list[1])", "/list"),
}


@pytest.mark.parametrize(("text", "place"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_reported_at_the_value_that_the_failing_part_read(text, place, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "age": f"'{text}'"}, let="{old_let: old}")
    ((_, pointer),) = findings(mapper, {"data": [ROW]})
    assert pointer == f"/data/0{place}"


def test_each_item_of_a_constructed_array_is_reported_at_its_own_source(tmp_path):
    text = """'items.{"number": n, "kind": k}'"""
    mapper = mapper_of(tmp_path, {"id": "key", "phones": text})
    items = [{"n": "work", "k": "work"}, {"n": "x", "k": "x"}, {"n": "x", "k": "x"}, {"n": 7}]
    assert findings(mapper, {"data": [{"key": "1", "items": items}]}) == [
        ("D401", "/data/0/items/1/k"),
        ("D401", "/data/0/items/2/k"),
        ("D401", "/data/0/items/3/n"),
    ]


@pytest.mark.parametrize(
    ("loop", "text", "said", "hint"),
    [
        ("{}", """'data.{"id": key}'""", "an array of 2", """{row: data}` and `response_mapping: '{"id": key}'`"""),
        ("{}", """'data[n > 0].{"id": key}[]'""", "an array of 2", "`for_each: {row: data[n > 0]}`"),
        ("{}", """'[data.{"id": key}]'""", "an array of 2", "a loop of `for_each` makes a record of each item"),
        ("{contact: data}", "'[{\"id\": key}]'", "an array of 1", "a loop of `for_each` makes a record of each item"),
        ("{contact: data}", "key", '"a"', "write an object: `{…}`"),
    ],
)  # fmt: skip
def test_something_else_than_an_object_for_a_row_is_told_and_how_to_write_it(loop, text, said, hint, tmp_path):
    mapper_of(tmp_path, {"id": "key"}, for_each=loop)
    path = tmp_path / "acme.yaml"
    path.write_text(path.read_text().replace("response_mapping:\n      id: key", f"response_mapping: {text}"))
    with pytest.raises(EvaluationError) as caught:
        load(path).map({"data": [{"key": "a", "n": 1}, {"key": "b", "n": 2}]})
    found = caught.value.diagnostics[0]
    assert (found.code, found.message) == ("D401", f"response_mapping must give one object for a row, this is {said}")
    assert hint in found.hint
    assert {one.code for one in caught.value.diagnostics} == {"D401"}  # what the record lacks is a consequence


def test_an_object_that_is_taken_over_is_reported_at_the_value_inside_it(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "home": "home"})
    row = {"key": "1", "home": {"floor": "x", "street": "x", "zip": 5}}
    assert findings(mapper, {"data": [row]}) == [("D401", "/data/0/home/floor")]
    assert findings(mapper, {"data": [row]}, "discard_value") == [
        ("D401", "/data/0/home/floor"),
        ("D403", "/data/0/home/zip"),
    ]


def test_a_missing_value_is_reported_at_the_object_that_lacks_it_and_a_null_at_itself(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "a.b"})
    rows = [{"a": {"c": 1}}, {}, {"a": {"b": None}}]
    assert [pointer for _, pointer in findings(mapper, {"data": rows})] == ["/data/0/a", "/data/1", "/data/2/a/b"]


def test_one_object_in_two_rows_is_reported_in_each(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "age": "about.old"})
    row = {"key": "1", "about": {"old": "x"}}
    assert findings(mapper, {"data": [row, row]}) == [("D401", "/data/0/about/old"), ("D401", "/data/1/about/old")]


def test_a_computed_loop_has_its_rows_at_their_own_places(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "age": "old"}, for_each="{contact: 'data[active]'}")
    reply = {"data": [{"key": "1", "old": "x"}, {"key": "2", "old": "x", "active": True}]}
    assert findings(mapper, reply) == [("D401", "/data/1/old")]


def test_an_inner_row_of_the_reply_below_a_computed_one_is_its_own_remote_data(tmp_path):
    loops = "{name: $keys(groups), item: '$lookup($response.groups, $name).items'}"
    mapper = mapper_of(tmp_path, {"id": "$item.id", "nick": "$name"}, for_each=loops)
    page = mapper.map(
        {"data": 1, "groups": {"a": {"items": [{"id": "1"}, {"id": "2"}]}, "b": {"items": [{"id": "3"}]}}}
    )
    assert [(one["id"], one["nick"], one["remote_data"]) for one in page.records] == [
        ("1", "a", {"id": "1"}),
        ("2", "a", {"id": "2"}),
        ("3", "b", {"id": "3"}),
    ]


def test_a_computed_loop_over_nothing_has_no_rows(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key"}, for_each="{contact: 'data[active]'}")
    assert mapper.map({"data": [{"key": "1"}]}).records == ()


def test_an_object_that_the_loop_constructed_is_reported_at_what_it_was_made_of(tmp_path):
    loops = """{group: data, contact: '$group.inner.{"key": k, "about": about, "born": b}'}"""
    mapper = mapper_of(tmp_path, {"id": "key", "age": "about.age", "born": "born"}, for_each=loops)
    reply = {"data": [{"inner": [{"k": "1", "about": {"age": "x"}, "b": "x"}]}]}
    assert findings(mapper, reply) == [("D401", "/data/0/inner/0/about/age"), ("D401", "/data/0")]
    page = mapper.map(reply, on_invalid="discard_value")
    assert page.records[0]["remote_data"] == {"key": "1", "about": {"age": "x"}, "born": "x"}


@pytest.mark.parametrize("last", ["$b.c", "'$b.c[key]'"])
def test_the_rows_of_three_loops_keep_the_outermost_row_around_them(last, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key"}, for_each=f"{{a: data, b: $a.b, c: {last}}}")
    reply = {"data": [{"x": 1, "b": [{"c": {"key": "1"}}, {"y": 2, "c": [{"key": "2"}, {"key": "3"}]}]}]}
    assert [record["remote_data"] for record in mapper.map(reply).records] == [
        {"x": 1, "b": [{"c": {"key": "1"}}]},
        {"x": 1, "b": [{"y": 2, "c": [{"key": "2"}]}]},
        {"x": 1, "b": [{"y": 2, "c": [{"key": "3"}]}]},
    ]


@pytest.mark.parametrize("last", ["$response.other", """'$b.c.{"key": key}'"""])
def test_a_row_that_is_not_inside_the_outermost_one_is_its_own_remote_data(last, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key"}, for_each=f"{{a: data, b: $a.b, c: {last}}}")
    reply = {"data": [{"b": [{"c": [{"key": "1"}]}]}], "other": [{"key": "1"}]}
    assert [record["remote_data"] for record in mapper.map(reply).records] == [{"key": "1"}]


def test_a_mapping_may_give_its_own_remote_data_which_a_query_can_ignore(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "remote_data": """'{"mine": key}'"""})
    (record,) = mapper.map({"data": [{"key": "1"}]}, query={}).records
    assert record == {"id": "1", "remote_data": {"mine": "1"}}
    (record,) = mapper.map({"data": [{"key": "1"}]}, query={"truto_ignore_remote_data": True}).records
    assert record == {"id": "1"}


# An empty array

SOURCES = {
    "an empty source": ("labels", {"labels": []}, []),
    "no source": ("labels", {}, None),
    "a predicate that nothing meets": ('labels[$ = "x"]', {"labels": ["a"]}, []),
    "a predicate on nothing": ('labels[$ = "x"]', {"flag": "x"}, None),
    "a condition that does not hold": ("flag ? labels", {"flag": False, "labels": ["a"]}, None),
    "a condition that holds, and an empty array": ("flag ? labels[0 = 1]", {"flag": True, "labels": ["a"]}, []),
    "a key that an object lacks": ('$lookup(home, "tags")', {"home": {}}, None),
    "a filter in a let": ("$some", {"labels": ["a"]}, []),
    "a filter in a let, of nothing": ("$some", {"flag": 1}, None),
}


@pytest.mark.parametrize(("text", "row", "tags"), SOURCES.values(), ids=SOURCES)
def test_an_array_without_items_is_empty_if_its_source_was_there_and_else_absent(text, row, tags, tmp_path):
    let = "{some: 'labels[$ = \"x\"]'}"
    mapper = mapper_of(tmp_path, {"id": "key", "tags": f"'{text}'"}, let=let)
    (record,) = mapper.map({"data": [row | {"key": "1"}]}).records
    assert record.get("tags") == tags


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("'0'", [""]),
        ("$count($keys()) - 50", ["/data/0", "/data/1"]),
        ("$few", ["/data/0", "/data/1"]),
        ("0 - 50", [""]),
    ],
)
def test_a_value_that_read_nothing_by_name_is_reported_at_its_row_and_a_constant_once(text, places, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "age": text}, let="{few: $count($keys()) - 50}")
    assert findings(mapper, {"data": [{"key": "1"}, {"key": "2"}]}) == [("D401", place) for place in places]


# What is left out


def test_an_invalid_item_is_left_out_but_not_one_without_what_it_requires(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "tags": "labels", "mails": """'mails.{"address": a}'"""})
    rows = [
        {"key": "1", "labels": [1, "a"], "mails": [{"a": "x"}]},
        {"key": "2", "mails": [{"a": "x"}, {"a": 5}]},
    ]
    page = mapper.map({"data": rows}, on_invalid="discard_value")
    assert [(record["tags"], record["mails"]) for record in page.records] == [(["a"], [{"address": "x"}])]
    assert page.rejected == tuple(rows[1:])
    assert [(d.code, d.pointer) for d in page.diagnostics] == [
        ("D401", "/data/0/labels/0"),
        ("D401", "/data/1/mails/1/a"),
    ]


# Values of the page

ROWS = {"data": [{"key": str(number), "age": 3} for number in range(20)]}
TWO_LOOPS = {"data": [{"name": "n", "inner": ROWS["data"][:10]}, {"inner": ROWS["data"][10:]}]}

LOOPS = {"one loop": ("{contact: data}", ROWS), "two loops": ("{group: data, contact: $group.inner}", TWO_LOOPS)}


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def loops(request):
    return request.param


#: Expressions for `born`, which is optional, and `id`, which is required: by a field, by a let, and one that fails.
PAGE_FAULTS = {
    "an invalid value": ("$response.day", "$response.day", "D401"),
    "an invalid value of a let": ("$day", "$day", "D401"),
    "a failure": ("$uppercase($response.day)", "$uppercase($response.day)", "T0410"),
}


@pytest.mark.parametrize(("born", "_", "code"), PAGE_FAULTS.values(), ids=PAGE_FAULTS)
@pytest.mark.parametrize(("on_invalid", "kept"), [("discard_value", 20), ("discard_record", 0)])
def test_an_optional_value_of_the_page_is_reported_once(
    born, _, code, on_invalid, kept, loops, tmp_path, mapped_exactly
):
    for_each, reply = loops
    mapper = mapper_of(tmp_path, {"id": "key", "born": born}, for_each, let="{day: $response.day}")
    page = mapper.map(reply | {"day": 5}, on_invalid=on_invalid)
    assert [(d.code, d.pointer, d.severity) for d in page.diagnostics] == [(code, "/day", "warning")]
    assert ("every record with it was rejected" in page.diagnostics[0].message) == (kept == 0)
    assert (len(page.records), len(page.rejected), len(mapped_exactly)) == (kept, 20 - kept, 1)
    assert not any("born" in record for record in page.records)
    assert findings(mapper, reply | {"day": 5}) == [(code, "/day")]


@pytest.mark.parametrize(("_", "text", "code"), PAGE_FAULTS.values(), ids=PAGE_FAULTS)
@pytest.mark.parametrize("on_invalid", ["discard_value", "discard_record"])
def test_a_required_value_of_the_page_rejects_every_record_and_is_reported_once(
    _, text, code, on_invalid, loops, tmp_path, mapped_exactly
):
    for_each, reply = loops
    mapper = mapper_of(tmp_path, {"id": text, "age": "age"}, for_each, let="{day: $response.day}")
    page = mapper.map(reply | {"day": 5}, on_invalid=on_invalid)
    assert [(d.code, d.pointer) for d in page.diagnostics] == [(code, "/day")]
    assert "every record with it was rejected" in page.diagnostics[0].message
    assert (page.records, len(page.rejected), len(mapped_exactly)) == ((), 20, 1)
    assert findings(mapper, reply | {"day": 5}) == [(code, "/day")]


@pytest.mark.parametrize("day", [{}, {"day": None}], ids=["absent", "null"])
def test_a_required_value_that_the_page_lacks_is_reported_once(day, tmp_path, mapped_exactly):
    mapper = mapper_of(tmp_path, {"id": "$response.day", "age": "age"})
    page = mapper.map(ROWS | day, on_invalid="discard_value")
    assert [(d.code, d.pointer) for d in page.diagnostics] == [("D402", "/day" if day else "")]
    assert (page.records, len(page.rejected), len(mapped_exactly)) == ((), 20, 1)


def test_a_row_is_still_checked_when_the_page_has_a_fault(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$response.day", "age": "age"})
    reply = {"data": [{"age": 1}, {"age": "x"}, 7], "day": 5}
    expected = [("D401", "/day"), ("D401", "/data/1/age"), ("D404", "/data/2")]
    assert findings(mapper, reply) == expected
    assert findings(mapper, reply, "discard_value") == expected


def test_a_page_with_a_fault_and_no_rows_has_no_findings(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$response.day"})
    page = mapper.map({"data": [None], "day": 5})
    assert (page.records, page.diagnostics) == ((), ())


def test_the_first_row_that_is_an_object_says_what_is_wrong_with_the_page(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "born": "$response.day"})
    reply = {"data": [7, {"key": "1"}, {"key": "2"}], "day": 5}
    assert findings(mapper, reply) == [("D404", "/data/0"), ("D401", "/day")]


def test_a_let_of_the_page_that_fails_is_reported_once_and_what_follows_from_it_is_not(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$day", "age": "age"}, let="{day: $uppercase($response.day)}")
    page = mapper.map(ROWS | {"day": 5}, on_invalid="discard_value")
    assert [(d.code, d.pointer) for d in page.diagnostics] == [("T0410", "/day")]
    assert (page.records, len(page.rejected)) == ((), 20)


def test_a_nested_required_value_of_the_page_rejects_only_records_that_need_it(tmp_path):
    fields = {"id": "key", "home": "{street: $response.street, floor: floor}"}
    reply = {"data": [{"key": "1"}, {"key": "2", "floor": 1}, {"key": "3", "floor": 2}]}
    page = mapper_of(tmp_path, fields).map(reply, on_invalid="discard_value")
    assert [record["id"] for record in page.records] == ["1"]
    assert [(d.code, d.pointer) for d in page.diagnostics] == [("D402", "")]
    page = mapper_of(tmp_path, fields).map(reply | {"street": 5}, on_invalid="discard_value")
    assert (page.records, [d.pointer for d in page.diagnostics]) == ((), ["/street"])


def test_a_fault_of_the_page_that_does_not_happen_again_sends_every_row_to_the_exact_path(tmp_path):
    calls = []

    def unstable(text):
        calls.append(text)
        return 5 if len(calls) == 1 else text

    mapper = mapper_of(tmp_path, {"id": "$unstable($response.day)"}, functions={"unstable": unstable})
    page = mapper.map(ROWS | {"day": "x"}, on_invalid="discard_value")
    assert [record["id"] for record in page.records] == ["x"] * 20


def test_a_value_of_an_outer_row_is_reported_once_for_all_its_inner_rows(tmp_path):
    for_each = "{group: data, contact: $group.inner}"
    mapper = mapper_of(tmp_path, {"id": "key", "born": "$group.name"}, for_each)
    page = mapper.map(TWO_LOOPS, on_invalid="discard_record")
    assert [(d.code, d.pointer) for d in page.diagnostics] == [("D401", "/data/0/name")]
    assert (len(page.records), len(page.rejected)) == (10, 10)


# Payloads of Python objects

NO_JSON = [
    datetime(2026, 1, 1, tzinfo=UTC),
    Decimal("1.5"),
    (1, 2),
    {1: "a"},
    {"a": {"b": {1, 2}}},
    [object()],
    b"x",
    float("nan"),
    [float("inf")],
]


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", ["notes", "info"])
def test_a_value_that_is_no_json_is_reported_where_a_field_takes_it(value, name, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", name: "odd"})
    reply = {"data": [{"key": "1", "odd": value}, {"key": "2"}]}
    page = mapper.map(reply, on_invalid="discard_value")
    assert [record["id"] for record in page.records if name not in record] == ["1", "2"]
    assert [one.code for one in page.diagnostics] in (["D3137"], ["D1001"])
    assert page.diagnostics[0].span is not None
    with pytest.raises(EvaluationError):
        mapper.map(reply)


def test_a_kind_of_dict_is_an_object(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "info": "home"})
    reply = {"data": [OrderedDict(key="1", home=OrderedDict(a=[OrderedDict(b=1)]))]}
    (record,) = mapper.map(reply).records
    assert json.dumps(record["info"]) == '{"a": [{"b": 1}]}'
    assert type(record["info"]) is type(record["info"]["a"][0]) is dict


def test_a_let_does_not_read_the_row_through_a_later_name_that_it_binds_itself(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key"}, let="{bad: '$each(true, function($v) { $v })', v: key}")
    assert findings(mapper, {"data": [{"key": "1"}, {"key": "2"}]}, "discard_value") == [("T0410", "")]


@pytest.mark.parametrize("doubled", ["[$a, $a]", "$append($a, $a)"])
def test_the_place_of_a_failure_is_not_sought_in_all_that_was_computed(doubled, tmp_path, monkeypatch):
    sought, of = [], _RowPlaces.of
    monkeypatch.setattr(_RowPlaces, "of", lambda self, value: sought.append(1) or of(self, value))
    text = f"'$reduce([1..40], function($a, $i) {{{doubled}}}, [1])'"
    mapper = mapper_of(tmp_path, {"id": "'\"x\"'", "notes": text})
    assert findings(mapper, {"data": [{"key": "k"}]}) == [("D2014", "")]
    assert len(sought) < 10_000


@pytest.mark.parametrize("on_invalid", ["raise", "discard_value", "discard_record"])
def test_a_page_of_wrong_rows_tells_a_thousand_findings_and_loses_no_row(on_invalid, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "key", "age": "age"})
    rows = [{"key": "1", "age": f"x{number}"} for number in range(1_200)]
    try:
        page = mapper.map({"data": rows}, on_invalid=on_invalid)
    except EvaluationError as error:
        assert on_invalid == "raise"
        found = error.diagnostics
    else:
        assert len(page.records) + len(page.rejected) == 1_200
        found = page.diagnostics
    assert [one.code for one in found] == ["D401"] * 1_000 + ["D2014"]
    assert "more findings than the 1,000 that are told" in found[-1].message
