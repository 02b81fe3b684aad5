"""`map_bytes` gives what `map`, `render` and JSON give: with typed rows, without them, and without msgspec."""

import json
import random
import re
import threading
from collections import Counter

import pytest
from contacts import mapper_of
from fuzz import GONG, NAMES
from hypothesis import given, settings
from hypothesis import strategies as st
from random_mappings import ArrayDrawn, Drawn, JoinedDrawn

from truto_mapper import MapperError, load
from truto_mapper.engine import typed_json
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.runtime.values import as_number

ROWS = {"aggregate": "usersAggregateActivityStats", "by_period": "usersAggregateActivity"}
CONTEXT = {"time_zone": "America/Los_Angeles"}
DAYS = {"start_time": "2026-01-05T00:00:00-08:00", "end_time": "2026-01-26T00:00:00-08:00"}
PERIODS = {"aggregate": "total", "by_period": "week"}
CHOICES = ["discard_value", "discard_record", "discard_value", "raise"]
FORMATS = [None, "unified", "stream", "normalized", "raw", "debug"]
#: Decimals, to be made longer than a double.
LONG = re.compile(rb"\d\.\d+")
RANDOM = st.integers(0, 2**48).map(random.Random)
DRAWN = st.one_of(*(RANDOM.map(one) for one in (Drawn, ArrayDrawn, JoinedDrawn)))

needs_msgspec = pytest.mark.skipif(typed_json.library() is None, reason="without msgspec there are no typed rows")


def parsed(text, name):
    """A response as one comparable text, with doubles; the order of names means nothing in JSON, nor does 1 or 1.0."""
    lines = text.split("\n")[:-1] if name == "stream" else [text]
    read = [json.loads(line, parse_float=lambda text: as_number(float(text))) for line in lines]
    return json.dumps(read, sort_keys=True)


def told(error):
    return type(error), error.status, [one.render() for one in error.diagnostics]


def from_bytes(mapper, body, name=None, **options):
    try:
        made = mapper.map_bytes(body, format=name, **options)
    except MapperError as error:
        return told(error)
    said, rejected = [one.render() for one in made.diagnostics], json.dumps(made.rejected, sort_keys=True)
    return parsed(made.body.decode(), name), made.count, made.next_cursor, said, rejected


def by_way_of_dicts(mapper, body, name=None, **options):
    """The same by `map` and `render`, with Python's own JSON."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typed_json, "library", lambda: None)
        try:
            page = mapper.map(body, **options)
            made = page.render(name)
        except MapperError as error:
            return told(error)
    said, text = [one.render() for one in page.diagnostics], made if name == "stream" else json.dumps(made)
    rejected = json.dumps(page.rejected, sort_keys=True)
    return parsed(text, name), len(page.records), page.next_cursor, said, rejected


@pytest.fixture
def typed(monkeypatch):
    """What was made of typed rows."""
    seen, original = [], Mapper._typed

    def noted(*given):
        made = original(*given)
        seen.extend([made] if made is not None else [])
        return made

    monkeypatch.setattr(Mapper, "_typed", noted)
    return seen


def page(kind, users=3):
    """A reply of Gong's: one row a user, or two weeks a user."""
    rng, key = random.Random(users), "userAggregateActivityStats" if kind == "aggregate" else "userAggregateActivity"

    def counts(**dates):
        return dates | {name: rng.randrange(100) for name in NAMES}

    def weeks():
        return [counts(fromDate=day(first), toDate=day(first + 7)) for first in (5, 12)]

    made = counts if kind == "aggregate" else weeks
    rows = [{"userId": str(n), "userEmailAddress": f"é{n}@example.com", key: made()} for n in range(users)]
    top = {"requestId": "r", "records": {"totalRecords": users, "currentPageNumber": 0, "cursor": "next"}}
    if kind == "aggregate":
        top |= {"timeZone": CONTEXT["time_zone"], "fromDateTime": DAYS["start_time"], "toDateTime": DAYS["end_time"]}
    return top | {ROWS[kind]: rows}


def day(number):
    return f"2026-01-{number:02}T00:00:00-08:00"


def query(kind, **more):
    return GONG.plan(DAYS | {"aggregation_period": PERIODS[kind]} | more, context=CONTEXT).query


def written(body):
    return json.dumps(body, ensure_ascii=False).encode(errors="surrogatepass")


@needs_msgspec
@pytest.mark.parametrize("name", [None, "unified", "stream"])
@pytest.mark.parametrize("kind", PERIODS)
def test_a_page_of_usual_rows_is_made_of_typed_ones(kind, name, typed):
    body = written(page(kind))
    for options in ({"query": query(kind)}, {}, {"query": query(kind, limit=500)}):
        assert from_bytes(GONG, body, name, **options) == by_way_of_dicts(GONG, body, name, **options)
    assert len(typed) == (3 if kind == "aggregate" else 2)  # without a query the period of weeks is not known


@needs_msgspec
@pytest.mark.parametrize("kind", PERIODS)
def test_a_page_with_the_names_of_its_users_is_made_of_typed_rows(kind, typed):
    body, names = page(kind), ["emailAddress", "emailAliases", "trustedEmailAddress", "firstName", "lastName"]
    values = [
        ("e0@x", ["é0@EXAMPLE.com", " ", None], "t@x", "Ada", " L. "),
        ("e1@x", None, None, None, "L"),
        (None,) * 5,
    ]
    users = [{"id": str(n)} | dict(zip(names, some, strict=True)) for n, some in enumerate(values)]
    asked = GONG.plan(DAYS | {"aggregation_period": PERIODS[kind]}, context=CONTEXT | {"user_names": True}).query
    for some in (users, users[1:], [*users[:1], {"id": 1}], []):
        options = {"query": asked, "joined": {"users": [{"users": some}]}}
        assert from_bytes(GONG, written(body), **options) == by_way_of_dicts(GONG, written(body), **options)
    assert len(typed) == 4


@needs_msgspec
def test_remote_data_that_is_a_whole_row_keeps_its_text():
    body = written(page("aggregate", 1)).replace(b'"callsAsHost": ', b'"callsAsHost" :\t')
    assert b'"callsAsHost" :\t' in GONG.map_bytes(body, query=query("aggregate")).body


def test_a_raw_page_is_the_bytes_of_the_provider():
    body = b'\xef\xbb\xbf{"usersAggregateActivityStats" : [ ],\n"x":1.0e2}'
    made = GONG.map_bytes(body, query=query("aggregate", truto_response_format="raw"))
    assert (made.body, made.content_type, made.count) == (body[3:], "application/json", 0)


def test_a_stream_has_one_line_a_record():
    body = json.dumps(page("aggregate"), indent=1).encode()  # the provider's text has lines of its own
    made = GONG.map_bytes(body, query=query("aggregate"), format="stream")
    assert made.content_type == "application/x-ndjson"
    assert len([json.loads(line) for line in made.body.splitlines()]) == made.count == 3


#: What is put in place of a value of a page, or between two: right, odd and hostile bytes.
HOSTILE = [
    *(b"1e999", b"-1E400", b"1" + b"0" * 400 + b".0", b"NaN", b"Infinity", b"5e-400", b"1E5", b"1.0", b"-0", b"-0.0"),
    *(b"0.1000000000000000000001", b"9007199254740991.25", b"12345678901234567.89", b"0e99999999999999999999"),
    *(b"12345678901234567890123", b"9" * 5000, b"01", b"1.", b"+1", b"null", b"true", b'""', b"{}", b"[]", b"", b","),
    *(
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\xaf"',
        b'"\x01"',
        b'"\\x"',
    ),
    *(
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":[2]}}',
        b"[" * 40 + b"]" * 40,
        b"[" * 2000 + b"]" * 2000,
        b'"a\\nb"',
        b'"\n"',
    ),
]
#: The places in a page: a value that is read, one that is not, a new name, a row, a key, and the end.
PLACES = [b'"next"', b'"r"', b'"0"', '"é0@example.com"'.encode(), b'"extra"', b'"row"', b'"callsAsHost"', b"END"]


@pytest.mark.parametrize("on_invalid", ["raise", "discard_record", "discard_value"])
@pytest.mark.parametrize("kind", PERIODS)
def test_hostile_bytes_give_what_they_give_by_way_of_dicts(kind, on_invalid):
    body = page(kind)
    body[ROWS[kind]][1] |= {"new": "extra", "list": [{"deep": "extra"}]}
    body[ROWS[kind]].append("row")
    text = written(body).replace(b'"row"]', b'"row", "row"]') + b"END"
    seen = Counter()
    for place in PLACES:
        for bytes_ in HOSTILE:
            sent = text.replace(place, bytes_, 1).removesuffix(b"END")
            options = {"query": query(kind), "on_invalid": on_invalid}
            found = from_bytes(GONG, sent, **options)
            assert found == by_way_of_dicts(GONG, sent, **options), (place, bytes_)
            seen["refused" if len(found) == 3 else "mapped"] += 1
    assert seen["refused"] > 60
    assert on_invalid == "raise" or seen["mapped"] > 60


@pytest.mark.parametrize("kind", PERIODS)
def test_odd_rows_among_many_give_what_they_give_by_way_of_dicts(kind):
    rng, found = random.Random(5), Counter()
    for _ in range(60):
        body = page(kind, 30)
        for row in rng.sample(body[ROWS[kind]], rng.choice((1, 3, 12))):
            holder = rng.choice([row, *inner_of(row)])
            holder[rng.choice(list(holder))] = rng.choice([None, 1, "x", 1.5, True, [], {}, 10**30, {"a": [1.5, None]}])
        if rng.random() < 0.5:
            body[ROWS[kind]].insert(rng.randrange(30), rng.choice([None, 5, {}, []]))
        options = {"query": query(kind), "on_invalid": rng.choice(CHOICES)}
        name, sent = rng.choice(FORMATS), written(body)
        made = from_bytes(GONG, sent, name, **options)
        assert made == by_way_of_dicts(GONG, sent, name, **options)
        found[len(made)] += 1
    assert found[5] > 20


def inner_of(row):
    for value in row.values():
        yield from [value] if isinstance(value, dict) else value if isinstance(value, list) else []


@needs_msgspec
def test_names_that_no_schema_declares_are_learned(typed):
    mapper, body = load("gong/activity"), page("aggregate", 40)
    for row in body["usersAggregateActivityStats"]:
        row |= {"title": "x", "tags": [{"a": 1}]}
        row["userAggregateActivityStats"]["callsNew"] = 1
    body["@next"] = {"a": 1}
    assert from_bytes(mapper, written(body)) == by_way_of_dicts(mapper, written(body))
    assert len(typed) == 1
    assert mapper._functions["aggregate"].typed._lessons == 1


@needs_msgspec
def test_names_are_learned_a_few_times_only():
    mapper = load("gong/activity")
    for number in range(30):
        body = page("aggregate", 2)
        for row in body["usersAggregateActivityStats"]:
            row[f"name {number}"] = number
        body[f"top {number}"] = [number]
        assert from_bytes(mapper, written(body)) == by_way_of_dicts(mapper, written(body))
    assert mapper._functions["aggregate"].typed._lessons == mapper._raw_rows.envelope._lessons == 20


def test_a_page_without_a_value_everywhere_says_so(typed):
    body = page("aggregate")
    for row in body["usersAggregateActivityStats"]:
        del row["userAggregateActivityStats"]["callsAsHost"]
    made = from_bytes(GONG, written(body), query=query("aggregate"))
    assert made == by_way_of_dicts(GONG, written(body), query=query("aggregate"))
    assert any("P606" in said for said in made[3])
    assert len(typed) == (typed_json.library() is not None)


def test_an_optional_value_may_be_null_or_absent_in_typed_rows(tmp_path, typed):
    mapper = mapper_of(tmp_path, {"id": "$contact.id", "age": "$contact.old", "nick": "$contact.`nick name`"})
    rows = [{"id": "1", "old": 5, "nick name": "a"}, {"id": "2", "old": None}, {"id": "3", "nick name": None}]
    made = mapper.map_bytes(written({"data": rows}))
    kept = [{"id": "1", "age": 5, "nick": "a"}, {"id": "2"}, {"id": "3"}]
    assert json.loads(made.body)["result"] == [one | {"remote_data": row} for one, row in zip(kept, rows, strict=True)]
    assert from_bytes(mapper, written({"data": rows})) == by_way_of_dicts(mapper, written({"data": rows}))
    assert not typed_json.library() or len(typed) == 2


def test_a_name_that_only_a_let_reads_and_no_row_has_is_told(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id"}, let="{unused: $contact.nowhere}")
    made = from_bytes(mapper, written({"data": [{"id": "1"}]}))
    assert made == by_way_of_dicts(mapper, written({"data": [{"id": "1"}]}))
    assert ["P606" in said for said in made[3]] == [True]


#: Mappings whose rows cannot stay bytes, or only some of them.
OTHERS = {
    "the rows are counted": {"age": "$count($response.data)"},
    "a row is used as a whole": {"info": "$contact"},
    "a function takes the context": {"nick": "$string()"},
    "an array of objects is read": {"tags": "$contact.emails.address"},
    "an object is copied": {"info": "$contact.info", "notes": "$contact.notes"},
    "numbers of both kinds": {"score": "$contact.score"},
}


@pytest.mark.parametrize("fields", OTHERS.values(), ids=OTHERS)
def test_other_mappings_give_what_they_give_by_way_of_dicts(fields, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id"} | fields)
    rows = [
        {"id": "1", "emails": [{"address": "a"}], "info": {"a": [1.5]}, "score": 1},
        {"id": "2", "score": 1e16},
        {"id": "3"},
    ]
    for sent in (
        {"data": rows},
        {"data": [*rows, None, {"id": "4", "score": "x", "notes": [None]}]},
        {"data": rows[0]},
        {"data": None},
    ):
        for name in FORMATS[:4]:
            options = {"on_invalid": "discard_value"}
            assert from_bytes(mapper, written(sent), name, **options) == by_way_of_dicts(
                mapper, written(sent), name, **options
            )


@pytest.mark.parametrize("value", [float("inf"), float("nan"), [float("-inf")], "\ud800"], ids=repr)
def test_what_json_lacks_never_becomes_null(value, tmp_path):
    functions = {"made": lambda _: value, "once": lambda: value}
    fields = {"id": "$contact.id", "score": "$made($contact.id)", "notes": "$once()", "info": '{"a": $once()}'}
    mapper = mapper_of(tmp_path, fields, functions=functions)
    body = written({"data": [{"id": "1"}]})
    for on_invalid in ("raise", "discard_value"):
        found = from_bytes(mapper, body, on_invalid=on_invalid)
        assert found == by_way_of_dicts(mapper, body, on_invalid=on_invalid)


def test_without_msgspec_bytes_give_the_same(monkeypatch):
    with_it = [from_bytes(GONG, written(page(kind)), name, query=query(kind)) for kind in PERIODS for name in FORMATS]
    monkeypatch.setattr(typed_json, "library", lambda: None)
    mapper = load("gong/activity")
    assert with_it == [
        from_bytes(mapper, written(page(kind)), name, query=query(kind)) for kind in PERIODS for name in FORMATS
    ]
    assert mapper._raw_rows.envelope is None


def test_for_any_mapping_and_reply_bytes_give_what_dicts_give(tmp_path, typed):
    count = Counter()

    @settings(max_examples=160)
    @given(DRAWN, st.sampled_from(CHOICES), st.sampled_from([None, "stream", "normalized"]))
    def test(drawn, on_invalid, name):
        try:
            mapper = drawn.mapper(tmp_path)
        except MapperError:
            return
        replies = [written(drawn.reply()), written(drawn.reply())]
        for sent in [*replies, LONG.sub(rb"\g<0>0000000000000000000000001", replies[0])]:
            options = {"on_invalid": on_invalid, "headers": {"word": "h"}, "context": {"word": "x"}}
            options |= {"joined": drawn.joined()} if isinstance(drawn, JoinedDrawn) else {}
            assert from_bytes(mapper, sent, name, **options) == by_way_of_dicts(mapper, sent, name, **options)
            count["compared"] += 1

    test()
    assert count["compared"] > 200
    assert not typed_json.library() or len(typed) > 10


#: Two endpoints that read their rows at two places.
TWO = """\
version: 1
integration: acme
unified_model: crm
resource: contact
method: list
endpoints:
  first: {path_mapping: '"/1"', recognise: $exists(data), for_each: {row: data}, response_mapping: {id: $row.id}}
  second: {path_mapping: '"/2"', recognise: $exists(more), for_each: {row: more}, response_mapping: {id: $row.id}}
"""


@pytest.fixture
def two(tmp_path):
    mapper_of(tmp_path, {"id": "$contact.id"})
    (tmp_path / "two.yaml").write_text(TWO)
    return load(tmp_path / "two.yaml")


@pytest.mark.parametrize("odd", [b'"\xff"', b"1e999", b"9" * 5000, b'"\\ud800"', b"NaN", b"1"])
def test_the_rows_of_another_endpoint_are_read_too(odd, two):
    for text in (b'{"data":[{"id":"1"}],"more":[%s]}', b'{"more":[%s],"data":[{"id":"1"}]}'):
        assert from_bytes(two, text % odd) == by_way_of_dicts(two, text % odd)


def test_names_of_a_reply_are_never_taken_for_others(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id"})
    text = (tmp_path / "acme.yaml").read_text().replace("    for_each:", "    next_cursor: '`@next`'\n    for_each:")
    (tmp_path / "acme.yaml").write_text(text)
    mapper = load(tmp_path / "acme.yaml")
    for names in (["_1", "@next"], ["_0", "_1", "_2", "@next", "class"], ["get", "_3", "@x", "@next", "_2"]):
        body = written({name: name for name in names} | {"data": [{"id": "1"}]})
        assert mapper.map_bytes(body).next_cursor == "@next"
        assert from_bytes(mapper, body) == by_way_of_dicts(mapper, body)


def test_rows_at_an_empty_name_belong_to_no_endpoint(tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id", "notes": "$response.data[0]"})
    for body in (b'{"":[{"id":"2"}],"data":[{"id":"1"}]}', b'{"":[{"id":"2"}]}'):
        assert from_bytes(mapper, body) == by_way_of_dicts(mapper, body)


def test_rows_of_an_array_are_typed(tmp_path, typed):
    mapper = mapper_of(tmp_path, {"id": "$contact.id", "age": "age"}, for_each="{contact: $}")
    text = (tmp_path / "acme.yaml").read_text().replace("    recognise: $exists(data)\n", "")
    (tmp_path / "acme.yaml").write_text(text)
    mapper = load(tmp_path / "acme.yaml")
    for body in (b'[{"id":"1","age":2}]', b"[]", b'[{"id":"1","age":2},null,{"id":"2"},{"id":7},5]', b' [{"id":"1"}]'):
        for name in FORMATS:
            options = {"on_invalid": "discard_record"}
            assert from_bytes(mapper, body, name, **options) == by_way_of_dicts(mapper, body, name, **options)
    assert not typed_json.library() or len(typed) >= 4


@pytest.mark.parametrize("odd", [b'"\xff"', b"1e999", b'"\\ud800"', b"NaN", b"1", b"[", b""])
def test_rows_of_an_array_that_are_odd_give_what_they_give_by_way_of_dicts(odd, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id", "notes": "x"}, for_each="{contact: $}")
    body = b'[{"id":"1","x":%s}]' % odd
    assert from_bytes(mapper, body) == by_way_of_dicts(mapper, body)


@pytest.mark.parametrize("body", [b'{"id":"1","data":1}', b'[{"id":"1","data":1}]', b'{"id":"1"}'])
def test_the_reply_itself_may_be_the_row(body, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id"}, for_each="{contact: $}")
    assert from_bytes(mapper, body) == by_way_of_dicts(mapper, body)


NOT_BYTES = ['{"data":[{"id":"1"}]}', memoryview(b'{"data":[{"id":"1"}]}'), {"data": [{"id": "1"}]}, [], None, 5, 1.5]
NOT_BYTES += [{"data": [{"id": "1", "x": one}]} for one in (b"x", float("nan"), "\ud800", {1: 2}, {None: 1}, (1,))]


@pytest.mark.parametrize(
    "body", [*NOT_BYTES, bytearray(b'{"data":[{"id":"1"}]}')], ids=lambda value: type(value).__name__
)
def test_what_is_not_bytes_gives_what_map_makes_of_it(body, tmp_path):
    mapper = mapper_of(tmp_path, {"id": "$contact.id"})
    for name in FORMATS:
        assert from_bytes(mapper, body, name) == by_way_of_dicts(mapper, body, name)


DEEP = ['{"data":[{"id":"1","z":%s}]}', '{"data":[{"id":"1"}],"z":%s}', '{"data":[%s]}']
DEEP += ['{"data":[{"id":null},{"id":"1","z":%s}]}', '{"data":[{"id":"1"},{"id":null,"z":%s},{"id":"2"}]}']


@pytest.mark.parametrize("place", DEEP)
def test_what_is_nested_too_deeply_is_so_for_both(place, tmp_path):
    mapper, found = mapper_of(tmp_path, {"id": "$contact.id"}), Counter()
    for depth in (*range(1, 9), *range(900, 1000, 3), *range(970, 1000)):
        body = (place % ("[" * depth + "]" * depth)).encode()
        made = from_bytes(mapper, body, on_invalid="discard_record")
        assert made == by_way_of_dicts(mapper, body, on_invalid="discard_record"), depth
        found[len(made)] += 1
    assert min(found[3], found[5]) > 5


@needs_msgspec
def test_threads_that_learn_names_at_once_read_the_same(tmp_path):
    mapper, wrong = mapper_of(tmp_path, {"id": "$contact.id"}), []

    def read(number):
        for turn in range(30):
            body = {f"@{number} {turn}": 1, f"{turn}x": 2, "data": [{"id": "1", f"n{turn}": turn}]}
            made = json.loads(mapper.map_bytes(written(body)).body)
            if made["result"] != [{"id": "1", "remote_data": body["data"][0]}]:
                wrong.append(made)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@needs_msgspec
def test_pages_that_teach_nothing_do_not_use_up_the_lessons(tmp_path, typed):
    mapper = mapper_of(tmp_path, {"id": "$contact.id"})
    for _ in range(30):
        mapper.map_bytes(b'{"data":null}')
    body = b'{"data":[{"id":"1"}],"new":1}'
    assert from_bytes(mapper, body) == by_way_of_dicts(mapper, body)
    assert len(typed) == 1
