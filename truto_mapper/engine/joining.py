"""Pages with joins: which endpoint replied, what its joins are asked about, and the page made of all replies."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple

from truto_mapper.engine import bodies
from truto_mapper.engine.answer import FAILURES, Given, failure, page_of
from truto_mapper.engine.arguments import checked, refuse
from truto_mapper.engine.called import value_at
from truto_mapper.engine.join_replies import Reader
from truto_mapper.engine.joins import Joined, JoinedBudget, Joins, lacking
from truto_mapper.engine.page import OnInvalid, Page, ReadResponse, Request, Response
from truto_mapper.engine.query import Asked, Plan, Query, asked_of
from truto_mapper.engine.replies import Replies
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import REPLY, Endpoint
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.record import replace

_BODY = REPLY.index("response")


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
    joined: Joined

    def page(self, replies: Replies, query: Query | None, asked: Asked, on_invalid: OnInvalid) -> Page[Any]:
        """The page of all replies. Raises as `map` does."""
        body, status, headers = self.response
        page = page_of(replace(replies, joined=self.joined), body, query, asked, status, headers, on_invalid)
        self.joined.budget.joined = {}  # what is kept of a page must not keep the rows
        return page._replace(response=self.response) if isinstance(self.response, ReadResponse) else page


def unasked() -> Joined:
    """What the joins of a page give that was not asked for: they do not run."""
    return Joined(JoinedBudget(), {})


def asking(
    replies: Replies, readers: Readers, on_invalid: OnInvalid, request: Request, response: Response | None
) -> Generator[Request, Response, Answered | None]:
    """The requests of a page's joins; None for a reply that is not mapped, or that `map` refuses."""
    query = request.query
    plan = query.plan
    if response is None or plan is None or not any(readers[name] for name in plan.endpoints):
        return None
    opened = _opened(replies, response, asked_of(query, plan, plan.settings, plan.now))
    if opened is None:
        return None
    response, bindings, endpoint, budget, told = opened
    bindings = (*bindings[:_BODY], _cut(endpoint, response.body, query, plan), *bindings[_BODY + 1 :])
    try:
        joins = Joins(readers[endpoint.name], replies.scope(bindings, budget), query, on_invalid)
        joins.notes += told
        return Answered(response, (yield from joins.steps()))
    except FAILURES as error:
        raise failure(error, response.headers, query) from None


def kept(replies: Replies, readers: Readers, body: Any, given: Given, joined: Any) -> Answered | None:
    """The kept replies to the joins of a page, read. None for a page that `map` refuses. Raises `QueryError` Q515."""
    query, asked, status, headers, on_invalid = given
    responses = _responses(joined, readers, asked[-1].endpoints)
    if body.__class__ is dict and (rows := _of_rows(replies, readers, given, responses)) is not None:
        return Answered(Response(body, status, headers), rows)
    opened = _opened(replies, Response(body, status, headers), asked)
    if opened is None:
        return None
    response, bindings, endpoint, budget, told = opened
    joins = Joins(readers[endpoint.name], replies.scope(bindings, budget), query, on_invalid)
    joins.notes += [*told, *lacking(endpoint.joins, joins.scope, responses)]
    return Answered(response, joins.of_replies(responses))


def kept_of_rows(replies: Replies, readers: Readers, given: Given, joined: Any) -> Joined | None:
    """The same where nothing of the page itself is read; None where it is, and where several endpoints may reply."""
    return _of_rows(replies, readers, given, _responses(joined, readers, given[1][-1].endpoints))


def _of_rows(replies: Replies, readers: Readers, given: Given, responses: dict[str, list[Response]]) -> Joined | None:
    query, asked, status, headers, on_invalid = given
    only, settings, sent, now, parameters, one, of_caller, *_ = asked
    if only is None or any(one.reads_ids or one.join.name not in responses for one in readers[only]):
        return None
    bindings = settings, sent, headers, now, parameters, MISSING, status, one, of_caller
    return Joins(readers[only], replies.scope(bindings, JoinedBudget()), query, on_invalid).of_replies(responses)


def _opened(
    replies: Replies, response: Response, asked: Asked
) -> tuple[Response, tuple[Any, ...], Endpoint, JoinedBudget, Sequence[Diagnostic]] | None:
    """A reply whose body is read: its bindings, the endpoint that it is of, its budget, and what was mended of it.

    None for one without records, and for one with which something is wrong: that is told when it is mapped.
    """
    body, status, headers = response
    _, settings, sent, now, parameters, one, given, *_, plan = asked
    told: Sequence[Diagnostic] = ()
    try:
        if isinstance(body, (bytes, bytearray)):
            body, told = bodies.read(body, status)
            response = ReadResponse(body, status, headers)
        budget = JoinedBudget()
        bindings = settings, sent, headers, now, parameters, body, status, one, given
        fused, _ = replies.recognised(bindings, plan, [], budget)
    except FAILURES:
        return None
    return None if fused is None else (response, bindings, fused.endpoint, budget, told)


def _cut(endpoint: Endpoint, body: Any, query: Query, plan: Plan) -> Any:
    """The reply with only the rows of the page, where a limit cuts it and one plain path leads to them."""
    if plan.limit is None and not query.offset:
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
    stop = None if plan.limit is None else query.offset + plan.limit
    return _with(body, loops.outer, there[query.offset : stop])


def _with(holder: Any, path: Sequence[str], value: Any) -> Any:
    """A copy of an object with another value at a path."""
    return value if not path else {**holder, path[0]: _with(holder[path[0]], path[1:], value)}


def _responses(given: Any, readers: Readers, endpoints: Sequence[str]) -> dict[str, list[Response]]:
    """Kept replies to joins, by the joins' names."""
    known = [reader.join.name for name in endpoints for reader in readers[name]]
    if not isinstance(given, Mapping) or not all(isinstance(one, (list, tuple)) for one in given.values()):
        refuse("joined must be an object with the replies to each join in a list", 'such as {"users": [reply]}')
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) if isinstance(name, str) else None
            refuse(f"joined: there is no join {excerpt(name)}", hint)
    return {name: [_response(one) for one in replies] for name, replies in given.items()}


def _response(given: Any) -> Response:
    """A kept reply: a response, or its body alone."""
    return checked(given) if isinstance(given, Response) else Response(given)
