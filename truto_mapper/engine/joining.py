"""Pages with joins: which endpoint replied, what its joins are asked about, and the page made of all replies."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from truto_mapper.engine.answer import FAILURES, Given, failure, opened, page_of
from truto_mapper.engine.arguments import checked, refuse
from truto_mapper.engine.called import value_at
from truto_mapper.engine.join_replies import Reader
from truto_mapper.engine.joined import JoinedBudget
from truto_mapper.engine.joins import Joins, runs
from truto_mapper.engine.lacking import lacking
from truto_mapper.engine.page import OnInvalid, Page, ReadResponse, Request, Response
from truto_mapper.engine.planner import plan_of
from truto_mapper.engine.query import Asked, Plan, Query, asked_of
from truto_mapper.engine.replies import RESPONSE, Replies
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.runtime.values import MAX_SPENT, MISSING
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import MapperError
from truto_mapper.text.record import NamedTuple

if TYPE_CHECKING:
    from truto_mapper.engine.encoded import Encoded
    from truto_mapper.engine.rendering import Format
    from truto_mapper.engine.typed_page import RawRows


class Readers(dict[str, tuple[Reader, ...]]):
    """The readers of the joins of each endpoint by its name, each made when it is first needed."""

    def __init__(self, mapping: linked.Mapping) -> None:
        self.mapping = mapping

    def __missing__(self, name: str) -> tuple[Reader, ...]:
        endpoint = next(one for one in self.mapping.endpoints if one.name == name)
        made = self[name] = tuple(Reader(self.mapping, endpoint, join) for join in endpoint.joins)
        return made


class Answered(NamedTuple):
    """A reply to a page's own request, its body read, with what its joins gave."""

    response: Response
    joined: JoinedBudget

    def page(self, replies: Replies, query: Query | None, asked: Asked, on_invalid: OnInvalid) -> Page[Any]:
        """The page of all replies. Raises as `map` does."""
        body, status, headers = self.response
        page = _page_of(replies, body, (query, asked, status, headers, on_invalid), self.joined)
        return page._replace(response=self.response) if isinstance(self.response, ReadResponse) else page


class Joining:
    """Makes the pages of a mapping whose endpoints have joins. `replies` maps them with what the joins give."""

    def __init__(self, replies: Replies) -> None:
        self.replies, self.readers = replies, Readers(replies.mapping)

    @cached_property
    def _raw_rows(self) -> RawRows:
        from truto_mapper.engine.typed_page import RawRows  # noqa: PLC0415  # few mappers map bytes

        return RawRows(self.replies.mapping.endpoints, self.replies.functions)

    def typed(self, body: bytes, given: Given, chosen: Format | None, joined: Any) -> tuple[Page[Any], Encoded] | None:
        """A page made of rows that stay bytes, with kept replies; see `RawRows.page`."""
        found = self._usual(given[1], joined) or self._of_rows(given, self._responses(joined, given[1]))
        return None if found is None else self._raw_rows.page(self.replies, body, given, chosen, found)

    def unasked(self) -> JoinedBudget:
        """What joins give a page that was not asked for: none of them runs."""
        return JoinedBudget()

    def asking(
        self, on_invalid: OnInvalid, request: Request, response: Response, *, is_exact: bool = False
    ) -> Generator[Request, Response, Answered | None]:
        """The requests of a page's joins; None without any, and for a reply that `map` refuses or does not map."""
        query = request.query
        plan = query.plan
        if plan is None or self._is_quiet(plan):
            return None
        opened = self._opened(response, query, asked_of(query, plan, plan.settings, plan.now), is_exact=is_exact)
        if opened is None:
            return None
        response, bindings, endpoint, budget, told = opened
        try:
            joins = Joins(self.readers[endpoint.name], self.replies.scope(bindings, budget), query, on_invalid)
            joins.budget.notes += told
            return Answered(response, (yield from joins.steps()))
        except FAILURES as error:
            raise failure(error, response.headers, query, reply=response) from None

    def _is_quiet(self, plan: Plan) -> bool:
        """Whether the settings of the account alone say that no join runs."""
        joins = [one.join for name in plan.endpoints for one in self.readers[name]]
        scope = Scope(MISSING, {"context": plan.settings})
        try:
            return all(one.is_setting and not runs(one, scope) for one in joins)
        except MapperError:
            return False  # it is told when the joins are to run

    def answered(self, on_invalid: OnInvalid, request: Request, answered: Answered) -> Page[Any]:
        """The page of a reply whose joins have run. Raises as `map` does."""
        query, plan = request.query, plan_of(request.query)
        try:
            return answered.page(self.replies, query, asked_of(query, plan, plan.settings, plan.now), on_invalid)
        except FAILURES as error:
            raise failure(error, answered.response.headers, query, reply=answered.response) from None

    def page(self, body: Any, given: Given, joined: Any, *, is_exact: bool = False) -> Page[Any] | None:
        """The page of a reply and of kept replies to its joins; None for one that `map` refuses.

        Raises as `map` does, and `QueryError` Q515 for what are no replies.
        """
        query, asked, status, headers, on_invalid = given
        found = self._usual(asked, joined) if body.__class__ is dict else None
        if found is None:
            responses = self._responses(joined, asked)
            found = self._of_rows(given, responses) if body.__class__ is dict else None
        if found is not None:
            return _page_of(self.replies, body, given, found)
        opened = self._opened(Response(body, status, headers), query, asked, is_exact=is_exact)
        if opened is None:
            return None
        response, bindings, endpoint, budget, told = opened
        joins = Joins(self.readers[endpoint.name], self.replies.scope(bindings, budget), query, on_invalid)
        joins.budget.notes += [*told, *lacking(endpoint.joins, joins.scope, responses)]
        return Answered(response, joins.of_replies(responses)).page(self.replies, query, asked, on_invalid)

    def _usual(self, asked: Asked, given: Any) -> JoinedBudget | None:
        """What kept replies give, where each of them is usual: no expression has to be evaluated then."""
        readers = () if asked[0] is None or self.replies.trace is not None else self.readers[asked[0]]
        if not readers or given.__class__ is not dict or len(given) != len(readers):
            return None
        budget = JoinedBudget()
        for reader in readers:
            name, rows = reader.join.name, dict[str, Any]()
            if given.get(name).__class__ is not list:
                return None
            budget.joined[name], budget.replies[name] = rows, list(map(_response, given[name]))
            taken = reader.take_usual(budget.replies[name], rows)
            if taken is None:
                return None
            budget.spent += taken
        return budget if budget.spent <= MAX_SPENT else None

    def _of_rows(self, given: Given, responses: dict[str, list[Response]]) -> JoinedBudget | None:
        query, asked, status, headers, on_invalid = given
        only, settings, sent, now, parameters, one, of_caller, *_ = asked
        if only is None or any(one.reads_ids or one.join.name not in responses for one in self.readers[only]):
            return None
        bindings = settings, sent, headers, now, parameters, MISSING, status, one, of_caller
        scope = self.replies.scope(bindings, JoinedBudget())
        return Joins(self.readers[only], scope, query, on_invalid).of_replies(responses)

    def _opened(
        self, response: Response, query: Query | None, asked: Asked, *, is_exact: bool = False
    ) -> tuple[Response, tuple[Any, ...], Endpoint, JoinedBudget, Sequence[Diagnostic]] | None:
        """A reply whose body is read: its bindings, the endpoint that it is of, its budget, and what was mended of it.

        The bindings have the rows of the page alone, where a limit cuts it: its joins are asked about these.
        None for one without records, and for one with which something is wrong: that is told when it is mapped.
        """
        body, status, headers = response
        _, settings, sent, now, parameters, one, given, *_, plan = asked
        told: Sequence[Diagnostic] = ()
        try:
            kind, body, told = opened(self.replies, body, status, plan, is_exact=is_exact)
            budget = JoinedBudget()
            bindings = settings, sent, headers, now, parameters, body, status, one, given
            fused, _ = self.replies.recognised(bindings, plan, [], budget)
        except FAILURES:
            return None
        if fused is None:
            return None
        bindings = (*bindings[:RESPONSE], _cut(fused.endpoint, body, query, plan), *bindings[RESPONSE + 1 :])
        return kind(body, status, headers), bindings, fused.endpoint, budget, told

    def _responses(self, given: Any, asked: Asked) -> dict[str, list[Response]]:
        """Kept replies to joins, by the joins' names."""
        if given.__class__ is not dict or any(one.__class__ is not list for one in given.values()):
            given = _in_lists(given)
        known = {reader.join.name for name in asked[-1].endpoints for reader in self.readers[name]}
        for name in given.keys() - known:
            hint = did_you_mean(name, known) if isinstance(name, str) else None
            refuse(f"joined: there is no join {excerpt(name)}", hint)
        return {name: list(map(_response, replies)) for name, replies in given.items()}


def _page_of(replies: Replies, body: Any, given: Given, joined: JoinedBudget) -> Page[Any]:
    """The page of a reply and of what its joins gave, whose rows a page that is kept does not keep."""
    page = page_of(replies, body, *given, False, joined)  # a keyword takes longer, see `page_of`
    joined.joined = {}
    return page


def _cut(endpoint: Endpoint, body: Any, query: Query | None, plan: Plan) -> Any:
    """The reply with only the rows of the page, where a limit cuts it and one plain path leads to them."""
    offset = 0 if query is None else query.offset
    if plan.limit is None and not offset:
        return body
    from truto_mapper.engine.externals import UnfusableError  # noqa: PLC0415  # only a limit needs it
    from truto_mapper.engine.reply_code import Loops  # noqa: PLC0415  # likewise

    try:
        loops = Loops.of(endpoint)
    except UnfusableError:
        return body
    rows = value_at(body, *loops.outer)
    if loops.inner is not None or rows.__class__ is not list:
        return body
    there = [row for row in rows if row is not None]
    stop = None if plan.limit is None else offset + plan.limit
    if _has_joined_ids(endpoint):
        offset = 0  # the ids of earlier records tell whether the page has changed
    return _with(body, loops.outer, there[offset:stop])


def _has_joined_ids(endpoint: Endpoint) -> bool:
    """Whether the ids of records depend on what joins give."""
    joined = {"joined"}
    for name, one in endpoint.let:
        if any(variable.name in joined for variable in one.variables):
            joined.add(name)
    made = endpoint.response.get("id") if isinstance(endpoint.response, dict) else endpoint.response
    return isinstance(made, Expression) and any(variable.name in joined for variable in made.variables)


def _with(holder: Any, path: Sequence[str], value: Any) -> Any:
    """A copy of an object with another value at a path."""
    return value if not path else {**holder, path[0]: _with(holder[path[0]], path[1:], value)}


def _in_lists(given: Any) -> dict[Any, list[Any]]:
    if not isinstance(given, Mapping) or not all(isinstance(one, (list, tuple)) for one in given.values()):
        refuse("joined must be an object with the replies to each join in a list", 'such as {"users": [reply]}')
    return {name: list(replies) for name, replies in given.items()}


def _response(given: Any) -> Response:
    """A kept reply: a response, or its body alone."""
    return checked(given) if isinstance(given, Response) else Response(given)
