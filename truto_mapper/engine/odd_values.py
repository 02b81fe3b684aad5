"""What is odd about a row: which of its values are not usual, and what these values decide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from truto_mapper.engine.decimals import is_exact
from truto_mapper.engine.shaping import ANY, SCALARS, is_proved_by_class, schema_of
from truto_mapper.engine.source_types import NOTHING, SourceTypes, classes_of
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import MISSING, as_number
from truto_mapper.language.source_paths import Paths
from truto_mapper.mapping.linked import Endpoint, Template
from truto_mapper.resource.field import Field
from truto_mapper.resource.surely import surely_fits
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple

#: The longest text, and the most parts of an array or object, that a value is known by.
MAX_TEXT, MAX_PARTS = 200, 8

#: How many sets of paths are remembered that were odd.
MAX_RECENT = 4

#: For how many sets of odd values is kept what they concern.
MAX_SETS = 500

_CLASSES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "number": (int, float),
}

#: A usual value of each class. The text is also a date-time.
_USUAL: dict[type, Any] = {str: "2026-01-31T09:30:00Z", int: 0, float: 0, bool: True, list: [], dict: {}}

#: The classes of an object that may be absent.
_OBJECT = (dict, *NOTHING)

#: The rows of each loop by its variable, the innermost last.
Rows = dict[str, Any]

#: The paths of odd values, below the variables of the loops, each with what the findings about it depend on.
Odd = dict[NamePath, Any]


class UnkeptError(Exception):
    """A row is too odd for its findings to be kept."""


class Quoted(tuple[Any, ...]):
    """The oddity of a value whose findings quote it, and do not depend on it in any other way."""

    __slots__ = ()


def told(value: Any) -> Any:
    """What identifies a value, with its class. Raises `UnkeptError` for a long one."""
    kind = value.__class__
    if kind not in (list, dict):
        return _told(value)
    parts = value if kind is list else [part for pair in value.items() for part in pair]
    if len(parts) > MAX_PARTS:
        raise UnkeptError
    return kind, *map(_told, parts)


def _told(value: Any) -> Any:
    kind = value.__class__
    if kind is int or kind in NOTHING or (kind is str and len(value) <= MAX_TEXT):
        return value
    if (kind is float and not is_exact(value)) or kind is bool:
        return kind, repr(value)
    raise UnkeptError


def told_at(rows: Rows, path: NamePath) -> Any:
    """What identifies the value at a path; with the depth of the value that the path ends at, if it goes no further."""
    value: Any = rows
    for depth, name in enumerate(path):
        if value.__class__ is not dict:
            return depth, told(value)
        value = value.get(name, MISSING)
    return told(value)


def value_at(holder: Any, path: Steps) -> Any:
    """The value at a path of names, or MISSING."""
    for name in path:
        holder = holder.get(name, MISSING) if holder.__class__ is dict else MISSING
    return holder


class Plain:
    """A path that is the whole expression of the scalar at `leaf` of the record, and that nothing else reads."""

    def __init__(self, path: NamePath, leaf: Steps, field: Field, declared: tuple[type, ...]) -> None:
        self.path, self.name, self.leaf, self.declared = path, path[-1], leaf, declared
        self.required, self.classes, self.schema = field.required, _CLASSES[field.type], schema_of(field)
        is_proved = is_proved_by_class(field) and (not declared or set(self.classes) <= set(declared))
        #: The class of values that are valid without another test.
        self.proved = self.classes[0] if is_proved else None
        self.has_one_rule = (bool(field.enum), field.format is not None, field.minimum is not None).count(True) == 1
        least = max(0, math.ceil(field.minimum or 0))
        self.usual = field.enum[0] if field.enum else least or _USUAL[self.classes[0]]

    def oddity(self, value: Any) -> Any:
        """None for a usual value; else what the findings about it depend on. Raises `UnkeptError`."""
        kind = value.__class__
        if is_exact(value) and not (kind in self.classes and self.schema.valid(value)):
            raise UnkeptError
        is_right = kind in self.classes and (not self.declared or kind in self.declared)
        if is_right and (surely_fits(value, self.schema.schema) or self.schema.valid(value)):
            return None
        if is_right:
            return Quoted((kind, "invalid")) if self.has_one_rule else told(value)
        if kind is float and math.isfinite(value) and (self.proved is not None or int not in self.classes):
            return Quoted((kind, value.is_integer(), as_number(value).__class__))  # 1.0 is quoted as 1
        return Quoted((kind,)) if kind in (str, int, bool) else told(value)


class _Reader(NamedTuple):
    """A `let`, or the expression of the field at `leaf` of the record; and the paths of the row that decide its value.

    A `let` that is another name for a path reads its `alias`, and nothing below that. One that `is_joined` also depends
    on what the joins of the page gave.
    """

    leaf: Steps | None
    reads: frozenset[NamePath]
    alias: NamePath | None = None
    is_joined: bool = False

    @classmethod
    def of(cls, leaf: Steps | None, reads: frozenset[NamePath]) -> _Reader:
        of_rows = frozenset(path for path in reads if path[0] != "joined")
        return cls(leaf, of_rows, is_joined=len(of_rows) < len(reads))

    def is_concerned(self, path: NamePath) -> bool:
        """Whether it reads a path, or anything above or below that."""
        if self.alias is not None:
            return self.alias[: len(path)] == path
        return any(path[: len(read)] == read or read[: len(path)] == path for read in self.reads)


class Concerned(NamedTuple):
    """What odd values concern: the fields that depend on them, as a tree too, and the other paths that decide these."""

    leaves: tuple[Steps, ...]
    tree: dict[str, Any]
    paths: tuple[NamePath, ...]


class RowReads:
    """What the expressions of an endpoint read of a row."""

    def __init__(self, endpoint: Endpoint, record: Field, types: SourceTypes) -> None:
        self.variables = tuple(name for name, _ in endpoint.for_each)
        names = Paths(("joined", *self.variables), endpoint.path.functions)
        self.readers: list[_Reader] = []
        for name, expression in endpoint.let:
            names.add(name, expression.node)
            alias = names.paths.get(name)
            is_of_row = alias is not None and alias[0] != "joined"
            reads = frozenset([alias]) if alias is not None else names.others[name]
            self.readers.append(_Reader(None, reads, alias) if is_of_row else _Reader.of(None, reads))
        leaves = list(_leaves(endpoint.response, record, ()))
        self.readers += [_Reader.of(leaf, names.read_by(expression.node)) for leaf, _, expression in leaves]
        self.plains: dict[NamePath, Plain] = {}
        for leaf, field, expression in leaves:
            path = names.path(expression.node)
            is_of_row = path is not None and len(path) > 1 and path[0] != "joined"
            if path is not None and is_of_row and field.type in SCALARS and self._is_alone(path):
                self.plains[path] = Plain(path, leaf, field, _declared(types, path))
        read = {path for reader in self.readers for path in reader.reads}
        above = {path[:end] for path in read for end in range(2, len(path))}
        others = (path for path in sorted((read | above) - self.plains.keys()) if len(path) > 1)
        #: The other paths, and those above, each with the classes of usual values; empty if they may be anything.
        self.others = {path: (dict,) if path in above else _declared(types, path) for path in others}
        known = ((path, classes and (*classes, *NOTHING)) for path, classes in self.others.items())
        self._others = [(path, path[:-1], path[-1], classes) for path, classes in known]
        self.holders: dict[NamePath, list[Plain]] = {}
        for path, plain in self.plains.items():
            self.holders.setdefault(path[:-1], []).append(plain)
        self.usual = self._usual()
        self._concerned: dict[tuple[NamePath, ...], Any] = {}
        #: The paths that were odd in some rows: other rows are likely to be odd there, too.
        self.recent: tuple[tuple[NamePath, ...], ...] = ()

    def _is_alone(self, path: NamePath) -> bool:
        """Whether one expression alone reads a path."""
        return [reader.is_concerned(path) for reader in self.readers].count(True) == 1

    def _usual(self) -> Rows:
        """Rows with a usual value for all that is read."""
        made: Rows = {name: {} for name in self.variables}
        values = {path: _USUAL[(*classes, str)[0]] for path, classes in self.others.items()}
        values |= {path: plain.usual for path, plain in self.plains.items()}
        for path in sorted(values, key=len):
            value_at(made, path[:-1])[path[-1]] = {} if values[path] == {} else values[path]
        return made

    def oddities(self, rows: Rows, memos: Mapping[NamePath, Mapping[Any, Any]]) -> tuple[Odd, Odd]:
        """The values that are certainly odd, and those that are empty or absent. A memo has () for an invalid text."""
        wrong: Odd = {}
        empty: Odd = {}
        values: dict[NamePath, Any] = {(name,): row for name, row in rows.items()}
        for path, above, name, classes in self._others:
            holder = values[above]
            value = values[path] = holder.get(name, MISSING) if holder.__class__ is dict else MISSING
            if classes and value.__class__ not in classes:
                wrong[path] = None
            elif not value:
                if classes != _OBJECT:
                    empty[path] = None
            elif path in memos and value.__class__ is str and memos[path].get(value) == ():
                wrong[path] = None
        for above, plains in self.holders.items():
            if values[above].__class__ in _OBJECT:
                self._find_plain(plains, values[above] or {}, rows, wrong)
        return wrong, empty

    def _find_plain(self, plains: list[Plain], holder: dict[str, Any], rows: Rows, found: Odd) -> None:
        """Add what is odd about the plain values of an object."""
        for plain in plains:
            value = holder.get(plain.name, MISSING)
            if value.__class__ is not plain.proved and (oddity := _oddity(plain, value, rows)) is not None:
                found[plain.path] = oddity

    def oddities_at(self, paths: Iterable[NamePath], rows: Rows) -> Odd | None:
        """As `oddities`, for some paths alone; None if one is not odd."""
        found: Odd = {}
        for path in paths:
            found[path], plain = None, self.plains.get(path)
            if plain is not None:
                holder = value_at(rows, path[:-1])
                value = holder.get(plain.name, MISSING) if holder.__class__ is dict else MISSING
                if value.__class__ is plain.proved or holder.__class__ not in _OBJECT:
                    return None
                found[path] = _oddity(plain, value, rows)
                if found[path] is None:
                    return None
        return found

    def remember(self, odd: Iterable[NamePath]) -> None:
        """Remember that these paths were odd: first those whose values tell whether they are odd again."""
        recent = (tuple(odd), *self.recent[: MAX_RECENT - 1])
        self.recent = tuple(sorted(recent, key=lambda paths: self.plains.keys().isdisjoint(paths)))

    def with_usual(self, rows: Rows, odd: Odd) -> Rows:
        """The rows with usual values at some paths. What they share with the given rows must not be changed."""
        made = dict(rows)
        copied: dict[NamePath, tuple[dict[str, Any], dict[str, Any]]] = {(): (made, self.usual)}
        for path in odd:
            if path[:-1] not in copied:
                for end in range(1, len(path)):
                    if path[:end] not in copied:
                        holder, usual = copied[path[: end - 1]]
                        name = path[end - 1]
                        found = holder.get(name)
                        # An object that is not there gets no value beside the odd one.
                        holder[name] = dict(found) if found.__class__ is dict else {}
                        copied[path[:end]] = holder[name], usual[name]
            holder, usual = copied[path[:-1]]
            holder[path[-1]] = usual[path[-1]]
        return made

    def concerned(self, odd: tuple[NamePath, ...]) -> Concerned:
        """What odd values at some paths concern. Raises `UnkeptError` if more than values decides that."""
        found = self._concerned.get(odd, MISSING)
        if found is MISSING:
            if len(self._concerned) >= MAX_SETS:
                self._concerned.clear()
            found = self._concerned[odd] = self._find_concerned(odd)
        if found is None:
            raise UnkeptError
        return found  # type: ignore[no-any-return]  # MISSING is not kept

    def _find_concerned(self, odd: tuple[NamePath, ...]) -> Concerned | None:
        concerned = [reader for reader in self.readers if any(map(reader.is_concerned, odd))]
        told = {path for path in odd if path in self.plains}
        paths = sorted({path for reader in concerned for path in reader.reads} - told)
        # What joins gave is another page's tomorrow. An object in an outer row is looked for by its identity.
        is_joined = any(reader.is_joined for reader in concerned)
        if is_joined or any(len(path) == 1 or (len(path) > 2 and path[0] != self.variables[-1]) for path in paths):
            return None
        leaves = tuple(reader.leaf for reader in concerned if reader.leaf is not None)
        tree: dict[str, Any] = {}
        for leaf in leaves:
            holder = tree
            for name in leaf[:-1]:
                holder = holder.setdefault(name, {})  # type: ignore[arg-type]  # fields have names
            holder[leaf[-1]] = None  # type: ignore[index]
        return Concerned(leaves, tree, tuple(paths))


def _oddity(plain: Plain, value: Any, rows: Rows) -> Any:
    """As `Plain.oddity`, also for no value."""
    if value is None or value is MISSING:
        return (told_at(rows, plain.path),) if plain.required else None
    return plain.oddity(value)


def presence(record: Any, tree: dict[str, Any]) -> list[bool]:
    """Whether each object of a record with some fields has others, too."""
    found: list[bool] = []
    for name, below in tree.items():
        if below is not None:
            inner = record.get(name, {})
            has_others = len(inner) > len(below) or any(one not in below or below[one] is not None for one in inner)
            found += [has_others, *presence(inner, below)]
    return found


def _declared(types: SourceTypes, path: NamePath) -> tuple[type, ...]:
    """The classes that the provider's schema declares at a path, empty if it may be anything."""
    return classes_of(types.declared((*types.loops[path[0]], *path[1:]))) if path[0] in types.loops else ()


def _leaves(template: Template, field: Field, path: Steps) -> Iterator[tuple[Steps, Field, Expression]]:
    """Each expression of a template, with its field and the path of that in the record."""
    if isinstance(template, Expression):
        yield path, field, template
    elif isinstance(template, dict):
        for name, below in (field.fields or dict.fromkeys(template, ANY)).items():
            if name in template:
                yield from _leaves(template[name], below, (*path, name))
