"""Regular expressions of our own that are compiled when they are first used: few processes need all of them."""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic, cast


class _Pattern(Generic[AnyStr]):
    """Has what `re.Pattern` has, each found when it is first asked for."""

    def __init__(self, pattern: AnyStr, flags: int) -> None:
        self._given: tuple[Any, int] = pattern, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found


def lazy_pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """The regular expression of a text. A mistake in it is raised when it is first used."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))
