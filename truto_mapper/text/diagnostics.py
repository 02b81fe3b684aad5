"""A finding: what is wrong, where, and what to do; and its rendering with the author's line and a caret.

The exceptions of `errors` carry diagnostics. Every stage (YAML, expressions, links, data, queries, the provider) uses
this one type, so a terminal, a JSON report and an editor show the same thing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring
from typing import Any, Literal

from truto_mapper.text.record import record
from truto_mapper.text.source import Source, Span

Severity = Literal["error", "warning", "note"]


@record
class Diagnostic:
    """One finding.

    `span` is a range of `source`, the author's text. `pointer` is a JSON Pointer (RFC 6901) into the payload, the
    query, the context or the record. `hint` says what to do. `code` is in `codes.CODES` or is JSONata's own.
    """

    code: str
    message: str
    severity: Severity = "error"
    source: Source | None = None
    span: Span | None = None
    pointer: str | None = None
    hint: str | None = None

    def render(self) -> str:
        """The finding as text with the author's line and a caret; no newline at the end."""
        left = margin(self.source, self.span)
        lines = [f"{self.severity}[{self.code}]: {printable(self.message)}"]
        lines += pointed(self.source, self.span, left) if self.source is not None else []
        if self.pointer is not None:
            lines.append(f"{left} = at: {printable(self.pointer) or '(the whole value)'}")
        if self.hint is not None:
            lines.append(f"{left} = hint: {printable(self.hint)}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON. Lines and columns count from 1; keys without a value are left out."""
        found: dict[str, Any] = {"code": self.code, "severity": self.severity, "message": self.message}
        if self.source is not None:
            found["source"] = self.source.name
        if self.source is not None and self.span is not None:
            found["line"], found["column"] = self.source.position(self.span.start)
            found["end_line"], found["end_column"] = self.source.position(self.span.end)
        found |= {k: v for k, v in (("pointer", self.pointer), ("hint", self.hint)) if v is not None}
        return found


def pointed(source: Source, span: Span | None, left: str) -> list[str]:
    """A place in a file: its name, and its line with a caret. `left` is as wide as the line numbers."""
    name = printable(source.name)
    if span is None:
        return [f"{left}--> {name}"]
    number, column = source.position(span.start)
    last, end = source.position(span.end)
    line = source.line(number)
    stop = end if last == number else len(line) + 1
    text, before, width = _window(line, column - 1, max(stop - 1, column - 1))
    return [
        f"{left}--> {name}:{number}:{column}",
        f"{left} |",
        f"{number:>{len(left)}} | {text}".rstrip(),
        f"{left} | {' ' * before}{'^' * max(width, 1)}",
    ]


def margin(source: Source | None, span: Span | None) -> str:
    """The spaces to the left of the lines of a finding, as wide as its line number."""
    number = 0 if source is None or span is None else source.position(span.start)[0]
    return " " * max(len(str(number)), 2)


def _window(line: str, start: int, end: int, limit: int = 140) -> tuple[str, int, int]:
    """The part of a line to show, and the terminal columns before the marked part and of it."""
    first = max(0, start - limit // 2) if len(line) > limit else 0
    shown, end = line[first : first + limit], min(end, first + limit)
    lead, tail = "…" if first else "", "…" if first + limit < len(line) else ""
    before = _columns(lead + line[first:start])
    return lead + printable(shown) + tail, before, _columns(line[start:end])


#: Characters that move the cursor, end the line or change the direction of text.
_CONTROL = "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def printable(text: str) -> str:
    """Text that is safe on a terminal: tabs and line ends become spaces, control characters U+FFFD."""
    if text.isprintable():
        return text
    return re.sub(_CONTROL, lambda found: " " if found[0] in "\t\n\r" else "\ufffd", text)


def _columns(text: str) -> int:
    """The width of a text in terminal cells: two for wide characters, none for marks and joiners."""
    return sum(_cells(char) for char in printable(text))


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


#: Numbers below it are written in a few characters.
_SHORT = 1e15


def excerpt(value: Any, limit: int = 60, default: Callable[[Any], Any] | None = None) -> str:
    """A value as a message quotes it: JSON where possible, cut to `limit` characters.

    `default` gives the text for what is not JSON.
    """
    if type(value) is str:
        return shortened(printable(encode_basestring(value[: limit + 1])[: limit + 1]), limit)
    if type(value) in (bool, int, float) and abs(value) < _SHORT:  # as JSON, in a tenth of the time
        return shortened(repr(value).lower(), limit)
    text = ""
    try:
        for part in json.JSONEncoder(ensure_ascii=False, default=default).iterencode(value):
            text += part
            if len(text) > limit:  # a value may be far longer than its parts
                break
    except (TypeError, ValueError, RecursionError):
        text = f"a value of type {type(value).__name__}"
    return shortened(printable(text[: limit + 1]), limit)


def shortened(text: str, limit: int = 60) -> str:
    """A text of at most `limit` characters, the last an ellipsis if it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def either(options: Iterable[str]) -> str:
    """A list in words: `a, b or c`."""
    *most, last = list(options) or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The closest of `names`, if any is close. Case is ignored."""
    import difflib  # noqa: PLC0415  # only a mistake needs it, so a start does not pay for it

    known = {known.casefold(): known for known in sorted(names)}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=cutoff)
    return known[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str], form: str = "`{}`") -> str | None:
    """A hint that names the closest of `names`, or lists them if they are few."""
    known = sorted(names)
    if close := nearest(name, known):
        return f"did you mean {form.format(close)}?"
    return f"available: {', '.join(form.format(k) for k in known)}" if 0 < len(known) <= 8 else None


def by_place(diagnostic: Diagnostic) -> tuple[str, int]:
    """The sort key of findings: the file, then the place in it."""
    return diagnostic.source.name if diagnostic.source else "", diagnostic.span.start if diagnostic.span else 0
