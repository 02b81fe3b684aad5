"""The bodies of requests, against the provider's schema of what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from truto_mapper.authoring.check import fields, fitting, slips
from truto_mapper.authoring.check.absence import Given, Kinds, kinds_in
from truto_mapper.authoring.check.each_word import misfits_by_word
from truto_mapper.authoring.check.examples import form_of_dates, letter_case
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import Wanted
from truto_mapper.authoring.check.pictures import as_letters
from truto_mapper.engine.query_values import number_in
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import Join, Template, expressions
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.yaml_tree import Node


class Bodies:
    """Judges the body of an endpoint's request, or of a join's.

    Values count that the queries which the endpoint serves can give.
    """

    def __init__(self, typed: EndpointTypes, given: Given, join: Join | None = None) -> None:
        self.typed, self.asking, self.given = typed, join or typed.endpoint, given
        node = typed.mapper.mapping.root.value["endpoints"].value[typed.endpoint.name]
        if join is not None:
            node = node.value["join"].value[join.name]
            self.given = Given(typed, typed.of_join(join, given.scope))
        self.node: Node | None = node.value.get("request_body_mapping")
        self.holder = node

    def misfits(self) -> Iterator[Diagnostic]:
        """C241: what does not fit the schema of the request, or what no schema makes an array again."""
        if self.asking.body is None or self.node is None:
            return
        if self.asking.request is None:
            for one in expressions(self.asking.body):
                yield from self._collapsed(one)
            return
        schema = RequestSchema(dict(self.asking.request))
        wanted = Wanted(schema, "", "the request's schema", "C241", strict=True)
        found = self._fitting(self.node, self.asking.body, wanted)
        yield from {(one.span, one.message): one for one in found}.values()

    def _fitting(self, node: Node, template: Template, wanted: Wanted) -> Iterator[Diagnostic]:
        match template:
            case Expression():
                yield from (*self._written_as_text(template, wanted), *self._first_only(template, wanted))
                yield from self._too_many(template, wanted)
                yield from misfits_by_word(template, wanted, self.given.scope, self.given.mapper.mapping.lookups)
                yield from _Part(template, kinds_in(template.node, self.given.scope), self.given).misfits(wanted)
            case list():
                if not wanted.schema.kinds & {"array"}:
                    yield self._structure(node, wanted, "array")
                for child, one in zip(node.value, template, strict=True):
                    yield from self._fitting(child, one, wanted.items)
            case dict():
                yield from self._fields(node, template, wanted)

    def _fields(self, node: Node, template: dict[str, Template], wanted: Wanted) -> Iterator[Diagnostic]:
        inner = wanted.items if wanted.schema.is_array else wanted
        if "object" not in inner.schema.kinds:
            yield self._structure(node, wanted, "object")
            return
        for name, child in template.items():
            below = inner.child(name)
            if below is None:
                yield fitting.unknown(node, name, name, inner)
            else:
                yield from self._fitting(node.value[name], child, below)
                if name in inner.schema.required and isinstance(child, Expression):
                    yield from _missing(child, child.node, below, self.given)
        for name in inner.schema.required:
            if name not in template:
                yield self._at(node, fitting.absent(name, inner))

    def _structure(self, node: Node, wanted: Wanted, kind: str) -> Diagnostic:
        return self._at(node, f"`{wanted.called}` is {wanted.in_words}, but this gives an {kind}")

    def _at(self, node: Node, message: str) -> Diagnostic:
        """A finding about a part of the body, at its key."""
        if node is self.node:
            found: Diagnostic = self.holder.diagnostic("C241", message, key="request_body_mapping", severity="warning")
            return found
        return node.diagnostic("C241", message, severity="warning")

    def _written_as_text(self, expression: Expression, wanted: Wanted) -> Iterator[Diagnostic]:
        """A list that is made one text, where a list is wanted: the text would be its only item."""
        match expression.node:
            case nodes.Call(procedure=nodes.Variable(name="join" | "string" as name), arguments=(items, *_)):
                kind = self.typed.kind(items)
                is_list = "array" in kind.kinds and kind != types.ANY
                if wanted.schema.is_array and is_list:
                    message = f"`{wanted.called}` is an array, but ${name} makes one text of the items"
                    text = slips.written(expression, items)
                    yield expression.diagnostic("C241", message, severity="warning", hint=f"write `{text}`")

    def _first_only(self, expression: Expression, wanted: Wanted) -> Iterator[Diagnostic]:
        """One item of a list that the caller gives, where a list is wanted."""
        node = expression.node
        if isinstance(node, nodes.Call) and getattr(node.procedure, "name", "") == "map" and node.arguments:
            node = node.arguments[0]
        number = fields.first_item(node) if wanted.schema.is_array else None
        inside = [one for one in nodes.walk(node) if isinstance(one, nodes.Variable)] if number is not None else []
        if number is not None and any(one.name in ("query", "body") for one in inside):
            message = f"`{wanted.called}` is an array, but this sends one item of several"
            text = slips.written(expression, node).partition("[")[0]
            hint = f"write `{text}`" if isinstance(node, nodes.Path) and text.startswith("$") else "remove the number"
            yield expression.diagnostic("C241", message, number, severity="warning", hint=hint)

    def _too_many(self, expression: Expression, wanted: Wanted) -> Iterator[Diagnostic]:
        """More ids of a join than the schema lets a request have."""
        most = wanted.schema.limit("maxItems") if isinstance(self.asking, Join) else None
        ids = next((one for one in expression.variables if one.name == "ids"), None)
        if isinstance(self.asking, Join) and most is not None and ids is not None and self.asking.batch > most:
            message = f"`{wanted.called}` takes at most {most:g} items, and `batch` is {self.asking.batch}"
            yield expression.diagnostic("C241", message, ids, severity="warning", hint=f"write `batch: {most:g}`")

    def _collapsed(self, expression: Expression) -> Iterator[Diagnostic]:
        """An array of one item, which JSONata makes the item, where no schema makes it an array again."""
        kind = self.typed.kind(expression.node)
        is_sequence = "array" in kind.kinds and bool(kind.solid - {"array"}) and kind != types.ANY
        if isinstance(expression.node, nodes.Path) and is_sequence and kind.items is not None:
            text = slips.written(expression, expression.node)
            message = f"`{text}` is a single value where there is one, and an array where there are several"
            hint = f"write `{text}[]`, or name a `request_schema`"
            yield expression.diagnostic("C241", message, severity="warning", hint=hint)


def _missing(
    expression: Expression,
    node: nodes.Node,
    wanted: Wanted,
    given: Given,
    kinds: Kinds | None = None,
    *,
    item: str | None = None,
) -> Iterator[Diagnostic]:
    """A required value that may be absent."""
    if given.is_absent(expression, node, kinds, item=item):
        message = f"{wanted.owner} requires `{wanted.called}`, which may be absent here"
        hint = "give it a value: `… ?? …`, or refuse the query by `query_error`"
        yield expression.diagnostic(wanted.code, message, node, severity="warning", hint=hint)


@dataclass(frozen=True, slots=True)
class _Part:
    """An expression of a body, judged where each of its parts lands: branches, items, and the keys of objects."""

    expression: Expression
    kinds: Kinds
    given: Given
    #: The variable that is an item of the body, "" for the context.
    item: str | None = None

    def misfits(self, wanted: Wanted, node: nodes.Node | None = None) -> Iterator[Diagnostic]:
        node = self.expression.node if node is None else node
        match node:
            case nodes.Condition() | nodes.Coalesce() | nodes.Default() | nodes.Block(expressions=(_, *_)):
                for one in fitting.results(node):
                    yield from self.misfits(wanted, one)
            case nodes.Array(items=items) if "array" in wanted.schema.kinds:
                for one in items:
                    yield from self.misfits(wanted.items, one)
            case nodes.Object(pairs=pairs) | nodes.Path(steps=(*_, nodes.Step(node=nodes.Object(pairs=pairs)))) if (
                inner := self.object(wanted)
            ):
                yield from self.below(node).keys(node, pairs, inner)
            case nodes.Call(
                procedure=nodes.Variable(name="map"),
                arguments=(listed, nodes.Lambda(parameters=(nodes.Variable(name=name), *_), body=made)),
            ) if wanted.schema.is_array:
                yield from self.below(listed, name).misfits(wanted.items, made)
            case nodes.Call(
                procedure=nodes.Variable(name="min" | "max" as name), arguments=(nodes.Array(items=items),)
            ):
                yield from (*self.bounded(name, items, wanted), *self.leaf(wanted, node))
            case nodes.Call(procedure=nodes.Variable(name="number"), arguments=(one,)) if texts := _texts(one):
                for each in texts:
                    kind = types.constant(number_in(each.value))
                    yield from fitting.misfits(self.expression, kind, _at(wanted, each))
            case _:
                yield from self.leaf(wanted, node)

    def below(self, node: nodes.Node, item: str = "") -> _Part:
        """The same for what is made of each item of a path."""
        is_of_body = isinstance(node, nodes.Path) and getattr(node.steps[0].node, "name", "") == "body"
        return replace(self, item=item) if is_of_body else self

    def object(self, wanted: Wanted) -> Wanted | None:
        """What an object must be at a place; None if there is none, or if it says nothing."""
        inner = wanted.items if wanted.schema.is_array else wanted
        return None if inner.is_any or "object" not in inner.schema.kinds else inner

    def leaf(self, wanted: Wanted, node: nodes.Node) -> Iterator[Diagnostic]:
        kind = self.kind(node)
        yield from self.default(wanted, node)
        yield from (*self.inexact(wanted, node), *self.form_of_date(wanted, node, kind), *self.case(wanted, node))
        if wanted.schema.kinds <= types.SCALARS and fields.is_list(node, self.kind, may_select=False):
            message = f"{wanted.what} is {wanted.in_words}, but this gives a list where there are several"
            yield wanted.found(self.expression, message, node, "select one: `(…)[0]`")
        if kind.solid or kind == types.ANY or node is self.expression.node:
            yield from fitting.misfits(self.expression, kind, _at(wanted, node))
        elif "null" in kind.kinds and not wanted.is_any:
            yield from fitting.misfits(self.expression, types.union(kind, _one_of(wanted)), _at(wanted, node))

    def kind(self, node: nodes.Node) -> Type:
        return self.kinds.get(id(node), types.ANY)

    def inexact(self, wanted: Wanted, node: nodes.Node) -> Iterator[Diagnostic]:
        """A number that need not be whole times another one, where a whole number is wanted: `price * 100`."""
        kinds = wanted.schema.kinds
        match node:
            case nodes.Binary(operator="*", left=one, right=other) if "integer" in kinds and "number" not in kinds:
                sides = [self.kind(side).solid for side in (one, other) if is_simple_path(side)]
                if any("number" in each <= types.NUMBER.kinds for each in sides):
                    message = f"{wanted.what} is an integer, but 19.99 * 100 is 1998.9999999999998"
                    text = slips.written(self.expression, node)
                    yield wanted.found(self.expression, message, node, f"write `$round({text})`")

    def case(self, wanted: Wanted, node: nodes.Node) -> Iterator[Diagnostic]:
        """A text in capitals where the description of the schema says that it is in lower case, or the other way."""
        case = letter_case(wanted.schema.certain)
        other = {"lower": "uppercase", "upper": "lowercase"}.get(case or "")
        if other and getattr(getattr(node, "procedure", None), "name", "") == other:
            hint = f"write `${case}case(…)`"
            yield wanted.found(self.expression, f"{wanted.what} is in {case} case", node, hint)

    def form_of_date(self, wanted: Wanted, node: nodes.Node, kind: Type) -> Iterator[Diagnostic]:
        """A date that is written in another form than the description of the schema shows."""
        form = form_of_dates(wanted.schema.certain)
        given = "YYYY-MM-DD" if kind.format in ("date", "date-time") else None
        match node:
            case nodes.Call(procedure=nodes.Variable(name="fromMillis"), arguments=(_, nodes.String(value=picture))):
                given = as_letters(picture)
        if form is not None and given is not None and not form.startswith(given):
            yield wanted.found(self.expression, f"{wanted.what} is written {form}, but this gives {given}", node)

    def default(self, wanted: Wanted, node: nodes.Node) -> Iterator[Diagnostic]:
        """The default of a parameter or a setting, where it is not one of the values that the schema allows."""
        name, value = self.given.default(node)
        is_scalar = isinstance(value, str | int | float)
        if is_scalar and any(fitting.misfits(self.expression, types.constant(value), wanted)):
            message = f"the default of `{name}` is {value}, which `{wanted.called}` does not allow"
            yield wanted.found(self.expression, message, node)

    def keys(
        self, node: nodes.Node, pairs: Sequence[tuple[nodes.Node, nodes.Node]], wanted: Wanted
    ) -> Iterator[Diagnostic]:
        names = {key.value: value for key, value in pairs if isinstance(key, nodes.String)}
        for key, value in pairs:
            name = key.value if isinstance(key, nodes.String) else None
            below = None if name is None else wanted.child(name)
            if below is not None:
                yield from self.misfits(below, value)
                if name in wanted.schema.required:
                    yield from _missing(self.expression, value, below, self.given, self.kinds, item=self.item)
            elif name is not None:
                yield fitting.unknown(self.expression, key, name, wanted)
        for name in wanted.schema.required if len(names) == len(pairs) else ():
            if name not in names:
                yield wanted.found(self.expression, fitting.absent(name, wanted), node)

    def bounded(self, name: str, items: Sequence[nodes.Node], wanted: Wanted) -> Iterator[Diagnostic]:
        """The arguments of `$min([…])` or `$max([…])`: a bound beyond that of the schema, or one that is always met."""
        low, high = wanted.schema.limit("minimum"), wanted.schema.limit("maximum")
        for one in items:
            if not isinstance(one, nodes.Number):
                yield from self.misfits(wanted, one) if isinstance(one, nodes.Call) else ()
                continue
            message = None
            if high is not None and (one.value > high or (name == "max" and one.value == high)):
                may_be = "may be as high as" if name == "min" else "is never less than"
                message = f"`{wanted.called}` is at most {high}, but this {may_be} {one.value}"
            elif name == "min" and low is not None and one.value <= low:
                message = f"`{wanted.called}` is at least {low}, but this is never more than {one.value}"
            if message is not None:
                yield wanted.found(self.expression, message, one)


def _texts(node: nodes.Node) -> list[nodes.String]:
    """The constant texts that can be the value of a node."""
    return [one for one in fitting.results(node) if isinstance(one, nodes.String)]


def _at(wanted: Wanted, node: nodes.Node) -> Wanted:
    return replace(wanted, node=node)


def _one_of(wanted: Wanted) -> Type:
    return Type(frozenset(wanted.schema.kinds))
