"""Parses the expressions of a Truto mapping; a mistake is told at its place in the file."""

from __future__ import annotations

import re

from truto_mapper.language.expression import Expression
from truto_mapper.text import yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple

#: What Truto's engine reads and ours does not: other regular expressions, and what is too large.
_OURS = frozenset({"S0302", "M104"})

_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)


class Parsed(NamedTuple):
    """The text of an expression and the expression, if it can be read here; else the `problem`."""

    text: str
    expression: Expression | None
    problem: str = ""


def parsed(at: yaml_tree.Node) -> Parsed:
    """The expression in a text of a file. Raises `MappingError` for one that Truto does not understand either."""
    offsets = at.offsets() or _offsets(at)
    kept = [number for number, one in enumerate(at.value) if one != "\r"]
    text = at.value.replace("\r", "")
    try:
        return Parsed(text, Expression(text, source=at.source, offsets=tuple(offsets[number] for number in kept)))
    except MappingError as error:
        if error.code not in _OURS:
            raise
        return Parsed(text, None, error.diagnostics[0].message)


def _offsets(at: yaml_tree.Node) -> tuple[int, ...]:
    """The offset in the file of each character of a text in double quotes."""
    raw, start = at.source.text[at.span.start + 1 : at.span.end - 1], at.span.start + 1
    found = tuple(start + piece.start() for piece in _ESCAPE.finditer(raw))
    last = at.span.end - 1
    return (*found, *[last] * (len(at.value) - len(found)))[: len(at.value)]
