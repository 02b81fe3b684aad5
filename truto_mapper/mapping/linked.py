"""A linked mapping: the expressions of its endpoints are parsed, and their names resolved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from collections.abc import Mapping as Map
from typing import TYPE_CHECKING, Any, TypeAlias

from truto_mapper.language.expression import Expression
from truto_mapper.resource.field import Field
from truto_mapper.resource.json_schema import Schema
from truto_mapper.resource.spec import OF_ONE, Resource
from truto_mapper.text.pointers import Steps
from truto_mapper.text.record import NamedTuple, record
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.text.yaml_tree import Node

Template: TypeAlias = "Expression | dict[str, Template] | list[Template]"
Loop: TypeAlias = tuple[str, Expression]

#: The bindings of a request.
REQUEST_NAMES = frozenset({"query", "context", "cursor", "now", "id", "body"})

#: The methods with a body. Their reply may be empty: `$id`, `$body` and `$headers` tell of the record.
WITH_BODY = ("create", "update")

#: The bindings that only some methods have.
OF_METHODS: dict[str, Collection[str]] = {"id": OF_ONE, "body": WITH_BODY}

#: The bindings of a reply, in the order in which they are passed.
REPLY = ("context", "cursor", "headers", "now", "query", "response", "status", "id", "body")
RESPONSE_NAMES = frozenset(REPLY)


#: The parts of an endpoint that make its request.
OF_REQUESTS = ("path", "params", "headers", "body")

#: The keys of an endpoint that have one expression: those that read a reply, and all.
OF_REPLIES: tuple[str, ...] = ("recognise", "error_when", "next_cursor", "page_number", "total", "has_more", "origin")
OF_REPLIES += ("empty_when", "time_zone")
SINGLE = ("path", "when", "query_error", "query_note", "static_response", *OF_REPLIES)


#: The keys whose expressions are evaluated for a request or a page.
OF_PAGES = frozenset({*SINGLE, *OF_REQUESTS})


#: The formats of pagination whose `$cursor` is a number.
NUMBERED = ("page", "offset")


class Pagination(NamedTuple):
    """How a provider's list goes on; `PaginationDocument` describes each key.

    `first` is the number of the first page, 0 for offsets.
    """

    format: str
    first: int
    parameter: str | None = None
    size: int | None = None
    size_parameter: str | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """The HTTP query parameters that it sets, by key."""
        keys = {"parameter": self.parameter, "size_parameter": self.size_parameter}
        return {key: name for key, name in keys.items() if name is not None}


class Csv(NamedTuple):
    """How CSV is written: the character between two values, and the name of Python's encoding."""

    delimiter: str = ","
    encoding: str = "utf-8"


#: The bindings of a join's request and of its reply, beside those of the page's.
OF_JOINS = frozenset({"ids"})

#: The keys of a join that have one expression.
JOIN_SINGLE = ("run_if", "ids", "path", "rows", "key", "next_cursor", "error_when", "empty_when")


class Join(NamedTuple):
    """A join of an endpoint, with its expressions parsed and linked; `JoinDocument` describes each key.

    The parts of its request have the names of those of an `Endpoint`. `is_setting` is whether the account's settings
    alone tell whether it runs. `leaves_out` is whether the page goes on without
    the rows of a join that fails.
    """

    name: str
    http_method: str
    source: Source | None
    request_schema: str | None
    request: Map[str, Any] | None
    run_if: Expression | None
    is_setting: bool
    ids: Expression
    batch: int
    path: Expression
    params: Template | None
    headers: Template | None
    body: Template | None
    rows: Expression | None
    key: Expression
    many: bool
    next_cursor: Expression | None
    error_when: Expression | None
    empty_when: Expression | None
    leaves_out: bool
    pagination: Pagination | None = None

    @property
    def expressions(self) -> Iterator[tuple[str, Expression]]:
        """Each expression with its key."""
        for key in JOIN_SINGLE:
            if (one := getattr(self, key)) is not None:
                yield key, one
        for key in ("params", "headers", "body"):
            for one in expressions(getattr(self, key)):
                yield key, one

    @property
    def requests(self) -> Iterator[Expression]:
        """The expressions that make its requests."""
        return (one for key, one in self.expressions if key in OF_REQUESTS)


class Endpoint(NamedTuple):
    """An endpoint with its expressions parsed and linked; `EndpointDocument` describes each key.

    `has_more` and `origin` are those of its `pagination`.

    `method` is that of the resource, `http_method` that of the request.
    `source` is the text of the provider's JSON Schema of the reply, `request` that of the request body, read;
    None if the mapping names none or has no files to look in. `decode` is None for a reply in JSON.
    """

    name: str
    method: str
    http_method: str
    source: Source | None
    request_schema: str | None
    request: Map[str, Any] | None
    path: Expression
    when: Expression | None
    recognise: Expression | None
    params: Template | None
    headers: Template | None
    body: Template | None
    query_error: Expression | None
    query_note: Expression | None
    static_response: Expression | None
    decode: Csv | None
    for_each: tuple[Loop, ...]
    pagination: Pagination | None
    next_cursor: Expression | None
    page_number: Expression | None
    total: Expression | None
    has_more: Expression | None
    origin: Expression | None
    error_when: Expression | None
    empty_when: Expression | None
    time_zone: Expression | None
    let: tuple[Loop, ...]
    response: Template
    joins: tuple[Join, ...] = ()


def bound(names: frozenset[str], method: str) -> frozenset[str]:
    """The bindings of these names that a method has."""
    return frozenset(name for name in names if name not in OF_METHODS or method in OF_METHODS[name])


class WholeDays(NamedTuple):
    """The parameters that become whole days, each with its rounding, and whose days they are.

    `setting` is the context's setting that `time_zone` reads, if it reads one. `offsets` are fields of a record whose
    UTC offset must be that of the zone.
    """

    time_zone: Expression
    setting: str | None
    parameters: Map[str, str]
    offsets: tuple[str, ...] = ()


class RateLimit(NamedTuple):
    """How many calls a provider takes of one account in any window of so many seconds."""

    calls: int
    seconds: int

    def __str__(self) -> str:
        per = {1: "a second", 60: "a minute", 3_600: "an hour", 86_400: "a day"}
        calls = "1 call" if self.calls == 1 else f"{self.calls:,} calls"
        return f"{calls} {per.get(self.seconds, f'in {self.seconds:,} seconds')}"


@record
class Mapping:
    """A linked mapping document: the files it is made of, their links, and the text of the schema of refusals.

    `lookups` are its tables of constants by name. `unjoined` has each endpoint with joins as it is without them.
    `only_joins_read` has the settings that choose no rows: only joins read them. `rate_limits` say how many calls the
    provider takes; the engine makes none.
    """

    __slots__ = ("_root",)

    sources: tuple[Source, ...]
    integration: str
    resource: Resource
    context: Schema
    context_schemas: Map[str, Map[str, Any]]
    whole_days: WholeDays | None
    errors: Map[str, Expression]
    refusal: Source | None
    endpoints: tuple[Endpoint, ...]
    lookups: Map[str, Any]
    unjoined: Map[str, Endpoint]
    only_joins_read: frozenset[str]
    rate_limits: tuple[RateLimit, ...] = ()

    @property
    def root(self) -> Node:
        """The YAML. It is read again for a mapping that was linked before."""
        from truto_mapper.mapping.overlay import layered  # noqa: PLC0415  # few need it

        return self.with_root(getattr(self, "_root", None) or layered(self.sources).root)

    def with_root(self, root: Node) -> Node:
        """Note the YAML that was read."""
        object.__setattr__(self, "_root", root)
        return root


def leaves(
    template: Template | None, field: Field | None = None, path: Steps = ()
) -> Iterator[tuple[Steps, Field | None, Expression]]:
    """Each expression of a template with the path it writes to, and the field declared there, in the order of the text.

    A path has an index only where the template lists items. The field is None where nothing is declared: without
    `field`, and inside an object of any form.
    """
    match template:
        case dict():
            below = {} if field is None else field.below
            for name, child in template.items():
                yield from leaves(child, below.get(name), (*path, name))
        case list():
            for index, child in enumerate(template):
                yield from leaves(child, field and field.inner, (*path, index))
        case Expression():
            yield path, field, template


def once(endpoint: Endpoint) -> list[Expression]:
    """Each expression of an endpoint; one that several keys share by an alias of YAML comes once."""
    return list({id(one): one for _, one in every(endpoint)}.values())


def expressions(template: Template | None) -> Iterator[Expression]:
    """The expressions of a template, in the order of the text."""
    return (expression for _, _, expression in leaves(template))


def every(endpoint: Endpoint) -> Iterator[tuple[str, Expression]]:
    """Each expression of an endpoint with its key; for what has a name: `let.total`, `join.users.ids`."""
    for key in SINGLE:
        if (one := getattr(endpoint, key)) is not None:
            yield key, one
    for key in ("params", "headers", "body", "response"):
        for one in expressions(getattr(endpoint, key)):
            yield key, one
    for key in ("for_each", "let"):
        for name, one in getattr(endpoint, key):
            yield f"{key}.{name}", one
    for join in endpoint.joins:
        for key, one in join.expressions:
            yield f"join.{join.name}.{key}", one


def of_mapping(mapping: Mapping) -> Iterator[tuple[str, Expression]]:
    """Each expression that all endpoints share, with the path to it."""
    if mapping.whole_days is not None:
        yield "whole_days.time_zone", mapping.whole_days.time_zone
    for name, one in mapping.errors.items():
        yield f"error_mapping.{name}", one


def of_requests(endpoint: Endpoint) -> Iterator[Expression]:
    """The expressions that make the request of an endpoint."""
    return (one for key, one in every(endpoint) if key in OF_REQUESTS)


def giving(template: Template | None, path: Iterable[str | int]) -> Expression | None:
    """The expression of a template that computes the value at a path."""
    for part in path:
        if isinstance(template, dict) and isinstance(part, int):
            continue  # an item of an array of objects, which has one template
        if isinstance(template, dict):
            template = template.get(str(part))
        elif isinstance(template, list):
            template = template[part] if isinstance(part, int) and part < len(template) else None
    return next(expressions(template), None)
