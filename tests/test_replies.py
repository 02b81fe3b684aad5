"""A provider's reply: read, recognised, refused, empty, raw, in other days; and what a caller hears about it."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, MapperError, ProviderError, QueryError, Response, load

GONG = load("gong/activity")
PERIOD = {"start_time": "2026-01-05T00:00:00Z", "end_time": "2026-02-02T00:00:00Z"}
QUERIES = {
    "usersAggregateActivityStats": PERIOD,
    "usersAggregateActivity": {**PERIOD, "aggregation_period": "week"},
    "usersDetailedActivities": {**PERIOD, "aggregation_period": "day"},
}
CONTEXTS = {name: {"detailed": name == "usersDetailedActivities"} for name in QUERIES}
TOTAL = {"usersAggregateActivityStats": [{"userId": "7", "userAggregateActivityStats": {"callsAsHost": 3}}]}
PROPERTY = settings(derandomize=True, deadline=None, max_examples=200, database=None)


def told(page, code):
    return [found for found in page.diagnostics if found.code == code]


def refused(body, mapper=GONG, query=PERIOD, **options):
    with pytest.raises(ProviderError) as caught:
        mapper.map(body, query=query, **options)
    return caught.value


SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /unified/crm/contact}}
parameters:
  city: {type: string}
  since: {type: date-time}
fields: {id: {type: string, required: true}, city: {type: string}, born: {type: string, format: date-time}}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
""".replace("{type: date-time}", "{type: string, format: date-time}")

HEAD = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
"""


@pytest.fixture
def make(tmp_path):
    """A mapper of contacts; `more` are keys of the mapping, `endpoint` those of its only endpoint."""

    def made(endpoint="for_each: {contact: data}", more="", response="id: $contact.key"):
        (tmp_path / "schemas/crm").mkdir(parents=True, exist_ok=True)
        (tmp_path / "schemas/crm/contact.yaml").write_text(SPEC)
        keys = "".join(f"    {line}\n" for line in ["path_mapping: '\"/x\"'", *endpoint.split("\n")])
        text = f"{HEAD}{more}\nendpoints:\n  all:\n{keys}    response_mapping: {{{response}}}\n"
        (tmp_path / "acme.yaml").write_text(text)
        return load(tmp_path / "acme.yaml")

    return made


# ── A failure with a status of 2xx ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rows", QUERIES)
@pytest.mark.parametrize("status", [200, 201, 206])
@pytest.mark.parametrize("more", [{}, {"rows": None}, {"rows": []}, {"rows": [{"userId": "7"}]}, {"records": {}}])
def test_errors_with_a_2xx_status_are_a_failure_with_or_without_rows(rows, status, more):
    body = {"requestId": "r1", "errors": ["Internal error"]} | {k.replace("rows", rows, 1): v for k, v in more.items()}
    error = refused(body, query=QUERIES[rows], context=CONTEXTS[rows], status=status)
    assert (error.code, error.status, error.request_id) == ("P601", 502, "r1")
    assert error.diagnostics[0].message == f"gong answered {status}: Internal error"


@pytest.mark.parametrize("errors", ["Internal error", ["a", "b"], [{"code": 5}], {"code": 5}, True, [["x"]]])
def test_errors_in_any_form_are_a_failure(errors):
    assert refused(TOTAL | {"errors": errors}).code == "P601"


@pytest.mark.parametrize("errors", [None, [], "", {}, [None], [""], False])
def test_errors_that_say_nothing_are_none(errors):
    assert len(GONG.map(TOTAL | {"errors": errors}, query=PERIOD).records) == 1


def test_a_failure_ends_no_stream_as_if_it_were_complete():
    stream = GONG.stream(PERIOD)
    next(stream)
    with pytest.raises(ProviderError, match="Internal error"):
        stream.send(Response({"requestId": "r", "errors": ["Internal error"]}))


def test_a_failure_is_known_without_the_query_too():
    assert refused({"errors": ["Internal error"]}, query=None).code == "P601"


def test_an_error_when_that_fails_hides_nothing(make):
    mapper = make("for_each: {contact: data}\nerror_when: $contains(state, 'bad')")
    assert mapper.map({"data": [], "state": "good"}).records == ()
    assert refused({"data": [], "state": "bad"}, mapper, None).code == "P601"
    error = refused({"data": [], "state": 5, "reason": "no disk"}, mapper, None)
    assert [found.code for found in error.diagnostics] == ["P601", "T0410"]
    assert "no disk" in str(error)


# ── A refusal that means no records ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "errors",
    [
        ["No users found corresponding to the provided filters"],
        ["Users not found corresponding to the provided filters"],
        ["NO CALLS FOUND CORRESPONDING TO THE PROVIDED FILTERS."],
        "No activity found corresponding to the provided filters",
        ["Nothing was found\n corresponding to the  provided filters"],
        [{"message": "No users found corresponding to the provided filters"}],
        [
            "No users found corresponding to the provided filters",
            "No calls found corresponding to the provided filters",
        ],
    ],
)
def test_the_words_that_never_change_mean_no_records_and_are_noted(errors):
    page = GONG.map({"requestId": "r1", "errors": errors}, query=PERIOD, status=404)
    (note,) = told(page, "P608")
    assert (page.records, page.next_cursor, note.severity) == ((), None, "note")
    assert re.search("found.*corresponding.*request r1", note.message, re.IGNORECASE)


@pytest.mark.parametrize(
    "errors",
    [
        ["No company found for this access key"],
        ["No endpoint found for POST /v2/stats/activity/aggregate"],
        ["No such API version v9"],
        ["Resource not found"],
        ["No users found corresponding to the provided filters", "Internal error"],
        ["not found"],
        [],
        None,
        "",
        [None],
        {},
    ],
)
def test_any_other_404_is_an_error(errors):
    error = refused({"requestId": "r1", "errors": errors}, status=404)
    assert (error.code, error.status) == ("P601", 404)


@pytest.mark.parametrize("status", [400, 401, 403, 410, 429, 500])
def test_the_words_with_another_status_are_an_error(status):
    errors = ["No users found corresponding to the provided filters"]
    assert refused({"errors": errors}, status=status).status == status


def test_only_a_first_page_can_be_empty_because_nothing_was_found():
    errors = ["No users found corresponding to the provided filters"]
    cursor = GONG.map(TOTAL | {"records": {"cursor": "abc"}}, query=PERIOD).next_cursor
    assert refused({"errors": errors}, query={**PERIOD, "next_cursor": cursor}, status=404).status == 404


def test_an_expression_that_fails_never_hides_the_refusal(make):
    more = "error_mapping: {message: $uppercase(said), retry_after: $number(wait), request_id: '$uppercase(said)'}"
    mapper = make("for_each: {contact: data}\nempty_when: $contains(said, 'none')", more)
    assert mapper.map({"said": "none"}, status=404).records == ()
    error = refused({"said": 5, "wait": "soon"}, mapper, None, status=503)
    assert (error.status, error.retry_after, error.request_id) == (503, None, None)
    assert '{"said": 5, "wait": "soon"}' in str(error)


def test_long_words_of_a_provider_are_cut():
    long = "x" * 1_000_000
    for body in (
        {"errors": [long] * 100, "requestId": long},
        {"errors": {long: [long]}},
        long,
        [long],
        {"requestId": 10**4000},
    ):
        error = refused(body, status=500)
        assert len(str(error)) < 800
        assert len(error.request_id or "") <= 500
    page = GONG.map({"errors": f"found corresponding to the provided filters {long}"}, query=PERIOD, status=404)
    assert len(told(page, "P608")[0].message) < 800


@pytest.mark.parametrize(
    "body", [b"", b" ", b"<html>\xe9</html>", b"\xff\xfe\x00", "no".encode("utf-16"), b'{"a":NaN}', b"\xef\xbb\xbf{}"]
)
def test_any_bytes_of_a_refusal_are_an_error_with_its_status(body):
    error = refused(body, status=503)
    assert (error.code, error.status) == ("P601", 503)
    str(error).encode()


def test_words_with_halves_of_characters_can_be_written():
    str(refused({"errors": ["\ud83d broken"], "requestId": "\udc00"}, status=500)).encode()


@pytest.mark.parametrize(
    ("wait", "seconds"), [(2, 2), (2.5, 3), (0.2, 1), (0, 0), (-1, None), (1e300, None), ("2", None)]
)
def test_a_wait_is_never_shorter_than_the_provider_says(make, wait, seconds):
    mapper = make(more="error_mapping: {message: said, retry_after: wait}")
    assert refused({"said": "slow down", "wait": wait}, mapper, {}, status=429).retry_after == seconds


# ── A reply of something else ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [{}, {"foo": 1}, {"data": []}, {"errors": []}, {"error": "x", "message": "y"}])
@pytest.mark.parametrize("rows", QUERIES)
def test_a_reply_with_nothing_of_the_endpoint_is_an_error(rows, body):
    error = refused(body, query=QUERIES[rows], context=CONTEXTS[rows])
    assert (error.code, error.status) == ("P603", 502)


@pytest.mark.parametrize("body", [{"requestId": "r"}, {"records": {}}, {"requestId": None, "foo": 1}])
@pytest.mark.parametrize("rows", QUERIES)
def test_a_reply_that_only_lacks_its_rows_is_an_empty_page_with_a_warning(rows, body):
    page = GONG.map(body, query=QUERIES[rows], context=CONTEXTS[rows])
    assert (page.records, [found.severity for found in told(page, "P603")]) == ((), ["warning"])


def test_without_recognise_an_endpoint_knows_a_reply_in_which_it_finds_rows(make):
    mapper = make("for_each: {contact: data}\nnext_cursor: paging.next")
    for query in (None, {}):
        assert [one["id"] for one in mapper.map({"data": [{"key": "a"}]}, query=query).records] == ["a"]
        for rows in ([], None):
            page = mapper.map({"data": rows}, query=query)
            assert (page.records, page.diagnostics) == ((), ())
        assert refused({"foo": 1}, mapper, query).code == "P603"
        assert refused({}, mapper, query).code == "P603"
    page = mapper.map({"paging": {"next": "b"}}, query={})
    assert [found.code for found in page.diagnostics] == ["P603"]
    assert page.next_cursor is not None


@pytest.mark.parametrize("body", [{"foo": 1}, {}])
def test_a_reply_of_nothing_known_is_not_taken_for_one_that_may_be_anything(body):
    error = refused(body, load(Path(__file__).parents[1] / "examples/mappings/harbor/contact.yaml"), {})
    has = "it has foo" if body else "it is empty"
    assert error.diagnostics[0].message == f"the provider's answer has nothing that contacts reads: {has}"


@pytest.mark.parametrize("row", ["$response.contact.key", "contact.key"])
def test_without_loops_an_endpoint_knows_a_reply_by_the_names_that_it_reads(make, row):
    mapper = make("let: {}", response=f"id: {row}")
    for query in (None, {}):
        assert [one["id"] for one in mapper.map({"contact": {"key": "a"}}, query=query).records] == ["a"]
        assert refused({"foo": 1}, mapper, query).code == "P603"


@pytest.mark.parametrize("body", [None, "x", 5, True, b"null", b'"x"', b"5"])
def test_a_reply_that_is_neither_an_object_nor_an_array_is_unreadable(body):
    assert (refused(body).code, refused(body).status) == ("P602", 502)


# ── Arrays ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rows", ["$", "$$", "$response"])
def test_a_reply_can_be_an_array_of_rows(rows, make):
    mapper = make(f"for_each: {{contact: {rows}}}", response="id: $contact.key, city: $string($count($response))")
    for query in (None, {}):
        for body in ([{"key": "a"}, None, {"key": "b"}], b'[{"key":"a"},null,{"key":"b"}]'):
            page = mapper.map(body, query=query)
            assert [(one["id"], one["city"]) for one in page.records] == [("a", "3"), ("b", "3")]
            assert page.diagnostics == ()
        assert mapper.map([], query=query).records == ()


def test_an_array_of_rows_can_have_rows_within(make):
    mapper = make("for_each: {group: $, contact: members}", response="id: $contact.key, city: $group.city")
    page = mapper.map([{"city": "Ulm", "members": [{"key": "a"}, {"key": "b"}]}, {"members": []}], query={})
    assert page.records == ({"id": "a", "city": "Ulm"}, {"id": "b", "city": "Ulm"})


def test_what_is_wrong_with_a_row_of_an_array_has_its_place(make):
    mapper = make("for_each: {contact: $}")
    page = mapper.map([{"key": "a"}, {"key": 5}, 7, {}], query={}, on_invalid="discard_record")
    assert [one["id"] for one in page.records] == ["a"]
    found = [(one.code, one.pointer) for one in page.diagnostics]
    assert found == [("D401", "/1/key"), ("D404", "/2"), ("D402", "/3")]
    assert page.rejected == ({"key": 5}, 7, {})


def test_a_name_that_no_row_of_an_array_has_is_told(make):
    mapper = make("for_each: {contact: $}", response="id: $contact.key, city: city")
    (found,) = mapper.map([{"key": "a", "citty": "Ulm"}], query={}).diagnostics
    assert (found.code, found.severity, found.hint) == ("P606", "warning", "`city` may be `citty` now")
    assert found.message == "the mapping reads what no row of the reply has: `city`"


def test_expressions_of_the_page_see_the_array(make):
    mapper = make("for_each: {contact: $}\nnext_cursor: $[-1].next\nerror_when: $exists(fault)")
    assert mapper.map([{"key": "a"}, {"key": "b", "next": "c"}]).next_cursor == "c"
    assert refused([{"fault": "x"}], mapper, {}).code == "P601"
    assert refused({"fault": "x"}, mapper, {}).code == "P601"


@pytest.mark.parametrize("body", [[{"key": "a"}], [], [1]])
@pytest.mark.parametrize("endpoint", ["let: {}", "recognise: 'true'"])
@pytest.mark.parametrize("query", [None, {}])
def test_an_array_needs_a_loop(body, endpoint, query, make):
    error = refused(body, make(endpoint, response="id: key"), query)
    (found,) = error.diagnostics
    assert (found.code, found.pointer, error.status) == ("P602", "", 502)
    assert "the provider's answer is an array, and all has no `for_each`" in found.message
    assert found.hint == "`for_each: {row: $}` makes each of its items a row"


def test_an_array_for_an_object_says_what_came(make):
    mapper = make("for_each: {contact: data}")
    for body in ([], [{"key": "a"}], [5]):
        error = refused(body, mapper, {})
        assert error.code == "P603"
        assert "it is an array: [" in str(error)
    assert [one["id"] for one in mapper.map([{"data": [{"key": "a"}]}], query={}).records] == ["a"], "as in JSONata"


def test_a_reply_of_another_type_than_its_schema_declares_is_unreadable(make, tmp_path):
    (tmp_path / "schemas/acme").mkdir(parents=True)
    rows = {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "string"}}}}
    for schema, loop, right, wrong in (
        (rows, "$", [{"key": "a"}], {"key": "a"}),
        (
            {"type": "object", "properties": {"data": rows}},
            "data",
            {"data": [{"key": "a"}]},
            [{"data": [{"key": "a"}]}],
        ),
    ):
        (tmp_path / "schemas/acme/all.schema.json").write_text(json.dumps(schema))
        mapper = make(f"for_each: {{contact: {loop}}}\nsource_schema: acme/all")
        assert [one["id"] for one in mapper.map(right, query={}).records] == ["a"]
        for body in (wrong, json.dumps(wrong).encode()):
            error = refused(body, mapper, {})
            assert (error.code, error.diagnostics[0].pointer) == ("P602", "")
            assert "the provider's schema declares a" in str(error)


def test_a_value_of_another_type_in_an_array_is_a_finding(make, tmp_path):
    (tmp_path / "schemas/acme").mkdir(parents=True)
    rows = {"type": "array", "items": {"type": "object", "properties": {"key": {"type": "integer"}}}}
    (tmp_path / "schemas/acme/all.schema.json").write_text(json.dumps(rows))
    mapper = make("for_each: {contact: $}\nsource_schema: acme/all", response="id: $string($contact.key)")
    page = mapper.map([{"key": 1}, {"key": "2"}], query={}, on_invalid="discard_record")
    assert [one["id"] for one in page.records] == ["1"]
    assert [(one.code, one.pointer) for one in page.diagnostics] == [("D408", "/1/key")]


# ── Raw ──────────────────────────────────────────────────────────────────────────────────────────────────────────

RAW = {**PERIOD, "truto_response_format": "raw"}


@pytest.mark.parametrize(
    "body",
    [
        TOTAL,
        {"usersAggregateActivityStats": [{"userAggregateActivityStats": {"callsAsHost": "12"}}, 5, None]},
        {"usersAggregateActivityStats": "x"},
        {"usersDetailedActivities": [1]},
        {"foo": 1},
        {},
        [],
        [1, 2],
        None,
        "text",
        7,
    ],
)
def test_raw_looks_at_no_record(body):
    page = GONG.map(body, query=RAW)
    assert (page.records, page.render(), page.render("raw")) == ((), body, body)
    exchange = GONG.exchange(RAW)
    next(exchange)
    with pytest.raises(StopIteration) as end:
        exchange.send(Response(body))
    assert end.value.value.render() == body
    stream = GONG.stream(RAW)
    next(stream)
    assert stream.send(Response(body)).render() == body


def test_raw_still_has_the_next_cursor():
    cursor = GONG.map({"records": {"cursor": "abc"}, "foo": 1}, query=RAW).next_cursor
    assert GONG.plan({**RAW, "next_cursor": cursor}).body["cursor"] == "abc"
    page = GONG.map({"records": {"cursor": 12}}, query=RAW)
    assert (page.next_cursor, [(one.code, one.severity) for one in page.diagnostics]) == (
        None,
        [("Q510", "note"), ("P602", "warning")],
    )


@pytest.mark.parametrize(("body", "status"), [({"errors": ["x"]}, 200), ({"errors": ["x"]}, 500), (b"<html>", 200)])
def test_raw_does_not_hide_a_failure_of_the_provider(body, status):
    assert refused(body, query=RAW, status=status).status in (502, status)


def test_a_raw_page_has_no_other_format():
    page = GONG.map(TOTAL, query=RAW)
    for shape in ("unified", "normalized", "stream", "debug"):
        with pytest.raises(QueryError, match="Q504"):
            page.render(shape)
    with pytest.raises(QueryError, match="did you mean"):
        page.render("unifid")


def test_a_next_cursor_that_a_raw_page_cannot_reach_is_a_warning():
    page = GONG.map({**TOTAL, "records": "x"}, query=RAW)
    assert page.next_cursor is None
    found = [(d.code, d.severity, d.pointer) for d in page.diagnostics if d.severity != "note"]
    assert found == [("P602", "warning", "/records")]


@pytest.mark.parametrize(("given", "status"), [(301, 502), (304, 502), (399, 502), (400, 400), (599, 599), (600, 502)])
def test_a_refusal_has_the_status_of_the_provider_if_that_is_an_error(given, status):
    error = refused(TOTAL, query=PERIOD, status=given)
    assert error.status == status
    assert f"answered {given}" in str(error)


def test_a_time_zone_that_has_another_name_now_is_no_zone_that_agrees():
    page = GONG.map({**TOTAL, "timezone": "US/Pacific"}, query=PERIOD)
    found = next(found for found in told(page, "P606") if found.severity == "warning")
    assert (found.message, found.hint) == (
        "the mapping reads what is not there: `timeZone` in the reply itself",
        "`timeZone` may be `timezone` now",
    )
    assert all(found.severity == "note" for found in told(GONG.map(TOTAL, query=PERIOD), "P606"))


def test_an_expression_that_fails_on_a_raw_page_is_a_warning(make):
    mapper = make("for_each: {contact: data}\nnext_cursor: $uppercase(next)\nerror_when: $uppercase(next) = 'X'")
    raw = mapper.plan({}).query
    page = mapper.map({"next": 5}, query=replace(raw, plan=replace(raw.plan, raw=True)))
    assert [(found.code, found.severity) for found in page.diagnostics] == [("T0410", "warning")] * 2


# ── Ids ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [0, 7, 2**53 + 1, 7782342274025937895, 10**20 - 1, 10**400])
@pytest.mark.parametrize("rows", QUERIES)
def test_a_bare_id_keeps_every_digit(rows, number):
    inner = {"usersAggregateActivity": "userAggregateActivity", "usersDetailedActivities": "userDailyActivityStats"}
    row = [{"fromDate": "2026-01-05T00:00:00Z", "toDate": "2026-01-12T00:00:00Z"}]
    user = {inner[rows]: row} if rows in inner else {}
    options = {"query": QUERIES[rows], "context": CONTEXTS[rows]}
    (bare,) = GONG.map({rows: [{"userId": number, **user}]}, **options).records
    (text,) = GONG.map(json.dumps({rows: [{"userId": str(number), **user}]}).encode(), **options).records
    assert (bare["id"], bare["user"]) == (text["id"], {"id": str(number)})
    assert bare["id"].startswith(f"{number}_")


@pytest.mark.parametrize("user_id", [None, "", ...])
def test_a_row_without_an_id_is_refused(user_id):
    row = {} if user_id is ... else {"userId": user_id}
    with pytest.raises(EvaluationError, match="`id` is required"):
        GONG.map({"usersAggregateActivityStats": [row]}, query=PERIOD)


# ── Days of the rows ─────────────────────────────────────────────────────────────────────────────────────────────

WEEK = QUERIES["usersAggregateActivity"]


def weeks(*spans, more=()):
    rows = [{"fromDate": first, "toDate": last, **dict(more)} for first, last in spans]
    return {"usersAggregateActivity": [{"userId": "7", "userAggregateActivity": rows}]}


GOOD = ("2026-01-05T00:00:00Z", "2026-01-12T00:00:00Z")


@pytest.mark.parametrize(
    ("rows", "zone", "wrong"),
    [
        ([GOOD], "UTC", None),
        ([GOOD], "Europe/London", None),
        ([("2026-01-05T00:00:00+00:00", "2026-01-12T00:00:00-00:00")], "UTC", None),
        ([("2026-01-05T00:00:00-08:00", "2026-01-12T00:00:00-08:00")], "US/Pacific", None),
        ([("2026-03-30T00:00:00+01:00", "2026-04-06T00:00:00+01:00")], "Europe/London", None),
        ([("2026-03-02T00:00:00-08:00", "2026-03-09T00:00:00-07:00")], "America/Los_Angeles", None),
        ([("2026-01-05T00:00:00-08:00", "2026-01-12T00:00:00-08:00")], "UTC", "2026-01-05T00:00:00-08:00"),
        ([GOOD, ("2026-01-12T00:00:00Z", "2026-01-19T00:00:00+01:00")], "UTC", "2026-01-19T00:00:00+01:00"),
        ([("2026-03-30T00:00:00+01:00", "2026-04-06T00:00:00+01:00")], "UTC", "2026-03-30T00:00:00+01:00"),
        ([("2026-03-02T00:00:00-08:00", "2026-03-09T00:00:00-08:00")], "US/Pacific", "2026-03-09T00:00:00-08:00"),
        ([("2026-03-08T00:00:00-05:00", "2026-03-09T00:00:00-04:00")], "America/Havana", None),
        ([("2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00")], "America/Havana", None),
        ([("2026-01-05T00:00:00-05:00", "2026-01-12T000:00:00-05:00")], "UTC", "2026-01-05T00:00:00-05:00"),
    ],
)
def test_a_row_with_another_offset_than_the_zone_is_told_once(rows, zone, wrong):
    context = {"time_zone": zone}
    for times in (1, 2):  # the second page finds its texts in a memo
        for more in ((), [("callsAsHost", 3)]):
            page = GONG.map(weeks(*rows * times, more=more), query=WEEK, context=context)
            found = told(page, "P605")
            assert len(found) == (wrong is not None)
            assert wrong is None or (wrong in found[0].message and "time_zone" in found[0].hint)


def test_an_offset_says_nothing_without_a_query_or_where_the_reply_names_its_zone():
    odd = ("2026-01-05T00:00:00-08:00", "2026-01-12T00:00:00-08:00")
    assert told(GONG.map(weeks(odd)), "P605") == []
    body = TOTAL | {"fromDateTime": odd[0], "toDateTime": odd[1], "timeZone": "UTC"}
    assert told(GONG.map(body, query=PERIOD), "P605") == []


def test_what_pages_were_mapped_before_does_not_change_what_is_told():
    odd, mapper = ("2026-01-05T00:00:00-08:00", "2026-01-12T00:00:00-08:00"), load("gong/activity")
    query = mapper.plan(WEEK).query
    seen = [len(told(mapper.map(weeks(one), query=query), "P605")) for one in (GOOD, odd, GOOD, odd, GOOD)]
    assert seen == [0, 1, 0, 1, 0]


def test_offsets_are_checked_wherever_a_field_comes_from(make):
    days = "whole_days: {time_zone: '\"UTC\"', parameters: {since: floor}, offsets: [born]}"
    for born in ("$contact.born", "$response.born", '"2026-01-05T00:00:00+01:00"', "$replace($contact.born, 'x', 'y')"):
        mapper = make(
            "for_each: {contact: data}", days, f"id: $contact.key, born: '{born}'".replace("'x', 'y'", '"x", "y"')
        )
        text = "2026-01-05T00:00:00+01:00"
        page = mapper.map({"data": [{"key": "1", "born": text}], "born": text}, query={})
        assert [found.hint for found in told(page, "P605")] == [None], born


@pytest.mark.parametrize(("name", "code"), [("birth", "C201"), ("city", "M106")])
def test_an_offset_belongs_to_a_declared_date_time(make, name, code):
    with pytest.raises(MapperError, match=code):
        make(more=f"whole_days: {{time_zone: '\"UTC\"', parameters: {{since: floor}}, offsets: [{name}]}}")


# ── Notes on the query ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("expression", "notes"),
    [
        ("'\"a\"'", ["a"]),
        ('\'["a", "b"]\'', ["a", "b"]),
        ("$query.city", []),
        ("'[]'", []),
        ("'[\"a\", $query.city]'", ["a"]),
    ],
)
def test_a_note_on_a_query_is_in_the_request_and_the_page(make, expression, notes):
    mapper = make(f"for_each: {{contact: data}}\nquery_note: {expression}")
    request = mapper.plan({})
    page = mapper.map({"data": []}, query=request.query)
    for found in (request.diagnostics, page.diagnostics):
        assert [(one.message, one.severity) for one in found if one.code == "Q516"] == [(n, "note") for n in notes]


def test_a_note_that_is_no_text_is_the_mappings_fault(make):
    with pytest.raises(EvaluationError, match="query_note must be text"):
        make("for_each: {contact: data}\nquery_note: '[\"a\", 5]'").plan({})


@pytest.mark.parametrize(
    ("start", "end", "period", "now", "said"),
    [
        ("2026-01-05", "2026-01-19", "week", None, ""),
        ("2026-01-06", "2026-01-19", "week", None, "first"),
        ("2026-01-05", "2026-01-18", "week", None, "last"),
        ("2026-01-06", "2026-01-18", "week", None, "first last"),
        ("2026-01-05", "2026-01-18", "week", "2026-01-18T03:00:00Z", ""),
        ("2026-01-05", "2026-01-31", "week", "2026-01-15T03:00:00Z", ""),
        ("2026-01-05", "2026-01-18", "week", "2026-01-19T03:00:00Z", "last"),
        ("2026-02-01", "2026-04-01", "month", None, ""),
        ("2026-02-02", "2026-03-31", "month", None, "first last"),
        ("2026-01-06", "2026-01-18", "day", None, ""),
        ("2026-01-06", "2026-01-18", "total", None, ""),
    ],
)
def test_a_query_that_cuts_weeks_or_months_says_so(start, end, period, now, said):
    query = {"start_time": f"{start}T00:00:00Z", "end_time": f"{end}T00:00:00Z", "aggregation_period": period}
    found = [one.message for one in GONG.plan(query, now=now).diagnostics if one.code == "Q516"]
    assert " ".join(one.split()[1] for one in found) == said


# ── Bytes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def user(text):
    return f'{{"usersAggregateActivityStats": [{{"userId": "7", "note": {text}}}]}}'


def noted(body):
    page = GONG.map(body, query=PERIOD)
    return page.records[0]["remote_data"]["note"], [one.code for one in page.diagnostics if one.code == "P610"]


@pytest.mark.parametrize(
    ("text", "value", "codes"),
    [
        ('"é🎉"', "é🎉", []),
        (r'"\u00e9\ud83c\udf89"', "é🎉", []),
        (r'"\ud83c"', "\ufffd", ["P610"]),
        (r'"\udf89\ud83c"', "\ufffd\ufffd", ["P610"]),
        (r'"\ud83c\ud83c\udf89"', "\ufffd🎉", ["P610"]),
        (r'"\uD83Cx\uDF89"', "\ufffdx\ufffd", ["P610"]),
        (r'"\\ud83c"', r"\ud83c", []),
        (r'"\\\ud83c"', "\\\ufffd", ["P610"]),
        (r'{"\ud83c": 1}', {"\ufffd": 1}, ["P610"]),
        ('{"a": 1, "a": 2}', {"a": 2}, []),
        ("9" * 4000, int("9" * 4000), []),
        (r'"a\n\"\/\u0000"', 'a\n"/\0', []),
    ],
)
def test_bytes_in_utf_8_are_read(text, value, codes):
    for start in (b"", b"\xef\xbb\xbf"):
        assert noted(start + user(text).encode()) == (value, codes)
    assert noted(bytearray(user(text).encode()))[0] == value


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (user("1").encode("utf-16"), "UTF-16"),
        (user("1").encode("utf-16-le"), "UTF-16"),
        (user("1").encode("utf-16-be"), "UTF-16"),
        (user("1").encode("utf-32"), "UTF-32"),
        (user("1").encode("utf-32-be"), "UTF-32"),
        (user('"é"').encode("latin-1"), "byte 0xe9 at 58"),
        (user('"X"').encode().replace(b"X", b"\xed\xa0\xbc"), "byte 0xed"),
        (user("NaN").encode(), "NaN"),
        (user("-Infinity").encode(), "-Infinity"),
        (user("1e999").encode(), "1e999"),
        (user("9" * 5000).encode(), "4300 digits"),
        (b"", "is empty"),
        (user("1").encode() + b"x", "Extra data"),
        (b"[" * 200_000, "nested too deeply"),
    ],
)
def test_bytes_that_are_no_json_in_utf_8_are_unreadable_and_say_why(body, says):
    error = refused(body)
    assert (error.code, error.status) == ("P602", 502)
    assert says in str(error)
    assert len(str(error)) < 400


# ── What can be written ──────────────────────────────────────────────────────────────────────────────────────────

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.sampled_from(["\ud83d", "a\udfff", {1}, b"x", 1 + 2j, math.nan, -math.inf]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def outcome(body, shape):
    """The code of the error, or what is rendered."""
    try:
        return None, GONG.map(body, query=PERIOD).render(shape)
    except MapperError as error:
        return error.code, None


def test_whatever_is_rendered_can_be_written():
    written = unfit = 0

    @PROPERTY
    @given(ODD, st.sampled_from(["unified", "raw", "debug", "stream", "normalized"]), st.booleans())
    def test(value, shape, as_bytes):
        nonlocal written, unfit
        body = {"usersAggregateActivityStats": [{"userId": "7", "odd": value}]}
        code, shown = outcome(json.dumps(body, default=str).encode() if as_bytes else body, shape)
        if code is not None:
            unfit += 1
            assert code == ("P602" if as_bytes else "D407")
            return
        written += 1
        text = json.dumps(shown, ensure_ascii=False, allow_nan=False).encode()
        for line in shown.split("\n")[:-1] if shape == "stream" else []:
            json.dumps(json.loads(line), ensure_ascii=False, allow_nan=False).encode()
        assert as_bytes or "\\ud8" not in text.decode()

    test()
    assert written > 50
    assert unfit > 10


def test_a_body_of_objects_is_shown_as_it_is_where_it_can_be_written():
    page = GONG.map(TOTAL, query=PERIOD)
    assert page.render("raw") is TOTAL
    broken = {"usersAggregateActivityStats": [{"userId": "7", "a\ud800": ["\udc00x"]}]}
    shown = GONG.map(broken, query=PERIOD).render()["result"][0]["remote_data"]
    assert shown == {"userId": "7", "a\ufffd": ["\ufffdx"]}
    assert "a\ud800" in broken["usersAggregateActivityStats"][0]


@pytest.mark.parametrize(("value", "says"), [(math.nan, "nan"), (-math.inf, "-inf"), ({1}, "set"), (b"x", "bytes")])
def test_what_is_not_json_is_named_with_its_place(value, says):
    page = GONG.map({"usersAggregateActivityStats": [{"userId": "7", "odd": [0, value]}]}, query=PERIOD)
    with pytest.raises(EvaluationError, match="D407") as caught:
        page.render()
    assert says in caught.value.diagnostics[0].message
    assert caught.value.diagnostics[0].pointer == "/result/0/remote_data/odd/1"
