"""Links the joins of an endpoint: the bindings of each part, and the names that `$joined` has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from truto_mapper.mapping.linked import OF_JOINS, Join

if TYPE_CHECKING:
    from truto_mapper.language.expression import Expression
    from truto_mapper.mapping.linked import Template
    from truto_mapper.mapping.linker import _Linker
    from truto_mapper.text.yaml_tree import Node

#: The expressions of a join that read its own reply.
_OF_REPLY = ("rows", "key", "next_cursor", "error_when", "empty_when")


def names_of(linker: _Linker, node: Node | None) -> frozenset[str]:
    """The binding `$joined` of an endpoint that has joins, whose names are known from here on."""
    named = {} if node is None else node.value
    linker.settings["joined"] = named
    linker.linked.clear()  # what an alias repeats here may have other joins
    return frozenset({"joined"} if named else ())


def linked_joins(
    linker: _Linker, node: Node | None, of_request: frozenset[str], of_reply: frozenset[str]
) -> tuple[Join, ...]:
    """The joins of an endpoint in order. `of_request` and `of_reply` are the bindings of the endpoint's own parts."""
    if node is None:
        return ()
    linker.check_names(node, frozenset())
    return tuple(_join(linker, name, child, of_request, of_reply) for name, child in node.value.items())


def _join(linker: _Linker, name: str, node: Node, of_request: frozenset[str], of_reply: frozenset[str]) -> Join:
    parts = node.value
    sent, read = of_request | OF_JOINS, of_reply | OF_JOINS

    def one(key: str, names: frozenset[str]) -> Expression | None:
        return linker.expression(parts[key], names) if key in parts else None

    def tree(key: str) -> Template | None:
        return linker.template(parts[key], sent) if key in parts else None

    return Join(
        name=name,
        http_method=parts["request_method"].value if "request_method" in parts else "GET",
        source=linker.provider_schema(parts.get("source_schema")),
        request_schema=parts["request_schema"].value if "request_schema" in parts else None,
        request=linker.request_schema(parts.get("request_schema")),
        run_if=one("run_if", of_reply),
        ids=linker.expression(parts["ids"], of_reply),
        batch=parts["batch"].value if "batch" in parts else 100,
        path=linker.expression(parts["path_mapping"], sent),
        params=tree("query_mapping"),
        headers=tree("request_header_mapping"),
        body=tree("request_body_mapping"),
        many=parts["many"].value if "many" in parts else False,
        leaves_out="on_error" in parts and parts["on_error"].value == "leave_out",
        **{key: one(key, read) for key in _OF_REPLY},  # type: ignore[arg-type]  # the shape requires `key`
    )
