"""Two services as processes on one PostgreSQL and one Redis: limits are kept together, and what is killed is told."""

import asyncio
import json
import signal
import socket
import time

import fleet as fleets
import httpx2
import pytest
import redis_server

USERS = 800


@pytest.fixture(scope="module")
def fleet(postgres):
    with redis_server.running() as redis, fleets.fleet(postgres.url, redis.url, USERS) as made:
        made.redis_server, made.postgres = redis, postgres
        yield made
    postgres.empty()


def problem(answer):
    """The status of an answer and the code of its problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["diagnostics"][0]["code"]


def until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_two_services_keep_three_calls_a_second_together(fleet):
    answers = asyncio.run(fleets.hammered(fleet, callers=6, seconds=3))
    seen = fleet.seen()
    assert {one.status for one in answers} == {200}
    assert {status for _, status in seen} == {200}
    assert fleets.most_in_a_second([when for when, _ in seen]) == 3
    assert len(seen) >= 6


def test_without_redis_calls_are_503_and_go_on_when_it_is_back(fleet):
    fleet.redis_server.kill()
    before = len(fleet.seen())
    for service in fleet.services:
        assert problem(fleet.call(service)) == (503, "P616")
        assert fleet.ready(service) == 503
    assert len(fleet.seen()) == before
    fleet.redis_server.start()
    for service in fleet.services:
        assert (fleet.ready(service), fleet.call(service).status_code) == (200, 200)


def test_without_postgresql_nobody_is_let_in(fleet):
    first, second = fleet.services
    other = {"authorization": f"Bearer {fleet.run('token', 'add', 'other', '--account', fleet.account)}"}
    fleet.call(first)
    fleet.postgres.kill()
    assert fleet.call(first).status_code == 200  # a moment ago it was right
    for headers in (other, {"authorization": "Bearer truto_0123456789abcdef_" + "a" * 43}):
        assert problem(httpx2.get(second.url + fleet.path(), headers=headers, timeout=30)) == (503, "S804")
    until(lambda: problem(fleet.call(first)) == (503, "S804") if fleet.call(first).status_code != 200 else False, 4)
    assert [fleet.ready(one) for one in fleet.services] == [503, 503]
    fleet.postgres.start()
    for service in fleet.services:
        assert (fleet.ready(service), fleet.call(service).status_code) == (200, 200)
    wrong = httpx2.get(first.url + fleet.path(), headers={"authorization": "Bearer truto_0123456789abcdef_" + "a" * 43})
    assert wrong.status_code == 401


def streamed(service, fleet, query):
    """A socket on which a stream comes."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    made = socket.create_connection((host, int(port)), timeout=30)
    head = f"GET {fleet.path(query)} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {fleet.token}\r\n\r\n"
    made.sendall(head.encode())
    return made


def read(connection):
    """Everything until the other side closes, also if it does so without a word."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
            if part.endswith(b"\r\n0\r\n\r\n"):
                break
    except ConnectionResetError:
        pass
    return b"".join(parts)


def ids(pages):
    return [one["id"] for page in pages for one in page["result"]]


def test_a_service_that_is_killed_breaks_its_streams_and_others_go_on_with_its_cursors(fleet):
    first, second = fleet.services
    truth = [json.loads(line)["id"] for line in fleet.call(second, "&truto_response_format=stream").iter_lines()]
    page = fleet.call(first, "&limit=30").json()
    with streamed(first, fleet, f"&truto_response_format=stream&next_cursor={page['next_cursor']}") as connection:
        start = connection.recv(1000)
        first.end()
        body = start + read(connection)
    assert start.startswith(b"HTTP/1.1 200 OK")
    assert not body.endswith(b"0\r\n\r\n")
    with pytest.raises(httpx2.ConnectError):
        fleet.call(first)
    rest = fleet.call(second, f"&truto_response_format=stream&next_cursor={page['next_cursor']}")
    assert ids([page]) + [json.loads(line)["id"] for line in rest.iter_lines()] == truth
    fleet.services[0] = fleet.service("--grace", "3")
    assert fleet.call(fleet.services[0]).status_code == 200


def test_a_service_that_is_told_to_end_lets_its_streams_end(fleet):
    service = fleet.services[0]
    with streamed(service, fleet, "&limit=500&truto_response_format=stream") as connection:
        start = connection.recv(1000)
        service.running.send_signal(signal.SIGTERM)
        body = start + read(connection)
    assert body.endswith(b"\r\n0\r\n\r\n")
    assert body.count(b'"aggregation_period"') == 500
    assert json.loads(service.end(signal.SIGTERM).splitlines()[-1])["records"] == 500
    assert service.running.returncode in (0, -signal.SIGTERM)
    with pytest.raises(httpx2.ConnectError):
        fleet.call(service)
