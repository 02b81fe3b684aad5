"""A page in each response format."""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import load
from truto_mapper.engine.rendering import FORMATS, dumps, keyed, ndjson, normalized, without
from truto_mapper.resource.field import Field
from truto_mapper.resource.generated import normalized_schema, record_schema
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import load_resource
from truto_mapper.text.errors import EvaluationError, QueryError
from truto_mapper.text.timestamps import is_date_time

RESOURCE = load_resource("conversational-intelligence/activity")
PROPERTY = settings(derandomize=True, deadline=None, max_examples=80, database=None)

FULL = {
    "id": "7_total",
    "user": {"id": "7", "name": "Ada", "emails": [{"email": "a@example.org", "is_primary": True}, {"email": "b"}]},
    "start_time": "2026-01-01T00:00:00+01:00",
    "metrics": {"calls_hosted": 3, "calls_attended": 0},
    "remote_data": {"userId": "7", "nested": {"token": "t"}},
}


@pytest.fixture(autouse=True)
def unchanged():
    """Nothing in this module may change what it is given."""
    before = copy.deepcopy(FULL)
    yield
    assert before == FULL


# ── truto_exclude_fields ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("names", "gone"),
    [
        ([], {}),
        (["id"], {"id": None}),
        (["user.name"], {"user": {"id": "7", "emails": FULL["user"]["emails"]}}),
        (["user.emails"], {"user": {"id": "7", "name": "Ada"}}),
        (["user.emails.is_primary"], {"user": FULL["user"] | {"emails": [{"email": "a@example.org"}, {"email": "b"}]}}),
        (["user.emails.email"], {"user": FULL["user"] | {"emails": [{"is_primary": True}, {}]}}),
        (["user", "user.name"], {"user": None}),
        (["user.name", "user"], {"user": None}),
        (["user.id", "user.name"], {"user": {"emails": FULL["user"]["emails"]}}),
        (["created_at", "id.x", "metrics.calls_hosted.x"], {}),
        (["remote_data"], {"remote_data": None}),
    ],
)
def test_excluded_fields_are_gone_and_nothing_else(names, gone):
    expected = {name: value for name, value in (FULL | gone).items() if value is not None}
    assert without(FULL, names) == expected


# ── truto_key_by ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_records_stand_under_the_values_of_a_field_in_their_order():
    records = [{"id": "b", "user": {"id": "2"}}, {"id": "a", "user": {"id": "1"}}]
    assert list(keyed(records, records, "id").items()) == [("b", records[0]), ("a", records[1])]
    assert list(keyed(records, records, "user.id")) == ["2", "1"]


def test_the_key_may_be_a_field_that_is_not_shown():
    records = [{"id": "b", "n": 1}]
    assert keyed(records, [{"n": 1}], "id") == {"b": {"n": 1}}


@pytest.mark.parametrize(
    ("value", "key"), [(12, "12"), (True, "true"), (1.5, "1.5"), ("", ""), (0, "0"), (False, "false")]
)
def test_keys_that_are_not_text_are_written_as_json(value, key):
    assert list(keyed([{"n": value}], [{}], "n")) == [key]


@pytest.mark.parametrize(
    ("records", "name", "at"),
    [
        ([{"id": "a"}, {}], "id", 1),
        ([{"id": "a"}, {"id": None}], "id", 1),
        ([{"user": {"id": "1"}}, {"user": {}}], "user.id", 1),
        ([{"user": "x"}], "user.id", 0),
        ([{"id": "a"}, {"id": "b"}, {"id": "a"}], "id", 2),
        ([{"id": "1"}, {"id": 1}], "id", 1),
    ],
)
def test_keying_that_would_lose_a_record_is_refused(records, name, at):
    with pytest.raises(QueryError) as caught:
        keyed(records, records, name)
    (found,) = caught.value.diagnostics
    assert (found.code, found.pointer) == ("Q507", f"/result/{at}")
    assert name in found.message
    assert found.hint == ("leave truto_key_by out: a list has every record" if name == "id" else "key by `id`")


def test_a_key_that_repeats_names_both_records():
    records = [{"id": "a"}, {"id": "b"}, {"id": "a"}]
    with pytest.raises(QueryError, match='id is "a" in the records 0 and 2'):
        keyed(records, records, "id")


def test_no_records_are_an_empty_object():
    assert keyed([], [], "id") == {}


# ── normalized ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stored_record_has_every_field_in_its_order():
    found = normalized(FULL, RESOURCE)
    assert list(found) == [name for name in RESOURCE.fields if name != "remote_data"]
    assert list(found["metrics"]) == list(RESOURCE.fields["metrics"].fields)
    assert found["user"]["emails"][1] == {"email": "b", "is_primary": None}
    assert (found["created_at"], found["end_time"], found["metrics"]["feedback_given"]) == (None, None, None)
    assert found["metrics"]["calls_attended"] == 0


def test_absent_objects_are_null_and_absent_arrays_empty():
    assert normalized({"id": "1"}, RESOURCE)["user"] is None
    assert normalized({"id": "1", "user": {"id": "2"}}, RESOURCE)["user"]["emails"] == []


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00Z"),
        ("2026-01-01t00:00:00z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z"),
        ("2026-01-01T00:00:00-11:45", "2026-01-01T11:45:00Z"),
        ("2026-01-01T00:00:00.5+02:00", "2025-12-31T22:00:00.5Z"),
        ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"),
        ("2026-01-01T00:00:00.123456789123Z", "2026-01-01T00:00:00.123456789123Z"),
        ("2024-02-29T23:59:59.999999999-01:00", "2024-03-01T00:59:59.999999999Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00-01:00", "0001-01-01T01:00:00Z"),
        ("9999-12-31T23:59:59.9Z", "9999-12-31T23:59:59.9Z"),
        ("9999-12-31T23:59:59+01:00", "9999-12-31T22:59:59Z"),
    ],
)
def test_date_times_are_stored_in_utc_with_every_digit(given, stored):
    assert normalized({"id": "1", "start_time": given}, RESOURCE)["start_time"] == stored


@pytest.mark.parametrize("given", ["9999-12-31T23:00:00-05:00", "0001-01-01T00:00:00+00:01"])
def test_a_date_time_outside_the_calendar_in_utc_is_refused(given):
    with pytest.raises(EvaluationError) as caught:
        normalized({"id": "1", "start_time": given}, RESOURCE)
    assert caught.value.code == "D405"
    assert given in str(caught.value)


TEXT = st.text(max_size=5)
INSTANTS = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001  # the offset is added below
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001
).flatmap(
    lambda moment: st.sampled_from(["Z", "+00:00", "-23:59", "+23:59", ".5Z", ".123456789-07:00"]).map(
        lambda offset: moment.replace(microsecond=0).isoformat() + offset
    )
)


def values(field: Field):
    """Values of a declared field."""
    if field.enum:
        return st.sampled_from(field.enum)
    if field.format == "date-time":
        return INSTANTS
    if field.items is not None:
        return st.lists(values(field.items), max_size=2)
    if field.fields:
        required = {name: values(inner) for name, inner in field.fields.items() if inner.required}
        optional = {name: values(inner) for name, inner in field.fields.items() if not inner.required}
        return st.fixed_dictionaries(required, optional=dict(list(optional.items())[:4]))
    plain = {"string": TEXT, "integer": st.integers(), "boolean": st.booleans(), "object": st.dictionaries(TEXT, TEXT)}
    return plain[field.type]


RECORDS = values(Field(type="object", fields=RESOURCE.fields))
OUTSIDE = Field(type="object", fields={n: f for n, f in RESOURCE.fields.items() if n not in ("user", "metrics")})


@PROPERTY
@given(RECORDS | values(OUTSIDE))
def test_every_valid_record_can_be_stored_and_fits_the_generated_schema(record):
    assert not Schema(record_schema(RESOURCE)).problems(record)
    before = copy.deepcopy(record)
    found = normalized(record, RESOURCE)
    assert record == before
    assert not Schema(normalized_schema(RESOURCE)).problems(found)
    assert normalized(found, RESOURCE) == found
    for name in ("start_time", "end_time"):
        assert (found[name] is None) == (name not in record)
        assert found[name] is None or same_instant(found[name], record[name])


def same_instant(left, right):
    def moment(text):
        return datetime.fromisoformat(re.sub(r"\.\d+", "", text))

    return is_date_time(left) and moment(left) == moment(right)


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────────────────────

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
SURROGATES = st.sampled_from(["\ud800", "a\udfffb", "é\ud83d", "\ud83d\ude00"])


@PROPERTY
@given(JSON | st.dictionaries(SURROGATES | st.text(max_size=2), SURROGATES, max_size=2), st.sampled_from([None, 2]))
def test_json_text_can_always_be_written_and_reads_back_the_same(value, indent):
    text = dumps(value, indent)
    assert json.loads(text.encode("utf-8")) == json.loads(json.dumps(value))


def test_text_is_written_as_it_reads():
    assert dumps({"a": "é🎉"}) == '{"a":"é🎉"}'
    assert dumps({"a": "é\ud800"}) == '{"a":"\\u00e9\\ud800"}'
    assert dumps({"a": [1]}, indent=2) == '{\n  "a": [\n    1\n  ]\n}'
    assert dumps(10**30) == "1" + "0" * 30


def test_a_stream_has_one_record_per_line_for_any_contents():
    records = [{"id": "a\nb\r\u2028"}, {"id": "\ud800"}, {}]
    text = ndjson(records)
    assert text.endswith("\n")
    assert [json.loads(line) for line in text.split("\n")[:-1]] == records
    assert ndjson([]) == ""


# ── A page in each format ────────────────────────────────────────────────────────────────────────────────────────

PERIOD = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}
PAYLOAD = {
    "usersAggregateActivityStats": [
        {"userId": "1", "userEmailAddress": "a@example.org", "userAggregateActivityStats": {"callsAsHost": 2}},
        {"userId": "2", "userAggregateActivityStats": {}},
    ],
    "fromDateTime": "2026-01-01T00:00:00-08:00",
    "toDateTime": "2026-02-01T00:00:00-08:00",
    "records": {"cursor": "next"},
}


def page(**options):
    return load("gong/activity").map(copy.deepcopy(PAYLOAD), query=PERIOD | options)


def test_unified_is_the_envelope_with_the_records():
    shown = page()
    found = shown.render()
    assert list(found) == ["result", "next_cursor"]
    assert [one["user"]["id"] for one in found["result"]] == ["1", "2"]
    assert found["next_cursor"] == shown.next_cursor != "next"
    assert found["result"][0]["remote_data"] == PAYLOAD["usersAggregateActivityStats"][0]


def test_raw_is_the_providers_body():
    assert page(truto_response_format="raw").render() == PAYLOAD


def test_normalized_is_ready_for_storage():
    found = page(truto_response_format="normalized").render()["result"]
    assert not any(Schema(normalized_schema(RESOURCE)).problems(one) for one in found)
    assert found[0]["start_time"] == "2026-01-01T08:00:00Z"
    assert found[1]["user"]["emails"] == []


def test_stream_is_lines_of_unified_records():
    found = page(truto_response_format="stream").render()
    assert [json.loads(line) for line in found.splitlines()] == list(page().records)


def test_debug_says_what_was_sent_without_credentials():
    asked = page(truto_response_format="debug", remote_query={"api_key": "s3cret"})
    found = asked.render()["debug"]
    assert found["requestUrl"] == "/v2/stats/activity/aggregate?api_key=%5Bredacted%5D"
    assert found["requestOptions"]["method"] == "POST"
    assert found["requestOptions"]["body"]["filter"]["fromDate"] == "2026-01-01"
    assert (found["isLooping"], found["isEmptyResult"], found["resultCount"]) == (False, False, 2)
    assert found["nextCursor"] == asked.next_cursor


def test_excluded_fields_are_left_out_in_every_format():
    choices = {"truto_exclude_fields": ["user.emails", "remote_data"], "truto_key_by": "user.id"}
    for shape in ("unified", "normalized", "debug"):
        found = page(**choices).render(shape)["result"]
        assert list(found) == ["1", "2"]
        assert all("emails" not in one["user"] and "remote_data" not in one for one in found.values())


def test_the_key_may_be_excluded_from_what_is_shown():
    found = page(truto_exclude_fields=["id"], truto_key_by="id").result
    assert all(key.endswith("2026-02-01") and "id" not in one for key, one in found.items())


def test_each_format_can_be_rendered_from_one_page_again_and_again():
    one = page()
    before = copy.deepcopy(one.records)
    for shape in FORMATS * 2:
        json.dumps(one.render(shape))
    assert one.records == before


def test_an_unknown_format_is_refused_with_the_nearest():
    with pytest.raises(QueryError, match="did you mean `debug`"):
        page().render("debgu")


@pytest.mark.parametrize("name", FORMATS)
def test_a_page_is_bounded_as_it_is_written(name):
    folded = "x" * 1_000
    for _ in range(40):
        folded = [folded, folded]
    page = load("gong/activity").map({"usersAggregateActivityStats": [], "extra": folded})
    with pytest.raises(EvaluationError, match="the page holds more than 100,000,000 bytes") as caught:
        page.render(name)
    assert caught.value.code == "D2014"


def test_what_is_done_to_a_rendered_page_does_not_reach_another():
    page = load("gong/activity").map(
        json.dumps({"usersAggregateActivityStats": [{"userId": "1"}, {"userId": "2"}]}).encode()
    )
    first = page.render()
    first["result"].pop()
    first["result"][0] = None
    assert page.render()["result"] == list(page.records)
    assert len(page.result) == len(page.records)
