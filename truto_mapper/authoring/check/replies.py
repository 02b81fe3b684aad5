"""Conditions on replies that are the same for every reply: tried with replies that fit the provider's schemas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

from truto_mapper.authoring.check.described import JOINED
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.shared import is_inside
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.words import words, words_of
from truto_mapper.engine.join_types import join_reply
from truto_mapper.engine.source_types import refusal_type
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path, leading_names
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.language.runtime.values import truthy
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import REPLY
from truto_mapper.text.diagnostics import Diagnostic, either
from truto_mapper.text.errors import EvaluationError

#: Statuses that never say that nothing was found: no access, too many calls, and failures of the provider.
_FAILURES: Final = (401, 429, 500, 503)
#: The least status of a refusal.
_REFUSED: Final = 400
#: Words of what is true where all is well, and of what is true where it is not.
_GOOD: Final = words_of(["ok", "success", "successful", "succeeded", "valid"])
_BAD: Final = words_of(["error", "failed", "failure", "invalid"])
#: How deep a tried reply is.
_DEPTH: Final = 5
#: With more names than this in a condition, nothing is tried.
_MAX_NAMES: Final = 5
#: Functions whose results for a tried reply are those for any reply like it.
_PLAIN: Final = frozenset({"exists", "not", "count", "boolean", "size", "type"})


def same_for_all(typed: EndpointTypes, told: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """C230: what refuses every reply, recognises none, or takes failures for an empty page; not beside what is told."""
    loud = [one for one in told if one.severity != "note"]

    def untold(one: Expression | None) -> Expression | None:
        return None if one is None or any(is_inside(each, [one]) for each in loud) else one

    endpoint, mapping = typed.endpoint, typed.mapper.mapping
    if (one := untold(endpoint.empty_when)) is not None:
        refusal = refusal_type(mapping)
        hidden = [status for status in _FAILURES if _is_always(one, refusal, status)]
        if hidden:
            statuses = either([str(status) for status in hidden])
            message = f"this is true for {statuses} whatever the reply says: failures would be empty pages"
            yield one.diagnostic("C230", message, severity="warning", hint="name the status: `$status = 404 and …`")
        yield from _of_any_refusal(one)
    yield from _reversed(untold(endpoint.error_when))
    yield from _of_null(untold(endpoint.error_when), refusal_type(mapping, with_null=True), typed.body)
    yield from _refused(untold(endpoint.error_when), typed.body)
    for join in endpoint.joins:
        yield from _reversed(one := untold(join.error_when))
        yield from _refused(one, join_reply(join, (JOINED, join.name)))
        yield from _of_any_refusal(untold(join.empty_when))
    if typed.body == types.ANY:
        return
    if (one := untold(endpoint.recognise)) is not None and {each.name for each in one.variables} == {"status"}:
        message = "this takes every reply of that status, also those of other endpoints"
        yield one.diagnostic("C230", message, severity="warning", hint="ask for a field: `$exists(…)`")
    if (
        (one := untold(endpoint.recognise)) is not None
        and _is_plain(one)
        and _is_always(one, typed.body, 200, wanted=False)
    ):
        message = "this is false for every reply that fits `source_schema`: none would be taken"
        yield one.diagnostic("C230", message, severity="warning")


def _refused(one: Expression | None, body: Type) -> Iterator[Diagnostic]:
    """An `error_when` that is true for every reply."""
    if one is not None and body != types.ANY and all(_is_always(one, body, status) for status in (200, 202)):
        message = "this is true for every reply that fits `source_schema`: each would be refused"
        yield one.diagnostic("C230", message, severity="warning")


def _of_any_refusal(one: Expression | None) -> Iterator[Diagnostic]:
    """`$status = 404 or code = "NONE"` as an `empty_when`."""
    match one and one.node:
        case nodes.Binary(operator="or", left=left, right=right):
            refused = [each for each in (left, right) if _is_refusal(each)]
            others = [each for each in (left, right) if isinstance(each, nodes.Binary) and is_simple_path(each.left)]
            said = [each for each in others if isinstance(each, nodes.Binary) and isinstance(each.right, nodes.String)]
            if one is not None and refused and said:
                message = f"any reply with `{written(one, refused[0])}` is an empty page, whatever it says"
                yield one.diagnostic("C230", message, severity="warning", hint="write `and`")


def _is_refusal(node: nodes.Node) -> bool:
    match node:
        case nodes.Binary(operator="=", left=nodes.Variable(name="status"), right=nodes.Number(value=status)):
            return status >= _REFUSED
    return False


def _of_null(one: Expression | None, *bodies: Type) -> Iterator[Diagnostic]:
    """C227: `error_when: $exists(error)`, where a reply may have null there, which is no failure."""
    match one and one.node:
        case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(path,)) if is_simple_path(path):
            *above, name = (str(getattr(each, "value", "")) for each in leading_names(path))
            kinds = [types.properties_at(body, tuple(above)).get(name, types.NEVER) for body in bodies]
            if one is not None and any("null" in kind.kinds != types.KINDS for kind in kinds):
                message = f"`{name}` may be null, which $exists takes for a failure, too"
                yield one.diagnostic("C227", message, severity="warning", hint=f"write `{written(one, path)}`")


def _reversed(one: Expression | None) -> Iterator[Diagnostic]:
    """An `error_when` that holds where `ok` is true, or where `failed` is false."""
    name, truth = ("", True) if one is None else _asks_for(one.node)
    if one is not None and words(name) and words(name) <= (_GOOD if truth else _BAD):
        message = "this refuses the replies that say that all is well"
        yield one.diagnostic("C230", message, severity="warning", hint="turn the condition around")


def _asks_for(node: nodes.Node) -> tuple[str, bool]:
    """The name, or the word, that a condition asks for, and the truth of that; "" for any other condition."""
    match node:
        case nodes.Block(expressions=(one,)):
            return _asks_for(one)
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(one,)):
            name, truth = _asks_for(one)
            return name, not truth
        case nodes.Binary(operator="=" | "!=" as operator, left=left, right=nodes.Value(value=bool() as value)):
            return _asks_for(left)[0], value is (operator == "=")
        case nodes.Binary(operator="=" | "!=" as operator, left=left, right=nodes.String(value=value)) if (
            is_simple_path(left)
        ):
            return value, operator == "="
        case nodes.Binary(operator="=" | "!=", left=nodes.Value() | nodes.String() as left, right=right):
            return _asks_for(replace(node, left=right, right=left))
        case nodes.Path() | nodes.Name() if is_simple_path(node):
            return str(getattr(leading_names(node)[-1], "value", "")), True
    return "", True


def _is_always(expression: Expression, kind: Type, status: int, *, wanted: bool = True) -> bool:
    """Whether a condition has an outcome for every reply that is tried."""
    names = {one.value for one in expression.below if isinstance(one, nodes.Name)}
    bodies: Iterable[Any] = ({},) if kind == types.ANY else _tried(expression, kind)
    return len(names) <= _MAX_NAMES and all(_holds(expression, body, status) is wanted for body in bodies)


def _holds(expression: Expression, body: Any, status: int) -> bool | None:
    """Whether a condition holds for a reply; None where it fails."""
    bindings = {**{name: {} for name in REPLY}, "cursor": "", "now": "", "response": body, "status": status}
    try:
        return bool(truthy(expression.evaluate(body, bindings)))
    except EvaluationError:
        return None


@dataclass(frozen=True, slots=True)
class _Form:
    """How replies are made up: which names they have if they may, and what their values are."""

    names: frozenset[str]
    absent: frozenset[str]
    constant: Any
    truth: bool
    void: str

    def reply(self, kind: Type, depth: int = _DEPTH) -> Any:
        if self.void in kind.kinds and self.void != "array":
            return None
        if "object" in kind.solid and depth:
            below = {name: one for name, one in (kind.properties or {}).items() if name in self.names}
            given = {name: one for name, one in below.items() if self.is_given(name, one)}
            return {name: self.reply(one, depth - 1) for name, one in given.items()}
        if "array" in kind.solid and depth:
            return [] if self.void == "array" else [self.reply(kind.items or types.STRING, depth - 1)]
        if self.constant is not None and kind_of(self.constant) in kind.solid:
            return self.constant
        plain: dict[str, Any] = {"string": "\0", "integer": int(self.truth), "boolean": self.truth}
        return next((value for name, value in plain.items() if name in kind.solid), None)

    def is_given(self, name: str, kind: Type) -> bool:
        return "undefined" not in kind.kinds or name not in self.absent


def _tried(expression: Expression, kind: Type) -> Iterator[Any]:
    """Replies with and without what a condition reads, whose values are what it compares with, or others."""
    every = expression.below
    constants = dict.fromkeys(one.value for one in every if isinstance(one, nodes.String | nodes.Number))
    names = list(dict.fromkeys(one.value for one in every if isinstance(one, nodes.Name)))
    for absent in product((False, True), repeat=len(names)):
        left = frozenset(name for name, is_left in zip(names, absent, strict=True) if is_left)
        for constant, truth, void in product((None, *constants), (True, False), ("", "null", "array")):
            yield _Form(frozenset(names), left, constant, truth, void).reply(kind)


def _is_plain(expression: Expression) -> bool:
    """Whether the tried replies tell all about a condition: it compares with one constant at most."""
    every = expression.below
    called = {
        one.procedure.name for one in every if isinstance(one, nodes.Call) and isinstance(one.procedure, nodes.Variable)
    }
    constants = sum(isinstance(one, nodes.String | nodes.Number) for one in every)
    return constants <= 1 and called <= _PLAIN and not any(isinstance(one, nodes.Regex | nodes.Lambda) for one in every)
