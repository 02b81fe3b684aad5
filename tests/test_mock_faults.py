"""Faults of the mock, each over a real socket, and the rules that ask for them."""

import asyncio
import json
import threading
import time

import httpx2
import pytest
from mock_company import NOON, Asker

from truto_mapper.edges.mock import KEY, SECRET, gong, listening, server
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

USERS, BODY = "/v2/users", {"filter": {"fromDate": "2026-01-01", "toDate": "2026-02-01"}}


@pytest.fixture(scope="module")
def client():
    """A client of a mock that runs in a thread, at a socket."""
    at = listening(0)
    running = server(gong(users=330, limits=False, now=lambda: NOON))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [at]})
    thread.start()
    url = f"http://127.0.0.1:{at.getsockname()[1]}"
    with httpx2.Client(base_url=url, auth=(KEY, SECRET), timeout=10) as made:
        yield made
    running.should_exit = True
    thread.join()
    at.close()


def get(client, fault, **params):
    return client.get(USERS, headers={"X-Mock-Fault": fault}, params=params)


def test_without_a_fault_the_answer_is_whole(client):
    assert client.get(USERS).json()["records"]["totalRecords"] == 330


@pytest.mark.parametrize(("fault", "wait"), [("429", "1"), ("{fault: 429, retry_after: 7200}", "7200")])
def test_429_says_when_to_come_back(client, fault, wait):
    reply = get(client, fault)
    assert (reply.status_code, reply.headers["retry-after"]) == (429, wait)
    assert reply.json()["errors"] == ["API rate limit exceeded"]


def test_500_is_an_error_of_gong(client):
    reply = get(client, "500")
    assert (reply.status_code, reply.headers["x-traceid"]) == (500, reply.json()["requestId"])


def test_503_is_a_page_of_html(client):
    reply = get(client, "503")
    assert (reply.status_code, reply.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert reply.text.startswith("<!DOCTYPE html>")


def test_a_slow_body_comes_in_pieces(client):
    started = time.monotonic()
    with client.stream("GET", USERS, headers={"X-Mock-Fault": "{fault: slow, seconds: 0.2}"}) as reply:
        pieces = [piece for piece in reply.iter_raw() if piece]
    assert len(pieces) > 5
    assert time.monotonic() - started >= 0.2
    assert json.loads(b"".join(pieces))["users"]


def test_half_of_the_json_comes_in_a_whole_answer(client):
    reply = get(client, "half-json")
    assert int(reply.headers["content-length"]) == len(reply.content)
    with pytest.raises(json.JSONDecodeError):
        reply.json()


def test_a_truncated_body_ends_before_its_length(client):
    with pytest.raises(httpx2.RemoteProtocolError):
        get(client, "truncated")


def test_a_reset_breaks_the_connection(client):
    with pytest.raises((httpx2.ReadError, httpx2.RemoteProtocolError)):
        get(client, "reset")


def test_gzip_comes_without_being_asked_for(client):
    headers = {"X-Mock-Fault": "gzip", "Accept-Encoding": "identity"}
    reply = client.get(USERS, headers=headers)
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.json()["users"]


def test_the_content_type_is_wrong_where_that_is_asked_for(client):
    reply = get(client, "content-type")
    assert reply.headers["content-type"] == "text/html"
    assert reply.json()["users"]


@pytest.mark.parametrize(
    ("fault", "target"),
    [
        ("redirect", "https://elsewhere.example/"),
        ("{fault: redirect, location: http://127.0.0.1:1/}", "http://127.0.0.1:1/"),
    ],
)
def test_a_redirect_leads_to_another_origin(client, fault, target):
    reply = get(client, fault)
    assert (reply.status_code, reply.headers["location"]) == (307, target)


def test_a_cursor_that_repeats_leads_to_the_same_page(client):
    cursor = client.get(USERS).json()["records"]["cursor"]
    again = get(client, "repeat-cursor", cursor=cursor).json()["records"]
    assert again["currentPageNumber"] == 1
    following = client.get(USERS, params={"cursor": again["cursor"]}).json()
    assert following["records"]["currentPageNumber"] == 1


def test_data_that_changes_between_pages_shifts_them(client):
    first = client.get(USERS).json()
    cursor = first["records"]["cursor"]
    right = client.get(USERS, params={"cursor": cursor}).json()["users"]
    changed = get(client, "changed", cursor=cursor).json()
    assert changed["users"][:-1] == right[1:]
    assert changed["records"]["totalRecords"] == 329


def test_a_header_that_names_no_fault_is_told_which_there_are(client):
    reply = get(client, "429, slow")
    assert reply.status_code == 400
    (error,) = get(client, "slw").json()["errors"]
    assert "`slow`" in error


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────────────


def statuses(rules, calls, path=USERS, **more):
    with asyncio.Runner() as runner:
        app = gong(users=5, limits=False, now=lambda: NOON, faults=Source("faults.yaml", rules))
        ask = Asker(app, runner)
        return [ask("GET", path, **more).status_code for _ in range(calls)]


def test_a_rule_strikes_the_calls_that_it_counts():
    rules = "rules:\n  - {path: /v2/users, calls: [2, 4], fault: 500}\n  - {path: '*', calls: [4, 5], fault: 503}\n"
    assert statuses(rules, 6) == [200, 500, 200, 500, 503, 200]


def test_a_rule_strikes_paths_and_methods_that_match():
    rules = "rules:\n  - {path: /v2/stats/*, fault: 500}\n  - {method: post, fault: 429}\n"
    assert statuses(rules, 1) == [200]
    assert statuses(rules, 1, path="/v2/stats/activity/aggregate") == [500]


def test_chance_is_the_same_under_a_seed():
    rules = "seed: {seed}\nrules:\n  - {{probability: 0.5, fault: 500}}\n"
    one, again, other = (statuses(rules.format(seed=seed), 40) for seed in (1, 1, 2))
    assert one == again != other
    assert 8 <= one.count(500) <= 32


@pytest.mark.parametrize("fault", ["truncated", "reset"])
def test_without_a_connection_a_call_that_is_cut_fails(fault):
    with pytest.raises(ConnectionResetError):
        statuses(f"rules: [{{fault: {fault}}}]", 1)


def test_the_header_comes_before_the_rules():
    assert statuses("rules: [{fault: 500}]", 1, headers={"X-Mock-Fault": "429"}) == [429]


MISTAKES = {
    "rules:\n  - {fault: slw}\n": ("2:13", "`slw`", "slow"),
    "rules:\n  - {path: /v2, falt: 429}\n": ("2:17", "`falt`", "fault"),
    "rules:\n  - {fault: slow, seconds: -1}\n": ("2:28", "at least 0", ""),
    "rules:\n  - {fault: 429, probability: 2}\n": ("2:31", "at most 1", ""),
    "seed: 1\nrule: []\n": ("2:1", "`rule`", "rules"),
    "rules:\n  - {fault: 500, calls: [0]}\n": ("2:26", "at least 1", ""),
    "rules:\n  - {fault: redirect, location: 'a b'}\n": ("2:33", "a b", ""),
    "rules: [\n": ("", "", ""),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_in_the_rules_is_shown_at_its_place(text, tmp_path):
    (tmp_path / "faults.yaml").write_text(text)
    with pytest.raises(MappingError) as found:
        gong(faults=tmp_path / "faults.yaml")
    place, quoted, hint = MISTAKES[text]
    shown = str(found.value)
    assert f"faults.yaml:{place}" in shown
    assert quoted in shown
    assert hint in shown


def test_all_mistakes_in_the_rules_are_shown():
    with pytest.raises(MappingError) as found:
        gong(faults=Source("faults.yaml", "rules:\n  - {fault: 1}\n  - {fault: slow, calls: 3}\n"))
    assert len(found.value.diagnostics) == 2
