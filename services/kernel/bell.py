"""Wakes other processes of the same machine when there is news, so that they look for it rarely.

In a folder, each process that waits for news has a named pipe. A process with news writes the names
of what is new into all pipes. Because a ring may be missed, a process still looks for news now and
then. Without a folder, e.g. on several machines, there are no rings, and each process looks often.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, SharedExtension

PIPE = ".bell"
READ_BYTES = 65_536


class Bell(SharedExtension):
    """The process's end of the bell. Thread-safe; does nothing if no folder is set."""

    def __init__(self) -> None:
        self._waiting: list[tuple[threading.Event, frozenset[str]]] = []
        self._pipe: Path | None = None
        self._fd = -1

    @property
    def folder(self) -> Path | None:
        """The folder of the pipes; None if processes do not wake each other, as in no container."""
        folder: Path | None = self.container.settings.bell_folder if self.is_bound() else None
        return folder

    def listen(self, event: threading.Event, names: Collection[str]) -> None:
        """Set an event whenever another process, or this one, rings for one of these names.

        Call it before the container starts its extensions, i.e. in `setup`. Without names it does
        nothing.
        """
        if names:
            self._waiting.append((event, frozenset(names)))

    def start(self) -> None:
        """Create the pipe of this process and wait for rings, if anything listens.

        Raises:
            OSError: the folder cannot be written.
        """
        if self.folder is None or not self._waiting or self._pipe is not None:
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A ring removes a pipe that no process reads, so it gets its name once it is open. In this
        # folder a process of this number may have died.
        unopened = self.folder / f"{os.getpid()}.new"
        unopened.unlink(missing_ok=True)
        os.mkfifo(unopened, 0o600)
        # Open for writing, too, so that reading waits while no other process has the pipe open.
        self._fd = os.open(unopened, os.O_RDWR)
        self._pipe = unopened.rename(self.folder / f"{os.getpid()}{PIPE}")
        threading.Thread(target=self._hear, name="bell", daemon=True).start()

    def stop(self) -> None:
        """Remove the pipe of this process; a later ring does not reach it."""
        if self._pipe is not None:
            self._pipe.unlink(missing_ok=True)

    def ring(self, *names: str) -> None:
        """Wake each process that listens for one of these names; return at once and never fail."""
        if self.folder is None:
            return
        # So few bytes are written in one piece; two rings are not mixed up.
        said = "".join(f"{name}\n" for name in names).encode()
        with suppress(OSError), os.scandir(self.folder) as pipes:
            for entry in pipes:
                if entry.name.endswith(PIPE):
                    _write(entry.path, said)

    def _hear(self) -> None:
        while said := os.read(self._fd, READ_BYTES):
            heard = frozenset(said.decode(errors="replace").split("\n"))
            for event, names in self._waiting:
                if names & heard:
                    event.set()


class Ringer(DependencyProvider):
    """Injects the function `Bell.ring`."""

    bell = Bell()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[..., None]:
        """Return the function that wakes the listeners; every worker gets the same one."""
        return self.bell.ring


def _write(path: str, said: bytes) -> None:
    try:
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        # No process reads it: the one that did was killed.
        if error.errno == errno.ENXIO:
            with suppress(OSError):
                os.unlink(path)
        return
    # A full pipe has rings that are not heard yet, and one more adds nothing.
    with suppress(OSError):
        os.write(pipe, said)
    os.close(pipe)
