"""The command that compares two versions of a mapping or a resource: diff."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from truto_mapper.edges.cli.options import ReportFormat, one_mapping
from truto_mapper.edges.cli.output import FINDINGS, conclude, reported, write
from truto_mapper.engine.mapper import load
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MapperError, MappingError
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.authoring import diff


def diff_(
    old: Annotated[str, Argument(metavar="OLD", help="A file, REV:PATH of git, or a name.")],
    new: Annotated[str, Argument(metavar="NEW", help="Likewise; both are mappings, or both specs of a resource.")],
    cases: Annotated[str | None, Option(metavar="MAPPING", help="Run the golden cases of MAPPING, not NEW's.")] = None,
    approvals: Annotated[
        Path | None, Option(metavar="FILE", help="Approvals; else .truto-approvals.yaml beside NEW.")
    ] = None,
    format_: ReportFormat = "text",
) -> None:
    """Show what changed between two versions of a mapping or resource.

    It says whether a change breaks readers or callers.
    """
    from truto_mapper.authoring import diff

    with reported(format_), _version(old) as (before, from_here), _version(new) as (after, to_here):
        changes, ran = _changes(before, after, cases)
        file = approvals or after.parent / ".truto-approvals.yaml"
        known = files.read(file) if approvals or file.is_file() else None
        found = [to_here(from_here(one)) for one in diff.unapproved(changes, known)]
    conclude(found, format_, [new])
    counts = [sum(one.severity == severity for one in found) for severity in ("error", "warning", "note")]
    if format_ == "text":
        same = not any(one.found.code in ("B321", "B322") for one in changes)
        said = f"; {ran} golden cases give the same" if ran and same else ""
        write("{} breaking, {} risky, {} compatible".format(*counts) + said if any(counts) else "nothing changed")
        write("\n")
    if counts[0]:
        raise typer.Exit(FINDINGS)


def _changes(old: Path, new: Path, cases: str | None) -> tuple[list[diff.Change], int]:
    """The changes, and the number of golden cases that were run."""
    from truto_mapper.authoring import diff, golden

    roots = [yaml_tree.parse(files.read(path, kind=files.EITHER)) for path in (old, new)]
    kinds = {diff.kind_of(root) for root in roots}
    if kinds == {"resource"}:
        return diff.resources(roots[0].source, roots[1].source), 0
    if kinds != {"mapping"}:
        raise diff.refused(*roots)
    beside = one_mapping(cases) if cases else new
    before, after = load(old), load(new)
    read = [golden.read(folder) for folder in golden.folders(beside)]
    return diff.behaviour(before, after, read, diff.mappings(before, after)), len(read)


@contextmanager
def _version(name: str) -> Iterator[tuple[Path, Callable[[Diagnostic], Diagnostic]]]:
    """The file of a version, and a function that puts the user's own name for it into findings.

    Raises `MappingError` M105.
    """
    import zipfile

    from truto_mapper.authoring import mapping_files

    known = files.known("mappings", ".yaml") | files.known("schemas", ".yaml")
    path = mapping_files.from_here(known[name]) if name in known else Path(name)
    revision, colon, inside = name.partition(":")
    if path.is_file() or not colon:
        yield path, lambda found: found
        return
    with TemporaryDirectory() as folder:
        with zipfile.ZipFile(io.BytesIO(_archive(revision, name))) as archive:
            archive.extractall(folder)
        if not Path(folder, inside).is_file():
            raise MappingError(Diagnostic("M105", f"revision {excerpt(revision)} has no file {excerpt(inside)}"))

        def renamed(found: Diagnostic) -> Diagnostic:
            if found.source is None or not Path(found.source.name).is_relative_to(folder):
                return found
            shown = f"{revision}:{Path(found.source.name).relative_to(folder)}"
            return replace(found, source=Source(shown, found.source.text))

        try:
            yield Path(folder) / inside, renamed
        except MapperError as error:
            raise type(error)([renamed(one) for one in error.diagnostics]) from None


def _archive(revision: str, name: str) -> bytes:
    """The tree of a revision of the current git repository, as a ZIP file. Raises `MappingError` M105."""
    try:
        top = _git("rev-parse", "--show-toplevel").decode().strip()
        tree = _git("rev-parse", "--verify", "--end-of-options", revision + "^{tree}").decode().strip()
        return _git("-C", top, "archive", "--format=zip", tree)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"") or str(error).encode()
        why = said.decode(errors="replace").strip().splitlines()[-1]
        message = f"{excerpt(name)} is neither a file nor a git revision: {why}"
        raise MappingError(Diagnostic("M105", message, hint="write it as REV:PATH, HEAD~1:mappings/…")) from None


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout  # noqa: S603, S607  # as given
