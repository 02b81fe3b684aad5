"""Gradual types of expressions, and how they are made from JSON Schemas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from truto_mapper.language.names import NamePath
from truto_mapper.language.nodes import Array, Node, walk
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.text.pointers import steps_of

SCALARS = frozenset({"string", "integer", "number", "boolean"})
NONE = frozenset({"null", "undefined"})
#: Values that choose nothing: what is not done for them is meant.
ALL = frozenset({"all", "any", "both", "every"})
KINDS = SCALARS | NONE | {"object", "array", "function"}

#: How many levels of a schema a type has at most, and of how many schemas it is made.
MAX_DEPTH = 16
MAX_SIZE = 10_000

#: The names of JSON Schema's types.
_NAMES = SCALARS | {"null", "object", "array"}


@dataclass(frozen=True, slots=True)
class Type:
    """What a value can be. None means any: of scalars (`values`), of fields (`properties`), of items (`items`).

    `path` leads to the value in the provider's reply, without indices; None for other values.
    """

    kinds: frozenset[str]
    values: tuple[Any, ...] | None = None
    format: str | None = None
    properties: Mapping[str, Type] | None = None
    items: Type | None = None
    path: NamePath | None = None
    #: The type of the properties that are not declared, if a schema has one for them.
    others: Type | None = None
    #: What an object that computes its fields is, such as `date`; None for any other.
    native: str | None = None
    #: Whether it may be made of nothing, so that what it writes is null.
    of_nothing: bool = False

    @property
    def solid(self) -> frozenset[str]:
        """The kinds without null and undefined."""
        return self.kinds - NONE

    def without(self, kinds: Iterable[str]) -> Type:
        return replace(self, kinds=self.kinds - frozenset(kinds))

    def one_of(self, values: tuple[Any, ...]) -> Type:
        return replace(self, kinds=frozenset(map(kind_of, values)), values=values)


ANY = Type(KINDS)
UNDEFINED = Type(frozenset({"undefined"}))
NEVER = Type(frozenset())
STRING = Type(frozenset({"string"}))
NUMBER = Type(frozenset({"integer", "number"}))
INTEGER = Type(frozenset({"integer"}))
BOOLEAN = Type(frozenset({"boolean"}))
FUNCTION = Type(frozenset({"function"}))
MAYBE_BOOLEAN = Type(frozenset({"boolean", "undefined"}))


def constant(value: Any) -> Type:
    kind = kind_of(value)
    return Type(frozenset({kind}), (value,) if kind in SCALARS else None)


def of_value(value: Any) -> Type:
    """The type of a JSON value that is always the same."""
    if isinstance(value, dict):
        return Type(frozenset({"object"}), properties={name: of_value(one) for name, one in value.items()})
    if isinstance(value, list):
        return Type(frozenset({"array"}), items=union_all(map(of_value, value)) if value else None)
    return constant(value)


def union(one: Type, other: Type) -> Type:
    """The narrowest type that admits the values of both."""

    def either(name: str, kind: str) -> Any:
        first, second = getattr(one, name), getattr(other, name)
        if kind not in one.kinds or kind not in other.kinds:
            return first if kind in one.kinds else second
        return first if first == second else None

    items = either("items", "array")
    if items is None and one.items is not None and other.items is not None:
        items = union(one.items, other.items)
    native, properties = either("native", "object"), either("properties", "object")
    is_mixed = native is None and any("object" in kind.kinds and kind.native for kind in (one, other))
    if is_mixed:
        properties = None
    elif properties is None and one.properties is not None and other.properties is not None:
        names = [*one.properties, *(name for name in other.properties if name not in one.properties)]
        pairs = ((name, one.properties.get(name), other.properties.get(name)) for name in names)
        properties = {name: union(a or UNDEFINED, b or UNDEFINED) for name, a, b in pairs}
    return Type(
        one.kinds | other.kinds,
        _values(one, other),
        either("format", "string"),
        properties,
        items,
        one.path if one.path == other.path else None,
        either("others", "object"),
        native,
        native is not None and (one.of_nothing or other.of_nothing),
    )


def _values(one: Type, other: Type) -> tuple[Any, ...] | None:
    known = [kind.values for kind in (one, other) if kind.kinds & SCALARS]
    if not known or None in known:
        return None
    every = [value for values in known for value in values or ()]
    return tuple(value for _, value in dict.fromkeys((kind_of(value), value) for value in every))


def same_value(one: Any, other: Any) -> bool:
    return kind_of(one) == kind_of(other) and one == other


def sequence(item: Type) -> Type:
    """One item, an array of several, or undefined: the result of a path through arrays."""
    several = Type(frozenset({"array", "undefined"}), items=item.without({"undefined"}), path=item.path)
    return item if item == ANY else union_path(union(item, several), UNDEFINED)


def item_of(kind: Type) -> Type:
    """The type of an array's items; any other value is its own item."""
    if kind == ANY:
        return ANY
    alone = kind.without({"array"})
    if "array" not in kind.kinds:
        return kind
    inner = ANY if kind.items is None else kind.items
    return union(alone, inner) if alone.kinds - {"undefined"} else inner


def spread(node: Node, kind: Type) -> Type:
    """The type of what a value adds to a sequence: an array's items, or the array itself if it may be constructed."""
    return union(item_of(kind), kind) if any(isinstance(one, Array) for one in walk(node)) else item_of(kind)


def kept(node: Node, kind: Type) -> Type:
    """The type of a value with `[]` behind it: always an array."""
    return Type(frozenset({"array", "undefined"}), items=spread(node, kind).without({"undefined"}))


def from_schema(schema: Any, root: Any, path: NamePath | None = ()) -> Type:
    """The type of the values that a JSON Schema allows; undeclared properties are ignored. `root` resolves `$ref`.

    Where references lead back, so many levels are looked at that the type stays small. What is below is any.
    """
    schemas, depth = _Schemas(root), MAX_DEPTH
    while depth > 1 and schemas.size(schema, depth) > MAX_SIZE:
        depth -= 1
    return schemas.type(schema, path, depth)


class _Schemas:
    """The schemas of one document, each with what it refers to. Schemas are known by their identity."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self._keywords: dict[int, Mapping[str, Any]] = {}
        self._sizes: dict[tuple[int, int], int] = {}

    def keywords(self, schema: Any) -> Mapping[str, Any]:
        """A schema's keywords with those that `$ref` and `allOf` lead to; none for a circle of these."""
        if not isinstance(schema, Mapping):
            return {}
        if id(schema) not in self._keywords:
            self._keywords[id(schema)] = {}
            found: Mapping[str, Any] = {}
            for one in (self._referred(schema.get("$ref")), *_listed(schema, "allOf")):
                found = _both(found, self.keywords(one))
            self._keywords[id(schema)] = _both(found, schema)
        return self._keywords[id(schema)]

    def _referred(self, reference: Any) -> Any:
        """The schema that `$ref` leads to; None if it is not a place of this document."""
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            return None
        target = self.root
        for step in steps_of(reference):
            if isinstance(target, list) and step.isdecimal():
                target = dict(enumerate(target)).get(int(step))
            else:
                target = target.get(step) if isinstance(target, Mapping) else None
        return target

    def size(self, schema: Any, depth: int) -> int:
        """How many schemas a type of so many levels is made of."""
        if not depth:
            return 1
        if (id(schema), depth) not in self._sizes:
            words = self.keywords(schema)
            below = [*_declared(words).values(), *_choices(words), words.get("items"), _others(words)]
            self._sizes[id(schema), depth] = 1 + sum(self.size(one, depth - 1) for one in below if one is not None)
        return self._sizes[id(schema), depth]

    def type(self, schema: Any, path: NamePath | None, depth: int) -> Type:
        """The type of a schema, with so many levels below it."""
        words = self.keywords(schema)
        kinds, choices = _kinds(words), _choices(words)
        if kinds is None and choices and depth:
            return replace(union_all(self.type(one, path, depth - 1) for one in choices), path=path)
        if kinds is None or not depth:
            return replace(ANY, path=path)
        given, inner = _given(words), None if "prefixItems" in words else words.get("items")
        return Type(
            kinds,
            None if given is None else tuple(value for value in given if kind_of(value) in SCALARS),
            words.get("format"),
            self._properties(words, path, depth) if isinstance(words.get("properties"), Mapping) else None,
            None if inner is None else self.type(inner, path, depth - 1),
            path,
            None if (others := _others(words)) is None else self.type(others, None, depth - 1),
        )

    def _properties(self, words: Mapping[str, Any], path: NamePath | None, depth: int) -> Mapping[str, Type]:
        required, found = _listed(words, "required"), {}
        for name, one in _declared(words).items():
            made = self.type(one, None if path is None else (*path, name), depth - 1)
            found[name] = made if name in required else union_path(made, UNDEFINED)
        return found


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keywords of two schemas that a value must both fit."""
    if not one:
        return other
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**_declared(one), **_declared(other)}
    if "required" in one and "required" in other:
        merged["required"] = [*_listed(one, "required"), *_listed(other, "required")]
    return merged


def _listed(words: Mapping[str, Any], name: str) -> list[Any]:
    found = words.get(name)
    return found if isinstance(found, list) else []


def _declared(words: Mapping[str, Any]) -> Mapping[str, Any]:
    found = words.get("properties")
    return found if isinstance(found, Mapping) else {}


def _others(words: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of the properties that are not declared."""
    found = words.get("additionalProperties")
    return found if isinstance(found, Mapping) and found else None


def _choices(words: Mapping[str, Any]) -> list[Any]:
    return _listed(words, "anyOf") or _listed(words, "oneOf")


def _given(words: Mapping[str, Any]) -> list[Any] | None:
    """The values that a schema lists, None if it lists none."""
    return _listed(words, "enum") or ([words["const"]] if "const" in words else None)


def _kinds(words: Mapping[str, Any]) -> frozenset[str] | None:
    """The kinds of values that a schema names, None if it names none."""
    declared = words.get("type")
    if declared is not None:
        kinds = {one for one in ([declared] if isinstance(declared, str) else _listed(words, "type")) if one in _NAMES}
    else:
        kinds = set(map(kind_of, _given(words) or ([{}] if "properties" in words else [])))
    return frozenset(kinds | ({"integer"} if "number" in kinds else set())) or None


def union_path(one: Type, other: Type) -> Type:
    """The union of two types, with the path of the first."""
    return replace(union(one, other), path=one.path)


def objects(kind: Type) -> Iterator[Type]:
    """The types of the objects that a name is looked up in, in arrays, too."""
    if "object" in kind.kinds:
        yield kind
    if "array" in kind.kinds:
        yield from (ANY,) if kind.items is None else objects(kind.items)


def of_field(holder: Type, name: str) -> Type:
    """The type of a field of an object."""
    if name in (holder.properties or {}) or (holder.properties is not None and holder.others is None):
        return (holder.properties or {}).get(name, UNDEFINED)
    return ANY if holder.others is None else union_path(holder.others, UNDEFINED)


def properties_at(kind: Type, path: NamePath) -> Mapping[str, Type]:
    """The properties of the objects at a path of names, arrays are looked into; none if they are not described."""
    for name in path:
        kind = union_all((one.properties or {}).get(name, ANY) for one in objects(kind))
    found = next(objects(kind), None)
    return {} if found is None else found.properties or {}


def of_fields(kind: Type) -> Type:
    """The type of what `*` finds: the values of all fields, and the items of an array; arrays are flattened."""
    holders = list(objects(kind))
    given = [[*(one.properties or {}).values(), *([one.others] if one.others else [])] for one in holders]
    if any(one.native for one in holders):  # it has no fields but those that are asked for by name
        return ANY
    if "array" in kind.kinds and kind.items is not None:
        given.append([kind.items])
    return sequence(_flat(union_all(one for some in given for one in some))) if all(given) else ANY


def of_descendants(kind: Type) -> Type:
    """The type of what `**` finds: a value, the values of its fields, the items of its arrays, and so on."""
    found, left = list[Type](), [kind]
    while left:
        one = left.pop()
        holders = [*objects(one)]
        if one == ANY or any(each.properties is None or each.native for each in holders):
            return ANY
        found.append(_flat(one))
        left += (below for each in holders for below in (*(each.properties or {}).values(), each.others) if below)
    return sequence(union_all(found))


def _flat(kind: Type) -> Type:
    """The type of the items of an array, of arrays in it too; any other value is its own item."""
    while "array" in kind.kinds and kind != ANY:
        kind = item_of(kind)
    return kind


def union_all(kinds: Iterable[Type]) -> Type:
    made: Type | None = None
    for kind in kinds:
        made = kind if made is None else union(made, kind)
    return UNDEFINED if made is None else made


def truth_of(kind: Type) -> bool | None:
    """Whether all values of a type are truthy or all are falsy; None if it depends on the value."""
    if kind.solid - SCALARS or kind.values is None or not kind.solid:
        return None
    outcomes = {bool(value) for value in kind.values} | ({False} if kind.kinds & NONE else set())
    return outcomes.pop() if len(outcomes) == 1 else None


def comparable(kind: Type) -> frozenset[str]:
    """The kinds to compare by `=`, integers as numbers; empty if the type says too little."""
    if kind.kinds == KINDS or kind.kinds & NONE == kind.kinds:
        return frozenset()
    return frozenset("number" if one == "integer" else one for one in kind.solid)


def in_words(kind: Type) -> str:
    """A type in words, as `a string or an array`."""
    if kind.kinds == {"null"}:
        return "null"
    names = sorted("number" if one == "integer" and "number" in kind.solid else one for one in kind.solid)
    names = [kind.native if one == "object" and kind.native else one for one in names]
    return " or ".join(f"{'an' if name[0] in 'aio' else 'a'} {name}" for name in dict.fromkeys(names)) or "nothing"
