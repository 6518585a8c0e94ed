"""Prometheus metrics of the kernel, and the HTTP server for metrics and health.

gRPC metrics have the names that existing dashboards expect.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from google.protobuf.descriptor import MethodDescriptor
from grpc import StatusCode
from prometheus_client import Counter, Gauge, Histogram, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

SERVICE_INFO = Gauge("kieng_service_info", "1 for the service that this process is.", ["service"])

_METHOD = ["grpc_type", "grpc_service", "grpc_method"]
_CODE = [*_METHOD, "grpc_code"]

GRPC_STARTED = Counter("grpc_server_started", "Calls that began.", _METHOD)
GRPC_HANDLED = Counter("grpc_server_handled", "Calls that ended, by status.", _CODE)
GRPC_SECONDS = Histogram("grpc_server_handling_seconds", "Time to answer a call.", _METHOD)
GRPC_RUNNING = Gauge("kieng_grpc_calls_running", "Calls that hold a worker thread now.")
GRPC_THREADS = Gauge("kieng_grpc_threads_limit", "Worker threads for calls; further calls wait.")
GRPC_STREAMS = Gauge("kieng_grpc_streams_running", "Streams that are open now; each has a thread.")
GRPC_STREAMS_LIMIT = Gauge("kieng_grpc_streams_limit", "Most open streams of this process.")
GRPC_WAITING = Gauge("kieng_grpc_calls_waiting", "Calls that wait for a worker thread.")

_CONSUMER = ["topic", "group"]
_PARTITION = [*_CONSUMER, "partition"]
M = TypeVar("M", Counter, Gauge)


def _of_consumer(kind: type[M], name: str, meaning: str, labels: Sequence[str] = _CONSUMER) -> M:
    return kind(f"kieng_consumer_{name}", meaning, labels)


RECORDS_HANDLED = _of_consumer(Counter, "records_handled", "Records that were handled.")
RECORDS_DEAD = _of_consumer(Counter, "records_dead_lettered", "Records that nobody could decode.")
OWNERSHIP_LOST = _of_consumer(Counter, "ownership_lost", "Batches lost to a newer epoch's owner.")
COMMIT_FAILURES = _of_consumer(Counter, "commit_failures", "Refused positions.", ["group"])
REBALANCES = _of_consumer(Counter, "rebalances", "Assignments of partitions.", ["group"])
POSITION = _of_consumer(Gauge, "next_offset", "Offset of the next record.", _PARTITION)
LAG_RECORDS = _of_consumer(Gauge, "lag_records", "Records not handled yet.", _PARTITION)
LAG_SECONDS = _of_consumer(Gauge, "lag_seconds", "Age of the oldest record not handled yet.")
LAST_PROGRESS = _of_consumer(Gauge, "last_progress_timestamp_seconds", "End of the last batch.")
MONGO_BUSY = Gauge("kieng_mongo_connections_busy", "Connections to the database in use.")
MONGO_LIMIT = Gauge("kieng_mongo_connections_limit", "Most connections; further uses wait.")


def show(gauge: Gauge, values: Mapping[tuple[Any, ...], float | None]) -> None:
    """Make a gauge show exactly these values and no others.

    Args:
        gauge: the gauge to set.
        values: values of the labels, in order -> value of the gauge; None if it is unknown, which
            removes it.
    """
    known = {tuple(map(str, labels)): v for labels, v in values.items() if v is not None}
    for labels, value in known.items():
        gauge.labels(*labels).set(value)
    for gone in gauge._metrics.keys() - known.keys():
        gauge.remove(*gone)


def preset_consumer(group: str, topics: Sequence[str]) -> None:
    """Create a consumer's counters with value 0, so that rates include the first record.

    Args:
        group: consumer group.
        topics: topics that the consumer reads.
    """
    for counter in (RECORDS_HANDLED, RECORDS_DEAD, OWNERSHIP_LOST):
        [counter.labels(topic, group) for topic in topics]
    COMMIT_FAILURES.labels(group), REBALANCES.labels(group)


def note_poll(group: str, topics: Sequence[str], polled: Mapping[Any, Sequence[Any]]) -> None:
    """Record the age of the oldest record that a consumer's poll returned; 0 if it returned none.

    Args:
        group: consumer group.
        topics: topics that the consumer reads.
        polled: partition -> records.
    """
    for topic in topics:
        firsts = [records[0].timestamp for at, records in polled.items() if at.topic == topic]
        age = time.time() - min(firsts) / 1000 if firsts else 0.0
        LAG_SECONDS.labels(topic, group).set(max(0.0, age))


def count_records(group: str, records: Sequence[Any], end: int) -> None:
    """Count handled records of one partition and record the position and lag after them.

    Args:
        group: consumer group.
        records: the records, in order; at least one.
        end: offset at which the partition ends.
    """
    last = records[-1]
    RECORDS_HANDLED.labels(last.topic, group).inc(len(records))
    POSITION.labels(last.topic, group, last.partition).set(last.offset + 1)
    LAG_RECORDS.labels(last.topic, group, last.partition).set(max(0, end - last.offset - 1))
    LAST_PROGRESS.labels(last.topic, group).set_to_current_time()


def forget_partitions(group: str, partitions: Iterable[Any]) -> None:
    """Remove the metrics of partitions that now belong to, and are reported by, other processes.

    Args:
        group: consumer group.
        partitions: (topic, partition number) of each.
    """
    for topic, number in partitions:
        POSITION.remove(topic, group, number)
        LAG_RECORDS.remove(topic, group, number)


def grpc_labels(method: MethodDescriptor) -> tuple[str, str, str]:
    """Return the values of an RPC's metric labels: kind of call, service and method.

    The kind is `unary`, `client_stream`, `server_stream` or `bidi_stream`; the service is its full
    name.
    """
    kinds = ("unary", "client_stream", "server_stream", "bidi_stream")
    kind = kinds[method.client_streaming + 2 * method.server_streaming]
    return kind, method.containing_service.full_name, method.name


def count_call(method: MethodDescriptor, code: str, seconds: float) -> None:
    """Count and time a call that has ended.

    Args:
        method: descriptor of the RPC.
        code: name of the call's gRPC status code.
        seconds: duration of the call.
    """
    labels = grpc_labels(method)
    GRPC_HANDLED.labels(*labels, code).inc()
    GRPC_SECONDS.labels(*labels).observe(seconds)


def preset_grpc(methods: Iterable[MethodDescriptor]) -> None:
    """Create the metrics of every RPC with value 0, so that rates include the first call."""
    for method in methods:
        labels = grpc_labels(method)
        GRPC_STARTED.labels(*labels), GRPC_SECONDS.labels(*labels)
        [GRPC_HANDLED.labels(*labels, code.name) for code in StatusCode]


def serve_http(host: str, port: int, checks: Mapping[str, Callable[[], str]]) -> WSGIServer:
    """Start to serve `/metrics`, `/healthz` (is it alive) and `/readyz` (does it work) over HTTP.

    Args:
        host: address to listen on.
        port: TCP port; 0 chooses a free one.
        checks: path -> function that returns what is wrong, which is answered with status 503;
            empty if all is well.

    Returns:
        The running server.
    """
    show_metrics = make_wsgi_app()

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return cast(Iterable[bytes], show_metrics(environ, start_response))
        status, reason = "404 Not Found", "ask for /metrics, /healthz or /readyz"
        if path in checks:
            reason = checks[path]()
            status = "503 Service Unavailable" if reason else "200 OK"
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{reason or 'ok'}\n".encode()]

    class Server(ThreadingWSGIServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    # Not by `start_wsgi_server`: until it is given `answer`, every path would be well.
    server = make_server(host, port, answer, Server, _SilentHandler)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return server


class _SilentHandler(WSGIRequestHandler):
    def log_message(self, *line: object) -> None:
        pass
