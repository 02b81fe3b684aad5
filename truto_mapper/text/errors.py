"""The exceptions, by whose fault it is; each carries every finding of the stage that failed."""

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
    """The author's fault, found out on data: an expression failed, or gave what the schema does not allow."""


class QueryError(MapperError):
    """The caller's fault: this question cannot be asked."""

    status = 400


class ProviderError(MapperError):
    """The provider refused (`status` is its own), or sent what we cannot read (502).

    `retry_after` is in seconds where the provider said so; `request_id` is the provider's own reference.
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
    """Collects the diagnostics of one stage, so that a person learns of all mistakes at once."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, code: str, message: str, **where: Any) -> None:
        """Note a finding; the keywords are those of `Diagnostic`."""
        self.found.append(Diagnostic(code, message, **where))

    def raise_as(self, error: type[MapperError]) -> None:
        """Raise `error` with everything found, if any of it is an error."""
        if any(d.severity == "error" for d in self.found):
            raise error(self.found)
