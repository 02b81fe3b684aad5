"""The files of golden cases: finds them and reads them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydantic

from truto_mapper.authoring.golden import joins
from truto_mapper.authoring.mapping_files import mapping_of
from truto_mapper.engine.of_one import Method
from truto_mapper.engine.rendering import loads
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.shape import schema_of, shaped

#: The payloads that are kept as bytes: not JSON, or CSV.
OF_BYTES = ("payload.txt", "payload.csv")
PAYLOADS = ("payload.json", *OF_BYTES, "body.json")
EXPECTATIONS = ("request.json", "response.json", "response.ndjson", "rejected.json", "diagnostics.txt")

OK = 200

#: The suffix of a file with the actual output, left beside the expected one for review.
PENDING = ".new"


#: The names of the errors that a case can fail with.
ErrorName = Literal["MappingError", "EvaluationError", "QueryError", "ProviderError"]


def _key(description: str, default: Any = None) -> Any:
    return pydantic.Field(default=default, description=description)


class Raises(pydantic.BaseModel):
    """How a case fails. What is not given is not compared; null is."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    error: ErrorName | None = _key("The name of the error.")
    status: int | None = _key("The HTTP status to answer with.")
    retry_after: int | None = _key("Of a ProviderError: after how many seconds to try again, or null.")
    request_id: str | None = _key("Of a ProviderError: the provider's reference of the request, or null.")
    code: str | None = _key("The code of the first diagnostic.")
    codes: list[str] | None = _key("The codes of all diagnostics, each once, in their order.")


class Reply(pydantic.BaseModel):
    """The status and headers of a reply to a join."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    status: int = _key("The HTTP status of the reply.", 200)
    headers: dict[str, str] = _key("The headers of the reply.", {})


class Settings(pydantic.BaseModel):
    """The contents of `case.yaml`."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, defer_build=True)

    description: str = pydantic.Field(min_length=1, description="What the case shows.")
    query: str | dict[str, Any] | None = _key("The unified query, as a query string or an object.")
    method: Method | None = _key("The method of the resource; by default the mapping's.")
    id: str | None = _key("The id of the record, for get, update and delete.")
    context: dict[str, Any] | None = _key("The settings of the account.")
    now: str | None = _key("The time, an RFC 3339 date-time.")
    status: int = _key("The HTTP status of the reply.", 200)
    headers: dict[str, str] = _key("The headers of the reply.", {})
    format: Literal["unified", "raw", "normalized", "stream", "debug"] | None = _key(
        "The response format; by default the query's."
    )
    on_invalid: Literal["raise", "discard_value", "discard_record"] = _key("What to do with invalid values.", "raise")
    joins: dict[str, list[Reply]] = _key("The status and headers of replies to joins, in order.", {})
    overlays: list[str] = _key("Overlays to apply, as paths relative to the folder of the mapping.", [])
    raises: ErrorName | Raises | None = _key("The error that must happen: its name, or some of what it says.")

    @property
    def failure(self) -> dict[str, Any]:
        """What is known of the error that must happen; empty if none."""
        if isinstance(self.raises, Raises):
            return self.raises.model_dump(exclude_unset=True)
        return {} if self.raises is None else {"error": self.raises}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a `case.yaml`, for editors."""
    return schema_of(Settings, "case.schema.json")


@dataclass(frozen=True, slots=True)
class Case:
    """A case, as read from its folder.

    `payload` is parsed JSON, bytes, or None; `body` the caller's, parsed or None; `expected` the texts of its files.
    `joined` has the replies to its joins.
    """

    folder: Path
    mapping: Path
    settings: Settings
    node: yaml_tree.Node
    payload: Any
    body: Any
    expected: Mapping[str, str]
    joined: joins.Replies

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def is_answered(self) -> bool:
        """Whether the provider answers: with a payload, or with a status and no body, as 204 has none."""
        return self.payload is not None or self.settings.status != OK


def folders(mapping: Path) -> list[Path]:
    """The case folders beside a mapping."""
    return sorted(path.parent for path in mapping.with_suffix("").glob("*/case.yaml"))


def read(folder: Path) -> Case:
    """Read the case in a folder. Raises `MappingError` with every finding about `case.yaml`, and P602."""
    node = yaml_tree.parse(files.read(folder / "case.yaml", kind=files.Kind("a golden case", Settings.model_fields)))
    settings = shaped(node, Settings)
    names = [name for name in EXPECTATIONS if (folder / name).is_file()] + joins.requests_in(folder)
    expected = {name: _text(folder / name) for name in names}
    given = _payload(folder), _json(folder / "body.json")
    joined = joins.replies_in(folder, settings.joins, _json)
    return Case(folder, mapping_of(folder.parent), settings, node, *given, expected, joined)


def _text(path: Path) -> str:
    """The text of an expectation; one that is not UTF-8 is not what any case gives."""
    try:
        return files.read(path).text
    except MappingError as error:
        if error.span is None:
            raise
        return error.diagnostics[0].source.text  # type: ignore[union-attr]  # it is where the span is


def _payload(folder: Path) -> Any:
    for path in (folder / name for name in OF_BYTES):
        if path.is_file():
            return path.read_bytes()
    return _json(folder / "payload.json")


def _json(path: Path) -> Any:
    """The JSON of a file, None if there is none."""
    if not path.is_file():
        return None
    source = files.read(path)
    try:
        found = loads(source.text)
    except (ValueError, RecursionError) as error:
        raise MappingError(Diagnostic("P602", f"not valid JSON: {error}", source=source)) from None
    return b"null" if found is None else found  # None is no payload


def orphans(mapping: Path, chosen: Collection[Path] = ()) -> list[Diagnostic]:
    """G703: the files in the folder beside a mapping that belong to no case; only in `chosen` if that is not empty."""
    known = {folder / name for folder in folders(mapping) for name in ("case.yaml", *PAYLOADS, *EXPECTATIONS)}
    below = [path for top in chosen or [mapping.with_suffix("")] for path in top.glob("**/*")]
    stray = sorted(p for p in below if p.is_file() and p not in known and not _is_of_case(p))
    hint = "a case has a case.yaml, a payload and expected output; remove or rename the file"
    return [Diagnostic("G703", f"{path} belongs to no case", hint=hint) for path in stray]


def _is_of_case(path: Path) -> bool:
    """Whether a file is pending, or of a join of the case in its folder."""
    return path.suffix == PENDING or (joins.is_of_join(path.name) and (path.parent / "case.yaml").is_file())


def ownerless(folder: Path) -> list[Diagnostic]:
    """G703: the folders of cases in a folder, or in one below it, whose mapping is gone or has another name."""
    cases = {path.parent for depth in ("*", "*/*", "*/*/*") for path in folder.glob(f"{depth}/case.yaml")}
    cases |= {folder} if (folder / "case.yaml").is_file() else set()
    tops = sorted({case.parent for case in cases if not mapping_of(case.parent).is_file()})
    return [_without_mapping(top, [case for case in cases if case.parent == top]) for top in tops]


def _without_mapping(top: Path, cases: list[Path]) -> Diagnostic:
    message = f"{top} has golden cases ({len(cases)}), but there is no mapping {mapping_of(top)}"
    bare = [path.stem for path in sorted(top.parent.glob("*.yaml")) if not folders(path)]
    hint = f"rename the folder to {bare[0]}" if len(bare) == 1 else "give the folder the name of its mapping"
    return Diagnostic("G703", message, hint=f"{hint}, or remove it")
