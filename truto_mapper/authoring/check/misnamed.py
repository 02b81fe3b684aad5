"""Values that are read although another one, which nothing reads, has the name, or is of the row that is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, takewhile

from truto_mapper.authoring.check.fields import objects
from truto_mapper.authoring.check.fitting import results
from truto_mapper.authoring.check.namesakes import Named, scaled
from truto_mapper.authoring.check.namings import Group, Naming
from truto_mapper.authoring.check.words import kin, parts, words
from truto_mapper.language import nodes
from truto_mapper.language.names import NamePath, is_simple_path
from truto_mapper.language.types import ANY, Type
from truto_mapper.mapping.linked import expressions, leaves
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import dotted

#: With fewer values in an object, none is apart from the others.
_ENOUGH = 3

#: Names of fields that mappings give a constant, whatever the provider calls so.
_OF_MAPPINGS = frozenset({"type", "kind", "object", "source", "provider"})


def misnamed(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C231, C232 and C237 for the endpoints of a mapping."""
    for one in named:
        made = {id(each) for each in expressions(one.types.endpoint.response)}
        groups = [group for group in one.namings.groups if group.kind in ("record", "object")]
        for group in groups:
            yield from _swapped(group)
            if all(id(naming.expression) in made for naming in group.namings):
                yield from (*_left_unread(one, group), *_same(one, group))
                yield from _of_another_row(one, group) if group.kind == "object" else ()
                yield from (*_apart_from_its_pair(one, group), *_apart_from_all(one, group))
        yield from (*_of_unwritten(one), *_left_out(one))


def _swapped(group: Group) -> Iterator[Diagnostic]:
    """C231: two names of an object that read what is another word for the other one."""
    single = [one for one in group.namings if len(one.sources) == 1 and one.sources[0].path[1:]]
    for one, other in combinations(single, 2):
        mine, theirs = (kin(naming.path[-1]) for naming in (one, other))
        first, second = (kin(naming.sources[0].name) for naming in (one, other))
        mine, theirs = mine - theirs, theirs - mine
        if (
            _holder(one) == _holder(other)
            and mine & second
            and theirs & first
            and not (mine & first or theirs & second)
        ):
            texts = [f"`{naming.name}` reads `{naming.sources[0].text}`" for naming in (one, other)]
            yield from (
                naming.diagnostic("C231", f"{' and '.join(texts)}: are they swapped?") for naming in (one, other)
            )


def _holder(naming: Naming) -> tuple[NamePath, NamePath]:
    """The object that a name is in, and the one that its value is read from."""
    return naming.path[:-1], naming.sources[0].path[:-1]


def _left_unread(named: Named, group: Group) -> Iterator[Diagnostic]:
    """C232: a constant, or a value that another field has, where nothing reads the field of the name."""
    for naming in group.namings:
        name = str(naming.path[-1])
        branches = list(results(naming.node))
        given = (source for one in branches for source in named.namings.sources_of(naming.expression, one))
        reads = [source for source in dict.fromkeys(given) if source.path != ("now",)]
        is_plain = all(is_simple_path(scaled(one)) or isinstance(one, nodes.Call) for one in branches)
        is_shared = is_plain and len(reads) == 1 and named.used[reads[0].path] > 1
        is_other = (not reads and _is_constant(naming.node)) or (is_shared and not words(name) & reads[0].words)
        if not is_other or name in _OF_MAPPINGS or isinstance(naming.node, nodes.Array | nodes.Object):
            continue
        near = [one for one in group.namings if one is not naming and one.path[:-1] == naming.path[:-1]]
        truth = isinstance(naming.node, nodes.Value) and naming.node.value is not None
        found = next(named.unread(naming.path, near, (), by_kin=not reads, truth=truth), None)
        if found is not None:
            message = f"`{naming.name}` does not read `{dotted(found)}`, which has its name and is never read"
            yield naming.diagnostic("C232", message)


def _is_constant(node: nodes.Node) -> bool:
    """Whether a value is the same for all rows: nothing of the reply, and no function that might read it."""
    below = (one for one in nodes.walk(node) if isinstance(one, nodes.Variable | nodes.Name))
    return all(isinstance(one, nodes.Variable) and one.name == "now" for one in below)


def _same(named: Named, group: Group) -> Iterator[Diagnostic]:
    """C237: two fields of an object that are one value, where nothing reads another one beside it."""
    known: dict[NamePath, Naming] = {}
    for naming in group.namings:
        places = [place for source in naming.sources for place in source.places]
        if len(places) != 1 or len(places[0]) < 3 or (len(naming.path) < 2 and group.kind == "record"):
            continue
        other = known.setdefault((*naming.path[:-1], *places[0]), naming)
        left = _unread(named, places[0][1:-1]) if other is not naming else []
        if other.node == naming.node and len(left) == 1:
            message = f"`{naming.name}` is the same as `{other.name}`: `{naming.sources[0].text}`"
            yield naming.diagnostic("C237", message, f"nothing reads `{left[0]}`")


def _unread(named: Named, above: NamePath) -> list[str]:
    """The scalars at a place of the reply that nothing reads."""
    kinds = named.types.properties(above)
    return [one for one, kind in kinds.items() if kind.solid - {"object", "array"} and named.is_unread((*above, one))]


def _of_another_row(named: Named, group: Group) -> Iterator[Diagnostic]:
    """C232: a value of another row in an object that is made of an inner one, which has such a value."""
    inner = [one for one in group.namings if not any(isinstance(n, nodes.Variable) and n.name for n in _free(one.node))]
    row = max((place[:-1] for one in inner for source in one.sources for place in source.places), key=len, default=())
    left = _unread(named, row[1:]) if row[:1] == ("$",) and row[1:] else []
    kinds = named.types.properties(row[1:])
    for naming in group.namings if left else ():
        for source in naming.sources:
            own = {_declared(named, place).solid for place in source.places}
            like = [one for one in left if {kinds[one].solid} == own]
            like = [one for one in like if words(one) & naming.words] if len(like) > 1 else like
            is_far = all(place[:1] == ("$",) and place[:-1] != row for place in source.places)
            meant = source.name if source.name in left else like[0] if len(like) == len(naming.sources) == 1 else ""
            if is_far and source.places and meant:
                message = f"`{naming.name}` reads `{source.text}`, and nothing reads `{meant}` of `{row[-1]}`"
                yield naming.diagnostic("C232", message, f"did you mean `{meant}`?")


def _of_one_place(group: Group) -> list[Naming]:
    """The names that read one value, which is at one place."""
    return [one for one in group.namings if len(one.sources) == 1 and len(one.sources[0].places) == 1]


def _apart_from_its_pair(named: Named, group: Group) -> Iterator[Diagnostic]:
    """C232: `user_id` that is not read from the object which `user_name` is read from, whose `id` nothing reads."""
    single = _of_one_place(group)
    split = {id(one): parts(str(one.path[-1])) for one in single}
    for one, other in permutations((one for one in single if len(split[id(one)]) > 1), 2):
        (mine,), (theirs,) = one.sources[0].places, other.sources[0].places
        first, *rest = split[id(one)]
        if split[id(other)][0] != first or one.path[:-1] != other.path[:-1]:
            continue
        beside = _unread(named, theirs[1:-1]) if theirs[:-1] != mine[:-1] and theirs[:1] == ("$",) else []
        meant = next((name for name in beside if parts(name) == rest), None)
        if meant is not None and mine[-1] != meant:
            message = f"`{one.name}` reads `{one.sources[0].text}`, and `{other.name}` reads `{other.sources[0].text}`"
            yield one.diagnostic("C232", message, other.sources[0].meaning(meant))


def _apart_from_all(named: Named, group: Group) -> Iterator[Diagnostic]:
    """C232: the one value that is not read from the object which all beside it are read from, and nothing reads it."""
    single = _of_one_place(group)
    if len(single) < len(group.namings) or len(single) < _ENOUGH or group.kind != "object":
        return
    for one in single:
        (mine,), others = one.sources[0].places, [each for each in single if each is not one]
        levels = zip(*(each.sources[0].places[0][:-1] for each in others), strict=False)
        holder = tuple(names[0] for names in takewhile(lambda names: len({*names}) == 1, levels))
        left = _unread(named, holder[1:]) if holder[:1] == ("$",) and mine[: len(holder)] != holder else []
        kinds, own = named.types.properties(holder[1:]), _declared(named, mine)
        like = [name for name in left if (kinds[name].solid, kinds[name].format) == (own.solid, own.format)]
        if len(holder) > 1 and len(like) == 1:
            message = f"`{one.name}` reads `{one.sources[0].text}`, and those beside it are of `{dotted(holder[1:])}`"
            yield one.diagnostic("C232", message, f"nothing reads `{dotted((*holder[1:], like[0]))}`")


def _declared(named: Named, place: NamePath) -> Type:
    return named.types.properties(place[1:-1]).get(place[-1], ANY)


def _free(node: nodes.Node) -> Iterator[nodes.Node]:
    """The nodes below one, without the functions that are called."""
    called = {id(one.procedure) for one in nodes.walk(node) if isinstance(one, nodes.Call)}
    return (one for one in nodes.walk(node) if id(one) not in called)


def _of_unwritten(named: Named) -> Iterator[Diagnostic]:
    """C232: a field that reads what has the name of another field, which gets no value."""
    written = {one.path: one for one in named.namings.of("record")}
    for path, naming in written.items():
        name = naming.sources[0].name if len(naming.sources) == 1 else ""
        if not words(name) or words(name) & naming.words or path not in named.fields:
            continue
        for other, field in named.fields.items():
            mine = named.fields[path]
            is_like = (field.type, field.format) == (mine.type, mine.format) and other[:-1] == path[:-1]
            if is_like and other not in written and words(other[-1]) == words(name):
                message = f"`{naming.name}` reads `{naming.sources[0].text}`, which has the name of `{dotted(other)}`"
                yield naming.diagnostic("C232", message)


def _left_out(named: Named) -> Iterator[Diagnostic]:
    """C233: a key that an object of an expression lacks, although its row has an unread field of that name."""
    groups = {id(group.namings[0].node): group.namings for group in named.namings.groups if group.namings}
    for _, field, one in leaves(named.types.endpoint.response, named.mapper.resource.record):
        for made, schema in objects(one.node, field) if field is not None and "{" in one.text else ():
            near = groups.get(id(made.pairs[0][1]), ()) if made.pairs else ()
            given = {naming.path[-1] for naming in near}
            left = [name for name in schema.names if name not in given]
            for name in left if 0 < len(left) <= max(1, len(given) // 2) and near else ():
                found = next(named.unread((name,), near, (), by_kin=True), None)
                if found is not None:
                    message = f"the object has no `{name}`, and nothing reads `{dotted(found)}`"
                    yield one.diagnostic("C233", message, made, severity="warning", hint="add it to the object")
