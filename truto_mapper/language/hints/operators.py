"""Operators, characters and values of other languages, and operators without a value."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator

from truto_mapper.language import foreign
from truto_mapper.language.hints.failure import CLOSING, Failure, Slip, write
from truto_mapper.language.hints.pieces import LONGEST, MOST, NEAR
from truto_mapper.text.diagnostics import shortened
from truto_mapper.text.source import Span


def looks_like(text: str) -> Iterator[tuple[int, str]]:
    """The characters of a text that look like others or like nothing, each with its place.

    In Chinese, Japanese and Korean, punctuation is of full width.
    """
    wide = any(one.isalpha() and unicodedata.east_asian_width(one) == "W" for one in text)
    found = ((n, one) for n, one in enumerate(text) if one in foreign.LOOKS_LIKE)
    return ((n, one) for n, one in found if not (wide and "\uff01" <= one <= "\uff5e"))


def named(char: str) -> str:
    """A character and its name, as `“` (left double quotation mark); only its name if it cannot be seen."""
    name = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    visible = unicodedata.category(char)[0] not in "CZ"
    return f"`{char}` ({name})" if visible else f"an invisible character ({name}, U+{ord(char):04X})"


def odd_character(at: Failure) -> Slip | None:
    for piece in (at.before, at.here, at.after):
        odd = next(looks_like(piece.text), None) if piece.kind in ("word", "open") else None
        if odd is not None:
            start = piece.start + odd[0]
            plain = foreign.LOOKS_LIKE[odd[1]]
            hint = f"write `{plain}`" if plain.strip() else "write a space" if plain else "remove it"
            return Slip(hint, Span(start, start + 1), f"{named(odd[1])} has no meaning here")
    return None


_OPERATORS = {
    "===": "{left} = {right}",
    "==": "{left} = {right}",
    "!==": "{left} != {right}",
    "<>": "{left} != {right}",
    "=!": "{left} != {right}",
    "~=": "{left} != {right}",
    "=<": "{left} <= {right}",
    "&&": "{left} and {right}",
    "||": "{left} or {right}",
    "|>": "{left} ~> {right}",
    "=~": "$contains({left}, {right})",
    "!~": "$not($contains({left}, {right}))",
    "**": "$power({left}, {right})",
    "?.": "{left}.{right}",
    "->": "{left}.{right}",
    "::": "{left}.{right}",
    "=:": "{left} := {right}",
    "+=": "{left} := {left} + {right}",
    "-=": "{left} := {left} - {right}",
    "*=": "{left} := {left} * {right}",
    "&=": "{left} := {left} & {right}",
    "||=": "{left} := {left} ?: {right}",
    "??=": "{left} := {left} ?? {right}",
    "++": "{left} + 1",
    "--": "{left} - 1",
    "=>": "{left} >= {right}",
    "..": "{left}.**.{right}",
    "...": "{left}.**.{right}",
    "|": "{left} or {right}",
    "~": "{left} ~> {right}",
}


def _run(at: Failure) -> Span | None:
    """The operator of another language in which the failure lies."""
    place = at.span.start
    starts = range(max(0, place - 2), place + 1)
    spans = (Span(start, start + len(one)) for one in _OPERATORS for start in starts if at.text.startswith(one, start))
    return max(
        (one for one in spans if one.start <= place < one.end), key=lambda one: one.end - one.start, default=None
    )


def foreign_operator(at: Failure) -> Slip | None:
    span = _run(at)
    if span is None or at.code not in ("S0201", "S0202", "S0204", "S0211"):
        return None
    written = at.text[span.start : span.end]
    left, right = at.left(span.start), at.right(span.end)
    left = f"${left}" if ":=" in _OPERATORS[written] and not left.startswith("$") else left
    if left == "…" and not at.pieces[max(0, at.index(span.start) - 1)].ends_operand:
        return None
    if written in ("..", "...") and left.isdecimal() and right.isdecimal():
        edit = f"{left}..{right}"
        in_array = at.opener is not None and at.opener.text == "["
        return Slip(write(edit if in_array else f"[{edit}]"), span, "a range is written `[1..3]`")
    edit = _OPERATORS[written].format(left=left, right=right.replace("?.", "."))
    if right in foreign.LITERALS and _OPERATORS[written][:10] in ("{left} = {", "{left} != "):
        edit = foreign.compared(left, right, negated="!=" in edit)
    if written == "~=" and right.startswith("/"):
        edit = f"$contains({left}, {right})"
    hint = write(edit)
    if written == "||" and right[:1] in "\"'0123456789":
        hint = f"write `{left} ?: {right}` for a default, or `{edit}` for a condition"
    return Slip(hint, span, f"JSONata has no operator `{written}`")


def negation(at: Failure) -> Slip | None:
    is_part = at.before.text == "=" and at.before.end == at.here.start and at.after.start > at.here.end
    if at.here.text == "~" and at.code == "S0204" and not at.before.ends_operand:
        return Slip("“not” is `$not(…)`", at.here.span, "JSONata has no operator `~` before a value")
    if at.here.text != "!" or at.code != "S0204" or is_part:
        return None
    if at.before.ends_operand and at.before.end == at.here.start == at.after.start - 1:
        edit = f"{at.left(at.here.start)}.{at.right(at.after.end)}"
        return Slip(write(edit), at.here.span, "JSONata has no operator `!`") if at.after.text == "." else None
    if at.after.text == "!":
        edit = f"$boolean({at.right(at.after.end)})"
        return Slip(write(edit), Span(at.here.start, at.after.end), "JSONata has no operator `!!`")
    right = at.right(at.here.end)
    if right == "…" or (at.before.ends_operand and at.text[at.here.end : at.here.end + 1].isspace()):
        return Slip("“not” is `$not(…)`, “not equal” is `!=`", at.here.span, "JSONata has no operator `!`")
    inner = right[1:-1] if at.after.text == "(" and right.endswith(")") else right
    return Slip(write(f"$not({inner})"), at.here.span, "JSONata has no operator `!`")


def spread(at: Failure) -> Slip | None:
    """`[...a, 1]` and `{...a, "b": 1}`; also with `*` and `**`."""
    sign, first = at.here, at.at
    if at.before.text in ("*", "**") and at.here.begins_operand:
        sign, first = at.before, at.at - 1
    elif not at.text.startswith("...", at.here.start):
        return None
    before = at.pieces[first - 1] if first else None
    opener = at.opener.text if at.opener else ""
    if before is None or before.text not in ("{", "[", "(", ",") or (sign.text in "**" and opener == "("):
        return None
    text = "..." if sign.text == ".." else sign.text
    span, right = Span(sign.start, sign.start + len(text)), at.right(sign.start + len(text))
    hint = write(right)
    if opener == "{":
        hint = write(_merged(at.parts(), text))
    elif opener == "[":
        hint = f"an array takes the items of another by itself: write `{right}`"
    return Slip(hint, span, f"JSONata has no operator `{text}`{' before a value' if '*' in text else ''}")


def _merged(parts: list[str], sign: str) -> str:
    """`$merge([…])` of the spread and the other pairs of an object, in their order."""
    objects: list[list[str]] = []
    for part in parts:
        if part.startswith(sign):
            objects += [[part.removeprefix(sign)], []]
        elif objects and objects[-1][:1] != [""]:
            objects[-1].append(part)
        else:
            objects.append([part])
    is_spread = [part.removeprefix(sign) for part in parts if part.startswith(sign)]
    merged = ", ".join(one[0] if one[0] in is_spread else f"{{{', '.join(one)}}}" for one in objects if one)
    return f"$merge([{merged}])" if len(merged) <= 2 * LONGEST and len(parts) < MOST else "$merge([…])"


_COMMENT = re.compile(r"\{#(.*?)#\}|<!--(.*?)-->", re.DOTALL)


def comment(at: Failure) -> Slip | None:
    if found := at.around(_COMMENT):
        text = shortened((found[1] or found[2] or "").strip(), LONGEST)
        opening = "{#" if found[1] else "<!--"
        return Slip(write(f"/* {text} */"), Span(*found.span()), f"`{opening}` does not begin a comment")
    start = next((n for n in (at.span.start, at.span.start - 1) if n >= 0 and at.text.startswith("//", n)), -1)
    if start < 0 or at.code not in ("S0301", "S0302", "S0211"):
        return _hash(at)
    rest = at.text[start + 2 :].split("\n")[0].strip()
    divided = re.fullmatch(r"[\d.]+", rest.rstrip(")]},"))
    if divided:
        edit = write(f"$floor({at.left(start)} / {divided[0].rstrip(')]},')})")
        return Slip(edit, Span(start, start + 2), "JSONata has no operator `//`")
    hint = write(f"/* {shortened(rest, LONGEST)} */") if rest else "a comment is `/* … */`"
    return Slip(hint, Span(start, start + 2), "`//` does not begin a comment")


def _hash(at: Failure) -> Slip | None:
    start = at.here.start if at.here.text == "#" else at.before.start if at.before.text == "#" else -1
    if at.text.startswith("#{", start):
        return None
    alone = start >= 0 and not at.text[:start].rpartition("\n")[2].strip()
    if alone or (start > 0 and at.text[start - 1].isspace() and at.text[start + 1 : start + 2].isspace()):
        rest = shortened(at.text[start + 1 :].split("\n")[0].strip(), LONGEST)
        return Slip(
            write(f"/* {rest} */") if rest else "a comment is `/* … */`",
            Span(start, start + 1),
            "`#` does not begin a comment",
        )
    return None


def missing_operand(at: Failure) -> Slip | None:
    operator = at.before
    if at.here.kind == "end" and at.code in ("S0207", "S0203") and operator.text and not operator.ends_operand:
        if found := re.search(r"([\w$.]+)\s*--\s*$", at.text[-NEAR:]):
            return Slip(
                write(f"{found[1]} - 1"), Span(operator.start - 1, operator.end), "JSONata has no operator `--`"
            )
        left = at.left(operator.start)
        step = "a name" if operator.text == "." else "a value"
        if left == "…":
            message = f"there is no value after `{operator.text}`"
            return Slip(f"write {step} after it, or remove `{operator.text}`", operator.span, message)
        sep = "" if operator.text == "." else " "
        return Slip(
            f"write `{left}{sep}{operator.text}{sep}…` with {step}, or remove `{operator.text}`",
            operator.span,
            f"there is no value after `{operator.text}`",
        )
    if at.code != "S0211" or at.here.kind != "operator" or at.here.text in "()[]{}":
        return None
    is_start = at.here.text in (".", "..", "@") and not operator.ends_operand and operator.text != "."
    if is_start and at.after.kind != "number":
        return _path_start(at)
    if at.text.startswith("++", at.here.start) and at.right(at.here.end + 1) != "…":
        edit, span = f"{at.right(at.here.end + 1)} + 1", Span(at.here.start, at.here.end + 1)
        return Slip(write(edit), span, "JSONata has no operator `++`")
    if operator.kind == "operator" and not operator.ends_operand and operator.text not in "([{,;:":
        return Slip(
            "write a value between them, or remove one",
            Span(operator.start, at.here.end),
            f"there is no value between `{operator.text}` and `{at.here.text}`",
        )
    removed = at.right(at.here.end) if at.here.text in ("+", "=") and at.before.kind == "end" else "…"
    hint = "write a value before it, or remove it" if removed == "…" else write(removed)
    return Slip(hint, at.here.span, f"there is no value before `{at.here.text}`")


def _path_start(at: Failure) -> Slip | None:
    """`.a`, `./a`, `../a`, `@.a` and `@a` of other path languages."""
    end = at.after.end if at.after.text in ("/", ".") else at.here.end
    right = at.right(end)
    if at.here.text == "..":
        right = f"%.{right}" if at.after.text == "/" else f"**.{right}"
    elif right.startswith("["):
        right = f"${right}"
    if right.endswith("…"):
        return Slip("write `$` for the value itself, or a name", at.here.span, "a path begins with a name")
    return Slip(write(right), Span(at.here.start, end), f"a path does not begin with `{at.text[at.here.start : end]}`")


def missing_before_closing(at: Failure) -> Slip | None:
    """An operator whose right side is missing because a bracket closes: `(a + )`."""
    if at.code != "S0211" or at.here.text not in CLOSING:
        return None
    if at.before.text == "(" and at.here.text == ")" and at.piece(-2).text == "^":
        return Slip("write a key: `^(key)`", Span(at.before.start, at.here.end), "a sort has a key")
    if at.before.text in ("(", "[", "{") or at.before.ends_operand:
        return None
    return Slip(
        f"write a value after it, or remove `{at.before.text}`",
        at.before.span,
        f"there is no value between `{at.before.text}` and `{at.here.text}`",
    )


def two_operators(at: Failure) -> Slip | None:
    """`a and and b` and `a + * b`: the second operator is read as a name or a wildcard."""
    first, second = at.piece(-2), at.before
    if not at.here.begins_operand or second.text not in ("*", "%", "and", "or", "in") or first.ends_operand:
        return None
    if first.kind == "end" or first.text in ("(", "[", "{", ",", ";", ":="):
        message = f"there is no value before `{second.text}`"
        return Slip("write a value before it, or remove it", second.span, message)
    message = f"there is no value between `{first.text}` and `{second.text}`"
    return Slip("write a value between them, or remove one", Span(first.start, second.end), message)


def two_items(at: Failure) -> Slip | None:
    """Two items without a comma, or two values without an operator."""
    two = at.here.begins_operand and at.before.ends_operand and at.before.kind != "regex"
    if at.code not in ("S0201", "S0202") or not two or at.message.startswith(("Expected :", "Expected {")):
        return None
    left, right, span = at.left(at.before.end), at.right(at.here.start), Span(at.before.start, at.here.end)
    if at.before.text == "$":
        return Slip(write(f"${right}"), span, "there is a space after `$`")
    opener = at.opener.text if at.opener else ""
    if opener == "{" or at.is_call or (opener == "[" and not at.is_predicate):
        return Slip(write(f"{left}, {right}"), span, "a comma is missing")
    if opener == "(" and at.pieces[at.opened[-1] - 1].text == "^":
        return Slip(write(f"{left}, {right}"), span, "a comma is missing")
    if opener == "(":
        return Slip(f"write `{left}; {right}` for two expressions, or an operator", span, "an operator is missing")
    hint = f"write one between them, as in `{left} & {right}`"
    if re.fullmatch(r"[\w\s]+", at.text):
        hint += f", or quotes around a text: `{shortened(json.dumps(at.text.strip(), ensure_ascii=False), LONGEST)}`"
    return Slip(hint, span, "an operator is missing")
