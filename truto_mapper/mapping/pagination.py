"""How a provider's list goes on, as `pagination` of an endpoint declares it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Map

from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import NUMBERED, Pagination
from truto_mapper.text.errors import Findings
from truto_mapper.text.yaml_tree import Node

#: The keys that a format does not take, each with the reason.
_UNUSED = {
    "cursor": {"first": "a cursor has no number", "origin": "only a link has an origin"},
    "page": {"origin": "only a link has an origin"},
    "offset": {"first": "offsets begin at 0", "origin": "only a link has an origin"},
    "link_header": {"first": "a link has no number", "parameter": "the link has its parameters"},
}


def pagination(
    endpoint: Node, read: Callable[[Node], Expression], findings: Findings
) -> tuple[Pagination | None, dict[str, Expression]]:
    """What an endpoint says of its pages, and the expressions in it by key; what is wrong is added to `findings`."""
    node = endpoint.value.get("pagination")
    if node is None:
        return None, {}
    parts = node.value
    plain = {key: one.value for key, one in parts.items() if key not in ("has_more", "origin")}
    made = Pagination(**{"first": 0 if plain["format"] == "offset" else 1, **plain})
    _check_keys(endpoint, made, findings)
    for key, why in _UNUSED[made.format].items():
        if key in parts:
            message = f"`{key}` is never used by pagination in the format {made.format}: {why}"
            findings.found.append(node.diagnostic("M106", message, key=key, hint="remove it"))
    return made, {key: read(parts[key]) for key in ("has_more", "origin") if key in parts}


def _check_keys(endpoint: Node, made: Pagination, findings: Findings) -> None:
    """Report keys of the endpoint that a format needs, or cannot have beside it."""
    parts: Map[str, Node] = endpoint.value
    node = parts["pagination"]
    if made.format == "cursor" and "next_cursor" not in parts:
        message, hint = "`next_cursor` is missing: it says where a reply has the cursor", "write it beside `pagination`"
        findings.found.append(node.diagnostic("M106", message, key="format", hint=hint))
    if made.format != "cursor" and "next_cursor" in parts:
        message = f"`next_cursor` is for the format cursor; {made.format} finds the next page itself"
        findings.found.append(endpoint.diagnostic("M106", message, key="next_cursor", hint="remove it"))
    if made.format in NUMBERED and not {"for_each", "has_more"} & {*parts, *node.value}:
        message = "without `for_each` or `has_more` nothing tells the last page"
        findings.found.append(node.diagnostic("M106", message, key="format", hint="add one of them"))
    if made.size_parameter is not None and made.size is None:
        message = "`size_parameter` sends `size`, which is missing"
        findings.found.append(node.diagnostic("M106", message, key="size_parameter", hint="add `size: 100`, say"))
    if made.parameter is not None and made.parameter == made.size_parameter:
        message = "`parameter` and `size_parameter` are the same"
        findings.found.append(node.diagnostic("M106", message, key="size_parameter"))
    sent = parts.get("query_mapping")
    for key, name in made.parameters.items():
        if sent is not None and isinstance(sent.value, dict) and name in sent.value:
            message = f"`{name}` is what `pagination` sends (`{key}`)"
            findings.found.append(sent.diagnostic("M106", message, key=name, hint="remove it from one of the two"))
