"""The runtime, sans I/O: a unified query → the provider's request; its response → a page of unified records.

A `Mapper` is immutable, deterministic and safe to share between threads. It reads no clock: `now` comes in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from truto_mapper.engine import rendering
from truto_mapper.engine.exact import ExactPage, OnInvalid
from truto_mapper.engine.query import OnUnknown, Parser, Plan, Query, in_calendar
from truto_mapper.language import pretty
from truto_mapper.language.expression import Expression, Scope
from truto_mapper.language.library.dates import ceil_date, floor_date
from truto_mapper.language.runtime.values import MISSING
from truto_mapper.mapping import document, linked, linker, overlay
from truto_mapper.mapping.linked import Endpoint, Template
from truto_mapper.resource import generated, json_schema
from truto_mapper.resource.spec import Resource
from truto_mapper.text import files, yaml_tree
from truto_mapper.text.diagnostics import Diagnostic, did_you_mean, excerpt
from truto_mapper.text.errors import EvaluationError, MappingError, ProviderError, QueryError
from truto_mapper.text.pointers import json_pointer
from truto_mapper.text.source import Source
from truto_mapper.text.timestamps import instant, is_date_time, is_time_zone, same_zone

if TYPE_CHECKING:
    from truto_mapper.engine.fused import Fused
    from truto_mapper.language.trace import Trace

from truto_mapper.engine.page import BEYOND, SENT, Page, Request, Response, bounded

Functions = Mapping[str, Callable[..., Any]]
AnyQuery = Mapping[str, Any] | str
_Given = tuple[Any, ...]  # what is bound in a reply, in the order of `mapping.REPLY`

#: In the place of a plan where there is no query.
_UNPLANNED = Plan({}, None, ())


#: So many accounts' settings are kept, once they are checked; of so many characters each.
MAX_ACCOUNTS = 1_000
MAX_SETTING = 200


class _Functions(dict[str, "Fused"]):
    """The endpoints' functions, each written when it is first needed. Two threads may write one, both the same."""

    def __init__(self, linked: linked.Mapping) -> None:
        self.linked = linked

    def __missing__(self, name: str) -> Fused:
        # They come with the page that is mapped first, and not on the way of an error, which may be a deep one.
        from truto_mapper.engine.fused import Fused  # noqa: PLC0415
        from truto_mapper.resource import validator  # noqa: F401, PLC0415

        endpoint = next(one for one in self.linked.endpoints if one.name == name)
        made = self[name] = Fused(endpoint, self.linked.resource, self.linked.root.source)
        return made


class Mapper:
    """A compiled mapping. Make one with `load`."""

    def __init__(
        self,
        layers: overlay.Layered,
        spec: Source,
        functions: Functions | None = None,
        find_schema: Callable[[str], Source] | None = None,
    ) -> None:
        self._texts = (layers.sources, spec, functions)
        self._resource = Resource.parse(spec)
        self._mapping = linker.link(layers.root, self._resource, functions or {}, find_schema)
        self._warnings = layers.warnings
        self._parser = Parser(self._resource, self._mapping.integration)
        self._record_schema = json_schema.Schema(generated.record_schema(self._resource), generated=True)
        schemas = self._mapping.context_schemas
        self._defaults = {name: one["default"] for name, one in schemas.items() if "default" in one}
        #: Pure results that are kept: settings that were checked, functions that were written.
        self._accounts: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._by_name = {endpoint.name: endpoint for endpoint in self._mapping.endpoints}
        self._functions = _Functions(self._mapping)
        self._trace: Trace | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, self._texts

    def __repr__(self) -> str:
        return f"<Mapper {' + '.join(source.name for source in self.sources)}>"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The mapping file, and its overlays."""
        return self._texts[0]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The warnings about the mapping's overlays."""
        return self._warnings

    @property
    def resource(self) -> Resource:
        """The unified resource that the mapping is for."""
        return self._resource

    @property
    def mapping(self) -> linked.Mapping:
        """The mapping as it was linked: its endpoints with their parsed expressions."""
        return self._mapping

    def traced(self, trace: Trace) -> Self:
        """A mapper that gives the same, row by row, and notes each evaluation in `trace`; for one thread."""
        other = object.__new__(type(self))  # a copy would compile the mapping again, as a pickle does
        other.__dict__ |= self.__dict__ | {"_trace": trace}
        return other

    def plan(
        self,
        query: AnyQuery,
        *,
        context: Mapping[str, Any] | None = None,
        now: str | None = None,
        on_unknown: OnUnknown = "refuse",
    ) -> Request:
        """The request that answers a unified query.

        `query` is a query string, a dict or a parsed `Query`; `context` the account's settings; `now` an
        RFC 3339 date-time. Raises `QueryError` with every finding, or `EvaluationError`.
        """
        try:
            asked = self._asked(query, on_unknown)
            settings = self._settings(context)
            return self._planned(asked, settings, _moment(now))
        except BEYOND as error:
            raise bounded(error) from None

    def map(
        self,
        body: Any,
        *,
        query: AnyQuery | None = None,
        context: Mapping[str, Any] | None = None,
        now: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
    ) -> Page:
        """The page of unified records in a provider's reply.

        `body` is parsed JSON or its bytes, and is not changed; `remote_data` may alias it. Without `query`
        the endpoint is recognised from the body; a query that was planned brings its `context` and `now`.
        Raises `EvaluationError` with every invalid value of the page (see `on_invalid`), `ProviderError` for a
        refusal or a reply that cannot be read, `QueryError`.
        """
        try:
            asked = query if query is None or query.__class__ is Query else self._asked(query, on_unknown)
            planned = None if asked is None else asked.plan
            settings = self._settings(context) if planned is None or context is not None else planned.settings
            moment = _moment(now) if planned is None or now is not None else planned.now
            if asked is not None and planned is None:
                asked = self._planned(asked, settings, moment).query
            lowered = {str(name).lower(): value for name, value in headers.items()} if headers else {}
            read = _read(body, status) if isinstance(body, (bytes, bytearray)) else body
            response = tuple.__new__(Response, (read, status, lowered))  # as Response(…), in half the time
            return self._mapped(response, asked, settings, moment, on_invalid)
        except BEYOND as error:
            raise bounded(error) from None

    def exchange(
        self,
        query: AnyQuery,
        *,
        context: Mapping[str, Any] | None = None,
        now: str | None = None,
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
    ) -> Generator[Request, Response, Page]:
        """One page as a conversation: yields each `Request` to send, receives its `Response`, returns the `Page`."""
        try:
            settings, moment = self._settings(context), _moment(now)
            request = self._planned(self._asked(query, on_unknown), settings, moment)
        except BEYOND as error:
            raise bounded(error) from None
        if request.query.get("truto_skip_api_call"):
            return self._unasked(request.query, settings, moment, on_invalid)
        response = yield request
        return self.map(
            response.body,
            query=request.query,
            context=context,
            now=now,
            status=response.status,
            headers=response.headers,
            on_invalid=on_invalid,
        )

    def stream(
        self,
        query: AnyQuery,
        *,
        context: Mapping[str, Any] | None = None,
        now: str | None = None,
        on_invalid: OnInvalid = "raise",
        on_unknown: OnUnknown = "refuse",
    ) -> Generator[Request | Page, Response | None, None]:
        """All pages, one in memory at a time: yields each `Request`, receives its `Response`, yields its `Page`.

        Ends after the last page, or when `limit` records were given out. A failure is raised, it never ends
        the stream as if it were complete.
        """
        asked = self._asked(query, on_unknown)
        left = None if asked.get("truto_ignore_limit") else asked.get("limit")
        while True:
            exchange = self.exchange(asked, context=context, now=now, on_invalid=on_invalid)
            page = yield from exchange
            yield page
            left = left and left - len(page.records)
            if page.next_cursor is None or left == 0:
                return
            values = dict(asked) | {"next_cursor": page.next_cursor} | ({} if left is None else {"limit": left})
            asked = self._parser.parse(values)

    def show(self) -> str:
        """The Python code of each endpoint, in the mapping's order.

        Where an endpoint could not become one function, a comment says why; its rows take the exact path.
        """
        shown = []
        for endpoint in self._mapping.endpoints:
            fused = self._functions[endpoint.name]
            code = pretty.shown(fused.tree) if fused.tree is not None else f"# not one function: {fused.reason}"
            shown.append(f"# {endpoint.name}\n{code}")
        return "\n\n\n".join(shown)

    # ------------------------------------------------------------------------------------- what was asked

    def _asked(self, query: AnyQuery, on_unknown: OnUnknown) -> Query:
        return query if isinstance(query, Query) else self._parser.parse(query, on_unknown)

    def _settings(self, context: Mapping[str, Any] | None) -> dict[str, Any]:
        """The account's settings, defaults filled in. Raises `QueryError` Q509 with every finding."""
        if context is None or context == {}:
            return self._defaults
        if context.__class__ is not dict and not isinstance(context, Mapping):
            message = f"the context must be an object, this is {excerpt(context)}"
            raise QueryError(Diagnostic("Q509", message, pointer=""))
        key = tuple([(name, value.__class__, value) for name, value in context.items()])
        try:
            return self._accounts[key]
        except (KeyError, TypeError):  # TypeError: a value that cannot be hashed
            settings = self._checked_settings(context)
        if all(kind is bool or (kind is str and len(value) < MAX_SETTING) for _, kind, value in key):
            if len(self._accounts) >= MAX_ACCOUNTS:
                self._accounts.clear()
            self._accounts[key] = settings
        return settings

    def _checked_settings(self, context: Mapping[str, Any]) -> dict[str, Any]:
        schemas = self._mapping.context_schemas
        given = {n: _typed(value, schemas.get(n, {})) for n, value in context.items() if value is not None}
        settings = self._defaults | given
        problems = self._mapping.context.problems(settings)
        if problems:
            raise QueryError([self._misfit(problem) for problem in problems])
        return settings

    def _misfit(self, problem: json_schema.Problem) -> Diagnostic:
        name = ".".join(str(part) for part in problem.path)
        unknown = problem.keyword == "additionalProperties"
        why = "there is no such setting" if unknown else problem.message
        message = f"the context does not fit the mapping: {name}{': ' if name else ''}{why}"
        hint = did_you_mean(str(problem.path[-1]), self._mapping.context_schemas) if unknown else None
        return Diagnostic("Q509", message, pointer=problem.pointer, hint=hint)

    def _planned(self, asked: Query, settings: dict[str, Any], now: str | None) -> Request:
        names = _names(asked, settings, now)
        if self._trace is not None:
            self._trace.names = names
        serving = self._endpoints(names)
        endpoint, scope = serving[0], Scope(MISSING, names, trace=self._trace)
        refusal = _value(endpoint.query_error, scope)
        if refusal is not MISSING:
            if not isinstance(refusal, str):
                raise _unsendable(endpoint.query_error, f"query_error gives text, this is {excerpt(refusal)}")
            raise QueryError(Diagnostic("Q513", refusal))
        path = _value(endpoint.path, scope)
        if not isinstance(path, str) or not path.startswith("/"):
            raise _unsendable(endpoint.path, f"a path is text that begins with a slash, this is {excerpt(path)}")
        params = _object(endpoint.params, scope)
        body = MISSING if endpoint.body is None else _filled(endpoint.body, scope)
        remote = asked.get("remote_query", {})
        if endpoint.remote_query == "body":
            body = _merged(body, remote) if remote else body
        else:
            params |= dict(_flat(remote))
        notes = _day_notes(asked, settings, now) if _counts_days(endpoint) else ()
        headers = {name: _header(endpoint, name, value) for name, value in _object(endpoint.headers, scope).items()}
        request = Request(endpoint.method, path, params, headers, None if body is MISSING else body, asked, notes)
        sent = {part: getattr(request, part) for part in SENT}
        limit = None if asked.get("truto_ignore_limit") else asked.get("limit")
        remote_data = not asked.get("truto_ignore_remote_data")
        plan = Plan(settings, now, tuple(one.name for one in serving), limit, remote_data)
        return replace(request, query=replace(asked, sent=sent, notes=notes, plan=plan))

    def _endpoints(self, names: Mapping[str, Any]) -> list[Endpoint]:
        """The endpoints that serve a query, in order. Raises `QueryError` Q511."""
        scope = Scope(MISSING, names, trace=self._trace)
        serving = [e for e in self._mapping.endpoints if e.when is None or _truthy(_value(e.when, scope))]
        if not serving:
            source = self._mapping.root.source.name
            raise QueryError(Diagnostic("Q511", f"no endpoint of {source} serves this query"))
        return serving

    def _serving(self, plan: Plan, given: _Given) -> Sequence[str]:
        """The names of the endpoints that serve a query, as planned if the settings are those of the plan."""
        settings = given[0]
        if plan is _UNPLANNED or plan.settings == settings:
            return plan.endpoints or tuple(self._by_name)
        return [one.name for one in self._endpoints(dict(zip(linked.REPLY, given, strict=True)))]

    # -------------------------------------------------------------------------------------- what came back

    def _mapped(
        self,
        response: Response,
        asked: Query | None,
        settings: dict[str, Any],
        now: str | None,
        on_invalid: OnInvalid,
    ) -> Page:
        body, status, headers = response
        query, start, plan = ({}, 0, None) if asked is None else (asked.parameters, asked.offset, asked.plan)
        sent = MISSING if asked is None or asked.cursor is None else asked.cursor
        given = (settings, sent, headers, MISSING if now is None else now, query, body, status)
        found: list[Diagnostic] = [] if asked is None else [*asked.notes]
        plan = plan or _UNPLANNED
        fused, reply = self._endpoint(given, plan, found)
        if fused is None:
            return Page((), None, tuple(found), (), response, asked, self._resource)
        _, cursor, zone, rows, key = reply
        if zone != settings.get("time_zone"):
            _zone_notes(zone, asked, settings, found)
        looping = False
        if cursor.__class__ is not str or cursor in ("", sent):
            cursor, looping = _cursor(cursor, asked, found)
        rejected: Sequence[Any] = ()
        stop, name = None, fused.endpoint.name
        if rows is False:
            rows, key = self._exactly(fused.endpoint, given, on_invalid, plan).rows, None
        if start or plan.limit is not None:
            rows, start, stop = _part(rows, start, plan.limit)
        records, doubtful, fault = fused.records(rows, key, given, remote_data=plan.remote_data)
        if doubtful or fault is not None:
            exact = self._exactly(fused.endpoint, given, on_invalid, plan)
            whole = rows if key is None else exact.rows[start:]
            records, rejected = exact.completed(records, doubtful, fault, whole, found)
        if asked is not None and stop is not None:
            cursor = asked.next_cursor(asked.cursor, stop)
        about = (
            tuple(records),
            cursor,
            tuple(found),
            tuple(rejected),
            response,
            asked,
            self._resource,
            looping,
            name,
            True,
        )
        return tuple.__new__(Page, about)  # as Page(*about), in half the time

    def _exactly(self, endpoint: Endpoint, given: _Given, on_invalid: OnInvalid, plan: Plan) -> ExactPage:
        scope = self._scope(given)
        return ExactPage(endpoint, self._resource, self._record_schema, scope, on_invalid, plan.remote_data)

    def _endpoint(self, given: _Given, plan: Plan, found: list[Diagnostic]) -> tuple[Fused | None, Sequence[Any]]:
        """The endpoint whose reply this is, None for one that says there is nothing; and what its `reply` gives."""
        body, status = given[-2:]
        serving = plan.endpoints if plan.settings is given[0] else self._serving(plan, given)
        if not 200 <= status < 300:
            scope = self._scope(given)
            if any(_truthy(_value(self._by_name[name].empty_when, scope, failing=MISSING)) for name in serving):
                return None, ()
            raise self._refused(scope)
        if not isinstance(body, dict):
            message = f"the provider's answer must be a JSON object, this is {excerpt(body)}"
            raise ProviderError(Diagnostic("P602", message, pointer=""))
        for name in serving:
            fused = self._functions[name]
            seen = fused.reply(given) if self._trace is None else None
            reply = self._seen(fused.endpoint, given) if seen is None else seen
            if reply[0] is True or _truthy(reply[0]):
                return fused, reply
        scope = self._scope(given)
        known = [e for e in self._mapping.endpoints if _truthy(_value(e.recognise, scope))]
        if known or plan is _UNPLANNED:
            raise _unrecognised(known, serving)
        if any(self._by_name[name].recognise is not None for name in serving):
            message = f"the provider's answer has nothing that {serving[0]} is recognised by: no records"
            found.append(Diagnostic("P603", message, "warning", pointer=""))
        fused = self._functions[serving[0]]
        seen = fused.reply(given) if self._trace is None else None
        return fused, self._read_of(fused.endpoint, scope) if seen is None else seen

    def _refused(self, scope: Scope) -> ProviderError:
        """What the provider said, as far as the mapping's error_mapping can tell."""
        body, status = scope.data, scope.bindings["status"]
        said = {name: _value(one, scope, failing=MISSING) for name, one in self._mapping.errors.items()}
        message, hint = said.get("message"), said.get("hint")
        lines = [str(line) for line in (message if isinstance(message, list) else [message]) if line]
        text = "; ".join(lines) if lines else excerpt(body) if body is not None else "(no body)"
        retry, request_id = said.get("retry_after"), said.get("request_id")
        return ProviderError(
            Diagnostic(
                "P601",
                f"{self._mapping.integration} answered {status}: {text}",
                hint=hint if isinstance(hint, str) else None,
            ),
            status=status,
            retry_after=int(retry) if isinstance(retry, (int, float)) and 0 <= retry < 2**53 else None,
            request_id=request_id if isinstance(request_id, str) else None,
        )

    def _scope(self, given: _Given) -> Scope:
        return Scope(given[-2], dict(zip(linked.REPLY, given, strict=True)), trace=self._trace)

    def _seen(self, endpoint: Endpoint, given: _Given) -> Sequence[Any]:
        """What `Fused.reply` gives, one expression after the other, its rows left to be looked for."""
        scope = self._scope(given)
        if self._trace is not None:
            self._trace.names = dict(scope.bindings)
        return self._read_of(endpoint, scope) if _truthy(_value(endpoint.recognise, scope)) else (False,)

    def _read_of(self, endpoint: Endpoint, scope: Scope) -> Sequence[Any]:
        """The same for a reply that is taken for the endpoint's."""
        if self._trace is not None:
            self._trace.endpoint = endpoint.name
        return True, _value(endpoint.next_cursor, scope), _value(endpoint.time_zone, scope), False, None

    def _unasked(self, asked: Query, settings: dict[str, Any], now: str | None, on_invalid: OnInvalid) -> Page:
        """The page of a call that is skipped: the static response, mapped, or nothing."""
        names = _names(asked, settings, now)
        body = _value(self._endpoints(names)[0].static_response, Scope(MISSING, names, trace=self._trace))
        response = Response(None if body is MISSING else body)
        if body is MISSING:
            return Page((), None, asked.notes, (), response, asked, self._resource, is_asked=False)
        return self._mapped(response, asked, settings, now, on_invalid)._replace(is_asked=False)


def load(
    name: str | Path, *, overlays: Sequence[str | Path | Source] = (), functions: Functions | None = None
) -> Mapper:
    """The mapper of a shipped mapping (`gong/activity`) or of a mapping file.

    The resource's spec is looked for in a `schemas/` folder beside or above the file, then among those
    shipped. `overlays` are files, or texts, of parts of a mapping that are laid over it in order: mappings merge
    key by key, null removes a key, everything else replaces. `functions` are the caller's own, by JSONata name;
    they take and return plain JSON values. Raises `MappingError` with every finding;
    what there is to warn of is in `Mapper.diagnostics`.
    """
    source = files.find(name, "mappings", ".yaml")
    sources = [source, *(one if isinstance(one, Source) else files.read(Path(one)) for one in overlays)]
    layers = overlay.layered(sources)
    try:
        spec = files.find(document.resource_name(layers.root), "schemas", ".yaml", near=source.name)
    except MappingError as error:
        raise MappingError([_at_resource(layers.root, one) for one in error.diagnostics]) from None
    find_schema = partial(files.find, folder="schemas", ending=".schema.json", near=source.name)
    return Mapper(layers, spec, functions, find_schema)


def _at_resource(root: yaml_tree.Node, found: Diagnostic) -> Diagnostic:
    """That there is no spec, said where the mapping names it."""
    return found if found.source else root.diagnostic(found.code, found.message, key="resource", hint=found.hint)


def _again(sources: Sequence[Source], spec: Source, functions: Functions | None) -> Mapper:
    return Mapper(overlay.layered(sources), spec, functions)


def _typed(value: Any, declared: Mapping[str, Any]) -> Any:
    """A setting given as text, as the type its schema declares."""
    if isinstance(value, str) and declared.get("type") in ("boolean", "integer", "number"):
        with suppress(ValueError):
            return rendering.loads(value)
    return value


def _moment(now: str | None) -> str | None:
    if now is None or (is_date_time(now) and in_calendar(instant(now))):
        return now
    message = f"now must be an RFC 3339 date-time with an offset in the years 2 to 9998, this is {excerpt(now)}"
    raise QueryError(Diagnostic("Q509", message, pointer="/now", hint="such as 2026-01-31T12:00:00Z"))


def _names(asked: Query, settings: dict[str, Any], now: str | None) -> dict[str, Any]:
    """The bindings that every expression of a request may use."""
    cursor, moment = (MISSING if one is None else one for one in (asked.cursor, now))
    return {"query": asked.parameters, "context": settings, "cursor": cursor, "now": moment}


def _part(rows: list[Any], start: int, limit: int | None) -> tuple[list[Any], int, int | None]:
    """The rows of a page that are asked for, where they begin, and where the rest of them does if any is left."""
    rows = [row for row in rows if row is not None]
    count = len(rows)
    start, stop = min(start, count), count if limit is None else min(start + limit, count)
    return rows[start:stop], start, stop if stop < count else None


def _unrecognised(known: list[Endpoint], serving: Sequence[str]) -> ProviderError:
    if known:
        message = f"this is a reply of {known[0].name}, and the query is served by {serving[0]}"
        return ProviderError(Diagnostic("P603", message, pointer="", hint="map it with the query it answers"))
    message = f"the payload is not recognised as a reply of any endpoint ({', '.join(serving)})"
    return ProviderError(Diagnostic("P603", message, pointer="", hint="give the query that it answers"))


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def _read(body: bytes | bytearray, status: int) -> Any:
    """Bytes read as JSON, or as text where a refusal has no JSON. Raises `ProviderError` P602."""
    try:
        return rendering.loads(body)
    except (ValueError, RecursionError) as error:
        if not _is_success(status):
            return bytes(body).decode(errors="replace") or None
        start = excerpt(bytes(body[:80]).decode(errors="replace"))
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error).removesuffix(" (char 0)")
        raise ProviderError(
            Diagnostic("P602", f"the provider's answer cannot be read as JSON ({why}): {start}")
        ) from None


def _value(expression: Expression | None, scope: Scope, *, failing: Any = None) -> Any:
    """An expression's value, MISSING where there is none; `failing` instead of a failure, if given."""
    if expression is None:
        return MISSING
    try:
        return expression.evaluate_in(scope)
    except EvaluationError:
        if failing is None:
            raise
        return failing


def _truthy(value: Any) -> bool:
    """JSONata's $boolean: an array is true if any of its items is."""
    return any(_truthy(item) for item in value) if isinstance(value, list) else bool(value)


def _filled(template: Template, scope: Scope) -> Any:
    """A template with its expressions evaluated; what is undefined is left out."""
    match template:
        case dict():
            made = ((name, _filled(child, scope)) for name, child in template.items())
            return {name: value for name, value in made if value is not MISSING}
        case list():
            return [value for child in template if (value := _filled(child, scope)) is not MISSING]
        case _:
            return _value(template, scope)


def _object(template: Template | None, scope: Scope) -> dict[str, Any]:
    value = {} if template is None else _filled(template, scope)
    if value is MISSING:
        return {}
    if not isinstance(value, dict):
        what = "query_mapping and request_header_mapping"
        raise _unsendable(template, f"{what} give an object, this is {excerpt(value)}")
    return value


def _header(endpoint: Endpoint, name: str, value: Any) -> str:
    if isinstance(value, (dict, list)):
        template = endpoint.headers[name] if isinstance(endpoint.headers, dict) else endpoint.headers
        raise _unsendable(template, f"the header {name} is a single value, this is {excerpt(value)}")
    return value if isinstance(value, str) else json.dumps(value)


def _unsendable(template: Template | None, message: str) -> EvaluationError:
    expression = next(linked.expressions(template))
    span = expression.locate(expression.node.span)
    return EvaluationError(Diagnostic("D406", message, source=expression.source, span=span))


def _merged(base: Any, extra: Any) -> Any:
    """`extra` laid over `base`: objects key by key, everything else replaced."""
    if isinstance(base, dict) and isinstance(extra, Mapping):
        return base | {key: _merged(base.get(key, MISSING), value) for key, value in extra.items()}
    return extra


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters with bracketed names, as they were given."""
    for key, child in value.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(child, Mapping):
            yield from _flat(child, name)
        else:
            yield name, child


def _zone_notes(zone: Any, asked: Query | None, settings: dict[str, Any], found: list[Diagnostic]) -> None:
    """Add a warning when the reply names another time zone than the one its days were planned in."""
    planned = settings.get("time_zone")
    if zone == planned or asked is None or zone is MISSING or zone is None or planned is None:
        return
    note = _zone_note(zone, planned) if isinstance(zone, str) else _foreign_zone(zone, planned)
    found += [] if note is None else [note]


@lru_cache(maxsize=64)
def _zone_note(zone: str, planned: str) -> Diagnostic | None:
    if is_time_zone(zone) and is_time_zone(planned) and same_zone(zone, planned):
        return None
    return _foreign_zone(zone, planned)


def _foreign_zone(zone: Any, planned: str) -> Diagnostic:
    message = f"the reply's time zone is {excerpt(zone)}, the days were planned in {planned}"
    hint = f"set the context's time_zone to {zone}" if is_time_zone(zone) else None
    return Diagnostic("P605", message, "warning", hint=hint)


def _counts_days(endpoint: Endpoint) -> bool:
    """Whether the provider is asked for whole days."""
    asking = (*linked.expressions(endpoint.body), *linked.expressions(endpoint.params))
    return any(call.name in ("floorDate", "ceilDate") for expression in asking for call in expression.calls)


def _day_notes(asked: Query, settings: dict[str, Any], now: str | None) -> tuple[Diagnostic, ...]:
    """What asking for whole days changed about the period."""
    zone = settings.get("time_zone", "UTC")
    notes = []
    for name in ("start_time", "end_time"):
        given = asked.get(name, MISSING)
        first, last = floor_date(given, zone), ceil_date(given, zone)
        if name == "end_time" and now is not None and ceil_date(given, zone, now) != last:
            first, last = given, ceil_date(given, zone, now)
            why = "was cut to the beginning of today"
        else:
            why = "was widened to a whole day"
        if first != last:
            day = first if name == "start_time" else last
            message = f"{name} {given} {why}: {day} in {zone}"
            notes.append(Diagnostic("Q510", message, "note", pointer=json_pointer((name,))))
    return tuple(notes)


def _cursor(value: Any, asked: Query | None, found: list[Diagnostic]) -> tuple[str | None, bool]:
    """The provider's next cursor, and whether it is the one it was sent."""
    if value is MISSING or value is None or value == "":
        return None, False
    if not isinstance(value, str):
        raise ProviderError(Diagnostic("P602", f"the provider's cursor must be text, this is {excerpt(value)}"))
    if asked is None or value != asked.cursor:
        return value, False
    message = "the provider gave back the cursor it was sent; there is no next page"
    found.append(Diagnostic("P604", message, "warning"))
    return None, True
