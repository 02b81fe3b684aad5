"""Bulk never loses, doubles, rounds or guesses a value: what is read back from Parquet is what `map` gives."""

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="bulk needs pyarrow")
pytest.importorskip("fsspec", reason="bulk needs fsspec")

import pyarrow as pa
import pyarrow.parquet as pq
import test_map_bytes
from random_mappings import ArrayDrawn, Drawn, JoinedDrawn
from stored import are_equal, expected, mapped, written

from truto_mapper import MapperError, load
from truto_mapper.authoring import golden
from truto_mapper.authoring.golden import cases

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

    @settings(max_examples=80, phases=QUICK)
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
    assert count["records"] > 200
    assert count["rejects"] > 50


#: The mappings with golden cases of replies that are lists.
MAPPINGS = [*golden.mappings(str(ROOT / "mappings")), *golden.mappings(str(ROOT / "examples/mappings"))]


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
