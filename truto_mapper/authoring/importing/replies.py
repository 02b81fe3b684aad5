"""A `response_mapping` of Truto's becomes a loop over rows, names of `let`, and the fields of a record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeGuard

from truto_mapper.authoring.importing import tables
from truto_mapper.authoring.importing.expressions import Table, Translation, Translator, is_bare, is_boolean
from truto_mapper.authoring.importing.shapes import Record, Records, Test, may_be_null, record_of, records_of
from truto_mapper.authoring.importing.templates import Binds, Templates, entry
from truto_mapper.authoring.importing.writing import Entry
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import leading_names
from truto_mapper.language.nodes import Name, Node, Path
from truto_mapper.resource.field import Field

#: How a mapping reads `response`: as one item of the list, as the whole reply, or as an object with the reply's body.
READINGS = ("item", "array", "http")

#: Names of objects below an item, not of lists of items.
_BELOW = frozenset({"attributes", "fields", "properties"})
#: Functions that give a list.
_OF_LISTS = frozenset({"append", "distinct", "each", "filter", "map", "reduce", "reverse", "sort", "spread"})
_OF_LISTS |= {"compact", "difference", "flatten", "flattenDeep", "lofilter", "orderBy", "removeEmptyItems", "sortNodes"}
_HTTP = frozenset({"body", "headers", "statusCode", "status"})

_SIMPLE = re.compile(r"\$|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_REMOTE = "Each row is already a record, so `remote_data` is not the provider's row"
_UNKNOWN = "A guess: Truto's proxy resource says where the list is (`response_path`). Import with it, or write it here."


@dataclass(frozen=True)
class Reply:
    """A mapping of replies: its expression, its method, and where the proxy resource finds the list."""

    expression: Expression
    method: str
    loop: str
    response_path: str | None = None
    reading: str | None = None
    fields: Mapping[str, Field] | None = None
    cursors: tuple[str, ...] = ()
    is_overlay: bool = False

    @property
    def node(self) -> Node:
        return self.expression.node

    @cached_property
    def shape(self) -> Records | None:
        return records_of(self.node)

    @cached_property
    def is_http(self) -> bool:
        """Whether `response` is an HTTP object: all that is read of it is its body, headers or status."""
        if self.reading is not None:
            return self.reading == "http"
        below = [one.steps[1].node for one in self.paths if len(one.steps) > 1]
        is_body = any(isinstance(one, Name) and one.value == "body" for one in below)
        return is_body and len(below) == len(self.paths) and all(getattr(one, "value", "") in _HTTP for one in below)

    @cached_property
    def paths(self) -> list[Path]:
        """The paths that begin with `response`, wherever they are."""
        found = (one for one in nodes.walk(self.node) if isinstance(one, Path))
        return [one for one in found if one.steps[0].node == Name(one.span, "response")]

    @cached_property
    def is_whole(self) -> bool:
        """Whether `response` is the whole reply to `list`, and not one item."""
        if self.method != "list" or self.reading is not None:
            return self.method == "list" and self.reading != "item"
        if self.shape is None or self.is_http:
            return self.is_http or _gives_list(self.node)
        names = [one.value for one in leading_names(self.shape.rows) if isinstance(one, Name)]
        is_response = names == ["response"] or names[-1:] in [[one] for one in _BELOW]
        return self.shape.item is not None or bool(self.shape.beside) or not (is_response or self.response_path)

    @property
    def below(self) -> str:
        """The path of `response` in the reply, behind a dot."""
        return f".{self.response_path}" if self.response_path else ""

    def table(self, response: str) -> Table:
        has_body = self.method in ("create", "update")
        return tables.of_reply(response, self.cursors, is_http=self.is_http, has_body=has_body)

    def templates(
        self, response: str, *, rooted: bool = True, binds: Binds | None = None, let: bool = True
    ) -> Templates:
        table = self.table(response)
        return Templates(self.translator, table, rooted, binds or Binds(), let=let, deep=not self.is_overlay)

    @cached_property
    def translator(self) -> Translator:
        reads_loop = not self.is_whole or (self.shape is not None and self.shape.item is None)
        return Translator(self.expression, tables.TAKEN | ({self.loop} if reads_loop else set()))

    def entries(self) -> Iterator[Entry]:
        """The keys of an endpoint that read its replies."""
        if not self.is_whole:
            yield from self.each()
        elif self.shape is None or (binds := _distinct(self.shape.binds, self.shape.record)) is None:
            yield from self.uncertain()
        else:
            yield from self.all(self.shape, binds)

    def each(self) -> Iterator[Entry]:
        """Where `response` is the item, or the one record."""
        made, outer, shape = record_of(self.node), tuple[nodes.Bind, ...](), self.shape
        place = Translation(self.response_path or "$")
        if shape is not None and self.is_response(shape.rows) and not (shape.item or shape.beside or shape.tests):
            made, outer = shape.record, shape.binds
            place = self.templates(self.response_path or "$").text(shape.rows)
        elif self.is_below(shape):
            yield from self.below_reply(shape)
            return
        binds = _distinct(outer, made)
        is_whole = made.pairs is None and not made.tests
        if binds is None or is_whole or (made.tests and self.method != "list"):
            made, binds = Record(self.node), Binds()
        has_loop = self.method == "list" or bool(self.response_path)
        if has_loop and not (self.is_overlay and not made.tests):
            yield from self.rows(place, made, binds)
        yield from self.record(made, binds, f"${self.loop}" if has_loop else "$response")

    def is_below(self, shape: Records | None) -> TypeGuard[Records]:
        """Whether the one record is made of something below the reply, as in `response.data[0].{…}`."""
        if shape is None or self.method == "list" or shape.item or shape.beside or shape.tests or shape.record.tests:
            return False
        return shape.record.pairs is not None and _distinct(shape.binds, shape.record) is not None

    def below_reply(self, shape: Records) -> Iterator[Entry]:
        """The one record that is made of something below the reply."""
        binds = _distinct(shape.binds, shape.record) or Binds()
        page = self.templates(self.response_path or "$", binds=binds, let=False)
        yield Entry("for_each", (page.leaf(self.loop, _source(shape.rows, binds)),))
        yield from self.record(shape.record, binds, f"$response{self.below}")

    def rows(self, place: Translation, made: Record, binds: Binds) -> Iterator[Entry]:
        """The loop over items whose place in the reply is known from the proxy resource."""
        rows = self.response_path or "$"
        notes = (_UNKNOWN,) if self.response_path is None else ()
        found = self.tested(place, made, binds)
        yield Entry("for_each", (entry(self.loop, found),), notes)
        if found.text != rows:
            yield Entry("recognise", f"$exists({rows})" if rows != "$" else "true")

    def tested(self, rows: Translation, made: Record, binds: Binds) -> Translation:
        """Rows without those that give no record."""
        response = "$" if made.rooted else f"$response{self.below}"
        templates = self.templates(response, rooted=made.rooted, binds=binds, let=False)
        for test in made.tests:
            found = templates.text(test.condition)
            rows = rows.also(found, f"{rows.text}[{_verdict(found.text, test)}]")
        if may_be_null(made, binds.binds):
            found = templates.text(made.value)
            rows = rows.also(found, f"{rows.text}[({found.text}) != null]")
        return rows

    def all(self, shape: Records, binds: Binds) -> Iterator[Entry]:
        """Where `response` is the whole reply, and the expression says how its rows become records."""
        page = self.templates(self.response_path or "$", binds=binds, let=False)
        made = shape.record
        found = page.text(_source(shape.rows, binds))
        rows, name = found, shape.item or self.loop
        plain = bool(_SIMPLE.fullmatch(rows.text))
        if (made.tests or may_be_null(made, binds.binds)) and shape.item:
            rows = self.filtered(rows, shape, binds)
        elif made.tests or may_be_null(made, binds.binds):
            rows = self.tested(rows if plain else rows.also(rows, f"({rows.text})"), made, binds)
        for test in reversed(shape.tests):
            condition = page.text(test.condition)
            both = (rows.text, "[]") if test.wanted else ("[]", rows.text)
            rows = rows.also(condition, f"{condition.text} ? {' : '.join(both)}")
        yield Entry("for_each", (entry(self.translator.local.get(name, name), rows),))
        if not _SIMPLE.fullmatch(rows.text):
            yield Entry("recognise", f"$exists({found.text})" if plain and not shape.tests else "true")
        yield from self.beside(page, shape)
        yield from self.record(made, binds, f"$response{self.below}")

    def filtered(self, rows: Translation, shape: Records, binds: Binds) -> Translation:
        """The rows of `$map` without those that give no record."""
        templates = self.templates(f"$response{self.below}", binds=binds, let=False)
        item = self.translator.local.get(str(shape.item), str(shape.item))
        for test in shape.record.tests:
            found = templates.text(test.condition)
            rows = rows.also(found, f"$filter({rows.text}, function(${item}) {{ {_verdict(found.text, test)} }})")
        if may_be_null(shape.record, binds.binds):
            found = templates.text(shape.record.value)
            rows = rows.also(found, f"$filter({rows.text}, function(${item}) {{ ({found.text}) != null }})")
        return rows

    def beside(self, page: Templates, shape: Records) -> Iterator[Entry]:
        """The cursor, and what else the reply gives besides records."""
        for key, value in shape.beside:
            if key.value == "next_cursor":
                yield page.leaf("next_cursor", value)
            else:
                made = page.leaf(key.value, value)
                yield replace(made, left_out=True, notes=("Not carried over: a page has no such value here.",))

    def record(self, made: Record, binds: Binds, response: str) -> Iterator[Entry]:
        """The names that the record uses, and the record."""
        templates = self.templates(response, rooted=made.rooted, binds=binds)
        if made.pairs is None:
            yield self.templates(response, rooted=made.rooted, binds=binds, let=False).leaf(
                "response_mapping", made.value, self.fields
            )
            return
        let = tuple(self.let(templates, binds.values(made.value), binds))
        yield from (Entry("let", let),) if let else ()
        yield Entry("response_mapping", templates.entries(made.value, made.pairs, self.fields))

    def let(self, templates: Templates, values: list[nodes.Bind], binds: Binds) -> Iterator[Entry]:
        for one in values:
            name = self.translator.local.get(one.variable.name, one.variable.name)
            yield replace(templates, rooted=binds.is_rooted(one)).leaf(name, one.value)

    def uncertain(self) -> Iterator[Entry]:
        """Where all that is certain is that the expression gives the records."""
        found = self.templates(self.response_path or "$").text(self.node)
        has_null = may_be_null(Record(self.node), ())
        made = found.also(found, f"({found.text})[$ != null]") if has_null else found
        yield Entry("for_each", (entry(self.loop, made),), (f"{_REMOTE}.",))
        yield Entry("recognise", "true")
        yield Entry("response_mapping", f"${self.loop}")

    def is_response(self, rows: Node) -> bool:
        """Whether rows are `response`, or the body of an HTTP object that it is; one record has no predicates."""
        names = [one.value for one in leading_names(rows) if isinstance(one, Name)]
        steps = rows.steps if isinstance(rows, Path) else ()
        is_plain = self.method == "list" or all(map(is_bare, steps))
        return is_plain and len(steps) == len(names) and names == ["response", "body"][: 1 + self.is_http]


def _gives_list(node: Node) -> bool:
    """Whether an expression surely gives a list."""
    match node:
        case nodes.Array():
            return True
        case Path(steps=(first, second, _, *_)) if first.node == Name(node.span, "response"):
            return not isinstance(second.node, Name) or second.node.value not in _BELOW
        case nodes.Block(expressions=(*_, last)) | nodes.Condition(then=last) | nodes.Apply(right=last):
            return _gives_list(last)
        case nodes.Call(procedure=nodes.Variable(name=name)):
            return name in _OF_LISTS
        case _:
            return False


def _verdict(text: str, test: Test) -> str:
    """Whether a row gives a record. A number in brackets would select a row by its place."""
    if is_boolean(test.condition) and test.wanted:
        return text
    if isinstance(test.condition, nodes.Binary) and test.condition.operator in ("=", "!=", "in", "and", "or"):
        return f"$not({text})"
    return f"{text} ? {'true : false' if test.wanted else 'false : true'}"


def _distinct(outer: tuple[nodes.Bind, ...], record: Record) -> Binds | None:
    """The binds around a record and in it, if they have different names that can be names of `let`."""
    binds = (*outer, *record.binds)
    names = [one.variable.name for one in binds]
    rooted = frozenset(map(id, binds if record.rooted else outer))
    return Binds(binds, rooted) if len(set(names)) == len(names) and all(map(_NAME.match, names)) else None


def _source(rows: Node, binds: Binds) -> Node:
    """The value of a variable that rows are, if it needs no other one."""
    steps = rows.steps if isinstance(rows, Path) else ()
    if len(steps) == 1 and is_bare(steps[0]) and isinstance(variable := steps[0].node, nodes.Variable):
        rows = variable
    if isinstance(rows, nodes.Variable):
        return next((one.value for one in binds.binds if one.variable.name == rows.name), rows)
    return rows
