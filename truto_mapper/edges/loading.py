"""`load`, with the cache in the user's own folder: only here is it looked for in the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from truto_mapper.engine import arguments, mapper
from truto_mapper.engine.cursor import CursorKey
from truto_mapper.engine.mapper import Mapper, Overlays
from truto_mapper.engine.parts import Functions

if TYPE_CHECKING:
    from truto_mapper.resource.activity import Activity
    from truto_mapper.resource.interactions import Interaction
    from truto_mapper.resource.users import User

#: Names another folder; empty, it turns the cache off.
VARIABLE = "TRUTO_MAPPER_CACHE"


@overload
def load(
    name: Literal["gong/activity"],
    *,
    overlays: Overlays = (),
    functions: Functions | None = None,
    cursor_key: CursorKey | None = None,
    cache: bool | Path = True,
) -> Mapper[Activity]: ...
@overload
def load(
    name: Literal["gong/interactions"],
    *,
    overlays: Overlays = (),
    functions: Functions | None = None,
    cursor_key: CursorKey | None = None,
    cache: bool | Path = True,
) -> Mapper[Interaction]: ...
@overload
def load(
    name: Literal["gong/users"],
    *,
    overlays: Overlays = (),
    functions: Functions | None = None,
    cursor_key: CursorKey | None = None,
    cache: bool | Path = True,
) -> Mapper[User]: ...
@overload
def load(
    name: str | Path,
    *,
    overlays: Overlays = (),
    functions: Functions | None = None,
    cursor_key: CursorKey | None = None,
    cache: bool | Path = True,
) -> Mapper[Any]: ...


def load(
    name: str | Path,
    *,
    overlays: Overlays = (),
    functions: Functions | None = None,
    cursor_key: CursorKey | None = None,
    cache: bool | Path = True,
) -> Mapper[Any]:
    """The mapper of a shipped mapping (`gong/activity`), or of the mapping file at a `Path`.

    A text is always a name, never a path. The resource's spec is looked up in a `schemas/` folder beside or above the
    file, then among those shipped. `overlays` are files as `Path`, or texts as `Source`, laid over the mapping in
    order: objects merge key by key, null removes a key, anything else replaces. `functions` are the caller's own, by
    their JSONata name; they take and return plain JSON values. `cursor_key` is a secret of at least 16 bytes, or a list
    of them: the first one signs the cursors, all of them are accepted. `cache` keeps what the mapping is compiled
    to, so that the next process starts four times as fast: in the user's cache folder, in the folder at a `Path`, or
    (False) nowhere. Raises `MappingError` with every finding; warnings are in `Mapper.diagnostics`.
    """
    if not isinstance(cache, (bool, Path)):
        arguments.refuse(f"cache must be a boolean or the Path of a folder, not a value of type {type(cache).__name__}")
    folder = cache if isinstance(cache, Path) else default_folder() if cache else None
    return mapper.load(name, overlays=overlays, functions=functions, cursor_key=cursor_key, cache=folder)


def default_folder() -> Path | None:
    """The folder of the cache: `TRUTO_MAPPER_CACHE`, or `truto-mapper` among the user's caches. None for no cache."""
    if (named := os.environ.get(VARIABLE)) is not None:
        return Path(named) if named else None
    try:
        return _caches() / "truto-mapper"
    except RuntimeError:  # the user has no home
        return None


def _caches() -> Path:
    """Where the caches of this user are. Raises `RuntimeError` if that is unknown."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))  # the rules of XDG: one that is not absolute does not count
    return named if named.is_absolute() else Path.home() / ".cache"
