"""What a call costs is known when it was answered: before, and if it never is, others are safe."""

from __future__ import annotations

import threading

import pytest

from services.kernel.front import queues
from services.kernel.front.queues import FairQueues
from services.kernel.front.shares import HEAVY_SECONDS, Costs, Job
from tests.unit.kernel.front.test_queues import is_heavy, learned, light, nothing, started
from tests.waiting import wait_until


class Held:
    """Jobs that run until they are let go, and how many of them have begun."""

    def __init__(self, fair: FairQueues) -> None:
        self._fair = fair
        self._begun = threading.Semaphore(0)
        self._go_on = threading.Event()

    def put(self, institution: str, method: str, count: int) -> None:
        for _ in range(count):
            self._fair.put(Job(institution, "p", method, self._wait))

    def _wait(self) -> None:
        self._begun.release()
        self._go_on.wait(20)

    def begin(self, count: int) -> bool:
        return all(self._begun.acquire(timeout=10) for _ in range(count))

    @property
    def more_begin(self) -> bool:
        return self._begun.acquire(blocking=False)

    def end(self) -> None:
        self._go_on.set()


def is_answered(fair: FairQueues, institution: str, method: str) -> bool:
    done = threading.Event()
    fair.put(Job(institution, "p", method, done.set))
    return done.wait(10)


def test_calls_of_unknown_cost_run_a_few_at_a_time_until_the_first_has_told() -> None:
    """32 explanations of a service that had just started kept a neighbour waiting for a second."""
    with started(8) as fair:
        held = Held(fair)
        held.put("a", "new", 20)
        assert held.begin(queues.HEAVY_AT_ONCE_EACH)
        assert is_answered(fair, "b", "also new")
        assert not held.more_begin
        held.end()
        assert held.begin(20 - queues.HEAVY_AT_ONCE_EACH), "they cost little, so the rest may run"


def test_one_institution_never_has_all_workers_whatever_its_calls_did_cost_before() -> None:
    with started(8) as fair:
        light(fair, "a", "quick")
        light(fair, "b", "quick")
        held = Held(fair)
        held.put("a", "quick", 20)
        assert held.begin(6)
        assert is_answered(fair, "b", "quick")
        assert not held.more_begin
        held.end()


def test_what_a_method_costs_one_institution_is_expected_of_the_first_calls_of_another() -> None:
    with started(8) as fair:
        learned(fair, "a", "dear")
        light(fair, "a", "quick")
        held = Held(fair)
        held.put("b", "dear", 6)
        assert held.begin(1), "one at a time beside others"
        assert is_answered(fair, "c", "quick")
        held.put("c", "quick", 6)
        assert held.begin(6)
        assert not held.more_begin
        held.end()


def test_an_institution_whose_own_calls_cost_little_does_not_pay_for_the_dear_ones_of_another() -> (
    None
):
    with started(8) as fair:
        fair.put(Job("b", "p", "both", nothing))
        wait_until(lambda: fair._share("b").costs.of("both") is not None)
        learned(fair, "a", "both")
        held = Held(fair)
        held.put("a", "both", 6)
        assert held.begin(1)
        held.put("b", "both", 6)
        assert held.begin(6)
        assert not held.more_begin
        held.end()


@pytest.mark.parametrize("first", ["dear", "quick"])
def test_dear_calls_that_wait_do_not_keep_the_others_of_their_institution_waiting(
    first: str,
) -> None:
    """Whether a method is heavy is asked when a call is taken, not when it comes."""
    with started(8) as fair:
        held = Held(fair)
        held.put("a", first, queues.HEAVY_AT_ONCE_EACH + 3)
        assert held.begin(queues.HEAVY_AT_ONCE_EACH), "it was never measured"
        for costs in (fair._share("a").costs, fair._costs):
            costs.add("quick", 0.0, 0.0)
            costs.add("dear", 0.0, 1.0)
        held.put("a", "quick", 1)
        assert held.begin(1 if first == "dear" else 4)
        assert not held.more_begin
        held.end()


def test_calls_whose_callers_have_left_do_not_make_a_heavy_method_a_light_one() -> None:
    """They cost nothing; who gave all its calls up soon ran as many as there are workers."""
    with started(8) as fair:
        learned(fair, "a", "dear")
        light(fair, "a", "quick")
        for _ in range(20):
            fair.put(Job("a", "p", "dear", lambda: False))
        wait_until(lambda: not fair.waiting(), what="all have been taken")
        with fair.turn("a", "p", "dear", lambda: False) as is_wanted:
            assert not is_wanted
        held = Held(fair)
        held.put("a", "dear", 6)
        assert held.begin(queues.HEAVY_AT_ONCE_EACH)
        assert is_answered(fair, "a", "quick")
        assert not held.more_begin
        held.end()


def test_a_method_that_keeps_the_database_busy_is_heavy_without_cpu_time() -> None:
    costs = Costs()
    costs.add("quick", 0.2, 0.001)
    costs.add("slow", 60.0, 0.001)
    assert not is_heavy(costs, "slow"), "a single stall says nothing"
    costs.add("slow", 4.0, 0.001)
    assert not is_heavy(costs, "quick")
    assert is_heavy(costs, "slow")


def test_the_cpu_time_of_the_first_call_makes_a_method_heavy_at_once() -> None:
    costs = Costs()
    assert costs.of("dear") is None
    costs.add("dear", 0.1, 2 * HEAVY_SECONDS)
    assert is_heavy(costs, "dear")
    for _ in range(9):
        costs.add("dear", 0.1, HEAVY_SECONDS / 10)
    assert not is_heavy(costs, "dear"), "it was only the first call that was dear"
