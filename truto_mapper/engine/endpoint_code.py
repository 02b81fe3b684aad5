"""The code of an endpoint's functions: see `fused`."""

from __future__ import annotations

import ast
from contextlib import suppress
from types import CodeType

from truto_mapper.engine.expected_rows import ExpectedRowCode
from truto_mapper.engine.externals import Externals, UnfusableError, unpack
from truto_mapper.engine.field_source import FieldSource
from truto_mapper.engine.hoisting import Hoisted
from truto_mapper.engine.per_page import PageValues
from truto_mapper.engine.reply_code import Loops, reply_module
from truto_mapper.engine.row_code import Blueprint, RowCode
from truto_mapper.engine.source_types import SourceTypes
from truto_mapper.language.compiler.compiler import code_of
from truto_mapper.language.compiler.pen import mentions
from truto_mapper.mapping.linked import REPLY, Endpoint, WholeDays
from truto_mapper.resource.spec import Resource
from truto_mapper.text.source import Source


class EndpointCode:
    """The code of `rows` and `reply`, None where there can be none, and the `tree` of `rows`.

    `constants` are the objects that it refers to by name, but for callers' functions; `reason` says why there is none.
    """

    def __init__(
        self, endpoint: Endpoint, types: SourceTypes, resource: Resource, source: Source, days: WholeDays | None
    ) -> None:
        self.tree: ast.Module | None = None
        self.blueprint: Blueprint | None = None
        self.rows: CodeType | None = None
        self.reply: CodeType | None = None
        self.reason: str | None = None
        self.page_values, externals, loops = PageValues(REPLY, types, days), Externals(), None
        try:
            loops = Loops.of(endpoint)
            record = FieldSource.of_record(endpoint, resource)
            self.blueprint = Blueprint(endpoint, record, loops, self.page_values, externals, types)
            self.tree = rows_module(self.blueprint)
            self.rows = code_of(self.tree, source)
        except (UnfusableError, SyntaxError, RecursionError) as error:  # the latter two: Python cannot nest the code
            self.tree, self.blueprint, self.reason, loops = None, None, str(error), None
        if endpoint.recognise is not None or endpoint.for_each:
            with suppress(SyntaxError, RecursionError):
                tree = reply_module(endpoint, loops, self.page_values.paths, externals, types)
                self.reply = code_of(tree, source)
        self.constants = dict(externals.constants)


def rows_module(blueprint: Blueprint, of_usual: type[ExpectedRowCode] = ExpectedRowCode) -> ast.Module:
    """The module with the function `rows(rows, remote_data, page, budget)`. It tries the code of usual rows first."""
    pen = blueprint.externals.pen(blueprint.endpoint.path, {})
    names = [pen.new_local(name) for name in blueprint.loops.variables]
    codes = [expected := of_usual(blueprint, names), RowCode(blueprint, names)]
    expected_row, any_row = (code.row() for code in codes)
    body = [*map(Hoisted(blueprint.page).visit, expected_row), *any_row]  # the latter maps uncertain pages, too
    unpack(pen, blueprint.page.parameters, pen.load("page"))
    blueprint.declare_joined(pen)
    pen.assign("records", pen.list_of())
    pen.assign("doubtful", pen.list_of())
    if mentions(body, "run"):
        pen.assign("run", pen.constant(None))
    for local in filter(None, (expected.known, *(code.done for code in codes))):
        pen.assign(local, pen.constant(None))
    pen.assign("misses", pen.constant(0))
    pen.loop(pen.load("rows"), body, *names)
    known = pen.load("certain") if expected.has_everything else pen.constant(value=False)
    misses = pen.choice(known, pen.load("misses"), pen.constant(None))
    pen.lines.append(ast.Return(pen.tuple_of(pen.load("records"), pen.load("doubtful"), misses)))
    return blueprint.externals.module(pen, "rows", ["rows", "remote_data", "page", "budget"])
