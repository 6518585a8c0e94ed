"""Runs what-ifs, i.e. comparisons of another catalogue with the live one, in subprocesses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from kieng.kpi.v1 import catalogue_service_pb2
from services.kpi.process import Message, run
from services.kpi.slot import OneAtATime

MODULE = "services.kpi.what_if.worker"
Response = catalogue_service_pb2.TryCatalogueResponse


class WhatIfRunner(DependencyProvider):
    """Runs what-ifs one at a time; injects itself. Thread-safe."""

    def setup(self) -> None:
        """Create the runner; each what-if starts its own subprocess."""
        self._one = OneAtATime("comparison")

    def get_dependency(self, worker_ctx: WorkerContext) -> WhatIfRunner:
        """Return this provider itself; every worker gets the same one."""
        return self

    def run(self, request: Message, is_wanted: Callable[[], bool]) -> Iterator[Response]:
        """Run a what-if in a subprocess and yield its responses.

        Args:
            request: the comparison, see `worker.encode_request`.
            is_wanted: returns False once the caller has left; the subprocess is then killed.

        Raises:
            Exhausted: another what-if is running in this process; retry later.
            Unavailable: the subprocess crashed, or the log cannot be read.
        """
        settings = self.container.settings
        with (
            self._one.admitted(),
            closing(run(MODULE, settings, request, is_wanted)) as messages,
        ):
            for message in messages:
                yield Response.FromString(message.attached[0])
