"""What an evaluation did: the value of each node, and what of the data it read.

A trace is filled by one thread. Given to a scope, it notes every evaluation in that scope and those within it;
explanations and coverage are read from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from truto_mapper.language.nodes import Name, Node, children, walk
from truto_mapper.language.runtime.values import MAX_DATA_NESTING, MISSING
from truto_mapper.text.errors import MapperError
from truto_mapper.text.pointers import Steps


class Traced(Protocol):
    """What is evaluated: an expression."""

    @property
    def node(self) -> Node: ...


@dataclass(frozen=True, slots=True)
class Event:
    """The value that a node had, once.

    `inner` are the events that led to it; `context` is what a name was looked up in.
    A node that is evaluated for each item of an array has an event for each; one that was not reached has none.
    """

    node: Node
    value: Any
    context: Any
    inner: tuple[Event, ...]

    def walk(self) -> Iterator[Event]:
        """The event and all within it, what was evaluated first before what it led to."""
        for event in self.inner:
            yield from event.walk()
        yield self


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of an expression: its value or error, and the outermost events.

    `row` is the place of the record's row in the reply and `target` the path of the field or the name of the `let`
    that the value is for; both are None for what is evaluated of the reply or the query as a whole.
    """

    expression: Any
    data: Any
    value: Any
    error: MapperError | None
    events: tuple[Event, ...]
    row: Steps | None
    target: Steps | str | None

    def walk(self) -> Iterator[Event]:
        """Every event, what was evaluated first before what it led to."""
        for event in self.events:
            yield from event.walk()


class Trace:
    """The evaluations of a run, in order.

    `names` are the bindings of the last page or request, `endpoint` is the name of the one whose reply it was;
    `records` are those that were made, with the places of their rows.
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
        """Note an evaluation; `noted` are the number of a node in `walk`, its value, and a name's context."""
        events = _tree(expression.node, noted)
        self.evaluations.append(Evaluation(expression, data, value, error, events, self.row, self.target))


def _tree(root: Node, noted: Sequence[tuple[Any, ...]]) -> tuple[Event, ...]:
    """Events in the order of evaluation, each with those of the nodes below its own that came before it."""
    nodes, last = list(walk(root)), _last_below(root)
    found: list[tuple[int, Event]] = []
    for number, value, *context in noted:
        inner: list[Event] = []
        while found and number < found[-1][0] <= last[number]:
            inner.append(found.pop()[1])
        event = Event(nodes[number], value, context[0] if context else MISSING, tuple(reversed(inner)))
        found.append((number, event))
    return tuple(event for _, event in found)


def _last_below(root: Node) -> list[int]:
    """For each node, in the order of `walk`, the number of the last one below it."""
    last: list[int] = []

    def number(node: Node) -> None:
        own = len(last)
        last.append(own)
        for child in children(node):
            number(child)
        last[own] = len(last) - 1

    number(root)
    return last


# ------------------------------------------------------------------------------------------------- places


class Places:
    """Where the containers of some documents stand, by identity: a name for each document, as `""` or `$query`."""

    def __init__(self, documents: dict[str, Any]) -> None:
        self._known: dict[int, tuple[str, Steps]] = {}
        self._documents = documents  # which keeps what is known by identity alive
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
        """The document and the path of an object or array in it."""
        return self._known.get(id(container)) if isinstance(container, (dict, list)) else None

    def reads(self, event: Event) -> list[tuple[str, Steps, Any]]:
        """What a name's event read, and where: MISSING where there is nothing at a place."""
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
