"""Resource specs → JSON Schemas, OpenAPI and types; validation in plain words; YAML documents held to their models.

A resource spec (`schemas/<model>/<resource>.yaml`) names a unified resource's parameters and fields once. All that
is generated from it is a pure function of it. Owns pydantic together with `mapping` and `runtime`.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar, Union, get_args, get_origin

import pydantic

from truto_mapper import document
from truto_mapper.dates import is_date_time, is_time_zone
from truto_mapper.diagnostics import (
    Diagnostic,
    MappingError,
    Source,
    by_place,
    did_you_mean,
    dotted,
    excerpt,
    json_pointer,
    nearest,
)

if TYPE_CHECKING:
    from jsonschema import ValidationError

_Path = tuple[str | int, ...]
JSON = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: Truto's own attribute of each record; storage has no use for it.
REMOTE_DATA = "remote_data"

#: The page requires it because the service finds the account by it; a query that is mapped in a library has no need.
ACCOUNT = "integrated_account_id"


# ── JSON Schema: compiled, with problems in plain words ──────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Problem:
    """One way in which an instance does not fit its schema.

    `path` leads to the value at fault (for a missing property, to the object that lacks it; for an undeclared one,
    to itself), `keyword` is JSON Schema's, `missing` names the property of a `required`.
    """

    path: _Path
    keyword: str
    message: str
    missing: str | None = None

    @property
    def pointer(self) -> str:
        """The path as a JSON Pointer (RFC 6901)."""
        return json_pointer(self.path)


class Schema:
    """A JSON Schema (2020-12), compiled. `schema` is the schema itself.

    Formats are asserted: `date-time` (RFC 3339 with an offset), `date`, `uuid` and `time-zone` (ours: an IANA
    name). Numbers are finite, booleans are no integers, 3.0 is one. References stay within the schema. Safe to share
    between threads; picklable. Raises `MappingError` M108 with every mistake in the schema; one that was `generated`
    from a spec has none.
    """

    def __init__(self, schema: JSON, *, generated: bool = False) -> None:
        self.schema = schema
        found = () if generated else _check_schema(schema)
        refused = dict.fromkeys((json_pointer(path), message) for path, message in found)
        if refused:
            raise MappingError([Diagnostic("M108", f"not a valid JSON Schema: {m}", pointer=p) for p, m in refused])
        self._recursive = any(_returns(schema, target) for path, target in _references(schema, ()) if path[-1] != "$id")

    @cached_property
    def _validator(self) -> Any:
        from truto_mapper import validator  # noqa: PLC0415  # load has no need of it

        return validator.compiled(self.schema, _FORMATS)

    def __reduce__(self) -> tuple[type[Self], tuple[JSON]]:
        return type(self), (self.schema,)

    def problems(self, instance: Any) -> list[Problem]:
        """Every problem of an instance, in the order of the schema; empty when it is valid. Never raises."""
        if self._too_deep(instance):
            return [Problem((), "type", f"nested more than {document.MAX_DEPTH} levels deep")]
        found: list[Problem] = []
        try:
            for error in self._validator.iter_errors(instance):
                found.append(_problem(error))  # noqa: PERF401  # what was found stays found when the next step fails
        except _UNCHECKABLE:
            found.append(Problem((), "type", "holds a value too large to be checked"))
        return found

    def valid(self, instance: Any) -> bool:
        """Whether there is no problem; stops at the first."""
        try:
            return not self._too_deep(instance) and bool(self._validator.is_valid(instance))
        except _UNCHECKABLE:
            return False

    def _too_deep(self, instance: Any) -> bool:
        """Whether a schema that contains itself would follow an instance beyond Python's own depth."""
        return self._recursive and _deeper(instance, document.MAX_DEPTH)


#: Python refuses to write an integer of more than 4300 digits, to divide one that exceeds every float, and to compare
#: (`enum`, `const`, `uniqueItems`) what is nested a thousand levels deep.
_UNCHECKABLE = (RecursionError, ValueError, OverflowError)


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": is_date_time,
    "uuid": lambda text: re.fullmatch(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None,
    "time-zone": is_time_zone,
}

#: What can be said without jsonschema, which makes a start a fifth longer: of these classes, by these keywords.
_PLAIN_TYPES = {str: "string", bool: "boolean", int: "integer", list: "array", dict: "object"}
_PLAIN = frozenset({"type", "title", "description", "format", "default"})
_OF_ALL = _PLAIN - {"format"} | {"examples", "items", "properties", "required", "additionalProperties"}
_OF_TEXTS = _OF_ALL | {"format", "enum"}


def is_plain(schema: JSON) -> bool:
    """Whether a schema is of few keywords that are plainly right, so that no metaschema has to say so."""
    texts = (schema.get(key, "") for key in ("title", "description", "format"))
    plain = schema.keys() <= _PLAIN and not isinstance(schema.get("default"), (dict, list))
    return plain and schema.get("type") in _PLAIN_TYPES.values() and all(isinstance(text, str) for text in texts)


def surely_fits(value: Any, schema: JSON | bool) -> bool:
    """Whether a value is plainly valid; where that is not sure, `Schema` says exactly."""
    kind = _PLAIN_TYPES.get(value.__class__)
    if kind is None or isinstance(schema, bool) or schema.get("type") != kind:
        return False
    if not schema.keys() <= (_OF_TEXTS if kind == "string" else _OF_ALL):
        return False
    if kind == "array":
        return "items" not in schema or all(surely_fits(item, schema["items"]) for item in value)
    if kind == "object":
        declared, others = schema.get("properties", {}), "additionalProperties" not in schema
        fits = (surely_fits(value[name], declared[name]) if name in declared else others for name in value)
        return value.keys() >= set(schema.get("required", ())) and all(fits)
    form = schema.get("format")
    return value in schema.get("enum", (value,)) and (form is None or (form in _FORMATS and _FORMATS[form](value)))


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
    "regex": "a regular expression",
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
    "anyOf": lambda _: "one of several forms, and it has none of them",
    "oneOf": lambda _: "exactly one of several forms",
}


def either(options: Iterable[str]) -> str:
    *most, last = list(options) or ["nothing"]
    return f"{', '.join(most)} or {last}" if most else last


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
    """What would have been right; of several forms, what each wants of this very value."""
    forms = [_expected(inner) for inner in error.context or () if not inner.path]
    if named := list(dict.fromkeys(form for form in forms if form)):
        return either(named)
    rule = _EXPECTED.get(str(error.validator))
    return rule(error.validator_value) if rule else None


def _deeper(value: Any, limit: int) -> bool:
    """Whether objects and arrays are nested more than `limit` deep, found out without recursion."""
    level = [value]
    for _ in range(limit + 1):
        nested = [inner for inner in level if isinstance(inner, (dict, list))]
        level = [inner for outer in nested for inner in (outer.values() if isinstance(outer, dict) else outer)]
    return bool(level)


def _check_schema(schema: JSON) -> Iterator[tuple[_Path, str]]:
    """What the metaschema refuses, patterns that are none, references that lead nowhere or in a circle."""
    if _deeper(schema, document.MAX_DEPTH):
        yield (), "nested too deeply"
        return
    from truto_mapper import validator  # noqa: PLC0415  # likewise

    refused = [(tuple(error.absolute_path), _problem(error).message) for error in validator.refusals(schema)]
    yield from refused
    for path, target in _references(schema, ()) if not refused else ():
        if path[-1] == "$id":
            yield path, "an `$id` below the top"
        elif not _resolves(schema, target):
            yield path, f"{excerpt(target)} leads nowhere within it"
        elif _returns(schema, target, _INWARD):
            yield path, f"{excerpt(target)} leads back to itself"


def _references(node: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    """Every `$ref`, and every `$id` that would move what they are relative to, with its path; plain data has none."""
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
    """Whether references lead from a target back to it, on a way that takes none of the barred keywords."""
    seen: set[str] = set()
    ahead = {target}
    while ahead:
        found = _references(_resolved(schema, ahead.pop()), ())
        onward = {further for path, further in found if barred.isdisjoint(path[:-1])}
        if target in onward:
            return True
        ahead |= onward - seen
        seen |= onward
    return False


def _resolves(schema: JSON, target: str) -> bool:
    """Whether a reference is a JSON Pointer into the schema: nothing is ever fetched, and one form is enough."""
    return re.fullmatch(r"#(/.*)?", target, re.DOTALL) is not None and _resolved(schema, target) is not None


def _resolved(schema: JSON, target: str) -> Any:
    node: Any = schema
    for part in target.split("/")[1:]:
        node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node if isinstance(node, (dict, bool)) else None


# ── YAML documents held to a pydantic model ──────────────────────────────────────────────────────────────────────

_Model = TypeVar("_Model", bound=pydantic.BaseModel)


def shaped(node: document.Node, model: type[_Model]) -> _Model:
    """A YAML document as an instance of a pydantic model.

    Raises `MappingError` with an M106 for every place that does not have the model's shape. A `ValueError` or a
    `PydanticCustomError` of the model's own validators becomes a finding with its text as the message; the context
    entry `hint` of a custom error becomes the hint. Whether "1" passes for 1 is the model's to say (`strict`).
    """
    try:
        return model.model_validate(node.plain())
    except pydantic.ValidationError as error:
        misfits = [_misfit(node, details) for details in error.errors(include_url=False, include_input=False)]
    found = [*_wrong_keys(node, model, misfits), *_wrong_values(node, misfits)]
    raise MappingError(sorted(found, key=by_place))


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A pydantic error where the author made it: `path` leads to a value, `key` is one it lacks or should lack."""

    path: _Path
    key: str | None
    kind: str
    text: str
    about: JSON


def _misfit(node: document.Node, details: Any) -> _Misfit:
    """Leave the union tags out of pydantic's location: they are the parts that the document does not have."""
    kind, location = details["type"], list(details["loc"])
    at_key = location[-1:] == ["[key]"] and location.pop() == "[key]"
    key = str(location.pop()) if at_key or kind in ("missing", "extra_forbidden") else None
    path: list[str | int] = []
    for part in location:
        known = node.value if isinstance(node.value, dict) else range(len(node.value)) if _is_list(node) else ()
        if part in known:
            path.append(part)
            node = node.value[part]
    return _Misfit(tuple(path), key, kind, details["msg"], details.get("ctx", {}))


def _is_list(node: document.Node) -> bool:
    return isinstance(node.value, list)


def _wrong_keys(root: document.Node, model: type[_Model], misfits: Sequence[_Misfit]) -> Iterator[Diagnostic]:
    """Unknown keys and missing ones; a missing one that an unknown one was meant to be follows from that."""
    unknown = [misfit for misfit in misfits if misfit.kind == "extra_forbidden"]
    meant = {(misfit.path, nearest(str(misfit.key), _allowed(model, misfit.path))) for misfit in unknown}
    for misfit in misfits:
        inside = f" in `{dotted(misfit.path)}`" if misfit.path else ""
        if misfit.kind == "extra_forbidden":
            hint = did_you_mean(str(misfit.key), _allowed(model, misfit.path))
            message = f"there is no key `{misfit.key}`{inside or ' here'}"
            yield root.at(misfit.path).diagnostic("M106", message, key=misfit.key, hint=hint)
        elif misfit.kind == "missing" and (misfit.path, misfit.key) not in meant:
            yield _at_key(root, misfit.path, f"`{misfit.key}` is missing{inside}")
        elif misfit.kind != "missing" and misfit.key is not None:
            message = f"`{misfit.key}` is no good key{inside}: {_expectation(misfit)}"
            yield root.at(misfit.path).diagnostic("M106", message, key=misfit.key)


def _wrong_values(root: document.Node, misfits: Sequence[_Misfit]) -> Iterator[Diagnostic]:
    """One finding for each value, whatever number of alternatives it fails to be."""
    values: dict[_Path, list[_Misfit]] = {}
    for misfit in misfits:
        if misfit.key is None and not _overtaken(misfit, misfits):
            values.setdefault(misfit.path, []).append(misfit)
    for path, found in values.items():
        wanted = list(dict.fromkeys(_expectation(misfit) for misfit in found if misfit.kind in _WANTED))
        if wanted:
            node = root.at(path)
            hint = _option(node.value, wanted)
            yield _at_value(root, path, f"expected {either(wanted)}, got {_quoted(node)}", hint)
        for misfit in found:
            if misfit.kind not in _WANTED:
                yield _at_value(root, path, _expectation(misfit), misfit.about.get("hint"))


def _option(value: Any, wanted: Sequence[str]) -> str | None:
    """A hint at the literal that was probably meant."""
    options = re.findall(r"`([^`]*)`", "".join(wanted))
    return did_you_mean(value, options) if isinstance(value, str) and nearest(value, options) else None


def _overtaken(misfit: _Misfit, misfits: Sequence[_Misfit]) -> bool:
    """Whether another alternative of a union came further with this value before it failed."""
    depth = len(misfit.path)
    return misfit.kind.endswith("_type") and any(
        (len(other.path) > depth or other.key is not None) and other.path[:depth] == misfit.path for other in misfits
    )


_WANTED = {
    "string_type": "text",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "none_required": "nothing",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "at least {min_length} of them",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "string_pattern_mismatch": "text matching {pattern}",
    "literal_error": "{expected}",
    "enum": "{expected}",
}


def _expectation(misfit: _Misfit) -> str:
    if misfit.kind in ("literal_error", "enum"):
        return str(misfit.about["expected"]).replace("'", "`")
    if misfit.kind in _WANTED:
        return _WANTED[misfit.kind].format_map(misfit.about)
    if misfit.kind == "value_error":
        return str(misfit.about["error"])
    return misfit.text


def _quoted(node: document.Node) -> str:
    """What the author wrote, as far as it fits a message."""
    if isinstance(node.value, (dict, list)):
        return "a mapping" if isinstance(node.value, dict) else "a list"
    text = " ".join(node.source.text[node.span.start : node.span.end].split())
    return f"`{text if len(text) <= 60 else text[:59] + '…'}`" if text else "nothing"


def _at_key(root: document.Node, path: _Path, message: str, **more: Any) -> Diagnostic:
    """A finding about a value as a whole, at the key it has, or at its first line."""
    parent, node = root.at(path[:-1]), root.at(path)
    if path and isinstance(path[-1], str):
        return parent.diagnostic("M106", message, key=path[-1], **more)
    return node.diagnostic("M106", message, key=next(iter(node.keys), None), **more)


def _at_value(root: document.Node, path: _Path, message: str, hint: str | None = None) -> Diagnostic:
    node = root.at(path)
    if node.span.start == node.span.end:  # nothing was written there
        return _at_key(root, path, message, hint=hint)
    return node.diagnostic("M106", message, hint=hint)


def _allowed(model: type[pydantic.BaseModel], path: _Path) -> set[str]:
    """The keys that a model knows at a path of a document."""
    kinds: list[Any] = [model]
    for part in path:
        kinds = [inner for kind in kinds for inner in _below(kind, part)]
    return {key for kind in kinds if _is_model(kind) for key in _keys(kind)}


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def _keys(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _below(kind: Any, part: str | int) -> Iterator[Any]:
    """What an annotation says about one of its values."""
    if _is_model(kind):
        yield from _alternatives(_keys(kind).get(str(part)))
    else:
        yield from (inner for argument in get_args(kind) for inner in _alternatives(argument))


def _alternatives(annotation: Any) -> Iterator[Any]:
    """An annotation without its unions and metadata."""
    if get_origin(annotation) in (Union, types.UnionType):
        yield from (inner for argument in get_args(annotation) for inner in _alternatives(argument))
    elif get_origin(annotation) is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    else:
        yield annotation


# ── The resource spec ────────────────────────────────────────────────────────────────────────────────────────────

_Type = Literal["string", "integer", "number", "boolean", "object", "array", "any"]
_Name = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_Names = Annotated[tuple[_Name, ...], pydantic.Field(strict=False)]  # YAML has lists

#: The types that a key of a field says something about.
_CONCERNS: dict[str, tuple[_Type, ...]] = {
    "format": ("string",),
    "enum": ("string", "integer", "number"),
    "minimum": ("integer", "number"),
    "fields": ("object",),
    "items": ("array",),
}


class _Spec(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Field(_Spec):
    """A parameter, a field of the record or of the envelope, or the items of an array.

    An object without `fields` is free-form. `required` and `nullable` speak of the unified side; `required_in` and
    `supported_in` name integrations. A `default` of None means that there is none.
    """

    type: _Type
    format: Literal["date-time", "date", "uuid", "time-zone"] | None = None
    minimum: int | float | None = None
    fields: dict[_Name, Field] = {}
    items: Field | None = None
    enum: Annotated[
        tuple[Any, ...], pydantic.Field(strict=False)
    ] = ()  # from here on, values are held to what is above
    default: Any = None
    example: Any = None
    required: bool = False
    nullable: bool = False
    supported_in: _Names = ()
    required_in: _Names = ()
    description: str = ""

    @pydantic.field_validator(*_CONCERNS)
    @classmethod
    def _concerns_the_type(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        kind, fitting = info.data.get("type"), _CONCERNS[str(info.field_name)]
        if kind is not None and kind not in fitting:
            raise ValueError(f"`{info.field_name}` goes with the type {either(fitting)}, and this one is {kind}")
        return value

    @pydantic.field_validator("enum")
    @classmethod
    def _lists_each_value_once(cls, values: tuple[Any, ...], info: pydantic.ValidationInfo) -> tuple[Any, ...]:
        for i, value in enumerate(values):
            if value in values[:i]:
                raise ValueError(f"{excerpt(value)} is listed twice")
            _fits(value, {**info.data, "enum": ()})
        return values

    @pydantic.field_validator("default", "example")
    @classmethod
    def _fits_the_field(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        _fits(value, info.data)
        return value

    @pydantic.model_validator(mode="after")
    def _knows_its_items(self) -> Self:
        if self.type == "array" and self.items is None:
            raise ValueError("an array says what its `items` are")
        return self


def _fits(value: Any, declared: JSON) -> None:
    """Raise ValueError unless a value fits what was declared of its field so far."""
    if {"type", "format", "minimum", "fields", "items"} <= declared.keys():  # otherwise that is the finding
        wanted = value_schema(Field.model_construct(**declared))
        problems = [] if surely_fits(value, wanted) else Schema(wanted, generated=True).problems(value)
        for problem in problems[:1]:
            where = f" at {dotted(problem.path)}" if problem.path else ""
            raise ValueError(f"this does not fit the field{where}: {problem.message}")


class Method(_Spec):
    """How an operation is called over HTTP."""

    http_method: Literal["GET"]
    path: Annotated[str, pydantic.Field(pattern=r"^/[^\s?#]*$")]
    description: str = ""


class Resource(_Spec):
    """A unified resource, read from its spec. `response` is the envelope around the records.

    Dicts keep the order of the file, which is the order records are written in.
    """

    version: Literal[1]
    unified_model: Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9-]*$")]
    resource: Annotated[str, pydantic.Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    description: str = ""
    integrations: _Names
    methods: dict[Literal["list"], Method]
    parameters: dict[_Name, Field]
    fields: dict[_Name, Field]
    response: dict[_Name, Field]

    @property
    def name(self) -> str:
        """_Model and resource: `conversational-intelligence/activity`."""
        return f"{self.unified_model}/{self.resource}"

    @classmethod
    def parse(cls, source: Source) -> Self:
        """Read a spec. Raises `MappingError` with every finding (M101 to M104 for the YAML, M106 for the rest)."""
        root = document.parse(source)
        found = list(_strangers(root))
        try:
            resource = shaped(root, cls)
        except MappingError as error:
            found.extend(error.diagnostics)
        if found:
            raise MappingError(sorted(found, key=by_place))
        return resource


def _strangers(root: document.Node) -> Iterator[Diagnostic]:
    """Integrations that a field names and the resource does not have."""
    known = root.value.get("integrations") if isinstance(root.value, dict) else None
    if known is None or not _is_list(known):
        return
    names = [str(name) for name in known.plain()]
    for node in root.walk():
        for key in ("supported_in", "required_in"):
            listed = node.value.get(key) if isinstance(node.value, dict) else None
            for name in listed.value if listed is not None and _is_list(listed) else ():
                if isinstance(name.value, str) and name.value not in names:
                    message = f"`{name.value}` is not among the integrations of this resource"
                    yield name.diagnostic("M106", message, hint=did_you_mean(name.value, names))


def load_resource(name: str) -> Resource:
    """A shipped resource by its name (`conversational-intelligence/activity`), or one by the path of its YAML file.

    Raises `MappingError`: M105 when there is none, otherwise as `Resource.parse`.
    """
    return Resource.parse(document.find(name, "schemas", ".yaml"))


def load_source_schema(name: str) -> Schema:
    """What a provider sends, by name (`gong/aggregate`) or by a JSON file. Raises as `source_schema` does."""
    return source_schema(document.find(name, "schemas", ".schema.json"))


def source_schema(source: Source) -> Schema:
    """What a provider sends. Raises `MappingError`: M105 without a file, M101 to M104 and M108 for no JSON Schema."""
    return Schema(document.parse(source).plain())


# ── Generated from a resource: JSON Schemas ──────────────────────────────────────────────────────────────────────


def record_schema(resource: Resource) -> JSON:
    """The JSON Schema of a unified record: absent, not null, and nothing that is undeclared."""
    return _head(resource, "record", resource.description) | _object(resource.fields)


def normalized_schema(resource: Resource) -> JSON:
    """The JSON Schema of a record in the normalized form: all fields in place, null (or []) where there is no value."""
    fields = {name: field for name, field in resource.fields.items() if name != REMOTE_DATA}
    about = f"{resource.description} Each field is there; null, or [] for an array, means no value."
    return _head(resource, "normalized", about) | _object(fields, stored=True)


def list_schema(resource: Resource) -> JSON:
    """The JSON Schema of the answer to a list: the envelope around unified records, from which none were excluded."""
    record = f"#/$defs/{resource.resource}"
    about = f"A page of {resource.title} records."
    defined = {"$defs": {resource.resource: embedded(record_schema(resource))}}
    return _head(resource, "list", about) | envelope(resource, record) | defined


def query_schema(resource: Resource) -> JSON:
    """The JSON Schema of a parsed query; what every integration requires is required, save for the account's id."""
    required = [name for name, field in resource.parameters.items() if is_asked(resource, field) and name != ACCOUNT]
    about = f"The parsed query parameters of {resource.title}."
    return _head(resource, "query", about) | _object(resource.parameters) | {"required": required}


def is_asked(resource: Resource, field: Field) -> bool:
    return field.required or set(field.required_in) >= set(resource.integrations)


def _head(resource: Resource, kind: str, about: str) -> JSON:
    identity = f"urn:truto-mapper:{resource.name}:{kind}"
    return {"$schema": DIALECT, "$id": identity, "title": resource.title, "description": about}


def without(schema: JSON, *keys: str) -> JSON:
    return {key: value for key, value in schema.items() if key not in keys}


def embedded(schema: JSON) -> JSON:
    """A schema as part of another document, whose references and dialect hold."""
    return without(schema, "$schema", "$id")


def envelope(resource: Resource, record: str, *, required: Sequence[str] = ()) -> JSON:
    """The response around its records; `result` is an array of them, or an object (truto_key_by)."""
    envelope = _object(resource.response)
    records = {"type": ["array", "object"], "items": {"$ref": record}, "additionalProperties": {"$ref": record}}
    envelope["properties"]["result"] |= records
    return envelope | {"required": [*envelope["required"], *required]}


def _object(fields: Mapping[str, Field], *, stored: bool = False) -> JSON:
    def vacant(field: Field) -> bool:
        return stored and not field.required and field.type != "array"

    return {
        "type": "object",
        "properties": {n: value_schema(f, stored=stored, nullable=f.nullable or vacant(f)) for n, f in fields.items()},
        "required": [name for name, field in fields.items() if stored or field.required],
        "additionalProperties": False,
    }


def value_schema(field: Field, *, stored: bool = False, nullable: bool = False) -> JSON:
    """The JSON Schema of a field's value; `stored` in the normalized form."""
    inner = _object(field.fields, stored=stored) if field.fields else {}
    inner |= {"items": value_schema(field.items, stored=stored)} if field.items else {}
    kind = {} if field.type == "any" else {"type": [field.type, "null"] if nullable else field.type}
    return kind | _annotations(field) | _limits(field, stored=stored, nullable=nullable) | without(inner, "type")


def _limits(field: Field, *, stored: bool, nullable: bool) -> JSON:
    limits = {
        "format": field.format,
        "pattern": "Z$" if stored and field.format == "date-time" else None,
        "enum": [*field.enum, *([None] if nullable else [])] if field.enum else None,
        "minimum": field.minimum,
    }
    return {key: value for key, value in limits.items() if value is not None}


def _annotations(field: Field) -> JSON:
    return {
        **({"description": field.description} if field.description else {}),
        **({"default": field.default} if field.default is not None else {}),
        **({"examples": [field.example]} if field.example is not None else {}),
        **({"x-truto-supported-in": list(field.supported_in)} if field.supported_in else {}),
        **({"x-truto-required-in": list(field.required_in)} if field.required_in else {}),
    }
