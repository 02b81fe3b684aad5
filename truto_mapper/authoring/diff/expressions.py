"""Which expressions of two endpoints differ in what they compute, however they are written."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from truto_mapper.language.expression import Expression
from truto_mapper.language.nodes import Node
from truto_mapper.language.normal_form import Names, constructed, normal, variable
from truto_mapper.mapping.linked import JOIN_SINGLE, OF_REPLIES, Endpoint, Join, Loop, leaves
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple

#: The keys whose expressions read a query.
_OF_JOINS = tuple(key for key in JOIN_SINGLE if key != "path")
_OF_QUERIES = ("when", "path", "params", "headers", "body", "query_error", "query_note", "static_response")


class Pair(NamedTuple):
    """Two expressions for one place that differ; None where there is none."""

    path: Steps
    was: Expression | None
    now: Expression | None


@dataclass(frozen=True, slots=True)
class _Place:
    """An expression, and what it computes: `full` with the values of `let` in it, `shallow` with their names.

    Both are the expression as it is written if it has no normal form.
    """

    expression: Expression
    full: Node
    shallow: Node

    @property
    def is_normal(self) -> bool:
        return self.full is not self.expression.node


_Places = Mapping[Steps, _Place]


def changed(old: Endpoint, new: Endpoint) -> list[Pair]:
    """The expressions of two endpoints that differ, those of the new one first.

    A value that is moved into an expression for more than it is not removed: the place of that expression differs.
    """
    before, after = _places(old), _places(new)
    found, is_by_let = [], not all(one.is_normal for one in (*before.values(), *after.values()))
    for path in dict.fromkeys([*after, *before]):
        was, now = _at(before, path), _at(after, path)
        if (
            path[0] == "let"
            or _is_within(path, before)
            or _is_within(path, after)
            or (was and now and was.full == now.full)
        ):
            continue
        if was and now and was.shallow == now.shallow:
            is_by_let = True
        else:
            found.append(_pair(path, was, now))
    lets = [path for path in after if path[0] == "let" and path in before] if is_by_let else ()
    found += [_pair(path, before[path], after[path]) for path in lets if before[path].shallow != after[path].shallow]
    loops = [name for name, _ in new.for_each or old.for_each]
    return [
        one._replace(path=("for_each", loops[int(one.path[1])]))
        if one.path[0] == "for_each" and int(one.path[1]) < len(loops)
        else one
        for one in found
    ]


def _pair(path: Steps, was: _Place | None, now: _Place | None) -> Pair:
    return Pair(path, was.expression if was else None, now.expression if now else None)


def _at(places: _Places, path: Steps) -> _Place | None:
    """What computes a place, or else the first that computes a part of it."""
    return places.get(path) or next((one for at, one in places.items() if at[: len(path)] == path), None)


def _is_within(path: Steps, places: _Places) -> bool:
    return any(path[:length] in places for length in range(1, len(path)))


def _places(endpoint: Endpoint) -> dict[Steps, _Place]:
    """What an endpoint computes, by path. Loops are numbered: their names do not count."""
    asked, reply = Names.of("@input"), Names.of("@reply", response=variable("@reply"))
    found = dict(_written(endpoint, _OF_QUERIES, asked) | _written(endpoint, OF_REPLIES, reply))
    for join in endpoint.joins:
        written = _written(join, ("path", "params", "headers", "body"), asked) | _written(join, _OF_JOINS, reply)
        found |= {("join", join.name, *path): one for path, one in written.items()}
    rows = reply
    for number, (name, one) in enumerate(endpoint.for_each):
        found["for_each", number] = _place(one, rows, rows)
        rows = rows.entering(name, f"@row{number}")
    full = rows
    for name, one in endpoint.let:
        found["let", name] = _place(one, full, rows)
        full = full.binding(name, one.node)
    for path, _, one in leaves(endpoint.response, path=("response",)):
        place = _place(one, full, rows)
        found |= dict(_parts(path, one, place.full, place.shallow))
    return found


def _written(endpoint: Endpoint | Join, keys: Iterable[str], names: Names) -> dict[Steps, _Place]:
    templates = {key: getattr(endpoint, key) for key in keys}
    every = (leaf for key, one in templates.items() for leaf in leaves(one, path=(key,)))
    return {path: _place(one, names, names) for path, _, one in every}


def _place(one: Expression, full: Names, shallow: Names) -> _Place:
    form = normal(one.node, full) or one.node
    return _Place(one, form, form if shallow is full else normal(one.node, shallow) or one.node)


def _parts(path: Steps, one: Expression, full: Node, shallow: Node) -> Iterator[tuple[Steps, _Place]]:
    """An expression, or those of the fields that it constructs."""
    fields, known = constructed(full), constructed(shallow) or {}
    if fields is None:
        yield path, _Place(one, full, shallow)
        return
    for key, value in fields.items():
        yield from _parts((*path, key), one, value, known.get(key, shallow))


def changed_errors(old: Iterable[Loop], new: Iterable[Loop]) -> list[Pair]:
    """The expressions that read errors and differ. Each can use the names before it."""
    before, after = (_read_errors(one) for one in (old, new))
    paths = dict.fromkeys([*after, *before])
    pairs = [(path, before.get(path), after.get(path)) for path in paths]
    return [_pair(path, was, now) for path, was, now in pairs if not (was and now and was.full == now.full)]


def _read_errors(errors: Iterable[Loop]) -> dict[Steps, _Place]:
    names = Names.of("@reply", response=variable("@reply"))
    found: dict[Steps, _Place] = {}
    for name, one in errors:
        found[name,] = _place(one, names, names)
        names = names.binding(name, one.node)
    return found
