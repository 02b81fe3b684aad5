"""What an endpoint reads of a reply, and the types that the provider's schema declares there.

A value of another type is a finding (D408), not a guess. A null counts as no value, whatever the schema says.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from truto_mapper.engine.called import Test, has_types, is_of
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath, leading_names
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.language.runtime.values import MISSING, Missing
from truto_mapper.language.source_paths import Read, reads
from truto_mapper.language.types import (
    ANY,
    KINDS,
    UNDEFINED,
    Type,
    from_schema,
    in_words,
    objects,
    union,
    union_all,
)
from truto_mapper.mapping.linked import Endpoint, Mapping, expressions
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import excerpt
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source

#: Functions that do not look into their argument.
_COUNTING = frozenset({"size", "count", "exists", "boolean", "not"})

#: Functions whose result consists of items of their first argument.
_SELECTING = frozenset({"distinct", "filter", "reverse", "sort"})

_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


#: The classes of no value.
NOTHING = (type(None), Missing)


class Reading(NamedTuple):
    """A place that an expression reads: the `for_each` name it is below (None: the reply), and the names from there.

    `is_whole` if everything below it counts as read.
    """

    variable: str | None
    names: NamePath
    is_whole: bool


class Mismatch(NamedTuple):
    """A value of another type than `declared`, and its path."""

    path: Steps
    value: Any
    declared: Type

    def __str__(self) -> str:
        declared, given = in_words(self.declared), in_words(Type(frozenset({kind_of(self.value)})))
        return f"the provider's schema declares {declared} here, this is {given}: {excerpt(self.value)}"


@dataclass(slots=True)
class Looked:
    """What is looked at below a value: everything, or some names."""

    is_whole: bool = False
    names: dict[str, Looked] = field(default_factory=dict)

    @staticmethod
    def of(readings: Iterable[Reading]) -> Looked:
        top = Looked()
        for reading in readings:
            at = top
            for name in reading.names:
                at = at.names.setdefault(name, Looked())
            at.is_whole |= reading.is_whole
        return top

    def below(self, kind: Type) -> Iterator[tuple[str, Type, Looked]]:
        """The names that are looked at and declared, with their types."""
        declared = kind.properties or {}
        for name in declared if self.is_whole else self.names:
            if name in declared:
                yield name, declared[name], Looked(is_whole=True) if self.is_whole else self.names[name]


def reply_type(endpoint: Endpoint) -> Type:
    """What a reply to an endpoint can be; anything if it names no schema."""
    return type_in(endpoint.source, ())


def refusal_type(mapping: Mapping, *, with_null: bool = False) -> Type:
    """What a refusal of the provider can be; anything if `error_mapping` names no schema.

    Null and absent are the same there, but for `??`: an expression that fails never hides what the provider says.
    """
    return type_in(mapping.refusal, ()) if with_null else _without_null(type_in(mapping.refusal, None))


def _without_null(kind: Type) -> Type:
    """A type without null, at any depth, and without paths."""
    if kind == ANY:
        return kind
    properties = None if kind.properties is None else {n: _without_null(one) for n, one in kind.properties.items()}
    items = None if kind.items is None else _without_null(kind.items)
    return replace(kind.without({"null"}), properties=properties, items=items, path=None)


def failure_type(reply: Type, refusal: Type) -> Type:
    """What `error_when` and `empty_when` look into: a refusal, or a reply."""
    found = [[*objects(_without_null(one))] for one in (reply, refusal)]  # a path looks into the items of an array
    both = [one.properties for some in found for one in some if one.properties is not None]
    if not all(found) or len(both) < sum(map(len, found)):
        return ANY
    names = dict.fromkeys(name for properties in both for name in properties)
    made = {name: union_all(properties[name] for properties in both if name in properties) for name in names}
    return Type(frozenset({"object"}), properties={n: union(kind, UNDEFINED) for n, kind in made.items()})


def type_in(source: Source | None, path: NamePath | None) -> Type:
    """The type in a schema of the provider's; anything without one."""
    if source is None:
        return ANY
    schema = plain_schema(source)
    return from_schema(schema, schema, path)


def plain_schema(source: Source) -> Any:
    """The text of a provider's schema as plain JSON."""
    try:
        return json.loads(source.text)
    except (ValueError, RecursionError):  # a schema in YAML, or one that has findings
        return yaml_tree.parse(source).plain()


class SourceTypes:
    """The readings of an endpoint's expressions and their declared types. Immutable once made."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        #: Where names lead, from the reply ("$"); None for what an expression computes.
        self._places: dict[str, NamePath | None] = {"$": ("$",), "response": ("$",)}
        self.loops: dict[str, NamePath] = {}
        self._readings: dict[int, tuple[Reading, ...]] = {}
        self._tests: dict[Reading, Test | None] = {}
        self._looked: dict[str | None, tuple[Type, Looked]] = {}
        self._of_page = self._above(endpoint.next_cursor, endpoint.time_zone)
        for name, expression in endpoint.for_each:
            place = self._place(expression)
            self._readings[id(expression)] = self._selecting(expression, place) if place else ()
            self._places |= {name: place, "$": place}
            if place is not None:
                self.loops[name] = place
        for name, expression in endpoint.let:
            place = self._places[name] = self._place(expression)
            if place is not None:  # it is another name for a place
                self._readings[id(expression)] = self._selecting(expression, place)

    @cached_property
    def reply(self) -> Type:
        return reply_type(self.endpoint)

    def _place(self, expression: Expression) -> NamePath | None:
        """The place that a path of names leads to, also if some of its items are selected; None for anything else."""
        names = selected_path(expression.node)
        if names is None:
            return None
        variable = names[0].name if isinstance(names[0], nodes.Variable) else ""
        start = self._places.get(variable or "$")
        written = tuple(str(one.value) for one in names if isinstance(one, nodes.Name))
        return None if start is None else (*start, *written)

    def _selecting(self, expression: Expression, place: NamePath) -> tuple[Reading, ...]:
        """What is read to find a place and to select its items, which are not looked into themselves."""
        found = [self._below(place, is_whole=False)]
        found += [self._reading(one, set()) for one in reads(expression) if self._start(one) != place]
        return tuple(dict.fromkeys(reading for readings in found for reading in readings))

    @cached_property
    def above_cursor(self) -> list[tuple[Reading, tuple[type, ...]]]:
        """The reply, and the places above those that the next cursor and the time zone are read from.

        Each has the classes of its declared type; places without one are left out.
        """
        every = ((one, classes_of(self.declared_at(one))) for one in self._of_page)
        return [(one, classes) for one, classes in every if classes]

    def _above(self, *of_page: Expression | None) -> tuple[Reading, ...]:
        """The places of the reply above those that expressions of the page read."""
        read = [reading for one in of_page if one is not None for reading in self.readings(one)]
        above = (one.names[:end] for one in read for end in range(1, len(one.names)))
        return tuple(Reading(None, names, is_whole=False) for names in dict.fromkeys([(), *above]))

    def readings(self, expression: Expression) -> tuple[Reading, ...]:
        """The places that an expression reads itself, not through a `let` that computes something."""
        if id(expression) not in self._readings:
            counted = {id(one) for one in _counted(expression.node)}
            found = (one for read in reads(expression) for one in self._reading(read, counted))
            self._readings[id(expression)] = tuple(dict.fromkeys(found))
        return self._readings[id(expression)]

    def _reading(self, read: Read, counted: set[int]) -> tuple[Reading, ...]:
        place = self._start(read)
        is_whole = not read.nodes or id(read.nodes[-1]) not in counted
        return () if place is None else self._below(place, is_whole=is_whole)

    def _below(self, place: NamePath, *, is_whole: bool) -> tuple[Reading, ...]:
        """A place as a reading below the innermost row that it is in; none for a row itself."""
        inside = [name for name, loop in self.loops.items() if place[: len(loop)] == loop]
        variable = inside[-1] if inside else None
        names = place[1:] if variable is None else place[len(self.loops[variable]) :]
        return (Reading(variable, names, is_whole),) if names else ()

    @cached_property
    def of_rows(self) -> tuple[Reading, ...]:
        """Everything that records are made of."""
        every = [one for _, one in self.endpoint.let] + list(expressions(self.endpoint.response))
        return tuple(dict.fromkeys(reading for one in every for reading in self.readings(one)))

    @cached_property
    def of_zone(self) -> tuple[Reading, ...]:
        """What the time zone of a reply is read from."""
        return () if self.endpoint.time_zone is None else self.readings(self.endpoint.time_zone)

    @cached_property
    def uses(self) -> list[tuple[NamePath, list[NamePath]]]:
        """Each use of a place in what records are made of, with the places that are tried after or before it.

        In `a ?? b` each of the two is tried beside the other, in `a ? b : c` both of the first beside the last.
        """
        every = [one for _, one in self.endpoint.let] + list(expressions(self.endpoint.response))
        return [use for expression in every for use in self._uses(expression)]

    def _uses(self, expression: Expression) -> list[tuple[NamePath, list[NamePath]]]:
        read = [(start[1:], one) for one in reads(expression) if (start := self._start(one)) is not None]
        choices = [tuple(_names(side) for side in sides) for sides in _alternatives(expression.node)]

        def others(one: Read) -> list[NamePath]:
            last = id(one.nodes[-1]) if one.nodes else None
            beside = {name for first, second in choices if last in first for name in second}
            beside |= {name for first, second in choices if last in second for name in first}
            return [place for place, other in read if other.nodes and id(other.nodes[-1]) in beside]

        return [(place, others(one)) for place, one in read]

    def _start(self, read: Read) -> NamePath | None:
        start = self._places.get(read.path[0])
        return None if start is None else (*start, *read.path[1:])

    def row_at(self, variable: str, path: Steps) -> Steps | None:
        """The path of the row of a loop that a path of the reply is in; None for one at the rows' array or above it."""
        names = iter(self.loops[variable][1:])
        for end, step in enumerate(path):
            if isinstance(step, str) and next(names, None) is None:
                return path[:end]
        return None if next(names, None) is not None or isinstance(path[-1], str) else path

    def looked(self, variable: str | None) -> tuple[Type, Looked]:
        """The type of a row of a loop, or of the reply, and what records are made of below it."""
        if variable not in self._looked:
            readings = (reading for reading in self.of_rows if reading.variable == variable)
            self._looked[variable] = self.start(variable), Looked.of(readings)
        return self._looked[variable]

    def start(self, variable: str | None) -> Type:
        """The type of a row of a loop, or of the reply."""
        found = self.declared(self.loops[variable]) if variable is not None else self.reply
        return union_all(objects(found)) if variable is not None else found

    def declared(self, place: NamePath) -> Type:
        """The type of the values at a place of the reply."""
        kind = self.reply
        for name in place[1:]:
            holders = list(objects(kind))
            if not holders or any(name not in (one.properties or {}) for one in holders):
                return ANY
            kind = union_all((one.properties or {})[name] for one in holders)
        return kind

    def declared_at(self, reading: Reading) -> Type:
        """The type of the values at a reading."""
        above = ("$",) if reading.variable is None else self.loops[reading.variable]
        return self.declared((*above, *reading.names))

    def test(self, reading: Reading) -> Test | None:
        """A test of a row, or of the reply, that what a reading looks at has its types; None if anything is right."""
        if reading not in self._tests:
            self._tests[reading] = test_of(self.start(reading.variable), Looked.of([reading]))
        return self._tests[reading]

    def mismatches(self, reading: Reading, value: Any, path: Steps) -> list[Mismatch]:
        """The values of other types at a reading; `value` is its row or the reply, at `path`."""
        test = self.test(reading)
        if test is None or test(value):
            return []
        return list(mismatches_of(value, self.start(reading.variable), Looked.of([reading]), path))

    @cached_property
    def of_page(self) -> tuple[Test, ...]:
        """The tests of a reply for what records are made of outside their rows."""
        tests = (self.test(reading) for reading in self.of_rows if reading.variable is None)
        return tuple(test for test in tests if test is not None)


def selected_path(node: nodes.Node) -> list[nodes.Name | nodes.Variable] | None:
    """The path of names that a node selects items from, or puts into another order; None for any other node."""
    node = _selected(node)
    names, steps = leading_names(node), node.steps if isinstance(node, nodes.Path) else (node,)
    is_grouped = isinstance(node, nodes.Path) and node.group is not None
    return None if not names or len(names) != len(steps) or is_grouped or any(map(_is_different, steps)) else names


def _selected(node: nodes.Node) -> nodes.Node:
    """The node that some items are selected from, or that is put into another order; else the node itself."""
    match node:
        case nodes.Path(steps=(*before, nodes.Step(node=nodes.Sort()))) if before:
            return _selected(replace(node, steps=tuple(before)))
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(first, *_)) if name in _SELECTING:
            return _selected(first)
        case nodes.Apply(left=left, right=nodes.Call(procedure=nodes.Variable(name=name))) if name in _SELECTING:
            return _selected(left)
        case nodes.Coalesce(left=left, right=nodes.Array(items=())) | nodes.Block(expressions=(left,)):
            return _selected(left)
    return node


def _is_different(step: nodes.Node) -> bool:
    """Whether a step gives anything but what it is named after: groups, or what a focus leads to."""
    return isinstance(step, nodes.Step) and (step.group is not None or step.focus is not None)


def _alternatives(node: nodes.Node) -> Iterator[tuple[Iterable[nodes.Node], Iterable[nodes.Node]]]:
    """The two sides of each choice between values."""
    for one in nodes.walk(node):
        match one:
            case nodes.Coalesce(left=left, right=right) | nodes.Default(left=left, right=right):
                yield (left,), (right,)
            case nodes.Condition(condition=condition, then=then, otherwise=otherwise) if otherwise is not None:
                yield (condition, then), (otherwise,)
            case nodes.Branches(parts=parts):
                yield from (((part,), parts[after:]) for after, part in enumerate(parts, 1))


def _names(some: Iterable[nodes.Node]) -> set[int]:
    """The identities of the names in some nodes."""
    return {id(one) for node in some for one in nodes.walk(node) if isinstance(one, nodes.Name)}


def classes_of(kind: Type) -> tuple[type, ...]:
    """The Python classes of a type's values besides null, empty if it may be anything."""
    if kind.kinds >= KINDS - {"function", "undefined", "null"}:
        return ()
    return tuple(dict.fromkeys(one for name in _CLASSES if name in kind.kinds for one in _CLASSES[name]))


def reads_of_reply(expression: Expression) -> Iterator[tuple[NamePath, bool]]:
    """The paths of a reply that an expression of the page reads, and whether each is only counted or tested for."""
    counted = {id(one) for one in _counted(expression.node, _COUNTING - {"boolean", "not"})}  # these look at items
    for read in reads(expression):
        if read.path[0] in ("$", "response"):
            yield read.path[1:], bool(read.nodes) and id(read.nodes[-1]) in counted


def _counted(node: nodes.Node, functions: Collection[str] = _COUNTING) -> Iterator[nodes.Node]:
    """The last names of the paths that are only counted."""
    for one in nodes.walk(node):
        if isinstance(one, nodes.Call) and getattr(one.procedure, "name", "") in functions and one.arguments:
            argument = one.arguments[0]
            yield argument.steps[-1].node if isinstance(argument, nodes.Path) else argument


def fits(value: Any, kind: Type) -> bool:
    """Whether a value has a declared type. No value always has."""
    if value is None or value is MISSING or not kind.solid:
        return True
    given = kind_of(value)
    return given in kind.kinds or (given == "number" and "integer" in kind.kinds and value.is_integer())


def mismatches_of(value: Any, kind: Type, looked: Looked, path: Steps) -> Iterator[Mismatch]:
    if not fits(value, kind):
        yield Mismatch(path, value, kind)
    elif isinstance(value, list) and kind.items is not None and (looked.is_whole or looked.names):
        for index, item in enumerate(value):
            yield from mismatches_of(item, kind.items, looked, (*path, index))
    elif isinstance(value, dict):
        for name, inner, below in looked.below(kind):
            yield from mismatches_of(value.get(name), inner, below, (*path, name))


def test_of(kind: Type, looked: Looked) -> Test | None:
    """A fast test that a value and what is looked at below it have their types; None if anything is right."""
    classes, item = frozenset((*classes_of(kind), *NOTHING)) if classes_of(kind) else None, None
    if kind.items is not None and (looked.is_whole or looked.names):
        item = test_of(kind.items, looked)
    below = [(name, one) for name, inner, deeper in looked.below(kind) if (one := test_of(inner, deeper))]
    if item is None and not below:
        return None if classes is None else partial(is_of, classes)
    return partial(has_types, classes, item, below)
