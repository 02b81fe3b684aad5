"""Words of other languages: `return`, `is null`, `not in`."""

from __future__ import annotations

import re

from truto_mapper.language import foreign
from truto_mapper.language.hints.failure import Failure, Slip, write
from truto_mapper.language.hints.pieces import Piece
from truto_mapper.language.library.functions import LIBRARY
from truto_mapper.text.source import Span

_INFIX = {
    "and": "{left} and {right}",
    "or": "{left} or {right}",
    "xor": "$boolean({left}) != $boolean({right})",
    "in": "{left} in {right}",
    "is": "{left} = {right}",
    "eq": "{left} = {right}",
    "equals": "{left} = {right}",
    "ne": "{left} != {right}",
    "gt": "{left} > {right}",
    "ge": "{left} >= {right}",
    "gte": "{left} >= {right}",
    "lt": "{left} < {right}",
    "le": "{left} <= {right}",
    "lte": "{left} <= {right}",
    "between": "{left} >= {right} and {left} <= {upper}",
    "mod": "{left} % {right}",
    "div": "$floor({left} / {right})",
    "like": "$contains({left}, {right})",
    "ilike": "$contains({left}, {right})",
    "contains": "$contains({left}, {right})",
    "includes": "$contains({left}, {right})",
    "match": "$contains({left}, {right})",
    "matches": "$contains({left}, {right})",
    "instanceof": "$type({left}) = …",
    "as": "${type}({left})",
    "if": "condition ? {left} : other",
    "then": "condition ? value : other",
    "else": "condition ? value : other",
}


def infix_word(at: Failure) -> Slip | None:
    word = at.here
    folded = word.text.lower()
    if word.kind != "word" or not at.before.ends_operand or at.before.text.lower() in _PREFIX:
        return None
    left, following = at.left(word.start), at.after.text.lower()
    if folded == "not" and following in ("in", "like", "ilike", "between", "contains"):
        span = Span(word.start, at.after.end)
        return Slip(write(f"$not({_infix(at, at.after, left)})"), span, _no_word(f"not {following}"))
    if folded == "is":
        return _is(at, left)
    if folded not in _INFIX or word.text in ("and", "or", "in"):
        return None
    if folded == "else" and "?" in at.text[: word.start]:
        return Slip("write `:`", word.span, _no_word(word.text))
    lower = "operators are written in lower case" if folded in ("and", "or", "in") else _no_word(word.text)
    edit = _infix(at, word, left)
    return Slip(write(edit), word.span, lower) if "$None" not in edit else None


_TYPES = {"int": "number", "integer": "number", "float": "number", "bool": "boolean", "text": "string", "str": "string"}


def _infix(at: Failure, word: Piece, left: str) -> str:
    """What to write for an operator that is a word."""
    right, folded = at.right(word.end), word.text.lower()
    if folded == "in" and right[0] == "(" and "," in right:
        right = f"[{right[1:-1]}]"
    if folded.endswith("like") and (found := re.fullmatch(r"""(["'])(%?)([\w\s@-]*)(%?)\1""", right)):
        begin, end = ("^" * (not found[2]), "$" * (not found[4])) if found[2] or found[4] else ("", "")
        is_plain = not begin and not end and folded == "like"
        right = f'"{found[3]}"' if is_plain else f"/{begin}{found[3]}{end}/{'i' if folded == 'ilike' else ''}"
    upper = re.search(r"\s(?i:and)\s+(\S+)", at.following(word.end)) if folded == "between" else None
    kind = _TYPES.get(right.lower(), right.lower() if right.lower() in _TYPES.values() else None)
    return _INFIX[folded].format(left=left, right=right, upper=upper[1] if upper else "…", type=kind)


def _no_word(word: str) -> str:
    return f"JSONata has no operator `{word}`"


def _is(at: Failure, left: str) -> Slip:
    negated = at.after.text.lower() == "not"
    value = at.piece(2) if negated else at.after
    edit = foreign.compared(left, at.right(value.start), negated=negated)
    return Slip(write(edit), Span(at.here.start, at.after.end if negated else at.here.end), _no_word("is"))


_PREFIX = {
    "distinct": "$distinct({right})",
    "not": "$not({right})",
    "return": "{right}",
    "typeof": "$type({right})",
    "exists": "$exists({right})",
    "yield": "{right}",
}
_DECLARING = ("const", "let", "var", "set", "local", "my")
_COMPARISONS = ("=", "==", "!", "!=", "<", "<=", ">", ">=")


def prefix_word(at: Failure) -> Slip | None:
    word = at.before
    folded = word.text.lower()
    outer = at.piece(at.opened[-1] - at.at - 1) if at.opened else at.piece(len(at.pieces))
    if outer.text in _DECLARING and at.opener and at.opener.text in "{[":
        span = Span(outer.start, at.opener.end)
        return Slip("write `$name := object.name` for each name", span, f"JSONata has no word `{outer.text}`")
    if word.kind != "word" or not at.here.begins_operand:
        return None
    if folded in _DECLARING:
        return _declared(at)
    if folded in _PREFIX:
        stops = ("and", "or", "?", ":", *(_COMPARISONS if folded in ("typeof", "exists") else ()))
        end = at.until(at.here.start, lambda piece: piece.text in stops)
        if folded == "return":
            end = at.until(at.here.start, lambda _: False)
        right = at.shown(at.here.start, end)
        if folded == "not" and (exists := re.fullmatch(r"(?i:exists)\s+(.+)", right)):
            right = f"$exists({exists[1]})"
        edit = _PREFIX[folded].format(right=right)
        message = "the last expression is the result" if folded == "return" else f"JSONata has no word `{word.text}`"
        return Slip(write(edit), word.span, message)
    if folded in ("new", "async", "await"):
        hint = "write `$toMillis(…)` for a text with a date, or `$now`" if at.here.text == "Date" else "remove it"
        return Slip(hint, word.span, f"JSONata has no word `{word.text}`")
    if (name := word.text.removeprefix("$")) in LIBRARY and not at.is_call:
        edit = write(f"${name}({at.right(at.here.start)})")
        return Slip(edit, Span(word.start, at.here.end), "the arguments of a function are in brackets")
    return None


def _declared(at: Failure) -> Slip:
    name, sign = at.here, at.after
    variable = "$" + name.text.lstrip("$")
    message = f"JSONata has no word `{at.before.text}`"
    if sign.text not in ("=", ":="):
        return Slip(write(f"{variable} := …"), at.before.span, message)
    start = at.piece(2).start
    value = at.shown(start, at.until(start, lambda piece: piece.text == "in" or "\n" in at.text[start : piece.start]))
    edit = f"{variable} := {value}"
    in_block = at.opener is not None and at.opener.text == "(" and not at.is_call
    return Slip(write(edit if in_block else f"({edit}; …)"), Span(at.before.start, sign.end), message)
