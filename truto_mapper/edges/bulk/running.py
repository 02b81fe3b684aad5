"""A run of a job: which files are left, what an engine makes of them, and what it comes to."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Literal, TypeAlias, get_args
from uuid import uuid4

from truto_mapper.edges.bulk.files import MANIFEST, RECORDS, File, Folder, Row, shown, sources
from truto_mapper.edges.bulk.job import Job
from truto_mapper.edges.bulk.manifest import Manifest
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError

#: What schedules the files of a job: this machine's processes, Spark or Ray.
EngineName: TypeAlias = Literal["local", "spark", "ray"]
ENGINES = get_args(EngineName)

#: What an engine does: it maps files, and gives the outcome of each, in any order.
Engine: TypeAlias = Callable[[Job, Sequence[File], Folder, int | None], Generator[Row]]


class Run:
    """A run of a job over some files, into a folder. `left` are the files to map, `done` those that were before.

    Raises `MapperError`: for a job that no reply can be mapped with, W901 for files that are not there, and W903 for a
    folder that holds something, unless the run is to `resume` what was begun in it.
    """

    def __init__(
        self,
        job: Job,
        given: Iterable[str | os.PathLike[str]],
        out: str | os.PathLike[str],
        *,
        resume: bool = False,
    ) -> None:
        job.check()
        self.job, self.folder = job, Folder(os.fspath(out), uuid4().hex)
        self.files = [file for file in sources(given) if not self.folder.holds(file)]
        self.manifest = Manifest(self.folder)
        try:
            self._check_folder(resume=resume)
            self.folder.begin()
            self.manifest.read()
            left = (one for one in self.files if not self.manifest.is_done(one, job.fingerprint))
            self.left = sorted(left, key=lambda one: -one.size)  # for a large one that begins last takes long
            self.done = len(self.files) - len(self.left)
        except OSError as error:
            raise self.folder.error(error) from None
        self.failed: list[Diagnostic] = []

    def _check_folder(self, *, resume: bool) -> None:
        found = self.folder.sizes("")
        if self.folder.is_file:
            message, hint = "is a file, not a folder", None
        elif found and not resume:
            message, hint = "is not empty", "go on with --resume what was begun there, or name another folder"
        elif found and not {MANIFEST, RECORDS} & found.keys():
            message, hint = "holds other files, and nothing that could be resumed", "name another folder"
        else:
            return
        raise MappingError(Diagnostic("W903", f"{shown(self.folder.url)} {message}", hint=hint))

    def rows(self, engine: EngineName | Engine = "local", workers: int | None = None) -> Iterator[Row]:
        """Map the files that are left. Yields the row of each that is done; the others are in `failed`.

        Raises `MappingError` W904 if the engine cannot go on. Then, as after a kill, a resumed run maps what is left.
        """
        maps = engine_of(engine) if isinstance(engine, str) else engine
        try:
            self.manifest.begin(self.left)
            with closing(maps(self.job, self.left, self.folder, workers)) as rows:
                for row in rows:
                    if "failed" in row:
                        self._fail([Diagnostic(**one) for one in row["failed"]])
                    else:
                        self.manifest.add(row)
                        yield row
        except OSError as error:
            raise self.folder.error(error) from None
        finally:
            self.manifest.close()
            self.folder.end()

    def _fail(self, found: Sequence[Diagnostic]) -> None:
        """Go on without a file, unless no other could be mapped either."""
        if any(one.code == "W903" for one in found):
            raise MappingError(found)
        self.failed += found

    @property
    def totals(self) -> dict[str, Any]:
        """What the files of this run became, those that were done before included."""
        found = (self.manifest.rows.get(one.records) for one in self.files)
        rows = [row for row in found if row is not None]
        return {
            "files": len(rows),
            "files_failed": len(self.files) - len(rows),
            "replies": sum(row["replies"] for row in rows),
            "records": sum(row["records"] for row in rows),
            "rejects": sum(row["rejects"] for row in rows),
            "rejects_by_code": _together((row["rejects_by_code"], row["source"]) for row in rows),
            "notes": _together((row["notes"], row["source"]) for row in rows),
        }


def _together(rows: Iterable[tuple[dict[str, Any], str]]) -> dict[str, Any]:
    """What rows of the manifest count by code, together, with the first of each and its file."""
    found: dict[str, Any] = {}
    for by_code, source in rows:
        for code, about in by_code.items():
            found.setdefault(code, {"count": 0, "first": about["first"], "file": source})["count"] += about["count"]
    return dict(sorted(found.items()))


def engine_of(name: EngineName) -> Engine:
    """An engine by its name. Raises `MappingError` W904 if what it needs is not installed."""
    try:
        match name:
            case "spark":
                from truto_mapper.edges.bulk.on_spark import map_files  # noqa: PLC0415  # an extra
            case "ray":
                from truto_mapper.edges.bulk.on_ray import map_files  # noqa: PLC0415  # an extra
            case _:
                from truto_mapper.edges.bulk.on_this_machine import map_files  # noqa: PLC0415  # likewise
    except ImportError:
        hint = f"pip install 'truto-mapper[{name}]'"
        raise MappingError(Diagnostic("W904", f"the engine {name} is not installed", hint=hint)) from None
    return map_files
