"""The names of a sample in an expression and in a spec: quoted where they need it, and in snake case."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable

from truto_mapper.mapping.linked import REQUEST_NAMES, RESPONSE_NAMES

#: What is an operator or a value where a name is meant.
_WORDS = frozenset({"and", "or", "in", "true", "false", "null", "function"})

#: The names that a loop cannot have.
_BOUND = REQUEST_NAMES | RESPONSE_NAMES | {"joined", "ids"}


def is_usable(name: str) -> bool:
    """Whether YAML and people can read an expression with this name."""
    return 0 < len(name) <= 100 and name.isprintable()


def path_text(names: Iterable[str], start: str = "") -> str:
    """A path of names as an expression; `start` is the expression before it. No name at all is `$`."""
    made = start
    for name in names:
        if "`" in name:
            made = f"$lookup({made or '$'}, {json.dumps(name, ensure_ascii=False)})"
        else:
            plain = re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) and name not in _WORDS
            made += ("." if made else "") + (name if plain else f"`{name}`")
    return made or "$"


def snake(name: str) -> str:
    """A name in snake case, of the characters that a field of a spec may have; "" if it has none of them."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    made = re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")
    return f"n_{made}" if made[:1].isdigit() else made


def unlike(name: str, taken: Collection[str]) -> str:
    """A name that is not taken yet: with a number if need be."""
    made, number = name, 2
    while made in taken:
        made, number = f"{name}_{number}", number + 1
    return made


def singular(name: str) -> str:
    """One of what a list is called: `contact` for `contacts`."""
    for ending, one in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if name.endswith(ending) and len(name) > len(ending) + 1:
            return name.removesuffix(ending) + one
    return name if name.endswith(("ss", "us", "is")) or len(name) < 3 else name.removesuffix("s")


def variable(name: str, taken: Collection[str]) -> str:
    """The name of a loop whose items are each called so."""
    made = snake(name) or "row"
    return unlike(f"{made}_row" if made in _BOUND else made, taken)
