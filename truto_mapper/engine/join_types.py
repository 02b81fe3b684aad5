"""The types of what joins give: a row of their replies, and `$joined` in the expressions of a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from truto_mapper.engine.source_types import Looked, Reading, type_in
from truto_mapper.language import natives, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.inference import Inference
from truto_mapper.language.names import NamePath
from truto_mapper.language.types import ANY, Type
from truto_mapper.mapping.linked import Endpoint, Join, expressions


def join_reply(join: Join, path: NamePath | None = ()) -> Type:
    """What a reply to a join can be; anything if it names no schema. `path` is that of the reply, if it counts."""
    return type_in(join.source, path)


def join_row(reply: Type, rows: Type | None) -> Type:
    """The type of a row of a join, where `rows` is the type of its `rows`."""
    return types.item_of(reply if rows is None else rows).without(types.NONE)


def by_key(join: Join, row: Type) -> Type:
    """The type of `$joined.<name>`: any key may be there, or not."""
    value = Type(frozenset({"array"}), items=row) if join.many else row
    return Type(frozenset({"object"}), properties={}, others=value)


def looked_at(endpoint: Endpoint, join: Join) -> Looked:
    """What of a reply to a join is read, by the expressions of the join and by those of the records."""
    inference = Inference(lambda *_: None)
    reply = join_reply(join)

    def of(expression: Expression | None, context: Type) -> Type:
        return ANY if expression is None else natives.written(inference.infer(expression.node, _scope(reply, context)))

    for one in (join.next_cursor, join.error_when):
        inference.used(of(one, reply))
    row = join_row(reply, None if join.rows is None else of(join.rows, reply))
    inference.used(of(join.key, row))
    tested, inference.paths = inference.paths, set()
    scope = TypeScope({"joined": Type(frozenset({"object"}), properties={join.name: by_key(join, row)})}, ANY)
    for name, one in endpoint.let:
        scope = scope.bound(name, natives.written(inference.infer(one.node, scope)), one.node)
    for one in expressions(endpoint.response):
        inference.used(inference.infer(one.node, scope))
    above = {path[:end] for path in inference.paths for end in range(len(path))}
    whole = {*inference.whole, *inference.paths - above} - {()}
    return Looked.of([*_found(whole, is_whole=True), *_found(tested | inference.paths, is_whole=False)])


def _scope(reply: Type, context: Type) -> TypeScope:
    return TypeScope({"response": reply, "$": context}, context)


def _found(paths: Iterable[NamePath], *, is_whole: bool) -> Iterator[Reading]:
    return (Reading(None, path, is_whole=is_whole) for path in sorted(paths))
