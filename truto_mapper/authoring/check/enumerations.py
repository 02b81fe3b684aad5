"""Values that an expression asks for, against the values that the other side can have."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from truto_mapper.authoring.check import slips
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import folding
from truto_mapper.authoring.check.reachability import Reach
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import bound_values
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import leaves
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, either
from truto_mapper.text.source import Source, Span

Constant = nodes.String | nodes.Number
Kinds = Mapping[int, Type]

_EXISTS = nodes.Variable(Span(0, 0), "exists")


def strangers(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C239: constants that an enumeration does not have. C209: values of one that a table does not have."""
    asked: set[Any] = set()
    for _, expression in typed.expressions:
        for node in expression.below:
            match node:
                case nodes.Binary(operator="!=", right=nodes.String(value="undefined")):
                    continue  # `$type(a) != "undefined"` is true where there is an `a`, as it is meant
                case nodes.Binary(operator="=" | "!=" | "in", left=left, right=right):
                    asked |= {
                        (typed.kind(left).path, one.value) for one in nodes.walk(right) if isinstance(one, Constant)
                    }
                    yield from _compared(expression, left, right, typed.kinds)
                    yield from _compared(expression, right, left, typed.kinds)
    for _, expression in typed.expressions:
        yield from _looked_up(expression, typed.kinds, asked)
        yield from _turned_back(expression, typed.kinds)


def optional(typed: EndpointTypes) -> list[tuple[Source, Span]]:
    """The places of the expressions that are undefined where there is nothing to say."""
    made = (typed.endpoint.query_error, typed.endpoint.query_note, *typed.mapper.mapping.errors.values())
    return [(one.source, one.span) for one in made if one is not None]


def branches_after(typed: EndpointTypes, found: Iterable[Diagnostic]) -> set[tuple[Any, Any]]:
    """The places of branches whose conditions hold such constants: that they are never reached follows from these."""
    places = [(one.source, one.span) for one in found if one.span is not None]
    after: set[tuple[Any, Any]] = set()
    for _, expression in typed.expressions if places else ():
        for node in expression.below:
            if isinstance(node, nodes.Condition):
                test = expression.locate(node.condition.span)
                inside = (span for source, span in places if source == expression.source and span is not None)
                if any(test.start <= span.start < test.end for span in inside):
                    branches = (one for one in (node.then, node.otherwise) if one is not None)
                    after |= {(expression.source, expression.locate(one.span)) for one in branches}
    return after


def _compared(expression: Expression, asked: nodes.Node, side: nodes.Node, kinds: Kinds) -> Iterator[Diagnostic]:
    """Constants on one side that the other cannot have. An empty text may stand for no value."""
    constants = [asked] if isinstance(asked, Constant) else asked.items if isinstance(asked, nodes.Array) else ()
    for one in constants:
        if isinstance(one, Constant) and one.value != "":
            values = _values(expression, side, one.value, kinds) or _folded(side, one.value)
            if values and one.value not in values:
                yield _stranger(expression, one, f"`{slips.written(expression, side)}` is never", values)


def _stranger(expression: Expression, node: Constant, said: str, values: list[Any]) -> Diagnostic:
    shown = f'"{node.value}"' if isinstance(node, nodes.String) else str(node.value)
    hint = did_you_mean(str(node.value), map(str, values), '"{}"' if isinstance(node, nodes.String) else "{}")
    return expression.diagnostic("C239", f"{said} {shown}", node, severity="warning", hint=hint)


def _values(expression: Expression, side: nodes.Node, value: Any, kinds: Kinds) -> list[Any]:
    """The values that a side can have of the kind of a value; none if they are not known.

    What conditions exclude counts: another rule tells that it is excluded.
    """
    listed = _listed(kinds.get(id(side), types.ANY))
    if value in listed or not listed:
        return []
    equal = (one for one in expression.below if one.__class__ is side.__class__ and one == side)
    every = dict.fromkeys(one for node in equal for one in _listed(kinds.get(id(node), types.ANY)))
    return [one for one in every if kind_of(one) == kind_of(value)]


def _folded(side: nodes.Node, value: Any) -> list[str]:
    """A text in the case that a side gives, if it is in another one: `$lowercase(kind) = "Work"`."""
    fold = folding(side)
    return [fold(value)] if fold is not None and isinstance(value, str) and fold(value) != value else []


def _listed(kind: Type) -> tuple[Any, ...]:
    """The values of a type, or of the items of an array."""
    return (types.item_of(kind) if "array" in kind.kinds else kind).values or ()


def _looked_up(expression: Expression, kinds: Kinds, asked_for: Container[Any]) -> Iterator[Diagnostic]:
    """`$lookup({"a": …}, kind)`, whose keys are values of an enumeration.

    `asked_for` has the values that are compared with a place of the reply: they are not forgotten.
    """
    nodes_of = expression.below
    bound = bound_values(expression.node) if ":=" in expression.text else {}
    defaulted = [one.left for one in nodes_of if isinstance(one, nodes.Coalesce | nodes.Default)]
    calls = [one for one in nodes_of if isinstance(one, nodes.Call)]
    tested = [one for call in calls if call.procedure == _EXISTS for one in call.arguments]
    for node in nodes_of:
        match node:
            case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(table, key)):
                source = bound.get(table.name, table) if isinstance(table, nodes.Variable) else table
                keys = {one.value: one for one in _keys(source)}
                kind = kinds.get(id(table), types.ANY)
                names = [*keys] or ([*kind.properties] if kind.properties and kind.path is None else [])
                values = [one for one in _listed(kinds.get(id(key), types.ANY)) if isinstance(one, str)]
                asked = f"`{slips.written(expression, key)}` is never"
                if not names or isinstance(key, nodes.String):
                    continue
                for name in names:
                    known = _folded(key, name) or values
                    if known and name not in known:
                        place = keys.get(name)
                        yield _stranger(expression, place or nodes.String(table.span, name), asked, known)
                if not values:
                    continue
                path = kinds.get(id(key), types.ANY).path
                known = [one for one in values if path is not None and (path, one) in asked_for]
                missing = [one for one in values if one not in {*names, *known, *types.ALL}]
                if missing and not any(node is one for one in defaulted) and node not in tested:
                    quoted = ", ".join(f'"{one}"' for one in missing)
                    called = f"table `{table.name}`" if isinstance(table, nodes.Variable) else "table"
                    message = f"the {called} has no {quoted}: the value is undefined then"
                    hint = "add it, or a default: `$lookup(…) ?? …`"
                    yield expression.diagnostic("C209", message, node, severity="warning", hint=hint)


def _turned_back(expression: Expression, kinds: Kinds) -> Iterator[Diagnostic]:
    """C209: `$keys($sift($states, function($word) { $word = $query.status }))` of a word that is not in it."""
    for node in expression.below if "$sift" in expression.text else ():
        match node:
            case nodes.Call(
                procedure=nodes.Variable(name="sift"),
                arguments=(
                    nodes.Variable() as table,
                    nodes.Lambda(parameters=(parameter, *_), body=nodes.Binary(operator="=", left=one, right=other)),
                ),
            ) if parameter in (one, other):
                words = {
                    value
                    for kind in (kinds.get(id(table), types.ANY).properties or {}).values()
                    for value in kind.values or ()
                }
                asked = _listed(kinds.get(id(other if one == parameter else one), types.ANY))
                if words and (missing := [value for value in asked if value not in words]):
                    quoted = ", ".join(f'"{value}"' for value in missing)
                    message = f"nothing in the table `{table.name}` becomes {quoted}: this finds nothing then"
                    hint = "add it, or refuse it in `query_error`"
                    yield expression.diagnostic("C209", message, node, severity="warning", hint=hint)


def of_other_queries(typed: EndpointTypes, reach: Reach) -> Iterator[Diagnostic]:
    """C207: `period: '"week"'` in the records of an endpoint whose `when` chooses it for others, or for others, too."""
    endpoint, parameters = typed.endpoint, typed.mapper.resource.parameters
    for path, field, one in leaves(endpoint.response, typed.mapper.resource.record):
        name = str(path[-1]) if path else ""
        is_asked = name in parameters and field is not None and parameters[name].enum == field.enum
        if is_asked and isinstance(one.node, nodes.String) and ("query", name) in reach.domains:
            served = {chosen["query", name] for chosen in reach.served(endpoint.name)} - {MISSING}
            known = [f'"{value}"' for value in parameters[name].enum or () if value in served]
            if endpoint.when is not None and known and served != {one.node.value}:
                message = f"`{endpoint.name}` serves queries whose `{name}` is {either(known)}"
                yield one.diagnostic("C207", message, severity="warning", hint=f"write `$query.{name}`")


def _keys(node: nodes.Node) -> list[nodes.String]:
    """The keys of an object constructor; none if one is computed."""
    pairs = node.pairs if isinstance(node, nodes.Object) else ()
    keys = [key for key, _ in pairs if isinstance(key, nodes.String)]
    return keys if len(keys) == len(pairs) else []
