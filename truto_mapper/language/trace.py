"""Records evaluations: the value of each node, and the data that it read.

A scope with a trace records every evaluation in it and in the scopes within it. A trace is filled by one thread;
explanations and coverage are computed from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from truto_mapper.language.nodes import Branches, Name, Node
from truto_mapper.language.runtime.calls import HOLE
from truto_mapper.language.runtime.values import MAX_DATA_NESTING, MISSING
from truto_mapper.text.errors import MapperError
from truto_mapper.text.pointers import Steps


class Traced(Protocol):
    """An expression, as far as a trace needs it."""

    @property
    def numbered(self) -> Sequence[tuple[Node, int]]: ...


@dataclass(frozen=True, slots=True)
class Event:
    """One value of a node.

    `inner` are the events within it; `context` is the value that a name was looked up in. A node that is evaluated for
    each item of an array has an event for each; a node that was not reached has none.
    """

    node: Node
    value: Any
    context: Any
    inner: tuple[Event, ...]

    def walk(self) -> Iterator[Event]:
        """The event and all events within it, inner ones first."""
        for event in self.inner:
            yield from event.walk()
        yield self


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of an expression: its value or error, and the outermost events.

    `row` is the path of the record's row in the reply, `target` the path of the field or the name of the `let` that
    takes the value; both are None for expressions over the whole reply or query.
    """

    expression: Any
    data: Any
    value: Any
    error: MapperError | None
    events: tuple[Event, ...]
    row: Steps | None
    target: Steps | str | None

    def walk(self) -> Iterator[Event]:
        """Every event, inner ones first."""
        for event in self.events:
            yield from event.walk()


class Trace:
    """The evaluations of a run, in order.

    `names` are the bindings of the last page or request, `endpoint` is the name of its endpoint, `records` are the
    records with the paths of their rows.
    """

    def __init__(self) -> None:
        self.evaluations: list[Evaluation] = []
        self.names: dict[str, Any] = {}
        self.endpoint = ""
        self.records: list[tuple[Steps, Any]] = []
        self.row: Steps | None = None
        self.target: Steps | str | None = None

    def add(
        self, expression: Traced, data: Any, noted: Sequence[tuple[Any, ...]], value: Any, error: MapperError | None
    ) -> None:
        """Add an evaluation. `noted` has the number of each node in `walk`, its value, and the context of a name."""
        events = _tree(expression.numbered, noted)
        self.evaluations.append(Evaluation(expression, data, value, error, events, self.row, self.target))


def _tree(nodes: Sequence[tuple[Node, int]], noted: Sequence[tuple[Any, ...]]) -> tuple[Event, ...]:
    """Events in the order of evaluation, each with the earlier events of the nodes below its own."""
    found: list[tuple[int, Event]] = []
    for number, value, *context in noted:
        inner: list[Event] = []
        node, last = nodes[number]
        while found and number < found[-1][0] <= last:
            inner.append(found.pop()[1])
        if isinstance(node, Branches):
            inner = [_filled(one, value) for one in inner]
        event = Event(node, value, context[0] if context else MISSING, tuple(reversed(inner)))
        found.append((number, event))
    return tuple(one for _, event in found for one in (event.inner if event.value is HOLE else (event,)))


def _filled(event: Event, value: Any) -> Event:
    """A part of branches that left its value to the part after it, and has the same one."""
    if event.value is not HOLE:
        return event
    return Event(event.node, value, event.context, tuple(_filled(one, value) for one in event.inner))


class Places:
    """The paths of the objects and arrays of some documents, by identity; each document has a name, as `$query`."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self._known: dict[int, tuple[str, Steps]] = {}
        self._documents = documents  # keeps the objects alive, so that their ids stay valid
        for name, document in documents.items():
            self._note(name, document)

    def _note(self, name: str, document: Any) -> None:
        waiting: list[tuple[Any, Steps]] = [(document, ())]
        while waiting:
            value, path = waiting.pop()
            if isinstance(value, (dict, list)) and id(value) not in self._known and len(path) < MAX_DATA_NESTING:
                self._known[id(value)] = (name, path)
                pairs = value.items() if isinstance(value, dict) else enumerate(value)
                waiting += [(child, (*path, key)) for key, child in pairs]

    def of(self, container: Any) -> tuple[str, Steps] | None:
        """The name of its document and the path of an object or array; None for other values."""
        return self._known.get(id(container)) if isinstance(container, (dict, list)) else None

    def lookups(self, event: Event) -> list[tuple[str, Steps, Any]]:
        """What a name's event read: document, path and value, MISSING if there is none."""
        if not isinstance(event.node, Name):
            return []
        found = []
        for holder in _objects(event.context):
            place = self.of(holder)
            if place is not None:
                name, path = place
                found.append((name, (*path, event.node.value), holder.get(event.node.value, MISSING)))
        return found


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects that a name is looked up in: each item of an array, arrays in it included."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _objects(item)
