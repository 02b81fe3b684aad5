"""What is wrong with a mapping, found without a payload: types against both schemas, and what can never happen.

Each rule is a function that yields findings. An error can never work, a warning is probably a mistake, a note says what
the mapping leaves out. A comment `# truto: ignore[C206] reason` silences a code.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from truto_mapper.authoring.check import enumerations, outside
from truto_mapper.authoring.check.absence import Given, asked, of_request
from truto_mapper.authoring.check.alike import lacking, other_headers, other_paths, other_selections
from truto_mapper.authoring.check.bodies import Bodies
from truto_mapper.authoring.check.conditions import bare_status, pointless_conditions, pointless_in_errors
from truto_mapper.authoring.check.days import misrounded, other_zones, shifted_times
from truto_mapper.authoring.check.examples import failing_examples, other_forms, sent_dates
from truto_mapper.authoring.check.expressions import EndpointTypes
from truto_mapper.authoring.check.guards import lost_defaults, mistaken_guards, swapped_branches
from truto_mapper.authoring.check.half_made import half_made
from truto_mapper.authoring.check.ids import mistaken_ids
from truto_mapper.authoring.check.ignores import unsilenced
from truto_mapper.authoring.check.joined_truths import joined_truths
from truto_mapper.authoring.check.misnamed import misnamed
from truto_mapper.authoring.check.misspelt import misspelt
from truto_mapper.authoring.check.moments import mistaken_moments
from truto_mapper.authoring.check.namesakes import Named, namesakes
from truto_mapper.authoring.check.omissions import (
    hollow_texts,
    sent_twice,
    text_switches,
    unread_fields,
    unsent,
    unsent_fields,
    unsure_fields,
    unused_names,
    unused_settings,
    unwritten_fields,
)
from truto_mapper.authoring.check.pages import mispaged, unsent_page
from truto_mapper.authoring.check.parts_of_texts import mistaken_texts
from truto_mapper.authoring.check.reachability import Reach, unreachable
from truto_mapper.authoring.check.refusals import disagreeing
from truto_mapper.authoring.check.replies import same_for_all
from truto_mapper.authoring.check.requests import mistaken_joins, our_cursor, single_rows, unasked, unescaped
from truto_mapper.authoring.check.rows import (
    misplaced_rows,
    misread_rows,
    mistaken_replies,
    repeated_marks,
    unlooped_array,
)
from truto_mapper.authoring.check.separators import other_separators
from truto_mapper.authoring.check.shared import in_every, is_held, place
from truto_mapper.authoring.check.spelled import spelled_out
from truto_mapper.authoring.check.tables import contradictions, first_words, other_keys, unused_joins, unused_tables
from truto_mapper.authoring.check.truths import truths, turned_around
from truto_mapper.authoring.check.twice import constants, read_twice, sent_again
from truto_mapper.authoring.check.units import mistaken_units
from truto_mapper.authoring.check.updates import overwritten, unclearable
from truto_mapper.authoring.check.ways_back import strange_filters, ways_back
from truto_mapper.authoring.sources import schema_mistakes
from truto_mapper.engine.mapper import Mapper, Overlays, load_for_check
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic, by_place
from truto_mapper.text.yaml_tree import repeated_anchors


def mistaken_sources(typed: EndpointTypes) -> Iterator[Diagnostic]:
    """The mistakes in the schemas of an endpoint's replies."""
    for source in (typed.endpoint.source, *(join.source for join in typed.endpoint.joins)):
        yield from schema_mistakes(source) if source is not None else ()


Rule = Callable[[EndpointTypes], Iterable[Diagnostic]]

#: The rules of an endpoint.
_OF_ENDPOINTS: tuple[Rule, ...] = (
    mistaken_sources,
    other_keys,
    first_words,
    unused_names,
    unwritten_fields,
    unsure_fields,
    unsent_fields,
    misrounded,
    other_zones,
    shifted_times,
    other_selections,
    our_cursor,
    unescaped,
    unasked,
    mistaken_joins,
    single_rows,
    pointless_conditions,
    repeated_marks,
    mispaged,
    unsent_page,
    mistaken_guards,
    swapped_branches,
    lost_defaults,
    joined_truths,
    half_made,
    disagreeing,
    overwritten,
    unclearable,
    unlooped_array,
    failing_examples,
    other_forms,
    sent_dates,
    other_separators,
)
#: The rules of a mapping.
_OF_MAPPINGS: tuple[Callable[[Mapper], Iterable[Diagnostic]], ...] = (
    unused_joins,
    unused_settings,
    text_switches,
    other_headers,
    other_paths,
    contradictions,
)
#: The rules of all endpoints together.
_OF_ALL: tuple[Callable[[Sequence[EndpointTypes]], Iterable[Diagnostic]], ...] = (
    unused_tables,
    lacking,
    misspelt,
    hollow_texts,
)
#: The rules about what names, units and truths mean.
_OF_MEANINGS: tuple[Callable[[Sequence[Named]], Iterable[Diagnostic]], ...] = (
    mistaken_moments,
    mistaken_units,
    ways_back,
    strange_filters,
    turned_around,
    misnamed,
    mistaken_ids,
)


def _of_expressions(mapper: Mapper, endpoint: Endpoint, reach: Reach) -> tuple[EndpointTypes, list[Diagnostic]]:
    """The types of an endpoint's expressions, and what they tell without what only follows from that."""
    typed = EndpointTypes(mapper, endpoint)
    strangers = list(enumerations.strangers(typed))
    after = enumerations.branches_after(typed, strangers)
    optional = enumerations.optional(typed)
    told = misread_rows(typed, typed.found)
    found = [one for one in (*told, *strangers) if one.code != "C209" or not is_held(one, optional)]
    if any(one.code == "C209" for one in found):  # the values that the endpoint serves may all be handled
        served = EndpointTypes(mapper, endpoint, asked(typed, reach))
        left = (*served.found, *enumerations.strangers(served))
        after |= {place(one) for one in found if one.code == "C209"} - {place(one) for one in left}
    return typed, [one for one in found if one.code not in ("C209", "C211") or place(one) not in after]


#: What may be a consequence of a mistake elsewhere: names that nothing uses, fields that nothing reads or writes,
#: queries that nothing serves or sends.
_OF_THE_WHOLE = frozenset({"C210", "C212", "C213", "C214", "C215", "C216", "C233", "C238", "C244"})


def check_file(name: str | Path, *, overlays: Overlays = ()) -> list[Diagnostic]:
    """As `check`, with the mistakes for which `load` refuses the mapping. Each expression is judged for itself.

    Raises `MappingError` for a file that cannot be read, or does not have the shape of a mapping.
    """
    mapper, mistakes = load_for_check(name, overlays=overlays)
    if not mistakes:
        return check(mapper)
    told = {(one.source, one.span) for one in mistakes}
    found = (one for one in check(mapper) if one.code not in _OF_THE_WHOLE and (one.source, one.span) not in told)
    return sorted([*mistakes, *found], key=by_place)


def check(mapper: Mapper) -> list[Diagnostic]:
    """Every finding about a mapping that loads, in the order of its text, without the silenced ones."""
    mapper = spelled_out(mapper)
    reaches = {one.method: Reach(mapper, one.method) for one in mapper.mapping.endpoints}
    by_endpoint: dict[str, list[Diagnostic]] = {}
    all_types: list[EndpointTypes] = []
    for endpoint in mapper.mapping.endpoints:
        typed, found = _of_expressions(mapper, endpoint, reaches[endpoint.method])
        all_types.append(typed)
        by_endpoint[endpoint.name] = _of_endpoint(typed, found, reaches[endpoint.method])
    found = [one for source in mapper.sources for one in repeated_anchors(source)]
    found += [*bare_status(mapper), *pointless_in_errors(mapper)]
    found += [one for reach in reaches.values() for one in unreachable(reach)]
    found += in_every(by_endpoint, mapper.mapping.endpoints)
    found = _together(mapper, all_types, found)
    # Endpoints that share an expression by a YAML alias report it once.
    once = list({(one.code, one.source, one.span): one for one in reversed(found)}.values())
    return sorted(unsilenced([*mapper.diagnostics, *once], mapper.sources), key=by_place)


def _of_endpoint(typed: EndpointTypes, found: Sequence[Diagnostic], reach: Reach) -> list[Diagnostic]:
    """What is wrong with an endpoint, with what is `found` in its expressions."""
    found = [*found, *(one for rule in _OF_ENDPOINTS for one in rule(typed)), *_of_requests(typed, reach)]
    found += misplaced_rows(typed, found)
    return [*found, *same_for_all(typed, found)]


def _of_requests(typed: EndpointTypes, reach: Reach) -> Iterator[Diagnostic]:
    """What is wrong with the requests for the queries that an endpoint serves."""
    given = Given(typed, of_request(typed, reach))
    yield from (*outside.misfits(typed, given), *unsent(typed, reach), *enumerations.of_other_queries(typed, reach))
    for asking in (None, *typed.endpoint.joins):
        yield from Bodies(typed, given, asking).misfits()


def _together(mapper: Mapper, all_types: Sequence[EndpointTypes], found: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What is found in endpoints, and in all of them together."""
    names = list(map(Named, all_types))
    named, mistaken = list(namesakes(names)), list(mistaken_replies(all_types))
    misread = frozenset(place(one) for one in named if one.code == "C232")
    misfits = frozenset(place(one) for one in found if one.code == "C240")
    # The findings at these places say more than the code does there.
    unlike = {"C240": misread, "C230": frozenset(map(place, mistaken)), "C227": misfits}
    found = [one for one in found if place(one) not in unlike.get(one.code, ())]
    found += [one for rule in _OF_MAPPINGS for one in rule(mapper)]
    found += [one for rule in _OF_ALL for one in rule(all_types)]
    told = frozenset(place(one) for one in named if one.code in ("C231", "C232"))
    found += [*named, *mistaken, *sent_twice(mapper, misread)]
    found += [one for each in names for one in (*read_twice(each, told), *sent_again(each), *constants(each))]
    found += [one for rule in _OF_MEANINGS for one in rule(names)]
    for typed in all_types:
        found += (*unread_fields(typed), *truths(typed), *mistaken_texts(typed))
    of_others = frozenset(place(one) for one in found if one.code == "C232")
    return [one for one in found if one.code != "C237" or place(one) not in of_others]
