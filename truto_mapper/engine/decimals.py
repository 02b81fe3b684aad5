"""Decimals of a reply that have more digits than a double, which JSON may have (RFC 8259 §6) and a float loses."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from truto_mapper.engine import rendering

#: A number of so many characters without an exponent has at most 15 digits, which a double keeps.
_SHORT = 16
#: So many characters with a point, and without zeros at both ends, are more than the 17 digits that a float is written
#: with.
_LONG = 18


class Exact(float):
    """A number of a reply that is written with its own text. Whatever looks at its value sees the nearest double.

    What passes it on keeps its digits; what computes with it makes a float. `__class__` says float, because generated
    code asks for that; `type` tells the truth.
    """

    __slots__ = ("text",)
    text: str

    @property  # type: ignore[misc]  # see above
    def __class__(self) -> type:
        return float


def number(text: str) -> float:
    """The number of a JSON text: a float, an `Exact` if its value is another. Raises ValueError beyond a double."""
    value = float(text)
    if len(text) <= _SHORT and "e" not in text and "E" not in text:
        return value
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a JSON number")
    if _is_kept(text, value):
        return value
    made = Exact(value)
    made.text = text
    return made


def _is_kept(text: str, value: float) -> bool:
    """Whether a float is written with the value that a text has."""
    if len(text.strip("-0.")) > _LONG and "e" not in text and "E" not in text:
        return False
    try:
        return Decimal(text) == Decimal(repr(value))
    except InvalidOperation:  # the exponent has too many digits for a Decimal
        return False


def noting(found: list[Exact]) -> Callable[[str], float]:
    """As `number`, a function that adds each `Exact` to a list."""

    def noted(text: str) -> float:
        made = number(text)
        if is_exact(made):
            found.append(made)  # type: ignore[arg-type]  # this is one
        return made

    return noted


def is_exact(value: Any) -> bool:
    return type(value) is Exact


def exact_integer(value: Exact) -> int | None:
    """The whole number that a text is, None if it is another."""
    try:
        number = Decimal(value.text)
    except InvalidOperation:  # as above: nearly zero, because a double has it
        return None
    return int(number) if number == number.to_integral_value() else None


def rounded(value: Any) -> Any:
    """A JSON value with floats for each `Exact`."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return float(value) if is_exact(value) else value


def dumps(value: Any) -> str:
    """As `rendering.dumps`, with the digits of each `Exact`."""
    if isinstance(value, dict):
        return f"{{{','.join([f'{rendering.dumps(name)}:{dumps(item)}' for name, item in value.items()])}}}"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(dumps, value))}]"
    return value.text if is_exact(value) else rendering.dumps(value)
