"""The joins of a page: the requests that ask for what its rows refer to, and the rows of the replies by their keys.

`Joins.steps` is a generator of requests that receives responses, as an exchange is. `Joins.of_replies` reads replies
that somebody has kept.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine import requests
from truto_mapper.engine.join_replies import Reader, RepliesOf, key_text
from truto_mapper.engine.joined import JoinedBudget
from truto_mapper.engine.page import OnInvalid, Request, Response
from truto_mapper.engine.requests import value_of
from truto_mapper.language.expression import Scope
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.mapping.linked import Join
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError, MapperError, ProviderError
from truto_mapper.text.record import replace

if TYPE_CHECKING:
    from truto_mapper.engine.query import Query

#: The most requests of a join for one page.
MAX_REQUESTS = 1_000

Steps: TypeAlias = Generator[Request, Response, JoinedBudget]


class Joins:
    """Runs the joins of one page. `scope` is that of the page's reply; its budget is a `JoinedBudget`."""

    def __init__(self, readers: Sequence[Reader], scope: Scope, query: Query | None, on_invalid: OnInvalid) -> None:
        self.readers, self.scope, self.query = readers, scope, query
        self.on_invalid: OnInvalid = on_invalid
        #: No join sees what another gave: the budget has it at the end.
        self.rows: dict[str, dict[str, Any]] = {}
        self.replies: dict[str, list[Response]] = {}

    @property
    def budget(self) -> JoinedBudget:
        assert isinstance(self.scope.budget, JoinedBudget)  # noqa: S101  # for mypy
        return self.scope.budget

    def steps(self) -> Steps:
        """Ask for what the page needs. Raises as `map` does, and `ProviderError` P604 for pages without end."""
        for reader in self.readers:
            replies = self._replies_of(reader)
            if runs(reader.join, self.scope):
                yield from self._asked(replies)
            self.budget.notes += replies.notes()
        return self._filled()

    def _filled(self) -> JoinedBudget:
        self.budget.joined, self.budget.replies = self.rows, self.replies
        return self.budget

    def _replies_of(self, reader: Reader) -> RepliesOf:
        rows = self.rows[reader.join.name] = {}
        return RepliesOf(reader, self.scope, rows, self.on_invalid)

    def _asked(self, replies: RepliesOf) -> Generator[Request, Response, None]:
        """The requests of a join, batch after batch, each until it has no further page."""
        join, asked = replies.join, self.replies.setdefault(replies.join.name, [])
        for ids in batches(join, self._ids(replies)):
            cursors: list[str] = []
            while True:
                if len(asked) >= MAX_REQUESTS:
                    raise _endless(join)
                request = self._request(join, ids, cursors)
                asked.append((yield from self._answer(request)))
                following = self._read(replies, ids, cursors, request)
                if following is None:
                    break
                cursors.append(following)
            if replies.is_over:
                break

    def _ids(self, replies: RepliesOf) -> list[Any]:
        """The ids that a join asks for. Those that are none are a warning where invalid values are discarded."""
        return ids_of(replies.join, self.scope, None if replies.is_strict else replies.found)

    def _request(self, join: Join, ids: list[Any], cursors: list[str]) -> Request:
        names = {"ids": ids, "cursor": cursors[-1] if cursors else MISSING}
        assert self.query is not None  # noqa: S101  # for mypy: what is asked has a query
        sent = requests.sent(join, Scope(MISSING, names, self.scope), {})
        return Request(**sent, query=self.query, join=join.name)

    def _answer(self, request: Request) -> Generator[Request, Response, Response]:
        """The response to a request, its body read. The time that it takes does not count as the page's."""
        budget = self.budget
        asked_at = budget.clock()
        response: Response = yield request
        if budget.started is not None:
            budget.started += budget.clock() - asked_at
        return response

    def of_replies(self, given: Mapping[str, Sequence[Response]]) -> JoinedBudget:
        """Read kept replies to the joins, in the order of their requests if a join reads `$ids` of them."""
        for reader in self.readers:
            replies = self._replies_of(reader)
            if reader.join.name in given:
                self._kept(replies, given[reader.join.name])
            self.budget.notes += replies.notes()
        return self._filled()

    def _kept(self, replies: RepliesOf, given: Sequence[Response]) -> None:
        join, asked = replies.join, self.replies.setdefault(replies.join.name, [])
        waiting = batches(join, self._ids(replies)) if replies.reader.reads_ids else iter(())
        ids, cursors = next(waiting, []), list[str]()
        for response in given:
            asked.append(response)
            following = self._read(replies, ids, cursors)
            if following is None or not replies.reader.reads_ids:
                ids, cursors = next(waiting, []), []
            else:
                cursors.append(following)

    def _read(
        self, replies: RepliesOf, ids: list[Any], cursors: list[str], request: Request | None = None
    ) -> str | None:
        """Take in the last reply; the cursor of the next for its ids. A failure that may be left out is a warning."""
        try:
            return replies.read(self.replies[replies.join.name], ids, cursors)
        except MapperError as error:
            if request is not None:
                from truto_mapper.engine.redaction import Redaction  # noqa: PLC0415  # few replies fail

                hidden = Redaction(request.params, request.headers, request.body)
                error.diagnostics = hidden.diagnostics(error.diagnostics)
            if not (isinstance(error, ProviderError) and replies.join.leaves_out):
                raise
            replies.leave_out(error)
            return None


def runs(join: Join, scope: Scope) -> bool:
    """Whether a join runs for a page."""
    return join.run_if is None or truthy(value_of(join.run_if, scope))


def ids_of(join: Join, scope: Scope, told: list[Diagnostic] | None = None) -> list[Any]:
    """The ids that a join asks for: texts and integers, each once, in order.

    Others are a warning in `told`; without it they are an `EvaluationError` D406.
    """
    value = value_of(join.ids, scope)
    found: dict[str, Any] = {}
    odd: list[Any] = []
    for one in value if isinstance(value, list) else [value]:
        if one is None or one is MISSING or one == "":
            continue
        key = key_text(one)
        if key is None:
            odd.append(one)
        else:
            found.setdefault(key, one)
    if odd:
        _tell(join, odd, told)
    return list(found.values())


def _tell(join: Join, odd: list[Any], told: list[Diagnostic] | None) -> None:
    """Tell values that are no ids: as a warning, or as an error if there is no list for it."""
    more = f", and {len(odd) - 1:,} more are none" if len(odd) > 1 else ""
    found = join.ids.diagnostic("D406", f"`ids` must give texts and integers, this is {excerpt(odd[0])}{more}")
    if told is None:
        raise EvaluationError(found)
    told.append(replace(found, message=f"{found.message}; nothing was asked for", severity="warning"))


def batches(join: Join, ids: list[Any]) -> Iterator[list[Any]]:
    """The ids of each request. Raises `EvaluationError` D2014 if they need too many requests."""
    needed = -(-len(ids) // join.batch)
    if needed > MAX_REQUESTS:
        message = f"the page has {len(ids):,} ids for the join `{join.name}`: {needed:,} requests of {join.batch:,}"
        hint = f"a page may need {MAX_REQUESTS:,}: ask for more ids in one request (`batch`), or for smaller pages"
        raise EvaluationError(join.ids.diagnostic("D2014", message, hint=hint))
    return (ids[start : start + join.batch] for start in range(0, len(ids), join.batch))


def _endless(join: Join) -> ProviderError:
    message = f"the join `{join.name}` has asked {MAX_REQUESTS:,} times for one page, and there is more"
    return ProviderError(Diagnostic("P604", message, hint="is `next_cursor` undefined on the last page?"))
