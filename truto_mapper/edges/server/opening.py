"""Which store and which keys are meant: those of the options, of the environment, or of the user's own folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from truto_mapper.edges.server.keys import read_keys
from truto_mapper.edges.server.store import Store

#: The environment variable that holds the URL of the store.
VARIABLE = "TRUTO_MAPPER_STORE"


def open_store(environ: Mapping[str, str], url: str | None = None, key_file: Path | None = None) -> Store:
    """The store at a URL, else that of the environment, else that of the user. Raises `StoreError` S801 to S805."""
    keys = read_keys(environ, key_file)
    return Store.open(url or environ.get(VARIABLE) or f"sqlite:///{_data(environ) / 'truto-mapper' / 'store.db'}", keys)


def _data(environ: Mapping[str, str]) -> Path:
    """Where programs keep the data of this user."""
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    named = Path(environ.get("XDG_DATA_HOME", ""))  # the rules of XDG: one that is not absolute does not count
    return named if named.is_absolute() else Path.home() / ".local" / "share"
