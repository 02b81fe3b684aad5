"""Lists that are one text, whose separator is another one than the provider's schema says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from truto_mapper.authoring.check.described import in_words
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.shared import requested
from truto_mapper.engine.request_schema import JSON
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import leaves, once
from truto_mapper.text.diagnostics import Diagnostic, excerpt
from truto_mapper.text.lazy_pattern import lazy_pattern

#: Separators by what descriptions call them.
_NAMED = {
    ",": lazy_pattern(r"\bcommas?\b", re.IGNORECASE),
    ";": lazy_pattern(r"\bsemicolons?\b", re.IGNORECASE),
    "|": lazy_pattern(r"\b(?:pipes?|vertical bars?)\b", re.IGNORECASE),
    "\n": lazy_pattern(
        r"\b(?:one|each) (?:\w+ )?(?:a|per|on a|on its own) line\b|\bline ?breaks?\b|\bnewlines?\b", re.IGNORECASE
    ),
}


def other_separators(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C225: `$split(tags, ";")` where the schema says: separated by commas. C241: the same of `$join` in a body."""
    for one in once(typed.endpoint):
        for node in one.below if "$split" in one.text else ():
            match node:
                case nodes.Call(procedure=nodes.Variable(name="split"), arguments=(given, separator, *_)):
                    forms = typed.described.of(typed.kind(given).path)
                    yield from _wrong(one, separator, forms, "C225")
                    yield from _with_blanks(one, separator, forms)
    for path, _, one in leaves(typed.endpoint.body):
        place = requested(typed.endpoint, path)
        for node in results(one.node) if place is not None else ():
            match node:
                case nodes.Call(procedure=nodes.Variable(name="join"), arguments=(_, separator)) if place is not None:
                    yield from _wrong(one, separator, place.certain, "C241")


def _wrong(one: Expression, separator: nodes.Node, forms: Iterable[JSON], code: str) -> Iterator[Diagnostic]:
    said = _named(forms)
    given = getattr(separator, "pattern", getattr(separator, "value", None))
    if said and isinstance(given, str) and said not in given and not (said == "\n" and re.search(r"\\[nsR]", given)):
        message = f"the provider's schema says that {excerpt(said)} separates the items"
        yield one.diagnostic(code, message, separator, severity="warning", hint=f"write `{excerpt(said)}`")


def _with_blanks(one: Expression, separator: nodes.Node, forms: Iterable[JSON]) -> Iterator[Diagnostic]:
    """A text that is split at commas alone, where the examples have a blank behind them."""
    shown = [each for form in forms for each in form.get("examples", ()) if isinstance(each, str)]
    if isinstance(separator, nodes.String) and separator.value and separator.value.strip() == separator.value:
        spaced = next((each for each in shown if f"{separator.value} " in each), None)
        if spaced is not None:
            message = f"the items keep the blanks of {excerpt(spaced)}, which the provider's schema shows"
            hint = f"write `/\\s*{re.escape(separator.value)}\\s*/`"
            yield one.diagnostic("C225", message, separator, severity="warning", hint=hint)


def _named(forms: Iterable[JSON]) -> str | None:
    """The only separator that descriptions name."""
    said = in_words(forms)
    found = [separator for separator, name in _NAMED.items() if name.search(said)]
    return found[0] if len(found) == 1 else None
