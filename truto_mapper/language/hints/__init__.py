"""What an author probably meant where an expression has a syntax error: a message, the edit, and the place of it.

Each rule looks at the pieces around the failure and says nothing unless the slip is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from truto_mapper.language.hints import brackets, lambdas, operators, phrases, templates, texts, words
from truto_mapper.language.hints.failure import Failure, Place, Slip
from truto_mapper.text.diagnostics import Diagnostic

#: The first rule that recognises a slip decides, so the particular ones come first.
_RULES: tuple[Callable[[Failure], Slip | None], ...] = (
    templates.bare,
    operators.comment,
    texts.unclosed_text,
    operators.odd_character,
    brackets.arrow_pair,
    lambdas.arrow,
    operators.negation,
    operators.spread,
    templates.template,
    texts.quote_inside,
    texts.flags,
    texts.escape,
    texts.number,
    texts.steps,
    texts.dollar,
    lambdas.parameters,
    lambdas.making,
    phrases.query,
    phrases.loop,
    phrases.condition,
    words.infix_word,
    words.prefix_word,
    brackets.bars,
    operators.foreign_operator,
    brackets.trailing_comma,
    brackets.stray,
    brackets.empty_item,
    operators.missing_before_closing,
    brackets.unclosed,
    brackets.pair,
    brackets.separators,
    operators.missing_operand,
    operators.two_operators,
    operators.two_items,
)


def hinted(found: Diagnostic, text: str, place: Place) -> Diagnostic:
    """A syntax error with a hint, at the characters that are to be changed; unchanged if no slip is recognised."""
    if found.span is None or found.code == "M104":
        return found
    if found.code == "S0217":
        return replace(found, hint="`%` is the parent of a step of the same path, as in `a.b.{'of': %.c}`")
    failure = Failure(text, found.code, found.message, found.span, place)
    slip = next((slip for rule in _RULES if (slip := rule(failure)) is not None), None)
    if slip is None:
        return found
    return replace(found, message=slip.message or found.message, span=slip.span or found.span, hint=slip.hint)
