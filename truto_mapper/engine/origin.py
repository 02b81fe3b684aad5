"""Where in a reply a value came from: its expression is evaluated again with a trace, which says what was read.

This costs a second evaluation, so it is done only for values with a problem and for absent arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType
from typing import Any

from truto_mapper.engine.rows import OtherReply, Place, Reply, Row
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.trace import Evaluation, Event, Places, Trace
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.pointers import Steps

#: In the place of the value of an expression that failed.
UNKNOWN = object()

#: The most items of a computed array whose places are looked for.
MAX_PLACED = 100_000


class _RowPlaces(Places):
    """The paths of a reply's objects and arrays. An object that occurs in several rows is found in this one."""

    def __init__(self, row: Row, reply: Reply) -> None:
        super().__init__({"": row.item.value} if row.item.in_reply else {})
        self.row, self.reply = row, reply

    def of(self, container: Any) -> tuple[str, Steps] | None:
        if not isinstance(container, (dict, list)):
            return None
        for place in self.row.places.values():
            if place.in_reply and place.value is container:
                return "", place.path
        known = super().of(container)
        if known is not None:
            return "", (*self.row.item.path, *known[1])
        known = self.reply.places.of(container)
        return ("", (known[0], *known[1])) if known is not None and known[0] else known


class Origins:
    """The origins of the values of one row.

    `lets` are the endpoint's `let` expressions by name, `joined` the rows of its joins.
    """

    def __init__(
        self, row: Row, lets: Mapping[str, Expression], reply: Reply, joined: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.row, self.lets, self.reply = row, lets, reply
        #: The names of joins by the identity of their rows.
        self.joined = {id(rows): name for name, rows in joined.items()}
        self._of_lets: dict[str, list[Place]] = {}

    @cached_property
    def places(self) -> _RowPlaces:
        return _RowPlaces(self.row, self.reply)

    def of(self, expression: Expression, scope: Scope, path: Steps, value: Any) -> Steps | None:
        """The place that a value came from; `path` is its path in the record. None if nothing of the reply was read.

        An absent key has no place: its object's is returned. A computed value has the place that was read first.
        """
        if scope.budget is not None:
            scope.budget.check()
        found = self.read(expression, scope, path) or self.read(expression, scope, path, everything=True)
        if not found:
            return None
        same = [place for one in found for place in _within(one, value) if _is_same(place.value, value)]
        start = len(self.row.item.path)
        best = max(same, key=lambda one: sum(step in one.path[start:] for step in path), default=found[0])
        return best.path[:-1] if best.value is MISSING else best.path

    def has_source(self, expression: Expression, scope: Scope) -> bool:
        """Whether an expression read a value, not null, for its result; tests and predicates do not count."""
        return any(one.value is not MISSING and one.value is not None for one in self.read(expression, scope, ()))

    def read(self, expression: Expression, scope: Scope, path: Steps, *, everything: bool = False) -> Sequence[Place]:
        """What an expression read for its value, or everything that it read: each place, but none above another."""
        trace = Trace()
        with suppress(EvaluationError):
            expression.evaluate_in(Scope(scope.data, None, scope, trace))
        events = [event for evaluation in trace.evaluations for event in _outermost(evaluation)]
        places = (place for event in events for place in self._read(event, scope, path, everything=everything))
        found = list({place.path: place for place in places}.values())
        above = {place.path[:end] for place in found for end in range(len(place.path))}
        return [place for place in found if place.path not in above]

    def _read(self, event: Event, scope: Scope, path: Steps, *, everything: bool) -> Iterator[Place]:
        match event.node:
            case nodes.Name():
                yield from (Place(value, at) for _, at, value in self.places.lookups(event))
            case _ if placed := self._placed(event.value):
                yield from placed
            case nodes.Variable(name=name) if name in self.lets and scope.lookup(name) is event.value:
                yield from self._of_let(name, scope)
            case nodes.Apply(right=call) | (nodes.Call() as call) if found := self._looked_up(call, event.inner):
                yield found
            case nodes.Call(procedure=nodes.Variable(name="lookup")) if not everything and _lacks_holder(event.inner):
                yield from self._read(event.inner[-2], scope, path, everything=everything)
            case _:
                for inner in event.inner if everything else _carriers(event, path):
                    yield from self._read(inner, scope, path, everything=everything)

    def _placed(self, value: Any) -> list[Place]:
        """The place of a part of the reply, or the places of parts in a new array."""
        known = self.places.of(value)
        if known is not None:
            return [Place(value, known[1])]
        found: list[Place] = []
        for item in value if isinstance(value, list) and len(value) <= MAX_PLACED else ():
            if (known := self.places.of(item)) is None:
                return []
            found.append(Place(item, known[1]))
        return found

    def _of_let(self, name: str, scope: Scope) -> list[Place]:
        """What a `let` was read from; `scope` is one in which it is bound."""
        if name not in self._of_lets:
            bound: Scope | None = scope
            while bound is not None and name not in bound.bindings:
                bound = bound.parent
            outer = scope if bound is None or bound.parent is None else bound.parent
            self._of_lets[name] = list(self.read(self.lets[name], outer, ()))
        return self._of_lets[name]

    def _looked_up(self, call: nodes.Node, operands: Sequence[Event]) -> Place | None:
        """The place that `$lookup(object, key)` read."""
        if not isinstance(call, nodes.Call) or getattr(call.procedure, "name", "") != "lookup" or len(operands) < 2:
            return None
        holder, key = (inner.value for inner in operands[-2:])
        if isinstance(key, str) and (name := self.joined.get(id(holder))) is not None:
            found = holder.get(key, MISSING)
            known = self.places.of(found)
            return Place(found, (OtherReply(f"in the replies to join `{name}`"),) if known is None else known[1])
        known = self.places.of(holder)
        if known is None or not isinstance(holder, dict) or not isinstance(key, str):
            return None
        return Place(holder.get(key, MISSING), (*known[1], key))


def _lacks_holder(operands: Sequence[Event]) -> bool:
    """Whether `$lookup(object, key)` has no object: nothing is made of the key then."""
    return len(operands) > 1 and operands[-2].value is MISSING


def _outermost(evaluation: Evaluation) -> Sequence[Event]:
    """The event of a whole expression, or the events of the operands with which it failed."""
    if evaluation.error is None:
        return evaluation.events
    (failed, *_) = evaluation.error.diagnostics
    spans = [(event, evaluation.expression.locate(event.node.span)) for event in evaluation.events]
    operands = [event for event, span in spans if failed.span and failed.span.start <= span.start < failed.span.end]
    return operands[::-1] if failed.code == "T2002" else operands  # T2002 is about the right operand


def _carriers(event: Event, path: Steps) -> Iterable[Event]:
    """The inner events that a value is made of, without tests, predicates and sort keys; the closest to it first."""
    node, inner = event.node, [one for one in event.inner if not isinstance(one.node, nodes.Filter)]
    match node:
        case nodes.Condition():
            return [one for one in inner if one.node is not node.condition]
        case nodes.Block() | nodes.Branches():
            return inner[-1:]
        case nodes.Coalesce() | nodes.Default():
            return reversed(inner)
        case nodes.Path():
            return [one for step in reversed(node.steps) for one in inner if one.node is step.node]
        case nodes.Object():
            keys = {id(value): key.value for key, value in node.pairs if isinstance(key, nodes.String)}
            return [one for one in inner if keys.get(id(one.node)) in path] or inner
        case _:
            return inner


def _within(place: Place, value: Any) -> Iterator[Place]:
    """A place and, in search of a value, all places below it."""
    yield place
    if not any(value is one for one in (None, MISSING, UNKNOWN)) and isinstance(place.value, (dict, list)):
        pairs = place.value.items() if isinstance(place.value, dict) else enumerate(place.value)
        for key, inner in pairs:
            yield from _within(Place(inner, (*place.path, key)), value)


def _is_same(one: Any, other: Any) -> bool:
    """Whether these are the same value; null and absent both mean no value."""
    if one is other or isinstance(one, (dict, list)):
        return one is other
    if other is MISSING:
        return one is None
    return one.__class__ is other.__class__ and bool(one == other)
