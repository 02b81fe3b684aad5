"""The calls of a client as generators: what `Client` and `AsyncClient` share."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from truto_mapper.edges.client.account import Account
from truto_mapper.edges.client.auth import OAuth
from truto_mapper.edges.client.messages import Reply
from truto_mapper.edges.client.retries import retry_after
from truto_mapper.edges.client.steps import Alone, Sending, Steps, later
from truto_mapper.engine import decimals, zones
from truto_mapper.engine.encoded import Encoded
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.of_one import Method
from truto_mapper.engine.page import OnInvalid, Request, Response
from truto_mapper.engine.planner import AnyQuery
from truto_mapper.engine.query import OnUnknown
from truto_mapper.engine.redaction import Redaction
from truto_mapper.engine.rendering import Format
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError, ProviderError

#: The records of `get`, `update` and `delete` have an id, `create` and `update` a body.
Body = Mapping[str, Any] | None
Id = str | int | None


class End(Exception):  # noqa: N818  # it is no error
    """A conversation is over; it has the `value` that it returned."""

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass(slots=True)
class Talk:
    """A conversation of the mapper, and the request without a reply: after an interruption it is sent again."""

    calls: Calls
    account: Account
    conversation: Any
    asked: Request | None = None
    reply: Reply | None = None

    def item(self) -> Steps[Any]:
        """The next item that is no request. Raises `End` after the last one, and `MapperError` without credentials."""
        try:
            return (yield from self._item())
        except MapperError as error:
            raise self._told(error) from None

    def _item(self) -> Steps[Any]:
        item = self.asked or self._sent(None)
        while isinstance(item, Request):
            self.asked = item
            try:
                self.reply = yield from self.calls.sending.answered(self.account, item)
            except MapperError as error:
                self.asked = None
                self.conversation.throw(error)
                raise
            self.asked = None
            item = self._sent(self.reply)
        return item

    def _sent(self, reply: Reply | None) -> Any:
        try:
            return self.conversation.send(reply)
        except StopIteration as end:
            raise End(end.value) from None

    def _told(self, error: MapperError) -> MapperError:
        """An error without the credentials, and with the time to come back."""
        hidden = redaction_of(self.account)
        error.diagnostics = hidden.diagnostics(error.diagnostics)
        if isinstance(error, ProviderError) and error.response is not None:
            body, status, headers = error.response
            error.response = Response(hidden.of(body), status, hidden.of(headers))
        if isinstance(error, ProviderError) and self.reply is not None:
            now = self.calls.sending.now()
            wait = retry_after(self.reply.header("retry-after"), now)
            if wait is not None and error.retry_after is None:
                error.retry_after = math.ceil(wait)
            if wait is not None and error.status == self.reply.status:
                error.diagnostics = _with_hint(error.diagnostics, f"try again {later(now, wait)}")
        error.args, self.reply = (error.diagnostics,), None
        return error


def _with_hint(found: tuple[Diagnostic, ...], hint: str) -> tuple[Diagnostic, ...]:
    first, *rest = found
    return replace(first, hint=f"{first.hint}; {hint}" if first.hint else hint), *rest


@dataclass(slots=True)
class Calls:
    """What a client calls with: the mapper, the account as far as it is known, and how requests are sent."""

    mapper: Mapper[Any]
    account: Account
    sending: Sending
    on_invalid: OnInvalid = "raise"
    on_unknown: OnUnknown = "refuse"
    on_page: Callable[[Any], object] | None = None
    on_context: Callable[[Account], object] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def page(self, query: AnyQuery, method: Method = "list", id_: Id = None, body: Body = None) -> Steps[Any]:
        """One page."""
        yield from self.zone(query, method)
        given = self._given() | {"id": id_, "body": body, "method": method}
        return (yield from self._one(self.mapper.exchange(query, **given)))

    def encoded(self, query: AnyQuery, method: Method, id_: Id, body: Body, format_: Format | None) -> Steps[Any]:
        """The bytes of one page."""
        yield from self.zone(query, method)
        given = self._given() | {"id": id_, "body": body, "method": method, "format": format_}
        made = yield from self._one(self.mapper.exchange_bytes(query, **given))
        return debugged(made, self.account) if "debug" in (format_ or str(query)) else made

    def stream(self, query: AnyQuery, *, is_bytes: bool) -> Steps[Talk]:
        """The conversation of all pages."""
        yield from self.zone(query, "list")
        make = self.mapper.stream_bytes if is_bytes else self.mapper.stream
        return Talk(self, self.account, make(query, **self._given()))

    def told(self, page: Any) -> Any:
        """A page, told to the hook."""
        if self.on_page is not None:
            self.on_page(page)
        return page

    def _one(self, conversation: Generator[Request, Any, Any]) -> Steps[Any]:
        try:
            yield from Talk(self, self.account, conversation).item()
        except End as end:
            return self.told(end.value)

    def _given(self) -> dict[str, Any]:
        chosen = {"on_invalid": self.on_invalid, "on_unknown": self.on_unknown}
        return {"context": self.account.context, "now": self.sending.now().isoformat(timespec="seconds"), **chosen}

    # ── The time zone ────────────────────────────────────────────────────────────────────────────────────────────

    def zone(self, query: AnyQuery, method: Method) -> Steps[None]:
        """Find the account's time zone if it is unknown and the query needs it."""
        if method != "list" or zones.unknown(self.mapper, self.account.context) is None:
            return
        now = self.sending.now().isoformat()
        if zones.is_needed(self.mapper, query, self.account.context, now):
            yield Alone(self.lock, self._found())

    def _found(self) -> Steps[None]:
        """Ask for the time zone, unless another call did."""
        setting = zones.unknown(self.mapper, self.account.context)
        if setting is None:
            return
        talk = Talk(self, self.account, zones.asking(self.mapper, self.account.context, self.sending.now()))
        try:
            yield from talk.item()
        except End as end:
            if end.value is not None:
                self.account = replace(self.account, context={**self.account.context, setting: end.value})
                if self.on_context is not None:
                    self.on_context(self.account)
        except ProviderError as error:
            if error.code == "P601":
                message = f"the account's {setting} could not be found"
                found = Diagnostic("P619", message, hint=f"give the {setting} in the account's context")
                error.diagnostics = (*error.diagnostics, found)
            raise


def redaction_of(account: Account) -> Redaction:
    """What hides the credentials of an account."""
    auth = account.auth
    held: list[Any] = [] if auth is None else [{"authorization": auth.header}]
    held += [{"token": auth.token}] if isinstance(auth, OAuth) else []
    return Redaction(dict(account.context), *held)


def debugged(page: Encoded, account: Account) -> Encoded:
    """A page in the format "debug" with the whole URL of its request, and without the account's credentials."""
    made = json.loads(page.body, parse_float=decimals.number)
    if not isinstance(made, dict) or not isinstance(made.get("debug"), dict):
        return page
    told = made["debug"]
    if "requestUrl" in told:
        told["requestUrl"] = account.origin + account.base_path + told["requestUrl"]
    made["debug"] = redaction_of(account).of(told)
    return page._replace(body=decimals.dumps(made).encode())


@dataclass(slots=True)
class Pages:
    """The pages of a query, or their bytes. `cursor` goes on from the page that is next or has failed."""

    calls: Calls
    query: AnyQuery
    is_bytes: bool = False
    talk: Talk | None = None
    #: Whether the last page was given, and whether any was.
    is_done: bool = False
    is_started: bool = False

    @property
    def cursor(self) -> str | None:
        """The cursor to go on from, as `next_cursor` of the same query; None at the beginning and after the end."""
        if self.talk is not None and self.talk.conversation.cursor is not None:
            return self.talk.conversation.cursor  # type: ignore[no-any-return]  # a text or None
        if self.is_done or (self.talk is not None and self.is_started):
            return None
        given = self.query if isinstance(self.query, Mapping) else dict(parse_qsl(self.query))
        return given.get("next_cursor")

    def following(self) -> Steps[Any]:
        """The next page. Raises `End` after the last one."""
        if self.talk is None:
            self.talk = yield from self.calls.stream(self.query, is_bytes=self.is_bytes)
        try:
            page = yield from self.talk.item()
        except End:
            self.is_done = True
            raise
        self.is_started = True
        return self.calls.told(page)
