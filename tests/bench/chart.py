"""The chart of the README: how long each engine takes for a page of 100 users, against ours, on a log scale."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from engines import ON_PAGES
from results import Timing, figure

WIDTH, LEFT, RIGHT = 760, 236, 96
TOP, GROUP, BAR, FOOT = 86, 44, 15, 30

TITLE = "Time to map and validate a page of 100 users"
LEGEND = {"aggregate": "one record a user", "by-period": "four weeks a user"}

STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .quiet { font-size: 12px; fill: #59636e; }
  .bold { font-weight: 600; }
  line { stroke: #59636e; stroke-opacity: .22; }
  .unit { stroke-opacity: .9; stroke-dasharray: 3 3; }
  .aggregate { fill: #1971a3; }
  .by-period { fill: #86bfdc; }
  .ours.aggregate { fill: #d9480f; }
  .ours.by-period { fill: #f4a27c; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    line { stroke: #9198a1; }
    .aggregate { fill: #4cb3e0; }
    .by-period { fill: #1f6285; }
    .ours.aggregate { fill: #ff8f4d; }
    .ours.by-period { fill: #a4542a; }
  }
"""


@dataclass(frozen=True)
class Scale:
    """Powers of ten, from the first at or below all ratios to the first at or above."""

    low: int
    high: int

    @classmethod
    def of(cls, ratios: Sequence[float]) -> "Scale":
        return cls(min(-1, floor(log10(min(ratios)))), max(1, ceil(log10(max(ratios)))))

    def x(self, ratio: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (log10(ratio) - self.low) / (self.high - self.low)


def svg(timings: Sequence[Timing]) -> str:
    """Two bars an engine, one a kind of page; the quickest engine first."""
    bars = {e.name: {t.kind: t.ratio(e.name, "ours") for t in timings if e.name in t.samples} for e in ON_PAGES}
    names = sorted((name for name in bars if bars[name]), key=lambda name: min(bars[name].values()))
    scale = Scale.of([ratio for name in names for ratio in bars[name].values()])
    bottom = TOP + GROUP * len(names)
    lines = [*heading(), *grid(scale, bottom)]
    for number, name in enumerate(names):
        lines += group(name, bars[name], TOP + GROUP * number, scale)
    return "\n".join([opening(bottom + FOOT), f"<style>{STYLE}</style>", *lines, "</svg>\n"])


def opening(height: int) -> str:
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{TITLE}">'


def heading() -> Iterator[str]:
    yield text(16, 28, TITLE, "title")
    yield text(16, 49, "against truto-mapper = 1, on a log scale; shorter is faster", "quiet")
    for number, (kind, label) in enumerate(LEGEND.items()):
        x = LEFT + 160 * number
        yield f'<rect class="{kind}" x="{x}" y="60" width="11" height="11" rx="2"/>'
        yield text(x + 17, 70, label, "quiet")


def grid(scale: Scale, bottom: int) -> Iterator[str]:
    for power in range(scale.low, scale.high + 1):
        x, unit = scale.x(10**power), ' class="unit"' if power == 0 else ""
        yield f'<line{unit} x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>'
        yield text(x, bottom + 18, f"{10.0**power:,g} ×", "quiet", "middle")


def group(name: str, ratios: dict[str, float], top: int, scale: Scale) -> Iterator[str]:
    label = next(engine.label for engine in ON_PAGES if engine.name == name)
    yield text(LEFT - 12, top + BAR + 5, label, "bold" if name == "ours" else "", "end")
    for number, kind in enumerate(kind for kind in LEGEND if kind in ratios):
        y, end = top + (BAR + 1) * number, scale.x(ratios[kind])
        mark = f"{kind} ours" if name == "ours" else kind
        yield f'<rect class="{mark}" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" rx="2"/>'
        yield text(WIDTH - 16, y + 12, f"{figure(ratios[kind])} ×", "quiet", "end")


def text(x: float, y: float, said: str, mark: str = "", anchor: str = "start") -> str:
    return f'<text class="{mark}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(said)}</text>'
