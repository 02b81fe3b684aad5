"""Whether the value of an expression, and of each of its parts, can be that of the unified field that it is for."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from truto_mapper.authoring.check import fitting, slips
from truto_mapper.authoring.check.fitting import Wanted
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.facts import TypeScope
from truto_mapper.language.inference import quiet
from truto_mapper.language.names import leading_names, texts_of_names
from truto_mapper.language.types import Type
from truto_mapper.resource.field import Field, value_schema
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean
from truto_mapper.text.pointers import Steps, dotted, keys_of
from truto_mapper.text.record import NamedTuple

#: The type of a node.
Kind = Callable[[nodes.Node], Type]

#: Texts that somebody meant to replace.
_PLACEHOLDERS = frozenset({"todo", "fixme", "tbd", "xxx", "changeme", "change me", "placeholder", "lorem ipsum", "..."})
#: Functions that make a list of a list.
_MAPPING = frozenset({"distinct", "map", "reverse", "sort"})
#: Values that say that there is nothing, which a mapping may leave out.
_NOTHING = frozenset({"", "none", "no", "off", "unknown", "other", "disabled", "inactive", "unset", "false", "default"})


class _Part(NamedTuple):
    """A node that gives the value of a place, or one of its values; whether its object requires it, and a list it.

    `of_each` if it is made of each item of a path, `rows` is the variable that such a path begins with.
    """

    node: nodes.Node
    wanted: Wanted
    required: bool = False
    in_list: bool = False
    of_each: bool = False
    rows: str = ""


def misfits(
    sources: Sequence[Expression],
    kind_of: Kind,
    field: Field,
    path: Steps,
    lets: Mapping[str, Expression],
    read: Collection[str],
) -> Iterator[Diagnostic]:
    """C207 where no value of an expression or of a branch can be a value of a field, C209 where some cannot.

    The sources are the expression and that of the name which it is, if it is one. `lets` has the others, `read` the
    names that expressions read of these.
    """
    expression, source = sources[0], sources[-1]
    wanted = Wanted(RequestSchema(value_schema(field)), dotted(keys_of(path)))
    found = list(fitting.misfits(expression, kind_of(expression.node), wanted))
    yield from found
    named = [one.name for one in fitting.results(source.node) if isinstance(one, nodes.Variable)]
    for each in (source, *(lets[one] for one in named if one in lets)) if not found else ():
        for part in _parts(_Part(each.node, wanted, required=field.required and len(path) > 1)):
            told = _of_part(each, part, kind_of, lets)
            yield from (one for one in told if each is source or one.code == wanted.code)
            yield from _undeclared(each, part, () if each is expression else read)
    yield from _left_out(source, kind_of, wanted)


def values_of(node: nodes.Node, field: Field, name: str = "") -> Iterator[tuple[nodes.Node, Wanted]]:
    """The nodes that give the value of a field, and of what is declared below it, each with what it must be."""
    for part in _parts(_Part(node, Wanted(RequestSchema(value_schema(field)), name))):
        yield part.node, part.wanted


def objects(node: nodes.Node, field: Field) -> Iterator[tuple[nodes.Object, RequestSchema]]:
    """The objects that a node makes for a field and below it, each with its schema."""
    for one, wanted in values_of(node, field):
        if isinstance(one, nodes.Object):
            yield one, wanted.schema


def _left_out(expression: Expression, kind_of: Kind, wanted: Wanted) -> Iterator[Diagnostic]:
    """C209: `state = "STARTED" ? "live"`, where `state` has one more value than is asked for."""
    match expression.node:
        case nodes.Condition(
            condition=nodes.Binary(operator="=" | "in", left=side, right=asked), then=nodes.String(), otherwise=None
        ) if wanted.schema.values:
            known = [one.value for one in nodes.walk(asked) if isinstance(one, nodes.String)]
            left = [one for one in kind_of(side).values or () if one not in known]
            if known and len(left) == 1 and str(left[0]).lower() not in _NOTHING:
                message = f'no branch handles "{left[0]}": the value is undefined then'
                yield expression.diagnostic("C209", message, expression.node, severity="warning", hint="add `: …`")


def _of_part(
    expression: Expression, part: _Part, kind_of: Kind, lets: Mapping[str, Expression]
) -> Iterator[Diagnostic]:
    node, kind = part.node, kind_of(part.node)
    wanted = replace(part.wanted, node=node)

    def warning(code: str, message: str, hint: str | None = None) -> Diagnostic:
        return expression.diagnostic(code, message, node, severity="warning", hint=hint)

    for one in fitting.misfits(expression, kind, wanted) if kind.solid else ():
        yield warning(one.code, one.message, one.hint)
    if part.required and (way := _lacks(node, kind, lets)):
        message = f"`{wanted.name}` is required, but `{slips.written(expression, node)}` may be {way}"
        yield warning("C229", message, "make the object only of others: `[… != null].{…}` or `… != null ? {…}`")
    if isinstance(node, nodes.Object):
        yield from _keys(expression, node, wanted)
        given = [value for _, value in node.pairs if not isinstance(value, nodes.LITERALS)]
        if wanted.is_item and not part.of_each and len(given) == 1 and "null" in kind_of(given[0]).kinds != types.KINDS:
            message = f"an object is made where `{slips.written(expression, given[0])}` is null, too"
            yield warning("C229", message, "make it only of others: `… != null ? {…}` or `[… != null].{…}`")
    elif (
        wanted.schema.kinds <= {"object", *types.SCALARS}
        and not part.in_list
        and (is_list(node, kind_of, lets) or _is_all_rows(node, part.rows, kind_of))
    ):
        if not _is_counted(expression):
            message = f"`{wanted.called}` is {wanted.in_words}, but this gives a list where there are several"
            yield warning("C205", message)
    elif isinstance(node, nodes.String) and node.value.lower() in _PLACEHOLDERS and not wanted.schema.values:
        yield warning("C219", f'"{node.value}" is not a value, but a text to replace')
    elif wanted.schema.is_array:
        yield from _of_list(expression, part, kind_of)


def _parts(part: _Part) -> Iterator[_Part]:
    """The parts that give the values of a place and of those below it."""
    wanted = part.wanted
    inner = wanted.items if wanted.schema.is_array else wanted
    chosen = {id(one.left) for one in nodes.walk(part.node) if isinstance(one, nodes.Default)}
    for one in fitting.results(part.node):
        if not (part.of_each and isinstance(one, nodes.Array)):  # a path makes one list of those that a block gives
            needed = part.required and id(one) not in chosen  # `a ?: b` is `a` only where that is something
            yield part._replace(node=one, wanted=inner if isinstance(one, nodes.Object) else wanted, required=needed)
        match one:
            case nodes.Object(pairs=pairs):
                for key, value in pairs:
                    child = inner.child(key.value) if isinstance(key, nodes.String) else None
                    if child is not None and isinstance(key, nodes.String):
                        yield from _parts(_Part(value, child, key.value in inner.schema.required, rows=part.rows))
            case nodes.Array(items=items):
                for item in items:
                    yield from _parts(_Part(item, inner, in_list=True))
            case nodes.Call(procedure=nodes.Variable(name="map" | "each"), arguments=(*_, nodes.Lambda(body=made))):
                yield from _parts(_Part(made, inner, in_list=True, of_each=True))
            case nodes.Path(steps=(first, *_, nodes.Step(node=nodes.Object() | nodes.Block() as made)), group=None):
                rows = first.node.name if isinstance(first.node, nodes.Variable) else ""
                yield from _parts(_Part(made, inner, in_list=True, of_each=True, rows=rows))


def read_of(expression: Expression, lets: Collection[str]) -> Iterator[str]:
    """The names of what an expression reads below the values of `let`."""
    for path in expression.below:
        match path:
            case (
                nodes.Path(steps=(nodes.Step(node=nodes.Variable(name=name)), *_))
                | nodes.Step(node=nodes.Variable(name=name))
            ) if name in lets:
                yield from (str(one.value) for one in nodes.walk(path) if isinstance(one, nodes.Name))


def _undeclared(expression: Expression, part: _Part, read: Collection[str]) -> Iterator[Diagnostic]:
    """C201: keys of an object that the field does not declare, and that nothing reads."""
    names = part.wanted.schema.names
    for key, _ in part.node.pairs if isinstance(part.node, nodes.Object) and names else ():
        if isinstance(key, nodes.String) and key.value not in (*names, *read):
            message, hint = f"`{part.wanted.called}` has no field `{key.value}`", did_you_mean(key.value, names)
            yield expression.diagnostic("C201", message, key, severity="warning", hint=hint)


def _keys(expression: Expression, node: nodes.Object, wanted: Wanted) -> Iterator[Diagnostic]:
    """C219: keys without quotes, which are paths; C229: a required key that is not there."""
    paths = [key for key, _ in node.pairs if not isinstance(key, nodes.String)]
    for key in paths:
        name = slips.written(expression, key)
        if name in wanted.schema.names:
            message = f"`{name}` without quotes is a path, whose value becomes the key"
            yield expression.diagnostic("C219", message, key, severity="warning", hint=f'write `"{name}"`')
    given = {key.value for key, _ in node.pairs if isinstance(key, nodes.String)}
    for name in wanted.schema.required if not paths else ():
        if name not in given:
            yield expression.diagnostic("C229", fitting.absent(name, wanted), node, severity="warning", hint=None)


def _of_list(expression: Expression, part: _Part, kind_of: Kind) -> Iterator[Diagnostic]:
    """A list of one item of several, with two items of the same kind, or made one text."""
    node, wanted = part.node, part.wanted
    first = first_item(node)
    if first is not None:
        message = f"`{wanted.called}` is an array, but this takes one item of several"
        yield expression.diagnostic("C205", message, first, severity="warning", hint="leave the index out")
    elif isinstance(node, nodes.Array):
        yield from _same_kind(expression, node, wanted.items)
    elif _is_joined(node, kind_of):
        message = f"`{wanted.called}` is an array, but this makes one text"
        yield expression.diagnostic("C205", message, node, severity="warning", hint="write the list itself")


def first_item(node: nodes.Node) -> nodes.Node | None:
    """The constant index of a step of a path, not of a path as a whole."""
    steps = node.steps if isinstance(node, nodes.Path) else (node,)
    tests = (
        one.expression
        for step in steps
        if isinstance(step, nodes.Step) and not isinstance(step.node, nodes.Block)
        for one in _filters(step)
    )
    return next((one for one in tests if isinstance(one, nodes.Number)), None)


def _filters(step: nodes.Step) -> Iterator[nodes.Filter]:
    return (one for one in (*step.predicates, *step.stages) if isinstance(one, nodes.Filter))


def _same_kind(expression: Expression, array: nodes.Array, wanted: Wanted) -> Iterator[Diagnostic]:
    """C219: two items with the same constant of an enumeration, another value of which no item has."""
    known: dict[tuple[str, object], nodes.Node] = {}
    below = [one for item in array.items for one in nodes.walk(item)]
    pairs = [pair for one in below if isinstance(one, nodes.Object) for pair in one.pairs]
    given = {value.value for _, value in pairs if isinstance(value, nodes.String)}
    for key, value in pairs:
        child = wanted.child(key.value) if isinstance(key, nodes.String) else None
        if child is not None and isinstance(key, nodes.String) and isinstance(value, nodes.String):
            left = [one for one in child.schema.values or () if one not in given]
            first = known.setdefault((key.value, value.value), value)
            if first is not value and left:
                message = f'two items are "{value.value}", and none is "{left[0]}"'
                yield expression.diagnostic("C219", message, value, severity="warning", hint=None)


def _lacks(node: nodes.Node, kind: Type, lets: Mapping[str, Expression]) -> str | None:
    """`null` or `absent` where a node may be that.

    Absent is what `let` gives a value under a condition only, and what a join may not have.
    """
    let = lets.get(node.name) if isinstance(node, nodes.Variable) else None
    if kind != types.ANY and kind.solid and "null" in kind.kinds:
        return "null"
    is_left_out = let is not None and isinstance(let.node, nodes.Condition) and let.node.otherwise is None
    is_left_out |= _is_of_join(node, lets)
    return "absent" if is_left_out and "undefined" in kind.kinds != types.KINDS else None


def _is_of_join(node: nodes.Node, lets: Mapping[str, Expression]) -> bool:
    """Whether a node is a field of a row that `let` looks up in a join."""
    first = next(iter(leading_names(node)), None)
    match lets[first.name].node if isinstance(first, nodes.Variable) and first.name in lets else None:
        case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(rows, _)):
            return texts_of_names(rows)[:1] == ["joined"]
    return False


def is_list(
    node: nodes.Node,
    kind_of: Kind,
    lets: Mapping[str, Expression] = MappingProxyType({}),
    *,
    may_select: bool = True,
) -> bool:
    """Whether a node gives something of each item of a declared list, none of which a predicate selects.

    Unless it `may_select` one, a predicate such as `[type = "work"]` leaves a list, too.
    """
    match node:
        case nodes.Variable(name=name) if name in lets:
            return is_list(lets[name].node, kind_of, {one: let for one, let in lets.items() if one != name})
        case nodes.Step(node=nodes.Array(items=(_, _, *_))) as only:
            return all(map(keeps_several, _filters(only)))
        case nodes.Path(
            steps=(*steps, nodes.Step(node=nodes.Object() | nodes.Name() | nodes.Call() | nodes.Block()) as last),
            group=None,
        ) if steps:
            return _is_filtered_list(last, kind_of) or _through_list(steps, kind_of, lets, may_select=may_select)
        case nodes.Array(items=(_, _, *_)) | nodes.Call(procedure=nodes.Variable(name="split" | "keys" | "each")):
            return True
        case nodes.Call(procedure=nodes.Variable(name=name), arguments=(items, *_)) if name in _MAPPING:
            return kind_of(items).solid == {"array"} or is_list(items, kind_of, lets)
    return False


def _is_filtered_list(step: nodes.Step, kind_of: Kind) -> bool:
    """Whether the last step of a path is a declared list, of which predicates leave several: `rows[at != null]`."""
    tests = list(_filters(step))
    if not (tests and isinstance(step.node, nodes.Name) and all(map(keeps_several, tests))):
        return False
    return quiet(step.node, TypeScope({}, types.item_of(kind_of(step)))).solid == {"array"}


def _is_counted(expression: Expression) -> bool:
    """Whether an expression asks how many there are, or of what type."""
    return any(name.name in ("count", "size", "type") for name in expression.calls)


def _is_all_rows(node: nodes.Node, rows: str, kind_of: Kind) -> bool:
    """Whether a path takes something of all rows, where an object is made of each of them."""
    match node:
        case nodes.Path(steps=(nodes.Step(node=nodes.Variable(name=name) as first, stages=(), predicates=()), _, *_)):
            return name == rows and "array" in kind_of(first).kinds != types.KINDS
    return False


def _through_list(
    steps: Sequence[nodes.Step], kind_of: Kind, lets: Mapping[str, Expression], *, may_select: bool = True
) -> bool:
    """Whether the first steps of a path lead through a declared list as a whole."""
    first, *more = (one for one in steps if not isinstance(one.node, nodes.Sort))
    kinds = [kind_of(first.node)]  # of a step, a type is that of what is before it
    kinds += [quiet(one.node, TypeScope({}, types.item_of(kind_of(one)))) for one in more]
    bound = lets[first.node.name].node if isinstance(first.node, nodes.Variable) and first.node.name in lets else None
    of_let = isinstance(bound, nodes.Path) and bound.group is None and _through_list(bound.steps, kind_of, lets)
    of_let = of_let or (bound is not None and is_list(bound, kind_of, lets))
    tests = [one for step in steps for one in (*step.predicates, *step.stages)]
    keep = keeps_several if may_select else _keeps_words
    return (of_let or any(one.solid == {"array"} for one in kinds)) and all(map(keep, tests))


def keeps_several(one: nodes.Node) -> bool:
    """Whether a predicate does not select one item: `[a != null]`, `[$exists(a)]`."""
    match one.expression if isinstance(one, nodes.Filter) else one:
        case nodes.Binary(operator="!=") | nodes.Call(procedure=nodes.Variable(name="exists" | "not")):
            return True
    return False


def _keeps_words(one: nodes.Node) -> bool:
    """The same also for items with a word, such as `[type = "work"]`, of which there may be several."""
    match one:
        case nodes.Filter(expression=nodes.Binary(operator="=", left=nodes.Path(), right=nodes.String())):
            return True
    return keeps_several(one)


def _is_joined(node: nodes.Node, kind_of: Kind) -> bool:
    match node:
        case nodes.Call(procedure=nodes.Variable(name="join"), arguments=(items, *_)):
            return "array" in kind_of(items).kinds != types.KINDS
        case nodes.Binary(operator="&", left=left, right=right):
            return any("array" in kind_of(side).kinds != types.KINDS for side in (left, right))
    return False
