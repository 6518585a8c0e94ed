"""Whose call the next free worker takes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

import pytest

from services.kernel.front import queues
from services.kernel.front.queues import FairQueues
from services.kernel.front.shares import HEAVY_SECONDS, Costs, Job, Share
from tests.waiting import wait_until


def nothing() -> None:
    return None


def burn(seconds: float) -> None:
    """Use CPU time, not the clock's."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@contextmanager
def started(workers: int, weights: dict[str, float] | None = None) -> Iterator[FairQueues]:
    fair = FairQueues("test", workers, weights or {})
    fair.start()
    try:
        yield fair
    finally:
        fair.stop(20)


def order_of(jobs: list[tuple[str, str]], weights: dict[str, float], seconds: float) -> list[str]:
    """In what order one worker takes jobs that were all there before it was free."""
    taken: list[str] = []
    go_on = threading.Event()
    with started(1, weights) as fair:

        def block() -> None:
            go_on.wait(20)

        fair.put(Job("blocker", "", "m", block))
        for institution, principal in jobs:

            def run(institution: str = institution, principal: str = principal) -> None:
                taken.append(f"{institution}/{principal}")
                burn(seconds)

            fair.put(Job(institution, principal, "m", run))
        go_on.set()
    return taken


def test_an_institution_with_few_calls_does_not_wait_for_one_with_many() -> None:
    jobs = [("many", "p")] * 20 + [("few", "p")] * 3
    taken = order_of(jobs, {}, 0.005)
    assert Counter(taken) == {"many/p": 20, "few/p": 3}
    assert taken[:8].count("few/p") == 3


def test_a_heavier_weight_gets_more_of_the_workers() -> None:
    jobs = [("double", "p")] * 40 + [("single", "p")] * 40
    first = Counter(order_of(jobs, {"double": 2.0}, 0.005)[:30])
    assert 16 <= first["double/p"] <= 24


def test_principals_of_an_institution_take_turns() -> None:
    taken = order_of([("a", "busy")] * 5 + [("a", "calm")] * 2, {}, 0.0)
    assert taken[:4] == ["a/busy", "a/calm", "a/busy", "a/calm"]


def learned(fair: FairQueues, institution: str, method: str) -> None:
    fair.put(Job(institution, "p", method, lambda: burn(5 * HEAVY_SECONDS)))
    wait_until(lambda: is_heavy(fair._shares[institution].costs, method))
    wait_until(lambda: not fair._shares[institution].running)


def light(fair: FairQueues, institution: str, *methods: str) -> None:
    """Let an institution call methods that turn out to cost little."""
    for method in methods:
        fair.put(Job(institution, "p", method, nothing))
    wait_until(lambda: not fair.waiting() and not fair._shares[institution].running)


def is_heavy(costs: Costs, method: str) -> bool:
    return (costs.of(method) or 0.0) > 1.0


def test_heavy_calls_run_a_few_at_a_time_and_leave_the_others_a_worker() -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    def heavy() -> None:
        entered.release()
        go_on.wait(20)

    with started(8) as fair:
        light(fair, "a", "quick")
        learned(fair, "a", "dear")
        for _ in range(6):
            fair.put(Job("a", "p", "dear", heavy))
        for _ in range(queues.HEAVY_AT_ONCE_EACH):
            assert entered.acquire(timeout=10)
        quick = threading.Event()
        fair.put(Job("a", "p", "quick", quick.set))
        assert quick.wait(10)
        assert not entered.acquire(blocking=False)
        go_on.set()
    assert fair.waiting() == 0


def test_beside_others_one_institution_has_one_heavy_call_at_a_time() -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    def heavy() -> None:
        entered.release()
        go_on.wait(20)

    with started(8) as fair:
        learned(fair, "b", "dear")
        learned(fair, "a", "dear")
        seen = threading.Event()
        fair.put(Job("b", "p", "quick", seen.set))
        assert seen.wait(10)
        for _ in range(3):
            fair.put(Job("a", "p", "dear", heavy))
        assert entered.acquire(timeout=10)
        fair.put(Job("b", "p", "dear", heavy))
        assert entered.acquire(timeout=10)
        go_on.set()


@pytest.mark.parametrize("is_alone", [True, False])
def test_after_a_heavy_call_of_who_used_most_its_place_rests_if_others_are_there(
    monkeypatch: pytest.MonkeyPatch, is_alone: bool
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(queues, "time", SimpleNamespace(**{**vars(time), "sleep": rests.append}))
    with started(2) as fair:
        learned(fair, "a", "dear")
        if not is_alone:
            fair.put(Job("b", "p", "quick", nothing))
        for _ in range(3):
            fair.put(Job("a", "p", "dear", lambda: burn(HEAVY_SECONDS)))
        wait_until(lambda: not fair.waiting() and not fair._shares["a"].running)
    assert len(rests) == (0 if is_alone else 3)
    assert all(seconds >= HEAVY_SECONDS for seconds in rests)


def test_a_heavy_step_of_a_stream_waits_for_its_turn() -> None:
    with started(4) as fair:
        learned(fair, "a", "dear")
        steps = []
        for _ in range(3):
            with fair.turn("a", "p", "dear", lambda: True) as is_wanted:
                steps.append(is_wanted)
        with fair.turn("a", "p", "cheap", lambda: True) as is_wanted:
            steps.append(is_wanted)
    assert steps == [True] * 4


def test_a_step_whose_caller_has_left_gives_its_turn_up() -> None:
    """Found by the fuzzer: abandoned streams queued for a minute, and calls behind them."""
    over = threading.Event()

    def wait() -> None:
        over.wait(20)

    with started(4) as fair:
        learned(fair, "a", "dear")
        for _ in range(queues.HEAVY_AT_ONCE_EACH):
            fair.put(Job("a", "p", "dear", wait))
        with fair.turn("a", "p", "dear", lambda: False) as is_wanted:
            assert not is_wanted
        assert not over.is_set()
        over.set()
        wait_until(lambda: not fair.waiting(), what="the turn that was given up is not kept")


def test_a_step_that_waits_for_its_caller_does_not_keep_heavy_calls_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queues, "HELD_SECONDS_MAX", 0.05)
    ran = threading.Event()
    with started(4) as fair, ExitStack() as idle:
        learned(fair, "a", "dear")
        for _ in range(queues.HEAVY_AT_ONCE_EACH):
            idle.enter_context(fair.turn("a", "p", "dear", lambda: True))
        fair.put(Job("a", "p", "dear", ran.set))
        assert ran.wait(20)


def test_the_time_of_a_stream_is_charged_like_that_of_a_call() -> None:
    with started(1) as fair:
        with fair.turn("a", "p", "m", lambda: True):
            burn(0.2)
        assert fair._shares["a"].used == pytest.approx(0.2, rel=0.5)


def test_who_uses_more_than_its_share_of_busy_workers_has_few_workers_beside_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)

    def wait() -> None:
        entered.release()
        go_on.wait(20)

    with started(8) as fair:
        for institution in ("greedy", "modest"):
            light(fair, institution, "m")
        fair._share("greedy").used = queues.BUSY * queues.FORGET_SECONDS + 0.1
        for _ in range(6):
            fair.put(Job("greedy", "p", "m", wait))
        for _ in range(queues.SQUEEZED):
            assert entered.acquire(timeout=10)
        for _ in range(3):
            fair.put(Job("modest", "p", "m", wait))
        for _ in range(3):
            assert entered.acquire(timeout=10)
        assert fair.waiting() == 6 - queues.SQUEEZED
        go_on.set()


def test_a_step_of_who_uses_more_than_its_share_of_busy_workers_waits_for_its_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queues, "SQUEEZED", 0)
    monkeypatch.setattr(queues, "LOOK_SECONDS", 0.01)
    looks: list[bool] = []

    def is_wanted() -> bool:
        looks.append(len(looks) < 3)
        return looks[-1]

    with started(2) as fair:
        fair._share("greedy").used = 2 * queues.BUSY * queues.FORGET_SECONDS
        for institution in ("greedy", "modest"):
            fair._share(institution).seen = time.monotonic()
        with fair.turn("modest", "p", "m", lambda: True, may_wait=True) as has_turn:
            assert has_turn
        with fair.turn("greedy", "p", "m", lambda: True, may_wait=False) as has_turn:
            assert has_turn, "who only watches waits for nobody"
        with fair.turn("greedy", "p", "m", is_wanted, may_wait=True) as has_turn:
            assert not has_turn, "it waited until its caller left"
        monkeypatch.setattr(queues, "SQUEEZED", 2)


def test_the_next_of_many_institutions_is_chosen_by_adding_up_once_what_all_used() -> None:
    class Counting(FairQueues):
        sums = 0

        def _load(self) -> queues.Load:
            self.sums += 1
            return super()._load()

    fair = Counting("test", 1, {})
    for number in range(50):
        share = fair._share(f"i{number}")
        share.used, share.seen = 1.0 + number, time.monotonic()
        share.put(Job(f"i{number}", "p", "m", nothing))
    chosen = fair._next()
    assert chosen is not None
    assert chosen[0] is fair._share("i0")
    assert fair.sums == 1


def test_a_share_knows_its_oldest_job() -> None:
    share = Share(1.0)
    assert share.oldest(7.0) == 7.0
    share.put(Job("a", "p", "m", nothing, since=3.0))
    share.put(Job("a", "p", "m", nothing, since=4.0))
    assert (share.oldest(7.0), len(share)) == (3.0, 2)
    share.pop("m")
    assert share.oldest(7.0) == 4.0


def test_institutions_that_are_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "SHARES_MAX", 3)
    with started(1) as fair:
        for number in range(10):
            done = threading.Event()
            fair.put(Job(str(number), "p", "m", done.set))
            assert done.wait(10)
            wait_until(lambda: not any(share.running for share in fair._shares.values()))
        assert len(fair._shares) <= 3
