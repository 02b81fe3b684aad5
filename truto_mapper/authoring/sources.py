"""Where values come from: the provider's reply and its JSON Schema, and the caller's query."""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath, leading_names
from truto_mapper.language.nodes import Name, Variable
from truto_mapper.language.source_paths import Paths, reads
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import RESPONSE_NAMES, Endpoint, expressions
from truto_mapper.resource.json_schema import Schema
from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import steps_of
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source
from truto_mapper.text.yaml_tree import Node


def checked_schema(source: Source) -> Node:
    """A provider's schema as a tree. Raises `MappingError`: M101 to M104, and M108 with every mistake at its place."""
    root = yaml_tree.parse(source)
    try:
        Schema(root.plain())
    except MappingError as error:
        places = [(root.at(steps_of(one.pointer or "")), one) for one in error.diagnostics]
        raise MappingError([node.diagnostic(one.code, one.message) for node, one in places]) from None
    return root


def schema_mistakes(source: Source) -> Sequence[Diagnostic]:
    """What `checked_schema` would raise. Most schemas are JSON without mistakes, which are found without a tree."""
    if _is_valid_json_schema(source.text):
        return ()
    try:
        checked_schema(source)
    except MappingError as error:
        return error.diagnostics
    return ()


@lru_cache(maxsize=64)
def _is_valid_json_schema(text: str) -> bool:
    """Whether a text is JSON in which each key is given once, and a valid JSON Schema."""
    try:
        Schema(json.loads(text, object_pairs_hook=_given_once))
    except (ValueError, RecursionError, TypeError, MappingError):
        return False
    return True


def _given_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def innermost(kind: Type) -> Iterator[Type]:
    """The types of the innermost values: scalars, and objects and arrays of undeclared contents."""
    below = [*(kind.properties or {}).values(), *([kind.items] if kind.items else [])]
    if not below:
        yield kind
    for one in below:
        yield from innermost(one)


def reads_parameter(expression: Expression, name: str) -> bool:
    """Whether an expression reads a query parameter, by itself or with the whole query."""
    return any(read.path[:2] in (("query",), ("query", name)) for read in reads(expression))


def parameter_of(node: nodes.Node) -> str:
    """The query parameter that a path such as `$query.users.id` leads to; "" for any other node."""
    match leading_names(node):
        case [Variable(name="query"), Name(value=name), *_]:
            return name
    return ""


class ReplyRead(NamedTuple):
    """A place in the reply that an expression reads: its path without indices, and its last name as it is written."""

    key: str
    path: NamePath
    expression: Expression
    name: Name | None

    def diagnostic(self, code: str, message: str, **more: Any) -> Diagnostic:
        """A finding about the place, where the mapping names it."""
        return self.expression.diagnostic(code, message, self.name, **more)


def reply_reads(endpoint: Endpoint) -> Iterator[ReplyRead]:
    """What the expressions of an endpoint read of the reply, each with its key or the name that it is bound to.

    Names of `let` and `for_each` are followed to what they are made of.
    """
    paths = Paths([*RESPONSE_NAMES, "$"])
    for key in ("recognise", "next_cursor", "has_more", "empty_when", "time_zone"):
        if (one := getattr(endpoint, key)) is not None:
            yield from _reads_of(key, one, paths)
    for name, expression in endpoint.for_each:
        yield from _reads_of("for_each", expression, paths)
        _enter_row(paths, name, expression)
    for name, expression in endpoint.let:
        yield from _reads_of("let", expression, paths)
        _bind(paths, name, expression)
    for expression in expressions(endpoint.response):
        yield from _reads_of("response_mapping", expression, paths)


def _reads_of(key: str, expression: Expression, paths: Paths) -> Iterator[ReplyRead]:
    for path, names in paths.reads(expression.node):
        if path[0] in ("$", "response") and path[1:]:
            yield ReplyRead(key, path[1:], expression, names[-1] if names else None)


def reply_paths(endpoint: Endpoint) -> dict[int, list[NamePath]]:
    """The places in the reply, without indices, that each expression of a record is made of, by the expression's id.

    Names of `let` and `for_each` are followed to what they are made of.
    """
    paths = Paths([*RESPONSE_NAMES, "$"])
    rows = {_enter_row(paths, name, expression) for name, expression in endpoint.for_each}
    for name, expression in endpoint.let:
        _bind(paths, name, expression)
    return {id(one): _deepest(paths, one, rows) for one in expressions(endpoint.response)}


def _enter_row(paths: Paths, name: str, expression: Expression) -> NamePath:
    """Make the rows of a loop the context, and return their path."""
    row = paths.path(expression.node) or min((one.path for one in paths.reads(expression.node)), default=("$",))
    paths.context = row
    paths.paths |= {"": row, "$": row, name: row}
    return row


def _bind(paths: Paths, name: str, expression: Expression) -> None:
    """Make a name of `let` stand for the path or the paths that it is made of."""
    place = paths.path(expression.node)
    if place is None:
        paths.others[name] = frozenset(one.path for one in paths.reads(expression.node))
    else:
        paths.paths[name] = place


def _deepest(paths: Paths, expression: Expression, rows: set[NamePath]) -> list[NamePath]:
    """The paths below which nothing else is read; a whole row, which many functions may read, only if it is all."""
    read = {one.path for one in paths.reads(expression.node) if one.path[0] in ("$", "response")}
    deepest = {path for path in read - rows if not any(path == other[: len(path)] for other in read - {path})}
    return sorted(path[1:] for path in deepest or read)
