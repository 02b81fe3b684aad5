"""Pages with odd rows whose other rows stay bytes: nothing is read that nobody asks for, and nothing else differs."""

import copy
import json
import pickle
from operator import itemgetter

import pytest
from fuzz import GONG
from paging import driven
from test_map_bytes import CONTEXT, ROWS, by_way_of_dicts, from_bytes, needs_msgspec, page, query, written

from truto_mapper import Response
from truto_mapper.engine import bodies
from truto_mapper.engine.page import ExactResponse, ReadResponse
from truto_mapper.engine.unread import UnreadResponse

pytestmark = needs_msgspec

STATS = {"aggregate": "userAggregateActivityStats", "by_period": "userAggregateActivity"}


def spoiled(kind, number=2):
    """A page with one invalid row among thirty."""
    body = page(kind, 30)
    body[ROWS[kind]][number]["userId"] = None
    return body


def stored(sent, kind="aggregate"):
    return GONG.stored.page(sent, GONG.stored.planned(dict(query(kind).parameters), CONTEXT, None))


@pytest.fixture
def reads(monkeypatch):
    """The bodies that were read as a whole."""
    seen, read = [], bodies.read
    monkeypatch.setattr(bodies, "read", lambda body, *more, **named: seen.append(body) or read(body, *more, **named))
    return seen


@pytest.mark.parametrize("kind", ROWS)
def test_the_body_is_read_for_the_first_row_of_a_kind_and_when_it_is_asked_for(kind, reads):
    first, second = written(spoiled(kind)), written(spoiled(kind, 7))
    stored(first, kind)
    reads.clear()
    found = stored(second, kind)
    assert (len(found.rejected), reads) == (1 if kind == "aggregate" else 2, [])
    assert found.response.body == json.loads(second)
    assert (found.response.status, found.response.headers, reads) == (200, {}, [second])
    assert found.response.body is found.response.body


@pytest.mark.parametrize("call", ["stream", "stream_bytes"])
def test_a_stream_counts_the_rows_of_pages_with_odd_rows(call, reads):
    sent = [spoiled("aggregate", number) for number in (2, 7, 9)]
    for number, body in enumerate(sent):
        body["requestId"], more = str(number), {} if number == 2 else {"cursor": f"c{number}"}
        body["records"] = {"totalRecords": 100, "currentPageSize": 30, "currentPageNumber": number, **more}
        for row in body[ROWS["aggregate"]]:
            row["userId"] = row["userId"] and f"{number}{row['userId']}"
    stored(written(spoiled("aggregate")))
    reads.clear()
    asked = dict(query("aggregate").parameters)
    stream, replies = getattr(GONG, call)(asked, context=CONTEXT, on_invalid="discard_record"), iter(sent)
    *_, last = driven(stream, lambda _: Response(written(next(replies))))
    (found,) = [one.message for one in last.diagnostics if one.code == "P604"]
    assert found == "the pages ended after 90 rows, of 100 in total: records may be missing"
    assert reads == ([] if call == "stream_bytes" else [written(one) for one in sent])


BODIES = {
    "usual": lambda sent: sent,
    "names twice": lambda sent: sent.replace(
        b'"userId": "5"', b'"userId": "x", "userId": "5", "new": {"a": 1, "a": 2}'
    ),
    "rows twice": lambda sent: sent.replace(b'"usersA', b'"usersAggregateActivityStats": [{"userId": "x"}], "usersA'),
    "long decimals": lambda sent: sent.replace(b'"userId": "5"', b'"userId": "5", "new": 0.1000000000000000000001'),
    "other spaces": lambda sent: sent.replace(b"}}, {", b"}} ,\n{", 3),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_response_that_is_read_late_is_the_one_that_is_read_at_once(name):
    sent = BODIES[name](written(spoiled("aggregate")))
    exact = []
    body, _ = bodies.read(sent, 200, exact)
    usual = (ExactResponse if exact else ReadResponse)(body, 200, {})
    late = stored(sent).response
    assert (late, late[0], tuple(late), json.dumps(late.body)) == (usual, body, (body, 200, {}), json.dumps(body))
    assert late == usual
    assert late == stored(sent).response
    assert not late != usual  # noqa: SIM202  # it has a method of its own
    copies = [copy.copy(late)] if exact else [copy.copy(late), copy.deepcopy(late), pickle.loads(pickle.dumps(late))]
    assert [(type(one), one) for one in copies] == [(type(usual), usual)] * len(copies)
    with pytest.raises(TypeError):
        hash(late)
    assert isinstance(late, UnreadResponse) == (name != "other spaces")


#: What no decoder looks at where the same name follows.
UNSEEN = [b"1e999", b'"\xff"', b'"\\ud800"', b"[" * 2000 + b"]" * 2000, b'{"a":1,"a":2}', b"5e-400", b"[]", b""]
PLACES = {
    "aggregate": [(b'"usersAggregateActivityStats":', b'"usersAggregateActivityStats": [%s], ')],
    "by_period": [
        (b'"usersAggregateActivity":', b'"usersAggregateActivity": [%s], '),
        (b'"userAggregateActivity":', b'"userAggregateActivity": [%s], '),
        (b'"userAggregateActivity":', b'"\\u0075serAggregateActivity": [%s], '),
    ],
}


@pytest.mark.parametrize(("kind", "place"), [(kind, place) for kind in PLACES for place in PLACES[kind]])
def test_rows_before_others_of_the_same_name_are_read_on_a_page_with_odd_rows(kind, place):
    at, before = place
    for unseen in UNSEEN:
        sent = written(spoiled(kind)).replace(at, before % unseen + at)
        options = {"query": query(kind), "on_invalid": "discard_record"}
        assert from_bytes(GONG, sent, **options) == by_way_of_dicts(GONG, sent, **options), unseen


@pytest.mark.parametrize("on_invalid", ["raise", "discard_value", "discard_record"])
@pytest.mark.parametrize("kind", ROWS)
def test_rows_are_told_where_they_are_beside_nulls_and_rows_that_are_equal(kind, on_invalid):
    body = spoiled(kind, 4)
    rows = body[ROWS[kind]]
    rows[6] = rows[4]
    rows[2:2] = [None, None]
    if kind == "by_period":
        weeks = rows[9][STATS[kind]]
        weeks[:] = [weeks[0], None, {**weeks[0], "callsAsHost": "many"}, {**weeks[0], "callsAsHost": "many"}]
    else:
        rows[9][STATS[kind]]["callsAsHost"] = "many"
    for _ in range(2):  # the second time the kinds of rows are known
        options = {"query": query(kind), "on_invalid": on_invalid}
        found = from_bytes(GONG, written(body), **options)
        assert found == by_way_of_dicts(GONG, written(body), **options)
    assert len(found) == (3 if on_invalid == "raise" else 5)


def test_rejected_rows_are_those_at_their_pointers():
    body = spoiled("by_period", 4)
    body[ROWS["by_period"]][9][STATS["by_period"]][1]["callsAsHost"] = "many"
    for _ in range(2):
        found = stored(written(body), "by_period")
        outer, inner = "/usersAggregateActivity", "userAggregateActivity"
        assert found.rejected_at == (f"{outer}/4/{inner}/0", f"{outer}/4/{inner}/1", f"{outer}/9/{inner}/1")
        user = body[ROWS["by_period"]][9]
        assert found.rejected[2] == {**user, inner: user[inner][1:]}


def test_a_rejected_row_has_doubles_where_map_has_them():
    sent = written(spoiled("aggregate")).replace(b'"userId": null', b'"userId": null, "new": 0.1000000000000000000001')
    made = GONG.map_bytes(sent, query=query("aggregate"), on_invalid="discard_record")
    assert list(map(type, map(itemgetter("new"), made.rejected))) == [float]
