"""The files generated from a resource: OpenAPI for its methods, TypedDicts for its record, and JSON Schemas."""

from __future__ import annotations

import json
import re
import textwrap
import types
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, groupby
from typing import get_args

from truto_mapper.resource.answers import KEY_BY, Answers
from truto_mapper.resource.bundle import Bundle, lifted, opened, pascal, reference
from truto_mapper.resource.field import Field, value_schema, without
from truto_mapper.resource.generated import (
    create_schema,
    embedded,
    is_asked,
    list_schema,
    normalized_schema,
    query_schema,
    record_schema,
    update_schema,
)
from truto_mapper.resource.json_schema import DIALECT
from truto_mapper.resource.spec import OF_ONE, Resource
from truto_mapper.resource.surely import JSON
from truto_mapper.text.diagnostics import Severity, either
from truto_mapper.text.record import NamedTuple

#: The errors that a service answers with, beside those of the provider's own.
_PROBLEMS = {
    400: "The query or the body is invalid: something is missing, unknown or wrong.",
    401: "The token is missing or unknown, or the provider refused the account's credentials.",
    403: "The token, or the provider, does not allow this.",
    404: "There is no such account for this token, or no such object at the provider.",
    406: "The `Accept` header excludes the media type of the answer.",
    413: "The body is too large.",
    429: "Too many requests.",
    500: "The mapping is wrong, or the provider had an error.",
    502: "The provider's reply cannot be read.",
    503: "The service or the provider is not available now.",
    504: "The provider did not answer in time.",
}
_OTHER = "Any other error, such as one of the provider's own."

#: The headers of answers, each with the type and the meaning of its value.
_HEADERS = {
    "x-diagnostic-codes": ("string", "The codes of notes and warnings about the answer, separated by commas."),
    "x-request-id": ("string", "Identifies the request in the logs: the caller's own id, or one of the service."),
    "ratelimit-limit": ("integer", "How many requests the provider allows in its current window of time."),
    "ratelimit-remaining": ("integer", "How many of them are left."),
    "ratelimit-reset": ("integer", "In how many seconds the window ends."),
    "retry-after": ("integer", "After how many seconds to try again."),
    "www-authenticate": ("string", "How to authenticate."),
}
_OF_STATUS = {401: ("www-authenticate",), 429: ("retry-after",), 503: ("retry-after",)}
_ALWAYS = ("x-request-id", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")

_TOKEN = {"type": "http", "scheme": "bearer", "description": "A token of the service."}


class Served(NamedTuple):
    """A resource that a service serves.

    `methods` are its methods, all of them if None. `raw` has the JSON Schemas of the provider's replies by method, each
    by a name such as `gong/users`; a method whose replies are not all known, or not all JSON, has none.
    """

    resource: Resource
    methods: Collection[str] | None = None
    raw: Mapping[str, Mapping[str, JSON]] = types.MappingProxyType({})


def service(
    served: Iterable[Served],
    *,
    title: str = "Unified API",
    version: str = "1",
    description: str = "One way to ask many providers, and one form of their answers.",
    servers: Sequence[str] = ("/",),
) -> JSON:
    """One OpenAPI 3.1 document for all that a service serves; the order of `served` makes no difference.

    `servers` are URLs, or paths on the host of the document. A resource that several integrations serve is there once.
    """
    each = sorted(served, key=lambda one: one.resource.name)
    groups = [list(group) for _, group in groupby(each, key=lambda one: one.resource.name)]
    tags = list(dict.fromkeys(group[0].resource.unified_model for group in groups))
    bundle, schemas, paths, ids = Bundle({"Problem", "Diagnostic"}), dict[str, JSON](), dict[str, JSON](), set[str]()
    raw = [{name: _raw(group, name, bundle) for name in _methods(group)} for group in groups]
    often = Counter(_type_name(group[0].resource) for group in groups)
    for group, bodies in zip(groups, raw, strict=True):
        resource, taken = group[0].resource, {"Problem", "Diagnostic", *bundle.components, *schemas}
        methods, made = _described(resource, bodies, taken, is_free=often[_type_name(resource)] == 1)
        schemas |= made
        for answers in methods:
            method = resource.methods[answers.method]
            paths.setdefault(method.path, {})[method.http_method.lower()] = _operation(answers, ids)
    about = {"description": description} if description else {}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, **about},
        "jsonSchemaDialect": DIALECT,
        "servers": [{"url": url} for url in servers],
        "security": [{"bearer": []}],
        "tags": [{"name": tag, "description": f"The resources of the unified model {tag}."} for tag in tags],
        "paths": paths,
        "components": {
            "schemas": _titled({**schemas, **_problem(), **bundle.components}),
            "responses": {_problem_name(status): _refusal(status) for status in [*_PROBLEMS, None]},
            "headers": {name: _header(name) for name in _HEADERS},
            "securitySchemes": {"bearer": _TOKEN},
        },
    }


def openapi(resource: Resource) -> JSON:
    """The OpenAPI 3.1 document of one resource, of any integration."""
    about = {"title": resource.title, "version": str(resource.version), "description": resource.description}
    return service([Served(resource)], **about)


def _titled(schemas: Mapping[str, JSON]) -> dict[str, JSON]:
    """Components with their names as titles, so that no two are the same type for a generator."""
    return {name: {"title": name} | without(schema, "title") for name, schema in schemas.items()}


def _described(
    resource: Resource, bodies: Mapping[str, Mapping[str, JSON]], taken: Collection[str], *, is_free: bool
) -> tuple[list[Answers], dict[str, JSON]]:
    """The methods of a resource, and their components under names that are not taken.

    The names begin with the title of the resource, or with the model's name and the title if that is not free.
    """
    title = _type_name(resource)
    longer = pascal(resource.unified_model) + title
    for name in chain([title] * is_free, [longer], (f"{longer}{number}" for number in count(2))):
        methods = [Answers(resource, method, name, raw) for method, raw in bodies.items()]
        made = {key: schema for one in methods for key, schema in _schemas(one).items()}
        if made.keys().isdisjoint(taken):
            break
    return methods, made


def _schemas(answers: Answers) -> dict[str, JSON]:
    """The components of a method: of its answers and of the body that it takes."""
    made = answers.components() if answers.method != "delete" else {}
    schema_of = {"create": create_schema, "update": update_schema}.get(answers.method)
    return made if schema_of is None else made | lifted(_body_name(answers), embedded(schema_of(answers.resource)))


def _methods(group: Sequence[Served]) -> list[str]:
    """The methods that are served of a resource, in the order of its spec."""
    asked = [one.resource.methods if one.methods is None else one.methods for one in group]
    return [name for name in group[0].resource.methods if any(name in methods for methods in asked)]


def _raw(group: Sequence[Served], method: str, bundle: Bundle) -> dict[str, JSON]:
    """The components of the provider's replies to a method; empty if they are not all known."""
    able = [one for one in group if one.methods is None or method in one.methods]
    if not all(one.raw.get(method) for one in able):
        return {}
    added = [bundle.add(name, schema) for one in able for name, schema in one.raw[method].items()]
    return {name: bundle.components[name] for name in added}


def _operation(answers: Answers, ids: set[str]) -> JSON:
    resource, name = answers.resource, answers.method
    identity = f"{name}_{resource.resource.replace('-', '_')}"
    if identity in ids:
        identity = f"{name}_{re.sub('[-/]', '_', resource.name)}"
    ids.add(identity)
    method = resource.methods[name]
    asked = [_parameter(resource, key, field) for key, field in resource.parameters_of(name).items()]
    body = {"required": True, "content": {"application/json": {"schema": reference(_body_name(answers))}}}
    problems = {
        str(status or "default"): {"$ref": f"#/components/responses/{_problem_name(status)}"}
        for status in [*_PROBLEMS, None]
    }
    return {
        "operationId": identity,
        "summary": f"{name.capitalize()} {_plural(resource) if name == 'list' else resource.title}",
        "description": method.description,
        "tags": [resource.unified_model],
        "parameters": [*([_ID] if name in OF_ONE else []), *asked],
        **({"requestBody": body} if name in ("create", "update") else {}),
        "responses": _success(answers) | problems,
    }


def _plural(resource: Resource) -> str:
    """What several records are called: the name of a resource, as in its path."""
    return resource.resource.replace("-", " ").title()


def _success(answers: Answers) -> JSON:
    headers = _headers_of(*_ALWAYS)
    if answers.method == "delete":
        return {"204": {"description": "The record is gone.", "headers": headers}}
    about = f"The record{'s' * answers.is_list}, in the format named by `truto_response_format`."
    headers |= _headers_of("x-diagnostic-codes")
    return {"200": {"description": about, "headers": headers, "content": answers.content()}}


_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of the record.",
    "schema": {"type": "string", "minLength": 1},
}


def _body_name(answers: Answers) -> str:
    return f"{answers.method.capitalize()}{answers.name}"


def _parameter(resource: Resource, name: str, field: Field) -> JSON:
    """A parameter in the qs syntax of query strings."""
    parameter: JSON = {"name": name, "in": "query", "required": is_asked(resource, field)}
    about, schema = field.description, without(value_schema(field, "asked"), "description")
    if field.type == "array" and field.items is not None:
        parameter |= {"name": f"{name}[]", "style": "form", "explode": True}
        schema, about = schema | {"items": _bare(field.items)}, f"{about} Written {_written(name, field)}."
    if field.type == "object":
        parameter |= {"style": "deepObject", "explode": True, "example": {}}  # what a page to try it begins with
        about = f"{about} Written `{name}[key]=value`, with more keys in brackets for deeper values."
    for period in resource.periods:
        about = f"{about} Must be before `{period.end}`." if period.start == name else about
        examples = {period.start: "2026-01-01T00:00:00Z", period.end: "2026-02-01T00:00:00Z"}
        parameter |= {"example": examples[name]} if name in examples else {}
    if name == KEY_BY:
        schema |= {"enum": list(_keys(resource.fields))}
    return parameter | {"description": about, "schema": opened(schema)}


def _keys(fields: Mapping[str, Field], above: str = "") -> Iterator[str]:
    """The fields that records can be keyed by: single values, none of them in an array."""
    for name, field in fields.items():
        if field.type not in ("array", "object"):
            yield f"{above}{name}"
        elif field.type == "object":
            yield from _keys(field.fields, f"{above}{name}.")


def _bare(item: Field) -> JSON:
    """The schema of an item; an object with one required field can be given as that field."""
    required = [field for field in item.fields.values() if field.is_asked]
    schema = value_schema(required[0] if len(required) == 1 else item, "asked")
    return schema | {"minLength": 1} if schema.get("type") == "string" else schema


def _written(name: str, field: Field) -> str:
    keys = [key for key, inner in field.items.fields.items() if inner.is_asked] if field.items else []
    shown = field.example if isinstance(field.example, list) else []
    first, second = [*shown, 1, 2][:2]
    forms = [f"{name}[]={first}&{name}[]={second}"]
    forms += [f"{name}[0][{key}]={first}&{name}[1][{key}]={second}" for key in keys]
    return either(f"`{form}`" for form in forms)


def _problem_name(status: int | None) -> str:
    return f"Problem{status or ''}"


def _refusal(status: int | None) -> JSON:
    """The answer with a status that is an error; None stands for any other one."""
    headers = _headers_of(*_ALWAYS, *_OF_STATUS.get(status or 0, ()))
    content = {"application/problem+json": {"schema": reference("Problem")}}
    return {"description": _PROBLEMS.get(status or 0, _OTHER), "headers": headers, "content": content}


def _headers_of(*names: str) -> JSON:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _header(name: str) -> JSON:
    kind, about = _HEADERS[name]
    return {"description": about, "schema": {"type": kind} | ({"minimum": 0} if kind == "integer" else {})}


def _problem() -> dict[str, JSON]:
    """The components of an error: those of `MapperError.problem` and `Diagnostic.as_dict`."""
    text, number, place = {"type": "string"}, {"type": "integer"}, {"type": "integer", "minimum": 1}
    finding = {
        "code": text,
        "severity": {"type": "string", "enum": list(get_args(Severity))},
        "message": text,
        "source": text | {"description": "The file that the finding is about."},
        **dict.fromkeys(("line", "column", "end_line", "end_column"), place),
        "pointer": text | {"description": "A JSON Pointer into the payload, the query, the context or the record."},
        "hint": text | {"description": "What to do."},
    }
    error = {
        "type": text | {"format": "uri-reference", "description": "A URI of the kind of problem."},
        "title": text | {"description": "What this kind of problem is."},
        "status": number | {"description": "The HTTP status."},
        "detail": text | {"description": "What is wrong."},
        "statusCode": number | {"description": "The same as `status`."},
        "error": text | {"description": "The phrase of the status, such as `Bad Request`."},
        "message": text | {"description": "The same as `detail`."},
        "truto_is_remote_error": {"type": "boolean", "description": "Whether the provider is at fault."},
        "diagnostics": {"type": "array", "items": reference("Diagnostic"), "description": "Every finding."},
    }
    said = {"raw_response": {"description": "What the provider said: JSON, or text. Absent where it said nothing."}}
    about = "An error (RFC 9457) with the fields of Truto's errors."
    problem = {"type": "object", "properties": error | said, "required": list(error)}
    diagnostic = {"type": "object", "properties": finding, "required": ["code", "severity", "message"]}
    return {
        "Problem": {"title": "Problem", "description": about, **problem},
        "Diagnostic": {
            "title": "Diagnostic",
            "description": "One finding.",
            **diagnostic,
            "additionalProperties": False,
        },
    }


#: The methods without which a resource has no document of a kind.
_OF_METHODS = {"list": "list", "query": "list", "create": "create", "update": "update"}

#: The JSON documents generated from a resource, by kind.
KINDS: Mapping[str, Callable[[Resource], JSON]] = types.MappingProxyType(
    {
        "record": record_schema,
        "list": list_schema,
        "normalized": normalized_schema,
        "query": query_schema,
        "create": create_schema,
        "update": update_schema,
        "openapi": openapi,
    }
)


def kinds_of(resource: Resource) -> list[str]:
    """The kinds of documents that a resource has."""
    return [kind for kind in KINDS if _OF_METHODS.get(kind, "list") in resource.methods or kind not in _OF_METHODS]


def artefacts(resource: Resource) -> dict[str, str]:
    """The files generated beside a spec: their texts by file name."""
    return {
        f"{resource.resource}.{kind}{'' if kind == 'openapi' else '.schema'}.json": json_text(KINDS[kind](resource))
        for kind in kinds_of(resource)
    }


def json_text(schema: JSON) -> str:
    """A generated document as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def typed_dicts(resource: Resource) -> str:
    """Python source with a TypedDict for the record and each object in it."""
    classes = list(_classes(_type_name(resource), resource.description, resource.fields))
    body = "\n\n\n".join(classes)
    names = [name for name in ("Any", "Literal", "NotRequired", "TypedDict") if re.search(rf"\b{name}\b", body)]
    title = f"The unified {resource.title} record as types, generated from schemas/{resource.name}.yaml."
    return f'"""{title}"""\n\nfrom typing import {", ".join(names)}\n\n\n{body}\n'


def _classes(name: str, about: str, fields: Mapping[str, Field]) -> Iterator[str]:
    """The classes of an object; a class comes after those it refers to."""
    members = []
    for key, field in fields.items():
        held, inner = field.inner, _inner_name(name, key, field)
        if held.fields:
            yield from _classes(inner, held.description or field.description, held.fields)
        hint = _hint(field, inner)
        members.append(
            f"    {key}: {hint if field.required else f'NotRequired[{hint}]'}\n{_docstring(field.description)}"
        )
    yield f"class {name}(TypedDict):\n{_docstring(about)}\n\n" + "\n".join(members)


def _inner_name(name: str, key: str, field: Field) -> str:
    return name + pascal(key.removesuffix("s") if field.type == "array" else key)


def _hint(field: Field, inner: str) -> str:
    """The type hint of a field; `inner` names the class of an object in it."""
    if field.items is not None:
        return f"list[{_hint(field.items, inner)}]"
    if field.enum:
        return f"Literal[{', '.join(json.dumps(value) for value in field.enum)}]"
    if field.fields:
        return inner
    plain = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]"}
    return plain.get(field.type, "Any")


def _docstring(text: str) -> str:
    safe = text.replace("\\", "\\\\").replace('"', "'")
    lines = textwrap.wrap(f'"""{safe}"""', 112)
    return textwrap.indent("\n".join(lines), "    ")


def _type_name(resource: Resource) -> str:
    """The name of a record's type: the title, such as `User` of `users`, where that can be a name."""
    titled = pascal(resource.title.replace(" ", "-"))
    return titled if titled.isascii() and titled.isidentifier() else pascal(resource.resource)
