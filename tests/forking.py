"""Processes of tests that are forked with everything imported.

A process imports for a second and often works for a fraction of it. So one process imports, and
others are forks of it. That they start by themselves, too, is shown by the tests that let them.
"""

from __future__ import annotations

import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from multiprocessing import get_context
from multiprocessing.context import ForkContext, ForkServerContext
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

import services.cli

WORKERS = (
    *("services.kpi.rebuild.oracle_check", "services.kpi.rebuild.shard_worker"),
    *("services.kpi.rebuild.worker", "services.kpi.replay.worker", "services.kpi.what_if.worker"),
)
"""The subprocesses of the KPI service."""
COMMANDS = tuple(
    module.name
    for module in pkgutil.walk_packages(services.cli.__path__, "services.cli.")
    if not module.ispkg
)
"""Every module of the command line, which imports a command only when it runs."""
IMPORTED = (
    *COMMANDS,
    *WORKERS,
    # What some import when they run.
    *("services.kpi.oracle.recompute", "services.kpi.offline.definition_check"),
    *("services.kpi.offline.verification", "services.kernel.runner"),
    *("google.protobuf.json_format", "rich.progress", "rich.table", "rich.traceback"),
    *("grpc._channel", "tests.e2e.forked"),
)
FORKING = get_context("forkserver")
FORKING.set_forkserver_preload(["tests.imported"])


COMPLETED_SECONDS_MAX = 60.0


class ForkedModule:
    """`python -m MODULE` between two pipes, as far as `subprocess.Popen` is used for it.

    Args:
        module: one of WORKERS.
        environment: all variables of the process.
    """

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        asked, asks = os.pipe()
        says, said = os.pipe()
        given = (module, {**environment}, DupFd(asked), DupFd(said))
        self._process = FORKING.Process(target=_run, args=given, name=module)
        self._process.start()
        os.close(asked)
        os.close(said)
        self.pid = self._process.pid
        self.stdin: IO[bytes] = os.fdopen(asks, "wb")
        self.stdout: IO[bytes] = os.fdopen(says, "rb")
        self._ended = threading.Event()
        threading.Thread(target=self._reap, name="reap-fork", daemon=True).start()

    def _reap(self) -> None:
        self._process.join()
        self._ended.set()

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        return self._process.exitcode if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, when it has ended."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.pid is not None and not self._ended.is_set():
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()


def completed(
    module: str,
    *arguments: str,
    environment: Mapping[str, str],
    given: bytes = b"",
    context: ForkContext | ForkServerContext = FORKING,
) -> subprocess.CompletedProcess[bytes]:
    """`python -m MODULE ARGUMENTS` to its end, with what it printed.

    Args:
        module: any module; what it imports is imported already as far as IMPORTED needs it, too.
        arguments: its command-line arguments.
        environment: all variables of the process.
        given: its standard input.
        context: FORKING, or that of `fork` in a process that is a fork itself and has no threads.
    """
    with tempfile.TemporaryDirectory(prefix="forked-") as folder:
        paths = [Path(folder, name) for name in ("given", "printed", "said")]
        paths[0].write_bytes(given)
        process = context.Process(
            target=_complete, args=(module, arguments, {**environment}, paths), name=module
        )
        process.start()
        process.join(COMPLETED_SECONDS_MAX)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(module, COMPLETED_SECONDS_MAX)
        printed, said = (path.read_bytes() for path in paths[1:])
        return subprocess.CompletedProcess((module, *arguments), process.exitcode, printed, said)


def _complete(
    module: str, arguments: tuple[str, ...], environment: Mapping[str, str], paths: list[Path]
) -> None:
    given, *written = paths
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    outputs = [os.open(path, flags, 0o600) for path in written]
    _become(module, arguments, environment, [os.open(given, os.O_RDONLY), *outputs])


def _run(module: str, environment: Mapping[str, str], asked: Any, said: Any) -> None:
    _become(module, (), environment, [pipe.detach() for pipe in (asked, said)])


def _become(
    module: str, arguments: tuple[str, ...], environment: Mapping[str, str], files: list[int]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for number, file in enumerate(files):
        os.dup2(file, number)
    # As an interpreter has them: under both names, so that they stay open when one is replaced.
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.argv = [module, *arguments]
    sys.modules.pop(module, None)  # it is run as `__main__`; what it imports is there
    runpy.run_module(module, run_name="__main__", alter_sys=True)
