"""An endpoint → one Python function that maps and checks the rows of a page in one pass.

The record schema is evaluated beforehand against each expression. `v.__class__ is int` proves of a value that it is
there, no sequence and a valid integer; what does not depend on the row is evaluated and checked once a page; what
depends on one text of the row, once for each such text. A row that has every value in its expected class is taken by
code that assumes so; any other by code that assumes nothing. What that cannot prove of a row it leaves alone, and
`record` says exactly what there is to say about it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from itertools import count, repeat
from typing import Any

from truto_mapper.engine.per_page import Fault, Memo, PageValues
from truto_mapper.engine.shaping import CLASSES, SCALARS, is_proved_by_class, schema_of, shaper
from truto_mapper.language.compiler import compiler, placer
from truto_mapper.language.compiler.compiler import Emitted
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.expression import DEFAULT_DEPTH, DEFAULT_TIMEOUT, Expression
from truto_mapper.language.library.functions import NAMESPACE
from truto_mapper.language.names import is_plain, leading_names
from truto_mapper.language.nodes import (
    Array,
    Binary,
    Block,
    Call,
    Coalesce,
    Condition,
    Default,
    Name,
    Negate,
    Node,
    Number,
    Object,
    Path,
    Step,
    String,
    Value,
    Variable,
    walk,
)
from truto_mapper.language.runtime.calls import from_caller
from truto_mapper.language.runtime.values import MISSING, Run, plain
from truto_mapper.language.source_paths import Paths, Steps
from truto_mapper.mapping.linked import REPLY, Endpoint
from truto_mapper.resource.spec import REMOTE_DATA, Field, Resource
from truto_mapper.text.source import Source

_CLASSES = {kind: python.__name__ for kind, python in CLASSES.items()}

#: What costs less to call than to look up.
_CHEAP = frozenset({"boolean", "exists", "join", "not", "size"})

#: And those that have no nodes below them.
_ATOMS = (String, Number, Value, Variable)

#: The nodes below which `$` is what it is above them.
_TRANSPARENT = (Condition, Binary, Coalesce, Default, Call, Array, Object, Negate)


class _Unfit(Exception):  # noqa: N818  (it says no more than that the exact path is taken)
    """What cannot be fused."""


# ------------------------------------------------------------------------------------ what the code calls


def new_run(rows: int) -> Run:
    """The bounds of a page's evaluation; a row that is stopped by them is in doubt, and has its own."""
    return Run(DEFAULT_TIMEOUT + rows / 1000, DEFAULT_DEPTH)


def at(value: Any, *steps: str) -> Any:
    """What plain names lead to: MISSING where there is nothing, False where there is a list on the way."""
    for step in steps:
        if value.__class__ is list:
            return False
        value = value.get(step, MISSING) if value.__class__ is dict else MISSING
    return value


def listed(found: Any) -> Any:
    """The rows as a list, False where they are something else."""
    if found is None or found is MISSING:
        return []
    return found if found.__class__ is list else False


def paired(found: Any, name: str) -> Any:
    """Outer rows with each of their inner ones, nulls left out; False where a loop runs over something else."""
    outer_rows = listed(found)
    if outer_rows is False:
        return False
    rows: list[Any] = []
    for outer in outer_rows:
        if outer is None:
            continue
        inner_rows = outer.__class__ is dict and listed(outer.get(name))
        if inner_rows is False:
            return False
        rows += zip(repeat(outer), inner_rows if all(inner_rows) else [row for row in inner_rows if row is not None])
    return rows


def opened(value: Any) -> dict[str, Any]:
    """An object to look into, an empty one where there is none. Raises `TypeError` where it is something else."""
    if value.__class__ is dict:
        return value
    if value is None or value is MISSING:
        return {}
    raise TypeError


_CALLED = (new_run, at, listed, paired, opened, plain)


class _Outside:
    """What the code of an endpoint takes from outside: constants by their names, which differ."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self.temporaries = count(1)

    def emitted(
        self, expression: Expression, node: Node, names: Mapping[str, str], context: str, classes: Mapping[str, str]
    ) -> Emitted:
        """The code of a node of an expression."""
        callers = {name: f"caller_{name}" for name in expression.functions}
        self.constants |= {callers[name]: from_caller(name, one) for name, one in expression.functions.items()}
        return compiler.emit(
            node, names, context, expression.placer, callers=callers, temporaries=self.temporaries, classes=classes
        )

    def defined(self, tree: ast.Module, source: Source) -> Callable[..., Any]:
        """The function of a module."""
        namespace = {**NAMESPACE, **self.constants, "MISSING": MISSING, "__builtins__": {}}
        namespace |= {one.__name__: one for one in (*_CALLED, Exception, dict)}
        exec(compile(tree, source.name.replace("\0", " "), "exec"), namespace)  # noqa: S102  (of nodes, not of text)
        function: Callable[..., Any] = namespace[tree.body[0].name]  # type: ignore[attr-defined]
        return function


class Fused:
    """The function of one endpoint. Immutable; share it between threads."""

    def __init__(self, endpoint: Endpoint, resource: Resource, source: Source) -> None:
        """Raises nothing: what cannot be fused has no function, and `reason` says why."""
        self.endpoint = endpoint
        self.tree: ast.Module | None = None
        self.reason: str | None = None
        self._page, outside = PageValues(REPLY), _Outside()
        rows: ast.expr = ast.Constant(False)
        try:
            loops = _Loops.of(endpoint)
            self.tree = _rows(_Writing(endpoint, resource, loops, self._page, outside))
            self._function = outside.defined(self.tree, source)
            rows = loops.read()
        except (_Unfit, SyntaxError, RecursionError) as unfit:  # the latter of what Python cannot nest
            self.tree, self.reason = None, str(unfit)
        #: The bindings of a reply → whether it is the endpoint's, its next cursor, time zone and rows, and the texts
        #: that its page's values depend on. None where an expression fails: evaluated alone it says why and where.
        self.reply: Callable[[tuple[Any, ...]], tuple[Any, ...] | None] = lambda _: None
        with suppress(SyntaxError, RecursionError):
            self.reply = outside.defined(_reply(endpoint, rows, self._page.paths, outside), source)

    def records(
        self, rows: list[Any], key: tuple[Any, ...] | None, given: tuple[Any, ...], *, remote_data: bool
    ) -> tuple[list[Any], Sequence[int], Fault | None]:
        """A record for each row that is not null, the numbers of the doubtful ones, and the fault of the page's values.

        `key` is what `reply` returned for `given`; without one all rows are doubtful.
        """
        if key is None:
            count = len(rows) - rows.count(None)
            return [None] * count, range(count), None
        try:
            arguments, fault = self._page.known[key]
        except (KeyError, TypeError):  # TypeError: a value that cannot be hashed
            arguments, fault = self._page.evaluated(key, given)
        found: tuple[list[Any], list[int]] = self._function(rows, remote_data, arguments)
        return *found, fault


# ------------------------------------------------------------------------------------------- what a reply has


def _loaded(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _stored(*names: str) -> ast.expr:
    targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in names]
    return ast.Tuple(targets, ast.Store())


def _function_of(name: str, parameters: Sequence[str], body: list[ast.stmt], place: placer.Place) -> ast.Module:
    arguments = ast.arguments([], [ast.arg(one) for one in parameters], None, [], [], None, [])
    function = ast.FunctionDef(name, arguments, body, [], None, None, **place)
    return ast.fix_missing_locations(ast.Module([function], []))


def _reply(endpoint: Endpoint, rows: ast.expr, paths: Sequence[Steps], outside: _Outside) -> ast.Module:
    """The function that reads a reply's own values."""
    names = {name: name for name in REPLY}
    lines: list[ast.stmt] = [ast.Assign([_stored(*REPLY)], _loaded("given"))]
    values: list[ast.expr] = []
    for expression in (endpoint.recognise, endpoint.next_cursor, endpoint.time_zone):
        made = Emitted([], _loaded("MISSING"), runs=False)
        if expression is not None:
            made = outside.emitted(expression, expression.node, names, "response", {})
        if made.runs:
            new = ast.Call(_loaded("new_run"), [ast.Constant(1)], [])
            lines.append(ast.Assign([ast.Name("run", ast.Store())], new))
        local = f"value_{next(outside.temporaries)}"
        lines += [*made.statements, ast.Assign([ast.Name(local, ast.Store())], made.value)]
        values.append(_loaded(local))
    key = ast.Tuple([_read(*path) for path in paths], ast.Load())
    lines.append(ast.Return(ast.Tuple([*values, rows, key], ast.Load())))
    failed = ast.ExceptHandler(_loaded("Exception"), None, [ast.Return(ast.Constant(None))])
    place = endpoint.path.placer.place(endpoint.path.node.span)
    return _function_of("reply", ["given"], [ast.Try(lines, [failed], [], [])], place)


def _read(name: str, *steps: str) -> ast.expr:
    """The code of `at`."""
    if not steps:
        return _loaded(name)
    if len(steps) > 1:
        return ast.Call(_loaded("at"), [_loaded(name), *map(ast.Constant, steps)], [])
    return ast.Call(ast.Attribute(_loaded(name), "get", ast.Load()), [ast.Constant(steps[0]), _loaded("MISSING")], [])


@dataclass(frozen=True, slots=True)
class _Loops:
    """Plain paths to the rows: `outer` from the body, `inner` the name below each of them, if loops are nested."""

    variables: tuple[str, ...]
    outer: Steps
    inner: str | None

    @staticmethod
    def of(endpoint: Endpoint) -> _Loops:
        variables = tuple(name for name, _ in endpoint.for_each)
        if not 1 <= len(variables) <= 2 or not all(is_plain(expression.node) for _, expression in endpoint.for_each):
            raise _Unfit("for_each is not one or two plain paths")
        paths = []
        for above, (_, expression) in zip(("", variables[0]), endpoint.for_each, strict=False):
            first, *rest = leading_names(expression.node)
            if isinstance(first, Variable) and first.name not in ("", above):
                raise _Unfit("for_each leads back to what is around it")
            paths.append(tuple(one.value for one in (first, *rest) if isinstance(one, Name)))
        outer, *inner = paths
        if inner and len(inner[0]) != 1:
            raise _Unfit("the inner for_each is not one name below the outer")
        return _Loops(variables, outer, inner[0][0] if inner else None)

    def read(self) -> ast.expr:
        """The code of a list of the rows of a reply, nulls among them; of pairs without null where loops are nested."""
        found = _read("response", *self.outer)
        if self.inner is None:
            return ast.Call(_loaded("listed"), [found], [])
        return ast.Call(_loaded("paired"), [found, ast.Constant(self.inner)], [])


# ------------------------------------------------------------------------------------------ the code of a row


@dataclass(frozen=True, slots=True)
class _Child:
    """A field and what gives it: fields in YAML, or a node of an expression."""

    name: str
    declared: Field
    node: Any
    expression: Any  # None in YAML

    @staticmethod
    def of(name: str, declared: Field, template: Any, expression: Expression | None = None) -> _Child:
        if isinstance(template, list):
            raise _Unfit(f"a list in YAML gives {name}")
        if isinstance(template, Expression):
            return _Child(name, declared, template.node, template)
        return _Child(name, declared, template, expression)

    @property
    def place(self) -> placer.Place | None:
        return None if self.expression is None else self.expression.placer.place(self.node.span)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its expression."""
        return self.expression is not None and self.node is self.expression.node

    def children(self) -> list[_Child] | None:
        """The fields of an object in YAML, or of constant keys in an expression; None where it is none that fits."""
        if isinstance(self.node, dict):
            found = self.node
        elif isinstance(self.node, Object) and all(isinstance(key, String) for key, _ in self.node.pairs):
            found = {key.value: value for key, value in self.node.pairs if isinstance(key, String)}
        else:
            return None
        declared = self.declared.fields
        required = {name for name, one in declared.items() if one.required}
        is_twice = isinstance(self.node, Object) and len(found) < len(self.node.pairs)
        if is_twice or not required <= found.keys() <= declared.keys():
            return None
        return [_Child.of(name, declared[name], found[name], self.expression) for name in declared if name in found]

    def leaves(self) -> Iterator[_Child]:
        """The expressions that stand in YAML for a field of their own."""
        if self.expression is not None:
            yield self
        else:
            for child in self.children() or ():
                yield from child.leaves()


def _constructed(child: _Child) -> tuple[Node, Node | None, list[_Child]] | None:
    """The path, the condition if there is one, and the fields of an array that is an object made of what is there."""
    node, items = child.node, child.declared.items
    if not isinstance(node, Path) or len(node.steps) == 1 or node.group is not None or items is None:
        return None
    *names, last = node.steps
    made = last.node
    if isinstance(made, Block) and len(made.expressions) == 1:
        made = made.expressions[0]
    condition: Node | None = None
    if isinstance(made, Condition) and made.otherwise is None:
        condition, made = made.condition, made.then
    is_bare = replace(last, keep_array=False) == Step(last.span, last.node)
    parts = [part for one in (made, condition) if one for part in walk(one)]
    children = _Child("item", items, made, child.expression).children()
    if not is_bare or not children or not all(isinstance(one, (*_TRANSPARENT, *_ATOMS)) for one in parts):
        return None
    return replace(node, steps=tuple(names)), condition, children


@dataclass(frozen=True, slots=True)
class _Writing:
    """What both kinds of code of a row are written from."""

    endpoint: Endpoint
    resource: Resource
    loops: _Loops
    page: PageValues
    outside: _Outside

    @property
    def place(self) -> placer.Place:
        return self.endpoint.path.placer.place(self.endpoint.path.node.span)

    @property
    def record(self) -> _Child:
        declared = Field.model_construct(type="object", fields=self.resource.fields)
        record = _Child.of("response_mapping", declared, self.endpoint.response)
        children = record.children()
        if not children or REMOTE_DATA in [child.name for child in children]:
            raise _Unfit("response_mapping is not an object of all required fields, or maps remote_data")
        return record

    def pen(self) -> Pen:
        return Pen(self.place, self.outside.temporaries)


def _rows(writing: _Writing) -> ast.Module:
    """The function: for each row the code that takes the expected, then the code that assumes nothing."""
    pen = writing.pen()
    names = [pen.new_local(name) for name in writing.loops.variables]
    codes = [_Expecting(writing, names), _Code(writing, names)]
    body = [line for code in codes for line in code.row()]
    pen.lines.append(ast.Assign([_stored(*writing.page.parameters)], pen.load("page")))
    pen.assign("records", ast.List([], ast.Load()))
    pen.assign("doubtful", ast.List([], ast.Load()))
    if any(code.runs for code in codes):
        pen.assign("run", pen.constant(None))
    # After so many rows that are not as expected it is better not to expect it.
    some = ast.BinOp(pen.called("len", pen.load("rows")), ast.RShift(), pen.constant(2))
    pen.assign("tries", pen.both(pen.load("certain"), ast.BinOp(some, ast.Add(), pen.constant(8))))
    pen.loop(pen.load("rows"), body, *names)
    pen.lines.append(ast.Return(ast.Tuple([pen.load("records"), pen.load("doubtful")], ast.Load())))
    return _function_of("rows", ["rows", "remote_data", "page"], pen.lines, writing.place)


def _only(reads: frozenset[Steps]) -> Steps | None:
    """The one path on which everything depends."""
    path = next(iter(reads)) if len(reads) == 1 else ()
    return path if len(path) > 1 else None


def _calls(node: Node) -> bool:
    """Whether it takes a call that is worth remembering."""
    return any(isinstance(one, Call) and getattr(one.procedure, "name", "") not in _CHEAP for one in walk(node))


class _Code:
    """The code of a row, which assumes nothing of it but that it is an object.

    What is written first comes first: look-ups, then `let`, then the record.
    """

    def __init__(self, writing: _Writing, rows: Sequence[str]) -> None:
        self.writing = writing
        self.page = writing.page
        self.names = Paths(writing.loops.variables)
        self.locals = dict(zip(writing.loops.variables, rows, strict=True))
        self.record = writing.record
        #: The locals with the values at paths, with those of which the class is known, and which hold a value.
        self.values: dict[Steps, str] = {}
        self.classes: dict[str, str] = {}
        self.given: set[str] = set()
        #: The locals with the objects at paths, to look into.
        self.holders: dict[Steps, str] = {}
        #: The locals with fields that a text of the row gives.
        self.remembered: dict[int, str] = {}
        self.runs = False
        self.pen = writing.pen()
        self.pen.classes = self.classes

    def row(self) -> list[ast.stmt]:
        """All of it."""
        body: list[ast.stmt] = []
        with self.pen.into(body):
            self.lets()
            self.memos()
            for name, expression in self.writing.endpoint.let:
                if self.names.others.get(name) and name not in self.locals:
                    self.pen.at = expression.placer.place(expression.node.span)
                    self.locals[name] = self.inline(expression, expression.node)
            self.finished(self.object(self.record.children() or []))
        self.pen.at = self.writing.place
        return self.headed([*self.bounds(), *body])

    def bounds(self) -> list[ast.stmt]:
        """The bounds of a page's evaluation begin with the first row that wants them."""
        lines: list[ast.stmt] = []
        with self.pen.into(lines):
            if self.runs:
                new = self.pen.called("new_run", self.pen.called("len", self.pen.load("rows")))
                self.pen.assign("run", ast.BoolOp(ast.Or(), [self.pen.load("run"), new], **self.pen.at))
        return lines

    def finished(self, made: ast.expr) -> None:
        """Add the record, with the provider's own where that is wanted."""
        pen, record = self.pen, self.pen.new_local("record")
        pen.assign(record, made)
        if REMOTE_DATA in self.record.declared.fields:
            outer, *inner = (pen.load(self.locals[name]) for name in self.writing.loops.variables)
            remote: ast.expr = outer
            if inner:  # the outer record with just that one inner item in it
                below = pen.constant(self.writing.loops.inner)
                remote = ast.Dict([None, below], [outer, ast.List([*inner], ast.Load(), **pen.at)], **pen.at)
            pen.branch(pen.load("remote_data"), lambda: self.store(record, REMOTE_DATA, remote))
        pen.do(pen.method(pen.load("records"), "append", pen.load(record)))

    def store(self, local: str, name: str, value: ast.expr) -> None:
        pen = self.pen
        target = ast.Subscript(pen.load(local), pen.constant(name), ast.Store(), **pen.at)
        pen.lines.append(ast.Assign([target], value, **pen.at))

    # -------------------------------------------------------------------------- in what the two kinds differ

    def holder(self, path: Steps) -> str:
        """The local of the object at a path, to look into."""
        if len(path) == 1:
            return self.locals[path[0]]
        if path not in self.holders:
            self.fetched(path)
            self.holders[path] = self.pen.new_local(path[-1])
        return self.holders[path]

    def headed(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """An object is opened before what is in it; what fails is in doubt, and a null is no row."""
        pen, lines, row = self.pen, list[ast.stmt](), self.pen.load(self.locals[self.names.context[0]])
        with pen.into(lines):
            is_null = pen.test(row, ast.Is(), pen.constant(None))
            pen.branch(is_null, lambda: pen.lines.append(ast.Continue(**pen.at)))
            self.doubt_unless(pen.has_class(row, "dict"))
            for path in sorted(self.values, key=len):
                holder = pen.load(self.holder(path[:-1]))
                pen.assign(self.values[path], pen.method(holder, "get", pen.constant(path[-1]), pen.load("MISSING")))
                if path in self.holders:
                    pen.assign(self.holders[path], pen.called("opened", pen.load(self.values[path])))
        caught: list[ast.stmt] = []
        with pen.into(caught):
            pen.do(pen.method(pen.load("doubtful"), "append", pen.called("len", pen.load("records"))))
            pen.do(pen.method(pen.load("records"), "append", pen.constant(None)))
        handler = ast.ExceptHandler(pen.load("Exception"), None, caught)
        return [ast.Try([*lines, *body], [handler], [], [], **pen.at)]

    def object(self, children: list[_Child]) -> ast.expr:
        """The object of some fields; an empty one if none of them has a value."""
        local = self.pen.new_local("object")
        self.pen.assign(local, ast.Dict([], [], **self.pen.at))
        for child in children:
            self.put(local, child)
        return self.pen.load(local)

    def put(self, local: str, child: _Child) -> None:
        """Store a field that has a value; one that does not fit is in doubt, unless it is nothing and needs not be."""
        self.pen.at = child.place or self.pen.at
        children, is_settled = self.children(child), True
        if children is not None:
            value = test = self.object(children)
        else:
            value, is_settled = self.value(child)
            test = self.is_given(value) if is_settled else self.fits(value, child.declared)

        def leave() -> None:
            if child.declared.required:
                self.doubt()
            elif not is_settled:
                self.doubt_unless(self.is_nothing(value))

        self.pen.branch(test, lambda: self.store(local, child.name, value), leave)

    def of_page(self, parameter: str, *, is_text: bool) -> str:  # noqa: ARG002
        """What is known of the value that a page gives."""
        return parameter

    def of_text(self, sure: str, names: list[str]) -> None:
        """What is known of the values that a text gives."""

    def narrowed(self, child: _Child) -> _Child:
        return child

    # ------------------------------------------------------------------------------------------------- tests

    def doubt(self) -> None:
        """Leave the row to the next code, the last of which is the exact path."""
        self.pen.lines.append(ast.Raise(self.pen.load("Exception"), None, **self.pen.at))

    def doubt_unless(self, test: ast.expr) -> None:
        self.pen.branch(self.pen.not_(test), self.doubt)

    def is_given(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id in self.given):
            return self.pen.constant(value=True)
        return self.pen.test(value, ast.IsNot(), self.pen.constant(None))

    def is_nothing(self, value: ast.expr) -> ast.expr:
        is_none = self.pen.test(value, ast.Is(), self.pen.constant(None))
        return self.pen.either(is_none, self.pen.test(value, ast.Is(), self.pen.load("MISSING")))

    def is_true(self, value: ast.expr) -> ast.expr:
        pen = self.pen
        is_text = pen.has_class(value, "str")
        other = pen.both(pen.is_there(value), pen.called("truthy", value))
        return pen.either(pen.both(is_text, value), pen.both(pen.not_(is_text), other))

    def fits(self, value: ast.expr, declared: Field) -> ast.expr:
        """The test that a scalar is there, no sequence, and valid."""
        pen = self.pen
        if declared.type == "number":
            zero = ast.BinOp(value, ast.Sub(), value, **pen.at)  # not of an infinite number
            finite = pen.both(pen.has_class(value, "float"), pen.test(zero, ast.Eq(), pen.constant(0)))
            test = pen.either(pen.has_class(value, "int"), finite)
        else:
            test = pen.has_class(value, _CLASSES[declared.type])
        if is_proved_by_class(declared):
            return test
        return pen.both(test, ast.Call(self.constant("valid", schema_of(declared).valid), [value], [], **pen.at))

    def constant(self, kind: str, value: Any) -> ast.expr:
        name = self.pen.new_local(kind)
        self.writing.outside.constants[name] = value
        return self.pen.load(name)

    # -------------------------------------------------------------------------------- what is known by a name

    def lets(self) -> None:
        """What is named once a record: a path, once a page, or what is to be written for each row."""
        for name, expression in self.writing.endpoint.let:
            self.names.add(name, expression.node)
            if name in self.names.others and not self.names.others[name]:
                self.page.lets[name] = expression

    def memos(self) -> None:
        """Find what depends on one text of the row and takes a call, and look it up rather than make it again."""
        lets: dict[Steps, dict[str, Expression]] = {}
        for name, expression in self.writing.endpoint.let:
            if path := _only(self.names.others.get(name, frozenset())):
                lets.setdefault(path, {})[name] = expression
        found: dict[Steps, list[_Child]] = {path: [] for path in lets}
        for child in self.record.leaves():
            path = _only(self.names.read_by(child.node))
            if path and child.declared.type == "string" and (child.declared.format or _calls(child.node)):
                found.setdefault(path, []).append(child)
        for path, children in found.items():
            self.memo(path, lets.get(path, {}), children)

    def memo(self, path: Steps, lets: dict[str, Expression], children: list[_Child]) -> None:
        pen, checked = self.pen, [(child.expression, schema_of(child.declared)) for child in children]
        memo = Memo(path, (path[0],) == self.names.context, tuple(lets.items()), tuple(checked))
        sure, *names = map(pen.new_local, ("sure", *lets, *(child.name for child in children)))
        text = pen.load(self.fetched(path, "str"))
        entry = ast.Subscript(pen.load(self.page.memo(memo)), text, ast.Load(), **pen.at)
        pen.lines.append(ast.Assign([_stored(sure, *names)], entry, **pen.at))  # an empty one fails
        self.of_text(sure, names)
        self.locals |= dict(zip(lets, names, strict=False))
        self.remembered |= {id(child.declared): name for child, name in zip(children, names[len(lets) :], strict=True)}

    def fetched(self, path: Steps, _: str | None = None) -> str:
        """The local with the value at a path, which may be of the class. Each is looked up once a row."""
        if len(path) == 1:
            return self.locals[path[0]]
        if path not in self.values:
            self.holder(path[:-1])
            self.values[path] = self.pen.new_local(path[-1])
        return self.values[path]

    def looked_up(self, node: Any, context: str | None = None) -> Any:
        """The node with what it reads of the row by plain paths as locals, and `$` as one if that is no row."""
        if node.__class__ is tuple:
            return tuple(self.looked_up(one, context) for one in node)
        if context is not None and isinstance(node, Variable) and node.name == "":
            return Variable(node.span, f"@{context}")
        path = self.names.path(node) if is_plain(node) else None
        if path is not None:
            return Variable(node.span, f"@{self.fetched(path)}") if len(path) > 1 else node
        if not isinstance(node, _TRANSPARENT):
            return node
        return replace(node, **{one.name: self.looked_up(getattr(node, one.name), context) for one in fields(node)})

    def inline(self, expression: Expression, node: Node) -> str:
        """A local with the value of a node of an expression."""
        node = self.looked_up(node)
        names = {name: self.named(name) for name in compiler.parameters(node, dict.fromkeys(expression.functions, ""))}
        context = self.locals[self.names.context[0]]
        made = self.writing.outside.emitted(expression, node, names, context, self.classes)
        self.runs |= made.runs
        self.pen.lines.extend(made.statements)
        if isinstance(made.value, ast.Name):
            match made.statements:
                case [*_, ast.Assign([ast.Name(made.value.id)], ast.JoinedStr())]:
                    self.classes[made.value.id] = "str"
            return made.value.id
        local = self.pen.new_local("value")
        self.pen.assign(local, made.value)
        return local

    def named(self, name: str) -> str:
        """The local with the value of a variable."""
        if name.startswith("@"):
            return name[1:]
        if name in self.locals:
            return self.locals[name]
        if name in self.names.paths:
            return self.fetched(self.names.paths[name])
        return self.of_page(self.page.name(name), is_text=True)

    # ------------------------------------------------------------------------------------------- the fields

    def children(self, child: _Child) -> list[_Child] | None:
        """The fields of an object whose keys are known."""
        children = child.children() if child.declared.type == "object" else None
        if children is None and child.expression is None:
            raise _Unfit(f"{child.name} is not an object of declared fields")
        return children

    def value(self, child: _Child) -> tuple[ast.expr, bool]:
        """The value of a field, and whether it is surely valid or None."""
        pen, declared, node = self.pen, child.declared, child.node
        if isinstance(node, (String, Number, Value)) and schema_of(declared).valid(node.value):
            return pen.constant(node.value), True
        if child.is_whole and id(declared) in self.remembered:
            return pen.load(self.remembered[id(declared)]), True
        if child.is_whole and declared.type in SCALARS and not self.names.read_by(node):
            is_top = self.writing.resource.fields.get(child.name) is declared
            return pen.load(
                self.of_page(self.page.field(child.expression, declared, is_top=is_top), is_text=False)
            ), True
        if (array := self.stepped(child)) is not None:
            return array, True
        child = self.narrowed(child)
        path = self.names.path(child.node)
        known = _CLASSES.get(declared.type)
        value = pen.load(self.inline(child.expression, child.node) if path is None else self.fetched(path, known))
        return (value, False) if declared.type in SCALARS else (self.shaped(child, value), True)

    def shaped(self, child: _Child, value: ast.expr) -> ast.expr:
        """A value of several in the shape of its field; None for none."""
        pen, local = self.pen, self.pen.new_local("shaped")
        if child.declared.type == "array" and not self.is_direct(child.node):
            self.doubt_unless(pen.is_there(value))  # what is not may be an empty array
        shape = ast.Call(
            self.constant("shape", shaper(child.declared, strict=True)), [pen.called("plain", value)], [], **pen.at
        )
        pen.assign(local, pen.choice(self.is_nothing(value), pen.constant(None), shape))
        return pen.load(local)

    def is_direct(self, node: Node) -> bool:
        """Whether it is a path from the row itself: by way of a `let`, what is absent may be an empty array."""
        first = leading_names(node)[0] if self.names.path(node) else None
        return isinstance(first, Name) or (first is not None and first.name in ("", *self.writing.loops.variables))

    def stepped(self, child: _Child) -> ast.expr | None:
        """An array of the object that is constructed of a single text; None if it is not that what is written."""
        found = _constructed(child)
        path = self.names.path(found[0]) if found else None
        if found is None or path is None or len(path) == 1 or not self.is_direct(found[0]):
            return None
        _, condition, children = found
        pen, text, local = self.pen, self.fetched(path, "str"), self.pen.new_local("array")
        is_text, known = pen.has_class(pen.load(text), "str"), dict(self.classes)
        is_asked = isinstance(condition, Variable) and condition.name == ""  # or a null would be an object, too
        self.doubt_unless(pen.either(is_text, self.is_nothing(pen.load(text)) if is_asked else pen.constant(False)))

        def one() -> None:
            made = self.object([replace(one, node=self.looked_up(one.node, text)) for one in children])
            self.doubt_unless(made if isinstance(made, ast.Name) else pen.constant(value=True))
            pen.assign(local, ast.List([made], ast.Load(), **pen.at))

        def construct() -> None:
            self.classes[text] = "str"
            test = pen.constant(value=True)
            if condition is not None:
                test = self.is_true(pen.load(self.inline(child.expression, self.looked_up(condition, text))))
            pen.branch(test, one, lambda: pen.assign(local, ast.List([], ast.Load(), **pen.at)))

        pen.branch(is_text, construct, lambda: pen.assign(local, pen.constant(None)))
        if text not in known:
            del self.classes[text]
        else:
            self.given.add(local)
        return pen.load(local)


class _Expecting(_Code):
    """The code for a row that has every value that is read of it, of the class that it is wanted in.

    Whatever a page or a text gives is there and text, too, or this code is not taken.
    """

    def __init__(self, writing: _Writing, rows: Sequence[str]) -> None:
        super().__init__(writing, rows)
        self.wanted: dict[Steps, str] = {}

    def lets(self) -> None:
        super().lets()
        for child in self.record.leaves():
            path = self.names.path(child.node)
            if path is not None and child.declared.type in _CLASSES:
                self.wanted[path] = _CLASSES[child.declared.type]

    def fetched(self, path: Steps, wanted: str | None = None) -> str:
        local, wanted = super().fetched(path), self.wanted.get(path, wanted)
        if len(path) > 1 and wanted is not None:
            self.classes.setdefault(local, wanted)
        return local

    def holder(self, path: Steps) -> str:
        return self.fetched(path, "dict")

    def headed(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The look-ups are the test of what is expected. `tries` end where too few rows are like that."""
        pen, tests, lines = self.pen, list[ast.expr](), list[ast.stmt]()
        for path in sorted(self.values, key=len):
            local = self.values[path]
            value = ast.Subscript(pen.load(self.holder(path[:-1])), pen.constant(path[-1]), ast.Load(), **pen.at)
            named = ast.NamedExpr(ast.Name(local, ast.Store(), **pen.at), value, **pen.at)
            tests.append(pen.has_class(named, self.classes[local]) if local in self.classes else self.is_given(named))
        taken = ast.If(pen.both(*tests), [*body, ast.Continue(**pen.at)], [], **pen.at)
        otherwise = ast.ExceptHandler(pen.load("Exception"), None, [ast.Pass(**pen.at)])

        def attempt() -> None:
            pen.lines.append(ast.Try([taken], [otherwise], [], [], **pen.at))
            pen.assign("tries", ast.BinOp(pen.load("tries"), ast.Sub(), pen.constant(1), **pen.at))

        with pen.into(lines):
            pen.branch(pen.load("tries"), attempt)
        return lines

    def of_page(self, parameter: str, *, is_text: bool) -> str:
        self.classes |= {parameter: "str"} if is_text else {}
        self.given.add(parameter)
        return parameter

    def of_text(self, sure: str, names: list[str]) -> None:
        self.doubt_unless(self.pen.load(sure))
        self.classes |= dict.fromkeys(names, "str")
        self.given |= set(names)

    def narrowed(self, child: _Child) -> _Child:
        node = child.node
        if not isinstance(node, Condition) or node.otherwise is not None:
            return child
        test = self.pen.load(self.inline(child.expression, node.condition))
        self.doubt_unless(self.is_true(test))  # a value is expected
        return replace(child, node=node.then)

    def object(self, children: list[_Child]) -> ast.expr:
        keys: list[ast.expr | None] = [self.pen.constant(child.name) for child in children]
        return ast.Dict(keys, [self.expected(child) for child in children], **self.pen.at)

    def expected(self, child: _Child) -> ast.expr:
        """The value of a field, which is there and valid from here on."""
        self.pen.at = child.place or self.pen.at
        children = self.children(child)
        if children is not None:
            return self.object(children)
        value, is_settled = self.value(child)
        self.doubt_unless(self.is_given(value) if is_settled else self.fits(value, child.declared))
        return value
