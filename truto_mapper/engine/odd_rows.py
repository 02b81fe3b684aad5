"""The findings about doubtful rows, made once for all rows that have the same problem.

Some values of a doubtful row are replaced by usual ones, so that the generated code maps the row. Then everything else
in it is valid, and its findings depend only on the replaced values and on what else their expressions read. So the
exact path maps the first of these rows, and its findings are told again of each other row, with its own places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import Any

from truto_mapper.engine.exact import ExactPage, Outcome, fate, remove
from truto_mapper.engine.fused import Fused
from truto_mapper.engine.located_rows import LocatedRows
from truto_mapper.engine.odd_values import (
    Concerned,
    Odd,
    Quoted,
    RowReads,
    Rows,
    UnkeptError,
    presence,
    told,
    told_at,
    value_at,
)
from truto_mapper.engine.page import OnInvalid
from truto_mapper.engine.rows import Place
from truto_mapper.language.expression import Scope
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import MISSING, Budget, finite
from truto_mapper.resource.field import REMOTE_DATA
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import Resource
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.pointers import Steps, is_within, json_pointer
from truto_mapper.text.record import NamedTuple

#: For how many pages with different values of the page, and for how many kinds of rows of each, findings are kept.
MAX_PAGES, MAX_KINDS = 16, 500

#: How many single values are tried, and for how many more rows than not that may be in vain.
MAX_TRIES, MAX_FAILED = 8, 8


class _Finding(NamedTuple):
    """A finding to be told of other rows.

    Its pointer begins at a row of the `level`, counted from the innermost loop; None for one outside the rows. At the
    end of its message is quoted the odd value of the number `quotes`.
    """

    finding: Diagnostic
    pointer: str
    level: int | None
    quotes: int | None


class _Own(NamedTuple):
    """In place of the value of a field: that at a path of the row."""

    path: NamePath


class _Kind(NamedTuple):
    """What the exact path said about rows of one kind.

    `values` are those of the fields with odd values, MISSING for none. It is None if the record is rejected. `is_own`
    says whether all problems are at the innermost row, so that no other row has the same one.
    """

    problems: tuple[_Finding, ...]
    notes: tuple[_Finding, ...]
    values: dict[Steps, Any] | None
    is_own: bool


class _Known(NamedTuple):
    """The values of a page, the same for rows with replaced values, the page's memos, and the known kinds of rows."""

    of_page: tuple[Any, ...]
    arguments: tuple[Any, ...]
    texts: Mapping[NamePath, Any]
    kinds: dict[Any, _Kind | None]


class OddRows:
    """The odd rows of an endpoint. Safe to share between threads."""

    def __init__(self, fused: Fused, resource: Resource) -> None:
        self.fused, self.resource = fused, resource
        self.loops = fused.loops if fused.loops is not None and LocatedRows.are_declared(fused.types) else None
        #: The pointer of the outermost rows.
        self.pointer = "" if self.loops is None else json_pointer((*self.loops.outer, ""))
        self._known: dict[tuple[Any, ...], _Known] = {}

    def exact_page(
        self,
        schema: Schema,
        make_scope: Callable[[], Scope],
        on_invalid: OnInvalid,
        remote_data: bool,
        budget: Budget,
        located: LocatedRows | None,
        tells_each: bool,
    ) -> ExactPage:
        """The exact path through one page."""
        shared = self.fused.endpoint, self.resource, schema, make_scope, on_invalid, remote_data, self.fused.types
        return ExactPage(*shared, budget, located, tells_each)

    def located(self, body: Any) -> LocatedRows | None:
        """The rows of a reply, which the generated code found."""
        return None if self.loops is None else LocatedRows(body, self.loops, self.pointer)

    def values(self, exact: ExactPage, body: Any) -> list[Any] | None:
        """What `ExactPage.values` gives for rows that the generated code did not find."""
        rows = self.located(body)
        unread = [] if rows is None or rows.loops.inner is None else rows.unread
        if rows is not None and unread:
            below = exact.rows_below(Place(rows.outer[n], (*rows.loops.outer, n)) for n in unread)
            if below is not None:
                rows.others, exact.located = dict(zip(unread, below, strict=True)), rows
                return rows.pairs  # type: ignore[no-any-return]  # all rows have the right shape now
            exact.misplaced.clear()
            exact.told.clear()
            exact.unselected.clear()
        return exact.values

    @cached_property
    def reads(self) -> RowReads | None:
        """None where rows are read as parts of the reply or with those of joins, or a record is one expression."""
        remote, endpoint = self.resource.fields.get(REMOTE_DATA), self.fused.endpoint
        is_checked = remote is not None and (remote.type not in ("object", "any") or remote.fields)
        if self.loops is None or is_checked or endpoint.joins or not isinstance(endpoint.response, dict):
            return None
        outer = ("response", *self.loops.outer)
        if any(path[: len(outer)] == outer[: len(path)] for path in self.fused.page_values.paths):
            return None
        return RowReads(endpoint, self.resource.record, self.fused.types)

    def outcome_of(self, exact: ExactPage, key: tuple[Any, ...] | None) -> Callable[[int], Outcome] | None:
        """What gives the outcome of a row by its number; None if nothing can be known of the page's rows.

        `key` is that of the page's values.
        """
        reads, rows, of_page = self.reads, exact.rows, self.fused.page_values
        if key is None or reads is None or not isinstance(rows, LocatedRows):
            return None
        try:
            arguments, *_ = of_page.known[key]
        except (KeyError, TypeError):  # as in `PageValues.of`
            return None
        known = self._known.get(key)
        if known is None or known.of_page is not arguments:
            if len(self._known) >= MAX_PAGES:
                self._known.clear()
            known = _Known(arguments, of_page.apart(arguments), of_page.by_path(arguments), {})
            self._known[key] = known
        return OddPage(self.fused, reads, exact, rows, known).outcome


class OddPage:
    """The doubtful rows of one page."""

    def __init__(
        self,
        fused: Fused,
        reads: RowReads,
        exact: ExactPage,
        rows: LocatedRows,
        known: _Known,
    ) -> None:
        self.reads, self.exact, self.rows, self.known = reads, exact, rows, known
        self.function = fused._function  # noqa: SLF001  # there is nothing else to map one row
        self._innermost = reads.variables[-1]
        #: For how many more rows than not nothing was known.
        self._failed = 0

    def outcome(self, number: int) -> Outcome:
        """What `ExactPage.outcome` gives for a row."""
        rows = self.rows.values(number)
        if self._failed <= MAX_FAILED and rows[self._innermost].__class__ is dict:
            try:
                return self._outcome(number, rows, *self._replaced(rows))
            except UnkeptError:
                self._failed += 1
        return self.exact.outcome(self.rows[number])

    def _replaced(self, rows: Rows) -> tuple[Odd, dict[str, Any]]:
        """The odd values of a row, and the record of the row with usual ones. Raises `UnkeptError` if there is none."""
        for paths in self.reads.recent:
            again = self.reads.oddities_at(paths, rows)
            if again is not None and (record := self._record_with_usual(rows, again)) is not None:
                return again, record
        wrong, empty = self.reads.oddities(rows, self.known.texts)
        for odd in (wrong, wrong | empty):
            if odd and (record := self._record_with_usual(rows, odd)) is not None:
                self.reads.remember(odd)
                return odd, record
        recent = set(chain(*self.reads.recent))
        for path in sorted(self.reads.others.keys() - wrong, key=lambda one: (one not in recent, one))[:MAX_TRIES]:
            if (record := self._record_with_usual(rows, wrong | {path: None})) is not None:
                self.reads.remember((*wrong, path))
                return wrong | {path: None}, record
        raise UnkeptError

    def _record_with_usual(self, rows: Rows, odd: Odd) -> dict[str, Any] | None:
        made, budget = tuple(self.reads.with_usual(rows, odd).values()), self.exact.budget
        of_page = budget.rows
        records, doubtful, _ = self.function([made if len(made) > 1 else made[0]], False, self.known.arguments, budget)
        budget.rows = of_page
        return None if doubtful else records[0]

    def _outcome(self, number: int, rows: Rows, odd: Odd, made: dict[str, Any]) -> Outcome:
        """The outcome for a row with some odd values, of which `made` is the record without these."""
        paths, exact = tuple(odd), self.exact
        concerned = self.reads.concerned(paths)
        values = [told_at(rows, path) for path in concerned.paths]
        keeps = exact.on_invalid == "discard_value"
        key = paths, *odd.values(), keeps, *presence(made, concerned.tree), *values
        kind: Any = self.known.kinds.get(key, MISSING)
        if kind is MISSING:
            return self._first(number, rows, odd, concerned, key)
        if kind is None:
            raise UnkeptError
        record = MISSING if kind.values is None else self._filled(made, kind.values, number, rows)
        self._failed -= self._failed > 0
        if exact.is_full and not exact.tells_each:
            return record, []
        places, quoted = self.rows.pointers(number), [value_at(rows, path) for path in paths]
        end = ""
        if kind.is_own and exact.on_invalid != "raise":
            end = f"; {fate(is_rejected=record is MISSING)}"
        problems = [_again(one, places, quoted, end) for one in kind.problems]
        notes = [_again(one, places, quoted) for one in kind.notes] if kind.notes else []
        if not kind.is_own:
            return exact.judged(places[0], record, problems, notes)
        exact.note(places[0], record, problems)
        return record, problems + notes

    def _first(self, number: int, rows: Rows, odd: Odd, concerned: Concerned, key: Any) -> Outcome:
        """The outcome for the first row of its kind, which is kept."""
        record, problems, notes = self.exact.examined(self.rows[number])
        kind: _Kind | None = None
        try:
            quoting = self._quoting(number, rows, odd)
            found = [tuple(self._kept(one, number, quoting) for one in some) for some in (problems, notes)]
            values = None if record is MISSING else dict(self._kept_values(record, concerned, rows, odd))
            kind = _Kind(found[0], found[1], values, all(one.level == 0 for one in found[0]))
        except UnkeptError:
            pass  # this kind of row always takes the exact path
        if len(self.known.kinds) >= MAX_KINDS:
            self.known.kinds.clear()
        self.known.kinds[key] = kind
        return self.exact.judged(self.rows.pointers(number)[0], record, problems, notes)

    def _quoting(self, number: int, rows: Rows, odd: Odd) -> dict[str, tuple[int, str]]:
        """The odd values that findings quote: the number and the excerpt of each by its pointer."""
        places = dict(zip(reversed(rows), self.rows.pointers(number), strict=True))
        quoted = [(n, path) for n, path in enumerate(odd) if isinstance(odd[path], Quoted)]
        return {places[p[0]] + json_pointer(p[1:]): (n, excerpt(value_at(rows, p))) for n, p in quoted}

    def _kept(self, finding: Diagnostic, number: int, quoting: dict[str, tuple[int, str]]) -> _Finding:
        """A finding in the form in which it is kept."""
        pointer, places = finding.pointer or "", self.rows.pointers(number)
        level = next((n for n, place in enumerate(places) if is_within(pointer, place)), None)
        if level is None and pointer.startswith(self.rows.pointer):
            raise UnkeptError  # it is in another row
        rest = pointer if level is None else pointer[len(places[level]) :]
        if pointer not in quoting:
            return _Finding(finding, rest, level, None)
        slot, text = quoting[pointer]
        if not finding.message.endswith(text):
            raise UnkeptError
        return _Finding(replace(finding, message=finding.message.removesuffix(text)), rest, level, slot)

    def _kept_values(
        self, record: dict[str, Any], concerned: Concerned, rows: Rows, odd: Odd
    ) -> Iterator[tuple[Steps, Any]]:
        """The values of fields in the form in which they are kept."""
        paths = {self.reads.plains[path].leaf: path for path in odd if isinstance(odd[path], Quoted)}
        for leaf in concerned.leaves:
            value = value_at(record, leaf)
            kept = _Own(paths[leaf]) if leaf in paths and value is not MISSING else value
            shown = finite(value_at(rows, kept.path)) if isinstance(kept, _Own) else value
            if value.__class__ in (list, dict) or told(shown) != told(value):
                raise UnkeptError
            yield leaf, kept

    def _filled(self, record: dict[str, Any], values: dict[Steps, Any], number: int, rows: Rows) -> dict[str, Any]:
        """The record with the values of the fields that odd values concern."""
        for leaf, value in values.items():
            holder = value_at(record, leaf[:-1])
            if value is MISSING:
                remove(record, leaf)
            elif holder is MISSING or leaf[-1] not in holder:
                raise UnkeptError  # the place among the other fields is not known
            else:
                holder[leaf[-1]] = finite(value_at(rows, value.path)) if isinstance(value, _Own) else value
        if self.exact.remote_data and REMOTE_DATA in self.exact.resource.fields:
            record[REMOTE_DATA] = self.rows.remote(number)
        return record


def _again(kept: _Finding, places: Sequence[str], quoted: Sequence[Any], end: str = "") -> Diagnostic:
    """A finding, told of another row; a warning with the `end` of its message, if there is one."""
    one, pointer, level, slot = kept
    message = one.message + end if slot is None else one.message + excerpt(quoted[slot]) + end
    place = one.pointer if level is None else places[level] + pointer
    return Diagnostic(one.code, message, "warning" if end else one.severity, one.source, one.span, place, one.hint)
