"""Values that many rows share, computed once: values of the page, and values that depend on one text of the row.

The pages of one answer share them too. They are kept by the texts of the reply, query and context that they depend on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine.shaping import MAX_SHORT, Fault, schema_of
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.sizes import measure
from truto_mapper.language.runtime.values import MISSING, Budget, Walk
from truto_mapper.mapping.linked import WholeDays
from truto_mapper.resource.field import Field
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.timestamps import has_offset_of, is_time_zone

if TYPE_CHECKING:
    from truto_mapper.engine.called import Test
    from truto_mapper.engine.field_source import FieldSource
    from truto_mapper.engine.source_types import SourceTypes
    from truto_mapper.language.names import NamePath

#: How many pages' values are kept: enough for a few periods that are read at the same time.
MAX_PAGES = 16

#: The most characters of the texts that a page's values depend on, and of these values.
MAX_CHARACTERS = 100_000

#: For how many texts of rows values are kept, and the bytes of these texts and values.
MAX_TEXTS = 1_000
MAX_BYTES = 500_000

_TEXTS = frozenset({str, type(None), type(MISSING)})

Checked: TypeAlias = tuple[Expression, Schema]

#: A part of a text of the page: a constant text, or the name of a parameter.
Part: TypeAlias = tuple[str, bool]


class Memo(NamedTuple):
    """Values that depend on one text of the row: some `let`s, then some fields with their schemas.

    `aliases` are the `let`s that are paths to the text, or to an object above it. `placed` are the numbers of the
    fields that must have the UTC offset of a zone.
    """

    path: NamePath
    is_context: bool
    aliases: tuple[tuple[str, Expression], ...]
    lets: tuple[tuple[str, Expression], ...]
    fields: tuple[Checked, ...]
    placed: tuple[int, ...] = ()

    def values(self, page: Scope, text: Any) -> tuple[Any, ...]:
        """Whether all values are short texts, then the values for a text.

        Empty if one is invalid: the row is doubtful.
        """
        variable, *names = self.path
        row: Any = text
        for name in reversed(names):
            row = {} if row is MISSING else {name: row}
        scope = Scope(row if self.is_context else {}, {variable: row}, page)
        for name, expression in self.aliases:  # plain paths, which cannot fail
            scope = Scope(scope.data, {name: expression.evaluate_in(scope)}, scope)
        found = []
        try:
            for name, expression in self.lets:
                found.append(expression.evaluate_in(scope))
                scope = Scope(scope.data, {name: found[-1]}, scope)
            for expression, schema in self.fields:
                value = expression.evaluate_in(scope)
                found.append(None if value is MISSING else value)
                if found[-1] is not None and not schema.valid(value):
                    return ()
        except EvaluationError:
            return ()
        return (_are_short(found), *found)


def _are_short(values: Iterable[Any]) -> bool:
    return all(one.__class__ is str and not _is_long(one) for one in values)


def _is_plain(value: Any) -> bool:
    return value.__class__ in (str, int, bool) or (value.__class__ is float and isfinite(value))


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) > MAX_SHORT


class _ByText(dict[Any, tuple[Any, ...]]):
    """The values of a memo by text. Cleared when it becomes too large.

    A text whose UTC offset is not that of the page's `zone` makes `odd` true, for good.
    """

    def __init__(self, memo: Memo, page: Scope, zone: str | None, odd: list[str]) -> None:
        super().__init__()
        self.memo, self.page, self.zone, self.odd, self.bytes = memo, page, zone, odd, 0

    def values_of(self, text: Any, budget: Budget) -> tuple[Any, ...]:
        """The values for a text that is not known yet, computed within the budget of the page that asks."""
        made = self.memo.values(Scope({}, None, self.page, budget=budget), text)
        if made and self.zone is not None and not self.odd:
            values = made[1 + len(self.memo.lets) :]
            placed = (values[number] for number in self.memo.placed)
            self.odd += [one for one in placed if one is not None and not has_offset_of(one, self.zone)]
        # What is kept may become part of several records, so it must not be mutable.
        if text.__class__ is str and not any(isinstance(value, (list, dict)) for value in made):
            self._keep(text, made, budget)
        return made

    def _keep(self, text: str, made: tuple[Any, ...], budget: Budget) -> None:
        size = sum(one.__sizeof__() for one in (text, made, *made))
        if size > MAX_BYTES or budget.is_exhausted:
            return
        if len(self) >= MAX_TEXTS or self.bytes + size > MAX_BYTES:
            self.clear()
            self.bytes = 0
        self.bytes += size
        self[text] = made


class PageField(NamedTuple):
    """A field whose value is the same for a whole page; `is_top` if it is not inside another field."""

    expression: Expression
    schema: Schema
    is_required: bool
    is_top: bool

    def value(self, page: Scope) -> tuple[Any, Fault | None]:
        """The value for the rows, None for no value, and its fault.

        Without a required value every record is rejected. The rows then get a text in its place, so that they are
        still mapped and checked for problems of their own.
        """
        try:
            value = self.expression.evaluate_in(page)
        except EvaluationError:
            return ("", "required") if self.is_required and self.is_top else (None, "optional")
        if value is None or value is MISSING:
            return ("", "required") if self.is_required and self.is_top else (None, None)
        if self.schema.valid(value):
            return value, None
        return ("", "required") if self.is_required else (None, "optional")


class PageValues:
    """What the code of a row uses of its page: bindings of the reply, `let`s, fields and memos.

    While the code is written it asks here for the names of its parameters; `arguments` are their values.
    """

    def __init__(self, bindings: Sequence[str], types: SourceTypes, days: WholeDays | None = None) -> None:
        self.bindings, self.types = tuple(bindings), types
        self.days = days if days is not None and days.offsets else None
        self.lets: dict[str, Expression] = {}
        self.memos: dict[NamePath, Memo] = {}
        self._names: dict[str, str] = {}
        self._fields: dict[Any, PageField] = {}
        self._texts: dict[tuple[Part, ...], str] = {}
        self.known: dict[tuple[Any, ...] | None, Evaluated] = {}
        #: The key of the last page, and its values: most pages have the same one, and comparing is faster than hashing.
        self.last: tuple[Any, Any] = (None, None)

    def copied(self) -> PageValues:
        """The same for code that may ask for more."""
        made = copy(self)
        vars(made).update(
            {name: dict(getattr(self, name)) for name in ("lets", "memos", "_names", "_fields", "_texts")}
        )
        return made

    def __getstate__(self) -> dict[str, Any]:
        """What code that is written needs, without what it was written with."""
        fields = dict(enumerate(self._fields.values()))
        kept = {"paths": self.paths, "tests": self.tests, "_fields": fields, "known": {}, "last": (None, None)}
        return vars(self) | {"types": None} | kept

    def name(self, name: str) -> str:
        """The parameter for the value of a binding or a `let`."""
        return self._names.setdefault(name, f"name_{name}")

    def field(self, expression: Expression, declared: Field, *, is_top: bool) -> str:
        """The parameter for the value of a field, valid or None."""
        key = expression, id(declared)
        if key not in self._fields:
            self._fields[key] = PageField(expression, schema_of(declared), declared.required, is_top)
        return f"page_{list(self._fields).index(key)}"

    def memo(self, memo: Memo) -> str:
        """The parameter for the values by text."""
        self.memos.setdefault(memo.path, memo)
        return f"memo_{list(self.memos).index(memo.path)}"

    def text(self, parts: tuple[Part, ...]) -> str:
        """The parameter for the text that these parts make, empty for a page that is not certain."""
        return self._texts.setdefault(parts, f"text_{len(self._texts)}")

    @property
    def expressions(self) -> Iterator[Expression]:
        """Everything that is evaluated for the parameters."""
        yield from self.lets.values()
        yield from (field.expression for field in self._fields.values())
        for memo in self.memos.values():
            yield from (one for _, one in (*memo.aliases, *memo.lets))
            yield from (one for one, _ in memo.fields)

    @property
    def parameters(self) -> list[str]:
        """The first, `certain`, says whether all names are texts and all fields have values."""
        fields, memos = (range(len(found)) for found in (self._fields, self.memos))
        shared = [f"page_{number}" for number in fields]
        return ["certain", *self._names.values(), *shared, *self._texts.values(), *(f"memo_{one}" for one in memos)]

    @cached_property
    def tests(self) -> tuple[Test, ...]:
        """The tests of a reply for what records are made of outside their rows."""
        return self.types.of_page

    @cached_property
    def paths(self) -> list[NamePath]:
        """The paths, from the bindings of a reply, that the values depend on. Complete once the code is written."""
        from truto_mapper.language.source_paths import Paths  # noqa: PLC0415  # code that is written needs none

        names = Paths((*self.bindings, "row"))  # memos read the row
        for name, expression in self.lets.items():
            names.others[name] = names.read_by(expression.node)
        shown = [field.expression for field in self._fields.values()]
        for memo in self.memos.values():
            shown += [expression for _, expression in memo.lets] + [expression for expression, _ in memo.fields]
        if self.days is not None:
            shown.append(self.days.time_zone)
        every = {path for expression in shown for path in names.read_by(expression.node)}
        every |= {path for found in names.others.values() for path in found}
        every |= {(name,) for name in self._names if name not in self.lets}
        whole = (path for path in every if every.isdisjoint(path[:end] for end in range(1, len(path))))
        return sorted(path for path in whole if path[0] != "row")

    def of(self, key: tuple[Any, ...], given: tuple[Any, ...], budget: Budget) -> Evaluated:
        """What `arguments` gives, kept for pages with the same `key`, the values at `paths`."""
        try:
            made = self.known[key]
        except (KeyError, TypeError):  # TypeError: a value that cannot be hashed
            return self._evaluated(key, given, budget)
        self.last = key, made
        return made

    def _evaluated(self, key: tuple[Any, ...], given: tuple[Any, ...], budget: Budget) -> Evaluated:
        if not _TEXTS.issuperset(map(type, key)) or sum(len(text) for text in key if text) > MAX_CHARACTERS:
            return self.arguments(Scope({}, dict(zip(self.bindings, given, strict=True)), budget=budget))
        made = self.arguments(Scope({}, self._bindings(key), budget=budget))
        if not budget.is_exhausted and _is_small(made):
            if len(self.known) >= MAX_PAGES:
                self.known.clear()
            self.known[key] = made
        return made

    def _bindings(self, key: tuple[Any, ...]) -> dict[str, Any]:
        """The bindings of a reply with nothing but the texts of a key: the memos keep them in memory."""
        bindings: dict[str, Any] = {}
        for path, value in zip(self.paths, key, strict=True):
            *above, last = path
            holder = bindings
            for outer in above:
                holder = holder.setdefault(outer, {})
            if value is not MISSING or not above:
                holder[last] = value
        return bindings

    def arguments(self, page: Scope) -> Evaluated:
        """The values of the parameters, the worst fault, a list for the odd texts of the page; see `Evaluated`.

        A `let` that fails is undefined.
        """
        is_right = all(test(page.lookup("response")) for test in self.tests)
        faults: set[Fault | None] = set() if is_right else {"let"}
        for name, expression in self.lets.items():
            try:
                value = expression.evaluate_in(page)
            except EvaluationError:
                value = MISSING
                faults.add("let")
            page = Scope(page.data, {name: value}, page)
        fields = [field.value(page) for field in self._fields.values()]
        faults |= {fault for _, fault in fields}
        names, found = [page.lookup(name) for name in self._names], [value for value, _ in fields]
        certain = _are_short(names) and None not in found and not any(map(_is_long, found))
        odd: list[str] = [] if self._are_placed() else ["unknown"]
        zone = self._zone(page)
        memos = (_ByText(memo, page, zone, odd) for memo in self.memos.values())
        values = dict(zip(self.parameters, (certain, *names, *found), strict=False))
        texts = ("".join(str(values[part] if is_name else part) for part, is_name in parts) for parts in self._texts)
        arguments = (certain, *names, *found, *(text if certain else "" for text in texts), *memos)
        is_plain = certain and all(map(_is_plain, found))
        worst: tuple[Fault, ...] = ("let", "required", "optional")
        return arguments, next((fault for fault in worst if fault in faults), None), page, odd, is_plain

    def by_path(self, arguments: tuple[Any, ...]) -> dict[NamePath, _ByText]:
        """The memos among the arguments, by the path of their text."""
        return dict(zip(self.memos, arguments[len(arguments) - len(self.memos) :], strict=True))

    def apart(self, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """The same arguments with memos of their own: texts that are no row's must not become known."""
        known = self.by_path(arguments).values()
        return (*arguments[: len(arguments) - len(known)], *(_ByText(one.memo, one.page, None, []) for one in known))

    def placed(self, children: Sequence[FieldSource], record: FieldSource) -> tuple[int, ...]:
        """The numbers of the fields that must have the offset of the page's zone."""
        names = () if self.days is None else self.days.offsets
        places = [id(record.declared.fields[name]) for name in names]
        return tuple(number for number, child in enumerate(children) if id(child.declared) in places)

    def _are_placed(self) -> bool:
        """Whether memos know all date-times that must have the offset of the zone."""
        return self.days is None or sum(len(memo.placed) for memo in self.memos.values()) == len(self.days.offsets)

    def _zone(self, page: Scope) -> str | None:
        """The time zone of the page's days, as far as it is known."""
        try:
            zone = None if self.days is None else self.days.time_zone.evaluate_in(page)
        except EvaluationError:
            return None
        return zone if is_time_zone(zone) else None

    def record(self, arguments: tuple[Any, ...], rows: int, budget: Budget) -> None:
        """Count the long values that every record repeats. Raises D2014 if they are too many."""
        for field, value in zip(self._fields.values(), arguments[1 + len(self._names) :], strict=False):
            if _is_long(value):
                try:
                    budget.record(value, rows)
                except EvaluationError as error:
                    (found,) = error.diagnostics
                    raise EvaluationError(field.expression.diagnostic(found.code, found.message)) from None


#: The values of the parameters, their fault, the scope in which the memos are evaluated, the texts whose UTC offset is
#: not the zone's, and whether all values are short texts and other scalars.
Evaluated = tuple[tuple[Any, ...], Fault | None, Scope, list[str], bool]


def _is_small(made: Evaluated) -> bool:
    """Whether the values of a page, with all its `let`s, may be kept."""
    arguments, _, page, *_ = made
    held: list[Any] = [*arguments]
    scope: Scope | None = page
    while scope is not None:
        held.append(scope.bindings)
        scope = scope.parent
    try:
        measure(held, Walk(None, MAX_CHARACTERS))
    except EvaluationError:
        return False
    return True
