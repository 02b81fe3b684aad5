"""The exceptions, one for each party at fault; each carries every finding of the stage that failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from truto_mapper.text.diagnostics import Diagnostic
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
    """

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
