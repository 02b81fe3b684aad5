"""Links the joins of an endpoint: the bindings of each part, and the names that `$joined` has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import OF_JOINS, Join
from truto_mapper.text.record import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from truto_mapper.language.expression import Expression
    from truto_mapper.mapping.expressions import Expressions
    from truto_mapper.mapping.linked import Template
    from truto_mapper.text.source import Source
    from truto_mapper.text.yaml_tree import Node

#: The expressions of a join that read its own reply.
_OF_REPLY = ("rows", "key", "next_cursor", "error_when", "empty_when")


def names_of(node: Node | None) -> frozenset[str]:
    """The binding `$joined` of an endpoint that has joins."""
    return frozenset({"joined"} if node is not None and node.value else ())


class Linking(NamedTuple):
    """What links the parts of a join: how expressions and schemas are read, and the bindings of its endpoint."""

    read: Expressions
    provider_schema: Callable[[Node | None], Source | None]
    request_schema: Callable[[Node | None], Mapping[str, Any] | None]
    of_request: frozenset[str]
    of_reply: frozenset[str]

    def joins(self, node: Node | None) -> tuple[Join, ...]:
        """The joins of an endpoint in order."""
        if node is None:
            return ()
        self.read.check_names(node, frozenset())
        return tuple(self._join(name, child) for name, child in node.value.items())

    def _join(self, name: str, node: Node) -> Join:
        parts = node.value
        sent, read = self.of_request | OF_JOINS, self.of_reply | OF_JOINS

        def one(key: str, names: frozenset[str]) -> Expression | None:
            return self.read.expression(parts[key], names) if key in parts else None

        def tree(key: str) -> Template | None:
            return self.read.template(parts[key], sent) if key in parts else None

        run_if = one("run_if", self.of_reply)
        return Join(
            name=name,
            http_method=parts["request_method"].value if "request_method" in parts else "GET",
            source=self.provider_schema(parts.get("source_schema")),
            request_schema=parts["request_schema"].value if "request_schema" in parts else None,
            request=self.request_schema(parts.get("request_schema")),
            run_if=run_if,
            is_setting=run_if is not None and all(read.path[0] == "context" for read in reads(run_if)),
            ids=self.read.expression(parts["ids"], self.of_reply),
            batch=parts["batch"].value if "batch" in parts else 100,
            path=self.read.expression(parts["path_mapping"], sent),
            params=tree("query_mapping"),
            headers=tree("request_header_mapping"),
            body=tree("request_body_mapping"),
            many=parts["many"].value if "many" in parts else False,
            leaves_out="on_error" in parts and parts["on_error"].value == "leave_out",
            **{key: one(key, read) for key in _OF_REPLY},  # type: ignore[arg-type]  # the shape requires `key`
        )
