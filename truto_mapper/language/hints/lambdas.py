"""Functions of other languages: `x => x.b`, `lambda x: x`, `def f(x)`, `function(x) { x }`."""

from __future__ import annotations

import re

from truto_mapper.language.hints.failure import Failure, Slip, write
from truto_mapper.language.hints.phrases import body_of
from truto_mapper.language.hints.pieces import LONGEST, NEAR
from truto_mapper.text.source import Span


def arrow(at: Failure) -> Slip | None:
    """`x => x.b`, `(x, y) => x`, `x -> x.b`."""
    start = _arrow(at)
    head = _PARAMETERS.search(at.text, max(0, start - NEAR), start) if start > 0 else None
    if head is None:
        return None
    names = [one.strip().lstrip("$") for one in (head[1] if head[1] is not None else head[2]).split(",") if one.strip()]
    body = _body(at, start + 2)
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
    body = body_of(body)
    for name in names:
        body = re.sub(rf"(?<![\w.$\"']){re.escape(name)}\b", f"${name}", body)
    body = " ".join(body.split()) if len(body) <= LONGEST else "…"
    return f"function({', '.join(f'${name}' for name in names)}) {{ {body} }}"


_PARAMETERS = re.compile(r"(?:\(([^()]*)\)|([\w$]+))\s*$")
_LAMBDA = re.compile(r"\blambda\b\s*([\w$\s,]*):")
_MAKING = ("function", "λ", "lambda", "fn", "func", "fun", "def")


_WRITTEN = "a function is written `function($a) { … }`"


def _body(at: Failure, start: int) -> str:
    return at.following(start)[: at.until(start, lambda _: False) - start].strip()


def parameters(at: Failure) -> Slip | None:
    """Parameters without a `$`, or with a type or a default value; a body without braces."""
    if at.code == "S0208":
        return _names(at)
    if at.here.text == ":" and at.opened and at.piece(at.opened[-1] - at.at - 1).text in _MAKING:
        return Slip(write(at.before.text), Span(at.before.start, at.after.end), "a parameter has no type")
    if at.code != "S0202" or "Expected {" not in at.message:
        return None
    if at.here.text == ":":
        return Slip("remove it", Span(at.here.start, at.after.end), "the result of a function has no type")
    if at.before.text == ")":
        head = at.shown(at.pieces[at.pairs.get(at.at - 1, 0)].start, at.before.end)
        body = at.shown(at.here.start, at.until(at.here.start, lambda _: False))
        return Slip(write(f"function{head} {{ {body} }}"), at.here.span, "the body of a function has braces")
    return making(at)


def _names(at: Failure) -> Slip:
    if at.here.text in ("=", ":="):
        name = at.before.text
        edit = f"write `{name}`, and `({name} ?? {at.right(at.here.end)})` in the body"
        return Slip(edit, at.here.span, "a parameter has no default value")
    opening, closing = at.text.rfind("(", 0, at.span.start), at.text.find(")", at.span.start)
    names = [one.strip() for one in at.text[opening + 1 : closing].split(",")]
    if not all(re.fullmatch(r"\$?\w+", one) for one in names):
        return Slip("a parameter begins with `$`")
    edit = ", ".join(one if one.startswith("$") else f"${one}" for one in names)
    used = ", ".join(f"`${one}`" for one in names if not one.startswith("$"))
    return Slip(f"write `function({edit})`, and {used} in its body")


def making(at: Failure) -> Slip | None:
    """`lambda x: x`, `def f(x)`, `fn(x) { x }`, `($x) { $x }`."""
    if found := at.around(_LAMBDA):
        names = [one.strip() for one in found[1].split(",") if one.strip()]
        return Slip(write(_function(names, _body(at, found.end()) or "…")), Span(*found.span()), _WRITTEN)
    if at.before.text in _MAKING and at.here.kind == "word":
        span = Span(at.before.start, at.here.end)
        if at.after.text == "(":
            edit = write(f"${at.here.text} := function($a) {{ … }}")
            return Slip(edit, span, "a function has no name but its variable's")
        return Slip(write(_function([at.here.text.lstrip("$")], _body(at, at.here.end) or "…")), span, _WRITTEN)
    return _unnamed(at)


def _unnamed(at: Failure) -> Slip | None:
    """The word before the parameters, where the failure is in the body."""
    opened = at.opened[-1] if at.opener and at.opener.text == "{" else 0
    if opened < 3 or opened - 1 not in at.pairs:
        return None
    head = at.pairs[opened - 1]
    word = at.pieces[head - 1]
    if word.text in _MAKING[2:]:
        return Slip("write `function`", word.span, f"JSONata has no word `{word.text}`")
    if word.text in ("(", ",", ":=", ":") and at.pieces[head + 1].text[0] == "$":
        span = Span(at.pieces[head].start, at.pieces[opened - 1].end)
        return Slip(write(f"function{at.shown(span.start, span.end)}"), span, "a function begins with `function`")
    return None
