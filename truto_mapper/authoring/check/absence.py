"""Where a value may be absent: what the query may lack, the cursor of a first page, a field of the reply."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Final

from truto_mapper.authoring.check.expressions import EndpointTypes, narrowed
from truto_mapper.authoring.check.reachability import Reach
from truto_mapper.language import facts, nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.inference import Recording, quiet
from truto_mapper.language.names import NamePath, is_simple_path, leading_names, texts_of_names
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.source_paths import reads
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import Endpoint, every
from truto_mapper.text.errors import EvaluationError

_ARITHMETIC: Final = ("+", "-", "*", "/", "%")
#: Functions that give a value whatever they are given.
_CERTAIN: Final = frozenset({"count", "exists", "size"})

#: What a query gives, and the most of its names that are tried in every way.
_ASKED: Final = ("query", "context", "body")
_MAX_TRIED: Final = 6

Kinds = Mapping[int, Type]


def kinds_in(node: nodes.Node, scope: TypeScope) -> Kinds:
    """The type of each node of an expression, by its identity; of a step of a path, that of what is before it."""
    recording = Recording(lambda *_: None)
    recording.infer(node, scope)
    return recording.before | recording.kinds


def of_request(typed: EndpointTypes, reach: Reach) -> TypeScope:
    """What is known where the request of an endpoint is made: of the queries that it serves and does not refuse."""
    mapper, endpoint = typed.mapper, typed.endpoint
    scope = narrowed(replace(typed.scope, context=types.ANY), reach.asked(endpoint.name))
    given = scope.variables["query"].properties or {}
    fields = mapper.resource.parameters_of(endpoint.method)
    required = {name for name, one in fields.items() if one.required or mapper.mapping.integration in one.required_in}
    scope = narrowed(scope, {"query": {name: given[name].without({"undefined"}) for name in required & given.keys()}})
    if endpoint.when is not None:
        scope = scope.knowing(facts.narrowed(endpoint.when.node, scope, quiet)[0])
    node = None if endpoint.query_error is None else endpoint.query_error.node
    while isinstance(node, nodes.Block) and node.expressions:
        node = node.expressions[-1]
    while isinstance(node, nodes.Condition):
        scope = scope.knowing(facts.narrowed(node.condition, scope, quiet)[1])
        node = node.otherwise
    return scope


def asked(typed: EndpointTypes, reach: Reach) -> dict[str, dict[str, Type]]:
    """The types of parameters and settings in the queries that an endpoint serves and does not refuse."""
    found, scope = reach.asked(typed.endpoint.name), of_request(typed, reach)
    parameters = typed.mapper.resource.parameters_of(typed.endpoint.method)
    listed = [name for name, one in parameters.items() if one.enum]
    kinds = {name: quiet(Expression(f"$query.`{name}`").node, scope) for name in listed}
    return {**found, "query": {**found.get("query", {}), **kinds}}


def may_be_absent(node: nodes.Node, kinds: Kinds, is_open: Callable[[nodes.Node], bool]) -> bool:
    """Whether a value is absent where one that `is_open` is. A condition without `:` counts if it asks about one."""
    match node:
        case nodes.Coalesce(right=one) | nodes.Default(right=one) | nodes.Block(expressions=(one,)):
            return may_be_absent(one, kinds, is_open)
        case nodes.Condition(condition=test, then=one, otherwise=other):
            rest = _asks(test, kinds, is_open) if other is None else may_be_absent(other, kinds, is_open)
            return rest or may_be_absent(one, kinds, is_open)
        case nodes.Binary(operator=operator, left=left, right=right) if operator in _ARITHMETIC:
            return any(may_be_absent(one, kinds, is_open) for one in (left, right))
        case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(_, key)):
            return may_be_absent(key, kinds, is_open)
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(one, *_)) if name not in _CERTAIN:
            made = kinds.get(id(node), types.ANY)
            return "undefined" in made.kinds and made != types.ANY and may_be_absent(one, kinds, is_open)
    return is_open(node)


def _asks(test: nodes.Node, kinds: Kinds, is_open: Callable[[nodes.Node], bool]) -> bool:
    """Whether a condition is false where a value is absent, or where a switch of the caller's is off."""
    match test:
        case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)):
            return is_open(one)
        case nodes.Block(expressions=(one,)):
            return _asks(one, kinds, is_open)
    is_switch = is_simple_path(test) and kinds.get(id(test), types.ANY).kinds == types.BOOLEAN.kinds
    return is_open(test) or (is_switch and getattr(leading_names(test)[0], "name", "") in ("query", "body"))


class Given:
    """Tells which parameters, settings and cursors may be absent in the request of an endpoint.

    A setting counts only where the mapping says elsewhere what holds without it: whoever needs it gives it otherwise.
    """

    def __init__(self, typed: EndpointTypes, scope: TypeScope) -> None:
        self.scope, self.mapper, self.refusal = scope, typed.mapper, typed.endpoint.query_error

    def is_absent(
        self, expression: Expression, node: nodes.Node, kinds: Kinds | None = None, *, item: str | None = None
    ) -> bool:
        """Whether a value of the request, a part of an expression, may be absent.

        It may be made of an `item` of the body, which is a variable; "" if it is the context.
        """
        known = kinds_in(node, self.scope) if kinds is None else kinds
        is_open = may_be_absent(node, known, lambda one: self._is_open(one, known, item))
        return is_open and not self._is_refused(expression, node)

    def default(self, node: nodes.Node) -> tuple[str, Any]:
        """The name and the default of the parameter or the setting that a node is; None for what has no default."""
        match leading_names(node) if is_simple_path(node) else ():
            case [nodes.Variable(name="context"), nodes.Name(value=name)]:
                return name, self.mapper.mapping.context_schemas.get(name, {}).get("default")
            case [nodes.Variable(name="query"), nodes.Name(value=name)] if name in self.mapper.resource.parameters:
                return name, self.mapper.resource.parameters[name].default
        return "", None

    def _is_refused(self, expression: Expression, node: nodes.Node) -> bool:
        """Whether all queries are refused that lack what a value needs, as far as trying some tells."""
        if self.refusal is None:
            return False
        part = Expression(expression.text[node.span.start : node.span.end], functions=expression.functions)
        places = dict.fromkeys(
            read.path[:2] for one in (part, self.refusal) for read in reads(one) if read.path[0] in _ASKED
        )
        names = [one for one in places if len(one) > 1]
        if len(names) < len(places) or len(names) > _MAX_TRIED:
            return False
        lacking = [asked for asked in map(self._query, _subsets(names)) if _value(part, asked) is MISSING]
        return bool(lacking) and all(_value(self.refusal, asked) not in (MISSING, None) for asked in lacking)

    def _query(self, given: Collection[NamePath]) -> dict[str, Any]:
        """The variables of a query that has some parameters, settings or fields of a body."""
        made: dict[str, Any] = {name: {} for name in _ASKED}
        for holder, name in given:
            known = self.scope.variables.get(holder, types.ANY).properties or {}
            made[holder][name] = sample(known.get(name, types.ANY))
        return made

    def _is_open(self, node: nodes.Node, kinds: Kinds, item: str | None) -> bool:
        kind = kinds.get(id(node), types.ANY)
        if not is_simple_path(node) or "undefined" not in kind.kinds or not kind.solid or kind == types.ANY:
            return False
        root, *below = texts_of_names(node)
        if item is not None and getattr(leading_names(node)[0], "name", "") == item:
            return self.refusal is None or (below[-1] if below else root) not in self.refusal.text
        if root == "context" and below:
            return any(below[0] in _defaulted(one) for one in self.mapper.mapping.endpoints)
        return root in ("query", "body", "cursor") and (bool(below) or root == "cursor")


def _subsets(names: Sequence[NamePath]) -> Iterator[Collection[NamePath]]:
    """Some of the names, in every way."""
    return (some for size in range(len(names) + 1) for some in combinations(names, size))


def _value(expression: Expression, given: Mapping[str, Any]) -> Any:
    """The value of an expression; None if it fails, or says nothing by itself."""
    try:
        return expression.evaluate(MISSING, given, timeout=1.0)
    except EvaluationError:
        return None


def sample(kind: Type) -> Any:
    """A value of a type."""
    if kind.values:
        return kind.values[0]
    if "object" in kind.kinds and kind.kinds != types.KINDS:
        return {name: sample(one) for name, one in (kind.properties or {}).items()}
    if "array" in kind.kinds and kind.kinds != types.KINDS:
        return [sample(kind.items or types.STRING)]
    plain = {"boolean": True, "integer": 1, "number": 1.5}
    return next((value for name, value in plain.items() if name in kind.kinds and kind.kinds != types.KINDS), "x")


def _defaulted(endpoint: Endpoint) -> set[str]:
    """The settings whose absence an endpoint provides for: `$context.a ?? …`, `$context.a ? …`."""
    found = set()
    for _, expression in every(endpoint):
        for node in expression.below if "$context" in expression.text else ():
            match node:
                case (
                    nodes.Coalesce(left=one)
                    | nodes.Default(left=one)
                    | nodes.Condition(condition=one)
                    | nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,))
                ):
                    names = leading_names(one) if isinstance(one, nodes.Path) else ()
                    if len(names) > 1 and getattr(names[0], "name", "") == "context":
                        found.add(str(getattr(names[1], "value", "")))
    return found
