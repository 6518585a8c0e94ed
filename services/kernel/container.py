"""nameko's container with every worker on a native thread.

nameko provides the service class, the injection and the lifecycle. Its workers are greenlets, which
cannot share a process with grpcio (ADR 0001). Here an entrypoint calls `NativeContainer.worker`
on whatever native thread it has; the order is nameko's: inject, setup, method, result, teardown.
The eventlet hub runs only while the container starts and stops.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import structlog
from nameko.containers import ServiceContainer, WorkerContext
from nameko.extensions import DependencyProvider, Entrypoint

from services.kernel.config import KernelSettings
from services.kernel.quietness import Quietness

log = structlog.get_logger()

LOOP_SECONDS_MAX = 15.0


class NativeContainer(ServiceContainer):
    """The nameko container of one service class in this process.

    Args:
        service_cls: nameko service class.
        settings: settings of the service; extensions read them from here.
    """

    def __init__(self, service_cls: type, settings: KernelSettings) -> None:
        super().__init__(service_cls, {})
        self.settings = settings
        self.finished = threading.Event()
        self.failure: BaseException | None = None

    @contextmanager
    def worker(self, entrypoint: Entrypoint, **data: Any) -> Iterator[Callable[..., Any]]:
        """Create a worker and yield its method; the worker ends with the block.

        Args:
            entrypoint: the entrypoint that fires; names the method.
            **data: values for providers in ``worker_ctx.data``.
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

    def stop(self) -> None:
        """Stop all entrypoints at once, then, as nameko does, the providers that they used."""
        # nameko would stop them one by one: the drain of calls, then each thread's last batch.
        self.finished.set()
        with ThreadPoolExecutor(max(1, len(self.entrypoints))) as pool:
            list(pool.map(lambda entrypoint: entrypoint.stop(), self.entrypoints))
        super().stop()

    def fail(self, error: BaseException) -> None:
        """Stop the process because of an unknown error. May be called from any thread."""
        log.critical("stopping because of an unknown error", exc_info=error)
        self.failure = self.failure or error
        self.finished.set()


class Looping(Entrypoint):
    """An entrypoint with a native thread of its own, on which subclasses run their ``loop``.

    An error of the loop stops the process.
    """

    def setup(self) -> None:
        """Create the entrypoint's thread."""
        self.stopping = threading.Event()
        name = f"{type(self).__name__}-{self.method_name}".lower()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the entrypoint's thread."""
        self._thread.start()

    def stop(self) -> None:
        """Make the loop stop after its present step, and wait for it."""
        self.stopping.set()
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
    """Runs a method again and again on its own thread: when woken, and at least every interval.

    Runs do not overlap. An error stops the process.

    Args:
        interval_seconds: longest time between two runs.
    """

    def __init__(self, interval_seconds: float, **kwargs: Any) -> None:
        self.interval_seconds = interval_seconds
        self.wake = threading.Event()
        super().__init__(**kwargs)

    def stop(self) -> None:
        """Stop repeating after the present run."""
        self.stopping.set()
        self.wake.set()
        super().stop()

    def loop(self) -> None:
        """Run the repeated method when woken or when the interval has passed."""
        while not self.stopping.is_set():
            self.wake.clear()
            with self.container.worker(self) as method:
                again = method()
            if not again:
                self.wake.wait(self.interval_seconds)


repeat = Repeat.decorator


class Poll(Repeat):
    """Repeats a method that looks for news and returns whether there was any; seldom when quiet.

    Args:
        interval_seconds: longest time between two runs.
        quiet_seconds: the same in quiet times.
    """

    def __init__(self, interval_seconds: float, quiet_seconds: float, **kwargs: Any) -> None:
        self.quiet_seconds = quiet_seconds
        self.quietness = Quietness()
        super().__init__(interval_seconds, **kwargs)

    def loop(self) -> None:
        """Run the method when woken or when the interval has passed."""
        while not self.stopping.is_set():
            self.wake.clear()
            with self.container.worker(self) as method:
                self.quietness.note(bool(method()))
            is_quiet = self.quietness.is_quiet
            self.wake.wait(self.quiet_seconds if is_quiet else self.interval_seconds)


poll = Poll.decorator


class Waker(DependencyProvider):
    """Injects a function that wakes a `repeat` method of the same service. Any thread may call it.

    Args:
        method_name: the method to wake.
    """

    def __init__(self, method_name: str = "") -> None:
        self.woken = method_name

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], None]:
        """Return the function that wakes the method; calls before a run are merged."""
        wakes = (e.wake for e in self.container.entrypoints if e.method_name == self.woken)
        return cast(Callable[[], None], next(wakes).set)
