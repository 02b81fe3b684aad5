"""Gong's activity mapping agrees with an implementation by hand, and the engine keeps its promises on any JSON."""

import copy
import json
import pickle
import re
import threading
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import independent
import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from truto_mapper import EvaluationError, MapperError, Page, QueryError, Request, Response, load
from truto_mapper.text.files import home

gong = load("gong/activity")

FORMATS = ["unified", "raw", "normalized", "stream", "debug"]


def examples(number):
    """Always the same examples, as many as given."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=number,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=slow,
    )


# ------------------------------------------------------------------------------------------- what Gong sends

ZONES = [
    "UTC",
    "America/Los_Angeles",
    "US/Pacific",
    "America/New_York",
    "America/Sao_Paulo",  # skipped midnight until 2018
    "America/Havana",  # has midnight twice
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Calcutta",
    "Asia/Beirut",  # skips midnight
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
]

CURSOR = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"

zones = st.sampled_from(ZONES)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain_texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
user_ids = st.one_of(
    st.integers(1, 10**20 - 1).map(str), st.sampled_from(["7782342274025937895", "402811938475610298"])
)
sent_ids = st.one_of(user_ids, user_ids.map(int), user_ids)
addresses = st.one_of(st.sampled_from(["ines.okafor@example.com", "zoë.мельник@例え.test"]), texts)
counts = st.integers(0, 2**31 - 1)
calls = st.lists(st.one_of(st.integers(1, 10**20), user_ids), max_size=3)


def mostly(usual, *rare, of=8):
    """The usual, and one time in so many each of the rare."""
    return st.integers(0, of - 1).flatmap(lambda number: [*[usual] * (of - len(rare)), *rare][number])


def maybe(values):
    """Present, null or absent; absent is Ellipsis until `sent` takes it out."""
    return mostly(values, st.just(...), st.none())


def sent(**fields):
    return st.fixed_dictionaries(fields).map(lambda made: {k: v for k, v in made.items() if v is not ...})


@st.composite
def midnights(draw, zone):
    """A date-time as Gong writes it: the beginning of a day with the company's offset, the hour at times too long."""
    day = datetime(2026, draw(st.sampled_from([1, 3, 10, 11])), 1, tzinfo=UTC) + timedelta(
        days=draw(st.integers(0, 40))
    )
    written = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).isoformat()
    if written.endswith("+00:00") and draw(st.booleans()):
        written = written.removesuffix("+00:00") + "Z"
    return written.replace("T", draw(mostly(st.just("T"), st.just("T0"), of=6)))


def users(inner, rows):
    user_id = mostly(sent_ids, st.just(...), st.none(), of=25)
    user = sent(userId=user_id, userEmailAddress=maybe(addresses), somethingNew=maybe(texts), **{inner: rows})
    some = st.lists(mostly(user, st.none(), of=12), min_size=1, max_size=4)
    return mostly(some, st.just([]), st.just(...), st.none(), of=20)


@st.composite
def replies(draw, kind):
    """A reply of an endpoint, with anything null or absent."""
    outer, inner = independent.ROWS[kind]
    zone = draw(zones)
    value = calls if kind == "day-by-day" else counts
    numbers = {name: maybe(value) for name in independent.COUNTS.values()}
    if kind == "aggregate":
        rows = maybe(sent(**numbers))
        top = {"timeZone": maybe(zones), "fromDateTime": maybe(midnights(zone)), "toDateTime": maybe(midnights(zone))}
    else:
        dates = {"fromDate": maybe(midnights(zone)), "toDate": maybe(midnights(zone))}
        row = sent(**numbers, **dates)
        rows, top = maybe(mostly(st.lists(mostly(row, st.none()), min_size=1, max_size=3), st.just([]))), {}
    cursor = st.one_of(st.sampled_from([CURSOR, ""]), texts)
    top = {**top, "records": maybe(sent(totalRecords=maybe(counts), cursor=maybe(cursor))), outer: users(inner, rows)}
    return draw(sent(requestId=maybe(texts), **top))


# ------------------------------------------------------------------------------------------- what callers ask


@st.composite
def moments(draw, zone="UTC"):
    """A date-time in some offset, often the beginning of a day in the zone, often near a change of the clocks."""
    year, month, day = draw(
        st.one_of(
            st.sampled_from([(2026, 3, 8), (2026, 3, 29), (2026, 10, 25), (2026, 11, 1), (2018, 11, 4), (2018, 2, 18)]),
            st.tuples(st.integers(2015, 2030), st.integers(1, 12), st.integers(1, 28)),
        )
    )
    moment = datetime(year, month, day, tzinfo=ZoneInfo(zone)) + timedelta(days=draw(st.integers(-1, 2)))
    within = st.sampled_from(
        [timedelta(microseconds=-1), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=5)]
    )
    moment = moment.astimezone(UTC) + draw(st.one_of(st.just(timedelta(0)), within))
    offset = draw(st.sampled_from([0, 60, -480, 330, 840]))
    return moment.astimezone(timezone(timedelta(minutes=offset))).isoformat()


periods = st.sampled_from(["day", "week", "day", "month", "day", "total"])
asked_user = st.one_of(user_ids, user_ids.map(lambda one: {"id": one}), st.integers(1, 10**20))
asked_users = mostly(st.lists(asked_user, min_size=1, max_size=4), st.just([]), of=12)
json_scalars = st.one_of(st.booleans(), st.integers(-(10**20), 10**20), plain_texts)
remote_queries = st.dictionaries(
    st.sampled_from(["filter", "cursor", "trace", "aggregationPeriod"]),
    st.one_of(
        json_scalars,
        st.lists(json_scalars, max_size=2),
        st.dictionaries(
            st.sampled_from(["toDate", "createdFromDateTime", "userIds", "createdToDateTime", "new"]),
            json_scalars,
            max_size=2,
        ),
    ),
    max_size=2,
)


@st.composite
def queries(draw, zone="UTC"):
    """A query with valid values, though now and then its period is empty, or its users none."""
    times = [draw(moments(zone)), draw(moments(zone))]
    ordered = draw(mostly(st.just(True), st.just(False)))
    query = dict(zip(("start_time", "end_time"), sorted(times, key=instant) if ordered else times, strict=True))
    optional = {
        "aggregation_period": periods,
        "users": asked_users,
        "next_cursor": st.sampled_from(["", CURSOR]),
        "remote_query": remote_queries,
        "truto_ignore_remote_data": st.booleans(),
    }
    for name, values in optional.items():
        if draw(st.booleans()):
            query[name] = draw(values)
    return query


def instant(moment):
    return datetime.fromisoformat(moment)


contexts = st.fixed_dictionaries({}, optional={"time_zone": zones, "detailed": st.sampled_from([True, True, False])})


@st.composite
def asked(draw):
    """A query with its context and the time it is."""
    context = draw(contexts)
    zone = context.get("time_zone", "UTC")
    return draw(queries(zone)), context, draw(st.one_of(st.none(), moments(zone)))


@st.composite
def conversations(draw):
    """A query that can be planned, its context and now, and a reply to it."""
    query, context, now = draw(asked())
    if refused(query, context, now):
        now = None
        query |= {"start_time": "2026-03-01T08:00:00Z", "end_time": "2026-04-01T12:00:00Z", "users": ["55"]}
        query |= {"remote_query": {}}
    return query, context, now, draw(replies(independent.endpoint(query, context)))


def refused(query, context, now):
    try:
        independent.plan(query, context, now)
    except independent.RefusedError:
        return True
    return False


# ------------------------------------------------------------------------------ as the one by hand, exactly


def exactly(value):
    """A JSON value such that 1, 1.0 and true differ, whatever the order of keys."""
    return json.dumps(value, sort_keys=True)


def sealed(query, context, now):
    """The query with our cursor instead of Gong's own."""
    if not query.get("next_cursor"):
        return query
    first = {name: value for name, value in query.items() if name != "next_cursor"}
    body = {independent.ROWS[independent.endpoint(query, context)][0]: [], "records": {"cursor": query["next_cursor"]}}
    return {**query, "next_cursor": gong.map(body, query=first, context=context, now=now).next_cursor}


def opened(query, context, cursor):
    """Gong's own cursor in one of ours."""
    following = {**query, "next_cursor": cursor}
    return cursor and gong.plan(following, context=context).query.cursor


def as_sent(request):
    return {name: getattr(request, name) for name in ("method", "path", "params", "headers", "body")}


@examples(150)
@given(asked())
def test_a_plan_is_the_one_made_by_hand(question):
    query, context, now = question
    if refused(query, context, now):
        with pytest.raises(QueryError):
            gong.plan(query, context=context, now=now)
        return
    request = gong.plan(sealed(query, context, now), context=context, now=now)
    assert exactly(as_sent(request)) == exactly(independent.plan(query, context, now))
    noted = [(note.code, note.severity, note.pointer) for note in request.diagnostics if note.code != "Q516"]
    assert noted == [("Q510", "note", f"/{name}") for name in independent.notes(query, context, now)]
    told = [note.message.split()[1] for note in request.diagnostics if note.code == "Q516"]
    assert told == independent.cuts(query, context, now)


@st.composite
def query_strings(draw):
    """A query as a dict, and in one of the ways to write it into a URL."""
    query = draw(queries())
    query.pop("remote_query", None)
    query["next_cursor"] = ""
    named = [one["id"] if isinstance(one, dict) else str(one) for one in query.get("users", ())]
    parts = [(name, value) for name, value in query.items() if name != "users"]
    if named:
        write = draw(st.sampled_from(["users", "users[]", "users[{}]", "users[][id]", "users[{}][id]"]))
        parts += [(write.format(number), one) for number, one in enumerate(named)]
    else:
        query.pop("users", None)
    parts = [(name, str(value).lower() if isinstance(value, bool) else value) for name, value in parts]
    safe = draw(st.sampled_from(["", "[]:"]))
    return query, draw(st.sampled_from(["", "?"])) + urlencode(parts, safe=safe, quote_via=quote)


@examples(150)
@given(query_strings(), contexts)
def test_a_query_string_means_what_the_dict_means(written, context):
    query, text = written
    if refused(query, context, None):
        with pytest.raises(QueryError):
            gong.plan(text, context=context)
    else:
        assert exactly(as_sent(gong.plan(text, context=context))) == exactly(independent.plan(query, context, None))


@examples(125)
@given(conversations())
def test_a_page_is_the_one_mapped_by_hand(conversation):
    query, context, now, body = conversation
    made = independent.page(body, query, context, now)
    ours = sealed(query, context, now)
    if None in made:
        with pytest.raises(EvaluationError):
            gong.map(body, query=ours, context=context, now=now)
    page = gong.map(body, query=ours, context=context, now=now, on_invalid="discard_record")
    assert exactly(list(page.records)) == exactly([one for one in made if one is not None])
    assert opened(query, context, page.next_cursor) == independent.next_cursor(body, query.get("next_cursor"))
    raw = [raw for raw, _ in independent.rows(body, query, context)]
    assert exactly(list(page.rejected)) == exactly([row for row, one in zip(raw, made, strict=True) if one is None])
    told = {found.code for found in page.diagnostics}
    assert ("P605" in told) == independent.zones_differ(body, query, context)
    assert ("Q510" in told) == bool(independent.notes(query, context, now))
    assert ("D402" in told) == (None in made)
    assert ("P609" in told) is ("P608" in told) is False


# ----------------------------------------------------------------------------------------- promises on any JSON

known_keys = st.sampled_from(
    [
        *(name for names in independent.ROWS.values() for name in names),
        *("userId", "userEmailAddress", "callsAsHost", "fromDate", "toDate", "records", "cursor", "errors"),
        *("timeZone", "fromDateTime", "toDateTime", "requestId", "id", "filter", "time_zone", "detailed"),
    ]
)
anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(10**40), 10**40),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(), max_size=8),  # halves of surrogate pairs too: JSON can escape them
        st.sampled_from(["2026-02-30T00:00:00Z", "2026-01-01T000:00:00Z", "0001-01-01T00:00:00+14:00", "UTC", "id"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.text(st.characters(), max_size=8), known_keys), inner, max_size=4),
    ),
    max_leaves=12,
)


@st.composite
def spoilt(draw, values):
    """A JSON value with something else in one or two of its places."""
    value = copy.deepcopy(draw(values))
    for _ in range(draw(st.integers(1, 2))):
        holder = value
        while isinstance(holder, (dict, list)) and holder:
            key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
            if not isinstance(holder[key], (dict, list)) or not holder[key] or draw(st.integers(0, 3)) == 0:
                holder[key] = draw(anything)
                break
            holder = holder[key]
    return value


parameters = st.sampled_from(sorted(gong.resource.parameters))
any_queries = st.one_of(
    st.none(),
    spoilt(queries()),
    st.builds(lambda query, more: query | more, queries(), st.dictionaries(parameters, anything, max_size=2)),
    st.dictionaries(st.one_of(parameters, st.text(max_size=8)), anything, max_size=4),
    st.text(st.characters(), max_size=30),
    anything,
    query_strings().map(lambda both: both[1]),
)
any_contexts = st.one_of(
    st.none(), spoilt(contexts.filter(bool)), st.dictionaries(known_keys, anything, max_size=2), anything
)

choices = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(1, 5),
        "truto_key_by": st.sampled_from(["id", "user.id", "metrics.calls_hosted"]),
        "truto_exclude_fields": st.lists(st.sampled_from(["id", "user.emails.email", "remote_data"]), max_size=2),
        "truto_response_format": st.sampled_from(FORMATS),
    },
)


@st.composite
def wild(draw):
    """A conversation in which one thing is anything, most often the reply."""
    query, context, now, body = draw(conversations())
    query = sealed(query, context, now) | draw(choices)
    what = draw(st.integers(1, 10))
    if what <= 4:
        body = draw(spoilt(st.just(body)))
    elif what == 5:
        body = draw(anything)
    elif what == 6:
        body = draw(spoilt(st.sampled_from(sorted(independent.ROWS)).flatmap(replies)))
    elif what == 7:
        query = None
    elif what <= 9:
        query = draw(any_queries)
    else:
        context = draw(any_contexts)
    return body, query, context, now


DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
checker = jsonschema.FormatChecker(formats=())


@checker.checks("date-time", raises=ValueError)
def is_date_time(value):
    """RFC 3339 with an offset, of a day that exists."""
    if not isinstance(value, str):
        return True
    if not DATE_TIME.fullmatch(value.upper()):
        return False
    return datetime.fromisoformat(re.sub(r"\.\d+", "", value.upper())) is not None


def validator(kind):
    path = home() / "schemas" / "conversational-intelligence" / f"activity.{kind}.schema.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text("utf-8")), format_checker=checker)


RECORD, NORMALIZED, LIST = validator("record"), validator("normalized"), validator("list")


@examples(200)
@given(
    wild(),
    mostly(st.just(200), st.sampled_from([404, 429, 500])),
    st.sampled_from(["raise", "discard_value", "discard_record"]),
)
def test_any_json_gives_valid_records_or_an_error_of_ours_and_is_not_changed(conversation, status, mode):
    given_values = body, query, context = conversation[:3]
    now = conversation[3]
    before = copy.deepcopy(given_values)
    if query is not None:
        request, _ = attempt(gong.plan, query, context=context, now=now)
        assert request is None or request.path.startswith("/v2/stats/activity/")
    page, _ = attempt(gong.map, body, query=query, context=context, now=now, status=status, on_invalid=mode)
    if page is not None:
        for record in page.records:
            RECORD.validate(record)
        for name in FORMATS:
            check_rendered(page, name)
    assert repr(given_values) == repr(before)


def attempt(call, *arguments, **choices):
    """What a call gives, or the error of ours that it raises, which can be told."""
    try:
        return call(*arguments, **choices), None
    except MapperError as error:
        return None, str(error).encode()


def repr_of(value):
    return json.dumps(value, ensure_ascii=False)


def check_rendered(page, name):
    shown, error = attempt(page.render, name)
    if error is not None:
        assert re.match(rb"error\[(Q507|Q504|D405)\]", error)
        return
    json.dumps(shown, ensure_ascii=False, allow_nan=False).encode()
    hides = page.query is not None and page.query.get("truto_exclude_fields")
    match name:
        case "unified" | "debug" if not hides:
            LIST.validate(shown)
        case "normalized" if not hides:
            for record in shown["result"].values() if isinstance(shown["result"], dict) else shown["result"]:
                NORMALIZED.validate(record)
        case "stream":
            lines = shown.encode().split(b"\n")
            assert lines.pop() == b""
            assert len(lines) == len(page.records)
            assert all(isinstance(json.loads(line), dict) for line in lines)
        case "raw" if not re.search("[\ud800-\udfff]", repr_of(page.response.body)):
            assert shown is page.response.body


def test_a_page_without_its_query_has_a_debug_that_fits_the_schema():
    LIST.validate(gong.map({"usersAggregateActivityStats": []}).render("debug"))


@pytest.mark.parametrize("more", [{"truto_key_by": []}, {"truto_key_by": {}}, {"truto_exclude_fields": [{}]}])
def test_the_name_of_a_field_that_is_not_text_is_refused(more):
    query = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z", **more}
    with pytest.raises(QueryError):
        gong.plan(query)


@pytest.mark.parametrize("query", [[], [["users", "1"]], 5, 1.5, True])
def test_a_query_that_is_neither_text_nor_an_object_is_refused(query):
    with pytest.raises(QueryError):
        gong.plan(query)
    with pytest.raises(QueryError):
        gong.map({"usersAggregateActivityStats": []}, query=query)


def test_the_schemas_would_tell_an_invalid_record():
    record = {"id": "1", "start_time": "2026-01-01T00:00:00Z", "metrics": {"calls_hosted": 1}}
    RECORD.validate(record)
    for wrong in (
        {},
        {"id": None},
        {"id": "1", "start_time": "2026-02-30T00:00:00Z"},
        {"id": "1", "start_time": "2026-01-01T000:00:00Z"},
        {"id": "1", "metrics": {"calls_hosted": True}},
        {"id": "1", "undeclared": 1},
    ):
        assert not RECORD.is_valid(wrong)


# ---------------------------------------------------------------------------------------------------------- ids


def asked_days(query, context, now):
    """What Gong is asked for: the first day, and the day after the last; None if there is none."""
    request, _ = attempt(gong.plan, query, context=context, now=now)
    filters = request and request.body["filter"]
    return filters and [datetime.fromisoformat(filters[name]).date() for name in ("fromDate", "toDate")]


def periods_of(first, last, unit):
    """The periods of Gong's answer, clipped to the request."""
    while first < last:
        begin = independent.first_of(first, unit)
        until = min(last, independent.first_of(begin + timedelta(days=40 if unit == "month" else 7), unit))
        until = min(until, first + timedelta(days=1)) if unit == "day" else until
        yield first, until
        first = until


def sent_rows(spans, zone):
    moment = {day: datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).isoformat() for day in sum(spans, ())}
    rows = [{"callsAsHost": 1, "fromDate": moment[first], "toDate": moment[last]} for first, last in spans]
    return {"usersAggregateActivity": [{"userId": str(one), "userAggregateActivity": rows} for one in (7, 8)]}


@st.composite
def fetches(draw, zone):
    """A window within about five weeks, and the time at which it is asked for, or None."""
    start = datetime(2026, draw(st.sampled_from([2, 3, 10])), 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    hours = sorted(draw(st.tuples(st.integers(0, 24 * 35), st.integers(0, 24 * 35))))
    asked = [start + timedelta(hours=one) for one in (hours[0], hours[1] + 1)]
    now = draw(st.one_of(st.none(), st.integers(0, 24 * 45), st.just(hours[1] + 1)))
    now = now if now is None else (start + timedelta(hours=now)).isoformat()
    return {"start_time": asked[0].isoformat(), "end_time": asked[1].isoformat()}, now


def test_a_period_has_one_id_however_it_is_fetched_and_a_cut_one_never_has_that():
    same = grown = cut = 0

    @examples(150)
    @given(st.data(), zones, st.sampled_from(["day", "week", "week", "month"]))
    def test(data, zone, unit):
        nonlocal same, grown, cut
        known, context = {}, {"time_zone": zone}
        for query, now in data.draw(st.lists(fetches(zone), min_size=2, max_size=8)):
            query["aggregation_period"] = unit
            asked = asked_days(query, context, now)
            if not asked:
                continue
            spans = list(periods_of(*asked, unit))
            page = gong.map(sent_rows(spans, zone), query=query, context=context, now=now)
            ids = [record["id"] for record in page.records]
            assert len(set(ids)) == len(ids) == 2 * len(spans)
            assert not [found for found in page.diagnostics if found.code == "P605"]
            today = now and independent.day_of(now, zone)
            for (first, last), one in zip(spans, ids, strict=False):
                grows = today is not None and last >= today
                is_cut = not grows and independent.first_of(last, unit) != last
                kept = known.setdefault((first, last if is_cut else None), one)
                assert kept == one
                same, grown, cut = same + (kept is not one), grown + grows, cut + is_cut
            assert len(set(known.values())) == len(known)

    test()
    assert min(same, grown, cut) > 100, (same, grown, cut)


@examples(60)
@given(zones, st.data())
def test_a_total_has_the_id_of_the_days_asked_for_whenever_it_is_fetched(zone, data):
    (query, _), context = data.draw(fetches(zone)), {"time_zone": zone}
    body = {"usersAggregateActivityStats": [{"userId": "7"}], "timeZone": zone}
    days = [moment[:10] for moment in (query["start_time"], query["end_time"])]
    found = set()
    for later in (None, 1, 9, 100):
        end = datetime.fromisoformat(query["end_time"])
        now = later and (end + timedelta(days=later)).isoformat()
        clipped = {} if later is None else {"toDateTime": f"{days[1]}T00:00:00Z"}
        found |= {one["id"] for one in gong.map(body | clipped, query=query, context=context, now=now).records}
    assert len(found) == 1


def test_a_reply_without_its_query_keeps_distinct_ids_and_says_what_it_could_not_know():
    spans = list(periods_of(datetime(2026, 1, 7, tzinfo=UTC).date(), datetime(2026, 2, 3, tzinfo=UTC).date(), "week"))
    page = gong.map(sent_rows(spans, "UTC"))
    assert len({record["id"] for record in page.records}) == len(page.records) == 10
    assert page.records[0]["id"] == "7_2026-01-07_2026-01-12"
    assert ["aggregation_period" in found.message for found in page.diagnostics if found.code == "P609"] == [True]
    assert gong.map({"usersDetailedActivities": []}).diagnostics == ()


# ------------------------------------------------------------------------------------------- pages and limits


@st.composite
def providers(draw):
    """The pages of a provider: a query, and the replies under the cursors that lead to them."""
    period = draw(st.sampled_from(["total", "week"]))
    query = {"start_time": "2026-03-02T00:00:00Z", "end_time": "2026-03-30T00:00:00Z", "aggregation_period": period}
    kind = independent.endpoint(query, {})
    outer, inner = independent.ROWS[kind]
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    pages, number = {}, 0
    for at, size in enumerate(sizes):
        records = {"cursor": f"page-{at + 1}"} if at + 1 < len(sizes) else {}
        rows = []
        for _ in range(size):
            number += 1
            weeks = [
                {"callsAsHost": week, "fromDate": f"2026-03-{2 + 7 * week:02}T00:00:00Z"}
                for week in range(draw(st.integers(0, 3)))
            ]
            rows.append({"userId": str(number), inner: {"callsAsHost": number} if period == "total" else weeks})
        pages[f"page-{at}" if at else None] = {"records": records, outer: rows}
    return query, pages


def answer(pages, request):
    return Response(pages[request.body.get("cursor")])


def exchanged(pages, query):
    exchange = gong.exchange(query)
    try:
        exchange.send(answer(pages, next(exchange)))
    except StopIteration as end:
        return end.value
    raise AssertionError("an exchange is one request")


def followed(pages, query):
    """All pages of a query, following the cursor."""
    found = [exchanged(pages, query)]
    while found[-1].next_cursor is not None:
        assert len(found) < 100, "the cursors do not come to an end"
        found.append(exchanged(pages, {**query, "next_cursor": found[-1].next_cursor}))
    return found


def streamed(pages, query):
    stream, found = gong.stream(query), []
    item = next(stream, None)
    while item is not None:
        match item:
            case Request():
                item = stream.send(answer(pages, item))
            case Page():
                found += item.records
                item = next(stream, None)
    return found


def records(pages):
    return [record for page in pages for record in page.records]


@examples(80)
@given(providers(), st.integers(1, 6))
def test_with_any_limit_the_cursors_lead_to_every_record_once_and_in_order(provider, limit):
    query, pages = provider
    whole = [one for body in pages.values() for one in independent.page(body, query, {}, None)]
    assert records(followed(pages, query)) == whole
    cut = followed(pages, {**query, "limit": limit})
    assert records(cut) == whole
    assert all(len(page.records) <= limit for page in cut)


@examples(80)
@given(providers(), st.integers(1, 30))
def test_a_stream_gives_the_records_of_all_pages_up_to_the_limit(provider, limit):
    query, pages = provider
    whole = records(followed(pages, query))
    assert streamed(pages, query) == whole
    assert streamed(pages, {**query, "limit": limit}) == whole[:limit]
    assert streamed(pages, {**query, "limit": limit, "truto_ignore_limit": True}) == whole


def test_a_stream_can_begin_at_a_cut_cursor():
    rows = [{"userId": str(number)} for number in range(5)]
    pages = {None: {"usersAggregateActivityStats": rows}}
    query = {"start_time": "2026-03-02T00:00:00Z", "end_time": "2026-03-30T00:00:00Z", "limit": 2}
    cursor = exchanged(pages, query).next_cursor
    found = streamed(pages, {**query, "limit": 10, "next_cursor": cursor})
    assert [record["user"]["id"] for record in found] == ["2", "3", "4"]


# ----------------------------------------------------------------------------------------- one mapper for all


def question(number):
    """A conversation unlike any other number's."""
    period = ["total", "day", "week", "month"][number % 4]
    query = {
        "start_time": "2026-03-01T09:00:00Z",
        "end_time": f"2026-03-{10 + number:02}T09:00:00Z",
        "aggregation_period": period,
        "users": [str(number), str(number), "7782342274025937895"],
    }
    context = {"time_zone": ZONES[number % len(ZONES)], "detailed": number % 8 == 5}
    outer, inner = independent.ROWS[independent.endpoint(query, context)]
    numbers = {"callsAsHost": [1] * number if context["detailed"] else number, "fromDate": "2026-03-01T00:00:00Z"}
    users = [{"userId": f"{number}{user}", inner: numbers if period == "total" else [numbers]} for user in range(20)]
    return query, context, {outer: users, "records": {"cursor": f"page-{number}"}}


def outcome(mapper, number):
    query, context, body = question(number)
    request = mapper.plan(query, context=context)
    page = mapper.map(body, query=request.query, context=context)
    return [as_sent(request), [page.render(name) for name in FORMATS], [found.render() for found in page.diagnostics]]


def test_threads_that_share_a_mapper_get_what_one_thread_gets():
    alone = [outcome(gong, number) for number in range(8)]
    shared = load("gong/activity")
    start, found = threading.Barrier(8), [[] for _ in alone]

    def run(number):
        for _ in range(4):
            start.wait()
            found[number].append(outcome(shared, number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[one] * 4 for one in alone]


def test_a_pickled_mapper_gives_what_the_first_gave():
    again = pickle.loads(pickle.dumps(gong))
    assert [outcome(again, number) for number in range(8)] == [outcome(gong, number) for number in range(8)]
