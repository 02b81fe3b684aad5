"""The settings of an account: the caller's context, checked against the mapping's `context`, defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from truto_mapper.engine import rendering
from truto_mapper.mapping import linked
from truto_mapper.resource.json_schema import Problem
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import QueryError

#: How many accounts' checked settings are kept, and how long a text in them may be.
MAX_ACCOUNTS = 1_000
MAX_SETTING = 200

#: How long a text of a context may be at all, and how many values it may hold: each is checked against its schema.
MAX_CHARACTERS = 10_000
MAX_VALUES = 10_000


class Settings:
    """Checks contexts against a mapping. Safe to share between threads."""

    def __init__(self, mapping: linked.Mapping) -> None:
        self._schema, self._declared = mapping.context, mapping.context_schemas
        self._defaults = {name: one["default"] for name, one in self._declared.items() if "default" in one}
        self._kept: dict[tuple[Any, ...], dict[str, Any]] = {}

    def of(self, context: Mapping[str, Any] | None) -> dict[str, Any]:
        """The settings in a context. Raises `QueryError` Q509 with every finding."""
        if context is None or context == {}:
            return self._defaults
        if context.__class__ is not dict and not isinstance(context, Mapping):
            message = f"the context must be an object, this is {excerpt(context)}"
            raise QueryError(Diagnostic("Q509", message, pointer=""))
        key = tuple([(name, value.__class__, value) for name, value in context.items()])
        try:
            return self._kept[key]
        except (KeyError, TypeError):  # TypeError: a value that cannot be hashed
            settings = self._checked(context)
        if all(kind is bool or (kind is str and len(value) < MAX_SETTING) for _, kind, value in key):
            if len(self._kept) >= MAX_ACCOUNTS:
                self._kept.clear()
            self._kept[key] = settings
        return settings

    def _checked(self, context: Mapping[str, Any]) -> dict[str, Any]:
        given = {n: _typed(value, self._declared.get(n, {})) for n, value in context.items() if value is not None}
        settings = self._defaults | given
        if not _is_small(settings):
            message = f"the context has a text of more than {MAX_CHARACTERS:,} characters, or {MAX_VALUES:,} values"
            raise QueryError(Diagnostic("Q509", message, pointer=""))
        problems = self._schema.problems(settings)
        if problems:
            raise QueryError([self._misfit(problem) for problem in problems])
        return settings

    def _misfit(self, problem: Problem) -> Diagnostic:
        name = ".".join(str(part) for part in problem.path)
        unknown = problem.keyword == "additionalProperties"
        why = "there is no such setting" if unknown else problem.message
        message = f"the context does not fit the mapping: {name}{': ' if name else ''}{why}"
        hint = did_you_mean(str(problem.path[-1]), self._declared) if unknown else None
        return Diagnostic("Q509", message, pointer=problem.pointer, hint=hint)


def _is_small(settings: dict[str, Any]) -> bool:
    """Whether a context is within the bounds, computed without recursion."""
    left, ahead = MAX_VALUES, list[Any]([settings])
    while ahead and left > 0:
        value = ahead.pop()
        below = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
        if isinstance(value, str) and len(value) > MAX_CHARACTERS:
            return False
        left -= len(below)
        ahead += below
    return left > 0


def _typed(value: Any, declared: Mapping[str, Any]) -> Any:
    """A setting given as text, as the type its schema declares."""
    if isinstance(value, str) and declared.get("type") in ("boolean", "integer", "number"):
        with suppress(ValueError):
            return rendering.loads(value)
    return value
