"""What an expression reads of what it is given: each path of names from one of the variables that it may use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truto_mapper.language.library.functions import STANDARD
from truto_mapper.language.names import is_plain, leading_names
from truto_mapper.language.nodes import Call, Descendant, Lambda, Name, Node, Parent, Path, Variable, Wildcard, children

Steps = tuple[str, ...]


class Names:
    """Variables, the last of which is `$`, and the names of what was made of them."""

    def __init__(self, variables: Sequence[str]) -> None:
        self.context: Steps = (variables[-1],)
        self.paths: dict[str, Steps] = {name: (name,) for name in variables}
        self.paths |= {"": self.context, "$": self.context}
        self.others: dict[str, frozenset[Steps]] = {}

    def add(self, name: str, node: Node) -> None:
        """Another name for a path, or for what is read by an expression that is none."""
        path = self.path(node)
        if path is None:
            self.others[name] = self.read_by(node)
        else:
            self.paths[name] = path

    def path(self, node: Node) -> Steps | None:
        """The path from a variable that a plain node leads along."""
        return self._along(leading_names(node)) if is_plain(node) else None

    def _along(self, names: Sequence[Name | Variable]) -> Steps | None:
        below = tuple(one.value for one in names if isinstance(one, Name))  # only the first may be none
        first = names[0]
        if isinstance(first, Name):
            return (*self.context, *below)
        return (*self.paths[first.name], *below) if first.name in self.paths else None

    def read_by(self, node: Node) -> frozenset[Steps]:
        """Every path that a node reads, and rather too many; what is read in ways unknown is the whole before it."""
        return frozenset(self._read(node, inside=False))

    def _read(self, node: Node, *, inside: bool) -> Iterator[Steps]:
        names = leading_names(node) if isinstance(node, (Path, Variable)) else []
        if names:
            yield from self._read_along(names, inside=inside)
        elif not inside and _may_read_context(node):
            yield self.context
        for child in children(node):
            for one in children(child) if names else (child,):
                if one not in names:
                    yield from self._read(one, inside=inside or bool(names))

    def _read_along(self, names: Sequence[Name | Variable], *, inside: bool) -> Iterator[Steps]:
        first = names[0]
        if isinstance(first, Variable) and first.name in self.others:
            yield from self.others[first.name]
        elif not inside or (isinstance(first, Variable) and first.name):  # the rest is of what is read before it
            path = self._along(names)
            yield from () if path is None else (path,)


def _may_read_context(node: Node) -> bool:
    """Whether a node may read `$` though nothing in it names `$`.

    The context is an object, so functions whose signature begins with a string or a number never accept it.
    """
    match node:
        case Call(procedure=Variable(name="eval")) | Wildcard() | Descendant() | Parent():
            return True
        case Call(procedure=Variable(name=name)) if name in STANDARD:
            function = STANDARD[name]
            head, takes_context, _ = (function.signature or "").partition("-")
            is_complete = len(node.arguments) >= function.arity
            return bool(takes_context) and not is_complete and head not in ("<s", "<n")
        case Lambda(signature=signature):
            return "-" in (signature or "")
        case _:
            return False
