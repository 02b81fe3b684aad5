"""A job: how the replies in a file become its records and rejects. `Job.map_file` is all that an engine runs."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import pickle
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from truto_mapper import __version__
from truto_mapper.edges.bulk import reading
from truto_mapper.edges.bulk.files import RECORDS, REJECTS, File, Folder, Row, sources
from truto_mapper.edges.bulk.reading import Reply
from truto_mapper.edges.bulk.rejecting import Reject, of_misfit, of_page, of_reply
from truto_mapper.edges.bulk.writing import ACCOUNT, Records, Rejects
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.page import Page
from truto_mapper.engine.query import Query
from truto_mapper.engine.stored import Planned
from truto_mapper.text.diagnostics import Diagnostic, shortened
from truto_mapper.text.errors import MapperError

#: How many processes may die while they map a file.
TRIES = 3

#: The query, context and time of a reply that comes without them.
_UNKNOWN = (None, None, None)

#: How many stored rows are mapped as one reply, and how many queries of replies are kept planned.
ROWS, PLANS = 500, 1_000


@dataclass(frozen=True, kw_only=True)
class Job:
    """How stored replies are mapped. It can be pickled, and then needs no file of the mapping.

    `rows` names an endpoint if its rows are stored alone, without their replies. `query`, `context` (the account's
    settings), `now` and `account` are for replies that have none of their own, in columns of these names; `body` names
    the column with the replies.
    """

    mapper: Mapper[Any]
    rows: str | None = None
    query: Any = None
    context: Mapping[str, Any] | None = None
    now: str | None = None
    account: str | None = None
    body: str | None = None

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
            with folder.temporary(file.name) as temporary:
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
            message = f"cannot map {file.url}: {type(error).__name__}: {shortened(str(error), 500)}"
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
    message = f"{TRIES} processes died while they mapped {file.url}; was there too little memory?"
    return _failed(file, [Diagnostic("W904", message, hint="go on with --resume, and fewer --workers")])


def _failed(file: File, found: Iterable[Diagnostic]) -> Row:
    told = [{"code": one.code, "message": one.message, "hint": one.hint} for one in found]
    return {"source": file.url, "failed": told}


@lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> Job:
    """The job that bytes are. Collecting garbage in what is made now would take half of a worker's time."""
    job = Job(**pickle.loads(packed))  # noqa: S301  # a job that was pickled with it
    gc.collect()
    gc.freeze()
    return job


class Work:
    """The work on one file. `temporary` is the folder for what it writes."""

    def __init__(self, job: Job, file: File, temporary: Path) -> None:
        self.job, self.file, self.stored = job, file, job.mapper.stored
        self.records = Records(temporary / RECORDS, job.mapper.resource)
        self.rejects = Rejects(temporary / REJECTS)
        self.replies, self.notes = 0, dict[str, dict[str, Any]]()
        self._plans: dict[str, Planned] = {}

    def row(self) -> Row:
        """Write the files. Returns the row of the manifest."""
        given = reading.replies(self.file, self.job.body)
        if self.job.rows is None:
            for reply in given:
                self._map(reply)
        else:
            frame = self.stored.frame(self.job.rows)
            for group in reading.batched(given, ROWS):
                self._map_rows(group, *frame)
        self._reject(map(of_misfit, self.records.flush()))
        row = self._row(self.rejects.close())
        self.records.close(row)
        return row

    def _row(self, size: int | None) -> Row:
        """The row, with the size of the file of rejects, None for none."""
        codes = self.rejects.codes
        return {
            "source": self.file.url,
            "size": self.file.size,
            "version": self.file.version,
            "fingerprint": self.job.fingerprint,
            "replies": self.replies,
            "records": self.records.count,
            "rejects": sum(about["count"] for about in codes.values()),
            "rejects_by_code": dict(sorted(codes.items())),
            "notes": dict(sorted(self.notes.items())),
            "records_file": f"{RECORDS}/{self.file.name}",
            "rejects_file": None if size is None else f"{REJECTS}/{self.file.name}",
            "rejects_size": size,
        }

    def _map(self, reply: Reply) -> None:
        """Map a reply."""
        self.replies += 1
        try:
            page = self._page(reply)
        except MapperError as error:
            self._reject([of_reply(error.diagnostics, reply)])
            return
        self._reject(of_page(page, reply))
        self._write(page, [(len(page.records), reply.number, self._account(page, reply))])

    def _map_rows(self, group: Sequence[Reply], before: bytes, after: bytes) -> None:
        """Map rows as those of one reply; each half of them alone if that fails, until the row that fails is alone."""
        try:
            page = self._page(group[0]._replace(body=before + b",".join(one.body for one in group) + after))
        except MapperError as error:
            if len(group) == 1:
                self.replies += 1
                self._reject([of_reply(error.diagnostics, group[0])])
                return
            for half in (group[: len(group) // 2], group[len(group) // 2 :]):
                self._map_rows(half, before, after)
            return
        self.replies += len(group)
        depth, gone = before.count(b":"), set[int]()
        for reject in of_page(page, group[0]):
            number = int(reject.at.split("/")[depth + 1])
            gone.add(number)
            self._reject([reject.within(group[number], depth + 1)])
        kept = [one.number for number, one in enumerate(group) if number not in gone]
        account = self._account(page, group[0])
        is_known = len(kept) == len(page.records)  # else a row has several records, or none
        runs = (
            [(1, number, account) for number in kept] if is_known else [(len(page.records), group[0].number, account)]
        )
        self._write(page, runs)

    def _page(self, reply: Reply) -> Page[Any]:
        if reply.fault is not None:
            raise MapperError(reply.fault)
        page = self.stored.page(reply.body, self._planned(reply), 200 if reply.status is None else reply.status)
        self._note(page.diagnostics[len(page.query.notes) if page.query is not None else 0 :])
        return page

    def _planned(self, reply: Reply) -> Planned:
        """What a reply is mapped with."""
        given = reply.query or self.job.query, reply.context or self.job.context, reply.now or self.job.now
        key = "" if reply.about[:3] == _UNKNOWN else json.dumps(given, default=str)
        found = self._plans.get(key)
        if found is None:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            found = self._plans[key] = self.stored.planned(*given)
            self._note(found[0].notes if found[0] is not None else ())
        return found

    def _account(self, page: Page[Any], reply: Reply) -> str | None:
        query: Query | None = page.query
        asked = None if query is None else query.parameters.get(ACCOUNT)
        return reply.account or self.job.account or asked

    def _note(self, found: Sequence[Diagnostic]) -> None:
        """Count what was noted about pages. What is told of rejects is not counted, for they have it."""
        for one in found:
            if one.code[0] != "D":
                self.notes.setdefault(one.code, {"count": 0, "first": one.message})["count"] += 1

    def _reject(self, found: Iterable[Reject]) -> None:
        for one in found:
            self.rejects.add(one.row(self.file.url))

    def _write(self, page: Page[Any], runs: Sequence[tuple[int, int, str | None]]) -> None:
        self._reject(map(of_misfit, self.records.add(page.records, runs)))
