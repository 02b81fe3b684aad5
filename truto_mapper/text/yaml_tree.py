"""YAML text → a tree in which every scalar, key and collection has its span in the text.

Only plain data is accepted: null, booleans, numbers, strings, mappings with string keys, sequences. Scalars are
resolved as in YAML 1.2, so `on` and `2026-01-01` are strings. Anchors and aliases are allowed, merge keys and tags not.
Sizes are limited, and every alias counts as if it were written out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from truto_mapper.text.diagnostics import Diagnostic, nearest
from truto_mapper.text.errors import Findings, MappingError
from truto_mapper.text.source import MAX_DEPTH, SURROGATE, Source, Span

MAX_CHARACTERS = 2_000_000
MAX_NODES = 100_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # C is 10 times faster


def _finite(text: str) -> float | str:
    """A number; a text that overflows a float stays text."""
    return float(text) if math.isfinite(float(text)) else text


_CORE = (
    (re.compile(r"(?:|~|null|Null|NULL)\Z"), lambda _: None),
    (re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]{1,1000}\Z"), int),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), _finite),
)

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+|#.*\s+)*")
_TAG = re.compile(r"(?:&\S+\s+)?(!\S*)")
_ANCHOR = re.compile(r"(?<!\S)&(\S+)")
_LINE_END = re.compile(r"[\n\r\x85\u2028\u2029]")
_VALUES = (yaml.ScalarEvent, yaml.AliasEvent)

#: Lines whose value starts with or contains YAML syntax: nearly always an expression that needs quotes.
_QUOTABLE = r"""\s*+(?:- +)*+(?>(?:[^\s'"]+:\s+)?)(?:["'{\[&*!%@`]|\S.*:\s)"""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value in a YAML document: a scalar, a `dict[str, Node]` or a `list[Node]`.

    `keys` has the node of each key of a mapping, `size` is the number of values in the node and below it, `height` the
    number of levels below it. An aliased node is shared and has the span of its anchor.
    """

    source: Source
    span: Span
    value: Any
    keys: dict[str, Node] = field(default_factory=dict)
    style: str | None = None
    size: int = 1
    height: int = 0

    def plain(self) -> Any:
        """The value as ordinary Python data."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def at(self, path: Sequence[str | int]) -> Node:
        """The node at a path of keys and indices, or the deepest existing node on the way."""
        node = self
        for part in path:
            try:
                node = node.value[part]
            except (KeyError, IndexError, TypeError):
                break
        return node

    def walk(self) -> Iterator[Node]:
        """This node and all nodes below it, in the order of the text."""
        yield self
        children = self.value.values() if isinstance(self.value, dict) else self.value
        for child in children if isinstance(self.value, (dict, list)) else ():
            yield from child.walk()

    def diagnostic(self, code: str, message: str, *, key: str | None = None, **more: Any) -> Diagnostic:
        """A finding about this node, or about one of its keys."""
        node = self.keys.get(key, self) if key is not None else self
        return Diagnostic(code, message, source=node.source, span=node.span, **more)

    def offsets(self) -> tuple[int, ...] | None:
        """The offset in the source of each character of this string; None if it is written with escapes.

        Folding and indentation change only white space, so the other characters have the same order in the source.
        White space gets the position of the nearest white space in the source.
        """
        raw, at = self.source.text, self.span.start
        if self.style == '"' and "\\" in raw[at : self.span.end]:
            return None
        if self.style in ("|", ">"):  # skip the header
            at = _LINE_END.search(raw, at).end() if self.value else at  # type: ignore[union-attr]
        elif self.style:
            at += 1
        found = []
        for char in self.value:
            if not char.isspace():
                while raw[at] != char:
                    at += 1
            found.append(at)
            if not char.isspace() or raw[at].isspace():
                at += 2 if self.style == "'" and char == "'" else 1
        return tuple(found)


def parse(source: Source) -> Node:
    """Read one YAML document. Raises `MappingError` with every finding (M101 to M104)."""
    if len(source.text) > MAX_CHARACTERS:
        raise _refused(source, f"the file has {len(source.text):,} characters; at most {MAX_CHARACTERS:,} are allowed")
    if half := SURROGATE.search(source.text):
        raise _forbidden(source, half.start())
    composer = _Composer(source)
    try:
        root = composer.document()
    except yaml.MarkedYAMLError as error:
        if "maximum nesting depth" in (error.problem or ""):  # libyaml's own limit
            raise _too_deep(source, _place(source, error)) from None
        composer.findings.found.append(_malformed(source, error))
    except yaml.reader.ReaderError as error:
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise _forbidden(source, source.text.find(chr(code))) from None
    composer.findings.raise_as(MappingError)
    return root


#: A hint for texts of template languages.
_NO_TEMPLATE = "an expression is written without `{}`: write what it encloses"


def _malformed(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    """The YAML parser's message, with a hint for authors of expressions."""
    span, begun = _place(source, error), error.context_mark
    at = span.start
    line, _ = source.position(at)
    since = f" that begins on line {begun.line + 1}" if begun and begun.line + 1 < line else ""
    message = ": ".join(part for part in (error.context and error.context + since, error.problem) if part)
    hint = None
    if source.text[at : at + 1] == "\t":
        hint = "indent with spaces: YAML does not allow tabs here"
    elif source.text.startswith("{%", at - 1):
        hint = _NO_TEMPLATE.format("{%")
    elif re.match(_QUOTABLE, source.line(line)) and not re.search("quoted|directive", error.context or ""):
        hint = "write an expression with quotes, braces or a colon in single quotes or as a | block"
    return Diagnostic("M101", f"not valid YAML: {message}", source=source, span=span, hint=hint)


def _place(source: Source, error: yaml.MarkedYAMLError) -> Span:
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(source.text)) if mark else 0
    return Span(at, at + 1)


def _forbidden(source: Source, at: int) -> MappingError:
    message = f"not valid YAML: the character U+{ord(source.text[at]):04X} is not allowed"
    return MappingError(Diagnostic("M101", message, source=source, span=Span(at, at + 1)))


def _refused(source: Source, message: str, span: Span | None = None) -> MappingError:
    return MappingError(Diagnostic("M104", message, source=source, span=span))


def _too_deep(source: Source, span: Span) -> MappingError:
    return _refused(source, f"nested more than {MAX_DEPTH} levels deep, counting every alias", span)


def _events(source: Source) -> Iterator[Any]:
    text = "\n" + source.text[1:] if source.text.startswith("\ufeff") else source.text  # marks do not count a BOM
    return yaml.parse(text, Loader=_Loader)


def repeated_anchors(source: Source) -> Iterator[Diagnostic]:
    """M103 as a warning: anchors that a file has already given to another value. The file must be valid."""
    names = _ANCHOR.findall(source.text)
    known: dict[str, int] = {}
    for event in _events(source) if len(set(names)) < len(names) else ():
        anchor = None if isinstance(event, yaml.AliasEvent) else getattr(event, "anchor", None)
        if anchor in known:
            at = source.text.index(f"&{anchor}", event.start_mark.index)
            message = f"the anchor &{anchor} is given twice, first on line {known[anchor]}"
            hint = f"give it another name: *{anchor} means this value below here, and the first one above"
            yield Diagnostic("M103", message, "warning", source, Span(at, at + len(anchor) + 1), hint=hint)
        elif anchor:
            known[anchor] = source.position(event.start_mark.index)[0]


class _Composer:
    """Builds nodes from the events of the parser. An alias shares the node of its anchor."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings = Findings()
        self.anchors: dict[str, Node | None] = {}
        self.events = _events(source)
        self.event: Any = None
        self.end = 0  # of the last value

    def document(self) -> Node:
        self.advance()  # past the start of the stream
        self.advance()
        root = Node(self.source, Span(0, 0), None)
        if isinstance(self.event, yaml.DocumentStartEvent):
            self.advance()
            root = self.node(0)
            self.advance()  # past the end of the document
        if not isinstance(self.event, yaml.StreamEndEvent):
            self.findings.add("M101", "a second document begins here; only one is allowed", **self.at(self.event))
        return root

    def advance(self) -> Any:
        past, self.event = self.event, next(self.events)
        if past is not None and (isinstance(past, _VALUES) or past.end_mark.index > past.start_mark.index):
            self.end = past.end_mark.index
        return past

    def at(self, event: Any) -> dict[str, Any]:
        return {"source": self.source, "span": self.span(event)}

    def span(self, event: Any, end: Any = None) -> Span:
        """The span of a value, without an anchor or a tag before it."""
        start, stop = event.start_mark.index, (end or event).end_mark.index
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and (event.anchor or event.tag):
            start = min(_PROPERTIES.match(self.source.text, start).end(), stop)  # type: ignore[union-attr]
        return Span(start, stop)

    def ended(self) -> int:
        """The end of the last value, without the white space behind it."""
        end = self.end
        while end and self.source.text[end - 1].isspace():
            end -= 1
        return end

    def node(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _too_deep(self.source, self.span(self.event))
        event = self.advance()
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = None  # an alias inside its own anchor is refused
        if event.tag is not None:
            self.tag(event)
        node = self.collection(event, depth) if not isinstance(event, yaml.ScalarEvent) else self.scalar(event)
        if node.size > MAX_NODES:
            raise _refused(self.source, f"more than {MAX_NODES:,} values, counting every alias", self.span(event))
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def tag(self, event: Any) -> None:
        """Report a tag as the author wrote it."""
        found = _TAG.match(self.source.text, event.start_mark.index)
        shown, span = (found[1], Span(*found.span(1))) if found else (event.tag, self.span(event))
        hint = None if shown.startswith("!!") else "write `$not(…)` for “not”, and single quotes around an expression"
        self.findings.add("M103", f"the tag {shown} is not allowed", source=self.source, span=span, hint=hint)

    def alias(self, event: Any, depth: int) -> Node:
        known = self.anchors.get(event.anchor)
        if known is not None and depth + known.height > MAX_DEPTH:
            raise _too_deep(self.source, self.span(event))
        if known is not None:
            return known
        inside = event.anchor in self.anchors
        problem = "is inside its own anchor" if inside else "has no anchor above it"
        close = None if inside else nearest(event.anchor, self.anchors)
        hint = f"did you mean *{close}?" if close else None
        self.findings.add("M103", f"the alias *{event.anchor} {problem}", hint=hint, **self.at(event))
        return Node(self.source, self.span(event), None)

    def scalar(self, event: Any) -> Node:
        value = _resolve(event.value) if event.implicit[0] and not event.style else event.value
        return Node(self.source, self.span(event), value, style=event.style or None)

    def collection(self, start: Any, depth: int) -> Node:
        mapping = isinstance(start, yaml.MappingStartEvent)
        ending = yaml.MappingEndEvent if mapping else yaml.SequenceEndEvent
        items: list[Node] = []
        children: dict[str, Node] = {}
        keys: dict[str, Node] = {}
        size, height = 1, 0
        while not isinstance(self.event, ending):
            key = self.key(depth, keys) if mapping else None
            child = self.node(depth + 1)
            size, height = size + child.size, max(height, child.height + 1)
            if key is None:
                items.append(child)
            else:
                children[key.value], keys[key.value] = child, key
        end = self.advance()
        span = self.span(start, end)
        if end.end_mark.index == end.start_mark.index:  # a block has no closing mark
            span = Span(span.start, self.ended())
        return Node(self.source, span, children if mapping else items, keys, size=size, height=height)

    def key(self, depth: int, known: dict[str, Node]) -> Node:
        key = self.node(depth + 1)
        where = {"source": self.source, "span": key.span}
        if not isinstance(key.value, str):
            hint = "write it in quotes" if not isinstance(key.value, (dict, list)) else None
            if self.source.text.startswith("{{", key.span.start - 1):
                hint = _NO_TEMPLATE.format("{{")
            self.findings.add("M103", "a key must be a string", hint=hint, **where)
            return Node(self.source, key.span, str(key.span))
        if key.value == "<<" and key.style is None:
            self.findings.add("M103", "merge keys are not supported", hint="use an alias for the whole value", **where)
        if key.value in known:
            line = self.source.position(known[key.value].span.start)[0]
            self.findings.add("M102", f"`{key.value}` is given twice, first on line {line}", **where)
        return key


def _resolve(text: str) -> Any:
    for pattern, build in _CORE:
        if pattern.match(text):
            return build(text)
    return text


def written(value: Any) -> str:
    """Plain data as YAML text. Keys keep their order."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
    return text
