"""The share of Python's garbage collector: bytes to bytes with it, after `gc.freeze()`, and without it.

A run makes all its objects itself, so what `gc.freeze()` takes from the collector is what was loaded before.
"""

import gc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pages
from engines import Here
from results import COLLECTED, Timing
from rounds import interleaved
from through import ON_BYTES

USERS = 10_000


@dataclass(frozen=True)
class Collected:
    """Work while the collector is in some state."""

    work: Here
    begin: Callable[[], Any]

    def seconds(self, times: int) -> float:
        gc.unfreeze()
        gc.collect()
        self.begin()
        try:
            return self.work.seconds(times)
        finally:
            gc.enable()


STATES = {"enabled": gc.enable, "frozen": gc.freeze, "disabled": gc.disable}


def timing(kind: str, rounds: int) -> Timing:
    """The samples' names are (engine, state)."""
    body = pages.page(kind, USERS)
    started: dict[str, Here] = {}
    for engine in ON_BYTES:
        if engine.name in COLLECTED:
            with suppress(ImportError):  # without orjson
                started[engine.name] = engine.start(kind, body)
    work = {(name, state): Collected(one, begin) for name, one in started.items() for state, begin in STATES.items()}
    return Timing(kind, USERS, interleaved(work, rounds))
