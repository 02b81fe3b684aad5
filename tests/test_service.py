"""The service over HTTP, in this process: a mock of Gong behind it, a real store, a real HTTP client in front."""

import asyncio
import json
import re
import shutil
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from truto_mapper import QueryError, Response, load
from truto_mapper.edges import mock
from truto_mapper.edges.client import Limiter, Retries
from truto_mapper.edges.server import Store, app, bodies, clients
from truto_mapper.edges.server.keys import new_key, parse_keys
from truto_mapper.edges.server.refusals import Refused

KEY = "a secret of the tests"
MAPPINGS = ("gong/activity", "gong/interactions", "gong/users")
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACTIVITY = "/unified/conversational-intelligence/activity"
USERS = "/unified/conversational-intelligence/users"
MONTH = "start_time=2026-01-01T00:00:00-05:00&end_time=2026-02-01T00:00:00-05:00"
EXAMPLES = Path(__file__).parent.parent / "examples" / "mappings"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ONCE = Retries(attempts=1)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A store with two accounts of Gong, and a service over a mock of 130 users."""
    keys = parse_keys(new_key(), "the test")
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('service')}/store.db", keys)
    ours, theirs, other = (
        store.add_account(
            name, "https://gong.example", secret("mock-secret"), context={"time_zone": "America/New_York"}
        )
        for name in ("gong", "gong", "salesforce")
    )
    gong = mock.gong(users=130, limits=False, now=lambda: NOW)
    with service(store, httpx2.ASGITransport(gong)) as client:
        made = SimpleNamespace(store=store, ours=ours, theirs=theirs, other=other, client=client, log=client.log)
        made.token = store.add_token("ours", accounts=[ours, other])
        yield made
    store.close()


def secret(password):
    return {"type": "basic", "username": "mock-key", "password": password}


@cache
def shipped():
    """The mappings, loaded once."""
    return [load(name, cursor_key=KEY) for name in MAPPINGS]


def service(store, transport, mappings=None, **options):
    """A client of a service; its `log` has the events."""
    log = []
    mappings = mappings or shipped()
    made = app(mappings, store, transport=transport, log=log.append, now=lambda: NOW, **options)
    client = TestClient(made, raise_server_exceptions=True)
    client.log = log
    return client


@pytest.fixture(scope="module")
def call(world):
    """Calls the service: `call(path, query, token=…, …)`."""

    def get(
        path=ACTIVITY, query="", *, client=world.client, token=world.token, method="GET", account=world.ours, **more
    ):
        headers = {"authorization": f"Bearer {token}"} | more.pop("headers", {}) if token else more.pop("headers", {})
        named = f"integrated_account_id={account}&{query}" if account else query
        return client.request(method, f"{path}?{named}".rstrip("?&"), headers=headers, **more)

    return get


def provider(world, call, answer, **options):
    """A service in front of a provider that is a function of a request."""
    client = service(world.store, answer, **options)
    return lambda *given, **more: call(*given, client=client, **more), client.log


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_has_unified_records_and_the_cursor_of_the_next(call):
    first = call(query=f"{MONTH}&limit=3")
    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert [len(first.json()["result"]), first.json()["result"][0]["aggregation_period"]] == [3, "total"]
    second = call(query=f"{MONTH}&limit=3&next_cursor={first.json()['next_cursor']}")
    ids = [one["id"] for answer in (first, second) for one in answer.json()["result"]]
    assert len(set(ids)) == 6


@pytest.mark.parametrize(
    ("wanted", "kind", "names"),
    [
        ("unified", "application/json", {"result", "next_cursor"}),
        ("normalized", "application/json", {"result", "next_cursor"}),
        ("debug", "application/json", {"result", "next_cursor", "debug"}),
        ("raw", "application/json;charset=UTF-8", None),
        ("stream", "application/x-ndjson", None),
    ],
)
def test_each_format_has_its_media_type_and_form(call, wanted, kind, names):
    answer = call(query=f"{MONTH}&truto_response_format={wanted}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    if names is not None:
        assert set(answer.json()) == names
    elif wanted == "raw":
        assert {"requestId", "records", "timeZone"} < set(answer.json())
    else:
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert len({one["id"] for one in lines}) == len(lines) > 100


def test_a_call_that_is_skipped_has_no_type_of_the_provider_to_pass_on(call):
    answer = call(query=f"{MONTH}&truto_response_format=raw&truto_skip_api_call=true")
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, "application/json", "null")


def test_the_parameters_are_read_in_the_syntax_of_qs(call):
    everyone = call(query=MONTH).json()["result"]
    one, two = (everyone[index]["user"]["id"] for index in (0, 1))
    for query in (f"users[]={one}&users[]={two}", f"users={one},{two}", f"users[0][id]={one}&users[1][id]={two}"):
        found = call(query=f"{MONTH}&{query}&truto_key_by=user.id&truto_exclude_fields[]=metrics").json()["result"]
        assert (set(found), "metrics" in found[one]) == ({one, two}, False)


def test_a_stream_of_a_call_that_is_skipped_is_empty(call):
    answer = call(query=f"{MONTH}&truto_skip_api_call=true&truto_response_format=stream")
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, "application/x-ndjson", "")


def test_no_socket_is_opened(world):
    with pytest.raises(WebSocketDisconnect), world.client.websocket_connect(ACTIVITY):
        pass


def test_debug_shows_the_whole_url_and_no_credentials(call):
    answer = call(query=f"{MONTH}&limit=1&truto_response_format=debug")
    assert answer.json()["debug"]["requestUrl"] == "https://gong.example/v2/stats/activity/aggregate"
    assert "mock-secret" not in answer.text
    skipped = call(query=f"{MONTH}&truto_skip_api_call=true&truto_response_format=debug")
    assert skipped.json() == {"result": [], "next_cursor": None, "debug": None}


def test_a_record_is_got_by_its_id(call):
    user = call(USERS, "limit=1").json()["result"][0]
    answer = call(f"{USERS}/{user['id']}")
    assert (answer.status_code, answer.json()["id"]) == (200, user["id"])
    line = call(f"{USERS}/{user['id']}", "truto_response_format=stream")
    assert (line.headers["content-type"], line.json()) == ("application/x-ndjson", answer.json())
    assert call(f"{USERS}/12345").status_code == 404


@pytest.mark.parametrize("identity", ["..%2F..%2Fv2%2Fcalls", "%2e%2e", "a%00b", "a%0D%0Ax: y", "%ff", "%ed%a0%80"])
def test_an_id_cannot_lead_elsewhere(call, identity):
    answer = call(f"{USERS}/{identity}")
    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (400, "Q519")


def test_a_slash_in_an_id_separates_nothing(world, call):
    seen = []
    ask, _ = provider(world, call, lambda sent: seen.append(sent.url) or Response(b"{}", 404))
    ask(f"{USERS}/a%2Fb")
    assert seen == ["https://gong.example/v2/users/a%2Fb"]
    assert ask(f"{USERS}/a/b").status_code == 404
    assert len(seen) == 1


# ── Who may ask ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer x", "Basic eDp5", f"Bearer truto_{'0' * 16}_{'a' * 43}", "Bearer \xe9", "bearer  "],
)
def test_a_missing_or_wrong_token_is_401(call, header):
    answer = call(token=None, headers={} if header is None else {"authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="')


def test_two_tokens_are_none(world):
    pair = [("authorization", f"Bearer {world.token}")] * 2
    assert world.client.get(ACTIVITY, headers=pair).status_code == 401


def test_an_account_of_another_tenant_is_404_as_one_that_does_not_exist(world, call):
    theirs, unknown = call(account=world.theirs), call(account=UNKNOWN)
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.text.replace(world.theirs, "") == unknown.text.replace(UNKNOWN, "")


def test_a_method_that_the_token_is_not_for_is_403(world, call):
    token = world.store.add_token("get only", accounts=None, methods=["get"])
    assert call(query=MONTH, token=token).status_code == 403
    assert call(f"{USERS}/12345", token=token).status_code == 404


def test_a_missing_account_is_400_and_so_is_whatever_else_is_missing(call):
    found = call(account=None).json()
    assert [one["pointer"] for one in found["diagnostics"]] == ["/integrated_account_id", "/start_time", "/end_time"]
    assert found["statusCode"] == 400


@pytest.mark.parametrize("query", ["=x", "[]=1", "=1&integrated_account_id=2", "[a]=b", "=' OR 1=1 --"])
def test_a_malformed_account_is_400(call, query):
    answer = call(query=f"integrated_account_id{query}", account=None)
    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (400, "Q504")


def test_an_account_may_be_written_in_capitals(world, call):
    assert call(query=f"{MONTH}&limit=1", account=world.ours.upper()).status_code == 200


def test_an_account_of_an_integration_without_a_mapping_is_400(world, call):
    answer = call(account=world.other)
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        f"{ACTIVITY} is for accounts of gong, and this one is of salesforce",
    )


def test_a_cursor_is_for_one_account(world, call):
    twin = world.store.add_account(
        "gong", "https://gong.example", secret("mock-secret"), context={"time_zone": "America/New_York"}
    )
    token = world.store.add_token("both", accounts=[world.ours, twin])
    query = f"{MONTH}&limit=1&next_cursor={call(query=f'{MONTH}&limit=1').json()['next_cursor']}"
    assert call(query=query, token=token, account=world.ours.upper()).status_code == 200
    refused = call(query=query, token=token, account=twin)
    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (400, "Q506")


# ── Errors ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_error_is_a_problem_with_the_fields_of_truto(call):
    answer = call(query="start_time=yesterday")
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "statusCode", "error", "message", "diagnostics"} < set(problem)
    assert (problem["status"], problem["error"], problem["truto_is_remote_error"]) == (400, "Bad Request", False)
    assert sorted(one["code"] for one in problem["diagnostics"]) == ["Q503", "Q504"]


def test_an_error_of_the_provider_keeps_its_status_and_its_words(world, call):
    body = {"requestId": "7", "errors": ["slow down mock-secret"]}
    headers = {"Retry-After": "7", "X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "0"}
    ask, log = provider(world, call, lambda _: Response(body, 429, headers), retries=ONCE)
    answer = ask(query=MONTH)
    problem = answer.json()
    assert (answer.status_code, answer.headers["retry-after"], problem["truto_is_remote_error"]) == (429, "7", True)
    assert problem["raw_response"]["requestId"] == "7"
    assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]) == ("3", "0")
    assert "mock-secret" not in answer.text + json.dumps(log)


def test_a_provider_that_cannot_be_reached_is_a_502_and_a_line(world, call):
    def unreachable(_):
        raise httpx2.ConnectError("mock-secret at 10.0.0.7")

    ask, log = provider(world, call, unreachable, retries=ONCE)
    answer = ask(query=MONTH)
    assert (answer.status_code, answer.json()["truto_is_remote_error"]) == (502, True)
    failed, line = log
    assert (failed["event"], failed["error"], failed["attempt"]) == ("provider_request", "connection_refused", 1)
    assert (line["codes"], "10.0.0.7" in answer.text + json.dumps(log)) == (["P614"], False)


def test_accounts_beyond_those_whose_clients_are_kept_are_served(world, call, monkeypatch):
    monkeypatch.setattr(clients, "MAX_CLIENTS", 1)
    ask, _ = provider(world, call, lambda _: Response(b"{}", 403))
    for path in (ACTIVITY, USERS, ACTIVITY):
        assert ask(path, MONTH if path == ACTIVITY else "").status_code == 403


def test_a_call_that_is_cancelled_says_that_the_service_stops(world):
    client = service(world.store, lambda _: asyncio.sleep(10))
    url = f"{ACTIVITY}?integrated_account_id={world.ours}&{MONTH}"

    async def stopped():
        transport = httpx2.ASGITransport(client.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://t") as http:
            task = asyncio.create_task(http.get(url, headers={"authorization": f"Bearer {world.token}"}))
            await asyncio.sleep(0.2)
            task.cancel()
            return await task

    answer = asyncio.run(stopped())
    assert (answer.status_code, answer.json()["detail"]) == (503, "the service is stopping")


def test_a_bug_is_a_500_that_shows_nothing_inside(world, call, monkeypatch):
    monkeypatch.setattr(world.store, "account", lambda _: {}["password=hunter2"])
    ask, log = provider(world, call, lambda _: None)
    answer = ask(query=MONTH)
    assert (answer.status_code, "hunter2" in answer.text + json.dumps(log)) == (500, False)
    bug, _ = log
    assert (bug["error"], bug["request_id"]) == ("KeyError", answer.headers["x-request-id"])
    assert answer.headers["x-request-id"] in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/unified/conversational-intelligence/activities", 404),
        ("GET", "/unified/conversational-intelligence/activity/", 404),
        ("GET", "/../etc/passwd", 404),
        ("POST", ACTIVITY, 405),
        ("BREW", ACTIVITY, 405),
        ("DELETE", "/healthz", 405),
        ("TRACE", "/", 405),
    ],
)
def test_what_there_is_not_is_404_or_405(call, method, path, status):
    answer = call(path, method=method)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert status == 404 or "GET" in answer.headers["allow"]


def test_the_methods_of_a_path_can_be_asked_for_without_a_token(call):
    answer = call(method="OPTIONS", token=None)
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_head_has_the_headers_of_get_and_no_body(call):
    answer = call(query=f"{MONTH}&limit=1", method="HEAD")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert int(answer.headers["content-length"]) > 100


@pytest.mark.parametrize(
    ("accept", "wanted", "status"),
    [
        ("text/html", "unified", 406),
        ("text/html, */*;q=0.1", "unified", 200),
        ("application/*", "unified", 200),
        ("application/json;q=0", "unified", 406),
        ("application/json", "stream", 200),
        ("text/plain", "stream", 406),
        ("application/x-ndjson", "stream", 200),
        ("text/csv", "raw", 200),
        (",;=", "unified", 406),
    ],
)
def test_an_answer_that_the_caller_does_not_take_is_406(call, accept, wanted, status):
    query = f"{MONTH}&limit=1&truto_response_format={wanted}"
    assert call(query=query, headers={"accept": accept}).status_code == status


def test_headers_that_are_too_long_are_refused(call):
    assert call(headers={"x-much": "a" * 40_000}).status_code == 431


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def contacts(world):
    """Calls the contacts of a CRM, whose provider answers with the contact that it is sent."""
    account = world.store.add_account("harbor", "https://crm.example", secret("x"))
    token = world.store.add_token("crm", accounts=[account], methods=["create", "update", "delete", "get"])
    contact = {"id": 7, "lastName": "Ada", "created": 1767225600}

    def answer(sent):
        return Response(b"", 204) if sent.method == "DELETE" else Response({"data": contact}, 200)

    client = service(world.store, answer, mappings=[load(EXAMPLES / "harbor" / "contact.yaml")])

    def ask(method, path="", content=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"authorization": f"Bearer {token}"}
        url = f"/unified/crm/contact{path}?integrated_account_id={account}"
        return client.request(method, url, content=content, headers=named)

    return ask


JSON = {"content_type": "application/json"}


def test_a_record_is_created_changed_and_deleted(contacts):
    created = contacts("POST", "", '{"last_name": "Ada"}', **JSON)
    assert (created.status_code, created.json()["last_name"]) == (200, "Ada")
    changed = contacts("PATCH", "/7", '{"last_name": "King"}', content_type="application/json; charset=utf-8")
    assert (changed.status_code, changed.json()["id"]) == (200, "7")
    gone = contacts("DELETE", "/7")
    assert (gone.status_code, gone.content, "content-type" in gone.headers) == (204, b"", False)


@pytest.mark.parametrize(
    ("content", "headers", "status", "told"),
    [
        ('{"last_name": "Ada"}', {}, 415, "application/json"),
        ('{"last_name": "Ada"}', {"content_type": "text/plain"}, 415, "not text/plain"),
        ('{"last_name": "Ada"}', {"content_type": "application/json; charset=latin-1"}, 415, "UTF-8"),
        ("{}", JSON | {"content_encoding": "gzip"}, 415, "compressed"),
        ('{"last_name": ', JSON, 400, "line 1, column 15"),
        ("", JSON, 400, "not JSON"),
        (b'{"last_name": "\xff"}', JSON, 400, "not JSON"),
        ('{"last_name": NaN}', JSON, 400, "not JSON"),
        ("[" * 100_000, JSON, 400, "nested too deeply"),
        ("[]", JSON, 400, "a body must be an object"),
        ('{"last_nam": "Ada"}', JSON, 400, "no field"),
        ('{"last_name": "\\ud800"}', JSON, 400, "surrogate"),
        (b'"' + b"a" * 1_000_000 + b'"', JSON, 413, "1,000,000 bytes"),
        ((b"a" * 500_000 for _ in range(3)), JSON, 413, "1,000,000 bytes"),
    ],
    ids=lambda given: (
        None if isinstance(given, dict) else f"{given!s:.40}" if isinstance(given, (str, int)) else "bytes"
    ),
)
def test_a_body_that_cannot_be_read_is_refused(contacts, content, headers, status, told):
    answer = contacts("POST", "", content, **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert told in answer.json()["detail"]


# ── What goes out besides ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "7"}, ("3", "2", "7")),
        ({"X-Rate-Limit-Limit": "100, 100;window=60", "X-Rate-Limit-Remaining": "99.0"}, ("100", "99", None)),
        ({"RateLimit-Limit": "10", "RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, ("10", "0", "30")),
        ({"RateLimit": '"default";r=50;t=30', "RateLimit-Policy": '"default";q=100;w=60'}, ("100", "50", "30")),
        ({"RateLimit": "limit=100, remaining=50, reset=5"}, ("100", "50", "5")),
        ({"X-RateLimit-Reset": "1772452920"}, (None, None, "120")),
        ({"X-RateLimit-Reset": "1772452920000"}, (None, None, "120")),
        ({"X-RateLimit-Reset": "Mon, 02 Mar 2026 12:02:00 GMT"}, (None, None, "120")),
        ({"X-RateLimit-Reset": "2026-03-02T11:00:00Z"}, (None, None, "0")),
        ({"X-RateLimit-Limit": "many", "X-RateLimit-Reset": "soon", "RateLimit": "?1;=;"}, (None, None, None)),
        ({"X-RateLimit-Limit": "9" * 400, "X-RateLimit-Remaining": "-1"}, (None, None, None)),
    ],
    ids=str,
)
def test_the_limits_of_the_provider_have_one_set_of_names(world, call, sent, told):
    body = {"usersAggregateActivityStats": [], "timeZone": "America/New_York"}
    ask, _ = provider(world, call, lambda _: Response(json.dumps(body).encode(), 200, sent))
    answer = ask(query=MONTH)
    assert answer.status_code == 200
    assert tuple(answer.headers.get(f"ratelimit-{name}") for name in ("limit", "remaining", "reset")) == told


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("text/html\r\nset-cookie: a=b", "application/octet-stream"),
        ("é/x", "application/octet-stream"),
        ("", "application/octet-stream"),
        (None, "application/json"),
    ],
)
def test_raw_has_the_content_type_of_the_provider_if_it_is_one(world, call, kind, told):
    ask, _ = provider(
        world, call, lambda _: Response(b'{"a":  1}', 200, {} if kind is None else {"content-type": kind})
    )
    answer = ask(query=f"{MONTH}&truto_response_format=raw")
    assert (answer.content, answer.headers["content-type"]) == (b'{"a":  1}', told)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_each_call_and_each_request_is_a_line_without_secrets_and_query_values(world, call):
    world.log.clear()
    user = call(query=f"{MONTH}&limit=1").json()["result"][0]["user"]
    world.log.clear()
    answer = call(query=f"{MONTH}&users={user['id']}&remote_query[a]=private", headers={"x-request-id": "mine"})
    request, line = world.log
    assert {name: request[name] for name in ("event", "integration", "method", "status", "attempt", "request_id")} == {
        "event": "provider_request",
        "integration": "gong",
        "method": "POST",
        "status": 200,
        "attempt": 1,
        "request_id": "mine",
    }
    assert request["provider_request_id"]
    assert {name: line[name] for name in ("request_id", "account", "route", "method", "operation", "records")} == {
        "request_id": "mine",
        "account": world.ours,
        "route": ACTIVITY,
        "method": "GET",
        "operation": "list",
        "records": 1,
    }
    assert (line["status"], line["bytes"]) == (200, int(answer.headers["content-length"]))
    assert line["time"] == "2026-03-02T12:00:00.000Z"
    written = json.dumps(world.log)
    for private in (user["id"], user["emails"][0]["email"], "private", world.token, "mock-secret", "2026-01-01"):
        assert private not in written


def test_notes_about_a_page_are_codes_in_the_log(world, call):
    world.log.clear()
    noted = call(query=f"{MONTH}&truto_exclude_fields[]=nam&limit=1")
    assert noted.headers["x-diagnostic-codes"] == "Q508"
    assert "Q508" in world.log[-1]["codes"]
    assert "x-diagnostic-codes" not in call(query=f"{MONTH}&limit=1").headers


def test_metrics_count_calls_and_requests_without_ids(call):
    call(query=f"{MONTH}&limit=1")
    answer = call("/metrics", account=None)
    assert answer.headers["content-type"].startswith("text/plain")
    for line in (
        f'truto_mapper_calls_total{{method="GET",route="{ACTIVITY}",status="200"}} ',
        'truto_mapper_provider_requests_total{integration="gong",status="200"} ',
        'truto_mapper_provider_request_duration_seconds_count{integration="gong"} ',
        f'truto_mapper_records_total{{route="{ACTIVITY}"}} ',
        "truto_mapper_calls_in_flight 1.0",
        "truto_mapper_limit_wait_seconds_count ",
    ):
        assert f"\n{line}" in answer.text
    if Path("/proc/self").exists():
        assert "\nprocess_resident_memory_bytes " in answer.text
    assert 'route="none",status="404"' not in answer.text or "activities" not in answer.text
    assert call("/metrics", account=None, token=None).status_code == 401


class Waiting(Limiter):
    """A limiter at which each wait is named in advance, 0 for a turn."""

    def __init__(self, *waits):
        super().__init__()
        self.waits = list(waits)

    def _taken(self, *_):
        return self.waits.pop(0)


def test_a_call_waits_for_its_turn_and_is_429_if_that_takes_too_long(world, call):
    body = json.dumps({"usersAggregateActivityStats": [], "timeZone": "America/New_York"}).encode()
    limiter = Waiting(0.01, 0, 20.5, 0.01)
    ask, log = provider(world, call, lambda _: Response(body), limiter=limiter)
    assert ask(query=MONTH).status_code == 200
    refused = ask(query=MONTH)
    assert (refused.status_code, refused.headers["retry-after"], log[-1]["codes"]) == (429, "21", ["P615"])
    assert refused.json()["detail"].startswith("the provider takes 3 calls a second")
    assert "truto_mapper_limit_wait_seconds_count 2.0" in ask("/metrics", account=None).text


def test_health_the_document_and_the_page_need_no_token(call):
    for path in (
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/",
        "/docs",
        "/docs/swagger-ui.css",
        "/docs/start.js",
        "/docs/start.css",
    ):
        assert call(path, token=None, account=None).status_code == 200
    assert call("/docs/index.html", token=None, account=None).status_code == 404


def test_a_service_whose_store_is_gone_is_alive_but_not_ready(tmp_path, call):
    store = Store.open(f"sqlite:///{tmp_path}/store.db", parse_keys(new_key(), "the test"))
    client = service(store, lambda _: None)
    store.close()
    (tmp_path / "store.db").unlink()
    (tmp_path / "store.db").mkdir()
    assert client.get("/healthz").status_code == 200
    for path in ("/readyz", ACTIVITY):
        answer = call(path, client=client, account=None, token=f"truto_{'0' * 16}_{'a' * 43}")
        assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (503, "S804")
        assert answer.headers["retry-after"] == "1"


def test_a_service_whose_redis_is_gone_is_not_ready_and_asks_nothing(world, call):
    ask, _ = provider(world, call, lambda _: None, limiter=Limiter("redis://127.0.0.1:1/0"))
    assert ask("/readyz").status_code == 503
    answer = ask(query=MONTH)
    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (503, "P616")


def test_the_page_loads_nothing_from_elsewhere(call):
    answer = call("/docs", token=None, account=None)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in re.sub(r"<meta[^>]*>", "", answer.text)


def test_the_document_is_that_of_the_mappings_below_the_path_of_the_service(world):
    def document(prefix):
        found = world.client.get(f"{prefix}/openapi.json").json()
        assert sorted(found["paths"]) == [
            ACTIVITY,
            ACTIVITY.replace("activity", "interactions"),
            USERS,
            USERS + "/{id}",
        ]
        return found["servers"]

    assert document("") == [{"url": "/"}]
    mounted = TestClient(Starlette(routes=[Mount("/api", world.client.app)]))
    assert mounted.get("/api/openapi.json").json()["servers"] == [{"url": "/api"}]


def test_pages_of_no_origin_may_call_unless_one_is_named(world, call):
    origin = {"origin": "https://app.example"}
    assert "access-control-allow-origin" not in call(query=MONTH, headers=origin).headers
    ask, _ = provider(world, call, lambda _: Response({"errors": ["no"]}, 403), cors=["https://app.example"])
    asking = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    preflight = ask(method="OPTIONS", token=None, headers=origin | asking)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "https://app.example")
    refused = ask(query=MONTH, headers=origin)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (403, "https://app.example")
    other = ask(query=MONTH, headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*", "gzip;q=0", "identity", "x-gzip, deflate", ""])
def test_long_answers_are_compressed_for_those_who_take_it(call, accepted):
    answer = call(query=MONTH, headers={"accept-encoding": accepted})
    is_taken = accepted in ("gzip", "br, gzip;q=0.5", "*")
    assert answer.headers.get("content-encoding") == ("gzip" if is_taken else None)
    assert (len(answer.json()["result"]), answer.headers["vary"]) == (100, "accept-encoding")


def test_more_calls_than_may_run_are_503(world, call):
    async def nested(_):
        inner = await httpx2.AsyncClient(transport=httpx2.ASGITransport(client.app), base_url="http://t").get(
            f"{ACTIVITY}?integrated_account_id={world.ours}&{MONTH}", headers={"authorization": f"Bearer {world.token}"}
        )
        seen.append(inner)
        return Response(b"{}", 403)

    seen, client = [], None
    client = service(world.store, nested, max_calls=1)
    assert call(query=MONTH, client=client).status_code == 403
    assert (seen[0].status_code, seen[0].headers["retry-after"]) == (503, "1")


def test_what_a_client_finds_out_is_remembered(world, call):
    account = world.store.add_account("gong", "https://gong.example", secret("mock-secret"))
    token = world.store.add_token("new", accounts=[account])
    assert call(query=f"{MONTH}&limit=1", account=account, token=token).status_code == 200
    until = time.monotonic() + 5
    while world.store.account(account).entry.context != {"time_zone": "America/New_York"}:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_changed_credentials_and_removed_tokens_take_effect_in_two_seconds(tmp_path):
    store = Store.open(f"sqlite:///{tmp_path}/store.db", parse_keys(new_key(), "the test"))
    account = store.add_account("gong", "https://gong.example", secret("old"), context={"time_zone": "UTC"})
    token, sent, at = store.add_token("t", accounts=[account]), [], [0.0]

    def answer(request):
        sent.append(request.headers["authorization"])
        return Response(b"{}", 403)

    client = service(store, answer, clock=lambda: at[0])

    def status():
        url = f"{ACTIVITY}?integrated_account_id={account}&{MONTH}"
        return client.get(url, headers={"authorization": f"Bearer {token}"}).status_code

    assert (status(), store.replace_credentials(account, secret("new"))) == (403, secret("new"))
    at[0] = 2.0
    assert (status(), sent[0] != sent[1]) == (403, True)
    store.remove_token(store.tokens()[0].token)
    at[0] = 4.0
    assert status() == 401
    store.close()


def test_two_mappings_of_one_resource_and_integration_are_refused(world):
    with pytest.raises(QueryError, match="two mappings serve conversational-intelligence/users of gong"):
        app([load("gong/users"), load("gong/users")], world.store)


def test_a_resource_without_the_parameter_of_the_account_is_refused(world, tmp_path):
    folder = tmp_path / "mappings" / "harbor"
    folder.mkdir(parents=True)
    (folder / "contact.yaml").write_text((EXAMPLES / "harbor" / "contact.yaml").read_text())
    shutil.copytree(EXAMPLES.parent / "schemas", tmp_path / "schemas")
    spec = tmp_path / "schemas" / "crm" / "contact.yaml"
    spec.write_text(re.sub("  integrated_account_id.*\n", "", spec.read_text()))
    with pytest.raises(QueryError, match="crm/contact has no parameter `integrated_account_id`"):
        app([load(folder / "contact.yaml")], world.store)


@pytest.mark.parametrize(
    ("messages", "status"), [([], 408), ([{"type": "http.disconnect"}], 400)], ids=["slow", "gone"]
)
def test_a_body_must_come_in_time_and_to_its_end(monkeypatch, messages, status):
    monkeypatch.setattr(bodies, "PATIENCE", 0.01)
    scope = {"headers": [(b"content-type", b"application/json")]}

    async def receive():
        return messages.pop(0) if messages else await asyncio.sleep(10)

    with pytest.raises(Refused) as refused:
        asyncio.run(bodies.read_json(scope, receive))
    assert refused.value.status == status
