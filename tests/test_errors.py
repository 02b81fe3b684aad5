"""Errors as the problems that a service answers with."""

import json
import pickle

import pytest

from truto_mapper import EvaluationError, MapperError, ProviderError, QueryError, load
from truto_mapper.text.diagnostics import Diagnostic

GONG = load("gong/activity")
MONTH = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}
TOKEN = "tok-93fk2lq8"
OWN = ["type", "title", "status", "detail", "statusCode", "error", "message", "truto_is_remote_error", "diagnostics"]


def problem_of(ask, *given, **named):
    with pytest.raises(MapperError) as caught:
        ask(*given, **named)
    problem = caught.value.problem()
    assert json.loads(json.dumps(problem, allow_nan=False, ensure_ascii=False).encode()) == problem
    assert (problem["statusCode"], problem["message"]) == (problem["status"], problem["detail"])
    return problem


def refused(body, status=500, headers=None, query=MONTH):
    return problem_of(GONG.map, body, query=query, status=status, headers=headers)


def test_a_query_error_says_which_parameter_is_wrong():
    problem = problem_of(GONG.plan, "start_time=yesterday")
    assert list(problem) == OWN
    assert (problem["status"], problem["error"], problem["truto_is_remote_error"]) == (400, "Bad Request", False)
    assert (problem["type"], problem["title"]) == (
        "urn:truto-mapper:code:Q503",
        "a required query parameter is missing",
    )
    assert "end_time is required by gong; start_time: expected a date-time" in problem["detail"]
    assert [one["pointer"] for one in problem["diagnostics"]] == ["/end_time", "/start_time"]


def test_a_refusal_has_what_the_provider_said():
    problem = refused({"requestId": "r1", "errors": ["slow down"]}, 429)
    assert (problem["status"], problem["error"], problem["truto_is_remote_error"]) == (429, "Too Many Requests", True)
    assert problem["raw_response"] == {"requestId": "r1", "errors": ["slow down"]}
    assert problem["detail"] == "gong answered 429: slow down"


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"errors": ["no"]}', 401, {"errors": ["no"]}),
        (b"<html>busy</html>", 503, "<html>busy</html>"),
        (b'{"usersAgg', 200, '{"usersAgg'),
        (b"", 502, None),
        ({"a": "\ud800"}, 500, {"a": "\ufffd"}),
        ({"a": float("nan")}, 500, '{"a": NaN}'),
        ({"a": object()}, 500, "a value of type dict"),
        ({"other": 3}, 200, {"other": 3}),
        (b"[" * 200_000, 500, "[" * 9_999 + "…"),
        ({"a": "x" * 20_000}, 500, '{"a": "' + "x" * 9_992 + "…"),
    ],
)
def test_what_the_provider_said_is_json_or_text_of_bounded_length(body, status, told):
    assert refused(body, status)["raw_response"] == told


def test_what_the_provider_said_may_be_nested_deeply():
    assert str(refused(b"[" * 900 + b"]" * 900)["raw_response"]).startswith("[[[")


@pytest.mark.parametrize("long", ["", "x" * 20_000])
def test_a_problem_has_no_credentials(long):
    query = MONTH | {"remote_query": {"token": TOKEN}}
    body = {"errors": [f"who is {TOKEN}?"], "api_key": "s3cret-1", "b": ["sid-77777", {"c": long}]}
    problem = refused(body, 401, {"Set-Cookie": "sid=sid-77777"}, query)
    assert not any(one in json.dumps(problem) for one in (TOKEN, "s3cret-1", "sid-77777"))
    with pytest.raises(ProviderError) as caught:
        GONG.map(body, query=query, status=401, headers={"Set-Cookie": "sid=sid-77777", "X-Trace": "t1"})
    assert caught.value.response.headers == {"set-cookie": "[redacted]", "x-trace": "t1"}
    assert TOKEN not in repr(caught.value) + repr(caught.value.response)


def test_an_error_about_no_reply_has_none():
    assert list(ProviderError(Diagnostic("P604", "no end")).problem()) == OWN
    assert "raw_response" not in problem_of(GONG.map, {"usersAggregateActivityStats": [{}]}, query=MONTH)


def test_many_errors_are_counted_and_each_is_a_diagnostic():
    problem = EvaluationError([Diagnostic("D402", f"row {i}") for i in range(30)]).problem()
    assert problem["detail"].endswith("row 9; and 20 more")
    assert (problem["status"], problem["error"], len(problem["diagnostics"])) == (500, "Internal Server Error", 30)


def test_notes_are_no_part_of_what_a_problem_says():
    problem = QueryError([Diagnostic("Q510", "widened", "note"), Diagnostic("Q503", "x is missing")]).problem()
    assert (problem["type"], problem["detail"]) == ("urn:truto-mapper:code:Q503", "x is missing")


@pytest.mark.parametrize(("status", "phrase"), [(499, "Client Error"), (599, "Server Error"), (504, "Gateway Timeout")])
def test_every_status_has_a_phrase(status, phrase):
    assert ProviderError(Diagnostic("P601", "no"), status=status).problem()["error"] == phrase


def test_a_code_that_is_not_ours_has_no_type_of_its_own():
    problem = EvaluationError(Diagnostic("D3030", "unable to cast")).problem()
    assert (problem["type"], problem["title"]) == ("about:blank", "Internal Server Error")


def test_an_error_can_be_pickled_with_what_the_provider_said():
    with pytest.raises(ProviderError) as caught:
        GONG.map(b"{}", query=MONTH, status=500)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.problem() == caught.value.problem()
