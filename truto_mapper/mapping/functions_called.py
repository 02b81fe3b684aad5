"""The functions that an expression calls: each must exist, and none may read a clock."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.foreign import function_for, meant
from truto_mapper.language.library.truto.names import DATES, HOLDING, METHODS, REFUSED
from truto_mapper.language.names import bare_calls, keeps_functions
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, shortened
from truto_mapper.text.lazy_pattern import lazy_pattern
from truto_mapper.text.source import Span

#: Functions that read a clock. A mapping uses `$now` instead.
CLOCKS = frozenset({"now", "millis"})

#: What every call without a `$` looks like; most expressions have none, and are not searched.
_BARE = lazy_pattern(r"(?<![$\w])(?!function\b)[^\W\d]\w*\s*\(|`\s*\(")


def unknown_functions(
    expression: Expression, known: Collection[str], values: Collection[str] = ()
) -> Iterator[Diagnostic]:
    """C203: calls of what is not among the known functions but perhaps a value, and of names without a `$`."""
    for call in expression.calls:
        if call.name in CLOCKS:
            message = f"${call.name}() reads a clock, which a mapping must not do"
            yield expression.diagnostic("C203", message, call, hint="write $now, the time given by the caller")
        elif call.name not in known:
            is_value = call.name in values
            message = f"there is no function ${call.name}"
            if is_value:
                message = f"${call.name} is a value, not a function"
            elif call.name in REFUSED:
                message = f"${call.name} is no function of a mapping"
            yield expression.diagnostic("C203", message, call, hint=None if is_value else meant(call.name, known))
    bare = bare_calls(expression.node) if _BARE.search(expression.text) else []
    holds = not HOLDING.isdisjoint(call.name for call in expression.calls)
    for name, before in bare if bare and not keeps_functions(expression.node, values) else ():
        if name.value in METHODS and holds:
            continue
        problem = "" if holds else ": the name of a function begins with `$`"
        message = f"there is no function `{name.value}`{problem}"
        yield expression.diagnostic(
            "C203", message, name, hint=_method(name, holds=holds) or _called(expression, name, before, known)
        )


def _method(name: nodes.Name, *, holds: bool) -> str | None:
    """A hint for a function of a date or a URL: its right name, or where it is one."""
    if holds:
        return did_you_mean(name.value, METHODS, "`.{}(…)`")
    called = f".{name.value}()"
    return f"a date is one only where it is made: `$dtFromIso(…){called}`" if name.value in DATES else None


def _called(expression: Expression, name: nodes.Name, before: Span | None, known: Collection[str]) -> str | None:
    """A hint that calls a function by its name, with what is before it as its first argument."""
    function = function_for(name.value, known)
    if function is None:
        return meant(name.value, known)
    first = shortened(expression.text[before.start : before.end], 40) if before else "…"
    more = before and not re.match(r"\s*\(\s*\)", expression.text[name.span.end :])
    return f"write `${function}({first}{', …' if more else ''})`"
