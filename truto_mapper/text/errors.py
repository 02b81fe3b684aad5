"""The exceptions, one for each party at fault; each carries every finding of the stage that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from truto_mapper.text.codes import CODES
from truto_mapper.text.diagnostics import Diagnostic, shortened
from truto_mapper.text.source import Span


class MapperError(Exception):
    """Everything this package raises on purpose. `diagnostics` has every finding of the stage that failed."""

    #: The HTTP status a service should answer with.
    status: int = 500

    def __init__(self, diagnostics: Sequence[Diagnostic] | Diagnostic) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__(found)
        self.diagnostics = found

    def __str__(self) -> str:
        return "\n\n".join(d.render() for d in self.diagnostics)

    @property
    def code(self) -> str:
        """The code of the first finding."""
        return self.diagnostics[0].code

    @property
    def span(self) -> Span | None:
        """Where the first finding is, in its source."""
        return self.diagnostics[0].span

    def problem(self) -> dict[str, Any]:
        """The error as the JSON of an HTTP answer: `application/problem+json` (RFC 9457) with Truto's fields.

        `type` is a URN of the first error's code, which docs/codes.md explains, `title` the meaning of that code, and
        `detail` and `message` what all errors say. `truto_is_remote_error` is true for a `ProviderError`, which has
        the provider's body as `raw_response` if there is one. `diagnostics` has every finding.
        """
        found = [one for one in self.diagnostics if one.severity == "error"] or self.diagnostics
        code, phrase = found[0].code, reason(self.status)
        detail = shortened("; ".join(one.message for one in found[:_TOLD]), _LONGEST)
        detail += f"; and {len(found) - _TOLD:,} more" if len(found) > _TOLD else ""
        return {
            "type": f"urn:truto-mapper:code:{code}" if code in CODES else "about:blank",
            "title": CODES.get(code, phrase),
            "status": self.status,
            "detail": detail,
            "statusCode": self.status,
            "error": phrase,
            "message": detail,
            "truto_is_remote_error": False,
            "diagnostics": [one.as_dict() for one in self.diagnostics],
        }


#: How many errors the text of a problem tells, and how long it is at most.
_TOLD, _LONGEST = 10, 4_000


def reason(status: int) -> str:
    """The reason phrase of an HTTP status that is an error."""
    from http import HTTPStatus  # noqa: PLC0415  # only an error needs it, so a start does not pay for it

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Error" if status < 500 else "Server Error"


class MappingError(MapperError):
    """The author's fault: a mapping, a spec or an expression is wrong."""


class EvaluationError(MappingError):
    """The author's fault, found on data: an expression failed, or its value does not fit the schema."""


class QueryError(MapperError):
    """The caller's fault: the query is invalid."""

    status = 400


class ProviderError(MapperError):
    """The provider refused (`status` is its own if that is 4xx or 5xx), or sent a reply that cannot be read (502).

    `retry_after` is in seconds, None if the provider did not say; `request_id` is the provider's own reference.
    `response` is the reply that this is about (`body`, `status`, `headers`) with credentials hidden, None if there is
    none; a body of more than 10,000 characters is a text that is cut.
    """

    response: Any = None
    unreadable: ClassVar[int] = 502

    def __init__(
        self,
        diagnostics: Sequence[Diagnostic] | Diagnostic,
        *,
        status: int = unreadable,
        retry_after: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id

    def problem(self) -> dict[str, Any]:
        said = {} if self.response is None else {"raw_response": self.response.body}
        return super().problem() | {"truto_is_remote_error": True} | said


class Findings:
    """The diagnostics of one stage, collected so that a person sees all mistakes at once."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, code: str, message: str, **where: Any) -> None:
        """Add a finding; the keywords are those of `Diagnostic`."""
        self.found.append(Diagnostic(code, message, **where))

    def raise_as(self, error: type[MapperError]) -> None:
        """Raise `error` with all findings if one of them is an error."""
        if any(d.severity == "error" for d in self.found):
            raise error(self.found)
