"""Checks YAML documents against pydantic models; each mistake is a finding at its line and column."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import pydantic

from truto_mapper.text import yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, by_place, did_you_mean, either, nearest, shortened
from truto_mapper.text.errors import MappingError
from truto_mapper.text.pointers import Steps, dotted

_Model = TypeVar("_Model", bound=pydantic.BaseModel)


def shaped(node: yaml_tree.Node, model: type[_Model]) -> _Model:
    """A YAML document as an instance of a pydantic model.

    Raises `MappingError` with an M106 for every place that does not fit the model. The text of a `ValueError` or
    `PydanticCustomError` raised by the model's validators becomes the message; `hint` in the context of a custom error
    becomes the hint.
    """
    try:
        return model.model_validate(node.plain())
    except pydantic.ValidationError as error:
        misfits = [_misfit(node, details) for details in error.errors(include_url=False, include_input=False)]
    found = [*_wrong_keys(node, model, misfits), *_wrong_values(node, misfits)]
    raise MappingError(sorted(found, key=by_place))


def schema_of(model: type[pydantic.BaseModel], file: str) -> dict[str, Any]:
    """The JSON Schema of the documents of a model, for editors; `file` is its own name."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": file}
    return head | _untitled(model.model_json_schema())  # type: ignore[no-any-return]  # an object


def _untitled(schema: Any) -> Any:
    """A schema without the titles that pydantic makes of the names of keys and classes."""
    if isinstance(schema, list):
        return [_untitled(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _untitled(one) for key, one in schema.items() if key != "title" or not isinstance(one, str)}


@dataclass(frozen=True, slots=True)
class _Misfit:
    """A pydantic error in the document: `path` leads to a value, `key` is the key that is missing or wrong in it."""

    path: Steps
    key: str | None
    kind: str
    text: str
    about: dict[str, Any]


def _misfit(node: yaml_tree.Node, details: Any) -> _Misfit:
    """Translate pydantic's location: the parts that the document does not have are union tags, and are dropped."""
    kind, location = details["type"], list(details["loc"])
    at_key = location[-1:] == ["[key]"] and location.pop() == "[key]"
    key = str(location.pop()) if at_key or kind in ("missing", "extra_forbidden") else None
    path: list[str | int] = []
    for part in location:
        known = node.value if isinstance(node.value, dict) else range(len(node.value)) if is_list(node) else ()
        if part in known:
            path.append(part)
            node = node.value[part]
    return _Misfit(tuple(path), key, kind, details["msg"], details.get("ctx", {}))


def is_list(node: yaml_tree.Node) -> bool:
    return isinstance(node.value, list)


def _wrong_keys(root: yaml_tree.Node, model: type[_Model], misfits: Sequence[_Misfit]) -> Iterator[Diagnostic]:
    """Unknown, missing and invalid keys. A missing key that an unknown one misspells is not reported."""
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
            message = f"`{misfit.key}` is not a valid key{inside}: {_expectation(misfit)}"
            yield root.at(misfit.path).diagnostic("M106", message, key=misfit.key)


def _wrong_values(root: yaml_tree.Node, misfits: Sequence[_Misfit]) -> Iterator[Diagnostic]:
    """One finding for each value, however many alternatives it fails."""
    values: dict[Steps, list[_Misfit]] = {}
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
    """A hint that names the literal that was probably meant."""
    options = re.findall(r"`([^`]*)`", "".join(wanted))
    return did_you_mean(value, options) if isinstance(value, str) and nearest(value, options) else None


def _overtaken(misfit: _Misfit, misfits: Sequence[_Misfit]) -> bool:
    """Whether another alternative of a union got further into this value before it failed."""
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


def _quoted(node: yaml_tree.Node) -> str:
    """The author's text of a value, short enough for a message."""
    if isinstance(node.value, (dict, list)):
        return "a mapping" if isinstance(node.value, dict) else "a list"
    text = " ".join(node.source.text[node.span.start : node.span.end].split())
    return f"`{shortened(text)}`" if text else "nothing"


def _at_key(root: yaml_tree.Node, path: Steps, message: str, **more: Any) -> Diagnostic:
    """A finding about a whole value, at its key or at its first line."""
    parent, node = root.at(path[:-1]), root.at(path)
    if path and isinstance(path[-1], str):
        return parent.diagnostic("M106", message, key=path[-1], **more)
    return node.diagnostic("M106", message, key=next(iter(node.keys), None), **more)


def _at_value(root: yaml_tree.Node, path: Steps, message: str, hint: str | None = None) -> Diagnostic:
    node = root.at(path)
    if node.span.start == node.span.end:  # nothing was written there
        return _at_key(root, path, message, hint=hint)
    return node.diagnostic("M106", message, hint=hint)


def _allowed(model: type[pydantic.BaseModel], path: Steps) -> set[str]:
    """The keys that a model allows at a path of a document."""
    kinds: list[Any] = [model]
    for part in path:
        kinds = [inner for kind in kinds for inner in _below(kind, part)]
    return {key for kind in kinds if _is_model(kind) for key in _keys(kind)}


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)


def _keys(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _below(kind: Any, part: str | int) -> Iterator[Any]:
    """The annotations of the values inside an annotated value."""
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
