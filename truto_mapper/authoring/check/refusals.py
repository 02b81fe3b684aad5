"""Refusals, each tried with the parameters that its message names: who gets a message that is not about him."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any, Final

from truto_mapper.authoring.check import said
from truto_mapper.authoring.check.claims import Claim, claims
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.slips import text_parts
from truto_mapper.authoring.check.tried import (
    HOLDERS,
    Place,
    Places,
    Tried,
    part,
    places_of,
    program,
    value_of,
)
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path, texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.record import NamedTuple

#: How many names of a message are asked for in every way.
_MAX_NAMED: Final = 4
#: The operators that are mistaken for each other.
_OTHERS: Final = {
    "and": ("or",), "or": ("and",), "=": ("!=", ">"), "!=": ("=",), ">": ("=",), "<": ("=", ">"), ">=": ("=", "<"),
    "<=": (">",),
}  # fmt: skip


def disagreeing(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C248: a condition that is true for others than its message says; C240: what every query has is refused."""
    told = list(said.disagreeing(typed))
    yield from told
    whole = typed.endpoint.query_error
    if whole is None:
        return
    places = Places(typed.mapper, typed.endpoint.method)
    for branch in _branches(whole):
        if not any(_is_within(one, whole, branch.test) for one in told):
            yield from _Tried(typed.endpoint, places, whole, branch).found()


def _is_within(one: Diagnostic, whole: Expression, node: Node) -> bool:
    place = whole.diagnostic("C248", "", node)
    if one.source is not place.source or one.span is None or place.span is None:
        return False
    return place.span.start <= one.span.start and one.span.end <= place.span.end


class _Branch(NamedTuple):
    """A condition with its message, the names that are bound before it, and the conditions that are false there."""

    test: Node
    then: Node
    binds: Sequence[nodes.Bind]
    earlier: Sequence[Node]


def _branches(whole: Expression) -> Iterator[_Branch]:
    """The conditions of a refusal, one after the other."""
    binds, earlier = list[nodes.Bind](), list[Node]()
    node: Node | None = whole.node
    while isinstance(node, nodes.Block | nodes.Condition):
        if isinstance(node, nodes.Block):
            binds += [one for one in node.expressions if isinstance(one, nodes.Bind)]
            node = node.expressions[-1] if node.expressions else None
        else:
            yield _Branch(node.condition, node.then, tuple(binds), tuple(earlier))
            earlier.append(node.condition)
            node = node.otherwise


class _Tried:
    """A condition, with the queries for which it is tried."""

    def __init__(self, endpoint: Endpoint, places: Places, whole: Expression, branch: _Branch) -> None:
        self.whole, self.branch, self.places = whole, branch, places
        self.test, self.when = part(whole, branch.test, branch.binds), endpoint.when

    @cached_property
    def message(self) -> Expression | None:
        return part(self.whole, self.branch.then, self.branch.binds)

    @cached_property
    def earlier(self) -> list[Expression]:
        made = (part(self.whole, one, self.branch.binds) for one in self.branch.earlier)
        return [one for one in made if one is not None]

    @property
    def _says_something(self) -> bool:
        """Whether the message, or what it is made of, names a place, or lists what it names."""
        said, names = self._texts.lower(), [name for _, name in self.own]
        return "$join" in self.whole.text or any(one in said or one.replace("_", " ") in said for one in names)

    def found(self) -> Iterator[Diagnostic]:
        if self.test is None or self._is_ambiguous or not (self._says_something or _is_plain(self.branch.test)):
            return
        if self.message is None or not self.queries:
            return
        for rule in (self._against_claims, self._of_right_values, self._always, self._of_nothing, self._never):
            found = list(rule(self.test))
            if found:
                yield from found
                return

    @cached_property
    def _texts(self) -> str:
        """The texts of the message and of what it is made of."""
        every = [self.branch.test, self.branch.then, *(one.value for one in self.branch.binds)]
        return " ".join(one.value for top in every for one in nodes.walk(top) if isinstance(one, nodes.String))

    @cached_property
    def own(self) -> list[Place]:
        """The places that the condition is about: those that it reads, or that the message names."""
        found, holders = places_of(self.test) if self.test is not None else ([], set())
        return list(dict.fromkeys([*found, *self.places.named(holders, self._texts)]))

    @property
    def _is_ambiguous(self) -> bool:
        """Whether a name is that of two places, or of none that is known."""
        names = [name for _, name in self.own]
        return len(set(names)) < len(names) or any(one not in self.places.schemas for one in self.own)

    @cached_property
    def queries(self) -> list[Tried]:
        """The queries that reach the condition."""
        others = [*self.earlier, *(one for one in (self.when, self.message) if one is not None)]
        read = [one for each in others for one in places_of(each)[0]]
        tests = [one for one in (self.test, *others) if one is not None]
        tried = self.places.tried(list(dict.fromkeys([*self.own, *read])), _constants(tests))
        return [one for one in tried if self._reaches(one)]

    @cached_property
    def _optional(self) -> list[Tried]:
        """Queries that may lack what each query has to have."""
        tests = [one for one in (self.test, self.when) if one is not None]
        read = [] if self.when is None else places_of(self.when)[0]
        return self.places.optional().tried(list(dict.fromkeys([*self.own, *read])), _constants(tests))

    def _reaches(self, tried: Tried) -> bool:
        served = self.when is None or truthy(value_of(self.when, tried))
        return served and not any(truthy(value_of(one, tried)) for one in self.earlier)

    def _refused(self, test: Expression) -> list[Tried]:
        return [one for one in self.queries if truthy(value_of(test, one))]

    def _wrong(self, test: Expression) -> tuple[Tried, str] | None:
        """The least query that a condition refuses though the message is not about it, with what it says."""
        judged = [(one, *self._said(one)) for one in self._refused(test)]
        wrong = [(one, text) for one, text, held in judged if held is False and self._is_sure(one, judged)]
        return min(wrong, key=lambda one: len(self._given(one[0])), default=None)

    def _said(self, tried: Tried) -> tuple[str, bool | None]:
        """What a query is told, and whether that is right; None if it is not understood."""
        text = self._text(tried)
        made = self._claims(text)
        return text, any(one.holds(self._given(tried)) for one in made) if made else None

    def _text(self, tried: Tried) -> str:
        value = value_of(self.message, tried) if self.message is not None else ""
        return value if isinstance(value, str) else ""

    def _claims(self, text: str) -> list[Claim]:
        return claims(text, self._tested, [name for _, name in self.own])

    def _given(self, tried: Tried) -> list[str]:
        return [place[1] for place in self.own if tried.get(place, MISSING) is not MISSING]

    @cached_property
    def _tested(self) -> list[str]:
        """The names of which the condition only asks whether they are there."""
        read = [one.path[:2] for one in reads(self.test)] if self.test is not None else []
        asked = [said.read_by(one) for one in _asked(self.branch.test)]
        return [place[1] for place in self.own if read.count(place) == asked.count(place)]

    def _is_sure(self, tried: Tried, judged: Sequence[tuple[Tried, str, bool | None]]) -> bool:
        """Whether the message is wrong for whoever gives the same of what it does not speak of.

        Else it may be given for that, which it says in other words.
        """
        named = {name for one in self._claims(self._text(tried)) for name in one.names}
        others = [place for place in self.own if place[1] not in named]
        alike = (held for one, _, held in judged if all(one[place] == tried[place] for place in others))
        return not others or not any(held is not False for held in alike)

    def _against_claims(self, test: Expression) -> Iterator[Diagnostic]:
        wrong = self._wrong(test)
        if wrong is not None:
            tried, text = wrong
            message = f"a {self._kind} {self._in_words(tried)} is refused by this, and it is told {_quoted(text)}"
            yield self.whole.diagnostic(
                "C248", message, self.branch.test, severity="warning", hint=self._hint(self._is_better)
            )

    @property
    def _kind(self) -> str:
        holders = {holder for holder, _ in self.own}
        return "body" if "body" in holders else "query" if "query" in holders else "query of an account"

    def _in_words(self, tried: Tried) -> str:
        """Which of the names are there: `with `search` and without `from``."""
        given = self._given(tried)
        absent = [name for _, name in self.own if name not in given]
        parts = [f"{word} {joined.join(f'`{one}`' for one in some)}" for word, some, joined in (
            ("with", given, " and "), ("without", absent, " or ")) if some]  # fmt: skip
        return " and ".join(parts)

    def _is_better(self, test: Expression) -> bool:
        """Whether a condition refuses something, and nothing that the message is not about."""
        served = [one for one in self._optional if self.when is None or truthy(value_of(self.when, one))]
        judged = [self._said(one)[1] for one in served if truthy(value_of(test, one))]
        return bool(judged) and all(held is True for held in judged)

    def _hint(self, is_better: Any) -> str | None:
        """What makes the condition agree with its message."""
        begin = "".join(f"{self.whole.text[one.span.start : one.span.end]}; " for one in self.branch.binds)
        for text in (*_edits(self.whole, self.branch.test), *self._instead):
            made = program(self.whole, f"({begin}{text})" if begin else text)
            if made is not None and is_better(made):
                return f"write `{' '.join(text.split())}`"
        return "write a condition that is true of those whom the message is for"

    @property
    def _instead(self) -> list[str]:
        """What asks for the names of the message, where the condition asks for none: `$query ? …`."""
        tests = [f"$exists(${holder}.{name})" for holder, name in self.own]
        either_of = [" or ".join(some) for size in range(len(tests), 0, -1) for some in combinations(tests, size)]
        return either_of if len(tests) <= _MAX_NAMED else []

    def _of_right_values(self, test: Expression) -> Iterator[Diagnostic]:
        """`$exists($body.status) or $body.status != "pending" ? "A new order is pending."`."""
        text = self._text(self.queries[0])
        for place, value, operator in _compared(self.branch.test):
            having = [one for one in self.queries if one.get(place, MISSING) == value]
            if having and _is_right(text, value, operator) and all(truthy(value_of(test, one)) for one in having):
                message = f'this refuses `{place[1]}` = "{value}", too, and the message says {_quoted(text)}'
                hint = self._hint(lambda made, some=having: not any(truthy(value_of(made, one)) for one in some)
                                  and bool(self._refused(made)))  # fmt: skip
                yield self.whole.diagnostic("C248", message, self.branch.test, severity="warning", hint=hint)
                return

    def _always(self, test: Expression) -> Iterator[Diagnostic]:
        """C240: `["view"][$ in $keys($query)]` where each query has a `view`, so that all are refused."""
        for top in (self.branch.test, *self.branch.binds):
            for node in filter(_is_list_of_names, nodes.walk(top)):
                text = self.whole.text[node.span.start : node.span.end]
                if text in test.text and len(self._refused(test)) == len(self.queries):
                    yield from _in_each(self.whole, node, self.queries)

    def _of_nothing(self, test: Expression) -> Iterator[Diagnostic]:
        """A message that names values, none of which is ever there: `$count($names) = 0 ? "no " & $join($names)`."""
        values = [one for one in text_parts(self.branch.then) if not isinstance(one, nodes.String)]
        parts = [part(self.whole, one, self.branch.binds) for one in values]
        refused = self._refused(test)
        given = [value_of(one, each) for one in parts for each in refused if one is not None]
        if refused and values and None not in parts and all(one is MISSING or one == "" for one in given):
            shown = _quoted(self._text(refused[0]))
            message = f"whoever gets this message has nothing that it could name: it is {shown}"
            hint = self._hint(lambda made: bool(self._refused(made)) and not self._has_nothing(made, parts))
            yield self.whole.diagnostic("C248", message, self.branch.test, severity="warning", hint=hint)

    def _has_nothing(self, test: Expression, parts: Sequence[Expression | None]) -> bool:
        given = [value_of(one, each) for one in parts for each in self._refused(test) if one is not None]
        return any(one is MISSING or one == "" for one in given)

    def _never(self, test: Expression) -> Iterator[Diagnostic]:
        """A condition that no query fulfils, not even one that lacks what it has to have: it refuses nothing."""
        if not _is_plain(self.branch.test) or len(self.own) >= _MAX_NAMED:
            return
        tried = self.places.optional().tried(self.own, _constants([test]))
        if not any(truthy(value_of(test, one)) for one in tried):
            hint = self._hint(lambda made: bool(self._refused(made)) and len(self._refused(made)) < len(self.queries))
            message = "this is never true, so it refuses nothing"
            yield self.whole.diagnostic("C248", message, self.branch.test, severity="warning", hint=hint)


# ------------------------------------------------------------------------------------------ the parts of a condition


def _asked(test: Node) -> Iterator[Node]:
    """The values of which a condition asks whether they are there."""
    match test:
        case (
            nodes.Binary(operator="and" | "or", left=left, right=right)
            | nodes.Binary(operator="=" | "!=", left=nodes.Call() as left, right=nodes.Call() as right)
        ):
            yield from (*_asked(left), *_asked(right))
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)) | nodes.Block(expressions=(one,)):
            yield from _asked(one)
        case (
            nodes.Call(procedure=nodes.Variable(name="exists" | "boolean"), arguments=(one,))
            | nodes.Binary(
                left=nodes.Call(procedure=nodes.Variable(name="count"), arguments=(one,)),
                right=nodes.Number(value=0),
            )
            | nodes.Binary(operator="=" | "!=", left=one, right=nodes.Value(value=None) | nodes.String(value=""))
        ):
            yield one
        case nodes.Path():
            yield test


def _compared(test: Node) -> Iterator[tuple[Place, str, str]]:
    """The places that are compared with texts, the texts, and whether they are `=` or `!=`."""
    for node in nodes.walk(test):
        match node:
            case nodes.Binary(operator="=" | "!=" as operator, left=left, right=nodes.String(value=value)):
                yield from _with_place(left, [value], operator)
            case nodes.Binary(operator="in", left=left, right=nodes.Array(items=items)):
                texts = [one.value for one in items if isinstance(one, nodes.String)]
                yield from _with_place(left, texts, "=")


def _with_place(node: Node, texts: Sequence[str], operator: str) -> Iterator[tuple[Place, str, str]]:
    names = texts_of_names(node)
    if len(names) == 2 and names[0] in HOLDERS:
        yield from (((names[0], names[1]), one, operator) for one in texts)


def _constants(tests: Sequence[Expression]) -> dict[Place, list[str]]:
    """The texts that places are compared with."""
    found: dict[Place, list[str]] = {}
    for place, text, _ in (each for one in tests for each in _compared(one.node)):
        found.setdefault(place, []).append(text)
    return {place: list(dict.fromkeys(texts)) for place, texts in found.items()}


def _is_plain(test: Node) -> bool:
    """Whether a condition only asks whether places are there, and compares them with a text each."""
    match test:
        case nodes.Binary(operator="and" | "or", left=left, right=right):
            return _is_plain(left) and _is_plain(right)
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)) | nodes.Block(expressions=(one,)):
            return _is_plain(one)
        case (
            nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,))
            | nodes.Binary(operator="=" | "!=", left=one, right=nodes.String())
        ):
            return is_simple_path(one) and len(texts_of_names(one)) == 2
    return False


#: What a message says of the only right value.
_RIGHT: Final = r"(?:(?:must|has to|have to|should|can only) be|(?:is|are) always|\bnew \w+ (?:is|are)|\bonly) {}\b"
_WRONG: Final = re.compile(r"\b(?:not?|never|cannot|already|unless|except|but|other)\b|n't\b", re.IGNORECASE)


def _is_right(text: str, value: str, operator: str) -> bool:
    """Whether a message says that a value is right; what `!=` compares with is, if it is named."""
    said_of = r"\b{}\b" if operator == "!=" else _RIGHT
    is_named = bool(value) and re.search(said_of.format(re.escape(value)), re.sub(r"[`\"']", "", text), re.IGNORECASE)
    return bool(is_named) and not _WRONG.search(text)


# ------------------------------------------------------------------------------------------ other ways to write it


def _edits(whole: Expression, test: Node) -> Iterator[str]:
    """A condition with one thing changed, as texts."""
    start, text = test.span.start, whole.text[test.span.start : test.span.end]
    for changes in (_unwrapped, _turned, _wrapped):
        for node in nodes.walk(test):
            for first, last, new in changes(whole.text, node):
                yield text[: first - start] + new + text[last - start :]
    yield from (re.sub(rf"\b{one}\b", other, text) for one, other in (("and", "or"), ("or", "and")))


def _unwrapped(text: str, node: Node) -> Iterator[tuple[int, int, str]]:
    """A node without `$not`."""
    match node:
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)):
            yield node.span.start, node.span.end, text[one.span.start : one.span.end]


def _turned(text: str, node: Node) -> Iterator[tuple[int, int, str]]:
    """A node with another operator."""
    match node:
        case nodes.Binary(operator=operator, left=left, right=right):
            begin = left.span.end
            found = re.search(rf"(?<![\w<>!]){re.escape(operator)}(?![\w=])", text[begin : right.span.start])
            if found is not None:
                yield from ((begin + found.start(), begin + found.end(), new) for new in _OTHERS.get(operator, ()))


def _wrapped(text: str, node: Node) -> Iterator[tuple[int, int, str]]:
    """A node in `$not`."""
    if isinstance(node, nodes.Call | nodes.Binary):
        yield node.span.start, node.span.end, f"$not({text[node.span.start : node.span.end]})"


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    return f'"{text}"' if len(text) <= _LONGEST else f'"{text[:_LONGEST]}…"'


#: How much of a message is quoted.
_LONGEST: Final = 80


# ---------------------------------------------------------------------------------------------- names that are there


def _is_list_of_names(node: Node) -> bool:
    """Whether a node is a list of names that are in a query or a body, or are not: `[…][$ in $keys($query)]`."""
    return isinstance(node, nodes.Step) and any(
        isinstance(one, nodes.Call)
        and isinstance(one.procedure, nodes.Variable)
        and one.procedure.name == "keys"
        and any(texts_of_names(each) in (["query"], ["body"]) for each in one.arguments)
        for one in nodes.walk(node)
    )


def _in_each(whole: Expression, node: Node, queries: Sequence[Tried]) -> Iterator[Diagnostic]:
    """The names that a list has for each query."""
    one = part(whole, node)
    values = [value_of(one, each) for each in queries] if one is not None else []
    lists = [each if isinstance(each, list) else [each] for each in values]
    names = (
        [name for name in lists[0] if isinstance(name, str) and all(name in each for each in lists)] if lists else []
    )
    if names:
        told = " and ".join(f"`{name}`" for name in names)
        is_listed = any(isinstance(each, nodes.String) and each.value == names[0] for each in nodes.walk(node))
        hint = f"leave {told} out of the list" if is_listed else f"add {told} to the list"
        message = f"{told} {'is' if len(names) == 1 else 'are'} always there, so this refuses all"
        yield whole.diagnostic("C240", message, node, severity="warning", hint=hint)
