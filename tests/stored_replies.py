"""Files of Gong's replies as a job finds them, made from a seed: one row in 200 is invalid."""

import json
import sys
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent / "bench"))

import pages  # a module of the benchmarks

QUERY, CONTEXT = pages.query("aggregate"), pages.CONTEXT
#: What the command needs to know of them.
OPTIONS = ["--query", "&".join(f"{name}={value}" for name, value in QUERY.items())]
OPTIONS += [one for name, value in CONTEXT.items() for one in ("--context", f"{name}={value}")]


def write(folder: Path, files: int, size: int) -> list[str]:
    """Make files of so many bytes, or a little more. Returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / f"part-{number:05}.ndjson", number, size) for number in range(files)]


def _write(path: Path, number: int, size: int) -> str:
    rng, written, count = Random(number), 0, 0
    with path.open("w") as file:
        while written < size:
            reply = pages.page("aggregate", 100, seed=number * 100_000 + count)
            for row in reply["usersAggregateActivityStats"]:
                if rng.random() < 0.005:
                    _spoil(rng, row)
            written += file.write(json.dumps(reply, separators=(",", ":")) + "\n")
            count += 1
    return str(path)


def _spoil(rng: Random, row: dict) -> None:
    """Make a row invalid, in one of four ways."""
    counts = row["userAggregateActivityStats"]
    rng.choice(
        [
            lambda: row.pop("userId"),
            lambda: row.update(userId=None),
            lambda: counts.update(callsAsHost="many"),
            lambda: counts.update(callsAttended=1.5),
        ]
    )()
