"""Spans, with a collector in memory and without any."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from services.kernel import tracing

FIRST = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
SECOND = "00-1af7651916cd43dd8448eb211c80319c-10f067aa0ba902b7-01"
MALFORMED = "00-nonsense"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
    yield kept
    provider.shutdown()


def test_without_a_collector_the_callers_trace_is_passed_on_and_bound_to_the_log() -> None:
    with tracing.span("x", SpanKind.SERVER, [FIRST], {}) as made:
        assert made == FIRST
        assert structlog.contextvars.get_contextvars()["trace_id"] == FIRST[3:35]
    assert "trace_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize("callers", [[], [MALFORMED], [FIRST + "\n"], [""]])
def test_without_a_well_formed_caller_a_new_trace_begins(callers: list[str]) -> None:
    with tracing.span("x", SpanKind.SERVER, callers, {}) as one:
        assert tracing.TRACEPARENT.match(one)
    with tracing.span("x", SpanKind.SERVER, callers, {}) as other:
        assert other[3:35] != one[3:35]


def test_one_caller_is_the_parent(exporter: InMemorySpanExporter) -> None:
    with tracing.span("x", SpanKind.CONSUMER, [FIRST, FIRST, MALFORMED], {"n": 2}) as made:
        assert made[3:35] == FIRST[3:35]
        assert made != FIRST
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == FIRST[36:52]
    assert (span.name, span.kind, dict(span.attributes or {})) == ("x", SpanKind.CONSUMER, {"n": 2})
    assert not span.links


def test_several_callers_are_linked_and_the_batch_has_a_trace_of_its_own(
    exporter: InMemorySpanExporter,
) -> None:
    with tracing.span("x", SpanKind.CONSUMER, [FIRST, SECOND], {}) as made:
        assert made[3:35] not in (FIRST[3:35], SECOND[3:35])
    (span,) = exporter.get_finished_spans()
    assert span.parent is None
    linked = {f"{link.context.trace_id:032x}" for link in span.links}
    assert linked == {FIRST[3:35], SECOND[3:35]}


def test_the_text_of_an_error_is_in_no_span(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="planted"), tracing.span("x", SpanKind.SERVER, [], {}):
        raise ValueError("planted")
    (span,) = exporter.get_finished_spans()
    assert "planted" not in span.to_json()
