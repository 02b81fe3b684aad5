"""The lookup tables of a mapping: names bound to constants in every expression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from truto_mapper.mapping.linked import REQUEST_NAMES, RESPONSE_NAMES

if TYPE_CHECKING:
    from truto_mapper.mapping.expressions import Expressions
    from truto_mapper.text.yaml_tree import Node


def linked_lookups(read: Expressions, node: Node | None) -> dict[str, Any]:
    """The tables by name."""
    if node is None:
        return {}
    read.check_names(node, RESPONSE_NAMES | REQUEST_NAMES | {"ids", "joined"})
    for name in sorted(node.value.keys() & read.known):
        message = f"`{name}` is the name of a function"
        read.findings.found.append(node.diagnostic("M106", message, key=name, hint="give the table another name"))
    tables: dict[str, Any] = node.plain()
    return tables
