"""The command that compares real replies with the schemas of a mapping: drift."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from truto_mapper import load
from truto_mapper.edges.cli import options
from truto_mapper.edges.cli.input import json_lines, parse_json, rows_or_text
from truto_mapper.edges.cli.output import FINDINGS, UsageError, conclude, reported
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.trace import Trace
from truto_mapper.resource import openapi
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.authoring.drift import Drift
    from truto_mapper.authoring.observation import Seen
    from truto_mapper.mapping.linked import Endpoint


@dataclass(slots=True)
class _Replies:
    """What the replies of some files hold, by endpoint; `skipped` counts cases without a reply to compare."""

    mapper: Mapper
    endpoint: Endpoint | None
    by_endpoint: dict[str, Seen] = field(default_factory=dict)
    strangers: list[Diagnostic] = field(default_factory=list)
    skipped: int = 0

    def add(self, name: str, body: Any, served_by: str = "") -> None:
        """Add a reply to the endpoint of `--endpoint`, to that which served it, or to those that recognise it."""
        from truto_mapper.authoring import drift, observation

        known = self.endpoint or next((one for one in self.mapper.mapping.endpoints if one.name == served_by), None)
        found = [known] if known else drift.recognised(self.mapper, body)
        for one in found:
            self.by_endpoint.setdefault(one.name, observation.Seen()).reply(name, body)
        if not found:
            names = ", ".join(one.name for one in self.mapper.mapping.endpoints)
            message = f"{name} is not recognised as a reply of any endpoint"
            hint = f"name the endpoint: --endpoint NAME ({names})"
            self.strangers.append(Diagnostic("P603", message, pointer="", hint=hint))


def drift_(
    name: options.MappingName,
    payloads: Annotated[
        list[str],
        Argument(metavar="PAYLOAD", help="Replies as JSON, an array of them, or NDJSON; folders of cases; or -."),
    ],
    endpoint: Annotated[str | None, Option(metavar="NAME", help="Whose replies they are; else recognised.")] = None,
    overlays: options.Overlays = None,
    write_: Annotated[bool, Option("--write", help="Write what the replies show into the schemas.")] = False,
    format_: options.ReportFormat = "text",
) -> None:
    """Compare real replies with the provider's schemas. Fails if something changed that the mapping reads."""
    from truto_mapper.authoring import drift

    with reported(format_):
        mapping = options.located(name)
        mapper = load(mapping, overlays=overlays or ())
        replies = _Replies(mapper, _endpoint(mapper, endpoint))
        for payload in payloads:
            _collect(payload, replies)
        found = [
            drift.drift(mapper, one, replies.by_endpoint[one.name])
            for one in mapper.mapping.endpoints
            if one.name in replies.by_endpoint
        ]
        written = [line for one in found for line in _written(mapper, mapping, one)] if write_ else []
    _show(found, replies, written, format_)


def _endpoint(mapper: Mapper, name: str | None) -> Endpoint | None:
    known = {one.name: one for one in mapper.mapping.endpoints}
    if name is not None and name not in known:
        raise UsageError(f"--endpoint must be one of {', '.join(known)}, not {excerpt(name)}")
    return None if name is None else known[name]


# ── What is read ─────────────────────────────────────────────────────────────────────────────────────────────────


def _collect(payload: str, replies: _Replies) -> None:
    """Add the replies of a file, of stdin or of a folder of golden cases. Raises `MappingError`."""
    from truto_mapper.authoring import drift

    if payload != "-" and Path(payload).is_dir():
        _collect_cases(Path(payload), replies)
        return
    source = rows_or_text(payload, replies.mapper)
    if not isinstance(source, Source):
        replies.add(payload, source)
        return
    if lines := json_lines(source):
        for number, one in lines:
            replies.add(f"{source.name}:{number}", one)
        return
    body = parse_json(source)
    if body == []:
        raise UsageError(f"{source.name} holds no replies")
    if isinstance(body, list) and not drift.takes_arrays(replies.mapper, replies.endpoint):
        for index, one in enumerate(body):
            replies.add(f"{source.name}#{index}", one)
    else:
        replies.add(source.name, body)


def _collect_cases(folder: Path, replies: _Replies) -> None:
    """Add the payloads of golden cases, without those of failed requests."""
    from truto_mapper.authoring import golden
    from truto_mapper.engine import csv_bodies

    folders = [folder] if (folder / "case.yaml").is_file() else sorted(one.parent for one in folder.glob("*/case.yaml"))
    if not folders:
        raise UsageError(f"{folder} holds no golden cases")
    for case in map(golden.read, folders):
        payload = csv_bodies.decoded(case.payload, replies.mapper.mapping.endpoints)
        if isinstance(payload, (dict, list)) and 200 <= case.settings.status < 300:
            trace = Trace()
            golden.run(case, replies.mapper.traced(trace))  # its method and its query tell the endpoint
            replies.add(case.name, payload, trace.endpoint)
        else:
            replies.skipped += 1


# ── What is written ──────────────────────────────────────────────────────────────────────────────────────────────


def _written(mapper: Mapper, mapping: str | Path, found: Drift) -> Iterator[str]:
    """Write the schema of an endpoint so that it allows its replies, and say what changed."""
    from truto_mapper.authoring import drift

    if not isinstance(mapping, Path):
        raise UsageError("--write needs a mapping that is given by its path")
    node = mapper.mapping.root.value["endpoints"].value[found.endpoint.name].value["source_schema"]
    path = files.beside(node.value, "schemas", ".schema.json", mapping)
    if path is None:
        raise UsageError(
            f"--write needs the schema {node.value} in a folder called schemas beside or above the mapping"
        )
    schema = parse_json(files.read(path))
    made = drift.widened(schema, found.changes)
    if made:
        path.write_text(openapi.json_text(schema), "utf-8")
        yield f"{path}: wrote {_counted(len(made), 'change')}"
    gone = [one.place for one in found.changes if one.kind == "gone"]
    if gone:
        yield f"{path}: still declares {', '.join(gone)}"


# ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────


def _show(found: list[Drift], replies: _Replies, written: list[str], format_: str) -> None:
    """Print the changes as findings, those that the mapping reads first, and a line for each endpoint."""
    changes = sorted((change for one in found for change in one.changes), key=lambda change: not change.is_read)
    conclude([*replies.strangers, *(one.found for one in changes)], format_, [one.endpoint.name for one in found])
    if format_ == "text" and sys.stdout.isatty() and (replies.strangers or changes):
        typer.echo()  # a blank line between the findings and the summary
    for line in (*map(_summary, found), *_notes(replies), *written) if format_ == "text" else ():
        typer.echo(line)
    if replies.strangers or any(change.is_read for change in changes):
        raise typer.Exit(FINDINGS)


def _summary(found: Drift) -> str:
    """An endpoint in one line."""
    read = sum(one.is_read for one in found.changes)
    said = f"{_counted(read, 'change')} that the mapping reads" if read else "nothing changed that the mapping reads"
    more = f", {len(found.changes) - read:,} that it does not read" if len(found.changes) > read else ""
    name, colour = typer.style(found.endpoint.name, bold=True), "red" if read else "green"
    return f"{name}: {_counted(found.replies, 'reply')}, {typer.style(said, fg=colour)}{more}"


def _notes(replies: _Replies) -> Iterator[str]:
    if replies.skipped:
        yield f"left out: {_counted(replies.skipped, 'case')} without a reply, or with that of a failed request"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what if count == 1 else what.removesuffix('y') + ('ies' if what.endswith('y') else 's')}"
