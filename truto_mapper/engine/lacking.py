"""Pages that are mapped without the joins that they need."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from truto_mapper.engine.joins import ids_of, runs
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import Budget
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Join
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Fused
    from truto_mapper.engine.replies import Bindings, Replies


def has_joins(fused: Fused, replies: Replies, given: Bindings, budget: Budget) -> bool:
    """Whether a page is mapped with the joins that it needs, as far as that is known without its rows."""
    if given[0] is fused.quiet or replies.joined is not None:
        return True
    page = replies.scope(given, budget)
    if not all(one.run_if is not None and _reads_settings(one.run_if) and not runs(one, page) for one in fused.joins):
        return False
    fused.quiet = given[0]
    return True


def unjoined(fused: Fused, replies: Replies, given: Bindings, budget: Budget) -> Sequence[Diagnostic]:
    """A note (P612) on a page that is mapped without the joins that it needs."""
    is_quiet = has_joins(fused, replies, given, budget)
    return () if is_quiet else lacking(fused.joins, replies.scope(given, budget))


def lacking(joins: Sequence[Join], page: Scope, given: Collection[str] = ()) -> list[Diagnostic]:
    """A note (P612) on the joins that a page needs and that are not given.

    A join whose `run_if` or `ids` fail is needed: running it would tell.
    """
    names = [one.name for one in joins if one.name not in given and _is_needed(one, page)]
    if not names:
        return []
    shown = ", ".join(f"`{name}`" for name in names)
    hint = f'give the replies to it: joined={{"{names[0]}": [reply, …]}}; an exchange asks for them itself'
    return [Diagnostic("P612", f"the reply was mapped without the rows of its join {shown}", "note", hint=hint)]


def _is_needed(join: Join, page: Scope) -> bool:
    try:
        return runs(join, page) and bool(ids_of(join, page))
    except EvaluationError:
        return True


def _reads_settings(expression: Expression) -> bool:
    """Whether an expression depends on the account's settings alone."""
    return all(read.path[0] == "context" for read in reads(expression))
