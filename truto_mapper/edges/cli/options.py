"""The arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from truto_mapper.authoring import mapping_files
from truto_mapper.edges.cli.input import read_json
from truto_mapper.edges.cli.output import UsageError
from truto_mapper.engine.of_one import METHODS
from truto_mapper.text import files, reports
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MappingError


def choice(option: str, names: Collection[str], about: str = "") -> Any:
    """An option whose value is one of `names`."""

    def check(value: str | None) -> str | None:
        if value is None or value in names:
            return value
        raise UsageError(f"{option} must be one of {', '.join(names)}, not {excerpt(value)}")

    return Option(option, metavar=option[2].upper(), help=f"{' | '.join(names)}{about}.", callback=check)


MappingName = Annotated[str, Argument(metavar="MAPPING", help="A file, or a name (gong/activity), ./mappings first.")]
Mappings = Annotated[list[str] | None, Argument(metavar="MAPPING", help="Files or names; else ./mappings.")]
Payload = Annotated[str, Argument(metavar="PAYLOAD", help="The provider's reply, a JSON file or -.")]
Context = Annotated[list[str] | None, Option(metavar="K=V", help="A setting of the account; repeat for more.")]
Overlays = Annotated[list[Path] | None, Option("--overlay", metavar="FILE", help="Apply an overlay; repeat for more.")]
Now = Annotated[str | None, Option(metavar="ISO", help="The time, an RFC 3339 date-time; by default the clock's.")]
Headers = Annotated[list[str] | None, Option("--header", metavar="N:V", help="A header of the reply; repeat for more.")]
Status = Annotated[int, Option(metavar="N", help="The HTTP status of the reply.")]

QUERY = "The unified query: start_time=…&end_time=…&users[]=1"
ReplyQuery = Annotated[str | None, Option(metavar="QS", help=QUERY + "; without it the endpoint is recognised.")]
Method = Annotated[str | None, choice("--method", METHODS, "; list by default")]
Id = Annotated[str | None, Option("--id", metavar="ID", help="The id of the record, for get, update and delete.")]
Body = Annotated[str | None, Option("--body", metavar="FILE", help="The unified body to create or update, JSON or -.")]
Joined = Annotated[
    list[str] | None, Option("--joined", metavar="NAME=FILE", help="A reply to a join, a JSON file; repeat for more.")
]
ReportFormat = Annotated[str, choice("--format", reports.FORMATS)]


def of_one(method: str | None, identity: str | None, body: str | None) -> dict[str, Any]:
    """The options about one record as arguments of `Mapper.plan`; empty if none is given."""
    given = {"method": method, "id": identity, "body": None if body is None else read_json(body)}
    return {name: value for name, value in given.items() if value is not None}


def joined(pairs: list[str] | None) -> dict[str, Any]:
    """The replies to joins as an argument of `Mapper.map`; empty if none is given."""
    found: dict[str, list[Any]] = {}
    for pair in pairs or ():
        name, equals, file = pair.partition("=")
        if not (name and equals and file):
            raise UsageError(f"--joined must be NAME=FILE, not {excerpt(pair)}")
        found.setdefault(name, []).append(read_json(file))
    return {"joined": found} if found else {}


def headers(lines: list[str] | None) -> list[tuple[str, str]]:
    """The names and values of `--header`."""
    pairs = [line.partition(":") for line in lines or ()]
    for name, colon, value in pairs:
        if not name.strip() or not colon:
            raise UsageError(f"--header must be NAME:VALUE, not {excerpt(name + colon + value)}")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def moment(now: str | None) -> str:
    """The value of `--now`, or the time."""
    return datetime.now(UTC).isoformat(timespec="seconds") if now is None else now


def located(name: str, folder: str = "mappings") -> str | Path:
    """What is meant on the command line: the path of a file, or the name of something shipped.

    A name means the file below `./mappings` or `./schemas`, if there is one. Raises `MappingError` M105.
    """
    known = files.known(folder, ".yaml")
    if name in known:
        return name if known[name].is_absolute() else known[name]
    if not files.is_name(name) or name.endswith(".yaml") or Path(name).exists():
        return Path(name)
    what = folder.removesuffix("s")
    raise MappingError(Diagnostic("M105", f"there is no {what} {excerpt(name)}", hint=did_you_mean(name, known)))


def mappings(targets: list[str] | None) -> list[Path]:
    """The mapping files of some targets. Raises `MappingError` M105."""
    return sorted({path for target in targets or (None,) for path in mapping_files.mappings(target)})


def one_mapping(name: str) -> Path:
    """The file of one mapping. Raises `MappingError` M105, `UsageError`."""
    found = mappings([name])
    if len(found) != 1:
        raise UsageError(f"{name} holds {len(found)} mappings; name one of them")
    return found[0]


def settings(pairs: list[str] | None) -> dict[str, str]:
    """The values of `--context` by name."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if name in found:
            raise UsageError(f"--context gives {name} twice: {excerpt(found[name])} and {excerpt(value)}")
        if not (name and equals):
            raise UsageError(f"--context must be NAME=VALUE, not {excerpt(pair)}")
        found[name] = value
    return found
