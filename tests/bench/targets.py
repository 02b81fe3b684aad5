"""The targets, and whether they are met."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from results import CALLS, ROWS, SIZES, Growth, Results, Timing, at, figure

PEERS = (
    ("jsonata-python", "jsonata-python + jsonschema", 150),
    ("jlens", "jlens + jsonschema-rs", 4),
    ("node", "Node's jsonata + ajv", 20),
)
CHECKS = "`map` checks every value; code by hand checks nothing."
ONCE = "A page of one user bears alone what is made once a page."
REBUILT = "`map_bytes` rebuilds each row of by-period around the bytes of its one week."
AGAIN = "An invalid row is mapped a second time, expression by expression, to say exactly what is wrong and where."
IMPORTS = "Most of a first page is the import of Python modules."
#: CPU milliseconds of a first page of commit 1fd6ade, where the bounds of first pages were set.
BEFORE = 250


@dataclass(frozen=True)
class Target:
    """A bound for a figure of each kind of page, or for one figure of them all. `why` says what keeps it from less.

    `limits` has one number, or one a kind. `short` marks what the README says.
    """

    what: str
    figures: tuple[float | None, ...]
    limits: tuple[float, ...]
    least: bool = False
    unit: str = ""
    why: str = ""
    short: bool = False

    def row(self) -> Iterator[str]:
        yield self.what
        yield from map(self.cell, self.figures, self.met())
        yield from [""] * (len(ROWS) - len(self.figures))
        yield f"{'≥' if self.least else '≤'} {' and '.join(f'{limit:g}' for limit in self.limits)}{self.unit}"

    def cell(self, found: float | None, met: bool) -> str:
        said = "" if found is None else figure(found) + self.unit
        return said if met else f"**{said}**"

    def met(self) -> list[bool]:
        limits = self.limits * (len(self.figures) // len(self.limits))
        return [
            found is None or (found >= limit if self.least else found <= limit)
            for found, limit in zip(self.figures, limits, strict=True)
        ]


def targets(results: Results) -> list[Target]:
    """Every target of which something was measured."""
    found = [*of_pages(results.pages), *of_bytes(results.bytes), *of_uneven(results.uneven)]
    found += [*of_starts(results), *(of_growth(results.growth) if results.growth else ())]
    return [target for target in found if any(figure is not None for figure in target.figures)]


def reasons(judged: Iterable[Target]) -> list[str]:
    """A sentence on what misses its target, each once."""
    return list(dict.fromkeys(f"- {target.why}" for target in judged if target.why and not all(target.met())))


def each(timings: list[Timing], of: Callable[[Timing], float | None]) -> tuple[float | None, ...]:
    """A figure for each kind."""
    by_kind = {timing.kind: of(timing) for timing in timings}
    return tuple(by_kind.get(kind) for kind in ROWS)


def ratios(timings: list[Timing], users: int, name: str, other: str) -> tuple[float | None, ...]:
    return each(at(timings, users), lambda timing: timing.ratio(name, other))


def of_pages(timings: list[Timing]) -> Iterator[Target]:
    for users, said, limits, why in ((100, "100 users", (1.5, 0.97), CHECKS), (1, "1 user", (2.2,), ONCE)):
        found = ratios(timings, users, "ours", "hand")
        yield Target(f"`map`, {said} / by hand without checks", found, limits, why=why, short=True)
    for name, label, limit in PEERS:
        yield Target(f"{label} / `map`, 100 users", ratios(timings, 100, name, "ours"), (limit,), least=True)


def of_bytes(timings: list[Timing]) -> Iterator[Target]:
    found = ratios(timings, 100, "map-bytes", "hand-orjson")
    what = "`map_bytes`, 100 users / by hand without checks, with orjson"
    yield Target(what, found, (0.75,), why=REBUILT, short=True)
    for users, said, limit in ((100, "100 users", 0.55), (1, "1 user", 0.45)):
        found = ratios(timings, users, "map-bytes", "before")
        yield Target(
            f"`map_bytes`, {said} / the earlier commit with orjson", found, (limit,), why=ONCE if users == 1 else ""
        )


def of_uneven(timings: list[Timing]) -> Iterator[Target]:
    for call in CALLS:
        found = each(timings, lambda timing: timing.ratio((call, "1 % invalid"), (call, "clean")))  # noqa: B023
        yield Target(f"`{call}`, 1 invalid row in 100 / none", found, (1.5,), why=AGAIN, short=True)
        found = each(timings, lambda timing: timing.record((call, "all invalid")))  # noqa: B023
        yield Target(f"`{call}`, all rows invalid: a row", found, (15,), unit=" µs")


def of_starts(results: Results) -> Iterator[Target]:
    """The bounds are milliseconds on a machine on which the earlier commit takes 250: they hold against that."""
    pairs = (("cache", "from the cache", 70), ("no cache", "with `cache=False`", 200))
    for name, label, limit in pairs if results.starts else ():
        what, found = f"first page of a process, {label}", results.start(f"pyc, {name}")
        if "before" in results.starts:
            part = found / results.start("before")
            yield Target(f"{what} / the earlier commit", (part,), (limit / BEFORE,), why=IMPORTS, short=True)
        else:
            yield Target(f"{what}: CPU time", (found,), (limit,), unit=" ms", why=IMPORTS, short=True)


def of_growth(growth: Growth) -> Iterator[Target]:
    """Linear: a record of a large page costs what it costs on a small one, as far as it does for code by hand.

    Python's collector and the machine's caches are slower with 10,000 records at hand, whoever makes them.
    """
    last = SIZES[-1]
    time = growth.time("ours", last) / growth.time("hand", last)
    yield Target(f"time a record, {last:,} users / 100, over the same by hand", (time,), (1.25,))
    yield Target(f"memory a record, {last:,} users / 100", (growth.memory("ours", last),), (1.25,))
