"""What real replies hold differently than the schema of their endpoint says, ranked by what the mapping reads.

A change that the mapping reads is an error: records are wrong or incomplete. Any other change is a note. A field is
gone if the schema declares it, the mapping reads it, and no reply has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from truto_mapper.authoring.observation import Place, Seen, inferred
from truto_mapper.authoring.sources import ReplyRead, checked_schema, reply_paths, reply_reads
from truto_mapper.engine.mapper import Mapper
from truto_mapper.engine.source_types import reply_type
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.language.runtime.values import truthy
from truto_mapper.language.types import KINDS, Type, in_words
from truto_mapper.mapping.linked import Endpoint
from truto_mapper.text.diagnostics import Diagnostic, excerpt, nearest
from truto_mapper.text.errors import EvaluationError, MappingError
from truto_mapper.text.pointers import Steps, dotted, json_pointer, steps_of
from truto_mapper.text.yaml_tree import Node

#: What changed, with its code.
Kind = Literal["gone", "type", "null", "absent", "enum", "new"]
CODES: Mapping[Kind, str] = {
    "gone": "R901",
    "type": "R902",
    "null": "R903",
    "absent": "R903",
    "enum": "R904",
    "new": "R905",
}

#: The expressions whose value may be absent: the last page has no cursor.
_OPTIONAL = {"next_cursor", "has_more", "time_zone", "empty_when"}

#: How many new fields of an object a message lists; it counts the others.
SHOWN = 8


# ── What schemas declare ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Declared:
    """A schema and those that its references lead to; each with the steps that lead to it in the document."""

    chain: tuple[tuple[Steps, Node], ...]

    def get(self, key: str) -> tuple[Steps, Node] | None:
        """The value of a keyword, and the steps to the schema that has it."""
        for steps, node in self.chain:
            if isinstance(node.value, dict) and key in node.value:
                return steps, node.value[key]
        return None

    def plain(self, key: str) -> Any:
        found = self.get(key)
        return None if found is None else found[1].plain()

    @property
    def kinds(self) -> frozenset[str] | None:
        """The kinds of values that are allowed; None for any."""
        kinds = self.plain("type")
        return None if kinds is None else frozenset([kinds] if isinstance(kinds, str) else kinds)

    @property
    def is_open(self) -> bool:
        """Whether keywords that are not compared may declare more."""
        return any(self.get(key) for key in ("allOf", "anyOf", "oneOf", "if", "patternProperties"))


def declared(root: Node, steps: Steps, node: Node) -> Declared:
    """A schema at some steps of a document."""
    chain = [(steps, node)]
    while len(chain) < 16 and isinstance(node.value, dict) and "$ref" in node.value:
        steps = steps_of(str(node.value["$ref"].value))
        node = root.at(steps)
        chain.append((steps, node))
    return Declared(tuple(chain))


# ── What changed ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Change:
    """A difference between replies and a schema. `path` has names, and `[]` for the items of an array.

    `steps` lead to the schema of the place, `seen` is what replies hold there. For new fields, whose names are `names`,
    the place is their object, and `steps` lead to its properties.
    """

    kind: Kind
    path: tuple[str, ...]
    is_read: bool
    found: Diagnostic
    steps: Steps
    seen: Seen
    names: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The path as a person writes it: `users[].id`."""
        return _written(self.path)


def _written(path: Iterable[str]) -> str:
    return dotted(path).replace(".[]", "[]") or "the reply"


@dataclass(frozen=True, slots=True)
class Drift:
    """The changes in the replies of one endpoint, those that the mapping reads first, and the number of replies."""

    endpoint: Endpoint
    replies: int
    changes: tuple[Change, ...]


def drift(mapper: Mapper, endpoint: Endpoint, seen: Seen) -> Drift:
    """Compare what replies hold with the schema of an endpoint.

    Raises `MappingError` M106 for an endpoint that names no schema, M101 to M108 for a schema that cannot be used.
    """
    place = mapper.mapping.root.value["endpoints"]
    if endpoint.source is None:
        message = f"`{endpoint.name}` names no source_schema, so its replies cannot be compared with one"
        hint = "write the schema of its replies, and name it in source_schema"
        raise MappingError(place.diagnostic("M106", message, key=endpoint.name, hint=hint))
    root = checked_schema(endpoint.source)
    found = _Comparison(endpoint, root, is_one=seen.count == 1)
    found.compare(declared(root, (), root), seen, ())
    order = list(CODES)
    ranked = sorted(found.changes, key=lambda one: (not one.is_read, order.index(one.kind)))
    return Drift(endpoint, seen.count, tuple(ranked))


def recognised(mapper: Mapper, body: Any) -> list[Endpoint]:
    """The endpoints whose reply this can be: that which recognises it, the only one, or none."""
    endpoints, schemas = mapper.mapping.endpoints, mapper.mapping.context_schemas
    context = {name: one["default"] for name, one in schemas.items() if "default" in one}
    bound = {"context": context, "status": 200, "headers": {}, "response": body}
    if len(endpoints) == 1:
        return [*endpoints]
    return [one for one in endpoints if one.recognise is not None and _is_true(one, body, bound)][:1]


def _is_true(endpoint: Endpoint, body: Any, bound: dict[str, Any]) -> bool:
    try:
        return endpoint.recognise is not None and truthy(endpoint.recognise.evaluate(body, bound))
    except EvaluationError:
        return False


def takes_arrays(mapper: Mapper, endpoint: Endpoint | None) -> bool:
    """Whether a reply can itself be an array, so that an array in a file is one reply and not several."""
    kinds = [reply_type(one).kinds for one in ([endpoint] if endpoint else mapper.mapping.endpoints)]
    return any("array" in one and one != KINDS for one in kinds)


class _Comparison:
    """Compares what was seen with what is declared, place by place. `is_one` is true for a single reply."""

    def __init__(self, endpoint: Endpoint, root: Node, *, is_one: bool) -> None:
        self.root, self.is_one = root, is_one
        self.reads = [*reply_reads(endpoint)]
        self.whole = {path for paths in reply_paths(endpoint).values() for path in paths}
        self.changes: list[Change] = []

    def compare(self, schema: Declared, seen: Seen, path: tuple[str, ...]) -> None:
        """Compare a place and everything below it."""
        self._types(schema, seen, path)
        self._values(schema, seen, path)
        inner = schema.get("items")
        if inner is not None and seen.items is not None:
            steps, node = inner
            self.compare(declared(self.root, (*steps, "items"), node), seen.items, (*path, "[]"))
        properties = schema.get("properties")
        if properties is not None and seen.objects:
            self._fields(schema, properties, seen, path)

    def _types(self, schema: Declared, seen: Seen, path: tuple[str, ...]) -> None:
        """R902 for a value of another type, R903 for null."""
        allowed = schema.kinds
        if allowed is None:
            return
        others = [one for one in seen.kinds if one not in allowed and not (one == "integer" and "number" in allowed)]
        kinds = [one for one in others if one != "null"]
        if kinds:
            where, value = seen.kinds[kinds[0]]
            was, now = in_words(Type(allowed)), in_words(Type(frozenset(kinds)))
            self._add("type", schema, seen, path, f"{now}, not {was}: {excerpt(value)}", where)
        if "null" in others:
            self._add("null", schema, seen, path, "null, which is not declared", seen.kinds["null"][0])

    def _values(self, schema: Declared, seen: Seen, path: tuple[str, ...]) -> None:
        """R904 for values that are not listed. A value of a type that is not allowed is reported as that."""
        listed = [schema.plain("const")] if schema.get("const") else schema.plain("enum")
        allowed = schema.kinds or KINDS
        allowed |= {"integer"} if "number" in allowed else set()
        known = {(kind_of(value), value) for value in listed or () if not isinstance(value, (dict, list))}
        others = [one for one in seen.values if listed is not None and one[0] in allowed and one not in known]
        if others:
            shown = ", ".join(excerpt(value) for _, value in others[:3])
            shown += f" and {len(others) - 3:,} more" if len(others) > 3 else ""
            self._add("enum", schema, seen, path, f"{shown}, which is not listed", seen.values[others[0]])

    def _fields(self, schema: Declared, properties: tuple[Steps, Node], seen: Seen, path: tuple[str, ...]) -> None:
        steps, node = properties
        names = node.value
        new = [] if schema.is_open else [name for name in seen.fields if name not in names]
        required = schema.plain("required") or ()
        for name, child in names.items():
            inner, at = declared(self.root, (*steps, "properties", name), child), (*path, name)
            if name not in seen.fields and self._reading(at):
                self._gone(inner, seen, at, new)
            elif name in required and (name not in seen.fields or seen.fields[name].count < seen.objects):
                self._absent(inner, seen, at)
            if name in seen.fields:
                self.compare(inner, seen.fields[name], at)
        if new:
            place = declared(self.root, (*steps, "properties"), node)
            where = next(iter(seen.fields[new[0]].kinds.values()))[0]
            self._add("new", place, seen, path, _listed(seen, new), where, names=tuple(new))

    def _gone(self, schema: Declared, seen: Seen, path: tuple[str, ...], new: list[str]) -> None:
        """R901 for a declared field that the mapping reads and no object has."""
        reads, instead = self._reading(path), nearest(path[-1], new)
        if instead is None and all(one.key in _OPTIONAL for one in reads):
            return
        what = "gone" if seen.objects == 1 else f"gone: none of {seen.objects:,} objects has it"
        what += f"; `{instead}` is new" if instead else ""
        hint = f"read `{instead}` if it means the same" if instead else "if it may be absent, compare more replies"
        self._add("gone", schema, seen, path, what, seen.kinds["object"][0], hint=hint)

    def _absent(self, schema: Declared, seen: Seen, path: tuple[str, ...]) -> None:
        """R903 for a required field that some objects do not have."""
        inner = seen.fields.get(path[-1], Seen())
        what = f"required, and absent from {seen.objects - inner.count:,} of {seen.objects:,} objects"
        self._add("absent", schema, inner, path, what, seen.kinds["object"][0])

    def _reading(self, path: tuple[str, ...]) -> list[ReplyRead]:
        """The reads of a place, or of something in it; the reads of just the place, and with a name, first."""
        names = tuple(one for one in path if one != "[]")
        found = [one for one in self.reads if names and one.path[: len(names)] == names]
        found += [one for one in self.reads if one.path in self.whole and one.path == names[: len(one.path)]]
        return sorted(found, key=lambda one: (abs(len(one.path) - len(names)), one.name is None))

    def _add(
        self,
        kind: Kind,
        schema: Declared,
        seen: Seen,
        path: tuple[str, ...],
        what: str,
        where: Place,
        hint: str | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        reads = self._reading(path) if kind != "new" else []
        more: dict[str, Any] = {
            "pointer": json_pointer(where.path),
            "hint": hint,
            "severity": "error" if reads else "note",
        }
        message = what if names else f"`{_name(path)}` is {what}"
        message += "" if self.is_one or kind == "gone" else f" (in {where.reply})"
        steps = schema.chain[0][0]
        if reads:
            found = reads[0].diagnostic(CODES[kind], message, **more)
        else:
            parent = self.root.at(steps[:-1])
            found = parent.diagnostic(CODES[kind], message, key=str(steps[-1]) if steps else None, **more)
        self.changes.append(Change(kind, path, bool(reads), found, steps, seen, names))


def _listed(seen: Seen, names: list[str]) -> str:
    """New fields in words, each with what it holds."""
    kinds = (in_words(Type(frozenset(seen.fields[name].kinds) - {"null"})) for name in names)
    shown = [f"`{name}` ({kind.replace('nothing', 'always null')})" for name, kind in zip(names, kinds, strict=True)]
    more = [f"{len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
    *most, last = [*shown[:SHOWN], *more]
    return (f"{', '.join(most)} and {last} are" if most else f"{last} is") + " new"


def _name(path: tuple[str, ...]) -> str:
    """The last name of a path, as a message calls it."""
    last = [*path[-2:]] if path[-1:] == ("[]",) else [*path[-1:]]
    return _written(last)


# ── What the schema should say ───────────────────────────────────────────────────────────────────────────────────


def widened(schema: dict[str, Any], changes: Iterable[Change]) -> list[Change]:
    """Make a schema allow what replies hold: wider types, more values, new fields. Returns what it now allows.

    Nothing is removed: a field that is gone stays declared.
    """
    made = []
    for one in changes:
        if one.kind != "gone":
            _EDITS[one.kind](schema, one)
            made.append(one)
    return made


def _at(schema: Any, steps: Steps) -> Any:
    for step in steps:
        schema = schema[int(step) if isinstance(schema, list) else step]
    return schema


def _own(schema: dict[str, Any], steps: Steps) -> dict[str, Any]:
    """The schema at some steps, to be changed: a scalar that others refer to as well becomes one of its own."""
    node = _at(schema, steps)
    while "$ref" in node:
        target = _at(schema, steps_of(node["$ref"]))
        if {"properties", "items"} & target.keys():
            node = target
        else:
            rest = {key: value for key, value in node.items() if key != "$ref"}
            node.clear()
            node |= target | rest
    return node  # type: ignore[no-any-return]  # JSON


def _widen_type(schema: dict[str, Any], change: Change) -> None:
    node = _own(schema, change.steps)
    kinds = [node["type"]] if isinstance(node["type"], str) else list(node["type"])
    kinds += [kind for kind in change.seen.kinds if kind not in kinds and not (kind == "integer" and "number" in kinds)]
    kinds = [kind for kind in kinds if not (kind == "integer" and "number" in kinds)]
    node["type"] = sorted(kinds, key=lambda kind: kind == "null")
    if "null" in kinds and None not in node.get("enum", [None]):
        node["enum"] = [*node["enum"], None]
    if change.seen.items is not None and "items" not in node:
        node["items"] = inferred(change.seen.items)
    if change.seen.fields and "properties" not in node:
        node["properties"] = inferred(change.seen)["properties"]


def _list_values(schema: dict[str, Any], change: Change) -> None:
    node = _own(schema, change.steps)
    listed = [node.pop("const")] if "const" in node else node["enum"]
    known = {(kind_of(value), value) for value in listed if not isinstance(value, (dict, list))}
    node["enum"] = [*listed, *(value for kind, value in change.seen.values if (kind, value) not in known)]


def _add_fields(schema: dict[str, Any], change: Change) -> None:
    for name in change.names:
        _at(schema, change.steps)[name] = inferred(change.seen.fields[name], name)


def _make_optional(schema: dict[str, Any], change: Change) -> None:
    node = _at(schema, change.steps[:-2])
    node["required"] = [name for name in node.get("required", ()) if name != change.path[-1]]


_EDITS = {
    "type": _widen_type,
    "null": _widen_type,
    "enum": _list_values,
    "new": _add_fields,
    "absent": _make_optional,
}
