"""Function signatures, as `<s-nn?:s>`: what each parameter takes, as regular expressions over letters of types.

The letters are those of https://docs.jsonata.org/embedding-extending#function-signature-syntax, with `m` for an
argument that is missing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from truto_mapper.language.runtime.values import fail
from truto_mapper.text.record import NamedTuple

_ACCEPTED: Final = {letter: f"[{letter}m]" for letter in "bnslo"} | {"f": "f", "j": "[asnblom]"}
_ACCEPTED.update(dict.fromkeys("ax", "[asnblfom]"))
_CLOSING: Final = {"(": ")", "<": ">"}
#: What `re` may take for an operation on sets, and the marks that ECMAScript knows behind something.
_SET, _ESCAPED = r"[\[&~|]|-(?=-)", r"\\\g<0>"
_MARKS: Final = r"[^?+](\?\??|\+\??)$"


class Parameter(NamedTuple):
    """One parameter: its letter (or choice, as `(sf)`), what it accepts, and the types of an array's items.

    `context` is what accepts the context, which takes its place when it is left out; empty if that does not.
    """

    type: str
    regex: str
    subtype: str | None = None
    context: str = ""


class Signature(NamedTuple):
    """A parsed signature; `regex` has a group for each parameter and matches the letters of all arguments."""

    parameters: tuple[Parameter, ...]
    regex: re.Pattern[str]


@lru_cache(maxsize=1024)
def parse_signature(text: str) -> Signature:
    """The parts of a signature; the empty text takes no arguments. Other letters are ignored, as in the reference.

    Raises `EvaluationError` S0401, S0402 or S0201.
    """
    found: list[Parameter] = []
    position, first = 1, ""
    while position < len(text) and text[position] != ":":
        symbol = text[position]
        end = _end(text, position) if symbol in _CLOSING else position
        inner = text[position + 1 : end]
        if symbol in _ACCEPTED:
            found.append(Parameter(symbol, _ACCEPTED[symbol], context=first))
        elif symbol == "(":
            found.append(Parameter(f"({inner})", _choice(inner), context=first))
        elif symbol == "<":
            if not found or found[-1].type not in "af":
                fail("S0401", "Type parameters can only be applied to functions and arrays")
            found[-1] = found[-1]._replace(subtype=inner)
        elif symbol in "-?+":
            if found:
                found[-1] = _marked(found[-1], symbol)
            elif symbol == "-":
                first = "."
        first = "" if found else first
        position = end + 1
    return Signature(tuple(found), _compiled("".join(f"({one.regex})" for one in found)))


def _choice(letters: str) -> str:
    if "<" in letters:
        fail("S0402", "Choice groups containing parameterized types are not supported")
    return f"[{re.sub(_SET, _ESCAPED, letters)}m]"


def _marked(param: Parameter, symbol: str) -> Parameter:
    """A parameter with one more mark behind it. A second one is a `?` that changes nothing."""
    regex = param.regex + ("?" if symbol == "-" else symbol)
    if not re.search(_MARKS, regex):
        fail("S0201", f"the signature has too many of the marks -, ? and + behind {param.type}")
    return param._replace(regex=regex, context=param.regex if symbol == "-" else param.context)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:
        fail("S0201", "the signature has a choice of types that is none")


def _end(text: str, start: int) -> int:
    """Where the bracket that opens at `start` is closed."""
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == text[start]) - (text[position] == _CLOSING[text[start]])
        if depth == 0:
            return position
    return len(text)
