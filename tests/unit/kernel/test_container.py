from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Event, current_thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nameko.extensions import DependencyProvider

from services.kernel.bell import Bell
from services.kernel.config import KernelSettings
from services.kernel.container import NativeContainer, Poll, Repeat, Waker, repeat
from services.kernel.quietness import RUNG_SECONDS, Quietness

SECONDS_MAX = 10


class Step(DependencyProvider):
    """Gives the test's own function to the workers, and notes what becomes of them."""

    def setup(self) -> None:
        self.results: list[str] = []
        self.run: Callable[[], Any] = lambda: None

    def get_dependency(self, worker_ctx: Any) -> Callable[[], Any]:
        return lambda: self.run()

    def worker_result(self, worker_ctx: Any, result: Any = None, exc_info: Any = None) -> None:
        self.results.append(exc_info[0].__name__ if exc_info else "done")


class Repeating:
    name = "repeating"

    step = Step()
    wake = Waker("work")

    @repeat(3600)
    def work(self) -> Any:
        return self.step()


def start(run: Callable[[], Any]) -> tuple[NativeContainer, Step]:
    container = NativeContainer(Repeating, KernelSettings())
    (step,) = [each for each in container.dependencies if isinstance(each, Step)]
    container.extensions.all.setup()
    step.run = run
    container.entrypoints.all.start()
    return container, step


def waker(container: NativeContainer) -> Callable[[], None]:
    (found,) = [each for each in container.dependencies if isinstance(each, Waker)]
    wake: Callable[[], None] = found.get_dependency(None)
    return wake


def test_a_repeated_method_runs_at_once_and_whenever_it_is_woken() -> None:
    ran = Event()
    container, step = start(ran.set)
    for _ in range(3):
        assert ran.wait(SECONDS_MAX)
        ran.clear()
        waker(container)()
    assert ran.wait(SECONDS_MAX)
    container.stop()
    assert step.results == ["done"] * 4


def test_a_method_that_says_there_is_more_runs_again_at_once() -> None:
    left, ended = [0.0, 0.0, None], Event()

    def run() -> float | None:
        seconds = left.pop(0)
        if not left:
            ended.set()
        return seconds

    container, step = start(run)
    assert ended.wait(SECONDS_MAX)
    container.stop()
    assert step.results == ["done"] * 3


def test_workers_run_on_native_threads() -> None:
    names: list[str] = []
    ran = Event()

    def run() -> None:
        names.append(current_thread().name)
        ran.set()

    container, _ = start(run)
    assert ran.wait(SECONDS_MAX)
    container.stop()
    assert names == ["repeat-work"]


def test_an_unknown_error_ends_the_process_and_the_providers_hear_of_it() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    container, step = start(fail)
    assert container.finished.wait(SECONDS_MAX)
    container.stop()
    assert isinstance(container.failure, ZeroDivisionError)
    assert step.results == ["ZeroDivisionError"]


def test_the_first_failure_is_the_one_that_is_told() -> None:
    container = NativeContainer(Repeating, KernelSettings())
    first = ValueError("first")
    container.fail(first)
    container.fail(ValueError("second"))
    assert container.failure is first
    assert container.finished.is_set()


class Life(DependencyProvider):
    """Notes what nameko calls, in order."""

    def setup(self) -> None:
        self.order: list[str] = []

    def get_dependency(self, worker_ctx: Any) -> Callable[[], None]:
        self.order.append("inject")
        return lambda: self.order.append("method")

    def worker_setup(self, worker_ctx: Any) -> None:
        self.order.append("setup")

    def worker_result(self, worker_ctx: Any, result: Any = None, exc_info: Any = None) -> None:
        self.order.append("failed" if exc_info else "result")

    def worker_teardown(self, worker_ctx: Any) -> None:
        self.order.append("teardown")


class Living:
    name = "living"

    life = Life()

    @repeat(3600)
    def work(self) -> None:
        self.life()


@pytest.mark.parametrize("fails", [False, True], ids=["well", "failing"])
def test_the_life_of_a_worker_has_namekos_order(fails: bool) -> None:
    container = NativeContainer(Living, KernelSettings())
    (life,) = container.dependencies
    (entrypoint,) = container.entrypoints
    life.setup()
    with suppress(ZeroDivisionError), container.worker(entrypoint) as method:
        method()
        if fails:
            raise ZeroDivisionError
    end = "failed" if fails else "result"
    assert life.order == ["inject", "setup", "method", end, "teardown"]


@pytest.mark.parametrize("times", [1, 2])
def test_a_stop_waits_for_the_present_run_and_may_be_repeated(times: int) -> None:
    entered, go_on = Event(), Event()

    def run() -> None:
        entered.set()
        assert go_on.wait(SECONDS_MAX)

    container, step = start(run)
    assert entered.wait(SECONDS_MAX)
    assert step.results == []
    go_on.set()
    for _ in range(times):
        container.stop()
    assert step.results == ["done"]


class Waits:
    """Stands for the events that end a wait: the clock goes on instead, and stops the loop."""

    def __init__(self, loop: Repeat, count: int, method: Callable[[], Any]) -> None:
        self.left = count
        self.now = 0.0
        self.waited: list[float] = []
        self.is_rung = False
        either = cast(Any, self)
        loop.wake, loop.stopping = either, either
        if isinstance(loop, Poll):
            loop.quietness = Quietness(lambda: self.now)
        loop.container = SimpleNamespace(worker=lambda _: nullcontext(method))

    def is_set(self) -> bool:
        """Whether the loop has to stop."""
        return len(self.waited) == self.left

    def clear(self) -> None:
        """The loop heard the ring."""
        self.is_rung = False

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now += seconds
        return self.is_rung


def test_a_poll_is_seldom_in_quiet_times_and_often_as_soon_as_there_is_news() -> None:
    news = [False, False, False, False, True, False, False, False, False]
    poll, left = Poll(1.0, quiet_seconds=60.0), iter(news)
    waits = Waits(poll, len(news), lambda: next(left))
    poll.loop()
    assert waits.waited == [1, 1, 1, 60, 1, 1, 1, 60, 60]


def test_a_poll_that_was_woken_looks_often_for_a_while() -> None:
    poll = Poll(1.0, quiet_seconds=60.0)

    def look() -> bool:
        waits.is_rung = len(waits.waited) == 3
        return False

    waits = Waits(poll, 9, look)
    poll.loop()
    assert waits.waited == [1, 1, 1, 60, 1, 1, 1, 60, 60]


def test_a_poll_that_is_rung_for_all_the_time_pauses_between_its_runs() -> None:
    """Each step of a rebuild rings, also for itself, and followed the one before at once."""
    poll, rung = Poll(1.0, quiet_seconds=60.0), Event()
    began: list[float] = []

    def step() -> bool:
        began.append(waits.now)
        rung.set()
        assert len(began) < 9
        return True

    waits = Waits(poll, 3, step)
    poll.wake = rung
    poll.loop()
    assert began == [0, 1, 2]


@pytest.mark.parametrize(
    ("names", "is_hung", "pause"),
    [(("news",), True, RUNG_SECONDS), (("news",), False, 60.0), ((), True, 60.0)],
)
def test_only_a_poll_that_is_rung_for_looks_seldom(
    names: tuple[str, ...], is_hung: bool, pause: float, tmp_path: Path
) -> None:
    poll = Poll(1.0, quiet_seconds=60.0, rung_for=names)
    poll.bell = Bell()
    settings = KernelSettings(bell_folder=tmp_path if is_hung else None)
    poll.container = poll.bell.container = SimpleNamespace(settings=settings)
    poll.method_name = "look"
    poll.setup()
    assert poll.quiet_seconds == pause


def test_a_run_that_names_a_pause_is_repeated_after_it() -> None:
    pauses, repeated = iter([0.5, None, 0.0, 0.25]), Repeat(60.0)
    waits = Waits(repeated, 4, lambda: next(pauses))
    repeated.loop()
    assert waits.waited == [0.5, 60, 0, 0.25]
