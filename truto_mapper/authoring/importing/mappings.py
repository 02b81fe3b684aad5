"""The rows of Truto's mappings of one resource become a mapping file; those of an override become an overlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from truto_mapper.authoring.importing import tables
from truto_mapper.authoring.importing.documents import Row
from truto_mapper.authoring.importing.endpoints import Method, Settings
from truto_mapper.authoring.importing.expressions import Translator
from truto_mapper.authoring.importing.parsing import Parsed
from truto_mapper.authoring.importing.shapes import record_of
from truto_mapper.authoring.importing.templates import Templates
from truto_mapper.authoring.importing.writing import Entry, is_live
from truto_mapper.language.expression import Expression
from truto_mapper.language.source_paths import reads
from truto_mapper.text.errors import Findings, MappingError
from truto_mapper.text.yaml_tree import Node

#: The methods of a resource here, in the order in which endpoints are written.
METHODS = ("list", "get", "create", "update", "delete")

#: What an `error_mapping` gives that has a place here.
_OF_ERRORS = ("message", "request_id", "retry_after", "hint")


@dataclass(frozen=True, slots=True)
class Names:
    """What a mapping is of."""

    integration: str
    model: str
    resource: str


@dataclass(frozen=True, slots=True)
class Made:
    """The entries of a file, and the part of the input that each endpoint comes from."""

    entries: tuple[Entry, ...]
    origins: dict[str, Node]


def mapping(names: Names, rows: Sequence[Row], settings: Settings) -> Made:
    """A mapping file. Raises `MappingError` with every expression that cannot be read."""
    endpoints, origins, findings = list[Entry](), dict[str, Node](), Findings()
    for row in sorted(rows, key=_order):
        try:
            found = [*_endpoints(row, settings, {one.key for one in endpoints})]
        except MappingError as error:
            findings.found += error.diagnostics
            continue
        endpoints += found
        origins |= {one.key: row.config for one in found}
    findings.raise_as(MappingError)
    errors = tuple(_errors(rows, settings))
    parts = [("version", "1"), ("integration", names.integration), ("unified_model", names.model)]
    head = [Entry(key, value, is_plain=True) for key, value in (*parts, ("resource", names.resource))]
    if all(row.method == "list" for row in rows):
        head.append(Entry("method", "list", is_plain=True))
    tail = [*([Entry("error_mapping", errors)] if errors else []), Entry("endpoints", tuple(endpoints))]
    return Made((*head, *_context(tail), *tail), origins)


def _order(row: Row) -> int:
    return METHODS.index(row.method) if row.method in METHODS else len(METHODS)


def _endpoints(row: Row, settings: Settings, taken: set[str]) -> Iterator[Entry]:
    """The endpoints of a row, each with a name of its own."""
    if row.method not in METHODS:
        reason = f"Not carried over: `{row.method}` is no method of a resource here; those are {', '.join(METHODS)}."
        yield Entry(row.method, (), (reason,), left_out=True)
        return
    for one in Method(row, settings).endpoints():
        name = next(n for i in range(1, 1000) if (n := one.key if i == 1 else f"{one.key}_{i}") not in taken)
        taken.add(name)
        yield replace(one, key=name)


def expressions(entries: Iterable[Entry]) -> Iterator[str]:
    """The expressions of entries that are written."""
    for one in entries:
        if is_live(one) and not one.is_plain:
            yield from (one.value,) if isinstance(one.value, str) else expressions(one.value)


def _context(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The settings of an account that the expressions read."""
    found: dict[str, None] = {}
    for text in expressions(entries):
        if "$context" in text:
            found |= {path[1]: None for path, _ in reads(Expression(text)) if path[0] == "context" and path[1:]}
    if found:
        note = "The settings that the expressions read: say what each is, as a JSON Schema."
        yield Entry("context", tuple(Entry(name, "{}", is_plain=True) for name in found), (note,))


def _errors(rows: Sequence[Row], settings: Settings) -> Iterator[Entry]:
    """The parts of the methods' `error_mapping`: one for all of them."""
    found = [
        one
        for row in sorted(rows, key=_order)
        if (one := Method(row, settings).expression("error_mapping")) is not None
    ]
    texts = list(dict.fromkeys(one.text for one in found))
    if not found:
        return
    made = list(_of_error(found[0]))
    for text in texts[1:]:
        reason = "Not carried over: there is one `error_mapping` for all methods, and this is another one."
        made.append(Entry("message", text, (reason,), left_out=True))
    yield from made


def _of_error(found: Parsed) -> Iterator[Entry]:
    if found.expression is None:
        yield Entry("message", found.text, (f"Not carried over: {found.problem}.",), left_out=True)
        return
    translator = Translator(found.expression, tables.TAKEN)
    templates = Templates(translator, tables.of_error(), let=False)
    made = record_of(translator.node)
    if made.pairs is None or made.binds or made.tests:
        whole = templates.leaf("message", translator.node)
        yield replace(whole, value=f"({whole.value}).message")
        return
    for one in templates.entries(made.value, made.pairs, None):
        if one.key in _OF_ERRORS:
            yield one
        else:
            why = "the status is the provider's own" if one.key == "status" else "an error here has no such part"
            yield replace(one, left_out=True, notes=(f"Not carried over: {why}.",))


def overlay(names: Names, rows: Sequence[Row], settings: Settings, base: Sequence[tuple[str, str, str | None]]) -> Made:
    """An overlay. `base` has the name, the method and the innermost loop of each endpoint of the mapping below it."""
    endpoints, origins = list[Entry](), dict[str, Node]()
    for row in sorted(rows, key=_order):
        targets = [one for one in base if one[1] == row.method] or [(row.method, row.method, None)]
        for name, _, loop in targets:
            if row.config.value is None:
                endpoints.append(Entry(name, "null", is_plain=True))
            else:
                endpoints.append(Entry(name, tuple(Method(row, replace(settings, loop=loop)).changes())))
            origins[name] = row.config
    parts = [("integration", names.integration), ("unified_model", names.model), ("resource", names.resource)]
    head = [Entry(key, value, is_plain=True) for key, value in parts if value]
    errors = tuple(_errors([row for row in rows if isinstance(row.config.value, dict)], settings))
    tail = [*([Entry("error_mapping", errors)] if errors else []), Entry("endpoints", tuple(endpoints))]
    return Made((*head, *_context(tail), *tail), origins)
