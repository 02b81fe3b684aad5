"""Bulk never loses, doubles, rounds or guesses a value: what is read back from Parquet is what `map` gives."""

import bz2
import codecs
import datetime as dt
import gzip
import http.server
import importlib.util
import io
import json
import lzma
import os
import pickle
import random
import re
import sys
import threading
import zipfile
from collections import Counter
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="bulk needs pyarrow")
pytest.importorskip("fsspec", reason="bulk needs fsspec")

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import stored
import test_map_bytes
from random_mappings import ArrayDrawn, Drawn, JoinedDrawn
from stored import are_equal, expected, mapped, ran, rows_of, written

from truto_mapper import MapperError, load
from truto_mapper.authoring import golden, mapping_files
from truto_mapper.authoring.golden import cases
from truto_mapper.edges.bulk import Run, columns, job, reading, writing
from truto_mapper.resource.field import Field
from truto_mapper.text import timestamps

ROOT = Path(__file__).parents[1]
RANDOM = st.integers(0, 2**48).map(random.Random)
DRAWN = st.one_of(RANDOM.map(Drawn), RANDOM.map(ArrayDrawn), RANDOM.map(JoinedDrawn))
#: An example that fails is shown as it is: to find a smaller one takes minutes.
QUICK = (Phase.explicit, Phase.generate)
GONG = load("gong/activity")


def holds(folder, mapper, replies, **options):
    """Hold that the replies give the records that `map` gives, and as many rejects; returns the number of each."""
    job = {name: value for name, value in options.items() if name != "status"}
    records, rejects, row = mapped(folder, replies, mapper, **job)
    wanted, counts = expected(mapper, replies, **options)
    are_equal(mapper, records, wanted)
    by_reply = Counter(one["page"] for one in rejects)
    assert by_reply == Counter({number: count for number, count in enumerate(counts, 1) if count}), rejects
    assert (row["records"], row["rejects"], row["replies"]) == (len(records), len(rejects), len(replies))
    by_code = {code: about["count"] for code, about in row["rejects_by_code"].items()}
    assert by_code == Counter(one["code"] for one in rejects)
    return len(records), len(rejects)


def test_for_any_mapping_and_reply_the_records_are_those_of_map(tmp_path):
    count = Counter()

    @settings(max_examples=25, phases=QUICK)
    @given(DRAWN)
    def test(drawn):
        try:
            mapper = drawn.mapper(tmp_path)
        except MapperError:
            return
        replies = [written(drawn.reply()) for _ in range(4)]
        replies.append(test_map_bytes.LONG.sub(rb"\g<0>0000000000000000000000001", replies[0]))
        records, rejects = holds(tmp_path, mapper, replies)
        count["records"] += records
        count["rejects"] += rejects

    test()
    assert count["records"] > 100
    assert count["rejects"] > 20


#: The mappings with golden cases of replies that are lists.
MAPPINGS = [*mapping_files.mappings(str(ROOT / "mappings")), *mapping_files.mappings(str(ROOT / "examples/mappings"))]


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_golden_cases_give_the_records_of_map(path, tmp_path):
    by_overlays = {}
    for case in map(cases.read, golden.folders(path)):
        if case.is_answered and case.settings.method in (None, "list"):
            by_overlays.setdefault(tuple(case.settings.overlays), []).append(case)
    for overlays, found in by_overlays.items():
        mapper = load(path, overlays=[path.parent / one for one in overlays])
        records, rejects, row = mapped(tmp_path, as_parquet(found), mapper)
        outcomes = [as_stored(mapper, case) for case in found]
        are_equal(mapper, records, [one for some, _ in outcomes for one in some])
        counts = {number: count for number, (_, count) in enumerate(outcomes, 1) if count}
        assert Counter(one["page"] for one in rejects) == counts
        assert row["replies"] == len(found)


def as_parquet(found):
    """Cases as stored replies: query and context as JSON texts."""
    columns = {
        "body": pa.array([payload_of(case) for case in found], pa.binary()),
        "query": [text_of(case.settings.query) for case in found],
        "context": [text_of(case.settings.context) for case in found],
        "now": [case.settings.now for case in found],
        "status": pa.array([case.settings.status for case in found], pa.float64()),  # as pandas has them
    }
    return parquet(pa.table(columns))


def payload_of(case):
    return case.payload if isinstance(case.payload, bytes | None) else written(case.payload)


def text_of(value):
    return value if isinstance(value, str | None) else json.dumps(value)


def parquet(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


#: Parameters that say which part of a reply the caller gets, and how.
PARTS = ("limit", "truto_response_format", "truto_exclude_fields", "truto_key_by", "truto_ignore_remote_data")
PARTS += ("truto_skip_api_call", "next_cursor")


def as_stored(mapper, case):
    """The records and the number of rejects of a reply, all of which counts whatever part the caller asked for."""
    given = case.settings
    options = {"context": given.context, "now": given.now, "status": given.status}
    if given.query:
        try:
            planned = mapper.plan(given.query, context=given.context, now=given.now).query
        except MapperError:
            return [], 1
        options["query"] = {name: value for name, value in planned.items() if name not in PARTS}
        options["now"] = planned.plan.now
    if given.status == 404 and "next_cursor" in (given.query or ""):
        return [], 1  # only a first page can be refused because there is nothing
    wanted, counts = expected(mapper, [payload_of(case) or b""], **options)
    return wanted, sum(counts)


FIELDS = yaml.safe_load((ROOT / "tests/bulk_fields.yaml").read_text("utf-8"))
#: What all mappings of things begin with.
START = """\
version: 1
integration: acme
unified_model: crm
resource: thing
method: list
endpoints:
"""
HEAD = (
    START
    + """\
  all:
    path_mapping: '"/things"'
    recognise: $exists(data)
    for_each: {row: data}
    response_mapping:
"""
)


def of_fields(folder, expressions, spec=FIELDS["spec"], head=HEAD):
    """A mapper of things: `expressions` by the names of fields."""
    (folder / "schemas/crm").mkdir(parents=True, exist_ok=True)
    (folder / "schemas/crm/thing.yaml").write_text(spec, "utf-8")
    made = "".join(f"      {name}: '{text}'\n" for name, text in expressions.items())
    (folder / "acme.yaml").write_text(head + made, "utf-8")
    return load(folder / "acme.yaml")


NAMES = ["first_name", "class", "a_b", "get", "day", "at", "count", "share", "level", "is_open", "whatever", "free"]
NAMES += ["empty", "name", "grid", "anys", "frees", "times", "trees"]


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    return of_fields(tmp_path_factory.mktemp("things"), {"id": "id"} | {name: f"`{name}`" for name in NAMES})


def test_a_value_is_in_its_column_or_a_reject_that_says_why(things, tmp_path):
    found = FIELDS["cases"]
    replies = [f'{{"data":[{{"id":"{n}","{one["field"]}":{one["value"]}}}]}}' for n, one in enumerate(found)]
    records, rejects, _ = mapped(tmp_path, [one.encode() for one in replies], things)
    by_id = {one["id"]: one for one in records}
    refused = {one["page"] - 1: one for one in rejects}
    for number, case in enumerate(found):
        if "misfit" in case:
            reject = refused.pop(number)
            assert (reject["code"], reject["pointer"]) == ("W902", case.get("at", f"/{case['field']}")), case
            assert case["misfit"] in reject["message"]
            assert json.loads(reject["raw"], parse_float=str)["id"] == str(number)
            continue
        value = by_id.pop(str(number))[case["field"]]
        if "json" in case:
            texts = value if isinstance(value, list) else [value]
            wanted = json.loads(case["json"], parse_float=Decimal)
            assert [json.loads(one, parse_float=Decimal) for one in texts] == (wanted if texts is value else [wanted])
        else:
            assert value == json.loads(case["is"]), case
            assert str(value) == str(json.loads(case["is"]))
    assert (by_id, refused) == ({}, {})


@pytest.mark.parametrize("chosen", [["1e3", "9007199254740993"], ["1", None, "9007199254740991.0"], ["2.0", None]])
def test_integers_that_are_written_as_decimals_stay_what_they_are(chosen, things, tmp_path):
    rows = [f'{{"id":"{n}"' + (f',"count":{one}}}' if one else "}") for n, one in enumerate(chosen)]
    records, _, _ = mapped(tmp_path, [('{{"data":[{}]}}'.format(",".join(rows))).encode()], things)
    assert [one["count"] for one in records] == [None if one is None else int(Decimal(one)) for one in chosen]


def test_many_odd_records_among_right_ones_are_rejected_alone(things, tmp_path):
    rows = [{"id": str(n), "count": 2**70 if n % 7 == 0 else n, "share": 0.5, "times": []} for n in range(5_000)]
    replies = [{"data": rows[start : start + 90]} for start in range(0, 5_000, 90)]
    records, rejects, row = mapped(tmp_path, replies, things)
    assert [int(one["id"]) for one in records] == [n for n in range(5_000) if n % 7]
    assert [(one["page"], json.loads(one["raw"])["id"]) for one in rejects] == [
        (n // 90 + 1, str(n)) for n in range(0, 5_000, 7)
    ]
    assert row["rejects_by_code"]["W902"]["count"] == len(rejects)


def test_large_replies_do_not_wait_in_memory(things, tmp_path, monkeypatch):
    written_at = []
    monkeypatch.setattr(writing, "CHUNK_BYTES", 1_000)
    original = writing._Parquet.add
    monkeypatch.setattr(
        writing._Parquet, "add", lambda file, batch: written_at.append(len(batch)) or original(file, batch)
    )
    replies = [{"data": [{"id": "1", "x": "y" * 990}, {"id": 2, "x": "y" * 990}]}] * 3
    records, rejects, _ = mapped(tmp_path, replies, things)
    assert (len(records), len(rejects), written_at) == (3, 3, [1] * 6)


def test_the_columns_have_the_types_of_the_spec(things, tmp_path):
    *_, row = mapped(tmp_path, [{"data": []}], things)
    schema = pq.read_schema(tmp_path / "out" / row["records_file"])
    types = {one.name: str(one.type) for one in schema}
    assert types["at"] == "timestamp[us, tz=UTC]"
    assert (types["count"], types["share"], types["is_open"], types["day"]) == ("int64", "double", "bool", "string")
    assert (types["whatever"], types["free"], types["empty"]) == ("string",) * 3
    assert pa.types.is_struct(schema.field("name").type)
    assert schema.field("grid").type.value_type.value_type == pa.int64()
    assert [name for name in schema.names if not schema.field(name).nullable] == ["id"]
    assert schema.names == ["id", *NAMES, "remote_data", "integrated_account_id"]


#: Every text that RFC 3339 allows, and some others.
MOMENTS = st.builds(
    "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}{}{}".format,
    st.one_of(st.integers(0, 9999), st.sampled_from([0, 1, 9999, 1969, 1970, 2026])),
    st.integers(0, 13), st.integers(0, 32), st.sampled_from("Tt "), st.integers(0, 24), st.integers(0, 60),
    st.integers(0, 60),
    st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=12).map(".{}".format)),
    st.one_of(st.sampled_from(["Z", "z", "", "-00:00"]), st.builds("{}{:02}:{:02}".format, st.sampled_from("+-"),
              st.integers(0, 24), st.integers(0, 60))),
)  # fmt: skip


@settings(max_examples=150)
@given(MOMENTS)
def test_for_any_time_of_rfc_3339_the_column_has_its_instant(text):
    if not timestamps.is_date_time(text):
        return
    field = Field("string", format="date-time")
    try:
        (found,) = columns.column(field)([text]).view(pa.int64()).to_pylist()
    except columns.MisfitError:
        found = None
    assert found == stored.moment_or_none(text)


# Reading


def listed(records):
    return [one["id"] for one in records]


ONE, TWO = b'{"data":[{"id":"1"}]}', b'{"data":[{"id":"2"}]}'
PACKED = {
    "gzip": gzip.compress(ONE + b"\n" + TWO),
    "several members of gzip": gzip.compress(ONE + b"\n") + gzip.compress(TWO + b"\n"),
    "an empty member of gzip": gzip.compress(ONE + b"\n") + gzip.compress(b"") + gzip.compress(TWO),
    "zstd": pa.compress(ONE + b"\n" + TWO, "zstd", asbytes=True),
    "several frames of zstd": pa.compress(ONE + b"\n", "zstd", asbytes=True) + pa.compress(TWO, "zstd", asbytes=True),
    "lz4": pa.compress(ONE + b"\n" + TWO, "lz4", asbytes=True),
    "bz2": bz2.compress(ONE + b"\n" + TWO),
    "several streams of bz2": bz2.compress(ONE + b"\n") + bz2.compress(TWO),
    "plain": ONE + b"\n" + TWO + b"\n",
    "CRLF": ONE + b"\r\n" + TWO + b"\r\n",
    "a byte order mark": codecs.BOM_UTF8 + ONE + b"\n" + TWO,
    "blank lines": b"\n  \n" + ONE + b"\n\r\n\t\n" + TWO + b"\n\n",
    "parquet": parquet(pa.table({"body": [ONE, TWO]})),
}


@pytest.mark.parametrize("kind", PACKED)
def test_files_are_read_whatever_they_are_packed_in(kind, things, tmp_path):
    records, rejects, row = mapped(tmp_path, PACKED[kind], things, name="x")
    assert (listed(records), rejects, row["replies"]) == (["1", "2"], [], 2)


@pytest.mark.parametrize("kind", PACKED)
def test_a_file_that_is_cut_is_told_and_nothing_of_it_is_written(kind, things, tmp_path):
    (tmp_path / "in").mkdir()
    body = b"".join(b'{"data":[{"id":"%d"}]}\n' % n for n in range(3_000))
    whole = {"gzip": gzip.compress, "bz2": bz2.compress, "parquet": lambda b: parquet(pa.table({"body": b.split()}))}
    whole |= {
        "zstd": lambda b: pa.compress(b, "zstd", asbytes=True),
        "lz4": lambda b: pa.compress(b, "lz4", asbytes=True),
    }
    name = next((one for one in whole if one in kind), None)
    if name is None:
        return
    made = whole[name](body)
    for cut in (len(made) - 1, len(made) - 7, len(made) // 2, 40, 7, 5):
        (tmp_path / "in/cut").write_bytes(made[:cut])
        (tmp_path / "in/good").write_bytes(ONE)
        run, rows = ran([tmp_path / "in"], tmp_path / f"out{cut}", things)
        assert [one["source"] for one in rows] == [str(tmp_path / "in/good")], cut
        assert [one.code for one in run.failed] == ["W901"]
        assert str(tmp_path / "in/cut") in run.failed[0].message
        assert listed(rows_of(tmp_path / f"out{cut}/records")) == ["1"]
        assert (run.totals["files"], run.totals["files_failed"]) == (1, 1)


@pytest.mark.parametrize("text", [b"", b"\n\n", codecs.BOM_UTF8, gzip.compress(b"", mtime=0)], ids=repr)
def test_an_empty_file_has_no_records(text, things, tmp_path):
    records, rejects, row = mapped(tmp_path, text, things)
    assert (records, rejects, row["replies"]) == ([], [], 0)


@pytest.mark.parametrize("before", [b"", b"\n", codecs.BOM_UTF8])
@pytest.mark.parametrize("value", [json.loads(ONE), [json.loads(ONE)]])
def test_one_json_text_in_many_lines_is_told_with_what_to_do(before, value, things, tmp_path):
    with pytest.raises(MapperError, match="not a reply in each line") as caught:
        mapped(tmp_path, before + json.dumps(value, indent=1).encode(), things)
    assert (caught.value.code, "jq -c" in caught.value.diagnostics[0].hint) == ("W901", True)


def avro(text):
    return b"Obj\x01" + text


def arrow(text):
    sink = pa.BufferOutputStream()
    table = pa.table({"body": [text]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write(table)
    return sink.getvalue().to_pybytes()


def zipped(text):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr("a", text)
    return sink.getvalue()


OTHERS = {"Avro": avro, "Arrow": arrow, "ZIP": zipped, "xz": lzma.compress}
OTHERS["compressed Parquet"] = lambda text: gzip.compress(parquet(pa.table({"body": [text]})))
OTHERS["twice compressed"] = lambda text: gzip.compress(gzip.compress(text))


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_in_another_format_is_told(name, things, tmp_path):
    with pytest.raises(MapperError, match=f"its format is {name}") as caught:
        mapped(tmp_path, OTHERS[name](ONE), things)
    assert caught.value.code == "W901"


def test_large_cells_of_parquet_are_read_one_at_a_time(things, tmp_path, monkeypatch):
    sizes, original = [], pq.ParquetFile.iter_batches
    monkeypatch.setattr(
        pq.ParquetFile, "iter_batches", lambda *given, **more: sizes.append(given[1]) or original(*given, **more)
    )
    monkeypatch.setattr(reading, "_BYTES_AT_ONCE", 2_000)
    for long in (1, 10_000):
        content = parquet(
            pa.table({"body": [b'{"data":[{"id":"1"}],"x":"%s"}' % os.urandom(long // 2).hex().encode()] * 3})
        )
        records, *_ = mapped(tmp_path, content, things)
        assert len(records) == 3
    assert sizes[0] > sizes[1]
    assert mapped(tmp_path, parquet(pa.table({"body": pa.array([], pa.string())})), things)[0] == []


BAD = {
    "invalid UTF-8": b'{"data":[{"id":"\xff"}]}',
    "no JSON": b"<html>",
    "cut": b'{"data":[{"id":',
    "two values": ONE + ONE,
    "NaN": b'{"data":[{"id":"1","share":NaN}]}',
    "beyond a double": b'{"data":[{"id":"1","share":1e999}]}',
    "UTF-16": '{"data":[]}'.encode("utf-16-le"),
    "a text": b'"x"',
    "no rows": b'{"x":1}',
    "nested": b'{"data":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    "null": b"null",
    "zeros": b"\0" * 50,
}


@pytest.mark.parametrize("kind", BAD)
def test_a_line_that_is_no_reply_is_a_reject_with_its_own_text(kind, things, tmp_path):
    records, (reject,), row = mapped(tmp_path, ONE + b"\n" + BAD[kind] + b"\n" + TWO, things)
    assert (listed(records), row["replies"], reject["page"]) == (["1", "2"], 3, 2)
    assert reject["raw"] == BAD[kind].decode(errors="backslashreplace")
    assert reject["code"][0] in "PD"
    assert reject["message"]


def test_a_line_beyond_the_limit_is_a_reject(things, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_LINE", 50)
    fits = b'{"data":[{"id":"3"}],"x":"%s"}' % (b"y" * (50 - 28))
    assert len(fits) == 50
    long = b'{"data":[{"id":"4"}],"x":"%s"}' % (b"y" * 300)
    records, (reject,), row = mapped(tmp_path, b"\n".join([ONE, long, fits, TWO, fits]), things)
    assert (listed(records), reject["page"], reject["code"]) == (["1", "3", "2", "3"], 2, "P602")
    assert row["replies"] == 5


def test_halves_of_surrogate_pairs_become_what_they_become_in_json(things, tmp_path):
    records, _, row = mapped(tmp_path, b'{"data":[{"id":"\\ud800","free":{"a":"\\udc00"}}]}', things)
    assert (records[0]["id"], json.loads(records[0]["free"])) == ("\ufffd", {"a": "\ufffd"})
    assert row["notes"]["P610"]["count"] == 1


COLUMNS = {
    "string": lambda texts: pa.array(texts, pa.string()),
    "large_string": lambda texts: pa.array(texts, pa.large_string()),
    "binary": lambda texts: pa.array(texts, pa.binary()),
    "large_binary": lambda texts: pa.array(texts, pa.large_binary()),
    "dictionary": lambda texts: pa.array(texts).dictionary_encode(),
    "string_view": lambda texts: pa.array(texts, pa.string_view()),
    "binary_view": lambda texts: pa.array(texts, pa.binary_view()),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_any_column_of_texts_holds_replies(kind, things, tmp_path):
    table = pa.table({"n": [1, 2, 3], "reply": COLUMNS[kind]([ONE.decode(), None, TWO.decode()])})
    records, (reject,), _ = mapped(tmp_path, parquet(table), things)
    assert (listed(records), reject["page"], reject["raw"]) == (["1", "2"], 2, "")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"a": [1]}, "does not say which column"),
        ({"a": ["x"], "b": ["y"], "ab": ["z"]}, "does not say which column"),
        ({"body": [{"data": []}]}, "does not say which column"),
        ({"query": ["x"]}, "does not say which column"),
    ],
)
def test_a_table_without_one_column_of_texts_is_told(table, said, things, tmp_path):
    with pytest.raises(MapperError, match=said) as caught:
        mapped(tmp_path, parquet(pa.table(table)), things)
    assert caught.value.code == "W901"
    with pytest.raises(MapperError, match='no column "q"'):
        mapped(tmp_path, parquet(pa.table(table)), things, body="q")


def test_columns_may_have_any_names(things, tmp_path):
    table = pa.table({"a": ["x"], "a.b": [ONE], "a.b.list.element": [["y"]], "query.x": ["z"], "Body": ["{}"]})
    records, *_ = mapped(tmp_path, parquet(table), things, body="a.b")
    assert listed(records) == ["1"]
    table = pa.table({"query.limit": [1], "query": [{"limit": 1}], "account": ["a"], "the reply": [ONE]})
    records, *_ = mapped(tmp_path, parquet(table), things)
    assert [(one["id"], one["integrated_account_id"]) for one in records] == [("1", "a")]


def test_a_reply_without_those_to_its_joins_is_noted(tmp_path):
    path = ROOT / "examples/mappings/roster/employee.yaml"
    case = cases.read(path.with_suffix("") / "first-page")
    records, _, row = mapped(tmp_path, as_parquet([case]), load(path))
    assert (len(records), row["notes"]["P612"]["count"]) == (len(case.payload), 1)


def test_columns_that_are_named_twice_are_told(things, tmp_path):
    table = pa.Table.from_arrays([pa.array([ONE]), pa.array([TWO])], names=["body", "body"])
    with pytest.raises(MapperError, match="W901"):
        mapped(tmp_path, parquet(table), things)
    table = pa.Table.from_arrays(
        [pa.array([ONE]), pa.array(["1"]), pa.array(["2"])], names=["body", "account", "account"]
    )
    with pytest.raises(MapperError, match="W901"):
        mapped(tmp_path, parquet(table), things)


# What is known beside a reply

PERIOD = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-02-01T00:00:00Z", "aggregation_period": "week"}
ACCOUNT = "62f44730-dd91-461e-bd6a-aedd9e0ad79d"
QUERIES = {
    "a query string": "&".join(f"{name}={value}" for name, value in PERIOD.items()),
    "JSON text": json.dumps(PERIOD),
    "JSON text with spaces": f" {json.dumps(PERIOD, indent=1)}\n",
    "a struct": PERIOD | {"users": None, "truto_key_by": None, "remote_query": {"a": {"b": "1", "c": None}}},
    "a struct with times": PERIOD | {"start_time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
    "bytes": json.dumps(PERIOD).encode(),
}
CONTEXTS = {
    "JSON text": pa.array(['{"time_zone": "America/New_York"}']),
    "bytes": pa.array([b'{"time_zone": "America/New_York"}']),
    "a struct": pa.array([{"time_zone": "America/New_York", "user_names": None}]),
    "a map": pa.array([[("time_zone", "America/New_York")]], pa.map_(pa.string(), pa.string())),
}
WEEK = test_map_bytes.page("by_period", 2) | {"timeZone": "UTC"}


@pytest.mark.parametrize("offset", ["-05:00", "+00:00"])
@pytest.mark.parametrize("spoil", [{}, {"callsAsHost": "many"}])
@pytest.mark.parametrize("lacks", [[], ["callsAttended"], test_map_bytes.NAMES])
def test_rows_that_lack_a_value_or_are_in_another_zone_keep_their_order(lacks, spoil, offset, tmp_path):
    replies = []
    for number in range(3):
        reply = test_map_bytes.page("by_period", 4 + number)
        weeks = [week for user in reply["usersAggregateActivity"] for week in user["userAggregateActivity"]]
        for week in weeks:
            week |= {name: week[name][:19] + offset for name in ("fromDate", "toDate")}
            for name in lacks:
                del week[name]
        weeks[number] |= spoil
        replies.append(reply)
    query = PERIOD | {"aggregation_period": "week"}
    options = {"query": query, "context": {"time_zone": "America/New_York"}}
    records, rejects, row = mapped(tmp_path, replies, GONG, **options)
    wanted, counts = expected(GONG, replies, **options)
    are_equal(GONG, records, wanted)
    assert (len(rejects), len(records)) == (sum(counts), 30 - sum(counts))
    assert ("P605" in row["notes"], "P606" in row["notes"]) == (offset == "+00:00", bool(lacks))


@pytest.mark.parametrize("kind", QUERIES)
def test_a_query_may_be_stored_in_many_forms(kind, tmp_path):
    table = pa.table({"body": [written(WEEK)], "query": [QUERIES[kind]]})
    records, rejects, _ = mapped(tmp_path, parquet(table), GONG)
    wanted, _ = expected(GONG, [written(WEEK)], query=PERIOD)
    are_equal(GONG, records, wanted)
    assert (len(records), rejects) == (4, [])


@pytest.mark.parametrize("kind", CONTEXTS)
def test_a_context_may_be_stored_in_many_forms(kind, tmp_path):
    table = pa.table({"body": [written(WEEK)], "query": [json.dumps(PERIOD)], "context": CONTEXTS[kind]})
    records, _, row = mapped(tmp_path, parquet(table), GONG)
    wanted, _ = expected(GONG, [written(WEEK)], query=PERIOD, context={"time_zone": "America/New_York"})
    are_equal(GONG, records, wanted)
    assert row["notes"]["P605"]["count"] == 1


def test_what_is_known_may_be_in_the_members_of_lines(tmp_path):
    for beside in ({"query": PERIOD}, {"query": json.dumps(PERIOD)}, {"query": QUERIES["a query string"]}):
        line = {
            "reply": WEEK,
            "context": {"time_zone": "UTC"},
            "status": 200,
            "account": ACCOUNT,
            "other": [1],
        } | beside
        records, _rejects, _ = mapped(tmp_path, [line], GONG, body="reply")
        wanted, _ = expected(GONG, [written(WEEK)], query=PERIOD)
        are_equal(GONG, records, wanted)
        assert {one["integrated_account_id"] for one in records} == {ACCOUNT}


@pytest.mark.parametrize("line", [b'{"s":1}', b"[1]", b"5", b'{"r":', b'{"r":1}x', b'"r"', b'{"\xff":1}'])
def test_a_line_without_its_member_is_a_reject(line, things, tmp_path):
    good = b'{"r":%s}' % ONE
    records, (reject,), _ = mapped(tmp_path, b"\n".join([good, line, good]), things, body="r")
    assert (len(records), reject["page"], reject["code"]) == (2, 2, "P602")
    assert reject["raw"] == line.decode(errors="backslashreplace")


def test_a_reply_in_a_member_may_be_a_text(things, tmp_path):
    records, (reject,), _ = mapped(
        tmp_path, [{"r": ONE.decode()}, {"r": "<html>"}, {"r": json.loads(TWO)}], things, body="r"
    )
    assert (listed(records), reject["page"], reject["raw"]) == (["1", "2"], 2, "<html>")
    tally = ROOT / "examples/mappings/tally/employee.yaml"
    text = (tally.with_suffix("") / "all/payload.csv").read_bytes().decode("utf-8")
    records, *_ = mapped(tmp_path, [{"r": text}], load(tally), body="r")
    wanted, _ = expected(load(tally), [text.encode()])
    are_equal(load(tally), records, wanted)
    assert len(records) > 2


def test_halves_of_surrogate_pairs_in_members_do_no_harm(things, tmp_path):
    line = b'{"r":{"data":[{"id":"\\ud800"}]},"account":"\\udfff"}'
    records, _, _ = mapped(tmp_path, line, things, body="r")
    assert (records[0]["id"], records[0]["integrated_account_id"]) == ("\ufffd", "\ufffd")


#: What is stored beside a reply, and the code of its reject.
WRONG = [
    ({"query": "nonsense=1"}, "Q502"),
    ({"query": PERIOD | {"start_time": "soon"}}, "Q504"),
    ({"query": "{broken"}, "Q502"),
    ({"query": [1]}, "Q504"),
    ({"query": PERIOD | {"next_cursor": "truto1.forged"}}, "Q506"),
    ({"context": {"time_zone": "Mars/Olympus"}}, "Q5"),
    ({"context": "no object"}, "Q5"),
    ({"now": "yesterday"}, "Q509"),
    ({"now": 5}, "Q509"),
    ({"status": 7}, "Q515"),
    ({"status": "x"}, "Q515"),
    ({"status": 404.5}, "Q515"),
    ({"status": 500}, "P601"),
    ({"account": {"id": 1}}, "Q515"),
    ({"account": True}, "Q515"),
]


@pytest.mark.parametrize(("beside", "code"), WRONG, ids=str)
def test_a_reply_that_cannot_be_mapped_with_what_is_known_of_it_is_a_reject(beside, code, tmp_path):
    good = {"r": WEEK, "query": PERIOD}
    records, rejects, row = mapped(tmp_path, [good, good | beside, good | beside, good], GONG, body="r")
    assert (len(records), [one["page"] for one in rejects]) == (8, [2, 3])
    assert all(one["code"].startswith(code) for one in rejects), rejects[0]
    assert [json.loads(one["raw"]) for one in rejects] == [WEEK, WEEK]
    assert row["replies"] == 4


def test_columns_of_other_types_than_text_say_what_they_say(tmp_path):
    table = pa.table(
        {
            "body": [written(WEEK)] * 4,
            "query": [json.dumps(PERIOD)] * 4,
            "status": pa.array([200, None, 404.0, 200], pa.float64()),
            "account": pa.array([7, None, 9, 2**62]),
            "now": pa.array([1770000000000000, None, None, 1770000000000000], pa.timestamp("us", "Europe/Berlin")),
        }
    )
    records, rejects, _ = mapped(tmp_path, parquet(table), GONG, account="job")
    accounts = Counter(one["integrated_account_id"] for one in records)
    assert accounts == {"7": 4, "job": 4, str(2**62): 4}
    assert [(one["page"], one["code"], one["integrated_account_id"]) for one in rejects] == [(3, "P601", "9")]


def test_a_time_without_an_offset_is_not_guessed(tmp_path):
    now = pa.array([1770000000000000], pa.timestamp("us"))
    table = pa.table({"body": [written(WEEK)], "query": [json.dumps(PERIOD)], "now": now})
    records, (reject,), _ = mapped(tmp_path, parquet(table), GONG)
    assert (records, reject["code"]) == ([], "Q509")


def test_an_account_is_that_of_the_reply_else_of_its_query_else_of_the_job(things, tmp_path):
    lines = [
        {"r": json.loads(ONE), "account": "own", "query": "integrated_account_id=asked"},
        {"r": json.loads(ONE), "query": "integrated_account_id=asked"},
        {"r": json.loads(ONE)},
        {"r": {"data": 5}, "query": "integrated_account_id=asked"},
        {"r": {"data": [{"id": "1", "count": 2**70}]}, "query": "integrated_account_id=asked"},
        {"r": {"data": [{"id": 1}]}, "query": "integrated_account_id=asked"},
        {"r": {}, "query": "x=1"},
    ]
    records, rejects, _ = mapped(tmp_path, lines, things, body="r", account="job")
    assert [one["integrated_account_id"] for one in records] == ["own", "asked", "job"]
    assert {one["page"]: one["integrated_account_id"] for one in rejects} == {
        4: "asked",
        5: "asked",
        6: "asked",
        7: "job",
    }


def test_a_field_named_as_the_account_is_the_record_s_own(tmp_path):
    spec = FIELDS["spec"].replace("  id: {type", "  integrated_account_id: {type: string}\n  id: {type", 1)
    mapper = of_fields(tmp_path, {"id": "id", "integrated_account_id": "owner"}, spec)
    records, _, _ = mapped(tmp_path, [{"data": [{"id": "1", "owner": "o"}]}], mapper, account="job")
    assert [one["integrated_account_id"] for one in records] == ["o"]


def test_all_of_a_reply_is_mapped_whatever_part_of_it_the_caller_got(tmp_path):
    reply = test_map_bytes.page("aggregate", 5)
    period = test_map_bytes.DAYS
    options = {"context": test_map_bytes.CONTEXT}
    first = GONG.map(reply, query=GONG.plan(period | {"limit": 2}, **options).query)
    whole = GONG.map(reply, query=GONG.plan(period, **options).query)
    parts = [{}, {"limit": 2}, {"limit": 2, "next_cursor": first.next_cursor}, {"next_cursor": whole.next_cursor}]
    parts += [{"truto_response_format": name} for name in ("raw", "debug", "stream", "normalized")]
    parts += [{"truto_ignore_remote_data": "true"}, {"truto_exclude_fields": ["id", "user"]}, {"truto_key_by": "id"}]
    parts += [{"truto_skip_api_call": True}, {"truto_ignore_limit": True, "limit": 1}]
    lines = [{"r": reply, "query": period | part} | options for part in parts]
    records, rejects, _ = mapped(tmp_path, lines, GONG, body="r")
    wanted, _ = expected(GONG, [written(reply)], query=period, **options)
    assert (len(records), rejects) == (5 * len(parts), [])
    are_equal(GONG, records, wanted * len(parts))


def test_many_different_queries_are_planned_once_each(tmp_path, monkeypatch):
    monkeypatch.setattr(job, "PLANS", 100)
    planned, original = [], type(GONG.stored).planned
    monkeypatch.setattr(type(GONG.stored), "planned", lambda *given: planned.append(1) or original(*given))
    reply = test_map_bytes.page("aggregate", 1)
    days = [{"start_time": f"2026-01-{day:02}T00:00:00-08:00", "users": [str(n)]} for day in (1, 2) for n in range(100)]
    lines = [{"r": reply, "query": test_map_bytes.DAYS | one, "context": test_map_bytes.CONTEXT} for one in days]
    records, _, _ = mapped(tmp_path, [line for line in lines for _ in range(5)], GONG, body="r")
    assert (len(records), len(planned)) == (1_000, 200)


# Rows that are stored alone

ROWS = (
    START
    + """\
  plain: {path_mapping: '"/1"', recognise: $exists(data), for_each: {row: data.items}, response_mapping: &thing {
    id: $row.id, count: $row.count, share: $row.share, whatever: $response.x}}
  array: {path_mapping: '"/2"', for_each: {row: $}, response_mapping: *thing}
  colon: {path_mapping: '"/3"', recognise: '$exists(`hydra:member`)', for_each: {row: '`hydra:member`.`a/b~c`'},
    response_mapping: {id: $row.id, count: $row.count}}
  nested: {path_mapping: '"/4"', recognise: $exists(teams), for_each: {team: teams, row: members},
    response_mapping: {id: $row.id, count: $row.count, class: $team.class}}
  same: {path_mapping: '"/5"', recognise: $exists(data.items) and $exists(more), for_each: {row: data.items},
    response_mapping: {id: '"same " & $row.id'}}
  twin: {path_mapping: '"/6"', for_each: {row: data.items}, response_mapping: {id: '"twin " & $row.id'}}
  chosen: {path_mapping: '"/7"', recognise: $exists(chosen), for_each: {row: 'chosen[id != "0"]'},
    response_mapping: {id: $row.id}}
  sheet: {path_mapping: '"/8"', recognise: $exists(sheet), decode: {format: csv}, for_each: {row: $},
    response_mapping: {id: $row.id}}
"""
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return of_fields(tmp_path_factory.mktemp("rows"), {}, head=ROWS)


def test_rows_alone_give_what_they_give_in_a_reply(rows, tmp_path):
    found = [{"id": str(n), "count": n} if n % 5 else {"id": n, "count": "x"} for n in range(703)]
    for endpoint, wrap in (
        ("plain", lambda rows: {"data": {"items": rows}}),
        ("array", lambda rows: rows),
        ("colon", lambda rows: {"hydra:member": {"a/b~c": rows}}),
    ):
        records, rejects, row = mapped(tmp_path, found, rows, rows=endpoint)
        alone = load_only(rows, endpoint)
        wanted, (count,) = expected(alone, [written(wrap(found))])
        are_equal(rows, records, wanted)
        assert (len(rejects), row["replies"]) == (count, len(found))
        for reject in rejects:
            number = reject["page"] - 1
            assert json.loads(reject["raw"]) == found[number]
            assert (number % 5, reject["pointer"], reject["further"][0]["pointer"]) == (0, "/id", "/count")


def load_only(mapper, name):
    """The same mapper with one endpoint."""
    text = mapper.sources[0].text
    head, _, below = text.partition("endpoints:\n")
    kept = [one for one in re.split(r"(?m)^(?=  \w)", below) if one.startswith((f"  {name}:", "  plain:"))]
    kept.sort(key=lambda one: one.startswith("  plain:") and name != "plain", reverse=True)
    path = Path(mapper.sources[0].name).with_name(f"{name}.yaml")
    path.write_text(head + "endpoints:\n" + "".join(kept), "utf-8")
    return load(path)


@pytest.mark.parametrize(
    "odd",
    [
        *(b'{}],"x":[{}', b'{"id":"1"}]}},{"id":"2"', b'{"id":"1"},{"id":"2"}', b"]", b"}", b'"', b"{", b"null]", b","),
        *(
            b'{"id":"\xff"}',
            b'{"\xff":1}',
            b'{"id":"1",}',
            b"NaN",
            b'{"count":1e999,"id":"1"}',
            b"nul",
            b'{"id":"a\x00"}',
        ),
        b'{"id":"1","deep":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
    ],
)
def test_a_row_that_is_no_row_is_rejected_alone(odd, rows, tmp_path):
    good = [b'{"id":"%d"}' % n for n in range(150)]
    lines = [*good[:121], odd, *good[121:]]
    for endpoint in ("plain", "array"):
        records, (reject,), row = mapped(tmp_path, b"\n".join(lines), rows, rows=endpoint)
        assert listed(records) == [str(n) for n in range(150)]
        assert (reject["page"], row["replies"], reject["code"]) == (122, 151, "P602")
        assert reject["raw"] == odd.decode(errors="backslashreplace")
        assert "items" not in reject["message"]


@pytest.mark.parametrize("odd", [b"5", b'"x"', b"[]", b'[{"id":"1"}]', b'[[{"id":"1"}]]', b"true"])
def test_a_row_that_is_no_object_is_rejected_with_its_number(odd, rows, tmp_path):
    good = b'{"id":"1"}'
    for endpoint in ("plain", "array"):
        records, (reject,), row = mapped(tmp_path, b"\n".join([good, good, odd, good]), rows, rows=endpoint)
        assert (len(records), row["replies"], reject["page"], reject["code"]) == (3, 4, 3, "D404")


def test_null_rows_are_no_rows_and_the_others_keep_their_numbers(rows, tmp_path):
    lines = [b'{"id":"1"}', b"null", b" null ", b'{"id":2}', b'{"id":"3","count":9223372036854775808}']
    records, rejects, row = mapped(tmp_path, b"\n".join(lines), rows, rows="plain")
    assert (listed(records), row["replies"]) == (["1"], 5)
    assert [(one["page"], one["code"], one["pointer"]) for one in rejects] == [
        (4, "D401", "/id"),
        (5, "W902", "/count"),
    ]
    stored_alone = pa.table({"body": [b'{"id":"1"}', None, b"", b"  ", b'{"id":2}']})
    records, rejects, row = mapped(tmp_path, parquet(stored_alone), rows, rows="plain")
    assert (listed(records), row["replies"], [one["page"] for one in rejects]) == (["1"], 5, [5])


def test_rows_of_two_loops_keep_their_numbers_and_pointers(rows, tmp_path):
    lines = [
        {"class": "a", "members": [{"id": "1"}, {"id": "2"}, None]},
        {"class": "b", "members": []},
        {"class": "wrong", "members": [{"id": "3"}, {"id": 4}]},
        {"members": [{"id": "5", "count": 2**63}, {"id": "6"}]},
        {"members": [{"id": "7"}, {"id": 8}]},
        {},
    ]
    records, rejects, row = mapped(tmp_path, lines, rows, rows="nested")
    assert (listed(records), row["replies"]) == (["1", "2", "6", "7"], 6)
    told = [(one["page"], one["pointer"], [more["pointer"] for more in one["further"]]) for one in rejects]
    assert sorted(told) == [
        (3, "/class", []), (3, "/members/1/id", ["/class"]), (4, "/count", []), (5, "/members/1/id", [])
    ]  # fmt: skip


def test_rows_of_an_endpoint_are_never_mapped_as_those_of_another(rows, tmp_path):
    for endpoint in ("same", "twin"):
        records, rejects, _row = mapped(tmp_path, [b'{"id":"1"}', b'{"id":"2"}'], rows, rows=endpoint)
        if records:
            assert [one["id"].split()[0] for one in records] == [endpoint] * 2
        else:
            assert [(one["code"], one["page"]) for one in rejects] == [("P603", 1), ("P603", 2)]
            assert "plain" in rejects[0]["message"]


@pytest.mark.parametrize(
    ("name", "said"), [("plian", "plain"), ("chosen", "whole replies"), ("sheet", "whole replies")]
)
def test_an_endpoint_whose_rows_cannot_be_alone_is_told(name, said, rows, tmp_path):
    (tmp_path / "x").write_bytes(b"{}")
    with pytest.raises(MapperError) as caught:
        ran([tmp_path / "x"], tmp_path / "out", rows, rows=name)
    assert (caught.value.code, said in caught.value.diagnostics[0].hint) == ("M106", True)
    assert not (tmp_path / "out").exists()


def test_rows_may_have_queries_of_their_own(tmp_path):
    reply = test_map_bytes.page("by_period", 6)
    weeks = {"query": QUERIES["a query string"], "context": {"time_zone": "UTC"}}
    lines = [{"row": one, "account": str(n // 2)} | weeks for n, one in enumerate(reply["usersAggregateActivity"])]
    lines[3]["query"] = "nonsense=1"
    records, rejects, _row = mapped(tmp_path, lines, GONG, rows="by_period", body="row")
    wanted, _ = expected(GONG, [written(reply)], query=PERIOD)
    are_equal(GONG, records, [one for one in wanted if one["user"]["id"] != "3"])
    assert [(one["page"], one["code"], one["integrated_account_id"]) for one in rejects] == [(4, "Q502", "1")]
    accounts = {(one["user"]["id"], one["integrated_account_id"]) for one in records}
    assert accounts == {(str(n), str(n // 2)) for n in (0, 1, 2, 4, 5)}


# Sources


def put(path, text=ONE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def of(number):
    return b'{"data":[{"id":"%d"}]}' % number


def test_a_folder_means_the_files_in_it_and_below_but_hidden_ones(things, tmp_path):
    top = tmp_path / "raw"
    for n, name in enumerate(
        ["a.ndjson", "b/a.ndjson", "b/c/a.ndjson.gz", ".hidden", "_SUCCESS", ".git/x", "b/_temporary/x"]
    ):
        put(top / name, of(n))
    _, made = ran([top], tmp_path / "out", things)
    assert sorted(listed(rows_of(tmp_path / "out/records"))) == ["0", "1", "2"]
    assert len({one["records_file"] for one in made}) == 3
    _, made = ran([top / ".hidden", top / "_SUCCESS"], tmp_path / "named", things)
    assert sorted(listed(rows_of(tmp_path / "named/records"))) == ["3", "4"]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.ndjson", "01"),
        ("*", "012"),
        ("?.ndjson", "01"),
        ("[ab]*", "01"),
        ("**/*.ndjson", "013"),
        ("_*", "5"),
        ("d/*", "3"),
    ],
)
def test_a_pattern_means_the_files_that_match_it(pattern, wanted, things, tmp_path):
    for n, name in enumerate(["a.ndjson", "b.ndjson", "c.txt", "d/e.ndjson", ".a.ndjson", "_b.ndjson"]):
        put(tmp_path / "raw" / name, of(n))
    ran([tmp_path / "raw" / pattern], tmp_path / "out", things)
    assert sorted(listed(rows_of(tmp_path / "out/records"))) == list(wanted)


def test_a_file_that_is_given_in_several_ways_is_mapped_once(things, tmp_path, monkeypatch):
    file = put(tmp_path / "raw/a.ndjson")
    (tmp_path / "raw/link.ndjson").symlink_to(file)
    (tmp_path / "other").symlink_to(tmp_path / "raw")
    (tmp_path / "raw/loop").symlink_to(tmp_path / "raw")
    monkeypatch.chdir(tmp_path / "raw")
    given = [file, file, "a.ndjson", "./a.ndjson", "../raw/a.ndjson", "*.ndjson", ".", tmp_path / "other/a.ndjson"]
    given += [file.as_uri(), tmp_path / "other", "link.ndjson"]
    run, made = ran(given, tmp_path / "out", things)
    assert listed(rows_of(tmp_path / "out/records")) == ["1"]
    assert (run.totals["files"], [one["source"] for one in made]) == (1, [str(file)])


ODD_NAMES = [
    "a b.ndjson",
    "a?b",
    "axb",
    "a#b",
    "a%20b",
    "a%b",
    "é☃.ndjson",
    "[x].ndjson",
    "a*",
    "a::b",
    "x" * 240,
    ".a.b",
]
ODD_NAMES += ["a;b", "a'b", 'a"b', "a\nb", "-a", "~", "{a}", "a=1", "a\\b", "a:b", "c.tar.gz"]


def test_files_may_have_odd_names(things, tmp_path):
    for n, name in enumerate(ODD_NAMES):
        put(tmp_path / "raw" / name, of(n) + b"\n{}")
    for n, name in enumerate(ODD_NAMES):
        _, (made,) = ran([tmp_path / "raw" / name], tmp_path / f"out{n}", things)
        assert (made["source"], listed(rows_of(tmp_path / f"out{n}/records"))) == (
            str(tmp_path / "raw" / name),
            [str(n)],
        )
        assert [one["file"] for one in rows_of(tmp_path / f"out{n}/rejects")] == [str(tmp_path / "raw" / name)]
    ran([tmp_path / "raw"], tmp_path / "out", things)
    assert len(rows_of(tmp_path / "out/records")) == len(ODD_NAMES) - 1
    lines = (tmp_path / "out/manifest.jsonl").read_text("utf-8").splitlines()
    assert {json.loads(line)["source"] for line in lines} == {str(tmp_path / "raw" / one) for one in ODD_NAMES} - {
        str(tmp_path / "raw/.a.b")
    }


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8 are Linux's")
def test_a_name_may_be_no_text(things, tmp_path):
    (tmp_path / "raw").mkdir()
    name = os.fsencode(tmp_path / "raw") + b"/a\xff"
    put(Path(os.fsdecode(name)), ONE + b"\n{}")
    ran([tmp_path / "raw"], tmp_path / "out", things)
    assert listed(rows_of(tmp_path / "out/records")) == ["1"]
    assert rows_of(tmp_path / "out/rejects")[0]["file"].endswith("/raw/a\ufffd")
    run, again = ran([tmp_path / "raw"], tmp_path / "out", things, resume=True)
    assert (again, run.done) == ([], 1)


def test_files_of_one_name_in_several_folders_have_files_of_their_own(things, tmp_path):
    for n in range(3):
        put(tmp_path / f"raw/{n}/part.ndjson", of(n))
    ran([tmp_path / "raw"], tmp_path / "out", things)
    assert sorted(listed(rows_of(tmp_path / "out/records"))) == ["0", "1", "2"]
    assert len([*(tmp_path / "out/records").iterdir()]) == 3


def test_what_a_job_writes_is_no_source_of_it(things, tmp_path):
    put(tmp_path / "raw/a.ndjson")
    for _ in range(2):
        run, _ = ran([tmp_path / "raw"], tmp_path / "raw/out", things, resume=True)
        assert [one.url for one in run.files] == [str(tmp_path / "raw/a.ndjson")]
    put(tmp_path / "raw/out/more.ndjson", of(7))
    ran([tmp_path / "raw"], tmp_path / "raw/out", things, resume=True)
    assert sorted(listed(rows_of(tmp_path / "raw/out/records"))) == ["1", "7"]


@pytest.mark.parametrize("lost", ["nowhere", "nowhere/*.ndjson", "memory://nowhere", "memory://nowhere/*", "empty"])
def test_every_source_that_leads_nowhere_is_told_before_anything_is_done(lost, things, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "a.ndjson")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MapperError) as caught:
        ran(["a.ndjson", lost, "also nowhere"], tmp_path / "out", things)
    assert [one.code for one in caught.value.diagnostics] == ["W901", "W901"]
    assert lost in caught.value.diagnostics[0].message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "url", ["nope://x/y", "s3:/x", "memory://", "zip://x::memory://y", "https://user:secret@127.0.0.1:1/x?sig=secret"]
)
def test_a_url_that_cannot_be_read_is_told_without_credentials(url, things, tmp_path):
    with pytest.raises(MapperError) as caught:
        ran([url], tmp_path / "out", things)
    assert {one.code for one in caught.value.diagnostics} == {"W901"}
    assert "secret" not in str(caught.value)


def test_files_may_be_in_memory_and_go_there(things):
    memory = fsspec.filesystem("memory")
    memory.pipe({"/in/a.ndjson": of(1), "/in/b c.ndjson.gz": gzip.compress(of(2)), "/in/.x": of(3), "/in/d/_e": of(4)})
    memory.pipe({"/in/d/f": parquet(pa.table({"body": [of(5)]})), "/in/g?": of(6) + b"\n{}"})
    run, made = ran(["memory://in"], "memory://out", things)
    assert sorted(one["source"] for one in made) == [
        f"memory:///in/{n}" for n in ("a.ndjson", "b c.ndjson.gz", "d/f", "g?")
    ]
    tables = [pq.read_table(memory.open(name)) for name in memory.ls("/out/records", detail=False)]
    assert sorted(one for table in tables for one in table.column("id").to_pylist()) == ["1", "2", "5", "6"]
    assert len(memory.cat("/out/manifest.jsonl").splitlines()) == 4
    memory.pipe({"/in/a.ndjson": of(9)})
    run, made = ran(["memory://in"], "memory://out", things, resume=True)
    assert ([one["source"] for one in made], run.done) == (["memory:///in/a.ndjson"], 3)


@pytest.fixture
def served():
    """A server of files: plain, of unknown length, and one that stops in the middle."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"".join(of(n) + b"\n" for n in range(300)) + b"{}\n" * self.path.startswith("/odd")
            if self.path.startswith("/gone"):
                self.send_error(404)
                return
            self.send_response(200)
            if not self.path.startswith("/unknown"):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: 500 if self.path.startswith("/cut") else None])

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.skipif(not importlib.util.find_spec("aiohttp"), reason="sources at http need aiohttp")
def test_files_may_be_at_a_url(served, things, tmp_path):
    for path in ("plain?page=2", "unknown", "dir/"):
        run, _ = ran([f"http://user:secret@{served}/{path}"], tmp_path / path[0], things)
        assert len(rows_of(tmp_path / path[0] / "records")) == 300, run.failed
    run, made = ran([f"http://user:secret@{served}/cut?sig=secret"], tmp_path / "cut", things)
    assert (made, [one.code for one in run.failed]) == ([], ["W901"])
    assert "secret" not in run.failed[0].message
    assert rows_of(tmp_path / "cut/records") == []
    with pytest.raises(MapperError, match="W901"):
        ran([f"http://{served}/gone"], tmp_path / "gone", things)
    pages = [f"http://{served}/odd?page={n}&X-Amz-Signature=secret" for n in (1, 2)]
    ran(pages, tmp_path / "pages", things)
    assert len(rows_of(tmp_path / "pages/records")) == 600
    told = {one["file"] for one in rows_of(tmp_path / "pages/rejects")}
    assert told == {f"http://{served}/odd?page={n}&X-Amz-Signature=%5Bredacted%5D" for n in (1, 2)}
    assert "secret" not in (tmp_path / "pages/manifest.jsonl").read_text("utf-8")


def test_a_worker_with_another_current_folder_writes_to_the_same_place(things, tmp_path, monkeypatch):
    put(tmp_path / "a")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    run = Run(job.Job(mapper=things), ["a"], "out")

    def moved(job, files, folder, _):
        folder = pickle.loads(pickle.dumps(folder))
        monkeypatch.chdir(tmp_path / "elsewhere")
        yield from (job.attempt(one, folder) for one in files)

    assert [one["records_file"] for one in run.rows(moved)] == [f"records/{one.name}" for one in run.files]
    assert listed(rows_of(tmp_path / "out/records")) == ["1"]


# Rejects


def test_a_record_without_its_row_is_rejected_with_its_own_text(tmp_path):
    spec = FIELDS["spec"].replace("  remote_data: {type: object}\n", "")
    mapper = of_fields(tmp_path, {"id": "id", "count": "n", "at": "at"}, spec)
    replies = [{"data": [{"id": "1", "n": 2**63}, {"id": "2", "n": 1, "at": "2026-01-05T00:00:00.1234567Z"}]}]
    _, rejects, _ = mapped(tmp_path, replies, mapper)
    assert [(one["pointer"], json.loads(one["raw"])) for one in sorted(rejects, key=lambda one: one["raw"])] == [
        ("/count", {"id": "1", "count": 2**63}),
        ("/at", {"id": "2", "count": 1, "at": "2026-01-05T00:00:00.1234567Z"}),
    ]


def test_every_rejected_row_has_all_of_its_findings_also_of_pages_with_thousands(things, tmp_path):
    rows = [{"id": n, "count": "x", "is_open": 1, "times": ["soon"]} for n in range(1_100)]
    records, rejects, row = mapped(tmp_path, [{"data": [*rows, {"id": "ok"}]}], things)
    assert (listed(records), len(rejects)) == (["ok"], 1_100)
    assert [json.loads(one["raw"])["id"] for one in rejects] == [*range(1_100)]
    for number, one in enumerate(rejects):
        places = [one["pointer"], *(more["pointer"] for more in one["further"])]
        assert sorted(places) == [f"/data/{number}/{name}" for name in ("count", "id", "is_open", "times/0")]
        assert {one["code"], *(more["code"] for more in one["further"])} <= {"D401", "D402"}
        assert all(str(one["message"]) for one in (one, *one["further"]))
        assert "acme.yaml:" in one["place"]
    assert row["rejects_by_code"]["D401"]["count"] == 1_100


SHARED = (
    START
    + """\
  all:
    path_mapping: '"/things"'
    recognise: $exists(teams)
    for_each: {team: teams, row: members}
    let: {factor: $number($response.factor)}
    response_mapping: {id: $row.id, count: '$row.n * $factor', class: $team.class, level: $row.level}
"""
)


def test_a_problem_that_rows_share_is_told_with_each_of_them(tmp_path):
    mapper = of_fields(tmp_path, {}, head=SHARED)
    members = [{"id": "1", "n": 1}, {"id": "2", "n": 2, "level": 9}]
    good = {"class": "a", "members": members[:1]}
    bad = {"class": "c", "members": members}
    replies = [
        {"factor": "3", "teams": [good, bad, good]},
        {"factor": "x", "teams": [good, bad]},
        {"factor": "3", "teams": [{"class": "b", "members": [{"id": "3", "n": 2**62}]}]},
    ]
    records, rejects, _ = mapped(tmp_path, replies, mapper)
    assert [(one["id"], one["count"]) for one in records] == [("1", 3), ("1", 3)]
    told = [(one["page"], {one["pointer"], *(more["pointer"] for more in one["further"])}) for one in rejects]
    assert sorted(told, key=lambda one: (one[0], len(one[1]))) == [
        (1, {"/teams/1/class"}),
        (1, {"/teams/1/class", "/teams/1/members/1/level"}),
        (2, {"/factor"}),
        (2, {"/factor", "/teams/1/class"}),
        (2, {"/factor", "/teams/1/class", "/teams/1/members/1/level"}),
        (3, {"/count"}),
    ]
    assert [json.loads(one["raw"])["members"] for one in rejects if one["page"] < 3] == [
        members[:1], members[1:], members[:1], members[:1], members[1:]
    ]  # fmt: skip


def test_notes_are_counted_and_what_rejects_have_is_not(things, tmp_path):
    odd = {"id": "1", "name": {"_one": "x", "unknown": 1}}
    replies = [{"data": [odd, odd, {"id": 1}, *({"id": n} for n in range(1_100))]}, {"data": [{"id": "2"}]}]
    records, rejects, row = mapped(tmp_path, replies, things)
    assert (len(records), len(rejects)) == (3, 1_101)
    assert {code: about["count"] for code, about in row["notes"].items() if code[0] != "P"} == {"D403": 2}
    mapper = of_fields(tmp_path, {"id": "$uppercase(id)"})
    *_, row = mapped(tmp_path, replies, mapper)
    assert [code for code in row["notes"] if code[0] != "P"] == []
    assert row["rejects_by_code"]["T0410"]["count"] == 1_101


def test_rejects_have_no_credentials(tmp_path):
    reply = {"errors": ["no access with token-7f3a for key"], "requestId": "r"}
    line = {"r": reply, "status": 401, "context": {"time_zone": "UTC", "password": "token-7f3a"}}
    *_, row = mapped(tmp_path, [line], GONG, body="r", query=PERIOD)
    assert row["rejects"] == 1
    assert "token-7f3a" not in json.dumps(row)


def test_texts_of_rejects_can_be_written_whatever_a_reply_holds(things, tmp_path):
    replies = [b'{"data":[{"id":"1","class":"\\ud800"}]}', b'{"data":[{"id":"1","\\udfff":1,"level":"\\u0000"}]}']
    replies += [b'{"data":[{"id":"1","is_open":"\\ud800\\udfff\xf0\x9f\x98\x80"}]}', b'{"data":[{"id":{"\\ud800":1}}]}']
    records, rejects, _ = mapped(tmp_path, b"\n".join(replies), things)
    assert (records, len(rejects)) == ([], 4)
    assert all(one["message"] for one in rejects)


# Again


def test_only_what_is_not_done_or_has_changed_is_mapped_again(things, tmp_path):
    for n in range(3):
        put(tmp_path / f"raw/{n}", of(n))
    go = partial(ran, [tmp_path / "raw"], tmp_path / "out", things, resume=True)
    assert len(go()[1]) == 3
    run, made = go()
    assert (made, run.done, run.totals["records"]) == ([], 3, 3)
    put(tmp_path / "raw/1", of(7) + b"\n" + of(8))
    run, (made,) = go()
    assert (made["source"], made["records"], run.totals["records"]) == (str(tmp_path / "raw/1"), 2, 4)
    assert sorted(listed(rows_of(tmp_path / "out/records"))) == ["0", "2", "7", "8"]
    put(tmp_path / "raw/1", b"{}")
    assert go()[0].totals["rejects"] == 1
    put(tmp_path / "raw/1", of(9))
    go()
    assert rows_of(tmp_path / "out/rejects") == []
    for change in ({"query": "limit=1"}, {"context": {}}, {"account": "a"}):
        assert len(go(**change)[1]) == 3
        assert go(**change)[1] == []
    assert {one["integrated_account_id"] for one in rows_of(tmp_path / "out/records")} == {"a"}
    manifest = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text("utf-8").splitlines()]
    last = {one["source"]: one for one in manifest}
    assert {(one["records"], one["rejects"], one["replies"], one["rejects_file"]) for one in last.values()} == {
        (1, 0, 1, None)
    }


def test_a_mapping_that_has_changed_maps_all_files_again(tmp_path):
    put(tmp_path / "raw/1", of(1))
    for fields, done in (({"id": "id"}, 0), ({"id": "id"}, 1), ({"id": '"x" & id'}, 0)):
        mapper = of_fields(tmp_path, fields)
        run, _ = ran([tmp_path / "raw"], tmp_path / "out", mapper, resume=True)
        assert run.done == done
    assert listed(rows_of(tmp_path / "out/records")) == ["x1"]
    spec = FIELDS["spec"].replace("  a_b: {type: integer}\n", "")
    run, _ = ran([tmp_path / "raw"], tmp_path / "out", of_fields(tmp_path, {"id": '"x" & id'}, spec), resume=True)
    assert (run.done, "a_b" in rows_of(tmp_path / "out/records")[0]) == (0, False)


def test_a_failed_run_leaves_what_was_done_and_no_other_file(things, tmp_path):
    put(tmp_path / "raw/a", of(1))
    put(tmp_path / "raw/b", gzip.compress(of(2))[:-3])
    run, _ = ran([tmp_path / "raw"], tmp_path / "out", things)
    assert len(run.failed) == 1
    left = [one for one in (tmp_path / "out").rglob("*") if one.is_file()]
    assert sorted(one.parent.name for one in left) == ["out", "records"]
    put(tmp_path / "raw/b", gzip.compress(of(2)))
    run, made = ran([tmp_path / "raw"], tmp_path / "out", things, resume=True)
    assert (len(made), run.done, sorted(listed(rows_of(tmp_path / "out/records")))) == (1, 1, ["1", "2"])


# Readers


def with_duckdb(path):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB reads the result")
    query = """
        select count(*), sum(metrics.calls_hosted), count(distinct "user".id), sum(epoch_ms(start_time)),
        sum(cast(json_extract_string(remote_data, '$.userId') as bigint))
        from read_parquet(?)
    """
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        return tuple(map(int, connection.execute(query, [f"{path}/*.parquet"]).fetchone()))


def with_polars(path):
    pl = pytest.importorskip("polars", reason="Polars reads the result")
    found = pl.scan_parquet(f"{path}/*.parquet").select(
        pl.len(),
        pl.col("metrics").struct.field("calls_hosted").sum(),
        pl.col("user").struct.field("id").n_unique().alias("users"),
        pl.col("start_time").dt.epoch("ms").sum(),
        pl.col("remote_data").str.json_path_match("$.userId").cast(pl.Int64).sum(),
    )
    return tuple(map(int, found.collect().row(0)))


def with_pandas(path):
    pd = pytest.importorskip("pandas", reason="pandas reads the result")
    frame = pd.read_parquet(path)
    moments = frame["start_time"].map(lambda one: int(one.timestamp() * 1000))
    hosted = frame["metrics"].map(lambda one: one["calls_hosted"])
    users = frame["user"].map(lambda one: one["id"])
    raw = frame["remote_data"].map(lambda one: int(json.loads(one)["userId"]))
    return len(frame), int(hosted.sum()), users.nunique(), int(moments.sum()), int(raw.sum())


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """Files of weeks, mapped, and what a count over the raw replies gives."""
    folder, count = tmp_path_factory.mktemp("counted"), Counter()
    users = set()
    for number in range(3):
        replies = [
            test_map_bytes.page("by_period", users) | {"timeZone": "America/Los_Angeles"}
            for users in (2, 9, 4 + number)
        ]
        for reply in replies:
            reply["usersAggregateActivity"][0]["userAggregateActivity"].append({"fromDate": "soon"})
            for user in reply["usersAggregateActivity"]:
                for week in user["userAggregateActivity"][:2]:
                    count["records"] += 1
                    count["hosted"] += week["callsAsHost"]
                    count["start"] += int(dt.datetime.fromisoformat(week["fromDate"]).timestamp() * 1000)
                    count["raw"] += int(user["userId"])
                    users.add(user["userId"])
        put(folder / f"raw/{number}.ndjson.gz", gzip.compress(stored.lines(replies)))
    query = test_map_bytes.DAYS | {"aggregation_period": "week"}
    run, _ = ran([folder / "raw"], folder / "out", GONG, query=query, context=test_map_bytes.CONTEXT)
    assert (run.totals["rejects"], run.failed) == (9, [])
    return folder / "out/records", (count["records"], count["hosted"], len(users), count["start"], count["raw"])


@pytest.mark.parametrize("reader", [with_duckdb, with_polars, with_pandas], ids=lambda one: one.__name__[5:])
def test_readers_get_the_sums_of_a_count_over_the_raw_replies(reader, counted):
    path, wanted = counted
    assert reader(path) == wanted


@pytest.fixture
def bucket(monkeypatch):
    """An object store that speaks the protocol of S3."""
    server = pytest.importorskip("moto.server", reason="an object store of S3's protocol needs moto[server]")
    pytest.importorskip("s3fs", reason="and s3fs")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    files = fsspec.filesystem("s3", skip_instance_cache=True)
    files.mkdir("bulk")
    yield files
    running.stop()
    type(files).clear_instance_cache()


def test_sources_and_results_may_be_in_an_object_store(bucket, things):
    for n, name in enumerate(["a.ndjson", "b c.ndjson.gz", "d/e%20f#?.ndjson", "d/é", ".hidden", "d/_x"]):
        bucket.pipe(f"bulk/raw/{name}", gzip.compress(of(n)) if name.endswith("gz") else of(n) + b"\n{}")
    run, made = ran(["s3://bulk/raw"], "s3://bulk/out", things)
    assert (run.failed, run.totals["records"], run.totals["rejects"]) == ([], 4, 3)
    names = bucket.ls("bulk/out/records", detail=False)
    found = [one for name in names for one in pq.read_table(bucket.open(name)).column("id").to_pylist()]
    assert sorted(found) == ["0", "1", "2", "3"]
    assert len(bucket.cat("bulk/out/manifest.jsonl").splitlines()) == len(made) == 4
    bucket.pipe("bulk/raw/a.ndjson", of(7))
    run, (again,) = ran(["s3://bulk/raw/*"], "s3://bulk/out", things, resume=True)
    assert (again["source"], again["rejects"], run.totals["files"]) == ("s3://bulk/raw/a.ndjson", 0, 2)
    assert len(bucket.ls("bulk/out/rejects", detail=False)) == 2
    with pytest.raises(MapperError, match="W901"):
        ran(["s3://bulk/nowhere"], "s3://bulk/other", things)
