"""Where rows and replies are looked for, and marks that only one item of a list can have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from typing import Any

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.shared import place
from truto_mapper.authoring.check.slips import written
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import is_simple_path
from truto_mapper.language.source_paths import reads
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import Endpoint, every, expressions, leaves
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted

#: Fields that are true for one item of a list.
_MARKS = frozenset({"is_primary", "primary", "is_default", "default", "is_main", "main", "is_current", "is_latest"})


#: The part of the fields that a wrong list of rows lacks at least, and how many of them a message names.
_NEARLY_ALL, _SHOWN = 0.8, 4


def misplaced_rows(types_: EndpointTypes, told: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """C234: a `for_each` over no list, and one whose rows are the same for each row of the loop around it.

    `told` is what is known to be wrong.
    """
    endpoint, outer = types_.endpoint, ""
    misread = {place(one) for one in told if one.code == "C206"}
    lists = list(_lists(types_.body))
    for name, expression in endpoint.for_each:
        kind = types_.kind(expression.node)
        if (
            kind.path is not None
            and kind.solid <= types.SCALARS | frozenset({"object"} if outer and endpoint.method == "list" else ())
            and kind.solid
        ):
            read = types_.inference.paths | types_.inference.whole
            unread = [one for one in lists if not any(path[: len(one)] == one != path for path in read)]
            hint = f"the reply has `{dotted(unread[0])}`" if unread else None
            message = f"`{written(expression, expression.node)}` is {types.in_words(kind)}, not a list of rows"
            found = expression.diagnostic("C234", message, expression.node, severity="warning", hint=hint)
            yield from [found] if place(found) not in misread else ()
        elif kind.solid == {"object"} and kind.properties is None and kind.others is not None:
            text = written(expression, expression.node)
            message = f"`{text}` is an object of names, not a list of rows"
            yield expression.diagnostic("C234", message, severity="warning", hint=f"write `{text}.*` for its values")
        elif any(map(_is_item, _tests(expression.node))):
            message = f"only one row is mapped: `{written(expression, expression.node)}` selects it by its number"
            yield expression.diagnostic("C234", message, severity="warning", hint="remove the number")
        is_one = bool(outer) and types_.kind(dict(endpoint.for_each)[outer].node).solid == {"object"}
        if outer and not is_one and not any(read.path[0] in (outer, "$") for read in reads(expression)):
            message = f"this does not depend on ${outer}: each ${outer} gets all of these rows"
            yield expression.diagnostic("C234", message, severity="warning", hint=f"begin with `${outer}`")
        outer = name


def unlooped_array(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C234: a reply that is an array, of which no loop makes rows."""
    endpoint = types_.endpoint
    if types_.body.solid == {"array"} and not endpoint.for_each and endpoint.method != "delete":
        place = types_.mapper.mapping.root.value["endpoints"].value[endpoint.name]
        message = f"replies of `{endpoint.name}` are arrays, and it has no `for_each`"
        hint = "`for_each: {row: $}` makes each item a row"
        yield place.diagnostic("C234", message, key="source_schema", severity="error", hint=hint)


def misread_rows(types_: EndpointTypes, found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """C206: a `for_each` whose rows have hardly any of the fields that are read from them, told once for all of these.

    `found` is what else is wrong; the result is without what follows from this.
    """
    endpoint, made, told = types_.endpoint, list[Diagnostic](), set[Any]()
    left, outer = [*endpoint.for_each, *endpoint.let], ""
    left += [("", one) for one in expressions(endpoint.response)]
    for number, (name, expression) in enumerate(endpoint.for_each):
        row = types.item_of(types_.kind(expression.node)).without(types.NONE)
        is_known = row.path is not None and (row.properties is not None or row.solid <= types.SCALARS)
        is_last = number == len(endpoint.for_each) - 1
        roots = {name, "$"} if is_last else {name}
        roots |= {let for let, one in endpoint.let if isinstance(one.node, nodes.Variable) and one.node.name in roots}
        below = [(one, read) for _, one in left[number + 1 :] for read in reads(one)] if is_known else []
        of_row = [(one, read) for one, read in below if read.path[0] in roots and read.path[1:] and read.nodes]
        names = {read.path[1] for _, read in of_row}
        unknown = names - (row.properties or {}).keys()
        if len(names) > 1 and len(unknown) >= _NEARLY_ALL * len(names):
            made.append(_misread(types_, expression, name, sorted(unknown), outer))
            told |= {(one.source, one.locate(read.nodes[0].span)) for one, read in of_row if read.path[1] in unknown}
            break  # what is wrong in the loops below may follow from this
        outer = name
    return [*made, *(one for one in found if one.code != "C206" or (one.source, one.span) not in told)]


def _misread(types_: EndpointTypes, loop: Expression, name: str, unknown: Sequence[str], outer: str) -> Diagnostic:
    """The finding, with the list that has all of these fields in the hint."""
    there = written(loop, loop.node)
    shown = ", ".join(f"`{one}`" for one in unknown[:_SHOWN]) + (" and others" if len(unknown) > _SHOWN else "")
    home = next((one for one in _lists(types_.body) if types_.properties(one).keys() >= set(unknown)), None)
    around = types.item_of(types_.kind(dict(types_.endpoint.for_each)[outer].node)) if outer else None
    hint = None
    if home is not None:
        base = around.path if around is not None else None
        is_below = base is not None and home[: len(base)] == base != home
        hint = f"write `{dotted((f'${outer}', *home[len(base or ()) :])) if is_below else dotted(home)}`"
    message = f"`{there}` has none of the fields that are read from `${name}`: {shown}"
    return loop.diagnostic("C206", message, loop.node, severity="error", hint=hint)


def _tests(node: nodes.Node) -> Sequence[nodes.Filter | nodes.Index]:
    """The predicates at the end of a path."""
    last = node.steps[-1] if isinstance(node, nodes.Path) else node
    return (*last.predicates, *last.stages) if isinstance(last, nodes.Step) else ()


def _lists(kind: Type) -> Iterator[tuple[str, ...]]:
    """The paths of the lists of objects in a reply."""
    for one in types.objects(kind):
        for inner in (one.properties or {}).values():
            if "array" in inner.kinds and inner.path and any(types.objects(inner)):
                yield inner.path
            yield from _lists(inner)


def mistaken_replies(all_types: Sequence[EndpointTypes]) -> Iterator[Diagnostic]:
    """C234: an endpoint that takes replies of others for its own, or its own empty pages for nobody's."""
    known: dict[nodes.Node, Endpoint] = {}
    for types_ in all_types:
        one = types_.endpoint
        loop = one.for_each[0][1] if one.for_each else None
        if loop is None:
            continue
        if one.recognise is None:
            yield from _unrecognised(loop, types_)
            continue
        rows, hint = written(loop, loop.node), f"write `$exists({written(loop, loop.node)})`"
        other = known.setdefault(one.recognise.node, one)
        if loop.node != other.for_each[0][1].node:
            message = f"`{other.name}` recognises its replies in the same way, and the rows here are those of `{rows}`"
            yield one.recognise.diagnostic("C234", message, severity="warning", hint=hint)
        elif one.recognise.node == loop.node or _negates(one.recognise.node, loop.node):
            empty = "an empty list is false, so a page without rows is not recognised"
            message = empty if one.recognise.node == loop.node else "this holds where there are no rows"
            yield one.recognise.diagnostic("C234", message, severity="warning", hint=hint)
        elif others := _also_of(one.recognise, loop, all_types):
            message = f"this holds for replies of {', '.join(others)}, too"
            yield one.recognise.diagnostic("C234", message, severity="warning", hint=hint)


def _negates(node: nodes.Node, rows: nodes.Node) -> bool:
    """Whether a node is `$not($exists(rows))`."""
    match node:
        case nodes.Call(
            procedure=nodes.Variable(name="not"),
            arguments=(nodes.Call(procedure=nodes.Variable(name="exists"), arguments=(one,)),),
        ):
            return one == rows
    return False


def _unrecognised(loop: Expression, types_: EndpointTypes) -> Iterator[Diagnostic]:
    """Rows that are always there, or not there on an empty page, where no `recognise` tells the endpoint's replies."""
    match loop.node:
        case nodes.Array() | nodes.Coalesce(right=nodes.Array()):
            message = "without `recognise`, every reply is taken for one of this endpoint"
        case nodes.Path() if is_simple_path(loop.node) and not _is_list(loop.node, -1, types_.kinds):
            return
        case nodes.Path() | nodes.Call():
            message = "without `recognise`, a page without rows is not taken for one of this endpoint"
        case _:
            return
    names = [read.nodes[0].value for read in reads(loop) if read.path[0] in ("$", "response") and read.nodes]
    hint = f"add `recognise: $exists({names[0]})`" if names else None
    yield loop.diagnostic("C234", message, severity="warning", hint=hint)


def _also_of(recognise: Expression, loop: Expression, all_types: Sequence[EndpointTypes]) -> list[str]:
    """The other endpoints whose replies have the one name that an endpoint recognises its replies by."""
    names = [{read.path for read in reads(one) if read.path[0] in ("$", "response")} for one in (recognise, loop)]
    top, own = ({path[1] for path in paths if len(path) > 1} for paths in names)
    if not isinstance(recognise.node, nodes.Call) or len(top) != 1 or top & own:
        return []
    others = [one for one in all_types if one.endpoint.for_each and one.endpoint.for_each[0][1].node != loop.node]
    return [f"`{one.endpoint.name}`" for one in others if top <= {*(one.body.properties or {})}]


def repeated_marks(types_: EndpointTypes) -> Iterator[Diagnostic]:
    """C235: `is_primary: true` for each item of a list."""
    for _, one in every(types_.endpoint):
        if "{" in one.text:
            yield from _marks_within(one, types_.kinds)
    marked: dict[tuple[str | int, ...], Expression] = {}
    for path, _, one in leaves(types_.endpoint.response, types_.mapper.resource.record):
        is_mark = len(path) > 1 and path[-1] in _MARKS and isinstance(path[-2], int) and _is_true(one.node)
        if is_mark and marked.setdefault((*path[:-2], path[-1]), one) is not one:
            yield _mark(one, one.node, str(path[-1]))


def _marks_within(expression: Expression, kinds: Map[int, Type]) -> Iterator[Diagnostic]:
    for node in expression.below:
        made: list[nodes.Node] = []
        match node:
            case nodes.Path(steps=(_, *rest)):
                made = [step.node for number, step in enumerate(rest, 1) if _is_list(node, number, kinds)]
            case nodes.Call(procedure=nodes.Variable(name="map"), arguments=(items, nodes.Lambda(body=body))):
                made = [body] if _is_list(items, None, kinds) else []
            case nodes.Call(procedure=nodes.Variable(name="each"), arguments=(_, nodes.Lambda(body=body))):
                made = [body]
            case nodes.Array(items=items):
                objects = [one for each in items for one in _certain(each)]
                made = [*objects[1:]] if objects and any(_marks(objects[0])) else []
        for one in made:
            for value, name in _marks(one):
                yield _mark(expression, value, name)


def _certain(node: nodes.Node) -> Iterator[nodes.Object]:
    """The object that an item of an array is, or is made of a value: `a[$ != null].{"b": $}`."""
    match node:
        case nodes.Object():
            yield node
        case nodes.Path(steps=(*_, nodes.Step(node=nodes.Object() as made))):
            yield made
        case nodes.Condition(condition=nodes.Path() | nodes.Variable(), then=nodes.Object() as made, otherwise=None):
            yield made


def _is_list(node: nodes.Node, end: int | None, kinds: Map[int, Type]) -> bool:
    """Whether the first steps of a path give a list by their schema; predicates alone make none of a single value."""
    steps = node.steps[:end] if isinstance(node, nodes.Path) else (nodes.Step(node.span, node),)
    kind = kinds.get(id(steps[0].node), types.ANY) if steps else types.NEVER
    for step in steps[1:]:
        if _may_be_list(kind) or not isinstance(step.node, nodes.Name):
            break
        kind = types.union_all((one.properties or {}).get(step.node.value, types.ANY) for one in types.objects(kind))
        kind = types.item_of(kind) if any(map(_is_item, (*step.predicates, *step.stages))) else kind
    return _may_be_list(kind)


def _is_item(one: nodes.Filter | nodes.Index) -> bool:
    return isinstance(one, nodes.Filter) and isinstance(one.expression, nodes.Number)


def _may_be_list(kind: Type) -> bool:
    return kind.kinds != types.KINDS and "array" in kind.kinds


def _marks(node: nodes.Node) -> Iterator[tuple[nodes.Node, str]]:
    """The marks of the objects that a node makes."""
    for one in nodes.walk(node):
        for key, value in one.pairs if isinstance(one, nodes.Object) else ():
            if isinstance(key, nodes.String) and key.value in _MARKS and _is_true(value):
                yield value, key.value


def _is_true(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Value) and node.value is True


def _mark(expression: Expression, node: nodes.Node, name: str) -> Diagnostic:
    message = f"`{name}` is true for each item of a list"
    return expression.diagnostic("C235", message, node, severity="warning", hint="compute it, or leave it out")
