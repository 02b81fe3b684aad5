"""Writing golden cases: accepting differences, leaving them for review, and recording a new case."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from truto_mapper.authoring.aliases import Aliases
from truto_mapper.authoring.golden.cases import EXPECTATIONS, PENDING, Case, Settings, read
from truto_mapper.authoring.golden.comparison import Difference, value_in
from truto_mapper.authoring.golden.runs import Result, as_json, run
from truto_mapper.engine.mapper import Mapper, load
from truto_mapper.language.nodes import String, walk
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import every
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.shape import shaped
from truto_mapper.text.source import Source


def accept(found: Iterable[Difference]) -> list[Path]:
    """Write the values that were found into the expectations, and nothing else. Returns the files concerned."""
    by_file: dict[Path, list[Difference]] = {}
    for one in found:
        by_file.setdefault(one.case.folder / one.file, []).append(one)
    for path, some in by_file.items():
        value = _accepted(value_in(path.name, some[0].case.expected.get(path.name)), some)
        if value is MISSING:
            path.unlink()
        else:
            _write(path, value if isinstance(value, str) else as_json(value))
        path.with_name(path.name + PENDING).unlink(missing_ok=True)
    return sorted(by_file)


def _accepted(value: Any, some: list[Difference]) -> Any:
    """A value with the found values in it. The last items of arrays come first, so indices stay right."""
    for one in sorted(some, key=lambda one: [str(step).zfill(9) for step in one.path], reverse=True):
        if not one.path:
            return one.found
        *above, last = one.path
        holder: Any = value
        for step in above:
            holder = holder[step]
        if one.found is MISSING:
            del holder[last]
            continue
        if isinstance(holder, list) and isinstance(last, int):
            holder += [MISSING] * (last + 1 - len(holder))
        holder[last] = one.found
    return value


def pend(results: Iterable[tuple[Case, Result]]) -> None:
    """Leave the files that differ beside the expected ones, for a person to look at; remove those that do not."""
    for case, result in results:
        for name in EXPECTATIONS:
            path, found = case.folder / (name + PENDING), result.files.get(name)
            expected = case.folder / name
            if found is not None and (not expected.is_file() or found != files.read(expected).text):
                _write(path, found)
            else:
                path.unlink(missing_ok=True)


def record(mapping: Path, name: str, payload: Any, settings: dict[str, Any], *, salt: str | None = "") -> Case:
    """Make a case of a provider's reply that expects what it gives now; for a person to read and commit.

    The people in it get aliases, the same ones for the same `salt`; None keeps the payload as it is. Raises
    `MappingError` G704 if there is such a case, and M106 for invalid settings.
    """
    folder = mapping.with_suffix("") / name
    if folder.exists():
        hint = "choose another name, or remove the folder"
        raise MappingError(Diagnostic("G704", f"there is already a case {excerpt(name)}: {folder}", hint=hint))
    mapper = load(mapping)
    if salt is not None:
        aliases = Aliases(salt, _words(mapper))
        payload = aliases.of(payload)
        settings = aliases.known_in(settings)
    text = yaml_tree.written({key: value for key, value in settings.items() if value is not None})
    node = yaml_tree.parse(Source(str(folder / "case.yaml"), text))
    result = run(Case(folder, mapping, shaped(node, Settings), node, payload, {}), mapper)
    if result.error is not None:
        text += yaml_tree.written({"raises": type(result.error).__name__})
    folder.mkdir(parents=True)
    for file, content in {"case.yaml": text, "payload.json": as_json(payload), **result.files}.items():
        _write(folder / file, content)
    return read(folder)


def _words(mapper: Mapper) -> frozenset[str]:
    """The texts that a mapping knows by name: those in its expressions, and those its source schemas list."""
    found: set[str] = set()
    for endpoint in mapper.mapping.endpoints:
        for _, expression in every(endpoint):
            found |= {node.value for node in walk(expression.node) if isinstance(node, String)}
        for node in yaml_tree.parse(endpoint.source).walk() if endpoint.source is not None else ():
            listed = node.value.get("enum") or node.value.get("const") if isinstance(node.value, dict) else None
            found |= {one.value for one in listed.walk() if isinstance(one.value, str)} if listed is not None else set()
    return frozenset(found)


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8", newline="\n")
