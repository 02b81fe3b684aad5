"""The object constructors of an endpoint that make the parts of a field: the generated code shapes them at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from truto_mapper.engine.field_source import FieldSource
from truto_mapper.engine.shaping import CLASSES, SCALARS, is_proved_by_class, schema_of
from truto_mapper.language import nodes
from truto_mapper.language.compiler.lambdas import bound_names
from truto_mapper.language.compiler.shape import Part, Shape
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Node, walk
from truto_mapper.mapping.linked import Endpoint, expressions
from truto_mapper.resource.field import Field

#: What gives the name of an object that the code calls, and that of a function that makes objects of declared names.
Named = Callable[[str, Any], str]
Maker = Callable[[Sequence[str], Sequence[str]], "str | None"]

#: The functions whose result is an array of what a lambda gives.
_EACH = frozenset({"each", "map"})


class ShapedValues:
    """The constructors that the code of a row shapes, and the `let`s that are in the shape of a field."""

    def __init__(self, endpoint: Endpoint, leaves: Iterable[FieldSource]) -> None:
        self._read_once = _read_once(endpoint, leaves)
        self._lets: dict[str, Field] = {}
        self._shared: set[str] = set()

    def of_let(self, name: str, expression: Expression) -> Field | None:
        """The field in whose shape a `let` can be; from now on it is."""
        declared = self._read_once.get(name)
        if declared is not None and self.constructors(expression, expression.node, declared) is not None:
            self._lets[name] = declared
            self._shared |= {name} if self.is_shared(expression.node) else set()
        return self._lets.get(name)

    def share(self, names: Iterable[str]) -> None:
        """Note the `let`s whose values several records have."""
        self._shared.update(names)

    def is_shared(self, node: Node) -> bool:
        """Whether what a node gives may be the value of such a `let`."""
        return any(
            isinstance(one, nodes.Variable) and one.name in self._shared & self._lets.keys() for one in walk(node)
        )

    def constructors(self, expression: Expression, node: Node, declared: Field) -> list[tuple[Node, list[str]]] | None:
        """The constructors that give a field its value, and the names of their fields in the order of the declaration.

        None if anything else may give it one, but for `let`s in its shape.
        """
        item, found = _item(declared), list[tuple[Node, list[str]]]()
        for one in _results(expression, node, declared):
            if not (isinstance(one, nodes.Variable) and self._lets.get(one.name) is declared):
                names = None if item is None else _names(one, item)
                if names is None:
                    return None
                found.append((one, names))
        return found

    def shapes(
        self, expression: Expression, node: Node, declared: Field | None, named: Named, maker: Maker
    ) -> dict[int, Shape]:
        """The shapes of the constructors that give a field its value, by identity."""
        found = [] if declared is None else self.constructors(expression, node, declared) or []
        fields = (_item(declared) or declared).fields or {} if declared is not None else {}
        parts = [tuple(_part(name, fields[name], named) for name in names) for _, names in found]
        return {id(one): Shape(some, maker(names, [*fields])) for (one, names), some in zip(found, parts, strict=True)}


def _item(declared: Field) -> Field | None:
    """The field of what a constructor makes."""
    return declared.items if declared.type == "array" else declared


def _read_once(endpoint: Endpoint, leaves: Iterable[FieldSource]) -> dict[str, Field]:
    """The `let`s that one field alone reads, as all of its value or a branch of it, with that field."""
    every = [*(one for _, one in endpoint.let), *expressions(endpoint.response)]
    if any(called.name == "eval" for one in every for called in one.calls):
        return {}  # it may read each of them
    uses = Counter(variable.name for one in every for variable in one.variables)
    lets, found = dict(endpoint.let), dict[str, Field]()
    waiting = [(leaf.expression, leaf.node, leaf.declared) for leaf in leaves if leaf.declared.type not in SCALARS]
    for expression, node, declared in waiting:
        for made in _results(expression, node, declared):
            if isinstance(made, nodes.Variable) and made.name in lets and uses[made.name] == 1:
                found[made.name] = declared
                waiting.append((lets[made.name], lets[made.name].node, declared))
    return found


def _results(expression: Expression, node: Node, declared: Field) -> Iterator[Node]:
    """The nodes whose values are that of a field, or the items of it."""
    names = {*expression.functions, *bound_names(list(walk(expression.node)))}
    return _items(node, _EACH - names) if declared.type == "array" else _branches(node)


def _branches(node: Node) -> Iterator[Node]:
    match node:
        case nodes.Condition(then=then, otherwise=otherwise):
            yield from _branches(then)
            yield from () if otherwise is None else _branches(otherwise)
        case nodes.Block(expressions=(*_, last)):
            yield from _branches(last)
        case _:
            yield node


def _items(node: Node, each: frozenset[str], *, is_item: bool = False) -> Iterator[Node]:
    """The nodes that give the items of an array. An array within another one stays what it is."""
    for one in _branches(node):
        match one:
            case nodes.Array(items=items) if not is_item:
                for item in items:
                    yield from _items(item, each, is_item=True)
            case nodes.Call(procedure=nodes.Variable(name=name), arguments=(*_, nodes.Lambda() as function)) if (
                name in each and not is_item
            ):
                yield from _items(function.body, each, is_item=True)
            case nodes.Path(steps=(_, *_, last), group=None) if not is_item and last == nodes.Step(
                last.span, last.node
            ):
                yield from _items(last.node, each, is_item=True)
            case _:
                yield one


def _names(node: Node, declared: Field) -> list[str] | None:
    """The names that an object constructor gives; None unless they are those of scalars, all of them declared."""
    fields = declared.fields or {}
    if not isinstance(node, nodes.Object):
        return None
    given = {key.value: value for key, value in node.pairs if isinstance(key, nodes.String)}
    names = [name for name in fields if name in given]
    required = {name for name, one in fields.items() if one.required}
    is_whole = len(names) == len(node.pairs) > 0 and required <= given.keys()
    return names if is_whole and all(_may_be(given[name], fields[name]) for name in names) else None


def _may_be(node: Node, declared: Field) -> bool:
    """Whether a node may give a scalar: a constant is known."""
    return declared.type in SCALARS and (not isinstance(node, nodes.LITERALS) or schema_of(declared).valid(node.value))


def _part(name: str, declared: Field, named: Named) -> Part:
    """A field as a part of a shape; `named` gives the name of a function that the code calls."""
    classes = (CLASSES[declared.type],) if declared.type in CLASSES else ("int", "float")
    valid = None if is_proved_by_class(declared) else named("valid", schema_of(declared).valid)
    return Part(name, classes, valid, declared.required)
