"""Ids that do not tell rows apart, or are those of the row itself; joins that ask for other ids than are looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.namesakes import Named
from truto_mapper.authoring.check.namings import Naming, Source
from truto_mapper.authoring.check.slips import text_parts, written
from truto_mapper.authoring.check.words import words
from truto_mapper.engine.source_types import refusal_type
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath, leading_names
from truto_mapper.language.nodes import Node
from truto_mapper.language.source_paths import reads
from truto_mapper.language.types import Type
from truto_mapper.mapping import linked
from truto_mapper.mapping.linked import expressions, of_requests
from truto_mapper.resource.spec import OF_ONE
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted

#: Names of the id of a request.
_REQUEST_ID = re.compile(r"(request|trace|correlation)[_-]?(id|ref)|reference", re.IGNORECASE)


def mistaken_ids(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C250, C237, C232 and C233: what is wrong with the ids of records, of joins and of requests."""
    for one in named:
        yield from (*_same_for_all(one), *_own(one), *_looked_up(one))
    yield from _unsplit(named)
    for one in named[:1]:
        yield from _of_requests(one.mapper.mapping)


def _unsplit(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C250: `a & "-" & b` as an id, which a request splits at another mark: `$substringBefore($id, ".")`."""
    every_one = [one for each in named for one in of_requests(each.types.endpoint)]
    marks = {mark for one in every_one for mark in _marks(one.node)}
    for one in named if marks else ():
        id_ = _id(one)
        parts = list(text_parts(id_.node)) if id_ is not None else []
        texts = [str(each.value) for each in parts if isinstance(each, nodes.String)]
        if id_ is not None and texts and not any(mark in text for mark in marks for text in texts):
            shown = " or ".join(f'"{mark}"' for mark in sorted(marks))
            yield id_.diagnostic("C250", f"requests split an id at {shown}, which this does not have")


def _id(named: Named) -> Naming | None:
    """What gives the id of a record."""
    return next((one for one in named.namings.of("record") if one.path == ("id",)), None)


def _marks(node: Node) -> Iterator[str]:
    """The texts at which a request splits an id."""
    for one in nodes.walk(node):
        match one:
            case nodes.Call(
                procedure=nodes.Variable(name="substringBefore" | "substringAfter" | "split"),
                arguments=(nodes.Variable(name="id"), nodes.String(value=mark)),
            ):
                yield mark


def _of_requests(mapping: linked.Mapping) -> Iterator[Diagnostic]:
    """C232 and C233: the id of a request, which refusals have under its name, and nothing reads."""
    read = {each.path[1:] for one in mapping.errors.values() for each in reads(one) if each.path[0] == "$"}
    known = [path for path in _scalars(refusal_type(mapping), ()) if _REQUEST_ID.fullmatch(path[-1])]
    path = known[0] if known and read.isdisjoint(known) else None
    given = mapping.errors.get("request_id")
    if path is not None and given is not None:
        message = f"`request_id` does not read `{dotted(path)}`, which has its name and is never read"
        yield given.diagnostic("C232", message, severity="warning", hint=f"did you mean `{dotted(path)}`?")
    elif path is not None and given is None and mapping.errors:
        message = f"`error_mapping` has no `request_id`, and nothing reads `{dotted(path)}` of a refusal"
        hint = f"add `request_id: {dotted(path)}`"
        yield mapping.root.diagnostic("C233", message, key="error_mapping", severity="warning", hint=hint)


def _scalars(kind: Type, path: NamePath) -> Iterator[NamePath]:
    """The paths to the values below objects."""
    for name, one in (kind.properties or {}).items():
        yield from _scalars(one, (*path, name)) if one.properties else ((*path, name),)


def _same_for_all(named: Named) -> Iterator[Diagnostic]:
    """C250: an id that reads nothing of a row."""
    endpoint = named.types.endpoint
    rows = {place for name, _ in endpoint.for_each for place in named.namings.places(name)}
    naming = _id(named)
    if naming is not None and rows and endpoint.method not in OF_ONE and naming.sources:
        lets = {one.name: one for one in named.namings.of("let")}
        is_bound = ":=" in naming.expression.text  # then a part alone does not say what its variables are
        parts = [naming.node] if is_bound else results(naming.node)
        given = [named.namings.sources_of(naming.expression, one) for one in parts]
        read = {place for sources in given for place in _places(sources, lets)}
        if read and () not in read and not any(place[: len(row)] == row for place in read for row in rows):
            yield naming.diagnostic("C250", "this id is the same for all rows of a page", "read a value of the row")


def _places(sources: Iterable[Source], lets: Mapping[str, Naming]) -> Iterator[NamePath]:
    """The places that decide a value, through those of `let`; the empty one for what is not known."""
    for source in sources:
        root = source.path[0]
        if root in lets and len(source.path) == 1:
            yield from _places(lets[root].sources, {name: one for name, one in lets.items() if name != root})
        else:
            yield from source.places or ((),)


def _own(named: Named) -> Iterator[Diagnostic]:
    """C237: the id of a parent that is the id of the record, or of the object, itself."""
    lets = dict(named.types.endpoint.let)
    for group in named.namings.groups:
        own = next((one for one in group.namings if one.path == ("id",)), None)
        for naming in group.namings if own is not None and group.kind in ("record", "object") else ():
            is_other = naming.path != ("id",) and words("parent_id") <= naming.words
            if own is not None and is_other and _resolved(naming.node, lets) == _resolved(own.node, lets):
                message = f"`{naming.name}` is the id of the record itself"
                yield naming.diagnostic("C237", message, "read the id of the other one")


def _resolved(node: Node, lets: dict[str, Expression]) -> Node:
    """A node, or that of the name of `let` which it is."""
    return lets[node.name].node if isinstance(node, nodes.Variable) and node.name in lets else node


def _looked_up(named: Named) -> Iterator[Diagnostic]:
    """C232: a join that asks for other ids than records look up."""
    endpoint = named.types.endpoint
    joins = {one.name: one for one in endpoint.joins}
    for one in (*(each for _, each in endpoint.let), *expressions(endpoint.response)) if joins else ():
        for node in one.below if "$joined" in one.text else ():
            match node:
                case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(nodes.Path() as table, key)):
                    names = [getattr(each, "value", "") for each in leading_names(table)[1:]]
                    join = joins.get(names[0]) if len(names) == 1 else None
                    looked = {place for source in named.namings.sources_of(one, key) for place in source.places}
                    if join is not None and len(looked) == 1 and _asks_for_others(join.ids.node, *looked):
                        asked = dotted(_place(join.ids.node)[1:]) or join.ids.line
                        message = f"`{join.name}` asks for `{asked}`, and looked up in it is `{written(one, key)}`"
                        yield join.ids.diagnostic("C232", message, severity="warning")


def _asks_for_others(ids: Node, looked: NamePath) -> bool:
    """Whether ids are surely not those of a place of the reply: of one by its path, of several by their names."""
    place, names = _place(ids), last_names(ids)
    is_other = place != looked if place else bool(names) and None not in names and looked[-1] not in names
    return looked[0] == "$" and is_other


def _place(node: Node) -> NamePath:
    """The place of the reply that a path leads to; empty for any other node."""
    names = leading_names(node)
    is_path = isinstance(node, nodes.Path) and len(names) == len(node.steps)
    below = tuple(str(getattr(one, "value", "")) for one in names)
    return ("$", *(below[1:] if isinstance(names[0], nodes.Variable) else below)) if is_path else ()


def last_names(node: Node) -> set[str | None]:
    """The last names of the paths to some ids; with None for what is computed in another way."""
    match node:
        case nodes.Name(value=name):
            return {name}
        case nodes.Path(steps=(*_, nodes.Step(node=last)), group=None) | nodes.Step(node=last, group=None):
            return last_names(last)
        case nodes.Array(items=parts) | nodes.Block(expressions=(_,) as parts):
            return {name for one in parts for name in last_names(one)}
        case nodes.Call(procedure=nodes.Variable(name="distinct" | "append" | "sort"), arguments=parts):
            return {name for one in parts for name in last_names(one)}
        case nodes.Coalesce(left=left, right=right):
            return last_names(left) | last_names(right)
    return {None}
