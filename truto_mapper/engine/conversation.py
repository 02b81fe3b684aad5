"""The pages of one exchange or stream: made of the responses that it receives, as records or as bytes."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from truto_mapper.engine import replies as replying
from truto_mapper.engine import requests
from truto_mapper.engine.answer import FAILURES, Given, failure, page_of
from truto_mapper.engine.encoded import Encoded, encoded
from truto_mapper.engine.page import OnInvalid, Page, Request, Response
from truto_mapper.engine.planner import plan_of
from truto_mapper.engine.query import Query, asked_of
from truto_mapper.engine.rendering import Format
from truto_mapper.engine.replies import PageBudget, Replies
from truto_mapper.language.expression import Scope
from truto_mapper.language.runtime.values import MISSING, Budget
from truto_mapper.text.record import NamedTuple

if TYPE_CHECKING:
    from truto_mapper.engine.joining import Answered, Joining


class Told(NamedTuple):
    """What a reply says about paging, None for what it does not say.

    `rows` is how many rows of the outermost `for_each` it has, `total` how many all pages have together.
    """

    rows: int | None = None
    number: Any = None
    total: int | None = None


class Pages:
    """The pages of a conversation. `mapped` is `Mapper.map`; `joining` is None for a mapping without joins."""

    is_exact = False

    def __init__(
        self, replies: Replies, joining: Joining | None, mapped: Callable[..., Any], on_invalid: OnInvalid
    ) -> None:
        self.replies, self.joining, self.mapped = replies, joining, mapped
        self.on_invalid: OnInvalid = on_invalid

    def joined(self, request: Request, response: Response | None) -> Generator[Request, Response, Answered | None]:
        """The requests of the joins of a reply; None where there are none."""
        if self.joining is None or response is None:
            return None
        return (yield from self.joining.asking(self.on_invalid, request, response, is_exact=self.is_exact))

    def answered(self, request: Request, response: Response | None, answered: Answered | None) -> Page[Any]:
        """The page of a response, and of those to its joins, or of a call that is skipped."""
        if answered is not None and self.joining is not None:
            return self.joining.answered(self.on_invalid, request, answered)
        if response is not None:
            return self.made(request, response)
        try:
            if self.joining is None:
                return _static(self.replies, request.query, self.on_invalid)
            return _static(self.joining.replies, request.query, self.on_invalid, self.joining.unasked())
        except FAILURES as error:
            raise failure(error, request.query) from None

    def made(self, request: Request, response: Response) -> Page[Any]:
        """The page of a response without joins."""
        body, status, headers = response
        given = {"query": request.query, "status": status, "headers": headers, "on_invalid": self.on_invalid}
        return self.mapped(body, **given)  # type: ignore[no-any-return]  # of `map`

    def shown(self, page: Page[Any], response: Response | None) -> Any:  # noqa: ARG002  # it is for bytes
        """The page as the driver gets it; `response` is that to its own request."""
        return page

    def told(self, page: Page[Any]) -> Told:
        """What the reply of a page says about paging."""
        if page.endpoint is None or page.query is None:
            return Told()
        plan, endpoint = plan_of(page.query), self.replies.functions[page.endpoint].endpoint
        body, status, headers = getattr(page.response, "opened", page.response)  # its rows may be bytes
        names = requests.bindings(page.query, plan.settings, plan.now)
        names |= {"response": body, "status": status, "headers": headers}
        return Told(*replying.paging(endpoint, Scope(body, names, budget=Budget())))


class EncodedPages(Pages):
    """The pages of a conversation as bytes. `typed` makes some at once."""

    is_exact = True

    def __init__(
        self,
        replies: Replies,
        joining: Joining | None,
        given: Callable[..., Given],
        typed: Callable[..., tuple[Page[Any], Encoded] | None],
        on_invalid: OnInvalid,
        format_: Format | None,
    ) -> None:
        super().__init__(replies, joining, given, on_invalid)
        self.typed, self.format = typed, format_
        self._encoded: Encoded | None = None

    def made(self, request: Request, response: Response) -> Page[Any]:
        body, status, headers = response
        try:
            given: Given = self.mapped(request.query, None, None, status, headers, self.on_invalid, "refuse")
            typed = self.typed(body, given, self.format, None)
            if typed is None:
                return page_of(self.replies, body, *given, is_exact=True)
        except FAILURES as error:
            raise failure(error, headers, request.query, reply=response) from None
        page, self._encoded = typed
        return page

    def shown(self, page: Page[Any], response: Response | None) -> Encoded:
        made, self._encoded = self._encoded, None
        if made is None:
            return encoded(page, self.format, None if response is None else response.body)
        return made._replace(diagnostics=page.diagnostics, next_cursor=page.next_cursor)  # a stream may have changed it


def _static(replies: Replies, query: Query, on_invalid: OnInvalid, joined: PageBudget | None = None) -> Page[Any]:
    """The page of a call that is skipped: the mapped static_response, or no records."""
    plan, mapping = plan_of(query), replies.mapping
    body = requests.static_response(mapping, query, plan.settings, plan.now, replies.trace)
    if body is MISSING:
        parts = (), None, query.notes, (), Response(None), query, mapping.resource
        return Page(*parts, is_asked=False, method=query.method)
    asked = asked_of(query, plan, plan.settings, plan.now)
    page = page_of(replies, body, query, asked, 200, {}, on_invalid, joined=joined)._replace(is_asked=False)
    return page._replace(following=None) if plan.first is not None and isinstance(page.following, str) else page
