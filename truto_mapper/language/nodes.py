"""The nodes of a JSONata expression: frozen, each with its span."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from functools import cache
from typing import Any, ClassVar, TypeVar, dataclass_transform

from truto_mapper.text.source import Span

_Kind = TypeVar("_Kind")
_set = object.__setattr__

# --------------------------------------------------------------------------------------------------- nodes


@dataclass_transform(frozen_default=True)
def _node(kind: type[_Kind]) -> type[_Kind]:
    """A dataclass whose methods are those of `Spanned`: with its own, making forty classes takes longer than a load."""
    made = dataclass(init=False, slots=True, eq=False, repr=False)(kind)
    defaults = {one.name: one.default for one in fields(made) if one.default is not MISSING}  # type: ignore[arg-type]
    made._defaults = defaults  # type: ignore[attr-defined]  # noqa: SLF001  # its own
    return made


@_node
class Spanned:
    """Where in the expression's text a construct stands; nodes that differ only in this are equal."""

    span: Span

    __match_args__: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        for name, value in zip(names, values, strict=False):
            _set(self, name, value)
        for name in names[len(values) :]:
            _set(self, name, named[name] if name in named else self._defaults[name])

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__[1:])

    def __hash__(self) -> int:
        return hash((self.__class__, *(getattr(self, name) for name in self.__match_args__[1:])))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{self.__class__.__name__}({shown})"


@_node
class Name(Spanned):
    """A field name, as a step: `a`, `` `a b` `` or `"a b"`."""

    value: str


@_node
class String(Spanned):
    value: str


@_node
class Number(Spanned):
    """A number, with the sign before it. As in the reference it is a double: an `int` up to 2^53, else a `float`."""

    value: int | float


@_node
class Value(Spanned):
    """`true`, `false` or `null`."""

    value: bool | None


@_node
class Regex(Spanned):
    """`/pattern/flags`; the pattern as written, the flags any of `i` and `m`."""

    pattern: str
    flags: str


@_node
class Wildcard(Spanned):
    """`*`"""


@_node
class Descendant(Spanned):
    """`**`"""


@_node
class Parent(Spanned):
    """`%`; the step whose `ancestor` has the same label binds it."""

    label: str


@_node
class Variable(Spanned):
    """`$name`; the name is empty for `$` and `$` for `$$`."""

    name: str


@_node
class Negate(Spanned):
    """`-expression`"""

    expression: Node


@_node
class Array(Spanned):
    """`[…]`; an item may be a `Binary` of `..`. As a later step of a path it is `whole`: not joined to others."""

    items: tuple[Node, ...]
    whole: bool = False


@_node
class Object(Spanned):
    """`{key: value}` on its own."""

    pairs: tuple[tuple[Node, Node], ...]


@_node
class Binary(Spanned):
    """One of `+ - * / % = != < <= > >= & and or in ..`"""

    operator: str
    left: Node
    right: Node


@_node
class Coalesce(Spanned):
    """`left ?? right`: the right where the left is undefined."""

    left: Node
    right: Node


@_node
class Default(Spanned):
    """`left ?: right`: the right where the left is falsy."""

    left: Node
    right: Node


@_node
class Block(Spanned):
    """`(a; b)`: a scope of its own; undefined when empty."""

    expressions: tuple[Node, ...]


@_node
class Condition(Spanned):
    """`condition ? then : otherwise`"""

    condition: Node
    then: Node
    otherwise: Node | None


@_node
class Bind(Spanned):
    """`$variable := value`"""

    variable: Variable
    value: Node


@_node
class Call(Spanned):
    """`procedure(arguments)`; `tail` when it is the last thing its lambda does, which must not use up stack."""

    procedure: Node
    arguments: tuple[Node, ...]
    tail: bool = False


@_node
class Placeholder(Spanned):
    """The `?` among the arguments of a partial application."""


@_node
class Partial(Spanned):
    """`procedure(a, ?)`"""

    procedure: Node
    arguments: tuple[Node, ...]


@_node
class Lambda(Spanned):
    """`function($a, $b)<signature>{ body }`; the signature with its `<` and `>`, without white space."""

    parameters: tuple[Variable, ...]
    signature: str | None
    body: Node


@_node
class Apply(Spanned):
    """`left ~> right`"""

    left: Node
    right: Node


@_node
class Transform(Spanned):
    """`|pattern|update, delete|`"""

    pattern: Node
    update: Node
    delete: Node | None


@_node
class Term(Spanned):
    """One order of a sort, with its `<` or `>`."""

    expression: Node
    descending: bool


@_node
class Sort(Spanned):
    """`^(terms)`, a step of a path."""

    terms: tuple[Term, ...]


@_node
class Filter(Spanned):
    """`[expression]` behind a step."""

    expression: Node


@_node
class Index(Spanned):
    """`#$variable` behind a step that has filters before it."""

    variable: Variable


@_node
class Group(Spanned):
    """`{key: value}` behind an expression."""

    pairs: tuple[tuple[Node, Node], ...]


@_node
class Step(Spanned):
    """A node with what is attached to it: a step of a path, or what stands alone, as `$x[0]`.

    `predicates` filter the whole value and come from outside a path; `stages` filter what each item of the
    context gave. `focus` is `@$v`, `index` is `#$v`, `keep_array` is `[]`. A `tuple` step carries the bindings of
    focus, index and the parent `ancestor` labels along. `consarray`: an array constructor first or last in its
    path, which is not flattened.
    """

    node: Node
    predicates: tuple[Filter, ...] = ()
    stages: tuple[Filter | Index, ...] = ()
    group: Group | None = None
    focus: Variable | None = None
    index: Variable | None = None
    ancestor: str | None = None
    tuple: bool = False
    keep_array: bool = False
    consarray: bool = False


@_node
class Path(Spanned):
    """`a.b.c`, also of one step; `group` comes after all steps.

    `keep_singleton_array` when any step has `[]`, `keep_array` when it stands behind a sort or an index.
    """

    steps: tuple[Step, ...]
    group: Group | None = None
    keep_singleton_array: bool = False
    tuple: bool = False
    keep_array: bool = False


Node = (
    Name | String | Number | Value | Regex | Wildcard | Descendant | Parent | Variable | Negate | Array | Object
    | Binary | Coalesce | Default | Block | Condition | Bind | Call | Placeholder | Partial | Lambda | Apply
    | Transform | Term | Sort | Filter | Index | Group | Step | Path
)  # fmt: skip


def children(node: Node) -> list[Node]:
    """The nodes directly in a node, in the order of the text."""
    found: list[Node] = []
    kind: Any = type(node)
    for name in _held(kind):
        _collect(getattr(node, name), found)
    return sorted(found, key=lambda child: child.span.start) if len(found) > 1 else found


@cache
def _held(kind: type[Any]) -> tuple[str, ...]:
    """The fields that may hold nodes."""
    plain = {"Span", "str", "bool", "int | float", "bool | None", "str | None"}
    return tuple(one.name for one in fields(kind) if one.type not in plain)


def _collect(value: Any, found: list[Node]) -> None:
    if isinstance(value, Spanned):
        found.append(value)  # type: ignore[arg-type]
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, found)


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes below it, in the order of the text."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))
