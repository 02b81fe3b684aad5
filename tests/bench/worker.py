"""An engine of ours in a process of its own, with the package that PYTHONPATH names. Started by elsewhere.py."""

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path

from engines import Here
from through import ON_BYTES

import truto_mapper


def main() -> None:
    questions = map(json.loads, sys.stdin)
    work = started(**next(questions))
    answer({})
    for question in questions:
        answer({"seconds": work.seconds(question["times"]) * question["times"]} if "times" in question else reply(work))


def started(engine: str, kind: str, body: dict) -> Here:
    if not Path(truto_mapper.__file__).is_relative_to(Path.cwd()):
        answer({"absent": f"no truto_mapper in {Path.cwd()}"})
    start: Callable[[str, dict], Here] = next(one.start for one in ON_BYTES if one.name == engine)
    work = start(kind, body)
    gc.collect()
    gc.freeze()  # as the rounds do
    return work


def reply(work: Here) -> dict:
    try:
        return {"reply": work.reply(), "valid": True}
    except truto_mapper.MapperError:
        return {"valid": False}


def answer(said: dict) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
