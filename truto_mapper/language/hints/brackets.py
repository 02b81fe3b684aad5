"""Brackets that do not fit, and what separates the items within: commas, colons, semicolons."""

from __future__ import annotations

import re

from truto_mapper.language.hints.failure import CLOSED, CLOSING, Failure, Slip, write
from truto_mapper.language.hints.pieces import LONGEST
from truto_mapper.text.source import Span


def unclosed(at: Failure) -> Slip | None:
    if at.message.startswith("Expected |"):
        return _transform(at)
    if at.here.kind != "end" or not at.opener or at.code not in ("S0203", "S0207", "S0211"):
        return None
    if at.code == "S0207" and not at.before.ends_operand and at.before.text not in ("(", "[", "{"):
        return None
    closing = CLOSED[at.opener.text]
    return Slip(
        f"write `{closing}` where it ends",
        at.opener.span,
        f"the `{at.opener.text}` at {at.where(at.opener)} is not closed",
    )


def _transform(at: Failure) -> Slip:
    if found := re.search(r"[(,]\s*(\|\s*(\w[\w\s,]*)\|)", at.text[: at.span.start]):
        names = ", ".join("$" + one.strip() for one in found[2].split(","))
        return Slip(write(f"function({names}) {{ … }}"), Span(*found.span(1)), "parameters are in brackets")
    if at.before.text == "|":
        return Slip(write("|{…}|"), at.before.span, "a transform is `|place|changes|`")
    return Slip("write `|` where it ends", at.before.span, "this transform is not closed")


def bars(at: Failure) -> Slip | None:
    """A `|` too many in a transform, and a bracket in it that is not closed."""
    if at.before.text == "|" and at.text.count("|", 0, at.before.start) >= 2 and at.code == "S0201":
        return Slip("write `|place|changes, names to remove|`", at.before.span, "a transform ends at its third `|`")
    if at.here.text == "|" and at.after.text in ("", ")") and at.opener and "|" in at.text[: at.opener.start]:
        message = f"the `{at.opener.text}` at {at.where(at.opener)} is not closed"
        return Slip(f"write `{CLOSED[at.opener.text]}` where it ends", at.opener.span, message)
    return None


def stray(at: Failure) -> Slip | None:
    """A closing bracket that closes nothing, or another kind of bracket."""
    if at.here.text not in CLOSING or at.code not in ("S0201", "S0202", "S0211"):
        return None
    if at.opener is None:
        return Slip("remove it", at.here.span, f"this `{at.here.text}` closes nothing")
    if at.opener.text == CLOSING[at.here.text]:
        return None
    message = f"this `{at.here.text}` does not close the `{at.opener.text}` at {at.where(at.opener)}"
    return Slip(write(CLOSED[at.opener.text]), at.here.span, message)


def trailing_comma(at: Failure) -> Slip | None:
    if at.before.text != "," or at.code not in ("S0211", "S0207"):
        return None
    if at.here.text == ",":
        return Slip("remove one", at.here.span, "there is nothing between two commas")
    if at.opener is None or at.opener.text != CLOSING.get(at.here.text):
        return None
    opening = at.opener.start
    if at.is_call:
        opening = at.pieces[at.opened[-1] - 1].start
    start = opening if len(at.text[opening : at.here.end]) <= LONGEST else at.piece(-2).start
    edit = at.text[start : at.before.start] + at.here.text
    return Slip(
        write(" ".join(edit.split())), at.before.span, f"a comma is before `{at.here.text}`, but nothing follows it"
    )


def empty_item(at: Failure) -> Slip | None:
    if at.here.text == "," and at.code == "S0211" and at.before.text in ("(", "[", "{"):
        return Slip("remove it", at.here.span, f"there is nothing between `{at.before.text}` and `,`")
    return None


def arrow_pair(at: Failure) -> Slip | None:
    """`{"a" => 1}`"""
    arrow = at.text[at.span.start - 1 : at.span.start + 1] in ("=>", "->") and at.opener and at.opener.text == "{"
    if not arrow or at.code != "S0211" or at.piece(-3).text not in ("{", ","):
        return None
    name = at.piece(-2)
    key = f'"{name.text}"' if name.kind == "word" and name.text[0] != "$" else name.text
    value, span = at.right(at.here.end), Span(at.before.start, at.here.end)
    return Slip(write(f"{key}: {value}"), span, "a key and its value have a colon between them")


def pair(at: Failure) -> Slip | None:
    """An object's pair without a colon: `{a}`, `{"a" = 1}`, `{"a" 1}`."""
    if at.opener is None or at.opener.text != "{" or "Expected :" not in at.message or at.here.kind == "end":
        return None
    begin = at.at - 1
    while begin > at.opened[-1] and at.pieces[begin - 1].text not in (",", "{"):
        begin -= 1
    if at.here.begins_operand:
        return Slip(write(f"{at.left(at.here.start)}: {at.right(at.here.start)}"), at.here.span, "a colon is missing")
    first = at.pieces[begin]
    sign = next((one for one in at.pieces[begin : at.at] if one.text in ("=", ":=", "=>")), None)
    key = first.text if first.kind == "string" else f'"{first.text}"'
    if sign is not None and begin + 1 == at.index(sign.start):
        value = at.shown(sign.end, at.before.end)
        return Slip(write(f"{key}: {value}"), sign.span, "a key and its value have a colon between them")
    value = at.shown(first.start, at.before.end)
    if first.kind == "string":
        return Slip(write(f"{key}: …"), first.span, "this key has no value")
    name = value.rpartition(".")[2].strip("`$[]") or "key"
    return Slip(write(f'"{name}": {value}'), Span(first.start, at.before.end), "an object has keys and values")


def separators(at: Failure) -> Slip | None:
    """`;` for `,`, and `,` or `;` where neither can be."""
    opener = at.opener.text if at.opener else ""
    left, right = at.left(at.here.start), at.right(at.here.end)
    if at.here.text == ";" and at.code in ("S0201", "S0202") and (at.after.kind == "end" or at.after.text in CLOSING):
        return Slip("remove it", at.here.span, "nothing follows this `;`")
    if at.here.text == ";" and (opener in ("[", "{") or at.is_call) and at.code == "S0202":
        if any(number not in at.pairs for number in at.opened):
            message = f"the `{opener}` at {at.where(at.pieces[at.opened[-1]])} is not closed"
            return Slip(f"write `{CLOSED[opener]}` before `;`", at.pieces[at.opened[-1]].span, message)
        return Slip("write `,`", at.here.span, "items and arguments are separated by commas")
    if at.here.text == ";" and not opener:
        return Slip(_block(at), at.here.span, "several expressions need brackets around them")
    if at.here.text == "," and at.code in ("S0201", "S0202"):
        return _comma(at, opener, left, right)
    if at.here.text == ":" and opener == "{" and at.code == "S0202":
        return Slip("write `,` before the next key", at.here.span, "a key has one value")
    if at.here.text == ":" and (at.code == "S0201" or at.before.text[:1] in ("$", '"', "'")):
        return _colon(at, right)
    return None


def _block(at: Failure) -> str:
    text = " ".join(re.sub(r"(^|;)\s*(\$\w+)\s*=\s", r"\1 \2 := ", at.text).split()).rstrip("; ")
    return write(f"({text})") if len(text) <= 2 * LONGEST else "write `(` before the first and `)` after the last"


def _comma(at: Failure, opener: str, left: str, right: str) -> Slip:
    if number := re.match(r"\d{1,3}(?:,\d{3})+\b", at.following(at.before.start)):
        span = Span(at.before.start, at.before.start + number.end())
        return Slip(write(number[0].replace(",", "")), span, "a number has no separators")
    if at.after.kind == "end":
        return Slip("remove it", at.here.span, "nothing follows this comma")
    since = [one.text for one in at.pieces[at.opened[-1] if at.opened else 0 : at.at]]
    if "?" in since and ":" not in since:
        return Slip("write `:`", at.here.span, "a condition is `condition ? value : other`")
    start = at.opener.start if at.opener else 0
    if opener == "[" and (numbers := re.match(r"\[\s*(-?\d+(?:\s*,\s*-?\d+)+)\s*\]", at.following(start))):
        return Slip(write(f"[[{numbers[1]}]]"), at.here.span, "several indices have two brackets")
    if opener == "[":
        return Slip("join conditions with `and` or `or`", at.here.span, "a predicate is one expression")
    end = at.pieces[at.pairs[at.opened[-1]]].end if at.opened and at.opened[-1] in at.pairs else len(at.text)
    if at.opener and re.search(":=|;", at.text[at.opener.start : at.here.start]):
        return Slip("write `;`", at.here.span, "the expressions of a block are separated by semicolons")
    if at.piece(-2).text == "in":
        return Slip(
            f"write `in [{at.shown(at.before.start, end).rstrip(')')}]`", at.here.span, "an array has square brackets"
        )
    whole = at.shown(start, end).strip("()")
    return Slip(
        write(f"[{whole}]" if whole != "…" else f"[{left}, {right}]"), at.here.span, "an array has square brackets"
    )


def _colon(at: Failure, right: str) -> Slip:
    if at.before.text[0] == "$":
        end = at.after.end if at.after.text == "=" else at.here.end
        edit = write(f"{at.before.text} := {at.right(end)}")
        return Slip(edit, Span(at.here.start, end), "a variable is bound with `:=`")
    if "?" in at.text:
        return Slip("remove it, or write `condition ? value : other`", at.here.span, "this `:` belongs to no `?`")
    key = at.before.text if at.before.kind == "string" else f'"{at.before.text}"'
    return Slip(write(f"{{{key}: {right}}}"), at.here.span, "an object has braces around it")
