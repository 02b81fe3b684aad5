"""Replies that were stored: each is mapped whole, and its records are only to be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from truto_mapper.engine.answer import FAILURES, Given, failure, page_of
from truto_mapper.engine.page import Page, Response
from truto_mapper.engine.planner import AnyQuery, Context, Planner, plan_of
from truto_mapper.engine.query import Query
from truto_mapper.engine.replies import Replies
from truto_mapper.text.record import replace

if TYPE_CHECKING:
    from truto_mapper.engine.typed_page import RawRows


class Stored:
    """Maps stored replies. A row that is invalid is rejected, and told in the diagnostics of its page.

    With msgspec installed the records of a page may be objects of it: they have the fields of the record as attributes,
    and `get`; None is no value, a tuple an array, and `remote_data` is the provider's bytes.
    """

    def __init__(self, planner: Planner, given: Callable[..., Given], replies: Replies, raw_rows: RawRows) -> None:
        self.planner, self._given, self._replies, self._raw_rows = planner, given, replies, raw_rows

    def query(self, query: AnyQuery, context: Context, now: str | None) -> Query:
        """The query of a stored reply: all of the reply is wanted, whatever part of it the caller got.

        Raises as `Mapper.plan` does.
        """
        asked = self.planner.asked(query, context, now, "refuse").query
        plan = replace(plan_of(asked), limit=None, raw=False)
        return replace(asked, offset=0, digest=None, plan=plan)

    def page(
        self,
        body: bytes,
        query: Query | None = None,
        context: Context = None,
        now: str | None = None,
        status: int = 200,
    ) -> Page[Any]:
        """The page of a reply's bytes; the endpoint is recognised where there is no `query`. Raises as `map` does."""
        try:
            given = self._given(query, context, now, status, None, "discard_record", "refuse")
            page = self._raw_rows.only_page(self._replies, body, given)
            return page or page_of(self._replies, body, *given, is_exact=True)
        except FAILURES as error:
            raise failure(error, context, query, reply=Response(body, status, {})) from None
