"""What does not depend on a row is evaluated and checked once a page; what depends on one text of it, once for each.

All of it is kept for the texts that it depends on, which the pages of one answer share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.source_paths import Paths, Steps
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import Field, value_schema
from truto_mapper.text.errors import EvaluationError

#: How many pages' values are kept: those of a few periods that are being read at the same time.
MAX_PAGES = 64

#: And of what depends on one text of a row, how many texts, of how many characters together with the page's.
MAX_TEXTS = 1_000
MAX_CHARACTERS = 100_000

_TEXT = frozenset({str})
_TEXTS = frozenset({str, type(None), type(MISSING)})

Checked = tuple[Expression, Schema]


def schema_of(field: Field) -> Schema:
    return Schema(value_schema(field), generated=True)


def _checked(fields: Sequence[Checked], scope: Scope) -> list[Any] | None:
    """The value of each, None for none; nothing at all where one is not valid, or could be changed by a record."""
    found: list[Any] = []
    for expression, schema in fields:
        value = expression.evaluate_in(scope)
        value = None if value is MISSING else value
        if value is not None and (isinstance(value, (list, dict)) or not schema.valid(value)):
            return None
        found.append(value)
    return found


@dataclass(frozen=True, slots=True)
class Memo:
    """Values that depend on one text of the row: some `let`s, and some fields with their schemas."""

    path: Steps
    is_context: bool
    lets: tuple[tuple[str, Expression], ...]
    fields: tuple[Checked, ...]

    def values(self, page: Scope, text: Any) -> tuple[Any, ...]:
        """Whether all is text, and the values for a text; nothing where `record` has to look at it."""
        variable, *names = self.path
        row: Any = text
        for name in reversed(names):
            row = {} if row is MISSING else {name: row}
        scope = Scope(row if self.is_context else MISSING, {variable: row}, page)
        found = []
        try:
            for name, expression in self.lets:
                found.append(expression.evaluate_in(scope))
                scope = Scope(scope.data, {name: found[-1]}, scope)
            checked = _checked(self.fields, scope)
        except EvaluationError:
            return ()
        if checked is None or any(isinstance(value, (list, dict)) for value in found):
            return ()
        return (_TEXT.issuperset(map(type, (*found, *checked))), *found, *checked)


class _Texts(dict[Any, tuple[Any, ...]]):
    """What a memo gives for each text of a row, made when it is asked for; no more of it than is worth its memory."""

    def __init__(self, memo: Memo, page: Scope) -> None:
        super().__init__()
        self.memo, self.page, self.characters = memo, page, 0

    def __missing__(self, text: Any) -> tuple[Any, ...]:
        made = self.memo.values(self.page, text)
        if text.__class__ is str:
            self.characters += len(text)
            if len(self) >= MAX_TEXTS or self.characters > MAX_CHARACTERS:
                self.clear()
                self.characters = len(text)
            self[text] = made
        return made


class Page:
    """What the rows use of a page: bindings of the reply and `let`s, fields with their schemas, and memos.

    The code of a row asks for it by the names of its parameters while it is written; `arguments` are their values.
    """

    def __init__(self, bindings: Sequence[str]) -> None:
        self.bindings = tuple(bindings)
        self.lets: dict[str, Expression] = {}
        self.memos: dict[Steps, Memo] = {}
        self._names: dict[str, str] = {}
        self._fields: dict[tuple[Expression, int], tuple[str, Schema]] = {}
        self.known: dict[tuple[Any, ...] | None, tuple[Any, ...] | None] = {}

    def name(self, name: str) -> str:
        """The parameter with the value of a binding or a `let`."""
        return self._names.setdefault(name, f"name_{name}")

    def field(self, expression: Expression, declared: Field) -> str:
        """The parameter with the value of a field, valid or None."""
        made = f"page_{len(self._fields)}", schema_of(declared)
        return self._fields.setdefault((expression, id(declared)), made)[0]

    def memo(self, memo: Memo) -> str:
        """The parameter with the values for each text."""
        self.memos.setdefault(memo.path, memo)
        return f"memo_{list(self.memos).index(memo.path)}"

    @property
    def parameters(self) -> list[str]:
        """`certain` says of the names that they are text, and of the fields that they are there."""
        fields = [parameter for parameter, _ in self._fields.values()]
        return ["certain", *self._names.values(), *fields, *map("memo_{}".format, range(len(self.memos)))]

    @cached_property
    def paths(self) -> list[Steps]:
        """The paths from the bindings of a reply on which everything depends, once the code of a row is written."""
        names = Paths((*self.bindings, "row"))  # the latter for what memos read of it
        for name, expression in self.lets.items():
            names.others[name] = names.read_by(expression.node)
        shown = [expression for expression, _ in self._fields]
        for memo in self.memos.values():
            shown += [expression for _, expression in memo.lets] + [expression for expression, _ in memo.fields]
        every = {path for expression in shown for path in names.read_by(expression.node)}
        every |= {path for found in names.others.values() for path in found}
        every |= {(name,) for name in self._names if name not in self.lets}
        whole = (path for path in every if every.isdisjoint(path[:end] for end in range(1, len(path))))
        return sorted(path for path in whole if path[0] != "row")

    def evaluated(self, key: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The arguments, kept for the pages of the same texts; None where one of the values is not valid."""
        if not _TEXTS.issuperset(map(type, key)) or sum(len(text) for text in key if text) > MAX_CHARACTERS:
            bindings = dict(zip(self.bindings, given, strict=True))
            return self.arguments(Scope(bindings["response"], bindings))
        if len(self.known) >= MAX_PAGES:
            self.known.clear()
        known = self.known[key] = self.arguments(Scope(MISSING, self._bindings(key)))
        return known

    def _bindings(self, key: tuple[Any, ...]) -> dict[str, Any]:
        """The bindings of a reply that has nothing but the texts of a key, so that no more than they is kept."""
        bindings: dict[str, Any] = {}
        for path, value in zip(self.paths, key, strict=True):
            *above, last = path
            holder = bindings
            for outer in above:
                holder = holder.setdefault(outer, {})
            if value is not MISSING or not above:
                holder[last] = value
        return bindings

    def arguments(self, page: Scope) -> tuple[Any, ...] | None:
        try:
            for name, expression in self.lets.items():
                page = Scope(page.data, {name: expression.evaluate_in(page)}, page)
            fields = [(expression, schema) for (expression, _), (_, schema) in self._fields.items()]
            found = _checked(fields, page)
        except EvaluationError:
            return None
        if found is None:
            return None
        names = [page.lookup(name) for name in self._names]
        certain = _TEXT.issuperset(map(type, names)) and None not in found
        return (certain, *names, *found, *(_Texts(memo, page) for memo in self.memos.values()))
