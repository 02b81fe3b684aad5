"""A bulk run is killed at random moments, and resumed: then every record and every reject is there exactly once.

python tests/killing_bulk.py --engine spark --tries 20 --folder /tmp/killing

One try kills a worker, one the driver (in Spark, sometimes its JVM) and one the whole process group. After each, the
same engine or that of this machine resumes, no process is left, and DuckDB reads what one process alone had made.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import NamedTuple
from uuid import uuid4

import stored_replies

import truto_mapper
from truto_mapper import load
from truto_mapper.edges.bulk import Job

#: What tells a process of a run from all others: a variable that it hands down.
MARK = "TRUTO_KILLING"
COMMAND = [sys.executable, "-m", "truto_mapper.edges.cli", "bulk", "gong/activity", "--max-rejects", "1000000"]


class Started(NamedTuple):
    """A run that was started, and the value of the variable that its processes have."""

    process: subprocess.Popen[bytes]
    mark: str

    def end(self) -> bytes:
        """What it said on stderr until it ended."""
        return self.process.communicate(timeout=180)[1]


def start(sources: Path, out: Path, engine: str, *options: str) -> Started:
    """Start a run with two workers, in a process group of its own."""
    mark = uuid4().hex
    command = [*COMMAND, *stored_replies.OPTIONS, str(sources), "--out", str(out), "--engine", engine, "--workers", "2"]
    paths = {"PYTHONPATH": str(Path(truto_mapper.__file__).parents[1])}
    process = subprocess.Popen(
        [*command, *options],
        env=os.environ | paths | {MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    return Started(process, mark)


def processes(mark: str) -> dict[int, str]:
    """The processes of a run that live, each with its command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:  # it has ended, or is not ours
                continue
    return {pid: command for pid, command in found.items() if command}


def writers(folder: str, mark: str, name: str = "") -> list[int]:
    """The processes of a run that write files in a folder, whose paths have a name: its workers."""
    return [pid for pid in processes(mark) if any(one.startswith(folder) and name in one for one in _opened(pid))]


def _opened(pid: int) -> list[str]:
    try:
        return [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []


def wait_for_end(mark: str, seconds: float = 100) -> None:
    """Wait until no process of a run lives. Agents of a Ray that was killed while it started look a minute for it."""
    end = time.monotonic() + seconds
    while left := processes(mark):
        assert time.monotonic() < end, f"processes are left: {left}"
        time.sleep(0.1)


def expected(sources: Path, folder: Path, **given: object) -> None:
    """What one process makes of the files, one after the other."""
    mapping = given.pop("mapping", "gong/activity")
    job = Job(mapper=load(mapping), query=stored_replies.QUERY, context=stored_replies.CONTEXT, **given)
    for file in sorted(sources.iterdir()):
        job.map_file(file, folder)


def check(found: Path, right: Path) -> tuple[int, int]:
    """Compare what DuckDB reads in two folders. Returns how many records and rejects there are."""
    import duckdb

    counts = []
    for kind in ("records", "rejects"):
        one, other = (f"SELECT * FROM read_parquet('{folder}/{kind}/*.parquet')" for folder in (found, right))
        for first, second in ((one, other), (other, one)):
            odd = duckdb.sql(f"({first}) EXCEPT ALL ({second})").fetchall()
            assert not odd, f"{kind}: {len(odd)} rows are too many or too few, first {odd[0]}"
        counts.append(duckdb.sql(f"SELECT count(*) FROM ({one})").fetchall()[0][0])
    names = {path.name for path in found.iterdir()}
    assert names == {"records", "rejects", "manifest.jsonl"}, names
    listed = [json.loads(line)["source"] for line in (found / "manifest.jsonl").read_text().splitlines()]
    assert len(listed) == len(set(listed)) == len(list((found / "records").iterdir())), "the manifest is wrong"
    return counts[0], counts[1]


def victims(kind: str, engine: str, run: Started, out: Path, rng: Random) -> list[int]:
    """The process to kill: a worker, or what drives them."""
    if kind == "worker":
        found = writers(f"{out}/_temporary/", run.mark)
        return [pid for pid in found if pid != run.process.pid][:1]  # the driver begins the manifest there
    machines = [pid for pid, command in processes(run.mark).items() if "java" in command.split(" ")[0]]
    return (
        machines[:1]
        if engine == "spark" and kind == "driver" and rng.random() < 0.3 and machines
        else [run.process.pid]
    )


def wait_for_moment(kind: str, run: Started, out: Path, files: int, rng: Random) -> None:
    """Wait for a random moment of a run: while its engine starts, or when some of its files are done."""
    begun = rng.choice([None, *range(files - 1)]) if kind != "worker" else rng.randrange(files - 1)
    if begun is None:
        time.sleep(rng.random() * 8)
        return
    while run.process.poll() is None and sum(1 for _ in out.glob("records/*")) < begun:
        time.sleep(0.002)
    time.sleep(rng.random() * 0.1)


def kill(kind: str, engine: str, run: Started, out: Path, rng: Random) -> list[int]:
    """Kill a process of a run, or its group. Returns which were killed, none if it ended before."""
    while not (found := victims(kind, engine, run, out, rng)) and run.process.poll() is None:
        time.sleep(0.001)
    try:
        for pid in found:
            (os.killpg if kind == "group" else os.kill)(pid, signal.SIGKILL)
    except ProcessLookupError:
        return []
    return found


def one_try(kind: str, engine: str, sources: Path, out: Path, rng: Random) -> str:
    """Kill a run at a random moment and resume it. Returns what was done."""
    shutil.rmtree(out, ignore_errors=True)
    files = len(list(sources.iterdir()))
    run = start(sources, out, engine)
    wait_for_moment(kind, run, out, files, rng)
    killed, done = kill(kind, engine, run, out, rng), len(list(out.glob("records/*")))
    said = run.end()
    assert kind != "worker" or run.process.returncode == 0, said.decode()
    if rng.random() < 0.5:  # else the second begins while processes of the first may live
        wait_for_end(run.mark)
    second = start(sources, out, rng.choice([engine, "local"]), "--resume")
    told = second.end()
    assert second.process.returncode == 0, told.decode()
    assert b"Traceback" not in said + told, (said + told).decode()
    for one in (run, second):
        wait_for_end(one.mark)
    return f"{kind} of {engine}: killed {killed} with {done} of {files} files done, exit {run.process.returncode}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="local", choices=("local", "spark", "ray"))
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--only", choices=("worker", "driver", "group"))
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--size", type=int, default=2_000_000, help="bytes of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/killing"))
    given = parser.parse_args()
    sources, right, out = (given.folder / name for name in ("sources", "right", f"out-{given.engine}"))
    shutil.rmtree(given.folder, ignore_errors=True)
    stored_replies.write(sources, given.files, given.size)
    expected(sources, right)
    rng = Random(given.seed)
    for number in range(given.tries):
        for kind in (given.only,) if given.only else ("worker", "driver", "group"):
            what = one_try(kind, given.engine, sources, out, rng)
            records, rejects = check(out, right)
            sys.stdout.write(f"{number + 1} {what}; then {records:,} records, {rejects:,} rejects\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
