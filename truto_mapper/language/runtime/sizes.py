"""How long values are as JSON."""

from __future__ import annotations

from typing import Any, Final

from truto_mapper.language.runtime.values import Missing, Walk

_SCALARS: Final = frozenset((str, int, float, bool, type(None), Missing))


def measure(value: Any, walk: Walk, depth: int = 0) -> None:
    """Count the characters of a value as JSON: texts as often as they occur, other scalars as three."""
    if isinstance(value, str):
        walk.write(len(value))
    elif isinstance(value, (list, dict)):
        inner = walk.enter(depth, value)
        size = 3 * len(value) + 2
        for item in value.values() if isinstance(value, dict) else value:
            kind = item.__class__
            if kind is str:
                size += len(item)
            elif kind not in _SCALARS:
                measure(item, walk, inner)
        walk.write(size)
