"""Cursors: what they carry, which question they belong to, and everything else, which is refused."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import pickle
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paging import SPEC, answered, exchanged, ids, looped, mapper_of, provider, streamed

from truto_mapper import EvaluationError, MapperError, QueryError, Response, load
from truto_mapper.engine import cursor
from truto_mapper.engine.cursor import Cursors, Position, Question
from truto_mapper.engine.page import position_of

PROPERTY = settings(derandomize=True, deadline=None, max_examples=200, database=None)
PERIOD = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}
KEYS = {"no key": None, "a key": b"k" * 16, "two keys": ["first key, 16 bytes", b"second key, 16 bytes"]}

gong = load("gong/activity")


@pytest.fixture
def acme(tmp_path):
    return mapper_of(tmp_path)


def users(*numbers, cursor=None, **counts):
    """Gong's page of these users."""
    rows = [{"userId": str(one), "userAggregateActivityStats": counts} for one in numbers]
    return {"usersAggregateActivityStats": rows, "records": {"cursor": cursor} if cursor else {}}


def refusal(call, *arguments, **options):
    """The code and place of what a call raises; any other exception than ours fails the test."""
    with pytest.raises(MapperError) as caught:
        call(*arguments, **options)
    (found,) = caught.value.diagnostics
    assert isinstance(caught.value, QueryError)
    return found.code, found.pointer


Q506 = "Q506", "/next_cursor"


# ── Every cursor is ours ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_cursor_of_a_page_is_sealed_and_leads_to_the_providers_next_page():
    page = gong.map(users(1, cursor="abc"), query=PERIOD)
    assert page.next_cursor.startswith("truto2.")
    request = gong.plan(PERIOD | {"next_cursor": page.next_cursor})
    assert (request.body["cursor"], request.query.cursor, request.query.offset) == ("abc", "abc", 0)


def test_a_cursor_needs_no_escaping_in_a_query_string():
    sealed = gong.map(users(1, cursor="é🎉 &%+=/"), query=PERIOD).next_cursor
    assert sealed.replace(".", "").replace("-", "").replace("_", "").isalnum()
    text = f"start_time={PERIOD['start_time']}&end_time={PERIOD['end_time']}&next_cursor={sealed}"
    assert gong.plan(text).body["cursor"] == "é🎉 &%+=/"


@pytest.mark.parametrize(
    "made_up", ["abc", "eyJhbGciOi", "truto1.W251bGwsMl0.hK5mwc8lf8XlKaB4", "é", "1", " ", "\ud800", "x" * 200_000]
)
def test_a_cursor_of_the_providers_own_is_refused(made_up):
    assert refusal(gong.plan, PERIOD | {"next_cursor": made_up}) == Q506
    assert refusal(gong.map, users(1), query=PERIOD | {"next_cursor": made_up}) == Q506


@pytest.mark.parametrize("cursor", ["\ud800", "x" * 70_000, "é"], ids=["half a pair", "long", "not ASCII"])
@pytest.mark.parametrize("rows", [(1,), ()], ids=["a row", "no row"])
def test_a_cursor_that_ours_cannot_carry_is_kept_without_the_query(cursor, rows):
    assert gong.map(users(*rows, cursor=cursor)).next_cursor == cursor


def test_a_reply_mapped_without_its_query_has_the_providers_own_cursor():
    assert gong.map(users(1, cursor="abc")).next_cursor == "abc"


def test_a_query_in_a_dict_can_be_mapped_with_its_cursor():
    first = gong.map(users(1, 2, 3, cursor="b"), query=PERIOD | {"limit": 2})
    query = PERIOD | {"limit": 2, "next_cursor": first.next_cursor}
    page = gong.map(users(1, 2, 3, cursor="b"), query=query)
    assert [record["user"]["id"] for record in page.records] == ["3"]
    assert gong.plan(PERIOD | {"next_cursor": page.next_cursor}).body["cursor"] == "b"


@pytest.mark.parametrize("kind", ["planned query", "dict"])
def test_an_empty_cursor_is_the_first_page(acme, kind):
    for first in ({"next_cursor": ""}, {"next_cursor": None}, {}):
        query = acme.plan(first).query if kind == "planned query" else first
        assert acme.plan(query).query.cursor is None
        assert "page" not in acme.plan(query).params


@pytest.mark.parametrize(
    ("given", "page"), [(2, "2"), (12345678901234567890123, "12345678901234567890123"), (2.0, "2")]
)
def test_a_cursor_that_is_a_number_becomes_text(given, page, tmp_path):
    mapper = mapper_of(tmp_path, ("page: $cursor, size", "page: $number($cursor), size"))
    sealed = mapper.map({"items": [], "next": given}, query={}).next_cursor
    assert mapper.plan({"next_cursor": sealed}).query.cursor == page
    assert mapper.map({"items": [], "next": given}).next_cursor == page


@pytest.mark.parametrize("computed", ["more ? page + 1", "$number(page) + 1"])
def test_a_page_number_can_be_the_cursor(computed, tmp_path):
    mapper = mapper_of(tmp_path, ("next_cursor: next\n    page_number", f"next_cursor: {computed}\n    page_number"))
    sealed = mapper.map({"items": [], "page": 1, "more": True}, query={}).next_cursor
    assert mapper.plan({"next_cursor": sealed}).params["page"] == "2"


@pytest.mark.parametrize(
    ("computed", "shown"),
    [("more", "true"), ("page > 0", "true"), ("'[page]'", "[1]"), ("'{\"a\": page}'", '{"a": 1}')],
)
def test_a_cursor_that_the_mapping_computes_wrong_is_the_mappings_fault(computed, shown, tmp_path):
    mapper = mapper_of(tmp_path, ("next_cursor: next\n    page_number", f"next_cursor: {computed}\n    page_number"))
    body = {"items": [], "page": 1, "more": True}
    with pytest.raises(EvaluationError, match=re.escape(f"must give a text or a number, this is {shown}")) as caught:
        mapper.map(body, query={})
    (found,) = caught.value.diagnostics
    assert (found.code, found.source.text[found.span.start : found.span.end]) == ("D406", computed.strip("'"))


@pytest.mark.parametrize("too_much", ["x" * 60_000, "é" * 20_000], ids=["long", "escaped"])
def test_a_providers_cursor_that_cannot_be_carried_is_the_providers_fault(acme, too_much):
    with pytest.raises(MapperError, match="more than a cursor can carry") as caught:
        acme.map({"items": [], "next": too_much}, query={})
    assert (caught.value.code, caught.value.status) == ("P602", 502)


def test_a_providers_cursor_with_half_of_a_surrogate_pair_is_the_providers_fault(acme):
    with pytest.raises(MapperError, match="surrogate") as caught:
        acme.map({"items": [], "next": "a\ud800"}, query={})
    assert caught.value.code == "P602"


# ── The question it belongs to ───────────────────────────────────────────────────────────────────────────────────

CUT = gong.map(users(1, 2, 3), query=PERIOD | {"limit": 1}, now="2026-01-20T00:00:00Z").next_cursor
NEXT = gong.map(users(1, cursor="abc"), query=PERIOD, now="2026-01-20T00:00:00Z").next_cursor
FOREIGN = {
    "period": {"start_time": "2026-01-02T00:00:00Z"},
    "end": {"end_time": "2026-01-31T00:00:00Z"},
    "users": {"users": ["1"]},
    "aggregation": {"aggregation_period": "day"},
    "remote query": {"remote_query": {"a": "b"}},
    "account": {"integrated_account_id": "62f44730-dd91-461e-bd6a-aedd9e0ad79d"},
}
SHOWN = [
    {"limit": 3},
    {"truto_response_format": "normalized"},
    {"truto_exclude_fields": ["id"]},
    {"truto_key_by": "id"},
]
SHOWN += [{"truto_ignore_limit": True}, {"truto_ignore_remote_data": True}, {"truto_skip_api_call": True}]
SHOWN += [{"aggregation_period": "total"}]


@pytest.mark.parametrize("sealed", [CUT, NEXT], ids=["cut", "next"])
@pytest.mark.parametrize("other", FOREIGN.values(), ids=FOREIGN)
def test_a_cursor_with_another_question_is_refused(sealed, other):
    assert refusal(gong.plan, PERIOD | other | {"next_cursor": sealed}) == Q506


@pytest.mark.parametrize("sealed", [CUT, NEXT], ids=["cut", "next"])
@pytest.mark.parametrize(
    "context", [{"time_zone": "Asia/Tokyo"}, {"time_zone": "Etc/UTC"}, {"detailed": True}], ids=str
)
def test_a_cursor_with_other_settings_is_refused(sealed, context):
    assert refusal(gong.plan, PERIOD | {"next_cursor": sealed}, context=context) == Q506


@pytest.mark.parametrize("sealed", [CUT, NEXT], ids=["cut", "next"])
def test_settings_that_are_the_defaults_are_the_same_settings(sealed):
    assert gong.plan(PERIOD | {"next_cursor": sealed}, context={"time_zone": "UTC", "detailed": False})


@pytest.mark.parametrize("sealed", [CUT, NEXT], ids=["cut", "next"])
@pytest.mark.parametrize("other", SHOWN, ids=str)
def test_how_an_answer_is_shown_may_change_between_pages(sealed, other):
    assert gong.plan(PERIOD | other | {"next_cursor": sealed})


def test_a_cursor_of_another_endpoint_or_mapping_is_refused(acme, tmp_path):
    sealed = acme.map({"items": [], "next": "a"}, query={}).next_cursor
    assert acme.plan({"next_cursor": sealed})
    assert refusal(acme.plan, {"next_cursor": sealed}, context={"deep": True}) == Q506
    other = mapper_of(tmp_path / "other", ("integration: acme", "integration: beta"), spec=SPEC.replace("acme", "beta"))
    assert refusal(other.plan, {"next_cursor": sealed}) == Q506


def test_settings_that_are_not_json_can_be_sealed_over(acme):
    for odd in (1.5, b"x", {1: "a", "b": 2}, [1, (2,)], float("nan"), "\ud800", {3, 4}, 10**400):
        context = {"any": odd}
        sealed = exchanged(acme, provider([1, 1]), {}, context=context).next_cursor
        assert acme.plan({"next_cursor": sealed}, context=context).params["page"] == "c1"
        assert refusal(acme.plan, {"next_cursor": sealed}) == Q506


# ── The time that it carries ─────────────────────────────────────────────────────────────────────────────────────

EVENING, MORNING = "2026-01-20T23:59:00Z", "2026-01-21T00:01:00Z"


def test_a_page_asked_after_midnight_asks_for_the_period_of_the_first():
    first = gong.plan(PERIOD, now=EVENING)
    page = gong.map(users(1, cursor="b"), query=first.query)
    following = gong.plan(PERIOD | {"next_cursor": page.next_cursor}, now=MORNING)
    assert following.body["filter"] == first.body["filter"]
    assert following.body["filter"]["toDate"] == "2026-01-20"
    last = gong.map(users(2), query=following.query, now=MORNING)
    assert [record["id"] for record in last.records] == ["2_total_2026-01-01_2026-02-01"]


def test_a_time_that_was_unknown_at_first_stays_unknown():
    page = gong.map(users(1, cursor="b"), query=PERIOD)
    following = gong.plan(PERIOD | {"next_cursor": page.next_cursor}, now=MORNING)
    assert following.body["filter"]["toDate"] == "2026-02-01"
    assert gong.plan(PERIOD, now=MORNING).body["filter"]["toDate"] == "2026-01-21"


def test_records_of_later_pages_are_made_with_the_time_of_the_first(acme):
    pages = provider([2, 1])
    first = exchanged(acme, pages, {"limit": 1}, now=EVENING)
    for query in ({"limit": 1, "next_cursor": first.next_cursor}, {"next_cursor": first.next_cursor}):
        page = exchanged(acme, pages, query, now=MORNING)
        assert [record["asked_at"] for record in page.records] == [EVENING]
        again = acme.map(pages[None], query=query, now=MORNING)
        assert [record["asked_at"] for record in again.records] == [EVENING]


@pytest.mark.parametrize("now", ["2026-01-20T00:00:00." + "0" * 100 + "Z", "2026-01-20", 5, "0001-01-01T00:00:00Z"])
def test_a_time_that_a_cursor_could_not_carry_is_refused_at_once(acme, now):
    assert refusal(acme.plan, {}, now=now) == ("Q509", "/now")


# ── Cut pages ────────────────────────────────────────────────────────────────────────────────────────────────────


def cut(body, limit, **options):
    """The page of Gong's reply that ends after `limit` rows, and the query that leads on."""
    page = gong.map(body, query=PERIOD | {"limit": limit}, **options)
    return page, PERIOD | {"limit": limit, "next_cursor": page.next_cursor}


CHANGED = {
    "a new row before": users(4, 1, 2, 3),
    "a row gone before": users(2, 3),
    "another order": users(2, 1, 3),
    "another row": users(1, 9, 3),
    "fewer rows": users(1),
    "no rows": users(),
    "a row twice": users(1, 1, 2, 3),
}


@pytest.mark.parametrize("body", CHANGED.values(), ids=CHANGED)
def test_a_page_that_changed_before_its_offset_is_refused_and_never_shifted(body):
    _, query = cut(users(1, 2, 3), 2)
    assert refusal(gong.map, body, query=query) == ("Q514", "/next_cursor")


def test_a_page_that_now_says_there_are_no_records_has_changed():
    _, query = cut(users(1, 2, 3), 2)
    body = {"errors": ["No users found corresponding to the provided filters"]}
    assert refusal(gong.map, body, query=query, status=404) == ("Q514", "/next_cursor")


def test_counts_before_the_offset_and_rows_after_it_may_change():
    _, query = cut(users(1, 2, 3, callsAsHost=1), 2)
    for body in (users(1, 2, 3, callsAsHost=2), users(1, 2, 4, 5), users(1, 2), users(1, 2, 3) | {"requestId": "x"}):
        assert [one["user"]["id"] for one in gong.map(body, query=query).records] == [
            row["userId"] for row in body["usersAggregateActivityStats"][2:4]
        ]


def test_null_rows_do_not_count():
    body = users(1, 2, 3)
    body["usersAggregateActivityStats"].insert(1, None)
    _, query = cut(body, 2)
    assert [one["user"]["id"] for one in gong.map(users(1, 2, 3), query=query).records] == ["3"]


def codes(diagnostics):
    """The codes of what is said about rows."""
    return sorted(one.code for one in diagnostics if one.code.startswith("D"))


def test_rows_before_the_offset_are_not_reported_or_rejected_again():
    body = users(1, 2, 3)
    body["usersAggregateActivityStats"][0]["userAggregateActivityStats"] = {"callsAsHost": "three"}
    body["usersAggregateActivityStats"][1] = "no row"
    page, query = cut(body, 2, on_invalid="discard_record")
    assert (len(page.rejected), codes(page.diagnostics)) == (2, ["D404", "D408"])
    for on_invalid in ("raise", "discard_value", "discard_record"):
        rest = gong.map(body, query=query, on_invalid=on_invalid)
        assert ([one["user"]["id"] for one in rest.records], rest.rejected) == (["3"], ())
        assert codes(rest.diagnostics) == []


def test_a_rejected_row_before_the_offset_that_changes_is_noticed():
    body = users(1, 2, 3)
    body["usersAggregateActivityStats"][0]["userAggregateActivityStats"] = {"callsAsHost": "three"}
    _, query = cut(body, 1, on_invalid="discard_record")
    body["usersAggregateActivityStats"][0]["userId"] = "9"
    assert refusal(gong.map, body, query=query, on_invalid="discard_record") == ("Q514", "/next_cursor")


def test_rows_of_a_resource_without_ids_are_compared_as_they_are(tmp_path):
    mapper = mapper_of(tmp_path, ('{id: id & "", age: age}', "{age: age}"), ('      id: id & ""\n', ""), spec=NO_ID)
    body = {"items": [{"id": 1, "age": 5}, {"id": 2, "age": 6}]}
    query = {"limit": 1, "next_cursor": mapper.map(body, query={"limit": 1}).next_cursor}
    assert [one["age"] for one in mapper.map(copy.deepcopy(body), query=query).records] == [6]
    body["items"][0]["age"] = 7
    assert refusal(mapper.map, body, query=query) == ("Q514", "/next_cursor")


NO_ID = SPEC.replace("  id: {type: string, required: true}\n", "")


def test_a_page_that_was_not_cut_compares_nothing():
    page = gong.map(users(1, cursor="b"), query=PERIOD)
    assert position_of(page)[1:3] == (0, None)


@PROPERTY
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=4), st.integers(1, 7), st.booleans(), st.sampled_from(list(KEYS))
)
def test_with_any_limit_the_cursors_lead_to_every_record_once(mappers, sizes, limit, is_rejected, kind):
    pages, mapper = provider(sizes), mappers[kind]
    whole = [str(one["id"]) for body in pages.values() for one in body["items"]]
    if is_rejected and whole:
        pages[None if sizes[0] else next(p for p, b in pages.items() if b["items"])]["items"][0]["age"] = "old"
        whole = whole[1:]
    options = {"on_invalid": "discard_record"}
    assert looped(mapper, pages, {"limit": limit}, **options) == whole
    assert streamed(mapper, pages, {}, **options) == whole
    assert streamed(mapper, pages, {"limit": limit}, **options) == whole[:limit]


@pytest.fixture(scope="module")
def mappers(tmp_path_factory):
    """A mapper for each kind of key."""
    return {name: mapper_of(tmp_path_factory.mktemp("acme"), cursor_key=key) for name, key in KEYS.items()}


# ── Forgers ──────────────────────────────────────────────────────────────────────────────────────────────────────

QUESTION = Question(PERIOD, ["one"], {})


def encoded(payload):
    text = payload if isinstance(payload, bytes) else json.dumps(payload, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def forged(mapper, payload, query):
    """A cursor of a mapper without a key with any payload, its seal computed as anybody can compute it."""
    question = mapper.plan(query).query.plan.question
    body = payload if isinstance(payload, str) else encoded(payload)
    scope = f"truto2.{mapper.mapping.integration} {mapper.resource.name}\n".encode()
    seal = hashlib.sha256(scope + question.text + b"\n" + body.encode(errors="surrogatepass")).digest()[:18]
    return f"truto2.{body}.{base64.urlsafe_b64encode(seal).decode()}"


RIGHT = ["abc", 2, "A" * 16, "2026-01-20T00:00:00Z", 0]


def test_without_a_key_anybody_can_make_a_cursor_that_could_be_ours():
    assert gong.plan(PERIOD | {"next_cursor": forged(gong, RIGHT, PERIOD)}).body["cursor"] == "abc"


WRONG = [
    *(None, {}, [], "abc", 5, True, [RIGHT], RIGHT[:4], [*RIGHT, 0], dict(enumerate(RIGHT))),
    *([one, *RIGHT[1:]] for one in ("", 5, True, {"a": 1}, ["a"], "\ud800", 1.5)),
    *([RIGHT[0], one, *RIGHT[2:]] for one in (-1, 0, 1.0, 1.5, True, "2", None, 2**53, [2], 10**400)),
    *([*RIGHT[:2], one, *RIGHT[3:]] for one in (None, "", "A" * 15, "A" * 17, "é" * 16, "A" * 15 + "\n", 5, [])),
    *([*RIGHT[:3], one, 0] for one in ("", "now", "2026-01-20", 5, "9999-12-31T00:00:00Z", ["a"], False)),
    [*RIGHT[:3], "2026-01-20T00:00:00." + "0" * 90 + "Z", 0],
    *([*RIGHT[:4], one] for one in (-1, "0", None, 2**53, 0.0, False)),
    ["abc", 0, "A" * 16, None, 0],
    *(b"\xff\xfe", b"", b"[", b"[" * 60_000, b'["abc",1e999,null,null,0]', b'["abc",NaN,null,null,0]'),
    *(b'["abc", 0, null, null, 0]', b'["abc",0,null,null,0] ', b'["abc",0,null,null,0,]', b'["\\u0061",0,null,null,0]'),
    b"[" + b"1" * 5_000 + b"]",
    *(encoded(RIGHT) + "=", encoded(RIGHT) + "A", encoded(RIGHT) + "!", "é", "\ud800", "", ".", "A", "=" * 8),
]


@pytest.mark.parametrize("payload", WRONG, ids=lambda payload: repr(payload)[:60])
def test_whatever_a_forger_seals_is_a_cursor_of_ours_or_q506(payload):
    assert refusal(gong.plan, PERIOD | {"next_cursor": forged(gong, payload, PERIOD)}) == Q506


@pytest.mark.parametrize("kind", KEYS)
def test_thousands_of_changed_cursors_are_all_refused(kind):
    mapper, count = load("gong/activity", cursor_key=KEYS[kind]), 0
    sealed = [
        mapper.map(users(1, 2, 3, cursor="abc"), query=PERIOD | {"limit": 2}, now=EVENING).next_cursor,
        mapper.map(users(1, cursor="é🎉"), query=PERIOD).next_cursor,
    ]
    for changed in changes(sealed, random.Random(7)):
        count += 1
        assert refusal(mapper.plan, PERIOD | {"next_cursor": changed}) == Q506
    assert count > 3_000


def changes(sealed, chance):
    """Cursors that lost, gained or changed characters, and mixtures of two."""
    for text in sealed:
        for at, was in enumerate(text):
            yield text[:at] + text[at + 1 :]
            yield from (text[:at] + other + text[at + 1 :] for other in "AQ5-_.=é" if other != was)
            yield text[: at or 1]
        for more in ("=", "A", ".", " ", "\n", "\0", ".A", "é", "\ud800"):
            yield from (text + more, more + text)
        yield from (text.upper(), text.lower(), text[::-1], text * 2, text.replace("truto2", "truto1"))
    one, two = sealed
    yield from (
        one[:at] + two[at:] for at in range(8, min(len(one), len(two)) - 1) if one[:at] + two[at:] not in sealed
    )
    for _ in range(1_500):
        text = list(chance.choice(sealed))
        for _ in range(chance.randint(1, 4)):
            text[chance.randrange(len(text))] = chr(
                chance.choice([chance.randrange(32, 127), chance.randrange(0x110000)])
            )
        if "".join(text) not in sealed:
            yield "".join(text)


@PROPERTY
@given(
    st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.integers(0, 2**53 - 1),
    st.none() | st.just(EVENING),
    st.integers(0, 10**6),
    st.sampled_from(list(KEYS)),
)
def test_any_position_is_carried_unchanged(at, offset, now, taken, kind):
    cursors = Cursors("a b", cursor.keys_of(KEYS[kind]))
    position = Position(at, offset, "A" * 16 if offset else None, now, taken)
    assert cursors.opened(cursors.sealed(position, QUESTION), QUESTION, "2030-01-01T00:00:00Z") == position


# ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def sealed_with(key):
    return load("gong/activity", cursor_key=key).map(users(1, cursor="abc"), query=PERIOD).next_cursor


def accepts(key, sealed):
    """Whether a mapper with this key opens a cursor; if not, with the right error."""
    mapper, query = load("gong/activity", cursor_key=key), PERIOD | {"next_cursor": sealed}
    try:
        return mapper.plan(query).body["cursor"] == "abc"
    except QueryError:
        return refusal(mapper.plan, query) != Q506


def test_keys_rotate_the_first_seals_and_all_verify():
    old, new = b"the old key, 16 bytes", "the new key, 16 bytes"
    assert sealed_with([new, old]) == sealed_with(new) != sealed_with(old)
    assert accepts([new, old], sealed_with(old))
    assert accepts([old, new], sealed_with(new))
    assert not accepts(new, sealed_with(old))
    assert sealed_with(new) == sealed_with(new.encode())


def test_a_forged_cursor_is_refused_with_a_key_and_a_keyed_one_without_it():
    key = b"k" * 32
    assert not accepts(key, forged(gong, RIGHT, PERIOD))
    assert not accepts(key, sealed_with(None))
    assert not accepts(None, sealed_with(key))


@pytest.mark.parametrize(
    "wrong", [b"", "", b"short", "k" * 15, [], (), [b"k" * 16, b"short"], 5, {}, {"k" * 16: 1}, [None], [["k" * 16]]]
)
def test_a_key_that_is_short_or_no_key_is_refused_and_not_quoted(wrong):
    with pytest.raises(QueryError, match="at least 16 bytes") as caught:
        load("gong/activity", cursor_key=wrong)
    assert caught.value.code == "Q515"
    assert "short" not in str(caught.value)


def test_a_pickled_mapper_keeps_its_keys_and_shows_them_to_nobody():
    mapper = load("gong/activity", cursor_key="a secret key, 16 bytes")
    again = pickle.loads(pickle.dumps(mapper))
    assert again.plan(PERIOD | {"next_cursor": sealed_with("a secret key, 16 bytes")}).body["cursor"] == "abc"
    query = mapper.plan(PERIOD).query
    page = mapper.map(users(1, cursor="abc"), query=query)
    for shown in (mapper, again, query, query.plan, mapper._cursors, page, mapper.stream(PERIOD)):
        assert "secret" not in repr(shown)
    assert b"a secret key" not in pickle.dumps(page)


def test_answers_of_one_mapper_can_be_followed_by_another(acme):
    pages, again = provider([1, 2, 1]), pickle.loads(pickle.dumps(acme))
    first = exchanged(acme, pages, {})
    second = exchanged(again, pages, {"next_cursor": first.next_cursor})
    assert ids([first, second]) == ["1", "2", "3"]
    assert answered(pages, again.plan({"next_cursor": second.next_cursor})) == Response(pages["c2"])
