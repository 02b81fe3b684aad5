"""Findings in expressions that several endpoints share by an alias of YAML."""

import re
from collections.abc import Iterable, Mapping

from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.request_schema import RequestSchema
from truto_mapper.language.expression import Expression
from truto_mapper.mapping.linked import Endpoint, every
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.pointers import Steps
from truto_mapper.text.source import Source, Span

#: What says that something never happens. In an expression that endpoints share, it must be so in all of them.
_NEVER = ("C211", "C230", "C239")


def place(found: Diagnostic) -> tuple[Source | None, Span | None]:
    """Where a finding is."""
    return found.source, found.span


def in_every(found: Mapping[str, list[Diagnostic]], endpoints: Iterable[Endpoint]) -> list[Diagnostic]:
    """Findings by endpoint, without what never happens in one of the endpoints that share an expression."""
    held = {one.name: [(each.source, each.span) for _, each in every(one)] for one in endpoints}
    never = {
        code: {name: set(map(place, (o for o in some if o.code == code))) for name, some in found.items()}
        for code in _NEVER
    }
    return [
        one
        for some in found.values()
        for one in some
        if one.code not in _NEVER
        or all(place(one) in never[one.code][name] for name, places in held.items() if is_held(one, places))
    ]


def is_inside(found: Diagnostic, some: Iterable[Expression]) -> bool:
    """Whether a finding is in one of some expressions."""
    return is_held(found, [(one.source, one.span) for one in some])


def is_held(found: Diagnostic, places: Iterable[tuple[Source, Span]]) -> bool:
    """Whether a finding is at one of some places."""
    span = found.span
    return span is not None and any(
        found.source is source and held.start <= span.start < held.end for source, held in places
    )


def requested(endpoint: Endpoint, path: Steps) -> RequestSchema | None:
    """The schema of a part of an endpoint's request; None if nothing declares it."""
    place = None if endpoint.request is None else RequestSchema(dict(endpoint.request))
    for step in path:
        place = (place.at(step) if isinstance(step, str) else place.items) if place is not None else None
    return place


def is_overlaid(mapper: Mapper, variable: str) -> bool:
    """Whether files of a mapping with an overlay mention a variable: an overlay may replace or remove what reads it."""
    mention = re.compile(rf"{re.escape(variable)}\b")
    return len(mapper.sources) > 1 and any(mention.search(one.text) for one in mapper.sources)
