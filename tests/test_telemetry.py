"""Spans and the metric of OpenTelemetry: the conventions for HTTP clients, and nothing personal."""

import json

import pytest
from test_client import GONG, JANUARY, Provider, body

from truto_mapper import ProviderError
from truto_mapper.edges.client import Account, Basic, Retries
from truto_mapper.edges.client import telemetry as module

pytest.importorskip("opentelemetry.sdk", reason="the SDK of OpenTelemetry is not installed")

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

ACCOUNT = Account("https://api.gong.io/base", Basic("the-key", "the-secret"), {"time_zone": "UTC", "user_names": True})


@pytest.fixture
def seen(monkeypatch):
    """What is exported: spans, and the metric's points."""
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracing, metering = TracerProvider(), MeterProvider([reader])
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(module.trace, "get_tracer", tracing.get_tracer)
    monkeypatch.setattr(module.metrics, "get_meter", metering.get_meter)
    yield spans, reader
    metering.shutdown()


def points(reader):
    (resource,) = reader.get_metrics_data().resource_metrics
    ((metric,),) = [scope.metrics for scope in resource.scope_metrics]
    assert (metric.name, metric.unit) == ("http.client.request.duration", "s")
    return metric.data.data_points


def test_each_attempt_is_a_span_and_a_measurement(seen):
    spans, reader = seen
    users = {"users": [{"id": "1", "firstName": "Ada", "emailAddress": "ada@example.com"}]}
    Provider(429, ConnectionResetError(), body(), users).client(ACCOUNT).list(JANUARY)
    first, second, third, join = spans.get_finished_spans()
    path = "/base/v2/stats/activity/aggregate"
    shared = {
        "http.request.method": "POST",
        "server.address": "api.gong.io",
        "server.port": 443,
        "url.template": path,
        "url.full": f"https://api.gong.io{path}",
    }
    assert dict(first.attributes) == shared | {"http.response.status_code": 429, "error.type": "429"}
    assert dict(second.attributes) == shared | {"http.request.resend_count": 1, "error.type": "connection_closed"}
    assert dict(third.attributes) == shared | {"http.request.resend_count": 2, "http.response.status_code": 200}
    assert (first.name, first.kind, first.status.status_code) == (f"POST {path}", SpanKind.CLIENT, StatusCode.ERROR)
    assert third.status.status_code == StatusCode.UNSET
    assert join.attributes["url.template"] == "/base/v2/users/extensive"
    assert sum(point.count for point in points(reader)) == 4
    assert {len(point.attributes) for point in points(reader)} <= {5, 6}


def test_nothing_personal_and_no_credentials_are_in_it(seen):
    spans, reader = seen
    with pytest.raises(ProviderError):
        Provider(401).client(ACCOUNT).list(JANUARY | {"users": [{"id": "4711"}]})
    shown = json.dumps([dict(one.attributes) for one in spans.get_finished_spans()])
    shown += json.dumps([dict(one.attributes) for one in points(reader)])
    for text in ("4711", "2026", "the-key", "the-secret", "authorization"):
        assert text not in shown


def test_the_path_of_one_record_is_not_in_it(seen):
    from truto_mapper import load

    spans, _ = seen
    users = load("gong/users")
    with pytest.raises(ProviderError):
        Provider(404).client(ACCOUNT.__class__(ACCOUNT.base_url, ACCOUNT.auth), users).get("4711")
    (span,) = spans.get_finished_spans()
    assert "url.template" not in span.attributes
    assert span.attributes["url.full"] == "https://api.gong.io/base"
    assert span.name == "GET"


def test_a_client_without_opentelemetry_does_the_same(monkeypatch):
    monkeypatch.setattr(module, "trace", None)
    assert len(Provider(500, body()).client(retries=Retries(jitter=lambda: 0)).list(JANUARY).records) == 1
    assert GONG
