"""Our schemas of Gong's requests and replies agree with Gong's own OpenAPI description."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from truto_mapper import load
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text import files

SHARED = Path(__file__).parents[2] / "shared" / "gong" / "openapi-stats-users.json"
ENDPOINTS = {
    "gong/aggregate": "/v2/stats/activity/aggregate",
    "gong/by-period": "/v2/stats/activity/aggregate-by-period",
    "gong/day-by-day": "/v2/stats/activity/day-by-day",
}
SCHEMAS = [*ENDPOINTS, "gong/error"]
ROWS = {
    "gong/aggregate": ("usersAggregateActivityStats", "userAggregateActivityStats"),
    "gong/by-period": ("usersAggregateActivity", "userAggregateActivity"),
    "gong/day-by-day": ("usersDetailedActivities", "userDailyActivityStats"),
}


REQUESTS = [f"{name}-request" for name in ENDPOINTS]


@pytest.fixture(scope="module")
def described():
    if not SHARED.exists():
        pytest.skip(f"Gong's own description is not at hand: {SHARED}")
    return json.loads(SHARED.read_text())


def load_source_schema(name):
    return Schema(json.loads(files.find(name, "schemas", ".schema.json").text))


def reply(described, name):
    """Gong's schema of a reply."""
    if name == "gong/error":
        return described["components"]["schemas"]["ErrorResponse"]
    answer = described["paths"][ENDPOINTS[name]]["post"]["responses"]["200"]
    (content,) = answer["content"].values()
    return content["schema"]


def request(described, name):
    """Gong's schema of a request body."""
    asked = described["paths"][ENDPOINTS[name.removesuffix("-request")]]["post"]["requestBody"]
    return asked["content"]["application/json"]["schema"]


def resolved(document, schema):
    while "$ref" in schema:
        target = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def kinds(schema):
    kind = schema["type"]
    return {kind} if isinstance(kind, str) else set(kind)


def places(document, schema, path=""):
    """Every value that a schema describes: its path and its own schema."""
    schema = resolved(document, schema)
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from places(document, inner, f"{path}.{name}")
    if "items" in schema:
        yield from places(document, schema["items"], f"{path}[]")


def example(document, schema):
    """What Gong's description shows as an example of a reply; None where it shows nothing."""
    schema = resolved(document, schema)
    if schema["type"] not in ("array", "object") or "example" in schema:
        return schema.get("example")
    if schema["type"] == "array":
        return [example(document, schema["items"])]
    shown = {name: example(document, inner) for name, inner in schema.get("properties", {}).items()}
    return {name: value for name, value in shown.items() if value is not None}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_source_schema_has_the_fields_of_gongs_description_with_their_types(described, name):
    ours = load_source_schema(name).schema
    mine = {path: kinds(schema) for path, schema in places(ours, ours)}
    theirs = {path: kinds(schema) for path, schema in places(described, reply(described, name))}
    assert mine.keys() == theirs.keys()
    assert {path: kind for path, kind in theirs.items() if not kind <= mine[path]} == {}
    more = {path: mine[path] - kind - {"null"} for path, kind in theirs.items()}
    # Ids have been seen as bare integers, too.
    others = {path for path, found in more.items() if found and not path.endswith(("[]", "/userId", "userId"))}
    assert others == set()


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_source_schema_has_the_integer_formats_of_gongs_description(described, name):
    ours = load_source_schema(name).schema
    mine = {path: schema.get("format") for path, schema in places(ours, ours)}
    theirs = {path: schema.get("format") for path, schema in places(described, reply(described, name))}
    assert mine == theirs


@pytest.mark.parametrize("name", SCHEMAS)
def test_gongs_own_examples_fit_the_source_schema(described, name):
    shown = example(described, reply(described, name))
    assert load_source_schema(name).problems(shown) == []


@pytest.mark.parametrize("name", [*SCHEMAS, *REQUESTS])
def test_our_descriptions_are_not_gongs_sentences(described, name):
    def phrases(text):
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[i : i + 7]) for i in range(len(words) - 6)}

    theirs = set().union(*(phrases(text) for text in re.findall(r'"description": "(.*?)"', json.dumps(described))))
    ours = set().union(*(phrases(text) for text in re.findall(r'"description": "(.*?)"', written(name))))
    assert ours & theirs == set()


def written(name):
    return json.dumps(load_source_schema(name).schema)


@pytest.mark.parametrize("name", SCHEMAS)
def test_nothing_is_required_and_each_field_may_be_null(name):
    schema = load_source_schema(name).schema
    fields = [
        resolved(schema, field) for _, found in places(schema, schema) for field in found.get("properties", {}).values()
    ]
    assert fields
    assert all("null" in kinds(field) for field in fields)
    assert '"required"' not in written(name)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_schema_has_the_fields_of_gongs_description(described, name):
    def shown(document, schema):
        keys = ("type", "enum", "uniqueItems")
        return {
            path: [one.get(key) for key in keys] + [sorted(one.get("required", ()))]
            for path, one in places(document, schema)
        }

    ours = load_source_schema(name).schema
    assert shown(ours, ours) == shown(described, request(described, name))


@pytest.mark.parametrize("period", ["total", "day", "week", "month"])
@pytest.mark.parametrize("detailed", [True, False])
@pytest.mark.parametrize("users", [None, ["7"], ["7", "8"]])
def test_what_gong_is_asked_fits_its_request_schema(period, detailed, users):
    query = "start_time=2026-01-01T09:00Z&end_time=2026-02-01T00:00Z&aggregation_period=" + period
    query += "".join(f"&users={one}" for one in users or ())
    query += "&remote_query[filter][createdFromDateTime]=2025-01-01T00:00:00Z&remote_query[foo]=bar"
    gong = load("gong/activity")
    asked = gong.plan(query, context={"detailed": detailed})
    (endpoint,) = (one for one in gong.mapping.endpoints if one.name == asked.query.plan.endpoints[0])
    rows, _ = ROWS[endpoint.request_schema.removesuffix("-request")]
    page = gong.map({"records": {"cursor": "abc"}, rows: [{"userId": "7"}]}, query=asked.query)
    further = gong.plan(f"{query}&next_cursor={page.next_cursor}", context={"detailed": detailed})
    assert further.body == asked.body | {"cursor": "abc"}
    for request in (asked, further):
        assert load_source_schema(endpoint.request_schema).problems(request.body) == []


COUNTS = {"callsAsHost": 3, "callsAttended": 0, "callsScorecardsFilled": None}
PERIOD = {"fromDate": "2026-01-01T00:00:00-08:00", "toDate": "2026-01-05T00:00:00-08:00"}
STATS = {
    "gong/aggregate": COUNTS,
    "gong/by-period": [COUNTS | PERIOD, PERIOD],
    "gong/day-by-day": [{"callsAsHost": ["348056639626337006", 2**63], "callsAttended": [], **PERIOD}],
}


def payload(name, stats=None, **row):
    """A reply such as Gong gives, with one user."""
    rows, inner = ROWS[name]
    user = {"userId": "12345678901234567890", "userEmailAddress": "test@example.com", inner: stats or STATS[name]}
    records = {"totalRecords": 263, "currentPageSize": 100, "currentPageNumber": 0, "cursor": "eyJhbGciOi"}
    return {"requestId": "4al018gzaztcr8nbukw", "records": records, rows: [user | row]}


@pytest.mark.parametrize("name", ENDPOINTS)
@pytest.mark.parametrize("change", ["nothing", "no user id", "null e-mail", "an unknown field", "no numbers at all"])
def test_a_reply_fits_whatever_it_lacks_and_whatever_else_it_has(name, change):
    body = payload(name)
    rows, inner = ROWS[name]
    match change:
        case "no user id":
            del body[rows][0]["userId"]
        case "null e-mail":
            body[rows][0]["userEmailAddress"] = None
        case "an unknown field":
            body |= {"new": 1}
            body[rows][0] |= {"new": {"deep": [None]}}
            body["records"] |= {"new": 1.5}
        case "no numbers at all":
            body[rows][0][inner] = None
    assert load_source_schema(name).problems(body) == []


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("body", [{}, {"requestId": None, "records": None}, {"anything": [1]}])
def test_an_empty_reply_fits(name, body):
    assert load_source_schema(name).valid(copy.deepcopy(body))


@pytest.mark.parametrize(
    ("name", "stats", "row", "pointer"),
    [
        ("gong/aggregate", {"callsAsHost": -1}, {}, "/userAggregateActivityStats/callsAsHost"),
        ("gong/aggregate", {"callsAsHost": True}, {}, "/userAggregateActivityStats/callsAsHost"),
        ("gong/aggregate", {"callsAsHost": 2**31}, {}, "/userAggregateActivityStats/callsAsHost"),
        ("gong/aggregate", {"callsAsHost": "3"}, {}, "/userAggregateActivityStats/callsAsHost"),
        ("gong/aggregate", None, {"userId": 5.5}, "/userId"),
        ("gong/aggregate", None, {"userId": -5}, "/userId"),
        ("gong/aggregate", None, {"userId": "1" * 21}, "/userId"),
        ("gong/by-period", [{"fromDate": 20260101}], {}, "/userAggregateActivity/0/fromDate"),
        ("gong/by-period", {"callsAsHost": 1}, {}, "/userAggregateActivity"),
        ("gong/day-by-day", [{"callsAsHost": 3}], {}, "/userDailyActivityStats/0/callsAsHost"),
        ("gong/day-by-day", [{"callsAsHost": ["x"]}], {}, "/userDailyActivityStats/0/callsAsHost/0"),
    ],
)
def test_fields_that_are_not_gongs_are_recognised(name, stats, row, pointer):
    (problem,) = load_source_schema(name).problems(payload(name, stats, **row))
    assert problem.pointer == f"/{ROWS[name][0]}/0{pointer}"


def test_an_error_is_a_request_id_and_words():
    schema = load_source_schema("gong/error")
    assert schema.valid({"requestId": "x", "errors": ["No calls found corresponding to the provided filters"]})
    assert [problem.pointer for problem in schema.problems({"errors": "No calls found"})] == ["/errors"]
