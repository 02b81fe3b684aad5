"""What is said about a mistake: where it is, what it is, what to do, and whose fault it was.

A `Diagnostic` is carried, never raised; the exceptions carry all the diagnostics of one stage. Every
producer (YAML, expressions, links, data, queries, the provider) speaks this one type, so that a terminal,
a JSON report and an editor show the same thing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from truto_mapper.text.source import Source, Span

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `span` lies in `source` (what the author wrote); `pointer` is a JSON Pointer (RFC 6901) into the data at
    hand: the payload, the query, the context or the record. `hint` says what to do.
    """

    code: str
    message: str
    severity: Severity = "error"
    source: Source | None = None
    span: Span | None = None
    pointer: str | None = None
    hint: str | None = None

    def render(self) -> str:
        """The finding as text with the author's line and a caret, without a trailing newline."""
        left = margin(self.source, self.span)
        lines = [f"{self.severity}[{self.code}]: {printable(self.message)}"]
        lines += pointed(self.source, self.span, left) if self.source is not None else []
        if self.pointer is not None:
            lines.append(f"{left} = at: {printable(self.pointer) or '(the whole of it)'}")
        if self.hint is not None:
            lines.append(f"{left} = hint: {printable(self.hint)}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON: `line`/`column` count from 1; keys without a value are left out."""
        found: dict[str, Any] = {"code": self.code, "severity": self.severity, "message": self.message}
        if self.source is not None:
            found["source"] = self.source.name
        if self.source is not None and self.span is not None:
            found["line"], found["column"] = self.source.position(self.span.start)
            found["end_line"], found["end_column"] = self.source.position(self.span.end)
        found |= {k: v for k, v in (("pointer", self.pointer), ("hint", self.hint)) if v is not None}
        return found


def pointed(source: Source, span: Span | None, left: str) -> list[str]:
    """The place in a file, and the line that stands there with a caret; `left` is as wide as line numbers."""
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
    """What stands left of the lines of a finding."""
    number = 0 if source is None or span is None else source.position(span.start)[0]
    return " " * max(len(str(number)), 2)


def _window(line: str, start: int, end: int, limit: int = 140) -> tuple[str, int, int]:
    """The part of a line worth showing, and the terminal columns before and under the marked part."""
    first = max(0, start - limit // 2) if len(line) > limit else 0
    shown, end = line[first : first + limit], min(end, first + limit)
    lead, tail = "…" if first else "", "…" if first + limit < len(line) else ""
    before = _columns(lead + line[first:start])
    return lead + printable(shown) + tail, before, _columns(line[start:end])


#: What would move the cursor, end the line or turn the direction of what follows.
_UPSETTING = "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def printable(text: str) -> str:
    """Text that cannot upset a terminal: tabs and line ends are spaces, control characters replacement signs."""
    return re.sub(_UPSETTING, lambda found: " " if found[0] in "\t\n\r" else "\ufffd", text)


def _columns(text: str) -> int:
    """How many terminal cells a text takes: wide characters two, marks and joiners none."""
    return sum(_cells(char) for char in printable(text))


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def excerpt(value: Any, limit: int = 60) -> str:
    """A value as a person would recognise it in a message: JSON where possible, cut when long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = f"a value of type {type(value).__name__}"
    return shortened(printable(text), limit)


def shortened(text: str, limit: int = 60) -> str:
    """A text of at most `limit` characters, the last an ellipsis if it was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def either(options: Iterable[str]) -> str:
    *most, last = list(options) or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was probably meant, if any is close; upper and lower case are alike."""
    import difflib  # noqa: PLC0415  # what is needed for a mistake alone does not make every start slower

    known = {known.casefold(): known for known in sorted(names)}
    found = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
    return known[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str], form: str = "`{}`") -> str | None:
    """A hint that names the closest of `names`, or lists them while they are few."""
    known = sorted(names)
    if close := nearest(name, known):
        return f"did you mean {form.format(close)}?"
    return f"there is {', '.join(form.format(k) for k in known)}" if 0 < len(known) <= 8 else None


def by_place(diagnostic: Diagnostic) -> tuple[str, int]:
    """What findings are sorted by: the file, and the place in it."""
    return diagnostic.source.name if diagnostic.source else "", diagnostic.span.start if diagnostic.span else 0


def relocated(diagnostic: Diagnostic, source: Source, span: Span) -> Diagnostic:
    """The same finding at another place: an expression's finding moved into the file that holds it."""
    return replace(diagnostic, source=source, span=span)
