"""Expressions of a body, tried with each word of an enumeration that the caller may give (C241)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truto_mapper.authoring.check.fitting import Wanted
from truto_mapper.language import types
from truto_mapper.language.expression import Expression
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.language.source_paths import reads
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.pointers import dotted


def misfits_by_word(
    expression: Expression, wanted: Wanted, scope: TypeScope, lookups: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    """What an expression that selects gives for each word: several values where one is wanted, or mostly nothing.

    Types say how many items a selection has for no word.
    """
    selects = "[" in expression.text or "function" in expression.text or "?" in expression.text
    path = _only_read(expression, lookups) if selects else None
    words = _words(scope, path) if path is not None else ()
    if path is None or not words or wanted.schema.is_array or "array" in wanted.schema.kinds:
        return
    try:
        made = {word: expression.evaluate(MISSING, {**lookups, path[0]: _holding(path[1:], word)}) for word in words}
    except EvaluationError:  # it fails for a word: types tell it
        return
    for word, value in made.items():
        if isinstance(value, list):
            message = f"`{wanted.called}` is {wanted.in_words}, but this gives {excerpt(value)} for {excerpt(word)}"
            yield wanted.found(expression, message, expression.node)
            return
    for word, value in made.items():
        if _is_of_another(word, value, made, wanted.schema.values):
            message = f"this sends {excerpt(value)} for {excerpt(word)}, and the provider has a word for that"
            yield wanted.found(expression, message, expression.node)
            return
    lost = [word for word, value in made.items() if value is MISSING]
    if len(made) > len(lost) > len(made) / 2:
        shown = ", ".join(map(excerpt, lost))
        message = f"`${dotted(path)}` has words for which this gives nothing: {shown}"
        yield wanted.found(expression, message, expression.node)


def _is_of_another(word: Any, value: Any, made: Mapping[Any, Any], allowed: Sequence[Any]) -> bool:
    """Whether a word becomes what another one is called, though the provider has it, too: `day` becomes `MONTH`."""
    if not (isinstance(word, str) and isinstance(value, str)) or word.lower() == value.lower():
        return False
    known = {str(one).lower() for one in allowed}
    return word.lower() in known and value.lower() in {str(one).lower() for one in made}


def _only_read(expression: Expression, lookups: Mapping[str, Any]) -> NamePath | None:
    """The only value of the caller that an expression reads, beside tables."""
    paths = {one.path for one in reads(expression) if one.path[0] not in lookups}
    path = paths.pop() if len(paths) == 1 else ()
    return path if len(path) > 1 and path[0] in ("body", "query") else None


def _words(scope: TypeScope, path: NamePath) -> tuple[Any, ...]:
    kind = scope.variables.get(path[0], types.ANY)
    for name in path[1:]:
        kind = types.of_field(kind, name)
    return kind.values or ()


def _holding(path: NamePath, value: Any) -> Any:
    for name in reversed(path):
        value = {name: value}
    return value
