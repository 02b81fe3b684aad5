"""Gong's users and interactions, and the names of users, agree with an implementation by hand."""

import json

import independent
import independent_siblings as by_hand
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, Page, ProviderError, Request, Response, load

ACTIVITY, INTERACTIONS, USERS = (load(f"gong/{name}") for name in ("activity", "interactions", "users"))
MARCH = {"start_time": "2026-03-01T00:00:00Z", "end_time": "2026-04-01T00:00:00Z"}
NAMED = {"user_names": True}


def examples(number):
    """Always the same examples, as many as given."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    phases = [Phase.generate, Phase.shrink]
    return settings(
        derandomize=True, database=None, deadline=None, max_examples=number, phases=phases, suppress_health_check=slow
    )


def exactly(value):
    """A JSON value such that 1 and true differ, but not 1 and 1.0, whatever the order of keys."""
    return json.dumps(json.loads(json.dumps(value), parse_float=whole_if_it_is), sort_keys=True)


def whole_if_it_is(text):
    return int(float(text)) if float(text).is_integer() else float(text)


def mostly(usual, *rare, of=6):
    return st.integers(0, of - 1).flatmap(lambda number: [*[usual] * (of - len(rare)), *rare][number])


def maybe(values):
    """Present, null or absent; absent is Ellipsis until `sent` takes it out."""
    return mostly(values, st.just(...), st.none())


def sent(**fields):
    return st.fixed_dictionaries(fields).map(lambda made: {k: v for k, v in made.items() if v is not ...})


def rows_of(row):
    some = st.lists(mostly(row, st.none(), of=12), min_size=1, max_size=4)
    return mostly(some, st.just([]), st.just(...), st.none(), of=20)


IDS = ["7", "8", "7782342274025937895", "18446744073709551615"]
ids = st.sampled_from(IDS)
sent_ids = st.one_of(ids, ids, ids.map(int))
some_ids = mostly(sent_ids, st.just(...), st.none(), st.just(""), of=30)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]), max_size=4)
words = st.one_of(texts, st.sampled_from(["Ada", " ", "", " van  der\tBerg\n", "null", "Zoë"]))
addresses = st.sampled_from(
    ["ada@example.com", "ADA@Example.com", "a@example.org", "A@example.org", "zoë@例え.test", "ZOË@例え.test", "", "  "]
)
counts = st.integers(0, 1000)
cursors = st.sampled_from(["page-2", "", None, ...])
records = maybe(sent(totalRecords=maybe(counts), cursor=cursors))
people = sent(
    id=some_ids,
    emailAddress=maybe(addresses),
    emailAliases=maybe(st.lists(mostly(addresses, st.none()), max_size=4)),
    trustedEmailAddress=maybe(addresses),
    firstName=maybe(words),
    lastName=maybe(words),
    created=maybe(st.sampled_from(["2018-02-17T02:30:00-08:00", "2020-01-01T00:00:00.5Z"])),
    title=maybe(texts),
    somethingNew=maybe(texts),
)
users_replies = sent(requestId=texts, records=records, users=rows_of(people))
names = mostly(st.sampled_from([*by_hand.FIELDS, *by_hand.FIELDS, "Talk Ratio", "patience", ""]), texts)
values = st.one_of(st.integers(-5, 10**6), st.floats(-10, 1000, allow_nan=False))
stats = st.lists(mostly(sent(name=maybe(names), value=maybe(values)), st.none(), of=12), max_size=8)
moments = st.sampled_from(["2026-03-01T00:00:00Z", "2026-03-01T000:00:00Z", "2026-03-31T00:00:00+00:00"])
interaction_rows = sent(userId=some_ids, userEmailAddress=maybe(addresses), personInteractionStats=maybe(stats))
interaction_replies = sent(
    requestId=texts,
    records=records,
    timeZone=maybe(st.sampled_from(["UTC", "Etc/UTC"])),
    fromDateTime=maybe(moments),
    toDateTime=maybe(moments),
    peopleInteractionStats=rows_of(interaction_rows),
)
asks = st.fixed_dictionaries({}, optional={"truto_ignore_remote_data": st.booleans()})


def is_as_by_hand(mapper, body, made, query, **given):
    """Whether the records are those made by hand; where one cannot be made, the page is refused, or without it."""
    if None in made:
        with pytest.raises(EvaluationError):
            mapper.map(body, query=query, **given)
    page = mapper.map(body, query=query, on_invalid="discard_record", **given)
    assert exactly(list(page.records)) == exactly([one for one in made if one is not None])
    return page


# ----------------------------------------------------------------------------------------------------- users


@examples(150)
@given(users_replies, asks)
def test_a_page_of_users_is_the_one_mapped_by_hand(body, query):
    page = is_as_by_hand(USERS, body, by_hand.users(body, query), query)
    follows = USERS.plan({**query, "next_cursor": page.next_cursor}).params if page.next_cursor else {}
    assert follows.get("cursor") == independent.next_cursor(body, None)


@examples(150)
@given(people, asks)
def test_one_user_is_the_one_mapped_by_hand(raw, query):
    made = by_hand.user(raw, query)
    request = USERS.plan(query, method="get", id="7")
    assert (request.method, request.path, request.params, request.body) == ("GET", "/v2/users/7", {}, None)
    if made is None:
        with pytest.raises(EvaluationError):
            USERS.map({"requestId": "r", "user": raw}, query=request.query)
    else:
        page = USERS.map({"requestId": "r", "user": raw}, query=request.query)
        assert exactly(page.record) == exactly(made)
        assert page.render() == page.record


@pytest.mark.parametrize("query", [{}, {"next_cursor": ""}, {"truto_ignore_remote_data": True}])
def test_users_are_asked_for_as_by_hand(query):
    request = USERS.plan(query)
    assert {name: getattr(request, name) for name in by_hand.user_plan({})} == by_hand.user_plan(query)


def test_a_stream_of_users_gives_those_of_all_pages():
    company = by_hand.Company(250)
    bodies = {f"page-{at}": company._page(company.users, "users", {"cursor": f"page-{at}"})[0] for at in range(3)}
    asked, found = driven(USERS.stream({}), lambda request: (bodies[request.params.get("cursor", "page-0")], 200))
    assert [request.params.get("cursor") for request in asked] == [None, "page-1", "page-2"]
    assert exactly(found) == exactly([by_hand.user(one, {}) for one in company.users])


@pytest.mark.parametrize(
    ("message", "is_empty"),
    [
        ("No users found corresponding to the provided filters", True),
        ("No company found for the access key", False),
        ("No endpoint found for GET /v2/users", False),
    ],
)
def test_a_404_is_no_users_only_in_the_words_that_say_so_and_never_for_one_user(message, is_empty):
    refusal = {"requestId": "r", "errors": [message]}
    if is_empty:
        assert USERS.map(refusal, query={}, status=404).records == ()
    else:
        with pytest.raises(ProviderError) as caught:
            USERS.map(refusal, query={}, status=404)
        assert caught.value.status == 404
    with pytest.raises(ProviderError) as caught:
        USERS.map(refusal, query=USERS.plan({}, method="get", id="7").query, status=404)
    assert (caught.value.status, message in str(caught.value)) == (404, True)


# ---------------------------------------------------------------------------------------------- interactions


@examples(150)
@given(interaction_replies, asks)
def test_a_page_of_interactions_is_the_one_mapped_by_hand(body, more):
    query = MARCH | more
    page = is_as_by_hand(INTERACTIONS, body, by_hand.interactions(body, query, {}), query)
    assert {found.code for found in page.diagnostics} <= {"Q510", "P603", "P606", "D402"}


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("now", [None, "2026-03-10T09:00:00Z"])
def test_interactions_are_asked_for_as_by_hand(zone, now):
    context = {"time_zone": zone}
    for more in ({}, {"users": ["8", {"id": "7"}, "8"]}, {"remote_query": {"x": {"y": 1}}}):
        request = INTERACTIONS.plan(MARCH | more, context=context, now=now)
        made = by_hand.interaction_plan(MARCH | more, context, now)
        assert {name: getattr(request, name) for name in made} == made


# ------------------------------------------------------------------------------------------ the users of a page


@st.composite
def pages_with_users(draw):
    """The mapper of a page, its query, context and reply, what is made of it by hand, and replies of the users API."""
    kind = draw(st.sampled_from(["interaction", *independent.ROWS]))
    day = {"fromDate": "2026-03-02T00:00:00Z", "toDate": "2026-03-03T00:00:00Z"}
    known = people.filter(lambda one: one.get("id") not in (None, ""))
    replies = draw(st.lists(sent(users=st.lists(mostly(known, st.none(), of=12), max_size=4)), max_size=2))
    for at, one in enumerate(replies[:-1]):
        one["records"] = {"cursor": f"page-{at}"}
    if kind == "interaction":
        body = draw(interaction_replies)
        return INTERACTIONS, MARCH, NAMED, body, by_hand.interactions(body, MARCH, {}), replies
    period, inner = {"aggregate": "total"}.get(kind, "day"), independent.ROWS[kind][1]
    query, context = MARCH | {"aggregation_period": period}, {"detailed": kind == "day-by-day"}
    numbers = {"callsAsHost": ["1"] if kind == "day-by-day" else 1}
    numbers = st.just(numbers if kind == "aggregate" else [numbers | day])
    row = sent(userId=some_ids, userEmailAddress=maybe(addresses), **{inner: numbers})
    body = draw(sent(requestId=texts, **{independent.ROWS[kind][0]: rows_of(row)}))
    return ACTIVITY, query, NAMED | context, body, independent.page(body, query, context, None), replies


def raw_rows(body):
    outer = next((name for name in body if name.startswith(("users", "people"))), None)
    return [row for row in (body.get(outer) or []) if row is not None]


@examples(200)
@given(pages_with_users())
def test_the_names_and_addresses_of_a_page_are_those_made_by_hand(conversation):
    mapper, query, context, body, made, replies = conversation
    people_by_id = by_hand.known(replies)
    told = [
        None if one is None or raw.get("userId") == "" else by_hand.with_user(one, raw, people_by_id)
        for one, raw in zip(made, raw_rows(body), strict=True)
    ]
    is_as_by_hand(mapper, body, told, query, context=context, joined={"users": replies})


def test_a_page_has_its_own_users_whatever_a_page_before_had():
    mapper = load("gong/activity", cache=False)
    rows = [{"userId": one, "userAggregateActivityStats": {"callsAsHost": 1}} for one in (7, "", None, "7", 7)]
    body, asked = {"requestId": "r", "usersAggregateActivityStats": rows}, {"query": MARCH, "context": NAMED}
    for person in ([], [{"id": "7", "firstName": "Ada"}], [{"id": "7", "firstName": "Zoë", "emailAliases": []}], []):
        page = mapper.map(body, **asked, joined={"users": [{"users": person}]}, on_invalid="discard_record")
        assert [one["user"].get("name") for one in page.records] == [person[0]["firstName"] if person else None] * 3


def driven(stream, answer):
    """The requests of a stream and the records of its pages; `answer` gives a reply and its status."""
    asked, found, item = [], [], next(stream, None)
    while item is not None:
        match item:
            case Request():
                asked.append(item)
                item = stream.send(Response(*answer(item)))
            case Page():
                found += item.records
                item = next(stream, None)
    return asked, found


@pytest.mark.parametrize(
    ("mapper", "more", "context"),
    [
        (ACTIVITY, {}, {}),
        (ACTIVITY, {"aggregation_period": "week"}, {}),
        (ACTIVITY, {"aggregation_period": "day"}, {"detailed": True}),
        (INTERACTIONS, {}, {}),
    ],
    ids=["aggregate", "by-period", "day-by-day", "interaction"],
)
def test_250_users_in_three_pages_get_their_names_in_three_requests_with_misses(mapper, more, context):
    company = by_hand.Company(250)
    plain, named = (
        driven(mapper.stream(MARCH | more, context=context | names), lambda it: company.answer(it.path, it.body))
        for names in ({}, NAMED)
    )
    assert [request.join for request in plain[0]] == [None] * 3
    assert [request.join for request in named[0]] == [None, "users"] * 3
    joins = [request.body["filter"]["userIds"] for request in named[0] if request.join]
    assert [len(one) for one in joins] == [100, 100, 50]
    people_by_id = {one["id"]: one for one in company.users if one["id"] not in company.avatars}
    assert 10 < len(company.avatars) < 50
    told = [
        by_hand.with_user(record, {"userEmailAddress": f"user{number}@example.com"}, people_by_id)
        for number, record in enumerate(plain[1])
    ]
    assert exactly(named[1]) == exactly(told)
    assert sum("name" in record["user"] for record in told) > 150


def test_without_the_setting_nothing_of_the_users_is_asked_for_or_told():
    company = by_hand.Company(3)
    for context in ({}, {"user_names": False}):
        asked, found = driven(ACTIVITY.stream(MARCH, context=context), lambda it: company.answer(it.path, it.body))
        assert [request.path for request in asked] == ["/v2/stats/activity/aggregate"]
        assert [set(record["user"]) for record in found] == [{"id", "emails"}] * 3


def test_a_page_of_avatars_alone_keeps_what_the_statistics_know():
    company = by_hand.Company(3)
    company.avatars = {one["id"] for one in company.users}
    asked, found = driven(ACTIVITY.stream(MARCH, context=NAMED), lambda it: company.answer(it.path, it.body))
    assert len(asked) == 2
    assert [record["user"]["emails"][0]["email"] for record in found] == [f"user{n}@example.com" for n in range(3)]
    assert not any("name" in record["user"] for record in found)


def test_a_cursor_is_the_same_whether_names_are_wanted_or_not():
    company = by_hand.Company(120)
    body, _ = company.answer("/v2/stats/interaction", {})
    cursors = {
        INTERACTIONS.map(body, query=MARCH, context=context, joined={"users": []}).next_cursor
        for context in ({}, NAMED)
    }
    assert len(cursors) == 1
    cursor = cursors.pop()
    for context in ({}, NAMED):
        assert INTERACTIONS.plan({**MARCH, "next_cursor": cursor}, context=context).body["cursor"] == "page-1"
