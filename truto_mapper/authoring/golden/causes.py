"""The causes of differences: the expressions that explain them, each a group that is decided on as a whole."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from truto_mapper.authoring.golden.comparison import Difference
from truto_mapper.authoring.golden.places import readers
from truto_mapper.authoring.mapping_files import from_here
from truto_mapper.language.expression import Expression
from truto_mapper.language.runtime.values import MISSING

#: Where an expression is written, and a use of it: the name of the endpoint, and where.
Spot = tuple[str, int]
Use = tuple[str, Spot | None]

#: How many names a summary lists.
LISTED = 3


@dataclass(slots=True)
class Group:
    """Differences with one cause: `origin` is the expression, None if it is unknown."""

    id: str
    origin: Expression | None = None
    differences: list[Difference] = field(default_factory=list)

    @property
    def title(self) -> str:
        """`mappings/gong/activity.yaml:41 aggregation_period: "day" → "total" in 12 cases`"""
        return f"{self.place} {self.summary}"

    @property
    def place(self) -> str:
        """The line of the mapping, or the mapping."""
        return self.differences[0].place if self.origin is None else self.origin.at

    @property
    def summary(self) -> str:
        """The title without the place."""
        kinds = dict.fromkeys(one.values for one in self.shown)
        more = f", and {count(len(kinds) - 1, 'more kind')}" if len(kinds) > 1 else ""
        return f"{self.fields}: {next(iter(kinds))}{more} in {count(self.cases, 'case')}"

    @property
    def shown(self) -> list[Difference]:
        """The differences that say most: those of values, if there are any, not what findings say about them."""
        return [one for one in self.differences if _is_value(one)] or self.differences

    @property
    def fields(self) -> str:
        """The names of the values that differ: `id, start_time`."""
        names = list(dict.fromkeys(one.field for one in self.shown))
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        return ", ".join(names[:LISTED]) + more

    @property
    def cases(self) -> int:
        """How many cases differ."""
        return len({one.case.folder for one in self.differences})


def count(number: int, noun: str) -> str:
    """`1 case`, `2 cases`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def groups(found: Iterable[Difference]) -> list[Group]:
    """Differences by cause, those of the most cases first; a group keeps its id as long as its cause is the same."""
    made: dict[str, Group] = {}
    by_mapping: dict[Path, list[Difference]] = {}
    for one in found:
        by_mapping.setdefault(one.case.mapping, []).append(one)
    for mapping, some in by_mapping.items():
        words = {one.case.folder: one.field for one in reversed(some) if one.file != "diagnostics.txt"}
        words |= {one.case.folder: one.field for one in reversed(some) if one.file == "diagnostics.txt"}
        for one, cause in _explained(some).items():
            key = _identity(mapping, cause or words[one.case.folder])
            made.setdefault(key, Group(key, cause)).differences.append(one)
    return sorted(made.values(), key=lambda group: (-group.cases, group.title))


def _identity(mapping: Path, cause: Expression | str) -> str:
    """What a group is called: the same wherever the lines of the expression are."""
    about: list[object] = [str(from_here(mapping.resolve())), cause]
    if isinstance(cause, Expression):
        about[1:] = [cause.text, cause.source.text.count(cause.text, 0, cause.span.start)]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:8]


def _explained(found: list[Difference]) -> dict[Difference, Expression | None]:
    """Each difference of a mapping's cases with the expression that explains it.

    A difference that may follow from another, as a page's cursor does from the ids of its records, has the cause of the
    others in its case if they have one in common, and one without any expression that of all cases. So has a finding
    about an expression whose values nowhere differ: the engine tells a wrong value once.
    """
    by_case: dict[Path, list[Difference]] = {}
    for one in found:
        by_case.setdefault(one.case.folder, []).append(one)
    shared, made = _shared(found), dict[Difference, Expression | None]()
    known = {_spot(one.origin) for one in found if _is_value(one)} | {_spot(one) for one in shared.values()}
    for some in by_case.values():
        chosen = _chooser(some)
        is_loss = _is_only_loss(some)
        told = [one for one in some if one.is_sure and not (is_loss and _is_unsaid(one))]
        sure = {one: chosen or shared.get((_name(one), _spot(one.origin)), one.origin) for one in told}
        values = _common(cause for cause in sure.values() if _spot(cause) in known)
        sure = {one: cause if values is None or _spot(cause) in known else values for one, cause in sure.items()}
        common = chosen or _common(sure.values()) or (None if sure else _loop(some))
        made |= {one: sure.get(one) or common or one.origin for one in some}
    common = _common(made.values())
    return {one: made[one] or common for one in found}


def _is_value(one: Difference) -> bool:
    """Whether a value of a record or of a request differs, not what is said about it."""
    return one.is_sure and one.file != "diagnostics.txt"


def _common(causes: Iterable[Expression | None]) -> Expression | None:
    """The only expression among some causes; None if there are several."""
    by_spot = {_spot(cause): cause for cause in causes if cause is not None}
    return next(iter(by_spot.values())) if len(by_spot) == 1 else None


def _spot(expression: Expression | None) -> Spot | None:
    """Where an expression is written; the expressions of an anchor and its aliases are one."""
    return None if expression is None else (expression.source.name, expression.span.start)


def _chooser(some: list[Difference]) -> Expression | None:
    """The `when` of the endpoint that serves a case, if another one is expected to."""
    paths = {one.path for one in some if one.file == "request.json"}
    endpoint = some[0].endpoint
    return endpoint.when if endpoint is not None and ("path",) in paths and len(paths) > 1 else None


def _is_unsaid(one: Difference) -> bool:
    return one.file == "diagnostics.txt" and one.found is MISSING


def _is_only_loss(some: list[Difference]) -> bool:
    """Whether rows are gone and none is new, so that what was said about them is gone with them."""
    loop = _spot(_loop(some))
    return loop is not None and all(one.found is MISSING for one in some if _spot(one.origin) == loop)


def _loop(some: list[Difference]) -> Expression | None:
    """The loop of the records, if whole records differ."""
    loops = [_spot(one) for _, one in some[0].endpoint.for_each] if some[0].endpoint is not None else []
    return next((one.origin for one in some if one.origin is not None and _spot(one.origin) in loops), None)


def _shared(found: list[Difference]) -> dict[Use, Expression]:
    """The loop or `let` that explains the differences of several fields: all that read it differ."""
    made: dict[Use, Expression] = {}
    uses: list[tuple[str, set[Spot | None], Expression]] = []
    for name, endpoint in {one.endpoint.name: one.endpoint for one in found if one.endpoint is not None}.items():
        differing = {_spot(one.origin) for one in found if one.is_sure and _name(one) == name}
        for bound, expression in (*endpoint.for_each, *endpoint.let):
            spots = set(map(_spot, readers(endpoint, bound)))
            uses += [(name, spots, expression)] if spots and spots <= differing else []
    for name, spots, expression in sorted(uses, key=lambda use: -len(use[1])):
        # One field alone is explained by its own expression, unless an alias of this one explains several elsewhere.
        if len(spots) > 1 or _spot(expression) in set(map(_spot, made.values())):
            made |= {(name, spot): expression for spot in spots if (name, spot) not in made}
    return made


def _name(one: Difference) -> str:
    return "" if one.endpoint is None else one.endpoint.name
