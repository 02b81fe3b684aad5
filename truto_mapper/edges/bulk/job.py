"""A job: how the replies in a file become its records and rejects. `Job.map_file` is all that an engine runs."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import pickle
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from truto_mapper import __version__
from truto_mapper.edges.bulk import reading
from truto_mapper.edges.bulk.files import RECORDS, REJECTS, File, Folder, Row, shown, sources
from truto_mapper.edges.bulk.reading import Reply
from truto_mapper.edges.bulk.rejecting import Reject, of_misfit, of_page, of_reply
from truto_mapper.edges.bulk.writing import ACCOUNT, Records, Rejects
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.page import Page
from truto_mapper.engine.stored import Frame, Planned
from truto_mapper.text.diagnostics import Diagnostic, shortened
from truto_mapper.text.errors import EvaluationError, MapperError

#: How many processes may die while they map a file.
TRIES = 3

#: The code of an evaluation that took too long.
TOO_LONG = "D1012"

#: The query, context and time of a reply that comes without them.
_UNKNOWN = (None, None, None)

#: How many stored rows are mapped as one reply, and how many queries of replies are kept planned.
ROWS, PLANS = 500, 1_000


@dataclass(frozen=True, kw_only=True)
class Job:
    """How stored replies are mapped. It can be pickled, and then needs no file of the mapping.

    `rows` names an endpoint if its rows are stored alone, without their replies. `query`, `context` (the account's
    settings), `now` and `account` are for replies that have none of their own, in columns of these names; `body` names
    the column with the replies. Without `remote_data` that column is empty.
    """

    mapper: Mapper[Any]
    rows: str | None = None
    query: Any = None
    context: Mapping[str, Any] | None = None
    now: str | None = None
    account: str | None = None
    body: str | None = None
    remote_data: bool = True

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.packed,)

    @cached_property
    def packed(self) -> bytes:
        """The job as bytes. A process that gets them again and again compiles the mapping once."""
        return pickle.dumps({name: getattr(self, name) for name in self.__dataclass_fields__})

    @cached_property
    def fingerprint(self) -> str:
        """What files are mapped with: the texts of the mapping, this job and the version of this package, as a hash."""
        about = [getattr(self, name) for name in self.__dataclass_fields__ if name != "mapper"]
        texts = json.dumps([__version__, self.mapper.stored.texts(), about], default=str, sort_keys=True)
        return hashlib.sha256(texts.encode()).hexdigest()[:16]

    def check(self) -> None:
        """Raise a `MapperError` for what no reply could be mapped with."""
        self.mapper.stored.planned(self.query, self.context, self.now)
        if self.rows is not None:
            self.mapper.stored.frame(self.rows)

    def map_file(self, source: File | str | os.PathLike[str], target: Folder | str | os.PathLike[str]) -> Row:
        """Map the replies in a file: their records and rejects go to a folder, whole or not at all.

        Mapping the file again gives the same files under the same names. Returns the row of the manifest. Raises
        `MappingError` W901 for a file that cannot be read to its end, and W903 for a folder that cannot be written to.
        """
        file = source if isinstance(source, File) else sources([source])[0]
        folder = target if isinstance(target, Folder) else Folder(os.fspath(target))
        start = time.process_time()
        try:
            if not folder.run:
                folder.make()
            with folder.temporary(file.name) as temporary, _collected_between_chunks():
                row = Work(self, file, temporary).row()
                self._commit(folder, temporary, row)
        except OSError as error:
            raise folder.error(error) from None
        return row | {"cpu_seconds": round(time.process_time() - start, 3)}

    def attempt(self, file: File, folder: Folder) -> Row:
        """The row of a file, or under `failed` why there is none: what an engine needs of each file."""
        if folder.deaths(file.name) >= TRIES:
            return deadly(file)
        try:
            return self.map_file(file, folder)
        except MapperError as error:
            return _failed(file, error.diagnostics)
        except Exception as error:  # noqa: BLE001  # whatever it is, other files can be mapped
            message = f"cannot map {shown(file.url)}: {type(error).__name__}: {shortened(str(error), 500)}"
            hint = "this is a fault of truto-mapper: please report it"
            return _failed(file, [Diagnostic("W904", message, hint=hint)])

    @staticmethod
    def _commit(folder: Folder, temporary: Path, row: Row) -> None:
        """Give the files their names. The records come last: where they are, the rejects are too."""
        if row["rejects_file"] is not None:
            folder.put(temporary / REJECTS, row["rejects_file"])
        folder.put(temporary / RECORDS, row["records_file"])
        if row["rejects_file"] is None:
            folder.remove(row["records_file"].replace(RECORDS, REJECTS, 1), temporary)


def deadly(file: File) -> Row:
    """The row of a file that ended every process that mapped it."""
    message = f"{TRIES} processes died while they mapped {shown(file.url)}; was there too little memory?"
    return _failed(file, [Diagnostic("W904", message, hint="go on with --resume, and fewer --workers")])


def _failed(file: File, found: Iterable[Diagnostic]) -> Row:
    told = [{"code": one.code, "message": one.message, "hint": one.hint} for one in found]
    return {"records_file": file.records, "failed": told}


def in_worker(job: Job, files: Iterable[File], folder: Folder) -> list[Row]:
    """The rows of files: what a process does that only maps."""
    rows = [job.attempt(file, folder) for file in files]
    _freeze(job.fingerprint)
    return rows


@lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> Job:
    """The job that bytes are."""
    job = Job(**pickle.loads(packed))  # noqa: S301  # a job that was pickled with it
    _freeze("")
    return job


@lru_cache(maxsize=4)
def _freeze(_: str) -> None:
    """Exclude all objects that exist now from garbage collection, which would take half of a worker's time.

    This happens once a job is compiled, and again after its first file, which adds more of them.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def _collected_between_chunks() -> Iterator[None]:
    """Look for garbage when `Records` has written a chunk, rather than while thousands of records wait for that."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Work:
    """The work on one file. `temporary` is the folder for what it writes."""

    def __init__(self, job: Job, file: File, temporary: Path) -> None:
        self.job, self.file, stored = job, file, job.mapper.stored
        self.stored, self.place = stored if job.rows is None else stored.only(job.rows), file.place
        self.records = Records(temporary / RECORDS, job.mapper.resource, remote_data=job.remote_data)
        self.rejects = Rejects(temporary / REJECTS)
        self.replies, self.notes = 0, dict[str, dict[str, Any]]()
        self._plans: dict[str, Planned | MapperError] = {}

    def row(self) -> Row:
        """Write the files. Returns the row of the manifest."""
        given = reading.replies(self.file, self.job.body)
        if self.job.rows is None:
            for reply in given:
                self._map(reply)
        else:
            frame = self.stored.frame(self.job.rows)
            for group in reading.batched(given, 1 if frame.is_nested else ROWS):
                self._map_rows(group, frame)
        self._reject(map(of_misfit, self.records.flush()))
        row = self._row(self.rejects.close())
        self.records.close(row)
        return row

    def _row(self, size: int | None) -> Row:
        """The row, with the size of the file of rejects, None for none."""
        codes = self.rejects.codes
        return {
            "source": self.place,
            "size": self.file.size,
            "version": self.file.version,
            "fingerprint": self.job.fingerprint,
            "replies": self.replies,
            "records": self.records.count,
            "rejects": sum(about["count"] for about in codes.values()),
            "rejects_by_code": dict(sorted(codes.items())),
            "notes": dict(sorted(self.notes.items())),
            "records_file": self.file.records,
            "rejects_file": None if size is None else f"{REJECTS}/{self.file.name}",
            "rejects_size": size,
        }

    def _map(self, reply: Reply) -> None:
        """Map a reply."""
        self.replies += 1
        reply, page, found = self._page(reply)
        if page is None:
            self._reject([of_reply(found, reply)])
            return
        self._reject(of_page(page, reply))
        self._write(page, [(len(page.records), reply.number, reply.account)], len(reply.body))

    def _map_rows(self, group: Sequence[Reply], frame: Frame) -> None:
        """Map rows as those of one reply; each half of them alone if that fails, until the row that fails is alone."""
        body = frame.before + b",".join([one.body for one in group]) + frame.after
        reply, page, found = self._page(group[0]._replace(body=body))
        if page is not None and page.endpoint == frame.endpoint and self._take(group, frame, reply, page):
            return
        if len(group) > 1:
            for half in (group[: len(group) // 2], group[len(group) // 2 :]):
                self._map_rows(half, frame)
            return
        self.replies += 1
        found = reading.unreadable(group[0].body) or (found if page is None else [_of_another(page.endpoint, frame)])
        failed = of_reply(found, group[0]).within(reply.number, f"{frame.at}/0")
        self._reject([failed._replace(account=reply.account)])

    def _take(self, group: Sequence[Reply], frame: Frame, reply: Reply, page: Page[Any]) -> bool:
        """Write the page of some rows; not if it is not known which record is of which row."""
        rejects = list(of_page(page, reply))
        gone = [int(one.at[len(frame.at) + 1 :].partition("/")[0]) for one in rejects]
        kept = [one.number for n, one in enumerate(group) if n not in gone and one.body != b"null"]
        if len(group) == 1:
            runs = [(len(page.records), reply.number, reply.account)]
        elif len(kept) == len(page.records):
            runs = [(1, number, reply.account) for number in kept]
        else:
            return False
        self.replies += len(group)
        self._reject(one.within(group[n].number, f"{frame.at}/{n}") for one, n in zip(rejects, gone, strict=True))
        self._write(page, runs, len(reply.body))
        return True

    def _page(self, reply: Reply) -> tuple[Reply, Page[Any] | None, Sequence[Diagnostic]]:
        """A reply with its account, and its page; None and what is wrong if it is rejected as a whole."""
        own, reply = reply.account, reply._replace(account=reply.account or self.job.account)
        if reply.fault is not None:
            return reply, None, [reply.fault]
        try:
            planned = self._planned(reply)
            asked = None if planned[0] is None else planned[0].parameters.get(ACCOUNT)
            if asked is not None and own is None:
                reply = reply._replace(account=asked)
            page = self._mapped(reply, planned)
        except MapperError as error:
            return reply, None, error.diagnostics
        told = set(chain.from_iterable(page.rejected_for))
        self._note(page.diagnostics[len(page.query.notes) if page.query is not None else 0 :], told)
        return reply, page, ()

    def _mapped(self, reply: Reply, planned: Planned) -> Page[Any]:
        """The page of a reply. Where it took too long it is tried again: perhaps this process was stopped meanwhile."""
        status = 200 if reply.status is None else reply.status
        try:
            return self.stored.page(reply.body, planned, status)
        except EvaluationError as error:
            if error.code != TOO_LONG:
                raise
            return self.stored.page(reply.body, planned, status)

    def _planned(self, reply: Reply) -> Planned:
        """What a reply is mapped with. Raises as `Mapper.plan` does."""
        given = reply.query or self.job.query, reply.context or self.job.context, reply.now or self.job.now
        key = "" if reply.about[:3] == _UNKNOWN else repr(given)
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            found = self._plans[key] = self._plan(*given)
        if isinstance(found, MapperError):
            raise MapperError(found.diagnostics)
        return found

    def _plan(self, *given: Any) -> Planned | MapperError:
        try:
            found = self.stored.planned(*given)
        except MapperError as error:
            return error
        self._note(found[0].notes if found[0] is not None else ())
        return found

    def _note(self, found: Sequence[Diagnostic], told: Collection[Diagnostic] = ()) -> None:
        """Count what was noted about pages. What is told of rejects is not counted, for they have it."""
        for one in found:
            if one not in told:
                self.notes.setdefault(one.code, {"count": 0, "first": one.message})["count"] += 1

    def _reject(self, found: Iterable[Reject]) -> None:
        for one in found:
            self.rejects.add(one.row(self.place))

    def _write(self, page: Page[Any], runs: Sequence[tuple[int, int, str | None]], size: int) -> None:
        self._reject(map(of_misfit, self.records.add(page.records, runs, size)))


def _of_another(name: str | None, frame: Frame) -> Diagnostic:
    message = f"a reply with this row is taken for one of {name or 'no endpoint'}, not of {frame.endpoint}"
    return Diagnostic("P603", message, pointer="", hint="give its whole replies")
