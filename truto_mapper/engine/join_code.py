"""What of a reply to a join is read: the test of its types, and the code that takes in usual rows.

For the key `id`, and rows of which `name`, a text, is read:

    def rows_by_key(rows, found):
        for row in rows:
            key_1 = row["id"]
            if key_1.__class__ is not str:
                if key_1.__class__ is not int:
                    raise Exception
                key_1 = str(key_1)
            if row.get("name").__class__ not in classes_2:
                raise Exception
            found[key_1] = row

It raises for a row that has anything else, and the reply is read row by row.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cached_property
from typing import Any

from truto_mapper.engine.called import linked, value_at
from truto_mapper.engine.externals import Externals
from truto_mapper.engine.join_types import join_reply, looked_at
from truto_mapper.engine.source_types import NOTHING, Looked, Mismatch, classes_of, mismatches_of, test_of
from truto_mapper.language.compiler.compiler import code_of
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.names import NamePath, is_simple_path, leading_names
from truto_mapper.language.nodes import Call, Name, Node, Variable
from truto_mapper.language.types import Type, union_all
from truto_mapper.mapping.linked import Endpoint, Join
from truto_mapper.text.pointers import Steps

Take = Callable[[list[Any], dict[str, Any]], None]


class JoinTypes:
    """The types of what is read of the replies to a join."""

    def __init__(self, endpoint: Endpoint, join: Join) -> None:
        self.join = join
        self.kind, self.looked = join_reply(join), looked_at(endpoint, join)
        self._test = test_of(self.kind, self.looked)
        #: The names that lead from a reply to its rows; None where an expression makes them.
        self.path = () if join.rows is None else _names(join.rows.node)

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

    def take_usual(self, body: Any, found: dict[str, Any]) -> bool:
        """Add the rows of a reply by their keys; nothing, and False, for a reply that has anything unusual."""
        if self._take is None or self.path is None:
            return False
        rows, made = value_at(body, *self.path), {} if found else found
        if rows.__class__ is not list or (self._around is not None and not self._around(body)):
            return False
        try:
            self._take(rows, made)
        except Exception:  # noqa: BLE001  # any row that is not as expected
            made.clear()
        if len(made) != len(rows) or (made is not found and not found.keys().isdisjoint(made)):
            made.clear()
            return False
        if made is not found:
            found.update(made)
        return True

    @cached_property
    def _around(self) -> Callable[[Any], bool] | None:
        """A test of what is read outside the rows."""
        return test_of(self.kind, _without(self.looked, self.path or ()))

    @cached_property
    def _take(self) -> Take | None:
        """The function that takes in usual rows; None where a key or a type is not plain."""
        key = _key(self.join.key.node)
        if self.path is None or key is None or self.join.many:
            return None
        read = _read(self.kind, self.looked, self.path)
        if read is None:
            return None
        externals = Externals()
        tree = _module(self.join, externals, key, read)
        made: Take = linked(code_of(tree, self.join.key.source), "rows_by_key", externals.constants, {})
        return made


def _names(node: Node) -> NamePath | None:
    names = leading_names(node) if is_simple_path(node) else []
    path = tuple(str(one.value) for one in names if isinstance(one, Name))
    return path if names and len(path) == len(names) else None


def _key(node: Node) -> str | None:
    """The name in `id` or `$string(id)`."""
    if isinstance(node, Call) and isinstance(node.procedure, Variable) and node.procedure.name == "string":
        return _key(node.arguments[0]) if len(node.arguments) == 1 else None
    names = _names(node)
    return names[0] if names is not None and len(names) == 1 else None


def _without(looked: Looked, path: NamePath) -> Looked:
    """What is looked at, without what is below a path."""
    if not path:
        return Looked()
    names = {name: one for name, one in looked.names.items() if name != path[0]}
    if path[0] in looked.names:
        names[path[0]] = _without(looked.names[path[0]], path[1:])
    return Looked(looked.is_whole, names)


def _read(kind: Type, looked: Looked, path: NamePath) -> dict[str, tuple[type, ...]] | None:
    """The classes of what is read of a row by name; None if anything lies deeper."""
    for name in path:
        if looked.is_whole or name not in (kind.properties or {}):
            return None
        kind, looked = (kind.properties or {})[name], looked.names.get(name, Looked())
    row = kind.items
    if looked.is_whole or row is None:
        return None
    below = list(looked.below(row))
    if any(one.names or test_of(union_all([kind.without({"undefined"})]), one) is None for _, kind, one in below):
        return None
    found = {name: classes_of(kind) for name, kind, _ in below}
    return None if any(not classes or {list, dict} & {*classes} for classes in found.values()) else found


def _module(join: Join, externals: Externals, key: str, read: dict[str, tuple[type, ...]]) -> ast.Module:
    pen = externals.pen(join.key, {})
    local, row, body = pen.new_local("key"), pen.load("row"), list[ast.stmt]()
    with pen.into(body):
        _doubt_unless(pen, pen.has_class(row, "dict"))
        pen.assign(local, pen.part(row, pen.constant(key)))
        if key in read and int not in read[key]:
            _doubt_unless(pen, pen.has_class(pen.load(local), "str"))
        else:
            pen.branch(pen.not_(pen.has_class(pen.load(local), "str")), lambda: _as_text(pen, local))
        for name, classes in read.items():
            if name == key and str in classes:
                continue  # it is tested by now
            value = pen.method(row, "get", pen.constant(name))
            _doubt_unless(pen, externals.class_test(pen, value, (*classes, *NOTHING)))
        pen.assign_item("found", pen.load(local), row)
    pen.loop(pen.load("rows"), body, "row")
    return externals.module(pen, "rows_by_key", ["rows", "found"])


def _as_text(pen: Pen, local: str) -> None:
    _doubt_unless(pen, pen.has_class(pen.load(local), "int"))
    pen.assign(local, pen.called("str", pen.load(local)))


def _doubt_unless(pen: Pen, test: ast.expr) -> None:
    doubt = ast.Raise(pen.load("Exception"), None, **pen.at)
    pen.branch(pen.not_(test), lambda: pen.lines.append(doubt))
