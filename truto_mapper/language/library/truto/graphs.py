"""Functions of items that name other items: $sortNodes and $dependencyGraph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from truto_mapper.language.library.truto.ecmascript import (
    at,
    exact_text,
    in_order,
    is_falsy,
    refuse_value,
    same_key,
)
from truto_mapper.language.runtime.arguments import refuse
from truto_mapper.language.runtime.values import MISSING, Function, Native, Run, fail


def _items(name: str, values: Any) -> list[Any]:
    if not isinstance(values, list):
        refuse("T0410", name, 1, "an array of objects", values)
    return values


def sort_nodes(
    run: Run, values: Any = MISSING, key: Any = MISSING, up: Any = MISSING, order: Any = MISSING
) -> list[Any]:
    """Items with each parent before its children, and siblings in their order. Items in a circle are left out."""
    nodes = _items("sortNodes", values)
    key, up, order = (
        given if given is not MISSING else default
        for given, default in ((key, "id"), (up, "parent_id"), (order, "sequence"))
    )
    made = {same_key(at(run, one, key)): _node(one) for one in run.each(nodes)}
    below: dict[int, list[Any]] = {id(one): [] for one in made.values()}
    roots: list[Any] = []
    for one in run.each(nodes):
        parent = at(run, one, up)
        above = None if is_falsy(parent) else made.get(same_key(parent))
        (roots if above is None else below[id(above)]).append(made[same_key(at(run, one, key))])
    run.spend(300 * len(nodes))
    return _downwards(run, roots, below, lambda one: at(run, one, order))


def _node(value: Any) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name != "children"} if isinstance(value, dict) else {}


def _downwards(
    run: Run, roots: list[Any], below: dict[int, list[Any]], order: Callable[[Any], Any]
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    waiting = in_order(run, roots, [order], [False])[::-1]
    while waiting:
        run.tick()
        found.append(waiting.pop())
        children = below[id(found[-1])]
        waiting.extend(in_order(run, children, [order], [False])[::-1] if children else ())
    return found


class Graph:
    """Nodes by their keys, and the edges from each to what it depends on."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.keys: dict[Any, Any] = {}
        self.data: dict[Any, Any] = {}
        self.needs: dict[Any, list[Any]] = {}
        self.needed_by: dict[Any, list[Any]] = {}

    def add(self, key: Any, item: Any) -> Any:
        """Add a node, unless there is one with this key. Returns what identifies it."""
        own = same_key(key)
        if own not in self.keys:
            self.keys[own], self.data[own] = key, item
            self.needs[own], self.needed_by[own] = [], []
        return own

    def join(self, one: Any, other: Any) -> None:
        """Make a node depend on another."""
        if other not in self.needs[one]:
            self.needs[one].append(other)
        if one not in self.needed_by[other]:
            self.needed_by[other].append(one)

    def look(self, name: str) -> Any:
        body = {
            "overallOrder": self._overall_order,
            "dependenciesOf": lambda node=MISSING, *_: self._reached("dependenciesOf", node, self.needs),
            "dependantsOf": lambda node=MISSING, *_: self._reached("dependantsOf", node, self.needed_by),
            "hasNode": lambda node=MISSING, *_: same_key(node) in self.keys,
            "getNodeData": lambda node=MISSING, *_: self.data[self._known("getNodeData", node)],
            "clone": lambda *_: native(self),
        }.get(name)
        return MISSING if body is None else Function(name, body, 1)

    def written(self) -> str | None:
        return None

    def _known(self, name: str, node: Any) -> Any:
        if same_key(node) not in self.keys:
            refuse_value(name, 1, "a node of the graph", node)
        return same_key(node)

    def _overall_order(self, leaves: Any = False, *_: Any) -> list[Any]:
        only_leaves = leaves is not MISSING and not is_falsy(leaves)
        self._walked(self.keys, self.needs)  # finds circles
        found = self._walked((one for one in self.keys if not self.needed_by[one]), self.needs)
        return [self.keys[one] for one in found if not (only_leaves and self.needs[one])]

    def _reached(self, name: str, node: Any, edges: dict[Any, list[Any]]) -> list[Any]:
        start = self._known(name, node)
        return [self.keys[one] for one in self._walked([start], edges) if one != start]

    def _walked(self, starts: Iterable[Any], edges: dict[Any, list[Any]]) -> list[Any]:
        """The nodes that can be reached, each behind those that its edges lead to. Raises for a circle."""
        found: dict[Any, None] = {}
        for start in starts:
            waiting, path = [(start, False)], dict[Any, None]()
            while waiting:
                self.run.tick()
                node, is_done = waiting.pop()
                if is_done:
                    del path[node]
                    found[node] = None
                elif node not in found:
                    if node in path:
                        self._refuse_circle([*path, node])
                    path[node] = None
                    waiting.append((node, True))
                    waiting.extend((one, False) for one in reversed(edges[node]))
        return list(found)

    def _refuse_circle(self, path: list[Any]) -> None:
        names = " → ".join(exact_text(self.run, self.keys[one]) for one in path[path.index(path[-1]) :][:20])
        fail("D3137", f"the graph of $dependencyGraph has a circle: {names}")


def native(graph: Graph) -> Native:
    return Native(graph, {"nodes": None, "outgoingEdges": None, "incomingEdges": None, "circular": False})


def dependency_graph(run: Run, values: Any = MISSING, up: Any = MISSING, key: Any = MISSING) -> Native:
    """A graph of items, each of which depends on the one whose `key` its field `up` holds."""
    items, graph = _items("dependencyGraph", values), Graph(run)
    run.spend(500 * len(items))
    by_text = {exact_text(run, at(run, one, key)): one for one in items}
    for one in run.each(items):
        parent = at(run, one, up)
        own = graph.add(at(run, one, key), one)
        if (above := by_text.get(exact_text(run, parent))) is not None:
            graph.join(own, graph.add(parent, above))
    return native(graph)
