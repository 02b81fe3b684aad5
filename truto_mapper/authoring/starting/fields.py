"""The fields of a record: new ones, as a sample has them; known ones, each with its likeliest place in the sample."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from truto_mapper.authoring.check.words import Words, words, words_of
from truto_mapper.authoring.observation import MAX_VALUES, Seen, said
from truto_mapper.authoring.starting.conversions import Made, made_of, moment
from truto_mapper.authoring.starting.names import is_usable, path_text, snake, unlike
from truto_mapper.resource.field import REMOTE_DATA, Field

JSON = dict[str, Any]
Path = tuple[str, ...]

#: The deepest object whose fields a new spec lists, and the most fields that it has.
DEEPEST, MOST = 3, 150

#: Names for the same thing, the first one unified.
_SAME = (
    ("name", "title", "label", "display name", "full name", "subject"),
    ("title", "name", "label", "subject"),
    ("status", "state"),
    ("state", "status", "stage"),
    ("stage", "state", "status"),
    ("phone", "phone number", "telephone"),
    ("created at", "creation date", "date created", "created time", "inserted at"),
    ("updated at", "last modified", "last modified date", "modification date", "last updated", "last activity"),
    ("body", "content", "text"),
    ("company", "organization", "organisation"),
    ("phone numbers", "phones", "phone"),
    ("phones", "phone numbers", "phone"),
    ("email addresses", "emails", "email"),
)
_SYNONYMS = {words(first): [words(one) for one in others] for first, *others in _SAME}

#: Objects that only hold the fields of a record.
_NEUTRAL = {"attributes", "properties", "fields", "data", "details", "profile", "node", "values"}
_TIME = words("date") | words("time") | words("timestamp") | words("datetime")


_NONE = Made(None)


@dataclass(slots=True)
class Part:
    """A field of the record: its expression, or the parts of an object. `spec` is its field in a new spec.

    `place` is what the expression reads. `is_missed` is true for a field that is required where rows of the sample have
    no value.
    """

    made: Made = _NONE
    spec: JSON = field(default_factory=dict)
    about: str = ""
    below: dict[str, Part] = field(default_factory=dict)
    place: Place | None = None
    is_missed: bool = False

    @property
    def is_mapped(self) -> bool:
        return self.made.expression is not None or any(part.is_mapped for part in self.below.values())


@dataclass(frozen=True, slots=True)
class Place:
    """A value of a row, or of an item of a loop around it: how it is written, and what it is called."""

    path: Path
    seen: Seen
    start: str = ""

    @property
    def text(self) -> str:
        return path_text(self.path, self.start)

    @property
    def known_as(self) -> Path:
        """The names without objects that only hold fields."""
        return tuple(one for one in self.path[:-1] if one.lower() not in _NEUTRAL) + self.path[-1:]


def places(seen: Seen, path: Path = (), start: str = "") -> Iterator[Place]:
    """The values of a row, those in its objects too, but not those in its lists."""
    for name, inner in seen.fields.items() if seen.table is None else ():
        if not is_usable(name):
            continue
        yield Place((*path, name), inner, start)
        if "array" not in inner.kinds and len(path) < DEEPEST:
            yield from places(inner, (*path, name), start)


def id_of(known: Sequence[Place], resource: str, count: int) -> Place | None:
    """What identifies each of so many rows: by its name, always there, and never twice."""
    return min((one for one in known if _is_key(one, count)), key=lambda one: _rank(one, resource), default=None)


def _is_key(one: Place, count: int) -> bool:
    seen, name = one.seen, one.path[-1]
    is_named = words(name) & words("id") or name.lower() in ("uuid", "guid", "key", "_id", "code", "number", "email")
    is_text = bool(seen.types) and {*seen.types} <= {"string", "integer"} and not one.start
    is_unique = seen.count == count and (len(seen.values) == count or len(seen.values) == MAX_VALUES) and not seen.nulls
    return bool(is_named) and is_text and is_unique and len(one.known_as) == 1


def _rank(one: Place, resource: str) -> tuple[bool, bool, bool, int]:
    found = words(one.path[-1])
    own = found == words("id") or one.path[-1].lower() in ("uuid", "guid", "_id")
    return not own, found != words(resource) | words("id"), not found & words("id"), len(one.path)


# ── A new resource ───────────────────────────────────────────────────────────────────────────────────────────────


def new_fields(row: Seen, key: Place | None, outer: Sequence[Place]) -> dict[str, Part]:
    """The fields of a new resource, each with the expression that makes it.

    The id comes first, then what the sample has, last the id or the first value of each loop around the rows.
    """
    made = {"id": _key_part(key)} if key is not None else {}
    _add_new(row, (), made, key, [MOST])
    if not made:
        return made
    scalars = [one for one in outer if len(one.path) == 1 and not {"object", "array"} & one.seen.kinds.keys()]
    for start in dict.fromkeys(one.start for one in scalars if one.seen.types):
        some = [one for one in scalars if one.start == start and one.seen.types]
        one = next((one for one in some if words(one.path[0]) == words("id")), some[0])
        made[unlike(snake(f"{start}_{one.path[0]}"), made)] = _new(one.seen, one.path, None, [MOST], start)
    return made


def _key_part(key: Place) -> Part:
    spec: JSON = {"type": "string", "required": True}
    made = made_of(key.text, key.seen, Field("string"))
    about = "" if key.path == ("id",) else "guessed: this identifies a record"
    return Part(made._replace(note=about.removeprefix("guessed: ")), spec, about, place=key)


def _add_new(seen: Seen, path: Path, made: dict[str, Part], key: Place | None, room: list[int]) -> None:
    for name, inner in seen.fields.items():
        at = (*path, name)
        if not is_usable(name) or not inner.types or room[0] <= 0 or (key is not None and at == key.path):
            continue
        room[0] -= 1
        part = _new(inner, at, key, room)
        made[unlike(snake(name) or "field", made)] = part


def _new(seen: Seen, at: Path, key: Place | None, room: list[int], start: str = "") -> Part:
    if seen.types == ["object"] and seen.table is None and len(at) < DEEPEST:
        below: dict[str, Part] = {}
        _add_new(seen, at, below, key, room)
        if below:
            return Part(spec={"type": "object"}, below=below)
    text = path_text(at, start)
    spec, about = _new_field(seen, text, at[-1])
    return Part(made_of(text, seen, Field.of(spec), at[-1]), spec, about, place=Place(at, seen, start))


def _new_field(seen: Seen, text: str, name: str) -> tuple[JSON, str]:
    """A field for the values of a place, and what is to be verified about it."""
    match seen.types:
        case ["array"]:
            items, mixed = _items(seen.items), [*_mixed(seen.items or Seen())]
            return {"type": "array", "items": items}, f"guessed: several types in {', '.join(mixed)}" if mixed else ""
        case [("object" | "boolean" | "number") as kind]:
            return {"type": kind}, _unit(name)
        case ["string"]:
            return _text_field(seen, text, name)
        case ["integer"] if words(name) & words("id"):
            return {"type": "string"}, ""
        case ["integer"] if moment(text, seen, name) is not None:
            return {"type": "string", "format": "date-time"}, ""
        case ["integer"]:
            return {"type": "integer"}, _unit(name)
        case kinds if {*kinds} <= {"string", "integer", "number", "boolean"}:
            return {"type": "string"}, f"guessed: the sample has values of the types {', '.join(kinds)}"
    return {"type": "any"}, f"guessed: the sample has values of the types {', '.join(seen.types)}"


def _text_field(seen: Seen, text: str, name: str) -> tuple[JSON, str]:
    if seen.form == "uuid":
        return {"type": "string", "format": "uuid"}, ""
    if seen.form == "date" or (seen.form in ("month first", "day first") and _is_one_order(seen)):
        return {"type": "string", "format": "date"}, ""
    if moment(text, seen, name) is not None:
        return {"type": "string", "format": "date-time"}, ""
    if seen.form in ("month first", "day first"):
        return {"type": "string"}, "the sample does not tell month from day"
    if seen.form == "number" and not words(name) & words("id"):
        return {"type": "string"}, "a text of digits; write `type: number` if it is to be a number"
    if (listed := seen.listed(name)) is not None:
        return {"type": "string", "enum": listed}, said(seen)
    seldom = seen.constants(name)
    return {"type": "string"}, f"seen: {', '.join(seldom)}; write an `enum` if you know them all" if seldom else ""


def _is_one_order(seen: Seen) -> bool:
    return len({"month first", "day first"} & {*(seen.forms or ())}) == 1


def _unit(name: str) -> str:
    is_money = words(name) & words("amount price cost total balance salary revenue cents")
    return "money? say in the description whether it is in cents" if is_money else ""


def _items(seen: Seen | None, room: int = DEEPEST) -> JSON:
    """The items of an array: values of one type, objects of these and of arrays, or anything."""
    match (seen or Seen()).types:
        case ["object"] if seen is not None and seen.table is None and room:
            known = {name: inner for name, inner in seen.fields.items() if inner.types}
            fields = {snake(name): _items(inner, room - 1) for name, inner in known.items()}
            alike = len({words(name) for name in fields}) == len(known)
            alike = alike and all(is_usable(one) and words(snake(one)) == words(one) != frozenset() for one in known)
            return {"type": "object", "fields": fields} if fields and alike else {"type": "object"}
        case ["array"] if seen is not None and room and room < DEEPEST:
            return {"type": "array", "items": _items(seen.items, room - 1)}
        case [("string" | "integer" | "number" | "boolean" | "object") as kind]:
            return {"type": kind}
    return {"type": "any"}


def _mixed(seen: Seen, path: Path = ()) -> Iterator[str]:
    """The places in the items of an array whose values have several types."""
    if len(seen.types) > 1:
        yield path_text(path)
    elif len(path) < DEEPEST and seen.table is None:
        for name, inner in seen.fields.items():
            yield from _mixed(inner.items or inner if inner.types == ["array"] else inner, (*path, name))


# ── A known resource ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the rows of a sample hold: how many there are, the places, that of the id, and the resource they are of."""

    count: int
    known: Sequence[Place]
    key: Place | None
    resource: str


def known_fields(fields: Mapping[str, Field], rows: Sampled) -> dict[str, Part]:
    """The fields of a resource, each with the expression of its likeliest place in the sample."""
    parts = {name: _known((name,), one, rows) for name, one in fields.items() if name != REMOTE_DATA}
    return {name: _needed(part, fields[name]) for name, part in parts.items()}


def _known(at: Path, wanted: Field, rows: Sampled) -> Part:
    if wanted.type == "object" and wanted.fields:
        return _known_object(at, wanted, rows)
    if at == ("id",) and rows.key is not None:
        return Part(made_of(rows.key.text, rows.key.seen, wanted, rows.key.path[-1]), place=rows.key)
    alike = _alike(at, wanted, rows)
    tried = [made_of(place.text, place.seen, wanted, place.path[-1]) for place in alike]
    for place, made in zip(alike, tried, strict=True):
        if made.expression is not None:
            return _there(place, made, wanted, rows)
    if tried:
        return Part(Made(None, f"`{alike[0].text}` {tried[0].note}"))
    return Part(Made(None, "nothing in the sample is called like this"))


def _there(place: Place, made: Made, wanted: Field, rows: Sampled) -> Part:
    """A part from a place; one that is required and not always there says so."""
    missing = rows.count - (place.seen.count - place.seen.nulls)
    if not wanted.required or missing <= 0 or place.start:
        return Part(made, place=place)
    note = f"this field is required, but {missing:,} of {rows.count:,} rows have no value"
    return Part(made._replace(note=note), place=place, is_missed=True)


def _known_object(at: Path, wanted: Field, rows: Sampled) -> Part:
    """An object: as much of it as the sample has. One that need not be there has all that it needs, or is left out."""
    below = {name: _known((*at, name), one, rows) for name, one in wanted.fields.items()}
    lacking = [name for name, one in wanted.fields.items() if one.required and not below[name].is_mapped]
    if wanted.required:
        return Part(below={name: _needed(part, wanted.fields[name]) for name, part in below.items()})
    if lacking and any(part.is_mapped for part in below.values()):
        return Part(Made(None, f"nothing in the sample is called like its {' and '.join(lacking)}, which it needs"))
    return Part(below=below)


def _needed(part: Part, wanted: Field) -> Part:
    """A part that gives a value at any rate if its field is required."""
    if not wanted.required or part.is_mapped or wanted.fields:
        return part
    return Part(Made(stopgap(wanted), f"replace: this field is required; {part.made.note}"))


def stopgap(wanted: Field) -> str:
    """A constant that is valid for a field."""
    if wanted.enum:
        return json.dumps(wanted.enum[0], ensure_ascii=False)
    texts = {"date-time": '"1970-01-01T00:00:00Z"', "date": '"1970-01-01"', "time-zone": '"UTC"'}
    texts["uuid"] = '"00000000-0000-0000-0000-000000000000"'
    least = str(wanted.minimum or 0)
    plain = {"integer": least, "number": least, "boolean": "false", "array": "[]", "object": "{}"}
    return plain.get(wanted.type) or texts.get(wanted.format or "", '"change me"')


def _alike(at: Path, wanted: Field, rows: Sampled) -> list[Place]:
    """The places whose names say the same as a field's, the most alike first."""
    scored = [(score, one) for one in rows.known if (score := _likeness(at, wanted, one, words(rows.resource))) > 0]
    return [place for _, place in sorted(scored, key=lambda one: -one[0])]


def _likeness(at: Path, wanted: Field, place: Place, own: Words) -> int:
    here, there = words_of(at), words_of(place.known_as)
    if here == there:
        return 100 - len(place.path)
    if there - own == here - own and there - own:
        return 90 - len(place.path)
    if wanted.format in ("date-time", "date") and there - _TIME == here - _TIME and there - _TIME:
        return 80 - len(place.path)
    if len(words(at[-1])) > 1 and words(at[-1]) == words(place.path[-1]):  # as much in one name is hardly by chance
        return 75 - len(place.path)
    synonyms: list[Words] = _SYNONYMS.get(here, []) if len(place.known_as) == 1 else []
    return 70 - synonyms.index(there) if there in synonyms else 0
