"""A value of the reply of another type than its schema declares is a finding, on both paths."""

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from source import mapper_of

from truto_mapper import EvaluationError, MapperError, ProviderError, load
from truto_mapper.engine.fused import Fused
from truto_mapper.engine.source_types import SourceTypes

ROW = {
    "key": "1",
    "name": "Ada",
    "age": 3,
    "score": 1.5,
    "labels": ["a"],
    "home": {"street": "High", "floor": 2},
    "phones": [{"n": "0"}, {"n": "1"}],
    "extra": {"deep": [1]},
}

#: Expressions that make a valid value of what they should refuse: the field, its expression, the change of the row, and
#: where the finding is, with both types.
GUESSES = {
    "a count of an array": ("age", "$size(labels)", {"labels": 7}, "/labels", "an array", "an integer"),
    "a count of no array": ("age", "$count(labels)", {"labels": ""}, "/labels", "an array", "a string"),
    "a count of an object": ("age", "$count(labels)", {"labels": {}}, "/labels", "an array", "an object"),
    "existence": ("nick", '$exists(labels) ? "x"', {"labels": False}, "/labels", "an array", "a boolean"),
    "text made of a number": ("nick", 'name & ""', {"name": 5}, "/name", "a string", "an integer"),
    "text made of an object": ("nick", "$string(name)", {"name": {}}, "/name", "a string", "an object"),
    "a test of truth": ("nick", 'age ? "old" : "new"', {"age": "0"}, "/age", "an integer", "a string"),
    "a fraction": ("nick", "$string(age)", {"age": 1.5}, "/age", "an integer", "a number"),
    "a number in text": ("age", "$number(age)", {"age": "7"}, "/age", "an integer", "a string"),
    "a boolean": ("nick", "$string(score)", {"score": True}, "/score", "a number", "a boolean"),
    "an item": ("nick", '$join(labels.($ & ""))', {"labels": ["a", 5]}, "/labels/1", "a string", "an integer"),
    "below a test": ("nick", 'phones[n="0"].n & ""', {"phones": [{"n": 0}]}, "/phones/0/n", "a string", "an integer"),
    "in a function": ("nick", "$string($map(phones, function($p) {$p.n}))", {"phones": [{"n": []}]}, "/phones/0/n",
                      "a string", "an array"),
    "above a name": ("nick", 'home.street & ""', {"home": "x"}, "/home", "an object", "a string"),
    "an object in an array": ("nick", "$string(phones.n)", {"phones": {"n": "0"}}, "/phones", "an array", "an object"),
    "anything": ("notes", "extra", {"extra": {"deep": ["1"]}}, "/extra/deep/0", "an integer", "a string"),
    "an array of one": ("tags", "labels", {"labels": "a"}, "/labels", "an array", "a string"),
    "two types": ("nick", "$string(key)", {"key": True}, "/key", "an integer or a string", "a boolean"),
}  # fmt: skip


def findings(caught):
    return [(d.code, d.pointer) for d in caught.value.diagnostics]


@pytest.mark.parametrize(("field", "text", "change", "place", "declared", "given_"), GUESSES.values(), ids=GUESSES)
def test_a_value_of_another_type_is_refused_and_names_both(field, text, change, place, declared, given_, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "'\"x\"'", field: f"'{text}'"})
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": [ROW, ROW | change]})
    (found,) = caught.value.diagnostics
    assert (found.code, found.pointer) == ("D408", f"/data/1{place}")
    assert f"`{field}`: the provider's schema declares {declared} here, this is {given_}: " in found.message
    assert "acme/contacts.schema.json" in found.hint


@pytest.mark.parametrize(("field", "text", "change", "place", "declared", "given_"), GUESSES.values(), ids=GUESSES)
def test_only_what_is_made_of_it_is_left_out(field, text, change, place, declared, given_, tmp_path):  # noqa: ARG001
    mapper = mapper_of(tmp_path, {"id": "'\"x\"'", field: f"'{text}'"})
    page = mapper.map({"data": [ROW | change]}, on_invalid="discard_value")
    assert page.records == ({"id": "x", "remote_data": ROW | change},)
    assert [d.code for d in page.diagnostics] == ["D408"]
    assert mapper.map({"data": [ROW | change]}, on_invalid="discard_record").rejected == (ROW | change,)


@pytest.mark.parametrize("text", ["$size(labels)", "$count(labels)"])
@pytest.mark.parametrize("labels", [None, ["a"], ["a", 5]])
def test_nulls_and_what_is_only_counted_are_right(labels, text, tmp_path):
    page = mapper_of(tmp_path, {"id": "name", "age": text}).map({"data": [ROW | {"labels": labels}]})
    assert page.records[0]["id"] == "Ada"
    assert "D408" not in [d.code for d in page.diagnostics]


def test_a_whole_number_is_an_integer_however_it_is_written(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "name", "age": "age", "nick": "$string(age)"})
    assert mapper.map({"data": [ROW | {"age": 3.0}]}).records[0]["age"] == 3


def test_a_value_read_twice_is_reported_once_and_spoils_all_that_reads_it(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "name", "nick": "'age & \"\"'", "age": "age"})
    page = mapper.map({"data": [ROW | {"age": "x"}]}, on_invalid="discard_value")
    assert page.records[0].keys() == {"id", "remote_data"}
    assert [d.code for d in page.diagnostics] == ["D408"]


def test_what_is_made_of_a_let_that_failed_is_left_out_too(tmp_path):
    let = "{short: '$uppercase(age & \"\")'}"
    mapper = mapper_of(tmp_path, {"id": "name", "nick": "'$short ?? \"none\"'"}, let=let)
    assert mapper.map({"data": [ROW]}).records[0]["nick"] == "3"
    page = mapper.map({"data": [ROW, ROW | {"age": "x"}]}, on_invalid="discard_value")
    assert [record.get("nick") for record in page.records] == ["3", None]


def test_a_required_value_rejects_its_record_alone(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "'name & \"\"'"})
    rows = [ROW, ROW | {"name": 5}, ROW]
    page = mapper.map({"data": rows}, on_invalid="discard_value")
    assert (len(page.records), page.rejected) == (2, (rows[1],))


@pytest.mark.parametrize("data", [{"key": "1"}, "x", 5, True])
def test_rows_that_are_no_array_are_not_taken_for_one_row_or_none(data, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "'name & \"\"'"})
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": data})
    assert findings(caught) == [("D408", "/data")]
    page = mapper.map({"data": data}, on_invalid="discard_record")
    assert (page.records, page.rejected, [d.severity for d in page.diagnostics]) == ((), (data,), ["warning"])


def test_a_value_of_the_page_is_reported_once_at_its_place(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "name", "nick": '$response.zone & ""'})
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": [ROW] * 5, "zone": 5})
    assert findings(caught) == [("D408", "/zone")]
    page = mapper.map({"data": [ROW] * 5, "zone": 5}, on_invalid="discard_value")
    assert [record.keys() for record in page.records] == [{"id", "remote_data"}] * 5
    assert [d.code for d in page.diagnostics] == ["D408"]


def test_a_next_cursor_that_cannot_be_reached_is_no_last_page(tmp_path):
    mapper_of(tmp_path, {"id": "name"})
    path = tmp_path / "acme.yaml"
    path.write_text(path.read_text().replace("    for_each:", "    next_cursor: page.next\n    for_each:"))
    mapper = load(path)
    assert mapper.map({"data": [ROW], "page": {"next": "c"}}).next_cursor == "c"
    assert mapper.map({"data": [ROW], "page": None}).next_cursor is None
    for page in ([], "x", [{"next": "c"}]):
        with pytest.raises(ProviderError, match="declares an object here") as caught:
            mapper.map({"data": [ROW], "page": page})
        assert findings(caught) == [("P602", "/page")]


def test_a_pickled_mapper_knows_the_types(tmp_path):
    mapper = pickle.loads(pickle.dumps(mapper_of(tmp_path, {"id": "name", "age": "$size(labels)"})))
    with pytest.raises(EvaluationError, match="D408"):
        mapper.map({"data": [ROW | {"labels": 7}]})


VALUES = st.sampled_from([None, True, 0, 7, 1.5, 2.0, "", "x", [], ["x"], [1], {}, {"n": 1}, {"street": 1}])


def changed(row, path, value):
    row = copy.deepcopy(row)
    *above, last = path
    holder = row
    for step in above:
        holder = holder[step]
    holder[last] = value
    return row


PLACES = [(name,) for name in ROW] + [("home", "street"), ("home", "floor"), ("phones", 1), ("phones", 0, "n"),
          ("labels", 0), ("extra", "deep"), ("extra", "deep", 0)]  # fmt: skip
FIELDS = {
    "id": ["name", 'key & ""', "$string(key)", '$join([name, key & ""])'],
    "age": ["age", "$size(labels)", "$count(phones)", "home.floor", '$count(phones[n="1"])'],
    "tags": ["labels", "phones.n", "[name]"],
    "home": ["home", '{"street": home.street}'],
    "nick": ["name", "$uppercase(name)", 'name ? "x"', "phones[0].n"],
    "score": ["score", "$sum(extra.deep)"],
    "notes": ["extra", "extra.deep", "labels"],
}  # fmt: skip


def in_doubt(_, rows, *__, **___):
    return [None] * len(rows), range(len(rows)), None, False


def outcome(mapper, body, on_invalid):
    try:
        page = mapper.map(copy.deepcopy(body), on_invalid=on_invalid)
    except MapperError as error:
        return "raised", error.diagnostics
    return page.records, page.diagnostics, page.rejected


def test_for_any_value_at_any_place_both_paths_agree_and_nothing_is_guessed(tmp_path_factory, monkeypatch):
    compared = refused = 0
    folder = tmp_path_factory.mktemp("types")

    @settings(max_examples=100, deadline=None)
    @given(
        fields=st.fixed_dictionaries({name: st.sampled_from(texts) for name, texts in FIELDS.items()}),
        changes=st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=4),
        on_invalid=st.sampled_from(["raise", "discard_value", "discard_record"]),
    )
    def test(fields, changes, on_invalid):
        nonlocal compared, refused
        mapper = mapper_of(folder, {name: f"'{text}'" for name, text in fields.items()})
        body = {"data": [ROW, *(changed(ROW, *change) for change in changes)]}
        fast = outcome(mapper, body, on_invalid)
        with monkeypatch.context() as patch:
            patch.setattr(Fused, "records", in_doubt)
            assert fast == outcome(mapper, body, on_invalid)
        types = SourceTypes(mapper.mapping.endpoints[0])
        wrong = {
            found.path
            for row in body["data"]
            for reading in types.of_rows
            for found in types.mismatches(reading, row, ())
        }
        told = [d for d in fast[1] if d.code == "D408"]
        assert bool(wrong) == bool(told)
        compared, refused = compared + len(body["data"]), refused + bool(wrong)

    test()
    assert compared > 300
    assert refused > 50


#: Loops that select rows of the reply, or put them into another order.
SELECTED = [
    "data[age > 1]",
    "data[$not($exists(gone))]",
    'data[name = "Ada"][age > 1]',
    "data^(name)",
    "data[age > 1]^(>age)",
    "$filter(data, function($r) {$r.age > 1})",
    "data ~> $filter(function($r) {$r.age > 1})",
    "$sort(data, function($a, $b) {$a.age > $b.age})",
    "$reverse(data)",
    "(data)",
    "data ?? []",
]


@pytest.mark.parametrize("loop", SELECTED)
def test_rows_that_a_loop_selects_have_the_types_of_their_schema(loop, tmp_path):
    fields = {"id": "name", "age": "'$size($r.labels)'"}
    mapper = mapper_of(tmp_path, fields, for_each="{r: '" + loop + "'}")
    assert len(mapper.map({"data": [ROW, ROW]}).records) == 2
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": [ROW, ROW | {"labels": 7}]})
    assert findings(caught) == [("D408", "/data/1/labels")]
    page = mapper.map({"data": [ROW, ROW | {"labels": 7}]}, on_invalid="discard_value")
    assert sorted(len(record) for record in page.records) == [2, 3]


@pytest.mark.parametrize("on_invalid", ["discard_value", "discard_record"])
@pytest.mark.parametrize("loop", ["data[$size(labels) = 1]", "data[$count(labels) > 0]", 'data[labels != "b"]'])
def test_a_row_that_is_selected_by_a_value_of_another_type_is_rejected_alone(loop, on_invalid, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "name"}, for_each="{r: '" + loop + "'}")
    wrong = ROW | {"labels": 7}
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": [ROW, wrong, ROW]})
    assert findings(caught) == [("D408", "/data/1/labels")]
    page = mapper.map({"data": [ROW, wrong, ROW]}, on_invalid=on_invalid)
    assert (len(page.records), page.rejected) == (2, (wrong,))
    assert [(d.code, d.severity, d.pointer) for d in page.diagnostics] == [("D408", "warning", "/data/1/labels")]
    assert page.diagnostics[0].message.endswith("; the record was rejected")


@pytest.mark.parametrize("on_invalid", ["raise", "discard_value", "discard_record"])
@pytest.mark.parametrize("loop", ["data[age > 1]", "data^(age)"])
def test_a_loop_that_fails_because_of_a_value_of_another_type_says_that(loop, on_invalid, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "name"}, for_each="{r: '" + loop + "'}")
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": [ROW, ROW | {"age": "x"}]}, on_invalid=on_invalid)
    assert findings(caught) == [("D408", "/data/1/age")]


def test_equal_rows_that_a_loop_selects_keep_their_own_places(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "name", "age": "$size($r.labels)"}, for_each="{r: 'data[$not($exists(gone))]'}")
    rows = [ROW, ROW | {"gone": 1}, ROW | {"labels": True}, ROW | {"labels": 1}]
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": [{**row} for row in rows]})
    assert findings(caught) == [("D408", "/data/2/labels"), ("D408", "/data/3/labels")]


def test_what_a_let_selects_by_has_its_type_too(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "name", "nick": "$first.n"}, let="{first: 'phones[n = \"0\"]'}")
    assert mapper.map({"data": [ROW]}).records[0]["nick"] == "0"
    with pytest.raises(EvaluationError) as caught:
        mapper.map({"data": [ROW, ROW | {"phones": [{"n": 0}]}]})
    assert findings(caught) == [("D408", "/data/1/phones/0/n")]
