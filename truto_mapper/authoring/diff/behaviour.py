"""Where the output of golden cases differs between two mappings."""

from collections.abc import Iterable
from dataclasses import replace

from truto_mapper.authoring import golden
from truto_mapper.authoring.diff.changes import Change, change
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.diagnostics import Diagnostic


def behaviour(old: Mapper, new: Mapper, cases: Iterable[golden.Case]) -> list[Change]:
    """Where the output of golden cases differs between two mappings; one finding for each cause."""
    differing: list[golden.Difference] = []
    found: list[Change] = []
    for case in cases:
        before, after = golden.run(case, old), golden.run(case, new)
        if (before.error is None) != (after.error is None):
            found.append(_failing(case, after))
        else:
            differing += golden.compare(replace(case, expected=before.files), after.files, after.endpoint)
    return [*found, *map(_caused, golden.groups(differing))]


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
