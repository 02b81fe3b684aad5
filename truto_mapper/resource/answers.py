"""What a service answers, as components of an OpenAPI document: one for each format, whole or with fields left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from truto_mapper.resource.bundle import lifted, reference
from truto_mapper.resource.field import Field, object_, value_schema, without
from truto_mapper.resource.generated import embedded, normalized_schema, record_schema
from truto_mapper.resource.spec import Resource
from truto_mapper.resource.surely import JSON
from truto_mapper.text.record import NamedTuple

#: The parameters that choose what an answer looks like.
FORMAT, KEY_BY, EXCLUDE, SKIP = "truto_response_format", "truto_key_by", "truto_exclude_fields", "truto_skip_api_call"

#: What the names of components begin with, by format. An answer that fits the components of several formats comes from
#: a client that tries them in order: the first ones ask for most.
_PREFIXES = {"debug": "Debug", "normalized": "Normalized", "unified": ""}

_ABOUT = {
    "debug": "How the provider was asked, and what it said, beside the records.",
    "normalized": "Records for storage: every field is present; null, or [] for an array, means no value.",
    "unified": "Unified records: a field without a value is absent.",
}
_PART = "`truto_exclude_fields` leaves fields out, so none is required."
_NO_BODY = "Nothing was asked of the provider (`truto_skip_api_call`), so there is no record."

#: What looks like an envelope, and so is none of a provider that declares no such names.
_ENVELOPE: JSON = {
    "type": "object",
    "properties": {"result": {}, "next_cursor": {}},
    "required": ["result", "next_cursor"],
}


class Shape(NamedTuple):
    """What an answer looks like, as a query chooses it: its format, records under keys, fields left out."""

    format: str
    is_keyed: bool = False
    is_part: bool = False

    def record(self, name: str) -> str:
        """The component of a record, of a resource whose type has this name."""
        prefix = "Normalized" if self.format == "normalized" else ""
        return f"{prefix}{name}{'Part' * self.is_part}"

    def answer(self, name: str, *, is_list: bool) -> str:
        """The component of a whole answer; that of one record is the record, but for debug."""
        ending = ("Map" if self.is_keyed else "List") if is_list else ""
        return f"{_PREFIXES[self.format]}{name}{'Part' * self.is_part}{ending}"

    def marks(self) -> JSON:
        """How a component says which answers it is for."""
        keyed = {f"x-{KEY_BY.replace('_', '-')}": True} if self.is_keyed else {}
        return (
            {"x-truto-response-format": self.format}
            | keyed
            | ({"x-truto-exclude-fields": True} if self.is_part else {})
        )


class Answers:
    """The answers of a method of a resource.

    `name` is that of the record's type. `raw` has the components of the provider's bodies, by name; empty if they are
    not known.
    """

    def __init__(self, resource: Resource, method: str, name: str, raw: Mapping[str, JSON]) -> None:
        self.resource, self.name, self.raw, self.is_list = resource, name, raw, method == "list"
        self.method, self.parameters = method, resource.parameters_of(method)
        field = self.parameters.get(FORMAT)
        everything = ("unified", "raw", "normalized", "stream", "debug")
        self.formats = ("unified",) if field is None else tuple(field.enum) or everything

    def shapes(self) -> Iterator[Shape]:
        """Every answer in JSON of a format, in the order in which a client tries them."""
        parts = (False, True) if EXCLUDE in self.parameters else (False,)
        keys = (False, True) if KEY_BY in self.parameters and self.is_list else (False,)
        order = [("debug", False), ("debug", True), ("normalized", False), ("unified", False), ("unified", True)]
        for format_, is_part in [*order, ("normalized", True)]:
            if format_ in self.formats and is_part in parts:
                yield from (Shape(format_, is_keyed, is_part) for is_keyed in keys)

    def content(self) -> JSON:
        """The media types of an answer with their schemas."""
        bodies = [reference(shape.answer(self.name, is_list=self.is_list)) for shape in self.shapes()]
        bodies += [reference(self._nothing)] if self._is_optional else []
        bodies += [reference(self._raw)] if "raw" in self.formats and self.raw else []
        made = {"application/json": {"schema": {"anyOf": bodies} if len(bodies) > 1 else bodies[0]}}
        if "stream" in self.formats:
            lines = [reference(f"{name}Lines") for name in self._lines()]
            made["application/x-ndjson"] = {"schema": {"anyOf": lines} if len(lines) > 1 else lines[0]}
        if "raw" in self.formats and not self.raw:
            made["*/*"] = {"schema": reference(self._raw)}
        return made

    def components(self) -> dict[str, JSON]:
        """The components that the content refers to, by name, but for the provider's."""
        made: dict[str, JSON] = {}
        for shape in self.shapes():
            made |= lifted(shape.record(self.name), self._record(shape))
            if self.is_list or shape.format == "debug":
                made[shape.answer(self.name, is_list=self.is_list)] = self._enveloped(shape)
        if "stream" in self.formats:
            for name, is_part in self._lines().items():
                made |= lifted(name, self._record(Shape("unified", is_part=is_part)))
                made[f"{name}Lines"] = _lines(name, Shape("stream", is_part=is_part))
        if "debug" in self.formats:
            made |= lifted(self._debug, value_schema(self.resource.response.get("debug", Field("object"))))
        made |= {self._nothing: _nothing(self._nothing)} if self._is_optional else {}
        made |= {self._raw: self._of_provider()} if "raw" in self.formats else {}
        return made

    def _lines(self) -> dict[str, bool]:
        """The components of the records of a stream, each with whether it is a part."""
        parts = (False, True) if EXCLUDE in self.parameters else (False,)
        return {Shape("unified", is_part=is_part).record(self.name): is_part for is_part in parts}

    @property
    def _is_optional(self) -> bool:
        return not self.is_list and SKIP in self.parameters

    @property
    def _nothing(self) -> str:
        return f"No{self.name}"

    @property
    def _debug(self) -> str:
        return f"{self.name}Debug"

    @property
    def _raw(self) -> str:
        return f"Raw{self.name}List" if self.is_list else f"Raw{self.method.capitalize()}{self.name}"

    def _record(self, shape: Shape) -> JSON:
        made = embedded((normalized_schema if shape.format == "normalized" else record_schema)(self.resource))
        if shape.is_part:
            made = _in_part(made) | {"description": f"{made['description']} {_PART}"}
        marks = Shape("normalized" if shape.format == "normalized" else "unified", is_part=shape.is_part).marks()
        return marks | made

    def _enveloped(self, shape: Shape) -> JSON:
        record = reference(shape.record(self.name))
        fields = {name: field for name, field in self.resource.response.items() if name != "debug"}
        made = object_(fields) if self.is_list else _closed({"result": self._one(record)})
        if self.is_list:
            made["properties"]["result"] = _keyed(record) if shape.is_keyed else {"type": "array", "items": record}
        if shape.format == "debug":
            made["properties"]["debug"] = {"anyOf": [reference(self._debug), {"type": "null"}]}
            made["required"] = [*made["required"], "debug"]
        about = f"{_ABOUT[shape.format]}{f' {_PART}' * shape.is_part}"
        return {"description": about, **shape.marks(), **made}

    def _one(self, record: JSON) -> JSON:
        return {"anyOf": [record, {"type": "null"}]} if self._is_optional else record

    def _of_provider(self) -> JSON:
        """The component of the provider's own body."""
        marks = Shape("raw").marks() | {"description": "The provider's own body, unchanged."}
        if not self.raw:
            return marks
        bodies = [*map(reference, self.raw), *([{"type": "null"}] if SKIP in self.parameters else [])]
        declared = {name for schema in self.raw.values() for name in schema.get("properties", ())}
        envelope = {"not": _ENVELOPE} if self.is_list and not declared.issuperset(_ENVELOPE["required"]) else {}
        return marks | {"anyOf": bodies} | envelope


def _closed(properties: JSON) -> JSON:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _keyed(record: JSON) -> JSON:
    about = f"The records, each under the value of the field that `{KEY_BY}` names."
    return {"type": "object", "additionalProperties": record, "description": about}


def _lines(record: str, shape: Shape) -> JSON:
    about = "One record a line, each ended by a newline, of all pages one after another (NDJSON)."
    kind = {"type": "string", "contentMediaType": "application/x-ndjson", "contentSchema": reference(record)}
    return {"description": about} | shape.marks() | kind


def _nothing(name: str) -> JSON:
    return {"title": name, "type": "null", "description": _NO_BODY, "x-truto-skip-api-call": True}


def _in_part(schema: JSON) -> JSON:
    """A schema of declared fields none of which is required."""
    made = without(schema, "required")
    if "properties" in schema:
        made["properties"] = {name: _in_part(one) for name, one in schema["properties"].items()}
    if "items" in schema:
        made["items"] = _in_part(schema["items"])
    return made
