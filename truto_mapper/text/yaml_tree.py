"""YAML text → a tree in which every scalar, key and collection knows its span; and where files are found.

Plain data only, resolved as YAML 1.2 does it (`on` and `2026-01-01` are strings): null, booleans, numbers,
strings, mappings with string keys, sequences. Anchors and aliases are the reuse mechanism, merge keys and tags
are not. Sizes are bounded, with every alias counted as if it were written out.
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
from truto_mapper.text.source import Source, Span

MAX_CHARACTERS = 2_000_000
MAX_NODES = 100_000
MAX_DEPTH = 64

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is 10 times faster, with the same marks


def _finite(text: str) -> float | str:
    """A number, unless it is one that only a string can hold."""
    return float(text) if math.isfinite(float(text)) else text


_CORE = (
    (re.compile(r"(?:|~|null|Null|NULL)\Z"), lambda _: None),
    (re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]{1,1000}\Z"), int),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), _finite),
)

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+|#.*\s+)*")
_TAG = re.compile(r"(?:&\S+\s+)?(!\S*)")
_LINE_END = re.compile(r"[\n\r\x85\u2028\u2029]")
_VALUES = (yaml.ScalarEvent, yaml.AliasEvent)
_SURROGATE = re.compile("[\ud800-\udfff]")

#: Values that begin like something of YAML's own, or hold it: nearly always an expression that wants quotes.
_QUOTABLE = r"""\s*(?:- +)*(?>(?:[^\s'"]+:\s+)?)(?:["'{\[&*!%@`]|\S.*:\s)"""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A place in a YAML document. `value` is a scalar, a `dict[str, Node]` or a `list[Node]`.

    `keys` has the node of each key of a mapping; `size` counts the values from here on, `height` their levels.
    Aliased nodes are shared, with the span of their anchor.
    """

    source: Source
    span: Span
    value: Any
    keys: dict[str, Node] = field(default_factory=dict)
    style: str | None = None
    size: int = 1
    height: int = 0

    def plain(self) -> Any:
        """The same as ordinary Python data."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def at(self, path: Sequence[str | int]) -> Node:
        """The node a path of keys and indices leads to, or the deepest one on the way that exists."""
        node = self
        for part in path:
            try:
                node = node.value[part]
            except (KeyError, IndexError, TypeError):
                break
        return node

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in the order of the text."""
        yield self
        children = self.value.values() if isinstance(self.value, dict) else self.value
        for child in children if isinstance(self.value, (dict, list)) else ():
            yield from child.walk()

    def diagnostic(self, code: str, message: str, *, key: str | None = None, **more: Any) -> Diagnostic:
        """A finding about this node, or about one of its keys."""
        node = self.keys.get(key, self) if key is not None else self
        return Diagnostic(code, message, source=node.source, span=node.span, **more)

    def offsets(self) -> tuple[int, ...] | None:
        """Where in the source each character of this string stands; None if escapes hide it.

        Folding and indentation change only white space, so the other characters stand in the source in
        the same order; white space is placed at the nearest white space of the source.
        """
        raw, at = self.source.text, self.span.start
        if self.style == '"' and "\\" in raw[at : self.span.end]:
            return None
        if self.style in ("|", ">"):  # past the header, which holds nothing of the text
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
    """Read one YAML document.

    Raises `MappingError` with every duplicate key and unusable feature found (M101 to M104).
    """
    if len(source.text) > MAX_CHARACTERS:
        raise _refused(source, f"the file has {len(source.text):,} characters, {MAX_CHARACTERS:,} are allowed")
    if half := _SURROGATE.search(source.text):
        raise _forbidden(source, half.start())
    composer = _Composer(source)
    try:
        root = composer.document()
    except yaml.MarkedYAMLError as error:
        if "maximum nesting depth" in (error.problem or ""):  # libyaml's own bound, which it meets looking ahead
            raise _too_deep(source, _place(source, error)) from None
        composer.findings.found.append(_malformed(source, error))
    except yaml.reader.ReaderError as error:
        code = error.character if isinstance(error.character, int) else ord(error.character)
        raise _forbidden(source, source.text.find(chr(code))) from None
    composer.findings.raise_as(MappingError)
    return root


def _malformed(source: Source, error: yaml.MarkedYAMLError) -> Diagnostic:
    """What YAML's own parser says, and what an author of expressions can do about it."""
    span, begun = _place(source, error), error.context_mark
    at = span.start
    line, _ = source.position(at)
    since = f" that begins on line {begun.line + 1}" if begun and begun.line + 1 < line else ""
    message = ": ".join(part for part in (error.context and error.context + since, error.problem) if part)
    hint = None
    if source.text[at : at + 1] == "\t":
        hint = "indent with spaces, YAML does not allow tabs there"
    elif re.match(_QUOTABLE, source.line(line)) and not re.search("quoted|directive", error.context or ""):
        hint = "an expression with quotes, braces or a colon stands in single quotes or in a | block"
    return Diagnostic("M101", f"not valid YAML: {message}", source=source, span=span, hint=hint)


def _place(source: Source, error: yaml.MarkedYAMLError) -> Span:
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(source.text)) if mark else 0
    return Span(at, at + 1)


def _forbidden(source: Source, at: int) -> MappingError:
    message = f"not valid YAML: the character U+{ord(source.text[at]):04X} is not allowed in it"
    return MappingError(Diagnostic("M101", message, source=source, span=Span(at, at + 1)))


def _refused(source: Source, message: str, span: Span | None = None) -> MappingError:
    return MappingError(Diagnostic("M104", message, source=source, span=span))


def _too_deep(source: Source, span: Span) -> MappingError:
    return _refused(source, f"nested more than {MAX_DEPTH} levels deep, counting every alias", span)


class _Composer:
    """Builds nodes from parser events; an alias shares the node of its anchor."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings = Findings()
        self.anchors: dict[str, Node | None] = {}
        text = "\n" + source.text[1:] if source.text.startswith("\ufeff") else source.text  # marks do not count it
        self.events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
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
            self.findings.add("M101", "a second document begins here, one is allowed", **self.at(self.event))
        return root

    def advance(self) -> Any:
        past, self.event = self.event, next(self.events)
        if past is not None and (isinstance(past, _VALUES) or past.end_mark.index > past.start_mark.index):
            self.end = past.end_mark.index
        return past

    def at(self, event: Any) -> dict[str, Any]:
        return {"source": self.source, "span": self.span(event)}

    def span(self, event: Any, end: Any = None) -> Span:
        """From the value itself, past an anchor or a tag before it, to the end."""
        start, stop = event.start_mark.index, (end or event).end_mark.index
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and (event.anchor or event.tag):
            start = min(_PROPERTIES.match(self.source.text, start).end(), stop)  # type: ignore[union-attr]
        return Span(start, stop)

    def node(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _too_deep(self.source, self.span(self.event))
        event = self.advance()
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = None  # not usable inside itself
        if event.tag is not None:
            self.tag(event)
        node = self.collection(event, depth) if not isinstance(event, yaml.ScalarEvent) else self.scalar(event)
        if node.size > MAX_NODES:
            raise _refused(self.source, f"more than {MAX_NODES:,} values, counting every alias", self.span(event))
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def tag(self, event: Any) -> None:
        """Refuse a tag, as it is written."""
        found = _TAG.match(self.source.text, event.start_mark.index)
        shown, span = (found[1], Span(*found.span(1))) if found else (event.tag, self.span(event))
        self.findings.add("M103", f"the tag {shown} is not plain data", source=self.source, span=span)

    def alias(self, event: Any, depth: int) -> Node:
        known = self.anchors.get(event.anchor)
        if known is not None and depth + known.height > MAX_DEPTH:
            raise _too_deep(self.source, self.span(event))
        if known is not None:
            return known
        inside = event.anchor in self.anchors
        problem = "stands inside its own anchor" if inside else "has no anchor above it"
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
        if end.end_mark.index == end.start_mark.index:  # a block has no closing sign
            span = Span(span.start, len(self.source.text[: self.end].rstrip()))
        return Node(self.source, span, children if mapping else items, keys, size=size, height=height)

    def key(self, depth: int, known: dict[str, Node]) -> Node:
        key = self.node(depth + 1)
        where = {"source": self.source, "span": key.span}
        if not isinstance(key.value, str):
            hint = "write it in quotes" if not isinstance(key.value, (dict, list)) else None
            self.findings.add("M103", "a key must be a string", hint=hint, **where)
            return Node(self.source, key.span, str(key.span))
        if key.value == "<<" and key.style is None:
            self.findings.add("M103", "merge keys are not supported", hint="alias the whole value instead", **where)
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
    """Plain data as YAML, keys in their order."""
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10_000)
    return text
