"""A request to send, a response received, and the page of records made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from truto_mapper.engine import rendering
from truto_mapper.engine.query import Query
from truto_mapper.resource import spec
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import EvaluationError, QueryError

if TYPE_CHECKING:
    pass


Format = Literal["unified", "raw", "normalized", "stream", "debug"]

#: What comes of data beyond what Python can follow or write.
BEYOND = (RecursionError, ValueError)


def bounded(error: Exception) -> Exception:
    """Such data is an error of ours, not a crash; what else it may be stays what it is."""
    if isinstance(error, RecursionError):
        why = "is nested too deeply to be handled, or contains itself"
    elif "integer string conversion" in str(error):
        why = "holds an integer of more digits than can be written"
    else:
        return error
    return EvaluationError(Diagnostic("D407", f"the payload, query or context {why}", pointer=""))


#: The parts of a request that go to the provider.
SENT = ("method", "path", "params", "headers", "body")


@dataclass(frozen=True, slots=True)
class Request:
    """What to send to the provider, below its base URL: `params` is the HTTP query, `body` JSON or None.

    `query` is the parsed unified query; hand it to `Mapper.map` with the reply. `diagnostics` has notes.
    """

    method: str
    path: str
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any
    query: Query
    diagnostics: tuple[Diagnostic, ...] = ()


class Response(NamedTuple):
    """What the provider answered: `body` is parsed JSON, or the bytes of it."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})


class Page(NamedTuple):
    """The validated records of one reply.

    `records` has them whole, `result` as the caller chose to see them. `next_cursor` is None on the last page.
    `diagnostics` has what was discarded, repaired or noticed; `rejected` the provider's rows whose record went.
    """

    records: tuple[dict[str, Any], ...]
    next_cursor: str | None
    diagnostics: tuple[Diagnostic, ...]
    rejected: tuple[Any, ...]
    response: Response
    query: Query | None
    resource: spec.Resource
    is_looping: bool = False
    endpoint: str | None = None  # the name of the one whose reply it is; None for a reply without records
    is_asked: bool = True  # False where the provider was not: a static response, truto_skip_api_call

    @property
    def result(self) -> Any:
        """The records without `truto_exclude_fields`: a list, or an object keyed by `truto_key_by`.

        Raises `QueryError` Q507.
        """
        return self._shown(list(self.records))

    def render(self, format: Format | None = None) -> Any:  # noqa: A002  # the parameter's name in the API
        """The response body in a format, by default the one the query asked for.

        A JSON value; for "stream" the text of NDJSON lines. "raw" is the provider's body itself.
        Raises `QueryError` (Q504, Q507) and `EvaluationError` (D405).
        """
        chosen = format or self._choice("truto_response_format", "unified")
        try:
            return self._rendered(chosen)
        except BEYOND as error:
            raise bounded(error) from None

    def _rendered(self, chosen: str) -> Any:
        match chosen:
            case "raw":
                return self.response.body
            case "unified":
                return {"result": self.result, "next_cursor": self.next_cursor}
            case "normalized":
                stored = [rendering.normalized(one, self.resource) for one in self.records]
                return {"result": self._shown(stored), "next_cursor": self.next_cursor}
            case "stream":
                return rendering.ndjson(self._shown(list(self.records), keyed=False))
            case "debug":
                return {"result": self.result, "next_cursor": self.next_cursor, "debug": self._debug()}
        hint = did_you_mean(str(chosen), rendering.FORMATS)
        raise QueryError(Diagnostic("Q504", f"there is no response format {excerpt(chosen)}", hint=hint))

    def _shown(self, records: list[dict[str, Any]], *, keyed: bool = True) -> Any:
        hidden, name = self._choice("truto_exclude_fields", ()), self._choice("truto_key_by")
        shown = [rendering.without(one, hidden) for one in records]
        return rendering.keyed(self.records, shown, name) if keyed and name is not None else shown

    def _choice(self, name: str, default: Any = None) -> Any:
        return default if self.query is None else self.query.get(name, default)

    def _debug(self) -> dict[str, Any] | None:
        if not self.is_asked:
            return None
        sent = self.query.sent if self.query is not None else None
        request = (
            {}
            if sent is None
            else {  # not known for a payload that came without its query
                "requestUrl": rendering.request_url(sent["path"], sent["params"]),
                "requestOptions": rendering.redacted({part: sent[part] for part in ("method", "headers", "body")}),
            }
        )
        return request | {
            "data": self.response.body,
            "responseHeaders": rendering.redacted(dict(self.response.headers)),
            "nextCursor": self.next_cursor,
            "isLooping": self.is_looping,
            "isEmptyResult": not self.records,
            "resultCount": len(self.records),
        }
