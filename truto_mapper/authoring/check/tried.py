"""Queries and bodies that are tried: each of some parameters, settings and fields is there or not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from itertools import combinations, islice, product
from math import prod
from typing import Any, Final

from truto_mapper.engine.mapper import Mapper
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.source_paths import reads
from truto_mapper.resource import generated
from truto_mapper.resource.field import value_schema
from truto_mapper.text.errors import EvaluationError

#: A parameter, a setting or a field of the body: `("query", "users")`.
Place = tuple[str, str]
Tried = dict[Place, Any]

HOLDERS: Final = ("query", "context", "body")
#: How many combinations are tried, and how many values of a place.
MAX_TRIED: Final = 256
_MAX_VALUES: Final = 4
_NOW: Final = "2026-01-15T12:00:00Z"
_BY_FORMAT: Final = {"date": "2026-01-15", "date-time": _NOW, "time-zone": "Europe/Berlin", "email": "a@example.com"}
_BODIES: Final = {"create": generated.create_schema, "update": generated.update_schema}


class Places:
    """The places of a method that a mapping may read: their schemas, and which of them are always there."""

    def __init__(self, mapper: Mapper, method: str) -> None:
        self.schemas: dict[Place, Mapping[str, Any]] = {}
        self.certain: set[Place] = set()
        integration = mapper.mapping.integration
        for name, one in mapper.resource.parameters_of(method).items():
            is_asked = one.required or integration in one.required_in
            self._add("query", name, value_schema(one), is_certain=is_asked or one.default is not None)
        for name, schema in mapper.mapping.context_schemas.items():
            self._add("context", name, schema, is_certain=schema.get("default") is not None)
        body = _BODIES[method](mapper.resource) if method in _BODIES else {}
        for name, schema in body.get("properties", {}).items():
            self._add("body", name, schema, is_certain=name in body.get("required", ()))

    def _add(self, holder: str, name: str, schema: Mapping[str, Any], *, is_certain: bool) -> None:
        self.schemas[holder, name] = schema
        self.certain |= {(holder, name)} if is_certain else set()

    def optional(self) -> Places:
        """The same places, none of which is always there."""
        made = copy(self)
        made.certain = set()
        return made

    def named(self, holders: Collection[str], text: str) -> list[Place]:
        """The places in some holders whose names are in a text."""
        return [one for one in self.schemas if one[0] in holders and one[1] in text]

    def tried(self, places: Sequence[Place], constants: Mapping[Place, Sequence[Any]]) -> list[Tried]:
        """Combinations of values of some places, beside what is always there."""
        places = [one for one in places if one in self.schemas]
        domains = {one: self._values(one, constants.get(one, ())) for one in places}
        always = {one: sampled(self.schemas[one]) for one in self.certain if one not in domains}
        return [always | one for one in _combined(domains)]

    def _values(self, place: Place, constants: Sequence[Any]) -> list[Any]:
        """The values of a place that are tried, MISSING first if it may be absent."""
        schema = self.schemas[place]
        listed = [one for one in schema.get("enum") or () if one is not None]
        fitting = [one for one in constants if not listed or one in listed]
        others = [one for one in listed or [sampled(schema)] if one not in fitting]
        values = [*fitting[: _MAX_VALUES - 1], *others[:1]]
        return values if place in self.certain else [MISSING, *values]


def _combined(domains: Mapping[Place, Sequence[Any]]) -> Iterator[Tried]:
    """All combinations, or else those in which few places are there, and those that lack few."""
    if prod(map(len, domains.values())) <= MAX_TRIED:
        yield from (dict(zip(domains, values, strict=True)) for values in product(*domains.values()))
        return
    least = {place: values[0] for place, values in domains.items()}
    most = {place: values[-1] for place, values in domains.items()}
    pairs = (some for size in range(3) for some in combinations(domains, size))
    for some in islice(pairs, MAX_TRIED // 2):
        yield least | {place: most[place] for place in some}
        yield most | {place: least[place] for place in some}


def sampled(schema: Mapping[str, Any]) -> Any:
    """A value of a schema that counts as true, with all the fields that it may have."""
    if schema.get("enum"):
        return next((one for one in schema["enum"] if one is not None), None)
    if schema.get("default"):
        return schema["default"]
    kind = schema.get("type", "string")
    kind = next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else kind
    if kind == "object":
        return {name: sampled(one) for name, one in schema.get("properties", {}).items()} or {"x": "x"}
    if kind == "array":
        return [sampled(schema.get("items", {}))]
    plain = {
        "boolean": True,
        "integer": max(schema.get("minimum", 1), 1),
        "number": max(schema.get("minimum", 1.5), 1.5),
    }
    return plain.get(kind, _BY_FORMAT.get(schema.get("format", ""), "x"))


def bindings(tried: Tried) -> dict[str, Any]:
    """The variables of a query."""
    made: dict[str, Any] = {name: {} for name in HOLDERS} | {"now": _NOW, "id": "1"}
    for (holder, name), value in tried.items():
        if value is not MISSING:
            made[holder][name] = value
    return made


def value_of(expression: Expression, tried: Tried) -> Any:
    """What an expression gives for a query; None if it fails."""
    try:
        return expression.evaluate(MISSING, bindings(tried), timeout=1.0)
    except EvaluationError:
        return None


def part(whole: Expression, node: nodes.Node, binds: Sequence[nodes.Bind] = ()) -> Expression | None:
    """A part of an expression, with what it needs of the names that are bound before it; None if it reads more."""
    needed, names = list[nodes.Bind](), _variables(node)
    for bind in reversed(binds):
        if bind.variable.name in names:
            needed.insert(0, bind)
            names |= _variables(bind.value)
    texts = [whole.text[one.span.start : one.span.end] for one in (*needed, node)]
    text = f"({'; '.join(texts)})" if needed else texts[-1]
    return program(whole, text)


def program(whole: Expression, text: str) -> Expression | None:
    """A text as an expression beside another one; None if it reads more than a query."""
    made = Expression(text, functions=whole.functions, tables=whole.tables)
    known = {*HOLDERS, "now", "id", *(whole.tables or ())}
    return made if {one.name for one in made.variables} <= known and not of_reply(made) else None


def of_reply(expression: Expression) -> bool:
    """Whether an expression reads names of the reply, which is not there yet."""
    return any(one.path[0] == "$" and len(one.path) > 1 for one in reads(expression))


def places_of(expression: Expression) -> tuple[list[Place], set[str]]:
    """The places that an expression reads, and the holders that it reads as a whole."""
    paths = [one.path for one in reads(expression) if one.path[0] in HOLDERS]
    places = [(one[0], one[1]) for one in paths if len(one) > 1]
    return list(dict.fromkeys(places)), {one[0] for one in paths if len(one) == 1}


def _variables(node: nodes.Node) -> set[str]:
    return {one.name for one in nodes.walk(node) if isinstance(one, nodes.Variable)}
