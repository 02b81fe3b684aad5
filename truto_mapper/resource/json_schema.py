"""JSON Schemas: compiled, checked, and with problems in plain words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from truto_mapper.resource.surely import FORMATS, JSON, is_plain, resolved, surely_fits
from truto_mapper.text.diagnostics import Diagnostic, either, excerpt
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import Steps, json_pointer
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import MAX_DEPTH

if TYPE_CHECKING:
    from jsonschema import ValidationError

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Problem(NamedTuple):
    """One way in which an instance does not fit its schema.

    `path` leads to the invalid value; for a missing property, to the object without it. `keyword` is JSON Schema's.
    `missing` is the name of a missing property, else None.
    """

    path: Steps
    keyword: str
    message: str
    missing: str | None = None

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901)."""
        return json_pointer(self.path)


class Schema:
    """A JSON Schema (2020-12), compiled. `schema` is the schema itself.

    Formats are asserted: `date-time` (RFC 3339 with an offset), `date`, `uuid` and `time-zone` (ours: an IANA name).
    Numbers must be finite; a boolean is not an integer, 3.0 is. References must stay within the schema. Can be shared
    between threads and pickled. Raises `MappingError` M108 with every mistake in the schema; a `generated` schema is
    not checked.
    """

    def __init__(self, schema: JSON, *, generated: bool = False) -> None:
        self.schema = schema
        found = () if generated else _check_schema(schema)
        refused = dict.fromkeys((json_pointer(path), message) for path, message in found)
        if refused:
            raise MappingError([Diagnostic("M108", f"not a valid JSON Schema: {m}", pointer=p) for p, m in refused])

    @cached_property
    def _recursive(self) -> bool:
        return any(_returns(self.schema, at) for path, at in _references(self.schema, ()) if path[-1] != "$id")

    @cached_property
    def _validator(self) -> Any:
        from truto_mapper.resource import validator  # noqa: PLC0415  # most values surely fit

        return validator.compiled(self.schema, FORMATS)

    def __getstate__(self) -> JSON:
        return {"schema": self.schema}

    def problems(self, instance: Any) -> list[Problem]:
        """Every problem of an instance, in the order of the schema; empty when it is valid. Never raises."""
        if self._too_deep(instance):
            return [Problem((), "type", f"nested more than {MAX_DEPTH} levels deep")]
        found: list[Problem] = []
        try:
            if surely_fits(instance, self.schema):
                return found
            for error in self._validator.iter_errors(instance):
                found.append(_problem(error))  # noqa: PERF401  # keep these if the next step fails
        except _UNCHECKABLE:
            found.append(Problem((), "type", "holds a value too large to be checked"))
        return found

    def valid(self, instance: Any) -> bool:
        """Whether an instance has no problem. Stops at the first."""
        try:
            if self._too_deep(instance):
                return False
            return surely_fits(instance, self.schema) or bool(self._validator.is_valid(instance))
        except _UNCHECKABLE:
            return False

    def _too_deep(self, instance: Any) -> bool:
        """Whether a recursive schema would follow an instance beyond Python's recursion limit."""
        return self._recursive and _deeper(instance, MAX_DEPTH)


#: Python's limits: writing an integer of more than 4300 digits, dividing one that exceeds every float, and comparing
#: values (`enum`, `const`, `uniqueItems`) that are nested a thousand levels deep.
_UNCHECKABLE = (RecursionError, ValueError, OverflowError)


_NAMED = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
    "date-time": "a date-time with an offset, as in 2026-01-31T09:30:00Z",
    "date": "a date, as in 2026-01-31",
    "uuid": "a UUID",
    "time-zone": "an IANA time zone, as in Europe/Berlin",
    "regex": "a regular expression without lookaround and backreferences",
}

_EXPECTED: dict[str, Callable[[Any], str]] = {
    "type": lambda types: either(_NAMED[t] for t in ([types] if isinstance(types, str) else types)),
    "format": lambda name: _NAMED.get(name, f"the format {name}"),
    "enum": lambda values: either(map(excerpt, values)),
    "const": excerpt,
    "minimum": lambda limit: f"at least {limit}",
    "exclusiveMinimum": lambda limit: f"more than {limit}",
    "maximum": lambda limit: f"at most {limit}",
    "exclusiveMaximum": lambda limit: f"less than {limit}",
    "minLength": lambda size: f"at least {size} characters",
    "maxLength": lambda size: f"at most {size} characters",
    "minItems": lambda size: f"at least {size} items",
    "maxItems": lambda size: f"at most {size} items",
    "uniqueItems": lambda _: "no item twice",
    "pattern": lambda pattern: f"text matching {pattern}",
    "anyOf": lambda _: "one of several forms",
    "oneOf": lambda _: "exactly one of several forms",
}


def _problem(error: ValidationError) -> Problem:
    path, keyword = tuple(error.absolute_path), str(error.validator or "false")
    if keyword == "required":
        return Problem(path, keyword, f"`{error.message}` is missing", missing=error.message)
    if keyword == "additionalProperties":
        return Problem(path, keyword, f"there is no `{error.message}` in the schema")
    if expected := _expected(error):
        return Problem(path, keyword, f"expected {expected}, got {excerpt(error.instance)}")
    return Problem(path, keyword, f"{excerpt(error.instance)} is refused by `{keyword}`")


def _expected(error: ValidationError) -> str | None:
    """What was expected; for several forms, what each of them expects of the value itself."""
    forms = [_expected(inner) for inner in error.context or () if not inner.path]
    if named := list(dict.fromkeys(form for form in forms if form)):
        return either(named)
    rule = _EXPECTED.get(str(error.validator))
    return rule(error.validator_value) if rule else None


def _deeper(value: Any, limit: int) -> bool:
    """Whether objects and arrays are nested more than `limit` levels deep, computed without recursion."""
    level = [value]
    for _ in range(limit + 1):
        nested = [inner for inner in level if isinstance(inner, (dict, list))]
        level = [inner for outer in nested for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return bool(level)


def _check_schema(schema: JSON) -> Iterator[tuple[Steps, str]]:
    """Every mistake in a schema: against the metaschema, invalid patterns, and broken or circular references."""
    if _deeper(schema, MAX_DEPTH):
        yield (), "nested too deeply"
        return
    refused = [] if is_plain(schema) else _refusals(schema)
    yield from refused
    keywords = {path[-1]: path for path in _keywords(schema, ()) if path[-1] in _APART}
    if len(keywords) == len(_APART):
        yield keywords["unevaluatedProperties"], "`unevaluatedProperties` cannot be combined with `patternProperties`"
    for path, target in _references(schema, ()) if not refused else ():
        if path[-1] == "$id":
            yield path, "`$id` is only allowed at the top"
        elif not _resolves(schema, target):
            yield path, f"{excerpt(target)} is not in this schema"
        elif _returns(schema, target, _INWARD):
            yield path, f"{excerpt(target)} is a circular reference"


def _refusals(schema: JSON) -> list[tuple[Steps, str]]:
    from truto_mapper.resource import validator  # noqa: PLC0415  # likewise

    return [(tuple(error.absolute_path), _problem(error).message) for error in validator.refusals(schema)]


#: jsonschema evaluates the first with Python's own regular expressions, whose time is not bounded.
_APART = {"unevaluatedProperties", "patternProperties"}


def _keywords(node: Any, path: Steps) -> Iterator[Steps]:
    """The path of every key of a schema, and below it."""
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield (*path, key)
        yield from _keywords(value, (*path, key))


def _references(node: Any, path: Steps) -> Iterator[tuple[Steps, str]]:
    """Every reference, and every `$id` below the top, with its path. Values (`enum`, `const`, …) have none."""
    if isinstance(node, dict):
        for key, value in node.items():
            if (key in ("$ref", "$dynamicRef") or (key == "$id" and path)) and isinstance(value, str):
                yield (*path, key), value
            elif key not in ("enum", "const", "default", "examples", "example"):
                yield from _references(value, (*path, key))
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from _references(value, (*path, i))


#: Keywords below which a schema is applied to a part of the value, or not at all.
_INWARD = frozenset(
    {"properties", "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties", "$defs"}
    | {"items", "prefixItems", "contains", "unevaluatedItems"}
)


def _returns(schema: JSON, target: str, barred: frozenset[str] = frozenset()) -> bool:
    """Whether references lead from a target back to it without passing one of the `barred` keywords."""
    seen: set[str] = set()
    ahead = {target}
    while ahead:
        found = _references(resolved(schema, ahead.pop()), ())
        onward = {further for path, further in found if barred.isdisjoint(path[:-1])}
        if target in onward:
            return True
        ahead |= onward - seen
        seen |= onward
    return False


def _resolves(schema: JSON, target: str) -> bool:
    """Whether a reference is a JSON Pointer into the schema. Nothing is ever fetched."""
    return re.fullmatch(r"#(/.*)?", target, re.DOTALL) is not None and resolved(schema, target) is not None
