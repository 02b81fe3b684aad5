"""Joins: what they ask for, what their rows become, and what is told when they fail."""

import json
import pickle

import joining
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joining import company, driven, mapper_of

from truto_mapper import EvaluationError, MappingError, Page, ProviderError, QueryError, Response, load
from truto_mapper.authoring import check, coverage, docs, explain, golden
from truto_mapper.authoring.diff.mappings import mappings

USERS = {str(n): {"id": n, "firstName": f"U{n}", "age": n, "title": f"boss {n}"} for n in range(1, 9)}


def exchanged(mapper, send, query=None, **options):
    """The requests of an exchange, and its page."""
    requests, (page,) = driven(mapper.exchange(query or {}, **options), send)
    return requests, page


def deals(*owners, first=1):
    return [{"id": n, "amount": n, "ownerId": one, "contact": "x"} for n, one in enumerate(owners, first)]


def told(page):
    return [(one.code, one.severity) for one in page.diagnostics]


@pytest.fixture
def mapper(tmp_path):
    return mapper_of(tmp_path)


def test_a_join_asks_for_the_ids_of_the_page_in_batches(mapper):
    requests, page = exchanged(mapper, company(USERS, [deals(1, 2, "3", 4, 2, None)]))
    assert [one.join for one in requests] == [None, "users", "users"]
    assert [one.body for one in requests[1:]] == [{"filter": {"ids": [1, 2, "3"]}}, {"filter": {"ids": [4]}}]
    assert [one.path for one in requests[1:]] == ["/users/search"] * 2
    assert [one["owner"].get("name") for one in page.records[:5]] == ["U1", "U2", "U3", "U4", "U2"]
    assert page.records[0]["title"] == "BOSS 1"
    assert page.diagnostics == ()
    assert len(page.joined["users"]) == 2


def test_a_miss_is_absent(mapper):
    _, page = exchanged(mapper, company(USERS, [deals(1, 77)]))
    assert [one["owner"] for one in page.records] == [
        {"id": "1", "name": "U1", "age": 1, "mail": "x"},
        {"id": "77", "mail": "x"},
    ]


@pytest.mark.parametrize(
    ("title", "found", "missed"),
    [
        ("$user.title", "boss 1", None),
        ("$user.title ?? 'none'", "boss 1", "none"),
        ("$user.[title][0]", "boss 1", None),
        ("$user.(firstName & '!')", "U1!", None),
        ("$user.$string(age)", "1", None),
        ("$user.{'a': title}.a", "boss 1", None),
        ("$user{'a': title}.a", "boss 1", None),
        ("$keys($user)[0]", "id", None),
        ("$exists($user) ? 'there' : 'gone'", "there", "gone"),
        ("$exists($user.title) ? 'there' : 'gone'", "there", "gone"),
        ("($user := {'title': 'own'}; $user.title)", "own", "own"),
    ],
)
def test_a_miss_is_nothing_however_its_row_is_read(tmp_path, title, found, missed):
    mapper = mapper_of(
        tmp_path,
        ("title: $uppercase($lookup($joined.users, $string(ownerId)).title)", f'title: "{title}"'),
        ("user: $lookup($joined.users, $string(ownerId))", "user: $lookup($joined.users, contact)"),
    )
    there, gone = deals("1", "77")  # what a usual row has
    _, page = exchanged(mapper, company(USERS, [[there | {"contact": "1"}, gone | {"contact": "77"}]]))
    assert [one.get("title") for one in page.records] == [found, missed]


def test_the_same_id_as_text_and_as_number_is_one(mapper):
    requests, page = exchanged(mapper, company(USERS, [deals(1, "1", 1)]))
    assert requests[1].body == {"filter": {"ids": [1]}}
    assert [one["owner"]["name"] for one in page.records] == ["U1"] * 3


def test_without_ids_nothing_is_asked(mapper):
    requests, page = exchanged(mapper, company(USERS, [deals(None, None)]))
    assert [one.join for one in requests] == [None]
    assert [one["id"] for one in page.records] == ["1", "2"]


def test_a_join_that_does_not_run_is_absent(mapper):
    requests, page = exchanged(mapper, company(USERS, [deals(1, 2)]), context={"with_owners": False})
    assert len(requests) == 1
    assert [one["owner"] for one in page.records] == [{"id": "1", "mail": "x"}, {"id": "2", "mail": "x"}]
    assert page.diagnostics == ()


def test_further_pages_of_a_batch_are_asked_for(mapper):
    requests, page = exchanged(mapper, company(USERS, [deals(1, 2, 3)], size=1))
    assert [one.body.get("cursor") for one in requests[1:]] == [None, "1", "2"]
    assert [one["owner"]["name"] for one in page.records] == ["U1", "U2", "U3"]


def test_a_page_cut_by_a_limit_asks_for_its_own_rows_only(mapper):
    stream = mapper.stream({"limit": 3})
    requests, pages = driven(stream, company(USERS, [deals(1, 2), deals(3, 4, 5, first=3)]))
    assert [one.body["filter"]["ids"] for one in requests if one.join] == [[1, 2], [3]]
    assert [[one["owner"]["name"] for one in page.records] for page in pages] == [["U1", "U2"], ["U3"]]
    page = pages[-1]
    (_, *rest), following = exchanged(
        mapper,
        company(USERS, [deals(1, 2), deals(3, 4, 5, first=3)]),
        {
            "limit": 3,
            "next_cursor": page.next_cursor,
        },
    )
    assert [one.body["filter"]["ids"] for one in rest] == [[4, 5]]
    assert [one["owner"]["name"] for one in following.records] == ["U4", "U5"]


def test_kept_replies_of_a_cut_page_are_paired_with_its_own_ids(tmp_path):
    mapper = mapper_of(tmp_path, ("key: $string(id)", "key: $ids[0]"), ("batch: 3", "batch: 1"))
    send = company(USERS, [deals(1, 2, 3)])
    _, first = exchanged(mapper, send, {"limit": 1})
    _, page = exchanged(mapper, send, {"limit": 1, "next_cursor": first.next_cursor})
    assert page.records[0]["owner"]["name"] == "U2"
    again = mapper.map(page.response.body, query=page.query, joined=page.joined)
    assert again.records == page.records
    assert again.diagnostics == page.diagnostics


def test_a_cut_page_goes_on_where_ids_of_records_are_joined(tmp_path):
    mapper = mapper_of(tmp_path, ("id: $string(id)\n      amount", "id: $user.firstName\n      amount"))
    send = company(USERS, [deals(1, 2, 3, 4, 5)])
    _, first = exchanged(mapper, send, {"limit": 2})
    _, page = exchanged(mapper, send, {"limit": 2, "next_cursor": first.next_cursor})
    assert [one["id"] for one in (*first.records, *page.records)] == ["U1", "U2", "U3", "U4"]


def test_a_stream_joins_page_after_page(mapper):
    send = company(USERS, [deals(1, 2), deals(3, first=7), deals(77, first=9)])
    requests, pages = driven(mapper.stream({}), send)
    assert [one.join for one in requests] == [None, "users", None, "users", None, "users"]
    assert [[one["owner"].get("name") for one in page.records] for page in pages] == [["U1", "U2"], ["U3"], [None]]


def failing(send, response, *, at=1):
    """A provider that gives another answer to a request of a join."""
    asked = iter(range(1, 1000))
    return lambda request: response if request.join and next(asked) == at else send(request)


def test_a_failure_of_a_join_fails_the_page(mapper):
    send = failing(company(USERS, [deals(1, 2, 3, 4)]), Response({"error": "slow down", "requestId": "r-9"}, 429), at=2)
    exchange = mapper.exchange({})
    with pytest.raises(ProviderError, match="acme answered 429: slow down") as caught:
        driven(exchange, send)
    assert (caught.value.status, caught.value.request_id) == (429, "r-9")
    assert "(in the reply to join `users`, request 2)" in str(caught.value)
    assert caught.value.problem()["raw_response"] == {"error": "slow down", "requestId": "r-9"}
    with pytest.raises(ProviderError, match="slow down"):
        next(exchange)


def test_a_failure_in_a_stream_is_never_an_end(mapper):
    send = failing(company(USERS, [deals(1), deals(2, first=2)]), Response({"error": "no"}, 500), at=2)
    stream = mapper.stream({})
    with pytest.raises(ProviderError, match="acme answered 500"):
        driven(stream, send)
    with pytest.raises(ProviderError):
        next(stream)
    resumed, (page,) = driven(
        mapper.stream({"next_cursor": stream.cursor}), company(USERS, [deals(1), deals(2, first=2)])
    )
    assert [one["owner"]["name"] for one in page.records] == ["U2"]
    assert len(resumed) == 2


def test_a_failure_may_be_left_out(tmp_path):
    mapper = mapper_of(tmp_path, ("empty_when: $status = 404", "on_error: leave_out"))
    send = company(USERS, [deals(1, 2, 3, 77, 78, 79, 4)])
    requests, page = exchanged(mapper, send)
    assert len(requests) == 4
    assert [one["owner"].get("name") for one in page.records] == ["U1", "U2", "U3", None, None, None, "U4"]
    (found,) = page.diagnostics
    assert (found.code, found.severity) == ("P601", "warning")
    assert found.message == (
        "acme answered 404: no such users (in the reply to join `users`, request 2)"
        " (the provider's request r-1); its rows were left out"
    )


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_a_join_asks_no_more_after_a_failure_that_the_next_request_would_meet(tmp_path, status):
    mapper = mapper_of(tmp_path, ("empty_when: $status = 404", "on_error: leave_out"))
    send = failing(company(USERS, [deals(1, 2, 3, 4)]), Response({"error": "no"}, status))
    requests, page = exchanged(mapper, send)
    assert len(requests) == 2
    assert len(page.records) == 4
    assert page.diagnostics[0].message.endswith("the join asks no more")


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (Response({"other": 1}), "P603", "has nothing that its `rows` reads"),
        (Response(None, 204), "P602", "the provider's answer is empty (status 204)"),
        (Response(b"<html>"), "P602", "cannot be read as JSON"),
        (Response({"users": 5}), "P602", "declares an array here, this is an integer: 5"),
        (Response({"users": [{"id": 1, "firstName": 5}]}), "P602", "declares a string here, this is an integer: 5"),
        (Response({"users": [{"id": [1]}]}), "P602", "declares an integer or a string here"),
        (Response({"users": [], "next": {}}), "P602", "declares a string here, this is an object"),
    ],
)
def test_a_reply_that_is_none_fails(mapper, reply, code, words):
    with pytest.raises(ProviderError) as caught:
        driven(mapper.exchange({}), failing(company(USERS, [deals(1)]), reply))
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert words in found.message
    assert "(in the reply to join `users`, request 1)" in found.message


def test_a_value_of_another_type_has_its_place_in_the_reply(mapper):
    reply = Response({"users": [{"id": 1, "firstName": "a"}, {"id": 2, "firstName": 5}]})
    with pytest.raises(ProviderError) as caught:
        driven(mapper.exchange({}), failing(company(USERS, [deals(1, 2)]), reply))
    assert caught.value.diagnostics[0].pointer == "/users/1/firstName"


@pytest.mark.parametrize("on_invalid", ["raise", "discard_value"])
@pytest.mark.parametrize("owner", [5.0, 5, "5"])
def test_no_page_has_the_rows_that_another_one_was_joined_with(mapper, owner, on_invalid):
    for name in (None, "Ada", "Bo", None):
        users = {"users": [{"id": 5, "firstName": name}] if name else []}
        send = lambda request, users=users: Response(users if request.join else {"items": deals(owner)})  # noqa: E731
        _, page = exchanged(mapper, send, on_invalid=on_invalid)
        assert page.records[0]["owner"].get("name") == name


def test_a_row_with_such_a_value_may_be_discarded(mapper):
    reply = Response({"users": [{"id": 1, "firstName": "a"}, {"id": 2, "firstName": 5}]})
    send = failing(company(USERS, [deals(1, 2)]), reply)
    _, page = exchanged(mapper, send, on_invalid="discard_value")
    assert [one["owner"].get("name") for one in page.records] == ["a", None]
    assert told(page) == [("P602", "warning")]
    assert "; the row was left out" in page.diagnostics[0].message


def test_pages_of_a_join_come_to_an_end(mapper):
    with pytest.raises(ProviderError, match="do not come to an end") as caught:
        driven(
            mapper.exchange({}),
            lambda r: Response({"users": [], "next": "a"}) if r.join else Response({"items": deals(1)}),
        )
    assert caught.value.code == "P604"


def test_a_join_asks_a_thousand_times_at_most(tmp_path):
    endless = iter(range(10_000))
    mapper = mapper_of(tmp_path)
    with pytest.raises(ProviderError, match="has asked 1,000 times for one page"):
        driven(
            mapper.exchange({}),
            lambda r: Response({"users": [], "next": str(next(endless))}) if r.join else Response({"items": deals(1)}),
        )
    mapper = mapper_of(tmp_path, ("batch: 3", "batch: 1"))
    with pytest.raises(EvaluationError, match="1,001 requests of 1"):
        driven(mapper.exchange({}), company(USERS, [deals(*range(1001))]))


def test_rows_with_the_same_key_are_told(mapper):
    twice = [{"id": 1, "firstName": "a"}, {"id": 1, "firstName": "b"}, {"id": 2}, {"id": 2}, {"firstName": "c"}, None]
    _, page = exchanged(mapper, failing(company(USERS, [deals(1, 2)]), Response({"users": twice})))
    assert page.records[0]["owner"]["name"] == "a"
    assert [one.code for one in page.diagnostics] == ["P613", "P613"]
    assert page.diagnostics[0].message == "1 row has no key in the replies to join `users`: nothing finds them"
    assert page.diagnostics[1].message.endswith('the first of each was kept: "1"')


def test_a_key_may_have_many_rows(tmp_path):
    mapper = mapper_of(
        tmp_path,
        ("key: $string(id)", "key: $string(id)\n        many: true"),
        ("title: $upper", "notes: '$user.{\"text\": firstName}'\n      title: $upper"),
        ("name: $user.firstName", 'name: $join($user.firstName, "+")'),
        ("age: $user.age", "age: $sum($user.age)"),
        ("$lookup($joined.users, $string(ownerId)).title", "$lookup($joined.users, $string(ownerId))[0].title"),
    )
    rows = [{"id": 1, "firstName": "a", "age": 1}, {"id": 1, "firstName": "b", "age": 2}, {"id": 2, "firstName": "c"}]
    _, page = exchanged(mapper, failing(company(USERS, [deals(1, 2, 3)]), Response({"users": rows})))
    assert [one["owner"].get("name") for one in page.records] == ["a+b", "c", None]
    assert [one.get("notes") for one in page.records] == [[{"text": "a"}, {"text": "b"}], [{"text": "c"}], None]
    assert page.records[0]["owner"]["age"] == 3


@pytest.mark.parametrize(
    "notes", ['$rows.{"text": firstName}', '$map($rows, function($row) { {"text": $row.firstName} })']
)
@pytest.mark.parametrize("context", [{}, {"with_owners": False}])
def test_a_list_of_what_no_join_gave_is_absent_however_it_is_written(tmp_path, notes, context):
    notes = notes.replace("$rows", "$lookup($joined.users, $string(ownerId))")
    mapper = mapper_of(
        tmp_path,
        ("key: $string(id)", "key: $string(id)\n        many: true"),
        ("title: $uppercase($lookup($joined.users, $string(ownerId)).title)", f"notes: '{notes}'"),
        ("name: $user.firstName", "name: $user[0].firstName"),
        ("age: $user.age", "age: $sum($user.age)"),
    )
    _, page = exchanged(mapper, company(USERS, [deals(77, 1)]), context=context)
    assert [one.get("notes") for one in page.records] == [None, None if context else [{"text": "U1"}]]


def test_rows_of_one_key_come_in_the_order_of_the_replies(tmp_path):
    mapper = mapper_of(
        tmp_path,
        ("key: $string(id)", "key: id\n        many: true"),
        ("title: $uppercase($lookup($joined.users, $string(ownerId)).title)", "emails: $user.firstName"),
        ("name: $user.firstName", "name: $user[0].firstName"),
        ("age: $user.age", "age: $count($user)"),
    )
    usual, odd, more = ([{"id": 1, "firstName": one} for one in names] for names in ("ab", "cd", "ef"))
    replies = [{"users": usual}, {"users": [None, {"firstName": "x"}, *odd]}, {"users": more}]
    page = mapper.map({"items": deals(1)}, joined={"users": replies})
    assert page.records[0]["emails"] == [*"abcdef"]
    assert told(page) == [("P613", "warning")]


def test_one_request_an_id_is_a_batch_of_one(tmp_path):
    mapper = mapper_of(
        tmp_path,
        ("batch: 3", "batch: 1"),
        ("request_method: POST", "request_method: GET"),
        ("path_mapping: '\"/users/search\"'", "path_mapping: '\"/users/\" & $encodeUrlComponent($string($ids[0]))'"),
        ("        request_schema: acme/users-request\n", ""),
        ("        request_body_mapping: {filter: {ids: $ids}, cursor: $cursor}\n", ""),
        ("rows: users", "rows: user"),
        ("key: $string(id)", "key: $ids[0]"),
        ("        source_schema: acme/users\n", ""),
    )

    def send(request):
        if request.join is None:
            return Response({"items": deals(1, "a b", 3)})
        found = {"/users/1": {"firstName": "one"}, "/users/a%20b": {"firstName": "two"}}.get(request.path)
        return Response({"user": found}) if found else Response({"error": "none"}, 404)

    requests, page = exchanged(mapper, send)
    assert [(one.method, one.path, one.body) for one in requests[1:]] == [
        ("GET", "/users/1", None),
        ("GET", "/users/a%20b", None),
        ("GET", "/users/3", None),
    ]
    assert [one["owner"].get("name") for one in page.records] == ["one", "two", None]
    stored = {"users": [{"user": {"firstName": "one"}}, {"user": {"firstName": "two"}}, Response({}, 404)]}
    again = mapper.map(page.response.body, query=page.query, joined=stored)
    assert again.records == page.records


def test_static_responses_and_skipped_calls_do_not_join(tmp_path):
    mapper = mapper_of(
        tmp_path,
        ("    next_cursor: next\n    join", '    static_response: \'{"items": [{"id": 1, "ownerId": 1}]}\'\n    join'),
    )
    requests, page = exchanged(mapper, None, {"truto_skip_api_call": True})
    assert requests == []
    assert page.records[0]["owner"] == {"id": "1"}
    assert "P612" not in [one.code for one in page.diagnostics]


def test_raw_pages_and_refused_ones_do_not_join(mapper):
    requests, _ = exchanged(mapper, company(USERS, [deals(1)]), {"truto_response_format": "raw"})
    assert len(requests) == 1
    with pytest.raises(ProviderError, match="acme answered 500"):
        driven(mapper.exchange({}), lambda _: Response({"error": "x"}, 500))


def test_kept_replies_give_the_same_page(mapper):
    _, page = exchanged(mapper, company(USERS, [deals(1, 2, 3, 4)]))
    kept = [one.body for one in page.joined["users"]]
    for one in (kept, kept[::-1], [json.dumps(one).encode() for one in kept], [Response(one) for one in kept]):
        again = mapper.map(page.response.body, query=page.query, joined={"users": one})
        assert again.records == page.records
        assert again.diagnostics == ()


def test_a_reply_without_its_joins_says_so(mapper):
    body = {"items": deals(1, 2)}
    page = mapper.map(body)
    assert page.records[0]["owner"] == {"id": "1", "mail": "x"}
    (found,) = [one for one in page.diagnostics if one.code == "P612"]
    assert found.severity == "note"
    assert found.message == "the reply was mapped without the rows of its join `users`"
    assert "P612" not in [one.code for one in mapper.map(body, context={"with_owners": False}).diagnostics]
    assert "P612" not in [one.code for one in mapper.map({"items": deals(None)}).diagnostics]
    assert "P612" in [one.code for one in mapper.map(body, joined={}).diagnostics]
    assert "P612" in [one.code for one in mapper.map_bytes(json.dumps(body).encode()).diagnostics]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"user": []}, 'there is no join "user"'),
        ({"users": {"users": []}}, "joined must be an object"),
        ([], "joined must be an object"),
        ({"users": [Response({}, 20)]}, "a status must be an HTTP status"),
    ],
)
def test_kept_replies_in_another_shape_are_refused(mapper, given, words):
    with pytest.raises(QueryError, match=words) as caught:
        mapper.map({"items": deals(1)}, joined=given)
    assert caught.value.code == "Q515"


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        (
            "$joined.users, $string(ownerId)).title",
            "$joined.user, $string(ownerId)).title",
            "C204",
            "there is no join `user`",
        ),
        ("amount: amount", "amount: $ids[0]", "C202", "$ids is not bound here"),
        ("next_cursor: next\n    join", "next_cursor: $joined.users\n    join", "C202", "$joined is not bound here"),
        ("path_mapping: '\"/users/search\"'", "path_mapping: '\"/users/\" & $response.x'", "C202", "$response"),
        (
            "      users:\n        run_if",
            "      us-ers:\n        run_if",
            "M106",
            "`us-ers` is not a valid variable name",
        ),
        ("        ids: items.ownerId\n", "", "M106", "`ids` is missing"),
        ("        batch: 3\n", "        batch: 0\n", "M106", ""),
        ("rows: users", "rows: users(", "S0203", ""),
    ],
)
def test_mistakes_in_a_join_are_found_when_it_is_loaded(tmp_path, old, new, code, words):
    with pytest.raises(MappingError) as caught:
        mapper_of(tmp_path, (old, new))
    found = [one for one in caught.value.diagnostics if one.code == code]
    assert any(words in one.message for one in found), str(caught.value)


def test_ids_must_be_ids(tmp_path):
    mapper = mapper_of(tmp_path, ("ids: items.ownerId", "ids: '[items.[ownerId]]'"))
    with pytest.raises(EvaluationError, match="`ids` must give texts and integers"):
        driven(mapper.exchange({}), company(USERS, [deals(1, 2)]))


@pytest.mark.parametrize("on_invalid", ["discard_value", "discard_record"])
def test_what_is_no_id_asks_for_nothing_where_invalid_values_are_discarded(tmp_path, on_invalid):
    mapper = mapper_of(
        tmp_path, ("ids: items.ownerId", "ids: items.contact"), ("        empty_when: $status = 404\n", "")
    )
    body = [{"id": n, "ownerId": n, "contact": one} for n, one in enumerate(["1", "", 2.5, {}, None])]
    requests, page = exchanged(
        mapper, lambda r: Response({"users": []} if r.join else {"items": body}), on_invalid=on_invalid
    )
    assert [one.body["filter"]["ids"] for one in requests[1:]] == [["1"]]
    (found,) = [one for one in page.diagnostics if one.code == "D406"]
    assert found.severity == "warning"
    assert (
        found.message == "`ids` must give texts and integers, this is 2.5, and 1 more are none; nothing was asked for"
    )


def test_a_row_with_a_key_that_is_none_is_left_out_where_invalid_values_are_discarded(tmp_path):
    mapper = mapper_of(tmp_path, ("        source_schema: acme/users\n", ""), ("key: $string(id)", "key: id"))
    users = [{"id": 1, "firstName": "one"}, {"id": 2.5}, {"id": [3]}]
    send = lambda request: Response({"users": users} if request.join else {"items": deals(1)})  # noqa: E731
    with pytest.raises(EvaluationError, match=r"`key` must give a text or an integer, this is 2\.5"):
        exchanged(mapper, send)
    _, page = exchanged(mapper, send, on_invalid="discard_value")
    assert page.records[0]["owner"]["name"] == "one"
    assert [one.message[:15] for one in page.diagnostics if one.code == "P613"] == ["2 rows have no "]


@pytest.mark.parametrize("on_error", ["fail", "leave_out"])
def test_the_credentials_of_a_join_are_in_no_message(tmp_path, on_error):
    headers = f"        request_header_mapping: {{X-Api-Key: '\"v1-\" & $ids[0]'}}\n        on_error: {on_error}\n"
    mapper = mapper_of(tmp_path, ("        rows: users\n", headers + "        rows: users\n"))
    deal = deals("the secret of an account")

    def send(request):
        if request.join is None:
            return Response({"items": deal})
        return Response({"error": f"who is {request.headers['X-Api-Key']}?"}, 403)

    try:
        said = exchanged(mapper, send)[1].diagnostics[0].message
    except ProviderError as error:
        said = str(error)
    assert "acme answered 403: who is [redacted]?" in said


def test_a_request_of_a_join_must_be_one_that_can_be_sent(tmp_path):
    mapper = mapper_of(tmp_path, ("path_mapping: '\"/users/search\"'", "path_mapping: '\"/users/\" & $ids[0]'"))
    with pytest.raises(EvaluationError, match="a path must not contain"):
        driven(mapper.exchange({}), company(USERS, [deals("a b")]))


# An independent implementation

SMALL = st.integers(0, 6)
IDS = st.one_of(SMALL, SMALL.map(str), st.none())
TEXTS = st.one_of(st.none(), st.text("ab\u00e9\U0001f600", max_size=3))
USER = st.fixed_dictionaries(
    {"id": st.one_of(SMALL, SMALL.map(str))},
    optional={"firstName": TEXTS, "age": st.one_of(st.none(), st.integers(0, 99)), "title": TEXTS, "more": st.none()},
)
DEAL = st.fixed_dictionaries(
    {"id": st.integers(0, 99)},
    optional={"ownerId": IDS, "amount": st.one_of(st.none(), SMALL), "contact": TEXTS},
)


def expected(deals, users):
    """The records of some deals, in plain Python."""
    by_id = {}
    for one in users:
        by_id.setdefault(str(one["id"]), one)
    for deal in deals:
        if deal is None:
            continue
        key = deal.get("ownerId")
        user = by_id.get(str(key), {}) if key is not None else by_id.get("null", {}) if "ownerId" in deal else {}
        owner = {"id": None if key is None else str(key), "name": user.get("firstName"), "age": user.get("age")}
        owner = {name: one for name, one in (owner | {"mail": deal.get("contact")}).items() if one is not None}
        title = user.get("title")
        made = {"id": str(deal["id"]), "amount": deal.get("amount"), "owner": owner or None}
        made |= {"title": None if title is None else title.upper(), "remote_data": deal}
        yield {name: one for name, one in made.items() if one is not None}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pages=st.lists(st.lists(st.one_of(DEAL, st.none()), max_size=6), min_size=1, max_size=3).map(
        lambda pages: [
            [one and one | {"id": 10 * at + n} for n, one in enumerate(page)] for at, page in enumerate(pages)
        ]
    ),
    users=st.lists(USER, max_size=6, unique_by=lambda one: str(one["id"])),
    size=st.one_of(st.none(), st.integers(1, 2)),
)
def test_pages_with_joins_are_as_an_independent_implementation_says(module_mapper, pages, users, size):
    known = {str(one["id"]): one for one in users}
    requests, found = driven(module_mapper.stream({}), company(known, pages, size=size))
    assert [list(page.records) for page in found] == [list(expected(one, users)) for one in pages]
    for number, page in enumerate(found):
        wanted = dict.fromkeys(str(one["ownerId"]) for one in pages[number] if one and one.get("ownerId") is not None)
        asked = [
            str(one)
            for r in requests
            if r.query.cursor == page.query.cursor and r.join
            for one in r.body["filter"]["ids"]
        ]
        assert list(dict.fromkeys(asked)) == list(wanted)
        kept = {"users": page.joined["users"]} if page.joined else {}
        body = json.dumps(page.response.body).encode()
        again = module_mapper.map_bytes(body, query=page.query, joined=kept)
        assert json.loads(again.body) == page.render()


@pytest.fixture(scope="module")
def module_mapper(tmp_path_factory):
    return mapper_of(
        tmp_path_factory.mktemp("joins"),
        ("$uppercase($lookup($joined.users, $string(ownerId)).title)", "$user.title != null ? $uppercase($user.title)"),
    )


ODD = st.sampled_from([None, 0, 7, True, "", "7", "x", [], ["x"], {}, {"x": 1}])
ODD_USER = st.builds(
    lambda number, name, odd: {**USERS["1"], "id": str(number), name: odd},
    SMALL,
    st.sampled_from(["id", "firstName", "age", "title"]),
    ODD,
)
SOME_USERS = st.lists(ODD_USER, max_size=4, unique_by=lambda one: str(one["id"]))
ODD_BODY = st.fixed_dictionaries(
    {"users": st.one_of(SOME_USERS, st.lists(USER, max_size=4), st.lists(st.one_of(USER, ODD), max_size=4), ODD)},
    optional={"error": ODD, "next": st.one_of(ODD, st.uuids().map(str))},
)
REPLY = st.one_of(
    st.tuples(st.fixed_dictionaries({"users": SOME_USERS}), st.sampled_from([200, 200, 200, 404])),
    st.tuples(st.one_of(ODD_BODY, ODD), st.sampled_from([200, 200, 200, 200, 202, 404, 500])),
)


@pytest.mark.parametrize("changed", ["", "many", "many, on_error", "on_error", "ids", "number"])
def test_kept_replies_of_any_kind_mean_what_they_meant_when_they_came(tmp_path_factory, changed):
    read, more = "$lookup($joined.users, $string(ownerId))", "error_when: error\n        "
    replaced = [(f"{read}.title", "$user.title")]
    replaced += [(f"user: {read}", f"user: {read}[0]")] if "many" in changed else []
    replaced += [("key: $string(id)", "key: $ids[0]"), ("batch: 3", "batch: 1")] if "ids" in changed else []
    more += "many: true\n        " if "many" in changed else ""
    more += "on_error: leave_out\n        " if "on_error" in changed else ""
    folder = tmp_path_factory.mktemp("kept")
    mapper_of(folder, *replaced, ("empty_when", f"{more}empty_when"))
    schema = folder / "schemas/acme/users.schema.json"
    kind = '"integer"' if "number" in changed else '"string"' if "many" in changed else '["integer", "string"]'
    schema.write_text(schema.read_text().replace('{"type": ["integer", "string"]}', f'{{"type": {kind}}}'))
    mapper = load(folder / "acme.yaml")
    found = {"pages": 0, "told": 0, "errors": 0}

    @settings(max_examples=120, deadline=None)
    @given(
        replies=st.lists(REPLY, max_size=3, unique_by=_cursor), on_invalid=st.sampled_from(["raise", "discard_record"])
    )
    def compared(replies, on_invalid):
        body, sent = {"items": deals(1, 2, "3", 4, 5, 2)}, []

        def send(request):
            if request.join is None:
                return Response(body)
            sent.append(Response(*replies[len(sent)]) if len(sent) < len(replies) else Response({"users": []}))
            return sent[-1]

        came = _outcome(lambda: exchanged(mapper, send, on_invalid=on_invalid)[1])
        asked = {"query": mapper.plan({}).query, "joined": {"users": sent}, "on_invalid": on_invalid}
        assert _outcome(lambda: mapper.map(body, **asked)) == came
        assert _outcome(lambda: mapper.map_bytes(json.dumps(body).encode(), **asked)) == came
        is_told = {"P601", "P602", "P603"} & {one.code for one in came[1]}
        assert is_told or not any(one.status == 200 and _is_odd(one.body) for one in sent)
        found["errors" if came[0] is None else "told" if came[1] else "pages"] += 1

    compared()
    assert found["pages"] > 10, found
    assert found["told" if "on_error" in changed else "errors"] > 20, found


def _cursor(reply):
    """The cursor of a reply, which comes once; another value for each reply without one."""
    following = reply[0].get("next") if isinstance(reply[0], dict) else None
    return str(following) if following is not None and following != "" else id(reply)


def _is_odd(body):
    """Whether a user has a value of another type than the provider's schema declares."""
    users = body.get("users") if isinstance(body, dict) else None
    users = [one for one in users if isinstance(one, dict)] if isinstance(users, list) else []
    texts = [one.get(name) for one in users for name in ("firstName", "title")]
    return any(type(one) is not str for one in texts if one is not None) or any(
        type(one["age"]) is not int for one in users if one.get("age") is not None
    )


def _outcome(call):
    """The page that a call gives, None where it fails, and what is told."""
    try:
        page = call()
    except (EvaluationError, ProviderError) as error:
        return None, error.diagnostics
    return page.render() if isinstance(page, Page) else json.loads(page.body), page.diagnostics


# ── For authors ──────────────────────────────────────────────────────────────────────────────────────────────────

CASE = {
    "case.yaml": "description: Two deals.\nquery: {}\njoins: {users: [{}, {status: 404}]}\n",
    "payload.json": json.dumps({"items": deals(1, 2, 3, 77)}),
    "users-1.payload.json": json.dumps({"users": [USERS["1"], USERS["2"], USERS["3"]]}),
    "users-2.payload.json": json.dumps({"error": "none"}),
}


def case_of(folder, files=CASE):
    mapper_of(folder)
    (folder / "acme/one").mkdir(parents=True)
    for name, text in files.items():
        (folder / "acme/one" / name).write_text(text)
    return folder / "acme/one"


def test_requests_and_replies_of_joins_are_golden(tmp_path):
    folder = case_of(tmp_path)
    made = golden.run_all([tmp_path / "acme.yaml"])
    assert made.findings == []
    golden.accept(made.differences)
    assert {path.name for path in folder.iterdir()} - CASE.keys() == {
        *("request.json", "response.json", "users-1.request.json", "users-2.request.json"),
    }
    assert json.loads((folder / "users-2.request.json").read_text())["body"] == {"filter": {"ids": [77]}}
    assert json.loads((folder / "response.json").read_text())["result"][1]["owner"]["name"] == "U2"
    assert golden.run_all([tmp_path / "acme.yaml"]).diagnostics == []
    (folder / "users-1.request.json").write_text("{}")
    assert {one.code for one in golden.run_all([tmp_path / "acme.yaml"]).diagnostics} == {"G701"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"users-2.payload.json": None, "case.yaml": "description: x\nquery: {}\n"}, "no reply to request 2 of join"),
        ({"users-3.payload.json": "{}"}, "a reply 3 to join `users`, which sends 2 requests"),
        ({"other-1.payload.json": "{}"}, "a reply 1 to join `other`, which sends 0 requests"),
    ],
)
def test_a_case_has_the_replies_that_its_joins_ask_for(tmp_path, change, words):
    case_of(tmp_path, {name: text for name, text in (CASE | change).items() if text is not None})
    (found,) = golden.run_all([tmp_path / "acme.yaml"]).findings
    assert found.code == "G707"
    assert words in found.message


def test_a_case_without_its_query_has_joins_too(tmp_path):
    folder = case_of(tmp_path, CASE | {"case.yaml": "description: x\n"} | {"users-2.payload.json": '{"users": []}'})
    golden.accept(golden.run_all([tmp_path / "acme.yaml"]).differences)
    assert json.loads((folder / "response.json").read_text())["result"][1]["owner"]["name"] == "U2"


def test_a_case_is_recorded_with_the_replies_to_its_joins(tmp_path):
    mapper_of(tmp_path)
    about = {"description": "x", "query": {}, "joined": {"users": [json.loads(CASE["users-1.payload.json"])]}}
    golden.record(tmp_path / "acme.yaml", "two", {"items": deals(1, 2)}, about, salt=None)
    assert (tmp_path / "acme/two/users-1.payload.json").is_file()
    assert golden.run_all([tmp_path / "acme.yaml"]).diagnostics == []


def test_explain_names_the_reply_that_a_value_came_from(mapper):
    _, page = exchanged(mapper, company(USERS, [deals(1, 2, 3, 4, 77)]))
    about = {"query": page.query, "joined": page.joined}
    (found,), _ = explain.explain(mapper, page.response.body, "/result/1/owner/name", **about)
    assert '/users/1/firstName in the reply to join `users`, request 1 = "U2"' in found.render()
    (found,), _ = explain.explain(mapper, page.response.body, "/result/3/owner/name", **about)
    assert "/users/0/firstName in the reply to join `users`, request 2" in found.render()
    (found,), _ = explain.explain(mapper, page.response.body, "/result/4/owner/name", **about)
    assert "is absent" in found.render()


def test_a_finding_about_a_joined_value_has_its_place_there(tmp_path):
    mapper = mapper_of(tmp_path, ("        source_schema: acme/users\n", ""))
    users = {"1": {"id": 1, "firstName": 5}}
    with pytest.raises(EvaluationError) as caught:
        driven(mapper.exchange({}), company(users, [deals(1)]))
    (found,) = caught.value.diagnostics
    assert (found.code, found.pointer) == ("D401", "/users/0/firstName")
    assert "in the reply to join `users`, request 1" in found.message


def test_coverage_counts_the_expressions_of_a_join(tmp_path):
    folder = case_of(tmp_path)
    covered = coverage.measure(load(tmp_path / "acme.yaml"), [golden.read(folder)])
    hits = {unit.name: bool(unit.hits) for unit in covered.of("branches")}
    assert (hits["true of $context.with_owners"], hits["false of $context.with_owners"]) == (True, False)
    assert (hits["true of $status = 404"], hits["false of $status = 404"]) == (True, False)
    lines = covered.lines[load(tmp_path / "acme.yaml").sources[0]]
    text = (tmp_path / "acme.yaml").read_text().splitlines()
    assert {text[n - 1].strip().partition(":")[0] for n, hit in lines.items() if hit} >= {"ids", "rows", "key"}


def test_diff_tells_of_joins(tmp_path):
    with_join = mapper_of(tmp_path / "a")
    without = mapper_of(
        tmp_path / "b",
        ("$user.firstName", "contact"),
        ("age: $user.age", "age: amount"),
        ("      title: $uppercase($lookup($joined.users, $string(ownerId)).title)\n", ""),
        ("      user: $lookup($joined.users, $string(ownerId))\n", "      x: id\n"),
        mapping=joining.MAPPING[: joining.MAPPING.index("    join:")]
        + joining.MAPPING[joining.MAPPING.index("    let:") :],
    )
    batch = mapper_of(tmp_path / "c", ("batch: 3", "batch: 4"), ("key: $string(id)", "key: id"))
    told = {
        name: [one.found.message for one in mappings(*pair)]
        for name, pair in {
            "added": (without, with_join),
            "removed": (with_join, without),
            "changed": (with_join, batch),
            "same": (with_join, with_join),
        }.items()
    }
    assert "`all` has a new join `users`: it costs further requests for each page" in told["added"]
    assert "`all` has lost its join `users`" in told["removed"]
    assert told["changed"] == [
        "`all` reads replies differently: join.users.key",
        "`all`: batch of the join `users` 3 → 4",
    ]
    assert told["same"] == []


def test_the_page_of_a_mapping_shows_its_joins(mapper):
    page = docs.FORMATS["markdown"](mapper)
    assert "`join.users.ids`" in page
    assert "`items.ownerId`" in page


def checked(folder, *replaced, mapping=joining.MAPPING):
    mapper_of(folder, *replaced, mapping=mapping)
    return [(one.code, one.message) for one in check.check_file(folder / "acme.yaml")]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("$user.firstName", "$user.frstName"), "C206", "has no `frstName`"),
        (("key: $string(id)", "key: $string(uid)"), "C206", "has no `uid`"),
        (("rows: users", "rows: people"), "C206", "has no `people`"),
        (("name: $user.firstName", "name: $user.age"), "C207", "`owner.name` is a string, but this gives an integer"),
        (("next_cursor: next\n        empty", "next_cursor: nxt\n        empty"), "C206", "has no `nxt`"),
        (("run_if: $context.with_owners", 'run_if: $headers.Foo = "1"'), "C242", "never has `Foo`"),
        (("ids: items.ownerId", "ids: items.owner"), "C206", "has no `owner`"),
    ],
)
def test_check_holds_a_join_against_its_schema(tmp_path, change, code, words):
    assert any(one == code and words in message for one, message in checked(tmp_path, change))


def test_check_finds_nothing_in_a_good_join(tmp_path):
    found = checked(tmp_path, ("$uppercase($lookup($joined.users, $string(ownerId)).title)", "$user.title"))
    assert {code for code, _ in found} <= {"C215", "C223"}


def test_a_join_that_nothing_reads_is_found(tmp_path):
    found = checked(
        tmp_path,
        ("$user.firstName", "contact"),
        ("        age: $user.age\n", ""),
        ("      title: $uppercase($lookup($joined.users, $string(ownerId)).title)\n", ""),
        ("    let:\n      user: $lookup($joined.users, $string(ownerId))\n", ""),
    )
    assert ("C212", "the join `users` is never used: no expression reads `$joined.users`") in found


# ── Lookup tables ────────────────────────────────────────────────────────────────────────────────────────────────

TABLES = (
    joining.HEAD
    + """\
lookups:
  stages: {new: open, "closed won": won, gone: lost}
  codes: {open: [1, 2], won: {id: 3}}
endpoints:
  all:
    path_mapping: '"/deals"'
    query_mapping: {stage: '$lookup($codes, $query.truto_response_format)'}
    for_each: {deal: items}
    response_mapping:
      id: $string(id)
      stage: $lookup($stages, phase)
      title: $string($lookup($codes, $lookup($stages, phase)))
"""
)


def test_a_table_is_looked_up_in_expressions_of_rows_and_of_requests(tmp_path):
    mapper = mapper_of(tmp_path, mapping=TABLES)
    body = {"items": [{"id": 1, "phase": "new"}, {"id": 2, "phase": "closed won"}, {"id": 3, "phase": "x"}, {"id": 4}]}
    page = mapper.map(body)
    assert [one.get("stage") for one in page.records] == ["open", "won", None, None]
    assert [one.get("title") for one in page.records] == ["[1,2]", '{"id":3}', None, None]
    assert mapper.plan({"truto_response_format": "unified"}).params == {}
    again = pickle.loads(pickle.dumps(mapper))  # our own
    assert again.map(body).records == page.records
    made = json.loads(mapper.map_bytes(json.dumps(body).encode()).body)["result"]
    assert made == list(page.records)


def test_a_table_costs_one_lookup_a_row(tmp_path):
    assert "caller_stages.get(" in mapper_of(tmp_path, mapping=TABLES).show()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  stages: {new", "  query: {new", "`query` is already bound here"),
        ("  stages: {new", "  sta-ges: {new", "`sta-ges` is not a valid variable name"),
        ("  stages: {new", "  sum: {new", "`sum` is the name of a function"),
        ("for_each: {deal: items}", "for_each: {stages: items}", "`stages` is already bound here"),
        ("$lookup($stages, phase)\n", "$lookup($stagse, phase)\n", "$stagse is not bound here"),
    ],
)
def test_a_table_has_a_name_of_its_own(tmp_path, old, new, words):
    with pytest.raises(MappingError) as caught:
        mapper_of(tmp_path, (old, new), mapping=TABLES)
    assert any(words in one.message for one in caught.value.diagnostics), str(caught.value)


def test_check_knows_the_keys_and_the_values_of_a_table(tmp_path):
    typed = TABLES.replace("    for_each", "    source_schema: acme/phases\n    for_each").replace(
        "gone: lost", "gone: lsot"
    )
    (tmp_path / "schemas/acme").mkdir(parents=True)
    phase = {"type": "string", "enum": ["new", "closed won", "paused"]}
    row = {"type": "object", "properties": {"id": {"type": "integer"}, "phase": phase}, "required": ["id", "phase"]}
    schema = {"type": "object", "properties": {"items": {"type": "array", "items": row}}, "required": ["items"]}
    (tmp_path / "schemas/acme/phases.schema.json").write_text(json.dumps(schema))
    found = checked(tmp_path, mapping=typed.replace("  codes:", "  other: {a: b}\n  codes:"))
    assert ("C209", 'the table `stages` has no "paused": the value is undefined then') in found
    assert ("C212", "the entry `gone` of the table `stages` is never used: no key can be this") in found
    assert ("C212", "the table `other` is never used: no expression reads `$other`") in found


def test_check_finds_a_value_of_a_table_that_the_resource_does_not_list(tmp_path):
    found = checked(tmp_path, ("gone: lost", "gone: lsot"), mapping=TABLES)
    assert any(code == "C209" and '"lsot"' in message for code, message in found)
