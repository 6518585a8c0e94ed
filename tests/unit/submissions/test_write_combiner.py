"""What threads write at the same moment goes into one write, and each hears of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.kernel.errors import Exhausted
from services.submissions.write_combiner import RETRY_SECONDS, Together

SECONDS = 10


class Slow:
    """A database that is busy until it is told to go on; its first write holds up all others."""

    def __init__(self) -> None:
        self.writes: list[list[int]] = []
        self.is_busy = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.writes.append(list(items))
        self.is_busy.set()
        assert self.go_on.wait(SECONDS)
        if any(item < 0 for item in items):
            raise ValueError("one cannot be written")
        return [10 * item for item in items]


def waiting(together: Together[int, int]) -> int:
    return len(together._waiting)


def wait_for(together: Together[int, int], count: int) -> None:
    """Until so many threads wait for their turn."""
    pause = threading.Event()
    for _ in range(1000):
        if waiting(together) == count:
            return
        pause.wait(0.01)
    raise AssertionError(f"{waiting(together)} wait, not {count}")


def test_a_lone_item_is_written_at_once() -> None:
    slow = Slow()
    slow.go_on.set()
    together = Together(slow, 5)
    assert together(4) == 40
    assert together(5) == 50
    assert slow.writes == [[4], [5]]


@pytest.mark.parametrize(("most", "sizes"), [(50, [1, 8]), (3, [1, 3, 3, 2])])
def test_who_waits_is_written_together_and_gets_its_own_result(most: int, sizes: list[int]) -> None:
    slow = Slow()
    together = Together(slow, most)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(together, 0)
        assert slow.is_busy.wait(SECONDS)
        others = [pool.submit(together, number) for number in range(1, 9)]
        wait_for(together, 8)
        slow.go_on.set()
        assert first.result(SECONDS) == 0
        assert [other.result(SECONDS) for other in others] == [10 * n for n in range(1, 9)]
    assert [len(write) for write in slow.writes] == sizes
    assert sorted(item for write in slow.writes for item in write) == list(range(9))


def test_an_error_is_raised_to_all_that_were_written_together_and_to_nobody_else() -> None:
    slow = Slow()
    together = Together(slow, 50)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(together, 1)
        assert slow.is_busy.wait(SECONDS)
        others = [pool.submit(together, number) for number in (2, -3)]
        wait_for(together, 2)
        slow.go_on.set()
        assert first.result(SECONDS) == 10
        for other in others:
            with pytest.raises(ValueError, match="one cannot be written"):
                other.result(SECONDS)
    assert together(7) == 70


def test_what_the_queue_has_no_room_for_is_refused_with_a_time() -> None:
    slow = Slow()
    together = Together(slow, 50, waiting_max=2)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(together, 1)
        assert slow.is_busy.wait(SECONDS)
        others = [pool.submit(together, number) for number in (2, 3)]
        wait_for(together, 2)
        with pytest.raises(Exhausted) as refused:
            together(4)
        assert refused.value.retry_after_seconds == RETRY_SECONDS
        slow.go_on.set()
        assert [each.result(SECONDS) for each in (first, *others)] == [10, 20, 30]
    assert together(4) == 40
    assert sorted(item for write in slow.writes for item in write) == [1, 2, 3, 4]


def test_who_waits_too_long_is_refused_and_not_written_but_who_is_being_written_is_not() -> None:
    slow = Slow()
    together = Together(slow, 50, wait_seconds_max=0.05)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(together, 1)
        assert slow.is_busy.wait(SECONDS)
        with pytest.raises(Exhausted, match="repeat later") as refused:
            together(2)
        assert refused.value.retry_after_seconds == RETRY_SECONDS
        assert not first.done()
        slow.go_on.set()
        assert first.result(SECONDS) == 10
    assert together(3) == 30
    assert slow.writes == [[1], [3]]


def test_who_is_being_written_waits_for_the_answer_however_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow, second, may_end, late = Slow(), *(threading.Event() for _ in range(3))

    def write(items: Sequence[int]) -> list[int]:
        if 1 not in items:
            second.set()
            assert may_end.wait(SECONDS)
        return slow(items)

    together = Together(write, 50, wait_seconds_max=1.0)
    leave = together._leave

    def leaving(entry: Any) -> None:
        leave(entry)
        late.set()

    monkeypatch.setattr(together, "_leave", leaving)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(together, 1)
        assert slow.is_busy.wait(SECONDS)
        others = [pool.submit(together, number) for number in (2, 3)]
        wait_for(together, 2)
        slow.go_on.set()
        assert second.wait(SECONDS)
        assert late.wait(SECONDS)
        may_end.set()
        assert first.result(SECONDS) == 10
        assert [other.result(SECONDS) for other in others] == [20, 30]
