"""The results as Markdown."""

import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from collector import STATES
from engines import ON_PAGES, Engine
from results import CALLS, COLLECTED, ROWS, SIZES, Growth, Results, Timing, figure
from targets import Target, reasons, targets
from through import ON_BYTES
from uneven import SPOILED

PEERS = (
    "jsonata-python", "jsonschema", "jlens", "jsonschema-rs", "jsonata2py", "fastjsonschema", "orjson", "msgspec"
)  # fmt: skip
TARGETS = ("", *ROWS, "target")


def markdown(results: Results, engines: Iterable[Engine], node: str) -> str:
    """Everything that was measured, the targets first."""
    return "\n".join(["# Benchmark", "", about(node), "", *sections(results, list(engines))])


def about(node: str) -> str:
    return (
        "One run of `tests/bench/run.py`: CPU time of the thread, and the least of interleaved rounds.\n"
        "Only the ratios mean anything on another machine. Every engine's output is compared before it is timed.\n\n"
        f"Python {sys.version}, {node}, {', '.join(installed())}."
    )


def installed() -> Iterator[str]:
    for name in PEERS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def sections(results: Results, engines: list[Engine]) -> Iterator[str]:
    if judged := targets(results):
        yield "## Targets\n"
        yield from bounds(judged)
    for kind in ROWS:
        yield from speed("", of(kind, results.pages), ON_PAGES)
    for kind in ROWS:
        yield from speed("Bytes to bytes, ", of(kind, results.bytes), engines)
    yield from uneven(results.uneven)
    yield from collector(results.collector)
    if results.starts:
        yield from first_pages(results)
    if results.growth:
        yield from growing(results.growth)


def short(results: Results) -> str:
    """What the README says."""
    return "\n".join(bounds([target for target in targets(results) if target.short]))


def bounds(judged: list[Target]) -> Iterator[str]:
    yield from table(TARGETS, [target.row() for target in judged])
    yield "A figure in bold misses its target.\n"
    if said := reasons(judged):
        yield from (*said, "")


def of(kind: str, timings: list[Timing]) -> list[Timing]:
    return [timing for timing in timings if timing.kind == kind]


def speed(what: str, timings: list[Timing], engines: Iterable[Engine]) -> Iterator[str]:
    """The first engine is ours, and 1."""
    if not timings:
        return
    first, kind = next(iter(engines)), timings[0].kind
    yield f"## {what}{kind}, {'one record' if ROWS[kind] == 1 else f'{ROWS[kind]} records'} a user\n"
    yield f"Time against {first.label}, and microseconds a record; more than 1 is slower.\n"
    names = {name for timing in timings for name in (*timing.samples, *timing.remarks)}
    rows = [(e.label, *(cell(t, e.name, first.name) for t in timings)) for e in engines if e.name in names]
    yield from table(("", *(users(timing.users) for timing in timings)), rows)
    yield from remarks(timings)


def cell(timing: Timing, name: str, first: str) -> str:
    if name not in timing.samples:
        return "—"
    return f"{figure(timing.ratio(name, first))} ({figure(timing.record(name))} µs)"


def remarks(timings: list[Timing]) -> Iterator[str]:
    """Each remark once, with the pages it was made on."""
    found: dict[tuple[str, str], list[str]] = {}
    for timing in timings:
        for name, remark in timing.remarks.items():
            found.setdefault((name, remark), []).append(users(timing.users))
    for (name, remark), pages in found.items():
        yield f"- {name} ({', '.join(pages)}): {remark}"
    yield from [""] if found else []


def uneven(timings: list[Timing]) -> Iterator[str]:
    if not timings:
        return
    yield "## Odd and invalid rows\n"
    yield (
        'Time of a page of 100 users against the same page without them, `on_invalid="discard_record"`. An odd row is\n'
        "valid: one of its counts is null, another absent. An invalid row has a text for a count.\n"
    )
    rows = [(f"{t.kind}, `{call}`", f"{figure(t.record((call, 'clean')))} µs a record", *ratios(t, call))
            for t in timings for call in CALLS]  # fmt: skip
    yield from table(("", "none", *SPOILED), rows)


def ratios(timing: Timing, call: str) -> Iterator[str]:
    for name in SPOILED:
        ratio = figure(timing.ratio((call, name), (call, "clean")))
        yield f"{ratio} ({figure(timing.record((call, name)))} µs)" if name == "all invalid" else ratio


def collector(timings: list[Timing]) -> Iterator[str]:
    if not timings:
        return
    yield "## The garbage collector\n"
    yield (
        "Bytes to bytes for 10,000 users, against the collector as it is: after `gc.collect(); gc.freeze()` once\n"
        "everything is loaded, and with `gc.disable()`.\n"
    )
    labels = {engine.name: engine.label for engine in ON_BYTES}
    rows = [
        (f"{t.kind}: {labels[name]}", f"{figure(t.record((name, 'enabled')))} µs a record",
         *(figure(t.ratio((name, state), (name, "enabled"))) for state in list(STATES)[1:]))
        for t in timings for name in COLLECTED
        if (name, "enabled") in t.samples
    ]  # fmt: skip
    yield from table(("", *STATES), rows)


def first_pages(results: Results) -> Iterator[str]:
    yield "## First page\n"
    yield "CPU milliseconds of a fresh process that loads `gong/activity` and maps one user: the least of all rounds.\n"
    rows = [
        (label, *(f"{results.start(f'{name}, {cache}'):.0f}" for cache in ("cache", "no cache")))
        for name, label in (("pyc", "with .pyc"), ("plain", "without the package's .pyc"))
    ]
    yield from table(("", "from the cache", "`cache=False`"), rows)
    earlier = f", the earlier commit {results.start('before'):.0f}" if "before" in results.starts else ""
    yield f"Python alone takes {results.start('python'):.0f}{earlier}.\n"


def growing(growth: Growth) -> Iterator[str]:
    yield "## Growth, aggregate\n"
    yield "A record's time and peak memory while mapping, against those of a page of 100; the whole process's peak.\n"
    rows = [(users(size), *(grown(growth, name, size) for name in ("ours", "hand"))) for size in SIZES]
    yield from table(("", "ours: time, memory, process", "by hand: time, memory, process"), rows)


def grown(growth: Growth, name: str, size: int) -> str:
    each = growth.mapping[name, size] / size
    whole = growth.process[name, size] / 2**20
    return f"{growth.time(name, size):.2f}, {growth.memory(name, size):.2f} ({each:,.0f} B), {whole:.0f} MiB"


def users(count: int) -> str:
    return "1 user" if count == 1 else f"{count:,} users"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---", *("---:" for _ in lines[0][1:])])
    for line in lines:
        yield f"| {' | '.join(line)} |"
    yield ""
