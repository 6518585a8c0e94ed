"""Runs what-if comparisons of catalogues in subprocesses, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from kieng.kpi.v1 import catalogue_service_pb2
from services.kpi.process import Message, OneAtATime, run

MODULE = "services.kpi.what_if.worker"
Response = catalogue_service_pb2.TryCatalogueResponse


class WhatIfRunner(DependencyProvider):
    """Runs what-if subprocesses; injects itself. Thread-safe."""

    def setup(self) -> None:
        """Create the runner; a subprocess is started for each what-if."""
        self._one = OneAtATime("comparison")

    def get_dependency(self, worker_ctx: WorkerContext) -> WhatIfRunner:
        """Return the what-if runner."""
        return self

    def run(self, request: Message, is_wanted: Callable[[], bool]) -> Iterator[Response]:
        """Yield the messages of a what-if subprocess; it is killed when the caller has left.

        Args:
            request: the comparison, see `worker.encode_request`.
            is_wanted: returns False when the caller has left.

        Raises:
            Exhausted: another what-if runs in this process; repeat later.
            Unavailable: the subprocess crashed, or the log cannot be read.
        """
        settings = self.container.settings
        with (
            self._one.admitted(),
            closing(run(MODULE, settings, request, is_wanted)) as messages,
        ):
            for message in messages:
                yield Response.FromString(message.attached[0])
