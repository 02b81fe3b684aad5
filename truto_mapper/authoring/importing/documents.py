"""Reads what Truto's API, command line and overrides have: rows of mappings, and integrations."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import Source, Span
from truto_mapper.text.yaml_tree import Node

Layer: TypeAlias = Literal["base", "environment", "account"]

#: The keys of a mapping that hold expressions, and those by which a mapping is known.
EXPRESSIONS = ("query_mapping", "request_body_mapping", "request_header_mapping", "path_mapping", "response_mapping")
_KNOWN = frozenset({*EXPRESSIONS, "error_mapping", "response_header_mapping", "is_partial_expression", "side_load"})

_WHAT = "a Truto mapping has `resource_name`, `method_name` and `config`, or `unified_model_override`, or `cells`"


@dataclass(frozen=True, slots=True)
class Row:
    """The mapping of one method of one resource; what the file does not say is empty."""

    model: str
    resource: str
    integration: str
    method: str
    config: Node
    layer: Layer = "base"


@dataclass(frozen=True, slots=True)
class Documents:
    """The rows of all files, and the resources of integrations, by resource and method."""

    rows: list[Row] = field(default_factory=list)
    proxies: dict[str, dict[str, Any]] = field(default_factory=dict)


def read(sources: Sequence[Source]) -> Documents:
    """The documents of some files. Raises `MappingError` with every finding."""
    made, found = Documents(), list[Diagnostic]()
    for source in sources:
        try:
            _read(parsed(source), made)
        except MappingError as error:
            found += error.diagnostics
    if found:
        raise MappingError(found)
    return made


def parsed(source: Source) -> Node:
    """A file of JSON or YAML as a tree. Raises `MappingError` M101 to M104."""
    text = source.text.lstrip("\ufeff \t\n")
    if not text.startswith(("{", "[")):
        return yaml_tree.parse(source)
    try:
        value = json.loads(source.text)
    except json.JSONDecodeError as error:
        return _as_yaml(source, error)
    except RecursionError:
        raise MappingError(Diagnostic("M104", "nested too deeply", source=source)) from None
    try:
        return yaml_tree.parse(source)
    except MappingError:  # escapes of surrogate pairs, and white space that YAML does not allow
        return yaml_tree.parse(Source(source.name, json.dumps(value, indent=2, ensure_ascii=False)))


def _as_yaml(source: Source, error: json.JSONDecodeError) -> Node:
    """A file that begins like JSON but is none: perhaps it is YAML in braces."""
    try:
        return yaml_tree.parse(source)
    except MappingError:
        span = Span(error.pos, error.pos + 1)
        hint = "save the mapping again as Truto's API or command line gives it"
        message = f"not valid JSON: {error.msg}"
        raise MappingError(Diagnostic("M101", message, source=source, span=span, hint=hint)) from None


def _read(root: Node, made: Documents) -> None:
    """Add what a document holds."""
    before = len(made.rows), len(made.proxies)
    for one in _documents(root):
        made.rows.extend(_rows(one))
        made.proxies.update(_proxies(one))
    if before == (len(made.rows), len(made.proxies)):
        span = Span(root.span.start, min(root.span.end, root.span.start + 1))
        raise MappingError(Diagnostic("I903", "this is no Truto mapping", source=root.source, span=span, hint=_WHAT))


def _documents(root: Node) -> Iterator[Node]:
    """The documents of a file: one, a list of them, or the reply to a list."""
    if isinstance(root.value, list):
        for one in root.value:
            yield from _documents(one)
    elif isinstance(root.value, dict) and isinstance(listed := _at(root, "result"), Node):
        yield from _documents(listed)
    elif isinstance(root.value, dict):
        yield root


def _at(node: Node, *path: str) -> Node | None:
    """The node at a path, if there is one."""
    for name in path:
        if not isinstance(node.value, dict) or name not in node.value:
            return None
        node = node.value[name]
    return node


def _text(node: Node, *paths: tuple[str, ...]) -> str:
    """The first text at one of some paths, or nothing."""
    found = (_at(node, *path) for path in paths)
    return next((one.value for one in found if one is not None and isinstance(one.value, str)), "")


def _rows(one: Node) -> Iterator[Row]:
    model = _text(one, ("unified_model_name",), ("unified_model", "name"), ("environment_unified_model", "name"))
    integration = _text(one, ("integration_name",), ("integration", "name"))
    if (cells := _at(one, "cells")) is not None and isinstance(cells.value, list):
        layer: Layer = "environment" if _text(one, ("write_target",)) == "env" else "base"
        for cell in cells.value:
            yield from _cell(cell, model, integration, layer)
    elif (override := _at(one, "unified_model_override")) is not None:
        yield from _overrides(override, integration)
    elif _at(one, "config") is not None and _at(one, "method_name") is not None:
        yield from _cell(
            one, model, integration, "environment" if "environment_unified_model_id" in one.value else "base"
        )
    elif one.value.keys() & _KNOWN:
        yield Row(model, "", integration, "", one)
    elif all(_is_override(inner) for inner in one.value.values()) and one.value:
        yield from _overrides(one, integration)


def _cell(one: Node, model: str, integration: str, layer: Layer) -> Iterator[Row]:
    config = _at(one, "config")
    if config is not None and isinstance(config.value, dict):
        names = _text(one, ("resource_name",)), _text(one, ("integration_name",)) or integration
        yield Row(model, *names, _text(one, ("method_name",)) or "list", config, layer)


def _is_override(model: Node) -> bool:
    """Whether a value has resources with methods with a mapping each."""
    resources = model.value.values() if isinstance(model.value, dict) else ()
    methods = [m for one in resources for m in (one.value.values() if isinstance(one.value, dict) else (one,))]
    return bool(methods) and all(isinstance(m.value, dict) and m.value.keys() & _KNOWN for m in methods)


def _overrides(override: Node, integration: str) -> Iterator[Row]:
    """The rows of an account's override: by model, resource and method."""
    for model, resources in _items(override):
        for resource, methods in _items(resources):
            for method, config in _items(methods):
                if config.value is not None and not isinstance(config.value, dict):
                    message = f"the override of `{method}` must be an object"
                    raise MappingError(config.diagnostic("I903", message, hint=_WHAT))
                yield Row(model, resource, integration, method, config, "account")


def _items(node: Node) -> list[tuple[str, Node]]:
    return list(node.value.items()) if isinstance(node.value, dict) else []


def _proxies(one: Node) -> Iterator[tuple[str, dict[str, Any]]]:
    """The resources of an integration, with what all of its methods share."""
    held = _at(one, "config") or one
    shared = {
        name: node.plain() for name in ("pagination", "error_expression") if (node := _at(held, name)) is not None
    }
    for resource, methods in _items(_at(held, "resources") or Node(one.source, one.span, None)):
        found = {name: shared | node.plain() for name, node in _items(methods) if _at(node, "path") is not None}
        if found:
            yield resource, found
