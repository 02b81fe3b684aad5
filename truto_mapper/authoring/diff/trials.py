"""Two expressions that are tried, with what golden cases gave them and with other values that a schema allows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from typing import Any, Final

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.source_types import refusal_type
from truto_mapper.language import nodes, types
from truto_mapper.language.expression import Expression
from truto_mapper.language.names import NamePath
from truto_mapper.language.runtime.values import MISSING, truthy
from truto_mapper.language.source_paths import reads
from truto_mapper.language.types import Type
from truto_mapper.mapping.linked import Endpoint, every
from truto_mapper.text.errors import EvaluationError
from truto_mapper.text.record import NamedTuple

#: How many givens are varied, how many values each place gets, how many places are varied together, and in all.
_GIVENS, _VALUES, _PLACES, _TRIED = 12, 16, 8, 1500
#: With fewer trials than this nothing is proved.
_FEW = 4
#: Texts whose case and spaces tell functions apart, and numbers that do.
_TEXTS: Final = ("", " Xy ", "7")
_NUMBERS: Final = (0, 1.5, -1)
#: The longest list that is made.
_LONGEST = 60

_FAILED: Final = object()


class Given(NamedTuple):
    """What an expression was evaluated with: `$`, and the variables."""

    data: Any
    names: Mapping[str, Any]


class Trials:
    """Tries expressions of a mapping. Values fit the schemas of the endpoint that has the expression."""

    def __init__(self, mapper: Mapper, before: Mapper) -> None:
        self.mapper = mapper
        was, now = before.mapping.lookups, mapper.mapping.lookups
        #: The tables of both, but for those that differ.
        self._tables = {name: one for name, one in {**was, **now}.items() if was.get(name, one) == now.get(name, one)}
        self._types: dict[str, EndpointTypes] = {}

    def agree(self, was: Expression, now: Expression, givens: Iterable[Given], *, is_test: bool) -> bool:
        """Whether two expressions give the same whatever is tried. Where the old one fails, the new one may not."""
        names = {one.name for one in was.variables} | {one.name for one in now.variables}
        known = [one._replace(names={**self._tables, **one.names}) for one in givens]
        known = [one for one in known if names <= one.names.keys()][:_GIVENS]
        places = [*dict.fromkeys(read.path for one in (was, now) for read in reads(one) if len(read.path) > 1)]
        places += [(one,) for one in names & _ALONE]
        kinds = [self._kind(now, place) for place in places]
        are_truths = bool(kinds) and all(one.solid == types.BOOLEAN.kinds for one in kinds)
        few = 1 if are_truths else _FEW  # both values of a truth are tried
        tried = 0
        for given in islice(self._varied(now, known, places, _constants((was, now))), _TRIED):
            before = _value(was, given, is_test=is_test)
            tried += 1
            if before is not _FAILED and not _same(before, _value(now, given, is_test=is_test)):
                return False
        return tried >= few

    def samples(self, expression: Expression) -> list[Given]:
        """What an expression of `error_mapping` may be given, if a schema says what refusals are; none for others."""
        refusal = self._refusal(expression)
        body = None if refusal == types.ANY else _sample(refusal)
        return [] if body is None else [Given(body, {"response": body, "status": 400, "headers": {}})]

    def _refusal(self, expression: Expression) -> Type:
        """What an expression of `error_mapping` reads; anything for another one."""
        is_of_errors = any(one is expression for one in self.mapper.mapping.errors.values())
        return refusal_type(self.mapper.mapping, with_null=True) if is_of_errors else types.ANY

    def _varied(
        self, expression: Expression, givens: Sequence[Given], places: Sequence[NamePath], constants: Collection[Any]
    ) -> Iterator[Given]:
        yield from givens
        values = {place: self._values(expression, place, givens, constants) for place in places[:_PLACES]}
        for count in (1, 2):
            for given in givens:
                for some in combinations(values, count):
                    for chosen in product(*(values[place] for place in some)):
                        made = given
                        for place, value in zip(some, chosen, strict=True):
                            made = _with(made, place, value)
                        yield made

    def _values(
        self, expression: Expression, place: NamePath, givens: Sequence[Given], constants: Collection[Any]
    ) -> list[Any]:
        """The values that a place may have: those of an enumeration, or some of its types. A setting is given."""
        kind = self._kind(expression, place)
        seen = [found for given in givens for found in _found(_root(given, place[0]), place[1:])]
        if kind.values is not None:
            made: list[Any] = [*kind.values]
        else:
            others = seen if kind.format else _tried([*seen, *constants], constants)
            made = [one for one in others if _fits(one, kind)]
        nothing = {"null": None} if place[0] == "context" else {"null": None, "undefined": MISSING}
        made += [value for name, value in nothing.items() if name in kind.kinds]
        return list({repr(one): one for one in made}.values())[:_VALUES]

    def _kind(self, expression: Expression, place: NamePath) -> Type:
        endpoint, (root, *below) = self._holder(expression), place
        if endpoint is None:
            refusal = self._refusal(expression)
            roots = {"$": refusal, "response": refusal, "status": types.INTEGER}
        else:
            typed = self._types.setdefault(endpoint.name, EndpointTypes(self.mapper, endpoint))
            roots = _roots(typed, expression)
        kind = roots.get(root, types.ANY)
        for name in below:
            kind = types.union_all(types.of_field(one, name) for one in types.objects(types.item_of(kind)))
            kind = kind if kind.solid else types.ANY  # a schema may not describe it
        return kind

    def _holder(self, expression: Expression) -> Endpoint | None:
        """The endpoint whose expression it is; None for one of `error_mapping`."""
        every_one = self.mapper.mapping.endpoints
        return next((one for one in every_one if any(each is expression for _, each in every(one))), None)


#: Variables that are varied themselves.
_ALONE: Final = {"status", "id", "ids", "cursor"}


def _sample(kind: Type) -> Any:
    """A value of a type, with all that it may have."""
    if kind.values:
        return kind.values[0]
    if "object" in kind.solid:
        return {name: _sample(one) for name, one in (kind.properties or {}).items()}
    if "array" in kind.solid:
        return [] if kind.items is None else [_sample(kind.items)]
    samples = {"string": "Xy", "integer": 7, "number": 7, "boolean": True}
    return next((samples[one] for one in samples if one in kind.solid), None)


def _roots(typed: EndpointTypes, expression: Expression) -> dict[str, Type]:
    """The types of the variables of an endpoint, and of `$`."""
    endpoint = typed.endpoint
    rows = {name: types.item_of(typed.kind(one.node)).without(types.NONE) for name, one in endpoint.for_each}
    lets = {name: typed.kind(one.node) for name, one in endpoint.let}
    is_of_row = all(one is not expression for key, one in every(endpoint) if key != "response" and key[:4] != "let.")
    context = [*rows.values()][-1] if rows and is_of_row else typed.body
    return {**typed.scope.variables, **rows, **lets, "$": context}


def _root(given: Given, name: str) -> Any:
    return given.data if name == "$" else given.names.get(name, MISSING)


def _found(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """The values at a path, of each item of an array."""
    if isinstance(value, list) and path:
        for one in value:
            yield from _found(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _found(value[path[0]], path[1:])


def _with(given: Given, place: NamePath, value: Any) -> Given:
    """What is given with another value at a place, wherever the object is that has it."""
    root = _root(given, place[0])
    made = _replaced(root, place[1:], value)
    is_shared = isinstance(root, dict | list)
    names = {name: made if is_shared and one is root else one for name, one in given.names.items()}
    names |= {place[0]: made} if place[0] != "$" else {}
    return Given(made if is_shared and given.data is root else given.data, names)


def _replaced(value: Any, path: Sequence[str], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, list):
        return [_replaced(one, path, new) for one in value]
    if not isinstance(value, dict) or (len(path) > 1 and path[0] not in value):
        return value
    made = {**value, path[0]: _replaced(value.get(path[0]), path[1:], new)}
    return {name: one for name, one in made.items() if one is not MISSING}


def _constants(expressions: Iterable[Expression]) -> list[Any]:
    every_node = (node for one in expressions for node in nodes.walk(one.node))
    return [*dict.fromkeys(one.value for one in every_node if isinstance(one, nodes.String | nodes.Number))]


def _tried(seen: Sequence[Any], constants: Collection[Any]) -> Iterator[Any]:
    """Values that were seen, and others that tell apart what expressions tell apart."""
    numbers = [one for one in constants if isinstance(one, int | float)]
    lists = [one for one in seen if isinstance(one, list)]
    yield from (True, False, *_NUMBERS, *_TEXTS, [])
    yield from (near for one in numbers for near in (one, one - 1, one + 1))
    for one in lists[:2]:
        yield from (one[:1], [*one, *lists[-1]])
        yield from ((one * size)[:size] for n in map(int, numbers) for size in (n, n + 1) if 0 < n < _LONGEST)
    yield from seen


def _fits(value: Any, kind: Type) -> bool:
    if kind.kinds == types.KINDS:
        return True
    given = types.of_value(value).kinds
    return bool(given & kind.solid) or (given == {"integer"} and "number" in kind.solid)


def _value(expression: Expression, given: Given, *, is_test: bool) -> Any:
    names = {name: value for name, value in given.names.items() if value is not MISSING}
    try:
        found = expression.evaluate(given.data, names)
    except EvaluationError:
        return _FAILED
    return bool(truthy(found)) if is_test else found


def _same(one: Any, other: Any) -> bool:
    return one is other or (one is not _FAILED and other is not _FAILED and repr(one) == repr(other))
