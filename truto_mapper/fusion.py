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
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import count, groupby, repeat
from operator import itemgetter
from typing import Any

from truto_mapper import codegen
from truto_mapper.calls import from_caller
from truto_mapper.codegen import Placer
from truto_mapper.diagnostics import EvaluationError, Source, Span
from truto_mapper.expr import DEFAULT_DEPTH, DEFAULT_TIMEOUT, Expression, Scope
from truto_mapper.functions import NAMESPACE
from truto_mapper.mapping import REPLY, Endpoint, Template
from truto_mapper.schema import REMOTE_DATA, Field, Resource, Schema, value_schema
from truto_mapper.syntax import (
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
    Spanned,
    Step,
    String,
    Value,
    Variable,
    children,
    free_variables,
    is_plain,
    leading_names,
    walk,
)
from truto_mapper.values import MISSING, Run

Steps = tuple[str, ...]

#: Below this many fields a bulk look-up does not pay.
MIN_BULK = 4

_TYPES = {"string": str, "integer": int, "boolean": bool}
_CLASSES = {kind: python.__name__ for kind, python in _TYPES.items()}
_SCALARS = frozenset({*_CLASSES, "number"})


def sparse(names: Sequence[str], sources: Sequence[str], base: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value."""
    values = zip(names, map(base.get, sources), strict=True)
    return {name: value for name, value in values if value is not None}


def new_run(rows: int) -> Run:
    """The bounds of a page's evaluation; a row that is stopped by them is in doubt, and has its own."""
    return Run(DEFAULT_TIMEOUT + rows / 1000, DEFAULT_DEPTH)


class _Unfit(Exception):  # noqa: N818  (it says no more than that the exact path is taken)
    """What cannot be fused."""


@dataclass(frozen=True, slots=True)
class Memo:
    """Values that depend on one text of the row: some `let`s, and some fields with their schemas."""

    variable: str
    path: Steps
    is_context: bool
    lets: tuple[tuple[str, Expression], ...]
    fields: tuple[tuple[Expression, Schema], ...]

    def values(self, page: Scope, key: Any) -> tuple[Any, ...]:
        """Whether all is text, and the values for a text; nothing where `record` has to look at it."""
        row: Any = key
        for name in reversed(self.path):
            row = {} if row is MISSING else {name: row}
        scope = Scope(row if self.is_context else MISSING, {self.variable: row}, page)
        found = []
        try:
            for name, expression in self.lets:
                found.append(expression.evaluate_in(scope))
                scope = Scope(scope.data, {name: found[-1]}, scope)
            if any(isinstance(value, (list, dict)) for value in found):
                return ()  # what is shared between records must not be changed by either
            checked = [_checked(expression.evaluate_in(scope), schema) for expression, schema in self.fields]
        except EvaluationError:
            return ()
        return () if MISSING in checked else (_TEXT.issuperset(map(type, (*found, *checked))), *found, *checked)


def _checked(value: Any, schema: Schema) -> Any:
    """A valid value, None for none, MISSING for one that is not valid."""
    if value is None or value is MISSING:
        return None
    return value if not isinstance(value, (list, dict)) and schema.valid(value) else MISSING


@dataclass(slots=True)
class _Part:
    """A field in the making: the local that holds it, and the test that it is there and valid.

    `settled` when it is valid or None, so that nothing is left to doubt.
    """

    name: str
    local: str
    is_required: bool
    fits: Callable[[], ast.expr]
    settled: bool


@dataclass(slots=True)
class _Row:
    """What is known of the names of a row while its code is written."""

    variables: tuple[str, ...]
    locals: dict[str, str] = field(default_factory=dict)
    #: Plain paths that `let`s stand for, and the texts that others depend on.
    paths: dict[str, Steps] = field(default_factory=dict)
    reads: dict[str, frozenset[Steps]] = field(default_factory=dict)
    #: The local that is `$` within a step, where it is no row.
    inner: str | None = None

    @property
    def context(self) -> str:
        return self.variables[-1]

    @property
    def local(self) -> str:
        """The local that is `$`."""
        return self.locals[self.context] if self.inner is None else self.inner

    def path(self, node: Node) -> Steps | None:
        """The path from a variable of the row that a plain path leads along."""
        if not is_plain(node):
            return None
        return self.resolved(leading_names(node))

    def resolved(self, names: Sequence[Name | Variable]) -> Steps | None:
        first, *rest = names
        steps = tuple(one.value for one in rest if isinstance(one, Name))
        if self.inner is not None and (isinstance(first, Name) or first.name == ""):
            return None
        if isinstance(first, Name):
            return (self.context, first.value, *steps)
        if first.name in ("", "$"):
            return (self.context, *steps)
        if first.name in self.variables:
            return (first.name, *steps)
        return (*self.paths[first.name], *steps) if first.name in self.paths else None

    def all_reads(self, node: Node) -> frozenset[Steps]:
        """Every path of the row that a node reads; what is read in ways unknown is its variable as a whole."""
        free = {id(one) for one in free_variables(node)}
        return frozenset(self._reads(node, free, inside=False))

    def _reads(self, node: Node, free: set[int], *, inside: bool) -> Iterator[Steps]:
        names = leading_names(node) if isinstance(node, Path) else [node] if isinstance(node, Variable) else []
        if not names:
            for child in children(node):
                yield from self._reads(child, free, inside=inside)
            return
        first = names[0]
        if isinstance(first, Variable) and first.name not in ("", "$"):
            if id(first) in free:
                yield from self._read(first.name, names)
        elif self.inner is not None and not inside:
            yield (self.inner,)
        elif not inside or (isinstance(first, Variable) and first.name == "$"):
            yield (self.context, *(one.value for one in names if isinstance(one, Name)))
        for step in node.steps if isinstance(node, Path) else ():
            for child in children(step):
                if child not in names:
                    yield from self._reads(child, free, inside=True)

    def _read(self, name: str, names: Sequence[Name | Variable]) -> Iterator[Steps]:
        if name in self.reads:
            below = self.resolved(names) if name in self.paths else None
            yield from (below,) if below is not None else self.reads[name]
        elif name in self.variables:
            yield (name, *(one.value for one in names[1:] if isinstance(one, Name)))


class Fused:
    """The function of one endpoint. Immutable; share it between threads."""

    def __init__(self, endpoint: Endpoint, resource: Resource, source: Source) -> None:
        """Raises nothing: what cannot be fused has no function, and `reason` says why."""
        self.endpoint = endpoint
        self.tree: ast.Module | None = None
        self.reason: str | None = None
        shared = _Shared()
        try:
            self._rows = _paths_of_rows(endpoint)
            self.tree = _Writer(endpoint, resource, self._rows, shared).module()
            self._function = _defined(self.tree, shared.constants, source, "rows")
        except (_Unfit, SyntaxError, RecursionError) as unfit:  # the latter of what Python cannot nest
            self.tree, self.reason = None, str(unfit)
        self._page = _Page(shared)
        #: The bindings of a reply → whether it is the endpoint's, its next cursor, time zone and rows, and the texts
        #: that its page's values depend on. None where an expression fails: evaluated alone it says why and where.
        self.reply = self._reply(endpoint, source)

    def _reply(self, endpoint: Endpoint, source: Source) -> Callable[[tuple[Any, ...]], tuple[Any, ...] | None]:
        names, temporaries = {name: name for name in REPLY}, count(1)
        given = ast.Tuple([ast.Name(name, ast.Store()) for name in REPLY], ast.Store())
        lines: list[ast.stmt] = [ast.Assign([given], _loaded("given"))]
        values: list[ast.expr] = []
        constants: dict[str, Any] = {}
        for expression in (endpoint.recognise, endpoint.next_cursor, endpoint.time_zone):
            made = codegen.Emitted([], _loaded("MISSING"), runs=False)
            if expression is not None:
                callers = {name: f"caller_{name}" for name in expression.functions}
                constants |= {callers[name]: from_caller(name, one) for name, one in expression.functions.items()}
                made = codegen.emit(
                    expression.node, names, "response", expression.placer, callers=callers, temporaries=temporaries
                )
            run = ast.Assign([ast.Name("run", ast.Store())], ast.Call(_loaded("new_run"), [ast.Constant(1)], []))
            local = f"value_{next(temporaries)}"
            lines += [*([run] if made.runs else ()), *made.statements]
            lines.append(ast.Assign([ast.Name(local, ast.Store())], made.value))
            values.append(_loaded(local))
        rows = ast.Constant(False) if self.tree is None else self._rows.read()
        key = ast.Tuple([_read(name, steps) for name, steps in self._page.paths], ast.Load())
        lines.append(ast.Return(ast.Tuple([*values, rows, key], ast.Load())))
        arguments = ast.arguments([], [ast.arg("given")], None, [], [], None, [])
        at = endpoint.path.placer.place(endpoint.path.node.span)
        failed = ast.ExceptHandler(_loaded("Exception"), None, [ast.Return(ast.Constant(None))])
        body: list[ast.stmt] = [ast.Try(lines, [failed], [], [])]
        function = ast.FunctionDef("reply", arguments, body, [], None, None, **at)
        try:
            return _defined(ast.fix_missing_locations(ast.Module([function], [])), constants, source, "reply")
        except (SyntaxError, RecursionError):
            return lambda _: None

    def records(
        self, rows: list[Any], key: tuple[Any, ...] | None, given: tuple[Any, ...], *, remote_data: bool
    ) -> tuple[list[Any], Sequence[int]]:
        """A record for each row that is no null, and the numbers of those that `record` has to look at.

        `key` is what `reply` gives for what is `given`; without it all of them are.
        """
        try:
            known = self._page.known[key]
        except (KeyError, TypeError):  # TypeError: what cannot be hashed
            known = None if key is None else self._page.evaluated(key, given)
        if known is None:
            count = len(rows) - rows.count(None)
            return [None] * count, range(count)
        found: tuple[list[Any], list[int]] = self._function(rows, remote_data, known)
        return found


def _loaded(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _defined(tree: ast.Module, constants: Mapping[str, Any], source: Source, name: str) -> Callable[..., Any]:
    helpers = (sparse, scalars, new_run, at, listed, paired, KeyError, Exception, map, zip, type, dict)
    namespace = {**NAMESPACE, **constants, "MISSING": MISSING, "__builtins__": {}}
    namespace |= {one.__name__: one for one in helpers}
    exec(compile(tree, source.name.replace("\0", " "), "exec"), namespace)  # noqa: S102  (of nodes, not of text)
    function: Callable[..., Any] = namespace[name]
    return function


#: How many pages' values are kept: those of a few periods that are being read at the same time.
MAX_PAGES = 64

#: And of what depends on one text of a row, how many texts, of how many characters together with the page's.
MAX_TEXTS = 1_000
MAX_CHARACTERS = 100_000

_TEXT = frozenset({str})
_TEXTS = frozenset({str, type(None), type(MISSING)})


class _Texts(dict[Any, tuple[Any, ...]]):
    """What a memo gives for each text of a row, made when it is asked for; no more of it than is worth its memory."""

    def __init__(self, memo: Memo, page: Scope) -> None:
        super().__init__()
        self.memo, self.page, self.characters = memo, page, 0

    def __missing__(self, text: Any) -> tuple[Any, ...]:
        made = self.memo.values(self.page, text)
        if text.__class__ is str:
            self.characters += len(text)
            if len(self) >= MAX_TEXTS or self.characters > MAX_CHARACTERS:
                self.clear()
                self.characters = len(text)
            self[text] = made
        return made


def at(value: Any, steps: Sequence[str]) -> Any:
    """What plain names lead to: MISSING where there is nothing, False where there is a list on the way."""
    for step in steps:
        if value.__class__ is list:
            return False
        value = value.get(step, MISSING) if value.__class__ is dict else MISSING
    return value


class _Shared:
    """What the code of a row takes from outside: constants, memos, and what does not depend on the row."""

    def __init__(self) -> None:
        self.constants: dict[str, Any] = {}
        self.temporaries = count(1)
        self.lets: dict[str, Expression] = {}
        #: The values of the page and the memos by their parameters.
        self.values: dict[str, tuple[Expression, Field]] = {}
        self.memos: dict[Steps, Memo] = {}
        #: The parameters of what rows use of the page, by name; a part of an expression has a name with a blank.
        self.names: dict[str, str] = {}

    @property
    def parameters(self) -> list[str]:
        return ["certain", *self.names.values(), *self.values, *(f"memo_{number}" for number in range(len(self.memos)))]


class _Page:
    """What does not depend on the row: bindings and `let`s that rows use, and fields with their schemas.

    It is evaluated once for the texts that it depends on, which the pages of one answer share.
    """

    def __init__(self, shared: _Shared) -> None:
        self.lets, self.names = shared.lets, tuple(shared.names)
        self.fields = [(one, Schema(value_schema(field), generated=True)) for one, field in shared.values.values()]
        self.memos = list(shared.memos.values())
        self.paths = self.read()
        self.known: dict[tuple[Any, ...] | None, tuple[Any, ...] | None] = {}

    def read(self) -> list[tuple[str, Sequence[str]]]:
        """The paths from the bindings of a reply on which everything depends."""
        reads = _Row((*REPLY, "row"))  # the latter for what memos read of it
        for name, expression in self.lets.items():
            reads.reads[name] = reads.all_reads(expression.node)
        shown = [expression for expression, _ in self.fields]
        shown += [expression for memo in self.memos for _, expression in memo.lets]
        shown += [expression for memo in self.memos for expression, _ in memo.fields]
        every = {path for expression in shown for path in reads.all_reads(expression.node)}
        every |= {path for found in reads.reads.values() for path in found}
        every |= {(name,) for name in self.names if name not in reads.reads}
        return [(name, steps) for name, *steps in sorted(every) if name != "row"]

    def evaluated(self, key: tuple[Any, ...], given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """The function's arguments, kept for the pages of the same texts; None where one of the values is not valid."""
        if not _TEXTS.issuperset(map(type, key)) or sum(len(text) for text in key if text) > MAX_CHARACTERS:
            bindings = dict(zip(REPLY, given, strict=True))
            return self.arguments(Scope(bindings["response"], bindings))
        if len(self.known) >= MAX_PAGES:
            self.known.clear()
        known = self.known[key] = self.arguments(self.scope(key))
        return known

    def scope(self, key: tuple[Any, ...]) -> Scope:
        """The bindings of a reply that has nothing but the texts of a key, so that no more than they is kept."""
        bindings: dict[str, Any] = {}
        for (name, steps), value in zip(self.paths, key, strict=True):
            *above, last = (name, *steps)
            holder = bindings
            for outer in above:
                holder = holder.setdefault(outer, {})
            if value is not MISSING or not steps:
                holder[last] = value
        return Scope(MISSING, bindings)

    def arguments(self, page: Scope) -> tuple[Any, ...] | None:
        inner = page
        try:
            for name, expression in self.lets.items():
                inner = Scope(page.data, {name: expression.evaluate_in(inner)}, inner)
            found = [_checked(expression.evaluate_in(inner), schema) for expression, schema in self.fields]
        except EvaluationError:
            return None
        if MISSING in found:
            return None
        names = [inner.lookup(name) for name in self.names]
        certain = _TEXT.issuperset(map(type, names)) and None not in found
        return (certain, *names, *found, *(_Texts(memo, inner) for memo in self.memos))


def _read(name: str, steps: Sequence[str]) -> ast.expr:
    """The code of `at`."""
    if not steps:
        return _loaded(name)
    if len(steps) > 1:
        names = ast.Tuple([ast.Constant(step) for step in steps], ast.Load())
        return ast.Call(_loaded("at"), [_loaded(name), names], [])
    return ast.Call(ast.Attribute(_loaded(name), "get", ast.Load()), [ast.Constant(steps[0]), _loaded("MISSING")], [])


class _Writer:
    """Writes the module of an endpoint. What is written first comes first: look-ups, then `let`, then the record."""

    def __init__(
        self,
        endpoint: Endpoint,
        resource: Resource,
        rows: _Rows,
        shared: _Shared,
        expected: Mapping[Steps, str] | None = None,
    ) -> None:
        """With `expected` it writes the code for rows that have values of these classes at these paths."""
        self.endpoint = endpoint
        self.resource = resource
        self.rows = rows
        self.shared = shared
        self.expected = expected or {}
        self.is_general = expected is None
        self.row = _Row(rows.variables)
        #: The classes that values are to have, as far as they are tested.
        self.tested: dict[Steps, str] = {}
        self.classes: dict[str, str] = {}
        #: Locals that are known to hold a value.
        self.given: set[str] = set()
        self.bases: dict[Steps, str] = {}
        self.values: dict[Steps, str] = {}
        self.settled: dict[int, str] = {}
        self.runs = False
        place = Placer(endpoint.path.source, lambda span: span)
        self.pen = codegen.Writer({}, {}, "", place, temporaries=shared.temporaries)
        self.pen.classes = self.classes
        self.pen.at = self.place(endpoint.path)

    # ------------------------------------------------------------------------------------ small pieces

    def place(self, expression: Expression, node: Node | None = None) -> codegen.Place:
        return expression.placer.place((node or expression.node).span)

    def constant(self, kind: str, value: Any) -> ast.expr:
        name = f"{kind}_{next(self.shared.temporaries)}"
        self.shared.constants[name] = value
        return self.pen.load(name)

    def doubt(self) -> None:
        """Leave the row to the exact path; what only takes the expected, to the code that assumes nothing."""
        if not self.is_general:
            self.pen.lines.append(ast.Raise(self.pen.load("Exception"), None, **self.pen.at))
            return
        self.leave_it()
        self.pen.lines.append(ast.Continue(**self.pen.at))

    def leave_it(self) -> None:
        self.add("doubtful", self.pen.called("len", self.pen.load("records")))
        self.add("records", self.pen.constant(None))

    def add(self, to: str, value: ast.expr) -> None:
        self.pen.do(self.pen.method(self.pen.load(to), "append", value))

    def doubt_unless(self, test: ast.expr) -> None:
        self.pen.branch(self.pen.not_(test), self.doubt)

    def is_none(self, local: str) -> ast.expr:
        return self.pen.test(self.pen.load(local), ast.Is(), self.pen.constant(None))

    def is_given(self, local: str) -> ast.expr:
        if local in self.given:
            return self.pen.constant(value=True)
        return self.pen.test(self.pen.load(local), ast.IsNot(), self.pen.constant(None))

    def is_nothing(self, local: str) -> ast.expr:
        missing = self.pen.test(self.pen.load(local), ast.Is(), self.pen.load("MISSING"))
        return self.pen.either(self.is_none(local), missing)

    def new(self, name: str) -> str:
        return self.pen.new_local(name)

    # ---------------------------------------------------------------------------------- what a row reads

    def base(self, path: Steps) -> str:
        """The local of the object at a path; an empty one where there is none."""
        if len(path) == 1:
            return self.row.locals[path[0]]
        if path not in self.bases:
            self.expect(path, "dict")
            self.bases[path] = self.fetched(path) if path in self.expected else self.new(path[-1])
            self.fetched(path)
        return self.bases[path]

    def expect(self, path: Steps, kind: str) -> None:
        """Note the class that a value is tested for."""
        if len(path) > 1:
            self.tested.setdefault(path, kind)

    def fetched(self, path: Steps) -> str:
        """The local with the value at a path, MISSING where there is none. Each is looked up once a row."""
        if len(path) == 1:
            return self.row.locals[path[0]]
        if path not in self.values:
            self.base(path[:-1])
            self.values[path] = self.new(path[-1])
            if path in self.expected:
                self.classes[self.values[path]] = self.expected[path]
        return self.values[path]

    def head(self) -> list[ast.stmt]:
        """The look-ups, those of an object together, an object before what is in it."""
        lines: list[ast.stmt] = []
        with self.pen.into(lines):
            for depth in range(1, 1 + max((len(path) for path in self.values), default=0)):
                for above in dict.fromkeys(path[:-1] for path in self.values if len(path) == depth):
                    paths = [path for path in self.values if path[:-1] == above and path not in self.expected]
                    if paths:
                        self.take(above, paths)
                for path in self.bases:
                    if len(path) == depth and path not in self.expected:
                        self.opened(self.bases[path], self.values[path])
        return lines

    def as_expected(self) -> ast.expr:
        """The look-ups of what is of the classes expected, which is their test; an object before what is in it."""
        pen, tests = self.pen, []
        for path in sorted(self.values, key=len):
            if path in self.expected:
                value = ast.Subscript(pen.load(self.base(path[:-1])), pen.constant(path[-1]), ast.Load(), **pen.at)
                named = ast.NamedExpr(ast.Name(self.values[path], ast.Store(), **pen.at), value, **pen.at)
                tests.append(pen.has_class(named, self.expected[path]))
        return pen.both(*tests) if tests else pen.constant(value=True)

    def take(self, above: Steps, paths: list[Steps]) -> None:
        pen, holder = self.pen, self.base(above)
        one_by_one: list[ast.stmt] = []
        with pen.into(one_by_one):
            for path in paths:
                get = pen.method(pen.load(holder), "get", pen.constant(path[-1]), pen.load("MISSING"))
                pen.assign(self.values[path], get)
        if len(paths) == 1:
            pen.lines += one_by_one
        else:
            names = [self.values[path] for path in paths]
            self.unpack(names, [path[-1] for path in paths], holder, one_by_one)

    def unpack(self, names: Sequence[str], keys: Sequence[str], holder: str, missed: list[ast.stmt]) -> None:
        """Several values of an object at once; `missed` where one of them is missing."""
        pen = self.pen
        targets: list[ast.expr] = [ast.Name(name, ast.Store(), **pen.at) for name in names]
        take = ast.Call(self.constant("take", itemgetter(*keys)), [pen.load(holder)], [], **pen.at)
        taken = ast.Assign([ast.Tuple(targets, ast.Store(), **pen.at)], take, **pen.at)
        pen.lines.append(ast.Try([taken], [ast.ExceptHandler(pen.load("KeyError"), None, missed)], [], [], **pen.at))

    def opened(self, local: str, value: str) -> None:
        """What is no object is in doubt, unless it is nothing."""
        self.pen.assign(local, self.pen.load(value))

        def other() -> None:
            self.doubt_unless(self.is_nothing(value))
            self.pen.assign(local, self.constant("nothing", {}))

        fits = self.pen.has_class(self.pen.load(local), "dict")
        self.pen.branch(self.pen.not_(fits), other)

    def looked_up(self, node: Any) -> Any:
        """The node with what it reads of the row by plain paths as locals."""
        if is_plain(node):
            path = self.row.path(node)
            return Variable(node.span, "@" + self.fetched(path)) if path is not None and len(path) > 1 else node
        if not isinstance(node, (Condition, Binary, Coalesce, Default, Call, Array, Object, Negate)):
            return node
        parts = {one.name: self.looked_up_part(getattr(node, one.name)) for one in _parts(node)}
        return replace(node, **parts)

    def hoisted(self, node: Any, expression: Expression) -> Any:
        """The node with what the rows share as values of the page: the parts of a `&` that stand side by side."""
        if not isinstance(node, (Condition, Binary, Coalesce, Default, Call, Array, Object, Negate)):
            return node
        if isinstance(node, Binary) and node.operator == "&":
            return self.joined(codegen.chained(node), expression)
        parts = {one.name: self.hoisted_part(getattr(node, one.name), expression) for one in _parts(node)}
        return replace(node, **parts)

    def hoisted_part(self, part: Any, expression: Expression) -> Any:
        if isinstance(part, tuple):
            return tuple(self.hoisted_part(one, expression) for one in part)
        return self.hoisted(part, expression)

    def joined(self, texts: list[Node], expression: Expression) -> Node:
        """A chain of `&` whose runs of texts that do not depend on the row are one text each."""
        found: list[Node] = []
        for shared, run in groupby(texts, key=lambda text: not self.row.all_reads(text)):
            some = list(run)
            if shared and len(some) > 1:
                span = Span(some[0].span.start, some[-1].span.end)
                some = [Variable(span, self.text(expression, span))]
            found += [self.hoisted(one, expression) for one in some]
        whole = found[0]
        for text in found[1:]:
            whole = Binary(Span(whole.span.start, text.span.end), "&", whole, text)
        return whole if len(found) > 1 else Binary(whole.span, "&", whole, String(whole.span, ""))

    def text(self, expression: Expression, span: Span) -> str:
        """The name of a part of an expression that is a text of the page."""
        name = f"text {id(expression)} {span.start}"
        if name not in self.shared.names:
            self.shared.names[name] = f"text_{len(self.shared.names) + 1}"
            self.shared.lets[name] = expression.part(span)
        return name

    def looked_up_part(self, part: Any) -> Any:
        return tuple(map(self.looked_up_part, part)) if isinstance(part, tuple) else self.looked_up(part)

    # ------------------------------------------------------------------------------------- what is written

    def module(self) -> ast.Module:
        """The function: for each row the code that takes the expected, then the code that assumes nothing."""
        loops = [self.new(name) for name in self.rows.variables]
        self.row.locals |= dict(zip(self.rows.variables, loops, strict=True))
        general = self.one_row()
        other = _Writer(self.endpoint, self.resource, self.rows, self.shared, self.tested)
        other.row.locals |= dict(zip(self.rows.variables, loops, strict=True))
        expected = other.one_row()
        if self.runs:
            general = [self.bounds(), *general]
        if other.runs:
            expected = [self.bounds(), *expected]
        self.runs |= other.runs
        return self.framed([*self.attempted(expected, other.as_expected()), self.left_if_it_fails(general)])

    def bounds(self) -> ast.stmt:
        """The bounds of the page's evaluation begin with the first row that wants them."""
        lines: list[ast.stmt] = []
        with self.pen.into(lines):
            self.pen.assign("run", self.pen.called("new_run", self.pen.called("len", self.pen.load("rows"))))
        return ast.If(self.is_none("run"), lines, [], **self.pen.at)

    def one_row(self) -> list[ast.stmt]:
        """The code of a row, from its look-ups to its record."""
        body: list[ast.stmt] = []
        with self.pen.into(body):
            self.lets()
            record = self.record()
            self.add("records", self.pen.load(record))
        return [*self.head(), *body]

    def attempted(self, body: list[ast.stmt], test: ast.expr) -> list[ast.stmt]:
        """The code that takes the expected; `tries` end where too few rows are like that."""
        pen, lines = self.pen, list[ast.stmt]()

        def attempt() -> None:
            taken: list[ast.stmt] = [ast.If(test, [*body, ast.Continue(**pen.at)], [], **pen.at)]
            otherwise = ast.ExceptHandler(pen.load("Exception"), None, [ast.Pass(**pen.at)])
            pen.lines.append(ast.Try(taken, [otherwise], [], [], **pen.at))
            pen.assign("tries", ast.BinOp(pen.load("tries"), ast.Sub(), pen.constant(1), **pen.at))

        with pen.into(lines):
            pen.branch(pen.load("tries"), attempt)
        return lines

    def left_if_it_fails(self, body: list[ast.stmt]) -> ast.stmt:
        """A row that fails is in doubt like any other; a null is none."""
        pen, handler, no_object = self.pen, list[ast.stmt](), list[ast.stmt]()
        row = pen.load(self.row.local)
        with pen.into(no_object):
            pen.branch(self.is_none(row.id), lambda: pen.lines.append(ast.Continue(**pen.at)))
            self.doubt()
        with pen.into(handler):
            self.leave_it()
        caught = ast.ExceptHandler(pen.load("Exception"), None, handler)
        looked_at = ast.If(pen.not_(pen.has_class(row, "dict")), no_object, [], **pen.at)
        return ast.Try([looked_at, *body], [caught], [], [], **pen.at)

    def framed(self, body: list[ast.stmt]) -> ast.Module:
        """The function around the code of a row."""
        pen, lines = self.pen, list[ast.stmt]()
        with pen.into(lines):
            targets: list[ast.expr] = [ast.Name(name, ast.Store(), **pen.at) for name in self.shared.parameters]
            lines.append(ast.Assign([ast.Tuple(targets, ast.Store(), **pen.at)], pen.load("page"), **pen.at))
            pen.assign("records", ast.List([], ast.Load(), **pen.at))
            if self.runs:
                pen.assign("run", pen.constant(None))
            pen.assign("doubtful", ast.List([], ast.Load(), **pen.at))
            # After so many rows that are not as expected it is better not to expect it.
            some = ast.BinOp(pen.called("len", pen.load("rows")), ast.RShift(), pen.constant(2), **pen.at)
            some = ast.BinOp(some, ast.Add(), pen.constant(8), **pen.at)
            pen.assign("tries", pen.both(pen.load("certain"), some))
            pen.loop(pen.load("rows"), body, *(self.row.locals[name] for name in self.rows.variables))
            both = ast.Tuple([pen.load("records"), pen.load("doubtful")], ast.Load(), **pen.at)
            lines.append(ast.Return(both, **pen.at))
        names = ["rows", "remote_data", "page"]
        arguments = ast.arguments([], [ast.arg(name, **pen.at) for name in names], None, [], [], None, [])
        function = ast.FunctionDef("rows", arguments, lines, [], None, None, **pen.at)
        return ast.fix_missing_locations(ast.Module([function], []))

    def lets(self) -> None:
        """What is named once a record: once a page, once a text, or in its place."""
        for name, expression in self.endpoint.let:
            reads, path = self.row.all_reads(expression.node), self.row.path(expression.node)
            self.row.reads[name] = reads
            if not reads:
                self.shared.lets[name] = expression
            elif path is not None:
                self.row.paths[name] = path
        self.memorise()
        for name, expression in self.endpoint.let:
            if self.row.reads[name] and name not in self.row.locals and name not in self.row.paths:
                self.pen.at = self.place(expression)
                self.row.locals[name] = self.inline(expression, expression.node)

    # -------------------------------------------------------------------------------- once for each text

    def memorise(self) -> None:
        """Find what depends on one text of the row and takes a call, and look it up rather than make it again."""
        lets: dict[Steps, list[tuple[str, Expression]]] = {}
        for name, expression in self.endpoint.let:
            path = self.only(self.row.reads[name])
            if path is not None and name not in self.row.paths:
                lets.setdefault(path, []).append((name, expression))
        fields: dict[Steps, list[tuple[Expression, Field]]] = {path: [] for path in lets}
        for expression, declared in _leaves(self.endpoint.response, self.resource.fields):
            path = self.only(self.row.all_reads(expression.node))
            if path is not None and declared.type == "string" and (declared.format or self.calls(expression.node)):
                fields.setdefault(path, []).append((expression, declared))
        for path, found in fields.items():
            self.memo(path, lets.get(path, []), found)

    def only(self, reads: frozenset[Steps]) -> Steps | None:
        """The one path on which everything depends."""
        path = next(iter(reads)) if len(reads) == 1 else ()
        return path if len(path) > 1 else None

    def calls(self, node: Node) -> bool:
        """Whether it takes a call that is worth remembering."""
        names = (
            one.procedure.name for one in walk(node) if isinstance(one, Call) and isinstance(one.procedure, Variable)
        )
        return any(name not in _CHEAP for name in names)

    def memo(self, path: Steps, lets: list[tuple[str, Expression]], found: list[tuple[Expression, Field]]) -> None:
        if path not in self.shared.memos:
            checked = tuple((one, Schema(value_schema(declared), generated=True)) for one, declared in found)
            is_context = path[0] == self.row.context
            self.shared.memos[path] = Memo(path[0], path[1:], is_context, tuple(lets), checked)
        number = list(self.shared.memos).index(path)
        self.expect(path, "str")
        pen, key, sure = self.pen, self.fetched(path), self.new("sure")
        names = [self.new(name) for name, _ in lets] + [self.new("field") for _ in found]
        target = ast.Tuple([ast.Name(name, ast.Store()) for name in (sure, *names)], ast.Store(), **pen.at)
        entry = ast.Subscript(pen.load(f"memo_{number}"), pen.load(key), ast.Load(), **pen.at)
        pen.lines.append(ast.Assign([target], entry, **pen.at))  # an empty one fails, and leaves the row in doubt
        if not self.is_general:
            self.doubt_unless(pen.load(sure))
            self.classes |= dict.fromkeys(names, "str")
            self.given |= set(names)
        self.row.locals |= dict(zip((name for name, _ in lets), names, strict=False))
        self.settled |= {id(e): local for (e, _), local in zip(found, names[len(lets) :], strict=True)}

    # --------------------------------------------------------------------------------------- in its place

    def inline(self, expression: Expression, node: Node) -> str:
        """A local with the value of a node of an expression."""
        node = self.looked_up(self.hoisted(node, expression))
        names = dict(self.row.locals)
        callers = {name: self.caller(name, function) for name, function in expression.functions.items()}
        for name in codegen.parameters(node, callers):
            if name.startswith("@"):
                names[name] = name[1:]
            elif " " in name:
                names[name] = self.from_page(name)
            elif name in self.row.paths:
                names[name] = self.fetched(self.row.paths[name])
            elif name not in names:
                names[name] = self.from_page(name)
        made = codegen.emit(
            node,
            names,
            self.row.local,
            expression.placer,
            callers=callers,
            temporaries=self.shared.temporaries,
            classes=self.classes,
        )
        self.runs |= made.runs
        self.pen.lines.extend(made.statements)
        if isinstance(made.value, ast.Name):
            match made.statements:
                case [*_, ast.Assign([ast.Name(made.value.id)], ast.JoinedStr())]:
                    self.classes[made.value.id] = "str"
            return made.value.id
        local = self.new("value")
        self.pen.assign(local, made.value)
        return local

    def from_page(self, name: str) -> str:
        """The parameter with a value of the page, which is text where the expected is written."""
        local = self.shared.names.setdefault(name, f"name_{name}")
        if not self.is_general:
            self.classes[local] = "str"
        return local

    def own(self, local: str) -> str:
        """Another local with the same value, that can be assigned to."""
        new = self.new("value")
        self.pen.assign(new, self.pen.load(local))
        return new

    def caller(self, name: str, function: Callable[..., Any]) -> str:
        self.shared.constants[f"caller_{name}"] = from_caller(name, function)
        return f"caller_{name}"

    # ----------------------------------------------------------------------------------------- the record

    def record(self) -> str:
        fields = self.resource.fields
        response = self.endpoint.response
        children = self.children(response, fields, None)
        if children is None or any(child.name == REMOTE_DATA for child in children):
            raise _Unfit("response_mapping is not an object of fields, or maps remote_data")
        record = self.object(children)
        self.doubt_unless(self.is_given(record))
        if REMOTE_DATA in fields:
            self.pen.branch(self.pen.load("remote_data"), lambda: self.remote_data(record))
        return record

    def remote_data(self, record: str) -> None:
        pen, (outer, *inner) = self.pen, self.rows.variables
        remote: ast.expr = pen.load(self.row.locals[outer])
        if inner:  # the outer record with just that one inner item in it
            one = ast.List([pen.load(self.row.locals[inner[0]])], ast.Load(), **pen.at)
            remote = ast.Dict([None, pen.constant(self.rows.inner)], [remote, one], **pen.at)
        self.store(record, pen.constant(REMOTE_DATA), remote)

    def children(
        self, template: Template | Node, fields: Mapping[str, Field], expression: Expression | None
    ) -> list[_Child] | None:
        """The fields that an object in YAML, or a constructor of constant keys in an expression, gives."""
        if isinstance(template, Expression):
            return self.children(template.node, fields, template)
        if isinstance(template, dict):
            found: dict[str, Any] = dict(template)
        elif isinstance(template, Object) and all(isinstance(key, String) for key, _ in template.pairs):
            found = {key.value: value for key, value in template.pairs if isinstance(key, String)}
            if len(found) < len(template.pairs):
                return None
        else:
            return None
        if found.keys() - fields.keys():
            return None
        return [_Child(name, fields[name], found[name], expression) for name in fields if name in found]

    def object(self, children: list[_Child]) -> str:
        """A local with the object of some fields; None if none of them has a value."""
        base = self.common_base(children)
        if base is not None:
            return self.bulk(children, base)
        parts = [self.part(child) for child in children]
        local = self.new("object")
        pen = self.pen

        def dense() -> None:
            keys: list[ast.expr | None] = [pen.constant(part.name) for part in parts]
            pen.assign(local, ast.Dict(keys, [pen.load(part.local) for part in parts], **pen.at))

        def thin() -> None:
            if not self.is_general:
                self.doubt()
                return
            pen.assign(local, ast.Dict([], [], **pen.at))
            for part in parts:
                pen.branch(part.fits(), partial(self.put, local, part), partial(self.leave, part))
            pen.branch(self.pen.not_(pen.load(local)), lambda: pen.assign(local, pen.constant(None)))

        pen.branch(pen.both(*(part.fits() for part in parts)) if parts else pen.constant(value=True), dense, thin)
        if not self.is_general:
            self.given.add(local)
        return local

    def put(self, local: str, part: _Part) -> None:
        self.store(local, self.pen.constant(part.name), self.pen.load(part.local))

    def store(self, local: str, key: ast.expr, value: ast.expr) -> None:
        target = ast.Subscript(self.pen.load(local), key, ast.Store(), **self.pen.at)
        self.pen.lines.append(ast.Assign([target], value, **self.pen.at))

    def leave(self, part: _Part) -> None:
        """A field that does not fit is in doubt, unless it has no value and needs none."""
        if part.is_required:
            self.doubt()
        elif not part.settled:
            self.doubt_unless(self.is_nothing(part.local))

    def common_base(self, children: list[_Child]) -> Steps | None:
        """The object that all fields are plain values of the same class in."""
        if not self.is_general or len(children) < MIN_BULK or len({child.field.type for child in children}) > 1:
            return None
        paths = [self.row.path(child.node) for child in children]
        above = {path[:-1] if path is not None and len(path) > 1 else None for path in paths}
        return above.pop() if len(above) == 1 and all(_is_simple(child.field) for child in children) else None

    def bulk(self, children: list[_Child], base: Steps) -> str:
        pen, local = self.pen, self.new("object")
        sources = tuple(path[-1] for child in children if (path := self.row.path(child.node)))
        for source in sources:
            self.expect((*base, source), _CLASSES[children[0].field.type])
        names = tuple(child.name for child in children)
        holder = pen.load(self.base(base))
        values = [self.new(name) for name in names]
        missed: list[ast.stmt] = []
        with pen.into(missed):
            pen.assign(values[0], pen.constant(None))  # which fails the test below
        self.unpack(values, sources, self.base(base), missed)

        def dense() -> None:
            keys: list[ast.expr | None] = [pen.constant(name) for name in names]
            pen.assign(local, ast.Dict(keys, [pen.load(value) for value in values], **pen.at))

        def thin() -> None:
            kinds = self.constant("classes", frozenset({_TYPES[children[0].field.type]}))
            pen.assign(
                local, pen.called("sparse", self.constant("names", names), self.constant("sources", sources), holder)
            )
            found = pen.called("map", pen.load("type"), pen.method(pen.load(local), "values"))
            self.doubt_unless(pen.method(kinds, "issuperset", found))
            pen.branch(self.pen.not_(pen.load(local)), lambda: pen.assign(local, pen.constant(None)))

        kind = _CLASSES[children[0].field.type]
        pen.branch(pen.both(*(pen.has_class(pen.load(value), kind) for value in values)), dense, thin)
        return local

    def part(self, child: _Child) -> _Part:
        """The code of one field."""
        if child.expression is not None or isinstance(child.template, Expression):
            expression = child.expression or child.template
            self.pen.at = self.place(expression, child.node)
            if child.field.type in _SCALARS:
                return self.scalar(child, expression)
        if child.field.type == "object" and child.field.fields:
            return self.settled_part(child, self.object_value(child, child.template))
        if child.field.type == "array" and child.field.items is not None:
            return self.settled_part(child, self.array_value(child))
        return self.unknown(child)

    def settled_part(self, child: _Child, local: str) -> _Part:
        return _Part(child.name, local, child.field.required, lambda: self.is_given(local), settled=True)

    def scalar(self, child: _Child, expression: Expression) -> _Part:
        node, checked = child.node, Schema(value_schema(child.field), generated=True)
        if isinstance(node, (String, Number, Value)) and checked.valid(node.value):
            local = f"constant_{next(self.shared.temporaries)}"
            self.shared.constants[local] = node.value
            return _Part(child.name, local, child.field.required, lambda: self.pen.constant(value=True), settled=True)
        if node is expression.node:
            if id(expression) in self.settled:
                return self.settled_part(child, self.settled[id(expression)])
            if not self.row.all_reads(node):
                return self.settled_part(child, self.page_value(expression, child.field))
        if isinstance(node, Condition) and node.otherwise is None and not self.is_general:
            self.doubt_unless(self.is_true(self.inline(expression, node.condition)))  # a value is expected
            node = node.then
        path = self.row.path(node)
        if path is not None and child.field.type in _CLASSES:
            self.expect(path, _CLASSES[child.field.type])
        local = self.fetched(path) if path is not None else self.inline(expression, node)
        return _Part(child.name, local, child.field.required, lambda: self.fits(local, child.field), settled=False)

    def page_value(self, expression: Expression, declared: Field) -> str:
        """The parameter with the value of a field that does not depend on the row."""
        found = (local for local, known in self.shared.values.items() if known == (expression, declared))
        local = next(found, f"page_{len(self.shared.values)}")
        self.shared.values[local] = (expression, declared)
        if not self.is_general:
            self.given.add(local)
        return local

    def fits(self, local: str, declared: Field) -> ast.expr:
        """The test that a value is there, no sequence, and valid."""
        pen = self.pen
        value = pen.load(local)
        if declared.type == "number":
            zero = ast.BinOp(value, ast.Sub(), value, **pen.at)  # not of an infinite number
            finite = pen.both(pen.has_class(value, "float"), pen.test(zero, ast.Eq(), pen.constant(0)))
            tests = [pen.either(pen.has_class(value, "int"), finite)]
        else:
            tests = [pen.has_class(value, _CLASSES[declared.type])]
        if not _is_simple(declared, required=True):
            valid = self.constant("valid", Schema(value_schema(declared), generated=True).valid)
            tests.append(ast.Call(valid, [value], [], **pen.at))
        return pen.both(*tests)

    def object_value(self, child: _Child, template: Any) -> str:
        """A local with an object, or None; what is neither in YAML nor constructed in the expression is in doubt."""
        expression = child.expression or (template if isinstance(template, Expression) else None)
        node = template.node if isinstance(template, Expression) else template
        declared = child.field.items if child.field.type == "array" and child.field.items else child.field
        if isinstance(node, Condition) and expression is not None:
            return self.chosen(child, node, expression)
        children = self.children(node, declared.fields, expression)
        if children is not None:
            return self.object(children)
        local = self.own(self.inline(expression, node))  # type: ignore[arg-type]  # only expressions are left
        self.doubt_unless(self.is_nothing(local))
        self.pen.assign(local, self.pen.constant(None))
        return local

    def chosen(self, child: _Child, node: Condition, expression: Expression) -> str:
        local = self.new("chosen")
        test = self.inline(expression, node.condition)

        def branch(chosen: Node | None) -> None:
            inner = _Child(child.name, child.field, chosen, expression)
            value = self.pen.constant(None) if chosen is None else self.pen.load(self.object_value(inner, chosen))
            self.pen.assign(local, value)

        self.pen.branch(self.is_true(test), lambda: branch(node.then), lambda: branch(node.otherwise))
        return local

    def is_true(self, local: str) -> ast.expr:
        pen, value = self.pen, self.pen.load(local)
        text = pen.both(pen.has_class(value, "str"), value)
        other = pen.both(pen.test(value, ast.IsNot(), pen.load("MISSING")), pen.called("truthy", value))
        return pen.either(text, pen.both(self.pen.not_(pen.has_class(value, "str")), other))

    def array_value(self, child: _Child) -> str:
        """A local with a list, or None."""
        pen, items = self.pen, child.field.items or Field(type="any")
        if isinstance(child.template, list):
            raise _Unfit("a list in YAML gives an array")
        node = child.node
        if items.type == "object" and items.fields and isinstance(node, Path) and (step := self.step(node)):
            return self.stepped(child, *step)
        if items.type == "object" and items.fields and isinstance(node, (Condition, Object)):
            local = self.new("array")
            self.alone(local, child, node, pen.constant(None))
            return local
        expression = child.expression or child.template
        local = self.own(self.inline(expression, node))
        if is_plain(node) and items.type in _CLASSES and _is_simple(items):
            kinds = self.constant("classes", frozenset({_TYPES[items.type]}))
            pen.assign(local, pen.called("scalars", pen.load(local), kinds))
            self.doubt_unless(pen.test(pen.load(local), ast.IsNot(), pen.load("MISSING")))
        else:
            self.doubt_unless(self.is_nothing(local) if is_plain(node) else pen.constant(value=False))
            pen.assign(local, pen.constant(None))
        return local

    def step(self, node: Path) -> tuple[Steps, Node] | None:
        """A plain path of the row with a constructor for its last step: what it leads to, and the constructor."""
        *names, last = node.steps
        made = (
            last.node.expressions[0] if isinstance(last.node, Block) and len(last.node.expressions) == 1 else last.node
        )
        path = self.row.path(replace(node, steps=tuple(names))) if names and node.group is None else None
        bare = replace(last, keep_array=False) == Step(last.span, last.node)
        return (path, made) if path and len(path) > 1 and bare and isinstance(made, (Condition, Object)) else None

    def stepped(self, child: _Child, path: Steps, node: Node) -> str:
        """An array of what is constructed of a single text; of none where there is no text."""
        self.expect(path, "str")
        pen, local, text = self.pen, self.new("array"), self.fetched(path)
        self.doubt_unless(pen.either(pen.has_class(pen.load(text), "str"), self.is_nothing(text)))
        is_text, known = pen.has_class(pen.load(text), "str"), dict(self.classes)

        def construct() -> None:
            self.row.inner = text
            self.classes[text] = "str"
            self.alone(local, child, node, ast.List([], ast.Load(), **pen.at))
            self.row.inner = None

        pen.branch(is_text, construct, lambda: pen.assign(local, pen.constant(None)))
        if text in known:
            self.given.add(local)
        else:
            del self.classes[text]
        return local

    def alone(self, local: str, child: _Child, node: Node | None, nothing: ast.expr) -> None:
        """Assign a list of the one object that is constructed, or what is there instead of it."""
        pen, expression = self.pen, child.expression or child.template
        match node:
            case None:
                pen.assign(local, nothing)
            case Condition():
                test = self.is_true(self.inline(expression, node.condition))
                branches = [partial(self.alone, local, child, one, nothing) for one in (node.then, node.otherwise)]
                pen.branch(test, *branches)
            case _:
                one = self.object_value(_Child(child.name, child.field, node, expression), node)
                self.doubt_unless(self.is_given(one))
                pen.assign(local, ast.List([pen.load(one)], ast.Load(), **pen.at))

    def unknown(self, child: _Child) -> _Part:
        """A field of any type, or an object of any fields."""
        expression = child.expression or child.template
        if not isinstance(expression, Expression):
            raise _Unfit(f"{child.name} is an object of any fields, written in YAML")
        local = self.inline(expression, child.node)
        fits = partial(self.pen.has_class, self.pen.load(local), "dict")
        return _Part(child.name, local, child.field.required, fits, settled=False)


@dataclass(frozen=True, slots=True)
class _Child:
    """A field with what gives it: a template, or a node of an expression."""

    name: str
    field: Field
    template: Any
    expression: Expression | None

    @property
    def node(self) -> Any:
        return self.template.node if isinstance(self.template, Expression) else self.template


#: What costs less to call than to look up.
_CHEAP = frozenset({"boolean", "exists", "join", "not", "size"})


def _parts(node: Any) -> list[Any]:
    return [one for one in fields(node) if one.name != "span" and isinstance(getattr(node, one.name), (tuple, Spanned))]


def _is_simple(declared: Field, *, required: bool = False) -> bool:
    """Whether the class of a value says all about it."""
    bare = not declared.enum and declared.format is None and declared.minimum is None
    return declared.type in _SCALARS and bare and (required or not declared.required)


def _leaves(template: Template, fields: Mapping[str, Field]) -> Iterator[tuple[Expression, Field]]:
    """The expressions that stand in YAML for a field of their own."""
    for name, child in template.items() if isinstance(template, dict) else ():
        if isinstance(child, Expression):
            yield child, fields[name]
        else:
            yield from _leaves(child, fields[name].fields)


def scalars(value: Any, kinds: frozenset[type]) -> Any:
    """The items of a list of scalars, None for none at all, MISSING where it is something else."""
    if value is None or value is MISSING:
        return None
    items = [item for item in (value if isinstance(value, list) else (value,)) if item is not None]
    return items if kinds.issuperset(map(type, items)) else MISSING


@dataclass(frozen=True, slots=True)
class _Rows:
    """Plain paths to the rows: `outer` from the body, `inner` the name below each of them, if loops are nested."""

    variables: tuple[str, ...]
    outer: Steps
    inner: str | None

    def read(self) -> ast.expr:
        """The code of a list of the rows of a reply, nulls among them; of pairs without null where loops are nested."""
        found = _read("response", self.outer)
        return (
            ast.Call(_loaded("listed"), [found], [])
            if self.inner is None
            else ast.Call(_loaded("paired"), [found, ast.Constant(self.inner)], [])
        )


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


def _paths_of_rows(endpoint: Endpoint) -> _Rows:
    variables = tuple(name for name, _ in endpoint.for_each)
    paths = [leading_names(expression.node) for _, expression in endpoint.for_each]
    if not 1 <= len(paths) <= 2 or not all(is_plain(expression.node) for _, expression in endpoint.for_each):
        raise _Unfit("for_each is not one or two plain paths")
    outer, *inner = paths
    if not all(isinstance(name, Name) for name in outer):
        raise _Unfit("for_each does not begin at a name of the reply")
    steps = tuple(name.value for name in outer if isinstance(name, Name))
    if not inner:
        return _Rows(variables, steps, None)
    match inner[0]:
        case [Name(value=below)] | [Variable(name=""), Name(value=below)]:
            return _Rows(variables, steps, below)
        case [Variable(name=name), Name(value=below)] if name == variables[0]:
            return _Rows(variables, steps, below)
    raise _Unfit("the inner for_each is not one name below the outer")
