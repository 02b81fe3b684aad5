"""The service at a real socket: chunked bodies that break, callers who leave, bounds before a request, the end."""

import asyncio
import json
import logging
import socket
import threading
import time
from types import SimpleNamespace

import httpx2
import pytest

from truto_mapper import Response, load
from truto_mapper.edges.client import Retries
from truto_mapper.edges.server import Store, app, serving
from truto_mapper.edges.server.boundary import BrokenStreamError
from truto_mapper.edges.server.keys import new_key, parse_keys

ACTIVITY = "/unified/conversational-intelligence/activity"
MONTH = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"


class Gong:
    """A provider of pages: what each page is, and which were asked for."""

    def __init__(self):
        self.pages, self.asked, self.cut = [], [], threading.Event()

    def __call__(self, sent):
        number = int(json.loads(sent.content).get("cursor", 0))
        self.asked.append(number)
        page = self.pages[number]
        return page() if callable(page) else page


def page(number, rows=100, following=True, padding=""):
    """A page of users, who are others on each page."""
    row = {"userEmailAddress": "a@b.example", "userAggregateActivityStats": {"callsAsHost": 1}, "padding": padding}
    users = [{"userId": f"{number}{index:04}", **row} for index in range(rows)]
    records = {"cursor": str(number + 1)} if following else {}
    return Response(json.dumps({"usersAggregateActivityStats": users, "records": records, "timeZone": "UTC"}).encode())


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A service at a socket; its `gong` is to be given pages."""
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('socket')}/store.db", parse_keys(new_key(), "the test"))
    account = store.add_account(
        "gong", "https://gong.example", {"type": "bearer", "token": "t"}, context={"time_zone": "UTC"}
    )
    log, gong = [], Gong()
    options = {"retries": Retries(attempts=1), "timeout": 2, "log": log.append}
    made = app([load("gong/activity", cursor_key="a key of 16 bytes")], store, transport=gong, **options)
    at, server = serving.listening("127.0.0.1", 0), serving.server(made, grace=1)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
    thread.start()
    port, token = at.getsockname()[1], store.add_token("t", accounts=[account])
    query = f"{ACTIVITY}?integrated_account_id={account}&{MONTH}"
    about = SimpleNamespace(port=port, token=token, query=query, gong=gong, log=log, server=server, thread=thread)
    about.headers = {"authorization": f"Bearer {token}"}
    about.url = f"http://127.0.0.1:{port}"
    yield about
    server.should_exit = True
    thread.join(10)
    at.close()
    store.close()


@pytest.fixture
def gong(running):
    running.gong.__init__()
    running.log.clear()
    return running.gong


def asked(running, more="&truto_response_format=stream"):
    """A request as bytes."""
    head = f"GET {running.query}{more} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {running.token}\r\n\r\n"
    return head.encode()


def connected(running, data):
    made = socket.create_connection(("127.0.0.1", running.port), timeout=10)
    made.sendall(data)
    return made


def read(connection):
    """Everything until the other side closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def until(condition, seconds=5.0):
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_stream_that_is_complete_ends_as_http_says(running, gong):
    gong.pages = [page(0), page(1), page(2, following=False)]
    answer = httpx2.get(running.url + running.query + "&truto_response_format=stream", headers=running.headers)
    assert (answer.headers["transfer-encoding"], answer.headers["content-encoding"]) == ("chunked", "gzip")
    assert len({json.loads(line)["id"] for line in answer.text.splitlines()}) == 300


def test_a_stream_that_fails_breaks_its_body(running, gong):
    gong.pages = [page(0), Response(b'{"errors": ["gone"]}', 500)]
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.get(running.url + running.query + "&truto_response_format=stream", headers=running.headers)
    with connected(running, asked(running)) as connection:
        body = read(connection)
    assert body.count(b'"aggregation_period"') == 100
    assert not body.endswith(b"0\r\n\r\n")
    until(lambda: running.log[-1]["event"] == "call")
    assert (running.log[-1]["status"], running.log[-1]["broken"]) == (200, "500")
    assert "P601" in running.log[-1]["codes"]


def test_what_the_server_reports_of_a_broken_stream_is_told_by_the_line_of_its_call():
    told = []
    report = {"msg": "Exception in ASGI application\n", "levelno": logging.ERROR, "levelname": "ERROR"}
    for error in (BrokenStreamError("the stream failed"), ValueError("what a bug says may hold data")):
        record = logging.makeLogRecord(report | {"exc_info": (type(error), error, None)})
        serving.Lines(told.append).handle(record)
    (line,) = told
    assert (line["event"], line["level"], line["message"]) == ("server", "error", "Exception in ASGI application")


def test_a_stream_that_fails_before_its_first_byte_is_a_problem(running, gong):
    gong.pages = [Response(b'{"errors": ["slow down"]}', 429, {"Retry-After": "9"})]
    answer = httpx2.get(running.url + running.query + "&truto_response_format=stream", headers=running.headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")
    assert answer.headers["content-type"] == "application/problem+json"


def test_each_page_of_a_stream_can_be_read_when_it_comes(running, gong):
    second = page(1, following=False)
    gong.pages = [page(0), lambda: asyncio.to_thread(lambda: gong.cut.wait(5) and second)]
    with httpx2.stream(
        "GET", running.url + running.query + "&truto_response_format=stream", headers=running.headers
    ) as answer:
        lines = answer.iter_lines()
        first = [next(lines) for _ in range(100)]
        gong.cut.set()
        assert len(first) + len(list(lines)) == 200


def test_a_caller_who_does_not_read_is_not_fetched_for(running, gong):
    gong.pages = [*(page(number, padding="x" * 10_000) for number in range(60)), page(60, following=False)]
    with connected(running, asked(running)):
        until(lambda: len(gong.asked) > 1)
        seen = [0, 1]
        while len(set(seen[-4:])) > 1:  # the buffers of the sockets fill up
            time.sleep(0.1)
            seen.append(len(gong.asked))
        assert seen[-1] < 20
    until(lambda: running.log and running.log[-1]["event"] == "call")
    assert len(gong.asked) < 20
    assert running.log[-1]["broken"]


def test_a_caller_who_reads_nothing_for_too_long_loses_the_connection(running, gong):
    gong.pages = [*(page(number, padding="x" * 10_000) for number in range(60)), page(60, following=False)]
    with connected(running, asked(running)) as connection:
        until(lambda: running.log and running.log[-1]["event"] == "call")
        assert not read(connection).endswith(b"0\r\n\r\n")
    assert running.log[-1]["broken"] == "504"


def test_a_caller_who_does_not_read_one_large_page_loses_the_connection(running, gong):
    gong.pages = [page(0, padding="x" * 100_000, following=False)]
    with connected(running, asked(running, "&truto_response_format=raw")) as connection:
        until(lambda: running.log and running.log[-1]["event"] == "call")
        assert len(read(connection)) < 10_000_000
    assert running.log[-1]["broken"] == "504"


def test_a_caller_who_leaves_a_call_that_waits_stops_it(running, gong):
    gong.pages = [lambda: asyncio.sleep(30)]
    connection = connected(running, asked(running, ""))
    until(lambda: gong.asked)
    connection.close()
    until(lambda: running.log and running.log[-1]["event"] == "call")
    assert (running.log[-1]["broken"], running.log[-1]["status"]) == ("the caller closed the connection", 499)


def test_a_call_that_takes_too_long_is_504(running, gong):
    gong.pages = [lambda: asyncio.sleep(30)]
    answer = httpx2.get(running.url + running.query, headers=running.headers)
    assert (answer.status_code, answer.json()["detail"]) == (504, "the call took more than 2 s")


def test_head_of_a_stream_asks_for_one_page(running, gong):
    gong.pages = [page(0), page(1, following=False)]
    url = running.url + running.query + "&truto_response_format=stream"
    answer = httpx2.head(url, headers=running.headers)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "application/x-ndjson", b"")
    assert gong.asked == [0]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"{ACTIVITY}?users={'1' * 190_000}", b"414"),
        (f"{ACTIVITY}?users={'1' * 65_100}", b"414"),
        (f"{ACTIVITY}?integrated_account_id=\xff", b"400"),
        ("//evil.example/x", b"404"),
        ("http://evil.example/healthz", b"200"),
        ("/docs/..%2f..%2f..%2fetc%2fpasswd", b"404"),
        ("/docs/../../../etc/passwd", b"404"),
    ],
    ids=["long", "very long", "not UTF-8", "two slashes", "absolute", "escaped dots", "dots"],
)
def test_a_target_that_leads_nowhere_is_refused(running, target, status):
    head = f"GET {target} HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {running.token}\r\nconnection: close\r\n\r\n"
    with connected(running, head.encode("latin-1")) as connection:
        assert read(connection).split(b" ", 2)[1] == status


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nhost: t\r\nx-request-id: a\r\n b: c\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
        b"\x16\x03\x01\x02\x00\x01",
    ],
    ids=["folded header", "two lengths", "two content-lengths", "TLS"],
)
def test_what_is_no_http_request_is_refused(running, head):
    with connected(running, head) as connection:
        assert read(connection).split(b" ", 2)[1] == b"400"


def test_a_request_that_does_not_end_is_refused(running):
    with connected(running, b"GET /healthz HTTP/1.1\r\nx: " + b"a" * 300_000) as connection:
        assert b"HTTP/1.1 431 " in read(connection)


def test_a_request_must_begin_in_time(running, monkeypatch):
    monkeypatch.setattr(serving, "PATIENCE", 0.2)
    for data in (b"", b"GET /healthz HTTP/1.1\r\nhost: "):
        with connected(running, data) as connection:
            assert b"HTTP/1.1 408 " in read(connection)
    with connected(running, b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n") as connection:
        assert b"HTTP/1.1 200 OK" in connection.recv(65536)
        connection.sendall(b"GET /")
        assert b"HTTP/1.1 408 " in read(connection)


def test_a_request_id_comes_back_if_it_is_plain(running):
    for given, kept in (("a-b.c:1", True), ("x" * 129, False), ("a b", False), ("{}", False)):
        answer = httpx2.get(f"{running.url}/healthz", headers={"x-request-id": given})
        assert (answer.headers["x-request-id"] == given, len(answer.headers["x-request-id"]) > 0) == (kept, True)


def test_a_service_that_stops_gives_streams_time_and_then_breaks_them(running, gong):
    """The last test: the service stops."""
    waits = [30, 0.3]
    gong.pages = [page(0), lambda: asyncio.sleep(waits.pop(), page(1, following=False))]
    with connected(running, asked(running)) as quick:
        until(lambda: len(gong.asked) == 2)
        with connected(running, asked(running)) as slow:
            until(lambda: len(gong.asked) == 4)
            running.server.should_exit = True
            assert read(quick).endswith(b"0\r\n\r\n")
            assert not read(slow).endswith(b"0\r\n\r\n")
    running.thread.join(5)
    assert not running.thread.is_alive()
    with pytest.raises(OSError, match="refused"):
        connected(running, b"")
