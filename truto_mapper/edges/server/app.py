"""The service as an ASGI application."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from truto_mapper.edges.client import AsyncClient, Failed, Limiter, Reply, Retries, Sent
from truto_mapper.edges.server import answers, logs, metrics, side
from truto_mapper.edges.server.boundary import Bounded, Told, Watch
from truto_mapper.edges.server.callers import Callers
from truto_mapper.edges.server.calls import CURRENT
from truto_mapper.edges.server.clients import Clients, account_for
from truto_mapper.edges.server.document import document
from truto_mapper.edges.server.logs import Log, to_logger
from truto_mapper.edges.server.metrics import Metrics
from truto_mapper.edges.server.operations import ACCOUNT, Operations, Shared, UnifiedRoute
from truto_mapper.edges.server.pages import Pages
from truto_mapper.edges.server.refusals import Headers
from truto_mapper.edges.server.store import Store, Stored
from truto_mapper.engine import arguments, rendering
from truto_mapper.engine.mapper import Mapper


def app(
    mappers: Iterable[Mapper[Any]],
    store: Store,
    *,
    limiter: Limiter | None = None,
    transport: Any = None,
    retries: Retries | None = None,
    max_wait: float = 20,
    timeout: float = 60,
    max_calls: int = 200,
    cors: Collection[str] = (),
    log: Log = to_logger,
    now: Callable[[], datetime] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The unified endpoints of some mappings, as an application to run or to mount.

    `mappers` are loaded with `cursor_key`, so that nobody else can make cursors. `limiter` counts calls to providers,
    in this process unless it is shared. A call waits at most `max_wait` seconds for its turn at the provider's limit,
    and takes at most `timeout` seconds, as does each page of a stream; at most `max_calls` run at a time. `cors` are
    the origins of web pages that may call. `log` takes one event a call and a request. Clients are closed when the
    application's lifespan ends. Raises `QueryError` Q515 for two mappings of one resource and integration.
    """
    mappers = list(mappers)
    moment = now or _utc
    callers, watch = Callers(store, clock, moment), Watch(log, Metrics(), moment, clock)
    opened = partial(
        _opened,
        watch,
        limiter=limiter or Limiter(),
        transport=transport,
        max_wait=max_wait,
        now=moment,
        retries=retries or Retries(attempts=3, budget=max_wait),
    )
    shared = Shared(callers, Clients(opened), Pages(timeout, max_calls))
    made = Starlette(
        routes=[*_unified(mappers, shared), *_beside(mappers, callers, watch)],
        middleware=[Middleware(Told, watch=watch), *_cors(cors), Middleware(Bounded, watch=watch)],
        lifespan=_closing(shared.clients),
    )
    made.router.redirect_slashes, made.router.default = False, side.nothing
    return made


def _utc() -> datetime:
    return datetime.now(UTC)


def _unified(mappers: Iterable[Mapper[Any]], shared: Shared) -> list[UnifiedRoute]:
    """A route for each path of the resources, whose methods every mapping of the resource serves."""
    found: dict[str, Operations] = {}
    for mapper in mappers:
        if mapper.resource.parameters.get(ACCOUNT) is None or mapper.resource.parameters[ACCOUNT].methods:
            hint = f"add it to the spec: `{ACCOUNT}: {{type: string, format: uuid, required: true}}`"
            arguments.refuse(f"{mapper.resource.name} has no parameter `{ACCOUNT}` for all of its methods", hint)
        for name, method in mapper.resource.methods.items():
            at = found.setdefault(method.path, Operations(method.path, shared))
            at.methods[method.http_method] = name
            if at.mappers.setdefault(mapper.mapping.integration, mapper) is not mapper:
                arguments.refuse(f"two mappings serve {mapper.resource.name} of {mapper.mapping.integration}")
    return [UnifiedRoute(path, operations) for path, operations in found.items()]


def _beside(mappers: Iterable[Mapper[Any]], callers: Callers, watch: Watch) -> list[Any]:
    resources = list({one.resource.name: one.resource for one in mappers}.values())

    def described(root: str) -> bytes:
        return rendering.dumps(document(resources, root)).encode()

    async def told(scope: Scope) -> tuple[bytes, str, Headers]:
        await callers.grant(scope)
        return watch.metrics.text(), metrics.CONTENT_TYPE, answers.PRIVATE

    return side.routes(described, callers.check, told)


def _cors(origins: Collection[str]) -> list[Middleware]:
    """What lets web pages of some origins call; none by default."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "x-request-id"],
            expose_headers=["x-request-id", "retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        )
    ]


def _opened(watch: Watch, mapper: Mapper[Any], stored: Stored, **options: Any) -> AsyncClient[Any]:
    """The client of a mapping for an account. What it hears is told to the call that a task works on."""
    integration = mapper.mapping.integration

    def heard(reply: Reply) -> None:
        call = CURRENT.get()
        if call is not None and reply.sent.request.join is None:
            call.provider_headers = arguments.headers_of(reply.headers)
        watch.metrics.request(integration, reply.status, reply.seconds)
        watch.log(logs.of_request(call, integration, reply, reply.sent, watch.now()))

    def failed(sent: Sent, failure: Failed) -> None:
        watch.metrics.request(integration, failure.error, failure.seconds)
        watch.log(logs.of_request(CURRENT.get(), integration, failure, sent, watch.now()))

    return AsyncClient(mapper, account_for(mapper, stored), on_response=heard, on_failure=failed, **options)


def _closing(clients: Clients) -> Any:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await clients.close()

    return lifespan
