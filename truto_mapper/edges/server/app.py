"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from truto_mapper import __version__
from truto_mapper.edges.client import Limiter, Retries
from truto_mapper.edges.server import answers, metrics, side
from truto_mapper.edges.server.boundary import Bounded, Told, Watch
from truto_mapper.edges.server.callers import Callers
from truto_mapper.edges.server.clients import Clients, Sending
from truto_mapper.edges.server.logs import Log, to_logger
from truto_mapper.edges.server.metrics import Metrics
from truto_mapper.edges.server.operations import ACCOUNT, Operations, Shared, UnifiedRoute
from truto_mapper.edges.server.pages import Pages
from truto_mapper.edges.server.refusals import Headers
from truto_mapper.edges.server.store import Store
from truto_mapper.engine import arguments, rendering
from truto_mapper.engine.mapper import Mapper
from truto_mapper.mapping.served import served
from truto_mapper.resource.openapi import service

#: Headers of answers that web pages may read, besides those of limits.
EXPOSED = ("x-request-id", "x-diagnostic-codes", "retry-after")


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
    limiter, retries = limiter or Limiter(), retries or Retries(attempts=5, budget=max_wait)
    sending = Sending(limiter, retries, max_wait, timeout, transport, max_calls)
    shared = Shared(callers, Clients(store, watch, sending), Pages(timeout, max_calls))
    made = Starlette(
        routes=[*_unified(mappers, shared), *_beside(mappers, callers, limiter, watch)],
        middleware=[Middleware(Told, watch=watch), *_cors(cors), Middleware(Bounded, watch=watch)],
        lifespan=_closing(shared.clients),
    )
    made.router.redirect_slashes, made.router.default = False, side.nothing
    return made


def _utc() -> datetime:
    return datetime.now(UTC)


def _unified(mappers: Iterable[Mapper[Any]], shared: Shared) -> list[UnifiedRoute]:
    """A route for each path, with the methods that a mapping serves there."""
    found: dict[str, Operations] = {}
    for mapper in mappers:
        resource, integration = mapper.resource, mapper.mapping.integration
        given = resource.parameters.get(ACCOUNT)
        if given is None or given.methods:
            hint = f"add it to the spec: `{ACCOUNT}: {{type: string, format: uuid, required: true}}`"
            arguments.refuse(f"{resource.name} has no parameter `{ACCOUNT}` for all of its methods", hint)
        for name in dict.fromkeys(one.method for one in mapper.mapping.endpoints):
            path, verb = resource.methods[name].path, resource.methods[name].http_method
            at = found.setdefault(path, Operations(path, shared))
            at.methods[verb] = name
            if at.mappers.setdefault(integration, mapper) is not mapper:
                arguments.refuse(f"two mappings serve {resource.name} of {integration}", "name one of them")
    return [UnifiedRoute(path, operations) for path, operations in found.items()]


def _beside(mappers: Sequence[Mapper[Any]], callers: Callers, limiter: Limiter, watch: Watch) -> list[Any]:
    @lru_cache(maxsize=8)
    def described(root: str) -> bytes:
        made = service([served(one.mapping) for one in mappers], version=__version__, servers=[root or "/"])
        del made["jsonSchemaDialect"]  # Swagger UI warns of any but OpenAPI's own, which extends it
        return rendering.dumps(made).encode()

    async def ready() -> None:
        await callers.check()
        await asyncio.to_thread(limiter.check)

    async def told(scope: Scope) -> tuple[bytes, str, Headers]:
        await callers.grant(scope)
        return watch.metrics.text(), metrics.CONTENT_TYPE, answers.PRIVATE

    return side.routes(described, ready, told)


def _cors(origins: Collection[str]) -> list[Middleware]:
    """What lets web pages of some origins call; none by default."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "prefer", "x-request-id"],
            expose_headers=[*EXPOSED, "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
        )
    ]


def _closing(clients: Clients) -> Any:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await clients.close()

    return lifespan
