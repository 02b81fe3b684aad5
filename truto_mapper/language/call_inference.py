"""Infers the types of calls: arguments are held against signatures, and types flow through lambdas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from truto_mapper.language import call_types, methods, natives, nodes, types
from truto_mapper.language.call_types import Fit, Misfit
from truto_mapper.language.facts import TypeScope, kept_items, narrowed
from truto_mapper.language.names import binds
from truto_mapper.language.runtime.signatures import parse_signature
from truto_mapper.language.types import ANY, Type, item_of
from truto_mapper.text.record import NamedTuple

#: Called with a finding: its code, node, message and hint, and the names that the node could have meant.
Tell = Callable[[str, nodes.Node, str, str | None, Iterable[str]], None]

#: Functions that read nothing inside of an object, or of the objects in an array.
OUTSIDE = frozenset({"boolean", "count", "exists", "not", "size", "type"})

#: Functions that keep what their function holds for.
_KEEPING = frozenset({"filter", "single"})


class Called(NamedTuple):
    """A call of a function that has a signature: its arguments, with what was piped, and their types.

    `fit` is how they fit the signature, None if they do not.
    """

    node: nodes.Call
    arguments: Sequence[nodes.Node]
    given: Sequence[Type]
    fit: Fit | None
    scope: TypeScope


class Judge(Protocol):
    """What infers the types of other nodes, and is told of calls."""

    tell: Tell
    #: The lambdas whose calls are being inferred, by identity: a function may call itself.
    running: set[int]

    def infer(self, node: nodes.Node, scope: TypeScope) -> Type:
        """The type of a node's value."""

    def look(self, node: nodes.Node, scope: TypeScope) -> Type:
        """The same without reporting anything."""

    def used(self, kind: Type) -> Type:
        """Note that a value is used as a whole."""

    def fitted(self, call: Called) -> None:
        """Called with each call of a function that has a signature."""


def infer_call(judge: Judge, node: nodes.Call, scope: TypeScope, arguments: Sequence[nodes.Node]) -> Type:
    """The type of a call's result; `arguments` are all of them, with what was piped."""
    name = node.procedure.name if isinstance(node.procedure, nodes.Variable) else ""
    if not call_types.is_known(name, scope.variables):
        given = [judge.used(judge.infer(one, scope)) for one in arguments]
        method = _method_name(node.procedure)
        if method is not None and natives.is_native(scope.context):
            return _of_native(judge, node, methods.Called(scope.context, method, arguments, given))
        own = scope.values.get(name) if name else node.procedure
        if isinstance(own, nodes.Lambda):
            return _own(judge, own, node, arguments, given, scope)
        judge.infer(node.procedure, scope)
        return ANY
    given, made = _given(judge, name, scope, arguments)
    given = list(map(natives.written, given)) if name == "dtFromIso" else given
    for kind in given if name not in OUTSIDE else ():
        judge.used(kind)
    fit = call_types.fit(name, call_types.signature_of(name), given, scope.context)
    is_whole = isinstance(fit, Fit) and fit.of_context is None
    _tell(judge, node, arguments, call_types.refused_constants(name, given) if is_whole else ())
    _tell(judge, node, arguments, (*methods.unreadable(name, arguments, given), *call_types.no_currency(name, given)))
    _tell(judge, node, arguments, fit if isinstance(fit, list) else ())
    judge.fitted(Called(node, arguments, given, fit if isinstance(fit, Fit) else None, scope))
    folded = call_types.folded(name, given) if is_whole else None
    return call_types.result(name, given, made) if folded is None else folded


def _method_name(procedure: nodes.Node) -> str | None:
    """The name of the function that a date or a span is asked for: `toISO` of `date.toISO()`."""
    match procedure:
        case nodes.Path(steps=(nodes.Step(node=nodes.Name(value=name), predicates=(), stages=()),)):
            return name
    return None


def _of_native(judge: Judge, node: nodes.Call, called: methods.Called) -> Type:
    """The type of a call of a function of a date or a span of time."""
    _tell(judge, node, called.arguments, methods.misfits(called))
    return methods.result(called)


def _given(judge: Judge, name: str, scope: TypeScope, arguments: Sequence[nodes.Node]) -> tuple[list[Type], Type]:
    """The types of the arguments of a function, and of what the function among them makes."""
    given: list[Type] = []
    made = ANY
    for one in arguments:
        offered = _offered(name, given[0]) if given else []
        made = offered[0] if name in _KEEPING and made == ANY and offered else made
        called = scope.values.get(one.name, one) if isinstance(one, nodes.Variable) else one
        if offered and isinstance(called, nodes.Lambda):
            made = _handed(judge, name, called, scope, offered, given[0])
            given.append(types.FUNCTION)
        elif offered and isinstance(one, nodes.Variable) and call_types.is_known(one.name, scope.variables):
            offered = offered[: call_types.arity_of(one.name)]
            fit = call_types.fit(one.name, call_types.signature_of(one.name), offered, ANY)
            _tell(judge, one, [one] * len(offered), () if isinstance(fit, Fit) else fit)
            kept = made.without({"null"}) if one.name == "boolean" else made
            made = kept if name in _KEEPING else call_types.result(one.name, offered, ANY)
            given.append(types.FUNCTION)
        else:
            given.append(judge.infer(one, scope))
    return given, made


def _offered(name: str, first: Type) -> list[Type]:
    """The types of what a higher-order function gives to its function."""
    item = item_of(first)
    known = {"item": item.without({"undefined"}) if item != ANY else ANY, "index": types.INTEGER, "list": first}
    known |= {"value": call_types.value_of(first), "key": call_types.key_of(first)}
    return [known.get(one, ANY) for one in call_types.OFFERED.get(name, ())]


def _handed(
    judge: Judge, name: str, function: nodes.Lambda, scope: TypeScope, offered: list[Type], first: Type
) -> Type:
    """The type of what a function makes of what a higher-order function gives to it, or keeps of `first`."""
    if name == "reduce" and len(function.parameters) < len(("made", "item")):
        message = "the function for $reduce takes what was made so far and the next item"
        judge.tell("C225", function, message, "write `function($made, $item) { … }`", ())
    made = body_type(judge, function, scope, offered)
    if name == "sift":
        return _sifted(judge, function, scope, first)
    if name not in _KEEPING or not function.parameters or offered[0] == ANY:
        return offered[0] if name in _KEEPING else made
    holder = function.parameters[0].name
    return kept_items(offered[0], narrowed(function.body, scope.bound(holder, offered[0]), judge.look)[0], holder)


def _sifted(judge: Judge, function: nodes.Lambda, scope: TypeScope, table: Type) -> Type:
    """The type of what a function keeps of an object: fields for whose constant value it may hold."""
    if not call_types.is_closed(table) or not function.parameters:
        return ANY
    holder = function.parameters[0].name
    kept = {
        name: types.union(kind, types.UNDEFINED)
        for name, kind in (table.properties or {}).items()
        if types.truth_of(judge.look(function.body, scope.bound(holder, kind))) is not False
    }
    made = Type(frozenset({"object", "undefined"}), properties=kept)
    return made if kept else types.UNDEFINED


def body_type(judge: Judge, function: nodes.Lambda, scope: TypeScope, given: Sequence[Type]) -> Type:
    """The type of the result of a lambda; arguments that are not given are of any type."""
    for name in binds(function.body) - scope.variables.keys():
        scope = scope.bound(name, ANY)
    for number, parameter in enumerate(function.parameters):
        scope = scope.bound(parameter.name, given[number] if number < len(given) else ANY)
    return judge.infer(function.body, scope)


def _own(
    judge: Judge,
    function: nodes.Lambda,
    node: nodes.Call,
    arguments: Sequence[nodes.Node],
    given: Sequence[Type],
    scope: TypeScope,
) -> Type:
    """The type of a call of a lambda."""
    most = len(function.parameters)
    if function.signature is not None:
        fit = call_types.fit("lambda", parse_signature(function.signature).parameters, given, scope.context)
        _tell(judge, node, arguments, () if isinstance(fit, Fit) else fit)
        return ANY
    if len(given) > most:
        takes = f"{most or 'no'} argument{'' if most == 1 else 's'}"
        judge.tell("C218", arguments[most], f"nothing uses this: the function takes {takes}", "remove it", ())
    if id(function) in judge.running:
        return ANY
    judge.running.add(id(function))
    made = body_type(judge, function, scope, given)
    judge.running.remove(id(function))
    return made


def infer_pipe(
    judge: Judge, node: nodes.Apply, left: nodes.Node, right: nodes.Variable | nodes.Lambda, scope: TypeScope
) -> Type:
    """The type of `left ~> $function`, which is a function too where `left` is one."""
    if judge.infer(left, scope).kinds & types.FUNCTION.kinds:
        judge.used(judge.infer(right, scope))
        return ANY
    return infer_call(judge, nodes.Call(node.span, right, ()), scope, (left,))


def _tell(judge: Judge, node: nodes.Node, arguments: Sequence[nodes.Node], found: Iterable[Misfit]) -> None:
    """Report arguments that can never work."""
    for one in found:
        judge.tell(one.code, node if one.place is None else arguments[one.place], one.message, one.hint, ())
