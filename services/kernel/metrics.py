"""Metrics of the kernel, and the HTTP port that shows metrics and health.

gRPC metrics carry the names that existing dashboards know.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from google.protobuf.descriptor import MethodDescriptor
from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app

_METHOD = ["grpc_type", "grpc_service", "grpc_method"]

GRPC_STARTED = Counter("grpc_server_started", "Calls that began.", _METHOD)
GRPC_HANDLED = Counter(
    "grpc_server_handled", "Calls that ended, by status.", [*_METHOD, "grpc_code"]
)
GRPC_SECONDS = Histogram("grpc_server_handling_seconds", "Time to answer a call.", _METHOD)

_CONSUMER = ["topic", "group"]

RECORDS_HANDLED = Counter("kieng_consumer_records_handled", "Records that were handled.", _CONSUMER)
RECORDS_DEAD = Counter(
    "kieng_consumer_records_dead_lettered",
    "Records sent to the dead-letter topic: look at it with any Kafka tool and mend the producer.",
    _CONSUMER,
)
OWNERSHIP_LOST = Counter(
    "kieng_consumer_ownership_lost",
    "Batches given up because another process took the partition; rare is healthy.",
    _CONSUMER,
)
POSITION = Gauge(
    "kieng_consumer_next_offset", "Offset of the next record to handle.", [*_CONSUMER, "partition"]
)
LAST_RECORD_TIMESTAMP = Gauge(
    "kieng_consumer_last_record_timestamp_seconds",
    "When the newest handled record was written, by the broker's clock.",
    _CONSUMER,
)


def count_records(group: str, records: Sequence[Any]) -> None:
    """Count records of one partition, in order, that were handled."""
    last = records[-1]
    RECORDS_HANDLED.labels(last.topic, group).inc(len(records))
    POSITION.labels(last.topic, group, last.partition).set(last.offset + 1)
    LAST_RECORD_TIMESTAMP.labels(last.topic, group).set(last.timestamp / 1000)


def grpc_labels(method: MethodDescriptor) -> tuple[str, str, str]:
    """Return type, service and method as label values."""
    kinds = ("unary", "client_stream", "server_stream", "bidi_stream")
    kind = kinds[method.client_streaming + 2 * method.server_streaming]
    return kind, method.containing_service.full_name, method.name


def preset_grpc(methods: Iterable[MethodDescriptor]) -> None:
    """Show every method with 0, so that rates are right from the first call on."""
    for method in methods:
        labels = grpc_labels(method)
        GRPC_STARTED.labels(*labels)
        GRPC_HANDLED.labels(*labels, "OK")
        GRPC_SECONDS.labels(*labels)


class HttpPort:
    """Serves `/metrics`, `/healthz` (the process lives) and `/readyz` (it does its work).

    Args:
        host: address to listen on.
        port: port; 0 takes a free one.
        unready: says why the process is not ready; empty when it is.
    """

    def __init__(self, host: str, port: int, unready: Callable[[], str]) -> None:
        self._unready = unready
        self._metrics = make_wsgi_app()
        self._server = make_server(host, port, self._answer, WSGIServer, _Silent)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return cast(Iterable[bytes], self._metrics(environ, start_response))
        status, reason = "404 Not Found", "ask for /metrics, /healthz or /readyz"
        if path in ("/healthz", "/readyz"):
            reason = self._unready() if path == "/readyz" else ""
            status = "503 Service Unavailable" if reason else "200 OK"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{reason or 'ok'}\n".encode()]


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a probe every few seconds would fill the log."""
