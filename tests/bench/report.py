"""The results as Markdown."""

import platform
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version

from engines import ENGINES
from results import ROWS, SIZES, Growth, Results, Timing, figure, verdicts

PEERS = ("jsonata-python", "jsonschema", "jlens", "jsonschema-rs", "jsonata2py", "fastjsonschema", "orjson", "pydantic")


def markdown(results: Results, node: str) -> str:
    """Everything that was measured, the targets first."""
    return "\n".join(["# Benchmark", "", about(node), "", *sections(results)])


def about(node: str) -> str:
    return (
        f"Medians of interleaved rounds in one run of `tests/bench/run.py`: only the ratios mean anything.\n"
        f"Python {platform.python_version()}, {node}, {', '.join(installed())}."
    )


def installed() -> Iterator[str]:
    for name in PEERS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


def sections(results: Results) -> Iterator[str]:
    if judged := verdicts(results):
        yield "## Targets\n"
        rows = [(v.what, f"{figure(v.figure)}", v.target, "yes" if v.met else "**no**") for v in judged]
        yield from table(("", "measured", "target", "met"), rows)
    for kind in ROWS:
        yield from speed(kind, [timing for timing in results.timings if timing.kind == kind])
    if results.starts:
        yield from cold(results)
    if results.growth:
        yield from growing(results.growth)


def speed(kind: str, timings: list[Timing]) -> Iterator[str]:
    if not timings:
        return
    yield f"## {kind}, {'one record' if ROWS[kind] == 1 else f'{ROWS[kind]} records'} a user\n"
    yield "Time against ours, and microseconds a record; more than 1 is slower than ours.\n"
    names = {name for timing in timings for name in (*timing.samples, *timing.remarks)}
    rows = [(e.label, *(cell(timing, e.name) for timing in timings)) for e in ENGINES if e.name in names]
    yield from table(("", *(users(timing.users) for timing in timings)), rows)
    yield from remarks(timings)


def cell(timing: Timing, name: str) -> str:
    if name not in timing.samples:
        return "—"
    return f"{figure(timing.ratio(name, 'ours'))} ({figure(timing.record(name))} µs)"


def remarks(timings: list[Timing]) -> Iterator[str]:
    """Each remark once, with the pages it was made on."""
    found: dict[tuple[str, str], list[str]] = {}
    for timing in timings:
        for name, remark in timing.remarks.items():
            found.setdefault((name, remark), []).append(users(timing.users))
    for (name, remark), pages in found.items():
        yield f"- {name} ({', '.join(pages)}): {remark}"
    yield from [""] if found else []


def cold(results: Results) -> Iterator[str]:
    yield "## First page\n"
    yield "CPU milliseconds of a fresh process that loads `gong/activity` and maps one user: the least of all rounds.\n"
    rows = [
        (label, *(f"{results.start(f'{name}, {cache}'):.0f}" for cache in ("cache", "no cache")))
        for name, label in (("pyc", "with .pyc"), ("plain", "without the package's .pyc"))
    ]
    yield from table(("", "from the cache", "`cache=False`"), rows)
    yield f"Python alone takes {results.start('python'):.0f}.\n"


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
