"""Conditions that do not depend on what they test: always true, always false, or a value compared with itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import inf
from operator import ge, gt, le, lt
from typing import Any

from truto_mapper.authoring.check.described import Described
from truto_mapper.authoring.check.expressions import PLANNING, EndpointTypes
from truto_mapper.authoring.check.slips import written
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.request_schema import limit
from truto_mapper.engine.source_types import refusal_type, reply_type
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import index_names, leading_names
from truto_mapper.language.nodes import Node
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import Endpoint, every
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.record import NamedTuple

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_COMPARING = frozenset(_TURNED)
#: Functions whose result is a whole number from 0 on.
_COUNTS = frozenset({"count", "length", "size"})
#: Functions that give a value whatever they are given.
_CERTAIN = frozenset({"count", "exists"})
#: What is always bound where it has a value: the context, and what a caller gives.
_ALWAYS = frozenset({"", "query", "context", "body", "id"})
#: Functions that give another result each time.
_UNEQUAL = frozenset({"random", "shuffle"})

_SUCCESSES = range(200, 300)
_FAILURES = (*range(100, 200), *range(300, 600))
#: Those of an answer that may mean no records: a refusal or one without a body, and an empty file has any status.
_EMPTY, _ALL = (*_FAILURES, 204), (*_FAILURES, *_SUCCESSES)
_SAID = {_SUCCESSES: "200 to 299", _FAILURES: "100 to 199 or 300 to 599", _EMPTY: "100 to 199, 204 or 300 to 599"}
_TESTS = ("when", "recognise", "error_when", "empty_when", "run_if")


def pointless_conditions(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C230 and C211: the pointless conditions of an endpoint."""
    endpoint = types_.endpoint
    tests = {id(one): key for key in _TESTS for one in _of_key(endpoint, key)}
    for place, one in every(endpoint):
        key = tests.get(id(one), "empty_when" if place[:5] == "join." and place.endswith(".empty_when") else "")
        statuses = _SUCCESSES if key != "empty_when" else _EMPTY if endpoint.decode is None else _ALL
        yield from _Scene(one, types_.kinds, statuses, place in PLANNING, types_.described).found(key)


def _of_key(endpoint: Endpoint, key: str) -> Iterator[Expression]:
    every_holder = endpoint.joins if key == "run_if" else (endpoint,)
    return (one for holder in every_holder if (one := getattr(holder, key)) is not None)


def pointless_in_errors(mapper: Mapper) -> Iterator[Diagnostic]:
    """The same for `error_mapping`, which also reads replies that `error_when` refuses."""
    refused = any(one.error_when is not None for one in mapper.mapping.endpoints)
    for one in mapper.mapping.errors.values():
        yield from _Scene(one, {}, _ALL if refused else _FAILURES).found("")


def bare_status(mapper: Mapper) -> Iterator[Diagnostic]:
    """C219: `status = 401` for `$status`, where `$status` is compared elsewhere, or `status` with texts."""
    mapping = mapper.mapping
    empty = [one.empty_when for one in mapping.endpoints if one.empty_when is not None]
    failing = [one.error_when for one in mapping.endpoints if one.error_when is not None]
    read = [*dict.fromkeys((*mapping.errors.values(), *empty))]
    tests = [(one, test) for one in (*read, *failing) for node in one.below if (test := _test(node))]
    fields = [(one, test) for one, test in tests if _is_field(test.subject, "status")]
    is_text = any(isinstance(value, str) for _, test in fields for value in test.constants)
    bodies = [refusal_type(mapping), *(reply_type(one) for one in mapping.endpoints)] if fields else []
    declared = any(types.NUMBER.kinds & (body.properties or {}).get("status", types.NEVER).kinds for body in bodies)
    for one, test in fields if (is_text or any(_is_status(test.subject) for _, test in tests)) and not declared else ():
        if one in read and all(_is_number(value) and 100 <= value <= 599 for value in test.constants):
            message = "`status` is a field of the reply; the status of HTTP is `$status`"
            yield one.diagnostic("C219", message, test.subject, severity="warning", hint="write `$status`")


#: Functions that call another one for each item.
_CALLING = frozenset({"map", "filter", "each", "sift", "single"})


class _Test(NamedTuple):
    """A test of a value against constants: the node of the value, the test, and the constants."""

    subject: Node
    holds: Callable[[Any], bool]
    constants: tuple[Any, ...]
    orders: bool


@dataclass(frozen=True, slots=True)
class _Scene:
    """An expression, the types of its nodes by their identity, and the statuses of the replies that it reads."""

    expression: Expression
    kinds: Mapping[int, Type]
    statuses: Sequence[int]
    is_planning: bool = False
    described: Described | None = None

    def found(self, key: str) -> Iterator[Diagnostic]:
        """What is pointless in the expression, which is the condition `key` of an endpoint if that is not empty."""
        if key and not (key == "when" and isinstance(self.expression.node, nodes.Value)):
            yield from self.constant(self.expression.node)
        inner: set[int] = set()
        for node in self.expression.below:
            for one in _conditions(node) if not self.is_told(node) else ():
                yield from self.constant(one)
            match node:
                case nodes.Binary(operator="and" | "or"):
                    if id(node) not in inner:
                        inner |= {id(one) for one in _parts(node, node.operator)}
                        yield from self.chain(node)
                case nodes.Binary(operator=operator) if operator in _COMPARING or operator == "in":
                    yield from self.comparison(node)
                case nodes.Condition():
                    yield from self.branches(node)
                case nodes.Coalesce():
                    yield from self.replaced(node)
                case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)):
                    yield from self.exists_always(node, one, is_of_others=key == "recognise")

    def exists_always(self, node: Node, one: Node, *, is_of_others: bool) -> Iterator[Diagnostic]:
        """`$exists(…)` of what is always there, in a reply that may be another endpoint's or not."""
        if self.exists(one):
            name = _name(one)
            edit = f"a text always exists; write `$exists({name})` for a field" if name else None
            yield self.tell(node, "this is always true", edit)
        elif not is_of_others and self.is_required_object(one):
            yield self.tell(node, f"this is always true: `{self.text(one)}` is always there")

    def is_told(self, node: Node) -> bool:
        """Whether a branch that is never reached is told already (C211)."""
        if not isinstance(node, nodes.Condition) or isinstance(node.condition, nodes.Value):
            return False
        truth = types.truth_of(self.kinds.get(id(node.condition), types.ANY))
        return truth is not None and (node.otherwise if truth else node.then) is not None

    def tell(self, node: Node, message: str, hint: str | None = None, code: str = "C230") -> Diagnostic:
        return self.expression.diagnostic(code, message, node, severity="warning", hint=hint)

    def text(self, node: Node) -> str:
        return written(self.expression, node)

    def constant(self, node: Node) -> Iterator[Diagnostic]:
        """A condition that is a constant, a text that cannot be empty, a binding, or a function."""
        match node:
            case nodes.Block(expressions=(*_, last)):
                yield from self.constant(last)
            case nodes.Bind(variable=variable, value=value):
                edit = f"write `${variable.name} = {self.text(value)}` to compare"
                yield self.tell(node, "this binds a value and compares nothing", edit)
            case _ if self.kinds.get(id(node)) == types.FUNCTION and isinstance(node, nodes.Variable):
                yield self.tell(node, "this is always false: it is a function", f"write `{self.text(node)}(…)`")
            case _ if (truth := _truth(node)) is not None:
                yield self.tell(node, f"this is always {str(truth).lower()}", _meant(node))
            case nodes.Binary(operator="=") if types.truth_of(self.kinds.get(id(node), types.ANY)) is False:
                yield self.tell(node, "this is always false: the sides have no value in common")
            case nodes.Path() if types.truth_of(self.kinds.get(id(node), types.ANY)):
                yield self.tell(node, f"this is always true: `{self.text(node)}` always has a value")
            case nodes.Object() | nodes.Array():
                yield self.tell(node, "this tests what is made here, which says little", "test what is put into it")

    def is_certain(self, node: Node, *, calls: bool = True) -> bool:
        """Whether a node has a value whatever the data is."""
        match node:
            case nodes.String() | nodes.Number() | nodes.Value() | nodes.Array() | nodes.Object() | nodes.Lambda():
                return True
            case nodes.Binary(operator=operator):
                return operator in ("&", "=", "!=", "in", "and", "or")
            case nodes.Call(procedure=nodes.Variable(name=name)):
                return calls and name in _CERTAIN
            case nodes.Block(expressions=(only,)):
                return self.is_certain(only, calls=calls)
        return False

    def exists(self, node: Node) -> bool:
        """Whether a node is certain, `$`, an index, or what a request always has."""
        kind = self.kinds.get(id(node), types.ANY)
        is_there = bool(kind.solid) and "undefined" not in kind.kinds
        match node:
            case nodes.Path(steps=(nodes.Step(node=nodes.Variable(name="query" | "context")), *_)):
                return is_there and (self.is_planning or self.is_setting(node))
            case nodes.Variable(name=name):
                steps = (one for one in self.expression.below if isinstance(one, nodes.Step))
                return (name in _ALWAYS and is_there) or any(one.index == node for one in steps) or name in self.given()
        return self.is_certain(node)

    def is_required_object(self, node: Node) -> bool:
        """Whether a schema says that a node is an object which is always there: what is asked for may be in it."""
        kind = self.kinds.get(id(node), types.ANY)
        return isinstance(node, nodes.Path) and kind.path is not None and kind.kinds == {"object"}

    def is_setting(self, node: Node) -> bool:
        """Whether a node is a setting of the account, which has its default in every expression."""
        names = leading_names(node)
        return bool(names) and getattr(names[0], "name", "") == "context"

    def replaced(self, node: nodes.Coalesce) -> Iterator[Diagnostic]:
        """C211: `a ?? b` where `a` is always there."""
        if self.is_certain(node.left, calls=False):
            yield self.tell(node.right, "this is never used: the left side is always there", None, "C211")

    def comparison(self, node: nodes.Binary) -> Iterator[Diagnostic]:
        if _same(node.left, node.right):
            yield self.tell(node, f"`{self.text(node.left)}` is compared with itself")
        elif isinstance(node.right, nodes.Array) and node.operator == "in":
            yield from self.listed(node, node.right)
        elif (forms := [self.form(side) for side in (node.left, node.right)]) and len({*forms} - {None}) == 2:
            hint = "write `$substring(…, 0, 10)` for the date, or `$floorDate(…)` for the day in a time zone"
            yield self.tell(node, f"a {forms[0]} is compared with a {forms[1]}, as texts", hint)
        elif test := _test(node):
            yield from self.decided(node, [test])

    def form(self, node: Node) -> str | None:
        """`date` or `date-time` for such a text."""
        kind = self.kinds.get(id(node), types.ANY)
        known = kind.format in ("date", "date-time") and kind.solid == types.STRING.kinds
        return kind.format if known else None

    def listed(self, node: nodes.Binary, listed: nodes.Array) -> Iterator[Diagnostic]:
        """`a in []`, and a value that a list has twice."""
        if not listed.items:
            yield self.tell(node, "this is always false: the list is empty")
        for number, item in enumerate(listed.items):
            if isinstance(item, nodes.LITERALS) and item in listed.items[:number]:
                yield self.tell(item, f"the list has {self.text(item)} twice")
        kind = self.kinds.get(id(node.left), types.ANY)
        given = {item.value for item in listed.items if isinstance(item, nodes.LITERALS)}
        if kind.values and set(kind.values) <= given and not kind.kinds & types.NONE:
            yield self.tell(node, f"this is always true: the list has every value of `{self.text(node.left)}`")
        elif test := _test(node):
            yield from self.decided(node, [test])

    def decided(self, node: Node, tests: Sequence[_Test], *, either: bool = False) -> Iterator[Diagnostic]:
        """Tests of one value that hold for all of its values, or for none; for `either`, only if one of them does."""
        samples = self.samples(tests)
        quantified = any if either else all
        outcomes = {quantified(one.holds(sample) for one in tests) for sample in samples}
        if len(outcomes) == 1:
            truth = str(outcomes.pop()).lower()
            yield self.tell(node, f"this is always {truth}", self.why(tests))

    def why(self, tests: Sequence[_Test]) -> str | None:
        subject = tests[0].subject
        if len(tests) > 1:
            return None
        low, high = self.limits(subject)
        if (low, high) != (-inf, inf):
            bounds = [f"{word} {one:g}" for word, one in (("at least", low), ("at most", high)) if abs(one) != inf]
            return f"by the provider's schema, `{self.text(subject)}` is {' and '.join(bounds)}"
        if _is_status(subject):
            some = _SAID.get(self.statuses, "100 to 599")
            return f"the status is a number, {some} here"
        return f"`{self.text(subject)}` is a number, never less than 0" if self.counts(subject) else None

    def counts(self, node: Node) -> bool:
        """Whether a node is a count, or the index of an item."""
        return _is_count(node) or (isinstance(node, nodes.Variable) and node.name in index_names(self.expression.node))

    def given(self) -> set[str]:
        """The names of what callbacks are given for each item, which is always there."""
        every_call = (one for one in self.expression.below if isinstance(one, nodes.Call))
        calls = (one for one in every_call if getattr(one.procedure, "name", "") in _CALLING)
        callbacks = (given for one in calls for given in one.arguments if isinstance(given, nodes.Lambda))
        return {one.name for callback in callbacks for one in callback.parameters[:2]}

    def samples(self, tests: Sequence[_Test]) -> Iterable[Any]:
        """Values that tell apart what tests can tell apart."""
        subject, constants = tests[0].subject, [value for test in tests for value in test.constants]
        if self.counts_nothing(subject):
            return (0,)
        is_count, (low, high) = self.counts(subject), self.limits(subject)
        if (_is_status(subject) or is_count) and len({*map(_is_number, constants)}) > 1:
            return ()
        if _is_status(subject):
            return self.statuses
        given = sorted(value for value in constants if _is_number(value))
        numbers = {value + more for value in given for more in (-1, -0.5, 0, 0.5, 1)}
        numbers |= {(one + next_) / 2 for one, next_ in pairwise(given)}
        if low not in given and high not in given:  # who asks for the bound itself may do so for safety
            ends = {one for one in (low, high) if abs(one) != inf}
            numbers = ends | {one for one in numbers if low <= one <= high}
        texts = {value + more for value in constants if isinstance(value, str) for more in ("", "\0")}
        if is_count:
            return {0, *(one for one in numbers if one >= 0 and one == int(one))}
        others: list[Any] = [value for value in constants if value is None or isinstance(value, bool)]
        others += [] if any(test.orders for test in tests) else [object()]
        return [*numbers, *texts, *([""] if texts else []), *others]

    def limits(self, node: Node) -> tuple[float, float]:
        """The least and the greatest number that a value of the reply can be."""
        path = self.kinds.get(id(node), types.ANY).path
        forms = [] if self.described is None or path is None else self.described.of(path)
        low, high = (limit(forms, word) for word in ("minimum", "maximum"))
        return -inf if low is None else low, inf if high is None else high

    def counts_nothing(self, node: Node) -> bool:
        """Whether a node counts what a condition says is absent."""
        match node:
            case nodes.Call(procedure=nodes.Variable(name="count"), arguments=(one,)):
                return self.kinds.get(id(one), types.ANY).kinds == types.UNDEFINED.kinds
        return False

    def chain(self, node: nodes.Binary) -> Iterator[Diagnostic]:
        """`a = 1 and a = 2`, `a or $not(a)`, and the same condition twice."""
        parts = list(_operands(node, node.operator))
        for one, other in combinations(parts, 2):
            if _same(one, other):
                yield self.tell(other, f"`{self.text(one)}` is tested twice")
            elif _negated(one) == other or _negated(other) == one:
                yield self.tell(node, f"this is always {str(node.operator == 'or').lower()}")
        tests = [test for one in parts if (test := _test(one))]
        for subject in dict.fromkeys(test.subject for test in tests):
            same = [test for test in tests if test.subject == subject]
            if len(same) > 1 and not any(any(self.decided(node, [test])) for test in same):
                yield from self.decided(node, same, either=node.operator == "or")

    def branches(self, node: nodes.Condition) -> Iterator[Diagnostic]:
        """Both branches the same, and a condition that an earlier one of the chain decides."""
        if node.otherwise is not None and _same(node.then, node.otherwise):
            yield self.tell(node, "both branches are the same")
        below, before = node.otherwise, list(filter(None, [_test(node.condition)]))
        while isinstance(below, nodes.Condition):
            test = _test(below.condition)
            if _same(node.condition, below.condition):
                message = "this is never reached: an earlier condition is the same"
                yield self.tell(below.then, message, None, "C211")
            elif test is not None and self.is_covered(test, [one for one in before if one.subject == test.subject]):
                message = "this is never reached: an earlier condition holds for each such value"
                yield self.tell(below.then, message, None, "C211")
            before += [] if test is None else [test]
            below = below.otherwise

    def is_covered(self, test: _Test, before: Sequence[_Test]) -> bool:
        """Whether one of some tests holds wherever a test of the same value does."""
        holding = [one for one in self.samples([*before, test]) if test.holds(one)] if before else []
        return bool(holding) and all(any(one.holds(sample) for one in before) for sample in holding)


def _conditions(node: Node) -> Iterator[Node]:
    """The nodes directly below a node of which only the truth counts."""
    match node:
        case nodes.Condition(condition=one) | nodes.Default(left=one):
            yield one
        case nodes.Binary(operator="and" | "or", left=left, right=right):
            yield from (left, right)
        case nodes.Call(procedure=nodes.Variable(name="not" | "boolean"), arguments=(one,)):
            yield one
        case nodes.Call(
            procedure=nodes.Variable(name="filter" | "sift" | "single"), arguments=(_, nodes.Lambda(body=body))
        ):
            yield body
        case nodes.Filter(expression=one) if isinstance(one, (nodes.Bind, nodes.Variable, nodes.Binary)):
            yield one


def _truth(node: Node) -> bool | None:
    """Whether a value is always truthy or always falsy; None if that is not plain."""
    match node:
        case nodes.String(value=value) | nodes.Number(value=value) | nodes.Value(value=value):
            return bool(value)
        case nodes.Binary(operator="&", left=left, right=right):
            return True if _truth(left) or _truth(right) else None
        case nodes.Array(items=()) | nodes.Object(pairs=()):
            return False
        case nodes.Array(items=items):
            return True if any(map(_truth, items)) else None
        case nodes.Object(pairs=pairs):
            return True if any(_truth(value) is not None for _, value in pairs) else None
        case nodes.Lambda() | nodes.Regex():
            return False
    return None


def _meant(node: Node) -> str | None:
    if name := _name(node):
        return f"it is a text; write `{name}` for the field or the literal"
    if isinstance(node, nodes.Value):
        return "write what it depends on, or remove it"
    return "`&` makes a text: test a part of it" if isinstance(node, nodes.Binary) else None


def _name(node: Node) -> str | None:
    """A text that was probably meant to be a path of names."""
    if isinstance(node, nodes.String) and all(part.isidentifier() for part in node.value.split(".")):
        return node.value
    return None


def _is_status(node: Node) -> bool:
    return isinstance(node, nodes.Variable) and node.name == "status"


def _is_field(node: Node, name: str) -> bool:
    """Whether a node is a bare name."""
    names = leading_names(node) if isinstance(node, nodes.Path) and len(node.steps) == 1 else []
    return [getattr(one, "value", None) for one in names] == [name]


def _is_count(node: Node) -> bool:
    return isinstance(node, nodes.Call) and getattr(node.procedure, "name", "") in _COUNTS


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same(one: Node, other: Node) -> bool:
    """Whether two nodes always have the same value."""
    called = (getattr(below, "name", "") for below in nodes.walk(one) if isinstance(below, nodes.Variable))
    return one == other and not isinstance(one, (nodes.Hole, nodes.Bind)) and _UNEQUAL.isdisjoint(called)


def _parts(node: Node, operator: str) -> Iterator[Node]:
    """The nodes of a chain of one operator, its own included."""
    if isinstance(node, nodes.Binary) and node.operator == operator:
        yield node
        yield from _parts(node.left, operator)
        yield from _parts(node.right, operator)


def _operands(node: Node, operator: str) -> Iterator[Node]:
    if isinstance(node, nodes.Binary) and node.operator == operator:
        yield from _operands(node.left, operator)
        yield from _operands(node.right, operator)
    elif isinstance(node, nodes.Block) and len(node.expressions) == 1:
        yield from _operands(node.expressions[0], operator)
    else:
        yield node


def _negated(node: Node) -> Node | None:
    """What `$not(…)` negates."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)):
            return one
    return None


def _test(node: Node) -> _Test | None:
    """A node as a test of a value against constants; None if it is none."""
    match node:
        case nodes.Block(expressions=(only,)):
            return _test(only)
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)) if inner := _test(one):
            return inner._replace(holds=lambda value: not inner.holds(value))
        case nodes.Binary(operator="in", left=left, right=nodes.Array(items=items)) if items:
            values = tuple(one.value for one in items if isinstance(one, nodes.LITERALS))
            if len(values) < len(items) or isinstance(left, nodes.LITERALS):
                return None
            return _Test(left, lambda value: any(_holds("=", value, one) for one in values), values, orders=False)
        case nodes.Binary(operator=operator, left=left, right=right) if operator in _COMPARING:
            if isinstance(left, nodes.LITERALS):
                operator, left, right = _TURNED[operator], right, left
            if isinstance(right, nodes.LITERALS) and not isinstance(left, (*nodes.LITERALS, nodes.Hole)):
                constant = right.value
                orders = operator in _ORDERS
                return _Test(left, lambda value: _holds(operator, value, constant), (constant,), orders)
    return None


def _holds(operator: str, value: Any, constant: Any) -> bool:
    if operator in _ORDERS:
        are_texts = isinstance(value, str) and isinstance(constant, str)
        return (are_texts or (_is_number(value) and _is_number(constant))) and _ORDERS[operator](value, constant)
    same = value == constant and isinstance(value, bool) is isinstance(constant, bool)
    return same is (operator == "=")
