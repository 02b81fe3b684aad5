"""Reads the files of mappings and schemas, and finds them by name.

A name is never a path: only a `Path`, which the caller gives, is one. A name is looked up in a few folders and never
leads out of them. Nothing is quoted of a file that is not of the expected kind.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source, Span

#: The largest file that is read: enough for the most characters that YAML may have (`yaml_tree.MAX_CHARACTERS`).
MAX_BYTES = 8_000_000

#: The folder whose files the operating system makes up, the environment of this process among them. Their size is 0.
_MADE_UP = Path("/proc")

_PACKAGE = Path(__file__).resolve().parents[1]

#: The pattern of a name, and how long one may be.
NAME = "[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*"
MAX_NAME = 200


class Kind(NamedTuple):
    """What a file is expected to be, and the keys by which it is known: it has one of them at the top."""

    what: str
    keys: Collection[str]


MAPPING = Kind("a mapping", ("unified_model", "integration", "endpoints"))
SPEC = Kind("a resource spec", ("unified_model", "integrations", "fields"))
EITHER = Kind("a mapping or a resource spec", dict.fromkeys([*MAPPING.keys, *SPEC.keys]))
_SCHEMA = Kind("a JSON Schema", ("$schema", "type", "properties", "$ref"))
_KINDS = {".schema.json": _SCHEMA, "mappings": MAPPING, "schemas": SPEC}


def home() -> Path:
    """The folder of `mappings/` and `schemas/`: the package in a wheel, the root of the repository in a checkout."""
    return _PACKAGE if (_PACKAGE / "mappings").is_dir() else _PACKAGE.parent


def is_name(text: object) -> bool:
    """Whether this is a name, such as `gong/activity`: no path, and nothing that leads upwards."""
    return isinstance(text, str) and len(text) <= MAX_NAME and re.fullmatch(NAME, text) is not None


def read(path: Path, name: str | None = None, *, kind: Kind | None = None) -> Source:
    """The text of a file as a `Source` called `name`.

    Raises `MappingError`: M105 if it cannot be read, M106 if it is of another kind, of which nothing is quoted.
    """
    name = name or str(path)
    data = _contents(path, name)
    fault = None
    try:
        text = _decoded(data)
    except UnicodeDecodeError as error:
        text, fault = _decoded(data, "replace"), error
    if kind is not None and not _has_one(text, kind.keys):
        message = f"{name} is not {kind.what}: it has none of the keys {', '.join(kind.keys)}"
        raise MappingError(Diagnostic("M106", message))
    if fault is None:
        return Source(name, text)
    at = len(_decoded(data[: fault.start]))
    message = f"{name} is not UTF-8: {fault.reason} at byte {fault.start}"
    raise MappingError(Diagnostic("M105", message, source=Source(name, text), span=Span(at, at + 1)))


def page_of(code: str) -> str | None:
    """What a code means, with an example: its section of `docs/codes.md`, in Markdown. None for an unknown code."""
    text = read(home() / "docs" / "codes.md").text
    found = re.search(rf"^## {re.escape(code)}\n.*?(?=\n## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found[0] if found else None


def _contents(path: Path, name: str) -> bytes:
    """The bytes of a regular file of a reasonable size. No other file is opened. Raises `MappingError` M105."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or (about.st_size == 0 and _is_made_up(about.st_dev)):
            why = "Is a directory" if stat.S_ISDIR(about.st_mode) else "it is not a regular file"
        elif about.st_size > MAX_BYTES:
            why = f"it has {about.st_size:,} bytes; at most {MAX_BYTES:,} are allowed"
        else:
            with path.open("rb") as file:
                return file.read(about.st_size)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of symbolic links
        why = getattr(error, "strerror", None) or str(error)
    raise MappingError(Diagnostic("M105", f"cannot read {name}: {why}"))


def _is_made_up(device: int) -> bool:
    """Whether a file system is the one that the operating system makes up."""
    return _MADE_UP.is_mount() and _MADE_UP.stat().st_dev == device


def _decoded(data: bytes, errors: str = "strict") -> str:
    return data.decode("utf-8", errors).removeprefix("\ufeff").replace("\r\n", "\n")


def _has_one(text: str, keys: Collection[str]) -> bool:
    """Whether a YAML or JSON text has one of these keys at the top, or nothing but comments."""
    named = "|".join(map(re.escape, keys))
    start = r"(?<![\w$])" if text.lstrip()[:1] == "{" else "^(?:- )?"
    known = re.search(rf"""(?m){start}["']?(?:{named})["']?[ \t]*:""", text)
    return known is not None or re.search(r"(?m)^[ \t]*[^#\s]", text) is None


def shipped(folder: str, ending: str) -> dict[str, Path]:
    """The shipped files under `folder` by name: `gong/activity` for `mappings/gong/activity.yaml`."""
    return _named(home() / folder, ending)


def known(folder: str, ending: str) -> dict[str, Path]:
    """The files that a name on the command line can mean: those below `./<folder>` first, then the shipped ones."""
    return shipped(folder, ending) | _named(Path(folder), ending)


def _named(top: Path, ending: str) -> dict[str, Path]:
    found = {p.relative_to(top).as_posix().removesuffix(ending): p for p in top.glob(f"*/*{ending}")}
    return dict(sorted(found.items()))


def find(name: str | Path, folder: str, ending: str, *, near: Path | None = None) -> Source:
    """The text of a file, or of what a name means: `<folder>/<name><ending>` above the file `near`, else shipped.

    Raises `MappingError`: M105 with the closest known name, M106 for a file of another kind.
    """
    kind, word = _KINDS.get(ending) or _KINDS[folder], folder.removesuffix("s")
    if isinstance(name, Path):
        return read(name, kind=kind)
    if not is_name(name):
        given = excerpt(name) if isinstance(name, str) else "…"
        said = f"a name is like `gong/activity`; give the path of a file as Path({given})"
        raise MappingError(Diagnostic("M105", f"{excerpt(name)} is not the name of a {word}", hint=said))
    for top in _roots(folder, near):
        if _exists(path := top / f"{name}{ending}"):
            shown = f"{folder}/{name}{ending}" if top == home() / folder else str(path)
            return read(_within(path, top, shown), shown, kind=kind)
    names = next(filter(None, (_named(top, ending) for top in _roots(folder, near))), dict[str, Path]())
    hint = did_you_mean(name, names)
    if name.endswith(ending):
        plain = name.removeprefix(f"{folder}/").removesuffix(ending)
        hint = f"write the name alone: `{plain}`" if near else f"give the path of a file as Path({excerpt(name)})"
    raise MappingError(Diagnostic("M105", f"there is no {word} {excerpt(name)}", hint=hint))


def beside(name: str, folder: str, ending: str, near: Path) -> Path | None:
    """The file that a name means above the file `near`, if there is one."""
    paths = (above / folder / f"{name}{ending}" for above in near.parents)
    return next((path for path in paths if is_name(name) and _exists(path)), None)


def _roots(folder: str, near: Path | None) -> Iterator[Path]:
    """The folders in which names are looked up."""
    yield from (above / folder for above in (near.parents if near is not None else ()))
    yield home() / folder


def _within(path: Path, top: Path, shown: str) -> Path:
    """A path that does not lead out of a folder by a symbolic link. Raises `MappingError` M105."""
    steps = [path, *path.parents[: len(path.relative_to(top).parts) - 1]]
    if any(one.is_symlink() for one in steps) and not path.resolve().is_relative_to(top.resolve()):
        raise MappingError(Diagnostic("M105", f"cannot read {shown}: it is a link to a file outside of {top.name}"))
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system accepts
        return False
