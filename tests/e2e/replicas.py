"""Second replicas of running services, and callers that never pause."""

from __future__ import annotations

import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from services.cli.admin.processes import environment_of
from services.cli.local.ports import free_ports
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

READY_SECONDS = 60.0


def answers(address: str, path: str = "/readyz") -> bool:
    """Whether a page of a process answers 200."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=2):
            return True
    except OSError:
        return False


@contextmanager
def replica(
    stack: RunningStack, name: str, log: Path
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A second process of a service, as a newer version starts beside the older; its address."""
    grpc_port, http_port = free_ports(2)
    ports = {"KIENG_GRPC_PORT": str(grpc_port), "KIENG_HTTP_PORT": str(http_port)}
    argv = (sys.executable, "-m", "services.kernel.runner", name)
    given = stack.stack.processes[name]
    environment = {**environment_of(given.pid), **given.settings, **ports}
    with log.open("wb") as file, subprocess.Popen(argv, env=environment, stdout=file) as process:
        try:
            there = f"127.0.0.1:{http_port}"
            wait_until(lambda: answers(there), READY_SECONDS, f"a second {name} is ready")
            yield f"127.0.0.1:{grpc_port}", process
        finally:
            process.kill()


class Load:
    """Threads that make one call after the other, and what became of the calls."""

    def __init__(self) -> None:
        self.done = 0
        self.failed: list[str] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, call: Callable[[], object]) -> None:
        """Call from one more thread, over and over."""

        def loop() -> None:
            while not self._stop.is_set():
                try:
                    call()
                except grpc.RpcError as error:
                    with self._lock:
                        self.failed.append(f"{error.code()}: {error.details()}")
                else:
                    with self._lock:
                        self.done += 1

        thread = threading.Thread(target=loop, daemon=True)
        self._threads.append(thread)
        thread.start()

    def at_least(self, more: int) -> None:
        """Wait until so many further calls have succeeded."""
        wanted = self.done + more
        wait_until(lambda: self.done >= wanted, READY_SECONDS, f"{more} further calls")

    def stop(self) -> None:
        """End all threads after their present call."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def loading() -> Iterator[Load]:
    load = Load()
    with ExitStack() as stack:
        stack.callback(load.stop)
        yield load
