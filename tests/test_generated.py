"""Records, lists and queries against the schemas that a resource generates."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from records import COMPILED, DEBUG, NAME, RECORD, RESOURCE, STORED, changed

from truto_mapper.resource.generated import list_schema, normalized_schema, query_schema, record_schema
from truto_mapper.resource.openapi import KINDS


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "openapi"])
def test_a_generated_schema_is_valid_and_says_what_it_is(kind):
    schema = KINDS[kind](RESOURCE)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:truto-mapper:{NAME}:{kind}"
    assert schema["title"] == "Activity"
    assert schema["description"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", ""),
        ("user", ...),
        ("user.name", ...),
        ("user.emails", []),
        ("user.emails.0", {}),
        ("metrics", {}),
        ("metrics.calls_hosted", 10**30),
        ("metrics.calls_hosted", 3.0),
        ("metrics.calls_hosted", -1),
        ("start_time", ...),
        ("start_time", "2024-02-29T23:59:59.123456789-00:00"),
        ("remote_data", {}),
        ("remote_data", ...),
    ],
)
def test_a_record_is_accepted(path, value):
    record = changed(RECORD, path, value)
    assert COMPILED["record"].problems(record) == []
    assert COMPILED["record"].valid(record)


@pytest.mark.parametrize(
    ("path", "value", "pointer", "keyword", "message"),
    [
        ("id", ..., "", "required", "`id` is missing"),
        ("id", None, "/id", "type", "expected a string, got null"),
        ("id", 5, "/id", "type", "expected a string, got 5"),
        ("user.id", ..., "/user", "required", "`id` is missing"),
        ("user", None, "/user", "type", "expected an object, got null"),
        ("user.emails", {}, "/user/emails", "type", "expected an array, got {}"),
        ("user.emails.0.is_primary", 1, "/user/emails/0/is_primary", "type", "expected true or false, got 1"),
        ("user.phone", "1", "/user/phone", "additionalProperties", "there is no `phone` in the schema"),
        ("a/b~c", "1", "/a~1b~0c", "additionalProperties", "there is no `a/b~c` in the schema"),
        (
            "aggregation_period",
            "year",
            "/aggregation_period",
            "enum",
            'expected "day", "week", "month" or "total", got "year"',
        ),
        ("metrics.calls_hosted", True, "/metrics/calls_hosted", "type", "expected an integer, got true"),
        ("metrics.calls_hosted", "7", "/metrics/calls_hosted", "type", 'expected an integer, got "7"'),
        ("metrics.calls_hosted", 7.5, "/metrics/calls_hosted", "type", "expected an integer, got 7.5"),
        ("metrics.calls_hosted", float("nan"), "/metrics/calls_hosted", "type", "expected an integer, got NaN"),
        ("metrics.calls_hosted", float("inf"), "/metrics/calls_hosted", "type", "expected an integer, got Infinity"),
        ("remote_data", [], "/remote_data", "type", "expected an object, got []"),
    ],
)
def test_a_record_is_refused_in_plain_words(path, value, pointer, keyword, message):
    record = changed(RECORD, path, value)
    (problem,) = COMPILED["record"].problems(record)
    assert (problem.pointer, problem.keyword, problem.message) == (pointer, keyword, message)
    assert not COMPILED["record"].valid(record)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00Z\n",
        "2026-02-30T00:00:00Z",
        "2026-01-01 00:00:00",
        "2019-01-21T000:00:00-08:00",
        "2026-01-01T00:00:00+0100",
        "",
    ],
)
def test_a_date_time_has_a_day_that_exists_and_an_offset(text):
    (problem,) = COMPILED["record"].problems(changed(RECORD, "start_time", text))
    assert (problem.pointer, problem.keyword) == ("/start_time", "format")
    assert problem.message.startswith("expected a date-time with an offset, as in 2026-01-31T09:30:00Z, got ")


def test_every_problem_is_found_at_once():
    record = changed(changed(changed(RECORD, "id", ...), "user.id", ...), "metrics.calls_hosted", "x")
    found = [(problem.pointer, problem.missing) for problem in COMPILED["record"].problems(record)]
    assert sorted(found, key=str) == [("", "id"), ("/metrics/calls_hosted", None), ("/user", "id")]


@pytest.mark.parametrize(
    ("path", "value"), [("user", None), ("metrics", None), ("user.emails", [{"email": None, "is_primary": None}])]
)
def test_a_normalized_record_has_null_where_there_is_no_value(path, value):
    assert COMPILED["normalized"].problems(changed(STORED, path, value)) == []


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("id", None, "/id"),
        ("user.id", None, "/user/id"),
        ("created_at", ..., ""),
        ("user.name", ..., "/user"),
        ("metrics.calls_hosted", ..., "/metrics"),
        ("user.emails", None, "/user/emails"),
        ("user.emails", [None], "/user/emails/0"),
        ("user.emails", [{"email": "a"}], "/user/emails/0"),
        ("start_time", "2026-01-01T00:00:00-08:00", "/start_time"),
        ("remote_data", {}, "/remote_data"),
        ("aggregation_period", "year", "/aggregation_period"),
    ],
)
def test_a_normalized_record_is_complete_and_in_utc(path, value, pointer):
    (problem,) = COMPILED["normalized"].problems(changed(STORED, path, value))
    assert problem.pointer == pointer


def test_the_fields_of_the_normalized_schema_stand_in_the_order_of_the_spec():
    schema = normalized_schema(RESOURCE)
    assert list(schema["properties"]) == [name for name in RESOURCE.fields if name != "remote_data"]
    assert list(schema["properties"]["metrics"]["properties"]) == list(RESOURCE.fields["metrics"].fields)
    assert schema["required"] == list(schema["properties"])


@pytest.mark.parametrize("result", [[RECORD], [], {}, {"a": RECORD}])
@pytest.mark.parametrize("more", [{}, {"debug": None}, {"debug": DEBUG}])
def test_a_list_is_an_array_or_an_object_of_records(result, more):
    assert COMPILED["list"].problems({"result": result, "next_cursor": "x"} | more) == []


def test_a_problem_in_a_list_leads_to_its_record():
    bad = changed(RECORD, "user.id", 5)
    assert [p.pointer for p in COMPILED["list"].problems({"result": [bad], "next_cursor": 1})] == [
        "/result/0/user/id",
        "/next_cursor",
    ]
    assert [p.pointer for p in COMPILED["list"].problems({"result": {"k": bad}, "next_cursor": None})] == [
        "/result/k/user/id"
    ]


QUERY = {
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-02-01T00:00:00Z",
    "users": [{"id": "1"}],
    "truto_exclude_fields": ["id"],
    "remote_query": {"foo": {"bar": "1"}},
    "limit": 1,
    "truto_ignore_limit": True,
}


def test_a_parsed_query_needs_no_account_but_the_period():
    assert COMPILED["query"].problems(QUERY) == []
    assert [p.missing for p in COMPILED["query"].problems({})] == ["start_time", "end_time"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("limit", 0, "expected at least 1, got 0"),
        ("limit", "5", 'expected an integer, got "5"'),
        ("integrated_account_id", "1", 'expected a UUID, got "1"'),
        ("users", ["1"], 'expected an object, got "1"'),
        ("users", [{}], "`id` is missing"),
        (
            "truto_response_format",
            "xml",
            'expected "unified", "raw", "normalized", "stream" or "debug", got "xml"',
        ),
        ("truto_skip_api_call", "true", 'expected true or false, got "true"'),
        ("user", [], "there is no `user` in the schema"),
    ],
)
def test_a_parsed_query_is_refused_in_plain_words(name, value, message):
    assert [problem.message for problem in COMPILED["query"].problems(QUERY | {name: value})] == [message]


def test_the_query_schema_has_the_defaults():
    defaults = {name: s["default"] for name, s in query_schema(RESOURCE)["properties"].items() if "default" in s}
    assert defaults == {
        "truto_response_format": "unified",
        "truto_ignore_limit": False,
        "truto_ignore_remote_data": False,
        "aggregation_period": "total",
        "truto_skip_api_call": False,
    }


def test_the_list_schema_defines_the_record_once():
    schema = list_schema(RESOURCE)
    assert schema["$defs"]["activity"]["properties"] == record_schema(RESOURCE)["properties"]
