"""The mock Gong: one company whose endpoints agree, and the behaviour that mappings and clients must live with."""

import asyncio
import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mock_company import NOON, Asker, Clock

from truto_mapper import load
from truto_mapper.edges.mock import KEY, SECRET, Credential, gong
from truto_mapper.edges.mock.pages import Kept
from truto_mapper.edges.mock.requests import Gate, RefusedError
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text import files
from truto_mapper.text.errors import QueryError

ZONE = "America/New_York"
ROWS = {
    "aggregate": ("/v2/stats/activity/aggregate", "usersAggregateActivityStats", "userAggregateActivityStats"),
    "by-period": ("/v2/stats/activity/aggregate-by-period", "usersAggregateActivity", "userAggregateActivity"),
    "day-by-day": ("/v2/stats/activity/day-by-day", "usersDetailedActivities", "userDailyActivityStats"),
    "interaction": ("/v2/stats/interaction", "peopleInteractionStats", "personInteractionStats"),
}
AGGREGATE = ROWS["aggregate"][0]
SHARED = Path(__file__).parents[2] / "shared" / "gong" / "openapi-stats-users.json"

#: The counts whose calls can come again on another day, and the one that counts scorecards.
AGAIN, SCORECARDS = {"ownCallsListenedTo", "othersCallsListenedTo"}, "callsScorecardsFilled"

JANUARY = {"fromDate": "2026-01-01", "toDate": "2026-02-01"}
EXAMPLES = settings(max_examples=4, deadline=None)


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def ask(runner):
    return Asker(gong(users=130, zone=ZONE, limits=False, now=lambda: NOON), runner)


@pytest.fixture
def clock():
    return Clock()


def rows(ask, name, **asked):
    """What each row of an endpoint tells, by the user."""
    path, key, told = ROWS[name]
    found = ask.rows(path, key, **asked)
    assert len({row["userId"] for row in found}) == len(found)
    return {row["userId"]: row[told] for row in found}


def counts(of):
    return {name: value for name, value in of.items() if not name.endswith("Date")}


@st.composite
def spans(draw, most=40):
    start = draw(st.dates(date(2015, 12, 20), date(2026, 11, 24)))
    days = draw(st.integers(1, most))
    return {"fromDate": str(start), "toDate": str(min(start + timedelta(days), date(2026, 11, 26)))}


# ── One company ──────────────────────────────────────────────────────────────────────────────────────────────────


@EXAMPLES
@given(spans())
def test_days_sum_to_totals_and_name_their_calls(ask, span):
    agree(ask, span)


def agree(ask, span):
    totals, days = rows(ask, "aggregate", **span), rows(ask, "day-by-day", **span)
    assert totals.keys() == days.keys()
    for user, each in days.items():
        calls = {name: [one for day in each for one in day[name]] for name in totals[user]}
        assert all(len(day[name]) == len(set(day[name])) for day in each for name in calls)
        for name, total in totals[user].items():
            if name == SCORECARDS:
                assert len(calls[name]) <= total <= 3 * len(calls[name])
            else:
                assert total == len(set(calls[name]))
                assert name in AGAIN or total == len(calls[name])


@EXAMPLES
@given(spans(300), st.sampled_from(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]), st.data())
def test_a_period_has_the_totals_of_its_days_and_is_cut_where_the_request_ends(ask, span, unit, data):
    agree_by_period(ask, span, unit, lambda some: data.draw(st.sampled_from(some)))


def agree_by_period(ask, span, unit, choose):
    periods = rows(ask, "by-period", period=unit, **span)
    totals = rows(ask, "aggregate", **span)
    assert periods.keys() == totals.keys()
    if not periods:
        return
    row = choose(periods[choose(sorted(periods))])
    same = {"fromDate": row["fromDate"][:10], "toDate": row["toDate"][:10]}
    there = rows(ask, "aggregate", **same)
    for user, each in periods.items():
        starts, ends = [one["fromDate"][:10] for one in each], [one["toDate"][:10] for one in each]
        assert [max(span["fromDate"], "2016-01-04"), *ends[:-1]] == starts
        assert ends[-1] == span["toDate"]
        assert all(begins(unit, date.fromisoformat(start)) for start in starts[1:])
        (one,) = (one for one in each if one["fromDate"] == row["fromDate"])
        assert counts(one) == there.get(user, dict.fromkeys(counts(one), 0))


def begins(unit, day):
    """Whether a period begins on a day."""
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
    return {"DAY": True, "WEEK": day.weekday() == 0}.get(unit) or (
        unit in months and day.day == 1 and (day.month - 1) % months[unit] == 0
    )


@EXAMPLES
@given(spans())
def test_what_is_given_is_received(ask, span):
    totals = Counter()
    for each in rows(ask, "aggregate", **span).values():
        totals.update(each)
    for given_, received in [
        ("callsGaveFeedback", "callsReceivedFeedback"),
        ("callsCommentsGiven", "callsCommentsReceived"),
        ("callsMarkedAsFeedbackGiven", "callsMarkedAsFeedbackReceived"),
    ]:
        assert totals[given_] == totals[received]


def test_the_calls_of_a_user_are_those_of_the_company(ask):
    days = rows(ask, "day-by-day", **JANUARY)
    hosted = {one for each in days.values() for day in each for one in day["callsAsHost"]}
    attended = {one for each in days.values() for day in each for one in day["callsAttended"]}
    assert len(hosted) == sum(len(day["callsAsHost"]) for each in days.values() for day in each)
    assert attended <= hosted
    assert all(2**53 < int(one) < 10**20 for one in hosted)
    for each in days.values():
        own = {one for day in each for one in day["callsAsHost"]}
        for day in each:
            assert not own & {*day["callsAttended"], *day["othersCallsListenedTo"]}
            assert own >= {*day["callsReceivedFeedback"], *day["callsSharedInternally"]}


def test_pages_together_are_all_users_once(ask):
    path, key, _ = ROWS["aggregate"]
    first = ask.post(path, **JANUARY).json()
    second = ask.post(path, cursor=first["records"]["cursor"], **JANUARY).json()
    pages = [first, second]
    total = first["records"]["totalRecords"]
    assert [page["records"].get("currentPageNumber") for page in pages] == [0, 1]
    assert [page["records"]["currentPageSize"] for page in pages] == [100, total - 100]
    assert "cursor" not in second["records"]
    found = [row["userId"] for page in pages for row in page[key]]
    assert len(set(found)) == total == len(found)


def test_a_page_of_many_days_has_fewer_users(ask):
    page = ask.post(ROWS["by-period"][0], period="DAY", fromDate="2022-11-26", toDate="2026-11-26").content  # 20 MB
    (size,) = re.findall(b'"currentPageSize": (.*?),', page[:500])
    assert int(size) == page.count(b'"userId"') == 40_000 // 1461


def test_a_filter_names_users_and_when_they_were_added(ask):
    everybody = rows(ask, "aggregate", **JANUARY)
    some = [*everybody][5:9]
    assert rows(ask, "aggregate", userIds=[*some, "1"], **JANUARY) == {user: everybody[user] for user in some}
    assert rows(ask, "aggregate", userIds=[], **JANUARY) == everybody
    users = {user["id"]: user for user in all_users(ask)}
    added = {"createdFromDateTime": "2020-01-01T00:00:00Z", "createdToDateTime": "2021-01-01T00:00:00Z"}
    new = rows(ask, "aggregate", **added, **JANUARY)
    assert new
    assert all(users[user]["created"][:4] in ("2020", "2019") for user in new)


def all_users(ask, **params):
    found, cursor = [], None
    while True:
        reply = ask("GET", "/v2/users", params=params | ({"cursor": cursor} if cursor else {})).json()
        found += reply["users"]
        cursor = reply["records"].get("cursor")
        if cursor is None:
            return found


def test_users_come_and_go_and_some_lack_what_others_have(ask):
    users = all_users(ask)
    assert len(users) == 130
    assert {user["active"] for user in users} == {True, False}
    assert {user["emailAddress"] is None for user in users} == {True, False}
    assert {user["trustedEmailAddress"] is None for user in users} == {True, False}
    assert {bool(user["emailAliases"]) for user in users} == {True, False}
    for user in users:
        if not user["active"]:
            day = date.fromisoformat(user["created"][:10])
            asked = {"fromDate": str(day - timedelta(100)), "toDate": str(day), "userIds": [user["id"]]}
            assert rows(ask, "aggregate", **asked) == {}
    assert len(all_users(ask, includeAvatars="true")) == 132


def test_the_users_api_leaves_out_avatars_that_have_activity(ask):
    known = {user["id"] for user in all_users(ask)}
    avatars = rows(ask, "aggregate", **JANUARY).keys() - known
    assert len(avatars) == 2
    (one, *_) = avatars
    assert ask("GET", f"/v2/users/{one}").status_code == 404
    assert ask.post("/v2/users/extensive", userIds=[one]).json()["errors"] == [
        "No users found corresponding to the provided filters"
    ]
    (found,) = ask.post("/v2/users/extensive", userIds=[one], includeAvatars=True).json()["users"]
    assert found["title"] == "Support"


def test_a_user_is_the_same_wherever_it_is_asked_for(ask):
    user = all_users(ask)[17]
    assert ask("GET", f"/v2/users/{user['id']}").json()["user"] == user
    assert ask.post("/v2/users/extensive", userIds=[user["id"]]).json()["users"] == [user]


def test_the_same_seed_makes_the_same_company_at_any_time(ask, runner):
    asked = {"fromDate": "2024-03-01", "toDate": "2024-03-20"}
    then = Asker(gong(users=130, zone=ZONE, limits=False, now=lambda: datetime(2024, 3, 20, 9, tzinfo=UTC)), runner)
    other = Asker(gong(users=130, zone=ZONE, limits=False, now=lambda: NOON, seed=2), runner)
    assert rows(then, "day-by-day", **asked) == rows(ask, "day-by-day", **asked)
    assert not rows(other, "day-by-day", **asked).keys() & rows(ask, "day-by-day", **asked).keys()
    assert len(all_users(then)) < 130


# ── What Gong says and refuses ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ROWS)
def test_replies_fit_our_schema_and_gongs_own(ask, name):
    asked = {"fromDate": "2026-10-31", "toDate": "2026-11-03"}
    reply = ask.post(ROWS[name][0], period="WEEK" if name == "by-period" else None, **asked)
    fits(reply, name, ROWS[name][0], "post")


def test_users_fit_our_schema_and_gongs_own(ask):
    fits(ask("GET", "/v2/users"), "users", "/v2/users", "get")
    fits(ask.post("/v2/users/extensive"), "users", "/v2/users/extensive", "post")
    user = ask("GET", "/v2/users").json()["users"][3]
    fits(ask("GET", f"/v2/users/{user['id']}"), "user", "/v2/users/{id}", "get")
    fits(ask("GET", "/v2/users/1"), "error", "/v2/users/{id}", "get")


def fits(reply, schema, path, method):
    body = reply.json()
    assert reply.headers["x-traceid"] == body["requestId"]
    assert Schema(json.loads(files.find(f"gong/{schema}", "schemas", ".schema.json").text)).problems(body) == []
    if SHARED.is_file():  # Gong's description says of no field that it may be null
        theirs = json.loads(SHARED.read_text())
        told = theirs["paths"][path][method]["responses"][str(reply.status_code)]["content"]["application/json"]
        validator = jsonschema.Draft202012Validator(told["schema"] | {"components": theirs["components"]})
        assert [error.json_path for error in validator.iter_errors(without_nulls(body))] == []


def without_nulls(value):
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("query", "context"),
    [
        ("", {}),
        ("aggregation_period=day", {}),
        ("aggregation_period=week", {"user_names": True}),
        ("aggregation_period=day", {"detailed": True, "user_names": True}),
    ],
)
def test_the_shipped_mapping_has_nothing_to_say_of_the_replies(ask, query, context):
    weeks = "start_time=2026-10-26T04:00:00Z&end_time=2026-11-02T05:00:00Z&"
    pages = ask.pages(load("gong/activity"), weeks + query, context={"time_zone": ZONE} | context, now=NOON.isoformat())
    assert [one.message for page in pages for one in page.diagnostics] == []
    assert len(pages) == 2


def test_the_shipped_mappings_of_users_and_interactions_have_nothing_to_say(ask):
    weeks = "start_time=2026-10-26T04:00:00Z&end_time=2026-11-02T05:00:00Z"
    pages = ask.pages(load("gong/users"), "")
    pages += ask.pages(load("gong/interactions"), weeks, context={"time_zone": ZONE}, now=NOON.isoformat())
    assert [one.message for page in pages for one in page.diagnostics] == []
    assert [len(page.records) for page in pages[:2]] == [100, 30]
    known = pages[0].records[7]
    exchange = load("gong/users").exchange("", method="get", id=known["id"])
    with pytest.raises(StopIteration) as end:
        exchange.send(ask.send(next(exchange)))
    assert (end.value.value.record, end.value.value.diagnostics) == (known, ())


REFUSED = {
    "no body": ("", "Required request body is missing"),
    "no JSON": ("{", "JSON parse error"),
    "NaN": ('{"filter": NaN}', "JSON parse error"),
    "an array": ("[]", "JSON parse error"),
    "no filter": ({}, "filter must not be null"),
    "no dates": ({"filter": {}}, "filter.fromDate must not be null"),
    "date-times": ({"filter": {"fromDate": "2026-01-01T00:00:00Z", "toDate": "2026-02-01"}}, "a date"),
    "no day": ({"filter": {"fromDate": "2026-02-30", "toDate": "2026-03-03"}}, "a date"),
    "the wrong names": ({"filter": JANUARY | {"fromDateTime": "2026-01-01T00:00:00Z"}}, "fromDateTime"),
    "no days": ({"filter": {"fromDate": "2026-01-01", "toDate": "2026-01-01"}}, "before toDate"),
    "tomorrow": ({"filter": {"fromDate": "2026-01-01", "toDate": "2026-11-27"}}, "later than today"),
    "long ago": ({"filter": {"fromDate": "0001-01-01", "toDate": "2026-11-26"}}, "out of range"),
    "a user twice": ({"filter": JANUARY | {"userIds": ["1", "1"]}}, "no item twice"),
    "a bare id": ({"filter": JANUARY | {"userIds": [1]}}, "JSON parse error"),
    "a forged cursor": ({"filter": JANUARY, "cursor": "e30.e30.AAAA"}, "Invalid cursor"),
    "half a surrogate": ({"filter": JANUARY, "cursor": "\ud800"}, "Invalid cursor"),
    "another cursor": ({"filter": JANUARY, "cursor": 7}, "JSON parse error"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_gong_refuses_is_refused(ask, name):
    body, words = REFUSED[name]
    reply = ask("POST", AGGREGATE, content=body if isinstance(body, str) else json.dumps(body))
    assert (reply.status_code, words in " ".join(reply.json()["errors"])) == (400, True), reply.text


def test_a_wrong_enumeration_value_is_a_parse_error_that_names_the_right_ones(ask):
    (error,) = ask.post(ROWS["by-period"][0], period="DECADE", **JANUARY).json()["errors"]
    assert error.startswith("JSON parse error")
    assert "QUARTER" in error


def test_what_is_not_declared_is_ignored(ask):
    body = {"filter": JANUARY | {"colour": "red"}, "shape": 1}
    page, known = (ask("POST", AGGREGATE, json=one).json() for one in (body, {"filter": JANUARY}))
    assert page["usersAggregateActivityStats"] == known["usersAggregateActivityStats"]


def test_avatars_are_asked_for_with_true_or_false(ask):
    reply = ask("GET", "/v2/users", params={"includeAvatars": "maybe"})
    assert (reply.status_code, reply.json()["errors"]) == (400, ["includeAvatars must be true or false, not maybe"])


def test_what_is_kept_takes_no_more_room_than_there_is():
    kept, made = Kept(10, len), []

    def get(text):
        return kept.get(text, lambda: made.append(text) or text)

    for text in ("aaaa", "bbbb", "aaaa", "cccc", "aaaa", "bbbb", "d" * 11, "d" * 11, "cccc"):
        assert get(text) == text
    assert made == ["aaaa", "bbbb", "cccc", "bbbb", "d" * 11, "d" * 11, "cccc"]


def test_a_null_is_as_if_it_were_not_there(ask):
    body = {"cursor": None, "filter": JANUARY | {"userIds": None}}
    assert ask("POST", AGGREGATE, json=body).status_code == 200
    reply = ask("POST", AGGREGATE, json={"filter": JANUARY | {"toDate": None}})
    assert reply.json()["errors"] == ["filter.toDate must not be null"]


def test_a_large_body_is_refused(ask):
    assert ask("POST", AGGREGATE, content=b" " * 1_000_001).status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", AGGREGATE, f"No endpoint found for GET {AGGREGATE}"),
        ("POST", "/v2/stats/other", "No endpoint found for POST /v2/stats/other"),
        ("POST", AGGREGATE + "/", f"No endpoint found for POST {AGGREGATE}/"),
        ("GET", "/v3/users", "No such API version"),
    ],
)
def test_other_404s_do_not_say_that_nothing_was_found(ask, method, path, words):
    reply = ask(method, path)
    assert reply.status_code == 404
    assert reply.json()["errors"][0].startswith(words)


def test_nothing_found_is_a_404_with_the_words_of_gong(ask):
    for name in ("aggregate", "day-by-day", "interaction"):
        reply = ask.post(ROWS[name][0], fromDate="2015-01-01", toDate="2015-02-01")
        assert reply.status_code == 404
        assert reply.json()["errors"][0].endswith("found corresponding to the provided filters")


def test_a_cursor_counts_in_the_body_alone(ask):
    first = ask.post(AGGREGATE, **JANUARY).json()
    params = {"cursor": first["records"]["cursor"]}
    again = ask("POST", AGGREGATE, params=params, json={"filter": JANUARY}).json()
    assert again["records"]["currentPageNumber"] == 0


def test_a_cursor_expires_and_belongs_to_its_question(runner, clock):
    ask = Asker(gong(users=130, limits=False, now=clock), runner)
    cursor = ask.post(AGGREGATE, **JANUARY).json()["records"]["cursor"]
    other = ask.post(AGGREGATE, cursor=cursor, fromDate="2026-01-02", toDate="2026-02-01")
    assert other.json()["errors"] == ["The cursor belongs to a request with other filters"]
    clock.wait(seconds=901)
    assert ask.post(AGGREGATE, cursor=cursor, **JANUARY).json()["errors"] == ["The cursor has expired"]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Auckland", "America/Sao_Paulo"])
def test_moments_have_the_offset_of_their_own_day(runner, zone):
    ask = Asker(gong(users=8, zone=zone, limits=False, now=lambda: NOON), runner)
    for year in (2018, 2026):
        span = {"fromDate": f"{year}-01-01", "toDate": f"{year}-11-15"}
        reply = ask.post(AGGREGATE, **span).json()
        assert reply["timeZone"] == zone
        days = rows(ask, "by-period", period="DAY", **span)
        for day in next(iter(days.values())):
            there = datetime.fromisoformat(day["fromDate"])
            assert there.astimezone(ZoneInfo(zone)).isoformat() == day["fromDate"]
            assert there.hour == 0 or (zone, there.hour, str(there.date())) == ("America/Sao_Paulo", 1, "2018-11-04")


def test_today_is_the_companys(runner):
    moment = datetime(2026, 11, 26, 3, tzinfo=UTC)  # still the 25th in New York
    ask = Asker(gong(users=50, zone=ZONE, limits=False, now=lambda: moment), runner)
    assert ask.post(AGGREGATE, fromDate="2026-11-20", toDate="2026-11-25").status_code == 200
    assert ask.post(AGGREGATE, fromDate="2026-11-20", toDate="2026-11-26").status_code == 400


# ── Credentials and limits ───────────────────────────────────────────────────────────────────────────────────────


def test_basic_and_bearer_credentials_are_accepted_and_others_are_not(ask):
    assert ask("GET", "/v2/users", headers={"Authorization": "Bearer mock-token"}, auth=None).status_code == 200
    assert ask("GET", "/v2/users", headers={"Authorization": "bearer  mock-token"}, auth=None).status_code == 200
    for auth in (None, (KEY, "wrong"), ("", SECRET)):
        reply = ask("GET", "/v2/users", auth=auth)
        assert reply.status_code == 401
        assert reply.headers["x-traceid"] == reply.json()["requestId"]


def test_a_missing_scope_is_a_401_that_names_it(runner):
    only = Credential.bearer("t", ["api:users:read"])
    ask = Asker(gong(users=9, credentials=[only], limits=False, now=lambda: NOON), runner)
    bearer = {"headers": {"Authorization": "Bearer t"}, "auth": None}
    assert ask("GET", "/v2/users", **bearer).status_code == 200
    reply = ask("POST", AGGREGATE, json={"filter": JANUARY}, **bearer)
    words = "You don't have permission to use 'api:stats:user-actions' in your app."
    assert (reply.status_code, reply.json()["errors"]) == (401, [words])
    assert "Bearer t" not in repr(only)


def test_three_calls_a_second_are_answered(runner, clock):
    ask = Asker(gong(users=9, now=clock), runner)
    statuses = [ask("GET", "/v2/users").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert ask("GET", "/v2/users").headers["retry-after"] == "1"
    clock.wait(seconds=1)
    assert ask("GET", "/v2/users").status_code == 200


def test_the_day_has_ten_thousand_calls_and_then_the_wait_is_until_midnight():
    clock = Clock(datetime(2026, 11, 26, 20, tzinfo=UTC))
    gate = Gate([Credential.bearer("t")], clock, limits=True)
    for _ in range(10_000):
        clock.wait(seconds=0.4)
        gate.scopes("Bearer t")
    with pytest.raises(RefusedError) as found:
        gate.scopes("Bearer t")
    midnight = datetime(2026, 11, 27, tzinfo=UTC) - clock.now
    assert (found.value.status, found.value.headers["retry-after"]) == (429, str(int(midnight.total_seconds())))
    clock.wait(seconds=midnight.total_seconds())
    assert gate.scopes("Bearer t")


@pytest.mark.parametrize("wrong", [{"users": 0}, {"users": 100_001}, {"zone": "Mars/Olympus"}])
def test_what_no_company_can_have_is_refused(wrong):
    with pytest.raises(QueryError) as found:
        gong(**wrong)
    assert found.value.code == "Q515"


@pytest.mark.parametrize("users", [1, 2, 3, 4])
def test_a_very_small_company_agrees_with_itself_too(runner, users):
    ask = Asker(gong(users=users, seed=5, limits=False, now=lambda: NOON), runner)
    agree(ask, {"fromDate": "2022-01-01", "toDate": "2022-03-01"})
