"""Parses JSONata text into frozen nodes with their spans.

jsonata-python parses the text; its mutable `Symbol` tree is converted to nodes at once, and nothing outside this
module sees a `Symbol`.
"""

from __future__ import annotations

import math
import re
import sys
import traceback
from bisect import bisect_left
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.builder import MAX_NESTING, Builder
from truto_mapper.language.runtime.signatures import parse_signature
from truto_mapper.language.runtime.values import as_number, shown
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError, MappingError
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
#: The most steps that are looked at for all `%`.
MAX_SOUGHT = 500_000

#: The tokens that need no care. jsonata's tokenizer copies the rest of the text for each name and number.
_SIGNS = r"\]\[.{}(),@#;:?+*/%|=<>^!~&\-"
_TOKEN = re.compile(
    rf"""\$(?P<variable>[^ \t\n\r{_SIGNS}]*)
    |(?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?)
    |(?P<string>"[ !\#-\[\]-~]*"|'[ -&(-\[\]-~]*')
    |(?P<name>[^"'` \t\n\r{_SIGNS}][^ \t\n\r{_SIGNS}]*)
    |(?P<operator>\.\.|:=|!=|>=|<=|\*\*|~>|\?:|\?\?|[{_SIGNS}])""",
    re.VERBOSE,
)
_WORDS: dict[str, tuple[str, Any]] = {word: ("operator", word) for word in ("and", "or", "in")}
_WORDS |= {"true": ("value", True), "false": ("value", False), "null": ("value", None)}


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
        found = None if self.path[self.start] == "/" and not prefix else _TOKEN.match(self.path, self.start)
        if found is not None and found.lastgroup is not None:
            self.position = found.end()
            token = self._token(found.lastgroup, found[found.lastgroup])
            return token if token is not None else self._other(prefix)
        return self._other(prefix)

    def _token(self, kind: str, text: str) -> Any:
        value: Any = text
        match kind:
            case "name":
                kind, value = _WORDS.get(text, (kind, text))
            case "number":
                value = float(text)
                if value == math.inf:
                    return None
                value = int(text) if text.isdecimal() else as_number(value)
            case "string":
                value = text[1:-1]
        return Tokenizer.Token(kind, value, self.position)

    def _other(self, prefix: bool) -> Any:
        """A token that jsonata reads: a regular expression, a string with escapes, or a mistake."""
        self.position = self.start
        try:
            token = super().next(prefix)
        except JException as error:
            raise self.refused(*self.reason(error), self.position) from None
        except IndexError:  # a slash or a backslash at the very end
            if self.path[self.start] == "/":
                return self.last_slash(prefix)
            raise self.refused("S0103", "this string ends within an escape sequence", self.length) from None
        except PatternError as error:
            message = f"this regular expression is not valid in RE2 syntax: {error}"
            raise self.refused("S0302", message, self.position) from None
        if token.type == "string":  # an astral character is two escapes
            token.value = token.value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        return token

    def last_slash(self, infix: bool) -> Any:  # as the library calls it
        """The slash that a text ends with: the division of nothing, or a regex that is not closed."""
        if not infix:
            raise self.refused("S0302", "No terminating / in regular expression", self.length)
        self.position = self.length
        return self.create("operator", "/")

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


_CHOICES = ("??", "?:")


class _Choice(Parser.Infix):  # type: ignore[misc]
    """`??` and `?:` as written: jsonata duplicates their left side, and then processes it twice."""

    def led(self, left: Any) -> Any:
        self.lhs = left
        self.type, self.is_open = "binary", True
        return self


class _Bind(Parser.InfixRBindVariable):  # type: ignore[misc]
    def led(self, left: Any) -> Any:
        if left.type != "variable":
            raise JException("S0212", left.position, left.value)
        self.lhs = left
        self.type, self.is_open = "binary", True
        return self


class _Condition(Parser.InfixTernaryOperator):  # type: ignore[misc]
    def led(self, left: Any) -> Any:
        self.condition = left
        self.type = "condition"
        self.then = self._outer_instance.expression(0)
        if self._outer_instance.node.id == ":":
            self._outer_instance.advance(":")
            self.is_open = True
        return self


class _Call(Parser.InfixFunctionInvocation):  # type: ignore[misc]
    """A call, or a lambda; jsonata would read its signature with warnings, and not all that the reference reads."""

    def led(self, left: Any) -> Any:
        parser = self._outer_instance
        self.procedure, self.type = left, "function"
        self.arguments: list[Any] = []
        while parser.node.id != ")" or self.arguments:
            self.arguments.append(self._argument(parser))
            if parser.node.id != ",":
                break
            parser.advance(",")
        parser.advance(")", True)
        if left.type == "name" and left.value in ("function", "λ"):
            self._define(parser)
        return self

    def _argument(self, parser: _Parser) -> Any:
        if parser.node.type != "operator" or parser.node.id != "?":
            return parser.expression(0)
        self.type, hole = "partial", parser.node
        parser.advance("?")
        return hole

    def _define(self, parser: _Parser) -> None:
        for one in self.arguments:
            if one.type != "variable":
                raise JException("S0208", one.position, one.value)
        self.type = "lambda"
        self.signature = _signature(parser) if parser.node.id == "<" else None
        parser.advance("{")
        self.body = parser.expression(0)
        parser.advance("}")


def _signature(parser: _Parser) -> str:
    """The text of a signature, without white space; it begins with the token that is next."""
    first, depth = len(parser.tokens) - 1, 1
    while depth and parser.node.id not in ("{", "(end)"):
        depth += {"<": 1, ">": -1}.get(parser.advance().id, 0)
    parts = parser.tokens[first:]
    parser.advance(">")
    text = "".join(parser.source[start:end] for start, end, _ in parts)
    parse_signature(text)
    return text


#: The operators that only have two operands.
_PLAIN = frozenset({"+", "-", "*", "/", "%", "=", "<", ">", "!=", "<=", ">=", "&", "and", "or", "in", *_CHOICES})
#: The operand of an operator that is another operator of its chain.
_HOLE = Parser.Symbol(None)
_HOLE.type, _HOLE.is_processed = "hole", True
#: The fields of symbols that hold their left and their right operand, if these are not `lhs` and `rhs`.
_LEFT = {"function": "procedure", "partial": "procedure", "condition": "condition"}
_RIGHT = {"condition": "_else"}


#: The ids of the symbols for the tokens that are not operators.
_TOKENS = {"name": "(name)", "variable": "(name)", "regex": "(regex)"}
_TOKENS |= dict.fromkeys(("string", "number", "value"), "(literal)")


class _Symbols(dict[str, Any]):
    """The symbols of one parser by their ids.

    The fields of a new symbol are those of its class, so that a long text does not take a hundred megabytes.
    """

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser

    def __missing__(self, name: str) -> Any:
        kind = _KINDS.get(name)
        if kind is None:  # `!` or `~`, on its own
            lexer = self.parser.lexer
            raise lexer.refused("S0204", f"Unknown operator: {name}", lexer.position)
        self[name] = symbol = self.made(kind)
        return symbol

    def made(self, kind: type[Any], **fields: Any) -> Any:
        symbol = object.__new__(kind)
        symbol.__dict__ = {"_outer_instance": self.parser, **fields}
        return symbol


def _class_of(symbol: Any) -> type[Any]:
    """The class of new symbols like a given one."""
    fields = {name: value for name, value in vars(symbol).items() if name not in ("_outer_instance", "prefix")}
    return type(symbol.__class__.__name__, (symbol.__class__,), fields)


def _prototype() -> Parser:
    parser = Parser()
    powers = Tokenizer.operators
    choices: list[Any] = [_Choice(parser, operator, powers[operator]) for operator in _CHOICES]
    call = _Call(parser, powers["("])
    for symbol in [*choices, _Bind(parser, powers[":="]), _Condition(parser, powers["?"]), call]:
        symbol.lbp, parser.symbol_table[symbol.id] = symbol.bp, symbol
    return parser


_PROTOTYPE = _prototype()
_KINDS = {name: _class_of(symbol) for name, symbol in _PROTOTYPE.symbol_table.items()}
_SYMBOL = _class_of(Parser.Symbol(None))


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
        self.node: Any = None
        self.ended = 0  # the end of the last token that was consumed
        self.depth = self.sought = 0

    def read(self) -> tuple[Any, nodes.Node]:
        """The processed tree and its nodes. Raises `MappingError` with one diagnostic whose span lies in the text."""
        if len(self.source) > MAX_CHARACTERS:
            raise self._refused("M104", f"the expression is longer than {MAX_CHARACTERS:,} characters")
        try:
            tree = self._read()
            return tree, Builder(self.source).node(tree)
        except JException as error:
            raise self._refused(error.error, _message(error), error.location) from None
        except EvaluationError as error:  # a faulty signature
            first = error.diagnostics[0]
            raise self._refused(first.code, first.message, self.lexer.position) from None
        except RecursionError:
            raise self._refused("M104", "the expression is nested too deeply", self.lexer.position) from None
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError, re.error) as error:
            if not _is_of_library(error):
                raise
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
        if id is not None and self.node.id != id:
            code = "S0203" if self.node.id == "(end)" else "S0202"
            raise JException(code, self.node.position, id, self.node.value)
        self.ended = self.tokens[-1][1] if self.tokens else 0
        token = self.lexer.next(infix)
        if token is None:
            node = self.symbol_table["(end)"]
            node.position = len(self.source)
        else:
            kind = token.value if token.type == "operator" else _TOKENS[token.type]
            known = self.symbol_table[kind]
            node = self.symbol_table.made(type(known), value=token.value, type=token.type, position=token.position)
            if kind == "-":
                node.prefix = Parser.Prefix(self, kind)
        self.node = node
        node.start = node.at = self.lexer.start
        node.end = node.close = self.lexer.position
        if token is not None:
            self.tokens.append((node.start, node.end, node.id))
        return node

    def expression(self, rbp: int) -> Any:
        """The symbol of an expression; its `rest` are the operators and the operand to the right of an open one.

        Trees of many operators are never nested: taking them apart would exceed the stack of a browser.
        """
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise RecursionError
        first = left = self._operators(rbp)
        rest = []
        while vars(left).get("is_open"):
            left = self._operators(0)
            rest.append(left)
        if rest:
            first.rest = rest
            for symbol in (first, *rest[:-1]):
                symbol.close = symbol.end = self.ended
        self.depth -= 1
        return first

    def _operators(self, rbp: int) -> Any:
        """An operand and the operators to its right, up to an open one: the last, whose `spine` are those before it."""
        token = self.node
        start = token.start
        self.advance(None, True)
        left = filtered = self._mark(token.nud(), token, start)
        spine = []
        while rbp < self.node.lbp and not vars(left).get("is_open"):
            token = self.node
            self.advance(None, False)
            if token.id == "[" and self.node.id == "]":  # `[]` changes the symbol before the predicates
                filtered.keep_array = True
                self.advance("]")
                left.end = self.ended
                continue
            right = token.led(left)
            right.lhs = right.procedure = right.condition = None
            spine += [] if right.type == "lambda" else [left]
            left = self._mark(right, token, start)
            filtered = filtered if token.id == "[" else left
        if spine:
            left.spine = spine
        return left

    def _mark(self, symbol: Any, token: Any, start: int) -> Any:
        symbol.start, symbol.at = start, token.start
        symbol.close = symbol.end = self.ended
        symbol.position = symbol.position or token.position
        return symbol

    def process_ast(self, expr: Any) -> Any:
        if expr is None or vars(expr).get("is_processed"):
            return expr
        links = [self._folded(one) for one in (expr, *vars(expr).get("rest", ()))]
        return self._chained(links) if len(links) > 1 else links[0]

    def _folded(self, expr: Any) -> Any:
        """The processed symbol of operators, each with the one before it in place of its left operand."""
        spine = [*vars(expr).get("spine", ()), expr]
        for symbol in reversed(spine):  # arguments are processed before the procedure
            if symbol.type in ("function", "partial"):
                symbol.arguments = [self.process_ast(one) for one in symbol.arguments]
        result = self._processed(spine[0])
        for symbol in spine[1:]:
            before = result
            setattr(symbol, _LEFT.get(symbol.type, "lhs"), before)
            result = self._flattened(self._processed(symbol), before)
        return result

    def _flattened(self, result: Any, before: Any) -> Any:
        """The symbol with the one before it, which is its left operand, moved to its `links`."""
        slot = _LEFT.get(result.type, "lhs")
        nests = result.type in ("apply", "binary", "function", "partial") and result.value not in _CHOICES
        if nests and getattr(result, slot) is before:
            result.links = vars(before).pop("links", [])
            result.links.append(before)
            setattr(result, slot, _HOLE)
        return result

    def _chained(self, links: list[Any]) -> Any:
        """The first symbol, its `rest` the others, each of which is the right operand of the one before."""
        value = links[-1]
        for link in reversed(links[:-1]):
            self.push_ancestry(link, value)
            setattr(link, _RIGHT.get(link.type, "rhs"), _HOLE)
            value = link
        value.rest = links[1:]
        return value

    def _processed(self, expr: Any) -> Any:
        negative = _negative(expr)
        result = self._operator(expr) if expr.type == "binary" else self._operand(expr)
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
        result.is_processed = True
        return result

    def _operand(self, expr: Any) -> Any:
        if expr.type != "name":
            return super().process_ast(expr)
        kept = expr.keep_array
        made = self.symbol_table.made
        return made(_SYMBOL, type="path", steps=[expr], keep_singleton_array=kept, keep_array=kept)

    def _operator(self, expr: Any) -> Any:
        if expr.value == ".":
            return self._path(expr.lhs, self.process_ast(expr.rhs))
        if expr.value not in _PLAIN:
            return super().process_ast(expr)
        right, made = self.process_ast(expr.rhs), self.symbol_table.made
        fields = {"type": "binary", "value": expr.value, "position": expr.position, "keep_array": expr.keep_array}
        result = made(_SYMBOL, lhs=expr.lhs, rhs=right, **fields)
        self.push_ancestry(result, expr.lhs)
        self.push_ancestry(result, right)
        return result

    def _path(self, left: Any, right: Any) -> Any:
        """The path `left.right`, as in jsonata, which would look through all of its steps for each `.` again."""
        path = left
        if left.type != "path":
            parents = [left.slot] if left.type == "parent" else None
            path = self.symbol_table.made(_SYMBOL, type="path", steps=[left], seeking_parent=parents)
        if right.type == "path":
            path.steps.extend(right.steps)
        else:
            right.stages, right.predicate = right.predicate or right.stages, None
            path.steps.append(right)
        first = vars(path).get("checked", 0)
        for step in path.steps[first:]:
            if step.type in ("number", "value"):
                raise JException("S0213", step.position, step.value)
            step.type = "name" if step.type == "string" else step.type
            path.keep_singleton_array = path.keep_singleton_array or step.keep_array
        path.checked = len(path.steps)
        for step in (path.steps[0], path.steps[-1]):
            step.consarray = step.consarray or (step.type == "unary" and step.value == "[")
        self._find_parents(path, path.steps[first:])
        return path

    def _find_parents(self, path: Any, steps: list[Any]) -> None:
        """Bind each `%` among the last steps of a path to the step before it whose parent it is.

        In a path of names, `*` and `%` that is the last one which no other `%` has; jsonata looks in all other paths.
        """
        waiting = vars(path).setdefault("waiting", [])
        for step in steps:
            if waiting is None or step.focus is not None or step.seeking_parent is not None:
                path.waiting = waiting = None
            elif step.type in ("name", "wildcard"):
                waiting.append(step)
            elif step.type != "parent":
                path.waiting = waiting = None
            elif waiting:
                step.slot.level = 1
                super().seek_parent(waiting.pop(), step.slot)
            else:
                path.above = step.slot.level = vars(path).get("above", 0) + 1
                if step is not path.steps[0]:
                    path.seeking_parent = path.seeking_parent or []
                    path.seeking_parent.append(step.slot)
        if waiting is None:
            self.resolve_ancestry(path)

    def seek_parent(self, node: Any, slot: Any) -> Any:
        self.sought += 1
        if self.sought > MAX_SOUGHT:
            raise self._refused("M104", f"the parents of the % are more than {MAX_SOUGHT:,} steps away, all in all")
        return super().seek_parent(node, slot)

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

    def tail_call_optimize(self, expr: Any) -> Any:
        # The attachments of a call are evaluated after it, so it is not a tail call.
        if expr.predicate is not None or expr.group is not None or expr.keep_array:
            return expr
        rest = vars(expr).get("rest")
        if rest is None:
            return super().tail_call_optimize(expr)
        links = [expr, *rest[:-1]]
        if all(link.type != "bind" for link in links):
            for link in links:
                super().tail_call_optimize(link)  # the `then` of a condition
            rest[-1] = self.tail_call_optimize(rest[-1])
        return expr


def _place(symbol: Any, expr: Any) -> Any:
    symbol.start, symbol.end = expr.at, expr.close
    symbol.close = symbol.end
    return symbol


def _negative(expr: Any) -> int | float | None:
    """The value of a minus sign before a number, which jsonata would round."""
    operand = vars(expr).get("expression") if expr.value == "-" else None
    return -operand.value if operand is not None and operand.type == "number" else None


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


def parse(text: str) -> nodes.Node:
    """The node of an expression's text. Raises `MappingError` with one diagnostic whose span lies in the text."""
    return _Parser(text).read()[1]
