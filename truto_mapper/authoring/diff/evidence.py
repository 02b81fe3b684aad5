"""Changes that golden cases say nothing against: those of expressions that give the same wherever they may differ."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from truto_mapper.authoring import golden
from truto_mapper.authoring.coverage.measure import taken
from truto_mapper.authoring.coverage.units import expressions as every
from truto_mapper.authoring.coverage.units import outcomes
from truto_mapper.authoring.diff.changes import Change, meaning
from truto_mapper.authoring.diff.trials import Given, Trials
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import (
    ORDERS,
    Apply,
    Binary,
    Call,
    Name,
    Node,
    Number,
    Path,
    Regex,
    String,
    Value,
    Variable,
    walk,
)
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.trace import Evaluation, Event, Trace

_NOTHING = (MISSING, None)
_BOTH = ("true", "false")
_TRIED = "it gives the same for all that was tried"


@dataclass(slots=True)
class _Evidence:
    """What cases show about an expression: how many evaluate it, whether one of them differs, and what they hit.

    Of a test, such as `when`, only the truth counts.
    """

    is_test: bool
    cases: int
    differs: bool
    hits: set[tuple[int, str]]
    givens: list[Given]

    def shows(self, expression: Expression, other: Expression) -> bool:
        """Whether each branch was taken, each path led to something, and all that the other lacks did something."""
        nodes = list(walk(expression.node))
        needed = {(id(node), outcome) for node in nodes for outcome in outcomes(node)}
        needed |= {(id(node), "found") for node in nodes if isinstance(node, Path)}
        needed |= {(id(expression.node), way) for way in _BOTH} if self.is_test else set()
        needed |= set(_effects(nodes, {meaning(node) for node in walk(other.node)}))
        return bool(self.cases) and not self.differs and needed <= self.hits


def _effects(nodes: Iterable[Node], known: Collection[str]) -> Iterator[tuple[int, str]]:
    """What the nodes must do in some case that are not among the known ones, to be seen at all.

    An operand of `and` and `or` is true and false, and a function gives something else than it takes.
    """
    for node in nodes:
        if meaning(node) in known:
            continue
        match node:
            case Binary(operator="and" | "or", left=left, right=right):
                new = [one for one in (left, right) if meaning(one) not in known]
                yield from ((id(one), way) for one in new or (left, right) for way in _BOTH)
            case Call(arguments=(_, *_)) | Apply():
                yield id(node), "effect"


def weighed(
    changes: list[Change], old: Mapper, new: Mapper, cases: Collection[tuple[golden.Case, bool]]
) -> Iterator[Change]:
    """The changes; a note where the cases, of which some differ, show that a rewritten expression gives the same."""
    pairs = [pair for one in changes if one.found.severity == "warning" for pair in one.rewritten]
    before = _evidence(old, [was for was, _ in pairs], cases)
    after = _evidence(new, [now for _, now in pairs], cases)

    trials = Trials(new, old)

    def agree(was: Expression, now: Expression) -> bool:
        one, other = before[id(was)], after[id(now)]
        if one.shows(was, now) and other.shows(now, was) and not _exchanges(was, now):
            return True
        samples = trials.samples(now)
        is_seen = bool((one.cases and other.cases) or samples) and not (one.differs or other.differs)
        is_rewritten = meaning(was.node) != meaning(now.node) and _words(was)["Regex"] == _words(now)["Regex"]
        return is_seen and is_rewritten and trials.agree(was, now, [*samples, *other.givens], is_test=other.is_test)

    for one in changes:
        is_weighed = one.rewritten and one.found.severity == "warning"
        if is_weighed and all(agree(was, now) for was, now in one.rewritten):
            yield _agreed(one, min(after[id(now)].cases for _, now in one.rewritten))
        else:
            yield one


def _agreed(one: Change, cases: int) -> Change:
    said = _TRIED if not cases else f"the {golden.count(cases, 'case')} that evaluate it give the same"
    said = "the case that evaluates it gives the same" if cases == 1 else said
    hint = f"{one.found.hint}; {said}" if one.found.hint else said
    return replace(one, found=replace(one.found, severity="note", hint=hint))


def _evidence(
    mapper: Mapper, expressions: Iterable[Expression], cases: Collection[tuple[golden.Case, bool]]
) -> dict[int, _Evidence]:
    """What the cases show about some expressions of a mapping, by the expression's id."""
    tests = {id(one) for one, is_test in every(mapper) if is_test}
    found = {id(one): _Evidence(id(one) in tests, 0, False, set(), []) for one in expressions}
    for case, differs in cases if found else ():
        trace = Trace()
        golden.run(case, mapper.traced(trace))
        for evaluation in trace.evaluations:
            evidence = found.get(id(evaluation.expression))
            if evidence is not None:
                evidence.hits |= {(id(event.node), way) for event in evaluation.walk() for way in _ways(event)}
                evidence.hits.add((id(evaluation.expression.node), _truth(evaluation.value)))
                evidence.givens.append(Given(evaluation.data, {**trace.names, **_named(evaluation)}))
        for one in {id(evaluation.expression) for evaluation in trace.evaluations} & found.keys():
            found[one].cases += 1
            found[one].differs |= differs
    return found


def _named(evaluation: Evaluation) -> dict[str, Any]:
    """The variables that an evaluation read."""
    read = [(one.node.name, one.value) for one in evaluation.walk() if isinstance(one.node, Variable)]
    return {name: value for name, value in read if name.strip("$")}


def _ways(event: Event) -> Iterator[str]:
    yield from taken(event)
    yield _truth(event.value)
    if event.value not in _NOTHING:
        yield "found"
    given = event.node.arguments[0] if isinstance(event.node, Call) and event.node.arguments else None
    given = event.node.left if isinstance(event.node, Apply) else given
    if given is not None and all(one.value != event.value for one in event.inner if one.node is given):
        yield "effect"


def _truth(value: object) -> str:
    return "true" if truthy(value) else "false"


def _exchanges(was: Expression, now: Expression) -> bool:
    """Whether names, constants, functions or comparisons took the place of others: cases may hold the same for both."""
    before, after = _words(was), _words(now)
    return any(before[kind] - after[kind] and after[kind] - before[kind] for kind in before)


def _words(expression: Expression) -> Mapping[str, set[object]]:
    """The names, constants, functions and comparisons of an expression, by kind."""
    nodes = list(walk(expression.node))
    kinds = {Name: "value", String: "value", Number: "value", Value: "value", Regex: "pattern"}
    made = {kind.__name__: {getattr(one, key) for one in nodes if isinstance(one, kind)} for kind, key in kinds.items()}
    calls = (one.procedure for one in nodes if isinstance(one, Call))
    made["function"] = {one.name for one in calls if isinstance(one, Variable)}
    made["comparison"] = {one.operator for one in nodes if isinstance(one, Binary) and one.operator in ORDERS}
    return made
