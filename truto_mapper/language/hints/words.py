"""Words of other languages: `return`, `is null`, `if … else`, `=>`."""

from __future__ import annotations

import re

from truto_mapper.language import foreign
from truto_mapper.language.hints.failure import Failure, Slip, write
from truto_mapper.language.hints.pieces import LONGEST, NEAR
from truto_mapper.language.library.functions import OURS, STANDARD
from truto_mapper.text.source import Span

_INFIX = {
    "and": "{left} and {right}",
    "or": "{left} or {right}",
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
    "mod": "{left} % {right}",
    "div": "$floor({left} / {right})",
    "like": "$contains({left}, {right})",
    "contains": "$contains({left}, {right})",
    "includes": "$contains({left}, {right})",
    "match": "$contains({left}, {right})",
    "matches": "$contains({left}, {right})",
    "instanceof": "$type({left}) = …",
    "if": "condition ? {left} : other",
    "then": "condition ? value : other",
    "else": "condition ? value : other",
}


def infix_word(at: Failure) -> Slip | None:
    word = at.here
    folded = word.text.lower()
    if word.kind != "word" or not at.before.ends_operand or at.before.text.lower() in _PREFIX:
        return None
    left, right = at.left(word.start), at.right(word.end)
    following = at.after.text.lower()
    if folded == "not" and following == "in":
        span = Span(word.start, at.after.end)
        return Slip(write(f"$not({left} in {at.right(at.after.end)})"), span, _no_word("not in"))
    if folded == "is":
        return _is(at, left)
    if folded == "between" and (upper := re.search(r"\s(?i:and)\s+(\S+)", at.following(at.after.end))):
        return Slip(write(f"{left} >= {right} and {left} <= {upper[1]}"), word.span, _no_word(word.text))
    if folded not in _INFIX or word.text in ("and", "or", "in"):
        return None
    if folded == "else" and "?" in at.text[: word.start]:
        return Slip("write `:`", word.span, _no_word(word.text))
    hint = write(_INFIX[folded].format(left=left, right=right))
    lower = "operators are written in lower case" if folded in ("and", "or", "in") else _no_word(word.text)
    return Slip(hint, word.span, lower)


def _no_word(word: str) -> str:
    return f"JSONata has no operator `{word}`"


def _is(at: Failure, left: str) -> Slip:
    negated = at.after.text.lower() == "not"
    value = at.piece(2) if negated else at.after
    edit = foreign.compared(left, at.right(value.start), negated=negated)
    return Slip(write(edit), Span(at.here.start, at.after.end if negated else at.here.end), _no_word("is"))


_PREFIX = {
    "not": "$not({right})",
    "return": "{right}",
    "await": "{right}",
    "typeof": "$type({right})",
    "exists": "$exists({right})",
    "yield": "{right}",
}
_DECLARING = ("const", "let", "var")


def prefix_word(at: Failure) -> Slip | None:
    word = at.before
    folded = word.text.lower()
    if word.kind != "word" or not at.here.begins_operand:
        return None
    if folded in _DECLARING:
        return _declared(at)
    if folded in _PREFIX:
        end = at.until(at.here.start, lambda piece: piece.text in ("and", "or", "?", ":"))
        if folded == "return":
            end = at.until(at.here.start, lambda _: False)
        edit = _PREFIX[folded].format(right=at.shown(at.here.start, end))
        message = "the last expression is the result" if folded == "return" else f"JSONata has no word `{word.text}`"
        return Slip(write(edit), word.span, message)
    if folded == "new":
        hint = "write `$toMillis(…)` for a text with a date, or `$now`" if at.here.text == "Date" else "remove it"
        return Slip(hint, word.span, "JSONata has no word `new`")
    if (name := word.text.removeprefix("$")) in STANDARD.keys() | OURS.keys() and not at.is_call:
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


_BODY = r"(?:\{\s*(?:return\s+)?(?P<b%s>[^{}]*?)\s*;?\s*\}|(?P<%s>.*?))\s*;?"
_IF = re.compile(
    rf"if\s*\((?P<if>.*?)\)\s*(?:then\b\s*)?{_BODY % ('then', 'then')}\s*\belse\b\s*(?P<else>.*)"
    r"|(?:if|case\s+when)\s+(?P<if2>.*?)\s+then\s+(?P<then2>.*?)\s+else\s+(?P<else2>.*?)(?:\s+end)?",
    re.DOTALL | re.IGNORECASE,
)


def _conditional(text: str) -> str:
    """A condition of JSONata for one of another language."""
    found = _IF.fullmatch(text.strip())
    if found is None:
        inner = re.fullmatch(r"\{\s*(?:return\s+)?([^{}:]*?)\s*;?\s*\}", text.strip())
        return " ".join((inner[1] if inner else text).split()).rstrip("; ")
    test, then, other = (
        found["if"] or found["if2"],
        found["bthen"] or found["then"] or found["then2"],
        found["else"] or found["else2"],
    )
    return f"{' '.join(test.split())} ? {' '.join((then or '…').split())} : {_conditional(other)}"


def condition(at: Failure) -> Slip | None:
    """`if (a) b else c`, `if a then b else c`, `case when a then b else c end`, `b if a else c`."""
    words = [piece for piece in at.pieces[: at.at + 1] if piece.kind == "word" and piece.text.lower() in ("if", "case")]
    if not words or at.code not in ("S0201", "S0202"):
        return None
    word = words[-1]
    between = at.index(word.start) + 1
    if at.at > at.pairs.get(between, between) + 2 and at.here.text not in ("else", "}", ";"):
        return None
    end = min(at.until(word.start, lambda _: False), word.start + NEAR)
    edit = _conditional(at.text[word.start : end])
    if word == at.here and (found := re.fullmatch(r"if\s+(.*?)\s+else\s+(.*)", at.text[word.start : end], re.DOTALL)):
        edit = f"{found[1]} ? {at.left(word.start)} : {found[2]}"
    fits = " ? " in edit and len(edit) <= 2 * LONGEST
    return Slip(write(edit if fits else "condition ? value : other"), word.span, f"JSONata has no word `{word.text}`")


def arrow(at: Failure) -> Slip | None:
    """`x => x.b`, `(x, y) => x`, `x -> x.b`."""
    start = _arrow(at)
    head = _PARAMETERS.search(at.text, max(0, start - NEAR), start) if start > 0 else None
    if head is None:
        return None
    names = [one.strip().lstrip("$") for one in (head[1] if head[1] is not None else head[2]).split(",") if one.strip()]
    body = at.following(start + 2)[: at.until(start + 2, lambda _: False) - start - 2].strip()
    used = any(re.search(rf"(?<![\w.]){re.escape(name)}\b", body) for name in names)
    if not all(name.isidentifier() for name in names) or not (used or at.is_call or head[1] is not None):
        return None
    edit = _function(names, body)
    return Slip(write(edit), Span(head.start(), start + 2), f"JSONata has no `{at.text[start : start + 2]}`")


def _arrow(at: Failure) -> int:
    """Where the `=>` or `->` is that the failure is at, or whose parameters it is among; -1 if there is none."""
    starts = [at.span.start, at.span.start - 1]
    if at.opened and at.opened[-1] in at.pairs:
        closing = at.pairs[at.opened[-1]]
        starts += [piece.start for piece in at.pieces[closing + 1 : closing + 2]]
    return next((n for n in starts if n > 0 and at.text[n : n + 2] in ("=>", "->")), -1)


def _function(names: list[str], body: str) -> str:
    """A function of JSONata with a body of another language."""
    inner = re.fullmatch(r"\{\s*(?:return\s+)?([^{}:]*?)\s*;?\s*\}", body)
    body = inner[1] if inner else body
    for name in names:
        body = re.sub(rf"(?<![\w.$\"']){re.escape(name)}\b", f"${name}", body)
    body = " ".join(body.split()) if len(body) <= LONGEST else "…"
    return f"function({', '.join(f'${name}' for name in names)}) {{ {body} }}"


_PARAMETERS = re.compile(r"(?:\(([^()]*)\)|([\w$]+))\s*$")
_MAKING = ("function", "λ", "lambda", "fn", "func", "fun", "def")


def parameters(at: Failure) -> Slip | None:
    if at.code == "S0208":
        closing = at.text.find(")", at.span.start)
        opening = at.text.rfind("(", 0, at.span.start)
        names = [one.strip() for one in at.text[opening + 1 : closing].split(",")]
        edit = ", ".join(one if one.startswith("$") else f"${one}" for one in names)
        known = all(re.fullmatch(r"\$?\w+", one) for one in names)
        used = ", ".join(f"`${one}`" for one in names if not one.startswith("$"))
        return Slip(f"write `function({edit})`, and {used} in its body" if known else "a parameter begins with `$`")
    if at.code == "S0202" and "Expected {" in at.message and at.before.text == ")":
        body = at.shown(at.here.start, at.until(at.here.start, lambda _: False))
        head = at.pairs.get(at.at - 1, 0)
        parameters = at.shown(at.pieces[head].start, at.before.end)
        return Slip(write(f"function{parameters} {{ {body} }}"), at.here.span, "the body of a function has braces")
    if at.before.text in _MAKING and at.here.kind == "word":
        if at.after.text == "(":
            edit = f"${at.here.text} := function($a) {{ … }}"
            return Slip(write(edit), Span(at.before.start, at.here.end), "a function has no name but its variable's")
        start = at.after.end if at.after.text == ":" else at.here.end
        body = at.following(start)[: at.until(start, lambda _: False) - start].strip() or "…"
        edit = _function([at.here.text.lstrip("$")], body)
        return Slip(write(edit), Span(at.before.start, at.here.end), "a function is written `function($a) { … }`")
    if at.opener and at.opener.text == "{" and (opened := at.opened[-1]) > 3 and opened - 1 in at.pairs:
        head = at.pairs[opened - 1]
        if at.pieces[head - 1].text in _MAKING[2:]:
            span = at.pieces[head - 1].span
            return Slip("write `function`", span, f"JSONata has no word `{at.pieces[head - 1].text}`")
    return None
