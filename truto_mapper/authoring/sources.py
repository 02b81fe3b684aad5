"""Where values come from: the provider's reply and its JSON Schema, and the caller's query."""

from collections.abc import Iterator

from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath
from truto_mapper.language.source_paths import Paths, reads
from truto_mapper.language.types import ANY, Type, from_schema
from truto_mapper.mapping.linked import RESPONSE_NAMES, Endpoint, expressions
from truto_mapper.text import yaml_tree


def reply_type(endpoint: Endpoint) -> Type:
    """What a reply to an endpoint can be; anything if it names no schema."""
    if endpoint.source is None:
        return ANY
    schema = yaml_tree.parse(endpoint.source).plain()
    return from_schema(schema, schema)


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


def reply_paths(endpoint: Endpoint) -> dict[int, list[NamePath]]:
    """The places in the reply, without indices, that each expression of a record is made of, by the expression's id.

    Names of `let` and `for_each` are followed to what they are made of.
    """
    paths = Paths([*RESPONSE_NAMES, "$"])
    rows: set[NamePath] = set()
    for name, expression in endpoint.for_each:
        row = paths.path(expression.node) or min((one.path for one in paths.reads(expression.node)), default=("$",))
        rows.add(row)
        paths.context = row
        paths.paths |= {"": row, "$": row, name: row}
    for name, expression in endpoint.let:
        place = paths.path(expression.node)
        if place is None:
            paths.others[name] = frozenset(one.path for one in paths.reads(expression.node))
        else:
            paths.paths[name] = place
    return {id(one): _deepest(paths, one, rows) for one in expressions(endpoint.response)}


def _deepest(paths: Paths, expression: Expression, rows: set[NamePath]) -> list[NamePath]:
    """The paths below which nothing else is read; a whole row, which many functions may read, only if it is all."""
    read = {one.path for one in paths.reads(expression.node) if one.path[0] in ("$", "response")}
    deepest = {path for path in read - rows if not any(path == other[: len(path)] for other in read - {path})}
    return sorted(path[1:] for path in deepest or read)
