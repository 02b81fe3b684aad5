"""Stored replies, odd in many ways at once: bulk writes what `map` gives, and each row is a record or a reject."""

import bz2
import gzip
import json
import shutil
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import stored
import test_map_bytes
from random_mappings import ArrayDrawn, Drawn, JoinedDrawn

from truto_mapper import MapperError, load
from truto_mapper.text.source import SURROGATE

PACKINGS = [
    lambda text: text,
    gzip.compress,
    bz2.compress,
    lambda text: pa.compress(text, "zstd", asbytes=True),
    lambda text: gzip.compress(text[: len(text) // 2]) + gzip.compress(text[len(text) // 2 :]),
]
ENDS = [b"\n", b"\r\n", b"\n\n", b" \n"]
#: In place of a number of a reply.
NUMBERS = [b"1.0", b"9007199254740993", b"18446744073709551616", b"-9223372036854775808", b"1e300", b"0.1", b"-0.0"]
NUMBERS += [b"0.30000000000000000000000000001", b"123456789.123456789123", b"1e-400", b"5e-324", b"1E2", b"2e0"]
#: In place of a time.
MOMENTS = ["2026-01-05T00:00:00.123456789Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9-00:01"]
MOMENTS += ["2026-01-05t00:00:00z", "2026-01-05T00:00:00.1000000-23:59", "1969-12-31T23:59:59.9999990Z"]


@cache
def gong():
    return load("gong/activity")


def check(rng):
    """One try."""
    folder = Path(tempfile.mkdtemp(prefix="bulk-tries-"))
    try:
        if rng.random() < 0.7:
            drawn, options = rng.choice([Drawn, ArrayDrawn, JoinedDrawn])(rng), {}
            try:
                mapper = drawn.mapper(folder)
            except MapperError:
                return
            replies = [stored.written(drawn.reply()) for _ in range(rng.randrange(1, 6))]
        else:
            kind = rng.choice(["aggregate", "by_period"])
            mapper, pages = gong(), [test_map_bytes.page(kind, rng.randrange(6)) for _ in range(rng.randrange(1, 5))]
            replies = [stored.written(one) for one in pages]
            days = test_map_bytes.DAYS | {"aggregation_period": test_map_bytes.PERIODS[kind]}
            options = rng.choice([{}, {"query": days, "context": test_map_bytes.CONTEXT}])
        if mapper is not gong() and rng.random() < 0.3:
            compare_rows(rng, folder, mapper, [stored.written(drawn.row(len(drawn.for_each) - 1)) for _ in range(40)])
            return
        replies = [spoiled(rng, one) for one in replies]
        compare(rng, folder, mapper, [one for one in replies if one.strip() and b"\n" not in one], options)
    finally:
        shutil.rmtree(folder)


def spoiled(rng, reply):
    """A reply with odd bytes in some places."""
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        kind = rng.random()
        if kind < 0.4:
            reply = replaced(rng, reply, b'"20', lambda: json.dumps(rng.choice(MOMENTS)).encode(), ends=b'"')
        elif kind < 0.7:
            reply = replaced(rng, reply, b": ", lambda: rng.choice(NUMBERS), skips=2, ends=b",}]")
        elif kind < 0.85:
            reply = replaced(rng, reply, b": ", lambda: rng.choice(test_map_bytes.HOSTILE), skips=2, ends=b",}]")
        elif reply:
            at = rng.randrange(len(reply))
            reply = reply[:at] + rng.choice([b"", b'"', b"{", b"\xff", b"\\ud800", b"null"]) + reply[at + 1 :]
    return reply


def replaced(rng, text, mark, make, *, skips=0, ends):
    """A text with what follows one of its marks replaced, up to the first of the ends."""
    places = [n for n in range(len(text)) if text.startswith(mark, n)]
    if not places:
        return text
    start = rng.choice(places) + skips
    stop = next((n for n in range(start + 1, len(text)) if text[n : n + 1] in ends), len(text))
    return text[:start] + make() + text[stop + (ends == b'"') :]


def compare(rng, folder, mapper, replies, options):
    """Hold that bulk writes the records of `map`, and rejects all other rows, whatever the file is packed in."""
    job, content, numbers = dict(options), None, {}
    form = rng.choice(["lines", "lines", "members", "parquet"])
    if form == "members" and all(map(is_json, replies)):
        lines = [b'{"x":[1],"the reply":%s,"account":"a"}' % one for one in replies]
        job["body"] = "the reply"
    else:
        lines = replies
    if form == "parquet":
        kind = rng.choice([pa.binary(), pa.large_binary(), pa.binary_view()])
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"r": pa.array(replies, kind)}), sink, row_group_size=2)
        content = sink.getvalue().to_pybytes()
    else:
        end = rng.choice(ENDS)
        content = rng.choice(PACKINGS)(end.join(lines) + rng.choice([end, b""]))
        numbers = {n * (2 if end == b"\n\n" else 1) + 1: n for n in range(len(replies))}
    if not replies or (form != "parquet" and replies[0].strip() in (b"{", b"[")):
        return
    records, rejects, row = stored.mapped(folder, content, mapper, **job)
    wanted, counts = stored.expected(mapper, replies, **options)
    stored.are_equal(mapper, records, wanted)
    found = Counter(numbers.get(one["page"], one["page"] - 1) for one in rejects)
    assert found == Counter({n: count for n, count in enumerate(counts) if count}), (found, counts)
    assert (row["records"], row["rejects"], row["replies"]) == (len(records), len(rejects), len(replies))
    for one in rejects:
        assert one["message"]
        assert one["raw"]
        assert not SURROGATE.search(one["raw"])


def compare_rows(rng, folder, mapper, rows):
    """Hold that rows that are stored alone give what each gives as the only row of a reply."""
    try:
        frame = mapper.stored.frame("all")
    except MapperError:
        return
    rows = [one for one in (spoiled(rng, row) for row in rows) if one.strip() and b"\n" not in one]
    records, rejects, row = stored.mapped(folder, b"\n".join(rows), mapper, rows="all")
    wanted, counts = [], []
    for one in rows:
        made, (count,) = stored.expected(mapper, [frame.before + one + frame.after]) if is_json(one) else ([], [1])
        wanted += made
        counts.append(count)
    stored.are_equal(mapper, records, wanted)
    found = Counter(one["page"] - 1 for one in rejects)
    assert found == Counter({n: count for n, count in enumerate(counts) if count}), (found, counts)
    assert row["replies"] == len(rows)


def is_json(text):
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return b"NaN" not in text and b"Infinity" not in text
