"""What JSON values hold, place by place, and the JSON Schema that this suggests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from truto_mapper.authoring.check.words import words
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.resource.surely import FORMATS
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import MAX_DEPTH, is_unicode

#: How many different values of a field are kept.
MAX_VALUES = 1_000


def _dated(pattern: str, reorder: str = r"\g<0>") -> Callable[[str], bool]:
    """Whether a text has a pattern and is a moment of the calendar."""

    def holds(text: str) -> bool:
        try:
            found = re.fullmatch(pattern, text, re.ASCII)
            return found is not None and bool(datetime.fromisoformat(found.expand(reorder)))
        except ValueError:
            return False

    return holds


#: The forms of texts that are told apart. The first three are formats of JSON Schema.
FORMS: dict[str, Callable[[str], object]] = {
    "date-time": FORMATS["date-time"],
    "date": _dated(r"\d{4}-\d\d-\d\d"),
    "uuid": FORMATS["uuid"],
    "local": _dated(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?"),
    "month first": _dated(r"(\d\d)/(\d\d)/(\d{4})", r"\3-\1-\2"),
    "day first": _dated(r"(\d\d)/(\d\d)/(\d{4})", r"\3-\2-\1"),
    "number": re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?").fullmatch,
}
_STANDARD = ("date-time", "date", "uuid")

#: A name that is data: an id, a date, an address.
_DATA = re.compile(
    r"\d+|\d{4}-\d\d(-\d\d)?|"
    r".*@.*\..*|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{16,}"
)

#: An object with more names than this, whose values are all of one kind, is a table too. So is one that has others each
#: time, if there are at least so many.
MAX_NAMES, LEAST_CHANGING = 100, 4

#: An enumeration has at most so many values, and each was seen so often on average; and all of them together.
MOST_LISTED, TIMES_SEEN, LEAST_SEEN = 12, 4, 12

#: A value of an enumeration, and the words of names whose values are no enumeration however few there are.
_LISTABLE = re.compile(r"[^\W\d][\w .:/&+-]{0,39}")
_FREE = words("name") | words("title") | words("id") | words("email") | words("phone") | words("city") | words("url")
_FREE |= words("description") | words("text") | words("note") | words("address") | words("key") | words("cursor")

#: The words of names whose values probably are an enumeration, even if few were seen.
_KINDS = frozenset(
    word for name in ("status", "state", "stage", "type", "kind", "category", "role") for word in words(name)
)
_KINDS |= frozenset(
    word for name in ("level", "priority", "phase", "mode", "currency", "gender") for word in words(name)
)

#: How deep a schema may be nested: `json_schema` refuses one of more than `MAX_DEPTH` levels.
_ROOM = MAX_DEPTH - 8


class Place(NamedTuple):
    """Where a value is: the name of its reply, and the path in it."""

    reply: str
    path: Steps


@dataclass(slots=True)
class Seen:
    """What replies hold at one place: each kind of value with where it first was and the value, and what is in it.

    `count` is the number of values, for a whole reply that of replies; `objects` is how many are objects, `nulls` how
    many are null. `values` has the different scalars, each with its kind, because 1 is not true; `forms` are those of
    `FORMS` that every text has, None before the first.
    """

    count: int = 0
    nulls: int = 0
    objects: int = 0
    kinds: dict[str, tuple[Place, Any]] = field(default_factory=dict)
    values: dict[tuple[str, Any], Place] = field(default_factory=dict)
    forms: tuple[str, ...] | None = None
    fields: dict[str, Seen] = field(default_factory=dict)
    items: Seen | None = None

    def reply(self, name: str, body: Any) -> None:
        """Add a reply with its name."""
        self.add(body, Place(name, ()))

    def add(self, value: Any, place: Place) -> None:
        """Add the value at a place."""
        kind = "integer" if isinstance(value, float) and value.is_integer() else kind_of(value)
        self.count += 1
        self.nulls += value is None
        self.kinds.setdefault(kind, (place, value))
        if isinstance(value, (dict, list)):
            if len(place.path) < MAX_DEPTH:
                self._add_inner(value, place)
            return
        if len(self.values) < MAX_VALUES:
            self.values.setdefault((kind, value), place)
        if kind == "string" and self.forms != ():
            known = FORMS if self.forms is None else self.forms
            self.forms = tuple(one for one in known if FORMS[one](value))

    def _add_inner(self, value: dict[str, Any] | list[Any], place: Place) -> None:
        self.objects += isinstance(value, dict)
        for step, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(step, str):
                inner = self.fields.setdefault(step, Seen())
            else:
                inner = self.items = self.items or Seen()
            inner.add(child, Place(place.reply, (*place.path, step)))

    def merge(self, other: Seen) -> None:
        """Add everything that was seen at another place."""
        self.count, self.nulls = self.count + other.count, self.nulls + other.nulls
        self.objects += other.objects
        self.kinds = self.kinds | other.kinds | self.kinds  # what was seen first keeps its place
        self.values = dict(islice((self.values | other.values | self.values).items(), MAX_VALUES))
        if other.forms is not None:
            self.forms = tuple(one for one in other.forms if self.forms is None or one in self.forms)
        for name, inner in other.fields.items():
            self.fields.setdefault(name, Seen()).merge(inner)
        if other.items is not None:
            self.items = self.items or Seen()
            self.items.merge(other.items)

    @property
    def types(self) -> list[str]:
        """The kinds without null, and without integers where there are numbers."""
        return [one for one in self.kinds if one != "null" and not (one == "integer" and "number" in self.kinds)]

    @property
    def form(self) -> str | None:
        """The form that all values have, if all are texts."""
        return self.forms[0] if self.forms and self.types == ["string"] else None

    @property
    def table(self) -> Seen | None:
        """What the values of an object are whose names are data; None if its names are fields."""
        are_many = len(self.fields) > MAX_NAMES or (
            len(self.fields) >= LEAST_CHANGING and all(one.count * 2 <= self.objects for one in self.fields.values())
        )
        are_alike = len({tuple(one.types) for one in self.fields.values()}) == 1
        if not self.fields or not ((are_many and are_alike) or all(map(_DATA.fullmatch, self.fields))):
            return None
        made = Seen()
        for inner in self.fields.values():
            made.merge(inner)
        return made

    def listed(self, name: str) -> list[str] | None:
        """The values of what is surely an enumeration, sorted; None if it is none."""
        texts = self.constants(name)
        is_sure = texts is not None and self.count - self.nulls >= max(LEAST_SEEN, TIMES_SEEN * len(texts))
        return texts if is_sure else None

    def constants(self, name: str) -> list[str] | None:
        """The values of what may be an enumeration, by its name or because they come again and again, sorted."""
        texts, found = sorted(value for kind, value in self.values if kind == "string"), words(name)
        is_likely = bool(found & _KINDS) or self.count - self.nulls >= TIMES_SEEN * len(texts)
        is_short = self.types == ["string"] and len(texts) <= MOST_LISTED and all(map(_LISTABLE.fullmatch, texts))
        return texts if is_likely and is_short and not found & _FREE else None

    def all_constants(self) -> Iterator[str]:
        """The values of all that may be enumerations in it."""
        for name, inner in self.fields.items():
            yield from inner.constants(name) or inner.all_constants()
        if self.items is not None:
            yield from self.items.all_constants()


def inferred(seen: Seen, name: str = "", room: int = _ROOM) -> dict[str, Any]:
    """A JSON Schema of what was seen at a place; it says nothing about a field that was always null.

    A field is required if at least two objects were seen and all have it.
    """
    kinds = [*seen.types, *(["null"] if seen.types and seen.nulls else [])]
    made: dict[str, Any] = {} if not kinds else {"type": kinds[0] if len(kinds) == 1 else kinds}
    if seen.form in _STANDARD:
        made["format"] = seen.form
    if (listed := seen.listed(name)) is not None:
        made |= {"enum": [*listed, *([None] if seen.nulls else [])], "$comment": said(seen)}
    if room > 0:
        made |= _inner(seen, room)
    return made


def said(seen: Seen) -> str:
    """How sure the values of an enumeration are."""
    count = len(seen.values) - ("null" in seen.kinds)
    return f"guessed: {count} value{'' if count == 1 else 's'} in {seen.count - seen.nulls:,}"


def _inner(seen: Seen, room: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if (table := seen.table) is not None:
        made["additionalProperties"] = inferred(table, room=room - 1)
    elif seen.fields:
        fields = {name: inner for name, inner in seen.fields.items() if is_unicode(name)}  # else no file can hold it
        required = [name for name, inner in fields.items() if inner.count == seen.objects > 1]
        made |= {"required": required} if required else {}
        made["properties"] = {name: inferred(inner, name, room - 2) for name, inner in fields.items()}
    if seen.items is not None and seen.items.kinds:
        made["items"] = inferred(seen.items, room=room - 1)
    return made
