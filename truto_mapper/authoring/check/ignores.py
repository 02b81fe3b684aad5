"""Comments that silence findings: `# truto: ignore[C206] reason`, in an expression `/* truto: ignore[C206] reason */`.

A comment is about its own line, or about the next one if it has a line to itself.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from truto_mapper.text import yaml_tree
from truto_mapper.text.codes import CODES
from truto_mapper.text.diagnostics import Diagnostic, Severity, did_you_mean
from truto_mapper.text.source import Source, Span

_COMMENT = r"(?:(?P<open>#|/\*)\s*)truto:\s*ignore\[(?P<codes>[^\]\n]*)\](?P<reason>[^\n]*?)(?:\*/|$)"


@dataclass(slots=True)
class _Ignore:
    """A comment that silences codes on a line."""

    source: Source
    span: Span
    codes: tuple[str, ...]
    reason: str
    line: int
    used: bool = False


def unsilenced(found: Iterable[Diagnostic], sources: Iterable[Source]) -> list[Diagnostic]:
    """The findings that no comment silences, and those about the comments themselves, C216."""
    ignores = [one for source in sources for one in _ignores(source)]
    left = []
    for one in found:
        line = one.source.position(one.span.start)[0] if one.source and one.span else 0
        silencing = [i for i in ignores if i.source == one.source and i.line == line and one.code in i.codes]
        for ignore in silencing:
            ignore.used = True
        left += [] if silencing else [one]
    return left + [finding for ignore in ignores for finding in _mistakes(ignore)]


def _mistakes(ignore: _Ignore) -> Iterator[Diagnostic]:
    def about(message: str, hint: str | None, severity: Severity = "error") -> Diagnostic:
        return Diagnostic("C216", message, severity, ignore.source, ignore.span, hint=hint)

    unknown = [code for code in ignore.codes if code not in CODES]
    yield from (about(f"there is no code {code}", did_you_mean(code, CODES)) for code in unknown)
    if not ignore.reason:
        yield about("an ignore comment needs a reason", "write it after the bracket")
    elif not ignore.used and not unknown:
        yield about(f"there is no {' or '.join(ignore.codes)} here to ignore", "remove the comment", "warning")


def _ignores(source: Source) -> Iterator[_Ignore]:
    scalars = [node for node in yaml_tree.parse(source).walk() if isinstance(node.value, str)]
    blocks = [node.span for node in scalars if node.style in ("|", ">")]
    quoted = [node.span for node in scalars if node.style in ("'", '"')]
    for match in re.finditer(_COMMENT, source.text, re.MULTILINE):
        inside = any(span.start < match.start() < span.end for span in blocks)
        if any(span.start < match.start() < span.end for span in quoted) or inside is (match["open"] == "#"):
            continue
        line, column = source.position(match.start())
        alone = not source.line(line)[: column - 1].strip()
        codes = tuple(code.strip() for code in match["codes"].split(",") if code.strip())
        span = Span(match.start(), match.start() + len(match[0].rstrip()))
        yield _Ignore(source, span, codes, match["reason"].strip(), line + alone)
