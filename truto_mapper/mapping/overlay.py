"""Overlays: parts of a mapping, for an environment or an account, that are applied to the mapping file.

As in a JSON merge patch (RFC 7396), mappings merge key by key, null removes a key, and any other value replaces. Unlike
there, a change without effect is a finding. Each node keeps its own source, so findings name the right file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from truto_mapper.mapping.shape import shape
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt, nearest
from truto_mapper.text.errors import Findings, MappingError
from truto_mapper.text.pointers import dotted
from truto_mapper.text.source import Source
from truto_mapper.text.yaml_tree import Node

Path = tuple[str, ...]

#: Keys that an overlay may repeat to name the mapping it is for.
_IDENTITY = ("version", "integration", "unified_model", "resource", "method")


@dataclass(frozen=True, slots=True)
class Layered:
    """A mapping document made of layers: the mapping file first, then its overlays in order."""

    sources: tuple[Source, ...]
    root: Node
    warnings: tuple[Diagnostic, ...]


def layered(sources: Sequence[Source]) -> Layered:
    """The first source with the others applied in order. Raises `MappingError` with every finding (M101 to M114)."""
    findings = Findings()
    base, *overlays = [yaml_tree.parse(source) for source in sources]
    for overlay in overlays:
        base = _laid_over(base, overlay, findings.found)
    findings.raise_as(MappingError)
    return Layered(tuple(sources), base, tuple(findings.found))


def removed(sources: Sequence[Source]) -> set[Path]:
    """The paths of what the overlays among the layers of a mapping remove."""
    return {path for source in sources[1:] for path in _nulls(yaml_tree.parse(source), ())}


def _nulls(node: Node, path: Path) -> Iterator[Path]:
    for name, child in node.value.items() if isinstance(node.value, dict) else ():
        if child.value is None:
            yield (*path, name)
        else:
            yield from _nulls(child, (*path, name))


def _laid_over(base: Node, overlay: Node, found: list[Diagnostic]) -> Node:
    """A mapping file with an overlay applied to it, if the overlay is for that mapping."""
    if overlay.value is None:  # an empty file
        overlay = replace(overlay, value={})
    if not isinstance(base.value, dict) or not isinstance(overlay.value, dict):
        message = "an overlay must be a mapping with keys of a mapping file"
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
    message = (
        f"the overlay is for {name} {excerpt(node.plain())}, but {base.source.name} is for {excerpt(base.plain())}"
    )
    return node.diagnostic("M113", message)


def _laid(base: Node | None, layer: Node, path: Path, found: list[Diagnostic]) -> Node:
    """A node with a layer applied to it. Findings are added to `found`."""
    if base is not None and _says_nothing(base, layer):
        message = (
            f"`{dotted(path)}` already has this value in {base.source.name}" if path else "the overlay changes nothing"
        )
        found.append(layer.diagnostic("M110", message, severity="warning", hint="remove it"))
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
        return not layer.value  # its keys are checked one by one
    return _same(base, layer)


def _same(one: Node, other: Node) -> bool:
    """Whether two nodes are equal as JSON, where 1 is not true."""
    return json.dumps(one.plain()) == json.dumps(other.plain())


def _refusal(below: Node, layer: Node, at: Path) -> Diagnostic | None:
    """The finding about a key of a layer that cannot be applied, if any."""
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
            return name in _needed_by_endpoints()
        case ("whole_days", _):
            return True
        case (name,):
            return name in shape()["required"]
    return False


def _needed_by_endpoints() -> list[str]:
    needed: list[str] = shape()["$defs"]["EndpointDocument"]["required"]
    return needed


def _need(at: Path, new: Node) -> str | None:
    """What a new mapping lacks; None if it is complete.

    An incomplete one was meant to change a part of the base that was removed or renamed.
    """
    match at if isinstance(new.value, dict) else ():
        case ("endpoints", _) if not new.value.keys() >= set(needed := _needed_by_endpoints()):
            return f"a new endpoint needs {' and '.join(sorted(needed))}"
        case ("context", _) if "type" not in new.value:
            return "a new setting needs a type"
        case ("endpoints", _, "query_mapping" | "request_header_mapping" | "request_body_mapping", _, *_):
            return "write a new value as one expression"
    return None  # the linker checks the names of keys and fields
