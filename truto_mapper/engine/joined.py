"""What the joins of one page gave."""

from __future__ import annotations

from typing import Any

from truto_mapper.engine.page import Response
from truto_mapper.engine.replies import PageBudget
from truto_mapper.engine.rows import REPLIES, OtherReply
from truto_mapper.text.diagnostics import Diagnostic


class JoinedBudget(PageBudget):
    """The budget of a page whose joins have run; generated code finds their rows in it."""

    def __init__(self) -> None:
        self.joined: dict[str, dict[str, Any]] = {}
        self.replies: dict[str, list[Response]] = {}
        self.notes: list[Diagnostic] = []

    @property
    def names(self) -> dict[str, Any]:
        """See `PageBudget`. `REPLIES` are the bodies of the replies; no expression can name it."""
        bodies = {reply(name, n): one.body for name, some in self.replies.items() for n, one in enumerate(some, 1)}
        return {"joined": self.joined, REPLIES: bodies}


def reply(name: str, number: int) -> OtherReply:
    """Which reply to a join something is in."""
    return OtherReply(f"in the reply to join `{name}`, request {number}")
