"""Bulk never loses, doubles, rounds or guesses a value: what is read back from Parquet is what `map` gives."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

pytest.importorskip("pyarrow", reason="bulk needs pyarrow")
pytest.importorskip("fsspec", reason="bulk needs fsspec")

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


def stored_cases():
    for mapping in [*golden.mappings(str(ROOT / "mappings")), *golden.mappings(str(ROOT / "examples/mappings"))]:
        for folder in golden.folders(mapping):
            case = cases.read(folder)
            if case.payload is not None and case.settings.method in (None, "list"):
                yield pytest.param(mapping, case, id=f"{mapping.stem}/{folder.name}")
