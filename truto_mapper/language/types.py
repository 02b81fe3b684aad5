"""Gradual types of expressions, and how they are made from JSON Schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from truto_mapper.language.names import NamePath
from truto_mapper.language.nodes import Array, Node, walk
from truto_mapper.text.pointers import steps_of

SCALARS = frozenset({"string", "integer", "number", "boolean"})
NONE = frozenset({"null", "undefined"})
KINDS = SCALARS | NONE | {"object", "array", "function"}
MAX_DEPTH = 16


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
STRING = Type(frozenset({"string"}))
NUMBER = Type(frozenset({"integer", "number"}))
INTEGER = Type(frozenset({"integer"}))
BOOLEAN = Type(frozenset({"boolean"}))
FUNCTION = Type(frozenset({"function"}))
MAYBE_BOOLEAN = Type(frozenset({"boolean", "undefined"}))

#: The results of standard functions by the letters of their signatures.
LETTERS = {"s": STRING, "n": NUMBER, "b": BOOLEAN}
INTEGERS = frozenset({"count", "length", "floor", "ceil", "size", "toMillis", "millis"})
OF_TEXT: Mapping[str, Callable[[str], str]] = {"lowercase": str.lower, "uppercase": str.upper, "string": str}
CERTAIN = frozenset({"exists", "count"})


def kind_of(value: Any) -> str:
    """The kind of a JSON value."""
    for python, kind in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (dict, "object")):
        if isinstance(value, python):
            return kind
    return "null" if value is None else "array"


def constant(value: Any) -> Type:
    kind = kind_of(value)
    return Type(frozenset({kind}), (value,) if kind in SCALARS else None)


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
    return Type(
        one.kinds | other.kinds,
        _values(one, other),
        one.format if one.format == other.format or not other.solid else other.format if not one.solid else None,
        either("properties", "object"),
        items,
        one.path if one.path == other.path else None,
    )


def _values(one: Type, other: Type) -> tuple[Any, ...] | None:
    known = [kind.values for kind in (one, other) if kind.kinds & SCALARS]
    if not known or None in known:
        return None
    every = [value for values in known for value in values or ()]
    return tuple(value for n, value in enumerate(every) if not any(same_value(value, e) for e in every[:n]))


def same_value(one: Any, other: Any) -> bool:
    return kind_of(one) == kind_of(other) and one == other


def sequence(item: Type) -> Type:
    """One item, an array of several, or undefined: the result of a path through arrays."""
    several = Type(frozenset({"array", "undefined"}), items=item.without({"undefined"}))
    return item if item == ANY else union(union(item, several), UNDEFINED)


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


def from_schema(schema: Any, root: Mapping[str, Any], path: NamePath | None = (), depth: int = 0) -> Type:
    """The type of the values that a JSON Schema allows; undeclared properties are ignored. `root` resolves `$ref`."""
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return replace(ANY, path=path)
    if isinstance(schema.get("$ref"), str):
        target: Any = root
        for step in steps_of(schema["$ref"]):
            target = target.get(step) if isinstance(target, Mapping) else None
        schema = {**(target if isinstance(target, Mapping) else {}), **{k: v for k, v in schema.items() if k != "$ref"}}
    given = schema.get("enum", [schema["const"]] if "const" in schema else None)
    declared = schema.get("type")
    if declared is None and given is None and "properties" not in schema:
        return replace(ANY, path=path)
    kinds = {declared} if isinstance(declared, str) else set(declared or map(kind_of, given or [{}]))
    kinds |= {"integer"} if "number" in kinds else set()
    properties = schema.get("properties")
    listed = tuple(value for value in given if kind_of(value) in SCALARS) if given is not None else None
    inner = schema.get("items")
    return Type(
        frozenset(kinds),
        listed,
        schema.get("format"),
        None if properties is None else _properties(properties, schema, root, path, depth),
        None if inner is None else from_schema(inner, root, path, depth + 1),
        path,
    )


def _properties(
    properties: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], path: NamePath | None, depth: int
) -> Mapping[str, Type]:
    found = {}
    for name, one in properties.items():
        made = from_schema(one, root, None if path is None else (*path, name), depth + 1)
        found[name] = made if name in schema.get("required", ()) else union_path(made, UNDEFINED)
    return found


def union_path(one: Type, other: Type) -> Type:
    """The union of two types, with the path of the first."""
    return replace(union(one, other), path=one.path)


def objects(kind: Type) -> Iterator[Type]:
    """The types of the objects that a name is looked up in, in arrays, too."""
    if "object" in kind.kinds:
        yield kind
    if "array" in kind.kinds:
        yield from (ANY,) if kind.items is None else objects(kind.items)


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
    names = sorted("number" if one == "integer" and "number" in kind.solid else one for one in kind.solid)
    return " or ".join(f"{'an' if name[0] in 'aio' else 'a'} {name}" for name in dict.fromkeys(names)) or "nothing"
