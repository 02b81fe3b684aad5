"""A mock that tests ask in process, with a clock of their own."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2

from truto_mapper import Page, Request, Response
from truto_mapper.edges.mock import KEY, SECRET

NOON = datetime(2026, 11, 26, 17, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now

    def wait(self, **time):
        self.now += timedelta(**time)


@dataclass
class Asker:
    """Asks an app in process, one call after another."""

    app: object
    runner: asyncio.Runner

    def __call__(self, method, path, auth=(KEY, SECRET), **more):
        return self.runner.run(self._ask(method, path, auth=auth, **more))

    async def _ask(self, method, path, **more):
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gong.test") as client:
            return await client.request(method, path, **more)

    def post(self, path, *, cursor=None, period=None, **filter_):
        """The reply to a question, whose filter is given."""
        body = {"filter": filter_} | ({"cursor": cursor} if cursor else {})
        return self("POST", path, json=body | ({"aggregationPeriod": period} if period else {}))

    def rows(self, path, key, **asked):
        """The rows of all pages; none if nothing was found."""
        found, cursor = [], None
        while True:
            reply = self.post(path, cursor=cursor, **asked)
            if reply.status_code == 404:
                return found
            assert reply.status_code == 200, reply.text
            found += reply.json()[key]
            cursor = reply.json()["records"].get("cursor")
            if cursor is None:
                return found

    def send(self, request: Request) -> Response:
        """The response to a planned request."""
        reply = self(request.method, request.path, params=request.params, json=request.body)
        return Response(reply.content, reply.status_code, dict(reply.headers))

    def pages(self, mapper, query, **choices):
        """All pages of a query."""
        stream, found = mapper.stream(query, **choices), []
        item = next(stream, None)
        while item is not None:
            if isinstance(item, Page):
                found.append(item)
                item = next(stream, None)
            else:
                item = stream.send(self.send(item))
        return found
