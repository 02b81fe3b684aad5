"""What the joins of one page gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from truto_mapper.engine.page import Response
from truto_mapper.engine.rows import REPLIES, OtherReply
from truto_mapper.language.runtime.values import Budget
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.record import NamedTuple


class JoinedBudget(Budget):
    """The budget of a page whose joins have run; generated code finds their rows in it."""

    def __init__(self) -> None:
        #: The rows of each join by their keys.
        self.joined: dict[str, dict[str, Any]] = {}


class Joined(NamedTuple):
    """What the joins of a page gave: their rows are in the budget.

    `replies` are the responses of each join that ran, `notes` what is noteworthy about them.
    """

    budget: JoinedBudget
    replies: Mapping[str, Sequence[Response]]
    notes: tuple[Diagnostic, ...] = ()

    @property
    def names(self) -> dict[str, Any]:
        """The bindings of a page for the expressions of its records, and for those who look for the places of values.

        `REPLIES` are the bodies of the replies; no expression can name it.
        """
        bodies = {reply(name, n): one.body for name, some in self.replies.items() for n, one in enumerate(some, 1)}
        return {"joined": self.budget.joined, REPLIES: bodies}


def reply(name: str, number: int) -> OtherReply:
    """Which reply to a join something is in."""
    return OtherReply(f"in the reply to join `{name}`, request {number}")
