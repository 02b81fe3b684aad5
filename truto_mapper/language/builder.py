"""Builds nodes from the parser's symbols, without nesting those of long chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Span

MAX_NESTING = 150
#: The most nodes besides strings, numbers, true, false and null: compiling so many takes a few seconds.
MAX_NODES = 10_000

_OF_VALUE: dict[str, Callable[..., nodes.Node]] = {
    kind.__name__.lower(): kind for kind in (nodes.Name, nodes.String, nodes.Number, nodes.Value, nodes.Variable)
}


class Builder:
    """Converts the processed symbols of a text to nodes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = self.nodes = 0
        self.hole: nodes.Node | None = None  # the operand that is another operator

    def node(self, symbol: Any) -> nodes.Node:
        if symbol.type == "hole" and self.hole is not None:
            return self.hole
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise RecursionError
        rest = vars(symbol).get("rest")
        built = self.built(symbol) if rest is None else self.right_to_left([symbol, *rest])
        self.depth -= 1
        return built

    @property
    def nested(self) -> int:
        """How many operators of a chain may be nested here: fewer far below, so that chains do not count as nesting."""
        return nodes.MAX_NESTED if self.depth + nodes.MAX_NESTED <= MAX_NESTING // 3 else 1

    @contextmanager
    def deeper(self, levels: int) -> Iterator[None]:
        self.depth += levels
        yield
        self.depth -= levels

    def left_to_right(self, first: Any, *operators: Any) -> nodes.Node:
        """The node of operators, each of which has the value before it as its left operand."""
        parts: list[nodes.Node] = []
        chunks = _chunks(operators, self.nested)
        with self.deeper(len(chunks[0]) - 1):
            built, before = self.node(first), first
        for number, chunk in enumerate(chunks):
            if number:
                parts.append(built)
                built = nodes.Hole(_span(before), bool(before.keep_array))
            for inner, operator in zip(reversed(range(len(chunk))), chunk, strict=True):
                with self.deeper(inner):
                    make = self.plain if operator is operators[-1] else self.built
                    built, before = self.linked(make, operator, built), operator
        return nodes.Chain(_span(operators[-1]), (*parts, built)) if parts else built

    def right_to_left(self, symbols: list[Any]) -> nodes.Node:
        """The node of `? :`, `??`, `?:` and `:=`, each of which has all that follows as its right operand."""
        *links, last = symbols
        runs = [_chunks(list(run), self.nested) for _, run in groupby(links, key=lambda one: one.type == "bind")]
        below = sum(len(chunks[0]) for chunks in runs)
        with self.deeper(below - 1):
            built = self.node(last)
        for chunks in reversed(runs):
            below -= len(chunks[0])
            with self.deeper(below):
                parts = [self.folded(chunk, nodes.Hole(_span(after[0]))) for chunk, after in pairwise(chunks)]
                built = self.folded(chunks[-1], built)
            if parts and chunks[0][0].type == "bind":
                built = nodes.Chain(_span(chunks[0][0]), (built, *reversed(parts)))
            elif parts:
                built = nodes.Branches(_span(chunks[0][0]), (*parts, built))
        return built

    def folded(self, links: Sequence[Any], built: nodes.Node) -> nodes.Node:
        for inner, link in reversed(list(enumerate(links))):
            with self.deeper(inner):
                built = self.linked(self.built, link, built)
        return built

    def linked(self, make: Callable[[Any], nodes.Node], symbol: Any, hole: nodes.Node) -> nodes.Node:
        """The node of an operator with another node for its hole."""
        outer, self.hole = self.hole, hole
        built = make(symbol)
        self.hole = outer
        return built

    def built(self, symbol: Any) -> nodes.Node:
        if symbol.type == "lambda" and symbol.thunk:
            symbol.body.thunk = symbol.body.type == "function"
            return self.node(symbol.body)
        if symbol.type == "path":
            return self.path(symbol)
        step = self.step(symbol)
        if step.focus is not None:  # as in the reference: only a step of a path binds
            step = replace(step, focus=None)
        attached = symbol.predicate or symbol.stages or symbol.group or symbol.index or symbol.ancestor
        return step if attached or symbol.tuple or symbol.keep_array else step.node

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
        self.count()
        if symbol.type == "index":
            return nodes.Index(_span(symbol), self.variable(symbol.variable))
        # As in the reference, a number is an index whatever is attached to it.
        read = self.bare if symbol.expr.type == "number" else self.node
        return nodes.Filter(_span(symbol), read(symbol.expr))

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

    def count(self, several: int = 1) -> None:
        """Count what takes time to compile. Raises M104 if it is too much."""
        self.nodes += several
        if self.nodes > MAX_NODES:
            message = f"the expression has more than {MAX_NODES:,} names, operators, calls, arrays and objects"
            raise MappingError(Diagnostic("M104", message, span=Span(0, len(self.text))))

    def step(self, symbol: Any) -> nodes.Step:
        self.count(symbol.type not in ("string", "number", "value"))
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
        links = vars(symbol).get("links")
        return self.plain(symbol) if links is None else self.left_to_right(*links, symbol)

    def plain(self, symbol: Any) -> nodes.Node:
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
                pattern, _, flags = self.text[span.start + 1 : span.end].rpartition("/")
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
                return nodes.Call(span, self.node(symbol.procedure), self.all(symbol.arguments), symbol.thunk)
            case "partial":
                return nodes.Partial(span, self.node(symbol.procedure), self.all(symbol.arguments))
            case "lambda":
                parameters = tuple(self.variable(p) for p in symbol.arguments)
                return nodes.Lambda(span, parameters, symbol.signature, self.node(symbol.body))
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


def _chunks(links: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [links[start : start + size] for start in range(0, len(links), size)]
