"""The state of one compilation: the variables in scope, what `$` is, and how to compile a child node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.compiler.escapes import escapes
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.compiler.placer import Placer

#: The function that compiles each kind of node.
Table = Mapping[type, Callable[["Writer", Any], ast.expr]]


class Writer(Pen):
    """A pen that compiles nodes.

    Compiling a node writes the statements it needs and returns the Python expression of its value, to be evaluated
    right after them. `tables` hold the functions for values and for raw values.
    """

    def __init__(
        self,
        tables: tuple[Table, Table],
        node: nodes.Node,
        names: Mapping[str, str],
        context: str,
        placer: Placer,
        callers: Mapping[str, str],
        temporaries: Iterator[int] | None,
        classes: Mapping[str, str],
        trace: bool,
    ) -> None:
        super().__init__(placer.place(node.span), temporaries, classes)
        self.tables = tables
        self.placer = placer
        #: The locals that the Python function being written assigns in the functions around it; its nested loops.
        self.nonlocals: set[str] = set()
        self.loops = 0
        #: Each variable's local, and the `nonlocals` of the function that owns the local.
        self.variables = {name: (local, self.nonlocals) for name, local in names.items()}
        self.free = self.variables
        #: The local that holds `$`. A whole input is one item even if it is an array.
        self.context, self.is_input = context, True
        #: Whether the code uses the local `run`.
        self.runs = False
        #: Within a lambda, whose tail calls are left to its caller.
        self.in_lambda = False
        below = list(nodes.walk(node))
        #: The numbers of nodes by identity, if their values are traced.
        self.numbers = {id(one): number for number, one in enumerate(below)} if trace else {}
        #: Values can outgrow the input if an expression binds variables or calls itself: their size is checked.
        self.checks_size = any(isinstance(one, (nodes.Bind, nodes.Lambda)) for one in below)
        #: Loops can run for long if they nest, or run over computed items: they check the clock.
        self.checks_time = any(
            isinstance(one, (nodes.Call, nodes.Partial, nodes.Apply)) or is_range(one) for one in below
        )
        #: The locals that hold callers' functions by name. These take plain JSON only.
        self.callers = callers
        self.makes_plain = bool(callers) and escapes(node)

    def value(self, node: nodes.Node, *, raw: bool = False) -> ast.expr:
        """Compile a node. A `raw` value is not yet collapsed, for predicates, a group or `[]` behind the node."""
        outer, self.at = self.at, self.placer.place(node.span)
        made = self.tables[raw][type(node)](self, node)
        made = made if isinstance(node, nodes.Name) else self.traced(node, made)
        self.at = outer
        return made

    def values(self, *several: nodes.Node) -> list[ast.expr]:
        """Compile nodes whose values are evaluated in the order of the text."""
        made: list[ast.expr] = []
        for node in several:
            before = len(self.lines)
            value = self.value(node)
            if len(self.lines) > before:
                # The values so far come before the statements of this one.
                late, self.lines[before:] = self.lines[before:], []
                made = [one if isinstance(one, ast.Constant) or _is_final(one) else self.atom(one) for one in made]
                self.lines.extend(late)
            made.append(value)
        return made

    def traced(self, node: nodes.Node, made: ast.expr, *context: ast.expr) -> ast.expr:
        """The value of a node, recorded if the evaluation is traced; a field's with the object it was looked up in."""
        if id(node) not in self.numbers:
            return made
        return self.method(self.running(), "seen", self.constant(self.numbers[id(node)]), made, *context)

    def running(self) -> ast.expr:
        """The `Run` of the evaluation, which the code then needs."""
        self.runs = True
        return self.load("run")

    def dollar(self) -> ast.expr:
        """The value of `$`."""
        return self.load(self.context)

    @contextmanager
    def placed(self, node: nodes.Node) -> Iterator[None]:
        """Position what is written at a node."""
        outer, self.at = self.at, self.placer.place(node.span)
        yield
        self.at = outer

    @contextmanager
    def within(self, context: str) -> Iterator[None]:
        """Let another local hold `$`, which is then not the whole input."""
        outer = self.context, self.is_input
        self.context, self.is_input = context, False
        yield
        self.context, self.is_input = outer

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Forget the variables bound inside at the end."""
        outer, self.variables = self.variables, dict(self.variables)
        yield
        self.variables = outer

    @contextmanager
    def looping(self, body: list[ast.stmt]) -> Iterator[None]:
        """Write the body of a loop."""
        self.loops += 1
        with self.into(body):
            yield
        self.loops -= 1

    def watched(self, found: ast.expr) -> ast.expr:
        """The items of a loop, which checks the clock unless it is a single pass over the input."""
        return self.method(self.running(), "each", found) if self.loops or self.checks_time else found

    def function(self, parameters: list[str], write: Callable[[], ast.expr]) -> str:
        """Define a Python function that returns what `write` makes, and return its name."""
        name, outer = self.new_local("f"), (self.nonlocals, self.loops)
        self.nonlocals, self.loops = set(), 0
        body: list[ast.stmt] = []
        with self.into(body):
            body.append(ast.Return(write(), **self.at))
        if self.nonlocals:
            body.insert(0, ast.Nonlocal(sorted(self.nonlocals), **self.at))
        self.nonlocals, self.loops = outer
        self.define(name, parameters, body)
        return name


def is_range(node: nodes.Node) -> bool:
    """Whether a node is `a..b`."""
    return isinstance(node, nodes.Binary) and node.operator == ".."


def _is_final(value: ast.expr) -> bool:
    """Whether this is a local that is assigned only once, so that its value is the same later."""
    return isinstance(value, ast.Name) and value.id.startswith(("t_", "f_"))
