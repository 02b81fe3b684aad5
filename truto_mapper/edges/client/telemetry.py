"""Spans and a metric of OpenTelemetry, where its API package is installed, by its conventions for HTTP clients.

Nothing personal is in them: no query, no ids in paths, no headers and no bodies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truto_mapper.edges.client.account import Account
from truto_mapper.edges.client.messages import Failed, Reply, Sent
from truto_mapper.engine.page import Request
from truto_mapper.engine.planner import plan_of
from truto_mapper.language import nodes
from truto_mapper.mapping import linked

try:
    from opentelemetry import metrics, trace
except ImportError:  # it is installed by those who want it
    metrics = trace = None  # type: ignore[assignment]

#: The boundaries of the histogram's buckets that the conventions advise, in seconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

#: Tells how an attempt ended; None for one that was interrupted.
Ended = Callable[[Reply | Failed | None], None]


class Telemetry:
    """Records the attempts of a client. Without OpenTelemetry it does nothing."""

    def __init__(self, mapping: linked.Mapping) -> None:
        self._templates = {name: path for name, path in _paths(mapping) if path is not None}
        if trace is None:
            return
        self._tracer = trace.get_tracer("truto_mapper.client")
        self._duration = metrics.get_meter("truto_mapper.client").create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )

    def begun(self, account: Account, sent: Sent) -> Ended:
        """Begin the span of an attempt; gives what ends it."""
        if trace is None:
            return _nothing
        _, host, port, base = account.parts
        shared: dict[str, Any] = {"http.request.method": sent.method, "server.address": host, "server.port": port}
        template = self._templates.get(_endpoint(sent.request))
        shared |= {} if template is None else {"url.template": base + template}
        more: dict[str, Any] = {"url.full": account.origin + base + (template or "")}
        more |= {"http.request.resend_count": sent.attempt - 1} if sent.attempt > 1 else {}
        name = sent.method if template is None else f"{sent.method} {base}{template}"
        span = self._tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes={**shared, **more})

        def ended(outcome: Reply | Failed | None) -> None:
            told = _told(outcome)
            span.set_attributes(told)
            if "error.type" in told:
                span.set_status(trace.StatusCode.ERROR)
            span.end()
            if outcome is not None:
                self._duration.record(outcome.seconds, {**shared, **told})

        return ended


def _nothing(_: Reply | Failed | None) -> None:
    """Without OpenTelemetry nothing is recorded."""


def _told(outcome: Reply | Failed | None) -> dict[str, Any]:
    """What an outcome adds to the attributes."""
    if outcome is None:
        return {"error.type": "cancelled"}
    if isinstance(outcome, Failed):
        return {"error.type": outcome.error}
    status = {"http.response.status_code": outcome.status}
    return status | ({"error.type": str(outcome.status)} if outcome.status >= 400 else {})


def _paths(mapping: linked.Mapping) -> list[tuple[tuple[str, str | None], str | None]]:
    """The path of each endpoint and of each join, if it is the same for every request."""
    found: list[tuple[tuple[str, str | None], str | None]] = []
    for endpoint in mapping.endpoints:
        found.append(((endpoint.name, None), _constant(endpoint)))
        found += [((endpoint.name, join.name), _constant(join)) for join in endpoint.joins]
    return found


def _constant(endpoint: linked.Endpoint | linked.Join) -> str | None:
    node = endpoint.path.node
    return node.value if isinstance(node, nodes.String) else None


def _endpoint(request: Request) -> tuple[str, str | None]:
    return plan_of(request.query).endpoints[0], request.join
