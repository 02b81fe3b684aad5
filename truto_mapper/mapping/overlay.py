"""Overlays: parts of a mapping, for an environment or an account, laid over the mapping file field by field.

As in a JSON merge patch (RFC 7396), mappings merge key by key, null removes a key, and everything else replaces; but
what would have no effect is a finding. Each node keeps its own source, so that all that is said names the layer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from truto_mapper.mapping.document import EndpointDocument, MappingDocument
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt, nearest
from truto_mapper.text.errors import Findings, MappingError
from truto_mapper.text.pointers import dotted
from truto_mapper.text.source import Source
from truto_mapper.text.yaml_tree import Node

Path = tuple[str, ...]

#: What an overlay may repeat, to say which mapping it is for.
_IDENTITY = ("version", "integration", "unified_model", "resource", "method")


def _required(model: type[MappingDocument | EndpointDocument]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if field.is_required())


_OF_MAPPING, _OF_ENDPOINT = _required(MappingDocument), _required(EndpointDocument)


@dataclass(frozen=True, slots=True)
class Layered:
    """A mapping document made of layers: the mapping file first, then its overlays in order."""

    sources: tuple[Source, ...]
    root: Node
    warnings: tuple[Diagnostic, ...]


def layered(sources: Sequence[Source]) -> Layered:
    """The first source with the others laid over it. Raises `MappingError` with every finding (M101 to M114)."""
    findings = Findings()
    base, *overlays = [yaml_tree.parse(source) for source in sources]
    for overlay in overlays:
        base = _laid_over(base, overlay, findings.found)
    findings.raise_as(MappingError)
    return Layered(tuple(sources), base, tuple(findings.found))


def _laid_over(base: Node, overlay: Node, found: list[Diagnostic]) -> Node:
    """The root of a mapping file with that of an overlay laid over it; what names the mapping must agree."""
    if overlay.value is None:  # an empty file
        overlay = replace(overlay, value={})
    if not isinstance(base.value, dict) or not isinstance(overlay.value, dict):
        message = "an overlay holds some of the keys of a mapping file, this is none"
        found += [] if isinstance(overlay.value, dict) else [overlay.diagnostic("M106", message)]
        return base
    said = {name: node for name, node in overlay.value.items() if name in _IDENTITY and name in base.value}
    others = [_of_another(base.value[name], name, node) for name, node in said.items()]
    found += [other for other in others if other is not None]
    rest = {name: node for name, node in overlay.value.items() if name not in said}
    return base if any(others) else _laid(base, replace(overlay, value=rest), (), found)


def _of_another(base: Node, name: str, node: Node) -> Diagnostic | None:
    if _same(base, node):
        return None
    message = f"the overlay is for {name} {excerpt(node.plain())}, {base.source.name} for {excerpt(base.plain())}"
    return node.diagnostic("M113", message)


def _laid(base: Node | None, layer: Node, path: Path, found: list[Diagnostic]) -> Node:
    """A node with another laid over it. What is wrong with that is added to `found`."""
    if base is not None and _says_nothing(base, layer):
        message = f"`{dotted(path)}` is what {base.source.name} has already" if path else "the overlay changes nothing"
        found.append(layer.diagnostic("M110", message, severity="warning", hint="leave it out"))
    if not isinstance(layer.value, dict):
        return layer
    below = base if base is not None and isinstance(base.value, dict) else replace(layer, value={}, keys={})
    children, keys = dict(below.value), dict(below.keys)
    for name, child in layer.value.items():
        at, known = (*path, name), below.value.get(name)
        if refusal := _refusal(below, layer, at):
            found.append(refusal)
        elif child.value is None:
            del children[name], keys[name]
        else:
            children[name] = _laid(known, child, at, found)
            if children[name].source is layer.source:
                keys[name] = layer.keys[name]
    size = 1 + sum(child.size for child in children.values())
    height = max((child.height + 1 for child in children.values()), default=0)
    return replace(below, value=children, keys=keys, size=size, height=height)


def _says_nothing(base: Node, layer: Node) -> bool:
    if isinstance(layer.value, dict) and isinstance(base.value, dict):
        return not layer.value  # of what it says, each key is looked at
    return _same(base, layer)


def _same(one: Node, other: Node) -> bool:
    """Whether two nodes are the same JSON: 1 is not true."""
    return json.dumps(one.plain()) == json.dumps(other.plain())


def _refusal(below: Node, layer: Node, at: Path) -> Diagnostic | None:
    """What is wrong with laying a key of the layer over what is below, if anything is."""
    *path, name = at
    child, inside = layer.value[name], f"`{dotted(path)}`" if path else below.source.name
    if child.value is None and name in below.value:
        message = f"`{name}` cannot be removed, {inside} needs it"
        return layer.diagnostic("M114", message, key=name) if _is_needed(at) else None
    hint = did_you_mean(name, below.value)
    if child.value is None:
        return layer.diagnostic("M111", f"{inside} has no `{name}` to remove", key=name, hint=hint)
    if name in below.value or not below.value or (need := _need(at, child)) is None:
        return None
    hint = hint if nearest(name, below.value) else need
    return layer.diagnostic("M112", f"{inside} has no `{name}` to change", key=name, hint=hint)


def _is_needed(at: Path) -> bool:
    match at:
        case ("endpoints", _, name):
            return name in _OF_ENDPOINT
        case ("whole_days", _):
            return True
        case (name,):
            return name in _OF_MAPPING
    return False


def _need(at: Path, new: Node) -> str | None:
    """What a mapping of a key that is not in the base needs to stand on its own, None if it does.

    Without it, it was written for a part of the base that is gone, or has another name.
    """
    match at if isinstance(new.value, dict) else ():
        case ("endpoints", _) if not new.value.keys() >= _OF_ENDPOINT:
            return f"a new endpoint has {' and '.join(sorted(_OF_ENDPOINT))}"
        case ("context", _) if "type" not in new.value:
            return "a new setting says its type"
        case ("endpoints", _, "query_mapping" | "request_header_mapping" | "request_body_mapping", _, *_):
            return "what is new is written as one expression"
    return None  # whether a key of the document or a field exists, is looked at when the whole is linked
