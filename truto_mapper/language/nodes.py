"""The nodes of a JSONata expression: frozen, each with its span."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields, replace
from functools import cache
from operator import attrgetter, is_
from typing import Any, ClassVar, TypeGuard, TypeVar, dataclass_transform

from truto_mapper.text.source import Span

#: The most operators of a chain whose nodes, and whose code, are nested. Longer chains are in parts.
MAX_NESTED = 20

_Kind = TypeVar("_Kind")
_set = object.__setattr__


@dataclass_transform(frozen_default=True)
def _node(kind: type[_Kind]) -> type[_Kind]:
    """A dataclass with the methods of `Spanned`: generating them for each class takes longer than loading a mapping."""
    made = dataclass(init=False, slots=True, eq=False, repr=False)(kind)
    defaults = {one.name: one.default for one in fields(made) if one.default is not MISSING}  # type: ignore[arg-type]
    made._defaults = defaults  # type: ignore[attr-defined]  # noqa: SLF001
    return made


class _Holder:
    """Keeps the nodes directly in a node once somebody asked for them: nodes never change."""

    __slots__ = ("below",)

    below: tuple[Node, ...]


@_node
class Spanned(_Holder):
    """A construct at a span of the expression's text; nodes that differ only in their spans are equal."""

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
        named = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{self.__class__.__name__}({named})"


@_node
class Name(Spanned):
    """A field name, as a step: `a`, `` `a b` `` or `"a b"`."""

    value: str


@_node
class String(Spanned):
    value: str


@_node
class Number(Spanned):
    """A number with its sign: an `int` if it is written as one, or whole and at most 2^53, else a `float`."""

    value: int | float


@_node
class Value(Spanned):
    """`true`, `false` or `null`."""

    value: bool | None


@_node
class Regex(Spanned):
    """`/pattern/flags`: the pattern as it is written; flags are `i` and `m`."""

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
    """`%`: bound by the step whose `ancestor` is the same label."""

    label: str


@_node
class Variable(Spanned):
    """`$name`; the name is empty for `$`, and `$` for `$$`."""

    name: str


@_node
class Negate(Spanned):
    """`-expression`"""

    expression: Node


@_node
class Array(Spanned):
    """`[…]`; an item may be a `Binary` of `..`. A later step of a path is `whole`: not joined to other results."""

    items: tuple[Node, ...]
    whole: bool = False


@_node
class Object(Spanned):
    """`{key: value}` as an object constructor."""

    pairs: tuple[tuple[Node, Node], ...]


@_node
class Binary(Spanned):
    """One of `+ - * / % = != < <= > >= & and or in ..`"""

    operator: str
    left: Node
    right: Node


@_node
class Coalesce(Spanned):
    """`left ?? right`: the right side if the left is undefined."""

    left: Node
    right: Node


@_node
class Default(Spanned):
    """`left ?: right`: the right side if the left is falsy."""

    left: Node
    right: Node


@_node
class Block(Spanned):
    """`(a; b)`: opens a scope; undefined if empty."""

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
    """`procedure(arguments)`; `tail` if its lambda ends with it, so that it must not use the stack."""

    procedure: Node
    arguments: tuple[Node, ...]
    tail: bool = False


@_node
class Placeholder(Spanned):
    """A `?` among the arguments of a partial application."""


@_node
class Partial(Spanned):
    """`procedure(a, ?)`"""

    procedure: Node
    arguments: tuple[Node, ...]


@_node
class Lambda(Spanned):
    """`function($a, $b)<signature>{ body }`; the signature includes `<` and `>`, but no white space."""

    parameters: tuple[Variable, ...]
    signature: str | None
    body: Node


@_node
class Apply(Spanned):
    """`left ~> right`"""

    left: Node
    right: Node


@_node
class Chain(Spanned):
    """A long chain of operators that are evaluated one after another, as `a + b + c` or `$a := $b := c`.

    It is in parts: in each of them, `Hole` is the value of the part before.
    """

    parts: tuple[Node, ...]


@_node
class Branches(Spanned):
    """A long chain of `? :`, `??` and `?:` in parts: in each of them, `Hole` is the part after it."""

    parts: tuple[Node, ...]


@_node
class Hole(Spanned):
    """The operand of an operator that is in another part of its chain; with `keep_array` if that has `[]`."""

    keep_array: bool = False


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
    """`[expression]` after a step."""

    expression: Node


@_node
class Index(Spanned):
    """`#$variable` after the filters of a step."""

    variable: Variable


@_node
class Group(Spanned):
    """`{key: value}` after an expression: groups its items."""

    pairs: tuple[tuple[Node, Node], ...]


@_node
class Step(Spanned):
    """A node with its attachments: a step of a path, or an expression such as `$x[0]`.

    `predicates` filter the whole value; `stages` filter the results of each context item. `focus` is `@$v`, `index` is
    `#$v`, `keep_array` is `[]`. A `tuple` step passes on the bindings of focus, index and the parent that `ancestor`
    labels. `consarray`: an array constructor that begins or ends its path, and is not flattened.
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
    """`a.b.c`, or a single step; `group` applies after all steps.

    `keep_singleton_array` if any step has `[]`, `keep_array` if a `[]` follows a sort or an index.
    """

    steps: tuple[Step, ...]
    group: Group | None = None
    keep_singleton_array: bool = False
    tuple: bool = False
    keep_array: bool = False


Node = (
    Name | String | Number | Value | Regex | Wildcard | Descendant | Parent | Variable | Negate | Array | Object
    | Binary | Coalesce | Default | Block | Condition | Bind | Call | Placeholder | Partial | Lambda | Apply
    | Chain | Branches | Hole | Transform | Term | Sort | Filter | Index | Group | Step | Path
)  # fmt: skip


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly in a node, in the order of the text."""
    try:
        return node.below
    except AttributeError:
        found: list[Node] = []
        kind: Any = type(node)
        for name in _held(kind):
            if value := getattr(node, name):
                _collect(value, found)
        if len(found) > 1:
            found.sort(key=_start)
        _set(node, "below", tuple(found))
        return node.below


_start = attrgetter("span.start")


@cache
def _held(kind: type[Any]) -> tuple[str, ...]:
    """The names of the fields that may hold nodes."""
    plain = {"Span", "str", "bool", "int | float", "bool | None", "str | None"}
    return tuple(one.name for one in fields(kind) if one.type not in plain)


def _collect(value: Any, found: list[Node]) -> None:
    if isinstance(value, Spanned):
        found.append(value)  # type: ignore[arg-type]
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, found)


def rebuilt(node: _Kind, made: Callable[[Node], Node]) -> _Kind:
    """A node with what is made of each node directly in it; the node itself where nothing changes."""

    def part(value: Any) -> Any:
        if isinstance(value, tuple):
            parts = tuple(map(part, value))
            return value if all(map(is_, parts, value)) else parts
        return made(value) if isinstance(value, Spanned) else value  # type: ignore[arg-type]

    kind: Any = type(node)
    changed = {name: new for name in _held(kind) if (new := part(value := getattr(node, name))) is not value}
    return replace(node, **changed) if changed else node  # type: ignore[type-var]


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes below it, in the order of the text."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        if below := children(node):
            waiting += below[::-1]


def conjuncts(node: Node) -> Iterator[Node]:
    """The conditions that `and` joins, in the order of the text; any other node alone."""
    if isinstance(node, Binary) and node.operator == "and":
        yield from conjuncts(node.left)
        yield from conjuncts(node.right)
    else:
        yield node


def number(node: Node, numbered: list[tuple[Node, int]]) -> None:
    """Append the nodes in the order of `walk`, each with the number of the last node below it."""
    own = len(numbered)
    numbered.append((node, own))
    for child in children(node):
        number(child, numbered)
    numbered[own] = node, len(numbered) - 1


#: The operators that order two values, and all that compare them.
ORDERS = ("<", "<=", ">", ">=")
COMPARISONS = ("=", "!=", *ORDERS)

LITERALS = (String, Number, Value)
CONSTANTS = (String, Number)


def is_variable(node: Node) -> TypeGuard[Variable]:
    """Whether a node is a variable but `$`. A name that begins with `@` is a value of a row."""
    return isinstance(node, Variable) and node.name != "" and not node.name.startswith("@")


def is_range(node: Node) -> bool:
    """Whether a node is `a..b`."""
    return isinstance(node, Binary) and node.operator == ".."
