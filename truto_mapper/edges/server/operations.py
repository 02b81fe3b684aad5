"""The unified endpoints: a path of a resource, with its methods, over the mappings of its integrations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any
from urllib.parse import unquote

from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from truto_mapper.edges.server import answers, bodies
from truto_mapper.edges.server.callers import Callers
from truto_mapper.edges.server.calls import KEY, Call
from truto_mapper.edges.server.clients import Clients
from truto_mapper.edges.server.errors import StoreError
from truto_mapper.edges.server.pages import Asked, Pages
from truto_mapper.edges.server.refusals import Headers, Refused
from truto_mapper.edges.server.tokens import Grant
from truto_mapper.engine.encoded import JSON, NDJSON
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.query_string import split_query_string
from truto_mapper.mapping.linked import WITH_BODY
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import MapperError, QueryError
from truto_mapper.text.record import NamedTuple

#: The parameter that names the account, and that which names the format.
ACCOUNT, FORMAT = "integrated_account_id", "truto_response_format"

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


class UnifiedRoute(Route):
    """A route whose id is a part of the path as it was sent: a `%2F` in it separates nothing."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match the path before its escapes are decoded."""
        if scope["type"] == "http" and (raw := scope.get("raw_path")):
            scope = {**scope, "path": raw.partition(b"?")[0].decode("latin-1")}
        match, child = super().matches(scope)
        if match is not Match.NONE:
            given = child["path_params"]
            child["path_params"] = {name: unquote(value, errors="surrogateescape") for name, value in given.items()}
        return match, child


class Shared(NamedTuple):
    """What all endpoints of a service share."""

    callers: Callers
    clients: Clients
    pages: Pages


class Operations:
    """The methods of one path, as an ASGI application. `methods` are the resource's by HTTP's."""

    def __init__(self, path: str, shared: Shared) -> None:
        self.path, self.shared = path, shared
        self.methods: dict[str, str] = {}
        self.mappers: dict[str, Mapper[Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope[KEY]
        call.route = self.path
        if scope["method"] == "OPTIONS":
            await answers.respond(scope, send, b"", None, status=204, headers=self._allow())
            return
        grant = await self.shared.callers.grant(scope)
        with self.shared.pages.place(grant.token):
            await self.shared.pages.answer(scope, receive, send, await self._asked(scope, receive, grant))

    def _allow(self) -> Headers:
        verbs = [*self.methods, *(["HEAD"] if "GET" in self.methods else []), "OPTIONS"]
        return [(b"allow", ", ".join(verbs).encode())]

    async def _asked(self, scope: Scope, receive: Receive, grant: Grant) -> Asked:
        """What is asked. Raises `Refused` and `QueryError` for what may not be, or cannot be read."""
        call: Call = scope[KEY]
        method = call.method = self.methods.get("GET" if call.is_head else scope["method"])
        if method is None:
            raise Refused(405, f"{self.path} has no method {scope['method'][:20]}", self._allow())
        query = _query(scope)
        _check_accept(scope, query)
        account_id = self._account_id(query, method)
        _check_method(grant, method)
        account = await self.shared.callers.account(grant, account_id)
        call.account = query[ACCOUNT] = account.id
        mapper = self.mappers.get(account.integration)
        if mapper is None:
            known = ", ".join(sorted(self.mappers))
            raise Refused(400, f"{self.path} is for accounts of {known}, and this one is of {account.integration}")
        body = await bodies.read_json(scope, receive) if method in WITH_BODY else None
        client = self.shared.clients.of(mapper, account)
        check = partial(self._check, scope, method, account.id)
        return Asked(call, client, method, query, scope["path_params"].get("id"), body, check)

    async def _check(self, scope: Scope, method: str, account_id: str) -> None:
        """Refuse to go on with a call whose token or account was removed meanwhile."""
        with suppress(StoreError):  # a call that was let in does not end because the store has a pause
            grant = await self.shared.callers.grant(scope)
            _check_method(grant, method)
            await self.shared.callers.account(grant, account_id)

    def _account_id(self, query: Mapping[str, Any], method: str) -> str:
        """The account that a query names. Raises `QueryError`, with what else is wrong if no account is named."""
        given = query.get(ACCOUNT, "")
        if isinstance(given, str) and _UUID.fullmatch(given):
            return given.lower()
        if given == "":
            message, code = f"{ACCOUNT} is required: the id of the account to ask", "Q503"
        else:
            message, code = f"{ACCOUNT} must be a UUID, this is {excerpt(given)}", "Q504"
        found = [Diagnostic(code, message, pointer=f"/{ACCOUNT}"), *self._other_mistakes(query, method)]
        raise QueryError(found)

    def _other_mistakes(self, query: Mapping[str, Any], method: str) -> list[Diagnostic]:
        """What is wrong with a query besides its account, if there is only one mapping that may serve it."""
        if len(self.mappers) != 1 or method != "list":
            return []
        (mapper,) = self.mappers.values()
        rest = {name: value for name, value in query.items() if name not in (ACCOUNT, "next_cursor")}
        try:
            mapper.plan(rest)
        except QueryError as error:
            return [found for found in error.diagnostics if found.code != "Q509"]
        except MapperError:
            pass
        return []


def _check_method(grant: Grant, method: str) -> None:
    if not grant.has_method(method):
        raise Refused(403, f"this token is not for `{method}`, only for {', '.join(sorted(grant.methods))}")


def _query(scope: Scope) -> dict[str, Any]:
    """The parameters in the URL as it was sent. Raises `QueryError` Q501."""
    try:
        text = scope["query_string"].decode()
    except UnicodeDecodeError:
        message = "the query string is not UTF-8"
        raise QueryError(Diagnostic("Q501", message, hint="write é as %C3%A9")) from None
    return split_query_string(text)


def _check_accept(scope: Scope, query: Mapping[str, Any]) -> None:
    """Refuse a call whose answer the caller would not take. What `raw` gives is not known before."""
    wanted = query.get(FORMAT)
    kinds = (NDJSON, JSON) if wanted == "stream" else (JSON,)  # lines of JSON are fine for who takes JSON
    if wanted != "raw" and not answers.accepts(scope, kinds):
        raise Refused(406, f"the answer is {kinds[0]}, which the request's `Accept` does not take")
