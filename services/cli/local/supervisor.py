"""Watches the processes of a stack while it is in use, and restarts those that die."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from services.cli.errors import DOWN, Failure
from services.cli.local.child_process import POLL_SECONDS, Child, Death
from services.cli.local.database_recovery import DatabaseRecovery
from services.cli.local.restart_policy import RestartPolicy
from services.cli.local.stack_processes import Launch


class Interrupted(BaseException):
    """Raised in the main thread when Ctrl-C or SIGTERM asks the stack to stop."""


class Task:
    """Runs a function on a thread of its own; `is_done` raises its error in the caller's thread."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the function on its thread."""
        self._thread.start()

    def join(self) -> None:
        """Wait until the function has ended; its error is not raised."""
        self._thread.join()

    def is_done(self) -> bool:
        """Return True if the function has returned, False while it runs.

        Raises:
            Exception: the error that the function raised.
        """
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error


def interrupt_on_signals() -> None:
    """Make Ctrl-C and SIGTERM raise `Interrupted` in the main thread."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        raise Interrupted

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)


def keep(launch: Launch, work: Callable[[], None], *, stay: bool) -> None:
    """Run ``work`` on another thread, and restart services that die in the meantime.

    Call it from the main thread, because Linux kills children when the thread that started them
    ends.

    Args:
        launch: the running stack.
        work: what to do with the stack.
        stay: whether to go on watching after the work, until a signal arrives.

    Raises:
        Failure: the work failed, or a process cannot be kept running.
        Interrupted: Ctrl-C or SIGTERM arrived.
    """
    policies = {child.name: RestartPolicy() for child in launch.services}
    due: dict[str, float] = {}
    pause = threading.Event()
    task, recovery = Task(work), DatabaseRecovery(launch)
    task.start()
    recovery.start()
    try:
        while not task.is_done() or stay:
            _check_parts(launch)
            # With a broken database, services would die repeatedly until we give up on them.
            if recovery.is_well():
                for child in launch.services:
                    _check_service(launch, child, policies[child.name], due)
            pause.wait(POLL_SECONDS)
    finally:
        recovery.stop()


def _check_parts(launch: Launch) -> None:
    for part in launch.parts:
        if death := part.death():
            _announce(launch, death)
            key = "up.broker_died" if part.name == "broker" else "up.database_died"
            raise Failure(launch.screen.text(key), DOWN)


def _check_service(
    launch: Launch, child: Child, policy: RestartPolicy, due: dict[str, float]
) -> None:
    death = child.death()
    if death is None:
        return
    now = time.monotonic()
    if child.name not in due:
        _announce(launch, death)
        seconds = policy.pause(now)
        if seconds is None:
            text = launch.screen.text("up.gave_up", name=child.name, log=child.log_path)
            raise Failure(text, DOWN)
        launch.screen.say("up.restarting", "yellow", name=child.name, seconds=f"{seconds:g}")
        due[child.name] = now + seconds
    elif now >= due[child.name]:
        del due[child.name]
        child.start()
        launch.restarted(child)
        launch.screen.say("up.restarted", "yellow", name=child.name, pid=child.pid)


def _announce(launch: Launch, death: Death) -> None:
    launch.screen.say("up.died", "bold red", name=death.name, code=death.returncode)
    launch.screen.messages.print(death.tail, style="red", soft_wrap=True)
