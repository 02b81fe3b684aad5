"""Rejects: rows and replies that gave no record, each with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from truto_mapper.edges.bulk.reading import Reply
from truto_mapper.edges.bulk.writing import ACCOUNT, Misfit
from truto_mapper.engine import typed_json
from truto_mapper.engine.page import Page
from truto_mapper.resource.field import REMOTE_DATA
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted, json_pointer


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
            "file": file,
            "page": self.page,
            "code": first.code,
            "pointer": first.pointer,
            "message": first.message,
            "place": _place(first),
            "further": [{"code": one.code, "pointer": one.pointer, "message": one.message} for one in further],
            "raw": self.raw.decode(errors="replace"),
            ACCOUNT: self.account,
        }

    def within(self, row: Reply, depth: int) -> Reject:
        """The reject of a row that was stored alone: `depth` is that of the row in the reply it was mapped in."""
        findings = [_within(one, self.at, depth) for one in self.findings]
        return self._replace(page=row.number, account=self.account, findings=findings)


def _within(found: Diagnostic, at: str, depth: int) -> Diagnostic:
    if found.pointer is None or not f"{found.pointer}/".startswith(f"{_start(at, depth)}/"):
        return found
    return replace(found, pointer=found.pointer[len(_start(at, depth)) :])


def _start(pointer: str, depth: int) -> str:
    return "/".join(pointer.split("/")[: depth + 1])


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
    if not page.rejected:
        return
    by_row, others = _by_row(page)
    raws = typed_json.texts(page.rejected)
    for at, raw in zip(page.rejected_at, raws, strict=True):
        found = by_row.get(at) or _nearest(at, others) or [_UNTOLD]
        yield Reject(reply.number, reply.account, found, raw or b"null", at)


_UNTOLD = Diagnostic("D2014", "the row was rejected; its page has more findings than are told", "warning")


def _by_row(page: Page[Any]) -> tuple[dict[str, list[Diagnostic]], list[Diagnostic]]:
    """The findings about each rejected row by its pointer, and the problems that are not of one row."""
    found: dict[str, list[Diagnostic]] = {at: [] for at in page.rejected_at}
    others = []
    for one in page.diagnostics:
        at = one.pointer
        while at and at not in found:
            at = at.rpartition("/")[0]
        if at is not None and at in found:
            found[at].append(one)
        elif one.severity == "warning" and one.code[0] == "D":
            others.append(one)
    return found, others


def _nearest(at: str, found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """Those findings that share the longest way with a pointer: they are of an outer row, or of the whole page."""
    shared = [_shared(at.split("/"), (one.pointer or "").split("/")) for one in found]
    return [one for one, length in zip(found, shared, strict=True) if length == max(shared)]


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many steps two ways begin with in common."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def of_misfit(misfit: Misfit) -> Reject:
    """The reject of a record that its columns cannot hold. Its pointers are those in the record."""
    record, page, account, odd = misfit
    findings = [Diagnostic("W902", f"`{dotted(path)}`: {why}", pointer=json_pointer(path)) for path, why in odd]
    remote = record.get(REMOTE_DATA)
    (raw,) = typed_json.texts([record if remote is None else remote])
    return Reject(page, account, findings, raw or b"")
