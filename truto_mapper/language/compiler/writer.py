"""The state of one compilation: the variables in scope, what `$` is, and how to compile a child node."""

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.compiler.escapes import nests_sequences
from truto_mapper.language.compiler.lambdas import written_out
from truto_mapper.language.compiler.pen import Pen
from truto_mapper.language.compiler.placer import Placer
from truto_mapper.language.compiler.shape import Shape

#: The nodes whose value is that of another node, a variable, or a field.
_PASSING = (
    nodes.Bind,
    nodes.Block,
    nodes.Branches,
    nodes.Chain,
    nodes.Coalesce,
    nodes.Condition,
    nodes.Default,
    nodes.Parent,
    nodes.Path,
    nodes.Variable,
)

#: The function that compiles each kind of node.
Table = Mapping[type, Callable[["Writer", Any], ast.expr]]


#: The characters from which on a text counts that is made once in an evaluation.
SHORT = 1_000

#: The items up to which an array that is made or looked through once in an evaluation does not count.
MANY = 32

#: The most variables that the calls of $eval in an expression see together.
MAX_VISIBLE = 20_000

#: Python looks at all locals of a function again for each function in it. The most of these looks.
MAX_LOOKED_AT = 10_000_000

#: The functions from which on others are put into functions of their own, so that Python looks at fewer locals.
MANY_FUNCTIONS = 200


class TooManyVariablesError(SyntaxError):
    """The code of an expression would be too long."""


class Writer(Pen):
    """A pen that compiles nodes.

    Compiling a node writes the statements it needs, and returns the Python expression of its value, which must be
    evaluated right after them. `tables` are the compile functions for values and for raw values.
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
        small: Collection[str],
        alone: bool,
    ) -> None:
        super().__init__(placer.place(node.span), temporaries)
        self.classes = dict(classes)
        self.tables, self.placer = tables, placer
        #: Of the Python function being written: the outer locals that it assigns, and how deep its loops nest.
        self.nonlocals: set[str] = set()
        self.loops = 0
        #: The local that says whether the only loop here is over many items; None where more than that counts.
        self.many: str | None = None
        #: The local of each variable, and the `nonlocals` of the function that owns this local.
        self.free = {name: (local, self.nonlocals) for name, local in names.items()}
        self.variables = dict(self.free)
        #: The local that holds `$`, and whether that is the whole input, which counts as one item.
        self.context, self.is_input = context, True
        #: The local that holds `$` as functions and `*` see it, if that is another.
        self.around: str | None = None
        #: Whether the code uses the local `run`.
        self.runs = False
        #: How many functions and locals the Python function being written has so far, those of outer ones included.
        self.functions = self.locals = 0
        #: How many locals Python looks at to compile the functions before.
        self.looked_at = 0
        #: How many variables the calls of $eval see so far.
        self.visible = 0
        #: The value of `nodes.Hole`.
        self.hole: ast.expr = self.load("MISSING")
        #: Whether a lambda is being compiled, and whether its tail calls are left to its caller.
        self.in_lambda = self.leaves_tails = False
        below = list(nodes.walk(node))
        #: The numbers of nodes by identity, if values are traced.
        self.numbers = {id(one): number for number, one in enumerate(below)} if trace else {}
        #: The lambdas whose bodies are written out in loops. A traced lambda is a value of its own.
        self.written_out = frozenset() if trace else written_out(below, callers)
        #: The identities of `**` that fields follow.
        self.before_fields: set[int] = set()
        kinds = {type(one) for one in below}
        called = {id(one.procedure) for one in below if isinstance(one, (nodes.Call, nodes.Partial))}
        read = [one for one in below if nodes.is_variable(one) and id(one) not in called]
        reads_variables = any(one.name not in small for one in read)
        #: Whether a variable may change.
        self.binds = nodes.Bind in kinds
        #: Sizes are checked if recursion, bindings or variables can make values much larger than the input.
        self.checks_size = not kinds.isdisjoint((nodes.Bind, nodes.Lambda)) or reads_variables
        #: Whether functions are called, or ranges made, so that time does not only depend on the input.
        self.checks_time = not kinds.isdisjoint((nodes.Call, nodes.Partial, nodes.Apply)) or any(
            map(nodes.is_range, below)
        )
        #: Whether a value may be a sequence of one item, which collapses wherever it is a value.
        self.nests = nests_sequences(below)
        #: Whether a value of the whole page may be read, once for each row.
        self.reads_variables = reads_variables
        #: Loops check the clock unless they make a single pass over the input; `alone` over one of any size.
        self.watches = alone or self.checks_time or reads_variables
        self.is_alone = alone
        #: The shapes of object constructors, by their identity.
        self.shapes: Mapping[int, Shape] = {}
        #: See `compiler.emit`.
        self.objects: Collection[str] = ()
        #: The locals of callers' functions by name.
        self.callers = callers

    def new_local(self, name: str = "t") -> str:
        self.locals += 1
        return super().new_local(name)

    def apart(self, write: Callable[[], ast.expr]) -> ast.expr:
        """The value of code that makes functions, in a function of its own if there are many."""
        return write() if self.functions < MANY_FUNCTIONS else self.called(self.function([], write))

    def value(self, node: nodes.Node, *, raw: bool = False) -> ast.expr:
        """Compile a node. A `raw` value is not yet collapsed, for predicates, a group or `[]` behind the node."""
        outer, self.at = self.at, self.placer.place(node.span)
        made = self.tables[raw][type(node)](self, node)
        if self.nests and not raw and isinstance(node, _PASSING) and not _has_tail_call(node):
            made = self.called("settled", made)
        made = made if isinstance(node, (nodes.Name, nodes.Hole)) else self.traced(node, made)
        self.at = outer
        return made

    def values(self, *several: nodes.Node) -> list[ast.expr]:
        """Compile several nodes. Their values are evaluated in the order of the text."""
        made: list[ast.expr] = []
        for node in several:
            before = len(self.lines)
            value = self.value(node)
            if len(self.lines) > before:
                # The earlier values are evaluated before the statements of this one.
                late, self.lines[before:] = self.lines[before:], []
                changed = _assigned(late) if self.binds else set[str]()
                made = [self._kept(one, changed) for one in made]
                self.lines.extend(late)
            made.append(value)
        return made

    def _kept(self, value: ast.expr, changed: set[str]) -> ast.expr:
        """A value that stays as it is while the locals of the names in `changed` change."""
        if not isinstance(value, ast.Name) or value.id not in changed:
            return self.atom(value)
        local = self.new_local()
        self.assign(local, value)
        return self.load(local)

    def flat(self, number: int, value: ast.expr) -> ast.expr:
        """The value of a construct that is applied again and again, `number` times so far: a local where it is many."""
        return self.atom(value) if number % nodes.MAX_NESTED == 0 else value

    def traced(self, node: nodes.Node, made: ast.expr, *context: ast.expr) -> ast.expr:
        """The value of a node, recorded if values are traced; for a field also the object that has it."""
        if id(node) not in self.numbers:
            return made
        return self.method(self.running(), "seen", self.constant(self.numbers[id(node)]), made, *context)

    def seen_by_eval(self) -> list[tuple[str, str]]:
        """The variables in scope and their locals."""
        self.visible += len(self.variables)
        if self.visible > MAX_VISIBLE:
            raise TooManyVariablesError(f"the calls of $eval see more than {MAX_VISIBLE:,} variables together")
        return sorted((name, local) for name, (local, _) in self.variables.items())

    def running(self) -> ast.expr:
        """The `Run` of the evaluation, which the caller of the code must provide."""
        self.runs = True
        return self.load("run")

    @property
    def repeats(self) -> bool:
        """Whether code here may run many times over the same data."""
        return self.loops > 1 or (self.loops == 1 and self.watches)

    @property
    def may_be_many(self) -> bool:
        """Whether code here may run more than once in an evaluation, or in one whose data may be of any size."""
        return bool(self.loops) or self.in_lambda or self.is_alone

    def counts(self, found: ast.expr) -> ast.expr:
        """Whether what is made here counts: always, or only if it has many items, or is made for each of many."""
        if self.many is not None:
            return self.load(self.many)
        return self.constant(value=True) if self.may_be_many else self.is_many(found)

    def is_many(self, found: ast.expr) -> ast.expr:
        """Whether so many items have to be counted that are looked at, or made, once in an evaluation."""
        return self.test(self.called("len", found), ast.Gt(), self.constant(MANY))

    def clock(self) -> list[ast.expr]:
        """The last argument of a function that looks through a value: the `Run` where it may be called many times."""
        return [self.running()] if self.loops or self.checks_time or self.reads_variables else []

    def grown(self, made: ast.expr) -> ast.expr:
        """A text, array or object that was made, its size counted where it may be one of many."""
        if not self.checks_size and not self.repeats:
            return made
        if isinstance(made, ast.Name):  # nothing more has to be known of the local
            count = self.method(self.running(), "grown", made)
            self.branch(self.counts(made), lambda: self.do(count))
            return made
        if not isinstance(made, ast.JoinedStr) or self.loops or self.in_lambda:
            return self.method(self.running(), "grown", made)
        text = self.atom(made)  # once in an evaluation: only a long one counts
        is_short = self.test(self.called("len", text), ast.Lt(), self.constant(SHORT))
        return self.choice(is_short, text, self.method(self.running(), "grown", text))

    def dollar(self) -> ast.expr:
        """The value of `$`."""
        return self.load(self.context)

    def focus(self) -> ast.expr:
        """The value of `$` as functions and `*` see it: an array around it where an array begins a path."""
        return self.load(self.around or self.context)

    @contextmanager
    def placed(self, node: nodes.Node) -> Iterator[None]:
        """Position code at a node."""
        outer, self.at = self.at, self.placer.place(node.span)
        yield
        self.at = outer

    @contextmanager
    def within(self, context: str) -> Iterator[None]:
        """Use another local as `$`."""
        outer = self.context, self.is_input, self.around
        self.context, self.is_input, self.around = context, False, None
        yield
        self.context, self.is_input, self.around = outer

    @contextmanager
    def of_lambda(self, *, leaves_tails: bool) -> Iterator[None]:
        """Write the body of a lambda."""
        outer = self.in_lambda, self.leaves_tails
        self.in_lambda, self.leaves_tails = True, leaves_tails
        yield
        self.in_lambda, self.leaves_tails = outer

    @contextmanager
    def filling(self, hole: ast.expr | None) -> Iterator[None]:
        """Use a value as the operand that is in another part of a chain."""
        outer, self.hole = self.hole, hole or self.hole
        yield
        self.hole = outer

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Open a scope: variables declared in it are unknown after it."""
        outer, self.variables = self.variables, dict(self.variables)
        yield
        self.variables = outer

    @contextmanager
    def looping(self, body: list[ast.stmt], source: ast.expr | None = None) -> Iterator[None]:
        """Write the body of a loop over `source`, which is in a local. What it makes counts if that has many items."""
        outer, self.many = self.many, None
        if source is not None and not self.may_be_many:
            self.many = self.new_local("many")
            self.assign(self.many, self.is_many(source))
        self.loops += 1
        with self.into(body):
            yield
        self.loops -= 1
        self.many = outer

    def watched(self, found: ast.expr, *results: str) -> ast.expr:
        """The items of a loop, which may have to check the clock, and the size of the results in a local."""
        if not self.loops and not self.watches:
            return found
        each = self.method(self.running(), "each", found, *map(self.load, results))
        if self.may_be_many or not isinstance(found, ast.Name):
            return each
        return self.choice(self.is_many(found), each, found)

    def pairs(self, found: ast.expr) -> ast.expr:
        """The keys and values of an object in a local, for a loop."""
        each = self.called("pairs", self.running(), found)
        return each if self.may_be_many else self.choice(self.is_many(found), each, self.method(found, "items"))

    def items(self, function: str, value: ast.expr) -> ast.expr:
        """A call of `function`, which gives the items of a value; an array that was made here is these."""
        is_array = isinstance(value, ast.Name) and self.classes.get(value.id) in ("list", "Sequence")
        return value if is_array else self.called(function, value)

    def function(self, parameters: list[str], write: Callable[[], ast.expr]) -> str:
        """Define a Python function that returns the expression of `write`, and return its name."""
        name, seen = self.new_local("f"), self.locals
        outer = self.nonlocals, self.loops, self.functions, self.many
        self.nonlocals, self.loops, self.functions, self.many = set(), 1, 0, None
        body: list[ast.stmt] = []
        with self.into(body):
            body.append(ast.Return(write(), **self.at))
        if self.nonlocals:
            body.insert(0, ast.Nonlocal(sorted(self.nonlocals), **self.at))
        self.looked_at += self.functions * self.locals
        self.nonlocals, self.loops, self.functions, self.many = outer
        self.functions, self.locals = self.functions + 1, seen
        if self.looked_at + self.functions * self.locals > MAX_LOOKED_AT:
            kinds = "lambdas, groups, sorts, transforms, @, # and %"
            raise TooManyVariablesError(f"the expression has too many {kinds} to compile it in time")
        self.define(name, parameters, body)
        return name


def _has_tail_call(node: nodes.Node) -> bool:
    """Whether a node's value may be that of a tail call, which only the caller of the lambda collapses."""
    match node:
        case nodes.Call(tail=is_tail):
            return is_tail
        case nodes.Block(expressions=(*_, last)):
            return _has_tail_call(last)
        case nodes.Condition(then=left, otherwise=right):
            return _has_tail_call(left) or (right is not None and _has_tail_call(right))
        case nodes.Coalesce(left=left, right=right) | nodes.Default(left=left, right=right):
            return _has_tail_call(left) or _has_tail_call(right)
        case nodes.Branches(parts=parts):
            return any(map(_has_tail_call, parts))
        case _:
            return False


def _assigned(lines: list[ast.stmt]) -> set[str]:
    """The locals that statements assign."""
    below = (one for line in lines for one in ast.walk(line) if isinstance(one, ast.Name))
    return {one.id for one in below if isinstance(one.ctx, ast.Store)}
