"""What an operator has to mend: keys, the store, accounts and tokens."""

from __future__ import annotations

from typing import Any, NoReturn

from truto_mapper.text.codes import CODES
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError, reason


class StoreError(MapperError):
    """The operator's fault: keys, the store, an account or a token. `status` is 503 if it may pass by itself."""

    def __init__(self, code: str, message: str, *, hint: str | None = None, status: int = 500) -> None:
        super().__init__(Diagnostic(code, message, hint=hint))
        self.status = status

    def problem(self) -> dict[str, Any]:
        """The error for a caller, who learns its code and nothing of where the store is and what it holds."""
        found = self.diagnostics[0]
        return MapperError(Diagnostic(found.code, CODES[found.code])).problem() | {
            "status": self.status,
            "statusCode": self.status,
            "error": reason(self.status),
        }

    def __reduce__(self) -> Any:
        first = self.diagnostics[0]
        return _again, (first.code, first.message, first.hint, self.status)


def _again(code: str, message: str, hint: str | None, status: int) -> StoreError:
    return StoreError(code, message, hint=hint, status=status)


def refuse(code: str, message: str, hint: str | None = None) -> NoReturn:
    """Raise a `StoreError`."""
    raise StoreError(code, message, hint=hint)
