"""The work on one file: its replies become records, rejects and a row of the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truto_mapper.edges.bulk import reading
from truto_mapper.edges.bulk.files import RECORDS, REJECTS, File
from truto_mapper.edges.bulk.reading import Reply
from truto_mapper.edges.bulk.rejecting import Reject, of_misfit, of_page, of_reply
from truto_mapper.edges.bulk.writing import ACCOUNT, Records, Rejects
from truto_mapper.engine.page import Page
from truto_mapper.engine.stored import Frame, Planned
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError

if TYPE_CHECKING:
    from truto_mapper.edges.bulk.job import Job

#: A row of the manifest: a JSON object that says what one file became.
Row = dict[str, Any]

#: How many stored rows are mapped as one reply, and how many queries of replies are kept planned.
ROWS, PLANS = 500, 1_000


class Work:
    """The work on one file. `temporary` is the folder for what it writes."""

    def __init__(self, job: Job, file: File, temporary: Path) -> None:
        self.job, self.file, stored = job, file, job.mapper.stored
        self.stored = stored if job.rows is None else stored.only(job.rows)
        self.records = Records(temporary / RECORDS, job.mapper.resource)
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
        reply, page, found = self._page(reply)
        if page is None:
            self._reject([of_reply(found, reply)])
            return
        self._reject(of_page(page, reply))
        self._write(page, [(len(page.records), reply.number, reply.account)])

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
        self._write(page, runs)
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
            page = self.stored.page(reply.body, planned, 200 if reply.status is None else reply.status)
        except MapperError as error:
            return reply, None, error.diagnostics
        self._note(page.diagnostics[len(page.query.notes) if page.query is not None else 0 :])
        return reply, page, ()

    def _planned(self, reply: Reply) -> Planned:
        """What a reply is mapped with. Raises as `Mapper.plan` does."""
        given = reply.query or self.job.query, reply.context or self.job.context, reply.now or self.job.now
        key = repr(given)
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

    def _note(self, found: Sequence[Diagnostic]) -> None:
        """Count what was noted about pages. What is told of rejects is not counted, for they have it."""
        for one in found:
            if one.code[0] != "D":
                self.notes.setdefault(one.code, {"count": 0, "first": one.message})["count"] += 1

    def _reject(self, found: Iterable[Reject]) -> None:
        for one in found:
            self.rejects.add(one.row(self.file.shown))

    def _write(self, page: Page[Any], runs: Sequence[tuple[int, int, str | None]]) -> None:
        self._reject(map(of_misfit, self.records.add(page.records, runs)))


def _of_another(name: str | None, frame: Frame) -> Diagnostic:
    message = f"a reply with this row is taken for one of {name or 'no endpoint'}, not of {frame.endpoint}"
    return Diagnostic("P603", message, pointer="", hint="give its whole replies")
