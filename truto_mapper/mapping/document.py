"""The shape of a mapping document: its keys as pydantic models, which say what is wrong with one."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic import Field as Described
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType  # typing has it from Python 3.12 on

from truto_mapper.text.files import MAX_NAME, NAME, is_name
from truto_mapper.text.shape import schema_of, shaped
from truto_mapper.text.yaml_tree import Node


def _given(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError(
            "no_expression", "an expression is missing here", {"hint": "remove the key if there is no value"}
        )
    return value


_Given = BeforeValidator(_given)

ExpressionText: TypeAlias = Annotated[
    str | int | float | bool, Described(description="A JSONata expression, as a plain scalar or a | block."), _Given
]
TemplateText = TypeAliasType(
    "TemplateText", Annotated["ExpressionText | dict[str, TemplateText] | list[TemplateText]", _Given]
)


def _named(value: Any) -> Any:
    if isinstance(value, str) and not is_name(value):
        hint = "a name is like `gong/aggregate`, in lower case; it is never a path"
        raise PydanticCustomError("no_name", "this is not a name", {"hint": hint})
    return value


#: A name that is looked up in a folder of schemas. It is never a path.
SchemaName: TypeAlias = Annotated[
    str, BeforeValidator(_named), WithJsonSchema({"type": "string", "pattern": f"^(?:{NAME})$", "maxLength": MAX_NAME})
]


#: The methods of a resource.
MethodName: TypeAlias = Literal["list", "get", "create", "update", "delete"]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


def _optional(description: str, **bounds: Any) -> Any:
    """A key that may be left out but not be null."""
    return Described(default=None, description=description, json_schema_extra=_without_default, **bounds)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _expression(description: str) -> Any:
    return _optional(f"JSONata: {description}")


class PaginationDocument(_Document):
    """How the provider's list goes on. `$cursor` is the cursor, the number of the page, or the offset."""

    format: Literal["cursor", "page", "offset", "link_header"] = Described(
        description="What asks for the next page: a `cursor` that the reply gives (`next_cursor`), the number of the "
        "`page`, the `offset` of its first row, or the query of the link with rel=next (`link_header`)."
    )
    parameter: str = _optional(
        min_length=1,
        description="The HTTP query parameter that has the cursor, the number or the offset; without it the request's "
        "mappings place `$cursor` themselves.",
    )
    first: int = _optional(ge=0, description="The number of the first page; 1 without it.")
    size: int = _optional(
        ge=1, description="How many rows of the outermost for_each a page has; one with fewer rows is the last."
    )
    size_parameter: str = _optional(min_length=1, description="The HTTP query parameter that asks for `size` rows.")
    has_more: ExpressionText = _expression("whether a page follows; undefined says nothing.")
    origin: ExpressionText = _expression("the only origin that a link may lead to, such as `https://api.example.com`.")


class DecodeDocument(_Document):
    """How the body of a reply is read, if not as JSON."""

    format: Literal["csv"] = Described(
        description="Each row becomes an object of texts; the first one has their names."
    )
    delimiter: Annotated[str, Described(min_length=1, max_length=1, pattern='[^"\r\n]')] = Described(
        default=",", description="The character between two values, for example `;`."
    )
    encoding: Literal["utf-8", "utf-16", "iso-8859-1", "windows-1252"] = Described(
        default="utf-8", description="The encoding of the text."
    )


class JoinDocument(_Document):
    """Further requests that a page needs once its rows are known, and how their replies are read."""

    run_if: ExpressionText = _expression("whether the join runs for a page; without it, for each one.")
    ids: ExpressionText = Described(description="JSONata over the reply: the ids to ask for. `$` is the page.")
    batch: Annotated[int, Described(ge=1, le=10_000)] = Described(
        default=100, description="How many ids a request asks for."
    )
    source_schema: SchemaName = _optional(description="The schema of the join's reply, for example `gong/users`.")
    request_method: Literal["GET", "POST"] = Described(default="GET", description="The HTTP method.")
    path_mapping: ExpressionText = Described(description="JSONata: the path; `$ids` are the ids of the request.")
    query_mapping: TemplateText = _optional(description="The HTTP query parameters.")
    request_header_mapping: TemplateText = _optional(description="The request headers.")
    request_body_mapping: TemplateText = _optional(description="The request body.")
    request_schema: SchemaName = _optional(description="The schema of the request body.")
    rows: ExpressionText = _expression("the rows of a reply; without it the reply itself is one, or an array of them.")
    key: ExpressionText = Described(description="JSONata over a row: the id that the row is of.")
    many: bool = Described(default=False, description="Whether a key has a list of rows, not one.")
    next_cursor: ExpressionText = _expression("the provider's cursor for more rows of the same ids.")
    error_when: ExpressionText = _expression("whether a reply with a 2xx status is a failure; see error_mapping.")
    empty_when: ExpressionText = _expression("whether a refusal, or an empty answer, means no rows.")
    on_error: Literal["fail", "leave_out"] = Described(
        default="fail", description="What a failure does: fail the page, or leave the rows out with a warning."
    )


class EndpointDocument(_Document):
    """One endpoint of the provider: the queries it serves, the request, and how its reply is read."""

    method: MethodName = _optional(
        description="The method of the resource that this endpoint serves; that of the mapping without it."
    )
    when: ExpressionText = _expression("whether this endpoint serves the query; the first one that does is called.")
    recognise: ExpressionText = _expression(
        "whether a reply is this endpoint's; without it, whether the outermost for_each finds something."
    )
    source_schema: SchemaName = _optional(
        description="The schema of the provider's reply, for example `gong/aggregate`."
    )
    request_method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Described(
        default="GET", description="The HTTP method."
    )
    path_mapping: ExpressionText = Described(description="JSONata: the path, beginning with a slash.")
    query_mapping: TemplateText = _optional(description="The HTTP query parameters.")
    request_header_mapping: TemplateText = _optional(description="The request headers.")
    request_body_mapping: TemplateText = _optional(description="The request body.")
    request_schema: SchemaName = _optional(
        description="The schema of the request body, for example `gong/aggregate-request`: what it declares of the "
        "caller's remote_query goes into the body, everything else becomes HTTP query parameters."
    )
    query_error: ExpressionText = _expression("why this query is refused; undefined if it is not.")
    query_note: ExpressionText = _expression("what a caller should know about this query: a text, or several (Q516).")
    static_response: ExpressionText = _expression("the body that is mapped when the call is skipped.")
    decode: Literal["json", "csv"] | DecodeDocument = Described(
        default="json", description="How the body of a reply is read. `csv` gives an array of rows, objects of texts."
    )
    for_each: dict[str, ExpressionText] = Described(
        default_factory=dict,
        description="Nested loops over the reply, outermost first. The last one gives the row of a record.",
    )
    pagination: PaginationDocument = _optional(description="How the provider's list goes on.")
    next_cursor: ExpressionText = _expression("the provider's cursor for the next page; a number becomes text.")
    page_number: ExpressionText = _expression("the number of this page; a stream fails if it comes again.")
    total: ExpressionText = _expression(
        "how many rows of the outermost for_each all pages have together; a stream fails if more come."
    )
    error_when: ExpressionText = _expression("whether a reply with a 2xx status is a failure; see error_mapping.")
    empty_when: ExpressionText = _expression("whether a refusal of the first page means no records; noted as P608.")
    time_zone: ExpressionText = _expression(
        "the time zone that the reply gives for its days; P605 if it is not that of whole_days."
    )
    join: dict[str, JoinDocument] = Described(
        default_factory=dict, description="Further requests of a page, by name: `$joined.<name>` has their rows by key."
    )
    let: dict[str, ExpressionText] = Described(
        default_factory=dict, description="Named values, computed once for each record."
    )
    response_mapping: TemplateText = _optional(
        description="The unified record: an object of fields, or JSONata. Every method but `delete` needs it."
    )


class ErrorDocument(_Document):
    """The parts of a provider's error."""

    source_schema: SchemaName = _optional(
        description="The schema of what the provider says when it refuses, for example `gong/error`."
    )
    message: ExpressionText = _expression("the provider's message, one string or several.")
    request_id: ExpressionText = _expression("the provider's reference for the request.")
    retry_after: ExpressionText = _expression("the number of seconds to wait before trying again.")
    hint: ExpressionText = _expression("what a person can do.")


class WholeDaysDocument(_Document):
    """Which parameters the provider takes as whole days; a note (Q510) says how that changed a query."""

    time_zone: ExpressionText = Described(description="JSONata: the IANA time zone whose days these are.")
    parameters: dict[str, Literal["floor", "ceil", "ceil_until_today"]] = Described(
        min_length=1,
        description="How date-time parameters become days. `floor`: the day it falls on; `ceil`: the first day that "
        "begins at or after it; `ceil_until_today`: the same, but not after today.",
    )
    offsets: list[str] = Described(
        default_factory=list,
        description="Unified date-times that must have the zone's UTC offset; P605 if one has not. For endpoints "
        "without time_zone.",
    )


class MappingDocument(_Document):
    """A mapping of one unified resource to one integration."""

    version: Literal[1] = Described(description="The version of this format.")
    integration: str = Described(description="The provider's name: `gong`.")
    unified_model: SchemaName = Described(
        description="The unified model of the resource: `conversational-intelligence`."
    )
    resource: SchemaName = Described(description="The unified resource, whose spec is in `schemas/<unified_model>/`.")
    method: MethodName = Described(
        default="list", description="The method of the resource that an endpoint serves if it does not say so itself."
    )
    description: str = Described(default="", description="What the mapping is for; shown on its page.")
    context: dict[str, dict[str, Any]] = Described(
        default_factory=dict, description="The settings of an account, each with its JSON Schema."
    )
    whole_days: WholeDaysDocument = _optional(description="For a provider that takes days, not moments.")
    error_mapping: ErrorDocument = _optional(description="How an error of the provider is read.")
    lookups: dict[str, dict[str, Any]] = Described(
        default_factory=dict, description="Tables of constants by name: `$name` is an object of plain values."
    )
    rate_limits: list[str] = Described(
        default_factory=list,
        description="How many calls the provider takes of one account, each as `3/second`, `100/10 seconds` or "
        "`10000/day`. The client waits for its turn.",
    )
    endpoints: dict[str, EndpointDocument] = Described(min_length=1, description="Tried in order.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a mapping file, for editors."""
    return schema_of(MappingDocument, "mapping.schema.json")


def check(root: Node) -> None:
    """Raises `MappingError` with an M106 for every place that does not have the shape of a mapping."""
    shaped(root, MappingDocument)
