"""A Gong that runs locally: an ASGI app over one company whose endpoints agree with each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from truto_mapper.edges.mock import profiles, stats
from truto_mapper.edges.mock.company import Company
from truto_mapper.edges.mock.faults import Faults, fault_of, with_faults
from truto_mapper.edges.mock.pages import CURSOR_SECONDS, PAGE, Cursors, Kept
from truto_mapper.edges.mock.people import User, identity
from truto_mapper.edges.mock.requests import (
    ACTIONS,
    CREDENTIALS,
    DETAILED,
    INTERACTION,
    MAX_BODY,
    USERS,
    Credential,
    Gate,
    RefusedError,
    body_of,
    request_schema,
    whole_days,
)
from truto_mapper.engine import arguments
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source
from truto_mapper.text.timestamps import is_time_zone

JSON = dict[str, Any]
Clock = Callable[[], datetime]

#: The most users that a company may have, and the bytes of rendered pages that are kept.
MAX_USERS, ROOM = 100_000, 64_000_000

#: The most days on a page: with more than 400 days for each user it has fewer users.
MAX_DAYS = 40_000

#: How many lists of users are kept, each of those that a question is about.
_LISTS = 64


class Statistic(NamedTuple):
    """An endpoint of statistics: `rows` and `told` are the names of its rows and of what a row tells of a user."""

    path: str
    scope: str
    schema: str
    rows: str
    told: str
    tells: stats.Tells
    has_row: Callable[[Company, User, int, int], bool] = Company.was_active
    is_dated: bool = False
    is_daily: bool = False
    what: str = "activity"


_STATISTICS = (
    Statistic(
        "/v2/stats/activity/aggregate",
        ACTIONS,
        "aggregate-request",
        "usersAggregateActivityStats",
        "userAggregateActivityStats",
        stats.total,
        is_dated=True,
    ),
    Statistic(
        "/v2/stats/activity/aggregate-by-period",
        ACTIONS,
        "by-period-request",
        "usersAggregateActivity",
        "userAggregateActivity",
        stats.by_period,
    ),
    Statistic(
        "/v2/stats/activity/day-by-day",
        DETAILED,
        "day-by-day-request",
        "usersDetailedActivities",
        "userDailyActivityStats",
        stats.day_by_day,
        is_daily=True,
    ),
    Statistic(
        "/v2/stats/interaction",
        INTERACTION,
        "interaction-request",
        "peopleInteractionStats",
        "personInteractionStats",
        stats.interaction,
        has_row=Company.was_host,
        is_dated=True,
        what="stats",
    ),
)


#: The schema of the body that asks for some users.
_OF_USERS = "users-request"


class Asked(NamedTuple):
    """A question for a list: `about` tells it from any other, `rows` is what its rows are called.

    `size` is how many users a page has.
    """

    about: JSON
    cursor: str | None
    fault: str | None
    rows: str
    what: str
    size: int = PAGE


def clock() -> datetime:
    """The time."""
    return datetime.now(UTC)


def gong(
    *,
    seed: int = 1,
    users: int = 250,
    zone: str = "America/New_York",
    faults: Path | Source | None = None,
    limits: bool = True,
    now: Clock = clock,
    credentials: Collection[Credential] = CREDENTIALS,
    cursor_seconds: int = CURSOR_SECONDS,
) -> ASGIApp:
    """The mock as an ASGI app.

    The same `seed`, number of `users` and `zone` make the same company. `faults` is a file of rules, `limits` whether 3
    calls a second and 10,000 a day are all that is answered. `now` is the clock; its days end the data. `credentials`
    are those that are accepted. Raises `QueryError` Q515 for what no company can have, `MappingError` for wrong rules.
    """
    if not 1 <= users <= MAX_USERS:
        arguments.refuse(f"users must be from 1 to {MAX_USERS:,}, not {users}")
    if not is_time_zone(zone):
        arguments.refuse(f"zone must be an IANA time zone such as Europe/Berlin, not {zone}")
    made = _Gong(Company(seed, users, zone), Gate(credentials, now, limits=limits), Cursors(seed, now, cursor_seconds))
    return with_faults(made.app(), Faults.read(faults, of_pages=True), made.refusal)


class _Gong:
    """The endpoints over one company."""

    def __init__(self, company: Company, gate: Gate, cursors: Cursors) -> None:
        self._company, self._gate, self._cursors = company, gate, cursors
        self._numbers = count(1)
        self._found: Kept[Sequence[User]] = Kept(_LISTS, lambda _: 1)
        self._pages: Kept[bytes] = Kept(ROOM, len)
        self._schemas = {name: request_schema(name) for name in (*(one.schema for one in _STATISTICS), _OF_USERS)}

    def app(self) -> Starlette:
        """The routes."""
        routes = [Route(one.path, partial(self._statistic, one), methods=["POST"]) for one in _STATISTICS]
        routes += [
            Route("/v2/users", self._users, methods=["GET"]),
            Route("/v2/users/extensive", self._some_users, methods=["POST"]),
            Route("/v2/users/{id}", self._user, methods=["GET"]),
        ]
        made = Starlette(
            routes=routes, exception_handlers={RefusedError: self._refused, HTTPException: self._no_endpoint}
        )
        made.router.redirect_slashes = False
        return made

    # ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def refusal(self, error: RefusedError) -> Response:
        """The answer that a call is refused with."""
        return self._answer({"errors": list(error.errors)}, status=error.status, headers=error.headers)

    async def _refused(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)  # noqa: S101  # starlette gives what the handler is for
        return self.refusal(error)

    async def _no_endpoint(self, request: Request, _: Exception) -> Response:
        path = request.url.path
        what = f"endpoint found for {request.method} {path}" if path.startswith("/v2/") else f"such API version: {path}"
        return self.refusal(RefusedError(404, f"No {what}"))

    def _answer(self, body: JSON, rows: bytes = b"", *, status: int = 200, headers: JSON | None = None) -> Response:
        """An answer; `rows` is the rest of its object, if it is rendered already."""
        trace = _base36(identity(self._company.seed, next(self._numbers)))
        data = json.dumps({"requestId": trace} | body).encode()
        named = {"x-traceid": trace, "content-type": "application/json;charset=UTF-8"} | (headers or {})
        return Response(data[:-1] + rows + b"}" if rows else data, status, named)

    def _list(
        self, asked: Asked, find: Callable[[], Sequence[User]], show: Callable[[User], str], **more: Any
    ) -> Response:
        """A page of the users that `find` gives, each as the JSON that `show` makes; `more` comes along."""
        page = self._cursors.page(asked.about, asked.cursor)
        about = json.dumps(asked.about, sort_keys=True)
        today = self._company.today(self._gate.now())  # tomorrow there are other users
        found = self._found.get((about, today), find)
        if not found:
            raise RefusedError(404, f"No {asked.what} found corresponding to the provided filters")
        if asked.fault == "changed":  # somebody of an earlier page is gone
            found = found[1:]
        shown = found[page * asked.size : (page + 1) * asked.size]
        key = about, today, page, asked.fault
        rows = self._pages.get(key, lambda: ", ".join(map(show, shown)).encode())
        records: JSON = {"totalRecords": len(found), "currentPageSize": len(shown), "currentPageNumber": page}
        if (following := page if asked.fault == "repeat-cursor" else page + 1) * asked.size < len(found):
            records["cursor"] = self._cursors.seal(asked.about, following)
        return self._answer({"records": records} | more, b', "%s": [%s]' % (asked.rows.encode(), rows))

    # ── Questions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _let_in(self, request: Request, scope: str) -> int:
        """Check the credentials of a call; the day it is. Raises `RefusedError`."""
        if scope not in self._gate.scopes(request.headers.get("authorization")):
            raise RefusedError(401, f"You don't have permission to use '{scope}' in your app.")
        return self._company.today(self._gate.now())

    async def _statistic(self, of: Statistic, request: Request) -> Response:
        today = self._let_in(request, of.scope)
        body = body_of(await _read(request), self._schemas[of.schema])
        first, last = whole_days(body, today)
        company, asked = self._company, body["filter"]
        days = stats.since_founded(first, last)
        unit = body.get("aggregationPeriod")
        about = {"path": of.path, "unit": unit, "filter": _known(asked)}
        told = partial(of.tells, company, *days, unit)
        size = max(1, min(PAGE, MAX_DAYS // (days[1] - days[0]))) if unit == "DAY" or of.is_daily else PAGE
        more = stats.dated(company, first, last) if of.is_dated else {}
        return self._list(
            Asked(about, body.get("cursor"), fault_of(request), of.rows, of.what, size),
            lambda: [user for user in self._named(asked) if of.has_row(company, user, *days)],
            lambda user: stats.row(user, of.told, told(user)),
            **more,
        )

    async def _users(self, request: Request) -> Response:
        today = self._let_in(request, USERS)
        avatars = request.query_params.get("includeAvatars", "false").lower()
        if avatars not in ("true", "false"):
            raise RefusedError(400, f"includeAvatars must be true or false, not {avatars}")
        return self._profiles(request, today, {"includeAvatars": avatars == "true"}, request.query_params.get("cursor"))

    async def _some_users(self, request: Request) -> Response:
        today = self._let_in(request, USERS)
        body = body_of(await _read(request), self._schemas[_OF_USERS])
        return self._profiles(request, today, body["filter"], body.get("cursor"))

    def _profiles(self, request: Request, today: int, asked: JSON, cursor: str | None) -> Response:
        company, avatars = self._company, asked.get("includeAvatars", False)
        about = {"path": request.url.path, "filter": _known(asked)}
        return self._list(
            Asked(about, cursor, fault_of(request), "users", "users"),
            lambda: [one for one in self._named(asked) if one.hired <= today and (avatars or not one.is_avatar)],
            lambda user: json.dumps(profiles.profile(company, user, today), ensure_ascii=False),
        )

    async def _user(self, request: Request) -> Response:
        today = self._let_in(request, USERS)
        user = self._company.by_id.get(request.path_params["id"])
        if user is None or user.is_avatar or user.hired > today:
            raise RefusedError(404, "User not found")
        return self._answer({"user": profiles.profile(self._company, user, today)})

    def _named(self, asked: JSON) -> Iterator[User]:
        """The users that a filter is about."""
        ids = frozenset(asked.get("userIds") or self._company.by_id)
        was_added = profiles.added_in(self._company, asked)
        return (user for user in self._company.users if user.id in ids and was_added(user))


#: What a filter may say; everything else in it is ignored.
_FILTERS = ("fromDate", "toDate", "userIds", "createdFromDateTime", "createdToDateTime", "includeAvatars")


def _known(asked: JSON) -> JSON:
    return {name: asked[name] for name in _FILTERS if name in asked}


async def _read(request: Request) -> bytes:
    """The body of a call. Raises `RefusedError` 413 if it is too large."""
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY:
            raise RefusedError(413, f"The body is larger than {MAX_BODY:,} bytes")
    return data


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
