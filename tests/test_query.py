"""Unified query parameters: every spelling, and every refusal."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import load
from truto_mapper.engine.query import Parser, Query
from truto_mapper.engine.query_string import split_query_string
from truto_mapper.resource.spec import Resource, load_resource
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.errors import QueryError
from truto_mapper.text.source import Source

PARSER = Parser(load_resource("conversational-intelligence/activity"), "gong")
PERIOD = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}
TEXT = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
PROPERTY = settings(derandomize=True, deadline=None, max_examples=120, database=None)


def parsed(more=(), **options):
    """The query of January with more parameters, given as a query string or a dict."""
    if isinstance(more, str):
        return PARSER.parse(f"{TEXT}&{more}", **options)
    return PARSER.parse(PERIOD | dict(more), **options)


def refused(query, **options):
    with pytest.raises(QueryError) as caught:
        PARSER.parse(query, **options)
    return caught.value.diagnostics


def told(more, **options):
    found = refused(f"{TEXT}&{more}" if isinstance(more, str) else PERIOD | more, **options)
    return [(d.code, d.pointer) for d in found]


# ── Spellings ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "spelling",
    [
        "users[]=1&users[]=2",
        "users=1&users=2",
        "users[0]=1&users[1]=2",
        "users[1]=2&users[0]=1",
        "users[7]=2&users[3]=1",
        "users[][id]=1&users[][id]=2",
        "users[0][id]=1&users[1][id]=2",
        "users[1][id]=2&users[0][id]=1",
        "users=1&users[]=2",
        "users[]=1&users=2",
        "users[]=1&users[][id]=2",
        "users=1,2",
        "users=1, 2",
        "users[]=1,2",
        "users=1,2&users=1",
        "users[]=1&users[]=2&users[]=1",
        "users[0]=1&users[25]=2",
        "users%5B%5D=1&users%5B%5D=2",
        "users%5B0%5D%5Bid%5D=1&users%5B1%5D%5Bid%5D=2",
        {"users": ["1", "2"]},
        {"users": [1, 2]},
        {"users": ("1", "2")},
        {"users": ["1", {"id": "2"}]},
        {"users": "1,2"},
        {"users": ["1", "2", {"id": "1"}, 2, 1]},
        {"users": {"0": "1", "1": "2"}},
        {"users": [{"id": 1}, {"id": "2"}]},
        {"users": ["1", None, "2"]},
        {"users": [MappingProxyType({"id": "1"}), "2"]},
    ],
    ids=str,
)
def test_these_all_name_the_users_1_and_2(spelling):
    assert parsed(spelling)["users"] == [{"id": "1"}, {"id": "2"}]


@pytest.mark.parametrize(
    "spelling", ["users=1", "users[]=1", "users[id]=1", {"users": "1"}, {"users": 1}, {"users": {"id": 1}}], ids=str
)
def test_these_all_name_one_user(spelling):
    assert parsed(spelling)["users"] == [{"id": "1"}]


@pytest.mark.parametrize(
    "spelling",
    [
        "truto_exclude_fields=id,user.name",
        "truto_exclude_fields=id, user.name,",
        "truto_exclude_fields[]=id&truto_exclude_fields[]=user.name",
        "truto_exclude_fields=id&truto_exclude_fields=user.name",
        {"truto_exclude_fields": ["id", "user.name"]},
        {"truto_exclude_fields": "id,user.name"},
    ],
    ids=str,
)
def test_these_all_name_two_fields(spelling):
    assert parsed(spelling)["truto_exclude_fields"] == ["id", "user.name"]


def test_an_empty_list_of_fields_excludes_nothing():
    assert parsed("truto_exclude_fields=")["truto_exclude_fields"] == []


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", {}),
        ("?", {}),
        ("&&", {}),
        ("?a=1", {"a": "1"}),
        ("a", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a=%2B+%20", {"a": "+  "}),
        ("a=é%C3%A9🎉", {"a": "éé🎉"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[0]=1&a[x]=2", {"a": {"0": "1", "x": "2"}}),
        ("a[99999]=1", {"a": {"99999": "1"}}),
        ("a[b]=1&a[b]=2", {"a": {"b": ["1", "2"]}}),
        ("0=x", {"0": "x"}),
        ("7[a]=1", {"7": {"a": "1"}}),
    ],
)
def test_query_strings_are_nested_objects(text, tree):
    assert split_query_string(text) == tree


MEASURED = yaml_tree.parse(files.read(Path(__file__).parent / "data" / "qs.yaml")).plain()


@pytest.mark.parametrize("case", MEASURED, ids=lambda case: case["text"])
def test_query_strings_are_read_as_qs_reads_them_or_refused(case):
    if case.get("refused"):
        with pytest.raises(QueryError) as caught:
            split_query_string(case["text"])
        assert [found.code for found in caught.value.diagnostics] == ["Q501"]
    else:
        assert split_query_string(case["text"]) == case["qs"]


@pytest.mark.parametrize("spelling", ["a[]", "a"])
def test_a_list_of_more_than_twenty_stays_a_list(spelling):
    assert split_query_string("&".join([f"{spelling}={n}" for n in range(25)]))["a"] == [str(n) for n in range(25)]


def test_remote_query_keeps_its_own_structure():
    text = "remote_query[filter][userIds][]=1&remote_query[filter][userIds][]=2&remote_query[x]=y"
    assert parsed(text)["remote_query"] == {"filter": {"userIds": ["1", "2"]}, "x": "y"}


# ── Types ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("limit", "5", 5),
        ("limit", 5, 5),
        ("limit", 5.0, 5),
        ("limit", "005", 5),
        ("truto_ignore_limit", "true", True),
        ("truto_ignore_limit", "TRUE", True),
        ("truto_ignore_limit", "1", True),
        ("truto_ignore_limit", "false", False),
        ("truto_ignore_limit", "0", False),
        ("truto_ignore_limit", True, True),
        ("truto_key_by", "id", "id"),
        ("integrated_account_id", "62f44730-dd91-461e-bd6a-aedd9e0ad79d", "62f44730-dd91-461e-bd6a-aedd9e0ad79d"),
        ("next_cursor", 12, "12"),
        ("users", ["9" * 40], [{"id": "9" * 40}]),
        ("users", [10**40], [{"id": "1" + "0" * 40}]),
        ("aggregation_period", "week", "week"),
        ("remote_query", {"n": 10**30, "f": 1.5, "z": None}, {"n": 10**30, "f": 1.5, "z": None}),
    ],
)
def test_values_get_the_types_that_the_resource_declares(name, given, value):
    found = parsed({name: given})[name]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "pointer"),
    [
        ("limit", "five", "/limit"),
        ("limit", "", "/limit"),
        ("limit", "0", "/limit"),
        ("limit", -1, "/limit"),
        ("limit", 1.5, "/limit"),
        ("limit", "1.0", "/limit"),
        ("limit", "٣", "/limit"),
        ("limit", True, "/limit"),
        ("limit", ["1", "2"], "/limit"),
        ("truto_ignore_limit", "yes", "/truto_ignore_limit"),
        ("truto_ignore_limit", 1, "/truto_ignore_limit"),
        ("truto_key_by", {"a": 1}, "/truto_key_by"),
        ("truto_exclude_fields", [["id"]], "/truto_exclude_fields/0"),
        ("truto_exclude_fields", {"a": "id"}, "/truto_exclude_fields/0"),
        ("integrated_account_id", "62f44730", "/integrated_account_id"),
        ("aggregation_period", "hour", "/aggregation_period"),
        ("truto_response_format", "xml", "/truto_response_format"),
        ("remote_query", "x", "/remote_query"),
        ("remote_query", ["x"], "/remote_query"),
        ("users", [{"name": "Ada"}], "/users/0"),
        ("users", [{"id": {"a": 1}}], "/users/0/id"),
        ("users", [True], "/users/0"),
        ("start_time", "2026-01-01", "/start_time"),
        ("start_time", "2026-01-01T00:00:00", "/start_time"),
        ("start_time", "2026-02-30T00:00:00Z", "/start_time"),
        ("start_time", ["2026-01-01T00:00:00Z"] * 2, "/start_time"),
        ("start_time", datetime(2026, 1, 1), "/start_time"),  # noqa: DTZ001  # a naive one
        ("start_time", date(2026, 1, 1), "/start_time"),
        ("limit", Decimal("1.5"), "/limit"),
        ("limit", Decimal("NaN"), "/limit"),
        ("limit", Decimal("sNaN"), "/limit"),
        ("remote_query", {"a": Decimal("1E+100000")}, "/remote_query"),
        ("remote_query", {"a": Decimal("0.1234567890123456789012")}, "/remote_query"),
        ("users", {"1", "2"}, "/users"),
        ("users", frozenset("1"), "/users"),
        ("users", ["\ud800"], "/users"),
        ("users", "1,,2", "/users"),
        ("users", "[1,2]", "/users"),
        ("users", ' {"id": 1}', "/users"),
        ("users", "", "/users"),
        ("remote_query", {1: "x"}, "/remote_query"),
        ("remote_query", {None: "x"}, "/remote_query"),
        ("remote_query", {"\ud800": "x"}, "/remote_query"),
        ("remote_query", {"a": {1, 2}}, "/remote_query"),
        ("remote_query", {"a": float("nan")}, "/remote_query"),
        ("remote_query", {"a": 10**5_000}, "/remote_query"),
        ("remote_query", b"bytes", "/remote_query"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_at_its_place(name, given, pointer):
    assert ("Q504", pointer) in told({name: given})


def test_a_parameter_given_twice_is_not_a_single_value():
    assert told("limit=1&limit=2") == [("Q504", "/limit")]
    assert told("start_time=2026-01-02T00:00:00Z") == [("Q504", "/start_time")]


def test_defaults_are_filled_in_and_nothing_else():
    found = parsed()
    assert found["aggregation_period"] == "total"
    assert found["truto_response_format"] == "unified"
    assert found["truto_ignore_limit"] is False
    assert "limit" not in found
    assert "users" not in found
    assert list(found) == [name for name in PARSER.resource.parameters if name in found]
    assert len(found) == len(list(found))


def test_a_default_is_filled_in_at_every_depth_and_makes_a_value_optional():
    kind = {"type": "string", "enum": ["own", "all"], "required": True, "default": "own"}
    item = {"type": "object", "fields": {"id": {"type": "string", "required": True}, "kind": kind}}
    place = {"type": "object", "fields": {"kind": kind, "at": {"type": "object", "fields": {"kind": kind}}}}
    body = {
        "version": 1, "unified_model": "crm", "resource": "deal", "title": "Deal", "integrations": ["acme"],
        "methods": {"list": {"http_method": "GET", "path": "/deals"}},
        "parameters": {
            "teams": {"type": "array", "items": item},
            "place": place,
            "scope": {"type": "string", "required_in": ["acme"], "default": "mine"},
        },
        "fields": {"id": {"type": "string"}},
        "response": {"result": {"type": "array", "items": {"type": "object"}}},
    }  # fmt: skip
    parser = Parser(Resource.parse(Source("deal.yaml", json.dumps(body))), "acme")
    assert dict(parser.parse("")) == {"scope": "mine"}
    assert parser.parse("teams=1,2")["teams"] == [{"id": "1", "kind": "own"}, {"id": "2", "kind": "own"}]
    assert parser.parse({"place": {"at": {}}})["place"] == {"at": {"kind": "own"}, "kind": "own"}
    assert parser.parse({"place": {"kind": "all"}})["place"] == {"kind": "all"}
    with pytest.raises(QueryError, match="an empty value"):
        parser.parse({"teams": [""]})


def test_null_is_as_good_as_absent():
    assert dict(parsed(dict.fromkeys(["users", "limit", "aggregation_period"]))) == dict(parsed())
    assert told({"start_time": None}) == [("Q503", "/start_time")]


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_findings_come_at_once():
    found = refused({"limit": 0, "userz": 1, "aggregation_period": "x", "truto_key_by": "nope", "end_time": "tomorrow"})
    assert {(d.code, d.pointer) for d in found} == {
        ("Q502", "/userz"),
        ("Q503", "/start_time"),
        ("Q504", "/end_time"),
        ("Q504", "/limit"),
        ("Q504", "/aggregation_period"),
        ("Q508", "/truto_key_by"),
    }


def test_all_that_is_missing_is_named():
    assert [(d.code, d.pointer) for d in refused("")] == [("Q503", "/start_time"), ("Q503", "/end_time")]


def test_an_unknown_parameter_is_named_with_the_nearest():
    (found,) = refused(PERIOD | {"user": "1"})
    assert (found.code, found.pointer, found.hint) == ("Q502", "/user", "did you mean `users`?")
    (found,) = refused(PERIOD | {"a/b~c": "1"})
    assert found.pointer == "/a~1b~0c"


def test_an_unknown_parameter_can_be_let_pass():
    found = parsed("user=1&x[y]=z", on_unknown="ignore")
    assert dict(found) == dict(parsed())


def test_a_parameter_that_only_other_integrations_know_is_refused_and_can_be_let_pass():
    spec = {
        "version": 1, "unified_model": "crm", "resource": "deal", "title": "Deal", "integrations": ["acme", "other"],
        "methods": {"list": {"http_method": "GET", "path": "/deals"}},
        "parameters": {"stage": {"type": "string", "supported_in": ["other"], "default": "open"}},
        "fields": {"id": {"type": "string"}},
        "response": {"result": {"type": "array", "items": {"type": "object"}}},
    }  # fmt: skip
    resource = Resource.parse(Source("deal.yaml", json.dumps(spec)))
    with pytest.raises(QueryError) as caught:
        Parser(resource, "acme").parse("stage=won")
    (found,) = caught.value.diagnostics
    assert (found.code, found.pointer, found.message) == ("Q502", "/stage", "stage is not supported in acme")
    assert dict(Parser(resource, "acme").parse("stage=won", "ignore")) == {}
    assert dict(Parser(resource, "other").parse("")) == {"stage": "open"}
    assert dict(Parser(resource, "of another spec").parse("stage=won")) == {"stage": "won"}


@pytest.mark.parametrize("key", [1, None, ("a",), 1.5, 10**5_000], ids=["1", "None", "tuple", "1.5", "long"])
def test_a_name_that_is_not_text_is_unknown(key):
    assert [d.code for d in refused(PERIOD | {key: "x"})] == ["Q502"]
    assert dict(parsed({key: "x"}, on_unknown="ignore")) == dict(parsed())


def test_a_required_parameter_that_is_not_json_is_refused_once():
    assert [(d.code, d.pointer) for d in refused(PERIOD | {"start_time": object()})] == [("Q504", "/start_time")]


@pytest.mark.parametrize("query", [None, 5, ["users"], b"users=1", {"users"}, ("a", "b")])
def test_a_value_that_is_neither_text_nor_an_object_is_not_a_query(query):
    (found,) = refused(query)
    assert (found.code, found.pointer) == ("Q504", "")


def test_a_plus_that_became_a_space_is_explained():
    text = "start_time=2026-01-01T00:00:00+02:00&end_time=2026-02-01T00:00:00Z"
    (found,) = refused(text)
    assert (found.code, found.pointer) == ("Q504", "/start_time")
    assert "2026-01-01T00:00:00%2B02:00" in found.hint
    assert PARSER.parse(text.replace("+", "%2B"))["start_time"] == "2026-01-01T00:00:00+02:00"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00-05:00", "2026-01-01T01:00:00Z"),
        ("0002-01-01T00:00:00+01:00", "0002-01-01T00:00:00+02:00"),
    ],
)
def test_a_period_without_a_moment_in_it_is_refused(start, end):
    assert [d.code for d in refused({"start_time": start, "end_time": end})] == ["Q505"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-01T00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T09:30:15+0200", "2026-01-01T09:30:15+02:00"),
        ("2026-01-01T09:30:15-05", "2026-01-01T09:30:15-05:00"),
        ("2026-01-01T09:30:15\u221205:00", "2026-01-01T09:30:15-05:00"),
        ("20260101T000000Z", "2026-01-01T00:00:00Z"),
        ("20260101T0000+0000", "2026-01-01T00:00:00+00:00"),
        ("20260101T00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-01t00:00:00z", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00.5Z"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456789Z"),
        ("2026-W01-4T00:00Z", "2026-01-01T00:00:00Z"),
        ("2026W014T000000Z", "2026-01-01T00:00:00Z"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00"),
        (datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T00:00:00+02:00"),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(minutes=53, seconds=28))), "2026-01-01T00:06:32+00:00"),
    ],
    ids=str,
)
def test_a_moment_may_be_written_in_any_form_of_iso_8601(written, read):
    found = parsed({"start_time": written})
    assert found["start_time"] == read
    assert dict(parsed(dict(found))) == dict(found)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("2026-01-01", "a day is not a moment: write 2026-01-01T00:00:00Z"),
        ("20260101", "a day is not a moment: write 20260101T00:00:00Z"),
        ("2026-01-01T00:00:00", "the offset is missing: write 2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00", "the offset is missing: write 2026-01-01T00:00Z"),
        ("2026-01-01T00:00 02:00", "the + of the offset became a space: write 2026-01-01T00:00%2B02:00"),
        ("20260101T000000 0200", "the + of the offset became a space: write 20260101T000000%2B0200"),
        ("2026-01-01 00:00:00Z", "write 2026-01-01T00:00:00Z"),
        ("2026-02-30T00:00Z", "such as 2026-01-31T00:00:00Z"),
        ("2026-01-01T24:00Z", "such as 2026-01-31T00:00:00Z"),
        ("2026-001T00:00Z", "such as 2026-01-31T00:00:00Z"),
        ("T" * 65_000, "such as 2026-01-31T00:00:00Z"),
        ("tomorrow", None),
    ],
)
def test_a_text_that_is_no_moment_gets_the_right_one_as_a_hint(written, hint):
    (found,) = refused(PERIOD | {"start_time": written})
    assert (found.code, found.pointer) == ("Q504", "/start_time")
    assert found.hint is None if hint is None else found.hint.startswith(hint)


class Period(Enum):
    WEEK = "week"


class TextPeriod(StrEnum):
    WEEK = "week"


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("aggregation_period", Period.WEEK, "week"),
        ("aggregation_period", TextPeriod.WEEK, "week"),
        ("limit", Decimal(5), 5),
        ("limit", Decimal("5.00"), 5),
        ("users", (7, "8"), [{"id": "7"}, {"id": "8"}]),
        ("users", [UUID(int=7)], [{"id": "00000000-0000-0000-0000-000000000007"}]),
        ("integrated_account_id", UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ("remote_query", {"d": Decimal("0.5"), "on": date(2026, 1, 2)}, {"d": 0.5, "on": "2026-01-02"}),
    ],
)
def test_values_of_python_are_read(name, written, read):
    found = parsed({name: written})[name]
    assert found == read
    assert type(found) is type(read)


def test_a_query_is_bounded():
    shared = ["x"]
    for _ in range(40):
        shared = [shared, shared]
    for more in ({"a": shared}, {"a": ["x"] * 200_000}, {"a": "x" * 2_000_000}):
        assert told({"remote_query": more}) == [("Q504", "/remote_query")]
    assert [d.code for d in refused("a=" + "x" * 1_000_000)] == ["Q501"]


def test_offsets_count_when_periods_are_compared():
    PARSER.parse({"start_time": "2026-01-01T10:00:00+09:00", "end_time": "2026-01-01T02:00:00Z"})


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"truto_key_by": "nope"}, "/truto_key_by"),
        ({"truto_key_by": ""}, "/truto_key_by"),
        ({"truto_key_by": "user"}, "/truto_key_by"),
        ({"truto_key_by": "user.emails"}, "/truto_key_by"),
        ({"truto_key_by": "user.emails.email"}, "/truto_key_by"),
    ],
)
def test_a_field_that_cannot_be_a_key_is_refused(given, pointer):
    assert told(given) == [("Q508", pointer)]


@pytest.mark.parametrize("name", ["nope", "user.nope", "user.", "remote_data.userId"])
def test_a_field_to_leave_out_that_does_not_exist_is_noted(name):
    found = parsed({"truto_exclude_fields": ["id", name]})
    assert [(d.code, d.severity, d.pointer) for d in found.remarks] == [("Q508", "note", "/truto_exclude_fields")]
    assert found["truto_exclude_fields"] == ["id"]


def test_the_example_of_the_api_page_leaves_out_what_it_can():
    found = parsed("truto_exclude_fields[]=id&truto_exclude_fields[]=name")
    (note,) = found.remarks
    assert (note.message.partition(": ")[2], note.hint) == (
        'conversational-intelligence/activity has no field "name", so nothing is left out',
        "did you mean `user.name`?",
    )
    assert found["truto_exclude_fields"] == ["id"]


def test_a_field_named_again_and_again_is_left_out_once():
    assert parsed({"truto_exclude_fields": ["id"] * 20_000})["truto_exclude_fields"] == ["id"]
    assert parsed("truto_exclude_fields=" + "id," * 20_000)["truto_exclude_fields"] == ["id"]


def test_thousands_of_unknown_names_are_a_few_notes_and_a_count():
    names = [f"field{number}" for number in range(5_000)]
    notes = parsed({"truto_exclude_fields": names}).remarks
    assert len(notes) == 21
    assert "4,980 more names" in notes[-1].message
    found = refused(PERIOD | dict.fromkeys(names, "x"))
    assert (len(found), found[-1].message) == (21, "there are 4,980 more query parameters that do not exist")
    found = refused(PERIOD | {"users": [{"id": {"a": name}} for name in names]})
    assert (len(found), found[-1].message) == (21, "there are 4,980 more invalid values")


def test_nested_fields_have_dotted_names():
    parsed("truto_exclude_fields=user.emails.is_primary,metrics.calls_hosted,remote_data&truto_key_by=user.id")


def test_a_stream_is_not_keyed():
    assert told("truto_response_format=stream&truto_key_by=id") == [("Q512", "/truto_key_by")]


# ── Hostile query strings ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "&".join(["users[]=1"] * 10_000),
        "&" * 100_000,
        "users" + "[a]" * 10_000 + "=1",
        "users" + "[" * 10_000 + "=1",
        "users" + "[]" * 9 + "=1",
        "users[=1",
        "users]=1",
        "[users]=1",
        "users[]x=1",
        "=1",
        "%=1",
        "users[]=%",
        "users[]=%zz",
        "users[]=%ff",
        "%ff=1",
        "users[]=%c3%28",
        "users[]=%00",
        "a[b]=1&a=2",
        "a=2&a[b]=1&a[]=3",
        "users[0]=1&users[0][id]=2&users[0][]=3",
        "start_time[]=1&start_time[x]=2",
        "users[]=" + "x" * 1_000_000,
        "users[9999999999999999999999]=1",
        "remote_query[__proto__][x]=1&remote_query[constructor]=1",
        "\ud800=\udfff",
        "a;b;c",
        "\x00",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_hostile_text_is_a_query_or_refused(text):
    try:
        PARSER.parse(text)
    except QueryError as error:
        rendered = str(error)
        assert "Traceback" not in rendered
        assert max(map(len, rendered.split("\n"))) < 400


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("&".join(["users[]=1"] * 1_001), "more than 1,000 parts"),
        ("users[a][b][c][d][e][f][g][h]=1", "more than 5 brackets"),
        ("users[=1", '"users["'),
        ("users[]=caf%E9", '"caf\ufffd"'),
        ("a[constructor]=1", "cannot be called constructor"),
    ],
)
def test_a_query_string_that_cannot_be_read_is_quoted(text, message):
    (found,) = refused(text)
    assert found.code == "Q501"
    assert message in found.message


def test_depth_is_bounded_in_dicts_too():
    for inner in ({}, []):
        deep = inner
        for _ in range(100_000):
            deep = {"a": deep} if isinstance(inner, dict) else [deep]
        assert [d.code for d in refused(PERIOD | {"remote_query": {"a": deep}})] == ["Q504"]
        assert "Q504" in [d.code for d in refused(PERIOD | {"users": [deep]})]


def test_a_query_that_contains_itself_is_refused():
    loop: dict = {}
    loop["loop"] = loop
    assert [d.code for d in refused(PERIOD | {"remote_query": loop})] == ["Q504"]


KEYS = st.sampled_from([*PARSER.resource.parameters, "user", "users[]", "", "a.b"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(list(PERIOD.values())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PARTS = st.text(st.sampled_from("users[]id=&01%2B+aTZ:-.,;é\x00\ud800"), max_size=30)


@PROPERTY
@given(st.dictionaries(KEYS, VALUES, max_size=5), st.booleans(), st.sampled_from(["refuse", "ignore"]))
def test_any_object_is_a_query_or_a_query_error(given, whole, on_unknown):
    query = given | PERIOD if whole else given
    before = copy.deepcopy(query)
    try:
        found = PARSER.parse(query, on_unknown)
    except QueryError as error:
        rendered = str(error)
        assert rendered.startswith("error[Q5")
    else:
        assert isinstance(found, Query)
        json.dumps(dict(found), allow_nan=False)
        again = PARSER.parse(dict(found))
        assert dict(again) == dict(found)
        assert PARSER.parse(found) is found
    assert repr(query) == repr(before)


@PROPERTY
@given(PARTS | st.text(max_size=30), st.booleans())
def test_any_text_is_a_query_or_a_query_error(text, whole):
    try:
        found = PARSER.parse(f"{TEXT}&{text}" if whole else text, "ignore")
    except QueryError as error:
        rendered = str(error)
        assert rendered.startswith("error[Q5")
    else:
        assert dict(PARSER.parse(dict(found))) == dict(found)


def test_a_parsed_query_shares_nothing_with_what_was_given():
    given = PERIOD | {"users": [{"id": "1"}], "remote_query": {"a": {"b": [1]}}, "truto_exclude_fields": ["id"]}
    before = copy.deepcopy(given)
    found = PARSER.parse(given)
    given["remote_query"]["a"]["b"].append(2)
    given["users"][0]["id"] = "2"
    given["truto_exclude_fields"].append("user")
    assert {name: found[name] for name in before} == before
    found["remote_query"]["a"]["b"].clear()
    assert given["remote_query"]["a"]["b"] == [1, 2]


@pytest.mark.parametrize("text", ["ten", "1.5", "²", "1234567890123456789012", " 1"])
def test_a_limit_that_is_not_an_integer_is_quoted(text):
    with pytest.raises(QueryError) as caught:
        load("gong/activity").plan(
            {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z", "limit": text}
        )
    (found,) = caught.value.diagnostics
    assert (found.code, found.pointer) == ("Q504", "/limit")
    assert found.message == f'limit: expected an integer, got "{text}"'
