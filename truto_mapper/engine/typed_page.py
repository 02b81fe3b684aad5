"""A page made of rows that are still bytes, so that its records only have to be encoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from truto_mapper.engine.answer import Given, tells_zone
from truto_mapper.engine.cursor import MAX_CHECKED
from truto_mapper.engine.encoded import Encoded, encoded_list, list_format
from truto_mapper.engine.envelope import Envelope, envelope_of
from truto_mapper.engine.fused import Fused
from truto_mapper.engine.page import Page, Response
from truto_mapper.engine.query import Plan, Query
from truto_mapper.engine.rendering import Format
from truto_mapper.engine.replies import RESPONSE, Bindings, PageBudget, Replies, has_joins
from truto_mapper.engine.typed_json import UndecidedError
from truto_mapper.engine.unread import UnreadAnswer, UnreadResponse
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError

_new = tuple.__new__


class RawRows:
    """Makes pages of bytes without a dict for each row; `functions` are those of the endpoints."""

    def __init__(self, endpoints: Sequence[Endpoint], functions: Mapping[str, Fused]) -> None:
        self.envelope = envelope_of(endpoints, functions)

    def page(
        self, replies: Replies, body: bytes, given: Given, chosen: Format | None, joined: PageBudget | None = None
    ) -> tuple[Page[Any], Encoded] | None:
        """The page of a body and its bytes in a format; None where that needs the usual way."""
        name = list_format(body, given, chosen)
        page = None if name is None else self.only_page(replies, body, given, joined)
        try:
            return None if page is None or name is None else (page, encoded_list(page, name))
        except UndecidedError:
            return None

    def only_page(
        self, replies: Replies, body: bytes, given: Given, joined: PageBudget | None = None
    ) -> Page[Any] | None:
        """The page of a body with status 200, all of which is wanted."""
        if self.envelope is None or replies.trace is not None or given[2] != 200:
            return None
        try:
            return typed_page(replies, self.envelope, body, given, joined)
        except UndecidedError:
            return None


def typed_page(
    replies: Replies, envelope: Envelope, sent_body: bytes, given: Given, joined: PageBudget | None
) -> Page[Any]:
    """The page of a response with status 200; `answer.page_of` makes the same of a body that is read.

    Raises `UndecidedError` for one that has to take the usual way, which also says what is wrong with it.
    """
    query, asked, _, headers, on_invalid = given
    only, settings, before, now, parameters, one, given_body, sent, planned_zone, remote_data, _, notes, plan = asked
    if plan.method != "list":
        raise UndecidedError
    budget, body = PageBudget() if joined is None else joined, envelope.opened(sent_body, plan.endpoints)
    found: list[Diagnostic] = [*budget.notes]
    bindings = (settings, before, headers, now, parameters, body, 200, one, given_body)
    try:
        fused, reply = _recognised(replies, only, bindings, plan, found, budget)
        is_told = bool(found) and any(one.code != "P609" for one in found)
        if fused is None or is_told or (fused.joins and not has_joins(fused, replies, bindings, budget)):
            raise UndecidedError
        _, cursor, zone, _, key = reply
        if zone != planned_zone and planned_zone is not None and tells_zone(zone, fused):
            raise UndecidedError
        rows = envelope.rows_of(fused.name, body)
        made = fused.typed_records(rows, key, bindings, budget, remote_data, as_tuples=replies.are_stored)
        records, doubtful, is_usual, is_placed = made
        cursor = _following(replies, fused, query, bindings, cursor, rows, budget) if fused.has_pages else cursor
        if cursor is MISSING or cursor is None or cursor == "":
            cursor = None
        elif cursor.__class__ is not str or not cursor.isascii() or cursor == sent or len(cursor) > MAX_CHECKED:
            raise UndecidedError
    except MapperError:
        raise UndecidedError from None
    if plan.limit is not None and len(records) > plan.limit:
        raise UndecidedError
    if is_usual and is_placed and not doubtful:
        notes, resource, name = (*notes, *found) if found else notes, replies.mapping.resource, fused.name
        response = _new(Response, (body, 200, headers))  # as in `page_of`
        parts = (records, cursor, notes, (), response, query, resource, False, name, True, replies.cursors, "list")
        return _new(Page, (*parts, budget.replies, (), ()))
    response, found[:0] = UnreadResponse(bytes(sent_body), headers, body), notes
    answer = UnreadAnswer(replies, response, query, plan, bindings, found, budget, on_invalid)
    return answer.page(fused, envelope, rows, made, cursor, key)


def _recognised(
    replies: Replies, only: str | None, bindings: Bindings, plan: Plan, found: list[Diagnostic], budget: PageBudget
) -> tuple[Fused | None, Sequence[Any]]:
    """As `Replies.recognised`, which takes longer where `only` one endpoint can have replied."""
    if only is not None and bindings[RESPONSE].__class__ is dict:
        fused = replies.functions[only]
        reply = fused.reply(bindings, budget)
        if reply is not None and reply[0] is True:
            return fused, reply
    return replies.recognised(bindings, plan, found, budget)


def _following(
    replies: Replies, fused: Fused, query: Query | None, bindings: Bindings, cursor: Any, rows: Any, budget: PageBudget
) -> str | None:
    """The cursor of the next page; see `next_page.following`. Raises `UndecidedError` where there is more to say."""
    from truto_mapper.engine.next_page import following  # noqa: PLC0415  # few mappings need it

    told: list[Diagnostic] = []
    found, _ = following(replies, fused, query, bindings, cursor, rows, told, budget)
    if told:
        raise UndecidedError
    return found
