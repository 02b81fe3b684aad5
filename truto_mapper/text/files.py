"""Reads the files of mappings and schemas, and finds them by name."""

from __future__ import annotations

import re
from pathlib import Path

from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source, Span


def home() -> Path:
    """The folder of `mappings/` and `schemas/`: the package in a wheel, the root of the repository in a checkout."""
    package = Path(__file__).parents[1]
    return package if (package / "mappings").is_dir() else package.parent


def read(path: Path, name: str | None = None) -> Source:
    """The text of a file as a `Source` called `name`. Raises `MappingError` M105."""
    name = name or str(path)
    try:
        data = path.read_bytes()
        return Source(name, _decoded(data))
    except UnicodeDecodeError as error:
        shown = Source(name, _decoded(data, "replace"))
        at = len(_decoded(data[: error.start]))
        message = f"{name} is not UTF-8: {error.reason} at byte {error.start}"
        raise MappingError(Diagnostic("M105", message, source=shown, span=Span(at, at + 1))) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MappingError(Diagnostic("M105", f"cannot read {name}: {reason}")) from None


def _decoded(data: bytes, errors: str = "strict") -> str:
    return data.decode("utf-8", errors).removeprefix("\ufeff").replace("\r\n", "\n")


def shipped(folder: str, ending: str) -> dict[str, Path]:
    """The shipped files under `folder` by name: `gong/activity` for `mappings/gong/activity.yaml`."""
    return _named(home() / folder, ending)


def _named(top: Path, ending: str) -> dict[str, Path]:
    found = {p.relative_to(top).as_posix().removesuffix(ending): p for p in top.glob(f"*/*{ending}")}
    return dict(sorted(found.items()))


def find(name: str | Path, folder: str, ending: str, *, near: str | None = None) -> Source:
    """The text called `name`: a file's path, else `<folder>/<name><ending>` in a folder above `near`, else shipped.

    Raises `MappingError` M105 with the closest known name.
    """
    suffix = ending[ending.rindex(".") :]
    if isinstance(name, Path) or name.endswith(suffix):
        return read(Path(name))
    for above in Path(near).parents if near is not None else ():
        if _is_file(above / folder / f"{name}{ending}"):
            return read(above / folder / f"{name}{ending}")
    if re.fullmatch(r"[\w-]+/[\w.-]+", name) and _is_file(home() / folder / f"{name}{ending}"):
        return read(home() / folder / f"{name}{ending}", f"{folder}/{name}{ending}")
    if _is_file(Path(name)):
        return read(Path(name))
    known = shipped(folder, ending)
    beside = [_named(above / folder, ending) for above in Path(near).parents] if near is not None else []
    message = f"there is no {folder.removesuffix('s')} {excerpt(name)}, and no such file"
    raise MappingError(Diagnostic("M105", message, hint=did_you_mean(name, next(filter(None, beside), known))))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file system accepts
        return False
