"""Credentials are hidden by name, by value and by look: in the debug format, in messages, and in what Python shows."""

import base64
import copy
import json

import data_files
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truto_mapper import MapperError, Page, Response, load
from truto_mapper.engine.redaction import HIDDEN, Redaction, is_secret, redaction_of
from truto_mapper.text.diagnostics import Diagnostic

NAMES = data_files.read("secret_names.yaml")
HIDES = [name for line in NAMES["hidden"] for name in line]
SHOWS = [name for line in NAMES["shown"] for name in line]
TOKEN = "tok-93fk2lq8"


# ── By name ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", HIDES)
def test_the_value_of_a_credential_is_hidden_wherever_it_stands(name):
    given = {"headers": {name: "s3cret"}, "body": [{"deep": {name: ["s3cret", {"a": "s3cret"}]}}], "kept": "visible"}
    before = copy.deepcopy(given)
    found = Redaction().of(given)
    assert found == {"headers": {name: HIDDEN}, "body": [{"deep": {name: HIDDEN}}], "kept": "visible"}
    assert given == before


@pytest.mark.parametrize("name", SHOWS)
def test_the_value_of_anything_else_is_shown(name):
    assert not is_secret(name)
    assert Redaction().of({name: "visible"}) == {name: "visible"}


@pytest.mark.parametrize("value", [1, None, "x", [1, [2]], {"a": {"b": 1}}, {}, {1: 2}])
def test_values_other_than_credentials_stay(value):
    assert Redaction({"token": TOKEN}).of(value) == value


def test_a_credential_that_is_a_number_is_hidden_and_whether_there_is_one_is_not():
    assert Redaction().of({"pin": 4711, "token": None, "auth": True}) == {"pin": HIDDEN, "token": None, "auth": True}


# ── By value ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("holder", "text"),
    [
        ({"token": TOKEN}, f"/v1/{TOKEN}/users"),
        ({"a": [{"b": {"apiKey": [TOKEN]}}]}, f"no account for {TOKEN}"),
        ({"Authorization": f"Bearer {TOKEN}"}, f"is {TOKEN} right?"),
        ({"Authorization": "Basic " + base64.b64encode(f"user:{TOKEN}".encode()).decode()}, f"wrong password {TOKEN}"),
        ({"Cookie": f"theme=dark; sid={TOKEN}"}, TOKEN),
        ({"set-cookie": f"sid={TOKEN}; Path=/; Max-Age=3600"}, TOKEN),
        ([("Accept", "*/*"), ("X-Api-Key", TOKEN)], TOKEN),
        ([(b"authorization", b"Bearer " + TOKEN.encode())], TOKEN),
        (f"a=1&remote_query[api_key]={TOKEN}", f"/x/{TOKEN}"),
        ({"key": "a b/c+d=ef"}, "/x?y=a%20b%2Fc%2Bd%3Def"),
        ({"key": "a b/c+d=ef"}, "/x?y=a+b%2Fc%2Bd%3Def"),
        ({"key": 'quote"s and é'}, json.dumps('a quote"s and é b')),
        ({"pin": 93581}, "your pin is 93581"),
        ({"secret": "short"}, "a short, b"),
        ({"secret": "x" * 500}, f'got "{"x" * 58}…'),
    ],
)
def test_the_text_of_a_credential_is_hidden_wherever_it_occurs(holder, text):
    found = Redaction(holder).text(text)
    assert HIDDEN in found
    assert not any(part in found for part in (TOKEN, "a%20b", "a+b", "quote", "93581", "short", "xxxx"))


@pytest.mark.parametrize("text", ["shorter", "a shortcut", "Max-Age is 3600", "dark", "/x"])
def test_a_short_credential_hides_no_part_of_a_longer_word(text):
    found = Redaction({"secret": "short", "key": "x", "set-cookie": "sid=12345; Path=/x; Max-Age=3600"})
    assert found.text(text) == text


# ── By look ──────────────────────────────────────────────────────────────────────────────────────────────────────

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.3kZs0dWvQp1xN7b5Yt2RmA"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (JWT, HIDDEN),
        (f"/v1/{JWT}/users", f"/v1/{HIDDEN}/users"),
        (f"sent {JWT}.", f"sent {HIDDEN}"),
        ("Bearer abcdefghijkl was refused", f"Bearer {HIDDEN} was refused"),
        ("bearer%20ab12cd34", f"bearer%20{HIDDEN}"),
        ("Basic YWxhZGRpbjpvcGVuc2VzYW1l", f"Basic {HIDDEN}"),
        ("https://user:pa55@host/x", f"https://{HIDDEN}@host/x"),
        ("https://host/x?a=1&api_key=abc&b=2", f"https://host/x?a=1&api_key={HIDDEN}&b=2"),
        ("x?a[token]=abc", f"x?a[token]={HIDDEN}"),
        ('{"password": "hunter2", "a": 1}', f'{{"password": "{HIDDEN}", "a": 1}}'),
        ("Bearer token is missing", "Bearer token is missing"),
        ("Bearer authentication failed", "Bearer authentication failed"),
        ("the basic subscription", "the basic subscription"),
        ("a=1&design=2", "a=1&design=2"),
        ("eyJ is no token", "eyJ is no token"),
        ("https://host:443/x", "https://host:443/x"),
    ],
)
def test_what_looks_like_a_credential_is_hidden_under_any_name(text, shown):
    assert Redaction().text(text) == shown
    assert Redaction().of({"note": [text]}) == {"note": [shown]}


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_no_text_is_too_odd_to_be_searched(text, holder):
    found = Redaction(holder)
    assert isinstance(found.text(text), str)
    assert found.of({"a": text}).keys() == {"a"}


@given(st.text(st.characters(codec="utf-8"), min_size=8), st.text(), st.text())
def test_a_long_credential_is_in_no_text_that_is_shown(secret, before, after):
    secret = secret.strip()
    if len(secret) >= 8 and secret not in HIDDEN:
        assert secret not in Redaction({"token": secret}).text(f"{before}{secret}{after}").replace(HIDDEN, "")


def test_a_url_shows_no_credentials_and_is_escaped():
    found = Redaction({"token": TOKEN})
    assert found.url("/v2/x", {}) == "/v2/x"
    assert found.url(f"/v2/{TOKEN}", {"a": ["1", "2"], "b": "é &", "token": "s3cret", "c": TOKEN}) == (
        "/v2/[redacted]?a=1&a=2&b=%C3%A9+%26&token=%5Bredacted%5D&c=%5Bredacted%5D"
    )


# ── A mapper that handles credentials ────────────────────────────────────────────────────────────────────────────

SPEC = """\
version: 1
unified_model: crm
resource: contact
title: Contact
integrations: [acme]
methods: {list: {http_method: GET, path: /contact}}
parameters:
  city: {type: string}
  truto_response_format: {type: string}
  remote_query: {type: object}
fields: {id: {type: string, required: true}, age: {type: integer}}
response: {result: {type: array, items: {type: object}}, next_cursor: {type: string, nullable: true}}
"""
MAPPING = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
context:
  api_token: {type: string, pattern: "^tok-"}
error_mapping: {message: error}
endpoints:
  all:
    path_mapping: '"/" & $context.api_token & "/contacts"'
    query_mapping: {sig: $context.api_token, q: $query.city, u: $context.api_token}
    request_header_mapping: {X-Custom: $context.api_token}
    request_body_mapping: {account: $context.api_token, note: $query.city}
    for_each: {contact: items}
    response_mapping: {id: $contact.id, age: $contact.age}
"""
CONTEXT = {"api_token": TOKEN}


@pytest.fixture
def mapper(tmp_path):
    (tmp_path / "schemas/crm").mkdir(parents=True)
    (tmp_path / "schemas/crm/contact.yaml").write_text(SPEC)
    (tmp_path / "acme.yaml").write_text(MAPPING)
    return load(tmp_path / "acme.yaml")


def test_the_request_itself_has_the_credentials(mapper):
    request = mapper.plan({"city": "Bonn"}, context=CONTEXT)
    assert request.path == f"/{TOKEN}/contacts"
    assert request.headers == {"X-Custom": TOKEN}


def test_the_debug_format_hides_them_everywhere(mapper):
    query = mapper.plan({"city": f"x{TOKEN}y", "remote_query": {"pwd": "open sesame"}}, context=CONTEXT).query
    body = {"items": [], "echo": f"{TOKEN} asked", "link": "/x?q=open%20sesame", "access_token": "new-one"}
    page = mapper.map(body, query=query, headers={"Set-Cookie": "sid=93jd02kd", "Link": "</x/93jd02kd>"})
    found = page.render("debug")["debug"]
    written = json.dumps(found)
    assert not any(one in written for one in (TOKEN, "sesame", "93jd02kd", "new-one"))
    assert found["requestUrl"].startswith(f"/{HIDDEN}/contacts?sig=%5Bredacted%5D&q=x%5Bredacted%5Dy")
    assert found["requestOptions"]["headers"] == {"X-Custom": HIDDEN}
    assert found["requestOptions"]["body"]["account"] == HIDDEN
    assert found["data"] == {"items": [], "echo": f"{HIDDEN} asked", "link": f"/x?q={HIDDEN}", "access_token": HIDDEN}
    assert found["responseHeaders"] == {"set-cookie": HIDDEN, "link": f"</x/{HIDDEN}>"}
    assert page.render("raw") == body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": f"unknown account {TOKEN}"}, 401),
        ({"error": [f"{TOKEN} is blocked", "Bearer s0meother1"]}, 403),
        ({"why": TOKEN}, 500),
        (f"<html>{TOKEN}</html>".encode(), 503),
        (f'{{"{TOKEN}": '.encode(), 200),
        (f"[{json.dumps(TOKEN)}]".encode(), 200),
        ({"items": [{"id": "1", "age": TOKEN}]}, 200),
    ],
)
def test_no_message_about_a_reply_has_them(mapper, body, status):
    query = mapper.plan({}, context=CONTEXT).query
    for options in ({"query": query}, {"query": {}, "context": CONTEXT}):
        with pytest.raises(MapperError) as caught:
            mapper.map(body, status=status, **options)
        said = str(caught.value) + repr(caught.value)
        assert TOKEN not in said
        assert "s0meother1" not in said
        assert HIDDEN in said
        assert caught.value.status == (status if status != 200 else caught.value.status)


def test_no_note_of_a_page_has_them(mapper):
    query = mapper.plan({}, context=CONTEXT).query
    page = mapper.map({"items": [{"id": "1", "age": TOKEN}]}, query=query, on_invalid="discard_value")
    (found,) = page.diagnostics
    assert (found.code, HIDDEN in found.message, TOKEN in found.message) == ("D401", True, False)


PIECES = st.lists(st.sampled_from(["tok-", "93", "fk2lq8", "/", " ", "é", "…", '"', "%2F", "s0", "=", ";"]), max_size=6)
TEXTS = PIECES.map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, max_size=3), st.dictionaries(st.sampled_from(["Set-Cookie", "Date"]), TEXTS), TEXTS)
def test_the_notes_of_a_page_are_shown_as_if_its_credentials_were_looked_for_again(mapper, messages, headers, token):
    found = [Diagnostic("D401", message, hint=message[:3] or None) for message in messages]
    query = mapper.plan({}, context=CONTEXT).query
    for settings_ in (query.plan.settings, {"api_token": token}):
        for asked in (query, query, None):
            shown = Redaction(settings_, headers, asked).diagnostics(found)
            assert redaction_of(found, settings_, headers, asked).diagnostics(found) == shown


@pytest.mark.parametrize(
    ("query", "context"),
    [
        ({}, {"api_token": "wrong-9skd02"}),
        ({}, {"api_token": ["wrong-9skd02"]}),
        ({"api_key": "wrong-9skd02", "city": {"a": "wrong-9skd02"}}, CONTEXT),
        ("key=wrong-9skd02&city[a]=wrong-9skd02", CONTEXT),
    ],
)
def test_no_message_about_a_query_or_a_context_has_them(mapper, query, context):
    for call in (mapper.plan, lambda *args, **more: next(mapper.exchange(*args, **more))):
        with pytest.raises(MapperError) as caught:
            call(query, context=context)
        assert "wrong-9skd02" not in str(caught.value) + repr(caught.value)


# ── What Python shows ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_request_a_query_a_response_and_a_page_are_shown_short_and_without_data(mapper):
    request = mapper.plan({"city": "Bonn", "remote_query": {"a": "visible?"}}, context=CONTEXT)
    page = mapper.map({"items": [{"id": "77", "age": 1}, {"id": "78"}]}, query=request.query, headers={"a": "b"})
    assert repr(request) == f"<Request GET /{HIDDEN}/contacts>"
    assert repr(request.query) == "<Query city, remote_query>"
    assert repr(request.query.plan) == "<Plan of all>"
    assert repr(page.response) == repr(Response({"x": TOKEN}, 200, {"Authorization": TOKEN})) == "<Response 200>"
    assert repr(page) == "<Page of all: status 200, 2 records>"
    assert str(page) == f"{page}" == repr(page)


def test_a_page_says_what_was_found_and_whether_there_is_more():
    rows = [{"userId": "1", "userAggregateActivityStats": {"callsAsHost": "x"}}, {"userId": "2"}]
    body = {"usersAggregateActivityStats": rows, "records": {"cursor": "next"}}
    page = load("gong/activity").map(body, on_invalid="discard_record")
    counts = f"1 record, {len(page.diagnostics)} findings, 1 rejected row, another page follows"
    assert repr(page) == f"<Page of aggregate: status 200, {counts}>"
    empty = Page((), None, (), (), Response(None, 404), None, page.resource)
    assert repr(empty) == "<Page of no endpoint: status 404, 0 records>"


def test_the_text_of_a_file_is_not_shown_with_a_finding():
    with pytest.raises(MapperError) as caught:
        load("gong/activity").plan("start_time=1&end_time=2")
    mapping = load("gong/activity").sources[0]
    assert repr(mapping) == "Source(name='mappings/gong/activity.yaml')"
    assert len(repr(caught.value)) < 2_000


def test_a_holder_without_end_is_searched_once():
    cyclic = {"token": TOKEN}
    cyclic["again"] = [cyclic, cyclic]
    cyclic["secret"] = cyclic
    deep = TOKEN
    for _ in range(100_000):
        deep = {"token": deep}
    for holder in (cyclic, deep, {"token": [10**5000, TOKEN]}):
        assert Redaction(holder).text(f"a {TOKEN} b") == f"a {HIDDEN} b"


def test_a_query_without_end_or_with_one_part_in_many_places_is_looked_at_once():
    endless, shared = {}, ["s3cret-in-many-places"]
    endless["endless"] = endless
    for _ in range(60):
        shared = [shared, shared]
    found = Redaction({"a": endless, "b": shared}, {"token": shared}).text("s3cret-in-many-places")
    assert found == HIDDEN
