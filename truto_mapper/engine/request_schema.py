"""What the provider's JSON Schema of a request body says about a value: what it declares, and what must be an array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from truto_mapper.engine.query_values import listed, number_in
from truto_mapper.language.runtime.coercion import kind_of
from truto_mapper.text.pointers import steps_of

JSON = dict[str, Any]

_KINDS = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})
_BOOLEANS = {"true": True, "false": False}


class RequestSchema:
    """A place in a schema. `root` is the whole schema, which references are resolved in."""

    def __init__(self, schema: Any, root: JSON | None = None) -> None:
        self.root = schema if root is None else root
        self.schema = schema

    @cached_property
    def forms(self) -> list[JSON]:
        """Every schema that may apply: references, combinations and alternatives are followed, each once."""
        return self._followed("allOf", "anyOf", "oneOf")

    @property
    def certain(self) -> list[JSON]:
        """Every schema that applies whichever alternative does."""
        return self._followed("allOf")

    def _followed(self, *keys: str) -> list[JSON]:
        """The schema with those that its references and these keys lead to."""
        found = {id(self.schema): self.schema} if isinstance(self.schema, dict) else {}
        ahead = list(found.values())
        while ahead:
            schema = ahead.pop()
            for one in (*self._referred(schema), *_listed(schema, *keys)):
                if isinstance(one, dict) and id(one) not in found:
                    found[id(one)] = one
                    ahead.append(one)
        return list(found.values())

    @property
    def is_nullable(self) -> bool:
        return "null" in self._kinds(self.schema, {})

    @property
    def format(self) -> str | None:
        """The format of a text, if there is one."""
        formats = {form["format"] for form in self.forms if isinstance(form.get("format"), str)}
        return formats.pop() if len(formats) == 1 else None

    @property
    def values(self) -> list[Any]:
        """The values that are listed."""
        return [value for form in self.forms for value in _listed(form, "enum")]

    def limit(self, word: str) -> float | None:
        """The `minimum` or the `maximum` of a number, if there is one."""
        return limit(self.certain, word)

    @property
    def names(self) -> list[str]:
        """The properties that are declared."""
        return [name for form in self.forms if isinstance(form.get("properties"), dict) for name in form["properties"]]

    @property
    def required(self) -> list[str]:
        """The properties that are required in every alternative."""
        listed = (name for form in self.certain for name in _listed(form, "required"))
        return list(dict.fromkeys(name for name in listed if isinstance(name, str)))

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The types that the value may have besides null."""
        return self._kinds(self.schema, {}) - {"null"}

    def _kinds(self, schema: Any, known: dict[int, frozenset[str]]) -> frozenset[str]:
        """The types that a schema allows. `known` has those of other schemas; a circle of references allows all."""
        if not isinstance(schema, dict):
            return _KINDS
        if id(schema) not in known:
            known[id(schema)] = _KINDS
            kinds = _declared(schema)
            for one in (*self._referred(schema), *_listed(schema, "allOf")):
                kinds &= self._kinds(one, known)
            for choices in (_listed(schema, "anyOf"), _listed(schema, "oneOf")):
                kinds &= frozenset().union(*(self._kinds(one, known) for one in choices)) if choices else _KINDS
            known[id(schema)] = kinds
        return known[id(schema)]

    def _referred(self, schema: JSON) -> Iterator[Any]:
        """The schema that `$ref` leads to, if there is one."""
        if isinstance(reference := schema.get("$ref"), str) and reference.startswith("#"):
            target: Any = self.root
            for step in steps_of(reference):
                target = target.get(step) if isinstance(target, dict) else None
            yield target

    def _below(self, schemas: Iterable[Any]) -> RequestSchema | None:
        found = [one for one in schemas if one is not False]
        return RequestSchema({"allOf": found} if len(found) > 1 else found[0], self.root) if found else None

    @property
    def items(self) -> RequestSchema:
        """What an item of an array must be."""
        return self._below(form["items"] for form in self.forms if "items" in form) or RequestSchema({}, self.root)

    def at(self, name: str) -> RequestSchema | None:
        """What a property must be; None if the schema does not declare it."""
        properties = [form["properties"] for form in self.forms if isinstance(form.get("properties"), dict)]
        named = self._below(one[name] for one in properties if name in one)
        others = self._below(form["additionalProperties"] for form in self.forms if "additionalProperties" in form)
        if named or others or "object" not in self.kinds:
            return named or others
        is_open = not properties and not any("additionalProperties" in form for form in self.forms)
        return RequestSchema({}, self.root) if is_open and self.forms else None

    @property
    def is_array(self) -> bool:
        """Whether only an array is allowed."""
        return self.kinds == {"array"}

    def shaped(self, value: Any) -> Any:
        """The value with each single one in an array where only an array is allowed."""
        if self.is_array and value is not None:
            items = self.items
            value = value if isinstance(value, list) else [value]
            if items.is_array and value and not any(isinstance(one, list) for one in value):
                value = [value]  # an array of one array, which JSONata makes the inner one
            return [items.shaped(one) for one in value]
        if isinstance(value, list) and "array" in self.kinds:
            return [self.items.shaped(one) for one in value]
        if isinstance(value, dict) and "object" in self.kinds:
            below = ((name, one, self.at(name)) for name, one in value.items())
            return {name: one if inner is None else inner.shaped(one) for name, one, inner in below}
        return value

    def read(self, value: Any) -> Any:
        """A value of remote_query: text becomes the number or boolean that is declared, if it is certainly that one."""
        if isinstance(value, str):
            return self._scalar(value)
        if isinstance(value, Mapping) and self.is_array:
            value = listed(value)
        if isinstance(value, list):
            return [self.items.read(one) for one in value]
        if isinstance(value, Mapping):
            below = ((name, one, self.at(name)) for name, one in value.items())
            return {name: one if inner is None else inner.read(one) for name, one, inner in below}
        return value

    def _scalar(self, text: str) -> Any:
        if self.is_array:
            return self.items.read(text)
        if "string" in self.kinds:
            return text
        if "boolean" in self.kinds and text in _BOOLEANS:
            return _BOOLEANS[text]
        number = number_in(text) if self.kinds & {"integer", "number"} else text
        return text if isinstance(number, float) and "number" not in self.kinds else number

    def split(self, value: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What of an object the schema declares, and the rest of it."""
        declared: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, one in value.items():
            inner = self.at(name)
            if inner is None:
                rest[name] = one
            elif isinstance(one, Mapping) and "object" in inner.kinds and one:
                within, beyond = inner.split(one)
                declared |= {name: within} if within else {}
                rest |= {name: beyond} if beyond else {}
            else:
                declared[name] = one
        return declared, rest


def limit(forms: Iterable[JSON], word: str) -> float | None:
    """The `minimum` or the `maximum` that schemas set together, if one does."""
    limits = [form[word] for form in forms if isinstance(form.get(word), int | float)]
    return (max if word == "minimum" else min)(limits) if limits else None


def _declared(schema: JSON) -> frozenset[str]:
    """The types that a schema names itself."""
    if "type" in schema:
        return _KINDS.intersection(one for one in listed(schema["type"]) if isinstance(one, str))
    values = _listed(schema, "enum") + ([schema["const"]] if "const" in schema else [])
    return frozenset(map(kind_of, values)) if values else _KINDS


def _listed(schema: JSON, *keys: str) -> list[Any]:
    """The schemas in the lists of these keys."""
    lists = [schema[key] for key in keys if isinstance(schema.get(key), list)]
    return [one for some in lists for one in some]
