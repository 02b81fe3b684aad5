"""How fast truto-mapper is, against code by hand and against other engines, in interleaved rounds.

`pip install -e '.[bench]'` has the Python peers and `npm ci --prefix tests/bench` the Node ones; a missing one is
named and left out. Each engine's reply is compared with ours before it is timed.
"""

import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from time import perf_counter

import chart
import collector
import pages
import processes
import report
import through
import uneven
from admission import NO_DAY, UnfitError, admitted, is_lenient
from elsewhere import Elsewhere
from engines import ON_PAGES, Engine, Here, ours
from results import SIZES, Growth, Results, Timing, at
from rounds import interleaved

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
SECTIONS = ("pages", "bytes", "uneven", "collector", "first-page", "growth")
STARTED = perf_counter()
STARTS = 10  # fresh processes of each kind, at least


def main(arguments: list[str]) -> None:
    options = parsed(arguments)
    engines = [*through.ON_BYTES, *([through.before(options.before)] if options.before else [])]
    results = measured(options, engines)
    said = report.markdown(results, engines, node_version())
    sys.stdout.write(said)
    if options.write:
        (HERE / "RESULTS.md").write_text(said, "utf-8")
        (HERE / "chart.svg").write_text(chart.svg(at(results.pages, 100)), "utf-8")
        README.write_text(with_figures(README.read_text("utf-8"), report.short(results)), "utf-8")


def parsed(arguments: list[str]) -> Namespace:
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds a page (15); slow engines have fewer")
    parser.add_argument("--users", type=sizes, default=[1, 100, 10_000], help="users a page: 1,100,10000")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=SECTIONS, help=", ".join(SECTIONS))
    parser.add_argument("--before", type=Path, help="a checkout of an earlier commit, to compare with")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md, chart.svg and the README's figures")
    options = parser.parse_args(arguments)
    if options.write and (options.only != SECTIONS or not {1, 100} <= set(options.users)):
        parser.error("--write needs all sections, and pages of 1 and 100 users")
    return options


def sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def with_figures(text: str, figures: str) -> str:
    """The README with other figures between its two marks."""
    return re.sub(r"(?s)(<!-- figures -->\n).*(<!-- end -->)", lambda at: f"{at[1]}{figures}{at[2]}", text)


def measured(options: Namespace, engines: Sequence[Engine]) -> Results:
    results, rounds = Results(), options.rounds
    if "collector" in options.only:  # before other engines are loaded
        results.collector = [told("collector", collector.timing, kind, rounds) for kind in pages.PERIODS]
    if "uneven" in options.only:
        results.uneven = [told("uneven rows", uneven.timing, kind, rounds) for kind in pages.PERIODS]
    pairs = [(kind, users) for kind in pages.PERIODS for users in options.users]
    if "bytes" in options.only:
        results.bytes = [timing(kind, users, engines, rounds) for kind, users in pairs]
    if "pages" in options.only:
        results.pages = [timing(kind, users, ON_PAGES, rounds) for kind, users in pairs]
    if "first-page" in options.only:
        tell("first page")
        with processes.starts(options.before) as starts:
            results.starts = interleaved(starts, max(STARTS, rounds))
    if "growth" in options.only:
        results.growth = growth(rounds)
    return results


def told(what: str, measure: Callable[[str, int], Timing], kind: str, rounds: int) -> Timing:
    tell(f"{what}, {kind}")
    return measure(kind, rounds)


def timing(kind: str, users: int, engines: Sequence[Engine], rounds: int) -> Timing:
    tell(f"{engines[0].label}, {kind}, {report.users(users)}")
    body = pages.page(kind, users)
    ready, remarks = assembled(kind, body, [engine for engine in engines if users <= engine.most])
    try:
        return Timing(kind, users, interleaved(ready, rounds), remarks)
    finally:
        for contestant in ready.values():
            contestant.close()


def assembled(kind: str, body: dict, engines: list[Engine]) -> tuple[dict[str, Here | Elsewhere], dict[str, str]]:
    """The engines at work on a page, and remarks on some of them."""
    ready, remarks = {}, {}
    expected = ours(kind, body).reply()
    for engine in engines:
        try:
            ready[engine.name] = admitted(engine, kind, body, expected)
            if is_lenient(engine, kind):
                remarks[engine.name] = f"takes {NO_DAY} for a date-time"
        except UnfitError as error:
            remarks[engine.name] = str(error)
    return ready, remarks


def growth(rounds: int) -> Growth:
    """Ours and by hand at growing pages of aggregate."""
    tell("growth")
    chosen = [engine for engine in ON_PAGES if engine.name in ("ours", "hand")]
    pairs = [(engine, size) for engine in chosen for size in SIZES]
    work = {(e.name, size): e.start("aggregate", pages.page("aggregate", size)) for e, size in pairs}
    return Growth(interleaved(work, rounds), peaks(work, traced=True), peaks(work, traced=False))


def peaks(work: Iterable[tuple[str, int]], *, traced: bool) -> dict[tuple[str, int], int]:
    return {(name, size): processes.peak(name, "aggregate", size, traced=traced) for name, size in work}


def node_version() -> str:
    node = shutil.which("node")
    if node is None:
        return "no Node.js"
    return "Node.js " + subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def tell(what: str) -> None:
    """Print progress on stderr, with the seconds since the start."""
    sys.stderr.write(f"{perf_counter() - STARTED:4.0f} s  {what} …\n")


if __name__ == "__main__":
    main(sys.argv[1:])
