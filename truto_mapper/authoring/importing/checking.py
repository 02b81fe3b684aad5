"""Checks what an import wrote, and leaves out what cannot work here, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check import check
from truto_mapper.authoring.importing.writing import Entry, without, without_idle_anchors, written
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.parts import made
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MapperError
from truto_mapper.text.source import Source
from truto_mapper.text.yaml_tree import Node

#: The parts of an endpoint without which there is none.
_NEEDED = frozenset({"method", "when", "path_mapping", "for_each", "recognise"})
_TEMPLATES = frozenset({"query_mapping", "request_header_mapping", "request_body_mapping", "response_mapping", "let"})

#: What leaving out something else cannot mend.
_OF_THE_WHOLE = frozenset({"C213"})


def findings(sources: Sequence[Source], spec: Source) -> list[Diagnostic]:
    """What is wrong with a mapping and its overlays."""
    mistakes: list[Diagnostic] = []
    try:
        mapper = Mapper(made(sources, lambda _: spec, None, {}, mistakes), None)
        return mistakes or check(mapper)
    except MapperError as error:
        return list(error.diagnostics)


def settled(
    entries: tuple[Entry, ...], name: str, below: Sequence[Source], spec: Source | None
) -> tuple[tuple[Entry, ...], str, list[Diagnostic]]:
    """Entries without what cannot work, their text, and the errors that are left."""
    while True:
        text = without_idle_anchors(written(entries))
        source = Source(name, text)
        found = findings([*below, source], spec) if spec is not None else []
        errors = [one for one in found if one.severity == "error"]
        wrong = {path: one for one in reversed(errors) if (path := _culprit(source, one))}
        if not wrong:
            return entries, text, errors
        for path, one in wrong.items():
            entries = without(entries, path, f"Not carried over: {_sentence(one)}.")


def _sentence(one: Diagnostic) -> str:
    hint = f" ({one.hint.rstrip('?')}?)" if one.hint and one.hint.startswith("did you mean") else ""
    return one.message.rstrip(".") + hint


def _culprit(source: Source, one: Diagnostic) -> tuple[str, ...]:
    """The path of the entry to leave out because of an error; empty if none helps."""
    if one.source != source or one.span is None or one.code in _OF_THE_WHOLE:
        return ()
    path = tuple(_path(yaml_tree.parse(source), one.span.start))
    if path[:1] != ("endpoints",):
        return path[:2] if path[:1] in (("error_mapping",), ("context",)) else ()
    if len(path) < 3:
        return ()
    if path[2] in _NEEDED or path == (*path[:2], "response_mapping"):
        return path[:2]
    return path if path[2] in _TEMPLATES else path[:3]


def _path(node: Node, offset: int) -> Iterator[str]:
    """The keys that lead to what is at an offset of a file."""
    for name, child in node.value.items() if isinstance(node.value, dict) else ():
        key = node.keys[name].span
        if key.start <= offset < key.end or child.span.start <= offset <= child.span.end:
            yield name
            if offset >= child.span.start:
                yield from _path(child, offset)
            return
