"""JSONata expressions: parsed at once, compiled when they are first evaluated; or restored as they were compiled."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any, Final

from truto_mapper.language.compiler import placer
from truto_mapper.language.library.functions import LIBRARY, NAMESPACE, STANDARD
from truto_mapper.language.runtime.calls import from_caller
from truto_mapper.language.runtime.sizes import measure
from truto_mapper.language.runtime.values import (
    BOUNDS,
    DEFAULT_DEPTH,
    DEFAULT_TIMEOUT,
    MAX_WRITTEN,
    MISSING,
    Budget,
    Run,
    Walk,
    fail,
    finished,
)
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean
from truto_mapper.text.errors import EvaluationError, MappingError
from truto_mapper.text.record import NamedTuple, replace
from truto_mapper.text.source import Source, Span

if TYPE_CHECKING:
    from truto_mapper.language.nodes import Node, Variable
    from truto_mapper.language.trace import Trace

# Nodes, their parser and their compiler are imported where they are used: what was compiled before needs none of them.


#: The names of the standard functions.
STANDARD_FUNCTIONS: Final = frozenset(STANDARD)

#: The characters that $eval surely parses, and the nodes besides literals that it compiles, in half a second.
EVALUATED: Final = 10_000
COMPILED: Final = 1_000

#: The characters from which on a text is long.
LONG: Final = 2_000

#: The codes of calls of what is no function, and of functions that are given what is none.
_NO_FUNCTION = ("T0410", "T1005", "T1006", "T1007", "T1008", "T2006")


class Scope:
    """The data and bindings of an evaluation, all plain JSON values; bindings hide those of the parent."""

    __slots__ = ("bindings", "budget", "data", "parent", "trace")

    def __init__(
        self,
        data: Any = MISSING,
        bindings: Mapping[str, Any] | None = None,
        parent: Scope | None = None,
        trace: Trace | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Evaluations in this scope and in scopes within it are recorded in `trace`, and share the `budget`."""
        self.data = data
        self.bindings = bindings or {}
        self.parent = parent
        self.trace: Trace | None = parent.trace if trace is None and parent is not None else trace
        self.budget: Budget | None = parent.budget if budget is None and parent is not None else budget

    def lookup(self, name: str, default: Any = MISSING) -> Any:
        """The value of `$name`, or the default if it is not bound; `$` is the data."""
        if name == "$":
            return self.data
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings:
                return scope.bindings[name]
            scope = scope.parent
        return default


class Expression:
    """A parsed JSONata expression. Immutable, and safe to share between threads."""

    def __init__(
        self,
        text: str,
        *,
        source: Source | None = None,
        offsets: tuple[int, ...] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        tables: Mapping[str, Any] | None = None,
    ) -> None:
        """Parse `text`. `offsets` has the position in `source` of each of its characters.

        Without `offsets` the text is the whole source; without `source` the text is a source of its own. `functions`
        are callable as `$name(…)`; they take and return plain JSON values, MISSING for undefined. `tables` are
        constants that `$name` stands for. Raises `MappingError` with one diagnostic.
        """
        self.text = text
        self.source = source or Source("<expression>", text)
        self._offsets = offsets
        self.tables = tables or None
        self.functions = {**(functions or {}), **(tables or {})}
        self._program: Program | None = None
        self.node = _parsed(self)

    @property
    def parts(self) -> tuple[str, Source, tuple[int, ...] | None, Program | None]:
        """What `restored` takes besides the functions; no program if it was not compiled."""
        return self.text, self.source, self._offsets, self._program

    @cached_property
    def node(self) -> Node:
        """What the text means."""
        return _parsed(self)

    @cached_property
    def below(self) -> Sequence[Node]:
        """All nodes of the expression, in the order of the text."""
        from truto_mapper.language.nodes import walk  # noqa: PLC0415  # see above

        return tuple(walk(self.node))

    @property
    def at(self) -> str:
        """The path and line of the expression, as `mappings/gong/activity.yaml:41`."""
        line, _ = self.source.position(self.span.start)
        return f"{self.source.name}:{line}"

    @property
    def place(self) -> str:
        """The file and line of the expression, as `activity.yaml:41`."""
        return self.at.rpartition("/")[2]

    @property
    def span(self) -> Span:
        """The span of the whole expression in the source."""
        return self.locate(self.node.span)

    @property
    def line(self) -> str:
        """The text in one line, each run of white space as one space."""
        return " ".join(self.text.split())

    def diagnostic(self, code: str, message: str, node: Node | None = None, **more: Any) -> Diagnostic:
        """A finding at a node of the expression, or at the whole of it; `more` are other fields of `Diagnostic`."""
        span = self.span if node is None else self.locate(node.span)
        return Diagnostic(code, message, source=self.source, span=span, **more)

    def locate(self, span: Span) -> Span:
        """The span in the source of a span of the text."""
        if self._offsets is None:
            return span
        if span.start == len(self._offsets):
            end = self._offsets[-1] + 1 if self._offsets else 0
            return Span(end, end)
        start = self._offsets[span.start]
        return Span(start, self._offsets[span.end - 1] + 1 if span.end > span.start else start)

    def located(self, error: EvaluationError) -> EvaluationError:
        """An error of the expression; one about its value gets the place of the whole."""
        span, found = self.span, error.diagnostics
        return EvaluationError([replace(one, source=self.source, span=one.span or span) for one in found])

    def _located(self, diagnostic: Diagnostic, span: Span) -> Diagnostic:
        return replace(diagnostic, source=self.source, span=self.locate(span))

    @property
    def placer(self) -> placer.Placer:
        """Gives generated code the positions of the nodes that it is generated from."""
        return placer.Placer(self.source, self.locate)

    @cached_property
    def compiled(self) -> _Compiled:
        """The Python function of the expression. Raises `EvaluationError` M104 if Python cannot nest that deep."""
        made = self._compiled() if self._program is None else _Compiled(self, self._program)
        self._program = made.program
        return made

    @cached_property
    def traced(self) -> _Compiled:
        """The same function, which also records the value of each node. Raises likewise."""
        return self._compiled(trace=True)

    @cached_property
    def numbered(self) -> list[tuple[Node, int]]:
        """The nodes by the numbers that a trace notes, each with the number of the last node below it."""
        from truto_mapper.language.nodes import number  # noqa: PLC0415  # see above

        found: list[tuple[Node, int]] = []
        number(self.node, found)
        return found

    def _compiled(self, *, trace: bool = False, whole: bool = True, rooted: bool = False) -> _Compiled:
        try:
            with _without_collection(self.text):
                return _Compiled(self, _program(self, trace=trace, whole=whole, rooted=rooted))
        except (RecursionError, SyntaxError) as error:
            from truto_mapper.language.compiler.writer import TooManyVariablesError  # noqa: PLC0415  # it is loaded now

            is_ours = isinstance(error, TooManyVariablesError)
            found = Diagnostic("M104", str(error) if is_ours else "the expression is nested too deeply")
            raise EvaluationError(self._located(found, self.node.span)) from None

    def evaluate(
        self,
        data: Any = MISSING,
        bindings: Mapping[str, Any] | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        depth: int = DEFAULT_DEPTH,
    ) -> Any:
        """The value of the expression with `data` as `$` and `bindings` as variables. Raises as `evaluate_in` does.

        Data, bindings and result are plain JSON values, None for null and MISSING for undefined; the result may share
        parts with the data. `$now()` and `$millis()` return the moment bound as `now`: no clock is read, and the same
        input gives the same result, even with `$random()` and `$shuffle()`.
        """
        if self.compiled.is_plain:
            try:
                return finished(self.compiled.function(data, None), escapes=False)
            except Exception as error:  # noqa: BLE001  (every error gets a code and a span)
                raise self._coded(error, Scope(data, bindings)) from None
        return self.evaluate_in(Scope(data, bindings), timeout=timeout, depth=depth)

    def evaluate_in(self, scope: Scope, *, timeout: float = DEFAULT_TIMEOUT, depth: int = DEFAULT_DEPTH) -> Any:
        """The value in a scope, or MISSING.

        `timeout` is in seconds, `depth` in nested calls; a budget of the scope replaces the timeout. Raises
        `EvaluationError` with JSONata's code and the span of the innermost construct that failed. D1012 is the timeout,
        D1011 the depth, D2014 a result that is too large, D407 data that is nested too deeply or contains itself.
        """
        budget = scope.budget
        if budget is None:
            budget = Budget()
            budget.timeout = timeout
        if scope.trace is not None:
            return self._evaluate_traced(scope, scope.trace, Run(budget, depth, scope, self._evaluate_text))
        compiled = self.compiled
        run = Run(budget, depth, scope, self._evaluate_text) if compiled.runs else None
        try:
            if budget is scope.budget:
                budget.check()
            lookup = scope.lookup
            result = compiled.function(scope.data, run, *[lookup(name, other) for name, other in compiled.parameters])
            kind = result.__class__
            return result if kind is str or kind is int else compiled.finished(result, budget)
        except Exception as error:  # noqa: BLE001  (every error gets a code and a span)
            raise self._coded(error, scope) from None

    def _evaluate_traced(self, scope: Scope, trace: Trace, run: Run) -> Any:
        given = [scope.lookup(name, other) for name, other in self.traced.parameters]
        made: Any = MISSING
        error: EvaluationError | None = None
        try:
            run.budget.check()
            made = self.traced.finished(self.traced.function(scope.data, run, *given), run.budget)
        except Exception as raised:  # noqa: BLE001  (likewise)
            error = self._coded(raised, scope)
        trace.add(self, scope.data, run.events, made, error)
        if error is not None:
            raise error
        return made

    def _evaluate_text(self, run: Run, text: str, focus: Any, whole: bool, variables: Mapping[str, Any]) -> Any:
        """Evaluate the text given to $eval in the scope and within the bounds of this evaluation.

        The focus is its context, one item if it is `whole`.
        """
        try:
            inner = self._inner(run.budget, text, whole)
        except MappingError as error:
            if error.diagnostics[0].code in BOUNDS:
                raise
            found = error.diagnostics[0]
            fail("D3120", f"the text given to $eval has a syntax error: {found.message}", found.hint)
        scope = Scope(focus, variables, run.scope)
        root = variables.get("$", run.scope.data)
        run.enter()
        try:
            result = inner.function(focus, run, root, *[scope.lookup(n, f) for n, f in inner.parameters])
        except EvaluationError as error:
            found = error.diagnostics[0]
            if found.code in BOUNDS:
                raise
            fail("D3121", f"evaluating the text given to $eval failed: {found.message}", found.hint)
        run.depth -= 1
        return result

    def _inner(self, budget: Budget, text: str, whole: bool) -> _Compiled:
        """The text given to $eval, compiled. Raises D1012 if that may take too long, because nothing can stop it."""
        from truto_mapper.language.nodes import LITERALS, walk  # noqa: PLC0415  # see above

        is_short = len(text) <= budget.timeout * EVALUATED
        made = Expression(text, functions=self.functions) if is_short else None
        if made is None or sum(not isinstance(one, LITERALS) for one in walk(made.node)) > budget.timeout * COMPILED:
            limit = f"longer than {budget.timeout:g} seconds"
            fail("D1012", f"compiling the {len(text):,} characters that are given to eval may take {limit}")
        budget.check()
        return made._compiled(whole=whole, rooted=True)  # noqa: SLF001  (of this class)

    def _coded(self, error: Exception, scope: Scope) -> EvaluationError:
        found = error.diagnostics[0] if isinstance(error, EvaluationError) else _diagnostic(error)
        if found.span is None:
            found = replace(found, source=self.source, span=self._place(error.__traceback__))
        if found.code in _NO_FUNCTION and found.span is not None:
            found = replace(found, hint=found.hint or self._function_meant(found.span, scope))
        return EvaluationError(found)

    def _function_meant(self, place: Span, scope: Scope) -> str | None:
        """A hint if what is called or passed at a place has the name of no function and no variable."""
        from truto_mapper.language.foreign import meant  # noqa: PLC0415  # only a mistake needs it
        from truto_mapper.language.library.truto.names import HOLDING, METHODS  # noqa: PLC0415  # likewise
        from truto_mapper.language.names import bare_calls  # noqa: PLC0415  # likewise

        known = LIBRARY.keys() | self.functions.keys()
        holds = not HOLDING.isdisjoint(one.name for one in self.calls)
        variables = (one for one in (*self.calls, *self.variables) if one.name not in known)
        hints = [(one.span.start, meant(one.name, known)) for one in variables if scope.lookup(one.name) is MISSING]
        for one, _ in bare_calls(self.node):
            if one.value not in METHODS or not holds:
                hint = did_you_mean(one.value, METHODS, "`.{}(…)`") if holds else meant(one.value, known)
                hints.append((one.span.start, hint))
        within = (hint for at, hint in hints if place.start <= self.locate(Span(at, at)).start < place.end)
        return next((hint for hint in within if hint is not None), None)

    @property
    def _namespaces(self) -> list[Any]:
        """The global namespaces of the expression's generated code."""
        made = (vars(self).get(name) for name in ("compiled", "traced"))
        return [one.function.__globals__ for one in made if one is not None]

    def _place(self, traceback: TracebackType | None) -> Span:
        """The span of the innermost construct in a traceback."""
        span = None
        while traceback is not None:
            if any(traceback.tb_frame.f_globals is known for known in self._namespaces):
                position = list(traceback.tb_frame.f_code.co_positions())[traceback.tb_lasti // 2]
                span = placer.span_at(self.source, position) or span
            traceback = traceback.tb_next
        return span or self.locate(self.node.span)

    def __reduce__(self) -> tuple[Any, ...]:
        return _expression, (self.text, self.source, self._offsets, self.functions)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    @property
    def variables(self) -> list[Variable]:
        """The free variables of the expression, in the order of the text, without those in `calls`."""
        return self._free[0]

    @property
    def calls(self) -> list[Variable]:
        """The free variables that are called, as `$name(…)`, in the order of the text."""
        return self._free[1]

    @cached_property
    def _free(self) -> tuple[list[Variable], list[Variable]]:
        from truto_mapper.language.names import free_variables  # noqa: PLC0415  # see above
        from truto_mapper.language.nodes import Call, Partial, walk  # noqa: PLC0415  # likewise

        below = walk(self.node) if "(" in self.text else ()  # without one there are no calls
        procedures = {id(n.procedure) for n in below if isinstance(n, (Call, Partial))}
        free = free_variables(self.node)
        return [v for v in free if id(v) not in procedures], [v for v in free if id(v) in procedures]


def restored(
    text: str,
    source: Source,
    offsets: tuple[int, ...] | None,
    functions: dict[str, Callable[..., Any]],
    program: Program | None,
    tables: Mapping[str, Any] | None,
) -> Expression:
    """An expression that was parsed before, made of its `parts`. It is parsed again if its nodes are asked for."""
    made = object.__new__(Expression)
    vars(made).update(text=text, source=source, _offsets=offsets, functions=functions, _program=program)
    vars(made).update(tables=tables, functions={**functions, **tables} if tables else functions)
    return made


def _parsed(expression: Expression) -> Node:
    """What the text of an expression means. Raises as `Expression` does."""
    from truto_mapper.language.parser import parse  # noqa: PLC0415  # see above

    text, locate = expression.text, expression.locate
    try:
        with _without_collection(text):
            return parse(text)
    except MappingError as error:
        from truto_mapper.language.hints import hinted  # noqa: PLC0415  # only a mistake needs it

        def position(offset: int) -> tuple[int, int]:
            return expression.source.position(locate(Span(offset, offset)).start)

        found = [hinted(one, text, position) for one in error.diagnostics]
        spans = [one.span or Span(0, len(text)) for one in found]
        placed = zip(found, spans, strict=True)
        raise MappingError([replace(d, source=expression.source, span=locate(at)) for d, at in placed]) from None


def _expression(text: str, source: Source, offsets: tuple[int, ...] | None, functions: Any) -> Expression:
    return Expression(text, source=source, offsets=offsets, functions=functions)


@contextmanager
def _without_collection(text: str) -> Iterator[None]:
    """Read or compile a long text without Python's garbage collector, which would take most of the time for nothing."""
    pauses = len(text) > LONG and gc.isenabled()
    if pauses:
        gc.disable()
    try:
        yield
    finally:
        if pauses:
            gc.enable()


class Program(NamedTuple):
    """What an expression was compiled to: a module with one function, the names of its parameters, and its traits.

    It `runs` if it takes a `Run`, `escapes` if the value may hold functions, and `multiplies` if it may be far larger
    than the data.
    """

    code: CodeType
    parameters: tuple[str, ...]
    runs: bool
    escapes: bool
    multiplies: bool


def _program(expression: Expression, **options: bool) -> Program:
    """Compile an expression; `options` are those of `compiler.program`."""
    from truto_mapper.language.compiler import compiler, escapes  # noqa: PLC0415  # loading a mapping compiles nothing

    node, functions = expression.node, _callers(expression.functions)
    made = compiler.program(node, expression.placer, dict(zip(functions, _names(functions), strict=True)), **options)
    traits = escapes.escapes(node), escapes.multiplies(node, functions)
    return Program(compiler.code_of(made.tree, expression.source), made.parameters, made.runs, *traits)


def _callers(functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    return {name: from_caller(name, one) if callable(one) else one for name, one in functions.items()}


def _names(functions: Mapping[str, Any]) -> list[str]:
    """The names of callers' functions in generated code."""
    return [f"caller_{number}" for number, _ in enumerate(functions)]


class _Compiled:
    """The Python function of an expression and its parameters."""

    def __init__(self, expression: Expression, program: Program) -> None:
        functions = _callers(expression.functions)
        self.program, self.runs = program, program.runs
        self.escapes, self.multiplies = program.escapes, program.multiplies
        self.parameters = [(n, functions.get(n, LIBRARY.get(n, MISSING))) for n in program.parameters]
        linked = dict(zip(_names(functions), functions.values(), strict=True))
        namespace: dict[str, Any] = {**NAMESPACE, **linked, "__builtins__": {}}
        exec(program.code, namespace)  # noqa: S102  (of nodes, not of text)
        self.function = namespace["expression"]
        #: Whether the function needs nothing but the data, and makes nothing that has to be looked through.
        self.is_plain = not (self.runs or self.parameters or self.escapes or self.multiplies)

    def finished(self, result: Any, budget: Budget) -> Any:
        """The result as a plain value."""
        if self.multiplies and not self.escapes:
            measure(result, Walk(budget, MAX_WRITTEN))
        return finished(result, self.escapes, budget)


def _diagnostic(error: Exception) -> Diagnostic:
    match error:
        case RecursionError():
            return Diagnostic("D1011", "Stack overflow", hint="does a function call itself without end?")
        case ArithmeticError():
            return Diagnostic("D1001", "Number out of range")
        case ValueError() if "integer string conversion" in str(error):
            return Diagnostic("D1001", "Number out of range: too many digits")
        case MemoryError():
            return Diagnostic("D2014", "there is not enough memory for the result")
        case _:
            return Diagnostic("D3137", f"{type(error).__name__}: {error}")
