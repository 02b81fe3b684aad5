"""What golden cases say about two mappings: where their output differs, and which changes give the same."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from truto_mapper.authoring import golden
from truto_mapper.authoring.coverage.measure import taken
from truto_mapper.authoring.coverage.units import expressions as every
from truto_mapper.authoring.coverage.units import outcomes
from truto_mapper.authoring.diff.changes import Change, change
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Name, Number, Path, Regex, String, Value, walk
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.trace import Trace
from truto_mapper.text.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a case gives with both mappings, and the differences."""

    case: golden.Case
    differences: tuple[golden.Difference, ...]
    failing: Change | None


def behaviour(old: Mapper, new: Mapper, cases: Iterable[golden.Case], changes: Iterable[Change] = ()) -> list[Change]:
    """Where the output of golden cases differs between two mappings, one finding for each cause, after the `changes`.

    A change of an expression becomes a note if the cases that evaluate it give the same, and show all that it does.
    """
    ran = [_outcome(case, old, new) for case in cases]
    groups = golden.groups([one for outcome in ran for one in outcome.differences])
    failing = [outcome.failing for outcome in ran if outcome.failing is not None]
    return [*_weighed([*changes], old, new, ran), *failing, *map(_caused, groups)]


def _outcome(case: golden.Case, old: Mapper, new: Mapper) -> _Outcome:
    before, after = golden.run(case, old), golden.run(case, new)
    if (before.error is None) != (after.error is None):
        return _Outcome(case, (), _failing(case, after))
    found = golden.compare(replace(case, expected=before.files), after.files, after.endpoint, new.mapping.errors)
    return _Outcome(case, tuple(found), None)


def _failing(case: golden.Case, after: golden.Result) -> Change:
    """A case that fails with one mapping only."""
    if after.error is None:
        return change(case.node.diagnostic("B308", f"the case {case.name} no longer fails", severity="note"))
    first = after.error.diagnostics[0]
    message = f"the case {case.name} fails now: {first.message}"
    return change(Diagnostic("B322", message, "error", first.source or case.node.source, first.span, first.pointer))


_NOTHING = (MISSING, None)


def _caused(group: golden.Group) -> Change:
    lost = any(
        c.file == "response.json" and c.expected not in _NOTHING and c.found in _NOTHING for c in group.differences
    )
    code, severity = ("B322", "error") if lost else ("B321", "warning")
    found = group.differences[0].diagnostic
    essence = sorted({one.values for one in group.differences})
    return change(replace(found, code=code, message=group.summary, severity=severity), essence)  # type: ignore[arg-type]


# ── Changes that the cases say nothing against ───────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Evidence:
    """What cases show about an expression: how many evaluate it, whether one of them differs, and what they hit.

    Of a test, such as `when`, only the truth counts.
    """

    is_test: bool
    cases: int
    differs: bool
    hits: set[tuple[int, str]]

    def shows(self, expression: Expression) -> bool:
        """Whether each branch was taken, and each path led to something."""
        nodes = list(walk(expression.node))
        needed = {(id(node), outcome) for node in nodes for outcome in outcomes(node)}
        needed |= {(id(node), "found") for node in nodes if isinstance(node, Path)}
        needed |= {(id(expression.node), way) for way in ("true", "false")} if self.is_test else set()
        return bool(self.cases) and not self.differs and needed <= self.hits


def _weighed(changes: list[Change], old: Mapper, new: Mapper, ran: list[_Outcome]) -> Iterator[Change]:
    """The changes; a note where the cases show that a rewritten expression gives the same."""
    pairs = [pair for one in changes if one.found.severity == "warning" for pair in one.rewritten]
    before = _evidence(old, [was for was, _ in pairs], ran)
    after = _evidence(new, [now for _, now in pairs], ran)

    def agree(was: Expression, now: Expression) -> bool:
        return before[id(was)].shows(was) and after[id(now)].shows(now) and not _exchanges(was, now)

    for one in changes:
        is_weighed = one.rewritten and one.found.severity == "warning"
        if is_weighed and all(agree(was, now) for was, now in one.rewritten):
            yield _agreed(one, min(after[id(now)].cases for _, now in one.rewritten))
        else:
            yield one


def _agreed(one: Change, cases: int) -> Change:
    said = f"the {golden.count(cases, 'case')} that evaluate it give the same"
    hint = f"{one.found.hint}; {said}" if one.found.hint else said
    return replace(one, found=replace(one.found, severity="note", hint=hint))


def _evidence(mapper: Mapper, expressions: Iterable[Expression], ran: list[_Outcome]) -> dict[int, _Evidence]:
    """What the cases show about some expressions of a mapping, by the expression's id."""
    tests = {id(one) for one, is_test in every(mapper) if is_test}
    found = {id(one): _Evidence(id(one) in tests, 0, False, set()) for one in expressions}
    for outcome in ran if found else ():
        trace = Trace()
        golden.run(outcome.case, mapper.traced(trace))
        for evaluation in trace.evaluations:
            evidence = found.get(id(evaluation.expression))
            if evidence is not None:
                evidence.hits |= {(id(event.node), way) for event in evaluation.walk() for way in taken(event)}
                evidence.hits.add((id(evaluation.expression.node), "true" if truthy(evaluation.value) else "false"))
                evidence.hits |= {(id(e.node), "found") for e in evaluation.walk() if e.value not in _NOTHING}
        for one in {id(evaluation.expression) for evaluation in trace.evaluations} & found.keys():
            found[one].cases += 1
            found[one].differs |= bool(outcome.differences) or outcome.failing is not None
    return found


def _exchanges(was: Expression, now: Expression) -> bool:
    """Whether names or constants took the place of others: cases may hold the same under both."""
    before, after = _words(was), _words(now)
    return any(before[kind] - after[kind] and after[kind] - before[kind] for kind in before)


def _words(expression: Expression) -> dict[type, set[object]]:
    """The names and constants of an expression."""
    nodes = list(walk(expression.node))
    kinds = {Name: "value", String: "value", Number: "value", Value: "value", Regex: "pattern"}
    return {kind: {getattr(one, key) for one in nodes if isinstance(one, kind)} for kind, key in kinds.items()}
