"""Calls as generators: they yield what is to be done, receive what came of it, and do no I/O themselves.

`Client` and `AsyncClient` are two loops over the same generators.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

from truto_mapper.edges.client.account import Account
from truto_mapper.edges.client.auth import OAuth
from truto_mapper.edges.client.messages import Failed, Reply, Sent, redirected, sent
from truto_mapper.edges.client.retries import Retries, retry_after
from truto_mapper.edges.client.telemetry import Telemetry
from truto_mapper.engine.page import Request
from truto_mapper.mapping.linked import RateLimit
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError, ProviderError
from truto_mapper.text.record import NamedTuple

ResultT = TypeVar("ResultT")


class Send(NamedTuple):
    """Send a request: gives its `Reply`, or `Failed`."""

    sent: Sent


class Sleep(NamedTuple):
    """Wait."""

    seconds: float


class Turn(NamedTuple):
    """Ask the limiter for a turn: gives the seconds until there may be one, 0 if it was taken."""

    key: str
    limits: Sequence[RateLimit]


class Queue(NamedTuple):
    """Queue for the turns of a key: gives what leaves the queue, and the seconds that it took to come to its head.

    Instead of what leaves it there is None if that took longer than the `patience`.
    """

    key: str
    patience: float


class Alone(NamedTuple):
    """Do some steps while nobody else does any under the same lock: gives their result."""

    lock: threading.Lock
    steps: Steps[Any]


class Call(NamedTuple):
    """Call a function of the caller's, which may do I/O: gives its result."""

    function: Callable[[Any], Any]
    argument: Any


class Around(NamedTuple):
    """Ask a function of the caller's for the reply to a request: it does the steps, or has an earlier reply."""

    function: Callable[[Request, Callable[[], Any]], Any]
    request: Request
    steps: Steps[Reply]


Effect: TypeAlias = Send | Sleep | Queue | Turn | Alone | Call | Around
Steps: TypeAlias = Generator[Effect, Any, ResultT]

#: The methods that may be sent twice (RFC 9110 §9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})


@dataclass(frozen=True, slots=True)
class Sending:
    """How the requests of a client are sent; the names are those of its arguments."""

    retries: Retries
    limits: Sequence[RateLimit]
    max_wait: float
    timeout: float
    now: Callable[[], datetime]
    telemetry: Telemetry
    on_request: Callable[[Sent], object] | None = None
    on_response: Callable[[Reply], object] | None = None
    on_failure: Callable[[Sent, Failed], object] | None = None
    around: Callable[[Request, Callable[[], Any]], Any] | None = None

    def answered(self, account: Account, request: Request) -> Steps[Reply]:
        """The reply to a request, sent as often as it takes.

        Raises `ProviderError` P602 and P614 to P618 where there is none.
        """
        steps = self._asked(account, request)
        if self.around is None:
            return (yield from steps)
        reply: Reply = yield Around(self.around, request, steps)
        return reply

    def _asked(self, account: Account, request: Request) -> Steps[Reply]:
        spent, attempt = 0.0, 1
        message = sent(account, request, self.timeout)
        while True:
            outcome = yield from self._sent(account, message if attempt == 1 else replace(message, attempt=attempt))
            spent += outcome.seconds
            if not self._is_worth_another(outcome, request, attempt):
                break
            wait = self.retries.wait(attempt, self._asked_to_wait(outcome))
            if spent + wait > self.retries.budget:
                break
            yield Sleep(wait)
            spent, attempt = spent + wait, attempt + 1
        if isinstance(outcome, Failed):
            raise unanswered(outcome, attempt)
        return outcome

    def _asked_to_wait(self, outcome: Reply | Failed) -> float | None:
        return None if isinstance(outcome, Failed) else retry_after(outcome.header("retry-after"), self.now())

    def _is_worth_another(self, outcome: Reply | Failed, request: Request, attempt: int) -> bool:
        """Whether a request may be sent again, and that may help."""
        if attempt >= self.retries.attempts:
            return False
        if isinstance(outcome, Failed):
            return not outcome.is_final and (not outcome.is_sent or is_repeatable(request))
        return outcome.status in self.retries.statuses and is_repeatable(request)

    def _sent(self, account: Account, message: Sent) -> Steps[Reply | Failed]:
        """One attempt, with the redirects that stay on the origin, and a second one after a token was renewed."""
        redirects, is_renewed = 0, False
        while True:
            yield from self._turn(account)
            header = yield from self._authorization(account)
            outcome = yield from self._once(account, _authorized(message, header))
            if isinstance(outcome, Failed):
                return outcome
            auth = account.auth
            if outcome.status == 401 and isinstance(auth, OAuth) and not is_renewed:
                is_renewed = True
                yield Alone(auth.lock, self._renewed(auth, header))
                continue
            target = redirected(account, message, outcome, redirects)
            if target is None:
                return outcome
            redirects, message = redirects + 1, replace(message, url=target)

    def _once(self, account: Account, message: Sent) -> Steps[Reply | Failed]:
        if self.on_request is not None:
            self.on_request(message)
        outcome: Reply | Failed | None = None
        ended = self.telemetry.begun(account, message)
        try:
            outcome = yield Send(message)
        finally:
            ended(outcome)
        if isinstance(outcome, Failed):
            if self.on_failure is not None:
                self.on_failure(message, outcome)
        elif self.on_response is not None:
            self.on_response(outcome)
        return outcome

    def _turn(self, account: Account) -> Steps[None]:
        """Wait for a turn. Raises `ProviderError` P615 if there is none within `max_wait`."""
        if not self.limits:
            return
        leave, waited = yield Queue(account.key, self.max_wait)
        if leave is None:
            raise self._no_turn(min(one.seconds for one in self.limits))
        try:
            while (wait := (yield Turn(account.key, self.limits))) > 0:
                if waited + wait > self.max_wait:
                    raise self._no_turn(wait)
                yield Sleep(wait)
                waited += wait
        finally:
            leave()

    def _no_turn(self, wait: float) -> ProviderError:
        allowed = " and ".join(str(one) for one in self.limits)
        when = later(self.now(), max(1, round(wait)))  # the limiter's windows are a little longer than the limits
        message = f"the provider takes {allowed} of one account, and none is free within {self.max_wait:g} s"
        return ProviderError(
            Diagnostic("P615", message, hint=f"try again {when}"), status=429, retry_after=math.ceil(wait)
        )

    def _authorization(self, account: Account) -> Steps[str | None]:
        """The value of `Authorization`."""
        auth = account.auth
        if isinstance(auth, OAuth) and auth.is_due(self.now()):
            yield Alone(auth.lock, self._renewed(auth, auth.header))
        return None if auth is None else auth.header

    def _renewed(self, auth: OAuth, header: str | None) -> Steps[None]:
        """Renew a token, unless another did since the header was made. Raises `ProviderError` P618."""
        if auth.header != header:
            return
        try:
            token = yield Call(auth.refresh, auth.token)
        except MapperError:
            raise
        except Exception as error:  # noqa: BLE001  # the caller's function may raise anything
            message = f"the token could not be renewed: {type(error).__name__}"
            raise ProviderError(Diagnostic("P618", message), status=401) from None
        auth.renewed(token, self.now())


def is_repeatable(request: Request) -> bool:
    """Whether a request may be sent again that the provider may have got."""
    is_read = request.join is not None or request.query.method in ("list", "get")
    return is_read or request.method in _IDEMPOTENT


def _authorized(message: Sent, header: str | None) -> Sent:
    return message if header is None else replace(message, headers={**message.headers, "authorization": header})


def unanswered(outcome: Failed, attempts: int) -> ProviderError:
    """The error for a request without a reply."""
    tries = f" ({attempts} attempts)" if attempts > 1 else ""
    found = Diagnostic(outcome.code, f"{outcome.message}{tries}", hint=outcome.hint)
    return ProviderError(found, status=outcome.status)


def later(now: datetime, seconds: float) -> str:
    """When to come back, in words."""
    if seconds <= 60:
        return f"in {math.ceil(seconds)} s"
    moment = (now + timedelta(seconds=seconds)).isoformat(timespec="seconds")
    return f"in {math.ceil(seconds):,} s, at {moment}"
