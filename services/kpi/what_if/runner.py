"""Runs comparisons with other catalogues in subprocesses, one at a time."""

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
    """Injects itself. Thread-safe."""

    def setup(self) -> None:
        """Prepare; a subprocess is started for each comparison."""
        self._one = OneAtATime("comparison")

    def get_dependency(self, worker_ctx: WorkerContext) -> WhatIfRunner:
        """Return the runner."""
        return self

    def run(self, request: Message, is_wanted: Callable[[], bool]) -> Iterator[Response]:
        """Yield what the subprocess sends; it is killed when nobody listens any more.

        Args:
            request: what is compared, see `worker.encode_request`.
            is_wanted: whether anybody still listens.

        Raises:
            Exhausted: another comparison runs in this process; repeat later.
            Unavailable: the subprocess died, or the log cannot be read.
        """
        settings = self.container.settings
        with (
            self._one.admitted(),
            closing(run(MODULE, settings, request, is_wanted)) as messages,
        ):
            for message in messages:
                yield Response.FromString(message.attached[0])
