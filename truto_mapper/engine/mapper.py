"""The mapper, sans I/O: a unified query → the provider's request; its response → a page of unified records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Self, TypeAlias

from truto_mapper.engine import arguments, encoded, parts, stream
from truto_mapper.engine.answer import FAILURES, Given, failure, page_of
from truto_mapper.engine.conversation import EncodedPages, Pages
from truto_mapper.engine.cursor import CursorKey, Cursors, keys_of
from truto_mapper.engine.encoded import Encoded
from truto_mapper.engine.fused import Fused
from truto_mapper.engine.of_one import Method
from truto_mapper.engine.page import OnInvalid, Page, RecordT, Request, Response
from truto_mapper.engine.parts import Functions, Parts
from truto_mapper.engine.planner import AnyQuery, Context, Planner
from truto_mapper.engine.query import OnUnknown, Query
from truto_mapper.engine.rendering import Format
from truto_mapper.engine.replies import Replies
from truto_mapper.engine.stream import Exchange, Stream
from truto_mapper.mapping import linked
from truto_mapper.resource import generated, json_schema
from truto_mapper.resource.spec import Resource
from truto_mapper.text import files
from truto_mapper.text.diagnostics import Diagnostic
from truto_mapper.text.record import replace
from truto_mapper.text.source import Source

if TYPE_CHECKING:
    from truto_mapper.engine.joining import Joining
    from truto_mapper.engine.stored import Stored
    from truto_mapper.engine.typed_page import RawRows
    from truto_mapper.language.trace import Trace

Overlays: TypeAlias = Sequence[Path | Source]
#: Headers by name, or pairs; names and values may be bytes, and a value several.
Headers: TypeAlias = Mapping[Any, Any] | Iterable[tuple[Any, Any]] | None

#: Replies to joins by their names: bodies, their bytes, or `Response`s.
JoinedReplies: TypeAlias = Mapping[str, Sequence[Any]] | None

#: How many pages of a mapper from the cache do without typed rows: their code is not kept, and writing it takes longer.
EARLY = 20

#: The usual status. Small numbers are one object each: comparing objects takes less time.
_OK = 200


class _Functions(dict[str, Fused]):
    """The endpoints' functions, each generated when it is first needed. Two threads may both generate one: the same.

    They are for pages without joins, unless `with_joins`. `keep` is told the name of an endpoint whose functions were
    generated here, not before.
    """

    def __init__(self, parts: Parts, keep: Callable[[Parts, Fused], None] | None, *, with_joins: bool = False) -> None:
        self.parts, self.keep, self.with_joins = parts, keep, with_joins

    def __missing__(self, name: str) -> Fused:
        mapping = self.parts.mapping
        endpoint = next(one for one in mapping.endpoints if one.name == name)
        key = f"{name} with joins" if self.with_joins else name
        mapped = endpoint if self.with_joins else mapping.unjoined.get(name, endpoint)
        days, code = None if endpoint.time_zone else mapping.whole_days, self.parts.codes.get(key)
        made = self[name] = Fused(mapped, mapping.resource, mapping.sources[0], days, code, endpoint.joins)
        if code is None and self.keep is not None:
            self.parts.codes[key] = made.code
            self.keep(self.parts, made)
        return made


class Mapper(Generic[RecordT]):
    """A compiled mapping, made by `load`. `RecordT` is the type of its records.

    A mapper is immutable, deterministic and safe to share between threads. It reads no clock: `now` is an argument.
    """

    def __init__(
        self,
        parts: Parts,
        cursor_key: CursorKey | None = None,
        keep: Callable[[Parts, Fused], None] | None = None,
    ) -> None:
        self._parts, self._keys = parts, keys_of(cursor_key)
        self._resource, self._mapping = parts.resource, parts.mapping
        self._functions = _Functions(parts, keep)
        self._early = iter(range(EARLY if parts.codes else 0))
        self._cursors = Cursors(f"{self._mapping.integration} {self._resource.name}", self._keys)
        self._planner = Planner.of(self._mapping, self._cursors)
        schema = json_schema.Schema(generated.record_schema(self._resource), generated=True)
        forms = {one.name: one.decode for one in self._mapping.endpoints if one.decode is not None}
        shared = self._functions, self._planner.unplanned, forms, schema, self._cursors, dict[str, list[Diagnostic]]()
        self._replies = Replies(self._mapping, *shared)
        self._keep = keep

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (*self._parts[:4], self._keys)

    def __repr__(self) -> str:
        return f"<Mapper {' + '.join(source.name for source in self.sources)}>"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The mapping file and its overlays, in order."""
        return self._parts.sources

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings about the overlays (M110)."""
        return self._parts.warnings

    @property
    def resource(self) -> Resource:
        """The unified resource of the records."""
        return self._resource

    @property
    def mapping(self) -> linked.Mapping:
        """The linked mapping: its endpoints with their parsed expressions."""
        return self._mapping

    def traced(self, trace: Trace) -> Self:
        """A mapper with the same results that maps row by row and adds each evaluation to `trace`; for one thread."""
        replies, planner = replace(self._joining.replies, trace=trace), replace(self._planner, trace=trace)
        return self._with(_replies=replies, _planner=planner, _joining=type(self._joining)(replies))

    def _with(self, **parts: Any) -> Self:
        """A mapper with some other parts. A copy would compile the mapping again, as unpickling does."""
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | parts
        return other

    def plan(
        self,
        query: AnyQuery,
        *,
        id: str | int | None = None,  # noqa: A002  # the parameter's name in the API
        body: Mapping[str, Any] | None = None,
        method: Method | None = None,
        context: Context = None,
        now: str | None = None,
        on_unknown: OnUnknown = "refuse",
    ) -> Request:
        """The request that answers a unified query.

        `query` is a query string, a dict or a parsed `Query`; `context` holds the account's settings; `now` is an
        RFC 3339 date-time. `method` is by default that of a parsed query, or `list`. The methods `get`, `update` and
        `delete` need the `id` of a record, `create` and `update` a unified `body`. Raises `QueryError` with every
        finding (Q501 to Q519), and `EvaluationError` if an expression of the mapping fails.
        """
        arguments.check_choices("raise", on_unknown)
        return self._planner.asked(query, context, now, on_unknown, one=(method, id, body))

    def map(
        self,
        body: Any,
        *,
        query: AnyQuery | None = None,
        context: Context = None,
        now: str | None = None,
        status: int = 200,
        headers: Headers = None,
        method: Method | None = None,
        id: str | int | None = None,  # noqa: A002  # the parameter's name in the API
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
        joined: JoinedReplies = None,
    ) -> Page[RecordT]:
        """The page of unified records in a provider's reply.

        `body` is parsed JSON or its bytes; it is not changed, and `remote_data` may share parts with it. Without
        `query` the endpoint is recognised from the body. `method` (by default the query's, or `list`) and the `id` of
        a record say what the reply answers; a body to create or update it only comes with a planned query. The `query`
        of a planned `Request` brings the `context` and `now` it was planned with; arguments replace them, but the time
        in a cursor stays. `joined` has the replies to each join of the endpoint, by its name. Raises `EvaluationError`
        with every invalid value of the page (see `on_invalid`), `ProviderError` for a refusal or an unreadable reply,
        and `QueryError`.
        """
        try:
            if context is None and now is None and headers is None and method is None and id is None and joined is None:
                asked = query.asked if query.__class__ is Query else None
                if asked is not None and status is _OK and on_invalid == "raise" and on_unknown == "refuse":
                    return page_of(self._replies, body, query, asked, 200, {}, "raise")  # type: ignore[arg-type]
            given = self._given(query, context, now, status, headers, on_invalid, on_unknown, method, id)
            page = None if joined is None else self._joining.page(body, given, joined)
            return page or page_of(self._replies, body, *given)
        except FAILURES as error:
            raise failure(error, context, headers, query, reply=Response(body, status, headers)) from None

    def map_bytes(
        self,
        body: bytes | bytearray,
        *,
        query: AnyQuery | None = None,
        context: Context = None,
        now: str | None = None,
        status: int = 200,
        headers: Headers = None,
        method: Method | None = None,
        id: str | int | None = None,  # noqa: A002  # the parameter's name in the API
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
        format: Format | None = None,  # noqa: A002  # the parameter's name in the API
        joined: JoinedReplies = None,
    ) -> Encoded:
        """The bytes of a page: the same as `map`, `Page.render` and JSON text, but faster.

        `body` is the provider's bytes. Where `remote_data` is a whole row it has the provider's own text. With msgspec
        installed (the extra `fast`) rows are decoded, mapped and encoded without a dict in between. Arguments and
        errors as for `map` and `Page.render`.
        """
        try:
            given = self._given(query, context, now, status, headers, on_invalid, on_unknown, method, id)
            typed = self._typed(body, given, format, joined)
            if typed is not None:
                return typed[1]
            page = None if joined is None else self._joining.page(body, given, joined, is_exact=True)
            # `page_of` is called here, as in `map`: what is nested too deeply for Python depends on the calls before.
            return encoded.encoded(page or page_of(self._replies, body, *given, is_exact=True), format, body)
        except FAILURES as error:
            raise failure(error, context, headers, query, reply=Response(body, status, headers)) from None

    def _given(
        self,
        query: AnyQuery | None,
        context: Context,
        now: str | None,
        status: int,
        headers: Headers,
        on_invalid: OnInvalid,
        on_unknown: OnUnknown,
        method: Method | None = None,
        identity: str | int | None = None,
    ) -> Given:
        """What the arguments mean."""
        if on_invalid != "raise" or on_unknown != "refuse":
            arguments.check_choices(on_invalid, on_unknown)
        planned: Any = query
        is_as_planned = query.__class__ is Query and context is None and now is None and method is identity is None
        asked = planned.asked if is_as_planned else None
        if asked is None:
            planned, asked = self._planner.asked_again(query, context, now, on_unknown, (method, identity, None))
        if status.__class__ is not int or status != 200:
            status = arguments.status_of(status)
        return planned, asked, status, arguments.headers_of(headers) if headers else {}, on_invalid

    def _typed(
        self, body: Any, given: Given, chosen: Format | None, joined: JoinedReplies
    ) -> tuple[Page[Any], Encoded] | None:
        """A page made of typed rows, and its bytes; None where they do not suffice."""
        if next(self._early, None) is not None:
            return None
        if joined is not None:
            return self._joining.typed(body, given, chosen, joined)
        return self._raw_rows.page(self._replies, body, given, chosen)

    @cached_property
    def _joining(self) -> Joining:
        """Makes the pages of replies that come with those to their joins."""
        from truto_mapper.engine.joining import Joining  # noqa: PLC0415  # few mappings have joins

        joined = _Functions(self._parts, self._keep, with_joins=True) if self._mapping.unjoined else self._functions
        return Joining(replace(self._replies, functions=joined))

    @cached_property
    def _raw_rows(self) -> RawRows:
        from truto_mapper.engine.typed_page import RawRows  # noqa: PLC0415  # few mappers map bytes

        return RawRows(self._mapping.endpoints, self._functions)

    @cached_property
    def stored(self) -> Stored:
        """Maps replies that were stored, to records that are only to be written."""
        from truto_mapper.engine.stored import Stored  # noqa: PLC0415  # few mappers map many

        return Stored(self._parts, self._planner, self._replies, self._raw_rows)

    def exchange(
        self,
        query: AnyQuery,
        *,
        id: str | int | None = None,  # noqa: A002  # the parameter's name in the API
        body: Mapping[str, Any] | None = None,
        method: Method | None = None,
        context: Context = None,
        now: str | None = None,
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
    ) -> Exchange[Page[RecordT]]:
        """One page as a generator: yields the `Request` to send, receives its `Response`, returns the `Page`.

        Yields nothing for a query with `truto_skip_api_call`. Arguments and errors as for `plan` and `map`; what the
        driver does wrong is a `QueryError` Q515, after which the right `send` can follow.
        """
        arguments.check_choices(on_invalid, on_unknown)
        plan = partial(self._planner.asked, query, context, now, on_unknown, one=(method, id, body))
        return Exchange(stream.one_page(plan, self._pages(on_invalid)))

    def exchange_bytes(
        self,
        query: AnyQuery,
        *,
        id: str | int | None = None,  # noqa: A002  # the parameter's name in the API
        body: Mapping[str, Any] | None = None,
        method: Method | None = None,
        context: Context = None,
        now: str | None = None,
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
        format: Format | None = None,  # noqa: A002  # the parameter's name in the API
    ) -> Exchange[Encoded]:
        """As `exchange`, but it returns the bytes of the page: what a service sends. See `map_bytes`.

        A `Response` with the provider's bytes is mapped fastest. Errors as for `exchange` and `Page.render`.
        """
        arguments.check_choices(on_invalid, on_unknown)
        plan = partial(self._planner.asked, query, context, now, on_unknown, one=(method, id, body))
        return Exchange(stream.one_page(plan, self._encoded_pages(on_invalid, format)))

    def stream(
        self,
        query: AnyQuery,
        *,
        context: Context = None,
        now: str | None = None,
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
    ) -> Stream[Page[RecordT]]:
        """All pages, one in memory at a time: yields each `Request`, receives its `Response`, yields its `Page`.

        Ends after the last page, or after `limit` records. A failure is raised, again and again; it never ends the
        stream as if the stream were complete. `Stream.cursor` as `next_cursor` of the same query then gives the
        records that are missing. Arguments and errors as for `exchange`; `ProviderError` P604 for pages without end.
        """
        pages = self._pages(on_invalid)
        return self._stream(query, context, now, on_unknown, pages)  # type: ignore[no-any-return]  # of these pages

    def stream_bytes(
        self,
        query: AnyQuery,
        *,
        context: Context = None,
        now: str | None = None,
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
    ) -> Stream[Encoded]:
        """As `stream`, but it yields the bytes of each page: its records as lines of JSON."""
        pages = self._encoded_pages(on_invalid, "stream")
        return self._stream(query, context, now, on_unknown, pages)  # type: ignore[no-any-return]  # as above

    def _stream(self, query: AnyQuery, context: Context, now: str | None, unknown: OnUnknown, pages: Pages) -> Any:
        arguments.check_choices(pages.on_invalid, unknown)
        first = partial(self._planner.asked, query, context, now, unknown, is_stream=True)
        return stream.streamed(first, self._planner.following, pages)

    def _pages(self, on_invalid: OnInvalid) -> Pages:
        return Pages(self._replies, self._joining if self._mapping.unjoined else None, self.map, on_invalid)

    def _encoded_pages(self, on_invalid: OnInvalid, format_: Format | None) -> Pages:
        joining = self._joining if self._mapping.unjoined else None
        return EncodedPages(self._replies, joining, self._given, self._typed, on_invalid, format_)

    def show(self) -> str:
        """The Python code that the mapping is compiled to, endpoint by endpoint, or why an endpoint has none."""
        return "\n\n".join(self._joining.replies.functions[one.name].shown() for one in self._mapping.endpoints)


def load(
    name: str | Path,
    *,
    overlays: Overlays = (),
    functions: Functions | None = None,
    cursor_key: CursorKey | None = None,
    mistakes: list[Diagnostic] | None = None,
    cache: Path | None = None,
) -> Mapper[Any]:
    """The mapper of a mapping: see `edges.loading`, but `cache` is the folder of the cache, None for no cache."""
    near = name if isinstance(name, Path) else None
    sources = [files.find(name, "mappings", ".yaml"), *arguments.overlays_of(overlays)]
    find_spec = partial(files.find, folder="schemas", ending=".yaml", near=near)
    find_schema = partial(files.find, folder="schemas", ending=".schema.json", near=near)
    called = arguments.functions_of(functions or {})
    if cache is None:
        return Mapper(parts.made(sources, find_spec, find_schema, called, mistakes), cursor_key)
    from truto_mapper.engine.cache import Cache  # noqa: PLC0415  # pickle is for it alone

    entry = Cache(cache, sources, called, find_spec, find_schema)
    return Mapper(entry.parts() or parts.made(sources, find_spec, find_schema, called), cursor_key, entry.keep)


def load_for_check(name: str | Path, *, overlays: Overlays = ()) -> tuple[Mapper[Any], list[Diagnostic]]:
    """A mapper with the mistakes for which `load` refuses its mapping: to look at, not to map with.

    Raises `MappingError` for a file that cannot be read, or does not have the shape of a mapping.
    """
    mistakes: list[Diagnostic] = []
    return load(name, overlays=overlays, mistakes=mistakes), mistakes


def showing(mapper: Mapper[Any], mapping: linked.Mapping) -> Mapper[Any]:
    """A mapper with the same results whose `mapping` is another one: to look at, as `check` does."""
    return mapper._with(_mapping=mapping)  # noqa: SLF001  # it is no part of the API


def _again(
    sources: Sequence[Source],
    spec: Source,
    functions: dict[str, Callable[..., Any]],
    schemas: Mapping[str, Source],
    keys: Sequence[bytes],
) -> Mapper[Any]:
    find_schema = schemas.__getitem__ if schemas else None
    return Mapper(parts.made(sources, lambda _: spec, find_schema, functions), keys or None)
