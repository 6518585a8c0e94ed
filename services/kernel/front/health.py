"""The standard gRPC health service, answered beside the workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc as grpcio
from grpc_health.v1 import health_pb2

Response = health_pb2.HealthCheckResponse
LOOK_SECONDS = 1.0


class Health:
    """Health of all services of this process, which are well or unwell together. Thread-safe.

    Args:
        names: full names of the gRPC services; the empty name is that of the process.
        trouble: returns why calls would not be answered now; empty if they are.
        stopping: set when the process drains.
    """

    def __init__(
        self, names: list[str], trouble: Callable[[], str], stopping: threading.Event
    ) -> None:
        self._names, self._trouble, self._stopping = {*names, ""}, trouble, stopping

    def check(self, request: Any, context: Any) -> Response:
        """Health/Check; never waits."""
        if request.service not in self._names:
            context.abort(grpcio.StatusCode.NOT_FOUND, "no such service")
        return Response(status=self._status())

    def watch(self, request: Any, context: Any) -> Iterator[Response]:
        """Health/Watch: the status, and every other one after it."""
        is_known, sent = request.service in self._names, None
        while context.is_active():
            # Looked at first, so that the last status is sent before the stream ends.
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
