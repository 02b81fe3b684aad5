"""What of a reply to a join is read: the test of its types, and the code that takes in usual rows.

For the key `id`, and rows of which `name`, a text, is read:

    def rows_by_key(rows, found):
        usual = True
        for row in rows:
            if usual:  # 1. One condition reads and checks every value.
                try:
                    if (key_1 := row["id"]).__class__ is str and ((name_2 := row["name"]).__class__ is str or …):
                        found[key_1] = row
                        continue
                except Exception:
                    usual = False
            key_1 = row.get("id", MISSING)  # 2. Names may be absent, and keys numbers.
            if key_1.__class__ is not str:
                if key_1.__class__ is not int:
                    raise Exception
                key_1 = str(key_1)
            if not (row.get("name").__class__ is str or row.get("name").__class__ in classes_3):
                raise Exception
            found[key_1] = row

It raises for a row that has anything else, and the reply is read row by row.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeAlias

from truto_mapper.engine.called import Test, linked, value_at
from truto_mapper.engine.externals import Externals
from truto_mapper.engine.join_types import join_reply, looked_at
from truto_mapper.engine.source_types import NOTHING, Looked, Mismatch, classes_of, mismatches_of, test_of
from truto_mapper.language.compiler import compiler
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.names import NamePath, is_simple_path, leading_names
from truto_mapper.language.nodes import Call, Name, Node, Variable
from truto_mapper.language.types import ANY, Type
from truto_mapper.mapping.linked import Endpoint, Join
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple

Take = Callable[[list[Any], dict[str, Any]], None]


class ReadOfRow(NamedTuple):
    """What is read of a row by one name: the classes of the value; of its items, and a test of what lies deeper."""

    classes: tuple[type, ...]
    items: tuple[type, ...]
    test: Test | None


#: What is read of a row, by name.
Read: TypeAlias = dict[str, ReadOfRow]


class JoinTypes:
    """The types of what is read of the replies to a join."""

    def __init__(self, endpoint: Endpoint, join: Join) -> None:
        self.join = join
        self.kind, self.looked = join_reply(join), looked_at(endpoint, join)
        self._test = test_of(self.kind, self.looked)
        #: The names that lead from a reply to its rows; None where an expression makes them.
        self.path = () if join.rows is None else _names(join.rows.node)
        #: The same for what is read beside the rows, by the expression.
        self.paths = {one: _names(one.node) for one in (join.error_when, join.next_cursor) if one is not None}

    def mismatches(self, body: Any) -> list[Mismatch]:
        """The values of a reply that are read, and have another type than the provider's schema declares."""
        if self._test is None or self._test(body):
            return []
        return list(mismatches_of(body, self.kind, self.looked, ()))

    def row_at(self, path: Steps) -> int | None:
        """The number of the row that a path of a reply is in; None for one above the rows."""
        if self.path is None:
            return None
        at = len(self.path)
        is_in = path[:at] == self.path and len(path) > at and isinstance(path[at], int)
        return int(path[at]) if is_in else None

    def take_all(self, body: Any, found: dict[str, Any]) -> int | None:
        """As `take_usual`, for a reply that says nothing beside its rows: no error, and no cursor but a text."""
        if body.__class__ is not dict or self._beside is None:
            return None
        for path, classes in self._beside:
            if value_at(body, *path).__class__ not in classes:
                return None
        return self._taken(body, found)

    @cached_property
    def _beside(self) -> list[tuple[NamePath, tuple[type, ...]]] | None:
        """The paths of what is read beside the rows, and the classes of values that say nothing.

        None where more is read, or not by a path.
        """
        found, left = list[tuple[NamePath, tuple[type, ...]]](), _without(self.looked, self.path or ())
        for one, path in self.paths.items():
            if path is None:
                return None
            declared = classes_of(_below(self.kind, path))
            is_text = one is self.join.next_cursor and (not declared or str in declared)
            found.append((path, (str, *NOTHING) if is_text else NOTHING))
            left = _without(left, path)
        return None if left.names else found

    def take_usual(self, body: Any, found: dict[str, Any]) -> int | None:
        """Add the rows of a reply by their keys; their number. Nothing, and None, for one that has anything unusual."""
        is_usual = self._around is None or self._around(body)
        return self._taken(body, found) if is_usual else None

    def _taken(self, body: Any, found: dict[str, Any]) -> int | None:
        if self._take is None or self.path is None:
            return None
        rows, made = value_at(body, *self.path), dict[str, Any]() if found else found
        if rows.__class__ is not list:
            return None
        try:
            self._take(rows, made)
        except Exception:  # noqa: BLE001  # any row that is not as expected
            made.clear()
            return None
        if not self.join.many and (len(made) != len(rows) or (made is not found and not found.keys().isdisjoint(made))):
            made.clear()  # a key comes again
            return None
        if made is not found and not self.join.many:
            found.update(made)
        elif made is not found:
            for key, several in made.items():
                found.setdefault(key, []).extend(several)
        return len(rows)

    @cached_property
    def _around(self) -> Callable[[Any], bool] | None:
        """A test of what is read outside the rows."""
        return test_of(self.kind, _without(self.looked, self.path or ()))

    @cached_property
    def _take(self) -> Take | None:
        """The function that takes in usual rows; None where an expression gives the rows, or the key reads more."""
        key = _key(self.join.key.node)
        if self.path is None or compiler.parameters(key, self.join.key.functions):
            return None
        externals = Externals()
        read = _read(self.kind, self.looked, self.path)
        tree = None if read is None else _module(self.join, externals, key, read)
        if tree is None:
            return None
        code = compiler.code_of(tree, self.join.key.source)
        made: Take = linked(code, "rows_by_key", externals.constants, self.join.key.functions)
        return made


def _names(node: Node) -> NamePath | None:
    names = leading_names(node) if is_simple_path(node) else []
    path = tuple(str(one.value) for one in names if isinstance(one, Name))
    return path if names and len(path) == len(names) else None


def _key(node: Node) -> Node:
    """`id` for `$string(id)`: every key becomes a text."""
    if isinstance(node, Call) and isinstance(node.procedure, Variable) and node.procedure.name == "string":
        return node.arguments[0] if len(node.arguments) == 1 else node
    return node


def _without(looked: Looked, path: NamePath) -> Looked:
    """What is looked at, without what is below a path."""
    if not path:
        return Looked()
    names = {name: one for name, one in looked.names.items() if name != path[0]}
    below = _without(looked.names.get(path[0], Looked()), path[1:])
    if below.is_whole or below.names:
        names[path[0]] = below
    return Looked(looked.is_whole, names)


def _below(kind: Type, path: NamePath) -> Type:
    """The type at a path of names."""
    for name in path:
        kind = (kind.properties or {}).get(name, ANY)
    return kind


def _read(kind: Type, looked: Looked, path: NamePath) -> Read | None:
    """What is read of a row and declared; None if a row is declared to be no object."""
    for name in path:
        looked = Looked(is_whole=True) if looked.is_whole else looked.names.get(name, Looked())
    row = _below(kind, path).items or ANY
    if classes_of(row) and dict not in classes_of(row):
        return None
    below = {name: _read_of(inner, deeper) for name, inner, deeper in looked.below(row)}
    return {name: one for name, one in below.items() if one.classes}


def _read_of(kind: Type, looked: Looked) -> ReadOfRow:
    classes, items = classes_of(kind), classes_of(kind.items) if looked.is_whole and kind.items is not None else ()
    if {list, dict}.isdisjoint(classes):
        return ReadOfRow(classes, (), None)
    is_flat = classes == (list,) and bool(items) and {list, dict}.isdisjoint(items)
    return ReadOfRow(classes, items, None) if is_flat else ReadOfRow(classes, (), test_of(kind, looked))


def _module(join: Join, externals: Externals, key: Node, read: Read) -> ast.Module | None:
    """The module with `rows_by_key(rows, found)`; None if computing a key may take long."""
    pen, row, body = externals.pen(join.key, {"row": "dict"}), ast.Name("row", ast.Load()), list[ast.stmt]()
    made, local = externals.emit(join.key, key, {}, "row", pen.classes, ()), pen.new_local("key")
    name = ".".join(_names(key) or ())
    with pen.into(body):
        if len(_names(key) or ()) == 1:
            pen.branch(pen.load("usual"), lambda: _attempt(pen, join, name, read))
        pen.lines += made.statements
        pen.assign(local, made.value)
        is_text = pen.has_class(pen.load(local), "str")
        if name in read and int not in read[name].classes:
            pen.give_up_unless(is_text)
        else:
            pen.branch(pen.not_(is_text), lambda: _as_text(pen, local))
        for one, one_read in read.items():
            if one != name or str not in one_read.classes:  # a key is tested by now
                _test(pen, externals, pen.method(row, "get", pen.constant(one)), one_read)
        _add(pen, join, pen.load(local))
    pen.assign("usual", pen.constant(value=True))
    pen.loop(pen.load("rows"), body, "row")
    return None if made.runs else externals.module(pen, "rows_by_key", ["rows", "found"])


def _attempt(pen: Pen, join: Join, key: str, read: Read) -> None:
    """Take in a row that has every name, with one condition; where a name is missing, no further row is tried."""
    row, lines, failed, local = pen.load("row"), list[ast.stmt](), list[ast.stmt](), pen.new_local("key")
    is_number = key in read and str not in read[key].classes
    tests = [pen.has_class(pen.named(local, pen.part(row, pen.constant(key))), "int" if is_number else "str")]
    tests += [_is_usual(pen, pen.part(row, pen.constant(one)), read[one]) for one in read if one != key]
    with pen.into(lines):
        _add(pen, join, pen.called("str", pen.load(local)) if is_number else pen.load(local))
    with pen.into(failed):
        pen.assign("usual", pen.constant(value=False))
    pen.attempt(pen.both(*tests), lines, failed)


def _is_usual(pen: Pen, value: ast.expr, read: ReadOfRow) -> ast.expr:
    """The test that a value is null or of the class that is declared, and empty if more would have to be tested."""
    local, name = pen.load(pen.new_local("value")), read.classes[0].__name__
    is_null = pen.test(local, ast.Is(), pen.constant(None))
    if not read.items and read.test is None:
        return pen.either(pen.has_class(pen.named(local.id, value), name), is_null)
    is_empty = pen.both(pen.has_class(pen.named(local.id, value), name), pen.not_(local))
    return pen.either(is_empty, is_null)


def _add(pen: Pen, join: Join, key: ast.expr) -> None:
    """Add the row by its key."""
    found, row = pen.load("found"), pen.load("row")
    if join.many:
        pen.do(pen.method(pen.method(found, "setdefault", key, pen.list_of()), "append", row))
    else:
        pen.assign_item("found", key, row)


def _test(pen: Pen, externals: Externals, value: ast.expr, read: ReadOfRow) -> None:
    """Test a value, and where it is not empty what is read below it."""
    if not read.items and read.test is None:
        return _has_class(pen, externals, value, read.classes)
    local, item, body = pen.load(pen.new_local("value")), pen.load(pen.new_local("item")), list[ast.stmt]()
    pen.assign(local.id, value)
    _has_class(pen, externals, local, read.classes)
    if read.test is not None:
        right = pen.called(externals.named(pen, "typed", read.test), local)
        return pen.branch(local, lambda: pen.give_up_unless(right))
    with pen.into(body):
        _has_class(pen, externals, item, read.items)
    return pen.branch(local, lambda: pen.loop(local, body, item.id))


def _has_class(pen: Pen, externals: Externals, value: ast.expr, classes: tuple[type, ...]) -> None:
    usual, others = pen.has_class(value, classes[0].__name__), externals.class_test(pen, value, (*classes, *NOTHING))
    pen.give_up_unless(pen.either(usual, others))


def _as_text(pen: Pen, local: str) -> None:
    pen.give_up_unless(pen.has_class(pen.load(local), "int"))
    pen.assign(local, pen.called("str", pen.load(local)))
