"""What a request is made of: texts in its path, and our cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fields import first_item
from truto_mapper.authoring.check.ids import last_names
from truto_mapper.authoring.check.slips import written
from truto_mapper.authoring.check.words import words, words_of
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import bound_values, is_simple_path, leading_names, texts_of_names
from truto_mapper.language.nodes import Node
from truto_mapper.language.source_paths import Paths
from truto_mapper.mapping.linked import OF_REQUESTS, Join, leaves, of_requests
from truto_mapper.resource.spec import OF_ONE
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted, keys_of

#: Words of the names of ids.
_IDS = words_of(["id", "uuid", "key", "ref", "number", "no"])

#: Formats of texts that a path contains as they are.
_SAFE = frozenset({"uuid", "date", "date-time"})
#: The variables that callers and accounts give.
_GIVEN = frozenset({"query", "context", "id", "ids", "body"})
#: Functions that keep the characters of a text.
_KEEPING = frozenset({"string", "trim", "lowercase", "uppercase", "pad", "join", "encodeUrl"})
_KEEPING |= {"substring", "substringBefore", "substringAfter"}


def unescaped(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C236: texts of the query, an id, a body or a setting that become a part of a path as they are."""
    yield from _unescaped(types_, types_.endpoint.path)
    for join in types_.endpoint.joins:
        yield from _unescaped(types_, join.path, types.item_of(types_.kind(join.ids.node)))


def _unescaped(types_: EndpointTypes, path: Expression, ids: types.Type | None = None) -> Iterator[Diagnostic]:
    """The same for a path; `ids` is the type of each of `$ids`."""
    for node in _parts(path.node, bound_values(path.node)):
        kind = ids if ids is not None and _root(node) == "ids" else types_.kind(node)
        is_free = "string" in kind.solid and kind != types.ANY and kind.values is None and kind.format not in _SAFE
        if is_free and not _has_pattern(types_.mapper, node):
            text = written(path, node)
            message = f"`{text}` may contain `/`, `?` or `#`, which change the path"
            hint = f"write `$encodeUrlComponent({text})`"
            yield path.diagnostic("C236", message, node, severity="warning", hint=hint)


def _parts(node: Node, bound: dict[str, Node]) -> Iterator[Node]:
    """What is given, whose texts a path is joined of."""
    match node:
        case nodes.Binary(operator="&", left=left, right=right):
            yield from (*_parts(left, bound), *_parts(right, bound))
        case nodes.Coalesce(left=left, right=right) | nodes.Default(left=left, right=right):
            yield from (*_parts(left, bound), *_parts(right, bound))
        case nodes.Condition(then=left, otherwise=other):
            yield from (*_parts(left, bound), *(() if other is None else _parts(other, bound)))
        case nodes.Block(expressions=(*_, last)):
            yield from _parts(last, bound)
        case nodes.Array(items=items) | nodes.Chain(parts=items):
            for one in items:
                yield from _parts(one, bound)
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(first, *_)) if name in _KEEPING:
            yield from _parts(first, bound)
        case nodes.Variable(name=name) if name in bound:
            yield from _parts(bound[name], {other: value for other, value in bound.items() if other != name})
        case nodes.Path() | nodes.Step() | nodes.Variable() if _root(node) in _GIVEN:
            yield node


def _root(node: Node) -> str:
    names = leading_names(node)
    return names[0].name if names and isinstance(names[0], nodes.Variable) else ""


def _has_pattern(mapper: Mapper, node: Node) -> bool:
    """Whether a setting has a pattern of its own, which its author answers for."""
    names = leading_names(node)
    setting = names[1].value if len(names) > 1 and isinstance(names[1], nodes.Name) else ""
    return _root(node) == "context" and "pattern" in mapper.mapping.context_schemas.get(setting, {})


def unasked(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C244: a request for one record that does not say which, and one of a join that does not say which rows."""
    endpoint = types_.endpoint
    if endpoint.method in OF_ONE and not _reads_of(of_requests(endpoint), "id"):
        message = f"the request of `{endpoint.name}` never has `$id`, so it is the same for every record"
        hint = "write `$encodeUrlComponent($id)` in the path"
        yield endpoint.path.diagnostic("C244", message, severity="warning", hint=hint)
    for join in endpoint.joins:
        sent = [one for key, one in join.expressions if key in OF_REQUESTS]
        read = _reads_of(sent, "ids")
        if not read and join.next_cursor is None:  # else it may ask for all rows
            message = f"the request of `{join.name}` never has `$ids`, so it is the same for all rows"
            yield join.path.diagnostic("C244", message, severity="warning", hint="write `$ids` where the ids belong")
        for one, node, index in _beyond(sent, join.batch):
            message = (
                f"`$ids[{index}]` is always absent: a request of `{join.name}` has no more than {join.batch} of them"
            )
            yield one.diagnostic("C244", message, node, severity="warning", hint="the first has the index 0")
        if read and join.batch > 1 and "array" in types_.kind(join.ids.node).kinds and all(one[2] for one in read):
            one, node, _ = read[0]
            message = f"`{join.name}` asks for up to {join.batch} ids at once, and sends the first of them only"
            yield one.diagnostic(
                "C244", message, node, severity="warning", hint="send all of `$ids`, or add `batch: 1`"
            )


def _beyond(some: Iterable[Expression], batch: int) -> Iterator[tuple[Expression, Node, int]]:
    """Where expressions take one of `$ids` that a request never has."""
    for one in some:
        for node in one.below if "$ids" in one.text else ():
            match node:
                case nodes.Step(
                    node=nodes.Variable(name="ids"), predicates=(nodes.Filter(expression=nodes.Number(value=n)), *_)
                ):
                    if not -batch <= n < batch:
                        yield one, node, int(n)


def mistaken_joins(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C232: a key of another name than the ids have, which its rows have, too. C240: ids that are no ids."""
    for join in types_.endpoint.joins:
        key = _last(join.key.node)
        for name in sorted(filter(None, last_names(join.ids.node))) if key else ():
            if (meant := _key_meant(name, key, join, types_)) is not None:
                message = f"the key reads `{key}`, but the ids are each a `{name}`, and the rows have `{meant}`"
                yield join.key.diagnostic("C232", message, severity="warning", hint=f"did you mean `{meant}`?")
                break
        yield from _never_found(join, types_)
        number = first_item(join.ids.node)
        if number is not None:
            message = f"`{join.name}` asks for the ids of one item of several"
            yield join.ids.diagnostic("C240", message, number, severity="warning", hint="leave the index out")
        kind = types.item_of(types_.kind(join.ids.node))
        if kind.solid and kind != types.ANY and not kind.solid & {"string", "integer", "number", "array"}:
            message = f"ids are texts or integers, but each of these is {types.in_words(kind)}"
            yield join.ids.diagnostic("C240", message, severity="warning", hint="read the id of it")


def _never_found(join: Join, types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C232: ids that no key can be: those of a format, where the keys are whole numbers."""
    ids, key = types.item_of(types_.kind(join.ids.node)), types_.kind(join.key.node)
    if ids.format and ids.solid == types.STRING.kinds and key.path and key.solid == types.INTEGER.kinds:
        message = f"each id is a {ids.format}, and the rows of `{join.name}` have whole numbers as keys"
        yield join.ids.diagnostic("C232", message, severity="warning", hint="read the ids that the rows have")


def single_rows(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C240: a list of objects that is made of one row of a join, where several may have the key."""
    single = {join.name for join in types_.endpoint.joins if not join.many}
    for path, field, one in leaves(types_.endpoint.response, types_.mapper.resource.record) if single else ():
        match one.node:
            case nodes.Path(
                steps=(
                    nodes.Step(node=nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(rows, _))),
                    nodes.Step(node=nodes.Object()),
                )
            ) if field is not None and field.type == "array" and texts_of_names(rows)[:1] == ["joined"]:
                name = texts_of_names(rows)[-1]
                if name in single:
                    message = f"`{dotted(keys_of(path))}` is an array, and the join `{name}` keeps one row of each key"
                    yield one.diagnostic("C240", message, severity="warning", hint="write `many: true` in the join")


def _key_meant(name: str, key: str, join: Join, types_: EndpointTypes) -> str | None:
    """What the key of a join's rows should be, where the ids have a name; None if the key may be right."""
    beside, tells = types_.rows[join.name].properties or {}, words(name) - _IDS
    refers = join.many or not words(key).isdisjoint(_IDS)  # a row may refer to another
    if name in beside and key != name and (tells or not refers):
        return name
    if meant := _key_by_type(types.item_of(types_.kind(join.ids.node)), key, beside):
        return meant
    if join.many:  # many rows refer to one id
        return None
    if words(key).isdisjoint(words(name)):
        return next((one for one in beside if words(one) and words(one) <= words(name) & _IDS), None)
    rows = words_of([join.name, *(texts_of_names(join.rows.node) if join.rows is not None else ())])
    if (words(key) - _IDS).isdisjoint(tells | rows) and words(key) - _IDS:  # `managerId` of a user
        return next((one for one in beside if words(one) <= _IDS), None)
    return None


def _key_by_type(wanted: types.Type, key: str, beside: Mapping[str, types.Type]) -> str | None:
    """The only id of a row that is of the type and the format of the ids, where the key is not."""

    def fits(kind: types.Type) -> bool:
        is_known = kind != types.ANY and bool(kind.solid) and wanted != types.ANY and bool(wanted.solid)
        return not is_known or (bool(kind.solid & wanted.solid) and wanted.format in (None, kind.format))

    others = [one for one, kind in beside.items() if kind.solid and fits(kind) and (wanted.format or words(one) & _IDS)]
    return others[0] if key in beside and not fits(beside[key]) and len(others) == 1 else None


def _last(node: Node) -> str:
    """The last name of a path; "" for any other node."""
    names = leading_names(node) if is_simple_path(node) else ()
    return str(getattr(names[-1], "value", "")) if names else ""


def _reads_of(some: Iterable[Expression], name: str) -> list[tuple[Expression, Node, bool]]:
    """Where expressions read a variable, each with whether they take its first item only."""
    found: list[tuple[Expression, Node, bool]] = []
    for one in some:
        steps = {id(step.node): step for step in one.below if isinstance(step, nodes.Step)}
        for variable in (each for each in one.variables if each.name == name):
            step = steps.get(id(variable))
            tests = (*step.predicates, *step.stages) if step is not None else ()
            is_first = any(
                isinstance(test, nodes.Filter) and isinstance(test.expression, nodes.Number) for test in tests
            )
            found.append((one, variable, is_first))
    return found


def our_cursor(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C232: `$query.next_cursor`, which is ours and means nothing to the provider."""
    for one in chain(of_requests(types_.endpoint), *(join.requests for join in types_.endpoint.joins)):
        for read in Paths(["query", "$"]).reads(one.node) if "next_cursor" in one.text else ():
            if read.path == ("query", "next_cursor"):
                message = "`$query.next_cursor` is our cursor, which the provider does not know"
                yield one.diagnostic("C232", message, read.nodes[-1], severity="warning", hint="write `$cursor`")
