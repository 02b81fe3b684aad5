"""One limiter for each company: how many calls its provider takes, counted for all threads, tasks and processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import limits
from limits.errors import StorageError
from limits.storage import storage_from_string

from truto_mapper.mapping.linked import RateLimit
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import ProviderError, QueryError

#: Seconds until a store that does not answer counts as down.
PATIENCE = 2


class Limiter:
    """Counts calls in this process (`memory://`), or in Redis for several (`redis://host:6379/0`).

    A window moves with time, so that no two windows beside each other have more calls than one may have. Without Redis
    no call is made (P616): calls that are not counted together would be refused by the provider, and use up its quota.
    """

    def __init__(self, url: str = "memory://") -> None:
        self.is_local = url.startswith("memory:")
        timeouts = {} if self.is_local else {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        try:
            self._store = storage_from_string(url, wrap_exceptions=True, **timeouts)
        except (limits.errors.ConfigurationError, ValueError) as error:
            message = f"the limiter's URL cannot be used: {type(error).__name__}"
            hint = "such as redis://localhost:6379/0; it needs the package redis"
            raise QueryError(Diagnostic("Q520", message, hint=hint)) from None
        self._windows = limits.strategies.MovingWindowRateLimiter(self._store)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Limiter in {'memory' if self.is_local else 'Redis'}>"

    def take(self, key: str, allowed: Sequence[RateLimit]) -> float:
        """Take a turn: 0 if there is one, else the seconds until there may be one.

        Raises `ProviderError` P616 if the store cannot be reached.
        """
        try:
            if not self.is_local:
                return self._taken(key, allowed)
            with self._lock:
                return self._taken(key, allowed)
        except StorageError as error:
            cause = type(error.storage_error).__name__
            message = f"the store that counts the calls of all processes cannot be reached ({cause})"
            raise ProviderError(Diagnostic("P616", message, hint="is Redis running?"), status=503) from None

    def _taken(self, key: str, allowed: Sequence[RateLimit]) -> float:
        # The shortest window comes first: to wait for it costs nothing of a long one.
        for one in sorted(allowed, key=lambda one: one.seconds):
            item = limits.RateLimitItemPerSecond(one.calls, one.seconds, namespace="truto-mapper")
            if not self._windows.hit(item, key):
                reset = self._windows.get_window_stats(item, key).reset_time
                return max(reset - time.time(), 0.001)
        return 0.0
