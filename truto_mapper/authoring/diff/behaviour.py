"""What golden cases say about two mappings: where their output differs, and which changes give the same."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from truto_mapper.authoring import golden
from truto_mapper.authoring.diff.changes import REFUSED, Change, change
from truto_mapper.authoring.diff.evidence import weighed
from truto_mapper.engine.cursor import MARK
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError
from truto_mapper.text.pointers import dotted

#: The errors of a case with both mappings.
Errors = tuple[MapperError | None, MapperError | None]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a case gives with both mappings: the differences, or the errors if they differ."""

    case: golden.Case
    differences: tuple[golden.Difference, ...]
    errors: Errors | None = None


def behaviour(old: Mapper, new: Mapper, cases: Iterable[golden.Case], changes: Iterable[Change] = ()) -> list[Change]:
    """Where the output of golden cases differs between two mappings, one finding for each cause, after the `changes`.

    A change of an expression becomes a note if the cases that evaluate it give the same, and show all that it does. A
    field that is new explains its values, and a change that refuses all cursors what becomes of them.
    """
    ran, known = [_outcome(case, old, new) for case in cases], [*changes]
    known = [_shown(one, ran) for one in known]
    ran, refused = _without_cursors([_unexplained(one, known) for one in ran])
    differing = [(one.case, bool(one.differences) or one.errors is not None) for one in ran]
    groups = golden.groups([one for outcome in ran for one in outcome.differences])
    told = [] if any(one.refuses_cursors for one in known) or not refused else [_refusal(new, refused)]
    return [*weighed(known, old, new, differing), *told, *_failures(ran), *map(_caused, groups)]


def _outcome(case: golden.Case, old: Mapper, new: Mapper) -> _Outcome:
    before, after = golden.run(case, old), golden.run(case, new)
    if (before.error and before.error.code) != (after.error and after.error.code):
        return _Outcome(case, (), (before.error, after.error))
    found = golden.compare(replace(case, expected=before.files), after.files, after.endpoint, new.mapping.errors)
    return _Outcome(case, tuple(found))


_NOTHING = (MISSING, None)


def _caused(group: golden.Group) -> Change:
    lost = any(
        c.file == "response.json" and c.expected not in _NOTHING and c.found in _NOTHING for c in group.differences
    )
    code, severity = ("B322", "error") if lost else ("B321", "warning")
    found = group.differences[0].diagnostic
    essence = sorted({one.values for one in group.differences})
    return change(replace(found, code=code, message=group.summary, severity=severity), essence)  # type: ignore[arg-type]


# ── Values of new fields ─────────────────────────────────────────────────────────────────────────────────────────


def _shown(one: Change, ran: Iterable[_Outcome]) -> Change:
    """A change with the values that cases give to the field that it adds."""
    found = [each for outcome in ran for each in outcome.differences if _adds(one, each)]
    if not found:
        return one
    return replace(one, found=replace(one.found, hint=f"the cases show {golden.Group('', None, found).summary}"))


def _adds(one: Change, difference: golden.Difference) -> bool:
    """Whether a change adds the field that has a value where nothing was."""
    endpoint, field = difference.endpoint, dotted(one.adds[1:])
    is_there = bool(one.adds) and endpoint is not None and endpoint.name == one.adds[0]
    if difference.file == "diagnostics.txt":  # what is said about the names that are read
        return is_there and difference.field.endswith("[P606]")
    is_new = difference.expected in _NOTHING and difference.file.startswith("response.")
    return is_there and is_new and f"{difference.field}.".startswith(f"{field}.")


def _unexplained(outcome: _Outcome, changes: Sequence[Change]) -> _Outcome:
    left = [one for one in outcome.differences if not any(_adds(known, one) for known in changes)]
    return replace(outcome, differences=tuple(left))


# ── Cursors that are refused ─────────────────────────────────────────────────────────────────────────────────────


def _without_cursors(ran: Iterable[_Outcome]) -> tuple[list[_Outcome], list[golden.Case]]:
    """The outcomes without what is only due to another seal of cursors, and the cases that have such cursors."""
    left, refused = list[_Outcome](), list[golden.Case]()
    for outcome in ran:
        kept = tuple(one for one in outcome.differences if not _is_sealed_anew(one.expected, one.found))
        after = outcome.errors[1] if outcome.errors else None
        is_refused = after is not None and after.code == "Q506"
        refused += [outcome.case] if is_refused or len(kept) < len(outcome.differences) else []
        left.append(replace(outcome, differences=kept, errors=None if is_refused else outcome.errors))
    return left, refused


def _is_sealed_anew(was: object, now: object) -> bool:
    """Whether two cursors of ours say the same, and only belong to different queries, endpoints or settings."""
    if not (isinstance(was, str) and isinstance(now, str) and was.startswith(MARK)):
        return False
    return was.rpartition(".")[0] == now.rpartition(".")[0]


def _refusal(new: Mapper, cases: Sequence[golden.Case]) -> Change:
    message = f"{REFUSED}, as in {_listed(cases)}"
    hint = "a cursor belongs to a query with its defaults, the endpoints that serve it, and the account's settings"
    found = new.mapping.root.diagnostic("B321", message, key="endpoints", severity="warning", hint=hint)
    return change(found)


# ── Cases that fail ──────────────────────────────────────────────────────────────────────────────────────────────


def _failures(ran: Iterable[_Outcome]) -> Iterator[Change]:
    """The cases that fail with one mapping only, or in another way, one finding for each cause."""
    made: dict[object, list[tuple[golden.Case, Errors]]] = {}
    for outcome in ran:
        if outcome.errors is not None:
            first = outcome.errors[1].diagnostics[0] if outcome.errors[1] is not None else None
            place = first and (first.code, first.source, first.span, None if first.span else first.message)
            made.setdefault(place, []).append((outcome.case, outcome.errors))
    for some in made.values():
        yield _failing([case for case, _ in some], [errors for _, errors in some])


def _failing(cases: Sequence[golden.Case], errors: Sequence[Errors]) -> Change:
    after, node = errors[0][1], cases[0].node
    verb = "fail" if len(cases) > 1 else "fails"
    if after is None:
        no_longer = f"{_listed(cases)} no longer {verb}"
        return change(node.diagnostic("B308", no_longer, severity="note"))
    first, is_worse = after.diagnostics[0], any(before is None for before, _ in errors)
    code, severity, how = ("B322", "error", "now") if is_worse else ("B321", "warning", "differently now")
    message = f"{_listed(cases)} {verb} {how}: {first.message}"
    return change(Diagnostic(code, message, severity, first.source or node.source, first.span, first.pointer))  # type: ignore[arg-type]


def _listed(cases: Sequence[golden.Case]) -> str:
    """`the case a`, `the cases a, b, c and 2 more`."""
    names = ", ".join(one.name for one in cases[: golden.LISTED])
    more = f" and {len(cases) - golden.LISTED:,} more" if len(cases) > golden.LISTED else ""
    return f"the case{'s' * (len(cases) > 1)} {names}{more}"
