"""What a `response_mapping` of Truto's is made of: where the records come from, which are dropped, and their fields.

The shapes that are certainly the same are taken apart, so that every field has an expression of its own. Any other
expression stays whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from truto_mapper.authoring.importing.expressions import is_bare, is_undefined
from truto_mapper.language import nodes
from truto_mapper.language.nodes import Node, Path, Step, Variable
from truto_mapper.text.source import Span

Pair = tuple[nodes.String, Node]


@dataclass(frozen=True, slots=True)
class Test:
    """A condition of a record or of all: where it is not `wanted` there is none."""

    condition: Node
    wanted: bool


@dataclass(frozen=True, slots=True)
class Record:
    """How one record is made.

    Its names are Truto's bindings if it is `rooted`, else fields of an item. `binds` are the variables it uses.
    `pairs` are its fields; None if only `value`, the expression as a whole, gives it.
    """

    value: Node
    rooted: bool = True
    pairs: tuple[Pair, ...] | None = None
    binds: tuple[nodes.Bind, ...] = ()
    tests: tuple[Test, ...] = ()


@dataclass(frozen=True, slots=True)
class Records:
    """How the records of a whole reply are made.

    `rows` is what they are made of, and `item` the variable that is a row, if there is one. `binds` are evaluated once,
    `tests` decide whether there are records at all. `beside` is what the reply gives besides records.
    """

    record: Record
    rows: Node
    item: str | None = None
    binds: tuple[nodes.Bind, ...] = ()
    tests: tuple[Test, ...] = ()
    beside: tuple[Pair, ...] = ()


def record_of(node: Node, *, rooted: bool = True) -> Record:
    """How an expression makes a record."""
    match node:
        case nodes.Object(pairs=pairs) if (found := _constant(pairs)) is not None:
            return Record(node, rooted, found)
        case nodes.Block(expressions=(*binds, last)) if all(isinstance(one, nodes.Bind) for one in binds):
            made = record_of(last, rooted=rooted)
            taken = tuple(one for one in binds if isinstance(one, nodes.Bind))
            return replace(made, binds=(*taken, *made.binds))
        case nodes.Condition(then=then, otherwise=otherwise):
            chosen, test = _chosen(node.condition, then, otherwise)
            made = Record(node, rooted) if chosen is None else record_of(chosen, rooted=rooted)
            if test is not None:
                return replace(made, tests=(test, *made.tests))
        case nodes.Call(procedure=Variable(name="merge"), arguments=(nodes.Array(items=items),)):
            merged = [pair for one in items if isinstance(one, nodes.Object) for pair in one.pairs]
            only = all(isinstance(one, nodes.Object) for one in items)
            if only and (found := _constant(merged)) is not None:
                return Record(node, rooted, found)
    return Record(node, rooted)


def may_be_null(record: Record, binds: Sequence[Node]) -> bool:
    """Whether a record that is not taken apart may be null: a `null` is in what gives it, or in what that uses."""
    parts = (record.value, *binds)
    return record.pairs is None and any(
        one == nodes.Value(one.span, None) for part in parts for one in nodes.walk(part)
    )


def _constant(pairs: Sequence[tuple[Node, Node]]) -> tuple[Pair, ...] | None:
    """Pairs whose keys are different texts."""
    found = tuple((key, value) for key, value in pairs if isinstance(key, nodes.String) and key.value)
    return found if len({key.value for key, _ in found}) == len(pairs) else None


def _chosen(condition: Node, then: Node, otherwise: Node | None) -> tuple[Node | None, Test | None]:
    """The branch of a condition that gives something, if the other one gives nothing."""
    if otherwise is None or _is_nothing(otherwise):
        return then, Test(condition, True)
    return (otherwise, Test(condition, False)) if _is_nothing(then) else (None, None)


def _is_nothing(node: Node) -> bool:
    """Whether an expression gives null, undefined or an empty list."""
    match node:
        case nodes.Value(value=None) | nodes.Array(items=()) | nodes.Block(expressions=()):
            return True
        case _:
            return is_undefined(node)


def records_of(node: Node) -> Records | None:
    """How an expression makes the records of a whole reply; None if that cannot be taken apart."""
    match node:
        case nodes.Array(items=(one,)) if not isinstance(one, nodes.Object):
            return records_of(one)
        case nodes.Object(pairs=pairs):
            return _beside(pairs)
        case nodes.Block(expressions=(*binds, last)) if all(isinstance(one, nodes.Bind) for one in binds):
            inner = records_of(last)
            taken = tuple(one for one in binds if isinstance(one, nodes.Bind))
            return inner and replace(inner, binds=(*taken, *inner.binds))
        case nodes.Condition(then=then, otherwise=otherwise):
            chosen, test = _chosen(node.condition, then, otherwise)
            inner = None if chosen is None or test is None else records_of(chosen)
            return replace(inner, tests=(test, *inner.tests)) if inner and test else None
        case nodes.Call(procedure=Variable(name="append"), arguments=(one, other)):
            empty = [part for part in (one, other) if not _is_empty(part)]
            return records_of(empty[0]) if len(empty) == 1 else None
        case nodes.Call(procedure=Variable(name="map"), arguments=(rows, nodes.Lambda() as made)):
            return _mapped(rows, made)
        case nodes.Apply(
            left=rows, right=nodes.Call(procedure=Variable(name="map"), arguments=(nodes.Lambda() as made,))
        ):
            return _mapped(rows, made)
        case Path():
            return _stepped(node)
        case Step() if replace(node, keep_array=False) == Step(node.span, node.node):
            return records_of(node.node)
    return None


def _is_empty(node: Node) -> bool:
    return isinstance(node, nodes.Array) and not node.items


def _beside(pairs: Sequence[tuple[Node, Node]]) -> Records | None:
    """`{"result": …, "next_cursor": …}`: the records and what is beside them."""
    found = {key.value: (key, value) for key, value in _constant(pairs) or ()}
    inner = records_of(found["result"][1]) if "result" in found else None
    return inner and replace(inner, beside=tuple(pair for name, pair in found.items() if name != "result"))


def _mapped(rows: Node, made: nodes.Lambda) -> Records | None:
    """`$map(rows, function($row) { … })`, if the function needs nothing but the row."""
    used = {one.name for one in nodes.walk(made.body) if isinstance(one, Variable)}
    if not made.parameters or any(one.name in used for one in made.parameters[1:]) or made.signature:
        return None
    return Records(record_of(made.body), rows, made.parameters[0].name)


def _stepped(path: Path) -> Records | None:
    """`rows.{…}` and `rows.(…)`."""
    *before, last = path.steps
    plain = replace(last, keep_array=False, consarray=False)
    if not before or path.group is not None or not is_bare(plain) or any(map(_binds, before)):
        return None
    made = record_of(last.node, rooted=False)
    if made.pairs is None and not isinstance(last.node, (nodes.Object, nodes.Block)):
        return None
    if any(isinstance(one, nodes.Parent) for one in nodes.walk(last.node)):
        return None
    return Records(made, replace(path, span=Span(path.span.start, before[-1].span.end), steps=tuple(before)))


def _binds(step: Step) -> bool:
    """Whether what follows a step may read a variable or a parent that it binds."""
    has_index = any(isinstance(one, nodes.Index) for one in step.stages)
    return has_index or step.focus is not None or step.index is not None or step.ancestor is not None
