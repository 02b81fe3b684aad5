"""Metrics in Prometheus' format: counts and durations of calls and of requests to providers, without any ids."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from truto_mapper.edges.server.calls import Call

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60)

#: HTTP's methods; a caller can make up others, and a label must not.
_VERBS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self._registry = to = CollectorRegistry()
        ProcessCollector(registry=to)
        of_call, of_request = ("method", "route"), ("integration",)
        self._calls = Counter("truto_mapper_calls", "Calls answered.", (*of_call, "status"), registry=to)
        self._seconds = _histogram("truto_mapper_call_duration_seconds", "Duration of calls.", of_call, to)
        self.in_flight = Gauge("truto_mapper_calls_in_flight", "Calls that are being answered.", registry=to)
        self._records = Counter("truto_mapper_records", "Unified records sent.", ("route",), registry=to)
        broken = "Responses that ended early: a failure after their start, or a caller who left."
        self._broken = Counter("truto_mapper_broken_responses", broken, ("route",), registry=to)
        answered = "Requests to providers, by the status of the reply or the kind of failure."
        self._requests = Counter("truto_mapper_provider_requests", answered, (*of_request, "status"), registry=to)
        duration = "Duration of requests to providers."
        self._request_seconds = _histogram("truto_mapper_provider_request_duration_seconds", duration, of_request, to)
        waits = "Time that requests waited for their turn at the provider's limit."
        self._waits = Histogram("truto_mapper_limit_wait_seconds", waits, buckets=_SECONDS, registry=to)

    def call(self, call: Call, seconds: float) -> None:
        """Count a call that has ended."""
        route, verb = call.route or "none", call.verb if call.verb in _VERBS else "other"
        self._calls.labels(verb, route, call.status).inc()
        self._seconds.labels(verb, route).observe(seconds)
        if call.records:
            self._records.labels(route).inc(call.records)
        if call.broken is not None:
            self._broken.labels(route).inc()

    def request(self, integration: str, status: int | str, seconds: float) -> None:
        """Count a request to a provider."""
        self._requests.labels(integration, status).inc()
        self._request_seconds.labels(integration).observe(seconds)

    def wait(self, seconds: float) -> None:
        """Count a wait for a turn."""
        self._waits.observe(seconds)

    def text(self) -> bytes:
        """All metrics, as Prometheus reads them."""
        return generate_latest(self._registry)


def _histogram(name: str, about: str, labels: tuple[str, ...], registry: CollectorRegistry) -> Histogram:
    return Histogram(name, about, labels, buckets=_SECONDS, registry=registry)
