"""What is said about a mistake: where it is, what it is, what to do, and whose fault it was.

A `Diagnostic` is carried, never raised; the exceptions carry all the diagnostics of one stage. Every
producer (YAML, expressions, links, data, queries, the provider) speaks this one type, so that a terminal,
a JSON report and an editor show the same thing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, ClassVar, Literal

Severity = Literal["error", "warning", "note"]

#: Every code of ours with what it means. JSONata's own codes (S…, T…, D1001…) keep their meaning from there.
#: A code is never reused. Each has an example with its exact rendering in `tests/diagnostics/`.
CODES: dict[str, str] = {
    "M101": "the file is not valid YAML",
    "M102": "a key is given twice in one mapping",
    "M103": "a YAML feature that is not plain data: a tag, an alias to itself, a non-string key",
    "M104": "the file is too large, too deep, or its aliases expand too far",
    "M105": "there is no such file, or it cannot be read",
    "M106": "the file does not have the shape of its kind",
    "M107": "an expression is written in a YAML style in which its positions are not exact",
    "M108": "not a valid JSON Schema",
    "M109": "a generated file is not what its source generates",
    "M110": "an overlay says what is so already",
    "M111": "an overlay removes what its base does not have",
    "M112": "an overlay changes what its base does not have",
    "M113": "an overlay is for another mapping",
    "M114": "an overlay removes what a mapping cannot do without",
    "C201": "the resource does not declare this field",
    "C202": "this variable is not bound here",
    "C203": "there is no such function",
    "C204": "there is no such query parameter or context setting",
    "C205": "the mapping's structure does not fit the type of the field",
    "C206": "the provider's schema has no such field",
    "C207": "the value can never be one of the unified field",
    "C208": "an operation can never work on values of these types",
    "C209": "a value of an enumeration falls through",
    "C210": "the endpoint is never asked",
    "C211": "the branch is never reached",
    "C212": "the name is never used",
    "C213": "a required unified field is never written",
    "C214": "nothing reads these fields of the provider",
    "C215": "the mapping gives no value to these unified fields",
    "C216": "an ignore comment silences nothing, or is not written right",
    "D401": "a value does not fit the unified schema",
    "D402": "a required value is missing",
    "D403": "a value the resource does not declare was left out",
    "D404": "a row of the payload is not an object",
    "D405": "a date-time cannot be expressed in UTC",
    "D406": "a request expression gave something that cannot be sent",
    "D407": "a value is nested too deeply, or a number is too long, to be handled",
    "Q501": "the query string cannot be read",
    "Q502": "there is no such query parameter",
    "Q503": "a required query parameter is missing",
    "Q504": "a query parameter has the wrong type, format or value",
    "Q505": "the period asked for is empty",
    "Q506": "the cursor was altered, or belongs to another question",
    "Q507": "the records cannot be keyed by this field",
    "Q508": "the resource has no such field",
    "Q509": "the account's context does not fit the mapping",
    "Q510": "the period was widened to whole days",
    "Q511": "no endpoint of the mapping serves this query",
    "Q512": "these parameters cannot be combined",
    "Q513": "the mapping refuses this query",
    "P601": "the provider answered with an error",
    "P602": "the provider's answer cannot be read",
    "P603": "the payload belongs to no endpoint, or not to the one that was asked",
    "P604": "the provider gave back the cursor it was sent",
    "P605": "the days asked for were not the company's days",
    "B300": "these two cannot be compared",
    "B301": "a field that readers may rely on is gone",
    "B302": "a field can hold what readers did not have to expect",
    "B303": "a parameter that callers may use is gone",
    "B304": "a question that could be asked is refused",
    "B305": "the resource is called in another way",
    "B306": "a default is another",
    "B308": "a change that breaks nobody",
    "B311": "an endpoint serves other queries",
    "B312": "the provider is asked something else",
    "B313": "replies are read otherwise",
    "B314": "a unified field is not given any more",
    "B315": "a unified field is given otherwise",
    "B316": "a setting of accounts is gone, or takes other values",
    "B321": "golden cases come out otherwise",
    "B322": "golden cases lose a value, or fail",
    "B331": "an approval is for no change",
    "E801": "the pointer leads nowhere in the output",
    "G701": "a golden case does not give what it expects",
    "G702": "a golden case does not fail, or not for the reason it states",
    "G703": "a file beside a mapping belongs to no golden case",
    "G704": "there is a golden case of this name already",
}


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters, `start` up to but not including `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """A named text that a person wrote: `name` is what they call it, usually the path they gave."""

    name: str
    text: str
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lengths = (len(line) + 1 for line in self.text.split("\n")[:-1])
        object.__setattr__(self, "_starts", tuple(accumulate(lengths, initial=0)))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1, columns in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start(self, number: int) -> int:
        """The character offset at which a line begins, counted from 1."""
        return self._starts[number - 1]

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end."""
        return self.text[self.start(number) :].partition("\n")[0].rstrip("\r")


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
    text = printable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def json_pointer(path: Iterable[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of a path of keys and indices; the whole document is the empty string."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def dotted(path: Iterable[str | int]) -> str:
    """A path of keys and indices as it reads in a message: `users.0.id`."""
    return ".".join(map(str, path))


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


class MapperError(Exception):
    """Everything this package raises on purpose. `diagnostics` has every finding of the stage that failed."""

    #: The HTTP status a service should answer with.
    status: int = 500

    def __init__(self, diagnostics: Sequence[Diagnostic] | Diagnostic) -> None:
        found = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__(found)
        self.diagnostics = found

    def __str__(self) -> str:
        return "\n\n".join(d.render() for d in self.diagnostics)

    @property
    def code(self) -> str:
        """The code of the first finding."""
        return self.diagnostics[0].code

    @property
    def span(self) -> Span | None:
        """Where the first finding is, in its source."""
        return self.diagnostics[0].span


class MappingError(MapperError):
    """The author's fault: a mapping, a spec or an expression is wrong."""


class EvaluationError(MappingError):
    """The author's fault, found out on data: an expression failed, or gave what the schema does not allow."""


class QueryError(MapperError):
    """The caller's fault: this question cannot be asked."""

    status = 400


class ProviderError(MapperError):
    """The provider refused (`status` is its own), or sent what we cannot read (502).

    `retry_after` is in seconds where the provider said so; `request_id` is the provider's own reference.
    """

    unreadable: ClassVar[int] = 502

    def __init__(
        self,
        diagnostics: Sequence[Diagnostic] | Diagnostic,
        *,
        status: int = unreadable,
        retry_after: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.retry_after = retry_after
        self.request_id = request_id


class Findings:
    """Collects the diagnostics of one stage, so that a person learns of all mistakes at once."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, code: str, message: str, **where: Any) -> None:
        """Note a finding; the keywords are those of `Diagnostic`."""
        self.found.append(Diagnostic(code, message, **where))

    def raise_as(self, error: type[MapperError]) -> None:
        """Raise `error` with everything found, if any of it is an error."""
        if any(d.severity == "error" for d in self.found):
            raise error(self.found)


def by_place(diagnostic: Diagnostic) -> tuple[str, int]:
    """What findings are sorted by: the file, and the place in it."""
    return diagnostic.source.name if diagnostic.source else "", diagnostic.span.start if diagnostic.span else 0


def relocated(diagnostic: Diagnostic, source: Source, span: Span) -> Diagnostic:
    """The same finding at another place: an expression's finding moved into the file that holds it."""
    return replace(diagnostic, source=source, span=span)
