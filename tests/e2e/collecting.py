"""A collector of traces: takes OTLP over HTTP, as a real one does, and keeps the spans."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """One span, as far as the tests look at it; ids in hex."""

    service: str
    name: str
    trace_id: str
    linked: frozenset[str]
    raw: bytes


@dataclass
class Collector:
    """Every span that was sent here, read when somebody asks. Thread-safe."""

    endpoint: str = ""
    _sent: list[bytes] = field(default_factory=list)
    _spans: list[Span] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, request: bytes) -> None:
        """Keep an `ExportTraceServiceRequest`."""
        with self._lock:
            self._sent.append(request)

    @property
    def spans(self) -> list[Span]:
        """All spans until now."""
        with self._lock:
            for request in self._sent:
                self._spans += spans_of(ExportTraceServiceRequest.FromString(request))
            self._sent.clear()
            return list(self._spans)

    def of(self, trace_id: str) -> dict[str, set[str]]:
        """Service -> names of its spans that belong to a trace or are linked to it."""
        found: dict[str, set[str]] = {}
        for span in self.spans:
            if trace_id == span.trace_id or trace_id in span.linked:
                found.setdefault(span.service, set()).add(span.name)
        return found


def spans_of(request: ExportTraceServiceRequest) -> Iterator[Span]:
    """Yield the spans of what a process sent at once."""
    for resource in request.resource_spans:
        named = {a.key: a.value.string_value for a in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                linked = frozenset(link.trace_id.hex() for link in span.links)
                service, raw = named["service.name"], span.SerializeToString()
                yield Span(service, span.name, span.trace_id.hex(), linked, raw)


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    collector.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
