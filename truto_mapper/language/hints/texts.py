"""Strings, numbers, regular expressions, and steps of other path languages."""

from __future__ import annotations

import re

from truto_mapper.language.hints.failure import CLOSED, Failure, Slip, write
from truto_mapper.language.hints.pieces import LONGEST
from truto_mapper.text.diagnostics import shortened
from truto_mapper.text.source import Span


def quote_inside(at: Failure) -> Slip | None:
    """A quote within a string of the same quotes."""
    string = at.before
    if string.kind != "string" or at.here.start != string.end or at.code not in ("S0201", "S0202"):
        return None
    quote = string.text[0]
    closing = re.compile(rf"{quote}(?=\s*(?:$|[)\]}},;:&=?|<>!+]|and\b|or\b|in\b))")
    found = closing.search(at.text, at.here.start)
    if found is None:
        return None
    inner = at.text[string.start + 1 : found.start()]
    inside = '\\"' if quote == '"' else quote
    edit = f'"{inner.replace(quote * 2, quote).replace(quote, inside)}"'
    if '"' in inner and quote == "'":
        return Slip(f'write the string in `"` quotes and {quote} inside it as it is', Span(string.end - 1, string.end))
    return Slip(
        write(shortened(edit, 2 * LONGEST)), Span(string.end - 1, string.end), f"this `{quote}` ends the string"
    )


_UNCLOSED = {"S0101": "string", "S0105": "name", "S0106": "comment", "S0302": "regular expression"}


def unclosed_text(at: Failure) -> Slip | None:
    """A string, a name in backquotes, a comment or a regular expression without its end; its first line is marked."""
    if at.code not in _UNCLOSED or (at.code == "S0302" and "No terminating" not in at.message):
        return None
    line = at.text[at.span.start :].split("\n")[0].rstrip()
    span, message = Span(at.span.start, at.span.start + len(line)), f"this {_UNCLOSED[at.code]} is not closed"
    if at.code == "S0302" and len(line) > 1 and line.endswith("/"):
        hint = "close the bracket in it, or write `\\(` for the character"
        return Slip(hint, span, "a bracket in this regular expression is not closed")
    for opened in reversed(at.opened):  # the brackets behind it are not of the text
        line = line.removesuffix(CLOSED[at.pieces[opened].text])
    end = "*/" if at.code == "S0106" else line[0]
    return Slip(write(line + end) if len(line) <= LONGEST and end in "\"'/" else _at_end(end), span, message)


def _at_end(end: str) -> str:
    return "write a backquote at its end" if end == "`" else f"write `{end}` at its end"


def escape(at: Failure) -> Slip | None:
    if at.code not in ("S0103", "S0104", "S0302") or at.span.start >= len(at.text):
        return None
    if at.code == "S0302":
        look = re.search(r"\(\?(?:[=!]|<[=!])|\\[1-9]", at.following(at.span.start))
        return (
            Slip("RE2 has no look-around and no back references: test with a second expression", None) if look else None
        )
    backslash = at.text.rfind("\\", at.span.start, at.span.end)
    char = at.text[backslash + 1 : backslash + 2]
    span = Span(backslash, backslash + 1 + len(char))
    if char in "'`":
        return Slip(write(char or "\\\\"), span)
    return Slip(f"a backslash in a string is `\\\\`: write `\\\\{char}`", span)


_DECIMAL = "a number is written in decimal digits, without separators"


def number(at: Failure) -> Slip | None:
    here, before = at.here, at.before
    joined = before.kind == "number" and before.end == here.start
    if joined and (found := re.match(r"0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+", at.following(before.start))):
        return Slip(write(str(int(found[0], 0))), Span(before.start, before.start + found.end()), _DECIMAL)
    if joined and (found := re.match(r"\d+(?:_\d+)+|0\d+", at.following(before.start))):
        edit = found[0].replace("_", "").lstrip("0") or "0"
        return Slip(write(edit), Span(before.start, before.start + found.end()), _DECIMAL)
    if joined and here.kind == "word":
        hint = f"write `` `{before.text}{here.text}` ``"
        return Slip(hint, Span(before.start, here.end), "a name that begins with a digit needs backquotes")
    if here.text == "." and at.code == "S0211" and at.after.kind == "number" and at.after.start == here.end:
        return Slip(write(f"0.{at.after.text}"), Span(here.start, at.after.end), _DECIMAL)
    if at.code == "S0213" and here.kind == "number" and re.fullmatch(r"[\d.]+", at.text.strip()):
        return Slip(write(f'"{at.text.strip()}"'), here.span, "a text needs quotes")
    if at.code == "S0213" and here.kind == "number":
        return Slip(write(f"{at.left(before.start)}[{here.text}]"), Span(before.start, here.end))
    if at.code == "S0213":
        return Slip(write(f"`{here.text}`"), here.span)
    return None


def flags(at: Failure) -> Slip | None:
    if at.before.kind == "regex" and at.before.end == at.here.start and re.fullmatch("[a-z]{1,3}", at.here.text):
        return Slip(
            f"the flags are `i` and `m`: write `{at.before.text}`",
            at.here.span,
            f"a regular expression has no flag `{at.here.text}`",
        )
    return None


def dollar(at: Failure) -> Slip | None:
    """A variable without its `$`: `x := 1`, `a@b`, `a#b`."""
    here = at.here
    if here.kind != "word" or here.text.startswith("$") or at.code not in ("S0212", "S0214"):
        return None
    if at.code == "S0214":
        return Slip(write(f"{at.before.text}${here.text}"), here.span)
    following = at.after
    value = at.right(following.end)
    return Slip(f"write `${here.text} := {value}`, and `${here.text}` where it is used", here.span)


def steps(at: Failure) -> Slip | None:
    """`[?(@.b)]` and `a[1:3]` of other path languages, and `a^b`."""
    if at.here.text == "?" and at.before.text == "[" and at.code == "S0211":
        inner = re.match(r"\?\s*\(?(.*?)\)?\s*\]", at.following(at.here.start))
        edit = inner[1].replace("@.", "").replace("==", "=").replace("&&", "and").replace("||", "or") if inner else "…"
        return Slip(write(f"[{edit}]"), at.here.span, "a predicate has no `?`")
    if at.here.text in (":", "..") and at.opener and at.opener.text == "[" and at.before.kind == "number":
        stop = at.after.text
        end = str(int(stop) - 1) if at.here.text == ":" and stop.isdecimal() else stop
        if stop.isdecimal():
            return Slip(write(f"[[{at.before.text}..{end}]]"), at.here.span, "a range of items has two brackets")
    if at.before.text == "^" and at.code == "S0202":
        right = at.right(at.here.start)
        left = at.left(at.before.start)
        power = left.replace(".", "").isdecimal() or right.isdecimal()
        return Slip(write(f"$power({left}, {right})" if power else f"{left}^({right})"), at.before.span)
    return None
