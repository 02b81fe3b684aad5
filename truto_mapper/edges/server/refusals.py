"""What the service itself refuses, and errors as `application/problem+json` (RFC 9457) with Truto's fields."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from truto_mapper.text.errors import MapperError, ProviderError

#: Pairs of a header's name, in lower case, and its value.
Headers = Sequence[tuple[bytes, bytes]]

PROBLEM = "application/problem+json"


class Refused(Exception):  # noqa: N818  # an answer, not a fault
    """A request that the service answers with an HTTP error of its own, before anything is asked of a provider."""

    def __init__(self, status: int, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers

    def problem(self) -> dict[str, Any]:
        """The error as the JSON of an answer, with the fields of `MapperError.problem`."""
        phrase = HTTPStatus(self.status).phrase
        return {
            "type": "about:blank",
            "title": phrase,
            "status": self.status,
            "detail": self.message,
            "statusCode": self.status,
            "error": phrase,
            "message": self.message,
            "truto_is_remote_error": False,
            "diagnostics": [],
        }


def headers_of(error: MapperError | Refused) -> list[tuple[bytes, bytes]]:
    """The headers that an error adds to its answer."""
    if isinstance(error, Refused):
        return list(error.headers)
    wait = error.retry_after if isinstance(error, ProviderError) else None
    if wait is None and error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        wait = 1
    return [] if wait is None else [(b"retry-after", b"%d" % wait)]
