"""Pages of the mock: cursors that are signed and expire, and rendered rows that are kept for a while."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import Any, Generic, TypeVar

from truto_mapper.edges.mock.requests import RefusedError

Value = TypeVar("Value")

#: The users of a page, and the seconds for which a cursor is accepted.
PAGE, CURSOR_SECONDS = 100, 900


class Cursors:
    """Makes and reads cursors: signed like a JWT, for one question, for some time."""

    def __init__(self, seed: int, now: Callable[[], datetime], seconds: int = CURSOR_SECONDS) -> None:
        self._key, self._now, self._seconds = f"mock cursors {seed}".encode(), now, seconds

    def seal(self, question: Any, page: int) -> str:
        """The cursor that leads to a page of the answer to a question."""
        until = int(self._now().timestamp()) + self._seconds
        parts = {"alg": "HS256"}, {"page": page, "of": _digest(question), "exp": until}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
        return f"{text}.{self._signature(text)}"

    def page(self, question: Any, cursor: str | None) -> int:
        """The page that a cursor leads to; 0 without one. Raises `RefusedError` 400."""
        if not cursor:
            return 0
        text, _, signature = cursor.rpartition(".")
        if not hmac.compare_digest(_bytes(signature), _bytes(self._signature(text))):
            raise RefusedError(400, "Invalid cursor")
        payload = text.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["exp"] <= self._now().timestamp():
            raise RefusedError(400, "The cursor has expired")
        if claims["of"] != _digest(question):
            raise RefusedError(400, "The cursor belongs to a request with other filters")
        return int(claims["page"])

    def _signature(self, text: str) -> str:
        return _encoded(hmac.new(self._key, _bytes(text), "sha256").digest())


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a cursor in JSON may hold half a surrogate pair


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _digest(question: Any) -> str:
    return hashlib.blake2b(json.dumps(question, sort_keys=True).encode(), digest_size=12).hexdigest()


class Kept(Generic[Value]):
    """Results that are kept while there is room, those that were used last; `weigh` says how much room one takes."""

    def __init__(self, room: int, weigh: Callable[[Value], int]) -> None:
        self._room = self._free = room
        self._weigh = weigh
        self._results: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The result with this key, made if it is not there."""
        if key in self._results:
            self._results.move_to_end(key)
            return self._results[key]
        made = make()
        if (weight := self._weigh(made)) <= self._room:
            self._results[key] = made
            self._free -= weight
        while self._free < 0:
            _, oldest = self._results.popitem(last=False)
            self._free += self._weigh(oldest)
        return made
