"""JSONata text → frozen nodes that know their spans.

jsonata-python reads the text; its mutable `Symbol` tree is turned once into nodes that hold everything the
expression means, and nothing outside this module sees a `Symbol`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields, replace
from functools import cache
from typing import Any, ClassVar, TypeVar, dataclass_transform

from truto_mapper.diagnostics import Diagnostic, MappingError, Span
from truto_mapper.patterns import PatternError, compiled_pattern
from truto_mapper.values import as_number, shown

# isort: split
# After `calls` (of `patterns`), which sees to it that importing jsonata leaves the recursion limit alone.
from jsonata.jexception import JException
from jsonata.parser import Parser
from jsonata.tokenizer import Tokenizer

MAX_CHARACTERS = 100_000
MAX_NESTING = 150

_Kind = TypeVar("_Kind")
_set = object.__setattr__

# --------------------------------------------------------------------------------------------------- nodes


@dataclass_transform(frozen_default=True)
def _node(kind: type[_Kind]) -> type[_Kind]:
    """A dataclass whose methods are those of `Spanned`: with its own, making forty classes takes longer than a load."""
    made = dataclass(init=False, slots=True, eq=False, repr=False)(kind)
    defaults = {one.name: one.default for one in fields(made) if one.default is not MISSING}  # type: ignore[arg-type]
    made._defaults = defaults  # type: ignore[attr-defined]  # noqa: SLF001  # its own
    return made


@_node
class Spanned:
    """Where in the expression's text a construct stands; nodes that differ only in this are equal."""

    span: Span

    __match_args__: ClassVar[tuple[str, ...]]
    _defaults: ClassVar[dict[str, Any]]

    def __init__(self, *values: Any, **named: Any) -> None:
        names = self.__match_args__
        for name, value in zip(names, values, strict=False):
            _set(self, name, value)
        for name in names[len(values) :]:
            _set(self, name, named[name] if name in named else self._defaults[name])

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__[1:])

    def __hash__(self) -> int:
        return hash((self.__class__, *(getattr(self, name) for name in self.__match_args__[1:])))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
        return f"{self.__class__.__name__}({shown})"


@_node
class Name(Spanned):
    """A field name, as a step: `a`, `` `a b` `` or `"a b"`."""

    value: str


@_node
class String(Spanned):
    value: str


@_node
class Number(Spanned):
    """A number, with the sign before it. As in the reference it is a double: an `int` up to 2^53, else a `float`."""

    value: int | float


@_node
class Value(Spanned):
    """`true`, `false` or `null`."""

    value: bool | None


@_node
class Regex(Spanned):
    """`/pattern/flags`; the pattern as written, the flags any of `i` and `m`."""

    pattern: str
    flags: str


@_node
class Wildcard(Spanned):
    """`*`"""


@_node
class Descendant(Spanned):
    """`**`"""


@_node
class Parent(Spanned):
    """`%`; the step whose `ancestor` has the same label binds it."""

    label: str


@_node
class Variable(Spanned):
    """`$name`; the name is empty for `$` and `$` for `$$`."""

    name: str


@_node
class Negate(Spanned):
    """`-expression`"""

    expression: Node


@_node
class Array(Spanned):
    """`[…]`; an item may be a `Binary` of `..`. As a later step of a path it is `whole`: not joined to others."""

    items: tuple[Node, ...]
    whole: bool = False


@_node
class Object(Spanned):
    """`{key: value}` on its own."""

    pairs: tuple[tuple[Node, Node], ...]


@_node
class Binary(Spanned):
    """One of `+ - * / % = != < <= > >= & and or in ..`"""

    operator: str
    left: Node
    right: Node


@_node
class Coalesce(Spanned):
    """`left ?? right`: the right where the left is undefined."""

    left: Node
    right: Node


@_node
class Default(Spanned):
    """`left ?: right`: the right where the left is falsy."""

    left: Node
    right: Node


@_node
class Block(Spanned):
    """`(a; b)`: a scope of its own; undefined when empty."""

    expressions: tuple[Node, ...]


@_node
class Condition(Spanned):
    """`condition ? then : otherwise`"""

    condition: Node
    then: Node
    otherwise: Node | None


@_node
class Bind(Spanned):
    """`$variable := value`"""

    variable: Variable
    value: Node


@_node
class Call(Spanned):
    """`procedure(arguments)`; `tail` when it is the last thing its lambda does, which must not use up stack."""

    procedure: Node
    arguments: tuple[Node, ...]
    tail: bool = False


@_node
class Placeholder(Spanned):
    """The `?` among the arguments of a partial application."""


@_node
class Partial(Spanned):
    """`procedure(a, ?)`"""

    procedure: Node
    arguments: tuple[Node, ...]


@_node
class Lambda(Spanned):
    """`function($a, $b)<signature>{ body }`; the signature with its `<` and `>`, without white space."""

    parameters: tuple[Variable, ...]
    signature: str | None
    body: Node


@_node
class Apply(Spanned):
    """`left ~> right`"""

    left: Node
    right: Node


@_node
class Transform(Spanned):
    """`|pattern|update, delete|`"""

    pattern: Node
    update: Node
    delete: Node | None


@_node
class Term(Spanned):
    """One order of a sort, with its `<` or `>`."""

    expression: Node
    descending: bool


@_node
class Sort(Spanned):
    """`^(terms)`, a step of a path."""

    terms: tuple[Term, ...]


@_node
class Filter(Spanned):
    """`[expression]` behind a step."""

    expression: Node


@_node
class Index(Spanned):
    """`#$variable` behind a step that has filters before it."""

    variable: Variable


@_node
class Group(Spanned):
    """`{key: value}` behind an expression."""

    pairs: tuple[tuple[Node, Node], ...]


@_node
class Step(Spanned):
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


@_node
class Path(Spanned):
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
    kind: Any = type(node)
    for name in _held(kind):
        _collect(getattr(node, name), found)
    return sorted(found, key=lambda child: child.span.start) if len(found) > 1 else found


@cache
def _held(kind: type[Any]) -> tuple[str, ...]:
    """The fields that may hold nodes."""
    plain = {"Span", "str", "bool", "int | float", "bool | None", "str | None"}
    return tuple(one.name for one in fields(kind) if one.type not in plain)


def _collect(value: Any, found: list[Node]) -> None:
    if isinstance(value, Spanned):
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


class _Lexer(Tokenizer):  # type: ignore[misc]
    """jsonata's tokenizer, which also knows where a token starts and has a code for every failure."""

    position: int
    _SPACE = re.compile(r"(?:[ \t\n\r\v]+|/\*.*?\*/)*", re.DOTALL)

    def __init__(self, text: str) -> None:
        super().__init__(
            text, lambda pattern, flags: compiled_pattern(pattern, "i" * flags.case_insensitive + "m" * flags.multiline)
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
        except PatternError as error:
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
        if error.error == "S0102":
            number = re.match(r"[\d.]+(?:[Ee][-+]?\d+)?", self.path[self.start :])
            self.position = self.start + (number.end() if number else 1)
            return "S0102", f"Number out of range: {self.path[self.start : self.position]}"
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


class _Symbols(dict[str, Any]):
    """What each token means to one parser: a copy of the prototype's when it is first met.

    All of them anew for each expression would take most of a parse.
    """

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser

    def __missing__(self, name: str) -> Any:
        known = _PROTOTYPE.symbol_table[name]
        self[name] = symbol = object.__new__(known.__class__)
        symbol.__dict__ |= vars(known) | {"_outer_instance": self.parser}  # of which its clones read on
        return symbol


def _prototype() -> Parser:
    parser = Parser()
    for operator in ("??", "?:"):
        choice = parser.symbol_table[operator] = _Choice(parser, operator)
        choice.lbp = choice.bp
    return parser


_PROTOTYPE = _prototype()


class _Parser(Parser):  # type: ignore[misc]
    """jsonata's parser, which also records places on its symbols.

    `start` and `end` are those of the whole construct with what is attached to it, `at` is the operator's token,
    `close` the end before any `[]`.
    """

    def __init__(self, text: str) -> None:
        self.__dict__.update(vars(_PROTOTYPE) | {"symbol_table": _Symbols(self), "errors": [], "ancestry": []})
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


_PLACEHOLDER = r"\{\{\{?\w+\}?\}\}"


def _message(error: JException) -> str:
    """JSONata's own sentence for a code, with its values put in."""
    template = JException.error_codes.get(error.error)
    if template is None:
        return str(error.error)
    values = iter((error.current, error.expected, error.extra))
    template = template.replace("Object", "function")  # a slip of the translation from JavaScript
    return re.sub(_PLACEHOLDER, lambda _: shown(next(values, None)), template)


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
        first, *rest = map(self.step, symbol.steps)
        if isinstance(first.node, Array):  # which is stepped into
            first = replace(first, node=replace(first.node, whole=False))
        return Path(
            _span(symbol),
            steps=(first, *rest),
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
                return Array(span, self.nodes(symbol.expressions), bool(symbol.consarray))
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


# ---------------------------------------------------------------------------------------------------- names


def parse(text: str) -> Node:
    """The node of a whole expression. Raises `MappingError` with one diagnostic whose span lies in the text."""
    return _Parser(text).read()[1]


def free_variables(node: Node) -> list[Variable]:
    """The variables that nothing in a node binds, in the order of the text."""
    return sorted(_free(node, set(), frozenset()), key=lambda v: v.span.start)


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


def leading_names(node: Node) -> list[Name | Variable]:
    """The names a path begins with, whatever is attached to them."""
    steps = node.steps if isinstance(node, Path) else (node,)
    names: list[Name | Variable] = []
    for step in steps:
        named = step.node if isinstance(step, Step) else step
        if not isinstance(named, Name) and (names or not isinstance(named, Variable)):
            break
        names.append(named)
    return names


def is_plain(node: Node) -> bool:
    """Whether a node is a variable or a path of nothing but names; `[]` does not count."""
    if not isinstance(node, Path):
        return isinstance(node, Variable)
    bare = all(replace(step, keep_array=False) == Step(step.span, step.node) for step in node.steps)
    return bare and node.group is None and len(leading_names(node)) == len(node.steps)


#: Functions that are undefined or false where their first argument is undefined.
_OF_SOMETHING = frozenset(
    {"boolean", "contains", "count", "exists", "length", "lookup", "lowercase", "match", "not", "number", "string"}
    | {"substring", "substringAfter", "substringBefore", "trim", "type", "uppercase"}
)


def excludes_undefined(predicate: Node) -> bool:
    """Whether a predicate surely leaves out what is undefined: of other ones, JSONata's sequences hold it."""
    match predicate:
        case Binary(operator="and", left=left, right=right):
            return excludes_undefined(left) or excludes_undefined(right)
        case Binary(operator="or", left=left, right=right):
            return excludes_undefined(left) and excludes_undefined(right)
        case Binary(operator=operator, left=left, right=right) if operator not in ("&", ".."):
            return _is_undefined(left) or _is_undefined(right)
        case Call(procedure=Variable(name=name), arguments=(first, *_)) if name in _OF_SOMETHING:
            return _is_undefined(first)
        case Block(expressions=(*_, last)):
            return excludes_undefined(last)
        case _:
            return _is_undefined(predicate)


def _is_undefined(node: Node) -> bool:
    """Whether a node is surely undefined where `$` is."""
    first: Node = node.steps[0] if isinstance(node, Path) else node
    if isinstance(first, Step):
        if first.stages or first.predicates or first.group is not None:
            return False
        first = first.node
    of_context = isinstance(first, (Name, Wildcard, Descendant)) or (isinstance(first, Variable) and first.name == "")
    return of_context and (not isinstance(node, Path) or node.group is None)
