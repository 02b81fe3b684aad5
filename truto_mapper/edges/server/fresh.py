"""A cache of what may be a few seconds old: bounded in time and in size."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Fresh(Generic[_Value]):
    """Values by key, each for some seconds. What was used least recently leaves first. For one event loop or thread."""

    def __init__(self, *, seconds: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._size, self._free, self.clock = seconds, size, size, clock
        self._kept: OrderedDict[Hashable, tuple[float, int, _Value]] = OrderedDict()

    def get(self, key: Hashable) -> _Value | None:
        """The value, if it is still fresh."""
        if (kept := self._kept.get(key)) is None:
            return None
        if self.clock() >= kept[0]:
            self.drop(key)
            return None
        self._kept.move_to_end(key)
        return kept[2]

    def put(self, key: Hashable, value: _Value, *, since: float, size: int = 1) -> None:
        """Keep a value that is as old as `since`, when it was asked for. One that is too large is not kept."""
        self.drop(key)
        until = since + self._seconds
        if until <= self.clock() or size > self._size:
            return
        self._kept[key] = (until, size, value)
        self._free -= size
        while self._free < 0:
            self.drop(next(iter(self._kept)))

    def drop(self, key: Hashable) -> None:
        """Forget a value."""
        if (kept := self._kept.pop(key, None)) is not None:
            self._free += kept[1]
