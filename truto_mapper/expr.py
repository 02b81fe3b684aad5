"""JSONata text → frozen nodes that know their spans, and evaluation.

jsonata-python reads the text; its mutable `Symbol` tree is turned once into nodes that hold everything the
expression means, and nothing outside this module sees a `Symbol`. The language is that of the JSONata
documentation and the official JavaScript implementation; where jsonata-python's evaluator differs it is
overridden here.
"""

from __future__ import annotations

import inspect
import random
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from truto_mapper.diagnostics import Diagnostic, EvaluationError, MappingError, Source, Span
from truto_mapper.functions import (
    FUNCTIONS,
    MAX_LENGTH,
    MISSING,
    NULL,
    OPERATORS,
    STANDARD,
    Native,
    as_number,
    copy,
    descendants,
    fail,
    first_match,
    flat,
    inward,
    is_function,
    is_number,
    library,
    listed,
    named,
    outward,
    shown,
    validated,
)

# isort: split
# After `functions`, which sees to it that importing jsonata leaves the recursion limit alone.
import re2
from jsonata.functions import Functions
from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.parser import Parser
from jsonata.signature import Signature
from jsonata.tokenizer import Tokenizer
from jsonata.utils import Utils

MAX_CHARACTERS = 100_000
MAX_NESTING = 150

# --------------------------------------------------------------------------------------------------- nodes


@dataclass(frozen=True, slots=True)
class _Spanned:
    """Where in the expression's text a construct stands; nodes that differ only in this are equal."""

    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Name(_Spanned):
    """A field name, as a step: `a`, `` `a b` `` or `"a b"`."""

    value: str


@dataclass(frozen=True, slots=True)
class String(_Spanned):
    value: str


@dataclass(frozen=True, slots=True)
class Number(_Spanned):
    """A number, with the sign before it. As in the reference it is a double: an `int` up to 2^53, else a `float`."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Value(_Spanned):
    """`true`, `false` or `null`."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Regex(_Spanned):
    """`/pattern/flags`; the pattern as written, the flags any of `i` and `m`."""

    pattern: str
    flags: str


@dataclass(frozen=True, slots=True)
class Wildcard(_Spanned):
    """`*`"""


@dataclass(frozen=True, slots=True)
class Descendant(_Spanned):
    """`**`"""


@dataclass(frozen=True, slots=True)
class Parent(_Spanned):
    """`%`; the step whose `ancestor` has the same label binds it."""

    label: str


@dataclass(frozen=True, slots=True)
class Variable(_Spanned):
    """`$name`; the name is empty for `$` and `$` for `$$`."""

    name: str


@dataclass(frozen=True, slots=True)
class Negate(_Spanned):
    """`-expression`"""

    expression: Node


@dataclass(frozen=True, slots=True)
class Array(_Spanned):
    """`[…]`; an item may be a `Binary` of `..`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Object(_Spanned):
    """`{key: value}` on its own."""

    pairs: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Binary(_Spanned):
    """One of `+ - * / % = != < <= > >= & and or in ..`"""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Coalesce(_Spanned):
    """`left ?? right`: the right where the left is undefined."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Default(_Spanned):
    """`left ?: right`: the right where the left is falsy."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Block(_Spanned):
    """`(a; b)`: a scope of its own; undefined when empty."""

    expressions: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Condition(_Spanned):
    """`condition ? then : otherwise`"""

    condition: Node
    then: Node
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class Bind(_Spanned):
    """`$variable := value`"""

    variable: Variable
    value: Node


@dataclass(frozen=True, slots=True)
class Call(_Spanned):
    """`procedure(arguments)`; `tail` when it is the last thing its lambda does, which must not use up stack."""

    procedure: Node
    arguments: tuple[Node, ...]
    tail: bool = False


@dataclass(frozen=True, slots=True)
class Placeholder(_Spanned):
    """The `?` among the arguments of a partial application."""


@dataclass(frozen=True, slots=True)
class Partial(_Spanned):
    """`procedure(a, ?)`"""

    procedure: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Lambda(_Spanned):
    """`function($a, $b)<signature>{ body }`; the signature with its `<` and `>`, without white space."""

    parameters: tuple[Variable, ...]
    signature: str | None
    body: Node


@dataclass(frozen=True, slots=True)
class Apply(_Spanned):
    """`left ~> right`"""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Transform(_Spanned):
    """`|pattern|update, delete|`"""

    pattern: Node
    update: Node
    delete: Node | None


@dataclass(frozen=True, slots=True)
class Term(_Spanned):
    """One order of a sort, with its `<` or `>`."""

    expression: Node
    descending: bool


@dataclass(frozen=True, slots=True)
class Sort(_Spanned):
    """`^(terms)`, a step of a path."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Filter(_Spanned):
    """`[expression]` behind a step."""

    expression: Node


@dataclass(frozen=True, slots=True)
class Index(_Spanned):
    """`#$variable` behind a step that has filters before it."""

    variable: Variable


@dataclass(frozen=True, slots=True)
class Group(_Spanned):
    """`{key: value}` behind an expression."""

    pairs: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Step(_Spanned):
    """A node with what is attached to it: a step of a path, or what stands alone, as `$x[0]`.

    `predicates` filter the whole value and come from outside a path; `stages` filter what each item of the
    context gave. `focus` is `@$v`, `index` is `#$v`, `keep_array` is `[]`. A `tuple` step carries the bindings of
    focus, index and the parent `ancestor` labels along. `consarray`: an array constructor first or last in its
    path, which is not flattened.
    """

    node: Node
    predicates: tuple[Filter, ...] = ()
    stages: tuple[Filter | Index, ...] = ()
    group: Group | None = None
    focus: Variable | None = None
    index: Variable | None = None
    ancestor: str | None = None
    tuple: bool = False
    keep_array: bool = False
    consarray: bool = False


@dataclass(frozen=True, slots=True)
class Path(_Spanned):
    """`a.b.c`, also of one step; `group` comes after all steps.

    `keep_singleton_array` when any step has `[]`, `keep_array` when it stands behind a sort or an index.
    """

    steps: tuple[Step, ...]
    group: Group | None = None
    keep_singleton_array: bool = False
    tuple: bool = False
    keep_array: bool = False


Node = (
    Name | String | Number | Value | Regex | Wildcard | Descendant | Parent | Variable | Negate | Array | Object
    | Binary | Coalesce | Default | Block | Condition | Bind | Call | Placeholder | Partial | Lambda | Apply
    | Transform | Term | Sort | Filter | Index | Group | Step | Path
)  # fmt: skip


def children(node: Node) -> list[Node]:
    """The nodes directly in a node, in the order of the text."""
    found: list[Node] = []
    for one in fields(node):
        _collect(getattr(node, one.name), found)
    return sorted(found, key=lambda child: child.span.start)


def _collect(value: Any, found: list[Node]) -> None:
    if isinstance(value, _Spanned):
        found.append(value)  # type: ignore[arg-type]
    elif isinstance(value, tuple):
        for item in value:
            _collect(item, found)


def walk(node: Node) -> Iterator[Node]:
    """A node and all nodes below it, in the order of the text."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


# ------------------------------------------------------------------------------------------------- parsing


_UNICODE_ESCAPE = re.compile(r"((?:\\\\)*)\\u([0-9a-fA-F]{4})")


def _regex(pattern: str, flags: str = "") -> Any:
    """RE2, which takes linear time whatever the pattern. Raises `re2.error`."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = "i" not in flags
    prefix = "(?m)" if "m" in flags else ""
    return re2.compile(prefix + _UNICODE_ESCAPE.sub(r"\1\\x{\2}", pattern), options)


class _Lexer(Tokenizer):  # type: ignore[misc]
    """jsonata's tokenizer, which also knows where a token starts and has a code for every failure."""

    position: int
    _SPACE = re.compile(r"(?:[ \t\n\r\v]+|/\*.*?\*/)*", re.DOTALL)

    def __init__(self, text: str) -> None:
        super().__init__(
            text, lambda pattern, flags: _regex(pattern, "i" * flags.case_insensitive + "m" * flags.multiline)
        )
        self.start = 0

    def next(self, prefix: bool) -> Any:
        space = self._SPACE.match(self.path, self.position)
        self.position = self.start = space.end() if space else self.position
        if self.start == self.length:
            return None
        if self.path.startswith("/*", self.start):
            raise self.refused("S0106", "this comment is not closed", self.length)
        try:
            token = super().next(prefix)
        except JException as error:
            raise self.refused(*self.reason(error), self.position) from None
        except IndexError:  # a backslash at the very end
            raise self.refused("S0103", "this string ends within an escape sequence", self.length) from None
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            message = f"this regular expression is not valid in RE2 syntax: {reason}"
            raise self.refused("S0302", message, self.position) from None
        if token.type == "string":  # an astral character is two escapes
            token.value = token.value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if token.type == "number":
            token.value = as_number(float(self.path[self.start : self.position]))
        return token

    def reason(self, error: JException) -> tuple[str, str]:
        if error.error == "S0301" and self.path[self.start] in "\"'":
            return "S0103", f"the escape sequence \\{error.current} is not supported"
        return error.error, _message(error)

    def refused(self, code: str, message: str, end: int) -> MappingError:
        return MappingError(
            Diagnostic(code, message, span=Span(self.start, min(max(end, self.start + 1), self.length)))
        )


class _Choice(Parser.Infix):  # type: ignore[misc]
    """`??` and `?:` as written: jsonata writes their left side twice, and then processes it twice."""

    def led(self, left: Any) -> Any:
        self.lhs = left
        self.rhs = self._outer_instance.expression(0)
        self.type = "binary"
        return self


class _Parser(Parser):  # type: ignore[misc]
    """jsonata's parser, which also records places on its symbols.

    `start` and `end` are those of the whole construct with what is attached to it, `at` is the operator's token,
    `close` the end before any `[]`.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        for operator in ("??", "?:"):
            choice = self.symbol_table[operator] = _Choice(self, operator)
            choice.lbp = choice.bp
        self.source = text
        self.lexer = _Lexer(text)
        self.tokens: list[tuple[int, int, str]] = []
        self.ended = 0  # where the last token that was taken ends
        self.depth = 0

    def read(self) -> tuple[Any, Node]:
        """The processed tree, and the nodes for it. Raises `MappingError` whose span lies in the text."""
        if len(self.source) > MAX_CHARACTERS:
            raise self._refused("M104", f"the expression is longer than {MAX_CHARACTERS:,} characters")
        try:
            tree = self._read()
            return tree, _Builder(self).node(tree)
        except JException as error:
            raise self._refused(error.error, _message(error), error.location) from None
        except RecursionError:
            raise self._refused("M104", "the expression is nested too deeply", self.lexer.position) from None
        except KeyError as error:  # `!` or `~`, on its own
            raise self.lexer.refused("S0204", f"Unknown operator: {error.args[0]}", self.lexer.position) from None
        except RuntimeError as error:
            code = "S0402" if str(error).startswith("Choice") else "S0401"
            raise self._refused(code, str(error), self.lexer.position) from None
        except (AttributeError, IndexError, TypeError, ValueError, re.error):
            raise self._refused("S0201", "Syntax error", self.lexer.position) from None

    def _read(self) -> Any:
        self.advance()
        tree = self.expression(0)
        if self.node.id != "(end)":
            raise JException("S0201", self.node.position, self.node.value)
        tree = self.process_ast(tree)
        if tree.type == "parent" or tree.seeking_parent is not None:
            raise JException("S0217", tree.position, tree.type)
        return tree

    def _refused(self, code: str, message: str, location: int = -1) -> MappingError:
        spans = {end: Span(start, end) for start, end, _ in self.tokens}
        span = spans.get(location, Span(0, len(self.source)))
        if code in ("S0203", "S0207"):  # the text ends too early
            end = self.tokens[-1][1] if self.tokens else 0
            span = Span(end, end)
        return MappingError(Diagnostic(code, message, span=span))

    def advance(self, id: str | None = None, infix: bool = False) -> Any:  # noqa: A002
        before = self.tokens[-1][1] if self.tokens else 0
        node = super().advance(id, infix)
        self.ended = before
        node.start = node.at = self.lexer.start
        node.end = node.close = self.lexer.position
        if node.id != "(end)":
            self.tokens.append((node.start, node.end, node.id))
        return node

    def expression(self, rbp: int) -> Any:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise RecursionError
        token = self.node
        start = token.start
        self.advance(None, True)
        left = self._mark(token.nud(), token, start)
        while rbp < self.node.lbp:
            token = self.node
            self.advance(None, False)
            right = token.led(left)
            if right is left:  # `[]` is noted on what it follows
                left.end = self.ended
            else:
                left = self._mark(right, token, start)
        self.depth -= 1
        return left

    def _mark(self, symbol: Any, token: Any, start: int) -> Any:
        symbol.start, symbol.at = start, token.start
        symbol.close = symbol.end = self.ended
        symbol.position = symbol.position or token.position
        return symbol

    def process_ast(self, expr: Any) -> Any:
        result = super().process_ast(expr)
        if expr is None:
            return None
        if not hasattr(expr, "start"):  # a range is made without a token of its own
            expr.start, expr.at, expr.close = expr.lhs.start, expr.lhs.start, expr.rhs.end
            expr.end = expr.close
        if not hasattr(result, "start"):
            result.start, result.at, result.close = expr.start, expr.at, expr.close
        result.start = min(result.start, expr.start)  # a minus becomes part of its number
        if result.type == "number":
            result.value = as_number(float(result.value))
        if expr.type == "binary":
            self._attach(str(expr.value), expr, result)
        result.end = expr.end
        return result

    def _attach(self, operator: str, expr: Any, result: Any) -> None:
        """Give a place to what processing has moved onto another symbol."""
        path = result.type == "path"
        step = result.steps[-1] if path else result
        match operator:
            case "[":
                _place((step.stages if path else step.predicate)[-1], expr)
            case "@":
                step.focus_variable = expr.rhs
            case "#" if step.stages and step.stages[-1].type == "index":
                _place(step.stages[-1], expr).variable = expr.rhs
            case "#":
                step.index_variable = expr.rhs
            case "^":
                _place(step, expr)
                for term, raw in zip(step.terms, expr.rhs_terms, strict=True):
                    term.start, term.end = self._term_start(raw.expression.start), raw.expression.end
            case "{":
                _place(result.group, expr)
        if operator in "[@#":
            step.end = expr.end

    def _term_start(self, start: int) -> int:
        before, _, sign = self.tokens[bisect_left(self.tokens, (start,)) - 1]
        return before if sign in "<>" else start

    def signature_text(self, symbol: Any) -> str | None:
        """What stands between `)` and `{` of a lambda, without white space."""
        last = symbol.arguments[-1].end if symbol.arguments else symbol.at + 1
        after = bisect_left(self.tokens, (last,)) + 1
        end = after
        while self.tokens[end][2] != "{":
            end += 1
        return "".join(self.source[start:stop] for start, stop, _ in self.tokens[after:end]) or None

    def tail_call_optimize(self, expr: Any) -> Any:
        # What is attached to the expression still has to be done after the call.
        if expr.predicate is not None or expr.group is not None or expr.keep_array:
            return expr
        if expr.type == "binary" and expr.value in ("??", "?:"):
            expr.rhs = self.tail_call_optimize(expr.rhs)
            return expr
        return super().tail_call_optimize(expr)


def _place(symbol: Any, expr: Any) -> Any:
    symbol.start, symbol.end = expr.at, expr.close
    symbol.close = symbol.end
    return symbol


_PLACEHOLDER = re.compile(r"\{\{\{?\w+\}?\}\}")


def _message(error: JException) -> str:
    """JSONata's own sentence for a code, with its values put in."""
    template = JException.error_codes.get(error.error)
    if template is None:
        return str(error.error)
    values = iter((error.current, error.expected, error.extra))
    template = template.replace("Object", "function")  # a slip of the translation from JavaScript
    return _PLACEHOLDER.sub(lambda _: shown(next(values, None)), template)


# ------------------------------------------------------------------------------------------ symbols → nodes


class _Builder:
    """Turns processed symbols into nodes."""

    def __init__(self, parser: _Parser) -> None:
        self.parser = parser
        self.depth = 0

    def node(self, symbol: Any) -> Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise RecursionError
        built = self.built(symbol)
        self.depth -= 1
        return built

    def built(self, symbol: Any) -> Node:
        if symbol.type == "lambda" and symbol.thunk:
            return self.tail(symbol.body)
        if symbol.type == "path":
            return self.path(symbol)
        step = self.step(symbol)
        bare = Step(step.span, step.node, consarray=step.consarray)
        return step.node if step == bare else step

    def tail(self, symbol: Any) -> Node:
        call = self.node(symbol)
        return replace(call, tail=True) if isinstance(call, Call) else call

    def nodes(self, symbols: Any) -> tuple[Node, ...]:
        return tuple(self.node(s) for s in symbols)

    def maybe(self, symbol: Any) -> Node | None:
        return None if symbol is None else self.node(symbol)

    def variable(self, symbol: Any) -> Variable:
        return Variable(Span(symbol.start, symbol.close), symbol.value)

    def pairs(self, pairs: Any) -> tuple[tuple[Node, Node], ...]:
        return tuple((self.node(key), self.node(value)) for key, value in pairs)

    def group(self, symbol: Any) -> Group | None:
        return None if symbol is None else Group(_span(symbol), self.pairs(symbol.lhs_object))

    def stage(self, symbol: Any) -> Filter | Index:
        if symbol.type == "index":
            return Index(_span(symbol), self.variable(symbol.variable))
        return Filter(_span(symbol), self.node(symbol.expr))

    def path(self, symbol: Any) -> Path:
        return Path(
            _span(symbol),
            steps=tuple(self.step(s) for s in symbol.steps),
            group=self.group(symbol.group),
            keep_singleton_array=bool(symbol.keep_singleton_array),
            tuple=bool(symbol.tuple),
            keep_array=bool(symbol.keep_array),
        )

    def step(self, symbol: Any) -> Step:
        return Step(
            _span(symbol),
            self.bare(symbol),
            predicates=tuple(self.stage(s) for s in symbol.predicate or ()),  # type: ignore[misc]
            stages=tuple(self.stage(s) for s in symbol.stages or ()),
            group=self.group(symbol.group),
            focus=self.variable(symbol.focus_variable) if symbol.focus else None,
            index=self.variable(symbol.index_variable) if symbol.index else None,
            ancestor=symbol.ancestor.label if symbol.ancestor else None,
            tuple=bool(symbol.tuple),
            keep_array=bool(symbol.keep_array),
            consarray=bool(symbol.consarray),
        )

    def bare(self, symbol: Any) -> Node:  # noqa: C901  (one case a kind)
        """The symbol without what is attached to it."""
        span = Span(symbol.start, symbol.close)
        match symbol.type:
            case "name":
                return Name(span, symbol.value)
            case "string":
                return String(span, symbol.value)
            case "number":
                return Number(span, symbol.value)
            case "value":
                return Value(span, symbol.value)
            case "regex":
                pattern, _, flags = self.parser.source[span.start + 1 : span.end].rpartition("/")
                return Regex(span, pattern, flags)
            case "wildcard":
                return Wildcard(span)
            case "descendant":
                return Descendant(span)
            case "parent":
                return Parent(span, symbol.slot.label)
            case "variable":
                return Variable(span, symbol.value)
            case "operator":
                return Placeholder(span)
            case "unary" | "binary":
                return self.operation(span, symbol)
            case _:
                return self.compound(span, symbol)

    def operation(self, span: Span, symbol: Any) -> Node:
        match symbol.type, str(symbol.value):
            case "unary", "-":
                return Negate(span, self.node(symbol.expression))
            case "unary", "[":
                return Array(span, self.nodes(symbol.expressions))
            case "unary", _:
                return Object(span, self.pairs(symbol.lhs_object))
            case _, "??":
                return Coalesce(span, self.node(symbol.lhs), self.node(symbol.rhs))
            case _, "?:":
                return Default(span, self.node(symbol.lhs), self.node(symbol.rhs))
            case _, operator:
                return Binary(span, operator, self.node(symbol.lhs), self.node(symbol.rhs))

    def compound(self, span: Span, symbol: Any) -> Node:
        match symbol.type:
            case "block":
                return Block(span, self.nodes(symbol.expressions))
            case "condition":
                return Condition(span, self.node(symbol.condition), self.node(symbol.then), self.maybe(symbol._else))  # noqa: SLF001
            case "bind":
                return Bind(span, self.variable(symbol.lhs), self.node(symbol.rhs))
            case "function":
                return Call(span, self.node(symbol.procedure), self.nodes(symbol.arguments))
            case "partial":
                return Partial(span, self.node(symbol.procedure), self.nodes(symbol.arguments))
            case "lambda":
                parameters = tuple(self.variable(p) for p in symbol.arguments)
                return Lambda(span, parameters, self.parser.signature_text(symbol), self.node(symbol.body))
            case "apply":
                return Apply(span, self.node(symbol.lhs), self.node(symbol.rhs))
            case "transform":
                return Transform(span, self.node(symbol.pattern), self.node(symbol.update), self.maybe(symbol.delete))
            case _:  # sort
                terms = tuple(Term(_span(t), self.node(t.expression), bool(t.descending)) for t in symbol.terms)
                return Sort(span, terms)


def _span(symbol: Any) -> Span:
    return Span(symbol.start, symbol.end)


# ---------------------------------------------------------------------------------------------- evaluating

#: Seconds, and nested evaluations.
DEFAULT_TIMEOUT: Final = 5.0
DEFAULT_DEPTH: Final = 200
MAX_VISITS = 5_000_000


class Scope:
    """What an evaluation sees: the data, and bindings over those of a parent.

    A value is converted when it is first looked up, once for all evaluations in the scope and below it. A
    scope belongs to one thread, and what it was given must not change while it is used.
    """

    def __init__(
        self, data: Any = MISSING, bindings: Mapping[str, Any] | None = None, parent: Scope | None = None
    ) -> None:
        self.data = data
        self.bindings = bindings or {}
        self.parent = parent
        self._converted: dict[str, Any] = {}

    def lookup(self, name: str) -> Any:
        """The value of `$name` in the evaluator's form; `$` is the data. None where it is not bound."""
        if name not in self._converted:
            if name != "$" and name not in self.bindings:
                return self.parent.lookup(name) if self.parent else None
            self._converted[name] = inward(self.data if name == "$" else self.bindings[name])
        return self._converted[name]

    def binds(self, name: str) -> bool:
        return name in self.bindings or (self.parent is not None and self.parent.binds(name))


class _Frame(Jsonata.Frame):  # type: ignore[misc]
    """The variables of a block or a call."""

    def bind(self, name: str, val: Any) -> None:
        self.bindings[name] = val  # the base class renames the function, for everybody

    def lookup(self, name: str) -> Any:
        frame = self
        while type(frame) is _Frame:
            if name in frame.bindings:
                return frame.bindings[name]
            frame = frame.parent
        return frame.lookup(name)


class _Root(_Frame):
    """The outermost frame of one evaluation: what it binds itself, then the scope, then the functions."""

    def __init__(self, scope: Scope, functions: Any) -> None:
        super().__init__(functions)
        self.scope = scope

    def lookup(self, name: str) -> Any:
        if name in self.bindings:
            return self.bindings[name]
        if name == "$" or self.scope.binds(name):
            return self.scope.lookup(name)
        return self.parent.lookup(name)


@dataclass(frozen=True, slots=True)
class _Program:
    """What an evaluation needs of an expression."""

    tree: Any
    parser: _Parser
    library: Any
    located: Callable[[Diagnostic, Span], Diagnostic]


class _Evaluator(Jsonata):  # type: ignore[misc]
    """One evaluation of one expression, in one thread."""

    class parser:  # noqa: N801  (what the base class asks for)
        dbg = False

    def __init__(self, program: _Program, scope: Scope, timeout: float, depth: int) -> None:
        self.program = program
        self.scope = scope
        self.deadline = time.monotonic() + timeout
        self.timeout = timeout
        self.depth = self.visited = 0
        self.max_depth = depth
        self.input = self.environment = None
        self.random = random.Random(0)  # noqa: S311  (the same expression gives the same result)

    def get_per_thread_instance(self) -> _Evaluator:
        return self

    def create_frame(self, enclosing_environment: Any = None) -> _Frame:
        return _Frame(enclosing_environment)

    def run(self) -> Any:
        """The result as a plain value."""
        outer = vars(Jsonata.CURRENT).copy()
        Jsonata.CURRENT.jsonata = self  # higher-order functions of the library ask for it
        try:
            root = _Root(self.scope, self.program.library)
            data = root.lookup("$")
            if isinstance(data, list):
                data = _wrapped(data)
            return outward(self.eval(self.program.tree, data, root))
        except Exception as error:  # noqa: BLE001  (whatever it is, it gets a code and a place)
            raise self._coded(error, self.program.tree) from None
        finally:
            del Jsonata.CURRENT.jsonata
            vars(Jsonata.CURRENT).update(outer)

    def eval(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        outer = self.input, self.environment
        self.input, self.environment = input, environment
        self.depth += 1
        try:
            self._check()
            result = _EVALUATE[expr.type](self, expr, input, environment)
            for predicate in expr.predicate or ():
                result = self.evaluate_filter(predicate.expr, result, environment)
            if expr.group is not None and expr.type != "path":
                result = self.evaluate_group_expression(expr.group, result, environment)
            return self._collapsed(expr, result)
        except Exception as error:  # noqa: BLE001  (as above)
            raise self._coded(error, expr) from None
        finally:
            self.depth -= 1
            self.input, self.environment = outer

    def _check(self) -> None:
        if self.depth > self.max_depth:
            fail("D1011", "Stack overflow", hint="is there a recursion without an end? Consider tail recursion")
        if time.monotonic() > self.deadline:
            fail("D1012", f"the evaluation took longer than {self.timeout:g} seconds", hint="is there an endless loop?")

    def visit(self) -> None:
        """Count an array or object that is converted, compared, copied or searched."""
        self.visited += 1
        if self.visited > MAX_VISITS:
            fail("D2014", f"more than {MAX_VISITS:,} arrays and objects")
        if self.visited % 1024 == 0:
            self._check()

    def _collapsed(self, expr: Any, result: Any) -> Any:
        """A sequence of one is its item, an empty one is undefined."""
        if isinstance(result, (list, str)) and len(result) > MAX_LENGTH:
            fail("D2014", f"more than {MAX_LENGTH:,} items or characters")
        if not Utils.is_sequence(result) or result.tuple_stream:
            return result
        if expr.keep_array:
            result.keep_singleton = True
        if not result:
            return None
        return result[0] if len(result) == 1 and not result.keep_singleton else result

    def _coded(self, error: Exception, expr: Any) -> Exception:
        """The error with a code, and the innermost place of this expression's text that is known."""
        if isinstance(error, EvaluationError):
            found = error.diagnostics[0]
            if found.span is not None:
                return error
        else:
            found = _diagnostic(error)
        if expr._outer_instance is not self.program.parser or not hasattr(expr, "start"):  # noqa: SLF001
            return error if isinstance(error, EvaluationError) else EvaluationError(found)
        return EvaluationError(self.program.located(found, Span(expr.start, expr.end)))

    # What follows replaces parts of jsonata-python's evaluator that differ from the reference.

    def evaluate_function(self, expr: Any, input: Any, environment: Any, applied: Any) -> Any:  # noqa: A002
        try:
            procedure = self._procedure(expr, input, environment)
            arguments = [] if applied is Utils.NONE else [applied]
            arguments += [self.eval(argument, input, environment) for argument in expr.arguments]
            self._demand_function(expr, procedure, environment, "T1005", "T1006", "invoke")
            return self.apply(procedure, arguments, input, environment)
        except Exception as error:  # noqa: BLE001  (as above)
            raise self._coded(error, expr) from None

    def _procedure(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        procedure = self.eval(expr.procedure, input, environment)
        # `now` is also bound as a value, the moment that the function tells.
        if expr.procedure.type == "variable" and expr.procedure.value == "now" and not is_function(procedure):
            return STANDARD.lookup("now")
        return procedure

    def _demand_function(self, expr: Any, found: Any, environment: Any, meant: str, other: str, verb: str) -> None:
        if is_function(found):
            return
        path = expr.procedure.type == "path"
        name = expr.procedure.steps[0].value if path else None
        if path and found is None and environment.lookup(str(name)) is not None:
            fail(meant, f"Attempted to {verb} a non-function", hint=f"did you mean ${name}?")
        fail(other, f"Attempted to {verb} a non-function")

    def apply(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        result = self.apply_inner(proc, args, input, environment)
        while Functions.is_lambda(result) and result.thunk:  # a tail call: its stack was given back
            call = result.body
            try:
                self._check()
                proc = self._procedure(call, result.input, result.environment)
                args = [self.eval(argument, result.input, result.environment) for argument in call.arguments]
                self._demand_function(call, proc, result.environment, "T1005", "T1006", "invoke")
                result = self.apply_inner(proc, args, input, environment)
            except Exception as error:  # noqa: BLE001  (as above)
                raise self._coded(error, call) from None
        return result

    def apply_inner(self, proc: Any, args: Any, input: Any, environment: Any) -> Any:  # noqa: A002, ARG002
        if Functions.is_lambda(proc):
            return self.apply_procedure(proc, validated(proc.signature, args, input))
        if Utils.is_function(proc):
            return proc.call(input, validated(getattr(proc, "signature", None), args, input))
        if not Functions.is_regex(proc):
            fail("T1006", "Attempted to invoke a non-function")
        return first_match(proc, args[0], 0) if args and isinstance(args[0], str) else None

    def evaluate_partial_application(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        given = [a if a.type == "operator" else self.eval(a, input, environment) for a in expr.arguments]
        proc = self.eval(expr.procedure, input, environment)
        self._demand_function(expr, proc, environment, "T1007", "T1008", "partially apply")
        if Functions.is_lambda(proc):
            return self.partial_apply_procedure(proc, given)

        def partial(*rest: Any) -> Any:
            filling = iter(rest)
            arguments = [
                next(filling, None) if isinstance(a, Parser.Symbol) and a.type == "operator" else a for a in given
            ]
            return self.apply(proc, arguments, None, environment)

        # Higher-order functions ask how many arguments it takes.
        unbound = [a.type == "operator" for a in expr.arguments]
        parameters = [inspect.Parameter(f"a{i}", inspect.Parameter.POSITIONAL_ONLY) for i in range(sum(unbound))]
        partial.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return Jsonata.JLambda(partial)

    def evaluate_apply_expression(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        left = self.eval(expr.lhs, input, environment)
        if expr.rhs.type == "function":
            return self.evaluate_function(expr.rhs, input, environment, left)
        function = self.eval(expr.rhs, input, environment)
        if not is_function(function):
            fail("T2006", "The right side of the function application operator ~> must be a function")
        if is_function(left):
            return Jsonata.JLambda(
                lambda value: self.apply(function, [self.apply(left, [value], None, environment)], None, environment)
            )
        return self.apply(function, [left], None, environment)

    def evaluate_binary(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        left = self.eval(expr.lhs, input, environment)
        match str(expr.value):
            case "and":
                return self.boolize(left) and self.boolize(self.eval(expr.rhs, input, environment))
            case "or":
                return self.boolize(left) or self.boolize(self.eval(expr.rhs, input, environment))
            case "??":
                return self.eval(expr.rhs, input, environment) if left is None else left
            case "?:":
                return left if self.boolize(left) else self.eval(expr.rhs, input, environment)
            case operator:
                return OPERATORS[operator](operator, left, self.eval(expr.rhs, input, environment))

    def evaluate_name(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002, ARG002
        return named(input, expr.value)

    def flatten(self, arg: Any, flattened: Any) -> Any:  # noqa: ARG002
        return flat(arg, [])

    def recurse_descendants(self, input: Any, results: Any) -> None:  # noqa: A002
        descendants(input, results)

    def evaluate_unary(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        if expr.value != "-":
            return super().evaluate_unary(expr, input, environment)
        value = self.eval(expr.expression, input, environment)
        if value is not None and not is_number(value):
            fail("D1002", f"Cannot negate a non-numeric value: {shown(value)}")
        return None if value is None else -value

    def evaluate_group_expression(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002
        # Nothing gives an object all the same; the reference adds to the caller's list here.
        return super().evaluate_group_expression(
            expr, Utils.create_sequence(None) if input == [] else input, environment
        )

    def evaluate_transform_expression(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002, ARG002
        def transform(value: Any) -> Any:
            result = copy(value)
            for match in listed(self.eval(expr.pattern, result, environment)):
                self._update(expr, match, environment)
            return result

        return Native(transform, Signature("<(oa):o>", "transform"))

    def evaluate_text(self, text: str, focus: Any) -> Any:
        """$eval, where it is called."""
        data = self.input if focus is None else focus
        if isinstance(data, list) and not Utils.is_sequence(data):
            data = _wrapped(data)
        try:
            tree, _ = _Parser(text).read()
        except MappingError as error:
            fail("D3120", f"Syntax error in expression passed to function eval: {error.diagnostics[0].message}")
        try:
            return self.eval(tree, data, self.environment)
        except EvaluationError as error:
            found = error.diagnostics[0]
            if found.code in _BOUNDS:
                raise
            fail("D3121", f"Dynamic error evaluating the expression passed to function eval: {found.message}")

    def _update(self, expr: Any, match: Any, environment: Any) -> None:
        update = self.eval(expr.update, match, environment)
        if update is not None and not isinstance(update, dict):
            fail(
                "T2011",
                f"The insert/update clause of the transform expression must evaluate to an object: {shown(update)}",
            )
        if isinstance(match, dict):
            match.update(update or {})
        if expr.delete is None:
            return
        gone = listed(self.eval(expr.delete, match, environment))
        if not all(isinstance(name, str) for name in gone):
            fail("T2012", "The delete clause of the transform expression must evaluate to a string or array of strings")
        for name in gone:
            if isinstance(match, dict):
                match.pop(name, None)


def _wrapped(data: list[Any]) -> Any:
    """An array as the context: the whole of it, not one item after the other."""
    sequence = Utils.create_sequence(data)
    sequence.outer_wrapper = True
    return sequence


#: The codes of what was stopped, wherever it happened.
_BOUNDS = ("D1011", "D1012", "D2014")
_CODE = re.compile(r"[A-Z]\d{4}", re.ASCII)


def _diagnostic(error: Exception) -> Diagnostic:
    match error:
        case JException() if _CODE.fullmatch(error.error):
            return Diagnostic(error.error, _message(error))
        case RecursionError():
            return Diagnostic("D1011", "Stack overflow", hint="is there a recursion without an end?")
        case OverflowError() | ZeroDivisionError():
            return Diagnostic("D1001", "Number out of range")
        case _:
            return Diagnostic("D3137", f"{type(error).__name__}: {error}")


_EVALUATE: dict[str | None, Callable[[Any, Any, Any, Any], Any]] = {
    "path": _Evaluator.evaluate_path,
    "binary": _Evaluator.evaluate_binary,
    "unary": _Evaluator.evaluate_unary,
    "name": _Evaluator.evaluate_name,
    "string": lambda _, expr, *__: expr.value,
    "number": lambda _, expr, *__: expr.value,
    "regex": lambda _, expr, *__: expr.value,
    "value": lambda _, expr, *__: NULL if expr.value is None else expr.value,
    "wildcard": lambda self, expr, data, _: self.evaluate_wildcard(expr, data),
    "descendant": lambda self, expr, data, _: self.evaluate_descendants(expr, data),
    "parent": lambda _, expr, __, environment: environment.lookup(expr.slot.label),
    "condition": _Evaluator.evaluate_condition,
    "block": _Evaluator.evaluate_block,
    "bind": _Evaluator.evaluate_bind_expression,
    "function": lambda self, *at: self.evaluate_function(*at, Utils.NONE),
    "variable": _Evaluator.evaluate_variable,
    "lambda": _Evaluator.evaluate_lambda,
    "partial": _Evaluator.evaluate_partial_application,
    "apply": _Evaluator.evaluate_apply_expression,
    "transform": _Evaluator.evaluate_transform_expression,
}

# ---------------------------------------------------------------------------------------------- expression


#: The names of the standard functions.
STANDARD_FUNCTIONS: Final = frozenset(STANDARD.bindings)


class Expression:
    """A JSONata expression, parsed. Immutable, and safe to share between threads."""

    def __init__(
        self,
        text: str,
        *,
        source: Source | None = None,
        offsets: tuple[int, ...] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        """Parse `text`, which stands in `source` with each character where `offsets` says, one for each.

        Without `offsets` the text is the whole source; without `source` it is one of its own. `functions` are
        callable as `$name(…)`; they take and return plain JSON values, MISSING for undefined. Raises
        `MappingError` with one diagnostic.
        """
        self.text = text
        self.source = source or Source("<expression>", text)
        self._offsets = offsets
        self._functions = dict(functions or {})
        parser = _Parser(text)
        try:
            tree, self.node = parser.read()
        except MappingError as error:
            raise MappingError([self._located(d, d.span or Span(0, len(text))) for d in error.diagnostics]) from None
        self._program = _Program(tree, parser, library(FUNCTIONS | self._functions), self._located)

    def locate(self, span: Span) -> Span:
        """Where a span of the text stands in the source."""
        if self._offsets is None:
            return span
        if span.start == len(self._offsets):
            end = self._offsets[-1] + 1 if self._offsets else 0
            return Span(end, end)
        start = self._offsets[span.start]
        return Span(start, self._offsets[span.end - 1] + 1 if span.end > span.start else start)

    def _located(self, diagnostic: Diagnostic, span: Span) -> Diagnostic:
        return replace(diagnostic, source=self.source, span=self.locate(span))

    def evaluate(
        self,
        data: Any = MISSING,
        bindings: Mapping[str, Any] | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        depth: int = DEFAULT_DEPTH,
    ) -> Any:
        """The value for `data` as `$` and `bindings` as variables, or MISSING; as `evaluate_in` with a scope of them.

        Data, bindings and result are plain JSON values, None for null and MISSING for undefined. `$now()` and
        `$millis()` tell the moment that is bound as `now`; there is no clock, and the same input gives the same
        result, with `$random()` and `$shuffle()` too.
        """
        return self.evaluate_in(Scope(data, bindings), timeout=timeout, depth=depth)

    def evaluate_in(self, scope: Scope, *, timeout: float = DEFAULT_TIMEOUT, depth: int = DEFAULT_DEPTH) -> Any:
        """The value in a scope, or MISSING.

        `timeout` is in seconds, `depth` in nested evaluations. Raises `EvaluationError` with JSONata's code and
        the span of the innermost construct that failed: D1012 and D1011 at those bounds, D2014 for a result that
        is too large, D407 for data that is nested too deeply or contains itself.
        """
        return _Evaluator(self._program, scope, timeout, depth).run()

    def __reduce__(self) -> tuple[Any, ...]:
        return _expression, (self.text, self.source, self._offsets, self._functions)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    @property
    def variables(self) -> list[Variable]:
        """The variables that nothing in the expression binds, in the order of the text; not those in `calls`."""
        return self._free(called=False)

    @property
    def calls(self) -> list[Variable]:
        """The `$name` of each `$name(…)` that nothing in the expression binds, in the order of the text."""
        return self._free(called=True)

    @property
    def interpreted(self) -> tuple[Span, ...]:
        """The spans of what is not compiled: all of it."""
        return (self.node.span,)

    def _free(self, *, called: bool) -> list[Variable]:
        free = sorted(_free(self.node, set(), frozenset()), key=lambda v: v.span.start)
        procedures = {id(n.procedure) for n in walk(self.node) if isinstance(n, (Call, Partial))}
        return [v for v in free if (id(v) in procedures) is called]


def _expression(text: str, source: Source, offsets: tuple[int, ...] | None, functions: Any) -> Expression:
    return Expression(text, source=source, offsets=offsets, functions=functions)


def _free(node: Node, bound: set[str], later: frozenset[str]) -> Iterator[Variable]:
    """The free variables. `bound` is what is bound so far, `later` what will be when a lambda's body runs."""
    match node:
        case Variable(name=name):
            if name not in bound and name not in ("", "$"):
                yield node
        case Bind(variable=variable, value=value):
            yield from _free(value, bound, later)
            bound.add(variable.name)
        case Block():
            yield from _free_below(node, set(bound), later | _binds(node))
        case Lambda(parameters=parameters, body=body):
            inner = bound | later | {p.name for p in parameters}
            yield from _free(body, inner, later | _binds(body))
        case Path():
            yield from _free_below(node, set(bound), later)
        case Step(focus=focus, index=index):
            yield from _free(node.node, bound, later)
            bound |= {v.name for v in (focus, index) if v}
            for stage in (*node.predicates, *node.stages, *([node.group] if node.group else [])):
                yield from _free(stage, bound, later)
        case Index(variable=variable):
            bound.add(variable.name)
        case _:
            yield from _free_below(node, bound, later)


def _free_below(node: Node, bound: set[str], later: frozenset[str]) -> Iterator[Variable]:
    # A group stands in its path's text, but comes last.
    below = sorted(children(node), key=lambda child: isinstance(child, Group))
    for child in below:
        yield from _free(child, bound, later)


def _binds(node: Node) -> frozenset[str]:
    """What is bound in the scope that a node opens."""
    names: set[str] = {node.variable.name} if isinstance(node, Bind) else set()
    for child in children(node):
        if not isinstance(child, (Block, Lambda)):
            names |= _binds(child)
    return frozenset(names)
