"""The standard gRPC health service, answered without occupying a worker thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc as grpcio
from grpc_health.v1 import health_pb2

Response = health_pb2.HealthCheckResponse
LOOK_SECONDS = 1.0


class Health:
    """Health of the services of this process, which all have the same status. Thread-safe.

    Args:
        names: full names of the gRPC services; the empty name means the whole process.
        trouble: returns why calls would not be answered now; empty if they would be.
        stopping: set while the process drains.
    """

    def __init__(
        self, names: list[str], trouble: Callable[[], str], stopping: threading.Event
    ) -> None:
        self._names, self._trouble, self._stopping = {*names, ""}, trouble, stopping

    def check(self, request: Any, context: Any) -> Response:
        """Answer Health/Check for `request.service`: SERVING, or NOT_SERVING in trouble or on stop.

        An unknown service ends the call with NOT_FOUND. Never blocks.
        """
        if request.service not in self._names:
            context.abort(grpcio.StatusCode.NOT_FOUND, "no such service")
        return Response(status=self._status())

    def watch(self, request: Any, context: Any) -> Iterator[Response]:
        """Answer Health/Watch: yield the current status, then each change until the process stops.

        On stop NOT_SERVING is sent before the stream ends. An unknown service has the status
        SERVICE_UNKNOWN throughout.
        """
        is_known, sent = request.service in self._names, None
        while context.is_active():
            # Read before the status, so that NOT_SERVING is sent before the stream ends.
            is_last = self._stopping.is_set()
            status = self._status() if is_known else Response.SERVICE_UNKNOWN
            if status != sent:
                sent = status
                yield Response(status=status)
            if is_last:
                return
            self._stopping.wait(LOOK_SECONDS)

    def _status(self) -> Any:
        is_well = not self._stopping.is_set() and not self._trouble()
        return Response.SERVING if is_well else Response.NOT_SERVING
