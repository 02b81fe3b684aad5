"""Texts with placeholders of other languages: `{{a}}`, `${a}`, `{% a %}`, `f"{a}"`, `/users/{id}`."""

from __future__ import annotations

import json
import re

from truto_mapper.language import foreign
from truto_mapper.language.hints.failure import Failure, Slip, write
from truto_mapper.language.hints.pieces import LONGEST
from truto_mapper.language.library.functions import LIBRARY
from truto_mapper.language.parser import parse
from truto_mapper.text.diagnostics import shortened
from truto_mapper.text.errors import MapperError
from truto_mapper.text.source import Span

#: A placeholder; one of its groups has what is in it.
PLACEHOLDER = re.compile(
    r"\{\{\{?\s*([^{}]*?)\s*\}\}\}?|[$#]\{\s*([^{}]*?)\s*\}|(?:\{%|<%)[-=]?\s*(.*?)\s*-?%[}>]", re.DOTALL
)
_BRACES = re.compile(r"\{\{?\s*([^{}]*?)\s*\}?\}|(?<=/):(\w+)")
_FORMATTED = re.compile(r"""(?<![\w$])[fF$](?:"([^"]*\{[^"]*)"|'([^']*\{[^']*)')""")
_TAG = re.compile(r"[#/^]?\s*(if|unless|elif|elsif|else|for|foreach|each)\b\s*(.*)", re.DOTALL)
#: What can only be a text: as the whole expression, or anywhere.
_ADDRESS = re.compile(r"https?://[^\s\"'`]+|/[\w.{}$:~-]+(?:/[@\w.{}$:~-]*)+|[\w.+-]+@[\w.-]+\.(?:com|org|net|io|dev)")
_MOMENT = re.compile(
    r"(?<![\w.])(?:\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[-+][\d:]+)?)?|\d\d?:\d\d(?::\d\d)?|\d+(?:\.\d+){2,})(?![\w.])"
)
_FLAGS = re.compile(r"/[^/]+/[dgimsuvy]+")


def is_expression(text: str) -> bool:
    try:
        parse(text)
    except MapperError:
        return False
    return True


def joined(text: str, placeholder: re.Pattern[str] = PLACEHOLDER) -> str | None:
    """A text with placeholders as strings and expressions joined by `&`; None if a placeholder holds no expression."""
    pieces, end = [], 0
    for found in placeholder.finditer(text):
        inner = _inner(found)
        if not inner or not is_expression(inner):
            return None
        value = inner if re.fullmatch(r"[\w$.]+", inner) else f"({inner})"
        pieces += [_quoted(text[end : found.start()]), value]
        end = found.end()
    pieces.append(_quoted(text[end:]))
    return shortened(" & ".join(filter(None, pieces)), 2 * LONGEST) if end or placeholder is not PLACEHOLDER else None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if text else ""


def _inner(found: re.Match[str]) -> str:
    """What a placeholder holds; its filters, as `name | upper`, become functions."""
    value, *filters = re.split(r"\s*(?<!\|)\|(?!\|)\s*", next(filter(None, found.groups()), "").strip())
    for one in filters:
        name, opening, arguments = one.partition("(")
        if name == "default":
            value += f" ?? {arguments.removesuffix(')')}"
        else:
            known = foreign.function_for(name, LIBRARY)
            value += f" ~> ${known or name}{opening}{arguments}"
    return value


def template(at: Failure) -> Slip | None:
    found = at.around(PLACEHOLDER)
    if found is None:
        return None
    inner, opening = _inner(found), re.match(r"[{%$#<]*", found[0])
    assert opening  # noqa: S101  # it matches any text
    message = f"JSONata has no `{opening[0][:2]}`: the whole text is an expression"
    if tag := _TAG.fullmatch(next(filter(None, found.groups()), "")):
        return Slip(_of_tag(tag[1], tag[2]), Span(*found.span()), message)
    if not inner or inner[0] in "/>!&^":
        return Slip("remove it", Span(*found.span()), message)
    whole = at.text.strip()
    beside = len(whole) <= 4 * LONGEST and not is_expression(PLACEHOLDER.sub("a", whole))
    edit = joined(whole) if beside and '"' not in PLACEHOLDER.sub("", whole) else None
    return Slip(write(edit or shortened(inner, LONGEST)), Span(*found.span()), message)


def _of_tag(name: str, rest: str) -> str:
    if name in ("for", "foreach", "each"):
        return write(f"{re.sub(r'^.* in ', '', rest) or 'items'}.(…)")
    return write(f"{rest} ? value : other" if rest and len(rest) <= LONGEST else "condition ? value : other")


def bare(at: Failure) -> Slip | None:
    """A text without quotes: a path, an address, a date, a version; and `f"Hello {name}"`."""
    if found := at.around(_FORMATTED):
        edit = joined(found[1] or found[2], _BRACES)
        return Slip(write(edit), Span(*found.span()), "a string has no placeholders") if edit else None
    whole = at.text.strip()
    is_address = _ADDRESS.fullmatch(whole) and not _FLAGS.fullmatch(whole)
    found = None if is_address else at.around(_MOMENT)
    if not is_address and found is None:
        return None
    start = found.start() if found else at.text.index(whole)
    text = found[0] if found else whole
    edit = joined(text.replace("${", "{"), _BRACES)
    return Slip(write(edit), Span(start, start + len(text)), foreign.UNQUOTED) if edit else None
