"""The code of a row that assumes nothing: it maps what it can prove valid, and leaves the rest to the exact path."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from truto_mapper.engine.externals import Externals, UnfusableError, unpack
from truto_mapper.engine.field_source import FieldSource
from truto_mapper.engine.look_ups import JOINED, ROWS, LookUps, is_read_by_names
from truto_mapper.engine.per_page import Memo, PageValues
from truto_mapper.engine.reply_code import Loops
from truto_mapper.engine.shaped_values import ShapedValues
from truto_mapper.engine.shaping import CLASSES, SCALARS, is_proved_by_class, schema_of, shaper
from truto_mapper.engine.source_types import NOTHING, Looked, Reading, SourceTypes, classes_of, test_of
from truto_mapper.language.compiler import compiler
from truto_mapper.language.compiler.pen import Pen, mentions
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath, leading_names, without_brackets
from truto_mapper.language.nodes import Call, Condition, Name, Node, Number, String, Value, Variable, walk
from truto_mapper.language.runtime.values import finished
from truto_mapper.language.source_paths import Paths
from truto_mapper.mapping.linked import REPLY, Endpoint, expressions
from truto_mapper.resource.field import REMOTE_DATA, Field
from truto_mapper.text.record import NamedTuple

#: Functions that are cheaper to call than to look up in a memo.
_CHEAP = frozenset({"boolean", "exists", "join", "lookup", "not", "size", "string"})


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What both kinds of row code are generated from."""

    endpoint: Endpoint
    record: FieldSource
    loops: Loops
    page: PageValues
    externals: Externals
    types: SourceTypes

    def joined(self, name: str) -> str:
        """The local that holds the rows of a join by their keys, empty for one that did not run."""
        return f"rows_of_{[one.name for one in self.endpoint.joins].index(name)}"

    def declare_joined(self, pen: Pen) -> None:
        """Write what the code begins with: the rows of the joins are in the page's budget."""
        if self.endpoint.joins:
            pen.assign(ROWS, ast.Attribute(pen.load("budget"), JOINED, ast.Load(), **pen.at))
        for one in self.endpoint.joins:
            rows = pen.method(pen.load(ROWS), "get", pen.constant(one.name), ast.Dict([], [], **pen.at))
            pen.assign(self.joined(one.name), rows)

    def classes_at(self, path: NamePath) -> tuple[type, ...]:
        """The classes of the values that the provider's schema declares at a path, empty if it may be anything."""
        above = self.types.loops.get(path[0])
        return () if above is None else classes_of(self.types.declared((*above, *path[1:])))


class Made(NamedTuple):
    """The value of a field as it is computed, and as it is `kept`, and the test that there is one, and a valid one.

    If it `is_settled`, it is surely valid or absent.
    """

    value: ast.expr
    kept: ast.expr
    test: ast.expr
    is_settled: bool


class _Paths(Paths):
    """Paths whose value is the value of their node: those with `[]` are not, because it makes an array."""

    def path(self, node: Node) -> NamePath | None:
        return None if node != without_brackets(node) else super().path(node)


class RowCode:
    """Writes the code of a row, assuming only that the row is an object.

    The code first looks up every path that is read, then computes each `let`, then builds the record. A row that is
    in doubt raises, and so joins `doubtful`. `ExpectedRowCode` overrides what it does differently.
    """

    def __init__(self, blueprint: Blueprint, rows: Sequence[str]) -> None:
        """`rows` are the locals of the `for_each` variables."""
        self.blueprint, self.page, self.record = blueprint, blueprint.page, blueprint.record
        joined = (JOINED,) if blueprint.endpoint.joins else ()
        self.paths = _Paths((*joined, *blueprint.loops.variables), blueprint.endpoint.path.functions)
        rows_of = {one.name: blueprint.joined(one.name) for one in blueprint.endpoint.joins}
        self.look_ups = LookUps(self.paths, self.fetched, rows_of)
        #: The locals of variables, of the values at paths, and of the objects at paths.
        self.locals = dict(zip(blueprint.loops.variables, rows, strict=True)) | dict.fromkeys(joined, ROWS)
        self.values: dict[NamePath, str] = {}
        self.holders: dict[NamePath, str] = {}
        #: The locals of the fields that a memo gives, by the identity of the field.
        self.of_memos: dict[int, str] = {}
        #: The locals whose class is known, those known to have a value, and those with a short text.
        self.classes: dict[str, str] = {}
        self.given: set[str] = set()
        self.short: set[str] = set()
        #: The locals that hold an object, a row of a join, or MISSING.
        self.objects: set[str] = set()
        self.shaped = ShapedValues(blueprint.endpoint, self.record.leaves())
        #: The local of the outer row for which the `let`s that read nothing of the inner ones were computed.
        self.done: str | None = None
        self.pen = blueprint.externals.pen(blueprint.endpoint.path, self.classes)
        self.classes |= dict.fromkeys(rows_of.values(), "dict")

    def row(self) -> list[ast.stmt]:
        """The whole code."""
        place, body = self.pen.at, list[ast.stmt]()
        with self.pen.into(body):
            self.declare_lets()
            _write_memos(self)
            lets = [one for one in self.blueprint.endpoint.let if self.paths.others.get(one[0])]
            _write_lets(self, [one for one in lets if one[0] not in self.locals])
            self.append_record(self.object(self.record.children() or []))
        self.pen.at = place
        return self.with_lookups([*_limits(self, body), *body])

    def append_record(self, made: ast.expr) -> None:
        pen, record, loops = self.pen, self.pen.new_local("record"), self.blueprint.loops
        pen.assign(record, made)
        if REMOTE_DATA in self.record.declared.fields:
            outer, *inner = (pen.load(self.locals[name]) for name in loops.variables)
            remote: ast.expr = outer
            if inner:  # the outer row with only this inner row
                remote = ast.Dict([None, pen.constant(loops.inner)], [outer, pen.list_of(*inner)], **pen.at)
            pen.branch(pen.load("remote_data"), lambda: pen.assign_item(record, REMOTE_DATA, remote))
        pen.append("records", pen.load(record))

    def array_of(self, made: ast.expr) -> ast.expr:
        """The array of one item."""
        return self.pen.list_of(made)

    @property
    def outer_row(self) -> str:
        """A local that is another for each outer row."""
        return self.locals[self.blueprint.loops.variables[0]]

    def own(self, shared: ast.expr) -> ast.expr:
        """What a record has of a value that other records have, too."""
        return self.pen.called("copied", shared)

    def maker(self, names: Sequence[str], declared: Sequence[str]) -> str | None:  # noqa: ARG002
        """The name of a function that makes an object of the values of some declared names; None for a dict."""
        return None

    # Overridden for expected rows

    def holder(self, path: NamePath) -> str:
        """The local of the object at a path."""
        if len(path) == 1:
            return self.locals[path[0]]
        if path not in self.holders:
            self.fetched(path)
            self.holders[path] = self.pen.new_local(path[-1])
        return self.holders[path]

    def with_lookups(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The code with the look-ups before it. It skips a null, and notes a row for which anything raises."""
        pen, lines, row = self.pen, list[ast.stmt](), self.pen.load(self.locals[self.paths.context[0]])
        with pen.into(lines):
            is_null = pen.test(row, ast.Is(), pen.constant(None))
            pen.branch(is_null, lambda: pen.lines.append(ast.Continue(**pen.at)))
            self.doubt_unless(pen.has_class(row, "dict"))
            for path in sorted(self.values, key=len):
                holder = pen.load(self.holder(path[:-1]))
                pen.assign(self.values[path], pen.method(holder, "get", pen.constant(path[-1]), pen.load("MISSING")))
                if path in self.holders:
                    pen.assign(self.holders[path], pen.called("opened", pen.load(self.values[path])))
            _doubt_other_types(self)
        caught: list[ast.stmt] = []
        with pen.into(caught):
            pen.append("doubtful", pen.called("len", pen.load("records")))
            pen.append("records", pen.constant(None))
        handler = ast.ExceptHandler(pen.load("Exception"), None, caught)
        return [ast.Try([*lines, *body], [handler], [], [], **pen.at)]

    def object(self, children: list[FieldSource]) -> ast.expr:
        """The object of some fields, empty if none of them has a value."""
        local = self.pen.new_local("object")
        self.pen.assign(local, ast.Dict([], [], **self.pen.at))
        for child in children:
            self.put(local, child)
        return self.pen.load(local)

    def put(self, local: str, child: FieldSource) -> None:
        """Make the value of a field, and store it."""
        self.store(local, child, self.value_of(child))

    def value_of(self, child: FieldSource) -> Made:
        """The value of a field, which may be invalid or absent."""
        self.pen.at = child.place or self.pen.at
        children = self.children(child)
        if children is not None:
            value = self.object(children)
            return Made(value, value, value, is_settled=True)
        value, is_settled = self.value(child)
        test = self.is_given(value) if is_settled else self.is_valid(value, child.declared)
        return Made(value, self.kept(value, child), test, is_settled)

    def store(self, local: str, child: FieldSource, made: Made) -> None:
        """Store a field. An invalid value makes the row doubtful, and so does an absent one if it is required."""

        def leave_out() -> None:
            if child.declared.required:
                self.doubt()
            elif not made.is_settled:
                self.doubt_unless(self.pen.is_no_value(made.value))

        self.pen.branch(made.test, lambda: self.pen.assign_item(local, child.name, made.kept), leave_out)

    def of_page(self, parameter: str, *, is_text: bool) -> str:  # noqa: ARG002
        """Note what is known of a value of the page."""
        return parameter

    def of_memo(self, are_short: str, lets: list[str], fields: list[str]) -> None:  # noqa: ARG002
        """Note what is known of the values of a memo. Here long ones are counted, because other rows may share them."""
        _count_long(self, are_short, fields)

    def narrowed(self, child: FieldSource) -> FieldSource:
        """A field whose source is simpler because of what is expected."""
        return child

    # Tests

    def doubt(self) -> None:
        """Give up: the row goes to the next code, or else to the exact path."""
        self.pen.give_up()

    def doubt_unless(self, test: ast.expr) -> None:
        self.pen.give_up_unless(test)

    def is_given(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id in self.given):
            return self.pen.constant(value=True)
        return self.pen.test(value, ast.IsNot(), self.pen.constant(None))

    def is_true(self, value: ast.expr) -> ast.expr:
        pen = self.pen
        is_text = pen.has_class(value, "str")
        other = pen.both(pen.is_there(value), pen.called("truthy", value))
        return pen.either(pen.both(is_text, value), pen.both(pen.not_(is_text), other))

    def is_valid(self, value: ast.expr, declared: Field) -> ast.expr:
        """The test that a scalar has a value, is not a sequence, and is valid."""
        pen = self.pen
        if declared.type == "number":
            test = pen.either(pen.has_class(value, "int"), pen.has_class(value, "float"))
        else:
            test = pen.has_class(value, CLASSES[declared.type])
        if is_proved_by_class(declared):
            return test
        return pen.both(test, pen.called(self.external("valid", schema_of(declared).valid), value))

    def kept(self, value: ast.expr, child: FieldSource) -> ast.expr:
        """A value as its field has it: a number is finite, else the row is in doubt, and an integer if it is whole."""
        if child.declared.type != "number" or isinstance(value, ast.Constant):
            return value
        return self.pen.choice(self.pen.has_class(value, "int"), value, self.pen.called("finite", value))

    def external(self, kind: str, value: Any) -> str:
        """A name for an object that the code refers to."""
        return self.blueprint.externals.named(self.pen, kind, value)

    # Names

    def declare_lets(self) -> None:
        """Make each `let` the name of a path or of a value of the page, or leave it to be computed for each row."""
        for name, expression in self.blueprint.endpoint.let:
            self.paths.add(name, expression.node)
            if name in self.paths.others and not self.paths.others[name]:
                self.page.lets[name] = expression

    def fetched(self, path: NamePath, _: str | None = None) -> str:
        """The local of the value at a path. Expected rows have it in a class, here the second argument."""
        if len(path) == 1:
            return self.locals[path[0]]
        if path not in self.values:
            self.holder(path[:-1])
            self.values[path] = self.pen.new_local(path[-1])
        return self.values[path]

    def text_at(self, path: NamePath, child: FieldSource) -> str:  # noqa: ARG002
        """The local of the text at a path from which the array of a field is made."""
        return self.fetched(path, "str")

    def inline(self, expression: Expression, node: Node, declared: Field | None = None) -> str:
        """The local of the value of a node of an expression, whose parts are in the shape of a field."""
        value = self.computed(expression, node, declared)
        if isinstance(value, ast.Name):
            return value.id
        local = self.pen.new_local("value")
        self.pen.assign(local, value)
        if isinstance(value, ast.JoinedStr):
            self.classes[local] = "str"
        if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "len":
            self.classes[local] = "int"
        return local

    def computed(self, expression: Expression, node: Node, declared: Field | None = None) -> ast.expr:
        """The value of a node of an expression, to be used once."""
        node = self.look_ups.looked_up(node)
        shapes = self.shaped.shapes(expression, node, declared, self.external, self.maker)
        free = compiler.parameters(node, dict.fromkeys(expression.functions, ""))
        names = {name: self.named(name) for name in free if self.is_bound(name)}
        context = self.locals[self.paths.context[0]]
        small = [name for name, local in names.items() if local in self.short]
        known = self.classes, small, shapes, self.objects
        made = self.blueprint.externals.emit(expression, node, names, context, *known)
        self.pen.lines.extend(made.statements)
        return made.value

    def is_bound(self, name: str) -> bool:
        """Whether a name is not that of a function, taken for a value as in `$map(names, $uppercase)`."""
        return name.startswith("@") or name in {*REPLY, *self.locals, *self.paths.paths, *self.paths.others}

    def named(self, name: str) -> str:
        """The local of a variable. A name that begins with `@` is a local itself."""
        if name.startswith("@"):
            return name[1:]
        if name in self.locals:
            return self.locals[name]
        if name in self.paths.paths:
            return self.fetched(self.paths.paths[name])
        return self.of_page(self.page.name(name), is_text=True)

    # Fields

    def children(self, child: FieldSource) -> list[FieldSource] | None:
        """The fields of an object with constant keys; None for a value."""
        children = child.children() if child.declared.type == "object" else None
        if children is None and child.expression is None:
            raise UnfusableError(f"{child.name} is not an object of declared fields")
        return children

    def value(self, child: FieldSource) -> tuple[ast.expr, bool]:
        """The value of a field, and whether it is settled: surely valid, or None for no value."""
        pen, declared, node = self.pen, child.declared, child.node
        if isinstance(node, (String, Number, Value)) and schema_of(declared).valid(node.value):
            return pen.constant(finished(node.value, escapes=False)), True
        if child.is_whole and id(declared) in self.of_memos:
            return pen.load(self.of_memos[id(declared)]), True
        if child.is_whole and declared.type in SCALARS and not self.paths.read_by(node):
            is_top = self.record.declared.fields.get(child.name) is declared
            parameter = self.page.field(child.expression, declared, is_top=is_top)
            return pen.load(self.of_page(parameter, is_text=False)), True
        if (array := _array_of_one(self, child)) is not None:
            return array, True
        child = self.narrowed(child)
        if (
            declared.type not in SCALARS
            and self.shaped.constructors(child.expression, child.node, declared) is not None
        ):
            return _gathered(self, child, self.inline(child.expression, child.node, declared)), True
        path, known = self.paths.path(child.node), CLASSES.get(declared.type)
        if path is None or (path[0] == JOINED and len(path) > 1):
            value = pen.load(self.inline(child.expression, child.node))
        else:
            value = pen.load(self.fetched(path, known))
        return (value, False) if declared.type in SCALARS else (_fitted(self, child, value), True)

    def is_of_row(self, node: Node) -> bool:
        """Whether a node is a path from the row itself. An absent array of any other may be an empty one."""
        first = leading_names(node)[0] if self.paths.path(node) else None
        variables = ("", *self.blueprint.loops.variables)
        return isinstance(first, Name) or (isinstance(first, Variable) and first.name in variables)


def _gathered(code: RowCode, child: FieldSource, value: str) -> ast.expr:
    """An array or object whose parts are in the shape of its field; None for no value."""
    pen, local, found = code.pen, code.pen.new_local("shaped"), code.pen.load(value)
    if child.declared.type == "array":
        code.doubt_unless(pen.is_there(found))  # an absent one may be an empty array
        items = pen.list_of(ast.Starred(found, ast.Load(), **pen.at))
        several = pen.choice(pen.has_class(found, "Sequence"), items, pen.called("array_of", found))
        pen.assign(local, pen.choice(pen.has_class(found, "list"), found, several))
        code.given.add(local)
    else:
        pen.assign(local, pen.choice(pen.is_there(found), found, pen.constant(None)))
    if code.shaped.is_shared(child.node):
        pen.assign(local, code.own(pen.load(local)))
    return pen.load(local)


def _fitted(code: RowCode, child: FieldSource, value: ast.expr) -> ast.expr:
    """An array, an object or any value in the shape of its field; None for no value."""
    pen, local = code.pen, code.pen.new_local("shaped")
    if child.declared.type == "array" and not code.is_of_row(child.node):
        code.doubt_unless(pen.is_there(value))  # an absent one may be an empty array
    pen.assign(local, pen.method(pen.load("run"), "recorded", value))
    shape = pen.called(code.external("shape", shaper(child.declared, strict=True)), pen.load(local))
    pen.assign(local, pen.choice(code.pen.is_no_value(pen.load(local)), pen.constant(None), shape))
    return pen.load(local)


def _write_lets(code: RowCode, lets: Sequence[tuple[str, Expression]]) -> None:
    """Compute some `let`s: those that read nothing of the inner rows once for each outer row."""
    outer = {*code.blueprint.loops.variables[:-1], JOINED}
    shared = [one for one in lets if len(outer) > 1 and all(path[0] in outer for path in code.paths.others[one[0]])]
    if shared:
        pen, code.done, row = code.pen, code.pen.new_local("done"), code.outer_row
        body: list[ast.stmt] = []
        with pen.into(body):
            pen.assign(code.done, pen.constant(None))  # in case that one fails
            for name, expression in shared:
                _write_let(code, name, expression)
            pen.assign(code.done, pen.load(row))
        pen.branch(pen.test(pen.load(row), ast.IsNot(), pen.load(code.done)), lambda: pen.lines.extend(body))
        code.shaped.share(name for name, _ in shared)
    for name, expression in lets:
        if name not in code.locals:
            _write_let(code, name, expression)


def _write_let(code: RowCode, name: str, expression: Expression) -> None:
    code.pen.at = expression.placer.place(expression.node.span)
    code.locals[name] = local = code.inline(expression, expression.node, code.shaped.of_let(name, expression))
    if _is_row_of_join(code, expression.node):
        _note_row(code, name, local)


def _note_row(code: RowCode, name: str, local: str) -> None:
    """Note that a local holds a row of a join, if any. Where only names of it are read, an empty object is as good."""
    endpoint = code.blueprint.endpoint
    readers = [one.node for _, one in endpoint.let] + [one.node for one in expressions(endpoint.response)]
    match code.pen.lines[-1:]:
        case [ast.Assign(targets=[ast.Name(id=made)], value=ast.Call(args=[key, ast.Name("MISSING")]) as look_up)] if (
            made == local and all(is_read_by_names(name, one) for one in readers)
        ):
            look_up.args = [key, code.pen.load("NO_ROW")]
            code.classes[local] = "dict"
        case _:
            code.objects.add(local)


def _is_row_of_join(code: RowCode, node: Node) -> bool:
    """Whether a value is a row of a join, if any: `$lookup($joined.users, id)`, also under a condition."""
    if isinstance(node, Condition) and node.otherwise is None:
        node = node.then
    match node:
        case Call(procedure=Variable(name="lookup"), arguments=(rows, *_)):
            path = code.paths.path(rows)
            return any(path == (JOINED, one.name) and not one.many for one in code.blueprint.endpoint.joins)
    return False


def _limits(code: RowCode, body: list[ast.stmt]) -> list[ast.stmt]:
    """The start of the evaluation's limits, in the first row whose code needs them."""
    pen, lines = code.pen, list[ast.stmt]()
    with pen.into(lines):
        if mentions(body, "run"):
            new = pen.called("new_run", pen.called("len", pen.load("rows")), pen.load("budget"))
            pen.assign("run", ast.BoolOp(ast.Or(), [pen.load("run"), new], **pen.at))
    return lines


def _count_long(code: RowCode, are_short: str, values: list[str]) -> None:
    """Count the characters of some values unless they are short."""
    pen = code.pen
    counted = pen.method(pen.load("run"), "recorded", pen.list_of(*map(pen.load, values)))
    pen.branch(pen.not_(pen.load(are_short)), lambda: pen.do(counted))


def _only_path(reads: frozenset[NamePath]) -> NamePath | None:
    """The path of the row that a value depends on, if it depends on nothing else."""
    path = next(iter(reads)) if len(reads) == 1 else ()
    return path if len(path) > 1 and path[0] != JOINED else None


def _write_memos(code: RowCode) -> None:
    """Look up, rather than compute again, each value that takes a call and depends on one text of the row."""
    lets: dict[NamePath, dict[str, Expression]] = {}
    for name, expression in code.blueprint.endpoint.let:
        if path := _only_path(code.paths.others.get(name, frozenset())):
            lets.setdefault(path, {})[name] = expression
    found: dict[NamePath, list[FieldSource]] = {path: [] for path in lets}
    for child in code.record.leaves():
        path = _only_path(code.paths.read_by(child.node))
        if path and child.declared.type == "string" and (child.declared.format or _is_expensive(child.node)):
            found.setdefault(path, []).append(child)
    for path, children in found.items():
        _write_memo(code, path, lets.get(path, {}), children)


def _write_memo(code: RowCode, path: NamePath, lets: dict[str, Expression], children: list[FieldSource]) -> None:
    pen, checked = code.pen, [(child.expression, schema_of(child.declared)) for child in children]
    aliases = tuple(
        (name, one)
        for name, one in code.blueprint.endpoint.let
        if (leads := code.paths.paths.get(name)) and path[: len(leads)] == leads
    )
    placed = code.page.placed(children, code.record)
    memo = Memo(path, (path[0],) == code.paths.context, aliases, tuple(lets.items()), tuple(checked), placed)
    are_texts, *names = map(pen.new_local, ("sure", *lets, *(child.name for child in children)))
    text = pen.load(code.fetched(path, "str"))
    by_text = pen.load(code.page.memo(memo))
    kept, made = list[ast.stmt](), list[ast.stmt]()
    with pen.into(kept):
        unpack(pen, [are_texts, *names], ast.Subscript(by_text, text, ast.Load(), **pen.at))  # raises for an empty one
    with pen.into(made):
        unpack(pen, [are_texts, *names], pen.method(by_text, "values_of", text, pen.load("budget")))
    absent = pen.tuple_of(pen.load("KeyError"), pen.load("TypeError"))  # TypeError: it cannot be hashed
    pen.lines.append(ast.Try(kept, [ast.ExceptHandler(absent, None, made)], [], [], **pen.at))
    code.of_memo(are_texts, names[: len(lets)], names[len(lets) :])
    code.locals |= dict(zip(lets, names, strict=False))
    code.of_memos |= {id(child.declared): name for child, name in zip(children, names[len(lets) :], strict=True)}


def _is_expensive(node: Node) -> bool:
    """Whether a node makes a call that is worth a memo."""
    return any(isinstance(one, Call) and getattr(one.procedure, "name", "") not in _CHEAP for one in walk(node))


def _array_of_one(code: RowCode, child: FieldSource) -> ast.expr | None:
    """The array for `path.{…}` or `path.(condition ? {…})` of a single text; None for other expressions.

    The row is in doubt if the path leads to anything but a text.
    """
    found = child.constructed()
    path = code.paths.path(found[0]) if found else None
    if found is None or path is None or len(path) == 1 or not code.is_of_row(found[0]):
        return None
    _, condition, children = found
    pen, text, local = code.pen, code.text_at(path, child), code.pen.new_local("array")
    is_text, known = pen.has_class(pen.load(text), "str"), dict(code.classes)
    # `path.($ ? {…})` gives nothing for no value; without the condition a null becomes an object.
    skips_null = isinstance(condition, Variable) and condition.name == ""
    code.doubt_unless(pen.either(is_text, pen.is_no_value(pen.load(text)) if skips_null else pen.constant(False)))

    def one() -> None:
        made = code.object([replace(one, node=code.look_ups.looked_up(one.node, text)) for one in children])
        code.doubt_unless(made if isinstance(made, ast.Name) else pen.constant(value=True))
        pen.assign(local, code.array_of(made))

    def construct() -> None:
        code.classes[text] = "str"
        test = pen.constant(value=True)
        if condition is not None:
            test = code.is_true(pen.load(code.inline(child.expression, code.look_ups.looked_up(condition, text))))
        pen.branch(test, one, lambda: pen.assign(local, pen.list_of()))

    pen.branch(is_text, construct, lambda: pen.assign(local, pen.constant(None)))
    if text not in known:
        del code.classes[text]
    else:
        code.given.add(local)
    return pen.load(local)


def _doubt_other_types(code: RowCode) -> None:
    """Write the tests of a row that assumes nothing: the classes of values, then what lies deeper."""
    proved = {code.paths.path(child.node) for child in code.record.leaves() if child.declared.type in CLASSES}
    for path, local in code.values.items():
        classes = code.blueprint.classes_at(path)
        if classes and path not in proved and not (path in code.holders and dict in classes):
            external = code.blueprint.externals
            code.doubt_unless(external.class_test(code.pen, code.pen.load(local), (*classes, *NOTHING)))
    for test in deeper_tests(code):
        code.doubt_unless(test)


def deeper_tests(code: RowCode) -> list[ast.expr]:
    """A test of each loop's row for what is read of it and not looked up by `code.values`."""
    types, tests = code.blueprint.types, list[ast.expr]()
    left = not_looked_up(code)
    for variable in dict.fromkeys(one.variable for one in left):
        test = test_of(types.start(variable), Looked.of(one for one in left if one.variable == variable))
        if test is not None and variable is not None:
            tests.append(code.pen.called(code.external("typed", test), code.pen.load(code.locals[variable])))
    return tests


def not_looked_up(code: RowCode) -> list[Reading]:
    """What is read of a row and not looked up."""
    return [one for one in code.blueprint.types.of_rows if one.variable in code.locals and not _is_looked_up(code, one)]


def _is_looked_up(code: RowCode, reading: Reading) -> bool:
    """Whether a look-up gives just the value of a reading, so that its class says everything about its type."""
    path: NamePath = (str(reading.variable), *reading.names)
    if any(path[:end] not in code.values for end in range(2, len(path) + 1)):
        return False
    kind = code.blueprint.types.declared_at(reading)
    return not reading.is_whole or not (kind.items or kind.properties)
