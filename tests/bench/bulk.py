"""What engines cost: CPU time a record beside that of a plain loop, over the rows that a longer run has more.

python tests/bench/bulk.py spark ray --files 20 60 --rounds 2 --folder /tmp/bulk

Each file has 25 MB, which are about 50,000 rows, one in 200 of them invalid. The difference of a long and a short run
leaves out what starting costs. The times are those of all processes of a run, from /proc.
"""

import argparse
import os
import shutil
import statistics
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import killing_bulk
import stored_replies

from truto_mapper import load
from truto_mapper.edges.bulk import Job

#: How many files are different; the others are links to them.
DIFFERENT, SIZE = 4, 25_000_000

#: How often /proc is read, in seconds.
EVERY = 0.1

#: Where the times and sizes are in /proc/PID/stat, after the name; a time is in ticks.
USER, SYSTEM, OF_CHILDREN = 11, 12, slice(13, 15)


def sources(folder: Path, count: int) -> Path:
    """A folder of so many files."""
    made = folder / f"sources-{count}"
    if not made.exists():
        files = stored_replies.write(folder / "different", DIFFERENT, SIZE)
        made.mkdir()
        for number in range(count):
            os.link(files[number % DIFFERENT], made / f"part-{number:05}.ndjson")
    return made


def kind_of(command: str) -> str:
    """What a process is, by its command line."""
    if "java" in command.split(" ", maxsplit=1)[0]:
        return "jvm"
    if "pyspark.daemon" in command or "pyspark/daemon" in command or command.startswith("ray::"):
        return "workers"
    if "forkserver" in command:
        return "workers"
    return "driver" if "truto_mapper" in command or command.startswith(f"{sys.executable} -c") else "others"


def seconds_of(pid: int, *, with_children: bool) -> float:
    """The CPU time of a process until now, perhaps with that of its children that have ended."""
    found = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    ticks = [found[USER], found[SYSTEM], *(found[OF_CHILDREN] if with_children else ())]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def peak_of(pid: int) -> int:
    """The most memory that a process has had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1000


def measured(run: killing_bulk.Started) -> tuple[Counter[str], dict[str, int]]:
    """The CPU seconds of a run's processes, and the peak of each kind's largest, in MB."""
    seconds, peaks, kinds = dict[int, float](), defaultdict(int), dict[int, str]()
    while run.process.poll() is None:
        for pid, command in killing_bulk.processes(run.mark).items():
            try:
                kinds[pid] = kind_of(command)
                seconds[pid] = seconds_of(pid, with_children=False)
                peaks[kinds[pid]] = max(peaks[kinds[pid]], peak_of(pid))
            except (OSError, IndexError):  # it has just ended
                continue
        time.sleep(EVERY)
    said = run.end()
    assert run.process.returncode == 0, said.decode()
    found = Counter[str]()
    for pid, spent in seconds.items():
        found[kinds[pid]] += spent
    return found, peaks


def plain(files: list[Path], out: Path) -> float:
    """The CPU seconds of a plain loop."""
    job = Job(mapper=load("gong/activity"), query=stored_replies.QUERY, context=stored_replies.CONTEXT)
    begun = time.process_time()
    for file in files:
        job.map_file(file, out)
    return time.process_time() - begun


def loops(folder: Path, out: Path) -> float:
    """The CPU seconds of two plain loops, each over half of the files: cores that share a cache are slower together."""
    files, pipes = sorted(folder.iterdir()), []
    for half in (files[::2], files[1::2]):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, repr(plain(half, out)).encode())
            os._exit(0)
        os.close(writer)
        pipes.append(os.fdopen(reader))
    found = sum(float(pipe.read()) for pipe in pipes)
    for pipe in pipes:
        pipe.close()
        os.wait()
    return found


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def one_round(engines: list[str], counts: list[int], folder: Path) -> dict[str, Counter[str]]:
    """The marginal CPU seconds of the plain loop and of each engine's kinds of processes."""
    found: dict[str, Counter[str]] = {}
    short, long = (loops(sources(folder, count), fresh(folder / "out")) for count in counts)
    found["plain loop"] = Counter(workers=long - short)
    for engine in engines:
        runs = []
        for count in counts:
            started = killing_bulk.start(sources(folder, count), fresh(folder / "out"), engine)
            seconds, peaks = measured(started)
            runs.append(seconds)
            told = ", ".join(f"{kind} {seconds[kind]:.1f} s, {peak:,} MB" for kind, peak in sorted(peaks.items()))
            sys.stderr.write(f"{engine}, {count} files: {told}\n")
        found[engine] = Counter({kind: runs[1][kind] - runs[0][kind] for kind in runs[1]})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="+", choices=("local", "spark", "ray"))
    parser.add_argument("--files", type=int, nargs=2, default=(20, 60))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/bulk"))
    given = parser.parse_args()
    rounds = [one_round(given.engines, given.files, given.folder) for _ in range(given.rounds)]
    rows = (given.files[1] - given.files[0]) * rows_of(given.folder / "different")
    write(rounds, rows)


def rows_of(folder: Path) -> float:
    """How many rows a file has."""
    counts = [path.read_text().count('"userEmailAddress"') for path in folder.iterdir()]
    return sum(counts) / len(counts)


def write(rounds: list[dict[str, Counter[str]]], rows: float) -> None:
    """The table: medians of the rounds; efficiencies are those of each round."""
    sys.stdout.write(f"CPU µs a row, over {rows:,.0f} rows more, and the plain loop's part of that\n")
    sys.stdout.write(f"{'':12}{'workers':>9}{'jvm':>7}{'driver':>8}{'others':>8}{'of workers':>12}{'of all':>8}\n")
    for name in rounds[0]:
        found = {
            kind: statistics.median(one[name][kind] for one in rounds)
            for kind in ("workers", "jvm", "driver", "others")
        }
        parts = [one["plain loop"]["workers"] / one[name]["workers"] for one in rounds]
        wholes = [one["plain loop"]["workers"] / one[name].total() for one in rounds]
        times = [found[kind] * 1e6 / rows for kind in found]
        sys.stdout.write(f"{name:12}{times[0]:9.2f}{times[1]:7.2f}{times[2]:8.2f}{times[3]:8.2f}")
        sys.stdout.write(f"{statistics.median(parts):12.0%}{statistics.median(wholes):8.0%}\n")


if __name__ == "__main__":
    main()
