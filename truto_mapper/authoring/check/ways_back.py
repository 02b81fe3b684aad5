"""What a record reads and a request writes back: under the same names, in the same unit, and not turned around."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from truto_mapper.authoring.check.namesakes import Named
from truto_mapper.authoring.check.namings import Naming
from truto_mapper.authoring.check.truths import negated
from truto_mapper.authoring.check.units import factor_of
from truto_mapper.authoring.sources import innermost
from truto_mapper.language.names import NamePath, is_simple_path
from truto_mapper.mapping.linked import expressions
from truto_mapper.text.diagnostics import Diagnostic


class _Read:
    """What the records of a mapping read: fields of the provider's by unified names, and the other way round."""

    def __init__(self, named: Sequence[Named]) -> None:
        self.sources: dict[str, set[str]] = defaultdict(set)
        self.fields: dict[str, set[str]] = defaultdict(set)
        self.namings: dict[tuple[str, str], tuple[Naming, Named]] = {}
        for one in named:
            made = {id(each) for each in expressions(one.types.endpoint.response)}
            for naming in (each for kind in ("record", "object") for each in one.namings.of(kind)):
                below = [
                    each for each in naming.sources if each.path[1:] and each.places[:1] and each.places[0][0] == "$"
                ]
                if id(naming.expression) in made and len(below) == 1:
                    name, source = naming.path[-1], below[0].name
                    self.sources[name].add(source)
                    self.fields[source].add(name)
                    self.namings[name, source] = naming, one


def ways_back(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C231, C245 and C246: a field of a body that is not sent as its record reads it."""
    if not any(one.types.endpoint.body is not None for one in named):
        return
    read = _Read(named)
    for one in named:
        sent = {id(each) for each in expressions(one.types.endpoint.body)}
        for naming in (each for kind in ("request", "object") for each in one.namings.of(kind)):
            below = [each.path for each in naming.sources if each.path[0] == "body" and each.path[1:]]
            if id(naming.expression) in sent and len(below) == len(naming.sources) == 1:
                yield from _written_elsewhere(naming, below[0], read)
                yield from _written_otherwise(naming, below[0][-1], read, one)


def strange_filters(named: Sequence[Named]) -> Iterator[Diagnostic]:
    """C239: a parameter of a request that has the name of a field of the reply, but none of its values."""
    for one in named:
        known = {kind.path[-1]: kind for kind in innermost(one.types.body) if kind.path and kind.values}
        for naming in one.namings.of("request") if one.types.endpoint.method == "list" else ():
            field = known.get(naming.path[-1])
            given = one.types.kind(naming.node).values if is_simple_path(naming.node) else None
            if field is not None and given and not set(given) & set(field.values or ()):
                theirs = ", ".join(f'"{each}"' for each in field.values or ())
                message = f"a reply has other values of `{naming.name}` than this sends: {theirs}"
                yield naming.diagnostic("C239", message, "translate it, as a `$lookup` does")


def _written_elsewhere(naming: Naming, path: NamePath, read: _Read) -> Iterator[Diagnostic]:
    """C231: a field that is written where the record reads another one."""
    key, field = naming.path[-1], path[-1]
    sources, fields = read.sources.get(field, set()), read.fields.get(key, set())
    if len(sources) == len(fields) == 1 and key not in sources:
        source, other = *sources, *fields
        if other in path:  # the field is a part of that: `emails.email`
            return
        message = f"`{key}` gets `{field}` here, but records read `{other}` from it, and `{field}` from `{source}`"
        yield naming.diagnostic("C231", message, f"did you mean `{other}`?")


def _written_otherwise(naming: Naming, field: str, read: _Read, named: Named) -> Iterator[Diagnostic]:
    """C245 and C246: a number in another unit than it is read in, or a truth that only one way turns around."""
    found = read.namings.get((field, naming.path[-1]))
    if found is None:
        return
    there, endpoint = found[0], found[1].types.endpoint
    back, forth = factor_of(naming, named.types.endpoint.let), factor_of(there, endpoint.let)
    if back and forth and back[1] == forth[1] and not math.isclose(back[0] * forth[0], 1, rel_tol=1e-6):
        message = f"records read `{naming.path[-1]}` times {forth[0]:g}, and this writes it times {back[0]:g}"
        yield naming.diagnostic("C245", message, f"write it times {1 / forth[0]:g}, or read it times {1 / back[0]:g}")
    if bool(list(negated(naming.node))) is not bool(list(negated(there.node))):
        message = f"records read `{field}` from `{naming.path[-1]}`, and only one of both turns it around"
        yield naming.diagnostic("C246", message)
