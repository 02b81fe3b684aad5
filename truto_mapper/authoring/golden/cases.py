"""The files of golden cases: finds them and reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydantic

from truto_mapper.engine.rendering import loads
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.shape import shaped

PAYLOADS = ("payload.json", "payload.txt")
EXPECTATIONS = ("request.json", "response.json", "response.ndjson", "rejected.json", "diagnostics.txt")

#: The suffix of a file with the actual output, left beside the expected one for review.
PENDING = ".new"


class Settings(pydantic.BaseModel):
    """The contents of `case.yaml`."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    description: str = pydantic.Field(min_length=1)
    query: str | dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    now: str | None = None
    status: int = 200
    headers: dict[str, str] = {}
    format: Literal["unified", "raw", "normalized", "stream", "debug"] | None = None
    on_invalid: Literal["raise", "discard_value", "discard_record"] = "raise"
    raises: str | dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A case, as read from its folder. `payload` is parsed JSON, bytes, or None; `expected` the texts of its files."""

    folder: Path
    mapping: Path
    settings: Settings
    node: yaml_tree.Node
    payload: Any
    expected: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.folder.name


def mappings(target: str | None = None) -> list[Path]:
    """The mapping files of a target: a file, a case's folder, a folder of mappings, or a shipped name.

    Without a target, those of `./mappings`, or else the shipped ones. Raises `MappingError` M105.
    """
    known = {name: from_here(path) for name, path in files.known("mappings", ".yaml").items()}
    if target is None:
        return _below(Path("mappings")) or sorted(known.values())
    path = Path(target)
    if path.is_dir():
        owner = mapping_of(path.parent)
        return [owner] if (path / "case.yaml").is_file() and owner.is_file() else _in_folder(path)
    if path.is_file() or target.endswith(".yaml"):
        return [path]
    if target in known:
        return [known[target]]
    message = f"there is no mapping {excerpt(target)}, and no such file or folder"
    raise MappingError(Diagnostic("M105", message, hint=did_you_mean(target, known)))


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
    if below := _below(path / "mappings") or _below(path):
        return below
    raise MappingError(Diagnostic("M105", f"there is no mapping in {path}"))


def _below(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*.yaml"), *folder.glob("*/*.yaml")])


def folders(mapping: Path) -> list[Path]:
    """The case folders beside a mapping."""
    return sorted(path.parent for path in mapping.with_suffix("").glob("*/case.yaml"))


def read(folder: Path) -> Case:
    """Read the case in a folder. Raises `MappingError` with every finding about `case.yaml`, and P602."""
    node = yaml_tree.parse(files.read(folder / "case.yaml", kind=files.Kind("a golden case", Settings.model_fields)))
    settings = shaped(node, Settings)
    expected = {name: files.read(folder / name).text for name in EXPECTATIONS if (folder / name).is_file()}
    return Case(folder, mapping_of(folder.parent), settings, node, _payload(folder), expected)


def _payload(folder: Path) -> Any:
    if (folder / "payload.txt").is_file():
        return (folder / "payload.txt").read_bytes()
    if not (folder / "payload.json").is_file():
        return None
    source = files.read(folder / "payload.json")
    try:
        return loads(source.text)
    except (ValueError, RecursionError) as error:
        raise MappingError(Diagnostic("P602", f"not valid JSON: {error}", source=source)) from None


def orphans(mapping: Path) -> list[Diagnostic]:
    """G703: the files in the folder beside a mapping that belong to no case."""
    top = mapping.with_suffix("")
    known = {folder / name for folder in folders(mapping) for name in ("case.yaml", *PAYLOADS, *EXPECTATIONS)}
    stray = sorted(p for p in top.glob("**/*") if p.is_file() and p not in known and p.suffix != PENDING)
    hint = "a case has a case.yaml, a payload and expected output; remove or rename the file"
    return [Diagnostic("G703", f"{path} belongs to no case", hint=hint) for path in stray]
