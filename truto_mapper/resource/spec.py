"""Resource specs, `schemas/<model>/<resource>.yaml`: the parameters and fields of a unified resource.

`generated` and `openapi` make schemas and types of them; `document` says what is wrong with one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from truto_mapper.resource.field import Field, fault
from truto_mapper.resource.surely import JSON, surely_fits
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic, by_place, did_you_mean
from truto_mapper.text.errors import MappingError
from truto_mapper.text.record import NamedTuple
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.text.yaml_tree import Node


#: The methods of one record, whose path has its id.
OF_ONE = frozenset({"get", "update", "delete"})

#: The methods whose answer is one record.
GIVING_ONE = frozenset({"get", "create", "update"})


class Method(NamedTuple):
    """How an operation is called over HTTP."""

    http_method: str
    path: str
    description: str = ""


class Period(NamedTuple):
    """Two date-time parameters: a query is refused (Q505) unless `start` is before `end`."""

    start: str
    end: str


class Resource(NamedTuple):
    """A unified resource, read from its spec. `response` is the envelope around the records.

    Dicts keep the order of the file, which is the order records are written in.
    """

    version: int
    unified_model: str
    resource: str
    title: str
    integrations: tuple[str, ...]
    methods: dict[str, Method]
    parameters: dict[str, Field]
    fields: dict[str, Field]
    response: dict[str, Field]
    periods: tuple[Period, ...] = ()
    description: str = ""

    @property
    def name(self) -> str:
        """Model and resource: `conversational-intelligence/activity`."""
        return f"{self.unified_model}/{self.resource}"

    @property
    def record(self) -> Field:
        """A record as one field: an object of `fields`."""
        return Field("object", fields=self.fields)

    def parameters_of(self, method: str) -> dict[str, Field]:
        """The parameters that a method takes, by name."""
        return {name: field for name, field in self.parameters.items() if not field.methods or method in field.methods}

    def is_known(self, parameter: Field, integration: str) -> bool:
        """Whether an integration knows a parameter; one that the resource does not list knows all of them."""
        return integration in (parameter.supported_in or (integration,)) or integration not in self.integrations

    @classmethod
    def parse(cls, source: Source) -> Self:
        """Read a spec. Raises `MappingError` with every finding (M101 to M104 for the YAML, M106 for the rest)."""
        from truto_mapper.text import yaml_tree  # noqa: PLC0415  # a spec that was read before needs none

        root = yaml_tree.parse(source)
        found, mistakes = list(_strangers(root)), _mistakes(root)
        if not mistakes:
            resource = cls.of(root.plain())
            found += [*_wrong_periods(root, resource), *_wrong_methods(root, resource)]
        if found or mistakes:
            raise MappingError(sorted([*found, *mistakes], key=by_place))
        return resource

    @classmethod
    def of(cls, given: JSON) -> Self:
        """The resource that a right document gives."""
        parts = ("parameters", "fields", "response")
        fields = {part: {name: Field.of(one) for name, one in given[part].items()} for part in parts}
        methods = {name: Method(**one) for name, one in given["methods"].items()}
        periods = tuple(Period(**one) for one in given.get("periods", ()))
        named: JSON = {"methods": methods, "periods": periods, "integrations": tuple(given["integrations"])}
        return cls(**{**given, **fields, **named})


@lru_cache(maxsize=1)
def shape() -> JSON:
    """The JSON Schema of a spec, as `document` generates it."""
    made: JSON = json.loads(files.read(files.home() / "schemas" / "resource.schema.json").text)
    return made


def _mistakes(root: Node) -> list[Diagnostic]:
    """What does not have the shape of a spec."""
    if is_right(root.plain()):
        return []
    from truto_mapper.resource import document  # noqa: PLC0415  # only a mistake needs pydantic

    return document.mistakes(root)


def is_right(given: Any) -> bool:
    """Whether plain data surely has the shape of a spec."""
    parts = ("parameters", "fields", "response")
    return surely_fits(given, shape()) and all(_agrees(one) for part in parts for one in given[part].values())


def _agrees(given: JSON) -> bool:
    """Whether the keys of a field, each of the right type, agree with each other and those below it do."""
    below = [*given.get("fields", {}).values(), *([given["items"]] if given.get("items") is not None else [])]
    has_items = given["type"] != "array" or given.get("items") is not None
    return has_items and all(map(_agrees, below)) and not any(fault(*one, given) for one in given.items())


def _strangers(root: Node) -> Iterator[Diagnostic]:
    """Integrations that a field names but the resource does not declare."""
    known = root.value.get("integrations") if isinstance(root.value, dict) else None
    if known is None or not isinstance(known.value, list):
        return
    names = [str(name) for name in known.plain()]
    for node in root.walk():
        for key in ("supported_in", "required_in"):
            listed = node.value.get(key) if isinstance(node.value, dict) else None
            for name in listed.value if listed is not None and isinstance(listed.value, list) else ():
                if isinstance(name.value, str) and name.value not in names:
                    message = f"`{name.value}` is not one of the integrations of this resource"
                    yield name.diagnostic("M106", message, hint=did_you_mean(name.value, names))


def _wrong_periods(root: Node, resource: Resource) -> Iterator[Diagnostic]:
    """Periods whose ends are not two date-time parameters."""
    for number, period in enumerate(resource.periods):
        node = root.value["periods"].value[number]
        for end in (node.value["start"], node.value["end"]):
            field = resource.parameters.get(end.value)
            if field is None:
                hint = did_you_mean(end.value, resource.parameters)
                yield end.diagnostic("M106", f"there is no parameter `{end.value}`", hint=hint)
            elif field.format != "date-time":
                yield end.diagnostic("M106", f"`{end.value}` must have the format date-time to be part of a period")
        if period.start == period.end:
            yield node.value["end"].diagnostic("M106", "a period starts and ends with two different parameters")


def _wrong_methods(root: Node, resource: Resource) -> Iterator[Diagnostic]:
    """Paths without the id that their method needs, or with one that it has not, and methods that do not exist."""
    for name, method in resource.methods.items():
        node, has_id = root.value["methods"].value[name].value["path"], name in OF_ONE
        if method.path.count("{id}") != has_id or "{" in method.path.replace("{id}", ""):
            needed = "needs `{id}` once" if has_id else "has no `{id}`"
            hint = f"write `{resource.name}/{{id}}`" if has_id else None
            yield node.diagnostic("M106", f"the path of `{name}` {needed}, and nothing else in braces", hint=hint)
    for part in ("parameters", "fields", "response"):
        yield from _wrong_keys(root.value[part], part, resource)


def _wrong_keys(fields: Node, part: str, resource: Resource) -> Iterator[Diagnostic]:
    """Keys that are for parameters, or for fields of a record, alone; and methods that the resource lacks."""
    for node in fields.walk():
        given = node.value if isinstance(node.value, dict) and "type" in node.value else {}
        for key, place in (("methods", "parameters"), ("read_only", "fields")):
            if key in given and part != place and isinstance(node.value["type"].value, str):
                yield node.diagnostic("M106", f"`{key}` is for {place}", key=key)
        if "required" in given and given["required"].value == "create" and part != "fields":
            yield node.diagnostic("M106", "`required: create` is for fields", key="required")
        for one in given["methods"].value if "methods" in given and part == "parameters" else ():
            if one.value not in resource.methods:
                hint = did_you_mean(str(one.value), resource.methods)
                yield one.diagnostic("M106", f"this resource has no method `{one.value}`", hint=hint)


def load_resource(name: str | Path) -> Resource:
    """A resource by its name (`conversational-intelligence/activity`) or by the `Path` of its YAML file.

    Raises `MappingError`: M105 if it does not exist, else as `Resource.parse`.
    """
    return Resource.parse(files.find(name, "schemas", ".yaml"))
