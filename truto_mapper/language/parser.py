"""Parses JSONata text into frozen nodes with their spans.

jsonata-python parses the text; its mutable `Symbol` tree is converted to nodes at once, and nothing outside this
module sees a `Symbol`.
"""

from __future__ import annotations

import re
import sys
import traceback
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.runtime.values import as_number, shown
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.regex import PatternError, compile_pattern
from truto_mapper.text.source import Span

_LIMIT = sys.getrecursionlimit()

# isort: split
from jsonata.jexception import JException  # noqa: E402
from jsonata.parser import Parser  # noqa: E402
from jsonata.tokenizer import Tokenizer  # noqa: E402

# Importing jsonata sets the recursion limit of the whole process to 10,000, which is not ours to decide.
sys.setrecursionlimit(_LIMIT)


MAX_CHARACTERS = 100_000
MAX_NESTING = 150
#: The most nodes besides strings, numbers, true, false and null: compiling so many takes a few seconds.
MAX_NODES = 10_000


class _Lexer(Tokenizer):  # type: ignore[misc]
    """jsonata's tokenizer, which also records where a token starts and gives every failure a code."""

    position: int
    _SPACE = re.compile(r"(?:[ \t\n\r\v]+|/\*.*?\*/)*", re.DOTALL)

    def __init__(self, text: str) -> None:
        super().__init__(
            text, lambda pattern, flags: compile_pattern(pattern, "i" * flags.case_insensitive + "m" * flags.multiline)
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
            digits = self.path[self.start : self.position]
            token.value = int(digits) if digits.isdecimal() else as_number(float(digits))
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
    """`??` and `?:` as written: jsonata duplicates their left side, and then processes it twice."""

    def led(self, left: Any) -> Any:
        self.lhs = left
        self.rhs = self._outer_instance.expression(0)
        self.type = "binary"
        return self


class _Symbols(dict[str, Any]):
    """The symbols of one parser, each copied from the prototype when it is first used.

    Creating all of them for each expression would take most of the parsing time.
    """

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser

    def __missing__(self, name: str) -> Any:
        known = _PROTOTYPE.symbol_table.get(name)
        if known is None:  # `!` or `~`, on its own
            lexer = self.parser.lexer
            raise lexer.refused("S0204", f"Unknown operator: {name}", lexer.position)
        self[name] = symbol = object.__new__(known.__class__)
        symbol.__dict__ |= vars(known) | {"_outer_instance": self.parser}  # clones read the rest of the text through it
        return symbol


def _prototype() -> Parser:
    parser = Parser()
    for operator in ("??", "?:"):
        choice = parser.symbol_table[operator] = _Choice(parser, operator)
        choice.lbp = choice.bp
    return parser


_PROTOTYPE = _prototype()


class _Parser(Parser):  # type: ignore[misc]
    """jsonata's parser, which also records on each symbol where it is in the text.

    `start` and `end` enclose the whole construct with its attachments, `at` is where its operator begins, `close` is
    the end before any `[]`.
    """

    def __init__(self, text: str) -> None:
        self.__dict__.update(vars(_PROTOTYPE) | {"symbol_table": _Symbols(self), "errors": [], "ancestry": []})
        self.source = text
        self.lexer = _Lexer(text)
        self.tokens: list[tuple[int, int, str]] = []
        self.ended = 0  # the end of the last token that was consumed
        self.depth = 0

    def read(self) -> tuple[Any, nodes.Node]:
        """The processed tree and its nodes. Raises `MappingError` with one diagnostic whose span lies in the text."""
        if len(self.source) > MAX_CHARACTERS:
            raise self._refused("M104", f"the expression is longer than {MAX_CHARACTERS:,} characters")
        try:
            tree = self._read()
            return tree, _Builder(self).node(tree)
        except JException as error:
            raise self._refused(error.error, _message(error), error.location) from None
        except RecursionError:
            raise self._refused("M104", "the expression is nested too deeply", self.lexer.position) from None
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError, re.error) as error:
            if not _is_of_library(error):
                raise
            code = {"Choice": "S0402", "Type p": "S0401"}.get(str(error)[:6], "S0201")
            message = str(error) if isinstance(error, RuntimeError) else "Syntax error"
            raise self._refused(code, message, self.lexer.position) from None

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
            if right is left:  # `[]` changes the symbol before it
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
        operand = vars(expr).get("expression") if expr is not None and expr.value == "-" else None
        negative = -operand.value if operand is not None and operand.type == "number" else None  # it loses digits
        result = super().process_ast(expr)
        if expr is None:
            return None
        if not hasattr(expr, "start"):  # a range has no token of its own
            expr.start, expr.at, expr.close = expr.lhs.start, expr.lhs.start, expr.rhs.end
            expr.end = expr.close
        if not hasattr(result, "start"):
            result.start, result.at, result.close = expr.start, expr.at, expr.close
        result.start = min(result.start, expr.start)  # a minus sign becomes part of its number
        if negative is not None:
            result.value = negative
        if expr.type == "binary":
            self._attach(str(expr.value), expr, result)
        result.end = expr.end
        return result

    def _attach(self, operator: str, expr: Any, result: Any) -> None:
        """Set the span of a construct that processing has attached to another symbol."""
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
        """The text between `)` and `{` of a lambda, without white space."""
        last = symbol.arguments[-1].end if symbol.arguments else symbol.at + 1
        after = bisect_left(self.tokens, (last,)) + 1
        end = after
        while self.tokens[end][2] != "{":
            end += 1
        return "".join(self.source[start:stop] for start, stop, _ in self.tokens[after:end]) or None

    def tail_call_optimize(self, expr: Any) -> Any:
        # The attachments of a call are evaluated after it, so it is not a tail call.
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


def _is_of_library(error: Exception) -> bool:
    """Whether jsonata raised an error, as for a faulty signature; everything else is a bug of ours."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals["__name__"].partition(".")[0] in ("jsonata", "re")


_PLACEHOLDER = r"\{\{\{?\w+\}?\}\}"


def _message(error: JException) -> str:
    """jsonata's message for a code, with the values filled in."""
    template = JException.error_codes.get(error.error)
    if template is None:
        return str(error.error)
    values = iter((error.current, error.expected, error.extra))
    template = template.replace("Object", "function")  # a slip of the translation from JavaScript
    return re.sub(_PLACEHOLDER, lambda _: shown(next(values, None)), template)


_OF_VALUE: dict[str, Callable[..., nodes.Node]] = {
    kind.__name__.lower(): kind for kind in (nodes.Name, nodes.String, nodes.Number, nodes.Value, nodes.Variable)
}


class _Builder:
    """Converts processed symbols to nodes."""

    def __init__(self, parser: _Parser) -> None:
        self.parser = parser
        self.depth = self.nodes = 0

    def node(self, symbol: Any) -> nodes.Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise RecursionError
        built = self.built(symbol)
        self.depth -= 1
        return built

    def built(self, symbol: Any) -> nodes.Node:
        if symbol.type == "lambda" and symbol.thunk:
            return self.tail(symbol.body)
        if symbol.type == "path":
            return self.path(symbol)
        step = replace(self.step(symbol), focus=None)  # as in the reference: only a step of a path binds
        bare = nodes.Step(step.span, step.node, consarray=step.consarray)
        return step.node if step == bare else step

    def tail(self, symbol: Any) -> nodes.Node:
        call = self.node(symbol)
        return replace(call, tail=True) if isinstance(call, nodes.Call) else call

    def all(self, symbols: Any) -> tuple[nodes.Node, ...]:
        return tuple(self.node(s) for s in symbols)

    def maybe(self, symbol: Any) -> nodes.Node | None:
        return None if symbol is None else self.node(symbol)

    def variable(self, symbol: Any) -> nodes.Variable:
        return nodes.Variable(Span(symbol.start, symbol.close), symbol.value)

    def pairs(self, pairs: Any) -> tuple[tuple[nodes.Node, nodes.Node], ...]:
        return tuple((self.node(key), self.node(value)) for key, value in pairs)

    def group(self, symbol: Any) -> nodes.Group | None:
        return None if symbol is None else nodes.Group(_span(symbol), self.pairs(symbol.lhs_object))

    def stage(self, symbol: Any) -> nodes.Filter | nodes.Index:
        if symbol.type == "index":
            return nodes.Index(_span(symbol), self.variable(symbol.variable))
        return nodes.Filter(_span(symbol), self.node(symbol.expr))

    def path(self, symbol: Any) -> nodes.Path:
        first, *rest = map(self.step, symbol.steps)
        if isinstance(first.node, nodes.Array):  # its items are stepped into
            first = replace(first, node=replace(first.node, whole=False))
        return nodes.Path(
            _span(symbol),
            steps=(first, *rest),
            group=self.group(symbol.group),
            keep_singleton_array=bool(symbol.keep_singleton_array),
            tuple=bool(symbol.tuple),
            keep_array=bool(symbol.keep_array),
        )

    def step(self, symbol: Any) -> nodes.Step:
        self.nodes += symbol.type not in ("string", "number", "value")
        if self.nodes > MAX_NODES:
            message = f"the expression has more than {MAX_NODES:,} names, operators, calls, arrays and objects"
            raise self.parser._refused("M104", message)  # noqa: SLF001
        return nodes.Step(
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

    def bare(self, symbol: Any) -> nodes.Node:
        """The node of a symbol without its attachments."""
        span = Span(symbol.start, symbol.close)
        if symbol.type in _OF_VALUE:
            return _OF_VALUE[symbol.type](span, symbol.value)
        match symbol.type:
            case "wildcard":
                return nodes.Wildcard(span)
            case "descendant":
                return nodes.Descendant(span)
            case "operator":
                return nodes.Placeholder(span)
            case "parent":
                return nodes.Parent(span, symbol.slot.label)
            case "regex":
                pattern, _, flags = self.parser.source[span.start + 1 : span.end].rpartition("/")
                return nodes.Regex(span, pattern, flags)
            case "unary" | "binary":
                return self.operation(span, symbol)
            case _:
                return self.compound(span, symbol)

    def operation(self, span: Span, symbol: Any) -> nodes.Node:
        match symbol.type, str(symbol.value):
            case "unary", "-":
                return nodes.Negate(span, self.node(symbol.expression))
            case "unary", "[":
                return nodes.Array(span, self.all(symbol.expressions), bool(symbol.consarray))
            case "unary", _:
                return nodes.Object(span, self.pairs(symbol.lhs_object))
            case _, "??":
                return nodes.Coalesce(span, self.node(symbol.lhs), self.node(symbol.rhs))
            case _, "?:":
                return nodes.Default(span, self.node(symbol.lhs), self.node(symbol.rhs))
            case _, operator:
                return nodes.Binary(span, operator, self.node(symbol.lhs), self.node(symbol.rhs))

    def compound(self, span: Span, symbol: Any) -> nodes.Node:
        match symbol.type:
            case "block":
                return nodes.Block(span, self.all(symbol.expressions))
            case "condition":
                test, otherwise = self.node(symbol.condition), self.maybe(symbol._else)  # noqa: SLF001
                return nodes.Condition(span, test, self.node(symbol.then), otherwise)
            case "bind":
                return nodes.Bind(span, self.variable(symbol.lhs), self.node(symbol.rhs))
            case "function":
                return nodes.Call(span, self.node(symbol.procedure), self.all(symbol.arguments))
            case "partial":
                return nodes.Partial(span, self.node(symbol.procedure), self.all(symbol.arguments))
            case "lambda":
                parameters = tuple(self.variable(p) for p in symbol.arguments)
                return nodes.Lambda(span, parameters, self.parser.signature_text(symbol), self.node(symbol.body))
            case "apply":
                return nodes.Apply(span, self.node(symbol.lhs), self.node(symbol.rhs))
            case "transform":
                pattern, update = self.node(symbol.pattern), self.node(symbol.update)
                return nodes.Transform(span, pattern, update, self.maybe(symbol.delete))
            case _:  # sort
                terms = tuple(nodes.Term(_span(t), self.node(t.expression), bool(t.descending)) for t in symbol.terms)
                return nodes.Sort(span, terms)


def _span(symbol: Any) -> Span:
    return Span(symbol.start, symbol.end)


def parse(text: str) -> nodes.Node:
    """The node of an expression's text. Raises `MappingError` with one diagnostic whose span lies in the text."""
    return _Parser(text).read()[1]
