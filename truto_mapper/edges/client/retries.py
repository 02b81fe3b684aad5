"""When a request is sent again: one value, and what a reply says about when to come back."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

#: 429 and the statuses of a server that may be well again soon (RFC 9110 §15.6).
STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Retries:
    """When and how often a request is sent again.

    `attempts` counts the first one, too. `budget` is how many seconds the attempts of one request and the waits between
    them may take altogether: a provider that asks for a longer wait is not waited for. The wait before attempt n is
    random, at most `base` times 2 to the power of n, and at most `longest` seconds; never less than `Retry-After`.
    `statuses` are those of replies that are worth a new try. `jitter` gives numbers from 0 to 1.

    Only what can be repeated is: reads, `update` by PUT, and `delete`. `create` and `update` by PATCH or POST are
    repeated only if they were surely not sent.
    """

    attempts: int = 4
    budget: float = 60
    base: float = 0.5
    longest: float = 20
    statuses: frozenset[int] = STATUSES
    jitter: Callable[[], float] = field(default=random.random, repr=False)

    def wait(self, attempt: int, retry_after: float | None) -> float:
        """The seconds to wait after an attempt, counted from 1."""
        backoff = min(self.longest, self.base * 2.0 ** min(attempt, 32)) * self.jitter()
        return backoff if retry_after is None else retry_after + min(backoff, 1.0)


def retry_after(text: str | None, now: datetime) -> float | None:
    """The seconds in a `Retry-After`, which has seconds or an HTTP date (RFC 9110 §10.2.3); None if it has neither."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 12:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
