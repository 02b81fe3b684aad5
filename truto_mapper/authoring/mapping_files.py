"""The mapping files that a target on the command line means."""

from pathlib import Path
from typing import NoReturn

from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError


def mappings(target: str | None = None) -> list[Path]:
    """The mapping files of a target: a file, a case's folder, a folder of mappings, or a shipped name.

    Without a target, those of `./mappings`. Raises `MappingError` M105, which says where was looked.
    """
    if target is None:
        return _below(Path("mappings")) or _nothing(Path("mappings"))
    path = Path(target)
    if path.is_dir():
        owner = mapping_of(path.parent)
        return [owner] if (path / "case.yaml").is_file() and owner.is_file() else _in_folder(path)
    if path.is_file() or target.endswith(".yaml"):
        return [path]
    known = {name: from_here(path) for name, path in files.known("mappings", ".yaml").items()}
    if target in known:
        return [known[target]]
    message = f"there is no mapping {excerpt(target)}, and no such file or folder"
    raise MappingError(Diagnostic("M105", message, hint=did_you_mean(target, known)))


def _nothing(folder: Path) -> NoReturn:
    is_there = "has no mapping" if folder.is_dir() else "does not exist"
    message = f"the folder {excerpt(str(folder))} {is_there}; it was looked for in {Path.cwd()}"
    raise MappingError(Diagnostic("M105", message, hint="name a mapping, a case or a folder of mappings"))


def mapping_of(folder: Path) -> Path:
    """The mapping file whose cases are in a folder."""
    return Path(f"{folder}.yaml")


def from_here(path: Path) -> Path:
    """A path relative to the working directory if it is inside it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _in_folder(path: Path) -> list[Path]:
    if mapping_of(path).is_file() and any(path.glob("*/case.yaml")):
        return [mapping_of(path)]
    return _below(path / "mappings") or _below(path) or _nothing(path)


def _below(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")])
