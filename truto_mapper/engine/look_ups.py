"""Locals in place of what an expression reads by a path of names: of a row, or of the rows of a join."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from itertools import takewhile
from typing import Any

from truto_mapper.engine.field_source import SAME_CONTEXT, SCOPES
from truto_mapper.language.compiler.lambdas import bound_names
from truto_mapper.language.compiler.variables import bound_in
from truto_mapper.language.names import NamePath, is_simple_path
from truto_mapper.language.nodes import Name, Node, Path, Step, Variable, walk
from truto_mapper.language.source_paths import Paths

#: The binding of the rows of joins, and the local that holds it.
JOINED, ROWS = "joined", "rows_of_joins"


class LookUps:
    """Puts locals in place of paths. `fetched` gives that of the value at one, `rows_of` has those of joins by name."""

    def __init__(self, paths: Paths, fetched: Callable[[NamePath], str], rows_of: Mapping[str, str]) -> None:
        self.paths, self.fetched, self.rows_of = paths, fetched, rows_of

    def looked_up(self, node: Node, context: str | None = None) -> Node:
        """A node with locals in place of plain paths, and in place of `$` if `context` is the local of that.

        Where it binds a name anew, outside of parentheses, it stays as it is.
        """
        return node if self._hides(bound_in((node,))) else self._looked_up(node, context)

    def _looked_up(self, node: Any, context: str | None) -> Any:
        if node.__class__ is tuple:
            return tuple(self._looked_up(one, context) for one in node)
        if context is not None and isinstance(node, Variable) and node.name == "":
            return Variable(node.span, f"@{context}")
        path = self.paths.path(node) if is_simple_path(node) else None
        if path is not None:
            return node if (local := self._local(node, path)) is None else local
        if isinstance(node, Path):
            return self._begun(node, context)
        if isinstance(node, Step):
            return replace(node, node=self._looked_up(node.node, context))
        if not isinstance(node, SAME_CONTEXT) and not (
            isinstance(node, SCOPES) and not self._hides(bound_names(walk(node)))
        ):
            return node
        return replace(node, **{one.name: self._looked_up(getattr(node, one.name), context) for one in fields(node)})

    def _local(self, node: Node, path: NamePath) -> Variable | Path | None:
        """The local of the value at a path, or a path from that of a join's rows; None for others."""
        if path[0] != JOINED:
            return Variable(node.span, f"@{self.fetched(path)}") if len(path) > 1 else None
        if len(path) == 1 or path[1] not in self.rows_of:
            return None
        rows = Variable(node.span, f"@{self.rows_of[path[1]]}")
        names = (Step(node.span, Name(node.span, name)) for name in path[2:])
        return Path(node.span, (Step(node.span, rows), *names)) if len(path) > 2 else rows

    def _begun(self, node: Path, context: str | None) -> Path:
        """A path with a local in place of the names that it begins with, or with locals in its first step."""
        first, *later = node.steps
        if isinstance(first.node, SAME_CONTEXT | SCOPES):
            return replace(node, steps=(replace(first, node=self._looked_up(first.node, context)), *later))
        names = Path(node.span, tuple(takewhile(_is_plain_name, node.steps)))
        path = self.paths.path(names) if names.steps and not node.tuple else None
        local = None if path is None else self._local(names, path)
        if local is None:
            return node
        begun = local.steps if isinstance(local, Path) else (Step(node.span, local),)
        return replace(node, steps=(*begun, *node.steps[len(names.steps) :]))

    def _hides(self, bound: Iterable[str]) -> bool:
        """Whether a name that is bound has another meaning outside."""
        return not self.paths.paths.keys().isdisjoint(bound)


def is_read_by_names(name: str, node: Node) -> bool:
    """Whether a node reads nothing of a variable but values at names below it."""
    variable, inner = Variable(node.span, name), list(walk(node))
    paths = [one for one in inner if isinstance(one, Path) and len(one.steps) > 1 and not one.tuple]
    begun = [one for one in paths if one.steps[0] == Step(node.span, variable) and isinstance(one.steps[1].node, Name)]
    return len(begun) == inner.count(variable)


def _is_plain_name(step: Step) -> bool:
    return isinstance(step.node, (Name, Variable)) and step == Step(step.span, step.node)
