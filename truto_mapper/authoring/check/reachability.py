"""Which endpoint serves which query: every combination of the values that tell endpoints apart is tried.

What a `when` asks beyond these values is left open, so a query that an endpoint may serve is never reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations, groupby, product
from math import prod
from typing import Any

from truto_mapper.authoring.check.tried import HOLDERS, Place, Places
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path, leading_names
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.source_paths import reads
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic, either
from truto_mapper.text.errors import EvaluationError

#: With more combinations than this nothing is tried, and nothing is reported.
MAX_COMBINATIONS = 10_000
#: How many values a description of queries has at most, and how many descriptions there are.
_MAX_NAMED, _MAX_TOLD = 3, 8

Chosen = Mapping[Place, Any]
#: Whether a condition holds; None if that depends on more than the values that are tried.
Verdict = bool | None

#: Stands for the value of a place that is only asked whether it exists.
_PRESENT = "present"
#: Stands for all values of a place, if they are not listed: what is asked about them is left open.
_SOME = "some value"


class Reach:
    """Which endpoints of a method may serve which combinations of values.

    `combinations` is empty if there are too many.
    """

    def __init__(self, mapper: Mapper, method: str = "list") -> None:
        self.mapper = mapper
        self.endpoints = [one for one in mapper.mapping.endpoints if one.method == method]
        whens = [one.when for one in self.endpoints if one.when is not None]
        asked = dict.fromkeys(place for when in whens for place in sorted(_asked(when)))
        places = Places(mapper, method)
        domains = {place: _values(places, place, whens) for place in asked}
        self.domains = {place: values for place, values in domains.items() if values is not None}
        if prod(map(len, self.domains.values())) > MAX_COMBINATIONS:
            self.domains = {place: values for place, values in self.domains.items() if values[0] != _SOME}
        few = prod(map(len, self.domains.values())) <= MAX_COMBINATIONS
        every = product(*self.domains.values()) if few else ()
        self.combinations = [dict(zip(self.domains, values, strict=True)) for values in every]
        tests = {one.name: _Test(one.when, one.when.node, self.domains.keys()) for one in self.endpoints if one.when}
        self.failures: dict[str, list[tuple[Chosen, Diagnostic]]] = {}
        self.verdicts = {one.name: [*self._verdicts(one.name, tests)] for one in self.endpoints}

    def _verdicts(self, name: str, tests: Mapping[str, _Test]) -> Iterator[Verdict]:
        for chosen in self.combinations:
            try:
                yield tests[name].holds(chosen) if name in tests else True
            except EvaluationError as error:
                self.failures.setdefault(name, []).append((chosen, error.diagnostics[0]))
                yield False

    def served(self, name: str) -> list[Chosen]:
        """The combinations with which an endpoint may be chosen."""
        before = [one.name for one in self.endpoints]
        earlier = [self.verdicts[other] for other in before[: before.index(name)]]
        taken = [any(verdict is True for verdict in column) for column in zip(*earlier, strict=True)]
        mine = zip(self.combinations, self.verdicts[name], taken or [False] * len(self.combinations), strict=True)
        return [chosen for chosen, verdict, is_taken in mine if verdict is not False and not is_taken]

    def asked(self, name: str) -> dict[str, dict[str, Type]]:
        """The types of parameters and settings in the queries that an endpoint serves, by their holder."""
        served, found = self.served(name), dict[str, dict[str, Type]]()
        for place in (one for one in self.domains if served and one[0] != "body"):
            values = dict.fromkeys(chosen[place] for chosen in served)
            kinds = [types.UNDEFINED if value is MISSING else types.constant(value) for value in values]
            if self.is_listed(place):
                found.setdefault(place[0], {})[place[1]] = types.union_all(kinds)
        return found

    def is_listed(self, place: Place) -> bool:
        """Whether the values of a place are those that it can have, and not only whether it has one."""
        return self.domains[place][0] not in (_PRESENT, _SOME)

    def is_told(self, place: Place) -> bool:
        """Whether a place is asked for by its values, or whether it has one, and by nothing else."""
        return place in self.domains and self.domains[place][0] != _SOME

    def takers(self, name: str) -> list[Endpoint]:
        """The earlier endpoints that serve what an endpoint's `when` holds for."""
        mine, found = self.verdicts[name], []
        before = self.endpoints[: [one.name for one in self.endpoints].index(name)]
        left = {number for number, verdict in enumerate(mine) if verdict is not False}
        for one in before:
            taken = {number for number in left if self.verdicts[one.name][number]}
            found += [one] if taken else []
            left -= taken
        return found

    @cached_property
    def lost(self) -> list[Chosen]:
        """The combinations that no endpoint serves."""
        columns = zip(self.combinations, *self.verdicts.values(), strict=True)
        return [chosen for chosen, *verdicts in columns if all(verdict is False for verdict in verdicts)]


def unreachable(reach: Reach) -> Iterator[Diagnostic]:
    """C210: the endpoints that no query reaches. C238: the queries that reach no endpoint."""
    if reach.failures:
        yield from _failing(reach)
        return
    for one in reach.endpoints if reach.combinations else ():
        if not reach.served(one.name):
            yield _never(one, reach.takers(one.name))
    if len(reach.lost) < len(reach.combinations):  # else no endpoint is ever chosen
        for words, places in list(_described(reach, reach.lost))[:_MAX_TOLD]:
            yield _at(reach, places, f"{words} reaches no endpoint")


def _never(endpoint: Endpoint, takers: Sequence[Endpoint]) -> Diagnostic:
    message, hint = f"`{endpoint.name}` serves no query: its `when` is never true", None
    if takers:
        names = [f"`{one.name}`" for one in takers]
        message = (
            f"`{endpoint.name}` serves no query: {' and '.join(names)} before it serve{'s' * (len(names) == 1)} them"
        )
        hint = f"move it before {names[0]}, or narrow the `when` of {either(names)}"
    return (endpoint.when or endpoint.path).diagnostic("C210", message, severity="warning", hint=hint)


def _failing(reach: Reach) -> Iterator[Diagnostic]:
    """Every `when` is evaluated for each query: one that fails refuses it."""
    for one in reach.endpoints:
        failures = reach.failures.get(one.name, [])
        if failures and one.when is not None:
            words = [text for text, _ in _described(reach, [chosen for chosen, _ in failures])][:_MAX_TOLD]
            is_part = len(failures) < len(reach.combinations)
            where = f" where {'; or '.join(words)}" if is_part else ", so no query is served"
            reason = f"{failures[0][1].message} ({failures[0][1].code})"
            yield one.when.diagnostic("C238", f"this `when` fails{where}: {reason}", hint=failures[0][1].hint)


def _at(reach: Reach, places: Sequence[Place], message: str) -> Diagnostic:
    """A finding about queries, at the `when` of an overlay that asks about them, or else at the endpoints."""
    root = reach.mapper.mapping.root
    whens = [one.when for one in reach.endpoints if one.when and not _asked(one.when).isdisjoint(places)]
    laid = [one for one in whens if one.source is not root.source]
    if laid or len(reach.endpoints) == 1:
        return (laid or whens)[0].diagnostic("C238", message, severity="warning", hint=_REFUSE)
    found: Diagnostic = root.diagnostic("C238", message, key="endpoints", severity="warning", hint=_REFUSE)
    return found


_REFUSE = "widen a `when`, or add an endpoint whose `query_error` says why"


# ------------------------------------------------------------------------------------------ a `when`, part by part


class _Test:
    """A part of a `when`: an expression that only reads known places, or parts that are combined."""

    def __init__(self, whole: Expression, node: nodes.Node, known: Iterable[Place]) -> None:
        text = whole.text[node.span.start : node.span.end]
        self.expression = whole if node is whole.node else Expression(text, functions=whole.functions)
        self.places = tuple(sorted(_asked(self.expression)))
        self.is_known = set(self.places) <= set(known)
        self.operator, below = _parts(node)
        self.parts = [_Test(whole, one, known) for one in below]
        self.outcomes: dict[tuple[Any, ...], bool] = {}

    def holds(self, chosen: Chosen) -> Verdict:
        """Whether the part is true. Raises `EvaluationError` if it certainly fails."""
        if self.is_known and all(chosen[place] != _SOME for place in self.places):
            values = tuple(chosen[place] for place in self.places)
            if values not in self.outcomes:
                self.outcomes[values] = self._outcome(chosen)
            return self.outcomes[values]
        verdicts = [_quietly(one, chosen) for one in self.parts]
        if self.operator == "not":
            return False if verdicts[0] else None  # of nothing it is nothing
        decisive = self.operator == "or"
        if decisive in verdicts:
            return decisive
        return None if None in verdicts or not verdicts else not decisive

    def _outcome(self, chosen: Chosen) -> bool:
        bindings: dict[str, dict[str, Any]] = {holder: {} for holder in HOLDERS}
        for holder, name in self.places:
            if chosen[holder, name] is not MISSING:
                bindings[holder][name] = chosen[holder, name]
        return bool(truthy(self.expression.evaluate(MISSING, bindings)))


def _quietly(test: _Test, chosen: Chosen) -> Verdict:
    try:
        return test.holds(chosen)
    except EvaluationError:
        return None


def _parts(node: nodes.Node) -> tuple[str, tuple[nodes.Node, ...]]:
    """The operator of a condition and what it combines."""
    match node:
        case nodes.Binary(operator="and" | "or" as operator, left=left, right=right):
            return operator, (left, right)
        case nodes.Call(procedure=nodes.Variable(name="not"), arguments=(inner,)):
            return "not", (inner,)
        case nodes.Block(expressions=(inner,)):
            return "or", (inner,)
        case _:
            return "or", ()


def _asked(expression: Expression) -> set[Place]:
    """The parameters and settings that an expression reads, and `("", "")` if it reads anything else."""
    paths = [read.path for read in reads(expression) if read.path[0] != "$"]  # there is no reply yet
    others = {variable.name for variable in expression.variables} - {*HOLDERS}
    return {(path[0], path[1]) if len(path) > 1 else ("", "") for path in paths} | ({("", "")} if others else set())


def _values(places: Places, place: Place, whens: Sequence[Expression]) -> tuple[Any, ...] | None:
    """All values of a parameter, a setting or a field of the body; MISSING among them if it may be absent.

    Those that are not listed count as one. None for a place that is not known, and for a list that is counted:
    one without items is as good as none there.
    """
    if place not in places.schemas:
        return None
    schema = places.schemas[place]
    values = schema.get("enum") or ([False, True] if schema.get("type") == "boolean" else None)
    if values is None:
        if any(_is_counted(one, place) for one in whens):
            return None
        values = (_PRESENT if all(_only_exists(one, place) for one in whens) else _SOME,)
    given = [one for one in values if one is not None]
    return (*given, *(() if place in places.certain else (MISSING,)))


def _is_counted(expression: Expression, place: Place) -> bool:
    """Whether a condition asks how many items a place has."""
    counted = (
        one.arguments[0]
        for one in expression.below
        if isinstance(one, nodes.Call) and one.arguments and getattr(one.procedure, "name", "") == "count"
    )
    return any(_is_at(one, place) for one in counted)


def _only_exists(expression: Expression, place: Place) -> bool:
    """Whether a condition asks about a place only whether it exists, or is true."""
    asked = list(_leaves(expression.node))
    for node in expression.below:
        match node:
            case nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)):
                asked.append(one)
    return sum(_is_at(one, place) for one in asked) == sum(read.path[:2] == place for read in reads(expression))


def _leaves(node: nodes.Node) -> Iterator[nodes.Node]:
    """The conditions that `and`, `or` and `$not` combine."""
    _, below = _parts(node)
    for one in below:
        yield from _leaves(one)
    if not below:
        yield node


def _is_at(node: nodes.Node, place: Place) -> bool:
    names = [getattr(one, "name", None) or getattr(one, "value", None) for one in leading_names(node)]
    return tuple(names) == place and is_simple_path(node)


# --------------------------------------------------------------------------------------------- queries in few words


def _described(reach: Reach, some: Sequence[Chosen]) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Combinations in the fewest words, each with its places: `aggregation_period` = "week" or "month"."""
    left = list(some)
    for size in range(1, _MAX_NAMED + 1):
        for places in combinations(reach.domains, size) if left else ():
            others = prod(len(values) for place, values in reach.domains.items() if place not in places)
            counted = Counter(tuple(map(chosen.get, places)) for chosen in some)
            whole = [values for values, number in counted.items() if number == others]
            told = [values for values in whole if any(tuple(map(one.get, places)) == values for one in left)]
            left = [one for one in left if tuple(map(one.get, places)) not in whole]
            told = sorted(told, key=lambda values: [*map(_position, map(reach.domains.get, places), values)])
            for first, group in groupby(told, key=lambda values: values[:-1]):
                yield _in_words(places, first, [values[-1] for values in group]), places
    if left:
        yield f"a query with one of {len(left):,} other combinations of values", tuple(reach.domains)


def _position(values: Sequence[Any] | None, value: Any) -> int:
    return (values or ()).index(value)


def _in_words(places: Sequence[Place], first: Sequence[Any], last: Sequence[Any]) -> str:
    parts = [(place[1], [value]) for place, value in zip(places, first, strict=False)]
    return " with ".join(_is(name, values) for name, values in [*parts, (places[-1][1], list(last))])


def _is(name: str, values: Sequence[Any]) -> str:
    """A parameter and its values in words: `plan` = "free", or no `plan`."""
    shown = [f'"{one}"' if isinstance(one, str) else str(one).lower() for one in values if one is not MISSING]
    given = [f"a `{name}`"] if values[0] == _PRESENT else [f"`{name}` = {either(shown)}"] if shown else []
    return either([*given, *([f"no `{name}`"] if any(one is MISSING for one in values) else [])])
