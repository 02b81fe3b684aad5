"""Interleaved rounds: A B C … A B C …, so that a busy moment of the machine falls on all alike.

The least of all rounds is what counts: a busy machine only ever adds time. Only ratios mean anything elsewhere.
"""

import gc
from collections.abc import Mapping, Sequence
from typing import Protocol

SAMPLE = 0.02  # seconds: a shorter run is repeated until a sample takes about this long
BUDGET = 2.0  # seconds: an engine that has used this much leaves the rounds of a page …
LEAST = 3  # … after this many


class Contestant(Protocol):
    """What is timed: `seconds` is the mean of some runs in a row."""

    def seconds(self, times: int) -> float: ...


def interleaved(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[float]]:
    """Each contestant's seconds a run, round by round; a slow one has fewer rounds."""
    times = {name: repeats(contestant) for name, contestant in contestants.items()}
    samples: dict[str, list[float]] = {name: [] for name in contestants}
    gc.collect()
    gc.freeze()  # existing objects are not counted as garbage
    for number in range(rounds):
        for name, contestant in contestants.items():
            if number < LEAST or sum(samples[name]) * times[name] < BUDGET:
                samples[name].append(contestant.seconds(times[name]))
    gc.unfreeze()
    return samples


def repeats(contestant: Contestant) -> int:
    """How many runs make a sample. Finding out warms the contestant up, and the first run does not count."""
    contestant.seconds(1)
    times = 1
    while (one := contestant.seconds(times)) * times < SAMPLE:
        times *= 2
    return max(1, round(SAMPLE / one))


def ratio(some: Sequence[float], others: Sequence[float]) -> float:
    """How many times as long the first takes, at its best and the other's."""
    return min(some) / min(others)
