"""The measurements, and the targets they are judged by."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from rounds import ratio

ROWS = {"aggregate": 1, "by-period": 4}  # unified records a user
SIZES = (100, 1_000, 10_000)  # users: cost should grow in proportion to the page
CALLS = ("map", "map_bytes")
COLLECTED = ("ours-orjson", "map-bytes")


@dataclass(frozen=True)
class Timing:
    """One page: each engine's seconds a run, round by round, and a remark on each engine that was not timed."""

    kind: str
    users: int
    samples: Mapping[Hashable, list[float]]
    remarks: dict[str, str] = field(default_factory=dict)

    def record(self, name: Hashable) -> float:
        """Microseconds a unified record: the least of all rounds."""
        return min(self.samples[name]) / (self.users * ROWS[self.kind]) * 1e6

    def ratio(self, name: Hashable, other: Hashable) -> float | None:
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
    pages: list[Timing] = field(default_factory=list)
    bytes: list[Timing] = field(default_factory=list)
    uneven: list[Timing] = field(default_factory=list)
    collector: list[Timing] = field(default_factory=list)
    starts: dict[str, list[float]] = field(default_factory=dict)
    growth: Growth | None = None

    def start(self, name: str) -> float:
        """CPU milliseconds of a fresh process with its first page: the least of all rounds."""
        return min(self.starts[name]) * 1e3


def at(timings: list[Timing], users: int) -> list[Timing]:
    return [timing for timing in timings if timing.users == users]


def figure(number: float) -> str:
    """A number in three digits, or all those before the point."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
