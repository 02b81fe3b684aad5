"""Function signatures, as `<s-nn?:s>`: what each parameter takes, as regular expressions over letters of types.

The letters are those of https://docs.jsonata.org/embedding-extending#function-signature-syntax, with `m` for an
argument that is missing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_ACCEPTED: Final = {letter: f"[{letter}m]" for letter in "bnslo"} | {"f": "f", "j": "[asnblom]"}
_ACCEPTED.update(dict.fromkeys("ax", "[asnblfom]"))
_CLOSING: Final = {"(": ")", "<": ">"}


class Parameter(NamedTuple):
    """One parameter: its letter (or choice, as `(sf)`), what it accepts, and the types of an array's items.

    `context` says that the context takes its place when it is left out.
    """

    type: str
    regex: str
    subtype: str | None = None
    context: bool = False


class Signature(NamedTuple):
    """A parsed signature; `regex` has a group for each parameter and matches the letters of all arguments."""

    parameters: tuple[Parameter, ...]
    regex: re.Pattern[str]


@lru_cache(maxsize=1024)
def parse_signature(text: str) -> Signature:
    """The parts of a signature that the parser has accepted; the empty text takes no arguments."""
    found: list[Parameter] = []
    position = 1
    while position < len(text) and text[position] != ":":
        symbol = text[position]
        end = _end(text, position) if symbol in _CLOSING else position
        inner = text[position + 1 : end]
        if symbol in _ACCEPTED:
            found.append(Parameter(symbol, _ACCEPTED[symbol]))
        elif symbol == "(":
            found.append(Parameter(f"({inner})", f"[{inner}m]"))
        elif symbol == "<":
            found[-1] = found[-1]._replace(subtype=inner)
        elif symbol in "-?+":
            mark = "?" if symbol == "-" else symbol
            found[-1] = found[-1]._replace(regex=found[-1].regex + mark, context=found[-1].context or symbol == "-")
        position = end + 1
    return Signature(tuple(found), re.compile("".join(f"({one.regex})" for one in found)))


def _end(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed."""
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == text[start]) - (text[position] == _CLOSING[text[start]])
        if depth == 0:
            return position
    return len(text)
