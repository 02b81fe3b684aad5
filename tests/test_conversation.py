"""A conversation in bytes says what the same conversation says in records."""

import json
from collections import Counter

import pytest
from contacts import mapper_of
from hypothesis import given, settings
from hypothesis import strategies as st

from truto_mapper import Encoded, MapperError, Page, Request, Response, load
from truto_mapper.engine import typed_page
from truto_mapper.engine.page import rendered
from truto_mapper.text import files

GONG = load("gong/activity", cache=False)
QUERY = {"start_time": "2026-03-02T00:00:00Z", "end_time": "2026-03-30T00:00:00Z"}
FORMATS = ["unified", "normalized", "debug", "raw", "stream"]
JOINED = {"user_names": True}

#: Rows of a page: most are usual, some are null, without a user, or have a value of another type.
ROWS = st.lists(
    st.one_of(
        *[st.builds(lambda n: {"userId": str(n), "userAggregateActivityStats": {"callsAsHost": n}}, st.integers(0, 99))]
        * 4,
        st.sampled_from([None, {}, {"userId": "7", "userAggregateActivityStats": {"callsAsHost": "many"}}]),
    ),
    max_size=4,
)


@st.composite
def providers(draw):
    """Replies under the cursors that lead to them; the last may lead back, or refuse."""
    pages = draw(st.lists(ROWS, min_size=1, max_size=4))
    last = draw(st.sampled_from(["end", "end", "end", "loop", "refusal"]))
    total = draw(st.sampled_from([None, sum(map(len, pages)), 999]))
    replies = {}
    for at, rows in enumerate(pages):
        following = f"page-{at + 1}" if at + 1 < len(pages) else "page-0" if last == "loop" else None
        records = {"totalRecords": total, "cursor": following}
        records = {name: value for name, value in records.items() if value is not None}
        replies[f"page-{at}" if at else None] = 200, {"records": records, "usersAggregateActivityStats": rows}
    replies["page-0"] = replies[None]
    if last == "refusal":
        replies[f"page-{len(pages) - 1}" if len(pages) > 1 else None] = 429, {"errors": ["slow down"]}
    return replies


def answered(replies, request):
    if request.join is not None:
        users = [{"id": one, "firstName": f"Ann {one}"} for one in request.body["filter"]["userIds"]]
        return Response(json.dumps({"users": users}).encode())
    status, body = replies[request.body.get("cursor")]
    return Response(json.dumps(body).encode(), status, {"Retry-After": "5"})


def driven(conversation, replies):
    """What a conversation gives, and how it ends: an error, what it returns, the cursor that it goes on from."""
    given_, end = [], None
    try:
        item = next(conversation)
        while True:
            if isinstance(item, Request):
                item = conversation.send(answered(replies, item))
            else:
                given_.append(item)
                item = next(conversation)
    except StopIteration as stop:
        end = stop.value
    except MapperError as error:
        end = type(error), error.status, [one.render() for one in error.diagnostics]
    return given_, end, getattr(conversation, "cursor", None)


def as_said(page, name):
    """What a page, or its bytes, say in a format."""
    if isinstance(page, Page):
        made = rendered(page, name)[0]
        return made, len(page.records), page.next_cursor, page.diagnostics, page.rejected
    lines = page.body.decode().split("\n")[:-1]
    made = list(map(json.loads, lines)) if name == "stream" else json.loads(page.body)
    return made, page.count, page.next_cursor, page.diagnostics, page.rejected


def outcome(given_, name="stream"):
    pages, end, cursor = given_
    end = as_said(end, name) if isinstance(end, (Page, Encoded)) else end
    return [as_said(page, name) for page in pages], end, cursor


@settings(max_examples=120)
@given(providers(), st.sampled_from(["raise", "discard_value", "discard_record"]), st.sampled_from([{}, {"limit": 3}]))
def test_a_stream_of_bytes_says_what_the_stream_of_pages_says(replies, on_invalid, more):
    query = {**QUERY, **more}
    pages = driven(GONG.stream(query, on_invalid=on_invalid), replies)
    assert outcome(driven(GONG.stream_bytes(query, on_invalid=on_invalid), replies)) == outcome(pages)


@settings(max_examples=60)
@given(providers(), st.sampled_from(FORMATS), st.sampled_from([{}, JOINED]))
def test_an_exchange_of_bytes_says_what_the_exchange_of_pages_says(replies, name, context):
    query = {**QUERY, "truto_response_format": name}
    page = driven(GONG.exchange(query, context=context), replies)
    made = driven(GONG.exchange_bytes(query, context=context), replies)
    assert outcome(made, name) == outcome(page, name)


def test_the_usual_pages_of_a_conversation_stay_bytes(monkeypatch):
    counted, typed = Counter(), typed_page.typed_page
    monkeypatch.setattr(typed_page, "typed_page", lambda *given_: counted.update(["typed"]) or typed(*given_))
    row = {"userId": "1", "userAggregateActivityStats": {"callsAsHost": 1}}
    replies = {
        None: (200, {"records": {"cursor": "b"}, "usersAggregateActivityStats": [row]}),
        "b": (200, {"records": {}, "usersAggregateActivityStats": [row | {"userId": "2"}]}),
    }
    pages, end, _ = driven(GONG.stream_bytes(QUERY), replies)
    assert [json.loads(page.body)["user"] for page in pages] == [{"id": "1"}, {"id": "2"}]
    assert (end, counted["typed"]) == (None, 2)


def test_an_exchange_of_bytes_gives_one_record_and_nothing_for_a_skipped_call():
    skipped, end, _ = driven(GONG.exchange_bytes({**QUERY, "truto_skip_api_call": True}), {})
    assert (skipped, json.loads(end.body)) == ([], {"result": [], "next_cursor": None})
    users = load("gong/users", cache=False)
    exchange = users.exchange_bytes({}, method="get", id="7")
    next(exchange)
    with pytest.raises(StopIteration) as stop:
        exchange.send(Response(b'{"user": {"id": "7", "firstName": "Ann"}}'))
    assert json.loads(stop.value.value.body)["name"] == "Ann"


def test_decimals_of_a_conversation_in_bytes_keep_their_digits(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id", "score": "$contact.score"})
    exchange = mapper.exchange_bytes({})
    next(exchange)
    with pytest.raises(StopIteration) as stop:
        exchange.send(Response(b'{"data": [{"id": "1", "score": 0.1234567890123456789012345}]}'))
    assert b"0.1234567890123456789012345" in stop.value.value.body


COUNTS = json.loads(files.find("gong/aggregate", "schemas", ".schema.json").text)["$defs"]["counts"]["properties"]


def whole(number, cursor, total):
    """A reply as Gong gives it."""
    counts = dict.fromkeys(COUNTS, 1)
    user = {"userId": str(number), "userEmailAddress": "a@b.example", "userAggregateActivityStats": counts}
    dates = {"fromDateTime": "2026-03-02T00:00:00Z", "toDateTime": "2026-03-30T00:00:00Z", "timeZone": "UTC"}
    records = {"totalRecords": total} | ({"cursor": cursor} if cursor else {})
    return Response(json.dumps({"records": records, "usersAggregateActivityStats": [user], **dates}).encode())


def test_rows_that_stay_bytes_are_counted():
    stream = GONG.stream_bytes(QUERY | {"truto_response_format": "stream"}, now="2026-06-01T00:00:00Z")
    next(stream)
    stream.send(whole(1, "a", 2))
    next(stream)
    assert [one for one in stream.send(whole(2, None, 2)).diagnostics if one.code == "P604"] == []
    assert next(stream, None) is None


@pytest.mark.parametrize("name", ["stream", "stream_bytes"])
def test_after_the_last_page_there_is_no_cursor(name):
    stream = getattr(GONG, name)(QUERY)
    next(stream)
    stream.send(whole(1, "a", 2))
    assert stream.cursor is not None
    next(stream)
    stream.send(whole(2, None, 2))
    assert stream.cursor is None


def test_a_page_that_cannot_be_encoded_is_not_passed_over():
    row = {"userId": "1", "userEmailAddress": float("nan"), "userAggregateActivityStats": {"callsAsHost": 1}}
    stream = GONG.stream_bytes(QUERY, on_invalid="discard_value")
    next(stream)
    stream.send(whole(1, "a", 3))
    at = stream.cursor
    next(stream)
    with pytest.raises(MapperError):
        stream.send(Response({"records": {"cursor": "b"}, "usersAggregateActivityStats": [row]}))
    assert stream.cursor == at


# ── A page that comes again ──────────────────────────────────────────────────────────────────────────────────────


def paged(query, replies):
    """The ids of the users page by page, and the code of the error that ended it."""
    found, cursor = [], None
    while True:
        asked = query | ({} if cursor is None else {"next_cursor": cursor})
        _, page, _ = driven(GONG.exchange(asked), replies)
        if not isinstance(page, Page):
            return found, page[0].__name__, cursor
        found += [record["user"]["id"] for record in page.records]
        cursor = page.next_cursor
        if cursor is None:
            return found, None, None


def of_users(*ids, cursor=None):
    rows = [{"userId": one, "userAggregateActivityStats": {"callsAsHost": 1}} for one in ids]
    return 200, {"records": {"cursor": cursor} if cursor else {}, "usersAggregateActivityStats": rows}


@pytest.mark.parametrize("limit", [{}, {"limit": 1}, {"limit": 2}, {"limit": 3}, {"limit": 9}], ids=str)
@pytest.mark.parametrize("users", [["1"], ["1", "2"], ["1", "2", "3", "4", "5"]], ids=len)
def test_page_by_page_too_no_page_comes_twice_under_fresh_cursors(users, limit):
    replies = {None: of_users(*users, cursor="b"), "b": of_users(*users, cursor="c"), "c": of_users("9")}
    found, error, cursor = paged(QUERY | limit, replies)
    assert (found, error) == (users, "ProviderError")
    replies["b"] = of_users("7", "8", cursor="c")  # the next try is another one
    assert paged(QUERY | limit | {"next_cursor": cursor}, replies)[:2] == (["7", "8", "9"], None)
    assert paged(QUERY | limit, replies)[:2] == ([*users, "7", "8", "9"], None)
    stream = GONG.stream(QUERY | {"next_cursor": cursor})
    pages, end, _ = driven(stream, replies | {"b": of_users(*users, cursor="c")})
    assert (pages, end[1]) == ([], 502)
