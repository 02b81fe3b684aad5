"""Phrases of other languages: `if … else`, `case when`, `[x for x in xs]`, `select … from`."""

from __future__ import annotations

import re

from truto_mapper.language.hints.failure import Failure, Slip, write
from truto_mapper.language.hints.pieces import LONGEST, NEAR
from truto_mapper.text.source import Span

_BODY = r"(?:\{\s*(?:return\s+)?(?P<b%s>[^{}]*?)\s*;?\s*\}|(?P<%s>.*?))\s*;?"
_IF = re.compile(
    rf"if\s*\((?P<if>.*?)\)\s*(?:then\b\s*)?{_BODY % ('then', 'then')}\s*\belse\b\s*(?P<else>.*)"
    r"|if\s+(?P<if2>.*?)\s+then\s+(?P<then2>.*?)\s+else\s+(?P<else2>.*?)(?:\s+end)?",
    re.DOTALL | re.IGNORECASE,
)
_CASE = re.compile(r"case\s+(when\s+.*?)(?:\s+else\s+(.*?))?\s+end", re.DOTALL | re.IGNORECASE)
_WHEN = re.compile(r"when\s+(.*?)\s+then\s+(.*?)(?=\s+when\s|$)", re.DOTALL | re.IGNORECASE)


def one_line(text: str) -> str:
    return " ".join(text.split())


def body_of(text: str) -> str:
    """The value that a body in braces, as `{ return a; }`, gives; any other text as it is."""
    found = re.fullmatch(r"\{\s*return\s+(.*?)\s*;?\s*\}|\{\s*([^{}:]*?)\s*;?\s*\}", text.strip(), re.DOTALL)
    return (found[1] or found[2] or "") if found else text


def _conditional(text: str) -> str:
    """A condition of JSONata for one of another language."""
    text = text.strip()
    if found := _CASE.fullmatch(text):
        branches = "".join(f"{one_line(one[1])} ? {one_line(one[2])} : " for one in _WHEN.finditer(found[1]))
        return branches + one_line(found[2]) if found[2] else branches.removesuffix(" : ")
    if not (found := _IF.fullmatch(text)):
        return one_line(body_of(text)).rstrip("; ")
    test, then, other = (
        found["if"] or found["if2"],
        found["bthen"] or found["then"] or found["then2"],
        found["else"] or found["else2"],
    )
    return f"{one_line(test)} ? {one_line(then or '…')} : {_conditional(other)}"


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


_FOR = re.compile(
    r"(?P<open>[\[{(])\s*(?P<what>[^\[{(]+?)\s+for\s+(?P<name>\w+)\s+in\s+(?P<from>[\w.$]+)"
    r"(?:\s+if\s+(?P<test>[^\]})]+?))?\s*[\]})]"
)
_LOOP = re.compile(r"\b(?:for|foreach)\b\s*\(?\s*(?:(?:const|let|var)\s+)?(\w+)\s+(?:in|of)\s+([\w.$]+)")


def loop(at: Failure) -> Slip | None:
    """`[x.id for x in xs if x.ok]`, `for x in xs`."""
    if found := at.around(_FOR):
        what, test = (_within(found[one], found["name"]) for one in ("what", "test"))
        source = found["from"] + (f"[{test}]" if test else "")
        what = what if re.match(r"[\w$.]+$", what) or found["open"] == "{" else f"({what})"
        edit = f"{source}{{{what}}}" if found["open"] == "{" else f"[{source}.{what}]"
        return Slip(write(edit), Span(*found.span()), "JSONata has no word `for`: a path visits every item")
    if found := at.around(_LOOP):
        edit = f"$map({found[2]}, function(${found[1].lstrip('$')}) {{ … }})"
        return Slip(write(edit), Span(*found.span()), "JSONata has no word `for`")
    return None


def _within(text: str | None, name: str) -> str:
    """An expression of an item by its name, as one within the item."""
    text = re.sub(rf"(?<![\w.]){name}\.", "", text or "")
    return re.sub(rf"(?<![\w.]){name}\b", "$", text).replace("==", "=")


_SELECT = re.compile(
    r"select\s+(?P<distinct>distinct\s+)?(?P<what>\S.*?)\s+from\s+(?P<from>[\w.$]+)(?:\s+where\s+(?P<where>.*?))?"
    r"(?:\s+order\s+by\s+(?P<key>[\w.]+)(?:\s+(?P<way>desc|asc))?)?\s*;?",
    re.DOTALL | re.IGNORECASE,
)
_ORDER = re.compile(r"([\w.$\]\[]+)\s+order\s+by\s+([\w.]+)(?:\s+(desc|asc))?", re.IGNORECASE)
_CAST = re.compile(r"cast\s*\(\s*([\w.$]+)\s+as\s+(\w+)[^)]*\)", re.IGNORECASE)


def query(at: Failure) -> Slip | None:
    """`select a from b where c`, `a order by b`, `cast(a as string)`."""
    if found := at.around(_CAST):
        is_text = re.match("str|text|(?:n?var)?char", found[2], re.IGNORECASE)
        return Slip(
            write(f"${'string' if is_text else 'number'}({found[1]})"), Span(*found.span()), "JSONata has no `cast`"
        )
    if found := at.around(_ORDER) if "select" not in at.text[:NEAR].lower() else None:
        return Slip(write(found[1] + _sorted(found[2], found[3])), Span(*found.span()), "`^( )` sorts")
    if not (found := _SELECT.fullmatch(at.text[:NEAR].strip())):
        return None
    edit = found["from"] + (f"[{found['where']}]" if found["where"] else "")
    edit += _sorted(found["key"], found["way"]) if found["key"] else ""
    names = [one.strip() for one in found["what"].split(",")]
    if names != ["*"]:
        pairs = ", ".join(f'"{one}": {one}' for one in names)
        edit += f".{names[0]}" if len(names) == 1 else f".{{{pairs}}}"
    edit = f"$distinct({edit})" if found["distinct"] else edit
    start = at.text.index(found[0].split()[0])
    return Slip(
        write(edit),
        Span(start, start + len("select")),
        "JSONata has no `select … from`",
    )


def _sorted(key: str, way: str | None) -> str:
    return f"^({'>' if (way or '').lower() == 'desc' else ''}{key})"
