"""Joins and lookup tables that nothing uses (C212), keys of other fields (C232), and tables that disagree (C239)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.fields import first_item
from truto_mapper.authoring.check.shared import is_overlaid
from truto_mapper.authoring.check.words import words
from truto_mapper.engine.mapper import Mapper
from truto_mapper.language import nodes
from truto_mapper.language.expression import Expression
from truto_mapper.language.source_paths import reads
from truto_mapper.mapping.linked import Endpoint, every, expressions, of_mapping, of_requests
from truto_mapper.resource.field import Field
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.record import NamedTuple

_AGREE = "make the tables agree"


def unused_joins(mapper: Mapper) -> Iterator[Diagnostic]:
    """C212: joins whose rows no expression of the record reads: they cost requests for nothing."""
    endpoints = mapper.mapping.root.value["endpoints"].value
    for endpoint in mapper.mapping.endpoints:
        read = _joined(endpoint)
        for join in endpoint.joins if None not in read else ():
            if join.name not in read:
                message = f"the join `{join.name}` is never used: no expression reads `$joined.{join.name}`"
                node = endpoints[endpoint.name].value["join"]
                yield node.diagnostic("C212", message, key=join.name, severity="warning", hint="remove it")


def _joined(endpoint: Endpoint) -> set[str | None]:
    """The joins that the expressions of a record read, None for all of them."""
    every_ = [one for _, one in endpoint.let] + list(expressions(endpoint.response))
    paths = [read.path for one in every_ for read in reads(one) if read.path[0] == "joined"]
    return {path[1] if len(path) > 1 else None for path in paths}


def unused_tables(all_types: Sequence[EndpointTypes]) -> Iterator[Diagnostic]:
    """C212: tables that no expression names, and entries that no key of a `$lookup` can be."""
    mapper = all_types[0].mapper
    mapping = mapper.mapping
    if not mapping.lookups:
        return
    node = mapping.root.value["lookups"]
    every_: list[tuple[EndpointTypes | None, Expression]] = [
        (typed, one) for typed in all_types for _, one in every(typed.endpoint)
    ]
    every_ += [(None, one) for _, one in of_mapping(mapping)]
    for name, table in mapping.lookups.items():
        uses = [(types, one) for types, one in every_ if any(v.name == name for v in one.variables)]
        if not uses and not is_overlaid(mapper, f"${name}"):
            message = f"the table `{name}` is never used: no expression reads `${name}`"
            yield node.diagnostic("C212", message, key=name, severity="warning", hint="remove it")
        keys = [key for types, one in uses for key in _keys(types, one, name)]
        if uses and None not in keys:
            listed = {value for values in keys for value in values or ()}
            for key in [one for one in table if one not in listed]:
                message = f"the entry `{key}` of the table `{name}` is never used: no key can be this"
                yield node.value[name].diagnostic("C212", message, key=key, severity="warning", hint="remove it")


def _keys(types: EndpointTypes | None, expression: Expression, name: str) -> Iterator[tuple[Any, ...] | None]:
    """The values that the keys of a table can have, None for any: one for each use."""
    looked: dict[int, nodes.Node] = {}
    for one in expression.below:
        match one:
            case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(nodes.Variable() as table, key)):
                looked[id(table)] = key
    for one in expression.below:
        if isinstance(one, nodes.Variable) and one.name == name:
            given = looked.get(id(one))
            yield None if given is None or types is None else types.kind(given).values


class _Table(NamedTuple):
    """A table of words, of `lookups` or written in an expression: its words, and what tells a finding about a key."""

    words: Mapping[str, str]
    told: Callable[[str, str], Diagnostic]
    text: str


def contradictions(mapper: Mapper) -> Iterator[Diagnostic]:
    """C239: tables that lead back to another word: `{open: todo}` beside `{todo: closed}`."""
    tables = {name: table for name, table in mapper.mapping.lookups.items() if _is_plain(table)}
    node = mapper.mapping.root.value.get("lookups")
    every_ = [_named(node.value[name], name, table) for name, table in tables.items()]
    every_ += [one for expression in dict.fromkeys(_expressions(mapper)) for one in _written(expression)]
    for table, other in permutations(every_, 2):
        yield from _led_back(table, other)
    for name, listed in mapper.mapping.lookups.items():
        for other in every_ if _has_lists(listed) else ():
            yield from _listed_otherwise(node.value[name], listed, other)
    for name, words_of in tables.items():
        yield from _renamed(mapper, node.value[name], words_of)
        yield from _shortened(mapper, node.value[name], words_of)


def _named(node: Any, name: str, table: Mapping[str, Any]) -> _Table:
    def told(key: str, message: str) -> Diagnostic:
        found: Diagnostic = node.diagnostic("C239", message, key=key, severity="warning", hint=_AGREE)
        return found

    return _Table({key: str(value) for key, value in table.items()}, told, f"`{name}`")


def _expressions(mapper: Mapper) -> Iterator[Expression]:
    yield from (one for endpoint in mapper.mapping.endpoints for _, one in every(endpoint))


def _written(expression: Expression) -> Iterator[_Table]:
    """The tables that are written in an expression: `$lookup({"WORK": "work"}, …)`."""
    for node in expression.below:
        match node:
            case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(nodes.Object(pairs=pairs), _)):
                texts = [(key, value) for key, value in pairs if isinstance(key, nodes.String)]
                given = {key.value: (key, value.value) for key, value in texts if isinstance(value, nodes.String)}
                if pairs and len(given) == len(pairs):
                    yield _of_pairs(expression, given)


def _of_pairs(expression: Expression, pairs: Mapping[str, tuple[nodes.Node, str]]) -> _Table:
    def told(key: str, message: str) -> Diagnostic:
        return expression.diagnostic("C239", message, pairs[key][0], severity="warning", hint=_AGREE)

    return _Table({key: value for key, (_, value) in pairs.items()}, told, "another table")


def _led_back(table: _Table, other: _Table) -> Iterator[Diagnostic]:
    """The words of a table that another one leads back to other words, or the only one that it does not know.

    Several words may become one. Then a word is told that the other table makes of what this one never gives.
    """
    back, values = other.words, {*table.words.values()}
    unknown, is_unique = values - back.keys(), len(values) == len(table.words)
    most = 1 if is_unique and len(back) == len(table.words) > len(unknown) + 1 else 0
    if not {*back.values()} <= table.words.keys() or len(unknown) > most:
        return
    left = {word for key, word in back.items() if key not in values}
    for key, value in table.words.items():
        if not (is_unique or key in left):
            continue
        if value in unknown:
            yield table.told(key, f"`{key}` is `{value}` here, of which {other.text} makes nothing")
        elif back[value] != key:
            yield table.told(key, f"`{key}` is `{value}` here, and `{value}` is `{back[value]}` in {other.text}")


def _has_lists(table: Any) -> bool:
    """Whether the values of a table are lists of words."""
    values = table.values() if isinstance(table, Mapping) else ()
    return bool(values) and all(isinstance(one, list) and all(isinstance(each, str) for each in one) for one in values)


def _listed_otherwise(node: Any, table: Mapping[str, Sequence[str]], other: _Table) -> Iterator[Diagnostic]:
    """C239: `{shipped: [DELIVERED]}` beside `{DELIVERED: delivered}`, which knows all of these words but one."""
    pairs = [(key, word) for key, some in table.items() for word in some]
    unknown = [word for _, word in pairs if word not in other.words]
    if len(unknown) > 1 or len(pairs) < 3 or not table.keys() <= {*other.words.values()}:  # not a pair
        return
    for key, word in pairs:
        back = other.words.get(word)
        if back != key:
            said = f"of `{word}` {other.text} makes {'nothing' if back is None else f'`{back}`'}"
            yield node.diagnostic(
                "C239", f"`{key}` is `{word}` here, and {said}", key=key, severity="warning", hint=_AGREE
            )


def _renamed(mapper: Mapper, node: Any, table: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """C239: `{bug: bug, feature: bug}`, where the resource has the word `feature`, too."""
    values = _texts(table.values())
    for key, value in table.items():
        if key not in values and table.get(str(value)) == value and key in _allowed(mapper, values):
            message = f"`{key}` becomes `{value}`, and nothing becomes `{key}`, which the resource has, too"
            yield node.diagnostic("C239", message, key=key, severity="warning")


def _shortened(mapper: Mapper, node: Any, table: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """C239: `{A: inactive, I: active}`, whose keys are short for other words."""
    texts = {key: str(value) for key, value in table.items()}
    left = _allowed(mapper, set(texts.values())) - set(texts.values())
    wrong = [key for key, value in texts.items() if not _is_short(key, value)]
    for key, other in permutations(wrong, 2):
        if _is_short(key, texts[other]) and _is_short(other, texts[key]):
            message = f"`{key}` becomes `{texts[key]}`, and `{other}` becomes `{texts[other]}`: are they swapped?"
            yield node.diagnostic("C239", message, key=key, severity="warning")
    for key in wrong:
        meant = [one for one in left if _is_short(key, one)]
        if len(meant) == 1 and any(texts[one] == texts[key] and _is_short(one, texts[one]) for one in texts):
            message = f"`{key}` becomes `{texts[key]}`, and nothing becomes `{meant[0]}`, which the resource has, too"
            yield node.diagnostic("C239", message, key=key, severity="warning")


def _is_short(key: str, value: str) -> bool:
    """Whether a key is a word, or short for it: its beginning, or the first letters of its words."""
    short, parts = key.lower(), value.lower().split("_")
    starts = value.lower().startswith(short) or short in ("".join(one[0] for one in parts if one), parts[0])
    is_first = len(short) == 2 and value.lower()[:1] == short[0] and short[1] in value.lower()
    return starts or is_first or words(key) == words(value)


def _allowed(mapper: Mapper, values: set[str]) -> set[str]:
    """The words of the enumeration of a unified field that has some values."""
    listed = [{str(one) for one in field.enum} for field in _fields(mapper.resource.fields) if field.enum]
    return next((one for one in listed if values <= one), set())


def _fields(fields: Mapping[str, Field]) -> Iterator[Field]:
    for field in fields.values():
        yield field
        yield from _fields(field.below)


def _is_plain(table: Any) -> bool:
    return isinstance(table, Mapping) and all(isinstance(one, str | int | float) for one in table.values())


def _texts(values: Iterable[Any]) -> set[str]:
    return {str(one) for one in values}


def other_keys(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C232: keys of tables that may be anything, beside a field whose values are those of the table."""
    for _, expression in every(typed.endpoint):
        for one in expression.below:
            match one:
                case nodes.Call(procedure=nodes.Variable(name="lookup"), arguments=(nodes.Variable(name=name), key)):
                    yield from _other_key(typed, expression, key, typed.mapper.mapping.lookups.get(name))


def first_words(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """C239: `$keys($sift($statuses, …))[0]` in a request for a list, where several words of the provider are one."""
    endpoint, lookups = typed.endpoint, typed.mapper.mapping.lookups
    for one in of_requests(endpoint) if endpoint.method == "list" else ():
        for node in one.below if "$sift(" in one.text else ():
            match node:
                case nodes.Step(
                    node=nodes.Call(
                        procedure=nodes.Variable(name="keys"),
                        arguments=(
                            nodes.Call(
                                procedure=nodes.Variable(name="sift"), arguments=(nodes.Variable(name=name), *_)
                            ),
                        ),
                    )
                ) if (number := first_item(node)) is not None:
                    known = Counter(map(str, lookups.get(name, {}).values()))
                    several = [word for word, often in known.items() if often > 1]
                    if several:
                        message = f"`{several[0]}` has several words in `{name}`, and only the first is sent"
                        yield one.diagnostic("C239", message, number, severity="warning", hint="send all of them")


def _other_key(typed: EndpointTypes, expression: Expression, key: nodes.Node, table: Any) -> Iterator[Diagnostic]:
    kind = typed.kind(key)
    if isinstance(table, Mapping) and kind.path and kind.values is None:
        for name, other in typed.properties(kind.path[:-1]).items():
            if name != kind.path[-1] and set(other.values or ()) - {None} == set(table):
                message = f"the keys of the table are the values of `{name}`, not of `{kind.path[-1]}`"
                yield expression.diagnostic("C232", message, key, severity="warning", hint=f"did you mean `{name}`?")
