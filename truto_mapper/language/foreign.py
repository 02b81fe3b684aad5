"""Words of other languages, and what JSONata has for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from truto_mapper.language.library.truto.names import REFUSED
from truto_mapper.text.diagnostics import did_you_mean, nearest

#: Functions of other languages by their names in lower case: the name of JSONata's function, or what to write.
FUNCTIONS: Final[Mapping[str, str]] = {
    "len": "$length(a)` for a text or, for an array, `$count(a)",
    "size": "$count",
    "avg": "$average",
    "mean": "$average",
    "upper": "$uppercase",
    "ucase": "$uppercase",
    "toupper": "$uppercase",
    "touppercase": "$uppercase",
    "lower": "$lowercase",
    "lcase": "$lowercase",
    "tolower": "$lowercase",
    "tolowercase": "$lowercase",
    "strip": "$trim",
    "substr": "$substring",
    "slice": "$substring",
    "includes": "$contains",
    "has": "$exists",
    "isset": "$exists",
    "defined": "$exists",
    "test": "$contains",
    "matches": "$match",
    "replaceall": "$replace",
    "concat": "a & b` for texts or, for arrays, `$append(a, b)",
    "push": "$append",
    "unique": "$distinct",
    "uniq": "$distinct",
    "assign": "$merge",
    "extend": "$merge",
    "entries": "$each",
    "foreach": "$map",
    "flatmap": "$map",
    "collect": "$map",
    "select": "$filter",
    "fold": "$reduce",
    "get": "$lookup",
    "str": "$string",
    "tostring": "$string",
    "text": "$string",
    "stringify": "$string",
    "tojson": "$string",
    "int": "$number",
    "float": "$number",
    "tonum": "$number",
    "parseint": "$number",
    "parsefloat": "$number",
    "bool": "$boolean",
    "ceiling": "$ceil",
    "pow": "$power",
    "typeof": "$type",
    "datetime": "$toMillis",
    "date": "$toMillis",
    "strftime": "$fromMillis",
    "formatdate": "$fromMillis",
    "raise": "$error",
    "throw": "$error",
    "first": "a[0]",
    "last": "a[-1]",
    "if": "condition ? value : other",
    "iif": "condition ? value : other",
    "coalesce": "a ?? b",
    "ifnull": "a ?? b",
    "nvl": "a ?? b",
    "default": "a ?? b",
    "sortby": "a^(key)",
    "isempty": "$count(a) = 0",
    "isnull": "a = null",
    "indexof": "$contains",
    "startswith": '$substring(a, 0, 3) = "abc"',
    "endswith": '$substring(a, -3) = "abc"',
    "some": "$count(a[b = 1]) > 0",
    "any": "$count(a[b = 1]) > 0",
    "every": "$count(a[b != 1]) = 0",
    "all": "$count(a[b != 1]) = 0",
}

#: Literals of other languages.
LITERALS: Final[Mapping[str, str]] = {
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
    "None": "null",
    "Null": "null",
    "NULL": "null",
    "nil": "null",
    "undefined": "$exists(…)",
}

#: Characters that look like others, or like nothing.
LOOKS_LIKE: Final[Mapping[str, str]] = {
    **dict.fromkeys("“”„‟″〝〞«»＂", '"'),
    **dict.fromkeys("‘’‚‛′´＇", "'"),
    **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
    **dict.fromkeys(
        "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
    ),
    **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2060\ufeff", ""),
    **{chr(ord(one) + 0xFEE0): one for one in "!#$%&()*+,./:;<=>?@[]^{|}~"},
    "×": "*",
    "÷": "/",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
    "…": "..",
    "→": "~>",
    "←": ":=",
}


#: The message for a text without quotes.
UNQUOTED: Final = "a text needs quotes"


def meant(name: str, known: Iterable[str]) -> str | None:
    """A hint for a function that does not exist: the nearest name, or what JSONata has for one of another language."""
    if name in REFUSED:
        return REFUSED[name]
    known = set(known)
    written = FUNCTIONS.get(name.casefold().replace("_", ""))
    if written is None or name.casefold() in map(str.casefold, known):
        return did_you_mean(name, known, "`${}`")
    return f"write `{written}`" if " " in written or not written.startswith("$") else f"did you mean `{written}`?"


def function_for(name: str, known: Iterable[str]) -> str | None:
    """The name of the function that a name without `$` is meant to call; None if JSONata has something else."""
    known = set(known)
    written = FUNCTIONS.get(name.casefold().replace("_", ""))
    if name in known or written is None:
        return name if name in known else nearest(name, known)
    return written[1:] if written[1:] in known else None


def compared(left: str, right: str, *, negated: bool) -> str:
    """A comparison with a value that may be a literal of another language."""
    if right == "undefined":
        return f"$exists({left})" if negated else f"$not($exists({left}))"
    lower = right.lower() if right.lower() in ("null", "true", "false") else right
    return f"{left} {'!=' if negated else '='} {LITERALS.get(right, lower)}"
