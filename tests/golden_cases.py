"""Golden cases: folders beside a mapping, each with a question or a reply and what must come of it.

A folder `mappings/<integration>/<mapping>/<case>/` has

- `case.yaml`: `description`, and any of `query`, `context`, `now`, `status`, `headers`, `format`, `on_invalid`; a case
  that must fail says so in `raises`, the name of the error or an object of `error` and its attributes;
- `payload.json`, the provider's reply (`payload.txt` if it is no JSON); without it the case only plans;
- what is expected, each file only where there is something: `request.json`, `response.json` (`.ndjson` for a
  stream), `rejected.json` and `diagnostics.txt`.

`raises` is written by hand and never accepted: no expectation can turn into a failure, or back, unnoticed.
"""

import difflib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from truto_mapper import MapperError, Response, load
from truto_mapper.diagnostics import Diagnostic
from truto_mapper.formats import dumps
from truto_mapper.runtime import SENT

MAPPINGS = Path(__file__).parents[1] / "mappings"

SETTINGS = {"description", "query", "context", "now", "status", "headers", "format", "on_invalid", "raises"}
PAYLOADS = {"payload.json", "payload.txt"}
EXPECTATIONS = {"request.json", "response.json", "response.ndjson", "rejected.json", "diagnostics.txt"}


mapper_of = cache(load)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case: the files it would have, and how it failed."""

    files: dict[str, str]
    error: MapperError | None


def folders(mappings: Path = MAPPINGS) -> list[Path]:
    """The case folders of all mappings."""
    return sorted(folder for mapping in mappings.glob("*/*.yaml") for folder in mapping.with_suffix("").glob("*/"))


def orphans(mappings: Path = MAPPINGS) -> list[str]:
    """What stands beside the mappings and is no part of a case."""
    cases = [folder for folder in folders(mappings) if (folder / "case.yaml").is_file()]
    known = {folder / name for folder in cases for name in {"case.yaml"} | PAYLOADS | EXPECTATIONS}
    found = [path for path in mappings.glob("*/*/**/*") if path.is_file() and path not in known]
    return [
        *sorted(path.relative_to(mappings).as_posix() for path in found),
        *(f"{f.relative_to(mappings).as_posix()}: no case.yaml" for f in folders(mappings) if f not in cases),
    ]


def failures(folder: Path, *, accept: bool = False) -> list[str]:
    """Why a case fails, each as a readable text; `accept` writes the expectations first."""
    settings = yaml.safe_load((folder / "case.yaml").read_text("utf-8"))
    unknown = sorted(settings.keys() - SETTINGS)
    if unknown or not settings.get("description"):
        return [f"case.yaml: unknown {', '.join(unknown)}" if unknown else "case.yaml: it has no description"]
    result = run(folder, settings)
    stated = _reason(settings.get("raises"), result.error)
    if stated:
        return [stated]
    if accept:
        _write(folder, result.files)
    expected = {name: (folder / name).read_text("utf-8") for name in EXPECTATIONS if (folder / name).is_file()}
    return [
        _difference(name, expected.get(name), result.files.get(name))
        for name in sorted(expected.keys() | result.files.keys())
        if expected.get(name) != result.files.get(name)
    ]


def run(folder: Path, settings: dict[str, Any]) -> Result:
    """What comes of a case now."""
    files: dict[str, str] = {}
    try:
        _run(folder, settings, files)
    except MapperError as error:
        files["diagnostics.txt"] = _rendered(error.diagnostics)
        return Result(files, error)
    return Result(files, None)


def _run(folder: Path, settings: dict[str, Any], files: dict[str, str]) -> None:
    mapper = mapper_of(f"{folder.parent.parent.name}/{folder.parent.name}")
    choices = {name: settings[name] for name in ("context", "now") if name in settings}
    invalid = {name: settings[name] for name in ("on_invalid",) if name in settings}
    answer = {name: settings[name] for name in ("status", "headers") if name in settings}
    body, page = _payload(folder), None
    if "query" in settings:
        request = mapper.plan(settings["query"], **choices)
        files["request.json"] = _json({part: getattr(request, part) for part in SENT})
        exchange = mapper.exchange(settings["query"], **choices, **invalid)
        try:
            next(exchange)
            if body is not None:
                exchange.send(Response(body, **answer))
        except StopIteration as end:
            page = end.value
        if page is None and request.diagnostics:
            files["diagnostics.txt"] = _rendered(request.diagnostics)
    elif body is not None:
        page = mapper.map(body, **choices, **invalid, **answer)
    if page is None:
        return
    if page.diagnostics:
        files["diagnostics.txt"] = _rendered(page.diagnostics)
    if page.rejected:
        files["rejected.json"] = _json(list(page.rejected))
    shown = page.render(settings.get("format"))
    files["response.ndjson" if isinstance(shown, str) else "response.json"] = (
        shown if isinstance(shown, str) else _json(shown)
    )


def _payload(folder: Path) -> Any:
    if (folder / "payload.txt").is_file():
        return (folder / "payload.txt").read_bytes()
    return json.loads((folder / "payload.json").read_bytes()) if (folder / "payload.json").is_file() else None


def _reason(stated: Any, error: MapperError | None) -> str | None:
    """How the failure differs from the one that case.yaml states."""
    if stated is None or error is None:
        if stated is None and error is None:
            return None
        return f"it must fail with {stated}, and does not" if error is None else f"it fails:\n\n{error}"
    wanted = {"error": stated} if isinstance(stated, str) else stated
    found = {name: type(error).__name__ if name == "error" else getattr(error, name, None) for name in wanted}
    return None if found == wanted else f"it must fail with {wanted}, and fails with {found}:\n\n{error}"


def _difference(name: str, expected: str | None, found: str | None) -> str:
    if expected is None:
        return f"{name} is not there, and it would be:\n\n{found}"
    if found is None:
        return f"{name} is there, and nothing of the kind comes out"
    lines = difflib.unified_diff(
        expected.splitlines(), found.splitlines(), f"{name} expected", f"{name} found", lineterm=""
    )
    return "\n".join(lines)


def _write(folder: Path, files: dict[str, str]) -> None:
    for name in EXPECTATIONS:
        if name in files:
            (folder / name).write_text(files[name], "utf-8", newline="\n")
        else:
            (folder / name).unlink(missing_ok=True)


def _rendered(diagnostics: tuple[Diagnostic, ...]) -> str:
    return "\n\n".join(found.render() for found in diagnostics) + "\n"


def _json(value: Any) -> str:
    return dumps(value, indent=2) + "\n"
