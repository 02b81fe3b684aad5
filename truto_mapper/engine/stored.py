"""Replies that were stored: each is mapped whole, and its records are only to be written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.engine import arguments
from truto_mapper.engine.answer import FAILURES, Given, failure, page_of
from truto_mapper.engine.page import Page, Response
from truto_mapper.engine.parts import Parts
from truto_mapper.engine.planner import AnyQuery, Context, Planner, plan_of
from truto_mapper.engine.query import Asked, Query
from truto_mapper.engine.replies import Replies
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, either, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.record import NamedTuple, replace

if TYPE_CHECKING:
    from truto_mapper.engine.typed_page import RawRows


#: A query, None for none, and what it asks.
Planned: TypeAlias = tuple[Query | None, Asked]


class Frame(NamedTuple):
    """What rows of an endpoint, joined by commas, need around them to be a reply of it.

    `at` is the JSON Pointer to the array of rows, and `is_nested` says whether a row holds those of an inner loop.
    """

    endpoint: str
    before: bytes
    after: bytes
    at: str
    is_nested: bool


class Stored:
    """Maps stored replies. A row that is invalid is rejected, and told in the diagnostics of its page.

    The records of a page are dicts, or tuples as `tabular` has them.
    """

    def __init__(
        self, parts: Parts, planner: Planner, replies: Replies, raw_rows: RawRows, only: str | None = None
    ) -> None:
        self.parts, self._planner, self._raw_rows, self._only = parts, planner, raw_rows, only
        self._replies = replace(replies, are_stored=True)

    def texts(self) -> list[tuple[str, str]]:
        """The names and texts that the mapper was made of, and the names of the caller's own functions."""
        sources = [*self.parts.sources, self.parts.spec, *self.parts.schemas.values()]
        called = [(name, getattr(one, "__qualname__", "")) for name, one in sorted(self.parts.functions.items())]
        return [(source.name, source.text) for source in sources] + called

    def frame(self, name: str) -> Frame:
        """What is around the rows of an endpoint in a reply of it.

        Raises `MappingError` M106 for an unknown name, and for an endpoint whose rows no plain path leads to.
        """
        endpoint = next((one for one in self.parts.mapping.endpoints if one.name == name), None)
        if endpoint is None:
            names = [one.name for one in self.parts.mapping.endpoints]
            hint = did_you_mean(name, names) or f"it has {either(names)}"
            raise MappingError(Diagnostic("M106", f"the mapping has no endpoint {excerpt(name)}", hint=hint))
        loops = self._replies.functions[name].loops
        if loops is None or endpoint.method != "list" or endpoint.decode is not None:
            message = f"the rows of {name} cannot be mapped alone: its for_each is more than a path to them"
            raise MappingError(Diagnostic("M106", message, hint="give its whole replies"))
        before = b"".join(b"{" + json.dumps(one).encode() + b":" for one in loops.outer)
        after = b"]" + b"}" * len(loops.outer)
        return Frame(name, before + b"[", after, json_pointer(loops.outer), loops.inner is not None)

    def only(self, name: str) -> Stored:
        """The same for replies that are known to be those of one endpoint."""
        unplanned = self._planner.unplanned
        unplanned = {**unplanned, "list": replace(unplanned["list"], endpoints=(name,))}
        planner, replies = replace(self._planner, unplanned=unplanned), replace(self._replies, unplanned=unplanned)
        return Stored(self.parts, planner, replies, self._raw_rows, name)

    def planned(self, query: AnyQuery | None, context: Context, now: str | None) -> Planned:
        """What a stored reply is mapped with: all of it is wanted, whatever part of it the caller got.

        Raises as `Mapper.plan` does.
        """
        parsed: Query | None = None
        if query is not None:
            asked = self._planner.asked(query, context, now, "refuse").query
            plan = replace(plan_of(asked), limit=None, raw=False, remote_data=True)
            if self._only in plan.endpoints:
                plan = replace(plan, endpoints=(self._only,))
            parsed = replace(asked, offset=0, digest=None, plan=plan)
            context = now = None
        return parsed, *self._planner.asked_again(parsed, context, now, "refuse", (None, None, None))[1:]

    def page(self, body: bytes, planned: Planned, status: int = 200) -> Page[Any]:
        """The page of a reply's bytes. The endpoint is recognised where there is no query. Raises as `map` does."""
        query, asked = planned
        given: Given = query, asked, arguments.status_of(status), {}, "discard_record"
        try:
            page = self._raw_rows.only_page(self._replies, body, given)
            return page or page_of(self._replies, body, *given, is_exact=True)
        except FAILURES as error:
            raise failure(error, query, reply=Response(body, status, {})) from None
