"""Pages that are mapped without the joins that they need."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from truto_mapper.engine.joins import ids_of, runs
from truto_mapper.language.expression import Scope
from truto_mapper.mapping.linked import Join
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import EvaluationError


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
