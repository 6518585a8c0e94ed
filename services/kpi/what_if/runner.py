"""Runs comparisons with other catalogues in child processes, one at a time."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

from google.protobuf.json_format import Parse
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from kieng.kpi.v1 import catalogue_service_pb2
from services.kernel.errors import Exhausted, Unavailable
from services.kpi.process import environment

Response = catalogue_service_pb2.TryCatalogueResponse


class Trials(DependencyProvider):
    """Injects itself. Thread-safe."""

    def setup(self) -> None:
        """Prepare; a process is started for each trial."""
        self._busy = threading.Lock()

    def get_dependency(self, worker_ctx: WorkerContext) -> Trials:
        """Return the runner."""
        return self

    def run(self, wish: str, is_wanted: Callable[[], bool]) -> Iterator[Response]:
        """Yield what the child says, see `trying`; it is ended when nobody listens any more.

        Raises:
            Exhausted: another trial runs in this process; repeat later.
            Unavailable: the child died, e.g. because the log cannot be read.
        """
        if not self._busy.acquire(blocking=False):
            raise Exhausted("another comparison runs in this process; repeat when it is done")
        try:
            yield from self._child(wish, is_wanted)
        finally:
            self._busy.release()

    def _child(self, wish: str, is_wanted: Callable[[], bool]) -> Iterator[Response]:
        child = subprocess.Popen(
            [sys.executable, "-m", "services.kpi.what_if.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(self.container.settings),
        )
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(wish)
            child.stdin.close()
            for line in child.stdout:
                if not is_wanted():
                    return
                response = Parse(line, Response())
                yield response
                if response.HasField("result"):
                    return
            raise Unavailable("the comparison died; repeat, and look into the log if it stays")
        except BrokenPipeError as error:
            raise Unavailable("the comparison died; repeat") from error
        finally:
            child.kill()
            child.stdout.close()
            child.wait()
