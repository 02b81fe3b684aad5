"""The code of a row that looks like most rows, but that fields that may be absent have no value in it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from truto_mapper.engine.called import linked
from truto_mapper.engine.endpoint_code import rows_module
from truto_mapper.engine.expected_rows import ExpectedRowCode
from truto_mapper.engine.externals import UnfusableError
from truto_mapper.engine.field_source import FieldSource
from truto_mapper.engine.row_code import Blueprint
from truto_mapper.engine.shaping import CLASSES, is_proved_by_class
from truto_mapper.language.compiler.compiler import code_of
from truto_mapper.language.names import NamePath
from truto_mapper.text.source import Source


class OptionalRowCode(ExpectedRowCode):
    """Knows the values that may be absent: an optional field takes them as they are, and nothing else reads them."""

    def __init__(self, blueprint: Blueprint, rows: Sequence[str]) -> None:
        super().__init__(blueprint, rows)
        #: The paths whose value may be absent, as far as the fields that it becomes are concerned, and all others.
        self.optional: set[NamePath] = set()
        self.needed_paths: set[NamePath] = set()
        #: The locals that may be None for no value.
        self.maybe: set[str] = set()

    def fetched(self, path: NamePath, needed: str | None = None) -> str:
        self.needed_paths.add(path)
        return super().fetched(path, needed)

    def optional_path(self, child: FieldSource) -> NamePath | None:
        """The path of the row whose value a field takes as it is, and may be absent.

        The rows of an outer loop are also part of `remote_data`, which must tell null from absent.
        """
        path, declared = self.paths.path(child.node), child.declared
        is_plain = declared.type in CLASSES and is_proved_by_class(declared) and id(declared) not in self.of_memos
        is_of_row = path is not None and len(path) > 1 and path[0] == self.paths.context[0]
        if path is None or not is_of_row or not is_plain or declared.required:
            return None
        self.optional.add(path)
        local = super().fetched(path, CLASSES[declared.type])
        if self.classes.get(local) != CLASSES[declared.type]:
            return None
        self.maybe.add(local)
        return path

    def may_be_absent(self, path: NamePath) -> bool:
        return path in self.optional and path not in self.needed_paths and self.values[path] in self.maybe


class LackingRowCode(OptionalRowCode):
    """Writes the code of such a row for pages most of whose rows lack something."""

    def __init__(self, blueprint: Blueprint, rows: Sequence[str]) -> None:
        super().__init__(blueprint, rows)
        #: The tests that a field has a value, by the identity of the field.
        self.tests: dict[int, ast.expr] = {}
        #: The paths to a text that may be absent, from which an array is made.
        self.texts: set[NamePath] = set()

    @property
    def has_everything(self) -> bool:
        return False

    def looked_up_as_expected(self, path: NamePath) -> ast.expr:
        if not self.may_be_absent(path):
            return super().looked_up_as_expected(path)
        pen, local = self.pen, self.values[path]
        value = pen.method(pen.load(self.holder(path[:-1])), "get", pen.constant(path[-1]))
        named = pen.named(local, value)
        is_expected = pen.has_class(named, "str") if path in self.texts else self.is_expected(path, named)
        return pen.either(is_expected, pen.test(pen.load(local), ast.Is(), pen.constant(None)))

    def object(self, children: list[FieldSource]) -> ast.expr:
        """The object in one piece, without the fields that have no value."""
        pen, made = self.pen, super().object(children)
        found = [(child.name, self.tests[id(child)]) for child in children if id(child) in self.tests]
        if not found:
            return made
        if not isinstance(made, ast.Name):
            local = pen.new_local("object")
            pen.assign(local, made)
            made = pen.load(local)
        for name, test in found:
            pen.branch(pen.not_(test), partial(pen.delete_item, made.id, name))
        if all(id(child) in self.tests or self.may_miss(child) for child in children):
            self.maybe.add(made.id)
        return made

    def expected(self, child: FieldSource) -> ast.expr:
        if (path := self.optional_path(child)) is not None:
            value: ast.expr = self.pen.load(self.values[path])
            self.tests[id(child)] = self.is_given(value)
            return value
        if self.children(child) is not None:
            return self.of_object(child)
        self.pen.at = child.place or self.pen.at
        value, is_settled = self.value(child)
        test = self.is_given(value) if is_settled else self.is_valid(value, child.declared)
        if is_settled and not child.declared.required and not isinstance(test, ast.Constant):
            self.tests[id(child)] = test
        else:
            self.doubt_unless(test)
        return self.kept(value, child)

    def of_object(self, child: FieldSource) -> ast.expr:
        """An object, which may have no field."""
        made = super().expected(child)
        if isinstance(made, ast.Name) and made.id in self.maybe and child.declared.required:
            self.doubt_unless(made)
        elif isinstance(made, ast.Name) and made.id in self.maybe:
            self.tests[id(child)] = made
        return made

    def text_at(self, path: NamePath, child: FieldSource) -> str:
        if child.declared.required or path in self.needed_paths:
            return super().text_at(path, child)
        self.optional.add(path)
        local = ExpectedRowCode.fetched(self, path, "str")
        self.maybe.add(local)
        self.texts.add(path)
        self.classes.pop(local, None)  # it is tested where it is used
        return local


def function_of(blueprint: Blueprint, source: Source) -> Callable[..., Any] | None:
    """The function `rows` of such pages, for the same values of a page; None where there is none."""
    page, endpoint = blueprint.page.copied(), blueprint.endpoint
    with suppress(UnfusableError, SyntaxError, RecursionError):
        code = code_of(rows_module(replace(blueprint, page=page), LackingRowCode), source)
        if page.parameters == blueprint.page.parameters:
            return linked(code, "rows", blueprint.externals.constants, endpoint.path.functions)
    return None
