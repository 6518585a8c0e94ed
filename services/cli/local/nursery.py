"""Forks the services of a local stack from one process that has imported what all of them need.

Importing costs each service a second of processor time, mostly for the same libraries. So one
process, the nursery, imports them once, and each service is a fork of it, which shares their
memory. The nursery itself is a fork of the command, which has imported most of them for itself,
unless that would not be safe; then it is a process of its own (ADR 0059).

Each service is forked twice, so that it becomes a child of the supervisor, like any program that
the supervisor starts, and not of the nursery. So the nursery is needed only while services start,
and the supervisor watches and stops services as usual. In `/proc` a service has the command line
and the environment of the process from which all were forked, but its own name.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import os
import pkgutil
import re
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from services.cli.local.child_process import ChildFailed, log_end
from services.cli.local.forked import Forked
from services.cli.local.tether import run_tethered

FORK_SECONDS_MAX = 60.0
"""Time that the nursery has to import everything and to fork a service."""
MODULE = "services.cli.local.nursery"
LIBRARIES = ("mongoengine",)
PACKAGES = (
    "services.kernel",
    "services.agreement",
    "services.policy",
    "services.refusals",
    "services.kpi.domain",
    "services.kpi.wire",
)
"""Packages of which several services import most modules. None of them defines metrics, which would
be added to those that every fork exports.
"""
SET_DEATH_SIGNAL, SET_SUBREAPER = 1, 36


class Nursery:
    """The supervisor's side of the nursery: a context manager, in whose block services are forked.

    Enter it in a thread that outlives the services, because Linux kills them with that thread.

    Args:
        env: environment of the nursery. A service gets its own.
        log_path: file to which the nursery writes why it failed.
    """

    def __init__(self, env: Mapping[str, str], log_path: Path) -> None:
        self._env = env
        self._log_path = log_path

    def __enter__(self) -> Self:
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        # Our parent may have ignored this signal, which we and the nursery would inherit. Then no
        # exit code could be read.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _prctl(SET_SUBREAPER, 1)
        ours, theirs = socket.socketpair()
        with theirs:
            start = _fork_here if _can_fork_here(self._env) else _start_anew
            self._pid, self._end = start(theirs.fileno(), self._env, self._log_path)
        self._line = Connection(ours.detach())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.close()
        self._end()
        # A process that is orphaned later is not one of our services.
        _prctl(SET_SUBREAPER, 0)

    @property
    def pid(self) -> int:
        """The process id of the nursery; known only within the block."""
        return self._pid

    def fork(self, argv: Sequence[str], env: Mapping[str, str] | None, log_path: Path) -> Forked:
        """Start `python -m services.kernel.runner NAME` as a fork, and return the running fork.

        Args:
            argv: that command line; only its last word is used.
            env: all variables of the process; None for those of this process.
            log_path: file to which its output is appended.

        Raises:
            ChildFailed: the nursery died or did not answer in time.
            OSError: the log file cannot be written.
        """
        # Opened here, because a fork could report a failure only to the log of the nursery.
        log_path.open("ab").close()
        try:
            self._line.send((argv[-1], dict(os.environ if env is None else env), str(log_path)))
            if self._line.poll(FORK_SECONDS_MAX):
                return Forked(self._line.recv())
            reason = f"no answer after {FORK_SECONDS_MAX:g} s"
        except (EOFError, OSError) as error:
            reason = str(error) or "it has ended"
        text = f"{argv[-1]} cannot be forked: {reason}\n{log_end(self._log_path)}"
        raise ChildFailed(text.rstrip())


def _can_fork_here(env: Mapping[str, str]) -> bool:
    """Return whether a fork of this process is a nursery with this environment.

    Not beside other threads, whose locks would stay locked for ever; and not if a service has been
    imported here, because every fork would export its metrics. A key of which the environment was
    freed would stay in `/proc`.
    """
    metrics = (name for name in sys.modules if re.fullmatch(r"services\.(?!kernel).*metrics", name))
    return dict(env) == dict(os.environ) and len(_threads()) == 1 and not any(metrics)


def _threads() -> list[str]:
    return os.listdir("/proc/self/task")


Started = tuple[int, Callable[[], None]]
"""The process id of a nursery, and a function that kills it."""


def _start_anew(line: int, env: Mapping[str, str], log_path: Path) -> Started:
    process = run_tethered((sys.executable, "-m", MODULE), env, log_path, stdin=line)

    def end() -> None:
        process.kill()
        process.wait()

    return process.pid, end


def _fork_here(line: int, env: Mapping[str, str], log_path: Path) -> Started:
    # Not by `os.fork`: what goes wrong in the child must not end in the frames of the command.
    process = get_context("fork").Process(
        target=_nurse_fork, args=(os.getpid(), line, log_path), name="nursery", daemon=True
    )
    process.start()

    def end() -> None:
        process.kill()
        process.join()

    return process.pid or 0, end


def _nurse_fork(supervisor: int, line: int, log_path: Path) -> None:
    """Be a nursery that knows nothing of the command: no handlers, no files, no terminal."""
    _detach(supervisor)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The lock of the data folder, for one, must be free when the command has ended.
    os.closerange(3, line)
    os.closerange(line + 1, os.sysconf("SC_OPEN_MAX"))
    _redirect(log_path)
    nurse(Connection(line))


def main() -> None:
    """Be the nursery of the supervisor at the other end of standard input."""
    nurse(Connection(os.dup(0)))


def nurse(line: Connection[Any, Any]) -> None:
    """Import what services share, then fork one per request until the supervisor hangs up.

    Raises:
        SystemExit: an import has left a thread, so that forks are not safe; or a fork has ended.
    """
    gc.disable()
    found = map(importlib.import_module, PACKAGES)
    within = (pkgutil.iter_modules(each.__path__, f"{each.__name__}.") for each in found)
    for name in (*LIBRARIES, *(module.name for modules in within for module in modules)):
        importlib.import_module(name)
    if len(threads := _threads()) > 1:
        # Locks that another thread holds would stay locked in every fork for ever.
        raise SystemExit(f"{len(threads)} threads after the imports: not safe to fork")
    # Collections would write into, and so copy, all pages that forks share.
    gc.freeze()
    serve(line)


def serve(line: Connection[Any, Any]) -> None:
    """Fork a service for each request from the supervisor; return when the supervisor hangs up.

    A request is the name of a service, its environment and its log file; the answer, which the fork
    sends, is its process id.
    """
    supervisor = os.getppid()
    while True:
        try:
            request = line.recv()
        except EOFError:
            return
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            if os.fork():
                os._exit(0)
            os.close(writing)
            # Wait until the process in between is reaped, and this one is the supervisor's child.
            os.read(reading, 1)
            os.close(reading)
            _become(supervisor, line, *request)
        os.close(reading)
        os.waitpid(between, 0)
        os.close(writing)


def _become(
    supervisor: int, line: Connection[Any, Any], name: str, env: dict[str, str], log: str
) -> None:
    """Turn this fork into the process of a service, and exit when the service ends."""
    _detach(supervisor)
    line.send(os.getpid())
    line.close()
    _redirect(Path(log))
    Path("/proc/self/comm").write_text(name)
    os.environ.clear()
    os.environ.update(env)
    runner = importlib.import_module("services.kernel.runner")
    sys.argv = [str(runner.__file__), name]
    # `services.cli` has made collections rare, for commands.
    gc.set_threshold(700, 10, 10)
    gc.enable()
    try:
        raise SystemExit(runner.run(name))
    finally:
        # E.g. to send the last spans; a fork of the command does not run them by itself.
        atexit._run_exitfuncs()


def _detach(supervisor: int) -> None:
    """Put this fork into a session of its own, and let Linux kill it with the supervisor."""
    os.setsid()
    _prctl(SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != supervisor:
        os._exit(1)


def _redirect(log_path: Path) -> None:
    """Let this fork read nothing and append its output to a file."""
    nowhere = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for target, source in enumerate((nowhere, output, output)):
        os.dup2(source, target)
    os.close(nowhere)
    os.close(output)


def _prctl(option: int, value: int) -> None:
    """Set an attribute of this process (Linux).

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value})")


if __name__ == "__main__":
    main()
