"""OpenTelemetry traces: one span per call, and one per batch that is published or consumed.

Spans are sent over OTLP to the collector that KIENG_OTLP_ENDPOINT names. Without a collector a span
costs next to nothing, and only the W3C `traceparent` is propagated, which links the logs of all
services.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, ProxyTracerProvider, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bound_contextvars

TRACEPARENT = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_W3C = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("kieng")
# The text of an exception may contain user input, so it is kept out of spans.
WITHOUT_TEXTS: Any = {"record_exception": False, "set_status_on_exception": False}
Facts = Mapping[str, Any]


def configure(service: str, endpoint: str) -> None:
    """Send this process's spans to a collector; without an endpoint none are sent.

    Args:
        service: nameko name of the service.
        endpoint: URL of the collector, e.g. `http://collector:4318`; if empty, the standard
            variable OTEL_EXPORTER_OTLP_ENDPOINT is used.
    """
    endpoint = endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not endpoint:
        return
    # Imported here because they take 10 MB, which a process without a collector saves.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": f"kieng.{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)


@contextmanager
def span(name: str, kind: SpanKind, callers: Iterable[str], facts: Facts) -> Iterator[str]:
    """Open a span around the block; yield its `traceparent` for calls and events of the block.

    Log lines written in the block have the trace id of the span.

    Args:
        name: name of the operation; must have few different values.
        kind: kind of the span, e.g. client or server.
        callers: `traceparent` of each cause. A single one becomes the parent; several, as in a
            batch, become links; without a well-formed one a new trace begins.
        facts: attributes of the span, named by OpenTelemetry's semantic conventions, without
            personal data.
    """
    with _opened(name, kind, callers, facts) as made, bound_contextvars(trace_id=made[3:35]):
        yield made


@contextmanager
def _opened(name: str, kind: SpanKind, callers: Iterable[str], facts: Facts) -> Iterator[str]:
    if isinstance(trace.get_tracer_provider(), ProxyTracerProvider):
        given = next(iter(callers), "")
        begun = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        yield given if TRACEPARENT.match(given) else begun
        return
    known = {caller for caller in callers if TRACEPARENT.match(caller)}
    contexts = [_W3C.extract({"traceparent": caller}) for caller in sorted(known)]
    parent = contexts.pop() if len(contexts) == 1 else Context()
    links = [Link(trace.get_current_span(context).get_span_context()) for context in contexts]
    with _tracer.start_as_current_span(name, parent, kind, facts, links, **WITHOUT_TEXTS):
        carrier: dict[str, str] = {}
        _W3C.inject(carrier)
        yield carrier["traceparent"]
