"""Writes a mapping file as a person would: in the order of the documentation, with the comments where they belong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from truto_mapper.text import yaml_tree
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source

#: The width of a comment, and of an expression that stays on the line of its key.
WIDTH = 100

#: The keys whose value is written once, and the name of its anchor.
_SHARED = {"response_mapping": "record", "request_body_mapping": "body", "let": "let"}

#: How many lines a value needs to be written once, with an anchor.
_WORTH_AN_ANCHOR = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value: an expression, or entries; `is_plain` for a text of YAML that is no expression.

    Above it are the author's `comments`, and `notes` that say what differs from Truto. An entry that is `left_out` is
    written as a comment.
    """

    key: str
    value: Value
    notes: tuple[str, ...] = ()
    left_out: bool = False
    is_plain: bool = False
    comments: tuple[str, ...] = ()


Value: TypeAlias = "str | tuple[Entry, ...]"


def without(entries: tuple[Entry, ...], path: Sequence[str], reason: str) -> tuple[Entry, ...]:
    """Entries, the one at a path left out for a reason."""
    name, *rest = path
    made = []
    for one in entries:
        if one.key != name or one.left_out:
            made.append(one)
        elif rest and not isinstance(one.value, str):
            made.append(replace(one, value=without(one.value, rest, reason)))
        else:
            made.append(replace(one, left_out=True, notes=(*one.notes, reason)))
    return tuple(made)


def is_live(entry: Entry) -> bool:
    """Whether something of an entry is written that is no comment."""
    return not entry.left_out and (isinstance(entry.value, str) or any(map(is_live, entry.value)))


def written(entries: Sequence[Entry]) -> str:
    """Entries as YAML text."""
    return "\n".join(_Writer().block(entries, 0)) + "\n"


@dataclass(slots=True)
class _Writer:
    """`anchors` has what was written with an anchor, by its text; a comment has none."""

    anchors: dict[str, str] = field(default_factory=dict)
    is_comment: bool = False

    def block(self, entries: Sequence[Entry], level: int) -> Iterator[str]:
        for number, one in enumerate(entries):
            if number and isinstance(one.value, tuple) and (level == 0 or (level == 1 and _is_endpoint(one))):
                yield ""
            yield from self.entry(one, level)

    def entry(self, one: Entry, level: int) -> Iterator[str]:
        indent = "  " * level
        for sentence in (*one.comments, *one.notes):
            yield from textwrap.wrap(sentence, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ",
                                     break_long_words=False, break_on_hyphens=False)  # fmt: skip
        if not is_live(one):
            live = replace(one, notes=(), comments=(), left_out=False)
            yield from (f"{indent}#   {line}".rstrip() for line in _Writer({}, True).value(live, 0) if one.value)
        else:
            yield from self.value(one, level)

    def value(self, one: Entry, level: int) -> Iterator[str]:
        """The lines of a key with its value."""
        start = f"{'  ' * level}{key(one.key)}:"
        if isinstance(one.value, str):
            yield from (f"{start} {one.value}",) if one.is_plain else _lines(start, one.value, level)
        elif is_live(one):
            yield from self.nested(one, one.value, level)
        else:
            yield start
            yield from self.block(one.value, level + 1)

    def nested(self, one: Entry, value: tuple[Entry, ...], level: int) -> Iterator[str]:
        start = f"{'  ' * level}{key(one.key)}:"
        if (flow := _flow(one, value)) is not None:
            yield f"{start} {flow}"
            return
        lines = list(self.block(value, level + 1))
        text = textwrap.dedent("\n".join(lines))
        if self.is_comment or one.key not in _SHARED or len(lines) < _WORTH_AN_ANCHOR:
            yield start
            yield from lines
        elif text in self.anchors:
            yield f"{start} *{self.anchors[text]}"
        else:
            self.anchors[text] = name = self.name(one.key)
            yield f"{start} &{name}"
            yield from lines

    def name(self, of: str) -> str:
        """An anchor that is not given yet."""
        stem = _SHARED[of]
        taken = set(self.anchors.values())
        return next(name for n in range(1, 1000) if (name := stem if n == 1 else f"{stem}{n}") not in taken)


def _is_endpoint(one: Entry) -> bool:
    return isinstance(one.value, tuple) and any(
        inner.key in ("path_mapping", "response_mapping") for inner in one.value
    )


def without_idle_anchors(text: str) -> str:
    """The text without anchors that no alias names."""
    used = set(re.findall(r"(?m)^[^#'\"\n]*: \*(\w+)$", text))
    return re.sub(r"(?m): &(\w+)$", lambda found: found[0] if found[1] in used else ":", text)


def _flow(one: Entry, value: tuple[Entry, ...]) -> str | None:
    """A loop, the settings of an account or a pagination in one line, where nothing needs quotes."""
    if one.key not in ("for_each", "context", "pagination") or any(inner.notes or inner.left_out for inner in value):
        return None
    text = "{" + ", ".join(f"{key(inner.key)}: {inner.value}" for inner in value) + "}"
    is_short = len(text) <= WIDTH - len(one.key) and "\n" not in text
    return text if is_short and _reads_as(f"k: {text}", {inner.key: _plain(inner) for inner in value}) else None


def _plain(one: Entry) -> object:
    """The value of an entry as YAML reads it."""
    return yaml_tree.parse(Source("", str(one.value))).plain() if one.is_plain else one.value


def scalar(text: str) -> str:
    """A text that is no expression as YAML."""
    return text if _reads_as(f"k: {text}", text) else _quoted(text)


def key(name: str) -> str:
    """A key as YAML."""
    return name if _reads_as(f"{name}: 1", 1, name) else _quoted(name)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _reads_as(text: str, value: object, name: str = "k") -> bool:
    """Whether YAML reads a text as an object with just this value."""
    try:
        return bool(yaml_tree.parse(Source("", text)).plain() == {name: value})
    except MappingError:
        return False


def _lines(start: str, text: str, level: int) -> Iterator[str]:
    """An expression as a value: plain where that is safe, else in single quotes or as a block."""
    is_line = "\n" not in text
    if is_line and (_reads_as(f"k: {text}", text) or re.fullmatch(r"true|false|-?(0|[1-9]\d*)", text)):
        yield f"{start} {text}"
    elif is_line and len(text) + len(start) <= WIDTH and "'" not in text:
        yield f"{start} {_quoted(text)}"
    else:
        yield f"{start} |"
        yield from ("  " * (level + 1) + line if line.strip() else "" for line in dedented(text).split("\n"))


def dedented(text: str) -> str:
    """A text of several lines whose later lines are indented no more than needed. Texts in it keep their lines."""
    if any(line.count('"') % 2 or line.count("'") % 2 for line in text.split("\n")):
        return text.strip()
    first, newline, rest = text.strip().partition("\n")
    last = rest.rpartition("\n")[2]
    closing = len(last) - len(last.lstrip()) if re.match(r"\s*[)}\]]", last) else None
    if closing is None:
        return first + newline + textwrap.indent(textwrap.dedent(rest), "  ") if newline else first
    cut = re.sub(rf"(?m)^[ \t]{{0,{closing}}}", "", rest)
    return first + newline + cut
