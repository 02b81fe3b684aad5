"""Rejects: rows and replies that gave no record, each with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from truto_mapper.edges.bulk.columns import whole
from truto_mapper.edges.bulk.reading import Reply
from truto_mapper.edges.bulk.writing import ACCOUNT, Misfit
from truto_mapper.engine import typed_json
from truto_mapper.engine.page import Page
from truto_mapper.resource.field import REMOTE_DATA
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted, is_within, json_pointer
from truto_mapper.text.record import NamedTuple


class Reject(NamedTuple):
    """What was rejected: the number of its reply in the file, its account, its findings and its own text.

    `at` is the JSON Pointer to a row in its reply, "" for a whole reply.
    """

    page: int
    account: str | None
    findings: Sequence[Diagnostic]
    raw: bytes
    at: str = ""

    def row(self, file: str) -> dict[str, Any]:
        """A row of the file of rejects."""
        first, *further = self.findings
        return {
            "file": whole(file),
            "page": self.page,
            "place": _place(first),
            "further": [_told(one) for one in further],
            "raw": self.raw.decode(errors="backslashreplace"),
            ACCOUNT: self.account,
            **_told(first),
        }

    def within(self, number: int, row: str) -> Reject:
        """The reject of a row that was stored alone as that of a number; `row` is its pointer in its reply."""
        return self._replace(page=number, findings=[_within(one, row) for one in self.findings])


def _within(found: Diagnostic, row: str) -> Diagnostic:
    """A finding with a pointer from where a row starts, if it is in that."""
    if found.pointer is None or not is_within(found.pointer, row):
        return found
    return replace(found, pointer=found.pointer[len(row) :])


def _told(found: Diagnostic) -> dict[str, str | None]:
    pointer = None if found.pointer is None else whole(found.pointer)
    return {"code": found.code, "pointer": pointer, "message": whole(found.message)}


def _place(found: Diagnostic) -> str | None:
    """Where in the mapping a finding is: its file, line and column."""
    if found.source is None:
        return None
    if found.span is None:
        return found.source.name
    line, column = found.source.position(found.span.start)
    return f"{found.source.name}:{line}:{column}"


def of_reply(found: Sequence[Diagnostic], reply: Reply) -> Reject:
    """The reject of a reply that cannot be mapped at all."""
    errors = [one for one in found if one.severity == "error"] or found
    return Reject(reply.number, reply.account, errors, reply.body)


def of_page(page: Page[Any], reply: Reply) -> Iterator[Reject]:
    """The rejects of the rows of a page."""
    if page.rejected:
        raws = typed_json.texts(page.rejected)
        for at, found, raw in zip(page.rejected_at, page.rejected_for, raws, strict=True):
            yield Reject(reply.number, reply.account, found or [_UNTOLD], b"null" if raw is None else bytes(raw), at)


_UNTOLD = Diagnostic("D2014", "the row was rejected; what is wrong with it is not told", "warning")


def of_misfit(misfit: Misfit) -> Reject:
    """The reject of a record that its columns cannot hold. Its pointers are those in the record."""
    record, page, account, odd = misfit
    findings = [Diagnostic("W902", f"`{dotted(path)}`: {why}", pointer=json_pointer(path)) for path, why in odd]
    remote = record.get(REMOTE_DATA)
    (raw,) = typed_json.texts([record if remote is None else remote])
    return Reject(page, account, findings, bytes(raw))
