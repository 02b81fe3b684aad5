"""The measurements, and the targets they are judged by."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from rounds import ratio

ROWS = {"aggregate": 1, "by-period": 4}  # unified records a user
SIZES = (100, 1_000, 10_000)  # users: cost should grow in proportion to the page


@dataclass(frozen=True)
class Timing:
    """One page: each engine's seconds a run, round by round, and a remark on each engine that was not timed."""

    kind: str
    users: int
    samples: dict[str, list[float]]
    remarks: dict[str, str]

    def record(self, name: str) -> float:
        """Microseconds a unified record."""
        return median(self.samples[name]) / (self.users * ROWS[self.kind]) * 1e6

    def ratio(self, name: str, other: str) -> float | None:
        known = name in self.samples and other in self.samples
        return ratio(self.samples[name], self.samples[other]) if known else None


@dataclass(frozen=True)
class Growth:
    """Ours and by hand at growing pages: seconds a run, bytes at the peak of mapping and of the whole process."""

    samples: dict[tuple[str, int], list[float]]
    mapping: dict[tuple[str, int], int]
    process: dict[tuple[str, int], int]

    def time(self, name: str, users: int) -> float:
        """Time a record, against that of the smallest page."""
        first = SIZES[0]
        return ratio(self.samples[name, users], self.samples[name, first]) * first / users

    def memory(self, name: str, users: int) -> float:
        """Bytes a record, against those of the smallest page."""
        first = SIZES[0]
        return self.mapping[name, users] / self.mapping[name, first] * first / users


@dataclass
class Results:
    timings: list[Timing] = field(default_factory=list)
    starts: dict[str, list[float]] = field(default_factory=dict)
    growth: Growth | None = None

    def at(self, users: int) -> list[Timing]:
        return [timing for timing in self.timings if timing.users == users]

    def start(self, name: str) -> float:
        """CPU milliseconds of a fresh process with its first page: the least of all rounds."""
        return min(self.starts[name]) * 1e3


def figure(number: float) -> str:
    """A number in three digits, or all those before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


@dataclass(frozen=True)
class Verdict:
    what: str
    target: str
    figure: float
    met: bool


def at_most(what: str, figure: float | None, limit: float, aim: str = "") -> Iterator[Verdict]:
    if figure is not None:
        yield Verdict(what, f"≤ {limit:g}{aim}", figure, figure <= limit)


def at_least(what: str, figure: float | None, limit: float) -> Iterator[Verdict]:
    if figure is not None:
        yield Verdict(what, f"≥ {limit:g}", figure, figure >= limit)


def verdicts(results: Results) -> list[Verdict]:
    """Every target whose figure was measured."""
    found = [verdict for timing in results.at(100) for verdict in of_a_full_page(timing)]
    for timing in results.at(1):
        found += at_most(f"{timing.kind}, 1 user: ours / by hand", timing.ratio("ours", "hand"), 4)
    if results.starts:
        for name, limit in (("cache", 70), ("no cache", 200)):
            found += at_most(f"first page, {name}: ms of CPU", results.start(f"pyc, {name}"), limit)
    if results.growth:
        found += of_growth(results.growth)
    return found


def of_a_full_page(timing: Timing) -> Iterator[Verdict]:
    page = f"{timing.kind}, 100 users"
    yield from at_most(f"{page}: ours / by hand", timing.ratio("ours", "hand"), 1.5, ", aim 1.25")
    for name, label, limit in (
        ("jsonata-python", "jsonata-python + jsonschema", 150),
        ("jlens", "jlens + jsonschema-rs", 4),
        ("node", "Node's jsonata + ajv", 20),
    ):
        yield from at_least(f"{page}: {label} / ours", timing.ratio(name, "ours"), limit)


def of_growth(growth: Growth) -> Iterator[Verdict]:
    """Linear: a record of a large page costs what it costs on a small one, as far as it does for code by hand.

    Python's collector and the machine's caches are slower with 10,000 records at hand, whoever makes them.
    """
    last = SIZES[-1]
    time = growth.time("ours", last) / growth.time("hand", last)
    yield from at_most(f"time a record, {last:,} users / 100, over the same by hand", time, 1.25)
    yield from at_most(f"memory a record, {last:,} users / 100", growth.memory("ours", last), 1.25)
