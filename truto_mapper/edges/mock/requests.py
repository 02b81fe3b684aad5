"""What a call to the mock is refused for: credentials, scopes, limits, the body, the dates."""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from truto_mapper.resource.json_schema import Problem, Schema
from truto_mapper.text import files
from truto_mapper.text.pointers import dotted

JSON = dict[str, Any]

#: The scopes of the endpoints.
ACTIONS, DETAILED = "api:stats:user-actions", "api:stats:user-actions:detailed"
INTERACTION, USERS = "api:stats:interaction", "api:users:read"
SCOPES = (ACTIONS, DETAILED, INTERACTION, USERS)

#: How many calls a company has in a second and in a day.
A_SECOND, A_DAY = 3, 10_000

#: The first day that may be asked for.
_EPOCH = date(1970, 1, 1).toordinal()

#: The largest body that is read.
MAX_BODY = 1_000_000


class RefusedError(Exception):
    """A call that is answered with an error: its status, Gong's words and further headers."""

    def __init__(self, status: int, *errors: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, errors)
        self.status, self.errors, self.headers = status, errors, headers or {}


@dataclass(frozen=True, slots=True)
class Credential:
    """What an `Authorization` header may be, and the scopes that it has."""

    authorization: str = field(repr=False)
    scopes: frozenset[str] = frozenset(SCOPES)

    @classmethod
    def basic(cls, key: str, secret: str, scopes: Iterable[str] = SCOPES) -> Credential:
        """An access key and its secret."""
        sealed = base64.b64encode(f"{key}:{secret}".encode()).decode()
        return cls(f"Basic {sealed}", frozenset(scopes))

    @classmethod
    def bearer(cls, token: str, scopes: Iterable[str] = SCOPES) -> Credential:
        """A token of OAuth."""
        return cls(f"Bearer {token}", frozenset(scopes))


#: The key and the token with which the mock can be asked if none are given.
KEY, SECRET, TOKEN = "mock-key", "mock-secret", "mock-token"
CREDENTIALS = (Credential.basic(KEY, SECRET), Credential.bearer(TOKEN))


class Gate:
    """Lets calls through that have credentials, at no more than Gong's rate. `now` is the clock."""

    def __init__(self, credentials: Collection[Credential], now: Callable[[], datetime], *, limits: bool) -> None:
        self._scopes = {_normal(one.authorization): one.scopes for one in credentials}
        self.now, self._limits = now, limits
        self._recent: deque[datetime] = deque(maxlen=A_SECOND)
        self._today, self._calls = now().astimezone(UTC).date(), 0

    def scopes(self, authorization: str | None) -> frozenset[str]:
        """The scopes of a call with this header. Raises `RefusedError` 401, and 429 beyond the limits."""
        if authorization is None:
            raise RefusedError(401, "Missing credentials: send an access key and secret, or a token")
        scopes = self._scopes.get(_normal(authorization))
        if scopes is None:
            raise RefusedError(401, "Invalid access key or token")
        if self._limits:
            self._count(self.now().astimezone(UTC))
        return scopes

    def _count(self, now: datetime) -> None:
        """Count a call. One that is refused does not count."""
        if now.date() != self._today:
            self._today, self._calls = now.date(), 0
        if self._calls >= A_DAY:
            tomorrow = datetime.combine(self._today + timedelta(days=1), datetime.min.time(), UTC)
            raise _beyond_limit(tomorrow - now)
        if len(self._recent) == A_SECOND and now - self._recent[0] < timedelta(seconds=1):
            raise _beyond_limit(timedelta(seconds=1))
        self._recent.append(now)
        self._calls += 1


def _beyond_limit(wait: timedelta) -> RefusedError:
    seconds = max(1, -(-wait // timedelta(seconds=1)))
    return RefusedError(429, "API rate limit exceeded", headers={"retry-after": str(seconds)})


def _normal(authorization: str) -> str:
    """A header with the name of its scheme in lower case, which may be written in any."""
    scheme, _, rest = authorization.partition(" ")
    return f"{scheme.lower()} {rest.strip()}"


def request_schema(name: str) -> Schema:
    """The schema of the body of a request, as the shipped mappings name it."""
    return Schema(json.loads(files.find(f"gong/{name}", "schemas", ".schema.json").text))


def body_of(data: bytes, schema: Schema) -> JSON:
    """The body of a request; a null is as if it were not there, and so are fields that are not declared.

    Raises `RefusedError` 400 as Gong refuses it.
    """
    if not data.strip():
        raise RefusedError(400, "Required request body is missing")
    try:
        body = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"JSON parse error: {error}") from None
    if found := schema.problems(body := _without_nulls(body)):
        raise RefusedError(400, *map(_words, found))
    for name in ("fromDateTime", "toDateTime"):
        if name in body["filter"]:
            raise RefusedError(400, f"filter.{name} is not supported: give fromDate and toDate as YYYY-MM-DD")
    return body  # type: ignore[no-any-return]  # the schema says that it is an object


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(one) for name, one in value.items() if one is not None}


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Unexpected value {name}")


def _words(problem: Problem) -> str:
    """A problem in words like Gong's: it parses into types, and then looks at the values."""
    where = dotted(problem.path)
    if problem.missing is not None:
        return f"{f'{where}.' if where else ''}{problem.missing} must not be null"
    if problem.keyword in ("enum", "type"):
        return f"JSON parse error: Cannot deserialize value at {where or 'the body'}: {problem.message}"
    return f"{where}: {problem.message}"


def whole_days(body: JSON, today: int) -> tuple[int, int]:
    """The days of a filter as ordinals. Raises `RefusedError` 400 for those that Gong refuses."""
    asked = body["filter"]
    first, last = (datetime.fromisoformat(asked[name]).toordinal() for name in ("fromDate", "toDate"))
    if first < _EPOCH:
        raise RefusedError(400, "fromDate is out of range")
    if first >= last:
        raise RefusedError(400, "fromDate must be before toDate")
    if last > today:
        raise RefusedError(400, "toDate must not be later than today in the company's time zone")
    return first, last
