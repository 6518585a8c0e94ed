"""What a call costs is known when it was answered: before, and if it never is, others are safe."""

from __future__ import annotations

import threading

from services.kernel.front import queues
from services.kernel.front.shares import Job
from tests.unit.kernel.front.test_queues import learned, started
from tests.waiting import wait_until


def test_calls_of_unknown_cost_leave_workers_to_whoever_comes_next() -> None:
    """32 explanations of a service that had just started kept a neighbour waiting for a second."""
    go_on, quick = threading.Event(), threading.Event()

    def wait() -> None:
        go_on.wait(20)

    with started(8) as fair:
        for _ in range(20):
            fair.put(Job("a", "p", "new", wait))
        wait_until(lambda: fair._shares["a"].running == 6)
        fair.put(Job("b", "p", "quick", quick.set))
        assert quick.wait(10)
        assert fair._shares["a"].running == 6
        go_on.set()


def test_calls_whose_callers_have_left_do_not_make_a_heavy_method_a_light_one() -> None:
    """They cost nothing; who gave all its calls up soon ran as many as there are workers."""
    entered, go_on = threading.Semaphore(0), threading.Event()

    def heavy() -> None:
        entered.release()
        go_on.wait(20)

    with started(8) as fair:
        learned(fair, "a", "dear")
        for _ in range(20):
            fair.put(Job("a", "p", "dear", lambda: False))
        wait_until(lambda: not fair.waiting(), what="all have been taken")
        with fair.turn("a", "p", "dear", lambda: False) as is_wanted:
            assert not is_wanted
        for _ in range(6):
            fair.put(Job("a", "p", "dear", heavy))
        for _ in range(queues.HEAVY_AT_ONCE_EACH):
            assert entered.acquire(timeout=10)
        quick = threading.Event()
        fair.put(Job("a", "p", "quick", quick.set))
        assert quick.wait(10)
        assert not entered.acquire(blocking=False)
        go_on.set()
