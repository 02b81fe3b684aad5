"""Nodes → Python `ast`: an expression becomes one Python function that stands at the author's lines and columns.

No text is ever made: what comes from an expression reaches the code as `ast.Constant`. The code names nothing but its
own locals and `functions.NAMESPACE`, and the same node always gives the same code.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from types import MappingProxyType
from typing import Any, Literal

from truto_mapper.language.compiler.escapes import escapes
from truto_mapper.language.compiler.placer import Place, Placer
from truto_mapper.language.library.functions import NAMESPACE, OURS, STANDARD
from truto_mapper.language.names import free_variables
from truto_mapper.language.nodes import (
    Apply,
    Array,
    Binary,
    Bind,
    Block,
    Call,
    Coalesce,
    Condition,
    Default,
    Descendant,
    Filter,
    Index,
    Lambda,
    Name,
    Negate,
    Node,
    Number,
    Object,
    Parent,
    Partial,
    Path,
    Placeholder,
    Regex,
    Sort,
    Step,
    String,
    Transform,
    Value,
    Variable,
    Wildcard,
    children,
    walk,
)
from truto_mapper.text.source import Source

#: Loops nest no deeper than this in one Python function, which can hold twenty blocks.
MAX_LOOPS = 8

#: What is wanted of a step: the items for the next one; of the last, what it gives, or that as a value.
_End = Literal["open", "raw", "value"]


# -------------------------------------------------------------------------------------------- what is generated


@dataclass(slots=True)
class _Unit:
    """One Python function in the making. `rebound` are locals of the functions around it that it assigns."""

    rebound: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Frame:
    """The variables of a block, a lambda or a step: for each the local that holds it, and the function that owns it."""

    parent: _Frame | None
    owned: dict[str, tuple[str, _Unit]] = field(default_factory=dict)

    def find(self, name: str) -> tuple[str, _Unit] | None:
        frame: _Frame | None = self
        while frame is not None:
            if name in frame.owned:
                return frame.owned[name]
            frame = frame.parent
        return None


@dataclass(frozen=True, slots=True)
class _Context:
    """What `$` is: the local that holds it, and whether it is the whole input, which even as an array is one item."""

    local: str
    root: bool


class Writer:
    """Writes the statements of expressions. One writer may write several that share their locals.

    Each expression's statements go to `lines`; its value is what `value` returns. After `value` returned, `lines` is
    complete: the returned expression has to be evaluated right after them.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        callers: Mapping[str, str],
        context: str,
        placer: Placer,
        *,
        run: str = "run",
        is_input: bool = True,
        temporaries: Iterator[int] | None = None,
    ) -> None:
        self.lines: list[ast.stmt] = []
        self.unit = _Unit()
        self.frame = _Frame(None, {name: (local, self.unit) for name, local in names.items()})
        self.callers = callers
        self.context = _Context(context, is_input)
        self.placer = placer
        self.run = run
        self.runs = False
        self.loops = 0
        self.classes: Mapping[str, str] = {}  # locals whose class is known
        self.numbers: Mapping[int, int] = {}  # of the nodes by identity, where their values are to be noted
        self.tailing = False  # within a lambda, where a tail call can be left to the caller
        self.growing = self.calling = False
        self.odd = False  # whether what callers' functions are given may be no plain JSON
        self.temporaries = temporaries or count(1)
        self.at: Place = {}

    # ------------------------------------------------------------------------------ small pieces of Python

    def load(self, name: str) -> ast.Name:
        return ast.Name(name, ast.Load(), **self.at)

    def constant(self, value: Any) -> ast.expr:
        return ast.Constant(value, **self.at)

    def called(self, name: str, *arguments: ast.expr) -> ast.expr:
        return ast.Call(self.load(name), list(arguments), [], **self.at)

    def method(self, of: ast.expr, name: str, *arguments: ast.expr) -> ast.expr:
        return ast.Call(ast.Attribute(of, name, ast.Load(), **self.at), list(arguments), [], **self.at)

    def running(self) -> ast.expr:
        self.runs = True
        return self.load(self.run)

    def test(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> ast.expr:
        return ast.Compare(left, [operator], [right], **self.at)

    def has_class(self, value: ast.expr, name: str) -> ast.expr:
        if isinstance(value, ast.Name) and value.id in self.classes:
            return self.constant(self.classes[value.id] == name)
        return self.test(ast.Attribute(value, "__class__", ast.Load(), **self.at), ast.Is(), self.load(name))

    def is_there(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id in self.classes):
            return self.constant(value=True)
        return self.test(value, ast.IsNot(), self.load("MISSING"))

    def choice(self, test: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.expr:
        if isinstance(test, ast.Constant):
            return then if test.value else otherwise
        return ast.IfExp(test, then, otherwise, **self.at)

    def both(self, *tests: ast.expr) -> ast.expr:
        return self._folded(ast.And(), tests, neutral=True)

    def either(self, *tests: ast.expr) -> ast.expr:
        return self._folded(ast.Or(), tests, neutral=False)

    def _folded(self, operator: ast.boolop, tests: tuple[ast.expr, ...], *, neutral: bool) -> ast.expr:
        """A chain of tests without those whose outcome is known."""
        if any(isinstance(test, ast.Constant) and test.value is not neutral for test in tests):
            return self.constant(not neutral)
        open_ = [test for test in tests if not isinstance(test, ast.Constant)]
        if not open_:
            return self.constant(neutral)
        return open_[0] if len(open_) == 1 else ast.BoolOp(operator, open_, **self.at)

    def not_(self, test: ast.expr) -> ast.expr:
        match test:
            case ast.Constant(value=value):
                return self.constant(not value)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as operator], comparators=[right]):
                return self.test(left, ast.IsNot() if isinstance(operator, ast.Is) else ast.Is(), right)
            case _:
                return ast.UnaryOp(ast.Not(), test, **self.at)

    def new_local(self, name: str = "t") -> str:
        clean = "".join(char for char in name if char.isascii() and char.isalnum())
        return f"{clean if clean[:1].isalpha() else f'v{clean}'}_{next(self.temporaries)}"

    def assign(self, local: str, value: ast.expr) -> None:
        self.lines.append(ast.Assign([ast.Name(local, ast.Store(), **self.at)], value, **self.at))

    def do(self, value: ast.expr) -> None:
        self.lines.append(ast.Expr(value, **self.at))

    def atom(self, value: ast.expr) -> ast.expr:
        """The value where it can be had again: a constant or a local."""
        if isinstance(value, (ast.Constant, ast.Name)):
            return value
        local = self.new_local()
        self.assign(local, value)
        return self.load(local)

    def empty(self, kind: str) -> str:
        """A new local with an empty list or the like."""
        local = self.new_local()
        self.assign(local, ast.List([], ast.Load(), **self.at) if kind == "list" else self.called(kind))
        return local

    @contextmanager
    def into(self, lines: list[ast.stmt]) -> Iterator[None]:
        outer, self.lines = self.lines, lines
        yield
        self.lines = outer

    @contextmanager
    def within(self, context: _Context) -> Iterator[None]:
        outer, self.context = self.context, context
        yield
        self.context = outer

    @contextmanager
    def scope(self) -> Iterator[_Frame]:
        outer, self.frame = self.frame, _Frame(self.frame)
        yield self.frame
        self.frame = outer

    def branch(self, test: ast.expr, then: Callable[[], None], otherwise: Callable[[], None] | None = None) -> None:
        if isinstance(test, ast.Constant):
            chosen = then if test.value else otherwise
            if chosen is not None:
                chosen()
            return
        bodies: tuple[list[ast.stmt], list[ast.stmt]] = ([], [])
        for body, write in zip(bodies, (then, otherwise), strict=True):
            if write is not None:
                with self.into(body):
                    write()
        self.lines.append(ast.If(test, bodies[0] or [ast.Pass(**self.at)], bodies[1], **self.at))

    def function(self, parameters: list[str], write: Callable[[], ast.expr]) -> str:
        """Define a Python function in this place; its name."""
        local = self.new_local("f")
        outer = self.unit, self.loops
        self.unit, self.loops = _Unit(), 0
        body: list[ast.stmt] = []
        with self.into(body):
            result = write()
            body.append(ast.Return(result, **self.at))
        inner, (self.unit, self.loops) = self.unit, outer
        if inner.rebound:
            body.insert(0, ast.Nonlocal(sorted(inner.rebound), **self.at))
        arguments = ast.arguments([], [ast.arg(name, **self.at) for name in parameters], None, [], [], None, [])
        self.lines.append(ast.FunctionDef(local, arguments, body, [], None, None, **self.at))
        # What is rebound in a function within belongs to one further out.
        return local

    def loop(self, over: ast.expr, body: list[ast.stmt], *targets: str) -> None:
        names: list[ast.expr] = [ast.Name(name, ast.Store(), **self.at) for name in targets]
        target = names[0] if len(names) == 1 else ast.Tuple(names, ast.Store(), **self.at)
        self.lines.append(ast.For(target, over, body or [ast.Pass(**self.at)], [], None, **self.at))

    def items(self, state: ast.expr, *, first: bool = False) -> ast.expr:
        return self.watched(self.called("context_items" if first else "items", state))

    def watched(self, found: ast.expr) -> ast.expr:
        """What a loop runs over. It looks at the clock where it is no single pass over what was given."""
        return self.method(self.running(), "each", found) if self.loops or self.calling else found

    def each(self, over: ast.expr, needs: tuple[Node, ...], write: Callable[[str], ast.expr], found: str) -> None:
        """Add what `write` gives for each item to the list `found`; nothing for MISSING."""
        item = self.new_local("item")
        apart = self.loops >= MAX_LOOPS or any(map(_closes, needs))
        body: list[ast.stmt] = []
        if apart:
            # A closure keeps its item: it gets a Python function, and so a cell, of its own.
            step = self.function([item], lambda: write(item))
            given = self.new_local("item")
            with self.into(body):
                self.keep_value(self.called(step, self.load(given)), found)
            self.loop(over, body, given)
            return
        self.loops += 1
        with self.into(body):
            self.keep_value(write(item), found)
        self.loops -= 1
        self.loop(over, body, item)

    def keep_value(self, value: ast.expr, found: str) -> None:
        one = self.atom(value)

        def add() -> None:
            self.do(self.method(self.load(found), "append", one))

        self.branch(self.is_there(one), add)

    # ---------------------------------------------------------------------------------------------- values

    def value(self, node: Node) -> ast.expr:
        """The Python expression of a node's value, after the statements that it needs."""
        outer, self.at = self.at, self.placer.place(node.span)
        made = _WRITE[type(node)](self, node)
        made = made if isinstance(node, Name) else self.seen(node, made)
        self.at = outer
        return made

    def seen(self, node: Node, made: ast.expr, *context: ast.expr) -> ast.expr:
        """The value of a node, noted where the evaluation is traced, a field's with what it was looked up in."""
        if id(node) not in self.numbers:
            return made
        return self.method(self.running(), "seen", self.constant(self.numbers[id(node)]), made, *context)

    def values(self, *nodes: Node) -> list[ast.expr]:
        """Several values, evaluated in the order of the text."""
        made: list[ast.expr] = []
        for node in nodes:
            here = len(self.lines)
            value = self.value(node)
            if len(self.lines) > here:
                # Statements of a later value come after the values before it.
                late, self.lines[here:] = self.lines[here:], []
                made = [one if isinstance(one, ast.Constant) or _is_local(one) else self.atom(one) for one in made]
                self.lines.extend(late)
            made.append(value)
        return made

    def name(self, node: Name) -> ast.expr:
        return self.got(self.load(self.context.local), node, "root_field")

    def literal(self, node: String | Number | Value) -> ast.expr:
        return self.constant(node.value)

    def regex(self, node: Regex) -> ast.expr:
        return self.called("regex", self.constant(node.pattern), self.constant(node.flags))

    def raw(self, node: Node) -> ast.expr:
        """A value before it is collapsed, for what is attached to its node."""
        outer, self.at = self.at, self.placer.place(node.span)
        match node:
            case Path():
                made = self.raw_path(node)
            case Call():
                made = self.invocation(node, [])
            case Apply():
                made = self.raw_apply(node)
            case Wildcard():
                made = self.called("wildcard", self.load(self.context.local))
            case Descendant():
                made = self.called("descendants", self.load(self.context.local))
            case Name():
                made = self.name(node)
            case _:
                made = _WRITE[type(node)](self, node)
        made = made if isinstance(node, Name) else self.seen(node, made)
        self.at = outer
        return made

    def collapsing(self, node: Wildcard | Descendant) -> ast.expr:
        return self.called("settled", self.raw(node))

    def parent(self, node: Parent) -> ast.expr:
        found = self.frame.find(node.label)
        return self.load(found[0]) if found else self.load("MISSING")

    def variable(self, node: Variable) -> ast.expr:
        if node.name == "":
            return self.load(self.context.local)
        found = self.frame.find(node.name)
        if found is not None:
            return self.load(found[0])
        return self.standard(node.name)

    def standard(self, name: str) -> ast.expr:
        """A function by its name; MISSING for any other."""
        if name in self.callers:
            return self.load(self.callers[name])
        return self.load(f"f_{name}" if name in STANDARD or name in OURS else "MISSING")

    def negate(self, node: Negate) -> ast.expr:
        value = self.atom(self.value(node.expression))
        negative = ast.UnaryOp(ast.USub(), value, **self.at)
        return self.choice(self.has_class(value, "int"), negative, self.called("negated", value))

    def array(self, node: Array) -> ast.expr:
        found = self.empty("Constructed" if node.whole else "list")
        for item in node.items:
            value = self.value(item)
            if isinstance(value, ast.Constant) or isinstance(item, (Array, Object)):
                self.do(self.method(self.load(found), "append", value))
            elif isinstance(item, Step) and isinstance(item.node, Array):
                self.keep_value(self.called("stored", value), found)
            else:
                self.push(self.atom(value), found)
        return self.method(self.running(), "grown", self.load(found)) if self.growing else self.load(found)

    def push(self, value: ast.expr, found: str) -> None:
        plain = self.either(self.has_class(value, "str"), self.has_class(value, "int"))
        add = self.method(self.load(found), "append", value)
        join = self.called("push", self.load(found), value)
        self.branch(plain, lambda: self.do(add), lambda: self.do(join))

    def object(self, node: Object) -> ast.expr:
        named = [(key.value, value) for key, value in node.pairs if isinstance(key, String)]
        if len(named) < len(node.pairs):
            context = self.load(self.context.local)
            over = ast.List([context], ast.Load(), **self.at) if self.context.root else self.called("listed", context)
            return self.grouping(node.pairs, over)
        made = self.empty("dict")
        written: set[str] = set()
        with self.within(self.object_context()):
            for name, value in named:
                if name in written:
                    self.do(self.called("repeated_key", self.constant(name)))
                written.add(name)
                self.pair(made, name, value)
        return self.load(made)

    def object_context(self) -> _Context:
        """The context of constant keys: an array's items all belong to each."""
        if self.context.root:
            return _Context(self.context.local, root=False)
        local = self.new_local("item")
        context = self.load(self.context.local)
        self.assign(local, self.choice(self.has_class(context, "dict"), context, self.called("combined", context)))
        return _Context(local, root=False)

    def pair(self, made: str, name: str, value: Node) -> None:
        one = self.value(value)
        target = ast.Subscript(self.load(made), self.constant(name), ast.Store(), **self.at)
        if isinstance(one, ast.Constant):
            self.lines.append(ast.Assign([target], one, **self.at))
            return
        one = self.atom(one)
        plain = self.stored(one, value)
        self.branch(self.is_there(one), lambda: self.lines.append(ast.Assign([target], plain, **self.at)))

    def stored(self, value: ast.expr, node: Node) -> ast.expr:
        """A value as it stands in an array or object; what gives no sequence needs no look."""
        if isinstance(node, (String, Number, Value, Array, Object, Negate, Binary)):
            return value
        return self.choice(self.has_class(value, "Sequence"), self.called("list", value), value)

    # ------------------------------------------------------------------------------------------- operators

    def binary(self, node: Binary) -> ast.expr:
        match node.operator:
            case "and" | "or":
                return self.logical(node)
            case "&":
                return self.concatenation(node)
            case "=" | "!=":
                return self.equality(node)
            case "in":
                return self.called("included", *self.values(node.left, node.right))
            case "..":
                return self.called("ranged", self.running(), *self.values(node.left, node.right))
            case "<" | "<=" | ">" | ">=":
                return self.comparison(node)
            case _:
                return self.arithmetic(node)

    def arithmetic(self, node: Binary) -> ast.expr:
        left, right = map(self.atom, self.values(node.left, node.right))
        exact = self.called("arithmetic", self.constant(node.operator), left, right)
        if node.operator not in "+-":  # a product's digits add up: those are counted
            return exact
        tests = [self.has_class(v, "int") for v in (left, right) if not _is_constant(v, int)]
        if not tests or any(isinstance(v, ast.Constant) and not _is_constant(v, int) for v in (left, right)):
            return exact
        sign = ast.Add() if node.operator == "+" else ast.Sub()
        return self.choice(self.both(*tests), ast.BinOp(left, sign, right, **self.at), exact)

    def comparison(self, node: Binary) -> ast.expr:
        left, right = map(self.atom, self.values(node.left, node.right))
        exact = self.called("compared", self.constant(node.operator), left, right)
        kind = "str" if any(_is_constant(v, str) for v in (left, right)) else "int"
        tests = [self.has_class(v, kind) for v in (left, right) if not isinstance(v, ast.Constant)]
        constants = [v for v in (left, right) if isinstance(v, ast.Constant)]
        if not tests or any(not _is_constant(v, str if kind == "str" else int) for v in constants):
            return exact
        sign = {"<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE()}[node.operator]
        return self.choice(self.both(*tests), self.test(left, sign, right), exact)

    def equality(self, node: Binary) -> ast.expr:
        left, right = map(self.atom, self.values(node.left, node.right))
        negative = node.operator == "!="
        exact = self.called("unequal" if negative else "equal", left, right)
        sign: ast.cmpop = ast.NotEq() if negative else ast.Eq()
        for constant, other in ((left, right), (right, left)):
            if isinstance(constant, ast.Constant) and not isinstance(other, ast.Constant):
                if isinstance(constant.value, str):
                    return self.choice(self.has_class(other, "str"), self.test(left, sign, right), exact)
                if constant.value is None:
                    same = self.test(other, ast.IsNot() if negative else ast.Is(), constant)
                    return self.both(self.is_there(other), same) if negative else same
                return exact
        tests = (self.has_class(left, "str"), self.has_class(right, "str"))
        return self.choice(self.both(*tests), self.test(left, sign, right), exact)

    def logical(self, node: Binary) -> ast.expr:
        made = self.new_local()
        self.assign(made, self.truth(node.left))
        test: ast.expr = self.load(made)
        if node.operator == "or":
            test = ast.UnaryOp(ast.Not(), test, **self.at)
        self.branch(test, lambda: self.assign(made, self.truth(node.right)))
        return self.load(made)

    def truth(self, node: Node) -> ast.expr:
        """Whether a value counts as true, as a Python boolean."""
        match node:
            case Call(procedure=procedure, arguments=(argument,)) if self.known(procedure) == "boolean":
                return self.truth(argument) if "boolean" not in self.callers else self.truth_of(self.value(node))
        value = self.value(node)
        return value if self.is_boolean(node) else self.truth_of(value)

    def is_boolean(self, node: Node) -> bool:
        """Whether a node's value is true or false, whatever the data."""
        match node:
            case Binary(operator="and" | "or" | "=" | "!=" | "in"):
                return True
            case Call(procedure=procedure, arguments=(_,)):
                return self.known(procedure) == "exists" and "exists" not in self.callers
            case _:
                return False

    def truth_of(self, value: ast.expr) -> ast.expr:
        if isinstance(value, ast.Constant):
            return self.constant(bool(value.value))
        value = self.atom(value)
        if isinstance(value, ast.Name) and value.id in self.classes and self.classes[value.id] != "dict":
            return self.test(value, ast.NotEq(), self.constant("" if self.classes[value.id] == "str" else 0))
        true, false = self.constant(value=True), self.constant(value=False)
        certain = self.test(value, ast.Is(), true)
        text = self.both(self.has_class(value, "str"), self.test(value, ast.NotEq(), self.constant("")))
        other = self.both(self.test(value, ast.IsNot(), false), self.is_there(value), self.called("truthy", value))
        return self.either(text, certain, other)

    def concatenation(self, node: Binary) -> ast.expr:
        parts: list[ast.expr] = []
        for one, value in zip(operands := chained(node), self.values(*operands), strict=True):
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                parts.append(value)
                continue
            known = self.atom(value)
            text = self.choice(self.has_class(known, "str"), known, self.called("text", known))
            outer, self.at = self.at, self.placer.place(one.span)
            parts.append(ast.FormattedValue(text, -1, None, **self.at))
            self.at = outer
        made: ast.expr = ast.JoinedStr(parts, **self.at)
        return self.method(self.running(), "grown", made) if self.growing else made

    def coalesce(self, node: Coalesce) -> ast.expr:
        return self.alternative(node.left, node.right, self.is_there)

    def default(self, node: Default) -> ast.expr:
        return self.alternative(node.left, node.right, lambda value: self.called("truthy", value))

    def alternative(self, left: Node, right: Node, keeps: Callable[[ast.expr], ast.expr]) -> ast.expr:
        made = self.new_local()
        self.assign(made, self.value(left))
        test = ast.UnaryOp(ast.Not(), keeps(self.load(made)), **self.at)
        self.branch(test, lambda: self.assign(made, self.value(right)))
        return self.load(made)

    def condition(self, node: Condition) -> ast.expr:
        test = self.truth(node.condition)
        then, otherwise = [], []  # type: list[ast.stmt], list[ast.stmt]
        with self.into(then):
            left = self.value(node.then)
        with self.into(otherwise):
            right = self.load("MISSING") if node.otherwise is None else self.value(node.otherwise)
        if not then and not otherwise:
            return self.choice(test, left, right)
        made = self.new_local()
        for lines, value in ((then, left), (otherwise, right)):
            with self.into(lines):
                self.assign(made, value)
        self.lines.append(ast.If(test, then, otherwise, **self.at))
        return self.load(made)

    # ------------------------------------------------------------------------------------------- variables

    def block(self, node: Block) -> ast.expr:
        with self.scope():
            for name in sorted(_bound_here(node.expressions)):
                self.declare(name)
            value: ast.expr = self.load("MISSING")
            for number, expression in enumerate(node.expressions, 1):
                value = self.value(expression)
                if number < len(node.expressions) and not isinstance(value, (ast.Constant, ast.Name)):
                    self.do(value)
            return value

    def declare(self, name: str) -> None:
        """Open a variable in this scope; until it is bound it is the one of that name outside."""
        outer = self.variable_around(name)
        local = self.new_local(name)
        self.assign(local, outer)
        self.frame.owned[name] = (local, self.unit)

    def variable_around(self, name: str) -> ast.expr:
        found = self.frame.find(name)
        return self.load(found[0]) if found else self.standard(name)

    def bind(self, node: Bind) -> ast.expr:
        value = self.value(node.value)
        found = self.frame.find(node.variable.name)
        if found is None or node.variable.name in ("", "$"):
            return value
        local, unit = found
        if unit is not self.unit:
            self.unit.rebound.add(local)
        self.assign(local, value)
        return self.load(local)

    # ------------------------------------------------------------------------------------------- functions

    def call(self, node: Call) -> ast.expr:
        made = self.invocation(node, [])
        # As in the reference, what a lambda leaves to its caller to call is not collapsed.
        return made if node.tail and self.tailing else self.settling(made)

    def settling(self, value: ast.expr) -> ast.expr:
        """The value of a call: the function that makes it collapses what it gives."""
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _SETTLED:
            value.func.id = _SETTLED[value.func.id]
        return value

    def invocation(self, node: Call, piped: list[ast.expr]) -> ast.expr:
        """A call, of what `~>` hands over before its own arguments; not yet collapsed."""
        name = self.known(node.procedure)
        if name is None:
            function = self.procedure(node.procedure, "T1005")
            return self.dynamic(node, function, piped)
        if name == "exists" and name not in self.callers and len(node.arguments) == 1 and not piped:
            return self.is_there(self.value(node.arguments[0]))
        if name == "join" and name not in self.callers and not piped and _joins_texts(node):
            return self.joined_texts(node)
        if name == "eval" and name in STANDARD:
            return self.evaluation(node, piped)
        function = self.standard(name)
        if node.tail and self.tailing and _takes_context(name, len(piped) + len(node.arguments)):
            return self.called("Tail", function, *piped, *self.values(*node.arguments))
        given = [*piped, *self.values(*node.arguments)]
        context = self.load(self.context.local)
        if name in self.callers:
            given = [self.called("plain", one) for one in given] if self.odd else given
            return self.called("applied", self.running(), context, function, *given)
        if name in OURS and len(given) <= OURS[name].arity:
            return self.method(function, "body", *given)
        if name in OURS:
            return self.called("applied", self.running(), context, function, *given)
        run = self.running() if STANDARD[name].runs else self.constant(None)
        return self.called("invoked", run, context, function, *given)

    def joined_texts(self, node: Call) -> ast.expr:
        """`$join` of what an array constructor lists: nothing is listed where every item is a text."""
        texts, separator = node.arguments
        values = [self.atom(value) for value in self.values(*texts.items)]  # type: ignore[union-attr]
        local, parts = self.new_local(), list[ast.expr]()
        for value in values:
            between = [self.constant(separator.value)] if parts and separator.value else []  # type: ignore[union-attr]
            parts += [*between, ast.FormattedValue(value, -1, None, **self.at)]

        def listed() -> None:
            found = self.empty("list")
            for value in values:
                self.push(value, found)
            context, function = self.load(self.context.local), self.load("f_join")
            given = self.load(found), self.value(separator)
            self.assign(local, self.called("invoked", self.running(), context, function, *given))

        certain = self.both(*(self.has_class(value, "str") for value in values))
        self.branch(certain, lambda: self.assign(local, ast.JoinedStr(parts, **self.at)), listed)
        return self.load(local)

    def dynamic(self, node: Call, function: ast.expr, piped: list[ast.expr]) -> ast.expr:
        function = self.atom(function)
        given = [*piped, *self.values(*node.arguments)]
        if node.tail and self.tailing:
            return self.called("Tail", function, *given)
        return self.called("applied", self.running(), self.load(self.context.local), function, *given)

    def known(self, node: Node) -> str | None:
        """The name of a function that nothing binds: a binding is a value, as `now`, and no function."""
        if not isinstance(node, Variable) or self.is_bound_inside(node.name):
            return None
        known = node.name in self.callers or node.name in STANDARD or node.name in OURS
        return node.name if known else None

    def is_bound_inside(self, name: str) -> bool:
        frame: _Frame | None = self.frame
        while frame is not None and frame.parent is not None:
            if name in frame.owned:
                return True
            frame = frame.parent
        return False

    def procedure(self, node: Node, code: str) -> ast.expr:
        found = self.value(node)
        if not isinstance(node, Path) or not isinstance(node.steps[0].node, Name):
            return found
        name = node.steps[0].node.value
        hinted = self.variable_around(name)
        return self.called("procedure", found, self.constant(name), hinted, self.constant(code))

    def evaluation(self, node: Call, piped: list[ast.expr]) -> ast.expr:
        """$eval, which sees what is visible where it is called."""
        given = [*piped, *self.values(*node.arguments)]
        seen: dict[str, str] = {}
        frame: _Frame | None = self.frame
        while frame is not None:
            for name, (local, _) in frame.owned.items():
                seen.setdefault(name, local)
            frame = frame.parent
        visible = sorted(seen.items())
        variables = ast.Dict(
            [self.constant(name) for name, _ in visible], [self.load(local) for _, local in visible], **self.at
        )
        context = self.load(self.context.local)
        return self.called("evaluated", self.running(), variables, context, self.load("f_eval"), *given)

    def partial(self, node: Partial) -> ast.expr:
        given = self.values(*(a for a in node.arguments if not isinstance(a, Placeholder)))
        filling = iter([self.atom(one) for one in given])
        arguments = [self.load("HOLE") if isinstance(a, Placeholder) else next(filling) for a in node.arguments]
        function = self.procedure(node.procedure, "T1007")
        return self.called("partially", self.running(), function, *arguments)

    def lambda_(self, node: Lambda) -> ast.expr:
        parameters = [self.new_local(p.name) for p in node.parameters]
        outer = self.tailing, self.growing
        self.tailing = self.growing = True

        def write() -> ast.expr:
            with self.scope() as frame:
                frame.owned.update(
                    {p.name: (local, self.unit) for p, local in zip(node.parameters, parameters, strict=True)}
                )
                for name in sorted(_bound_here((node.body,)) - frame.owned.keys()):
                    self.declare(name)
                return self.value(node.body)

        body = self.function(parameters, write)
        self.tailing, self.growing = outer
        signature = self.constant(node.signature)
        size = self.constant(len(parameters))
        return self.called("Closure", self.constant("lambda"), self.load(body), size, signature)

    def apply(self, node: Apply) -> ast.expr:
        if _is_kept(node):
            return self.called("kept", self.raw_apply(node))
        return self.settling(self.raw_apply(node))

    def raw_apply(self, node: Apply) -> ast.expr:
        left = self.atom(self.value(node.left))
        # What is attached to a call that is piped into is not looked at, as in the reference.
        right = node.right.node if isinstance(node.right, Step) else node.right
        if isinstance(right, Call):
            outer, self.at = self.at, self.placer.place(right.span)
            made = self.invocation(right, [left])
            self.at = outer
            return made
        return self.called("piped", self.running(), left, self.value(node.right))

    def transform(self, node: Transform) -> ast.expr:
        parts = [self.of_context(part) for part in (node.pattern, node.update)]
        parts.append(self.constant(None) if node.delete is None else self.of_context(node.delete))
        return self.called("transform", *parts)

    def of_context(self, node: Node) -> ast.expr:
        """A Python function of a context."""
        item = self.new_local("item")

        def write() -> ast.expr:
            with self.within(_Context(item, root=False)):
                return self.value(node)

        return self.load(self.function([item], write))

    # ----------------------------------------------------------------------------------------------- paths

    def path(self, node: Path) -> ast.expr:
        if any(step.tuple for step in node.steps):
            found = self.tuple_path(node)
            if node.group is not None or node.tuple:
                return found
            return self.called("kept_path" if _keeps_array(node) else "collapsed", found)
        return self.finished(node, self.steps(node, raw=node.group is not None or _keeps_array(node)))

    def raw_path(self, node: Path) -> ast.expr:
        if node.group is not None or _keeps_array(node):
            return self.path(node)
        return self.tuple_path(node) if any(step.tuple for step in node.steps) else self.steps(node, raw=True)

    def steps(self, node: Path, *, raw: bool) -> ast.expr:
        """What the steps of a path give; collapsed, if it is not wanted `raw`."""
        ends: list[_End] = ["open" for _ in node.steps]
        ends[-1] = "raw" if raw else "value"
        first = node.steps[0]
        if first.consarray:
            return self.constructed_steps(node, ends)
        return self.later_steps(node, self.first_step(first, ends[0]), ends)

    def later_steps(self, node: Path, state: ast.expr, ends: list[_End]) -> ast.expr:
        for step, end in zip(node.steps[1:], ends[1:], strict=True):
            state = self.next_step(step, state, end)
        return state

    def constructed_steps(self, node: Path, ends: list[_End]) -> ast.expr:
        """A path that begins with a constructed array: an empty one is its value, and nothing else is stepped into."""
        first = self.atom(self.stepped(node.steps[0]))
        if len(node.steps) == 1:
            return first
        state = self.later_steps(node, self.called("constructed_items", first), ends)
        return self.choice(self.called("is_empty", first), self.called("Constructed"), state)

    def finished(self, node: Path, state: ast.expr) -> ast.expr:
        if node.group is not None:
            outer, self.at = self.at, self.placer.place(node.group.span)
            made = self.grouping(node.group.pairs, self.called("listed", state))
            self.at = outer
            return made
        return self.called("kept_path", state) if _keeps_array(node) else state

    def first_step(self, step: Step, end: _End) -> ast.expr:
        match step.node:
            case Name() if _is_plain(step):
                return self.first_field(step.node, end)
            case Variable():
                value = self.with_stages(step, self.stepped(step))
                return self.called("settled", value) if end == "value" else value
            case _ if step.consarray:
                return self.called("constructed_items", self.stepped(step))
        if self.context.root:
            made = self.empty("list")
            with self.within(_Context(self.context.local, root=False)):
                self.keep_value(self.with_stages(step, self.stepped(step)), made)
            return self.results(made, end)
        return self.looped(step, self.items(self.load(self.context.local), first=True), end)

    def first_field(self, node: Name, end: _End) -> ast.expr:
        context = self.load(self.context.local)
        helper = "root_field" if self.context.root else "field" if end == "value" else "fields"
        return self.got(context, node, helper)

    def got(self, value: ast.expr, node: Name, helper: str, *, steps: bool = False) -> ast.expr:
        """A field of a value, which may be what another step gave."""
        value, name = self.atom(value), self.constant(node.value)
        quick = self.method(value, "get", name, self.load("MISSING"))
        exact = self.called(helper, self.called("whole", value) if steps else value, name)
        return self.seen(node, self.choice(self.has_class(value, "dict"), quick, exact), value)

    def next_step(self, step: Step, state: ast.expr, end: _End) -> ast.expr:
        outer, self.at = self.at, self.placer.place(step.span)
        made = self.one_step(step, state, end)
        self.at = outer
        return made

    def one_step(self, step: Step, state: ast.expr, end: _End) -> ast.expr:
        match step.node:
            case Name() if _is_plain(step):
                return self.got(state, step.node, "field" if end == "value" else "fields", steps=True)
            case Sort():
                sorted_ = self.sorting(step.node, self.called("items", state))
                value = self.with_stages(step, sorted_)
                return self.called("settled", value) if end == "value" else value
        return self.looped(step, self.items(state), end)

    def looped(self, step: Step, over: ast.expr, end: _End) -> ast.expr:
        """A step that is evaluated for each item on its own."""
        made = self.empty("list")

        def write(item: str) -> ast.expr:
            with self.within(_Context(item, root=False)):
                return self.with_stages(step, self.stepped(step))

        self.each(over, (step,), write, made)
        return self.results(made, end)

    def results(self, made: str, end: _End) -> ast.expr:
        joined = self.called("joined" if end == "open" else "ended", self.load(made))
        return self.called("settled", joined) if end == "value" else joined

    def stepped(self, step: Step) -> ast.expr:
        """A node with its predicates, and a group if it stands outside a path."""
        if not (step.predicates or step.group is not None or step.keep_array):
            return self.value(step.node)
        value, names = self.raw(step.node), tuple(_streamed(step.node))
        if names:
            for one in step.predicates:
                value = self.streamed(one, value, names)
        else:
            value = self.selected(step.predicates, value)
        if step.group is not None:
            return self.grouping(step.group.pairs, self.called("listed", value))
        if not step.keep_array:
            return self.called("settled", value)
        return self.called("kept_path" if isinstance(step.node, Path) or step.predicates else "kept", value)

    def step(self, node: Step) -> ast.expr:
        return self.stepped(node)

    def with_stages(self, step: Step, value: ast.expr) -> ast.expr:
        return self.selected(tuple(s for s in step.stages if isinstance(s, Filter)), value)

    def selected(self, filters: tuple[Filter, ...], value: ast.expr) -> ast.expr:
        """What predicates leave, not yet collapsed."""
        for number, one in enumerate(filters, 1):
            outer, self.at = self.at, self.placer.place(one.span)
            if isinstance(one.expression, Number):
                value = self.called("item_at", value, self.constant(math.floor(one.expression.value)))
                # A predicate sees what is undefined, but not that there is no such item.
                value = self.called("items", value) if number < len(filters) else value
            else:
                value = self.filtered(one.expression, self.called("context_items", value), ())
            value = self.seen(one, value)
            self.at = outer
        return value

    def filtered(self, predicate: Node, over: ast.expr, names: tuple[str, ...], kind: str = "Sequence") -> ast.expr:
        source = self.atom(over)
        made = self.empty(kind)
        item, place = self.new_local("item"), self.new_local("i")
        apart = self.loops >= MAX_LOOPS or _closes(predicate)
        streamed = kind == "Tuples"
        write = self.predicate(predicate, names if streamed else None, tests=not streamed)
        test = self.function([item], lambda: write(item)) if apart else ""
        self.loops += 1
        body: list[ast.stmt] = []
        with self.into(body):
            result = self.called(test, self.load(item)) if apart else write(item)
            if self.is_boolean(predicate) or (self.is_truth(predicate) and not streamed):
                add = self.method(self.load(made), "append", self.load(item))
                self.branch(result, lambda: self.do(add))
            else:
                at = self.load(place), self.called("len", source)
                self.do(self.called("select", self.load(made), self.load(item), result, *at))
        self.loops -= 1
        self.loop(self.called("enumerate", self.watched(source)), body, place, item)
        return self.load(made)

    def predicate(self, node: Node, names: tuple[str, ...] | None, *, tests: bool = False) -> Callable[[str], ast.expr]:
        def write(item: str) -> ast.expr:
            if names is not None:
                return self.of_tuple(node, item, names)
            with self.within(_Context(item, root=False)):
                return self.truth(node) if tests and self.is_truth(node) else self.value(node)

        return write

    def is_truth(self, node: Node) -> bool:
        """Whether a predicate asks for nothing but `$boolean`."""
        match node:
            case Call(procedure=procedure, arguments=(_,)):
                return self.known(procedure) == "boolean" and "boolean" not in self.callers
            case _:
                return False

    def sorting(self, node: Sort, over: ast.expr, names: tuple[str, ...] | None = None) -> ast.expr:
        outer, self.at = self.at, self.placer.place(node.span)
        terms: list[ast.expr] = []
        for term in node.terms:
            item = self.new_local("item")
            write = self.predicate(term.expression, names)
            key = self.function([item], lambda write=write, item=item: write(item))  # type: ignore[misc]
            pair = [self.load(key), self.constant(term.descending)]
            terms.append(ast.Tuple(pair, ast.Load(), **self.at))
        made = self.called("ordered", self.running(), over, ast.Tuple(terms, ast.Load(), **self.at))
        self.at = outer
        return made

    def grouping(
        self, pairs: tuple[tuple[Node, Node], ...], over: ast.expr, names: tuple[str, ...] | None = None
    ) -> ast.expr:
        source = self.atom(over)
        made: list[ast.expr] = []
        for pair in pairs:
            functions: list[ast.expr] = []
            for part in pair:
                item = self.new_local("item")
                write = self.predicate(part, names)
                functions.append(self.load(self.function([item], lambda write=write, item=item: write(item))))  # type: ignore[misc]
            made.append(ast.Tuple(functions, ast.Load(), **self.at))
        return self.called("grouped", self.running(), source, ast.Tuple(made, ast.Load(), **self.at))

    # ----------------------------------------------------------------------------------------- tuple streams

    def of_tuple(self, node: Node, item: str, names: tuple[str, ...]) -> ast.expr:
        """A value in the context of a tuple, whose bindings are variables."""
        context = self.unpacked(item)
        with self.scope() as frame, self.within(_Context(context, root=False)):
            self.own(frame, item, names)
            return self.value(node)

    def unpacked(self, item: str) -> str:
        context = self.new_local("item")
        key = ast.Subscript(self.load(item), self.constant("@"), ast.Load(), **self.at)
        self.assign(context, key)
        return context

    def own(self, frame: _Frame, item: str, names: tuple[str, ...]) -> None:
        for name in names:
            local = self.new_local(name)
            self.assign(local, self.method(self.load(item), "get", self.constant(name), self.load("MISSING")))
            frame.owned[name] = (local, self.unit)

    def tuple_path(self, node: Path) -> ast.expr:
        first = next(number for number, step in enumerate(node.steps) if step.tuple)
        state: ast.expr | None = None
        for number, step in enumerate(node.steps[:first]):
            state = self.first_step(step, "open") if number == 0 else self.next_step(step, state, "open")  # type: ignore[arg-type]
        state = state and self.atom(state)
        names: tuple[str, ...] = ()
        tuples: ast.expr | None = None
        for step in node.steps[first:]:
            outer, self.at = self.at, self.placer.place(step.span)
            tuples, names = self.tuple_step(step, state, tuples, names)
            self.at = outer
        stream = self.atom(tuples)  # type: ignore[arg-type]
        if node.group is not None:
            over = stream if state is None else self.called("begun", state, stream)
            return self.grouping(node.group.pairs, over, names)
        return stream if node.tuple else self.called("unbound", stream)

    def tuple_step(
        self, step: Step, state: ast.expr | None, tuples: ast.expr | None, names: tuple[str, ...]
    ) -> tuple[ast.expr, tuple[str, ...]]:
        if isinstance(step.node, Sort):
            made, names = self.sorted_tuples(step, state, tuples, names)
        else:
            made, names = self.spread_tuples(step, state, tuples, names)
        for stage in step.stages:
            if isinstance(stage, Index):
                names = _with(names, stage.variable.name)
                made = self.called("numbered", made, self.constant(stage.variable.name))
            else:
                made = self.streamed(stage, made, names)
        return made, names

    def streamed(self, predicate: Filter, tuples: ast.expr, names: tuple[str, ...]) -> ast.expr:
        """What a predicate leaves of a tuple stream."""
        if not isinstance(predicate.expression, Number):
            return self.filtered(predicate.expression, tuples, names, "Tuples")
        at = self.constant(math.floor(predicate.expression.value))
        return self.called("Tuples", self.called("listed", self.called("item_at", tuples, at)))

    def sorted_tuples(
        self, step: Step, state: ast.expr | None, tuples: ast.expr | None, names: tuple[str, ...]
    ) -> tuple[ast.expr, tuple[str, ...]]:
        if tuples is not None:
            return self.sorting(step.node, tuples, names), names  # type: ignore[arg-type]
        made = self.called("stream", self.running(), self.sorting(step.node, self.called("listed", state)))  # type: ignore[arg-type]
        if step.index is None:
            return made, names
        return self.called("numbered", made, self.constant(step.index.name)), _with(names, step.index.name)

    def spread_tuples(
        self, step: Step, state: ast.expr | None, tuples: ast.expr | None, names: tuple[str, ...]
    ) -> tuple[ast.expr, tuple[str, ...]]:
        if tuples is None:
            tuples = self.called("stream", self.running(), self.start(step, state))
        made = self.empty("Tuples")
        bound, given = self.new_local("bound"), self.new_local("bound")
        body: list[ast.stmt] = []

        def write() -> ast.expr:
            context = self.unpacked(bound)
            with self.scope() as frame, self.within(_Context(context, root=False)):
                self.own(frame, bound, names)
                return self.stepped(step)

        stepped = self.function([bound], write)
        labels = [self.constant(v and v.name) for v in (step.focus, step.index)] + [self.constant(step.ancestor)]
        with self.into(body):
            result = self.called(stepped, self.load(given))
            self.do(self.called("spread", self.running(), self.load(made), self.load(given), result, *labels))
        self.loop(self.method(self.running(), "each", tuples), body, given)
        own = [v.name for v in (step.focus, step.index) if v] + [step.ancestor] * bool(step.ancestor)
        return self.load(made), _with(names, *own, *_streamed(step.node))  # type: ignore[arg-type]

    def start(self, step: Step, state: ast.expr | None) -> ast.expr:
        if state is not None:
            return self.called("items", state)
        context = self.load(self.context.local)
        if self.context.root or isinstance(step.node, Variable):
            return ast.List([context], ast.Load(), **self.at)
        return self.called("context_items", context)


_WRITE: dict[type, Callable[[Writer, Any], ast.expr]] = {
    Apply: Writer.apply,
    Array: Writer.array,
    Binary: Writer.binary,
    Bind: Writer.bind,
    Block: Writer.block,
    Call: Writer.call,
    Coalesce: Writer.coalesce,
    Condition: Writer.condition,
    Default: Writer.default,
    Descendant: Writer.collapsing,
    Lambda: Writer.lambda_,
    Name: Writer.name,
    Negate: Writer.negate,
    Number: Writer.literal,
    Object: Writer.object,
    Parent: Writer.parent,
    Partial: Writer.partial,
    Path: Writer.path,
    Regex: Writer.regex,
    Step: Writer.step,
    String: Writer.literal,
    Transform: Writer.transform,
    Value: Writer.literal,
    Variable: Writer.variable,
    Wildcard: Writer.collapsing,
}


#: The functions that call, and those that collapse what is given.
_SETTLED = {"applied": "call", "invoked": "invoke"}


def _keeps_array(node: Path) -> bool:
    return node.keep_singleton_array or node.keep_array


def _is_range(node: Node) -> bool:
    return isinstance(node, Binary) and node.operator == ".."


def _is_kept(node: Node) -> bool:
    """Whether `[]` on either side of `~>` keeps what the call gives an array."""
    match node:
        case Apply(left=left, right=right):
            return _is_kept(left) or _is_kept(right)
        case Step(keep_array=kept) | Path(keep_array=kept):
            return kept
        case _:
            return False


def _is_plain(step: Step) -> bool:
    """Whether a step is nothing but its node."""
    return not (step.predicates or step.stages or step.group or step.focus or step.index or step.keep_array)


def _is_constant(value: ast.expr, kind: type) -> bool:
    return isinstance(value, ast.Constant) and type(value.value) is kind


def _is_local(value: ast.expr) -> bool:
    """Whether this is a local that is assigned once, so that it can be had later as well as now."""
    return isinstance(value, ast.Name) and value.id.startswith(("t_", "f_"))


def _joins_texts(node: Call) -> bool:
    """Whether it is `$join([…], "…")`."""
    match node.arguments:
        case (Array(items=items), String()) if items:
            return not any(isinstance(item, (Array, Step)) or _is_range(item) for item in items)
        case _:
            return False


def chained(node: Binary) -> list[Node]:
    """The operands of `a & b & c`."""
    left = chained(node.left) if isinstance(node.left, Binary) and node.left.operator == "&" else [node.left]
    return [*left, node.right]


def _with(names: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *more)))


def _closes(node: Node) -> bool:
    """Whether a node makes functions that can outlive it, and so have to keep its variables."""
    return any(isinstance(one, (Lambda, Transform)) for one in walk(node))


def _bound_here(nodes: tuple[Node, ...]) -> set[str]:
    """The variables that nodes bind in the scope they stand in."""
    found: set[str] = set()
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Bind):
            found.add(node.variable.name)
        if not isinstance(node, (Block, Lambda)):
            waiting.extend(children(node))
    return found - {"", "$"}


def _streamed(node: Node) -> list[str]:
    """The names that the tuples of a path within a path bring along."""
    match node:
        case Block(expressions=(*_, last)):
            return _streamed(last)
        case Path(tuple=True, steps=steps):
            found: list[str] = []
            for step in steps:
                found += [v.name for v in (step.focus, step.index) if v]
                found += [s.variable.name for s in step.stages if isinstance(s, Index)]
                found += [step.ancestor] if step.ancestor else []
                found += _streamed(step.node)
            return found
        case _:
            return []


def _takes_context(name: str, given: int) -> bool:
    """Whether a function called with that many arguments may want the context of its caller."""
    return name in STANDARD and "-" in (STANDARD[name].signature or "") and given < STANDARD[name].arity


# ------------------------------------------------------------------------------------------------ what to call


@dataclass(frozen=True, slots=True)
class Emitted:
    """What an expression became: `value` is to be evaluated right after `statements`.

    `runs` says whether they use the local that was given as `run`.
    """

    statements: list[ast.stmt]
    value: ast.expr
    runs: bool


def emit(
    node: Node,
    names: Mapping[str, str],
    context: str,
    placer: Placer,
    *,
    callers: Mapping[str, str] | None = None,
    run: str = "run",
    is_input: bool = True,
    temporaries: Iterator[int] | None = None,
    classes: Mapping[str, str] = MappingProxyType({}),
    trace: bool = False,
) -> Emitted:
    """The statements and the result expression of a node, to be spliced into a Python function.

    `names` are the Python locals (or parameters) of JSONata's free variables; a variable that is not among them is the
    standard function of that name, or undefined. `context` is the local that holds `$`: plain JSON, or MISSING;
    `$$` is the same unless `names` has `$`.
    `callers` are the names under which the callers' `Function`s can be loaded. `run` is the local that holds the
    `values.Run` of the evaluation; it has to be there only when the result's `runs` says so. `is_input` says that
    `$` is a whole input rather than an item of one: only that makes a difference for an array. `classes` are those of
    locals whose class is known. Pass one `itertools.count()` as `temporaries` to all expressions of one Python
    function, so that their locals differ; no local that is made ends otherwise than in `_` and a number. The value may
    be a `Sequence`, which is a list, and with `escapes(node)` may hold functions; `values.plain` and
    `values.released` make it plain. With `trace` the value of each node is noted by `Run.seen`, under its number in
    `walk(node)`; its value and the errors are the same.
    """
    writer = Writer(
        {"$": context, **names}, callers or {}, context, placer, run=run, is_input=is_input, temporaries=temporaries
    )
    nodes = list(walk(node))
    writer.growing = any(isinstance(one, (Bind, Lambda)) for one in nodes)
    writer.calling = any(isinstance(one, (Call, Partial, Apply)) or _is_range(one) for one in nodes)
    writer.odd = bool(callers) and escapes(node)
    writer.classes = classes
    writer.numbers = {id(one): number for number, one in enumerate(nodes)} if trace else {}
    with writer.scope():
        writer.at = placer.place(node.span)
        for name in sorted(_bound_here((node,))):
            writer.declare(name)
        value = writer.value(node)
    return Emitted(writer.lines, value, writer.runs)


@dataclass(frozen=True, slots=True)
class Program:
    """The module of one Python function `expression(data, run, *parameters)`."""

    tree: ast.Module
    parameters: tuple[str, ...]
    runs: bool


def program(node: Node, placer: Placer, callers: Mapping[str, str], *, trace: bool = False) -> Program:
    """The Python function of an expression; `parameters` are the JSONata variables that it wants to be given."""
    names = parameters(node, callers)
    numbers = count(1)
    locals_ = {name: f"v_{next(numbers)}" for name in names}
    made = emit(node, locals_, "data", placer, callers=callers, temporaries=numbers, trace=trace)
    at = placer.place(node.span)
    arguments = [ast.arg(name, **at) for name in ("data", "run", *locals_.values())]
    body = [*made.statements, ast.Return(made.value, **at)]
    function = ast.FunctionDef(
        "expression", ast.arguments([], arguments, None, [], [], None, []), body, [], None, None, **at
    )
    return Program(ast.Module([function], []), names, made.runs)


def parameters(node: Node, callers: Mapping[str, str]) -> tuple[str, ...]:
    """The free variables whose value is wanted; not those that are only called, and are functions by their names."""
    called = {id(one.procedure) for one in walk(node) if isinstance(one, (Call, Partial))}
    known = callers.keys() | STANDARD.keys() | OURS.keys()
    wanted = (v.name for v in free_variables(node) if id(v) not in called or v.name not in known)
    return tuple(dict.fromkeys(wanted))


def link(made: Program, source: Source, callers: Mapping[str, Any]) -> Callable[..., Any]:
    """The Python function of a program; `callers` are functions by the names under which it loads them."""
    namespace: dict[str, Any] = {**NAMESPACE, **callers, "__builtins__": {}}
    exec(compile(made.tree, source.name.replace("\0", " "), "exec"), namespace)  # noqa: S102  (of nodes, not of text)
    function: Callable[..., Any] = namespace["expression"]
    return function
