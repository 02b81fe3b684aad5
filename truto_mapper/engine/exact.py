"""The exact path: a row → a validated record, and every problem with both its addresses.

It evaluates one expression at a time, and reports where an invalid value's expression was written and where in the
payload the value came from. It takes about 200 times as long as the generated code, which leaves doubtful rows to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import getitem
from typing import Any, Protocol

from truto_mapper.engine.origin import UNKNOWN, Origins
from truto_mapper.engine.page import OnInvalid, Rejected
from truto_mapper.engine.rows import REPLIES, OtherReply, Place, Reply, Row, Rows
from truto_mapper.engine.shaping import ANY, MAX_SHORT, Fault, shaper, undeclared
from truto_mapper.engine.source_types import Mismatch, Reading, SourceTypes
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import MAX_WRITTEN, MISSING, Budget, Walk, plain
from truto_mapper.language.source_paths import Paths
from truto_mapper.mapping.linked import Endpoint, Template, giving
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.resource.json_schema import Problem, Schema
from truto_mapper.resource.spec import Resource
from truto_mapper.text.diagnostics import Diagnostic, excerpt, shortened
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.pointers import Steps, dotted, is_within, json_pointer

#: How many findings about its rows a page tells.
MAX_TOLD = 1_000

#: So many records are taken from a list faster than a new one is made.
_FEW = 8

#: The record of a row, MISSING if it is rejected, and the new findings.
Outcome = tuple[Any, list[Diagnostic]]


class Located(Protocol):
    """Rows by their numbers."""

    def __getitem__(self, number: int, /) -> Row: ...

    def remote(self, number: int) -> Any:
        """The `remote_data` of a row."""

    def pointers(self, number: int) -> list[str]:
        """The pointers to the rows of the loops, the innermost first."""


@dataclass(eq=False)
class ExactPage:
    """The exact path through one page. The same problem of several rows, as a value of the page, is reported once.

    With "raise" the problems of the whole page are raised together. With "discard_value" an invalid optional value is
    left out, and any other problem rejects the record. With "discard_record" every problem does.
    """

    endpoint: Endpoint
    resource: Resource
    schema: Schema
    #: Makes the scope of the page, which rows that are told of again have no need of.
    make_scope: Callable[[], Scope]
    on_invalid: OnInvalid
    remote_data: bool
    source_types: SourceTypes
    budget: Budget
    #: The rows, if they are found already.
    located: Located | None
    #: Whether the findings about each rejected row are kept.
    tells_each: bool = False

    def __post_init__(self) -> None:
        #: By its pointer, everything that is wrong with a rejected row.
        self.findings: dict[str, list[Diagnostic]] = {}
        self._said: set[Diagnostic] = set()
        self._listed = self._unlisted = 0
        self.told: set[Steps] = set()
        self._of_reply: dict[Reading, list[Mismatch]] = {}
        #: The findings about values that select rows. Each has the fate of those rows and the path of the value that is
        #: therefore no row; `unselected` has these values by their paths.
        self.misplaced: list[tuple[Diagnostic, str, Steps]] = []
        self.unselected: dict[Steps, Any] = {}

    @cached_property
    def scope(self) -> Scope:
        return self.make_scope()

    @cached_property
    def reply(self) -> Reply:
        return Reply(self.scope.data, self.scope.lookup(REPLIES, {}))

    @property
    def rows(self) -> Located:
        """The rows of the reply, without nulls."""
        return self.located or self._selected

    @cached_property
    def _selected(self) -> Located:
        try:
            return self.reply.rows(self.endpoint, self.scope, self._doubtful)
        except EvaluationError:
            if not self.misplaced or self.budget.is_exhausted:
                raise
            raise EvaluationError([found for found, *_ in self.misplaced]) from None  # it failed because of these

    @property
    def values(self) -> list[Any] | None:
        """The rows as the generated code takes them: values, or pairs of the values of two loops.

        None if one is not an item of an array, which `remote_data` shows.
        """
        rows = self.rows if isinstance(self.rows, Rows) else Rows()
        if not all(isinstance(("", *place.path)[-1], int) for row in rows for place in row.places.values()):
            return None
        values = [tuple(place.value for place in row.places.values()) for row in rows]
        return [one[0] if len(one) == 1 else one for one in values]

    def rows_below(self, outer: Iterable[Place]) -> list[Rows] | None:
        """The rows within each of some rows of the outer of two loops; None if one is an object, or doubtful."""
        (name, loop), *inner = self.endpoint.for_each
        if self._doubtful(name, loop, Row({}, Place(self.reply.body, ()), self.reply.body)) != set():
            return None
        rows = (Row({name: place}, place, place.value) for place in outer)
        found = [self.reply.inner_rows(inner, row, self.scope, self._doubtful) for row in rows]
        return None if any(isinstance(row.item.value, dict) for some in found for row in some) else found

    def _doubtful(self, name: str, loop: Expression, outer: Row) -> set[Steps] | None:
        """The paths of the rows that a loop selects by a value of another type than the provider's schema declares.

        None if there are no rows because of such a value. It is noted.
        """
        found: set[Steps | None] = set()
        for one in self.mismatches(loop, outer):
            path = self.source_types.row_at(name, one.path)
            found.add(path)
            if one.path not in self.told:
                self.told.add(one.path)
                fate = "it was left out" if path is None else "the record was rejected"
                self.misplaced.append((self.of_other_type(loop, one), fate, one.path if path is None else path))
            if path is None:
                self.unselected[one.path] = one.value
            else:
                self.unselected[path] = reduce(getitem, path, self.reply.body)
        return None if None in found else {path for path in found if path is not None}

    def of_other_type(self, expression: Expression, found: Mismatch, target: Steps = ()) -> Diagnostic:
        """The finding about a value that an expression reads, for a field at `target`."""
        message = f"`{dotted(target)}`: {found}" if target else str(found)
        hint = f"if the provider sends this now, change {self.endpoint.source.name}"  # type: ignore[union-attr]  # its schema declares this
        return expression.diagnostic("D408", message, pointer=json_pointer(found.path), hint=hint)

    def mismatches(self, expression: Expression, row: Row) -> list[Mismatch]:
        """The values of other types than the provider's schema declares that an expression reads for a row."""
        found: list[Mismatch] = []
        for reading in self.source_types.readings(expression):
            if reading.variable is None:
                if reading not in self._of_reply:
                    self._of_reply[reading] = self.source_types.mismatches(reading, self.reply.body, ())
                found += self._of_reply[reading]
            elif (place := row.places[reading.variable]).in_reply:
                found += self.source_types.mismatches(reading, place.value, place.path)
        return found

    def multiplies(self, expression: Expression, value: Any) -> bool:
        """Whether a value may be far longer than its row: an array or object, or a long text of the whole page."""
        is_long = isinstance(value, str) and len(value) > MAX_SHORT
        return isinstance(value, (list, dict)) or (is_long and not self.reads_row(expression))

    def reads_row(self, expression: Expression) -> bool:
        """Whether an expression may read its row, also through a `let`."""
        names = Paths([name for name, _ in self.endpoint.for_each] or ["$"], expression.functions)
        for name, one in self.endpoint.let:
            if one is expression:  # the names after it are not those that it uses
                break
            names.add(name, one.node)
        return bool(names.read_by(expression.node))

    def identities(self, records: Sequence[Any], first: int) -> list[Any]:
        """What tells the rows from `first` on from others; a record is None or MISSING if it was not made."""
        return [
            one["id"] if isinstance(one, dict) and one.get("id") is not None else self._identity(number)
            for number, one in enumerate(records, first)
        ]

    def _identity(self, number: int) -> Any:
        """The id of a row's record, even of an invalid one; without an id the row itself."""
        row = self.rows[number]
        has_id = "id" in self.resource.fields and isinstance(row.item.value, dict)
        found = _Attempt(self, row).record().get("id") if has_id else None
        return row.remote if found is None else found

    def completed(
        self,
        records: list[Any],
        doubtful: Iterable[int],
        fault: Fault | None,
        start: int,
        found: list[Diagnostic],
        outcome: Callable[[int], Outcome] | None = None,
    ) -> tuple[list[Any], Rejected]:
        """The records with the doubtful ones mapped here, and the provider's rows that were rejected.

        The records are those of the rows from the number `start` on. `outcome` gives what `outcome` gives for the row
        of a number, in less time.
        After a `fault` of the page's values the first row that is an object is mapped here too, to report it; every
        row, if a `let` failed and nothing is raised. Findings are added to `found`. Raises `EvaluationError` with every
        error.
        """
        before, outcome = len(found), outcome or (lambda number: self.outcome(self.rows[number]))
        if fault == "let" and self.on_invalid != "raise":
            doubtful, fault = range(len(records)), None
        if fault is not None:
            numbers = range(start, start + len(records))
            first = [number - start for number in numbers if isinstance(self.rows[number].item.value, dict)][:1]
            doubtful = sorted({*doubtful, *first})
        for number in doubtful:
            records[number], diagnostics = outcome(start + number)
            found += self._bounded(diagnostics)
            if self.is_full and self.on_invalid == "raise":
                break
        if self.is_full and not self.tells_each:
            message = f"the page has more findings than the {MAX_TOLD:,} that are told"
            found.append(Diagnostic("D2014", message, "error" if self.on_invalid == "raise" else "warning", pointer=""))
        if self.misplaced:
            found += [one if self.on_invalid == "raise" else _quietened(one, what) for one, what, _ in self.misplaced]
        if fault is not None and len(found) == before:  # the fault did not occur again
            return self.completed(records, range(len(records)), None, start, found)
        errors = [one for one in found if one.severity == "error"]
        if errors:
            raise EvaluationError(errors)
        gone: Sequence[int] = [number for number in doubtful if records[number] is MISSING]
        if fault == "required" or (fault is not None and self.on_invalid == "discard_record"):
            gone, records = range(len(records)), [MISSING] * len(records)
        rows = [*(self.rows.remote(start + number) for number in gone), *self.unselected.values()]
        pointers = [*(self.rows.pointers(start + number)[0] for number in gone), *map(json_pointer, self.unselected)]
        return _without(records, gone) if gone else records, Rejected(rows, pointers, self._findings(pointers))

    def _findings(self, pointers: Sequence[str]) -> list[list[Diagnostic]]:
        """What is wrong with each rejected row: for one that was not examined, what is with those that were."""
        if not self.tells_each:
            return []
        for found, what, path in self.misplaced:
            self.note(json_pointer(path), MISSING, [_quietened(found, what)])
        shared = [one for at, some in self.findings.items() for one in some if not is_within(one.pointer, at)]
        return [self.findings.get(at) or list(dict.fromkeys(shared)) for at in pointers]

    @property
    def is_full(self) -> bool:
        """Whether no more findings are told, though there are some."""
        return self._unlisted > 0

    def _bounded(self, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
        """The findings about a row that are told: a page of wrong rows must not become a message of many megabytes."""
        if self._listed + len(diagnostics) <= MAX_TOLD:
            self._listed += len(diagnostics)
            return diagnostics
        told = diagnostics[: MAX_TOLD - self._listed]
        self._listed, self._unlisted = self._listed + len(told), self._unlisted + len(diagnostics) - len(told)
        return told

    def outcome(self, row: Row) -> Outcome:
        """The record of a row, MISSING if it is rejected, and the new findings."""
        if not isinstance(row.item.value, dict):
            message = f"a row must be an object, this is {excerpt(row.item.value)}"
            pointer = json_pointer(row.item.path)
            return self.judged(pointer, MISSING, [Diagnostic("D404", message, pointer=pointer)])
        return self.judged(json_pointer(row.item.path), *self.examined(row))

    def examined(self, row: Row) -> tuple[Any, list[Diagnostic], list[Diagnostic]]:
        """The record of a row that is an object, MISSING if it is rejected; its problems and its notes."""
        attempt = _Attempt(self, row)
        record = attempt.record()
        problems = self.schema.problems(record)
        found = attempt.problems + [attempt.finding(problem, record) for problem in attempt.independent(problems)]
        kept: Any = record
        if found:
            kept = self._without(record, problems) if self.on_invalid == "discard_value" else MISSING
        return kept if kept is MISSING else self._own(kept, row), found, attempt.notes

    def _own(self, record: Any, row: Row) -> Any:
        """A record that shares nothing with the reply or another record, but for what is in `remote_data`."""
        walk = Walk(self.budget, MAX_WRITTEN)
        record = {name: value if name == REMOTE_DATA else plain(value, walk) for name, value in record.items()}
        if self.scope.trace is not None:
            self.scope.trace.records.append((row.item.path, record))
        return record

    def judged(
        self, pointer: str, record: Any, found: Iterable[Diagnostic], notes: Iterable[Diagnostic] = ()
    ) -> Outcome:
        """The outcome for the row at a pointer, with those of its problems and notes that are new."""
        found = list(found)
        new = [one for one in found if one not in self._said]
        self._said.update(new)
        if self.on_invalid != "raise":
            self.note(pointer, record, self._warnings(found, pointer, record) if self.tells_each else ())
            new = self._warnings(new, pointer, record)
        return record, [*new, *notes]

    def note(self, pointer: str, record: Any, found: Iterable[Diagnostic]) -> None:
        """Note everything that is wrong with the row at a pointer, if it is rejected and that is wanted."""
        if self.tells_each and record is MISSING:
            self.findings.setdefault(pointer, []).extend(found)

    def _warnings(self, found: Iterable[Diagnostic], pointer: str, record: Any) -> list[Diagnostic]:
        return [self._warning(one, pointer, is_rejected=record is MISSING) for one in found]

    def _warning(self, found: Diagnostic, pointer: str, *, is_rejected: bool) -> Diagnostic:
        """A problem as a warning, because its value or record was discarded."""
        return _quietened(found, fate(is_rejected=is_rejected, is_of_row=is_within(found.pointer, pointer)))

    def _without(self, record: Any, problems: list[Problem]) -> Any:
        """The record without its invalid optional values; MISSING if a required one is invalid or missing."""
        while problems:
            for problem in sorted(problems, key=lambda p: [str(part) for part in p.path], reverse=True):
                if problem.missing is not None or self._is_required(problem.path):
                    return MISSING
                remove(record, problem.path)
            problems = self.schema.problems(record)
        return record

    def _is_required(self, path: Steps) -> bool:
        """Whether the value at a path of the record cannot be left out."""
        field: Field | None = self.resource.record
        for step in path:
            if isinstance(step, str):
                field = field and field.below.get(step)
        return not path or (isinstance(path[-1], str) and field is not None and field.required)


def _without(records: list[Any], gone: Sequence[int]) -> list[Any]:
    """The records but for those of some numbers, which are MISSING."""
    if len(gone) > _FEW:
        return [one for one in records if one is not MISSING]
    kept = records.copy()
    for number in reversed(gone):
        del kept[number]
    return kept


def fate(*, is_rejected: bool, is_of_row: bool = True) -> str:
    """What became of an invalid value."""
    if not is_rejected:
        return "it was left out"
    return "the record was rejected" if is_of_row else "every record with it was rejected"


def _quietened(found: Diagnostic, fate: str) -> Diagnostic:
    """A problem as a warning that says what became of its value."""
    message = f"{found.message}; {fate}"
    return Diagnostic(found.code, message, "warning", found.source, found.span, found.pointer, found.hint)


def remove(record: Any, path: Steps) -> None:
    """Remove a value of a record, and the objects that this leaves empty."""
    *above, last = path
    holder = record
    try:
        for part in above:
            holder = holder[part]
        del holder[last]
    except (KeyError, IndexError):
        return  # it was in another value that was removed
    if above and holder == {}:
        remove(record, tuple(above))


class _Attempt:
    """One record in the making: its row, the values of `let`, and the problems so far."""

    def __init__(self, page: ExactPage, row: Row) -> None:
        self.page, self.row = page, row
        self.problems: list[Diagnostic] = []
        self.notes: list[Diagnostic] = []
        self.failed: set[Expression] = set()
        self.told: set[Steps] = set()
        self.origins = Origins(row, dict(page.endpoint.let), page.reply, page.scope.lookup("joined", {}))
        self.scope = Scope(row.item.value, {name: place.value for name, place in row.places.items()}, page.scope)
        if page.scope.trace is not None:
            page.scope.trace.row = row.item.path
        for name, expression in page.endpoint.let:
            self.scope = Scope(row.item.value, {name: self.evaluate(expression, name)}, self.scope)

    def record(self) -> dict[str, Any]:
        page, template = self.page, self.page.endpoint.response
        record = self.value(template, page.resource.record, ())
        if record is not None and not isinstance(record, dict) and isinstance(template, Expression):
            self.problems.append(self.no_object(template, record))
            self.failed.add(template)
        record = record if isinstance(record, dict) else {}
        if page.remote_data and REMOTE_DATA in page.resource.fields:
            record.setdefault(REMOTE_DATA, self.row.remote)
        elif not page.remote_data:
            record.pop(REMOTE_DATA, None)
        return record

    def no_object(self, expression: Expression, value: Any) -> Diagnostic:
        """The finding about an expression that gives something else than the record of a row."""
        is_list = isinstance(value, list)
        what = f"an array of {len(value)}" if is_list else excerpt(value)
        hint = "a loop of `for_each` makes a record of each item" if is_list else "write an object: `{…}`"
        steps = expression.node.steps if isinstance(expression.node, nodes.Path) else ()
        if is_list and not self.page.endpoint.for_each and steps[1:] and isinstance(steps[-1].node, nodes.Object):
            items, each = expression.text[: steps[-2].span.end].strip(), expression.text[steps[-1].span.start :].strip()
            hint = f"write `for_each: {{row: {shortened(items)}}}` and `response_mapping: '{shortened(each)}'`"
        message = f"response_mapping must give one object for a row, this is {what}"
        return replace(self.about(expression, "D401", message, (), value), hint=hint)

    def evaluate(self, expression: Expression, target: Steps | str) -> Any:
        """The value for a field or a `let`; MISSING after a failure, which becomes a problem.

        Values of other types than the provider's schema declares are failures, and so are failed `let`s.
        """
        if self.scope.trace is not None:
            self.scope.trace.target = target
        wrong, failure = self.page.mismatches(expression, self.row), None
        of_field = () if isinstance(target, str) else target
        try:
            value = expression.evaluate_in(self.scope)
            if not isinstance(target, str):  # both raise for what no record can hold
                if self.page.multiplies(expression, value):
                    self.page.budget.record(value)
                else:
                    plain(value, Walk())
        except EvaluationError as error:
            failure = expression.located(error)
            if self.page.budget.is_exhausted:
                raise failure from None
        if failure is None and not wrong and not self.has_failed(expression):
            return value
        if failure is not None and not wrong and not self.has_failed(expression):
            pointer, where = self.pointer(expression, of_field, UNKNOWN)
            told = (replace(found, message=found.message + where, pointer=pointer) for found in failure.diagnostics)
            self.problems += told
        new = [one for one in wrong if one.path not in self.told]
        self.problems += [self.page.of_other_type(expression, one, of_field) for one in new]
        self.told.update(one.path for one in wrong)
        self.failed.add(expression)
        return MISSING

    def value(self, template: Template, field: Field, path: Steps) -> Any:
        """The value of a part of the mapping in the shape of its field; None for no value."""
        match template:
            case dict():
                fields = field.fields or dict.fromkeys(template, ANY)
                made = ((n, self.value(template[n], f, (*path, n))) for n, f in fields.items() if n in template)
                return {name: value for name, value in made if value is not None} or None
            case list():
                inner = field.items or ANY
                items = [self.value(child, inner, (*path, i)) for i, child in enumerate(template)]
                return [item for item in items if item is not None]
        value = self.evaluate(template, path)
        if value is None or template in self.failed:
            return None
        if value is MISSING:
            is_empty = field.type == "array" and self.origins.has_source(template, self.scope)
            return [] if is_empty else None
        for at, one in undeclared(value, field, path):
            message = f"`{dotted(at)}` is not declared by {self.page.resource.name}; it was left out"
            self.notes.append(replace(self.about(template, "D403", message, at, one), severity="warning"))
        return shaper(field, strict=False)(value)

    def finding(self, problem: Problem, record: Any) -> Diagnostic:
        """The problem of a schema with both addresses."""
        if problem.missing is not None:
            return self.absent((*problem.path, problem.missing))
        message = f"`{dotted(problem.path)}`: {problem.message}"
        expression = giving(self.page.endpoint.response, problem.path)
        if expression is None:
            return Diagnostic("D401", message, pointer=json_pointer(self.row.item.path))
        for step in problem.path:
            record = record[step]
        return self.about(expression, "D401", message, problem.path, record)

    def absent(self, path: Steps) -> Diagnostic:
        """The finding about a required value that a record lacks."""
        expression = giving(self.page.endpoint.response, path)
        if expression is None:
            return Diagnostic("D402", f"`{dotted(path)}`: it is required, and no expression gives it", pointer="")
        message = f"`{dotted(path)}` is required, and its expression gave nothing"
        return self.about(expression, "D402", message, path, MISSING)

    def about(self, expression: Expression, code: str, message: str, path: Steps, value: Any) -> Diagnostic:
        """A finding about the value of an expression at a path of the record."""
        pointer, where = self.pointer(expression, path, value)
        return expression.diagnostic(code, message + where, pointer=pointer)

    def pointer(self, expression: Expression, path: Steps, value: Any) -> tuple[str, str]:
        """The place that a value came from; the row if that is unknown, and the whole reply if it is not the row.

        With it, for a message, the reply if that is one to a join.
        """
        origin = self.origins.of(expression, self.scope, path, value)
        if origin is None:
            origin = self.row.item.path if self.page.reads_row(expression) else ()
        if origin and isinstance(origin[0], OtherReply):
            return json_pointer(origin[1:]), f" ({origin[0]})"
        return json_pointer(origin), ""

    def independent(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems that do not follow from an expression that failed."""
        response = self.page.endpoint.response
        lacking = ((one, giving(response, (*one.path, one.missing or ""))) for one in problems)
        return [one for one, source in lacking if one.missing is None or source is None or not self.has_failed(source)]

    def has_failed(self, expression: Expression) -> bool:
        """Whether an expression failed, or a `let` that it uses."""
        if not self.failed:
            return False
        names = {name for name, one in self.page.endpoint.let if one in self.failed}
        return expression in self.failed or any(v.name in names for v in expression.variables)
