"""An explanation of an output value, as text, as JSON, and as a line of a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.text.diagnostics import excerpt, margin, pointed, printable, shortened
from truto_mapper.text.pointers import Steps, dotted, json_pointer
from truto_mapper.text.source import Source, Span

#: How many places the text lists; JSON has all of them.
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Read:
    """A value that was read: of the reply if `document` is empty, or else of a variable such as `$query`.

    A document of any other name is a reply to a join.
    """

    document: str
    path: Steps
    value: Any
    is_default: bool = False

    @property
    def place(self) -> str:
        """A pointer into the reply, or a name below a variable."""
        if self.document.startswith("$"):
            return dotted((self.document, *self.path))
        return f"{json_pointer(self.path)} {self.document}".strip() or "the reply"

    def __str__(self) -> str:
        if self.value is MISSING:
            return f"{self.place} (absent)"
        return f"{self.place} = {excerpt(self.value)}" + ", the default" * self.is_default


@dataclass(frozen=True, slots=True)
class Via:
    """A name that a value came through, with its expression."""

    name: str
    expression: Expression
    value: Any

    def __str__(self) -> str:
        value = "nothing" if self.value is MISSING else excerpt(self.value)
        equals = "" if isinstance(self.value, (dict, list)) else f" = {value}"
        text = shortened(self.expression.line)
        return f"${self.name}{equals} ({self.expression.place}: {text})"


@dataclass(slots=True)
class Explanation:
    """Why an output value is what it is. `value` is MISSING if it is absent, and `why` then says why.

    `span` covers the expression in `source`. For an absent value it covers the first undefined part of it.
    """

    pointer: str
    name: str
    value: Any
    source: Source | None = None
    span: Span | None = None
    reads: list[Read] = field(default_factory=list)
    via: list[Via] = field(default_factory=list)
    why: str | None = None
    hint: str | None = None

    @property
    def line(self) -> str:
        """The file and line of the expression, as `mappings/gong/activity.yaml:41`."""
        if self.source is None or self.span is None:
            return ""
        return f"{self.source.name}:{self.source.position(self.span.start)[0]}"

    def render(self) -> str:
        """The explanation as text: the value, the author's line with a caret, and where the value comes from."""
        left = margin(self.source, self.span)
        what = "is absent" if self.value is MISSING else f"= {excerpt(self.value, 200)}"
        lines = [f"{self.pointer} {what}"]
        lines += pointed(self.source, self.span, left) if self.source is not None else []
        lines += [f"{left} = why: {printable(self.why)}"] if self.why else []
        lines += [f"{left} = through: {printable(str(one))}" for one in self.via]
        lines += [f"{left} = from: {printable(str(one))}" for one in self.reads[:SHOWN]]
        lines += [f"{left} = from: {len(self.reads) - SHOWN} more places"] if len(self.reads) > SHOWN else []
        lines += [f"{left} = hint: {printable(self.hint)}"] if self.hint else []
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The explanation as JSON; `layer` is the file of the expression. Keys without a value are left out."""
        found: dict[str, Any] = {"pointer": self.pointer, "field": self.name, "present": self.value is not MISSING}
        if self.value is not MISSING:
            found["value"] = self.value
        if self.source is not None and self.span is not None:
            line, column = self.source.position(self.span.start)
            text = self.source.text[self.span.start : self.span.end]
            found |= {"layer": self.source.name, "line": line, "column": column, "expression": text}
        found["reads"] = [
            {"place": one.place, "present": one.value is not MISSING}
            | ({} if one.value is MISSING else {"value": one.value})
            for one in self.reads
        ]
        found["via"] = [
            {"name": one.name, "place": one.expression.place, "expression": one.expression.text} for one in self.via
        ]
        return found | {name: value for name, value in (("why", self.why), ("hint", self.hint)) if value}


def table(found: Sequence[Explanation]) -> str:
    """Several explanations, a line each: the field, its value, its line, and its first source or why it is absent."""
    rows = []
    for one in found:
        value = "(absent)" if one.value is MISSING else excerpt(one.value, 36)
        origin = one.why if one.value is MISSING or not one.reads else "← " + str(one.reads[0].place)
        more = f" and {len(one.reads) - 1} more" if one.value is not MISSING and len(one.reads) > 1 else ""
        rows.append((one.name, value, one.line.rpartition("/")[2], printable((origin or "a constant") + more)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)
