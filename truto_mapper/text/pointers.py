"""Paths into JSON values, written as JSON Pointers (RFC 6901) or as dotted names."""

from __future__ import annotations

from collections.abc import Iterable

#: Keys and indices that lead from a value to one within it.
Steps = tuple[str | int, ...]


def json_pointer(path: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of a path of keys and indices; "" for the whole document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def is_within(pointer: str | None, outer: str) -> bool:
    """Whether a JSON Pointer leads to the value at another one, or to a value within it."""
    return f"{pointer}/".startswith(f"{outer}/")


def steps_of(pointer: str) -> tuple[str, ...]:
    """The keys and indices of a JSON Pointer or of a reference such as `#/$defs/x`, all as text."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def dotted(path: Iterable[str | int]) -> str:
    """A path of keys and indices as messages write it: `users.0.id`."""
    return ".".join(map(str, path))


def keys_of(path: Iterable[str | int]) -> tuple[str, ...]:
    """The keys of a path, without its indices."""
    return tuple(step for step in path if isinstance(step, str))
