"""The work on one file: its replies become records, rejects and a row of the manifest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truto_mapper.edges.bulk import reading
from truto_mapper.edges.bulk.files import RECORDS, REJECTS, File
from truto_mapper.edges.bulk.reading import Reply
from truto_mapper.edges.bulk.rejecting import Reject, of_misfit, of_page, of_reply
from truto_mapper.edges.bulk.writing import ACCOUNT, Records, Rejects
from truto_mapper.engine.page import Page
from truto_mapper.engine.query import Query
from truto_mapper.engine.stored import Planned
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
        key = json.dumps(given, default=str)
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
