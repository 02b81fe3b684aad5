"""The demo in a process of its own, asked over HTTP: each parameter, each format, each field of a record.

The mock is the same company in the demo and in this process, so what a record holds is computed by hand from the raw
rows, with no engine (`independent`).
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import httpx2
import independent
import independent_siblings as siblings
import pytest
from mock_company import Asker

from truto_mapper.edges import mock
from truto_mapper.edges.server import Store
from truto_mapper.edges.server.credentials import basic
from truto_mapper.edges.server.keys import new_key, parse_keys

COMMAND = [sys.executable, "-m", "truto_mapper.edges.cli"]
UNIFIED = "/unified/conversational-intelligence/"
ZONE = "America/New_York"
SPECS = Path(__file__).parents[2] / "shared" / "spec"

#: Two whole weeks of the company.
QUERY = {"start_time": "2026-01-05T00:00:00-05:00", "end_time": "2026-01-19T00:00:00-05:00"}
FORTNIGHT = "&".join(f"{name}={value}" for name, value in QUERY.items())
ASKED = {"fromDate": "2026-01-05", "toDate": "2026-01-19"}
#: The longest and the shortest of what Gong counts by: one day, and two months of which one is cut.
DAY = QUERY | {"end_time": "2026-01-06T00:00:00-05:00"}

#: What each field of a record is, in the order of the API page; a name in brackets is one of a list's objects.
_USER = {"user.id": str, "user.name": str, "user.emails[].email": str, "user.emails[].is_primary": bool}
_PERIOD = {"start_time": datetime, "end_time": datetime}
_NUMBERS = {f"metrics.{name}": float for name in siblings.FIELDS.values()}
_ADDED = {"metrics.additional_metrics[].name": str, "metrics.additional_metrics[].value": float}
_ALWAYS = {"created_at": datetime, "updated_at": datetime, "remote_data": dict}
FIELDS = {
    "activity": {"id": str, **_USER, **_PERIOD, "aggregation_period": str}
    | {f"metrics.{name}": int for name in independent.COUNTS}
    | _ALWAYS,
    "interactions": {"id": str, **_USER, **_PERIOD, "timezone": str, "aggregation_period": str, **_NUMBERS, **_ADDED}
    | _ALWAYS,
    "users": {"id": str, "name": str, "emails[].email": str, "emails[].is_primary": bool} | _ALWAYS,
}
#: What Gong has no value for. Names of users cost a further request, which an account must want.
NEVER = {
    "activity": {"user.name", "created_at", "updated_at"},
    "interactions": {"user.name", "created_at", "updated_at", *_ADDED},
    "users": {"updated_at"},
}


@contextmanager
def running(*arguments, **environ):
    """A command in another process. It ends by Ctrl-C, without a traceback."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*COMMAND, *arguments], env=os.environ | environ, **pipes) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in said) == (130, False), said


@pytest.fixture(scope="module")
def demo():
    """What a demo says of itself to a program."""
    with running("serve", "--demo", "--port", "0", "--log", "none") as process:
        about = json.loads(process.stdout.readline())
        assert set(about) == {"url", "token", "integrated_account_id"}
        yield SimpleNamespace(**about)


@contextmanager
def asking(url, token, account=None):
    """Asks a service: `ask(query, path)`; the same question once only."""
    with httpx2.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:

        @cache
        def ask(query, path="activity", account=account):
            named = f"integrated_account_id={account}&" if account else ""
            return client.get(f"{UNIFIED}{path}?{named}{query}".rstrip("&?"))

        yield ask


@pytest.fixture(scope="module")
def ask(demo):
    with asking(demo.url, demo.token, demo.integrated_account_id) as made:
        yield made


@pytest.fixture(scope="module")
def get(ask):
    """The body of an answer that succeeds."""

    def got(query, path="activity"):
        answer = ask(query, path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return got


@pytest.fixture(scope="module")
def sent(get):
    """What a query asks of Gong: the `debug` of its answer."""
    return lambda query: get(f"limit=1&truto_response_format=debug&{query}")["debug"]


@pytest.fixture(scope="module")
def refused(ask):
    """The findings of an answer that refuses, by their pointers."""

    def found(query, path="activity"):
        answer = ask(query, path)
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json"), answer.text
        return {one.get("pointer"): one for one in answer.json()["diagnostics"]}

    return found


@pytest.fixture(scope="module")
def gong():
    """The company of the demo, in this process and without limits."""
    with asyncio.Runner() as runner:
        yield Asker(mock.gong(zone=ZONE, limits=False), runner)


@pytest.fixture(scope="module")
def by_hand(gong):
    """All records of a query, computed from the raw rows: `by_hand(path, query, **settings)`."""
    return lambda path, query, **context: list(_by_hand(gong, path, query, {"time_zone": ZONE} | context))


def _by_hand(gong, path, query, context):
    now, cursor = datetime.now(UTC).isoformat(), None
    plan = siblings.interaction_plan if path == "interactions" else independent.plan
    planned = siblings.user_plan(query) if path == "users" else plan(query, context, now)
    while True:
        at = {"cursor": cursor} if cursor else {}
        more = {"params": planned["params"] | at} if path == "users" else {"json": planned["body"] | at}
        reply = gong(planned["method"], planned["path"], **more).json()
        yield from _records(gong, path, reply, query, context, now)
        if (cursor := reply["records"].get("cursor")) is None:
            return


def _records(gong, path, reply, query, context, now):
    match path:
        case "users":
            return siblings.users(reply, query)
        case "interactions":
            made = siblings.interactions(reply, query, context)
        case _:
            made = independent.page(reply, query, context, now)
    if not context.get("user_names"):
        return made
    people = siblings.known([gong("POST", "/v2/users/extensive", json=_named(made)).json()])
    return [siblings.with_user(one, one["remote_data"], people) for one in made]


def _named(records):
    return {"filter": {"userIds": list(dict.fromkeys(one["user"]["id"] for one in records))}}


def lines(answer):
    """The records of a stream."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def values(record, path):
    """The values of a field: one, none, or those of a list's objects."""
    name, _, rest = path.partition(".")
    if name.removesuffix("[]") not in record:
        return []
    value = record[name.removesuffix("[]")]
    held = value if name.endswith("[]") else [value]
    return [found for one in held for found in values(one, rest)] if rest else held


def is_a(kind, value):
    """Whether a JSON value has a type; a moment is a text with an offset."""
    if kind is datetime:
        return datetime.fromisoformat(value).tzinfo is not None
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is kind


# ── Records ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("activity", QUERY),
        ("activity", DAY | {"aggregation_period": "day"}),
        ("activity", QUERY | {"aggregation_period": "week"}),
        ("activity", QUERY | {"aggregation_period": "month"}),
        ("interactions", QUERY),
        ("users", {}),
    ],
    ids=lambda given: given if isinstance(given, str) else given.get("aggregation_period", ""),
)
def test_a_stream_has_every_record_that_gong_has(ask, by_hand, path, query):
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    found = lines(ask(f"truto_response_format=stream&{asked}", path))
    assert len(found) > 150
    assert found == by_hand(path, query)


@pytest.mark.parametrize(("path", "name"), [(path, name) for path in FIELDS for name in FIELDS[path]])
def test_each_field_has_its_type(get, path, name):
    found = get("" if path == "users" else FORTNIGHT, path)["result"]
    held = [value for record in found for value in values(record, name)]
    assert bool(held) is (name not in NEVER[path])
    assert [value for value in held if not is_a(FIELDS[path][name], value)] == []


@pytest.mark.parametrize("path", FIELDS)
def test_a_record_has_no_other_fields(get, path):
    def names(value, at=""):
        if at == "remote_data" or not isinstance(value, (dict, list)):
            yield at
        elif isinstance(value, list):
            for one in value:
                yield from names(one, f"{at}[]")
        else:
            for key, one in value.items():
                yield from names(one, f"{at}.{key}".lstrip("."))

    found = get("" if path == "users" else FORTNIGHT, path)["result"]
    assert {name for record in found for name in names(record)} - {"user.emails", "emails"} <= FIELDS[path].keys()


@pytest.mark.parametrize("name", independent.COUNTS)
def test_each_metric_is_the_count_of_gong(get, name):
    for record in get(FORTNIGHT)["result"]:
        assert record["metrics"][name] == record["remote_data"]["userAggregateActivityStats"][independent.COUNTS[name]]


@pytest.mark.parametrize(
    ("page", "path"), [("list-activity.txt", "activity"), ("siblings.md", "interactions"), ("siblings.md", "users")]
)
def test_the_fields_here_are_those_of_the_api_page(page, path):
    if not SPECS.exists():
        pytest.skip("the pages of the API are not beside the repository")
    text = (SPECS / page).read_text(encoding="utf-8")
    told = set(re.findall(r"[a-z][a-z_]+", text.partition("Response Body")[2] or text))
    assert {part.removesuffix("[]") for name in FIELDS[path] for part in name.split(".")} <= told
    if path == "activity":
        body = text.partition("Response Body")[2].partition("next_cursor")[0]
        listed = re.findall(r"^([a-z_]+)\n(?:string|object|integer|boolean)", body, re.MULTILINE)
        held = {part.removesuffix("[]") for name in FIELDS[path] for part in name.split(".")}
        assert set(listed) - {"result"} == held


# ── Formats ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_unified_is_the_default(get):
    assert set(get(FORTNIGHT)) == {"result", "next_cursor"}
    assert get(f"{FORTNIGHT}&truto_response_format=unified")["result"] == get(FORTNIGHT)["result"]


@pytest.mark.parametrize("path", FIELDS)
def test_raw_is_the_body_of_gong(ask, gong, path):
    answer = ask(f"truto_response_format=raw&{'' if path == 'users' else FORTNIGHT}", path)
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    if path == "users":
        theirs = gong("GET", "/v2/users?includeAvatars=false")
    else:
        where = "interaction" if path == "interactions" else "activity/aggregate"
        theirs = gong("POST", f"/v2/stats/{where}", json={"filter": ASKED})
    ours, theirs = answer.json(), theirs.json()
    for body in (ours, theirs):  # another secret signs these cursors, and each reply has an id of its own
        del body["requestId"], body["records"]["cursor"]
    assert ours == theirs


@pytest.mark.parametrize("path", FIELDS)
def test_normalized_has_each_field_in_its_place(get, path):
    query = "" if path == "users" else FORTNIGHT
    plain, normal = get(query, path), get(f"truto_response_format=normalized&{query}", path)
    assert set(normal) == {"result", "next_cursor"}
    order = list(dict.fromkeys(name.partition(".")[0].removesuffix("[]") for name in FIELDS[path]))
    for record, unified in zip(normal["result"], plain["result"], strict=True):
        assert list(record) == order[:-1]  # no remote_data
        for name in FIELDS[path].keys() - {"remote_data"}:
            value, given = values(record, name), values(unified, name)
            if FIELDS[path][name] is datetime and given:
                assert value[0].endswith("Z")
                value, given = ([datetime.fromisoformat(one) for one in them] for them in (value, given))
            assert value == (given if given or "[]" in name else [None])


def test_a_stream_is_all_pages_and_limit_is_of_the_whole(ask, get):
    streamed = lines(ask(f"truto_response_format=stream&{FORTNIGHT}"))
    assert streamed[:100] == get(FORTNIGHT)["result"]
    assert lines(ask(f"{FORTNIGHT}&truto_response_format=stream&limit=130")) == streamed[:130]


def test_debug_is_the_unified_answer_and_what_was_asked_for_it(get):
    answer = get(f"{FORTNIGHT}&limit=2&truto_response_format=debug")
    debug = answer.pop("debug")
    assert answer["result"] == get(FORTNIGHT)["result"][:2]
    assert answer.keys() == {"result", "next_cursor"}
    assert list(debug) == [
        *("requestUrl", "requestOptions", "data", "responseHeaders"),
        *("nextCursor", "isLooping", "isEmptyResult", "resultCount"),
    ]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v2/stats/activity/aggregate", debug["requestUrl"])
    assert (debug["requestOptions"]["method"], debug["requestOptions"]["body"]) == ("POST", {"filter": ASKED})
    assert len(debug["data"]["usersAggregateActivityStats"]) == 100
    assert debug["responseHeaders"]["x-traceid"] == debug["data"]["requestId"]
    assert debug["nextCursor"] == answer["next_cursor"] is not None
    assert (debug["isLooping"], debug["isEmptyResult"], debug["resultCount"]) == (False, False, 2)
    assert mock.SECRET not in json.dumps(debug)


def test_debug_of_nobody_says_that_the_result_is_empty(sent):
    debug = sent(f"{FORTNIGHT}&users[]=12345")
    assert (debug["isEmptyResult"], debug["resultCount"], debug["nextCursor"]) == (True, 0, None)
    assert "errors" in debug["data"]


@pytest.mark.parametrize("path", FIELDS)
def test_a_call_that_is_skipped_has_no_debug(get, path):
    query = f"truto_skip_api_call=true&{'' if path == 'users' else FORTNIGHT}"
    assert get(query, path) == {"result": [], "next_cursor": None}
    skipped = get(f"{query}&truto_response_format=debug", path)
    assert skipped == {"result": [], "next_cursor": None, "debug": None}


def test_a_format_that_is_none_is_refused_with_those_there_are(refused):
    found = refused(f"{FORTNIGHT}&truto_response_format=xml")["/truto_response_format"]
    assert all(name in found["message"] for name in ("unified", "raw", "normalized", "stream", "debug"))


# ── Parameters ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_account_is_named_by_its_uuid(demo, ask):
    unknown = "00000000-0000-4000-8000-000000000000"
    skipped = f"truto_skip_api_call=true&{FORTNIGHT}"
    statuses = {
        given: ask(skipped, account=given).status_code
        for given in (demo.integrated_account_id, demo.integrated_account_id.upper(), unknown, "gong", None)
    }
    assert list(statuses.values()) == [200, 200, 404, 400, 400]


def test_all_mistakes_are_named_at_once(refused):
    found = refused("strat_time=1&limit=0&truto_ignore_limit=maybe&truto_key_by=nosuch&aggregation_period=quarter")
    assert found["/strat_time"]["hint"] == "did you mean `start_time`?"
    wrong = {"/strat_time", "/limit", "/truto_ignore_limit", "/truto_key_by", "/aggregation_period"}
    assert found.keys() == {"/start_time", "/end_time"} | wrong


@pytest.mark.parametrize("path", FIELDS)
def test_key_by_makes_an_object_of_the_records(get, path):
    query = "" if path == "users" else FORTNIGHT
    records = get(query, path)["result"]
    assert get(f"truto_key_by=id&{query}", path)["result"] == {one["id"]: one for one in records}


def test_key_by_takes_a_field_in_an_object(get):
    records = get(FORTNIGHT)["result"][:3]
    assert get(f"{FORTNIGHT}&limit=3&truto_key_by=user.id")["result"] == {one["user"]["id"]: one for one in records}
    normal = get(f"{FORTNIGHT}&limit=3&truto_key_by=user.id&truto_response_format=normalized")["result"]
    assert list(normal) == [one["user"]["id"] for one in records]


@pytest.mark.parametrize("name", ["aggregation_period", "user.name", "nosuch", "metrics", "user.emails"])
def test_a_key_that_would_lose_records_is_refused(ask, name):
    answer = ask(f"{FORTNIGHT}&limit=3&truto_key_by={name}")
    assert (answer.status_code, name in answer.json()["detail"]) == (400, True)


def test_ignore_limit_gives_whole_pages(get):
    for given, count in (("true", 100), ("1", 100), ("false", 3)):
        assert len(get(f"{FORTNIGHT}&limit=3&truto_ignore_limit={given}")["result"]) == count


@pytest.mark.parametrize("path", FIELDS)
def test_remote_data_is_left_out_if_it_is_not_wanted(get, path):
    query = "" if path == "users" else FORTNIGHT
    whole, without = get(query, path)["result"], get(f"truto_ignore_remote_data=true&{query}", path)["result"]
    assert without == [{name: value for name, value in one.items() if name != "remote_data"} for one in whole]
    assert all("remote_data" in one for one in whole)


@pytest.mark.parametrize(
    "spelled",
    [
        "truto_exclude_fields[]=id&truto_exclude_fields[]=metrics",
        "truto_exclude_fields=id,metrics",
        "truto_exclude_fields[0]=id&truto_exclude_fields[1]=metrics",
        "truto_exclude_fields%5B%5D=id&truto_exclude_fields%5B%5D=metrics&truto_exclude_fields%5B%5D=name",
    ],
)
def test_fields_are_excluded_however_the_list_is_written(get, spelled):
    whole = get(FORTNIGHT)["result"][:3]
    kept = [{name: value for name, value in one.items() if name not in ("id", "metrics")} for one in whole]
    assert get(f"{FORTNIGHT}&limit=3&{spelled}")["result"] == kept


def test_fields_of_objects_are_excluded_by_dotted_names(get):
    names = "user.emails.is_primary,metrics.calls_hosted,remote_data"
    for one in get(f"{FORTNIGHT}&limit=3&truto_exclude_fields={names}")["result"]:
        assert [set(address) for address in one["user"]["emails"]] == [{"email"}]
        assert ("calls_hosted" in one["metrics"], len(one["metrics"]), "remote_data" in one) == (False, 14, False)


def test_remote_query_goes_where_gong_reads_it(sent):
    added = "remote_query[filter][createdFromDateTime]=2020-01-01T00:00:00Z"
    assert sent(f"{FORTNIGHT}&{added}")["requestOptions"]["body"] == {
        "filter": ASKED | {"createdFromDateTime": "2020-01-01T00:00:00Z"}
    }
    beside = "remote_query[foo]=bar&remote_query[x][y]=1&remote_query[z][]=1&remote_query[z][]=a%26b"
    debug = sent(f"{FORTNIGHT}&{beside}")
    assert debug["requestUrl"].partition("?")[2] == "foo=bar&x%5By%5D=1&z%5B%5D=1&z%5B%5D=a%26b"
    assert debug["requestOptions"]["body"] == {"filter": ASKED}


@pytest.mark.parametrize("name", ["[filter][fromDate]", "[filter][toDate]", "[cursor]", "[filter]"])
def test_remote_query_replaces_nothing_that_the_mapping_sets(refused, name):
    pointer = "/remote_query" + name.replace("[", "/").replace("]", "")
    found = refused(f"{FORTNIGHT}&remote_query{name}=2020-01-01")[pointer]
    assert (found["code"], "hint" in found) == ("Q517", True)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-05T00:00:00-05:00", "2026-01-19T00:00:00-05:00"),
        ("2026-01-05T05:00:00Z", "2026-01-19T05:00:00.000Z"),
        ("2026-01-05T00:00:00-0500", "2026-01-19T06:00:00%2B01:00"),
        ("20260105T050000Z", "20260119T060000%2B0100"),
        ("2026-W02-1T05:00Z", "2026-01-18T12:00:00%2B0000"),
        ("2026-01-05T23:59:59-05:00", "2026-01-18T23:59:59.999999999-05:00"),
    ],
)
def test_a_moment_is_written_as_iso_8601_and_widened_to_days_of_the_company(sent, start, end):
    assert sent(f"start_time={start}&end_time={end}")["requestOptions"]["body"]["filter"] == ASKED


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("2026-01-05T00:00:00+05:00", "write 2026-01-05T00:00:00%2B05:00"),
        ("2026-01-05", "a day is not a moment"),
        ("2026-01-05T00:00:00", "offset"),
        ("yesterday", "expected a date-time with an offset"),
        ("2026-02-30T00:00:00Z", "2026-02-30T00:00:00Z"),
        ("1767589200", "1767589200"),
        ("2026-01-05%2000:00:00Z", "write 2026-01-05T00:00:00Z"),
        ("", "start_time"),
    ],
)
def test_what_is_no_moment_is_refused_and_the_hint_says_why(refused, given, words):
    found = refused(f"start_time={given}&end_time=2026-01-19T00:00:00Z")["/start_time"]
    assert words in found["message"] + found.get("hint", "")


def test_start_must_be_before_end_and_before_today(refused):
    for start, end in (("2026-01-19", "2026-01-05"), ("2026-01-05", "2026-01-05"), ("2999-01-01", "2999-02-01")):
        assert refused(f"start_time={start}T00:00:00Z&end_time={end}T00:00:00Z")


def test_an_end_in_the_future_means_until_today(sent):
    before = datetime.now(ZoneInfo(ZONE)).date()
    asked = sent("start_time=2026-01-05T00:00:00-05:00&end_time=2999-01-01T00:00:00Z")["requestOptions"]["body"]
    assert asked["filter"]["toDate"] in {str(before), str(datetime.now(ZoneInfo(ZONE)).date())}


@pytest.mark.parametrize(
    "spelled",
    [
        "users[]={0}&users[]={1}&users[]={0}",
        "users={0},{1}",
        "users={0}&users={1}",
        "users[0][id]={0}&users[1][id]={1}",
        "users[1][id]={1}&users[0][id]={0}",
        "users[][id]={0}&users[][id]={1}",
        "users%5B0%5D%5Bid%5D={0}&users%5B1%5D%5Bid%5D={1}",
    ],
)
def test_users_are_named_in_any_way_of_qs(get, sent, spelled):
    two = [one["user"]["id"] for one in get(FORTNIGHT)["result"][:2]]
    debug = sent(f"{FORTNIGHT}&{spelled.format(*two)}")
    assert debug["requestOptions"]["body"]["filter"]["userIds"] == two
    assert debug["data"]["records"]["totalRecords"] == 2


@pytest.mark.parametrize(
    ("given", "pointer"),
    [("users=", "/users"), ("users[]=", "/users"), ("users[0][name]=1", "/users/0"), ("users[0][id]=", "/users")],
)
def test_users_who_are_not_named_are_refused(refused, given, pointer):
    assert any(where.startswith(pointer) for where in refused(f"{FORTNIGHT}&{given}"))


def test_one_user_has_a_record_for_each_period(get):
    user = get(FORTNIGHT)["result"][0]["user"]["id"]
    counts = {"total": 1, "day": 14, "week": 2, "month": 1}
    for period, count in counts.items():
        found = get(f"{FORTNIGHT}&users[]={user}&aggregation_period={period}")["result"]
        assert [one["aggregation_period"] for one in found] == [period] * count
        moments = [moment for one in found for moment in (one["start_time"], one["end_time"])]
        assert (moments[0], moments[-1], moments[1:-1:2]) == (*QUERY.values(), moments[2::2])
        assert len({one["id"] for one in found}) == count


def test_pages_follow_each_other_by_their_cursors(get, by_hand):
    found, cursor = [], ""
    while cursor is not None:
        page = get(f"{FORTNIGHT}&limit=60&next_cursor={cursor}")
        found.append(page["result"])
        cursor = page["next_cursor"]
    assert [len(page) for page in found[:3]] == [60, 40, 60]
    assert [one for page in found for one in page] == by_hand("activity", QUERY)


def test_a_cursor_goes_on_in_another_format_and_with_another_limit(get, ask):
    first = get(f"{FORTNIGHT}&limit=60")
    at = f"next_cursor={first['next_cursor']}"
    rest = lines(ask(f"{FORTNIGHT}&truto_response_format=stream&{at}"))
    assert first["result"] + rest == lines(ask(f"truto_response_format=stream&{FORTNIGHT}"))
    assert get(f"{FORTNIGHT}&limit=1&truto_exclude_fields=id&{at}")["result"][0]["user"] == rest[0]["user"]


def test_a_cursor_of_another_question_is_refused(get, refused):
    cursor = get(f"{FORTNIGHT}&limit=60")["next_cursor"]
    for query in (f"{FORTNIGHT}&users[]=1", f"{FORTNIGHT}&aggregation_period=week", FORTNIGHT.replace("-19T", "-20T")):
        assert refused(f"{query}&limit=60&next_cursor={cursor}")["/next_cursor"]["code"] == "Q506"
    for forged in (cursor[:-1], cursor.swapcase(), "truto2.e30.e30", "abc"):
        assert refused(f"{FORTNIGHT}&next_cursor={forged}")["/next_cursor"]["code"] == "Q506"


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "many", ""])
def test_a_limit_is_a_whole_number_from_one(refused, given):
    assert "/limit" in refused(f"{FORTNIGHT}&limit={given}")


def test_a_limit_of_more_than_a_page_gives_a_page(get):
    assert get(f"{FORTNIGHT}&limit=1000")["result"] == get(FORTNIGHT)["result"]


# ── One user, by id ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_user_is_the_record_itself(get):
    listed = get("", "users")["result"]
    for one in listed[:2]:
        assert get("", f"users/{one['id']}") == one
    path = f"users/{listed[0]['id']}"
    assert get("truto_response_format=raw", path)["user"] == listed[0]["remote_data"]
    assert list(get("truto_response_format=normalized", path)) == ["id", "name", "emails", "created_at", "updated_at"]
    assert get("truto_exclude_fields[]=remote_data&truto_exclude_fields[]=emails.email", path).keys() == {
        *("id", "name", "emails", "created_at")
    }


def test_debug_of_a_user_has_what_was_asked_for_it(get):
    user = get("", "users")["result"][0]
    answer = get("truto_response_format=debug", f"users/{user['id']}")
    assert answer["result"] == user
    assert answer["debug"].keys() >= {"requestUrl", "requestOptions", "data", "responseHeaders"}
    assert answer["debug"]["requestUrl"].endswith(f"/v2/users/{user['id']}")


def test_a_user_who_is_not_there_is_404(ask):
    answer = ask("", "users/12345")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    problem = answer.json()
    assert (problem["statusCode"], problem["error"], problem["truto_is_remote_error"]) == (404, "Not Found", True)
    assert problem["raw_response"]["errors"]


# ── Settings of accounts ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def settings(sent, tmp_path_factory):
    """Asks a service with a store of its own, whose accounts have settings: `settings(query, path, **settings)`."""
    where = sent(FORTNIGHT)["requestUrl"].partition("/v2/")[0]
    folder = tmp_path_factory.mktemp("store")
    key, url = new_key(), f"sqlite:///{folder / 'store.db'}"
    store = Store.open(url, parse_keys(key, "the test"))
    token = store.add_token("all", accounts=None)

    def account(**context):
        return store.add_account("gong", where, basic(mock.KEY, mock.SECRET), context=context, allow_http=True)

    arguments = ["gong/activity", "gong/interactions", "--store", url, "--port", "0", "--log", "none"]
    with (
        running("serve", *arguments, TRUTO_MAPPER_KEY=key) as process,
        asking(json.loads(process.stdout.readline())["url"], token) as service,
    ):
        yield lambda query, path="activity", **context: service(query, path, account(**context))
    store.close()


def test_days_in_detail_count_the_calls_that_gong_names(settings, by_hand):
    query = DAY | {"aggregation_period": "day"}
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    found = lines(settings(f"truto_response_format=stream&{asked}", detailed=True, time_zone=ZONE))
    assert found == by_hand("activity", query, detailed=True)
    named = found[0]["remote_data"]["userDailyActivityStats"][0]
    assert found[0]["metrics"]["calls_attended"] == len(named["callsAttended"])


@pytest.mark.parametrize("path", ["activity", "interactions"])
def test_users_have_their_names_and_all_addresses(settings, by_hand, path):
    found = lines(settings(f"truto_response_format=stream&{FORTNIGHT}", path, user_names=True, time_zone=ZONE))
    assert found == by_hand(path, QUERY, user_names=True)
    assert {len(values(one, "user.emails[].email")) for one in found} == {0, 1, 2, 3}
    nameless = [one for one in found if "name" not in one["user"]]
    assert len(nameless) == (3 if path == "activity" else 0)  # the avatars, who host no calls


def test_the_time_zone_of_a_company_is_found_out(settings):
    answer = settings(f"limit=1&truto_response_format=debug&{FORTNIGHT}").json()
    assert answer["debug"]["requestOptions"]["body"]["filter"] == ASKED
    assert answer["result"][0]["id"].endswith("_total_2026-01-05_2026-01-19")
