"""Restarts the embedded database after an internal failure.

After its disk was full, the database answers but refuses every request until it is restarted and
replays its journal.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable

from services.cli.admin import probes
from services.cli.errors import DOWN, Failure
from services.cli.local import embedded
from services.cli.local.child_process import ChildFailed
from services.cli.local.restart_policy import RestartPolicy
from services.cli.local.stack_processes import Launch

PROBE_SECONDS = 2.0
STOP_SECONDS = 5.0
ROOM_BYTES = 32 << 20
"""Free space that replaying the journal may need; with less, the next start would fail, too."""


class DatabaseRecovery:
    """Probes the database on a thread of its own; `is_well`, on the main thread, restarts it.

    Args:
        launch: the running stack; an external database is neither probed nor restarted.
        broken: given the URI of a database, returns its internal error; empty if it has none.
        room: returns the free bytes on the disk of the stack.
    """

    def __init__(
        self,
        launch: Launch,
        broken: Callable[[str], str] = probes.database_broken,
        room: Callable[[Launch], int] = lambda launch: shutil.disk_usage(launch.plan.data).free,
    ) -> None:
        self._launch, self._broken, self._room = launch, broken, room
        self._part = next((part for part in launch.parts if part.name == "database"), None)
        self._policy = RestartPolicy()
        self._reason = ""
        self._is_announced = False
        self._due = 0.0
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start probing the database in the background; do nothing if it is external."""
        if self._part is not None:
            threading.Thread(target=self._ask, daemon=True).start()

    def stop(self) -> None:
        """End the probing in the background; the database goes on running."""
        self._stopping.set()

    def is_well(self) -> bool:
        """Return True if the database is healthy, after restarting it if necessary.

        A broken one is restarted after a pause that grows with each failure, and only when the disk
        has room. Until then this returns False at once, so call it regularly.

        Raises:
            Failure: the database has failed too often, or is not ready after the restart.
        """
        if not self._reason:
            return True
        if not self._is_announced:
            self._announce()
        if self._room(self._launch) < ROOM_BYTES or time.monotonic() < self._due:
            return False
        self._start_again()
        return True

    def _announce(self) -> None:
        screen, folder = self._launch.screen, self._launch.plan.data
        screen.say("up.database_broken", "bold red", reason=self._reason)
        seconds = self._policy.pause(time.monotonic())
        if seconds is None:
            raise Failure(screen.text("up.database_gave_up"), DOWN)
        if self._room(self._launch) < ROOM_BYTES:
            screen.say("up.no_room", "bold red", folder=folder, room=ROOM_BYTES >> 20)
        self._due = time.monotonic() + seconds
        self._is_announced = True

    def _start_again(self) -> None:
        assert self._part is not None
        launch, database = self._launch, self._part
        database.stop(STOP_SECONDS)
        database.start()
        try:
            database.wait_until_ready(
                lambda: probes.mongo_unready(launch.stack.mongo), embedded.DATABASE_READY_SECONDS
            )
        except ChildFailed as error:
            raise Failure(f"{launch.screen.text('up.database_gave_up')}\n{error}", DOWN) from error
        launch.restarted(database)
        launch.screen.say("up.restarted", "yellow", name=database.name, pid=database.pid)
        self._is_announced, self._reason = False, ""

    def _ask(self) -> None:
        while not self._stopping.wait(PROBE_SECONDS):
            # A result from before the restart must not be reported after it.
            if not self._reason:
                self._reason = self._broken(self._launch.stack.mongo)
