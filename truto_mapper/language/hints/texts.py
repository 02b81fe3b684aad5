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
    if (
        string.kind != "string"
        or at.here.start != string.end
        or not at.here.begins_operand
        or at.code not in ("S0201", "S0202")
    ):
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
    if at.code == "S0302" and at.text[at.span.start - 1 : at.span.start] == "*":
        return Slip("remove it", Span(at.span.start - 1, at.span.start + 1), "this `*/` closes no comment")
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
    if char == "(":
        return Slip('write `"…" & value`', span, "a string has no placeholders")
    if found := re.match(r"\\(?:x|u\{)([0-9a-fA-F]{2,4})", at.following(backslash)):
        return Slip(write(f"\\u{found[1]:0>4}"), Span(backslash, backslash + found.end()))
    if char == "u":
        return Slip("write four digits, as in `\\u00e9`, or `\\\\u`", span)
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
    if (
        here.text == "."
        and before.text != ".."
        and at.code == "S0211"
        and at.after.kind == "number"
        and at.after.start == here.end
    ):
        return Slip(write(f"0.{at.after.text}"), Span(here.start, at.after.end), _DECIMAL)
    if at.code == "S0213" and here.kind == "number" and before.text == ".":
        return Slip(write(f"{at.left(before.start)}[{here.text}]"), Span(before.start, here.end))
    if at.code == "S0213":
        return Slip(f"write `` `{here.text}` `` for the field", here.span)
    return None


def flags(at: Failure) -> Slip | None:
    if at.before.kind == "regex" and at.before.end == at.here.start and re.fullmatch("[a-z]{1,3}", at.here.text):
        return Slip(
            f"the flags are `i` and `m`: write `{at.before.text}`",
            at.here.span,
            f"a regular expression has no flag `{at.here.text}`",
        )
    return None


_ASSIGNED = re.compile(r"([\w$.\[\]]+)\s*:=\s*")


def dollar(at: Failure) -> Slip | None:
    """A variable without its `$`: `x := 1`, `a@b`, `a#b`."""
    here = at.here
    if at.code == "S0214":
        is_word = here.kind == "word" and not here.text.startswith("$")
        sign = at.before.text if is_word else here.text or at.before.text
        return Slip(write(f"{sign}${here.text if is_word else 'name'}"), here.span if here.text else at.before.span)
    if at.code != "S0212" or (found := at.around(_ASSIGNED)) is None:
        return None
    target, value = found[1], at.right(found.end())
    name = target.rpartition(".")[2].strip("$[]") or "name"
    if re.fullmatch(r"\$\w+\.\w+", target):
        edit = f'{target.partition(".")[0]} := $merge([{target.partition(".")[0]}, {{"{name}": {value}}}])'
        return Slip(write(edit), Span(*found.span(1)), "a field of a value cannot be set")
    if "[" in target or not name.isidentifier():
        return Slip(write(f"$name := {value}"), Span(*found.span(1)), "only a variable can be set: it begins with `$`")
    return Slip(f"write `${name} := {value}`, and `${name}` where it is used", Span(*found.span(1)))


def steps(at: Failure) -> Slip | None:
    """`[?(@.b)]` and `a[1:3]` of other path languages, and `a^b`."""
    if at.here.text == "?" and at.before.text == "[" and at.code == "S0211":
        inner = re.match(r"\?\s*\(?(.*?)\)?\s*\]", at.following(at.here.start))
        edit = inner[1].replace("@.", "").replace("==", "=").replace("&&", "and").replace("||", "or") if inner else "…"
        return Slip(write(f"[{edit}]"), at.here.span, "a predicate has no `?`")
    if (
        at.opener
        and at.opener.text == "["
        and at.is_predicate
        and (found := _SLICE.match(at.following(at.opener.start)))
    ):
        span = Span(at.opener.start, at.opener.start + found.end())
        return Slip(write(_slice(*found.groups())), span, "a range of items has two brackets")
    if at.opener and at.piece(at.opened[-1] - at.at - 1).text == "^":
        return _sort(at)
    if at.before.text == "^" and at.code == "S0202":
        right = at.right(at.here.start)
        left = at.left(at.before.start)
        power = left.replace(".", "").isdecimal() or right.isdecimal()
        return Slip(write(f"$power({left}, {right})" if power else f"{left}^({right})"), at.before.span)
    return None


_SLICE = re.compile(r"\[\s*(-?\d*)\s*(\.\.|:)\s*(-?\d*)\s*\]")


def _slice(start: str, sign: str, stop: str) -> str:
    """The predicate for `[1:3]`, `[1:]`, `[-2:]` or `[1..3]`."""
    if sign == ".." and stop:
        return f"[[{start or 0}..{stop}]]"
    if stop and int(stop) > 0:
        return f"[[{start or 0}..{int(stop) - 1}]]"
    if start.startswith("-"):
        return f"[[{start}..{int(stop or 0) - 1}]]"
    return f"#$i[$i >= {start or 0}]"


_DIRECTION = re.compile(r"^(?:(desc|asc)\w*\s+(.+)|(.+?)[\s:]+(desc|asc)\w*)$", re.IGNORECASE)


def _sort(at: Failure) -> Slip | None:
    """`a^(b desc)`"""
    for part in at.parts():
        if found := _DIRECTION.match(part):
            descending = (found[1] or found[4]).lower() == "desc"
            edit = f"^({'>' if descending else ''}{found[2] or found[3]})"
            return Slip(write(edit), at.here.span, "`>` before a key is a descending order, `<` an ascending one")
    return None
