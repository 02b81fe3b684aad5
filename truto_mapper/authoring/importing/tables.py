"""What the bindings of Truto's mappings are here, for each key of a mapping."""

from __future__ import annotations

from truto_mapper.authoring.importing.expressions import OVERRIDDEN, Table, Target

#: The variables that an expression of ours may read; a local variable of the same name gets another one.
OURS = frozenset({"query", "context", "cursor", "now", "id", "body", "headers", "response", "status", "joined"})
TAKEN = OURS | frozenset(OVERRIDDEN.values())

#: The parameters of a unified query that hold Truto's cursor.
CURSORS = ("next_cursor", "cursor")

_RAW = "`rawQuery` has the caller's texts; `$query` has the types that the spec declares"
_BEFORE = "it needs the result of a `before` step, which does not exist here"
_HEADERS = "it needs the request's own headers, which are the business of the client that sends it"
_REQUEST_BODY = "it needs the finished request body, which a header cannot read here"
_REPLY = "Truto's texts disagree what `body` is here; as there is no request body, it is the reply's"
_BODY = "Truto's texts disagree what `body` is here; `$body` is what the caller sent"


def _asked(cursors: tuple[str, ...]) -> Table:
    """The bindings of every mapping. `cursors` are the parameters that hold the provider's cursor."""
    table: dict[tuple[str, ...], Target] = {
        ("query",): Target("$query"),
        ("rawQuery",): Target("$query", note=_RAW),
        ("context",): Target("$context"),
    }
    table |= {(name, one): Target("$cursor") for name in ("query", "rawQuery") for one in cursors}
    return {**table, ("before",): Target("", problem=_BEFORE)}


def of_request(cursors: tuple[str, ...]) -> Table:
    """The bindings of the mappings of a request."""
    return {
        **_asked(cursors),
        ("id",): Target("$id"),
        ("body",): Target("$body"),
        ("headers",): Target("", problem=_HEADERS),
        ("requestBody",): Target("", problem=_REQUEST_BODY),
    }


def of_reply(response: str, cursors: tuple[str, ...], *, is_http: bool, has_body: bool) -> Table:
    """The bindings of a mapping of a reply, where `response` is a text of ours.

    It is an HTTP object in some mappings. Methods with a request body have another `body`.
    """
    here: dict[tuple[str, ...], Target] = {("response",): Target(response)}
    if is_http:
        problem = "it needs the HTTP reply as a whole"
        here = {("response", "body"): Target(response), ("response", "headers"): Target("$headers")}
        here |= {("response", one): Target("$status") for one in ("statusCode", "status")}
        here |= {("response",): Target("", problem=problem)}
    body = Target("$body", note=_BODY) if has_body else Target("$response", note=_REPLY)
    return {**_asked(cursors), **here, ("headers",): Target("$headers"), ("body",): body}


def of_failure() -> Table:
    """The bindings of an integration's `error_expression`."""
    return {("data",): Target("$"), ("status",): Target("$status"), ("headers",): Target("$headers")}


def of_error() -> Table:
    """The bindings of an `error_mapping`."""
    return {**_asked(()), ("error",): Target("$"), ("headers",): Target("$headers"), ("response",): Target("$")}
