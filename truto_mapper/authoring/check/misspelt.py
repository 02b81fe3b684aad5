"""Words of the provider that an expression asks for, written a little otherwise than everywhere else (C219)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import every
from truto_mapper.text.diagnostics import Diagnostic, excerpt

#: The fewest letters of a word with a slip: many short words differ by one letter.
_LETTERS = 7


def misspelt(all_types: Sequence[EndpointTypes]) -> Iterator[Diagnostic]:
    """C219: `name = "Interactivty"` where another expression has `"Interactivity"`, and no schema lists the former."""
    all_ = {(one.source, one.span): (typed, one) for typed in all_types for _, one in every(typed.endpoint)}.values()
    known = Counter(node.value for _, one in all_ for node in one.below if isinstance(node, nodes.String))
    alike: dict[tuple[str, str], list[str]] = {}
    for word in sorted(known):
        for end in _ends(word):
            alike.setdefault(end, []).append(word)
    for typed, one in all_:
        for node, side in _asked(one):
            others = (word for end in _ends(node.value) for word in alike[end])
            meant = next((word for word in others if _is_slip(node.value, word)), None)
            if meant is not None and known[node.value] == 1 and node.value not in (typed.kind(side).values or ()):
                message = f"the other expressions write {excerpt(meant)}"
                yield one.diagnostic("C219", message, node, severity="warning", hint=f"write `{excerpt(meant)}`")


def _asked(expression: Expression) -> Iterator[tuple[nodes.String, nodes.Node]]:
    """The texts that an expression compares something with, each with that."""
    for node in expression.below if '"' in expression.text else ():
        if isinstance(node, nodes.Binary) and node.operator in ("=", "!="):
            sides = (node.left, node.right)
            yield from ((one, other) for one, other in (sides, sides[::-1]) if isinstance(one, nodes.String))


def _ends(word: str) -> tuple[tuple[str, str], ...]:
    """How a word begins and how it ends: a slip leaves one of them."""
    return (word[:3], ""), ("", word[-3:])


def _is_slip(word: str, other: str) -> bool:
    """Whether a word has a letter less, more or other than another word, or two swapped, but for the last."""
    if min(len(word), len(other)) < _LETTERS or word.casefold() == other.casefold() or abs(len(word) - len(other)) > 1:
        return False
    at = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))
    ends = [(word[at + 1 :], other[at:]), (word[at:], other[at + 1 :]), (word[at + 1 :], other[at + 1 :])]
    is_swapped = word[at : at + 2] == other[at : at + 2][::-1] and word[at + 2 :] == other[at + 2 :]
    is_letter = word[at : at + 1].isalpha() and other[at : at + 1].isalpha()
    return is_letter and at < len(other) - 1 and (is_swapped or any(one == rest for one, rest in ends))
