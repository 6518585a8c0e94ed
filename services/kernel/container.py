"""nameko's container, changed so that every worker runs on a native thread.

nameko provides the service class, the injection and the lifecycle, but its workers are greenlets,
which cannot share a process with grpcio (ADR 0001). Here an entrypoint calls
`NativeContainer.worker` on whichever native thread it runs. The order within a worker is nameko's:
inject, setup, method, result, teardown. The eventlet hub runs only while the container starts and
stops.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import structlog
from nameko.containers import ServiceContainer, WorkerContext
from nameko.extensions import DependencyProvider, Entrypoint

from services.kernel.bell import Bell
from services.kernel.config import KernelSettings
from services.kernel.quietness import RUNG_SECONDS, Quietness

log = structlog.get_logger()

LOOP_SECONDS_MAX = 15.0


class NativeContainer(ServiceContainer):
    """The nameko container of one service class in this process.

    ``is_up`` is True once everything has started; nameko's ``started`` is, too, while it starts.
    ``finished`` is set when the process has to stop; ``failure`` is the error that caused it, if
    any.

    Args:
        service_cls: nameko service class.
        settings: settings of the service, for its extensions.
    """

    def __init__(self, service_cls: type, settings: KernelSettings) -> None:
        super().__init__(service_cls, {})
        self.settings = settings
        self.is_up = False
        self.finished = threading.Event()
        self.failure: BaseException | None = None

    @contextmanager
    def worker(self, entrypoint: Entrypoint, **data: Any) -> Iterator[Callable[..., Any]]:
        """Create a worker, i.e. an instance of the service with its dependencies; yield its method.

        The worker ends with the block.

        Args:
            entrypoint: the entrypoint that fires; determines which method of the service is
                yielded.
            **data: becomes ``worker_ctx.data``, which dependency providers can read.
        """
        service = self.service_cls()
        context = WorkerContext(self, service, entrypoint, data=data)
        self._inject_dependencies(context)
        self._worker_setup(context)
        try:
            yield getattr(service, entrypoint.method_name)
        finally:
            self._worker_result(context, None, sys.exc_info() if sys.exc_info()[0] else None)
            self._worker_teardown(context)

    def start(self) -> None:
        """Start all extensions; returns when each of them has started."""
        super().start()
        self.is_up = True

    def stop(self) -> None:
        """Stop all entrypoints in parallel, then the dependency providers that they used.

        Blocks until each has finished its work or has given up waiting for it.
        """
        # nameko would stop them one after another, and each may take seconds to finish its work.
        self.finished.set()
        with ThreadPoolExecutor(max(1, len(self.entrypoints))) as pool:
            list(pool.map(lambda entrypoint: entrypoint.stop(), self.entrypoints))
        super().stop()

    def fail(self, error: BaseException) -> None:
        """Log an unknown error and request that the process stops; returns at once.

        ``failure`` keeps the first error only. May be called from any thread.
        """
        log.critical("stopping because of an unknown error", exc_info=error)
        self.failure = self.failure or error
        self.finished.set()


class Looping(Entrypoint):
    """An entrypoint with its own native thread, on which it runs the ``loop`` of the subclass.

    An error that the loop raises stops the process. A loop pauses by waiting for ``wake``, which is
    set when the loop has to stop, and when the `Bell` is rung for one of the names ``rung_for``.
    """

    bell = Bell()
    rung_for: Collection[str] = ()

    def __init__(self, **kwargs: Any) -> None:
        self.wake = threading.Event()
        super().__init__(**kwargs)

    def setup(self) -> None:
        """Create the thread on which the loop will run; nameko calls this before `start`."""
        self.bell.listen(self.wake, self.rung_for)
        self.stopping = threading.Event()
        name = f"{type(self).__name__}-{self.method_name}".lower()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the loop on its thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the loop to stop after its current step, and wait for at most `LOOP_SECONDS_MAX`.

        A loop that takes longer is left running; its thread ends with the process.
        """
        self.stopping.set()
        self.wake.set()
        if self._thread.is_alive():
            self._thread.join(LOOP_SECONDS_MAX)

    loop: Any
    """Runs until ``self.stopping`` is set; implemented by the subclass."""

    def _run(self) -> None:
        try:
            self.loop()
        except Exception as error:
            self.container.fail(error)


class Repeat(Looping):
    """Runs a method repeatedly on its own thread: when a `Waker` wakes it, and once per interval.

    If the method returns a number, it runs again after at most so many seconds instead: after 0
    without a pause. Runs do not overlap. An error stops the process.

    Args:
        interval_seconds: longest pause between two runs.
    """

    def __init__(self, interval_seconds: float, **kwargs: Any) -> None:
        self.interval_seconds = interval_seconds
        super().__init__(**kwargs)

    def loop(self) -> None:
        """Run the method whenever woken or when the interval has passed, until stopped.

        The first run begins at once.
        """
        while not self.stopping.is_set():
            self.wake.clear()
            with self.container.worker(self) as method:
                seconds = method()
            self.wake.wait(self.interval_seconds if seconds is None else seconds)


repeat = Repeat.decorator


class Poll(Repeat):
    """Repeats a method that looks for news, e.g. new rows, and returns whether it found any.

    It pauses after every run, and for longer once no run has found anything for
    `QUIET_AFTER_SECONDS`. Only that longer pause is ended early by a ring of the `Bell`, so runs
    that ring themselves, or a writer that rings all the time, do not make it run without a pause.

    Args:
        interval_seconds: pause between two runs, unless times are quiet.
        quiet_seconds: pause between two runs in quiet times.
        rung_for: names for which the bell is rung when there is news. If there is a bell, the pause
            in quiet times is then `RUNG_SECONDS`.
    """

    def __init__(
        self,
        interval_seconds: float,
        quiet_seconds: float,
        rung_for: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        self.quiet_seconds = quiet_seconds
        self.quietness = Quietness()
        super().__init__(interval_seconds, **kwargs)
        self.rung_for = rung_for

    def setup(self) -> None:
        """Create the thread, and choose the pause in quiet times."""
        super().setup()
        if self.rung_for and self.bell.folder:
            self.quiet_seconds = RUNG_SECONDS

    def loop(self) -> None:
        """Run the method whenever the pause is over, until stopped."""
        while not self.stopping.is_set():
            self.wake.clear()
            with self.container.worker(self) as method:
                self.quietness.note(bool(method()))
            if self.quietness.is_quiet:
                self.quietness.note(self.wake.wait(self.quiet_seconds))
            else:
                self.stopping.wait(self.interval_seconds)


poll = Poll.decorator


class Waker(DependencyProvider):
    """Injects a function that makes a `repeat` method of the same service run soon.

    The function may be called from any thread.

    Args:
        method_name: name of the method to wake.
    """

    def __init__(self, method_name: str = "") -> None:
        self.woken = method_name

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], None]:
        """Return the function that wakes the method; it returns at once.

        If the method is running, it runs once more after that. Several calls before a run cause one
        run.
        """
        wakes = (e.wake for e in self.container.entrypoints if e.method_name == self.woken)
        return cast(Callable[[], None], next(wakes).set)
