"""A first mapping from samples of a provider's replies: a spec, a source schema, a mapping and the payload of a case.

Samples in, texts out: nothing is read or written here. Whatever a sample cannot tell is guessed, and says so in a
comment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from truto_mapper.authoring.observation import Seen, inferred
from truto_mapper.authoring.starting import texts
from truto_mapper.authoring.starting.conversions import Made
from truto_mapper.authoring.starting.documents import mapping_text, spec_text, to_verify
from truto_mapper.authoring.starting.fields import (
    Part,
    Place,
    Sampled,
    id_of,
    known_fields,
    new_fields,
    places,
    stopgap,
)
from truto_mapper.authoring.starting.leaves import unread
from truto_mapper.authoring.starting.names import snake
from truto_mapper.authoring.starting.paging import Paging, paging_of
from truto_mapper.authoring.starting.rows import ITEM, VALUE, Rows, rows_of, written
from truto_mapper.resource.field import Field
from truto_mapper.resource.json_schema import DIALECT
from truto_mapper.resource.openapi import json_text
from truto_mapper.resource.spec import Resource
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.errors import MappingError
from truto_mapper.text.source import is_unicode

__all__ = ["CASE", "MOST_ROWS", "Aim", "Start", "begin", "schema_of", "seen_in", "to_verify"]

#: The name of the first case, and how many rows its payload has at most.
CASE, MOST_ROWS = "first", 10

#: The name that the first sample has in what was seen.
FIRST = "0"

JSON = dict[str, Any]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aim:
    """What is to be mapped: `crm`, `contact`, the provider, and the method."""

    model: str
    resource: str
    integration: str
    method: str = "list"

    @property
    def schema(self) -> str:
        """The name of the source schema."""
        return f"{self.integration}/{self.resource}" + ("" if self.method == "list" else f"-{self.method}")

    @property
    def files(self) -> dict[str, str]:
        """The files that are written, by what they are."""
        return {
            "spec": f"schemas/{self.model}/{self.resource}.yaml",
            "schema": f"schemas/{self.schema}.schema.json",
            "mapping": f"mappings/{self.integration}/{self.resource}.yaml",
        }


@dataclass(frozen=True, slots=True)
class Start:
    """The texts of the new files by their names, the payload of the first case and its settings, and what was found.

    `words` are texts of the payload that say nothing about people.
    """

    texts: dict[str, str]
    payload: Any
    settings: JSON
    words: frozenset[str]
    notes: tuple[str, ...]


def seen_in(samples: Iterable[Any]) -> Seen:
    """What samples hold."""
    seen = Seen()
    for number, body in enumerate(samples):
        seen.reply(str(number), body)
    return seen


def schema_of(seen: Seen) -> JSON:
    """A source schema of what samples hold."""
    replies = f"{seen.count:,} repl{'y' if seen.count == 1 else 'ies'}"
    about = f"Inferred from {replies}: verify required, enum and format."
    return {"$schema": DIALECT, "$comment": about} | inferred(seen)


def begin(aim: Aim, samples: Sequence[Any], spec: Resource | None, delimiter: str | None = None) -> Start:
    """Everything that a first mapping needs. `spec` is the resource if there is one already.

    `delimiter` is that of samples in CSV, which are rows of texts. Raises `MappingError` D404 for samples that no
    record can be made of.
    """
    seen = seen_in(samples) if delimiter is None else seen_in(map(texts.without_blanks, samples))
    rows = rows_of(seen, aim.resource, one=aim.method != "list")
    _check(rows, aim, seen.count)
    own, outer = [*places(rows.seen)], [one for name, _, item in rows.outer for one in _around(name, item)]
    sampled = Sampled(rows.seen.count, [*own, *outer], id_of(own, aim.resource, rows.seen.count), aim.resource)
    parts = _parts(rows, sampled, spec)
    if delimiter is not None:
        texts.adapt(parts, is_new=spec is None)
    paging = paging_of(seen, rows) if aim.method == "list" else Paging()
    head, key = _head(aim), sampled.key
    held = seen if delimiter is None else seen_in(samples)
    made = {aim.files["schema"]: json_text(_with_key(schema_of(held), rows, key))}
    if spec is None:
        nulls = [one.text for one in own if not one.seen.types and len(one.path) == 1]
        made[aim.files["spec"]] = spec_text(head, parts, nulls)
    left = unread(seen, rows, _read(parts, rows, paging))
    is_nameless = key is None and rows.seen.count > 0
    made[aim.files["mapping"]] = mapping_text(
        head, _endpoint(rows, aim), rows, paging, parts, left, is_nameless, texts.decode(delimiter)
    )
    payload, kept = _trimmed(samples[0], seen, rows)
    settings, words = _settings(aim, key, parts, kept), frozenset(seen.all_constants())
    return Start(made, payload, settings, words, tuple(_notes(rows, key)))


def _parts(rows: Rows, sampled: Sampled, spec: Resource | None) -> dict[str, Part]:
    """The fields of the record; at least one has an expression."""
    if spec is None:
        outer = [one for one in sampled.known if one.start]
        return new_fields(rows.seen, sampled.key, outer) or {"id": _unknown(rows, Field("any"))}
    parts = known_fields(spec.fields, sampled)
    if not any(part.is_mapped for part in parts.values()):
        name, field = next(iter(spec.fields.items()))
        parts[name] = _unknown(rows, field)
    return parts


def _settings(aim: Aim, key: Place | None, parts: Mapping[str, Part], kept: str) -> JSON:
    """The settings of the first case."""
    made: JSON = {"description": f"The first sample{kept}; written by `truto-mapper init`."}
    if aim.method == "get":
        made |= {"method": "get", "id": _some_id(key)}
    if any(part.is_missed for part in _leaves(parts)):
        made["on_invalid"] = "discard_record"
    return made


def _check(rows: Rows, aim: Aim, replies: int) -> None:
    """Raises `MappingError` D404 for samples that no record can be made of."""
    seen, where, hint = rows.seen, written(rows.path), "give a sample that holds at least one record"
    if seen.count and not seen.objects:
        message = f"a row must be an object; those in {where} have the type {' or '.join(seen.types or ['null'])}"
    elif (aim.method == "get" and not seen.count) or (rows.is_one and not seen.fields):
        message = "the sample has no record" if not seen.count else "the sample is an object without any field"
    elif aim.method == "get" and seen.count > replies:
        message, hint = f"a reply to `get` holds one record, but {where} holds several", "use --method list"
    else:
        return
    raise MappingError(Diagnostic("D404", message, hint=hint))


def _head(aim: Aim) -> dict[str, object]:
    names = {"integration": aim.integration, "unified_model": aim.model, "resource": aim.resource}
    return {"version": 1, **names, "method": aim.method, "schema": aim.schema}


def _endpoint(rows: Rows, aim: Aim) -> str:
    """The name of the endpoint: that of the list, or of the resource."""
    name = next((snake(one) for one in reversed(rows.path) if snake(one)), "")
    is_telling = name not in ("data", "result", "results", "items", "records", "values", "list", "rows", "")
    if is_telling and aim.method == "list":
        return name
    return aim.resource.replace("-", "_") + ("s" if aim.method == "list" and not aim.resource.endswith("s") else "")


def _unknown(rows: Rows, wanted: Field) -> Part:
    """The only field of a record if nothing is known that could be read."""
    if not rows.seen.count:
        note = "replace: the sample has no row, so the fields are not known"
        return Part(Made("id" if wanted.type == "any" else stopgap(wanted), note), {"type": "any"}, note)
    note = "replace: the sample has nothing for the record"
    return Part(Made(stopgap(wanted), note), {"type": "any"}, note)


def _with_key(schema: JSON, rows: Rows, key: Place | None) -> JSON:
    """A schema that requires what identifies a row, even if only one row was seen."""
    node = schema
    for step in rows.path:
        name = {ITEM: "items", VALUE: "additionalProperties"}.get(step)
        node = node.get(name, {}) if name else node.get("properties", {}).get(step, {})
    if key is not None and "properties" in node and len(key.path) == 1 and key.path[0] not in node.get("required", ()):
        node["required"] = [*key.path, *node.get("required", ())]
    return schema


def _around(name: str, item: Seen) -> Iterator[Place]:
    """The values of an item of a loop around the rows, without its lists."""
    return (one for one in places(item, (), f"${name}") if "array" not in one.seen.kinds)


def _some_id(key: Place | None) -> str:
    """The id of the record that the first sample is."""
    found = "" if key is None else str(next(value for _, value in key.seen.values))
    return found if found and is_unicode(found) else "1"


def _leaves(parts: Mapping[str, Part]) -> Iterator[Part]:
    """Every part, and those below it."""
    for part in parts.values():
        yield part
        yield from _leaves(part.below)


def _read(parts: Mapping[str, Part], rows: Rows, paging: Paging) -> Iterator[tuple[Path, Sequence[Path]]]:
    """The paths in a reply that the mapping reads, each with those below it that it leaves out."""
    yield from ((path, ()) for path in paging.read)
    starts = {"": rows.path} | {f"${name}": path for name, path, _ in rows.outer}
    for part in _leaves(parts):
        if part.place is not None and part.made.expression is not None:
            path = part.place.path[1:] if rows.is_made and not part.place.start else part.place.path
            yield (*starts[part.place.start], *path), part.made.without


def _trimmed(body: Any, seen: Seen, rows: Rows) -> tuple[Any, str]:
    """A reply with the rows that first show something, and words for how many these are."""
    names = rows.path[: rows.path.index(ITEM)] if ITEM in rows.path else ()
    items = body
    for name in names:
        items = items.get(name) if isinstance(items, dict) else None
    if ITEM not in rows.path or not isinstance(items, list) or len(items) <= MOST_ROWS:
        return body, ""
    for name in names:
        seen = seen.fields[name]
    kept = sorted({*islice(_telling(seen.items or Seen(), len(names)), MOST_ROWS)})
    return _with(body, names, [items[one] for one in kept]), f", {len(kept)} rows of {len(items):,}"


def _telling(seen: Seen, depth: int) -> Iterator[int]:
    """The indices of the rows in which a kind of value was first seen at a place, level by level."""
    level, known = [seen], set[int]()
    while level:
        for one in level:
            found = {int(place.path[depth]) for place, _ in one.kinds.values() if place.reply == FIRST}
            yield from sorted(found - known)
            known |= found
        level = [inner for one in level for inner in (*one.fields.values(), *([one.items] if one.items else []))]


def _with(body: Any, names: Sequence[str], items: list[Any]) -> Any:
    """A copy of a value with another list at the end of a path."""
    if not names:
        return items
    return {**body, names[0]: _with(body[names[0]], names[1:], items)}


def _notes(rows: Rows, key: Place | None) -> Iterator[str]:
    """What a sample does not tell."""
    where = written(rows.path)
    if rows.is_one:
        yield "rows: each reply is one" + (f", in {where}" if rows.path else "")
    else:
        yield f"rows: {rows.seen.count:,} in {where}" + (f" ({rows.note})" if rows.note else "")
    yield f"id: {key.text}" if key is not None else "id: no field of the sample identifies a row"
