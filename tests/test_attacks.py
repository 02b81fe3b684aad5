"""Attacks on the service and the client, one test a subject: many hostile inputs, and what must not come of them."""

import asyncio
import base64
import contextlib
import gzip
import io
import json
import os
import socket
import stat
import threading
import time
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import data_files
import httpx2
import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from truto_mapper import MapperError, Response, load
from truto_mapper.edges import mock
from truto_mapper.edges.cli import app as cli
from truto_mapper.edges.client import Account, Basic, Bearer, Client, Limiter, Retries
from truto_mapper.edges.client.resuming import Progress
from truto_mapper.edges.server import Store, accounts, app, serving
from truto_mapper.edges.server.boundary import BrokenStreamError
from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.keys import new_key, parse_keys, read_keys, write_key

USERS = "/unified/conversational-intelligence/users"
ACTIVITY = "/unified/conversational-intelligence/activity"
CONTACT = "/unified/crm/contact"
MONTH = "start_time=2026-01-01T00:00:00Z&end_time=2026-02-01T00:00:00Z"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONCE = Retries(attempts=1)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PASSWORD, THEIR_PASSWORD = "s3cr3t/+pass wörd", "an0ther-s3cr3t"

ATTACKS = data_files.read("attacks.yaml")

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods:
  list: {http_method: GET, path: /unified/crm/contact}
  get: {http_method: GET, path: "/unified/crm/contact/{id}"}
  create: {http_method: POST, path: /unified/crm/contact}
  delete: {http_method: DELETE, path: "/unified/crm/contact/{id}"}
parameters:
  integrated_account_id: {type: string, format: uuid, required: true}
  header: {type: string, methods: [list]}
  path: {type: string, methods: [list]}
  limit: {type: integer, methods: [list]}
  next_cursor: {type: string, methods: [list]}
  remote_query: {type: object, methods: [list]}
fields: {id: {type: string, required: true}, name: {type: string}}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""

MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
error_mapping: {message: error}
endpoints:
  all:
    path_mapping: '$query.path ? $query.path : "/contacts"'
    request_header_mapping: {x-given: $query.header}
    pagination: {format: link_header}
    for_each: {contact: $}
    response_mapping: &contact {id: $string($contact.id), name: $contact.name}
  one:
    method: get
    path_mapping: '"/contacts/" & $id'
    for_each: {contact: $}
    response_mapping: *contact
  new:
    method: create
    request_method: POST
    path_mapping: '"/contacts"'
    request_body_mapping: {name: $body.name}
    for_each: {contact: $}
    response_mapping: *contact
  gone:
    method: delete
    request_method: DELETE
    path_mapping: '"/contacts/" & $id'
"""


def basic(password):
    return {"type": "basic", "username": "the-user-name", "password": password}


class Provider(httpx2.MockTransport):
    """A provider over a transport of HTTP: what it was sent, and what it answers."""

    def __init__(self):
        super().__init__(self._answered)
        self.sent, self.answer = [], None

    async def _answered(self, request):
        self.sent.append(request)
        made = self.answer(request)
        return await made if asyncio.iscoroutine(made) else made

    def users(self, request):
        """A page of users, whom the credentials choose."""
        who = base64.b64decode(request.headers["authorization"].split()[1]).decode()[-6:]
        rows = [{"userId": str(n), "userAggregateActivityStats": {"callsAsHost": n}} for n in range(1, 4)]
        records = {"records": {"cursor": f"their-{len(self.sent)}"}, "timeZone": "UTC"}
        for row in rows:
            row["userEmailAddress"] = f"{who.strip().encode().hex()}@a.example"
        return httpx2.Response(200, json={"usersAggregateActivityStats": rows, **records})


class Unlimited(Limiter):
    """Gives everybody a turn at once."""

    def take(self, *_):
        return 0.0


class Endless(httpx2.AsyncByteStream):
    """A body that does not end."""

    async def __aiter__(self):
        while True:
            yield bytes(2**20)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A service at a socket, with accounts of two tenants at one provider."""
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "schemas/crm").mkdir(parents=True)
    (folder / "schemas/crm/contact.yaml").write_text(SPEC)
    (folder / "acme.yaml").write_text(MAPPING)
    key = new_key()
    store = Store.open(f"sqlite:///{folder}/store.db", parse_keys(key, "the test"))
    utc = {"time_zone": "UTC"}
    ours = store.add_account("gong", "https://gong.example", basic(PASSWORD), context=utc)
    theirs = store.add_account("gong", "https://gong.example", basic(THEIR_PASSWORD), context=utc)
    crm = store.add_account("acme", "https://crm.example/base", basic(PASSWORD))
    mappers = [load(name, cursor_key=store.cursor_keys) for name in ("gong/activity", "gong/users")]
    mappers.append(load(folder / "acme.yaml", cursor_key=store.cursor_keys))
    provider, log = Provider(), io.StringIO()
    options = {"retries": ONCE, "timeout": 5, "log": serving.to(log), "now": lambda: NOW, "limiter": Unlimited()}
    made = app(mappers, store, transport=provider, **options)
    at, server = serving.listening("127.0.0.1", 0), serving.server(made, grace=0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [at]})
    thread.start()
    port = at.getsockname()[1]
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        about = SimpleNamespace(store=store, ours=ours, theirs=theirs, crm=crm, key=key, folder=folder, http=http)
        about.port, about.provider, about.log, about.app, about.mappers = port, provider, log, made, mappers
        about.methods = ["list", "get", "create", "delete"]
        about.token = store.add_token("ours", accounts=[ours, crm], methods=about.methods)
        about.their_token = store.add_token("theirs", accounts=[theirs])
        yield about
    server.should_exit = True
    thread.join(10)
    at.close()
    store.close()


@pytest.fixture
def provider(world):
    """The provider, which was asked nothing yet."""
    made = world.provider
    made.sent.clear()
    made.answer = made.users
    world.log.truncate(0)
    world.log.seek(0)
    return made


@pytest.fixture
def ask(world, provider):  # noqa: ARG001  # it forgets what it was sent
    """Calls the service: `ask(path, query, …)`; account and token None leave them out."""

    def ask(path=ACTIVITY, query=MONTH, *, account=world.ours, token=world.token, method="GET", headers=(), **more):
        named = f"integrated_account_id={account}&{query}" if account else query
        given = [("authorization", f"Bearer {token}")] if token else []
        return world.http.request(method, f"{path}?{named}".rstrip("?&"), headers=[*given, *headers], **more)

    return ask


@pytest.fixture
def raw(world, provider):  # noqa: ARG001  # likewise
    """Sends bytes: the answer until the service closes, as bytes."""

    def raw(data, *, wait=5):
        with socket.create_connection(("127.0.0.1", world.port), timeout=wait) as connection:
            connection.sendall(data)
            parts = []
            with contextlib.suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    parts.append(part)
        return b"".join(parts)

    return raw


def head(target, *fields, method=b"GET"):
    lines = [method + b" " + target + b" HTTP/1.1", b"host: t", b"connection: close", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


def flood(connection, filler):
    """Send much, until the other side has enough."""
    for _ in range(200):
        connection.sendall(filler)
        time.sleep(0.001)


def events(world):
    return [json.loads(line) for line in world.log.getvalue().splitlines()]


# ── Who may ask ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_but_the_token_lets_in(world, raw):
    token, target = world.token.encode(), f"{ACTIVITY}?integrated_account_id={world.ours}&{MONTH}".encode()
    ours, theirs = world.token.split("_", 2), world.their_token.split("_", 2)
    removed = world.store.add_token("removed", accounts=None)
    world.store.remove_token(removed.split("_")[1])
    expired = world.store.add_token("expired", accounts=None, expires=NOW - timedelta(seconds=1))
    wrong = [
        *(token[:-1], token + b"a", token[:-1] + b"!", token.swapcase(), token[6:], b"truto_" + token, token * 2),
        "_".join([*ours[:2], theirs[2]]).encode(),
        "_".join([*theirs[:2], ours[2]]).encode(),
        *(removed.encode(), expired.encode(), token + b"\xa0", b"\xa0" + token, token + b",", token + b", " + token),
        *(b'"' + token + b'"', token.replace(b"_", b"%5F"), base64.b64encode(token), b"*", b"", b"null", b"a" * 30_000),
        "ｔｒｕｔｏ".encode() + token[5:],
    ]
    named = [b"authorization: Bearer " + one for one in wrong]
    named += [b"authorization: " + scheme + token for scheme in (b"", b"Basic ", b"Token ", b"Bearer\t", b"Bearer:")]
    named += [b"authorization: Basic " + base64.b64encode(b":" + token), b"proxy-authorization: Bearer " + token]
    named += [b"authorization_: Bearer " + token, b"x-authorization: Bearer " + token, b"cookie: token=" + token]
    for field in named:
        answer = raw(head(target, field))
        assert (status_of(answer), b'www-authenticate: Bearer realm="' in answer) == (401, True), field
    allowed = b"authorization: Bearer " + token
    assert status_of(raw(head(target, allowed, allowed))) == 401
    assert status_of(raw(head(target + b"&access_token=" + token + b"&token=" + token))) == 401
    chunked = head(target, b"transfer-encoding: chunked") + b"0\r\n" + allowed + b"\r\n\r\n"
    assert status_of(raw(chunked)) == 401
    assert world.provider.sent == []
    for field in (allowed, b"AUTHORIZATION: bEaReR   " + token + b"  "):
        assert status_of(raw(head(target, field))) == 200


def test_a_token_reaches_no_account_but_its_own(world, ask, provider):
    spellings = (world.theirs, world.theirs.upper(), UNKNOWN)
    answers = [ask(account=one) for one in spellings]
    assert {one.status_code for one in answers} == {404}
    told = [one.text.replace(spelling.lower(), "") for one, spelling in zip(answers, spellings, strict=True)]
    assert len(set(told)) == 1  # nothing tells a foreign account from none
    name, ours, theirs = "integrated_account_id", world.ours, world.theirs
    for query in (
        *(
            f"{name}={ours}&{name}={theirs}",
            f"{name}={theirs}&{name}={ours}",
            f"{name}[]={ours}",
            f"{name}[0]={theirs}",
        ),
        *(f"{name}[a]={ours}", f"{name}={ours},{theirs}", f"{name}={{{theirs}}}", f"{name}=urn:uuid:{theirs}"),
        *(f"{name}={theirs.replace('-', '')}", f"{name}=%00{theirs}", f"{name}={theirs}%00", f"{name}={theirs}%20"),
        *(f"{name.upper()}={theirs}", f"{name}=%ef%bc%91{theirs[1:]}", f"{name}={ours}'", f"{name}=*", f"{name}=%25"),
        *(f"{name}={ours}&{name.upper()}={theirs}", f"{name}={ours}&account={theirs}", f"{name}%00={theirs}"),
    ):
        assert ask(query=f"{query}&{MONTH}", account=None).status_code == 400, query
    assert provider.sent == []
    beside = f"{MONTH}&remote_query[{name}]={theirs}&remote_query[x][{name}]={theirs}"
    assert ask(query=beside, headers=[(name, theirs), ("cookie", f"{name}={theirs}")]).status_code == 200
    assert ask(account=ours.upper()).status_code == 200
    assert {one.headers["authorization"] for one in provider.sent} == {Basic("the-user-name", PASSWORD).header}


def test_a_method_is_not_reached_by_another_name(world, ask, provider):
    provider.answer = lambda _: httpx2.Response(200, json={"id": 7, "name": "Ada"})
    token = world.store.add_token("lists", accounts=[world.crm], methods=["list"])
    given = {"account": world.crm, "token": token, "query": ""}
    for method, path in (("GET", "/7"), ("HEAD", "/7"), ("POST", ""), ("DELETE", "/7")):
        assert ask(CONTACT + path, method=method, **given).status_code == 403, method
    for method, path in (("PUT", ""), ("PATCH", "/7"), ("POST", "/7"), ("DELETE", ""), ("TRACE", "")):
        assert ask(CONTACT + path, method=method, **given).status_code == 405, method
    for one in ("_method=DELETE", "method=delete", "X-HTTP-Method-Override=DELETE"):
        assert ask(CONTACT, **given | {"query": one}).status_code == 400
    assert provider.sent == []
    override = [("x-http-method-override", "DELETE"), ("x-http-method", "DELETE"), ("x-method-override", "POST")]
    assert ask(CONTACT, headers=override, **given).status_code == 200
    assert [one.method for one in provider.sent] == ["GET"]


def test_a_stream_ends_when_its_token_or_account_is_removed(world):
    store = world.store
    for what in ("token", "account"):
        at, asked = [0.0], []
        account = store.add_account("gong", "https://gong.example", basic(PASSWORD), context={"time_zone": "UTC"})
        token = store.add_token("stream", accounts=None)

        def answer(sent, what=what, at=at, asked=asked, account=account, token=token):
            asked.append(sent)
            if len(asked) == 3:
                store.remove_token(token.split("_")[1]) if what == "token" else store.remove_account(account)
                at[0] += 2
            return Response(
                json.dumps({"users": [{"id": str(len(asked))}], "records": {"cursor": str(len(asked))}}).encode()
            )

        made = app(world.mappers, store, transport=answer, retries=ONCE, limiter=Unlimited(), clock=lambda at=at: at[0])
        query = f"integrated_account_id={account}&truto_response_format=stream"
        with pytest.raises(BrokenStreamError):
            TestClient(made).get(f"{USERS}?{query}", headers={"authorization": f"Bearer {token}"})
        assert len(asked) == 3


def test_a_cursor_is_good_for_its_own_question_alone(world, ask, provider):
    first = ask(query=f"{MONTH}&limit=2").json()["next_cursor"]
    whole = ask().json()["next_cursor"]
    theirs = ask(account=world.theirs, token=world.their_token).json()["next_cursor"]
    of_users = f"truto2.{first.split('.')[1]}.{whole.split('.')[2]}"
    mark, body, seal = whole.split(".")
    question = {"integrated_account_id": world.ours} | dict(one.split("=") for one in MONTH.split("&"))
    unsigned, other = (load("gong/activity", cursor_key=one) for one in (None, "a key of somebody else"))
    page = {"usersAggregateActivityStats": [], "records": {"cursor": "https://evil.example/"}, "timeZone": "UTC"}
    forged = [
        one.map(page, query=one.plan(question, context={"time_zone": "UTC"}, now="2026-03-02T12:00:00Z").query)
        for one in (unsigned, other)
    ]
    bomb = base64.urlsafe_b64encode(b"[" * 20_000).decode().rstrip("=")
    wrong = [theirs, of_users, *(one.next_cursor for one in forged), f"{mark}.{bomb}.{seal}", f"{mark}.{body}.", body]
    wrong += [
        f"{mark}..{seal}",
        f"truto1.{body}.{seal}",
        whole + "=",
        whole + ".",
        f"{whole}.{seal}",
        "[]",
        "null",
        "0",
    ]
    wrong += [
        f" {whole}",
        "A" * 50_000,
        "\x00",
        "../../etc/passwd",
        "https://evil.example/?cursor=1",
        "é",
        whole.lower(),
    ]
    wrong += [whole[:size] for size in range(1, len(whole), 7)]
    wrong += [f"{whole[:at]}{'A' if whole[at] != 'A' else 'B'}{whole[at + 1 :]}" for at in range(0, len(whole), 5)]
    provider.sent.clear()
    for one in wrong:
        answer = ask(query=f"{MONTH}&next_cursor={quote(one, safe='')}")
        assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (400, "Q506"), one
    for more in ("&aggregation_period=day", "&users=1", "&remote_query[a]=b"):
        assert ask(query=f"{MONTH}{more}&next_cursor={whole}").json()["diagnostics"][0]["code"] == "Q506"
    assert ask(query=f"{MONTH.replace('02-01', '02-02')}&next_cursor={whole}").status_code == 400
    assert ask(USERS, f"next_cursor={whole}").status_code == 400
    twice = ask(query=f"{MONTH}&next_cursor={whole}&next_cursor={theirs}")
    assert (twice.status_code, provider.sent) == (400, [])
    provider.answer = lambda _: httpx2.Response(200, json={"usersAggregateActivityStats": [], "timeZone": "UTC"})
    assert ask(query=f"{MONTH}&next_cursor={whole}&limit=1&truto_exclude_fields=user").status_code == 200


def test_tenants_of_one_provider_share_nothing_that_is_kept(world, ask, provider):
    def emails(**who):
        page = ask(query=f"{MONTH}&limit=1", **who).json()
        following = ask(query=f"{MONTH}&limit=1&next_cursor={page['next_cursor']}", **who).json()
        return {one["user"]["emails"][0]["email"] for one in (*page["result"], *following["result"])}

    mine, other = emails(), emails(account=world.theirs, token=world.their_token)
    assert (len(mine), len(other), mine & other) == (1, 1, set())
    assert len(provider.sent) == 2  # the second pages were cut out of each tenant's own first one
    named = (Basic("the-user-name", "x"), Bearer("the-token"), Bearer("another-token"), None)
    keys = {Account("https://a.example", auth).key for auth in named}
    assert (len(keys), "the-" in "".join(keys)) == (4, False)  # Redis counts by them


# ── What is asked of whom ────────────────────────────────────────────────────────────────────────────────────────


def test_a_caller_cannot_inject_headers_into_a_request(world, ask, provider):
    provider.answer = lambda _: httpx2.Response(200, json=[])
    for value in ATTACKS["headers"]:
        answer = ask(CONTACT, f"header={quote(value)}", account=world.crm)
        assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (500, "D406"), value
    assert provider.sent == []
    for value in ("a: b, c", "é", "a%0d%0ax-evil: 1", "a" * 5_000):
        assert ask(CONTACT, f"header={quote(value)}", account=world.crm).status_code == 200
        assert dict(provider.sent[-1].headers.raw)[b"x-given"] == value.encode("latin-1")
    query = "remote_query[a%0d%0ax-evil]=1&remote_query[b]=%0d%0ax-evil:1"
    assert ask(CONTACT, query, account=world.crm).status_code == 400
    assert not any(name.startswith(b"x-evil") for one in provider.sent for name, _ in one.headers.raw)


def test_an_id_cannot_lead_to_another_path(world, raw, provider):
    provider.answer = lambda _: httpx2.Response(404, json={"error": "no"})
    field = b"authorization: Bearer " + world.token.encode()
    for given in ATTACKS["ids"]:
        for path, account, base in ((USERS, world.ours, "/v2/users/"), (CONTACT, world.crm, "/base/contacts/")):
            provider.sent.clear()
            target = f"{path}/{given}?integrated_account_id={account}".encode()
            assert status_of(raw(head(target, field))) in (400, 404, 500), given
            for url in (urlsplit(str(one.url)) for one in provider.sent):
                assert (url.netloc in ("gong.example", "crm.example"), url.query) == (True, ""), given
                assert url.path.startswith(base)
                assert not {".", ".."} & set(url.path.split("/"))
                assert account == world.crm or url.path.count("/") == 3, given
    for target in ("/..%2f..", "/../unified", "//evil.example/x", "/unified//crm", "/%2e%2e/healthz", "/healthz/.."):
        assert status_of(raw(head(target.encode(), field))) == 404
    assert status_of(raw(head(CONTACT.encode() + b"/" + b"a" * 66_000, field))) == 414


def test_the_path_of_a_mapping_cannot_leave_the_account(world, ask, provider):
    for path in ATTACKS["paths"]:
        answer = ask(CONTACT, f"path={quote(path, safe='')}", account=world.crm)
        assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (500, "D406"), path
    assert provider.sent == []


def test_no_redirect_leads_away_from_the_account(ask, provider):
    for location in ATTACKS["redirects"]:
        for status in (301, 302, 303, 307, 308):
            provider.sent.clear()
            reply = httpx2.Response(status, headers=[(b"location", location.encode())])
            provider.answer = lambda _, reply=reply: reply
            answer = ask(USERS, "")
            assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (502, "P617"), location
            assert [one.url.host for one in provider.sent] == ["gong.example"]
    provider.sent.clear()
    provider.answer = lambda _: httpx2.Response(302, headers={"location": f"/v2/users?n={len(provider.sent)}"})
    answer = ask(USERS, "")
    assert (answer.status_code, len(provider.sent)) == (502, 6)
    assert "do not come to an end" in answer.json()["detail"]
    post = ask()  # a POST that becomes a GET is another request
    assert post.json()["diagnostics"][0]["code"] == "P617"


def test_a_link_to_the_next_page_gives_parameters_and_no_place(world, ask, provider):
    def linked(link):
        there = {"link": f'<{link}>; rel="next"'}
        provider.answer = lambda sent: httpx2.Response(
            200, json=[{"id": 2 if sent.url.query else 1}], headers={} if sent.url.query else there
        )
        return ask(CONTACT, "", account=world.crm)

    for place in ("https://evil.example/contacts", "//evil.example/contacts", "", "http://169.254.169.254/"):
        provider.sent.clear()
        cursor = linked(f"{place}?page=2").json()["next_cursor"]
        assert ask(CONTACT, f"next_cursor={cursor}", account=world.crm).status_code == 200
        assert [str(one.url) for one in provider.sent] == [
            f"https://crm.example/base/contacts{query}" for query in ("", "?page=2")
        ]
    for link in ATTACKS["links"]:
        assert linked(link).status_code == 502, link


def test_a_base_url_is_one_and_shows_no_secret_if_it_is_none():
    for url in ATTACKS["base_urls"]:
        with pytest.raises(MapperError) as caught:
            Account(url)
        told = str(caught.value) + json.dumps(caught.value.problem())
        assert (caught.value.code, "hunter2" in told or "ter2" in told) == ("Q520", False), url


# ── Too much, and too slow ───────────────────────────────────────────────────────────────────────────────────────


def test_what_is_too_large_or_too_deep_is_refused_shortly(world, ask, raw, provider):
    long = 60_000
    queries = [
        "&".join(f"k{n}=1" for n in range(7_000)),
        "users" + "[a]" * 15_000 + "=1",
        "=" * long,
        "&" * 30_000 + "a",
        "%" * long,
    ]
    queries += [
        "[" * long,
        "remote_query" + "[a]" * 15_000 + "=1",
        "limit=" + "9" * long,
        "start_time=" + "9" * long,
        "a[" * 20_000,
    ]
    queries += [
        "truto_key_by=" + "a." * 20_000,
        "next_cursor=truto2." + "A" * long,
        "truto_response_format=" + "a" * long,
        "x=" + "%00" * 20_000,
    ]
    queries += [
        "users[99999999999]=1&users[1]=2&limit=x",
        "__proto__[a]=1&constructor[prototype][b]=2",
        "limit[]=1&limit[a]=2",
    ]
    for query in queries:
        answer = ask(query=f"{MONTH}&{query}")
        assert (answer.status_code, len(answer.content) < 20_000) == (400, True), query[:50]
    bodies = [
        "[" * 100_000,
        '{"name":' + "[" * 400 + "]" * 400 + "}",
        '{"name":' + "9" * 900_000 + "}",
        '{"name":1e' + "9" * 900_000 + "}",
    ]
    bodies += [
        json.dumps({f"k{n}": 1 for n in range(60_000)}),
        '{"name":"\\ud800"}',
        '{"' + "k" * 900_000 + '":1}',
        '{"name":NaN}',
        "\x00" * 900_000,
    ]
    for body in bodies:
        answer = ask(
            CONTACT, "", account=world.crm, method="POST", content=body, headers=[("content-type", "application/json")]
        )
        assert (answer.status_code, len(answer.content) < 20_000) == (400, True), body[:50]
    assert provider.sent == []
    for value in (
        "a" * 30_000,
        "a/b" * 10_000,
        "a/b;" + "; " * 15_000 + "x",
        "a/b;q=0." + "0" * 29_000 + "x",
        "x" + " " * 29_000 + "x",
        "," * 30_000,
    ):
        accept, target = b"accept: " + value.encode(), f"{ACTIVITY}?integrated_account_id={world.ours}&{MONTH}".encode()
        assert status_of(raw(head(target, b"authorization: Bearer " + world.token.encode(), accept))) == 406
        assert status_of(raw(head(b"/openapi.json", b"accept-encoding: " + value.encode()))) == 200
    for data, status in (
        (head(b"/" + b"a" * 66_000), 414),
        (head(b"/healthz", *[b"x%d: abcdefgh" % n for n in range(5_000)]), 431),
        (head(b"/healthz", b"x: " + b"a" * 40_000), 431),
        (b"GET /healthz HTTP/1.1\r\n" + b"x: a\r\n" * 60_000, 431),
        (head(b"/healthz", b"content-length: 999999999999") + b"a" * 400_000, 200),
    ):
        answers = raw(data).split(b"HTTP/1.1 ")
        assert status in [int(one[:3]) for one in answers if one], data[:40]


def test_a_caller_cannot_fill_the_memory_while_an_answer_is_made(world, provider):
    """Heads and trailers without an end, sent during a call that takes long."""
    gate = threading.Event()
    provider.answer = lambda _: asyncio.to_thread(lambda: gate.wait(5) and httpx2.Response(500))
    target = f"{USERS}?integrated_account_id={world.ours}".encode()
    field = b"authorization: Bearer " + world.token.encode()
    plain = head(target, field).replace(b"connection: close\r\n", b"")
    chunked = head(target, field, b"transfer-encoding: chunked")
    begun = plain + b"GET / HTTP/1.1\r\n"
    for data in (begun, begun + b"x: ", chunked + b"0\r\n", chunked + b"0\r\nx: "):
        filler = b"x: y\r\n" * 10_000 if data.endswith(b"\n") else b"a" * 60_000
        with socket.create_connection(("127.0.0.1", world.port), timeout=5) as connection:
            connection.sendall(data)
            with pytest.raises(ConnectionError):
                flood(connection, filler)
    gate.set()


def test_one_token_has_three_quarters_of_the_places(world):
    async def calls():
        gate, asked, enough = asyncio.Event(), [], asyncio.Event()

        async def answer(sent):
            asked.append(sent)
            if len(asked) == 6:
                enough.set()
            await gate.wait()
            return Response(b'{"error": "no"}', 403)

        made = app(world.mappers, world.store, transport=answer, retries=ONCE, max_calls=8, now=lambda: NOW)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(made), base_url="http://t") as http:

            async def call(token, account):
                headers = {"authorization": f"Bearer {token}"}
                return (await http.get(f"{CONTACT}?integrated_account_id={account}", headers=headers)).status_code

            many = [asyncio.create_task(call(world.token, world.crm)) for _ in range(6)]
            await enough.wait()
            refused = [await call(world.token, world.crm) for _ in range(2)]
            others = [await call(world.their_token, world.theirs) for _ in range(2)]
            gate.set()
            return refused, others, [await one for one in many], await call(world.token, world.crm)

    # An account of Gong has no contacts: that is 400 for whoever is let in.
    assert asyncio.run(calls()) == ([429, 429], [400, 400], [403] * 6, 403)


def test_a_hostile_reply_is_an_error_and_nothing_worse(world, ask, provider):
    bomb = zlib.compressobj(9, wbits=31)
    zeros = b"".join(bomb.compress(bytes(2**20)) for _ in range(70)) + bomb.flush()
    zipped = {"content-encoding": "gzip"}
    replies = [
        (200, zeros, zipped),
        (200, gzip.compress(b"") * 20_000, zipped),
        (200, gzip.compress(gzip.compress(b"{}")), {"content-encoding": "gzip, gzip"}),
        (200, b"{}", {"content-encoding": "br"}),
        (200, b"{}", zipped),
        (200, gzip.compress(b"{}")[:-4], zipped),
        (200, gzip.compress(b"{}") + b"junk", zipped),
        (200, b"[" * 500_000, {}),
        (200, b"\xff\xfe" * 1_000, {}),
        (200, b'{"a":' + b"9" * 100_000 + b"}", {}),
        (200, json.dumps({"usersAggregateActivityStats": [], "records": {"cursor": "c" * 100_000}}).encode(), {}),
        (500, b'{"errors": [' + b'"a",' * 100_000 + b'"a"]}', {}),
        (429, b"{}", {"retry-after": "1 Jan 2020 00:00:00 +99999999999999999999"}),
        (429, b"{}", {"retry-after": "Mon, 01 Jan 99999999999 00:00:00 GMT"}),
        (429, b"{}", {"retry-after": "9" * 5_000, "x-ratelimit-reset": "9" * 5_000, "ratelimit": "r=" * 5_000}),
        (429, b"{}", {"x-ratelimit-reset": "1 Jan 2020 99999999999999999999:00:00"}),
        (
            403,
            b"\x1b[2J<script>alert(1)</script>",
            {"content-type": "text/html", "set-cookie": "a=b", "x-request-id": "a" * 5_000},
        ),
        (599, b"", {}),
        (999, b"", {}),
    ]
    for status, body, headers in replies:
        provider.answer = lambda _, given=(status, body, headers): httpx2.Response(
            given[0], stream=httpx2.ByteStream(given[1]), headers=given[2]
        )
        for kind in ("unified", "stream"):
            answer = ask(query=f"{MONTH}&truto_response_format={kind}")
            assert (400 <= answer.status_code < 600, len(answer.content) < 50_000) == (True, True), (status, body[:20])
            assert answer.headers["content-type"] == "application/problem+json"
            assert not {"set-cookie", "location", "link"} & set(answer.headers)
    provider.answer = lambda _: httpx2.Response(200, stream=Endless())
    assert "67,108,864 bytes" in ask().json()["detail"]
    assert not [one for one in events(world) if one["event"] == "bug"]
    html = [(b"content-type", b"text/html\x01; charset=\xff")]
    provider.answer = lambda _: httpx2.Response(200, content=b'{"usersAggregateActivityStats": []}', headers=html)
    answer = ask(query=f"{MONTH}&truto_response_format=raw")
    assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == (
        "application/octet-stream",
        "nosniff",
    )


# ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────


def forms(*secrets):
    """What a secret may look like somewhere else."""
    for one in secrets:
        yield from (
            one,
            quote(one, safe=""),
            quote(one),
            json.dumps(one)[1:-1],
            base64.b64encode(one.encode()).decode(),
        )


def test_no_output_holds_a_secret(world, ask, provider, caplog):
    caplog.set_level("DEBUG")
    header = Basic("the-user-name", PASSWORD).header
    pair = base64.b64encode(f"the-user-name:{PASSWORD}".encode()).decode()
    hidden = {
        *forms(PASSWORD),
        header,
        pair,
        quote(pair, safe=""),
        world.token,
        world.token.split("_", 2)[2],
        world.key,
    }
    hidden |= {world.their_token, *world.store.cursor_keys, THEIR_PASSWORD}
    outputs = []
    echoes = [
        PASSWORD,
        header,
        pair,
        quote(PASSWORD),
        quote(PASSWORD, safe=""),
        json.dumps({"headers": {"Authorization": header}}),
    ]
    for echo in (
        *echoes,
        f"https://x:{quote(PASSWORD, safe='')}@h/",
        f"user=the-user-name&password={quote(PASSWORD, safe='')}",
    ):
        for body, kind in (
            (json.dumps({"errors": [f"bad {echo}."], "requestId": "a"}), "application/json"),
            (f"<p>{echo}</p>", "text/html"),
            (json.dumps({echo: [[echo]], "errors": ["a" * 9_990 + echo]}), "application/json"),
        ):
            named = {
                "content-type": kind,
                "x-echo": quote(echo),
                "x-request-id": quote(echo),
                "www-authenticate": f"Basic {pair}",
            }
            provider.answer = lambda _, given=(body, named): httpx2.Response(
                401, content=given[0].encode(), headers=given[1]
            )
            outputs += [ask(), ask(query=f"{MONTH}&truto_response_format=stream")]
    provider.answer = provider.users
    outputs += [ask(query=f"{MONTH}&truto_response_format={kind}") for kind in ("debug", "normalized", "unified")]
    beside = {"account": None, "query": ""}
    outputs += [
        ask(path, token=token, **beside)
        for path in ("/metrics", "/openapi.json", "/readyz", "/", "/x")
        for token in (world.token, None)
    ]
    outputs += [
        ask(token=world.token + "a"),
        ask(account=world.theirs),
        ask(query="next_cursor=x"),
        ask(query=f"password={quote(PASSWORD)}"),
    ]
    told = [
        one.getMessage() for one in caplog.records if one.name.startswith(("truto_mapper", "asyncio", "uvicorn.error"))
    ]
    texts = [one.text + repr(one.headers) for one in outputs] + [
        world.log.getvalue(),
        *told,
    ]
    stored = world.store.account(world.ours)
    account = accounts.account_for(world.store, world.mappers[0], stored)
    client = Client(world.mappers[0], account, transport=lambda _: Response(b"", 500))
    texts += map(
        repr,
        (stored, stored.entry, world.store, account, account.auth, client, client._calls, parse_keys(world.key, "x")),
    )
    texts += map(
        repr, (world.store.tokens(), Basic("the-user-name", PASSWORD), Bearer(world.token), world.mappers[0], world.app)
    )
    for text in texts:
        assert not [one for one in hidden if one in text], text[:2_000]


def test_a_crash_shows_no_data(world, caplog, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(world.store, "token", lambda _: {}[f"password={PASSWORD}"])
    made = app(world.mappers, world.store, log=serving.to(log))
    answer = TestClient(made).get(
        f"{ACTIVITY}?integrated_account_id={UNKNOWN}", headers={"authorization": f"Bearer {world.token}"}
    )
    assert (answer.status_code, PASSWORD in answer.text + log.getvalue() + caplog.text) == (500, False)
    assert json.loads(log.getvalue().splitlines()[0])["error"] == "KeyError"


def test_a_line_of_the_log_is_one_line_of_the_service(world, ask, raw, provider):
    for target in (
        b"/%0d%0a%7b%22event%22:%22call%22%7d",
        b"/%1b%5b2J%1b%5d0;x%07",
        b"/%e2%80%a8%c2%85",
        b"/" + b"%00" * 99,
    ):
        raw(head(target, b"x-request-id: a%0ab", b"user-agent: \x1b[31m", method=b"TRACE"))
    for value in (*ATTACKS["request_ids"], "a" * 129):
        answer = raw(head(b"/healthz", b"x-request-id: " + value.encode("latin-1")))
        given = answer.partition(b"x-request-id: ")[2].partition(b"\r\n")[0].decode()
        assert given != value
        assert len(given) == 32 or status_of(answer) == 400, value
    echo = {"x-request-id": "a\x1b[2J", "x-traceid": "b" * 5_000}
    provider.answer = lambda _: httpx2.Response(403, json={"errors": ["a\n\x1b[2J\u2028b"]}, headers=echo)
    ask()
    *lines, end = world.log.getvalue().split("\n")
    assert ({json.loads(line)["event"] for line in lines}, end) == ({"call", "provider_request"}, "")
    assert all(line.isascii() and line.isprintable() and len(line) < 1_000 for line in lines)


def test_callers_cannot_add_series_to_the_metrics(world, ask, raw):
    def series():
        return {
            line.partition("}")[0].partition(" ")[0] for line in ask("/metrics", "", account=None).text.splitlines()
        }

    def odd(number):
        raw(
            head(
                b"/" + str(number).encode() * 9, method=(b"GET", b"PUT", b"TRACE", b"PROPFIND", b"M-SEARCH")[number % 5]
            )
        )
        ask(f"{USERS}/{number}", "")
        ask(f"/docs/{number}", "", account=None)
        ask(CONTACT, f"header=%0a{number}", account=world.crm, headers=[("x-request-id", str(number))])

    for number in range(5):
        odd(number)
    before = series()
    for number in range(5, 25):
        odd(number)
    assert series() == before


# ── Browsers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_of_other_origins_cannot_read_answers(world, ask):
    shop = TestClient(app(world.mappers, world.store, cors=["https://shop.example"]))
    asking = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    for origin in ATTACKS["origins"]:
        for method, more in (("OPTIONS", asking), ("GET", {})):
            answer = shop.request(method, ACTIVITY, headers={"origin": origin} | more)
            assert answer.headers.get("access-control-allow-origin") is None, origin
    allowed = shop.options(ACTIVITY, headers={"origin": "https://shop.example"} | asking)
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in allowed.headers
    for origin in ("https://shop.example", "null"):  # off by default
        preflight = ask(method="OPTIONS", token=None, headers=[("origin", origin), *asking.items()])
        for answer in (preflight, ask(headers=[("origin", origin)])):
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_answers_are_no_pages_and_the_page_runs_nothing_of_others(ask):
    script = "<script>alert(1)</script>"
    beside = {"query": "", "account": None}
    page = ask(f"/docs?url=https://evil.example/&configUrl=//evil.example&x={quote(script)}", **beside, token=None)
    paths = (f"/{quote(script)}", "/docs/x.html", "/openapi.json", "/docs/start.js", "/metrics")
    for one in (page, ask(query=f"start_time={quote(script)}"), *(ask(path, **beside) for path in paths)):
        is_page = one.headers["content-type"].startswith("text/html")
        assert (one.headers["x-content-type-options"], is_page and script in one.text) == ("nosniff", False)
        assert is_page is (one is page)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["frame-ancestors"], policy["base-uri"]) == ("'none'", "'none'")
    assert "evil.example" not in page.text


def test_the_host_of_a_request_changes_nothing(raw):
    fields = [
        b"x-forwarded-host: evil.example",
        b"forwarded: host=evil.example",
        b"x-forwarded-prefix: /evil",
        b"x-original-url: /metrics",
    ]
    for more in ([b"host: evil.example"], [b"host: a, evil.example"], fields):
        answer = raw(head(b"/openapi.json", *more))
        assert b"evil" not in answer
        assert status_of(answer) in (200, 400)
    assert b"evil" not in raw(
        b"GET http://evil.example/openapi.json HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n"
    )


def test_a_request_has_one_end(raw):
    begin, hidden = b"POST /healthz HTTP/1.1\r\nhost: t\r\n", b"GET /hidden HTTP/1.1\r\nhost: t\r\n\r\n"
    for fields in ATTACKS["ends"]:
        answer = raw(begin + fields.encode("latin-1") + hidden)
        assert b"/hidden" not in answer, fields
        assert answer.count(b" 400 ") == 1 or answer == b"", fields  # or a reset, for what was sent behind it
    for line in (b"GET /healthz HTTP/1.1\nhost: t\n\n", b"CONNECT evil:1 HTTP/1.1\r\nhost: t\r\n\r\n"):
        assert b"200 OK" not in raw(line)


# ── What is stored ───────────────────────────────────────────────────────────────────────────────────────────────


def test_texts_of_callers_are_no_sql(world, ask):
    store, before = world.store, (len(world.store.accounts()), len(world.store.tokens()))
    for text in ATTACKS["sql"]:
        assert (store.account(text), store.token(text), store.grant(text), store.grant(f"truto_{text}_{text}")) == (
            None,
        ) * 4
        for remove in (store.remove_account, store.remove_token):
            with pytest.raises(StoreError, match="S806"):
                remove(text)
        made = store.add_account(text, "https://a.example", basic(text), name=text)
        assert store.account(made).entry.name == text
        store.remove_account(made)
        assert ask(account=quote(text)).status_code == 400
        assert ask(token=text).status_code == 401
    assert (len(store.accounts()), len(store.tokens())) == before


@pytest.mark.skipif(os.name != "posix", reason="files have modes on POSIX alone")
def test_files_of_secrets_are_their_owners_alone(tmp_path):
    previous = os.umask(0)
    try:
        key = tmp_path / "key"
        write_key(key)
        keys = read_keys({}, key)
        store = Store.open(f"sqlite:///{tmp_path}/data/store.db", keys)
        store.add_token("a", accounts=None)
        (tmp_path / "link.db").symlink_to(tmp_path / "behind.db")
        Store.open(f"sqlite:///{tmp_path}/link.db", keys).close()
        made = [key, *(tmp_path / "data").iterdir(), tmp_path / "behind.db"]
        assert {stat.S_IMODE(one.stat().st_mode) for one in made} == {0o600}
        assert len(made) == 5  # also the log of SQLite and its index
        store.close()
    finally:
        os.umask(previous)
    (tmp_path / "link").symlink_to(key)
    for mode in (0o604, 0o602, 0o620, 0o666):
        key.chmod(mode)
        for file in (key, tmp_path / "link"):
            with pytest.raises(StoreError, match="S802"):
                read_keys({}, file)
    with pytest.raises(FileExistsError):
        write_key(tmp_path / "link")
    (tmp_path / "data" / "store.db").chmod(0o666)
    with pytest.raises(StoreError, match=r"S804.*everybody can write.*\n.*chmod 600"):
        Store.open(f"sqlite:///{tmp_path}/data/store.db", keys)


def test_the_url_of_a_store_shows_no_password():
    keys = parse_keys(new_key(), "x")
    for url in ATTACKS["stores"]:
        with pytest.raises(StoreError) as caught:
            Store.open(url, keys)
        told = str(caught.value) + repr(caught.value) + json.dumps(caught.value.problem())
        assert (caught.value.code, "hunter2" in told or "ter2@" in told) == ("S804", False), url
    for url in ("redis://:hunter2@127.0.0.1:1/0", "redis://:hunter2@h:port/0", "redis+hunter2://h", "hunter2"):
        with pytest.raises(MapperError) as failed:
            Limiter(url).check()
        assert "hunter2" not in str(failed.value)


def test_a_token_endpoint_cannot_break_an_account(world):
    given = {"type": "oauth", "token_url": "https://id.example/token", "client_id": "a", "client_secret": PASSWORD}
    given["refresh_token"] = "the-first"
    account = world.store.add_account("gong", "https://gong.example", given)
    count, asked = [0], []

    async def endless():
        for _ in range(10_000):
            count[0] += 1
            yield b"[" * 10_000

    def renewed(answer, token=None):
        def answered(sent):
            asked.append(sent.url.host)
            return answer

        connect = lambda: httpx2.AsyncClient(transport=httpx2.MockTransport(answered))  # noqa: E731
        auth = accounts.auth_of(world.store, world.store.account(account), connect)
        return asyncio.run(auth.refresh(token))

    answers = [httpx2.Response(200, json={"access_token": one, "refresh_token": "no"}) for one in ATTACKS["tokens"]]
    answers += [httpx2.Response(200, content=one.encode("latin-1")) for one in (*ATTACKS["answers"], "[" * 60_000)]
    answers += [httpx2.Response(302, headers={"location": "https://evil.example/"})]
    answers += [httpx2.Response(400, json={"error": PASSWORD}), httpx2.Response(200, content=endless())]
    for answer in answers:
        with pytest.raises(MapperError) as caught:
            renewed(answer)
        assert (caught.value.code, PASSWORD in str(caught.value)) == ("P618", False)
        assert world.store.account(account).credentials == given
    assert (set(asked), count[0] < 20) == ({"id.example"}, True)
    for lasts in (float("inf"), float("nan"), -1, 1e300, "soon", True):
        text = json.dumps({"access_token": "new", "expires_in": lasts})
        assert renewed(httpx2.Response(200, content=text), {"access_token": "new"})["access_token"] == "new"


def test_a_file_that_resumes_a_download_has_no_settings_that_were_given(tmp_path):
    progress = Progress.of(tmp_path / "state", "gong/activity", "")
    account = progress.known(Account("https://a.example", Bearer("t"), {"api_key": PASSWORD}))
    progress.found(replace(account, context={**account.context, "time_zone": "UTC"}))
    with progress.opened(tmp_path / "out") as output:
        progress.reached(output, "cursor", 1)
    text = (tmp_path / "state").read_text()
    assert ("time_zone" in text, PASSWORD in text, "api_key" in text) == (True, False, False)
    assert Progress.of(tmp_path / "state", "gong/activity", "").known(account).context == {
        "api_key": PASSWORD,
        "time_zone": "UTC",
    }


def test_commands_print_no_secret_no_escape_and_no_traceback(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUTO_MAPPER_KEY", new_key())
    monkeypatch.setenv("TRUTO_MAPPER_STORE", "sqlite:///store.db")
    monkeypatch.setenv("TRUTO_MAPPER_REDIS", f"redis://:{quote(PASSWORD, safe='')}@h:x/0")
    (tmp_path / "oauth.yaml").write_text(f"token_url: http://x\nclient_secret: [{PASSWORD!r}\nx: y")
    (tmp_path / "account.yaml").write_text(
        f"base_url: https://u:{PASSWORD}@h\nauth: {{basic: {{username: a, password: {PASSWORD!r}, x: 1}}}}"
    )
    add = ("account", "add", "--integration", "gong", "--base-url")
    for words in (
        (*add, "https://a.example", "--basic", "u", "--name", "\x1b[2J\x1b]0;x\x07\r\nid"),
        (*add, "https://a.example", "--basic", "u", "--name", "\udcff"),
        (*add, f"https://u:{PASSWORD}@a.example", "--basic", "u"),
        (*add, f"https://a.example/?key={quote(PASSWORD)}", "--bearer"),
        (*add, "https://a.example", "--oauth", "oauth.yaml"),
        (*add, "https://a.example", "--basic", "u:v"),
        ("account", "list"),
        ("account", "list", "--format", "json"),
        ("token", "add", "\udcff", "--every-account"),
        ("token", "list"),
        ("token", "remove", "\udcff"),
        ("account", "remove", "\udcff"),
        ("account", "list", "--store", f"postgresql://u:{quote(PASSWORD, safe='')}@127.0.0.1:1/x"),
        ("fetch", "gong/activity", "--account", "account.yaml", "--query", MONTH),
        ("serve", "gong/users", "--port", "0"),
    ):
        done = CliRunner().invoke(cli, [*words], input=f"{PASSWORD}\n")
        assert done.exception is None or isinstance(done.exception, SystemExit), words
        for secret in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), "\x1b", "Traceback"):
            assert secret not in done.output, words


def test_the_mock_answers_nonsense_as_gong_does():
    client = TestClient(mock.gong(users=3, limits=False, now=lambda: NOW), follow_redirects=False)
    good = Basic(mock.KEY, mock.SECRET).header
    for wrong in ("", "Basic", "Basic !", "Basic \xff", "Bearer " + "a" * 30_000, good[:-4], good + good, "Basic /w=="):
        assert client.get("/v2/users", headers={"authorization": wrong.encode("latin-1")}).status_code == 401
    named = {"authorization": good}
    for query in ("cursor=x", "cursor=" + "a" * 30_000, "cursor=%00", "includeAvatars=x"):
        assert client.get(f"/v2/users?{query}", headers=named).status_code == 400
    bodies = (
        b"",
        b"[" * 100_000,
        b'{"filter": NaN}',
        b'{"filter": ' + b"9" * 9_000 + b"}",
        b"\xff",
        b"null",
        b"{" * 999,
    )
    for body in (*bodies, b'{"filter": {"fromDate": "0000-00-00", "toDate": "9999-99-99"}}'):
        assert client.post("/v2/stats/activity/aggregate", headers=named, content=body).status_code == 400
    for fault in ATTACKS["faults"]:
        assert client.get("/v2/users", headers=named | {"x-mock-fault": fault}).status_code == 400
