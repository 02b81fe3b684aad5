"""How fast truto-mapper is, against code by hand and against other engines, in interleaved rounds.

`pip install -e '.[bench]'` has the Python peers and `npm ci --prefix tests/bench` the Node ones; a missing one is
named and left out. Each engine's reply is compared with ours before it is timed.
"""

import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

import chart
import pages
import processes
import report
from admission import NO_DAY, UnfitError, admitted, is_lenient
from engines import ENGINES, Engine, Here, Node, ours
from results import SIZES, Growth, Results, Timing
from rounds import interleaved

HERE = Path(__file__).parent
SECTIONS = ("cold-start", "growth")
STARTS = 10  # fresh processes of each kind, at least


def main(arguments: list[str]) -> None:
    options = parsed(arguments)
    results = measured(options)
    said = report.markdown(results, node_version())
    sys.stdout.write(said)
    if options.write:
        (HERE / "RESULTS.md").write_text(said, "utf-8")
        if results.at(100):
            (HERE / "chart.svg").write_text(chart.svg(results.at(100)), "utf-8")


def parsed(arguments: list[str]) -> Namespace:
    names = [engine.name for engine in ENGINES] + list(SECTIONS)
    parser = ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds a page (15); slow engines have fewer")
    parser.add_argument("--users", type=sizes, default=[1, 100, 10_000], help="users a page: 1,100,10000")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--write", action="store_true", help="write RESULTS.md and chart.svg beside this file")
    return parser.parse_args(arguments)


def sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def measured(options: Namespace) -> Results:
    results = Results()
    asked = [engine for engine in ENGINES if engine.name in options.only]
    if asked:
        asked = [engine for engine in ENGINES if engine in asked or engine.name == "ours"]
        pairs = [(kind, users) for kind in pages.PERIODS for users in options.users]
        results.timings = [timing(kind, users, asked, options.rounds) for kind, users in pairs]
    if "cold-start" in options.only:
        tell("cold start")
        with processes.starts() as starts:
            results.starts = interleaved(starts, max(STARTS, options.rounds))
    if "growth" in options.only:
        results.growth = growth(options.rounds)
    return results


def timing(kind: str, users: int, engines: list[Engine], rounds: int) -> Timing:
    tell(f"{kind}, {report.users(users)}")
    body = pages.page(kind, users)
    ready, remarks = assembled(kind, body, engines)
    try:
        return Timing(kind, users, interleaved(ready, rounds), remarks)
    finally:
        for contestant in ready.values():
            contestant.close()


def assembled(kind: str, body: dict, engines: list[Engine]) -> tuple[dict[str, Here | Node], dict[str, str]]:
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
    chosen = [engine for engine in ENGINES if engine.name in ("ours", "hand")]
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
    """Print progress on stderr."""
    sys.stderr.write(f"{what} …\n")


if __name__ == "__main__":
    main(sys.argv[1:])
