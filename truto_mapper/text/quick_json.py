"""The package msgspec, where it is installed: JSON several times as fast as by Python's own module."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def library() -> Any:
    """The module `msgspec`, None where it is not installed."""
    try:
        import msgspec  # noqa: PLC0415  # an extra, and not needed to load a mapping
    except ImportError:
        return None
    return msgspec
