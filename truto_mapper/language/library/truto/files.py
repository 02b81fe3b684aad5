"""A function of the names of files: $getMimeType."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from truto_mapper.language.runtime.values import MISSING, Run
from truto_mapper.text import files


@cache
def _types() -> dict[str, str]:
    """The type of each extension, from lines of a type and its extensions."""
    lines = files.read(Path(__file__).with_name("mime_types.txt")).text.splitlines()
    return {extension: kind for kind, *extensions in map(str.split, lines) for extension in extensions}


def get_mime_type(run: Run, name: Any = MISSING) -> str | None:  # noqa: ARG001  (all take it)
    """The media type of a file by its extension, or of an extension; null if it is unknown."""
    if not isinstance(name, str):
        return None
    last = re.split(r"[/\\]", name)[-1]
    extension = last.rpartition(".")[2]
    has_path, has_dot = len(last) < len(name), len(extension) < len(last) - 1
    return _types().get(extension.lower()) if has_dot or not has_path else None
